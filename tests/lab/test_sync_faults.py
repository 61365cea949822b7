# SPDX-License-Identifier: GPL-2.0-or-later
"""
Flows are copied while something breaks: over a bad way, with a process that is killed or stands still in the middle of it,
and with somebody on every wire who would like to add some. What converges is read from the other kernel.
"""
import contextlib
import json
import os
import re
import signal
import socket
import struct
import time

import pytest

from conftest import Lbd, kernel_has, run, until
from fake_peer import Sniffer
from flows import LINK, PORTS, VIP4, entries
from pair import Wire, is_backup, is_master, state
from steps import slowness
from test_sync import configuration, farm, in_sync, key, pair_of, sync_row  # noqa: F401 fixtures
from test_vrrp import workers
from witness import gaps

N = 3000
RATE = 1000  # flows a second: so a bulk has a middle
DOWN = 3 * 0.2 + (256 - 100) / 256 * 0.2  # s until the other node would be master
CLUSTER = 7
IDS = CLUSTER % 255 + 1, (CLUSTER + 1) % 255 + 1  # those of the two daemons in the kernel
MARK = 0x6c626449
PAGE = os.sysconf("SC_PAGE_SIZE")


def open_flows(node, n, net):
    """A datagram each from n clients that nobody has: net.x.y."""
    to = socket.inet_aton(VIP4)
    with node, socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        for i in range(n):
            udp = struct.pack(">HHHH2s", 2000 + i % 1000, PORTS["nat"], 10, 0, b"x\n")
            head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 17, 0, bytes([*net, i // 1000, 7]), to)
            s.sendto(head + udp, (VIP4, 0))


def has(node, net):
    """How many flows of such clients its kernel has."""
    return sum(e[1].startswith("".join(f"{x:02X}" for x in net)) for e in entries(node))


def rss(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * PAGE


def slow(key):
    return json.dumps({**json.loads(configuration(key)), "sync": {"rate_limit": f"{RATE}/s"}}) + "\n"


@contextlib.contextmanager
def bad_way(farm):
    """Between the nodes, in both directions; and only small packets fit."""
    for n in (farm.a, farm.b):
        n.ip("link set eth2 mtu 600 gso_max_segs 1")
        n.run("tc", "qdisc", "add", "dev", "eth2", "root", "netem", "delay", "3ms", "3ms", "loss", "3%", "duplicate", "5%",
              "reorder", "75%")
    yield
    for n in (farm.a, farm.b):
        n.run("tc", "qdisc", "del", "dev", "eth2", "root")
        n.ip("link set eth2 mtu 1500 gso_max_segs 65535")


def datagram(sync_id, client):
    """One record as the kernel sends it: a connection of NAT."""
    entry = struct.pack(">BBHIHHHHII4s4s4s", 0, 6, 36, 0, 1, 2000, PORTS["nat"], 8080, 0, 900, socket.inet_aton(client),
                        socket.inet_aton(VIP4), socket.inet_aton("10.1.0.11"))
    return struct.pack(">BBHBbH", 0, sync_id, 44, 1, 1, 0) + entry


def forge(node, card, mac, to, payload):
    """Straight onto the wire, from an address of our choice."""
    udp = struct.pack(">HHHH", 8848, 8848, 8 + len(payload), 0) + payload
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton("169.254.81.1"),
                       socket.inet_aton(to))
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xffff) + (total >> 16)
    total = 0xffff - ((total & 0xffff) + (total >> 16))
    frame = bytes.fromhex(mac.replace(":", "")) + b"\x02\0\0\0\0\x66" + b"\x08\x00" + head[:10] + struct.pack(">H", total) + head[12:] + udp
    with node, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((card, 0))
        s.send(frame)


def mac_of(node, card):
    return re.search(r"link/ether (\S+)", node.run("ip", "link", "show", "dev", card))[1]


def forge_all(farm, payload):
    """From the client in front, from a server behind and from the other node, as multicast and straight to the card."""
    n = 0
    for node, card, theirs in ((farm.client, "eth0", "eth0"), (farm.servers[0], "eth1", "eth1"), (farm.a, "eth2", "eth2")):
        for mac, to in (("01:00:5e:00:00:51", "224.0.0.81"), (mac_of(farm.b, theirs), "224.0.0.81"),
                        (mac_of(farm.b, theirs), "169.254.81.2"), (mac_of(farm.b, theirs), f"{LINK}.2")):
            forge(node, card, mac, to, payload)
            n += 1
    return n


def inject(node, payload):
    """As the process itself does."""
    index = int(re.search(r"^(\d+):", node.run("ip", "-o", "link", "show", "lbd-inj"))[1])
    with node, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, 36, MARK)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
        s.sendto(payload, ("224.0.0.81", 8848))


def test_bulk_over_a_bad_way_and_a_process_that_is_killed(farm, key):  # noqa: F811
    """And nothing of it can be read, and nobody on a wire adds to it."""
    a, b = (Lbd(n, slow(key), name=name, user="root") for n, name in ((farm.a, "lb-a"), (farm.b, "lb-b")))
    net = 10, 99
    try:
        a.start()
        is_master(a)
        until(lambda: sync_row(a).get("state") == "down", "it listens to its kernel, and misses its peer", 30)
        open_flows(farm.client, N, net)
        until(lambda: sync_row(a).get("local_flows", 0) >= N, f"they are known: {sync_row(a)}", 30)
        secrets = {socket.inet_aton(VIP4) + socket.inet_aton(f"10.1.0.{i}") for i in (11, 12)} | {b"10.99.", VIP4.encode()}
        with bad_way(farm), Wire(farm.client) as adverts, Sniffer(farm.sw, "fbm", secrets) as wire:
            begin = time.monotonic()
            b.start()
            until(lambda: 0 < has(farm.b, net) < N, "it is in the middle of it", 30)
            assert sync_row(b)["state"] == "bulk"
            first = workers(b)["sync"]
            os.kill(first, signal.SIGKILL)
            until(lambda: workers(b).get("sync") not in (None, first), "there is another process", 10)
            in_sync(a, b)
            assert has(farm.b, net) == N
            took = time.monotonic() - begin
            heard = adverts.of(f"{VIP4[:-3]}1", begin)
            worst = max(gaps([x for x in heard if x.vrid == 51]))
            print(f"FIGURES bad way, killed once: {N} flows in {took:.1f} s, {wire.packets} packets, {wire.bytes} bytes, worst gap "
                  f"{worst:.3f} s")
            assert not [x for x in adverts.adverts if x.source == f"{VIP4[:-3]}2"] and state(a) == "master"
            assert wire.bytes > N * 40 and not wire.found, wire.found
            row = sync_row(b)
            assert row["refused"] == row["lost"] == row["full"] == 0, row
            sent = sum(forge_all(farm, datagram(i, "10.66.0.1")) for i in (*IDS, 0))
            until(lambda: wire.found, "what is not hidden is found", 10)
        inject(farm.b, datagram(IDS[1], "10.67.0.1"))  # the control: the bytes are right
        until(lambda: has(farm.b, (10, 67)) == 1, "what comes the right way is taken", 10)
        print(f"FIGURES forged: {has(farm.b, (10, 66))} of {sent} planted")
        assert has(farm.b, (10, 66)) == 0
        assert sync_row(a)["local_flows"] == N and not has(farm.a, (10, 66))  # and nothing is told of it
    finally:
        b.close()
        a.close()


def test_peer_that_stands_still_costs_no_memory(farm, key):  # noqa: F811
    net, more = (10, 98), (10, 97)
    with pair_of(farm, key) as (a, b):
        open_flows(farm.client, N, net)
        until(lambda: has(farm.b, net) == N, "the first are there", 60)
        pid, still = workers(a)["sync"], workers(b)["sync"]
        before, at = rss(pid), len(a.log())
        os.kill(still, signal.SIGSTOP)
        try:
            open_flows(farm.client, N, more)
            # from the log: who stands still is killed and replaced, and then the state is another one again
            why = until(lambda: re.search(r"sync: lost the link to lb-b \((\w+)\)", a.log()[at:]), "it is noticed",
                        10 + 2 * slowness()).group(1)
            grown = rss(pid) - before
            print(f"FIGURES stands still: {why}, memory {grown} bytes for {N} flows")
            assert why in ("silent", "timeout", "refused", "closed"), why
            if "sanitizer" not in a.log().lower():
                assert grown < N * 200 + (2 << 20)  # what they take in the table, and the buffers of one link
            assert workers(a)["sync"] == pid and state(a) == "master"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(still, signal.SIGCONT)
        in_sync(a, b)
        until(lambda: has(farm.b, more) == N and has(farm.b, net) == N, "all are there", 60)
        is_backup(b)
