"""System tests: the real programs, as root, on real kernel objects.

Each module gets a private instance (the fixture "host") below a directory of
its own, started and ended by "dynoctl sandbox". Behind every module stands the
census: links, cgroups, nft tables, mounts, namespaces, processes and files are
what they were before.
"""
import os
import shutil

import pytest

pytest.register_assert_rewrite("harness")

from harness import BUILD, Host, census, private_dir, wait_for_census


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
    """A running private instance."""
    before = census()
    root = private_dir("dyno-t-")
    h = Host(root)
    try:
        h.start()
        yield h
        if request.session.testsfailed:
            h.show_logs()
    finally:
        h.stop()
        left = os.listdir(root) if os.path.isdir(root) else []
        shutil.rmtree(root, ignore_errors=True)
    assert left == [], "sandbox stop left files"
    wait_for_census(before)


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
