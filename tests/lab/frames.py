# SPDX-License-Identifier: GPL-2.0-or-later
"""
Adverts of VRRP as bytes, made apart from lbd's own code, and somebody who puts any frame on the wire.
"""
import hashlib
import hmac
import ipaddress
import socket
import struct
import subprocess
import time

GROUP4, GROUP6 = "224.0.0.18", "ff02::12"
MAC_GROUP4, MAC_GROUP6 = "01:00:5e:00:00:12", "33:33:00:00:00:12"
STRANGER = "02:00:00:00:00:77"  # the card that frames of no node come from


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def ip_bytes(ip):
    return ipaddress.ip_address(ip).packed


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def message(vrid, prio, addresses, source, *, interval=10, version=3, to=None, count=None, first=None, password=None,
            form="rfc5798", wrong=0, auth=None):
    """One advert with a checksum that fits; wrong: added to it. interval: centiseconds, of version 2 seconds.
    first: the byte of version and type; password: of version 2; auth: its type, else as the password tells."""
    body = b"".join(ip_bytes(a) for a in addresses)
    six = ":" in source
    if version == 2:
        middle = bytes([(1 if password else 0) if auth is None else auth, interval])
        body += (password or "").encode().ljust(8, b"\0")
    else:
        middle = struct.pack(">H", interval)
    head = bytes([version << 4 | 1 if first is None else first, vrid, prio, len(addresses) if count is None else count])
    bare = head + middle + b"\0\0" + body
    pseudo = b""
    if six or (version == 3 and form == "rfc5798"):
        pseudo = ip_bytes(source) + ip_bytes(to or (GROUP6 if six else GROUP4)) + struct.pack(">HH", 112, len(bare))
    return bare[:6] + struct.pack(">H", (checksum(pseudo + bare) + wrong) & 0xffff) + bare[8:]


def trailer(key, source, m, number, key_id=1):
    """The 28 bytes behind a signed message; number: 64 bits, seconds in the upper half."""
    stamp = bytes([1, key_id, 0, 0]) + struct.pack(">Q", number)
    pseudo = bytes([6 if ":" in source else 4, m[0] >> 4, m[1], 0]) + ip_bytes(source).ljust(16, b"\0")
    signed = pseudo + m[:6] + b"\0\0" + m[8:] + stamp + bytes(16)
    return stamp + hmac.new(key, signed, hashlib.sha256).digest()[:16]


def number_at(wall):
    """What a clock of that many seconds signs with."""
    return int(wall) << 32 | int(wall % 1 * 65536) << 16


def packet4(source, m, *, to=GROUP4, ttl=255, options=b"", ident=1, length=None):
    """length: of the message as the header tells, where that is not how long it is."""
    words = 5 + len(options) // 4
    total = words * 4 + (len(m) if length is None else length)
    head = struct.pack(">BBHHHBBH4s4s", 0x40 | words, 0xc0, total, ident, 0, ttl, 112, 0, ip_bytes(source), ip_bytes(to))
    head += options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + m


def packet6(source, m, *, to=GROUP6, hops=255):
    return struct.pack(">IHBB16s16s", 0x6c000000, len(m), 112, hops, ip_bytes(source), ip_bytes(to)) + m


def ether(packet, to=None, source=STRANGER):
    six = packet[0] >> 4 == 6
    return (mac_bytes(to or (MAC_GROUP6 if six else MAC_GROUP4)) + mac_bytes(source) +
            (b"\x86\xdd" if six else b"\x08\x00") + packet).ljust(60, b"\0")


def gratuitous(ip, mac):
    """That ip is at mac, to everybody: ARP, or a neighbour advertisement."""
    card = mac_bytes(mac)
    if ":" not in ip:
        return (b"\xff" * 6 + card + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + card + ip_bytes(ip) + bytes(6) +
                ip_bytes(ip)).ljust(60, b"\0")
    to = ip_bytes("ff02::1")
    bare = bytes([136, 0, 0, 0, 0x20, 0, 0, 0]) + ip_bytes(ip) + b"\2\1" + card
    total = checksum(ip_bytes(ip) + to + struct.pack(">II", len(bare), 58) + bare)
    m = bare[:2] + struct.pack(">H", total) + bare[4:]
    return mac_bytes("33:33:00:00:00:01") + card + b"\x86\xdd" + struct.pack(">IHBB", 0x60000000, len(m), 58, 255) + ip_bytes(ip) + to + m


class Talker:
    """Puts frames on the wire of a node as they are, from whomever they say."""

    def __init__(self, node):
        self.node = node
        with node:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.sock.bind(("eth0", 0))

    def say(self, *frames):
        for f in frames:
            self.sock.send(f)

    def advert(self, source, m, **keys):
        """keys: of the packet"""
        self.say(ether(packet6(source, m, **keys) if ":" in source else packet4(source, m, **keys)))

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Flood:
    """The same from a program that is fast: rate frames per second, these in turn, for so many seconds."""

    def __init__(self, node, program, frames, rate, seconds):
        with node:
            self.process = subprocess.Popen([program, "eth0", str(rate), str(seconds)], text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdin.write("".join(f.hex() + "\n" for f in frames))
        self.process.stdin.close()
        self.start = time.monotonic()

    def end(self, seconds=60):
        """Waits for it. How many it sent."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        with self.process.stdout as out:
            return int(out.read() or 0)
