# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that is told of each change of a VRRP instance: in order, one at a time, and whatever it does."""
import contextlib
import json
import os
import shutil
import signal
import tempfile
import time

import pytest

from conftest import until
from pair import A4, B4, Wire, config, is_backup, is_master, lone, pair, state
from steps import slowness

INTERVAL = 0.1


class Place:
    """Programs where only root writes, and a directory where everybody does."""

    def __init__(self):
        self.programs = tempfile.mkdtemp(prefix="lbd-", dir="/run")
        self.told = tempfile.mkdtemp(prefix="lbd-told-")
        os.chmod(self.programs, 0o755)
        os.chmod(self.told, 0o1777)
        self.number = f"7{os.getpid()}"  # of seconds that nobody else sleeps

    def program(self, name, more="", mode=0o755):
        path = os.path.join(self.programs, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\necho "$*" >>{self.told}/{name}\n{more}\n')
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)
        return path

    def hangs(self, name, on):
        """With a child in its group and one in a session of its own."""
        n = self.number
        return self.program(name, f"[ $4 = {on} ] || exit 0\ntrap '' TERM\nsleep {n} &\nsetsid sleep {n} &\nsleep {n}")

    def lines(self, name):
        with contextlib.suppress(FileNotFoundError):
            with open(os.path.join(self.told, name), encoding="utf-8") as f:
                return f.read().splitlines()
        return []

    def sleepers(self):
        found = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    found += f.read().split(b"\0")[:2] == [b"sleep", self.number.encode()]
        return found

    def close(self):
        shutil.rmtree(self.programs)
        shutil.rmtree(self.told)


@pytest.fixture
def place():
    p = Place()
    yield p
    p.close()


def hooked(prio, path, timeout="10s", **keys):
    c = json.loads(config(prio, **keys))
    c["hooks"] = {"state": {"path": path, "timeout": timeout}}
    return json.dumps(c)


@contextlib.contextmanager
def single(node, yaml, name="lb-a"):
    d = lone(node, yaml, name).start(ready=False)
    try:
        yield d
    finally:
        d.close()


def workers(d):
    return {r["name"]: r for r in d.ctl("daemon", "info")["data"][0]["workers"]}


def alarms(d):
    return [x for x in d.ctl("status")["data"][0]["alarms"] if x.startswith("hook_failed: ")]


def told(place, name, want):
    """Exactly these, in this order."""
    until(lambda: len(place.lines(name)) >= len(want), f"{name} is told of {len(want)} changes")
    assert place.lines(name) == [f"vrrp wan {line}" for line in want]


def test_each_change_in_its_order(pair, place):
    a_said = ["init backup started 150 lb-a", "backup master no_advert 150 lb-a"]
    b_said = ["init backup started 100 lb-b"]
    with single(pair.a, hooked(150, place.program("a"))) as a:
        is_master(a)
        told(place, "a", a_said)
        with single(pair.b, hooked(100, place.program("b")), "lb-b") as b:
            is_backup(b)
            told(place, "b", b_said)
            a.text("vrrp", "resign", "wan")
            is_master(b)
            a_said += ["master backup resigned 150 lb-a"]
            b_said += ["backup master left 100 lb-b"]
            told(place, "a", a_said)
            told(place, "b", b_said)
            pair.sw.run("ip", "link", "set", "pb", "down")
            is_master(a)
            until(lambda: state(b) == "fault", "the fault is seen")
            pair.sw.run("ip", "link", "set", "pb", "up")
            is_backup(b)
            a_said += ["backup master no_advert 150 lb-a"]
            b_said += ["master fault link_down 100 lb-b", "fault backup recovered 100 lb-b"]
            told(place, "a", a_said)
            told(place, "b", b_said)
            assert not alarms(a) and not alarms(b)
        time.sleep(0.5)
        told(place, "b", b_said)  # the stop of lbd is told to nobody
    told(place, "a", a_said)


def test_flaps_faster_than_the_program(pair, place):
    path = place.program("a", "sleep 0.3; echo end >>" + place.told + "/a")
    with single(pair.a, hooked(150, path)) as a:
        is_master(a)
        for _ in range(2):
            pair.sw.run("ip", "link", "set", "pa", "down")
            until(lambda: state(a) == "fault", "the fault is seen")
            pair.sw.run("ip", "link", "set", "pa", "up")
            is_master(a)
        until(lambda: len(place.lines("a")) == 16, "all of them have ended")
        lines = place.lines("a")
        assert lines[1::2] == ["end"] * 8, lines  # none began before the one in front of it had ended
        states = [x.split()[2:4] for x in lines[0::2]]
        assert states[0] == ["init", "backup"] and states[-1][1] == "master"
        assert all(x[1] == y[0] for x, y in zip(states, states[1:])), states


def test_one_that_hangs_is_killed_with_its_children_and_the_next_one_runs(pair, place):
    with Wire(pair.c) as wire:
        with single(pair.a, hooked(150, place.hangs("a", "master"), "2s")) as a:
            until(lambda: place.sleepers() >= 3, "it hangs")
            start = time.monotonic()
            with single(pair.b, config(100), "lb-b") as b:
                is_backup(b)
                until(lambda: "failed (killed at the deadline" in a.log(), "it is killed", 2 + 5 * slowness())
                assert place.sleepers() == 0
                mine = [x.time for x in wire.of(A4, start)]
                gaps = [y - x for x, y in zip(mine, mine[1:])]
                assert len(mine) >= 10 and max(gaps) < 1.5 * INTERVAL + 0.010 * slowness(), gaps
                assert alarms(a)[0].startswith("hook_failed: state, for vrrp/wan backup -> master (killed at the deadline")
                a.text("vrrp", "resign", "wan")
                told(place, "a", ["init backup started 150 lb-a", "backup master no_advert 150 lb-a",
                                  "master backup resigned 150 lb-a"])
                until(lambda: not alarms(a), "the alarm is over")


def test_what_happens_meanwhile_waits_and_a_dead_room_is_a_failure(pair, place):
    with single(pair.a, hooked(150, place.hangs("a", "master"), "60s")) as a:
        until(lambda: place.sleepers() >= 3, "it hangs")
        pair.sw.run("ip", "link", "set", "pa", "down")
        until(lambda: state(a) == "fault", "the fault is seen")
        told(place, "a", ["init backup started 150 lb-a", "backup master no_advert 150 lb-a"])
        room = workers(a)["script"]["pid"]
        os.kill(room, signal.SIGKILL)
        told(place, "a", ["init backup started 150 lb-a", "backup master no_advert 150 lb-a",
                          "master fault link_down 150 lb-a"])
        assert "backup -> master failed (the process that runs it ended meanwhile" in a.log()
        until(lambda: place.sleepers() == 0, "nothing of it is left")
        assert workers(a)["script"]["pid"] != room and workers(a)["script"]["restarts"] == 1
        pair.sw.run("ip", "link", "set", "pa", "up")


@pytest.mark.parametrize("what", ["mode", "owner", "gone"])
def test_one_that_others_could_change_is_refused(pair, place, what):
    path = place.program("a")
    if what == "mode":
        os.chmod(path, 0o775)
        why = f"writable by group or others: {path}"
    elif what == "owner":
        os.chown(path, 65534, 0)
        why = f"not owned by root: {path}"
    else:
        os.unlink(path)
        why = f"no such file or directory: {path}"
    with single(pair.a, hooked(150, path)) as a:
        is_master(a)
        until(lambda: f"backup -> master failed ({why}" in a.log(), "it is refused")
        assert alarms(a) == [f"hook_failed: state, for vrrp/wan backup -> master ({why})"]
        assert place.lines("a") == []


def test_the_room_comes_and_goes_with_the_hook(pair, place):
    with single(pair.a, config(150)) as a:
        is_master(a)
        assert "script" not in workers(a)
        a.reload(hooked(150, place.hangs("a", "fault"), "60s"), ok=None)  # there is no IPVS to have it
        until(lambda: workers(a).get("script", {}).get("up"), "the room")
        assert place.lines("a") == []  # what was before is not told
        pair.sw.run("ip", "link", "set", "pa", "down")
        until(lambda: place.sleepers() >= 3, "it hangs")
        a.reload(config(150), ok=None)
        until(lambda: "script" not in workers(a) and place.sleepers() == 0, "the end of the room and of what it ran")
        pair.sw.run("ip", "link", "set", "pa", "up")
        is_master(a)
        assert "failed" not in a.log() and not alarms(a)
        told(place, "a", ["master fault link_down 150 lb-a"])


def family(pid):
    """{pid: name} of a process and of all that it has started, however far down; without those that end meanwhile."""
    found = {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            name = f.read().strip()
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            children = f.read().split()
        found[pid] = name
        for child in children:
            found |= family(int(child))
    return found


def test_signals_to_the_whole_service_are_for_the_core(pair, place):
    """What `systemctl kill` and `pkill` do. A reload is one, and no process ends that holds addresses or probes; what they
    start has the signals as every program has them."""
    path = place.program("a", f"grep SigIgn /proc/self/status >>{place.told}/ignored")
    rooms = ["lbd", "lbd: probe", "lbd: script", "lbd: vip", "lbd: vrrp"]
    with Wire(pair.c) as wire, single(pair.a, hooked(150, path)) as a, single(pair.b, config(100), "lb-b") as b:
        is_master(a)
        is_backup(b)
        told(place, "a", ["init backup started 150 lb-a", "backup master no_advert 150 lb-a"])
        assert {int(line.split()[1], 16) for line in place.lines("ignored")} == {0}
        before = until(lambda: sorted((f := family(a.pid)).values()) == rooms and f, "the programs have ended")
        start = time.monotonic()
        a.write(hooked(150, path, "9s"))
        for round in range(50):
            for sig in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
                for pid, name in before.items():
                    with_core = sig in (signal.SIGUSR1, signal.SIGUSR2) or (sig == signal.SIGHUP and round == 25)
                    keeps = sig != signal.SIGTERM or name in ("lbd: vip", "lbd: vrrp")
                    if with_core if name == "lbd" else keeps:
                        os.kill(pid, sig)
        until(lambda: "applied by signal" in a.log(), "it has reloaded")
        until(lambda: len(wire.of(A4, start)) > 20, "adverts go on")
        assert family(a.pid) == before and state(a) == "master" and not wire.of(B4, start)
        assert a.log().count(": applied by signal") == 1
        assert a.log().count("does nothing here") == 1 and "lbctl status" in a.log(), a.log()
        for pid in before:
            with contextlib.suppress(ProcessLookupError):  # the first one is the core, which ends the others
                os.kill(pid, signal.SIGTERM)
        until(lambda: a.process.poll() is not None, "it has ended")
        assert a.process.returncode == 0
        is_master(b)
        assert wire.of(A4, start)[-1].prio == 0  # in order: the other node is told


def test_the_stop_is_told_to_nobody_and_leaves_nothing(pair, place):
    with single(pair.a, hooked(150, place.hangs("a", "master"), "60s")) as a:
        until(lambda: place.sleepers() >= 3, "it hangs")
        pair.sw.run("ip", "link", "set", "pa", "down")
        until(lambda: state(a) == "fault", "the fault is seen")
        assert a.stop() == 0
        until(lambda: place.sleepers() == 0, "nothing of it is left", 5)
        pair.sw.run("ip", "link", "set", "pa", "up")
        assert "failed" not in a.log()
    told(place, "a", ["init backup started 150 lb-a", "backup master no_advert 150 lb-a"])
