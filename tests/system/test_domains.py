"""Domains from the API to a request that reaches the app through the real router."""
import http.client
import http.server
import os
import subprocess
import threading

import pytest

from controller import USER, Controller
from fake_host import FakeHost
from harness import BUILD, PATIENCE, slug, wait_for

pytestmark = pytest.mark.skipif(not os.path.exists("/usr/sbin/haproxy"), reason="needs haproxy")


class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("app says " + self.headers["Host"]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def world():
    """A controller, an app that is up (here, in this process) and a router."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Controller() as c:
        host = FakeHost(c, port=server.server_address[1])
        c.app("shop")
        slug_id = c.upload("shop", slug({"app/x": "x"}))
        assert c.api("POST", "/apps/shop/releases", {"slug": slug_id})[0] == 201
        host.report("up")
        with open(c.root + "/etc/dyno/router.conf", "w") as f:
            f.write(f"user = {USER}\nport = 0\n")
        with open(c.root + "/router.log", "wb") as log:
            router = subprocess.Popen([BUILD + "/dyno-router", "--root", c.root], stdout=log, stderr=log)
        try:
            yield c, host
        finally:
            print(open(c.root + "/router.log").read())
            router.terminate()
            router.wait(PATIENCE)
            server.shutdown()
            server.server_close()


def visit(c, name):
    """Status and body of a request for that host name; None while nobody listens."""
    try:
        port = int(open(c.root + "/run/dyno/router/port").read())
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        conn.request("GET", "/", headers={"Host": name})
        r = conn.getresponse()
        return r.status, r.read().decode()
    except (OSError, ValueError, http.client.HTTPException):
        return None


def await_answer(c, name, status, text):
    def right():
        got = visit(c, name)
        return got and got[0] == status and text in got[1]
    wait_for(f"{status} {text!r} for {name}", right)


def test_requests_for_a_domain_reach_its_app(world):
    c, host = world
    await_answer(c, "shop.localhost", 200, "app says shop.localhost")
    await_answer(c, "www.example.com", 404, "")
    for name in ("www.Example.com", "*.wild.example.com", "bücher.example"):
        status, d = c.api("POST", "/apps/shop/domains", {"hostname": name, "sni_endpoint": None})
        assert status == 201, d
    for name in ("www.example.com", "any.wild.example.com", "ANY.Wild.Example.com:80", "xn--bcher-kva.example"):
        await_answer(c, name, 200, "app says " + name)
    await_answer(c, "wild.example.com", 404, "")
    await_answer(c, "example.com", 404, "")

    assert c.api("PATCH", "/apps/shop", {"maintenance": True})[0] == 200
    await_answer(c, "www.example.com", 503, "maintenance")
    assert c.api("PATCH", "/apps/shop", {"maintenance": False})[0] == 200
    await_answer(c, "www.example.com", 200, "app says")

    assert c.api("PATCH", "/apps/shop", {"name": "store"})[0] == 200
    await_answer(c, "store.localhost", 200, "app says store.localhost")
    await_answer(c, "shop.localhost", 404, "")
    await_answer(c, "www.example.com", 200, "app says")
    assert c.api("DELETE", "/apps/store/domains/www.example.com")[0] == 200
    await_answer(c, "www.example.com", 404, "")


def test_a_name_belongs_to_one_app_until_it_is_removed_or_its_app_is():
    with Controller() as c:
        c.app("one")
        c.app("two")

        def add(app, name):
            return c.api("POST", f"/apps/{app}/domains", {"hostname": name, "sni_endpoint": None})

        status, d = add("one", "www.example.com")
        assert (status, d["kind"], d["cname"], d["hostname"]) == (201, "custom", "one.localhost", "www.example.com")
        status, e = add("one", "WWW.example.com")
        assert (status, e["message"]) == (422, "Domain already added to this app.")
        status, e = add("two", "www.example.com")
        assert (status, e["id"], e["message"]) == (422, "invalid_params",
                                                   "www.example.com is currently in use by another app.")
        assert add("two", "no name")[0] == 422
        assert add("two", "two.localhost")[0] == 422
        assert c.api("POST", "/apps/two/domains", {"hostname": 7})[0] == 422
        assert c.api("POST", "/apps/two/domains", {"hostname": "a.example", "sni_endpoint": "x"})[0] == 422
        assert c.api("GET", "/apps/two/domains/www.example.com")[0] == 404
        assert c.api("DELETE", "/apps/two/domains/" + d["id"])[0] == 404
        assert c.api("DELETE", "/apps/one/domains/one.localhost")[0] == 422
        assert c.api("GET", "/apps/one/domains/" + d["id"]) == (200, d)

        names = [x["hostname"] for x in c.api("GET", "/apps/one/domains")[1]]
        assert sorted(names) == ["one.localhost", "www.example.com"]
        c.kill()
        c.start()
        assert add("two", "www.example.com")[0] == 422
        assert c.api("DELETE", "/apps/one/domains/www.example.com")[0] == 200
        assert add("two", "www.example.com")[0] == 201
        assert c.api("DELETE", "/apps/two")[0] == 200
        assert add("one", "www.example.com")[0] == 201
