#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What failover.py makes of what it saw, without a network: run by ctest."""
import os
import sys

os.environ.setdefault("LBD_BENCH_BUILD", "/nonexistent")
os.environ.setdefault("LBD_BENCH_WORK", "/nonexistent")
import failover

MS = 0.001
ALL = [(i * 5 * MS, i * 5 * MS + MS) for i in range(100)]  # asked every 5 ms, answered after 1 ms


def lost(begin, end, probes=None):
    return [(s, 0.0 if begin <= s < end else c) for s, c in probes or ALL]


def unasked(begin, end, probes=None):
    return [(s, c) for s, c in probes or ALL if not begin <= s < end]


# what, probes, outage in ms, whether a hole is in it
OUTAGES = [
    ("every probe is answered: the grain", ALL, 5, False),
    ("ten are lost: from the last answer to the next one", lost(0.25, 0.30), 55, False),
    ("the longer one of two counts", lost(0.15, 0.17, lost(0.25, 0.30)), 55, False),
    ("before we look nothing counts", lost(0.01, 0.08), 5, False),
    ("no answer until the end", lost(0.25, 1.0), 249, False),
    ("the client did not ask, and nothing was lost: no outage", unasked(0.25, 0.35), 6, False),
    ("the client did not ask while it had no answer: nobody knows", unasked(0.28, 0.35, lost(0.25, 0.35)), 105, True),
    ("a hole beside an outage is not in it", unasked(0.40, 0.45, lost(0.25, 0.30)), 55, False),
    ("an answer that waited counts by when it came", [(s, max(c, 0.3) if 0.2 <= s < 0.3 else c) for s, c in ALL], 104, False),
]

# what, probes, moments, outage in ms
AT_MOMENTS = [
    ("three late ones while nothing happens", lost(0.25, 0.265), [0.1, 0.4], 5),
    ("the same when something does", lost(0.25, 0.265), [0.1, 0.3], 20),
    ("four and more count whenever they are", lost(0.25, 0.27), [0.1], 25),
]

# what, changes, from, to, total in s, last in s
DUALS = [
    ("one after the other", [(1, "a", True), (2, "a", False), (3, "b", True)], 1.5, 9, 0, 0),
    ("a lease that ends", [(1, "a", True), (2, "b", True), (3, "a", False)], 1.5, 9, 1, 1.5),
    ("nobody lets go: to the end of watching", [(1, "a", True), (2, "b", True)], 1.5, 9, 7, 7.5),
    ("before the fault it does not count", [(1, "a", True), (2, "b", True), (3, "b", False)], 4, 9, 0, 0),
    ("both already had it: from the fault on", [(1, "a", True), (2, "b", True), (5, "b", False)], 4, 9, 1, 1),
    ("twice", [(1, "a", True), (2, "b", True), (3, "a", False), (4, "a", True), (4.5, "b", False)], 1.5, 9, 1.5, 3),
    ("handing over is in the sum, but no late holding",
     [(1, "a", True), (2, "b", True), (3, "a", False), (7, "a", True), (7.01, "b", False)], 1.5, 9, 1.01, 1.5),
]


def near(a, b):
    return abs(a - b) < 1e-6


def main():
    bad = 0
    for what, probes, ms, broken in OUTAGES:
        got = failover.outage(probes, 0.1)
        if not near(got[0], ms * MS) or got[2] != broken:
            bad += 1
            print(f"{what}: {got[0] * 1e3:.1f} ms, hole {got[2]}; expected {ms} ms, {broken}")
    for what, probes, moments, ms in AT_MOMENTS:
        got = failover.outage(probes, 0.1, moments)
        if not near(got[0], ms * MS):
            bad += 1
            print(f"{what}: {got[0] * 1e3:.1f} ms; expected {ms} ms")
    for what, changes, start, end, total, last in DUALS:
        got = failover.dual(changes, start, end)
        if not near(got[0], total) or not near(got[1], last):
            bad += 1
            print(f"{what}: {got}; expected {total}, {last}")
    if not near(failover.hole(unasked(0.25, 0.35), 0.1), 0.105) or not near(failover.hole(unasked(0.02, 0.08), 0.1), 0.005):
        bad += 1
        print("the hole in the asking is not found, or one before the fault is")
    return 1 if bad else 0


sys.exit(main())
