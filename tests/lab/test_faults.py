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


@pytest.fixture(name="theatre", scope="module")
def a_theatre(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    os.chmod(folder, 0o755)
    t = play.Theatre(str(folder))
    yield t
    t.close()


@pytest.mark.parametrize("name", NAMES)
def test_scenario(name, theatre):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if name in play.NEEDS_IPVS and not play.IPVS:
        pytest.skip("needs a kernel with IPVS")
    theatre.perform(name)
