"""App webhooks: what is told, how it is signed, and what happens to a deaf receiver."""
import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import sqlite3
import threading

import pytest

from controller import Controller
from fake_host import FakeHost
from harness import slug, wait_for


HERE = "drain-networks = 127.0.0.1\n"


class Receiver:
    """Keeps what it gets; answers what it is told to."""

    def __init__(self):
        self.got, self.answers = [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, dict(self.headers), body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self, path="/hook"):
        return [json.loads(body) for p, _, body in list(self.got) if p == path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.close()


def subscribe(c, app, **body):
    """Returns (the webhook, its secret)."""
    head = c.curl(f"/apps/{app}/webhooks", "-X", "POST", "-d", json.dumps(body), "-H",
                  "Content-Type: application/json", "-H", "Authorization: Bearer " + token(c))
    assert head.status == 201, head
    return head.json(), head.headers["heroku-webhook-secret"]


def token(c):
    return open(c.root + "/var/lib/dyno/controller/token").read().strip()


def words(events):
    return [f"{e['resource']} {e['action']}" for e in events]


def test_changes_of_an_app_are_told_and_signed(receiver):
    with Controller(HERE) as c:
        host = FakeHost(c)
        c.app("shop")
        slug_id = c.upload("shop", slug({"app/x": "x"}))
        host.report()
        hook, secret = subscribe(c, "shop", url=receiver.url + "/hook", level="notify", authorization="Bearer abc",
                                 include=["api:release", "api:dyno", "api:formation", "api:domain"])
        assert "secret" not in hook and "authorization" not in hook and len(secret) >= 32

        assert c.api("POST", "/apps/shop/releases", {"slug": slug_id})[0] == 201
        wait_for("a dyno event", lambda: "dyno create" in words(receiver.events()))
        assert words(receiver.events()) == ["release create", "formation create", "dyno create"]
        path, head, body = receiver.got[0]
        assert head["Heroku-Webhook-Hmac-SHA256"] == base64.b64encode(
            hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        assert head["Authorization"] == "Bearer abc" and head["Content-Type"] == "application/json"
        release = json.loads(body)
        assert release["data"]["version"] == 3 and release["data"]["slug"]["id"] == slug_id
        assert release["webhook_metadata"]["webhook"]["id"] == hook["id"]
        assert "@" in release["actor"]["email"]

        host.report("up")
        wait_for("its update", lambda: "dyno update" in words(receiver.events()))
        dyno = receiver.events()[-1]
        assert (dyno["data"]["state"], dyno["data"]["name"]) == ("up", "web.1")
        assert dyno["previous_data"]["state"] == "starting" and "name" not in dyno["previous_data"]

        assert c.api("POST", "/apps/shop/domains", {"hostname": "a.example", "sni_endpoint": None})[0] == 201
        assert c.api("PATCH", "/apps/shop/formation/web", {"quantity": 0})[0] == 200
        wait_for("the end", lambda: "dyno destroy" in words(receiver.events()))
        assert sorted(words(receiver.events())[4:]) == ["domain create", "dyno destroy", "formation update"]

        status, events = c.api("GET", "/apps/shop/webhook-events")
        assert [e["id"] for e in events] != [] and len(events) == len(receiver.got)
        wait_for("deliveries", lambda: all(d["status"] == "succeeded" for d in
                                           c.api("GET", "/apps/shop/webhook-deliveries")[1]))


def test_sync_tries_again_in_order_and_notify_does_not(receiver):
    with Controller(HERE) as c:
        c.app("shop")
        subscribe(c, "shop", url=receiver.url + "/hook", level="sync", include=["api:domain"])
        receiver.answers = [500, 503]
        for name in ("a.example", "b.example"):
            assert c.api("POST", "/apps/shop/domains", {"hostname": name, "sni_endpoint": None})[0] == 201
            wait_for("event", lambda: name in str(c.api("GET", "/apps/shop/webhook-events")[1]))
        wait_for("both", lambda: len(receiver.events()) == 4)
        assert [e["data"]["hostname"] for e in receiver.events()] == ["a.example"] * 3 + ["b.example"]
        ids = {e["webhook_metadata"]["delivery"]["id"] for e in receiver.events()}
        assert len(ids) == 2

        receiver.got.clear()
        hook = c.api("GET", "/apps/shop/webhooks")[1][0]
        assert c.api("PATCH", "/apps/shop/webhooks/" + hook["id"], {"level": "notify"})[0] == 200
        receiver.answers = [500]
        assert c.api("DELETE", "/apps/shop/domains/a.example")[0] == 200
        wait_for("a failure", lambda: [d for d in c.api("GET", "/apps/shop/webhook-deliveries")[1]
                                       if d["status"] == "failed"])
        failed = [d for d in c.api("GET", "/apps/shop/webhook-deliveries")[1] if d["status"] == "failed"]
        assert [(d["num_attempts"], d["last_attempt"]["code"]) for d in failed] == [(1, 500)]


def test_what_is_no_webhook_is_refused_and_secrets_are_kept_sealed(receiver):
    with Controller(HERE) as c:
        c.app("shop")
        good = {"include": ["api:dyno"], "level": "notify", "url": receiver.url + "/private-path", "secret": "s3cretS3cret"}
        for wrong in ({"include": []}, {"include": ["api:nonsense"]}, {"include": "api:dyno"}, {"level": "loud"},
                      {"level": None}, {"url": "ftp://x/"}, {"url": "http://"}, {"url": "http://a b/"}, {"url": 7},
                      {"secret": ""}, {"secret": "a\nb"}, {"authorization": "x\r\ny: z"}, {"url": "http://x/" + "y" * 3000}):
            assert c.api("POST", "/apps/shop/webhooks", {**good, **wrong})[0] == 422, wrong
        for missing in ("include", "level", "url"):
            assert c.api("POST", "/apps/shop/webhooks", {k: v for k, v in good.items() if k != missing})[0] == 422
        hook, secret = subscribe(c, "shop", **good)
        assert secret == "s3cretS3cret"
        c.kill()
        for name in ("state.db", "state.db-wal", "webhooks.db", "webhooks.db-wal"):
            text = open(f"{c.root}/var/lib/dyno/controller/{name}", "rb").read()
            assert b"s3cretS3cret" not in text and b"private-path" not in text
        c.start()
        assert c.api("GET", "/apps/shop/webhooks/" + hook["id"]) == (200, hook)
        assert c.api("DELETE", "/apps/shop/webhooks/" + hook["id"])[0] == 200
        assert c.api("GET", "/apps/shop/webhooks/" + hook["id"])[0] == 404


def test_webhooks_go_on_after_a_restart_without_news_of_what_was_known(receiver):
    with Controller(HERE) as c:
        host = FakeHost(c)
        c.app("shop")
        slug_id = c.upload("shop", slug({"app/x": "x"}))
        assert c.api("POST", "/apps/shop/releases", {"slug": slug_id})[0] == 201
        host.report("up")
        subscribe(c, "shop", url=receiver.url + "/hook", level="notify", include=["api:dyno", "api:app"])
        c.kill()
        # The router has got another port meanwhile: so has web_url.
        os.makedirs(c.root + "/run/dyno/router", exist_ok=True)
        with open(c.root + "/run/dyno/router/port", "w") as f:
            f.write("8080")
        c.start()
        host = FakeHost(c)
        host.report("up")
        assert c.api("PATCH", "/apps/shop", {"maintenance": True})[0] == 200
        wait_for("an event", lambda: receiver.got)
        assert words(receiver.events()) == ["app update"]
        assert receiver.events()[0]["previous_data"]["maintenance"] is False


def test_webhooks_do_not_reach_what_only_this_machine_can(receiver):
    with Controller() as c:
        c.app("shop")
        for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost")):
            subscribe(c, "shop", url=url + "/hook", level="notify", include=["api:domain"])
        assert c.api("POST", "/apps/shop/domains", {"hostname": "a.example", "sni_endpoint": None})[0] == 201
        wait_for("two failures", lambda: len([d for d in c.api("GET", "/apps/shop/webhook-deliveries")[1]
                                              if d["status"] == "failed"]) == 2)
        assert receiver.got == []


def kept(c, table):
    path = f"{c.root}/var/lib/dyno/controller/webhooks.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def domain(c, name, method="POST"):
    if method == "POST":
        assert c.api("POST", "/apps/shop/domains", {"hostname": name, "sni_endpoint": None})[0] == 201
    else:
        assert c.api("DELETE", "/apps/shop/domains/" + name)[0] == 200


def told(receiver):
    return [(e["action"], e["data"]["hostname"]) for e in receiver.events()]


def delivery_ids(events):
    return [e["webhook_metadata"]["delivery"]["id"] for e in events]


def test_what_waits_outlives_a_killed_controller_and_is_told_once(receiver):
    with Controller(HERE) as c:
        c.app("shop")
        subscribe(c, "shop", url=receiver.url + "/hook", level="sync", include=["api:domain"])
        receiver.answers = [503] * 1000
        domain(c, "a.example")
        wait_for("a failed attempt", lambda: [d for d in c.api("GET", "/apps/shop/webhook-deliveries")[1]
                                              if d["status"] == "retrying"])
        before, = c.api("GET", "/apps/shop/webhook-deliveries")[1]
        # Told by nobody yet when the kill comes, maybe not even noticed.
        domain(c, "b.example")
        c.kill()
        assert set(told(receiver)) == {("create", "a.example")}
        first = set(delivery_ids(receiver.events()))
        c.start()
        after = {d["id"]: d for d in c.api("GET", "/apps/shop/webhook-deliveries")[1]}
        same = after[before["id"]]
        assert len(after) == 2 and all(same[k] == before[k] for k in ("event", "created_at", "webhook"))
        assert same["num_attempts"] >= before["num_attempts"] >= 1
        events = c.api("GET", "/apps/shop/webhook-events")[1]
        assert {e["payload"]["data"]["hostname"] for e in events} == {"a.example", "b.example"}
        receiver.answers = []
        wait_for("both", lambda: {("create", "b.example")} <= set(told(receiver)))
        wait_for("success", lambda: {d["status"] for d in c.api("GET", "/apps/shop/webhook-deliveries")[1]} == {"succeeded"})
        # In their order, and what came more than once under the same id.
        assert told(receiver) == [("create", "a.example")] * (len(receiver.got) - 1) + [("create", "b.example")]
        assert set(delivery_ids(receiver.events()[:-1])) == first and len(first) == 1
        n = len(receiver.got)
        c.kill()
        c.start()
        domain(c, "c.example")
        wait_for("news", lambda: len(receiver.got) > n)
        assert told(receiver)[n:] == [("create", "c.example")]


def test_what_changes_while_no_controller_runs_the_webhook_is_told(receiver):
    with Controller(HERE) as c:
        host = FakeHost(c)
        c.app("shop")
        slug_id = c.upload("shop", slug({"app/x": "x"}))
        assert c.api("POST", "/apps/shop/releases", {"slug": slug_id})[0] == 201
        host.report("up")
        subscribe(c, "shop", url=receiver.url + "/hook", level="notify", include=["api:dyno"])
        c.kill()
        c.start()
        FakeHost(c).report("crashed")
        wait_for("an event", lambda: receiver.got)
        event, = receiver.events()
        assert (event["data"]["state"], event["previous_data"]["state"]) == ("crashed", "up")


def test_a_deleted_webhook_takes_its_deliveries_along(receiver):
    with Controller(HERE) as c:
        c.app("shop")
        gone, _ = subscribe(c, "shop", url="http://127.0.0.1:1/", level="sync", include=["api:domain"])
        stays, _ = subscribe(c, "shop", url="http://127.0.0.1:1/", level="sync", include=["api:domain"])
        domain(c, "a.example")
        wait_for("two deliveries", lambda: len(c.api("GET", "/apps/shop/webhook-deliveries")[1]) == 2)
        assert c.api("DELETE", "/apps/shop/webhooks/" + gone["id"])[0] == 200
        left = c.api("GET", "/apps/shop/webhook-deliveries")[1]
        assert [d["webhook"]["id"] for d in left] == [stays["id"]] and kept(c, "delivery") == 1
        c.kill()
        c.start()
        assert [d["webhook"]["id"] for d in c.api("GET", "/apps/shop/webhook-deliveries")[1]] == [stays["id"]]
        assert c.api("DELETE", "/apps/shop")[0] == 200
        wait_for("nothing is left", lambda: not sum(kept(c, t) for t in ("delivery", "event", "part", "dropped")))


def test_of_what_is_too_much_the_oldest_goes_and_is_counted(receiver):
    with Controller(HERE) as c:
        c.app("shop")
        hook, _ = subscribe(c, "shop", url="http://127.0.0.1:1/", level="sync", include=["api:app"])
        quiet, _ = subscribe(c, "shop", url="http://127.0.0.1:1/", level="sync", include=["api:domain"])
        domain(c, "a.example")
        wait_for("a delivery", lambda: kept(c, "delivery") == 1)
        many, head = 505, c.root + "/var/lib/dyno/controller/webhooks.db"
        # As if so many had been waiting for long.
        c.kill()
        with contextlib.closing(sqlite3.connect(head)) as db:
            row = db.execute("SELECT app, event FROM delivery").fetchone()
            for i in range(many):
                db.execute("INSERT INTO delivery (id, app, hook, event, state, attempts, created, updated, next)"
                           " VALUES (?, ?, ?, ?, 0, 0, ?, 0, ?)",
                           (f"00000000-0000-4000-8000-{i:012}", row[0], hook["id"], row[1], 2 ** 50, 2 ** 52))
            db.commit()
        c.start()

        def of(which):
            r = c.curl("/apps/shop/webhook-deliveries", "-H", "Range: id ..; max=1000", "--unix-socket", c.socket)
            return [d for d in r.json() if d["webhook"]["id"] == which["id"]]
        mine = of(hook)
        failed = sorted(d["id"] for d in mine if d["status"] == "failed")
        assert failed == [f"00000000-0000-4000-8000-{i:012}" for i in range(5)]
        assert {d["last_attempt"]["error_class"] for d in mine if d["status"] == "failed"} == {"QueueFull"}
        assert len(mine) == many
        assert c.api("GET", "/apps/shop/webhooks/" + hook["id"])[1]["dropped_deliveries"] == 5
        assert c.api("PATCH", "/apps/shop", {"maintenance": True})[0] == 200
        wait_for("another one dropped", lambda: c.api("GET", "/apps/shop/webhooks/" + hook["id"])[1]["dropped_deliveries"] == 6)
        assert c.api("GET", "/apps/shop/webhooks/" + quiet["id"])[1]["dropped_deliveries"] == 0
        assert [d["status"] in ("pending", "retrying") for d in of(quiet)] == [True]
        c.kill()
        c.start()
        assert c.api("GET", "/apps/shop/webhooks/" + hook["id"])[1]["dropped_deliveries"] == 6


def test_a_disk_that_takes_nothing_delays_what_is_told(receiver):
    """The file is locked by somebody else meanwhile: as if it could not be written."""
    with Controller(HERE) as c:
        c.app("shop")
        subscribe(c, "shop", url=receiver.url + "/hook", level="sync", include=["api:domain"])
        head = c.root + "/var/lib/dyno/controller/webhooks.db"
        with contextlib.closing(sqlite3.connect(head)) as db:
            db.execute("ALTER TABLE event RENAME TO hidden")
            domain(c, "a.example")
            wait_for("an error", lambda: "will retry" in c.log())
            assert receiver.got == []
            db.execute("ALTER TABLE hidden RENAME TO event")
        wait_for("the event", lambda: told(receiver) == [("create", "a.example")], 30)
