#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What was played, where and when, and how it went: results/played.tsv, a row each time.

  account.py add WHERE SECONDS COMMIT < OUTPUT   a row for each scenario of what a run said
  account.py                                     passes in a row of each scenario, and the random schedules

WHERE is the kernel of the guest, or `native`. A commit with a + is one with changes that are in none.
"""
import collections
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "results", "played.tsv")
HEAD = ("date", "commit", "where", "scenario", "seconds", "verdict")
PLACES = ("6.12", "6.1", "native")

Row = collections.namedtuple("Row", HEAD)


def verdicts(lines):
    """{scenario: verdict} in their order. What began and has no verdict did not end."""
    found = {}
    for words in (line.split() for line in lines):
        for at, word in enumerate(words[:-1]):
            if word == "PLAYING":
                found[words[at + 1]] = "unfinished"
            elif word == "VERDICT":
                found[words[at + 1]] = words[at + 2]
    return found


def read(path=FILE):
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as f:
        return [Row(*line.rstrip("\n").split("\t")) for line in list(f)[1:]]


def add(where, seconds, commit, lines, path=FILE):
    new = not os.path.exists(path)
    now = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime())
    with open(path, "a", encoding="ascii") as f:
        if new:
            f.write("\t".join(HEAD) + "\n")
        for name, verdict in verdicts(lines).items():
            f.write("\t".join((now, commit, where, name, seconds if name.startswith("seed-") else "-", verdict)) + "\n")


def in_a_row(rows):
    """How many of the last ones passed, of how many."""
    n = next((i for i, r in enumerate(reversed(rows)) if r.verdict != "passed"), len(rows))
    return f"{n} of {len(rows)}"


def show(rows, names):
    """Lines of text. names: all scenarios."""
    of = collections.defaultdict(list)
    for r in rows:
        of[r.scenario, r.where].append(r)
    yield f"{'passes in a row, of all':32}" + "".join(f"{p:>12}" for p in PLACES) + "   last"
    for name in names:
        last = max((r for r in rows if r.scenario == name), key=lambda r: r.date, default=None)
        yield (f"{name:32}" + "".join(f"{in_a_row(of[name, p]) if of[name, p] else '-':>12}" for p in PLACES)
               + (f"   {last.date} {last.commit}" if last else "   never"))
    kinds = collections.defaultdict(list)
    for r in rows:
        if r.scenario.startswith("seed-"):
            kinds[r.where, r.seconds].append(r)
    for (where, seconds), found in sorted(kinds.items()):
        bad = [f"{r.scenario[5:]} {r.verdict} at {r.commit}" for r in found if r.verdict != "passed"]
        yield (f"random schedules of {seconds} s, {where}: {len(found) - len(bad)} passed of {len(found)}"
               + "".join(f"\n    seed {x}" for x in bad))


def main():
    if sys.argv[1:2] == ["add"]:
        add(*sys.argv[2:5], sys.stdin)
        return
    sys.path.insert(0, HERE)
    import play
    print("\n".join(show(read(), play.SCENARIOS)))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    main()
