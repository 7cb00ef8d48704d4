"""Log drains: every line arrives or is reported as dropped, whatever the sinks do, and
no sink is in another one's way."""
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest

from controller import Controller
from drain_sink import Certificates, Feeder, L10, Rsyslogd, Sink, line_number
from harness import BUILD, private_dir, wait_for

LONG = os.environ.get("DYNO_LONG")
ANY = "drain-networks = 127.0.0.0/8 ::1/128\n"


@pytest.fixture(scope="module")
def certificates():
    c = Certificates()
    yield c
    c.close()


@pytest.fixture(scope="module")
def ctl(certificates):
    with Controller(f"{ANY}drain-ca-file = {certificates.ca}\n") as c:
        yield c


def add(ctl, app, url):
    status, d = ctl.api("POST", f"/apps/{app}/log-drains", {"url": url})
    assert status == 201, d
    return d


def stats(ctl, app, drain):
    status, s = ctl.api("GET", f"/apps/{app}/log-stats")
    assert status == 200, s
    d = next(d for d in s["drains"] if d["id"] == drain["id"])
    assert d["produced"] == d["delivered"] + d["dropped"] + d["waiting"], d
    return d


def settled(ctl, app, drain):
    d = stats(ctl, app, drain)
    return d if d["waiting"] == 0 else None


def check_sums(ctl, app, drain, sink, produced):
    """received + reported as dropped = produced; nothing twice, all in order."""
    d, lines = wait_for("the last answer", lambda: settled(ctl, app, drain)), sink.lines()
    assert "WRONG" not in sink.seen, "another body with the same frame id"
    assert len(lines) == len(set(lines)), "a line came twice, in different frames"
    assert lines == sorted(lines)
    assert (d["produced"], d["waiting"]) == (produced, 0)
    odd = {fid: h for fid, h in sink.history.items() if fid in sink.frames and h[-1][1] not in (200, 201)}
    assert d["delivered"] == len(lines), (d, odd)
    assert d["dropped"] == sink.reported(), d
    assert len(lines) + sink.reported() == produced


# ---- the API ----

def test_objects(ctl):
    app = ctl.app("objects")
    path = "/apps/objects/log-drains"
    assert ctl.api("GET", path) == (200, [])
    url = "https://user:pass@logs.example.com/in?x=y&z=1"
    d = add(ctl, app, url)
    assert set(d) == {"addon", "app", "created_at", "id", "token", "updated_at", "url"}
    assert d["addon"] is None and d["app"]["name"] == app and d["url"] == url
    assert d["token"].startswith("d.") and len(d["token"]) == 38
    assert ctl.api("GET", path) == (200, [d])
    for which in (d["id"], d["token"], url):
        assert ctl.api("GET", path + "/" + urllib.parse.quote(which, safe="")) == (200, d)
    status, e = ctl.api("POST", path, {"url": url})
    assert (status, e["message"]) == (409, "Already exists")
    for wrong in ("x", "ftp://h/", "https://", "syslog://h/path", "", None, 7, {}):
        status, e = ctl.api("POST", path, {"url": wrong})
        assert status == 422 and e["message"].startswith("Invalid drain destination: "), e
    for i in range(4):
        add(ctl, app, f"syslog://h{i}.example.com:601")
    status, e = ctl.api("POST", path, {"url": "https://one.more/"})
    assert status == 422 and "5 log drains" in e["message"]
    status, changed = ctl.api("PUT", f"{path}/{d['token']}", {"url": "https://other.example.com/"})
    assert status == 200 and changed == {**d, "url": "https://other.example.com/", "updated_at": changed["updated_at"]}
    assert ctl.api("PUT", f"{path}/{d['id']}", {"url": "syslog://h1.example.com:601"})[0] == 409
    assert ctl.api("GET", path + "/" + urllib.parse.quote(url, safe=""))[0] == 404
    where = urllib.parse.quote("https://other.example.com/", safe="")
    assert ctl.api("DELETE", f"{path}/{where}") == (200, changed)
    assert ctl.api("DELETE", f"{path}/{where}")[0] == 404
    assert len(ctl.api("GET", path)[1]) == 4
    assert ctl.api("GET", f"/apps/objects/log-drains/{d['id']}")[0] == 404
    assert ctl.api("DELETE", "/apps/objects")[0] == 200


def test_dynoctl(ctl):
    ctl.app("by-hand")

    def dynoctl(*words):
        p = subprocess.run([BUILD + "/dynoctl", "--root", ctl.root, "-a", "by-hand", *words],
                           capture_output=True, text=True, timeout=30)
        return p.returncode, p.stdout + p.stderr
    assert dynoctl("drains") == (0, "")
    assert dynoctl("drains:add", "https://h.example.com/a?b=c") == \
        (0, "Successfully added drain https://h.example.com/a?b=c\n")
    token = ctl.api("GET", "/apps/by-hand/log-drains")[1][0]["token"]
    assert dynoctl("drains") == (0, f"https://h.example.com/a?b=c ({token})\n")
    assert token in dynoctl("logs:stats")[1]
    code, text = dynoctl("drains:add", "https://h.example.com/a?b=c")
    assert code != 0 and "Already exists" in text
    assert dynoctl("drains:remove", "https://h.example.com/a?b=c")[0] == 0
    assert dynoctl("drains:remove", token)[0] != 0


def test_a_password_is_nowhere_in_plain(ctl):
    app = ctl.app("secret")
    with Sink() as sink:
        url = sink.url.replace("//", "//joe:tr0ub4dor@")
        d = add(ctl, app, url)
        Feeder(ctl, app).feed(3)
        wait_for("the lines", lambda: sink.lines() == [1, 2, 3])
        headers = sink.requests[0][0]
    Feeder(ctl, app).feed(1)
    wait_for("a failure", lambda: stats(ctl, app, d)["error"])
    assert "tr0ub4dor" not in stats(ctl, app, d)["error"]
    assert headers["Authorization"] == "Basic am9lOnRyMHViNGRvcg=="
    assert subprocess.run(["grep", "-rqa", "tr0ub4dor", ctl.root]).returncode == 1
    assert ctl.api("DELETE", "/apps/secret")[0] == 200


# ---- what comes ----

def test_headers_and_form(ctl, certificates):
    app = ctl.app("form")
    with Sink(tls=(certificates.cert, certificates.key)) as sink:
        feeder = Feeder(ctl, app)
        feeder.feed(5)                      # before: not for the drain
        d = add(ctl, app, sink.url)
        feeder.feed(2)
        wait_for("the lines", lambda: sink.lines() == [6, 7])
        feeder.feed(1)
        wait_for("the line", lambda: sink.lines() == [6, 7, 8])
        headers, path = sink.requests[0]
        assert path == "/in"
        assert {k: v for k, v in headers.items() if k not in ("Content-Length", "Logplex-Frame-Id")} == {
            "Host": sink.url.split("/")[2], "Content-Type": "application/logplex-1",
            "Logplex-Msg-Count": "2", "Logplex-Drain-Token": d["token"], "User-Agent": "Logplex/v1"}
        first = list(sink.frames.values())[0][0]
        assert first.startswith("<190>1 20") and first.endswith(" host app web.1 - line 6")
        assert sink.connections == 1, "the connection is kept"
        assert ctl.api("PUT", f"/apps/form/log-drains/{d['id']}", {"url": sink.url + "/2"})[0] == 200
        feeder.feed(1)
        wait_for("the line elsewhere", lambda: sink.requests[-1][1] == "/in/2")
        check_sums(ctl, app, d, sink, 4)


def test_frames_are_about_100_kilobytes(ctl):
    app = ctl.app("big")
    with Sink() as sink:
        d = add(ctl, app, sink.url)
        feeder = Feeder(ctl, app)
        for _ in range(6):
            feeder.feed(50, pad=9900)
        wait_for("all", lambda: settled(ctl, app, d))
        check_sums(ctl, app, d, sink, 300)
        assert sink.reported() == 0
        sizes = [int(h["Content-Length"]) for h, _ in sink.requests]
        assert max(sizes) <= 102400 and sum(s > 90000 for s in sizes) > len(sizes) / 2


# ---- what sinks do ----

def moody(seed, weights):
    rng = random.Random(seed)
    moods, odds = list(weights), list(weights.values())
    return lambda sink, fid: rng.choices(moods, odds)[0]


def run_moody(ctl, name, tls, seconds, disturb=None):
    """Feed a moody sink for so long, then let it be good."""
    app = ctl.app(name)
    mood = moody(3, {200: 60, 500: 12, 429: 6, 400: 4, "reset": 8, "lose": 8, "hang": 1, 302: 2})
    with Sink(mood, tls=tls) as sink:
        d = add(ctl, app, sink.url)
        feeder = Feeder(ctl, app)
        end, seed = time.monotonic() + seconds, random.Random(5)
        while time.monotonic() < end:
            feeder.feed(seed.choice((1, 5, 40, 200)), pad=seed.choice((0, 0, 300)))
            time.sleep(seed.random() * 0.2)
            if disturb and disturb():
                break
        sink.mood = lambda *_: 200
        wait_for("the rest", lambda: settled(ctl, app, d), 60)
        feeder.feed(1)                      # whoever has lost some is told now
        wait_for("the last line", lambda: settled(ctl, app, d), 30)
        check_sums(ctl, app, d, sink, feeder.n)
        retried = sum(n > 1 for n in sink.tries.values())
        print(f"{name}: {feeder.n} lines, {len(sink.seen)} frames, {len(sink.requests)} requests, "
              f"{retried} frames retried, {sink.hung} hung, {sink.reported()} lines dropped and reported")
        return sink, retried


def test_whatever_a_sink_answers(ctl, certificates):
    sink, retried = run_moody(ctl, "moody", (certificates.cert, certificates.key), 600 if LONG else 8)
    assert retried > 0 and sink.reported() > 0 and sink.lost


class TakesAndIsSilent(Sink):
    """Takes each frame at once, and answers so many tries of it by a reset, then status."""

    def __init__(self, silent, status=200):
        super().__init__(lambda sink, fid: "lose" if sink.tries[fid] <= silent else status)
        self.insists = True


@pytest.mark.parametrize("silent, status, dropped", [(1, 200, 0), (2, 200, 0), (3, 200, 10), (1, 409, 10)])
def test_a_frame_whose_answer_is_lost_is_delivered_if_a_later_try_is_answered(ctl, silent, status, dropped):
    app = ctl.app(f"lost-{silent}-{status}")
    with TakesAndIsSilent(silent, status) as sink:
        d, feeder = add(ctl, app, sink.url), Feeder(ctl, app)
        feeder.feed(10)
        found = wait_for("an end", lambda: settled(ctl, app, d), 60)
        frames = [f for f in sink.frames if f in sink.lost]
        # The sink has the lines in every case, in one frame of one id, which counts once.
        assert sink.lines() == list(range(1, 11)) and len(frames) == len(sink.frames) == 1
        assert sink.tries[frames[0]] == min(silent + 1, 3) and "WRONG" not in sink.seen
        assert (found["delivered"], found["dropped"]) == (10 - dropped, dropped)
        # What is both received and reported is this frame, and the report says how many.
        sink.mood = lambda *_: 200
        feeder.feed(1)
        wait_for("the next", lambda: 11 in sink.lines())
        assert sink.reported() == dropped and sink.lines() == list(range(1, 12))


def test_a_controller_that_is_killed(certificates):
    """The same with kill -9 again and again: only the same frame comes twice."""
    with Controller(f"{ANY}drain-ca-file = {certificates.ca}\n") as ctl:
        kills = []

        def disturb():
            if random.random() < 0.15:
                ctl.kill()
                ctl.start()
                kills.append(1)
            return len(kills) == (40 if LONG else 6)
        run_moody(ctl, "killed", (certificates.cert, certificates.key), 120 if LONG else 20, disturb)
        assert len(kills) > 2


def test_a_restart_goes_on_where_it_was(certificates):
    with Controller(ANY) as ctl, Sink() as sink:
        app = ctl.app("again")
        d = add(ctl, app, sink.url)
        feeder = Feeder(ctl, app)
        for i in range(3):
            feeder.feed(100)
            wait_for("the lines", lambda: settled(ctl, app, d))
            ctl.stop(signal.SIGTERM)
            ctl.start()
        time.sleep(0.3)
        check_sums(ctl, app, d, sink, 300)
        assert max(sink.tries.values()) == 1, "nothing comes twice after an orderly end"
        assert sink.reported() == 0


def test_a_hanging_sink_is_nobody_elses_matter(ctl):
    app = ctl.app("beside")
    with Sink("hang") as bad, Sink() as good:
        hanging, d = add(ctl, app, bad.url), add(ctl, app, good.url)
        unheard = add(ctl, app, "https://127.0.0.1:1/")
        feeder = Feeder(ctl, app)
        slowest = 0
        for _ in range(30):
            feeder.feed(100)
            begin = time.monotonic()
            wait_for("the good one", lambda: len(good.lines()) == feeder.n)
            slowest = max(slowest, time.monotonic() - begin)
        print(f"slowest: {slowest:.3f} s")
        assert slowest < 2
        check_sums(ctl, app, d, good, 3000)
        assert good.reported() == 0
        s = stats(ctl, app, hanging)
        assert s["dropped"] > 900 and s["delivered"] == 0 and s["waiting"] >= 1024, s
        assert stats(ctl, app, unheard)["error"] == "Connection refused"
        # It comes to life: first of all it is told what it has missed.
        bad.mood = lambda *_: 200
        bad.ended.set()
        wait_for("the rest", lambda: settled(ctl, app, hanging), 30)
        first = list(bad.frames.values())[0]
        told = [f[0] for f in bad.frames.values() if L10.match(f[0])]
        assert len(told) == 1 and (first[0] == told[0] or line_number(first[0]) == 1), first[0]
        check_sums(ctl, app, hanging, bad, 3000)


def test_ends_while_busy(ctl):
    with Sink("hang") as bad, Sink(500) as failing, Sink() as good:
        for name in ("removed", "destroyed"):
            app = ctl.app(name)
            drains = [add(ctl, app, s.url) for s in (bad, failing, good)]
            drains.append(add(ctl, app, "syslog://127.0.0.1:1"))
            feeder = Feeder(ctl, app)
            feeder.feed(500)
            wait_for("a request", lambda: bad.hung and failing.tries)
            if name == "removed":
                for d in drains:
                    assert ctl.api("DELETE", f"/apps/{app}/log-drains/{d['token']}")[0] == 200
                assert ctl.api("GET", f"/apps/{app}/log-stats")[1]["drains"] == []
                again = add(ctl, app, good.url)
                feeder.feed(10)
                wait_for("ten lines", lambda: stats(ctl, app, again)["delivered"] == 10)
            assert ctl.api("DELETE", f"/apps/{app}")[0] == 200
            bad.hung, tries = 0, sum(failing.tries.values())
            time.sleep(0.3)
            assert sum(failing.tries.values()) <= tries + 1
        assert ctl.api("GET", "/account")[0] == 200


# ---- where drains may lead ----

def test_this_machine_is_not_reached_by_default():
    with Controller() as ctl, Sink() as sink:
        app = ctl.app("inside")
        own = socket.gethostbyname(socket.gethostname())
        for host in ("127.0.0.1", "[::1]", "169.254.169.254", "0.0.0.0", "2130706433", own):
            status, e = ctl.api("POST", f"/apps/{app}/log-drains", {"url": f"http://{host}:{ctl.port}/"})
            assert status == 422 and "may not reach" in e["message"], (host, e)
        # A name is no way around it.
        for kind in ("http", "syslog", "syslog+tls"):
            d = add(ctl, app, f"{kind}://localhost:{sink.server.server_port}")
            Feeder(ctl, app).feed(1)
            wait_for("its refusal", lambda: "not allowed" in (stats(ctl, app, d)["error"] or ""))
        assert sink.connections == 0


# ---- syslog ----

def test_syslog(ctl):
    app = ctl.app("plain")
    with Rsyslogd() as r:
        d = add(ctl, app, f"syslog://127.0.0.1:{r.port}")
        Feeder(ctl, app).feed(700)
        wait_for("all lines", lambda: len(r.rows()) == 700)
        assert r.rows() == [("190", d["token"], "app", "web.1", f"line {i}") for i in range(1, 701)]
        s = stats(ctl, app, d)
        assert (s["delivered"], s["dropped"], s["waiting"]) == (700, 0, 0)


def test_syslog_tls(ctl, certificates):
    app = ctl.app("tls")
    with Rsyslogd((certificates.ca, certificates.cert, certificates.key)) as r:
        d = add(ctl, app, f"syslog+tls://localhost:{r.port}")
        feeder = Feeder(ctl, app)
        for _ in range(4):
            feeder.feed(100, pad=200)
        wait_for("all lines", lambda: len(r.rows()) == 400)
        rows = r.rows()
        assert [line_number(" " + row[4]) for row in rows] == list(range(1, 401))
        assert {row[:4] for row in rows} == {("190", d["token"], "app", "web.1")}
        # It goes away while it is idle, and lines wait for it.
        r.stop()
        time.sleep(0.2)
        feeder.feed(1500)
        wait_for("the loss", lambda: stats(ctl, app, d)["dropped"] > 0)
        if not LONG:
            return
        r.start()
        wait_for("the rest", lambda: settled(ctl, app, d), 120)
        wait_for("the last line", lambda: line_number(" " + r.rows()[-1][4]) == 1900)
        # What was on its way when it went, then the loss, where it was, then the rest.
        rows = r.rows()[400:]
        told = [i for i, row in enumerate(rows) if row[0] == "172"]
        assert len(told) == 1 and 0 < told[0] < 100 and rows[told[0]][2:4] == ("heroku", "logplex")
        lost = int(rows[told[0]][4].split(": ")[1].split()[0])
        rest = list(range(401, 401 + told[0])) + list(range(401 + told[0] + lost, 1901))
        assert [line_number(" " + row[4]) for row in rows if row[0] != "172"] == rest


def test_a_drain_moves_to_another_kind_of_sink(ctl):
    """What is on its way to the old one goes to the new one."""
    app = ctl.app("moved")
    with Sink("hang") as bad, Rsyslogd() as r, Sink() as good:
        d = add(ctl, app, bad.url)
        feeder = Feeder(ctl, app)
        feeder.feed(20)
        wait_for("a request", lambda: bad.hung)
        path = f"/apps/{app}/log-drains/{d['id']}"
        assert ctl.api("PUT", path, {"url": f"syslog://127.0.0.1:{r.port}"})[0] == 200
        wait_for("the lines", lambda: [row[4] for row in r.rows()] == [f"line {i}" for i in range(1, 21)])
        assert ctl.api("PUT", path, {"url": good.url})[0] == 200
        feeder.feed(5)
        wait_for("more lines", lambda: good.lines() == [21, 22, 23, 24, 25])
        assert wait_for("its answer", lambda: settled(ctl, app, d))["delivered"] == 25


@pytest.mark.skipif(not LONG, reason="takes three minutes")
def test_an_idle_connection_is_closed(ctl):
    app = ctl.app("idle")
    with Sink() as sink:
        add(ctl, app, sink.url)
        Feeder(ctl, app).feed(1)
        wait_for("the line", lambda: sink.lines())
        begin = time.monotonic()
        wait_for("the end", lambda: sink.gone, 200)
        assert 140 < time.monotonic() - begin < 165


def app_lines(ctl, app):
    status, s = ctl.api("POST", f"/apps/{app}/log-sessions", {"lines": 100})
    assert status == 201
    u = urllib.parse.urlparse(s["logplex_url"])
    return ctl.curl(f"{u.path}?{u.query}").body.decode()


@pytest.mark.parametrize("scheme", ["syslog+tls", "https"])
def test_a_bad_certificate_is_told_in_the_log(scheme, certificates):
    """The system's CAs do not know ours."""
    with Controller(ANY) as ctl, Sink(tls=(certificates.cert, certificates.key)) as sink, Sink() as other:
        app = ctl.app("liar")
        where = f"127.0.0.1:{sink.server.server_port}"
        user = "joe:secret@" if scheme == "https" else ""
        d = add(ctl, app, f"{scheme}://{user}{where}")
        add(ctl, app, other.url)
        Feeder(ctl, app).feed(1)
        line = f'heroku[logplex]: Error L14 (certificate validation): error="bad certificate" uri="{scheme}://{where}/"'
        wait_for("L14", lambda: line in app_lines(ctl, app))
        assert stats(ctl, app, d)["error"] == "bad certificate"
        assert stats(ctl, app, d)["delivered"] == 0
        wait_for("L14 elsewhere", lambda: any(m.startswith("<188>1 ") and " heroku logplex - Error L14" in m
                                              for f in list(other.frames.values()) for m in f))
        time.sleep(1)
        assert app_lines(ctl, app).count("L14") == 1


# ---- names ----

def test_a_name_server_that_is_silent_stops_nobody():
    """The resolver's threads wait; the controller does not, not even when it gives up."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.77.0.53", 53))
    resolv = private_dir("drain-t-") + "/resolv.conf"
    with open(resolv, "w") as f:
        f.write("nameserver 127.77.0.53\noptions timeout:9 attempts:2\n")
    wrap = ["unshare", "--mount", "sh", "-ec", f'mount --bind {resolv} /etc/resolv.conf; exec "$@"', "sh"]
    try:
        with Controller(ANY, wrap=wrap) as ctl, Sink() as good:
            app = ctl.app("silent")
            lost = [add(ctl, app, f"{kind}://sink.example.com:99") for kind in ("https", "syslog", "syslog+tls")]
            d = add(ctl, app, good.url)
            feeder = Feeder(ctl, app)
            slowest, end = 0, time.monotonic() + 9
            while time.monotonic() < end:
                begin = time.monotonic()
                feeder.feed(3)
                wait_for("the lines", lambda: len(good.lines()) == feeder.n)
                slowest = max(slowest, time.monotonic() - begin)
                if slowest > 1.5:
                    break
                time.sleep(0.05)
            print(f"slowest: {slowest:.3f} s")
            assert slowest < 1.5
            for x in lost:
                assert stats(ctl, app, x)["error"], "it has given up at least once"
            begin = time.monotonic()
            for x in lost:
                assert ctl.api("DELETE", f"/apps/{app}/log-drains/{x['id']}")[0] == 200
            ctl.stop()
            assert time.monotonic() - begin < 3
    finally:
        silent.close()
        shutil.rmtree(os.path.dirname(resolv))
