"""What a request says is done or refused, never half understood."""
import os
import urllib.parse

import pytest

from controller import Controller


@pytest.fixture(scope="module")
def ctl():
    with Controller() as c:
        c.app("one")
        yield c


KINDS = {
    "/apps/one/dynos": {"command": 5, "type": 5, "size": 5, "attach": "yes", "force_no_tty": 1, "time_to_live": "60"},
    "/apps/one/log-sessions": {"lines": "5", "tail": "yes", "source": 1, "dyno": 1, "dyno_name": [], "type": {}},
    "/apps/one/releases": {"slug": 5, "release": {}, "description": 5},
}


@pytest.mark.parametrize("path, member", [(p, m) for p, members in KINDS.items() for m in members])
def test_a_member_of_another_kind_is_refused_by_name(ctl, path, member):
    right = {"command": "true"} if path.endswith("dynos") else {}
    status, answer = ctl.api("POST", path, {**right, member: KINDS[path][member]})
    assert (status, answer["id"]) == (422, "invalid_params") and answer["message"].startswith(f"{member} must be ")
    assert ctl.api("GET", "/apps/one/dynos")[1] == []


def test_a_time_to_live_of_nothing_is_refused(ctl):
    for seconds in (0, -1, 86401):
        status, answer = ctl.api("POST", "/apps/one/dynos", {"command": "true", "time_to_live": seconds})
        assert status == 422 and "time_to_live" in answer["message"]


def test_null_is_as_good_as_nothing(ctl):
    status, answer = ctl.api("POST", "/apps/one/log-sessions", {"lines": None, "tail": None, "dyno": None})
    assert status == 201 and "lines=100&tail=0&dyno=&" in answer["logplex_url"]


def test_a_description_is_one_line_of_limited_length(ctl):
    for text in ("two\nlines", "x" * 1001):
        status, answer = ctl.api("POST", "/apps/one/releases", {"slug": "x", "description": text})
        assert status == 422 and "description" in answer["message"]


def test_a_command_of_two_lines_makes_one_line_of_the_log(ctl):
    ctl.app("two")
    assert ctl.api("POST", "/apps/two/dynos", {"command": "echo a\n2026 app[web.1]: forged"})[0] == 201
    session = ctl.api("POST", "/apps/two/log-sessions", {})[1]["logplex_url"]
    lines = ctl.curl(session[session.index("/log-streams"):]).body.decode().splitlines()
    assert lines[-1].endswith(" app[api]: Starting process with command `echo a 2026 app[web.1]: forged` "
                              "by user owner@localhost")
    assert all("+00:00 app[api]: " in line for line in lines)


def test_a_null_character_is_told_in_our_words(ctl):
    r = ctl.curl("/apps", "--unix-socket", ctl.socket, "-H", "Content-Type: application/json", "-d", '{"name":"a\\u0000b"}')
    assert r.status == 400 and r.json()["message"].endswith("there is a null character in a string.")


ABSENT = {
    "/accounts/nobody@example.com": "account (nobody@example.com)",
    "/users/nobody@example.com/apps": "account (nobody@example.com)",
    "/apps/one/collaborators/nobody@example.com": "collaborator (nobody@example.com)",
    "/oauth/authorizations/nothing": "token (nothing)",
    "DELETE /oauth/authorizations/~": "token (~)",
    "DELETE /oauth/sessions/~": "session (~)",
    "/apps/one/log-drains/nothing": "log drain (nothing)",
    "/apps/one/releases/v99": "release (v99)",
    "/apps/one/dynos/web.9": "dyno (web.9)",
    "/apps/one/formation/clock": "process type (clock)",
    "/apps/one/slugs/nothing": "slug (nothing)",
    "/apps/one/domains/a.example.com": "domain name (a.example.com)",
    "/apps/one/webhooks/nothing": "webhook (nothing)",
    "/apps/one/features/nothing": "feature (nothing)",
    "/apps/one/addons/nothing": "add-on (nothing)",
    "/apps/one/pipeline-couplings": "resource (/apps/one/pipeline-couplings)",
}


@pytest.mark.parametrize("path", ABSENT)
def test_what_is_not_there_is_named(ctl, path):
    *method, path_only = path.split()
    status, answer = ctl.api(method[0] if method else "GET", path_only)
    assert (status, answer["id"], answer["message"]) == (404, "not_found", f"Couldn't find that {ABSENT[path]}.")


def test_a_name_that_is_cut_is_still_text(ctl):
    name = urllib.parse.quote("a" * 99 + "ä" * 9)
    status, answer = ctl.api("GET", f"/apps/one/collaborators/{name}")
    assert status == 404 and answer["message"].startswith("Couldn't find that collaborator (aaa")


def test_a_web_url_has_the_port_of_the_router(ctl):
    def web_url():
        return ctl.api("GET", "/apps/one")[1]["web_url"]
    router = ctl.root + "/run/dyno/router"
    os.makedirs(router, exist_ok=True)
    for text, port in (("8080\n", ":8080"), ("80\n", ""), ("junk\n", ""), ("70000\n", ""), ("1" * 20, "")):
        with open(router + "/port", "w") as f:
            f.write(text)
        assert web_url() == f"http://one.localhost{port}/"
    with open(router + "/port", "w") as f:
        f.write("443\n")
    assert web_url() == "https://one.localhost/"
    os.unlink(router + "/port")
    assert web_url() == "http://one.localhost/"


@pytest.mark.parametrize("port, url", [(443, "https://one.example.com/"), (81, "http://one.example.com:81/")])
def test_the_port_of_a_proxy_goes_before_that_of_the_router(port, url):
    with Controller(f"domain = example.com\nweb-port = {port}\n") as c:
        os.makedirs(c.root + "/run/dyno/router", exist_ok=True)
        with open(c.root + "/run/dyno/router/port", "w") as f:
            f.write("8080\n")
        c.app("one")
        assert c.api("GET", "/apps/one")[1]["web_url"] == url


def test_a_log_session_of_no_lines_has_none(ctl):
    for accept in ("text/plain", "text/event-stream"):
        url = ctl.api("POST", "/apps/one/log-sessions", {"lines": 0})[1]["logplex_url"]
        r = ctl.curl(url[url.index("/log-streams"):], "-H", f"Accept: {accept}")
        assert r.status == 200 and b"app[api]" not in r.body and b"data:" not in r.body, r


LISTS = ("/apps/many/dynos", "/apps/many/releases", "/apps/many/collaborators", "/apps/many/features", "/dyno-sizes",
         "/oauth/authorizations", "/apps")


@pytest.fixture(scope="module")
def many(ctl):
    """An app with some of everything."""
    ctl.app("many")
    for i in range(3):
        assert ctl.api("POST", "/apps/many/dynos", {"command": "true"})[0] == 201
        assert ctl.api("POST", "/accounts", {"email": f"u{i}@example.com"})[0] == 201
        assert ctl.api("POST", "/apps/many/collaborators", {"user": f"u{i}@example.com"})[0] == 201
        assert ctl.api("POST", "/oauth/authorizations", {"description": str(i)})[0] == 201
    return ctl


@pytest.mark.parametrize("path", LISTS)
def test_a_list_comes_by_pages(many, path):
    whole = many.api("GET", path)[1]
    order, found = "id ..; max=1", []
    while order:
        r = many.curl(path, "--unix-socket", many.socket, "-H", f"Range: {order}")
        order = r.headers.get("next-range")
        assert r.status == (206 if order else 200) and len(r.json()) == 1, r
        assert r.headers["content-range"] == f"id {r.json()[0]['id']}..{r.json()[-1]['id']}"
        found += [it["id"] for it in r.json()]
    assert len(whole) > 1 and found == sorted(it["id"] for it in whole)


@pytest.mark.parametrize("more", ("", ", order=desc"))
def test_pages_by_time_leave_out_nothing(many, more):
    url, order, found = "/apps/many/log-drains", f"created_at ..; max=2{more}", []
    while len(many.api("GET", url)[1]) < 5:
        assert many.api("POST", url, {"url": f"https://example.com/{os.urandom(4).hex()}"})[0] == 201
    while order:
        r = many.curl(url, "--unix-socket", many.socket, "-H", f"Range: {order}")
        order = r.headers.get("next-range")
        assert r.status == (206 if order else 200) and len(r.json()) <= 2, r
        found += r.json()
    assert len(found) == 5
    assert found == sorted(found, key=lambda it: (it["created_at"], it["id"]), reverse=bool(more))


def test_allow_names_head(ctl):
    r = ctl.curl("/apps/one", "--unix-socket", ctl.socket, "-X", "OPTIONS")
    assert (r.status, r.headers["allow"]) == (204, "GET, HEAD, PATCH, DELETE")
