"""Slugs as objects of an S3-compatible storage: the controller's directory is
a cache then, and the storage may be away, slow, or wrong."""
import concurrent.futures
import hashlib
import os
import shutil
import signal
import subprocess
import time

import pytest

from controller import USER, Controller, big_slug
from harness import BUILD, PATIENCE, wait_for
from s3 import BUCKET, SECRET, S3

MIB = 1 << 20
STORAGE = f"slug-storage = s3://{BUCKET}/blobs\n"
QUICK = {"retries": 1, "connect-timeout": 2}


def sha(data):
    return hashlib.sha256(data).hexdigest()


def key(data):
    return "blobs/" + sha(data)


@pytest.fixture(scope="module")
def s3():
    with S3() as s:
        yield s


@pytest.fixture
def c(s3):
    with Controller(STORAGE, s3.conf(USER, **QUICK)) as c:
        yield c
        wait_for("no pin", lambda: not pins(c))
        c.stop()
        assert c.process.returncode == 0, c.log()


@pytest.fixture
def app(c, request):
    return c.app("a-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12])


def forget(c, *datas):
    """The cache loses these."""
    for data in datas:
        os.unlink(f"{c.store}/blobs/{sha(data)}")


def pins(c):
    return sorted(n for n in os.listdir(c.store + "/pins") if len(n) == 64)


def test_a_slug_is_an_object_and_the_store_a_cache(c, s3, app):
    data = big_slug(3 * MIB, 11)
    slug_id = c.upload(app, data)
    assert open(s3.objects()[key(data)], "rb").read() == data
    forget(c, data)
    path = c.get_path(app, slug_id)
    r = c.curl(path, "-r", "1000-1999")
    assert (r.status, r.body) == (206, data[1000:2000]) and r.headers["etag"] == f'"{sha(data)}"'
    assert c.files("blobs") == ["blobs/" + sha(data)]
    assert c.curl(path).body == data
    assert c.api("DELETE", f"/apps/{app}")[0] == 200
    wait_for("no object", lambda: key(data) not in s3.objects())
    wait_for("no file", lambda: c.files() == [])


def test_a_restart_with_an_empty_cache_knows_all_slugs(c, s3, app):
    data = big_slug(MIB, 12)
    slug_id = c.upload(app, data)
    c.stop()
    shutil.rmtree(c.store)
    c.start()
    assert c.curl(c.get_path(app, slug_id)).body == data


def test_many_who_want_a_slug_cause_one_fetch(c, s3, app):
    data = big_slug(8 * MIB, 13)
    path = c.get_path(app, c.upload(app, data))
    forget(c, data)
    before = s3.log()
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda i: c.curl(path, "-r", f"{i * MIB // 2}-"), range(12)))
    for i, r in enumerate(results):
        assert (r.status, r.body) == (206, data[i * MIB // 2:]), r
    new = s3.log()[len(before):]
    assert len([l for l in new.splitlines() if sha(data) in l]) == 1, new


def test_two_slugs_with_the_same_bytes_share_an_object(c, s3, app):
    data = big_slug(MIB, 14)
    other = c.app("other-app")
    c.upload(app, data)
    two = c.upload(other, data)
    assert c.api("DELETE", f"/apps/{app}")[0] == 200
    time.sleep(0.3)
    forget(c, data)
    assert c.curl(c.get_path(other, two)).body == data
    assert c.api("DELETE", f"/apps/{other}")[0] == 200
    wait_for("no object", lambda: key(data) not in s3.objects())


# ---- the storage is away, slow, wrong ----

def test_without_the_storage_uploads_and_downloads_are_told_to_come_again(c, s3, app):
    data, more = big_slug(MIB, 15), big_slug(MIB, 16)
    down = c.get_path(app, c.upload(app, data))
    forget(c, data)
    _, up = c.slug(app)
    s3.stop()
    try:
        for r in (c.curl(down), c.put(up, more)):
            assert r.status == 503 and r.json()["id"] == "service_unavailable", r
            assert "object storage" in r.json()["message"] and int(r.headers["retry-after"]) > 0, r
        assert c.files("blobs", "incoming") == []
    finally:
        s3.start()
    assert c.curl(down).body == data
    assert c.put(up, more).status == 200


def test_a_slow_storage_does_not_hold_a_client_for_ever(c, s3, app):
    data = big_slug(MIB, 17)
    down = c.get_path(app, c.upload(app, data))
    forget(c, data)
    s3.freeze()
    try:
        start = time.monotonic()
        r = c.curl(down)
        assert r.status == 503 and "Retry-After".lower() in r.headers, r
        assert time.monotonic() - start > 15
        assert c.api("GET", "/account")[0] == 200
    finally:
        s3.thaw()
    wait_for("the slug", lambda: c.curl(down).body == data)


def test_a_wrong_key_is_the_operators_business(s3):
    with Controller(STORAGE, s3.conf(USER, s3_access_key="stranger", **QUICK)) as c:
        _, up = c.slug(c.app("wrong-key"))
        r = c.put(up, big_slug(MIB, 18))
        assert r.status == 503 and "stranger" not in r.json()["message"]
        assert "InvalidAccessKeyId" in c.log()
        assert c.files() == []


def test_a_secret_that_others_may_read_is_not_used(s3):
    with Controller(STORAGE, s3.conf(USER, **QUICK)) as c:
        os.chmod(s3.secret_file, 0o644)
        _, up = c.slug(c.app("open-secret"))
        assert c.put(up, big_slug(MIB, 27)).status == 503
        assert s3.secret_file in c.log()
        os.chmod(s3.secret_file, 0o600)
        assert c.put(up, big_slug(MIB, 27)).status == 200


def test_secrets_are_in_no_command_line(c, s3, app):
    data = big_slug(MIB, 28)
    _, up = c.slug(app)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        s3.freeze()
        try:
            call = pool.submit(c.put, up, data)
            line = wait_for("put job", lambda: [j for j in c.jobs() if " put " in j])[0]
        finally:
            s3.thaw()
        assert call.result().status == 200
    assert SECRET not in line and "slugs.conf" in line


def test_an_object_that_is_missing_is_404(c, s3, app):
    data = big_slug(MIB, 19)
    down = c.get_path(app, c.upload(app, data))
    forget(c, data)
    os.unlink(s3.objects()[key(data)])
    r = c.curl(down)
    assert r.status == 404 and r.json()["resource"] == "slug", r
    assert "is missing" in c.log()


def test_a_damaged_object_is_never_served(c, s3, app):
    data = big_slug(MIB, 20)
    down = c.get_path(app, c.upload(app, data))
    forget(c, data)
    with open(s3.objects()[key(data)], "r+b") as f:
        f.seek(1000)
        f.write(b"damaged")
    r = c.curl(down)
    assert r.status == 503, r
    assert c.files("blobs") == []
    assert sha(data) in c.log()


# ---- crashes ----

def test_kill_9_during_a_put_leaves_nothing_behind(c, s3, app):
    data = big_slug(2 * MIB, 21)
    _, up = c.slug(app)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        s3.freeze()
        try:
            call = pool.submit(c.put, up, data)
            wait_for("put job", lambda: any(" put " in j for j in c.jobs()))
            c.kill()
        finally:
            s3.thaw()
        assert call.result().exit
    c.start()
    wait_for("no object", lambda: key(data) not in s3.objects() and not c.jobs())
    assert c.files() == []
    assert c.put(up, data).status == 200
    assert key(data) in s3.objects()


def test_an_object_whose_slug_was_never_named_is_removed_at_start(c, s3, app):
    """The crash between the put and the state: the object is there already."""
    data = big_slug(2 * MIB, 22)
    _, up = c.slug(app)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        call = pool.submit(c.put, up, data)
        wait_for("object", lambda: key(data) in s3.objects() or call.done())
        c.kill()
        call.result()
    c.start()
    named = c.get_path(app, up.split("/")[2].split("?")[0])
    if c.curl(named).status == 404:
        wait_for("no object", lambda: key(data) not in s3.objects())
        assert c.files() == []
    else:
        assert c.curl(named).body == data and key(data) in s3.objects()


def test_kill_9_during_a_fetch_is_made_good(c, s3, app):
    data = big_slug(4 * MIB, 23)
    down = c.get_path(app, c.upload(app, data))
    forget(c, data)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        s3.freeze()
        try:
            call = pool.submit(c.curl, down)
            wait_for("fetch job", lambda: any(" fetch " in j for j in c.jobs()))
            c.kill()
        finally:
            s3.thaw()
        assert call.result().exit
    c.start()
    assert c.curl(down).body == data


@pytest.mark.parametrize("storage", ["", STORAGE], ids=["directory", "s3"])
def test_kill_9_at_any_time_leaves_what_the_state_names(s3, storage):
    """Uploads of new and of the same bytes, an app that goes; killed at once,
    a little later, and so on. Every answer 200 is kept, nothing else is left."""
    with Controller(storage, s3.conf(USER, **QUICK)) as c:
        apps = [c.app(f"crash-{i}") for i in range(2)]
        others, good = set(s3.objects()), {}
        for i in range(14):
            datas = [big_slug(MIB, 100 + i), big_slug(MIB, 100 + i // 2), big_slug(MIB, 200 + i)]
            slugs = [c.slug(apps[0]) for _ in datas]
            doomed = c.app(f"doomed-{i}")
            c.upload(doomed, big_slug(MIB, 300 + i))
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                calls = [pool.submit(c.put, path, data) for (_, path), data in zip(slugs, datas)]
                if i % 2:
                    pool.submit(c.api, "DELETE", f"/apps/{doomed}")
                time.sleep(0.03 * i)
                if i > 11:  # also on a machine where nothing is done by then
                    concurrent.futures.wait(calls, return_when=concurrent.futures.FIRST_COMPLETED)
                c.kill()
                for (slug_id, _), data, call in zip(slugs, datas, calls):
                    if call.result().status == 200:
                        good[slug_id] = data
            c.start()
        for slug_id, data in good.items():
            assert c.curl(c.get_path(apps[0], slug_id)).body == data
        for i in range(14):
            c.api("DELETE", f"/apps/doomed-{i}")
        for app in apps:
            assert c.api("DELETE", f"/apps/{app}")[0] == 200
        wait_for("nothing", lambda: c.files("blobs", "incoming") == [] and set(s3.objects()) == others, timeout=PATIENCE)
        wait_for("no pin", lambda: pins(c) == [])
        assert good


def test_who_leaves_during_a_put_leaves_nothing(c, s3, app):
    data = big_slug(2 * MIB, 24)
    _, up = c.slug(app)
    s3.freeze()
    try:
        r = c.put(up, data, "--max-time", "3")
        assert r.exit == 28, r
        wait_for("clean store", lambda: not c.files("blobs", "incoming"))
        wait_for("no job", lambda: not any(" put " in j for j in c.jobs()))
    finally:
        s3.thaw()
    wait_for("no object", lambda: key(data) not in s3.objects() and not c.jobs())
    assert c.put(up, data).status == 200


def test_what_could_not_be_removed_is_removed_later(c, s3, app):
    data = big_slug(MIB, 25)
    c.upload(app, data)
    s3.stop()
    try:
        assert c.api("DELETE", f"/apps/{app}")[0] == 200
        wait_for("failure", lambda: "slug storage: rm" in c.log())
    finally:
        s3.start()
    assert key(data) in s3.objects()
    c.stop()
    c.start()
    wait_for("no object", lambda: key(data) not in s3.objects())


# ---- collection ----

def test_the_cache_is_collected_and_loses_nothing(s3):
    datas = [big_slug(2 * MIB, seed) for seed in (31, 32, 33)]
    with Controller(STORAGE, s3.conf(USER, high_bytes="3M", low_bytes="3M", **QUICK)) as c:
        app = c.app("cached")
        paths = [c.get_path(app, c.upload(app, data)) for data in datas]
        assert len(c.files("blobs")) == 3
        c.stop()
        c.start()  # it collects at its start, and every hour
        wait_for("one blob", lambda: len(c.files("blobs")) == 1)
        for path, data in zip(paths, datas):
            assert c.curl(path).body == data


def test_a_damaged_copy_is_fetched_again(s3):
    data = big_slug(MIB, 50)
    with Controller(STORAGE, s3.conf(USER, **QUICK)) as c:
        app = c.app("damaged")
        path = c.get_path(app, c.upload(app, data))
        blob = f"{c.store}/blobs/{sha(data)}"
        with open(blob, "r+b") as f:
            f.seek(1000)
            f.write(b"damage")
        assert c.curl(path).body != data
        verify = [BUILD + "/dyno-slug", "--store", c.store, "verify", "--blobs"]
        assert subprocess.run(verify).returncode == 4
        assert not os.path.exists(blob)
        assert c.curl(path).body == data


def test_a_full_cache_makes_room_for_what_comes(s3):
    """Six slugs of 6 MiB go through a disk of 24."""
    c = Controller(STORAGE, s3.conf(USER, **QUICK))
    c.wrap = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=24m,mode=755 none $0/var/lib/dyno/controller && "
              'exec "$@"', c.root]
    os.makedirs(c.root + "/var/lib/dyno/controller")
    datas = [big_slug(6 * MIB, seed) for seed in range(40, 46)]
    with c:
        app = c.app("full-cache")
        paths = [c.get_path(app, c.upload(app, data)) for data in datas]
        for path, data in zip(paths, datas):
            assert c.curl(path).body == data


def test_in_a_directory_nothing_is_collected_that_a_slug_names(s3):
    datas = [big_slug(2 * MIB, seed) for seed in (34, 35)]
    with Controller("", "high-bytes = 1M\n") as c:
        app = c.app("pinned")
        paths = [c.get_path(app, c.upload(app, data)) for data in datas]
        gc = [BUILD + "/dyno-slug", "--store", c.store, "--config", c.root + "/etc/dyno/slugs.conf", "gc"]
        for _ in range(2):
            subprocess.run(gc)
            for path, data in zip(paths, datas):
                assert c.curl(path).body == data
            # Pins are made anew from the state.
            c.kill()
            shutil.rmtree(c.store + "/pins")
            c.start()
            wait_for("pins", lambda: pins(c) == sorted(sha(d) for d in datas))
        assert c.api("DELETE", f"/apps/{app}")[0] == 200
        wait_for("nothing", lambda: pins(c) == [] and c.files() == [])


# ---- configuration ----

def test_slugs_of_the_directory_move_when_the_storage_changes(s3):
    data = big_slug(MIB, 26)
    with Controller("", s3.conf(USER, **QUICK)) as c:
        app = c.app("moves")
        slug_id = c.upload(app, data)
        assert pins(c) == [sha(data)]
        c.stop()
        with open(c.root + "/etc/dyno/controller.conf", "a") as f:
            f.write(STORAGE)
        c.start()
        wait_for("object", lambda: key(data) in s3.objects())
        wait_for("no pin", lambda: not pins(c))
        forget(c, data)
        assert c.curl(c.get_path(app, slug_id)).body == data
        # And back: what is an object is still found.
        c.stop()
        with open(c.root + "/etc/dyno/controller.conf", "a") as f:
            f.write("slug-storage = directory\n")
        forget(c, data)
        c.start()
        assert c.curl(c.get_path(app, slug_id)).body == data


@pytest.mark.parametrize("name", ["s3://", "s3:///x", "s3://b//x", "s3://b/", "http://x/y", "", "s3://b/x?y", "dir"])
def test_a_storage_that_is_none_is_refused_at_start(name):
    c = Controller(f"slug-storage = {name}\n")
    try:
        p = subprocess.run([BUILD + "/dyno-controller", "--root", c.root], stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
        assert p.returncode == 1 and "slug-storage" in p.stderr, p
    finally:
        c.close()


# ---- a whole host ----

def test_a_dyno_runs_from_an_object(host, s3):
    """Deploy, run, lose every copy on the machine, run again."""
    etc, lib = host.root + "/etc/dyno", host.root + "/var/lib/dyno"
    user = os.stat(lib + "/controller").st_uid
    os.makedirs(etc + "/controller.conf.d")
    with open(etc + "/controller.conf.d/s3.conf", "w") as f:
        f.write(STORAGE)
    with open(etc + "/slugs.conf", "w") as f:
        f.write(s3.conf(user))
    host.kill("dyno-controller")
    host.answers()
    app, before = host.new_app(), set(s3.objects())
    host.deploy(app, {"Procfile": "worker: cat file; sleep 1000\n", "file": "from the object\n"}, wait=False)
    assert len(set(s3.objects()) - before) == 1
    assert "from the object" in host.run(app, "cat", "file").out
    host.kill("dyno-controller", signal.SIGTERM)
    host.answers()
    for store in (lib + "/slugs", lib + "/controller/slugs"):
        names = subprocess.run([BUILD + "/dyno-slug", "--store", store, "ls"], stdout=subprocess.PIPE, text=True).stdout
        assert names
        for name in names.split():
            if len(name) == 64:
                subprocess.run([BUILD + "/dyno-slug", "--store", store, "keep"], check=True)
                wait_for("removal", lambda: subprocess.run([BUILD + "/dyno-slug", "--store", store, "rm", name]).returncode == 0)
    log = s3.log()
    assert "from the object" in host.run(app, "cat", "file").out
    assert "/blobs/" in s3.log()[len(log):]
    host.ctl("apps:destroy", app, "--confirm", app)
    wait_for("no object", lambda: set(s3.objects()) == before)
