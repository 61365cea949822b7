# SPDX-License-Identifier: GPL-2.0-or-later
"""
A number -> what breaks, where and when: the same each time. Pure.

Steps overlap. But what may take a node out of service, or move addresses, is heavy: it waits until everything before it is
over and all is quiet, so the other node is whole and knows every flow; and only light ones happen beside it, at the other
node.
"""
import collections
import random

# name of the fault, its place, s that it is left alone, s after the step before began, whether all must be quiet first
Step = collections.namedtuple("Step", "name node lasts after wait")

HEAVY = {"unfit", "role", "dual"}
OF_SERVERS = {"server-fails", "other-server-fails"}  # at no node: their place is s
WAYS = {"cut-mid", "deaf"}  # one after the other: nodes that hear each other on no way are two masters, and rightly
REST = 1.0  # s that a place is left alone after a fault


def heavy(fault):
    return bool(HEAVY & fault.does)


def schedule(seed, seconds, faults):
    """faults: {name: Fault}. No step begins after `seconds`, as far as nothing has to be waited for."""
    dice, at, found = random.Random(seed), 0.0, []
    names = sorted(name for name, f in faults.items() if f.draw)
    busy = {"a": 0.0, "b": 0.0, "s": 0.0, "ways": 0.0}
    while True:
        name, node = dice.choice(names), dice.choice("ab")
        fault, node = faults[name], "s" if name in OF_SERVERS else node
        lasts = round(dice.uniform(*fault.lasts), 3)
        wait, places = heavy(fault), [node, "ways"] if name in WAYS else [node]
        begin = max(at + dice.choice((0.1, 0.5, 1.0, 2.0)), *(busy.values() if wait else (busy[p] for p in places)))
        if begin >= seconds:
            return found
        found.append(Step(name, node, lasts, round(begin - at, 3), wait))
        busy.update((p, begin + lasts + REST) for p in places)
        at = begin
