#!/usr/bin/python3
"""A control plane of a few lines: PROTOCOL.upstream on a unix socket.

As a module: FakeUpstream(path) serves in threads; assign() sets the list,
reports, lines, dynos and streams show what the host said. As a program:

    fake_upstream.py SOCKET SLUG_DIR ASSIGNMENTS.json

serves the list in the file (read again when it changes) and prints what comes.
"""
import gzip
import http.server
import json
import os
import queue
import socket
import socketserver
import struct
import sys
import threading
import time
import uuid

PATIENCE = 120  # seconds: how long to wait for what must come, however busy the machine is


def assignment(name, command, **more):
    """An assignment with everything in it; keyword arguments replace members."""
    a = {
        "id": str(uuid.uuid4()), "name": name, "type": name.split(".")[0],
        "kind": "formation",
        "app": {"id": "11111111-2222-4333-8444-555555555555", "name": "fake"},
        "release": {"id": str(uuid.uuid4()), "version": 1},
        "slug": None, "command": command, "env": {}, "size": "Basic",
        "memory": 512 << 20, "memory_max": 1 << 30, "pids": 256,
        "cpu_shares": 1024, "cpus": 1, "attach": None, "time_to_live": None,
    }
    a.update(more)
    return a


class Stream:
    """The controller's end of an attach stream: frames in and out."""

    def __init__(self, sock):
        self.sock = sock
        self.data = b""

    def send(self, kind, payload=b""):
        self.sock.sendall(kind.encode() + struct.pack(">I", len(payload))[1:] + payload)

    def recv(self, timeout=PATIENCE):
        """(type, payload), or None at the end of the stream."""
        self.sock.settimeout(timeout)
        while True:
            if len(self.data) >= 4:
                n = struct.unpack(">I", b"\0" + self.data[1:4])[0]
                if len(self.data) >= 4 + n:
                    kind, payload = self.data[:1].decode(), self.data[4:4 + n]
                    self.data = self.data[4 + n:]
                    return kind, payload
            more = self.sock.recv(65536)
            if not more:
                return None
            self.data += more

    def recv_all(self, timeout=PATIENCE):
        """All of stdout, all of stderr, and the last frame."""
        out, err = b"", b""
        while True:
            frame = self.recv(timeout)
            if frame is None:
                return out, err, None
            if frame[0] == "O":
                out += frame[1]
            elif frame[0] == "D":
                err += frame[1]
            elif frame[0] in "XF":
                return out, err, frame

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *args):
        pass

    def answer(self, status, body=None, raw=None):
        data = raw if raw is not None else (
            json.dumps(body).encode() if body is not None else b"")
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.packed = self.headers.get("Content-Encoding") == "gzip"
        return gzip.decompress(data) if self.packed else data

    def dispatch(self):
        up = self.server.upstream
        path, _, query = self.path.partition("?")
        args = dict(p.split("=", 1) for p in query.split("&") if "=" in p)
        parts = path.strip("/").split("/")
        if parts[:2] != ["upstream", "v1"]:
            return self.answer(404, {"id": "not_found", "message": path})
        if parts[2] == "slugs":
            return up.serve_slug(self, parts[3])
        if len(parts) == 4:
            return up.register(self, json.loads(self.body()))
        if parts[4] == "attach":
            return up.serve_attach(self, parts[5])
        data = self.body()
        if self.packed and not up.packs:
            up.packed_refused += 1
            return self.answer(415, {"id": "unsupported_media_type", "message": "no gzip"})
        if not self.packed and self.command == "POST":
            up.plain_sizes.setdefault(parts[4], []).append(len(data))
        up.packed += self.packed
        if not up.registered:
            return self.answer(404, {"id": "not_found", "message": "who?"})
        return {"assignments": up.serve_assignments, "report": up.take_report,
                "logs": up.take_logs}[parts[4]](self, args, data)

    do_GET = do_PUT = do_POST = dispatch


class FakeUpstream:
    def __init__(self, path, slug_dir=None, echo=False):
        self.path, self.slug_dir, self.echo = path, slug_dir, echo
        self.cond = threading.Condition()
        self.registered = False
        self.registrations = []
        self.revision, self.assignments = 1, []
        self.reports = []
        self.dynos = {}         # id -> newest of the dyno in a report
        self.states = {}        # id -> every state told, in order
        self.epoch, self.acked = None, 0
        self.repeats = 0
        self.stall_logs = False # nobody takes lines
        self.offers = self.packs = True     # gzip: says that it takes it, and does
        self.packed = self.packed_refused = 0
        self.plain_sizes = {}       # by kind: lines go as they are over a unix socket
        self.slug_requests = []
        self.lines = []         # (app, source, ps, message)
        self.attachable = set() # ids whose client is there
        self.streams = queue.Queue()
        self.upgraded = []
        self.connections = []
        self.start()

    def start(self):
        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 128

            def process_request(self, request, address):
                self.upstream.connections.append(request)
                super().process_request(request, address)

            def shutdown_request(self, request):
                self.upstream.connections.remove(request)
                # An upgraded connection lives on in a Stream.
                if request in self.upstream.upgraded:
                    self.upstream.upgraded.remove(request)
                    request.close()
                else:
                    super().shutdown_request(request)

            def handle_error(self, request, address):
                if not isinstance(sys.exc_info()[1], ConnectionError):
                    super().handle_error(request, address)

        if os.path.exists(self.path):
            os.unlink(self.path)
        self.server = Server(self.path, Handler)
        self.server.upstream = self
        self.running = True
        os.chmod(self.path, 0o666)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        if not self.running:
            return
        self.running = False
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.path)
        for c in list(self.connections):
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        with self.cond:
            self.cond.notify_all()

    # ---- what tests do

    def assign(self, assignments):
        with self.cond:
            self.assignments = list(assignments)
            self.revision += 1
            self.cond.notify_all()

    def wait(self, test, timeout=PATIENCE, what="it"):
        end = time.monotonic() + timeout
        with self.cond:
            while not test():
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError("timed out waiting for %s; dynos %r; log:\n%s" % (
                        what, self.dynos, self.text()))
                self.cond.wait(left)

    def wait_state(self, a, state, timeout=PATIENCE):
        self.wait(lambda: state in self.states.get(a["id"], []), timeout,
                  "%s to be %s" % (a["name"], state))
        return self.dynos[a["id"]]

    def wait_line(self, text, timeout=PATIENCE):
        self.wait(lambda: text in self.text().split("\n"), timeout, repr(text))

    def text(self):
        return "\n".join("%s[%s]: %s" % (s, p, m.decode("utf-8", "backslashreplace"))
                         for _, s, p, m in self.lines)

    # ---- what the host asks

    def register(self, h, body):
        with self.cond:
            self.registered = True
            self.registrations.append(body)
            self.cond.notify_all()
        answer = {"revision": self.revision}
        if self.offers:
            answer["encodings"] = ["gzip"]
        h.answer(200, answer)

    def serve_assignments(self, h, args, data):
        after = int(args.get("after", 0))
        end = time.monotonic() + float(args.get("wait", 0))
        with self.cond:
            while self.revision == after and self.running and time.monotonic() < end:
                self.cond.wait(0.5)
            body = None if self.revision == after else {
                "revision": self.revision, "assignments": self.assignments}
        if body is None:
            h.answer(204)
        else:
            h.answer(200, body)

    def take_report(self, h, args, data):
        report = json.loads(data)
        with self.cond:
            self.reports.append(report)
            self.take_successors(report)
            for d in report["dynos"]:
                self.dynos[d["id"]] = d
                seen = self.states.setdefault(d["id"], [])
                if not seen or seen[-1] != d["state"]:
                    seen.append(d["state"])
                    if self.echo:
                        print("report", json.dumps(d), flush=True)
            self.cond.notify_all()
        h.answer(200, {})

    def take_successors(self, report):
        """As the controller: the new id takes the old one's place in the list."""
        for d in report["dynos"]:
            for i, a in enumerate(self.assignments):
                if "replaces" in d and a["id"] == d["replaces"]:
                    self.assignments[i] = dict(a, id=d["id"])
                    self.revision += 1

    def take_logs(self, h, args, data):
        with self.cond:
            while self.stall_logs and self.running:
                self.cond.wait(0.5)
            if args["epoch"] != self.epoch:
                self.epoch, self.acked = args["epoch"], 0
            while data:
                size, _, data = data.partition(b" ")
                frame, data = data[:int(size)], data[int(size):]
                seq, usec, app, source, ps, message = frame.split(b" ", 5)
                assert b"\n" not in message and len(message) <= 10000
                if int(seq) <= self.acked:
                    self.repeats += 1
                    continue
                assert self.acked == 0 or int(seq) == self.acked + 1, "a gap"
                self.acked = int(seq)
                line = (app.decode(), source.decode(), ps.decode(), message)
                self.lines.append(line)
                if self.echo:
                    print("%s[%s]: %s" % (line[1], line[2], message.decode(
                        "utf-8", "backslashreplace")), flush=True)
            self.cond.notify_all()
        h.answer(200, {"acked": self.acked})

    def serve_slug(self, h, sha):
        self.slug_requests.append(sha)
        try:
            with open(os.path.join(self.slug_dir or "", sha), "rb") as f:
                h.answer(200, raw=f.read())
        except OSError:
            h.answer(404, {"id": "not_found", "message": "no slug"})

    def serve_attach(self, h, dyno):
        if dyno not in self.attachable:
            return h.answer(404, {"id": "not_found", "message": "no client"})
        h.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                      b"Upgrade: " + h.headers["Upgrade"].encode() + b"\r\n\r\n")
        h.wfile.flush()
        self.upgraded.append(h.connection)
        stream = Stream(socket.socket(fileno=os.dup(h.connection.fileno())))
        self.streams.put((dyno, stream))
        h.close_connection = True


def main():
    path, slug_dir, source = sys.argv[1:4]
    up = FakeUpstream(path, slug_dir, echo=True)
    stamp = None
    while True:
        now = os.stat(source).st_mtime_ns
        if now != stamp:
            stamp = now
            with open(source) as f:
                up.assign(json.load(f))
        time.sleep(0.2)


if __name__ == "__main__":
    main()
