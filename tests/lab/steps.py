# SPDX-License-Identifier: GPL-2.0-or-later
"""
Words that tests about the daemon's decisions share: a configuration as text, what the kernel has as sets and
weights, and a sampler that reads the kernel some thousand times a second.
"""
import errno
import json
import os
import socket
import struct
import subprocess
import threading
import time

import pytest

from conftest import ipvs, until

VIP = "10.9.0.100"
VIP2 = "10.9.0.101"
A1, A2, A3 = "10.8.0.11:8080", "10.8.0.12:8080", "10.8.0.13:8080"
NOWHERE = "10.8.0.99:8080"


def slowness():
    """How many times slower than a plain machine this one starts a program, at least 1."""
    start = time.monotonic()
    for _ in range(10):
        subprocess.run(["/bin/true"], check=True)
    return max(1.0, (time.monotonic() - start) / 10 / 0.002)


def service(listen, backends, **keys):
    """backends: {name: address or mapping}. Without a check unless told."""
    return {"listen": listen, "scheduler": keys.pop("scheduler", "rr"), "check": keys.pop("check", "none"), **keys,
            "backends": backends}


def conf(services, **top):
    """JSON is YAML, and a line per key gives errors their lines."""
    return json.dumps({**top, "services": services}, indent=1) + "\n"


def two(**keys):
    """web on :80 with app1 and app2."""
    return {"web": service(f"{VIP}:80", {"app1": A1, "app2": A2}, **keys)}


RULES = f"""-A -t {VIP}:80 -s rr
-a -t {VIP}:80 -r {A1} -m -w 1
-a -t {VIP}:80 -r {A2} -m -w 1
"""
FOREIGN = """-A -u 10.9.0.104:5353 -s wlc -p 77
-a -u 10.9.0.104:5353 -r 10.8.0.13:5300 -m -w 9
-a -u 10.9.0.104:5353 -r 10.8.0.12:5300 -m -w 0
"""
FOREIGN_SET = {"-A -u 10.9.0.104:5353 -s wlc -p 77", "-a -u 10.9.0.104:5353 -r 10.8.0.13:5300 -m -w 9",
               "-a -u 10.9.0.104:5353 -r 10.8.0.12:5300 -m -w 0"}


def lines(text):
    return {line.strip() for line in text.strip().splitlines()}


def rules(node):
    return {line.strip() for line in ipvs(node)}


def weights(node, listen=f"-t {VIP}:80"):
    """{"10.8.0.11:8080": 1, ...} of one listener."""
    found = {}
    for line in ipvs(node):
        words = line.split()
        if words[0] == "-a" and " ".join(words[1:3]) == listen:
            found[words[4]] = int(words[words.index("-w") + 1])
    return found


def info(d):
    return d.ctl("daemon", "info")["data"][0]


def settled(d):
    """Until what was changed is in the kernel. (`drain --wait` waits until no flow is left, and the kernel remembers
    those of earlier tests for two minutes.)"""
    d.text("wait", "daemon", "ready", "-t", "20s")


def status(d):
    return d.ctl("status")["data"][0]


def writes(d):
    return info(d)["kernel_writes"]


def worker(d):
    return status(d)["workers"][0]


def backends(d):
    """{"web/app1": row}"""
    return {f"{r['service']}/{r['backend']}": r for r in d.ctl("backend", "list")["data"]}


def flips(text):
    """The lines of a log that tell of a change of state or weight of a backend."""
    return [line for line in text.splitlines() if "backend/" in line and " -> " in line]


def guest_only():
    if os.environ.get("LBD_LAB_WHERE") == "host":
        pytest.skip("changes the whole kernel: only in a guest of the lab")


def vanish(node, address, gone=True):
    """Packets of `node` to this neighbour are lost without a word, or not any more."""
    if gone:
        node.run("ip", "neigh", "replace", address, "lladdr", "02:00:00:00:00:99", "nud", "permanent", "dev", "back")
    else:
        node.run("ip", "neigh", "del", address, "dev", "back", check=False)


# ---------------------------------------------------------------- reading the kernel fast

GENL_ID_CTRL, CTRL_GETFAMILY, DUMP, REQUEST = 16, 3, 0x300, 1


def _attr(kind, body):
    return struct.pack("=HH", len(body) + 4, kind) + body + b"\0" * (-len(body) % 4)


def _attrs(data):
    at = 0
    while at + 4 <= len(data):
        n, kind = struct.unpack_from("=HH", data, at)
        if n < 4:
            return
        yield kind & 0x3FFF, data[at + 4:at + n]
        at += (n + 3) & ~3


class Kernel:
    """The rows of one IPv4 listener, straight from the kernel."""

    def __init__(self, node, address, port, protocol=6):
        with node:
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.sock.settimeout(10)
        self.seq = 0
        got = self.ask(GENL_ID_CTRL, CTRL_GETFAMILY, _attr(2, b"IPVS\0"), 1)
        self.family = struct.unpack("=H", dict(_attrs(got[0]))[1])[0]
        key = (_attr(1, struct.pack("=H", socket.AF_INET)) + _attr(2, struct.pack("=H", protocol)) +
               _attr(3, socket.inet_aton(address) + bytes(12)) + _attr(4, struct.pack("!H", port)))
        self.key = _attr(1, key)

    def ask(self, kind, cmd, body, version=1, flags=0):
        """The payloads of all answers, or a negative errno."""
        self.seq += 1
        self.sock.send(struct.pack("=IHHII", 20 + len(body), kind, REQUEST | flags, self.seq, 0) +
                       struct.pack("=BBH", cmd, version, 0) + body)
        got = []
        while True:
            data = self.sock.recv(65536)
            at = 0
            while at < len(data):
                n, what = struct.unpack_from("=IH", data, at)
                if what == 2:
                    return struct.unpack_from("=i", data, at + 16)[0] or got
                if what == 3:
                    return got
                got.append(data[at + 20:at + n])
                at += (n + 3) & ~3
            if not flags & DUMP:
                return got

    def there(self):
        got = self.ask(self.family, 4, self.key)
        assert isinstance(got, list) or got == -errno.ESRCH, got
        return isinstance(got, list)

    def scheduler(self):
        got = self.ask(self.family, 4, self.key)
        return dict(_attrs(dict(_attrs(got[0]))[1]))[6].rstrip(b"\0").decode() if isinstance(got, list) else None

    def weights(self):
        """
        Of one moment: the kernel fills the first part of its answer under its lock, and some destinations fit it. It
        goes on by position, so one that was added at the head meanwhile makes the last one come again, as it is then.
        """
        found = {}
        for message in self.ask(self.family, 8, self.key, flags=DUMP):
            dest = dict(_attrs(dict(_attrs(message))[2]))
            at = f"{socket.inet_ntoa(dest[1][:4])}:{struct.unpack('!H', dest[2])[0]}"
            found.setdefault(at, struct.unpack("=i", dest[4])[0])
        return found

    def close(self):
        self.sock.close()


class Watch(threading.Thread):
    """Looks without pause whether the listener is there and has somebody in its pool."""

    def __init__(self, node, address=VIP, port=80):
        super().__init__(daemon=True)
        self.kernel = Kernel(node, address, port)
        self.looks, self.absent, self.empty, self.changes = 0, 0, 0, []
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            there, pool = self.kernel.there(), self.kernel.weights()
            self.looks += 1
            self.absent += not there
            self.empty += there and not any(pool.values())
            if not self.changes or self.changes[-1][1] != pool:
                self.changes.append((time.monotonic(), pool))

    def __enter__(self):
        self.start()
        until(lambda: self.looks, "the first look")
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join(10)
        self.kernel.close()
        print(f"{self.looks} looks at the kernel, absent {self.absent}, empty {self.empty}")


def to_root(*paths):
    """As a backup that root has put back. Returns how to mend it."""
    before = [(path, os.stat(path)) for path in paths]
    for path in paths:
        os.chown(path, 0, 0)
        os.chmod(path, 0o700 if os.path.isdir(path) else 0o600)
    return lambda: [os.chown(path, at.st_uid, at.st_gid) for path, at in before]
