# SPDX-License-Identifier: GPL-2.0-or-later
"""
Bars, as SVG: a group per case, a bar per side. The file needs nothing else, and reads on a light and on a dark page.
"""
import html
import math
import re

WIDTH, LEFT, RIGHT, BAR, GAP, BOTTOM = 760, 150, 90, 13, 12, 14
# A side has the same colour everywhere. One family: the bright one is ours.
COLOURS = {"lbd": "#1f6fb4", "lbd-nat": "#1f6fb4", "lbd-dr": "#4c94cf", "lbd-tun": "#86b9e2", "direct": "#b9b9b9", "floor": "#b9b9b9",
           "ipvsadm": "#7a7a7a", "ipvsadm-nat": "#7a7a7a", "ipvsadm-dr": "#8f8f8f", "ipvsadm-tun": "#a5a5a5", "keepalived": "#d08b3c",
           "haproxy": "#d08b3c", "nginx": "#74a061", "kernel": "#74a061", "conntrackd": "#9a77b5"}
OTHER = "#999999"

# bench: (file, title, from, what of it: the groups are what stands in the first brackets, sides in the second, logarithmic)
PLOTS = {
    "datapath": [
        ("datapath-rates", "Forwarded per second, as a share of what goes without a balancer", "ratios",
         r"datapath/(http-keep|http-close|udp-64|bulk)/(?:rps|pps|rate)/(.*):direct", False),
        ("datapath-share", "What the balancer takes of all processor time, %", "figures",
         r"datapath/(http-keep|http-close|udp-64|bulk)/share/(.*)", False),
        ("datapath-p99", "99th percentile of the time to an answer, us", "figures",
         r"datapath/(http-keep|http-close|udp-64)/p99/(.*)", True),
        ("datapath-growth", "A connection per request, as a share of what goes without a balancer", "ratios",
         r"datapath/((?:services|flows|connections)-\d+)/rps/(.*):direct", False),
    ],
    "program": [("program-start", "Time until the kernel has all services, ms (logarithmic)", "figures", r"program/(.*)/start/(.*)", True),
                ("program-reload", "One service more: time until the kernel has it, ms (logarithmic)", "figures",
                 r"program/(.*)/reload/(.*)", True)],
    "checks": [("checks-cpu", "Processor time per 10,000 probes, s", "figures", r"checks/(.*)/cpu/(.*)", False)],
    "failover": [("failover-outage", "Outage, worst of all runs, ms (logarithmic)", "figures", r"failover/(.*)/outage-p99/(.*)", True)],
    "sync": [("sync-speed", "Flows copied to a node that has none, per second (logarithmic)", "figures", r"sync/(.*)/speed/(.*)", True)],
    "takeover": [("takeover-lost", "TCP connections lost", "figures", r"takeover/tcp/(.*)/lost/(.*)", False)],
}


def text(x, y, words, more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{html.escape(words)}</text>'


def short(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def scale(values, logarithmic):
    top = max(values)
    if not logarithmic:
        return lambda v: v / top if top > 0 else 0
    low = min((v for v in values if v > 0), default=1) / 2
    span = math.log(max(top / low, 2))
    return lambda v: math.log(v / low) / span if v > low else 0


def legend(sides):
    x, y = LEFT, 44
    for side in sides:
        step = 24 + 7 * len(side)
        if x + step > WIDTH:
            x, y = LEFT, y + 16
        yield f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{COLOURS.get(side, OTHER)}"/>'
        yield text(x + 14, y, side)
        x += step
    yield y


def bars(title, groups, logarithmic=False):
    """groups: (name, ((side, value), ...)), ...; the text of an SVG file."""
    sides = list(dict.fromkeys(s for _, rows in groups for s, _ in rows))
    *head, y = legend(sides)
    reach = scale([v for _, rows in groups for _, v in rows], logarithmic)
    body = []
    y += 24
    for name, rows in groups:
        body.append(text(LEFT - 8, y + BAR * len(rows) / 2 + 4, name, 'text-anchor="end"'))
        for side, value in rows:
            width = max(1.0, reach(value) * (WIDTH - LEFT - RIGHT))
            body.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{COLOURS.get(side, OTHER)}"/>')
            body.append(text(LEFT + width + 5, y + BAR - 4, short(value), 'font-size="10"'))
            y += BAR
        y += GAP
    height = y + BOTTOM
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12" fill="#555">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fdfdfd"/>', text(16, 22, title, 'font-size="14" fill="#222"'),
        *head, *body, "</svg>"]) + "\n"


def select(run, source, pattern):
    groups = {}
    for item in run[source]:
        found = re.fullmatch(pattern, item["name"])
        if found:
            groups.setdefault(found.group(1), []).append((found.group(2), item["value"]))
    return list(groups.items())


def plots(run, folder):
    """Writes those of this run; their names."""
    names = []
    for name, title, source, pattern, logarithmic in PLOTS.get(run["bench"], ()):
        groups = select(run, source, pattern)
        if groups:
            names.append(f"{name}.svg")
            with open(f"{folder}/{name}.svg", "w", encoding="utf-8") as f:
                f.write(bars(title, groups, logarithmic))
    return names
