#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What was played is counted as it went, also what did not end. Run by ctest."""
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import account

SAID = """tests/lab/test_faults.py::test_scenario[split]
PLAYING split
12.3 split at a
VERDICT split passed
PASSED PLAYING seed-7
VERDICT seed-7 failed
PLAYING kill-all
lab: time is up: the guest was ended after 3600 s
"""


def test_what_a_run_said():
    assert account.verdicts(SAID.splitlines()) == {"split": "passed", "seed-7": "failed", "kill-all": "unfinished"}
    assert account.verdicts(["VERDICT"]) == {}


def test_rows_are_added_and_counted():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "played.tsv")
        assert account.read(path) == []
        for where, lines in (("6.1", SAID), ("6.1", "VERDICT split failed"), ("6.1", "VERDICT split passed"), ("6.12", "VERDICT split passed")):
            account.add(where, "120", "abc", lines.splitlines(), path)
        rows = account.read(path)
        assert [(r.where, r.scenario, r.seconds, r.verdict) for r in rows[:3]] == [
            ("6.1", "split", "-", "passed"), ("6.1", "seed-7", "120", "failed"), ("6.1", "kill-all", "-", "unfinished")]
        text = "\n".join(account.show(rows, ["split", "kill-all", "deaf"]))
        split, kill, deaf = (next(x for x in text.splitlines() if x.startswith(n)).split() for n in ("split", "kill-all", "deaf"))
        assert split[1:7] == ["1", "of", "1", "1", "of", "3"], split
        assert kill[1:5] == ["-", "0", "of", "1"], kill
        assert deaf[-1] == "never"
        assert "120 s, 6.1: 0 passed of 1\n    seed 7 failed at abc" in text, text


def test_the_account_of_the_tree_can_be_read():
    for r in account.read():
        assert len(r) == len(account.HEAD) and r.verdict in ("passed", "failed", "unfinished"), r


if __name__ == "__main__":
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
