"""Attempts at getting out of a dyno: hundreds of probes, each with its exact
outcome, from inside a real one. tests/escape/ holds them and says what
must become of each; main.c there says who the three identities are that try:
the app's user, that user without a filter, and root of the dyno's own user
namespace without a filter. One run for each; here every line is judged."""
import collections
import glob
import json
import os
import re
import select
import socket
import subprocess
import tarfile
import time

import pexpect
import pytest

from bundle import not_emulated
from harness import BUILD, PATIENCE, slug

ESCAPE = BUILD + "/tests/escape/escape"
WEB = open(os.path.join(os.path.dirname(__file__), "../../contrib/sample/web.pl")).read()
UIDS = {"nested": 1000, "root": 0}


def probes(group):
    """(identity, name) of everything that the program tries."""
    text = subprocess.run([ESCAPE, "list", group], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [tuple(line.split("\t")) for line in text.splitlines()]


ALL = probes("all")
TERMINAL = probes("terminal")

# What takes all of something ends with this error and no more than so many; or
# (None) out of memory.
HELD = {"processes": ("EAGAIN", 256), "threads": ("EAGAIN", 256), "descriptors": ("EMFILE", 10000),
        "pipes": ("EMFILE", 10000), "tcp": ("EMFILE", 5000), "signals": ("EAGAIN", 10 ** 6),
        "timers": ("EAGAIN", 10 ** 6)}
KILLED = ["memory", "segments", "sockets", "app"]


def cgroup_dirs(pid):
    """The directories of a process's groups, in every hierarchy."""
    mounts = {}
    for line in open("/proc/self/mountinfo"):
        left, _, right = line.partition(" - ")
        kind, _, options = right.split()[:3]
        if kind == "cgroup2":
            mounts[""] = left.split()[4]
        elif kind == "cgroup":
            mounts.update((o, left.split()[4]) for o in options.split(","))
    for line in open(f"/proc/{pid}/cgroup"):
        _, controllers, path = line.strip().split(":", 2)
        name = controllers.split(",")[0]
        if name in mounts:
            yield mounts[name] + path


def enter(pid, identity, *argv, **kw):
    """A process in a dyno's namespaces and groups, without its filter."""
    files = [open(d + "/cgroup.procs", "wb", buffering=0) for d in cgroup_dirs(pid)]

    def join():
        for f in files:
            f.write(b"0")
    try:
        return subprocess.Popen([ESCAPE, "enter", str(pid), str(UIDS[identity]), *argv], preexec_fn=join,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env={"PATH": "/usr/bin:/bin", "HOME": "/app"}, text=True, **kw)
    finally:
        for f in files:
            f.close()


def main_address():
    """The address that this host has towards others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return s.getsockname()[0]
        except OSError:
            return None


def facts():
    """What the probes would have changed on the host."""
    files = ["core_pattern", "hostname", "domainname", "modprobe", "randomize_va_space"]
    found = {"uname": os.uname()}
    for path in [f"/proc/sys/kernel/{f}" for f in files] + ["/proc/sys/vm/overcommit_memory", "/proc/sys/fs/file-max",
                                                            "/proc/swaps"]:
        if os.path.exists(path):
            found[path] = open(path).read()
    return found


def clocks():
    return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_BOOTTIME)


class Scene:
    """A dyno to try from, a neighbour, and what must not be reached."""

    def __init__(self, host):
        self.host = host
        self.apps = [host.new_app(), host.new_app()]
        self.app, self.other = self.apps
        files = {"Procfile": "web: perl web.pl\n", "web.pl": WEB}
        host.deploy(self.other, files, wait=False)
        host.deploy(self.app, {**files, "escape": (open(ESCAPE, "rb").read(), 0o755)})
        host.ctl("wait", "-a", self.other)
        self.neighbour = host.dyno(self.other, "web.1")
        gateway = re.search(r"inet ([\d.]+)/", subprocess.run(
            ["ip", "-4", "addr", "show", "dev", host.instance], stdout=subprocess.PIPE, text=True).stdout).group(1)
        self.listener = socket.create_server(("0.0.0.0", 0))
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(f"\0dyno-escape-{os.getpid()}")
        self.abstract.listen()
        path = os.path.join(host.root, "escape.sock")
        self.file = socket.socket(socket.AF_UNIX)
        self.file.bind(path)
        os.chmod(path, 0o777)
        self.file.listen()
        self.path = path
        port = self.listener.getsockname()[1]
        self.settings = {
            "gateway": f"{gateway}:{port}", "host": f"{main_address() or gateway}:{port}",
            "loopback": f"127.0.0.1:{port}", "metadata": "169.254.169.254:80",
            "neighbour": f"{self.neighbour['address']}:{self.neighbour['port']}",
            "abstract": f"@dyno-escape-{os.getpid()}", "socket": path,
            "secret": host.root, "pid": str(os.getpid()),
        }
        self.results = {}
        self.before = {"facts": facts(), "clocks": clocks(), "neighbours": self.host_neighbours()}

    def host_neighbours(self):
        """Whom the host takes for whom on the bridge."""
        text = subprocess.run(["ip", "neigh", "show", "dev", self.host.instance, "to", self.neighbour["address"]],
                              stdout=subprocess.PIPE, text=True).stdout
        return sorted(re.findall(r"lladdr (\S+)", text))

    def words(self):
        return [f"{k}={v}" for k, v in self.settings.items()]

    def pid(self, app, name="web.1"):
        """PID 1 of a dyno, as the host numbers it."""
        dyno = self.host.dyno(app, name)
        return next(d["pid"] for d in self.host.json("host", "ps") if d["id"] == dyno["id"])

    def run(self, identity):
        """{name: line} of all probes of an identity."""
        if identity not in self.results:
            if identity == "terminal":
                p = pexpect.spawn(BUILD + "/dynoctl", ["--root", self.host.root, "run", "-a", self.app, "./escape",
                                                       "run", "user", "terminal"],
                                  env=self.host.env, encoding="utf-8", timeout=PATIENCE)
                out = p.read()
                p.close()
            elif identity == "user":
                r = self.host.run(self.app, "./escape", "run", "user", "all", *self.words())
                out = r.out
            else:
                p = enter(self.pid(self.app), identity, "/app/escape", "run", identity, "all", *self.words())
                out = p.communicate(timeout=PATIENCE)[0]
            lines = [json.loads(l) for l in out.splitlines() if l.startswith("{")]
            self.results[identity] = {l["probe"]: l for l in lines}
        return self.results[identity]

    def close(self):
        for s in (self.listener, self.abstract, self.file):
            s.close()
        os.unlink(self.path)
        for app in self.apps:
            self.host.ctl("apps:destroy", app, "--confirm", app, check=False)


@pytest.fixture(scope="module")
def scene(host):
    s = Scene(host)
    yield s
    s.close()


def test_there_are_many_probes_of_each_identity():
    counts = collections.Counter(identity for identity, _ in ALL)
    assert min(counts[i] for i in ("user", "nested", "root")) >= 100
    assert len(set(ALL)) == len(ALL), "two probes of one name"


@pytest.mark.parametrize("identity, name", ALL)
def test_a_probe_ends_as_it_must(scene, identity, name):
    line = scene.run(identity).get(name)
    assert line, "not tried"
    assert line["got"] in line["want"].split("|"), f"{line['got']}, not {line['want']}"


@pytest.mark.parametrize("name", [name for _, name in TERMINAL])
def test_a_probe_of_the_terminal_ends_as_it_must(scene, name):
    line = scene.run("terminal").get(name)
    assert line, "not tried"
    assert line["got"] in line["want"].split("|"), f"{line['got']}, not {line['want']}"


def test_what_the_probes_tried_to_reach_was_there(scene):
    """Else it would prove nothing that they did not."""
    for name in ("gateway", "host", "loopback", "neighbour"):
        address, port = scene.settings[name].split(":")
        socket.create_connection((address, int(port)), PATIENCE).close()
    for address in ("\0" + scene.settings["abstract"][1:], scene.settings["socket"]):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(address)


def test_nobody_believed_who_they_said_they_were(host, scene):
    scene.run("root")
    assert len(scene.before["neighbours"]) == 1
    assert scene.host_neighbours() == scene.before["neighbours"]
    assert host.visit(scene.neighbour)[0] == 200


def test_the_host_is_as_it_was(scene):
    for identity in ("user", "nested", "root"):
        scene.run(identity)
    assert facts() == scene.before["facts"]
    assert abs(clocks() - scene.before["clocks"]) < 1


def hold(scene, bomb):
    """A one-off dyno that takes all of something and keeps it until its input
    ends."""
    return subprocess.Popen([BUILD + "/dynoctl", "--root", scene.host.root, "run", "-a", scene.app, "--no-tty",
                             "./escape", "bomb", bomb],
                            env=scene.host.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)


def first_line(p):
    """What it says first; "" if it ends without a word."""
    assert select.select([p.stdout], [], [], PATIENCE)[0], "nothing comes"
    return p.stdout.readline()


def let_go(processes):
    for p in processes:
        if p.poll() is None:
            p.stdin.close()
    for p in processes:
        try:
            p.wait(PATIENCE)
        finally:
            p.kill()
            p.stdout.close()


def assert_neighbours_go_on(scene):
    """The one that runs answers, and another one starts."""
    assert scene.host.visit(scene.neighbour)[0] == 200
    assert scene.host.run(scene.other, "echo neighbour").out == "neighbour\n"


def tcp_memory():
    """Bytes in buffers of TCP, in all namespaces."""
    pages = re.search(r"^TCP:.* mem (\d+)", open("/proc/net/sockstat").read(), re.M).group(1)
    return int(pages) * os.sysconf("SC_PAGESIZE")


def test_whoever_takes_all_gets_his_own_all_and_neighbours_go_on(scene):
    before = tcp_memory()
    running = {name: hold(scene, name) for name in HELD}
    try:
        for name, (error, most) in HELD.items():
            got, n = (first_line(running[name]).split() + ["nothing", "0"])[:2]
            assert (name, got) == (name, error)
            assert 10 < int(n) <= most, name
        # v2 counts it as memory, of which there is so much; v1 apart.
        assert tcp_memory() - before < (1 << 30 if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else 512 << 20)
        assert_neighbours_go_on(scene)
    finally:
        let_go(running.values())


@pytest.mark.parametrize("name", [n if n == "sockets" else pytest.param(n, marks=not_emulated) for n in KILLED])
def test_whoever_takes_all_memory_ends_and_neighbours_go_on(scene, name):
    p = hold(scene, name)
    try:
        assert_neighbours_go_on(scene)
        line = first_line(p)
        # A file ends where its file system does, or the memory.
        assert line == "" or (name == "app" and line.startswith("ENOSPC ")), line
        if not line:
            assert p.wait(PATIENCE) == 137
        assert_neighbours_go_on(scene)
    finally:
        let_go([p])


def test_root_of_the_dyno_has_the_same_limits(scene):
    """Last: on cgroup v2 out of memory is the end of the whole dyno."""
    pid = scene.pid(scene.app)
    p = enter(pid, "root", "/app/escape", "bomb", "processes")
    got, n = p.communicate(timeout=PATIENCE)[0].split()
    assert got == "EAGAIN" and 10 < int(n) < 256
    p = enter(pid, "root", "/app/escape", "bomb", "memory")
    assert p.communicate(timeout=PATIENCE)[0] == ""
    assert p.returncode in (137, -9)
    assert_neighbours_go_on(scene)


# Links that a slug brings, and where it ends: as a sentence, or (None) inside.
LINKS = {
    "app": ({"./app": "/tmp"}, "not a directory"),
    "app/up": ({"./app/up": "../etc/passwd"}, "leaves ./app"),
    "app/deep": ({"./app/deep": "a/../../../etc"}, "leaves ./app"),
    "app/.profile.d": ({"./app/.profile.d": "/etc"}, None),
    "app/.profile": ({"./app/.profile": "/etc/passwd"}, None),
    "dev": ({"./dev": "/tmp"}, None),
    "proc": ({"./proc": "/tmp"}, None),
    "sys": ({"./sys": "/tmp"}, None),
    "etc": ({"./etc": "/tmp"}, None),
    "etc/resolv.conf": ({"./etc/resolv.conf": "/tmp/evil"}, None),
    "a link and a file below": ({"./app/d": "/tmp", "./app/d/evil": ""}, "not a directory"),
}


def symlink(target):
    info = tarfile.TarInfo()
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


@not_emulated
@pytest.mark.parametrize("what", LINKS)
def test_a_link_in_a_slug_leads_nowhere_outside(host, app, workdir, what):
    links, sentence = LINKS[what]
    path = os.path.join(workdir, "links.tgz")
    with open(path, "wb") as f:
        f.write(slug({"./app/Procfile": "web: true\n", **{k: symlink(v) if v else "" for k, v in links.items()}}))
    r = host.ctl("deploy", app, path, check=False)
    if sentence:
        assert r.status == 1 and sentence in r.err, r
        return
    assert r.status == 0, r
    assert_as_it_should_be(host, app)


def assert_as_it_should_be(host, app):
    """The directories of a dyno are its own, and its files ours."""
    r = host.run(app, "stat -c '%F %U %n' /dev /proc /sys /etc /tmp /usr /var /app; stat -fc %T /proc /sys /dev/shm; "
                      "hostname; cat /etc/hostname; grep -c nameserver /etc/resolv.conf; ls /tmp | wc -l")
    lines = r.out.split("\n")
    assert [l.rsplit(" ", 2)[0] for l in lines[:8]] == ["directory"] * 8, r
    assert lines[8:11] == ["proc", "sysfs", "tmpfs"], r
    assert lines[11] == lines[12] and int(lines[13]) > 0 and lines[14] == "0", r


def test_links_planted_past_the_slug_store_are_not_followed(host, app):
    """The runtime by itself: somebody has put links in an unpacked slug, to a
    directory of the host that everybody may write to."""
    host.deploy(app, {"Procfile": "web: true\n", "unique": app}, wait=False)
    assert host.run(app, "cat unique").out == app
    trees = glob.glob(host.root + "/var/lib/dyno/slugs/trees/*")
    tree = next(t for t in trees if os.path.exists(t + "/app/unique") and open(t + "/app/unique").read() == app)
    evil = os.path.join(host.root, "evil")
    os.mkdir(evil)
    os.chmod(evil, 0o777)
    planted = ["dev", "proc", "sys", "etc", "tmp", "usr", "var", "app/.profile.d"]
    os.chmod(tree, 0o755)
    os.chmod(tree + "/app", 0o755)
    for name in planted:
        os.symlink(evil, os.path.join(tree, name))
    try:
        assert_as_it_should_be(host, app)
        assert os.listdir(evil) == []
    finally:
        for name in planted:
            os.unlink(os.path.join(tree, name))
        os.rmdir(evil)
