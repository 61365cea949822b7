# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel becomes what the file says, by the smallest change, and stays so; what is not ours is not touched."""
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from conftest import Lbd, Node, ipvs, kernel_release, until
from pair import state
from steps import (A1, A2, A3, FOREIGN, FOREIGN_SET, NOWHERE, RULES, VIP, VIP2, Kernel, Watch, backends, conf, guest_only,
                   info, lines, rules, service, settled, slowness, status, two, weights, writes)

REPAIR_SECONDS = 2.0
A4 = "10.8.0.13:80"  # the port of the listener, which ipvsadm wants for anything but NAT


@pytest.fixture(autouse=True)
def tidy(request):
    """A class brings its own daemon, which lives as long as the class."""
    if request.cls is None:
        request.getfixturevalue("clean")


def block_modules(blocked):
    """While blocked, the kernel cannot load a module by itself."""
    with open("/proc/sys/kernel/modprobe", "w", encoding="ascii") as f:
        f.write("/bin/false" if blocked else "/sbin/modprobe")


def unload(name):
    """Removes a module; skips where something else uses it."""
    guest_only()
    if os.path.exists(f"/sys/module/{name}"):
        done = subprocess.run(["rmmod", name], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"module {name} is in use: {done.stderr.strip()}")


# ---------------------------------------------------------------- IPVS itself

def test_ipvs_absent_is_an_alarm_and_heals_when_it_comes(lb):
    guest_only()
    d = Lbd(lb, conf(two()))
    try:
        for name in [n for n in os.listdir("/sys/module") if n.startswith("ip_vs_")] + ["ip_vs"]:
            unload(name)
        block_modules(True)
        d.start(ready=False)
        until(lambda: d.call("daemon", "info").returncode == 0, "the daemon answers")
        assert "has no IPVS" in d.log()
        assert d.call("status", "--check").returncode == 1
        assert any("modprobe ip_vs" in a for a in status(d)["alarms"])
        assert d.call("wait", "daemon", "ready", "-t", "200ms").returncode == 9
        done = d.call("service", "stats")
        assert done.returncode == 8 and "modprobe ip_vs" in done.stderr
        block_modules(False)
        subprocess.run(["modprobe", "ip_vs"], check=True)
        until(lambda: rules(lb) == lines(RULES), "the rules are there", 15)
        d.ready()
        assert status(d)["alarms"] == [] and d.log().count("kernel: this kernel has no IPVS") == 1
    finally:
        block_modules(False)
        subprocess.run(["modprobe", "ip_vs"], check=True)
        d.close()


def test_ipvs_that_is_unloaded_and_loaded_again_is_found_without_a_restart(lb):
    """Its family of netlink has another number then."""
    guest_only()
    with Lbd(lb, conf({})) as d:
        for name in [n for n in os.listdir("/sys/module") if n.startswith("ip_vs_")] + ["ip_vs"]:
            unload(name)
        subprocess.run(["modprobe", "ip_vs"], check=True)
        d.write(conf(two()))
        d.call("daemon", "reload")
        until(lambda: rules(lb) == lines(RULES), "the rules are there", 15)
        until(lambda: status(d)["alarms"] == [], "all is well", 15)
        assert "refused by the kernel" not in d.log()


# ---------------------------------------------------------------- start

RICH = {
    "web": service([f"{VIP}:80", f"{VIP}:443"], {"app1": {"address": "10.8.0.11", "weight": 3, "max_connections": 100,
                                                          "resume_below": 50}, "app2": "10.8.0.12"},
                   scheduler={"name": "mh", "flags": ["mh-port", "mh-fallback"]},
                   persistence={"timeout": "90s", "mask4": 24}),
    "six": service("[fd09::100]:80", {"b": "fd08::11"}, mode="dr", persistence={"timeout": "60s", "mask6": 64}),
    "dns": service(f"{VIP}:53", {"b": {"address": "10.8.0.11", "weight": 0}}, protocol="udp", one_packet=True),
    "mark": {"fwmark": 7, "family": "ipv4", "mode": "tun", "scheduler": "sh", "check": "none",
             "backends": {"a": "10.8.0.11", "b": "10.8.0.12"}},
    "gue": service(f"{VIP2}:80", {"b": "10.8.0.13"}, mode="tun", tunnel={"type": "gue", "port": 6080}),
}


CONTAINED = """#!/bin/bash
# As in a container without rights on the host: a user namespace, and a network that belongs to it.
(
    until [[ $(readlink /proc/$$/ns/user) != "$(readlink /proc/self/ns/user)" ]]; do sleep 0.05; done
    for map in uid_map gid_map; do echo 0 0 65536 >/proc/$$/$map; done
) &
exec unshare --user --net sh -c '
    until grep -q . /proc/self/uid_map && grep -q . /proc/self/gid_map; do sleep 0.05; done
    ip link set lo up && ip link add eth0 type veth peer name eth1 && ip link set eth0 up && ip link set eth1 up &&
        ip addr add 10.7.0.1/24 dev eth0 && exec "$@"' sh {program} "$@"
"""


def test_ipvs_that_may_not_be_used_has_no_service_up(lb):
    wan = {"interface": "eth0", "vrid": 51, "priority": 150, "addresses": ["10.7.0.9/24"], "track": [{"services_up": 1}]}
    d = Lbd(lb, conf(two(), vrrp={"wan": wan}), user="root")
    try:
        path = os.path.join(d.dir, "contained")
        with open(path, "w", encoding="utf-8") as f:
            f.write(CONTAINED.replace("{program}", d.program))
        os.chmod(path, 0o755)
        d.program = path
        d.start(ready=False)
        until(lambda: state(d) == "fault", "it is at fault", 60)
        assert "kernel: not permitted" in d.log()
        assert d.ctl("vrrp", "show", "wan")["data"][0]["cause"] == "track:services_up"
    finally:
        d.close()


def test_start_adopts_what_is_there_without_a_write(lb, client, srv1, srv2):
    srv1.serve(8080), srv2.serve(8080)
    lb.run("ipvsadm", "-R", text=RULES + FOREIGN)
    with client.connect(VIP, 80) as c:
        c.ask()
        with Lbd(lb, conf(two())) as d:
            assert writes(d) == 0
            assert rules(lb) == lines(RULES) | FOREIGN_SET
            assert info(d)["kernel_services"] == 1 and info(d)["foreign_services"] == 1
            c.ask()
            assert d.stop() == 0
            assert rules(lb) == lines(RULES) | FOREIGN_SET  # stop leaves the kernel as it is
            c.ask()


def test_start_adopts_every_kind_of_rule_without_a_write(lb):
    with Lbd(lb, conf(RICH)) as d:
        saved = ipvs(lb)
        assert len(saved) == 15
        assert writes(d) == 15
        d.stop()
        lb.run("ipvsadm", "-C")
        # ipvsadm does not save thresholds
        lb.run("ipvsadm", "-R", text="".join(f"{r} -x 100 -y 50\n" if r.endswith("-m -w 3") else f"{r}\n" for r in saved))
        d.start()
        assert writes(d) == 0
        assert rules(lb) == set(saved)


def test_start_over_a_partly_different_kernel_writes_the_difference(lb):
    lb.run("ipvsadm", "-R", text=f"-A -t {VIP}:80 -s rr\n-a -t {VIP}:80 -r {A1} -m -w 5\n-a -t {VIP}:80 -r {A3} -m -w 1\n")
    with Lbd(lb, conf(two())) as d:
        assert rules(lb) == lines(RULES)
        assert writes(d) == 3  # one weight, one added, one removed


def test_service_that_left_the_file_while_the_daemon_was_down_goes_and_a_foreign_one_stays(lb):
    services = two()
    services["api"] = service(f"{VIP2}:80", {"b": A3})
    with Lbd(lb, conf(services)) as d:
        assert len(rules(lb)) == 5
        d.kill()
        lb.run("ipvsadm", "-R", text=FOREIGN)
        d.write(conf(two()))
        d.start()
        until(lambda: rules(lb) == lines(RULES) | FOREIGN_SET, "the left-over service is gone")
        assert writes(d) == 1


# ---------------------------------------------------------------- reload

def test_record_of_what_is_ours_does_not_grow_with_reloads(lb):
    """It is written anew, and still has what a start needs."""
    net, slack = "fd09:1111:2222:3333:4444:5555:6666", 64 << 10
    many = conf({f"s{i}": service(f"[{net}:{i:x}]:80", {"b": "fd08::11"}, mode="dr") for i in range(200)})
    with Lbd(lb, conf({})) as d:
        path = os.path.join(d.state_dir, "owned")
        for _ in range(5):
            d.reload(many)
            d.reload(conf({}))
        assert 5 * 200 * 2 * len(f"+[{net}:10]:80/tcp") > slack
        until(lambda: os.path.getsize(path) < slack, "it is short again", 10)
        d.reload(many)
        lb.run("ipvsadm", "-R", text=FOREIGN)
        d.stop()
        d.write(conf({}))
        d.start()
        until(lambda: rules(lb) == FOREIGN_SET, "ours are gone, theirs is not", 20)


def test_reload_applies_the_difference_and_nothing_else(lb, client, srv1, srv2):
    srv1.serve(8080), srv2.serve(8080)
    services = two()
    with Lbd(lb, conf(services)) as d, client.connect(VIP, 80) as c, client.connect(VIP, 80) as other:
        if c.ask().server != "srv1":  # srv1 stays until the end
            c, other = other, c
        assert c.ask().server == "srv1"
        before = [writes(d)]

        def step(what, expected):
            answer = d.ctl("daemon", "reload")
            now = writes(d)
            assert now - before[0] == expected, (what, answer, ipvs(lb))
            before[0] = now
            c.ask()
            return answer

        assert "nothing changed" in step("no change", 0)["message"]
        d.write("# a comment\n" + conf(services))
        step("only a comment", 0)
        services["web"]["backends"]["app2"] = {"address": A2, "weight": 7}
        d.write(conf(services))
        step("one weight", 1)
        assert weights(lb) == {A1: 1, A2: 7}
        services["api"] = service(f"{VIP2}:80", {"b1": A1, "b2": A2})
        d.write(conf(services))
        answer = step("a service with two backends", 3)
        assert "3 kernel writes" in answer["message"] and answer["summary"] == {"add": 3, "change": 0, "remove": 0} or \
            answer["summary"]["add"] >= 1
        kernel = Kernel(lb, VIP, 80)
        services["web"]["scheduler"] = "wrr"
        d.write(conf(services))
        step("the scheduler, in place", 1)
        assert kernel.scheduler() == "wrr"
        kernel.close()
        services["web"]["persistence"] = "60s"
        d.write(conf(services))
        step("persistence, in place", 1)
        assert f"-A -t {VIP}:80 -s wrr -p 60" in rules(lb)
        del services["api"]
        d.write(conf(services))
        step("a service removed", 1)
        services["web"]["backends"]["app3"] = A3
        del services["web"]["backends"]["app2"]
        d.write(conf(services))
        step("one added, one removed", 2)
        assert weights(lb) == {A1: 1, A3: 1}
        assert f"-A -t {VIP}:80 -s wrr -p 60" in rules(lb) and len(rules(lb)) == 3


def test_listener_that_moves_to_another_service_is_never_absent(lb, client, srv1, srv2):
    srv1.serve(8080), srv2.serve(8080)
    here = conf({"web": service([f"{VIP}:80", f"{VIP}:81"], {"a": A1}), "api": service(f"{VIP}:82", {"b": A2})})
    there = conf({"web": service(f"{VIP}:81", {"a": A1}), "api": service([f"{VIP}:82", f"{VIP}:80"], {"b": A2})})
    with Lbd(lb, here) as d:
        with Watch(lb) as watch:
            for text, backend in [(there, A2), (here, A1)] * 4:
                at = writes(d)
                d.reload(text)
                assert weights(lb) == {backend: 1}
                assert writes(d) - at == 2
        assert watch.absent == 0 and watch.empty == 0
        assert len(watch.changes) >= 8  # it was looking while they moved
        assert watch.looks > 100


def test_replacing_every_backend_never_leaves_the_pool_empty(lb):
    def text(n):
        return conf({"web": service(f"{VIP}:80", {f"b{n}-{i}": f"10.8.{n}.{i + 1}:8080" for i in range(20)}),
                     "one": service(f"{VIP2}:80", {f"b{n}": f"10.8.{n}.1:80"})})
    with Lbd(lb, text(1)) as d:
        with Watch(lb) as many, Watch(lb, VIP2) as one:
            for n in [2, 1] * 4:
                d.reload(text(n))
        assert many.absent == many.empty == one.absent == one.empty == 0
        assert len(many.changes) > 4 and len(one.changes) > 4  # a busy machine lets it miss some
        assert len(weights(lb)) == 20 and len(weights(lb, f"-t {VIP2}:80")) == 1


# ---------------------------------------------------------------- drift

OURS = {f"-A -t {VIP}:80 -s rr -p 90", f"-a -t {VIP}:80 -r {A1} -m -w 1", f"-a -t {VIP}:80 -r {A2} -m -w 1",
        f"-A -t {VIP2}:80 -s rr", f"-a -t {VIP2}:80 -r {A4} -m -w 1"}

DRIFT = [
    ("weight", f"-e -t {VIP}:80 -r {A1} -m -w 9"),
    ("method", f"-e -t {VIP2}:80 -r {A4} -g -w 1"),
    ("thresholds", f"-e -t {VIP}:80 -r {A1} -m -w 1 -x 9 -y 3"),
    ("backend_deleted", f"-d -t {VIP}:80 -r {A1}"),
    ("backend_added", f"-a -t {VIP}:80 -r {NOWHERE} -m -w 4"),
    ("scheduler", f"-E -t {VIP}:80 -s sh -p 90"),
    ("persistence", f"-E -t {VIP}:80 -s rr -p 91"),
    ("persistence_gone", f"-E -t {VIP}:80 -s rr"),
    ("netmask", f"-E -t {VIP}:80 -s rr -p 90 -M 255.255.255.0"),
    ("service_deleted", f"-D -t {VIP}:80"),
    ("everything", "-C"),
]


class TestDrift:
    """One daemon for all repairs, with something foreign beside it."""

    @pytest.fixture(scope="class")
    def d(self, net):
        net.lb.run("ipvsadm", "-C")
        net.lb.run("ipvsadm", "-R", text=FOREIGN)
        with Lbd(net.lb, conf({"web": service(f"{VIP}:80", {"app1": A1, "app2": A2}, persistence="90s"),
                               "api": service(f"{VIP2}:80", {"b": A4})})) as d:
            yield d

    @pytest.mark.parametrize("what, command", DRIFT, ids=[what for what, _ in DRIFT])
    def test_is_repaired_within_two_seconds(self, d, lb, what, command):
        until(lambda: rules(lb) == OURS | FOREIGN_SET, "all is well before", 5)
        before, at = info(d), len(d.log())
        start = time.monotonic()
        lb.run("ipvsadm", *command.split())
        after = OURS if command == "-C" else OURS | FOREIGN_SET  # what is not ours is not recreated
        kernel = Kernel(lb, VIP, 80)
        until(lambda: "the kernel differs" in d.log()[at:] and kernel.there(), "the drift is seen", 10, every=0.01)
        until(lambda: rules(lb) == after, "ours are back", 10, every=0.01)
        took = time.monotonic() - start
        kernel.close()
        slow = slowness()
        print(f"{what}: repaired after {took:.2f} s, slowness {slow:.1f}")
        assert took < REPAIR_SECONDS * max(1.0, slow / 10)
        now = info(d)
        assert now["repairs"] - before["repairs"] == (2 if command == "-C" else 1)
        assert now["kernel_writes"] - before["kernel_writes"] == {"service_deleted": 3, "everything": 5}.get(what, 1)
        if command == "-C":
            lb.run("ipvsadm", "-R", text=FOREIGN)

    def test_is_told_by_kernel_diff_and_mended_by_kernel_repair(self, d, lb):
        until(lambda: status(d)["foreign_services"] == 1, "the foreign service is seen", 5)
        done = d.call("kernel", "diff")
        assert done.returncode == 0 and "as it should be" in done.stdout
        assert "10.9.0.104:5353" in done.stdout and "not ours" in done.stdout

        def seen():
            lb.run("ipvsadm", "-e", "-t", f"{VIP}:80", "-r", A1, "-m", "-w", "9")
            done = d.call("kernel", "diff")
            return done if done.returncode == 1 else None
        done = until(seen, "a difference is told")
        assert f"{VIP}:80" in done.stdout and A1 in done.stdout and "1 to change" in done.stdout
        lb.run("ipvsadm", "-d", "-t", f"{VIP}:80", "-r", A2, check=False)
        start = time.monotonic()
        assert d.call("kernel", "repair").returncode == 0
        assert OURS <= rules(lb)
        print(f"kernel repair: {time.monotonic() - start:.2f} s")
        assert d.call("kernel", "diff").returncode == 0


def test_a_repair_is_answered_when_the_kernel_has_everything(lb):
    """It goes in slices, and many of them: what the answer says is true all the same."""
    many = {f"s{i}": service(f"10.7.{i // 200}.{i % 200 + 1}:80", {"a": A1, "b": A2, "c": A3, "d": A4}) for i in range(400)}
    with Lbd(lb, conf(many)) as d:
        whole = rules(lb)
        assert len(whole) == 2000
        for _ in range(3):
            lb.run("ipvsadm", "-C")
            answer = d.call("kernel", "repair")
            assert rules(lb) == whole
            assert answer.returncode == 0, answer
        lb.run("ipvsadm", "-D", "-t", "10.7.0.7:80")
        lb.run("ipvsadm", "-D", "-t", "10.7.1.7:80")
        said = d.call("kernel", "repair")
        assert rules(lb) == whole and said.returncode == 0, said


class Thief:
    """Whoever takes the processor away, in the middle of whatever is done."""

    def __init__(self, pid):
        self.pid, self.over = pid, threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        while not self.over.is_set():
            os.kill(self.pid, signal.SIGSTOP)
            time.sleep(0.06)
            os.kill(self.pid, signal.SIGCONT)
            self.over.wait(0.005)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *exc):
        self.over.set()
        self.thread.join()


def test_a_machine_that_lets_it_wait_is_looked_at_no_less(lb):
    """The pause between two looks is many times what the look has cost, not what it has waited."""
    services = {f"s{i}": service(f"{VIP}:{1000 + i}", {"b": NOWHERE}) for i in range(800)}

    def of_two(d):
        start, audits = time.monotonic(), info(d)["audits"]
        until(lambda: info(d)["audits"] >= audits + 3, "two whole audits", 120, every=0.05)
        return time.monotonic() - start

    with Lbd(lb, conf(services)) as d:
        alone = of_two(d)
        with Thief(info(d)["pid"]):
            robbed = of_two(d)
    print(f"two audits of {len(services)} services: {alone:.1f} s, robbed {robbed:.1f} s")
    assert robbed < 3 * alone


# ---------------------------------------------------------------- not ours

def test_foreign_services_are_never_touched_and_flush_removes_ours_only(lb):
    lb.run("ipvsadm", "-R", text=FOREIGN)
    services = two()
    with Lbd(lb, conf(services), supervise=True) as d:
        assert rules(lb) == lines(RULES) | FOREIGN_SET
        assert status(d)["foreign_services"] == 1
        services["web"]["backends"]["app3"] = A3
        d.reload(conf(services))
        assert FOREIGN_SET < rules(lb) and len(rules(lb)) == 7
        assert d.call("kernel", "repair").returncode == 0
        lb.run("ipvsadm", "-e", "-t", f"{VIP}:80", "-r", A1, "-m", "-w", "9")
        until(lambda: weights(lb)[A1] == 1, "repaired", 5)
        # somebody else changes his own: that is his business
        lb.run("ipvsadm", "-e", "-u", "10.9.0.104:5353", "-r", "10.8.0.13:5300", "-m", "-w", "8")
        audits = info(d)["audits"]
        until(lambda: info(d)["audits"] > audits + 1, "two more audits")
        theirs = {line.replace("-w 9", "-w 8") for line in FOREIGN_SET}
        assert theirs < rules(lb)
        assert d.call("daemon", "stop", "--flush", "-y").returncode == 0
        until(lambda: d.process.poll() is not None, "the daemon has ended")
        assert d.process.returncode == Lbd.STAY_DOWN
        assert rules(lb) == theirs
        assert d.starts == 1


def test_restart_writes_nothing_and_connections_go_on(lb, client, srv1, srv2):
    srv1.serve(8080), srv2.serve(8080)
    with Lbd(lb, conf(two()), supervise=True) as d, client.connect(VIP, 80) as c:
        c.ask()
        pid = info(d)["pid"]
        assert d.call("daemon", "restart", "--wait=20s", "-y").returncode == 0
        assert info(d)["pid"] != pid and writes(d) == 0 and d.starts == 2
        assert rules(lb) == lines(RULES)
        c.ask()


def test_hashed_clients_get_another_server_while_theirs_drains(lb, client, srv1, srv2):
    srv1.serve(8080), srv2.serve(8080)
    without = conf(two(scheduler={"name": "mh", "flags": "off"})).replace('"off"', "off")
    with Lbd(lb, without) as d, client.connect(VIP, 80) as c:
        server = c.ask().server
        before = writes(d)
        d.reload(conf(two(scheduler="mh")))  # in place: the connection goes on
        assert writes(d) - before == 1 and f"-A -t {VIP}:80 -s mh -b mh-fallback" in rules(lb)
        assert c.ask().server == server
        d.ctl("backend", "drain", "web/app1" if server == "srv1" else "web/app2")
        settled(d)
        with client.connect(VIP, 80) as other:
            assert other.ask().server != server
        assert c.ask().server == server


# ---------------------------------------------------------------- refused by the kernel

def refused_then_healed(d, node, heal, why, objects, good):
    """`objects` are refused with `why`, `good` listeners are served all the same; after heal() all is well."""
    assert good <= rules(node)
    log = d.log()
    assert why in log and "refused by the kernel" in log
    s = status(d)
    assert any("kernel_refused" in a for a in s["alarms"]), s
    told = {f["object"] for f in s["findings"] if why in f["text"]}
    assert told == objects, s["findings"]
    assert d.call("status", "--check").returncode == 1
    refusals = info(d)["kernel_refusals"]
    until(lambda: info(d)["kernel_refusals"] > refusals, "it is tried again", 10)
    heal()
    until(lambda: status(d)["alarms"] == [], "the alarm is over", 20)
    assert d.call("kernel", "diff").returncode == 0


def test_unknown_scheduler_is_reported_the_rest_goes_on_and_it_heals(lb):
    unload("ip_vs_nq")
    try:
        block_modules(True)
        services = two()
        with Lbd(lb, conf(services)) as d:
            services["odd"] = service(f"{VIP2}:80", {"b1": A1, "b2": A2}, scheduler="nq")
            services["even"] = service(f"{VIP2}:81", {"b": A2})
            d.write(conf(services))
            done = d.call("-j", "daemon", "reload")
            assert done.returncode == 8 and "the kernel refused 1" in done.stderr, done
            told = [r for r in json.loads(done.stdout)["data"] if r["op"] == "refused"]
            assert [r["object"] for r in told] == ["service/odd"] and "no scheduler 'nq'" in told[0]["note"]
            row = [r for r in d.ctl("service", "list")["data"] if r["service"] == "odd"][0]
            assert row["status"] == "down" and row["reasons"] == ["kernel_refused"]
            assert backends(d)["odd/b1"]["reasons"] == ["kernel_refused"]
            good = lines(RULES) | {f"-A -t {VIP2}:81 -s rr", f"-a -t {VIP2}:81 -r {A2} -m -w 1"}
            refused_then_healed(d, lb, lambda: block_modules(False), "no scheduler 'nq'", {"service/odd"}, good)
            assert rules(lb) == good | {f"-A -t {VIP2}:80 -s nq", f"-a -t {VIP2}:80 -r {A1} -m -w 1",
                                        f"-a -t {VIP2}:80 -r {A2} -m -w 1"}
            assert backends(d)["odd/b1"]["state"] == "up"
    finally:
        block_modules(False)


def test_refused_service_that_left_the_file_is_not_ours_when_others_make_it(lb):
    unload("ip_vs_nq")
    try:
        block_modules(True)
        services = two()
        services["odd"] = service(f"{VIP2}:80", {"b": A1}, scheduler="nq")
        with Lbd(lb, conf(two())) as d:
            d.write(conf(services))
            assert d.call("daemon", "reload").returncode == 8
            d.reload(conf(two()))
            others = f"-A -t {VIP2}:80 -s rr"
            lb.run("ipvsadm", "-R", text=others + "\n")
            d.stop()
            d.start()
            assert info(d)["foreign_services"] == 1 and rules(lb) == lines(RULES) | {others}
    finally:
        block_modules(False)


def test_refused_replacement_leaves_the_backend_that_is_there(lb):
    services = two()
    del services["web"]["backends"]["app2"]
    with Lbd(lb, conf(services)) as d:
        services["web"]["backends"] = {"b": "10.8.0.255:8080"}  # a broadcast address
        d.write(conf(services))
        done = d.call("daemon", "reload")
        assert done.returncode == 8 and "the kernel refused 1" in done.stderr, done
        assert weights(lb) == {A1: 1}
        assert backends(d)["web/b"]["reasons"] == ["kernel_refused"]
        assert any("kernel_refused" in a for a in status(d)["alarms"])
        refusals = info(d)["kernel_refusals"]
        until(lambda: info(d)["kernel_refusals"] > refusals, "it is tried again", 10)
        assert weights(lb) == {A1: 1}
        services["web"]["backends"] = {"b": A2}
        before = writes(d)
        d.reload(conf(services))
        assert weights(lb) == {A2: 1} and writes(d) - before == 2
        assert status(d)["alarms"] == []


@pytest.mark.skipif(kernel_release() >= (6, 5), reason="this kernel has the scheduler twos")
def test_scheduler_that_only_newer_kernels_have_says_so(lb):
    services = two()
    services["new"] = service(f"{VIP2}:80", {"b1": A1}, scheduler="twos")
    with Lbd(lb, conf(services)) as d:
        assert rules(lb) == lines(RULES)
        assert "no scheduler 'twos'" in d.log() and "or later" in d.log()
        services["new"]["scheduler"] = "rr"
        d.reload(conf(services))
        assert status(d)["alarms"] == []
        assert f"-A -t {VIP2}:80 -s rr" in rules(lb)


def test_refused_backends_are_reported_each_and_heal_when_lo_comes_up():
    subprocess.run(["ip", "netns", "add", "bare"], check=True)
    bare = Node("bare")
    bare.sysctl("net.ipv4.ip_forward", 1)  # or there would be an alarm of that, too
    try:
        with Lbd(bare, conf({"web": service(f"{VIP}:80", {"a": A1, "b": A2}), "api": service(f"{VIP2}:80", {"c": A3})})) as d:
            assert "-a" not in " ".join(ipvs(bare))
            rows = backends(d)
            assert {n: r["reason"] for n, r in rows.items()} == dict.fromkeys(["web/a", "web/b", "api/c"], "kernel_refused")
            assert {r["state"] for r in rows.values()} == {"down"}
            refused_then_healed(d, bare, lambda: bare.run("ip", "link", "set", "lo", "up"), "lo must be up",
                                {"service/web", "service/api"}, {f"-A -t {VIP}:80 -s rr", f"-A -t {VIP2}:80 -s rr"})
            assert len(rules(bare)) == 5
            assert {r["state"] for r in backends(d).values()} == {"up"}
    finally:
        os.close(bare.fd)
        subprocess.run(["ip", "netns", "del", "bare"], check=True)
