# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines over time, as SVG: a panel per measure, a line per series. The file needs nothing else."""
import html
import statistics

WIDTH, LEFT, RIGHT, PANEL, GAP, TOP = 760, 70, 110, 150, 40, 40
COLOURS = ["#1f6fb4", "#d08b3c", "#74a061", "#9a77b5", "#4c94cf", "#b9603c", "#3f7f5f", "#7a7a7a"]
POINTS = 400  # of a line: more than pixels


def text(x, y, words, more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{html.escape(words)}</text>'


def path(xs, ys, colour):
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.2"/>'


def thinned(minutes, values):
    """The median of neighbours, so that the file stays small."""
    pairs = [(m, v) for m, v in zip(minutes, values) if v is not None]
    size = max(1, -(-len(pairs) // POINTS))
    groups = [pairs[i:i + size] for i in range(0, len(pairs), size)]
    return [g[0][0] for g in groups], [statistics.median(v for _, v in g) for g in groups]


def panel(name, minutes, series, y0, warm_up):
    """One measure: from nothing to its highest value, so that what is flat looks flat."""
    top = max((v for _, values in series for v in values if v is not None), default=1) * 1.05 or 1
    end = max(minutes[-1], 1e-9)

    def x(m):
        return LEFT + m / end * (WIDTH - LEFT - RIGHT)

    def y(v):
        return y0 + PANEL - v / top * PANEL

    yield text(LEFT, y0 - 6, name, 'fill="#222"')
    yield f'<rect x="{LEFT}" y="{y0}" width="{(WIDTH - LEFT - RIGHT) * warm_up:.1f}" height="{PANEL}" fill="#eeeeee"/>'
    for part in (0, 0.5, 1):
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(top * part):.1f}" y2="{y(top * part):.1f}" stroke="#dddddd"/>'
        yield text(LEFT - 6, y(top * part) + 4, f"{top * part:,.{0 if top >= 20 else 1}f}", 'text-anchor="end" font-size="10"')
        yield text(x(end * part), y0 + PANEL + 13, f"{end * part:.0f} min", 'text-anchor="middle" font-size="10"')
    for i, (label, values) in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        ms, vs = thinned(minutes, values)
        yield path(map(x, ms), map(y, vs), colour)
        yield text(WIDTH - RIGHT + 10, y0 + 12 + 15 * i, label, f'fill="{colour}"')


def lines(title, minutes, groups, warm_up):
    """groups: name of a measure -> [(series, values)]; the text of an SVG file. What is grey is warm-up."""
    height = TOP + len(groups) * (PANEL + GAP) + 10
    body, y0 = [], TOP + 20
    for name, series in groups.items():
        body += panel(name, minutes, series, y0, warm_up)
        y0 += PANEL + GAP
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12" fill="#555">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fdfdfd"/>', text(16, 22, title, 'font-size="14" fill="#222"'), *body,
        "</svg>"]) + "\n"
