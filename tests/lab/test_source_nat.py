# SPDX-License-Identifier: GPL-2.0-or-later
"""
Backends that see the balancer's address in place of the client's. Those of one-armed services stand in the client's own
network: what they answer straight to the client it does not know, so each answer that comes has gone back through the
balancer.
"""
import json
import os
import shutil
import socket
import subprocess
import time

import pytest

from conftest import Lbd, kernel_has, until
from pair import is_master, lone
from steps import service, slowness

VIP = {4: "10.9.0.100", 6: "fd09::100"}
CLIENT = {4: "10.9.0.2", 6: "fd09::2"}
SOURCE = {4: "10.9.0.50", 6: "fd09::50"}  # as backends in the client's network see everybody
BEHIND = {4: "10.8.0.50", 6: "fd08::50"}  # the same of those on the network behind
OWN = {f"{SOURCE[4]}/32": "front", f"{SOURCE[6]}/128": "front", f"{BEHIND[4]}/32": "back", f"{BEHIND[6]}/128": "back"}
ARM = {4: ["10.9.0.11", "10.9.0.12"], 6: ["fd09::11", "fd09::12"]}
BACK = {4: ["10.8.0.11", "10.8.0.12"], 6: ["fd08::11", "fd08::12"]}
ONE_ARM, PLAIN, TOGGLE, EVERY, BESIDE, ELSEWHERE, SCTP, INSIDE = 1000, 1001, 1002, 1003, 1004, 1005, 1006, 8080
WHOLE = {4: "10.9.0.101", 6: "fd09::101"}   # where a service takes every port
AWAY = "10.9.0.60"                          # a virtual address that the other node has
FAMILIES = pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])
BOTH = ["tcp", "udp"]
# each protocol and each family once: rules of a family do not depend on the protocol
CROSSED = pytest.mark.parametrize("proto, family", [("tcp", 4), ("udp", 6)], ids=["tcp-ipv4", "udp-ipv6"])


def at(ip, port):
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def pool(ips, port=INSIDE):
    return {f"s{i}": at(ip, port) if port else ip for i, ip in enumerate(ips)}


def services(toggle=True):
    """What all tests but the last ones run with."""
    all_of_them = {}
    for f in (4, 6):
        all_of_them |= {
            f"arm{f}": service(at(VIP[f], ONE_ARM), pool(ARM[f]), protocol=BOTH, source_nat=SOURCE[f]),
            f"plain{f}": service(at(VIP[f], PLAIN), pool(BACK[f]), protocol=BOTH),
            f"toggle{f}": service(at(VIP[f], TOGGLE), pool(BACK[f]), protocol=BOTH,
                                  **({"source_nat": BEHIND[f]} if toggle else {})),
            f"whole{f}": service(WHOLE[f], pool(BACK[f], None), protocol=BOTH, persistence="5m", source_nat=BEHIND[f]),
            f"beside{f}": service(at(WHOLE[f], BESIDE), pool(BACK[f]), protocol=BOTH)}
    all_of_them["away"] = service(at(AWAY, ELSEWHERE), pool(ARM[4]), protocol=BOTH, source_nat=SOURCE[4])
    if kernel_has("sctp"):
        all_of_them["sctp"] = service(at(VIP[4], SCTP), pool(ARM[4], SCTP), protocol="sctp", source_nat=SOURCE[4])
    return all_of_them


def configuration(**options):
    return json.dumps({"services": services(**options)}, indent=1) + "\n"


def table(node):
    return node.run("nft", "list", "ruleset")


HOOKS = "".join(f"chain {h} {{ type filter hook {h} priority 0; }}\n" for h in ("prerouting", "input", "forward", "output",
                                                                                "postrouting"))


@pytest.fixture(scope="module")
def hooks(net):
    """The kernel patches its own code when the first table of all namespaces has a chain at a hook and when the last one
    goes. An emulated processor may run on with the old code while packets pass; so there is always one."""
    for module in ("nft_chain_nat", "nft_fib_inet"):  # as the package has them loaded: the first use takes seconds here
        kernel_has(module)
    net.sw.run("nft", "-f", "-", text=f"table inet held {{\n{HOOKS}}}\n")
    yield
    net.sw.run("nft", "delete", "table", "inet", "held")


@pytest.fixture(scope="module")
def daemon(lbd, net, hooks):
    if not shutil.which("nft"):
        pytest.skip("nft is not installed")
    for name in ("net.ipv4.conf.all.send_redirects", "net.ipv4.conf.front.send_redirects"):
        net.lb.sysctl(name, 0)
    net.lb.ip("\n".join(f"addr add {ip} dev {dev}" for ip, dev in OWN.items()))
    net.client.ip(f"addr add {AWAY}/24 dev front")
    net.lb.sysctl("net.ipv4.vs.conntrack", 1)
    d = lbd(configuration())
    for s in net.servers[:2]:
        for port in (INSIDE, EVERY):
            for proto in BOTH:
                s.serve(port, proto)
        if kernel_has("sctp"):
            s.serve(SCTP, "sctp")
    for proto in BOTH:
        net.client.serve(ELSEWHERE, proto, ip=AWAY)
    yield d
    net.lb.sysctl("net.ipv4.vs.conntrack", 0)
    for ip, dev in OWN.items():
        net.lb.run("ip", "addr", "del", ip, "dev", dev, check=False)
    net.client.run("ip", "addr", "del", f"{AWAY}/24", "dev", "front", check=False)


def peers(net, ask):
    """What ask() gave, and whom all the servers saw meanwhile."""
    start = time.monotonic()
    given = ask()
    return given, {r.peer for s in net.servers for r in s.requests() if r.time >= start}


@CROSSED
def test_one_armed(net, client, daemon, family, proto):
    """A socket that is connected takes nothing but what comes from where it is connected to."""
    answers, who = peers(net, lambda: [client.ask(VIP[family], ONE_ARM, proto=proto) for _ in range(6)])
    assert who == {SOURCE[family]}
    assert {a.peer for a in answers} == {SOURCE[family]}
    assert {a.local for a in answers} == set(ARM[family]) and {a.local_port for a in answers} == {INSIDE}


def test_sctp(net, client, daemon):
    if not kernel_has("sctp"):
        pytest.skip("this kernel has no SCTP")
    answers, who = peers(net, lambda: [client.ask(VIP[4], SCTP, proto="sctp") for _ in range(2)])
    assert who == {SOURCE[4]} and {a.server for a in answers} == {"srv1", "srv2"}


@CROSSED
def test_a_service_beside_it_shows_the_client(net, client, daemon, family, proto):
    _, who = peers(net, lambda: [client.ask(VIP[family], PLAIN, proto=proto) for _ in range(4)])
    assert who == {CLIENT[family]}


@FAMILIES
def test_two_clients_with_one_port(client, daemon, family):
    """To one backend (they take turns) from one address: the second one gets another port."""
    sources = {4: ["10.9.0.3", "10.9.0.4"], 6: ["fd09::3", "fd09::4"]}[family]
    conns = [client.connect(VIP[family], ONE_ARM, source=sources[i // 2], source_port=40000 + i % 2) for i in range(4)]
    try:
        answers = [c.ask() for c in conns]
        assert {a.peer for a in answers} == {SOURCE[family]}
        assert len({(a.local, a.peer_port) for a in answers}) == 4 and len({a.local for a in answers}) == 2
        assert {a.peer_port for a in answers[:2]} == {40000, 40001} and answers[0].local == answers[2].local
        assert [c.ask().server for c in conns] == [a.server for a in answers]
    finally:
        for c in conns:
            c.close()


@CROSSED
def test_every_port_but_those_of_others(net, client, daemon, family, proto):
    _, who = peers(net, lambda: client.ask(WHOLE[family], EVERY, proto=proto))
    assert who == {BEHIND[family]}
    _, who = peers(net, lambda: [client.ask(WHOLE[family], BESIDE, proto=proto) for _ in range(2)])
    assert who == {CLIENT[family]}


@pytest.mark.parametrize("proto", BOTH)
def test_what_the_node_asks_and_what_passes_through_keep_their_source(net, lb, srv3, daemon, proto):
    """The address is elsewhere, as on a backup: its answers would go to the master if they had the source of the service."""
    for name in ("srv1", "srv2"):  # IPVS takes what this node asks, too
        assert lb.ask(AWAY, ELSEWHERE, proto=proto, source="10.9.0.1").peer == "10.9.0.1", name
    a = srv3.ask(AWAY, ELSEWHERE, proto=proto, source="10.8.0.13")
    assert (a.server, a.peer) == ("client", "10.8.0.13")


def test_show(daemon):
    rows = {name: daemon.ctl("service", "show", name)["data"][0] for name in ("arm4", "arm6", "plain4")}
    assert [rows[n].get("source_nat") for n in rows] == [SOURCE[4], SOURCE[6], None]
    assert f"source nat:         {SOURCE[4]}\n" in daemon.text("service", "show", "arm4")


@CROSSED
def test_a_reload_takes_it_away_and_gives_it_back(client, daemon, family, proto):
    """A reload answers when the rules are there."""
    with client.connect(VIP[family], TOGGLE, proto=proto) as before:
        assert before.ask().peer == BEHIND[family]
        daemon.reload(configuration(toggle=False))
        with client.connect(VIP[family], TOGGLE, proto=proto) as between:
            assert between.ask().peer == CLIENT[family]
            assert before.ask().peer == BEHIND[family], "what was open stays as it is"
            daemon.reload(configuration())
            assert client.ask(VIP[family], TOGGLE, proto=proto).peer == BEHIND[family]
            assert between.ask().peer == CLIENT[family]


def test_a_new_service_waits_for_its_rules(client, daemon):
    """From the first connection that it takes, whatever nft takes for it: clients ask all the time."""
    new = {"new": service(at(VIP[4], 1100), pool(ARM[4]), source_nat=SOURCE[4])}
    got, port = [], 1100
    for _ in range(3):
        daemon.write(json.dumps({"services": {**services(), **new}}, indent=1) + "\n")
        argv = [daemon.lbctl, "--socket", os.path.join(daemon.run_dir, "control.sock"), "daemon", "reload", "-y"]
        with daemon.node:
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while p.poll() is None or not got:
            try:
                got.append(client.ask(VIP[4], port, timeout=2).peer)
            except ConnectionRefusedError:
                continue
        assert p.returncode == 0 and set(got) == {SOURCE[4]}, got
        daemon.reload(configuration())
        got.clear()


def test_it_outlives_a_restart_and_goes_with_flush(lb, client, daemon):
    daemon.stop()
    yaml = json.dumps({"services": {"web": service(at(VIP[4], 1200), pool(ARM[4]), source_nat=SOURCE[4])}})
    with Lbd(lb, yaml) as d:
        with client.connect(VIP[4], 1200) as c:
            assert c.ask().peer == SOURCE[4]
            d.stop()
            assert "source4" in table(lb) and c.ask().peer == SOURCE[4]
            assert client.ask(VIP[4], 1200).peer == SOURCE[4], "as what is in IPVS does"
            d.start()
            assert c.ask().peer == SOURCE[4] and client.ask(VIP[4], 1200).peer == SOURCE[4]
        d.wanted = False
        d.call("daemon", "stop", "--flush", "--yes")
        d.process.wait(10)
        assert "inet lbd" not in table(lb)
    daemon.start()


def test_a_ruleset_of_somebody_else(lb, client, daemon):
    """Loading one mostly begins with this."""
    lb.run("nft", "flush", "ruleset")
    until(lambda: "source4" in table(lb), "the table is there again", 5 * slowness())
    assert "removed by somebody" in daemon.log()
    assert client.ask(VIP[4], ONE_ARM).peer == SOURCE[4]


def test_the_host_is_told_of(lb, daemon):
    lb.sysctl("net.ipv4.vs.conntrack", 0)
    try:
        assert "net.ipv4.vs.conntrack is 0" in daemon.call("status").stdout
    finally:
        lb.sysctl("net.ipv4.vs.conntrack", 1)
    assert "net.ipv4.vs.conntrack" not in daemon.call("status").stdout


# ---------------------------------------------------------------- closed addresses

CLOSED = {4: "10.9.0.70", 6: "fd09::70"}
GIVEN = {4: "10.9.0.71", 6: "fd09::71"}  # a source that is virtual as well


@pytest.fixture(scope="module")
def closed(net, lb, daemon):
    daemon.stop()
    wan = {"interface": "front", "vrid": 51, "advert_interval": "100ms", "lease": "3s", "accept": False, "priority": 150}
    of = {"wan": {**wan, "addresses": [f"{CLOSED[4]}/24"], "excluded": [f"{GIVEN[4]}/24"]},
          "wan6": {**wan, "vrid": 52, "addresses": ["fe80::70/64", f"{CLOSED[6]}/64"], "excluded": [f"{GIVEN[6]}/64"]}}
    two = {}
    for f in (4, 6):
        two[f"arm{f}"] = service(at(CLOSED[f], ONE_ARM), pool(ARM[f]), protocol=BOTH, source_nat=GIVEN[f])
        two[f"plain{f}"] = service(at(CLOSED[f], PLAIN), pool(BACK[f]), protocol=BOTH)
    d = lone(lb, json.dumps({"vrrp": of, "services": two}, indent=1) + "\n", "lb-a")
    lb.serve(2222)  # of the host itself, on every address
    try:
        d.start()
        is_master(d)
        is_master(d, "wan6")
        until(lambda: "closed6" in table(lb) and "source6" in table(lb), "the table is there")
        yield d
    finally:
        lb.close_servers()
        d.close()
        lb.run("nft", "flush", "ruleset")
        daemon.start()


@CROSSED
def test_services_answer_behind_a_closed_address(net, client, closed, family, proto):
    answers, who = peers(net, lambda: [client.ask(CLOSED[family], PLAIN, proto=proto) for _ in range(4)])
    assert who == {CLIENT[family]} and {a.server for a in answers} == {"srv1", "srv2"}
    answers, who = peers(net, lambda: [client.ask(CLOSED[family], ONE_ARM, proto=proto) for _ in range(4)])
    assert who == {GIVEN[family]} and {a.server for a in answers} == {"srv1", "srv2"}


@FAMILIES
def test_the_rest_of_a_closed_address_is_silent(client, closed, family):
    for ip in (CLOSED[family], GIVEN[family]):
        with pytest.raises(socket.timeout):
            client.connect(ip, 2222, timeout=1)
        assert " 1 received" not in client.run("ping", "-n", "-q", "-c", "1", "-W", "0.5", ip, check=False), ip
    own = {4: "10.9.0.1", 6: "fd09::1"}[family]
    assert client.ask(own, 2222).server == "lb"
