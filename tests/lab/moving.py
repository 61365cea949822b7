# SPDX-License-Identifier: GPL-2.0-or-later
"""keepalived with one of its own sample files, and what lbd makes of that file."""
import os
import re
import subprocess

import pytest

from conftest import Node, build_dir, run

SAMPLES = "/usr/share/doc/keepalived/samples"


def sample(name):
    path = f"{SAMPLES}/keepalived.conf.{name}"
    if not os.path.isdir(SAMPLES) or (name and not os.path.exists(path)):
        pytest.skip(f"{path} is not there: the package keepalived without its documents")
    return path


CHECKS = r"\b(?:HTTP_GET|SSL_GET|TCP_CHECK|SMTP_CHECK|MISC_CHECK|PING_CHECK|UDP_CHECK)\s*\{"


def without_checks(text):
    """The text of a configuration whose servers are up from the start, and stay so: keepalived holds such to be alive."""
    text = re.sub(r"[!#].*", "", text)
    while found := re.search(CHECKS, text):
        depth, end = 1, found.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        text = text[:found.start()] + text[end:]
    return text


def imported(path, secrets=None):
    """The file as lbd.yaml. Passwords are read from the folder `secrets`."""
    done = subprocess.run([os.path.join(build_dir(), "lbd/lbd"), "--import=keepalived", path], capture_output=True,
                          text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.replace("/etc/lbd/", f"{secrets}/") if secrets else done.stdout


class Island:
    """A network of one node: cards eth0 to eth3, everything that leaves is lost."""

    def __init__(self, name, cards=4):
        run("ip", "netns", "add", name)
        self.node = Node(name)
        self.node.sysctl("net.ipv6.conf.default.accept_dad", 0)
        lines = ["link set lo up"]
        for i in range(cards):
            lines += [f"link add eth{i} type veth peer name far{i}", f"link set far{i} up", f"link set eth{i} arp off up",
                      f"addr add 10.99.{i}.1/24 dev eth{i}", f"addr add fd99:{i}::1/64 dev eth{i} nodad"]
        lines += ["route add default dev eth0", "-6 route add default dev eth0"]
        self.node.ip("\n".join(line for line in lines if not line.startswith("-6")))
        self.node.run("ip", "-6", "route", "add", "default", "dev", "eth0")

    def close(self):
        os.close(self.node.fd)
        run("ip", "netns", "del", self.node.name, check=False)
