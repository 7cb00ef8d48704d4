"""host.sock as systemd has it: dynod gets it at its start, and each supervisor from
dynod, so that who connects while one of them is started anew waits for the answer."""
import json
import os
import shutil
import signal
import socket
import subprocess

from harness import assert_nothing_left, wait_for
from worker import Worker


class Activated(Worker):
    """systemd's part: it listens, and passes the socket as descriptor 3."""
    listener = None

    def start(self):
        path = self.root + "/run/dyno/supervisor/host.sock"
        if not self.listener:
            os.makedirs(os.path.dirname(path))
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            self.listener.listen(16)
        fd = self.listener.fileno()
        self.dynod = subprocess.Popen(
            ["bash", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=host.sock exec "$@" 3<&%d' % fd, "bash",
             self.programs + "/dynod", "--root", self.root],
            stdout=self.log, stderr=self.log, pass_fds=[fd])

    def ask(self):
        """A request that nobody may have read yet."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30)
        s.connect(self.root + "/run/dyno/host.sock")
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return s


def answer(s):
    with s, s.makefile("rb") as f:
        return json.loads(f.read().split(b"\r\n\r\n", 1)[1])


def knows_all(info, prefix):
    """Nobody answers before dynod has told what there is."""
    assert (info["host"], info["prefix"], info["ready"]) == ("h1", prefix, True)


def test_who_connects_while_the_daemons_are_started_anew_waits():
    w, prefix = Activated({}), None
    try:
        w.up.wait(lambda: w.up.registered, what="registration")
        prefix = w.get("/")["prefix"]
        path = w.root + "/run/dyno/supervisor/host.sock"
        node = os.stat(path).st_ino
        # No supervisor, and no dynod.
        w.kill_all()
        asked = w.ask()
        w.start()
        knows_all(answer(asked), prefix)
        # No supervisor.
        old = w.supervisor()
        os.kill(old, signal.SIGSTOP)
        os.kill(old, signal.SIGKILL)
        knows_all(answer(w.ask()), prefix)
        # dynod becomes another one, in place.
        old = w.supervisor()
        w.dynod.send_signal(signal.SIGHUP)
        wait_for("another supervisor", lambda: w.supervisor() != old)
        knows_all(answer(w.ask()), prefix)
        assert w.dynod.poll() is None and os.stat(path).st_ino == node
        # A path that is gone leads nobody to that socket: then it makes its own.
        os.unlink(path)
        w.kill_supervisor()
        assert os.stat(path).st_ino != node
    finally:
        w.stop()
        w.log.seek(0)
        print(w.log.read()[-8000:])
        w.listener.close()
        shutil.rmtree(w.root)
    assert_nothing_left(prefix, w.root)
