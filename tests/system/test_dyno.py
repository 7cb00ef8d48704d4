"""The way of a dyno: deploy, boot, reach, run, inside."""
import re

from harness import SAMPLE, wait_for


def deploy_sample(host, app):
    host.ctl("deploy", app, SAMPLE)
    host.ctl("wait", "-a", app)


def test_a_deployed_web_dyno_comes_up_and_answers(host, app):
    deploy_sample(host, app)
    web = host.dyno(app, "web.1")
    assert web["state"] == "up"
    status, body = host.visit(web)
    assert status == 200
    assert body == f"hello from web.1 on {web['id']}\n"


def test_only_web_is_scaled_up_by_the_first_deploy(host, app):
    deploy_sample(host, app)
    assert [d["name"] for d in host.dynos(app)] == ["web.1"]


def test_scaling_adds_and_removes_the_highest_numbers(host, app):
    deploy_sample(host, app)
    host.ctl("scale", "-a", app, "web=3", "worker=1")
    host.ctl("wait", "-a", app)
    before = {d["name"]: d["id"] for d in host.dynos(app)}
    assert sorted(before) == ["web.1", "web.2", "web.3", "worker.1"]
    host.ctl("scale", "-a", app, "web=1")
    wait_for("only web.1 left", lambda: [d["name"] for d in host.dynos(app, "web")] == ["web.1"])
    after = {d["name"]: d["id"] for d in host.dynos(app)}
    assert after["web.1"] == before["web.1"] and after["worker.1"] == before["worker.1"]


def test_a_config_change_makes_a_release_and_restarts_every_dyno(host, app):
    deploy_sample(host, app)
    host.ctl("scale", "-a", app, "worker=1")
    host.ctl("wait", "-a", app)
    before = {d["name"]: d["id"] for d in host.dynos(app)}
    versions = len(host.json("releases", "-a", app))
    host.ctl("config:set", "-a", app, "GREETING=moin")
    assert len(host.json("releases", "-a", app)) == versions + 1
    host.ctl("wait", "-a", app)
    after = {d["name"]: d["id"] for d in host.dynos(app)}
    assert sorted(after) == sorted(before)
    assert not set(after.values()) & set(before.values())
    assert host.visit(host.dyno(app, "web.1"))[1].startswith("moin from web.1")


def test_the_log_tells_the_life_of_a_dyno_in_herokus_words(host, app):
    deploy_sample(host, app)
    host.ctl("restart", "-a", app)
    host.wait_log(app, r"app\[web\.1\]: SIGTERM: goodbye")
    host.ctl("wait", "-a", app)
    wanted = [
        r"app\[api\]: Release v\d+ created by user ",
        r"heroku\[web\.1\]: Starting process with command `perl web\.pl`",
        r"app\[web\.1\]: listening on \d+",
        r"heroku\[web\.1\]: State changed from starting to up",
        r"heroku\[web\.1\]: Restarting",
        r"heroku\[web\.1\]: State changed from up to starting",
        r"heroku\[web\.1\]: Stopping all processes with SIGTERM",
        r"heroku\[web\.1\]: Process exited with status (0|143)",
    ]
    lines = wait_for("all lines", lambda: host.logs(app) if all(
        any(re.search(w, l) for l in host.logs(app)) for w in wanted) else None)
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 "
    assert all(re.match(stamp, l) for l in lines)


def test_a_crash_restarts_at_once_and_then_cools_off(host, app):
    host.deploy(app, {"Procfile": "worker: echo attempt; exit 3\n"}, wait=False)
    host.ctl("scale", "-a", app, "worker=1")
    host.wait_state(app, "worker.1", "crashed")
    host.wait_log(app, r"State changed from crashed to starting")

    def crashed_twice():
        lines = host.logs(app)
        return sum("Process exited with status 3" in l for l in lines) == 2 and \
            sum(bool(re.search(r"app\[worker\.1\]: attempt", l)) for l in lines) == 2
    wait_for("second crash", crashed_twice)
    assert host.wait_state(app, "worker.1", "crashed")["exit_status"] == 3


def test_inside_a_dyno_environment_and_files_are_as_on_heroku(host, app):
    host.deploy(app, {
        "Procfile": "web: true\n",
        ".profile.d/20-b.sh": "export ORDER=$ORDER:b\n",
        ".profile.d/10-a.sh": "export ORDER=$ORDER:a\nfalse\n",
        ".profile.d/skip.txt": "export ORDER=wrong\n",
        ".profile": "export ORDER=$ORDER:profile\n",
    }, wait=False)
    host.ctl("config:set", "-a", app, "ORDER=config", "QUOTED=a 'b' \"c\" $d")
    script = 'echo "$PWD|$HOME|$DYNO|$ORDER|$QUOTED|$(nproc)|$(hostname)"; cat /sys/fs/cgroup/memory/memory.limit_in_bytes; whoami; id -gn; ulimit -u'
    lines = host.run(app, script).out.splitlines()
    pwd, home, dyno, order, quoted, nproc, name = lines[0].split("|")
    assert (pwd, home) == ("/app", "/app")
    assert re.match(r"run\.\d+$", dyno)
    assert order == "config:a:b:profile"
    assert quoted == "a 'b' \"c\" $d"
    assert nproc == "1"
    assert re.match(r"[0-9a-f]{8}-[0-9a-f]{4}-4", name)
    assert lines[1] == "536870912"
    assert re.match(r"u\d+$", lines[2]) and lines[3] == "dyno"
    assert lines[4] == "256"


def test_every_dyno_has_its_own_files(host, app):
    deploy_sample(host, app)
    assert host.run(app, "echo mine > /app/mark; cat /app/mark").out == "mine\n"
    assert host.run(app, "ls /app").out.split() == ["Procfile", "web.pl", "worker.sh"]


def test_a_missing_program_is_bashs_error_and_status_127(host, app):
    host.deploy(app, {"Procfile": "web: true\n"}, wait=False)
    r = host.run(app, "nosuchprogram --now")
    assert r.status == 127
    assert r.err == "bash: nosuchprogram: command not found\n" or \
        r.out == "bash: nosuchprogram: command not found\n"


def test_the_formation_lists_what_runs_on_the_host(host, app):
    deploy_sample(host, app)
    pids = {d["id"]: d["pid"] for d in host.json("host", "ps")}
    assert host.dyno(app, "web.1")["id"] in pids


def test_ps_tells_where_the_time_of_a_start_went(host, app):
    deploy_sample(host, app)
    trace = host.dyno(app, "web.1")["trace"]
    # The parent's steps, and the child's beside them.
    assert {"record", "cgroup", "trees", "clone", "link", "exec"} <= set(trace)
    assert {"child layers", "child rootfs", "child network"} <= set(trace)
    assert all(0 < usec < 20_000_000 for usec in trace.values())
    text = host.ctl("ps", "-a", app, "--trace").out
    assert "web.1: " in text and " ms from request to exec" in text and "child rootfs" in text
    assert any(d["trace"] == trace for d in host.json("host", "ps"))
