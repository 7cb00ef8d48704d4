"""What is known of an end: cause, counters and last lines, kept when the dyno is
gone, whatever was killed meanwhile."""
import re

import pytest

from harness import wait_for


def deaths(host, app, name, n=1):
    def find():
        found = host.json("why", "-a", app, name, "-n", "10")
        return found if len(found) >= n else None
    return wait_for(f"{n} ends of {name}", find)


def test_a_crash_is_explained_with_its_last_lines(host, app):
    host.deploy(app, {"Procfile": "worker: for i in $(seq 60); do echo line $i; done; exit 3\n"}, wait=False)
    host.ctl("scale", "-a", app, "worker=1")
    first = deaths(host, app, "worker.1", 2)[-1]
    assert first["cause"] == "exit" and first["by"] == "dyno" and first["status"] == 3
    assert first["lines"] == [f"line {i}" for i in range(11, 61)]
    assert first["memory_peak"] > 0 and first["cpu_usec"] > 0 and first["trace"]["exec"] >= 0
    text = host.ctl("why", "-a", app, "worker.1").out
    assert re.search(r"^worker\.1 ended .*: it exited by itself with status 3$", text, re.M)
    assert "    line 60\n" in text
    host.ctl("scale", "-a", app, "worker=0")
    # The dyno is gone; what is known of it is not.
    wait_for("no dyno", lambda: host.dynos(app) == [])
    assert host.json("why", "-a", app)[0]["name"] == "worker.1"


@pytest.mark.parametrize("command, cause, by", [
    ("kill -9 $$", "signal", "dyno"),
    ("exit 137", "exit", "dyno"),
])
def test_a_kill_is_told_from_an_exit_with_the_same_number(host, app, command, cause, by):
    host.deploy(app, {"Procfile": "worker: sleep 100\n"}, wait=False)
    host.run(app, command)
    end = wait_for("an end", lambda: host.json("why", "-a", app))[0]
    assert (end["cause"], end["by"], end["status"]) == (cause, by, 137)


def test_a_stop_names_its_reason(host, app):
    host.deploy(app, {"Procfile": "worker: echo up; exec sleep 100\n"}, wait=False)
    host.ctl("scale", "-a", app, "worker=1")
    host.wait_log(app, r"app\[worker\.1\]: up")
    host.ctl("restart", "-a", app)
    end = deaths(host, app, "worker.1")[0]
    assert end["cause"] == "stopped" and end["by"] == "platform"
    assert end["sentence"].startswith("a restart or a new release takes its place")
    assert end["lines"] == ["up"]


def test_an_unknown_dyno_has_no_ends_and_a_foreign_word_is_refused(host, app):
    host.deploy(app, {"Procfile": "worker: sleep 100\n"}, wait=False)
    assert host.json("why", "-a", app, "worker.9") == []
    assert "Couldn't find that dyno" in host.ctl("why", "-a", app, "no such", check=False).err
