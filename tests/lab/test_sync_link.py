# SPDX-License-Identifier: GPL-2.0-or-later
"""
The link between the nodes when the other side, or the way to it, is not as it should be: what comes converges, or it is
said why not; and the adverts go on as if there were nothing. Without IPVS: how the kernel takes what came is
test_sync_faults.py.
"""
import contextlib
import json
import os
import re
import socket
import struct
import time

import pytest

from conftest import until
from fake_peer import BYE, FLOWS, HOLD, MARK, PORT, RESYNC, WHY_GAP, WHY_VERSION, Fake, Sniffer, record
from pair import B4, Wire, instance, is_master, lone, pair, state
from steps import slowness
from test_vrrp import workers
from witness import gaps

KEY = "00112233445566778899aabbccddeeff" * 2
OTHER = "ff112233445566778899aabbccddeeff" * 2
TO = "10.8.0.2"
PAGE = os.sysconf("SC_PAGE_SIZE")
SILENT = 3.0  # s, SYNC_SILENT_MS
ADDRESSES = record(0)[-12:]  # of client, service and server


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "cluster.key"
    path.write_text(KEY + "\n")
    path.chmod(0o640)
    return str(path)


def yaml(key, **sync):
    return json.dumps({
        **({"sync": sync} if sync else {}),
        "cluster": {"id": 7, "key_file": key, "nodes": {"lb-a": {"address": "10.8.0.1"}, "lb-b": {"address": TO}}},
        "vrrp": {"wan": instance()},
        "services": {"web": {"listen": "10.7.0.100:1000", "mode": "nat", "check": "none",
                             "backends": {"s1": "10.1.0.11:8080"}}}}, indent=1) + "\n"


@contextlib.contextmanager
def node(pair, key):
    """lb-b is lbd, and master, as lb-a is nobody yet."""
    b = lone(pair.b, yaml(key), "lb-b")
    try:
        b.start(ready=False)
        is_master(b)
        until(lambda: listening(pair.b), "it listens")
        yield b
    finally:
        b.close()


def listening(n):
    return f"{TO}:{PORT} " in n.run("ss", "-Hlnt")


def row(d):
    done = d.call("-j", "sync", "status")
    rows = json.loads(done.stdout)["data"] if done.returncode == 0 else []
    return rows[0] if rows else {}


def knows(d, n, seconds=60):
    until(lambda: row(d).get("peer_flows") == n, f"{n} flows are known: {row(d)}", seconds)


def rss(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * PAGE


@contextlib.contextmanager
def adverts(pair, d, what):
    """Of the master, meanwhile: as if there were nothing."""
    with Wire(pair.c) as wire:
        begin = time.monotonic()
        yield
        time.sleep(0.3)
        heard = wire.of(B4, begin)
        worst = max(gaps(heard), default=0.0)
        print(f"FIGURES {what}: {len(heard)} adverts, worst gap {worst:.4f} s")
        assert len(heard) > 1 and state(d) == "master"
        assert worst < 1.5 * 0.1 + 0.010 * slowness()


def test_another_version_is_named(pair, key):
    with node(pair, key) as b:
        with Fake(pair.a, KEY, TO) as fake:
            fake.hello(9, 9)
            until(lambda: fake.of(BYE), "it says goodbye", 10)
            assert fake.of(BYE)[-1][1] == WHY_VERSION
            until(lambda: row(b).get("reason") == "version", f"the reason is told: {row(b)}", 10)
            assert "upgrade" in b.text("sync", "status") + row(b).get("help", "")
        with Fake(pair.a, KEY, TO) as fake:  # a newer one that can speak ours
            fake.hello(1, 9).flows(0, 300, 0)
            knows(b, 300)
            assert row(b)["version"] == "1" and "reason" not in row(b)


def test_metrics_tell_of_the_link_and_its_process(pair, key):
    with node(pair, key) as b:
        assert 'lbd_sync_up{peer="lb-a"} 0\n' in b.text("metrics", "lbd_sync")
        with Fake(pair.a, KEY, TO) as fake:
            fake.hello()
            until(lambda: 'lbd_sync_up{peer="lb-a"} 1\n' in b.text("metrics", "lbd_sync"), "it is up", 10)
        until(lambda: 'lbd_sync_up{peer="lb-a"} 0\n' in b.text("metrics", "lbd_sync"), "it is not any more", 10)
        lag = b.text("metrics", "lbd_worker_loop_lag")
        assert all(f'_count{{worker="{name}"}}' in lag for name in ("core", "probe", "vrrp", "sync")), lag


def another_link(d, key):
    """Until it is there: who came too early would be sent away with the old one."""
    d.reload(yaml(key, conntrack="all"))
    until(lambda: row(d).get("reason") == "waiting", f"another link waits: {row(d)}", 10)


def test_a_pause_lasts_until_resume(pair, key):
    """Also over a reload that makes another link, and when the process is started anew."""
    def held(fake):
        fake.hello()
        until(lambda: (frames := fake.of(HOLD)) and frames[-1][1:] == b"\x01\x01", "it says that it is paused", 10)
        until(lambda: row(b).get("state") == "paused", f"and to us: {row(b)}", 10)

    with node(pair, key) as b:
        with Fake(pair.a, KEY, TO) as fake:
            fake.hello()
            until(lambda: row(b).get("version") == "1", f"the link is up: {row(b)}", 10)
            b.text("sync", "pause", "ipvs")
            until(lambda: row(b).get("state") == "paused", f"it is paused: {row(b)}", 10)
            assert fake.of(HOLD)
        another_link(b, key)
        with Fake(pair.a, KEY, TO) as fake:
            held(fake)
        os.kill(workers(b)["sync"], 9)
        until(lambda: listening(pair.b), "another one listens", 20)
        with Fake(pair.a, KEY, TO) as fake:
            held(fake)
            b.text("sync", "resume")
            until(lambda: fake.of(HOLD)[-1][2] == 0, "it goes on", 10)


def test_another_link_counts_on(pair, key):
    """A new key, port or path makes one; the process stays."""
    def everything_again(fake):
        until(lambda: fake.of(MARK), "a round begins", 10)
        fake.say(struct.pack(">BBBI", RESYNC, 1, WHY_GAP, struct.unpack_from(">I", fake.of(MARK)[-1], 3)[0]))
        fake.flows(0, 300, 0)

    with node(pair, key) as b:
        with Fake(pair.a, KEY, TO) as fake:
            everything_again(fake.hello())
            until(lambda: "copied anew (number 1 since" in b.log(), "it is told", 10)
            until(lambda: row(b).get("received") == 300, f"all came: {row(b)}", 10)
        another_link(b, key)
        with Fake(pair.a, KEY, TO) as fake:
            fake.hello()
            until(lambda: row(b).get("version") == "1", f"the link is up: {row(b)}", 10)
            assert row(b)["received"] == 300 and row(b)["resyncs"] == 1
            everything_again(fake)
            until(lambda: "copied anew (number 2 since" in b.log(), f"so is the next one: {row(b)}", 10)
            until(lambda: row(b).get("received") == 600, f"all came: {row(b)}", 10)


def test_the_lag_goes_on_over_another_link(pair, key):
    """What the peer has not got waits for it as before."""
    seen = []

    def lag():
        seen.append(row(b).get("lag", 0))
        return seen[-1]

    with node(pair, key) as b:
        with Fake(pair.a, KEY, TO) as fake:
            fake.hello().say(struct.pack(">BBB", HOLD, 1, 1))  # so nothing of what it has now goes back
            fake.flows(0, 300, 0)
            knows(b, 300)
        until(lambda: lag() >= 2, "it has waited", 20)
        b.reload(yaml(key, conntrack="all"))
        until(lambda: lag() >= 6, "and goes on", 20)
    assert seen == sorted(seen)


def test_who_has_not_the_key_plants_nothing(pair, key):
    with node(pair, key) as b:
        for _ in range(2):  # not at the first one: it may have a second key
            assert row(b).get("reason") == "waiting"
            with Fake(pair.a, OTHER, TO) as fake:
                until(lambda: fake.process.poll() is not None, "it is turned away", 10)
        until(lambda: row(b).get("reason") == "key_mismatch", f"the reason is told: {row(b)}", 10)
        with Fake(pair.a, KEY, TO) as right:
            right.hello().flows(0, 300, 0)
            knows(b, 300)
            since = row(b)["since"]
            with Fake(pair.a, OTHER, TO) as fake:  # beside one that has it
                with contextlib.suppress(OSError):
                    fake.say(b"\x01" + bytes(40))
                until(lambda: fake.process.poll() is not None, "it is turned away", 10)
                assert not fake.frames
            with pair.a:
                s = socket.create_connection((TO, PORT), timeout=10)  # without any TLS
            s.send(struct.pack(">IBBIQQHH", 25 + 2 + len(record(0)), FLOWS, 1, 1, 0, 1, 1, len(record(0))) + record(0))
            with contextlib.suppress(ConnectionResetError):
                while s.recv(4096):
                    pass
            s.close()
            right.flows(300, 400, 300)
            knows(b, 400)
            assert row(b)["since"] == since, "the link was another one"


def test_bad_way_to_the_peer(pair, key):
    """One packet of thirty is lost in both directions, and only small ones pass: all comes, and nothing of it can be read."""
    n = 20000
    pair.b.run("nft", "-f", "-", text="table inet bad {\n chain in {\n type filter hook input priority 0\n iifname eth1 "
               "numgen random mod 30 < 1 counter drop\n }\n chain out {\n type filter hook output priority 0\n oifname eth1 "
               "numgen random mod 30 < 1 counter drop\n }\n}\n")
    for node_ in (pair.a, pair.b):
        node_.run("ip", "link", "set", "eth1", "mtu", "600", "gso_max_segs", "1")
    try:
        with node(pair, key) as b, Sniffer(pair.sw, "pb1", {ADDRESSES, KEY.encode(), b"10.66.0."}) as wire:
            pid = workers(b)["sync"]
            before = rss(pid)
            with Fake(pair.a, KEY, TO) as fake, adverts(pair, b, "bad way"):
                begin = time.monotonic()
                fake.hello().flows(0, n, 0)
                knows(b, n)
                took = time.monotonic() - begin
                grown = rss(pid) - before
            print(f"FIGURES bad way: {n} flows in {took:.2f} s, {wire.packets} packets, {wire.bytes} bytes, memory "
                  f"{grown / n:.0f} bytes/flow")
            lost = [int(x) for x in re.findall(r"counter packets (\d+)", pair.b.run("nft", "list", "table", "inet", "bad"))]
            print(f"FIGURES bad way: lost packets, to and from the node: {lost}")
            assert min(lost) > 0 and workers(b)["sync"] == pid
            assert wire.bytes > n * len(record(0)) and not wire.found, wire.found
            if "sanitizer" not in b.log().lower():
                assert grown < n * 200 + (4 << 20)
    finally:
        pair.b.run("nft", "delete", "table", "inet", "bad")
        for node_ in (pair.a, pair.b):
            node_.run("ip", "link", "set", "eth1", "mtu", "1500", "gso_max_segs", "65535")


def test_bulk_that_is_cut_goes_on_where_it_was(pair, key):
    n, half = 10000, 5000
    with node(pair, key) as b, adverts(pair, b, "cut bulk"):
        with Fake(pair.a, KEY, TO) as fake:
            fake.hello().flows(0, half, 0, mark=n)
            knows(b, half)
            epoch = fake.epoch
        until(lambda: row(b).get("state") == "down", f"the end is seen: {row(b)}", 10)
        assert row(b)["peer_flows"] == half  # what came is kept
        with Fake(pair.a, KEY, TO, epoch=epoch) as fake:
            fake.hello()
            assert fake.hello_of_peer == (epoch, (half, 0)), fake.hello_of_peer
            fake.flows(half, n, half)
            knows(b, n)
            assert row(b)["received"] == n
        with Fake(pair.a, KEY, TO) as fake:  # another run of it, which begins anew
            fake.hello()
            assert fake.hello_of_peer[0] == epoch  # what it knows of is told, and is of no use
            fake.flows(0, n, 0)
            until(lambda: row(b)["received"] == 2 * n, f"all came again: {row(b)}", 30)
            assert row(b)["peer_flows"] == n


def test_peer_that_stands_still_is_silent(pair, key):
    with node(pair, key) as b, adverts(pair, b, "silent"):
        with Fake(pair.a, KEY, TO) as fake:
            fake.hello().flows(0, 300, 0)
            knows(b, 300)
            fake.pause()
            begin = time.monotonic()
            until(lambda: row(b).get("state") == "down", f"it is noticed: {row(b)}", SILENT + 2 + slowness())
            took = time.monotonic() - begin
            print(f"FIGURES silent: noticed after {took:.2f} s, {row(b).get('reason')}")
            assert took > SILENT - 1.5 and row(b)["reason"] in ("silent", "timeout"), row(b)
            fake.pause(False)
        with Fake(pair.a, KEY, TO) as fake:
            fake.hello().flows(0, 300, 0)
            until(lambda: row(b).get("state") != "down", "a new one is let in", 10)


@pytest.mark.parametrize("what, frame", [
    ("flows of a round that never began", struct.pack(">BBIQQH", FLOWS, 1, 7, 0, 0, 0)),
    ("a frame that ends too soon", b"\x02\x01"),
    ("a length beyond all", None),
])
def test_nonsense_of_who_has_the_key_ends_the_link(pair, key, what, frame):
    with node(pair, key) as b, adverts(pair, b, what):
        pid = workers(b)["sync"]
        with Fake(pair.a, KEY, TO) as fake:
            fake.hello()
            if frame is None:
                fake.process.stdin.write(b"\xff\xff\xff\xff" + bytes(1000))
                fake.process.stdin.flush()
            else:
                fake.say(frame)
            until(lambda: fake.process.poll() is not None or fake.of(BYE), "the link ends", 10)
            until(lambda: row(b).get("reason") == "protocol", f"the reason is told: {row(b)}", 10)
        with Fake(pair.a, KEY, TO) as fake:
            fake.hello().flows(0, 100, 0)
            knows(b, 100)
        assert workers(b)["sync"] == pid
