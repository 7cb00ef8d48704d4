"""Apps with Eco dynos sleep when nobody asks them, and a request wakes them: it waits, and
is answered by the app."""
import os
import re
import subprocess
import threading
import time

import pytest

from harness import PATIENCE, wait_for

IDLE = 2
CONF = {"controller": {"idle-after": IDLE, "default-size": "Eco"}}
ASLEEP = ["Idling", "State changed from up to down", "Stopping all processes with SIGTERM",
          "Process exited with status 143"]
AWAKE = ["Unidling", "State changed from down to starting", "Starting process with command `.*`",
         "State changed from starting to up"]
SERVER = r"""
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def do_GET(self):
        self.answer(("\n".join(f"{k}: {v}" for k, v in self.headers.items()) + "\n" + self.path).encode())
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b"%d %d" % (len(body), sum(body)))
time.sleep(float(os.environ.get("BOOT", "0")))
http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
"""


def visit(host, app, *options, path="/", timeout=PATIENCE):
    """(status, body)"""
    p = subprocess.run(["curl", "-sS", "--max-time", str(timeout), "-w", "\n%{http_code}", "-H", f"Host: {app}.localhost",
                        *options, host.env["DYNO_ROUTER_URL"].rstrip("/") + path], stdout=subprocess.PIPE)
    body, status = p.stdout.rsplit(b"\n", 1)
    return int(status), body


def lines(host, app, ps="web.1"):
    return [m.group(1) for m in (re.search(rf"heroku\[{re.escape(ps)}\]: (.*)", line) for line in host.logs(app)) if m]


def sleeps(host, app):
    wait_for("sleep", lambda: {d["state"] for d in host.dynos(app)} == {"idle"})
    wait_for("end", lambda: not any(d["app"] == app and d["pid"] for d in host.json("host", "ps")))
    for ps in ("web.1", "worker.1"):
        wait_for("lines", lambda: lines(host, app, ps)[-4:] == ASLEEP)


def wakes(host, app, said):
    """Behind the lines said, {process: number}, is how both have woken. By now they may sleep again."""
    for ps, n in said.items():
        found = wait_for("lines", lambda: (lambda new: len(new) >= 4 and new)(lines(host, app, ps)[n:]))
        for line, wanted in zip(found, AWAKE):
            assert re.fullmatch(wanted, line), found


def said_by(host, app):
    return {ps: len(lines(host, app, ps)) for ps in ("web.1", "worker.1")}


@pytest.fixture(scope="module")
def app(host):
    name = host.new_app()
    host.deploy(name, {"Procfile": "web: exec python3 server.py\nworker: exec sleep 1000\n", "server.py": SERVER})
    host.ctl("scale", "-a", name, "worker=1")
    host.ctl("wait", "-a", name)
    yield name
    host.ctl("apps:destroy", name, "--confirm", name, check=False)


@pytest.fixture(scope="module")
def other(host):
    name = host.new_app()
    host.deploy(name, {"Procfile": "worker: exec sleep 1000\n"}, wait=False)
    host.ctl("scale", "-a", name, "worker=1")
    host.ctl("wait", "-a", name)
    yield {"name": name, "since": time.monotonic()}
    host.ctl("apps:destroy", name, "--confirm", name)


def test_an_eco_app_sleeps_and_a_request_wakes_it(host, other, app):
    sleeps(host, app)
    said = said_by(host, app)
    began = time.monotonic()
    status, body = visit(host, app, path="/hello?a=b")
    print("woken and answered in", round(time.monotonic() - began, 2), "s")
    assert status == 200 and body.endswith(b"/hello?a=b") and b"x-dyno-waits-for" not in body.lower()
    assert b"x-request-id" in body.lower()
    wakes(host, app, said)


def test_traffic_keeps_it_awake(host, app):
    def kept():
        """Visits without a long pause, for longer than it takes to fall asleep, and the lines meanwhile."""
        assert visit(host, app)[0] == 200
        wait_for("up", lambda: lines(host, app)[-1:] == ["State changed from starting to up"])
        assert visit(host, app)[0] == 200
        before, begun = len(lines(host, app)), time.monotonic()
        last, longest = begun, 0
        while last < begun + 2.5 * IDLE:
            assert visit(host, app)[0] == 200
            last, longest = time.monotonic(), max(longest, time.monotonic() - last)
            time.sleep(0.3)
        # On a busy machine it may have been too long: once more.
        return longest < IDLE / 2 and (lines(host, app)[before:],)
    assert wait_for("a time without pauses", kept, 3 * PATIENCE) == ([],)


def test_all_that_come_at_once_are_answered(host, app):
    host.ctl("config:set", "-a", app, "BOOT=2")
    host.ctl("wait", "-a", app)
    sleeps(host, app)
    said = said_by(host, app)
    blob = host.root + "/blob"
    with open(blob, "wb") as f:
        f.write(bytes(range(256)) * 4096)
    found = []

    def ask(i):
        if i % 2:
            status, body = visit(host, app, path=f"/{i}")
            found.append(status == 200 and body.endswith(b"/%d" % i))
        else:
            found.append(visit(host, app, "--data-binary", "@" + blob) == (200, b"%d %d" % (1 << 20, 4096 * 255 * 128)))
    threads = [threading.Thread(target=ask, args=[i]) for i in range(12)]
    for i, t in enumerate(threads):
        t.start()
        time.sleep(0.1 if i < 6 else 0.3)  # some while it boots, with other routes
    for t in threads:
        t.join()
    os.unlink(blob)
    assert found == [True] * 12
    wakes(host, app, said)


def test_a_restart_and_a_release_wake_it(host, app):
    host.ctl("config:unset", "-a", app, "BOOT")
    host.ctl("wait", "-a", app)
    sleeps(host, app)
    said = said_by(host, app)
    host.ctl("restart", "-a", app)
    for ps, n in said.items():
        wait_for("up", lambda: "State changed from starting to up" in lines(host, app, ps)[n:])
    sleeps(host, app)


def test_who_sleeps_goes_on_to_sleep_after_a_crash_of_the_daemons(host, app):
    sleeps(host, app)
    said = lines(host, app)
    for daemon in ("dyno-controller", "dynod"):
        old = host.pid(daemon)
        os.kill(old, 9)
        wait_for(f"another {daemon}", lambda: set(host.pids(daemon)) - {old})
    host.answers()
    time.sleep(2)
    wait_for("idle", lambda: {d["state"] for d in host.dynos(app)} == {"idle"})
    assert lines(host, app) == said
    wait_for("an answer", lambda: visit(host, app)[0] == 200)


def test_other_sizes_do_not_sleep(host, other):
    # It has been there since the first test.
    assert time.monotonic() - other["since"] > 3 * IDLE
    assert host.dyno(other["name"], "worker.1")["state"] == "up"
    assert "Idling" not in lines(host, other["name"], "worker.1")
