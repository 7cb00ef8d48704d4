"""The network of an instance as its owner finds it; who reaches whom is tested
by tests/runtime/system-network, in network namespaces of its own."""
import re
import subprocess

from harness import output, wait_for


def tables(prefix):
    return sorted(l for l in output("nft", "list", "tables").splitlines() if l.split()[-1] == prefix)


def links(prefix):
    return re.findall(rf"^\d+: ({prefix}-\w+)", output("ip", "-o", "link"), re.M)


def test_a_firewall_that_was_flushed_is_made_again_without_a_start(host, app):
    host.deploy(app, {"Procfile": "worker: while sleep 1; do :; done\n"})
    host.ctl("scale", "-a", app, "worker=1")
    host.wait_state(app, "worker.1", "up")
    prefix = host.prefix()
    assert tables(prefix) == [f"table bridge {prefix}", f"table inet {prefix}"]
    elements = output("nft", "list", "map", "inet", prefix, "egress")
    assert host.dyno(app, "worker.1")["address"] in elements
    for family in ("inet", "bridge"):
        subprocess.run(["nft", "delete", "table", family, prefix], check=True)
        wait_for(f"tables after the loss of {family}", lambda: len(tables(prefix)) == 2)
        wait_for("its address", lambda: output("nft", "list", "map", "inet", prefix, "egress") == elements)
    host.ctl("scale", "-a", app, "worker=0")
    wait_for("no link", lambda: not links(prefix))
    wait_for("no address", lambda: "172." not in re.sub(
        r"(?s).*elements", "", output("nft", "list", "map", "inet", prefix, "egress")))


def test_a_dyno_asks_the_fixed_name_servers(host, app):
    host.deploy(app, {"Procfile": "worker: true\n"}, wait=False)
    prefix = host.prefix()
    gateway = re.search(r"inet (172\.[\d.]+)/18", output("ip", "-4", "addr", "show", "dev", prefix)).group(1)
    second = re.sub(r"1$", "2", gateway)
    r = host.run(app, "cat /etc/resolv.conf")
    assert r.out == f"nameserver {gateway}\nnameserver {second}\n"
