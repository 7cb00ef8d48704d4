"""The daily restart, with days of two seconds: log lines, overlap, ids, and that
it goes on when the supervisor is killed or upstream is away."""
import json
import os
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import assignment  # noqa: E402
from harness import wait_for  # noqa: E402

WORKER = {"cycle-after": 2, "cycle-spread": 4}
SERVER = "exec python3 -u -m http.server $PORT"


def successor(up, old):
    """The dyno that took the place of old, once it is up."""
    def find():
        ids = [d["id"] for r in up.reports for d in r["dynos"] if d.get("replaces") == old]
        return up.dynos[ids[0]] if ids and "up" in up.states[ids[0]] else None
    up.wait(find, what="a successor of " + old)
    return find()


def test_a_web_dyno_leaves_when_its_successor_is_up(worker, up):
    a = assignment("web.1", SERVER)
    up.assign([a])
    first = up.wait_state(a, "up")
    second = successor(up, a["id"])
    assert second["id"] != a["id"] and second["address"] != first["address"]
    # Until its own turn comes, in seconds.
    with urllib.request.urlopen(f"http://{second['address']}:{second['port']}/") as answer:
        assert answer.status == 200
    up.wait(lambda: up.states[a["id"]][-1] == "down", what="the old one to be down")
    up.wait(lambda: "Process exited with status 143" in worker.messages("heroku", "web.1"))
    lines = worker.messages("heroku", "web.1")
    assert lines[2:9] == [
        "State changed from starting to up",
        "Cycling",
        "State changed from up to starting",
        f"Starting process with command `exec python3 -u -m http.server {second['port']}`",
        "State changed from starting to up",
        "Stopping all processes with SIGTERM",
        "Process exited with status 143"]
    # It is not the last one.
    assert successor(up, second["id"])["id"] not in (a["id"], second["id"])


def test_a_worker_is_signalled_first_and_the_name_stays(worker, up):
    a = assignment("worker.1", "exec sleep 100")
    up.assign([a])
    up.wait_state(a, "up")
    second = successor(up, a["id"])
    assert second["name"] == "worker.1"
    up.wait(lambda: len(worker.messages("heroku", "worker.1")) > 8, what="nine lines")
    lines = worker.messages("heroku", "worker.1")
    assert lines[:6] == [
        "State changed from down to starting",
        "Starting process with command `exec sleep 100`",
        "State changed from starting to up",
        "Cycling",
        "State changed from up to starting",
        "Stopping all processes with SIGTERM"]
    assert sorted(lines[6:9]) == sorted([
        "Process exited with status 143",
        "Starting process with command `exec sleep 100`",
        "State changed from starting to up"])


def test_a_one_off_is_ended_for_good(worker, up):
    a = assignment("run.1", "exec sleep 100", kind="run")
    up.assign([a])
    up.wait_state(a, "complete")
    up.wait_line("heroku[run.1]: State changed from up to complete")
    assert worker.messages("heroku", "run.1")[2:] == [
        "Cycling", "Stopping all processes with SIGTERM", "Process exited with status 143",
        "State changed from up to complete"]
    assert json.loads(worker.messages("death", "run.1")[0])["sentence"].startswith("its daily restart was due: ")
    assert not any(d.get("replaces") == a["id"] for r in up.reports for d in r["dynos"])


def test_of_three_workers_one_goes_at_a_time(worker, up):
    wanted = [assignment(f"worker.{i}", "exec sleep 100") for i in (1, 2, 3)]
    up.assign(wanted)
    for a in wanted:
        up.wait_state(a, "up")
    for a in wanted:
        successor(up, a["id"])
    going = {}
    for _, source, ps, message in up.lines:
        if source != "heroku":
            continue
        if message == b"Cycling":
            assert not [p for p, busy in going.items() if busy and p != ps], up.text()
            going[ps] = True
        elif message == b"State changed from starting to up":
            going[ps] = False


def test_it_goes_on_when_the_supervisor_is_killed_in_the_middle(worker, up):
    a = assignment("web.1", "sleep 1; " + SERVER)
    up.assign([a])
    up.wait_state(a, "up")
    up.wait(lambda: "Cycling" in worker.messages("heroku", "web.1"), what="the cycle to begin")
    worker.kill_supervisor()
    successor(up, a["id"])
    up.wait(lambda: up.states[a["id"]][-1] == "down", what="the old one to be down")
    wait_for("one dyno", lambda: [d["state"] for d in worker.get("/dynos")] == ["up"])
    lines = worker.messages("heroku", "web.1")
    assert lines.count("Process exited with status 143") <= lines.count("Cycling")


def test_a_successor_that_fails_leaves_the_old_one_up_until_the_deadline(worker, up):
    a = assignment("web.1", f"[ $(hostname) = $FIRST ] && {SERVER}; exit 7")
    a["env"]["FIRST"] = a["id"]
    up.assign([a])
    up.wait_state(a, "up")
    up.wait(lambda: "Process exited with status 7" in worker.messages("heroku", "web.1"), what="a failed successor")
    assert up.states[a["id"]] == ["starting", "up"]
    up.wait(lambda: up.states[a["id"]][-1] == "down", what="the deadline")


def test_while_upstream_is_away_the_deadline_is_kept(worker, up):
    a = assignment("worker.1", "echo $HOSTNAME $(hostname); exec sleep 100")
    up.assign([a])
    up.wait_state(a, "up")
    up.stop()
    here = lambda: [d["id"] for d in worker.get("/dynos") if d["state"] == "up"]  # noqa: E731
    second = wait_for("a cycle", lambda: [d for d in here() if d != a["id"]])[0]
    wait_for("another cycle", lambda: [d for d in here() if d not in (a["id"], second)])
    up.start()
    up.wait(lambda: up.assignments[0]["id"] != a["id"], what="a new list")
