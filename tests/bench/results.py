#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a benchmark printed, as data: run.sh calls it.

  results.py write LINES.txt OUT.json KEY=VALUE...   what was printed, and about the run
  results.py compare OLD.json NEW.json               what got worse; exit status 1 if something did
  results.py page FOLDER                             FOLDER/README.md and the plots, of all FOLDER/*.json; what was measured
                                                     in several runs is one section with all their commands
"""
import glob
import json
import os
import platform
import re
import sys

import plot

SCHEMA = 1
NOISE = 0.10  # below that a ratio has not changed: two runs of the same differ by as much
MORE_IS_BETTER = {"rps", "pps", "rate", "speed"}  # measures; of all others less is

# What the committed results leave open, and which figures their table shows.
ABOUT = {
    "datapath": ("rps|pps|rate|p50|p99|cpu|softirq|share|own", "One emulated processor has clients, balancer and servers, and what it counts are "
                 "instructions: a rate is the price of all of it, and nothing here says what caches, cards, their queues or "
                 "many cores do. `share` counts as the balancer's whatever it makes dearer elsewhere. Latency is that of a machine "
                 "without a rest, where who waits for the processor waits longest. HAProxy and nginx do things that IPVS cannot "
                 "do; only forwarding is compared. Of fewer than four rounds (--reps) nobody can say how sure a ratio is; single pairs "
                 "of slices differ by 1 to 3 %. Clearing memory is an instruction a byte here, and hardly anything elsewhere."),
    "program": ("start|reload|reload-answer|start-writes|reload-writes|reload-same-writes|rss-core|rss-probe|pss-total",
                "Seconds are of an emulated processor. ipvsadm -R is one call of the kernel per line; a script that calls ipvsadm "
                "once per line is slower still. Memory is of the programs; that of the kernel is the same for everybody."),
    "checks": ("rate|cpu|busy|late-p50|late-p99|rss", "The servers are on the same processors. What libcurl costs shows in one "
               "rate only."),
    "failover": ("outage-p50|outage-p99|dual-p99", "veth pairs: no switch has to learn where an address went, no card has to come "
                 "up. Twenty runs tell little about one in a hundred."),
    "sync": ("time|speed|rate|lag-p50|lag-p99|missing|cpu-a|cpu-b", "The link between the nodes loses nothing here. Seconds are of "
             "an emulated processor."),
    "takeover": ("lost", "A thousand connections per way, that say little. What is lost under full load is not measured."),
    "operator": ("status|list|top-guest", "One operator at a time."),
    "budget": (".*", "Where time goes in an emulated guest; a real processor shares it out differently."),
    "guard": (".*", "Small cases with generous bounds: it finds what got several times slower, and nothing finer."),
}


def parse(text):
    """The lines of a benchmark. Others (of a program that complained) are kept as notes, too."""
    out = {"figures": [], "ratios": [], "checks": [], "notes": []}
    for line in text.splitlines():
        word = line.split()
        try:
            if word[0] == "figure" and word[2] != "n/a":
                out["figures"].append({"name": word[1], "value": float(word[2]), "unit": " ".join(word[3:])})
            elif word[0] == "ratio":
                out["ratios"].append({"name": word[1], "value": float(word[2])})
            elif word[0] in ("check", "aim"):
                value = None if word[3] == "not-measured" else float(word[3])
                out["checks"].append({"kind": word[0], "name": word[1], "verdict": word[2], "value": value, "bound": word[4]})
            elif word[0] != "figure":
                out["notes"].append(line.lstrip("# "))
        except (IndexError, ValueError):
            if line.strip():
                out["notes"].append(line.lstrip("# "))
    return out


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = re.search(r"model name\s*: (.*)", f.read())
    return {"cpu": cpu.group(1) if cpu else platform.machine(), "processors": os.cpu_count(),
            "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20, "kernel": platform.release()}


def write(lines, out, about):
    with open(lines, encoding="utf-8", errors="replace") as f:
        run = {"schema": SCHEMA, **about, "machine": machine(), **parse(f.read())}
    where = [n for n in run["notes"] if n.startswith("kernel ")]
    run["where"] = where[0] if where else ""
    with open(out, "w", encoding="utf-8") as f:
        json.dump(run, f, indent=1)
        f.write("\n")


def read(path):
    try:
        with open(path, encoding="utf-8") as f:
            run = json.load(f)
        if run["schema"] != SCHEMA:
            raise ValueError(f"schema {run['schema']} instead of {SCHEMA}")
        return run
    except (OSError, ValueError, KeyError, TypeError) as e:
        sys.exit(f"bench: {path}: {e}; it wants a file that tests/bench/run.sh wrote with --json")


# ---------------------------------------------------------------- compare

def measure_of(name):
    part = name.split("/")
    return part[-2].split("-vs-")[0] if len(part) > 2 else ""


def worsened(name, old, new):
    """How many times worse; below 1 is better."""
    a, b = max(old, 1e-9), max(new, 1e-9)
    return a / b if measure_of(name) in MORE_IS_BETTER else b / a


def compare(old, new):
    """Lines to print, and whether something got worse."""
    if old["bench"] != new["bench"]:
        return [f"bench: {old['bench']} and {new['bench']} cannot be compared"], True
    lines = [f"{key} differs: {old.get(key)} | {new.get(key)}" for key in ("where", "machine", "command", "load")
             if old.get(key) != new.get(key)]
    before = {r["name"]: r["value"] for r in old["ratios"]}
    after = {r["name"]: r["value"] for r in new["ratios"]}
    both = [n for n in before if n in after]
    rows = sorted(((worsened(n, before[n], after[n]), n) for n in both), reverse=True)
    worse = [f"worse {n} {before[n]:g} -> {after[n]:g}, {100 * (w - 1):.0f} %" for w, n in rows if w > 1 + NOISE]
    was = {(c["kind"], c["name"]): c for c in old["checks"]}
    for c in new["checks"]:
        a = was.get((c["kind"], c["name"]))
        if a and a["verdict"] == "ok" and c["verdict"] != "ok":
            worse.append(f"{c['verdict']} {c['name']} was {a['value']:g}, is {'not measured' if c['value'] is None else format(c['value'], 'g')}, "
                         f"bound {c['bound']}")
    better = sum(w < 1 / (1 + NOISE) for w, _ in rows)
    lines += worse
    gone = sorted(set(before) - set(after))
    lines += [f"not measured any more: {n}" for n in gone]
    lines.append(f"{len(both)} ratios compared: {len(worse)} worse, {better} better, the others within {100 * NOISE:.0f} %")
    return lines, bool(worse)


# ---------------------------------------------------------------- page

def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:g}"


def pivot(run, measures):
    """(case, measure, unit) -> side -> value, in the order of the run."""
    rows, sides = {}, []
    for f in run["figures"]:
        part = f["name"].split("/")
        if len(part) < 4 or not re.fullmatch(measures, part[-2]):
            continue
        side = part[-1]
        if side not in sides:
            sides.append(side)
        rows.setdefault(("/".join(part[1:-2]), part[-2], f["unit"]), {})[side] = f["value"]
    return rows, sides


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(str(c) for c in row) + " |"
    yield ""


CELL_PARTS = {"takeover": 3}  # of a name; of all others 2


def cell_of(item):
    part = item["name"].split("/")
    return part[:CELL_PARTS.get(part[0], 2)]


def joined(runs):
    """Runs of the same benchmark, of other cells each, as one. What two of them have is that of the later one; and where a
    cell was measured again, the later one says what was held against a bound."""
    found = {}
    for run in sorted(runs, key=lambda r: r["date"]):
        old = found.setdefault(run["bench"], {**run, "runs": [], "figures": [], "ratios": [], "checks": []})
        old["runs"].append(run)
        for kind in ("figures", "ratios"):
            new = {item["name"] for item in run[kind]}
            old[kind] = [item for item in old[kind] if item["name"] not in new] + run[kind]
        cells = [cell_of(item) for item in run["figures"]]
        old["checks"] = [c for c in old["checks"] if cell_of(c) not in cells and c["name"] not in
                         {n["name"] for n in run["checks"]}] + run["checks"]
    return list(found.values())


def about(run):
    yield f"    {run['command']}"
    yield ""
    m = run["machine"]
    yield (f"{run['date']}, commit {run['commit']}, {run['seconds']} s; {run['where']}; on {m['processors']} processors {m['cpu']}, "
           f"Linux {m['kernel']}; load of that machine before and after: {run['load']}.")
    yield ""


def section(run, folder):
    measures, proves = ABOUT.get(run["bench"], (".*", ""))
    yield f"## {run['bench']}"
    yield ""
    for each in run["runs"]:
        yield from about(each)
    if proves:
        yield f"What it does not prove: {proves}"
        yield ""
    for name in plot.plots(run, folder):
        yield f"![{name}]({name})"
        yield ""
    if run["checks"]:
        yield from table(["", "what", "value", "bound", ""], ((c["kind"], c["name"].split("/", 1)[-1],
                                                          "-" if c["value"] is None else f"{c['value']:g}", c["bound"].replace("=", "= ", 1),
                                                          c["verdict"]) for c in run["checks"]))
    if run["ratios"]:
        rest = [r for r in run["ratios"] if not r["name"].endswith(":direct")]
        yield from table(["ratio", "value"], ((r["name"].split("/", 1)[-1], f"{r['value']:g}") for r in rest))
    rows, sides = pivot(run, measures)
    if rows:
        yield from table(["case", "measure", "unit", *sides],
                         ([c, what, unit, *(number(v[s]) if s in v else "" for s in sides)] for (c, what, unit), v in rows.items()))


def page(folder):
    runs = joined(read(p) for p in sorted(glob.glob(f"{folder}/*.json")))
    runs.sort(key=lambda r: list(ABOUT).index(r["bench"]) if r["bench"] in ABOUT else len(ABOUT))
    lines = ["<!-- SPDX-License-Identifier: GPL-2.0-or-later; written by tests/bench/run.sh page -->", "# Results", "",
             "What the benchmarks measured, good or bad, with the command that measures it again. What a measure means stands at the",
             "top of the script of that name, how to read it in [README.md](../README.md). All figures are in the `.json` beside;",
             "`tests/bench/run.sh compare results/NAME.json build/results/...` holds a new run against them.", ""]
    for run in runs:
        lines += section(run, folder)
    with open(f"{folder}/README.md", "w", encoding="utf-8") as f:
        f.write("\n".join(lines).rstrip() + "\n")


def main():
    if len(sys.argv) >= 4 and sys.argv[1] == "write":
        write(sys.argv[2], sys.argv[3], dict(a.split("=", 1) for a in sys.argv[4:]))
    elif len(sys.argv) == 4 and sys.argv[1] == "compare":
        lines, worse = compare(read(sys.argv[2]), read(sys.argv[3]))
        print("\n".join(lines))
        sys.exit(1 if worse else 0)
    elif len(sys.argv) == 3 and sys.argv[1] == "page":
        page(sys.argv[2])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
