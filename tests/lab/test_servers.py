# SPDX-License-Identifier: GPL-2.0-or-later
"""
Every check type against the real server it is made for. All rows live through the same story at the same time, told
by the fixture `story`: up; the programs are stopped (SIGSTOP: the kernel still takes connections); they go on; they are
killed; they are started again. Each row is one test and looks at what its backend was in each chapter.
"""
import collections
import contextlib
import os
import re
import tempfile
import threading
import time

import pytest

from conftest import Lbd, Server, clear, has_ipvs, until
from realservers import NAME, PORTS, PROGRAMS, Certs, Real, write
from steps import VIP, backends, conf, service

# A handshake costs some ten milliseconds of the guest's time, and a worker that is late says so instead of judging; the
# shorter the timeout, the less often it falls into such a moment.
QUICK = {"interval": "2s", "timeout": "1s", "rise": 1, "fall": 2}
UP = DOWN = 35.0  # seconds a chapter may take on a machine that is busy below; else it takes five

# what: a sentence; program: of realservers, or "python", or None = none of them decides; port: its key in PORTS or a
# number; up, stopped, killed: the code in that chapter. A code that passes means the backend is up.
Row = collections.namedtuple("Row", "what program port check up stopped killed")


def row(what, program, port, check, up, stopped, killed="L4CON"):
    return Row(what, program, port, check, up, stopped, killed)


TLS = {"ca_file": "CERTS/ca.pem"}
STARTTLS, IMPLICIT = {**TLS, "mode": "starttls"}, {**TLS, "mode": "implicit"}
HTTP = {"type": "http", "path": "/healthz"}
HTTPS = {"type": "https", "path": "/healthz", "host": NAME, "tls": TLS}


def mail(kind, mode=None):
    return {"type": kind, **({"host": NAME, "tls": mode} if mode else {})}


def dns(query, **keys):
    return {"type": "dns", "query": query, **keys}


ROWS = [
    # a connect check never gets as far as the program: the kernel answers for one that stands still
    row("tcp, connect only", "nginx", "http", {"type": "tcp"}, "L4OK", "L4OK"),
    row("http", "nginx", "http", HTTP, "L7OK", "L7TOUT"),
    row("http that looks into the body", "nginx", "http", {**HTTP, "status": [200], "body": "all is well"}, "L7OK", "L7TOUT"),
    row("http that looks into the body with an expression", "nginx", "http", {**HTTP, "body_regex": "^all +is"}, "L7OK", "L7TOUT"),
    row("http with host, header and method", "nginx", "http",
        {**HTTP, "path": "/host", "host": NAME, "headers": {"X-Probe": "lab"}, "method": "POST", "data": "x",
         "body": f"[{NAME}] [lab] [POST]"}, "L7OK", "L7TOUT"),
    row("http: a redirect is an answer and not followed", "nginx", "http", {**HTTP, "path": "/moved", "status": [302]},
        "L7OK", "L7TOUT"),
    row("tls", "nginx", "https", {"type": "tls", "host": NAME, "tls": TLS}, "L6OK", "L6TOUT"),
    row("https", "nginx", "https", HTTPS, "L7OK", "L6TOUT"),
    row("https, HTTP/2", "nginx", "h2", {**HTTPS, "path": "/proto", "http_version": "2", "body": "HTTP/2"}, "L7OK", "L6TOUT"),
    row("https with a client certificate", "nginx", "client",
        {**HTTPS, "tls": {**TLS, "cert_file": "CERTS/client.pem", "key_file": "CERTS/client.key"}}, "L7OK", "L6TOUT"),
    row("smtp", "exim", "smtp", mail("smtp"), "L7OK", "L7TOUT"),
    row("smtp, starttls", "exim", "smtp", mail("smtp", STARTTLS), "L7OK", "L7TOUT"),
    row("smtp, tls from the start", "exim", "smtps", mail("smtp", IMPLICIT), "L7OK", "L6TOUT"),
    row("imap", "dovecot", "imap", mail("imap"), "L7OK", "L7TOUT"),
    row("imap, starttls", "dovecot", "imap", mail("imap", STARTTLS), "L7OK", "L7TOUT"),
    row("imap, tls from the start", "dovecot", "imaps", mail("imap", IMPLICIT), "L7OK", "L6TOUT"),
    row("pop3", "dovecot", "pop3", mail("pop3"), "L7OK", "L7TOUT"),
    row("pop3, starttls", "dovecot", "pop3", mail("pop3", STARTTLS), "L7OK", "L7TOUT"),
    row("pop3, tls from the start", "dovecot", "pop3s", mail("pop3", IMPLICIT), "L7OK", "L6TOUT"),
    row("ldap, the root entry", "slapd", "ldap", {"type": "ldap"}, "L7OK", "L7TOUT"),
    row("ldap, a base of its own", "slapd", "ldap", {"type": "ldap", "base": "dc=example"}, "L7OK", "L7TOUT"),
    row("ldap, tls from the start", "slapd", "ldaps", mail("ldap", IMPLICIT), "L7OK", "L6TOUT"),
    row("ftp", "vsftpd", "ftp", {"type": "ftp"}, "L7OK", "L7TOUT"),
    row("ftp, starttls", "vsftpd", "ftp", mail("ftp", STARTTLS), "L7OK", "L7TOUT"),
    row("ftp, tls from the start", "vsftpds", "ftps", mail("ftp", IMPLICIT), "L7OK", "L6TOUT"),
    row("redis: tcp with send and expect", "redis", "redis", {"type": "tcp", "send": "PING\r\n", "expect": "+PONG"},
        "L7OK", "L7TOUT"),
    row("redis: bytes in hex, and an expression", "redis", "redis",
        {"type": "tcp", "send_hex": "50494e470d0a", "expect_regex": "^\\+PO.G"}, "L7OK", "L7TOUT"),
    row("memcached: tcp with send and expect", "memcached", "memcached",
        {"type": "tcp", "send": "version\r\n", "expect": "VERSION 1."}, "L7OK", "L7TOUT"),
    row("dns over udp", "unbound", "dns", dns("example.com A", answer=["192.0.2.1", "192.0.2.2"]), "L7OK", "L7TOUT"),
    row("dns over tcp", "unbound", "dns", dns("example.com A", transport="tcp"), "L7OK", "L7TOUT"),
    row("dns: AAAA", "unbound", "dns", dns("example.com AAAA", answer=["2001:db8::1"]), "L7OK", "L7TOUT"),
    row("dns: MX", "unbound", "dns", dns("example.com MX", answer=["10 mail.example.com"]), "L7OK", "L7TOUT"),
    row("dns: TXT", "unbound", "dns", dns("example.com TXT", answer=["hello lab"]), "L7OK", "L7TOUT"),
    row("dns: SRV", "unbound", "dns", dns("_ldap._tcp.example.com SRV", answer=["1 2 389 mail.example.com"]), "L7OK", "L7TOUT"),
    row("dns: PTR", "unbound", "dns", dns("1.2.0.192.in-addr.arpa PTR", answer=["example.com"]), "L7OK", "L7TOUT"),
    row("dns: a name that is not there, as wanted", "unbound", "dns", dns("nobody.example.com", rcode="NXDOMAIN"),
        "L7OK", "L7TOUT"),
    row("script", "redis", "redis", {"type": "script", "path": "TOOLS/smoke", "args": ["%a", "%p"]},
        "PROCOK", "PROCTOUT", "PROCERR"),
    row("udp echo", "python", 7007, {"type": "udp", "send": "hello", "expect": "hello"}, "L7OK", "L7TOUT"),
    row("icmp", "python", 7008, {"type": "icmp"}, "L3OK", "L3TOUT", "L3TOUT"),
    row("agent", "python", 7009, {"type": "agent"}, "L7OK", "L7TOUT"),
]

# A verdict on what never changes. text: must occur in what the check says (an expression, in any case).
Verdict = collections.namedtuple("Verdict", "what program port check code text")


def tls_of(name, **tls):
    return {**HTTPS, "tls": {**TLS, **tls}}, name


def verdict(what, port, check, code, text, program="nginx"):
    return Verdict(what, program, port, check, code, text)


VERDICTS = [
    verdict("expired certificate", "expired", HTTPS, "L6RSP", "expired"),
    verdict("certificate of somebody else", "wrong", HTTPS, "L6RSP", "not for|name|match"),
    verdict("self-signed certificate", "selfsigned", HTTPS, "L6RSP", "self.signed"),
    verdict("certificate of an unknown issuer", "unknown", HTTPS, "L6RSP", "issuer"),
    verdict("expired certificate that nobody verifies", "expired", {**HTTPS, "tls": {"verify": False}}, "L7OK", ""),
    verdict("TLS 1.2 where 1.3 is the least", "tls12", {**HTTPS, "tls": {**TLS, "min_version": "1.3"}}, "L6RSP", "version|protocol"),
    verdict("TLS 1.2 where that is enough", "tls12", {**HTTPS, "tls": {**TLS, "min_version": "1.2"}}, "L7OK", ""),
    verdict("no client certificate", "client", HTTPS, "L7STS", "400"),
    verdict("client certificate of an unknown issuer", "client",
            {**HTTPS, "tls": {**TLS, "cert_file": "CERTS/nobody.pem", "key_file": "CERTS/nobody.key"}}, "L7STS", "400"),
    verdict("tls: expired certificate", "expired", {"type": "tls", "host": NAME, "tls": TLS}, "L6RSP", "expired"),
    verdict("tls: self-signed certificate", "selfsigned", {"type": "tls", "host": NAME, "tls": TLS}, "L6RSP", "self.signed"),
    verdict("tls where nobody speaks it", "http", {"type": "tls", "host": NAME, "tls": TLS}, "L6RSP", ""),
    verdict("http where TLS is spoken", "https", {**HTTP, "status": [200]}, "L7STS", "400"),
    verdict("HTTP/2 where only 1.1 is spoken", "https", {**HTTPS, "http_version": "2"}, "L7RSP", ""),
    verdict("http: the status says no", "http", {**HTTP, "path": "/broken"}, "L7STS", "503"),
    verdict("http: no such page", "http", {**HTTP, "path": "/nowhere"}, "L7STS", "404"),
    verdict("http: the body says something else", "http", {**HTTP, "body": "all is lost"}, "L7STS|L7RSP", ""),
    verdict("http: what is looked for comes too late in the body", "http", {**HTTP, "max_body": 3, "body": "well"},
            "L7STS|L7RSP", ""),
    verdict("http where SMTP is spoken", "smtp", HTTP, "L7RSP", "", "exim"),
    verdict("smtp where IMAP is spoken", "imap", mail("smtp"), "L7RSP|L7STS", "", "dovecot"),
    verdict("smtp, starttls, a certificate for another name", "smtp", {**mail("smtp", STARTTLS), "host": "else.example"}, "L6RSP",
            "not for|name|match", "exim"),
    verdict("imap where POP3 is spoken", "pop3", mail("imap"), "L7RSP|L7STS", "", "dovecot"),
    verdict("ldap: no such base", "ldap", {"type": "ldap", "base": "dc=nowhere"}, "L7STS|L7RSP", "", "slapd"),
    verdict("redis where memcached is", "memcached", {"type": "tcp", "send": "PING\r\n", "expect": "+PONG"}, "L7RSP|L7TOUT", "",
            "memcached"),
    verdict("dns: another address than wanted", "dns", dns("example.com A", answer=["192.0.2.9"]), "L7STS", "", "unbound"),
    verdict("dns: no such name", "dns", dns("nobody.example.com"), "L7STS", "NXDOMAIN", "unbound"),
    verdict("http: weight from a header", "http", {**HTTP, "path": "/load", "weight": {"from": "header", "name": "X-Weight"}},
            "L7OKC", ""),
    verdict("http: weight from a field", "http", {**HTTP, "path": "/load", "weight": {"from": "json", "name": "load.free"}},
            "L7OKC", ""),
]

SMOKE = """\
#!/bin/bash
# Asks redis whether it is alive: exit status 0 when it is.
exec 3<>"/dev/tcp/$1/$2" || exit 1
printf 'PING\\r\\n' >&3
read -r answer <&3 && [[ $answer == +PONG* ]]
"""


class Agent(Server):
    """Says how it is to everybody who comes, without being asked."""

    def accept(self, listener):
        before = set(self.conns)
        super().accept(listener)
        for conn in self.conns - before:
            if not self.hang:
                with contextlib.suppress(OSError):
                    conn.send(b"up\n")


class Python:
    """What has no package: UDP echo, an agent, and whether pings are answered."""

    def __init__(self, node):
        self.node, self.servers = node, []

    def start(self):
        self.servers = [self.node.serve(7007, "udp"), Agent(self.node, 7009)]
        self.pings(True)

    def pings(self, on):
        self.node.sysctl("net.ipv4.icmp_echo_ignore_all", 0 if on else 1)

    def pause(self, on=True):
        for s in self.servers:
            s.hang = on
        self.pings(not on)

    def go(self):
        self.pause(False)

    def kill(self):
        for s in self.servers:
            s.close()
        self.pings(False)


def port_of(r):
    return r.port if isinstance(r.port, int) else PORTS[r.program][r.port]


def placed(value, folder):
    """The check as it stands in the file: CERTS and TOOLS are folders."""
    if isinstance(value, dict):
        return {k: placed(v, folder) for k, v in value.items()}
    if isinstance(value, list):
        return [placed(v, folder) for v in value]
    if isinstance(value, str):
        return value.replace("CERTS/", f"{folder}/certs/").replace("TOOLS/", f"{folder}/tools/")
    return value


def config(nodes, folder, rows):
    checks, services = {}, {}
    for i, r in enumerate(ROWS + VERDICTS):
        if r not in rows:
            continue
        checks[f"c{i}"] = {**QUICK, **placed(r.check, folder)}
        # udp services cannot have a check that only tcp has, and the other way round
        udp = r.check["type"] == "udp" or r.check["type"] == "dns" and r.check.get("transport") != "tcp"
        services[f"s{i}"] = service(f"{VIP}:{10000 + i}", {"b": f"{nodes[r.program].ip4}:{port_of(r)}"}, check=f"c{i}",
                                    **({"protocol": "udp"} if udp else {}))
    return conf(services, checks=checks)


Seen = collections.namedtuple("Seen", "state check text after")


class Story:
    """What each backend was at the end of each chapter: seen[chapter][service]."""

    def __init__(self, d):
        self.d, self.seen, self.errors = d, {}, []

    def chapter(self, name, want, seconds):
        """Until every row is as it should be, or time is over: each row's own test tells."""
        start, seen = time.monotonic(), {}
        while True:
            rows = {k.split("/")[0]: r for k, r in backends(self.d).items()}
            after = time.monotonic() - start
            for key, r in rows.items():
                now = Seen(r["state"], r["check"], r.get("check_text", ""), after)
                if key not in seen or not want(key, seen[key]):
                    seen[key] = now
            if all(want(k, s) for k, s in seen.items()) or after > seconds:
                break
            time.sleep(0.2)
        print(f"{name}: {after:.1f} s")
        self.seen[name] = seen


def passes(code):
    return code.split("|")[0] in ("L3OK", "L4OK", "L6OK", "L7OK", "L7OKC", "PROCOK")


def fits(seen, code):
    """Where there is no IPVS, nobody is made up or down: the verdict says it all."""
    state = "up" if passes(code) else "down"
    return seen.check in code.split("|") and (seen.state == state or not has_ipvs())


def all_at_once(things, what):
    """Starting nine programs one after the other is mostly waiting."""
    threads = [threading.Thread(target=what, args=(t,)) for t in things]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


@pytest.fixture(scope="module")
def story(net):
    # Programs are only run from where nobody else may write, so not below /tmp.
    with tempfile.TemporaryDirectory(prefix="lbd-real-", dir="/run") as folder:
        os.chmod(folder, 0o755)
        os.mkdir(os.path.join(folder, "tools"))
        os.chmod(write(os.path.join(folder, "tools"), "smoke", SMOKE), 0o755)
        certs = Certs(os.path.join(folder, "certs"))
        nodes = {p: net.servers[0] for p in PROGRAMS} | {"python": net.servers[1]}
        reals = {"python": Python(nodes["python"])} | {p: Real(p, nodes[p], folder, certs) for p in PROGRAMS}
        broken = {}
        net.lb.sysctl("net.ipv4.ping_group_range", "0 2147483647")  # who may ping without a right

        def begin(name):
            try:
                reals[name].start()
            except AssertionError as e:
                broken[name] = str(e)

        try:
            began = time.monotonic()
            all_at_once(reals, begin)
            print(f"{len(reals)} programs started: {time.monotonic() - began:.1f} s")
            d = Lbd(net.lb, config(nodes, folder, VERDICTS), args=["--log-level", "debug"])
            s = Story(d)
            try:
                d.start(ready=False)
                until(lambda: d.call("daemon", "info").returncode == 0, "it answers")
                want = {f"s{i}": r for i, r in enumerate(ROWS)}

                def is_in(chapter):
                    return lambda key, seen: fits(seen, getattr(want[key], chapter))

                fixed = {f"s{i + len(ROWS)}": v for i, v in enumerate(VERDICTS)}
                s.chapter("verdicts", lambda k, seen: fits(seen, fixed[k].code), UP)
                # One after the other: the worker of a guest has its hands full with forty handshakes in two seconds.
                d.reload(config(nodes, folder, ROWS))
                s.chapter("up", is_in("up"), UP)
                for r in reals.values():
                    r.pause()
                s.chapter("stopped", is_in("stopped"), DOWN)
                for r in reals.values():
                    r.go()
                s.chapter("goes on", is_in("up"), UP)
                all_at_once(reals.values(), lambda r: r.kill())
                s.chapter("killed", is_in("killed"), DOWN)
                all_at_once(reals, begin)
                s.chapter("started again", is_in("up"), UP)
                s.broken = broken
                s.log = d.log()
                yield s
            finally:
                d.close()
        finally:
            for r in reals.values():
                r.kill()
            nodes["python"].sysctl("net.ipv4.icmp_echo_ignore_all", 0)
    for n in net.nodes:
        n.close_servers()
    clear(net.lb)


def named(rows):
    return [re.sub(r"[^a-z0-9.]+", "-", r.what.lower()) for r in rows]


@pytest.mark.parametrize("i", range(len(ROWS)), ids=named(ROWS))
def test_check_follows_its_real_server(story, i):
    r, key = ROWS[i], f"s{i}"
    assert r.program not in story.broken, story.broken[r.program]
    told = {chapter: story.seen[chapter][key] for chapter in story.seen if key in story.seen[chapter]}
    print("\n".join(f"{chapter:14} {seen}" for chapter, seen in told.items()))
    for chapter, code in (("up", r.up), ("stopped", r.stopped), ("goes on", r.up), ("killed", r.killed), ("started again", r.up)):
        assert fits(told[chapter], code), f"{chapter}: {told[chapter]}, wanted {code}"


@pytest.mark.parametrize("i", range(len(VERDICTS)), ids=named(VERDICTS))
def test_verdict_says_what_is_wrong(story, i):
    v, seen = VERDICTS[i], story.seen["verdicts"][f"s{i + len(ROWS)}"]
    assert v.program not in story.broken, story.broken[v.program]
    print(seen)
    assert fits(seen, v.code), f"{seen}, wanted {v.code}"
    assert re.search(v.text, seen.text, re.IGNORECASE), f"{seen.text!r} does not tell of {v.text!r}"
