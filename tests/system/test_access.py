"""Who may ask what: every route of the controller against every kind of asker.

The routes come from the controller's own table; one that has no row below fails the test."""
import base64
import http.client
import json
import os
import re
import sqlite3
import time

import pytest

from controller import Controller
from harness import TOP

# path, kind, methods ("*": takes a JSON body). Kinds:
#   account   anybody with an account
#   app       who may use :app; for others the app is not there
#   thing     the same for what belongs to an app, found by its own name
#   admin     scope admin
#   upstream  worker hosts
#   router    this machine's own programs
#   NUMBER    no credentials are looked at: the status without the right secret
ROWS = """
/access/ca                                200       GET
/account                                  account   GET PATCH*
/account/features                         account   GET
/account/features/:feature                account   GET
/account/rate-limits                      account   GET
/accounts                                 admin     GET POST*
/accounts/:account                        admin     GET PATCH* DELETE
/accounts/:account/authorizations         admin     GET POST*
/actions/addon-attachments/resolve        account   POST*
/actions/addons/resolve                   account   POST*
/addon-attachments                        account   GET POST*
/addon-attachments/:attachment            thing     GET DELETE
/addons                                   account   GET
/addons/:addon                            thing     GET
/addons/:addon/addon-attachments          thing     GET
/addons/:addon/config                     thing     GET PATCH*
/apps                                     account   GET POST*
/apps/:app                                app       GET PATCH* DELETE
/apps/:app/addon-attachments              app       GET
/apps/:app/addon-attachments/:attachment  app       GET
/apps/:app/addons                         app       GET POST*
/apps/:app/addons/:addon                  app       GET DELETE
/apps/:app/available-dyno-sizes           app       GET
/apps/:app/available-stacks               app       GET
/apps/:app/buildpack-installations        app       GET PUT*
/apps/:app/collaborators                  app       GET POST*
/apps/:app/collaborators/:collaborator    app       GET DELETE
/apps/:app/config-vars                    app       GET PATCH*
/apps/:app/deaths                         app       GET
/apps/:app/domains                        app       GET POST*
/apps/:app/domains/:domain                app       GET PATCH* DELETE
/apps/:app/dynos                          app       GET POST* DELETE
/apps/:app/dynos/:dyno                    app       GET POST* DELETE
/apps/:app/dynos/:dyno/actions/stop       app       POST
/apps/:app/dynos/:dyno/deaths             app       GET
/apps/:app/features                       app       GET
/apps/:app/features/:feature              app       GET PATCH*
/apps/:app/formation                      app       GET PATCH*
/apps/:app/formation/:type                app       GET PATCH*
/apps/:app/formations/:type               app       DELETE
/apps/:app/formations/:type/actions/stop  app       POST
/apps/:app/log-drains                     app       GET POST*
/apps/:app/log-drains/:drain              app       GET PUT* DELETE
/apps/:app/log-sessions                   app       POST*
/apps/:app/log-stats                      app       GET
/apps/:app/log-tokens                     app       POST*
/apps/:app/pipeline-couplings             app       GET
/apps/:app/releases                       app       GET POST*
/apps/:app/releases/:release              app       GET
/apps/:app/releases/:release/config-vars  app       GET
/apps/:app/slugs                          app       POST*
/apps/:app/slugs/:slug                    app       GET
/apps/:app/sni-endpoints                  app       GET POST*
/apps/:app/sni-endpoints/:endpoint        app       GET
/apps/:app/webhook-deliveries             app       GET
/apps/:app/webhook-deliveries/:delivery   app       GET
/apps/:app/webhook-events                 app       GET
/apps/:app/webhook-events/:event          app       GET
/apps/:app/webhooks                       app       GET POST*
/apps/:app/webhooks/:webhook              app       GET PATCH* DELETE
/attach/:secret                           426       GET
/audit                                    admin     GET
/dyno-sizes                               account   GET
/dyno-sizes/:size                         account   GET
/enterprise-accounts                      account   GET
/host-tokens                              admin     GET POST*
/log-streams/:app                         404       GET
/logs                                     account   POST
/oauth/authorizations                     account   GET POST*
/oauth/authorizations/:authorization      account   GET DELETE
/oauth/sessions/:session                  account   DELETE
/pipelines                                account   GET
/regions                                  account   GET
/regions/:region                          account   GET
/release-outputs/:app/:release            404       GET
/router/v1/activity                       router    POST
/router/v1/routes                         router    GET
/slug-blobs/:slug                         403       GET PUT
/stacks                                   account   GET
/stacks/:stack                            account   GET
/teams                                    account   GET
/upstream/v1/hosts                        upstream  GET
/upstream/v1/hosts/:host                  upstream  PUT*
/upstream/v1/hosts/:host/assignments      upstream  GET
/upstream/v1/hosts/:host/attach/:dyno     upstream  GET
/upstream/v1/hosts/:host/certificate      upstream  POST*
/upstream/v1/hosts/:host/logs             upstream  POST
/upstream/v1/hosts/:host/report           upstream  POST
/upstream/v1/slugs/:sha256                upstream  GET
/users/:user/addons                       account   GET
/users/:user/apps                         account   GET
"""

# What the parameters are; all else is "x".
PARAMS = {"app": "mine", "user": "~", "addon": "mine-db", "attachment": "mine-db", "host": "h2",
          "account": "other@example.com", "session": "~", "sha256": "0" * 64}

NO_APP = {"resource": "app", "id": "not_found", "message": "Couldn't find that app."}
PASSWORD = "correct horse"


class Row:
    def __init__(self, path, kind, method):
        self.path, self.kind, self.method = path, kind, method.rstrip("*")
        self.body = method.endswith("*")
        self.change = self.method != "GET"

    def at(self, **params):
        return re.sub(r":(\w+)", lambda m: {**PARAMS, **params}.get(m[1], "x"), self.path)

    def __repr__(self):
        return f"{self.method} {self.path}"


def rows():
    return [Row(path, kind, m) for path, kind, *methods in map(str.split, ROWS.strip().splitlines()) for m in methods]


def routes():
    text = open(os.path.join(TOP, "controller/api/api_routes.c")).read()
    return sorted(f"{m} {p}" for m, p in re.findall(r'\{\s*"([A-Z]+)",\s*"(/[^"]*)"', text))


class World:
    def __init__(self, c):
        self.c = c
        self.link = None
        for email in ("owner", "other", "friend"):
            self.root("POST", "/accounts", {"email": email + "@example.com"}, 201)
        self.root("PATCH", "/accounts/owner@example.com", {"password": PASSWORD})
        self.owner = self.token("owner", "write")
        self.reader = self.token("owner", "read")
        self.other = self.token("other", "write")
        self.friend = self.token("friend", "write")
        self.admin = self.token("friend", "admin")
        self.expired = self.token("owner", "write", expires_in=1)
        self.host = self.root("POST", "/host-tokens", {"host": "h1"}, 201)["access_token"]["token"]
        assert self.ask("POST", "/apps", self.owner, {"name": "mine"})[0] == 201
        status, addon, _ = self.ask("POST", "/apps/mine/addons", self.owner, {
            "plan": "external", "name": "mine-db", "config": {"DATABASE_URL": "postgres://secret"}})
        assert status == 201, addon
        time.sleep(1.1)

    def root(self, method, path, body=None, status=200):
        got, answer = self.c.api(method, path, body)
        assert got == status, answer
        return answer

    def token(self, who, scope, **more):
        return self.root("POST", f"/accounts/{who}@example.com/authorizations", {"scope": [scope], **more},
                         201)["access_token"]["token"]

    def ask(self, method, path, token=None, body=None, raw=None, **headers):
        """Over TCP, on one connection as long as it holds; (status, JSON, headers)."""
        head = {k.replace("_", "-"): v for k, v in headers.items()}
        if token:
            head["Authorization"] = "Bearer " + token
        data = raw if raw is not None else json.dumps(body) if body is not None else None
        if data is not None:
            head.setdefault("Content-Type", "application/json")
        for fresh in (False, True):
            if fresh or not self.link:
                self.link = http.client.HTTPConnection("127.0.0.1", self.c.port, timeout=20)
            try:
                self.link.request(method, path, data, head)
                r = self.link.getresponse()
                text = r.read()
                break
            except (http.client.HTTPException, OSError):
                assert not fresh, (method, path)
                self.link = None
        if text and "json" in r.headers["Content-Type"]:
            return r.status, json.loads(text), r.headers
        return r.status, text or None, r.headers

    def refused(self, row, status, id, token=None, path=None, **kw):
        got, answer, _ = self.ask(row.method, path or row.at(), token, **kw)
        assert isinstance(answer, dict) and (got, answer.get("id")) == (status, id), (row, path, got, answer)
        assert set(answer) - {"resource"} == {"id", "message"} and answer["message"], (row, answer)
        return answer


@pytest.fixture(scope="module")
def world():
    with Controller("rate-limit = 0\nfailed-logins = 0\n") as c:
        yield World(c)


def test_every_route_has_a_row():
    assert sorted(map(repr, rows())) == routes()


def test_without_the_right_token_nothing_is_told(world):
    for row in rows():
        for token in (None, "wrong", "x" * 5000, world.expired):
            if row.kind.isdigit():
                assert world.ask(row.method, row.at(), token)[0] == int(row.kind), row
            else:
                world.refused(row, 401, "unauthorized", token)


def test_the_app_of_another_is_not_there(world):
    for row in rows():
        if row.kind == "app":
            assert world.refused(row, 404, "not_found", world.other) == NO_APP
            assert world.refused(row, 404, "not_found", world.owner, row.at(app="unknown")) == NO_APP
            assert world.refused(row, 404, "not_found", world.other, row.at(app="unknown")) == NO_APP
        elif row.kind == "thing":
            theirs = world.refused(row, 404, "not_found", world.other)
            none = world.refused(row, 404, "not_found", world.other, row.at(addon="none", attachment="none"))
            assert theirs["message"].replace("mine-db", "none") == none["message"]
    assert world.ask("GET", "/apps", world.other)[1] == []
    assert world.ask("GET", "/users/~/apps", world.other)[1] == []
    assert world.ask("GET", "/addons", world.other)[1] == []
    assert world.ask("GET", "/users/owner@example.com/apps", world.other)[0] == 404
    assert world.ask("GET", "/audit?app=mine", world.other)[1] == NO_APP
    for what in ("addons", "addon-attachments"):
        status, answer, _ = world.ask("POST", f"/actions/{what}/resolve", world.other,
                                      {"addon": "mine-db", "addon_attachment": "mine-db", "app": "mine"})
        assert status == 404, answer
    assert [a["name"] for a in world.ask("GET", "/apps", world.owner)[1]] == ["mine"]


def test_a_token_that_only_reads_changes_nothing(world):
    for row in rows():
        if row.kind in ("account", "app", "thing", "admin") and row.change:
            world.refused(row, 403, "forbidden", world.reader)
        elif row.kind in ("app", "thing", "account"):
            status, answer, _ = world.ask(row.method, row.at(), world.reader)
            assert status in (200, 206, 404, 422), (row, answer)
            assert answer != NO_APP, row
    assert world.ask("GET", "/apps/mine/config-vars", world.reader)[0] == 200


def test_users_are_neither_admins_nor_hosts_nor_routers(world):
    for row in rows():
        if row.kind in ("admin", "upstream", "router"):
            world.refused(row, 403, "forbidden", world.owner)
        if row.kind in ("upstream", "router"):
            world.refused(row, 403, "forbidden", world.admin)


def test_a_host_is_nobody_but_itself(world):
    for row in rows():
        if row.kind.isdigit():
            continue
        if row.path == "/upstream/v1/slugs/:sha256":
            world.refused(row, 404, "not_found", world.host)
        else:
            world.refused(row, 403, "forbidden", world.host)
    # Another spelling of the path is the same route.
    for path in ("/%75pstream/v1/hosts/h2", "/upstream/v1/hosts/%682", "/upstream/v%31/hosts/h2"):
        assert world.ask("PUT", path, world.host, {})[0] == 403
        assert world.ask("PUT", path, world.owner, {})[0] == 403
    status, answer, _ = world.ask("PUT", "/upstream/v1/hosts/h1", world.host, {})
    assert (status, answer["id"]) == (422, "invalid_params")


def test_bodies_are_json_of_bounded_size(world):
    for row in rows():
        token = {"admin": world.admin, "upstream": world.host}.get(row.kind, world.owner)
        path = row.at(host="h1")
        if row.body:
            world.refused(row, 400, "bad_request", token, path, raw=b"{")
            world.refused(row, 400, "bad_request", token, path, raw=b"[]")
            world.refused(row, 400, "bad_request", token, path, raw=b"\xff\xfe")
            world.refused(row, 415, "unsupported_media_type", token, path, raw=b"a=1",
                          Content_Type="application/x-www-form-urlencoded")
        if not row.kind.isdigit() and row.path != "/logs":     # which answers as Logplex does
            world.refused(row, 403 if row.kind == "router" or path == "/upstream/v1/hosts" else 413,
                          "forbidden" if row.kind == "router" or path == "/upstream/v1/hosts" else "request_too_large",
                          token, path, raw=b"", Content_Length=str(2 << 30))


def test_headers_of_every_read(world):
    for row in rows():
        if row.change or row.kind not in ("account", "app"):
            continue
        status, answer, head = world.ask("GET", row.at(), world.owner)
        assert head["Request-Id"]
        if status != 200:
            assert "ETag" not in head, row
            continue
        tag = head["ETag"]
        assert re.match(r'"[0-9a-f]{32}"$', tag), row
        for has in (tag, "W/" + tag, '"x", ' + tag, "*"):
            status, body, again = world.ask("GET", row.at(), world.owner, If_None_Match=has)
            assert (status, body) == (304, None), (row, has)
        assert world.ask("GET", row.at(), world.owner, If_None_Match='"x"')[0] == 200
        assert world.ask("HEAD", row.at(), world.owner)[:2] == (200, None)
        world.refused(row, 406, "not_acceptable", world.owner, Accept="application/vnd.heroku+json; version=4")
        world.refused(row, 406, "not_acceptable", world.owner, Accept="text/html")
        for fine in ("application/vnd.heroku+json; version=3.sdk", "*/*", "text/html, application/json;q=0.1",
                     "application/vnd.heroku+json"):
            assert world.ask("GET", row.at(), world.owner, Accept=fine)[0] == 200
        status, _, head = world.ask("OPTIONS", row.at(), world.owner)
        assert status == 204 and "GET" in head["Allow"]


def test_a_change_can_be_bound_to_a_version(world):
    at = "/apps/mine/config-vars"
    tag = world.ask("GET", at, world.owner)[2]["ETag"]
    assert world.ask("PATCH", at, world.owner, {"A": "1"}, If_Match='"0"')[1]["id"] == "precondition_failed"
    assert world.ask("PATCH", at, world.owner, {"A": "1"}, If_Match=tag)[0] == 200
    assert world.ask("PATCH", at, world.owner, {"A": "2"}, If_Match=tag)[0] == 412
    assert world.ask("GET", at, world.owner)[1]["A"] == "1"
    assert world.ask("DELETE", "/apps/mine", world.owner, If_Match='"0"')[0] == 412
    assert world.ask("DELETE", "/apps/mine/dynos", world.owner, If_Match="*")[0] == 202


def test_a_collaborator_uses_the_app_and_cannot_give_it_away(world):
    at = "/apps/mine/collaborators"
    assert world.ask("POST", at, world.friend, {"user": "friend@example.com"})[1] == NO_APP
    assert world.ask("POST", at, world.owner, {"user": "Friend@Example.com"})[0] == 201
    assert world.ask("POST", at, world.owner, {"user": "friend@example.com"})[0] == 422
    assert world.ask("PATCH", "/apps/mine", world.friend, {"maintenance": True})[0] == 200
    for method, path, body in (("DELETE", "/apps/mine", None), ("PATCH", "/apps/mine", {"name": "stolen"}),
                               ("POST", at, {"user": "other@example.com"}),
                               ("GET", "/audit?app=mine", None)):
        assert world.ask(method, path, world.friend, body)[0] == 403, path
    owner = world.ask("GET", at, world.owner)[1][0]
    for which in ("owner@example.com", "Owner@Example.com", owner["id"], owner["user"]["id"]):
        for who in (world.owner, world.friend):
            status, answer, _ = world.ask("DELETE", f"{at}/{which}", who)
            assert (status, answer["id"]) == (403, "forbidden") and "The owner of an app cannot leave" in answer["message"]
    assert world.ask("GET", "/apps/mine", world.owner)[0] == 200
    assert world.ask("DELETE", at + "/friend@example.com", world.friend)[0] == 200
    assert world.ask("GET", "/apps/mine", world.friend)[1] == NO_APP


def test_a_slug_goes_no_further_than_its_app(world):
    slug = world.ask("POST", "/apps/mine/slugs", world.owner, {"process_types": {"web": "x"}})[1]["id"]
    assert world.ask("POST", "/apps", world.other, {"name": "theirs"})[0] == 201
    status, answer, _ = world.ask("GET", "/apps/theirs/slugs/" + slug, world.other)
    assert (status, answer["resource"]) == (404, "slug")
    status, answer, _ = world.ask("POST", "/apps/theirs/releases", world.other, {"slug": slug})
    assert (status, answer["resource"]) == (404, "slug")
    assert world.ask("GET", "/apps/mine/slugs/" + slug, world.owner)[0] == 200
    assert world.ask("DELETE", "/apps/theirs", world.other)[0] == 200


def test_a_password_buys_a_token_and_nothing_else(world):
    basic = {"Authorization": "Basic " + base64.b64encode(f"owner@example.com:{PASSWORD}".encode()).decode()}
    assert world.ask("GET", "/account", **basic)[0] == 401
    status, made, _ = world.ask("POST", "/oauth/authorizations", body={"scope": ["global"], "expires_in": 60}, **basic)
    assert (status, made["user"]["email"]) == (201, "owner@example.com")
    status, _, _ = world.ask("POST", "/oauth/authorizations", body={"scope": ["admin"]}, **basic)
    assert status == 403
    token = made["access_token"]["token"]
    assert world.ask("GET", "/account", token)[1]["email"] == "owner@example.com"
    as_git = {"Authorization": "Basic " + base64.b64encode(f"heroku:{token}".encode()).decode()}
    assert world.ask("GET", "/account", **as_git)[0] == 200
    assert world.ask("DELETE", "/oauth/sessions/~", token)[0] == 200
    assert world.ask("GET", "/account", token)[0] == 401


def test_what_is_revoked_or_suspended_ends_at_once(world):
    made = world.root("POST", "/accounts/other@example.com/authorizations", {"scope": ["write"]}, 201)
    token = made["access_token"]["token"]
    assert world.ask("GET", "/account", token)[0] == 200
    world.root("PATCH", "/accounts/other@example.com", {"suspended": True})
    status, answer, _ = world.ask("GET", "/account", token)
    assert (status, answer["id"]) == (403, "suspended")
    world.root("PATCH", "/accounts/other@example.com", {"suspended": False})
    assert world.ask("GET", "/account", token)[0] == 200
    assert world.ask("DELETE", "/oauth/authorizations/" + made["id"], world.owner)[0] == 404
    world.root("DELETE", "/oauth/authorizations/" + made["id"])
    assert world.ask("GET", "/account", token)[0] == 401


def test_the_trail_tells_who_did_what_and_no_secret(world):
    assert world.ask("PATCH", "/apps/mine/config-vars", world.owner, {"KEY": "very-secret"})[0] == 200
    trail = world.ask("GET", "/audit?app=mine&max=1", world.owner)[1]
    assert len(trail) == 1
    it = trail[0]
    assert (it["user"]["email"], it["from"], it["method"], it["route"], it["app"]["name"], it["status"], it["scope"]) == \
        ("owner@example.com", "127.0.0.1", "PATCH", "/apps/:app/config-vars", "mine", 200, "write")
    older = world.ask("GET", f"/audit?app=mine&max=5&before={it['id']}", world.owner)[1]
    assert len(older) == 5 and all(o["id"] < it["id"] for o in older)
    assert world.ask("GET", "/audit?max=0", world.admin)[0] == 422
    files = [f for f in os.listdir(world.c.root + "/var/lib/dyno/controller") if f.startswith("audit.db")]
    everything = b"".join(open(world.c.root + "/var/lib/dyno/controller/" + f, "rb").read() for f in files)
    for secret in (b"very-secret", world.owner.encode(), PASSWORD.encode()):
        assert secret not in everything


def test_tokens_and_passwords_are_not_kept(world):
    db = sqlite3.connect(f"file:{world.c.root}/var/lib/dyno/controller/state.db?mode=ro", uri=True)
    text = "\n".join(str(row) for table, in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
                     for row in db.execute(f"SELECT * FROM {table}"))
    db.close()
    assert "owner@example.com" in text
    for secret in (world.owner, world.reader, world.host, PASSWORD):
        assert secret not in text


def test_accounts_have_so_many_requests_and_addresses_so_many_failures():
    with Controller("rate-limit = 100\nfailed-logins = 5\n") as c:
        world = World(c)
        left = [int(world.ask("GET", "/account", world.friend)[2]["RateLimit-Remaining"]) for _ in range(3)]
        assert left == [99, 98, 97]
        seen = [world.ask("GET", "/stacks", world.friend) for _ in range(99)]
        status, answer, head = seen[-1]
        assert (status, answer["id"]) == (429, "rate_limit") and 1 <= int(head["Retry-After"]) <= 36
        assert head["RateLimit-Remaining"] == "0"
        assert world.ask("GET", "/account", world.other)[0] == 200
        assert c.api("GET", "/account")[0] == 200
        codes = [world.ask("GET", "/account", "wrong")[0] for _ in range(8)]
        assert codes == [401] * 5 + [429] * 3
        assert world.ask("GET", "/account", world.owner)[0] == 200


def test_strangers_who_guess_passwords_do_not_keep_others_waiting():
    """A password takes a tenth of a second and more to check; every address may try 30 a minute."""
    with Controller() as c:
        codes, slowest = [], 0
        for i in range(60):
            link = http.client.HTTPConnection("127.0.0.1", c.port, timeout=20, source_address=(f"127.0.9.{i + 1}", 0))
            who = base64.b64encode(f"{i}@example.com:guess".encode()).decode()
            link.request("POST", "/oauth/authorizations", "{}", {"Authorization": "Basic " + who})
            before = time.monotonic()
            assert c.api("GET", "/account")[0] == 200
            slowest = max(slowest, time.monotonic() - before)
            answer = link.getresponse()
            codes.append(answer.status)
            assert answer.status == 401 or 1 <= int(answer.headers["Retry-After"]) <= 3
            link.close()
        assert set(codes) == {401, 429} and codes.count(401) <= 10, codes
        assert slowest < 3
