"""The corpus: name, bytes of the slug file, and what is to become of it.

A verdict is refuse("text in the message") or keep(path=content...), which says
every file below app/ but Procfile. Deterministic: no clock, seeded random.
"""
import io
import random
import tarfile
import zipfile

from tarball import *

CASES = []
MISSING = []      # the tool to make it is not there
ANY = object()      # a file of whatever content


class Refuse:
    def __init__(self, *texts):
        self.texts = texts


class Keep:
    """What is below app/: bytes = file, str = link, None = directory."""

    def __init__(self, names=None, procfile=True, check=None):
        self.names = dict(names or {})
        if procfile:
            self.names.setdefault("Procfile", b"web: x\n")
        self.check = check


def add(name, data, verdict):
    if data is not None:
        CASES.append((name, data, verdict))
    else:
        MISSING.append(name)


def entry(name, what):
    return Refuse('entry "%s" %s' % (name, what))


# ---- paths

ABSOLUTE, UP, LEAVES = "has an absolute path", 'has ".."', "leaves ./app"

for path, what in (
        ("../x", LEAVES), ("..", LEAVES), ("./../x", LEAVES),
        ("app/../../x", LEAVES), ("app/../x", LEAVES), ("app/..", LEAVES),
        ("app/a/../b", UP), ("app/a/..", UP), ("app//..//..//x", LEAVES),
        ("app/./../../x", LEAVES), ("app/../app/x", LEAVES),
        ("./app/../../../../../../tmp/x", LEAVES), ("other/../../x", LEAVES),
        ("/x", ABSOLUTE), ("//x", ABSOLUTE), ("/app/x", ABSOLUTE),
        ("/", ABSOLUTE), ("/../x", ABSOLUTE)):
    add("path " + path, slug(file(path.encode(), b"x")), entry(path, what))
add("directory app/../d/", slug(directory(b"app/../d/")),
    entry("app/../d/", LEAVES))
add("path of dots and slashes", slug(file(b".///app/.//./x", b"1")),
    Keep({"x": b"1"}))
add("trailing slash makes a directory", slug(file(b"app/x/")),
    Keep({"x": None}))
for path in (r"app\..\..\x", r"..\x", "%2e%2e/x", r"C:\x", "~/x"):
    add("outside " + path, slug(file(path.encode(), b"x")), Keep())
for path in (r"..\..\x", "%2e%2e", "...", ".. ", " ..", "..;", "a\tb", "a\nb",
             "a\x1b[2J", "-rf", "*", "CON", "x:y", "~"):
    add("odd but a name: %r" % path, slug(file(b"app/" + path.encode(), b"1")),
        Keep({path: b"1"}))
add("name \\xff", slug(file(b"app/\xff\xfe", b"1")), Keep({b"\xff\xfe": b"1"}))
add("pax name \\xff", slug(pax((b"path", b"app/\xff\xfe")), file(b"app/z", b"1")),
    Keep({b"\xff\xfe": b"1"}))
add("pax name \\xff leaves", slug(pax((b"path", b"../\xff")), file(b"app/z")),
    Refuse('entry "../?" leaves ./app'))
add("binary pax names", slug(pax((b"hdrcharset", b"BINARY"),
                                 (b"path", b"app/\xff")), file(b"app/z", b"1")),
    Keep({b"\xff": b"1"}))
add("no name", slug(file(b"", b"x")), Refuse("an entry has no name"))
add("empty pax name", slug(pax((b"path", b"")), file(b"app/z", b"1")),
    Keep({"z": b"1"}))
add("NUL in a pax name", slug(pax((b"path", b"app/ok\0/../../../x")),
                              file(b"app/z", b"1")), Keep({"ok": b"1"}))
add("NUL hides an extension", slug(file(b"app/x\0.png", b"1")), Keep({"x": b"1"}))
add("ustar prefix leaves", slug(file(b"x", prefix=b"app/../..")),
    entry("app/../../x", LEAVES))
add("ustar prefix absolute", slug(file(b"app/x", prefix=b"/")), Refuse(ABSOLUTE))
add("ustar name and prefix without NUL",
    slug(file(b"n" * 100, b"1", prefix=b"app/" + b"p" * 151)),
    Keep({"p" * 151: None, "p" * 151 + "/" + "n" * 100: b"1"}))
add("GNU header has no prefix", slug(file(b"app/x", b"1", magic=GNU,
                                          prefix=b"../..")), Keep({"x": b"1"}))
add("GNU long name leaves", slug(gnu_long(b"app/../../x"), file(b"app/z")),
    entry("app/../../x", LEAVES))
add("GNU long link leaves", slug(gnu_long(b"/etc/shadow", b"K"),
                                 hardlink(b"app/z", b"app/Procfile")),
    entry("app/z", "is a hard link to"))
add("GNU long name over a pax name",
    slug(gnu_long(b"../g"), pax((b"path", b"app/p")), file(b"app/z", b"1")),
    Refuse(""))
add("two GNU long names", slug(gnu_long(b"app/one"), gnu_long(b"app/two"),
                               file(b"app/z", b"1")), Keep({"two": b"1"}))
add("two pax names: the last", slug(pax((b"path", b"app/a"), (b"path", b"app/b")),
                                    file(b"app/z", b"1")), Keep({"b": b"1"}))
add("two pax names: the last leaves",
    slug(pax((b"path", b"app/a"), (b"path", b"../b")), file(b"app/z")),
    entry("../b", LEAVES))
add("global pax name", slug(pax((b"path", b"../g"), kind=b"g"),
                            file(b"app/z", b"1")), Keep({"z": b"1"}))
add("name of 64 KiB", slug(pax((b"path", b"app/" + b"n" * 65536)), file(b"z")),
    Refuse("nnn...", "has a name of more than 255 bytes"))
add("GNU name of 64 KiB", slug(gnu_long(b"app/" + b"n" * 65536), file(b"z")),
    Refuse("nnn...", "has a name of more than 255 bytes"))
add("path of 64 KiB", slug(pax((b"path", b"app" + b"/n" * 32768)), file(b"z")),
    Refuse("is more than 64 directories deep"))
add("path of 4 KiB", slug(pax((b"path", b"app" + (b"/" + b"n" * 250) * 17)),
                          file(b"z")),
    Refuse("has a path of more than 4095 bytes"))
add("path of slashes", slug(pax((b"path", b"app" + b"/." * 40000 + b"/x")),
                            file(b"z", b"1")), Keep({"x": b"1"}))
add("64 deep", slug(pax((b"path", b"app" + b"/d" * 63)), file(b"z", b"1")),
    Keep({**{"/".join("d" * n): None for n in range(1, 63)},
          "/".join("d" * 63): b"1"}))
add("65 deep", slug(pax((b"path", b"app" + b"/d" * 64)), file(b"z")),
    Refuse("is more than 64 directories deep"))
add("name of 256 bytes", slug(pax((b"path", b"app/" + b"n" * 256)), file(b"z")),
    Refuse("has a name of more than 255 bytes"))
add("name of 255 bytes", slug(pax((b"path", b"app/" + b"n" * 255)),
                              file(b"z", b"1")), Keep({"n" * 255: b"1"}))
add("NFC and NFD", slug(*[file(("app/" + n).encode(), n.encode())
                          for n in ("\u00e9", "e\u0301")]),
    Keep({n: n.encode() for n in ("\u00e9", "e\u0301")}))
# libarchive makes NFC of names in pax headers: then they are the same file.
add("NFC and NFD in pax",
    slug(*[pax((b"path", ("app/" + n).encode())) + file(b"z", n.encode())
           for n in ("\u00e9", "e\u0301")]),
    Keep({"\u00e9": "e\u0301".encode()}))
add("right to left", slug(file("app/\u202egnp.sh".encode(), b"1")),
    Keep({"\u202egnp.sh": b"1"}))
add("right to left in a message",
    slug(file("app/\u202egnp.sh".encode(), mode=0o4755)),
    Refuse('entry "app/?gnp.sh" has a setuid bit'))
add("control characters in a message",
    slug(file("app/\x1b[2J\u009b1m\"\n".encode(), mode=0o4755)),
    Refuse('entry "app/?[2J?1m??" has a setuid bit'))
add("fullwidth dots", slug(file("app/\uff0e\uff0e/x".encode(), b"1")),
    Keep({"\uff0e\uff0e": None, "\uff0e\uff0e/x": b"1"}))
add("overlong UTF-8 dots", slug(file(b"app/\xc0\xae\xc0\xae/x", b"1")),
    Keep({b"\xc0\xae\xc0\xae": None, b"\xc0\xae\xc0\xae/x": b"1"}))
add("names that differ in case", slug(file(b"app/A", b"1"), file(b"app/a", b"2")),
    Keep({"A": b"1", "a": b"2"}))
add("our own mark", slug(file(b".ok"), file(b"app/.ok", b"1")), Keep({".ok": b"1"}))

# ---- links

OUT = symlink(b"app/out", b"/etc")

add("file through a link", slug(OUT, file(b"app/out/x", b"x")),
    entry("app/out/x", 'is below "app/out", which is not a directory'))
add("directory through a link", slug(OUT, directory(b"app/out/d")),
    Refuse('is below "app/out"'))
add("link through a link", slug(OUT, symlink(b"app/out/l", b"/")),
    Refuse('is below "app/out"'))
add("hard link through a link", slug(OUT, hardlink(b"app/h", b"app/out/passwd")),
    Refuse('"app/out/passwd", which is not there'))
add("directory over a link", slug(OUT, directory(b"app/out")),
    entry("app/out", "is there twice, as a directory and as another thing"))
add("link over a directory", slug(directory(b"app/d"), symlink(b"app/d", b"/etc")),
    entry("app/d", "is there twice"))
add("file over a link", slug(OUT, file(b"app/out", b"1")), Keep({"out": b"1"}))
add("link over a file, then a file in it",
    slug(file(b"app/f", b"1"), symlink(b"app/f", b"/etc"), file(b"app/f/x")),
    Refuse('is below "app/f"'))
add("app is a link", symlink(b"app", b"/etc") + file(b"app/x") + END,
    entry("app", "is not a directory"))
add("app is a file", file(b"app", b"x") + END, entry("app", "is not a directory"))
add("app is a hard link", slug(hardlink(b"app", b"app/Procfile")),
    entry("app", "is not a directory"))
for target in ("../x", "../../etc/passwd", "..", "a/../../x", "./../x",
               "../app/Procfile"):
    add("link to " + target, slug(symlink(b"app/l", target.encode())),
        entry("app/l", 'is a link to "%s", which leaves ./app' % target))
for target in ("/etc/passwd", "/app/x", "/../..", "Procfile", ".", "d/../x",
               "\\..\\x", "%2e%2e/x"):
    add("link kept to " + target, slug(symlink(b"app/l", target.encode())),
        Keep({"l": target}))
add("link without a target", slug(symlink(b"app/l", b"")),
    entry("app/l", "is a link without a target"))
add("target of 64 KiB", slug(pax((b"linkpath", b"t" * 65536)),
                             symlink(b"app/l", b"x")),
    entry("app/l", "has a target of more than 4095 bytes"))
add("link to itself", slug(symlink(b"app/l", b"l")), Keep({"l": "l"}))
add("loop of links", slug(symlink(b"app/a", b"b"), symlink(b"app/b", b"a")),
    Keep({"a": "b", "b": "a"}))
add("file through a loop", slug(symlink(b"app/a", b"b"), symlink(b"app/b", b"a"),
                                file(b"app/a/x")), Refuse('is below "app/a"'))
add("link with data", slug(header(b"app/l", b"2", size=5, link=b"x") +
                           pad(b"12345"), file(b"app/z", b"1")), Refuse(""))
for target, what in (
        ("/etc/shadow", "leaves ./app"), ("../x", "leaves ./app"),
        ("app/../../x", "leaves ./app"), ("Procfile", "leaves ./app"),
        ("app/none", "is not there"), ("app", "is a directory"),
        ("app/h", "is not there"), ("app/Procfile/x", "is not there")):
    add("hard link to " + target, slug(hardlink(b"app/h", target.encode())),
        entry("app/h", 'is a hard link to "%s", which %s' % (target, what)))
add("hard link before its target",
    slug(hardlink(b"app/h", b"app/f"), file(b"app/f", b"1")),
    entry("app/h", 'is a hard link to "app/f", which is not there'))
add("hard link to what is ignored", slug(file(b"x", b"1"), hardlink(b"app/h", b"x")),
    entry("app/h", 'is a hard link to "x", which leaves ./app'))
add("hard link to itself", slug(hardlink(b"app/Procfile", b"app/Procfile")), Keep())
add("chain of hard links",
    slug(*[hardlink(b"app/%d" % i, b"app/%d" % (i - 1) if i else b"app/Procfile")
           for i in range(50)]),
    Keep({str(i): b"web: x\n" for i in range(50)},
         check=lambda st: st("49").st_nlink == 51))
add("hard link to a link", slug(OUT, hardlink(b"app/h", b"app/out")),
    Keep({"out": "/etc", "h": "/etc"}))
CLIMB = directory(b"app/d") + symlink(b"app/d/l", b"../Procfile")
add("hard link to a link that climbs",
    slug(CLIMB, directory(b"app/e"), hardlink(b"app/e/h", b"app/d/l")),
    Keep({"d": None, "e": None, "d/l": "../Procfile", "e/h": "../Procfile"}))
add("hard link to a link that would leave", slug(CLIMB, hardlink(b"app/h", b"app/d/l")),
    entry("app/h", 'is a hard link to "app/d/l", which is a link that would'
          " leave ./app"))
add("the same by a second hard link",
    slug(CLIMB, hardlink(b"app/d/m", b"app/d/l"), hardlink(b"app/h", b"app/d/m")),
    entry("app/h", "is a hard link to"))
add("written through a hard link",
    slug(file(b"app/a", b"1"), hardlink(b"app/b", b"app/a"), file(b"app/b", b"2")),
    Keep({"a": b"1", "b": b"2"}))
add("hard link with data",
    slug(header(b"app/h", b"1", size=5, link=b"app/Procfile") + pad(b"12345"),
         file(b"app/z", b"1")), Refuse("") )
add("hard link to \\xff", slug(pax((b"linkpath", b"app/\xff")), hardlink(b"app/h", b"")),
    entry("app/h", "is of an unknown type"))
add("hard link replaces a directory",
    slug(directory(b"app/d"), hardlink(b"app/d", b"app/Procfile")),
    entry("app/d", "is there twice"))

# ---- duplicates

add("file twice", slug(file(b"app/f", b"first"), file(b"app/f", b"2")),
    Keep({"f": b"2"}))
add("file over a directory", slug(directory(b"app/d"), file(b"app/d", b"x")),
    entry("app/d", "is there twice"))
add("directory over a file", slug(file(b"app/f", b"x"), directory(b"app/f")),
    entry("app/f", "is there twice"))
add("implied directory over a file", slug(file(b"app/f", b"x"), file(b"app/f/g")),
    entry("app/f/g", 'is below "app/f", which is not a directory'))
add("directory twice: the last mode",
    slug(directory(b"app/d", 0o700), directory(b"app/d", 0o750)),
    Keep({"d": None}, check=lambda st: st("d").st_mode & 0o7777 == 0o750))

# ---- kinds and modes

for kind, what in ((b"3", "is a device"), (b"4", "is a device"),
                   (b"6", "is a fifo")):
    add("kind %s" % kind.decode(), slug(header(b"app/x", kind)),
        entry("app/x", what))
add("device outside", slug(header(b"dev/null", b"3")), Keep())
add("socket in the mode", slug(header(b"app/x", mode=0o140644)), Keep({"x": b""}))
add("device in the mode", slug(header(b"app/x", mode=0o060644)), Keep({"x": b""}))
for kind in b"7Zz":
    kind = bytes([kind])
    add("kind %s" % kind.decode(), slug(file(b"app/x", b"1", kind=kind)),
        Keep({"x": b"1"}))
add("GNU directory listing", slug(header(b"app/d", b"D", size=5, magic=GNU) +
                                  pad(b"Yx\0\0\0"), file(b"app/z", b"1")),
    Keep({"d": None, "z": b"1"}))
add("GNU volume label", slug(header(b"label", b"V", magic=GNU),
                             file(b"app/z", b"1")), Keep({"z": b"1"}))
add("first of two volumes", PROCFILE + header(b"app/f", size=9000, magic=GNU) +
    b"x" * 2048, Refuse('entry "app/f": damaged'))
for bits, what in ((0o4755, "has a setuid bit"), (0o2755, "has a setgid bit"),
                   (0o6000, "has a setuid bit")):
    add("mode %o" % bits, slug(file(b"app/x", mode=bits)), entry("app/x", what))
    add("directory of mode %o" % bits, slug(directory(b"app/x", bits)),
        entry("app/x", what))
add("mode 0000", slug(directory(b"app/d", 0), file(b"app/d/f", b"1", mode=0)),
    Keep({"d": None, "d/f": b"1"},
         check=lambda st: not (st("d").st_mode | st("d/f").st_mode) & 0o7777))
add("app of mode 0000", directory(b"app", 0) + slug(), Keep())
add("sticky", slug(directory(b"app/d", 0o1777)),
    Keep({"d": None}, check=lambda st: st("d").st_mode & 0o7777 == 0o1777))
add("mode of garbage", slug(file(b"app/x", b"1", mode=b"0zzzzzz\0")),
    Keep({"x": b"1"}))
for name, value in (("year 1", b"-62135596800"), ("year 9999", b"253402300799"),
                    ("before 1970", b"-1.5"), ("2^63", b"9223372036854775808"),
                    ("2^64", b"18446744073709551616"), ("NaN", b"NaN"),
                    ("nothing", b""), ("exponent", b"1e300"),
                    ("many digits", b"1." + b"9" * 5000)):
    add("time " + name, slug(pax((b"mtime", value)), file(b"app/x", b"1")),
        Keep({"x": b"1"}))
add("time in base 256", slug(file(b"app/x", b"1", mtime=base256(-1 << 62, 12))),
    Keep({"x": b"1"}))
add("time of a directory stays",
    slug(directory(b"app/d"), file(b"app/d/f", b"1")),
    Keep({"d": None, "d/f": b"1"},
         check=lambda st: st("d").st_mtime == st("d/f").st_mtime == MTIME))
for value in (b"18446744073709551616", b"-1", b"0", b"x"):
    add("owner " + value.decode(),
        slug(pax((b"uid", value), (b"gid", value), (b"uname", b"root")),
             file(b"app/x", b"1")), Keep({"x": b"1"}))
add("owner in base 256", slug(file(b"app/x", b"1", uid=base256(0, 8))),
    Keep({"x": b"1"}))

# ---- pax headers

CAP = b"\1\0\0\2\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\0\0\0\0"
add("capabilities", slug(pax((b"SCHILY.xattr.security.capability", CAP)),
                         file(b"app/x", b"1", mode=0o755)), Keep({"x": b"1"}))
add("attributes", slug(pax((b"SCHILY.xattr.user.a", b"b"),
                           (b"LIBARCHIVE.xattr.user.c", b"ZA=="),
                           (b"SCHILY.xattr.trusted.overlay.opaque", b"y")),
                       file(b"app/x", b"1")), Keep({"x": b"1"}))
add("access lists", slug(pax((b"SCHILY.acl.access", b"user::rwx,user:0:rwx,"
                              b"group::r-x,mask::rwx,other::r-x")),
                         file(b"app/x", b"1")), Keep({"x": b"1"}))
add("file flags", slug(pax((b"SCHILY.fflags", b"schg,uchg")), file(b"app/x", b"1")),
    Keep({"x": b"1"}))
add("size in pax", slug(pax((b"size", b"3")), header(b"app/x", size=0) + pad(b"abc")),
    Keep({"x": b"abc"}))
add("smaller size in pax",
    slug(pax((b"size", b"0")), header(b"app/x", size=512) +
         pad(header(b"app/y", size=0))), Keep({"x": b"", "y": b""}))
for value in ("-1", "9223372036854775807", "99999999999999999999"):
    add("size %s in pax" % value, slug(pax((b"size", value.encode())),
                                       header(b"app/x", size=0)), Refuse(""))
for name, data in (
        ("without a length", b"path=app/y\n"), ("of length 0", b"0 path=app/y\n"),
        ("too long", b"99 path=app/y\n"), ("of huge length", b"9" * 30 + b" a=b\n"),
        ("of negative length", b"-5 path=app/y\n"), ("without =", b"7 path\n"),
        ("without end", b"15 path=app/y")):
    add("pax header " + name, slug(raw_pax(data), file(b"app/z", b"1")), Refuse(""))
add("pax header behind a good one",
    slug(raw_pax(record(b"path", b"app/y") + b"garbage\n"), file(b"app/z")),
    Refuse(""))
add("pax header of 2 MiB", slug(pax((b"comment", b"c" * (2 << 20))),
                                file(b"app/x")),
    Refuse('behind entry "app/Procfile"'))
add("GNU name of 4 MiB", slug(gnu_long(b"n" * (4 << 20)), file(b"app/x")),
    Refuse('behind entry "app/Procfile"'))
add("1000 pax headers in a row", slug(*[pax((b"path", b"app/x"))] * 1000,
                                      file(b"app/z", b"1")), Refuse(""))
add("pax header at the end", slug(pax((b"path", b"app/x"))), Refuse(""))

# ---- numbers

for name, raw in (("negative", base256(-1, 12)), ("most negative", base256(-1 << 62, 12)),
                  ("2^62", base256(1 << 62, 12)), ("2 GiB and 1", base256((2 << 30) + 1, 12)),
                  ("77777777777", b"77777777777\0"),
                  ("minus in octal", b"-0000000001\0")):
    add("size " + name, slug(header(b"app/x", raw_size=raw)), Refuse(""))
add("size of garbage", slug(file(b"app/x", raw_size=b"zzzzzzzzzzz\0")),
    Keep({"x": b""}))
add("size beyond the file", slug(header(b"app/x", size=1 << 20)),
    Refuse('entry "app/x": damaged archive'))
add("size beyond the next entry",
    slug(header(b"app/x", size=512), file(b"app/y", b"1")), Refuse(""))
add("wrong check sum first", file(b"app/x", checksum=1) + END,
    Refuse("not a tar archive"))
add("wrong check sum later", slug(file(b"app/x", checksum=1)),
    Refuse('behind entry "app/Procfile": damaged archive'))
add("signed check sum", slug(file(b"app/\xe9", b"1", checksum=signed_sum(
    header(b"app/\xe9", size=1)))), Keep({b"\xe9": b"1"}))

# ---- sparse files

add("sparse, old", slug(gnu_sparse(b"app/s", 8192, [(4096, 4)], b"data")),
    Keep({"s": bytes(4096) + b"data" + bytes(4092)}))
add("sparse of 2 GiB of hole", slug(gnu_sparse(b"app/s", 2 << 30, [(0, 4)], b"data")),
    Keep({"s": None}, check=lambda st: st("s").st_size == 2 << 30 and
         st("s").st_blocks < 64))
add("sparse of 3 GiB", slug(gnu_sparse(b"app/s", base256(3 << 30, 12), [(0, 4)], b"data")),
    Refuse('entry "app/s" has more than 2147483648 bytes'))
add("sparse: twice 2 GiB",
    slug(*[gnu_sparse(b"app/%d" % i, 2 << 30, [(0, 4)], b"data") for i in range(2)]),
    Refuse('entry "app/1": more than 4294967296 bytes'))
add("sparse beyond its size", slug(gnu_sparse(b"app/s", 8, [(4096, 4)], b"data")),
    Refuse('entry "app/s": damaged archive'))
add("sparse, overlapping", slug(gnu_sparse(b"app/s", 8, [(0, 4), (2, 4)], b"datadata")),
    Refuse(""))
add("sparse, backwards", slug(gnu_sparse(b"app/s", 8192, [(4096, 4), (0, 4)], b"datadata")),
    Refuse(""))


def sparse1(name, text, data, real, major=b"1", minor=b"0", more=()):
    return pax((b"GNU.sparse.major", major), (b"GNU.sparse.minor", minor),
               (b"GNU.sparse.name", name), (b"GNU.sparse.realsize", real),
               *more) + file(b"app/GNUSparseFile.0/s", pad(text) + data)


add("sparse 1.0", slug(sparse1(b"app/s", b"1\n4096\n4\n", b"data", b"8192")),
    Keep({"s": bytes(4096) + b"data" + bytes(4092)}))
add("sparse 1.0 leaves", slug(sparse1(b"../s", b"1\n0\n4\n", b"data", b"4")),
    entry("../s", LEAVES))
for name, text in (("garbage", b"x\n"), ("negative", b"1\n-4\n4\n"),
                   ("huge count", b"99999999\n0\n4\n"), ("no end", b"1" * 512)):
    add("sparse 1.0 map: " + name,
        slug(sparse1(b"app/s", text, b"data", b"8192")), Refuse(""))
add("sparse 1.0: map of 3 MiB",
    gz(slug(sparse1(b"app/s", b"786432\n" + b"0\n0\n" * 786432, b"data", b"8192"))),
    Refuse('behind entry "app/Procfile": a header of more than 1048576 bytes'))
add("sparse 0.1", slug(pax((b"GNU.sparse.size", b"8192"),
                           (b"GNU.sparse.numblocks", b"1"),
                           (b"GNU.sparse.name", b"app/s"),
                           (b"GNU.sparse.map", b"4096,4")), file(b"app/z", b"data")),
    Keep({"s": bytes(4096) + b"data" + bytes(4092)}))
add("sparse 0.0", slug(pax((b"GNU.sparse.size", b"8192"),
                           (b"GNU.sparse.numblocks", b"1"),
                           (b"GNU.sparse.offset", b"4096"),
                           (b"GNU.sparse.numbytes", b"4")), file(b"app/s", b"data")),
    Keep({"s": bytes(4096) + b"data" + bytes(4092)}))
for text, verdict in ((b"-1,4", Refuse("")), (b"x,y", Refuse("")),
                      (b"4096", Keep({"s": ANY})), (b",,,", Keep({"s": ANY})),
                      (b"0,99999999999999999999", Keep({"s": ANY}))):
    add("sparse 0.1 map " + text.decode(),
        slug(pax((b"GNU.sparse.size", b"8192"), (b"GNU.sparse.name", b"app/s"),
                 (b"GNU.sparse.map", text)), file(b"app/z", b"data")), verdict)
add("sparse size in pax", slug(pax((b"GNU.sparse.realsize", b"9" * 18)),
                               file(b"app/x", b"1")), Refuse(""))

# ---- streams

GOOD = slug(file(b"app/noise", random.Random(1).randbytes(3000)))
NOISE = {"noise": random.Random(1).randbytes(3000)}
PACKED = (("gz", gz(GOOD)), ("xz", xz(GOOD)), ("bz2", bz(GOOD)),
          ("zstd", zstd(GOOD)), ("lz4", lz4(GOOD)), ("raw zstd", zstd_raw(GOOD)))
for name, data in PACKED:
    if data is None:
        continue
    add("good " + name, data, Keep(NOISE))
    for part in (1, 3, 7, 9):
        add("%s cut at %d/10" % (name, part), data[:len(data) * part // 10],
            Refuse(""))
    add(name + " cut by 1", data[:-1], Refuse(""))
    add(name + " with garbage behind it", data + b"garbage", Refuse("damaged"))
    add(name + " twice", data + data, Refuse("something else follows its end"))
CHECKED = dict(PACKED)      # those with a check sum of the content
del CHECKED["raw zstd"]
rnd = random.Random(2)
for name, data in CHECKED.items():
    for i in range(3 if data else 0):
        at = rnd.randrange(len(data) // 3, len(data) - 12)
        bad = bytearray(data)
        bad[at] ^= 1 << rnd.randrange(8)
        add("%s, bit flipped at %d" % (name, at), bytes(bad), Refuse(""))
for what, at in (("CRC", -8), ("length", -4)):
    bad = bytearray(gz(GOOD))
    bad[at] ^= 1
    add("gz with a wrong " + what, bytes(bad), Refuse("damaged compression"))
bad = bytearray(gz(GOOD, 0))
bad[bad.index(b"web: x")] ^= 0x20
add("stored gz with another content", bytes(bad), Refuse("incorrect data check"))
add("gz in two members", gz(GOOD[:700]) + gz(GOOD[700:]), Keep(NOISE))
add("gz with zeros behind it", gz(GOOD) + bytes(512), Keep(NOISE))
add("gz with empty members", gz(b"") * 500 + gz(GOOD), Keep(NOISE))
add("two zstd frames", zstd_raw(GOOD[:700]) + zstd_raw(GOOD[700:]), Keep(NOISE))
add("zstd with a frame to skip",
    zstd_raw(GOOD[:700]) + b"\x50\x2a\x4d\x18\3\0\0\0xyz" + zstd_raw(GOOD[700:]),
    Keep(NOISE))
add("zstd with a window of 128 MiB", zstd_raw(GOOD, 17 << 3),
    Refuse("its compression needs 134217728 bytes of memory"))
add("the same in the second frame", zstd_raw(GOOD[:700]) + zstd_raw(GOOD[700:], 17 << 3),
    Refuse("its compression needs 134217728 bytes of memory"))
add("xz -9", xz(GOOD, preset=9), Refuse("its compression needs"))
add("xz -8", xz(GOOD, preset=8), Keep(NOISE))
add("lzma", lzma.compress(GOOD, format=lzma.FORMAT_ALONE), Refuse("not a tar"))
add("tar without an end", GOOD[:-1024], Refuse("it has no end mark"))
add("tar with an end and garbage", GOOD + b"garbage", Refuse("something else follows"))
add("tar with much padding", GOOD + bytes(100000), Keep(NOISE))
add("two archives in one", GOOD + slug(file(b"app/x", b"1")),
    Refuse("something else follows its end"))
for at in (600, 1100, 1600):
    add("tar cut at %d" % at, GOOD[:at], Refuse("damaged archive"))
add("gz in gz", gz(gz(GOOD)), Refuse("not a tar archive"))
add("gz in gz in gz of zeros", gz(gz(gz(bytes(1 << 20)))), Refuse("not a tar archive"))
zeros = PROCFILE + header(b"app/zeros", size=100 << 20)
for name, pack in (("gz", gz), ("bz2", bz), ("xz", xz), ("zstd", zstd)):
    if pack(b""):
        add("bomb in " + name, pack(zeros) + pack(bytes(10 << 20)) * 10 + pack(END),
            Refuse('entry "app/zeros": the archive grows more than 200-fold'))
add("bomb behind the end", zstd_raw(GOOD) + zstd_rle(700),
    Refuse("the archive grows more than 200-fold"))
add("bomb of zstd", zstd_rle(32768), Refuse("the archive"))
add("bomb of nothing: zeros only", gz(bytes(1 << 20)), Refuse("nothing below ./app"))

# ---- other things

add("empty archive", END, Refuse("nothing below ./app"))
add("without app", file(b"x", b"1") + END, Refuse("nothing below ./app"))
add("only app", directory(b"app") + END, Refuse("nothing below ./app"))
add("App", file(b"App/x", b"1") + END, Refuse("nothing below ./app"))
add("old tar", file(b"app/Procfile", b"web: x\n", magic=b"\0" * 8) + END, Keep())
zipped = io.BytesIO()
with zipfile.ZipFile(zipped, "w") as z:
    z.writestr(zipfile.ZipInfo("app/Procfile"), "web: x\n")
for name, data in (
        ("zip", zipped.getvalue()), ("7z", b"7z\xbc\xaf\x27\x1c" + bytes(600)),
        ("cpio", b"070701" + b"0" * 104 + b"app/x\0" + bytes(500)),
        ("ar", b"!<arch>\n" + b"x" * 600), ("text", b"web: x\n" * 200),
        ("mtree", b"#mtree\n./app type=dir\n./app/x type=file\n" + b"\n" * 500),
        ("noise", random.Random(3).randbytes(4096)), ("1 byte", b"x")):
    add("not a tar: " + name, data, Refuse("not a tar archive"))
some = b"".join(directory(b"app/%07d" % i) for i in range(500))
add("a million entries", gz(PROCFILE) + gz(some) * 2000 + gz(END),
    Refuse('entry "app/0000', "more than 500000 entries"))
some = b"".join(header(b"x/%07d" % i) for i in range(500))
add("a million entries that are ignored",
    gz(PROCFILE) + gz(some) * 2000 + gz(END),
    Refuse('entry "x/0000', "more than 500000 entries"))
for form in ("gnu", "pax", "ustar"):
    for flag in ("", "-z", "-J", "-j", "--zstd", "-Ilz4"):
        add("tar --format=%s %s" % (form, flag),
            gnu_tar(form, *[flag] * (flag != "")),
            Keep({"d": None, "d/" + "l" * 95: b"1", "h": b"web: x\n",
                  "s": "/usr/bin/python3", "hole": bytes(1 << 16) + b"data"},
                 check=lambda st: st("h").st_nlink == 2 and
                 st("d").st_mtime == st("hole").st_mtime == MTIME))
py = io.BytesIO()
with tarfile.open(fileobj=py, mode="w", format=tarfile.PAX_FORMAT) as t:
    for name in ("app/Procfile", "app/" + "l" * 200, "app/gr\u00f6\u00dfe"):
        info = tarfile.TarInfo(name)
        info.size, info.mtime = 7, MTIME + .25
        t.addfile(info, io.BytesIO(b"web: x\n"))
add("Python's own", py.getvalue(), Keep({"l" * 200: b"web: x\n",
                                         "gr\u00f6\u00dfe": b"web: x\n"}))
