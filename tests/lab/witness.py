# SPDX-License-Identifier: GPL-2.0-or-later
"""
What held in a pair, judged from outside: from the addresses of both kernels and from what was on the wire. It knows
nothing of the code.
  I1  one holder: an address is on at most one node, except within its lease + 1 s after a fault
  I2  served: with one healthy node somebody has it within the down interval + 100 ms
  I7  adverts first: between two adverts of a master are at most 1.5 intervals
"""
import re
import threading
import time

from pair import VIP4, VIP6


def down(prio, interval):
    """How long a backup of that priority waits."""
    return 3 * interval + (256 - prio) / 256 * interval


def skew(prio, interval):
    return (256 - prio) / 256 * interval


def gaps(adverts):
    """Seconds between the adverts of one master."""
    times = [a.time for a in adverts if a.prio]
    return [y - x for x, y in zip(times, times[1:])]


def reigns(adverts, silence):
    """[(from, to)]: when somebody said that it is master. A priority 0, or silence, ends it."""
    found, last = [], None
    for a in adverts:
        if a.prio and last is not None and a.time - last <= silence:
            found[-1][1] = last = a.time
        elif a.prio:
            found.append([a.time, a.time])
            last = a.time
        elif last is not None:
            found[-1][1], last = a.time, None
    return found


def two_masters(wire, one, other, silence, since=0.0):
    """The longest time in which both said so."""
    return max([min(b[1], d[1]) - max(b[0], d[0])
                for b in reigns(wire.of(one, since), silence) for d in reigns(wire.of(other, since), silence)] + [0.0])


class Holders(threading.Thread):
    """Looks every few milliseconds which nodes have the address, on whichever card."""

    EVERY = 0.005

    def __init__(self, *nodes, ip=VIP4):
        super().__init__(daemon=True)
        self.samples, self.over = [], threading.Event()
        if ip == VIP6:
            path, self.wanted = "if_inet6", re.compile(rb"^fd070000000000000000000000000100 ", re.M)
        else:
            path, self.wanted = "fib_trie", re.compile(rb"\|-- " + re.escape(ip.encode()) + rb"\n\s+/32 host LOCAL")
        self.files = []
        for n in nodes:
            with n:  # the file stays that of the node
                self.files.append(open(f"/proc/thread-self/net/{path}", "rb", buffering=0))

    def look(self, f):
        f.seek(0)
        return bool(self.wanted.search(f.read(1 << 20)))

    def run(self):
        while not self.over.wait(self.EVERY):
            self.samples.append((time.monotonic(), tuple(self.look(f) for f in self.files)))

    def longest(self, is_it, since=0.0, until=float("inf")):
        """The longest time without a break in which is_it(how many have it)."""
        best, start = 0.0, None
        for at, who in list(self.samples):
            if at < since or at > until:
                continue
            if not is_it(sum(who)):
                start = None
                continue
            start = at if start is None else start
            best = max(best, at - start)
        return best

    def several(self, since=0.0):
        return self.longest(lambda n: n > 1, since)

    def nobody(self, since=0.0, until=float("inf")):
        return self.longest(lambda n: n == 0, since, until)

    def now(self):
        return self.samples[-1][1]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join(5)
        for f in self.files:
            f.close()
