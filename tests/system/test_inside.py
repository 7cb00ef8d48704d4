"""Commands inside of a running dyno."""
import os
import re
import signal
import subprocess

import pexpect
import pytest

from harness import BUILD, PATIENCE, wait_for

WORKER = "echo $$ > /tmp/mark; trap 'exit 0' TERM; while :; do sleep 0.2; done"


@pytest.fixture(scope="module")
def app(host):
    name = host.new_app()
    host.deploy(name, {"Procfile": f"worker: {WORKER}\ngreet: echo hello\nweb: sleep 300\n", "data.txt": "payload\n",
                       ".profile.d/a.sh": "export PROFILED=yes\n"}, wait=False)
    host.ctl("config:set", "-a", name, "COLOUR=red")
    host.ctl("scale", "-a", name, "web=0", "worker=1")
    host.wait_state(name, "worker.1", "up")
    wait_for("the dyno's mark", lambda: inside(host, name, "test -s /tmp/mark").status == 0)
    return name


def inside(host, app, *command, dyno="worker.1", options=(), **kw):
    return host.ctl("run:inside", "-a", app, "--no-tty", *options, dyno, *command, check=False, **kw)


def terminal(host, app, *command, rows=33, cols=111):
    return pexpect.spawn(BUILD + "/dynoctl", ["--root", host.root, "run:inside", "-a", app, "worker.1", *command],
                         env=host.env, dimensions=(rows, cols), encoding="utf-8", timeout=PATIENCE)


def background(host, app, command):
    p = subprocess.Popen([BUILD + "/dynoctl", "--root", host.root, "run:inside", "-a", app, "--no-tty", "worker.1",
                          command], env=host.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    return p


def gone(host, app, what):
    """No process of the dyno has this argument any more."""
    wait_for(f"end of {what}", lambda: inside(host, app, f"pgrep -fx '{what}' || echo none").out == "none\n")


def end(p, status):
    p.expect(pexpect.EOF)
    p.close()
    assert (p.exitstatus, p.signalstatus) == (status, None)


def test_it_is_in_the_dyno_with_its_processes_and_files(host, app):
    r = inside(host, app, "kill -0 $(cat /tmp/mark) && hostname && cat data.txt && readlink /proc/$(cat /tmp/mark)/ns/*"
               " | sort; echo --; readlink /proc/self/ns/* | sort")
    name, data, *rest = r.out.splitlines()
    cut = rest.index("--")
    assert (name, data) == (host.dyno(app, "worker.1")["id"], "payload")
    assert rest[:cut] == rest[cut + 1:]
    assert inside(host, app, "echo new > /app/made").status == 0
    assert inside(host, app, "cat /app/made").out == "new\n"


def test_it_has_the_environment_of_the_dyno_and_its_own(host, app):
    r = inside(host, app, "echo $DYNO $COLOUR $PROFILED $HOME $PWD $(tr '\\0' '\\n' < /proc/$(cat /tmp/mark)/environ |"
               " grep -c ^PORT=$PORT$)")
    assert r.out == "worker.1 red yes /app /app 1\n"
    assert inside(host, app, "echo $COLOUR", options=["-e", "COLOUR=blue"]).out == "blue\n"
    r = host.ctl("run:inside", "--no-tty", "worker.1", "-a", app, "-e", "COLOUR=green", "--", "echo", "$COLOUR")
    assert r.out == "green\n"


def test_it_has_no_more_rights_than_the_app(host, app):
    keys = "Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|Seccomp_filters|Cpus_allowed"
    r = inside(host, app, f"for p in $(cat /tmp/mark) self; do grep -E '^({keys}):' /proc/$p/status; cat"
               " /proc/$p/cgroup; cat /proc/$p/limits; echo ==; done")
    one, two, _ = r.out.split("==\n")
    assert one == two and "Seccomp:\t2" in one and "NoNewPrivs:\t1" in one and "CapBnd:\t0000000000000000" in one
    # Not even of what started it: PID 1 stays out of reach, and no descriptor of it is left.
    assert inside(host, app, "cat /proc/1/environ || ls /proc/1/fd").status != 0
    assert inside(host, app, "ls -l /proc/self/fd | grep -c -e socket -e memfd").out == "0\n"
    assert inside(host, app, "unshare -r true || mount -t tmpfs x /tmp || hostname x || kill -9 1; kill -0 1").status == 0


@pytest.mark.parametrize("command,status", [
    ("true", 0), ("exit 3", 3), ("kill -TERM $$", 143), ("kill -KILL $$", 137), ("nosuchprogram", 127)])
def test_the_exit_status_is_the_clients(host, app, command, status):
    assert inside(host, app, command).status == status


def test_pipes_are_separate_and_end_of_input_arrives(host, app):
    r = inside(host, app, "cat; echo err >&2; exit 4", input=b"some\nlines\n")
    assert (r.out, r.err, r.status) == ("some\nlines\n", "err\n", 4)
    assert inside(host, app, "seq 1 100000").out.split()[-1] == "100000"
    assert inside(host, app, "greet", "world").out == "hello world\n"


def test_a_terminal_has_size_job_control_and_signal_keys(host, app):
    p = terminal(host, app, "bash")
    p.expect_exact("~ $ ")
    p.sendline("stty size; tty; echo $TERM")
    p.expect("33 111\r\n")
    p.expect("/dev/pts/0\r\n")
    p.expect_exact(host.env["TERM"] + "\r\n")
    p.sendline("sh -c 'echo st\"\"arted; exec sleep 1000'")
    p.expect("started\r\n")
    p.sendcontrol("c")
    p.expect_exact("~ $ ")
    p.setwinsize(44, 99)
    p.expect_exact("")

    def resized():
        p.sendline("stty size")
        return p.expect(["44 99\r\n", "33 111\r\n"]) == 0
    wait_for("new size", resized)
    p.sendline("exit 7")
    end(p, 7)


def test_it_is_no_dyno_of_the_app(host, app):
    p = background(host, app, "echo up; exec sleep 4001")
    assert [d["name"] for d in host.dynos(app)] == ["worker.1"]
    p.send_signal(signal.SIGINT)
    assert p.wait(PATIENCE) == 130
    assert host.dyno(app, "worker.1")["state"] == "up"


def test_a_lost_client_hangs_up_the_command_and_no_other(host, app):
    p = background(host, app, "echo up; exec sleep 4002")
    other = background(host, app, "echo up; exec sleep 4003")
    p.kill()
    p.wait()
    gone(host, app, "sleep 4002")
    host.wait_log(app, r"heroku\[inside\.\d+\]: Client connection closed\. Sending SIGHUP to all processes")
    assert inside(host, app, "pgrep -fx 'sleep 4003' && kill -0 $(cat /tmp/mark)").status == 0
    other.send_signal(signal.SIGTERM)
    other.wait(PATIENCE)
    gone(host, app, "sleep 4003")


def test_what_cannot_be_is_refused_in_words(host, app):
    r = inside(host, app, "true", dyno="worker.9")
    assert r.status == 1 and "Couldn't find that dyno" in r.err
    assert host.api("POST", f"/apps/{app}/dynos/worker.9", {"command": "true"})[0] == 404
    assert host.api("POST", f"/apps/{app}/dynos/worker.1", {})[0] == 422
    host.ctl("scale", "-a", app, "web=1")  # never binds its port
    r = inside(host, app, "true", dyno="web.1")
    host.ctl("scale", "-a", app, "web=0")
    assert r.status == 1 and "web.1 is starting: a command can be run inside of a dyno that is up" in r.err


def test_a_dead_supervisor_hangs_it_up_and_the_dyno_lives(host, app):
    before = inside(host, app, "cat /tmp/mark").out
    p = background(host, app, "echo up; exec sleep 4004")
    host.kill("dyno-supervisor")
    host.wait_log(app, r"heroku\[inside\.\d+\]: Process exited with status 129")
    assert p.wait(60) == 129  # hung up, not 1 for a host that says nothing
    p.stdout.close()
    wait_for("a supervisor", lambda: inside(host, app, "true").status == 0)
    gone(host, app, "sleep 4004")
    assert inside(host, app, "cat /tmp/mark").out == before


def test_it_ends_with_its_dyno(host, app):
    p = background(host, app, "trap '' HUP; echo up; exec sleep 4005")
    q = terminal(host, app, "bash")
    q.expect_exact("~ $ ")
    host.ctl("restart", "-a", app, "worker.1")
    q.expect(pexpect.EOF)
    q.close()
    assert q.exitstatus in (129, 137)
    assert p.wait(PATIENCE) in (137, 143)
    p.stdout.close()
    host.wait_state(app, "worker.1", "up")
    wait_for("end of all", lambda: not re.search(r"sleep 4005", subprocess.run(
        ["ps", "-eo", "args"], stdout=subprocess.PIPE, text=True).stdout))
    assert os.path.isdir(host.root)
