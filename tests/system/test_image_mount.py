"""An image as a slug, by the runtime alone: on every kernel, also where a loop
device is needed and where owners of a squashfs cannot be mapped."""
import os
import subprocess

import pytest

from harness import BUILD, output, wait_for

SCRIPT = """id -u; stat -c '%u %a %n' hello sub/tool; cat hello
echo more >> hello && mv sub moved && tail -n 1 hello && ls
head -c 1 zero; ./tool2 -c 'id -u'; cat others; ls /; grep -c -e erofs -e squashfs /proc/self/mountinfo"""


@pytest.fixture(scope="module")
def tree(workdir):
    d = workdir + "/image"
    os.makedirs(d + "/app/sub")
    with open(d + "/app/hello", "w") as f:
        f.write("from the image\n" * 10000)
    os.chmod(d + "/app/hello", 0o600)
    for name, mode in (("sub/tool", 0o755), ("tool2", 0o6755)):
        with open(f"{d}/app/{name}", "wb") as to, open("/bin/bash", "rb") as f:
            to.write(f.read())
        os.chmod(f"{d}/app/{name}", mode)
    with open(d + "/app/others", "w") as f:
        f.write("of nobody\n")
    os.chown(d + "/app/others", 4711, 4711)
    os.mknod(d + "/app/zero", 0o666 | 0o020000, os.makedev(1, 5))
    os.setxattr(d + "/app/sub", "trusted.overlay.redirect", b"/etc")
    os.setxattr(d + "/app/sub", "trusted.overlay.opaque", b"y")
    return d


def make(fmt, tree, path):
    argv = {"erofs": ["mkfs.erofs", "--quiet", "-zlz4hc", path, tree],
            "squashfs": ["mksquashfs", tree, path, "-noappend", "-quiet", "-no-progress"]}[fmt]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("fmt", ("erofs", "squashfs"))
def test_a_dyno_has_an_image_as_its_app(tree, workdir, fmt):
    path = f"{workdir}/{fmt}.img"
    make(fmt, tree, path)
    p = subprocess.run([BUILD + "/system-runtime", "run", "-i", path, "/bin/sh", "-c", f"cd /app; {SCRIPT}"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, env={**os.environ, "TMPDIR": workdir})
    wait_for("no loop device", lambda: not [l for l in output("losetup", "-l", "-n", "-O", "BACK-FILE").split()
                                            if l.startswith(workdir + "/rt-")])
    release = tuple(int(x) for x in os.uname().release.split(".")[:2])
    if fmt == "squashfs" and release < (6, 2):
        assert p.returncode == 1 and "this kernel has no idmapped mounts of such" in p.stdout, p
        return
    lines = p.stdout.splitlines()
    uid = lines[0]
    assert uid != "0" and lines[1] == f"{uid} 600 hello", p
    assert lines[2] == f"{uid} 755 sub/tool"
    assert lines[3:10003] == ["from the image"] * 10000 and lines[10003] == "more"
    rest = lines[10004:]
    assert rest[:5] == ["hello", "moved", "others", "tool2", "zero"], rest
    assert "Permission denied" in rest[5] and rest[6:8] == [uid, "of nobody"], p
    assert "image" not in rest and rest[-1] == "0"
