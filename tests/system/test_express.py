"""An app that nobody wrote for this: Express from npm, with node in the slug."""
import os
import shutil
import subprocess

import pytest

from harness import wait_for

SERVER = """
const express = require('express');
const app = express();
app.get('/', (req, res) => res.json({dyno: process.env.DYNO, mood: process.env.MOOD || 'calm', host: require('os').hostname()}));
app.listen(process.env.PORT, '0.0.0.0', () => console.log('express listens on ' + process.env.PORT));
process.on('SIGTERM', () => { console.log('bye'); process.exit(0); });
"""


@pytest.fixture(scope="module")
def express(workdir):
    """A directory with an Express app, its packages and the machine's node."""
    d = os.path.join(workdir, "express")
    os.makedirs(os.path.join(d, "bin"))
    open(os.path.join(d, "server.js"), "w").write(SERVER)
    open(os.path.join(d, "worker.js"), "w").write(
        "console.log('worker on ' + process.version); setInterval(() => {}, 1000);")
    open(os.path.join(d, "package.json"), "w").write('{"name": "web", "version": "1.0.0", "private": true}')
    open(os.path.join(d, "Procfile"), "w").write("web: node server.js\nworker: node worker.js\n")
    os.makedirs(os.path.join(d, ".profile.d"))
    open(os.path.join(d, ".profile.d/node.sh"), "w").write('export PATH="$HOME/bin:$PATH"\n')
    npm = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "express@4"], cwd=d,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert npm.returncode == 0, npm.stdout
    shutil.copy(os.path.realpath(shutil.which("node")), os.path.join(d, "bin/node"))
    return d


def test_two_web_dynos_and_a_worker_serve_a_real_app(host, app, express):
    import json
    host.ctl("deploy", app, express, timeout=300)
    host.ctl("wait", "-a", app)
    host.ctl("scale", "-a", app, "web=2", "worker=1")
    host.ctl("wait", "-a", app)
    host.wait_log(app, r"app\[worker\.1\]: worker on v\d+")

    answers = {d["name"]: json.loads(host.visit(d)[1]) for d in host.dynos(app, "web")}
    assert {n: a["dyno"] for n, a in answers.items()} == {"web.1": "web.1", "web.2": "web.2"}
    assert all(a["mood"] == "calm" for a in answers.values())

    ids = {d["id"] for d in host.dynos(app)}
    host.ctl("config:set", "-a", app, "MOOD=merry")
    host.ctl("wait", "-a", app)
    assert not ids & {d["id"] for d in host.dynos(app)}
    for d in host.dynos(app, "web"):
        assert json.loads(host.visit(d)[1])["mood"] == "merry"

    first = host.dyno(app, "web.1")["id"]
    host.ctl("scale", "-a", app, "web=1")
    wait_for("web.2 gone", lambda: host.dyno(app, "web.2") is None)
    assert host.dyno(app, "web.1")["id"] == first


def test_the_router_reaches_every_web_dyno(host, app, express):
    import json
    if "DYNO_ROUTER_URL" not in host.env:
        pytest.fail("the instance has no router: haproxy is missing")
    host.ctl("deploy", app, express, timeout=300)
    host.ctl("scale", "-a", app, "web=2")
    host.ctl("wait", "-a", app)

    def reached():
        seen = set()
        for _ in range(40):
            p = subprocess.run(["curl", "-sS", "--max-time", "10", "-H", f"Host: {app}.localhost",
                                host.env["DYNO_ROUTER_URL"]], stdout=subprocess.PIPE, text=True)
            try:
                seen.add(json.loads(p.stdout)["dyno"])
            except (ValueError, KeyError):
                pass
        return seen == {"web.1", "web.2"}
    wait_for("both dynos behind the router", reached)
