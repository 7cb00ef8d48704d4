"""What the system tests share: the instance, waiting, and the census."""
import atexit
import collections
import http.client
import io
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import urllib.parse

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
SAMPLE = os.path.join(TOP, "contrib/sample")
PROGRAMS = ("dynod", "dyno-supervisor", "dyno-controller", "dyno-router", "dynoctl", "dyno-init", "dyno-slug", "dynorun")


def private_dir(prefix):
    """A directory of our own that the service user may enter."""
    d = tempfile.mkdtemp(prefix=prefix, dir="/tmp")
    os.chmod(d, 0o755)
    return d


def programs(build):
    """The build tree, or copies of its programs if it is no place where the
    service user may go (a clone below /root)."""
    build = os.path.abspath(build)
    path = build
    while os.stat(path).st_mode & 0o001 and path != "/":
        path = os.path.dirname(path)
    if path == "/":
        return build
    copies = private_dir("dyno-p-")
    atexit.register(shutil.rmtree, copies, ignore_errors=True)
    for name in (*PROGRAMS, "system-runtime", "tests/manager/fake-supervisor", "tests/escape/escape"):
        if os.path.exists(os.path.join(build, name)):
            os.makedirs(os.path.dirname(os.path.join(copies, name)), exist_ok=True)
            shutil.copy(os.path.join(build, name), os.path.join(copies, name))
    return copies


BUILD = programs(os.environ.get("DYNO_BUILD", os.path.join(TOP, "build")))
PATIENCE = 120  # seconds: how long to wait for what must come, however busy the machine is


def wait_for(what, fn, timeout=PATIENCE):
    """Polls fn until it returns something true; what names it in the failure."""
    deadline = time.monotonic() + timeout
    while True:
        value = fn()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {timeout} s")
        time.sleep(0.02)


def output(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def processes():
    """{pid: (name, command line)} of this package's programs."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
            name = open(f"/proc/{pid}/comm").read().strip()
        except OSError:
            continue
        if not line[0]:
            continue  # a zombie: its parent, or PID 1, takes it away
        if os.path.basename(line[0].decode(errors="replace")) in PROGRAMS or name in PROGRAMS:
            found[int(pid)] = (name, b" ".join(line).decode(errors="replace"))
    return found


def cgroups(prefix):
    """Groups of an instance, in all hierarchies."""
    found = []
    for top, dirs, _ in os.walk("/sys/fs/cgroup"):
        dirs[:] = [d for d in dirs if d != "process_api"] if top.count("/") < 6 else []
        found += [os.path.join(top, d) for d in dirs if d == prefix]
    return sorted(found)


def alias_of(link):
    try:
        return open(f"/sys/class/net/{link}/ifalias").read().strip()
    except OSError:
        return None


def people_of(prefix):
    """Processes with user ids of an instance's dynos."""
    first = 0x10000000 + int(prefix[4:]) * 0x2000000
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if first <= os.stat(f"/proc/{pid}").st_uid < first + 0x2000000:
                found.append(open(f"/proc/{pid}/cmdline").read())
        except OSError:
            pass
    return [line for line in found if line]  # without zombies


def mounts_of_all():
    """What is mounted on this machine, without the private directories of tests."""
    return [m for m in mounts() if not re.match(r"\S+ (/tmp|/dev/shm)/", m)]


def assert_no_new_mounts(before):
    """before: mounts_of_all(). Others on this machine may mount something, and for a moment."""
    deadline = time.monotonic() + PATIENCE

    def new():
        return sorted((collections.Counter(mounts_of_all()) - collections.Counter(before)).elements())
    while new() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert new() == []


def mounts():
    return sorted(l.split(" ", 3)[-1] for l in open("/proc/self/mountinfo"))


def left_of(prefix, root):
    """What exists of an instance outside of its directory. Its number may
    meanwhile belong to another instance, whose bridge then says so."""
    left = {
        "processes": [line for _, line in processes().values() if root in line],
        "mounts": [m for m in mounts() if root in m],
    }
    if prefix and alias_of(prefix) in (None, root):
        left["links"] = [l for l in os.listdir("/sys/class/net") if l == prefix or l.startswith(prefix + "-")]
        left["cgroups"] = cgroups(prefix)
        left["tables"] = [t for t in output("nft", "list", "tables").splitlines() if t.split()[-1] == prefix]
        left["people"] = people_of(prefix)
    return {kind: things for kind, things in left.items() if things}


def assert_nothing_left(prefix, root, timeout=PATIENCE):
    """The census. The kernel takes some things down behind our back: await it."""
    deadline = time.monotonic() + timeout
    left = left_of(prefix, root)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = left_of(prefix, root)
    assert left == {}  # not asked again: the number may be another instance's by now


def fds_of(pid):
    """What a process has open, by kind: {"/dev/null": 2, "pipe": 1, ...}."""
    found = collections.Counter()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[re.sub(r":\[\d+\]$|[0-9a-f-]{32,}|\d{8,}$", "", os.readlink(f"/proc/{pid}/fd/{fd}"))] += 1
        except OSError:
            pass
    return found


def await_fds(before, timeout=PATIENCE):
    """before: {pid: fds_of(pid)}. Waits until none has more than that, but for
    idle HTTP connections and the user namespaces that dynod keeps: two for
    each of 32 slots."""
    deadline = time.monotonic() + timeout
    slack = collections.Counter(socket=4, user=64)

    def more():
        now = {pid: dict(fds_of(pid) - was - slack) for pid, was in before.items()}
        return {pid: kinds for pid, kinds in now.items() if kinds}
    while more() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert more() == {}


class Result:
    def __init__(self, p):
        self.status, self.out, self.err = p.returncode, p.stdout, p.stderr

    def __repr__(self):
        return f"status {self.status}\n--- out\n{self.out}\n--- err\n{self.err}"


class Host:
    """One private instance, driven through dynoctl."""

    numbers = itertools.count(1)

    def __init__(self, root, programs=BUILD):
        self.root = root
        self.programs = programs
        self.instance = None
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("DYNO_", "HEROKU_"))}
        self.env["PATH"] = BUILD + ":" + self.env["PATH"]
        self.env.setdefault("TERM", "xterm")

    def ctl(self, *args, check=True, input=b"", text=True, timeout=2 * PATIENCE, env=None):
        p = subprocess.run([self.programs + "/dynoctl", "--root", self.root, *args], input=input,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                           env={**self.env, **(env or {})})
        r = Result(p)
        if text:
            r.out, r.err = r.out.decode(errors="replace"), r.err.decode(errors="replace")
        if check:
            assert r.status == 0, f"dynoctl {' '.join(args)}: {r}"
        return r

    def json(self, *args):
        return json.loads(self.ctl(*args, "--json").out)

    def configure(self, daemons):
        """Before the start: {"controller": {"key": "value"}}."""
        for daemon, keys in daemons.items():
            place = os.path.join(self.root, f"etc/dyno/{daemon}.conf.d")
            os.makedirs(place)
            with open(os.path.join(place, "test.conf"), "w") as f:
                f.writelines(f"{key} = {value}\n" for key, value in keys.items())

    def start(self):
        self.mounts = mounts_of_all()
        self.ctl("sandbox", "start")
        self.read_env()
        self.instance = self.prefix()

    def read_env(self):
        for line in open(os.path.join(self.root, "env")):
            m = re.match(r"export (\w+)='?([^']*)'?$", line.strip())
            if m and m.group(1) != "PATH":
                self.env[m.group(1)] = m.group(2)

    def stop(self):
        """Ends the instance; nothing of it may be left anywhere."""
        self.ctl("sandbox", "stop")
        assert_nothing_left(self.instance, self.root)
        assert_no_new_mounts(self.mounts)
        assert not os.path.isdir(self.root) or os.listdir(self.root) == []

    def show_logs(self):
        for top, _, files in os.walk(os.path.join(self.root, "log")):
            for f in sorted(files):
                print(f"--- {f}")
                print("".join(open(os.path.join(top, f), errors="replace").readlines()[-40:]))

    # ---- apps ----
    def new_app(self):
        name = f"app{next(self.numbers)}-{os.getpid()}"
        self.ctl("apps:create", name)
        return name

    def deploy(self, app, files, wait=True):
        """files: {path: text or bytes or (text, mode)}; needs a Procfile."""
        with tempfile.TemporaryDirectory(prefix="dyno-s-") as d:
            for path, content in files.items():
                mode = 0o644
                if isinstance(content, tuple):
                    content, mode = content
                full = os.path.join(d, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "wb") as f:
                    f.write(content.encode() if isinstance(content, str) else content)
                os.chmod(full, mode)
            self.ctl("deploy", app, d)
        if wait:
            self.ctl("wait", "--fail-fast", "-a", app)

    def dynos(self, app, type=None):
        found = [d for d in self.json("ps", "-a", app) if type in (None, d["type"])]
        return sorted(found, key=lambda d: d["name"])

    def dyno(self, app, name):
        return next((d for d in self.dynos(app) if d["name"] == name), None)

    def wait_state(self, app, name, *states):
        def right():
            d = self.dyno(app, name)
            return d if d and d["state"] in states else None
        return wait_for(f"{name} in {states}", right)

    def logs(self, app, *args):
        return self.ctl("logs", "-a", app, "-n", "1500", *args).out.splitlines()

    def wait_log(self, app, pattern, timeout=PATIENCE):
        return wait_for(f"log line {pattern!r}", lambda: next(
            (l for l in self.logs(app) if re.search(pattern, l)), None), timeout)

    def run(self, app, *command, check=False, **kw):
        return self.ctl("run", "-a", app, "--no-tty", *command, check=check, **kw)

    def visit(self, dyno, path="/"):
        """GET from a dyno directly; returns (status, body)."""
        c = http.client.HTTPConnection(dyno["address"], dyno["port"], timeout=PATIENCE)
        try:
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read().decode()
        finally:
            c.close()

    def api(self, method, path, body=None, token=None, headers=None, raw=None):
        """A bare request to the API over TCP; returns (status, headers, json or text)."""
        url = urllib.parse.urlparse(self.env["HEROKU_HOST"])
        c = http.client.HTTPConnection(url.hostname, url.port, timeout=PATIENCE)
        h = {"Accept": "application/vnd.heroku+json; version=3",
             "Authorization": "Bearer " + (self.env["HEROKU_API_KEY"] if token is None else token)}
        h.update(headers or {})
        data = raw if raw is not None else json.dumps(body) if body is not None else None
        if data is not None:
            h.setdefault("Content-Type", "application/json")
        try:
            c.request(method, path, data, h)
            r = c.getresponse()
            text = r.read().decode(errors="replace")
            kind = r.headers.get("Content-Type", "")
            return r.status, r.headers, json.loads(text) if "json" in kind and text else text
        finally:
            c.close()

    # ---- processes of this instance ----
    def pids(self, program):
        """pids of a program that was started for this root."""
        mine = []
        for pid, (name, line) in processes().items():
            if os.path.basename(line.split(" ")[0]) == program and self.root in line:
                mine.append(pid)
        return sorted(mine)

    def pid(self, program):
        return wait_for(f"{program} running", lambda: self.pids(program))[0]

    def kill(self, program, sig=signal.SIGKILL):
        """Ends a daemon and waits until another one has taken its place."""
        old = self.pid(program)
        os.kill(old, sig)
        wait_for(f"new {program}", lambda: [p for p in self.pids(program) if p != old])
        return old

    def answers(self):
        """Waits until API, host and report path work again."""
        def works():
            r = self.ctl("host", "ps", "--json", check=False)
            return r.status == 0 and self.ctl("apps", "--json", check=False).status == 0
        wait_for("working instance", works)

    def prefix(self):
        return json.loads(self.ctl("host", "info", "--json").out)["prefix"]


def slug(files, name=None):
    """A gzip'd tar with the tree under ./app; files: {path: text, bytes or TarInfo}."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz", format=tarfile.GNU_FORMAT) as tar:
        for path, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                content.name = path
                tar.addfile(content)
                continue
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(path)
            info.size, info.mode, info.mtime = len(data), 0o755, 1_600_000_000
            tar.addfile(info, io.BytesIO(data))
    return raw.getvalue()
