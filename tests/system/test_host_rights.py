"""What a worker host may say: of its own dynos everything, also late; of others nothing."""
import contextlib
import itertools
import json
import re
import sqlite3
import time
import uuid

import pytest

from controller import Controller, path_of
from harness import slug, wait_for


class Host:
    """Speaks with the token that was made for it."""

    def __init__(self, c, name):
        self.c, self.name = c, name
        self.boot, self.epoch = str(uuid.uuid4()), str(uuid.uuid4())
        self.seq, self.frame = itertools.count(1), itertools.count(1)
        self.token = c.api("POST", "/host-tokens", {"host": name})[1]["access_token"]["token"]
        self.register()

    def call(self, method, path, data=None, good=200):
        r = self.c.curl(f"/upstream/v1/hosts/{self.name}{path}", "-X", method, "-H", "Authorization: Bearer " + self.token,
                        *(("-H", "Content-Type: application/json", "-d", json.dumps(data)) if isinstance(data, dict) else
                          ("--data-binary", data) if data is not None else ()))
        assert r.status == good, r
        return r.json() if r.body else None

    def register(self):
        self.call("PUT", "", {"boot": self.boot, "version": "0", "draining": False, "capacity": {"memory": 1 << 34, "cpus": 8}})

    def wanted(self):
        return {a["name"]: a["id"] for a in self.call("GET", "/assignments?after=0&wait=0")["assignments"]}

    def report(self, *dynos, full=False):
        self.call("POST", "/report", {"boot": self.boot, "seq": next(self.seq), "full": full, "draining": False, "dynos": [
            {"name": "x", "state": "up", "since": "2026-11-21T00:13:42Z", "pid": 1, "address": "127.0.0.1", "port": 5000,
             "exit_status": None, "error": None, **d} for d in dynos]})

    def say(self, app, *frames):
        """(source, ps, message)..."""
        text, last = "", 0
        for source, ps, message in frames:
            last = next(self.frame)
            frame = f"{last} {time.time_ns() // 1000} {app} {source} {ps} {message}"
            text += f"{len(frame)} {frame}"
        assert self.call("POST", f"/logs?epoch={self.epoch}", text)["acked"] == last

    def refused(self):
        return next(h["refused"] for h in self.c.api("GET", "/upstream/v1/hosts")[1] if h["name"] == self.name)


def death(cause="exit"):
    return json.dumps({"instance": str(uuid.uuid4()), "cause": cause, "ended_at": "2026-11-21T00:13:42Z"})


class World:
    """An app with web.1 on one host and web.2 on the other."""

    def __init__(self, controller):
        self.c = controller
        self.c.app("one")
        hosts = [Host(self.c, "h1"), Host(self.c, "h2")]
        slug_id = self.c.upload("one", slug({"app/x": "x"}))
        assert self.c.api("POST", "/apps/one/releases", {"slug": slug_id})[0] == 201
        assert self.c.api("PATCH", "/apps/one/formation/web", {"quantity": 2})[0] == 200
        self.app = self.c.api("GET", "/apps/one")[1]["id"]
        self.first, self.second = sorted(hosts, key=lambda h: sorted(h.wanted()))
        assert (list(self.first.wanted()), list(self.second.wanted())) == (["web.1"], ["web.2"])
        self.web1, self.web2 = self.first.wanted()["web.1"], self.second.wanted()["web.2"]
        self.first.report({"id": self.web1})
        self.second.report({"id": self.web2})

    def lines(self):
        s = self.c.api("POST", "/apps/one/log-sessions", {"lines": 1500, "source": "app"})[1]
        text = self.c.curl(path_of(s["logplex_url"])).body.decode()
        return re.findall(r"app\[(web\.\d)\]: (.*)", text)

    def deaths(self, name):
        return [d["cause"] for d in self.c.api("GET", f"/apps/one/dynos/{name}/deaths")[1]]

    def states(self):
        return {d["name"]: d["state"] for d in self.c.api("GET", "/apps/one/dynos")[1]}


@pytest.fixture
def world():
    with Controller() as c:
        yield World(c)


def test_lines_and_deaths_of_another_hosts_dyno_are_dropped_and_counted_alone(world):
    w = world
    w.second.say(w.app, ("app", "web.2", "mine"), ("app", "web.1", "forged"), ("death", "web.1", death()),
                 ("death", "web.2", death("mine")), ("loss", "web.1", "7"), ("heroku", "web.1", "forged"),
                 ("app", "router", "forged"), ("app", "web.2", "mine, too"))
    assert w.lines() == [("web.2", "mine"), ("web.2", "mine, too")]
    assert w.deaths("web.1") == [] and w.deaths("web.2") == ["mine"]
    assert (w.first.refused(), w.second.refused()) == (0, 5)
    # Nor of an app that it has nothing to do with.
    w.c.app("other")
    w.second.say(w.c.api("GET", "/apps/other")[1]["id"], ("app", "web.2", "forged"))
    assert w.second.refused() == 6
    w.first.say(w.app, ("app", "web.1", "own"))
    assert w.lines()[-1] == ("web.1", "own") and w.first.refused() == 0


def test_reports_change_no_dyno_of_another_host(world):
    w = world
    before = w.c.api("GET", "/apps/one/dynos")[1]
    w.second.report({"id": w.web1, "state": "crashed"}, {"id": w.web1, "state": "complete", "exit_status": 0},
                    {"id": str(uuid.uuid4()), "replaces": w.web1}, {"id": w.web2, "state": "crashed"}, full=True)
    assert w.states() == {"web.1": "up", "web.2": "crashed"}
    assert [d["id"] for d in w.c.api("GET", "/apps/one/dynos")[1]] == [d["id"] for d in before]
    assert w.second.refused() == 3
    # A successor under the id of somebody else's dyno.
    w.second.report({"id": w.web1, "replaces": w.web2})
    assert w.second.wanted() == {"web.2": w.web2} and w.first.wanted() == {"web.1": w.web1}
    mine = str(uuid.uuid4())
    w.second.report({"id": mine, "replaces": w.web2})
    assert w.second.wanted() == {"web.2": mine}
    # And what is written into a stranger's one-off.
    head = ("-H", "Authorization: Bearer " + w.second.token, "-H", "Connection: Upgrade", "-H", "Upgrade: dyno-attach/2")
    assert w.c.curl(f"/upstream/v1/hosts/{w.second.name}/attach/{w.web1}", *head).status == 404
    assert w.c.curl(f"/upstream/v1/hosts/{w.first.name}/attach/{w.web1}", *head).status == 403
    assert w.c.curl(f"/upstream/v1/hosts/{w.first.name}/logs?epoch={uuid.uuid4()}", *head[:2], "-d", "").status == 403


def test_a_host_that_was_away_tells_what_became_of_its_dynos(world):
    w = world
    assert w.c.api("PATCH", "/apps/one/formation/web", {"quantity": 0})[0] == 200
    # Days later, for all that the controller knows; and it is another process by now.
    w.c.kill()
    path = w.c.root + "/var/lib/dyno/controller/seats.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("UPDATE seat SET left = left - 86400000000 * 3").rowcount == 2
        db.commit()
    w.c.start()
    w.first.register()
    w.first.say(w.app, ("app", "web.1", "late"), ("death", "web.1", death("stop")))
    assert w.lines() == [("web.1", "late")] and w.deaths("web.1") == ["stop"]
    # It has it no more; what waits there still comes.
    w.first.report({"id": w.web1}, full=True)
    w.first.report(full=True)
    w.first.say(w.app, ("app", "web.1", "the last"))
    assert w.lines()[-1] == ("web.1", "the last") and w.first.refused() == 0
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("UPDATE seat SET gone = gone - 3700000000 WHERE gone > 0").rowcount == 1
        db.commit()
    w.first.report(full=True)
    w.first.say(w.app, ("app", "web.1", "too late"))
    assert w.lines()[-1] == ("web.1", "the last") and w.first.refused() == 1
    # The other one is still away.
    w.second.say(w.app, ("app", "web.2", "later"))
    assert w.lines()[-1] == ("web.2", "later")


def test_seats_are_found_again_when_their_file_is_lost_or_old(world):
    w = world
    w.c.kill()
    with contextlib.closing(sqlite3.connect(w.c.root + "/var/lib/dyno/controller/seats.db")) as db:
        db.execute("DELETE FROM seat")
        db.execute("INSERT INTO seat VALUES ('h9', 'x', 'y', 'web.1', 0, 0)")
        db.commit()
    w.c.start()
    w.first.register()
    w.first.say(w.app, ("app", "web.1", "still mine"))
    assert w.lines() == [("web.1", "still mine")]
    with contextlib.closing(sqlite3.connect(w.c.root + "/var/lib/dyno/controller/seats.db")) as db:
        assert db.execute("SELECT left > 0 FROM seat WHERE host = 'h9'").fetchall() == [(1,)]


def test_who_is_of_this_machine_speaks_for_all_hosts(world):
    w = world
    frame = f"1 {time.time_ns() // 1000} {w.app} app web.1 by hand"
    r = w.c.curl(f"/upstream/v1/hosts/{w.second.name}/logs?epoch={uuid.uuid4()}", "--unix-socket", w.c.socket,
                 "--data-binary", f"{len(frame)} {frame}")
    assert r.status == 200
    wait_for("the line", lambda: w.lines() == [("web.1", "by hand")])
