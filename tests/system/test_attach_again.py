"""Attached one-offs whose client loses its connection and comes again."""
import hashlib
import http.client
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import time

import pexpect
import pytest

from cutting_proxy import CuttingProxy
from harness import BUILD, wait_for

NAME = "127.0.0.2"  # what clients are told, where the rendezvous port is not
CONF = {"controller": {"rendezvous-name": NAME}}
HANDSHAKE = 3000  # more bytes than TLS needs until a stream begins
SEED = int(os.environ.get("DYNO_SEED", "7"))


@pytest.fixture(scope="module")
def plain(host):
    name = host.new_app()
    host.deploy(name, {"Procfile": "worker: sleep 1000\n"}, wait=False)
    return name


class Door:
    """A way to the dyno for somebody who is not on this machine, through a proxy that breaks it.

    api: all goes through the proxy, in clear. port: the API is reached directly, the rendezvous port by the proxy,
    which stands at the address that clients are told."""

    def __init__(self, host, kind):
        self.api = int(host.env["HEROKU_HOST"].rsplit(":", 1)[1])
        self.env = {k: v for k, v in host.env.items() if not k.startswith("DYNO_")}
        if kind == "api":
            del self.env["NODE_EXTRA_CA_CERTS"]  # nobody could be verified
            self.proxy = CuttingProxy(self.api)
        else:
            port = rendezvous_port(host)
            self.proxy = CuttingProxy(port, (NAME, port))
        self.kind = kind

    def cut(self, *cuts, handshake=0):
        """Cut the connections of the stream after so many bytes, and so many more of TLS."""
        self.proxy.cuts = [None, *cuts] if self.kind == "api" else [n + handshake for n in cuts]
        self.streams = len(cuts)

    def assert_cut(self):
        assert len(self.proxy.sent) > self.streams + (self.kind == "api"), "no connection was cut"

    def __enter__(self):
        self.proxy.__enter__()
        api = self.proxy.port if self.kind == "api" else self.api
        self.env["HEROKU_HOST"] = f"http://127.0.0.1:{api}"
        return self

    def __exit__(self, *exc):
        self.proxy.__exit__(*exc)
        assert self.proxy.sent, "nobody came this way"


def rendezvous_port(host):
    return int(open(f"{host.root}/run/dyno/controller/rendezvous-port").read())


@pytest.fixture(params=["api", "port"])
def door(host, request):
    with Door(host, request.param) as d:
        yield d


def start(door, app, *command, **kw):
    return subprocess.Popen([BUILD + "/dynoctl", "run", "-a", app, "--no-tty", *command], env=door.env,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def test_output_is_whole_over_many_lost_connections(plain, door):
    chance = random.Random(SEED)
    door.cut(*(chance.randrange(2000, 2_000_000) for _ in range(8)))
    p = start(door, plain, "seq 1 1500000; exit 7")
    out, err = p.communicate(timeout=120)
    assert (p.returncode, err) == (7, b"")
    assert hashlib.sha256(out).hexdigest() == hashlib.sha256(
        b"".join(b"%d\n" % i for i in range(1, 1500001))).hexdigest()
    door.assert_cut()


def test_input_is_whole_over_many_lost_connections(plain, door):
    # The dyno tells now and then how far it is: that is what cuts the connection.
    door.cut(*[600] * 6, handshake=HANDSHAKE)
    data = os.urandom(8 * 1024 * 1024)
    p = start(door, plain, "tee >(sha256sum >&2) | dd bs=4096 status=none | od -An -v -tx1 -w4096 | cut -c1-60")
    out, err = p.communicate(data, timeout=120)
    assert p.returncode == 0, err
    assert err.split()[0].decode() == hashlib.sha256(data).hexdigest()
    assert len(out.splitlines()) == len(data) // 4096
    door.assert_cut()


def test_an_exit_status_waits_for_the_client(plain, door):
    door.cut(20)  # the stream breaks as soon as something is said, or before
    p = start(door, plain, "echo the last words; exit 3")
    assert p.communicate(timeout=60) == (b"the last words\n", b"")
    assert p.returncode == 3


@pytest.fixture(params=["near", "port"])
def dynoctl(host, request):
    """The command and its environment: of the machine's root, and of somebody who comes by TLS."""
    if request.param == "near":
        yield [BUILD + "/dynoctl", "--root", host.root], host.env
        return
    with Door(host, "port") as door:
        yield [BUILD + "/dynoctl"], door.env


def test_a_terminal_goes_on_over_a_restart_of_the_controller(host, plain, dynoctl):
    command, env = dynoctl
    p = pexpect.spawn(command[0], [*command[1:], "run", "-a", plain, "bash"], env=env, dimensions=(30, 100),
                      encoding="utf-8", timeout=30)
    p.expect_exact("~ $ ")
    p.sendline("(sleep 2; echo said me\"\"anwhile) & echo be\"\"fore")
    p.expect("before\r\n")
    host.kill("dyno-controller")
    p.expect("lost, trying again")
    p.expect("connected again")
    p.expect("said meanwhile\r\n")
    p.setwinsize(25, 90)
    p.sendline("until [ \"$(stty size)\" = '25 90' ]; do sleep 0.1; done; echo re\"\"sized; exit 5")
    p.expect("resized\r\n")
    p.expect(pexpect.EOF)
    p.close()
    assert p.exitstatus == 5
    host.answers()


def test_a_pipe_is_whole_over_a_restart_of_the_controller(host, plain, dynoctl):
    command, env = dynoctl
    p = subprocess.Popen([*command, "run", "-a", plain, "--no-tty",
                          "for i in $(seq 1 40); do seq 1 5000; sleep 0.05; done; exit 4"], env=env,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    first = p.stdout.read(5000)
    host.kill("dyno-controller")
    out, err = p.communicate(timeout=60)
    assert p.returncode == 4, err
    assert first + out == b"".join(b"%d\n" % i for i in range(1, 5001)) * 40
    host.answers()


def test_last_words_wait_for_a_client_over_a_restart_of_the_controller(host, plain, dynoctl):
    """The dyno ends, and the new controller hears of it, before its client comes again."""
    command, env = dynoctl
    p = subprocess.Popen([*command, "run", "-a", plain, "--no-tty",
                          "echo here; until [ -e go ]; do sleep 0.1; done; echo last words; exit 7"], env=env,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    assert p.stdout.readline() == b"here\n"
    name = next(d["name"] for d in host.dynos(plain, "run"))
    p.send_signal(signal.SIGSTOP)
    try:
        host.kill("dyno-controller")
        host.answers()
        wait_for("the mark", lambda: host.ctl("run:inside", "-a", plain, "--no-tty", name, "touch /app/go",
                                              check=False).status == 0)
        wait_for("its end", lambda: re.search(rf"heroku\[{name}\]: Process exited with status 7",
                                              "\n".join(host.logs(plain))))
    finally:
        p.send_signal(signal.SIGCONT)
    out, err = p.communicate(timeout=60)
    assert (p.returncode, out) == (7, b"last words\n"), err
    wait_for("the end of the dyno", lambda: host.dyno(plain, name) is None)


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


def test_a_client_that_leaves_for_good_is_not_waited_for(host, plain, door):
    p = start(door, plain, "echo here; exec sleep 1000")
    assert p.stdout.readline() == b"here\n"
    name = next(d["name"] for d in host.dynos(plain, "run"))
    begun = time.monotonic()
    p.send_signal(signal.SIGHUP)
    assert p.wait(timeout=20) == 128 + signal.SIGHUP
    p.communicate()
    wait_for("the end of the dyno", lambda: host.dyno(plain, name) is None)
    assert re.search(rf"heroku\[{name}\]: Client connection closed", "\n".join(host.logs(plain)))
    assert time.monotonic() - begun < 25, "it was waited for"


def knock(host, secret, alpn=()):
    """What a stranger at the rendezvous port is answered, and the protocol that was agreed to."""
    context = ssl.create_default_context(cafile=host.env["NODE_EXTRA_CA_CERTS"])
    context.set_alpn_protocols(list(alpn))
    with socket.create_connection(("127.0.0.1", rendezvous_port(host)), timeout=30) as s:
        with context.wrap_socket(s, server_hostname="127.0.0.1") as tls:
            tls.sendall(secret.encode() + b"\r\n")
            return tls.recv(4096), tls.selected_alpn_protocol()


def test_a_stranger_cannot_take_a_session_over(host, plain, door):
    p = start(door, plain, "echo here; cat")
    assert p.stdout.readline() == b"here\n"
    c = http.client.HTTPConnection("127.0.0.1", door.api, timeout=30)
    c.request("GET", "/attach/" + "0" * 64, headers={"Connection": "Upgrade", "Upgrade": "dyno-attach/2"})
    assert c.getresponse().status == 404
    c.close()
    said, agreed = knock(host, "0" * 64, ["dyno-attach/2"])
    assert said.startswith(b"refused: There is no dyno to attach to") and agreed == "dyno-attach/2"
    assert knock(host, "0" * 64) == (b"", None)
    assert p.communicate(b"still mine\n", timeout=30) == (b"still mine\n", b"")
    assert p.returncode == 0


def test_other_protocols_than_frames_are_raw_bytes(host, plain):
    _, _, dyno = host.api("POST", f"/apps/{plain}/dynos", {"command": "echo raw; exec cat", "attach": True,
                                                      "force_no_tty": True})
    context = ssl.create_default_context(cafile=host.env["NODE_EXTRA_CA_CERTS"])
    context.set_alpn_protocols(["http/1.1"])
    with socket.create_connection(("127.0.0.1", rendezvous_port(host)), timeout=30) as s:
        with context.wrap_socket(s, server_hostname=NAME) as tls:
            tls.sendall(dyno["attach_url"].rsplit("/", 1)[1].encode() + b"\r\n")
            assert tls.recv(4096) == b"rendezvous\r\n" and tls.selected_alpn_protocol() is None
            assert tls.recv(4096) == b"raw\n"
            tls.sendall(b"and back\x04")
            assert tls.recv(4096) == b"and back" and tls.recv(4096) == b""


def test_a_certificate_of_somebody_else_is_refused(host, plain, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/CN=somebody", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "ca.pem"], check=True,
                   stderr=subprocess.DEVNULL)
    with Door(host, "port") as door:
        door.env["NODE_EXTRA_CA_CERTS"] = str(tmp_path / "ca.pem")
        p = start(door, plain, "echo never seen")
        out, err = p.communicate(timeout=60)
    assert (p.returncode, out) == (1, b"")
    assert b"is not signed by a CA that is trusted here" in err and b"again" not in err


def test_a_port_that_cannot_be_reached_is_gone_around(host, plain):
    env = {k: v for k, v in host.env.items() if not k.startswith("DYNO_")}  # nobody is at the rendezvous port
    p = subprocess.run([BUILD + "/dynoctl", "run", "-a", plain, "--no-tty", "echo all the same; exit 9"], env=env,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert (p.returncode, p.stdout, p.stderr) == (9, b"all the same\n", b"")
