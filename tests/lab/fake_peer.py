# SPDX-License-Identifier: GPL-2.0-or-later
"""
Somebody who speaks the language of the link between two nodes (lbd/sync/sync_msg.h) and is no lbd: openssl's own client
dials, and the frames are made by hand.
"""
import contextlib
import hashlib
import hmac
import os
import signal
import socket
import struct
import subprocess
import threading
import time

from conftest import until

PORT = 9789
HELLO, FLOWS, ACK, RESYNC, MARK, PING, PONG, BYE, HOLD = range(1, 10)
BEGIN, FINAL = 1, 2
WHY_VERSION, WHY_GAP = 4, 10
PER_FRAME = 200


def hkdf(key, info):
    """RFC 5869 without salt, one block."""
    prk = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\1", hashlib.sha256).digest()


def record(i, address=b"\x0a\x42", virtual="10.7.0.100", dest="10.1.0.11", port=1000):
    """A flow of stream 1: TCP, NAT, ESTABLISHED, of client i."""
    client = address + struct.pack(">H", i // 60000)
    return struct.pack(">BBHHHHIIII", 0, 6, 1024 + i % 60000, port, 8080, 1, 0, 0, 900, 0) + client + \
        socket.inet_aton(virtual) + socket.inet_aton(dest)


class Fake:
    def __init__(self, node, key, to, who="lb-a", whom="lb-b", cluster=7, epoch=None, rate=None):
        secret = bytes.fromhex(key)
        identity = f"lbd/1/{cluster}/{who}/{whom}/{hkdf(secret, b'lbd sync v1 id')[:4].hex()}"
        argv = ["openssl", "s_client", "-quiet", "-connect", f"{to}:{PORT}", "-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256",
                "-psk_identity", identity, "-psk", hkdf(secret, b"lbd sync v1").hex()]
        with node:
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.who, self.rate = who, rate
        self.epoch = epoch or struct.unpack(">Q", os.urandom(8))[0] | 1
        self.frames, self.hello_of_peer, self.round = [], None, 0
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        out = self.process.stdout
        while True:
            head = out.read(4)
            if len(head) < 4:
                return
            frame = out.read(struct.unpack(">I", head)[0])
            if frame[:1] == bytes([HELLO]):
                n = frame[13]
                at = 14 + n + 8 + 4 + 4
                seen_epoch, streams = struct.unpack_from(">QB", frame, at)
                self.hello_of_peer = seen_epoch, struct.unpack_from(f">{streams}Q", frame, at + 9)
            if frame[:1] == bytes([PING]):
                with contextlib.suppress(OSError, ValueError):
                    self.say(bytes([PONG]) + frame[1:9])
            self.frames.append(frame)

    def of(self, kind):
        return [f for f in list(self.frames) if f[0] == kind]

    def say(self, frame):
        self.process.stdin.write(struct.pack(">I", len(frame)) + frame)
        self.process.stdin.flush()

    def hello(self, low=1, high=1):
        name = self.who.encode()
        self.say(struct.pack(">BHHQB", HELLO, low, high, self.epoch, len(name)) + name +
                 struct.pack(">QIIQBQQ", 1, 1, 0, 0, 2, 0, 0))
        until(lambda: self.hello_of_peer or self.process.poll() is not None, "the node says hello", 10)
        return self

    def mark(self, flags, after, number):
        self.say(struct.pack(">BBBIQQ", MARK, 1, flags, self.round, after, number))

    def flows(self, first, last, after, mark=0, records=record):
        """Flows number first + 1 to last; records(i) is what number i + 1 says."""
        self.round += 1
        self.mark(BEGIN, after, mark or last)
        for at in range(first, last, PER_FRAME):
            end = min(at + PER_FRAME, last)
            body = b"".join(struct.pack(">H", len(r)) + r for r in map(records, range(at, end)))
            self.say(struct.pack(">BBIQQH", FLOWS, 1, self.round, at, end, end - at) + body)
            if self.rate:
                time.sleep((end - at) / self.rate)
        if last == (mark or last):
            self.mark(FINAL, after, last)

    def pause(self, on=True):
        self.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.thread.join(5)
        for f in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):
                f.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Sniffer:
    """All that passes a card: how much, and which of some words were in it."""

    def __init__(self, node, card, words):
        self.words, self.found, self.bytes, self.packets = words, set(), 0, 0
        with node:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.sock.bind((card, 0))
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
        self.sock.settimeout(0.1)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                frame = self.sock.recv(65536)
                self.packets += 1
                self.bytes += len(frame)
                self.found |= {w for w in self.words if w in frame}

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(5)
        self.sock.close()
