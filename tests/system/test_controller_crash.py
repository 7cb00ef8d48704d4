"""kill -9 of the controller at each of its writes, and a disk that takes none: what
was acknowledged is there, what was not is there wholly or not at all.

Runs with a build of its own (contrib/check makes it: ../configure
--enable-fault-points in build-fault). A script of requests is run once as it is;
what the state is behind each of them is what it must be, too, when the controller
was killed in it and it was asked again if it had not been done. FAULT_EVERY=1 goes
through all points, otherwise each request has one, drawn by FAULT_SEED.
"""
import contextlib
import errno
import glob
import hmac
import http.client
import http.server
import itertools
import json
import os
import random
import re
import sqlite3
import threading
import time
import uuid

import pytest

from controller import Controller, Curl, path_of
from fake_host import FakeHost
from fault import KILL, FaultTable
from harness import TOP, programs, slug, wait_for

BUILD = os.environ.get("DYNO_FAULT_BUILD", os.path.join(TOP, "build-fault"))
EVERY = os.environ.get("FAULT_EVERY") == "1"
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100000))
CONF = "idle-after = 0\ndrain-networks = 127.0.0.1\n"
FIRST_START = 60  # points that a first start has, or a little more
LINES = 20

pytestmark = pytest.mark.skipif(not os.access(BUILD + "/dyno-controller", os.X_OK),
                                reason="no build with fault points")


class FaultyController(Controller):
    def __init__(self, env=None):
        super().__init__(CONF, build=programs(BUILD), env=env)
        self.env = {**(env or {}), "DYNO_FAULT_COUNT": self.root + "/fault"}
        self.table = FaultTable(self.root + "/fault.dyno-controller")

    def kill_at(self, n):
        """At the n-th point of all from now on. Returns whether it was."""
        self.table.set(0, KILL, self.table.total() + n)
        return lambda: self.table.get(0, KILL) == 0

    def start_until(self):
        """A start that may be killed: until it serves or has ended."""
        try:
            self.start()
        except AssertionError:
            assert self.process.poll() == -9, self.log()

    def database(self, name, query):
        path = f"{self.root}/var/lib/dyno/controller/{name}.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()

    def state(self):
        return {k: json.loads(v) for k, v in self.database("state", "SELECT key, value FROM kv")}


# What differs from run to run: ids, names by chance, times, secrets, and places in the log.
PLAIN = ((re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
         (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
         (re.compile(r"vault1:[^\"]*"), "SEALED"),
         (re.compile(r"(?<=[/\"$.])[A-Za-z0-9+/=$_-]{32,}"), "SECRET"),
         (re.compile(r"\"(deadline|from)\": \d+"), r"\1 N"),
         (re.compile(r"\b(run|release)\.\d+"), r"\1.N"), (re.compile(r"\"after\": \d+"), "AFTER"),
         (re.compile(r"(expires|signature)=\w+"), ""), (re.compile(r":\d{4,5}/"), ":PORT/"))


def plain(text):
    for pattern, word in PLAIN:
        text = pattern.sub(word, text)
    return text


def told(value):
    """As a text; lists in the order of what they hold, as that of ids is by chance."""
    if isinstance(value, list):
        return "[" + ", ".join(sorted(map(told, value))) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{k}": {told(value[k])}' for k in sorted(value)) + "}"
    return plain(json.dumps(value))


VIEWS = ("config-vars", "releases", "formation", "domains", "log-drains", "collaborators", "addons",
         "addon-attachments", "features", "webhooks", "buildpack-installations")


def picture(c):
    """The state and what the API shows of it, without what differs from run to run."""
    keys = sorted(plain(f"{k} {told(v)}") for k, v in c.state().items())
    shown = []
    for app in ("one", "uno"):
        for view in VIEWS:
            status, body = c.api("GET", f"/apps/{app}/{view}")
            if status == 200:
                shown.append(plain(f"{app} {view} {told(body)}"))
    return keys + shown


def census(c, dead=()):
    """All that belongs together in the state is together."""
    s = c.state()

    def under(prefix):
        return {k[len(prefix):]: v for k, v in s.items() if k.startswith(prefix)}
    apps = {k.split("/")[2]: v for k, v in s.items() if k.count("/") == 2 and k.startswith("/apps/")}
    assert {v["name"]: i for i, v in apps.items()} == {n: v["id"] for n, v in under("/app-names/").items()}
    dynos, domains, index = {}, {}, set()
    for i, app in apps.items():
        mine = under(f"/apps/{i}/")
        for noun in ("releases", "configs"):
            numbers = sorted(int(k.split("/")[1]) for k in mine if k.startswith(noun + "/"))
            assert numbers == list(range(1, app["version"] + 1)), (app["name"], noun, numbers)
        for k, v in mine.items():
            noun, _, which = k.partition("/")
            if noun == "releases":
                assert v["version"] == int(which)
                assert v["slug"] is None or "sha256" in s["/slugs/" + v["slug"]]
            if noun == "dynos":
                dynos[which] = v.get("host") or ""
            if noun == "domains":
                domains[v["hostname"]] = which
            if noun == "addons":
                index |= {which, v["name"]}
            if noun == "attachments":
                index.add(which)
                assert f"addons/{v['addon']}" in mine
        names = [v["name"] for k, v in mine.items() if k.startswith("dynos/")]
        assert len(names) == len(set(names)), names
    placed = {k.split("/")[1]: k.split("/")[0] for k in under("/host-dynos/")}
    placed.update({k: "" for k in under("/unplaced/")})
    assert placed == dynos
    assert {n: v["id"] for n, v in under("/domain-names/").items()} == domains
    assert set(under("/addon-index/")) == index
    for v in under("/attach/").values():
        assert v["dyno"] in dynos, v
    accounts = set(under("/accounts/"))
    assert {v["id"] for v in under("/account-emails/").values()} == accounts
    for v in under("/tokens/").values():
        assert v.get("host") or v["account"] in accounts
    text = json.dumps(s)
    for i in dead:
        assert i not in text, [k for k, v in s.items() if i in k + json.dumps(v)]
        for table in ("apps", "chunks", "counts"):
            wait_for("no lines of an app that is gone",
                     lambda: not c.database("logs", f"SELECT 1 FROM {table} WHERE app = '{i}'"), 10)
    hooks = {k.split("/")[-1] for k in s if "/webhooks/" in k}
    of_hooks = {k.split("/")[2] for k in s if "/webhooks/" in k}
    for table, column, there in (("delivery", "hook", hooks), ("dropped", "hook", hooks), ("part", "app", of_hooks),
                                 ("event", "app", of_hooks), ("delivery", "app", of_hooks)):
        wait_for(f"{table}s of webhooks that there are", lambda: {
            r[0] for r in c.database("webhooks", f"SELECT {column} FROM {table}")} <= there, 10)
    releases = {v["id"] for k, v in s.items() if re.match("/apps/[^/]*/releases/", k)}
    for table in ("output", "line"):
        wait_for(f"{table}s of releases that there are", lambda: {
            r[0] for r in c.database("outputs", f"SELECT release FROM {table}")} <= releases, 10)
    seats = {(h, i) for i, h in placed.items() if h}
    wait_for("seats of all dynos", lambda: set(c.database("seats", "SELECT host, id FROM seat WHERE left = 0")) == seats, 10)
    drains = {v["id"] for k, v in s.items() if "/drains/" in k}
    wait_for("cursors of drains that there are",
             lambda: {r[0] for r in c.database("drains", "SELECT id FROM windows")} <= drains, 5)


class Refused(Exception):
    """An answer that is none of the good ones."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


class Script:
    """The requests, one after the other; ids are looked up when they are needed."""

    def __init__(self, c):
        self.c = c
        self.epoch, self.instance = str(uuid.uuid4()), str(uuid.uuid4())
        self.boot, self.seq = str(uuid.uuid4()), itertools.count(1)
        self.posted = self.output = 0
        self.app_ids = set()

    def api(self, method, path, body=None, good=(200, 201, 202)):
        status, answer = self.c.api(method, path, body)
        if status not in good:
            raise Refused(status, answer)
        return answer

    def app_id(self):
        return next(v["id"] for k, v in self.c.state().items() if k.startswith("/app-names/") and k[11:] in ("one", "uno"))

    def slug_id(self, kind="worker"):
        return next(k[7:] for k, v in self.c.state().items() if k.startswith("/slugs/") and kind in v["process_types"])

    def upload(self, kind="worker"):
        # The URL came with the answer to the request before, which may be lost.
        path, end = f"/slug-blobs/{self.slug_id(kind)}", int(time.time()) + 1000
        key = open(self.c.root + "/var/lib/dyno/controller/signing-key").read().strip().encode()
        mac = hmac.new(key, f"{path}\nmethod=put\n{end}".encode(), "sha256").hexdigest()
        path += f"?method=put&expires={end}&signature={mac}"
        file = self.c.root + "/slug"
        with open(file, "wb") as f:
            f.write(SLUG)
        r = Curl(self.c.url(path), "-T", file)
        if r.exit:
            raise ConnectionError(r)
        if r.status != 200:
            raise Refused(r.status, r.json())

    def register(self, name="h1", draining=False):
        self.api("PUT", f"/upstream/v1/hosts/{name}", {
            "boot": self.boot, "version": "0", "draining": draining, "capacity": {"memory": 1 << 34, "cpus": 8}})

    def report(self, ended="", host="h1"):
        """All is up, or those of a type have ended."""
        self.register(host)
        wanted = self.api("GET", f"/upstream/v1/hosts/{host}/assignments?after=0&wait=0")["assignments"]
        dynos = [{"id": a["id"], "name": a["name"], "state": "complete" if a["type"] == ended else "up",
                  "since": "2026-11-21T00:13:42Z", "pid": 1, "address": "127.0.0.1", "port": 5000,
                  "exit_status": 0 if a["type"] == ended else None, "error": None} for a in wanted]
        self.api("POST", f"/upstream/v1/hosts/{host}/report", {
            "boot": self.boot, "seq": next(self.seq), "full": True, "draining": False, "dynos": dynos})

    def post(self, source, texts, first, ps="web.1"):
        frames = b""
        for i, text in enumerate(texts):
            frame = f"{first + i} {time.time_ns() // 1000} {self.app_id()} {source} {ps} {text}".encode()
            frames += b"%d %s" % (len(frame), frame)
        s = http.client.HTTPConnection("localhost", self.c.port, timeout=60)
        token = open(self.c.root + "/var/lib/dyno/controller/token").read().strip()
        with contextlib.closing(s):
            s.request("POST", f"/upstream/v1/hosts/h1/logs?epoch={self.epoch}", frames,
                      {"Authorization": "Bearer " + token})
            r = s.getresponse()
            answer = json.loads(r.read())
        if r.status != 200:
            raise Refused(r.status, answer)
        assert answer["acked"] == first + len(texts) - 1, answer

    def lines(self):
        self.post("app", [f"line {i}" for i in range(LINES)], 1)
        self.posted = LINES

    def death(self):
        self.post("death", [json.dumps({"instance": self.instance, "time": "2026-11-21T00:13:42Z"})], LINES + 1)

    def phase_post(self, *args):
        self.post(*args, next(v["name"] for k, v in self.c.state().items() if "/dynos/" in k and v["type"] == "release"))

    def phase_output(self):
        """What the release command writes."""
        self.phase_post("app", [f"step {i}" for i in range(LINES)], LINES + 2)
        self.output = LINES

    def addon(self, path, method, body=None):
        return lambda: self.api(method, path, body)

    def webhook_id(self):
        return next(k.split("/")[-1] for k in self.c.state() if "/webhooks/" in k)

    def attachment(self):
        return next(k.split("/")[-1] for k, v in self.c.state().items() if "/attachments/" in k and v["name"] == "SECOND")

    def destroy(self):
        self.app_ids.add(self.app_id())
        self.api("DELETE", "/apps/uno")

    def steps(self):
        api = self.api
        return [(name, lambda args=args: args[0]() if callable(args[0]) else api(*args)) for name, *args in (
            ("register", self.register),
            ("create", "POST", "/apps", {"name": "one"}),
            ("config", "PATCH", "/apps/one/config-vars", {"A": "1", "B": "2"}),
            ("slug", "POST", "/apps/one/slugs", {"process_types": {"web": "true", "worker": "true"}}),
            ("upload", self.upload),
            ("release", lambda: api("POST", "/apps/one/releases", {"slug": self.slug_id()})),
            ("up", self.report),
            ("scale", "PATCH", "/apps/one/formation", {"updates": [{"type": "web", "quantity": 3},
                                                                 {"type": "worker", "quantity": 2}]}),
            ("run", "POST", "/apps/one/dynos", {"command": "true", "attach": True}),
            ("config again", "PATCH", "/apps/one/config-vars", {"A": "3", "B": None}),
            ("lines", self.lines),
            ("death", self.death),
            ("rollback", "POST", "/apps/one/releases", {"release": "v4"}),
            ("complete", lambda: self.report("run")),
            ("run detached", "POST", "/apps/one/dynos", {"command": "true"}),
            ("domain", "POST", "/apps/one/domains", {"hostname": "www.example.com"}),
            ("drain", "POST", "/apps/one/log-drains", {"url": "syslog://127.0.0.1:1"}),
            ("feature", "PATCH", "/apps/one/features/log-runtime-metrics", {"enabled": True}),
            ("account", "POST", "/accounts", {"email": "a@example.com", "password": "a long enough one"}),
            ("collaborator", "POST", "/apps/one/collaborators", {"user": "a@example.com"}),
            ("token", "POST", "/accounts/a@example.com/authorizations", {"description": "x"}),
            ("host token", "POST", "/host-tokens", {"host": "h1"}),
            ("log token", "POST", "/apps/one/log-tokens", {}),
            ("addon", "POST", "/apps/one/addons", {"plan": "db:x", "name": "db-1", "config": {"url": "x"}}),
            ("attach", "POST", "/addon-attachments", {"addon": "db-1", "app": "one", "name": "SECOND"}),
            ("addon config", "PATCH", "/addons/db-1/config", {"config": [{"name": "url", "value": "y"}]}),
            ("webhook", "POST", "/apps/one/webhooks", {"include": ["api:app"], "level": "notify",
                                                       "url": "http://127.0.0.1:1/"}),
            ("webhook again", lambda: api("PATCH", f"/apps/one/webhooks/{self.webhook_id()}", {
                "include": ["api:app"], "level": "sync", "url": "http://127.0.0.1:1/x"})),
            ("buildpacks", "PUT", "/apps/one/buildpack-installations",
             {"updates": [{"buildpack": "https://example.com/x"}]}),
            ("restart", "DELETE", "/apps/one/dynos"),
            ("second host", lambda: self.register("h2")),
            ("draining", lambda: self.register("h1", True)),
            ("rename", "PATCH", "/apps/one", {"name": "uno", "maintenance": True}),
            ("no drain", "DELETE", "/apps/uno/log-drains/" "syslog%3A%2F%2F127.0.0.1%3A1"),
            ("drain again", "POST", "/apps/uno/log-drains", {"url": "syslog://127.0.0.1:1"}),
            ("no domain", "DELETE", "/apps/uno/domains/www.example.com"),
            ("domain again", "POST", "/apps/uno/domains", {"hostname": "www.example.com"}),
            ("no attachment", lambda: api("DELETE", f"/addon-attachments/{self.attachment()}")),
            ("no collaborator", "DELETE", "/apps/uno/collaborators/a@example.com"),
            ("no account", "DELETE", "/accounts/a@example.com"),
            ("destroy", self.destroy),
            ("create again", "POST", "/apps", {"name": "one"}),
            ("slug with a command", "POST", "/apps/one/slugs", {"process_types": {"web": "true", "release": "true"}}),
            ("upload it", lambda: self.upload("release")),
            ("pending", lambda: api("POST", "/apps/one/releases", {"slug": self.slug_id("release")})),
            ("output", self.phase_output),
            ("its end", lambda: self.phase_post("heroku", ["Process exited with status 0"], 2 * LINES + 2)),
            ("succeeded", lambda: self.report("release", "h2")),
        )]

    def judge_output(self):
        """All of it, once."""
        if self.output:
            wait_for("the whole output", lambda: [r[0] for r in self.c.database("outputs", "SELECT text FROM line ORDER BY at")]
                     == [f"step {i}\n".encode() for i in range(self.output)], 20)

    def judge_lines(self):
        """All that were acknowledged, once."""
        if not self.posted or self.app_ids:
            return
        path = path_of(self.api("POST", f"/apps/{self.app_id()}/log-sessions", {"lines": 1500})["logplex_url"])
        found = re.findall(r"app\[web\.1\]: line (\d+)", self.c.curl(path).body.decode())
        assert [int(n) for n in found] == list(range(self.posted)), found


@pytest.fixture(scope="module", autouse=True)
def blob(tmp_path_factory):
    global SLUG
    SLUG = slug({"./app/Procfile": "web: true\n"})


@pytest.fixture(scope="module")
def reference():
    """[(name of the request, points that it passes, the picture behind it)]"""
    print("FAULT_SEED", SEED)
    found = []
    with FaultyController() as c:
        script = Script(c)
        found.append(("start", c.table.total(), picture(c)))
        for name, step in script.steps():
            before = c.table.total()
            step()
            points = c.table.total() - before
            found.append((name, points, picture(c)))
            census(c, script.app_ids)
        script.judge_lines()
        script.judge_output()
        print(len(found), "requests,", sum(n for _, n, _ in found), "points:", dict(c.table.counts()))
    return found


def differs(have, want):
    return {"more": [k for k in have if k not in want], "less": [k for k in want if k not in have]}


def run_killed(c, reference, point):
    """The script, killed in each request at its point(points, name); 0: not at all."""
    script, kills = Script(c), 0
    steps = script.steps()
    for (name, points, after), (_, _, before), (_, step) in zip(reference[1:], reference, steps):
        n = point(points, name)
        if not n:
            step()
            continue
        fired, acked = c.kill_at(n), False
        try:
            step()
            acked = True
        except (OSError, http.client.HTTPException, ValueError):
            pass
        if not fired():
            c.table.set(0, KILL, 0)
            assert acked, f"{name} failed, but was not killed"
            continue
        kills += 1
        c.process.wait(timeout=20)
        c.start()
        where = f"\"{name}\" killed at {n} of {points}"
        have = picture(c)
        assert have == after or (not acked and have == before), (where, acked, differs(have, after))
        if have != after or after == before:
            step()
            assert picture(c) == after, (where, differs(picture(c), after))
        census(c, script.app_ids)
        script.judge_lines()
        script.judge_output()
    return kills


def test_killed_in_a_request_it_is_done_wholly_or_not_at_all(reference):
    chance = random.Random(SEED)
    most = max(points for _, points, _ in reference[1:])
    passes = range(1, most + 1) if EVERY else [0]
    kills, bad = 0, []
    for n in passes:
        with FaultyController() as c:
            try:
                kills += run_killed(c, reference, lambda points, name: (n if n <= points else 0) if EVERY
                                    else points and chance.randint(1, points))
            except AssertionError as why:
                bad.append(str(why)[:4000])
                print("pass", n, bad[-1])
    print(kills, "kills in", len(reference) - 1, "requests")
    assert not bad
    assert kills >= (sum(points for _, points, _ in reference[1:]) if EVERY else len(reference)) * 0.7


CALLS = ("write state.db", "commit state.db", "write logs.db", "commit logs.db", "write audit.db", "write",
         "mkdir", "fsync", "rename a file")


def test_what_the_disk_does_not_take_is_refused_and_can_be_asked_for_again(reference):
    chance, refused, bad = random.Random(SEED), 0, []
    with FaultyController() as c:
        script = Script(c)
        for (name, _, after), (_, _, before), (_, step) in zip(reference[1:], reference, script.steps()):
            for call in [n for n in CALLS if n in c.table.counts()]:
                error = chance.choice((errno.ENOSPC, errno.EIO))
                failed = c.table.fail_at(call, 1000, error)
                try:
                    step()
                    done = True
                except Refused as why:
                    done = False
                    refused += 1
                    text = "no room" if why.status in (503, 507) else "log says more"
                    if error == errno.ENOSPC and why.status == 500 or text not in why.body["message"]:
                        bad.append((name, call, str(why)))
                c.table.disarm()
                have = picture(c)
                # The record of an end is kept before its line is: taken twice, it is there once.
                want = after if done or (name == "death" and have == after) else before
                assert have == want, (name, call, done, differs(have, want))
                if done and after != before:
                    break
            else:
                step()
                assert picture(c) == after, (name, differs(picture(c), after))
            if not script.app_ids:
                census(c)
            script.judge_lines()
        c.stop()
        c.start()
        census(c, script.app_ids)
    print(refused, "refused")
    assert not bad and refused > len(reference)


FULL_DISK = ["unshare", "-m", "sh", "-c", "mkdir -p $0 && mount -t tmpfs -o size=6m dyno-crash $0 && exec \"$@\""]


def versions(c):
    r = c.curl("/apps/one/releases", "-H", "Range: version ..; max=1000", "--unix-socket", c.socket)
    assert r.status == 200, r
    return [x["version"] for x in r.json()]


def test_a_full_disk_costs_nothing_but_time():
    c = Controller(CONF)
    lib = c.root + "/var/lib/dyno/controller"
    c.wrap = FULL_DISK + [lib]
    with c:
        inside = f"/proc/{c.process.pid}/root{lib}"
        c.app("one")
        done, refused, fill = 0, [], open(inside + "/fill", "wb", 0)
        for n in range(2000):
            with contextlib.suppress(OSError):
                while fill.write(bytes(4096)):
                    pass
            status, body = c.api("PATCH", "/apps/one/config-vars", {f"K{n}": "x" * 500})
            done += status == 200
            if status != 200:
                refused.append((status, body))
            if len(refused) == 5:
                break
        assert len(refused) == 5, done
        for status, body in refused:
            assert status == 503 and "no room on the controller's disk" in body["message"], body
        # It can still be asked.
        assert versions(c) == list(range(1, done + 3))
        fill.truncate(0)
        for n in range(3):
            status, body = c.api("PATCH", "/apps/one/config-vars", {f"L{n}": "y"})
            assert status == 200, body
        assert versions(c) == list(range(1, done + 6))
        fill.close()
        status, found = c.api("GET", "/apps/one/config-vars")
        assert len(found) == done + 3


def test_killed_in_its_first_start_it_starts_all_the_same(reference):
    numbers = range(1, FIRST_START) if EVERY else random.Random(SEED).sample(range(1, 30), 2)
    for n in numbers:
        c = FaultyController(env={"DYNO_FAULT": f"dyno-controller:{n}"})
        try:
            c.start_until()
            if c.process.poll() is not None:
                c.start()
            assert picture(c) == reference[0][2], f"killed at {n}: {differs(picture(c), reference[0][2])}"
            # Its keys are those of the next start, too.
            files = {p: open(p).read() for p in glob.glob(c.root + "/var/lib/dyno/controller/*")
                     if os.path.basename(p) in ("token", "signing-key", "state-key", "ca-key.pem", "ca.pem")}
            assert len(files) == 5
            c.stop()
            c.start()
            assert all(open(p).read() == text for p, text in files.items())
        finally:
            c.close()


def test_killed_in_a_start_with_all_there_is_it_loses_nothing(reference):
    with FaultyController() as c:
        script = Script(c)
        for name, step in script.steps():
            if name == "destroy":
                break
            step()
        want = picture(c)
        c.stop()
        before = c.table.total()
        c.start()
        # Behind the first sixty what was on its way goes on, as it comes.
        numbers = range(1, c.table.total() - before + 1) if EVERY else range(1, 61)
        assert picture(c) == want and len(numbers) > 3
        kills = 0
        for n in numbers if EVERY else random.Random(SEED).sample(numbers, 3):
            c.stop()
            fired = c.kill_at(n)
            c.start_until()
            if fired():
                kills += 1
                c.process.wait(timeout=20)
                c.start()
            c.table.set(0, KILL, 0)
            assert picture(c) == want, f"killed at {n}: {differs(picture(c), want)}"
            census(c)
            script.judge_lines()
        print(kills, "kills at", len(numbers), "points of a start with state")
        assert kills >= 1


class Ear(http.server.ThreadingHTTPServer):
    """Keeps (hostname, action, id of the delivery) of what a webhook is told."""

    def __init__(self):
        self.heard = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                e = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.server.heard.append((e["data"]["hostname"], e["action"], e["webhook_metadata"]["delivery"]["id"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        threading.Thread(target=self.serve_forever, daemon=True).start()


WEBHOOK_CALLS = ("write webhooks.db", "wrote webhooks.db", "commit webhooks.db", "committed webhooks.db")
WEBHOOK_PASSES = {"write webhooks.db": 12, "wrote webhooks.db": 12}  # 3 of the others; a little less than there are


def test_a_webhook_is_told_each_change_once_wherever_the_controller_is_killed():
    """The calls of its file are killed one after the other, with changes on their way."""
    chance, ear, done, kills = random.Random(SEED), Ear(), [], 0
    print("FAULT_SEED", SEED)
    with FaultyController() as c, contextlib.closing(ear.socket):
        assert c.api("POST", "/apps", {"name": "one"})[0] == 201
        assert c.api("POST", "/apps/one/webhooks", {"include": ["api:domain"], "level": "sync", "url": ear.url})[0] == 201

        def again():
            """What was on its way goes on in a start, and may reach the point there."""
            nonlocal kills
            assert c.process.wait(timeout=20) == -9
            while c.process.poll() is not None:
                kills += 1
                c.start_until()

        def change(name, method="POST", path="", **body):
            """Again until it is acknowledged, which a controller that is killed does not do."""
            for _ in range(5):
                try:
                    status, answer = c.api(method, "/apps/one/domains" + path, body or None)
                except (OSError, http.client.HTTPException, ValueError):
                    again()
                    continue
                # Done before: the answer was lost.
                assert status in ((201, 422) if method == "POST" else (200, 404)), answer
                done.append((name, "create" if method == "POST" else "destroy"))
                return
        change("first.example", hostname="first.example")
        wait_for("the first", lambda: len(ear.heard) == 1)
        points = [(call, n) for call in WEBHOOK_CALLS for n in range(1, WEBHOOK_PASSES.get(call, 3) + 1)]
        for i, (call, n) in enumerate(points if EVERY else chance.sample(points, 6)):
            c.table.kill_at(call, n)
            for name in (f"a{i}.example", f"b{i}.example"):
                change(name, hostname=name)
            change(f"a{i}.example", "DELETE", f"/a{i}.example")
            with contextlib.suppress(AssertionError, OSError, http.client.HTTPException, ValueError):
                wait_for("it", lambda: c.process.poll() is not None or (f"b{i}.example" in str(ear.heard) and all(
                    d["status"] == "succeeded" for d in c.api("GET", "/apps/one/webhook-deliveries")[1])), 10)
            c.table.disarm()
            if c.process.poll() is not None:
                again()
            census(c)
        # A domain that came and went while nobody looked is none.
        def told():
            return {(name, action) for name, action, _ in ear.heard}

        def missing():
            return {w for w in done if w not in told()
                    and not (w[0][0] == "a" and not told() & {(w[0], "create"), (w[0], "destroy")})}
        wait_for("all", lambda: not missing(), 30)
        wait_for("an end", lambda: all(d["status"] == "succeeded" for d in c.api("GET", "/apps/one/webhook-deliveries")[1]), 30)
        ids = {}
        for name, action, delivery in ear.heard:
            ids.setdefault((name, action), set()).add(delivery)
        twice = {w: i for w, i in ids.items() if len(i) != 1}
        assert not twice and not told() - set(done)
        print(kills, "kills,", len(ear.heard) - len(set(ear.heard)), "came again with their id")
        assert kills >= (10 if EVERY else 1)
    ear.shutdown()
