# SPDX-License-Identifier: GPL-2.0-or-later
"""
Faults of a pair with live traffic, each judged by one checker: the scenarios of tests/faults, started by its run.sh.
Without it one random schedule is played.
"""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../faults"))
import play  # noqa: E402

NAMES = os.environ.get("LBD_FAULTS", "seed-1").split()


@pytest.mark.parametrize("name", NAMES)
def test_scenario(name, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if name in play.NEEDS_IPVS and not play.IPVS:
        pytest.skip("needs a kernel with IPVS")
    os.chmod(tmp_path, 0o755)
    play.perform(name, str(tmp_path))
