"""The operator's verbs of one host: dynoctl host drain, undrain, stop, plan, metrics,
top, doctor."""
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../manager"))
from fake_upstream import assignment  # noqa: E402
from harness import BUILD, PATIENCE, TOP, cgroups, output, people_of, wait_for  # noqa: E402

import pytest  # noqa: E402

WORKER = {"metrics-interval": 1}
SERVER = "exec python3 -u -m http.server $PORT"


def ctl(worker, *args, status=0):
    p = subprocess.run([BUILD + "/dynoctl", "--root", worker.root, "host", *args], text=True, timeout=PATIENCE,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode == status, (args, p.returncode, p.stdout, p.stderr)
    return p.stdout if status == 0 else p.stderr


def ctl_json(worker, *args):
    return json.loads(ctl(worker, *args, "--json"))


def is_ready(worker):
    try:
        return worker.get("/")["ready"]
    except OSError:
        return False


def ids(worker, state="up"):
    return {d["id"] for d in worker.get("/dynos") if d["state"] == state}


@pytest.fixture
def opened(worker, up):
    """An upstream and a host that takes dynos; afterwards too."""
    yield up
    ctl(worker, "undrain")


# ---- drain ----

def test_a_drained_host_keeps_its_dynos_and_takes_no_new_ones(worker, opened):
    a, b = assignment("worker.1", "exec sleep 100"), assignment("worker.2", "exec sleep 100")
    opened.assign([a])
    opened.wait_state(a, "up")
    assert "draining" in ctl(worker, "drain")
    opened.wait(lambda: opened.reports[-1]["draining"] is True, what="a report that says so")
    opened.assign([a, b])
    wait_for("the new list", lambda: worker.get("/")["wanted"] == 2)
    time.sleep(0.5)
    assert ids(worker) == {a["id"]} and b["id"] not in opened.states
    assert "open" in ctl(worker, "undrain")
    opened.wait_state(b, "up")
    opened.wait(lambda: opened.reports[-1]["draining"] is False, what="a report that says so")


def test_a_drained_host_replaces_what_it_has(worker, opened):
    a = assignment("worker.1", "exec sleep 100")
    opened.assign([a])
    opened.wait_state(a, "up")
    ctl(worker, "drain")
    b = assignment("worker.1", "exec sleep 200")
    opened.assign([b])
    opened.wait_state(b, "up")


def test_draining_outlives_the_supervisor_and_is_told_when_it_registers(worker, opened):
    a, b = assignment("worker.1", "exec sleep 100"), assignment("worker.2", "exec sleep 100")
    opened.assign([a])
    opened.wait_state(a, "up")
    ctl(worker, "drain")
    before = len(opened.registrations)
    worker.kill_supervisor()
    opened.wait(lambda: len(opened.registrations) > before, what="another registration")
    assert opened.registrations[-1]["draining"] is True
    opened.assign([a, b])
    wait_for("the new list", lambda: worker.get("/")["wanted"] == 2)
    time.sleep(0.3)
    assert ids(worker) == {a["id"]}
    assert worker.get("/")["drain"]["mode"] == "draining"


def test_after_the_deadline_what_is_left_is_stopped(worker, opened):
    a = assignment("worker.1", "exec sleep 100")
    opened.assign([a])
    opened.wait_state(a, "up")
    began = time.monotonic()
    said = ctl_json(worker, "drain", "--deadline", "2", "--wait")
    assert time.monotonic() - began >= 1.9
    assert said == {"mode": "stopped", "deadline": None, "left": 0}
    opened.wait(lambda: opened.states[a["id"]][-1] == "down", what="the dyno to be down")


def test_waiting_for_what_does_not_end_fails_after_the_time_out(worker, opened):
    a = assignment("worker.1", "exec sleep 100")
    opened.assign([a])
    opened.wait_state(a, "up")
    assert "1 dyno is left" in ctl(worker, "drain", "--wait", "--timeout", "1", status=1)
    assert ids(worker) == {a["id"]}


# ---- stop ----

def test_stop_ends_all_dynos_with_their_lines_and_undrain_brings_them_back(worker, opened):
    web, stubborn = assignment("web.1", SERVER), assignment("worker.1", "trap '' TERM; while :; do sleep 1; done")
    opened.assign([web, stubborn])
    opened.wait_state(web, "up")
    opened.wait_state(stubborn, "up")
    assert ctl_json(worker, "stop") == {"mode": "stopped", "deadline": None, "left": 0}
    assert ids(worker) == set()
    # The lines may come after the answer.
    opened.wait_line("heroku[web.1]: Stopping all processes with SIGTERM")
    opened.wait_line("heroku[worker.1]: Stopping all processes with SIGTERM")
    opened.wait_line("heroku[worker.1]: Error R12 (Exit timeout) -> At least one process failed to exit within 2 seconds of "
                     "SIGTERM")
    opened.wait_line("heroku[worker.1]: Process exited with status 137")
    assert "all dynos of this host were stopped: " in worker.messages("death", "worker.1")[-1]
    # They are wanted all the same, and a new supervisor knows why they do not run.
    worker.kill_supervisor()
    wait_for("a supervisor that answers", lambda: is_ready(worker))
    opened.assign([web, stubborn])
    time.sleep(0.5)
    assert ids(worker) == set() and ids(worker, "starting") == set()
    ctl(worker, "undrain")
    wait_for("both dynos", lambda: ids(worker) == {web["id"], stubborn["id"]})


def test_the_end_of_the_daemons_ends_no_dyno(worker, opened):
    a = assignment("worker.1", "exec sleep 100")
    opened.assign([a])
    pid = opened.wait_state(a, "up")["pid"]
    ctl(worker, "drain")
    worker.dynod.send_signal(signal.SIGTERM)
    worker.dynod.wait(PATIENCE)
    os.kill(pid, 0)
    worker.start()
    wait_for("the dyno", lambda: worker.knows(a))
    assert [d["pid"] for d in worker.get("/dynos")] == [pid]


def test_a_stopped_host_without_dynos_answers_at_once(worker, opened):
    assert "stopped, 0 dynos left" in ctl(worker, "stop")


# ---- plan ----

def planned(worker, name):
    plan = ctl_json(worker, "plan")
    return next((d for d in plan["dynos"] if d["name"] == name), None)


def test_the_plan_says_what_each_dyno_waits_for(worker, opened):
    up, crash = assignment("worker.1", "exec sleep 100"), assignment("bad.1", "exit 3")
    deaf = assignment("web.1", "exec sleep 100")
    lost = assignment("lost.1", "true", slug={"sha256": "0" * 64, "size": 1, "path": "/upstream/v1/slugs/" + "0" * 64})
    opened.assign([up, crash, deaf, lost])
    opened.wait_state(up, "up")
    d = planned(worker, "worker.1")
    assert (d["waits_for"], d["action"], d["until"]) == (None, "none", None) and d["cycle_at"]
    d = wait_for("a dyno that waits for its port", lambda: (
        lambda d: d if d["waits_for"] == "port" else None)(planned(worker, "web.1")))
    assert "its port" in d["why"] and d["until"]
    d = wait_for("a back-off", lambda: (
        lambda d: d if d["waits_for"] == "back-off" else None)(planned(worker, "bad.1")))
    assert "crashed" in d["why"] and d["until"]
    d = wait_for("a slug that fails", lambda: (
        lambda d: d if d["error"] else None)(planned(worker, "lost.1")))
    assert d["waits_for"] in ("slug", "back-off") and "no such slug" in d["why"] + d["error"]
    # Between its crashes it is up for a moment.
    text = wait_for("a plan with bad.1", lambda: (lambda text: text if "bad.1" in text else None)(ctl(worker, "plan")))
    assert "worker.1" not in text and " of 4 dynos are as wanted." in text
    assert "worker.1" in ctl(worker, "plan", "--all")


def test_the_plan_names_what_draining_holds_back(worker, opened):
    ctl(worker, "drain")
    a = assignment("worker.1", "exec sleep 100")
    opened.assign([a])
    d = wait_for("the held dyno", lambda: planned(worker, "worker.1"))
    assert (d["action"], d["waits_for"], d["id"]) == ("held", "drain", None)
    assert "This host is draining." in ctl(worker, "plan")
    ctl(worker, "stop")
    assert "has been stopped" in planned(worker, "worker.1")["why"]
    ctl(worker, "undrain")
    opened.wait_state(a, "up")
    assert planned(worker, "worker.1")["waits_for"] is None


def test_the_plan_shows_the_way_out(worker, opened):
    a = assignment("worker.1", "trap '' TERM; while :; do sleep 1; done")
    opened.assign([a])
    opened.wait_state(a, "up")
    opened.assign([])
    d = wait_for("SIGTERM", lambda: (
        lambda d: d if d and d["waits_for"] == "exit" else None)(planned(worker, "worker.1")))
    assert "SIGTERM" in d["why"] or "SIGKILL" in d["why"]
    b = assignment("worker.1", "exec sleep 100")
    opened.assign([b])
    opened.wait_state(b, "up")
    wait_for("calm", lambda: "1 of 1 dynos are as wanted." in ctl(worker, "plan"))


# ---- top ----

def test_top_shows_who_is_busy(worker, opened):
    busy, calm = assignment("busy.1", "while :; do :; done"), assignment("calm.1", "exec sleep 100")
    opened.assign([calm, busy])
    opened.wait_state(busy, "up")
    opened.wait_state(calm, "up")
    # As soon as there are two samples, of a machine that may be busy with others.
    dynos = wait_for("a busy one above a calm one", lambda: (lambda found: found if [
        d["name"] for d in found] == ["busy.1", "calm.1"] and found[0]["cpu_percent"] > 10 > found[1]["cpu_percent"] else None)(
        ctl_json(worker, "top")))
    assert dynos[0]["memory"] > 0 and dynos[0]["pids"] >= 2 and dynos[0]["restarts"] == 0
    text = ctl(worker, "top", "--sort", "name").splitlines()
    assert text[0].startswith("2 dynos, 2 up, ") and [l.split()[1] for l in text[1:]] == ["NAME", "busy.1", "calm.1"]
    assert "--sort wants" in ctl(worker, "top", "--sort", "beauty", status=2)


def test_who_looks_does_not_make_the_log_longer(worker, opened):
    a = assignment("worker.1", "exec sleep 100", runtime_metrics=True)
    opened.assign([a])
    opened.wait_state(a, "up")
    began = time.monotonic()
    while time.monotonic() < began + 3:
        worker.get("/dynos?watch=1")
        time.sleep(0.1)
    lines = [m for m in worker.messages("heroku", "worker.1") if "memory_total" in m]
    assert len(lines) <= time.monotonic() - began + 2


# ---- metrics ----

SAMPLE = re.compile(r'([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (-?[0-9.e+-]+)$')


def metrics(worker):
    """{name: {labels: value}} and {name: type} of the text, whose form is checked."""
    samples, types, helped = {}, {}, set()
    for line in ctl(worker, "metrics").splitlines():
        if line.startswith("# HELP "):
            assert line.split()[2] not in helped
            helped.add(line.split()[2])
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name in helped and kind in ("gauge", "counter")
            types[name] = kind
        else:
            name, labels, value = SAMPLE.match(line).groups()
            assert name in types, line
            series = samples.setdefault(name, {})
            assert labels not in series, "twice: " + line
            series[labels] = float(value)
    return samples, types


def test_metrics_count_what_happens(worker, opened):
    before = metrics(worker)[0]
    a, bad = assignment("worker.1", "exec sleep 100"), assignment("bad.1", "exit 3")
    opened.assign([a, bad])
    opened.wait_state(a, "up")
    opened.wait_state(bad, "crashed")
    here = 'app="fake",dyno="worker.1"'
    wait_for("a sample", lambda: here in metrics(worker)[0].get("dyno_memory_bytes", {}))
    wait_for("another start", lambda: metrics(worker)[0]["dyno_restarts_total"][None]
             > before["dyno_restarts_total"][None])
    now, types = metrics(worker)
    assert now["dyno_memory_bytes"][here] > 10000
    assert now["dyno_memory_quota_bytes"][here] == 512 << 20
    assert now["dyno_cpu_seconds_total"][here] > 0
    assert now["dyno_crashes_total"][None] > before["dyno_crashes_total"][None]
    assert now["dyno_starts_total"][None] >= before["dyno_starts_total"][None] + 3
    assert now["dyno_dynos"]['state="up"'] >= 1 and now["dyno_wanted"][None] == 2
    assert now["dyno_upstream_up"][None] == 1 and now["dyno_loop_lag_seconds"][None] < 30
    for name, kind in types.items():
        assert (kind == "counter") == name.endswith("_total"), name
    assert ctl_json(worker, "metrics")["dyno_memory_quota_bytes{%s}" % here] == 512 << 20


def test_metrics_count_the_codes(worker, opened):
    before = metrics(worker)[0]["dyno_errors_total"]['code="R12"']
    a = assignment("worker.1", "trap '' TERM; while :; do sleep 1; done")
    opened.assign([a])
    opened.wait_state(a, "up")
    opened.assign([])
    wait_for("R12", lambda: metrics(worker)[0]["dyno_errors_total"]['code="R12"'] == before + 1)


def test_metrics_have_each_series_once_while_two_dynos_have_a_name(worker, opened):
    def replaced():
        """Another one in its place, which is up before the old one's grace is over; and what there is then."""
        a = assignment("worker.1", "trap '' TERM; while :; do sleep 1; done")
        opened.assign([a])
        opened.wait_state(a, "up")
        series = list(metrics(worker)[0]["dyno_restarts"])
        return len([d for d in worker.get("/dynos") if d["pid"]]) == 2 and series
    replaced()
    assert wait_for("two at once", replaced) == ['app="fake",dyno="worker.1"']


def test_the_dashboard_shows_what_there_is(worker, opened):
    a = assignment("worker.1", "exec sleep 100")
    opened.assign([a])
    opened.wait_state(a, "up")
    text = open(TOP + "/contrib/grafana/dyno-host.json").read()
    board = json.loads(text)
    exprs = [t["expr"] for p in board["panels"] for t in p["targets"]]
    exprs += [v["query"] for v in board["templating"]["list"]]
    named = set(re.findall(r"\bdyno_[a-z0-9_]+", " ".join(exprs)))
    _, there = metrics(worker)
    assert named - set(there) == set()
    assert set(there) - named == set(), "not in the dashboard"


# ---- doctor ----

def diagnose(worker, *args, status):
    p = subprocess.run([BUILD + "/dynoctl", "--root", worker.root, "host", "doctor", "--json", *args], text=True,
                       timeout=120, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode == status, (p.returncode, p.stdout, p.stderr)
    return json.loads(p.stdout)


def test_the_doctor_finds_nothing_where_all_is_owned(worker, opened):
    a = assignment("web.1", SERVER)
    opened.assign([a])
    opened.wait_state(a, "up")
    said = diagnose(worker, status=0)
    assert said["findings"] == [] and any("cgroup" in line for line in said["machine"])
    assert "Nothing is there that nobody owns." in ctl(worker, "doctor")


def test_the_doctor_finds_and_removes_what_nobody_owns(worker, opened):
    a = assignment("web.1", SERVER)
    opened.assign([a])
    pid = opened.wait_state(a, "up")["pid"]
    prefix, run = worker.get("/")["prefix"], worker.root + "/run/dyno"
    number = int(prefix[4:])
    uid = 0x10000000 + number * 0x2000000 + 77
    groups = [f"{g}/{uuid.uuid4()}" for g in cgroups(prefix)]
    link, address = prefix + "-abcde1234", f"172.{16 + number // 4}.{number % 4 * 64 + 63}.77"
    process = subprocess.Popen(["setpriv", f"--reuid={uid}", "--clear-groups", "sleep", "600"])
    try:
        for g in groups:
            os.mkdir(g)
            if "cpuset" not in g:
                with open(g + "/cgroup.procs", "w") as f:
                    f.write(str(process.pid))
        subprocess.run(["ip", "link", "add", link, "type", "bridge"], check=True)
        subprocess.run(["nft", "add", "element", "inet", prefix, "egress", f"{{ {address} : accept }}"], check=True)
        files = [f"{run}/supervisor/dynos/{uuid.uuid4()}", worker.store + "/incoming/" + "a" * 32]
        for d in files:
            os.mkdir(d)
        files.append(worker.store + "/partial/" + "b" * 64)
        open(files[-1], "w").close()
        os.utime(files[-1], (time.time() - 2 * 86400,) * 2)
        os.utime(files[1], (time.time() - 100,) * 2)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "test", run + "/router"], check=True)
        found = {(f["kind"], f["name"]) for f in diagnose(worker, status=1)["findings"]}
        assert found == {("process", str(process.pid)), ("link", link), ("address", address), ("files", files[0]),
                         ("incoming", files[1]), ("partial", files[2]), ("mount", run + "/router"),
                         *(("cgroup", g) for g in groups)}
        repaired = diagnose(worker, "--repair", status=0)["findings"]
        assert len(repaired) == len(found) and all(f["repaired"] for f in repaired)
        assert process.wait(PATIENCE) == -signal.SIGKILL
        assert diagnose(worker, status=0)["findings"] == []
        assert not any(os.path.exists(p) for p in groups + files)
        assert link not in os.listdir("/sys/class/net")
        assert address not in output("nft", "list", "map", "inet", prefix, "egress")
    finally:
        process.kill()
        process.wait()
        subprocess.run(["umount", run + "/router"], stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "link", "delete", link], stderr=subprocess.DEVNULL)
        for g in groups:
            if os.path.isdir(g):
                os.rmdir(g)
    os.kill(pid, 0)
    assert ids(worker) == {a["id"]} and people_of(prefix)


def test_the_doctor_repairs_nothing_that_it_cannot_know(worker, opened, tmp_path):
    p = subprocess.run([BUILD + "/dynoctl", "--root", str(tmp_path), "host", "doctor", "--repair"], text=True,
                       timeout=PATIENCE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode == 1 and "run/dyno/dynos" in p.stderr


# ---- errors ----

def test_wrong_words_are_refused(worker, opened):
    assert "--deadline" in ctl(worker, "drain", "--deadline", "soon", status=2)
    assert "usage" in ctl(worker, "undrain", "now", status=2)
    assert worker.get("/")["drain"]["mode"] == "open"


def test_without_a_supervisor_it_fails_and_says_so(tmp_path):
    p = subprocess.run([BUILD + "/dynoctl", "--root", str(tmp_path), "host", "drain"], text=True, timeout=PATIENCE,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode == 1 and "ask the supervisor of this host" in p.stderr
