"""What a dyno sees and reaches: itself, and the internet."""
import glob
import os
import re
import socket
import subprocess
import threading

import pytest

from harness import BUILD, wait_for

PROBES = os.path.join(os.path.dirname(__file__), "probes")


@pytest.fixture(scope="module")
def inside(host):
    """Runs a shell command in a one-off dyno of an app with a web dyno."""
    app = host.new_app()
    host.deploy(app, {"Procfile": "web: perl web.pl\n",
                      "web.pl": open(os.path.join(os.path.dirname(__file__), "../../contrib/sample/web.pl")).read()})

    def run(command, **kw):
        return host.run(app, command, **kw)
    run.app = app
    return run


def status_of(text):
    return dict(l.split(":\t") for l in text.splitlines() if ":\t" in l)


def test_the_process_has_no_privileges(inside):
    s = status_of(inside("cat /proc/self/status").out)
    for caps in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(s[caps], 16) == 0, caps
    assert s["NoNewPrivs"] == "1" and s["Seccomp"] == "2"
    assert s["Groups"].strip() in ("", s["Gid"].split()[0])
    assert s["Uid"].split()[0] != "0"


def test_nobody_in_the_dyno_is_root_on_the_host(host, inside):
    app = inside.app
    dyno = host.dyno(app, "web.1")
    pid = next(d["pid"] for d in host.json("host", "ps") if d["id"] == dyno["id"])
    uids = {int(open(f"/proc/{pid}/status").read().split("Uid:")[1].split()[0])}
    uids |= {int(l.split()[1]) for l in open(f"/proc/{pid}/uid_map")}
    assert min(uids) >= 0x10000000


def test_only_its_own_processes_are_visible(inside):
    r = inside("ls /proc | grep -c '^[0-9]'; cat /proc/1/comm; ls /proc/1/fd; readlink /proc/1/root; cat /proc/1/environ")
    lines = r.out.splitlines()
    assert int(lines[0]) <= 6
    assert lines[1].startswith("dyno-init")
    assert len(lines) == 2, "something of PID 1 can be read"


def test_mounts_show_no_path_of_the_host(host, inside):
    text = inside("cat /proc/self/mountinfo").out
    assert host.root not in text and "/work" not in text
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        root, point = left.split()[3:5]
        assert not root.startswith(("/home", "/root", "/tmp/dyno")), line
        if point == "/usr":
            assert "ro" in left.split()[5].split(",")


def test_the_root_file_system_cannot_be_written_but_app_and_tmp_can(inside):
    for path in ("/x", "/etc/x", "/usr/x", "/dev/x", "/sys/x", "/var/x"):
        assert inside(f"echo x > {path}").status != 0, path
    assert inside("echo a > /app/x && echo b > /tmp/x && echo c > /dev/shm/x && cat /app/x /tmp/x /dev/shm/x").out == "a\nb\nc\n"


def test_the_interface_is_its_own(inside):
    r = inside("ls /sys/class/net | tr '\\n' ' '; cat /proc/net/dev | wc -l")
    assert re.match(r"eth0 lo ", r.out)


def test_the_network_reaches_no_host_service_no_other_dyno_no_metadata(host, inside):
    gateway = socket.inet_ntoa(bytes(
        reversed(bytes.fromhex(re.search(r"eth0\t00000000\t([0-9A-F]{8})", inside("cat /proc/net/route").out).group(1)))))
    server = socket.create_server((gateway, 0))
    port = server.getsockname()[1]
    other = host.dyno(inside.app, "web.1")
    probe = ("for a in {gw}/{port} {dyno}/{dport} 169.254.169.254/80 127.0.0.1/{port}; do "
             "timeout 3 bash -c \"exec 3<>/dev/tcp/$a\" 2>/dev/null && echo reached $a; done; echo done")
    r = inside(probe.format(gw=gateway, port=port, dyno=other["address"], dport=other["port"]))
    server.close()
    assert r.out == "done\n"


def test_a_fork_bomb_stays_inside(host, inside):
    p = subprocess.Popen([BUILD + "/dynoctl", "--root", host.root, "run", "-a", inside.app, "--no-tty",
                          "bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 3; exit 11"],
                         env=host.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert inside("echo neighbour").out == "neighbour\n"
    assert host.visit(host.dyno(inside.app, "web.1"))[0] == 200
    for d in host.dynos(inside.app, "run"):
        host.ctl("stop", "-a", inside.app, d["name"], check=False)
    p.kill()
    p.wait()
    wait_for("end of the bomb", lambda: not host.dynos(inside.app, "run"))


def test_processes_are_limited(inside):
    r = inside("for i in $(seq 400); do sleep 30 & done 2>/tmp/err; grep -c 'Resource temporarily' /tmp/err; jobs -p | wc -l")
    lines = r.out.split()
    assert r.status != 0 or int(lines[-1]) < 256


def test_a_memory_hog_is_killed_inside(inside):
    r = inside("perl -e 'my @a; push @a, \"x\" x (1<<20) for 1..4000; print \"survived\\n\"'")
    assert "survived" not in r.out
    assert r.status == 137


# What a hog asks for, and what the host must still get at the same time.
@pytest.mark.parametrize("what, many, few", [("inotify", 1000, 60), ("terminals", 2000, 1000),
                                             ("queues", 1000, 5), ("signals", 200000, 1000)])
def test_a_dyno_cannot_use_up_what_neighbours_and_the_host_need(host, what, many, few):
    count = os.path.join(os.path.dirname(__file__), "count.pl")
    app = host.new_app()
    host.deploy(app, {"Procfile": "web: sleep 1000\n", "count.pl": open(count).read()}, wait=False)
    hogs = [subprocess.Popen([BUILD + "/dynoctl", "--root", host.root, "run", "-a", app, "--no-tty",
                              f"perl count.pl {what} {many} hold"],
                             env=host.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            for _ in range(2)]
    try:
        taken = [int(p.stdout.readline()) for p in hogs]
        assert 0 < min(taken) and max(taken) < many
        assert int(host.run(app, f"perl count.pl {what} {many}").out) > min(taken) * 0.9
        own = subprocess.run(["perl", count, what, str(few)], stdout=subprocess.PIPE, check=True)
        assert int(own.stdout) == few
    finally:
        host.ctl("apps:destroy", app, "--confirm", app)
        for p in hogs:
            p.kill()
            p.wait()


def test_the_file_system_of_a_dyno_is_limited(inside):
    r = inside("dd if=/dev/zero of=/app/big bs=1M count=100000 2>&1 | grep -o 'No space left on device' | head -1")
    assert r.out.strip() == "No space left on device" or r.status == 137


def test_descriptors_at_start_are_0_1_2(inside):
    assert inside("for f in /proc/$$/fd/*; do echo ${f##*/}; done | grep -v 255 | tr '\\n' ' '").out.split()[:3] == ["0", "1", "2"]
    r = inside("perl -e 'for (3..1023) { my $l = readlink(\"/proc/self/fd/$_\"); print \"$_ $l\\n\" if defined $l && $l !~ m{^/proc} }'")
    assert r.out == ""


def test_resolver_and_hosts_are_the_dynos(inside):
    r = inside("cat /etc/resolv.conf /etc/hosts; hostname; cat /etc/hostname")
    assert "nameserver 127." not in r.out
    assert "127.0.0.1" in r.out and "localhost" in r.out
    names = r.out.splitlines()[-2:]
    assert names[0] == names[1]


@pytest.mark.parametrize("probe", sorted(os.path.basename(p) for p in glob.glob(PROBES + "/*")) or ["missing"])
def test_every_probe_is_refused(host, probe):
    """Scripts that try what must not work; they print "ok NAME" or "FAIL NAME"."""
    assert probe != "missing", "tests/system/probes is empty"
    app = host.new_app()
    host.deploy(app, {"Procfile": "web: true\n",
                      "probe": (open(os.path.join(PROBES, probe), "rb").read(), 0o755)}, wait=False)
    r = host.run(app, "./probe", timeout=300)
    lines = r.out.splitlines()
    host.ctl("apps:destroy", app, "--confirm", app)
    assert any(l.startswith("ok ") for l in lines), r
    assert not [l for l in lines if l.startswith("FAIL")], r
