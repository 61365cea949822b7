#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Counts the connections that a takeover costs: started by takeover.sh in the lab's guest, and prints for it

  sample MODE/EVENT/MEASURE/SIDE VALUE UNIT
  note TEXT

takeover.py REPS CELLS N
"""
import contextlib
import fnmatch
import os
import resource
import secrets
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lab"))
os.environ["LBD_BUILD"] = os.environ["LBD_BENCH_BUILD"]
import takeover_others  # noqa: E402
from conftest import CtlError, Lbd, run, until  # noqa: E402
from flows import (FRONT, HIDDEN, MANY, MANY6, NAT_PORT, PORTS, STICKY, VIP4, VIP6, Farm)  # noqa: E402
from test_sync import configuration, hides, in_sync, kill_all  # noqa: E402

WORK = takeover_others.WORK
TALK = os.path.join(os.environ["LBD_BENCH_BUILD"], "tests/bench/bench_talk")
WAYS = {**PORTS, "snat": HIDDEN}
MODES = [(way, family) for way in WAYS for family in (4, 6)]
DATAGRAMS = 32  # UDP flows per mode and family
PERSISTENT = [f"{FRONT}.{i}" for i in range(33, 63)]
RATE = 200  # words per second of all busy ones
PATIENCE = 20  # s without any answer: by then TCP has said it again for the sixth time
ABSENT = 15  # s until a node comes back: what the other one had still to say of before is long said


def say(text):
    print(text, flush=True)


def note(text):
    say("note " + " ".join(str(text).split()))


def holds(node):
    return f" {VIP4}/" in node.run("ip", "-o", "addr", "show", "dev", "eth0", check=False)


# ---------------------------------------------------------------- lbd's pair; the other one is in takeover_others.py

class LbdSide:
    name = "lbd"

    def __init__(self, farm):
        self.farm, self.daemons = farm, {}

    def start(self, which):
        node = getattr(self.farm, which)
        d = Lbd(node, configuration(f"{WORK}/cluster.key", hidden=True), name=f"lb-{which}", user="root")
        self.daemons[which] = d
        d.start()
        hides(node)

    def ready(self):
        in_sync(*self.daemons.values())

    def kill(self, which):
        d = self.daemons.pop(which)
        kill_all(d)
        shutil.rmtree(d.dir, ignore_errors=True)

    def hand_over(self, which):
        """From a node whose core knows that it is master: of another one it would be the other way."""
        d = self.daemons[which]
        until(lambda: {r["state"] for r in d.ctl("vrrp", "list")["data"]} == {"master"}, f"{d.name} knows that it is master")
        d.text("failover", "--wait")

    def planned(self, which):
        self.hand_over(which)

    def back(self, which):
        """Planned as well: the other way."""
        other = "b" if which == "a" else "a"
        self.ready()
        self.hand_over(other)

    def close(self):
        for d in self.daemons.values():
            with contextlib.suppress(AssertionError):
                d.stop(30)
            if os.environ.get("LBD_BENCH_TRACE"):
                note(f"log of {d.name}: {d.log()[-20000:]}")
            shutil.rmtree(d.dir, ignore_errors=True)


SIDES = {s.name: s for s in (LbdSide, takeover_others.KeepalivedSide)}


# ---------------------------------------------------------------- connections

class Talk:
    """n connections through each mode in both families, half of them busy; UDP flows; persistent clients."""

    def __init__(self, farm, n):
        ports = {str(p) for way, p in WAYS.items() if way in ("dr", "tun")} | {str(NAT_PORT)}
        self.processes = []
        for server in farm.servers:
            self.spawn(server, "serve", server.name, *sorted(ports))
        self.hold = self.spawn(farm.client, "hold", str(RATE))
        self.left = {}
        farm.client.ip("\n".join(f"addr add {a}/24 dev eth0" for a in PERSISTENT if a not in MANY))
        begin = time.monotonic()
        for way, family in MODES:
            vip, many = (VIP4, MANY) if family == 4 else (VIP6, MANY6)
            for i, kind in enumerate(("busy", "idle")):
                # many clients with one port each: what hides them must find another one for most of them
                source = f" {many[0]} {len(many)} {20000 + 10000 * i}" if way == "snat" else ""
                self.tell(f"add {way}{family}-{kind} {kind} {vip} {WAYS[way]} {n // 2}{source}")
        for way, family in MODES:  # last, as they may be over in minutes
            self.tell(f"add {way}{family}-udp datagram {VIP4 if family == 4 else VIP6} {WAYS[way]} {DATAGRAMS}")
        self.tell(f"add sticky again {VIP4} {STICKY} {len(PERSISTENT)} {PERSISTENT[0]} {len(PERSISTENT)} 0")
        self.opened = sum(self.left[f"{way}{family}-{kind}"] for way, family in MODES for kind in ("busy", "idle"))
        note(f"{self.opened} connections opened in {time.monotonic() - begin:.1f} s")

    def spawn(self, node, *argv):
        with node:
            p = subprocess.Popen([TALK, *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes.append(p)
        if argv[0] == "serve":
            assert p.stdout.readline() == "ready\n", argv
        return p

    def tell(self, command):
        """{group: (lost, of, how)}"""
        self.hold.stdin.write(command + "\n")
        self.hold.stdin.flush()
        found = {}
        for line in iter(self.hold.stdout.readline, ""):
            words = line.split()
            if words == ["done"]:
                break
            if words[0] != "group":
                note(line)
                continue
            of, lost = int(words[2]), int(words[3])
            found[words[1]] = lost, of, {k: int(v) for k, v in zip(words[4::2], words[5::2]) if v != "0"}
            self.left[words[1]] = of - lost
        else:
            raise AssertionError(f"bench_talk ended at {command!r}: {self.hold.wait()}")
        if command.startswith("add"):
            assert not any(lost for lost, _, _ in found.values()), found
        return found

    def close(self):
        for p in self.processes:
            p.kill()
            p.wait()


def add_up(found, names):
    names = [n for n in names if n in found]
    return sum(found[n][0] for n in names), sum(found[n][1] for n in names)


def count_lost(event, side, talk):
    begin = time.monotonic()
    found = talk.tell(f"ask {PATIENCE}")
    sums = {f"{way}{family}": [f"{way}{family}-{kind}" for kind in ("busy", "idle")] for way, family in MODES}
    for kind in ("busy", "idle", "udp"):
        sums[kind] = [f"{way}{family}-{kind}" for way, family in MODES]
    sums["tcp"] = sums["busy"] + sums["idle"]
    sums["sticky"] = ["sticky"]
    for mode, names in sums.items():
        lost, of = add_up(found, names)
        say(f"sample {mode}/{event}/lost/{side} {lost} {of}")
    how = {name: how for name, (_, _, how) in found.items() if how}
    note(f"{event} {side}: {add_up(found, found)[0]} lost, known after {time.monotonic() - begin:.1f} s; {how or ''}")


def known(node):
    """Connections of TCP that are open, in the node's kernel."""
    with node, open("/proc/thread-self/net/ip_vs_conn", encoding="ascii") as f:
        return sum(" ESTABLISHED " in line for line in f)


def settle(farm, talk, side):
    """The other node may know them: what there is time for before a node fails on an ordinary day."""
    begin = time.monotonic()
    found = 0
    while found < talk.opened and time.monotonic() < begin + 15:
        time.sleep(0.5)
        found = known(farm.b)
    note(f"{side}: {found} of {talk.opened} connections are known to the other node after {time.monotonic() - begin:.1f} s")
    time.sleep(3)  # UDP, connection tracking


# ---------------------------------------------------------------- events

def taken(farm, to, since, event, side):
    until(lambda: holds(getattr(farm, to)), f"{to} has the addresses", 60)
    note(f"{event} {side}: {to} has the addresses after {time.monotonic() - since:.1f} s")
    time.sleep(1)


def went_back(farm):
    until(lambda: holds(farm.a) and not holds(farm.b), "the first node has the addresses again", 90, 0.5)


def event_cut(farm, side, talk):
    begin = time.monotonic()
    farm.cut("a")
    taken(farm, "b", begin, "cut", side.name)
    count_lost("cut", side.name, talk)
    time.sleep(ABSENT)
    begin = time.monotonic()
    farm.cut("a", up=True)
    went_back(farm)
    taken(farm, "a", begin, "healed", side.name)
    count_lost("healed", side.name, talk)


def event_kill(farm, side, talk):
    begin = time.monotonic()
    side.kill("a")
    taken(farm, "b", begin, "sigkill", side.name)
    count_lost("sigkill", side.name, talk)
    time.sleep(ABSENT)
    farm.reboot("a")
    note(f"back {side.name}: it begins with {known(farm.a)} connections")
    begin = time.monotonic()
    side.start("a")
    went_back(farm)
    note(f"back {side.name}: it has {known(farm.a)} connections when it takes the addresses")
    taken(farm, "a", begin, "back", side.name)
    count_lost("back", side.name, talk)


def event_planned(farm, side, talk):
    begin = time.monotonic()
    side.planned("a")
    taken(farm, "b", begin, "planned", side.name)
    count_lost("planned", side.name, talk)
    time.sleep(ABSENT)
    begin = time.monotonic()
    side.back("a")
    went_back(farm)
    taken(farm, "a", begin, "planned-back", side.name)
    count_lost("planned-back", side.name, talk)


EVENTS = {"cut": event_cut, "kill": event_kill, "planned": event_planned}


def one(event, side, n):
    farm = Farm(tracked=True)
    pair = talk = None
    try:
        pair = SIDES[side](farm)
        for which in "ab":
            pair.start(which)
            if which == "a":
                until(lambda: holds(farm.a), "a has the addresses", 60)
        pair.ready()
        talk = Talk(farm, n)
        settle(farm, talk, side)
        EVENTS[event](farm, pair, talk)
    finally:
        if talk:
            talk.close()
        if pair:
            pair.close()
        farm.close()


def main():
    reps, patterns, n = int(sys.argv[1]), sys.argv[2].split(), int(sys.argv[3])
    os.makedirs(WORK, exist_ok=True)
    with open(f"{WORK}/cluster.key", "w", encoding="ascii") as f:
        f.write(secrets.token_hex(32) + "\n")
    os.chmod(f"{WORK}/cluster.key", 0o600)
    resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
    run("modprobe", "ip_vs", "conn_tab_bits=16")
    run("modprobe", "-a", "ipip", "ip6_tunnel", "dummy", "nf_conntrack_netlink", "nft_chain_nat", "nft_fib_inet", check=False)
    broken = False
    for event in EVENTS:
        for side in SIDES:
            if not any(fnmatch.fnmatch(f"{event}-{side}", p) for p in patterns):
                continue
            for _ in range(reps):
                begin = time.monotonic()
                try:
                    one(event, side, n)
                except (AssertionError, CtlError, OSError, subprocess.SubprocessError) as e:
                    broken = True
                    note(f"{event}-{side} gave up: {repr(e)[:2000]}")
                note(f"{event}-{side} took {time.monotonic() - begin:.0f} s")
    if broken:
        say("broken")


if __name__ == "__main__":
    main()
