"""Slugs to do harm to, and what must be in them, read by Python's own tar reader."""
import hashlib
import os
import random
import stat
import subprocess
import tarfile

MTIME = 1500000000
IMAGE = "image"     # the truth about a slug that is mounted instead of unpacked


def fill(top, seed, entries=30, big=600_000):
    """A small app with all that a slug may hold."""
    rnd = random.Random(seed)
    app = os.path.join(top, "app")
    os.makedirs(app + "/bin")
    os.makedirs(app + "/empty/below")
    os.makedirs(app + "/locked")
    files = [("bin/web", 0o755, rnd.randbytes(3000)), ("locked/secret", 0o400, b"secret\n"), ("void", 0o644, b""),
             ("n\u00e4me with blanks", 0o664, b"x"), ("assets.bin", 0o640, rnd.randbytes(big))]
    files += [(f"lib{i % 3}/f{i}.rb", 0o644, rnd.randbytes(rnd.randrange(1, 9000))) for i in range(max(0, entries - 15))]
    for name, mode, data in files:
        path = os.path.join(app, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, mode)
    with open(app + "/sparse", "wb") as f:
        f.seek(1_000_000)
        f.write(b"middle")
        f.truncate(3_000_000)
    os.link(app + "/bin/web", app + "/bin/worker")
    os.link(app + "/bin/web", app + "/empty/web")
    os.symlink("bin/web", app + "/Procfile")
    os.symlink("/usr/bin/ruby", app + "/ruby")
    os.symlink("nowhere", app + "/empty/below/dangling")
    os.chmod(app + "/locked", 0o555)
    for at, dirs, names in os.walk(app, topdown=False):
        for name in dirs + names:
            os.utime(os.path.join(at, name), (MTIME, MTIME + rnd.randrange(1000)), follow_symlinks=False)
    os.utime(app, (MTIME, MTIME))


def make(path, seed, compressor="gzip", **kwargs):
    """Writes a slug to path; returns (sha256, truth)."""
    top = path + ".d"
    os.mkdir(top)
    fill(top, seed, **kwargs)
    subprocess.run(["tar", "--sparse", "--format=pax", "--sort=name", "--numeric-owner", "-I", compressor, "-cf", path,
                    "-C", top, "./app"], check=True)
    subprocess.run(["rm", "-rf", top], check=True)
    with open(path, "rb") as f:
        sha256 = hashlib.sha256(f.read()).hexdigest()
    return sha256, truth_of(path, compressor)


def truth_of(path, compressor):
    """{path: (type, mode, mtime, size and digest | target)}, hard links by the path of the first."""
    truth = {}
    plain = subprocess.run([compressor, "-dc", path], stdout=subprocess.PIPE, check=True)
    scratch = path + ".tar"
    with open(scratch, "wb") as f:
        f.write(plain.stdout)
    with tarfile.open(scratch) as tar:
        for m in tar:
            name = os.path.normpath(m.name)
            if m.isdir():
                truth[name] = ("dir", m.mode, int(m.mtime))
            elif m.issym():
                truth[name] = ("link", m.linkname, int(m.mtime))
            elif m.islnk():
                truth[name] = ("same", os.path.normpath(m.linkname))
            else:
                data = tar.extractfile(m).read()
                truth[name] = ("file", m.mode, int(m.mtime), len(data), hashlib.sha256(data).hexdigest())
    os.unlink(scratch)
    return truth


def look(tree):
    """The same of a directory, as it is on disk."""
    found, first = {}, {}

    def visit(path, name):
        st = os.lstat(path)
        if stat.S_ISDIR(st.st_mode):
            found[name] = ("dir", stat.S_IMODE(st.st_mode), int(st.st_mtime))
            for child in sorted(os.listdir(path)):
                visit(os.path.join(path, child), name + "/" + child)
        elif stat.S_ISLNK(st.st_mode):
            found[name] = ("link", os.readlink(path), int(st.st_mtime))
        elif not stat.S_ISREG(st.st_mode):
            found[name] = ("other", st.st_mode)
        elif st.st_ino in first:
            found[name] = ("same", first[st.st_ino])
        else:
            first[st.st_ino] = name
            with open(path, "rb") as f:
                data = f.read()
            found[name] = ("file", stat.S_IMODE(st.st_mode), int(st.st_mtime), len(data),
                           hashlib.sha256(data).hexdigest())

    visit(os.path.join(tree, "app"), "app")
    return found
