"""What log drains lead to: an HTTP(S) sink with moods, an rsyslogd of its own; and a
feeder that is a worker host as far as logs go."""
import collections
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import uuid

from harness import PATIENCE, private_dir, wait_for

L10 = re.compile(r"^<172>1 \S+ \S+ heroku logplex - (?:- )?Error L10 \(output buffer overflow\): "
                 r"(\d+) messages dropped since (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00)\.$")


class Feeder:
    """Lines "line 1", "line 2", ... of an app's web.1, stored exactly once."""

    def __init__(self, ctl, app):
        self.ctl, self.n, self.seq = ctl, 0, 0
        self.app = ctl.api("GET", f"/apps/{app}")[1]["id"]
        self.epoch = str(uuid.uuid4())

    def feed(self, count, pad=0):
        body = b""
        for _ in range(count):
            self.n, self.seq = self.n + 1, self.seq + 1
            text = f"{self.seq} {int(time.time() * 1e6)} {self.app} app web.1 line {self.n}{' x' if pad else ''}{'x' * pad}"
            body += f"{len(text)} {text}".encode()
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.post(body)
            except (OSError, http.client.HTTPException):
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def post(self, body):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        c = http.client.HTTPConnection("localhost")
        c.sock = s
        try:
            s.connect(self.ctl.socket)
            c.request("POST", f"/upstream/v1/hosts/h1/logs?epoch={self.epoch}", body,
                      {"Content-Type": "application/x-dyno-logs"})
            r = c.getresponse()
            answer = json.loads(r.read())
            if r.status == 503:
                raise OSError("later")
            assert r.status == 200, answer
            assert answer["acked"] == self.seq
        finally:
            c.close()


def messages(body):
    """Octet-counted messages, without their newlines."""
    out, at = [], 0
    while at < len(body):
        blank = body.index(b" ", at)
        n = int(body[at:blank])
        m = body[blank + 1:blank + 1 + n]
        assert len(m) == n and m.endswith(b"\n"), body[at:at + 200]
        out.append(m[:-1].decode())
        at = blank + 1 + n
    return out


def line_number(message):
    m = re.search(r" line (\d+)( x+)?$", message)
    return int(m.group(1)) if m else None


class Sink:
    """mood(self, frame id) -> 200, any other status, "hang", "reset", or "lose": take it
    and reset, in the first try of a frame. One that insists does so in every try."""
    insists = False

    def __init__(self, mood=200, tls=None):
        self.mood = mood if callable(mood) else lambda sink, fid: mood
        self.frames = collections.OrderedDict()  # accepted: id -> messages
        self.seen = {}                           # id -> body: of any try
        self.tries = collections.Counter()
        self.requests = []                       # (headers, path)
        self.lost, self.hung = set(), 0
        self.history = {}                        # id -> [(when, mood, messages)]
        self.connections, self.gone, self.open = 0, 0, []
        self.lock = threading.Lock()
        self.ended = threading.Event()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 300

            def setup(self):
                super().setup()
                sink.connections += 1
                sink.open.append(self.request)

            def finish(self):
                super().finish()
                sink.gone += 1

            def do_POST(self):
                sink.take(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 100

            def handle_error(self, request, address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            # In the handshake of one client the others shall not wait.
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_port}/in"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def take(self, h):
        body = h.rfile.read(int(h.headers["Content-Length"]))
        fid, count = h.headers["Logplex-Frame-Id"], int(h.headers["Logplex-Msg-Count"])
        assert re.fullmatch("[0-9A-F]{32}", fid)
        found = messages(body)
        with self.lock:
            self.requests.append((dict(h.headers), h.path))
            self.tries[fid] += 1
            assert len(found) == count, "Logplex-Msg-Count"
            if self.seen.setdefault(fid, body) != body:
                self.seen["WRONG"] = fid
            mood = self.mood(self, fid)
            # What is taken and then refused, or taken in the last try without an answer,
            # is both received and reported: nobody could tell.
            if not self.insists and (fid in self.frames or (mood == "lose" and self.tries[fid] > 1)):
                mood = 200
            if mood in (200, 201, "lose"):
                self.frames.setdefault(fid, found)
            if mood == "lose":
                self.lost.add(fid)
            self.history.setdefault(fid, []).append((round(time.monotonic(), 2), mood, count))
        if mood == "hang":
            self.hung += 1
            self.ended.wait(20)
            h.close_connection = True
        elif mood in ("reset", "lose"):
            # The handler's files share the socket: RST now, not when they are collected.
            h.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            h.close_connection = True
            h.rfile.close()
            h.wfile.close()
            h.connection.close()
        else:
            h.send_response(mood)
            h.send_header("Content-Length", "0")
            h.end_headers()

    def lines(self):
        with self.lock:
            return [n for f in self.frames.values() for m in f if (n := line_number(m))]

    def reported(self):
        with self.lock:
            return sum(int(x.group(1)) for f in self.frames.values() for m in f if (x := L10.match(m)))

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        for c in self.open:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Certificates:
    """A CA, and a certificate for 127.0.0.1."""

    def __init__(self):
        self.dir = private_dir("drain-t-")
        self.ca, self.key, self.cert = (f"{self.dir}/{n}.pem" for n in ("ca", "key", "cert"))
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                 "-subj", "/CN=drain test CA", "-keyout", self.dir + "/ca.key", "-out", self.ca)
        self.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-subj", "/CN=localhost", "-keyout", self.key, "-out", self.dir + "/csr")
        with open(self.dir + "/ext", "w") as f:
            f.write("subjectAltName = IP:127.0.0.1, DNS:localhost\n")
        self.run("x509", "-req", "-in", self.dir + "/csr", "-CA", self.ca, "-CAkey", self.dir + "/ca.key",
                 "-set_serial", "2", "-days", "2", "-extfile", self.dir + "/ext", "-out", self.cert)

    def run(self, *words):
        subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def free_port():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port


class Rsyslogd:
    """The real one, with files of its own. tls: (CA, certificate, key)."""

    def __init__(self, tls=None):
        self.dir = tempfile.mkdtemp(prefix="drain-t-")
        self.out, self.port = self.dir + "/out", free_port()
        driver = ""
        if tls:
            driver = (f'global(DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="{tls[0]}" '
                      f'DefaultNetstreamDriverCertFile="{tls[1]}" DefaultNetstreamDriverKeyFile="{tls[2]}")\n')
        mode = 'StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"' if tls else ""
        with open(self.dir + "/conf", "w") as f:
            f.write(f'global(workDirectory="{self.dir}" maxMessageSize="16k")\n{driver}'
                    f'module(load="imtcp" {mode})\n'
                    'template(name="t" type="string" string="%pri%|%hostname%|%app-name%|%procid%|%msg%\\n")\n'
                    'ruleset(name="r") { action(type="omfile" file="' + self.out + '" template="t" flushOnTXEnd="on") }\n'
                    f'input(type="imtcp" port="{self.port}" address="127.0.0.1" ruleset="r")\n')
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(["rsyslogd", "-n", "-f", self.dir + "/conf", "-i", self.dir + "/pid"],
                                        stdout=open(self.dir + "/log", "ab"), stderr=subprocess.STDOUT)

        def listens():
            assert self.process.poll() is None, open(self.dir + "/log").read()
            s = socket.socket()
            try:
                s.connect(("127.0.0.1", self.port))
                return True
            except OSError:
                return False
            finally:
                s.close()
        wait_for("rsyslogd", listens)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=PATIENCE)

    def rows(self):
        """(pri, host, app, proc, message)"""
        if not os.path.exists(self.out):
            return []
        return [tuple(r.split("|", 4)) for r in open(self.out, errors="replace").read().splitlines()]

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if exc[0]:
            print(open(self.dir + "/log").read())
        self.close()
