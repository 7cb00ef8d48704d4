"""Starts that fail at every point where they can leave nothing behind."""
import os
import subprocess

BUILD = os.path.abspath(os.environ.get("DYNO_BUILD", os.path.join(os.path.dirname(__file__), "../../build")))

# 10000 takes minutes; 0: every point once.
STARTS = os.environ.get("DYNO_TEST_FAULTS", "0")


def test_a_start_that_fails_anywhere_leaves_nothing():
    p = subprocess.run([BUILD + "/system-faults", STARTS], capture_output=True, text=True, timeout=3600, check=False)
    print(p.stdout, p.stderr)
    assert p.returncode == 0
