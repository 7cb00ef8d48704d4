"""Slugs in object stores: s3rver from npm, which stores and serves as S3 does but believes any secret, and an
oracle that believes none."""
import hashlib
import os
import re
import shutil
import signal
import subprocess
import urllib.parse

import pytest

from cutting_proxy import CuttingProxy
from harness import BUILD, PATIENCE, private_dir, slug, wait_for
from s3_oracle import ACCESS, REGION, SECRET, Oracle, Refused

NOISE = os.urandom(3_000_000)
SLUG = slug({"./app/Procfile": "web: bin/web\n", "./app/noise": NOISE})
SHA = hashlib.sha256(SLUG).hexdigest()
NONE = "0" * 64


class Store:
    """A store, a configuration, and the program on both."""

    def __init__(self, dir):
        self.dir, self.store = dir, os.path.join(dir, "store")
        self.file = os.path.join(dir, "slug.tgz")
        with open(self.file, "wb") as f:
            f.write(SLUG)
        self.secret = os.path.join(dir, "secret")

    def configure(self, endpoint, access=ACCESS, secret=SECRET, region=REGION, mode=0o600, **more):
        with open(self.secret, "w") as f:
            f.write(secret + "\n")
        os.chmod(self.secret, mode)
        keys = {"s3-endpoint": endpoint, "s3-region": region, "s3-access-key": access,
                "s3-secret-key-file": self.secret, "retries": "2"}
        keys.update({k.replace("_", "-"): v for k, v in more.items()})
        with open(os.path.join(self.dir, "slugs.conf"), "w") as f:
            f.write("".join(f"{k} = {v}\n" for k, v in keys.items()))

    def command(self, *args):
        return [BUILD + "/dyno-slug", "--store", self.store, "--config", os.path.join(self.dir, "slugs.conf"), *args]

    def start(self, *args):
        return subprocess.Popen(self.command(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *args, status=0, says="", env=None):
        p = subprocess.run(self.command(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120,
                           env={**os.environ, **(env or {})})
        assert p.returncode == status, p
        assert says in p.stderr and SECRET not in p.stderr, p
        if status:  # one sentence
            assert re.fullmatch(r"dyno-slug: [^\n]+\n", p.stderr), p
        return p.stdout.strip()

    def size(self, *path):
        try:
            return os.stat(os.path.join(self.store, *path)).st_size
        except FileNotFoundError:
            return 0

    def has_only(self, sha):
        self.run("verify", sha)
        for name in ("partial", "incoming"):
            assert os.listdir(os.path.join(self.store, name)) == []


@pytest.fixture
def store():
    d = private_dir("dyno-s3-")
    yield Store(d)
    shutil.rmtree(d)


@pytest.fixture
def full(store):
    """A store with the slug in it."""
    store.configure("http://127.0.0.1:1")
    assert store.run("import", store.file) == SHA
    return store


@pytest.fixture
def oracle():
    with Oracle() as o:
        yield o


# ---- the real server ----

@pytest.fixture(scope="module")
def s3rver(workdir):
    """The port of a running s3rver with the bucket "slugs"."""
    d = os.path.join(workdir, "s3rver")
    os.makedirs(os.path.join(d, "data"))
    open(os.path.join(d, "package.json"), "w").write('{"name": "s3", "version": "1.0.0", "private": true}')
    npm = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "s3rver@3"], cwd=d,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert npm.returncode == 0, npm.stdout
    log = open(os.path.join(d, "log"), "w")
    p = subprocess.Popen(["node_modules/.bin/s3rver", "--directory", "data", "--address", "127.0.0.1", "--port", "0",
                          "--configure-bucket", "slugs"], cwd=d, stdout=log, stderr=log)
    try:
        port = wait_for("s3rver", lambda: re.search(r"127\.0\.0\.1:(\d+)", open(log.name).read()))
        yield int(port.group(1))
    finally:
        p.terminate()
        p.wait(PATIENCE)
        log.close()


def at_s3rver(store, port, **more):
    store.configure(f"http://127.0.0.1:{port}", access="S3RVER", secret="S3RVER", region="us-east-1", **more)


def test_a_slug_goes_to_s3_and_comes_back(full, s3rver):
    at_s3rver(full, s3rver)
    for key in (f"a/{SHA}.tgz", "a b/ü+c&d=e#g%20~!*()"):
        full.run("put", SHA, f"s3://slugs/{key}")
        full.run("rm", SHA)
        assert full.run("fetch", f"s3://slugs/{key}") == SHA
        full.has_only(SHA)
    full.run("rm", SHA)
    full.run("get", SHA, f"s3://slugs/a/{SHA}.tgz")
    assert open(os.path.join(full.store, "trees", SHA, "app/noise"), "rb").read() == NOISE


def test_what_s3_does_not_have_is_absent(full, s3rver):
    at_s3rver(full, s3rver)
    full.run("fetch", "s3://slugs/none", status=3, says="fetch s3://slugs/none: the server has no such slug")
    full.run("get", NONE, "s3://slugs/none", status=3)
    full.run("fetch", "s3://nothing/none", status=1, says="NoSuchBucket")
    full.run("put", SHA, "s3://nothing/none", status=1, says="NoSuchBucket")
    full.run("put", NONE, "s3://slugs/none", status=3, says="no slug " + NONE)


def test_a_download_goes_on_behind_the_cut(full, s3rver):
    with CuttingProxy(s3rver) as proxy:
        at_s3rver(full, proxy.port)
        full.run("put", SHA, "s3://slugs/cut")
        full.run("rm", SHA)
        for sha in ((), ("--sha256", SHA)):
            proxy.sent, proxy.cuts = [], [1_000_000, 700_000]
            assert full.run("fetch", *sha, "s3://slugs/cut") == SHA
            assert proxy.sent[:2] == [1_000_000, 700_000] and len(proxy.sent) == 3
            assert sum(proxy.sent) < len(SLUG) + 10_000
            full.has_only(SHA)
            full.run("rm", SHA)


def test_an_upload_is_sent_again_after_a_cut(full, s3rver):
    with CuttingProxy(s3rver) as proxy:
        at_s3rver(full, proxy.port)
        proxy.cuts = [None, 10]     # the answer to HEAD; then the PUT's 100 Continue breaks off
        full.run("put", SHA, "s3://slugs/again")
        full.run("rm", SHA)
        assert full.run("fetch", "s3://slugs/again") == SHA


def test_after_kill_9_another_process_goes_on(full, s3rver):
    with CuttingProxy(s3rver) as proxy:
        at_s3rver(full, proxy.port)
        full.run("put", SHA, "s3://slugs/killed")
        full.run("rm", SHA)
        proxy.sent, proxy.hold = [], 1_000_000
        p = full.start("fetch", "--sha256", SHA, "s3://slugs/killed")
        wait_for("a part of it", lambda: full.size("partial", SHA) > 990_000)
        p.send_signal(signal.SIGKILL)
        p.communicate(timeout=PATIENCE)
        have = full.size("partial", SHA)
        assert p.returncode == -signal.SIGKILL and 990_000 < have < 1_000_000
        assert full.size("blobs", SHA) == 0
        proxy.hold = None
        assert full.run("fetch", "--sha256", SHA, "s3://slugs/killed") == SHA
        assert len(proxy.sent) == 2
        assert len(SLUG) - have < proxy.sent[1] < len(SLUG) - have + 2000
        full.has_only(SHA)


def test_two_processes_download_once_and_who_waits_takes_over(full, s3rver):
    with CuttingProxy(s3rver) as proxy:
        at_s3rver(full, proxy.port)
        full.run("put", SHA, "s3://slugs/both")
        full.run("rm", SHA)
        proxy.sent, proxy.hold = [], 1_000_000
        first = full.start("get", SHA, "s3://slugs/both")
        wait_for("a part of it", lambda: full.size("partial", SHA) > 990_000)
        proxy.hold = None
        others = [full.start("get", SHA, "s3://slugs/both") for _ in range(2)]
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=PATIENCE)
        for p in others:
            _, err = p.communicate(timeout=PATIENCE)
            assert p.returncode == 0, err
        assert len(proxy.sent) == 2 and sum(proxy.sent) < len(SLUG) + 20_000
        full.has_only(SHA)


# ---- the oracle ----

KEYS = ["plain", "a/b/c.tgz", "with blank", "ü/ÄÖ/€.tgz", "a+b&c=d?e#f", "100%", "%2F%20", "~-._!*'()", "x//y/../z", ":@$,;[]"]


@pytest.mark.parametrize("path_style", ["yes", "no"])
def test_signatures_are_right_whatever_the_key(full, oracle, path_style):
    host = "127.0.0.1" if path_style == "yes" else "localhost"
    full.configure(f"http://{host}:{oracle.port}", s3_path_style=path_style)
    for key in KEYS:
        full.run("put", SHA, "s3://slugs/" + key)
    full.run("rm", SHA)
    assert sorted(oracle.buckets["slugs"]) == sorted(KEYS)
    for key in KEYS:
        assert full.run("fetch", "s3://slugs/" + key) == SHA
        full.run("rm", SHA)
    assert all(body == SLUG for body, _ in oracle.buckets["slugs"].values())
    sent = {urllib.parse.unquote(r["path"]) for r in oracle.requests}
    assert all(p.startswith("/slugs/") == (path_style == "yes") for p in sent)


def test_a_wrong_key_is_told(full, oracle):
    full.configure(oracle.url, secret="not" + SECRET)
    full.run("put", SHA, "s3://slugs/x", status=1, says="put s3://slugs/x: the object store answers SignatureDoesNotMatch:")
    full.run("fetch", "s3://slugs/x", status=1, says="SignatureDoesNotMatch")
    full.configure(oracle.url, access="AKIDNOBODY")
    full.run("put", SHA, "s3://slugs/x", status=1, says="InvalidAccessKeyId")
    full.configure(oracle.url, region="mars-1")
    full.run("fetch", "s3://slugs/x", status=1, says="the region 'mars-1' is wrong")
    assert oracle.buckets["slugs"] == {}
    assert all(r["method"] == "HEAD" or r["sent"] for r in oracle.requests)
    gets = [r for r in oracle.requests if r["method"] != "HEAD"]
    assert len(gets) == 4   # no such answer is tried again


def test_the_secret_is_kept(full, oracle):
    full.configure(oracle.url, mode=0o640)
    full.run("put", SHA, "s3://slugs/x", status=1, says="its mode must be 0600")
    full.configure(oracle.url, s3_secret_key_file="s3")
    full.run("put", SHA, "s3://slugs/x", status=1, says="LoadCredential=")
    credentials = os.path.join(full.dir, "credentials")
    os.mkdir(credentials)
    os.rename(full.secret, os.path.join(credentials, "s3"))
    full.run("put", SHA, "s3://slugs/x", env={"CREDENTIALS_DIRECTORY": credentials})
    assert oracle.buckets["slugs"]["x"][0] == SLUG


def test_an_object_that_is_there_is_not_sent_again(full, oracle):
    full.configure(oracle.url)
    full.run("put", SHA, "s3://slugs/x")
    full.run("put", SHA, "s3://slugs/x")
    assert [r["method"] for r in oracle.requests] == ["HEAD", "PUT", "HEAD"]
    oracle.buckets["slugs"]["x"] = (b"other", NONE)
    full.run("put", SHA, "s3://slugs/x")
    assert oracle.buckets["slugs"]["x"] == (SLUG, SHA)


def test_a_damaged_blob_is_not_uploaded(full, oracle):
    full.configure(oracle.url)
    with open(os.path.join(full.store, "blobs", SHA), "r+b") as f:
        f.seek(1000)
        f.write(b"damage")
    full.run("put", SHA, "s3://slugs/x", status=4, says=f"put s3://slugs/x: the blob is damaged: expected {SHA}, got ")
    assert oracle.buckets["slugs"] == {}


def test_what_s3_serves_is_not_believed(full, oracle):
    full.configure(oracle.url)
    full.run("rm", SHA)
    oracle.buckets["slugs"]["x"] = (SLUG[:-1] + b"?", SHA)
    other = hashlib.sha256(SLUG[:-1] + b"?").hexdigest()
    full.run("get", SHA, "s3://slugs/x", status=4, says=f"expected {SHA}, got {other}")
    assert os.listdir(os.path.join(full.store, "blobs")) == []


def test_a_busy_store_is_asked_again(full, oracle):
    full.configure(oracle.url)
    slow = Refused(503, "SlowDown", "Please reduce your request rate.")
    oracle.faults = [("PUT", slow), ("PUT", 1_000_000), ("GET", slow), ("GET", 1_000_000)]
    full.run("put", SHA, "s3://slugs/x")
    full.run("rm", SHA)
    assert full.run("fetch", "s3://slugs/x") == SHA
    assert [(r["method"], r["range"]) for r in oracle.requests] == [
        ("HEAD", None), ("PUT", None), ("PUT", None), ("PUT", None),
        ("GET", None), ("GET", None), ("GET", "bytes=1000000-")]
    oracle.faults = [("GET", slow)] * 3
    full.run("rm", SHA)
    full.run("fetch", "s3://slugs/x", status=1, says="after 3 tries: the object store answers SlowDown: Please")


def test_an_object_that_changed_meanwhile_is_read_anew(full, oracle):
    full.configure(oracle.url)
    full.run("rm", SHA)
    oracle.buckets["slugs"]["x"] = (b"x" * 2_000_000, None)
    oracle.faults = [("GET", 1_000_000)]
    full.configure(oracle.url, retries=0)
    full.run("fetch", "--sha256", SHA, "s3://slugs/x", status=1)
    assert full.size("partial", SHA) == 1_000_000
    oracle.buckets["slugs"]["x"] = (SLUG, None)
    assert full.run("fetch", "--sha256", SHA, "s3://slugs/x") == SHA
    assert oracle.requests[-1]["range"] == "bytes=1000000-" and oracle.requests[-1]["sent"] == len(SLUG)
    full.has_only(SHA)


def test_a_part_that_is_all_is_not_fetched_again(full, oracle):
    """Killed behind the last byte, and before the digest was looked at."""
    full.configure(oracle.url)
    full.run("put", SHA, "s3://slugs/x")
    full.run("rm", SHA)
    partial = os.path.join(full.store, "partial", SHA)
    with open(partial, "wb") as f, open(partial + ".from", "w") as t:
        f.write(SLUG)
        t.write(f'"{hashlib.md5(SLUG).hexdigest()}"')
    shutil.copytree(full.store, full.store + "2")
    assert full.run("fetch", "--sha256", SHA, "s3://slugs/x") == SHA
    assert oracle.requests[-1]["range"] == f"bytes={len(SLUG)}-" and oracle.requests[-1]["sent"] < 1000
    full.has_only(SHA)
    # The same with bytes that have not survived: once more from the first one.
    full.store += "2"
    with open(os.path.join(full.store, "partial", SHA), "r+b") as f:
        f.write(bytes(4096))
    assert full.run("fetch", "--sha256", SHA, "s3://slugs/x") == SHA
    assert oracle.requests[-1]["range"] is None
    full.has_only(SHA)


def test_without_configuration_s3_is_refused(full):
    full.configure("http://127.0.0.1:1")
    os.unlink(os.path.join(full.dir, "slugs.conf"))
    full.run("fetch", "s3://slugs/x", status=1, says="s3: s3-endpoint is not configured")
    full.run("put", SHA, "http://127.0.0.1:1/x", status=1, says="expected s3://BUCKET/KEY")
