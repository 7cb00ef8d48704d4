"""The log of a life, line by line: the reference sequences that Heroku's users and
their scripts know. A whole instance is asked by dynoctl; what takes minutes there
runs on a worker host with short times."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import assignment  # noqa: E402
from harness import wait_for  # noqa: E402

WORKER = {"cycle-after": 2, "cycle-spread": 4, "boot-timeout": 5}
SERVER = "exec python3 -m http.server $PORT >/dev/null 2>&1"
SERVED = r"exec python3 -m http\.server \d+ >/dev/null 2>&1"


def tail(host, app, after, n):
    """The n lines behind the first one that matches, without their time."""
    def find():
        lines = [line.split(" ", 1)[1] for line in host.logs(app)]
        at = next((i for i, line in enumerate(lines) if re.search(after, line)), None)
        return lines[at:at + n] if at is not None and len(lines) >= at + n else None
    return wait_for(f"{n} lines from {after!r}", find)


def assert_lines(found, wanted):
    assert len(found) == len(wanted), found
    for line, pattern in zip(found, wanted):
        assert re.fullmatch(pattern, line), f"{line!r} is not {pattern!r}; all: {found}"


def heroku(ps, *texts):
    return [rf"heroku\[{re.escape(ps)}\]: {text}" for text in texts]


def test_a_fresh_start_of_a_web_dyno(host, app):
    host.deploy(app, {"Procfile": f"web: echo booting; {SERVER}\n"})
    assert_lines(tail(host, app, r"heroku\[web\.1\]", 4), [
        r"heroku\[web\.1\]: State changed from down to starting",
        rf"heroku\[web\.1\]: Starting process with command `echo booting; {SERVED}`",
        r"app\[web\.1\]: booting",
        r"heroku\[web\.1\]: State changed from starting to up"])


def test_a_config_change_restarts(host, app):
    host.deploy(app, {"Procfile": f"web: {SERVER}\n"})
    host.ctl("config:set", "-a", app, "A=1")
    lines = tail(host, app, r"Set A config vars", 5)
    assert_lines(lines, [
        r"app\[api\]: Set A config vars by user .+",
        r"app\[api\]: Release v\d+ created by user .+",
        *heroku("web.1", "Restarting", "State changed from up to starting", "Stopping all processes with SIGTERM")])
    # The new one does not wait for the old one to finish dying.
    rest = sorted(tail(host, app, r"Stopping all processes", 4)[1:])
    assert_lines(rest, heroku("web.1", "Process exited with status 143",
                              rf"Starting process with command `{SERVED}`",
                              "State changed from starting to up"))


def test_a_crash_at_boot_is_tried_once_at_once(host, app):
    host.deploy(app, {"Procfile": "web: exit 1\n"}, wait=False)
    once = heroku("web.1", "Starting process with command `exit 1`", "Process exited with status 1",
                  "State changed from starting to crashed")
    assert_lines(tail(host, app, r"State changed from down to starting", 8), [
        *heroku("web.1", "State changed from down to starting"), *once,
        *heroku("web.1", "State changed from crashed to starting"), *once])
    assert host.wait_state(app, "web.1", "crashed")


def test_an_attached_one_off(host, app):
    host.deploy(app, {"Procfile": "worker: sleep 1\n"}, wait=False)
    assert host.run(app, "exit 3").status == 3
    lines = tail(host, app, r"Starting process with command `exit 3` by user", 6)
    ps = re.search(r"heroku\[(run\.\d+)\]", lines[1]).group(1)
    assert_lines(lines, [
        r"app\[api\]: Starting process with command `exit 3` by user .+",
        *heroku(ps, "Awaiting client", "Starting process with command `exit 3`",
                "State changed from starting to up", "Process exited with status 3",
                "State changed from up to complete")])


def test_a_detached_one_off(host, app):
    host.deploy(app, {"Procfile": "worker: sleep 1\n"}, wait=False)
    host.ctl("run", "-a", app, "--detach", "exit 4")
    lines = tail(host, app, r"Starting process with command `exit 4` by user", 5)
    ps = re.search(r"heroku\[(run\.\d+)\]", lines[1]).group(1)
    assert_lines(lines[1:], heroku(ps, "Starting process with command `exit 4`",
                                   "State changed from starting to up", "Process exited with status 4",
                                   "State changed from up to complete"))


def lines_of(worker, up, ps, n):
    up.wait(lambda: len(worker.messages("heroku", ps)) >= n, what=f"{n} lines of {ps}")
    return worker.messages("heroku", ps)[:n]


def test_who_ignores_sigterm(worker, up):
    a = assignment("worker.1", "trap : TERM; echo deaf; while :; do sleep 1; done")
    up.assign([a])
    up.wait(lambda: "deaf" in worker.messages("app", "worker.1"), what="a deaf process")
    up.assign([])
    assert lines_of(worker, up, "worker.1", 8)[3:] == [
        "State changed from up to down",
        "Stopping all processes with SIGTERM",
        "Error R12 (Exit timeout) -> At least one process failed to exit within 2 seconds of SIGTERM",
        "Stopping remaining processes with SIGKILL",
        "Process exited with status 137"]


def test_up_again_while_the_old_one_still_leaves(worker, up):
    slow = "trap 'sleep 1; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    up.assign([assignment("worker.1", slow)])
    up.wait(lambda: "ready" in worker.messages("app", "worker.1"), what="a dyno")
    up.assign([])
    lines_of(worker, up, "worker.1", 5)
    up.assign([assignment("worker.1", "exec sleep 100")])
    lines = lines_of(worker, up, "worker.1", 9)
    assert lines[3:5] == ["State changed from up to down", "Stopping all processes with SIGTERM"]
    rest = ["State changed from down to starting", "Starting process with command `exec sleep 100`",
            "State changed from starting to up"]
    assert [line for line in lines[5:] if line in rest] == rest and "Process exited with status 0" in lines[5:]


def test_sleeping_and_waking(worker, up):
    a = assignment("web.1", SERVER, idle=True)
    up.assign([a])  # on a host that has just come: it is not started
    up.wait_state(a, "idle")
    assert not worker.messages("heroku", "web.1")
    awake = ["Unidling", "State changed from down to starting", "Starting process with command `.*`",
             "State changed from starting to up"]
    asleep = ["Idling", "State changed from up to down", "Stopping all processes with SIGTERM",
              "Process exited with status 143"]
    def becomes(state):
        up.wait(lambda: up.dynos[a["id"]]["state"] == state, what=state)
    for n in (4, 12):
        up.assign([{**a, "idle": False}])
        becomes("up")
        pid = up.dynos[a["id"]]["pid"]
        up.assign([{**a, "idle": True}])
        becomes("idle")
        up.wait(lambda: up.dynos[a["id"]]["pid"] is None, what="end")
        assert not os.path.exists(f"/proc/{pid}")
        assert_lines(lines_of(worker, up, "web.1", n + 4)[n - 4:], awake + asleep)
    up.assign([])
    up.wait(lambda: worker.get("/dynos") == [], what="an empty host")
    assert len(worker.messages("heroku", "web.1")) == 16


def test_a_boot_that_takes_too_long(worker, up):
    up.assign([assignment("web.1", "exec sleep 100")])
    assert lines_of(worker, up, "web.1", 6) == [
        "State changed from down to starting",
        "Starting process with command `exec sleep 100`",
        "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 5 seconds of launch",
        "Stopping process with SIGKILL",
        "Process exited with status 137",
        "State changed from starting to crashed"]


def test_the_daily_restart_of_a_worker(worker, up):
    up.assign([assignment("worker.1", "exec sleep 100")])
    lines = lines_of(worker, up, "worker.1", 9)
    assert lines[3:6] == ["Cycling", "State changed from up to starting", "Stopping all processes with SIGTERM"]
    assert sorted(lines[6:]) == ["Process exited with status 143", "Starting process with command `exec sleep 100`",
                                 "State changed from starting to up"]


def test_too_much_memory(worker, up):
    eat = "python3 -c 'x = bytearray(200 << 20); import time; time.sleep(100)'"
    up.assign([assignment("worker.1", "exec " + eat, memory=64 << 20, memory_max=128 << 20)])
    lines = lines_of(worker, up, "worker.1", 8)
    assert re.fullmatch(r"Process running mem=12[78]M\((199|200)\.\d%\)", lines[3])
    assert lines[4:] == ["Error R15 (Memory quota vastly exceeded)", "Stopping process with SIGKILL",
                         "Process exited with status 137", "State changed from up to crashed"]
