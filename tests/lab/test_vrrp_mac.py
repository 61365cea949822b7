# SPDX-License-Identifier: GPL-2.0-or-later
"""
Virtual hardware addresses: what is on the wire, what a client believes of its neighbour, and what becomes of the device
that has the address. Who has what is asked of the kernel.
"""
import json
import os
import signal
import time

import pytest

from conftest import run, until
from frames import Talker, gratuitous
from pair import (A4, B4, LL6, VIP4, VIP6, VRID, Keepalived, Pair, Wire, both, config, is_backup, is_master, lone, state)
from steps import slowness
from test_vrrp import down, workers

INTERVAL, LEASE = 0.1, 3.0
MAC4, MAC6 = f"00:00:5e:00:01:{VRID:02x}", f"00:00:5e:00:02:{VRID:02x}"
DEV4, DEV6 = f"lbd4-{VRID}-eth0", f"lbd6-{VRID}-eth0"
SIX = {"addresses": [f"{LL6}/128", f"{VIP6}/128"]}
MAC = {"virtual_mac": True}


@pytest.fixture(scope="module")
def pair():
    if os.geteuid() != 0:
        pytest.skip("needs root", allow_module_level=True)
    p = Pair()
    with p.sw:
        done = run("ip", "link", "add", "link", "br0", "name", "try0", "type", "macvlan", "mode", "bridge", check=False)
        if "try0" not in run("ip", "link", "show"):
            p.close()
            pytest.skip(f"this kernel makes no macvlan: {done}", allow_module_level=True)
        run("ip", "link", "del", "try0")
    yield p
    p.close()


def links(node):
    return {x["ifname"]: x for x in json.loads(node.run("ip", "-d", "-j", "link"))}


def ours(node):
    """name: whether it is up, of every device that one of us made"""
    return {n: "UP" in x["flags"] for n, x in links(node).items() if n.startswith(("lbd4-", "lbd6-"))}


def where(node, ip):
    """The cards that have it."""
    info = json.loads(node.run("ip", "-j", "addr"))
    return [x["ifname"] for x in info for a in x.get("addr_info", []) if a.get("local") == ip]


def workers_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(x) for x in f.read().split()]


def card(node):
    return links(node)["eth0"]["address"]


def holds(node, ip=VIP4, dev=DEV4):
    return where(node, ip) == [dev] and ours(node).get(dev)


def neighbour(node, ip):
    rows = json.loads(node.run("ip", "-j", "neigh", "show", "to", ip) or "[]")
    return next((r.get("lladdr") for r in rows), None)


def ping(node, ip, count=1):
    argv = ["ping", "-n", "-q", "-c", str(count), "-i", "0.01", "-W", "1", *(["-I", "eth0"] if ip.startswith("fe80") else []), ip]
    text = node.run(*argv, check=False)
    return f"{count} received" in text


@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
def test_everything_that_leaves_is_from_the_virtual_address(pair, six):
    keys, mac, dev, vip = (SIX, MAC6, DEV6, VIP6) if six else ({}, MAC4, DEV4, VIP4)
    with Wire(pair.c) as wire:
        with both(pair, **MAC, **keys) as (a, b):
            until(lambda: holds(pair.a, vip, dev), "the master has the address on its own device")
            assert where(pair.b, vip) == [] and ours(pair.b) == {dev: False}
            info = links(pair.a)[dev]
            assert info["address"] == mac and info["ifalias"] == "lbd vrrp/wan"
            assert info["linkinfo"]["info_data"]["mode"] == "bridge" and info["inet6_addr_gen_mode"] == "none"
            assert ping(pair.c, vip, 3) and neighbour(pair.c, vip) == mac
            if six:
                assert ping(pair.c, LL6, 3) and neighbour(pair.c, LL6) == mac
                assert sorted(x for x in [LL6, VIP6] if where(pair.a, x) == [dev]) == sorted([LL6, VIP6])
            a.ctl("vrrp", "resign", "wan")
            is_master(b)
            until(lambda: holds(pair.b, vip, dev), "the new master has it")
            until(lambda: ours(pair.a) == {dev: False} and where(pair.a, vip) == [], "the old one has it no longer")
            assert ping(pair.c, vip, 3)
            b.stop()
            is_master(a)
            assert "no device" not in a.log() + b.log() and "cannot be" not in a.log() + b.log()
        frames = [x.frame for x in wire.adverts] + wire.frames
        sources = {f[6:12].hex(":") for f in frames}
        assert wire.frames and sources == {mac}, sources
        said = {f[80:86].hex(":") for f in wire.frames if f[12:14] == b"\x86\xdd"} | {g[2] for g in wire.garps}
        assert said == {mac}
        assert {x.prio for x in wire.adverts} == {150, 100, 0}, "a last word is said, too"
        if not six:  # the primary address of the card, never a virtual one
            assert {x.source for x in wire.adverts} == {A4, B4}
            assert {f[0:6].hex(":") for f in (x.frame for x in wire.adverts)} == {"01:00:5e:00:00:12"}
    assert ours(pair.a) == ours(pair.b) == {}, "in order, nothing is left"


def test_client_never_learns_another_address(pair):
    """Over a takeover, and while the master itself asks who the client is."""
    with both(pair, **MAC) as (a, b):
        until(lambda: holds(pair.a), "the master has it")
        assert ping(pair.c, VIP4)
        seen = {neighbour(pair.c, VIP4)}
        for one, other in ((a, b), (b, a)):
            node = pair.a if one is a else pair.b
            node.run("ip", "neigh", "flush", "dev", "eth0", check=False)
            for _ in range(3):  # it answers, and must ask for the client before: as whom?
                ping(pair.c, VIP4)
                seen.add(neighbour(pair.c, VIP4))
            # by itself as the virtual address
            node.run("ping", "-n", "-c", "1", "-W", "1", "-I", VIP4, "10.7.0.3", check=False)
            seen.add(neighbour(pair.c, VIP4))
            one.ctl("vrrp", "resign", "wan")
            is_master(other)
            until(lambda: ping(pair.c, VIP4), "the other one answers", 5)
            seen.add(neighbour(pair.c, VIP4))
        assert seen == {MAC4}
        # and nobody but the device answers for the address, and the device for no other
        for ip, mac in ((VIP4, MAC4), (A4, card(pair.a))):
            pair.c.run("ip", "neigh", "flush", "all", check=False)
            assert ping(pair.c, ip) and neighbour(pair.c, ip) == mac


def test_killed_vrrp_process_adopts_its_device(pair):
    with Wire(pair.c) as wire:
        with both(pair, **MAC, advert_interval="1s", lease="6s", preempt=False) as (a, _):
            until(lambda: holds(pair.a), "the master has it")
            index, start = links(pair.a)[DEV4]["ifindex"], time.monotonic()
            for _ in range(3):
                os.kill(workers(a)["vrrp"], signal.SIGKILL)
                until(lambda: state(a) != "master", "the core noticed")
                is_master(a)
                assert a.ctl("vrrp", "list")["data"][0]["cause"] == "resumed"
                assert holds(pair.a) and links(pair.a)[DEV4]["ifindex"] == index
            assert not wire.of(B4, start) and "left behind" not in a.log()
            assert {x.frame[6:12].hex(":") for x in wire.adverts} == {MAC4}


def test_core_that_is_back_in_time_adopts_its_device(pair):
    with Wire(pair.c) as wire, both(pair, supervise=True, **MAC, advert_interval="2s", lease="12s", preempt=False) as (a, _):
        until(lambda: holds(pair.a), "the master has it")
        index, start = links(pair.a)[DEV4]["ifindex"], time.monotonic()
        for end in (a.kill, lambda: a.ctl("daemon", "restart")):
            starts = a.starts
            end()
            until(lambda: a.starts > starts, "it is started again")
            is_master(a)
            assert a.ctl("vrrp", "list")["data"][0]["cause"] == "resumed"
            assert holds(pair.a) and links(pair.a)[DEV4]["ifindex"] == index
        assert not wire.of(B4, start) and "left behind" not in a.log()


def test_killed_vrrp_process_whose_peer_took_over_takes_its_device_down(pair):
    with both(pair, **MAC, preempt=False) as (a, b):
        pid = workers(a)["vrrp"]
        os.kill(pid, signal.SIGSTOP)
        is_master(b)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # the kernel's timer was first
            pass
        until(lambda: state(a) == "backup", "it follows")
        until(lambda: where(pair.a, VIP4) == [] and ours(pair.a) == {DEV4: False}, "it has nothing", LEASE + 1)
        assert holds(pair.b) and ping(pair.c, VIP4)


def test_what_a_killed_node_left_is_removed(pair):
    """Its addresses end with their lease; its device goes when somebody looks who has no use for it."""
    with both(pair, **MAC) as (a, b):
        until(lambda: holds(pair.a), "the master has it")
        start = time.monotonic()
        pids = workers(a)
        # the core stands still: it must not start another one, nor end before it, which would be the end in order
        os.kill(a.pid, signal.SIGSTOP)
        for pid in (pids["vrrp"], *(p for n, p in pids.items() if n != "vrrp"), a.pid):
            os.kill(pid, signal.SIGKILL)
        a.wanted = False
        a.process.wait()
        is_master(b)
        until(lambda: not where(pair.a, VIP4), "the lease has ended", LEASE + 1)
        assert time.monotonic() - start < LEASE + 1.5 * slowness()
        assert ours(pair.a) == {DEV4: True}
        # who has a use for it takes it up, and down while it is not master
        again = lone(pair.a, config(90, **MAC), "lb-a1")
        try:
            index = links(pair.a)[DEV4]["ifindex"]
            again.start(ready=False)
            is_backup(again)
            until(lambda: ours(pair.a) == {DEV4: False}, "it is down")
            assert links(pair.a)[DEV4]["ifindex"] == index and "left behind" not in again.log()
            os.kill(again.pid, signal.SIGSTOP)
            pids = workers_of(again.pid)
            for pid in (*pids, again.pid):
                os.kill(pid, signal.SIGKILL)
            again.wanted = False
            again.process.wait()
        finally:
            again.close()
        assert DEV4 in links(pair.a)
        # somebody else's look alike, but are not ours
        pair.a.ip(f"link add link eth0 name lbd4-9-eth0 address {MAC4} type macvlan mode bridge\n"
                  "link add name lbd4-8-eth0 address 00:00:5e:00:01:08 type bridge")
        again = lone(pair.a, config(90, vrid=VRID + 1, addresses=["10.7.0.101/24"]), "lb-a2")
        try:
            again.start(ready=False)
            is_master(again)
            until(lambda: set(ours(pair.a)) == {"lbd4-9-eth0", "lbd4-8-eth0"}, "what was left is gone")
            assert f"{DEV4} was left behind; removed" in again.log()
        finally:
            again.close()
            pair.a.ip("link del lbd4-9-eth0\nlink del lbd4-8-eth0")
        assert holds(pair.b)


def test_device_that_is_removed_or_set_down_comes_back(pair):
    with both(pair, **MAC, **SIX) as (a, _):
        until(lambda: holds(pair.a, VIP6, DEV6), "the master has it")
        pair.a.ip(f"link set {DEV6} down")  # takes its IPv6 addresses along
        until(lambda: holds(pair.a, VIP6, DEV6) and holds(pair.a, LL6, DEV6), "up again")
        pair.a.ip(f"link del {DEV6}")
        until(lambda: holds(pair.a, VIP6, DEV6) and holds(pair.a, LL6, DEV6), "made again")
        assert ping(pair.c, VIP6) and state(a) == "master"
        # who will not leave it alone has it
        def given_up():
            pair.a.run("ip", "link", "del", DEV6, check=False)
            return state(a) == "fault"

        until(given_up, "given up")
        assert "master -> fault (vip_contended" in a.log()


def test_card_that_is_deleted_and_made_again(pair):
    with both(pair, **MAC) as (a, b):
        until(lambda: holds(pair.a), "the master has it")
        pair.a.ip("link del eth0")
        is_master(b)
        until(lambda: state(a) == "fault", "no card, no role")
        assert ours(pair.a) == {}
        pair.connect(pair.a, 1)
        is_master(a)
        until(lambda: holds(pair.a), "it has it again")
        until(lambda: ours(pair.b) == {DEV4: False}, "and the other one not")
        assert ping(pair.c, VIP4) and neighbour(pair.c, VIP4) == MAC4


def test_two_masters_with_one_address_hear_each_other(pair):
    """The same hardware address at both: neither the switch nor the device may keep their adverts apart for long."""
    with both(pair, **MAC) as (a, b):
        until(lambda: holds(pair.a), "the master has it")
        pair.sw.ip("link set pa nomaster")
        is_master(b)
        assert state(a) == "master"
        pair.sw.ip("link set pa master br0 up")
        is_backup(b, seconds=5)
        until(lambda: ours(pair.b) == {DEV4: False} and where(pair.b, VIP4) == [], "one holder")
        assert holds(pair.a) and state(a) == "master"
        until(lambda: ping(pair.c, VIP4), "and it answers", 2)
        assert "duplicate_address" not in a.log() + b.log()


def test_stranger_with_the_address_is_still_named(pair):
    with both(pair, **MAC) as (a, _):
        until(lambda: holds(pair.a), "the master has it")
        with Talker(pair.c) as talker:
            end = time.monotonic() + 10
            talker.say(gratuitous(VIP4, MAC4))  # what the virtual router itself says is nothing
            while "duplicate_address" not in a.log() and time.monotonic() < end:
                talker.say(gratuitous(VIP4, "02:00:00:00:00:77"))
                time.sleep(0.1)
        assert "02:00:00:00:00:77" in a.log(), a.log()


def test_a_reload_changes_the_address(pair):
    with both(pair) as (a, b):
        assert where(pair.a, VIP4) == ["eth0"]
        for d, prio in ((a, 150), (b, 100)):
            d.reload(config(prio, **MAC), ok=None)
        is_master(a)
        until(lambda: holds(pair.a) and ours(pair.b) == {DEV4: False}, "both have a device")
        a.reload(config(150, **MAC, addresses=[f"{VIP4}/24", "10.7.0.101/32"]), ok=None)
        until(lambda: where(pair.a, "10.7.0.101") == [DEV4], "the new one, too")
        assert ping(pair.c, "10.7.0.101") and neighbour(pair.c, "10.7.0.101") == MAC4
        for d, prio in ((a, 150), (b, 100)):
            d.reload(config(prio), ok=None)
        is_master(a)
        until(lambda: where(pair.a, VIP4) == ["eth0"] and ours(pair.a) == ours(pair.b) == {}, "without again")
        until(lambda: ping(pair.c, VIP4) and neighbour(pair.c, VIP4) == card(pair.a), "as the card", 5)


def test_without_a_device_the_cards_own_address_is_better_than_none(pair):
    """Somebody has the name: the instance goes on, and says so."""
    pair.a.ip(f"link add name {DEV4} type bridge")
    try:
        with both(pair, **MAC) as (a, _):
            until(lambda: where(pair.a, VIP4) == ["eth0"], "on the card")
            assert "another device has its name" in a.log()
            assert "no_virtual_mac" in json.dumps(a.ctl("vrrp", "show", "wan")), a.ctl("vrrp", "show", "wan")
            pair.c.run("ip", "neigh", "flush", "all", check=False)
            assert ping(pair.c, VIP4) and neighbour(pair.c, VIP4) == card(pair.a)
        assert links(pair.a)[DEV4]["linkinfo"]["info_kind"] == "bridge", "it is not ours to remove"
    finally:
        pair.a.ip(f"link del {DEV4}")


KA_MAC = """
vrrp_instance wan {{
  state BACKUP
  interface eth0
  use_vmac
  {more}
  virtual_router_id 51
  priority {prio}
  advert_int 0.1
  virtual_ipaddress {{
    {addresses}
  }}
}}
"""


@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("better", [True, False], ids=["ours-better", "theirs-better"])
def test_keepalived_with_the_same_address(pair, six, better):
    keys, mac, dev, vip = (SIX, MAC6, DEV6, VIP6) if six else ({}, MAC4, DEV4, VIP4)
    text = KA_MAC.format(more="native_ipv6" if six else "", prio=100 if better else 200,
                         addresses="\n    ".join(keys.get("addresses", [f"{VIP4}/24"])))
    d = lone(pair.a, config(150, **MAC, **keys), "lb-a")
    try:
        d.start(ready=False)
        is_master(d)
        assert ping(pair.c, vip)
        with Keepalived(pair.b, text):
            if better:
                time.sleep(10 * INTERVAL)
                assert state(d) == "master" and where(pair.b, vip) == []
                d.ctl("vrrp", "resign", "wan")
            until(lambda: state(d) == "backup" and where(pair.b, vip), "theirs is master", 15)
            until(lambda: ours(pair.a) == {dev: False} and where(pair.a, vip) == [], "ours let go")
            until(lambda: ping(pair.c, vip), "it answers", 5)
            assert neighbour(pair.c, vip) == mac
            start = time.monotonic()
        is_master(d)
        assert time.monotonic() - start < down(150) + LEASE * slowness()
        until(lambda: ping(pair.c, vip), "ours answers", 5)
        assert neighbour(pair.c, vip) == mac and holds(pair.a, vip, dev)
        assert "duplicate_address" not in d.log(), d.log()
    finally:
        d.close()
