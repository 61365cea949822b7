# SPDX-License-Identifier: GPL-2.0-or-later
"""
Moving in: of a configuration of keepalived and of what lbd makes of it the kernel gets the same services. Each keepalived
has a network of its own, in which probes are lost: it believes in its servers until the first one has failed, 3 s later.
"""
import contextlib
import socket
import time

import pytest

from conftest import Lbd, ipvs, run, until
from moving import Island, Packaged, imported, sample
from steps import slowness

# those with virtual servers that keepalived takes
NAMES = ("HTTP_GET.port", "IPv6", "PING_CHECK", "SMTP_CHECK", "SSL_GET", "UDP_CHECK", "fwmark", "inhibit", "misc_check",
         "misc_check_arg", "quorum", "sample", "status_code", "virtual_server_group", "virtualhost")


def rules(node):
    return sorted(line for line in ipvs(node) if line.strip())


def servers_of_quorum(node, stack):
    """That one says alpha: its servers are down until they answer."""
    node.ip("\n".join(f"addr add 10.0.0.{i}/32 dev lo" for i in range(1, 11)))
    with node:
        stack.enter_context(socket.create_server(("0.0.0.0", 80), backlog=512))


@pytest.fixture(scope="module")
def wanted():
    """What each keepalived has told the kernel, all of them at the same time."""
    best = {name: [] for name in NAMES}
    with contextlib.ExitStack() as stack:
        islands = {}
        for i, name in enumerate(NAMES):
            islands[name] = Island(f"ka{i}", 1)
            stack.callback(islands[name].close)
        servers_of_quorum(islands["quorum"].node, stack)
        for name, island in islands.items():
            ka = Packaged(island.node, sample(name), "-C")
            stack.callback(ka.close)
            # a server may go again 3 s after it came, so each is read at once and until nothing more comes
            end = time.monotonic() + (12 if name == "quorum" else 1.5) * slowness()
            full = 11 if name == "quorum" else 0
            while time.monotonic() < end and (not full or len(best[name]) < full):
                now = rules(island.node)
                best[name] = now if len(now) > len(best[name]) else best[name]
                if not full and len(now) > 1 and now == best[name] and time.monotonic() > end - 1 * slowness():
                    break
                time.sleep(0.05)
        yield best


@pytest.fixture(scope="module")
def daemon():
    island = Island("kl", 2)
    try:
        with Lbd(island.node, "services: {}\n") as d:
            yield d
    finally:
        island.close()


@pytest.mark.parametrize("name", NAMES)
def test_same_services_in_the_kernel(name, wanted, daemon, tmp_path):
    assert len(wanted[name]) > 1
    yaml = imported(sample(name), tmp_path)
    # addresses are for another test
    daemon.reload("\n".join(part for part in yaml.split("\n\n") if not part.startswith("vrrp:") and "  vrid:" not in part))
    daemon.text("-y", "backend", "force", "*", "up")
    until(lambda: rules(daemon.node) == wanted[name], lambda: f"{rules(daemon.node)} is {wanted[name]}", 10 * slowness())


def test_rules_of_ipvsadm_come_back(daemon, tmp_path):
    """Out by `config export ipvsadm`, into a kernel by ipvsadm -R, in by `config import ipvsadm`."""
    daemon.reload(imported(sample("virtual_server_group"), tmp_path))
    daemon.text("-y", "backend", "force", "*", "up")
    until(lambda: len(rules(daemon.node)) == 39, "13 services with two servers each", 10 * slowness())
    text, before = daemon.text("config", "export", "ipvsadm"), rules(daemon.node)
    assert sorted(text.splitlines()) == before
    island = Island("kr", 1)
    try:
        island.node.run("ipvsadm", "-R", text=text)
        assert rules(island.node) == before
    finally:
        island.close()
    path = tmp_path / "rules"
    path.write_text(text)
    made = run(daemon.program, "--import=ipvsadm", str(path))
    daemon.reload("services: {}\n")
    assert not rules(daemon.node)
    daemon.reload(made)
    until(lambda: rules(daemon.node) == before, "the rules are back", 10 * slowness())
