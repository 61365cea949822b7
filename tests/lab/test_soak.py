# SPDX-License-Identifier: GPL-2.0-or-later
"""
Two rounds of tests/soak: that it still does what it says, not what comes out. A round takes five seconds.
"""
import os
import subprocess
import sys

import pytest

from conftest import build_dir

SOAK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../soak/soak.py")
ROOMS = ("core", "probe", "vrrp", "sync")


def test_two_rounds(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    sheet = tmp_path / "samples.tsv"
    done = subprocess.run([sys.executable, "-u", SOAK, "0.1", str(sheet)], env={**os.environ, "LBD_BUILD": build_dir()},
                          capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    names, *rows = [line.split("\t") for line in sheet.read_text(encoding="ascii").splitlines()]
    assert len(rows) >= 2, said
    for n in "ab":
        for room in ROOMS:
            assert {f"{n}/{room}/{k}" for k in ("pid", "rss", "fds")} <= set(names), names
            assert len({row[names.index(f"{n}/{room}/pid")] for row in rows}) == 1, rows  # nothing was started again
    assert "stuck 0," in said, said
