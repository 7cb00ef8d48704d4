"""dyno-slug fetch over TLS, through a proxy, and what goes along with a redirect."""
import hashlib
import http.server
import os
import shutil
import ssl
import subprocess
import threading

import pytest

from harness import BUILD, PATIENCE, private_dir, slug

SLUG = slug({"./app/Procfile": "web: bin/web\n"})
SHA = hashlib.sha256(SLUG).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        path = self.path.rpartition("/")[2]
        body = SLUG if path == "slug" else b""
        self.send_response(200 if body else 302)
        if not body:
            self.send_header("Location", self.server.places[path])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server:
    """With a certificate it speaks TLS."""

    def __init__(self, certificate=None):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.seen, self.http.places = [], {}
        self.seen, self.places = self.http.seen, self.http.places
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture(scope="module")
def certificate(workdir):
    path = os.path.join(workdir, "tls.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", path + ".crt"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(path, "a") as f:
        f.write(open(path + ".crt").read())
    return path


@pytest.fixture
def servers(certificate):
    """(TLS, plain)"""
    both = Server(certificate), Server()
    yield both
    for s in both:
        s.stop()


@pytest.fixture
def fetch():
    d = private_dir("dyno-f-")

    def run(*args, conf="", status=0, says=""):
        with open(os.path.join(d, "slugs.conf"), "w") as f:
            f.write("retries = 0\n" + conf)
        p = subprocess.run([BUILD + "/dyno-slug", "--store", os.path.join(d, "store"), "--config",
                            os.path.join(d, "slugs.conf"), "fetch", *args], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=PATIENCE,
                           env={k: v for k, v in os.environ.items() if "proxy" not in k.lower()})
        assert p.returncode == status and says in p.stderr, p
        assert p.stdout == ("" if status else SHA + "\n")
    yield run
    shutil.rmtree(d)


def test_only_a_known_authority_is_believed(servers, fetch, certificate):
    tls, _ = servers
    fetch(tls.url + "/slug", status=1, says="certificate")
    assert tls.seen == []
    fetch(tls.url + "/slug", conf=f"ca-file = {certificate}.crt\n")
    assert len(tls.seen) == 1


def test_a_redirect_may_lead_to_tls_and_not_away_from_it(servers, fetch, certificate):
    tls, plain = servers
    tls.places["down"] = plain.url + "/slug"
    plain.places["up"] = tls.url + "/slug"
    conf = f"ca-file = {certificate}.crt\n"
    fetch(tls.url + "/down", conf=conf, status=1, says="the server redirects from https to http")
    assert plain.seen == []
    fetch(plain.url + "/up", "--header", "X-Token: s3cret", conf=conf)
    assert plain.seen[0][1]["X-Token"] == "s3cret"
    assert "X-Token" not in tls.seen[-1][1]     # another port, another server


def test_a_password_stays_with_its_host(servers, fetch):
    _, plain = servers
    other = Server()
    try:
        plain.places["here"] = "/slug"
        plain.places["there"] = other.url + "/slug"
        mine = plain.url.replace("//", "//me:s3cret@")
        fetch(mine + "/there")
        assert plain.seen[0][1]["Authorization"].startswith("Basic ")
        assert "Authorization" not in other.seen[0][1]
        fetch(mine + "/here")
        assert plain.seen[-1][0] == "/slug" and "Authorization" in plain.seen[-1][1]
    finally:
        other.stop()


def test_a_configured_proxy_is_asked(servers, fetch):
    _, plain = servers
    fetch("http://slugs.invalid/a/slug", conf=f"proxy = {plain.url}\n")
    assert plain.seen[0][0] == "http://slugs.invalid/a/slug"


def test_a_proxy_is_not_the_way_to_everybody(servers, fetch):
    _, plain = servers
    dead = "proxy = http://127.0.0.1:1\n"
    fetch(plain.url + "/a/slug", conf=dead, status=1, says="127.0.0.1")
    fetch(plain.url + "/a/slug", conf=dead + "no-proxy = example.com, 127.0.0.1\n")
    assert plain.seen[-1][0] == "/a/slug"


def test_a_unix_socket_is_left_behind_by_a_redirect(servers, fetch, workdir):
    """A controller that keeps its slugs elsewhere answers so on its socket."""
    _, plain = servers
    path = os.path.join(workdir, "sock")

    class Local(http.server.ThreadingHTTPServer):
        address_family = 1  # AF_UNIX

        def server_bind(self):
            self.socket.bind(self.server_address)
            self.server_name, self.server_port = "localhost", 0

        def get_request(self):
            return self.socket.accept()[0], ("unix", 0)

    local = Local(path, Handler)
    local.seen, local.places = [], {"x": plain.url + "/slug"}
    threading.Thread(target=local.serve_forever, daemon=True).start()
    try:
        fetch("--unix", path, "--header", "X-Token: s3cret", "http://localhost/x")
        assert local.seen[0][1]["X-Token"] == "s3cret"
        assert len(plain.seen) == 1 and "X-Token" not in plain.seen[0][1]
    finally:
        local.shutdown()
        local.server_close()
        os.unlink(path)
