"""package.py - in the virtual machine: a package's life, from dpkg -i to dpkg -P.

    python3 package.py OLD.deb NEW.deb BAD.deb ROUNDS

BAD.deb has a dynod that crashes. ROUNDS 0: what is told to be short. Each step is told with the seconds since the start; the first that fails ends it
with what the journal says. Standard library only: an import costs seconds here.
"""
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

from machine import DAEMONS, PATIENCE, active, call, ctl, main_pid, tell, wait

APP = "tiny"
LINES = "lines"  # an app of its own: its log has nothing of the router's
DYNOD = "/usr/libexec/dyno/dynod"
PROCFILE = """\
web: perl web.pl
hog: perl -e '$x = "x" x (1100 << 20); sleep 600'
"""
WEB = """\
use IO::Socket::INET;
my $l = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $ENV{PORT},
	Listen => 128, ReuseAddr => 1) or die;
while (1) {
	my $c = $l->accept or next;
	while (defined(my $x = <$c>)) { last if $x =~ /^\\r?$/ }
	print $c "HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\nConnection: close\\r\\n\\r\\nhello\\n";
	close $c;
}
"""
WORKER = 'for ((n = 1; ; n++)); do echo "line $n"; sleep 1; done\n'


def processes():
    """{pid: (name, start time)} of all that run."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                text = f.read()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        found[int(pid)] = (name, text[text.rindex(")"):].split()[20])
    return found


def dynos():
    """What may not change while daemons come and go: all of a dyno but sleeps."""
    found = set()
    for pid, (name, start) in processes().items():
        try:
            with open("/proc/%d/cgroup" % pid) as f:
                group = f.read()
        except OSError:
            continue
        if re.search("/dyno0/", group) and name in ("perl", "bash", "dyno-init"):
            found.add((pid, name, start))
    return found


def get():
    c = http.client.HTTPConnection("127.0.0.1", 8080, timeout=PATIENCE)
    try:
        c.request("GET", "/", headers={"Host": APP + ".localhost"})
        answer = c.getresponse()
        return answer.status, answer.read()
    finally:
        c.close()


def serves():
    try:
        return get() == (200, b"hello\n")
    except OSError:
        return False


class Load:
    """Requests, one after another, until stopped; what failed of them."""

    def __init__(self):
        self.n, self.failed, self.slowest = 0, [], 0.0
        self.going = True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while self.going:
            begun = time.monotonic()
            try:
                answer = get()
                if answer != (200, b"hello\n"):
                    self.failed.append(answer)
            except Exception as e:
                self.failed.append(e)
            self.n += 1
            self.slowest = max(self.slowest, time.monotonic() - begun)
            time.sleep(0.05)

    def stop(self):
        self.going = False
        self.thread.join()


class Pressure:
    """wrk: as many requests as there can be, until stopped; what it counts as wrong."""

    def __init__(self):
        self.wrk = subprocess.Popen(
            ["nice", "wrk", "-t", "1", "-c", "4", "-d", "1h", "--timeout", "60s",
             "-H", "Host: %s.localhost" % APP, "http://127.0.0.1:8080/"],
            stdout=subprocess.PIPE, text=True)

    def stop(self):
        self.wrk.send_signal(signal.SIGINT)
        said = self.wrk.communicate(timeout=PATIENCE)[0]
        wrong = re.findall(r"Socket errors.*|Non-2xx.*", said)
        assert not wrong, wrong
        n = int(re.search(r"(\d+) requests in", said).group(1))
        assert n > 100, said
        return n


def install(deb):
    call("dpkg", "-i", deb)
    return call("dpkg-query", "-W", "-f", "${Version}", "dyno")


def step_install(old):
    version = install(old)
    assert not any(active(u) for u in DAEMONS), "the installation started something"
    assert "dyno" in call("getent", "passwd", "dyno")
    tell("installed %s: nothing runs yet" % version)
    call("systemctl", "start", "dyno.target")
    for unit in DAEMONS:
        assert active(unit), unit
    tell("dyno.target: started, all daemons ready")


def deploy(app, files):
    os.mkdir("/tmp/" + app)
    for name, text in files.items():
        with open("/tmp/%s/%s" % (app, name), "w") as f:
            f.write(text)
    ctl("apps:create", app)
    ctl("deploy", app, "/tmp/" + app)


def lines(dyno):
    return ctl("logs", "-a", LINES, "-n", "1500", "--dyno", dyno)


def step_deploy():
    os.environ["DYNO_APP"] = APP
    deploy(APP, {"Procfile": PROCFILE, "web.pl": WEB})
    deploy(LINES, {"Procfile": "worker: bash worker.sh\n", "worker.sh": WORKER})
    ctl("scale", "web=1")
    ctl("scale", "-a", LINES, "worker=1")
    ctl("wait", "--timeout", str(PATIENCE), "web")
    wait("a page by the router", serves)
    wait("the worker", lambda: "line 1" in lines("worker.1"))
    tell("deployed: web.1 serves, worker.1 writes")


def step_r15():
    ctl("scale", "hog=1")
    wait("R15", lambda: "Error R15 (Memory quota vastly exceeded)" in
         ctl("logs", "-n", "1500"))
    ctl("scale", "hog=0")
    records = wait("its record", lambda: call("journalctl", "-q", "-o", "json", "DYNO_CODE=R15").splitlines())
    record = json.loads(records[0])
    assert (record["DYNO_APP"], record["DYNO"]) == (APP, "hog.1"), record
    assert len(record["DYNO_UUID"]) == 36, record
    wait("the hog's end", lambda: [d[1] for d in dynos()].count("dyno-init") == 2)
    tell("R15: killed at its limit, told in log and journal")


def step_restart(before):
    call("systemctl", "restart", "dynod")
    assert dynos() == before, (before, dynos())
    assert serves()
    tell("systemctl restart dynod: same processes, web.1 serves")


def step_kill(before):
    for unit in DAEMONS:
        pid = main_pid(unit)
        os.kill(pid, signal.SIGKILL)
        wait(unit + " again", lambda: main_pid(unit) not in (0, pid) and active(unit))
    wait("a page by the router", serves)
    assert dynos() == before, (before, dynos())
    tell("kill -9 of %s: all back, same processes" % ", ".join(DAEMONS))


def program(unit):
    return os.readlink("/proc/%d/exe" % main_pid(unit))


def step_versions(debs, before):
    """There and back; dynod in its own process, the others are started anew."""
    load, pressure = Load(), Pressure()
    try:
        for deb in debs:
            pids = {u: main_pid(u) for u in DAEMONS}
            n = load.n
            version = install(deb)
            assert main_pid("dynod") == pids.pop("dynod"), "dynod was restarted"
            assert program("dynod") == DYNOD, "the old dynod runs on"
            for unit, pid in pids.items():
                wait(unit, lambda: active(unit))
                assert main_pid(unit) != pid, unit + " was not restarted"
            wait("dynod", lambda: active("dynod") and ctl("host", "info"))
            wait("requests", lambda: load.n > n + 20)
            assert dynos() == before, (before, dynos())
            tell("dpkg -i %s: same processes, dynod too" % version)
    finally:
        load.stop()
        hard = pressure.stop()
    assert not load.failed, "%d of %d requests failed: %s" % (
        len(load.failed), load.n, load.failed[:3])
    tell("%d requests meanwhile, %d of wrk, none failed, the slowest took %.1f s"
         % (load.n, hard, load.slowest))


def step_bad(bad, good, before):
    """A dynod that crashes at its start is not executed."""
    pid = main_pid("dynod")
    said = call("dpkg", "-i", bad)
    assert "the old one carries on" in said, said
    assert main_pid("dynod") == pid and program("dynod") == DYNOD + " (deleted)"
    assert active("dynod") and dynos() == before and serves()
    assert json.loads(ctl("host", "info", "--json"))["ready"]
    version = install(good)
    assert main_pid("dynod") == pid and program("dynod") == DYNOD
    assert dynos() == before and serves()
    tell("a dynod that crashes: the old one carried on, then became %s" % version)


def step_watchdog(before):
    """A dynod that hangs is ended by systemd, and another one started."""
    pid = main_pid("dynod")
    os.kill(pid, signal.SIGSTOP)
    wait("another dynod", lambda: main_pid("dynod") not in (0, pid) and active("dynod"))
    assert dynos() == before, (before, dynos())
    assert "Watchdog timeout" in call("journalctl", "-u", "dynod", "-n", "50")
    with_conf("dynod.service", None)
    tell("SIGSTOP: the watchdog has started another dynod, same processes")


def with_conf(unit, text):
    """A drop-in for the unit, or none any more; counts when it is started."""
    path = "/etc/systemd/system/%s.d/test.conf" % unit
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if text:
        with open(path, "w") as f:
            f.write(text)
    else:
        os.unlink(path)
        os.rmdir(os.path.dirname(path))
    call("systemctl", "daemon-reload")


def step_socket(before):
    """Who asks while dynod is started anew waits; who asks when it is stopped starts it."""
    asked = []
    going = True

    def ask():
        while going:
            asked.append(ctl("host", "info", "--json", check=False))
    asker = threading.Thread(target=ask)
    asker.start()
    try:
        call("systemctl", "restart", "dynod")
        n = len(asked)
        wait("answers", lambda: len(asked) > n + 2)
    finally:
        going = False
        asker.join()
    refused = [a for a in asked if '"ready"' not in a]
    assert not [a for a in refused if "onnect" in a], refused
    call("systemctl", "stop", "dynod")
    assert json.loads(ctl("host", "info", "--json"))["host"]
    assert active("dynod") and dynos() == before
    tell("host.sock: %d calls over a restart, none refused; one starts dynod" % len(asked))


def step_credential(before):
    """The host's token comes as a credential; upstream is on TCP."""
    os.makedirs("/etc/credstore", mode=0o700, exist_ok=True)
    with open("/var/lib/dyno/controller/token") as f, \
            open("/etc/credstore/host-token", "w") as out:
        os.fchmod(out.fileno(), 0o600)
        out.write(f.read())
    os.makedirs("/etc/dyno/supervisor.conf.d", exist_ok=True)
    with open("/etc/dyno/supervisor.conf.d/tcp.conf", "w") as f:
        f.write("upstream = http://127.0.0.1:5080\n"
                "upstream-token-file = /run/dyno/supervisor/host-token\n")
    call("systemctl", "restart", "dynod")
    wait("a connection", lambda: "registered with http://127.0.0.1:5080" in
         call("journalctl", "-u", "dynod", "-n", "50"))
    st = os.stat("/run/dyno/supervisor/host-token")
    assert st.st_mode & 0o777 == 0o400 and st.st_uid == os.stat("/var/lib/dyno/slugs").st_uid
    ctl("scale", "-a", LINES, "worker=2")
    wait("worker.2", lambda: "line 1" in lines("worker.2"))
    ctl("scale", "-a", LINES, "worker=1")
    wait("its end", lambda: dynos() == before)
    os.unlink("/etc/credstore/host-token")
    os.unlink("/etc/dyno/supervisor.conf.d/tcp.conf")
    os.rmdir("/etc/dyno/supervisor.conf.d")
    tell("credential host-token: the host works over TCP")


def step_frozen():
    """Somebody has frozen a dyno's group: nobody waits for it."""
    ctl("scale", "-a", LINES, "worker=2")
    wait("worker.2", lambda: "line 1" in lines("worker.2"))
    uuid = {d["name"]: d["instance"] for d in json.loads(ctl("host", "ps", "--json"))}["worker.2"]
    group = [top for top, dirs, files in os.walk("/sys/fs/cgroup") if top.endswith("/" + uuid)][0]
    with open(group + "/cgroup.freeze", "w") as f:
        f.write("1")
    begun = time.monotonic()
    call("systemctl", "restart", "dynod")
    assert serves() and json.loads(ctl("host", "doctor", "--json"))["findings"] == []
    ctl("restart", "-a", LINES, "worker.2")
    wait("another worker.2", lambda: [
        d for d in json.loads(ctl("host", "ps", "--json"))
        if d["name"] == "worker.2" and d["instance"] != uuid and d["state"] == "up"])
    # Only SIGKILL is heard by a frozen process.
    wait("the end of the frozen one", lambda: not os.path.exists(group))
    ctl("scale", "-a", LINES, "worker=1")
    wait("the end of worker.2", lambda: [d[1] for d in dynos()].count("dyno-init") == 2)
    assert json.loads(ctl("host", "doctor", "--json"))["findings"] == []
    tell("a frozen group: restart, doctor and stop did not wait for it, it was gone after %.0f s"
         % (time.monotonic() - begun))


def step_lines():
    """Every line of the worker, in order; it writes one each second."""
    def found():
        return [int(n) for n in re.findall(r"line (\d+)\s*$", lines("worker.1"), re.M)]
    wait("twenty lines", lambda: len(found()) > 20)
    numbers = found()
    assert numbers == list(range(1, len(numbers) + 1)), numbers
    tell("%d lines of worker.1: none is missing or twice" % len(numbers))


def left():
    """What a purged package may not leave, but for its user."""
    found = [p for p in ("/etc/dyno", "/var/lib/dyno", "/run/dyno", "/usr/libexec/dyno")
             if os.path.lexists(p)]
    found += [n for n, _ in processes().values()
              if n.startswith("dyno-") and n != "dyno-vm" or n in ("dynod", "haproxy")]
    found += [l for l in os.listdir("/sys/class/net") if l.startswith("dyno")]
    found += re.findall(r"table \w+ dyno\w*", call("nft", "list", "tables"))
    for top, dirs, files in os.walk("/sys/fs/cgroup"):
        found += [os.path.join(top, d) for d in dirs
                  if re.match(r"dyno\d|dynod?[-.].*(service|socket)$", d)
                  and d not in ("dyno-vm.service", "dyno-job.service")]
    with open("/proc/self/mountinfo") as f:
        found += [l for l in f if "dyno" in l]
    for top in ("/etc", "/var", "/lib/systemd/system", "/run/systemd"):
        for where, dirs, files in os.walk(top):
            found += [os.path.join(where, f) for f in dirs + files
                      if re.match(r"dyno(d|-controller|-router)?\b", f)
                      and not f.startswith("dyno-vm") and "dyno-job" not in f]
    return found


def step_purge():
    call("dpkg", "-P", "dyno")
    found = left()
    end = time.monotonic() + PATIENCE
    while found and time.monotonic() < end:
        time.sleep(0.5)
        found = left()
    assert not found, found
    tell("dpkg -P: nothing left")


def main(old, new, bad, rounds):
    step_install(old)
    for unit in DAEMONS[1:]:
        tell(call("systemd-analyze", "security", "--no-pager", unit,
                  check=False).strip().splitlines()[-1].lstrip("→ "))
    step_deploy()
    step_r15()
    before = dynos()
    assert {d[1] for d in before} == {"perl", "bash", "dyno-init"}, before
    step_restart(before)
    if int(rounds):
        step_credential(before)
        step_socket(before)
        step_frozen()
        step_kill(before)
        with_conf("dynod.service", "[Service]\nWatchdogSec=6s\n")
        step_restart(before)
        step_watchdog(before)
        step_versions((new, old) * int(rounds), before)
        step_bad(bad, new, before)
    step_lines()
    step_purge()


try:
    main(*sys.argv[1:])
except Exception:
    for line in call("journalctl", "--no-pager", "-n", "300", "-u", "dyno*",
                     check=False).splitlines():
        if "DelegateSubgroup" not in line:
            print(line)
    print(ctl("logs", "-n", "30", check=False), lines("worker.1")[-2000:])
    raise
