# SPDX-License-Identifier: GPL-2.0-or-later
"""
Routes and policy rules that follow a VRRP instance: who has them is asked of the kernel.
"""
import os
import signal
import time


from conftest import until
from pair import VIP4, both, config, has, is_backup, is_master, lone, pair
from steps import slowness
from test_vrrp import workers

FOLLOW = 1.0  # what is missing is asked for again so often
ROUTES = [
    {"to": "default", "via": "10.8.0.9", "dev": "eth1", "table": 100, "metric": 10, "source": VIP4},
    {"to": "192.0.2.0/24", "via": "10.7.0.200"},
    {"to": "2001:db8::/32", "dev": "eth1", "table": 100},
]
RULES = [{"from": "10.7.0.0/24", "table": 100, "priority": 1000}, {"fwmark": 7, "table": 100, "priority": 1001}]


def ways(node):
    """Those with our number, IPv4 routes, IPv6 routes, rules."""
    v4 = node.run("ip", "-4", "route", "show", "table", "all", "proto", "236").splitlines()
    v6 = node.run("ip", "-6", "route", "show", "table", "all", "proto", "236").splitlines()
    rules = [line for line in node.run("ip", "-d", "rule").splitlines() if "proto 236" in line]
    return len(v4), len(v6), len(rules)


ALL, NONE = (2, 1, 2), (0, 0, 0)


def dump(node):
    return node.run("ip", "-d", "rule") + node.run("ip", "-d", "route", "show", "table", "all") + node.run("ip", "-d", "-6", "route", "show", "table", "all")


def soon(node, what, why, seconds=FOLLOW):
    end = seconds + 1 * slowness()
    try:
        until(lambda: ways(node) == what, f"{why}: {what}", end)
    except AssertionError:
        print(dump(node))
        raise


def test_they_are_where_the_master_is(pair):
    with both(pair, routes=ROUTES, rules=RULES) as (a, b):
        soon(pair.a, ALL, "the master has them")
        text = pair.a.run("ip", "route", "show", "table", "100")
        assert "default via 10.8.0.9 dev eth1 proto 236 src 10.7.0.100 metric 10" in text, text
        assert "via 10.7.0.200 dev eth0" in pair.a.run("ip", "route", "show", "192.0.2.0/24")
        rules = pair.a.run("ip", "rule")
        assert "1000:\tfrom 10.7.0.0/24 lookup 100" in rules and "1001:\tfrom all fwmark 0x7 lookup 100" in rules, rules
        assert ways(pair.b) == NONE
        shown = a.ctl("vrrp", "show", "wan")["data"][0]
        assert shown["routes"][0] == f"default via 10.8.0.9 dev eth1 source {VIP4} table 100 metric 10", shown
        assert shown["rules"] == ["from 10.7.0.0/24 table 100 priority 1000",
                                  "from all fwmark 7 table 100 priority 1001"], shown
        a.ctl("vrrp", "resign", "wan")
        is_master(b)
        soon(pair.b, ALL, "the new master has them")
        soon(pair.a, NONE, "the old one has none")
        assert "refuses" not in a.log() and "refuses" not in b.log()
    assert ways(pair.a) == ways(pair.b) == NONE


def test_removed_by_hand_they_come_back(pair):
    with both(pair, routes=ROUTES, rules=RULES) as (a, _):
        soon(pair.a, ALL, "the master has them")
        pair.a.run("ip", "route", "del", "default", "table", "100")
        pair.a.run("ip", "-6", "route", "del", "2001:db8::/32", "table", "100")
        pair.a.run("ip", "rule", "del", "priority", "1001")
        soon(pair.a, ALL, "they are back")
        until(lambda: a.log().count("was gone; restored") == 3, "it was said")
        # the kernel drops them without a word
        pair.a.ip("link set eth1 down")
        assert ways(pair.a) == (1, 0, 2)
        time.sleep(2.5 * FOLLOW)
        assert a.log().count("the kernel refuses") == 2, "once for each route"
        pair.a.ip("link set eth1 up")
        soon(pair.a, ALL, "the card is back")
        # and without the address there is no route from it
        pair.a.run("ip", "addr", "del", f"{VIP4}/24", "dev", "eth0")
        until(lambda: has(pair.a), "the address is back")
        soon(pair.a, ALL, "the route from it, too")


def test_killed_it_leaves_them_and_a_backup_removes_them(pair):
    with both(pair, routes=ROUTES, rules=RULES) as (a, b):
        soon(pair.a, ALL, "the master has them")
        pids = workers(a)
        # the core stands still: it must not start another one, nor end before it, which would be the end in order
        os.kill(a.pid, signal.SIGSTOP)
        for pid in (pids["vrrp"], *(p for n, p in pids.items() if n != "vrrp"), a.pid):
            os.kill(pid, signal.SIGKILL)
        a.wanted = False
        a.process.wait()
        is_master(b)
        soon(pair.b, ALL, "the other one has them")
        # all but the route from an address whose lease may have ended
        assert ways(pair.a)[1:] == ALL[1:]
        # two of what is left are not in the configuration any more, and one leads elsewhere
        left = [ROUTES[0], {"to": "192.0.2.0/24", "via": "10.7.0.201"}]
        again = lone(pair.a, config(90, routes=left, rules=RULES[:1]), "lb-a2")
        try:
            again.start(ready=False)
            is_backup(again)
            soon(pair.a, NONE, "what was left is gone", 3)
            assert ways(pair.b) == ALL
        finally:
            again.close()


def test_killed_vrrp_process_goes_on_with_them(pair):
    with both(pair, routes=ROUTES, rules=RULES, advert_interval="1s", lease="6s", preempt=False) as (a, _):
        soon(pair.a, ALL, "the master has them")
        os.kill(workers(a)["vrrp"], signal.SIGKILL)
        time.sleep(0.1)
        is_master(a)
        time.sleep(FOLLOW)
        assert ways(pair.a) == ALL and ways(pair.b) == NONE
        assert "left behind" not in a.log()


def test_a_reload_takes_and_brings(pair):
    with both(pair, routes=ROUTES, rules=RULES) as (a, _):
        soon(pair.a, ALL, "the master has them")
        changed = [dict(ROUTES[0], via="10.8.0.8"), {"to": "198.51.100.0/24", "via": "10.7.0.200"}]
        a.reload(config(150, routes=changed), ok=None)
        soon(pair.a, (2, 0, 0), "what was taken out is gone")
        assert "via 10.8.0.8" in pair.a.run("ip", "route", "show", "table", "100")
        assert "198.51.100.0/24" in pair.a.run("ip", "route")


def test_what_is_not_ours_stays(pair):
    pair.a.ip("route add 192.0.2.0/24 via 10.7.0.77")
    with both(pair, routes=ROUTES) as (a, _):
        until(lambda: "one that is not ours stands in its place" in a.log(), "it is said")
        time.sleep(1.5 * FOLLOW)
        assert a.log().count("one that is not ours stands in its place") == 1
        assert "via 10.7.0.77" in pair.a.run("ip", "route", "show", "192.0.2.0/24")
        pair.a.ip("route del 192.0.2.0/24")
        soon(pair.a, (2, 1, 0), "now there is room")
        until(lambda: "is there now" in a.log(), "it is said")
    pair.a.ip("route add 192.0.2.0/24 via 10.7.0.77\nroute del 192.0.2.0/24")
