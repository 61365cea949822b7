# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks that are programs: the room they run in comes and goes with them, and its silence means nothing."""
import os
import shutil
import signal
import tempfile

import pytest

from conftest import Lbd, until
from steps import A1, A2, VIP, backends, conf, service, status, weights

TIMES = {"interval": "200ms", "interval_down": "200ms", "timeout": "2s", "rise": 2, "fall": 3}


@pytest.fixture
def place():
    """Where only root writes: nothing else may be executed."""
    path = tempfile.mkdtemp(prefix="lbd-", dir="/run")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def d(clean, lb, net, place):
    for s in net.servers:
        s.serve(8080)
    with Lbd(lb, plain()) as d:
        d.place = place
        yield d
    for s in net.servers:
        s.close_servers()


def plain():
    return conf({"web": service(f"{VIP}:80", {"app1": A1, "app2": A2}, check="tcp")})


def scripted(path, **keys):
    check = {"type": "script", "path": path, "args": ["%a"], **TIMES, **keys}
    return conf({"web": service(f"{VIP}:80", {"app1": A1, "app2": A2}, check="mine")}, checks={"mine": check})


def program(d, body):
    path = os.path.join(d.place, "well")
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\n{body}\n")
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)
    return path


def workers(d):
    return {w["name"]: w for w in status(d)["workers"]}


def uid_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(line.split()[1] for line in f if line.startswith("Uid:"))


def test_the_room_of_scripts_comes_and_goes_with_them(d):
    assert set(workers(d)) == {"probe"}
    d.reload(scripted(program(d, "echo well")))
    until(lambda: workers(d).get("script", {}).get("up"), "the room of scripts")
    until(lambda: {b["check"] for b in backends(d).values()} == {"PROCOK"}, "both probed by the script")
    room = workers(d)["script"]["pid"]
    assert uid_of(room) == uid_of(workers(d)["probe"]["pid"]) != "0"
    d.reload(plain())
    until(lambda: set(workers(d)) == {"probe"} and not os.path.exists(f"/proc/{room}"), "the end of the room")
    until(lambda: {b["check"] for b in backends(d).values()} == {"L4OK"}, "both probed by tcp")
    d.reload(scripted(program(d, "echo well")))
    until(lambda: workers(d).get("script", {}).get("up"), "the room once more")
    assert weights(d.node) == {A1: 1, A2: 1}


def test_a_script_decides_for_each_backend(d):
    address = A2.split(":", maxsplit=1)[0]
    d.reload(scripted(program(d, f'echo "about $1"; [ "$1" != {address} ]')))
    until(lambda: weights(d.node) == {A1: 1, A2: 0}, "app2 out")
    row = next(r for r in d.ctl("check", "list")["data"] if r["target"].startswith(address))
    assert row["code"] == "PROCERR" and row["text"] == f"exit 1: about {address}"
    program(d, "exit 0")
    until(lambda: weights(d.node) == {A1: 1, A2: 1}, "app2 back")


def test_the_death_of_the_room_means_nothing(d):
    d.reload(scripted(program(d, "exit 0")))
    until(lambda: {b["check"] for b in backends(d).values()} == {"PROCOK"}, "both probed")
    old = workers(d)["script"]["pid"]
    os.kill(old, signal.SIGKILL)
    until(lambda: workers(d)["script"]["pid"] not in (0, old) and workers(d)["script"]["up"], "a new room")
    assert workers(d)["script"]["restarts"] == 1 and workers(d)["probe"]["restarts"] == 0
    assert "up -> down" not in d.log() and weights(d.node) == {A1: 1, A2: 1}


def test_a_program_that_others_could_change_says_so(d):
    path = program(d, "exit 0")
    os.chmod(path, 0o777)
    d.reload(scripted(path))
    until(lambda: weights(d.node) == {A1: 0, A2: 0}, "both out")
    assert d.ctl("check", "list")["data"][0]["text"] == f"writable by group or others: {path}"
    os.chmod(path, 0o755)
    until(lambda: weights(d.node) == {A1: 1, A2: 1}, "both back")


def test_run_shows_what_it_says(d):
    d.reload(scripted(program(d, "echo all is well")))
    until(lambda: {b["check"] for b in backends(d).values()} == {"PROCOK"}, "both probed")
    out = d.text("check", "run", "web/app1")
    assert "exit 0: all is well" in out
