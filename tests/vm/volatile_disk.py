"""volatile_disk.py - a disk with a write cache that a power cut empties.

It serves QEMU by the NBD protocol on a unix socket. What the guest has written is
sure to stay only once the guest has flushed; until then it is in the cache. A cut
keeps, of each cached block, any one of the versions since the last flush or what
was there before: real disks write in the order they like. An image file is below
it, and is never changed; all else is in memory.
"""
import os
import socket
import struct
import threading

BLOCK = 4096
OPTION, OPTION_REPLY = 0x49484156454F5054, 0x3E889045565A9
REQUEST, REPLY = 0x25609513, 0x67446698
HANDSHAKE = 1 | 2  # fixed newstyle, no zeroes
FEATURES = 1 | 4 | 8  # flags, flush, FUA
OPT_ABORT, OPT_INFO, OPT_GO = 2, 6, 7
REP_ACK, REP_INFO, REP_UNSUPPORTED = 1, 3, 0x80000001
READ, WRITE, LEAVE, FLUSH = range(4)
EINVAL = 22


class VolatileDisk:
    def __init__(self, image, path):
        self.image = os.open(image, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self.image).st_size
        self.stable = {}  # block number: bytes
        self.cache = {}  # block number: [bytes, ...] since the last flush
        self.flushes = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.thread = None

    # ---- contents ----

    def block(self, n):
        versions = self.cache.get(n)
        return versions[-1] if versions else self.stable.get(n)

    def read(self, offset, length):
        data = bytearray(os.pread(self.image, length, offset))
        for n in range(offset // BLOCK, (offset + length) // BLOCK):
            block = self.block(n)
            if block is not None:
                at = n * BLOCK - offset
                data[at:at + BLOCK] = block
        return data

    def write(self, offset, data, through):
        for at in range(0, len(data), BLOCK):
            n = (offset + at) // BLOCK
            if through:
                self.cache.pop(n, None)
                self.stable[n] = data[at:at + BLOCK]
            else:
                self.cache.setdefault(n, []).append(data[at:at + BLOCK])

    def flush(self):
        self.flushes += 1
        for n, versions in self.cache.items():
            self.stable[n] = versions[-1]
        self.cache.clear()

    def cut(self, rng, share):
        """The power is back after it has been gone: of the cache, the share (0 to 1)
        is on the disk. QEMU must have ended. Returns (kept, lost), in blocks."""
        self.thread.join()
        kept = lost = 0
        for n in sorted(self.cache):
            if rng.random() < share:
                self.stable[n] = rng.choice(self.cache[n])
                kept += 1
            else:
                lost += 1
        self.cache.clear()
        return kept, lost

    # ---- the protocol ----

    def power_on(self):
        """Serve the next who connects, until it ends."""
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as source:
            try:
                if self.greet(connection, source):
                    while self.answer(connection, source):
                        pass
            except OSError:
                pass  # killed while we wrote

    def greet(self, out, source):
        out.sendall(b"NBDMAGIC" + struct.pack(">QH", OPTION, HANDSHAKE))
        source.read(4)
        while len(head := source.read(16)) == 16:
            _, option, length = struct.unpack(">QII", head)
            source.read(length)

            def reply(kind, data=b""):
                out.sendall(struct.pack(">QIII", OPTION_REPLY, option, kind, len(data)) + data)
            if option in (OPT_INFO, OPT_GO):
                reply(REP_INFO, struct.pack(">HQH", 0, self.size, FEATURES))
                reply(REP_INFO, struct.pack(">HIII", 3, BLOCK, BLOCK, 32 << 20))
            known = option in (OPT_ABORT, OPT_INFO, OPT_GO)
            reply(REP_ACK if known else REP_UNSUPPORTED)
            if option in (OPT_ABORT, OPT_GO):
                return option == OPT_GO
        return False

    def answer(self, out, source):
        head = source.read(28)
        if len(head) < 28:
            return False
        magic, flags, kind, handle, offset, length = struct.unpack(">IHHQQI", head)
        data, error = b"", 0
        assert magic == REQUEST
        if kind == READ:
            data = self.read(offset, length)
        elif kind == WRITE:
            written = source.read(length)
            if len(written) < length:
                return False
            self.write(offset, written, flags & 1)
        elif kind == FLUSH:
            self.flush()
        elif kind == LEAVE:
            return False
        else:
            error = EINVAL
        out.sendall(struct.pack(">IIQ", REPLY, error, handle) + data)
        return True
