# SPDX-License-Identifier: GPL-2.0-or-later
"""
golden/NAME.yaml and what the kernel holds after lbd read it: golden/NAME.expected, word for word `ipvsadm -Sn`.
The expected texts are written by hand from ipvsadm(8); a difference is a bug or a decision, never a refresh.
The same files show that the views of lbctl that imitate ipvsadm equal it byte for byte.
"""
import difflib
import os

import pytest

from conftest import Lbd, clear, ipvs, kernel_has, kernel_release

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
HAS_TWOS = kernel_release() >= (6, 2)
NAMES = ["schedulers", "scheduler-flags", "modes", "persistence", "listeners", "backends"] + (["twos"] if HAS_TWOS else [])

# argv of lbctl, argv of ipvsadm
VIEWS = [
    (("service", "list", "-o", "ipvsadm"), ("-Ln",)),
    (("service", "stats", "-o", "ipvsadm"), ("-Ln", "--stats")),
    (("service", "stats", "--rate", "-o", "ipvsadm"), ("-Ln", "--rate")),
    (("config", "export", "ipvsadm"), ("-Sn",)),
]


def read(name):
    with open(os.path.join(GOLDEN, name), encoding="utf-8") as f:
        return f.read()


def same(got, want, what):
    assert got == want, what + "\n" + "".join(
        difflib.unified_diff(want.splitlines(True), got.splitlines(True), "expected", "got", n=0))


def kernel_has_file(lb, name):
    same("".join(line + "\n" for line in ipvs(lb)), read(name), f"kernel against {name}")


@pytest.fixture(scope="module")
def daemon(lbd):
    kernel_has("ip_vs_pe_sip")
    return lbd(read(NAMES[0] + ".yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_golden(name, daemon, lb, client):
    """One daemon goes from file to file, so each is also a reload that replaces everything."""
    daemon.reload(read(name + ".yaml"))
    kernel_has_file(lb, name + ".expected")
    if os.path.exists(os.path.join(GOLDEN, name + ".thresholds")):
        lines = lb.run("ipvsadm", "-Ln", "--thresholds").splitlines(True)
        same("".join(lines[3:]), read(name + ".thresholds"), f"kernel against {name}.thresholds")
    for ours, theirs in VIEWS:
        same(daemon.text(*ours), lb.run("ipvsadm", *theirs), f"{' '.join(ours)} against ipvsadm {' '.join(theirs)}")
    # another kernel table takes the export, and then is equal
    client.run("ipvsadm", "-R", text=daemon.text("config", "export", "ipvsadm"))
    try:
        same("".join(line + "\n" for line in ipvs(client)), read(name + ".expected"), "the export, restored elsewhere")
    finally:
        clear(client)


@pytest.mark.skipif(HAS_TWOS, reason="this kernel has the scheduler twos")
def test_scheduler_this_kernel_lacks(daemon, lb):
    """The refusal names the service and the reason, and its neighbours go on."""
    done = daemon.reload(read("twos.yaml"), ok=None)
    assert done.returncode == 8, done
    assert "refused 1" in done.stdout + done.stderr
    kernel_has_file(lb, "twos-without.expected")
    status = daemon.text("status")
    assert "kernel_refused" in status and "modern" in status, status
    rows = {r["service"]: r for r in daemon.ctl("service", "list")["data"]}
    assert {n: r["status"] for n, r in rows.items()} == {"before": "up", "modern": "down", "of-later": "up"}
    assert rows["modern"]["reasons"] == ["kernel_refused"]
    refusals = [line for line in daemon.log().splitlines() if "service/modern" in line and "refused" in line]
    assert refusals and "twos" in refusals[0], daemon.log()
    # what comes later is not held up by it
    daemon.reload(read("twos.yaml").replace("scheduler: twos", "scheduler: rr"))
    assert "-A -t 192.0.2.9:81 -s rr" in ipvs(lb)
    assert "kernel_refused" not in daemon.text("status")
    # a service that runs keeps its scheduler when the new one is refused, and gets everything else
    daemon.reload(read("twos.yaml").replace("weight: 2", "weight: 3"), ok=None)
    assert [line for line in ipvs(lb) if ":81" in line] == [
        "-A -t 192.0.2.9:81 -s rr", "-a -t 192.0.2.9:81 -r 198.51.100.1:81 -m -w 1",
        "-a -t 192.0.2.9:81 -r 198.51.100.2:81 -m -w 3"]
    assert "kernel_refused" in daemon.text("status")


@pytest.mark.parametrize("name", ["modes", "backends"])
def test_golden_from_nothing(name, daemon, lb):
    """A start, not a reload; and an empty file takes all of it away again."""
    daemon.reload("services: {}\n")
    assert not ipvs(lb)
    with Lbd(lb, read(name + ".yaml")) as d:
        kernel_has_file(lb, name + ".expected")
        d.stop()
        kernel_has_file(lb, name + ".expected")
