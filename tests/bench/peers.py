"""What the benchmarks compare with: OCI bundles and command lines that come as
near to a dyno as each peer can.

Unequal, and in favour of the peers: no link, address, route and packet filter
(only an empty network namespace); the root is a read-only directory with the
host's /usr bound into it and a tmpfs at /app and /tmp (no overlay, no id-mapped
layers); the command is PID 1 itself. bubblewrap has no control groups, one user
id instead of 65536, and no /sys. Equal: all namespaces, limits of memory, processes and
CPU, no capabilities, no_new_privs, the masked and read-only paths, the devices,
a list of allowed system calls (bubblewrap: our filter; OCI: containers-common's
list, as the dynos' is in its manner).
"""
import json
import os
import shutil

SECCOMP = "/usr/share/containers/seccomp.json"
FIRST_ID = 0x90000000
MASKED = ["/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
          "/sys/devices/virtual/powercap", "/sys/devices/virtual/dmi"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
DATA = ["nosuid", "nodev", "noexec"]


def mount(destination, kind, *options, source=None):
    return {"destination": destination, "type": kind, "source": source or kind, "options": list(options)}


def seccomp():
    """The rules of containers-common that hold without any capability."""
    with open(SECCOMP, encoding="utf-8") as f:
        profile = json.load(f)
    rules = []
    for rule in profile["syscalls"]:
        if rule.get("includes", {}).get("caps") or rule.get("includes", {}).get("minKernel"):
            continue
        if "amd64" not in rule.get("includes", {}).get("arches", ["amd64"]):
            continue
        keep = {"names": rule["names"], "action": rule["action"]}
        if rule.get("args"):
            keep["args"] = rule["args"]
        if rule["action"] == "SCMP_ACT_ERRNO":
            keep["errnoRet"] = rule.get("errnoRet") or 1
        rules.append(keep)
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": rules}


def rootfs(path):
    for d in ("usr", "proc", "dev", "sys", "tmp", "app", "etc"):
        os.makedirs(os.path.join(path, d))
    for link in ("bin", "sbin", "lib", "lib64"):
        os.symlink("usr/" + link, os.path.join(path, link))


def config(group):
    return {
        "ociVersion": "1.0.0",
        "process": {
            "terminal": False, "user": {"uid": 1000, "gid": 1000}, "args": ["/bin/true"], "cwd": "/app",
            "env": ["PATH=/usr/bin:/bin", "HOME=/app"], "noNewPrivileges": True,
            "capabilities": {k: [] for k in ("bounding", "effective", "inheritable", "permitted", "ambient")},
            "rlimits": [{"type": "RLIMIT_" + k, "hard": n, "soft": n}
                        for k, n in (("NPROC", 256), ("NOFILE", 10000), ("CORE", 0), ("MEMLOCK", 65536))],
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "dyno",
        "mounts": [
            mount("/usr", "bind", "rbind", "ro", "nosuid", "nodev", source="/usr"),
            mount("/proc", "proc", *DATA),
            mount("/dev", "tmpfs", "nosuid", "mode=755", "size=64k"),
            mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
            mount("/dev/shm", "tmpfs", *DATA, "mode=1777", "size=64m"),
            mount("/dev/mqueue", "mqueue", *DATA),
            mount("/sys", "sysfs", *DATA, "ro"),
            mount("/app", "tmpfs", "nosuid", "nodev", "mode=755", "size=256m"),
            mount("/tmp", "tmpfs", "nosuid", "nodev", "mode=1777", "size=256m"),
        ],
        "linux": {
            "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount", "user", "cgroup")],
            "uidMappings": [{"containerID": 0, "hostID": FIRST_ID, "size": 65536}],
            "gidMappings": [{"containerID": 0, "hostID": FIRST_ID, "size": 65536}],
            "resources": {
                "memory": {"limit": 1 << 30, "reservation": 512 << 20, "swap": 1 << 30},
                "pids": {"limit": 256}, "cpu": {"shares": 1024},
                "devices": [{"allow": False, "access": "rwm"}] + [
                    {"allow": True, "type": "c", "major": a, "minor": b, "access": "rw"}
                    for a, b in ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2))],
            },
            "cgroupsPath": group, "maskedPaths": MASKED, "readonlyPaths": READONLY, "seccomp": seccomp(),
        },
    }


def bundle(base, name, number):
    """Makes a bundle of its own for one starter; returns its directory."""
    path = os.path.join(base, f"{name}-{number}")
    rootfs(os.path.join(path, "rootfs"))
    with open(os.path.join(path, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config(f"/dynobench-{name}-{number}"), f)
    for d in (path, os.path.join(path, "rootfs")):
        os.chmod(d, 0o755)
    return path


def oci(program, base, name, number):
    """argv of one start by an OCI runtime; "%" is the container's name."""
    d = bundle(base, name, number)
    state = os.path.join(base, f"state-{name}-{number}")
    return [program, "--root", state, "run", "--bundle", d, "dynobench-%"]


def crun(argv):
    """Debian's crun refuses the hybrid layout: hide the unified tree from it, in
    a mount namespace of the starter's own, before the first round."""
    return ["unshare", "-m", "sh", "-c", 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', "sh", *argv]


def bubblewrap(base, number):
    d = os.path.join(base, f"bwrap-{number}")
    rootfs(d)
    masks = [a for p in MASKED if os.path.exists(p) and not p.startswith("/sys")
             for a in (("--tmpfs", p) if os.path.isdir(p) else ("--ro-bind", "/dev/null", p))]
    protect = [a for p in READONLY if os.path.exists(p) for a in ("--ro-bind", p, p)]
    return [shutil.which("bwrap"), "--unshare-user", "--unshare-all", "--uid", "1000", "--gid", "1000",
            "--hostname", "dyno", "--new-session", "--die-with-parent", "--as-pid-1", "--cap-drop", "ALL",
            "--ro-bind", d, "/", "--ro-bind", "/usr", "/usr", "--tmpfs", "/app", "--tmpfs", "/tmp",
            "--proc", "/proc", "--dev", "/dev", "--mqueue", "/dev/mqueue", *masks, *protect,
            "--chdir", "/app", "--seccomp", "9", "/bin/true"]


def remove_groups(names):
    """Whatever a peer left of its control groups."""
    for top, dirs, _ in os.walk("/sys/fs/cgroup"):
        for d in list(dirs):
            if top.count("/") > 4:
                dirs.clear()
            elif any(d.startswith(f"dynobench-{n}-") for n in names):
                try:
                    os.rmdir(os.path.join(top, d))
                except OSError:
                    pass
