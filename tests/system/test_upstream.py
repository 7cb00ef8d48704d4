"""What the supervisor tells upstream, and that it loses nothing while upstream is away."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import assignment  # noqa: E402
from harness import wait_for  # noqa: E402

WORKER = {"labels": "zone=a, disk=ssd", "crash-pauses": "1", "report-interval": 2}


def test_capacity_and_labels_are_told(worker, up):
    last = up.registrations[-1]
    assert last["labels"] == {"zone": "a", "disk": "ssd"}
    assert last["capacity"]["cpus"] >= 1 and last["capacity"]["memory"] > 1 << 28
    assert worker.get("/")["labels"] == last["labels"]


def test_numbers_rise_within_a_boot_and_start_anew_in_the_next(worker, up):
    boot = worker.get("/")["boot"]
    worker.kill_supervisor()
    up.wait(lambda: any(r["boot"] != boot for r in up.reports), what="the next boot")
    for b in {r["boot"] for r in up.reports}:
        mine = [r for r in up.reports if r["boot"] == b]
        assert [r["seq"] for r in mine] == list(range(1, len(mine) + 1))
        assert mine[0]["full"]


def test_a_burst_of_changes_makes_few_reports_and_big_ones_are_packed(worker, up):
    packed, refused = up.packed, up.packed_refused
    before = len(up.reports)
    many = [assignment(f"worker.{i}", f"echo {'x' * 2000}; exec sleep 100") for i in range(1, 13)]
    up.assign(many)
    started = time.monotonic()
    for a in many:
        up.wait_state(a, "up")
    took = time.monotonic() - started
    reports = len(up.reports) - before
    assert reports <= took / 0.05 + took / 2 + 2, (reports, took)
    up.wait(lambda: any(r["full"] and len(r["dynos"]) == 12 for r in up.reports), what="a full report")
    assert up.packed > packed and up.packed_refused == refused
    assert max(up.plain_sizes["report"]) <= 1024
    up.wait(lambda: max(up.plain_sizes["logs"]) > 1024, what="lines that are not packed")


def test_without_gzip_all_goes_plain(worker, up):
    up.packs = False
    many = [assignment(f"worker.{i}", f"echo {'x' * 5000}; exec sleep 100") for i in range(1, 5)]
    up.assign(many)
    for a in many:
        up.wait_state(a, "up")
    up.wait(lambda: len([m for m in up.lines if m[1] == "app" and len(m[3]) == 5000]) == 4, what="all lines")
    # If not before, then with the next report of all.
    up.wait(lambda: max(up.plain_sizes["report"]) > 1024, what="a big report that is not packed")
    assert up.packed_refused == 1 and max(up.plain_sizes["logs"]) > 5000
    up.packs = True


def test_what_happened_while_upstream_was_away_is_told_in_order(worker, up):
    # A crash each second: what takes hours with the real pauses.
    a = assignment("worker.1", "echo start; sleep 0.05; exit 7")
    stays = assignment("worker.2", "while :; do date +%s%N; sleep 0.01; done")
    up.assign([a, stays])
    up.wait_state(a, "crashed")
    up.wait_state(stays, "up")
    up.stop()
    wait_for("five crashes", lambda: next(d for d in worker.get("/dynos") if d["id"] == a["id"])["crashes"] >= 6)
    assert worker.knows(stays)
    up.start()
    exited = "Process exited with status 7"
    up.wait(lambda: worker.messages("heroku", "worker.1").count(exited) >= 6, what="six crashes")
    up.wait(lambda: up.dynos[a["id"]]["state"] in ("crashed", "starting", "up"))
    cycle = ["State changed from crashed to starting", "Starting process with command `echo start; sleep "
             "0.05; exit 7`", "State changed from starting to up", exited,
             "State changed from up to crashed"]
    lines = worker.messages("heroku", "worker.1")
    at = lines.index("State changed from up to crashed") + 1
    for i, line in enumerate(lines[at:]):
        assert line == cycle[i % 5], (i, lines[at:])
    # Each end once, in the order of the lines (the fake asserts that no number is missing).
    deaths = [m for _, s, p, m in up.lines if (s, p) == ("death", "worker.1")]
    assert abs(len(deaths) - lines.count(exited)) <= 1 and len(set(deaths)) == len(deaths)
    stamps = [int(m) for m in worker.messages("app", "worker.2")]
    assert stamps == sorted(set(stamps)) and len(stamps) > 50
    assert not any("L1" in m for m in worker.messages("heroku", "worker.2"))


def test_after_the_outage_the_whole_state_is_told_at_once(worker, up):
    a, b = assignment("worker.1", "exec sleep 100"), assignment("worker.2", "sleep 1; exit 0")
    up.assign([a, b])
    up.wait_state(a, "up")
    up.stop()
    wait_for("the end of worker.2", lambda: next(
        d for d in worker.get("/dynos") if d["id"] == b["id"])["crashes"] >= 1)
    before = len(up.reports)
    up.registered = False                   # it has forgotten all
    up.start()
    up.wait(lambda: any(r["full"] and {d["id"] for d in r["dynos"]} >= {a["id"], b["id"]}
                        for r in up.reports[before:]), what="a full report")
    assert up.reports[before]["full"]
