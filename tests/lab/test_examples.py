# SPDX-License-Identifier: GPL-2.0-or-later
"""
Examples do what their pages say: the run.sh of each, which makes a network of its own, ends well.
"""
import os
import subprocess

import pytest

from conftest import build_dir

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples")
# not the quick start, which takes a minute of its own and judges by times
NAMES = sorted(n for n in os.listdir(HERE) if os.path.exists(os.path.join(HERE, n, "run.sh")) and n != "quickstart")


@pytest.mark.parametrize("name", NAMES)
def test_it_does_what_it_says(name):
    done = subprocess.run([os.path.join(HERE, name, "run.sh")], env={**os.environ, "LBD_BUILD": build_dir()}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-300:]
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"{name}: ") and " 0 failed; " in last, last
