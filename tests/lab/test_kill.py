# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGKILL of any of our processes at any moment, reloads going on, clients at work: they notice nothing, the dead one
is back at once, and the kernel ends as the file says."""
import os
import random
import signal
import subprocess
import time

import pytest

from conftest import Lbd, Load, until
from steps import A1, A2, A3, VIP, VIP2, Watch, conf, info, rules, service, slowness, status, worker, writes

pytestmark = pytest.mark.usefixtures("clean")

ROUNDS = int(os.environ.get("LBD_KILLS", "6"))
SEED = int(os.environ.get("LBD_SEED", "7"))
CHECK = {"app": {"type": "tcp", "interval": "500ms", "timeout": "3s", "rise": 2, "fall": 5}}
RESTART_PAUSE = 0.2  # of the service manager


def text(n):
    """Differs in weights, in a service that comes and goes, and in the scheduler of another."""
    services = {"web": service(f"{VIP}:80", {"srv1": {"address": A1, "weight": 1 + n % 3}, "srv2": {"address": A2, "weight": 2},
                                             "srv3": A3}, check="app", scheduler="wrr"),
                "other": service(f"{VIP}:81", {"a": A1}, scheduler=["rr", "wlc", "sh"][n % 3])}
    if n % 2:
        services["extra"] = service(f"{VIP2}:80", {f"b{i}": f"10.8.1.{i}:80" for i in range(1, 30)})
    return conf(services, checks=CHECK)


def wanted(n):
    """The same, as rules."""
    want = {f"-A -t {VIP}:80 -s wrr", f"-a -t {VIP}:80 -r {A1} -m -w {1 + n % 3}", f"-a -t {VIP}:80 -r {A2} -m -w 2",
            f"-a -t {VIP}:80 -r {A3} -m -w 1", f"-A -t {VIP}:81 -s {['rr', 'wlc', 'sh -b sh-fallback'][n % 3]}", f"-a -t {VIP}:81 -r {A1} -m -w 1"}
    if n % 2:
        want |= {f"-A -t {VIP2}:80 -s rr"} | {f"-a -t {VIP2}:80 -r 10.8.1.{i}:80 -m -w 1" for i in range(1, 30)}
    return want


@pytest.fixture
def servers(net):
    return [s.serve(8080) for s in net.servers]


def limit(d):
    """Back within a second, on a machine like this one: some programs start, ours and lbctl that looks."""
    start = time.monotonic()
    status(d)
    return max(1.0, 0.1 * slowness()) + 5 * (time.monotonic() - start)


def answers(d):
    return d.call("daemon", "info").returncode == 0


def test_core_killed_at_random_moments_during_reloads(lb, client, servers):
    del servers
    dice, slow = random.Random(SEED), slowness()
    took, running = [], 0
    print(f"seed {SEED}, slowness {slow:.1f}")
    with Lbd(lb, text(0), supervise=True) as d, Watch(lb) as watch, Load(client, VIP, 80) as load:
        with client.connect(VIP, 80) as c:
            c.ask()
            most = limit(d)
            for n in range(1, ROUNDS + 1):
                load.more(dice.randint(1, 6))
                d.write(text(n))
                with lb:
                    ctl = subprocess.Popen([d.lbctl, "--socket", f"{d.run_dir}/control.sock", "daemon", "reload"],
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                # the moment: somewhere between before the request and after the answer
                moment = time.monotonic() + dice.random() * 0.03 * slow
                until(lambda: time.monotonic() >= moment, "the moment", every=0.001)
                starts = d.starts
                d.kill()
                killed = time.monotonic()
                until(lambda: d.starts > starts and answers(d), "the core answers again")
                took.append(time.monotonic() - killed - RESTART_PAUSE)
                running += ctl.wait(20) == 0
                until(lambda: rules(lb) == wanted(n), f"the kernel is as file {n} says")
                c.ask()
            load.more(10)
    print(f"{load.done} requests; back after {min(took):.2f} .. {max(took):.2f} s (limit {most:.2f}); {running} reloads were done before the kill")
    assert load.failures == []
    assert watch.absent == 0 and watch.empty == 0
    assert max(took) < most


def test_core_and_probe_killed_by_turns(lb, client, servers):
    del servers
    dice = random.Random(SEED + 1)
    took = []
    print(f"seed {SEED + 1}")
    with Lbd(lb, text(0), supervise=True) as d, Watch(lb) as watch, Load(client, VIP, 80) as load:
        most = limit(d)
        for n in range(ROUNDS):
            load.more(dice.randint(1, 6))
            if n % 3 == 2:
                d.kill()  # also gives the next worker a fresh start
                d.ready()
            old = until(lambda: worker(d)["up"] and worker(d), "a worker")
            os.kill(old["pid"], signal.SIGKILL)
            killed = time.monotonic()
            until(lambda: worker(d)["up"] and worker(d)["pid"] != old["pid"], "a new worker")
            took.append(time.monotonic() - killed)
        load.more(10)
        assert status(d)["ready"] and rules(lb) == wanted(0)
        log = d.log()
    print(f"{load.done} requests; a worker was back after {min(took):.2f} .. {max(took):.2f} s (limit {most:.2f})")
    assert load.failures == []
    assert {tuple(sorted(p.items())) for _, p in watch.changes} == {tuple(sorted({A1: 1, A2: 2, A3: 1}.items()))}
    assert max(took) < most
    assert "up -> down" not in log and log.count("worker/probe: ended (signal 9") == ROUNDS


def test_core_that_stays_dead_leaves_the_kernel_forwarding(lb, client, servers):
    del servers
    with Lbd(lb, text(1)) as d:
        probe = worker(d)["pid"]
        d.kill()
        assert rules(lb) == wanted(1)
        until(lambda: not os.path.exists(f"/proc/{probe}"), "the worker ends with the core", 10)
        assert len({client.ask(VIP, 80).server for _ in range(8)}) == 3
        # the file changes meanwhile: the next start does the difference and no more
        d.write(text(2))
        d.start()
        until(lambda: rules(lb) == wanted(2), "the kernel is as the file says")
        assert info(d)["generation"] == 2
        assert writes(d) == 3  # one weight, one scheduler, one service removed


def test_sigterm_ends_everything_in_order(lb, servers):
    del servers
    with Lbd(lb, text(0)) as d:
        probe = worker(d)["pid"]
        assert d.stop() == 0
        assert not os.path.exists(f"/proc/{probe}")
        assert rules(lb) == wanted(0)
        assert os.listdir(d.run_dir) == []
