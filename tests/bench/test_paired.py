#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What paired.py makes of slices: run by ctest."""
import random
import statistics
import sys

import paired

PAIRS = [("a1", "b1"), ("a2", "b2"), ("a3", "b3")]

# what, busy of each slice, which count
STEADY = [
    ("all alike", [95, 96, 94, 95], {0, 1, 2, 3}),
    ("one in which the machine stood still", [95, 96, 40, 95], {0, 1, 3}),
    ("a case that leaves the processors idle by itself", [60, 61, 59, 62], {0, 1, 2, 3}),
    ("only one", [70], {0}),
]


def expect(what, got, want):
    if got != want:
        print(f"{what}: {got!r} instead of {want!r}")
        return 1
    return 0


def main():
    bad = 0
    order = paired.half_round(PAIRS, ["x"])
    bad += expect("who comes after whom", order, ["a1", "b1", "b2", "a2", "a3", "b3", "x"])
    for a, b in PAIRS:
        bad += expect(f"{a} and {b} are neighbours", abs(order.index(a) - order.index(b)), 1)
    runs = sum(x[0] == "a" and y[0] != "a" for x, y in zip(order, order[1:]))
    bad += expect("the daemon ends so often", runs, 2)
    for what, busy, want in STEADY:
        bad += expect(what, paired.steady([{"busy": b} for b in busy]), want)
    series = {"a": [{"busy": 95, "n": 1}, {"busy": 30, "n": 2}, {"busy": 95, "n": 3}, {"busy": 95, "n": 4}],
              "b": [{"busy": 95, "n": 5}, {"busy": 95, "n": 6}, {"busy": 95, "n": 7}, {"busy": 20, "n": 8}]}
    bad += expect("pairs in which both count", [(x["n"], y["n"]) for x, y in paired.pairs_of(series, "a", "b")], [(1, 5), (3, 7)])
    bad += expect("quartiles of one", paired.quartiles([7]), (7, 7, 7))
    # of a hundred samples of a known distribution the median is in the range nearly always, and not by being everywhere
    source, held, width = random.Random(1), 0, []
    for _ in range(400):
        low, high = paired.confidence([source.gauss(1, 0.05) for _ in range(16)])
        held += low <= 1 <= high
        width.append(high - low)
    bad += expect(f"the true median is in {held} of 400 ranges", held >= 370, True)
    bad += expect("a range of 16 is no wider than four standard deviations of the median", statistics.mean(width) < 0.08, True)
    return bad


sys.exit(main())
