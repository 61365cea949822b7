# SPDX-License-Identifier: GPL-2.0-or-later
"""
Two nodes and one address: lbd with lbd, and lbd with keepalived, watched on the wire by a third.
"""
import contextlib
import json
import os
import signal
import socket
import struct
import time

import pytest

from conftest import Lbd, has_ipvs, until
from pair import (A4, B4, C4, LL6, VIP4, VIP6, VRID, Keepalived, Wire, both, config, has, instance, is_backup, is_master, lone, pair,
                  state)
from steps import slowness, to_root, worker
from witness import Holders

INTERVAL, LEASE = 0.1, 3.0
SECONDS = float(os.environ.get("LBD_PAIR_SECONDS", "2"))  # how long each meeting with keepalived is watched; 30 is long


def workers(d):
    rows = d.ctl("daemon", "info")["data"][0]["workers"]
    return {r["name"]: r["pid"] for r in rows}


def holders(pair):
    return [n.name for n in (pair.a, pair.b) if has(n)]


def down(prio, interval=INTERVAL):
    return 3 * interval + (256 - prio) / 256 * interval


def test_the_better_one_is_master_and_holds_the_address(pair):
    with Wire(pair.c) as wire:
        with both(pair) as (a, b):
            start = time.monotonic()
            time.sleep(2)
            assert holders(pair) == ["pa"]
            mine = wire.of(A4, start)
            assert len(mine) >= 15 and not wire.of(B4)
            assert {(x.prio, x.version, x.vrid) for x in mine} == {(150, 3, VRID)}
            assert len([g for g in wire.garps if g[1] == VIP4]) >= 6  # two blocks of three
        assert holders(pair) == []


def test_stop_hands_over_within_the_skew(pair):
    with Wire(pair.c) as wire:
        with both(pair) as (a, b):
            start = time.monotonic()
            a.stop()
            until(lambda: has(pair.b), "the other one holds it")
            last = wire.of(A4, start)[-1]
            first = wire.of(B4, start)[0]
            assert last.prio == 0 and not has(pair.a)
            taken = until(lambda: json.loads(b.text("-j", "trace", "takeover"))["data"], "it was traced")[-1]
            assert taken["object"] == "vrrp/wan master" and taken["parts"]["silent"] < (256 - 100) / 256 * INTERVAL + 0.001
            assert set(taken["parts"]) == {"silent", "woke", "advert", "addresses", "announced"}
            assert 0 < sum(taken["parts"].values()) == pytest.approx(taken["total"]) and taken["parts"]["addresses"] > 0
            assert first.time - last.time < (256 - 100) / 256 * INTERVAL + 0.020 * slowness()


def listening_to_arp(node):
    """The packet sockets for ARP in that namespace."""
    with node, open("/proc/thread-self/net/packet", encoding="ascii") as f:
        return {words[8] for words in (line.split() for line in list(f)[1:]) if words[3] == "0806"}


def test_hand_over_closes_no_packet_socket(pair):
    """To close one is to wait for the kernel, up to some 100 ms on a busy machine, with addresses still to be removed."""
    with both(pair) as (a, b):
        a.stop()
        is_master(b)
        before = listening_to_arp(pair.b)
        assert before
        a.start(ready=False)
        is_master(a)
        until(lambda: state(b) == "backup" and not has(pair.b), "the better one is back")
        assert listening_to_arp(pair.b) == before


def test_kill_of_everything_is_taken_over_and_the_lease_ends(pair):
    with Wire(pair.c) as wire:
        with both(pair) as (a, b):
            pids, start = [*workers(a).values(), a.pid], time.monotonic()
            for pid in sorted(pids):
                os.kill(pid, signal.SIGKILL)
            a.wanted = False
            until(lambda: wire.of(B4, start), "the other one takes over")
            assert wire.of(B4, start)[0].time - start < down(100) + INTERVAL + 0.020 * slowness()
            until(lambda: not has(pair.a), "the lease has ended", LEASE + 1)
            assert has(pair.b)
            a.process.wait()


def test_killed_vrrp_process_goes_on_before_anybody_missed_it(pair):
    """faults: the address stays where it is, and the peer does not notice."""
    with Wire(pair.c) as wire:
        with both(pair, advert_interval="1s", lease="6s", preempt=False) as (a, b):
            start = time.monotonic()
            for _ in range(3):
                os.kill(workers(a)["vrrp"], signal.SIGKILL)
                until(lambda: state(a) != "master", "the core noticed")
                is_master(a)
                assert a.ctl("vrrp", "list")["data"][0]["cause"] == "resumed"
                assert holders(pair) == ["pa"]
            assert not wire.of(B4, start)


ENDS = {
    "killed": lambda d: d.kill(),
    "restarted": lambda d: d.ctl("daemon", "restart"),
}


@pytest.mark.parametrize("end", ENDS)
def test_core_that_is_back_in_time_keeps_the_address(pair, end):
    """faults: the address stays where it is, and the peer does not notice; also where it would not be taken back."""
    with Wire(pair.c) as wire, Holders(pair.a, pair.b) as held:
        with both(pair, supervise=True, advert_interval="2s", lease="12s", preempt=False) as (a, b):
            until(lambda: held.now() == (True, False), "A has it")
            start = time.monotonic()
            for _ in range(2):
                starts = a.starts
                ENDS[end](a)
                until(lambda: a.starts > starts, "it is started again")
                is_master(a)
                assert a.ctl("vrrp", "list")["data"][0]["cause"] == "resumed"
            assert not wire.of(B4, start) and 0 not in {x.prio for x in wire.of(A4, start)}
            assert held.nobody(start) == 0 and held.several(start) == 0
            assert state(b) == "backup"


def test_core_that_is_back_too_late_follows_who_took_over(pair):
    with both(pair, preempt=False, lease="60s") as (a, b):
        a.kill()
        is_master(b)
        assert has(pair.a)  # its lease runs
        a.start(ready=False)
        is_backup(a)
        until(lambda: holders(pair) == ["pb"], "one holder", 2)
        assert state(b) == "master"


def test_killed_vrrp_process_whose_peer_took_over_follows_it(pair):
    with both(pair, preempt=False) as (a, b):
        pid = workers(a)["vrrp"]
        os.kill(pid, signal.SIGSTOP)
        is_master(b)
        with contextlib.suppress(ProcessLookupError):  # the kernel's timer may have been first
            os.kill(pid, signal.SIGKILL)
        until(lambda: state(a) == "backup", "it follows")
        until(lambda: holders(pair) == ["pb"], "one holder", LEASE + 1)


def helper_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return int(f.read())


def test_killed_vrrp_process_that_meets_a_fault_lets_go(pair):
    """What it left behind it goes on with or removes, whatever happens while it listens: not after a minute of lease."""
    with both(pair, advert_interval="2s", lease="60s") as (a, _):
        try:
            pid = workers(a)["vrrp"]
            os.kill(pid, signal.SIGKILL)
            until(lambda: workers(a)["vrrp"] not in (0, pid) and state(a) == "backup", "it listens", 2)
            pair.sw.run("ip", "link", "set", "pa", "down")
            until(lambda: state(a) == "fault", "it noticed", 2)
            until(lambda: not has(pair.a), "it is gone", 2)
        finally:
            pair.sw.run("ip", "link", "set", "pa", "up")


def test_what_a_killed_daemon_left_goes_though_no_instance_is_named(pair):
    """Without a lease it would stay for ever, and this node would answer for it. What others put there stays."""
    if tuple(int(n) for n in os.uname().release.split(".")[:2]) < (5, 18):
        pytest.skip("this kernel does not know whose an address is")
    d, foreign = lone(pair.a, config(150, lease="off"), "lb-a"), "10.7.0.77"
    try:
        is_master(d.start(ready=False))
        until(lambda: has(pair.a), "it holds the address")
        d.kill()
        pair.a.run("ip", "addr", "add", f"{foreign}/24", "dev", "eth0")
        d.write('{"services": {}}\n')
        assert has(pair.a)
        d.start(ready=False)
        until(lambda: not has(pair.a), "it is gone")
        assert has(pair.a, foreign)
        until(lambda: "vrrp" not in workers(d), "who removed it is not needed any more")
        # it is looked for once, and only where an instance was: another lbd may have its own
        assert d.log().count("worker/vrrp: ready") == 2, d.log()
        d.stop()
        d.start(ready=False)
        until(lambda: d.call("status").returncode != 3 and "vrrp" not in workers(d), "it answers")
        assert d.log().count("worker/vrrp: ready") == 2, d.log()
    finally:
        d.close()
        for ip in (VIP4, foreign):
            pair.a.run("ip", "addr", "del", f"{ip}/24", "dev", "eth0", check=False)


def state_alarms(d):
    return [a for a in d.ctl("status")["data"][0]["alarms"] if a.startswith("state_")]


def left(d, pair, spoil):
    """The address of a daemon that is killed; spoil makes what it can do before the next one, without an instance, begins."""
    until(lambda: has(pair.a), "it holds the address")
    d.kill()
    d.write('{"services": {}}\n')
    spoil()
    assert has(pair.a)
    d.start(ready=False)
    until(lambda: not has(pair.a), "it is gone")
    until(lambda: "vrrp" not in workers(d), "who removed it is not needed any more")


@pytest.mark.parametrize("what", ["the note", "the folder"])
def test_what_a_killed_daemon_left_goes_though_its_state_cannot_be_read(pair, what):
    d = Lbd(pair.a, config(150, lease="off"), user="lbd")
    try:
        is_master(d.start(ready=False))
        left(d, pair, lambda: to_root(d.state_dir if what == "the folder" else os.path.join(d.state_dir, "vrrp")))
        assert what == "the folder" or not state_alarms(d)
    finally:
        d.close()
        pair.a.run("ip", "addr", "del", f"{VIP4}/24", "dev", "eth0", check=False)


def test_that_vrrp_runs_is_noted_as_soon_as_it_can_be(pair):
    d = Lbd(pair.a, config(150, lease="off"), user="lbd")
    mend = to_root(d.state_dir)
    try:
        is_master(d.start(ready=False))
        mend()
        until(lambda: not state_alarms(d), "it can read and write", 40)
        left(d, pair, lambda: None)
    finally:
        d.close()
        pair.a.run("ip", "addr", "del", f"{VIP4}/24", "dev", "eth0", check=False)


def test_helper_that_stands_still_is_replaced(pair):
    """Its node cannot hold addresses: the other one does. After ten seconds it has another helper, and is itself again."""
    with both(pair) as (a, b):
        pid = workers(a)["vrrp"]
        helper = helper_of(pid)
        os.kill(helper, signal.SIGSTOP)
        try:
            is_master(b, seconds=LEASE + 3)
            until(lambda: holders(pair) == ["pb"], "one holder", LEASE + 1)
            until(lambda: workers(a)["vrrp"] not in (0, pid), "another process", 15)
            is_master(a)
            until(lambda: holders(pair) == ["pa"], "one holder", 2)
        finally:
            os.kill(helper, signal.SIGKILL)


def real_time(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return f.read().rsplit(")", 1)[1].split()[37:39]  # priority, policy


def test_only_the_vrrp_process_has_real_time_priority(pair):
    with both(pair) as (a, _):
        sanitized = "sanitizer" in a.log()
        if sanitized:
            pytest.skip("built with a sanitizer: its own threads and loops")
        pids = workers(a)
        assert real_time(pids["vrrp"]) == ["10", "2"]  # SCHED_RR
        assert real_time(helper_of(pids["vrrp"])) == ["9", "2"]  # never before the process that it helps
        assert {tuple(real_time(p)) for n, p in pids.items() if n != "vrrp"} == {("0", "0")}
        for pid in pids.values():
            limit = [line for line in open(f"/proc/{pid}/limits", encoding="ascii") if "realtime priority" in line][0]
            assert limit.split()[-2:] == ["0", "0"], limit


def test_stopped_process_holds_nothing_and_says_nothing_when_it_goes_on(pair):
    with Wire(pair.c) as wire:
        with both(pair, preempt=False) as (a, b):
            pid = workers(a)["vrrp"]
            os.kill(pid, signal.SIGSTOP)
            until(lambda: state(b) == "master", "the other one is master")
            until(lambda: not has(pair.a), "the lease has ended", LEASE + 1)
            at = time.monotonic()
            with contextlib.suppress(ProcessLookupError):  # the core has replaced what did not answer
                os.kill(pid, signal.SIGCONT)
            time.sleep(1)
            assert not wire.of(A4, at) and holders(pair) == ["pb"]


def test_resign_and_who_resigned_waits(pair):
    with both(pair) as (a, b):
        a.text("vrrp", "resign", "wan")
        is_master(b)
        time.sleep(1)
        assert state(a) == "backup" and holders(pair) == ["pb"]  # who resigned does not preempt
        pid = workers(a)["vrrp"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: workers(a)["vrrp"] not in (0, pid) and state(a) == "backup", "the next process follows")
        time.sleep(1)
        assert state(a) == "backup" and holders(pair) == ["pb"]  # it knows, too
        b.stop()
        is_master(a)


def test_address_that_somebody_removes_is_restored_and_announced(pair):
    with Wire(pair.c) as wire:
        with both(pair) as (a, b):
            at = time.monotonic()
            pair.a.run("ip", "addr", "del", f"{VIP4}/24", "dev", "eth0")
            until(lambda: has(pair.a), "it is back", 2)
            until(lambda: [g for g in wire.garps if g[0] >= at and g[1] == VIP4], "it is announced", 2)

            def given_up():
                pair.a.run("ip", "addr", "del", f"{VIP4}/24", "dev", "eth0", check=False)
                row = a.ctl("vrrp", "list")["data"][0]
                return (row["state"], row["cause"]) == ("fault", "vip_contended")

            until(given_up, "who goes on removing it has it")
            is_master(b)


def test_lost_link_is_a_fault(pair):
    with both(pair) as (a, b):
        pair.sw.run("ip", "link", "set", "pa", "down")
        until(lambda: state(a) == "fault", "the fault is seen")
        is_master(b)
        pair.sw.run("ip", "link", "set", "pa", "up")
        is_master(a)
        until(lambda: holders(pair) == ["pa"], "one holder", 10)


class Routes:
    """What systemd-networkd and others do to a card without a link, and what the kernel goes by then."""
    gone, other = "route del 10.7.0.0/24 dev eth0", "route add default via 10.8.0.99 dev eth1"
    back, alone = "route replace 10.7.0.0/24 dev eth0 src 10.7.0.1", "route del default"


@pytest.mark.parametrize("drops", [False, True], ids=["routes_stay", "routes_go"])
def test_checks_pause_without_a_cable(pair, drops):
    """The cable of the addresses is that of the checks, too. What is behind it is not known to have failed, and is known to
    be well only when it was asked again: until then whoever holds the addresses keeps them."""
    def text(prio):
        check = {"type": "tcp", "port": 9000, "interval": "1s", "timeout": "300ms", "rise": 3, "fall": 2}
        return json.dumps({"vrrp": {"wan": instance(priority=prio)}, "checks": {"app": check}, "services": {
            "web": {"listen": f"{VIP4}:80", "check": "app", "backends": {"s": f"{C4}:80"}}}})

    def up():
        return a.ctl("check", "show", "app")["data"][0]["targets_up"] == 1

    def last():
        backend = a.ctl("backend", "show", "web/s")["data"][0]
        return backend["check"], backend["check_text"]

    with pair.c:
        server = socket.create_server((C4, 9000), backlog=1024)  # nobody has to accept for a check to pass
    a, b = lone(pair.a, text(150), "lb-a"), lone(pair.b, text(100), "lb-b")
    try:
        for d, settled in ((a, is_master), (b, is_backup)):
            d.start(ready=False)
            settled(d)
        until(up, "the check passes")
        pair.sw.run("ip", "link", "set", "pa", "down")
        if drops:
            pair.a.ip(f"{Routes.gone}\n{Routes.other}")
        until(lambda: state(a) == "fault" and last()[0] == "SOCKERR", "the fault is seen, and the check pauses")
        assert last()[1] == "eth0 has no link: paused" and up()
        is_master(b)
        probes = worker(a)["probes"]
        until(lambda: worker(a)["probes"] > probes + 3, "it is asked more often than `fall`")
        assert up() and last()[0] == "SOCKERR"
        pair.sw.run("ip", "link", "set", "pa", "up")
        if drops:
            pair.a.ip(f"{Routes.back}\n{Routes.alone}")
        until(lambda: state(a) == "backup", "it is back")
        is_master(a)
        assert last()[0] == "L4OK", "it is master before its check has passed"
        assert "up -> down (" not in a.log()
        assert "leaves the addresses to others until its checks pass" in a.log()
        until(lambda: holders(pair) == ["pa"], "one holder", 10)
    finally:
        pair.sw.run("ip", "link", "set", "pa", "up")
        pair.a.ip(Routes.back)
        pair.a.run("ip", *Routes.alone.split(), check=False)
        for d in (b, a):
            d.close()
        server.close()


@pytest.mark.skipif(has_ipvs(), reason="this kernel has IPVS")
def test_node_without_ipvs_has_no_service_up(pair):
    """Nothing is ever decided of a service there; it must not take the addresses of those that the other node has."""
    def text(**keys):
        return json.dumps({"vrrp": {"wan": instance(priority=150, **keys)}, "services": {
            "web": {"listen": f"{VIP4}:80", "check": "none", "backends": {"s": f"{C4}:80"}}}})

    a = lone(pair.a, text(track=[{"services_up": 1}]), "lb-a")
    try:
        a.start(ready=False)
        until(lambda: state(a) == "fault", "it is at fault")
        assert a.ctl("vrrp", "show", "wan")["data"][0]["cause"] == "track:services_up"
        a.reload(text(track=[{"services_up": 1, "weight": -50}]), ok=None)  # there is no IPVS to have it
        is_master(a)
        assert a.ctl("vrrp", "show", "wan")["data"][0]["priority"] == 100
    finally:
        a.close()


def test_interface_of_a_group_that_is_put_right(pair):
    """One of a group names a card that is not there, and is gone with the next reload: its fault is nobody's any more."""
    def group(card):
        lan = instance(group="g", interface=card, vrid=VRID + 1, addresses=["10.8.0.9/24"])
        return json.dumps({"vrrp": {"wan": instance(group="g"), "lan": lan}, "services": {}})

    def addresses():
        return [ip in pair.a.run("ip", "-o", "addr") for ip in (f" {VIP4}/", " 10.8.0.9/")]

    d = lone(pair.a, group("eth1"), "lb-a")
    try:
        d.start(ready=False)
        for name in ("wan", "lan"):
            is_master(d, name)
        d.reload(group("eth9"), ok=False)  # ok is not said where there is no IPVS
        until(lambda: [state(d, n) for n in ("wan", "lan")] == ["fault", "fault"], "both are ill")
        assert "no_interface" in d.call("vrrp", "list").stdout
        until(lambda: not any(addresses()), "no address is held")
        d.reload(group("eth1"), ok=False)
        for name in ("wan", "lan"):
            is_master(d, name)
        until(lambda: all(addresses()), "both addresses are back")
    finally:
        d.close()


def shown(d, name="wan"):
    return d.ctl("vrrp", "show", name)["data"][0]


def said(d, adverts):
    """So many adverts later; what makes a backup take over is less than four of them."""
    sent = shown(d).get("sent", 0)
    until(lambda: shown(d).get("sent", 0) >= sent + adverts, f"{adverts} more adverts", 30)


@contextlib.contextmanager
def groups(pair, more=None, **wan):
    """Both nodes with wan and lan in one group, in which the standby also has `more`."""
    def text(prio, more):
        each = {"wan": {**instance(), **wan}, "lan": instance(interface="eth1", vrid=VRID + 1, addresses=["10.8.0.9/24"]), **more}
        return json.dumps({"vrrp": {n: {**i, "group": "g", "priority": prio, "advert_interval": "300ms"}
                                    for n, i in each.items()}, "services": {}})

    a, b = lone(pair.a, text(150, {}), "lb-a"), lone(pair.b, text(100, more or {}), "lb-b")
    try:
        for d, settled in ((a, is_master), (b, is_backup)):
            d.start(ready=False)
            settled(d)
            settled(d, "lan")
        yield a, b
    finally:
        for d in (b, a):
            d.close()


def test_a_weight_at_one_of_a_group_moves_all_of_it_once(pair):
    for n in (pair.a, pair.b):
        n.ip("link add up0 type veth peer name up1\nlink set up0 up\nlink set up1 up")
    try:
        with groups(pair, track=[{"interface": "up0", "weight": -60}]) as (a, b):
            pair.a.run("ip", "link", "set", "up0", "down")
            is_master(b)
            is_master(b, "lan")
            said(b, 15)
            assert [shown(d, n)["transitions"] for d in (a, b) for n in ("wan", "lan")] == [1, 1, 1, 1]
            assert [shown(a, n)["priority"] for n in ("wan", "lan")] == [90, 90]
            a.call("vrrp", "priority", "lan", "200")  # 140 with what is tracked
            is_master(a)
            is_master(a, "lan")
            said(a, 15)
            assert [shown(d, n)["transitions"] for d in (a, b) for n in ("wan", "lan")] == [2, 2, 1, 1]
    finally:
        for n in (pair.a, pair.b):
            n.run("ip", "link", "del", "up0")


def test_a_member_that_the_master_does_not_have_takes_nothing(pair):
    with groups(pair, more={"dmz": instance(interface="eth1", vrid=VRID + 2, addresses=["10.8.0.10/24"])}) as (a, b):
        until(lambda: "vrrp_path_down" in json.dumps(shown(b, "dmz")), "the standby says so")
        said(a, 15)
        assert [shown(a, n)["transitions"] for n in ("wan", "lan")] == [1, 1]
        assert [shown(b, n)["transitions"] for n in ("wan", "lan", "dmz")] == [0, 0, 0]
        os.kill(workers(a)["vrrp"], signal.SIGSTOP)
        try:
            for name in ("wan", "lan", "dmz"):
                is_master(b, name)
        finally:
            os.kill(workers(a)["vrrp"], signal.SIGCONT)


KA = """vrrp_instance wan {{
  state BACKUP
  interface eth0
  virtual_router_id {vrid}
  priority {prio}
  advert_int {interval}
  {more}
  virtual_ipaddress {{
    {addresses}
  }}
}}
"""

KINDS = {
    "v3": (dict(advert_interval="500ms"), dict(interval="0.5", more="version 3", addresses=f"{VIP4}/24"), A4, B4, VIP4),
    "v2-password": (dict(version=2, advert_interval="1s"),
                    dict(interval="1", more="version 2\n  authentication {\n auth_type PASS\n auth_pass 12345678\n }",
                         addresses=f"{VIP4}/24"), A4, B4, VIP4),
    "unicast": (dict(advert_interval="500ms", unicast=[A4, B4], source=A4),
                dict(interval="0.5", more=f"version 3\n  unicast_src_ip {B4}\n  unicast_peer {{\n {A4}\n }}",
                     addresses=f"{VIP4}/24"), A4, B4, VIP4),
    "ipv6": (dict(advert_interval="500ms", addresses=[f"{LL6}/64", f"{VIP6}/64"]),
             dict(interval="0.5", more="version 3\n  native_ipv6", addresses=f"{LL6}/64\n    {VIP6}/64"), None, None, VIP6),
}


@pytest.mark.parametrize("role", ["master", "backup"])
@pytest.mark.parametrize("kind", KINDS)
def test_keepalived_on_the_other_side(pair, kind, role, tmp_path):
    ours, theirs, _, _, vip = KINDS[kind]
    keys = dict(ours)
    if kind == "v2-password":
        key = tmp_path / "password"
        key.write_text("12345678\n")
        os.chmod(tmp_path, 0o755)
        key.chmod(0o640)
        keys["auth"] = {"type": "password", "key_file": str(key)}
    mine, other = (150, 100) if role == "master" else (100, 150)
    d = lone(pair.a, config(mine, **keys), "lb-a")
    with Wire(pair.c) as wire, Keepalived(pair.b, KA.format(vrid=VRID, prio=other, **theirs)):
        d.start(ready=False)
        try:
            winner, loser = (pair.a, pair.b) if role == "master" else (pair.b, pair.a)
            until(lambda: has(winner, vip) and not has(loser, vip), "the better one has it", 20)
            start = time.monotonic()
            time.sleep(SECONDS)
            assert has(winner, vip) and not has(loser, vip)
            if kind != "unicast":
                assert len({a.source for a in wire.adverts if a.time > start}) == 1
            if role == "master":
                d.stop()
                until(lambda: has(pair.b, vip) and not has(pair.a, vip), "keepalived takes over", 10)
        finally:
            d.close()


def test_what_a_frame_looks_like(pair):
    with Wire(pair.c) as wire:
        d = lone(pair.a, config(150, advert_interval="500ms", vrid=52), "lb-a").start(ready=False)
        try:
            until(lambda: wire.of(A4), "an advert")
            m = wire.of(A4)[0].raw
            assert m[:6] == bytes([0x31, 52, 150, 1]) + struct.pack(">H", 50) and m[8:] == socket.inet_aton(VIP4)
        finally:
            d.close()

