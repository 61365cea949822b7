#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
A pair that works for hours, and what it takes meanwhile: started by run.sh where the pair may live.

soak.py MINUTES SAMPLES.tsv

One round after the other until the time is over. In each of them a server fails and comes back, each node is given
another configuration, one that it refuses, and the first one again; clients go away in the middle of an answer; and the
addresses move to the other node and back, in even rounds as planned, in odd ones because a cable is pulled. All the time
clients ask through the pair (where the kernel has IPVS), somebody pings, asks for the status once a second, and follows the
events. So many servers are checked that the rings of what happened, which grow until they are full, are full soon. At the
end of each round, when all is quiet and everything is as it was at the start, a row is written:

  NODE/events, flips             how many there have been so far; flips are those of checks
  NODE/ROOM/pid, rss, pss, fds   of each process of lbd: KiB, and open descriptors, the least of a few looks: what a probe or an
                                 answer has open is gone in the next moment
  NODE/status, NODE/version      ms from the start of `lbctl status` and of `lbctl --version` to its end, the best of a few: the
                                 second one is what a start costs on this machine just then
"""
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../faults"), os.path.join(HERE, "../lab")]
from conftest import Lbd, build_dir, run, until  # noqa: E402
from faults import FAULTS  # noqa: E402
from record import Ear, Records, Servers, Status, Tables  # noqa: E402
from stage import ADDRESSES, BACK, COUNTED, FRONT, IPVS, NAT_PORT, PORTS, SYNC, VIP4, Stage  # noqa: E402
import stage  # noqa: E402

CALLS = 7  # of each, of which the best one counts
GONE = 20  # clients that do not wait for their answer, in each round
SETTLED = 60  # s
REST = 2  # s between two rounds: what is done later is part of it
EVENTS = 20000  # that are kept to find out what went wrong
MANY = 48 if COUNTED else 128  # addresses of the server that fails
MANY_PORT = 1010


def text(key, n=0):
    """The configuration of the faults, and a service whose backends go and come with one server."""
    found = json.loads(stage.text(key, n))
    found["services"]["many"] = {"listen": f"{VIP4}:{MANY_PORT}", "check": "app", "scheduler": "rr", "sync": SYNC,
                                 "backends": {f"m{i}": f"{BACK}.{i}:{NAT_PORT}" for i in range(100, 100 + MANY)}}
    return json.dumps(found, indent=1) + "\n"


class Tally:
    """What stands where the events of a scenario are written down: two hours of them are not kept, only the last ones."""

    def __init__(self):
        self.n, self.flips, self.last, self.worst = {}, {"a": 0, "b": 0}, [], 0.0

    def add(self, kind, _=None, **rest):
        key = f"{kind}-failed" if rest.get("error") or rest.get("ok") is False and kind == "status" else kind
        self.n[key] = self.n.get(key, 0) + 1
        if kind == "status":
            self.worst = max(self.worst, rest["took"])
        if rest.get("event") == "check.changed":
            self.flips[rest["node"]] += 1
        if kind == "stuck":
            print(f"{time.monotonic():.3f} not in time: {rest['what']}", flush=True)
        self.last.append((time.monotonic(), kind, rest))
        if len(self.last) > 2 * EVENTS:
            del self.last[:EVENTS]


class Soak(Stage):
    """The pair of the faults, with who only looks left out that would remember everything."""

    def __init__(self, folder):
        super().__init__(folder)
        self.book, self.records, self.status, self.ping = Tally(), {}, {}, None

    def start(self):
        self.stack.callback(self.farm.close)
        self.farm.servers[0].ip("\n".join(f"addr add {BACK}.{i}/24 dev eth1" for i in range(100, 100 + MANY)))
        self.key = os.path.join(self.folder, "cluster.key")
        with open(os.open(self.key, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as f:
            f.write(os.urandom(32).hex() + "\n")
        talk = f"{build_dir()}/tests/bench/bench_talk"
        self.servers = [Servers(talk, n, [NAT_PORT, PORTS["dr"]], stage.HEALTH) for n in self.farm.servers]
        for s in self.servers:
            self.stack.callback(s.end)
        self.addresses = self.going(stage.Addresses(self.book, self.node, set(ADDRESSES)))
        for n in "ab":
            self.bring_up(n)
        if IPVS:
            self.peek = Tables(self.book, self.node)
        for n in "ab":
            self.status[n] = self.going(Status(self.book, n, self.d[n], 5 + self.slow))
            self.records[n] = self.going(Records(self.book, n, self.d[n]))
        self.wait_settled("the pair is up", SETTLED)
        self.wait(lambda: all(self.all_up(n) for n in "ab"), "the servers are up", SETTLED)
        self.core = {n: self.d[n].pid for n in "ab"}
        cards = {self.mac(n): n for n in "ab"}
        self.stack.enter_context(Ear(self.book, self.farm.client, cards, [VIP4], f"{FRONT}.250"))
        self.flows = None
        if IPVS:
            self.start_traffic()
        self.pinger = self.ping_all_the_time()

    def bring_up(self, n):
        self.d[n] = Lbd(self.node[n], text(self.key), name=f"lb-{n}", user="root")
        # a program that stands before it (memcheck.sh): what is started there is all of it, the rooms as well
        self.d[n].program = os.environ.get("LBD_SOAK_PROGRAM", self.d[n].program)
        run("mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "state", self.d[n].state_dir)
        self.stack.callback(self.close_daemon, n)
        self.d[n].start(ready=False)
        until(lambda: self.roles(n) == {"master" if n == "a" else "backup"}, f"the role of {n}", 60 + 5 * self.slow)

    def ping_all_the_time(self):
        with self.farm.client:
            p = subprocess.Popen(["ping", "-q", "-i", "0.1", VIP4], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.stack.callback(p.wait)
        self.stack.callback(p.terminate)
        return p

    # ---- a round

    def round(self, number):
        self.flap()
        for version in (1, 0):
            self.reload_both(version)
        FAULTS["bad-file"].inject(self, "ab"[number % 2])
        for n in "ab":
            self.clients_that_go(n)
        (self.planned if number % 2 == 0 else self.pulled)()
        self.wait_settled(f"round {number}", SETTLED)
        if self.flows:
            self.flows.ask(stage.PATIENCE)

    def flap(self):
        """Seen by the checks: without IPVS no backend has a state."""
        for act, healthy, what in ((self.servers[0].fail, False, "out"), (self.servers[0].recover, True, "back")):
            act()
            self.wait(lambda healthy=healthy: all(self.all_up(n) == healthy for n in "ab"), f"a server is {what}", 20)

    def all_up(self, n):
        return all(r["targets_up"] == r["targets_all"] for r in self.ask(n, "check.show", check="app"))

    def reload_both(self, version):
        for n in "ab":
            self.version[n] = version
            self.apply(n, text(self.key, version), True)
            self.wait(lambda n=n: self.has_extra(n) == bool(version), f"{n} runs version {version}", 20)

    def clients_that_go(self, n):
        for cmd in ("status", "service.list", "watch", "backend.list") * (GONE // 4):
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(os.path.join(self.d[n].run_dir, "control.sock"))
                s.sendall(b'{"id": 1, "cmd": "%s", "args": {}}\n' % cmd.encode())

    def planned(self):
        for old, new in (("a", "b"), ("b", "a")):
            done = self.d[old].call("failover", "--wait", "--force")
            if done.returncode:
                self.book.add("stuck", what=f"failover of {old}: {done.returncode} {(done.stdout + done.stderr).strip()[:200]}")
            self.wait(lambda new=new: self.roles(new) == {"master"}, f"{new} is master", 20)
            if old == "a":
                self.wait(lambda: self.roles("a") == {"backup"} and self.in_sync("a"), "a follows", 20)

    def pulled(self):
        self.cable("a", "front", False)
        self.wait(lambda: self.roles("b") == {"master"}, "b is master", 20)
        self.cable("a", "front", True)
        self.wait(lambda: self.roles("a") == {"master"}, "a is master", 30)

    # ---- a row

    def rooms(self, n):
        """name -> pid, the core first."""
        found = {"core": self.d[n].pid}
        found.update({w["name"]: w["pid"] for w in self.info(n).get("workers", []) if w.get("up")})
        return found

    def row(self):
        found = {}
        for n in "ab":
            found.update({f"{n}/events": self.records[n].seen[0], f"{n}/flips": self.book.flips[n]})
            for room, pid in self.rooms(n).items():
                found.update({f"{n}/{room}/{k}": v for k, v in taken(pid).items()})
            for name, words in (("status", ("status",)), ("version", ("--version",))):
                found[f"{n}/{name}"] = min(self.timed(n, *words) for _ in range(CALLS))
        return found

    def timed(self, n, *words):
        begin = time.monotonic()
        self.d[n].call(*words)
        return round((time.monotonic() - begin) * 1000, 2)


def taken(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        sizes = dict(line.split()[:2] for line in f.readlines()[1:])
    return {"pid": pid, "rss": int(sizes["Rss:"]), "pss": int(sizes["Pss:"]), "fds": min(descriptors(pid) for _ in range(CALLS))}


def descriptors(pid):
    time.sleep(0.01)
    return len(os.listdir(f"/proc/{pid}/fd"))


class Sheet:
    """Rows under the names of the first one. What is not there any more is a dash, what is new is said."""

    def __init__(self, path):
        self.file = open(path, "w", encoding="ascii")  # pylint: disable=consider-using-with
        self.names = None

    def write(self, seconds, number, row):
        if self.names is None:
            self.names = list(row)
            print("\t".join(["seconds", "round", *self.names]), file=self.file)
        for name in set(row) - set(self.names):
            print(f"new: {name}", flush=True)
        print("\t".join([f"{seconds:.0f}", str(number), *(str(row.get(n, "-")) for n in self.names)]), file=self.file, flush=True)


def main():
    minutes, path = float(sys.argv[1]), sys.argv[2]
    folder = tempfile.mkdtemp(prefix="soak-")
    os.chmod(folder, 0o755)
    with Soak(folder) as s:
        sheet, begin, number = Sheet(path), time.monotonic(), 0
        while time.monotonic() - begin < 60 * minutes:
            s.round(number)
            sheet.write(time.monotonic() - begin, number, s.row())
            number += 1
            time.sleep(REST)
        alive = all(s.d[n].process.poll() is None for n in "ab")
    tally = s.book.n
    said = {k: tally.get(k, 0) for k in ("apply", "request", "request-failed", "flow", "status", "status-failed", "event", "stuck")}
    print(f"rounds {number}, " + ", ".join(f"{k} {v}" for k, v in said.items()) + f", slowest status {1000 * s.book.worst:.0f} ms"
          + f", slow {s.slow:.1f}, {'with' if IPVS else 'without'} IPVS", flush=True)
    for n in "ab":
        if s.d[n].status or not alive:
            print(f"lb-{n} ended with {s.d[n].status}", flush=True)
    sys.exit(0 if alive and not any(s.d[n].status for n in "ab") else 1)


main()
