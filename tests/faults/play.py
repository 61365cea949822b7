# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays a scenario on a stage, has it judged, and keeps what happened."""
import dataclasses
import os
import time

import checker
from faults import FAULTS
from record import save
from schedule import schedule
from stage import IPVS, Stage

SECONDS = float(os.environ.get("LBD_FAULTS_SECONDS", "30"))


def nothing(s):
    """Without a fault everything holds, too."""
    time.sleep(3)
    s.settle("nothing")


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


def at_once(*faults):
    """[(name, node)]: all of them, one right after the other, and then their ends in the same order; of what ends by
    itself, before those that wait for us."""
    def play(s):
        ends = [(FAULTS[name], s.fault(FAULTS[name], node)) for name, node in faults]
        began = time.monotonic()
        for lasts, over in sorted(((f.lasts[0] if f.mend else 0.0, over) for f, over in ends), key=lambda x: x[0]):
            time.sleep(max(0.0, began + lasts - time.monotonic()))
            over()
        s.settle(" and ".join(name for name, _ in faults))
    return play


def again_and_again(name, node, n, does=()):
    """does: what it may cause by being often, beside what it does once."""
    fault = dataclasses.replace(FAULTS[name], does=FAULTS[name].does | set(does))

    def play(s):
        for _ in range(n):
            s.fault(fault, node)()
        s.settle(f"{name}, {n} times")
    return play


def drawn(seed):
    """Of a schedule."""
    def play(s):
        steps = schedule(seed, SECONDS, {n: f for n, f in FAULTS.items() if IPVS or not f.ipvs})
        print(f"seed {seed}: " + ", ".join(f"{x.name}@{x.node}" for x in steps), flush=True)
        active, began = [], time.monotonic()

        def end_those(due):
            for item in sorted(active, key=lambda x: x[0]):
                if due(item):
                    time.sleep(max(0.0, item[0] - time.monotonic()))
                    active.remove(item)
                    item[1]()
        for step in steps:
            begin = began + step.after
            end_those(lambda item, step=step, begin=begin: step.wait or item[0] <= begin or item[2] == step.node)
            time.sleep(max(0.0, begin - time.monotonic()))
            if step.wait:
                s.settle(f"before {step.name} at {step.node}")
            began = time.monotonic()
            active.append((began + step.lasts, s.fault(FAULTS[step.name], step.node), step.node))
        end_those(lambda item: True)
        s.settle("the end")
    return play


# Each fault at the master and at the backup, or once where it is of neither; and what goes together.
SCENARIOS = {"nothing": nothing}
SCENARIOS.update({name: one(name, "s") if name.endswith("server-fails") else in_turn(one(name, "a"), one(name, "b"))
                  for name in FAULTS})
SCENARIOS.update({
    "tables": in_turn(one("clear-tables", "a"), one("spoil-tables", "b"), one("terminate", "a")),
    "all-servers-fail": at_once(("server-fails", "s"), ("other-server-fails", "s")),
    "kill-vrrp-and-core": at_once(("kill-vrrp", "a"), ("kill-core", "a")),
    "core-dies-again-and-again": again_and_again("kill-core", "a", 5),
    "probe-dies-again-and-again": again_and_again("kill-probe", "a", 5),
    # started again ever later: its adverts stop for longer than the peer waits
    "vrrp-dies-again-and-again": again_and_again("kill-vrrp", "a", 5, {"role"}),
    "server-flaps": in_turn(*(one("server-fails", "s", 0.7) for _ in range(4))),
    "reload-while-the-peer-is-away": at_once(("kill-all", "a"), ("reload", "b")),
})
NEEDS_IPVS = {"tables"} | {name for name, f in FAULTS.items() if f.ipvs}


def scenario(name):
    """By its name, or seed-N."""
    return drawn(int(name[5:])) if name.startswith("seed-") else SCENARIOS[name]


class Theatre:
    """A stage is kept for the next scenario for as long as everything holds on it."""

    def __init__(self, folder):
        self.folder, self.stage, self.n = folder, None, 0

    def perform(self, name):
        """The figures; AssertionError with what did not hold."""
        verdict = "failed"
        print(f"\nPLAYING {name}", flush=True)
        try:
            self.open()
            figures = self.play(name)
            verdict = "passed"
            return figures
        finally:
            print(f"\nVERDICT {name} {verdict}", flush=True)
            if verdict == "failed":
                self.close()

    def open(self):
        if self.stage:
            return
        self.n += 1
        folder = f"{self.folder}/{self.n}"
        os.mkdir(folder, 0o755)
        self.stage = Stage(folder).__enter__()

    def play(self, name):
        s = self.stage
        try:
            s.begin(name)
            scenario(name)(s)
        finally:
            events, logs = s.end(), s.logs()
            keep(name, events, logs)
        return judge(name, s, events, logs)

    def close(self):
        stage, self.stage = self.stage, None
        if stage:
            stage.__exit__()


def judge(name, stage, events, logs):
    broken = checker.check(events)
    figures = checker.figures(events)
    print(f"FIGURES {name}: " + ", ".join(f"{k}={v:.3f}" if isinstance(v, float) else f"{k}={v}" for k, v in figures.items())
          + f", slow={stage.slow:.1f}, faults={len([e for e in events if e['is'] == 'fault'])}, broken={len(broken)}")
    if broken:
        tails = "\n".join(f"--- log of {n}\n{text[-3000:]}" for n, text in logs.items())
        again = f"tests/faults/run.sh {'--seed ' + name[5:] + f' --seconds {SECONDS:.0f}' if name.startswith('seed-') else name}"
        raise AssertionError(f"{name}: once more with {again}\n{checker.report(events, broken)}\n{tails}")
    return figures


def keep(name, events, logs):
    """The events, and what the daemons wrote, for whoever looks later."""
    out = os.environ.get("LBD_LAB_OUT")
    if not out:
        return
    save(events, os.path.join(out, f"{name}.jsonl"))
    for n, text in logs.items():
        with open(os.path.join(out, f"{name}.{n}.log"), "w", encoding="utf-8") as f:
            f.write(text)
