"""Bundles with a root of busybox, and dynorun on a directory of its own."""
import array
import copy
import json
import os
import shutil
import socket
import subprocess
import tempfile

import pytest

from harness import BUILD, PATIENCE, Result, assert_no_new_mounts, mounts, mounts_of_all, private_dir, wait_for

DYNORUN = os.path.join(BUILD, "dynorun")
# Tests that start very many, or that no version of cgroups and kernel changes.
not_emulated = pytest.mark.skipif("DYNO_VM" in os.environ, reason="takes long under emulation")
APPLETS = ("sh", "cat", "echo", "env", "false", "head", "id", "kill", "ls", "nproc", "ps", "pwd", "readlink", "sleep",
           "stty", "test", "touch", "true", "tty", "umask", "dd", "tail", "seq", "hostname", "mount", "stat", "rm",
           "mkdir", "grep", "tr")


def make_rootfs(path):
    for d in ("bin", "dev", "etc", "proc", "sys", "tmp", "root"):
        os.makedirs(os.path.join(path, d))
    shutil.copy("/bin/busybox", os.path.join(path, "bin/busybox"))
    for name in APPLETS:
        os.symlink("busybox", os.path.join(path, "bin", name))
    with open(os.path.join(path, "etc/passwd"), "w") as f:
        f.write("root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n")


class Engine:
    """What podman would be: calls dynorun, and has everything below one directory."""

    def __init__(self):
        self.dir = private_dir("dyno-o-")
        self.root = os.path.join(self.dir, "run")
        self.rootfs = os.path.join(self.dir, "rootfs")
        make_rootfs(self.rootfs)
        spec = os.path.join(self.dir, "spec")
        os.mkdir(spec)
        self.call("spec", "--bundle", spec)
        self.template = json.load(open(os.path.join(spec, "config.json")))
        self.template["process"]["terminal"] = False
        self.template["root"] = {"path": self.rootfs, "readonly": True}
        self.count = 0
        self.mounts = mounts_of_all()

    def argv(self, *args):
        return [DYNORUN, "--root", self.root, *args]

    def call(self, *args, check=True, timeout=PATIENCE, input=None, **kw):
        """Output goes to files: a container that goes on would hold pipes open."""
        if input is None:
            kw.setdefault("stdin", subprocess.DEVNULL)
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            kw.setdefault("stdout", out)
            p = subprocess.run(self.argv(*args), input=input, stderr=err, timeout=timeout, text=True, **kw)
            out.seek(0)
            err.seek(0)
            p.stdout, p.stderr = out.read(), err.read()
        r = Result(p)
        if check:
            assert r.status == 0, f"dynorun {' '.join(args)}: {r}"
        return r

    def start(self, *args, **kw):
        """In the background, with pipes."""
        for stream in ("stdin", "stdout", "stderr"):
            kw.setdefault(stream, subprocess.PIPE)
        return subprocess.Popen(self.argv(*args), text=True, **kw)

    def config(self, *args, **changes):
        """The template with other arguments: config(process__cwd="/tmp") reaches in."""
        c = copy.deepcopy(self.template)
        if args:
            c["process"]["args"] = list(args)
        for key, value in changes.items():
            at = c
            *path, last = key.split("__")
            for name in path:
                at = at.setdefault(name, {})
            at[last] = value
        return c

    def bundle(self, *args, config=None, **changes):
        self.count += 1
        path = os.path.join(self.dir, f"b{self.count}")
        os.mkdir(path)
        with open(os.path.join(path, "config.json"), "w") as f:
            json.dump(config or self.config(*args, **changes), f)
        return path

    def id(self):
        self.count += 1
        return f"t{self.count}-{os.getpid()}"

    def create(self, *args, options=(), **changes):
        """A container that waits for its start."""
        id = self.id()
        self.call("create", "-b", self.bundle(*args, **changes), *options, id)
        return id

    def detached(self, *args, options=(), **changes):
        """One that runs."""
        id = self.id()
        self.call("run", "-d", "-b", self.bundle(*(args or ("sleep", "1000")), **changes), *options, id)
        return id

    def run(self, *args, options=(), check=False, input=None, **changes):
        return self.call("run", "-b", self.bundle(*args, **changes), *options, self.id(), check=check, input=input)

    def state(self, id):
        r = self.call("state", id, check=False)
        return json.loads(r.out) if r.status == 0 else None

    def status(self, id):
        s = self.state(id)
        return s and s["status"]

    def wait_status(self, id, status):
        wait_for(f"{id} {status}", lambda: self.status(id) == status)

    # ---- the census ----
    def ids(self):
        return self.call("list", "-q").out.split()

    def cgroups(self):
        """Groups of containers of this test process."""
        found = []
        for top, dirs, _ in os.walk("/sys/fs/cgroup"):
            dirs[:] = [d for d in dirs if d != "process_api"] if top.count("/") < 7 else []
            found += [os.path.join(top, d) for d in dirs if d.endswith(f"-{os.getpid()}")]
        return found

    def processes(self):
        """Command lines with a path of ours, or of a process in a root of ours."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                line = open(f"/proc/{pid}/cmdline", "rb").read().decode(errors="replace").replace("\0", " ")
                info = open(f"/proc/{pid}/mountinfo").read()
            except OSError:
                continue
            if int(pid) != os.getpid() and (self.dir in line or self.dir in info.split("\n", 1)[0]):
                found.append((int(pid), line))
        return found

    def left(self):
        left = {
            "containers": self.ids(),
            "directory": [n for n in os.listdir(self.root) if n != "@seccomp"] if os.path.isdir(self.root) else [],
            "cgroups": self.cgroups(),
            "processes": self.processes(),
            "mounts": [m for m in mounts() if self.dir in m],
        }
        return {kind: things for kind, things in left.items() if things}

    def assert_nothing_left(self, timeout=PATIENCE):
        try:
            wait_for("end of everything", lambda: not self.left(), timeout)
        except AssertionError:
            assert self.left() == {}
        assert_no_new_mounts(self.mounts)

    def end(self):
        for id in self.ids():
            self.call("delete", "-f", id, check=False)
        self.assert_nothing_left()
        shutil.rmtree(self.dir)


class ConsoleSocket:
    """Where a terminal's master is sent to."""

    def __init__(self, path):
        self.path = path
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        self.sock.listen(1)
        self.sock.settimeout(PATIENCE)

    def master(self):
        s, _ = self.sock.accept()
        fds = array.array("i")
        with s:
            _, anc, _, _ = s.recvmsg(4096, socket.CMSG_LEN(fds.itemsize))
            for level, kind, data in anc:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
        assert len(fds) == 1
        return fds[0]

    def close(self):
        self.sock.close()
        os.unlink(self.path)
