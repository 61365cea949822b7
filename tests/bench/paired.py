# SPDX-License-Identifier: GPL-2.0-or-later
"""
Two sides that hardly differ, on a machine that others use, too: both are measured in many short slices, one right after the
other, and what is compared are the two of a pair.
"""
import math
import statistics

STEADY = 0.85


def half_round(pairs, others):
    """Whom to measure after whom: lbd and its pendant right behind each other, in either order, and lbd started as rarely as
    that allows. The second half is the same backwards."""
    order = []
    for i, (mine, plain) in enumerate(pairs):
        order += [plain, mine] if i % 2 else [mine, plain]
    return order + list(others)


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    return statistics.quantiles(values, n=4, method="inclusive")


def confidence(values):
    """Where the true median is, 19 of 20 times at least: counted in ranks, whatever the distribution. Of fewer than six nobody
    can say so much: from the least to the greatest."""
    values, n, k = sorted(values), len(values), 0
    outside = [sum(math.comb(n, i) for i in range(j + 1)) / 2**n for j in range(n)]  # on either side, leaving out j there
    while k + 1 < n / 2 and outside[k + 1] <= 0.025:
        k += 1
    return values[k], values[n - 1 - k]


def steady(got):
    """Which slices count: where the processors had less to do than STEADY of what is usual, the machine below gave them to
    others, and whoever waited for an answer waited for that. Returns their numbers."""
    usual = quartiles([g["busy"] for g in got])[2]
    return {i for i, g in enumerate(got) if g["busy"] >= STEADY * usual}


def pairs_of(series, side, other):
    """Of the same half round, where both count."""
    both = steady(series[side]) & steady(series[other])
    return [(series[side][i], series[other][i]) for i in sorted(both)]
