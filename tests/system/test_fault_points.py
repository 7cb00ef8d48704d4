"""kill -9 of dynod and of its supervisor at each of their fault points, and each
call that may fail, under load: everything converges by itself.

Runs with a build of its own (contrib/check makes it: ../configure
--enable-fault-points in build-fault). FAULT_EVERY=1 goes through all points,
otherwise as many as fit into some seconds, drawn by FAULT_SEED.
"""
import collections
import glob
import json
import os
import random
import re
import shutil
import signal
import threading
import time

import pytest

from fake_upstream import assignment
from fault import FaultTable
from harness import PATIENCE, TOP, assert_nothing_left, programs, wait_for
from worker import USER, Worker

BUILD = os.environ.get("DYNO_FAULT_BUILD", os.path.join(TOP, "build-fault"))
EVERY = os.environ.get("FAULT_EVERY") == "1"
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 100000))
QUICK_SEC = 7  # for each test that picks points
DAEMONS = ("dynod", "dyno-supervisor")

CONF = {"backoff-unit": 0, "stop-grace": 2, "boot-timeout": 10, "cycle-after": 4, "cycle-spread": 2,
        "metrics-interval": 1}

# A line has the instance's own name and a number. All of an ended process's
# lines arrive; how many there were, it says at its end if it can.
TALK = ("T=$(cat /proc/sys/kernel/random/uuid); i=0; trap 'echo $T $i; echo $T end $((i+1)); exit 0' TERM; "
        "while :; do echo $T $i; i=$((i+1)); sleep 0.02; done")
TELL = "T=$(cat /proc/sys/kernel/random/uuid); i=0; while [ $i -lt 200 ]; do echo $T $i; i=$((i+1)); done; echo $T end 200"
WEB = "exec python3 -u -m http.server $PORT"

pytestmark = pytest.mark.skipif(not os.access(BUILD + "/dynod", os.X_OK), reason="no build with fault points")


class FaultyWorker(Worker):
    """dynod is started again when it has ended, as systemd would do it."""

    def __init__(self, conf=CONF, env=None):
        self.more = env or {}
        self.closing = False
        super().__init__(conf, programs=programs(BUILD), env=lambda w: {
            "DYNO_FAULT_COUNT": w.root + "/fault", **self.more})
        self.keeper = threading.Thread(target=self.keep, daemon=True)
        self.keeper.start()

    def start(self):
        if not hasattr(self, "tables"):
            self.tables = {p: FaultTable(f"{self.root}/fault.{p}") for p in DAEMONS}
        super().start()

    def keep(self):
        while not self.closing:
            if self.dynod.poll() is not None and not self.closing:
                super().start()
            time.sleep(0.02)

    def stop(self):
        self.closing = True
        self.keeper.join()
        for t in self.tables.values():
            t.disarm()
        super().stop()

    def kill(self, program):
        pid = self.dynod.pid if program == "dynod" else self.supervisor()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # the last kill's work is not noticed yet

    def look(self, path):
        try:
            return self.get(path)
        except (OSError, ValueError, IndexError):
            return None


class Load:
    """What is wanted, and what has to be true of it."""

    def __init__(self, worker):
        self.w, self.up = worker, worker.up
        self.rounds = 0
        slug = worker.publish({"Procfile": "web: true\n"})
        self.other = worker.publish({"Procfile": "web: false\n"})
        self.wanted = {n: assignment(n, c) for n, c in (
            ("web.1", WEB), ("talk.1", TALK), ("boom.1", "sleep 0.2; exit 3"))}
        self.wanted["talk.1"]["slug"] = slug
        self.judged = set()  # what is wrong with them has been told

    def assign(self):
        """The ids that upstream has by now are those of successors."""
        known = {a["name"]: a["id"] for a in self.up.assignments}
        for name, a in self.wanted.items():
            if not a.pop("fresh", False) and name in known:
                a["id"] = known[name]
        self.up.assign([dict(a) for a in self.wanted.values()])

    def want(self, name, command=None, **more):
        self.wanted[name] = dict(assignment(name, command, **more), fresh=True)
        self.assign()

    def drop(self, name):
        self.wanted.pop(name, None)
        self.assign()

    def drop_ended(self, name):
        """What is dropped before it has said all would be ended in the middle of it."""
        def ended():
            dynos = self.w.look("/dynos")
            return dynos is not None and not [d for d in dynos if d["name"] == name and d["state"] in ("starting", "up")]
        wait_for("its end", ended)
        self.drop(name)

    def steps(self):
        """A round: scale up, run something, restart, release, scale down."""
        self.rounds += 1
        run = f"run.{self.rounds}"
        yield lambda: self.want("talk.2", TALK)
        yield lambda: self.want(run, TELL, kind="run")
        yield lambda: self.want("web.1", WEB)
        yield lambda: self.want("talk.1", TALK, slug=self.other, release={"id": assignment("x", "x")["id"], "version": 2})
        yield lambda: self.drop("talk.2")
        yield lambda: self.drop_ended(run)

    def state(self):
        """None, or why it is not yet as wanted."""
        host, dynos = self.w.look("/"), self.w.look("/dynos")
        if host is None or dynos is None:
            return "no answer"
        names = collections.Counter(d["name"] for d in dynos)
        assert not [n for n, count in names.items() if count > 3], dynos
        if set(names) != set(self.wanted):
            return f"dynos {sorted(names)}, wanted {sorted(self.wanted)}"
        if twice := [n for n, count in names.items() if count > 1]:
            return f"twice: {twice}"
        if host["strays"]:
            return f"{host['strays']} strays"
        wanted = {n: a["kind"] for n, a in self.wanted.items()}
        bad = [d for d in dynos if d["state"] not in (
            ("complete",) if wanted[d["name"]] == "run" else ("up", "starting", "crashed") if d["name"] == "boom.1" else ("up",))]
        return f"{bad}" if bad else None

    def converge(self, timeout=PATIENCE):
        why = [None]

        def good():
            why[0] = self.state()
            return not why[0]
        try:
            wait_for("convergence", good, timeout)
        except AssertionError:
            raise AssertionError(f"does not converge: {why[0]}") from None

    def judge(self, drops=False):
        """Of each process's lines none is missing before one that is there, none
        comes twice. drops: as many may be missing as L12 says."""
        seen, told = {}, 0
        for _, source, ps, message in list(self.up.lines):
            text = message.decode(errors="replace")
            if m := re.match(r"Error L12: (\d+) messages dropped", text):
                told += int(m.group(1))
            if source == "app" and (m := re.fullmatch(r"([0-9a-f-]{36}) (end )?(\d+)", text)):
                seen.setdefault((ps, m.group(1)), []).append((bool(m.group(2)), int(m.group(3))))
        missing = 0
        for who, lines in seen.items():
            if who in self.judged:
                continue
            numbers = [n for end, n in lines if not end]
            # The trap repeats the number it came in at.
            numbers = [n for i, n in enumerate(numbers) if not (i and n == numbers[i - 1] and i == len(numbers) - 1)]
            gone = (numbers[-1] + 1 if numbers else 0) - len(numbers)
            whole = (True, 200) in lines and len(numbers) == 200
            if numbers != sorted(set(numbers)) or (
                    not drops and (gone or (who[0].startswith("run.") and not whole))):
                self.judged.add(who)
                raise AssertionError(f"{who}: missing, doubled or out of order: {lines}")
            missing += gone
        assert missing <= told or not drops, f"{missing} lines are missing, {told} told"

    def excuse(self):
        """Of those that were there when calls failed, lines may be missing: others
        are looked at from here on."""
        for _, source, ps, message in list(self.up.lines):
            if source == "app" and (m := re.match(rb"([0-9a-f-]{36}) ", message)):
                self.judged.add((ps, m.group(1).decode()))

    def readable(self):
        """State on disk can be read at any moment."""
        for path in glob.glob(self.w.root + "/run/dyno/supervisor/**/*.json", recursive=True):
            try:
                json.load(open(path))
            except FileNotFoundError:
                pass  # its dyno has been forgotten meanwhile

    def leftovers(self):
        return [p for p in glob.glob(self.w.root + "/run/dyno/**/*.tmp", recursive=True)]

    def round(self, fired=None):
        """A round of load, until the point is reached; then everything settles."""
        for step in self.steps():
            step()
            time.sleep(0.1)
            self.readable()
            wait_for("an answer", lambda: self.state() != "no answer")
        self.converge()
        # Some are passed only when another process goes on.
        for program in ("dyno-supervisor", "dynod"):
            if fired and not fired():
                self.w.kill(program)
                self.converge()
        self.readable()

    def empty(self):
        """Nothing wanted, nothing there."""
        self.wanted.clear()
        self.assign()
        wait_for("an empty host", lambda: self.w.look("/dynos") == [] and self.w.look("/")["strays"] == 0)
        # A directory that could not be removed goes when the next one starts.
        self.w.kill("dyno-supervisor")
        wait_for("a supervisor", lambda: (self.w.look("/") or {}).get("ready") and self.w.look("/dynos") == [])
        run = self.w.root + "/run/dyno/"
        wait_for("no dyno's directory", lambda: not os.listdir(run + "supervisor/dynos"))
        assert os.listdir(run + "supervisor/dynos") == []
        assert os.listdir(run + "dynos") == []
        assert wait_for("no temporary file", lambda: not self.leftovers())


@pytest.fixture(scope="module")
def faulty():
    print("FAULT_SEED", SEED)
    w = FaultyWorker()
    try:
        w.up.wait(lambda: w.up.registered, what="registration")
        prefix = w.get("/")["prefix"]
        load = Load(w)
        load.assign()
        load.round()
        before = {d: w.tables[d].counts() for d in DAEMONS}
        load.round()  # now all points have names
        load.passes = {d: {k: n - before[d].get(k, 0) for k, n in w.tables[d].counts().items()} for d in DAEMONS}
        yield load
        load.empty()
    finally:
        w.stop()
        w.log.seek(0)
        print(w.log.read()[-12000:])
        shutil.rmtree(w.root)
    assert_nothing_left(prefix, w.root)


def picked(names):
    """Each of them, or, until the time is over, some."""
    names = list(names)
    if EVERY:
        yield from names
        return
    random.Random(SEED).shuffle(names)
    end = time.monotonic() + QUICK_SEC
    for name in names:
        yield name
        if time.monotonic() > end:
            return


@pytest.mark.parametrize("program", DAEMONS)
def test_killed_at_a_point_all_converges_and_no_line_is_lost(faulty, program):
    table = faulty.w.tables[program]
    tried, killed, bad = 0, 0, []
    for name in picked(table.counts()):
        often = faulty.passes[program].get(name, 1)
        fired = table.kill_at(name, min(random.Random(f"{SEED} {name}").choice((1, 1, 2, 5)), max(1, often)))
        tried += 1
        try:
            faulty.round(fired)
            faulty.judge()
        except AssertionError as why:
            bad.append(f"{program} killed at \"{name}\" (fired: {fired()}): {why}")
        killed += fired()
        table.disarm()
    print(f"{program}: {len(table.counts())} points, {table.total()} passed, {tried} tried, {killed} kills")
    assert not bad
    assert killed >= tried / 3 or tried < 9, "nearly no point is passed"


CALLS = re.compile(r"write|write cursor|create .*|rename .*|mkdir|remove|start \d+|network attach|record mkdir")


@pytest.mark.parametrize("program", DAEMONS)
def test_after_calls_that_fail_all_converges_and_lost_lines_are_counted(faulty, program):
    table = faulty.w.tables[program]
    tried, failed, bad = 0, 0, []
    for name in picked(n for n in table.counts() if CALLS.fullmatch(n)):
        fired = table.fail_at(name, 3)
        tried += 1
        try:
            faulty.round(fired)
            faulty.judge(drops=True)
        except AssertionError as why:
            bad.append(f"{program}: \"{name}\" fails (fired: {fired()}): {why}")
        failed += fired()
        table.disarm()
    print(f"{program}: {tried} calls tried, {failed} failed")
    assert not bad
    assert failed >= tried / 3


def test_after_random_steps_and_kills_the_dynos_are_those_that_are_wanted(faulty):
    print("FAULT_SEED", SEED)
    chance, quantity = random.Random(SEED), 1

    def scale():
        nonlocal quantity
        quantity = chance.randrange(1, 6)
        for n in range(2, 6):
            if n > quantity:
                faulty.wanted.pop(f"talk.{n}", None)
            elif f"talk.{n}" not in faulty.wanted:
                faulty.wanted[f"talk.{n}"] = dict(assignment(f"talk.{n}", TALK), fresh=True)
        faulty.assign()

    def crash():
        dynos = faulty.w.look("/dynos") or []
        for d in chance.sample(dynos, min(1, len(dynos))):
            if d["pid"] and d["name"] != "boom.1":
                try:
                    os.kill(d["pid"], signal.SIGKILL)
                except ProcessLookupError:
                    pass

    steps = [scale, crash, lambda: faulty.want("web.1", WEB), lambda: faulty.want("talk.1", TALK),
             lambda: faulty.w.kill("dyno-supervisor"), lambda: faulty.w.kill("dynod")]
    faulty.want("talk.1", TALK)
    faulty.converge()
    faulty.excuse()
    faulty.want("talk.1", TALK)
    end = time.monotonic() + (60 if EVERY else 10)
    done = 0
    while time.monotonic() < end:
        chance.choice(steps)()
        time.sleep(chance.random() * 0.4)
        faulty.readable()
        done += 1
    faulty.converge()
    assert sorted(n for n in faulty.wanted if n.startswith("talk.")) == [f"talk.{n + 1}" for n in range(quantity)]
    faulty.judge()
    print(f"{done} steps")


def test_killed_in_its_first_start_it_starts_all_the_same():
    first = 40  # points that a first start has, or a little more
    numbers = range(1, first) if EVERY else random.Random(SEED).sample(range(1, first), 1)
    for program in DAEMONS:
        for n in numbers:
            w = FaultyWorker(env={"DYNO_FAULT": f"{program}:{n}"})
            try:
                w.up.wait(lambda: w.up.registered, what="registration")
                prefix = wait_for("the host", lambda: w.look("/"))["prefix"]
                load = Load(w)
                load.assign()
                load.converge()
                assert w.tables[program].total() >= n
                load.empty()
            finally:
                w.stop()
                shutil.rmtree(w.root)
            assert_nothing_left(prefix, w.root)
