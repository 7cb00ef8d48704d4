"""package.py - in the virtual machine: a package's life, from dpkg -i to dpkg -P.

    python3 package.py OLD.deb NEW.deb ROUNDS

Each step is told with the seconds since the start; the first that fails ends it
with what the journal says. Standard library only: an import costs seconds here.
"""
import http.client
import json
import os
import re
import signal
import sys
import threading
import time

from machine import DAEMONS, active, call, ctl, main_pid, tell, wait

APP = "tiny"
PROCFILE = """\
web: perl web.pl
worker: bash worker.sh
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
WORKER = 'for ((n = 1; ; n++)); do echo "line $n"; sleep 0.2; done\n'


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
    c = http.client.HTTPConnection("127.0.0.1", 8080, timeout=30)
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


def step_deploy():
    os.mkdir("/tmp/tiny")
    for name, text in (("Procfile", PROCFILE), ("web.pl", WEB), ("worker.sh", WORKER)):
        with open("/tmp/tiny/" + name, "w") as f:
            f.write(text)
    os.environ["DYNO_APP"] = APP
    ctl("apps:create", APP)
    ctl("deploy", APP, "/tmp/tiny")
    ctl("scale", "web=1", "worker=1")
    ctl("wait", "--timeout", "60", "web")
    wait("a page by the router", serves)
    wait("the worker", lambda: "line 1" in ctl("logs", "-n", "1500"))
    tell("deployed: web.1 serves, worker.1 writes")


def step_r15():
    ctl("scale", "hog=1")
    wait("R15", lambda: "Error R15 (Memory quota vastly exceeded)" in
         ctl("logs", "-n", "1500"))
    ctl("scale", "hog=0")
    records = call("journalctl", "-o", "json", "DYNO_CODE=R15").splitlines()
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


def step_versions(debs, before):
    load = Load()
    try:
        for deb in debs:
            pids = [main_pid(u) for u in DAEMONS]
            n = load.n
            version = install(deb)
            for unit, pid in zip(DAEMONS, pids):
                wait(unit, lambda: active(unit))
                assert main_pid(unit) != pid, unit + " was not restarted"
            wait("requests", lambda: load.n > n + 20)
            assert dynos() == before, (before, dynos())
            tell("dpkg -i %s: same processes" % version)
    finally:
        load.stop()
    assert not load.failed, "%d of %d requests failed: %s" % (
        len(load.failed), load.n, load.failed[:3])
    tell("%d requests meanwhile, none failed, the slowest took %.1f s"
         % (load.n, load.slowest))


def step_lines():
    """Every line of the worker, in order."""
    time.sleep(2)
    text = ctl("logs", "-n", "1500", "--dyno", "worker.1")
    numbers = [int(n) for n in re.findall(r"line (\d+)\s*$", text, re.M)]
    assert len(numbers) > 20 and numbers == list(range(1, len(numbers) + 1)), numbers
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
    end = time.monotonic() + 10
    while found and time.monotonic() < end:
        time.sleep(0.5)
        found = left()
    assert not found, found
    tell("dpkg -P: nothing left")


def main(old, new, rounds):
    step_install(old)
    for unit in DAEMONS[1:]:
        tell(call("systemd-analyze", "security", "--no-pager", unit,
                  check=False).strip().splitlines()[-1].lstrip("→ "))
    step_deploy()
    step_r15()
    before = dynos()
    assert {d[1] for d in before} == {"perl", "bash", "dyno-init"}, before
    step_restart(before)
    step_kill(before)
    step_versions((new, old) * int(rounds), before)
    step_lines()
    step_purge()


try:
    main(*sys.argv[1:])
except Exception:
    for line in call("journalctl", "--no-pager", "-n", "300", "-u", "dyno*",
                     check=False).splitlines():
        if "DelegateSubgroup" not in line:
            print(line)
    print(ctl("logs", "-n", "30", check=False))
    raise
