"""A worker host and a controller with nothing but TLS between them."""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from connect_proxy import ConnectProxy
from controller import Controller
from harness import BUILD, PATIENCE, private_dir, slug, wait_for
from worker import USER, Worker

TICKS = {"app/Procfile": "ticker: i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.2; done\n"}


class World:
    def __init__(self):
        self.dir = private_dir("tls-t-")
        self.c = Controller("certificate-names = upstream.test\n").start()
        self.port = int(open(self.c.root + "/run/dyno/controller/https-port").read())
        self.url = f"https://127.0.0.1:{self.port}"
        self.ca = shutil.copy(self.c.root + "/run/dyno/controller/ca.pem", self.dir + "/ca.pem")
        self.token = self.file("token", open(self.c.root + "/var/lib/dyno/controller/token").read())
        self.c.app("clock")
        slug_id = self.c.upload("clock", slug(TICKS), process_types={"ticker": TICKS["app/Procfile"][8:].strip()})
        assert self.c.api("POST", "/apps/clock/releases", {"slug": slug_id})[0] == 201

    def close(self):
        self.c.close()
        shutil.rmtree(self.dir)

    def file(self, name, text):
        """One that the supervisor may read."""
        path = f"{self.dir}/{name}"
        with open(path, "w") as f:
            f.write(text)
        os.chown(path, USER, USER)
        os.chmod(path, 0o600)
        return path

    def ctl(self, *args, env=None, **more):
        return subprocess.run([BUILD + "/dynoctl", *args], text=True, stdout=subprocess.PIPE, timeout=PATIENCE,
                              stderr=subprocess.PIPE, env={**os.environ, **(env or {})}, **more)

    def host_certificate(self, host, *options):
        p = self.ctl("--root", self.c.root, "access", "ca", "--sign-host", host, *options)
        assert p.returncode == 0, p.stderr
        return self.file(f"{host}.pem", p.stdout)

    def run(self, *args, **more):
        """dynoctl of somebody who knows address, key and CA, and nothing else."""
        return self.ctl(*args, env={"DYNO_API_URL": self.url, "DYNO_API_CA": self.ca, "DYNO_APP": "clock",
                                    "DYNO_API_KEY": open(self.token).read().strip()}, **more)

    def foreign_ca(self):
        key, crt = self.dir + "/foreign-key.pem", self.dir + "/foreign.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", crt, "-days", "2", "-subj", "/CN=h1"], check=True,
                       stderr=subprocess.DEVNULL)
        os.chmod(crt, 0o644)
        return key, crt

    def scale(self, quantity):
        assert self.c.api("PATCH", "/apps/clock/formation/ticker", {"quantity": quantity})[0] == 200

    def states(self):
        return [d["state"] for d in self.c.api("GET", "/apps/clock/dynos")[1]]

    def ticks(self):
        return int(max(re.findall(r"tick (\d+)", self.run("logs", "-n", "1500").stdout), default="-1", key=int))


@pytest.fixture(scope="module")
def world():
    w = World()
    try:
        yield w
    finally:
        print(w.c.log()[-6000:])
        w.close()


@pytest.fixture
def start(world):
    """Start a worker host with these lines of supervisor.conf."""
    workers = []

    def fn(**conf):
        workers.append(Worker({"report-interval": 1, **{k.replace("_", "-"): v for k, v in conf.items()}}))
        return workers[-1]
    yield fn
    for w in workers:
        w.stop()
        w.log.seek(0)
        print(w.log.read()[-6000:])
        shutil.rmtree(w.root)


def a_day_of_work(world, w):
    """What a host does, from its slug to the end of a one-off."""
    world.scale(1)
    try:
        wait_for("a dyno that is up", lambda: world.states() == ["up"])
        at = world.ticks()
        wait_for("its lines", lambda: world.ticks() > at + 3)
        one = world.run("run", "--no-tty", "--", "read x; echo got $x; exit 3", input="words\n")
        assert (one.returncode, one.stdout) == (3, "got words\n"), one
        much = world.run("run", "--no-tty", "--", "head -c 3000000 /dev/zero | tr '\\0' y; sleep 0.1; exit 0")
        assert (much.returncode, len(much.stdout)) == (0, 3000000), much.stderr
    finally:
        world.scale(0)
        wait_for("the end of the dyno", lambda: world.states() == [])


def test_a_client_certificate_is_all_that_a_host_needs(world, start):
    w = start(upstream=world.url, upstream_ca_file=world.ca, upstream_cert_file=world.host_certificate("h1"))
    a_day_of_work(world, w)
    # The certificate renewed while the long poll is open: nobody notices.
    pem = world.c.root + "/var/lib/dyno/controller/server.pem"
    before = open(pem).read()
    os.remove(pem)
    world.c.stop()
    world.c.start()
    assert open(pem).read() != before
    wait_for("the host again", lambda: "works again" in open(w.root + "/log").read())


def test_reload_under_an_open_long_poll(world, start):
    key, crt = world.foreign_ca()
    pem = world.c.root + "/var/lib/dyno/controller/server.pem"
    w = start(upstream=world.url, upstream_ca_file=world.ca, upstream_cert_file=world.host_certificate("h1"))
    wait_for("registration", lambda: "registered with" in open(w.root + "/log").read())
    before = open(pem).read()
    st = os.stat(pem)
    try:
        with open(pem, "w") as f:
            f.write(open(key).read() + open(crt).read())
        os.kill(world.c.process.pid, signal.SIGHUP)
        wait_for("the new certificate", lambda: "CN = h1" in subprocess.run(
            f"openssl s_client -connect 127.0.0.1:{world.port} </dev/null 2>/dev/null | openssl x509 -noout -subject",
            shell=True, text=True, stdout=subprocess.PIPE).stdout)
        # Its open connections go on, over which it hears of this:
        world.scale(1)
        wait_for("the list", lambda: re.search("revision .*: 1 dynos", open(w.root + "/log").read()))
        assert "get assignments:" not in open(w.root + "/log").read()
        # Who comes now sees it.
        p = world.run("apps")
        assert p.returncode == 1 and "is not signed by a CA that is trusted here" in p.stderr
    finally:
        with open(pem, "w") as f:
            f.write(before)
        os.chown(pem, st.st_uid, st.st_gid)
        os.kill(world.c.process.pid, signal.SIGHUP)
        wait_for("the old certificate", lambda: world.run("apps").returncode == 0)
        world.scale(0)
        wait_for("the end of the dyno", lambda: world.states() == [])


def test_a_token_through_a_proxy(world, start):
    with ConnectProxy() as proxy:
        w = start(upstream=world.url, upstream_ca_file=world.ca, upstream_token_file=world.token,
                  upstream_proxy=proxy.url)
        a_day_of_work(world, w)
    assert len(proxy.asked) > 4 and set(proxy.asked) == {f"127.0.0.1:{world.port}"}


def test_a_proxy_is_not_the_way_to_everybody(world, start):
    with ConnectProxy() as proxy:
        w = start(upstream=world.url, upstream_ca_file=world.ca, upstream_token_file=world.token,
                  upstream_proxy=proxy.url, upstream_no_proxy="example.com, 127.0.0.1")
        a_day_of_work(world, w)
        assert not proxy.asked


def test_a_host_that_is_reloaded_shows_its_new_certificate(world, start):
    key, crt = world.foreign_ca()
    good = world.host_certificate("h1")
    pem = world.file("renewed-h1.pem", open(good).read())
    w = start(upstream=world.url, upstream_ca_file=world.ca, upstream_cert_file=pem)
    wait_for("registration", lambda: "registered with" in open(w.root + "/log").read())
    for text, words in ((open(key).read() + open(crt).read(), "The client certificate is not signed by a CA"),
                        (open(good).read(), "registered with")):
        with open(pem, "w") as f:
            f.write(text)
        at = os.path.getsize(w.root + "/log")
        w.dynod.send_signal(signal.SIGHUP)
        wait_for(words, lambda: words in open(w.root + "/log").read()[at:])


def test_what_is_wrong_is_said_once_in_a_sentence(world, start):
    key, crt = world.foreign_ca()
    good = world.host_certificate("h1")
    other = world.host_certificate("h2")
    foreign = world.file("foreign-h1.pem", open(key).read() + open(crt).read())
    port = world.port
    w = start(upstream=world.url, upstream_ca_file=world.ca, upstream_cert_file=good)
    wait_for("registration", lambda: "registered with" in open(w.root + "/log").read())
    cases = [
        (dict(upstream_ca_file=crt), "is not signed by a CA that is trusted here"),
        (dict(upstream=f"https://wrong.test:{port}"), "wrong.test"),
        (dict(upstream_cert_file=other), "upstream answers 403: This is for another worker host only."),
        (dict(upstream_cert_file=foreign),
         "upstream answers 401: The client certificate is not signed by a CA that is trusted here."),
        (dict(upstream_cert_file=None), "upstream answers 401: Invalid credentials provided."),
        (dict(upstream_proxy="http://127.0.0.1:1"), "Connection refused"),
    ]
    path = w.root + "/etc/dyno/supervisor.conf"
    original = open(path).read()
    for change, words in cases:
        with open(path, "w") as f:
            f.write(original)
            for k, v in change.items():
                f.write(f"{k.replace('_', '-')} = {v}\n" if v else "")
        if change.get("upstream_cert_file", "") is None:
            with open(path, "w") as f:
                f.write(re.sub("upstream-cert-file.*\n", "", original))
        at = os.path.getsize(w.root + "/log")
        w.kill_supervisor()
        said = wait_for(words, lambda: [line for line in open(w.root + "/log").read()[at:].splitlines()
                                        if words in line and "register: " in line])
        assert len(said) == 1 and said[0].endswith(", will retry"), said
        wait_for("the same in its status", lambda: words in w.get("/")["upstream_status"])
    with open(path, "w") as f:
        f.write(original)
    at = os.path.getsize(w.root + "/log")
    w.kill_supervisor()
    wait_for("registration", lambda: "registered with" in open(w.root + "/log").read()[at:])


def test_who_has_a_host_certificate_is_that_host_and_nobody_else(world):
    good = world.host_certificate("h1")

    def ask(path, *options):
        return subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", world.ca, "-E", good,
                               *options, world.url + path], text=True, stdout=subprocess.PIPE).stdout
    assert ask("/apps") == "403" and ask("/upstream/v1/hosts") == "403"
    assert ask("/upstream/v1/hosts/h2/assignments") == "403"
    registration = '{"boot": "11111111-2222-4333-8444-555555555555", "version": "1", "capacity": {}}'
    assert ask("/upstream/v1/hosts/h1", "-X", "PUT", "-H", "Content-Type: application/json", "-d", registration) == "200"
    assert ask("/access/ca") == "200"
    # It may renew its own, and no other.
    assert ask("/upstream/v1/hosts/h1/certificate", "-X", "POST") == "201"
    assert ask("/upstream/v1/hosts/h2/certificate", "-X", "POST") == "403"
    # Not for ever; and a token that can be revoked makes none that cannot.
    body = ("-X", "POST", "-H", "Content-Type: application/json", "-d", '{"days": 398}')
    assert ask("/upstream/v1/hosts/h1/certificate", *body) == "403"
    token = world.c.api("POST", "/host-tokens", {"host": "h1"})[1]["access_token"]["token"]
    p = subprocess.run(["curl", "-sS", "--cacert", world.ca, "-H", "Authorization: Bearer " + token, "-X", "POST",
                        world.url + "/upstream/v1/hosts/h1/certificate"], text=True, stdout=subprocess.PIPE)
    assert json.loads(p.stdout)["id"] == "forbidden", p.stdout


def test_the_ca_is_told_to_everybody_and_lasts(world):
    assert world.ctl("--root", world.c.root, "access", "ca").stdout == open(world.ca).read()
    p = subprocess.run(["curl", "-sk", world.url + "/access/ca"], text=True, stdout=subprocess.PIPE)
    assert p.stdout == open(world.ca).read()
    p = world.ctl("--root", world.c.root, "access", "ca", "--sign-host", "H!", "--days", "3")
    assert p.returncode == 1 and "not a name for a host" in p.stderr
