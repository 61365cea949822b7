# SPDX-License-Identifier: GPL-2.0-or-later
"""
Two nodes that also hear each other over a second network: no second master where only the first one is broken, and a
planned hand-over.
"""
import contextlib
import json
import os
import signal
import time

import pytest

from conftest import until
from pair import A4, B4, VIP4, Pair, Wire, has, instance, is_backup, is_master, lone, state
from steps import slowness

LEASE = 3.0


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


def yaml(key, paths=2, more=None, **keys):
    a = ["10.8.0.1", A4][:paths]
    b = ["10.8.0.2", B4][:paths]
    keys.setdefault("priority", {"lb-a": 150, "lb-b": 100})
    return json.dumps({
        "cluster": {"id": 7, "key_file": key, "heartbeat": "100ms", "dead_after": "500ms",
                    "nodes": {"lb-a": {"address": a}, "lb-b": {"address": b}}},
        "vrrp": {"wan": instance(**keys), **(more or {})}, "services": {}}, indent=1) + "\n"


@contextlib.contextmanager
def both(pair, text, other=None):
    a, b = lone(pair.a, text, "lb-a"), lone(pair.b, other or text, "lb-b")
    try:
        a.start(ready=False)
        is_master(a)
        b.start(ready=False)
        is_backup(b)
        until(lambda: peer(a).get("state") == "up" and peer(b).get("state") == "up", "they hear each other")
        until(lambda: "backup" in json.dumps(peer(a)) and "master" in json.dumps(peer(b)), "they know each other's roles")
        yield a, b
    finally:
        for d in (b, a):
            d.close()
        for n in ("pa", "pb", "pa1", "pb1"):
            pair.sw.run("ip", "link", "set", n, "up")


def peer(d):
    done = d.call("-j", "peer", "status")
    return (json.loads(done.stdout)["data"] or [{}])[0] if done.returncode == 0 else {}


def holders(pair):
    return [n.name for n in (pair.a, pair.b) if has(n)]


def alarms(d):
    return json.dumps(d.ctl("status")["data"])


@contextlib.contextmanager
def no_adverts(node):
    """Nothing of VRRP leaves the node: its multicast is lost, all else goes on."""
    rules = "table ip lost { chain out { type filter hook output priority 0;\nip protocol 112 drop\n}\n}\n"
    node.run("nft", "-f", "-", text=rules)
    try:
        yield
    finally:
        node.run("nft", "delete", "table", "ip", "lost")


def test_lost_multicast_makes_no_second_master(pair, key):
    with both(pair, yaml(key)) as (a, b):
        with no_adverts(pair.a):
            until(lambda: "vrrp_path_down" in alarms(b), "the alarm", 5)
            end = time.monotonic() + 2
            while time.monotonic() < end:
                assert holders(pair) == ["pa"]
            assert (state(a), state(b)) == ("master", "backup")
        until(lambda: "vrrp_path_down" not in alarms(b), "the alarm is over", 5)


def test_a_dead_node_is_taken_over_as_soon_as_without_a_second_path(pair, key):
    with Wire(pair.c) as wire:
        with both(pair, yaml(key)) as (a, b):
            pids = [r["pid"] for r in a.ctl("daemon", "info")["data"][0]["workers"]] + [a.pid]
            start = time.monotonic()
            for pid in sorted(pids):
                os.kill(pid, signal.SIGKILL)
            a.wanted = False
            until(lambda: wire.of(B4, start), "the other one takes over")
            first = wire.of(B4, start)[0]
            assert first.time - start < 0.3 + 156 / 256 * 0.1 + 0.1 + 0.020 * slowness()
            until(lambda: peer(b).get("state") == "down", "it is gone", 3)
            assert "peer_down" in alarms(b)
            a.process.wait()


def test_one_path_may_be_lost(pair, key):
    with both(pair, yaml(key)) as (a, b):
        pair.sw.run("ip", "link", "set", "pa1", "down")
        until(lambda: [" up" in p for p in peer(b)["paths"]] == [False, True], "one path is down", 5)
        assert peer(b)["state"] == "up"
        pair.sw.run("ip", "link", "set", "pa1", "up")
        until(lambda: all(" up" in p for p in peer(b)["paths"]), "and up again", 5)


def test_a_node_that_starts_again_is_the_same_node(pair, key):
    with both(pair, yaml(key, preempt=False)) as (a, b):
        b.stop()
        until(lambda: peer(a).get("state") == "down", "it is gone", 3)
        b.start(ready=False)
        until(lambda: peer(a).get("state") == "up" and peer(b).get("state") == "up", "it is back", 5)
        assert state(a) == "master"


def test_planned_hand_over_from_either_node(pair, key):
    with Wire(pair.c) as wire:
        with both(pair, yaml(key)) as (a, b):
            for node, to in ((a, b), (a, a), (b, b)):
                start = time.monotonic()
                said = node.text("failover", "--wait")
                print(said)
                assert "outage" in said, said
                is_master(to)
                until(lambda: len(holders(pair)) == 1, "one holder", 2)
                left = [x for x in wire.adverts if x.time >= start and x.prio == 0][0]
                first = [x for x in wire.adverts if x.time > left.time and x.prio and x.source != left.source][0]
                assert first.time - left.time < 0.020 * slowness(), said


def test_hand_over_takes_a_whole_group(pair, key):
    more = {"lan": {"interface": "eth1", "vrid": 52, "addresses": ["10.8.0.100/24"], "advert_interval": "100ms",
                    "group": "edge", "priority": {"lb-a": 150, "lb-b": 100}}}
    with both(pair, yaml(key, group="edge", more=more)) as (a, b):
        is_master(a, "lan")
        until(lambda: json.dumps(peer(a)).count("backup") == 2, "both follow there")
        said = a.text("failover", "--wait")
        assert "wan" in said and "lan" in said and "outage" in said
        is_master(b)
        is_master(b, "lan")
        assert state(a) == state(a, "lan") == "backup"


def test_another_configuration_is_refused_unless_forced(pair, key):
    with both(pair, yaml(key), yaml(key, announce={"count": 4})) as (a, b):
        done = a.call("failover", "--wait")
        assert done.returncode == 7 and "--force" in done.stdout + done.stderr
        assert state(a) == "master"
        assert a.call("failover", "--wait", "--force").returncode == 0
        is_master(b)


def test_nobody_to_hand_over_to(pair, key):
    a = lone(pair.a, yaml(key), "lb-a")
    try:
        a.start(ready=False)
        is_master(a)
        done = a.call("failover", "--wait")
        assert done.returncode == 7, done
        assert state(a) == "master"
    finally:
        a.close()


def test_another_key_is_nobody(pair, key, tmp_path):
    wrong = tmp_path / "other.key"
    wrong.write_text("ff" * 32 + "\n")
    wrong.chmod(0o640)
    a, b = lone(pair.a, yaml(key), "lb-a"), lone(pair.b, yaml(str(wrong)), "lb-b")
    try:
        a.start(ready=False)
        is_master(a)
        b.start(ready=False)
        is_backup(b)
        time.sleep(1)
        assert peer(a).get("state") != "up" and peer(b).get("state") != "up"
        assert state(a) == "master" and state(b) == "backup"
    finally:
        b.close()
        a.close()


def test_owner_that_says_so_over_the_second_path_is_no_alarm(pair, key):
    """Also when the path is broken later: it does not take its word back by that."""
    try:
        with both(pair, yaml(key, paths=1, priority={"lb-a": 255, "lb-b": 100})) as (_, b):
            time.sleep(5.5)  # so long it may not have said so yet
            pair.sw.run("ip", "link", "set", "pa1", "down")
            until(lambda: peer(b).get("state") == "down", "the path is down")
            time.sleep(1)
            assert "unknown_owner" not in alarms(b) and state(b) == "backup"
            assert "unknown_owner" not in b.log()
    finally:
        pair.a.run("ip", "addr", "del", f"{VIP4}/24", "dev", "eth0", check=False)  # an owner keeps it
