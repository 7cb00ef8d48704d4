"""Attempts at getting out of a dyno: hundreds of probes, each with its exact
outcome, from inside a real one. tests/system/escape/ holds them and says what
must become of each; main.c there says who the three identities are that try:
the app's user, that user without a filter, and root of the dyno's own user
namespace without a filter. One run for each; here every line is judged."""
import collections
import io
import json
import os
import re
import socket
import subprocess
import tarfile
import threading
import time

import pexpect
import pytest

from harness import BUILD, slug, wait_for

ESCAPE = BUILD + "/tests/system/escape/escape"
WEB = open(os.path.join(os.path.dirname(__file__), "../../contrib/sample/web.pl")).read()
UIDS = {"nested": 1000, "root": 0}


def probes(group):
    """(identity, name) of everything that the program tries."""
    text = subprocess.run([ESCAPE, "list", group], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [tuple(line.split("\t")) for line in text.splitlines()]


ALL = probes("all")


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

    def words(self):
        return [f"{k}={v}" for k, v in self.settings.items()]

    def pid(self, app, name="web.1"):
        """PID 1 of a dyno, as the host numbers it."""
        dyno = self.host.dyno(app, name)
        return next(d["pid"] for d in self.host.json("host", "ps") if d["id"] == dyno["id"])

    def run(self, identity):
        """{name: line} of all probes of an identity."""
        if identity not in self.results:
            if identity == "user":
                r = self.host.run(self.app, "./escape", "run", "user", "all", *self.words())
                out = r.out
            else:
                p = enter(self.pid(self.app), identity, "/app/escape", "run", identity, "all", *self.words())
                out = p.communicate(timeout=120)[0]
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
