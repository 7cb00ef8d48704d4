"""What a container gets of the kernel: limits, devices, user ids, control groups, mounts. On version 1 and 2."""
import json
import os
import shutil
import stat
import subprocess
import tempfile
import time

import pytest

from bundle import Engine, make_rootfs, not_emulated
from harness import PATIENCE, wait_for

V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
MEGABYTE = 1 << 20
EAT = ("dd", "if=/dev/zero", "of=/dev/null", f"bs={64 * MEGABYTE}", "count=1")
USER_MAP = [{"containerID": 0, "hostID": 100000, "size": 65536}]


@pytest.fixture(scope="module")
def engine():
    """Its end is the census."""
    e = Engine()
    os.chmod(e.dir, 0o711)
    yield e
    e.end()


@pytest.fixture
def image(engine):
    """A root of the test's own."""
    path = os.path.join(engine.dir, "image")
    make_rootfs(path)
    yield path
    shutil.rmtree(path)


def namespaces(engine, *more, without=()):
    kinds = [n["type"] for n in engine.template["linux"]["namespaces"]]
    return [{"type": k} for k in {*kinds, *more} - set(without)]


def in_user_namespace(engine, without=(), **changes):
    return {"linux__namespaces": namespaces(engine, "user", without=without), "linux__uidMappings": USER_MAP,
            "linux__gidMappings": USER_MAP, **changes}


def more_mounts(engine, *mounts):
    return {"mounts": [*engine.template["mounts"], *mounts]}


def bind(source, to, *options, **more):
    return {"destination": to, "type": "bind", "source": source, "options": ["bind", *options], **more}


def group_file(controller, name):
    """Where a container that has the mount finds a file of its group."""
    return f"/sys/fs/cgroup/{name[1]}" if V2 else f"/sys/fs/cgroup/{controller}/{name[0]}"


# ---- limits ----

LOW_MEMORY = {"memory": {"limit": 32 * MEGABYTE, "swap": 32 * MEGABYTE}}


def test_who_takes_more_memory_than_there_is_gets_killed(engine):
    assert engine.run(*EAT, linux__resources=LOW_MEMORY).status == 128 + 9
    assert engine.run(*EAT).status == 0


def test_a_kill_for_memory_is_an_event(engine):
    id = engine.detached(linux__resources=LOW_MEMORY)
    p = engine.start("events", "--interval", "1h", id)
    seen = [json.loads(p.stdout.readline())["type"]] if not V2 else []
    wait_for("a watch", lambda: "inotify" in str([os.readlink(f"/proc/{p.pid}/fd/{n}") for n in
                                                  os.listdir(f"/proc/{p.pid}/fd")]) or not V2)
    assert engine.call("exec", id, *EAT, check=False).status == 128 + 9
    while "oom" not in seen:
        seen.append(json.loads(p.stdout.readline())["type"])
    engine.call("delete", "-f", id)
    assert p.wait(PATIENCE) == 0
    p.stdout.close()
    p.stderr.close()


def test_no_more_processes_than_allowed(engine):
    r = engine.run("sh", "-c", "for i in $(seq 30); do sleep 5 & done", linux__resources={"pids": {"limit": 10}})
    assert r.status != 0 and "fork" in r.err


def test_an_update_is_seen_inside(engine):
    id = engine.detached(linux__resources={"cpu": {"quota": 30000, "period": 100000}, "pids": {"limit": 40}})
    pids = group_file("pids", ("pids.max", "pids.max"))
    cpu = group_file("cpu", ("cpu.cfs_quota_us", "cpu.max"))
    assert engine.call("exec", id, "cat", pids, cpu).out.split()[:2] == ["40", "30000"]
    engine.call("update", "--cpu-quota", "50000", "--pids-limit", "41", id)
    assert engine.call("exec", id, "cat", pids, cpu).out.split()[:2] == ["41", "50000"]
    engine.call("delete", "-f", id)


def test_a_paused_container_does_nothing(engine):
    id = engine.detached("sh", "-c", "while true; do true; done")
    pid = engine.state(id)["pid"]
    def ticks():
        return int(open(f"/proc/{pid}/stat").read().split()[13])
    wait_for("work", lambda: ticks() > 2)
    engine.call("pause", id)
    before = ticks()
    time.sleep(0.2)
    assert ticks() == before
    engine.call("resume", id)
    wait_for("work", lambda: ticks() > before + 2)
    engine.call("delete", "-f", id)


# ---- control groups ----

@pytest.mark.parametrize("own", [True, False])
def test_the_own_group_is_all_that_there_is(engine, own):
    spaces = namespaces(engine, "cgroup") if own else namespaces(engine, without=["cgroup"])
    path = group_file("pids", ("pids.max", "pids.max"))
    r = engine.run("sh", "-c", f"cat {path}; echo 7 > {path}; ls /sys/fs/cgroup/process_api; cat /proc/self/cgroup",
                   linux__namespaces=spaces, linux__resources={"pids": {"limit": 50}})
    lines = r.out.splitlines()
    assert lines[0] == "50" and "ead-only" in r.err and "process_api: No such" in r.err
    assert all((l.split(":")[2] == "/") == own for l in lines[1:]), r


# ---- devices ----

def test_a_device_is_there_and_yet_kept_away(engine):
    """The node may be opened by its mode, but not by the group's rules."""
    node = {"path": "/dev/log-of-kernel", "type": "c", "major": 1, "minor": 11, "fileMode": 0o666}
    rule = {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "w"}
    look = ("sh", "-c", "stat -c %t:%T /dev/log-of-kernel; exec 3>/dev/log-of-kernel")
    deny = {"devices": [{"allow": False, "access": "rwm"}]}
    r = engine.run(*look, linux__devices=[node], linux__resources=deny)
    assert r.out == "1:b\n" and r.status != 0 and "not permitted" in r.err
    r = engine.run(*look, linux__devices=[node], linux__resources={"devices": [*deny["devices"], rule]})
    assert (r.status, r.out) == (0, "1:b\n"), r


def test_the_default_devices_work(engine):
    r = engine.run("sh", "-c", "head -c 3 /dev/zero | tr '\\0' z; echo x > /dev/null; head -c 1 /dev/urandom > /dev/null;"
                   "echo x > /dev/full; ls -l /dev/fd")
    assert r.out.startswith("zzz") and "/proc/self/fd" in r.out and "No space" in r.err


# ---- user namespaces ----

def test_a_container_with_users_of_its_own(engine):
    r = engine.run("sh", "-c", "id -u; cat /proc/self/uid_map; echo x > /dev/null; head -c 2 /dev/zero | tr '\\0' z; echo;"
                   "cat /proc/kcore | head -c 9; ls -A /sys/firmware /proc/scsi; stat -c '%t:%T' /dev/zero; stat -c %u /",
                   **in_user_namespace(engine, linux__devices=[
                       {"path": "/dev/zero", "type": "c", "major": 1, "minor": 5, "uid": 3}]))
    lines = r.out.splitlines()
    assert lines[0] == "0" and lines[1].split() == ["0", "100000", "65536"] and lines[2] == "zz", r
    assert [l for l in lines[3:] if l and not l.endswith(":")] == ["1:5", "65534"], r


def test_users_of_its_own_and_the_network_of_the_host(engine):
    """The kernel lets nobody mount sysfs there: the host's is shown, read-only."""
    r = engine.run("sh", "-c", "test -d /sys/class/net/lo; echo $?; echo 1 > /sys/kernel/profiling",
                   **in_user_namespace(engine, without=["network"]))
    assert r.out == "0\n" and r.status != 0, r


# ---- what is hidden ----

def test_masked_and_protected_paths(engine):
    r = engine.run("sh", "-c", "cat /proc/keys /proc/timer_list /proc/kcore; ls -A /sys/firmware; touch /sys/firmware/x;"
                   "echo x > /proc/sys/kernel/hostname; echo end")
    assert r.out == "end\n", r
    assert r.err.count("ead-only") == 2, r


# ---- mounts ----

def test_binds_of_files_and_directories(engine, image):
    d = os.path.join(engine.dir, "d")
    os.mkdir(d)
    open(os.path.join(d, "f"), "w").write("text\n")
    r = engine.run("sh", "-c", "cat /new/file; ls /new/dir; echo x > /new/file; echo x > /new/dir/g; cat /new/dir/g",
                   root={"path": image}, **more_mounts(engine, bind(f"{d}/f", "/new/file", "ro"), bind(d, "/new/dir")))
    assert r.out == "text\nf\nx\n" and "ead-only" in r.err
    shutil.rmtree(d)


def test_a_source_that_is_missing_is_told_with_its_mount(engine):
    n = len(engine.template["mounts"])
    r = engine.run("true", **more_mounts(engine, bind("/nowhere/at/all", "/tmp")))
    assert r.status == 1 and f"mounts[{n}] at /tmp: open /nowhere/at/all: No such file" in r.err


def test_ids_of_a_mount_are_mapped(engine):
    d = os.path.join(engine.dir, "mapped")
    os.mkdir(d)
    os.chown(d, 5, 6)
    look = ("stat", "-c", "%u %g", "/tmp")
    assert engine.run(*look, **in_user_namespace(engine, **more_mounts(engine, bind(d, "/tmp")))).out == "65534 65534\n"
    r = engine.run(*look, **in_user_namespace(engine, **more_mounts(engine, bind(d, "/tmp", "idmap"))))
    if "map the ids" in r.err:
        pytest.skip("the file system does not map ids")
    assert r.out == "5 6\n", r
    os.rmdir(d)


@pytest.mark.parametrize("word, tag", [("rslave", "master:"), ("rshared", "shared:"), ("rprivate", None), (None, None)])
def test_a_mount_spreads_as_its_words_say(engine, word, tag):
    d = os.path.join(engine.dir, "spread")
    os.mkdir(d)
    subprocess.run(["mount", "--bind", d, d], check=True)
    try:
        subprocess.run(["mount", "--make-private", d], check=True)
        subprocess.run(["mount", "--make-shared", d], check=True)
        r = engine.run("grep", " /tmp ", "/proc/self/mountinfo",
                       **more_mounts(engine, bind(d, "/tmp", *([word] if word else []))))
        optional = r.out.split(" - ")[0].split()[6:]
        assert [t.split(":")[0] + ":" for t in optional] == ([tag] if tag else []), r
    finally:
        subprocess.run(["umount", d], check=True)
        os.rmdir(d)


COPY_UP = {"destination": "/d", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}


def test_a_copy_has_owners_modes_and_links(engine, image):
    os.makedirs(os.path.join(image, "d/sub"))
    f = os.path.join(image, "d/sub/file")
    open(f, "w").write("text")
    os.chown(f, 7, 8)
    os.chmod(f, 0o4751)
    os.chown(os.path.join(image, "d/sub"), 9, 10)
    os.chmod(os.path.join(image, "d/sub"), 0o2711)
    os.symlink("/etc/none", os.path.join(image, "d/link"))
    os.chown(os.path.join(image, "d/link"), 11, 12, follow_symlinks=False)
    os.mknod(os.path.join(image, "d/node"), stat.S_IFCHR | 0o666, os.makedev(1, 5))
    open(os.path.join(image, "d/text"), "w").write("text")
    odd = "\n -rf $(x)"
    open(os.path.join(image, "d", odd), "w").close()
    r = engine.run("sh", "-c", "cd /d; stat -c '%u %g %a' sub/file sub link; cat text; readlink link; rm text;"
                   "test -e node; echo $?; ls -A | tr -d '\\n'", root={"path": image}, **more_mounts(engine, COPY_UP))
    assert r.out == "7 8 4751\n9 10 2711\n11 12 777\ntext/etc/none\n1\n? -rf $(x)linksub", r
    assert os.path.exists(os.path.join(image, "d/text")), "the image is as it was"


def test_a_copy_has_a_bound_of_levels(engine, image):
    os.makedirs(os.path.join(image, "d", *["x"] * 64))
    assert engine.run("true", root={"path": image}, **more_mounts(engine, COPY_UP)).status == 0
    os.mkdir(os.path.join(image, "d", *["x"] * 65))
    r = engine.run("true", root={"path": image}, **more_mounts(engine, COPY_UP))
    assert r.status == 1 and "at /d: directories are nested too deeply" in r.err


@not_emulated
def test_a_copy_has_a_bound_of_entries(engine):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        image = os.path.join(memory, "image")
        make_rootfs(image)
        os.mkdir(os.path.join(image, "d"))
        for i in range(65537):
            os.symlink("x", os.path.join(image, "d", str(i)))
        r = engine.run("true", root={"path": image}, **more_mounts(engine, COPY_UP))
    assert r.status == 1 and "at /d: more than 65536 files to copy" in r.err
