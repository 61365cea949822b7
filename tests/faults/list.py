#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
list.py         the table of what can break, and of the scenarios
list.py names   the scenarios alone
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import play
from rows import ROWS


def main():
    if sys.argv[1:] == ["names"]:
        print("\n".join(play.SCENARIOS))
        return
    group = None
    for row in ROWS:
        if row.group != group:
            group = row.group
            print(f"\n{group}")
        print(f"{row.number:3} {row.what}: {row.required}")
        for proof in row.proofs:
            print(f"      {proof}")
        if row.gap:
            print(f"      {'not covered' if not row.proofs else 'not all'}: {row.gap}")
    print("\nscenarios (NEEDS IPVS where so marked)")
    for name in play.SCENARIOS:
        print(f"      {name}{'   IPVS' if name in play.NEEDS_IPVS else ''}")


if __name__ == "__main__":
    main()
