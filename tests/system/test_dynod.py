"""dynod by itself: a fake supervisor (tests/manager/fake-supervisor.c) obeys
this test and writes down what dynod tells it."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import uuid

import pytest

from harness import BUILD, PATIENCE, left_of, wait_for

USER = 64123  # the service user: a number without a name
FOREVER = "trap 'exit 9' TERM; i=0; while :; do echo line $((i++)); sleep 0.02; done"


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Dynod:
    """A private dynod with the fake supervisor."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="dynod-t-", dir="/tmp")
        os.chmod(self.root, 0o755)
        self.supervisor = self.root + "/fake-supervisor"
        shutil.copy(BUILD + "/tests/manager/fake-supervisor", self.supervisor)
        os.makedirs(self.root + "/etc/dyno")
        with open(self.root + "/etc/dyno/dynod.conf", "w") as f:
            f.write(f"user = {USER}\nsupervisor = {self.supervisor}\n")
        self.log = open(self.root + "/log", "a+")
        self.seen = 0
        self.prefix = None
        self.process = None

    def run(self, *args):
        return subprocess.run([BUILD + "/dynod", "--root", self.root, *args], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)

    def start(self):
        self.process = subprocess.Popen([BUILD + "/dynod", "--root", self.root], stdout=self.log,
                                        stderr=self.log)
        return self.greeting()

    def all_events(self):
        try:
            text = open(self.root + "/run/dyno/supervisor/events").read()
        except FileNotFoundError:
            return []
        return text[:text.rfind("\n") + 1].splitlines()

    def events(self):
        return self.all_events()[self.seen:]

    def expect(self, pattern):
        """Waits for an event; those up to it are done with. Returns the match."""
        def look():
            for i, line in enumerate(self.events()):
                m = re.fullmatch(pattern, line)
                if m:
                    self.seen += i + 1
                    return m
        try:
            return wait_for(f"event {pattern}", look)
        except AssertionError:
            print("events:", *self.events()[-20:], "log:", self.read_log(), sep="\n")
            raise

    def greeting(self):
        """What a new supervisor is told: {uuid: (state, pid or status)}."""
        m = self.expect(r"hello (dyno\d+) (\d+)")
        self.prefix, self.supervisor_pid = m.group(1), int(m.group(2))
        before = self.seen
        self.expect("ready")
        # Output of the adopted may stand between.
        lines = self.all_events()[before:self.seen]
        words = [line.split() for line in lines if line.startswith("adopt")]
        return {w[1]: (w[2], int(w[3])) for w in words}

    def say(self, text):
        with open(self.root + "/run/dyno/supervisor/commands", "w") as f:
            f.write(text + "\n")

    def dyno(self, script, stdio="log"):
        """Starts a dyno; returns its uuid and the pid of its init."""
        u = str(uuid.uuid4())
        self.say(f"start {u} {stdio} {script}")
        m = self.expect(r"started \S+ (\d+)|(failed .*)")
        assert not m.group(2), m.group(2)
        return u, int(m.group(1))

    def remove(self, u):
        self.say(f"remove {u}")
        self.expect("done")

    def kill(self, *sigs):
        """kill -9 dynod, and wait until its supervisor has followed."""
        self.process.kill()
        self.process.wait()
        wait_for("end of the supervisor", lambda: not alive(self.supervisor_pid))

    def stop(self):
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def read_log(self):
        self.log.seek(0)
        return self.log.read()

    def census(self):
        """What exists of the instance outside of etc/ and var/."""
        if not self.prefix:
            return []
        found = sorted(left_of(self.prefix, self.root).items())
        if os.path.exists(self.root + "/run/dyno"):
            found += os.listdir(self.root + "/run/dyno")
        return found

    def wipe(self):
        r = self.run("--wipe")
        assert r.returncode == 0, r.stdout
        # Its number may be another instance's by now, which has not put its name to it yet.
        wait_for("nothing of it", lambda: self.census() == [])
        return r.stdout


@pytest.fixture
def dynod():
    d = Dynod()
    try:
        yield d
        if d.process and d.process.poll() is None:
            assert d.stop() == 0
        d.wipe()
    finally:
        if d.process and d.process.poll() is None:
            d.kill()
        d.run("--wipe")
        d.log.close()
        shutil.rmtree(d.root, ignore_errors=True)


def numbers(d, u):
    """The numbers of the lines of FOREVER that any supervisor has read."""
    head = f"out {u} line "
    return [int(line[len(head):]) for line in d.all_events() if line.startswith(head)]


def test_a_second_dynod_on_the_same_root_says_so(dynod):
    dynod.start()
    r = dynod.run()
    assert r.returncode == 1
    assert "another dynod runs on this root" in r.stdout
    assert dynod.run("--wipe").returncode == 1
    assert dynod.process.poll() is None


def test_a_dyno_starts_ends_and_is_removed(dynod):
    assert dynod.start() == {}
    u, pid = dynod.dyno("echo hello; exit 7")
    dynod.expect(f"out {u} hello")
    dynod.expect(f"exit {u} 7")
    dynod.remove(u)
    assert os.listdir(dynod.root + "/run/dyno/dynos") == []
    assert not alive(pid)


def test_the_supervisor_is_the_service_user_without_privilege(dynod):
    dynod.start()
    status = open(f"/proc/{dynod.supervisor_pid}/status").read()
    assert re.search(rf"^Uid:\s+{USER}\s+{USER}\s+{USER}\s+{USER}$", status, re.M)
    assert re.search(r"^CapEff:\s+0+$", status, re.M)
    assert re.search(r"^Groups:\s*$", status, re.M)
    assert sorted(os.listdir(f"/proc/{dynod.supervisor_pid}/fd"))[:4] == ["0", "1", "2", "3"]


def test_dynos_keep_their_pids_when_the_supervisor_is_killed(dynod):
    dynod.start()
    u, pid = dynod.dyno(FOREVER)
    for _ in range(3):
        os.kill(dynod.supervisor_pid, signal.SIGKILL)
        assert dynod.greeting() == {u: ("alive", pid)}
    dynod.say(f"signal {u} 15")
    dynod.expect(f"exit {u} 9")
    wait_for("end of the output", lambda: f"eof {u}" in dynod.all_events())
    dynod.remove(u)


def test_dynos_keep_their_pids_when_dynod_is_killed(dynod):
    dynod.start()
    u, pid = dynod.dyno(FOREVER)
    for _ in range(3):
        dynod.kill()
        assert alive(pid)
        assert dynod.start() == {u: ("alive", pid)}
    dynod.say(f"kill {u}")
    dynod.expect(f"exit {u} 137")
    dynod.remove(u)
    assert not alive(pid)


def test_no_line_is_lost_while_no_daemon_is_there(dynod):
    dynod.start()
    u, pid = dynod.dyno(FOREVER)
    dynod.expect(f"out {u} line 5")
    dynod.stop()
    before = len(numbers(dynod, u))
    wait_for("lines nobody reads", lambda: not subprocess.run(["sleep", "0.5"]).returncode)
    dynod.start()
    wait_for("more lines", lambda: len(numbers(dynod, u)) > before + 20)
    got = numbers(dynod, u)
    assert got == list(range(len(got)))
    dynod.say(f"kill {u}")
    dynod.expect(f"exit {u} 137")
    dynod.remove(u)


@pytest.mark.parametrize("end, status", [("exit 3", 3), ("kill -9 $$", 137)])
def test_the_status_of_a_dyno_that_ended_meanwhile_is_known(dynod, end, status):
    dynod.start()
    u, pid = dynod.dyno(f"sleep 0.5; {end}")
    dynod.kill()
    wait_for("end of the dyno", lambda: not alive(pid))
    assert dynod.start() == {u: ("ended", status)}
    os.kill(dynod.supervisor_pid, signal.SIGKILL)
    assert dynod.greeting() == {u: ("ended", status)}
    dynod.remove(u)
    os.kill(dynod.supervisor_pid, signal.SIGKILL)
    assert dynod.greeting() == {}


def test_garbage_costs_the_supervisor_its_life_and_nobody_elses(dynod):
    dynod.start()
    u, pid = dynod.dyno(FOREVER)
    old = dynod.supervisor_pid
    dynod.say("garbage")
    assert dynod.greeting() == {u: ("alive", pid)}
    assert not alive(old)
    assert "unknown type" in dynod.read_log()


def test_closing_standard_input_is_end_of_file_for_the_dyno(dynod):
    dynod.start()
    u, _ = dynod.dyno("cat; echo end", "pipes")
    dynod.say(f"in {u} through")
    dynod.expect(f"out {u} through")
    dynod.say(f"eof {u}")
    dynod.expect(f"out {u} end")
    dynod.expect(f"exit {u} 0")
    dynod.remove(u)


def test_a_terminal_goes_on_with_the_next_supervisor(dynod):
    dynod.start()
    u, pid = dynod.dyno("tty && trap 'stty size; exit 4' TERM && while :; do sleep 0.05; done", "pty")
    dynod.expect(f"out {u} /dev/.*")
    dynod.kill()
    assert dynod.start() == {u: ("alive", pid)}
    dynod.say(f"signal {u} 15")
    wait_for("terminal's size", lambda: f"out {u} 24 80" in "\n".join(dynod.all_events()).replace("\r", ""))
    wait_for("end", lambda: f"exit {u} 4" in dynod.all_events())
    dynod.remove(u)


def test_sigterm_ends_dynod_and_supervisor_but_no_dyno(dynod):
    dynod.start()
    u, pid = dynod.dyno(FOREVER)
    assert dynod.stop() == 0
    assert not alive(dynod.supervisor_pid)
    assert alive(pid)
    assert dynod.start() == {u: ("alive", pid)}


def test_a_supervisor_that_fails_is_started_again_with_pauses(dynod):
    dynod.start()
    os.rename(dynod.supervisor, dynod.supervisor + ".away")
    os.kill(dynod.supervisor_pid, signal.SIGKILL)
    wait_for("failure in the log", lambda: "No such file" in dynod.read_log())
    os.rename(dynod.supervisor + ".away", dynod.supervisor)
    dynod.greeting()


def test_a_slug_that_is_not_there_is_named(dynod):
    dynod.start()
    dynod.say("start not-a-uuid log true")
    # Of a wrong form: the connection ends.
    dynod.greeting()


def test_everything_is_killed_in_every_order_and_converges(dynod):
    dynod.start()
    pids = {}
    for _ in range(4):
        u, pid = dynod.dyno(FOREVER)
        pids[u] = ("alive", pid)
    os.kill(dynod.supervisor_pid, signal.SIGKILL)
    dynod.kill()
    dynod.start()
    dynod.kill()
    assert dynod.start() == pids
    os.kill(dynod.supervisor_pid, signal.SIGKILL)
    assert dynod.greeting() == pids
    # One start is cut in the middle: afterwards it is whole or not there.
    for _ in range(5):
        u = str(uuid.uuid4())
        dynod.say(f"start {u} log {FOREVER}")
        dynod.kill()
        now = dynod.start()
        assert {k: v for k, v in now.items() if k in pids} == pids
        pids = {k: v for k, v in now.items() if v[0] == "alive"}
        for k in set(now) - set(pids):
            dynod.remove(k)
    dynod.stop()
    # A wipe that is killed goes on the next time.
    w = subprocess.Popen([BUILD + "/dynod", "--root", dynod.root, "--wipe"], stderr=subprocess.DEVNULL)
    subprocess.run(["sleep", "0.02"])
    w.kill()
    w.wait()
    dynod.wipe()
    assert not any(alive(pid) for _, pid in pids.values())


def test_wiping_what_never_was_is_harmless(dynod):
    dynod.wipe()


def test_the_same_number_of_descriptors_is_open_after_many_dynos(dynod):
    dynod.start()
    fds = lambda: len(os.listdir(f"/proc/{dynod.process.pid}/fd"))

    def some(n):
        for i in range(n):
            u, _ = dynod.dyno("true", ("log", "pipes", "pty")[i % 3])
            dynod.expect(f"exit {u} 0")
            dynod.remove(u)
        return fds()

    # The first of each kind may open what all share; what is closed may be so a moment later.
    before = some(3)
    some(20)
    wait_for("as many as before", lambda: fds() <= before)


def test_the_machine_is_told_to_be_fit():
    r = subprocess.run([BUILD + "/dynod", "--check"], stdout=subprocess.PIPE, text=True)
    assert r.returncode == 0, r.stdout
    for name in ("kernel version", "cgroup version", "controllers", "start in cgroup", "device filter",
                 "user namespaces", "overlay", "user attributes", "idmapped slugs", "idmapped stack", "seccomp",
                 "landlock", "ip_forward", "nft program"):
        assert re.search(rf"^{name} +(yes|no  .{{20,}})", r.stdout, re.M), r.stdout
    v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    assert re.search(rf"^start in cgroup +{'yes' if v2 else 'no'}\b", r.stdout, re.M)


def test_a_machine_that_lacks_something_is_told_what_becomes_of_it():
    # A file system without idmapped mounts below the root, and no nft.
    script = """mount -t tmpfs none /usr/sbin && mkdir -p $0/var/lib && mount -t proc proc $0/var/lib &&
                exec $1/dynod --check --root $0"""
    with tempfile.TemporaryDirectory(prefix="dynod-t-", dir="/tmp") as root:
        r = subprocess.run(["unshare", "-m", "sh", "-c", script, root, BUILD], stdout=subprocess.PIPE, text=True)
    assert r.returncode == 1, r.stdout
    assert re.search(r"^nft program +MISSING", r.stdout, re.M)
    assert re.search(rf"^idmapped slugs +no  .*{root}/var/lib.*: apps run with the user id", r.stdout, re.M)


def test_a_dyno_without_a_record_is_wiped_too(dynod):
    dynod.start()
    u, pid = dynod.dyno(FOREVER)
    dynod.kill()
    shutil.rmtree(f"{dynod.root}/run/dyno/dynos/{u}")
    dynod.wipe()
    assert not alive(pid)
