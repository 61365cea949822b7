# SPDX-License-Identifier: GPL-2.0-or-later
"""
Another node that is not lbd: flows go between the kernels by their own synchronisation, and lbd keeps the role of its
kernel in step with that of VRRP.
"""
import contextlib
import json

import pytest

from conftest import Lbd, kernel_has, until
from flows import BACK, NAT_PORT, PORTS, VIP4, Echo, Farm, Flows, conns
from pair import is_backup, is_master

ID, N = 51, 5


def configuration(prio, sync=True):
    services = {"nat": {"listen": f"{VIP4}:{PORTS['nat']}", "check": "none", "scheduler": "rr",
                        "backends": {f"s{i}": f"{BACK}.{i}:{NAT_PORT}" for i in (11, 12)}}}
    gateway = {"interface": "eth1", "vrid": 52, "group": "edge", "addresses": [f"{BACK}.254/24"], "advert_interval": "200ms"}
    wan = {"interface": "eth0", "vrid": 51, "group": "edge", "addresses": [f"{VIP4}/24"], "advert_interval": "200ms"}
    return json.dumps({"vrrp": {n: {**keys, "priority": prio} for n, keys in (("wan", wan), ("lan", gateway))},
                       **({"sync": {"multicast": {"interface": "eth2", "id": ID}}} if sync else {}),
                       "services": services}, indent=1) + "\n"


def daemons(node):
    """{"master": "eth2 51", ...}"""
    found = {}
    for line in node.run("ipvsadm", "-L", "--daemon").splitlines():
        words = line.replace(",", " ").replace("(", " ").replace(")", " ").split()
        values = dict(w.split("=") for w in words if "=" in w)
        if "mcast" in values:
            found[words[0]] = f"{values['mcast']} {values['syncid']}"
    return found


def peer(node, role):
    """What keepalived would do there."""
    for other in ("master", "backup"):
        node.run("ipvsadm", "--stop-daemon", other, check=False)
    node.run("ipvsadm", "--start-daemon", role, "--mcast-interface", "eth2", "--syncid", str(ID))


@pytest.fixture(scope="module")
def farm():
    if not kernel_has("ip_vs"):
        pytest.skip("needs a kernel with IPVS")
    f = Farm()
    try:
        yield f
    finally:
        f.close()


@contextlib.contextmanager
def node(where, yaml, name):
    d = Lbd(where, yaml, name=name, user="root")
    try:
        yield d.start()
    finally:
        d.close()


def established(where, n):
    return lambda: conns(where).get("ESTABLISHED", 0) >= n


def test_flows_go_both_ways_with_the_role(farm):
    echo = Echo(farm.servers, [NAT_PORT])
    flows = []
    try:
        with node(farm.a, configuration(150), "lb-a") as a:
            is_master(a)
            until(lambda: daemons(farm.a) == {"master": f"eth2 {ID}"}, "the kernel sends")
            peer(farm.b, "backup")
            flows.append(Flows(farm.client, VIP4, PORTS["nat"], N))
            until(established(farm.b, N), f"they are known there: {conns(farm.b)}", 60)
            said = a.call("sync", "status")
            assert "sync.multicast" in said.stdout + said.stderr
            # one of VRRP that is better, as keepalived would be
            with node(farm.b, configuration(200, sync=False), "lb-b") as b:
                is_master(b)
                is_backup(a)
                until(lambda: daemons(farm.a) == {"backup": f"eth2 {ID}"}, "the kernel receives")
                assert flows[0].talk(20) == [], "what the other node was told goes on there"
                peer(farm.b, "master")
                flows.append(Flows(farm.client, VIP4, PORTS["nat"], N))
                until(established(farm.a, 2 * N), f"the new ones are known here: {conns(farm.a)}", 60)
            is_master(a)
            until(lambda: daemons(farm.a) == {"master": f"eth2 {ID}"}, "the kernel sends again")
            assert flows[0].talk(20) == [] and flows[1].talk(20) == []
        assert daemons(farm.a) == {}, "it is over when lbd stops"
    finally:
        farm.b.run("ipvsadm", "--stop-daemon", "master", check=False)
        for f in flows:
            f.close()
        echo.close()


def test_that_of_somebody_else_is_left_alone(farm):
    farm.a.run("ipvsadm", "--start-daemon", "master", "--mcast-interface", "eth1", "--syncid", "3")
    with node(farm.a, configuration(150), "lb-a") as a:
        is_master(a)
        until(lambda: "somebody else" in a.call("status").stdout, "it is said")
        assert daemons(farm.a) == {"master": "eth1 3"}
        farm.a.run("ipvsadm", "--stop-daemon", "master")
        until(lambda: daemons(farm.a) == {"master": f"eth2 {ID}"}, "the kernel sends")
    assert daemons(farm.a) == {}


def test_nothing_is_ended(farm):
    """That needs both daemons of the kernel: one of the free role would be in the way at the next change of roles."""
    echo = Echo(farm.servers, [NAT_PORT])
    flows = []
    try:
        with node(farm.a, configuration(150), "lb-a") as a:
            is_master(a)
            flows.append(Flows(farm.client, VIP4, PORTS["nat"], N))
            with node(farm.b, configuration(200, sync=False), "lb-b"):
                is_backup(a)
                until(lambda: daemons(farm.a) == {"backup": f"eth2 {ID}"}, "the kernel receives")
                done = a.call("conn", "kill", "--service", "nat", "-y")
                assert done.returncode == 8 and "sync.multicast" in done.stderr, done
                assert daemons(farm.a) == {"backup": f"eth2 {ID}"}
            is_master(a)
            until(lambda: daemons(farm.a) == {"master": f"eth2 {ID}"}, "the kernel sends")
            done = a.call("conn", "kill", "--service", "nat", "-y")
            assert done.returncode == 8 and "sync.multicast" in done.stderr, done
            assert daemons(farm.a) == {"master": f"eth2 {ID}"} and flows[0].talk(20) == []
        assert daemons(farm.a) == {}
    finally:
        for f in flows:
            f.close()
        echo.close()


def test_it_begins_again(farm):
    """When the interface comes back, and when somebody stopped it. The last one: it leaves another eth2."""
    with node(farm.a, configuration(150), "lb-a") as a:
        is_master(a)
        runs = {"master": f"eth2 {ID}"}
        until(lambda: daemons(farm.a) == runs, "the kernel sends")
        farm.a.ip("link set eth2 down")
        until(lambda: daemons(farm.a) == {}, "it does not send any more")
        until(lambda: "interface eth2 is down" in a.call("status").stdout, "it is said")
        farm.a.ip("link set eth2 up")
        until(lambda: daemons(farm.a) == runs, "it sends again")
        until(lambda: "eth2" not in a.call("status").stdout, "and nothing is said any more")
        farm.a.ip("link del eth2")
        until(lambda: "interface eth2 is not there" in a.call("status").stdout, "it is said")
        farm.a.ip("link add eth2 type dummy\nlink set eth2 up\naddr add 10.8.0.1/24 dev eth2")
        until(lambda: daemons(farm.a) == runs, "it sends again")
        farm.a.run("ipvsadm", "--stop-daemon", "master")
        until(lambda: daemons(farm.a) == runs, "it sends again")
        # another id, and without
        a.reload(configuration(150).replace(f'"id": {ID}', '"id": 52'))
        until(lambda: daemons(farm.a) == {"master": "eth2 52"}, "with another id")
        a.reload(configuration(150, sync=False))
        until(lambda: daemons(farm.a) == {}, "it is over")
        a.reload(configuration(150))
        until(lambda: daemons(farm.a) == runs, "it sends again")
