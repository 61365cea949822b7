# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a pair needs a whole kernel for: the clock of the machine steps, and a core that really writes IPVS is busy. The
rest of the pair is in test_vrrp*.py, which need no guest.
"""
import json
import os
import signal
import time

import pytest

from conftest import ipvs, kernel_has, until
from pair import A4, B4, C4, VIP4, Wire, both, has, instance, is_backup, is_master, key, lone, state  # noqa: F401: fixture
from steps import Kernel, guest_only, service, slowness
from test_peer import both as both_heard, yaml
from test_peer_talk import Background, links, workers
from test_vrrp_faults import TestLoad as Load, hmac, loaded, pair, row  # noqa: F401: fixtures
from witness import Holders, gaps

STEP = 3600
MANY = 300


def serving(prio):
    services = {f"s{i}": service(f"{VIP4}:{1000 + i}", {"a": f"10.8.0.9:{1000 + i}"}) for i in range(MANY)}
    return json.dumps({"vrrp": {"wan": instance(priority=prio)}, "services": services}, indent=1) + "\n"


class TestLoad:
    """I7, with a core that writes IPVS."""

    test_reload = Load.test_reload_of_many_services_delays_no_advert
    test_flapping = Load.test_flapping_backends_delay_no_advert
    test_core_that_stands_still = Load.test_core_that_stands_still_for_a_second_delays_no_advert


@pytest.fixture(scope="module", autouse=True)
def with_ipvs():
    if not kernel_has("ip_vs"):
        pytest.skip("needs a kernel with IPVS", allow_module_level=True)


def test_a_flush_leaves_the_services_until_the_addresses_have_gone(pair):  # noqa: F811
    """Clients are sent here until then. The process that holds them stands still, so that there is time to look."""
    a, b = lone(pair.a, serving(150), "lb-a"), lone(pair.b, serving(100), "lb-b")
    for node in (pair.a, pair.b):
        node.run("ipvsadm", "-C")  # what the tests before have left
    try:
        a.start(ready=False)
        is_master(a)
        b.start(ready=False)
        is_backup(b)
        until(lambda: len(ipvs(pair.a)) == MANY * 2, "the services are there", 60)
        pid, ends = workers(a)["vrrp"], [Kernel(pair.a, VIP4, port) for port in (1000, 999 + MANY)]
        os.kill(pid, signal.SIGSTOP)
        try:
            asked = Background(a, "daemon", "stop", "--flush", "--yes")
            until(lambda: "daemon: stopping (flush)" in a.log(), "it has been asked", every=0.01)
            assert all(k.there() for k in ends) and asked.process.poll() is None
        finally:
            os.kill(pid, signal.SIGCONT)
        until(lambda: not all(k.there() for k in ends), "it begins", every=0.01)
        assert not has(pair.a)
        for k in ends:
            k.close()
        code, said = asked.end(60)
        assert ipvs(pair.a) == []
        assert code == 0 and "removed its services" in said, said
        assert a.process.wait(20) == a.STAY_DOWN
        is_master(b)
        assert len(ipvs(pair.b)) == MANY * 2
    finally:
        a.close()
        b.close()


UNREACHABLE = "table ip lost { chain out { type filter hook output priority 0;\ntcp dport 8080 reject\n}\n}\n"


def test_who_serves_less_is_not_handed_to(pair, key):  # noqa: F811
    """The other node is a well backup, and reaches no backend: nobody is sent there unless it must be."""
    check = {"type": "tcp", "interval": "300ms", "interval_down": "300ms", "timeout": "200ms", "rise": 1, "fall": 2}
    text = json.loads(yaml(key)) | {"checks": {"app": check}, "services": {
        "web": service(f"{VIP4}:80", {"a": f"{C4}:8080"}, check="app")}}

    def down(d):
        return d.ctl("status")["data"][0]["services"]["down"]

    server = pair.c.serve(8080)
    try:
        with both_heard(pair, json.dumps(text)) as (a, b):
            links(a, b)
            until(lambda: not down(a) and not down(b), "both serve")
            pair.b.run("nft", "-f", "-", text=UNREACHABLE)
            try:
                until(lambda: down(b), "one does not")
                done = a.call("failover", "--wait")
                assert done.returncode == 7 and "services down or sorry: 1 there, 0 here" in done.stderr, done
                done = b.call("failover", "--wait")
                assert done.returncode == 7 and "this node would serve less" in done.stderr, done
                assert (state(a), state(b)) == ("master", "backup")
            finally:
                pair.b.run("nft", "delete", "table", "ip", "lost")
            until(lambda: not down(b), "it serves again")
            a.text("failover", "--wait")
            is_master(b)
    finally:
        server.close()


def step_clock(seconds):
    time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)


def test_clock_of_the_machine_steps_by_an_hour(pair, hmac):  # noqa: F811
    """No timer, no lease and no signature minds: nobody changes its role, no advert is late, the address stays."""
    guest_only()
    interval, slow = 1.0, slowness()
    with Wire(pair.c) as wire, Holders(pair.a, pair.b) as held, both(pair, auth=hmac, advert_interval="1s") as (a, b):
        until(lambda: held.now() == (True, False), "A has it", 20)
        moved = 0
        try:
            for seconds in (STEP, -STEP):
                sent = row(a)["sent"]
                start = time.monotonic()
                step_clock(seconds)
                moved += seconds
                wire.offset = time.monotonic() - time.time()  # the kernel dates frames by that clock
                time.sleep(5)
                assert (state(a), state(b), held.now()) == ("master", "backup", (True, False))
                assert held.nobody(start) == 0.0 and not wire.of(B4)
                found = gaps(wire.of(A4, start))
                print(f"FIGURES clock {seconds:+d}: {len(found) + 1} adverts, worst gap {max(found):.3f}")
                assert max(found) < 1.5 * interval + 0.010 * slow
                assert row(a)["sent"] >= sent + 3
            discarded = row(b).get("discarded", {})
            print(f"FIGURES clock: refused {discarded}")
            assert sum(discarded.values()) <= 2  # one on its way at each step
        finally:
            step_clock(-moved)
