"""The slugs of a worker host: leased as long as a dyno lives, fetched again
when they are gone, told when they are wrong."""
import fcntl
import hashlib
import os
import shutil
import signal
import sys
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import assignment  # noqa: E402
from harness import assert_nothing_left, processes, wait_for  # noqa: E402
from worker import USER, Worker  # noqa: E402

WORKER = {"stop-grace": 60}  # no test here is about who ignores SIGTERM
# Collect all that may be.
GC = ("gc", "--high-bytes", "1000", "--low-bytes", "900")
SLEEP = "echo ready; exec sleep 1000"


def started(worker, up, files, command=SLEEP, name="worker.1"):
    """A running dyno of a new slug: (assignment, sha256, pid)."""
    s = worker.publish(files)
    a = assignment(name, command, slug=s)
    up.assign([a])
    up.wait_line(f"app[{name}]: ready")
    return a, s["sha256"], up.wait_state(a, "up")["pid"]


def big_slug(worker, n=30000):
    """One whose unpacking takes a while."""
    return worker.publish({"hello": "big", **{f"d{i % 200}/f{i}": f"file {i}\n" * 20 for i in range(n)}})


def unpacking(worker):
    """Whether something is being unpacked: more than a directory or two."""
    for d in os.listdir(worker.store + "/incoming"):
        path = f"{worker.store}/incoming/{d}/app"
        if os.path.isdir(path) and len(os.listdir(path)) > 50:
            return True
    return False


def jobs(worker):
    """Slug jobs of this host that run."""
    return [pid for pid, (_, line) in processes().items() if "dyno-slug" in line and worker.root in line]


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
        assert worker.dyno_slug("keep") == (0, "")
        assert worker.dyno_slug(*GC)[0] == 0
        assert os.path.exists(f"{worker.store}/trees/{sha}/app/hello") and not gone(pid)
        os.kill(pid, signal.SIGKILL)
        wait_for("the end of the dyno", lambda: gone(pid))
        worker.dyno_slug("keep", sha)
        status, said = worker.dyno_slug("rm", sha)
        assert status == 1 and "pinned" in said, said
        worker.dyno_slug("keep")
        assert worker.dyno_slug(*GC)[0] == 0
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
    command = ("touch /tmp/wait; trap 'while [ -e /tmp/wait ]; do sleep 0.05; done; exit' TERM; echo ready; "
               "while :; do sleep 0.05; done")
    a, old, pid = started(worker, up, {"hello": "old"}, command)
    assert pins(worker) == {old}
    s = worker.publish({"hello": "new"})
    b = assignment("worker.1", SLEEP, slug=s)
    up.assign([b])
    up.wait_state(b, "up")
    # The old one takes its time.
    assert pins(worker) == {old, s["sha256"]} and not gone(pid)
    os.unlink(f"/proc/{pid}/root/tmp/wait")
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
    wait_for("a line about it", lambda: "slugs that are wanted are written down now" in open(worker.root + "/log").read())
    assert open(worker.root + "/log").read().count("cannot say which slugs are wanted") == 1


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
    began = time.monotonic()
    up.wait(lambda: up.slug_requests.count(s["sha256"]) >= 4, what="four tries")
    assert time.monotonic() - began > 1


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


# ---- killed in the middle ----

@pytest.mark.parametrize("victim", ["supervisor", "dynod"])
def test_killed_while_a_slug_is_unpacked(worker, up, victim):
    n = 30000 + len(victim)
    s = big_slug(worker, n)
    a = assignment("worker.1", SLEEP, slug=s)
    up.assign([a])
    wait_for("unpacking", lambda: unpacking(worker))
    old = set(jobs(worker))
    assert old
    if victim == "supervisor":
        worker.kill_supervisor()
    else:
        worker.kill_all()
        wait_for("the end of the jobs", lambda: not jobs(worker))
        assert not os.path.exists(f"{worker.store}/trees/{s['sha256']}")
        worker.start()
    up.wait_state(a, "up")
    assert up.slug_requests.count(s["sha256"]) == 1
    assert not old & set(jobs(worker))
    # Whoever opens the store takes away what the dead have left.
    wait_for("an empty incoming", lambda: worker.dyno_slug("ls")[0] == 0 and not os.listdir(worker.store + "/incoming"))
    assert sum(len(files) for _, _, files in os.walk(f"{worker.store}/trees/{s['sha256']}/app")) == n + 1
    assert worker.messages("heroku", "worker.1")[:1] == ["State changed from down to starting"]
    assert not [m for m in worker.messages("heroku", "worker.1") if m.startswith("Error")]


def test_a_slug_that_vanishes_under_queued_starts_is_had_again(worker, up):
    a, sha, _ = started(worker, up, {"hello": "vanishes"})
    up.assign([])
    up.wait_state(a, "down")
    runs = [assignment(f"worker.{i}", SLEEP, slug=a["slug"]) for i in range(12)]
    os.kill(worker.dynod.pid, signal.SIGSTOP)
    try:
        up.assign(runs)
        wait_for("leases of queued starts", lambda: leased(worker, sha))
        time.sleep(0.3)
        status, said = worker.dyno_slug("rm", sha)
        assert status == 1 and "in use" in said, said
        shutil.rmtree(f"{worker.store}/trees/{sha}")
    finally:
        os.kill(worker.dynod.pid, signal.SIGCONT)
    for r in runs:
        up.wait_state(r, "up")
    assert up.slug_requests.count(sha) == 1


# ---- space ----

def test_slugs_that_nobody_wants_are_collected_by_itself(worker, up):
    """Of three, the one that is neither wanted nor in use."""
    a, old, _ = started(worker, up, {"hello": "release 1"})
    s, other = worker.publish({"hello": "release 2"}), worker.publish({"hello": "another app"})
    b, c = assignment("worker.2", SLEEP, slug=s), assignment("worker.3", SLEEP, slug=other)
    up.assign([a, b, c])
    up.wait_state(b, "up")
    up.wait_state(c, "up")
    # Only now: nothing is to go before there is something to spare.
    with open(worker.root + "/etc/dyno/slugs.conf", "w") as f:
        f.write("high-bytes = 1000\n")
    try:
        up.assign([b, c])
        up.wait_state(a, "down")
        wait_for("the end of the old release", lambda: not os.path.exists(f"{worker.store}/trees/{old}"))
        wait_for("its blob's end", lambda: not os.path.exists(f"{worker.store}/blobs/{old}"))
        for kept in (s["sha256"], other["sha256"]):
            assert os.path.exists(f"{worker.store}/trees/{kept}/app/hello")
        log = wait_for("a line about it", lambda: [
            l for l in open(worker.root + "/log") if "slug store: collected" in l])
        assert len(log) == 1, log
    finally:
        os.unlink(worker.root + "/etc/dyno/slugs.conf")


@pytest.fixture
def tight():
    """A worker whose store is on a file system of 40 MiB, 30 of them taken."""
    w = Worker({}, "mkdir -p {w.store}; mount -t tmpfs -o size=40m,mode=755,uid=%d,gid=%d none {w.store}; "
                   "head -c 30m /dev/zero > {w.store}/filler" % (USER, USER))
    try:
        w.up.wait(lambda: w.up.registered, what="registration")
        prefix = w.get("/")["prefix"]
        w.inside = f"/proc/{w.dynod.pid}/root{w.store}"
        yield w
    finally:
        w.stop()
        w.log.seek(0)
        print(w.log.read()[-8000:])
        shutil.rmtree(w.root)
    assert_nothing_left(prefix, w.root)


def test_no_room_for_a_slug_is_the_hosts_trouble_until_there_is(tight):
    up = tight.up
    small, big = tight.publish({"hello": "small"}), tight.publish({"hello": "big", "data": os.urandom(8 << 20)})
    a, b = assignment("worker.1", SLEEP, slug=small), assignment("worker.2", SLEEP, slug=big)
    once = assignment("run.1", "true", slug=big, kind="run")
    up.assign([a, b, once])
    up.wait_state(a, "up")
    up.wait_state(once, "complete")
    up.wait_line("heroku[run.1]: State changed from starting to complete")
    assert tight.messages("heroku", "run.1")[0] == "Error R99 (Platform error) -> Failed to fetch and unpack the slug"
    up.wait(lambda: "needs" in (up.dynos[b["id"]]["error"] or ""), what="the reason in a report")
    time.sleep(3)
    assert up.dynos[b["id"]]["state"] == "starting"
    assert tight.messages("heroku", "worker.2") == ["State changed from down to starting"]
    lines = [l for l in open(tight.root + "/log") if "needs" in l and "has" in l]
    assert len(lines) == 1 and big["sha256"][:12] in lines[0], lines
    # Nothing of it is left that would take the room away from others.
    assert os.listdir(tight.inside + "/incoming") == []
    os.unlink(tight.inside + "/filler")
    d = up.wait_state(b, "up", 60)
    assert d["error"] is None
    up.wait_line("heroku[worker.2]: State changed from starting to up")
    assert os.path.exists(f"{tight.inside}/trees/{big['sha256']}/app/data")
