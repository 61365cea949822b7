# SPDX-License-Identifier: GPL-2.0-or-later
"""
A pair with IPVS, a client and two servers; and connections that stay open and go on talking. Which server answered is in
the answer, so a connection that came to another one is seen.

    client -- front -- lb-a -- back -- srv1, srv2
                    \\- lb-b -/
"""
import os
import selectors
import socket
import threading
import time

from conftest import Node, has_ipvs, run, until

FRONT, BACK, LINK = "10.7.0", "10.1.0", "10.8.0"
VIP4, GW4 = f"{FRONT}.100", f"{BACK}.254"
VIP6, GW6 = "fd07::100", "fd01::254"
PORTS = {"nat": 1000, "dr": 1001, "tun": 1002}
STICKY = 1003
HIDDEN = 1004  # NAT, and the servers see the pair's address in place of the client's
NAT_PORT = 8080
MANY = [f"{FRONT}.{i}" for i in range(33, 41)]  # more addresses of the client
MANY6 = [f"fd07::{i:x}" for i in range(0x33, 0x3b)]


class Farm:
    """Namespaces fc, fa, fb, fs1, fs2 and the bridges in fsw. Cards: eth0 front, eth1 back, eth2 between the nodes.
    tracked: the nodes' IPVS asks connection tracking, as source_nat wants it."""

    names = ("fc", "fa", "fb", "fs1", "fs2", "fsw")

    def __init__(self, tracked=False):
        self.tracked = tracked
        run("ip", "-batch", "-", text="".join(f"netns add {n}\n" for n in self.names))
        self.sw = Node("fsw")
        self.sw.ip("link set lo up\n" + "\n".join(
            f"link add name {b} type bridge stp_state 0 mcast_snooping 0\nlink set {b} up" for b in ("front", "back", "mid")))
        self.client = self.plug("fc", {"eth0": ("front", 9)})
        self.client.ip("\n".join(f"addr add {a}/24 dev eth0" for a in MANY))
        self.client.ip("\n".join(f"addr add {a}/64 dev eth0 nodad preferred_lft 0" for a in MANY6))
        self.a = self.node("fa", 1)
        self.b = self.node("fb", 2)
        self.servers = [self.server("fs1", 11), self.server("fs2", 12)]

    def plug(self, name, cards):
        n = Node(name, f"{FRONT}.9")
        n.sysctl("net.ipv6.conf.default.accept_dad", 0)
        n.sysctl("net.ipv6.conf.all.accept_dad", 0)
        n.ip("link set lo up")
        net = {"front": (FRONT, "fd07"), "back": (BACK, "fd01"), "mid": (LINK, "fd08")}
        for card, (bridge, i) in cards.items():
            v4, v6 = net[bridge]
            n.ip(f"link add {card} type veth peer name {name}{bridge[0]} netns fsw")
            self.sw.ip(f"link set {name}{bridge[0]} master {bridge} up")
            n.ip(f"link set {card} up\naddr add {v4}.{i}/24 dev {card}\naddr add {v6}::{i}/64 dev {card} nodad")
        return n

    def node(self, name, i):
        n = self.plug(name, {"eth0": ("front", i), "eth1": ("back", i), "eth2": ("mid", i)})
        for key, value in (("net.ipv4.ip_forward", 1), ("net.ipv6.conf.all.forwarding", 1),
                           ("net.ipv4.vs.sync_threshold", "3 0"), ("net.ipv4.vs.sync_refresh_period", 10),
                           *([("net.ipv4.vs.conntrack", 1)] if self.tracked else [])):
            try:
                n.sysctl(key, value)
            except OSError as e:
                print(f"{key}: {e}")
        for card in ("all", "eth0", "eth1"):
            n.sysctl(f"net.ipv4.conf.{card}.rp_filter", 0)
            n.sysctl(f"net.ipv4.conf.{card}.send_redirects", 0)
        return n

    def server(self, name, i):
        n = self.plug(name, {"eth1": ("back", i), "eth0": ("front", i)})
        for key in ("all", "eth0", "eth1"):
            n.sysctl(f"net.ipv4.conf.{key}.arp_ignore", 1)
            n.sysctl(f"net.ipv4.conf.{key}.arp_announce", 2)
            n.sysctl(f"net.ipv4.conf.{key}.rp_filter", 0)
        # what came through NAT goes back through the balancer, what is answered as the virtual address goes straight
        n.ip(f"""rule add from {BACK}.{i} table 7
            route add {FRONT}.9/32 via {GW4} dev eth1 table 7
            addr add {VIP4}/32 dev lo
            addr add {VIP6}/128 dev lo nodad""")
        if has_ipvs():  # what has none often has no tunnels either
            n.ip(f"""link add ipip7 type ipip local {BACK}.{i}
                link set ipip7 up
                link add ip6tnl7 type ip6tnl mode any local fd01::{i}
                link set ip6tnl7 up""")
            n.sysctl("net.ipv4.conf.ipip7.rp_filter", 0)
        n.ip(f"route add {FRONT}.32/27 via {GW4} dev eth1 table 7")
        n.run("ip", "-6", "-batch", "-", text=f"rule add from fd01::{i} table 7\n"
              f"route add fd07::9/128 via {GW6} dev eth1 table 7\n")
        return n

    def reboot(self, which):
        """The node comes back with an empty kernel."""
        old = getattr(self, which)
        os.close(old.fd)
        name, i = old.name, 1 if which == "a" else 2
        run("ip", "netns", "del", name)
        until(lambda: f"{name}f" not in self.sw.run("ip", "-br", "link"), "its cables have gone")
        run("ip", "netns", "add", name)
        setattr(self, which, self.node(name, i))

    def cut(self, which, up=False):
        node = getattr(self, which)
        for bridge in "fbm":
            self.sw.ip(f"link set {node.name}{bridge} {'up' if up else 'down'}")

    def close(self):
        for n in (self.client, self.a, self.b, self.sw, *self.servers):
            os.close(n.fd)
        run("ip", "-batch", "-", text="".join(f"netns del {n}\n" for n in self.names), check=False)


class Echo:
    """Servers of all ports: each line comes back with the name of the server in front."""

    def __init__(self, nodes, ports, limit=8192):
        self.sel, self.over, self.lock = selectors.DefaultSelector(), False, threading.Lock()
        self.seen = {}
        for n in nodes:
            with n:
                for port in ports:
                    s = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=limit)
                    s.setblocking(False)
                    self.sel.register(s, selectors.EVENT_READ, (self.accept, n.name))
                    u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
                    u.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
                    u.bind(("::", port))
                    u.setblocking(False)
                    self.sel.register(u, selectors.EVENT_READ, (self.datagram, n.name))
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.over:
            for key, _ in self.sel.select(0.1):
                fn, name = key.data
                fn(key.fileobj, name)

    def accept(self, sock, name):
        try:
            conn, _ = sock.accept()
        except OSError:
            return
        conn.setblocking(False)
        self.sel.register(conn, selectors.EVENT_READ, (self.line, name))

    def line(self, conn, name):
        try:
            data = conn.recv(4096)
            if data:
                conn.send(b"".join(name.encode() + b" " + one + b"\n" for one in data.split(b"\n") if one))
                return
        except OSError:
            pass
        self.sel.unregister(conn)
        conn.close()

    def datagram(self, sock, name):
        try:
            data, info, _, peer = sock.recvmsg(2048, 256)
            # from the address that was asked, by whichever card leads there
            sock.sendmsg([name.encode() + b" " + data], [(i[0], 50, i[2][:16] + bytes(4)) for i in info if i[1] == 50], 0, peer)
        except OSError:
            pass

    def close(self):
        self.over = True
        self.thread.join(5)
        for key in list(self.sel.get_map().values()):
            key.fileobj.close()
        self.sel.close()


class Flows:
    """Connections of the client, from wherever the route says or from each of the sources in turn. talk() makes each of
    them say something and wait for the answer."""

    def __init__(self, node, address, port, n, sources=None):
        self.port, self.socks, self.server, self.turn = port, [], [], 0
        with node:
            for i in range(n):
                source = sources[i % len(sources)] if sources else None
                s = socket.create_connection((address, port), timeout=20, source_address=source)
                self.socks.append(s)
        self.server = [None] * n
        self.first = self.talk(20)
        assert not self.first, self.first

    def talk(self, seconds):
        """What is lost: [(number, why)]."""
        self.turn += 1
        lost, waiting = {}, {}
        sel = selectors.DefaultSelector()
        for i, s in enumerate(self.socks):
            s.setblocking(False)
            word = f"{i}.{self.turn}\n".encode()
            try:
                s.send(word)
            except OSError as e:
                lost[i] = str(e)
                continue
            waiting[i] = (word, b"")
            sel.register(s, selectors.EVENT_READ, i)
        end = time.monotonic() + seconds
        while waiting and time.monotonic() < end:
            for key, _ in sel.select(0.2):
                i = key.data
                try:
                    data = key.fileobj.recv(4096)
                except OSError as e:
                    data, lost[i] = b"", str(e)
                word, got = waiting[i]
                got += data
                waiting[i] = (word, got)
                if data and not got.endswith(b"\n"):
                    continue
                sel.unregister(key.fileobj)
                del waiting[i]
                name, _, rest = got.partition(b" ")
                if not data:
                    lost.setdefault(i, "closed")
                elif rest != word:
                    lost[i] = f"said {got!r}"
                elif self.server[i] not in (None, name):
                    lost[i] = f"{name!r} answered instead of {self.server[i]!r}"
                else:
                    self.server[i] = name
        lost.update({i: "no answer" for i in waiting})
        sel.close()
        return sorted(lost.items())

    def close(self):
        for s in self.socks:
            s.close()


class Datagrams:
    """Clients that say a word in a datagram, and again until there is an answer."""

    def __init__(self, node, address, port, n):
        with node:
            self.socks = [socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
                          for _ in range(n)]
            for s in self.socks:
                s.connect((address, port))
                s.settimeout(0.5)
        self.turn = 0

    def ask(self, seconds=20):
        """Who answered each: [name or None]. Each turn in another order: else round robin alone would repeat itself."""
        self.turn += 1
        n = len(self.socks)
        order = list(range(n)) if self.turn % 2 else [*range(0, n, 2), *range(1, n, 2)]
        end = time.monotonic() + seconds
        found = {i: self.one(self.socks[i], f"{i}.{self.turn}".encode(), end) for i in order}
        return [found[i] for i in range(n)]

    def one(self, s, word, end):
        while time.monotonic() < end:
            try:
                s.send(word)
                name, _, rest = s.recv(2048).partition(b" ")
                while rest != word:  # of an earlier turn
                    name, _, rest = s.recv(2048).partition(b" ")
                return name.decode()
            except OSError:
                continue
        return None

    def close(self):
        for s in self.socks:
            s.close()


def who(node, address, port, source):
    """Which server answers a new connection from that address."""
    with node, socket.create_connection((address, port), timeout=20, source_address=(source, 0)) as s:
        s.sendall(b"who\n")
        return s.makefile("rb").readline().split()[0].decode()


def entries(node):
    """What the node's IPVS has: [(protocol, client, its port)]; a template has port 0."""
    with node, open("/proc/thread-self/net/ip_vs_conn", encoding="ascii") as f:
        return [(w[0], w[1], int(w[2], 16)) for w in (line.split() for line in list(f)[1:])]


def conns(node):
    """How many connections the node's IPVS has: {state: number}."""
    found = {}
    with node, open("/proc/thread-self/net/ip_vs_conn", encoding="ascii") as f:
        for line in list(f)[1:]:
            state = line.split()[7]
            found[state] = found.get(state, 0) + 1
    return found
