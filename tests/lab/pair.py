# SPDX-License-Identifier: GPL-2.0-or-later
"""
A pair on a wire: two nodes and somebody who listens, joined by a bridge, without IPVS. Who holds an address is asked of
the kernel, who is master is heard on the wire.
"""
import collections
import contextlib
import ctypes
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

from conftest import Lbd, Node, run, until

A4, B4, C4 = "10.7.0.1", "10.7.0.2", "10.7.0.3"
VIP4, VIP6 = "10.7.0.100", "fd07::100"
LL6 = "fe80::100"
VRID = 51

Advert = collections.namedtuple("Advert", "time source prio version vrid raw frame")


class Pair:
    """net.a, net.b, net.c and the bridge in net.sw; cards are called eth0."""

    names = ("pa", "pb", "pc", "psw")

    def __init__(self):
        run("ip", "-batch", "-", text="".join(f"netns add {n}\n" for n in self.names))
        self.a, self.b = Node("pa", A4), Node("pb", B4)
        self.c, self.sw = Node("pc", C4), Node("psw")
        # a bridge that learned where multicast listens would forget us: plain flooding
        lines = ["link set lo up", "link add br0 type bridge stp_state 0 mcast_snooping 0", "link set br0 up"]
        lines += ["link add br1 type bridge stp_state 0 mcast_snooping 0", "link set br1 up"]
        self.sw.ip("\n".join(lines))
        for i, n in enumerate((self.a, self.b, self.c), 1):
            n.sysctl("net.ipv6.conf.default.accept_dad", 0)
            n.sysctl("net.ipv6.conf.all.accept_dad", 0)
            self.connect(n, i)
        for i, n in enumerate((self.a, self.b), 1):  # the second path
            n.ip(f"link add eth1 index 50 type veth peer name {n.name}1 netns psw")
            self.sw.ip(f"link set {n.name}1 master br1 up")
            n.ip(f"link set eth1 up\naddr add 10.8.0.{i}/24 dev eth1")

    def connect(self, n, i, index=0):
        """A cable, and the addresses of the node. index: of its card, 0 = as the kernel likes."""
        which = f" index {index}" if index else ""
        n.ip(f"link add eth0{which} type veth peer name {n.name} netns psw")
        self.sw.ip(f"link set {n.name} master br0 up")
        n.ip(f"link set lo up\nlink set eth0 up\naddr add 10.7.0.{i}/24 dev eth0\naddr add fd07::{i}/64 dev eth0 nodad")

    def close(self):
        for n in (self.a, self.b, self.c, self.sw):
            os.close(n.fd)
        run("ip", "-batch", "-", text="".join(f"netns del {n}\n" for n in self.names), check=False)


@pytest.fixture(scope="module")
def pair():
    if os.geteuid() != 0:
        pytest.skip("needs root", allow_module_level=True)
    p = Pair()
    yield p
    p.close()


@pytest.fixture()
def key(tmp_path):
    path = tmp_path / "cluster.key"
    path.write_text("00112233445566778899aabbccddeeff" * 2 + "\n")
    path.chmod(0o640)
    return str(path)


def has(node, ip=VIP4):
    return f" {ip}/" in node.run("ip", "-o", "addr", "show", "dev", "eth0", check=False)


# Of a frame: ARP, VRRP and ICMPv6. What a client and its servers say meanwhile is not worth the time of this program.
LOAD_HALF, LOAD_BYTE, IF_EQUAL, RETURN = 0x28, 0x30, 0x15, 0x06
WORTH = [(LOAD_HALF, 0, 0, 12), (IF_EQUAL, 8, 0, 0x0806), (IF_EQUAL, 0, 2, 0x0800), (LOAD_BYTE, 0, 0, 23), (IF_EQUAL, 5, 4, 112),
         (IF_EQUAL, 0, 3, 0x86dd), (LOAD_BYTE, 0, 0, 20), (IF_EQUAL, 2, 0, 112), (IF_EQUAL, 1, 0, 58), (RETURN, 0, 0, 0),
         (RETURN, 0, 0, 0x40000)]


def only_worth(sock):
    code = b"".join(struct.pack("=HBBI", *op) for op in WORTH)
    keep = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, 26, struct.pack("@HP", len(WORTH), ctypes.addressof(keep)))  # SO_ATTACH_FILTER


class Wire:
    """Every advert that the third node hears, in its order, from the kernel's own packet socket."""

    def __init__(self, node):
        with node:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            only_worth(self.sock)
            self.sock.bind(("eth0", 0))
            # multicast of VRRP reaches a card that did not join it, too
            self.sock.setsockopt(263, 1, struct.pack("iHH8s", socket.if_nametoindex("eth0"), 1, 0, b""))
        self.sock.setsockopt(263, 23, 1)  # PACKET_IGNORE_OUTGOING: not what we say ourselves
        self.sock.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS: when it came, not when we looked
        self.offset = time.monotonic() - time.time()
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE: a flood must not hide an advert
        self.sock.setblocking(False)
        self.adverts, self.garps, self.stopping = [], [], threading.Event()
        self.frames = []  # of announcements, as they are
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        while not self.stopping.is_set():
            select.select([self.sock], [], [], 0.1)
            with contextlib.suppress(BlockingIOError):
                while True:
                    frame, info, _, _ = self.sock.recvmsg(2048, 64)
                    seconds, ns = struct.unpack("qq", info[0][2])
                    self.take(frame, seconds + ns / 1e9 + self.offset)

    def take(self, f, now):
        kind = f[12:14]
        if kind == b"\x08\x06" and len(f) >= 42 and f[28:32] == f[38:42]:
            self.garps.append((now, socket.inet_ntoa(f[28:32]), f[6:12].hex(":")))
            self.frames.append(f)
            return
        if kind == b"\x86\xdd" and f[20] == 58 and f[54:55] == b"\x88":
            self.frames.append(f)
            return
        if kind == b"\x08\x00" and f[23] == 112:
            head = 14 + (f[14] & 15) * 4
            source, m = socket.inet_ntoa(f[26:30]), f[head:14 + struct.unpack(">H", f[16:18])[0]]
        elif kind == b"\x86\xdd" and f[20] == 112:
            source, m = socket.inet_ntop(socket.AF_INET6, f[22:38]), f[54:54 + struct.unpack(">H", f[18:20])[0]]
        else:
            return
        self.adverts.append(Advert(now, source, m[2], m[0] >> 4, m[1], m, f))

    def of(self, source, since=0.0):
        return [a for a in list(self.adverts) if a.source == source and a.time >= since]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(5)
        self.sock.close()


def instance(**keys):
    return {"interface": "eth0", "vrid": VRID, "addresses": [f"{VIP4}/24"], "advert_interval": "100ms", "lease": "3s",
            "announce": {"count": 3, "delay": "1s"}, **keys}


def config(prio, **keys):
    return json.dumps({"vrrp": {"wan": instance(priority=prio, **keys)}, "services": {}}, indent=1) + "\n"


def state(d, name="wan"):
    done = d.call("-j", "vrrp", "list")
    if done.returncode:  # not there yet, or not any more
        return None
    rows = json.loads(done.stdout)["data"]
    return next((r["state"] for r in rows if r["vrrp"] == name), None)


def is_master(d, name="wan", seconds=30):
    until(lambda: state(d, name) == "master", f"{name} is master", seconds)


def is_backup(d, name="wan", seconds=30):
    until(lambda: state(d, name) == "backup", f"{name} is backup", seconds)


def lone(node, yaml, name, supervise=False):
    """A daemon on a node of the pair; it finds no IPVS to speak of, and need not."""
    return Lbd(node, yaml, name=name, user="root", supervise=supervise)


@contextlib.contextmanager
def both(pair, supervise=False, **keys):
    """The better one is master, the other one follows; supervise: whoever of them ends is started again."""
    a, b = (lone(n, config(prio, **keys), name, supervise) for n, prio, name in ((pair.a, 150, "lb-a"), (pair.b, 100, "lb-b")))
    try:
        a.start(ready=False)
        is_master(a)
        b.start(ready=False)
        is_backup(b)
        yield a, b
    finally:
        for d in (b, a):
            d.close()


class Packaged:
    """The packaged keepalived; which: -C the checkers alone, -P VRRP alone."""

    def __init__(self, node, path, which):
        self.dir = tempfile.mkdtemp(prefix="ka-")
        os.chmod(self.dir, 0o755)
        argv = ["keepalived", which, "-n", "-l", "-D", "-f", path, "-p", f"{self.dir}/pid", "-r", f"{self.dir}/vrrp",
                "-c", f"{self.dir}/checkers"]
        self.log = open(f"{self.dir}/log", "wb")
        with node:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        with open(f"{self.dir}/log", encoding="utf-8", errors="replace") as f:
            print(f"--- log of keepalived\n{f.read()}")
        shutil.rmtree(self.dir, ignore_errors=True)

class Keepalived(Packaged):
    def __init__(self, node, text):
        self.node = node
        with tempfile.NamedTemporaryFile("w", prefix="keepalived-", suffix=".conf", encoding="utf-8", delete=False) as f:
            f.write("global_defs {\n  vrrp_version 3\n  vrrp_garp_master_delay 1\n}\n" + text)
        self.conf = f.name
        super().__init__(node, self.conf, "-P")

    def close(self):
        super().close()
        os.unlink(self.conf)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
