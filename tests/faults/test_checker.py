#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the checker makes of stories written by hand: each breaks one rule, or nearly. Run by ctest, without a network."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import checker

MS = 0.001
SETUP = {"t": 0.0, "is": "setup", "slow": 1.0, "interval": 0.1, "down": 0.361, "lease": 3.0}
VIP = "10.7.0.100"
WEB = {"TCP web rr": {"s1": 1, "s2": 1}}
LESS = {"TCP web rr": {"s1": 1}}
RESCHEDULED = ((0.5, WEB), (10.0, {"TCP web wrr": {"s1": 1, "s2": 1}}))
THEIRS = {"UDP dns wlc": {"s9": 9}}
END = 30.0


def e(t, kind, **rest):
    return {"t": t, "is": kind, **rest}


def pings(lost=(), still=()):
    """Asked every 5 ms; `lost` was not answered, in `still` nothing ran."""
    out = []
    for i in range(int(END / 0.005)):
        t = i * 0.005
        if not any(a <= t < b for a, b in still):
            out.append(e(t, "ping", came=0 if any(a <= t < b for a, b in lost) else t + MS))
    return out


def fault(t, end, *does, node="a", limit=1.0, mend=None, number=1, name="x"):
    return [e(t, "fault", id=number, name=name, node=node, does=list(does), limit=limit),
            e(max(t, end - 0.5) if mend is None else mend, "mend", id=number), e(end, "heal", id=number)]


def addr(*changes):
    return [e(t, "addr", node=node, address=VIP, has=has) for t, node, has in changes]


def adverts(*spans, node="a", every=0.1, prio=150):
    return [e(a + i * every, "advert", node=node, vrid=51, prio=prio) for a, b in spans for i in range(int((b - a) / every) + 1)]


def tables(*changes, node="a"):
    return [e(t, "table", node=node, rows=rows) for t, rows in changes]


def want(t, rows, node="a", within=0.0):
    return e(t, "want", node=node, rows=rows, within=within)


def request(t, service, refused=True):
    return e(t, "request", end=t + 0.01, error="refused", service=service, refused=refused)


def status(*took, node="a", ok=True):
    return [e(t, "status", node=node, took=x, ok=ok) for t, x in took]


MASTER = addr((0.1, "a", True))
CALM = [e(1.0, "settled")]
MOVE = addr((10.36, "b", True))
BACK = addr((20.0, "a", True), (20.01, "b", False))

# what, the rules that it breaks, events beside SETUP and the end
STORIES = [
    ("nothing happens", [], MASTER + CALM + pings() + adverts((0.1, END))),
    # I1
    ("a lease ends after a kill", [], MASTER + CALM + MOVE + addr((13.4, "a", False)) + fault(10, 12, "role")),
    ("it does not end", ["I1"], MASTER + CALM + MOVE + addr((15.6, "a", False)) + fault(10, 12, "role")),
    ("it took 2 s to break it", [], MASTER + CALM + addr((12.36, "b", True), (16.9, "a", False)) + fault(10, 12.5, "role")
     + [e(12, "done", id=1)]),
    ("and the lease ends later yet", ["I1"], MASTER + CALM + addr((12.36, "b", True), (17.1, "a", False)) + fault(10, 12.5, "role")
     + [e(12, "done", id=1)]),
    ("both have it without a fault", ["I1", "calm", "calm"], MASTER + CALM + MOVE + addr((11, "a", False))),
    ("both have it after a fault that may not move it", ["I1", "calm", "calm"],
     MASTER + CALM + MOVE + addr((11, "a", False)) + fault(10, 12, "mute")),
    ("a hand-over of some ms is none of both", [], MASTER + CALM + addr((10, "b", True), (10.04, "a", False)) + fault(1.5, 2, "role")),
    ("one of some more is", ["I1"], MASTER + CALM + addr((10, "b", True), (10.4, "a", False)) + fault(1.5, 2, "role")),
    ("for others had the lock that it takes", [], MASTER + CALM + addr((10, "b", True), (10.4, "a", False)) + fault(1.5, 2, "role")
     + [e(10.01, "lock", until=10.2), e(10.1, "lock", until=10.38)]),
    ("and not for the whole time", ["I1"], MASTER + CALM + addr((10, "b", True), (10.4, "a", False)) + fault(1.5, 2, "role")
     + [e(10.01, "lock", until=10.2), e(10.1, "lock", until=10.2), e(10.5, "lock", until=10.9)]),
    ("both, for neither hears of the other", [], MASTER + CALM + MOVE + addr((20.5, "b", False)) + fault(10, 20, "role", "dual", mend=20)),
    ("and after that is over", ["I1"], MASTER + CALM + MOVE + addr((26, "b", False)) + fault(10, 20, "role", "dual", mend=20)),
    ("both have it as long as a fault lasts that is none of the pair", ["I1"], MASTER + CALM + MOVE + addr((20, "a", False))
     + fault(10, 20, "role", mend=20)),
    ("both have it at the end", ["I1", "calm"], MASTER + CALM + addr((29, "b", True))),
    ("two hosts answer", ["I1"], [e(5, "arp", address=VIP, macs=["1", "2"])]),
    ("two hosts answer while it is handed over", [], MASTER + CALM + addr((10, "b", True), (10.04, "a", False)) + fault(1.5, 2, "role")
     + [e(10.01, "arp", address=VIP, macs=["1", "2"])]),
    ("two hosts answer and one kernel says that it has not got it", ["I1"], MASTER + CALM + addr((10, "b", True), (10.04, "a", False))
     + fault(1.5, 2, "role") + [e(10.05, "arp", address=VIP, macs=["1", "2"])]),
    ("one answers twice", [], [e(5, "arp", address=VIP, macs=["1", "1"])]),
    ("two answer while a lease runs out", [], [e(11, "arp", address=VIP, macs=["1", "2"])] + fault(10, 12, "role")),
    ("and when it has", ["I1"], [e(15.5, "arp", address=VIP, macs=["1", "2"])] + fault(10, 12, "role")),
    # I2
    ("no answer for the down interval", [], pings([(10, 10.44)])),
    ("no answer for longer", ["I2"], pings([(10, 10.6)])),
    ("never an answer", ["I2"], pings([(0, END)])),
    ("no answer until the end", ["I2"], pings([(29, END)])),
    ("for so long nobody could", [], pings([(10, 15)]) + fault(10, 14.8, "unfit") + fault(10, 20, "unfit", node="b", number=2)),
    ("one could the whole time", ["I2"], pings([(10, 15)]) + fault(10, 14.8, "unfit") + fault(16, 20, "unfit", node="b", number=2)),
    ("for most of it one could", ["I2"], pings([(10, 15.5)]) + fault(10, 15, "unfit") + fault(14, 20, "unfit", node="b", number=2)),
    ("the machine stood still", [], pings([(10, 10.3)], [(10.3, 12)])),
    # calm
    ("an address comes back before all is quiet", [], MASTER + CALM + fault(10, 12, "role") + MOVE + addr((13, "a", False)) + BACK
     + [e(21, "settled")]),
    ("and moves when all is", ["calm", "calm"], MASTER + CALM + fault(10, 12, "role") + MOVE + addr((13, "a", False))
     + [e(14, "settled")] + BACK),
    ("a request fails", ["calm"], CALM + [e(5, "request", end=6, error="reset")]),
    ("during a fault it may", [], CALM + [e(5, "request", end=10.5, error="reset")] + fault(10, 12, "role") + [e(13, "settled")]),
    ("while tables are put right, too", [], CALM + [e(10.5, "request", end=10.9, error="reset")] + fault(10, 10, "spoil")),
    ("and not long after", ["calm"], CALM + [e(11.5, "request", end=11.9, error="reset")] + fault(10, 10, "spoil")),
    ("before the first quiet, too", [], [e(0.5, "request", end=0.9, error="reset")] + CALM),
    ("a new connection while the scheduler is another one", [], CALM + tables(*RESCHEDULED) + [request(9.9, "TCP web")]),
    ("long before that", ["calm"], CALM + tables(*RESCHEDULED) + [request(9.0, "TCP web")]),
    ("and after it", ["calm"], CALM + tables(*RESCHEDULED) + [request(10.1, "TCP web")]),
    ("one of another service", ["calm"], CALM + tables(*RESCHEDULED) + [request(9.9, "TCP mail")]),
    ("one that is lost in another way", ["calm"], CALM + tables(*RESCHEDULED) + [request(9.9, "TCP web", refused=False)]),
    ("a request that does not fail", [], CALM + [e(5, "request", end=6, error=None)]),
    # I3
    ("repaired in time", [], [want(1, WEB)] + tables((0.5, WEB), (10, LESS), (11.9, WEB)) + fault(10, 10, "spoil", limit=0)),
    ("repaired late", ["I3"], [want(1, WEB)] + tables((0.5, WEB), (10, LESS), (12.5, WEB)) + fault(10, 10, "spoil", limit=0)),
    ("never repaired", ["I3"], [want(1, WEB)] + tables((0.5, WEB), (10, LESS)) + fault(10, 10, "spoil", limit=0)),
    ("wrong without a cause", ["I3"], [want(1, WEB)] + tables((0.5, WEB), (10, LESS), (10.5, WEB))),
    ("a cause at the other node", ["I3"], [want(1, WEB)] + tables((0.5, WEB), (10, LESS), (10.5, WEB)) + fault(10, 10, "spoil", node="b")),
    ("a change that may take its time", [], [want(1, WEB), want(10, LESS, within=3)] + tables((0.5, WEB), (14.9, LESS))),
    ("and takes longer", ["I3"], [want(1, WEB), want(10, LESS, within=3)] + tables((0.5, WEB), (15.5, LESS))),
    ("the core was dead meanwhile", [], [want(1, WEB), want(10, LESS)] + tables((0.5, WEB), (21, LESS)) + fault(9, 20, "mute", mend=20)),
    ("the core does something when it is back", [], [want(1, WEB)] + tables((0.5, WEB), (20.3, LESS), (21.5, WEB))
     + fault(9, 20, "mute", mend=20)),
    ("its checks reach nobody for a while", [], [want(1, WEB), want(15, WEB, within=1)] + tables((0.5, WEB), (12, LESS), (17.5, WEB))
     + fault(10, 15, "checks", mend=15)),
    ("and not for ever", ["I3"], [want(1, WEB), want(15, WEB, within=1)] + tables((0.5, WEB), (12, LESS), (18.5, WEB))
     + fault(10, 15, "checks", mend=15)),
    ("what its checks had to notice they begin again", [], [want(1, WEB), want(10, LESS, within=2)] + tables((0.5, WEB), (16.5, LESS))
     + fault(11, 13, "blind", mend=11, limit=4)),
    ("and not for ever", ["I3"], [want(1, WEB), want(10, LESS, within=2)] + tables((0.5, WEB), (17.5, LESS))
     + fault(11, 13, "blind", mend=11, limit=4)),
    ("what they had noticed already they do not", ["I3"], [want(1, WEB), want(10, LESS, within=2)] + tables((0.5, WEB), (15.5, LESS))
     + fault(12.5, 13, "blind", mend=12.5, limit=4)),
    ("and without anything to notice it is no cause", ["I3"], [want(1, WEB)] + tables((0.5, WEB), (11.5, LESS), (12.5, WEB))
     + fault(11, 13, "blind", mend=11, limit=4)),
    ("the machine stood still meanwhile", [], [want(1, WEB)] + tables((0.5, WEB), (10, LESS), (13.5, WEB))
     + fault(10, 10, "spoil", limit=0) + pings(still=[(11, 13)])),
    ("a service that nobody wants", ["I3"], [want(1, WEB)] + tables((0.5, WEB), (10, {**WEB, "TCP x rr": {}}))),
    # I4
    ("refused, and as before", [], [e(5, "apply", node="a", ok=False, before=3, after=3)]),
    ("refused, and another one runs", ["I4"], [e(5, "apply", node="a", ok=False, before=3, after=4)]),
    ("taken, and nothing new", ["I4"], [e(5, "apply", node="a", ok=True, before=3, after=3)]),
    # I5
    ("others' service stays", [], [want(1, WEB), e(0.2, "foreign", node="a", rows=THEIRS)] + tables((0.5, {**WEB, **THEIRS}))),
    ("others' service goes", ["I5"], [want(1, WEB), e(0.2, "foreign", node="a", rows=THEIRS)]
     + tables((0.5, {**WEB, **THEIRS}), (10, WEB))),
    ("what was not ours comes back", ["I3"], [want(1, WEB), e(0.2, "foreign", node="a", rows=THEIRS), e(10, "foreign", node="a", rows={})]
     + tables((0.5, {**WEB, **THEIRS}), (10, WEB), (12, {**WEB, **THEIRS})) + fault(9.9, 9.9, "spoil", limit=0)),
    ("somebody plants it again, and is a moment late to say so", [], [want(1, WEB), e(0.2, "foreign", node="a", rows={}),
     e(10.3, "foreign", node="a", rows=THEIRS)] + tables((0.5, WEB), (10.6, {**WEB, **THEIRS})) + fault(10, 10.3, "spoil", mend=10.3)),
    ("an address of others went", ["I5"], [e(29, "others", node="a", before="x\ny", after="x")]),
    ("nothing of others went", [], [e(29, "others", node="a", before="x\ny", after="x\ny")]),
    # I6
    ("a connection is lost", ["I6"], [e(5, "flow", flow="nat", why="reset")]),
    ("where it may", [], [e(15, "flow", flow="nat", why="reset")] + fault(10, 12, "flows")),
    ("and was told when it was asked", [], [e(15, "flow", flow="nat", why="reset"), e(15.1, "asked")] + fault(10, 12, "flows")),
    ("another is lost later", ["I6"], [e(13, "asked"), e(15, "flow", flow="nat", why="reset")] + fault(10, 12, "flows")),
    # I7
    ("an advert is late", ["I7"], adverts((0.1, 5), (5.2, END))),
    ("the machine stood still then", [], adverts((0.1, 5), (5.2, END)) + pings(still=[(5.01, 5.2)])),
    ("an advert is a little late", [], adverts((0.1, 5), (5.155, END))),
    ("it was stopped", [], adverts((0.1, 5), (9, END)) + fault(5, 8, "hush")),
    ("the other one was", ["I7"], adverts((0.1, 5), (9, END)) + fault(5, 8, "hush", node="b")),
    ("the other one was master meanwhile", [], adverts((0.1, 5), (9, END)) + adverts((5.4, 8.9), node="b")),
    ("it said that it leaves", [], adverts((0.1, 5), (9, END)) + [e(5.05, "advert", node="a", vrid=51, prio=0)]),
    # I8
    ("it answers", [], status((1, 0.1), (2, 0.19))),
    ("it answers late", ["I8"], status((1, 0.1), (2, 0.3))),
    ("it does not answer", ["I8"], status((1, 0.1), ok=False)),
    ("it answers late, as everything does", [], status((2, 0.9)) + pings(still=[(2.1, 2.85)])),
    ("its core dies while it is asked", [], status((9.95, 0.1), ok=False) + fault(10, 12, "mute")),
    ("its core is dead", [], status((11, 0.1), ok=False) + fault(10, 12, "mute")),
    ("that of the other one is", ["I8"], status((11, 0.1), ok=False) + fault(10, 12, "mute", node="b")),
    # the rest
    ("over in time", [], fault(10, 21, "mute", mend=20, limit=1)),
    ("over late", ["over"], fault(10, 21.5, "mute", mend=20, limit=1)),
    ("over late, as everything is", [], fault(10, 21.5, "mute", mend=20, limit=1) + pings(still=[(20.1, 20.9)])),
    ("never over", ["over"], fault(10, 21.5, "mute", mend=20, limit=1)[:2]),
    ("waited in vain", ["over"], [e(9, "stuck", what="godot")]),
    ("records without gaps, of two runs", [], [e(i, "event", node="a", run=i // 5, seq=i % 5 + 1) for i in range(10)]),
    ("a record is missing", ["events"], [e(i, "event", node="a", run=0, seq=i + (i > 5)) for i in range(10)]),
    ("what comes after the end does not count", [], [e(20, "end"), e(21, "stuck", what="godot"), e(22, "flow", flow="nat", why="x")]),
]


def test_stories():
    failed = 0
    for what, rules, events in STORIES:
        events = [SETUP, *events, e(END, "nothing")]
        broken = checker.check(events)
        if [b.rule for b in broken] != rules:
            failed += 1
            print(f"{what}: {[tuple(b) for b in broken]} instead of {rules}")
        if broken:
            assert broken[0].text in checker.report(events, broken)
        checker.figures(events)
    assert not failed, f"{failed} of {len(STORIES)} stories"


def test_each_rule_is_broken_by_a_story():
    known = {rule for _, rules, _ in STORIES for rule in rules}
    assert known == {"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "calm", "over", "events"}, known


def test_lines_around():
    events = [SETUP, *(e(float(i), "stuck", what=str(i)) for i in range(1, 60)), *pings()]
    lines = checker.around(events, 30.5)
    assert len(lines) == checker.AROUND + 1 and lines[checker.AROUND // 2].startswith(">")
    assert "what=30" in lines[9] and "what=31" in lines[11], lines


if __name__ == "__main__":
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
