#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of what can break, the faults and the schedules, without a network. Run by ctest."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
try:
    import pytest  # noqa: F401: what plays the scenarios stands on it
except ImportError:
    print("skipped: python3-pytest is not installed")
    sys.exit(77)
import checker
import play
import schedule
from faults import FAULTS
from rows import ROWS

TESTS = os.path.join(HERE, "..")


def found(proof):
    """Whether there is such a test."""
    if "/" not in proof:
        return proof in play.SCENARIOS
    path, *names = proof.split("::")
    if not os.path.exists(os.path.join(TESTS, path)):
        return False
    with open(os.path.join(TESTS, path), encoding="utf-8") as f:
        text = f.read()
    return all(re.search(rf"\b(def |class |START_TEST\(){name}\b", text) for name in names)


def test_every_row_is_proved_or_says_why_not():
    assert [r.number for r in ROWS] == list(range(1, 45))
    for row in ROWS:
        assert row.proofs or row.gap, row
        missing = [p for p in row.proofs if not found(p)]
        assert not missing, (row.number, missing)


def test_every_scenario_is_of_a_row():
    of_rows = {p for row in ROWS for p in row.proofs}
    lost = set(play.SCENARIOS) - of_rows - {"nothing", "tables", "cut-mid", "server-fails", "other-server-fails", "kill-vrrp-and-core",
                                            "deaf-on-all-ways"}
    assert not lost, lost


def test_faults_say_what_the_checker_knows():
    for fault in FAULTS.values():
        assert fault.does <= set(checker.DOES), fault.name
        assert fault.lasts[0] <= fault.lasts[1], fault.name


def test_schedules():
    drawn = set()
    for seed in range(2000):
        steps = schedule.schedule(seed, 60, FAULTS)
        assert steps == schedule.schedule(seed, 60, FAULTS), seed
        drawn |= {s.name for s in steps}
        at, ends = 0.0, []  # (end, step)
        for step in steps:
            at += step.after
            fault = FAULTS[step.name]
            assert at < 60 and fault.draw, (seed, step)
            active = [s for end, s in ends if end > at]
            assert not any(s.node == step.node for s in active), (seed, step)
            # whatever takes a node away comes alone, and nothing of its kind beside it
            if schedule.heavy(fault):
                assert step.wait and not active, (seed, step, active)
            assert not any({s.name, step.name} <= schedule.WAYS for s in active), (seed, step, active)
            ends.append((at + step.lasts, step))
    assert drawn == {n for n, f in FAULTS.items() if f.draw}


def test_a_heavy_one_has_light_ones_beside_it():
    def pairs(seed):
        at, ends = 0.0, []
        for step in schedule.schedule(seed, 60, FAULTS):
            at += step.after
            yield from ((s, step) for end, s in ends if end > at and schedule.heavy(FAULTS[s.name]))
            ends.append((at + step.lasts, step))
    assert any(True for seed in range(50) for _ in pairs(seed))


if __name__ == "__main__":
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
