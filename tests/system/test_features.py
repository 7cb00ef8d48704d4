"""Features of an app: switches with a line in the log, and what they switch."""
from controller import Controller
from fake_host import FakeHost
from harness import slug


def feature(c, app, name, **body):
    return c.api("PATCH" if body else "GET", f"/apps/{app}/features/{name}", body or None)


def test_a_feature_is_off_until_it_is_switched_on():
    with Controller() as c:
        c.app("plain")
        status, all_ = c.api("GET", "/apps/plain/features")
        assert status == 200 and {f["name"] for f in all_} >= {"log-runtime-metrics", "preboot"}
        assert not any(f["enabled"] for f in all_)
        status, f = feature(c, "plain", "preboot", enabled=True)
        assert (status, f["name"], f["enabled"]) == (200, "preboot", True)
        assert feature(c, "plain", f["id"]) == (200, f)
        assert feature(c, "plain", "preboot", enabled="yes")[0] == 422
        assert feature(c, "plain", "nonsense")[0] == 404
        assert c.api("GET", "/account/features/preboot")[0] == 404  # then "labs" asks the app
        c.kill()
        c.start()
        assert feature(c, "plain", "preboot") == (200, f)
        assert feature(c, "plain", "preboot", enabled=False)[1]["enabled"] is False

        status, s = c.api("POST", "/apps/plain/log-sessions", {"lines": 100})
        path = s["logplex_url"].split("/", 3)[3]
        text = c.curl("/" + path).body.decode()
        assert "app[api]: Enable feature preboot by user" in text
        assert "app[api]: Disable feature preboot by user" in text


def test_hosts_are_told_whose_metrics_are_logged():
    with Controller() as c:
        host = FakeHost(c)
        for app in ("loud", "silent"):
            c.app(app)
            slug_id = c.upload(app, slug({"app/x": app}))
            assert c.api("POST", f"/apps/{app}/releases", {"slug": slug_id})[0] == 201

        def metrics():
            return {a["app"]["name"]: a.get("runtime_metrics") for a in host.wanted()}

        def revision():
            return c.api("GET", "/upstream/v1/hosts/fake/assignments?after=0&wait=0")[1]["revision"]

        before = revision()
        assert metrics() == {"loud": None, "silent": None}
        assert feature(c, "loud", "log-runtime-metrics", enabled=True)[0] == 200
        assert metrics() == {"loud": True, "silent": None}
        assert revision() > before
