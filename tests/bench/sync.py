#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Measures how flows are copied: started by sync.sh in the lab's guest, and prints for it

  sample CASE/MEASURE/SIDE VALUE UNIT
  note TEXT

sync.py REPS CELLS SIZE...
"""
import collections
import contextlib
import fnmatch
import json
import os
import secrets
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lab"))
os.environ["LBD_BUILD"] = os.environ["LBD_BENCH_BUILD"]
import conntrackd  # noqa: E402
from conftest import Lbd, Node, run, until  # noqa: E402

BUILD = os.environ["LBD_BENCH_BUILD"]
UDP = f"{BUILD}/tests/bench/bench_udp"
LBD = f"{BUILD}/lbd/lbd"
WORK = "/tmp/bench"
VIP, PORT, BACKENDS = "10.7.0.100", 53, ("10.1.0.11", "10.1.0.12")
SECONDS = 10  # of the greatest rate
PATIENCE = 240
EXACT = 20000  # more than that are only counted: up to 6.13 reading them all is quadratic
NAT_FROM, NAT_NET = "10.2.0.1-10.2.0.200", "10.2.0.0/24"
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


def say(text):
    print(text, flush=True)


def note(text):
    say("note " + " ".join(str(text).split()))


def sample(name, value, unit):
    say(f"sample {name} {value if isinstance(value, (int, str)) else format(value, '.3f')} {unit}")


# ---------------------------------------------------------------- the two nodes, whoever sends, whoever takes

class Net:
    """bg (the clients) -- ba (a node) -- bs (the servers); ba -- bb (the other node). Cards: eth0 front, eth1 back, eth2
    between the nodes."""

    names = ("bg", "ba", "bb", "bs")

    def __init__(self):
        run("ip", "-batch", "-", text="".join(f"netns add {n}\n" for n in self.names))
        self.clients, self.a, self.b, self.servers = (Node(n) for n in self.names)
        self.a.ip("link add eth0 type veth peer name eth0 netns bg\nlink add eth1 type veth peer name eth1 netns bs\n"
                  "link add eth2 type veth peer name eth2 netns bb")
        for node, addresses in ((self.clients, {"eth0": ["10.7.0.9/24"]}),
                                (self.a, {"eth0": ["10.7.0.1/24", f"{VIP}/32"], "eth1": ["10.1.0.1/24"],
                                          "eth2": ["10.8.0.1/24"]}),
                                (self.b, {"eth2": ["10.8.0.2/24"]}),
                                (self.servers, {"eth1": [f"{a}/24" for a in BACKENDS]})):
            for card in ("all", "default", *addresses):
                node.sysctl(f"net.ipv4.conf.{card}.rp_filter", 0)
            node.ip("link set lo up\n" + "\n".join(
                f"link set {card} up\n" + "\n".join(f"addr add {a} dev {card}" for a in list_) for card, list_ in addresses.items()))
        for node in (self.a, self.b):
            node.sysctl("net.ipv4.ip_forward", 1)

    def balance(self):
        for node in (self.a, self.b):
            for key, value in PACKAGED.items():
                node.sysctl(f"net.ipv4.vs.{key}", value)
            node.run("ipvsadm", "--set", "900", "120", "900")  # none ends while it is counted

    def route(self):
        """ba as a router that translates addresses, and servers that answer."""
        self.clients.ip("route add 10.1.0.0/24 via 10.7.0.1")
        self.servers.ip(f"route add {NAT_NET} via 10.1.0.1")
        self.a.ip("route add 10.64.0.0/10 via 10.7.0.9")
        for node in (self.a, self.b):
            node.run("nft", "-f", "-", text="table ip bench {\n chain out {\n type nat hook postrouting priority 100\n"
                     f" ip saddr 10.64.0.0/10 snat to {NAT_FROM}\n }}\n}}\n")
            node.sysctl("net.netfilter.nf_conntrack_udp_timeout", 900)
            node.sysctl("net.netfilter.nf_conntrack_udp_timeout_stream", 900)

    def close(self):
        for n in (self.clients, self.a, self.b, self.servers):
            os.close(n.fd)
        run("ip", "-batch", "-", text="".join(f"netns del {n}\n" for n in self.names), check=False)


# packaging/sysctl
PACKAGED = {"sync_threshold": "3 0", "sync_refresh_period": 10, "sync_sock_size": 4194304}


@contextlib.contextmanager
def network(how):
    net = Net()
    try:
        how(net)
        yield net
    finally:
        net.close()


def open_flows(net, first, n, to=VIP, seconds=1000.0):
    """(how many, in how many seconds)"""
    got = net.clients.run(UDP, "open", str(first), str(n), to, str(PORT), str(seconds)).split()
    return int(got[0]), float(got[1])


# ---------------------------------------------------------------- reading

def held(node):
    """Connections in its IPVS, as its servers count them."""
    rows = (line.split() for line in node.run("ipvsadm", "-Ln").splitlines())
    return sum(int(w[4]) + int(w[5]) for w in rows if w and w[0] == "->" and w[4].isdigit())


def exact(node):
    with node, open("/proc/thread-self/net/ip_vs_conn", encoding="ascii") as f:
        return {tuple(line.split()[:7]) for line in list(f)[1:]}


def tracked(node):
    with node, open("/proc/sys/net/netfilter/nf_conntrack_count", encoding="ascii") as f:
        return int(f.read())


def stat(pid, what="stat"):
    with open(f"/proc/{pid}/{what}", encoding="ascii", errors="replace") as f:
        return f.read()


def cpu(pids):
    """Seconds of processor time of these processes."""
    return sum(int(t) for p in pids for t in stat(p).rpartition(")")[2].split()[11:13]) / TICK


def rss(pid):
    return int(stat(pid, "statm").split()[1]) * PAGE


def kernel_threads():
    """Those of the kernel's own synchronisation: lbd's tap and what it injects go through them, too."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if stat(pid, "comm").startswith("ipvs-"):
                found.append(int(pid))
    return found


class Meter:
    """Processor time from here on, of the processes by name and of the kernel's threads."""

    def __init__(self, **pids):
        self.pids = {**{k: [v] for k, v in pids.items()}, "kernel": kernel_threads()}
        self.from_ = {k: cpu(v) for k, v in self.pids.items()}

    def __call__(self):
        return {k: cpu(v) - self.from_[k] for k, v in self.pids.items()}


def tell_cpu(case, side, spent, per):
    """Seconds for each 10,000 flows."""
    for who, seconds in spent.items():
        sample(f"{case}/cpu-{who}/{side}", seconds * 1e4 / per, "s/10k")
    sample(f"{case}/cpu/{side}", sum(spent.values()) * 1e4 / per, "s/10k")


# ---------------------------------------------------------------- lbd

def configuration(key, **sync):
    return json.dumps({
        "cluster": {"id": 7, "key_file": key, "nodes": {"lb-a": "10.8.0.1", "lb-b": "10.8.0.2"}},
        **({"sync": sync} if sync else {}),
        "services": {"dns": {"listen": f"{VIP}:{PORT}", "protocol": "udp", "mode": "dr", "check": "none", "scheduler": "rr",
                             "backends": {f"s{i}": f"{a}:{PORT}" for i, a in enumerate(BACKENDS)}}}}, indent=1) + "\n"


def key_file():
    path = f"{WORK}/cluster.key"
    with open(path, "w", encoding="ascii") as f:
        f.write(secrets.token_hex(32) + "\n")
    os.chmod(path, 0o600)
    return path


class Lb(Lbd):
    """A node; its log is shown only when something went wrong."""

    def __init__(self, node, name, **sync):
        super().__init__(node, configuration(f"{WORK}/cluster.key", **sync), name=name, user="root")

    def worker(self):
        """The process that copies flows."""
        for p in run("ps", "-o", "pid=", "--ppid", str(self.pid), check=False).split():
            with contextlib.suppress(OSError), open(f"/proc/{p}/cmdline", "rb") as f:
                if b"lbd: sync" in f.read():
                    return int(p)
        raise AssertionError(f"{self.name} has no process that copies flows\n{self.log()}")

    def row(self, kind="ipvs"):
        done = self.call("-j", "sync", "status")
        rows = json.loads(done.stdout)["data"] if done.returncode == 0 else []
        return next((r for r in rows if r["kind"] == kind), rows[0] if rows else {})

    def close(self):
        try:
            self.stop(30)
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)


@contextlib.contextmanager
def node_of(node, name, **sync):
    d = Lb(node, name, **sync)
    try:
        yield d.start()
    except AssertionError:
        for line in d.log().splitlines()[-5:]:
            note(f"{name}: {line}")
        raise
    finally:
        d.close()


def in_sync(*daemons):
    for d in daemons:
        until(lambda d=d: d.row().get("state") == "in-sync", f"{d.name} is in sync: {d.row()}", 60)


def counters(case, **daemons):
    for name, d in daemons.items():
        row = d.row()
        for key in ("refused", "lost", "full"):
            sample(f"{case}/{key}-{name}/lbd", row.get(key, "none"), "flows")
        note(f"{case} {name}: " + " ".join(f"{k}={row[k]}" for k in ("state", "local_flows", "peer_flows", "sent", "received",
                                                                   "injected", "resyncs", "lag") if k in row))


def reach(count, want, what):
    """When count() began to be above 0, and when it was `want`; or what there was when patience ended."""
    began, end = None, time.monotonic() + PATIENCE
    while True:
        got, now = count(), time.monotonic()
        if got and began is None:
            began = now
        if got >= want:
            return began, now, got
        if now > end:
            note(f"{what}: {got} of {want} when patience ended")
            return began, now, got
        time.sleep(0.1)


# ---------------------------------------------------------------- the cases

def bulk(n):
    """A node has n flows, then comes the other one, which has none."""
    case = f"bulk-{n}"
    with network(Net.balance) as net, node_of(net.a, "lb-a") as a:
        with node_of(net.b, "lb-b") as b:
            in_sync(a, b)
            time.sleep(2)
            empty = {"a": rss(a.worker()), "b": rss(b.worker())}
        opened, took = open_flows(net, 0, n)
        there = held(net.a)
        note(f"{case}: {opened} datagrams sent in {took:.1f} s, {there} flows in the kernel")
        until(lambda: a.row().get("local_flows", 0) >= there, f"all are known to lb-a: {a.row()}", PATIENCE)
        sample(f"{case}/rss-a/lbd", (rss(a.worker()) - empty["a"]) / there, "bytes/flow")
        begin = time.monotonic()
        with node_of(net.b, "lb-b") as b:
            meter = Meter(a=a.worker(), b=b.worker())
            began, end, got = reach(lambda: held(net.b), there, case)
            in_sync(a, b)
            settled = time.monotonic()
            tell_cpu(case, "lbd", meter(), there)
            sample(f"{case}/time/lbd", end - begin, "s")
            sample(f"{case}/time-told/lbd", settled - begin, "s")
            sample(f"{case}/speed/lbd", got / max(0.1, end - (began or end)), "flows/s")
            sample(f"{case}/missing/lbd", there - got, "flows")
            time.sleep(2)
            sample(f"{case}/rss-b/lbd", (rss(b.worker()) - empty["b"]) / there, "bytes/flow")
            counters(case, a=a, b=b)
            if there <= EXACT:
                sample(f"{case}/different/lbd", len(exact(net.a) ^ exact(net.b)), "flows")


def settle(net, what):
    """Until the other kernel has what the first one has, or nothing comes any more: (in the first, in the other)."""
    want, last, since = held(net.a), -1, time.monotonic()
    while True:
        got = held(net.b)
        if got >= want:
            return want, got
        if got != last:
            last, since = got, time.monotonic()
        if time.monotonic() - since > 15:
            note(f"{what}: {got} of {want}, and nothing has come for 15 s")
            return want, got
        time.sleep(0.2)


def rated(case, side, net, meter, during=None):
    """Flows as fast as they can be opened, and what has come over when all is quiet."""
    with net.clients:
        gen = subprocess.Popen([UDP, "open", "0", "3000000", VIP, str(PORT), str(SECONDS)], stdout=subprocess.PIPE, text=True)
    while gen.poll() is None:
        if during:
            during()
        time.sleep(0.3)
    opened, took = gen.stdout.read().split()
    begin = time.monotonic()
    there, got = settle(net, f"{case} {side}")
    sample(f"{case}/settled/{side}", time.monotonic() - begin, "s")
    sample(f"{case}/rate/{side}", there / float(took), "flows/s")
    note(f"{case} {side}: {opened} datagrams in {took} s, {there} flows here, {got} there")
    sample(f"{case}/missing/{side}", there - got, "flows")
    sample(f"{case}/missing-share/{side}", (there - got) * 100.0 / there, "%")
    tell_cpu(case, side, meter(), there)


def rate_lbd():
    lags = []
    with network(Net.balance) as net, node_of(net.a, "lb-a") as a, node_of(net.b, "lb-b") as b:
        in_sync(a, b)

        def look():
            lag = a.row().get("lag")
            if lag is not None:
                lags.append(float(lag) * 1000)
        rated("rate", "lbd", net, Meter(a=a.worker(), b=b.worker()), look)
        in_sync(a, b)
        counters("rate", a=a, b=b)
        for lag in lags:
            sample("rate/lag/lbd", lag, "ms")


KERNEL = {**PACKAGED, "sync_retries": 1, "sync_sock_size": 16 << 20, "sync_ports": 4}


def rate_kernel():
    """The kernel's own synchronisation, as good as it can be set."""
    for key in ("net.core.rmem_max", "net.core.wmem_max"):
        run("sysctl", "-qw", f"{key}={16 << 20}")
    services = f"-A -u {VIP}:{PORT} -s rr\n" + "".join(f"-a -u {VIP}:{PORT} -r {a}:{PORT} -g\n" for a in BACKENDS)
    with network(Net.balance) as net:
        for node, role in ((net.a, "master"), (net.b, "backup")):
            node.run("ipvsadm", "-R", text=services)
            for key, value in KERNEL.items():
                node.sysctl(f"net.ipv4.vs.{key}", value)
            node.run("ipvsadm", "--start-daemon", role, "--mcast-interface", "eth2", "--syncid", "7")
        time.sleep(1)
        rated("rate", "kernel", net, Meter())


# ---------------------------------------------------------------- connections that are only tracked

@contextlib.contextmanager
def tracking(net):
    made = []
    try:
        for i, node in ((1, net.a), (2, net.b)):
            made.append(conntrackd.start(node, f"{WORK}/ct{i}", f"10.8.0.{i}", f"10.8.0.{3 - i}", "eth2", False))
        time.sleep(2)
        for i, p in enumerate(made, 1):
            if p.poll() is not None:
                raise AssertionError(f"conntrackd ended with {p.returncode}: {conntrackd.log(f'{WORK}/ct{i}')}")
        yield made
    finally:
        for p in made:
            p.kill()
            p.wait()


def track(side, net, n, meter):
    case = f"conntrack-{n}"
    begin = time.monotonic()
    opened, took = open_flows(net, 0, n, BACKENDS[0])
    there = tracked(net.a)
    note(f"{case} {side}: {opened} datagrams sent in {took:.1f} s, {there} tracked here")
    _, end, _ = reach(lambda: tracked(net.b), there - 10, f"{case} {side}")  # some of the link are its own
    time.sleep(3)
    got = tracked(net.b)
    sample(f"{case}/time/{side}", end - begin, "s")
    sample(f"{case}/missing/{side}", max(0, there - got), "flows")
    tell_cpu(case, side, meter(), there)


@contextlib.contextmanager
def answering(net):
    with net.servers:
        p = subprocess.Popen([UDP, "echo", str(PORT)], stdout=subprocess.PIPE, text=True)
    try:
        p.stdout.readline()
        yield
    finally:
        p.kill()
        p.wait()


def conntrack_conntrackd(n):
    with network(Net.route) as net, answering(net), tracking(net) as (a, b):
        track("conntrackd", net, n, Meter(a=a.pid, b=b.pid))


def knows_conntrack():
    path = f"{WORK}/try.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(configuration(f"{WORK}/cluster.key", conntrack="all"))
    done = subprocess.run([LBD, "--check", "-c", path, "--node", "lb-a"], capture_output=True, text=True, check=False)
    if done.returncode:
        note(f"lbd does not copy these: {(done.stdout + done.stderr).strip().splitlines()[:1]}")
    return done.returncode == 0


def conntrack_lbd(n):
    if not knows_conntrack():
        for measure in ("time", "missing", "cpu"):
            say(f"absent conntrack-{n}/{measure}/lbd")
        return
    with network(Net.route) as net, answering(net), node_of(net.a, "lb-a", conntrack="all") as a, \
            node_of(net.b, "lb-b", conntrack="all") as b:
        in_sync(a, b)
        track("lbd", net, n, Meter(a=a.worker(), b=b.worker()))
        row = a.row("conntrack")
        note(f"conntrack-{n} a: {row}")


# ---------------------------------------------------------------- all of it

def cells(sizes):
    for n in sizes:
        yield f"bulk-{n}", lambda n=n: bulk(n)
    yield "rate-lbd", rate_lbd
    yield "rate-kernel", rate_kernel
    for n in sizes:
        yield f"conntrack-{n}-conntrackd", lambda n=n: conntrack_conntrackd(n)
        yield f"conntrack-{n}-lbd", lambda n=n: conntrack_lbd(n)


def main():
    reps, patterns, sizes = int(sys.argv[1]), sys.argv[2].split(), [int(s) for s in sys.argv[3:]]
    os.makedirs(WORK, exist_ok=True)
    key_file()
    run("modprobe", "ip_vs", "conn_tab_bits=16")
    run("modprobe", "-a", "nf_conntrack", "nf_conntrack_netlink", "nft_chain_nat", "dummy", check=False)
    run("sysctl", "-qw", "net.netfilter.nf_conntrack_max=1048576", "net.netfilter.nf_conntrack_buckets=262144", check=False)
    failed = collections.Counter()
    for name, fn in cells(sizes):
        if not any(fnmatch.fnmatch(name, p) for p in patterns):
            continue
        for _ in range(reps):
            try:
                fn()
            except (AssertionError, OSError, subprocess.SubprocessError) as e:
                failed[name] += 1
                note(f"{name} gave up: {repr(e)[:2000]}")
    if failed:
        say("broken")


if __name__ == "__main__":
    main()
