"""The slugs of a worker host: leased as long as a dyno lives, fetched again
when they are gone, told when they are wrong."""
import fcntl
import hashlib
import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import assignment  # noqa: E402
from harness import wait_for  # noqa: E402
from worker import USER  # noqa: E402

SLEEP = "echo ready; exec sleep 1000"


def started(worker, up, files, command=SLEEP, name="worker.1"):
    """A running dyno of a new slug: (assignment, sha256, pid)."""
    s = worker.publish(files)
    a = assignment(name, command, slug=s)
    up.assign([a])
    up.wait_line(f"app[{name}]: ready")
    return a, s["sha256"], up.wait_state(a, "up")["pid"]


def gone(pid):
    return not os.path.exists(f"/proc/{pid}")


def leased(worker, sha):
    """Whether anybody has the slug; what we take we let go."""
    with open(f"{worker.store}/locks/{sha}") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True


# ---- leases ----

def test_a_slug_is_leased_until_its_dyno_ends_whoever_is_killed(worker, up):
    a, sha, pid = started(worker, up, {"hello": "lease"})
    worker.kill_all()
    try:
        status, said = worker.dyno_slug("rm", sha)
        assert status == 1 and "in use" in said, said
        assert os.path.exists(f"{worker.store}/trees/{sha}/app/hello") and not gone(pid)
        os.kill(pid, signal.SIGKILL)
        wait_for("the end of the dyno", lambda: gone(pid))
        status, said = worker.dyno_slug("rm", sha)
        assert status == 1 and "pinned" in said, said
        assert worker.dyno_slug("keep") == (0, "")
        assert worker.dyno_slug("rm", sha) == (0, "")
        assert not os.path.exists(f"{worker.store}/trees/{sha}")
    finally:
        worker.start()
    # Its end is seen, and the slug is had again.
    up.wait(lambda: worker.messages("app", "worker.1").count("ready") == 2, what="another start")
    assert up.slug_requests.count(sha) == 2


def test_a_supervisor_that_comes_later_leases_too(worker, up):
    a, sha, pid = started(worker, up, {"hello": "again"})
    for kill in (worker.kill_supervisor, worker.kill_all):
        kill()
        if worker.dynod.poll() is not None:
            worker.start()
        wait_for("a supervisor that knows it", lambda: worker.knows(a))
        status, said = worker.dyno_slug("rm", sha)
        assert status == 1 and "in use" in said, said
    assert not gone(pid)
    up.assign([])
    up.wait_state(a, "down")
    wait_for("a slug that nobody uses", lambda: worker.dyno_slug("rm", sha)[0] == 0)


def test_the_app_sees_nothing_of_the_lease(worker, up):
    s = worker.publish({"look": "cd /proc/self/fd; for i in *; do [ $i -gt 2 ] && readlink $i; done; "
                                "ls /proc/1/fd 2>&1; ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c locks"})
    a = assignment("run.1", "ls -1 /proc/self/fd; bash look", kind="run", slug=s)
    up.assign([a])
    up.wait_state(a, "complete")
    up.wait_line("heroku[run.1]: State changed from up to complete")
    lines = worker.messages("app", "run.1")
    assert lines[:4] == ["0", "1", "2", "3"]  # 3 is the directory that ls reads
    assert not [l for l in lines if "/locks/" in l or s["sha256"] in l]
    assert any("Permission denied" in l for l in lines) and lines[-1] == "0"


# ---- pins ----

def pins(worker):
    return set(os.listdir(worker.store + "/pins"))


def test_pinned_is_what_is_wanted_or_still_there(worker, up):
    command = "trap 'sleep 1; exit' TERM; echo ready; while :; do sleep 0.1; done"
    a, old, pid = started(worker, up, {"hello": "old"}, command)
    assert pins(worker) == {old}
    s = worker.publish({"hello": "new"})
    b = assignment("worker.1", SLEEP, slug=s)
    up.assign([b])
    up.wait_state(b, "up")
    # The old one takes a second for its end.
    assert pins(worker) == {old, s["sha256"]} and not gone(pid)
    wait_for("the old one's end", lambda: pins(worker) == {s["sha256"]})
    assert gone(pid)
    up.assign([])
    wait_for("no pins", lambda: not pins(worker))


def test_a_pin_is_there_before_the_slug_is_asked_for(worker, up):
    s = worker.publish({"hello": "pin first"})
    seen = []
    serve = up.serve_slug

    def look(h, sha):
        seen.append(pins(worker))
        serve(h, sha)
    up.serve_slug = look
    try:
        a = assignment("worker.1", SLEEP, slug=s)
        up.assign([a])
        up.wait_state(a, "up")
    finally:
        del up.serve_slug
    assert seen == [{s["sha256"]}]


def test_pins_that_cannot_be_written_stop_nobody(worker, up):
    os.chown(worker.store + "/pins", 0, 0)
    try:
        a, sha, _ = started(worker, up, {"hello": "unpinned"})
        assert pins(worker) == set()
    finally:
        os.chown(worker.store + "/pins", USER, USER)
    wait_for("pins", lambda: pins(worker) == {sha})
    log = open(worker.root + "/log").read()
    assert log.count("cannot say which slugs are wanted") == 1
    assert "the slugs that are wanted are written down now" in log


def test_a_supervisor_writes_the_pins_when_it_starts(worker, up):
    a, sha, _ = started(worker, up, {"hello": "pins at start"})
    worker.dyno_slug("keep", "0" * 64)
    assert pins(worker) == {"0" * 64}
    worker.kill_supervisor()
    wait_for("pins", lambda: pins(worker) == {sha})


# ---- what upstream sends ----

def test_wrong_bytes_are_r17_and_a_crash(worker, up):
    s = worker.publish({"hello": "right"})
    sha, right = s["sha256"], open(f"{worker.slugs}/{s['sha256']}", "rb").read()
    wrong = right[:-1] + bytes([right[-1] ^ 1])
    with open(f"{worker.slugs}/{sha}", "wb") as f:
        f.write(wrong)
    a, b = assignment("worker.1", SLEEP, slug=s), assignment("run.1", "true", slug=s, kind="run")
    up.assign([a, b])
    d = up.wait_state(a, "crashed")
    actual = hashlib.sha256(wrong).hexdigest()
    assert sha in d["error"] and actual in d["error"]
    r17 = ("Error R17 (Checksum error) -> Checksum does match expected value. "
           f"Expected: SHA256:{sha} Actual: SHA256:{actual}")
    up.wait_state(b, "complete")
    up.wait_line("heroku[run.1]: State changed from starting to complete")
    assert worker.messages("heroku", "run.1") == [r17, "State changed from starting to complete"]
    up.wait(lambda: worker.messages("heroku", "worker.1").count(r17) == 3, what="three tries")
    assert worker.messages("heroku", "worker.1")[:4] == [
        "State changed from down to starting", r17,
        "State changed from starting to crashed",
        "State changed from crashed to starting"]
    with open(f"{worker.slugs}/{sha}", "wb") as f:
        f.write(right)
    assert up.wait_state(a, "up")["error"] is None
    assert os.listdir(f"{worker.store}/incoming") == []


def test_crashes_by_wrong_bytes_follow_the_crash_policy(worker, up):
    """The first one costs nothing; then a minute of tests, which is a second."""
    s = worker.publish({"hello": "never"})
    with open(f"{worker.slugs}/{s['sha256']}", "wb") as f:
        f.write(b"something else")
    a = assignment("worker.1", SLEEP, slug=s)
    up.assign([a])
    up.wait_state(a, "crashed")
    time.sleep(3)
    assert 3 <= up.slug_requests.count(s["sha256"]) <= 6


def test_a_slug_that_somebody_has_damaged_here_is_had_again(worker, up):
    a, sha, pid = started(worker, up, {"hello": "whole"}, "echo ready; cat hello; exec sleep 1000")
    up.assign([])
    up.wait_state(a, "down")
    wait_for("a slug that nobody uses", lambda: not leased(worker, sha))
    shutil.rmtree(f"{worker.store}/trees/{sha}")
    b = assignment("worker.1", SLEEP, slug=a["slug"])
    up.assign([b])
    up.wait_state(b, "up")
    assert os.path.exists(f"{worker.store}/trees/{sha}/app/hello")
    assert up.slug_requests.count(sha) == 1  # the blob was there
