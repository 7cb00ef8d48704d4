"""What lies beside an idle dyno stays small."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))

from idle import idle_figures

DYNOS = int(os.environ.get("DYNO_TEST_IDLE", "30"))
INIT_KIB = 64


def test_the_first_process_of_an_idle_dyno_has_64_kib_at_most():
    figures = idle_figures(DYNOS)
    print({k: round(v, 1) for k, v in figures.items()})
    assert 0 < figures["dyno-init, PSS"] <= INIT_KIB
    assert figures["worst dyno-init, PSS"] <= INIT_KIB
