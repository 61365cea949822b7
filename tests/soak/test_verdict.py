#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What verdict.py says of stories of memory: run by ctest."""
import os
import random
import sys
import tempfile

import verdict

ROUNDS, STEP = 240, 30  # two hours
DICE = random.Random(4)


def noise(size):
    return DICE.uniform(-size, size)


# what, series, its value in round i, whether the verdict is flat
STORIES = [
    ("always the same", "a/core/rss", lambda i: 8000, True),
    ("up and down, as an allocator does", "a/core/rss", lambda i: 8000 + 700 * (i % 2), True),
    ("it fills up, and stays so", "a/core/rss", lambda i: 8000 + min(i, 50) * 100, True),
    ("6 KiB a round", "a/core/rss", lambda i: 8000 + 6 * i, False),
    ("the same under noise", "a/core/rss", lambda i: 8000 + 6 * i + noise(800), False),
    ("a step of a page, once", "a/core/rss", lambda i: 8000 + 4 * (i > 150), True),
    ("others that shared its pages have ended", "a/core/pss", lambda i: 2500 + 10 * i, True),
    ("a descriptor every half hour", "a/vrrp/fds", lambda i: 14 + i * STEP // 1800, False),
    ("a descriptor that is sometimes there", "a/vrrp/fds", lambda i: 14 + (i % 7 == 0), True),
    ("a row that is far off", "a/core/rss", lambda i: 8000 + 90000 * (i == 200), True),
    ("answers that take longer", "a/status", lambda i: 2 + i / 100, False),
    ("a machine that becomes slow", "a/status", lambda i: 2 * (1 + i / 100), True),
    ("others take the processor in the second half", "a/status", lambda i: 2 + (2 if i > 120 and i % 4 else 0), True),
    ("another process", "a/probe/pid", lambda i: 70 + (i > 100), False),
]


def write(path, series, value, rounds=ROUNDS):
    """Beside it there is one that is flat, and the start of a program that gets slow where the story says so."""
    slow = series == "a/status" and value(100) == 4
    with open(path, "w", encoding="ascii") as f:
        f.write("# a command\nseconds\tround\tb/core/fds\ta/version\t" + series + "\n")
        for i in range(rounds):
            f.write(f"{STEP * i}\t{i}\t15\t{1 + i / 100 if slow else 1}\t{value(i)}\n")
    return verdict.Sheet(path)


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for n, (what, series, value, flat) in enumerate(STORIES):
            text, status = verdict.verdict(write(f"{folder}/{n}.tsv", series, value))
            if (status == 0) != flat or text.startswith("verdict flat") != flat:
                print(f"{what}: {text}")
                bad += 1
        text, status = verdict.verdict(write(f"{folder}/short.tsv", "a/core/rss", lambda i: 8000, 20))
        if status != 2:
            print(f"too short: {text}")
            bad += 1
        for what, events, flat in (("it grows until the ring is full, and no longer", 100, True), ("the ring is never full", 30, False)):
            with open(f"{folder}/ring.tsv", "w", encoding="ascii") as f:
                f.write("seconds\tround\ta/events\ta/core/rss\n")
                f.writelines(f"{STEP * i}\t{i}\t{events * i}\t{8000 + 40 * min(i, 101)}\n" for i in range(ROUNDS))
            text, status = verdict.verdict(verdict.Sheet(f"{folder}/ring.tsv"))
            if status != (0 if flat else 2):  # nothing but memory is in it
                print(f"{what}: {text}")
                bad += 1
        verdict.page(folder)
        with open(f"{folder}/README.md", encoding="utf-8") as f:
            page = f.read()
        for want in ("    a command", "| a/core/rss | 8,000.00 | 0.00 | 512 | KiB | flat |", "verdict grows: a/vrrp/fds;", "![3](3.svg)"):
            if want not in page or not os.path.exists(f"{folder}/3.svg"):
                print(f"not on the page: {want}")
                bad += 1
    return bad


sys.exit(main())
