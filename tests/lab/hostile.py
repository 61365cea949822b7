# SPDX-License-Identifier: GPL-2.0-or-later
"""
Targets that mean ill. `hostile.py ADDRESS CERT KEY` serves every row of ROWS on its own port until it is killed: a
process of its own, so that what it does takes no time from who measures. The names come from here too.

A behaviour gets a connection (or for UDP a reply function) and does what its name says. It need not end: the other
side goes away, and then writing fails.
"""
import collections
import contextlib
import functools
import gzip
import os
import select
import socket
import ssl
import struct
import sys
import threading
import time

FIRST_PORT = 20000
NAME = "app.example"

# check: what the probe asks, beside the timing. codes: what may come of it. late: the verdict comes at the timeout and
# not before; else it is there as soon as the reply is.
Row = collections.namedtuple("Row", "what serve check codes late")
ROWS = []


def port_of(row):
    return FIRST_PORT + ROWS.index(row)


def target(what, check, codes, late=True):
    def add(fn):
        ROWS.append(Row(what, fn, check, codes, late))
        return fn
    return add


# ---------------------------------------------------------------- words

def hear(conn):
    """What a client says first; b"" when it says nothing."""
    return conn.recv(65536)


def silence(conn):
    """Until the other side has gone. What it still says is not read."""
    poll = select.poll()
    poll.register(conn, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
    poll.poll(60000)


def drip(conn, data, pause=1.0):
    for i in range(len(data)):
        conn.sendall(data[i:i + 1])
        time.sleep(pause)
    silence(conn)


def for_ever(conn, piece):
    while True:
        conn.sendall(piece)


def reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


# Made once: all threads share one interpreter, and who only wants to be quick must not wait for this.
@functools.cache
def many_headers():
    return b"".join(b"H%d: x\r\n" % i for i in range(100000))


@functools.cache
def bomb():
    return gzip.compress(bytes(16 << 20), 9)


@functools.cache
def context_of(version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(os.environ["HOSTILE_CERT"], os.environ["HOSTILE_KEY"])
    return context


HTTP = {"type": "http", "path": "/"}
WANTS = {**HTTP, "body": "never there"}
HEAD = b"HTTP/1.1 200 OK\r\n"
TLS = {"type": "https", "path": "/", "host": NAME, "tls": {"verify": False}}
TALK = {"type": "tcp", "send": "hello\r\n", "expect": "welcome"}
SMTP = {"type": "smtp"}
DNS = {"type": "dns", "query": "example.com A"}


def plain(after):
    """Hears a request first."""
    def serve(conn):
        hear(conn)
        after(conn)
    return serve


# ---------------------------------------------------------------- http

target("http: hears and says nothing", HTTP, "L7TOUT")(plain(silence))
target("http: says its head, one byte a second", HTTP, "L7TOUT")(plain(lambda c: drip(c, HEAD + b"A: b\r\n\r\n")))
target("http: says its body, one byte a second", WANTS, "L7TOUT")(
    plain(lambda c: (c.sendall(HEAD + b"Content-Length: 100000\r\n\r\n"), drip(c, b"x" * 100))))
target("http: the head ends, the body never does, and it never closes", HTTP, "L7TOUT")(
    plain(lambda c: (c.sendall(HEAD + b"Content-Length: 5\r\n\r\nabc"), silence(c))))
target("http: a body without end", WANTS, "L7STS L7RSP", False)(
    plain(lambda c: (c.sendall(HEAD + b"\r\n"), for_ever(c, b"x" * 65536))))
target("http: chunks without end", WANTS, "L7STS L7RSP", False)(
    plain(lambda c: (c.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"), for_ever(c, b"1000\r\n" + b"x" * 4096 + b"\r\n"))))
target("http: a chunk longer than any", HTTP, "L7RSP", False)(
    plain(lambda c: (c.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\nxx"), silence(c))))
target("http: reset in the head", HTTP, "L7RSP", False)(plain(lambda c: (c.sendall(b"HTTP/1.1 200 OK\r\nA: "), reset(c))))
target("http: reset in the body", WANTS, "L7RSP", False)(
    plain(lambda c: (c.sendall(HEAD + b"Content-Length: 100\r\n\r\nx"), reset(c))))
target("http: closed before a word", HTTP, "L7RSP", False)(plain(lambda c: None))
target("http: closed in the body", WANTS, "L7RSP", False)(plain(lambda c: c.sendall(HEAD + b"Content-Length: 100\r\n\r\nx")))
target("http: one header without end", HTTP, "L7RSP", False)(plain(lambda c: (c.sendall(HEAD + b"A: "), for_ever(c, b"x" * 65536))))
target("http: a hundred thousand headers", HTTP, "L7RSP", False)(
    plain(lambda c: (c.sendall(HEAD + many_headers() + b"\r\n"), silence(c))))
target("http: interim replies without end", HTTP, "L7RSP L7TOUT", False)(
    plain(lambda c: for_ever(c, b"HTTP/1.1 100 Continue\r\n\r\n" * 100)))
target("http: a redirect to itself", HTTP, "L7OK", False)(
    plain(lambda c: (c.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), silence(c))))
target("http: a redirect to itself, and 200 is wanted", {**HTTP, "status": [200]}, "L7STS", False)(
    plain(lambda c: (c.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), silence(c))))

target("http: 16 MiB of zeros in 16 KiB of gzip", WANTS, "L7STS L7RSP", False)(
    plain(lambda c: (c.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb()) + bomb()), silence(c))))
target("http: NULs before the status", HTTP, "L7RSP", False)(plain(lambda c: (c.sendall(bytes(100) + HEAD + b"\r\n"), silence(c))))
target("http: NULs in a header", HTTP, "L7RSP", False)(
    plain(lambda c: (c.sendall(HEAD + b"A: b\0c\r\nContent-Length: 0\r\n\r\n"), silence(c))))
target("http: NULs in the body, and what is wanted after them", {**HTTP, "body": "well"}, "L7OK", False)(
    plain(lambda c: (c.sendall(HEAD + b"Content-Length: 104\r\n\r\n" + bytes(100) + b"well"), silence(c))))
target("http: not HTTP", HTTP, "L7RSP", False)(plain(lambda c: (c.sendall(b"220 hello\r\n" * 5), silence(c))))
target("http: a status of five digits", HTTP, "L7RSP L7STS", False)(
    plain(lambda c: (c.sendall(b"HTTP/1.1 20000 OK\r\nContent-Length: 0\r\n\r\n"), silence(c))))


# ---------------------------------------------------------------- tls

class Shake:
    """One handshake whose bytes we see: what OpenSSL would say, to be said as we like."""

    def __init__(self, conn, version):
        self.conn, self.incoming, self.outgoing = conn, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context_of(version).wrap_bio(self.incoming, self.outgoing, server_side=True)

    def flight(self):
        """Hears until there is something to say, and returns it; b"" when the handshake is over."""
        while True:
            try:
                self.tls.do_handshake()
                return self.outgoing.read()
            except ssl.SSLWantReadError:
                said = self.outgoing.read()
                if said:
                    return said
                heard = hear(self.conn)
                if not heard:
                    raise OSError("gone") from None
                self.incoming.write(heard)

    def finish(self):
        while True:
            said = self.flight()
            if not said:
                return
            self.conn.sendall(said)

    def hear(self):
        """What the client says inside. It may have come together with the end of the handshake."""
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                heard = hear(self.conn)
                if not heard:
                    raise OSError("gone") from None
                self.incoming.write(heard)


def records(flight):
    at = 0
    while at + 5 <= len(flight):
        n = 5 + struct.unpack("!H", flight[at + 3:at + 5])[0]
        yield flight[at:at + n]
        at += n


V2, V3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def after_hello(version):
    def serve(conn):
        shake = Shake(conn, version)
        conn.sendall(next(records(shake.flight())))
        silence(conn)
    return serve


def half_flight(version):
    """A server's first flight is mostly its certificate."""
    def serve(conn):
        flight = Shake(conn, version).flight()
        conn.sendall(flight[:len(flight) // 2])
        silence(conn)
    return serve


def all_but_the_end(conn):
    shake = Shake(conn, V2)
    conn.sendall(shake.flight())
    silence(conn)  # hears the key of the client, and never says Finished


def flight_by_drops(conn):
    drip(conn, Shake(conn, V3).flight(), pause=0.2)


def shaken_then(after):
    def serve(conn):
        shake = Shake(conn, V3)
        shake.finish()
        shake.hear()
        after(shake)
    return serve


target("https: the kernel connects, nobody says a word", TLS, "L6TOUT")(silence)
target("https: silent after ClientHello", TLS, "L6TOUT")(plain(silence))
target("https: silent after ServerHello, TLS 1.2", TLS, "L6TOUT")(after_hello(V2))
target("https: silent after ServerHello, TLS 1.3", TLS, "L6TOUT")(after_hello(V3))
target("https: silent in the middle of the certificate, TLS 1.2", TLS, "L6TOUT")(half_flight(V2))
target("https: silent in the middle of the certificate, TLS 1.3", TLS, "L6TOUT")(half_flight(V3))
target("https: silent before its Finished, TLS 1.2", TLS, "L6TOUT")(all_but_the_end)
target("https: a handshake of one byte after the other", TLS, "L6TOUT")(flight_by_drops)
target("https: reset after ClientHello", TLS, "L6RSP", False)(plain(reset))
target("https: closed after ClientHello", TLS, "L6RSP", False)(plain(lambda c: None))
target("https: noise instead of ServerHello", TLS, "L6RSP", False)(plain(lambda c: (c.sendall(b"\x16\x03\x03" + b"x" * 500), silence(c))))
target("https: a record without end", TLS, "L6RSP", False)(plain(lambda c: (c.sendall(b"\x16\x03\x03\xff\xff"), for_ever(c, b"x" * 65536))))
target("https: shakes hands and says nothing", TLS, "L7TOUT")(shaken_then(lambda s: silence(s.conn)))
target("https: shakes hands, says half a record", TLS, "L7TOUT")(
    shaken_then(lambda s: (s.tls.write(HEAD + b"\r\n"), s.conn.sendall(s.outgoing.read()[:20]), silence(s.conn))))
target("https: shakes hands and resets", TLS, "L7RSP", False)(shaken_then(lambda s: reset(s.conn)))
target("tls: silent after ServerHello", {"type": "tls", "tls": {"verify": False}}, "L6TOUT")(after_hello(V3))


# ---------------------------------------------------------------- tcp

target("tcp: says nothing", TALK, "L7TOUT")(silence)
target("tcp: what is wanted, one byte a second", TALK, "L7TOUT")(lambda c: drip(c, b"welcome"))
target("tcp: bytes without end", TALK, "L7RSP", False)(lambda c: for_ever(c, b"wel" * 20000))
target("tcp: reset in the middle", TALK, "L7RSP", False)(plain(lambda c: (c.sendall(b"wel"), reset(c))))
target("tcp: closed in the middle", TALK, "L7RSP", False)(plain(lambda c: c.sendall(b"wel")))
target("tcp: NULs, then what is wanted", TALK, "L7OK", False)(lambda c: (c.sendall(bytes(1000) + b"welcome"), silence(c)))


# ---------------------------------------------------------------- smtp

target("smtp: no greeting", SMTP, "L7TOUT")(silence)
target("smtp: a greeting of one byte a second", SMTP, "L7TOUT")(lambda c: drip(c, b"220 hello\r\n"))
target("smtp: a greeting line without end", SMTP, "L7RSP", False)(lambda c: for_ever(c, b"220 " + b"x" * 60000))
target("smtp: greeting lines without end", SMTP, "L7RSP L7TOUT", False)(lambda c: for_ever(c, b"220-hello\r\n" * 1000))
target("smtp: silent after EHLO", SMTP, "L7TOUT")(lambda c: (c.sendall(b"220 hello\r\n"), silence(c)))
target("smtp: reset after EHLO", SMTP, "L7RSP", False)(lambda c: (c.sendall(b"220 hello\r\n"), hear(c), reset(c)))
target("smtp: does not want us", SMTP, "L7STS", False)(lambda c: (c.sendall(b"554 go away\r\n"), silence(c)))
target("smtp: NULs", SMTP, "L7RSP L7TOUT", False)(lambda c: (c.sendall(bytes(100) + b"\r\n"), silence(c)))
STARTTLS = {**SMTP, "tls": {"mode": "starttls", "verify": False}}


def starttls_then(after):
    def serve(conn):
        conn.sendall(b"220 hello\r\n")
        hear(conn)
        conn.sendall(b"250-hello\r\n250 STARTTLS\r\n")
        hear(conn)
        after(conn)
    return serve


target("smtp: says it starts TLS, and does not", STARTTLS, "L6TOUT")(
    starttls_then(lambda c: (c.sendall(b"220 go on\r\n"), silence(c))))
target("smtp: silent after STARTTLS", STARTTLS, "L7TOUT L6TOUT")(starttls_then(silence))
target("smtp: no STARTTLS where it is wanted", STARTTLS, "L7STS L7RSP L6RSP", False)(
    lambda c: (c.sendall(b"220 hello\r\n"), hear(c), c.sendall(b"250 hello\r\n"), hear(c), c.sendall(b"502 no\r\n"), silence(c)))


# ---------------------------------------------------------------- dns

def question(query):
    """The question section of a query of one name."""
    end = query.index(0, 12) + 5
    return query[12:end]


def header(query, flags=0x8180, answers=0, number=None):
    number = struct.unpack("!H", query[:2])[0] if number is None else number
    return struct.pack("!HHHHHH", number, flags, 1, answers, 0, 0)


ANSWER = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 1])


def udp(fn):
    fn.udp = True
    return fn


def dns(what, codes, fn, late=True, **keys):
    target(what, {**DNS, **keys}, codes, late)(udp(fn) if keys.get("transport") != "tcp" else fn)


dns("dns: says nothing", "L7TOUT", lambda q, say: None)
dns("dns: answers what nobody asked", "L7TOUT", lambda q, say: say(
    header(q, answers=1, number=struct.unpack("!H", q[:2])[0] ^ 0x5555) + question(q) + ANSWER))
dns("dns: half a header", "L7TOUT L7RSP", lambda q, say: say(header(q)[:6]), False)
dns("dns: nothing at all", "L7TOUT L7RSP", lambda q, say: say(b""), False)
dns("dns: a name that points at itself", "L7RSP L7TOUT L7STS", lambda q, say: say(
    header(q, answers=1) + question(q) + b"\xc0" + bytes([12 + len(question(q))]) + ANSWER[2:]), False, answer=["192.0.2.1"])
dns("dns: more answers announced than there are", "L7RSP L7TOUT L7STS", lambda q, say: say(
    header(q, answers=65535) + question(q) + ANSWER), False, answer=["192.0.2.9"])
dns("dns: 60,000 bytes of noise", "L7RSP L7TOUT", lambda q, say: say(q[:2] + b"\xff" * 60000), False)
dns("dns: a thousand wrong answers", "L7RSP L7TOUT", lambda q, say: [
    say(header(q, answers=1, number=n) + question(q) + ANSWER) for n in range(1000)
    if n != struct.unpack("!H", q[:2])[0]], False)
dns("dns: the question comes back as it was", "L7RSP L7TOUT", lambda q, say: say(q), False)
dns("dns: refuses", "L7STS", lambda q, say: say(header(q, flags=0x8185) + question(q)), False)
dns("dns over tcp: says nothing", "L7TOUT", plain(silence), transport="tcp")
dns("dns over tcp: a length, then one byte a second", "L7TOUT",
    plain(lambda c: (c.sendall(b"\xff\xff"), drip(c, b"x" * 100))), transport="tcp")
dns("dns over tcp: a length of nothing", "L7RSP L7TOUT", plain(lambda c: (c.sendall(b"\0\0"), silence(c))), False, transport="tcp")
dns("dns over tcp: bytes without end", "L7RSP L7TOUT", plain(lambda c: for_ever(c, b"x" * 60000)), False, transport="tcp")
dns("dns over tcp: reset", "L7RSP", plain(reset), False, transport="tcp")


# ---------------------------------------------------------------- the program

def talk(fn, conn):
    with contextlib.suppress(OSError, ssl.SSLError), conn:
        conn.settimeout(60)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fn(conn)


def listen(sock, fn):
    while True:
        conn, _ = sock.accept()
        threading.Thread(target=talk, args=(fn, conn), daemon=True).start()


def listen_udp(sock, fn):
    while True:
        with contextlib.suppress(OSError):
            data, peer = sock.recvfrom(4096)
            fn(data, lambda reply, to=peer: sock.sendto(reply, to))


def main(address, cert, key):
    os.environ["HOSTILE_CERT"], os.environ["HOSTILE_KEY"] = cert, key
    many_headers(), bomb(), context_of(V2), context_of(V3)
    for row in ROWS:
        if getattr(row.serve, "udp", False):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((address, port_of(row)))
            threading.Thread(target=listen_udp, args=(sock, row.serve), daemon=True).start()
        else:
            sock = socket.create_server((address, port_of(row)), backlog=128)
            threading.Thread(target=listen, args=(sock, row.serve), daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
