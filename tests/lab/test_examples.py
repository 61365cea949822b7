# SPDX-License-Identifier: GPL-2.0-or-later
"""
Every example does what its page says: its run.sh, which makes a network of its own, ends well. A folder without one
fails here.
"""
import os
import subprocess

import pytest

from conftest import build_dir

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples")
# quickstart takes a minute of its own; tests/README.md says who runs it
NAMES = sorted(n for n in os.listdir(HERE) if os.path.isdir(os.path.join(HERE, n)) and n not in ("quickstart", "__pycache__"))


@pytest.mark.parametrize("name", NAMES)
def test_it_does_what_it_says(name):
    done = subprocess.run([os.path.join(HERE, name, "run.sh")], env={**os.environ, "LBD_BUILD": build_dir()}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-300:]
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"{name}: ") and " 0 failed; " in last, last
