#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What results.py makes of what was printed, and of two runs: run by ctest."""
import copy
import os
import re
import sys
import tempfile

import results

PRINTED = """# kernel 6.12, tcg, 2 processors
figure datapath/http-close/rps/lbd-nat 512 requests/s
figure datapath/http-close/rps/haproxy 301 requests/s
figure datapath/udp-64/pps/haproxy n/a
ratio datapath/http-close/rps/lbd-nat:haproxy 1.700
ratio datapath/http-close/rps/lbd-nat:direct 0.700
ratio program/5000x4/start/lbd:floor 1.20
check datapath/http-close/rps/lbd-nat:ipvsadm-nat ok 1.002 >=0.97
aim program/start not-measured
check datapath/bulk/rate/lbd-tun:ipvsadm-tun MISS not-measured >=0.97
a program that complains
figure cut
"""

# what, name of a ratio, before, after, whether that is worse
RATIOS = [
    ("fewer requests are worse", "datapath/http-close/rps/lbd-nat:haproxy", 1.7, 1.4, True),
    ("more are not", "datapath/http-close/rps/lbd-nat:haproxy", 1.4, 1.7, False),
    ("a longer start is worse", "program/5000x4/start/lbd:floor", 1.2, 1.5, True),
    ("a shorter one is not", "program/5000x4/start/lbd:floor", 1.5, 1.2, False),
    ("what two runs of the same differ by is neither", "program/5000x4/start/lbd:floor", 1.2, 1.3, False),
    ("from nothing to something is worse", "takeover/tcp/cut/lost/lbd:keepalived", 0, 0.5, True),
]


# Of three runs: what stands in the section they share
JOINED = [("http-close/rps/lbd-nat:haproxy", 1.4), ("http-keep/rps/lbd-nat:haproxy", 1.9), ("bulk/rate/lbd-nat:haproxy", 2.0)]


def run(**change):
    return {"schema": 1, "bench": "datapath", "machine": {"cpu": "x", "processors": 2, "kernel": "6"}, "where": "kernel 6.12", "command": "c",
            "load": "1", "commit": "abc", "date": "d", "seconds": "1", "status": "0", **results.parse(PRINTED), **change}


def expect(what, got, want):
    if got != want:
        print(f"{what}: {got!r} instead of {want!r}")
        return 1
    return 0


def main():
    got = results.parse(PRINTED)
    bad = expect("figures", [f["value"] for f in got["figures"]], [512, 301])
    bad += expect("a unit", got["figures"][0]["unit"], "requests/s")
    bad += expect("ratios", [r["value"] for r in got["ratios"]], [1.7, 0.7, 1.2])
    bad += expect("checks", [(c["kind"], c["verdict"], c["value"]) for c in got["checks"]],
                  [("check", "ok", 1.002), ("check", "MISS", None)])
    bad += expect("what has no form stays to be read", [n for n in got["notes"] if "complains" in n or "cut" in n or "aim" in n],
                  ["aim program/start not-measured", "a program that complains", "figure cut"])
    for what, name, before, after, worse in RATIOS:
        a, b = (run(ratios=[{"name": name, "value": v}]) for v in (before, after))
        lines, bad_one = results.compare(a, b)
        bad += expect(what, bad_one, worse)
        bad += expect(f"{what}: its line", any(line.startswith(f"worse {name}") for line in lines), worse)
    new = copy.deepcopy(run())
    new["checks"][0].update(verdict="MISS", value=0.91)
    new["where"], new["ratios"] = "kernel 6.1", new["ratios"][:1]
    lines, worse = results.compare(run(), new)
    bad += expect("a promise that is broken now is worse", worse, True)
    bad += expect("what differs is said", lines[0], "where differs: kernel 6.12 | kernel 6.1")
    bad += expect("what is gone is said", sum("not measured any more" in line for line in lines), 2)
    bad += expect("another benchmark is refused", results.compare(run(), run(bench="sync"))[1], True)
    bad += expect("the same is not worse", results.compare(run(), run())[1], False)
    with tempfile.TemporaryDirectory() as folder:
        results.json.dump(run(), open(f"{folder}/datapath.json", "w", encoding="ascii"))
        results.page(folder)
        text = open(f"{folder}/README.md", encoding="utf-8").read()
        plots = re.findall(r"!\[.*\]\((.*)\)", text)
        bad += expect("plots of what there is", plots, ["datapath-rates.svg"])
        bad += expect("each is there", [os.path.exists(f"{folder}/{p}") for p in plots], [True])
        bad += expect("a figure stands in the table", "| http-close | rps | requests/s | 512 | 301 |" in text, True)
    return bad + together()


def ratio(name, value):
    return {"name": f"datapath/{name}", "value": value}


def together():
    """Cells that were measured one by one; what was measured twice is that of the later run, whatever its file is called."""
    with tempfile.TemporaryDirectory() as folder:
        for name, date, command, ratios in (
                ("a", "2", "the later", [ratio("http-close/rps/lbd-nat:haproxy", 1.4), ratio("http-keep/rps/lbd-nat:haproxy", 1.9)]),
                ("b", "1", "the earlier", [ratio("http-close/rps/lbd-nat:haproxy", 1.7)]),
                ("c", "3", "the last", [ratio("bulk/rate/lbd-nat:haproxy", 2.0)])):
            with open(f"{folder}/{name}.json", "w", encoding="ascii") as f:
                results.json.dump(run(date=date, command=command, ratios=ratios, figures=[], checks=[]), f)
        results.page(folder)
        with open(f"{folder}/README.md", encoding="utf-8") as f:
            text = f.read()
        bad = expect("one section", text.count("## datapath"), 1)
        bad += expect("all commands", re.findall(r"^    (the .*)$", text, re.M), ["the earlier", "the later", "the last"])
        bad += expect("ratios of all", re.findall(r"^\| (\S+:haproxy) \| (\S+) \|$", text, re.M),
                      [(n, f"{v:g}") for n, v in JOINED])
    return bad


sys.exit(main())
