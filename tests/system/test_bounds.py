"""One client's greed is not the others' trouble: memory and time of the controller stay bounded."""
import base64
import socket
import time

import pytest

from controller import Controller, path_of
from harness import PATIENCE


@pytest.fixture
def c():
    with Controller() as c:
        c.app("greedy")
        yield c


def log_token(c):
    status, answer = c.api("POST", "/apps/greedy/log-tokens", {})
    assert status == 201
    return "Authorization: Basic " + base64.b64encode(f"token:{answer['token']}".encode()).decode()


def long_body(c, head, size):
    """A connection whose body lacks a byte; what the server says before that comes, if anything."""
    s = socket.create_connection(("127.0.0.1", c.port))
    s.settimeout(PATIENCE)
    s.sendall(f"POST /logs HTTP/1.1\r\nHost: x\r\n{head}\r\nContent-Type: application/logplex-1\r\n"
              f"Content-Length: {size}\r\n\r\n".encode())
    s.sendall(b" " * (size - 1))
    return s


def test_long_bodies_share_a_room(c):
    head, size = log_token(c), 8 << 20
    links = [long_body(c, head, size) for _ in range(24)]
    try:
        # Not in there: other routes, and what is short.
        assert c.api("PATCH", "/apps/greedy/config-vars", {"A": "x" * 60000})[0] == 200
        assert c.memory_peak() < 200 << 20
        for s in links:
            s.sendall(b" ")
        answers = [s.recv(65536).split(b"\r\n\r\n")[0] for s in links]
    finally:
        for s in links:
            s.close()
    codes = [a.split()[1] for a in answers]
    assert codes.count(b"400") == 8 and codes.count(b"503") == 16, codes
    assert all(b"Retry-After" in a for a in answers if a.split()[1] == b"503")
    # The room is free again.
    s = long_body(c, head, size)
    s.sendall(b" ")
    assert s.recv(65536).split()[1] == b"400"
    s.close()


def feed(c, head, lines):
    """So many lines of 9 kB."""
    message = b"<190>1 2026-11-21T00:00:00+00:00 host t web.1 - " + b"x" * 9000
    s = socket.create_connection(("127.0.0.1", c.port))
    body = b"%d %s" % (len(message), message) * lines
    s.sendall(f"POST /logs HTTP/1.1\r\nHost: x\r\n{head}\r\nContent-Type: application/logplex-1\r\n"
              f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert s.recv(65536).split()[1] == b"204"
    s.close()


def test_tails_that_nobody_reads_hold_nobody_up(c):
    head = log_token(c)
    feed(c, head, 800)
    status, session = c.api("POST", "/apps/greedy/log-sessions", {"tail": True, "lines": 1500})
    assert status == 201
    path, links, slowest, ends = path_of(session["logplex_url"]), [], 0, time.monotonic() + 3
    try:
        for _ in range(250):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", c.port))
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n".encode())
            links.append(s)
        fed = False
        while time.monotonic() < ends:
            before = time.monotonic()
            assert c.api("GET", "/account")[0] == 200
            slowest = max(slowest, time.monotonic() - before)
            if not fed and before > ends - 1.5:
                feed(c, head, 800)
                fed = True
        assert c.memory_peak() < 160 << 20
    finally:
        for s in links:
            s.close()
    assert slowest < 20, slowest  # who waits for a reader waits for ever
