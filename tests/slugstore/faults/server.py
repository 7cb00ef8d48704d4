"""A server of slug files that knows ranges, and breaks off when told to."""
import hashlib
import http.server
import os
import re
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = os.path.join(self.server.top, os.path.basename(self.path.split("?")[0]))
        if not os.path.exists(path):
            self.send_error(404)
            return
        with open(path, "rb") as f:
            data = f.read()
        etag = '"' + hashlib.md5(data).hexdigest() + '"'
        first, status = 0, 200
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and self.headers.get("If-Range", etag) == etag:
            first, status = int(asked.group(1)), 206
        if first >= len(data) and status == 206:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.server.asked.append((self.path, first))
        self.send_response(status)
        self.send_header("ETag", etag)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - first))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        try:
            if "half" in self.path and not first:
                self.wfile.write(data[:len(data) // 2])
                self.close_connection = True
            else:
                self.wfile.write(data[first:])
        except OSError:
            pass  # who asked was killed

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Serves the files of a directory; asked: what, and from which byte on."""
    daemon_threads = True

    def __init__(self, top):
        super().__init__(("127.0.0.1", 0), Handler)
        self.top, self.asked = top, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def handle_error(self, request, client_address):
        pass
