# SPDX-License-Identifier: GPL-2.0-or-later
"""
Connections that are open go on when the node that forwards them fails: the other one knows them before it has the
addresses.
"""
import contextlib
import json
import os
import signal
import time

import pytest

from conftest import Lbd, kernel_has, run, until
from flows import (BACK, GW4, GW6, HIDDEN, LINK, MANY, MANY6, NAT_PORT, PORTS, STICKY, VIP4, VIP6, Datagrams, Echo, Farm,
                   Flows, conns, entries, who)
from pair import is_backup, is_master, state
from steps import slowness

N = int(os.environ.get("LBD_SYNC_FLOWS", "20"))  # connections per mode and family; tests/bench/run.sh takeover has more
MODES = [(mode, family) for mode in PORTS for family in (4, 6)]


def configuration(key, hidden=False, sync=None, rate=None):
    """hidden: with services that have source_nat. sync: of the services over NAT. rate: of what is copied."""
    services = {}
    for mode, port in PORTS.items():
        for family, vip, back in ((4, VIP4, BACK + ".{}"), (6, f"[{VIP6}]", "[fd01::{}]")):
            services[f"{mode}{family}"] = {
                "listen": f"{vip}:{port}", "protocol": ["tcp", "udp"], "mode": mode, "check": "none", "scheduler": "rr",
                "backends": {f"s{i}": f"{back.format(i)}:{NAT_PORT if mode == 'nat' else port}" for i in (11, 12)}}
            if sync and mode == "nat":
                services[f"{mode}{family}"]["sync"] = sync
    services["sticky"] = {
        "listen": f"{VIP4}:{STICKY}", "mode": "nat", "check": "none", "scheduler": "rr", "persistence": "5m",
        "backends": {f"s{i}": f"{BACK}.{i}:{NAT_PORT}" for i in (11, 12)}}
    for vip, back, gateway, name in ((VIP4, BACK + ".{}", GW4, "hidden4"),
                                     (f"[{VIP6}]", "[fd01::{}]", GW6, "hidden6")) if hidden else ():
        services[name] = {
            "listen": f"{vip}:{HIDDEN}", "protocol": ["tcp", "udp"], "mode": "nat", "check": "none", "scheduler": "rr",
            "source_nat": gateway, "backends": {f"s{i}": f"{back.format(i)}:{NAT_PORT}" for i in (11, 12)}}
    common = {"advert_interval": "200ms", "lease": "3s", "group": "edge", "announce": {"count": 3, "delay": "1s"}}
    front = {"interface": "eth0", "vrid": 51, **common}
    return json.dumps({
        **({"sync": {"rate_limit": rate}} if rate else {}),
        "cluster": {"id": 7, "key_file": key, "heartbeat": "200ms", "dead_after": "1s", "nodes": {
            "lb-a": {"address": f"{LINK}.1", "priority": 150}, "lb-b": {"address": f"{LINK}.2", "priority": 100}}},
        "vrrp": {
            "wan": {**front, "addresses": [f"{VIP4}/24"]},
            "wan6": {**front, "vrid": 52, "addresses": ["fe80::100/64", f"{VIP6}/64"]},
            "lan": {**front, "interface": "eth1", "vrid": 53, "addresses": [f"{GW4}/24"]},
            "lan6": {**front, "interface": "eth1", "vrid": 54, "addresses": ["fe80::254/64", f"{GW6}/64"]}},
        "services": services}, indent=1) + "\n"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "cluster.key"
    path.write_text(os.urandom(32).hex() + "\n")
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def farm():
    if not kernel_has("ip_vs"):
        pytest.skip("needs a kernel with IPVS")
    f = Farm()
    try:
        yield f
    finally:
        f.close()


def sync_row(d):
    done = d.call("-j", "sync", "status")
    return json.loads(done.stdout)["data"][0] if done.returncode == 0 else {}


def in_sync(*daemons, seconds=60):
    for d in daemons:
        until(lambda d=d: sync_row(d).get("state") == "in-sync", f"{d.name} is in sync", seconds)


@contextlib.contextmanager
def pair_of(farm, key, **options):
    a = Lbd(farm.a, configuration(key, **options), name="lb-a", user="root")
    b = Lbd(farm.b, configuration(key, **options), name="lb-b", user="root")
    try:
        a.start()
        is_master(a)
        b.start()
        is_backup(b)
        in_sync(a, b)
        yield a, b
    finally:
        for d in (b, a):
            d.close()


@contextlib.contextmanager
def traffic(farm):
    """Open connections through every mode, in both families."""
    echo = Echo(farm.servers, [NAT_PORT, *(p for m, p in PORTS.items() if m != "nat")])
    flows = {}
    try:
        for mode, family in MODES:
            flows[f"{mode}{family}"] = Flows(farm.client, VIP4 if family == 4 else VIP6, PORTS[mode], N)
        yield flows
    finally:
        for f in flows.values():
            f.close()
        echo.close()


def known(node, flows):
    """Until its kernel has them all."""
    want = sum(len(f.socks) for f in flows.values())
    until(lambda: conns(node).get("ESTABLISHED", 0) >= want, f"{want} flows on {node.name}: {conns(node)}", 60)


def go_on(flows, what):
    lost = {}
    for name, f in flows.items():
        found = f.talk(30 + slowness())
        if found:
            lost[name] = found
    total = sum(len(f.socks) for f in flows.values())
    print(f"FIGURES {what}: {sum(len(v) for v in lost.values())} of {total} connections lost",
          {name: (len(v), v[:2]) for name, v in lost.items()})
    assert not lost


def processes(d):
    children = run("ps", "-o", "pid=", "--ppid", str(d.pid), check=False).split()
    grand = [p for c in children for p in run("ps", "-o", "pid=", "--ppid", c, check=False).split()]
    return [d.pid, *map(int, children + grand)]


def kill_all(d):
    for pid in processes(d):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    d.wanted = False
    d.process.wait(10)


def test_planned_failover_and_back(farm, key):
    """Connections that began a moment before, too: the kernel's own synchronisation keeps those for two seconds."""
    with pair_of(farm, key) as (a, b), traffic(farm) as flows:
        known(farm.b, flows)
        for turn, (old, new) in enumerate(((a, b), (b, a))):
            for mode, family in MODES:
                flows[f"{mode}{family}, {turn}"] = Flows(farm.client, VIP4 if family == 4 else VIP6, PORTS[mode], 4)
            said = old.text("failover", "--wait")
            is_master(new)
            go_on(flows, "failover" if new is b else "back")
            assert "may break" not in said, said
            in_sync(a, b)


def test_what_was_there_before(farm, key):
    """The daemon of the master starts anew and has a peer only then: connections that are idle meanwhile, and clients
    that stick, are on the other node all the same."""
    a, b = (Lbd(n, configuration(key), name=name, user="root") for n, name in ((farm.a, "lb-a"), (farm.b, "lb-b")))
    try:
        a.start()
        is_master(a)
        with traffic(farm) as flows:
            stuck = {source: who(farm.client, VIP4, STICKY, source) for source in MANY}
            a.stop()
            a.start()
            is_master(a)
            b.start()
            is_backup(b)
            in_sync(a, b)
            known(farm.b, flows)
            until(lambda: len({e[1] for e in entries(farm.b) if e[2] == 0}) >= len(MANY), f"templates: {entries(farm.b)}", 30)
            assert sync_row(a)["unsure"] == 0
            kill_all(a)
            is_master(b)
            go_on(flows, "from before")
            again = {source: who(farm.client, VIP4, STICKY, source) for source in MANY[::2] + MANY[1::2]}
            assert again == stuck
    finally:
        for d in (b, a):
            d.close()


def test_a_service_is_copied_from_now_on(farm, key):
    """What is open and idle then, too."""
    with pair_of(farm, key, sync="off") as (a, b), traffic(farm) as flows:
        nat = [name for name in flows if name.startswith("nat")]
        known(farm.b, {name: f for name, f in flows.items() if name not in nat})
        assert not [r for r in b.ctl("conn", "list", "--service", "nat4")["data"] if r["state"] == "established"]
        for d in (a, b):
            d.reload(configuration(key, sync="established"))
        known(farm.b, flows)
        kill_all(a)
        is_master(b)
        go_on(flows, "copied from then on")


def test_a_service_of_somebody_else_that_the_file_gets(farm, key):
    """Its connections from before, which are idle, were none of ours: they are looked for then."""
    whole = configuration(key)
    less = json.loads(whole)
    del less["services"]["nat4"]
    a, b = (Lbd(n, json.dumps(less) + "\n", name=name, user="root") for n, name in ((farm.a, "lb-a"), (farm.b, "lb-b")))
    echo = Echo(farm.servers, [NAT_PORT])
    flows = None
    try:
        a.start()
        is_master(a)
        at = f"{VIP4}:{PORTS['nat']}"
        farm.a.run("ipvsadm", "-A", "-t", at, "-s", "rr")
        for i in (11, 12):
            farm.a.run("ipvsadm", "-a", "-t", at, "-r", f"{BACK}.{i}:{NAT_PORT}", "-m")
        flows = Flows(farm.client, VIP4, PORTS["nat"], N)
        a.stop()
        a.start()
        is_master(a)
        b.start()
        is_backup(b)
        in_sync(a, b)
        assert conns(farm.b).get("ESTABLISHED", 0) == 0
        for d in (a, b):
            d.reload(whole)
        known(farm.b, {"nat4": flows})
    finally:
        for d in (b, a):
            d.close()
        if flows:
            flows.close()
        echo.close()


def test_in_sync_is_said_when_it_is_true(farm, key):
    """What a pause has gathered is copied before."""
    with pair_of(farm, key, rate="50/s") as (a, b):
        a.text("sync", "pause")
        with traffic(farm) as flows:
            want = sum(len(f.socks) for f in flows.values())
            until(lambda: sync_row(a).get("local_flows", 0) >= want, f"the process knows them: {sync_row(a)}", 60)
            assert conns(farm.b).get("ESTABLISHED", 0) == 0
            a.text("sync", "resume", "--wait=60s")
            b.text("-t", "60s", "wait", "sync", "in-sync")
            assert conns(farm.b).get("ESTABLISHED", 0) >= want


def active(node, port):
    """Connections that the kernel counts for the backends of that service: those that are bound to one."""
    rows = node.run("ipvsadm", "-Ln", "-t", f"{VIP4}:{port}", check=False).splitlines()
    return sum(int(line.split()[4]) for line in rows if line.split()[:1] == ["->"] and line.split()[1][0].isdigit())


def test_what_came_before_its_service(farm, key):
    """One node has a service before the other: what is told of it meanwhile belongs to its backends once they are
    there. A client that sticks would be sent elsewhere."""
    whole = configuration(key)
    less = json.loads(whole)
    for name in ("nat4", "sticky"):
        del less["services"][name]
    a, b = (Lbd(n, text, name=name, user="root") for n, text, name in (
        (farm.a, whole, "lb-a"), (farm.b, json.dumps(less) + "\n", "lb-b")))
    echo = Echo(farm.servers, [NAT_PORT])
    flows = None
    try:
        a.start()
        is_master(a)
        b.start()
        is_backup(b)
        in_sync(a, b)
        flows = Flows(farm.client, VIP4, PORTS["nat"], N)
        stuck = {source: who(farm.client, VIP4, STICKY, source) for source in MANY}
        known(farm.b, {"nat4": flows})
        until(lambda: len({e[1] for e in entries(farm.b) if e[2] == 0}) >= len(MANY), f"templates: {entries(farm.b)}", 30)
        assert active(farm.b, PORTS["nat"]) == 0
        b.reload(whole)
        until(lambda: active(farm.b, PORTS["nat"]) >= N, "they are bound to their backends", 30)
        kill_all(a)
        is_master(b)
        go_on({"nat4": flows}, "from before the service")
        again = {source: who(farm.client, VIP4, STICKY, source) for source in MANY[::2] + MANY[1::2]}
        assert again == stuck
    finally:
        for d in (b, a):
            d.close()
        if flows:
            flows.close()
        echo.close()


def test_killed_master_comes_back_empty(farm, key):
    with pair_of(farm, key) as (a, b), traffic(farm) as flows:
        known(farm.b, flows)
        kill_all(a)
        is_master(b)
        go_on(flows, "SIGKILL")
        farm.reboot("a")
        again = Lbd(farm.a, configuration(key), name="lb-a", user="root")
        try:
            again.start()
            in_sync(again, b)
            known(farm.a, flows)
            until(lambda: state(again) == "master", "the better node is master again", 60)
            go_on(flows, "back after the reboot")
        finally:
            again.close()


def lagging(d):
    return any(x.startswith("sync_lagging") for x in d.ctl("status")["data"][0]["alarms"])


def test_cables_of_the_master_are_cut(farm, key):
    with pair_of(farm, key) as (a, b), traffic(farm) as flows:
        known(farm.b, flows)
        farm.cut("a")
        is_master(b)
        go_on(flows, "cut")
        until(lambda: lagging(b), "it is said that what clients do now is not known there", 60)
        farm.cut("a", up=True)
        in_sync(a, b)
        until(lambda: not lagging(b), "it is known", 60)
        is_master(a, seconds=60)
        time.sleep(1)
        go_on(flows, "cables are back")


@pytest.fixture
def tracked():
    if not all(kernel_has(m) for m in ("ip_vs", "nf_conntrack_netlink", "nft_chain_nat", "nft_fib_inet")):
        pytest.skip("needs a kernel with IPVS and nftables")
    f = Farm(tracked=True)
    try:
        yield f
    finally:
        f.close()


def test_clients_that_are_hidden(tracked, key):
    """source_nat: several clients with one port each, so for most of them another port was found. A node that does not
    know which one finds another, and their servers reset them. Beside them a service that shows its clients: the node that
    comes back has old entries of those, too, and a packet that does not fit them gets another port."""
    farm = tracked
    with pair_of(farm, key, hidden=True) as (a, b):
        echo = Echo(farm.servers, [NAT_PORT])
        flows = {}
        for node in (farm.a, farm.b):
            hides(node)
        try:
            for i, (vip, many) in enumerate(((VIP4, MANY), (VIP6, MANY6))):
                flows[f"hidden{i}"] = Flows(farm.client, vip, HIDDEN, N,
                                             [(s, 20000 + k) for k in range(N // 8 + 1) for s in many])
                flows[f"shown{i}"] = Flows(farm.client, vip, PORTS["nat"], N)
            translated = {line.split("dport=")[2].split()[0] for line in hidden(farm.a)}
            assert len(translated) > 3, f"ports were found: {translated}"
            known(farm.b, flows)
            until(lambda: len(hidden(farm.b)) >= 2 * N, f"their entries are on the other node: {hidden(farm.b)}", 30)
            farm.cut("a")
            is_master(b)
            go_on(flows, "cut")
            farm.cut("a", up=True)
            in_sync(a, b)
            is_master(a, seconds=60)
            time.sleep(1)
            go_on(flows, "cables are back")
        finally:
            for f in flows.values():
                f.close()
            echo.close()


def hides(node):
    """Until the node's rules for source_nat are there: on a busy machine services begin before."""
    until(lambda: all(f"source{f}" in node.run("nft", "list", "ruleset") for f in (4, 6)), f"rules on {node.name}", 60)


def hidden(node):
    """Lines of connection tracking of the services with source_nat."""
    return [line for family in ("ipv4", "ipv6")
            for line in node.run("conntrack", "-L", "-f", family, "-p", "tcp", "--dport", str(HIDDEN), "--state", "ESTABLISHED",
                                 check=False).splitlines() if "dport=" in line]


def test_datagrams_and_clients_that_stick_stay_where_they_were(farm, key):
    """UDP flows of every kind; and who comes anew, from an address whose connections are over, to a service with
    persistence. Round robin would send half of them elsewhere."""
    with pair_of(farm, key) as (a, b):
        echo = Echo(farm.servers, [NAT_PORT, *(p for m, p in PORTS.items() if m != "nat")])
        udp = {(m, f): Datagrams(farm.client, VIP4 if f == 4 else VIP6, PORTS[m], 4) for m, f in MODES}
        try:
            before = {k: d.ask(10) for k, d in udp.items()}
            assert all(set(names) == {"fs1", "fs2"} for names in before.values()), before
            stuck = {source: who(farm.client, VIP4, STICKY, source) for source in MANY}
            assert set(stuck.values()) == {"fs1", "fs2"}, stuck
            until(lambda: sum(e[0] == "UDP" for e in entries(farm.b)) >= 4 * len(MODES)
                  and len({e[1] for e in entries(farm.b) if e[2] == 0}) >= len(MANY),
                  f"all are on the other node: {entries(farm.b)}", 30)
            kill_all(a)
            is_master(b)
            after = {k: d.ask(10 + slowness()) for k, d in udp.items()}
            lost = {k: (v, after[k]) for k, v in before.items() if after[k] != v}
            again = {source: who(farm.client, VIP4, STICKY, source) for source in MANY[::2] + MANY[1::2]}
            moved = {s: (stuck[s], again[s]) for s in MANY if stuck[s] != again[s]}
            print(f"FIGURES SIGKILL: at another server: {len(lost)} of {len(udp)} kinds of datagrams, {len(moved)} of {len(MANY)} "
                  "clients")
            assert not lost and not moved, (lost, moved)
        finally:
            for d in udp.values():
                d.close()
            echo.close()
