# SPDX-License-Identifier: GPL-2.0-or-later
"""
How soon a dead backend is out of the kernel, and that the change to the sorry server has no empty moment.

The bound: fall x interval until the last of `fall` probes has begun (jitter only makes it sooner), the timeout where
nobody answers, and 20 ms for ourselves on a plain machine.
"""
import time

import pytest

from conftest import Lbd, until
from steps import A1, A2, VIP, Watch, conf, service, slowness, status, weights

INTERVAL, TIMEOUT, RISE, FALL = 0.3, 0.25, 2, 3
CHECK = {"type": "tcp", "interval": "300ms", "timeout": "250ms", "rise": RISE, "fall": FALL}
# Where only the order of changes counts, a slow guest must not take a server for dead that is alive.
STEADY = {**CHECK, "timeout": "5s"}
JITTER = 0.1 * INTERVAL # at most, and only sooner
ROUNDS = 4
SORRY = "10.8.0.13:8080"


def deadline(slow):
    return FALL * INTERVAL + TIMEOUT + 0.020 * slow


def silent(node, on):
    """Packets to port 8080 of this node are lost without a word, or not any more."""
    node.run("nft", "-f", "-", text=("table inet silent {}\ndelete table inet silent\n" + (
        "table inet silent { chain in { type filter hook input priority 0; tcp dport 8080 drop; }; }\n" if on else "")))


class Refusing:
    """The port is closed, at once: an open connection ends too."""

    def __init__(self, node):
        self.node, self.server = node, node.serve(8080)

    def die(self):
        self.server.close()

    def live(self):
        self.server = self.node.serve(8080)


class Silent(Refusing):
    def die(self):
        silent(self.node, True)

    def live(self):
        silent(self.node, False)


@pytest.fixture(autouse=True)
def tidy(clean, srv2):
    del clean
    yield
    silent(srv2, False)


def since(watch, address, weight, start):
    """When the kernel was first seen with this weight of this backend after `start`; None = not yet."""
    return next((t for t, pool in list(watch.changes) if t >= start and pool.get(address) == weight), None)


@pytest.mark.parametrize("kind", [Refusing, Silent])
def test_dead_backend_is_out_of_the_kernel_in_time(lb, srv1, srv2, kind):
    srv1.serve(8080)
    slow, times = slowness(), []
    text = conf({"web": service(f"{VIP}:80", {"a": A1, "b": A2}, check="app")}, checks={"app": CHECK})
    victim = kind(srv2)
    with Lbd(lb, text, args=["--log-level", "debug"]) as d:
        for _ in range(ROUNDS):
            until(lambda: weights(lb) == {A1: 1, A2: 1}, "both are up")
            # Reading the kernel without pause would take the processor from who is measured.
            with Watch(lb) as watch:
                start = time.monotonic()
                victim.die()
                end = time.monotonic()
                until(lambda: since(watch, A2, 0, start), "srv2 is out")
                times.append(since(watch, A2, 0, start) - start)
                bound = deadline(slow) + (end - start)
            victim.live()
        log = d.log()
    print(f"{kind.__name__}: out after {[round(t, 3) for t in times]} s, allowed {bound:.3f} s, slowness {slow:.1f}")
    assert max(times) <= bound, log[-6000:]
    assert min(times) > (FALL - 1) * (INTERVAL - JITTER)  # not before it has failed `fall` times
    assert "web/a: up -> down" not in log


def sorry_conf(**keys):
    return conf({"web": service(f"{VIP}:80", {"a": A1, "b": A2}, check="app",
                                quorum={"up": 2, "on_loss": "sorry"}, sorry=SORRY, **keys)}, checks={"app": STEADY})


def serving(pool):
    return {a for a, w in pool.items() if w}


def test_sorry_server_comes_and_goes_without_an_empty_moment(lb, client, srv1, srv2, srv3):
    srv1.serve(8080), srv3.serve(8080)
    s = srv2.serve(8080)
    with Lbd(lb, sorry_conf()) as d:
        until(lambda: serving(weights(lb)) == {A1, A2}, "both are up")
        with Watch(lb) as watch:
            for _ in range(ROUNDS):
                s.close()
                until(lambda: serving(weights(lb)) == {SORRY}, "the sorry server is in")
                assert until(lambda: status(d)["services"].get("sorry") == 1, "the service is said to be sorry")
                assert {client.ask(VIP, 80).server for _ in range(4)} == {"srv3"}
                s = srv2.serve(8080)
                until(lambda: serving(weights(lb)) == {A1, A2}, "the backends are in")
                assert {client.ask(VIP, 80).server for _ in range(4)} == {"srv1", "srv2"}
        print("\n".join(str(pool) for _, pool in watch.changes))
        assert (watch.absent, watch.empty) == (0, 0)
        assert watch.looks > 50


def test_sorry_swap_by_a_reload_has_no_empty_moment(lb, srv1, srv3):
    srv1.serve(8080), srv3.serve(8080)  # b is down, so the quorum is lost
    alone = conf({"web": service(f"{VIP}:80", {"a": A1, "b": A2}, check="app")}, checks={"app": STEADY})
    with Lbd(lb, alone) as d:
        until(lambda: serving(weights(lb)) == {A1}, "a is up alone")
        with Watch(lb) as watch:
            for _ in range(2):
                d.reload(sorry_conf())
                until(lambda: serving(weights(lb)) == {SORRY}, "the sorry server is in")
                d.reload(alone)
                until(lambda: serving(weights(lb)) == {A1}, "a serves")
        assert (watch.absent, watch.empty) == (0, 0)
