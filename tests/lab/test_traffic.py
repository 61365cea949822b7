# SPDX-License-Identifier: GPL-2.0-or-later
"""
Packets through every way to forward. One daemon holds all services, each on a port of its own; what is checked is what
the backend saw and what the client received.
"""
import collections
import re

import pytest

from conftest import GUE_PORT, kernel_has, until

VIP4, VIP6 = "10.9.0.100", "fd09::100"
OTHERS4 = ["10.9.0.101", "10.9.0.102"]
SERVERS = {4: ["10.8.0.11", "10.8.0.12", "10.8.0.13"], 6: ["fd08::11", "fd08::12", "fd08::13"]}
VIP = {4: VIP4, 6: VIP6}
CLIENT = {4: "10.9.0.2", 6: "fd09::2"}

# name -> (port, keys of the service)
MODES = {
    "nat": (1000, "mode: nat"),
    "dr": (1001, "mode: dr"),
    "tun-ipip": (1002, "mode: tun"),
    "tun-gue": (1003, f"mode: tun, tunnel: {{ type: gue, port: {GUE_PORT} }}"),
    "tun-gre": (1004, "mode: tun, tunnel: gre"),
}
NAT_PORT = 8080  # where the backends of nat services listen

SCTP, DR_MARK, TUN_MARK, NAT_MARK = 1100, 77, 78, 79
SYSLOG, STICKY, STICKY_NET, WEIGHTS, MANY, LIMITED, MIXED, EVERY = 1201, 1202, 1203, 1204, 1205, 1206, 1207, "10.9.0.103"


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def pool(family, port=None, n=3, **extra):
    rows = []
    for i in range(n):
        address = SERVERS[family][i]
        keys = [f'address: "{endpoint(address, port) if port else address}"'] + [f"{k}: {v[i]}" for k, v in extra.items()]
        rows.append(f"s{i + 1}: {{ {', '.join(keys)} }}")
    return "backends: { " + ", ".join(rows) + " }"


def configuration():
    lines = ["defaults: { service: { check: none, scheduler: rr } }", "services:"]

    def service(name, *keys):
        lines.append(f"  {name}: {{ {', '.join(keys)} }}")

    for name, (port, keys) in MODES.items():
        for family in (4, 6):
            backends = pool(family, NAT_PORT if name == "nat" else None)
            service(f"{name}-{family}", f'listen: "{endpoint(VIP[family], port)}"', "protocol: [tcp, udp]", keys, backends)
    for family in (4, 6):
        service(f"sctp-{family}", f'listen: "{endpoint(VIP[family], SCTP)}"', "protocol: sctp", pool(family))
        kind = f"family: ipv{family}"
        service(f"mark-dr-{family}", f"fwmark: {DR_MARK}", kind, "mode: dr", pool(family))
        service(f"mark-tun-{family}", f"fwmark: {TUN_MARK}", kind, "mode: tun", pool(family))
        service(f"mark-nat-{family}", f"fwmark: {NAT_MARK}", kind, pool(family, NAT_PORT))
        service(f"sticky-{family}", f'listen: "{endpoint(VIP[family], STICKY)}"', "persistence: 5m", pool(family, NAT_PORT))
        service(f"sticky-net-{family}", f'listen: "{endpoint(VIP[family], STICKY_NET)}"',
                "persistence: { timeout: 5m, mask4: 24, mask6: 64 }", pool(family, NAT_PORT))
    for port, keys in ((SYSLOG, "one_packet: true"), (SYSLOG + 1000, "one_packet: false")):
        service(f"dr-{port}", f'listen: "{VIP4}:{port}"', "protocol: udp", keys, "mode: dr", pool(4))
        service(f"nat-{port}", f'listen: "{OTHERS4[0]}:{port}"', "protocol: udp", keys, pool(4, SYSLOG))
    service("weights", f'listen: "{VIP4}:{WEIGHTS}"', "scheduler: wrr", pool(4, NAT_PORT, weight=[3, 2, 1]))
    service("weight-none", f'listen: "{VIP4}:{WEIGHTS + 1000}"', "scheduler: wrr", pool(4, NAT_PORT, weight=[1, 0, 1]))
    service("many", "listen: [ " + ", ".join(f'"{a}:{MANY}"' for a in [VIP4] + OTHERS4) + f', "{VIP4}:{MANY + 1000}" ]',
            pool(4, NAT_PORT))
    service("limited", f'listen: "{VIP4}:{LIMITED}"', pool(4, NAT_PORT, n=2, max_connections=[3, 5], resume_below=[2, 3]))
    service("every-port", f"listen: {EVERY}", "protocol: tcp", "persistence: 5m", pool(4))
    service("mixed", f'listen: "{VIP4}:{MIXED}"', "backends: { s1: { address: 10.8.0.11, mode: dr }, "
            "s2: { address: 10.8.0.12, mode: tun }, "
            f's3: {{ address: "10.8.0.13:{NAT_PORT}", mode: nat }} }}')
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def daemon(lbd, net):
    d = lbd(configuration())
    ports = [NAT_PORT, MIXED, STICKY, 7001, 7002, 7003] + [port for name, (port, _) in MODES.items() if name != "nat"]
    for s in net.servers:
        for port in ports:
            s.serve(port)
            s.serve(port, "udp")
        s.serve(SYSLOG, "udp")
        s.serve(SYSLOG + 1000, "udp")
    return d


def asks(client, n, *args, **options):
    return [client.ask(*args, **options) for _ in range(n)]


def per_server(answers):
    return dict(collections.Counter(a.server for a in answers))


ALL_ONCE = {"srv1": 1, "srv2": 1, "srv3": 1}


def check_seen(answers, family, name, port):
    """The client is seen as itself in every mode, the virtual address only where nothing is translated."""
    for a in answers:
        assert a.peer == CLIENT[family]
        if name == "nat":
            own = SERVERS[family][int(a.server[-1]) - 1]
            assert (a.local, a.local_port) == (own, NAT_PORT)
        else:
            assert (a.local, a.local_port) == (VIP[family], port)


@pytest.mark.parametrize("proto", ["tcp", "udp"])
@pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("name", MODES)
def test_mode(name, family, proto, daemon, client, net):
    port, _ = MODES[name]
    before = [len(s.requests()) for s in net.servers]
    answers = asks(client, 3, VIP[family], port, proto=proto)
    assert per_server(answers) == ALL_ONCE
    check_seen(answers, family, name, port)
    # the backends' own books: one request each, and by this protocol
    for s, n in zip(net.servers, before):
        assert len(s.requests()) == n + 1
        last = max(s.requests(), key=lambda r: r.time)
        assert (last.proto, last.peer) == (proto, CLIENT[family])


@pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])
def test_sctp(family, daemon, client, net):
    if not kernel_has("sctp"):
        pytest.skip("this kernel has no SCTP")
    listeners = [s.serve(SCTP, "sctp", ip=SERVERS[family][i]) for i, s in enumerate(net.servers)]
    # bound to one address, so that an association has a single path
    answers = asks(client, 3, VIP[family], SCTP, proto="sctp", source=CLIENT[family])
    assert per_server(answers) == ALL_ONCE
    for a in answers:
        assert a.peer == CLIENT[family]
        assert a.local == SERVERS[family][int(a.server[-1]) - 1]
    for s in listeners:
        s.close()


@pytest.fixture(scope="module")
def marks(net):
    """The firewall decides: ports 7001 to 7003 of the virtual address .104 are marked; the service knows neither."""
    rules = ["add table inet lab", "add chain inet lab pre { type filter hook prerouting priority mangle; }"]
    for port, mark in ((7001, DR_MARK), (7002, TUN_MARK), (7003, NAT_MARK)):
        for what in ("ip daddr 10.9.0.104", "ip6 daddr fd09::104"):
            rules.append(f"add rule inet lab pre {what} tcp dport {port} meta mark set {mark}")
    net.lb.run("nft", "-f", "-", text="\n".join(rules) + "\n")
    yield
    net.lb.run("nft", "delete table inet lab")


@pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("name,port", [("dr", 7001), ("tun", 7002), ("nat", 7003)])
def test_fwmark(name, port, family, daemon, marks, client):
    vip = {4: "10.9.0.104", 6: "fd09::104"}[family]
    answers = asks(client, 3, vip, port)
    assert per_server(answers) == ALL_ONCE
    for a in answers:
        own = SERVERS[family][int(a.server[-1]) - 1]
        assert (a.peer, a.local, a.local_port) == (CLIENT[family],) + ((own, NAT_PORT) if name == "nat" else (vip, port))
    # without the mark it is nobody's
    with pytest.raises(ConnectionRefusedError):
        client.ask(vip, 7009)


def test_one_packet(daemon, client):
    """Datagrams of one socket go to all backends in turn; without one_packet they stay with the first."""
    with client.connect(VIP4, SYSLOG, proto="udp") as c:
        assert per_server([c.ask() for _ in range(9)]) == {"srv1": 3, "srv2": 3, "srv3": 3}
    with client.connect(VIP4, SYSLOG + 1000, proto="udp") as c:
        assert len(per_server([c.ask() for _ in range(9)])) == 1


def test_one_packet_nat(daemon, client, net):
    """One way only: the kernel keeps nothing by which it could give an answer the virtual address again."""
    with client.connect(OTHERS4[0], SYSLOG, proto="udp") as c:
        for i in range(9):
            c.sock.send(b"one-way %d" % i)

        def got():
            return [r for s in net.servers for r in s.requests() if r.data.startswith(b"one-way")]
        until(lambda: len(got()) == 9, "nine datagrams")
        assert collections.Counter(r.server for r in got()) == {"srv1": 3, "srv2": 3, "srv3": 3}
        assert {r.peer for r in got()} == {CLIENT[4]}
    with client.connect(OTHERS4[0], SYSLOG + 1000, proto="udp") as c:
        assert len(per_server([c.ask() for _ in range(9)])) == 1


@pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])
def test_persistence(family, daemon, client):
    """A client stays where it was; with a mask its neighbours come along, and a stranger does not."""
    me, neighbour, stranger = {4: ("10.9.0.2", "10.9.0.3", "10.9.1.2"), 6: ("fd09::2", "fd09::3", "fd09:1::2")}[family]

    def of(source, port):
        [server] = per_server(asks(client, 4, VIP[family], port, source=source))
        return server

    # round robin: who is not remembered gets the next one
    assert len({of(source, STICKY) for source in (me, neighbour, stranger)}) == 3
    first = of(me, STICKY_NET)
    assert of(neighbour, STICKY_NET) == first
    assert of(stranger, STICKY_NET) != first
    assert of(me, STICKY_NET) == first


def test_weights(daemon, client):
    """wrr is exact: 60 connections are 30, 20 and 10. A backend of weight 0 gets none."""
    assert per_server(asks(client, 60, VIP4, WEIGHTS)) == {"srv1": 30, "srv2": 20, "srv3": 10}
    assert per_server(asks(client, 6, VIP4, WEIGHTS + 1000)) == {"srv1": 3, "srv3": 3}


def test_several_listeners(daemon, client):
    for address, port in [(VIP4, MANY), (OTHERS4[0], MANY), (OTHERS4[1], MANY), (VIP4, MANY + 1000)]:
        assert per_server(asks(client, 3, address, port)) == ALL_ONCE, (address, port)
    with pytest.raises(ConnectionRefusedError):
        client.ask(OTHERS4[0], MANY + 1000)


def test_every_port(daemon, client):
    """A listener without port: any port of the address, unchanged at the backend, and one client one backend."""
    answers = [client.ask(EVERY, port) for port in (7001, 7002, 7003)]
    assert len(per_server(answers)) == 1
    assert [a.local_port for a in answers] == [7001, 7002, 7003]
    assert {a.peer for a in answers} == {CLIENT[4]}
    others = [client.ask(EVERY, port, source="10.9.0.3") for port in (7003, 7001)]
    assert len(per_server(others)) == 1
    assert others[0].server != answers[0].server


def test_mode_of_a_backend(daemon, client):
    answers = asks(client, 3, VIP4, MIXED)
    assert {a.server: (a.local, a.local_port) for a in answers} == {
        "srv1": (VIP4, MIXED), "srv2": (VIP4, MIXED), "srv3": ("10.8.0.13", NAT_PORT)}


def test_thresholds(daemon, client, srv1, srv2):
    """Full backends get no more; a client finds nobody; what closes makes room below resume_below."""
    def counts():
        return {s.name: sum(x.open for x in s.servers) for s in (srv1, srv2)}
    until(lambda: counts() == {"srv1": 0, "srv2": 0}, "connections of other tests are gone")
    conns = []
    try:
        for _ in range(8):
            conns.append(client.connect(VIP4, LIMITED))
            conns[-1].ask()
        assert counts() == {"srv1": 3, "srv2": 5}
        with pytest.raises(OSError):
            client.ask(VIP4, LIMITED, timeout=1.0)
        assert counts() == {"srv1": 3, "srv2": 5}
        # reset, so that nothing lingers in the table: 10 s in state CLOSE
        for c in [c for c in conns if c.server == "srv1"][:2]:
            conns.remove(c)
            c.close(reset=True)

        def free():
            try:
                return client.ask(VIP4, LIMITED, timeout=1.0).server
            except OSError:
                return None
        assert until(free, "room at srv1 again", seconds=40) == "srv1"
        assert counts()["srv2"] == 5
    finally:
        for c in conns:
            c.close(reset=True)




@pytest.mark.parametrize("ours,theirs", [(["list"], []), (["stats"], ["--stats"])], ids=["list", "stats"])
def test_counters_equal_ipvsadm(ours, theirs, daemon, lb):
    """With traffic behind it, byte for byte; counters of the kernel move on for a while, so until both stand still."""
    def equal():
        a = lb.run("ipvsadm", "-Ln", *theirs)
        b = daemon.text("service", *ours, "-o", "ipvsadm")
        return a == b and a
    text = until(equal, f"lbctl service {ours[0]} -o ipvsadm is what ipvsadm prints")
    # and there was something to print: the 60 connections of test_weights
    row = re.search(rf"TCP  {re.escape(VIP4)}:{WEIGHTS}\b.*\n((?:  ->.*\n)*)", text)
    assert row and "10.8.0.11:8080" in row.group(1)
    if theirs:
        assert re.search(rf"TCP  {re.escape(VIP4)}:{WEIGHTS} +60 ", text), text


def samples(text, name):
    """[(labels, value)] of one metric."""
    found = re.findall(rf"^{name}\{{(.*)\}} (\S+)$", text, re.M)
    return [(dict(re.findall(r'([a-z_]+)="([^"]*)"', labels)), float(value)) for labels, value in found]


def counted(lb):
    """{(listener, backend): (connections, packets in, out, bytes in, out)} of ipvsadm without firewall marks, backend None:
    of the service."""
    found, listen = {}, None
    for line in lb.run("ipvsadm", "-Ln", "--stats", "--exact").splitlines()[3:]:
        words = line.split()
        if words[0] != "->":
            listen = None if words[0] == "FWM" else f"{words[1]}/{words[0].lower()}"
        if listen:
            found[listen, words[1] if words[0] == "->" else None] = tuple(map(int, words[2:7]))
    return found


def test_metrics_equal_ipvsadm(daemon, lb):
    """What Prometheus gets of each listener and backend is what the kernel counts; until both stand still."""
    names = ["connections", "incoming_packets", "outgoing_packets", "incoming_bytes", "outgoing_bytes"]

    def told():
        text, found = daemon.text("metrics"), {}
        info = {(row["service"], row["backend"]): row for row, _ in samples(text, "lbd_backend_info")}
        for kind in ("service", "backend"):
            for name in names:
                for row, value in samples(text, f"lbd_{kind}_{name}_total"):
                    if row["listen"].startswith("fwmark"):
                        continue
                    at, _, protocol = row["listen"].partition("/")
                    port = (re.search(r"(?:^[^:]+|\]):(\d+)$", at) or [None, ""])[1]
                    real = None
                    if kind == "backend":
                        there = info[row["service"], row["backend"]]
                        real = f"[{there['address']}]" if ":" in there["address"] else there["address"]
                        real += f":{there['port'] or port or 0}"
                    key = f"{at}{'' if port else ':0'}/{protocol}", real
                    found.setdefault(key, []).append(int(value))
        return {key: tuple(values) for key, values in found.items()}

    last = {}

    def equal():
        theirs, ours = counted(lb), told()
        last.clear()
        last.update({key: (theirs.get(key), ours.get(key)) for key in theirs.keys() | ours.keys()
                     if theirs.get(key) != ours.get(key)})
        return not last and ours
    try:
        found = until(equal, "the metrics are what ipvsadm prints")
    except AssertionError as e:
        raise AssertionError(f"ipvsadm and the metrics differ: {last}") from e
    assert found[f"{VIP4}:{WEIGHTS}/tcp", None][0] == 60 and len(found) > 10
