#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Measures failovers: started by failover.sh in namespaces of its own, and prints for it

  sample CELL MEASURE SIDE VALUE     outage, dual, dual-end of one run, in ms
  note TEXT
  cell CELL                          all samples of that cell are there

A lane is two nodes and a client on a bridge. Lanes go through a round together: all start, all wait, then come the
faults, all watch, all end. So no daemon is started while another one is measured, and both sides are measured in the
same moments.
"""
import fnmatch
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time

VIP, VRID = "10.7.0.100", 51
PRIO = {"a": 150, "b": 100}
ADVERTS = {"1s": 1.0, "100ms": 0.1, "10ms": 0.01}
FAULTS = ("link", "sigterm", "sigkill", "sigkill-vrrp", "sigstop")
SIDES = ("lbd", "keepalived")
LANES = {"1s": 8, "100ms": 4, "10ms": 4}  # what waits for seconds does so side by side
TRIES = 5
GRAIN = 0.005  # s from probe to probe
HOLE = 0.015  # s; the client asks before everything else runs: was it so late itself, nothing can be said of others
JITTER = 0.0225  # s; three probes that came late
NEAR = 0.05  # s; from a gap to what made it
HANDING = 0.05  # s; while one that lives takes over from another one that lives, both have it for a moment
TRACE = "LBD_BENCH_TRACE" in os.environ  # each run, with the moments at which addresses came and went

BUILD, WORK = os.environ["LBD_BENCH_BUILD"], os.environ["LBD_BENCH_WORK"]
LBD, LBCTL, WATCH = (f"{BUILD}/{p}" for p in ("lbd/lbd", "lbctl/lbctl", "tests/bench/bench_watch"))


def say(text):
    print(text, flush=True)


def progress(text):
    print(f"failover: {text}", file=sys.stderr, flush=True)


class Unfit(Exception):
    """This run was no measurement: the pair was not as it should be when the fault was to come."""


def until(condition, what, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Unfit(f"after {seconds:.0f} s still not: {what}")
        time.sleep(0.005)


# ---------------------------------------------------------------- the two sides

class Daemon:
    """One node's daemon; .all() are its processes, the one of VRRP first."""

    def __init__(self, lane, node, interval):
        self.space, self.dir = lane.space(node), f"{WORK}/{lane.space(node)}"
        subprocess.run(["rm", "-rf", self.dir], check=True)
        os.mkdir(self.dir)
        with open(f"{self.dir}/conf", "w", encoding="utf-8") as f:
            f.write(self.text(node, interval))
        self.log = open(f"{self.dir}/log", "wb")
        self.process = subprocess.Popen(["ip", "netns", "exec", self.space, *self.argv(node)], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        self.known = []

    def all(self):
        children, todo = {}, [self.process.pid]
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                    children.setdefault(int(f.read().rpartition(")")[2].split()[1]), []).append(int(pid))
            except OSError:
                continue
        for pid in todo:
            todo += children.get(pid, [])
        vrrp = [p for p in todo if self.is_vrrp(p)]
        self.known = vrrp + [p for p in todo if p not in vrrp]
        return self.known

    def vrrp(self):
        return self.all()[0]

    lease = 0  # ms

    def settle(self):
        pass

    def joined(self):
        """Whether it listens for adverts."""
        try:
            with open(f"/proc/{self.process.pid}/net/igmp", encoding="ascii") as f:
                return "120000E0" in f.read()
        except OSError:
            return False

    def send(self, signum, pids):
        for pid in pids:
            try:
                os.kill(pid, signum)
            except ProcessLookupError:
                pass

    def end(self):
        """None is left, those included that only a dead parent knew."""
        self.send(signal.SIGKILL, {*self.known, *self.all()})
        self.process.wait()
        self.log.close()

    def last_words(self):
        with open(f"{self.dir}/log", encoding="utf-8", errors="replace") as f:
            return " | ".join(f.read().splitlines()[-3:])


class Lbd(Daemon):
    def text(self, node, interval):
        key = f"{WORK}/cluster.key"
        nodes = {n: {"address": f"10.7.0.{i}", "priority": PRIO[n]} for i, n in enumerate("ab", 1)}
        return json.dumps({
            "cluster": {"id": 1, "key_file": key, "nodes": nodes},
            "vrrp": {"wan": {"interface": "eth0", "vrid": VRID, "addresses": f"{VIP}/32",
                             "advert_interval": f"{round(interval * 1000)}ms"}},
            "services": {}})

    def argv(self, node):
        return [LBD, "-c", f"{self.dir}/conf", "--node", node, "--user", "root", "--run-dir", f"{self.dir}/run",
                "--state-dir", f"{self.dir}/state"]

    @staticmethod
    def is_vrrp(pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                return b"lbd: vrrp" in f.read()
        except OSError:
            return False

    def ctl(self, *words):
        return subprocess.run([LBCTL, "--socket", f"{self.dir}/run/control.sock", *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30, check=False)

    def settle(self):
        done = self.ctl("-j", "vrrp", "show", "wan")
        self.lease = json.loads(done.stdout)["data"][0].get("lease", 0) * 1000 if done.returncode == 0 else 0

    def plan(self):
        """Returns how it was done."""
        done = self.ctl("-y", "failover", "--wait")
        if done.returncode == 0:
            return "planned"
        said = done.stderr.strip().splitlines()
        note_once(f"lbctl failover --wait: {said[0] if said else done.returncode}; measured with lbctl vrrp resign")
        done = self.ctl("-y", "vrrp", "resign", "wan")
        if done.returncode:
            raise Unfit(f"lbctl vrrp resign: {done.stderr.strip()}")
        return "resign"


class Keepalived(Daemon):
    def text(self, node, interval):
        # as lbd: neither has the role by its configuration; everything else is its own default
        return f"""global_defs {{
  vrrp_version 3
}}
vrrp_instance wan {{
  state BACKUP
  interface eth0
  virtual_router_id {VRID}
  priority {PRIO[node]}
  advert_int {interval:g}
  virtual_ipaddress {{
    {VIP}/32
  }}
}}
"""

    def argv(self, node):
        return ["keepalived", "-P", "-n", "-l", "-f", f"{self.dir}/conf", "-p", f"{self.dir}/pid", "-r", f"{self.dir}/vrrp"]

    def is_vrrp(self, pid):
        return pid != self.process.pid

    def plan(self):
        self.process.send_signal(signal.SIGTERM)
        return "planned"


def make_daemon(side, *args):
    return {"lbd": Lbd, "keepalived": Keepalived}[side](*args)


noted, noting = set(), threading.Lock()


def note_once(text):
    with noting:
        if text not in noted:
            noted.add(text)
            say(f"note {text}")


# ---------------------------------------------------------------- what was seen

class Watch:
    """watch.c at work in one lane."""

    def __init__(self, lane):
        self.names = {lane.space(n): n for n in "ab"}
        self.process = subprocess.Popen([WATCH, VIP, lane.space("a"), lane.space("b"), lane.space("c")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0)
        self.out = open(self.process.stdout.fileno(), encoding="ascii", closefd=False)
        if self.out.readline() != "ready\n":
            raise RuntimeError("bench_watch does not start")
        self.has, self.changes, self.probes = {"a": False, "b": False}, [], []
        self.advert, self.heard = 0.0, threading.Event()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.out:
            word, *rest = line.split()
            if word == "addr":
                node, on, at = self.names[rest[0]], rest[1] == "+", int(rest[2]) / 1e6
                self.changes.append((at, node, on))
                self.has[node] = on
            elif word == "advert":
                self.advert = int(rest[0]) / 1e6
                self.heard.set()
            elif word == "probe":
                self.probes.append((int(rest[0]) / 1e6, int(rest[1]) / 1e6))

    def holder(self):
        return "".join(n for n in "ab" if self.has[n])

    def ask(self):
        self.process.stdin.write(b".")

    def end(self):
        self.process.stdin.close()
        self.thread.join(20)
        self.process.wait(20)
        self.out.close()


def outage(probes, start, moments=()):
    """
    The longest time without an answer: (seconds, when it began, whether a hole is in it). Where none was lost and the
    client had merely not asked, there is only what the answer took. Nor does it count where some probes came late while
    nothing happened, at none of these moments: that is the machine, and the worst of many runs would be its.
    """
    longest, last, hole = (0.0, start, False), None, False
    for i, (sent, came) in enumerate(probes):
        late = i > 0 and sent - probes[i - 1][0] > HOLE
        hole = hole or late
        if sent < start or not (came or i == len(probes) - 1):
            continue
        begin, end = probes[last][1] if last is not None else start, came or sent
        if late and last == i - 1:
            begin, hole = max(begin, sent - GRAIN), False
        if not moments or end - begin >= JITTER or any(begin - NEAR < m < end + NEAR for m in moments):
            longest = max(longest, (end - begin, begin, hole))
        last, hole = (i, False) if came else (last, hole)
    return longest


def hole(probes, start):
    """The longest time for which the client did not ask: the machine stood still."""
    return max((b[0] - a[0] for a, b in zip(probes, probes[1:]) if a[0] > start), default=GRAIN)


def dual(changes, start, end):
    """How long both nodes had it, and when after the start they last did, but for the moments of handing over."""
    has, since, total, last = {"a": False, "b": False}, None, 0.0, 0.0
    for at, node, on in sorted(changes) + [(end, "a", False)]:
        at = min(max(at, start), end)
        has[node] = on
        if all(has.values()):
            since = at if since is None else since
        elif since is not None:
            total += at - since
            last = at - start if at - since > HANDING else last
            since = None
    return total, last


# ---------------------------------------------------------------- a lane

class Lane:
    def __init__(self, number):
        self.number = number
        for n in "abcw":
            subprocess.run(["ip", "netns", "add", self.space(n)], check=True)
        # a bridge that learned where multicast listens would take some seconds for it
        self.ip("w", "link add br0 type bridge stp_state 0 mcast_snooping 0", "link set br0 up")
        for i, n in enumerate("abc", 1):
            self.ip("w", f"link add port-{n} type veth peer name eth0 netns {self.space(n)}", f"link set port-{n} master br0 up")
            self.ip(n, "link set lo up", "link set eth0 up", f"addr add 10.7.0.{i}/24 dev eth0")

    def space(self, node):
        return f"f{self.number}{node}"

    def ip(self, node, *lines, check=True):
        done = subprocess.run(["ip", "-n", self.space(node), "-batch", "-"], input="\n".join(lines) + "\n", capture_output=True,
                              text=True, check=False)
        if check and done.returncode:
            raise RuntimeError(f"ip in {self.space(node)}: {done.stderr.strip()}: {lines}")

    # the phases of a round

    def start(self, side, interval):
        self.watch, self.nodes = Watch(self), {}
        self.nodes["a"] = make_daemon(side, self, "a", interval)
        until(lambda: self.watch.holder() == "a", f"{side} holds the address: {self.nodes['a'].last_words()}", 15)
        self.nodes["a"].settle()
        self.nodes["b"] = make_daemon(side, self, "b", interval)
        until(self.nodes["b"].joined, f"the other {side} listens: {self.nodes['b'].last_words()}", 15)

    def fault(self, kind, interval, phase):
        """
        At this part of the time from one advert to the next: how long nobody notices depends on it, so it is the same for
        both sides, and spread evenly over the runs. Returns how it was done.
        """
        a = self.nodes["a"]
        pids = [a.vrrp()] if kind == "sigkill-vrrp" else a.all()
        self.watch.ask()
        time.sleep(0.3)
        self.watch.heard.clear()
        if not self.watch.heard.wait(5 * interval + 1):
            raise Unfit("no advert is heard")
        time.sleep(max(0.0, self.watch.advert + phase * interval - time.monotonic()))
        if self.watch.holder() != "a":
            raise Unfit(f"the address is on {self.watch.holder() or 'nobody'} without a fault")
        self.at, self.resumed = time.monotonic(), None
        if kind == "link":
            self.ip("w", "link set port-a down")
        elif kind == "sigterm":
            a.process.send_signal(signal.SIGTERM)
        elif kind in ("sigkill", "sigkill-vrrp"):
            a.send(signal.SIGKILL, pids)
        elif kind == "sigstop":
            a.send(signal.SIGSTOP, pids)
            time.sleep(stopped(interval))
            self.resumed = time.monotonic()
            a.send(signal.SIGCONT, pids)
        else:
            return a.plan()
        return kind

    def seen(self, interval):
        end = time.monotonic()
        self.watch.end()
        both, last = dual(self.watch.changes, self.at, end)
        moments = [self.at] + ([self.resumed] if self.resumed else []) + [m for m, _, _ in self.watch.changes]
        longest, began, broken = outage(self.watch.probes, self.at - 0.2, moments)
        still = hole(self.watch.probes, self.at - 0.2)
        # where that is no more than what a daemon should live through, and not where the client waited, it does not count
        if still > max(HOLE, 2 * interval) or broken:
            raise Unfit(f"this machine stood still for {still * 1e3:.0f} ms")
        if TRACE:
            moves = " ".join(f"{'+' if on else '-'}{node}@{(at - self.at) * 1e3:.0f}"
                             for at, node, on in sorted(self.watch.changes) if at > self.at)
            progress(f"  {type(self.nodes['a']).__name__}: {longest * 1e3:.1f} ms from {(began - self.at) * 1e3:.0f} on; {moves}")
        return {"outage": longest * 1e3, "dual": both * 1e3, "dual-end": last * 1e3, "lease": self.nodes["a"].lease}

    def end(self):
        for d in self.nodes.values():
            d.end()
        if self.watch.process.poll() is None:
            self.watch.process.kill()
        self.ip("w", "link set port-a up")
        for n in "ab":
            self.ip(n, f"addr del {VIP}/32 dev eth0", check=False)
        self.ip("c", "neigh flush all", check=False)


# ---------------------------------------------------------------- cells

def leased(interval):
    """A lease is not longer: we watch until it has ended."""
    return max(3, 6 * interval)


def stopped(interval):
    """From SIGSTOP to SIGCONT."""
    return leased(interval) + 3


def watch_seconds(kind, interval):
    """After the fault, or after SIGCONT: everything that follows has happened by then."""
    down = 3.7 * interval
    if kind == "sigkill":
        return leased(interval) + 2.5
    if kind == "sigkill-vrrp":  # it comes back, waits a down interval, and preempts
        return 2 * down + 2.5
    if kind == "sigstop":
        return 1.5 * down + 2
    return down + 2


def seconds(cell, reps):
    advert, kind = cell.split("-", 1)
    interval, rounds = ADVERTS[advert], -(-reps * len(SIDES) // LANES[advert])
    return rounds * (7 * interval + 2.5 + stopped(interval) * (kind == "sigstop") + watch_seconds(kind, interval))


class Round:
    """Some runs side by side, one per lane."""

    def __init__(self, lanes, runs, kind, interval, reps):
        self.kind, self.interval, self.reps = kind, interval, reps
        self.gate = threading.Barrier(len(runs))
        self.done, self.failed, self.broken = [], [], None
        threads = [threading.Thread(target=self.work, args=x, daemon=True) for x in zip(lanes, runs)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if self.broken:
            raise self.broken

    def work(self, lane, run):
        try:
            self.steps(lane, run)
        except Exception as e:  # not of this run alone: the bench itself is broken
            self.broken = self.broken or e
            self.gate.abort()

    def steps(self, lane, run):
        rep, side = run
        why = how = None
        for step in (lambda: lane.start(side, self.interval),
                     lambda: time.sleep(0.5 + 2.2 * self.interval),
                     lambda: lane.fault(self.kind, self.interval, (rep + 0.5) / self.reps),
                     lambda: time.sleep(watch_seconds(self.kind, self.interval))):
            try:
                how = (None if why else step()) or how
            except Unfit as e:
                why = e
            self.gate.wait(60)
        try:
            values = None if why else lane.seen(self.interval)
        except Unfit as e:
            why = e
        self.gate.wait(60)
        lane.end()
        self.gate.wait(60)
        if why:
            self.failed.append((run, why))
        else:
            self.done.append((side, how, values))


def measure(cell, lanes, reps):
    advert, kind = cell.split("-", 1)
    tries, done = {}, []
    todo = [(rep, side) for rep in range(reps) for side in (SIDES if rep % 2 else SIDES[::-1])]
    while todo:
        # keepalived, when it goes on, answers each advert that waited for it, with announcements: at 10 ms that is a flood
        # in which the whole machine stands still, and lbd's runs beside it would be void
        side = todo[0][1] if kind == "sigstop" else None
        runs = [run for run in todo if side in (None, run[1])][:LANES[advert]]
        todo = [run for run in todo if run not in runs]
        r = Round(lanes, runs, kind, ADVERTS[advert], reps)
        done += r.done
        for run, why in r.failed:
            tries[run] = tries.get(run, 0) + 1
            say(f"note {cell} {run[1]}, run {run[0] + 1}: {why}")
            if tries[run] < TRIES:
                todo.append(run)
    if any(how == "resign" for _, how, _ in done):
        cell = f"{advert}-resign"
    for side, _, values in done:
        for name, value in values.items():
            say(f"sample {cell} {name} {side} {value:.1f}")
    say(f"cell {cell}")
    return cell, done


def words(done, name):
    found = []
    for side in SIDES:
        v = sorted(values[name] for s, _, values in done if s == side)
        found.append(f"{side} {v[len(v) // 2]:.0f}, at most {v[-1]:.0f}" if v else f"{side} not measured")
    return "; ".join(found)


def main():
    reps, wanted = int(sys.argv[1]), sys.argv[2].split()
    cells = [f"{a}-{f}" for a in ADVERTS for f in FAULTS] + ["100ms-planned"]
    cells = [c for c in cells if any(fnmatch.fnmatch(c, w) for w in wanted)]
    if not cells:
        sys.exit("failover: no such cell")
    fd = os.open(f"{WORK}/cluster.key", os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(fd, secrets.token_bytes(32))
    os.close(fd)
    progress(f"{len(cells)} cells, {reps} runs of each side in each: about {sum(seconds(c, reps) for c in cells) / 60:.0f} minutes")
    lanes = [Lane(i) for i in range(max(LANES.values()))]
    for i, cell in enumerate(cells, 1):
        start = time.monotonic()
        name, done = measure(cell, lanes, reps)
        progress(f"{i}/{len(cells)} {name}: outage {words(done, 'outage')}; both hold it: {words(done, 'dual')} ms "
                 f"({time.monotonic() - start:.0f} s)")


if __name__ == "__main__":
    main()
