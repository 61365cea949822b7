#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the hand-made seeds of the corpora: datagrams as the kernel's IPVS family and rtnetlink write them (little
endian), pairs of rows for the diff, files of overrides, DNS replies, VRRP adverts, ARP, beats, key files, lines of the channels
to the vrrp and sync processes, datagrams of IPVS synchronisation, replies and YAML.  Usage: make.py [corpus folder]"""
import json
import os
import struct
import sys

if len(sys.argv) > 2 or sys.argv[1:2] and sys.argv[1].startswith("-"):
    sys.exit(__doc__)
ROOT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "corpus")
FAMILY, ERROR, DONE, MULTI = 0x1C, 2, 3, 2
NEW_SERVICE, NEW_DEST, SET_INFO = 1, 5, 14


def save(target, name, data):
    folder = os.path.join(ROOT, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "seed-" + name), "wb") as f:
        f.write(data)


def attr(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def u8(kind, v):
    return attr(kind, struct.pack("=B", v))


def u16(kind, v):
    return attr(kind, struct.pack("=H", v))


def be16(kind, v):
    return attr(kind, struct.pack(">H", v))


def u32(kind, v):
    return attr(kind, struct.pack("=I", v))


def text(kind, s):
    return attr(kind, s.encode() + b"\0")


def message(kind, body, seq=7, flags=MULTI):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, seq, 4711) + body


def genl(cmd, body, seq=7):
    return message(FAMILY, struct.pack("=BBH", cmd, 1, 0) + body, seq)


def stats(kind, wide):
    out = b""
    for i in range(1, 11):
        out += attr(i, struct.pack("=Q", i << 33)) if wide or i in (4, 5) else u32(i, i)
    return attr(kind, out)


V4 = bytes([203, 0, 113, 1]) + b"\xa5" * 12
V6 = bytes.fromhex("20010db8000000000000000000000001")


def service(key, scheduler="wlc", flags=2, timeout=0, mask=b"\xff\xff\xff\xff", engine=None):
    body = key + text(6, scheduler)
    if engine:
        body += text(11, engine)
    body += attr(7, struct.pack("=II", flags, 0xFFFFFFFF)) + u32(8, timeout) + attr(9, mask)
    body += stats(10, False) + stats(12, True)
    return genl(NEW_SERVICE, attr(1 | 0x8000, body))


def key4(proto=6, port=80):
    return u16(1, 2) + u16(2, proto) + attr(3, V4) + be16(4, port)


def key6(proto=6, port=443):
    return u16(1, 10) + u16(2, proto) + attr(3, V6) + be16(4, port)


def dest(address=V4, family=2, port=8080, method=0, weight=1, tunnel=(0, 0, 0), new=True):
    body = attr(1, address) + be16(2, port) + u32(3, method) + u32(4, weight)
    if new:
        body += u8(13, tunnel[0]) + be16(14, tunnel[1]) + u16(15, tunnel[2])
    body += u32(5, 100) + u32(6, 75) + u32(7, 3) + u32(8, 4) + u32(9, 5)
    if new:
        body += u16(11, family)
    body += stats(10, False) + stats(12, True)
    return genl(NEW_DEST, attr(2 | 0x8000, body))


def netlink():
    done = message(DONE, struct.pack("=i", 0))
    v6_mask = struct.pack("=I", 64)
    seeds = {
        "service-v4": service(key4()),
        "service-v6": service(key6(), mask=v6_mask),
        "service-udp-ops": service(key4(17, 53), "rr", 4 | 2),
        "service-persistent": service(key4(), "mh", 1 | 2 | 8 | 16, 300, b"\xff\xff\xf0\x00", "sip"),
        "service-fwmark4": service(u16(1, 2) + u32(5, 7), "none"),
        "service-fwmark6": service(u16(1, 10) + u32(5, 0xFFFFFFFF), mask=v6_mask),
        "dest-nat": dest(),
        "dest-dr": dest(method=3),
        "dest-old-kernel": dest(new=False),
        "dest-v6": dest(V6, 10),
        "dest-ipip": dest(method=2),
        "dest-gue": dest(method=2, tunnel=(1, 6080, 1)),
        "dest-gre": dest(method=2, tunnel=(2, 0, 2)),
        "info": genl(SET_INFO, u32(1, 0x010201) + u32(2, 1 << 20)),
        "ack": message(ERROR, struct.pack("=i", 0) + b"\0" * 16, flags=0x100),
        "error": message(ERROR, struct.pack("=i", -3) + b"\0" * 16, flags=0),
        "error-with-request": message(ERROR, struct.pack("=i", -2) + genl(3, attr(1, key4()))),
        "done": done,
        "dump": service(key4()) + service(key6(), mask=v6_mask) + done,
        "dests": dest() + dest(V6, 10) + dest(method=2, tunnel=(1, 6080, 0)) + done,
        "unknown": genl(99, u32(1, 1)) + message(1, b"") + genl(NEW_SERVICE, attr(40, b"xyz")),
        "empty": b"",
    }
    for name, data in seeds.items():
        save("genl_ipvs_dump", name, data)


def diff():
    def row(sched, flags, dests):
        return bytes([sched, flags, 60, 32, len(dests)]) + b"".join(bytes(d) for d in dests)

    a, b, c = [0x10, 0, 1, 0, 0, 0], [0x11, 0, 1, 0, 0, 0], [0x12, 2, 1, 9, 7, 0x65]
    zero = [0x10, 0, 0, 0, 0, 0]
    pairs = {
        "equal": row(0, 0, [a, b]) + row(0, 0, [a, b]),
        "replace": row(0, 0, [a]) + row(0, 0, [b]),
        "swap": row(0, 0, [zero, b]) + row(0, 0, [a, [0x11, 0, 0, 0, 0, 0]]),
        "edit": row(2, 9, [a, c]) + row(1, 0, [b, c[:1] + [3] + c[2:]]),
        "empty": b"",
        "from-nothing": row(0, 1, [a, b, c]),
        "to-nothing": row(0, 0, []) + row(0, 0, [a, b, c]),
        "families": row(0, 0, [[0x90, 2, 1, 0, 0, 4], a]) + row(0, 0, [[0x90, 2, 1, 0, 0, 8]]),
    }
    for name, data in pairs.items():
        save("ipvs_diff", name, data)


def overrides():
    def item(value, expires=0, **more):
        return dict({"value": value, "set_ms": 1700000000000, "expires_ms": expires, "by": "alice", "reason": ""}, **more)

    def whole(*entries, version=1):
        return json.dumps({"version": version, "overrides": list(entries)}).encode()

    files = {
        "none": whole(),
        "state": whole({"object": "web/a", "state": item("drain")}),
        "weight": whole({"object": "web/a", "weight": item(5, percent=False)}),
        "percent": whole({"object": "web/a", "weight": item(50, 1700000060000, percent=True)}),
        "both": whole({"object": "web/a", "state": item("maint", 9223372036854775807), "weight": item(0)},
                      {"object": "web/b", "state": item("enabled", 1600000000000)}),
        "twice": whole({"object": "x", "state": item("maint")}, {"object": "x", "state": item("drain")}),
        "version": whole(version=2),
        "bad-state": whole({"object": "x", "state": item("asleep")}),
        "bad-weight": whole({"object": "x", "weight": item(65536)}),
        "negative": whole({"object": "x", "state": item("maint", -1)}),
        "no-json": b"{",
        "empty": b"",
    }
    for name, data in files.items():
        save("state_file", name, data)


def dns():
    def name(s):
        return b"".join(bytes([len(label)]) + label.encode() for label in s.split(".") if label) + b"\0"

    def reply(query, kind, *data, flags=0x8580):
        question = name(query.split()[0]) + struct.pack(">HH", kind, 1)
        head = struct.pack(">HHHHHH", 0x1234, flags, 1, len(data), 0, 0)
        rows = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(d)) + d for d in data)
        return query.encode() + b"\n" + head + question + rows

    soa = b"\2ns\xc0\x0c\xc0\x0c" + struct.pack(">5I", 1, 2, 3, 4, 5)
    for kind, number, data in (("A", 1, [b"\xc0\0\2\1", b"\xc0\0\2\2"]), ("AAAA", 28, [b"\x20\1\x0d\xb8" + b"\0" * 12]),
                               ("MX", 15, [b"\0\x0a\2mx\xc0\x0c"]), ("NS", 2, [b"\3ns1\xc0\x0c"]), ("TXT", 16, [b"\2v=\1x"]),
                               ("SOA", 6, [soa]), ("CNAME", 5, [b"\1w\xc0\x0c"]), ("PTR", 12, [b"\1w\xc0\x0c"]),
                               ("SRV", 33, [b"\0\0\0\5\x13\xc4\3sip\xc0\x0c"])):
        save("dns_reply", kind.lower(), reply("example.com " + kind, number, *data))
    save("dns_reply", "cut", reply("example.com", 1, flags=0x8780))
    save("dns_reply", "nxdomain", reply("example.com", 1, flags=0x8583))
    save("dns_reply", "loop", reply("example.com NS", 2, b"\1a\xc0\x29"))


# The first byte as in vrrp_pkt.c: instance, 4 a trailer may be there, 8 make the sum right, 16 with a header, 32 a password.
def adverts():
    v6 = "fe800000000000000000000000000054fd000009000000000000000000000100"
    trailer = "010100006800000080000000" + "1b84bc4e8e43892dc6d98448f8ee2265"
    frames = {
        "v2": (32, "2133960201016219" "0a0900640a090065" "3132333435363738"),
        "v2-leave": (32, "213300020101f819" "0a0900640a090065" "3132333435363738"),
        "v2-other": (32, "2133640201019419" "0a0900640a090065" "3132333435363738"),
        "v2-bare": (0, "21339602000133ee" "0a0900640a090065" "0000000000000000"),
        "v2-signed": (12, "21339602000133ee" "0a0900640a090065" "0000000000000000" + trailer),
        "v3": (1, "3134960100324388" "0a09006e"),
        "v3-9568": (1, "3134960100322e21" "0a09006e"),
        "v3-leave": (1, "313400010032d988" "0a09006e"),
        "v3-right": (9, "3134960200640000" "0a0900640a090065"),
        "v3-signed": (5, "3134960100324388" "0a09006e" + trailer),
        "v3-count": (1, "3134960000324e04"),
        "v3-interval": (1, "31349601000043ba" "0a09006e"),
        "unicast": (2, "3135960100641953" "0a090078"),
        "unicast-group": (2, "313596010064434b" "0a090078"),
        "v6": (3, "313696020064496b" + v6),
        "v6-signed": (15, "313696020064496b" + v6 + trailer),
        "v6-count": (3, "313696ff0064486e" + v6),
        "ip4": (17, "45c0002000010000ff70d0900a090001e0000012" "31349601003243880a09006e" + "00" * 14),
        "ip4-options": (17, "46c0002400010000ff7000000a090001e000001294040000" "31349601003243880a09006e"),
        "ip4-unicast": (18, "45c0002000010000ff70a6980a0900010a090002" "31359601006419530a090078"),
        "ip4-v2": (48, "45c0002c00010000ff70d0840a090001e0000012" "21339602010162190a0900640a0900653132333435363738"),
    }
    for name, (how, message) in frames.items():
        save("vrrp_pkt", name, bytes([how, 255]) + bytes.fromhex(message))


def key_files():
    key = "".join("%02x" % i for i in range(32))
    files = {
        "one": "1 %s\n" % key,
        "two": "# new\n2 %s%s\n\t1 %s # old\r\n\n" % (key, key, key.upper()),
        "eight": "".join("%d %s\n" % (i, key) for i in range(248, 256)),
        "nine": "".join("%d %s\n" % (i, key) for i in range(1, 10)),
        "short": "1 %s\n" % key[2:],
        "half": "1 %s0\n" % key,
        "twice": "1 %s\n1 %s\n" % (key, key),
        "no-id": key,
        "empty": "",
    }
    for name, text in files.items():
        save("vrrp_keys", name, text.encode())


# The first byte as in peer_beat.c: 1 it is signed there.
def beats():
    def beat(entries=(), magic=b"LBDP", version=1, flags=0, cluster=7, heartbeat=200, zero=0, seq=9, echo=(0, 0, 0),
             wall=1700000000123456, total=None, n=None, text=b"0.1.0"):
        head = magic + bytes([version, flags, cluster, len(entries) if n is None else n])
        head += struct.pack(">HHQQQQQIQQH", heartbeat, zero, 0x1261C1191DBE4BEE, 0xB, seq, *echo, wall, 0xC0FFEE,
                            len(entries) if total is None else total)
        return head + text.ljust(22, b"\0") + b"".join(entries)

    def entry(i, state=1, prio=100, flags=0, family=4, interval=100, zero=0, address=bytes([10, 9, 0, 1])):
        return struct.pack(">QBBBBHH", i, state, prio, flags, family, interval, zero) + address.ljust(16, b"\0")

    fresh = (0x1122334455667788, 9, 40000)
    v6 = bytes.fromhex("fe800000000000000000000000000054")
    three = [entry(1, 2, 150, 1), entry(2, family=6, address=v6, flags=8, interval=4095), entry(3, 3, family=0, address=b"")]
    signed = {
        "first": beat(flags=1),
        "fresh": beat(three, echo=fresh),
        "late": beat(three, echo=(0x1122334455667788, 10, 0)),
        "stranger": beat(three, echo=(0xA, 1, 0xFFFFFFFF)),
        "full": beat([entry(i + 1, flags=i % 16) for i in range(32)], echo=fresh, total=65535, text=b"v" * 22),
        "too-many": beat([entry(i + 1) for i in range(33)]),
        "twice": beat([entry(1), entry(2), entry(1)]),
        "state": beat([entry(1, state=4)]),
        "flag": beat([entry(1, flags=16)]),
        "family": beat([entry(1, family=5)]),
        "address": beat([entry(1, address=v6)]),
        "interval": beat([entry(1, interval=4096)]),
        "zero": beat(zero=1),
        "entry-zero": beat([entry(1, zero=1)]),
        "heartbeat": beat(heartbeat=9),
        "seq": beat(seq=0),
        "echo": beat(echo=(0, 1, 0)),
        "wall": beat(wall=1 << 62 | 1),
        "total": beat(three, total=2),
        "text": beat(text=b"0.1\0.0"),
        "control": beat(text=b"0.1\n"),
        "version": beat(version=2),
        "cluster": beat(cluster=8),
        "magic": beat(magic=b"LBDQ"),
        "cut": beat(three)[:-1],
        "count": beat(three, n=2),
        "empty": b"",
    }
    for name, data in signed.items():
        save("peer_beat", name, b"\1" + data)
    save("peer_beat", "unsigned", b"\0" + beat(three, echo=fresh) + b"\0" * 32)
    save("peer_beat", "junk", b"\0" + b"\xff" * 128)


def vrrp_channel():
    key = "".join("%02x" % i for i in range(32))
    announce = {"count": 5, "delay_ms": 5000, "refresh_ms": 0, "again_ms": 4000}
    small = {"msg": "vrrp.set", "id": 7, "name": "web", "group": "", "interface": "eth0", "family": "ipv4", "vrid": 51,
             "prio": 100, "sum": "rfc5798", "version": 3, "interval_cs": 100, "preempt": True, "preempt_delay_ms": 0,
             "startup_delay_ms": 0, "addrs": ["203.0.113.10/24"], "excluded": [], "peers": [], "min_ttl": 255, "lease_s": 3,
             "announce": announce, "auth": {"mode": "off"}}
    keys = [{"id": 1, "key": key}, {"id": 255, "key": key + key}]
    names = ("stranger", "source", "ttl", "version", "length", "checksum", "count", "interval", "auth", "replay")
    state = {"msg": "vrrp.state", "id": 7, "state": "master", "was": "backup", "cause": "no_advert", "prio": 150, "reason": "",
             "master_prio": 0}
    paths = [{"ours": "10.0.0.1", "theirs": "10.0.0.2"}, {"ours": "fd00::1", "theirs": "fd00::2"}]
    peers = {"msg": "vrrp.peers", "self": "lb-a", "cluster": 7, "port": 9789, "heartbeat_ms": 200, "dead_after_ms": 1000,
             "config": "0123456789abcdef", "key": key, "nodes": [{"name": "lb-b", "paths": paths}]}
    refused = ("length", "format", "version", "cluster", "key", "replay", "source")
    node = {"msg": "vrrp.node", "name": "lb-b", "up": True, "same_config": True, "version": "0.1.0", "instances": 3,
            "restarts": 0, "offset_us": -1200, "paths": [{"theirs": "10.0.0.2", "up": True, "rtt_us": 300}], "taken": 500,
            "refused": {n: i for i, n in enumerate(refused)}}
    lines = {
        "hello": {"msg": "hello", "version": 1, "level": "info"},
        "set": small,
        "set-v2": dict(small, version=2, password="3132333435363738", group="front", lease_s=0),
        "set-v6": dict(small, family="ipv6", addrs=["fe80::1/64", "2001:db8::1/128"], excluded=["203.0.113.10/32"],
                       source="fe80::2", sum="rfc9568", interval_cs=4095),
        "set-global": dict(small, family="ipv6", addrs=["2001:db8::1/128"]),
        "set-unicast": dict(small, peers=["203.0.113.2", "203.0.113.3"], source="203.0.113.1", min_ttl=64),
        "set-signed": dict(small, auth={"mode": "enforce", "window_ms": 5000, "keys": keys}),
        "set-listening": dict(small, auth={"mode": "receive-only", "window_ms": 300000, "keys": []}),
        "set-twice": dict(small, excluded=["203.0.113.10/32"]),
        "set-20": dict(small, addrs=["203.0.113.%d/32" % i for i in range(1, 21)]),
        "del": {"msg": "vrrp.del", "id": 7},
        "track": {"msg": "vrrp.track", "id": 7, "add": -20, "fault": True, "reason": "track:lan0"},
        "resign": {"msg": "vrrp.do", "id": 7, "what": "resign"},
        "announce": {"msg": "vrrp.do", "id": 7, "what": "announce"},
        "handover": {"msg": "vrrp.do", "id": 7, "what": "handover", "for_ms": 1000},
        "take": {"msg": "vrrp.do", "id": 7, "what": "take", "for_ms": 1500},
        "peers": peers,
        "peers-none": {"msg": "vrrp.peers", "nodes": []},
        "peers-hasty": dict(peers, heartbeat_ms=500),
        "node": node,
        "node-gone": dict(node, up=False, same_config=False, version="", paths=[], offset_us=1 << 60),
        "theirs": {"msg": "vrrp.theirs", "id": 7, "node": "lb-b", "known": True, "state": "backup", "prio": 100},
        "theirs-gone": {"msg": "vrrp.theirs", "id": 7, "node": "lb-b", "known": False},
        "moved": {"msg": "vrrp.moved", "id": 7, "ok": True, "away": False, "reason": "", "outage_us": 3000},
        "taken": {"msg": "vrrp.taken", "id": 7, "silent_us": 361000, "woke_us": 90, "advert_us": 40, "addresses_us": 210,
                  "announced_us": 0},
        "moved-not": {"msg": "vrrp.moved", "id": 7, "ok": False, "away": True, "reason": "no node is ready", "outage_us": 0},
        "log": {"msg": "log", "level": "debug"},
        "ping": {"msg": "ping", "n": 5},
        "ready": {"msg": "ready", "version": 1, "pid": 4711},
        "state": state,
        "state-backup": dict(state, state="backup", was="fault", cause="recovered", master="203.0.113.2", master_prio=200,
                             source="203.0.113.1"),
        "alarm": {"msg": "vrrp.alarm", "id": 7, "alarm": "two_masters", "on": True,
                  "text": "10.0.0.2 at 02:00:00:00:00:01 with priority 100"},
        "pong": {"msg": "pong", "n": 5, "instances": 1, "lag_us": 20, "rss_kib": 3000},
        "stats": {"msg": "vrrp.stats", "id": 7, "sent": 1 << 40, "received": 0, "discarded": {n: i for i, n in enumerate(names)},
                  "renewals": 3, "transitions": 1, "conflicts": 2, "late_us": 90, "sum9568": False},
        "wrong-way": {"msg": "vrrp.get"},
    }
    for name, line in lines.items():
        save("vrrp_channel", name, json.dumps(line).encode())


def sync_channel():
    key = "".join("%02x" % i for i in range(32))
    paths = [{"ours": "10.0.0.1", "theirs": "10.0.0.2"}, {"ours": "fd00::1", "theirs": "fd00::2"}]
    small = {"msg": "sync.set", "flows": True, "multicast": False, "self": "lb-a", "peer": "lb-b", "cluster": 7, "port": 9789,
             "config": "0123456789abcdef", "generation": 1, "rate": 50000, "key": key, "paths": paths[:1], "skips": [],
             "ipvs": True, "ways": 3, "conntrack": "auto", "nats": [], "paused": [], "forwards": False}
    skips = ["off tcp 203.0.113.10", "all tcp 203.0.113.10:80", "off udp 203.0.113.10:80", "off sctp [2001:db8::1]:443",
             "all mark 10 ipv4", "established mark 11 ipv4", "off mark 4294967295 ipv6"]
    state = {"msg": "sync.state", "is": "in-sync", "reason": "", "text": "", "version": "1", "sent_all": True, "have_all": True,
             "same_config": True, "order": 2, "held": False, "ipvs_stopped": False, "conntrack_stopped": False, "trouble": ""}
    counters = ("local", "peer", "sent", "received", "injected", "refused", "lost", "resyncs", "bulk_done", "bulk_all",
                "sent_done", "sent_all", "lag_ms", "full")
    lines = {
        "hello": {"msg": "hello", "version": 1, "level": "info"},
        "set": small,
        "set-skips": dict(small, skips=skips, paths=paths, key=key + key, paused=["ipvs", "conntrack"]),
        "set-nats": dict(small, conntrack="auto", nats=["all tcp 203.0.113.10:80"], ipvs=False),
        "set-unsorted": dict(small, skips=skips[::-1]),
        "set-twice": dict(small, skips=skips[:1] * 2),
        "set-mark": dict(small, skips=["off mark 0 ipv4"]),
        "do": {"msg": "sync.do", "what": "resync", "kinds": ["ipvs", "conntrack"], "number": 1},
        "do-pause": {"msg": "sync.do", "what": "pause", "kinds": ["ipvs"], "number": 2},
        "do-nothing": {"msg": "sync.do", "what": "resume", "kinds": [], "number": 3},
        "log": {"msg": "log", "level": "debug"},
        "ping": {"msg": "ping", "n": 1},
        "ready": {"msg": "ready", "version": 1, "pid": 4711},
        "state": state,
        "state-down": dict(state, **{"is": "down", "reason": "key_mismatch", "text": "not our key", "version": ""}),
        "state-trouble": dict(state, trouble="modprobe ip_vs"),
        "stats": dict({"msg": "sync.stats", "kind": "ipvs", "kernel_full": False}, **{n: i for i, n in enumerate(counters)}),
        "pong": {"msg": "pong", "n": 1, "lag_us": 120, "rss_kib": 9000},
        "talk-out": {"msg": "talk.out", "link": 1, "id": 3, "flags": 1, "text": "{\"talk\":\"x\"}\n"},
        "talk-link": {"msg": "talk.link", "link": 2},
        "talk-in": {"msg": "talk.in", "id": 3, "flags": 18, "text": "\u00e9"},
        "wrong-way": {"msg": "sync.get"},
        "set-alone": {"msg": "sync.set", "cluster": 0, "multicast": True, "paths": []},
        "conn-list": {"msg": "conn.list", "id": 7, "cut": False, "port": 0},
        "conn-list-client": {"msg": "conn.list", "id": 7, "cut": False, "client": "2001:db8::", "prefix": 32, "port": 443},
        "conn-list-some": {"msg": "conn.list", "id": 7, "cut": False, "port": 0, "matches": [
            "udp 203.0.113.10:53 -", "any fwmark:10/ipv4 10.1.0.12", "tcp 203.0.113.10 10.1.0.12:8080",
            "sctp [2001:db8::1]:443 [2001:db8::2]:8443"]},
        "conn-kill": {"msg": "conn.kill", "id": 4294967295, "cut": True, "client": "10.0.0.0", "prefix": 8, "port": 0, "matches": []},
        "conn-bind": {"msg": "conn.bind", "id": 1, "cut": False, "port": 0, "matches": ["tcp 203.0.113.10:80 10.1.0.12:8080"]},
        "conn-more": {"msg": "conn.more", "id": 7},
        "conn-stop": {"msg": "conn.stop", "id": 7},
        "conn-rows": {"msg": "conn.rows", "id": 7, "rows": [
            "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.11:8080 1 899 0 local",
            "0 10.0.0.0 0.0.0.10 10.1.0.12 1 300 10 template",
            "17 [2001:db8::7]:5353 [2001:db8::1]:53 [2001:db8::2]:53 0 300 0 peer"]},
        "conn-end": {"msg": "conn.end", "id": 7, "err": 0, "seen": 12, "ended": 11, "left": 1, "text": "who knows"},
    }
    for name, line in lines.items():
        save("sync_channel", name, json.dumps(line).encode())


def sights():
    """What says that an address is at a card: first byte 0 = ARP, 1 = ICMPv6."""
    mac, ip, six = bytes([2, 0, 0, 0, 0, 1]), bytes([10, 0, 0, 100]), bytes([0xfd, 7] + [0] * 12 + [1, 0])

    def arp(op, sender, target, more=b""):
        return b"\0" + struct.pack(">HHBBH", 1, 0x800, 6, 4, op) + mac + sender + bytes(6) + target + more

    def na(options, kind=136):
        return b"\1" + bytes([kind, 0, 0, 0, 0x20, 0, 0, 0]) + six + options

    tlla = b"\2\1" + mac
    for what, data in (("arp-request", arp(1, ip, bytes([10, 0, 0, 1]))), ("arp-reply", arp(2, ip, ip)),
                       ("arp-probe", arp(1, bytes(4), ip)), ("arp-padded", arp(1, ip, ip, bytes(18))),
                       ("arp-short", arp(1, ip, ip)[:-1]), ("na", na(tlla)), ("na-bare", na(b"")),
                       ("na-options", na(b"\x0e\2" + bytes(14) + tlla)), ("na-endless", na(tlla + bytes(8))),
                       ("ns", na(b"\1\1" + mac, 135))):
        save("vrrp_sight", what, data)


def rtnetlink():
    new_link, del_link, new_addr, del_addr, up = 16, 17, 20, 21, 0x11043

    def link(kind, index, name=b"eth0", flags=up, family=0, seq=1, more=b""):
        head = struct.pack("=BxHiII", family, 1, index, flags, 0)
        return message(kind, head + attr(3, name + b"\0") + attr(1, b"\2\3\4\5\6\7") + more, seq)

    def addr(kind, ip, prefix, index=5, flags=0x80, seq=1, scope=0, lease=3):
        family = 2 if len(ip) == 4 else 10
        local = attr(2, ip) if family == 2 else b""
        body = struct.pack("=BBBBI", family, prefix, flags & 0xFF, scope, index) + attr(1, ip) + local
        body += attr(6, struct.pack("=IIII", lease, lease, 0, 0)) + u32(8, flags) + u8(11, 0x6C)
        return message(kind, body, seq)

    v4, ll = bytes([10, 0, 0, 100]), bytes.fromhex("fe80000000000000000000000000006c")
    seeds = {
        "card": link(new_link, 5) + addr(new_addr, bytes([10, 0, 0, 1]), 24, seq=4) + addr(new_addr, ll, 64, seq=4, scope=253),
        "renamed": link(new_link, 5) + link(new_link, 5, b"eth1") + link(new_link, 5),
        "deleted": link(new_link, 5) + addr(new_addr, v4, 32) + link(del_link, 5) + link(new_link, 6, flags=2),
        "bridge-port": link(new_link, 5) + link(del_link, 5, family=7),
        "lease-ends": link(new_link, 5) + addr(new_addr, v4, 32) + addr(del_addr, v4, 32),
        "asked": link(new_link, 5) + addr(new_addr, v4, 32, seq=1) + addr(new_addr, v4, 32, seq=2) + addr(del_addr, v4, 32),
        "tentative": link(new_link, 5) + addr(new_addr, ll, 64, flags=0x40) + addr(new_addr, ll, 64, flags=0x08),
        "answers": message(ERROR, struct.pack("=i", 0) + b"\0" * 16) + message(ERROR, struct.pack("=i", -99) + b"\0" * 16),
        "dump": link(new_link, 5) + message(ERROR, struct.pack("=i", 0)) + link(new_link, 5) + message(DONE, b"\0" * 4),
        "cut": link(new_link, 5)[:-7],
        "empty": b"",
    }
    for name, data in seeds.items():
        save("rtnetlink", name, data)


netlink()
rtnetlink()
diff()
overrides()
dns()
adverts()
key_files()
beats()
vrrp_channel()
sync_channel()
sights()


# ---- datagrams of the kernel's own synchronisation; the first byte as in ipvs_sync_v1.c: 1 size and version are made right

def syncs():
    def record(v6=False, proto=6, flags=0, state=1, options=b"", size=None, version=0, kind=None, timeout=900):
        width = 16 if v6 else 4
        body = struct.pack(">IHHHHII", flags, state, 49024, 8080, 8080, 7, timeout)
        body += bytes(range(width)) + bytes([10] * width) + bytes([172] * width) + options
        size = len(body) + 4 if size is None else size
        return struct.pack(">BBH", (1 if v6 else 0) if kind is None else kind, proto, version << 12 | size) + body

    def datagram(*records, count=None, ident=77, version=1, zero=0, tail=b""):
        body = b""
        for r in records:
            body += b"\0" * (-len(body) % 4) + r
        body += tail
        count = len(records) if count is None else count
        return struct.pack(">BBHBBH", zero, ident, len(body) + 8, count, version, 0) + body

    def option(kind, data, n=None):
        return bytes([kind, len(data) if n is None else n]) + data

    seq, data, name = option(1, bytes(range(24))), option(2, b"call@host"), option(3, b"sip")
    whole = {
        "nat": datagram(record()),
        "dr": datagram(record(flags=0x83)),
        "template": datagram(record(flags=0x1100, proto=0, timeout=0)),
        "udp": datagram(record(proto=17, state=0)),
        "sctp": datagram(record(proto=132, state=8)),
        "six": datagram(record(v6=True)),
        "seq": datagram(record(flags=0x600, options=seq), record()),
        "engine": datagram(record(options=data + name), record(v6=True, options=name + seq + data), record()),
        "largest": datagram(record(v6=True, options=seq + option(2, b"d" * 255) + option(3, b"n" * 16))),
        "full": datagram(*[record()] * 40),
        "skippable": datagram(record(options=option(0x44, b"x") + option(0x41, bytes(24)))),
        "unknown": datagram(record(options=option(4, b"x")), record()),
        "esp": datagram(record(proto=50), record()),
        "state": datagram(record(state=11), record()),
        "twice": datagram(record(options=seq + seq), record()),
        "nameless": datagram(record(options=data), record()),
        "size-small": datagram(record(size=35)),
        "size-large": datagram(record(size=37)),
        "version": datagram(record(version=1)),
        "kind": datagram(record(kind=2)),
        "flags": datagram(record(flags=0xFFFFE060)),
        "count": datagram(record(), count=2),
        "tail": datagram(record(), tail=b"\1\2\3"),
        "none": datagram(),
    }
    for label, d in whole.items():
        save("ipvs_sync_v1", label, b"\0" + d)
    for label, d in (("old", datagram(record(), version=0)), ("zero", datagram(record(), zero=1)),
                     ("ident", datagram(record(), ident=9)), ("cut", datagram(record())[:-1]), ("empty", b"")):
        save("ipvs_sync_v1", label, b"\2" + d)
    save("ipvs_sync_v1", "right", b"\1" + datagram(record(), record(v6=True))[:-1])


syncs()


# ---- the peer link: steps of a link, and frames


UP, DOWN, FRAME, HELLO, TICK, PULL, PUT, PAUSE, RESYNC, END, TALK = range(11)


def link():
    def step(what, data=b""):
        return struct.pack(">BH", what, len(data)) + data

    def frame(kind, fmt, *values):
        return step(FRAME, struct.pack(">B" + fmt, kind, *values))

    def record(v6=False, seq=False, engine=False, yours=False, port=1):
        out = struct.pack(">BBHHHHIIII", v6 | seq << 1 | engine << 2 | yours << 3, 6, port, 80, 8080, 1, 0x81, 0, 900, 5)
        out += bytes(range(16 if v6 else 4)) * 3
        if seq:
            out += bytes(24)
        if engine:
            out += b"\x03sip\x02ab"
        return out

    def ct(v6=False, yours=False, protocol=6, more=b""):
        out = struct.pack(">BBHHHHHHIIII", v6 | yours << 3, protocol, 0, 1024, 80, 8080, 2000, {6: 3, 132: 4}.get(protocol, 0),
                          0x16, 0, 900, 5)
        out += bytes(range(16 if v6 else 4)) * 4
        return out + {6: b"\x03\x07\x03\x09", 132: bytes(8)}.get(protocol, b"") + more

    def flows(after, records, stream=1, round_=1):
        body = struct.pack(">BBIQQH", 2, stream, round_, after, after + len(records), len(records))
        return step(FRAME, body + b"".join(struct.pack(">H", len(r)) + r for r in records))

    def mark(flags, after, number, stream=1, round_=1):
        return frame(5, "BBIQQ", stream, flags, round_, after, number)

    def ack(number, stream=1, round_=1):
        return frame(3, "BIQ", stream, round_, number)

    start = step(UP) + step(HELLO, bytes([5, 0, 0, 1])) + step(PULL, b"\x20")
    some = [record(), record(True), record(seq=True, port=2), record(engine=True, port=3), record(yours=True, port=4)]
    hello = struct.pack(">BHHQB3sQIIQBQQ", 1, 1, 9, 77, 3, b"lb2", 1, 2, 1, 1, 2, 5, 0)
    bulk = mark(1, 0, 5) + flows(0, some) + mark(2, 0, 5) + step(PULL, b"\x09")
    seeds = {
        "bulk": start + bulk,
        "hello": step(UP) + step(FRAME, hello) + step(PULL, b"\x09"),
        "resume": start + bulk + step(DOWN) + step(UP) + step(HELLO, bytes([5, 1, 3])) + step(PULL, b"\x09")
        + mark(1, 5, 7) + flows(5, some[:2]),
        "restart": start + bulk + step(DOWN) + step(UP) + step(HELLO, bytes([6])) + step(PULL, b"\x09") + bulk,
        "send": step(PUT, b"\x63") + start + ack(20) + step(PUT, b"\x05") + step(PULL, b"\x40") + ack(104),
        "asked": step(PUT, b"\x63") + start + b"".join(
            frame(4, "BBI", 1, 10, i) + step(PULL, b"\x09") for i in range(1, 9)) + step(TICK, b"\xff"),
        "gap": start + mark(1, 0, 5) + flows(3, some) + step(PULL, b"\x09") + mark(1, 0, 5, round_=2)
        + flows(0, some, round_=2),
        "storm": start + b"".join(mark(1, 9, 9, round_=i) + step(PULL, b"\x09") for i in range(1, 9)) + step(TICK, b"\x30"),
        "ct": start + mark(1, 0, 6, 2) + flows(0, [ct(), ct(yours=True), ct(True), ct(protocol=17), ct(protocol=132),
                                                   ct(more=b"new")], 2) + mark(2, 0, 6, 2) + step(PULL, b"\x09"),
        "conntrack": start + mark(1, 0, 5, 2) + flows(0, [b"abc", b""], 2) + step(PULL, b"\x09"),
        "others": start + flows(0, [b"abc", b""], 3) + step(FRAME, b"\x77new") + step(PULL, b"\x09"),
        "pause": start + step(PAUSE, b"\x01") + step(PULL, b"\x09") + frame(9, "BB", 1, 1) + step(PUT, b"\x09")
        + step(PULL, b"\x09") + step(PAUSE, b"\x00") + frame(9, "BB", 1, 0) + step(PULL, b"\x09"),
        "resync": start + bulk + step(RESYNC, b"\x00") + step(PULL, b"\x09") + mark(1, 0, 5, round_=2),
        "ping": start + frame(6, "Q", 7) + step(TICK, b"\x32") + step(PULL, b"\x09") + frame(7, "Q", 1001000000),
        "talk": step(UP) + step(HELLO, bytes([5, 0, 0, 3])) + step(PULL, b"\x20") + step(TALK, bytes([1, 1]) + bytes(99))
        + step(PUT, b"\x20") + step(TALK, bytes([1, 2])) + step(PULL, b"\x09") + frame(10, "IB3s", 1, 16, b"{}\n")
        + step(PULL, b"\x09") + frame(10, "IB2s", 1, 16, b"\xc3\xa9") + step(DOWN) + step(TALK, b"\x01"),
        "talk-wrong": step(UP) + step(HELLO, bytes([5, 0, 0, 3])) + frame(10, "IB1s", 1, 16, b"\xc3") + step(PULL, b"\x02"),
        "silent": start + step(TICK, b"\x32") * 5 + step(PULL, b"\x09"),
        "bye": start + frame(8, "B", 2) + step(DOWN) + step(UP) + step(END) + step(PULL, b"\x02"),
        "small-room": step(PUT, b"\xc8") + start[:-4] + step(PULL, b"\xff\x04"),
        "wrong": start + ack(9) + step(PULL, b"\x09"),
    }
    for name, data in seeds.items():
        save("sync_message", name, data)


link()


# ---- replies and what is looked for in them: flags, lengths of pattern and bytes, both, the reply

def reply(name, regex, expect, answer, cut=7):
    flags = (1 if regex else 0) | (2 if expect else 0) | cut << 2
    save("reply_match", name, bytes([flags, len(regex), len(expect)]) + expect + regex + answer)


reply("bytes", b"", b"+PONG", b"-ERR\r\n+PONG\r\n")
reply("across-pieces", b"", b"aab", b"aaab" * 5, cut=1)
reply("regex", rb"^220[ -].*ESMTP", b"", b"220-hello\r\n220 mx ESMTP\r\n")
reply("both", rb"role:(master|slave)", b"redis", b"redis_version:7\r\nrole:master\r\n")
reply("costly", rb"(a+)+$", b"", b"a" * 60 + b"b")
reply("multiline", rb"(?m)^ready$", b"", b"x\nready\ny\n", cut=2)


# ---- YAML as people write it, and what is nearly that

PLAIN = """# a file
checks:
  app: { type: http, path: /healthz, interval: 2s }
services:
  web:
    listen: [203.0.113.10:80, "[2001:db8::1]:80"]  # both
    backends:
      a: 10.1.0.11:8080
      b: { address: 10.1.0.12, weight: -3 }
    tags:
      - one
      - { two: [3, 'four'] }
  mail:
    listen: 203.0.113.10:25
"""
save("yaml_plain", "plain", PLAIN.encode())
for name, text in (("multiline", "a: b\n  c\n"), ("same-indent", "a:\n- b\n"), ("flow", "a: {b: c,d: [e , f]}\n"),
                   ("comment", "a: b #c\nd: e#f\n"), ("crlf", "a: b\r\nc: d\r\n"), ("quotes", "a: \"b\"\nc: 'd'\n"),
                   ("nest", "a:\n   b:\n     c: d\n   e: f\ng: h")):
    save("yaml_plain", name, text.encode())
