"""Completion of dynoctl in bash: verbs, options, and the names that an instance has."""
import os
import subprocess
import time

import pytest

from controller import Controller
from harness import BUILD, PATIENCE, TOP

# Prints what bash would offer for the last of these words.
SCRIPT = f"""
. {TOP}/contrib/completion/dynoctl.bash
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_dynoctl
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def complete(*words, env=None):
    p = subprocess.run(["bash", "-c", SCRIPT, "bash", "dynoctl", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, timeout=PATIENCE, env={"PATH": BUILD + ":" + os.environ["PATH"], **(env or {})})
    assert (p.returncode, p.stderr) == (0, ""), p
    return p.stdout.split()


@pytest.fixture(scope="module")
def instance():
    with Controller() as c:
        for app in ("shop", "shed"):
            c.app(app)
        subprocess.run([BUILD + "/dynoctl", "--root", c.root, "config:set", "-a", "shop", "COLOUR=red", "SIZE=1"], check=True,
                       stdout=subprocess.DEVNULL)
        yield c


def test_verbs_and_options_need_no_controller():
    assert complete("apps:de") == ["apps:delete", "apps:destroy"]
    assert complete("host", "un") == ["undrain"]
    assert "ps:restart" in complete("ps:") and "host" in complete("ho")
    assert complete("--ro") == ["--root"]
    assert complete("apps:destroy", "--c") == ["--confirm"]
    assert {"--detach", "--size", "--release"} <= set(complete("run", "--"))
    assert complete("tokens:create", "--scope", "a") == ["admin"]


def test_names_come_from_the_instance(instance):
    def ask(*words):
        return complete("--root", instance.root, *words)

    assert ask("apps:info", "") == ["shed", "shop"]
    assert ask("ps", "-a", "sho") == ["shop"]
    assert ask("-a", "shop", "config:get", "") == ["COLOUR", "SIZE"]
    assert ask("-a", "shop", "rollback", "") == ["v3", "v2", "v1"]
    assert ask("-a", "shop", "run", "--release", "v2") == ["v2"]
    assert ask("-a", "shop", "features:enable", "pre") == ["preboot"]
    assert ask("-a", "shop", "domains:remove", "") == ["shop.localhost"]
    assert ask("-a", "nosuch", "rollback", "") == []


def test_a_controller_that_is_absent_or_silent_offers_nothing_and_holds_nobody_up(instance, tmp_path):
    assert complete("--root", str(tmp_path), "apps:info", "") == []
    instance.process.send_signal(19)  # SIGSTOP
    try:
        started = time.monotonic()
        assert complete("--root", instance.root, "apps:info", "") == []
        assert time.monotonic() - started < PATIENCE / 2
    finally:
        instance.process.send_signal(18)  # SIGCONT
