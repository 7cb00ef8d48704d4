"""A host without any controller: a webhook hears of its dynos."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import assignment  # noqa: E402
from harness import wait_for  # noqa: E402
from worker import Worker  # noqa: E402

SECRET = b"s3cret"


class Hook:
    """Whom the reports are POSTed to."""

    def __init__(self):
        self.bodies, self.refuse, self.refused = [], False, 0
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                mac = base64.b64encode(hmac.new(SECRET, raw, hashlib.sha256).digest()).decode()
                ok = self.headers["Dyno-Webhook-Hmac-SHA256"] == mac and not hook.refuse
                hook.refused += not ok
                if ok:
                    hook.bodies.append(json.loads(raw))
                self.send_response(204 if ok else 503)
                self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?x=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def states(self, name):
        seen = []
        for d in (d for b in self.bodies for d in b["dynos"] if d["name"] == name):
            if not seen or seen[-1] != d["state"]:
                seen.append(d["state"])
        return seen


@pytest.fixture(scope="module")
def hook():
    h = Hook()
    yield h
    h.server.shutdown()


@pytest.fixture(scope="module")
def alone(hook):
    with tempfile.NamedTemporaryFile("wb") as secret:
        secret.write(SECRET + b"\n")
        secret.flush()
        os.chmod(secret.name, 0o644)
        desired = tempfile.mkdtemp(prefix="sup-d-", dir="/tmp")
        os.chmod(desired, 0o777)
        w = Worker({"upstream": "none", "report-url": hook.url, "report-secret-file": secret.name,
                    "desired-dir": desired, "report-interval": 2})
        w.desired = desired
        try:
            wait_for("the supervisor", lambda: is_ready(w))
            yield w
        finally:
            w.stop()
            w.log.seek(0)
            print(w.log.read()[-6000:])
            subprocess.run(["rm", "-rf", w.root, desired], check=True)


def is_ready(w):
    try:
        return w.get("/")["ready"]
    except OSError:
        return False


def drop(w, what):
    """As an operator does: written beside it, then renamed."""
    with open(w.desired + "/.mine", "w") as f:
        f.write(what if isinstance(what, str) else json.dumps(what))
    os.rename(w.desired + "/.mine", w.desired + "/new")
    wait_for("an answer to new", lambda: not os.path.exists(w.desired + "/new") and
             not os.path.exists(w.desired + "/taken"))


def up_names(w):
    return sorted(d["name"] for d in w.get("/dynos") if d["state"] == "up")


def app(version, **quantities):
    return {"App": "solo", "Version": version, "Env": {"GREETING": "it's me"}, "Processes": [
        {"Type": t, "Args": ["sh", "-c", f"echo {t} \"$GREETING\"; exec sleep 1000"], "Quantity": n}
        for t, n in quantities.items()]}


def test_an_app_runs_and_scales_without_any_controller(alone, hook):
    drop(alone, app(1, worker=2))
    wait_for("two workers", lambda: up_names(alone) == ["worker.1", "worker.2"])
    ids = {d["name"]: d["id"] for d in alone.get("/dynos")}
    assert not os.path.exists(alone.desired + "/last_error")
    assert json.load(open(alone.desired + "/loaded"))["Version"] == 1
    drop(alone, app(1, worker=3))
    wait_for("three workers", lambda: len(up_names(alone)) == 3)
    now = {d["name"]: d["id"] for d in alone.get("/dynos")}
    assert all(now[n] == ids[n] for n in ids)   # the others did not notice
    wait_for("its line", lambda: alone.log.seek(0) == 0 and "app[worker.1]: worker it's me" in alone.log.read())


def test_what_cannot_be_used_is_rejected_and_changes_nothing(alone, hook):
    before = open(alone.desired + "/loaded").read()
    for bad, why in (("{", ""), ({"x": 1}, "neither"), ([{"id": "x"}], "assignment"),
                     ({"Processes": [{"Type": "web"}]}, "Processes[0]")):
        drop(alone, bad)
        assert why in open(alone.desired + "/last_error").read()
        assert os.path.exists(alone.desired + "/rejected")
    assert open(alone.desired + "/loaded").read() == before
    assert len(up_names(alone)) == 3


def test_what_was_loaded_is_wanted_after_a_restart(alone, hook):
    ids = sorted(d["id"] for d in alone.get("/dynos"))
    pids = sorted(d["pid"] for d in alone.get("/dynos"))
    alone.kill_supervisor()
    wait_for("the supervisor", lambda: is_ready(alone))
    time.sleep(1)
    assert sorted(d["id"] for d in alone.get("/dynos")) == ids
    assert sorted(d["pid"] for d in alone.get("/dynos")) == pids
    alone.log.seek(0)
    assert alone.log.read().count("app[worker.1]: worker it's me") == 1


def test_a_release_replaces_and_a_bad_file_before_is_forgotten(alone, hook):
    old = {d["id"] for d in alone.get("/dynos")}
    drop(alone, app(2, worker=1))
    wait_for("the new release alone", lambda: up_names(alone) == ["worker.1"] and not
             old & {d["id"] for d in alone.get("/dynos")})
    assert not os.path.exists(alone.desired + "/rejected")
    assert not os.path.exists(alone.desired + "/last_error")


def test_a_slug_of_the_local_store_and_assignments_as_they_are(alone, hook):
    s = alone.publish({"hello": "from the slug\n"})
    blob = f"{alone.slugs}/{s['sha256']}"
    status, said = alone.dyno_slug("import", blob)
    if status:
        pytest.skip("dyno-slug import: " + said)
    subprocess.run(["chown", "-R", "64124", alone.store], check=True)
    drop(alone, [assignment("worker.1", "cat hello; exec sleep 100", slug={"sha256": s["sha256"]})])
    wait_for("its line", lambda: alone.log.seek(0) == 0 and "app[worker.1]: from the slug" in alone.log.read())


def test_an_app_that_never_stops_talking_does_not_fill_the_log(alone):
    size = os.path.getsize(alone.root + "/log")
    drop(alone, {"App": "solo", "Version": 7, "Processes": [
        {"Type": "loud", "Args": ["sh", "-c", "i=0; while [ $i -lt 9000 ]; do i=$((i+1)); echo loud $i; done; exec sleep 1000"],
         "Quantity": 1}]})

    def said():
        alone.log.seek(size)
        text = alone.log.read()
        hidden = sum(int(n) for n in re.findall(r"(\d+) lines of apps are not shown: more than 2000 in 5 s", text))
        return hidden and (hidden, text.count("app[loud.1]: loud "), text)
    hidden, shown, text = wait_for("hidden lines", said)
    assert hidden + shown == 9000 and 1900 <= shown <= 4000
    assert "heroku[loud.1]: State changed from starting to up" in text
    drop(alone, app(1, worker=1))
    wait_for("the old formation", lambda: up_names(alone) == ["worker.1"])


def test_the_webhook_hears_all_signed_and_in_order(alone, hook):
    drop(alone, [])
    wait_for("nothing", lambda: alone.get("/dynos") == [])
    wait_for("the end", lambda: hook.states("worker.1")[-1:] == ["down"])
    # What changes within a moment is one report.
    assert "up" in hook.states("worker.1")
    assert hook.refused == 0
    for boot in {b["boot"] for b in hook.bodies}:
        mine = [b["seq"] for b in hook.bodies if b["boot"] == boot]
        assert mine == sorted(set(mine))
    assert any(b["full"] for b in hook.bodies) and any(not b["full"] for b in hook.bodies)
    assert all(b["host"] == "h1" for b in hook.bodies)


def test_a_receiver_that_is_away_delays_nothing_and_gets_the_newest(alone, hook):
    hook.refuse = True
    a = assignment("worker.7", "exec sleep 100")
    drop(alone, [a])
    wait_for("the dyno", lambda: up_names(alone) == ["worker.7"])
    drop(alone, [])
    wait_for("nothing", lambda: alone.get("/dynos") == [])
    wait_for("a refusal", lambda: hook.refused > 0)
    hook.bodies.clear()
    hook.refuse = False
    # An older one may have been on its way.
    wait_for("the end", lambda: hook.states("worker.7")[-1:] == ["down"])
