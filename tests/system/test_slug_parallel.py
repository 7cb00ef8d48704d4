"""Many processes at once in one slug store."""
import os
import subprocess

BUILD = os.path.abspath(os.environ.get("DYNO_BUILD", os.path.join(os.path.dirname(__file__), "../../build")))
CROWD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../slugstore/faults/crowd")


def test_a_crowd_shares_a_store_while_it_is_collected():
    p = subprocess.run([CROWD, "--seconds", os.environ.get("DYNO_TEST_CROWD_SEC", "15")], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=3600, check=False,
                       env={**os.environ, "DYNO_BUILD": BUILD})
    print(p.stdout)
    assert p.returncode == 0
