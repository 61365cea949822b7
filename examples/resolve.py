#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
resolve.py SERVER NAME COUNT udp|tcp: asks for the address of NAME, each time from a port that no other call has,
and prints the answers, one line each. What is not answered in five seconds is not asked again: the examples count.
"""
import os
import random
import socket
import struct
import sys


def question(name):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", random.randrange(65536), 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


def ask(server, asked, proto, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM) as s:
        s.settimeout(5)
        s.bind(("", port))
        s.connect((server, 53))
        if proto == "udp":
            s.send(asked)
            return s.recv(4096)
        s.sendall(struct.pack("!H", len(asked)) + asked)
        data = s.makefile("rb")
        return data.read(struct.unpack("!H", data.read(2))[0])


def main():
    server, name, count, proto = sys.argv[1:]
    for i in range(int(count)):
        asked = question(name)
        try:
            reply = ask(server, asked, proto, 20000 + os.getpid() % 400 * 100 + i)
        except (OSError, struct.error) as e:
            print(f"{proto}: {e}", file=sys.stderr)
            continue
        if reply[:2] == asked[:2] and reply[6:8] == b"\0\1":
            print(socket.inet_ntoa(reply[-4:]), flush=True)


main()
