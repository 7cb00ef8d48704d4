"""The real heroku command does its daily work against us, unpatched.

Only HEROKU_HOST, HEROKU_API_KEY and NODE_EXTRA_CA_CERTS lead it here; each
call costs about a second, so a test is a story of several commands.
"""
import concurrent.futures
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pexpect
import pytest

from harness import PATIENCE, SAMPLE, private_dir, wait_for
from heroku_cli import Heroku

CONF = {"controller": {"drain-networks": "127.0.0.0/8"}}
LONG = bool(os.environ.get("DYNO_LONG"))


@pytest.fixture(scope="module")
def heroku(host):
    home = private_dir("dyno-hk-")
    ca = host.env["NODE_EXTRA_CA_CERTS"]
    yield Heroku(home, host.env["HEROKU_HOST"], host.env["HEROKU_API_KEY"], ca)
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def web(host):
    """An app with the sample's web process and a worker that is scaled to 0."""
    name = host.new_app()
    files = {f: (open(os.path.join(SAMPLE, f)).read(), 0o755) for f in os.listdir(SAMPLE)}
    host.deploy(name, files)
    return name


def test_an_app_is_made_shown_renamed_and_destroyed(heroku, host):
    owner = heroku.out("auth:whoami").strip()
    assert "@" in owner
    name = f"hk-{os.getpid()}"
    out, err = heroku.run("apps:create", name, "--no-remote")
    assert out.strip().endswith(f"/{name}.git") and " | " in out
    assert f"Creating {name}... done" in re.sub(r"[⬢] ?", "", err)
    assert name in heroku.out("apps").split()
    assert heroku.out("apps:info", "-a", name).startswith(f"=== {name}")
    assert "stack=" in heroku.out("apps:info", "-s", "-a", name)
    info = json.loads(heroku.out("apps:info", "--json", "-a", name))
    assert (info["app"]["name"], info["app"]["owner"]["email"], info["dynos"]) == (name, owner, [])
    heroku.run("apps:rename", name + "-b", "-a", name)
    assert name + "-b" in heroku.out("apps").split()
    # Nobody confirms, so nothing happens.
    heroku.run("apps:destroy", "-a", name + "-b", status=None)
    assert name + "-b" in heroku.out("apps").split()
    heroku.run("apps:destroy", "-a", name + "-b", "--confirm", name + "-b")
    assert name not in heroku.out("apps")
    out, err = heroku.run("apps:info", "-a", name + "-b", status=2)
    assert "Couldn't find that app." in err and "not_found" in err


def test_the_web_url_leads_through_the_router(heroku, web):
    """What "heroku open" opens."""
    url = json.loads(heroku.out("apps:info", "--json", "-a", web))["app"]["web_url"]
    assert re.fullmatch(rf"http://{web}\.localhost:\d+/", url)
    wait_for("an answer of the app", lambda: subprocess.run(
        ["curl", "-fsS", "--noproxy", "*", "--max-time", str(PATIENCE), url], stdout=subprocess.DEVNULL).returncode == 0)


def test_config_vars_are_set_read_and_removed(heroku, web):
    out, err = heroku.run("config:set", "A=1", "B=two words", "-a", web)
    assert re.search(r"A: +1\n", out) and re.search(r"B: +two words\n", out)
    number = int(re.search(r"Setting A, B and restarting .*done, v(\d+)", err).group(1))
    assert heroku.out("config:get", "A", "-a", web) == "1\n"
    assert re.search(r"^A: +1$", heroku.out("config", "-a", web), re.M)
    assert "B='two words'" in heroku.out("config", "-s", "-a", web)
    assert json.loads(heroku.out("config", "--json", "-a", web))["B"] == "two words"
    assert f"done, v{number + 1}" in heroku.err("config:unset", "A", "B", "-a", web)
    assert json.loads(heroku.out("config", "--json", "-a", web)) == {}


def test_dynos_are_listed_scaled_typed_restarted_and_awaited(heroku, web, host):
    heroku.run("ps:wait", "-a", web)
    assert re.search(r"^=== web \(Basic\): perl web.pl \(1\)\n\nweb.1: up 20.*ago\)$", heroku.out("ps", "-a", web), re.M)
    assert "now running web at 2:Basic" in heroku.err("ps:scale", "web=2", "-a", web)
    assert "web at 1:Basic" in heroku.err("ps:scale", "web-1", "-a", web)
    assert "worker at 1:Standard-1X" in heroku.err("ps:scale", "worker=1:standard-1x", "-a", web)
    assert heroku.out("ps:scale", "-a", web).split() == ["web=1:Basic", "worker=1:Standard-1X"]
    # One word for all types.
    assert "Standard-1X" in heroku.out("ps:type", "standard-1x", "-a", web)
    heroku.run("ps:wait", "-a", web)
    before = wait_for("two dynos", lambda: (lambda d: d if sorted(d) == ["web.1", "worker.1"] else None)(
        {d["name"]: d["id"] for d in host.dynos(web)}))
    heroku.run("ps:restart", "-d", "web.1", "-a", web)
    heroku.run("ps:restart", "-p", "worker", "-a", web)
    heroku.run("ps:stop", "-d", "worker.1", "-a", web)
    heroku.run("ps:restart", "-a", web)
    heroku.run("ps:wait", "-a", web)
    after = {d["name"]: d["id"] for d in host.dynos(web)}
    assert before.keys() == after.keys() and not set(before.values()) & set(after.values()), (before, after)
    heroku.run("ps:scale", "worker=0", "web=1:basic", "-a", web)
    heroku.run("ps", "nosuch", "-a", web, status=1)


def test_releases_are_listed_shown_and_rolled_back(heroku, web):
    heroku.run("config:set", "COLOUR=red", "-a", web)
    newest = json.loads(heroku.out("releases", "--json", "-a", web))[0]["version"]
    heroku.run("config:set", "COLOUR=blue", "-a", web)
    lines = heroku.out("releases", "-n", "2", "-a", web).splitlines()
    assert f"Current: v{newest + 1}" in lines[0] and len([l for l in lines if re.match(r" *v\d", l)]) == 2
    text = heroku.out("releases:info", f"v{newest}", "-a", web)
    assert f"=== Release v{newest}" in text and "red" in text
    assert f"to v{newest}... done, v{newest + 2}" in re.sub(r"[⬢] ?", "", heroku.err("rollback", f"v{newest}", "-a", web))
    assert heroku.out("config:get", "COLOUR", "-a", web) == "red\n"
    assert f"done, v{newest + 3}" in heroku.err("rollback", "-a", web)
    heroku.run("config:unset", "COLOUR", "-a", web)


def test_run_gives_output_and_exit_status(heroku, web):
    out, err = heroku.run("run", "-a", web, "--", "echo", "hi")
    assert out.strip() == "hi" and re.search(r"up, run\.\d+", err)
    assert heroku.run("run", "-a", web, "--", "exit 3")[0] == ""  # its status is not asked for
    for command, status in (("true", 0), ("sh -c 'exit 1'", 1), ("nosuchprogram", 127), ("sh -c 'exit 255'", 255),
                            ("sh -c 'kill -TERM $$'", 143)):
        heroku.run("run", "-x", "-a", web, "--", command, status=status)
    out, _ = heroku.run("run", "-a", web, "-e", "A=1;B=two words", "--", "echo $A $B $DYNO", input="")
    assert re.match(r"1 two words run\.\d+\n", out)


def test_run_inside_is_in_the_dyno(heroku, web, host):
    heroku.run("ps:wait", "-a", web)
    out, _ = heroku.run("run:inside", "web.1", "-a", web, "--", "echo $DYNO; hostname", input="")
    assert out.split() == ["web.1", host.dyno(web, "web.1")["id"]]
    heroku.run("run:inside", "web.1", "-x", "-a", web, "--", "sh -c 'exit 3'", status=3)
    _, err = heroku.run("run:inside", "web.9", "-a", web, "--", "true", status=2)
    assert "Couldn't find that dyno" in err


def test_run_reads_a_pipe_to_its_end(heroku, web):
    assert heroku.out("run", "-a", web, "--no-tty", "--", "sort", input="c\nb\na\n").split() == ["a", "b", "c"]


def test_run_bash_on_a_terminal_has_its_size_and_ctrl_c(heroku, web):
    p = heroku.terminal("run", "-a", web, "bash", rows=30, columns=100)
    p.expect(r"up, run\.\d+")
    p.expect_exact("~ $ ")
    p.sendline("stty size; echo term $TERM")
    p.expect("30 100")
    p.expect("term xterm")
    p.expect_exact("~ $ ")
    p.sendline("sh -c 'echo st\"\"arted; exec sleep 1000'")
    p.expect("started")
    p.send("\x03")
    p.expect_exact("~ $ ")
    p.sendline("exit 5")
    p.expect(pexpect.EOF)
    p.close()
    assert p.exitstatus == 0


def test_a_killed_client_ends_its_dyno(heroku, web, host):
    p = heroku.terminal("run", "-a", web, "sleep 1000")
    p.expect(r"up, (run\.\d+)")
    name = p.match.group(1)
    p.kill(signal.SIGKILL)
    p.close()
    wait_for("the end of the one-off", lambda: host.dyno(web, name) is None)


def test_a_detached_run_is_seen_in_ps_and_in_the_log(heroku, web, host):
    out, _ = heroku.run("run:detached", "-a", web, "--", "echo from the deep; sleep 300")
    name = re.search(r"run\.\d+", out).group(0)
    host.wait_log(web, rf"app\[{name}\]: from the deep")
    assert "from the deep" in heroku.out("logs", "-a", web, "-d", name)
    assert re.search(rf"=== run: one-off processes \(1\)\n\n{name} \(Basic\): up ", heroku.out("ps", "-a", web))
    heroku.run("ps:stop", "-d", name, "-a", web)
    wait_for("the end of the one-off", lambda: host.dyno(web, name) is None)


def test_many_runs_at_once_each_get_their_own(heroku, web):
    count, at_once = (100, 20) if LONG else (6, 6)

    def one(i):
        return heroku.run("run", "-x", "-a", web, "--", f"echo number $(({i} * 7)); sh -c 'exit {i % 5}'", status=i % 5)[0]
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        outs = list(pool.map(one, range(count)))
    # A pipe may lose the end when the command exits at once with a status: it does that itself.
    for i, out in enumerate(outs):
        assert out.strip() in ("", f"number {i * 7}")
        assert i % 5 or out.strip() == f"number {i * 7}"


def test_logs_have_lines_filters_and_a_backlog(heroku, web, host):
    host.wait_log(web, r"heroku\[web.1\]: State changed from starting to up")
    lines = heroku.out("logs", "-a", web, "-n", "1500").splitlines()
    form = r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 (app|heroku)\[[\w.-]+\]: "
    assert lines and all(re.match(form, l) for l in lines)
    assert all(" heroku[" in l for l in heroku.out("logs", "-a", web, "-s", "heroku").splitlines())
    assert all(" heroku[web.1]" in l or " app[web.1]" in l
               for l in heroku.out("logs", "-a", web, "-p", "web").splitlines())
    assert len(heroku.out("logs", "-a", web, "-n", "3").splitlines()) == 3


class Tail:
    """heroku logs --tail, read as it comes."""

    def __init__(self, heroku, app):
        self.p = heroku.start("logs", "--tail", "-n", "5", "-a", app)
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(iter(self.read, None)))
        self.reader.start()

    def read(self):
        line = self.p.stdout.readline()
        return line.rstrip("\n") if line else None

    def wait(self, text):
        return wait_for(f"{text!r} in the tail", lambda: any(text in l for l in list(self.lines)))

    def end(self):
        self.p.send_signal(signal.SIGINT)
        self.p.wait(PATIENCE)
        self.reader.join()
        self.p.stdout.close()
        self.p.stderr.close()


def test_a_tail_goes_on_over_a_restart_of_the_controller(heroku, web, host):
    tail = Tail(heroku, web)
    try:
        host.ctl("run", "-a", web, "--detach", "echo before the restart")
        tail.wait("]: before the restart")
        if LONG:
            time.sleep(600)  # nothing is said, and nobody cuts the line
            assert tail.p.poll() is None
        # One that ends in order ends its streams; the command comes again after 3 s.
        host.kill("dyno-controller", signal.SIGTERM)
        host.answers()
        host.ctl("run", "-a", web, "--detach", "echo behind the restart")
        tail.wait("]: behind the restart")
    finally:
        tail.end()
    said = [l for l in tail.lines if "the restart" in l and "]: be" in l]
    assert len(said) == 2, "a line is missing, or was said twice"


def test_a_wrong_key_is_told(heroku, web):
    _, err = heroku.run("ps", "-a", web, status=1, env={"HEROKU_API_KEY": "wrong"})
    assert "HEROKU_API_KEY is invalid" in err


def test_maintenance_stacks_regions_and_git_remotes(heroku, web):
    assert heroku.out("maintenance", "-a", web) == "off\n"
    heroku.run("maintenance:on", "-a", web)
    assert heroku.out("maintenance", "-a", web) == "on\n"
    heroku.run("maintenance:off", "-a", web)
    assert re.search(r"^\* ", heroku.out("stack", "-a", web), re.M)
    assert heroku.out("regions").strip()


def test_domains_are_added_shown_and_removed(heroku, web):
    name = f"www.{web}.example.com"
    out, err = heroku.run("domains:add", name, "-a", web)
    assert "DNS" in out + err
    out = heroku.out("domains", "-a", web)
    assert f"=== {web} Heroku Domain" in out and name in out
    assert name in heroku.out("domains:info", name, "-a", web)
    heroku.run("domains:remove", name, "-a", web)
    assert name not in heroku.out("domains", "-a", web)
    _, err = heroku.run("domains:add", "not_a_host", "-a", web, status=None)
    assert "Error" in err


class Sink(http.server.ThreadingHTTPServer):
    """Takes what a log drain sends."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.server.got.append((dict(self.headers), body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        self.got = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


def test_a_drain_is_added_gets_lines_and_is_removed(heroku, web, host):
    with Sink() as sink:
        url = f"http://user:pass@127.0.0.1:{sink.server_port}/logs?a=b"
        assert f"Successfully added drain {url}" in "".join(heroku.run("drains:add", url, "-a", web))
        out = heroku.out("drains", "-a", web)
        token = re.search(r"\((d\.[0-9a-f-]+)\)", out).group(1)
        assert url in out
        host.ctl("run", "-a", web, "--detach", "echo for the drain")
        wait_for("the line in the drain", lambda: any(b"for the drain" in b for _, b in list(sink.got)))
        assert {h["Logplex-Drain-Token"] for h, _ in sink.got} == {token}
        assert "Successfully removed drain" in "".join(heroku.run("drains:remove", url, "-a", web))
        assert token not in heroku.out("drains", "-a", web)
        sink.shutdown()


def test_buildpacks_are_set_shown_and_cleared(heroku, web):
    url = "https://example.com/pack.tgz"
    heroku.run("buildpacks:set", url, "-a", web)
    assert url in heroku.out("buildpacks", "-a", web)
    heroku.run("buildpacks:add", "https://example.com/other.tgz", "-a", web)
    assert "other.tgz" in heroku.out("buildpacks", "-a", web)
    heroku.run("buildpacks:remove", url, "-a", web)
    assert url not in heroku.out("buildpacks", "-a", web)
    heroku.run("buildpacks:clear", "-a", web)
    assert "other.tgz" not in heroku.out("buildpacks", "-a", web)


def test_features_are_switched(heroku, web):
    assert "[ ] log-runtime-metrics" in heroku.out("labs", "-a", web) + heroku.out("features", "-a", web)
    assert "done" in heroku.err("features:enable", "preboot", "-a", web)
    assert "[+] preboot" in heroku.out("features", "-a", web)
    heroku.run("features:disable", "preboot", "-a", web)
    heroku.run("labs:enable", "log-runtime-metrics", "-a", web)
    heroku.run("labs:disable", "log-runtime-metrics", "-a", web)


def test_webhooks_are_added_and_removed(heroku, web):
    out, err = heroku.run("webhooks:add", "-a", web, "-i", "api:release", "-l", "notify", "-u", "https://127.0.0.1:9/x")
    assert "Secret" in out + err
    out = heroku.out("webhooks", "-a", web)
    number = re.search(r"[0-9a-f-]{36}", out).group(0)
    assert "https://127.0.0.1:9/x" in out
    heroku.run("config:set", "TOLD=yes", "-a", web)
    wait_for("a failed delivery", lambda: re.search(r"failed +api:release +notify +1 ", heroku.out(
        "webhooks:deliveries", "--status", "failed", "-a", web)))
    assert "no deliveries" in heroku.out("webhooks:deliveries", "--status", "succeeded", "-a", web)
    heroku.run("config:unset", "TOLD", "-a", web)
    heroku.run("webhooks:remove", number, "-a", web)
    assert number not in heroku.out("webhooks", "-a", web)


def test_collaborators_get_in_and_out(heroku, web, host):
    host.ctl("accounts:add", "friend@example.com")
    heroku.run("access:add", "friend@example.com", "-a", web)
    assert "friend@example.com" in heroku.out("access", "-a", web)
    heroku.run("access:remove", "friend@example.com", "-a", web)
    assert "friend@example.com" not in heroku.out("access", "-a", web)


def test_a_login_with_a_password_is_kept_and_ended(heroku, host):
    host.ctl("accounts:add", "someone@example.com")
    host.ctl("accounts:password", "someone@example.com", input=b"correct horse battery\n")
    alone = {k: v for k, v in heroku.env.items() if k != "HEROKU_API_KEY"}
    alone["HEROKU_NETRC_WRITE"] = "true"
    p = pexpect.spawn("heroku", ["login", "-i"], env=alone, cwd=heroku.home, encoding="utf-8", timeout=PATIENCE)
    p.expect("Email")
    p.send("someone@example.com\r")
    p.expect("Password")
    p.send("correct horse battery\r")
    p.expect("Logged in as.*someone@example.com")
    p.expect(pexpect.EOF)
    p.close()
    assert p.exitstatus == 0

    def mine(*args):
        return subprocess.run(["heroku", *args], env=alone, cwd=heroku.home, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    assert mine("auth:whoami").stdout.strip().endswith("someone@example.com")
    assert mine("apps").stdout.strip().startswith("You have no apps")
    assert mine("logout").returncode == 0
    assert "someone@example.com" not in open(os.path.join(heroku.home, ".netrc")).read()
