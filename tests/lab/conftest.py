# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the tests of the lab stand on. Run them with suite.sh inside `tests/lab/lab`.

Fixtures
  net       the whole network (session): net.client, net.lb, net.servers, net.sw (the switch)
  client    10.9.0.2 .3 .4 10.9.1.2, fd09::2 ::3 ::4 fd09:1::2
  lb        10.9.0.1 fd09::1 towards clients, 10.8.0.1 fd08::1 towards servers;
            carries the virtual addresses 10.9.0.100 .. .104 and fd09::100 .. ::104
  srv1 srv2 srv3   10.8.0.11 .12 .13, fd08::11 ::12 ::13
  lbd       (module) factory: lbd(yaml, **options) -> Lbd; what it started is ended after the module, and
            the IPVS tables of `lb` are emptied. For a daemon of one test: `with Lbd(lb, yaml) as d:`
  clean     (function) empties the IPVS tables and closes all servers, before and after

The network: two switches. `client` and `lb` are on the front (10.9.0.0/24), `lb` and the servers on the
back (10.8.0.0/24). A server also has a leg on the front, used only for packets it sends from a virtual
address (DR, TUN); packets from its own address go back through `lb` (NAT). All virtual addresses are on
`lo` of every server, silent in ARP. Servers unpack ipip, gre, gue (UDP port 6080), IPv4 and IPv6.

Node (client, lb, srv1 ...)
  node.name, node.ip4, node.ip6
  with node: ...          sockets made and programs started in the block belong to its namespace
                          (this thread only)
  node.run("ipvsadm", "-Sn")            -> stdout; raises when the program failed (check=False: does not)
  node.sysctl("net.ipv4.vs.conntrack", 1)

Servers: threads of this process with sockets in the namespace of their node, so they cost nothing.
  s = srv1.serve(8080)                  tcp on every address, both families; serve(53, "udp"), serve(80, "sctp")
  s.requests                            what arrived: [Request(time, server, proto, peer, peer_port, local,
                                        local_port, data)]; peer and local as the backend saw them
  s.accepted, s.open                    TCP connections ever, and now
  s.hang = True                         takes connections but does not answer
  s.close()                             port closed, connections too; s.close(keep=True): only the port
Several listeners of a node share nothing. `node.requests()` is what all of them saw.

Clients
  a = client.ask("10.9.0.100", 80)      one connection, one request; a.server, a.peer (what the server saw) ...
                                        options: proto="udp", source="10.9.0.3", timeout=5; raises OSError
  c = client.connect("10.9.0.100", 80)  stays open: c.ask() -> Answer, c.server, c.close()
  with Load(client, "10.9.0.100", 80, threads=2) as load: ...     asks without pause in the background
      load.done, load.failures (list of Outcome), load.per_server(since=t), load.more(20) waits for 20 more

Daemon
  d = Lbd(lb, yaml, supervise=False, args=()); d.start(); d.stop(); d.kill(); d.pid
  d.ctl("service", "list")              -> parsed JSON of `lbctl -j`; exit status other than 0 raises CtlError (.code)
  d.text("service", "list", "-o", "ipvsadm") -> stdout as it is
  d.reload(yaml, ok=True)               writes the file and runs `lbctl daemon reload`
  d.log()                               what it wrote so far
  supervise=True starts it again 200 ms after it went, whatever the reason, like the unit file; exit
  status 10 means stay down. d.starts counts the starts.

Helpers: until(condition, what, seconds) polls a condition up to a deadline and returns its value;
ipvs(lb) is the kernel's `ipvsadm -Sn` as a list of lines; kernel_has(module) asks the kernel for a module.
"""
import collections
import contextlib
import ctypes
import functools
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

CLONE_NEWNET = 0x40000000
IP_PKTINFO = 8
SERVERS = 3
VIPS4 = [f"10.9.0.{100 + i}" for i in range(5)]
VIPS6 = [f"fd09::{100 + i}" for i in range(5)]
GUE_PORT = 6080

_libc = ctypes.CDLL(None, use_errno=True)


def until(condition, what="the condition", seconds=20.0, every=None):
    """Waits until condition() is true and returns its value. AssertionError when time is over. Without `every` it looks
    less often the longer it waits: each look may start a program, and what is waited for wants the processor, too."""
    end = time.monotonic() + seconds
    pause = every or 0.05
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not: {what}" + (f"; last: {value!r}" if value is not None else ""))
        time.sleep(pause)
        if every is None:
            pause = min(pause * 1.3, 0.4)


# s that a command may take which nothing is measured by. While a guest with a counted clock waits for a file of the machine
# below, its time leaps from timer to timer: minutes mean nothing there, and the guest itself has an end.
COMMAND = None if os.environ.get("LBD_LAB_WHERE") == "icount" else 120


def run(*argv, check=True, text=None):
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=COMMAND, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}{text or ''}")
    return done.stdout


def kernel_has(module):
    return subprocess.run(["modprobe", module], capture_output=True, check=False).returncode == 0


def kernel_release():
    """(6, 12)"""
    return tuple(int(n) for n in os.uname().release.split(".")[:2])


# ---------------------------------------------------------------- servers

Request = collections.namedtuple("Request", "time server proto peer peer_port local local_port data")
PROTOS = {"tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP), "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
          "sctp": (socket.SOCK_STREAM, 132)}


class Loop:
    """One thread that serves every socket of every server."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.lock = threading.RLock()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while True:
            for key, _ in self.selector.select(0.5):
                with self.lock:
                    if key.fileobj.fileno() >= 0:
                        key.data(key.fileobj)

    def add(self, sock, fn):
        sock.setblocking(False)
        with self.lock:
            self.selector.register(sock, selectors.EVENT_READ, fn)

    def drop(self, sock):
        with self.lock:
            if sock.fileno() >= 0:
                self.selector.unregister(sock)
                sock.close()


_loop = None


class Server:
    """Answers with its name and what it saw, and keeps TCP connections as long as the client wants."""

    def __init__(self, node, port, proto="tcp", ip=None, name=None):
        global _loop
        _loop = _loop or Loop()
        self.node, self.port, self.proto, self.name = node, port, proto, name or node.name
        self.requests, self.accepted, self.hang = [], 0, False
        self.listeners, self.conns = [], set()
        kind, number = PROTOS[proto]
        with node:
            for address in [ip] if ip else ["0.0.0.0", "::"]:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                s = socket.socket(family, kind, number)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                if proto == "udp":
                    if family == socket.AF_INET6:
                        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
                    else:
                        s.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
                s.bind((address, port))
                if proto != "udp":
                    s.listen(512)
                self.listeners.append(s)
        for s in self.listeners:
            _loop.add(s, self.datagram if proto == "udp" else self.accept)
        node.servers.append(self)

    @property
    def open(self):
        return len(self.conns)

    def saw(self, peer, local, data):
        r = Request(time.monotonic(), self.name, self.proto, peer[0], peer[1], local[0], local[1], data)
        self.requests.append(r)
        return json.dumps(r._replace(data=data.decode(errors="replace"))._asdict()).encode() + b"\n"

    def accept(self, listener):
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                conn, _ = listener.accept()
                self.accepted += 1
                self.conns.add(conn)
                _loop.add(conn, self.line)

    def line(self, conn):
        try:
            data = conn.recv(4096)
            if data and not self.hang:
                conn.send(self.saw(conn.getpeername(), conn.getsockname(), data))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.conns.discard(conn)
            _loop.drop(conn)

    def datagram(self, sock):
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                data, info, _, peer = sock.recvmsg(4096, 256)
                level, kind, body = info[0]
                if level == socket.IPPROTO_IPV6:
                    local = socket.inet_ntop(socket.AF_INET6, body[:16])
                    reply = body[:16] + struct.pack("i", 0)
                else:
                    local = socket.inet_ntop(socket.AF_INET, body[8:12])
                    reply = struct.pack("i", 0) + body[8:12] + body[8:12]
                answer = self.saw(peer, (local, self.port), data)
                if not self.hang:
                    sock.sendmsg([answer], [(level, kind, reply)], 0, peer)

    def close(self, keep=False):
        for s in self.listeners:
            _loop.drop(s)
        self.listeners = []
        if not keep:
            for s in list(self.conns):
                _loop.drop(s)
            self.conns.clear()
        if self in self.node.servers and not self.conns:
            self.node.servers.remove(self)


# ---------------------------------------------------------------- clients

class Answer:
    def __init__(self, data):
        self.__dict__.update(json.loads(data))

    def __repr__(self):
        return f"Answer({self.__dict__})"


class Conn:
    def __init__(self, node, address, port, proto="tcp", source=None, source_port=0, timeout=5.0):
        kind, number = PROTOS[proto]
        with node:
            self.sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind, number)
        try:
            self.sock.settimeout(timeout)
            if source or source_port:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self.sock.bind((source or ("::" if ":" in address else "0.0.0.0"), source_port))
            self.sock.connect((address, port))
        except OSError:
            self.sock.close()
            raise
        self.server = None

    def ask(self, data=b"ping\n"):
        self.sock.send(data)
        got = b""
        while not got.endswith(b"\n"):
            part = self.sock.recv(4096)
            if not part:
                raise ConnectionResetError("closed by the server")
            got += part
        a = Answer(got)
        self.server = a.server
        return a

    @property
    def local(self):
        return self.sock.getsockname()[:2]

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


Outcome = collections.namedtuple("Outcome", "start end server error")


class Load:
    """Connections one after the other from some threads, each with one request."""

    def __init__(self, node, address, port, threads=2, timeout=5.0, **options):
        self.args = (node, address, port), dict(options, timeout=timeout)
        self.outcomes, self.stopping = [], threading.Event()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(threads)]

    def work(self):
        args, options = self.args
        while not self.stopping.is_set():
            start, server, error = time.monotonic(), None, None
            try:
                with Conn(*args, **options) as c:
                    server = c.ask().server
            except OSError as e:
                error = repr(e)
            self.outcomes.append(Outcome(start, time.monotonic(), server, error))

    @property
    def done(self):
        return len(self.outcomes)

    @property
    def failures(self):
        return [o for o in list(self.outcomes) if o.error]

    def per_server(self, since=0.0):
        """Counts the answers to requests begun at or after `since` (time.monotonic())."""
        return collections.Counter(o.server for o in list(self.outcomes) if o.server and o.start >= since)

    def more(self, n, seconds=30.0):
        """Waits until n more requests are done."""
        want = self.done + n
        until(lambda: self.done >= want, f"{n} more requests", seconds)

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join(30)

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop()


# ---------------------------------------------------------------- nodes and network

def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Node:
    def __init__(self, name, ip4=None, ip6=None):
        self.name, self.ip4, self.ip6 = name, ip4, ip6
        self.servers = []
        self.fd = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
        self.before = threading.local()

    def __enter__(self):
        stack = self.before.__dict__.setdefault("stack", [])
        stack.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        _setns(self.fd)
        return self

    def __exit__(self, *_):
        fd = self.before.stack.pop()
        _setns(fd)
        os.close(fd)

    def run(self, *argv, check=True, text=None):
        with self:
            return run(*argv, check=check, text=text)

    def ip(self, text):
        """A batch for ip(8), one command a line."""
        return self.run("ip", "-batch", "-", text="\n".join(line.strip() for line in text.strip().splitlines()) + "\n")

    def sysctl(self, name, value):
        with self, open("/proc/sys/" + name.replace(".", "/"), "w", encoding="ascii") as f:
            f.write(str(value))

    def serve(self, port, proto="tcp", ip=None, name=None):
        return Server(self, port, proto, ip, name)

    def requests(self):
        return [r for s in self.servers for r in s.requests]

    def close_servers(self):
        for s in list(self.servers):
            s.close()

    def connect(self, address, port, **options):
        return Conn(self, address, port, **options)

    def ask(self, address, port, data=b"ping\n", **options):
        with Conn(self, address, port, **options) as c:
            return c.ask(data)


def packaged_modules():
    """What a package has loaded before lbd starts, for it may not do so itself; IPVS and the firewall come by themselves."""
    path = os.path.join(os.path.dirname(__file__), "..", "..", "packaging", "modules-load", "lbd.conf")
    with open(path, encoding="ascii") as f:
        return [m for m in f.read().split("\n") if m and not m.startswith(("#", "ip_vs", "nf"))]


class Net:
    names = ["sw", "client", "lb"] + [f"srv{i + 1}" for i in range(SERVERS)]

    def __init__(self):
        run("modprobe", "-a", "ip_vs", "ipip", "ip6_tunnel", "ip_gre", "ip6_gre", "fou", "fou6", *packaged_modules(), check=False)
        run("ip", "-batch", "-", text="".join(f"netns add {n}\n" for n in self.names))
        self.sw = Node("sw")
        self.client = Node("client", "10.9.0.2", "fd09::2")
        self.lb = Node("lb", "10.8.0.1", "fd08::1")
        self.servers = [Node(f"srv{i}", f"10.8.0.1{i}", f"fd08::1{i}") for i in range(1, SERVERS + 1)]
        self.nodes = [self.client, self.lb] + self.servers
        for n in self.nodes:
            for where in ("all", "default"):
                n.sysctl(f"net.ipv4.conf.{where}.rp_filter", 0)
                n.sysctl(f"net.ipv6.conf.{where}.accept_dad", 0)
                n.sysctl(f"net.ipv6.conf.{where}.accept_ra", 0)
        self.wires()
        self.front()
        for i, s in enumerate(self.servers, 1):
            self.server(i, s)

    def wires(self):
        lines = ["link set lo up"]
        for b in ("front", "back"):
            lines += [f"link add {b} type bridge stp_state 0", f"link set {b} up"]
        for n in self.nodes:
            for b in ("front", "back"):
                if n is self.client and b == "back":
                    continue
                lines += [f"link add {b[0]}-{n.name} type veth peer name {b} netns {n.name}",
                          f"link set {b[0]}-{n.name} master {b} up"]
        self.sw.ip("\n".join(lines))

    def front(self):
        self.client.ip("""
            link set lo up
            link set front up
            addr add 10.9.0.2/24 dev front
            addr add 10.9.0.3/24 dev front
            addr add 10.9.0.4/24 dev front
            addr add 10.9.1.2/24 dev front
            addr add fd09::2/64 dev front nodad
            addr add fd09::3/64 dev front nodad preferred_lft 0
            addr add fd09::4/64 dev front nodad preferred_lft 0
            addr add fd09:1::2/64 dev front nodad preferred_lft 0
            route add default via 10.9.0.1
            route add default via fd09::1""")
        self.lb.ip("""
            link set lo up
            link set front up
            link set back up
            addr add 10.9.0.1/24 dev front
            addr add 10.8.0.1/24 dev back
            addr add fd09::1/64 dev front nodad
            addr add fd08::1/64 dev back nodad
            route add 10.9.1.0/24 dev front
            route add fd09:1::/64 dev front\n""" +
            "".join(f"addr add {v}/32 dev front\n" for v in VIPS4) +
            "".join(f"addr add {v}/128 dev front nodad\n" for v in VIPS6))
        self.lb.sysctl("net.ipv4.ip_forward", 1)
        self.lb.sysctl("net.ipv6.conf.all.forwarding", 1)

    def server(self, i, s):
        s.sysctl("net.ipv4.conf.all.arp_ignore", 1)
        s.sysctl("net.ipv4.conf.all.arp_announce", 2)
        s.ip(f"""
            link set lo up
            link set front up
            link set back up
            addr add 10.8.0.1{i}/24 dev back
            addr add 10.9.0.1{i}/24 dev front
            addr add fd08::1{i}/64 dev back nodad
            addr add fd09::1{i}/64 dev front nodad
            route add 10.9.1.0/24 dev front
            route add fd09:1::/64 dev front
            rule add from 10.8.0.0/24 lookup 100
            route add 10.8.0.0/24 dev back table 100
            route add default via 10.8.0.1 table 100\n""" +
            "".join(f"addr add {v}/32 dev lo\n" for v in VIPS4) +
            "".join(f"addr add {v}/128 dev lo nodad\n" for v in VIPS6))
        s.run("ip", "-6", "-batch", "-", text="rule add from fd08::/64 lookup 100\n"
              "route add fd08::/64 dev back table 100\nroute add default via fd08::1 table 100\n")
        if has_ipvs():
            self.tunnels(i, s)

    @staticmethod
    def tunnels(i, s):
        """Where a balancer's tunnel ends. What has no IPVS often has no tunnels either."""
        s.ip(f"""
            link add ipip9 type ipip local 10.8.0.1{i}
            link set ipip9 up
            link add gre9 type gre local 10.8.0.1{i}
            link set gre9 up
            link add ip6ip6 type ip6tnl mode any local fd08::1{i}
            link set ip6ip6 up
            link add gre69 type ip6gre local fd08::1{i}
            link set gre69 up""")
        s.run("ip", "-6", "fou", "add", "port", str(GUE_PORT), "gue")
        s.run("ip", "fou", "add", "port", str(GUE_PORT), "gue")

    def close(self):
        for n in [self.sw] + self.nodes:
            n.close_servers()
            os.close(n.fd)
        run("ip", "-batch", "-", text="".join(f"netns del {n}\n" for n in self.names), check=False)


# ---------------------------------------------------------------- the daemon

class CtlError(Exception):
    def __init__(self, argv, done):
        self.code = done.returncode
        self.message = done.stderr
        super().__init__(f"lbctl {' '.join(argv)}: exit status {done.returncode}: {done.stderr.strip()} {done.stdout.strip()}")


def build_dir():
    path = os.environ.get("LBD_BUILD")
    assert path, "LBD_BUILD must name the build folder"
    return path


class Lbd:
    STAY_DOWN = 10

    def __init__(self, node, yaml, supervise=False, args=(), name="lb-a", user="lbd"):
        self.node, self.supervise, self.args, self.name = node, supervise, ["--user", user, *args], name
        self.dir = tempfile.mkdtemp(prefix="lbd-")
        os.chmod(self.dir, 0o755)
        self.config = os.path.join(self.dir, "lbd.yaml")
        self.run_dir, self.state_dir = os.path.join(self.dir, "run"), os.path.join(self.dir, "state")
        self.program, self.lbctl = os.path.join(build_dir(), "lbd/lbd"), os.path.join(build_dir(), "lbctl/lbctl")
        self.log_path = os.path.join(self.dir, "log")
        self.process = self.keeper = None
        self.wanted, self.starts, self.status = False, 0, None
        with open(self.log_path, "wb"):
            pass
        for d, mode in ((self.run_dir, 0o755), (self.state_dir, 0o700)):
            os.mkdir(d, mode)
            shutil.chown(d, user)
        self.write(yaml)

    def write(self, yaml):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(yaml)

    def spawn(self):
        argv = [self.program, "--foreground", "-c", self.config, "--run-dir", self.run_dir, "--state-dir", self.state_dir,
                "--node", self.name] + self.args
        with self.node, open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.starts += 1

    def keep(self):
        """What the service manager does."""
        while self.wanted:
            self.status = self.process.wait()
            if not self.wanted or self.status == self.STAY_DOWN:
                return
            time.sleep(0.2)
            if self.wanted:
                self.spawn()

    def start(self, ready=True):
        assert not self.wanted
        self.wanted = True
        self.spawn()
        if self.supervise:
            self.keeper = threading.Thread(target=self.keep, daemon=True)
            self.keeper.start()
        if ready:
            self.ready()
        return self

    def ready(self, seconds=30):
        def try_it():
            if not self.supervise and self.process.poll() is not None:
                raise AssertionError(f"lbd ended with status {self.process.returncode}:\n{self.log()}")
            return self.call("wait", "daemon", "ready", "-t", "10s").returncode == 0
        try:
            until(try_it, "the daemon is ready", seconds)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.log()}") from None

    @property
    def pid(self):
        return self.process.pid

    def stop(self, seconds=10):
        """As the service manager stops it: SIGTERM, and SIGKILL when that takes too long. Returns its exit status."""
        self.wanted = False
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.status = self.process.wait()
            raise AssertionError(f"lbd did not end within {seconds} s of SIGTERM\n{self.log()}") from None
        finally:
            if self.keeper:
                self.keeper.join(seconds)
                self.keeper = None
        return self.status

    def kill(self, signum=signal.SIGKILL):
        """Only the core; with supervise=True it comes back by itself."""
        self.process.send_signal(signum)
        if not self.supervise:
            self.wanted = False
            self.status = self.process.wait(10)

    def call(self, *argv, timeout=60):
        argv = [self.lbctl, "--socket", os.path.join(self.run_dir, "control.sock"), *map(str, argv)]
        with self.node:
            return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)

    def text(self, *argv, code=0):
        done = self.call(*argv)
        if done.returncode != code:
            raise CtlError(argv, done)
        return done.stdout

    def ctl(self, *argv, code=0):
        out = self.text("-j", *argv, code=code)
        return json.loads(out) if out.strip() else None

    def reload(self, yaml=None, ok=True):
        """Returns the finished lbctl; ok=None: whatever its status."""
        if yaml is not None:
            self.write(yaml)
        done = self.call("daemon", "reload", "-y")
        if done.returncode == 8 and not has_ipvs():
            return done  # it runs, but it is in no kernel
        if ok is not None and (done.returncode == 0) != ok:
            raise CtlError(["daemon", "reload"], done)
        return done

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def close(self):
        try:
            self.stop()
        finally:
            text = self.log()
            print(f"--- log of lbd, starts: {self.starts}\n{text}")
            shutil.rmtree(self.dir, ignore_errors=True)
        assert "Sanitizer" not in text and "runtime error:" not in text, text[-6000:]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()
        clear(self.node)


@functools.cache
def has_ipvs():
    return os.path.exists("/proc/net/ip_vs") or kernel_has("ip_vs")


def ipvs(node):
    return node.run("ipvsadm", "-Sn").splitlines()


def clear(node):
    """Nothing of IPVS is left; where there is none, nothing was."""
    node.run("ipvsadm", "-C", check=has_ipvs())


# ---------------------------------------------------------------- fixtures

@pytest.fixture(scope="session")
def net():
    if os.geteuid() != 0 or not (has_ipvs() or os.environ.get("LBD_LAB_NATIVE")):
        pytest.skip("needs root and a kernel with IPVS: tests/lab/lab -- tests/lab/suite.sh BUILD_DIR", allow_module_level=True)
    n = Net()
    yield n
    n.close()


@pytest.fixture(scope="session")
def client(net):
    return net.client


@pytest.fixture(scope="session")
def lb(net):
    return net.lb


@pytest.fixture(scope="session")
def srv1(net):
    return net.servers[0]


@pytest.fixture(scope="session")
def srv2(net):
    return net.servers[1]


@pytest.fixture(scope="session")
def srv3(net):
    return net.servers[2]


def _clean(net):
    clear(net.lb)
    for n in net.nodes:
        n.close_servers()


@pytest.fixture
def clean(net):
    _clean(net)
    yield
    _clean(net)


@pytest.fixture(scope="module")
def lbd(net):
    started = []

    def make(yaml, node=None, **options):
        d = Lbd(node or net.lb, yaml, **options)
        started.append(d)
        return d.start()

    _clean(net)
    yield make
    for d in started:
        d.close()
    _clean(net)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that failed shows what the daemons had written by then."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Lbd):
                report.sections.append((f"log of {name}", value.log()[-6000:]))
