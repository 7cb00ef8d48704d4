"""The real heroku command, from npm, unpatched: only its environment is ours."""
import fcntl
import os
import platform
import shutil
import subprocess

import pexpect

VERSION = "11.10.0"
NODE = "20"  # the oldest that it runs on
CACHE = os.environ.get("DYNO_HEROKU_CACHE", "/var/cache/dyno-heroku")


def npm(directory, *packages):
    subprocess.run(["npm", "install", "--prefix", directory, "--no-audit", "--no-fund", "--ignore-scripts",
                    "--silent", *packages], check=True, stdin=subprocess.DEVNULL, timeout=600)


def node_is_new():
    try:
        text = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, text=True).stdout
        return int(text.lstrip("v").split(".")[0]) >= int(NODE)
    except (OSError, ValueError):
        return False


def install():
    """The directory with its programs; fetched once per machine."""
    place = os.path.join(CACHE, VERSION)
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(place, "node_modules/.bin/heroku")):
            shutil.rmtree(place + ".new", ignore_errors=True)
            machine = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
            node = [] if node_is_new() else [f"node-linux-{machine}@{NODE}"]
            npm(place + ".new", f"heroku@{VERSION}", *node)
            shutil.rmtree(place, ignore_errors=True)
            os.rename(place + ".new", place)
    own = [os.path.join(place, "node_modules", d, "bin") for d in os.listdir(os.path.join(place, "node_modules"))
           if d.startswith("node-linux-")]
    return ":".join([os.path.join(place, "node_modules/.bin"), *own])


class Heroku:
    """One user's command, talking to one instance."""

    def __init__(self, home, address, key, ca):
        os.makedirs(os.path.join(home, ".cache/heroku"), exist_ok=True)
        # It says its terms once.
        open(os.path.join(home, ".cache/heroku/terms-of-service"), "w").close()
        self.home = home
        self.env = {
            "PATH": install() + ":" + os.environ["PATH"], "HOME": home, "HEROKU_HOST": address,
            "HEROKU_PARTICLEBOARD_URL": address, "HEROKU_API_KEY": key, "NODE_EXTRA_CA_CERTS": ca,
            "DISABLE_TELEMETRY": "true", "HEROKU_DISABLE_AUTOUPDATE": "1",
            "HEROKU_SKIP_NEW_VERSION_CHECK": "1", "NO_COLOR": "1", "OCLIF_COLUMNS": "400", "TERM": "dumb",
        }

    def start(self, *args, stdin=subprocess.DEVNULL, env=None, **kw):
        return subprocess.Popen(["heroku", *args], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**self.env, **(env or {})}, cwd=self.home, text=True, **kw)

    def run(self, *args, input=None, status=0, timeout=120, env=None):
        """(stdout, stderr); the exit status must be as said (None: any)."""
        p = self.start(*args, stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL, env=env)
        try:
            out, err = p.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
            raise AssertionError(f"heroku {' '.join(args)} hangs:\n{out}\n{err}") from None
        assert status is None or p.returncode == status, \
            f"heroku {' '.join(args)}: status {p.returncode}\n--- out\n{out}\n--- err\n{err}"
        return out, err

    def out(self, *args, **kw):
        return self.run(*args, **kw)[0]

    def err(self, *args, **kw):
        return self.run(*args, **kw)[1]

    def terminal(self, *args, rows=30, columns=100):
        return pexpect.spawn("heroku", list(args), env={**self.env, "TERM": "xterm"}, cwd=self.home,
                             dimensions=(rows, columns), encoding="utf-8", timeout=60)
