"""Requests and answers against the published schema of the Platform API.

Each route that the controller serves and the schema knows has a row below, in the
order in which they are asked; a row that is missing fails the test. An object of the
schema has all members that it names, and no others but those of EXTRA."""
import copy
import json
import os
import re

import jsonschema
import pytest

from controller import Controller
from fake_host import FakeHost
from harness import TOP, slug, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))

# What we say of our own beside the schema's members.
EXTRA = {"dyno": {"address", "port", "exit_status", "error", "trace"}, "release": {"failure"},
         "oauth-authorization": {"host", "expires_at", "used_at"}, "app-webhook-delivery": {"seq"}}

# Where the schema describes Heroku's place and not the form: paths to what is left out.
ELSEWHERE = [
    ("app", "definitions", "git_url", "pattern"),       # https://git.heroku.com/...
    ("app", "definitions", "web_url", "pattern"),       # https://NAME.herokuapp.com/
    ("region", "definitions", "provider", "properties", "region", "enum"),  # regions of a cloud
]


def load():
    schema = json.load(open(HERE + "/platform-api-schema.json"))
    for path in ELSEWHERE:
        at = schema["definitions"]
        for name in path[:-1]:
            at = at[name]
        del at[path[-1]]
    for name, definition in schema["definitions"].items():
        strict(definition, EXTRA.get(name, set()))
    return schema


def strict(at, extra=frozenset()):
    """strictProperties: the members that are named, all of them."""
    if isinstance(at, dict):
        if at.get("strictProperties") and "properties" in at:
            at["required"] = sorted(at["properties"])
            names = sorted(set(at["properties"]) | set(extra))
            at["additionalProperties"] = False
            at["properties"] = {n: at["properties"].get(n, {}) for n in names}
        for value in at.values():
            strict(value)
    elif isinstance(at, list):
        for value in at:
            strict(value)


SCHEMA = load()


def shape(method, path):
    """Routes and links by one key: "GET /apps/{}/dynos"."""
    return method + " " + re.sub(r"\{[^}]*\}|:\w+", "{}", path)


def links():
    found = {}
    for name, definition in SCHEMA["definitions"].items():
        for link in definition.get("links", []):
            found.setdefault(shape(link["method"], link["href"]), []).append(link)
    return found


LINKS = links()


def routes():
    """The controller's table, as it stands in the source."""
    text = open(os.path.join(TOP, "controller/api/api_routes.c")).read()
    found = re.findall(r'\{\s*"([A-Z]+)",\s*"(/[^"]*)"', text)
    assert len(found) > 60
    return [shape(*route) for route in found]


def check(schema, value, what):
    """All that is wrong, in one failure."""
    resolver = jsonschema.RefResolver("", SCHEMA)
    checker = jsonschema.Draft4Validator(schema, resolver=resolver, format_checker=FORMATS)
    wrong = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in checker.iter_errors(value)]
    assert not wrong, f"{what}:\n" + "\n".join(wrong)


FORMATS = jsonschema.FormatChecker(formats=())
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


@FORMATS.checks("uuid")
def is_uuid(value):
    return not isinstance(value, str) or bool(UUID.match(value))


@FORMATS.checks("date-time")
def is_time(value):
    return not isinstance(value, str) or bool(TIME.match(value))


class World:
    """One controller with a host on which all is up, and what the rows keep."""

    def __init__(self, controller):
        self.c = controller
        self.host = FakeHost(controller)
        self.asked = set()
        self.kept = {}

    def ask(self, method, href, path, body=None, status=None, title=None, cli=False):
        """One row. href: the route; path: this request's. cli: the body is what the heroku command sends,
        which differs from the schema. A status of 400 and more: refused, in the form of an error."""
        key = shape(method, href)
        found = [l for l in LINKS[key] if title in (None, l["title"])]
        assert found, f"{key}: no link {title}"
        link = found[0]
        if body is not None and not cli and not status and "schema" in link:
            check(request_of(link), body, "body of " + key)
        got, answer = self.c.api(method, path, body)
        self.asked.add(key)
        if status and status >= 400:
            assert got == status, (key, got, answer)
            assert set(answer) - {"resource"} == {"id", "message"}, answer
            return answer
        wanted = {"create": 201, "empty": 202}.get(link["rel"], 200)
        assert got == (status or wanted), (key, got, answer)
        if "targetSchema" in link:
            target = link["targetSchema"]
        else:
            target = {"type": "object"}
        check(target, answer, f"{method} {path}")
        return answer


def request_of(link):
    body = copy.deepcopy(link["schema"])
    if "properties" in body:
        body["additionalProperties"] = False
    return body


@pytest.fixture(scope="module")
def world():
    with Controller() as c:
        yield World(c)


def test_every_answer_has_the_form_of_the_schema(world):
    ask = world.ask
    account_rows(ask)
    assert world.c.api("POST", "/accounts", {"email": "friend@example.com"})[0] == 201
    app_rows(ask)
    release_rows(world)
    formation_rows(world)
    noun_rows(ask)
    ask("DELETE", "/apps/:app", "/apps/one")
    missing = sorted(key for key in set(routes()) & set(LINKS) if key not in world.asked)
    assert not missing, f"no row for {missing}"


def account_rows(ask):
    ask("GET", "/account", "/account")
    ask("PATCH", "/account", "/account", {"name": "Ann"})
    ask("GET", "/account/rate-limits", "/account/rate-limits")
    made = ask("POST", "/oauth/authorizations", "/oauth/authorizations",
               {"scope": ["global"], "description": "a laptop", "expires_in": 3600})
    assert made["access_token"]["token"] and made["access_token"]["expires_in"] > 3000
    assert [t["id"] for t in ask("GET", "/oauth/authorizations", "/oauth/authorizations")] == [made["id"]]
    for which in ("~", made["id"]):
        ask("GET", "/oauth/authorizations/:authorization", "/oauth/authorizations/" + which)
    ask("DELETE", "/oauth/authorizations/:authorization", "/oauth/authorizations/" + made["id"])
    ask("GET", "/oauth/authorizations/:authorization", "/oauth/authorizations/" + made["id"], status=404)
    ask("GET", "/account/features", "/account/features")
    ask("GET", "/account/features/:feature", "/account/features/x", status=404)
    for noun in ("stack", "region", "dyno-size"):
        all_ = ask("GET", f"/{noun}s", f"/{noun}s")
        for one in all_:
            for which in (one["name"], one["id"]):
                assert ask("GET", f"/{noun}s/:x", f"/{noun}s/{which}") == one
        ask("GET", f"/{noun}s/:x", f"/{noun}s/nonsense", status=404)
    ask("GET", "/teams", "/teams")
    ask("GET", "/enterprise-accounts", "/enterprise-accounts")
    ask("GET", "/pipelines", "/pipelines")


def app_rows(ask):
    one = ask("POST", "/apps", "/apps", {"name": "one", "region": "local", "stack": "host"})
    assert (one["name"], one["maintenance"], one["stack"]["name"]) == ("one", False, "host")
    by_id = ask("POST", "/apps", "/apps", {"region": one["region"]["id"], "stack": one["stack"]["id"]})
    assert ask("DELETE", "/apps/:app", "/apps/" + by_id["id"])["name"] == by_id["name"]
    for wrong in ({"region": "us"}, {"stack": "heroku-24"}, {"name": "one"}, {"name": "No"}, {"name": 7},
                  {"team": "t"}, {"space": "s"}):
        ask("POST", "/apps", "/apps", wrong, status=422)
    for which in ("one", one["id"]):
        assert ask("GET", "/apps/:app", "/apps/" + which)["id"] == one["id"]
    ask("GET", "/apps", "/apps")
    ask("GET", "/users/:user/apps", "/users/~/apps")
    assert ask("PATCH", "/apps/:app", "/apps/one", {"maintenance": True})["maintenance"] is True
    ask("PATCH", "/apps/:app", "/apps/one", {"maintenance": False, "build_stack": "host"})
    ask("PATCH", "/apps/:app", "/apps/one", {"build_stack": "heroku-24"}, status=422)
    assert ask("PATCH", "/apps/:app", "/apps/one", {"name": "other"})["name"] == "other"
    ask("GET", "/apps/:app", "/apps/one", status=404)
    ask("PATCH", "/apps/:app", "/apps/other", {"name": "one"})
    ask("GET", "/apps/:app/available-stacks", "/apps/one/available-stacks")
    ask("GET", "/apps/:app/available-dyno-sizes", "/apps/one/available-dyno-sizes")
    ask("GET", "/apps/:app/pipeline-couplings", "/apps/one/pipeline-couplings", status=404)
    ask("POST", "/apps/:app/collaborators", "/apps/one/collaborators", {"user": "nobody@example.com"}, status=404)
    friend = ask("POST", "/apps/:app/collaborators", "/apps/one/collaborators", {"user": "friend@example.com"})
    for which in (friend["id"], friend["user"]["id"], friend["user"]["email"], "owner@localhost"):
        ask("GET", "/apps/:app/collaborators/:collaborator", "/apps/one/collaborators/" + which)
    assert [x["role"] for x in ask("GET", "/apps/:app/collaborators", "/apps/one/collaborators")] == ["owner", "collaborator"]
    ask("DELETE", "/apps/:app/collaborators/:collaborator", "/apps/one/collaborators/friend@example.com")


def release_rows(world):
    ask, c = world.ask, world.c
    made = ask("POST", "/apps/:app/slugs", "/apps/one/slugs", {
        "process_types": {"web": "run web", "worker": "run worker"}, "commit": "60883d9e8947a57e04dc9124f25df004866a2051",
        "commit_description": "fixed a bug", "stack": "host"})
    assert c.put(made["blob"]["url"].split(str(c.port), 1)[1], slug({"app/x": "x"})).status == 200
    ask("GET", "/apps/:app/slugs/:slug", "/apps/one/slugs/" + made["id"])
    assert ask("PATCH", "/apps/:app/config-vars", "/apps/one/config-vars", {"A": "1", "B": "2"}) == {"A": "1", "B": "2"}
    assert ask("PATCH", "/apps/:app/config-vars", "/apps/one/config-vars", {"B": None}) == {"A": "1"}
    ask("GET", "/apps/:app/config-vars", "/apps/one/config-vars")
    r = ask("POST", "/apps/:app/releases", "/apps/one/releases", {"slug": made["id"], "description": "Deploy it"},
            title="Create")
    assert r["current"] is True and r["slug"]["id"] == made["id"]
    back = ask("POST", "/apps/:app/releases", "/apps/one/releases", {"release": r["id"]}, title="Rollback")
    for which in (str(back["version"]), back["id"], "current"):
        assert ask("GET", "/apps/:app/releases/:release", "/apps/one/releases/" + which)["id"] == back["id"]
    assert len(ask("GET", "/apps/:app/releases", "/apps/one/releases")) == back["version"]
    ask("GET", "/apps/:app/releases/:release/config-vars", f"/apps/one/releases/{r['version']}/config-vars")


def formation_rows(world):
    ask = world.ask
    world.host.report("up")
    assert len(ask("GET", "/apps/:app/formation", "/apps/one/formation")) == 2
    web = ask("GET", "/apps/:app/formation/:type", "/apps/one/formation/web")
    assert ask("GET", "/apps/:app/formation/:type", "/apps/one/formation/" + web["id"]) == web
    ask("PATCH", "/apps/:app/formation", "/apps/one/formation", {"updates": [
        {"type": "web", "quantity": 2, "dyno_size": {"name": "standard-1x"}}, {"type": "worker", "quantity": 1}]})
    for item in ({"quantity": "3"}, {"quantity": "+1"}, {"quantity": "-2"}, {"size": "standard-2X"},
                 {"quantity": "2", "size": "basic"}):
        ask("PATCH", "/apps/:app/formation", "/apps/one/formation", {"updates": [{"type": "web", **item}]}, cli=True)
    one = ask("PATCH", "/apps/:app/formation/:type", "/apps/one/formation/web", {
        "quantity": 2, "dyno_size": {"name": "standard-2x"}})
    assert (one["quantity"], one["size"], one["dyno_size"]["name"]) == (2, "Standard-2X", "Standard-2X")
    world.host.report("up")

    dynos = ask("GET", "/apps/:app/dynos", "/apps/one/dynos")
    assert sorted(d["name"] for d in dynos) == ["web.1", "web.2", "worker.1"]
    assert {d["state"] for d in dynos} == {"up"}
    run = ask("POST", "/apps/:app/dynos", "/apps/one/dynos", {
        "attach": True, "command": "bash", "env": {"COLUMNS": "80", "LINES": "24"}, "force_no_tty": None,
        "size": "standard-1X", "type": "run", "time_to_live": 1800})
    assert run["attach_url"].startswith("rendezvous://")
    ask("POST", "/apps/:app/dynos", "/apps/one/dynos", {
        "attach": True, "command": "bash ; echo \"\uffff heroku-command-exit-status: $?\"",
        "env": {"TERM": "xterm", "COLUMNS": 80, "LINES": 24}}, cli=True)
    ask("POST", "/apps/:app/dynos", "/apps/one/dynos", {"attach": False, "command": "true"})
    world.host.report("up")
    for which in ("web.1", run["id"], run["name"]):
        ask("GET", "/apps/:app/dynos/:dyno", "/apps/one/dynos/" + which)
    inside = ask("POST", "/apps/:app/dynos/:dyno", "/apps/one/dynos/web.1", {
        "command": "bash", "env": {"TERM": "xterm", "COLUMNS": 80, "LINES": 24}}, cli=True)
    assert inside["attach_url"].startswith("rendezvous://")
    ask("DELETE", "/apps/:app/dynos/:dyno", "/apps/one/dynos/web.1")
    ask("POST", "/apps/:app/dynos/:dyno/actions/stop", f"/apps/one/dynos/{run['name']}/actions/stop")
    ask("POST", "/apps/:app/formations/:type/actions/stop", "/apps/one/formations/worker/actions/stop")
    ask("DELETE", "/apps/:app/formations/:type", "/apps/one/formations/web")
    ask("DELETE", "/apps/:app/dynos", "/apps/one/dynos")
    for body in ({"lines": 10, "tail": False, "source": "app", "dyno": "web.1"}, {}):
        ask("POST", "/apps/:app/log-sessions", "/apps/one/log-sessions", body)
    ask("POST", "/apps/:app/log-sessions", "/apps/one/log-sessions", {"dyno": "run.1", "tail": True}, cli=True)
    drain = ask("POST", "/apps/:app/log-drains", "/apps/one/log-drains", {"url": "https://logs.example.com/x?y=1"})
    assert ask("GET", "/apps/:app/log-drains", "/apps/one/log-drains") == [drain]
    for which in (drain["id"], drain["token"], "https%3A%2F%2Flogs.example.com%2Fx%3Fy%3D1"):
        assert ask("GET", "/apps/:app/log-drains/:drain", "/apps/one/log-drains/" + which) == drain
    ask("DELETE", "/apps/:app/log-drains/:drain", "/apps/one/log-drains/https%3A%2F%2Flogs.example.com%2Fx%3Fy%3D1")


def noun_rows(ask):
    for f in ask("GET", "/apps/:app/features", "/apps/one/features"):
        assert ask("GET", "/apps/:app/features/:feature", "/apps/one/features/" + f["name"]) == f
    on = ask("PATCH", "/apps/:app/features/:feature", "/apps/one/features/preboot", {"enabled": True})
    assert on["enabled"] is True

    d = ask("POST", "/apps/:app/domains", "/apps/one/domains", {"hostname": "www.example.com", "sni_endpoint": None})
    assert len(ask("GET", "/apps/:app/domains", "/apps/one/domains")) == 2
    for which in (d["id"], "www.example.com", "one.localhost"):
        ask("GET", "/apps/:app/domains/:domain", "/apps/one/domains/" + which)
    ask("PATCH", "/apps/:app/domains/:domain", "/apps/one/domains/" + d["id"], {"sni_endpoint": None})
    ask("DELETE", "/apps/:app/domains/:domain", "/apps/one/domains/www.example.com")

    urls = ["https://github.com/heroku/heroku-buildpack-ruby", "heroku/nodejs"]
    put = ask("PUT", "/apps/:app/buildpack-installations", "/apps/one/buildpack-installations",
              {"updates": [{"buildpack": u} for u in urls]})
    assert [b["buildpack"]["url"] for b in put] == urls and put[0]["buildpack"]["name"] == "heroku/ruby"
    assert ask("GET", "/apps/:app/buildpack-installations", "/apps/one/buildpack-installations") == put
    ask("PUT", "/apps/:app/buildpack-installations", "/apps/one/buildpack-installations", {"updates": [{}]}, status=422)

    assert ask("GET", "/apps/:app/sni-endpoints", "/apps/one/sni-endpoints") == []
    ask("GET", "/apps/:app/sni-endpoints/:endpoint", "/apps/one/sni-endpoints/x", status=404)
    ask("POST", "/apps/:app/sni-endpoints", "/apps/one/sni-endpoints",
        {"certificate_chain": "-----BEGIN", "private_key": "-----BEGIN"}, status=422)
    addon_rows(ask)

    hook = ask("POST", "/apps/:app/webhooks", "/apps/one/webhooks", {
        "include": ["api:domain"], "level": "notify", "url": "http://127.0.0.1:9/hook", "secret": None,
        "authorization": None})
    one = f"/apps/one/webhooks/{hook['id']}"
    assert ask("GET", "/apps/:app/webhooks/:webhook", one) == hook
    assert ask("GET", "/apps/:app/webhooks", "/apps/one/webhooks") == [hook]
    ask("POST", "/apps/:app/domains", "/apps/one/domains", {"hostname": "a.example", "sni_endpoint": None})
    wait_for("an attempt", lambda: [d for d in ask("GET", "/apps/:app/webhook-deliveries", "/apps/one/webhook-deliveries")
                                    if d["status"] == "failed"])
    for what, noun in (("events", "event"), ("deliveries", "delivery")):
        for it in ask("GET", f"/apps/:app/webhook-{what}", f"/apps/one/webhook-{what}"):
            assert ask("GET", f"/apps/:app/webhook-{what}/:{noun}", f"/apps/one/webhook-{what}/{it['id']}") == it
    ask("PATCH", "/apps/:app/webhooks/:webhook", one, {"level": "sync", "include": ["api:app", "api:dyno"]})
    ask("DELETE", "/apps/:app/webhooks/:webhook", one)


def addon_rows(ask):
    a = ask("POST", "/apps/:app/addons", "/apps/one/addons", {
        "plan": "postgresql:external", "name": "pg-main", "attachment": {"name": "DATABASE"},
        "config": {"url": "postgres://db"}})
    assert a["config_vars"] == ["DATABASE_URL"]
    ask("POST", "/apps/:app/addons", "/apps/one/addons", {
        "plan": {"name": "redis"}, "attachment": {}, "config": {"url": "redis://r"}}, cli=True)
    ask("POST", "/apps/:app/addons", "/apps/one/addons", {"plan": "postgresql"}, status=422)
    for path in ("/apps/one/addons", "/addons", "/users/~/addons"):
        href = path.replace("one", ":app").replace("~", ":user")
        assert a in ask("GET", href, path)
    for path in ("/apps/one/addons/", "/addons/"):
        for which in (a["id"], "pg-main"):
            assert ask("GET", path.replace("one", ":app") + ":addon", path + which) == a
    ask("GET", "/addons/:addon", "/addons/nonsense", status=404)
    assert ask("GET", "/addons/:addon/config", "/addons/pg-main/config") == [{"name": "URL", "value": "postgres://db"}]
    ask("PATCH", "/addons/:addon/config", "/addons/pg-main/config", {"config": [{"name": "URL", "value": "postgres://new"}]})
    assert ask("POST", "/actions/addons/resolve", "/actions/addons/resolve", {"addon": "pg-main", "app": "one"}) != []

    at = ask("POST", "/addon-attachments", "/addon-attachments", {"addon": "pg-main", "app": "one", "name": "COPY"})
    for path in ("/addon-attachments", "/apps/one/addon-attachments", "/addons/pg-main/addon-attachments"):
        assert at in ask("GET", path.replace("one", ":app").replace("pg-main", ":addon"), path)
    for which in (at["id"], "COPY"):
        assert ask("GET", "/apps/:app/addon-attachments/:x", "/apps/one/addon-attachments/" + which) == at
    assert ask("GET", "/addon-attachments/:x", "/addon-attachments/" + at["id"]) == at
    assert ask("POST", "/actions/addon-attachments/resolve", "/actions/addon-attachments/resolve",
               {"addon_attachment": "COPY", "app": "one"}) == [at]
    ask("DELETE", "/addon-attachments/:x", "/addon-attachments/" + at["id"])
    ask("DELETE", "/apps/:app/addons/:addon", "/apps/one/addons/pg-main")


def test_the_check_itself_can_fail():
    with pytest.raises(AssertionError):
        check(SCHEMA["definitions"]["stack"], {"name": "host"}, "a stack")
    with pytest.raises(AssertionError):
        check({"$ref": "#/definitions/app/definitions/id"}, "one", "an id")
