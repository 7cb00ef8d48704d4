"""Apps with Eco dynos sleep when nobody asks them, and a request wakes them: it waits, and
is answered by the app."""
import os
import re
import subprocess
import threading
import time

import pytest

from harness import wait_for

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


def visit(host, app, *options, path="/", timeout=60):
    """(status, body)"""
    p = subprocess.run(["curl", "-sS", "--max-time", str(timeout), "-w", "\n%{http_code}", "-H", f"Host: {app}.localhost",
                        *options, host.env["DYNO_ROUTER_URL"].rstrip("/") + path], stdout=subprocess.PIPE)
    body, status = p.stdout.rsplit(b"\n", 1)
    return int(status), body


def lines(host, app, ps="web.1"):
    return [m.group(1) for m in (re.search(rf"heroku\[{re.escape(ps)}\]: (.*)", line) for line in host.logs(app)) if m]


def sleeps(host, app):
    wait_for("sleep", lambda: {d["state"] for d in host.dynos(app)} == {"idle"}, 40)
    wait_for("end", lambda: not any(d["app"] == app and d["pid"] for d in host.json("host", "ps")))


@pytest.fixture(scope="module")
def app(host):
    name = host.new_app()
    host.deploy(name, {"Procfile": "web: exec python3 server.py\nworker: exec sleep 1000\n", "server.py": SERVER})
    host.ctl("scale", "-a", name, "worker=1")
    host.ctl("wait", "-a", name)
    yield name
    host.ctl("apps:destroy", name, "--confirm", name, check=False)


def test_an_eco_app_sleeps_and_a_request_wakes_it(host, app):
    sleeps(host, app)
    said = lines(host, app)
    assert said[-4:] == ASLEEP and lines(host, app, "worker.1")[-4:] == ASLEEP
    began = time.monotonic()
    status, body = visit(host, app, path="/hello?a=b")
    print("woken and answered in", round(time.monotonic() - began, 2), "s")
    assert status == 200 and body.endswith(b"/hello?a=b") and b"x-dyno-waits-for" not in body.lower()
    assert b"x-request-id" in body.lower()
    wait_for("lines", lambda: len(lines(host, app)) >= len(said) + 4)
    for line, wanted in zip(lines(host, app)[len(said):], AWAKE):
        assert re.fullmatch(wanted, line)
    host.ctl("wait", "-a", app)
    assert {d["state"] for d in host.dynos(app)} == {"up"}


def test_traffic_keeps_it_awake(host, app):
    end = time.monotonic() + 3 * IDLE
    while time.monotonic() < end:
        assert visit(host, app)[0] == 200
        time.sleep(0.5)
    assert host.dyno(app, "web.1")["state"] == "up" and lines(host, app)[-1] == "State changed from starting to up"


def test_all_that_come_at_once_are_answered(host, app):
    host.ctl("config:set", "-a", app, "BOOT=2")
    host.ctl("wait", "-a", app)
    sleeps(host, app)
    blob = host.root + "/blob"
    with open(blob, "wb") as f:
        f.write(bytes(range(256)) * 4096)
    found = []

    def ask(i):
        if i % 2:
            found.append(visit(host, app, path=f"/{i}") == (200, None) or visit(host, app, path=f"/{i}")[1].endswith(b"/%d" % i))
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
    assert lines(host, app)[-4:][0] == "Unidling"


def test_a_restart_and_a_release_wake_it(host, app):
    host.ctl("config:unset", "-a", app, "BOOT")
    host.ctl("wait", "-a", app)
    sleeps(host, app)
    host.ctl("restart", "-a", app)
    host.ctl("wait", "-a", app)
    assert {d["state"] for d in host.dynos(app)} == {"up"}
    sleeps(host, app)
    assert lines(host, app)[-4:] == ASLEEP


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


def test_other_sizes_do_not_sleep(host):
    name = host.new_app()
    host.deploy(name, {"Procfile": "worker: exec sleep 1000\n"}, wait=False)
    host.ctl("scale", "-a", name, "worker=1")
    host.ctl("wait", "-a", name)
    time.sleep(3 * IDLE)
    assert host.dyno(name, "worker.1")["state"] == "up"
    host.ctl("apps:destroy", name, "--confirm", name)
