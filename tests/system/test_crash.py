"""kill -9 of every daemon: dynos go on, no line is lost, commands work again."""
import itertools
import os
import re
import signal

import pytest

from harness import await_fds, fds_of, wait_for

DAEMONS = ("dyno-supervisor", "dynod", "dyno-controller")

# Prints a numbered line 50 times a second, for ever.
CHATTER = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.02; done"


@pytest.fixture(scope="module")
def busy(host):
    """An app whose dynos talk all the time."""
    name = host.new_app()
    host.deploy(name, {"Procfile": f"talk: {CHATTER}\nweb: perl web.pl\n",
                       "web.pl": open(os.path.join(os.path.dirname(__file__), "../../contrib/sample/web.pl")).read()})
    host.ctl("scale", "-a", name, "talk=2", "web=1")
    host.ctl("wait", "-a", name)
    return name


def host_pids(host):
    """Of the formation: a one-off that has ended may still be listed."""
    return {d["id"]: d["pid"] for d in host.json("host", "ps") if d["pid"] and not d["name"].startswith("run.")}


def lines_of(host, app, dyno):
    found = []
    for line in host.logs(app, "--dyno", dyno):
        m = re.search(r"app\[[^]]*\]: line (\d+)$", line)
        if m:
            found.append(int(m.group(1)))
    return found


def last_lines(host, app):
    """The newest number of each of the two, once they have said something."""
    return wait_for("lines of both", lambda: (lambda found: found if all(found) else None)(
        [lines_of(host, app, dyno)[-1:] for dyno in ("talk.1", "talk.2")]))


def await_fresh_lines(host, app, seen):
    wait_for("fresh lines", lambda: all(new > [old[0] + 50] for new, old in zip(last_lines(host, app), seen)))


def assert_unbroken(host, app):
    """Within what the log keeps, every line is there once and in order."""
    for dyno in ("talk.1", "talk.2"):
        numbers = lines_of(host, app, dyno)
        assert len(numbers) > 20
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), dyno


@pytest.mark.parametrize("order", list(itertools.permutations(DAEMONS)), ids="-".join)
def test_killing_daemons_in_any_order_loses_no_dyno_and_no_line(host, busy, order):
    before = host_pids(host)
    seen = last_lines(host, busy)
    for program in order:
        host.kill(program)
    host.answers()
    assert host_pids(host) == before
    await_fresh_lines(host, busy, seen)
    assert_unbroken(host, busy)
    assert host.run(busy, "echo works").out == "works\n"
    assert host.visit(host.dyno(busy, "web.1"))[0] == 200


def test_killing_daemons_at_once_loses_no_dyno_and_no_line(host, busy):
    before = host_pids(host)
    seen = last_lines(host, busy)
    old = [host.pid(p) for p in DAEMONS]
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    wait_for("new daemons", lambda: all(set(host.pids(p)) - set(old) for p in DAEMONS))
    host.answers()
    assert host_pids(host) == before
    await_fresh_lines(host, busy, seen)
    assert_unbroken(host, busy)


def test_a_dyno_that_ends_while_nobody_looks_is_told_afterwards(host, app):
    host.deploy(app, {"Procfile": "worker: trap 'echo last words; exit 6' USR1; echo ready; while :; do sleep 0.05; done\n"})
    host.ctl("scale", "-a", app, "worker=1")
    host.ctl("wait", "-a", app)
    host.wait_log(app, r"app\[worker\.1\]: ready")
    dyno = host.dyno(app, "worker.1")
    pid = host_pids(host)[dyno["id"]]
    keeper = host.pid("dynod")
    supervisor = host.pid("dyno-supervisor")
    os.kill(supervisor, signal.SIGSTOP)
    os.kill(keeper, signal.SIGKILL)
    # The command runs below PID 1 of the dyno; its end is seen by nobody.
    command = int(open(f"/proc/{pid}/task/{pid}/children").read().split()[0])
    os.kill(command, signal.SIGUSR1)
    wait_for("end of the dyno", lambda: not os.path.exists(f"/proc/{pid}"))
    try:
        os.kill(supervisor, signal.SIGCONT)
    except ProcessLookupError:
        pass
    host.answers()
    host.wait_log(app, r"app\[worker\.1\]: last words")
    host.wait_log(app, r"heroku\[worker\.1\]: Process exited with status 6")


def test_daemons_keep_no_descriptor_of_ended_dynos(host, app):
    host.deploy(app, {"Procfile": "web: true\n"}, wait=False)
    host.ctl("scale", "-a", app, "web=0")
    host.run(app, "true")
    wait_for("quiet", lambda: not host.dynos(app))
    fds = {pid: fds_of(pid) for pid in map(host.pid, ("dynod", "dyno-supervisor", "dyno-controller"))}
    for _ in range(10):
        host.run(app, "true")
    wait_for("quiet", lambda: not host.dynos(app))
    await_fds(fds)
