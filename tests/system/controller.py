"""A controller alone: the program on a root of its own, and curl."""
import http.client
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import urllib.parse

from harness import BUILD, PATIENCE, private_dir, wait_for

USER = 64125  # the service user: a number without a name


def noise(size, seed=1):
    """Bytes that no compression makes smaller."""
    source, piece = random.Random(seed), 1 << 20
    return b"".join(source.randbytes(min(piece, size - at)) for at in range(0, size, piece))


def big_slug(size, seed=1):
    """A slug of a little more than size bytes; a tar as it is, which is quick."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        info = tarfile.TarInfo("./app/noise")
        info.size = size
        tar.addfile(info, io.BytesIO(noise(size, seed)))
    return raw.getvalue()


class Controller:
    def __init__(self, conf="", slugs_conf=None, wrap=(), build=BUILD, env=None):
        """wrap: words before the program, which then has to exec it."""
        self.build, self.env = build, env
        self.root = private_dir("ctl-t-")
        self.log_path = self.root + "/log"
        self.wrap = list(wrap)
        self.process = None
        os.makedirs(self.root + "/etc/dyno")
        with open(self.root + "/etc/dyno/controller.conf", "w") as f:
            f.write(f"user = {USER}\nport = 0\nhttps-port = 0\nrendezvous-port = 0\n{conf}")
        if slugs_conf is not None:
            self.write_conf(slugs_conf)

    def write_conf(self, text):
        with open(self.root + "/etc/dyno/slugs.conf", "w") as f:
            f.write(text)

    # ---- the process ----
    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.wrap + [self.build + "/dyno-controller", "--root", self.root],
                                            stdout=log, stderr=log, env={**os.environ, **(self.env or {})})

        def serves():
            assert self.process.poll() is None, self.log()
            try:
                return self.api("GET", "/account")[0] == 200
            except OSError:
                return False
        wait_for("controller", serves)
        return self

    def stop(self, sig=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(timeout=PATIENCE)

    def kill(self):
        self.stop(signal.SIGKILL)

    def close(self):
        self.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        if exc[0]:
            print(self.log())
        self.close()

    def log(self):
        return open(self.log_path, errors="replace").read() if os.path.exists(self.log_path) else ""

    def memory_peak(self):
        """VmHWM in bytes."""
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024

    def jobs(self):
        """Command lines of the programs that it runs."""
        try:
            kids = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()
        except OSError:
            return []
        lines = []
        for pid in kids:
            try:
                lines.append(open(f"/proc/{pid}/cmdline").read().replace("\0", " "))
            except OSError:
                pass
        return lines

    # ---- the API ----
    @property
    def socket(self):
        return self.root + "/run/dyno/controller/api.sock"

    @property
    def port(self):
        return int(open(self.root + "/run/dyno/controller/port").read())

    def api(self, method, path, body=None):
        """As root over the unix socket; returns (status, JSON)."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        s.connect(self.socket)
        c = http.client.HTTPConnection("localhost")
        c.sock = s
        try:
            c.request(method, path, json.dumps(body) if body is not None else None)
            r = c.getresponse()
            return r.status, json.loads(r.read() or b"null")
        finally:
            c.close()

    def app(self, name):
        assert self.api("POST", "/apps", {"name": name})[0] == 201
        return name

    def slug(self, app, **more):
        """A new slug; returns (id, path of its upload)."""
        status, s = self.api("POST", f"/apps/{app}/slugs", {"process_types": {"web": "true"}, **more})
        assert status == 201, s
        return s["id"], path_of(s["blob"]["url"])

    def get_path(self, app, slug_id):
        status, s = self.api("GET", f"/apps/{app}/slugs/{slug_id}")
        assert status == 200, s
        return path_of(s["blob"]["url"])

    def upload(self, app, data, **more):
        """A whole slug; returns its id."""
        slug_id, path = self.slug(app, **more)
        r = self.put(path, data)
        assert r.status == 200, r
        return slug_id

    def put(self, path, data, *options):
        with tempfile.NamedTemporaryFile(prefix="ctl-t-up-") as f:
            f.write(data)
            f.flush()
            return self.curl(path, "-T", f.name, *options)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def curl(self, path, *options):
        return Curl(self.url(path), *options)

    # ---- its files ----
    @property
    def store(self):
        return self.root + "/var/lib/dyno/controller/slugs"

    def files(self, *subs):
        """What there is in the store's directories, without locks."""
        found = []
        for sub in subs or ("blobs", "trees", "incoming", "partial"):
            d = os.path.join(self.store, sub)
            found += [f"{sub}/{name}" for name in (os.listdir(d) if os.path.isdir(d) else [])]
        return sorted(found)


def path_of(url):
    u = urllib.parse.urlparse(url)
    return u.path + "?" + u.query


class Curl:
    """One call of curl: status, headers (lower case), body."""

    def __init__(self, url, *options):
        with tempfile.TemporaryDirectory(prefix="ctl-t-") as d:
            p = subprocess.run(["curl", "-sS", "--max-time", str(2 * PATIENCE), "-D", d + "/head", "-o", d + "/body",
                                "-w", "%{http_code}", *options, url], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
            self.exit, self.error = p.returncode, p.stderr
            self.status = int(p.stdout or 0)
            self.head = open(d + "/head").read() if os.path.exists(d + "/head") else ""
            self.body = open(d + "/body", "rb").read() if os.path.exists(d + "/body") else b""
        last = [b for b in self.head.strip().split("\n\n") if b][-1] if self.head.strip() else ""
        self.headers = dict((k.strip().lower(), v.strip()) for k, _, v in
                            (line.partition(":") for line in last.splitlines()[1:]))

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"curl {self.exit} {self.error}\n{self.head}\n{self.body[:600]}"
