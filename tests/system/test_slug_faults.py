"""The slug store is valid whatever happens to who works on it."""
import os
import subprocess

BUILD = os.path.abspath(os.environ.get("DYNO_BUILD", os.path.join(os.path.dirname(__file__), "../../build")))
FAULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../slugstore/faults")


def run(*argv):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=3600, check=False,
                       env={**os.environ, "DYNO_BUILD": BUILD})
    print(p.stdout)
    assert p.returncode == 0


def test_a_command_killed_or_failed_at_any_point_leaves_a_valid_store():
    """Some of the points, evenly; "tests/slugstore/faults/crash-points" does them all."""
    run(os.path.join(FAULTS, "crash-points"), "--quick", os.environ.get("DYNO_TEST_FAULTS_SEC", "18"))


def test_what_a_power_cut_leaves_on_the_disk_is_a_valid_store():
    """Some of the instants; "tests/slugstore/faults/power-cut" does them all."""
    run(os.path.join(FAULTS, "power-cut"), "--points", "10", "--quick", os.environ.get("DYNO_TEST_FAULTS_SEC", "10"))
