# SPDX-License-Identifier: GPL-2.0-or-later
"""
A pair of lbd and keepalived through its elections: who comes later and is better, who leaves, who must wait. On the
wire there are never two masters for longer than an advert and the skew (I1), and who leaves is followed within the skew
(I2). LBD_PAIR_SECONDS is how long each peace is watched; version 2, which counts in seconds, is only tried with it.
"""
import contextlib
import json
import os
import time

import pytest

from conftest import until
from pair import A4, B4, LL6, Keepalived, Pair, Wire, config, lone
from steps import slowness
from test_vrrp import KA, KINDS
from witness import Holders, down, gaps, skew, two_masters

LONG = "LBD_PAIR_SECONDS" in os.environ
SECONDS = float(os.environ.get("LBD_PAIR_SECONDS", "0.5"))
HIGH, LOW = 150, 100


@pytest.fixture(scope="module")
def pair():
    if os.geteuid() != 0:
        pytest.skip("needs root", allow_module_level=True)
    p = Pair()
    p.sw.run("ip", "link", "set", "br0", "type", "bridge", "ageing_time", "0")  # everybody hears unicast, too
    yield p
    p.close()


class Side:
    """One of the two, to be started and stopped: lbd on node A, keepalived on node B."""

    def __init__(self, pair, kind, prio, preempt, tmp_path):
        self.pair, self.kind, self.prio, self.preempt, self.tmp, self.running = pair, kind, prio, preempt, tmp_path, None
        self.node, self.interval = None, 1.0 if kind.startswith("v2") else 0.1

    def source(self):
        if self.kind != "ipv6":
            return A4 if self.node is self.pair.a else B4
        info = json.loads(self.node.run("ip", "-j", "-6", "addr", "show", "dev", "eth0", "scope", "link"))
        return next(a["local"] for a in info[0]["addr_info"] if a.get("local", LL6) != LL6)

    def stop(self):
        if self.running:
            self.running.close()
        self.running = None


class Ours(Side):
    def __init__(self, *args):
        super().__init__(*args)
        self.node = self.pair.a

    def start(self):
        keys = dict(KINDS[self.kind][0], advert_interval=f"{int(self.interval * 1000)}ms", preempt=self.preempt)
        if self.kind == "v2-password":
            key = self.tmp / "password"
            key.write_text("12345678\n")
            os.chmod(self.tmp, 0o755)
            key.chmod(0o640)
            keys["auth"] = {"type": "password", "key_file": str(key)}
        self.running = lone(self.node, config(self.prio, **keys), "lb-a").start(ready=False)


class Theirs(Side):
    def __init__(self, *args):
        super().__init__(*args)
        self.node = self.pair.b

    def start(self):
        keys = dict(KINDS[self.kind][1], interval=f"{self.interval:g}")
        if not self.preempt:
            keys["more"] += "\n  nopreempt"
        self.running = Keepalived(self.node, KA.format(vrid=51, prio=self.prio, **keys))


def peace(wire, who, seconds, allowed):
    """Only that one is heard; on time, where it is ours (I7)."""
    start = time.monotonic()
    time.sleep(seconds)
    heard = [a for a in list(wire.adverts) if a.time > start]
    assert {a.source for a in heard} <= {who.source()}
    worst = max(gaps(heard), default=0.0)
    assert worst < 1.5 * who.interval + allowed or isinstance(who, Theirs)
    return worst


@pytest.mark.parametrize("preempt", [True, False], ids=["preempt", "nopreempt"])
@pytest.mark.parametrize("better", ["lbd", "keepalived"])
@pytest.mark.parametrize("kind", KINDS)
def test_election(pair, kind, better, preempt, tmp_path):
    if not LONG and (kind.startswith("v2") or (kind != "v3" and not preempt)):
        pytest.skip("one of many: set LBD_PAIR_SECONDS")
    allowed = 0.010 * slowness()
    ours = Ours(pair, kind, HIGH if better == "lbd" else LOW, preempt, tmp_path)
    theirs = Theirs(pair, kind, LOW if better == "lbd" else HIGH, preempt, tmp_path)
    high, low = (ours, theirs) if better == "lbd" else (theirs, ours)
    step, vip = high.interval, KINDS[kind][4]
    unit = 1.0 if kind.startswith("v2") else step  # of the skew
    limit = step + skew(LOW, unit) + allowed
    with Wire(pair.c) as wire, Holders(high.node, low.node, ip=vip) as held, contextlib.ExitStack() as stack:
        stack.callback(ours.stop)
        stack.callback(theirs.stop)
        low.start()
        until(lambda: held.samples and held.now() == (False, True), "the first one has it", 10)
        start = time.monotonic()
        high.start()
        if preempt:
            until(lambda: held.now() == (True, False), "the better one takes it", 10)
            first, second = high, low
        else:
            first, second = low, high
            time.sleep(1 + down(LOW, step))
        worst = peace(wire, first, SECONDS, allowed)
        assert held.now() == ((True, False) if preempt else (False, True))
        first.stop()
        until(lambda: held.now() == ((False, True) if preempt else (True, False)), "the other one takes over", 10)
        left = [a for a in wire.of(first.source(), start) if a.prio == 0]
        taken = next(a.time for a in wire.of(second.source(), left[-1].time) if a.prio)
        both = two_masters(wire, high.source(), low.source(), 1.9 * step, start)
        print(f"FIGURES {kind} better={better} preempt={preempt}: two_masters={both:.3f} of {limit:.3f}, taken over "
              f"{taken - left[-1].time:.3f} after priority 0 of {skew(second.prio, unit):.3f}, worst gap {worst:.3f} of {step}, "
              f"both had it {held.several(start):.3f}")
        assert both < limit
        assert taken - left[-1].time < skew(second.prio, unit) + allowed + 0.005 or second is theirs
        assert held.several(start) < limit + 0.1
        peace(wire, second, SECONDS, allowed)
