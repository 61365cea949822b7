# SPDX-License-Identifier: GPL-2.0-or-later
"""
A pair with live traffic, everything about it written down: what scenarios happen on, one after the other. Each has a story
of its own, that begins with how things are when all is quiet.

    client -- front -- lb-a -- back -- srv1, srv2         the network is that of flows.py
                    \\- lb-b -/
"""
import contextlib
import json
import os
import random
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lab"))
from conftest import Lbd, build_dir, has_ipvs, run, until  # noqa: E402
from flows import BACK, FRONT, GW4, GW6, LINK, NAT_PORT, PORTS, VIP4, VIP6, Farm  # noqa: E402
from record import Addresses, Book, Ctl, Ear, Flows, Lock, Ping, Records, Requests, Servers, Status, Tables  # noqa: E402
from steps import slowness  # noqa: E402
from test_sync import processes  # noqa: E402

IPVS = "LBD_BUILD" in os.environ and has_ipvs()  # who only reads the tables of this folder loads no module
COUNTED = os.environ.get("LBD_LAB_WHERE") == "icount"  # its clock counts instructions: 500 million are a second everywhere
SLOW = 1.0 if "LBD_BUILD" not in os.environ else 4.0 if COUNTED else slowness()
# A killed process is to be back before its peer has missed it: what a start takes there is 150 ms.
INTERVAL = 0.2 if COUNTED else 0.1
LEASE, HEARTBEAT, DEAD_AFTER, PING_MS = 3.0, 0.2, 1.0, 5
SYNC = "established" if IPVS else "off"  # without IPVS they would never be in sync, and a better node waits for that
PRIORITY = {"a": 150, "b": 100}
DOWN = 3 * INTERVAL + (256 - PRIORITY["b"]) / 256 * INTERVAL
HEALTH = 9000
CHECK = {"type": "tcp", "port": HEALTH, "interval": "500ms", "timeout": "500ms", "rise": 2, "fall": 3}
NOTICED = 3 * 0.5 * 1.1 + 0.5  # s until a dead server is out: fall intervals with their jitter
SERVERS = (11, 12)
EXTRA = 1005  # the port of a service that comes and goes
FOREIGN = {"a": f"{FRONT}.77", "b": f"{FRONT}.78"}  # addresses, 1 for each node
TOLD = 3.0  # s until the kernel has told of a connection: it collects what it says for two
PATIENCE = 30  # s without any word until a connection counts as lost: TCP asks again for longer
ADDRESSES = [VIP4, GW4, VIP6, GW6]
MODES = {"nat4": (VIP4, "nat", 4), "nat6": (VIP6, "nat", 6), "dr4": (VIP4, "dr", 4)}


def quoted(address):
    return f"[{address}]" if ":" in address else address


def backend(family, i):
    return f"{BACK}.{i}" if family == 4 else f"fd01::{i}"


def services(n):
    """Version n of the file: other weights, another scheduler, a service that comes and goes."""
    found = {}
    for name, (vip, mode, family) in MODES.items():
        port = NAT_PORT if mode == "nat" else PORTS[mode]
        found[name] = {"listen": f"{quoted(vip)}:{PORTS[mode]}", "protocol": ["tcp", "udp"], "mode": mode, "check": "app",
                       "scheduler": "wrr" if name == "nat4" and n % 2 else "rr", "sync": SYNC,
                       "backends": {f"s{i}": {"address": f"{quoted(backend(family, i))}:{port}",
                                              "weight": 1 + n % 3 if i == 12 else 1} for i in SERVERS}}
    if n % 2:
        found["extra"] = {"listen": f"{VIP4}:{EXTRA}", "check": "none", "scheduler": "rr", "sync": SYNC,
                          "backends": {f"e{i}": f"{BACK}.{i}:7000" for i in range(20, 40)}}
    return found


def text(key, n=0):
    common = {"advert_interval": f"{INTERVAL * 1000:.0f}ms", "lease": f"{LEASE:.0f}s", "group": "edge",
              "announce": {"count": 3, "delay": "1s"}}
    front, back = {"interface": "eth0", **common}, {"interface": "eth1", **common}
    return json.dumps({
        "cluster": {"id": 7, "key_file": key, "heartbeat": f"{HEARTBEAT * 1000:.0f}ms", "dead_after": f"{DEAD_AFTER * 1000:.0f}ms", "nodes": {
            f"lb-{n}": {"address": f"{LINK}.{i}", "priority": PRIORITY[n]} for i, n in enumerate("ab", 1)}},
        "vrrp": {
            "wan": {**front, "vrid": 51, "addresses": [f"{VIP4}/24"]},
            "lan": {**back, "vrid": 53, "addresses": [f"{GW4}/24"]},
            "wan6": {**front, "vrid": 52, "addresses": ["fe80::100/64", f"{VIP6}/64"]},
            "lan6": {**back, "vrid": 54, "addresses": ["fe80::254/64", f"{GW6}/64"]}},
        "checks": {"app": CHECK}, "services": services(n)}, indent=1) + "\n"


def kernel_name(address, port):
    """As /proc/net/ip_vs has it."""
    if ":" not in address:
        return f"{socket.inet_aton(address).hex().upper()}:{port:04X}"
    raw = socket.inet_pton(socket.AF_INET6, address).hex()
    return f"[{':'.join(raw[i:i + 4] for i in range(0, 32, 4))}]:{port:04X}"


def rows(n, down=()):
    """What the kernel is to have of version n, while the checks of some servers fail: the same, said in another way."""
    found = {}
    for name, (vip, mode, family) in MODES.items():
        scheduler = "wrr" if name == "nat4" and n % 2 else "rr"
        port, forward = (NAT_PORT, "Masq") if mode == "nat" else (PORTS[mode], "Route")
        # with all of them down, all go on: there is nobody else
        for protocol in ("TCP", "UDP"):
            found[f"{protocol} {kernel_name(vip, PORTS[mode])} {scheduler}"] = {
                f"{kernel_name(backend(family, i), port)} {forward}": 0 if i in down else 1 + n % 3 if i == 12 else 1
                for i in SERVERS}
    if n % 2:
        found[f"TCP {kernel_name(VIP4, EXTRA)} rr"] = {f"{kernel_name(f'{BACK}.{i}', 7000)} Masq": 1 for i in range(20, 40)}
    return found


FOREIGN_RULES = f"-A -u {FRONT}.200:5353 -s wlc\n-a -u {FRONT}.200:5353 -r {BACK}.13:5300 -m -w 9\n"
FOREIGN_ROWS = {f"UDP {kernel_name(f'{FRONT}.200', 5353)} wlc": {f"{kernel_name(f'{BACK}.13', 5300)} Masq": 9}}


class Stage:
    def __init__(self, folder):
        self.folder, self.dice, self.book = folder, None, Book()
        self.farm, self.ids, self.down, self.version = Farm(), 0, set(), {"a": 0, "b": 0}
        self.node = {"a": self.farm.a, "b": self.farm.b}
        self.slow = SLOW
        self.stack = contextlib.ExitStack()
        self.d, self.told, self.others = {}, {"a": 0, "b": 0}, {"a": "", "b": ""}

    # ---- bringing it up

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stack.close()
            raise
        return self

    def start(self):
        self.stack.callback(self.farm.close)
        key = os.path.join(self.folder, "cluster.key")
        with open(os.open(key, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
            f.write(os.urandom(32).hex() + "\n")
        self.key = key
        talk = f"{build_dir()}/tests/bench/bench_talk"
        self.servers = [Servers(talk, n, [NAT_PORT, PORTS["dr"]], HEALTH) for n in self.farm.servers]
        for s in self.servers:
            self.stack.callback(s.end)
        for n in "ab":
            self.plant(n)
        self.addresses = self.going(Addresses(self.book, self.node, set(ADDRESSES)))
        if "LBD_LAB" not in os.environ:
            self.going(Lock(self.book, self.farm.client))
        for n in "ab":
            self.d[n] = Lbd(self.node[n], text(key), name=f"lb-{n}", user="root", supervise=True)
            run("mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "state", self.d[n].state_dir)
            self.stack.callback(self.close_daemon, n)
            self.d[n].start(ready=IPVS)
            until(lambda n=n: self.roles(n) == {"master" if n == "a" else "backup"}, f"the role of {n}", 30 + 2 * self.slow)
        if IPVS:
            self.tables, self.peek = self.going(Tables(self.book, self.node)), Tables(self.book, self.node)
        for n in "ab":
            self.going(Status(self.book, n, self.d[n], 5 + self.slow))
            self.going(Records(self.book, n, self.d[n]))
        self.core = {n: self.d[n].pid for n in "ab"}
        until(self.quiet, "the pair is up", 60 + self.slow)
        cards = {self.mac(n): n for n in "ab"}
        self.stack.enter_context(Ear(self.book, self.farm.client, cards, [VIP4], f"{FRONT}.250"))
        self.ping = self.flows = None
        if IPVS:
            self.start_traffic()

    def start_traffic(self):
        self.add_flows()
        self.stack.callback(lambda: self.flows.end())
        targets = [((vip, PORTS[mode]), f"TCP {kernel_name(vip, PORTS[mode])}") for vip, mode, _ in MODES.values()]
        self.going(Requests(self.book, self.farm.client, targets, 5 + self.slow))

    def add_flows(self):
        self.flows = Flows(self.book, f"{build_dir()}/tests/bench/bench_talk", self.farm.client)
        for name, (vip, mode, _) in MODES.items():
            self.flows.add(f"{name}-busy", "busy", vip, PORTS[mode], 4)
            self.flows.add(f"{name}-idle", "idle", vip, PORTS[mode], 4)
            self.flows.add(f"{name}-udp", "datagram", vip, PORTS[mode], 2)
        # what becomes of a connection that the kernel has said nothing about yet is no question of ours
        time.sleep(TOLD)

    def going(self, worker):
        worker.start()
        self.stack.callback(worker.end)
        return worker

    # ---- a story

    def begin(self, name):
        """From a calm pair with the configuration it started with."""
        self.dice = random.Random(name)
        for n in "ab":
            if self.version[n]:
                self.version[n] = 0
                self.d[n].reload(text(self.key))
        until(self.quiet, "the pair is quiet before anything breaks", 30 + self.slow)
        self.ask_flows()
        self.others = {n: self.not_ours(n) for n in "ab"}
        self.told = {n: len(self.d[n].log()) for n in "ab"}
        self.book.begin()
        self.book.add("setup", slow=self.slow, interval=INTERVAL, down=DOWN, lease=LEASE)
        for n, address in sorted(self.addresses.has):
            self.book.add("addr", node=n, address=address, has=True)
        for n in "ab":
            self.want(n, 0)
            if IPVS:
                self.book.add("foreign", node=n, rows=FOREIGN_ROWS)
                self.book.add("table", node=n, rows=self.peek.look(n))
        self.book.add("settled")
        self.ping = Ping(self.book, f"{build_dir()}/tests/bench/bench_watch", VIP4, (self.farm.a, self.farm.b), self.farm.client, PING_MS)

    def end(self):
        """What is compared at the end, and what the daemons say themselves. The story."""
        for n in "ab":
            done = self.d[n].call("kernel", "diff")
            if done.returncode and IPVS:
                self.book.add("stuck", what=f"kernel diff of {n}: {done.returncode} {done.stdout[:300]} {done.stderr[:200]}")
            self.book.add("others", node=n, before=self.others[n], after=self.not_ours(n))
        self.book.add("end")
        self.end_ping()
        return self.book.events

    def end_ping(self):
        if self.ping:
            self.ping.end()
            self.ping = None

    def logs(self):
        """What the daemons wrote in this story."""
        return {n: d.log()[self.told[n]:] for n, d in self.d.items()}

    def close_daemon(self, n):
        with contextlib.suppress(ProcessLookupError):
            for pid in processes(self.d[n]):
                os.kill(pid, signal.SIGCONT)
        try:
            self.d[n].stop(20)
        finally:
            run("umount", "-l", self.d[n].state_dir)
            self.d[n].close()

    def mac(self, n):
        return json.loads(self.node[n].run("ip", "-j", "link", "show", "eth0"))[0]["address"]

    # ---- what is not ours

    def plant(self, n):
        node = self.node[n]
        if IPVS:
            node.run("ipvsadm", "-R", text=FOREIGN_RULES)
        node.ip(f"addr add {FOREIGN[n]}/32 dev eth0\nroute add 198.51.100.0/24 via {FRONT}.9 dev eth0 proto static\n"
                f"rule add from 203.0.113.0/24 lookup main pref 4711")
        node.run("nft", "-f", "-", text="table inet others {\nchain c {\ntcp dport 9 drop\n}\n}\n")

    def not_ours(self, n):
        node = self.node[n]
        # what of it is there by itself comes and goes with the card; what we planted does not. lbd-tap and lbd-inj are lbd's
        return "\n".join([*sorted(x.split(" valid_lft")[0].strip() for x in node.run("ip", "-o", "-4", "addr").splitlines()
                                  if VIP4 not in x and GW4 not in x and ": lbd-" not in x),
                          node.run("ip", "route", "show", "proto", "static"), node.run("ip", "rule", "show", "pref", "4711"),
                          node.run("nft", "list", "table", "inet", "others")])

    # ---- what it is like

    def ask(self, n, cmd, **args):
        """Rows, or none when it does not answer. Not with lbctl: on an emulated machine each start of it takes what those
        who are watched would need."""
        try:
            with Ctl(self.d[n], 5 + self.slow) as c:
                return list(c.ask(cmd, **args))
        except (OSError, ValueError):
            return []

    def roles(self, n):
        return {r["state"] for r in self.ask(n, "vrrp.list")}

    def in_sync(self, n):
        return SYNC == "off" or any(r.get("state") == "in-sync" for r in self.ask(n, "sync.status"))

    def info(self, n):
        return (self.ask(n, "daemon.info") or [{}])[0]

    def answers(self, n):
        return bool(self.info(n))

    def quiet(self):
        """Roles as configured, flows in sync, everything that is needed runs."""
        return (self.roles("a") == {"master"} and self.roles("b") == {"backup"} and self.in_sync("a") and self.in_sync("b")
                and all(r["state"] == "up" for n in "ab" for r in self.ask(n, "peer.status"))
                and all(self.addresses.who(x) == ["a"] for x in ADDRESSES)
                and (not IPVS or all(rows(self.version[n], self.down).items() <= self.peek.look(n).items() for n in "ab")))

    def wait(self, condition, what, seconds):
        """Whether it came. That it did not is an event."""
        try:
            until(condition, what, seconds + 1.0 * self.slow)
            return True
        except AssertionError:
            self.book.add("stuck", what=what)
            return False

    def wait_settled(self, what, seconds=30):
        if self.wait(self.quiet, f"all is quiet: {what}", seconds):
            self.book.add("settled")

    def settle(self, what):
        """All is quiet, and every connection still talks. In place of those that were lost come others."""
        self.wait_settled(what)
        self.ask_flows()

    def ask_flows(self):
        if not self.flows:
            return
        self.flows.ask(PATIENCE)
        if self.flows.lost:
            self.flows.end()
            self.add_flows()

    def want(self, n, within, version=None):
        self.book.add("want", node=n, rows=rows(self.version[n] if version is None else version, self.down), within=within)

    def has_extra(self, n):
        return any(r["service"] == "extra" for r in self.ask(n, "service.list"))

    # ---- what scenarios do

    def fault(self, fault, n):
        """Happens; returns what ends it."""
        self.ids += 1
        number = self.ids
        self.book.add("fault", id=number, name=fault.name, node=n, does=sorted(fault.does), limit=fault.limit)
        print(f"{time.monotonic():.3f} {fault.name} at {n}", flush=True)
        fault.inject(self, n)
        self.book.add("done", id=number)
        if not fault.mend:
            self.book.add("mend", id=number)

        def over():
            if fault.mend:
                fault.mend(self, n)
                self.book.add("mend", id=number)
            if self.wait(lambda: fault.healed(self, n), f"{fault.name} at {n} is over", 20 + fault.limit):
                self.book.add("heal", id=number)
        return over

    def apply(self, n, content, ok):
        """A file is given to the core, which is to take it or to refuse it."""
        d = self.d[n]
        before = self.generation_of(n)
        d.write(content)
        done = d.call("daemon", "reload", "-y")
        after = self.generation_of(n)
        took = done.returncode == 0
        if done.returncode == 8 and not IPVS:  # it may run, but it is in no kernel
            took = before != after
        if None not in (before, after):
            self.book.add("apply", node=n, ok=took, before=before, after=after)
        if took != ok:
            self.book.add("stuck", what=f"reload of {n}: status {done.returncode}, {done.stderr.strip()[:200]}")
        return done

    def generation_of(self, n):
        return self.info(n).get("generation")

    def kill_all(self, n, signum=signal.SIGKILL):
        for pid in processes(self.d[n]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)

    def worker(self, n, name):
        """The pid of one of its processes, when it runs."""
        return next((w["pid"] for w in self.info(n).get("workers", []) if w["name"] == name and w.get("up")), None)

    def cable(self, n, bridge, up):
        self.farm.sw.ip(f"link set f{n}{bridge[0]} {'up' if up else 'down'}")

    def __exit__(self, *_):
        self.end_ping()
        self.stack.close()
