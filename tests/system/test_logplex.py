"""POST /logs as log-shuttle uses it, and what becomes of the lines."""
import base64
import gzip
import http.client
import re

import pytest

from controller import Controller
from harness import PATIENCE

STAMP = "2026-11-21T00:13:42.662932+00:00"


def frame(text):
    data = text if isinstance(text, bytes) else text.encode()
    return b"%d %s" % (len(data), data)


class Shuttle:
    """A log shipper: batches of frames, its token as the user's password."""

    def __init__(self, controller, token):
        self.controller = controller
        self.token = token

    def line(self, message, ps="worker.1"):
        return frame(f"<190>1 {STAMP} erlang {self.token} {ps} - - {message}\n")

    def post(self, frames, count=None, chunked=False, packed=False, **headers):
        """Returns (status, body). count: what the header says; by default what there is."""
        body = b"".join(frames)
        h = {"Content-Type": "application/logplex-1",
             "Logplex-Msg-Count": str(len(frames) if count is None else count),
             "Authorization": "Basic " + base64.b64encode(b"token:" + self.token.encode()).decode()}
        if packed:
            body, h["Content-Encoding"] = gzip.compress(body), "gzip"
        h.update({k.replace("_", "-"): v for k, v in headers.items()})
        h = {k: v for k, v in h.items() if v is not None}
        c = http.client.HTTPConnection("127.0.0.1", self.controller.port, timeout=PATIENCE)
        try:
            c.request("POST", "/logs", iter([body[:7], body[7:]]) if chunked else body, h, encode_chunked=chunked)
            r = c.getresponse()
            return r.status, r.read().decode()
        finally:
            c.close()


@pytest.fixture(scope="module")
def controller():
    with Controller() as c:
        yield c


@pytest.fixture
def app(controller, request):
    name = re.sub("[^a-z]", "", request.node.name)[:26].strip("-") + "-app"
    status, made = controller.api("POST", "/apps", {"name": name[-30:].lstrip("-")})[:2]
    assert status == 201, made
    return name[-30:].lstrip("-")


@pytest.fixture
def shuttle(controller, app):
    return Shuttle(controller, token(controller, app))


def token(controller, app, source="app", **more):
    status, answer = controller.api("POST", f"/apps/{app}/log-tokens", {"source": source, **more})
    assert status == 201, answer
    assert re.fullmatch(r"t\.[0-9a-f-]{36}", answer["token"]) and answer["url"].endswith("/logs")
    return answer["token"]


def lines(controller, app):
    status, session = controller.api("POST", f"/apps/{app}/log-sessions", {"lines": 1500})
    assert status == 201
    path = "/" + session["logplex_url"].split("/", 3)[3]
    c = http.client.HTTPConnection("127.0.0.1", controller.port, timeout=PATIENCE)
    c.request("GET", path)
    text = c.getresponse().read().decode(errors="replace")
    c.close()
    return [l for l in text.splitlines() if "app[api]" not in l]


def test_a_batch_becomes_lines_of_the_tokens_source(controller, app, shuttle):
    assert shuttle.post([shuttle.line("one"), shuttle.line("two", "web.1")]) == (204, "")
    heroku = Shuttle(controller, token(controller, app, "heroku"))
    assert heroku.post([heroku.line("three", "router")])[0] == 204
    assert lines(controller, app) == [f"{STAMP} app[worker.1]: one", f"{STAMP} app[web.1]: two",
                                      f"{STAMP} heroku[router]: three"]


def test_chunked_and_packed_bodies_are_taken(controller, app, shuttle):
    assert shuttle.post([shuttle.line("chunked")], chunked=True)[0] == 204
    assert shuttle.post([shuttle.line("packed")], packed=True)[0] == 204
    assert shuttle.post([shuttle.line("both")], packed=True, chunked=True)[0] == 204
    assert shuttle.post([shuttle.line("old name")], Content_Type="application/x-logplex-1")[0] == 204
    assert shuttle.post([shuttle.line("no count")], Logplex_Msg_Count=None)[0] == 204
    assert shuttle.post([shuttle.line("bearer")], Authorization="Bearer " + shuttle.token)[0] == 204
    assert shuttle.post([])[0] == 204
    assert [l.split(": ", 1)[1] for l in lines(controller, app)] == [
        "chunked", "packed", "both", "old name", "no count", "bearer"]


def test_what_is_refused_is_refused_as_by_logplex_and_leaves_nothing(controller, app, shuttle):
    good = shuttle.line("good")
    assert shuttle.post([good], count=2) == (400, "Message count mismatch")
    assert shuttle.post([good], count="x") == (400, "Message count mismatch")
    assert shuttle.post([good, b"no frame\n"]) == (400, "Malformed log messages")
    assert shuttle.post([good, b"99999 <1>1 x"]) == (400, "Malformed log messages")
    assert shuttle.post([good, b"500 <1>1 cut"], count=1) == (400, "Malformed log messages")
    assert shuttle.post([good], Content_Encoding="gzip")[0] == 400
    assert shuttle.post([good], Content_Type="text/plain")[0] == 415
    assert shuttle.post([b"x" * (8 * 1024 * 1024 + 1)])[0] == 413
    assert shuttle.post([b"x" * (8 * 1024 * 1024 + 1)], packed=True)[0] == 413
    for wrong in (None, "Basic x", "Basic " + base64.b64encode(b"token:t.nobody").decode(),
                  "Bearer t.11111111-2222-4333-8444-555555555555"):
        assert shuttle.post([good], Authorization=wrong)[0] == 401
    assert lines(controller, app) == []


def test_long_lines_and_lines_of_no_syslog(controller, app, shuttle):
    assert shuttle.post([shuttle.line("x" * 25000), shuttle.line("a\nb"), frame("plain text")])[0] == 204
    got = [l.split(" ", 1)[1] for l in lines(controller, app)]
    assert [len(l) - len("app[worker.1]: ") for l in got[:3]] == [10000, 10000, 5000]
    assert got[3:] == ["app[worker.1]: a", "app[worker.1]: b", "app: plain text"]


def test_losses_that_headers_tell_are_told_once(controller, app, shuttle):
    assert shuttle.post([shuttle.line("a")], Logplex_Drop_Count="5", Logplex_Lost_Count="3")[0] == 204
    told = frame(f"<172>1 {STAMP} heroku {shuttle.token} log-shuttle - - Error L12: 4 messages dropped since {STAMP}\n")
    assert shuttle.post([told, shuttle.line("b")], Logplex_Drop_Count="4")[0] == 204
    got = [l.split(" ", 1)[1] for l in lines(controller, app)]
    assert [re.sub(r"since .*", "since", l) for l in got] == [
        "app[worker.1]: a",
        "app[log-shuttle]: Error L12: 5 messages dropped since",
        "app[log-shuttle]: Error L13: 3 messages lost since",
        "app[log-shuttle]: Error L12: 4 messages dropped since",
        "app[worker.1]: b"]


def test_a_renewed_token_and_one_of_an_app_that_is_gone_are_void(controller, app, shuttle):
    again = token(controller, app)
    assert again == shuttle.token
    fresh = Shuttle(controller, token(controller, app, renew=True))
    assert shuttle.post([shuttle.line("old")])[0] == 401
    assert fresh.post([fresh.line("new")])[0] == 204
    assert controller.api("POST", f"/apps/{app}/log-tokens", {"source": "root"})[0] == 422
    assert controller.api("DELETE", f"/apps/{app}")[0] == 200
    assert fresh.post([fresh.line("late")])[0] == 401


def test_an_admin_writes_to_every_log_by_the_tokens_of_the_frames(controller, app, shuttle):
    status, other = controller.api("POST", "/apps", {})
    theirs = Shuttle(controller, token(controller, other["name"]))
    key = "Bearer " + open(controller.root + "/var/lib/dyno/controller/token").read().strip()
    nobody = Shuttle(controller, "t.11111111-2222-4333-8444-555555555555")
    frames = [shuttle.line("mine"), nobody.line("lost"), theirs.line("theirs"), shuttle.line("mine too")]
    assert shuttle.post(frames, Authorization=key)[0] == 204
    assert [l.split(": ", 1)[1] for l in lines(controller, app)] == ["mine", "mine too"]
    assert [l.split(": ", 1)[1] for l in lines(controller, other["name"])] == ["theirs"]
