"""dynoctl's verbs for domains, features, addons, buildpacks and webhooks."""
import json
import os
import subprocess

from controller import Controller
from fake_host import FakeHost
from harness import BUILD, slug, wait_for


def test_each_verb_does_what_its_noun_says():
    with Controller() as c:
        def ctl(*args, status=0):
            env = {k: v for k, v in os.environ.items() if not k.startswith(("DYNO_", "HEROKU_"))}
            p = subprocess.run([BUILD + "/dynoctl", "--root", c.root, *args], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env={**env, "DYNO_APP": "shop"})
            assert p.returncode == status, (args, p)
            return p.stdout if status == 0 else p.stderr

        def get(*args):
            return json.loads(ctl(*args, "--json"))

        assert get("access", "ca")["ca"] == ctl("access", "ca") == open(c.root + "/run/dyno/controller/ca.pem").read()
        c.app("first")
        assert "shop from here on" in ctl("apps:rename", "-a", "first", "shop")
        ctl("domains:add", "www.Example.com")
        assert [d["hostname"] for d in get("domains") if d["kind"] == "custom"] == ["www.example.com"]
        assert "custom  www.example.com -> shop.localhost" in ctl("domains")
        assert "already added" in ctl("domains:add", "www.example.com", status=1)
        ctl("domains:remove", "www.example.com")
        assert len(get("domains")) == 1

        assert "[ ] preboot" in ctl("features")
        ctl("features:enable", "preboot")
        assert "[+] preboot" in ctl("features")
        ctl("features:disable", "preboot")
        assert not any(f["enabled"] for f in get("features"))
        ctl("maintenance:on")
        assert (ctl("maintenance"), get("maintenance")) == ("on\n", True)
        ctl("maintenance:off")
        assert get("maintenance") is False

        ctl("addons:create", "postgresql", "url=postgres://a=b", "pool=5", "--as", "DATABASE", "--name", "pg")
        assert json.loads(ctl("config", "--json")) == {"DATABASE_URL": "postgres://a=b", "DATABASE_POOL": "5"}
        ctl("addons:set", "pg", "url=postgres://c")
        ctl("addons:attach", "pg", "--as", "COPY")
        assert "pg (postgresql:external) " in ctl("addons") and "COPY_URL" in ctl("addons")
        ctl("addons:detach", "COPY")
        assert json.loads(ctl("config", "--json"))["DATABASE_URL"] == "postgres://c"
        assert "--confirm shop" in ctl("addons:destroy", "pg", status=2)
        assert "KEY=VALUE" in ctl("addons:create", "redis", "nonsense", status=2)
        ctl("addons:destroy", "pg", "--confirm", "shop")
        assert get("addons") == [] and json.loads(ctl("config", "--json")) == {}

        ctl("buildpacks:set", "heroku/ruby", "https://x.example/y")
        assert ctl("buildpacks") == "1. heroku/ruby\n2. https://x.example/y\n"
        ctl("buildpacks:set")
        assert get("buildpacks") == []

        assert "signed with s3cret" in ctl("webhooks:add", "https://x.example/h", "-i", "api:dyno,api:app", "-l", "sync", "-s", "s3cret")
        hook, = get("webhooks")
        assert (hook["include"], hook["level"]) == (["api:dyno", "api:app"], "sync")
        assert hook["url"] in ctl("webhooks") and ctl("webhooks:deliveries") == "shop has no deliveries.\n"
        ctl("webhooks:remove", hook["id"])
        assert get("webhooks") == []


def test_wait_outlives_the_controller(tmp_path):
    with Controller() as c:
        host = FakeHost(c)
        c.app("shop")
        slug_id = c.upload("shop", slug({"app/x": "x"}))
        assert c.api("POST", "/apps/shop/releases", {"slug": slug_id})[0] == 201
        said = tmp_path / "said"

        def wait(*args):
            with open(said, "w") as f:
                return subprocess.Popen([BUILD + "/dynoctl", "--root", c.root, "wait", "-a", "shop", *args], stdout=f, stderr=f)
        p = wait("--timeout", "120")
        try:
            c.kill()
            wait_for("a note", lambda: "will retry" in said.read_text())
            c.start()
            host = FakeHost(c)
            host.report("up")
            assert p.wait(timeout=60) == 0, said.read_text()
            assert said.read_text().count("will retry") == 1
        finally:
            p.kill()
            p.wait()
        # What will not become right is no matter of patience; nor is a time that is over.
        assert c.api("DELETE", "/apps/shop")[0] == 200
        assert wait().wait(timeout=60) == 1 and "find that app" in said.read_text()
        c.kill()
        assert wait("--timeout", "1").wait(timeout=60) == 1


def test_waiting_for_a_type_that_the_app_has_not_fails_at_once():
    with Controller() as c:
        def ctl(*args):
            return subprocess.run([BUILD + "/dynoctl", "--root", c.root, "-a", "shop", *args], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=60)
        c.app("shop")
        p = ctl("wait", "wbe")
        assert (p.returncode, p.stderr) == (1, "dynoctl: Couldn't find that process type (wbe).\n")
        assert ctl("wait").returncode == 0
