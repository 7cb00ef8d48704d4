"""Tar archives by hand: what no tool would write."""
import bz2
import gzip
import lzma
import os
import shutil
import struct
import subprocess
import tempfile

MTIME = 1600000000


def octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def base256(value, width):
    """GNU tar's form of numbers that are too large, or negative."""
    raw = (value % (1 << (8 * width))).to_bytes(width, "big")
    return bytes([raw[0] | 0x80]) + raw[1:]


def pad(data):
    return data + bytes(-len(data) % 512)


def header(name, kind=b"0", size=0, mode=0o644, link=b"", mtime=None, uid=None,
           prefix=b"", magic=b"ustar\x0000", raw_size=None, extra=b"",
           checksum=None):
    """One block. Everything may be given as raw bytes."""
    block = bytearray(512)

    def put(at, width, data):
        block[at:at + width] = data[:width].ljust(width, b"\0")

    put(0, 100, name)
    put(100, 8, mode if isinstance(mode, bytes) else octal(mode, 8))
    put(108, 8, uid or octal(1000, 8))
    put(116, 8, octal(1000, 8))
    put(124, 12, raw_size or octal(size, 12))
    put(136, 12, mtime or octal(MTIME, 12))
    put(156, 1, kind)
    put(157, 100, link)
    put(257, 8, magic)
    put(265, 32, b"user")
    put(297, 32, b"user")
    put(345, 155, prefix)
    if extra:
        at, data = extra
        block[at:at + len(data)] = data
    put(148, 8, b" " * 8)
    if checksum is None:
        checksum = sum(block)
    put(148, 8, b"%06o\0 " % checksum)
    return bytes(block)


def signed_sum(block):
    """Of a header, as tars of old computed it: bytes are signed."""
    block = block[:148] + b" " * 8 + block[156:]
    return sum(b - 256 if b > 127 else b for b in block)


GNU = b"ustar  \0"
END = bytes(1024)


def file(name, data=b"", **kw):
    kw.setdefault("size", len(data))
    return header(name, **kw) + pad(data)


def directory(name, mode=0o755, **kw):
    return header(name, b"5", mode=mode, **kw)


def symlink(name, target, **kw):
    return header(name, b"2", link=target, mode=0o777, **kw)


def hardlink(name, target, **kw):
    return header(name, b"1", link=target, **kw)


def record(key, value):
    body = b" " + key + b"=" + value + b"\n"
    n = len(body)
    while n != len(body) + len(str(n)):
        n = len(body) + len(str(n))
    return str(n).encode() + body


def raw_pax(data, kind=b"x"):
    return header(b"pax", kind, size=len(data)) + pad(data)


def pax(*pairs, kind=b"x"):
    return raw_pax(b"".join(record(k, v) for k, v in pairs), kind)


def gnu_long(name, kind=b"L"):
    return header(b"././@LongLink", kind, size=len(name) + 1,
                  magic=GNU) + pad(name + b"\0")


def gnu_sparse(name, real, blocks, data, extended=b""):
    """The old form: the map is in the header."""
    area = b"".join(octal(o, 12) + octal(n, 12) for o, n in blocks[:4])
    area = area.ljust(96, b"\0") + (b"\1" if extended else b"\0")
    area += real if isinstance(real, bytes) else octal(real, 12)
    return header(name, b"S", size=len(data), magic=GNU,
                  extra=(386, area)) + extended + pad(data)


PROCFILE = file(b"app/Procfile", b"web: x\n")


def slug(*parts):
    """Something good first, then the hostile part."""
    return PROCFILE + b"".join(parts) + END


def gz(data, level=6):
    return gzip.compress(data, level, mtime=0)


def xz(data, **kw):
    return lzma.compress(data, **kw)


def bz(data):
    return bz2.compress(data)


def tool(name, *args):
    """Compression by a program, or None if it is not there."""
    def run(data):
        if not shutil.which(name):
            return None
        return subprocess.run([name, *args], input=data, check=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout
    return run


zstd = tool("zstd", "-q", "-c")
lz4 = tool("lz4", "-q", "-c")


def zstd_raw(data, window_byte=None, checksum=b""):
    """A frame of blocks that are not compressed, with a window of choice."""
    flag = 4 if checksum else 0
    out = b"\x28\xb5\x2f\xfd" + bytes([flag, window_byte or 0x58])
    for at in range(0, len(data), 65536):
        part = data[at:at + 65536]
        last = at + 65536 >= len(data)
        out += struct.pack("<I", len(part) << 3 | last)[:3] + part
    return out + checksum


def zstd_rle(count, block=131072):
    """Zeros without end in four bytes a block."""
    out = b"\x28\xb5\x2f\xfd\x00\x58"
    for i in range(count):
        out += struct.pack("<I", block << 3 | 1 << 1 | (i == count - 1))[:3]
        out += b"\0"
    return out


def gnu_tar(form, *compression):
    """A slug by tar(1): long name, links, hole; None if it cannot."""
    with tempfile.TemporaryDirectory() as top:
        app = os.path.join(top, "app")
        os.makedirs(os.path.join(app, "d"))
        for name, data in (("Procfile", b"web: x\n"), ("d/" + "l" * 95, b"1"),
                           ("hole", b"data")):
            with open(os.path.join(app, name), "wb") as f:
                f.seek(1 << 16 if name == "hole" else 0)
                f.write(data)
        os.symlink("/usr/bin/python3", os.path.join(app, "s"))
        os.link(os.path.join(app, "Procfile"), os.path.join(app, "h"))
        args = ["tar", "-C", top, "--format=" + form, "--sort=name",
                "--mtime=@%d" % MTIME, "--owner=0", "--group=0", *compression]
        if form != "ustar":
            args.append("--sparse")
        try:
            r = subprocess.run(args + ["-cf", "-", "./app"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            return None
        return r.stdout if r.returncode == 0 else None
