# SPDX-License-Identifier: GPL-2.0-or-later
"""
Moving in: of a configuration of keepalived and of what lbd makes of it the kernel gets the same services. Each keepalived
has a network of its own, in which probes are lost: it believes in its servers until the first one has failed, 3 s later.
"""
import contextlib
import socket

import pytest

from conftest import Lbd, ipvs, run, until
from moving import Island, Packaged, imported, sample
from steps import slowness

# those with virtual servers that keepalived takes, and how many rules of ipvsadm they are
NAMES = {"HTTP_GET.port": 2, "IPv6": 2, "PING_CHECK": 2, "SMTP_CHECK": 4, "SSL_GET": 4, "UDP_CHECK": 2, "fwmark": 3,
         "inhibit": 2, "misc_check": 2, "misc_check_arg": 2, "quorum": 11, "sample": 2, "status_code": 2,
         "virtual_server_group": 39, "virtualhost": 2}


def rules(node):
    return sorted(line for line in ipvs(node) if line.strip())


def servers_of_quorum(node, stack):
    """That one says alpha: its servers are down until they answer."""
    node.ip("\n".join(f"addr add 10.0.0.{i}/32 dev lo" for i in range(1, 11)))
    with node:
        stack.enter_context(socket.create_server(("0.0.0.0", 80), backlog=512))


@pytest.fixture(scope="module")
def wanted():
    """What each keepalived has told the kernel. A server may go again 3 s after it came, so each is read at once."""
    got = {}
    with contextlib.ExitStack() as stack:
        for i, (name, n) in enumerate(NAMES.items()):
            island = Island(f"ka{i}", 1)
            stack.callback(island.close)
            if name == "quorum":
                servers_of_quorum(island.node, stack)
            stack.callback(Packaged(island.node, sample(name), "-C").close)
            got[name] = until(lambda node=island.node, n=n: (r := rules(node)) and len(r) >= n and r,
                              f"keepalived has {n} rules of {name}", 15 * slowness())
        yield got


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
    assert len(wanted[name]) == NAMES[name]
    yaml = imported(sample(name), tmp_path)
    # addresses are for another test
    daemon.reload("\n".join(part for part in yaml.split("\n\n") if not part.startswith("vrrp:") and "  vrid:" not in part))
    daemon.text("-y", "backend", "force", "*", "up")
    until(lambda: rules(daemon.node) == wanted[name], f"lbd has what keepalived had: {wanted[name]}", 10 * slowness())


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
