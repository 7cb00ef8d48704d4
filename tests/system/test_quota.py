"""Memory of a dyno: R14 above the quota, R15 at the limit, and the right verdict
whoever was killed, by whomever: the counters of the kernel decide, not the number
137."""
import itertools
import os
import re
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import assignment  # noqa: E402
from harness import wait_for  # noqa: E402

WORKER = {"metrics-interval": 1}
MIB = 1 << 20
QUOTA, LIMIT = 64 * MIB, 128 * MIB
R15 = "Error R15 (Memory quota vastly exceeded)"
R12 = "Error R12 (Exit timeout) -> At least one process failed to exit within 2 seconds of SIGTERM"

# Who does it: the command's own process, its child, its grandchild.
WHO = {
    "main": "exec %s",
    "child": "%s & wait; sleep 100",
    "grandchild": "(%s & wait; sleep 100) & wait; sleep 100",
}
EAT = "python3 -c 'x = bytearray(200 << 20); import time; time.sleep(100)'"


def sized(name, command, **more):
    return assignment(name, command, memory=QUOTA, memory_max=LIMIT, **more)


def lines_until(worker, up, ps, last):
    up.wait(lambda: last in worker.messages("heroku", ps), what=last)
    return worker.messages("heroku", ps)


def test_above_the_quota_a_dyno_is_told_and_lives(worker, up):
    a = sized("worker.1", "exec python3 -c 'x = bytearray(80 << 20); import time; time.sleep(100)'",
              runtime_metrics=True)
    up.assign([a])
    up.wait(lambda: worker.messages("heroku", "worker.1").count("Error R14 (Memory quota exceeded)") > 1, what="R14")

    def told():
        """The last sample that exceeded it; the first may be taken while it is being filled."""
        return [re.fullmatch(r"Process running mem=(\d+)M\((\d+\.\d)%\)", before).groups() for before, line in
                itertools.pairwise(worker.messages("heroku", "worker.1")) if line == "Error R14 (Memory quota exceeded)"][-1]
    wait_for("all of it", lambda: int(told()[0]) >= 80)
    mib, share = told()
    lines = worker.messages("heroku", "worker.1")
    assert int(mib) < 128 and abs(float(share) - int(mib) / 64 * 100) < 1
    assert up.states[a["id"]][-1] == "up" and R15 not in lines
    head = f"source=worker.1 dyno=heroku.{a['app']['id']}.{a['id']} "
    samples = [line[len(head):] for line in lines if line.startswith(head)]
    assert re.fullmatch(r"sample#load_avg_1m=\d+\.\d\d sample#load_avg_5m=\d+\.\d\d sample#load_avg_15m=\d+\.\d\d",
                        samples[0])
    assert re.fullmatch(r"sample#memory_total=\d+\.\d\dMB sample#memory_rss=\d+\.\d\dMB "
                        r"sample#memory_cache=\d+\.\d\dMB sample#memory_swap=\d+\.\d\dMB "
                        r"sample#memory_pgpgin=\d+pages sample#memory_pgpgout=\d+pages "
                        r"sample#memory_quota=64\.00MB", samples[1])
    seen = [d for d in worker.get("/dynos") if d["id"] == a["id"]][0]
    assert seen["memory"] > 80 * MIB and seen["memory_quota"] == QUOTA and seen["pids"] >= 2


@pytest.mark.parametrize("who", WHO)
def test_out_of_memory_is_r15_and_ends_the_whole_dyno(worker, up, who):
    a = sized("run.1", WHO[who] % EAT, kind="run")
    up.assign([a])
    lines = lines_until(worker, up, "run.1", "State changed from up to complete")
    i = lines.index(R15)
    assert re.fullmatch(r"Process running mem=1[23]\dM\((19|20)\d\.\d%\)", lines[i - 1])
    assert lines[i + 1:] == ["Stopping process with SIGKILL", "Process exited with status 137",
                             "State changed from up to complete"]
    assert lines.count(R15) == 1


@pytest.mark.parametrize("who", WHO)
def test_a_kill_by_the_user_is_no_memory_error(worker, up, who):
    command = "sh -c \"kill -9 \\$\\$\""
    shell = {"main": "kill -9 $$", "child": f"{command}; exit $?",
             "grandchild": f"(sh -c '{command}; exit $?'); exit $?"}[who]
    a = sized("run.1", shell.replace("\\$", "$") if who == "main" else shell, kind="run")
    up.assign([a])
    lines = lines_until(worker, up, "run.1", "State changed from up to complete")
    assert lines[-2:] == ["Process exited with status 137", "State changed from up to complete"]
    assert R15 not in lines and "Stopping process with SIGKILL" not in lines


@pytest.mark.parametrize("who", WHO)
def test_a_kill_after_r12_is_r12(worker, up, who):
    deaf = "sh -c \"trap : TERM; echo deaf; while :; do sleep 1; done\""
    a = sized("worker.1", "trap : TERM; echo deaf; " * (who == "main") + {
        "main": "while :; do sleep 1; done", "child": f"{deaf} & wait", "grandchild": f"({deaf} & wait) & wait"}[who])
    up.assign([a])
    up.wait(lambda: "deaf" in worker.messages("app", "worker.1"), what="a deaf process")
    up.assign([])
    up.wait_state(a, "down")
    up.wait(lambda: worker.messages("heroku", "worker.1")[-1].startswith("Process exited"), what="the end")
    lines = worker.messages("heroku", "worker.1")
    assert R15 not in lines
    assert lines[-4:-1] == ["Stopping all processes with SIGTERM", R12, "Stopping remaining processes with SIGKILL"]
