"""What appears in directories and leaves them, told by the kernel."""
import ctypes
import os
import struct
import threading

ATTRIB, MOVED_FROM, MOVED_TO, CREATE, OVERFLOW, ISDIR = 0x4, 0x40, 0x80, 0x100, 0x4000, 0x40000000


class Watch:
    """Calls fn(directory, event bits, name) in a thread of its own."""

    def __init__(self, directories, fn):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_CLOEXEC)
        self.directories = {}
        for path in directories:
            wd = libc.inotify_add_watch(self.fd, os.fsencode(path), ATTRIB | MOVED_FROM | MOVED_TO | CREATE)
            if wd < 0:
                raise OSError(ctypes.get_errno(), path)
            self.directories[wd] = path
        self.fn, self.barrier = fn, None
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            data = os.read(self.fd, 1 << 20)
            while data:
                wd, bits, _, n = struct.unpack_from("iIII", data)
                name = os.fsdecode(data[16:16 + n].rstrip(b"\0"))
                data = data[16 + n:]
                if self.barrier and name == self.barrier[0]:
                    self.barrier[1].set()
                else:
                    self.fn(self.directories.get(wd), bits, name)

    def catch_up(self):
        """Everything that has happened until now has been told."""
        path = next(iter(self.directories.values()))
        self.barrier = ("barrier", threading.Event())
        os.mkdir(os.path.join(path, "barrier"))
        os.rmdir(os.path.join(path, "barrier"))
        if not self.barrier[1].wait(60):
            raise AssertionError("inotify says nothing any more")
