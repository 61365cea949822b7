# SPDX-License-Identifier: GPL-2.0-or-later
"""
The kernel's connections, told and taken (lbd/sync/ipvs_tap_io.c), through the program edge_tap_driver: what real traffic
makes the tap say, and what a second kernel (the namespace lb2, with the same services) makes of it.
"""
import collections
import contextlib
import os
import queue
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from conftest import VIPS4, VIPS6, Node, build_dir, kernel_has, run, until
from steps import slowness

TAP, INJECT = 11, 12
GROUP, PORT = "224.0.0.81", 8848
MASQ, TUN, DR, NOOUTPUT, TEMPLATE = 0, 2, 3, 0x80, 0x1000
# The kernel's master keeps a datagram for two seconds at most (ip_vs_sync.c, IPVS_SYNC_FLUSH_TIME)
HELD = 2.0
# persistence last: a template sends clients of its service to one server
SERVICES = """
-A -t 10.9.0.100:80 -s rr
-a -t 10.9.0.100:80 -r 10.8.0.11:8080 -m
-a -t 10.9.0.100:80 -r 10.8.0.12:8080 -m
-A -t 10.9.0.101:8080 -s rr
-a -t 10.9.0.101:8080 -r 10.8.0.11:8080 -g
-a -t 10.9.0.101:8080 -r 10.8.0.12:8080 -g
-A -t 10.9.0.102:8080 -s rr
-a -t 10.9.0.102:8080 -r 10.8.0.11:8080 -i
-a -t 10.9.0.102:8080 -r 10.8.0.12:8080 -i
-A -u 10.9.0.100:53 -s rr
-a -u 10.9.0.100:53 -r 10.8.0.11:5300 -m
-A -t [fd09::100]:80 -s rr
-a -t [fd09::100]:80 -r [fd08::11]:8080 -m
-A -t [fd09::101]:8080 -s rr
-a -t [fd09::101]:8080 -r [fd08::12]:8080 -g
-A -u [fd09::100]:53 -s rr
-a -u [fd09::100]:53 -r [fd08::11]:5300 -m
-A -t 10.9.0.103:80 -s rr -p 90
-a -t 10.9.0.103:80 -r 10.8.0.11:8080 -m
-a -t 10.9.0.103:80 -r 10.8.0.12:8080 -m
"""

Flow = collections.namedtuple("Flow", "protocol kind client virtual dest flags state fwmark timeout")


def flow(text):
    w = text.split()
    return Flow(int(w[0]), w[1], w[2], w[3], w[4], int(w[5], 16), int(w[6]), int(w[7]), int(w[8]))


def text(f):
    return f"{f.protocol} {f.kind} {f.client} {f.virtual} {f.dest} {f.flags:x} {f.state} {f.fwmark} {f.timeout}"


def at(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Tap:
    """edge_tap_driver in a node."""

    def __init__(self, node, tap=TAP, inject=INJECT, ready=True, user=None):
        argv = [os.path.join(build_dir(), "tests/edge/sync/edge_tap_driver"), str(tap), str(inject)]
        if user:
            argv = ["setpriv", "--reuid", user, "--clear-groups", "--inh-caps", "+net_admin,+net_raw", "--ambient-caps",
                    "+net_admin,+net_raw"] + argv
        with node:
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.flows, self.conns, self.others, self.said = [], [], [], queue.Queue()
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()
        if ready:
            self.until("ready")

    def listen(self):
        for line in self.process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "flow":
                self.flows.append((time.monotonic(), flow(rest)))
            elif word == "conn":
                self.conns.append(flow(rest))
            else:
                self.others.append(line.strip())
                self.said.put((word, rest))

    def until(self, word, seconds=60):
        end = time.monotonic() + seconds
        while True:
            try:
                got, rest = self.said.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no `{word}` after {seconds} s; said: {self.others}") from None
            assert got in (word, "room", "lost") or word != "ready", (got, rest)
            if got == word:
                return rest

    def say(self, line):
        self.process.stdin.write(line + "\n")

    def put(self, flows):
        for f in flows:
            self.say("put " + text(f))
        for _ in flows:
            assert self.until("put") == "0"
        return int(self.until("settled"))

    def read(self):
        """Everything in the kernel's table, and how long it took in microseconds."""
        self.conns = []
        self.say("read")
        err, given, refused, took = self.until("conns", 300).split()
        assert (err, refused) == ("0", "0") and int(given) == len(self.conns)
        return self.conns, int(took.partition("=")[2])

    def counts(self):
        self.say("counts")
        return {k: int(v) for k, v in (w.split("=") for w in self.until("counts").split())}

    def last(self):
        """The last record of each flow, by (protocol, kind, client, virtual)."""
        return {f[:4]: f for _, f in list(self.flows)}

    def stop(self):
        if self.process.poll() is None:
            self.say("stop")
            assert self.process.wait(20) == 0, self.others

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def daemons(node):
    """{"master": (device, id), ...}"""
    found = re.findall(r"^(master|backup) sync daemon \(mcast=([^,]+), syncid=(\d+)", node.run("ipvsadm", "-L", "--daemon"),
                       re.M)
    return {role: (device, int(number)) for role, device, number in found}


def devices(node):
    return re.findall(r"^\d+: (lbd-\w+):", node.run("ip", "-o", "link"), re.M)


def listed(node):
    """ipvsadm's list: {(protocol, client, virtual, dest): state}"""
    found = {}
    for line in node.run("ipvsadm", "-Lnc").splitlines()[2:]:
        protocol, _, state, client, virtual, dest = line.split()[:6]
        found[{"TCP": 6, "UDP": 17, "SCTP": 132}[protocol], client, virtual, dest] = state
    return found


def settings(node, threshold="3 0", refresh=10):
    node.sysctl("net.ipv4.vs.sync_threshold", threshold)
    node.sysctl("net.ipv4.vs.sync_refresh_period", refresh)


@pytest.fixture(scope="module")
def lb2(net):
    if not kernel_has("ip_vs"):
        pytest.skip("needs a kernel with IPVS")
    run("ip", "netns", "add", "lb2")
    node = Node("lb2", "10.8.0.9", "fd08::9")
    net.sw.ip("\n".join(f"link add {b[0]}-lb2 type veth peer name {b} netns lb2\nlink set {b[0]}-lb2 master {b} up"
                        for b in ("front", "back")))
    node.sysctl("net.ipv4.conf.all.rp_filter", 0)
    node.sysctl("net.ipv4.conf.default.rp_filter", 0)
    node.sysctl("net.ipv6.conf.default.accept_dad", 0)
    node.ip("""
        link set lo up
        link set front up
        link set back up
        addr add 10.9.0.9/24 dev front
        addr add 10.8.0.9/24 dev back
        addr add fd09::9/64 dev front nodad
        addr add fd08::9/64 dev back nodad
        route add 10.9.1.0/24 dev front""")
    node.sysctl("net.ipv4.ip_forward", 1)
    node.sysctl("net.ipv6.conf.all.forwarding", 1)
    yield node
    os.close(node.fd)
    run("ip", "netns", "del", "lb2")


@pytest.fixture
def two(net, lb, lb2, srv1, srv2):
    """Both with the same services, empty tables, and a tap."""
    for s in (srv1, srv2):
        s.serve(8080)
        s.serve(5300, "udp")
    for node in (lb, lb2):
        node.run("ipvsadm", "-C")
        node.run("ipvsadm", "-R", text=SERVICES)
        settings(node)
    with Tap(lb) as a, Tap(lb2) as b:
        yield a, b
    for node in (lb, lb2):
        node.run("ipvsadm", "-C")
        assert not daemons(node) and not devices(node)
    for s in (srv1, srv2):
        s.close_servers()


ADDRESSES = [(v + "/32", "front") for v in VIPS4] + [(v + "/128", "front") for v in VIPS6] + [
    ("10.8.0.1/24", "back"), ("fd08::1/64", "back"), ("10.9.0.1/24", "front"), ("fd09::1/64", "front")]


def move(net, old, new):
    """All addresses go from one to the other, and nobody remembers where they were."""
    old.run("ip", "-batch", "-", text="".join(f"addr del {a} dev {d}\n" for a, d in ADDRESSES))
    new.run("ip", "-batch", "-", text="".join(f"addr add {a} dev {d}{' nodad' if ':' in a else ''}\n" for a, d in ADDRESSES))
    for node in net.nodes:
        node.run("ip", "neigh", "flush", "all")


@pytest.fixture
def moving(net, lb, lb2):
    yield lambda: move(net, lb, lb2)
    lb2.run("ip", "-force", "-batch", "-", text="".join(f"addr del {a} dev {d}\n" for a, d in ADDRESSES), check=False)
    lb.run("ip", "-force", "-batch", "-", text="".join(
        f"addr replace {a} dev {d}{' nodad' if ':' in a else ''}\n" for a, d in ADDRESSES), check=False)
    lb.run("ip", "route", "replace", "10.9.1.0/24", "dev", "front")  # gone with the last address of the device
    for node in net.nodes:
        node.run("ip", "neigh", "flush", "all")


CASES = [  # what, protocol, virtual, port, dest ports, flags, state
    ("NAT", 6, "10.9.0.100", 80, 8080, MASQ, 1),
    ("DR", 6, "10.9.0.101", 8080, 8080, DR | NOOUTPUT, 1),
    ("TUN", 6, "10.9.0.102", 8080, 8080, TUN | NOOUTPUT, 1),
    ("UDP", 17, "10.9.0.100", 53, 5300, MASQ, 0),
    ("NAT6", 6, "fd09::100", 80, 8080, MASQ, 1),
    ("DR6", 6, "fd09::101", 8080, 8080, DR | NOOUTPUT, 1),
    ("UDP6", 17, "fd09::100", 53, 5300, MASQ, 0),
    ("sticky", 6, "10.9.0.103", 80, 8080, MASQ, 1),
]


def open_all(client, servers):
    """One flow of each case: {case: (connection, key, dest)}"""
    address = {s.name: s for s in servers}
    made = {}
    for what, protocol, virtual, port, back, _, _ in CASES:
        c = client.connect(virtual, port, proto={6: "tcp", 17: "udp"}[protocol])
        s = address[c.ask().server]
        made[what] = c, (protocol, "c", at(*c.local), at(virtual, port)), at(s.ip6 if ":" in virtual else s.ip4, back)
    return made


def seen(a, keys, seconds):
    until(lambda: all(k in a.last() for k in keys), f"the tap tells of {keys}", seconds)
    return a.last()


def test_what_the_tap_says_is_what_the_other_kernel_gets(two, client, lb, lb2, srv1, srv2, moving):
    """Every kind of flow: told exactly, taken exactly, and a client notices nothing when the addresses move."""
    a, b = two
    slow = slowness()
    start = time.monotonic()
    made = open_all(client, (srv1, srv2))
    template = (6, "t", "10.9.0.2", "10.9.0.103:80")
    told = seen(a, [key for _, key, _ in made.values()] + [template], HELD + slow)
    print(f"FIGURES all {len(made)} flows told after {time.monotonic() - start:.2f} s")

    kernel = listed(lb)
    for what, protocol, _, _, _, flags, state in CASES:
        _, key, dest = made[what]
        f = told[key]
        assert (f.dest, f.flags & ~0x20 & ~0x100, f.state, f.fwmark) == (dest, flags, state, 0), (what, f)
        assert f.timeout == {6: 900, 17: 300}[protocol], (what, f)
        assert kernel[protocol, key[2], key[3], dest] == {6: "ESTABLISHED", 17: "UDP"}[protocol], what
    f = told[template]
    assert f.flags & TEMPLATE and f.dest == made["sticky"][2] and 80 <= f.timeout <= 90, f
    counts = a.counts()
    assert counts["tap_lost"] == counts["tap_refused"] == counts["tap_bad"] == counts["tap_foreign"] == 0, counts

    assert b.put(list(told.values())) == 0
    got = {f[:4]: f for f in b.read()[0]}
    for key, f in told.items():
        assert key in got, (key, got)
        assert (got[key].dest, got[key].state) == (f.dest, f.state)
        assert f.timeout - 3 - slow <= got[key].timeout <= f.timeout, (f, got[key])
    rows = lb2.run("ipvsadm", "-Ln")
    assert sum(int(line.split()[4]) for line in rows.splitlines() if line.lstrip().startswith("->")
               and line.split()[4].isdigit()) == sum(1 for c in CASES if c[1] == 6), rows  # bound to their servers

    before = {what: c.server for what, (c, _, _) in made.items()}
    moving()
    moved = time.monotonic()
    for what, (c, _, _) in made.items():
        c.sock.settimeout(20)
        assert c.ask().server == before[what], what
        print(f"FIGURES {what}: answered {time.monotonic() - moved:.2f} s after the move")
    # and who comes anew to the sticky service gets the same server
    assert client.ask("10.9.0.103", 80).server == before["sticky"]
    until(lambda: any(k == made["NAT"][1] for k in b.last()) or time.monotonic() > moved + 30, "the new node tells", 40)
    for c, _, _ in made.values():
        c.close()


def test_without_the_record_the_flow_is_lost(two, client, srv1, srv2, moving):
    """The control of the test above."""
    c = client.connect("10.9.0.100", 80)
    c.ask()
    moving()
    c.sock.settimeout(5)
    with pytest.raises(OSError):
        c.ask()
    c.close()


def test_closing_a_flow(two, client, lb):
    a, _ = two
    c = client.connect("10.9.0.100", 80)
    c.ask()
    key = (6, "c", at(*c.local), "10.9.0.100:80")
    f = seen(a, [key], HELD + slowness())[key]
    a.say("close " + text(f))
    assert a.until("put") == "0" and a.until("settled") == "0"
    until(lambda: (6, key[2], key[3], f.dest) not in listed(lb), "the connection is gone", 4 + slowness())
    c.sock.settimeout(5)
    with pytest.raises(ConnectionResetError):
        c.ask()
    c.close()


@pytest.mark.parametrize("threshold, refresh, n", [("3 50", 0, 1), ("3 50", 10, 2), ("1 0", 0, 3), ("0 1", 0, 4), ("3 0", 10, 5)])
def test_which_settings_show_a_flow_at_once(two, client, lb, threshold, refresh, n):
    """A figure for each; those that are packaged must show every established flow, a datagram and a template."""
    a, _ = two
    settings(lb, threshold, refresh)
    mine = f"10.9.1.{20 + n}"  # the kernel remembers what it said of the template of another client
    client.run("ip", "addr", "add", f"{mine}/24", "dev", "front")
    made = {"bare": client.connect("10.9.0.100", 80, source=mine), "sticky": client.connect("10.9.0.103", 80, source=mine),
            "udp": client.connect("10.9.0.100", 53, proto="udp", source=mine),
            "dr": client.connect("10.9.0.101", 8080, source=mine)}
    made["udp"].sock.send(b"x\n")
    keys = {n: (17 if n == "udp" else 6, "c", at(*c.local), at(*c.sock.getpeername()[:2])) for n, c in made.items()}
    keys["template"] = (6, "t", mine, "10.9.0.103:80")
    time.sleep(HELD + 1.0)
    there = {n: keys[n] in a.last() for n in keys}
    made["bare"].ask()
    time.sleep(HELD + 1.0)
    print(f"FIGURES threshold {threshold} refresh {refresh}: after connect {there}, bare after one exchange "
          f"{keys['bare'] in a.last()}")
    if (threshold, refresh) == ("3 0", 10):
        assert all(there.values()), there
    for c in made.values():
        c.close()
    client.run("ip", "addr", "del", f"{mine}/24", "dev", "front")


def active(node, listen="10.9.0.100:80", dest="10.8.0.11:8080"):
    """Established connections of one server: a number that the kernel has at hand."""
    rows = node.run("ipvsadm", "-Ln", "-t", listen).splitlines()
    return next(int(r.split()[4]) for r in rows if r.split()[:2] == ["->", dest])


def test_many_are_taken_without_loss(two, lb2):
    """20,000 records: all of them are there, whatever the speed of the kernel's thread."""
    _, b = two
    n, before = 20000, active(lb2)
    start = time.monotonic()
    b.say(f"fill {n} 6 c 10.77.0.1:1024 10.9.0.100:80 10.8.0.11:8080 0 1 0 900")
    b.until("filled", 120)
    dropped = int(b.until("settled", 120))
    took = time.monotonic() - start
    assert active(lb2) - before == n  # the kernel's own count of them
    print(f"FIGURES {n} records taken in {took:.2f} s, {dropped} datagrams dropped; {b.counts()}")
    # The kernel goes on by counting from the head of its table: where an older connection ends meanwhile one is passed over.
    found = {}
    for _ in range(4):
        conns, us = b.read()
        found.update({f[:4]: f for f in conns if f.client.startswith("10.77.")})
        print(f"FIGURES read back in {us / 1e6:.2f} s: {len(conns)} lines, {len(found)} of {n} known by now")
        if len(found) == n:
            break
    assert dropped == 0 and len(found) == n
    assert all(f.dest == "10.8.0.11:8080" and f.state == 1 for f in found.values())


def test_a_burst_without_asking_is_lost_in_part(two, lb2):
    """The control: what asking first is for. A figure: on a quick machine nothing may be lost."""
    before = active(lb2)
    payload = b""
    for i in range(40):
        entry = struct.pack("!BBHIHHHHII4s4s4s", 0, 6, 36, 0, 1, 2000 + i, 80, 8080, 0, 900, socket.inet_aton("10.78.0.1"),
                            socket.inet_aton("10.9.0.100"), socket.inet_aton("10.8.0.11"))
        payload += entry
    head = struct.pack("!BBHBbH", 0, INJECT, 8 + len(payload), 40, 1, 0)
    with lb2, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, 36, 0x6c626449)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index(lb2)))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
        for i in range(500):
            s.sendto(head + payload.replace(socket.inet_aton("10.78.0.1"), socket.inet_aton(f"10.78.{i // 250}.{i % 250}")),
                     (GROUP, PORT))
    time.sleep(1)
    print(f"FIGURES unpaced: {active(lb2) - before} of 20000")
    assert active(lb2) - before <= 20000


def index(node, device="lbd-inj"):
    return int(re.search(rf"^(\d+): {device}", node.run("ip", "-o", "link", "show", device), re.M)[1])


PLANT = """
import socket, struct, sys
index, mark = int(sys.argv[1]), int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
if mark:
    s.setsockopt(socket.SOL_SOCKET, 36, mark)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
s.sendto(bytes.fromhex(sys.argv[3]), ("224.0.0.81", 8848))
"""


def record(sync_id, client):
    entry = struct.pack("!BBHIHHHHII4s4s4s", 0, 6, 36, 0, 1, 2000, 80, 8080, 0, 900, socket.inet_aton(client),
                        socket.inet_aton("10.9.0.100"), socket.inet_aton("10.8.0.11"))
    return (struct.pack("!BBHBbH", 0, sync_id, 44, 1, 1, 0) + entry).hex()


def plant(node, device, sync_id, client, mark=0, user="nobody"):
    return as_nobody(node, PLANT, index(node, device), mark, record(sync_id, client), user=user)


# As the kernel's own socket sends: its port, at another address of this host, and its address by IP_PKTINFO.
FORGE = """
import socket, struct, sys
index, port = int(sys.argv[1]), int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", port))
info = struct.pack("=i4s4s", index, socket.inet_aton("169.254.81.1"), bytes(4))
s.sendmsg([bytes.fromhex(sys.argv[3])], [(socket.IPPROTO_IP, 8, info)], 0, ("224.0.0.81", 8848))
"""


def as_nobody(node, script, *argv, user="nobody"):
    with node:
        return subprocess.run(["setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups", "/usr/bin/python3", "-c",
                               script, *map(str, argv)], capture_output=True, text=True, timeout=60, check=False)


def master_port(node):
    """Of the kernel's socket; anybody may read it."""
    udp = node.run("cat", "/proc/net/udp")
    return int(re.search(r": 0151FEA9:([0-9A-F]{4}) 510000E0:2290 ", udp)[1], 16)


def forge(node, device, port, payload):
    """What came of it, and from where it left that device: it is seen there before the sender goes on."""
    with node:
        seen = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        seen.bind((device, 3))
    with seen:
        done = as_nobody(node, FORGE, index(node, device), port, payload)
        seen.setblocking(False)
        found = set()
        try:
            while True:
                p = seen.recv(2000)
                if p[28:] == bytes.fromhex(payload):
                    found.add((socket.inet_ntoa(p[12:16]), struct.unpack("!H", p[20:22])[0]))
        except BlockingIOError:
            return done, found


def test_nobody_else_plants_records(two, lb):
    """Any process may send multicast out of any device: what it sends must reach neither the kernel nor the tap."""
    a, _ = two
    done = plant(lb, "lbd-inj", INJECT, "10.66.0.1")
    print(f"FIGURES nobody sends into lbd-inj: status {done.returncode} {done.stderr.strip()[-80:]}")
    assert plant(lb, "lbd-inj", INJECT, "10.66.0.2", mark=0x6c626449).returncode != 0  # a mark wants CAP_NET_ADMIN
    assert plant(lb, "lbd-inj", INJECT, "10.66.0.3", mark=0x6c626449, user="root").returncode == 0  # the control
    until(lambda: any("10.66.0.3:" in k[1] for k in listed(lb)), "the datagram with the mark arrives", 10)
    assert not any("10.66.0.1:" in k[1] for k in listed(lb))
    for user in ("nobody", "root"):  # who has no right to write frames, or has and asks for a plain socket
        done = plant(lb, "lbd-tap", TAP, "10.66.0.4", user=user)
        assert done.returncode != 0 and "not permitted" in done.stderr, done.stderr
    port = master_port(lb)
    done, found = forge(lb, "lbd-tap", port, record(TAP, "10.66.0.6"))
    assert done.returncode != 0 and "not permitted" in done.stderr and not found, done.stderr
    lb.run("ip", "link", "add", "control", "type", "dummy")  # the control: nothing else is in its way
    lb.run("ip", "link", "set", "control", "up", "multicast", "on")
    done, found = forge(lb, "control", port, record(TAP, "10.66.0.6"))
    lb.run("ip", "link", "del", "control")
    assert done.returncode == 0 and found == {("169.254.81.1", port)}
    assert a.counts()["tap_foreign"] == 0 and not any("10.66.0." in f.client for _, f in a.flows)
    # who loads a ruleset of his own does not open it
    lb.run("nft", "flush", "ruleset")
    assert plant(lb, "lbd-tap", TAP, "10.66.0.4").returncode != 0
    lb.run("tc", "qdisc", "del", "dev", "lbd-inj", "ingress")  # the control: without the guard anybody could
    assert plant(lb, "lbd-inj", INJECT, "10.66.0.5").returncode == 0
    until(lambda: any("10.66.0.5:" in k[1] for k in listed(lb)), "what nobody planted arrives without the guard", 10)


def test_what_a_killed_predecessor_left_is_taken_over(net, lb, lb2, client, srv1):
    srv1.serve(8080)
    lb.run("ipvsadm", "-R", text="-A -t 10.9.0.100:80\n-a -t 10.9.0.100:80 -r 10.8.0.11:8080 -m\n")
    settings(lb)
    try:
        a = Tap(lb)
        before = index(lb), index(lb, "lbd-tap")
        with client.connect("10.9.0.100", 80) as c:
            c.ask()
            a.kill()
            assert daemons(lb) == {"master": ("lbd-tap", TAP), "backup": ("lbd-inj", INJECT)}
            with Tap(lb) as b:
                assert (index(lb), index(lb, "lbd-tap")) == before
                with client.connect("10.9.0.100", 80) as d:
                    seen(b, [(6, "c", at(*d.local), "10.9.0.100:80")], HELD + slowness())
                assert b.put([flow("6 c 10.66.0.9:1 10.9.0.100:80 10.8.0.11:8080 0 1 0 60")]) == 0
                b.say("check")
                assert b.until("check") == "ok"
                b.kill()
            # another id: both are ours and are started again; one whose device somebody removed, too
            with Tap(lb, 21, 22) as b:
                assert daemons(lb) == {"master": ("lbd-tap", 21), "backup": ("lbd-inj", 22)}
                b.kill()
            lb.run("ip", "link", "del", "lbd-inj")
            with Tap(lb, 21, 22) as b:
                assert b.put([flow("6 c 10.66.0.10:1 10.9.0.100:80 10.8.0.11:8080 0 1 0 60")]) == 0
                assert any("10.66.0.10:" in k[1] for k in listed(lb))
        assert not daemons(lb) and not devices(lb)
    finally:
        lb.run("ipvsadm", "-C")
        srv1.close_servers()


def refusal(node):
    t = Tap(node, ready=False)
    said = t.until("error")
    assert t.process.wait(10) == 1
    return said


def test_what_is_somebody_elses_is_named_and_left_alone(lb2):
    lb2.run("ipvsadm", "--start-daemon", "master", "--mcast-interface", "front", "--syncid", "5")
    try:
        said = refusal(lb2)
        assert "master sync daemon of somebody else runs on front with id 5" in said, said
        assert daemons(lb2) == {"master": ("front", 5)}
    finally:
        time.sleep(0.5)
        lb2.run("ipvsadm", "--stop-daemon", "master")
    # nor is it in our predecessor's place: what that left of the other role is in the way of others for nothing
    Tap(lb2).kill()
    lb2.run("ipvsadm", "--stop-daemon", "master")
    lb2.run("ipvsadm", "--start-daemon", "master", "--mcast-interface", "front", "--syncid", "5")
    try:
        assert "master sync daemon of somebody else runs on front with id 5" in refusal(lb2)
        assert daemons(lb2) == {"master": ("front", 5)}
    finally:
        time.sleep(0.5)
        lb2.run("ipvsadm", "--stop-daemon", "master")
    # one that does not speak is as much in the way: ours of the other role does not stay behind
    lb2.run("ipvsadm", "--start-daemon", "backup", "--mcast-interface", "front", "--syncid", "5")
    try:
        said = refusal(lb2)
        assert "backup sync daemon of somebody else runs on front with id 5" in said, said
        assert daemons(lb2) == {"backup": ("front", 5)}
    finally:
        time.sleep(0.5)
        lb2.run("ipvsadm", "--stop-daemon", "backup")
    for d in devices(lb2):
        lb2.run("ip", "link", "del", d)
    lb2.run("ip", "link", "add", "lbd-tap", "type", "bridge")
    try:
        said = refusal(lb2)
        assert "interface lbd-tap is there and is not ours" in said and "bridge" in said, said
    finally:
        lb2.run("ip", "link", "del", "lbd-tap")


def test_as_the_user_that_it_will_run_as(lb2):
    """NET_ADMIN and NET_RAW are enough, and a predecessor of another user is replaced."""
    first = Tap(lb2)
    first.kill()
    with Tap(lb2, user="nobody") as t:
        t.say("check")
        assert t.until("check") == "ok"
        assert t.put([flow("6 c 10.66.0.9:1 10.9.0.100:80 10.8.0.11:8080 0 1 0 60")]) == 0
    assert not daemons(lb2) and not devices(lb2)


def test_a_device_that_is_removed_is_told(lb2):
    t = Tap(lb2)
    with contextlib.suppress(AssertionError):
        lb2.run("ip", "link", "del", "lbd-tap")
    assert "lbd-tap" in t.until("broken", 10)
    t.process.send_signal(signal.SIGKILL)
    t.process.wait()
    with Tap(lb2) as t:
        t.say("check")
        assert t.until("check") == "ok"
