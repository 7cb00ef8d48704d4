"""What happens to a host when its files are damaged, its daemons are killed at any moment, its
disk is full, or its dynos cannot be killed: those that can live on do, the rest is made again
without a command, and nothing is there twice."""
import ctypes
import glob
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import assignment  # noqa: E402
from harness import BUILD, PATIENCE, assert_nothing_left, cgroups, wait_for  # noqa: E402
from worker import USER, Worker  # noqa: E402

WORKER = {"boot-timeout": 20}
SERVER = "cat hello; exec python3 -u -m http.server $PORT"
TALK = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.02; done"

# Below the root, and whether the dyno that it is about lives on without it.
FILES = {
    "list": ("run/dyno/supervisor/assignments.json", True),
    "epoch": ("run/dyno/supervisor/journal/epoch", True),
    "segment": ("run/dyno/supervisor/journal/0*", True),
    "output": ("run/dyno/supervisor/dynos/{life}/log", True),
    "cursor": ("run/dyno/supervisor/dynos/{life}/cursor", True),
    "assignment": ("run/dyno/supervisor/dynos/{life}/assignment.json", True),
    "state": ("run/dyno/supervisor/dynos/{life}/state.json", True),
    "instance of a state": ("run/dyno/supervisor/dynos/{life}/instance", True),
    "life": ("run/dyno/supervisor/dynos/{life}", False),
    "record": ("run/dyno/dynos/{instance}/record", False),
    "exit": ("run/dyno/dynos/{instance}/exit", True),
    "instance": ("run/dyno/dynos/{instance}", False),
    "addresses": ("run/dyno/addresses", True),
    "lock": ("run/dyno/dynod.lock", True),
    "socket": ("run/dyno/supervisor/host.sock", True),
    "tree": ("var/lib/dyno/slugs/trees/*/.ok", True),
    "pin": ("var/lib/dyno/slugs/pins/*", True),
}


LONG = "DYNO_LONG" in os.environ


def empty(path):
    os.truncate(path, 0)


def halve(path):
    os.truncate(path, os.path.getsize(path) // 2)


def garble(path):
    size = max(os.path.getsize(path), 64)
    with open(path, "r+b") as f:
        f.write(random.Random(size).randbytes(size))


def hurt(path):
    """Garbage in the middle."""
    with open(path, "r+b") as f:
        f.seek(os.path.getsize(path) // 2)
        f.write(b"\xff\0garbage" * 8)


def remove(path):
    os.unlink(path)


def rename(path):
    """Directories: gone, as far as anybody looks."""
    os.rename(path, path + ".gone")


def lock_out(path):
    """A directory where a file should be: neither read nor replaced by one."""
    os.unlink(path)
    os.mkdir(path)


def extend(path):
    """A newer version has written it."""
    text = open(path).read()
    with open(path, "w") as f:
        f.write('{"of_the_future":{"a":[1]},' + text[1:])


def damages(name):
    if name in ("life", "instance"):
        return [rename]
    if name == "socket":
        return [remove, lock_out]
    found = [empty, halve, garble, hurt, remove]
    if name in ("list", "assignment", "state"):
        found.append(extend)
    # Two of them, others for each kind of file; all if DYNO_LONG is set.
    at, n = sorted(FILES).index(name), len(found)
    return [d for i, d in enumerate(found) if LONG or i in (at % n, (at + 2) % n)]


def pids(worker):
    return {d["name"]: d["pid"] for d in worker.get("/dynos")}


def dynos_up(worker, wanted):
    """{name: dyno} when all that are wanted are up, and nothing else is there."""
    try:
        dynos = worker.get("/dynos")
        strays = worker.get("/")["strays"]
    except (OSError, IndexError, ValueError):
        return None
    if strays or sorted(d["name"] for d in dynos if d["state"] == "up" and d["pid"]) != sorted(wanted) or \
            len(dynos) != len(wanted):
        return None
    return {d["name"]: d for d in dynos}


def converge(worker, wanted, timeout=PATIENCE):
    try:
        return wait_for("formation", lambda: dynos_up(worker, wanted), timeout)
    except AssertionError:
        worker.log.seek(0)
        print(worker.log.read()[-6000:])
        raise


def census(worker, dynos):
    """Records, groups and processes of these dynos, each once, and of nobody else."""
    prefix = worker.get("/")["prefix"]
    instances = sorted(d["instance"] for d in dynos.values())

    def right():
        groups = {g: sorted(d for d in os.listdir(g) if re.fullmatch(r"[0-9a-f-]{36}", d)) for g in cgroups(prefix)}
        return any(groups.values()) and all(v in ([], instances) for v in groups.values()) and \
            sorted(os.listdir(worker.root + "/run/dyno/dynos")) == instances and \
            sorted(os.listdir(worker.root + "/run/dyno/supervisor/dynos")) == sorted(d["id"] for d in dynos.values())
    wait_for("clean host", right)


def talks(worker, name="worker.1"):
    """Lines arrive."""
    seen = len(worker.messages("app", name))
    wait_for(f"lines of {name}", lambda: len(worker.messages("app", name)) > seen + 5)


def pace(worker, up, formation):
    """Seconds that a start takes now, on a machine that may be busy with others."""
    took = []
    for i in range(3):
        a, begin = assignment(f"pace.{i + 1}", "exec sleep 1000"), time.monotonic()
        up.assign([*formation.values(), a])
        up.wait_state(a, "up")
        took.append(time.monotonic() - begin)
        up.assign(formation.values())
        up.wait_state(a, "down")
    return max(took)


def answers(dyno):
    return urllib.request.urlopen(f"http://{dyno['address']}:{dyno['port']}/hello", timeout=PATIENCE).status == 200


@pytest.fixture
def formation(worker, up):
    """A web dyno with a slug, one that talks, one that is silent."""
    slug = worker.publish({"hello": "hello"})
    wanted = [assignment("web.1", SERVER, slug=slug), assignment("worker.1", TALK),
              assignment("worker.2", "trap 'exit 3' TERM; while :; do sleep 0.2; done")]
    up.assign(wanted)
    return {a["name"]: a for a in wanted}


def kill_host(worker):
    """At once, and nobody can tell anybody."""
    supervisor = worker.supervisor()
    os.kill(supervisor, signal.SIGSTOP)
    worker.dynod.kill()
    worker.dynod.wait()
    wait_for("end of the supervisor", lambda: not os.path.exists(f"/proc/{supervisor}"))


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_cost_no_more_than_the_dyno_they_are_about(worker, formation, name):
    pattern, lives = FILES[name]
    dynos = converge(worker, formation)
    talks(worker)
    for damage in damages(name):
        before = pids(worker)
        kill_host(worker)
        victim = dynos["worker.1" if name != "tree" else "web.1"]
        paths = glob.glob(f"{worker.root}/" + pattern.format(life=victim["id"], instance=victim["instance"]))
        assert paths, pattern
        for path in paths:
            damage(path)
        worker.start()
        dynos = converge(worker, formation)
        now = {n: d["pid"] for n, d in dynos.items()}
        if not lives and damage is not extend:
            assert now.pop("worker.1") != before.pop("worker.1")
        assert now == before, damage.__name__
        for path in glob.glob(worker.root + "/run/dyno/*/*.gone") + glob.glob(worker.root + "/run/dyno/*/*/*.gone"):
            shutil.rmtree(path)
        census(worker, dynos)
        assert answers(dynos["web.1"])
        talks(worker)


# ---- dynod makes place for another version of itself ----

class Impostor:
    """A private copy of the programs, whose dynod can be replaced."""

    def __init__(self, root):
        self.dir = root + "/programs"
        os.mkdir(self.dir)
        for name in ("dynod", "dyno-supervisor", "dyno-init", "dyno-slug"):
            shutil.copy(os.path.join(BUILD, name), self.dir)
        self.dynod = self.dir + "/dynod"

    def replace(self, script=None):
        new = self.dynod + ".new"
        if script:
            with open(new, "w") as f:
                f.write("#!/bin/sh\n" + script + "\n")
        else:
            shutil.copy(os.path.join(BUILD, "dynod"), new)
        os.chmod(new, 0o755)
        os.rename(new, self.dynod)


BAD_DYNODS = {
    "crashes": ("kill -SEGV $$", "ended by signal 11"),
    "ends": ("exit 3", "ended with status 3"),
    "hangs": ("exec sleep 1000", "not over after"),
    "lies": ("exit 0", "does not say that it can take over"),
    "gone": (None, "No such file"),
}


@pytest.fixture(scope="module")
def upgradable():
    """A worker that runs a copy of the programs."""
    root = tempfile.mkdtemp(prefix="sup-p-", dir="/tmp")
    os.chmod(root, 0o755)
    impostor = Impostor(root)
    w = Worker(WORKER, programs=impostor.dir)
    w.impostor = impostor
    try:
        w.up.wait(lambda: w.up.registered, what="registration")
        prefix = w.get("/")["prefix"]
        yield w
    finally:
        impostor.replace()
        w.stop()
        w.log.seek(0)
        print(w.log.read()[-8000:])
        shutil.rmtree(w.root)
        shutil.rmtree(root)
    assert_nothing_left(prefix, w.root)


def logged(worker, text, since):
    worker.log.seek(since)
    return text in worker.log.read()


def numbers(worker, name="worker.1"):
    return [int(m.split()[1]) for m in worker.messages("app", name) if m.startswith("line ")]


class Visitor(threading.Thread):
    """Asks a web dyno all the time."""

    def __init__(self, dyno):
        super().__init__(daemon=True)
        self.dyno, self.good, self.bad, self.over = dyno, 0, [], False
        self.start()

    def run(self):
        while not self.over:
            try:
                assert answers(self.dyno)
                self.good += 1
            except Exception as e:
                self.bad.append(e)
            time.sleep(0.01)

    def stop(self):
        self.over = True
        self.join(PATIENCE)
        return self.good, self.bad


def test_a_new_dynod_takes_over_in_place_or_the_old_one_carries_on(upgradable):
    w = upgradable
    slug = w.publish({"hello": "hello"})
    wanted = {a["name"]: a for a in [assignment("web.1", SERVER, slug=slug), assignment("worker.1", TALK)]}
    w.up.assign(wanted.values())
    dynos = converge(w, wanted)
    talks(w)
    before = pids(w)
    visitor = Visitor(dynos["web.1"])
    for script, words in BAD_DYNODS.values():
        supervisor = w.supervisor()
        if script:
            w.impostor.replace(script)
        else:
            os.unlink(w.impostor.dynod)
        since = os.path.getsize(w.root + "/log")
        w.dynod.send_signal(signal.SIGHUP)
        wait_for(words, lambda: logged(w, "carrying on", since))
        assert logged(w, words, since)
        assert w.dynod.poll() is None and w.supervisor() == supervisor and pids(w) == before
    # A good one whose supervisor would not start.
    w.impostor.replace()
    with open(w.root + "/etc/dyno/supervisor.conf", "r+") as f:
        original = f.read()
        f.write("nonsense = 1\n")
    supervisor, since = w.supervisor(), os.path.getsize(w.root + "/log")
    w.dynod.send_signal(signal.SIGHUP)
    wait_for("no reload", lambda: logged(w, "carrying on", since))
    assert logged(w, 'unknown key "nonsense"', since) and logged(w, "dyno-supervisor would not start", since)
    assert w.supervisor() == supervisor and pids(w) == before
    with open(w.root + "/etc/dyno/supervisor.conf", "w") as f:
        f.write(original)
    for _ in range(3):
        supervisor = w.supervisor()
        w.impostor.replace()
        since = os.path.getsize(w.root + "/log")
        w.dynod.send_signal(signal.SIGHUP)
        wait_for("another supervisor", lambda: w.supervisor() != supervisor)
        assert w.dynod.poll() is None
        dynos = converge(w, wanted)
        wait_for("its proof", lambda: logged(w, "has proved itself", since))
        assert pids(w) == before
        assert os.readlink(f"/proc/{w.dynod.pid}/exe") == w.impostor.dynod
    talks(w)
    good, bad = visitor.stop()
    assert good > 50 and not bad
    assert numbers(w) == list(range(len(numbers(w))))
    # It is the parent of dynos that it has not made: they end as any other does.
    w.up.assign([])
    wait_for("an empty host", lambda: w.get("/dynos") == [])
    kids = open(f"/proc/{w.dynod.pid}/task/{w.dynod.pid}/children").read().split()
    assert kids == [str(w.supervisor())]


# ---- kill -9 of everything, at any moment ----

DAEMONS = ("dynod", "dyno-supervisor", "dyno-controller")


def test_deaths_of_all_daemons_in_the_middle_of_work(host):
    seed = int(os.environ.get("DYNO_SEED", time.time()))
    print("DYNO_SEED =", seed)
    rng = random.Random(seed)
    app = host.new_app()
    host.deploy(app, {"Procfile": f"talk: {TALK}\nweb: perl web.pl\n",
                      "web.pl": open(os.path.join(os.path.dirname(__file__), "../../contrib/sample/web.pl")).read()})
    host.ctl("scale", "-a", app, "talk=2", "web=1")
    host.ctl("wait", "-a", app)
    web = host.dyno(app, "web.1")["id"]

    def pids():
        return {d["id"]: d["pid"] for d in host.json("host", "ps")}
    pid = pids()[web]
    for _ in range(20 if LONG else 6):
        work = threading.Thread(target=host.ctl, kwargs={"check": False}, args=rng.choice([
            ("scale", "-a", app, f"talk={rng.randint(1, 6)}"), ("ps:restart", "-a", app, "talk.1"),
            ("run", "-a", app, "--no-tty", "true"), ("config:set", "-a", app + "-none", "A=1")]))
        work.start()
        time.sleep(rng.uniform(0, 0.4))
        old = {p: host.pid(p) for p in DAEMONS}
        for p in rng.sample(DAEMONS, len(DAEMONS)):
            try:
                os.kill(old[p], signal.SIGKILL)
            except ProcessLookupError:
                pass  # the supervisor ends with dynod
        wait_for("new daemons", lambda: all(set(host.pids(p)) - {old[p]} for p in DAEMONS))
        work.join(60)
        host.answers()
        wait_for("the dyno as it was", lambda: pids().get(web) == pid)
    host.ctl("scale", "-a", app, "talk=3")
    host.ctl("wait", "-a", app)

    def right():
        dynos = host.dynos(app)
        return sorted(d["name"] for d in dynos) == ["talk.1", "talk.2", "talk.3", "web.1"] and \
            all(d["state"] == "up" for d in dynos) and sorted(d["id"] for d in dynos) == sorted(pids())
    wait_for("formation", right)
    assert pids()[web] == pid and host.visit(host.dyno(app, "web.1"))[0] == 200
    groups = [g for g in cgroups(host.prefix()) if os.path.isdir(g)]
    wait_for("four groups", lambda: max(
        sum(1 for d in os.listdir(g) if re.fullmatch(r"[0-9a-f-]{36}", d)) for g in groups) == 4)
    wait_for("four records", lambda: len(os.listdir(host.root + "/run/dyno/dynos")) == 4)
    host.ctl("apps:destroy", app, "--confirm", app)


# ---- no space ----

class Narrow(Worker):
    """run/ is a small file system in a mount namespace of its own."""

    def __init__(self, conf, size):
        super().__init__(conf, f"mkdir -p {{w.root}}/run; mount -t tmpfs -o mode=755,size={size} none {{w.root}}/run")

    def run(self):
        return f"/proc/{self.dynod.pid}/root{self.root}/run/dyno"

    def get(self, path):
        s = socket.socket(socket.AF_UNIX)
        s.connect(self.run() + "/supervisor/host.sock")
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while more := s.recv(65536):
            data += more
        s.close()
        return json.loads(data.split(b"\r\n\r\n", 1)[1])

    def fill(self):
        with open(self.run() + "/ballast", "ab", buffering=0) as f:
            for size in (1 << 16, 4096, 1):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass

    def stop(self):
        self.kill_all()
        self.up.stop()


def test_a_full_disk_costs_lines_that_are_counted_and_nothing_else():
    w = Narrow(WORKER, "32m")
    try:
        w.up.wait(lambda: w.up.registered, what="registration")
        prefix = w.get("/")["prefix"]
        wanted = {a["name"]: a for a in [assignment("web.1", "exec python3 -u -m http.server $PORT"),
                                         assignment("worker.1", TALK), assignment("worker.2", "sleep 1000")]}
        w.up.assign(wanted.values())
        converge(w, wanted)
        talks(w)
        before = pids(w)
        supervisor = w.supervisor()
        w.fill()
        time.sleep(3)
        # States are told, and what needs no space is done.
        gone = wanted.pop("worker.2")
        w.up.assign(wanted.values())
        w.up.wait_state(gone, "down")
        time.sleep(1)
        assert w.supervisor() == supervisor and w.dynod.poll() is None
        os.unlink(w.run() + "/ballast")
        talks(w)
        wait_for("L12", lambda: any("Error L12" in m for m in w.messages("heroku", "log-shuttle") + w.messages("app", "log-shuttle")))
        new = assignment("worker.3", "sleep 1000")
        wanted["worker.3"] = new
        w.up.assign(wanted.values())
        converge(w, wanted)
        now = pids(w)
        assert (now["web.1"], now["worker.1"]) == (before["web.1"], before["worker.1"])

        def dropped():
            return sum(int(re.search(r"L12: (\d+)", m).group(1)) for m in
                       w.messages("heroku", "log-shuttle") + w.messages("app", "log-shuttle"))
        wait_for("as many as are missing", lambda: (lambda seen: dropped() == seen[-1] + 1 - len(seen) > 20)(numbers(w)))
        assert numbers(w) == sorted(set(numbers(w)))
        w.up.assign([])
        wait_for("an empty host", lambda: w.get("/dynos") == [])
    finally:
        w.log.seek(0)
        print(w.log.read()[-8000:])
        w.stop()
        subprocess.run([BUILD + "/dynod", "--wipe", "--root", w.root], timeout=PATIENCE, stdout=w.log, stderr=w.log)
        shutil.rmtree(w.root)
    assert_nothing_left(prefix, w.root)


# ---- what does not want to end ----

def frozen(worker, instance):
    """Somebody else has frozen a dyno."""
    for group in cgroups(worker.get("/")["prefix"]):
        for name, word in (("freezer.state", "FROZEN"), ("cgroup.freeze", "1")):
            path = f"{group}/{instance}/{name}"
            if os.path.exists(path):
                with open(path, "w") as f:
                    f.write(word)
                return
    raise AssertionError("no freezer")


def test_a_frozen_dyno_is_ended_in_time_and_delays_nobody(worker, formation, up):
    dynos = converge(worker, formation)
    talks(worker)
    slack = 10 * pace(worker, up, formation)
    frozen(worker, dynos["worker.1"]["instance"])
    seen = len(worker.messages("app", "worker.1"))
    time.sleep(0.5)
    assert len(worker.messages("app", "worker.1")) <= seen + 5
    victim = formation.pop("worker.1")
    begin = time.monotonic()
    up.assign(formation.values())
    up.wait(lambda: up.dynos[victim["id"]]["state"] != "up", what="stop")
    other = assignment("worker.3", "sleep 1000")
    up.assign([*formation.values(), other])
    up.wait_state(other, "up")
    assert time.monotonic() - begin < 2 + slack
    formation["worker.3"] = other
    up.wait_state(victim, "down")
    assert time.monotonic() - begin < 2 + 3 + slack
    census(worker, converge(worker, formation))


class DeadMount:
    """A file system in the mount namespace of a process, whose server takes requests and
    never answers: who waits for it is in the kernel (state D), and no signal ends it."""

    def __init__(self, pid, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        child = os.fork()
        if child == 0:
            ns = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
            options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
            ok = libc.setns(ns, 0) == 0 and libc.mount(b"dead", path.encode(), b"fuse", 0, options) == 0
            os._exit(0 if ok else ctypes.get_errno() or 1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == 0, os.strerror(status)
        self.asked = threading.Event()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.over.is_set():
            if not select.select([self.fd], [], [], 0.1)[0]:
                continue
            opcode, unique = struct.unpack_from("=4xIQ", os.read(self.fd, 1 << 17))
            if opcode == 26:  # INIT
                out = struct.pack("=IIIIHHII", 7, 31, 0, 0, 1, 1, 1 << 16, 1) + bytes(36)
                os.write(self.fd, struct.pack("=IiQ", 16 + len(out), 0, unique) + out)
            elif opcode == 1:  # LOOKUP
                self.asked.set()

    def stop(self):
        """Whoever waits comes back."""
        self.over.set()
        self.thread.join()
        os.close(self.fd)


def test_what_the_kernel_holds_delays_nobody(worker, formation, up):
    stuck = assignment("stuck.1", "mkdir /tmp/dead; while :; do cat /tmp/dead/x; sleep 0.05; done")
    formation["stuck.1"] = stuck
    up.assign(formation.values())
    dynos = converge(worker, formation)
    wait_for("directory", lambda: os.path.isdir(f"/proc/{dynos['stuck.1']['pid']}/root/tmp/dead"))
    slack = 10 * pace(worker, up, formation)
    dead = DeadMount(dynos["stuck.1"]["pid"], "/tmp/dead")
    try:
        assert dead.asked.wait(PATIENCE)
        # It gets SIGTERM, SIGKILL, and does not end.
        del formation["stuck.1"]
        up.assign(formation.values())
        wait_for("SIGKILL", lambda: "killing" in [d["phase"] for d in worker.get("/plan")["dynos"]])
        began = []
        for restart in (False, True):
            if restart:
                # The next dynod finds it, cannot remove it, and serves the others.
                kill_host(worker)
                begin = time.monotonic()
                worker.start()
                wait_for("quarantine", lambda: worker.answers() and worker.get("/plan")["strays"])
            for i in range(10):
                other = assignment(f"other.{i + 1}", "exec sleep 1000")
                begin = time.monotonic()
                up.assign([*formation.values(), other])
                up.wait_state(other, "up")
                began.append(time.monotonic() - begin)
                begin = time.monotonic()
                up.assign(formation.values())
                up.wait_state(other, "down")
                began.append(time.monotonic() - begin)
        print("seconds:", [round(t, 2) for t in began])
        assert sorted(began)[len(began) // 2] < 0.5 + slack and max(began) < 2 + slack
        why = wait_for("a reason", lambda: [s["why"] for s in worker.get("/plan")["strays"] if "has not died" in s["why"]])
        assert len(why) == 1
        assert dynos["stuck.1"]["instance"] in os.listdir(worker.root + "/run/dyno/dynos")
    finally:
        dead.stop()
    census(worker, converge(worker, formation))


def test_after_a_reboot_the_formation_comes_back(worker, formation):
    before = converge(worker, formation)
    kill_host(worker)
    saved = tempfile.mkdtemp(prefix="sup-r-", dir="/tmp")
    # The files of the old boot, without anything that they are about.
    shutil.copytree(worker.root + "/run", saved + "/run", symlinks=True, ignore=shutil.ignore_patterns("*.sock", "stack"))
    for stale in (False, True):
        subprocess.run([BUILD + "/dynod", "--wipe", "--root", worker.root], check=True, timeout=PATIENCE)
        shutil.rmtree(worker.root + "/run")
        if stale:
            shutil.copytree(saved + "/run", worker.root + "/run", symlinks=True)
            for top, dirs, files in os.walk(worker.root + "/run/dyno/supervisor"):
                for name in [top, *(os.path.join(top, n) for n in files)]:
                    os.chown(name, USER, USER)
        worker.start()
        dynos = converge(worker, formation)
        assert not {d["pid"] for d in dynos.values()} & {d["pid"] for d in before.values()}
        assert answers(dynos["web.1"])
        talks(worker)
        census(worker, dynos)
        kill_host(worker)
    shutil.rmtree(saved)
    worker.start()
    converge(worker, formation)
