"""One-off dynos: terminal, pipes, status, loss of the client."""
import hashlib
import os
import re
import signal
import subprocess

import pexpect
import pytest

from harness import BUILD, PATIENCE, wait_for


@pytest.fixture(scope="module")
def shell_app(host):
    name = host.new_app()
    host.deploy(name, {"Procfile": "web: true\ngreet: echo hello\n", "data.txt": "payload\n"}, wait=False)
    return name


def terminal(host, app, *command, rows=33, cols=111):
    return pexpect.spawn(BUILD + "/dynoctl", ["--root", host.root, "run", "-a", app, *command],
                         env=host.env, dimensions=(rows, cols), encoding="utf-8", timeout=PATIENCE)


def end(p, status):
    p.expect(pexpect.EOF)
    p.close()
    assert (p.exitstatus, p.signalstatus) == (status, None)


def test_bash_on_a_terminal_has_the_prompt_size_and_job_control(host, shell_app):
    p = terminal(host, shell_app, "bash")
    p.expect_exact("~ $ ")
    p.sendline("stty size; tty; echo $TERM")
    p.expect("33 111\r\n")
    p.expect("/dev/pts/0\r\n")
    p.expect_exact(host.env["TERM"] + "\r\n")
    p.expect_exact("~ $ ")
    # The signal keys are for what runs in the foreground: it says that it does.
    p.sendline("sh -c 'echo st\"\"arted; exec sleep 1000'")
    p.expect("started\r\n")
    p.sendcontrol("z")
    p.expect("Stopped")
    p.expect_exact("~ $ ")
    p.sendline("kill -9 %1; wait; sh -c 'echo ag\"\"ain; exec sleep 1000'")
    p.expect("again\r\n")
    p.sendcontrol("c")
    p.expect_exact("~ $ ")
    p.sendline("exit 7")
    end(p, 7)


def test_a_resized_window_reaches_the_dyno(host, shell_app):
    p = terminal(host, shell_app, "bash")
    p.expect_exact("~ $ ")
    p.sendline("trap 'echo size $(stty size)' WINCH; echo ready")
    p.expect("ready\r\n")
    p.setwinsize(44, 99)
    p.expect_exact("~ $ ")

    def resized():
        p.sendline("")
        return p.expect(["size 44 99", pexpect.TIMEOUT], timeout=1) == 0
    wait_for("new size", resized)
    p.sendline("exit")
    end(p, 0)


def test_ctrl_d_ends_a_shell(host, shell_app):
    p = terminal(host, shell_app, "bash")
    p.expect_exact("~ $ ")
    p.sendcontrol("d")
    end(p, 0)


def test_what_a_one_off_writes_no_other_dyno_sees(host, shell_app):
    p = terminal(host, shell_app, "bash")
    p.expect_exact("~ $ ")
    p.sendline("echo changed > data.txt && cat data.txt")
    p.expect("changed\r\n")
    assert host.run(shell_app, "cat data.txt").out == "payload\n"
    p.sendline("exit")
    end(p, 0)


@pytest.mark.parametrize("command,status", [
    ("true", 0), ("exit 3", 3), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -KILL $$", 137),
    ("nosuchprogram", 127)])
def test_the_remote_exit_status_is_the_clients(host, shell_app, command, status):
    assert host.run(shell_app, command).status == status


def test_a_process_type_as_first_word_is_replaced_by_its_command(host, shell_app):
    assert host.run(shell_app, "greet", "world").out == "hello world\n"


def test_stdout_and_stderr_are_separate_without_a_terminal(host, shell_app):
    r = host.run(shell_app, "echo out; echo err >&2; exit 4")
    assert (r.out, r.err, r.status) == ("out\n", "err\n", 4)


def test_pipes_are_binary_clean_and_end_of_input_arrives(host, shell_app):
    data = os.urandom(24 * 1024 * 1024)
    r = host.run(shell_app, "cat", input=data, text=False)
    assert r.status == 0
    assert hashlib.sha256(r.out).hexdigest() == hashlib.sha256(data).hexdigest()


def test_a_reader_that_stops_early_does_not_hang_the_client(host, shell_app):
    line = f"{BUILD}/dynoctl --root {host.root} run -a {shell_app} --no-tty yes | head -n 2"
    p = subprocess.run(["bash", "-c", line], env=host.env, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, timeout=PATIENCE)
    assert p.stdout == b"y\ny\n"


def test_the_tail_of_the_output_is_not_lost(host, shell_app):
    r = host.run(shell_app, "seq 1 200000")
    assert r.out.split() == [str(i) for i in range(1, 200001)]


def test_a_lost_client_hangs_up_the_dyno(host, shell_app):
    p = subprocess.Popen([BUILD + "/dynoctl", "--root", host.root, "run", "-a", shell_app, "--no-tty",
                          "trap 'echo hup; exit 9' HUP; echo up; while :; do sleep 0.1; done"],
                         env=host.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    assert [d for d in host.dynos(shell_app) if d["type"] == "run"]
    p.kill()
    p.wait()
    p.stdin.close()
    p.stdout.close()
    wait_for("end of the one-off", lambda: not [d for d in host.dynos(shell_app, "run")])
    host.wait_log(shell_app, r"Client connection closed\. Sending SIGHUP to all processes")
    host.wait_log(shell_app, r"heroku\[run\.\d+\]: State changed from up to complete")


def test_interrupting_the_client_interrupts_the_command(host, shell_app):
    p = subprocess.Popen([BUILD + "/dynoctl", "--root", host.root, "run", "-a", shell_app, "--no-tty",
                          "trap 'echo int; exit 5' INT; echo up; while :; do sleep 0.1; done"],
                         env=host.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    p.send_signal(signal.SIGINT)
    out, _ = p.communicate(timeout=PATIENCE)
    assert (out, p.returncode) == (b"int\n", 5)


def test_a_detached_one_off_writes_to_the_log(host, shell_app):
    r = host.ctl("run", "-a", shell_app, "--detach", "echo from the background; exit 2")
    name = re.search(r"run\.\d+", r.out + r.err).group(0)
    host.wait_log(shell_app, rf"app\[{re.escape(name)}\]: from the background")
    host.wait_log(shell_app, rf"heroku\[{re.escape(name)}\]: Process exited with status 2")
    host.wait_log(shell_app, rf"heroku\[{re.escape(name)}\]: State changed from up to complete")


def test_attached_output_stays_out_of_the_log(host, shell_app):
    assert host.run(shell_app, "echo secret-marker").out == "secret-marker\n"
    wait_for("end", lambda: not host.dynos(shell_app, "run"))
    assert not [l for l in host.logs(shell_app) if "app[run." in l and "secret-marker" in l]


def test_one_offs_survive_a_restart_of_the_app(host, shell_app):
    p = terminal(host, shell_app, "bash")
    p.expect_exact("~ $ ")
    host.ctl("restart", "-a", shell_app)
    host.ctl("config:set", "-a", shell_app, "NEW=1")
    p.sendline("echo still $((40+2)) [$NEW]")
    p.expect_exact("still 42 []\r\n")
    p.sendline("exit")
    end(p, 0)
