# SPDX-License-Identifier: GPL-2.0-or-later
"""
Moving in: of a sample of keepalived and of what lbd makes of that file the kernel gets the same services. No server of a
sample is there, so both sides hold all to be up: keepalived's file is read without its checkers, lbd's backends are
forced. What of a sample cannot be carried over is in golden/import/samples.expected; of none does it reach the kernel.
"""
import pytest

from conftest import Lbd, clear, ipvs, run, until
from moving import Island, imported, sample, without_checks
from pair import Packaged

# Every sample with virtual servers that keepalived takes: how many lines of ipvsadm its services are
NAMES = {"HTTP_GET.port": 2, "IPv6": 2, "PING_CHECK": 2, "SMTP_CHECK": 4, "SSL_GET": 4, "UDP_CHECK": 2, "fwmark": 3,
         "inhibit": 2, "misc_check": 2, "misc_check_arg": 2, "quorum": 11, "sample": 2, "status_code": 2,
         "virtual_server_group": 39, "virtualhost": 2}
LIMIT_S = 30  # for either program to tell the kernel: about a second, and ten times that where it is emulated


def rules(node):
    return sorted(line for line in ipvs(node) if line.strip())


@pytest.fixture(scope="module")
def island():
    """The network of keepalived."""
    i = Island("ka", 1)
    yield i
    i.close()


@pytest.fixture(scope="module")
def daemon():
    i = Island("kl", 2)
    try:
        with Lbd(i.node, "services: {}\n") as d:
            yield d
    finally:
        i.close()


def of_keepalived(node, name, folder):
    """What keepalived tells the kernel of a sample."""
    path = folder / "keepalived.conf"
    with open(sample(name), encoding="utf-8") as f:
        path.write_text(without_checks(f.read()))
    keepalived = Packaged(node, str(path), "-C")

    def complete():
        assert keepalived.process.poll() is None, f"keepalived ended with status {keepalived.process.returncode}"
        got = rules(node)
        return len(got) >= NAMES[name] and got
    try:
        return until(complete, f"keepalived has {NAMES[name]} rules of {name}", LIMIT_S)
    finally:
        keepalived.close()
        clear(node)


def give(daemon, yaml, wanted, what):
    """The configuration with every backend forced, and what the kernel has of it then."""
    daemon.reload(yaml)
    daemon.text("-y", "backend", "force", "*/*", "up")
    until(lambda: rules(daemon.node) == wanted, f"{what}: {wanted}", LIMIT_S)


@pytest.mark.parametrize("name", NAMES)
def test_same_services_in_the_kernel(name, island, daemon, tmp_path):
    wanted = of_keepalived(island.node, name, tmp_path)
    assert len(wanted) == NAMES[name]
    yaml = imported(sample(name), tmp_path)
    # addresses are for test_import_vrrp
    yaml = "\n\n".join(part for part in yaml.split("\n\n") if not part.startswith("vrrp:") and "  vrid:" not in part)
    give(daemon, yaml, wanted, "lbd has what keepalived had")


def test_rules_of_ipvsadm_come_back(daemon, tmp_path):
    """Out by `config export ipvsadm`, into a kernel by ipvsadm -R, in by `config import ipvsadm`."""
    daemon.reload(imported(sample("virtual_server_group"), tmp_path))
    daemon.text("-y", "backend", "force", "*/*", "up")
    until(lambda: len(rules(daemon.node)) == 39, "13 services with two servers each", LIMIT_S)
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
    until(lambda: rules(daemon.node) == before, "the rules are back", LIMIT_S)
