"""Log sessions as clients of Heroku's see them: resuming, slow readers, many tails."""
import json
import os
import re
import resource
import socket
import time
import urllib.parse

import pytest

from controller import Controller
from drain_sink import Feeder
from harness import PATIENCE, wait_for

SSE = "text/event-stream"


@pytest.fixture(scope="module")
def controller():
    with Controller() as c:
        yield c


@pytest.fixture
def app(controller):
    status, made = controller.api("POST", "/apps", {})
    assert status == 201, made
    return made["name"]


def session(controller, app, **body):
    status, made = controller.api("POST", f"/apps/{app}/log-sessions", body)
    assert status == 201, made
    u = urllib.parse.urlparse(made["logplex_url"])
    return f"{u.path}?{u.query}"


class Stream:
    """A client of a session that reads only when it is asked to."""

    def __init__(self, controller, path, accept=SSE, last=None):
        self.s = socket.create_connection(("127.0.0.1", controller.port), timeout=PATIENCE)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        extra = f"Last-Event-ID: {last}\r\n" if last is not None else ""
        self.s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n{extra}\r\n".encode())
        self.raw, self.text, self.events, self.closed = b"", b"", [], False
        wait_for("head", lambda: b"\r\n\r\n" in self.read().raw)
        head, _, self.raw = self.raw.partition(b"\r\n\r\n")
        self.status = int(head.split()[1])
        self.parse()

    def read(self, timeout=0.02):
        self.s.settimeout(timeout)
        try:
            data = self.s.recv(1 << 20)
            self.raw += data
            self.closed |= not data
        except socket.timeout:
            pass
        except OSError:
            self.closed = True
        return self

    def parse(self):
        """Chunks to text, text to events: (id, name, data)."""
        while b"\r\n" in self.raw:
            size, _, rest = self.raw.partition(b"\r\n")
            n = int(size or b"0", 16)
            if n == 0 or len(rest) < n + 2:
                break
            self.text, self.raw = self.text + rest[:n], rest[n + 2:]
        *whole, self.text = self.text.split(b"\n\n")
        for event in whole:
            found = dict(re.findall(r"(?m)^(id|event|data): (.*)$", event.decode(errors="replace")))
            if found:
                self.events.append((int(found.get("id", 0)), found.get("event"), found.get("data")))
        return self

    def lines(self):
        self.read().parse()
        return [d for _, name, d in self.events if name is None]

    def numbers(self):
        return [int(m[1]) for l in self.lines() if (m := re.search(r"\[web\.1\]: line (\d+)", l))]

    def last(self):
        return self.events[-1][0] if self.events else 0

    def close(self):
        self.s.close()


def test_a_tail_goes_on_where_it_was_after_a_kill_amid_writes(controller, app):
    feeder = Feeder(controller, app)
    path = session(controller, app, tail=True, lines=0)
    got, last = [], None
    for _ in range(4):
        tail = Stream(controller, path, last=last)
        for _ in range(5):
            feeder.feed(200)
            tail.read(0.01)
        controller.kill()
        while not tail.closed:
            tail.read()
        got += tail.numbers()
        last = tail.last()
        tail.close()
        controller.start()
    tail = Stream(controller, path, last=last)
    feeder.feed(1)
    wait_for("the last line", lambda: (got + tail.numbers())[-1:] == [feeder.n])
    got += tail.numbers()
    assert got == list(range(1, feeder.n + 1))
    tail.close()


def test_a_tail_whose_filter_lets_nothing_through_knows_where_it_is(controller, app):
    feeder = Feeder(controller, app)
    feeder.feed(10)
    path = session(controller, app, tail=True, lines=5, source="heroku")
    tail = Stream(controller, path)
    wait_for("position", lambda: tail.read().parse().events)
    assert tail.lines() == []
    (position, name, _), = tail.events
    assert name == "position" and position >= 10
    tail.close()


def test_a_slow_tail_is_told_exactly_how_much_it_has_missed(controller, app):
    feeder = Feeder(controller, app)
    tail = Stream(controller, session(controller, app, tail=True, lines=0))
    for _ in range(20):
        feeder.feed(1000, pad=200)
    def seen():
        lost = [int(m[1]) for l in tail.lines() if (m := re.search(
            r"heroku\[logplex\]: Error L11 \(Tail buffer overflow\) -> This tail session dropped (\d+) messages since "
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00\.$", l))]
        return len(tail.numbers()), lost
    wait_for("all lines", lambda: tail.numbers()[-1:] == [feeder.n])
    n, lost = seen()
    assert lost and n + sum(lost) == feeder.n
    assert tail.numbers() == sorted(set(tail.numbers()))
    tail.close()


def test_plain_readers_get_lines_and_filters_look_at_the_newest_only(controller, app):
    feeder = Feeder(controller, app)
    feeder.feed(50)
    got = Stream(controller, session(controller, app, lines=20, dyno="web"), accept="text/plain")
    wait_for("the end", lambda: got.read().raw.endswith(b"0\r\n\r\n") or got.closed)
    text = (got.raw + got.text).decode()
    assert re.findall(r"app\[web\.1\]: line (\d+)", text) == [str(n) for n in range(31, 51)]
    none = Stream(controller, session(controller, app, lines=20, dyno="web.12"))
    wait_for("the end", lambda: none.read().raw.endswith(b"0\r\n\r\n") or none.closed)
    assert none.lines() == []


def test_dead_sessions_are_not_found(controller, app):
    path = session(controller, app, tail=True)
    for wrong in (path.replace("tail=1", "tail=0"), re.sub(r"expires=\d+", "expires=1", path),
                  re.sub(r"expires=\d+", f"expires={int(time.time()) - 400}", path), "/log-streams/x"):
        s = Stream(controller, wrong, last=5)
        assert s.status == 404
        assert wait_for("body", lambda: s.read().raw).endswith(b"Not found")
        s.close()
    tail = Stream(controller, path)
    assert tail.status == 200
    assert controller.api("DELETE", f"/apps/{app}")[0] == 200
    wait_for("the end", lambda: tail.read().closed or tail.raw.endswith(b"0\r\n\r\n"))
    again = Stream(controller, path, last=1)
    assert again.status == 404
    again.close()


def test_an_idle_tail_takes_little_memory_and_gone_ones_none(controller, app):
    n = 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    Feeder(controller, app).feed(100, pad=100)
    path = session(controller, app, tail=True, lines=100)

    def rss():
        text = open(f"/proc/{controller.process.pid}/smaps_rollup").read()
        return int(re.search(r"Rss:\s+(\d+)", text)[1])

    def fds():
        return len(os.listdir(f"/proc/{controller.process.pid}/fd"))
    before, before_fds = rss(), fds()
    tails = [Stream(controller, path) for _ in range(n)]
    for t in tails:
        wait_for("backlog", lambda t=t: len(t.lines()) >= 100)
    each = (rss() - before) / n
    assert each <= 32, f"{each:.1f} KiB"
    for t in tails:
        t.close()
    wait_for("clients freed", lambda: fds() <= before_fds + 4)


class Person:
    """Somebody with an account and a token."""

    def __init__(self, c, email, app=None, **token):
        self.c, self.email = c, email
        if c.api("GET", "/accounts/" + email)[0] == 404:
            assert c.api("POST", "/accounts", {"email": email, "password": "a long enough one"})[0] == 201
        status, made = c.api("POST", f"/accounts/{email}/authorizations", {"description": "x", **token})
        assert status == 201, made
        self.id, self.token = made["id"], made["access_token"]["token"]
        if app:
            assert c.api("POST", f"/apps/{app}/collaborators", {"user": email})[0] == 201

    def session(self, app, **body):
        r = self.c.curl(f"/apps/{app}/log-sessions", "-H", "Authorization: Bearer " + self.token, "-H",
                        "Content-Type: application/json", "-d", json.dumps({"tail": True, **body}))
        assert r.status == 201, r
        u = urllib.parse.urlparse(r.json()["logplex_url"])
        return f"{u.path}?{u.query}"


def ended(stream):
    """Its last chunk has come."""
    wait_for("the end", lambda: stream.read().parse().closed or stream.raw.startswith(b"0\r\n"), 20)
    return True


@pytest.mark.parametrize("how", ["collaborator", "token", "account"])
def test_a_session_ends_at_once_when_access_is_taken(controller, app, how):
    c, name = controller, f"{how}@example.com"
    anna = Person(c, name, app)
    again = Person(c, name) if how != "account" else anna
    mine, other = anna.session(app), again.session(app)
    tails = [Stream(c, mine), Stream(c, mine, accept="text/plain")]
    same, root = Stream(c, other), Stream(c, session(c, app, tail=True))
    assert {s.status for s in [*tails, same, root]} == {200}
    unopened = anna.session(app, tail=False)
    assert c.api("DELETE", {"collaborator": f"/apps/{app}/collaborators/{name}", "account": f"/accounts/{name}",
                            "token": f"/oauth/authorizations/{anna.id}"}[how])[0] in (200, 204)
    assert all(map(ended, tails))
    for path in (mine, unopened):
        assert Stream(c, path).status == 404
        assert Stream(c, path, last=1).status == 404
    # What another token has made goes on, if the account has the app.
    assert Stream(c, other).status == (200 if how == "token" else 404)
    assert how == "token" or ended(same)
    assert c.api("PATCH", f"/apps/{app}/config-vars", {"A": how})[0] == 200
    for s in [root] + [same] * (how == "token"):
        wait_for("the line", lambda: any("config vars" in line for line in s.lines()), 20)


def test_the_sessions_of_a_token_end_with_its_time(controller, app):
    anna = Person(controller, "time@example.com", app, expires_in=2)
    path = anna.session(app)
    s = Stream(controller, path)
    assert s.status == 200
    wait_for("its end", lambda: Stream(controller, path).status == 404)


def test_a_session_is_not_for_another_account_or_token(controller, app):
    path = Person(controller, "sign@example.com", app).session(app)
    assert Stream(controller, path).status == 200
    for wrong in (re.sub(r"by=[^&]*", "by=", path), re.sub(r"token=[^&]*", "token=", path),
                  re.sub(r"&by=[^&]*&token=[^&]*", "", path)):
        assert wrong != path and Stream(controller, wrong).status == 404
