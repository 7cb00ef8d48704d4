"""machine.py - in the virtual machine: commands, waiting, and the package's units.

Standard library only: an import costs seconds here.
"""
import subprocess
import time

DAEMONS = ("dynod", "dyno-controller", "dyno-router")
PATIENCE = 180  # seconds: under emulation, on a machine that may be busy with others
started = time.monotonic()


def tell(text):
    print("[%5.1fs] %s" % (time.monotonic() - started, text), flush=True)


def call(*argv, check=True):
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    if check and p.returncode:
        raise AssertionError("%s: status %d\n%s" % (argv, p.returncode, p.stdout))
    return p.stdout


def ctl(*argv, check=True):
    return call("dynoctl", *argv, check=check)


def wait(what, fn, timeout=PATIENCE):
    end = time.monotonic() + timeout
    while True:
        value = fn()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("%s: not within %d s" % (what, timeout))
        time.sleep(0.1)


def main_pid(unit):
    return int(call("systemctl", "show", "-P", "MainPID", unit))


def active(unit):
    return call("systemctl", "is-active", unit, check=False).strip() == "active"
