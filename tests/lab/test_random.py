# SPDX-License-Identifier: GPL-2.0-or-later
"""
Random services through lbd, read back with ipvsadm, against what ipvsadm(8) says that they are: from each configuration
to the next by a reload, and what changes is all that is written. LBD_RANDOM_ROUNDS makes it long (12), LBD_RANDOM_SEED
repeats it; the seed is printed.
"""
import ipaddress
import json
import os
import random

import pytest

from conftest import Lbd, clear, ipvs
from steps import writes

ROUNDS = int(os.environ.get("LBD_RANDOM_ROUNDS", "12"))
SEED = int(os.environ.get("LBD_RANDOM_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
SCHEDULERS = ["rr", "wrr", "lc", "wlc", "sed", "nq", "lblc", "lblcr", "dh", "sh", "mh", "fo", "ovf"]
FLAGS = {"sh": ["sh-fallback", "sh-port"], "mh": ["mh-fallback", "mh-port"]}
METHODS = {"nat": "-m", "dr": "-g", "tun": "-i"}
PROTOCOLS = {"tcp": "-t", "udp": "-u", "sctp": "--sctp-service"}


def at(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Service:
    """What stands in the file, and the lines of `ipvsadm -Sn`."""

    def __init__(self, dice, n):
        self.dice = dice
        self.six = dice.random() < 0.3
        self.conf, self.mode = {"check": "none"}, dice.choice(list(METHODS))
        self.mark = n + 1 if dice.random() < 0.2 else 0
        self.port = dice.choice([1, 80, 443, 8080, 65535])
        self.backends, self.key, self.rest = [], "", ""
        self.listen(n)
        self.schedule()
        self.persist()
        self.tunnel = self.tunneled() if self.mode == "tun" else ""
        for i in range(dice.randrange(6)):
            self.backend(i)
        self.conf["mode"] = self.mode
        self.conf["backends"] = dict(self.backends)

    def listen(self, n):
        if self.mark:
            self.conf["fwmark"], self.port = self.mark, 0
            self.conf["family"] = "ipv6" if self.six else "ipv4"
            self.key = f"-f {self.mark}" + (" -6" if self.six else "")
            return
        address, protocol = f"2001:db8::{n + 1:x}" if self.six else f"192.0.2.{n + 1}", self.dice.choice(list(PROTOCOLS))
        self.conf["listen"] = at(address, self.port)
        self.conf["protocol"] = protocol
        self.key = f"{PROTOCOLS[protocol]} {at(address, self.port)}"
        if protocol == "udp" and self.dice.random() < 0.3:
            self.conf["one_packet"] = True

    def schedule(self):
        name = self.dice.choice(SCHEDULERS)
        flags = [f for f in FLAGS.get(name, []) if self.dice.random() < 0.5]
        if flags:
            self.conf["scheduler"] = {"name": name, "flags": flags}
        elif name in FLAGS and self.dice.random() < 0.5:
            self.conf["scheduler"] = {"name": name, "flags": "off"}
        else:
            self.conf["scheduler"], flags = name, FLAGS.get(name, [])[:1]
        self.rest = f" -s {name}"
        self.flags = f" -b {','.join(flags)}" if flags else ""

    def persist(self):
        self.sticky = ""
        if self.conf.get("one_packet") or self.dice.random() < 0.6:
            return
        seconds, bits = self.dice.randrange(1, 3600), self.dice.randrange(1, 129 if self.six else 33)
        self.conf["persistence"] = {"timeout": f"{seconds}s", "mask6" if self.six else "mask4": bits}
        full = bits == (128 if self.six else 32)
        mask = bits if self.six else ipaddress.ip_network(f"0.0.0.0/{bits}").netmask
        self.sticky = f" -p {seconds}" + ("" if full else f" -M {mask}")

    def tunneled(self):
        kind, sums = self.dice.choice(["ipip", "gue", "gre"]), self.dice.choice(["nocsum", "csum"])
        if kind == "ipip":
            return " --tun-type ipip"
        port = self.dice.randrange(1, 65536)
        self.conf["tunnel"] = {"type": kind, "checksum": sums, **({"port": port} if kind == "gue" else {})}
        return f" --tun-type {kind}" + (f" --tun-port {port}" if kind == "gue" else "") + f" --tun-{sums}"

    def backend(self, i):
        weight, port = self.dice.randrange(1000), self.port
        address = f"2001:db8:1::{i + 1:x}" if self.six else f"198.51.100.{i + 1}"
        conf = {"address": address, "weight": weight}
        if self.mode == "nat" and self.dice.random() < 0.5:
            port = conf["port"] = self.dice.choice([1, 8080, 65535])
        state = self.dice.choice(["enabled"] * 4 + ["drain", "maint"])
        if state != "enabled":
            conf["state"] = state
        if state != "maint":
            self.backends.append((f"b{i}", conf))
            line = f"-a {self.key} -r {at(address, port)} {METHODS[self.mode]} -w {0 if state == 'drain' else weight}"
            conf["_line"] = line + self.tunnel
        else:
            self.backends.append((f"b{i}", conf))

    def lines(self):
        yield f"-A {self.key}{self.rest}{self.sticky}" + (" -o" if self.conf.get("one_packet") else "") + self.flags
        for _, conf in self.backends:
            if "_line" in conf:
                yield conf["_line"]

    def written(self):
        backends = {name: {k: v for k, v in conf.items() if k != "_line"} for name, conf in self.backends}
        return {**self.conf, "backends": backends}


def some(dice):
    return {f"s{n}": Service(dice, n) for n in range(12) if dice.random() < 0.6}


def text(services):
    """JSON, but for the word off, which is none in quotes."""
    return json.dumps({"services": {name: s.written() for name, s in services.items()}}, indent=1).replace('"off"', "off")


def words(lines):
    """Flags and masks stand in the order of ipvsadm's version: a line is the set of its words behind the service."""
    return sorted(" ".join(sorted(line.split())) for line in lines)


def same(lb, services, what):
    got, want = words(ipvs(lb)), words(line for s in services.values() for line in s.lines())
    assert got == want, f"{what}: too much {sorted(set(got) - set(want))}, missing {sorted(set(want) - set(got))}"


@pytest.fixture(autouse=True)
def tidy(lb):
    clear(lb)
    yield
    clear(lb)


def test_what_is_written_is_what_ipvsadm_reads(lb):
    print(f"seed {SEED} (LBD_RANDOM_SEED), {ROUNDS} rounds (LBD_RANDOM_ROUNDS)")
    dice = random.Random(SEED)
    services = some(dice)
    with Lbd(lb, text(services)) as d:
        same(lb, services, "at the start")
        for i in range(ROUNDS):
            if dice.random() < 0.5:  # a few of them only
                new = some(dice)
                services = {**services, **dict(list(new.items())[:2])}
                for name in [n for n in services if dice.random() < 0.1]:
                    del services[name]
            else:
                services = some(dice)
            d.reload(text(services))
            same(lb, services, f"round {i}")
            assert writes(d) == 0 or d.call("kernel", "diff").returncode == 0
        before = writes(d)
        d.write(text(dict(reversed(services.items()))) + "\n# the same in another order\n")
        d.call("daemon", "reload", "-y")
        assert writes(d) == before
        same(lb, services, "in another order")
