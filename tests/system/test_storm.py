"""Many apps that crash at once, and a healthy one between them."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import assignment  # noqa: E402

WORKER = {"backoff-unit": 1, "crash-pauses": "0 0 0 0 2"}
STORM = 60


def test_a_healthy_dyno_does_not_wait_for_those_that_crash(worker, up):
    storm = [assignment(f"crash{i}.1", "exit 1") for i in range(STORM)]
    up.assign(storm)
    up.wait(lambda: any("crashed" in s for s in up.states.values()), what="the first crash")
    healthy = assignment("web.1", "exec python3 -m http.server $PORT >/dev/null 2>&1")
    up.assign(storm + [healthy])
    d = up.wait_state(healthy, "up")
    starts = sum(m.startswith(b"Starting process") for _, s, p, m in up.lines if s == "heroku" and p != "web.1")
    # Each of the storm may start five times before it pauses: 300 starts.
    assert starts < STORM * 5, "it came behind all of them"
    assert d["state"] == "up"
