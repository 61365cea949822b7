# SPDX-License-Identifier: GPL-2.0-or-later
"""
Connections through a firewall's own NAT go on when the node that translates them fails: the other one has their entries
of connection tracking before it has the addresses. No IPVS takes part.
"""
import contextlib
import json
import os
import signal
import time

import pytest

from conftest import Lbd, run, until
from flows import BACK, FRONT, GW4, GW6, LINK, VIP4, VIP6, Echo, Farm, Flows
from pair import is_backup, is_master
from steps import slowness

N = int(os.environ.get("LBD_SYNC_FLOWS", "60"))  # connections per family
PORT = 8080

# Only what begins with SYN comes through: a connection whose entry is not there is lost for certain, and with a port of
# chance it would not be translated as before, either.
RULES = f"""
table inet edge {{
  chain post {{
    type nat hook postrouting priority srcnat
    oifname "eth1" ip saddr {FRONT}.0/24 snat ip to {GW4} fully-random
    oifname "eth1" ip6 saddr fd07::/64 snat ip6 to {GW6} fully-random
  }}
  chain pass {{
    type filter hook forward priority filter
    ct state established,related accept
    meta l4proto tcp ct state new tcp flags & (fin | syn | rst | ack) == syn accept
    meta l4proto tcp counter drop
  }}
}}
"""


class Gate(Farm):
    """The client's way to the servers leads through the pair."""

    def __init__(self):
        super().__init__()
        self.client.ip(f"route add {BACK}.0/24 via {VIP4} dev eth0")
        self.client.run("ip", "-6", "route", "add", "fd01::/64", "via", VIP6, "dev", "eth0")

    def node(self, name, i):
        n = super().node(name, i)
        n.run("nft", "-f", "-", text=RULES)
        return n

    def server(self, name, i):
        return self.plug(name, {"eth1": ("back", i)})


def configuration(key, **sync):
    common = {"advert_interval": "200ms", "lease": "3s", "group": "edge", "announce": {"count": 3, "delay": "1s"}}
    front, back = {"interface": "eth0", **common}, {"interface": "eth1", **common}
    return json.dumps({
        "cluster": {"id": 7, "key_file": key, "heartbeat": "200ms", "dead_after": "1s", "nodes": {
            "lb-a": {"address": f"{LINK}.1", "priority": 150}, "lb-b": {"address": f"{LINK}.2", "priority": 100}}},
        "vrrp": {
            "wan": {**front, "vrid": 51, "addresses": [f"{VIP4}/24"]},
            "wan6": {**front, "vrid": 52, "addresses": ["fe80::100/64", f"{VIP6}/64"]},
            "lan": {**back, "vrid": 53, "addresses": [f"{GW4}/24"]},
            "lan6": {**back, "vrid": 54, "addresses": ["fe80::254/64", f"{GW6}/64"]}},
        "sync": {"conntrack": "all", **sync},
        "services": {}}, indent=1) + "\n"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "cluster.key"
    path.write_text(os.urandom(32).hex() + "\n")
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def gate():
    g = Gate()
    try:
        yield g
    finally:
        g.close()


def row(d):
    done = d.call("-j", "sync", "status")
    rows = json.loads(done.stdout)["data"] if done.returncode == 0 else []
    return next((r for r in rows if r["kind"] == "conntrack"), {})


def in_sync(*daemons, seconds=60):
    for d in daemons:
        until(lambda d=d: row(d).get("state") == "in-sync", f"{d.name} is in sync: {row(d)}", seconds)


def entries(node, *more):
    """Lines of the node's connection tracking: connections to our servers."""
    found = []
    for family in ("ipv4", "ipv6"):
        text = node.run("conntrack", "-L", "-f", family, "-p", "tcp", "--dport", str(PORT), *more, check=False)
        found += [line for line in text.splitlines() if "dport=" in line]
    return found


def known(node, flows):
    want = sum(len(f.socks) for f in flows)
    until(lambda: len(entries(node, "--state", "ESTABLISHED")) >= want, f"{want} entries on {node.name}", 60)


@contextlib.contextmanager
def pair_of(gate, key, **sync):
    a = Lbd(gate.a, configuration(key, **sync), name="lb-a", user="root")
    b = Lbd(gate.b, configuration(key, **sync), name="lb-b", user="root")
    try:
        a.start(ready=False)  # there is no IPVS, and no need of it
        is_master(a)
        b.start(ready=False)
        is_backup(b)
        in_sync(a, b)
        yield a, b
    finally:
        for d in (b, a):
            print(d.name, row(d))
            d.close()


@contextlib.contextmanager
def traffic(gate):
    echo = Echo(gate.servers, [PORT])
    flows = []
    try:
        flows.append(Flows(gate.client, f"{BACK}.11", PORT, N))
        flows.append(Flows(gate.client, "fd01::12", PORT, N))
        yield flows
    finally:
        for f in flows:
            f.close()
        echo.close()


def go_on(flows, what):
    lost = [found for f in flows for found in f.talk(30 + slowness())]
    total = sum(len(f.socks) for f in flows)
    print(f"FIGURES {what}: {len(lost)} of {total} connections lost", lost[:3])
    assert not lost


def kill_all(d):
    children = run("ps", "-o", "pid=", "--ppid", str(d.pid), check=False).split()
    grand = [p for c in children for p in run("ps", "-o", "pid=", "--ppid", c, check=False).split()]
    for pid in (d.pid, *map(int, children + grand)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    d.wanted = False
    d.process.wait(10)


def test_killed_master(gate, key):
    with pair_of(gate, key) as (a, b), traffic(gate) as flows:
        known(gate.b, flows)
        assert all(GW4 in line or "ipv6" in line or GW6 in line for line in entries(gate.b)), entries(gate.b)[:3]
        kill_all(a)
        is_master(b)
        go_on(flows, "SIGKILL")


def test_planned_failover_and_back(gate, key):
    with pair_of(gate, key) as (a, b), traffic(gate) as flows:
        known(gate.b, flows)
        a.text("failover", "--wait")
        is_master(b)
        go_on(flows, "failover")
        b.text("failover", "--wait")
        is_master(a)
        go_on(flows, "back")


def test_without_it_they_are_lost(gate, key):
    """So the test above can fail."""
    with pair_of(gate, key) as (a, b):
        for d in (a, b):
            d.reload(configuration(key, conntrack="off"))
        with traffic(gate) as flows:
            time.sleep(1)
            assert not entries(gate.b)
            kill_all(a)
            is_master(b)
            assert len(flows[0].talk(3)) == N


def test_ends_are_told(gate, key):
    with pair_of(gate, key) as (a, b), traffic(gate) as flows:
        known(gate.b, flows)
        for f in flows:
            f.close()
        until(lambda: not entries(gate.b, "--state", "ESTABLISHED"), "they have ended on lb-b", 30 + slowness())


def test_a_link_that_was_away(gate, key):
    """What comes about meanwhile is there when it is back; and an overrun is not the end of it."""
    with pair_of(gate, key) as (a, b):
        gate.sw.ip("link set fam down")
        until(lambda: row(a).get("state") == "down", "the link is down", 20)
        with traffic(gate) as flows:
            assert not entries(gate.b)
            gate.sw.ip("link set fam up")
            known(gate.b, flows)
            kill_all(a)
            is_master(b)
            go_on(flows, "after the link was away")
