#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
servers.py FOLDER PROTO:PORT[,PROTO:PORT]... NODE...

Small servers for the examples: one process for each node, in the namespace of that name. Each answers with its name and
the address that it saw, and notes who asked it in FOLDER/seen: node, port, peer, own address, request. Probes of lbd are
not noted, as far as they can be told from clients: they ask for / without a query. Returns when all of them listen;
FOLDER/NODE.pid ends one, SIGUSR1 makes it say on port 25 that it is busy, or not any more.

  http, https   ?query; /big has a megabyte; the body of a POST is read and counted
  dns           UDP and TCP: any name is 192.0.2.80
  smtp          with STARTTLS; imaps
"""
import ctypes
import os
import signal
import socket
import ssl
import struct
import sys
import threading

CLONE_NEWNET = 0x40000000
BIG = b"." * 99 + b"\n"
busy = False


def ends(conn):
    """Addresses of both sides; the listening socket is one for both families."""
    return [name[0].removeprefix("::ffff:") for name in (conn.getpeername(), conn.getsockname())]


class Server:
    def __init__(self, folder, node):
        self.folder, self.node = folder, node
        self.notes = os.open(f"{folder}/seen", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def note(self, port, peer, local, what):
        os.write(self.notes, f"{self.node} {port} {peer} {local} {what}\n".encode())

    def tls(self, conn):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{self.folder}/tls.pem")
        return context.wrap_socket(conn, server_side=True)

    # ------------------------------------------------------------ one connection each

    def http(self, conn, port):
        peer, local = ends(conn)
        data = conn.makefile("rb")
        words = data.readline().decode("latin-1").split()
        if len(words) < 2:
            return
        length = 0
        for line in iter(data.readline, b""):
            name, _, value = line.decode("latin-1").strip().partition(":")
            if name.lower() == "content-length":
                length = int(value)
            if not name:
                break
        got = len(data.read(length))
        if "?" in words[1]:
            self.note(port, peer, local, words[1])
        body = f"{self.node} saw {peer}, {got} bytes\n".encode()
        if words[1].startswith("/big"):
            body += BIG * 10486
        conn.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def https(self, conn, port):
        with self.tls(conn) as over:
            self.http(over, port)

    def answer(self, question):
        end = 12
        while question[end]:
            end += 1 + question[end]
        end += 5
        head = question[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
        return head + question[12:end] + struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton("192.0.2.80")

    def dns(self, conn, port):
        data = conn.makefile("rb")
        size = data.read(2)
        if len(size) == 2:
            reply = self.answer(data.read(struct.unpack("!H", size)[0]))
            self.note(port, *ends(conn), "tcp")
            conn.sendall(struct.pack("!H", len(reply)) + reply)

    def dns_udp(self, sock, port):
        while True:
            question, peer = sock.recvfrom(4096)
            self.note(port, peer[0], "-", "udp")
            sock.sendto(self.answer(question), peer)

    def smtp(self, conn, port):
        if busy and port == 25:
            conn.sendall(b"421 too busy\r\n")
            return
        peer, local = ends(conn)
        conn.sendall(f"220 {self.node} saw {peer}\r\n".encode())
        secure, data = False, conn.makefile("rb")
        while line := data.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"EHLO":
                conn.sendall(b"250-hello\r\n250 STARTTLS\r\n" if not secure else b"250 hello\r\n")
            elif word == b"STARTTLS":
                conn.sendall(b"220 go on\r\n")
                conn = self.tls(conn)
                secure, data = True, conn.makefile("rb")
            elif word == b"MAIL":
                self.note(port, peer, local, "tls" if secure else "plain")
                conn.sendall(b"250 fine\r\n")
            elif word == b"QUIT":
                conn.sendall(b"221 bye\r\n")
                return
            else:
                conn.sendall(b"250 fine\r\n")

    def imaps(self, conn, port):
        peer, local = ends(conn)
        with self.tls(conn) as over:
            over.sendall(f"* OK {self.node} saw {peer}\r\n".encode())
            for line in iter(over.makefile("rb").readline, b""):
                tag, _, rest = line.strip().decode("latin-1").partition(" ")
                word = rest.split(" ")[0].upper()
                if word == "LOGIN":
                    self.note(port, peer, local, "login")
                if word == "CAPABILITY":
                    over.sendall(b"* CAPABILITY IMAP4rev1\r\n")
                if word == "LOGOUT":
                    over.sendall(b"* BYE\r\n")
                over.sendall(f"{tag} OK\r\n".encode())
                if word == "LOGOUT":
                    return

    # ------------------------------------------------------------ listening

    def one(self, handler, conn, port):
        try:
            with conn:
                conn.settimeout(300)
                handler(conn, port)
        except (OSError, ssl.SSLError):
            pass  # a probe that saw enough

    def accept(self, handler, sock, port):
        while True:
            conn, _ = sock.accept()
            threading.Thread(target=self.one, args=(handler, conn, port), daemon=True).start()

    def listen(self, proto, port):
        """Both families, as one socket; datagrams only IPv4."""
        sock = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
        threading.Thread(target=self.accept, args=(getattr(self, proto), sock, port), daemon=True).start()
        if proto == "dns":
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("", port))
            threading.Thread(target=self.dns_udp, args=(sock, port), daemon=True).start()


def turn(*_):
    global busy
    busy = not busy


def child(folder, node, what, ready):
    with open(f"/run/netns/{node}", "rb") as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"no namespace {node}")
    signal.signal(signal.SIGUSR1, turn)
    server = Server(folder, node)
    for word in what:
        proto, port = word.split(":")
        server.listen(proto, int(port))
    with open(f"{folder}/{node}.pid", "w", encoding="ascii") as f:
        f.write(f"{os.getpid()}\n")
    os.write(ready, b".")
    os.close(ready)
    while True:
        signal.pause()


def main():
    folder, what, nodes = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
    there, ready = os.pipe()
    for node in nodes:
        if os.fork() == 0:
            os.setsid()
            child(folder, node, what, ready)
    os.close(ready)
    got = b""
    while part := os.read(there, 64):
        got += part
    return 0 if len(got) == len(nodes) else 1


sys.exit(main())
