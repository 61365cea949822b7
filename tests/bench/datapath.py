#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Measures what a balancer forwards: started by datapath.sh in the lab's guest, and prints for it lines `figure`, `ratio`, and

  check NAME VALUE BOUND, aim NAME VALUE BOUND
  note TEXT

datapath.py ROUNDS CELLS SERVICES...
"""
import collections
import fnmatch
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time

import datapath_net
import paired
from datapath_net import BULK, ECHO, HELD, HTTP, MODES, NETS, PROXIES, TALK, UDP, Net, Sides, address, run

SECONDS = 1  # of a slice: wrk knows whole ones only
CLIENTS = 16  # connections that ask, flows of datagrams
PAIRS = [(f"lbd-{m}", f"ipvsadm-{m}") for m in MODES]
OTHERS = ["direct", *PROXIES]
HELD_FLOWS, HELD_CONNECTIONS = (1000, 10000, 100000), (1000, 10000)
TICK = os.sysconf("SC_CLK_TCK")


def say(text):
    print(text, flush=True)


def note(text):
    say("note " + " ".join(str(text).split()))


# ---------------------------------------------------------------- one slice

def clients_run(net, *argv):
    with net.clients:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=90, check=False)
    return done.stdout, done.stderr


def microseconds(text):
    number, unit = re.fullmatch(r"([0-9.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}[unit]


def wrk(net, side, *more):
    out, err = clients_run(net, "wrk", "--latency", f"-t{os.cpu_count()}", f"-c{CLIENTS}", f"-d{SECONDS}", *more,
                           f"http://{address(side)}:{HTTP}/")
    found = re.search(r"Requests/sec: +([0-9.]+)", out)
    assert found, f"{side}: {out} {err}"
    errors = re.search(r"Socket errors:.*|Non-2xx.*", out)
    if errors:
        note(f"{side}: {errors.group()}")
    n = int(re.search(r"(\d+) requests in", out).group(1))
    return {"rate": float(found.group(1)), "n": n,
            **{p: microseconds(re.search(rf"{p[1:]}% +(\S+)", out).group(1)) for p in ("p50", "p99")}}


def keep(net, side):
    return wrk(net, side)


def close(net, side):
    return wrk(net, side, "-H", "Connection: close")


def datagrams(net, side):
    out, err = clients_run(net, UDP, "load", address(side), str(ECHO), str(CLIENTS), str(SECONDS))
    assert out, f"{side}: {err}"
    n, took, p50, p99, lost = (float(w) for w in out.split())
    if lost:
        note(f"{side}: {lost:.0f} of {n:.0f} datagrams did not come back")
    return {"rate": n / took, "n": n, "p50": p50, "p99": p99}


def bulk(net, side):
    out, err = clients_run(net, "iperf3", "-J", "-c", address(side), "-p", str(BULK), "-t", str(SECONDS), "-P", "2")
    end = json.loads(out).get("end", {}).get("sum_received")
    assert end, f"{side}: {out[-300:]} {err}"
    return {"rate": end["bits_per_second"] / 8e6, "n": end["bytes"] / 1e6}


Case = collections.namedtuple("Case", "measure unit per slice leaves_out")
CASES = {
    "http-keep": Case("rps", "requests/s", "request", keep, ()),
    "http-close": Case("rps", "requests/s", "request", close, ()),
    "udp-64": Case("pps", "datagrams/s", "datagram", datagrams, ("haproxy",)),
    "bulk": Case("rate", "MB/s", "MB", bulk, ()),
}


def jiffies():
    """Of all processors: idle; seen busy, and how much of that in softirqs. The first is exact, the others are samples, and
    fewer where the clock counts instructions."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, idle, wait, irq, soft, *_ = (int(w) for w in f.readline().split()[1:])
    return idle + wait, user + nice + system + irq + soft, soft


def own(sides):
    """Of lbd and its rooms."""
    if not sides.on:
        return 0
    total, todo = 0, [sides.lbd.pid]
    while todo:
        pid = todo.pop()
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                word = f.read().rsplit(")", 1)[1].split()
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
                todo += f.read().split()
        except FileNotFoundError:
            continue
        total += int(word[11]) + int(word[12])
    return total


def slice_of(case, sides, side):
    if side.startswith("lbd"):
        sides.start()
    else:
        sides.stop()
    before, mine, begin = jiffies(), own(sides), time.monotonic()
    got = CASES[case].slice(sides.net, side)
    wall, mine = time.monotonic() - begin, own(sides) - mine
    idle, seen, soft = (b - a for a, b in zip(before, jiffies()))
    busy = max(wall * os.cpu_count() - idle / TICK, 0.01)
    got["cost"] = busy * 1e6 / got["n"]  # us of processors
    got["soft"] = 100 * soft / max(seen, 1)
    got["busy"] = 100 * busy / wall / os.cpu_count()
    if os.environ.get("LBD_BENCH_TRACE"):
        note(f"{case} {side}: {wall:.2f} s, {got['rate']:.1f}, busy {got['busy']:.0f} %")
    if side.startswith("lbd"):
        got["own"] = 100 * mine / max(seen, 1) * busy / wall
    return got


# ---------------------------------------------------------------- many slices

class Series:
    """name of a cell -> side -> what came out, one per half round"""

    def __init__(self):
        self.of = collections.defaultdict(lambda: collections.defaultdict(list))

    def round(self, cell, case, sides, pairs, others):
        order = paired.half_round(pairs, [o for o in others if o not in CASES[case].leaves_out])
        for half in (order, order[::-1]):
            for side in half:
                self.of[cell][side].append(slice_of(case, sides, side))

    def warm(self, case, sides, pairs, others):
        for side in paired.half_round(pairs, [o for o in others if o not in CASES[case].leaves_out]):
            slice_of(case, sides, side)


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def figures(cell, case, series):
    row = CASES[case]
    for side, all_of_it in series.items():
        left = paired.steady(all_of_it)
        got = [all_of_it[i] for i in sorted(left)]
        if len(got) < len(all_of_it):
            note(f"{cell} {side}: {len(got)} of {len(all_of_it)} slices count, in the others the machine stood still")

        def figure(measure, value, unit, side=side):
            say(f"figure datapath/{cell}/{measure}/{side} {number(value)} {unit}")

        low, middle, high = paired.quartiles([g["rate"] for g in got])
        figure(row.measure, middle, row.unit)
        figure(f"{row.measure}-spread", 100 * (high - low) / middle, "%")
        for p in ("p50", "p99"):
            if p in got[0]:
                figure(p, statistics.median(g[p] for g in got), "us")
        for key, measure, unit in (("cost", "cpu", f"us/{row.per}"), ("soft", "softirq", "%"), ("busy", "busy", "%"),
                                   ("own", "own", "%")):
            if key in got[0]:
                figure(measure, statistics.median(g[key] for g in got), unit)
        if side != "direct" and "direct" in series:
            share = [100 * (1 - d["cost"] / g["cost"]) for g, d in paired.pairs_of(series, side, "direct")]
            if share:
                figure("share", statistics.median(share), "%")


def ratio(cell, case, series, side, other):
    """The middle one of all pairs, and how sure that is."""
    each = [a["rate"] / b["rate"] for a, b in paired.pairs_of(series, side, other)] if side in series and other in series else []
    if not each:
        return None
    middle, (low, high) = statistics.median(each), paired.confidence(each)
    name = f"datapath/{cell}/{CASES[case].measure}/{side}:{other}"
    say(f"ratio {name} {middle:.3f}")
    if len(each) > 5:
        note(f"{name}: {low:.3f} to {high:.3f} in 19 of 20 cases, of {len(each)} pairs")
    return name, middle


def ratios(cell, case, series):
    held = [("check", ratio(cell, case, series, *pair), ">=0.97") for pair in PAIRS]
    for proxy in PROXIES:
        held.append(("aim", ratio(cell, case, series, "lbd-nat", proxy), ">=1"))
    for mode in MODES[1:]:
        for proxy in PROXIES:
            ratio(cell, case, series, f"lbd-{mode}", proxy)
    for side in list(series):
        if side != "direct":
            ratio(cell, case, series, side, "direct")
    for word, got, bound in held:
        if got:
            say(f"{word} {got[0]} {got[1]:.3f} {bound}")


# ---------------------------------------------------------------- the cells

def built(services, swapped, work):
    """With everything set up anew; swapped: lbd where the other one was, in case the place matters."""
    NETS.update(lbd=2, ipvsadm=1) if swapped else NETS.update(lbd=1, ipvsadm=2)
    begin = time.monotonic()
    net = Net()
    try:
        sides = Sides(net, services)
        note(f"{sides.rules} services each, set up in {time.monotonic() - begin:.1f} s")
        try:
            work(sides)
        finally:
            sides.close()
    finally:
        net.close()


def basic(names, rounds):
    """All cases in turn, on one setup and then on another."""
    series = Series()
    for swapped in (False, True)[:rounds]:
        def work(sides, swapped=swapped):
            for case in names:
                series.warm(case, sides, PAIRS, OTHERS)
            for _ in range(rounds - rounds // 2 if not swapped else rounds // 2):
                for case in names:
                    series.round(case, case, sides, PAIRS, OTHERS)
        built(1, swapped, work)
    for case in names:
        figures(case, case, series.of[case])
        ratios(case, case, series.of[case])


def grown(sizes, rounds):
    """One connection per request, while there are other services that nobody asks."""
    for n in sizes:
        series, cell = Series(), f"services-{n}"

        def work(sides, series=series, cell=cell):
            series.warm("http-close", sides, PAIRS[:1], OTHERS)
            for _ in range(rounds):
                series.round(cell, "http-close", sides, PAIRS[:1], OTHERS)
        built(n, False, work)
        figures(cell, "http-close", series.of[cell])
        ratios(cell, "http-close", series.of[cell])


def entries(node):
    """Rows of the kernel's table; all namespaces share it, each sees its own."""
    with node, open("/proc/net/ip_vs_conn", encoding="ascii") as f:
        return sum(1 for _ in f) - 1


class Talk:
    """Connections through a proxy that are only open."""

    def __init__(self, net):
        with net.clients:
            self.process = subprocess.Popen([TALK, "hold", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.n = 0

    def reach(self, side, n):
        self.process.stdin.write(f"add {side}-{n} idle {address(side)} {HELD} {n - self.n}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("group"):
                _, _, of, lost, *_ = line.split()
                self.n += int(of) - int(lost)
            if line == "done\n":
                break
        return self.n

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


def crowded(rounds):
    """One connection per request, while others are open. For IPVS these are flows of UDP through lbd, one datagram each; for
    the proxies connections of TCP."""
    def flows(sides):
        done = 0
        for who in ("lbd", "ipvsadm"):
            sides.net.balancer(who).run("ipvsadm", "--set", "900", "120", "900")
        for n in HELD_FLOWS:
            cell, series = f"flows-{n}", Series()
            sides.stop()
            clients_run(sides.net, UDP, "open", str(done), str(n - done), address("lbd-nat"), str(HELD), "120")
            done = n
            if n <= 20000:  # reading more is quadratic
                note(f"{cell}: {entries(sides.net.balancer('lbd'))} entries")
            series.warm("http-close", sides, PAIRS[:1], OTHERS[:1])
            for _ in range(rounds):
                series.round(cell, "http-close", sides, PAIRS[:1], OTHERS[:1])
            figures(cell, "http-close", series.of[cell])
            ratios(cell, "http-close", series.of[cell])

    def connections(sides):
        sides.stop()
        talks = {side: Talk(sides.net) for side in PROXIES}
        for n in HELD_CONNECTIONS:
            cell, series = f"connections-{n}", Series()
            note(f"{cell}: " + ", ".join(f"{side} {talk.reach(side, n)}" for side, talk in talks.items()) + " open")
            for _ in range(rounds):
                series.round(cell, "http-close", sides, [], OTHERS)
            figures(cell, "http-close", series.of[cell])
            ratios(cell, "http-close", series.of[cell])
        for talk in talks.values():
            talk.close()

    built(1, False, flows)
    built(1, False, connections)


def main():
    rounds, cells, sizes = int(sys.argv[1]), sys.argv[2].split(), [int(n) for n in sys.argv[3:]]
    os.makedirs(datapath_net.WORK, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (250000, 250000))

    def wanted(name):
        return any(fnmatch.fnmatch(name, c) for c in cells)

    names = [c for c in CASES if wanted(c)]
    few = max(1, rounds // 2)  # what grows is measured at many sizes
    if names:
        basic(names, rounds)
    grown([n for n in sizes if wanted(f"services-{n}")], few)
    if wanted("crowd"):
        crowded(few)


main()
