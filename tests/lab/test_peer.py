# SPDX-License-Identifier: GPL-2.0-or-later
"""
Two nodes that also hear each other over a second network: no second master where only the first one is broken, and a
planned hand-over.
"""
import contextlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time


from conftest import until
from pair import A4, B4, VIP4, Wire, has, instance, is_backup, is_master, key, lone, pair, state
from steps import slowness
from test_vrrp import workers
from witness import gaps

LEASE = 3.0


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


def ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        words = f.read().rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


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
            until(lambda: "adverts_unsent" in alarms(a), "the alarm where it is", 5)
            end = time.monotonic() + 2
            while time.monotonic() < end:
                assert holders(pair) == ["pa"]
            assert (state(a), state(b)) == ("master", "backup")
        until(lambda: "vrrp_path_down" not in alarms(b), "the alarm is over", 5)
        until(lambda: "adverts_unsent" not in alarms(a), "the other one, too", 5)


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


class Slow(threading.Thread):
    """The second path from A to B takes so many seconds: B loses what comes from the card of A, and gets it later from
    another one."""

    def __init__(self, pair, seconds):
        super().__init__(daemon=True)
        self.pair, self.seconds, self.over = pair, seconds, threading.Event()
        self.mac = json.loads(pair.a.run("ip", "-j", "link", "show", "eth1"))[0]["address"]
        with pair.b:
            self.ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.ear.bind(("eth1", 0))
        with pair.sw:
            self.mouth = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.mouth.bind(("pb1", 0))

    def run(self):
        late, source = [], bytes.fromhex(self.mac.replace(":", ""))
        while not self.over.is_set():
            if select.select([self.ear], [], [], 0.002)[0]:
                frame = self.ear.recv(2048)
                if frame[6:12] == source and frame[12:14] == b"\x08\x00" and frame[23] == 17:
                    frame = frame[:6] + b"\x02\0\0\0\0\x77" + frame[12:40] + b"\0\0" + frame[42:]  # without a checksum
                    late.append((time.monotonic() + self.seconds, frame))
            while late and late[0][0] <= time.monotonic():
                self.mouth.send(late.pop(0)[1])

    def __enter__(self):
        self.pair.b.run("nft", "-f", "-", text="table netdev slow { chain in { type filter hook ingress device eth1 priority 0;"
                        f"\nether saddr {self.mac} udp dport 9789 drop\n}}\n}}\n")
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        self.pair.b.run("nft", "delete", "table", "netdev", "slow")
        self.ear.close()
        self.mouth.close()


def test_a_dead_node_does_not_live_on_in_a_slow_path(pair, key):
    """Its last words arrive when it has been dead for longer than its silence may last."""
    with Slow(pair, 0.3), Wire(pair.c) as wire:
        with both(pair, yaml(key, paths=1)) as (a, b):
            pids = [r["pid"] for r in a.ctl("daemon", "info")["data"][0]["workers"]] + [a.pid]
            for pid in sorted(pids):
                os.kill(pid, signal.SIGKILL)
            a.wanted = False
            a.process.wait()
            last = wire.of(A4)[-1].time
            until(lambda: wire.of(B4, last), "the other one takes over")
            took = wire.of(B4, last)[0].time - last
            print(f"FIGURES slow path: taken over {took:.3f} s after the last advert")
            assert took < 0.3 + 156 / 256 * 0.1 + 0.020 * slowness()


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
                is_backup(a if to is b else b)  # its core knows which way the next one goes
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


# Beats with a signature that is wrong, 40 of them for each call of the system, for so many seconds.
POUR = """
import socket, struct, time
beat = b"LBDP" + bytes([1, 0, 7, 32]) + struct.pack(">H", 100) + bytes(1152 - 10)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_UDP, 103, len(beat))  # UDP_SEGMENT
s.bind(("10.8.0.2", 0))
end, n = time.monotonic() + 2, 0
while time.monotonic() < end:
    try:
        s.sendto(beat * 40, ("10.8.0.1", 9789))
        n += 40
    except OSError:
        time.sleep(0.0001)
print(n)
"""


def test_a_flood_of_beats_delays_nothing_and_ends_nobody(pair, key):
    """They come from the address of the other node, faster than they can be read. The kernel ends who has real-time
    priority and works on without a wait: it is given 0.3 s here instead of 1 s, and whoever floods a priority, too."""
    a, cpus = lone(pair.a, yaml(key), "lb-a"), sorted(os.sched_getaffinity(0))
    try:
        with Wire(pair.c) as wire:
            a.start(ready=False)
            is_master(a)
            pid = workers(a)["vrrp"]
            before, start = ticks(pid), time.monotonic()
            with pair.b:
                flood = subprocess.Popen([sys.executable, "-c", POUR], stdout=subprocess.PIPE, text=True)
            if len(cpus) > 1 and "sanitizer" not in a.log():
                os.sched_setaffinity(pid, cpus[:1])
                resource.prlimit(pid, resource.RLIMIT_RTTIME, (300000, 300000))
                os.sched_setaffinity(flood.pid, cpus[1:2])
                os.sched_setscheduler(flood.pid, os.SCHED_RR, os.sched_param(5))
            sent = int(flood.communicate(timeout=60)[0])
            took = time.monotonic() - start
            assert workers(a)["vrrp"] == pid and state(a) == "master"
            until(lambda: (peer(a).get("refused") or {}).get("key", 0) > 1000, "they are counted", 5)
            worst = max(gaps(wire.of(A4, start)))
            print(f"FIGURES flood of beats: sent={sent}, per_second={sent / took:.0f}, refused={peer(a)['refused']}, "
                  f"cpu_of_vrrp={(ticks(pid) - before) / os.sysconf('SC_CLK_TCK') / took:.2f}, worst_gap={worst:.4f}")
            assert worst < 1.5 * 0.1 + 0.010 * slowness()
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
