# SPDX-License-Identifier: GPL-2.0-or-later
"""
Writes down what happens in a pair, as the events of checker.py. It decides nothing.

  addresses  as both kernels tell of them, at once
  lock       on a machine with others on it: how long whoever changes an address waits for them
  tables     /proc/net/ip_vs of both, five times a second, without the counters
  status     of both cores, once a second, on their sockets: the time of the answer without that of starting a program
  records    what `lbctl watch` would show, of each run of a core
  the wire   adverts, and who answers a third host that asks by ARP four times a second
  ping       of the virtual address, every 5 ms (bench_watch)
  requests   short connections, one after the other
  flows      connections and datagrams that last (bench_talk)
"""
import contextlib
import json
import os
import re
import select
import socket
import struct
import subprocess
import threading
import time

from pair import Wire

EVERY_TABLE, EVERY_STATUS, EVERY_ARP, EVERY_REQUEST = 0.2, 1.0, 0.25, 0.25


class Book:
    """The events; any thread adds to it."""

    def __init__(self):
        self.events = []

    def begin(self):
        """A new story; the old one is whoever's has it."""
        self.events = []

    def add(self, kind, t=None, **rest):
        self.events.append({"t": time.monotonic() if t is None else t, "is": kind, **rest})


def save(events, path):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(e) + "\n" for e in sorted(events, key=lambda e: e["t"]))


class Worker(threading.Thread):
    """step() again and again until the end."""

    every = None

    def __init__(self, book):
        super().__init__(daemon=True)
        self.book, self.over = book, threading.Event()

    def step(self):
        raise NotImplementedError

    def run(self):
        while not self.over.is_set():
            start = time.monotonic()
            self.step()
            if self.every:
                self.over.wait(max(0.0, start + self.every - time.monotonic()))

    def end(self):
        self.over.set()
        self.join(20)


# ---------------------------------------------------------------- addresses

RTMGRP_ADDR = 0x10 | 0x100  # IPv4 and IPv6
NEWADDR, DELADDR, GETADDR, DUMP_DONE = 20, 21, 22, 3


def address_messages(data):
    """[(type, family, address)] of a datagram of rtnetlink."""
    at = 0
    while at + 16 <= len(data):
        n, kind = struct.unpack_from("=IH", data, at)
        if n < 16:
            return
        if kind in (NEWADDR, DELADDR):
            family = data[at + 16]
            attr, end, found = at + 24, at + n, {}
            while attr + 4 <= end:
                size, what = struct.unpack_from("=HH", data, attr)
                if size < 4:
                    break
                found[what] = data[attr + 4:attr + size]
                attr += (size + 3) & ~3
            raw = found.get(2, found.get(1))  # IFA_LOCAL, else IFA_ADDRESS
            if raw:
                yield kind, socket.inet_ntop(socket.AF_INET if family == 2 else socket.AF_INET6, raw)
        at += (n + 3) & ~3


class Addresses(Worker):
    """Of some, who has them."""

    def __init__(self, book, nodes, wanted):
        super().__init__(book)
        self.wanted, self.socks, self.has = wanted, {}, set()
        for name, node in nodes.items():
            with node:
                s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
            s.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)  # SO_RCVBUFFORCE
            s.bind((0, RTMGRP_ADDR))
            s.send(struct.pack("=IHHIIB3x", 20, GETADDR, 0x301, 1, 0, 0))
            self.socks[s] = name

    def step(self):
        for s in select.select(list(self.socks), [], [], 0.1)[0]:
            data, now = s.recv(1 << 16), time.monotonic()
            for kind, address in address_messages(data):
                key = self.socks[s], address
                if address not in self.wanted or (kind == NEWADDR) == (key in self.has):
                    continue
                (self.has.add if kind == NEWADDR else self.has.discard)(key)
                self.book.add("addr", now, node=key[0], address=address, has=kind == NEWADDR)

    def who(self, address):
        return sorted(n for n, a in list(self.has) if a == address)


class Lock(Worker):
    """How long it takes to get the kernel's lock of network devices, which all namespaces share: on a machine with tests
    of others in it, whoever adds or removes an address waits for them."""

    every = 0.02

    def __init__(self, book, node):
        super().__init__(book)
        with node:
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        # RTM_DELADDR of an address that lo has not
        self.question = struct.pack("=IHHII", 32, DELADDR, 5, 1, 0) + struct.pack("=BBBBI", 2, 32, 0, 0, 1) + struct.pack(
            "=HH4s", 8, 2, socket.inet_aton("127.9.9.9"))

    def step(self):
        start = time.monotonic()
        self.sock.send(self.question)
        self.sock.recv(4096)
        end = time.monotonic()
        if end - start > 0.01:
            self.book.add("lock", start, until=end)


# ---------------------------------------------------------------- tables

SERVER = re.compile(r"^  -> (\S+)\s+(\S+)\s+(\d+)\s")


def parse_tables(text):
    """{service: {server: weight}} of /proc/net/ip_vs."""
    found, service = {}, None
    for row in text.splitlines()[3:]:
        m = SERVER.match(row)
        if m:
            found[service][f"{m[1]} {m[2]}"] = int(m[3])
        else:
            service = " ".join(row.split())
            found[service] = {}
    return found


class Tables(Worker):
    every = EVERY_TABLE

    def __init__(self, book, nodes):
        super().__init__(book)
        self.files, self.last = {}, {}
        for name, node in nodes.items():
            with node:  # the file stays that of the node
                self.files[name] = open("/proc/thread-self/net/ip_vs", encoding="ascii")

    def look(self, name):
        f = self.files[name]
        f.seek(0)
        return parse_tables(f.read())

    def step(self):
        for name in self.files:
            now, rows = time.monotonic(), self.look(name)
            if rows != self.last.get(name):
                self.last[name] = rows
                self.book.add("table", now, node=name, rows=rows)


# ---------------------------------------------------------------- the core

class Ctl:
    """A client of the control socket."""

    def __init__(self, d, timeout):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.got = b""
        try:
            self.sock.connect(os.path.join(d.run_dir, "control.sock"))
            self.hello = self.line()
        except OSError:
            self.sock.close()
            raise

    def line(self):
        while b"\n" not in self.got:
            part = self.sock.recv(65536)
            if not part:
                raise ConnectionResetError("closed by the daemon")
            self.got += part
        text, _, self.got = self.got.partition(b"\n")
        return json.loads(text)

    def ask(self, cmd, **args):
        """The rows, as they come; the answer's end is the end."""
        self.sock.sendall(json.dumps({"id": 1, "cmd": cmd, "args": args}).encode() + b"\n")
        while True:
            m = self.line()
            if "end" in m:
                if m["end"]["code"]:
                    raise OSError(f"{cmd}: {m['end']}")
                return
            yield m["row"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


class Status(Worker):
    """One per daemon: who does not answer holds up nobody else."""

    every = EVERY_STATUS

    def __init__(self, book, name, d, patience):
        super().__init__(book)
        self.name, self.d, self.patience = name, d, patience
        self.row = None

    def step(self):
        start, why, row = time.monotonic(), None, None
        try:
            with Ctl(self.d, self.patience) as c:
                row = list(c.ask("status"))[0]
        except (OSError, ValueError, IndexError) as e:
            why = repr(e)
        self.row = row
        self.book.add("status", start, node=self.name, took=time.monotonic() - start, ok=why is None,
                      **({"why": why} if why else {"generation": row.get("generation"), "alarms": row.get("alarms")}))


class Records(Worker):
    """What a core tells, of each of its runs."""

    def __init__(self, book, name, d):
        super().__init__(book)
        self.name, self.d, self.runs, self.seen = name, d, 0, (0, 0)

    def step(self):
        with contextlib.suppress(OSError, ValueError):
            with Ctl(self.d, 1.0) as c:
                self.follow(c)
        self.over.wait(0.1)

    def follow(self, c):
        rows = c.ask("watch", since=3600)
        while not self.over.is_set():
            try:
                row = next(rows)
            except socket.timeout:  # nothing happened; the generator is over, and another one goes on where we are
                rows = self.rest(c)
                continue
            self.take(row)

    @staticmethod
    def rest(c):
        while True:
            m = c.line()
            if "end" in m:
                raise OSError("over")
            yield m["row"]

    def take(self, row):
        if row["event"] == "events.lost":
            self.book.add("event", node=self.name, event="events.lost", object="", old=None, new=None, run=self.runs)
            return
        seq, mono = self.seen
        if row["seq"] <= seq:
            if row["mono"] <= mono:
                return  # told again, as we asked anew
            self.runs += 1
        self.seen = row["seq"], row["mono"]
        self.book.add("event", row["mono"], node=self.name, seq=row["seq"], run=self.runs, event=row["event"],
                      object=row.get("object"), old=row.get("old"), new=row.get("new"), reason=row.get("reason"))


# ---------------------------------------------------------------- the wire

STRANGER = "02:00:00:00:00:fa"


class Ear(Wire):
    """Adverts, and who answers for the addresses that a third host asks for. cards: {MAC: node}"""

    def __init__(self, book, node, cards, addresses, stranger):
        super().__init__(node)
        self.book, self.cards, self.addresses, self.stranger = book, cards, addresses, stranger
        self.answers = []
        with node:
            self.mouth = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.mouth.bind(("eth0", 0x0806))
        self.asker = threading.Thread(target=self.ask_all, daemon=True)

    def take(self, f, now):
        mac = f[6:12].hex(":")
        if f[12:14] == b"\x08\x06" and f[20:22] == b"\0\2" and f[:6].hex(":") == STRANGER:
            self.answers.append((now, socket.inet_ntoa(f[28:32]), mac))
            return
        n = len(self.adverts)
        super().take(f, now)
        for a in self.adverts[n:]:
            self.book.add("advert", a.time, node=self.cards.get(mac, mac), vrid=a.vrid, prio=a.prio)
        self.garps.clear()
        self.frames.clear()

    def ask_all(self):
        mac, me = bytes.fromhex(STRANGER.replace(":", "")), socket.inet_aton(self.stranger)
        while not self.stopping.is_set():
            start = time.monotonic()
            for address in self.addresses:
                with contextlib.suppress(OSError):
                    self.mouth.send(b"\xff" * 6 + mac + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + mac + me +
                                    bytes(6) + socket.inet_aton(address) + bytes(18))
            self.stopping.wait(EVERY_ARP)
            # those to this question: a busy machine hands over late what came to the one before
            told, self.answers = self.answers, []
            for address in self.addresses:
                macs = [mac for came, of, mac in told if of == address and came >= start]
                if len(set(macs)) > 1:
                    self.book.add("arp", start, address=address, macs=macs)

    def __enter__(self):
        super().__enter__()
        self.asker.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.asker.join(5)
        super().__exit__()
        self.mouth.close()


# ---------------------------------------------------------------- clients

class Ping:
    """bench_watch: its probes are in the book when it has ended."""

    def __init__(self, book, program, address, nodes, client, ms):
        self.book = book
        self.process = subprocess.Popen([program, address, *(n.name for n in nodes), client.name, str(ms)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.lines, self.ready = [], threading.Event()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        assert self.ready.wait(20), "bench_watch is not ready"
        self.process.stdin.write("!")
        self.process.stdin.flush()

    def read(self):
        for text in self.process.stdout:
            if text.startswith("probe"):
                _, sent, came = text.split()
                self.lines.append((int(sent) / 1e6, int(came) / 1e6))
            elif text.startswith("ready"):
                self.ready.set()

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.reader.join(30)
        self.process.wait(30)
        for sent, came in self.lines:
            self.book.add("ping", sent, came=came)


class Requests(Worker):
    """Short connections, each through another service in turn. targets: [(address and port, what the kernel calls it)]"""

    every = EVERY_REQUEST

    def __init__(self, book, node, targets, patience):
        super().__init__(book)
        self.node, self.targets, self.patience, self.n = node, targets, patience, 0

    def step(self):
        target, service = self.targets[self.n % len(self.targets)]
        self.n += 1
        start, error, refused = time.monotonic(), None, False
        try:
            with self.node:
                s = socket.socket(socket.AF_INET6 if ":" in target[0] else socket.AF_INET)
            with s:
                s.settimeout(self.patience)
                s.connect(target)
                s.sendall(b"short\n")
                if not s.recv(100).endswith(b"short\n"):
                    error = "closed"
        except OSError as e:
            error, refused = f"{target[0]} {target[1]}: {e!r}", isinstance(e, ConnectionRefusedError)
        self.book.add("request", start, end=time.monotonic(), error=error, service=service, refused=refused)


class Flows:
    """bench_talk: connections that talk all the time, those that are idle, and datagrams."""

    def __init__(self, book, program, node, rate=20):
        self.book, self.lost = book, 0
        with node:
            self.process = subprocess.Popen([program, "hold", str(rate)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            text=True)

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        for got in self.process.stdout:
            if got.startswith("done"):
                return
            word = got.split()
            if word[0] == "lost":
                self.book.add("flow", flow=word[1], why=" ".join(word[2:]))
                self.lost += 1
        raise AssertionError(f"bench_talk ended at: {text}")

    def add(self, name, kind, address, port, n):
        self.say(f"add {name} {kind} {address} {port} {n}")

    def ask(self, seconds):
        self.say(f"ask {int(seconds)}")
        self.book.add("asked")

    def end(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


class Servers:
    """bench_talk on a server: what answers, and beside it what its check asks, which can go away alone."""

    def __init__(self, program, node, ports, health):
        self.program, self.node, self.health = program, node, health
        self.main = self.start(ports)
        self.checked = self.start([health])

    def start(self, ports):
        with self.node:
            p = subprocess.Popen([self.program, "serve", self.node.name, *map(str, ports)], stdout=subprocess.PIPE, text=True)
        assert p.stdout.readline() == "ready\n"
        return p

    def fail(self):
        self.checked.kill()
        self.checked.wait()

    def recover(self):
        self.checked = self.start([self.health])

    def end(self):
        for p in (self.main, self.checked):
            p.kill()
            p.wait()
            p.stdout.close()
