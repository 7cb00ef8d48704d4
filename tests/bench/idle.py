"""Idle dynos, started through the library, and what memory lies beside them."""
import ctypes
import os
import re
import signal
import subprocess
import tempfile
import time

BUILD = os.path.abspath(os.environ.get("DYNO_BUILD", os.path.join(os.path.dirname(__file__), "../../build")))
KERNEL = ("Slab", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables", "Percpu", "VmallocUsed")
CLONE_NEWNET = 0x40000000


def meminfo():
    """In KiB. The kernel settles first: per-CPU lists, deferred frees."""
    time.sleep(1.5)
    with open("/proc/meminfo", encoding="ascii") as f:
        return {k: int(v) for k, v in re.findall(r"(\w+):\s+(\d+)", f.read())}


def pss(pid):
    """Proportional share of a process in KiB, and its private part."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        kib = {k: int(v) for k, v in re.findall(r"(\w+):\s+(\d+) kB", f.read())}
    return kib["Pss"], kib["Private_Clean"] + kib["Private_Dirty"]


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(p) for p in f.read().split()]


def number(path, key=r"\A"):
    with open(path, encoding="ascii") as f:
        return int(re.search(rf"(?m)^{key}\s*(\d+)$", f.read())[1])


def group_memory(prefix):
    """What the kernel accounts to the dynos' own groups, in KiB: all of it, and
    the kernel's own objects in it (part of the slab)."""
    v1 = f"/sys/fs/cgroup/memory/{prefix}"
    leaves = [d.path for d in os.scandir(v1 if os.path.isdir(v1) else f"/sys/fs/cgroup/{prefix}") if d.is_dir()]
    if os.path.isdir(v1):
        total = sum(number(d + "/memory.usage_in_bytes") for d in leaves)
        kernel = sum(number(d + "/memory.kmem.usage_in_bytes") for d in leaves)
    else:
        total = sum(number(d + "/memory.current") for d in leaves)
        kernel = sum(number(d + "/memory.stat", "kernel") for d in leaves)
    return total / 1024, kernel / 1024


class Idle:
    """An instance of the library with dynos that sleep."""

    def __init__(self):
        base = tempfile.mkdtemp(prefix="dynobench-", dir="/dev/shm")
        os.chmod(base, 0o755)
        self.base = base
        self.p = subprocess.Popen([os.path.join(BUILD, "bench-library"), "-r", base], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        answer = self.p.stdout.readline().split()
        if not answer or answer[0] == "failed":
            raise RuntimeError(f'the library failed at "{line}"')
        return answer

    def alive(self, n):
        self.ask(f"alive {n}")

    def inits(self):
        return children(self.p.pid)

    def prefix(self):
        """"dyno63": of the link of any dyno, which its network namespace shows."""
        for name in os.listdir("/sys/class/net"):
            m = re.fullmatch(r"(dyno\d+)", name)
            if m and self.base in self.alias(name):
                return m[1]
        raise RuntimeError("no bridge of ours")

    @staticmethod
    def alias(link):
        with open(f"/sys/class/net/{link}/ifalias", encoding="utf-8") as f:
            return f.read()

    def close(self):
        self.p.stdin.close()
        status = self.p.wait(timeout=300)
        os.rmdir(self.base)
        if status:
            raise RuntimeError(f"the library ended with status {status}")


def idle_figures(n):
    """KiB per idle dyno by what it is for, a dict in the order of printing."""
    idle = Idle()
    try:
        idle.alive(1)   # what is made once per instance
        before, library = meminfo(), pss(idle.p.pid)[0]
        inits = set(idle.inits())
        idle.alive(n + 1)
        after = meminfo()
        shares = [pss(p) for p in idle.inits() if p not in inits]
        apps = [pss(c)[0] for p in idle.inits() if p not in inits for c in children(p)]
        total, kernel = group_memory(idle.prefix())
        figures = {
            "all": (before["MemAvailable"] - after["MemAvailable"]) / n,
            "app itself (sleep), PSS": sum(apps) / n,
            "dyno-init, PSS": sum(s[0] for s in shares) / n,
            "dyno-init, private": sum(s[1] for s in shares) / n,
            "library's process, PSS": (pss(idle.p.pid)[0] - library) / n,
        }
        for key in KERNEL:
            figures[key] = (after[key] - before[key]) / n
        figures["charged to the dyno's group"] = total / (n + 1)
        figures["of it the kernel's objects"] = kernel / (n + 1)
        figures["worst dyno-init, PSS"] = max(s[0] for s in shares)
        return figures
    finally:
        idle.close()


def namespace_kib(n=50):
    """KiB of kernel memory of an empty network namespace by itself."""
    before, pids = meminfo(), []
    for _ in range(n):
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            ok = ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) == 0
            os.write(w, b"1" if ok else b"0")
            signal.pause()
        if os.read(r, 1) != b"1":
            raise RuntimeError("cannot make a network namespace")
        os.close(r)
        os.close(w)
        pids.append(pid)
    after = meminfo()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return sum(after[k] - before[k] for k in ("Slab", "Percpu")) / n
