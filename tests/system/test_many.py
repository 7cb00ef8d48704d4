"""Many starts and stops, some killed at random; the fixture's census judges."""
import os
import random
import re
import signal
import subprocess

from harness import BUILD, await_fds, cgroups, fds_of, output, wait_for

STARTS = int(os.environ.get("DYNO_TEST_STARTS", "200"))


def links(prefix):
    return [l for l in os.listdir("/sys/class/net") if l.startswith(prefix + "-")]


def leaves(prefix):
    found = set()
    for parent in cgroups(prefix):
        found.update(os.path.join(parent, d) for d in os.listdir(parent) if os.path.isdir(os.path.join(parent, d)))
    return found


def test_many_starts_and_stops_leave_nothing(host, app):
    host.deploy(app, {"Procfile": "web: true\n"}, wait=False)
    host.ctl("scale", "-a", app, "web=0")
    wait_for("quiet", lambda: not host.json("host", "ps"))
    host.run(app, "true")  # what is made once per daemon is there now
    wait_for("quiet", lambda: not host.json("host", "ps"))
    prefix, dice = host.prefix(), random.Random(1)
    fds = {host.pid(p): fds_of(host.pid(p)) for p in ("dynod", "dyno-supervisor", "dyno-controller")}
    wait_for("nothing of it", lambda: links(prefix) == [] and leaves(prefix) == set() and
             os.listdir(host.root + "/run/dyno/dynos") == [])

    done, running = 0, []
    while done < STARTS or running:
        while done < STARTS and len(running) < 4:
            command = dice.choice(["true", "exit 3", "sleep 1000", "sleep 1000 & sleep 1000", "yes > /dev/null"])
            p = subprocess.Popen([BUILD + "/dynoctl", "--root", host.root, "run", "-a", app, "--no-tty", command],
                                 env=host.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
            running.append((p, command))
            done += 1
        p, command = running.pop(0)
        if command.startswith(("sleep", "yes")):
            how = dice.randrange(3)
            mine = [d for d in host.json("host", "ps") if d.get("pid")]
            if how == 0 and mine:          # PID 1 of some dyno dies
                try:
                    os.kill(dice.choice(mine)["pid"], signal.SIGKILL)
                except ProcessLookupError:
                    pass
            elif how == 1 and mine:        # stopped through the API
                host.ctl("stop", "-a", app, dice.choice(mine)["name"], check=False)
            p.kill()                       # and the client is lost in any case
        p.wait(timeout=120)

    # Commands that ignore their terminal's loss go on until they are stopped.
    def quiet():
        left = host.json("host", "ps")
        for d in left:
            host.ctl("stop", "-a", app, d["name"], check=False)
        return not left
    wait_for("end of all dynos", quiet, 120)
    wait_for("no link", lambda: not links(prefix))
    wait_for("no cgroup", lambda: not leaves(prefix))
    wait_for("no record", lambda: os.listdir(host.root + "/run/dyno/dynos") == [])
    wait_for("no address", lambda: not re.search(prefix + "-[0-9a-f]", output("nft", "list", "ruleset")))
    await_fds(fds)
