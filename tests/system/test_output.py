"""What a dyno has written arrives, in order, to the last byte that write() took: also
when it dies suddenly, while daemons are killed, and when nobody reads upstream. Then
memory stays within bounds, and what had to be dropped is counted."""
import os
import re
import signal
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import assignment  # noqa: E402
from harness import PATIENCE, wait_for  # noqa: E402

N = 100000  # lines of 100 bytes: 10 MB
WRITE = """import os, sys
b = b"".join(b"%099d\\n" % i for i in range(""" + str(N) + """))
while b:
    b = b[os.write(1, b):]
"""
ENDS = {"exit": "", "a signal": "os.kill(os.getpid(), 9)\n", "a kill from outside": "import time; time.sleep(1000)\n"}


def python(text):
    return "exec python3 -c '" + text.replace("'", "'\\''") + "'"


def numbers(worker, ps):
    return [int(m) for m in worker.messages("app", ps)]


def kill_dyno(worker, a):
    """As the kernel or an operator would: every process at once, from outside."""
    pid = wait_for("its pid", lambda: [d["pid"] for d in worker.get("/dynos") if d["id"] == a["id"]])[0]
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("killed", [False, True], ids=["", "supervisor killed"])
def test_ten_megabytes_and_a_sudden_end(worker, up, end, killed):
    a = assignment("run.1", python(WRITE + ENDS[end]), kind="run")
    up.assign([a])
    wait_for("the first lines", lambda: len(up.lines) > N // 10)
    if killed:
        worker.kill_supervisor()
    if end == "a kill from outside":
        # It sleeps when write() has taken all.
        wait_for("all lines", lambda: len(worker.messages("app", "run.1")) >= N, timeout=PATIENCE)
        kill_dyno(worker, a)
    up.wait(lambda: "complete" in up.states.get(a["id"], []), timeout=PATIENCE, what="the end")
    wait_for("all lines", lambda: len(worker.messages("app", "run.1")) >= N, timeout=PATIENCE)
    assert numbers(worker, "run.1") == list(range(N))


def rss(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) * 1024


def test_a_flood_against_a_stalled_reader_is_bounded_and_counted(worker, up):
    """Nobody takes the lines: 400 MB, or as much as DYNO_TEST_FLOOD says."""
    lines = int(os.environ.get("DYNO_TEST_FLOOD", 400 << 20)) // 100
    flood = f"""import os
i = 0
while i < {lines}:
    b = b"".join(b"%099d\\n" % k for k in range(i, min(i + 1000, {lines})))
    i += 1000
    while b:
        b = b[os.write(1, b):]
"""
    up.stall_logs = True
    try:
        a = assignment("run.1", python(flood), kind="run")
        up.assign([a])
        up.wait(lambda: "complete" in up.states.get(a["id"], []), timeout=600, what="the end")
        supervisor = worker.supervisor()
        # The journal and the captured output are files; memory does not grow with them.
        assert rss(supervisor) < 64 << 20 and rss(worker.dynod.pid) < 32 << 20
        assert worker.get("/")["journal_bytes"] <= 72 << 20
    finally:
        up.stall_logs = False
        with up.cond:
            up.cond.notify_all()
    dropped = re.compile(rb"Error L12: (\d+) messages dropped since ")

    def told():
        return sum(int(m.group(1)) for _, _, p, t in up.lines if p == "log-shuttle" and (m := dropped.match(t)))
    wait_for("all lines, or their loss", lambda: len(worker.messages("app", "run.1")) + told() >= lines, timeout=600)
    seen = numbers(worker, "run.1")
    assert len(seen) + told() == lines
    assert seen == sorted(set(seen)) and told() > 0
    wait_for("whose they were", lambda: sum(
        int(t) for _, s, p, t in list(up.lines) if (s, p) == ("loss", "run.1")) == told())
