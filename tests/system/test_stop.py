"""Ending: SIGTERM to every process, the grace, SIGKILL; the sandbox leaves nothing."""
import os
import shutil
import subprocess
import tempfile

import pytest

from harness import BUILD, PATIENCE, PROGRAMS, Host, wait_for

CONF = {"supervisor": {"stop-grace": 4}}


def test_sigterm_reaches_every_process_and_a_deaf_one_is_killed_after_the_grace(host, app):
    host.deploy(app, {"Procfile":
        "worker: (trap 'echo child terminated; exit 0' TERM; while :; do sleep 0.1; done) & trap '' TERM; echo ready; while :; do sleep 0.1; done\n"})
    host.ctl("scale", "-a", app, "worker=1")
    host.wait_log(app, r"app\[worker\.1\]: ready")
    host.ctl("scale", "-a", app, "worker=0")
    host.wait_log(app, r"app\[worker\.1\]: child terminated")
    host.wait_log(app, r"Error R12 \(Exit timeout\) -> At least one process failed to exit within 4 seconds of SIGTERM")
    host.wait_log(app, r"heroku\[worker\.1\]: Stopping remaining processes with SIGKILL")
    host.wait_log(app, r"heroku\[worker\.1\]: Process exited with status 137")
    lines = [l.split(" ", 1)[1] for l in host.logs(app, "--source", "heroku")]
    order = ["State changed from up to down", "Stopping all processes with SIGTERM", "Error R12",
             "Stopping remaining processes with SIGKILL", "Process exited with status 137"]
    where = [next(i for i, l in enumerate(lines) if o in l) for o in order]
    assert where == sorted(where)


def test_two_sandboxes_run_side_by_side_and_leave_nothing():
    with tempfile.TemporaryDirectory(prefix="dyno-2-", dir="/tmp") as d:
        os.chmod(d, 0o755)
        hosts = [Host(os.path.join(d, n)) for n in "ab"]
        try:
            for h in hosts:
                h.start()
            assert hosts[0].prefix() != hosts[1].prefix()
            assert hosts[0].env["HEROKU_HOST"] != hosts[1].env["HEROKU_HOST"]
            for h in hosts:
                h.ctl("apps:create", "same-name")
                h.deploy("same-name", {"Procfile": "worker: sleep 1000\n"}, wait=False)
                h.ctl("scale", "-a", "same-name", "worker=1")
                h.ctl("wait", "-a", "same-name")
            hosts[0].stop()
            assert hosts[1].dyno("same-name", "worker.1")["state"] == "up"
            assert hosts[1].run("same-name", "echo alive").out == "alive\n"
        finally:
            for h in hosts:
                h.stop()


def test_a_sandbox_whose_every_process_was_killed_is_still_cleaned_up():
    import signal
    from harness import processes
    with tempfile.TemporaryDirectory(prefix="dyno-3-", dir="/tmp") as d:
        os.chmod(d, 0o755)
        h = Host(os.path.join(d, "x"))
        h.start()
        try:
            h.ctl("apps:create", "some-app")
            h.deploy("some-app", {"Procfile": "worker: sleep 1000\n"}, wait=False)
            h.ctl("scale", "-a", "some-app", "worker=1")
            h.ctl("wait", "-a", "some-app")
            # The keeper first, else it would start the others again.
            mine = sorted((p for p, (n, line) in processes().items() if h.root in line),
                          key=lambda p: "keep" not in processes().get(p, ("", ""))[1])
            for pid in mine:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        finally:
            h.stop()


def test_the_unprivileged_user_is_told_to_be_root():
    p = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", BUILD + "/dynoctl", "sandbox", "start",
                        "--root", "/tmp/dyno-never"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    if "ermission denied" in p.stderr and "dynoctl:" not in p.stderr:
        pytest.skip("the build tree is not readable for others")
    assert p.returncode == 1 and "root" in p.stderr
    assert not os.path.exists("/tmp/dyno-never")


def test_a_sandbox_runs_copies_of_programs_that_the_service_user_cannot_reach():
    with tempfile.TemporaryDirectory(prefix="dyno-4-", dir="/tmp") as d:
        os.chmod(d, 0o755)
        closed = os.path.join(d, "closed")
        os.mkdir(closed, 0o700)
        for name in PROGRAMS:
            shutil.copy(os.path.join(BUILD, name), closed)
        h = Host(os.path.join(d, "x"), programs=closed)
        h.start()
        try:
            app = h.new_app()
            h.deploy(app, {"Procfile": "worker: sleep 1000\n"}, wait=False)
            assert h.run(app, "echo works").out == "works\n"
        finally:
            h.stop()


def test_a_sandbox_never_takes_over_what_it_did_not_make():
    with tempfile.TemporaryDirectory(prefix="dyno-5-", dir="/tmp") as d:
        os.chmod(d, 0o755)
        os.mkdir(os.path.join(d, "log"))
        r = Host(d).ctl("sandbox", "start", check=False)
        assert r.status == 1 and "log is there already" in r.err
        assert os.listdir(d) == ["log"]
