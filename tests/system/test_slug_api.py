"""Blobs of slugs through the controller's API: up, down, parts of them, and
what happens when the network, the disk or the controller fails."""
import hashlib
import json
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from controller import Controller, big_slug, noise
from harness import BUILD, PATIENCE, slug, wait_for

MIB = 1 << 20


@pytest.fixture(scope="module")
def controller():
    with Controller() as c:
        yield c
        c.stop()
        assert c.process.returncode == 0, c.log()


@pytest.fixture
def app(controller, request):
    name = controller.app("a-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12])
    yield name
    assert controller.api("DELETE", f"/apps/{name}")[0] == 200


def raw_put(controller, path, head, body):
    """A PUT of which we decide every byte; the connection stays open."""
    s = socket.create_connection(("127.0.0.1", controller.port))
    s.sendall(f"PUT {path} HTTP/1.1\r\nHost: h\r\n{head}\r\n".encode() + body)
    return s


def assert_nothing_new(controller, before):
    """before: its files(). Those of the last test's app may go meanwhile."""
    wait_for("clean store", lambda: not set(controller.files()) - set(before))


def status_of(s):
    s.settimeout(60)
    return int(s.makefile("rb").readline().split()[1])


# ---- downloads ----

def test_parts_of_a_slug_can_be_had(controller, app):
    data = big_slug(3 * MIB)
    digest = hashlib.sha256(data).hexdigest()
    slug_id = controller.upload(app, data)
    path, n = controller.get_path(app, slug_id), len(data)

    def get(*options):
        return controller.curl(path, *options)
    whole = get()
    assert (whole.status, whole.body) == (200, data), whole
    assert whole.headers["etag"] == f'"{digest}"' and whole.headers["accept-ranges"] == "bytes"
    for options, first, last in ((("-r", "0-0"), 0, 0), (("-r", "100-"), 100, n - 1), (("-r", "-7"), n - 7, n - 1),
                                 (("-r", f"5-{n + 99}"), 5, n - 1),
                                 (("-r", "9-19", "-H", f'If-Range: "{digest}"'), 9, 19)):
        r = get(*options)
        assert (r.status, r.body) == (206, data[first:last + 1]), r
        assert r.headers["content-range"] == f"bytes {first}-{last}/{n}"
    for options in (("-r", "0-1,4-5"), ("-r", "9-19", "-H", 'If-Range: "other"'), ("-H", "Range: bytes=x")):
        r = get(*options)
        assert (r.status, r.body) == (200, data), r
    r = get("-r", f"{n}-")
    assert r.status == 416 and r.headers["content-range"] == f"bytes */{n}"
    assert r.json()["id"] == "requested_range_not_satisfiable"
    r = get("-H", f'If-None-Match: "{digest}"')
    assert (r.status, r.body) == (304, b"")
    r = get("-I", "-r", "0-4")
    assert (r.status, r.headers["content-length"], r.headers["etag"]) == (200, str(n), f'"{digest}"')


def test_the_path_of_hosts_has_parts_too(controller, app):
    data = big_slug(MIB)
    controller.upload(app, data)
    r = subprocess.run(["curl", "-sS", "-r", "1000-1009", "--unix-socket", controller.socket,
                        f"http://x/upstream/v1/slugs/{hashlib.sha256(data).hexdigest()}"], stdout=subprocess.PIPE)
    assert r.stdout == data[1000:1010]


def test_curl_goes_on_where_it_was_cut_off(controller, app, tmp_path):
    data = big_slug(2 * MIB)
    path = controller.get_path(app, controller.upload(app, data))
    part = tmp_path / "part"
    part.write_bytes(data[:1234567])
    p = subprocess.run(["curl", "-sS", "-f", "-C", "-", "-o", part, controller.url(path)])
    assert p.returncode == 0
    assert part.read_bytes() == data


def test_a_hosts_download_that_was_killed_goes_on(controller, app, tmp_path):
    data = big_slug(200 * MIB)
    digest = hashlib.sha256(data).hexdigest()
    controller.upload(app, data)
    store = str(tmp_path / "store")
    argv = [BUILD + "/dyno-slug", "--store", store, "fetch", "--sha256", digest, "--unix", controller.socket,
            f"http://localhost/upstream/v1/slugs/{digest}"]
    part = f"{store}/partial/{digest}"

    def killed():
        """Bytes that a download had when it was killed, 0 if it was done before."""
        shutil.rmtree(store, ignore_errors=True)
        p = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        while p.poll() is None and not (os.path.exists(part) and os.path.getsize(part) > 20 * MIB):
            time.sleep(0.001)
        p.kill()
        p.wait()
        return os.path.getsize(part) if os.path.exists(part) else 0

    def sent():
        return int(re.search(r"wchar: (\d+)", open(f"/proc/{controller.process.pid}/io").read())[1])
    have = wait_for("half a download", killed)
    before = sent()
    p = subprocess.run(argv, stdout=subprocess.PIPE, text=True)
    assert (p.returncode, p.stdout.strip()) == (0, digest)
    assert sent() - before < len(data) - have + MIB
    with open(f"{store}/blobs/{digest}", "rb") as f:
        assert f.read() == data


def test_a_reader_that_leaves_is_no_loss(controller, app):
    data = big_slug(30 * MIB)
    path = controller.get_path(app, controller.upload(app, data))
    before = len(os.listdir(f"/proc/{controller.process.pid}/fd"))
    for _ in range(20):
        s = socket.create_connection(("127.0.0.1", controller.port))
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        assert s.recv(1000)
        s.close()
    wait_for("closed files", lambda: len(os.listdir(f"/proc/{controller.process.pid}/fd")) <= before + 1)
    assert controller.curl(path).body == data


# ---- what a signed URL allows ----

def test_a_url_is_for_one_slug_and_one_method(controller, app):
    data = slug({"./app/x": "1"})
    one, put = controller.slug(app)
    two, _ = controller.slug(app)
    for path, method in ((put.replace(one, two), "PUT"), (put, "GET"), (put.replace("expires=1", "expires=2"), "PUT"),
                         (put[:-1] + ("0" if put[-1] != "0" else "1"), "PUT"), (put.split("?")[0], "PUT"),
                         (put.split("&signature")[0], "PUT")):
        r = controller.put(path, data) if method == "PUT" else controller.curl(path)
        assert r.status == 403 and r.json()["id"] == "forbidden", (path, r)
    for method in ("POST", "DELETE", "PATCH"):
        r = controller.curl(put, "-X", method)
        assert r.status == 405 and r.json()["id"] == "method_not_allowed", r
        assert r.headers["allow"] == "PUT, GET, HEAD"
    r = controller.curl(controller.get_path(app, one))
    assert r.status == 404 and r.json()["resource"] == "slug"
    assert controller.put(put, data).status == 200
    r = controller.put(put, data)
    assert r.status == 409 and r.json()["id"] == "conflict"


# ---- uploads that go wrong ----

def test_what_is_no_slug_leaves_nothing(controller, app):
    good = slug({"./app/x": "1"})
    wrong = "SHA256:" + "0" * 64
    before = controller.files()
    for data, more, text in ((b"", {}, "empty"), (b"hello" * 1000, {}, "not a good slug"),
                             (good[:-20], {}, "not a good slug"),
                             (slug({"./app/../../x": "1"}), {}, "not a good slug"),
                             (good, {"checksum": wrong}, f"expected {wrong}, got SHA256:" +
                              hashlib.sha256(good).hexdigest())):
        r = controller.put(controller.slug(app, **more)[1], data)
        assert r.status == 422 and text in r.json()["message"], r
        assert_nothing_new(controller, before)


def test_a_connection_that_is_cut_leaves_nothing(controller, app):
    data = big_slug(2 * MIB)
    before = controller.files()
    _, path = controller.slug(app)
    s = raw_put(controller, path, f"Content-Length: {len(data)}\r\n", data[:MIB])
    wait_for("incoming file", lambda: controller.files("incoming"))
    s.close()
    assert_nothing_new(controller, before)
    assert controller.put(path, data).status == 200  # the URL is still good


def test_a_wrong_length_is_no_upload(controller, app):
    data = slug({"./app/x": "1"})
    before = controller.files()
    _, path = controller.slug(app)
    # Too long: the rest never comes, the client leaves.
    s = raw_put(controller, path, f"Content-Length: {len(data) + 10}\r\n", data)
    s.shutdown(socket.SHUT_WR)
    assert_nothing_new(controller, before)
    s.close()
    # Too short: what came is cut off and no slug.
    s = raw_put(controller, path, f"Content-Length: {len(data) - 10}\r\n", data)
    assert status_of(s) == 422
    s.close()
    assert_nothing_new(controller, before)
    for bad in ("-1", "x", "99999999999999999999999"):
        s = raw_put(controller, path, f"Content-Length: {bad}\r\n", b"")
        assert status_of(s) in (400, 413), bad
        s.close()
    assert controller.put(path, data).status == 200


def test_more_than_500_mib_is_refused_before_it_is_sent(controller, app):
    _, path = controller.slug(app)
    before = controller.files()
    with tempfile.NamedTemporaryFile(prefix="ctl-t-", dir="/tmp") as f:
        os.truncate(f.name, 500 * MIB + 1)
        r = controller.curl(path, "-T", f.name, "--expect100-timeout", "60")
        assert r.status == 413 and r.json()["id"] == "too_large", r
        # Who does not ask first may find the connection closed before he reads why.
        r = controller.curl(path, "-T", f.name, "-H", "Expect:")
        assert r.status in (413, 0), r
    assert_nothing_new(controller, before)


def test_more_than_500_mib_is_counted(controller, app):
    _, path = controller.slug(app)
    before = controller.files()
    p = subprocess.run(f"head -c {502 * MIB} /dev/zero | curl -sS --max-time 120 -H Expect: -T - '{controller.url(path)}'",
                       shell=True, stdout=subprocess.PIPE)
    assert json.loads(p.stdout)["id"] == "too_large"
    assert_nothing_new(controller, before)


def test_curl_may_ask_before_it_sends(controller, app):
    data = big_slug(2 * MIB)
    _, path = controller.slug(app)
    r = controller.put(path, data, "-H", "Expect: 100-continue")
    assert r.status == 200 and "HTTP/1.1 100" in r.head


@pytest.mark.parametrize("same", [True, False])
def test_of_two_uploads_of_a_slug_one_wins(controller, app, same):
    datas = [big_slug(MIB), big_slug(MIB, 1 if same else 2)]
    slug_id, path = controller.slug(app)
    heads = [raw_put(controller, path, f"Content-Length: {len(d)}\r\n", d[:-10]) for d in datas]
    for s, d in zip(heads, datas):
        s.sendall(d[-10:])
    assert sorted(status_of(s) for s in heads) == [200, 409]
    for s in heads:
        s.close()
    assert controller.curl(controller.get_path(app, slug_id)).body in datas
    wait_for("one blob of the two", lambda: sum(
        f"blobs/{hashlib.sha256(d).hexdigest()}" in controller.files() for d in {*datas}) == 1)


def test_a_blob_is_kept_while_another_slug_is_about_to_name_it(controller, app):
    """Two slugs with the same bytes, one of them with a wrong checksum."""
    data = big_slug(8 * MIB)
    good, good_path = controller.slug(app)
    _, bad_path = controller.slug(app, checksum="SHA256:" + "0" * 64)
    heads = [raw_put(controller, p, f"Content-Length: {len(data)}\r\n", data[:-10]) for p in (good_path, bad_path)]
    for s in heads:
        s.sendall(data[-10:])
    assert [status_of(s) for s in heads] == [200, 422]
    for s in heads:
        s.close()
    assert controller.curl(controller.get_path(app, good)).body == data


def test_the_17th_upload_has_to_wait(controller, app):
    data = slug({"./app/x": "1"})
    paths = [controller.slug(app)[1] for _ in range(17)]
    open_ones = [raw_put(controller, p, f"Content-Length: {len(data)}\r\n", data[:1]) for p in paths[:16]]
    wait_for("16 uploads", lambda: len(controller.files("incoming")) == 16)
    r = controller.put(paths[16], data)
    assert r.status == 503 and r.json()["id"] == "service_unavailable" and int(r.headers["retry-after"]) > 0
    for s in open_ones:
        s.close()
    wait_for("no uploads", lambda: not controller.files("incoming"))
    assert controller.put(paths[16], data).status == 200


def deploy_words(controller, app, source, terminal):
    """What dynoctl says on its standard error."""
    argv = [BUILD + "/dynoctl", "--root", controller.root, "deploy", app, str(source)]
    if not terminal:
        p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert p.returncode == 0, p
        return p.stderr
    import pexpect
    p = pexpect.spawn(argv[0], argv[1:], timeout=PATIENCE, encoding="utf-8")
    text = p.read()
    p.close()
    assert p.exitstatus == 0, text
    return text


def test_a_deploy_shows_its_progress_on_a_terminal_only(controller, app, tmp_path):
    (tmp_path / "Procfile").write_text("web: true\n")
    (tmp_path / "noise").write_bytes(noise(20 * MIB))
    text = deploy_words(controller, app, tmp_path, True)
    percents = [int(n) for n in re.findall(r"Uploading\.\.\. \[[#.]+\] +(\d+) %", text)]
    assert percents == sorted(percents) and percents[-1] == 100 and len(percents) > 3, text
    assert "Uploading" not in deploy_words(controller, app, tmp_path, False)


# ---- memory, disk, crashes ----

def test_memory_stays_flat_during_a_large_upload(controller, app, record_property):
    controller.upload(app, big_slug(MIB))
    before = controller.memory_peak()
    _, path = controller.slug(app)
    data = big_slug(300 * MIB)
    assert controller.put(path, data).status == 200
    after = controller.memory_peak()
    record_property("VmHWM", after)
    print(f"VmHWM {before >> 10} KiB before, {after >> 10} KiB after an upload of 300 MiB")
    assert after - before < 4 * MIB


def test_the_api_answers_while_a_slug_comes_in(controller, app):
    data = big_slug(200 * MIB, 3)
    _, path = controller.slug(app)
    slowest, done = 0, threading.Event()

    def upload():
        assert controller.put(path, data).status == 200
        done.set()
    t = threading.Thread(target=upload)
    t.start()
    while t.is_alive():
        start = time.monotonic()
        controller.api("GET", "/account")
        slowest = max(slowest, time.monotonic() - start)
        time.sleep(0.01)
    t.join()
    assert done.is_set()
    print(f"slowest answer meanwhile: {slowest * 1000:.0f} ms")
    assert slowest < 20  # not as long as an upload may take


def test_a_full_disk_is_told_and_leaves_nothing():
    root_of = "mount -t tmpfs -o size=24m,mode=755 none $0/var/lib/dyno/controller && exec \"$@\""
    c = Controller()
    c.wrap = ["unshare", "-m", "sh", "-c", root_of, c.root]
    os.makedirs(c.root + "/var/lib/dyno/controller")
    with c:
        c.store_in_ns = f"/proc/{c.process.pid}/root{c.store}"
        app = c.app("full")
        small = slug({"./app/x": "1"})
        _, path = c.slug(app)
        data = big_slug(40 * MIB)
        r = c.put(path, data)
        assert r.status == 507 and r.json()["id"] == "insufficient_storage", r
        assert "needs" in r.json()["message"] and "has" in r.json()["message"], r
        r = c.put(path, data, "-H", "Transfer-Encoding: chunked", "-H", "Expect:")
        assert r.status == 507, r
        assert os.listdir(c.store_in_ns + "/incoming") == [] and os.listdir(c.store_in_ns + "/blobs") == []
        assert c.put(path, small).status == 200


def killed_while_checked(c):
    """False if the job was over before anybody saw it."""
    app = c.app(f"checked-{time.monotonic_ns()}")
    _, path = c.slug(app)
    data = big_slug(20 * MIB, time.monotonic_ns())
    s = raw_put(c, path, f"Content-Length: {len(data)}\r\n", data)

    def answered():
        return select.select([s], [], [], 0)[0]
    while not answered() and not any(" check " in j for j in c.jobs()):
        pass
    c.kill()
    try:
        late = answered() and s.recv(1)
    except ConnectionError:
        late = False
    s.close()
    c.start()
    if not late:
        assert c.files() == []
    assert c.api("DELETE", f"/apps/{app}")[0] == 200
    wait_for("an empty store", lambda: c.files() == [])
    return not late


def test_kill_9_during_an_upload_leaves_nothing():
    with Controller() as c:
        app = c.app("killed")
        data = big_slug(20 * MIB)
        slug_id, path = c.slug(app)
        for cut in (MIB, 10 * MIB, len(data) - 1):
            s = raw_put(c, path, f"Content-Length: {len(data)}\r\n", data[:cut])
            wait_for("incoming file", lambda: c.files("incoming"))
            c.kill()
            s.close()
            c.start()
            assert c.files() == [], cut
        wait_for("a death while all of it is looked at", lambda: killed_while_checked(c))
        assert c.put(path, data).status == 200
        c.kill()
        c.start()
        assert c.curl(c.get_path(app, slug_id)).body == data
