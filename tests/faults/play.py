# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays a scenario on a stage, has it judged, and keeps what happened."""
import json
import os
import random
import time

import checker
from faults import FAULTS
from stage import FOREIGN_ROWS, FOREIGN_RULES, Stage


def rest(s):
    """Nothing breaks."""
    time.sleep(3)


def one(name, node, lasts=None):
    """A fault, its end, and quiet again."""
    def play(s):
        over = s.fault(FAULTS[name], node)
        time.sleep(FAULTS[name].lasts[0] if lasts is None else lasts)
        over()
        s.settle(name)
    return play


def in_turn(*steps):
    def play(s):
        for step in steps:
            step(s)
    return play


SCENARIOS = {"nothing": rest}
SCENARIOS.update({name: in_turn(one(name, "a"), one(name, "b")) for name in FAULTS})


def perform(name, play, folder, seed=0):
    """The figures; AssertionError with what did not hold."""
    stage = Stage(folder)
    stage.dice, stage.foreign_rules, stage.foreign_rows = random.Random(seed), FOREIGN_RULES, FOREIGN_ROWS
    try:
        with stage:
            play(stage)
            stage.end()
            logs = {n: d.log() for n, d in stage.d.items()}
    finally:
        keep(name, stage)
    events = stage.book.events
    broken = checker.check(events)
    figures = checker.figures(events)
    print("FIGURES " + name + ": " + ", ".join(f"{k}={v:.3f}" if isinstance(v, float) else f"{k}={v}" for k, v in figures.items())
          + f", slow={stage.slow:.1f}, faults={len([e for e in events if e['is'] == 'fault'])}, broken={len(broken)}")
    if broken:
        tails = "\n".join(f"--- log of {n}\n{text[-3000:]}" for n, text in logs.items())
        raise AssertionError(f"{name}\n{checker.report(events, broken)}\n{tails}")
    return figures


def keep(name, stage):
    """The events, and what the daemons wrote, for whoever looks later."""
    out = os.environ.get("LBD_LAB_OUT")
    if not out:
        return
    stage.book.save(os.path.join(out, f"{name}.jsonl"))
    for n, d in stage.d.items():
        if os.path.exists(d.log_path):
            with open(os.path.join(out, f"{name}.{n}.log"), "w", encoding="utf-8") as f:
                f.write(d.log())


__all__ = ["SCENARIOS", "perform", "json"]
