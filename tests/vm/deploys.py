"""deploys.py - in the virtual machine: judge what a power cut has left, then deploy.

    python3 deploys.py EXPECTED.json

Nobody gives a command until all is judged: the machine has booted, that is all.
Then some clients change apps of their own, one change after another, until the
power goes. Lines "@ JSON" tell the host what was tried, and what was
acknowledged: what the app looks like then. EXPECTED.json has that of all boots
before, by client.
"""
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import socket
import sqlite3
import sys
import threading
import time

from machine import DAEMONS, active, call, ctl, tell, wait

PATIENCE = 240
TYPES = {"web": 2, "worker": 3}
PROCFILE = "web: perl web.pl\nworker: bash worker.sh\n"
WEB = """\
use IO::Socket::INET;
open(my $f, '<', 'number'); my $body = <$f>; chomp $body; $body .= " " . ($ENV{K} // '');
my $l = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $ENV{PORT},
	Listen => 128, ReuseAddr => 1) or die;
while (1) {
	my $c = $l->accept or next;
	while (defined(my $x = <$c>)) { last if $x =~ /^\\r?$/ }
	print $c "HTTP/1.1 200 OK\\r\\nContent-Length: " . length($body) .
		"\\r\\nConnection: close\\r\\n\\r\\n$body";
	close $c;
}
"""
WORKER = "while :; do echo working; sleep 1; done\n"
ACCEPT = {"Accept": "application/vnd.heroku+json; version=3", "Content-Type": "application/json"}
voice = threading.Lock()


def report(**what):
    with voice:
        print("@ " + json.dumps(what), flush=True)


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect("/run/dyno/api.sock")


def ask(method, path, body=None, raw=False):
    c = Unix("localhost")
    try:
        c.request(method, path, None if body is None else json.dumps(body), ACCEPT)
        answer = c.getresponse()
        data = answer.read()
    finally:
        c.close()
    if answer.status >= 300:
        raise AssertionError("%s %s: %d %s" % (method, path, answer.status, data[:300]))
    return data if raw else json.loads(data)


# ---- what there is ----

def snapshot(name):
    """All of an app that a power cut may not change."""
    path = "/apps/" + name
    releases = ask("GET", path + "/releases")
    return {
        "app": name,
        "releases": [[r["version"], r["id"], (r["slug"] or {}).get("id")]
                     for r in sorted(releases, key=lambda r: r["version"])],
        "config": ask("GET", path + "/config-vars"),
        "formation": {f["type"]: f["quantity"] for f in ask("GET", path + "/formation")},
    }


def served(name):
    c = http.client.HTTPConnection("127.0.0.1", 8080, timeout=30)
    try:
        c.request("GET", "/", headers={"Host": name + ".localhost"})
        answer = c.getresponse()
        return answer.read().decode() if answer.status == 200 else answer.status
    except OSError as e:
        return str(e)
    finally:
        c.close()


def formation_of(s):
    return sorted("%s.%d" % (t, i + 1) for t, n in s["formation"].items() for i in range(n))


# ---- the judge ----

def allowed(now, was, op):
    """Why now cannot follow was, with the change op finished or not; None: it can."""
    extra = now["releases"][len(was["releases"]):]
    if now["releases"][:len(was["releases"])] != was["releases"]:
        return "releases were lost or changed"
    kind = op["op"] if op else None
    last = was["releases"][-1][0] if was["releases"] else 0
    if len(extra) > (kind in ("deploy", "config", "rollback")) or \
            extra and extra[0][0] != last + 1:
        return "releases nobody made"
    config, formation = dict(was["config"]), dict(was["formation"])
    if kind == "config" and extra:
        config["K"] = op["value"]
    if now["config"] != config:
        return "config vars"
    if kind == "scale" and now["formation"].get(op["type"]) == op["quantity"]:
        formation[op["type"]] = op["quantity"]
    if kind == "deploy" and extra and not formation:
        formation = now["formation"]
    if now["formation"] != formation:
        return "formation"
    return None


def learn(now, was, op):
    """Which deploy each release has; from what was known and what was tried."""
    numbers = dict(was["numbers"])
    for version, _, _ in now["releases"][len(was["releases"]):]:
        before = numbers.get(str(version - 1))
        numbers[str(version)] = op["number"] if op["op"] == "deploy" else \
            numbers.get(str(op["version"])) if op["op"] == "rollback" else before
    return dict(now, numbers=numbers)


def judge_apps(clients):
    """Compares all apps; returns what each client has now."""
    there = {a["name"] for a in ask("GET", "/apps")}
    for c in clients:
        op = c["trying"]
        names = [n for n in ((c["has"] or {}).get("app"), op and op.get("app")) if n]
        now = {n: snapshot(n) for n in set(names) & there}
        there -= set(names)
        kind = op["op"] if op else None
        if not now:
            assert c["has"] is None or kind == "destroy", ("an app is gone", c)
            c["has"] = None
        elif c["has"] is None:
            assert kind == "create", ("an app nobody made", c, now)
            s = now[op["app"]]
            assert not s["config"] and not s["formation"] and len(s["releases"]) <= 2, s
            c["has"] = dict(s, numbers={})
        else:
            s = now[c["has"]["app"]]
            why = allowed(s, c["has"], op)
            assert not why, (why, s, c)
            c["has"] = learn(s, c["has"], op)
        c["trying"] = None
    assert not there, ("apps nobody made", there)


def converged(s):
    """Whether the dynos are those of the formation, all of them up."""
    dynos = ask("GET", "/apps/%s/dynos" % s["app"])
    return sorted(d["name"] for d in dynos) == formation_of(s) and \
        all(d["state"] == "up" for d in dynos) and dynos or not dynos and not formation_of(s)


def judge_host(apps):
    """The host has these dynos, and nothing else."""
    wanted = sorted((s["app"], name) for s in apps for name in formation_of(s))

    def has():
        dynos = json.loads(ctl("host", "ps", "--json"))
        return wanted == sorted((d["app"], d["name"]) for d in dynos if d["state"] == "up") and \
            len(dynos) == len(wanted)
    wait("the formation on the host", has, PATIENCE)
    assert len(os.listdir("/run/dyno/dynos")) == len(wanted)
    found = json.loads(ctl("host", "doctor", "--json"))["findings"]
    assert not found, found


def judge_slugs(apps):
    call("dyno-slug", "--store", "/var/lib/dyno/slugs", "verify")
    n = 0
    for s in apps:
        for slug in {r[2] for r in s["releases"] if r[2]}:
            slug = ask("GET", "/apps/%s/slugs/%s" % (s["app"], slug))
            path = re.sub("^https?://[^/]*", "", slug["blob"]["url"])
            data = ask("GET", path, raw=True)
            assert slug["checksum"] == "SHA256:" + hashlib.sha256(data).hexdigest(), slug
            n += 1
    return n


def judge_pages(apps):
    for s in apps:
        if s["formation"].get("web"):
            number = s["numbers"][str(s["releases"][-1][0])]
            right = "%s %s" % (number, s["config"].get("K", ""))
            wait("the page %r of %s, not %r" % (right, s["app"], served(s["app"])),
                 lambda: served(s["app"]) == right)


def judge(clients):
    wait("all units", lambda: all(active(u) for u in DAEMONS))
    judge_apps(clients)
    apps = [c["has"] for c in clients if c["has"]]
    wait("the formation", lambda: all(converged(s) for s in apps), PATIENCE)
    judge_host(apps)
    slugs = judge_slugs(apps)
    judge_pages(apps)
    for name in ("state", "logs"):
        db = sqlite3.connect("file:/var/lib/dyno/controller/%s.db?mode=ro" % name, uri=True)
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.close()
    judge_apps(clients)
    tell("judged: %d apps, %d releases, %d slugs, %d dynos" % (
        len(apps), sum(len(s["releases"]) for s in apps), slugs,
        sum(len(formation_of(s)) for s in apps)))


# ---- what the cut interrupts ----

class Client(threading.Thread):
    """Changes its app, then another; each change once it has told of it."""

    def __init__(self, index, has, rng, first):
        super().__init__(daemon=True)
        self.index, self.has, self.rng, self.count = index, has, rng, first

    def pick(self):
        self.count += 1
        if not self.has:
            return {"op": "create", "app": "app%d-%d" % (self.index, self.count)}
        op = {"app": self.has["app"]}
        slugs = [r for r in self.has["releases"] if r[2]]
        kind = self.rng.choice(["deploy"] * 5 + (["scale"] * 4 + ["config"] * 3 + [
            "restart", "run", "run", "rollback"] + ["destroy"] * (len(slugs) > 3) if slugs else []))
        if kind == "deploy":
            op["number"] = self.count
        if kind == "config":
            op["value"] = "value%d" % self.count
        if kind == "scale":
            op["type"] = self.rng.choice(list(TYPES))
            op["quantity"] = self.rng.randint(0, TYPES[op["type"]])
        if kind == "rollback":
            op["version"], op["release"], _ = self.rng.choice(slugs)
        return dict(op, op=kind)

    def act(self, op):
        path = "/apps/" + op["app"]
        kind = op["op"]
        if kind == "create":
            ask("POST", "/apps", {"name": op["app"]})
        elif kind == "destroy":
            ask("DELETE", path)
        elif kind == "deploy":
            self.deploy(op)
        elif kind == "config":
            ask("PATCH", path + "/config-vars", {"K": op["value"]})
        elif kind == "scale":
            ask("PATCH", path + "/formation", {"updates": [
                {"type": op["type"], "quantity": op["quantity"]}]})
        elif kind == "restart":
            ask("DELETE", path + "/dynos")
        elif kind == "run":
            ask("POST", path + "/dynos", {"command": "sleep 15"})
        elif kind == "rollback":
            ask("POST", path + "/releases", {"release": op["release"]})

    def deploy(self, op):
        d = "/tmp/app%d" % self.index
        shutil.rmtree(d, ignore_errors=True)
        os.mkdir(d)
        for name, text in (("Procfile", PROCFILE), ("web.pl", WEB), ("worker.sh", WORKER),
                           ("number", "%d\n" % op["number"])):
            with open(d + "/" + name, "w") as f:
                f.write(text)
        ctl("deploy", op["app"], d)

    def change(self):
        op = self.pick()
        report(client=self.index, trying=op, count=self.count)
        time.sleep(0.02)  # the host has it, before anything is done
        self.act(op)
        if op["op"] == "destroy":
            self.has = None
        else:
            was = self.has or {"releases": [], "numbers": {}}
            self.has = learn(snapshot(op["app"]), was, op)
        report(client=self.index, has=self.has)

    def run(self):
        try:
            while True:
                self.change()
                time.sleep(self.rng.choice((0, 0, 0.3, 1)))
        except BaseException as e:
            report(client=self.index, failed=repr(e))


def main(path):
    with open(path) as f:
        expected = json.load(f)
    clients = expected["clients"]
    judge(clients)
    # What was left undecided by the cut is known from now on.
    for i, c in enumerate(clients):
        report(client=i, found=c["has"])
    report(judged=True)
    rng = random.Random(expected["seed"])
    threads = [Client(i, c["has"], random.Random(rng.random()), c["count"])
               for i, c in enumerate(clients)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    sys.exit("the clients have ended")


try:
    main(*sys.argv[1:])
except Exception:
    print(call("journalctl", "--no-pager", "-b", "-n", "200", "-u", "dyno*", check=False))
    for verb in ("ps", "plan --all", "doctor"):
        print(ctl("host", *verb.split(), check=False))
    raise
