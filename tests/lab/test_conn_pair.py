# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator ends on one node of a pair is ended on the other, and stays ended; what a node's own checks and file end
is not."""
import json
import os
import signal

import pytest

from conftest import Lbd, until
from flows import BACK, PORTS, VIP4, VIP6, Echo, Flows
from pair import is_backup, is_master
from steps import slowness
from test_sync import configuration, farm, in_sync, key, known, pair_of  # noqa: F401 (fixtures)
from test_sync_tap import daemons, devices

N = 6


def established(d, service):
    return [r for r in d.ctl("conn", "list", "--service", service)["data"] if r["state"] == "established"]


def test_what_is_ended_here_is_ended_there(farm, key):  # noqa: F811
    echo = Echo(farm.servers, [8080, PORTS["dr"]])
    flows = {}
    try:
        with pair_of(farm, key) as (a, b):
            flows["ends"] = Flows(farm.client, VIP4, PORTS["nat"], N)
            flows["stays"] = Flows(farm.client, VIP6, PORTS["nat"], N)
            flows["later"] = Flows(farm.client, VIP4, PORTS["dr"], N)
            known(farm.b, flows)
            assert {r["origin"] for r in established(b, "nat4")} == {"peer"}
            assert a.text("conn", "kill", "--service", "nat4", "-y").strip() == f"{N} flows ended"
            lost = flows["ends"].talk(2 + slowness())
            assert len(lost) == N, lost
            until(lambda: not established(b, "nat4"), "the other node has ended them, too")
            # the backup may end what the master forwards
            assert b.text("conn", "kill", "--service", "dr4", "-y").strip() == f"{N} flows ended"
            until(lambda: not established(a, "dr4"), "the master has ended them")
            assert len(flows["later"].talk(2 + slowness())) == N
            # nobody tells of them again
            for d in (a, b):
                d.text("sync", "resync")
            in_sync(a, b)
            assert not established(a, "nat4") and not established(a, "dr4")
            assert not established(b, "nat4") and not established(b, "dr4")
            a.text("failover", "--wait")
            is_master(b)
            assert flows["stays"].talk(20 + slowness()) == []
            assert len(flows["ends"].talk(1)) == N
            again = Flows(farm.client, VIP4, PORTS["nat"], N)
            again.close()
    finally:
        for f in flows.values():
            f.close()
        echo.close()


def cutting(key, state="enabled"):
    """state: of s11 in the file."""
    c = json.loads(configuration(key))
    s = c["services"]["nat4"] | {"protocol": ["tcp"], "check": "app", "on_fail": "cut"}
    s["backends"]["s11"] = {"address": s["backends"]["s11"], "state": state}
    return json.dumps(c | {"services": {"nat4": s}, "checks": {
        "app": {"type": "tcp", "interval": "500ms", "timeout": "1s", "fall": 2}}}, indent=1) + "\n"


def pair_of_cutting(a, b):
    a.start()
    is_master(a)
    b.start()
    is_backup(b)
    in_sync(a, b)
    for d in (a, b):
        until(lambda d=d: all(r["state"] == "up" for r in d.ctl("backend", "list")["data"]), f"{d.name}: all up", 30)


@pytest.mark.parametrize("how", ["check", "file"])
def test_what_the_backup_cuts_goes_on_at_the_master(farm, key, how):  # noqa: F811
    """It alone has lost its way to a server, or has the file in which that is in maintenance; and when the server is
    back there, it can take over what the master has kept meanwhile."""
    echo = Echo(farm.servers, [8080])
    a, b = (Lbd(n, cutting(key), name=name, user="root") for n, name in ((farm.a, "lb-a"), (farm.b, "lb-b")))
    of_s11 = lambda d: [r for r in established(d, "nat4") if r.get("backend") == "s11"]
    flows = None
    try:
        pair_of_cutting(a, b)
        flows = Flows(farm.client, VIP4, PORTS["nat"], N)
        known(farm.b, {"nat4": flows})
        assert len(of_s11(b)) == N // 2
        if how == "check":
            farm.b.ip(f"neigh replace {BACK}.11 lladdr 02:00:00:00:00:99 dev eth1 nud permanent")
        else:
            b.reload(cutting(key, "maint"))
        until(lambda: f"conn: {N // 2} flows ended" in b.log(), "the backup has cut its copies", 30 + slowness())
        assert flows.talk(20 + slowness()) == []
        assert len(established(a, "nat4")) == N and "flows ended" not in a.log()
        if how == "check":
            farm.b.ip(f"neigh del {BACK}.11 dev eth1")
        else:
            b.reload(cutting(key))
        until(lambda: len(of_s11(b)) == N // 2, "with the server the backup has them back", 30 + slowness())
        a.text("failover", "--wait")
        is_master(b)
        assert flows.talk(20 + slowness()) == []
    finally:
        if flows:
            flows.close()
        for d in (b, a):
            d.close()
        echo.close()


def test_who_takes_over_cuts_what_came_back(farm, key):  # noqa: F811
    """The master tells again of flows that the backup has cut for itself; that they are without a server there is of no
    matter, until it is that node which forwards them: then their clients hear of it, and wait for nothing."""
    echo = Echo(farm.servers, [8080])
    a, b = (Lbd(n, cutting(key), name=name, user="root") for n, name in ((farm.a, "lb-a"), (farm.b, "lb-b")))
    of_s11 = lambda d: [r for r in established(d, "nat4") if r["address"].startswith(f"{BACK}.11")]
    flows = None
    try:
        pair_of_cutting(a, b)
        flows = Flows(farm.client, VIP4, PORTS["nat"], N)
        known(farm.b, {"nat4": flows})
        farm.b.ip(f"neigh replace {BACK}.11 lladdr 02:00:00:00:00:99 dev eth1 nud permanent")
        until(lambda: f"conn: {N // 2} flows ended" in b.log(), "the backup has cut its copies", 30 + slowness())
        a.text("sync", "resync")
        until(lambda: len(of_s11(b)) == N // 2, "the master has told of them again", 30 + slowness())
        a.text("failover", "--wait")
        is_master(b)
        until(lambda: not of_s11(b), "the new master has ended them", 30 + slowness())
        lost = flows.talk(2 + slowness())
        assert len(lost) == N // 2 and "no answer" not in dict(lost).values(), lost
        assert len(established(b, "nat4")) == N // 2
        farm.b.ip(f"neigh del {BACK}.11 dev eth1")
    finally:
        if flows:
            flows.close()
        for d in (b, a):
            d.close()
        echo.close()


def test_what_the_master_has_cut_is_not_told_back(farm, key):  # noqa: F811
    """The backup has its own verdict, and keeps what the master has told. It tells that back to a new process: those clients
    are not sent to the dead server again."""
    echo = Echo(farm.servers, [8080])
    a, b = (Lbd(n, cutting(key), name=name, user="root") for n, name in ((farm.a, "lb-a"), (farm.b, "lb-b")))
    of_s11 = lambda d: [r for r in established(d, "nat4") if r["address"].startswith(f"{BACK}.11")]
    ended = f"conn: {N // 2} flows ended"
    flows = None
    try:
        pair_of_cutting(a, b)
        flows = Flows(farm.client, VIP4, PORTS["nat"], N)
        known(farm.b, {"nat4": flows})
        farm.a.ip(f"neigh replace {BACK}.11 lladdr 02:00:00:00:00:99 dev eth1 nud permanent")
        until(lambda: ended in a.log(), "the master has cut its flows", 30 + slowness())
        until(lambda: not of_s11(a), "they are gone", 30 + slowness())
        assert len(of_s11(b)) == N // 2
        os.kill({w["name"]: w["pid"] for w in a.ctl("daemon", "info")["data"][0]["workers"]}["sync"], signal.SIGKILL)
        until(lambda: a.log().count(ended) == 2, "what came back is cut once more", 60 + slowness())
        in_sync(a, b)
        until(lambda: not of_s11(a), "they are gone again", 30 + slowness())
        assert len(of_s11(b)) == N // 2 and "flows ended" not in b.log()
        lost = flows.talk(2 + slowness())
        assert len(lost) == N // 2 and "no answer" not in dict(lost).values(), lost
        farm.a.ip(f"neigh del {BACK}.11 dev eth1")
    finally:
        if flows:
            flows.close()
        for d in (b, a):
            d.close()
        echo.close()


def test_where_nothing_is_copied_the_kernel_is_left_alone_again(farm, key):  # noqa: F811
    echo = Echo(farm.servers, [8080])
    conf = json.loads(configuration(key)) | {"defaults": {"service": {"sync": "off"}}}
    d = Lbd(farm.a, json.dumps(conf) + "\n", name="lb-a", user="root")
    runs = lambda: "lbd-tap" in farm.a.run("ipvsadm", "-L", "--daemon")
    try:
        d.start()
        is_master(d)
        for last in (False, True):
            assert not runs()
            flows = Flows(farm.client, VIP4, PORTS["nat"], N)
            assert d.text("conn", "kill", "--service", "nat4", "-y").strip() == f"{N} flows ended"
            flows.close()
            if not last:  # a minute
                until(lambda: not runs(), "the daemons have gone", 120)
                assert not farm.a.run("ip", "-o", "link").count(": lbd-")
    finally:
        d.close()
        echo.close()


def test_what_a_process_left_that_did_not_end_goes(farm, key):  # noqa: F811
    """A reload after which there is no peer ends it; it hangs, and is killed with the kernel's daemons running."""
    conf = json.loads(configuration(key))
    d = Lbd(farm.a, json.dumps(conf) + "\n", name="lb-a", user="root")
    there = lambda: {w["name"]: w["pid"] for w in d.ctl("daemon", "info")["data"][0]["workers"]}
    try:
        d.start()
        is_master(d)
        until(lambda: daemons(farm.a).keys() == {"master", "backup"}, "it listens to its kernel", 30)
        del conf["cluster"]
        d.write(json.dumps(conf) + "\n")
        os.kill(there()["sync"], signal.SIGSTOP)
        d.reload()
        until(lambda: not daemons(farm.a) and not devices(farm.a), "nothing of it is left", 30)
        until(lambda: "sync" not in there(), "nor who removed it", 30)
    finally:
        d.close()


def test_somebody_elses_device_starts_nobody(farm, key):  # noqa: F811
    """It has the name of one of ours, and stays: a process that ended as it was told has left nothing."""
    conf = json.loads(configuration(key))
    d = Lbd(farm.a, json.dumps(conf) + "\n", name="lb-a", user="root")
    there = lambda: {w["name"] for w in d.ctl("daemon", "info")["data"][0]["workers"]}
    try:
        farm.a.run("ip", "link", "add", "lbd-inj", "type", "bridge")
        d.start()
        is_master(d)
        del conf["cluster"]
        d.reload(json.dumps(conf) + "\n")
        until(lambda: "sync" not in there(), "it has ended", 30)
        assert devices(farm.a) == ["lbd-inj"]
    finally:
        d.close()
