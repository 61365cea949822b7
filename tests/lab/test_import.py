# SPDX-License-Identifier: GPL-2.0-or-later
"""
Moving in: of a sample of keepalived and of what lbd makes of that file the kernel gets the same services. No server of a
sample is there, so both sides hold all to be up: keepalived's file is read without its checkers, lbd's backends are
forced. What of a sample cannot be carried over is in golden/import/samples.expected; the kernel would not hear of it.
"""
import concurrent.futures
import functools
import glob
import re

import pytest

from conftest import Lbd, clear, ipvs, run, until
from moving import Island, imported, sample, without_checks
from pair import Packaged
from steps import slowness

# Every sample with virtual servers that keepalived takes: how many lines of ipvsadm its services are
NAMES = {"HTTP_GET.port": 2, "IPv6": 2, "PING_CHECK": 2, "SMTP_CHECK": 4, "SSL_GET": 4, "UDP_CHECK": 2, "fwmark": 3,
         "inhibit": 2, "misc_check": 2, "misc_check_arg": 2, "quorum": 11, "sample": 2, "status_code": 2,
         "virtual_server_group": 39, "virtualhost": 2, "vrrp.lvs_syncd": 2}


@functools.cache
def limit():
    """Seconds for either program to tell the kernel, which takes about one; and a run of failures ends, too."""
    return min(120, 5 * slowness())


def rules(node):
    return sorted(line for line in ipvs(node) if line.strip())


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
        return until(complete, f"keepalived has {NAMES[name]} rules of {name}", limit())
    finally:
        keepalived.close()
        clear(node)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """What keepalived tells the kernel: of one sample after the other, while lbd is busy with those before."""
    island, folder = Island("ka", 1), tmp_path_factory.mktemp("ka")
    with concurrent.futures.ThreadPoolExecutor(1) as worker:
        yield {name: worker.submit(of_keepalived, island.node, name, folder) for name in NAMES}
        worker.shutdown(cancel_futures=True)
    island.close()


@pytest.fixture(scope="module")
def daemon():
    i = Island("kl", 2)
    try:
        with Lbd(i.node, "services: {}\n") as d:
            yield d
    finally:
        i.close()


def force(daemon, yaml):
    daemon.reload(yaml)
    daemon.text("-y", "backend", "force", "*/*", "up")


def test_no_sample_is_forgotten():
    prefix, found = sample(""), set()
    for path in glob.glob(f"{prefix}*"):
        with open(path, encoding="utf-8") as f:
            if re.search(r"^\s*virtual_server\s", f.read(), re.M):
                found.add(path.removeprefix(prefix))
    assert found == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_same_services_in_the_kernel(name, wanted, daemon, tmp_path):
    yaml = imported(sample(name), tmp_path)
    # addresses are for test_import_vrrp, and copying of flows goes with them
    yaml = "\n\n".join(part for part in yaml.split("\n\n")
                       if not part.startswith(("vrrp:", "sync:")) and "  vrid:" not in part)
    theirs = wanted[name].result()
    assert len(theirs) == NAMES[name]
    force(daemon, yaml)
    until(lambda: rules(daemon.node) == theirs, f"lbd has what keepalived had: {theirs}", limit())


def test_rules_of_ipvsadm_come_back(daemon, tmp_path):
    """Out by `config export ipvsadm`, into a kernel by ipvsadm -R, in by `config import ipvsadm`."""
    force(daemon, imported(sample("virtual_server_group"), tmp_path))
    until(lambda: len(rules(daemon.node)) == 39, "13 services with two servers each", limit())
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
    until(lambda: rules(daemon.node) == before, "the rules are back", limit())
