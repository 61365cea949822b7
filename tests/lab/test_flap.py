# SPDX-License-Identifier: GPL-2.0-or-later
"""
Two thousand backends whose servers come and go at random, for LBD_FLAP_SECONDS (20; the long run is 300). At every
quiet moment the kernel is what the plan says and the plan is what the servers are; the log stays readable; `lbctl
status` answers throughout.

The servers are one listener on 10.20.0.0/16. A firewall of the node refuses or loses what is sent to the addresses of
two sets, so that a change of a hundred servers is one transaction.
"""
import contextlib
import os
import random
import re
import socket
import threading
import time

import pytest

from conftest import Lbd, until
from steps import conf, slowness

SERVICES, BACKENDS = 100, 20
SECONDS = float(os.environ.get("LBD_FLAP_SECONDS", "20"))
SEED = int(os.environ.get("LBD_SEED", str(int(time.time()))))
NOISY = 5.0          # seconds of flapping between two quiet moments
INTERVAL = 2.0
CHECK = {"type": "tcp", "interval": "2s", "timeout": "1s", "rise": 1, "fall": 2}
ALL = [f"10.20.{s}.{b}" for s in range(SERVICES) for b in range(1, BACKENDS + 1)]
LINES_A_SECOND = 20  # of one kind, then a count
ANSWER = 0.2         # seconds, on a plain machine


class Flapper:
    """Who is up: everybody who is in neither set."""

    def __init__(self, node, rng):
        self.node, self.rng, self.refused, self.lost = node, rng, set(), set()
        node.run("nft", "-f", "-", text="""
            table inet flap {
              set refused { type ipv4_addr; }
              set lost { type ipv4_addr; }
              chain in {
                type filter hook input priority 0;
                tcp dport 8080 tcp flags syn ip daddr @refused reject with tcp reset
                tcp dport 8080 tcp flags syn ip daddr @lost drop
              }
            }""")

    def set(self, refused, lost):
        text = "flush set inet flap refused\nflush set inet flap lost\n"
        for name, who in (("refused", refused), ("lost", lost)):
            if who:
                text += f"add element inet flap {name} {{ {', '.join(sorted(who))} }}\n"
        self.node.run("nft", "-f", "-", text=text)
        self.refused, self.lost = refused, lost

    def step(self):
        """A hundred of them change. One in ten that go is lost without a word."""
        refused, lost = set(self.refused), set(self.lost)
        for address in self.rng.sample(ALL, 100):
            if address in refused or address in lost:
                refused.discard(address), lost.discard(address)
            else:
                (lost if self.rng.random() < 0.1 else refused).add(address)
        self.set(refused, lost)

    def down(self):
        return self.refused | self.lost

    def close(self):
        self.node.run("nft", "delete", "table", "inet", "flap", check=False)


class Sink(threading.Thread):
    """Takes connections and lets them go. The kernel answers most probes alone; what is left must not fill its queue."""

    def __init__(self, node):
        super().__init__(daemon=True)
        node.sysctl("net.core.somaxconn", 4096)
        with node:
            self.sock = socket.create_server(("0.0.0.0", 8080), backlog=4096)
        self.sock.settimeout(0.5)
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            with contextlib.suppress(OSError):
                self.sock.accept()[0].close()

    def close(self):
        self.over.set()
        self.join(10)
        self.sock.close()


class Asker(threading.Thread):
    """`lbctl status`, again and again."""

    def __init__(self, d):
        super().__init__(daemon=True)
        self.d, self.times, self.bad, self.over = d, [], [], threading.Event()

    def run(self):
        while not self.over.wait(0.3):
            start = time.monotonic()
            done = self.d.call("status")
            self.times.append(time.monotonic() - start)
            if done.returncode != 0:
                self.bad.append(done.stderr)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join(30)


def config():
    return conf({f"s{s}": {"listen": f"10.9.0.100:{1000 + s}", "scheduler": "rr", "check": "app",
                           "backends": {f"b{b}": f"10.20.{s}.{b}:8080" for b in range(1, BACKENDS + 1)}}
                 for s in range(SERVICES)}, checks={"app": CHECK})


def kernel_pools(node):
    """{"s7 10.20.7.3": weight} as ipvsadm tells it."""
    found, service = {}, None
    for line in node.run("ipvsadm", "-Sn").splitlines():
        words = line.split()
        service = int(words[2].rpartition(":")[2]) - 1000
        if words[0] == "-a":
            found[f"s{service} {words[4].rpartition(':')[0]}"] = int(words[words.index("-w") + 1])
    return found


def rows(d):
    return d.ctl("backend", "list")["data"]


def held(log):
    """{kind: how many lines were only counted}"""
    found = {}
    for n, kind in re.findall(r"(\d+) more (\S+) in the last second", log):
        found[kind] = found.get(kind, 0) + int(n)
    return found


@pytest.fixture
def flapper(clean, lb, srv3):
    del clean
    lb.run("ip", "route", "add", "10.20.0.0/16", "via", srv3.ip4, "dev", "back")
    srv3.run("ip", "route", "add", "local", "10.20.0.0/16", "dev", "lo")
    sink = Sink(srv3)
    sink.start()
    print(f"seed {SEED} (LBD_SEED), {SECONDS} s (LBD_FLAP_SECONDS)")
    f = Flapper(srv3, random.Random(SEED))
    yield f
    f.close()
    sink.close()
    lb.run("ip", "route", "del", "10.20.0.0/16", check=False)
    srv3.run("ip", "route", "del", "local", "10.20.0.0/16", "dev", "lo", check=False)


def quiet(d, lb, flapper, slow):
    """Nothing changes any more: what is seen, what is planned and what is in the kernel become the same."""
    down, start = flapper.down(), time.monotonic()
    wrong = None

    def agrees():
        nonlocal wrong
        wrong = [f"{r['address']} {r['state']} {r['check']}" for r in rows(d)
                 if (r["state"] == "up") != (r["address"].rpartition(":")[0] not in down)]
        return not wrong

    try:
        until(agrees, "every backend is what its server is", 5 * INTERVAL + 2 * slow, every=0.3)
    except AssertionError as e:
        raise AssertionError(f"seed {SEED}: {len(wrong)} of {len(ALL)} backends are wrong: {wrong[:10]}") from e
    d.text("wait", "daemon", "ready", "-t", "20s")
    done = d.call("kernel", "diff")
    assert done.returncode == 0, f"seed {SEED}: {done.stdout[:2000]}"
    planned = {f"{r['service']} {r['address'].rpartition(':')[0]}": r["weight"] for r in rows(d)}
    kernel = kernel_pools(lb)
    different = {k: (planned.get(k), kernel.get(k)) for k in set(planned) | set(kernel) if planned.get(k) != kernel.get(k)}
    assert not different, f"seed {SEED}: planned, kernel: {dict(list(different.items())[:10])}"
    assert len(kernel) == len(ALL) and sum(1 for w in kernel.values() if not w) == len(down)
    print(f"quiet after {time.monotonic() - start:.1f} s, {len(down)} down")


def test_two_thousand_flapping_backends(lb, flapper):
    slow = slowness()
    with Lbd(lb, config()) as d:
        until(lambda: sum(r["state"] == "up" for r in rows(d)) == len(ALL), "all are up", 30 + 2 * slow, every=0.5)
        first = began = time.monotonic()
        at, steps, changed = len(d.log()), 0, 0
        with Asker(d) as asker:
            while time.monotonic() - first < SECONDS:
                noisy, before = time.monotonic(), flapper.down()
                while time.monotonic() - noisy < NOISY:
                    flapper.step()
                    steps += 1
                    time.sleep(0.5)
                quiet(d, lb, flapper, slow)
                changed += len(before ^ flapper.down())
            seconds = time.monotonic() - began
        log = d.log()[at:]
        rss = d.ctl("daemon", "info")["data"][0]
    told, counted = len(re.findall(r"backend/\S+: \w+ -> \w+", log)), held(log)
    times = sorted(asker.times)
    print(f"{steps} steps, {changed} changes that lasted; {told} lines and {counted} counted in {seconds:.0f} s; "
          f"{len(times)} times `lbctl status`: median {times[len(times) // 2] * 1e3:.0f} ms, worst {times[-1] * 1e3:.0f} ms, "
          f"slowness {slow:.1f}; workers {rss['workers']}")
    assert told <= LINES_A_SECOND * (seconds + 2)
    assert told + counted.get("backend.health", 0) >= changed  # nothing is lost without being counted
    assert counted.get("backend.health", 0) > 0
    assert not asker.bad, asker.bad[0]
    assert times[-1] < ANSWER * slow
    assert "worker/probe: ended" not in log and "the kernel differs" not in log
