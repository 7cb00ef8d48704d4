"""Attached one-offs whose client loses its connection and comes again."""
import hashlib
import os
import random
import re
import signal
import subprocess
import time

import pexpect
import pytest

from cutting_proxy import CuttingProxy
from harness import BUILD, wait_for

SEED = int(os.environ.get("DYNO_SEED", "7"))


@pytest.fixture(scope="module")
def plain(host):
    name = host.new_app()
    host.deploy(name, {"Procfile": "worker: sleep 1000\n"}, wait=False)
    return name


@pytest.fixture
def proxy(host):
    with CuttingProxy(int(host.env["HEROKU_HOST"].rsplit(":", 1)[1])) as p:
        yield p


def far(host, proxy):
    """The environment of somebody who is not on this machine."""
    env = {k: v for k, v in host.env.items() if not k.startswith("DYNO_")}
    return {**env, "HEROKU_HOST": f"http://127.0.0.1:{proxy.port}"}


def start(host, proxy, app, *command, **kw):
    return subprocess.Popen([BUILD + "/dynoctl", "run", "-a", app, "--no-tty", *command], env=far(host, proxy),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def test_output_is_whole_over_many_lost_connections(host, plain, proxy):
    chance = random.Random(SEED)
    # The first connection asks for the dyno, what follows is the stream.
    proxy.cuts = [None] + [chance.randrange(2000, 2_000_000) for _ in range(8)]
    p = start(host, proxy, plain, "seq 1 1500000; exit 7")
    out, err = p.communicate(timeout=120)
    assert (p.returncode, err) == (7, b"")
    assert hashlib.sha256(out).hexdigest() == hashlib.sha256(
        b"".join(b"%d\n" % i for i in range(1, 1500001))).hexdigest()
    assert len(proxy.sent) >= 9, "no connection was cut"


def test_input_is_whole_over_many_lost_connections(host, plain, proxy):
    # The dyno tells now and then how far it is: that is what cuts the connection.
    proxy.cuts = [None] + [600] * 6
    data = os.urandom(8 * 1024 * 1024)
    p = start(host, proxy, plain, "tee >(sha256sum >&2) | dd bs=4096 status=none | od -An -v -tx1 -w4096 | cut -c1-60")
    out, err = p.communicate(data, timeout=120)
    assert p.returncode == 0, err
    assert err.split()[0].decode() == hashlib.sha256(data).hexdigest()
    assert len(out.splitlines()) == len(data) // 4096
    assert len(proxy.sent) >= 8


def test_an_exit_status_waits_for_the_client(host, plain, proxy):
    proxy.cuts = [None, 20]  # the stream breaks as soon as something is said
    p = start(host, proxy, plain, "echo the last words; exit 3")
    assert p.communicate(timeout=60) == (b"the last words\n", b"")
    assert p.returncode == 3


def test_a_terminal_goes_on_over_a_restart_of_the_controller(host, plain):
    p = pexpect.spawn(BUILD + "/dynoctl", ["--root", host.root, "run", "-a", plain, "bash"], env=host.env,
                      dimensions=(30, 100), encoding="utf-8", timeout=30)
    p.expect_exact("~ $ ")
    p.sendline("(sleep 2; echo said me\"\"anwhile) & echo be\"\"fore")
    p.expect("before\r\n")
    host.kill("dyno-controller")
    p.expect("lost, trying again")
    p.expect("connected again")
    p.expect("said meanwhile\r\n")
    p.sendline("stty size; exit 5")
    p.expect("30 100\r\n")
    p.expect(pexpect.EOF)
    p.close()
    assert p.exitstatus == 5
    host.answers()


def test_a_pipe_is_whole_over_a_restart_of_the_controller(host, plain):
    p = subprocess.Popen([BUILD + "/dynoctl", "--root", host.root, "run", "-a", plain, "--no-tty",
                          "for i in $(seq 1 40); do seq 1 5000; sleep 0.05; done; exit 4"], env=host.env,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    first = p.stdout.read(5000)
    host.kill("dyno-controller")
    out, err = p.communicate(timeout=60)
    assert p.returncode == 4, err
    assert first + out == b"".join(b"%d\n" % i for i in range(1, 5001)) * 40
    host.answers()


def test_a_terminal_goes_on_over_a_restart_of_the_supervisor(host, plain):
    p = pexpect.spawn(BUILD + "/dynoctl", ["--root", host.root, "run", "-a", plain, "bash"], env=host.env,
                      dimensions=(30, 100), encoding="utf-8", timeout=30)
    p.expect_exact("~ $ ")
    host.kill("dyno-supervisor")
    p.expect("connected again")
    p.sendline("echo st\"\"ill; exit 6")
    p.expect("still\r\n")
    p.expect(pexpect.EOF)
    p.close()
    assert p.exitstatus == 6
    host.answers()


def test_a_client_that_leaves_for_good_is_not_waited_for(host, plain, proxy):
    p = start(host, proxy, plain, "echo here; exec sleep 1000")
    assert p.stdout.readline() == b"here\n"
    name = next(d["name"] for d in host.dynos(plain, "run"))
    begun = time.monotonic()
    p.send_signal(signal.SIGHUP)
    assert p.wait(timeout=20) == 128 + signal.SIGHUP
    p.communicate()
    wait_for("the end of the dyno", lambda: host.dyno(plain, name) is None)
    assert re.search(rf"heroku\[{name}\]: Client connection closed", "\n".join(host.logs(plain)))
    assert time.monotonic() - begun < 25, "it was waited for"


def test_a_stranger_cannot_take_a_session_over(host, plain, proxy):
    p = start(host, proxy, plain, "echo here; cat")
    assert p.stdout.readline() == b"here\n"
    import http.client
    c = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    c.request("GET", "/attach/" + "0" * 64, headers={"Connection": "Upgrade", "Upgrade": "dyno-attach/2"})
    assert c.getresponse().status == 404
    c.close()
    assert p.communicate(b"still mine\n", timeout=30) == (b"still mine\n", b"")
    assert p.returncode == 0
