"""dynorun: each command, its words and its exit status; and what kill -9 leaves."""
import json
import os
import random
import re
import signal
import subprocess
import time

import pexpect
import pytest

from bundle import DYNORUN, ConsoleSocket, Engine, not_emulated
from harness import PATIENCE, TOP, wait_for


@pytest.fixture(scope="module")
def engine():
    """Its end is the census."""
    e = Engine()
    yield e
    e.end()


@pytest.fixture(autouse=True)
def no_containers(engine, request):
    """Each test cleans up; what a failing one leaves must not fail others."""
    yield
    left = engine.ids()
    for id in left:
        engine.call("delete", "-f", id, check=False)
    assert left == [] or request.session.testsfailed


def fails(result, text, status=1):
    assert result.status == status, result
    assert re.search(text, result.err), result
    assert result.err.startswith("dynorun: ")
    return result


# ---- the program ----

def test_help_names_every_command_and_its_options(engine):
    out = engine.call("--help").out
    commands = re.findall(r"^   ([a-z]+)  ", out.split("COMMANDS:")[1].split("OPTIONS:")[0], re.M)
    assert set(commands) == {"create", "start", "state", "kill", "delete", "run", "exec", "list", "ps", "pause",
                             "resume", "update", "events", "features", "spec", "plan"}
    man = open(os.path.join(TOP, "man/dynorun.8")).read()
    for command in commands:
        text = engine.call(command, "--help").out
        assert f"dynorun {command} - " in text
        assert engine.call("help", command).out == text
        for option in re.findall(r"--([a-z0-9-]+)", text.split("OPTIONS:")[1]):
            assert re.search(rf"^\.It Fl (.* , )?-{option}( |$)", man, re.M), (command, option)


def test_version_names_the_specification(engine):
    out = engine.call("--version").out
    assert re.match(r"dynorun version \d+\.\d+\.\d+\nspec: 1\.2\.\d+\n", out)
    assert engine.call("-v").out == out


@pytest.mark.parametrize("args, text", [
    (["nonsense"], 'unknown command "nonsense"'),
    (["--nonsense", "list"], "unknown option --nonsense"),
    (["list", "--nonsense"], "unknown option --nonsense"),
    (["list", "-Z"], "unknown option -Z"),
    (["list", "--format", "xml"], 'unknown format "xml"'),
    (["list", "more"], "too many arguments"),
    (["state"], "too few arguments"),
    (["create"], "too few arguments"),
    (["state", "nobody"], "container nobody does not exist"),
    (["start", "nobody"], "container nobody does not exist"),
    (["kill", "nobody"], "container nobody does not exist"),
    (["delete", "nobody"], "container nobody does not exist"),
    (["pause", "nobody"], "container nobody does not exist"),
    (["resume", "nobody"], "container nobody does not exist"),
    (["ps", "nobody"], "container nobody does not exist"),
    (["update", "nobody"], "container nobody does not exist"),
    (["events", "nobody"], "container nobody does not exist"),
    (["kill", "nobody", "SIGNONE"], 'unknown signal "SIGNONE"'),
    (["state", "a/b"], "invalid character `/` in the ID `a/b`"),
    (["create", "a b"], "invalid character|config.json"),
    (["--log-format", "xml", "list"], 'unknown log format "xml"'),
    (["--log", "/nowhere/log", "list"], "open the log /nowhere/log: No such file"),
    (["--cgroup-manager", "other", "list"], 'unknown cgroup manager "other"'),
    (["create", "--bundle", "/nowhere", "x"], "bundle /nowhere: No such file"),
    (["create", "--preserve-fds", "many", "x"], '--preserve-fds: "many" is no number'),
])
def test_what_is_wrong_is_told(engine, args, text):
    fails(engine.call(*args, check=False), text)


def test_a_bad_configuration_is_told_with_its_path(engine):
    fails(engine.run("true", process__cwd=7), r"config\.json: process\.cwd: ")
    bundle = engine.bundle("true")
    open(os.path.join(bundle, "config.json"), "w").write("{")
    fails(engine.call("create", "-b", bundle, "x", check=False), r"config\.json: ")
    os.unlink(os.path.join(bundle, "config.json"))
    fails(engine.call("create", "-b", bundle, "x", check=False), "config.json: No such file")


def test_errors_are_in_the_log_too(engine):
    log = os.path.join(engine.dir, "log")
    for fmt in ("json", "text"):
        engine.call("--log", log, "--log-format", fmt, "state", "nobody", check=False)
    first, second = open(log).read().splitlines()
    line = json.loads(first)
    assert line["level"] == "error" and line["msg"] == "container nobody does not exist"
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", line["time"])
    assert re.match(r'time="[^"]+" level=error msg="container nobody does not exist"$', second)
    os.unlink(log)
    # A program that is not there: engines look for these words.
    engine.call("--log", log, "--log-format", "json", "run", "-b", engine.bundle("/nowhere"), engine.id(), check=False)
    assert re.search("executable file.*No such file|No such file", json.loads(open(log).read())["msg"])
    os.unlink(log)


def test_debug_tells_steps(engine):
    r = engine.call("--debug", "run", "-b", engine.bundle("true"), engine.id())
    assert 'level=debug msg="created container' in r.err
    assert engine.run("true").err == ""


# ---- life ----

def test_run_gives_output_and_status(engine):
    r = engine.run("sh", "-c", "echo out; echo err >&2; exit 42")
    assert (r.status, r.out, r.err) == (42, "out\n", "err\n")
    assert engine.run("true").status == 0
    assert engine.run("sh", "-c", "kill -TERM $$; sleep 9", linux__namespaces=[
        {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]).status == 128 + 15
    assert engine.run("cat", input="through\n").out == "through\n"
    assert engine.ids() == []


def test_a_container_has_its_states(engine):
    id = engine.create("sleep", "1000")
    s = engine.state(id)
    assert s["ociVersion"].startswith("1.2") and s["id"] == id and s["status"] == "created" and s["pid"] > 1
    assert s["bundle"].startswith(engine.dir) and s["rootfs"] == engine.rootfs
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$", s["created"])
    assert open(f"/proc/{s['pid']}/cmdline").read() != "sleep\0001000\0"
    engine.call("start", id)
    assert engine.state(id)["status"] == "running"
    assert open(f"/proc/{s['pid']}/cmdline").read() == "sleep\0001000\0"
    fails(engine.call("start", id, check=False), "cannot start container .*: it is running")
    fails(engine.call("delete", id, check=False), "cannot delete container .* that is not stopped: running")
    engine.call("pause", id)
    assert engine.status(id) == "paused"
    fails(engine.call("exec", id, "true", check=False), "cannot exec in a paused container", 255)
    engine.call("resume", id)
    assert engine.status(id) == "running"
    fails(engine.call("resume", id, check=False), "container not paused")
    engine.call("kill", id, "KILL")
    engine.wait_status(id, "stopped")
    assert engine.state(id)["pid"] == 0
    fails(engine.call("start", id, check=False), "cannot start container .*: it is stopped")
    fails(engine.call("kill", id, check=False), "container not running")
    fails(engine.call("pause", id, check=False), "container not running")
    fails(engine.call("exec", id, "true", check=False), "container not running", 255)
    engine.call("kill", "--all", id, "0")
    engine.call("delete", id)
    fails(engine.call("state", id, check=False), "does not exist")
    engine.call("delete", "--force", id)


def test_annotations_are_in_the_state(engine):
    id = engine.create("true", annotations={"org.example.key": "value"})
    assert engine.state(id)["annotations"] == {"org.example.key": "value"}
    engine.call("delete", id)


def test_a_created_container_can_be_deleted(engine):
    pid = engine.state(id := engine.create("true"))["pid"]
    engine.call("delete", id)
    assert not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().split()[2] == "Z"


def test_a_name_is_taken_once(engine):
    id = engine.detached()
    fails(engine.call("create", "-b", engine.bundle("true"), id, check=False), f"container {id} already exists")
    assert engine.status(id) == "running"
    engine.call("delete", "-f", id)


@pytest.mark.parametrize("sig", ["TERM", "SIGTERM", "sigterm", "15"])
def test_kill_takes_signals_by_name_and_number(engine, sig):
    id = engine.detached("sh", "-c", "trap 'exit 3' TERM; touch /tmp/ready; while true; do sleep 0.05; done",
                         root__readonly=True, mounts=engine.template["mounts"] + [
                             {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}])
    wait_for("trap", lambda: engine.call("exec", id, "test", "-e", "/tmp/ready", check=False).status == 0)
    engine.call("kill", id, sig)
    engine.wait_status(id, "stopped")
    engine.call("delete", id)


def test_kill_all_reaches_every_process(engine):
    shared = [n for n in engine.template["linux"]["namespaces"] if n["type"] != "pid"]
    id = engine.detached("sh", "-c", "sleep 1000 & sleep 1000 & wait", linux__namespaces=shared)
    wait_for("three processes", lambda: len(json.loads(engine.call("ps", "-f", "json", id).out)) == 3)
    engine.call("kill", "-a", id, "KILL")
    wait_for("no process", lambda: json.loads(engine.call("ps", "-f", "json", id).out) == [])
    engine.call("delete", id)


def test_delete_without_a_pid_namespace_ends_all_processes(engine):
    shared = [n for n in engine.template["linux"]["namespaces"] if n["type"] != "pid"]
    id = engine.detached("sh", "-c", "sleep 1000 & sleep 1000 & wait", linux__namespaces=shared)
    pids = wait_for("three processes", lambda: (
        p := json.loads(engine.call("ps", "-f", "json", id).out), len(p) == 3)[1] and p)
    engine.call("delete", "-f", id)
    for pid in pids:
        assert not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().split()[2] == "Z"


def test_delete_force_ends_a_paused_container(engine):
    id = engine.detached()
    engine.call("pause", id)
    engine.call("delete", "--force", id)
    assert engine.status(id) is None


def test_delete_by_pattern(engine):
    ids = [engine.detached() for _ in range(3)]
    engine.call("delete", "-f", "--regex", f"^({ids[0]}|{ids[1]})$")
    assert [engine.status(id) for id in ids] == [None, None, "running"]
    engine.call("kill", "--regex", f"^{ids[2]}$", "KILL")
    engine.wait_status(ids[2], "stopped")
    engine.call("delete", ids[2])


def test_keep_leaves_the_container(engine):
    id = engine.id()
    assert engine.call("run", "--keep", "-b", engine.bundle("sh", "-c", "exit 5"), id, check=False).status == 5
    assert engine.status(id) == "stopped"
    engine.call("delete", id)


def test_run_forwards_signals(engine):
    id = engine.id()
    p = engine.start("run", "-b", engine.bundle(
        "sh", "-c", "trap 'echo got; exit 7' TERM; echo ready; while true; do sleep 0.05; done"), id)
    assert p.stdout.readline() == "ready\n"
    p.send_signal(signal.SIGTERM)
    assert p.stdout.read() == "got\n"
    assert p.wait(PATIENCE) == 7
    assert engine.status(id) is None


def test_run_survives_that_somebody_else_deletes(engine):
    id = engine.id()
    p = engine.start("run", "-b", engine.bundle("sleep", "1000"), id)
    engine.wait_status(id, "running")
    engine.call("delete", "-f", id)
    assert p.wait(PATIENCE) == 128 + 9
    assert p.stderr.read() == ""


def test_a_tmpfs_has_the_mode_of_what_it_covers(engine):
    os.chmod(os.path.join(engine.rootfs, "tmp"), 0o1757)
    def mounts(options):
        return engine.template["mounts"] + [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
                                             "options": options}]
    assert engine.run("stat", "-c", "%a", "/tmp", mounts=mounts([])).out == "1757\n"
    assert engine.run("stat", "-c", "%a", "/tmp", mounts=mounts(["mode=0700"])).out == "700\n"


# ---- options of create ----

def test_pid_file(engine):
    cwd = os.path.join(engine.dir, "cwd")
    os.mkdir(cwd)
    id = engine.id()
    engine.call("create", "--pid-file", "pid", "-b", engine.bundle("true"), id, cwd=cwd)
    assert int(open(os.path.join(cwd, "pid")).read()) == engine.state(id)["pid"]
    assert os.listdir(cwd) == ["pid"]
    engine.call("delete", id)
    fails(engine.call("create", "--pid-file", "/nowhere/pid", "-b", engine.bundle("true"), id, check=False),
          "pid file: .*No such file")
    assert engine.status(id) is None


def test_another_configuration(engine):
    path = os.path.join(engine.dir, "other.json")
    json.dump(engine.config("echo", "other"), open(path, "w"))
    r = engine.call("run", "-f", "other.json", "-b", engine.bundle("false"), engine.id(), cwd=engine.dir)
    assert r.out == "other\n"


def test_descriptors_are_passed_when_asked_for(engine):
    r, w = os.pipe()
    os.write(w, b"hello\n")
    os.close(w)
    listing = "ls /proc/self/fd | tr '\\n' ' '"

    def child():
        os.dup2(r, 3)
        os.dup2(r, 4)
        os.dup2(r, 5)
        for fd in map(int, os.listdir("/proc/self/fd")):
            if fd > 5:
                try:
                    os.set_inheritable(fd, False)
                except OSError:
                    pass

    out = engine.call("run", "--preserve-fds", "2", "-b", engine.bundle("sh", "-c", f"cat <&4; {listing}"), engine.id(),
                      preexec_fn=child, close_fds=False).out
    assert out == "hello\n0 1 2 3 4 5 ", "5 is the directory that ls reads"
    out = engine.call("run", "-b", engine.bundle("sh", "-c", listing), engine.id(), preexec_fn=child, close_fds=False).out
    assert out == "0 1 2 3 "
    out = engine.call("run", "--preserve-fds", "50", "-b", engine.bundle("sh", "-c", listing), engine.id(),
                      preexec_fn=child, close_fds=False).out
    assert out == "0 1 2 3 4 5 6 ", "and nothing of ours in the holes"
    os.close(r)


def test_sockets_of_systemd_are_passed(engine):
    r, w = os.pipe()
    env = {**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": "4711"}
    out = engine.call("run", "-b", engine.bundle("sh", "-c", "echo $LISTEN_FDS $LISTEN_PID; test -p /proc/self/fd/3"),
                      engine.id(), env=env, preexec_fn=lambda: os.dup2(r, 3), close_fds=False).out
    assert out == "1 1\n"
    os.close(r)
    os.close(w)


# ---- terminals ----

def test_a_terminal_in_the_foreground(engine):
    bundle = engine.bundle("sh", "-c", "stty size; tty; while read line; do echo got $line; stty size; done; exit 9",
                           process__terminal=True)
    p = pexpect.spawn(DYNORUN, ["--root", engine.root, "run", "-b", bundle, engine.id()], dimensions=(33, 77), timeout=PATIENCE,
                      encoding="utf8")
    p.expect_exact("33 77\r\n")
    p.expect_exact("/dev/pts/0\r\n")
    p.sendline("hello")
    p.expect_exact("got hello\r\n")
    p.expect_exact("33 77\r\n")
    p.setwinsize(44, 99)
    # The signal is on its way, beside the line.
    wait_for("new size", lambda: (p.sendline("again"), p.expect(r"got again\r\n(\d+ \d+)\r\n"),
                                  p.match.group(1) == "44 99")[2])
    p.sendeof()
    p.expect(pexpect.EOF)
    p.close()
    assert p.exitstatus == 9


def test_ctrl_c_is_the_containers(engine):
    bundle = engine.bundle("sh", "-c", "trap 'echo int; exit 4' INT; echo ready; while true; do sleep 0.05; done",
                           process__terminal=True)
    p = pexpect.spawn(DYNORUN, ["--root", engine.root, "run", "-b", bundle, engine.id()], timeout=PATIENCE, encoding="utf8")
    p.expect_exact("ready\r\n")
    p.sendintr()
    p.expect_exact("int\r\n")
    p.expect(pexpect.EOF)
    p.close()
    assert p.exitstatus == 4


def test_all_output_of_a_terminal_arrives(engine):
    r = engine.run("seq", "1", "20000", process__terminal=True)
    assert r.status == 0
    assert r.out == "".join(f"{i}\n" for i in range(1, 20001)), "and lines end as without a terminal"


def test_a_console_socket_gets_the_master(engine):
    sock = ConsoleSocket(os.path.join(engine.dir, "console"))
    id = engine.id()
    engine.call("create", "--console-socket", "console", "-b", engine.bundle("sh", "-c", "echo hello; read x; echo $x",
                                                                             process__terminal=True), id, cwd=engine.dir)
    master = sock.master()
    engine.call("start", id)
    assert os.read(master, 100) == b"hello\r\n"
    os.write(master, b"there\n")
    got = b""
    while not got.endswith(b"there\r\nthere\r\n"):
        got += os.read(master, 100)
    engine.wait_status(id, "stopped")
    engine.call("delete", id)
    os.close(master)
    sock.close()


def test_a_terminal_that_nobody_holds_is_refused(engine):
    for verb in (["create"], ["run", "-d"]):
        fails(engine.call(*verb, "-b", engine.bundle("true", process__terminal=True), engine.id(), check=False),
              "use --console-socket")


# ---- exec ----

def test_exec_runs_in_the_container(engine):
    id = engine.detached("sleep", "1000", hostname="inside")
    assert engine.call("exec", id, "hostname").out == "inside\n"
    assert engine.call("exec", id, "sh", "-c", "exit 42", check=False).status == 42
    assert engine.call("exec", id, "sh", "-c", "kill -9 $$", check=False).status == 128 + 9
    assert engine.call("exec", "--cwd", "/tmp", id, "pwd").out == "/tmp\n"
    out = engine.call("exec", "-e", "A=1", "--env", "TERM=mine", id, "env").out.splitlines()
    assert "A=1" in out and "TERM=mine" in out and "TERM=xterm" not in out
    out = engine.call("exec", "--user", "1000:100", "-g", "7", "-g", "8", id, "id", "-G").out.split()
    assert out == ["100", "7", "8"]
    assert engine.call("exec", "--user", "1000", id, "id", "-u").out == "1000\n"
    status = engine.call("exec", "--cap", "CAP_SYS_TIME", "--no-new-privs", id, "grep", "-E", "CapBnd|NoNew",
                         "/proc/self/status").out
    assert int(re.search(r"CapBnd:\s+(\w+)", status).group(1), 16) & 1 << 25
    assert re.search(r"NoNewPrivs:\s+1", status)
    assert engine.call("exec", id, "cat", input="in\n").out == "in\n"
    engine.call("delete", "-f", id)


def test_exec_fails_with_255(engine):
    id = engine.detached()
    fails(engine.call("exec", id, "no-such-program", check=False), "executable file|No such file", 255)
    fails(engine.call("exec", "--cwd", "/nowhere", id, "true", check=False), "/nowhere", 255)
    fails(engine.call("exec", id, check=False), "no program", 255)
    assert "unknown capability CAP_NONE" in engine.call("exec", "--cap", "CAP_NONE", id, "true").err
    fails(engine.call("exec", "--user", "root", id, "true", check=False), "--user", 255)
    fails(engine.call("exec", "--env", "A", id, "true", check=False), "--env", 255)
    fails(engine.call("exec", "--pid-file", "/nowhere/pid", id, "true", check=False), "pid file", 255)
    fails(engine.call("exec", "nobody", "true", check=False), "does not exist", 255)
    fails(engine.call("exec", "-t", "-d", id, "true", check=False), "use --console-socket", 255)
    engine.call("delete", "-f", id)


def test_exec_takes_a_process_file(engine):
    id = engine.detached()
    path = os.path.join(engine.dir, "process.json")
    json.dump({"args": ["sh", "-c", "pwd; id -u; echo $X"], "cwd": "/tmp", "env": ["PATH=/bin", "X=y"],
               "user": {"uid": 5, "gid": 6}}, open(path, "w"))
    assert engine.call("exec", "--process", path, id).out == "/tmp\n5\ny\n"
    json.dump({"args": "sh", "cwd": "/"}, open(path, "w"))
    fails(engine.call("exec", "-p", path, id, check=False), "process.json: .*args", 255)
    engine.call("delete", "-f", id)


def test_exec_in_the_background(engine):
    id = engine.detached()
    path = os.path.join(engine.dir, "exec-pid")
    engine.call("exec", "-d", "--pid-file", path, id, "sleep", "777")
    pid = int(open(path).read())
    assert open(f"/proc/{pid}/cmdline").read() == "sleep\000777\0"
    assert pid in json.loads(engine.call("ps", "-f", "json", id).out)
    engine.call("delete", "-f", id)
    wait_for("its end", lambda: not os.path.exists(f"/proc/{pid}"))


def test_exec_with_a_terminal(engine):
    id = engine.detached()
    p = pexpect.spawn(DYNORUN, ["--root", engine.root, "exec", "-t", id, "sh", "-c", "tty; stty size; read x; exit $x"],
                      dimensions=(20, 60), timeout=PATIENCE, encoding="utf8")
    p.expect(r"/dev/pts/\d+\r\n")
    p.expect_exact("20 60\r\n")
    p.sendline("6")
    p.expect(pexpect.EOF)
    p.close()
    assert p.exitstatus == 6
    engine.call("delete", "-f", id)


def test_exec_in_a_created_container(engine):
    id = engine.create("sleep", "1000")
    assert engine.call("exec", id, "echo", "x").out == "x\n"
    assert engine.status(id) == "created"
    engine.call("delete", id)


# ---- list, ps, events, update, features, spec, plan ----

def test_list(engine):
    ids = sorted([engine.detached(), engine.create("true")])
    lines = engine.call("list").out.splitlines()
    assert lines[0].split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    rows = {l.split()[0]: l.split() for l in lines[1:]}
    assert sorted(rows) == ids
    assert all(r[2] in ("running", "created") and r[3].startswith(engine.dir) and r[5] == "root" for r in rows.values())
    assert engine.call("list", "-q").out.split() == ids
    for options in (["--format", "json"], ["-f", "json"], ["--json"]):
        found = json.loads(engine.call("list", *options).out)
        assert sorted(c["id"] for c in found) == ids
        assert all(c["owner"] == "root" and c["pid"] == int(rows[c["id"]][1]) for c in found)
    for id in ids:
        engine.call("delete", "-f", id)
    assert engine.call("list", "-q").out == ""
    assert json.loads(engine.call("list", "--json").out) == []


def test_ps(engine):
    id = engine.detached("sh", "-c", "sleep 1001 & wait")
    pid = engine.state(id)["pid"]
    pids = wait_for("both", lambda: (p := json.loads(engine.call("ps", "--json", id).out), len(p) == 2)[1] and p)
    assert pid in pids
    lines = engine.call("ps", id).out.splitlines()
    assert lines[0].split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert sorted(int(l.split()[1]) for l in lines[1:]) == sorted(pids)
    lines = engine.call("ps", id, "-e", "-x").out.splitlines()
    assert lines[0].split()[:2] == ["PID", "TTY"] and len(lines) == 3
    fails(engine.call("ps", id, "-e", "-o", "cmd", check=False), "no PID")
    r = engine.call("ps", id, "--nonsense", check=False)
    assert r.status == 1 and "unknown gnu long option" in r.err and "dynorun: ps: exit status 1" in r.err
    engine.call("delete", "-f", id)


def test_events_tell_usage(engine):
    id = engine.detached(linux__resources={"pids": {"limit": 50}, "memory": {"limit": 64 << 20}})
    line = engine.call("events", "--stats", id).out
    assert line.startswith('{"type":"stats","id":"%s","data":{' % id)
    data = json.loads(line)["data"]
    assert data["pids"] == {"current": 1, "limit": 50}
    assert data["memory"]["usage"]["limit"] == 64 << 20 and data["memory"]["usage"]["usage"] > 0
    assert data["cpu"]["usage"]["total"] > 0
    p = engine.start("events", "--interval", "50ms", id)
    assert [json.loads(p.stdout.readline())["type"] for _ in range(3)] == ["stats"] * 3
    engine.call("delete", "-f", id)
    assert p.wait(PATIENCE) == 0
    assert p.stderr.read() == ""
    p.stdout.close()


def test_events_refuse_what_is_no_duration(engine):
    id = engine.detached()
    for text in ("0", "x", "-1s", "5 s", "1y", ""):
        fails(engine.call("events", f"--interval={text}", id, check=False), "--interval")
    engine.call("delete", "-f", id)
    id = engine.create("true")
    engine.call("start", id)
    engine.wait_status(id, "stopped")
    fails(engine.call("events", id, check=False), "is not running")
    engine.call("delete", id)


def limits(engine, id):
    return json.loads(engine.call("events", "--stats", id).out)["data"]


def test_update_changes_limits(engine):
    id = engine.detached(linux__resources={"pids": {"limit": 50}, "memory": {"limit": 64 << 20}})
    engine.call("update", "--memory", "80M", "--pids-limit", "33", id)
    assert limits(engine, id)["memory"]["usage"]["limit"] == 80 << 20
    assert limits(engine, id)["pids"]["limit"] == 33
    engine.call("update", id, "--pids-limit=0", "--memory=0")
    assert limits(engine, id)["pids"]["limit"] == 33
    engine.call("update", "-r", "-", id, input=json.dumps({"pids": {"limit": 21}}))
    assert limits(engine, id)["pids"]["limit"] == 21
    fails(engine.call("update", "-r", "-", id, input='{"pids": 3}', check=False), "pids")
    for args in (["--memory", "lots"], ["--memory", "-2"], ["--pids-limit", "5M"], ["--memory", "99999999999999999G"]):
        fails(engine.call("update", *args, id, check=False), args[0])
    fails(engine.call("update", "--l3-cache-schema", "L3:0=f", id, check=False), "Intel RDT")
    engine.call("delete", "-f", id)


def test_features_are_json(engine):
    f = json.loads(engine.call("features").out)
    assert f["ociVersionMax"].startswith("1.2")


def test_spec_does_not_overwrite(engine):
    d = os.path.join(engine.dir, "new")
    os.mkdir(d)
    engine.call("spec", cwd=d)
    text = open(os.path.join(d, "config.json")).read()
    assert json.loads(text)["process"]["terminal"] is True
    fails(engine.call("spec", cwd=d, check=False), "file config.json exists")
    assert open(os.path.join(d, "config.json")).read() == text
    engine.call("spec", "--rootless", "--file", "rootless.json", "--bundle", d)
    types = [n["type"] for n in json.load(open(os.path.join(d, "rootless.json")))["linux"]["namespaces"]]
    assert "user" in types


def test_plan_does_nothing(engine):
    bundle = engine.bundle("echo", "hello", process__cwd="/tmp")
    before = engine.left()
    out = engine.call("plan", "-b", bundle).out.splitlines()
    assert any("change directory to /tmp" in l for l in out) and "echo" in out[-1]
    assert json.loads(engine.call("plan", "-b", bundle, "--json").out) == out
    assert engine.left() == before


def test_a_signal_right_after_the_start_is_not_lost(engine):
    """To process 1 of a pid namespace: one without a handler yet would never get it."""
    for _ in range(10):
        id = engine.create("sh", "-c", "trap 'exit 7' USR1; sleep 1000 & wait $!")
        engine.call("start", id)
        engine.call("kill", id, "USR1")
        engine.wait_status(id, "stopped")
        engine.call("delete", id)


# ---- hooks ----

def hook(engine, name, script="", **more):
    return {"path": "/bin/sh", "args": ["sh", "-c", f"echo {name} >> {engine.dir}/hooks; {script}"], **more}


def hooks_run(engine):
    path = os.path.join(engine.dir, "hooks")
    text = open(path).read().split() if os.path.exists(path) else []
    if text:
        os.unlink(path)
    return text


def test_hooks_of_the_host_run_in_order_with_the_state(engine):
    names = ("prestart", "createRuntime", "poststart", "poststop")
    id = engine.create("sleep", "1000", hooks={
        n: [hook(engine, n, f"cat > {engine.dir}/state-{n}"), hook(engine, n + "2")] for n in names})
    assert hooks_run(engine) == ["prestart", "prestart2", "createRuntime", "createRuntime2"]
    engine.call("start", id)
    assert hooks_run(engine) == ["poststart", "poststart2"]
    pid = engine.state(id)["pid"]
    engine.call("delete", "-f", id)
    assert hooks_run(engine) == ["poststop", "poststop2"]
    states = {n: json.load(open(f"{engine.dir}/state-{n}")) for n in names}
    assert [states[n]["status"] for n in names] == ["created", "created", "running", "stopped"]
    assert all(s["id"] == id and s["bundle"].startswith(engine.dir) for s in states.values())
    assert [states[n]["pid"] for n in names[:3]] == [pid] * 3


@pytest.mark.parametrize("kind", ["prestart", "createRuntime"])
def test_a_failing_hook_ends_create(engine, kind):
    id = engine.id()
    r = engine.call("create", "-b", engine.bundle("true", hooks={
        kind: [hook(engine, "a"), hook(engine, "b", "echo sorry >&2; exit 3"), hook(engine, "c")]}), id, check=False)
    fails(r, "error running hook /bin/sh: exit status 3: sorry")
    assert hooks_run(engine) == ["a", "b"]
    assert engine.status(id) is None and id not in engine.ids()
    assert not [c for c in engine.cgroups() if c.endswith(id)]


def test_a_hook_that_hangs_is_ended(engine):
    r = engine.call("create", "-b", engine.bundle("true", hooks={
        "createRuntime": [hook(engine, "a", "sleep 1000", timeout=1)]}), engine.id(), check=False)
    fails(r, "timed out after 1 s")
    assert hooks_run(engine) == ["a"]


def test_a_failing_poststop_is_a_warning(engine):
    id = engine.detached(hooks={"poststop": [hook(engine, "a", "exit 1"), hook(engine, "b")]})
    r = engine.call("delete", "-f", id)
    assert "level=warning" in r.err and "exit status 1" in r.err
    assert hooks_run(engine) == ["a", "b"]


def test_a_failing_poststart_ends_the_container(engine):
    id = engine.create("sleep", "1000", hooks={"poststart": [hook(engine, "a", "exit 1"), hook(engine, "b")],
                                              "poststop": [hook(engine, "c")]})
    fails(engine.call("start", id, check=False), "error running hook /bin/sh: exit status 1")
    assert hooks_run(engine) == ["a", "c"]
    assert engine.status(id) is None


def test_a_hook_inside_gives_up_what_the_program_gives_up(engine):
    look = ["sh", "-c", "grep -E '^(Uid|Gid|Groups|CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status"]
    r = engine.run(*look, process__user={"uid": 1000, "gid": 100, "additionalGids": [7]},
                   linux__seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                       {"names": ["chroot"], "action": "SCMP_ACT_KILL_PROCESS"}]},
                   hooks={"startContainer": [{"path": "/bin/sh", "args": look}]})
    lines = r.out.splitlines()
    assert len(lines) == 14 and lines[:7] == lines[7:]
    assert lines[0].split()[1:] == ["1000"] * 4 and "Seccomp:\t2" in lines


def test_a_signal_that_ends_a_hook_inside_is_told(engine):
    fails(engine.run("true", hooks={"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "kill -9 $$"]}]}),
          "error running hook /bin/sh: signal 9: killed")


# ---- safety ----

def test_without_pivot_there_is_no_whole_proc_to_be_had(engine):
    """The host's is below the root, and would let a user namespace mount one without masks."""
    caps = ["CAP_SETFCAP", "CAP_SETUID", "CAP_SETGID"]
    r = engine.run("busybox", "unshare", "-mrpf", "sh", "-c", "echo in; mount -t proc none /proc && echo mounted",
                   options=["--no-pivot"], process__capabilities={"bounding": caps, "permitted": caps, "effective": caps})
    assert r.out == "in\n" and "ermission denied" in r.err, r


def test_our_program_cannot_be_written_to(engine):
    """CVE-2019-5736: the waiting process is ours, and its exe a file of the host."""
    id = engine.create("true")
    exe = f"/proc/{engine.state(id)['pid']}/exe"
    before = open(DYNORUN, "rb").read()
    engine.call("kill", id, "KILL")
    engine.call("delete", "-f", id)
    id = engine.create("true")
    exe = f"/proc/{engine.state(id)['pid']}/exe"
    with pytest.raises(OSError):
        open(exe, "wb")
    with pytest.raises(OSError):
        open(exe, "r+b")
    flags = os.statvfs(exe).f_flag
    assert flags & os.ST_RDONLY or "memfd:" in os.readlink(exe)
    engine.call("delete", id)
    assert open(DYNORUN, "rb").read() == before


def test_who_waits_holds_nothing_of_the_host(engine):
    """Its streams, the socket at which it waits, the pipe to who made it."""
    id = engine.create("true")
    fds = f"/proc/{engine.state(id)['pid']}/fd"
    open_fds = {int(n): os.readlink(f"{fds}/{n}") for n in os.listdir(fds)}
    rest = sorted(t.split(":")[0] for n, t in open_fds.items() if n > 2)
    assert set(rest) <= {"pipe", "socket"} and len(rest) <= 3, open_fds
    engine.call("delete", id)


@not_emulated
def test_thirty_creates_at_once(engine):
    ids = [engine.id() for _ in range(30)]
    bundles = [engine.bundle("sleep", "1000") for _ in ids]
    many = [engine.start("create", "-b", b, id, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            for b, id in zip(bundles, ids)]
    assert [p.wait(PATIENCE) for p in many] == [0] * 30, [p.stderr.read() for p in many if p.returncode]
    assert {engine.status(id) for id in ids} == {"created"}
    many = [engine.start("delete", "-f", id) for id in ids]
    assert [p.wait(PATIENCE) for p in many] == [0] * 30


@not_emulated
def test_one_of_many_creates_of_a_name_wins(engine):
    id = engine.id()
    many = [engine.start("create", "-b", engine.bundle("sleep", "1000"), id, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(10)]
    assert sorted(p.wait(PATIENCE) for p in many) == [0] + [1] * 9
    assert engine.status(id) == "created"
    engine.call("start", id)
    assert engine.status(id) == "running"
    engine.call("delete", "-f", id)


@not_emulated
@pytest.mark.parametrize("verb", ["create", "run"])
def test_what_kill_9_leaves_is_deleted(engine, verb):
    """At any moment: delete takes away whatever there is by then."""
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    bundle = engine.bundle("sleep", "1000", linux__resources={"pids": {"limit": 50}}, hooks={
        "createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "sleep 0.003"]}]})
    for _ in range(60):
        id = engine.id()
        p = engine.start(verb, "-b", bundle, id, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0, 0.025))
        p.kill()
        p.wait()
        engine.call("delete", "--force", id)
        wait_for(f"nothing left (seed {seed})", lambda: engine.left() == {} or not [
            x for kind in engine.left().values() for x in kind if id in str(x)])
    engine.assert_nothing_left()


def test_state_of_one_that_a_crash_left(engine):
    """A directory without a state: it does not exist yet, is listed, and can be removed."""
    id = engine.id()
    os.makedirs(os.path.join(engine.root, id), 0o700)
    fails(engine.call("state", id, check=False), "does not exist")
    assert [c["status"] for c in json.loads(engine.call("list", "--json").out)] == ["creating"]
    fails(engine.call("start", id, check=False), "it is creating")
    engine.call("delete", id)
    assert engine.ids() == []


def test_a_state_that_is_not_ours_is_refused(engine):
    id = engine.detached()
    path = os.path.join(engine.root, id, "state.json")
    text = open(path).read()
    for bad in ("", "{}", text.replace('"pid":', '"pid":-'), text[:-1], text.replace(id, "other")):
        open(path, "w").write(bad)
        for verb in ("state", "delete", "kill"):
            fails(engine.call(verb, id, check=False), "state.json")
    open(path, "w").write(text)
    engine.call("delete", "-f", id)
