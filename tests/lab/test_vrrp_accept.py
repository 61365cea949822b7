# SPDX-License-Identifier: GPL-2.0-or-later
"""
`accept: false`: the master has the address and answers on it for services alone. The listeners are programs of the
node: IPVS takes what is let through at the same hook, behind these rules.
"""
import ctypes
import errno
import json
import os
import platform
import shutil
import signal
import struct
import subprocess
import time

import pytest

from conftest import until
from pair import LL6, VIP4, VIP6, has, instance, is_master, lone, pair, state
from steps import service
from test_peer_talk import Background, workers

PORT, OTHER = 8080, 2222
ROWS = [(VIP4, True), (VIP6, True), (LL6 + "%eth0", False)]  # where a service listens


def closed(**keys):
    """Both families, and a service on each."""
    keys = {"priority": 150, **keys}
    six = instance(vrid=52, **{**keys, "addresses": [f"{LL6}/64", f"{VIP6}/64"]})
    services = {"web": service(f"{VIP4}:{PORT}", {}), "web6": service(f"[{VIP6}]:{PORT}", {})}
    return json.dumps({"vrrp": {"wan": instance(**keys), "wan6": six}, "services": services}, indent=1) + "\n"


def ping(pair, ip):
    argv = ["ping", "-n", "-q", "-c", "1", "-W", "0.3", *(["-I", "eth0"] if ip.startswith("fe80") else []), ip.split("%")[0]]
    return " 1 received" in pair.c.run(*argv, check=False)


def speaks(pair, ip, port):
    argv = ["bash", "-c", f"exec 3<>/dev/tcp/{ip}/{port}"]
    with pair.c:
        try:
            return subprocess.run(argv, stderr=subprocess.DEVNULL, timeout=0.5, check=False).returncode == 0
        except subprocess.TimeoutExpired:
            return False


def table(node):
    return node.run("nft", "list", "ruleset")


@pytest.fixture
def servers(pair):
    program = ("import socket,sys,select\nl=[]\nfor p in map(int,sys.argv[1:]):\n s=socket.create_server(('::',p),family=10,"
               "dualstack_ipv6=True)\n l.append(s)\nprint('ready',flush=True)\nwhile True:\n"
               " for s in select.select(l,[],[])[0]: s.accept()[0].close()")
    with pair.a:
        p = subprocess.Popen(["/usr/bin/python3", "-c", program, str(PORT), str(OTHER)], stdout=subprocess.PIPE)
    assert p.stdout.readline()
    yield
    p.kill()
    p.wait()
    p.stdout.close()


@pytest.fixture
def node(pair, servers):
    d = lone(pair.a, closed(accept=False), "lb-a")
    try:
        d.start(ready=False)
        is_master(d)
        is_master(d, "wan6")
        until(lambda: "closed6" in table(pair.a), "the table is there")
        yield d
    finally:
        d.close()
        pair.a.run("nft", "flush", "ruleset")


def test_services_alone_are_reached(pair, node):
    for ip, has_service in ROWS:
        assert not ping(pair, ip) and not speaks(pair, ip, OTHER), ip
        assert speaks(pair, ip, PORT) == has_service, ip
    # the neighbour is found all the same
    for ip in (VIP4, VIP6, LL6):
        rows = json.loads(pair.c.run("ip", "-j", "neigh", "show", "to", ip))
        assert rows and rows[0].get("lladdr"), (ip, rows)
    # and so is the node itself, at its own addresses; and it reaches itself
    assert ping(pair, "10.7.0.1") and speaks(pair, "10.7.0.1", OTHER) and speaks(pair, "fd07::1", OTHER)
    assert " 1 received" in pair.a.run("ping", "-n", "-q", "-c", "1", "-W", "1", VIP4)


def test_a_reload_opens_and_closes(pair, node):
    node.reload(closed(accept=True), ok=None)
    until(lambda: "inet lbd" not in table(pair.a), "the table is gone")
    until(lambda: ping(pair, VIP4) and speaks(pair, VIP4, OTHER), "it answers")
    node.reload(closed(accept=False), ok=None)
    until(lambda: "closed4" in table(pair.a), "the table is there")
    assert not ping(pair, VIP4) and speaks(pair, VIP4, PORT)


def test_tables_of_others_stay(pair, node):
    pair.a.run("nft", "add", "table", "inet", "mine")
    node.reload(closed(accept=False, priority=151), ok=None)
    time.sleep(0.5)
    node.reload(closed(accept=True), ok=None)
    until(lambda: "inet lbd" not in table(pair.a), "the table is gone")
    assert "table inet mine" in table(pair.a)


def test_it_stays_at_a_stop_and_goes_with_flush_or_the_key(pair, node):
    node.stop()
    assert "closed4" in table(pair.a)  # as what is in IPVS does
    node.write(closed(accept=True))
    node.start(ready=False)
    until(lambda: "inet lbd" not in table(pair.a), "what an earlier run left is gone")
    is_master(node)
    node.reload(closed(accept=False), ok=None)
    until(lambda: "closed4" in table(pair.a), "the table is there")
    node.wanted = False
    node.call("daemon", "stop", "--flush", "--yes")
    node.process.wait(10)
    assert "inet lbd" not in table(pair.a)


def test_a_removal_that_failed_is_tried_again(pair, node):
    """What is not wanted any more would go on dropping."""
    nft = os.path.realpath(shutil.which("nft"))
    subprocess.run(["mount", "--bind", "/bin/false", nft], check=True)
    try:
        node.reload(closed(accept=True), ok=None)
        until(lambda: "table inet lbd is not removed" in node.call("status").stdout, "it is said")
        assert not ping(pair, VIP4)
    finally:
        subprocess.run(["umount", "-l", nft], check=True)
    until(lambda: "inet lbd" not in table(pair.a), "the table is gone", 30)
    until(lambda: "is not removed" not in node.call("status").stdout, "it is not said any more")
    assert ping(pair, VIP4)


def test_what_others_remove_meanwhile_is_gone(pair, node):
    nft, own = os.path.realpath(shutil.which("nft")), os.path.join(node.dir, "nft")
    shutil.copy(nft, own)
    subprocess.run(["mount", "--bind", "/bin/false", nft], check=True)
    try:
        node.reload(closed(accept=True), ok=None)
        until(lambda: "table inet lbd is not removed" in node.call("status").stdout, "it is said")
        pair.a.run(own, "delete", "table", "inet", "lbd")
        until(lambda: "is not removed" not in node.call("status").stdout, "it is not said any more", 30)
    finally:
        subprocess.run(["umount", "-l", nft], check=True)


def stands_still(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "T"
    except FileNotFoundError:
        return False


def test_a_flush_is_not_before_the_addresses_have_gone(pair, node):
    """Clients are sent here until then. The process that holds them stands still, so that there is time to look."""
    pid = workers(node)["vrrp"]
    node.wanted = False
    os.kill(pid, signal.SIGSTOP)
    try:
        asked = Background(node, "daemon", "stop", "--flush", "--yes")
        until(lambda: "daemon: stopping (flush)" in node.log(), "it has been asked", every=0.01)
        looks = 0
        while looks < 10:
            seen = has(pair.a), "closed4" in table(pair.a), asked.process.poll() is None
            if not stands_still(pid):
                break  # two seconds are over, in which a busy machine looks less often: it was ended
            assert seen == (True, True, True)
            looks += 1
        assert looks
    finally:
        if stands_still(pid):
            os.kill(pid, signal.SIGCONT)
    code, said = asked.end()
    if looks < 10:
        until(lambda: not has(pair.a), "nobody was left to remove it: its lease is over", 5)
    assert not has(pair.a)
    assert code == 0 and "removed its services" in said, said
    assert node.process.wait(10) == node.STAY_DOWN
    assert "inet lbd" not in table(pair.a)


def apart(d, *by, **more):
    argv = [*by, d.program, "--foreground", "-c", d.config, "--run-dir", d.run_dir, "--state-dir", d.state_dir, "--node", d.name,
            "--user", "root"]
    with d.node, open(d.log_path, "ab") as log:
        d.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more)


def test_without_nft_it_is_said(pair, servers):
    """In a place where the program is not."""
    if not shutil.which("unshare"):
        pytest.skip("unshare is not installed")
    d = lone(pair.a, closed(accept=False), "lb-a")
    # what is bound over it cannot be executed
    d.program, real = os.path.join(d.dir, "start"), d.program
    with open(d.program, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\nfor p in /usr/sbin/nft /sbin/nft; do [ -e $p ] && mount --bind /dev/null $p; done\n"
                f"exec {real} \"$@\"\n")
    os.chmod(d.program, 0o755)
    d.spawn = lambda: apart(d, "unshare", "--mount", "--propagation", "private")
    try:
        d.start(ready=False)
        is_master(d)
        until(lambda: "accept: false does not hold: nft is not installed; to mend: apt install nftables" in d.log(), "it is said")
        assert "nft is not installed" in d.call("status").stdout
        assert ping(pair, VIP4) and state(d) == "master", "a master that answers is better than none"
    finally:
        d.close()


def without_netfilter(error):
    """socket(AF_NETLINK, *, NETLINK_NETFILTER) fails so, in this process and what it starts."""
    load, equal, give = 0x20, 0x15, 0x06
    call = {"x86_64": 41, "aarch64": 198}[platform.machine()]
    steps = [(load, 0, 0, 0), (equal, 0, 5, call), (load, 0, 0, 16), (equal, 0, 3, 16), (load, 0, 0, 32), (equal, 0, 1, 12),
             (give, 0, 0, 0x00050000 | error), (give, 0, 0, 0x7fff0000)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    keep = ctypes.create_string_buffer(code)
    program = struct.pack("@HP", len(steps), ctypes.addressof(keep))
    assert ctypes.CDLL(None).prctl(22, 2, program) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="numbers of system calls")
@pytest.mark.parametrize("error", [errno.EPROTONOSUPPORT, errno.EINVAL])
def test_a_kernel_without_nf_tables_has_no_table(pair, error):
    """What the state directory says was so before another kernel was booted."""
    d = lone(pair.a, closed(accept=True), "lb-a")
    mark = os.path.join(d.state_dir, "nft")
    with open(mark, "wb"):
        pass
    d.spawn = lambda: apart(d, preexec_fn=lambda: without_netfilter(error))
    try:
        d.start(ready=False)
        is_master(d)
        until(lambda: not os.path.exists(mark), "it is known that there is none")
        assert "table inet lbd" not in d.call("status").stdout
    finally:
        d.close()
