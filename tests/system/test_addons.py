"""Add-ons: external resources whose values are config vars while they are attached."""
from controller import Controller


def create(c, app, plan, **more):
    return c.api("POST", f"/apps/{app}/addons", {"plan": plan, **more})


def config(c, app):
    return c.api("GET", f"/apps/{app}/config-vars")[1]


def newest(c, app):
    return c.api("GET", f"/apps/{app}/releases")[1][-1]["description"]


def test_values_are_config_vars_as_long_as_they_are_attached():
    with Controller() as c:
        c.app("shop")
        assert c.api("PATCH", "/apps/shop/config-vars", {"OWN": "1"})[0] == 200
        status, a = create(c, "shop", "postgresql", name="pg", attachment={"name": "DATABASE"},
                           config={"url": "postgres://secret-db", "pool": 5})
        assert (status, a["name"], a["plan"]["name"]) == (201, "pg", "postgresql:external")
        assert newest(c, "shop") == "Attach DATABASE (@ref:pg)"
        assert config(c, "shop") == {"OWN": "1", "DATABASE_URL": "postgres://secret-db", "DATABASE_POOL": "5"}

        status, at = c.api("POST", "/addon-attachments", {"addon": "pg", "app": "shop", "name": "REPORTS"})
        assert status == 201 and config(c, "shop")["REPORTS_URL"] == "postgres://secret-db"
        status, values = c.api("PATCH", "/addons/pg/config", {"config": [
            {"name": "url", "value": "postgres://other"}, {"name": "POOL", "value": None}]})
        assert (status, values) == (200, [{"name": "URL", "value": "postgres://other"}])
        assert config(c, "shop") == {"OWN": "1", "DATABASE_URL": "postgres://other", "REPORTS_URL": "postgres://other"}
        assert newest(c, "shop") == "Update postgresql (@ref:pg)"

        status, e = c.api("PATCH", "/apps/shop/config-vars", {"DATABASE_URL": "mine"})
        assert (status, e["message"]) == (422, "Cannot overwrite attachment values DATABASE_URL.")
        assert c.api("PATCH", "/apps/shop/config-vars", {"DATABASE_URL": None})[0] == 422
        assert c.api("DELETE", "/addon-attachments/" + at["id"])[0] == 200
        assert newest(c, "shop") == "Detach REPORTS (@ref:pg)"
        last = c.api("GET", "/apps/shop/addon-attachments")[1]
        assert [x["name"] for x in last] == ["DATABASE"]
        assert c.api("DELETE", "/addon-attachments/" + last[0]["id"])[0] == 422

        c.kill()
        text = b"".join(open(f"{c.root}/var/lib/dyno/controller/{n}", "rb").read() for n in ("state.db", "state.db-wal"))
        assert b"postgres://" not in text
        c.start()
        assert config(c, "shop") == {"OWN": "1", "DATABASE_URL": "postgres://other"}
        assert c.api("DELETE", "/apps/shop/addons/pg")[0] == 200
        assert newest(c, "shop") == "Detach DATABASE (@ref:pg)"
        assert config(c, "shop") == {"OWN": "1"}
        assert c.api("GET", "/addons/pg")[0] == 404


def test_names_are_unique_and_free_when_the_app_is_gone():
    with Controller() as c:
        c.app("shop")
        c.app("other")
        url = {"url": "redis://r"}
        assert create(c, "shop", "redis", name="cache", config=url)[0] == 201
        assert create(c, "other", "redis", name="cache", config=url)[0] == 422
        assert create(c, "shop", "redis", config=url)[0] == 422  # REDIS is attached
        status, a = create(c, "shop", "heroku-redis:mini", attachment={"name": "SECOND"}, config=url)
        assert status == 201 and a["name"].startswith("heroku-redis-")
        assert c.api("POST", "/addon-attachments", {"addon": "cache", "app": "other"})[0] == 422
        assert c.api("PATCH", "/apps/other/config-vars", {"REDIS_URL": "x"})[0] == 200
        assert create(c, "other", "redis", config=url)[0] == 422
        for wrong in ({"plan": "No"}, {"plan": "a:"}, {"plan": None}, {"config": {}}, {"config": {"a b": "1"}},
                      {"config": {"url": {}}}, {"attachment": {"name": "lower"}}, {"attachment": {"name": "HEROKU_X"}},
                      {"name": "1x"}, {"name": "a/b"}):
            assert c.api("POST", "/apps/other/addons", {"plan": "p", "config": url, **wrong})[0] == 422, wrong
        assert c.api("DELETE", "/apps/shop")[0] == 200
        assert c.api("GET", "/addons") == (200, [])
        assert create(c, "other", "memo", name="cache", config=url)[0] == 201
