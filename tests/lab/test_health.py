# SPDX-License-Identifier: GPL-2.0-or-later
"""Who gets traffic is what the checks say: not before the first verdict, not after the last failure, and nothing of
our own (a reload, a restart, a dead worker, too few descriptors) changes it."""
import json
import os
import re
import signal
import time

import pytest

from conftest import Lbd, Load, run, until
from steps import A1, A2, A3, VIP, VIP2, Watch, backends, conf, flips, service, status, vanish, weights, worker, writes

QUICK = {"type": "tcp", "interval": "200ms", "timeout": "150ms", "rise": 2, "fall": 3}
# On a loaded machine an answer may take longer than that: our own delay must not count, but it takes time.
CALM = {"type": "tcp", "interval": "300ms", "timeout": "2s", "rise": 2, "fall": 3}
TALK = {**CALM, "send": "hello\n", "expect": "srv"}
DEBUG = ["--log-level", "debug"]


def web(check="app", checks=None, names=("srv1", "srv2"), **keys):
    addresses = {"srv1": A1, "srv2": A2, "srv3": A3}
    return conf({"web": service(f"{VIP}:80", {n: addresses[n] for n in names}, check=check, **keys)},
                checks=checks or {"app": CALM})


def probes(text, address):
    """The codes of the probes of one address, in the order they ended: ["L4OK", "L4CON", ...]"""
    return re.findall(rf"probe {re.escape(address)}: (\w+)", text)


def state_of(d, name):
    row = backends(d)[name]
    return row["state"], row["weight"]


@pytest.fixture(autouse=True)
def tidy(clean, net):
    del clean
    yield
    for s in net.servers:
        vanish(net.lb, s.ip4, gone=False)


@pytest.mark.parametrize("kind", ["blackhole", "prohibit"])
def test_a_route_that_ends_here_takes_its_backend_out(lb, srv1, srv2, client, kind):
    """IPVS would send clients into it; to a probe it is an errno that is otherwise a fault of our own."""
    srv1.serve(8080), srv2.serve(8080)
    d = Lbd(lb, web())
    try:
        d.start()
        until(lambda: weights(lb) == {A1: 1, A2: 1}, "both are up")
        lb.run("ip", "route", "add", kind, srv1.ip4)
        until(lambda: weights(lb)[A1] == 0, "srv1 is out")
        row = backends(d)["web/srv1"]
        assert (row["check"], row["check_text"]) == ("L4CON", f"no route: {kind}")
        assert {client.ask(VIP, 80).server for _ in range(6)} == {"srv2"}
        lb.run("ip", "route", "del", kind, srv1.ip4)
        until(lambda: weights(lb)[A1] == 1, "srv1 is back")
    finally:
        lb.run("ip", "route", "del", kind, srv1.ip4, check=False)
        d.close()


def test_backend_gets_traffic_only_after_its_first_passing_probe(lb, srv1, srv2, client):
    srv1.serve(8080), srv2.serve(8080)
    vanish(lb, srv2.ip4)
    d = Lbd(lb, web(checks={"app": {**CALM, "timeout": "20s"}}))
    try:
        d.start(ready=False)
        until(lambda: weights(lb).get(A1) == 1, "srv1 is up")
        assert weights(lb)[A2] == 0
        row = backends(d)["web/srv2"]
        assert (row["state"], row["weight"], row["check"], row["reasons"]) == ("unchecked", 0, "INI", ["not_checked"])
        assert d.call("wait", "daemon", "ready", "-t", "100ms").returncode == 9
        assert {client.ask(VIP, 80).server for _ in range(6)} == {"srv1"}
        vanish(lb, srv2.ip4, gone=False)
        until(lambda: weights(lb)[A2] == 1, "srv2 is up")  # the SYN of that very probe is sent again
        assert probes(d.log(), A2) == [] and "backend/web/srv2: unchecked -> up" in d.log()
        assert {client.ask(VIP, 80).server for _ in range(6)} == {"srv1", "srv2"}
    finally:
        d.close()


def test_refused_backend_is_out_after_fall_failures_and_back_after_rise(lb, srv1, srv2):
    srv1.serve(8080)
    s = srv2.serve(8080)
    with Lbd(lb, web(), args=DEBUG) as d:
        assert weights(lb) == {A1: 1, A2: 1}
        first = at = len(d.log())
        s.close()
        until(lambda: weights(lb)[A2] == 0, "srv2 is out")
        text = until(lambda: re.search(r"(?s)(.*backend/web/srv2: up -> down[^\n]*)", d.log()[at:]), "it is told").group(1)
        assert "check_failed" in text and "L4CON" in text
        codes = probes(text, A2)
        assert [c for c in codes if c != "L4OK"] == ["L4CON"] * 3, codes
        row = backends(d)["web/srv2"]
        assert (row["state"], row["weight"], row["check"], row["reason"]) == ("down", 0, "L4CON", "check_failed")
        assert status(d)["services"]["degraded"] == 1
        at = len(d.log())
        s = srv2.serve(8080)
        until(lambda: weights(lb)[A2] == 1, "srv2 is back")
        text = until(lambda: re.search(r"(?s)(.*backend/web/srv2: down -> up)", d.log()[at:]), "it is told").group(1)
        assert probes(text, A2)[-2:] == ["L4OK", "L4OK"] and probes(text, A2).count("L4OK") == 2
        assert not [f for f in flips(d.log()[first:]) if "srv1" in f]
        traced = json.loads(d.text("-j", "trace", "flip"))["data"]
        assert [r["object"] for r in traced] == [f"check/app {A2} {s}" for s in ("down", "up")]
        for row in traced:
            assert set(row["parts"]) == {"probed", "told", "waited", "planned", "kernel"}
            assert row["parts"]["kernel"] > 0 and row["parts"]["probed"] > 0
        d.reload(web(names=("srv1",)))
        assert json.loads(d.text("-j", "trace", "config"))["data"][-1]["parts"]["kernel"] > 0
        print(d.text("trace"))


def test_interval_send_expect_and_timeout(lb, srv1, srv2):
    one, two = srv1.serve(8080), srv2.serve(8080)
    with Lbd(lb, web(checks={"app": {**TALK, "interval": "500ms", "timeout": "1s"}}), args=DEBUG) as d:
        start = until(lambda: one.requests, "the first probe")[0].time
        until(lambda: one.requests[-1].time - start > 5, "five seconds have gone")
        gaps = [b.time - a.time for a, b in zip(one.requests[1:], one.requests[2:])]  # the first is at once, the next anywhere
        print("gaps between probes:", [round(g, 2) for g in gaps])
        assert 0.45 < sum(gaps) / len(gaps) < 0.75
        assert all(r.data == b"hello\n" for r in one.requests)
        two.name = "somebody else"  # what it says is not what is expected
        until(lambda: state_of(d, "web/srv2") == ("down", 0), "srv2 is down")
        assert backends(d)["web/srv2"]["check"] in ("L7RSP", "L7TOUT")
        two.name = "srv2"
        until(lambda: state_of(d, "web/srv2") == ("up", 1), "srv2 is up")
        at = len(d.log())
        two.hang = True
        until(lambda: state_of(d, "web/srv2") == ("down", 0), "srv2 is down")
        assert backends(d)["web/srv2"]["check"] == "L7TOUT"
        times = [int(us) / 1e6 for us in re.findall(rf"probe {A2}: L7TOUT.*latency=(\d+)us", d.log()[at:])]
        print("a hanging server is given up after", times)
        assert times and all(0.99 <= t < 1.6 for t in times)
        assert state_of(d, "web/srv1") == ("up", 1)


def test_dead_backend_of_three_fails_requests_only_until_its_check_trips(lb, client, srv1, srv2, srv3):
    srv1.serve(8080), srv3.serve(8080)
    s = srv2.serve(8080)
    with Lbd(lb, web(names=("srv1", "srv2", "srv3"))) as d, Load(client, VIP, 80) as load:
        load.more(20)
        assert not load.failures and len(load.per_server()) == 3
        closed = time.monotonic()
        s.close()
        until(lambda: weights(lb)[A2] == 0, "srv2 is out")
        out = time.monotonic()
        load.more(40)
        back = time.monotonic()
        srv2.serve(8080)
        until(lambda: load.per_server(since=back)["srv2"], "srv2 serves again")
        assert d.log().count("srv2: up -> down") == 1
    failed = load.failures
    print(f"{len(failed)} of {load.done} requests failed; srv2 was out after {out - closed:.2f} s")
    assert all(closed - 1 < o.start < out for o in failed)
    assert load.per_server(since=out)["srv1"] and load.per_server(since=out)["srv3"]


def test_restart_keeps_who_the_kernel_had_until_he_is_judged(lb, srv1, srv2):
    srv1.serve(8080), srv2.serve(8080)
    text = web(checks={"app": {**CALM, "timeout": "3s"}})
    with Lbd(lb, text) as d:
        assert weights(lb) == {A1: 1, A2: 1}
        d.stop()
        vanish(lb, srv2.ip4)
        start = time.monotonic()
        d.start(ready=False)
        until(lambda: d.call("daemon", "info").returncode == 0, "it answers")
        row = backends(d)["web/srv2"]
        if row["check"] == "INI":
            assert (row["state"], row["weight"], row["reasons"]) == ("up", 1, ["not_checked"])
            assert weights(lb)[A2] == 1
            assert d.call("wait", "backend/web/srv2", "up", "-t", "100ms").returncode == 9  # nobody has judged it
        until(lambda: weights(lb)[A2] == 0, "srv2 has been judged")
        assert time.monotonic() - start > 2.5  # not before its probe was over
        d.ready()
        assert writes(d) == 1 and weights(lb) == {A1: 1, A2: 0}


def test_backend_that_was_down_stays_at_weight_0_over_a_restart(lb, srv1):
    srv1.serve(8080)
    with Lbd(lb, web()) as d:
        assert weights(lb) == {A1: 1, A2: 0}
        d.stop()
        with Watch(lb) as watch:
            d.start()
            d.kill()
            d.start()
        assert {p[A2] for _, p in watch.changes} == {0} and {p[A1] for _, p in watch.changes} == {1}
        assert writes(d) == 0


def test_reload_of_the_same_check_disturbs_neither_phase_nor_state(lb, srv1, srv2):
    s = srv1.serve(8080)
    srv2.serve(8080)
    text = web(checks={"app": {**TALK, "interval": "1s"}}, names=("srv1", "srv2"))
    with Lbd(lb, text) as d:
        until(lambda: len(s.requests) >= 2, "two probes")
        at, n, start = len(d.log()), len(s.requests), time.monotonic()
        for i in range(5):
            d.reload(f"# {i}\n{text}")
        until(lambda: len(s.requests) >= n + 3, "three more probes")
        gaps = [b.time - a.time for a, b in zip(s.requests[1:], s.requests[2:])]  # the second is anywhere behind the first
        print(f"five reloads in {time.monotonic() - start:.1f} s; gaps between probes:", [round(g, 2) for g in gaps])
        assert sum(gaps) / len(gaps) > 0.8  # no probe more than there would have been
        assert max(gaps[:-1]) < 1.5 and min(gaps) > 0.5, gaps  # and each in its place: up to 10 % sooner, or as late as the machine
        assert flips(d.log()[at:]) == [] and status(d)["generation"] == 6


def test_one_target_of_two_services_is_probed_once(lb, srv1):
    s = srv1.serve(8080)
    text = conf({"web": service(f"{VIP}:80", {"a": A1}, check="app"), "api": service(f"{VIP2}:80", {"b": A1}, check="app")},
                checks={"app": {**TALK, "interval": "1s"}})
    with Lbd(lb, text) as d:
        assert d.ctl("daemon", "info")["data"][0]["targets"] == 1
        assert weights(lb) == weights(lb, f"-t {VIP2}:80") == {A1: 1}
        until(lambda: len(s.requests) >= 5, "five probes")
        # the first is at once, and the second somewhere in the interval behind it
        gaps = [b.time - a.time for a, b in zip(s.requests[1:], s.requests[2:])]
        assert min(gaps) > 0.6, gaps
        s.close()
        until(lambda: weights(lb) == weights(lb, f"-t {VIP2}:80") == {A1: 0}, "both are out")
        assert d.log().count(": up -> down (check_failed") == 2


def test_stopped_probe_worker_is_replaced_and_its_silence_means_nothing(lb, srv1):
    srv1.serve(8080)  # srv2 is down
    with Lbd(lb, web()) as d, Watch(lb) as watch:
        assert weights(lb) == {A1: 1, A2: 0}
        old, at = worker(d), len(d.log())
        assert old["up"] and old["restarts"] == 0
        start = time.monotonic()
        os.kill(old["pid"], signal.SIGSTOP)
        until(lambda: worker(d)["pid"] not in (0, old["pid"]) and worker(d)["up"], "a new worker", 20)
        print(f"replaced after {time.monotonic() - start:.2f} s")
        assert worker(d)["restarts"] == 1
        assert not os.path.exists(f"/proc/{old['pid']}")
        assert len(watch.changes) == 1 and flips(d.log()[at:]) == []
        # the new one goes on from what was known, and works
        srv1.close_servers()
        until(lambda: weights(lb)[A1] == 0, "srv1 is out")
        text = d.log()
        assert "worker/probe: ended (signal 9" in text and text.count("srv1: up -> down") == 1


def test_too_few_descriptors_are_no_verdict(lb, srv1):
    srv1.serve(8080)
    # one that talks: for one that only connects, sockets are kept, and it needs no descriptor more
    check = QUICK | {"timeout": "1s", "send": "x\n", "expect": "srv1"}
    with Lbd(lb, web(checks={"app": check}), args=DEBUG) as d, Watch(lb) as watch:
        assert weights(lb) == {A1: 1, A2: 0}
        at = len(d.log())
        run("prlimit", f"--pid={worker(d)['pid']}", "--nofile=4:4")
        until(lambda: probes(d.log()[at:], A1).count("SOCKERR") > 6 and probes(d.log()[at:], A2).count("SOCKERR") > 6,
              "more failures of our own than fall and rise")
        assert backends(d)["web/srv1"]["check"] == "SOCKERR"
        assert state_of(d, "web/srv1") == ("up", 1) and state_of(d, "web/srv2") == ("down", 0)
        run("prlimit", f"--pid={worker(d)['pid']}", "--nofile=1024:1024")
        until(lambda: backends(d)["web/srv1"]["check"] == "L7OK", "probes work again")
        assert len(watch.changes) == 1 and flips(d.log()[at:]) == []


def test_without_a_check_a_backend_is_always_up(lb):
    with Lbd(lb, conf({"web": service(f"{VIP}:80", {"srv1": A1, "srv2": A2}, check="none")})) as d:
        assert weights(lb) == {A1: 1, A2: 1}
        assert {r["check"] for r in backends(d).values()} == {"UNK"}
        assert {r["state"] for r in backends(d).values()} == {"up"}
        assert d.ctl("daemon", "info")["data"][0]["targets"] == 0


def test_changed_check_does_not_flap(lb, srv1, srv2):
    srv1.serve(8080)
    srv2.serve(8081)  # passes only the second check
    with Lbd(lb, web()) as d:
        assert weights(lb) == {A1: 1, A2: 0}
        at = len(d.log())
        with Watch(lb) as watch:
            for change in [{"interval": "400ms"}, {"fall": 5}, {"timeout": "1s"}, {"send": "x\n", "expect": "srv1"}]:
                d.reload(web(checks={"app": {**CALM, **change}}))
                assert d.call("wait", "daemon", "ready", "-t", "20s").returncode == 0
        assert {p[A1] for _, p in watch.changes} == {1} and {p[A2] for _, p in watch.changes} == {0}
        assert [f for f in flips(d.log()[at:]) if "srv1" in f] == []
        # a check that says something else does flip, after it has said so
        d.reload(web(checks={"app": {**CALM, "port": 8081}}))
        until(lambda: weights(lb) == {A1: 0, A2: 1}, "the other way round")


def test_backend_with_two_checks_needs_both(lb, srv1, srv2):
    srv1.serve(8080), srv1.serve(8081), srv2.serve(8080)
    both = {"app": CALM, "side": {**CALM, "port": 8081}}
    with Lbd(lb, web(check=["app", "side"], checks=both)) as d:
        assert weights(lb) == {A1: 1, A2: 0}
        assert backends(d)["web/srv2"]["check_name"] == "side"
        s = srv2.serve(8081)
        until(lambda: weights(lb) == {A1: 1, A2: 1}, "both pass")
        s.close()
        until(lambda: weights(lb) == {A1: 1, A2: 0}, "one fails")
