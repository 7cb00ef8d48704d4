"""The table of fault points (base/fault.h) of a program, from outside."""
import errno
import mmap
import os
import struct

ENTRY = struct.Struct("=64sQQQQqQQQ")
POINTS = 1024
KILL, FAIL, TIMES, ERRNO = 1, 2, 3, 4  # positions behind the count
COUNT = 0


class FaultTable:
    """Shared with all runs of the program, also while one runs."""

    def __init__(self, path):
        with open(path, "a+b") as f:
            os.chmod(path, 0o666)
            f.truncate(ENTRY.size * (POINTS + 1))
            self.map = mmap.mmap(f.fileno(), 0)

    def name(self, i):
        return self.map[i * ENTRY.size:i * ENTRY.size + 64].rstrip(b"\0").decode()

    def get(self, i, field):
        return struct.unpack_from("=q", self.map, i * ENTRY.size + 64 + 8 * field)[0]

    def set(self, i, field, value):
        struct.pack_into("=q", self.map, i * ENTRY.size + 64 + 8 * field, value)

    def counts(self):
        """{name: how often it was passed}, in the order of their first time."""
        found = {}
        for i in range(1, POINTS + 1):
            if not self.name(i):
                break
            found[self.name(i)] = self.get(i, COUNT)
        return found

    def find(self, name):
        return 1 + list(self.counts()).index(name)

    def total(self):
        return self.get(0, COUNT)

    def kill_at(self, name, times=1):
        """SIGKILL at the times-th passing of it from now on. Returns whether it was."""
        i = self.find(name)
        self.set(i, KILL, self.get(i, COUNT) + times)
        return lambda: self.get(i, KILL) == 0

    def fail_at(self, name, times=1, error=errno.ENOSPC):
        """The call fails so often from now on. Returns whether it has."""
        i = self.find(name)
        self.set(i, ERRNO, error)
        self.set(i, FAIL, 1)
        self.set(i, TIMES, times)
        return lambda: self.get(i, TIMES) == 0

    def disarm(self):
        for i in range(1, len(self.counts()) + 1):
            self.set(i, KILL, 0)
            self.set(i, FAIL, 0)
