"""dyno-supervisor and dynod with a control plane of a few lines
(tests/manager/fake_upstream.py): log lines byte for byte, time-outs, lost
clients, kills at any moment, an upstream that is away."""
import hashlib
import json
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import assignment  # noqa: E402
from harness import PATIENCE, await_fds, fds_of, slug, wait_for  # noqa: E402

WORKER = {"boot-timeout": 5, "hup-interval": 1}
SERVER = "exec python3 -u -m http.server $PORT"
COUNTER = "i=0; while :; do echo line $i; i=$((i+1)); [ $((i % 100)) = 0 ] && sleep 0.01; done"


def test_a_web_dyno_starts_restarts_and_is_scaled_down(worker, up):
    a = assignment("web.1", SERVER)
    up.assign([a])
    d = up.wait_state(a, "up")
    assert 3000 <= d["port"] <= 59999 and d["address"] and d["pid"]
    b = assignment("web.1", SERVER)
    up.assign([b])
    up.wait_state(a, "down")
    second = up.wait_state(b, "up")
    assert second["port"] != d["port"]
    up.assign([])
    up.wait_state(b, "down")
    up.wait(lambda: worker.messages("heroku", "web.1").count("Process exited with status 143") == 2)
    lines = worker.messages("heroku", "web.1")
    assert lines[:6] == [
        "State changed from down to starting",
        f"Starting process with command `exec python3 -u -m http.server {d['port']}`",
        "State changed from starting to up",
        "Restarting",
        "State changed from up to starting",
        "Stopping all processes with SIGTERM"]
    # The old one ends while the new one starts.
    assert sorted(lines[6:9]) == sorted([
        "Process exited with status 143",
        f"Starting process with command `exec python3 -u -m http.server {second['port']}`",
        "State changed from starting to up"])
    assert lines[9:] == [
        "State changed from up to down",
        "Stopping all processes with SIGTERM",
        "Process exited with status 143"]


def test_a_crash_is_tried_again_at_once_and_then_after_a_pause(worker, up):
    a = assignment("worker.1", "echo boom; exit 0")
    up.assign([a])
    up.wait(lambda: worker.messages("heroku", "worker.1").count("Process exited with status 0") == 3)
    round_ = ["Starting process with command `echo boom; exit 0`",
              "State changed from starting to up",
              "Process exited with status 0",
              "State changed from up to crashed"]
    again = ["State changed from crashed to starting"]
    assert worker.messages("heroku", "worker.1")[:12] == \
        ["State changed from down to starting"] + round_ + again + round_ + again + round_[:1]
    # The report of it may come after the log line.
    up.wait(lambda: up.dynos[a["id"]]["exit_status"] == 0)
    assert worker.messages("app", "worker.1")[:2] == ["boom", "boom"]


def test_a_web_dyno_that_binds_nothing_is_killed(worker, up):
    a = assignment("web.1", "sleep 100")
    up.assign([a])
    up.wait_state(a, "crashed")
    up.wait_line("heroku[web.1]: State changed from starting to crashed")
    assert worker.messages("heroku", "web.1")[2:6] == [
        "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 5 seconds of launch",
        "Stopping process with SIGKILL",
        "Process exited with status 137",
        "State changed from starting to crashed"]


def test_a_listener_on_loopback_does_not_count(worker, up):
    a = assignment("web.1", "python3 -m http.server --bind 127.0.0.1 $PORT")
    up.assign([a])
    up.wait_state(a, "crashed")
    assert "up" not in up.states[a["id"]]


def test_who_ignores_sigterm_is_killed(worker, up):
    a = assignment("worker.1", "trap '' TERM; echo ready; while :; do sleep 1; done")
    up.assign([a])
    up.wait_line("app[worker.1]: ready")
    up.assign([])
    up.wait_line("heroku[worker.1]: Process exited with status 137")
    assert worker.messages("heroku", "worker.1")[3:] == [
        "State changed from up to down",
        "Stopping all processes with SIGTERM",
        "Error R12 (Exit timeout) -> At least one process failed to exit within 2 seconds of SIGTERM",
        "Stopping remaining processes with SIGKILL",
        "Process exited with status 137"]


def test_every_process_gets_sigterm(worker, up):
    a = assignment("worker.1", "for i in 1 2 3; do (trap 'echo bye $i; exit' TERM; echo in; while :; do sleep 0.1; done) & done; "
                   "trap 'wait; exit 0' TERM; wait; wait")
    up.assign([a])
    up.wait(lambda: worker.messages("app", "worker.1").count("in") == 3)
    up.assign([])
    up.wait_state(a, "down")
    up.wait(lambda: {"bye 1", "bye 2", "bye 3"} <= set(worker.messages("app", "worker.1")))


def test_a_missing_program_and_the_environment(worker, up):
    a = assignment("run.1", "npm-is-not-here start", kind="run", env={"PATH": "/usr/bin", "A": "x  y"})
    b = assignment("run.2", "pwd; env | sort; echo \"$A\" $HOME; hostname", kind="run",
                   env={"PORT": "1", "HOME": "/x", "DYNO": "y", "A": "x  y"})
    up.assign([a, b])
    assert up.wait_state(a, "complete")["exit_status"] == 127
    up.wait_state(b, "complete")
    up.wait(lambda: len(worker.messages("heroku", "run.1")) == 4 and len(worker.messages("heroku", "run.2")) == 4)
    assert worker.messages("app", "run.1") == ["bash: npm-is-not-here: command not found"]
    assert worker.messages("heroku", "run.1") == [
        "Starting process with command `npm-is-not-here start`",
        "State changed from starting to up",
        "Process exited with status 127",
        "State changed from up to complete"]
    out = worker.messages("app", "run.2")
    assert out[0] == "/app" and out[-2:] == ["x  y /app", b["id"]]
    env = dict(l.split("=", 1) for l in out[1:-2])
    assert env.pop("PORT").isdigit()
    assert env == {"A": "x  y", "DYNO": "run.2", "HOME": "/app", "PATH": "/usr/local/bin:/usr/bin:/bin",
                   "PWD": "/app", "SHLVL": "1", "_": "/usr/bin/env"}


def test_slugs_are_fetched_once_and_profiles_run(worker, up):
    data = slug({"./app/hello": "#!/bin/sh\necho hello from $WHO $1\n",
                 "./app/.profile.d/b.sh": "export WHO=$WHO-b", "./app/.profile.d/a.sh": "export WHO=a; false",
                 "./app/.profile": "export WHO=$WHO-profile"})
    sha = hashlib.sha256(data).hexdigest()
    with open(worker.slugs + "/" + sha, "wb") as f:
        f.write(data)
    s = {"sha256": sha, "size": len(data), "path": "/upstream/v1/slugs/" + sha}
    runs = [assignment(f"run.{i}", f"./hello {i}", kind="run", slug=s) for i in range(5)]
    up.assign(runs)
    for r in runs:
        assert up.wait_state(r, "complete")["exit_status"] == 0
        up.wait_line(f"app[{r['name']}]: hello from a-b-profile {r['name'][4:]}")
    assert up.slug_requests.count(sha) == 1
    os.unlink(worker.slugs + "/" + sha)
    last = assignment("run.9", "./hello again", kind="run", slug=s)
    up.assign([last])
    up.wait_line("app[run.9]: hello from a-b-profile again")


def test_a_slug_that_cannot_be_had_is_a_clear_line_and_tried_again(worker, up):
    sha = "0" * 64
    s = {"sha256": sha, "size": 1, "path": "/upstream/v1/slugs/" + sha}
    a = assignment("worker.1", "true", slug=s)
    b = assignment("run.1", "true", slug=s, kind="run")
    up.assign([a, b])
    d = up.wait_state(a, "crashed")
    assert "slug" in d["error"]
    up.wait_state(b, "complete")
    up.wait(lambda: worker.messages("heroku", "worker.1").count("State changed from crashed to starting") >= 2)
    assert worker.messages("heroku", "worker.1")[:4] == [
        "State changed from down to starting",
        "Error R99 (Platform error) -> Failed to fetch and unpack the slug",
        "State changed from starting to crashed",
        "State changed from crashed to starting"]


def client(up, a):
    """Waits for the stream of an attached one-off."""
    dyno, stream = up.streams.get(timeout=PATIENCE)
    assert dyno == a["id"]
    return stream


def read_until(stream, *texts):
    """Output until all of these have come."""
    out = b""
    while not all(t in out for t in texts):
        out += stream.recv()[1]
    return out


def attached(up, command, tty=False, **more):
    a = assignment("run.1", command, kind="run", attach={"tty": tty, "rows": 24, "cols": 80}, **more)
    up.attachable.add(a["id"])
    up.assign([a])
    return a


def test_pipes_are_clean_and_half_closed(worker, up):
    a = attached(up, "sha256sum; echo oops >&2; exit 3")
    s = client(up, a)
    data = bytes(range(256)) * 4096
    s.send("C", b"\0\0\0\0")
    for i in range(0, len(data), 60000):
        s.send("I", data[i:i + 60000])
    s.send("E")
    out, err, last = s.recv_all()
    assert out.split()[0].decode() == hashlib.sha256(data).hexdigest()
    assert err == b"oops\n"
    assert last == ("X", b"\3")
    s.close()
    up.wait_state(a, "complete")
    up.wait_line("heroku[run.1]: State changed from up to complete")
    assert worker.messages("heroku", "run.1")[0] == "Awaiting client"
    assert worker.messages("app", "run.1") == []


def test_a_terminal_with_prompt_size_and_interrupt(worker, up):
    a = attached(up, "bash", tty=True, env={"TERM": "xterm"})
    s = client(up, a)
    s.send("C", b"\0\x20\0\x64")
    assert s.recv() == ("R", b"")
    s.send("W", b"\0\x21\0\x65")
    s.send("I", b"stty size; sh -c 'echo st\"\"arted; exec sleep 100'\n")
    out = read_until(s, b"33 101\r\n", b"started\r\n")
    assert b"~ $ " in out
    s.send("I", b"\x03")
    read_until(s, b"~ $ ")
    s.send("I", b"exit 130\n")
    _, err, last = s.recv_all()
    assert err == b""
    assert last == ("X", bytes([130]))
    s.close()


def test_much_output_to_a_slow_client_is_complete(worker, up):
    a = attached(up, "head -c 5000000 /dev/zero; echo end")
    s = client(up, a)
    s.send("C", b"\0\0\0\0")
    time.sleep(1)
    out, _, last = s.recv_all()
    assert len(out) == 5000004 and out.endswith(b"end\n") and last == ("X", b"\0")
    s.close()


def test_no_client_is_r13(worker, up):
    a = assignment("run.1", "true", kind="run", attach={"tty": False, "rows": 0, "cols": 0})
    up.assign([a])      # upstream answers 404
    up.wait_state(a, "complete")
    up.wait_line("heroku[run.1]: State changed from starting to complete")
    assert worker.messages("heroku", "run.1") == [
        "Awaiting client",
        "Error R13 (Attach error) -> Failed to attach to process",
        "Process exited with status 128",
        "State changed from starting to complete"]


def test_a_lost_client_is_sighup(worker, up):
    a = attached(up, "echo ready; sleep 1000")
    s = client(up, a)
    s.send("C", b"\0\0\0\0")
    assert s.recv() == ("R", b"") and s.recv() == ("O", b"ready\n")
    up.attachable.discard(a["id"])
    s.close()
    up.wait_state(a, "complete")
    up.wait_line("heroku[run.1]: State changed from up to complete")
    assert worker.messages("heroku", "run.1")[3:] == [
        "Client connection closed. Sending SIGHUP to all processes",
        "Process exited with status 129",
        "State changed from up to complete"]


def test_who_ignores_sighup_is_r16_and_lives_on(worker, up):
    a = attached(up, "trap '' HUP; echo ready; sleep 1000 >/dev/null")
    s = client(up, a)
    s.send("C", b"\0\0\0\0")
    assert s.recv() == ("R", b"") and s.recv() == ("O", b"ready\n")
    s.send("H")
    up.wait_line("heroku[run.1]: Error R16 (Detached) -> An attached process is not responding to SIGHUP "
                 "after its external connection was closed.")
    assert worker.messages("heroku", "run.1").count(
        "Client connection closed. Sending SIGHUP to all processes") == 3
    assert up.dynos[a["id"]]["state"] == "up"
    s.close()
    up.assign([])
    up.wait_line("heroku[run.1]: Process exited with status 143")


def test_time_to_live_ends_a_oneoff(worker, up):
    a = assignment("run.1", "sleep 1000", kind="run", time_to_live=1)
    up.assign([a])
    up.wait_state(a, "complete")
    up.wait_line("heroku[run.1]: State changed from up to complete")
    assert worker.messages("heroku", "run.1")[2:] == [
        "Stopping all processes with SIGTERM",
        "Process exited with status 143",
        "State changed from up to complete"]
    assert json.loads(worker.messages("death", "run.1")[-1])["sentence"].startswith("its time to live was over: ")


def check_counter(worker):
    """Every line once and in order, whatever was killed."""
    numbers = [int(m.split()[1]) for m in worker.messages("app", "worker.1")]
    assert numbers == list(range(len(numbers)))
    return len(numbers)


def test_kills_of_the_supervisor_lose_neither_dynos_nor_lines(worker, up):
    a, web = assignment("worker.1", COUNTER), assignment("web.1", SERVER)
    up.assign([a, web])
    up.wait_state(a, "up")
    pids = {d["id"]: d["pid"] for d in (up.wait_state(a, "up"), up.wait_state(web, "up"))}
    for i in range(8):
        time.sleep(0.05 + 0.05 * i)
        worker.kill_supervisor()
    n = check_counter(worker)
    up.wait(lambda: len(worker.messages("app", "worker.1")) > n + 1000, what="more lines")
    check_counter(worker)
    assert {i: up.dynos[i]["pid"] for i in pids} == pids
    assert worker.messages("heroku", "web.1").count("State changed from starting to up") == 1
    up.assign([])
    up.wait_state(a, "down")
    up.wait_state(web, "down")
    up.wait_line("heroku[worker.1]: Process exited with status 143")
    check_counter(worker)


def test_kills_of_dynod_lose_neither_dynos_nor_lines(worker, up):
    a = assignment("worker.1", COUNTER)
    up.assign([a])
    pid = up.wait_state(a, "up")["pid"]
    for _ in range(3):
        time.sleep(0.3)
        worker.dynod.kill()
        worker.dynod.wait()
        time.sleep(0.2)
        worker.start()
        n = len(worker.messages("app", "worker.1"))
        up.wait(lambda: len(worker.messages("app", "worker.1")) > n + 500, what="more lines")
    check_counter(worker)
    assert up.dynos[a["id"]]["pid"] == pid
    assert worker.messages("heroku", "worker.1").count("State changed from starting to up") == 1


def test_what_ends_while_the_supervisor_is_dead_is_handled_later(worker, up):
    a = assignment("run.1", "echo first; sleep 1; echo last; exit 5", kind="run")
    up.assign([a])
    up.wait_line("app[run.1]: first")
    old = worker.supervisor()
    os.kill(old, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(old, signal.SIGKILL)
    assert up.wait_state(a, "complete")["exit_status"] == 5
    up.wait_line("heroku[run.1]: State changed from up to complete")
    assert worker.messages("app", "run.1") == ["first", "last"]
    assert worker.messages("heroku", "run.1")[2:] == [
        "Process exited with status 5", "State changed from up to complete"]


def test_a_client_survives_a_kill_of_the_supervisor(worker, up):
    a = attached(up, "bash -i", tty=True, env={"PS1": "> "})
    s = client(up, a)
    s.send("C", b"\0\x18\0\x50")
    assert s.recv() == ("R", b"")
    s.send("I", b"X=42; echo s\"\"et\n")
    read_until(s, b"set\r\n")
    worker.kill_supervisor()
    s.close()
    s = client(up, a)
    s.send("C", b"\0\x18\0\x50")
    s.send("I", b"echo value $X\nexit 4\n")
    out, _, last = s.recv_all()
    assert b"value 42" in out and last == ("X", b"\4")
    s.close()
    up.wait_state(a, "complete")


def test_while_upstream_is_away_all_goes_on(worker, up):
    a = assignment("worker.1", "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.05; done; exit 1")
    up.assign([a])
    up.wait_line("app[worker.1]: line 3")
    up.stop()
    # It ends, is started again, ...
    wait_for("an end", lambda: any(d["crashes"] for d in worker.get("/dynos")))
    assert worker.get("/")["journal_bytes"] > 0
    up.start()
    up.wait(lambda: worker.messages("app", "worker.1").count("line 39") >= 1)
    assert worker.messages("app", "worker.1")[:40] == [f"line {i}" for i in range(40)]
    up.wait_line("heroku[worker.1]: State changed from crashed to starting")


def test_an_upstream_that_forgot_is_registered_with_again(worker, up):
    n = len(up.registrations)
    up.registered = False
    up.wait(lambda: len(up.registrations) > n, what="registration")


def test_bad_assignments_harm_nobody(worker, up):
    good = assignment("run.1", "echo fine", kind="run")
    bad = assignment("run.2", "true", kind="run", memory=-1)
    worse = assignment("../../x", "true", kind="run")
    up.assign([bad, worse, 7, good])
    up.wait_state(good, "complete")
    assert bad["id"] not in up.dynos


def test_host_sock_is_for_root_and_the_service_user(worker, up):
    path = worker.root + "/run/dyno/supervisor/host.sock"
    assert os.stat(path).st_mode & 0o777 == 0o600
    info = worker.get("/")
    assert info["host"] == "h1" and re.match(r"dyno\d+$", info["prefix"])


def test_many_starts_and_stops_leave_nothing_behind(worker, up):
    before = {worker.supervisor(): fds_of(worker.supervisor())}
    for i in range(6):
        runs = [assignment(f"run.{k}", "echo hi", kind="run") for k in range(8)]
        form = [assignment(f"worker.{k}", "sleep 1000") for k in range(3)]
        up.assign(runs + form)
        for a in runs:
            up.wait_state(a, "complete")
        for a in form:
            up.wait_state(a, "up")
    up.assign([])
    wait_for("an empty host", lambda: worker.get("/dynos") == [] and worker.get("/")["strays"] == 0)
    for kept in ("supervisor/dynos", "dynos"):
        wait_for(f"nothing in {kept}", lambda: os.listdir(f"{worker.root}/run/dyno/{kept}") == [])
    await_fds(before)
