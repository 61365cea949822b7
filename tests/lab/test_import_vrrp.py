# SPDX-License-Identifier: GPL-2.0-or-later
"""
Moving in: lbd with the imported file sends the adverts that keepalived sends with its own, byte for byte, and has the
same addresses. Each program with each file has a network of its own, all at the same time.
"""
import contextlib
import os
import socket
import threading

import pytest

from conftest import until
from moving import Island, imported, sample
from pair import Packaged, lone
from steps import slowness

# file: how many instances become master. Those with VRRP that keepalived takes, and that have no script that is missing
NAMES = {"sample": 1, "vrrp": 4, "vrrp.scripts": 3, "vrrp.sync": 9, "vrrp.static_ipaddress": 1}
PASSWORDS = {"VI_1": "1111", "VI_3": "1111"}


class Ears:
    """The last advert of each card and VRID that leaves a node."""

    def __init__(self, node):
        with node:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.sock.settimeout(0.2)
        self.last, self.stopping = {}, threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.stopping.is_set():
            with contextlib.suppress(socket.timeout):
                f, (card, _, kind, *_) = self.sock.recvfrom(2048)
                head = 14 + (f[14] & 15) * 4
                if kind != 4 or f[12:14] != b"\x08\x00" or f[23] != 112 or not card.startswith("eth"):
                    continue
                message = f[head:14 + int.from_bytes(f[16:18], "big")]
                if message[2]:
                    self.last[card, message[1]] = message.hex()

    def close(self):
        self.stopping.set()
        self.thread.join(5)
        self.sock.close()


def addresses(node):
    """(card, address with prefix), of IPv4."""
    lines = node.run("ip", "-o", "-4", "addr").splitlines()
    return {(w[1], w[3]) for w in (line.split() for line in lines) if not w[3].startswith(("10.99.", "127."))}


def named(message):
    """The addresses that an advert of version 2 names."""
    raw = bytes.fromhex(message)
    return [socket.inet_ntoa(raw[i:i + 4]) for i in range(8, 8 + 4 * raw[3], 4)]


def once(message):
    """Without what is there twice: number and sum of the addresses go with it. lbd refuses such a list."""
    raw, ips = bytes.fromhex(message), named(message)
    if len(ips) == len(set(ips)):
        return message
    return raw[:3].hex(), raw[4:6].hex(), list(dict.fromkeys(ips)), raw[8 + 4 * raw[3]:].hex()


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """name -> ((adverts, addresses) of keepalived, the same of lbd)"""
    secrets = tmp_path_factory.mktemp("secrets")
    for name, word in PASSWORDS.items():
        with open(os.open(secrets / f"{name}.password", os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as f:
            f.write(word + "\n")
    with contextlib.ExitStack() as stack:
        sides = {}
        for i, name in enumerate(NAMES):
            for who in ("ka", "lb"):
                island = Island(f"{who}{i}")
                stack.callback(island.close)
                ears = Ears(island.node)
                stack.callback(ears.close)
                sides[name, who] = island.node, ears
                if who == "ka":
                    stack.callback(Packaged(island.node, sample(name), "-P").close)
                else:
                    d = lone(island.node, imported(sample(name), secrets), f"lb-{i}")
                    stack.callback(d.close)
                    d.start(ready=False)
        # a master down time of 3.7 s, and a second advert
        until(lambda: all(len(sides[n, w][1].last) == NAMES[n] for n in NAMES for w in ("ka", "lb")),
              "every instance of every file is master", 15 * slowness())
        yield {n: tuple((dict(sides[n, w][1].last), addresses(sides[n, w][0])) for w in ("ka", "lb")) for n in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_same_adverts_and_addresses(name, heard):
    (theirs, has), (ours, we_have) = heard[name]
    twice = {key for key, m in theirs.items() if once(m) != m}
    assert twice == ({("eth0", 51)} if name == "vrrp" else set())
    for key in twice:
        raw = bytes.fromhex(ours[key])
        assert once(theirs[key]) == (raw[:3].hex(), raw[4:6].hex(), named(ours[key]), raw[8 + 4 * raw[3]:].hex())
    assert {k: m for k, m in ours.items() if k not in twice} == {k: m for k, m in theirs.items() if k not in twice}
    all_named = {(card, ip) for (card, _), message in theirs.items() for ip in named(message)}
    assert {(c, a) for c, a in has if (c, a.split("/")[0]) in all_named} == we_have
    assert {(c, a.split("/")[0]) for c, a in we_have} == all_named
