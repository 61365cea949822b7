# SPDX-License-Identifier: GPL-2.0-or-later
"""
Where the data path is measured: clients and servers in a namespace each, and between them a namespace per balancer, all at
the same time, so that one can be asked right after the other.

               +-- 10.5.0.0/24, no balancer -----------------+
  dc (clients) +-- 10.1.N.0/24 -- balancer -- 10.3.N.0/24 ---+ ds (servers 10.3.N.11 to .14)

N is 1 and 2 for the two of IPVS, 3 for the proxies. 10.2.N.0/24 are the addresses that clients ask. What the servers answer
to a client of NAT or of a proxy goes back through the balancer; of direct routing and tunnels it goes over 10.5.0.0.
"""
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lab"))
os.environ["LBD_BUILD"] = os.environ["LBD_BENCH_BUILD"]
from conftest import Lbd, Node, run, until  # noqa: E402

BUILD = os.environ["LBD_BENCH_BUILD"]
TARGET, UDP, TALK = (f"{BUILD}/tests/bench/bench_{p}" for p in ("target", "udp", "talk"))
WORK = "/tmp/bench"
MODES = ("nat", "dr", "tun")
HTTP, BULK, ECHO, HELD = 80, 5201, 53, 7  # ports: requests, iperf3, datagrams, connections that are only open
MORE = 10000  # ports of services that nobody asks
BACKENDS = (11, 12, 13, 14)
PROXIES = ("haproxy", "nginx")
NETS = {"lbd": 1, "ipvsadm": 2, "proxy": 3}
SETTLE = 2  # s: what a start leaves to be done is not what forwarding costs
DIRECT = "10.5.0.2"


def address(side):
    """What a client asks."""
    if side == "direct":
        return DIRECT
    if side in PROXIES:
        return f"10.2.{NETS['proxy']}.{PROXIES.index(side) + 1}"
    who, mode = side.split("-")
    return f"10.2.{NETS[who]}.{MODES.index(mode) + 1}"


class Net:
    names = ("dc", "ds", "d1", "d2", "d3")

    def __init__(self):
        run("ip", "-batch", "-", text="".join(f"netns add {n}\n" for n in self.names))
        self.clients, self.servers, *self.balancers = (Node(n) for n in self.names)
        for node in (self.clients, self.servers, *self.balancers):
            for card in ("all", "default"):
                node.sysctl(f"net.ipv4.conf.{card}.rp_filter", 0)
            node.sysctl("net.ipv4.ip_local_port_range", "1024 65000")
            node.sysctl("net.core.somaxconn", 65535)
            node.sysctl("net.ipv4.tcp_max_syn_backlog", 65535)
            node.ip("link set lo up")
        self.servers.sysctl("net.ipv4.conf.default.rp_filter", 0)
        self.servers.ip("link set tunl0 up")
        self.servers.sysctl("net.ipv4.conf.tunl0.rp_filter", 0)
        self.clients.ip(f"""link add direct type veth peer name direct netns ds
            addr add 10.5.0.1/24 dev direct
            link set direct up""")
        self.servers.ip(f"""addr add {DIRECT}/24 dev direct
            link set direct up
            route add default via 10.5.0.1 table 100
            rule add from 10.2.0.0/16 lookup 100""")
        for n, node in enumerate(self.balancers, 1):
            self.wire(n, node)

    def wire(self, n, node):
        # behind the balancer there is room for the header of a tunnel, as where somebody thought of it
        node.ip(f"""link add front type veth peer name b{n} netns dc
            link add back mtu 1520 type veth peer name b{n} mtu 1520 netns ds
            addr add 10.1.{n}.2/24 dev front
            addr add 10.3.{n}.1/24 dev back
            """ + "".join(f"addr add 10.2.{n}.{i}/32 dev lo\n" for i in range(1, 4)) + """link set front up
            link set back up""")
        node.sysctl("net.ipv4.ip_forward", 1)
        self.clients.ip(f"""addr add 10.1.{n}.1/24 dev b{n}
            link set b{n} up
            route add 10.2.{n}.0/24 via 10.1.{n}.2""")
        self.servers.ip("".join(f"addr add 10.3.{n}.{i}/24 dev b{n}\n" for i in BACKENDS)
                        + "".join(f"addr add 10.2.{n}.{i}/32 dev lo\n" for i in range(1, 4))
                        + f"link set b{n} up\nroute add 10.1.{n}.0/24 via 10.3.{n}.1")

    def balancer(self, who):
        return self.balancers[NETS[who] - 1]

    def close(self):
        for node in (self.clients, self.servers, *self.balancers):
            os.close(node.fd)
        run("ip", "-batch", "-", text="".join(f"netns del {n}\n" for n in self.names), check=False)


def spawn(node, *argv):
    with node, open(f"{WORK}/log", "ab") as log:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def end(processes):
    for p in processes:
        p.terminate()
    for p in processes:
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def listens(node, where, port):
    """Somebody does. (A connection would be one more in the tables.)"""
    with node:
        sockets = run("ss", "-Htuln", "src", where, "sport", "=", f":{port}")
    return bool(sockets.strip())


# ---------------------------------------------------------------- the sides

def lbd_yaml(services):
    """With checks, as it would be run. Services that nobody asks have the same backends, so they cost no check more."""
    n = NETS["lbd"]
    backends = ", ".join(f"b{i}: 10.3.{n}.{i}" for i in BACKENDS)
    lines = ["checks:", f"  opens: {{ type: tcp, port: {HTTP}, interval: 2s }}",
             "defaults:", "  service: { scheduler: rr, check: opens }", "services:"]

    def service(name, mode, listen, more=""):
        lines.append(f"  {name}: {{ listen: [{listen}], mode: {mode}, {more}backends: {{ {backends} }} }}")

    for i, mode in enumerate(MODES, 1):
        service(mode, mode, ", ".join(f'"10.2.{n}.{i}:{port}"' for port in (HTTP, BULK, HELD)))
        service(f"{mode}-udp", mode, ", ".join(f'"10.2.{n}.{i}:{port}"' for port in (ECHO, HELD)), "protocol: udp, ")
    for i in range(services - 1):
        service(f"more{i}", "nat", f'"10.2.{n}.1:{MORE + i}"')
    return "\n".join(lines) + "\n"


def haproxy_cfg(services):
    """TCP mode at its best: a thread per processor, splicing, no log."""
    n = NETS["proxy"]
    at = address("haproxy")
    text = ("global\n maxconn 110000\ndefaults\n mode tcp\n balance roundrobin\n option splice-auto\n timeout connect 10s\n"
            " timeout client 1h\n timeout server 1h\n")
    ports = [(HTTP, " check inter 2s"), (BULK, ""), (HELD, "")] + [(MORE + i, "") for i in range(services - 1)]
    for port, check in ports:
        text += f"listen l{port}\n bind {at}:{port}\n"
        to = HTTP if port >= MORE else port
        text += "".join(f" server b{i} 10.3.{n}.{i}:{to}{check}\n" for i in BACKENDS)
    return text


def nginx_conf(services):
    """Stream at its best: a worker per processor, no log."""
    n = NETS["proxy"]
    at = address("nginx")
    text = (f"load_module modules/ngx_stream_module.so;\nworker_processes auto;\nworker_rlimit_nofile 250000;\npid {WORK}/nginx.pid;\n"
            f"error_log {WORK}/log error;\nevents {{ worker_connections 110000; }}\nstream {{\n proxy_timeout 1h;\n access_log off;\n")
    for port in (HTTP, BULK, HELD, ECHO):
        text += f" upstream u{port} {{ " + "".join(f"server 10.3.{n}.{i}:{port}; " for i in BACKENDS) + "}\n"
    for port in (HTTP, BULK, HELD, *(MORE + i for i in range(services - 1))):
        text += f" server {{ listen {at}:{port} backlog=65535; proxy_pass u{HTTP if port >= MORE else port}; }}\n"
    text += f" server {{ listen {at}:{ECHO} udp; proxy_pass u{ECHO}; }}\n"
    return text + "}\n"


class Sides:
    """All balancers, with so many services each. lbd runs only while it is asked itself: what it does beside would be in
    what the others are said to cost. Its rules stay in the kernel."""

    def __init__(self, net, services=1):
        self.net, self.on = net, False
        self.processes = [spawn(net.servers, TARGET, "keep", str(HTTP)) for _ in range(os.cpu_count())]
        self.processes += [spawn(net.servers, UDP, "echo", str(ECHO)), spawn(net.servers, "iperf3", "-s"),
                           spawn(net.servers, TALK, "serve", "s", str(HELD))]
        self.lbd = Lbd(net.balancer("lbd"), lbd_yaml(services))
        self.start()
        self.copy_rules()
        self.proxies(services)

    def start(self):
        if not self.on:
            self.lbd.start()
            time.sleep(SETTLE)
        self.on = True

    def stop(self):
        if self.on:
            self.lbd.stop(30)
        self.on = False

    def copy_rules(self):
        """The other one gets the same rules, by ipvsadm."""
        rules = self.net.balancer("lbd").run("ipvsadm", "-Sn")
        a, b = NETS["lbd"], NETS["ipvsadm"]
        for third in ("2", "3"):
            rules = rules.replace(f"10.{third}.{a}.", f"10.{third}.{b}.")
        self.net.balancer("ipvsadm").run("ipvsadm", "-R", text=rules)
        self.rules = rules.count("-A ")

    def proxies(self, services):
        node = self.net.balancer("proxy")
        for name, text in (("haproxy.cfg", haproxy_cfg(services)), ("nginx.conf", nginx_conf(services))):
            with open(f"{WORK}/{name}", "w", encoding="ascii") as f:
                f.write(text)
        self.processes += [spawn(node, "haproxy", "-q", "-db", "-f", f"{WORK}/haproxy.cfg"),
                           spawn(node, "nginx", "-e", f"{WORK}/log", "-c", f"{WORK}/nginx.conf", "-g", "daemon off;")]
        for name in PROXIES:
            until(lambda at=address(name): listens(node, at, HTTP), f"{name} listens", 60)

    def close(self):
        self.stop()
        shutil.rmtree(self.lbd.dir, ignore_errors=True)
        end(self.processes)
