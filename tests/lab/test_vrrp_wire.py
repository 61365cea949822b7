# SPDX-License-Identifier: GPL-2.0-or-later
"""
Bytes on the wire: what lbd sends is what keepalived sends, and what must be refused is, for the right reason. The
addresses, the card and the frames are those that were captured from keepalived 2.2.7 once.
"""
import contextlib
import json
import os
import time

import pytest

from conftest import until
from frames import Talker, ether, message, packet4, packet6
from pair import Keepalived, Pair, Wire, instance, lone, state
from steps import slowness
from witness import gaps, skew

N1, N2, N3, N9 = "10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.0.9"
MAC1, LINK1 = "4a:19:28:72:84:5f", "fe80::4819:28ff:fe72:845f"
LIST6 = "fe800000000000000000000000000054fd000009000000000000000000000100"

# VRID: as master, as it leaves
GOLDEN = {51: ("21339602010162190a0900640a0900653132333435363738", "213300020101f8190a0900640a0900653132333435363738"),
          52: ("31349601003243880a09006e", "313400010032d9880a09006e"),
          53: ("31359601006419530a090078", "313500010064af530a090078"),
          54: ("313696020064496b" + LIST6, "313600020064df6b" + LIST6)}
HEADERS = {51: "45c0002c00010000ff70d0840a090001e0000012", 52: "45c0002000010000ff70d0900a090001e0000012",
           53: "45c0002000010000ff70a6980a0900010a090002"}
GARP = "ffffffffffff4a192872845f080600010800060400014a192872845f0a09006effffffffffff0a09006e"

KEEPALIVED = """
vrrp_instance v51 {
  state BACKUP
  interface eth0
  version 2
  virtual_router_id 51
  priority 150
  advert_int 1
  authentication {
    auth_type PASS
    auth_pass 12345678
  }
  virtual_ipaddress {
    10.9.0.100/32
    10.9.0.101/32
  }
}
vrrp_instance v52 {
  state BACKUP
  interface eth0
  virtual_router_id 52
  priority 150
  advert_int 0.5
  virtual_ipaddress {
    10.9.0.110/32
  }
}
vrrp_instance v53 {
  state BACKUP
  interface eth0
  virtual_router_id 53
  priority 150
  advert_int 1
  unicast_src_ip 10.9.0.1
  unicast_peer {
    10.9.0.2
  }
  virtual_ipaddress {
    10.9.0.120/32
  }
}
vrrp_instance v54 {
  state BACKUP
  interface eth0
  native_ipv6
  virtual_router_id 54
  priority 150
  advert_int 1
  virtual_ipaddress {
    fe80::54/128
    fd00:9::100/128
  }
}
"""


@pytest.fixture(scope="module")
def pair():
    if os.geteuid() != 0:
        pytest.skip("needs root", allow_module_level=True)
    p = Pair()
    p.sw.run("ip", "link", "set", "br0", "type", "bridge", "ageing_time", "0")  # everybody hears unicast, too
    for n, ip in ((p.a, N1), (p.b, N2), (p.c, N3)):
        lines = ["link set eth0 down", "addr flush dev eth0"] + ([f"link set eth0 address {MAC1}"] if n is p.a else [])
        n.ip("\n".join([*lines, "link set eth0 up", f"addr add {ip}/24 dev eth0"]))
        n.sysctl("net.ipv6.conf.all.forwarding", 1)  # what an announcement says of us
    yield p
    p.close()


def four(tmp_path, prio, source, peer):
    """The four instances of the captures."""
    os.chmod(tmp_path, 0o755)
    key = tmp_path / "password"
    key.write_text("12345678\n")
    key.chmod(0o640)
    return {"v51": instance(vrid=51, priority=prio, version=2, advert_interval="1s", addresses=["10.9.0.100/32", "10.9.0.101/32"],
                            auth={"type": "password", "key_file": str(key)}),
            "v52": instance(vrid=52, priority=prio, advert_interval="500ms", addresses=["10.9.0.110/32"]),
            "v53": instance(vrid=53, priority=prio, advert_interval="1s", addresses=["10.9.0.120/32"], unicast=[peer], source=source),
            "v54": instance(vrid=54, priority=prio, advert_interval="1s", addresses=["fe80::54/128", "fd00:9::100/128"])}


def conf_of(instances):
    return json.dumps({"vrrp": instances, "services": {}}, indent=1) + "\n"


class Said:
    """What node 1 says while a program runs there: first advert, last one, announcements."""

    def __init__(self, pair, run):
        with Wire(pair.c) as wire:
            with run():
                until(lambda: {a.vrid for a in wire.adverts if a.prio} == set(GOLDEN), "all are master")
                until(lambda: len({f for f in wire.frames if f[6:12].hex(":") == MAC1}) >= 6, "all are announced", 5)
            until(lambda: {a.vrid for a in wire.adverts if not a.prio} == set(GOLDEN), "all have left")
            assert {a.source for a in wire.adverts} == {N1, LINK1}
            self.first = {v: next(a for a in wire.adverts if a.vrid == v) for v in GOLDEN}
            self.last = {v: [a for a in wire.adverts if a.vrid == v][-1] for v in GOLDEN}
            self.announced = {f.hex() for f in wire.frames if f[6:12].hex(":") == MAC1}


def without_id(frame):
    """An IPv4 packet but for its id and header checksum, an IPv6 one but for its flow label; without padding."""
    p = frame[14:]
    if p[0] >> 4 == 6:
        return frame[:14] + p[:1] + bytes([p[1] & 0xf0]) + b"\0\0" + p[4:40 + int.from_bytes(p[4:6], "big")]
    return frame[:14] + p[:4] + b"\0\0" + p[6:10] + b"\0\0" + p[12:int.from_bytes(p[2:4], "big")]


def test_frames_are_those_of_keepalived_and_of_the_captures(pair, tmp_path):
    @contextlib.contextmanager
    def ours():
        d = lone(pair.a, conf_of(four(tmp_path, 150, N1, N2)), "lb-a")
        try:
            yield d.start(ready=False)
        finally:
            d.close()

    theirs, mine = Said(pair, lambda: Keepalived(pair.a, KEEPALIVED)), Said(pair, ours)
    for vrid, (master, leaving) in GOLDEN.items():
        for said in (theirs, mine):
            assert said.first[vrid].raw.hex() == master and said.last[vrid].raw.hex() == leaving, (vrid, said is mine)
        assert without_id(mine.first[vrid].frame).hex() == without_id(theirs.first[vrid].frame).hex(), vrid
        assert without_id(mine.last[vrid].frame).hex() == without_id(theirs.last[vrid].frame).hex(), vrid
    for vrid, head in HEADERS.items():
        assert mine.first[vrid].frame[14:34].hex() == head
    assert GARP in mine.announced and mine.announced == theirs.announced


# ---- what must be refused, and why ----

def cuts():
    good = bytes.fromhex(GOLDEN[52][0])
    return [("v52", f"cut at byte {n}", packet4(N1, good[:n])) for n in range(2, len(good))]


def refused():
    """reason -> [(instance, what, packet)]"""
    def v3(text, **keys):
        return packet4(N1, bytes.fromhex(text), **keys)

    def v6(text, **keys):
        return packet6(LINK1, bytes.fromhex(text), **keys)

    good, good_uni = GOLDEN[52][0], GOLDEN[53][0]
    plain = message(55, 150, ["10.9.0.130"], N1, version=2, interval=1, password="12345678")
    return {
        "auth": [("v51", "wrong password", v3("21339602010162180a0900640a0900653132333435363739")),
                 ("plain", "a password where none is wanted", packet4(N1, plain))],
        "checksum": [("v52", "both sums wrong", v3("313496010032dead0a09006e")), ("v54", "wrong", v6("313696020064496c" + LIST6))],
        "length": [("v52", "the tail of version 2", v3(good + "00" * 8)), ("v52", "count larger than list", v3("31349602003243870a09006e")),
                   ("v54", "count 255", v6("313696ff0064486e" + LIST6)), *cuts()],
        "count": [("v52", "count 0", v3("3134960000324e04")), ("v52", "count 0, the other sum", v3("3134960000323899")),
                  ("v54", "a global address first", v6("313696020064496b" + LIST6[32:] + LIST6[:32]))],
        "interval": [("v52", "0", v3("31349601000043ba0a09006e")),
                     ("v51", "2 s", v3("21339602010262180a0900640a0900653132333435363738"))],
        "version": [("v52", "type 2", v3("32349601003242880a09006e")), ("v52", "version 4", v3("41349601003233880a09006e")),
                    ("v52", "version 2", v3("2134960100013e520a09006e0000000000000000")),
                    ("v51", "version 3", packet4(N1, message(51, 150, ["10.9.0.100", "10.9.0.101"], N1, interval=100)))],
        "ttl": [("v52", f"ttl {n}", v3(good, ttl=n)) for n in (254, 64, 1)] +
               [("v53", "unicast", v3(good_uni, ttl=254, to=N2)), ("v54", "hop limit", v6(GOLDEN[54][0], hops=254))],
        "source": [("v52", "ourselves", packet4(N2, message(52, 150, ["10.9.0.110"], N2, interval=50))),
                   ("v52", "unicast", packet4(N1, message(52, 150, ["10.9.0.110"], N1, interval=50, to=N2), to=N2)),
                   ("v53", "multicast", packet4(N1, message(53, 150, ["10.9.0.120"], N1, interval=100))),
                   ("v53", "no peer", packet4(N3, message(53, 150, ["10.9.0.120"], N3, interval=100, to=N2), to=N2))],
        None: [("v52", "VRID 0", v3("31009601003243bc0a09006e")), ("v52", "VRID 77", packet4(N1, message(77, 255, ["10.9.0.110"], N1)))],
    }


@pytest.fixture(scope="class")
def node(pair, tmp_path_factory):
    """lbd on node 2, master of the four and of one of version 2 without a password."""
    plain = instance(vrid=55, priority=50, version=2, advert_interval="1s", addresses=["10.9.0.130/32"])
    pair.b.sysctl("net.ipv4.conf.eth0.accept_local", 1)  # the kernel would drop what seems to be ours
    d = lone(pair.b, conf_of({**four(tmp_path_factory.mktemp("node"), 50, N2, N1), "plain": plain}), "lb-b").start(ready=False)
    try:
        until(lambda: {r["state"] for r in rows(d)} == {"master"}, "all are master")
        yield d
    finally:
        d.close()


def rows(d):
    done = d.call("-j", "vrrp", "list")
    return json.loads(done.stdout)["data"] if done.returncode == 0 else []


def discarded(d):
    return {r["vrrp"]: r.get("discarded", {}) for r in rows(d)}


def at(pair, packet):
    """Where a switch would bring it."""
    mac = json.loads(pair.b.run("ip", "-j", "link", "show", "eth0"))[0]["address"]
    return ether(packet, to=mac if packet[0] >> 4 == 4 and packet[16:20] == bytes([10, 9, 0, 2]) else None)


class TestReceiving:
    """One after the other at the same daemon."""

    def test_what_must_be_refused_is_and_changes_nothing(self, pair, node):
        slow = slowness()
        with Wire(pair.c) as wire, Talker(pair.c) as talker:
            start, want, seen = time.monotonic(), {name: {} for name in ("v51", "v52", "v53", "v54", "plain")}, {}
            for reason, packets in refused().items():
                for name, _, packet in packets:
                    talker.say(at(pair, packet))
                    if reason:
                        want[name][reason] = want[name].get(reason, 0) + 1
                if reason is None:
                    time.sleep(1.2)  # nothing to wait for: a second word of its counters
                try:
                    until(lambda: discarded(node) == want, "counted", 3)
                except AssertionError:
                    raise AssertionError(f"{reason}: {[what for _, what, _ in packets]}: {discarded(node)}, not {want}") from None
                assert {r["state"] for r in rows(node)} == {"master"}, reason
                for r in rows(node):  # an alarm is over when what it is about has not been seen for a while
                    seen.setdefault(r["vrrp"], set()).update(r.get("alarms", []))
            assert {r["received"] for r in rows(node)} == {0} and {r["transitions"] for r in rows(node)} == {1}
            assert {name: sorted(alarms) for name, alarms in seen.items() if alarms} == {
                "v51": [f"auth_failed (auth from {N1} with priority 150)", f"interval_differs ({N1} every 2.00 s, we every 1.00 s)"],
                "v52": [f"same_address (an advert from {N2}, which is ours)"],
                "plain": [f"auth_failed (auth from {N1} with priority 150)"]}
            worst = max(gaps([a for a in wire.of(N2, start) if a.vrid == 52]))
            n = sum(sum(x.values()) for x in want.values())
            print(f"FIGURES refused: {n} at {len(want)} instances, worst gap {worst:.3f} of 0.5")
            assert worst < 0.75 + 0.010 * slow

    def test_what_must_be_taken_is(self, pair, node):
        slow, before = slowness(), discarded(node)
        taken = [("v52", "the sum of RFC 5798", GOLDEN[52][0], {}), ("v52", "the sum of RFC 9568", "3134960100322e210a09006e", {}),
                 ("v52", "IP options", GOLDEN[52][0], {"options": bytes.fromhex("94040000")}),
                 ("v52", "40.95 s", "313496010fff33bb0a09006e", {}), ("v52", "the reserved bits", "31349601f03253870a09006e", {}),
                 ("v53", "to us", GOLDEN[53][0], {"to": N2}), ("v53", "with the sum of the group", "313596010064434b0a090078", {"to": N2}),
                 ("v51", "password", GOLDEN[51][0], {})]
        with Wire(pair.c) as wire, Talker(pair.c) as talker:
            for name, what, text, keys in taken:
                talker.say(at(pair, packet4(N1, bytes.fromhex(text), **keys)))
                until(lambda: state(node, name) == "backup", f"{name} yields: {what}", 2)
            until(lambda: {r["vrrp"]: r["received"] for r in rows(node)} == {"v51": 1, "v52": 5, "v53": 2, "v54": 0, "plain": 0}, "counted", 3)
            until(lambda: state(node, "v52") == "master", "the interval of the last one counts", 3)
            assert discarded(node) == before
            # a master that leaves
            talker.say(at(pair, packet4(N1, bytes.fromhex(GOLDEN[52][0]))))
            until(lambda: state(node, "v52") == "backup", "it yields", 2)
            said = time.monotonic()
            talker.say(at(pair, packet4(N1, bytes.fromhex(GOLDEN[52][1]))))
            until(lambda: [a for a in wire.of(N2, said) if a.vrid == 52], "it takes over", 3)
            after = next(a for a in wire.of(N2, said) if a.vrid == 52).time - said
            print(f"FIGURES priority 0: taken over after {after:.3f} s of a skew of {skew(50, 0.5):.3f}")
            assert after < skew(50, 0.5) + 0.050 * slow  # the next one would be 1.5 s
            # the tie: lower is answered, higher is obeyed
            until(lambda: state(node, "v52") == "master", "it is master", 3)
            said = time.monotonic()
            talker.say(at(pair, packet4(N1, message(52, 50, ["10.9.0.110"], N1, interval=50))))
            until(lambda: [a for a in wire.of(N2, said) if a.vrid == 52], "an answer", 3)
            assert next(a for a in wire.of(N2, said) if a.vrid == 52).time - said < 0.1 + 0.050 * slow and state(node, "v52") == "master"
            talker.say(at(pair, packet4(N9, message(52, 50, ["10.9.0.110"], N9, interval=50))))
            until(lambda: state(node, "v52") == "backup", "the higher address wins", 2)
            # whoever may say so without a signature
            until(lambda: state(node, "v52") == "master", "it is master again", 5)
            talker.say(at(pair, packet4(N1, bytes.fromhex("3134ff010032da870a09006e"))))
            until(lambda: state(node, "v52") == "backup", "priority 255", 2)
            owner = f"unknown_owner ({N1} with priority 255)"
            until(lambda: owner in next(r for r in rows(node) if r["vrrp"] == "v52").get("alarms", ()), "and who said so", 2)

    def test_alarms_end(self, node):
        def raised():
            return {r["vrrp"]: [x.split()[0] for x in r.get("alarms", ())] for r in rows(node)}

        # the longest: three times the down interval of whoever says that he speaks every 40.95 s may last for minutes
        until(lambda: not any(set(x) - {"interval_differs"} for x in raised().values()), "the alarms are over", 13)
        for what, times in (("auth_failed", 2), ("same_address", 1), ("unknown_owner", 1)):
            assert node.log().count(f"alarm {what} raised") == node.log().count(f"alarm {what} is over") == times, what
