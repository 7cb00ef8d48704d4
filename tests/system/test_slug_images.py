"""Slugs that are file systems: mounted, harmless, and gone without a trace."""
import hashlib
import os
import random
import shutil
import subprocess
import urllib.parse

import pytest

from harness import BUILD, SAMPLE, output, private_dir, wait_for

BIG = random.Random(7).randbytes(1 << 20)
FORMATS = ("erofs", "squashfs")


def dyno_slug(*args, check=True):
    p = subprocess.run([BUILD + "/dyno-slug", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    assert p.returncode == 0 or not check, p.stderr
    return p


def loops(host):
    """Loop devices that are this instance's by their backing file."""
    return sorted(l for l in output("losetup", "-l", "-n", "-O", "BACK-FILE").split() if l.startswith(host.root + "/"))


@pytest.fixture(scope="module")
def images(host):
    """An instance that takes images."""
    os.makedirs(host.root + "/etc/dyno/dynod.conf.d")
    with open(host.root + "/etc/dyno/dynod.conf.d/images.conf", "w") as f:
        f.write("slug-images = yes\n")
    host.kill("dynod")
    host.answers()
    yield host
    wait_for("no loop device", lambda: loops(images) == [])


def sample(d):
    """An app in a directory."""
    shutil.copytree(SAMPLE, d, dirs_exist_ok=True)
    os.makedirs(d + "/sub/dir")
    with open(d + "/sub/dir/big", "wb") as f:
        f.write(BIG)
    os.link(d + "/sub/dir/big", d + "/sub/again")
    os.symlink("sub/dir/big", d + "/link")
    with open(d + "/secret", "w") as f:
        f.write("of the app\n")
    os.chmod(d + "/secret", 0o600)


@pytest.fixture(scope="module")
def made(workdir):
    """{format: bytes of an image of the sample}."""
    sample(workdir + "/sample")
    dyno_slug("create", "--output", workdir + "/sample.tgz", workdir + "/sample")
    found = {}
    for fmt in FORMATS:
        dyno_slug("convert", "--format", fmt, "--output", f"{workdir}/sample.{fmt}", workdir + "/sample.tgz")
        found[fmt] = open(f"{workdir}/sample.{fmt}", "rb").read()
    return found


def hand_made(fmt, workdir, fill):
    """An image of what fill() makes, as a stranger would make it."""
    d = f"{workdir}/hand-{random.getrandbits(40):x}"
    os.makedirs(d + "/app")
    fill(d)
    if fmt == "erofs":
        subprocess.run(["mkfs.erofs", "--quiet", "-T0", d + ".img", d], check=True, stdout=subprocess.DEVNULL)
    else:
        subprocess.run(["mksquashfs", d, d + ".img", "-noappend", "-no-xattrs", "-quiet", "-no-progress"], check=True,
                       stdout=subprocess.DEVNULL)
    return open(d + ".img", "rb").read()


def upload(host, app, data):
    """Status and answer of the upload, and the slug's id."""
    types = {"web": "perl web.pl", "worker": "sleep 1000"}
    status, _, slug = host.api("POST", f"/apps/{app}/slugs", {"process_types": types})
    assert status == 201, slug
    url = urllib.parse.urlparse(slug["blob"]["url"])
    status, _, answer = host.api("PUT", f"{url.path}?{url.query}", raw=data, headers={"Content-Type": ""})
    return status, answer, slug["id"]


def release(host, app, data):
    status, answer, slug = upload(host, app, data)
    assert status == 200, answer
    status, _, answer = host.api("POST", f"/apps/{app}/releases", {"slug": slug})
    assert status == 201, answer
    return hashlib.sha256(data).hexdigest()


def logs_of(host):
    return "".join(open(os.path.join(top, f), errors="replace").read()
                   for top, _, files in os.walk(host.root + "/log") for f in files)


def test_images_are_off_unless_the_operator_wants_them(host, app, made):
    # First in this file: the fixture images has not been used yet.
    release(host, app, made["erofs"])
    r = host.run(app, "true", check=False)
    assert r.status != 0
    wait_for("the reason", lambda: "slug images are switched off on this host" in logs_of(host))
    host.ctl("scale", "-a", app, "web=0")


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_dyno_runs_from_an_image(images, app, made, fmt):
    release(images, app, made[fmt])
    dyno = images.wait_state(app, "web.1", "up")
    assert images.visit(dyno)[0] == 200
    r = images.run(app, "id -u; stat -c '%u %g %a %s %h %n' secret sub sub/again link; cat secret; sha256sum link; "
                   "find . -newermt 1980-01-02 | wc -l", check=True)
    lines = r.out.splitlines()
    uid = lines[0]
    assert lines[1:6] == [f"{uid} {uid} 600 11 1 secret", lines[2], f"{uid} {uid} 644 1048576 2 sub/again", lines[4],
                          "of the app"]
    assert lines[2].startswith(f"{uid} {uid} 755 ") and lines[4].startswith(f"{uid} {uid} 777 ")
    assert lines[6].split()[0] == hashlib.sha256(BIG).hexdigest()
    assert images.run(app, "cat /proc/self/mountinfo").out.count(fmt) == 0


@pytest.mark.parametrize("fmt", FORMATS)
def test_what_a_dyno_writes_stays_its_own(images, app, made, fmt):
    digest = release(images, app, made[fmt])
    r = images.run(app, "echo more >> secret && rm link && mv sub moved && touch new && chmod 700 moved && cat secret; ls")
    assert r.status == 0 and r.out.splitlines()[:2] == ["of the app", "more"], r
    assert "moved" in r.out and "new" in r.out and "link" not in r.out
    again = images.run(app, "cat secret; ls")
    assert again.out.splitlines()[0] == "of the app" and "link" in again.out and "new" not in again.out
    blob = f"{images.root}/var/lib/dyno/slugs/blobs/{digest}"
    assert open(blob, "rb").read() == made[fmt]
    assert os.stat(blob).st_ino == os.stat(f"{images.root}/var/lib/dyno/slugs/trees/{digest}/image").st_ino


@pytest.mark.parametrize("fmt", FORMATS)
def test_dynos_of_a_slug_share_a_mount_that_goes_with_them(images, app, made, fmt):
    wait_for("no device of others", lambda: loops(images) == [])
    release(images, app, made[fmt])
    images.ctl("scale", "-a", app, "web=1", "worker=2")
    for name in ("web.1", "worker.1", "worker.2"):
        images.wait_state(app, name, "up")
    assert len(loops(images)) == (fmt == "squashfs")
    # dynod dies and comes again; the dynos go on, another one starts.
    pids = sorted(d["pid"] for d in images.json("host", "ps"))
    images.kill("dynod")
    images.answers()
    assert set(pids) <= set(d["pid"] for d in images.json("host", "ps"))
    assert images.run(app, "cat secret").out == "of the app\n"
    images.ctl("scale", "-a", app, "web=0", "worker=0")
    wait_for("no dynos", lambda: images.dynos(app) == [])
    wait_for("devices as before", lambda: loops(images) == [])


@pytest.mark.parametrize("fmt", FORMATS)
def test_nothing_in_an_image_gives_privileges(images, app, workdir, fmt):
    def fill(d):
        shutil.copy("/bin/bash", d + "/app/rootsh")
        os.chmod(d + "/app/rootsh", 0o6755)
        shutil.copy("/bin/cat", d + "/app/capcat")
        if fmt == "erofs":  # the other has none, or is refused
            os.setxattr(d + "/app/capcat", "security.capability",
                        bytes.fromhex("0100000202000000000000000000000000000000"))
            os.setxattr(d + "/app/capcat", "user.note", b"x")
        os.mknod(d + "/app/mem", 0o666 | 0o020000, os.makedev(1, 1))
        os.mknod(d + "/app/zero", 0o666 | 0o020000, os.makedev(1, 5))
        os.mknod(d + "/app/disk", 0o666 | 0o060000, os.makedev(254, 0))
        os.mknod(d + "/app/whiteout", 0o666 | 0o020000, os.makedev(0, 0))
        os.mkfifo(d + "/app/fifo")
        with open(d + "/app/others", "w") as f:
            f.write("x")
        os.chown(d + "/app/others", 4711, 4711)
    release(images, app, hand_made(fmt, workdir, fill))
    images.ctl("scale", "-a", app, "web=0")
    r = images.run(app, "./rootsh -p -c 'id -u; id -g; grep -h Cap /proc/self/status'; id -u; "
                   "./capcat /proc/self/status | grep CapEff; "
                   "head -c 1 zero; head -c 1 mem; head -c 1 disk; ls -n others; ls; "
                   "getfattr -d -m - capcat 2>/dev/null; true")
    lines = r.out.splitlines()
    uid = lines[0]
    assert uid != "0" and lines[1] == uid and lines.count(uid) == 3, r
    caps = [l for l in lines if l.startswith("Cap")]
    assert len(caps) == 6 and all(int(l.split()[1], 16) == 0 for l in caps), r
    assert (r.out + r.err).count("Permission denied") == 3, r
    assert " 65534 65534 " in r.out and "whiteout" not in lines
    assert "user.note" not in r.out


@pytest.mark.parametrize("fmt", FORMATS)
def test_an_image_may_hold_app_alone(images, app, workdir, fmt):
    def more(d):
        os.makedirs(d + "/etc")
        with open(d + "/etc/ld.so.preload", "w") as f:
            f.write("/app/evil.so\n")

    def link(d):
        os.rmdir(d + "/app")
        os.symlink("/etc", d + "/app")

    def nothing(d):
        os.rmdir(d + "/app")
    wait_for("no device of others", lambda: loops(images) == [])
    for fill, words in ((more, "more than the directory app"), (link, "no directory app"), (nothing, "no directory app")):
        release(images, app, hand_made(fmt, workdir, fill))
        assert images.run(app, "true", check=False).status != 0
        assert words in logs_of(images)
        images.ctl("scale", "-a", app, "web=0")
    wait_for("no dynos", lambda: images.dynos(app) == [])
    wait_for("devices as before", lambda: loops(images) == [])


@pytest.mark.parametrize("fmt", FORMATS)
def test_superblocks_that_are_not_as_they_should_be_are_refused(images, app, made, workdir, fmt):
    data = made[fmt]
    at = 1024 if fmt == "erofs" else 0
    cuts = [data[:len(data) // 2], data[:at + 96], data + b"\0" * 8192]
    for n, cut in enumerate(cuts):
        path = f"{workdir}/cut-{n}.{fmt}"
        with open(path, "wb") as f:
            f.write(cut)
        p = dyno_slug("check", path, check=False)
        assert p.returncode == 1 and len(p.stderr.splitlines()) == 1, p
        status, answer, _ = upload(images, app, cut)
        assert status == 422, answer
    with open(f"{workdir}/xattr", "wb") as f:
        changed = bytearray(data)
        changed[1024 + 91 if fmt == "erofs" else 56] ^= 1
        f.write(changed)
    p = dyno_slug("check", f"{workdir}/xattr", check=False)
    assert p.returncode == 1 and "xattr" in p.stderr


@pytest.mark.parametrize("fmt", FORMATS)
def test_damaged_images_are_refused_or_harmless(images, app, made, workdir, fmt):
    wait_for("no device of others", lambda: loops(images) == [])
    rng = random.Random(5)
    images.ctl("scale", "-a", app, "web=0", check=False)
    outcomes = set()
    for turn in range(8):
        data = bytearray(made[fmt])
        if turn == 0:  # all of the content, and the tables of a squashfs
            data[8192:] = bytes(len(data) - 8192)
        else:
            for _ in range(1 + turn * 4):
                data[rng.randrange(2048, len(data))] ^= 1 << rng.randrange(8)
        status, answer, slug = upload(images, app, bytes(data))
        if status != 200:
            outcomes.add("refused")
            continue
        assert images.api("POST", f"/apps/{app}/releases", {"slug": slug})[0] == 201
        images.ctl("scale", "-a", app, "web=0", check=False)
        r = images.run(app, "find . -type f -print0 | xargs -0 cat > /dev/null", timeout=100)
        outcomes.add("ran" if r.status == 0 else "failed")
    assert "failed" in outcomes or "refused" in outcomes
    images.answers()
    wait_for("no dynos", lambda: images.dynos(app) == [])
    wait_for("devices as before", lambda: loops(images) == [])
