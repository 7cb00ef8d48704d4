"""Bad input: one clear sentence each, the right status, nothing left behind."""
import os
import socket
import tarfile
import urllib.parse

import pytest

from harness import PATIENCE, slug


def deploy(host, app, workdir, data, name="slug.tgz"):
    path = os.path.join(workdir, name)
    with open(path, "wb") as f:
        f.write(data)
    return host.ctl("deploy", app, path, check=False)


def info(type, linkname="", mode=0o644):
    i = tarfile.TarInfo()
    i.type, i.linkname, i.mode = type, linkname, mode
    return i


PROC = {"./app/Procfile": "web: true\n"}
BAD_SLUGS = {
    "an empty file": (b"", "0 bytes|empty"),
    "not a tar": (b"this is no slug" * 1000, "tar|archive|format"),
    "a truncated archive": (slug({**PROC, "./app/big": os.urandom(300000)})[:150000], "truncated|damaged|corrupt|short"),
    "nothing below ./app": (slug({"./other/Procfile": "web: true\n"}), "app|Procfile"),
    "a path with ..": (slug({**PROC, "./app/../../evil": "x"}), "evil"),
    "an absolute path": (slug({**PROC, "/etc/evil": "x"}), "evil"),
    "a link that leads outside": (slug({**PROC, "./app/link": info(tarfile.SYMTYPE, "../../../etc")}), "link"),
    "a hard link that leads outside": (slug({**PROC, "./app/hard": info(tarfile.LNKTYPE, "/etc/shadow")}), "hard"),
    "a device": (slug({**PROC, "./app/dev": info(tarfile.CHRTYPE)}), "dev"),
    "a fifo": (slug({**PROC, "./app/pipe": info(tarfile.FIFOTYPE)}), "pipe"),
    "a set-uid program": (slug({**PROC, "./app/su": info(tarfile.REGTYPE, mode=0o4755)}), "su"),
}


@pytest.mark.parametrize("what", BAD_SLUGS)
def test_a_bad_slug_is_refused_with_a_sentence_and_leaves_nothing(host, app, workdir, what):
    data, wanted = BAD_SLUGS[what]
    blobs = os.path.join(host.root, "var/lib/dyno/controller/slugs")
    before = sorted(f for _, _, fs in os.walk(blobs) for f in fs)
    r = deploy(host, app, workdir, data)
    assert r.status == 1, r
    line = r.err.strip().splitlines()[-1]
    assert line.startswith("dynoctl: ") and any(w in line for w in wanted.split("|")), r
    assert host.json("releases", "-a", app) == [] or \
        all(not x["slug"] for x in host.json("releases", "-a", app))
    after = sorted(f for _, _, fs in os.walk(blobs) for f in fs)
    assert [f for f in after if f not in before and len(f) == 64 and "locks" not in f] == [] or \
        set(after) - set(before) <= {f for f in after if os.path.exists(os.path.join(blobs, "locks", f))}
    assert os.listdir(os.path.join(blobs, "incoming")) == []


def one_sentence(r, status, *words):
    assert r.status == status, r
    lines = r.err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("dynoctl: "), r
    assert all(w.lower() in lines[0].lower() for w in words), r


def test_an_unknown_app_is_named(host):
    one_sentence(host.ctl("ps", "-a", "no-such-app", check=False), 1, "find that app")


def test_a_directory_without_procfile_is_refused(host, app, workdir):
    d = os.path.join(workdir, "bare")
    os.makedirs(d, exist_ok=True)
    one_sentence(host.ctl("deploy", app, d, check=False), 1, "Procfile")


def test_a_missing_slug_file_is_named(host, app):
    one_sentence(host.ctl("deploy", app, "/nowhere/slug.tgz", check=False), 1, "/nowhere/slug.tgz")


def test_an_unknown_process_type_is_named(host, app):
    host.deploy(app, {"Procfile": "web: true\n"}, wait=False)
    one_sentence(host.ctl("scale", "-a", app, "wrong=1", check=False), 1, "process type", "wrong")


def test_a_bad_quantity_is_a_usage_error(host, app):
    r = host.ctl("scale", "-a", app, "web=many", check=False)
    assert r.status == 2 and "web=many" in r.err, r


def test_an_app_without_slug_runs_one_offs_in_an_empty_app_directory(host, app):
    r = host.run(app, "ls -A /app | wc -l")
    assert (r.status, r.out) == (0, "0\n")


@pytest.mark.parametrize("name", ["Upper", "a", "-x", "has_underscore", "x" * 31, "end-"])
def test_a_bad_app_name_is_refused(host, name):
    r = host.ctl("apps:create", "--", name, check=False)
    assert r.status != 0 and "can only contain lowercase letters, digits, and dashes" in r.err, r


@pytest.mark.parametrize("key", ["1A", "A-B", "__X", "HEROKU_X"])
def test_a_bad_config_key_is_named(host, app, key):
    r = host.ctl("config:set", "-a", app, f"{key}=1", check=False)
    assert r.status != 0 and key in r.err, r


def test_config_vars_are_limited_in_total(host, app):
    r = host.ctl("config:set", "-a", app, "BIG=" + "x" * 70000, check=False)
    assert r.status == 1 and "64" in r.err, r


def test_a_wrong_token_is_401(host):
    status, _, body = host.api("GET", "/apps", token="wrong")
    assert (status, body["id"]) == (401, "unauthorized")


def test_malformed_json_is_400(host):
    status, _, body = host.api("POST", "/apps", raw='{"name": ')
    assert (status, body["id"]) == (400, "bad_request")
    assert "JSON" in body["message"]


def test_a_wrong_type_names_the_field(host):
    status, _, body = host.api("POST", "/apps", body={"name": 7})
    assert status in (400, 422) and "name" in body["message"]


def test_an_unknown_path_is_404(host):
    status, _, body = host.api("GET", "/no/such/thing")
    assert (status, body["id"]) == (404, "not_found")


def test_a_header_of_10_mb_is_refused_and_the_server_goes_on(host):
    url = urllib.parse.urlparse(host.env["HEROKU_HOST"])
    with socket.create_connection((url.hostname, url.port), timeout=PATIENCE) as s:
        try:
            s.sendall(b"GET /apps HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * (10 << 20) + b"\r\n\r\n")
        except OSError:
            pass  # it stopped reading
        try:
            head = s.recv(4096)
        except OSError:
            head = b""
    assert head == b"" or b" 431 " in head.split(b"\r\n")[0] or b" 413 " in head.split(b"\r\n")[0]
    assert host.api("GET", "/apps")[0] == 200


def test_a_body_that_is_too_large_is_413(host, app):
    status, _, _ = host.api("PATCH", f"/apps/{app}/config-vars", raw='{"A": "' + "x" * (8 << 20) + '"}')
    assert status == 413


def test_an_unknown_verb_is_a_usage_error(host):
    assert host.ctl("frobnicate", check=False).status == 2


def test_a_noun_alone_shows_its_verbs(host):
    for args, status in (("host",), 2), (("host", "--help"), 0), (("-h", "host"), 0):
        r = host.ctl(*args, check=False)
        assert (r.status, r.err) == (status, "") and "host drain " in r.out and "sandbox" not in r.out
    r = host.ctl("host", "bogus", check=False)
    assert r.status == 2 and "host bogus" in r.err and r.out == ""


def test_a_second_dynod_on_the_same_root_says_so(host):
    import subprocess
    from harness import BUILD
    p = subprocess.run([BUILD + "/dynod", "--root", host.root], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    assert p.returncode == 1 and host.root in p.stderr
