"""A worker host alone: dynod and its supervisor, with a control plane of a few
lines (tests/manager/fake_upstream.py)."""
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import FakeUpstream  # noqa: E402
from harness import BUILD, PATIENCE, slug, wait_for  # noqa: E402

USER = 64124  # the service user: a number without a name
CONF = {"host": "h1", "backoff-unit": 0, "stop-grace": 2, "boot-timeout": 30}


class Worker:
    """dynod, its supervisor, and the upstream they talk to."""

    def __init__(self, conf, wrap="", programs=BUILD, env=None):
        """wrap: shell commands that come before dynod, in a mount namespace of its own.
        env(worker): what is added to dynod's environment."""
        self.wrap, self.programs, self.env = wrap, programs, env
        self.root = tempfile.mkdtemp(prefix="sup-t-", dir="/tmp")
        os.chmod(self.root, 0o755)
        os.makedirs(self.root + "/etc/dyno")
        self.slugs = self.root + "/blobs"
        self.store = self.root + "/var/lib/dyno/slugs"
        os.makedirs(self.slugs)
        self.log = open(self.root + "/log", "a+")
        with open(self.root + "/etc/dyno/dynod.conf", "w") as f:
            f.write(f"user = {USER}\n")
        with open(self.root + "/etc/dyno/supervisor.conf", "w") as f:
            f.write(f"upstream = unix:{self.root}/api\n")
            f.writelines(f"{k} = {v}\n" for k, v in {**CONF, **conf}.items())
        self.up = FakeUpstream(self.root + "/api", self.slugs)
        self.start()

    def start(self):
        argv = [self.programs + "/dynod", "--root", self.root]
        if self.wrap:
            argv = ["unshare", "--mount", "sh", "-ec", self.wrap.format(w=self) + '; exec "$@"', "sh", *argv]
        env = {**os.environ, **self.env(self)} if self.env else None
        self.dynod = subprocess.Popen(argv, stdout=self.log, stderr=self.log, env=env)

    def supervisor(self):
        def find():
            try:
                kids = open(f"/proc/{self.dynod.pid}/task/{self.dynod.pid}/children").read().split()
                return [int(p) for p in kids if open(f"/proc/{p}/comm").read().startswith("dyno-superv")]
            except OSError:
                return None
        return wait_for("a supervisor", find)[0]

    def kill_supervisor(self):
        old = self.supervisor()
        os.kill(old, signal.SIGKILL)
        wait_for("another supervisor", lambda: self.supervisor() != old)
        wait_for("its answer", self.answers)

    def answers(self):
        try:
            return self.get("/")
        except OSError:
            return None

    def get(self, path):
        s = socket.socket(socket.AF_UNIX)
        s.connect(self.root + "/run/dyno/host.sock")
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while more := s.recv(65536):
            data += more
        s.close()
        return json.loads(data.split(b"\r\n\r\n", 1)[1])

    def knows(self, a):
        """Whether the supervisor answers, and has this dyno running."""
        try:
            return any(d["id"] == a["id"] and d["state"] == "up" for d in self.get("/dynos"))
        except OSError:
            return False

    def stop(self):
        self.dynod.terminate()
        self.dynod.wait(PATIENCE)
        self.up.stop()
        subprocess.run([self.programs + "/dynod", "--wipe", "--root", self.root], check=True, timeout=PATIENCE,
                       stdout=self.log, stderr=self.log)

    def kill_all(self):
        """The supervisor goes with dynod, but it shall not go in peace."""
        os.kill(self.supervisor(), signal.SIGKILL)
        self.dynod.kill()
        self.dynod.wait()

    def dyno_slug(self, *args):
        """(exit status, what it said)"""
        p = subprocess.run([BUILD + "/dyno-slug", "--store", self.store, *args], text=True, timeout=PATIENCE,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return p.returncode, p.stdout

    def publish(self, files):
        """A slug that upstream has, as in an assignment."""
        data = files if isinstance(files, bytes) else slug({"./app/" + k: v for k, v in files.items()})
        sha = hashlib.sha256(data).hexdigest()
        with open(f"{self.slugs}/{sha}", "wb") as f:
            f.write(data)
        return {"sha256": sha, "size": len(data), "path": "/upstream/v1/slugs/" + sha}

    def messages(self, source, ps):
        return [m.decode() for _, s, p, m in self.up.lines if (s, p) == (source, ps)]
