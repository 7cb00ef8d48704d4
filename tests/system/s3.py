"""An S3-compatible server of one's own: s3rver from npm, on a free port."""
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time

from harness import private_dir, wait_for

VERSION = "s3rver@3.7.1"
CACHE = os.environ.get("DYNO_TEST_CACHE", os.path.expanduser("~/.cache/dyno-tests"))
KEY = SECRET = "S3RVER"  # its only account
BUCKET = "slugs"


def program():
    """Installed once for all test runs."""
    d = os.path.join(CACHE, VERSION.replace("@", "-"))
    os.makedirs(d, exist_ok=True)
    path = d + "/node_modules/.bin/s3rver"
    with open(d + "/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(d + "/done"):
            npm = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", d, VERSION],
                                 cwd=d, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
            assert npm.returncode == 0, npm.stdout
            open(d + "/done", "w").close()
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class S3:
    """with S3() as s3: ...; stop() and start() keep port and objects."""

    def __init__(self):
        self.dir = private_dir("s3-t-")
        self.port = free_port()
        self.secret_file = self.dir + "/secret"
        self.process = None

    def start(self):
        log = open(self.dir + "/log", "ab")
        self.process = subprocess.Popen(
            [program(), "-d", self.dir + "/data", "-a", "127.0.0.1", "-p", str(self.port), "--no-vhost-buckets",
             "--configure-bucket", BUCKET], stdout=log, stderr=log, start_new_session=True)

        def serves():
            assert self.process.poll() is None, self.log()
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        wait_for("s3rver", serves)
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # our own session
            self.process.wait()

    def freeze(self):
        """It takes connections and says nothing."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.killpg(self.process.pid, signal.SIGCONT)

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        os.makedirs(self.dir + "/data")
        return self.start()

    def __exit__(self, *exc):
        if exc[0]:
            print(self.log())
        self.close()

    def log(self):
        return open(self.dir + "/log", errors="replace").read()

    def conf(self, owner, secret=SECRET, **more):
        """The text of a slugs.conf; the secret's file is the owner's."""
        with open(self.secret_file, "w") as f:
            f.write(secret + "\n")
        os.chmod(self.secret_file, 0o600)
        os.chown(self.secret_file, owner, -1)
        lines = {"s3-endpoint": f"http://127.0.0.1:{self.port}", "s3-access-key": KEY,
                 "s3-secret-key-file": self.secret_file, **{k.replace("_", "-"): v for k, v in more.items()}}
        return "".join(f"{k} = {v}\n" for k, v in lines.items())

    def objects(self, prefix=""):
        """{key: bytes} of the bucket."""
        top = os.path.join(self.dir, "data", BUCKET)
        found = {}
        for d, _, files in os.walk(top):
            for name in files:
                path = os.path.join(d, name)
                key = os.path.relpath(path, top)
                if key.endswith("._S3rver_object") and key.startswith(prefix):
                    found[key[:-len("._S3rver_object")]] = path
        return found

    def requests(self):
        """Lines of its log: "PUT /slugs/x 200 ..."."""
        return [line for line in self.log().splitlines() if "/" + BUCKET in line]
