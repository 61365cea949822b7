#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What must hold in a pair whatever breaks, judged from a list of what happened, and from nothing else: no clock, no file,
no network. An event is a mapping: `t` seconds of the monotonic clock, `is` its kind, and what that kind has:

  setup     slow interval down lease                    once, first: how slow this machine is; s
  addr      node address has                            a kernel has an address from now on, or has it no longer
  arp       address macs                                who answered a third host that asked at t
  ping      came                                        asked at t, answered at came (0: never)
  advert    node vrid prio
  status    node took ok                                `lbctl status`, begun at t
  table     node rows                                   IPVS as it is from now on: {service: {server: weight}}
  want      node rows within                            what of it is to be ours from now on, and how long that may take
  foreign   node rows                                   what of it is not ours
  others    node before after                           everything else that is not ours, as text
  apply     node ok before after                        a configuration was given, and the generation around that
  request   end error service refused                   a short connection, to the service that the kernel calls so
  flow      flow why                                    a long one was lost
  asked                                                 all long ones were asked: what was lost before was told before
  lock      until                                       the kernel's lock of network devices was somebody else's
  event     node event object old new                   a record of lbd
  fault     id name node does limit                     something breaks; does: words of DOES; limit: s, see mend
  done      id                                          it has broken: where that takes time, a lease may have been renewed until then
  mend      id                                          we put it right; or nobody has to, then at the time of the fault
  heal      id                                          it is as before: at most limit after the mend
  settled                                               all is quiet: roles as configured, flows in sync
  stuck     what                                        the stage waited for something, and it did not come
  end                                                   what comes later does not count

`python3 checker.py FILE` judges the events of a file, one JSON object a line.
"""
import collections
import json
import sys

# What a fault may cause while it lasts: at that node, except for `dual`, `role` and `flows`, which are of the pair.
DOES = {
    "unfit": "the node cannot serve",
    "hush": "its adverts may stop",
    "mute": "its core does not answer, and does nothing about the kernel",
    "spoil": "its tables in the kernel are changed",
    "checks": "its checks do not reach the servers, and the weights in its tables are as the checks say",
    "blind": "its checks notice nothing new: what was to be noticed may take its time again from the end of it on",
    "role": "addresses may move",
    "dual": "both nodes may have an address, for neither hears of the other",
    "flows": "connections may be lost",
}
BRIEF = 0.05  # s that both have an address when it is handed over
# s that the kernel may be late to end a lease: it looks once a second, rounds that up by a quarter, and does not wake an
# idle processor for it (check_lifetime; of 3 s seen: up to 4.42)
LATE = 2.0
AROUND = 20
QUIET = ("ping", "table", "advert", "status", "arp", "request")  # too many to be shown around what broke

Broken = collections.namedtuple("Broken", "rule t text")
INF = float("inf")


class Fault:
    def __init__(self, e, end):
        self.id, self.name, self.node, self.t = e["id"], e["name"], e["node"], e["t"]
        self.does, self.limit = set(e["does"]), e["limit"]
        assert self.does <= set(DOES), self.does
        self.done, self.mended, self.end = self.t, end, end

    def during(self, start, stop):
        return self.t <= stop and start <= self.end


class Story:
    """The events by kind, in their order, and the faults as spans of time."""

    def __init__(self, events):
        end = min((e["t"] for e in events if e["is"] == "end"), default=INF)
        self.events = sorted((e for e in events if e["t"] <= end), key=lambda e: e["t"])
        self.by = collections.defaultdict(list)
        for e in self.events:
            self.by[e["is"]].append(e)
        setup = self.by["setup"][0]
        self.slow, self.interval, self.down, self.lease = (setup[k] for k in ("slow", "interval", "down", "lease"))
        self.first, self.last = self.events[0]["t"], self.events[-1]["t"]
        self.faults = [Fault(e, self.last) for e in self.by["fault"]]
        known = {f.id: f for f in self.faults}
        for e in self.by["done"]:
            known[e["id"]].done = e["t"]
        for e in self.by["mend"]:
            known[e["id"]].mended = e["t"]
        for e in self.by["heal"]:
            known[e["id"]].end = e["t"]
        self.stalls = stalls(self.by["ping"])
        self.locks = [(e["t"], e["until"]) for e in self.by["lock"]]

    def that(self, word, node=None):
        return [f for f in self.faults if word in f.does and node in (None, f.node)]

    def stood(self, start, stop):
        """For how long the whole machine stood still in that time."""
        return sum(max(0.0, min(b, stop) - max(a, start)) for a, b in self.stalls)

    def held_up(self, start, stop):
        """For how long no address could be changed in that time."""
        total, at = 0.0, start
        for a, b in sorted(self.stalls + self.locks):
            a, b = max(a, at), min(b, stop)
            total += max(0.0, b - a)
            at = max(at, b)
        return total

    def unsettled(self, f):
        """Until all was quiet again after a fault."""
        return next((e["t"] for e in self.by["settled"] if e["t"] >= f.end), INF)


def stalls(pings, least=0.05):
    """The client asks every 5 ms, before everything else: where it did not, nothing ran."""
    times = [e["t"] for e in pings]
    return [(x, y) for x, y in zip(times, times[1:]) if y - x > least]


def spans(points, end):
    """[(t, value)] as [(from, to, value)]"""
    return [(t, points[i + 1][0] if i + 1 < len(points) else end, v) for i, (t, v) in enumerate(points)]


def holders(story):
    """{address: [(from, to, nodes that have it)]}"""
    has, points = collections.defaultdict(set), collections.defaultdict(list)
    for e in story.by["addr"]:
        (has[e["address"]].add if e["has"] else has[e["address"]].discard)(e["node"])
        points[e["address"]].append((e["t"], frozenset(has[e["address"]])))
    return {a: spans(p, story.last) for a, p in points.items()}


def excused_dual(story):
    """[(from, to)] in which both may have an address."""
    found = []
    for f in story.that("role"):
        found.append((f.t, f.done + story.lease + LATE + 0.02 * story.slow))
        if "dual" in f.does:  # and what follows its end is as after a fault
            found.append((f.t, f.mended + story.down + story.lease + LATE + 0.02 * story.slow))
    return found


def one_holder(story):
    """I1"""
    excuses, brief = excused_dual(story), BRIEF + 0.01 * story.slow

    def excused(start, stop):
        at = start
        for a, b in sorted(excuses):
            if a <= at < b:
                at = b
        return at >= stop - brief - story.held_up(start, stop)

    known = holders(story)
    for address, of in known.items():
        start = None
        for a, b, nodes in [*of, (story.last, story.last, ())]:
            if len(nodes) > 1:
                start = a if start is None else start
                continue
            if start is not None and not excused(start, a):
                yield Broken("I1", start, f"{address} was on both nodes for {a - start:.3f} s")
            start = None
    for e in story.by["arp"]:
        # where both kernels say that they have it, it has been judged
        if any(len(nodes) > 1 and a - brief <= e["t"] <= b for a, b, nodes in known.get(e["address"], ())):
            continue
        if len(set(e["macs"])) > 1 and not excused(e["t"], e["t"] + 2 * brief):
            yield Broken("I1", e["t"], f"{len(set(e['macs']))} hosts answer for {e['address']}")


def nobody_fit(story):
    """[(from, to)] in which no node could serve."""
    a, b = [[(f.t, f.end) for f in story.that("unfit", n)] for n in ("a", "b")]
    return [(max(x[0], y[0]), min(x[1], y[1])) for x in a for y in b if max(x[0], y[0]) < min(x[1], y[1])]


def served(story):
    """I2"""
    answers = sorted(e["came"] for e in story.by["ping"] if e["came"])
    if not answers:
        if story.by["ping"]:
            yield Broken("I2", story.by["ping"][0]["t"], "no ping was ever answered")
        return
    last = story.by["ping"][-1]["t"]
    for x, y in zip(answers, [*answers[1:], max(last, answers[-1])]):
        if y - x <= 0.05:
            continue
        limit = story.down + 0.1 * story.slow + story.held_up(x, y)
        excuse = sum(max(0.0, min(b, y) - max(a, x)) for a, b in nobody_fit(story))
        if y - x - excuse > limit:
            yield Broken("I2", x, f"no answer for {y - x:.3f} s, of which nobody could in {excuse:.3f} s; limit {limit:.3f} s")


def rescheduled(story):
    """[(from, to, service)]: the kernel takes the scheduler from a service, waits until nobody is at it any more, and gives it
    another one (ip_vs_edit_service): meanwhile it refuses new connections. Tables are looked at five times a second."""
    found = []
    for node in ("a", "b"):
        before = set()
        for e in story.by["table"]:
            if e["node"] != node:
                continue
            rows = set(e["rows"])
            old = {name.rpartition(" ")[0] for name in before - rows}
            found += [(e["t"] - 0.2 - 0.1 * story.slow, e["t"], name) for name in
                      (name.rpartition(" ")[0] for name in rows - before) if name in old]
            before = rows
    return found


def calm(story):
    """I2 where nothing is the matter: no address moves, and no short request fails."""
    moves = [(f.t, story.unsettled(f)) for f in story.that("role")]
    start = next((e["t"] for e in story.by["settled"]), INF)
    for e in story.by["addr"]:
        if e["t"] > start and not any(a <= e["t"] <= b for a, b in moves):
            what = "came to" if e["has"] else "left"
            yield Broken("calm", e["t"], f"{e['address']} {what} node {e['node']} without a cause")
    moves += [(f.t, f.end + 1 + 0.1 * story.slow) for f in story.that("spoil")]
    edits = rescheduled(story)
    for e in story.by["request"]:
        while_edited = e.get("refused") and any(a <= e["end"] and e["t"] <= b and e["service"] == s for a, b, s in edits)
        if e["error"] and e["t"] > start and not while_edited and not any(a <= e["end"] and e["t"] <= b for a, b in moves):
            yield Broken("calm", e["t"], f"a request failed without a cause: {e['error']}")


def able(story, node, want):
    """From when on its checks could notice what was wanted: those that were at it and ended begin again."""
    t = want["t"]
    for f in story.that("blind", node):
        if f.during(want["t"], t + want["within"]):
            t = max(t, f.end)
    return t


def disturbed(story, node):
    """When the tables of a node got something to do: [(from, until the core can, how long that may take)]."""
    found = [(e["t"], able(story, node, e), e["within"]) for e in story.by["want"] if e["node"] == node]
    found += [(f.t, f.end, f.limit) for f in story.that("mute", node)]
    found += [(f.t, f.end, 0) for f in story.that("checks", node)]  # whoever mends it says how long the checks take then
    return found + [(f.t, f.t, f.limit) for f in story.that("spoil", node)]


def tables(story, node):
    """[(from, to, rows, ours as wanted, what is not ours)]"""
    state, points = {"table": None, "want": None, "foreign": {}}, []
    for e in story.events:
        if e["is"] in state and e["node"] == node:
            state[e["is"]] = e["rows"]
            points.append((e["t"], (state["table"], state["want"], state["foreign"])))
    return [(a, b, *v) for a, b, v in spans(points, story.last) if v[0] is not None and v[1] is not None]


def joined(found):
    """Spans that touch are one; the text of the first stays."""
    out = []
    for a, b, text in found:
        if out and a - out[-1][1] < 1e-9:
            out[-1] = (out[-1][0], b, out[-1][2])
        else:
            out.append((a, b, text))
    return out


def difference(rows, wanted):
    lines = [f"{s} is not there" for s in wanted if s not in rows] + [f"{s} is there" for s in rows if s not in wanted]
    lines += [f"{s}: {rows[s]} instead of {wanted[s]}" for s in rows if s in wanted and rows[s] != wanted[s]]
    return "; ".join(lines)


def converged(story):
    """I3"""
    for node in ("a", "b"):
        reasons = disturbed(story, node)
        wrong = [(a, b, difference({s: d for s, d in rows.items() if s not in foreign}, want))
                 for a, b, rows, want, foreign in tables(story, node) if {**want, **foreign} != {**rows, **foreign}]
        for start, stop, text in joined(wrong):
            bound, since, cause = 2 + 0.1 * story.slow, start, False
            for t, can, within in reasons:
                if t <= stop and start <= max(can, t) + within + bound:
                    cause, since = True, max(since, min(stop, can) + within)
            if not cause:
                yield Broken("I3", start, f"the tables of {node} changed without a cause: {text}")
            elif stop - since > bound + story.stood(since, stop):
                yield Broken("I3", start, f"the tables of {node} are wrong for {stop - start:.3f} s: {text}")


def all_or_nothing(story):
    """I4"""
    for e in story.by["apply"]:
        if not e["ok"] and e["before"] != e["after"]:
            yield Broken("I4", e["t"], f"{e['node']} refused a configuration and went from {e['before']} to {e['after']}")
        if e["ok"] and e["after"] <= e["before"]:
            yield Broken("I4", e["t"], f"{e['node']} took a configuration and stayed at {e['after']}")


def not_ours(story):
    """I5"""
    for node in ("a", "b"):
        for start, _, rows, _, foreign in tables(story, node):
            # the dump is not of one moment, and whoever changes what is not ours tells us after that
            if any(rows.get(s) != d for s, d in foreign.items()) and not any(
                    f.t <= start <= f.end + 0.5 for f in story.that("spoil", node)):
                yield Broken("I5", start, f"what is not ours on {node} changed: {difference(rows, {**rows, **foreign})}")
                break
    for e in story.by["others"]:
        if e["before"] != e["after"]:
            gone = [x for x in e["before"].splitlines() if x not in e["after"].splitlines()]
            new = [x for x in e["after"].splitlines() if x not in e["before"].splitlines()]
            yield Broken("I5", e["t"], f"what is not ours on {e['node']} changed: - {gone} + {new}")


def flows_live(story):
    """I6"""
    # noticed when they are asked, at the latest
    excuses = [(f.t, next((e["t"] for e in story.by["asked"] if e["t"] > f.end), INF)) for f in story.that("flows")]
    for e in story.by["flow"]:
        if not any(a <= e["t"] <= b for a, b in excuses):
            yield Broken("I6", e["t"], f"{e['flow']} was lost: {e['why']}")


def adverts_first(story):
    """I7"""
    limit = 1.5 * story.interval + 0.01 * story.slow
    last = {}
    for e in story.by["advert"]:
        key = e["node"], e["vrid"]
        before, last[key] = last.get(key), e
        if not before or not before["prio"] or not e["prio"]:
            continue
        gap = e["t"] - before["t"]
        if gap <= limit + story.stood(before["t"], e["t"]):
            continue
        # it was somebody else's in between, or it was hindered
        if any(o["vrid"] == e["vrid"] and o["node"] != e["node"] and before["t"] < o["t"] < e["t"] for o in story.by["advert"]):
            continue
        if any(f.during(before["t"], e["t"]) for f in story.that("hush", e["node"])):
            continue
        yield Broken("I7", before["t"], f"no advert of {e['node']} (vrid {e['vrid']}) for {gap:.3f} s, limit {limit:.3f} s")


def it_answers(story):
    """I8"""
    limit = 0.2 * story.slow
    for e in story.by["status"]:
        end = e["t"] + e["took"]
        if e["ok"] and e["took"] <= limit + story.stood(e["t"], end):
            continue
        if any(f.during(e["t"], end) for f in story.that("mute", e["node"])):
            continue
        how = f"took {e['took']:.3f} s" if e["ok"] else f"failed after {e['took']:.3f} s: {e.get('why', '')}"
        yield Broken("I8", e["t"], f"status of {e['node']} {how}; limit {limit:.3f} s")


def over_in_time(story):
    """What a fault says of its own end."""
    for f in story.faults:
        took, limit = f.end - f.mended, f.limit + 0.3 * story.slow
        if took > limit + story.stood(f.mended, f.end):
            yield Broken("over", f.t, f"{f.name} at {f.node} was over only {took:.3f} s after it was mended; limit {limit:.3f} s")
    for e in story.by["stuck"]:
        yield Broken("over", e["t"], f"waited in vain: {e['what']}")


def no_gaps(story):
    """The records of a core are numbered without gaps."""
    last = {}
    for e in story.by["event"]:
        if "seq" not in e:
            continue  # events.lost says itself that there is a gap
        key = e["node"], e["run"]
        if key in last and e["seq"] > last[key] + 1:
            yield Broken("events", e["t"], f"{e['node']} told record {e['seq']} after {last[key]}")
        last[key] = e["seq"]


RULES = [one_holder, served, calm, converged, all_or_nothing, not_ours, flows_live, adverts_first, it_answers, over_in_time,
         no_gaps]


def check(events):
    """Everything that did not hold, by time."""
    story = Story(events)
    return sorted((b for rule in RULES for b in rule(story)), key=lambda b: b.t)


def line(e, zero):
    rest = " ".join(f"{k}={v}" for k, v in e.items() if k not in ("t", "is", "seq"))
    return f"  {e['t'] - zero:9.3f} {e['is']} {rest}"[:240]


def around(events, t, n=AROUND):
    """The lines of what happened around that time."""
    events = sorted((e for e in events if e["is"] not in QUIET), key=lambda e: e["t"])
    zero = events[0]["t"] if events else 0.0
    before = [e for e in events if e["t"] <= t][-n // 2:]
    after = [e for e in events if e["t"] > t][:n // 2]
    return [line(e, zero) for e in before] + [f"> {t - zero:9.3f}"] + [line(e, zero) for e in after]


def report(events, broken, most=5):
    """What to print: each of the first few with what was around it."""
    out = [f"{b.rule} at {b.t - min(e['t'] for e in events):.3f}: {b.text}" for b in broken]
    for b in broken[:most]:
        out += ["", f"{b.rule}: {b.text}", *around(events, b.t)]
    return "\n".join(out)


def figures(events):
    """The longest of each, in s: what no rule says, and a reader wants to know."""
    story = Story(events)
    answers = sorted(e["came"] for e in story.by["ping"] if e["came"])
    both = [b - a for of in holders(story).values() for a, b, nodes in of if len(nodes) > 1]
    took = [e["took"] for e in story.by["status"] if e["ok"]]
    return {"outage": max([y - x for x, y in zip(answers, answers[1:])], default=0.0), "both": max(both, default=0.0),
            "status": max(took, default=0.0), "stood": max([b - a for a, b in story.stalls], default=0.0),
            "requests": len(story.by["request"]), "failed": sum(bool(e["error"]) for e in story.by["request"])}


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        events = [json.loads(text) for text in f]
    broken = check(events)
    print(report(events, broken) or "all of it held")
    print(figures(events))
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
