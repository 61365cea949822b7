#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Counts the connections that a takeover costs: started by takeover.sh in the lab's guest, and prints for it

  sample EVENT/MEASURE/SIDE VALUE UNIT
  note TEXT

takeover.py REPS CELLS N
"""
import contextlib
import fnmatch
import os
import random
import resource
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lab"))
os.environ["LBD_BUILD"] = os.environ["LBD_BENCH_BUILD"]
from conftest import CtlError, Lbd, run, until  # noqa: E402
from flows import BACK, GW4, GW6, NAT_PORT, PORTS, VIP4, VIP6, Echo, Farm, Flows, conns  # noqa: E402
from test_sync import configuration, in_sync, kill_all  # noqa: E402

WORK = "/tmp/bench"
MODES = [(mode, family) for mode in PORTS for family in (4, 6)]
KINDS = ("busy", "idle")
PATIENCE = 60
ABSENT = 15  # s until a node comes back: what the other one had still to say of before is long said
PREEMPT = 5  # s that keepalived waits before it takes the addresses back


def say(text):
    print(text, flush=True)


def note(text):
    say("note " + " ".join(str(text).split()))


def holds(node):
    return f" {VIP4}/" in node.run("ip", "-o", "addr", "show", "dev", "eth0", check=False)


# ---------------------------------------------------------------- the sides: a pair each

class LbdSide:
    name = "lbd"

    def __init__(self, farm):
        self.farm, self.daemons = farm, {}

    def start(self, which):
        node = getattr(self.farm, which)
        d = Lbd(node, configuration(f"{WORK}/cluster.key"), name=f"lb-{which}", user="root")
        self.daemons[which] = d
        d.start()

    def ready(self):
        in_sync(*self.daemons.values())

    def kill(self, which):
        d = self.daemons.pop(which)
        kill_all(d)
        shutil.rmtree(d.dir, ignore_errors=True)

    def planned(self, which):
        self.daemons[which].text("failover", "--wait")

    def back(self, which):
        """Planned as well: the other way."""
        other = "b" if which == "a" else "a"
        self.ready()
        self.daemons[other].text("failover", "--wait")

    def close(self):
        for d in self.daemons.values():
            with contextlib.suppress(AssertionError):
                d.stop(30)
            shutil.rmtree(d.dir, ignore_errors=True)


def keepalived_text(prio):
    def instance(name, card, vrid, addresses):
        return (f"vrrp_instance {name} {{\n  state BACKUP\n  interface {card}\n  virtual_router_id {vrid}\n  priority {prio}\n"
                f"  advert_int 0.2\n  preempt_delay {PREEMPT}\n  virtual_ipaddress {{\n"
                + "".join(f"    {a}\n" for a in addresses) + "  }\n}\n")

    text = ("global_defs {\n  vrrp_version 3\n  vrrp_garp_master_delay 1\n  lvs_sync_daemon eth2 wan id 7\n}\n"
            "vrrp_sync_group edge {\n  group {\n    wan\n    wan6\n    lan\n    lan6\n  }\n}\n"
            + instance("wan", "eth0", 51, [f"{VIP4}/24"]) + instance("wan6", "eth0", 52, ["fe80::100/64", f"{VIP6}/64"])
            + instance("lan", "eth1", 53, [f"{GW4}/24"]) + instance("lan6", "eth1", 54, ["fe80::254/64", f"{GW6}/64"]))
    for mode, family in MODES:
        vip, back = (VIP4, BACK + ".{}") if family == 4 else (VIP6, "fd01::{}")
        text += f"virtual_server {vip} {PORTS[mode]} {{\n  lvs_sched rr\n  lvs_method {mode.upper()}\n  protocol TCP\n"
        for i in (11, 12):
            port = NAT_PORT if mode == "nat" else PORTS[mode]
            text += f"  real_server {back.format(i)} {port} {{\n    weight 1\n  }}\n"
        text += "}\n"
    return text


# reference: what is known to help. The number of threads must be the same on both nodes.
KERNEL = {"sync_threshold": "3 0", "sync_refresh_period": 10, "sync_retries": 1, "sync_sock_size": 16 << 20, "sync_ports": 4,
          "sloppy_tcp": 1}


class KeepalivedSide:
    name = "keepalived"

    def __init__(self, farm):
        self.farm, self.processes, self.dirs = farm, {}, []
        for key in ("net.core.rmem_max", "net.core.wmem_max"):
            run("sysctl", "-qw", f"{key}={16 << 20}")

    def start(self, which):
        node = getattr(self.farm, which)
        for key, value in KERNEL.items():
            node.sysctl(f"net.ipv4.vs.{key}", value)
        d = tempfile.mkdtemp(prefix="ka-")
        self.dirs.append(d)
        with open(f"{d}/conf", "w", encoding="ascii") as f:
            f.write(keepalived_text(150 if which == "a" else 100))
        with open(f"{d}/log", "wb") as log, node:
            self.processes[which] = subprocess.Popen(
                ["keepalived", "-n", "-l", "-G", "-f", f"{d}/conf", "-p", f"{d}/pid", "-r", f"{d}/vrrp",
                 "-c", f"{d}/check"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        want = len(MODES) * 2
        until(lambda: node.run("ipvsadm", "-Ln").count("->") - 1 >= want, f"keepalived on {which} has its services", 30)

    def ready(self):
        """Where each has its role, and so its half of the kernel's synchronisation."""
        def roles():
            return [("master" if "master" in text else "") + ("backup" if "backup" in text else "")
                    for text in (n.run("ipvsadm", "-L", "--daemon") for n in (self.farm.a, self.farm.b))]
        until(lambda: sorted(roles()) == ["backup", "master"], f"one sync daemon each: {roles()}", 30)

    def all(self, which):
        p = self.processes[which]
        return [p.pid, *map(int, run("ps", "-o", "pid=", "--ppid", str(p.pid), check=False).split())]

    def kill(self, which):
        for pid in self.all(which):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.processes.pop(which).wait()

    def planned(self, which):
        p = self.processes.pop(which)
        p.terminate()
        p.wait(30)

    def back(self, which):
        self.start(which)

    def close(self):
        for p in self.processes.values():
            p.terminate()
        for p in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                p.wait(20)
            p.kill()
            p.wait()
        for d in self.dirs:
            shutil.rmtree(d, ignore_errors=True)


SIDES = {s.name: s for s in (LbdSide, KeepalivedSide)}


# ---------------------------------------------------------------- connections

class Traffic:
    """n connections through each mode in both families: half of them go on talking, half only when they are asked at the
    end."""

    def __init__(self, farm, n):
        self.echo = Echo(farm.servers, [NAT_PORT, *(p for m, p in PORTS.items() if m != "nat")])
        self.flows, self.n = {}, n
        begin = time.monotonic()
        for mode, family in MODES:
            for kind in KINDS:
                self.flows[kind, mode, family] = Flows(farm.client, VIP4 if family == 4 else VIP6, PORTS[mode], n // 2)
        for i, f in enumerate(self.flows.values()):
            # in the order in which they were opened round robin would send even unknown ones where they were
            both = list(zip(f.socks, f.server))
            random.Random(i).shuffle(both)
            f.socks, f.server = map(list, zip(*both))
        self.total = sum(len(f.socks) for f in self.flows.values())
        note(f"{self.total} connections opened in {time.monotonic() - begin:.1f} s")

    def talk(self, kind):
        """Those of that kind that are lost are closed: {(mode, family): (lost, of)}"""
        found = {}
        for (k, mode, family), f in self.flows.items():
            if k != kind:
                continue
            had, lost = len(f.socks), [i for i, _ in f.talk(PATIENCE / 3)]
            for i in reversed(lost):
                f.socks.pop(i).close()
                f.server.pop(i)
            found[mode, family] = len(lost), had
        return found

    def close(self):
        for f in self.flows.values():
            f.close()
        self.echo.close()


def count_lost(event, side, traffic):
    lost = of = 0
    for kind in KINDS:
        found = traffic.talk(kind)
        for (mode, family), (n, had) in found.items():
            say(f"sample {event}/lost-{kind}-{mode}{family}/{side} {n} of-{had}")
        say(f"sample {event}/lost-{kind}/{side} {sum(n for n, _ in found.values())} of-{sum(h for _, h in found.values())}")
        lost, of = lost + sum(n for n, _ in found.values()), of + sum(h for _, h in found.values())
    say(f"sample {event}/lost/{side} {lost} of-{of}")
    note(f"{event} {side}: {lost} of {of} are lost")


def known(node):
    return conns(node).get("ESTABLISHED", 0)


def settle(farm, traffic, side):
    """The other node may know them: what there is time for before a node fails on an ordinary day."""
    want = sum(len(f.socks) for f in traffic.flows.values())
    end = time.monotonic() + 15
    found = 0
    while time.monotonic() < end:
        found = known(farm.b)
        if found >= want:
            break
        time.sleep(0.5)
    note(f"{side}: {found} of {want} connections are known to the other node")


# ---------------------------------------------------------------- events

def taken(farm, to, since, event, side):
    until(lambda: holds(getattr(farm, to)), f"{to} has the addresses", 60)
    note(f"{event} {side}: {to} has the addresses after {time.monotonic() - since:.1f} s")
    time.sleep(1)


def event_cut(farm, side, traffic):
    begin = time.monotonic()
    farm.cut("a")
    taken(farm, "b", begin, "cut", side.name)
    count_lost("cut", side.name, traffic)
    talk_for(traffic, ABSENT)
    begin = time.monotonic()
    farm.cut("a", up=True)
    talk_until(traffic, lambda: holds(farm.a) and not holds(farm.b))
    taken(farm, "a", begin, "cut-healed", side.name)
    count_lost("cut-healed", side.name, traffic)


def event_kill(farm, side, traffic):
    begin = time.monotonic()
    side.kill("a")
    taken(farm, "b", begin, "sigkill", side.name)
    count_lost("sigkill", side.name, traffic)
    talk_for(traffic, ABSENT)
    farm.reboot("a")
    note(f"back-empty {side.name}: it begins with {known(farm.a)} connections")
    begin = time.monotonic()
    side.start("a")
    talk_until(traffic, lambda: holds(farm.a) and not holds(farm.b))
    note(f"back-empty {side.name}: it has {known(farm.a)} connections when it takes the addresses")
    taken(farm, "a", begin, "back-empty", side.name)
    count_lost("back-empty", side.name, traffic)


def event_planned(farm, side, traffic):
    begin = time.monotonic()
    side.planned("a")
    taken(farm, "b", begin, "planned", side.name)
    count_lost("planned", side.name, traffic)
    talk_for(traffic, ABSENT)
    begin = time.monotonic()
    side.back("a")
    talk_until(traffic, lambda: holds(farm.a) and not holds(farm.b))
    taken(farm, "a", begin, "planned-back", side.name)
    count_lost("planned-back", side.name, traffic)


def talk_until(traffic, done):
    """The busy ones go on meanwhile; what they lose is counted at the end."""
    end = time.monotonic() + 90
    while not done():
        assert time.monotonic() < end, "the first node has the addresses again"
        talk_for(traffic, 0.5)


def talk_for(traffic, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for (kind, _, _), f in traffic.flows.items():
            for s in f.socks if kind == "busy" else ():
                with contextlib.suppress(OSError):
                    s.send(b"\n")  # nobody answers an empty line
        time.sleep(0.5)


EVENTS = {"cut": event_cut, "kill": event_kill, "planned": event_planned}


def one(event, side, n):
    farm = Farm()
    pair = traffic = None
    try:
        pair = SIDES[side](farm)
        for which in "ab":
            pair.start(which)
            if which == "a":
                until(lambda: holds(farm.a), "a has the addresses", 60)
        pair.ready()
        traffic = Traffic(farm, n)
        settle(farm, traffic, side)
        EVENTS[event](farm, pair, traffic)
    finally:
        if traffic:
            traffic.close()
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
    run("modprobe", "-a", "ipip", "ip6_tunnel", "dummy", check=False)
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
