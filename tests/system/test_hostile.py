"""Images, volumes and callers that mean harm: dynorun stays inside the root."""
import json
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time

import pytest

from bundle import Engine, make_rootfs
from harness import PATIENCE, wait_for

USER_MAP = [{"containerID": 0, "hostID": 100000, "size": 65536}]

# Out of a chroot by a second one: works wherever a chroot is the only wall.
ESCAPE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int root = open("/", O_RDONLY);

	if (argc != 2 || mkdir("/tmp/x", 0755) < 0 || chroot("/tmp/x") < 0 || fchdir(root) < 0)
		return 2;
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return 2;
	if (chroot(".") < 0)
		return 2;
	puts(access(argv[1], F_OK) == 0 ? "out" : "in");
	return 0;
}
"""

RENAMER = r"""
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	if (argc != 3 || chdir(argv[1]) < 0)
		return 2;
	for (;;)
		if (rename("a", "b") < 0 || rename("b", "a") < 0)
			return 1;
}
"""


@pytest.fixture(scope="module")
def engine():
    e = Engine()
    os.chmod(e.dir, 0o711)
    yield e
    e.end()


@pytest.fixture
def rootfs(engine):
    path = tempfile.mkdtemp(dir=engine.dir)
    os.chmod(path, 0o755)
    make_rootfs(path)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def outside(engine):
    """A directory of the host that nobody may change."""
    path = tempfile.mkdtemp(dir=engine.dir)
    with open(os.path.join(path, "file"), "w") as f:
        f.write("the host's\n")

    def looks():
        return [(s.st_mode, s.st_uid, s.st_gid, s.st_size, s.st_mtime_ns, s.st_ctime_ns)
                for s in map(os.stat, (path, os.path.join(path, "file")))]

    before = looks()
    yield path
    assert os.listdir(path) == ["file"] and looks() == before
    shutil.rmtree(path)


def compile_into(rootfs, name, text):
    source = os.path.join(rootfs, name + ".c")
    with open(source, "w") as f:
        f.write(text)
    subprocess.run(["gcc", "-static", "-o", os.path.join(rootfs, name), source], check=True)
    return "/" + name


def replace(rootfs, name, target):
    """A link in place of a directory of the image."""
    path = os.path.join(rootfs, name)
    if os.path.isdir(path):
        os.rmdir(path)
    os.symlink(target, path)


def with_caps(config, *caps):
    for kind in ("bounding", "effective", "permitted"):
        config["process"]["capabilities"].setdefault(kind, []).extend(caps)
    return config


# ---- the root ----

@pytest.mark.parametrize("options", [(), ("--no-pivot",)])
def test_a_second_chroot_leads_nowhere(engine, rootfs, outside, options):
    escape = compile_into(rootfs, "escape", ESCAPE)
    config = with_caps(engine.config(escape, outside, root={"path": rootfs}), "CAP_SYS_CHROOT")
    assert engine.run(config=config, options=options, check=True).out == "in\n"


@pytest.mark.parametrize("name", ["dev", "tmp", "etc"])
@pytest.mark.parametrize("way", ["{out}/new", "../../../../../../../..{out}/new", "/proc/self/root{out}/new",
                                 "/proc/self/cwd{out}/new", "/proc/1/root{out}/new"])
def test_links_at_places_of_mounts_stay_inside(engine, rootfs, outside, name, way):
    replace(rootfs, name, way.format(out=outside)) if name != "etc" else None
    if name == "etc":
        shutil.rmtree(os.path.join(rootfs, "etc"))
        os.symlink(way.format(out=outside), os.path.join(rootfs, "etc"))
    mounts = engine.template["mounts"] + [
        {"destination": "/tmp/deep/er", "type": "tmpfs", "source": "tmpfs"},
        {"destination": "/etc/file", "type": "bind", "source": os.path.join(engine.rootfs, "etc/passwd"),
         "options": ["bind", "ro"]}]
    # What is made is made inside, or it is refused; "outside" looks.
    engine.run("true", root={"path": rootfs}, mounts=mounts, process__cwd="/tmp/cwd")


@pytest.mark.parametrize("kind, name", [("proc", "proc"), ("sysfs", "sys")])
def test_file_systems_of_the_kernel_follow_no_link(engine, rootfs, kind, name):
    """CVE-2019-19921: masks would be put where the link leads to by then."""
    os.mkdir(os.path.join(rootfs, "volume"))
    replace(rootfs, name, "/volume")
    r = engine.run("ls", "/volume", root={"path": rootfs})
    assert r.status == 1 and "/" + name in r.err
    os.unlink(os.path.join(rootfs, name))
    assert engine.run("test", "-e", f"/{name}/self" if kind == "proc" else f"/{name}/class",
                      root={"path": rootfs}).status == 0


def test_renames_elsewhere_do_not_fail_a_start(engine, rootfs):
    """Any rename on the host makes the kernel ask to resolve ".." again."""
    os.makedirs(os.path.join(rootfs, "v/a"))
    renamer = rootfs + compile_into(rootfs, "renamer", RENAMER)
    replace(rootfs, "dev", "/".join(["etc/.."] * 8) + "/v/dev")
    p = subprocess.Popen([renamer, os.path.join(rootfs, "v"), engine.dir])
    try:
        for _ in range(20):
            engine.run("true", root={"path": rootfs}, check=True)
    finally:
        p.kill()
        p.wait()


@pytest.mark.parametrize("cwd", ["/proc/self/fd/7", "/proc/self/cwd", "/link", "/proc/1/root", "/link/../.."])
def test_no_working_directory_by_a_descriptor(engine, rootfs, cwd):
    """CVE-2024-21626."""
    os.symlink("/proc/self/fd/8", os.path.join(rootfs, "link"))
    r = engine.run("ls", "-d", "/work", process__cwd=cwd, root={"path": rootfs})
    assert r.status == 1 and r.out == ""
    id = engine.detached(root={"path": rootfs})
    for fd in range(3, 80):
        r = engine.call("exec", "--cwd", f"/proc/self/fd/{fd}", id, "pwd", check=False)
        assert r.status == 255 and r.out == "", (fd, r)
    engine.call("delete", "-f", id)


# ---- files that the parent reads ----

@pytest.mark.parametrize("make", [
    lambda p: os.mkfifo(p), lambda p: os.mknod(p, stat.S_IFCHR | 0o666, os.makedev(5, 2)),
    lambda p: os.mkdir(p), lambda p: os.symlink("/proc/self/mem", p),
    lambda p: os.truncate(os.open(p, os.O_CREAT | os.O_WRONLY), 1 << 40)])
def test_passwd_of_another_kind_is_not_opened(engine, rootfs, make):
    path = os.path.join(rootfs, "etc/passwd")
    os.unlink(path)
    make(path)
    trace = os.path.join(rootfs, "trace")
    bundle = engine.bundle("sh", "-c", "echo $HOME", root={"path": rootfs})
    out = subprocess.run(["strace", "-f", "-o", trace, "-e", "trace=open,openat,openat2", *engine.argv(
        "run", "-b", bundle, engine.id())], stdout=subprocess.PIPE, timeout=PATIENCE, text=True).stdout
    assert out == "/\n"
    opened = [l for l in open(trace) if "etc/passwd" in l]
    assert opened and all("O_PATH" in l for l in opened), opened


def test_copies_of_an_image_are_bounded(engine, rootfs):
    d = os.path.join(rootfs, "d")
    os.mkdir(d)
    os.mkfifo(os.path.join(d, "fifo"))
    os.mknod(os.path.join(d, "node"), stat.S_IFCHR | 0o666, os.makedev(1, 5))
    with open(os.path.join(d, "sparse"), "w") as f:
        f.seek(1 << 30)
        f.write("end")
        f.truncate(1 << 40)
    os.symlink("/etc/shadow", os.path.join(d, "link"))
    mount = {"destination": "/d", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}
    r = engine.run("sh", "-c", "ls /d; stat -c '%s %b' /d/sparse; tail -c +1073741825 /d/sparse | head -c 3",
                   root={"path": rootfs}, mounts=engine.template["mounts"] + [mount], check=True)
    names, sizes, end = r.out.split("\n", 2)[0:2], r.out.split("\n")[2], r.out[-3:]
    assert names == ["link", "sparse"] and end == "end"
    size, blocks = map(int, sizes.split())
    assert size == 1 << 40 and blocks <= 16
    with open(os.path.join(d, "big"), "wb") as f:
        f.write(b"x" * (16 << 20))
    for i in range(64):
        os.link(os.path.join(d, "big"), os.path.join(d, f"big{i}"))
    r = engine.run("true", root={"path": rootfs}, mounts=engine.template["mounts"] + [mount])
    assert r.status == 1 and "bytes to copy" in r.err


# ---- containers that end meanwhile ----

def test_exec_does_not_die_of_its_dead_process(engine):
    """Held between clone and "go", when there is nobody left to go on: no SIGPIPE."""
    id = engine.detached(process__rlimits=[{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}])
    p = subprocess.Popen(["strace", "-o", "/dev/null", "-e", "inject=prlimit64:delay_enter=700000",
                          *engine.argv("exec", "-d", id, "sleep", "999")], stderr=subprocess.DEVNULL,
                         env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})  # which strace stands in the way of
    wait_for("its process", lambda: len(json.loads(engine.call("ps", "-f", "json", id).out)) == 2)
    engine.call("kill", id, "KILL")
    assert p.wait(PATIENCE) in (0, 255), "as if it had been killed a moment later, or told"
    engine.wait_status(id, "stopped")
    engine.call("delete", id)


def test_delete_wins_against_exec(engine):
    """Without a pid namespace nobody but delete ends what exec has brought in."""
    shared = [n for n in engine.template["linux"]["namespaces"] if n["type"] != "pid"]
    bundle = engine.bundle("sleep", "1000", linux__namespaces=shared)
    for i in range(40):
        id = engine.id()
        engine.call("run", "-d", "-b", bundle, id)
        many = [engine.start("exec", id, "sleep", "999", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL) for _ in range(2)]
        time.sleep(i / 2000)
        engine.call("delete", "-f", id)
        assert all(p.wait(PATIENCE) in (137, 255) for p in many)
    engine.assert_nothing_left()


# ---- what a process gets from its caller ----

def test_no_group_of_the_host_is_kept_in_a_joined_user_namespace(engine, rootfs):
    """Where setgroups() is denied they could not be dropped any more."""
    subprocess.run(["chown", "-hR", "100000:100000", rootfs], check=True)
    holder = subprocess.Popen(["unshare", "--user", "sleep", "1000"])
    ns = f"/proc/{holder.pid}"
    while os.readlink(ns + "/ns/user") == os.readlink("/proc/self/ns/user"):
        time.sleep(0.01)
    try:
        for name, text in (("setgroups", "deny"), ("uid_map", "0 100000 65536"), ("gid_map", "0 100000 65536")):
            with open(f"{ns}/{name}", "w") as f:
                f.write(text)
        config = engine.config("grep", "Groups", "/proc/self/status", root={"path": rootfs})
        config["linux"]["namespaces"].append({"type": "user", "path": ns + "/ns/user"})
        r = engine.call("run", "-b", engine.bundle(config=config), engine.id(),
                        preexec_fn=lambda: os.setgroups([0, 6, 42]))
        assert r.out.split() == ["Groups:"]
    finally:
        holder.kill()
        holder.wait()


def test_signals_that_the_caller_ignores_are_not_ignored(engine):
    def caller():
        for s in (signal.SIGPIPE, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(s, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])

    show = ("grep", "-E", "SigBlk|SigIgn", "/proc/self/status")
    none = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
    kw = {"preexec_fn": caller, "restore_signals": False}
    assert engine.call("run", "-b", engine.bundle(*show), engine.id(), **kw).out == none
    id = engine.detached()
    assert engine.call("exec", id, *show, **kw).out == none
    engine.call("delete", "-f", id)


def test_the_interpreter_of_a_script_may_be_ourselves(engine, rootfs):
    """CVE-2019-5736: what then runs in the container cannot be written to."""
    path = os.path.join(rootfs, "bin/evil")
    with open(path, "w") as f:
        f.write("#!/proc/self/exe\n")
    os.chmod(path, 0o755)
    before = os.stat(engine.argv()[0])
    id = engine.detached(root={"path": rootfs})
    assert engine.run("/bin/evil", root={"path": rootfs}).status != 0
    assert engine.call("exec", id, "/bin/evil", check=False).status != 0
    engine.call("delete", "-f", id)
    assert os.stat(engine.argv()[0]) == before
