"""The slugs that tests/bench/slug measures with: always the same on the same machine.

Many small files of interpreters and their packages, then large ones (compiled extensions, archives) until the
wanted size is reached. Times and owners are fixed; gzip has no name or time in it.
"""
import gzip
import hashlib
import io
import os
import stat
import subprocess
import tarfile

SMALL = ["/usr/lib/python3", "/usr/lib/python3.11", "/usr/lib/node_modules", "/usr/lib/ruby", "/usr/share/nodejs",
         "/usr/share/perl", "/usr/share/perl5", "/usr/share/go-1.19", "/usr/share/vim", "/usr/share/cmake-3.25",
         "/usr/share/doc", "/usr/share/locale", "/usr/lib/google-cloud-sdk", "/usr/share"]
LARGE = ["/usr/lib/go-1.19", "/usr/lib/jvm", "/usr/lib/x86_64-linux-gnu", "/usr/lib/llvm-14", "/usr/lib"]
SMALL_MAX, LARGE_MAX = 256 << 10, 32 << 20
LEVEL = 6
MTIME = 1600000000
SMALL_SHARE = 0.6   # of the wanted size, at most


def walk(top):
    for where, dirs, files in os.walk(top):
        dirs.sort()
        for name in sorted(files):
            yield os.path.join(where, name)


def add(tar, path):
    """The bytes of it in the tar, or None: no file or link that an application could have."""
    st = os.lstat(path)
    info = tarfile.TarInfo("./app" + path.removeprefix("/usr"))
    info.mtime = MTIME + st.st_size % 1000
    info.mode = 0o755 if st.st_mode & 0o111 else 0o644
    if stat.S_ISLNK(st.st_mode):
        target = os.readlink(path)
        if target.startswith("/"):
            return None
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
        depth = info.name.count("/") - 2
        if target.count("..") > depth:
            return None
        tar.addfile(info)
        return 0
    if not stat.S_ISREG(st.st_mode):
        return None
    with open(path, "rb") as f:
        data = f.read()
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
    return len(data)


class Maker:
    def __init__(self, out, tar):
        self.out, self.tar, self.seen, self.dirs = out, tar, set(), set()
        self.n = self.size = 0

    def directory(self, path):
        if path in self.dirs or path in ("/", ""):
            return
        self.directory(os.path.dirname(path))
        self.dirs.add(path)
        info = tarfile.TarInfo("./app" + path.removeprefix("/usr"))
        info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, MTIME
        self.tar.addfile(info)

    def take(self, tops, least, most, enough):
        for path in (p for top in tops for p in walk(top)):
            if enough():
                return
            if path in self.seen or not os.access(path, os.R_OK):
                continue
            if not least <= os.lstat(path).st_size <= most:
                continue
            self.seen.add(path)
            self.directory(os.path.dirname(path))
            size = add(self.tar, path)
            if size is not None:
                self.n += 1
                self.size += size


def make(path, packed, files):
    """Writes a slug of at least so many packed bytes and files; says how many and how large they are."""
    with open(path, "wb") as out, gzip.GzipFile("", "wb", LEVEL, out, 0) as gz, \
            tarfile.open(fileobj=gz, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        m = Maker(out, tar)
        m.take(SMALL, 0, SMALL_MAX, lambda: m.n >= files)
        m.take(LARGE, SMALL_MAX, LARGE_MAX, lambda: out.tell() >= packed)
    if m.n < files or os.path.getsize(path) < packed:
        raise RuntimeError(f"this machine has no {files} files and {packed} bytes to make a slug of")
    return m.n, m.size


def make_names(path, entries, kind):
    """So many empty entries, 500 to a directory, with the longest names that may be; 64 MiB of text first, to
    make the decoder use the whole window of 32 MiB."""
    zstd = subprocess.Popen(["zstd", "-q", "-1", "--long=25", "-f", "-o", path], stdin=subprocess.PIPE)
    with tarfile.open(fileobj=zstd.stdin, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        info = tarfile.TarInfo("app/noise")
        info.size = 64 << 20
        block = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(1 << 15))
        tar.addfile(info, io.BytesIO(block * (info.size // len(block))))
        for i in range(entries - entries // 500 - 4):
            name = hashlib.sha512(b"%d" % i).hexdigest()
            info = tarfile.TarInfo(f"app/{i // 500:05}/{(name * 2)[:255]}")
            info.type, info.mtime, info.mode = kind.encode(), MTIME, 0o755
            tar.addfile(info)
    zstd.stdin.close()
    if zstd.wait() != 0:
        raise RuntimeError("zstd failed")
