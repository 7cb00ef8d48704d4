"""dyno-slug create and convert: the same bytes everywhere, whole or not at all."""
import json
import os
import pty
import subprocess
import tempfile

import pytest

from harness import BUILD, PATIENCE

PROGRAM = BUILD + "/dyno-slug"


def dyno_slug(*args, status=0, **kw):
    p = subprocess.run([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, **kw)
    assert p.returncode == status, p
    return p


def fill(d, names, umask):
    old = os.umask(umask)
    try:
        os.makedirs(d + "/lib/deep")
        for n in names:
            with open(f"{d}/lib/{n}", "w") as f:
                f.write(f"I am {n}\n" * 500)
        with open(d + "/run", "w") as f:
            f.write("#!/bin/sh\n")
        os.chmod(d + "/run", 0o777 & ~umask)
        os.symlink("/usr/bin/env", d + "/env")
        os.link(d + "/lib/b", d + "/lib/deep/b")
        with open(d + "/.slugignore", "w") as f:
            f.write("*.log\n/spec/ # tests\n")
        with open(d + "/lib/x.log", "w") as f:
            f.write(str(umask))
        os.makedirs(d + "/.git/objects")
    finally:
        os.umask(old)


@pytest.fixture
def trees(tmp_path):
    """The same content, made in another order, at other times, by others."""
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    names = ["a", "b", "c", "\u00e4", "n" * 150]
    fill(one, names, 0o022)
    fill(two, names[::-1], 0o002)
    os.utime(two + "/lib/a", (1, 1))
    os.chown(two + "/lib/b", 4711, 4711)
    return one, two


@pytest.mark.parametrize("filter", ("gzip", "zstd", "xz", "none"))
def test_the_same_content_is_the_same_slug(trees, tmp_path, filter):
    one, two = trees
    a, b = dyno_slug("create", "--compress", filter, one), dyno_slug(
        "create", "--compress", filter, two, preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}))
    assert a.stdout == b.stdout and a.stderr == b.stderr and len(a.stdout) > 200
    path, store = str(tmp_path / "slug"), str(tmp_path / "store")
    made = json.loads(dyno_slug("create", "--compress", filter, "--json", "--output", path, one).stdout)
    assert made["sha256"].encode() == a.stderr.strip() and made["ignored"] == 1 and made["dropped"] == 1
    assert open(path, "rb").read() == a.stdout and made["size"] == len(a.stdout)
    dyno_slug("--store", store, "import", path)
    dyno_slug("--store", store, "unpack", made["sha256"])
    os.remove(one + "/lib/x.log")
    os.removedirs(one + "/.git/objects")
    subprocess.run(["diff", "-r", "--no-dereference", one, f"{store}/trees/{made['sha256']}/app"], check=True)


def test_the_output_is_whole_or_not_there(trees, tmp_path):
    one, _ = trees
    out = one + "/slug.tgz"  # in the directory itself, as "." is
    first = dyno_slug("create", "--output", out, one).stdout
    assert dyno_slug("create", "--output", out, one).stdout == first
    os.symlink("../../etc", one + "/lib/out")
    before = os.stat(out)
    p = dyno_slug("create", "--output", out, one, status=1)
    assert p.stderr.decode().splitlines()[-1].endswith('"./app/lib/out" is a link to "../../etc", which leaves ./app')
    assert os.stat(out).st_ino == before.st_ino
    assert not [n for n in os.listdir(one) if "slug.tgz" in n and n != "slug.tgz"]
    p = dyno_slug("create", one, status=1)
    assert p.stdout == b""
    p = dyno_slug("create", "--output", "/dev/null", one, status=1)
    assert b"exists and is no file" in p.stderr and not os.path.isfile("/dev/null")


def test_a_terminal_gets_no_slug(trees):
    ours, theirs = pty.openpty()
    p = subprocess.run([PROGRAM, "create", trees[0]], stdout=theirs, stderr=subprocess.PIPE, timeout=PATIENCE)
    os.close(theirs)
    os.close(ours)
    assert p.returncode == 1 and b"standard output is a terminal" in p.stderr


@pytest.mark.parametrize("args, words", (
    (("--compress", "lzma"), "--compress is"), (("--level", "10"), "1 to 9"), (("--times", "now"), "keep or fixed"),
    (("--compress", "zstd", "--level", "20"), "1 to 19")))
def test_wrong_arguments_are_usage(trees, args, words):
    assert words in dyno_slug("create", *args, trees[0], status=2).stderr.decode()


@pytest.mark.parametrize("fmt", ("erofs", "squashfs"))
def test_an_image_depends_on_the_slug_alone(trees, tmp_path, fmt):
    path = str(tmp_path / "slug")
    digest = dyno_slug("create", "--output", path, trees[0]).stdout.decode().strip()
    images = []
    for place in ("/dev/shm", str(tmp_path)):
        with tempfile.TemporaryDirectory(prefix="dyno-c-", dir=place) as tmp:
            images.append(dyno_slug("convert", "--format", fmt, path, env={**os.environ, "TMPDIR": tmp}).stdout)
            assert os.listdir(tmp) == []
    store = str(tmp_path / "store")
    dyno_slug("--store", store, "import", path)
    out = str(tmp_path / "image")
    dyno_slug("--store", store, "convert", "--format", fmt, "--output", out, digest)
    assert images[0] == images[1] == open(out, "rb").read()
    assert b"an image already" in dyno_slug("convert", out, status=1).stderr
    assert dyno_slug("--store", store, "convert", "0" * 64, status=3).stdout == b""
