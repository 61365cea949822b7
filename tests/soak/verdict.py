#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Whether a pair that worked for hours takes more and more: judges the rows that soak.py wrote.

  verdict.py judge FILE.tsv     a line per series and a verdict; exit status 1 if something grows, 2 if nobody can say
  verdict.py page FOLDER        FOLDER/README.md and a chart, of all FOLDER/*.tsv

The first quarter of the rows is warm-up: the allocator finds its size. Memory is judged from where the rings of events and of
flips are full, which grow up to their size; a run that is too short for that judges the rest. From there to the end the slope of each series is the middle one of the slopes between all pairs of rows, so that single rows do not
matter; times the length of that part it is the `rise`, and that has a bound, however long the run was. So a longer run finds
a slower leak: half a MiB in 90 minutes are 340 KiB an hour.
"""
import glob
import os
import statistics
import sys

import chart

WARM_UP = 0.25
KEPT = {"events": 10000, "flips": 4096}  # lbd/event.h, lbd/history.h
MEMORY = ("rss",)
LEAST = 30  # rows that are judged: of fewer the slope says nothing
POINTS = 150  # rows next to each other are one, as their median: all pairs of thousands take long
BLOCK = 20  # rows whose fastest answers are one value
# what is measured: the most that it may rise, its unit. status is in starts of lbctl, of those that nobody held up: load
# delays what two processes do more than the start of one
BOUNDS = {"rss": (512, "KiB"), "fds": (0.5, "descriptors"), "status": (0.25, "starts")}
SEEN = {"pss": "KiB"}  # on the chart only: it rises by itself when others that use the same libraries end


def fast(values):
    """The fastest tenth ends there."""
    values = sorted(v for v in values if v)
    return values[(len(values) - 1) // 10] if values else None


def undisturbed(values, unit):
    """Each row has what its block has: how fast it was, by how fast the unit was."""
    found = []
    for i in range(0, len(values), BLOCK):
        a, b = fast(values[i:i + BLOCK]), fast(unit[i:i + BLOCK])
        found += [a / b if a and b else None] * len(values[i:i + BLOCK])
    return found


class Sheet:
    def __init__(self, path):
        with open(path, encoding="ascii") as f:
            lines = f.read().splitlines()
        self.path, self.about = path, [line[2:] for line in lines if line.startswith("# ")]
        names, *rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
        self.seconds = [float(r[0]) for r in rows]
        self.rows = {name: [None if r[i] == "-" else float(r[i]) for r in rows] for i, name in enumerate(names) if i > 1}
        for name in [n for n in self.rows if n.endswith("/status")]:
            start = self.rows[name.replace("status", "version")]
            self.rows[name] = undisturbed(self.rows[name], start)

        counts = [(self.rows[n], KEPT[n.split("/")[1]]) for n in self.rows if n.split("/")[1] in KEPT]
        full = [i for i in range(len(rows)) if all(values[i] >= kept for values, kept in counts)]
        self.warm = int(len(rows) * WARM_UP)
        self.full = max(self.warm, full[0] if full else len(rows))

    def judged(self, name):
        """(seconds, value) after the warm-up."""
        begin = self.full if name.endswith(MEMORY) else self.warm
        return [(s, v) for s, v in list(zip(self.seconds, self.rows[name]))[begin:] if v is not None]


def thin(points, most=POINTS):
    size = -(-len(points) // most)
    groups = [points[i:i + size] for i in range(0, len(points), size)]
    return [(statistics.median(s for s, _ in g), statistics.median(v for _, v in g)) for g in groups]


def rise(points):
    """How much the trend rises from the first to the last of them."""
    few = thin(points)
    slopes = [(w - v) / (t - s) for i, (s, v) in enumerate(few) for t, w in few[i + 1:] if t > s]
    return statistics.median(slopes) * (points[-1][0] - points[0][0]) if slopes else 0.0


def restarted(sheet):
    """Processes that are not the same from the first to the last row."""
    return [name[:-4] for name, values in sheet.rows.items() if name.endswith("/pid") and len(set(values)) > 1]


def judge(sheet):
    """[(series, middle, rise, bound, unit)], in the order of the file."""
    found = []
    for name in sheet.rows:
        bound = BOUNDS.get(name.split("/")[-1])
        points = sheet.judged(name)
        if bound and len(points) >= LEAST:
            found.append((name, statistics.median(v for _, v in points), rise(points), *bound))
    return found


def grows(series):
    return series[2] > series[3]


def verdict(sheet):
    """A line, and an exit status."""
    found, gone = judge(sheet), restarted(sheet)
    rounds = len(sheet.seconds)
    if not found:
        return f"verdict unknown: {rounds} rounds, {rounds - sheet.warm} of them after the warm-up, are too few", 2
    hours = (sheet.seconds[-1] - sheet.seconds[sheet.warm]) / 3600
    text = f"{len(found)} series over {hours:.2f} h after the warm-up, {rounds} rounds"
    if rounds - sheet.full < LEAST:
        text += ", without memory: the rings were not full in time"
    if gone:
        return f"verdict restarted: {', '.join(gone)}; {text}", 1
    worst = max(found, key=lambda f: f[2] / f[3])
    near = f"nearest to its bound: {worst[0]} rises by {worst[2]:.2f} of {worst[3]:g} {worst[4]}"
    more = [f[0] for f in found if grows(f)]
    if more:
        return f"verdict grows: {', '.join(more)}; {text}; {near}", 1
    return f"verdict flat: {text}; {near}", 0


# ---------------------------------------------------------------- page

HEAD = """<!-- SPDX-License-Identifier: GPL-2.0-or-later; written by tests/soak/run.sh page -->
# What it takes over time

A pair that works: what happens in a round stands at the top of `soak.py`, how it is judged at the top of `verdict.py`. All
rows are in the `.tsv` beside.

What it does not prove: memory of the kernel is not looked at. The pair is small, so what leaks with each of thousands of
services would leak slowly here. PSS is on the chart and not judged: it rises by itself when others that use the same
libraries end. A soak says nothing about what happens once a day.
"""


def section(sheet, folder):
    name = os.path.basename(sheet.path)[:-4]
    yield from (f"## {name}", "", *(f"    {line}" for line in sheet.about), "", verdict(sheet)[0] + ".", "")
    groups = {}
    for series, values in sheet.rows.items():
        what = series.split("/")[-1]
        unit = BOUNDS[what][1] if what in BOUNDS else SEEN.get(what)
        if unit:
            groups.setdefault(f"{what}, {unit}", []).append((series.rsplit("/", 1)[0], values))
    with open(f"{folder}/{name}.svg", "w", encoding="utf-8") as f:
        f.write(chart.lines(f"{name}: from the first to the last minute", [s / 60 for s in sheet.seconds], groups,
                            sheet.seconds[min(sheet.full, len(sheet.seconds) - 1)] / sheet.seconds[-1]))
    yield from (f"![{name}]({name}.svg)", "", "| series | middle | rise | bound | unit | |", "|---|---|---|---|---|---|")
    for found in judge(sheet):
        series, middle, up, bound, unit = found
        yield f"| {series} | {middle:,.2f} | {up:.2f} | {bound:g} | {unit} | {'grows' if grows(found) else 'flat'} |"
    yield ""


def page(folder):
    out = [HEAD]
    for path in sorted(glob.glob(f"{folder}/*.tsv")):
        out += section(Sheet(path), folder)
    with open(f"{folder}/README.md", "w", encoding="utf-8") as f:
        f.write("\n".join(out).rstrip() + "\n")


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "page":
        page(sys.argv[2])
    elif len(sys.argv) == 3 and sys.argv[1] == "judge":
        sheet = Sheet(sys.argv[2])
        for found in judge(sheet):
            print(f"series {found[0]} middle {found[1]:.2f} rise {found[2]:.2f} bound {found[3]:g} {found[4]} "
                  f"{'grows' if grows(found) else 'flat'}")
        text, status = verdict(sheet)
        print(text)
        sys.exit(status)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
