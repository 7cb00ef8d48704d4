"""System tests: the real programs, as root, on real kernel objects.

Each module gets a private instance (the fixture "host") below a directory of
its own, started and ended by "dynoctl sandbox". Its end is the census: links,
cgroups, nft tables, mounts, processes, user ids and files of it are gone. Any
number of instances, and of test runs, can be on the machine at the same time.
"""
import os
import shutil

import pytest

pytest.register_assert_rewrite("harness")

from harness import BUILD, Host, assert_nothing_left, private_dir, wait_for
from worker import Worker


def pytest_report_header(config):
    return f"programs: {BUILD}"


@pytest.fixture(scope="session", autouse=True)
def machine():
    if os.geteuid() != 0:
        pytest.exit("the system tests need root", returncode=1)
    for program in ("dynoctl", "dynod", "dyno-supervisor", "dyno-controller", "dyno-init"):
        if not os.access(os.path.join(BUILD, program), os.X_OK):
            pytest.exit(f"{BUILD}/{program} is not built", returncode=1)


@pytest.fixture(scope="module")
def host(request):
    """A running private instance, with the module's CONF = {daemon: {key: value}}.
    Its end is the census."""
    root = private_dir("dyno-t-")
    h = Host(root)
    h.configure(getattr(request.module, "CONF", {}))
    try:
        h.start()
        yield h
        if request.session.testsfailed:
            h.show_logs()
    finally:
        try:
            h.stop()
        finally:
            shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def app(host, request):
    """A new app without a slug; destroyed afterwards."""
    name = host.new_app()
    yield name
    host.ctl("apps:destroy", name, "--confirm", name, check=False)


@pytest.fixture(scope="session")
def workdir():
    d = private_dir("dyno-w-")
    yield d
    shutil.rmtree(d, ignore_errors=True)


@pytest.fixture(scope="module")
def worker(request):
    """As the module's WORKER configures it."""
    w = Worker(getattr(request.module, "WORKER", {}))
    try:
        w.up.wait(lambda: w.up.registered, what="registration")
        prefix = w.get("/")["prefix"]
        yield w
    finally:
        w.stop()
        w.log.seek(0)
        print(w.log.read()[-8000:])
        shutil.rmtree(w.root)
    assert_nothing_left(prefix, w.root)


@pytest.fixture
def up(worker):
    """An upstream that wants nothing and knows no line."""
    worker.up.assign([])
    # What the last test's dynos have said is upstream, else it would be found among this one's.
    wait_for("an empty host", lambda: worker.get("/dynos") == [] and worker.get("/")["strays"] == 0 and
             worker.get("/")["journal_bytes"] == 0)
    worker.up.lines.clear()
    return worker.up
