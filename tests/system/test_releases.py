"""Releases of a whole instance: release commands and their output, whatever is killed
meanwhile; preboot without a failed request; the way back from a bad release."""
import http.client
import re
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pytest

from harness import BUILD, PATIENCE, private_dir, wait_for
from heroku_cli import Heroku

CONF = {"controller": {"preboot-window": 6, "health-window": 4}}
SERVER = """\
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = os.environ.get("GENERATION", "0").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def heroku(host):
    home = private_dir("dyno-hk-")
    yield Heroku(home, host.env["HEROKU_HOST"], host.env["HEROKU_API_KEY"], host.env["NODE_EXTRA_CA_CERTS"])
    shutil.rmtree(home)


def release(host, app, which="current"):
    return host.api("GET", f"/apps/{app}/releases/{which}")[2]


def newest(host, app):
    return host.json("releases", "-a", app, "-n", "1")[0]


def command(host, app, text, **kw):
    """Deploys what has this release command."""
    host.deploy(app, {"Procfile": f"worker: sleep 1000\nrelease: {text}\n"}, wait=False, **kw)


def texts(host, app):
    return [line.split(" ", 1)[1] for line in host.logs(app)]


def slow(host, app, text):
    """A slug whose release command is in the config var STEP, and a pending release with it."""
    host.deploy(app, {"Procfile": 'worker: sleep 1000\nrelease: eval "${STEP:-true}"\n'}, wait=False)
    status, _, _ = host.api("PATCH", f"/apps/{app}/config-vars", {"STEP": text})
    assert status == 200
    return newest(host, app)


WAIT = "until test -e /tmp/go; do sleep 0.1; done"


def go_on(host, app):
    """The release command that does WAIT has waited enough."""
    dyno = wait_for("release dyno", lambda: next(iter(host.dynos(app, "release")), None))
    host.wait_state(app, dyno["name"], "up")
    host.ctl("run:inside", "-a", app, "--no-tty", dyno["name"], "touch /tmp/go")


def test_a_command_runs_before_the_dynos_change(host, app):
    host.deploy(app, {"Procfile": "worker: sleep 1000\n"}, wait=False)
    host.ctl("scale", "-a", app, "worker=1")
    host.wait_state(app, "worker.1", "up")
    # The test's own deploy follows the command: what it says comes out of dynoctl.
    command(host, app, "echo migrating; echo on stderr >&2; echo v$DYNO")
    last = newest(host, app)
    assert (last["version"], last["status"], last["current"]) == (4, "succeeded", True)
    dyno = wait_for("worker.1 of v4", lambda: next(
        (d for d in host.dynos(app) if d["name"] == "worker.1" and d["release"]["version"] == 4), None))
    assert dyno["type"] == "worker"
    out = host.ctl("releases:output", "-a", app).out
    assert re.fullmatch(r"migrating\non stderr\nvrelease\.\d{4}\n", out), out
    lines = [re.sub(r"release\.\d+", "release.N", line) for line in texts(host, app)]
    at = lines.index(next(line for line in lines if "Running release v4" in line))
    assert [re.sub("by user .*", "by user X", line) for line in lines[at - 2:at + 1]] == [
        lines[at - 2].split(" by user ")[0] + " by user X",
        "app[api]: Release v4 created by user X",
        "app[api]: Running release v4 commands by user X"]
    assert re.match(r"app\[api\]: Deploy [0-9a-f]{8} by user ", lines[at - 2])
    assert [line for line in lines[at + 1:] if "[release.N]" in line] == [
        "heroku[release.N]: Starting process with command `echo migrating; echo on stderr >&2; echo vrelease.N`",
        "heroku[release.N]: State changed from starting to up",
        "app[release.N]: migrating", "app[release.N]: on stderr", "app[release.N]: vrelease.N",
        "heroku[release.N]: Process exited with status 0",
        "heroku[release.N]: State changed from up to complete"]


def test_a_command_that_fails_fails_the_deploy(host, app):
    host.deploy(app, {"Procfile": "worker: sleep 1000\n"}, wait=False)
    before = release(host, app)
    with pytest.raises(AssertionError) as failed:
        command(host, app, "echo cannot; exit 3")
    assert "cannot\n" in str(failed.value) and "the release command of v4 failed" in str(failed.value)
    last = newest(host, app)
    assert (last["status"], last["current"], last["eligible_for_rollback"]) == ("failed", False, False)
    assert re.fullmatch(r"release\.\d+ exited with status 3", last["failure"])
    assert release(host, app) == before
    assert host.ctl("releases:wait", "-a", app, "v4", check=False).status == 1
    assert host.ctl("releases:wait", "-a", app, "v3").status == 0
    host.wait_log(app, r"app\[api\]: Release v4 command failed by user ")
    assert host.ctl("rollback", "-a", app, "v4", check=False).status == 1
    # To look why: a dyno of the failed release.
    r = host.ctl("run", "-a", app, "--no-tty", "--release", "v4", "grep release /app/Procfile")
    assert "exit 3" in r.out
    assert "exit 3" not in host.ctl("run", "-a", app, "--no-tty", "cat /app/Procfile").out


def test_the_output_is_streamed_while_it_comes(host, app):
    last, seen = slow(host, app, f"echo first; {WAIT}; echo second"), []

    def opened():
        try:
            return urllib.request.urlopen(last["output_stream_url"], timeout=PATIENCE)
        except urllib.error.HTTPError as e:
            assert e.code == 404
            return None
    with wait_for("output", opened) as stream:
        for line in stream:
            seen.append(line)
            if line == b"first\n":
                go_on(host, app)
    assert seen == [b"first\n", b"second\n"]
    assert release(host, app, last["version"])["status"] == "succeeded"
    rest = urllib.request.Request(last["output_stream_url"], headers={"Range": "bytes=6-"})
    with urllib.request.urlopen(rest) as again:
        assert (again.status, again.read()) == (206, b"second\n")


def test_a_phase_survives_a_killed_controller_and_a_killed_supervisor(host, app):
    last = slow(host, app, "for i in 1 2 3 4 5 6 7 8; do echo step $i; sleep 0.5; done")
    follow = subprocess.Popen([BUILD + "/dynoctl", "--root", host.root, "releases:output", "-a", app,
                               str(last["version"])], stdout=subprocess.PIPE, env=host.env)
    wait_for("first step", lambda: "app[release" in "".join(host.logs(app)))
    host.kill("dyno-controller")
    host.answers()
    host.kill("dyno-supervisor")
    host.kill("dyno-controller")
    host.answers()
    host.ctl("releases:wait", "-a", app, "--timeout", "60")
    assert newest(host, app)["status"] == "succeeded"
    out, _ = follow.communicate(timeout=PATIENCE)
    want = "".join(f"step {i}\n" for i in range(1, 9))
    assert host.ctl("releases:output", "-a", app).out == want
    assert out.decode() == want and follow.returncode == 0


def test_a_stopped_release_dyno_fails_its_release(host, app):
    last = slow(host, app, "trap 'exit 0' TERM; while :; do sleep 0.1; done")
    dyno = wait_for("release dyno", lambda: next(iter(host.dynos(app, "release")), None))
    assert dyno["release"]["version"] == last["version"]
    host.wait_state(app, dyno["name"], "up")
    host.ctl("stop", "-a", app, dyno["name"])
    host.ctl("releases:wait", "-a", app, check=False)
    last = newest(host, app)
    assert (last["status"], last["failure"]) == ("failed", "it was stopped")


def test_the_heroku_command_follows_a_release(host, app, heroku):
    host.deploy(app, {"Procfile": 'worker: sleep 1000\nrelease: echo at step $STEP; [ -z "$STEP" ] || ' + WAIT + '; test "$STEP" != bad\n'},
                wait=False)
    good = newest(host, app)["version"]
    assert host.api("PATCH", f"/apps/{app}/config-vars", {"STEP": "bad"})[0] == 200
    assert "release command executing" in heroku.out("releases", "-a", app)
    output = heroku.start("releases:output", "-a", app)
    go_on(host, app)
    assert output.communicate(timeout=PATIENCE)[0] == "at step bad\n"
    host.ctl("releases:wait", "-a", app, check=False)
    text = heroku.out("releases", "-a", app)
    assert re.search(rf"v{good + 1} +.*release command failed", text), text
    assert f"Current: v{good}" in text, text
    assert "failed" in heroku.out("releases:info", f"v{good + 1}", "-a", app)
    assert f"=== v{good} Config vars" in heroku.out("releases:info", f"v{good}", "-a", app)
    out, err = heroku.run("rollback", f"v{good}", "-a", app)
    assert f"done, v{good + 2}" in err
    assert "at step\n" in out, (out, err)
    host.ctl("releases:wait", "-a", app)
    assert newest(host, app)["description"] == f"Rollback to v{good}"


# ---- the router, preboot, the health gate ----

class Visitors:
    """Requests without a pause; every answer is kept."""

    def __init__(self, url, name, n=4):
        self.url, self.name = urllib.parse.urlparse(url), name
        self.answers, self.stop = [], False
        self.threads = [threading.Thread(target=self.run) for _ in range(n)]

    def visit(self):
        c = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=PATIENCE)
        try:
            c.request("GET", "/", headers={"Host": self.name})
            r = c.getresponse()
            return r.status, r.read().decode()
        finally:
            c.close()

    def run(self):
        while not self.stop:
            try:
                self.answers.append(self.visit())
            except OSError as e:
                self.answers.append((0, repr(e)))
            time.sleep(0.01)

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *exc):
        self.stop = True
        for t in self.threads:
            t.join()


def serve(host, app, generation):
    host.ctl("config:set", "-a", app, f"GENERATION={generation}")


def test_preboot_fails_no_request(host, app):
    url = host.env.get("DYNO_ROUTER_URL")
    if not url:
        pytest.fail("the instance has no router: haproxy is missing")
    name = f"{app}.localhost"
    host.deploy(app, {"Procfile": "web: exec python3 server.py\n", "server.py": SERVER})
    host.ctl("scale", "-a", app, "web=2")
    host.ctl("wait", "-a", app)
    assert host.api("PATCH", f"/apps/{app}/features/preboot", {"enabled": True})[0] == 200
    visitors = Visitors(url, name)
    wait_for("a routed answer", lambda: visitors.visit() == (200, "0"))
    with visitors:
        serve(host, app, 1)
        # Only the new ones show; the old ones serve.
        assert {d["release"]["version"] for d in host.dynos(app)} == {4}
        assert len(host.dynos(app)) == 2
        host.wait_state(app, "web.1", "up")
        assert visitors.visit() == (200, "0")
        serve(host, app, 2)     # nobody has seen generation 1
        wait_for("generation 2", lambda: visitors.answers[-1] == (200, "2"))
        wait_for("the end of the old ones", lambda: len(
            [d for d in host.json("host", "ps") if d["app"] == app]) == 2, timeout=PATIENCE)
        time.sleep(0.5)
    bad = [a for a in visitors.answers if a not in ((200, "0"), (200, "2"))]
    assert bad == [] and len(visitors.answers) > 100
    assert visitors.answers[-1] == (200, "2")


def test_a_bad_release_is_rolled_back_by_itself(host, app):
    host.deploy(app, {"Procfile": "web: exec python3 server.py\n", "server.py": SERVER})
    assert host.api("PATCH", f"/apps/{app}/features/health-gated-releases", {"enabled": True})[0] == 200
    good = release(host, app)["version"]
    host.deploy(app, {"Procfile": "web: sleep 0.2; exit 1\n"}, wait=False)
    back = wait_for("rollback", lambda: next(
        (r for r in [newest(host, app)] if r["description"] == f"Rollback to v{good}"), None))
    assert back["version"] == good + 2
    host.ctl("wait", "-a", app)
    host.wait_log(app, rf"app\[api\]: Release v{good + 1} is not healthy \(web\.1 has crashed\): going back to v{good}$")
    time.sleep(5)
    assert newest(host, app)["version"] == back["version"]
