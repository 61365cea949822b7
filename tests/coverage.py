# SPDX-License-Identifier: GPL-2.0-or-later
"""coverage.py BUILD_DIR GCOVR.json LINES BRANCHES [FOLDER OR FILE]...: what coverage.sh prints."""
import collections
import datetime
import json
import os
import subprocess
import sys

WORST = 25


def pure(build):
    """The sources of the pure archives: those of a library that is neither an edge nor a program."""
    found = set()
    for folder, _, names in os.walk(build):
        part = next((p for p in folder.split("/") if p.endswith(".dir")), "")
        if not part.startswith(("lb_", "lbd_")) or part.endswith("_io.dir"):
            continue
        where = folder.split("/CMakeFiles/")[0].removeprefix(build).strip("/")
        inside = folder.split(part)[1].strip("/")
        found |= {os.path.normpath(os.path.join(where, inside, n.removesuffix(".gcno"))) for n in names if n.endswith(".c.gcno") and not n.endswith("_io.c.gcno")}
    return found


class Count:
    def __init__(self):
        self.lines = self.hit = self.branches = self.taken = 0
        self.missed = []

    def add(self, other):
        for k in ("lines", "hit", "branches", "taken"):
            setattr(self, k, getattr(self, k) + getattr(other, k))

    @staticmethod
    def of(file):
        c = Count()
        for line in file["lines"]:
            if line.get("gcovr/noncode"):
                continue
            c.lines += 1
            c.hit += line["count"] > 0
            branches = [b["count"] for b in line["branches"]]
            c.branches += len(branches)
            c.taken += sum(b > 0 for b in branches)
            if line["count"] == 0:
                c.missed.append((line["line_number"], "not reached"))
            elif 0 in branches:
                c.missed.append((line["line_number"], f"{branches.count(0)} of {len(branches)} branches"))
        return c

    def percent(self):
        return 100 * self.hit / max(1, self.lines), 100 * self.taken / max(1, self.branches)

    def text(self):
        lines, branches = self.percent()
        return f"{lines:7.1f} {branches:9.1f} {self.lines - self.hit:8} {self.branches - self.taken:9}"


def table(title, rows):
    print(f"{title:<36}  lines%  branches%  lines -  branches -")
    for name, c in rows:
        print(f"{name:<36} {c.text()}")
    print()


def account(path, folders, total):
    """What there was, when, and of what commit."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    with open(path, "w", encoding="utf-8") as f:
        f.write("# FOLDER\tLINES\tOF_THEM_REACHED_%\tBRANCHES\tOF_THEM_TAKEN_%: coverage.sh --account, "
                + f"{today}, commit {done.stdout.strip() or '?'}\n")
        for name, c in [*sorted(folders.items()), ("all", total)]:
            f.write("%s\t%d\t%.1f\t%d\t%.1f\n" % (name, c.lines, c.percent()[0], c.branches, c.percent()[1]))


def main():
    build, path, lines, branches, *shown = sys.argv[1:]
    with open(path, encoding="utf-8") as f:
        files = {x["file"]: Count.of(x) for x in json.load(f)["files"]}
    wanted = pure(build)
    files = {n: c for n, c in files.items() if n in wanted}
    without = sorted(wanted - set(files))
    folders, total = collections.defaultdict(Count), Count()
    for name, c in files.items():
        folders[os.path.dirname(name)].add(c)
        total.add(c)
    table("folder", sorted(folders.items()))
    worst = sorted(files.items(), key=lambda x: x[1].hit + x[1].taken - x[1].lines - x[1].branches)
    table("worst files", worst[:WORST])
    for name, c in sorted(files.items()):
        if any(name == s or name.startswith(s.rstrip("/") + "/") for s in shown):
            with open(name, encoding="utf-8") as f:
                source = f.read().split("\n")
            for at, what in c.missed:
                print(f"{name}:{at}: {what}: {source[at - 1].strip()}")
    if without:
        print("no code in: " + " ".join(without))
    table("all", [("the pure core", total)])
    if os.environ.get("COVERAGE_ACCOUNT"):
        account(os.environ["COVERAGE_ACCOUNT"], folders, total)
    got = total.percent()
    ok = got[0] >= float(lines) and got[1] >= float(branches)
    print(f"{got[0]:.1f} % of {total.lines} lines (bound {lines}), {got[1]:.1f} % of {total.branches} branches (bound {branches}): "
          + ("ok" if ok else "too little"))
    return not ok


if __name__ == "__main__":
    sys.exit(main())
