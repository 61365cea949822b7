# SPDX-License-Identifier: GPL-2.0-or-later
"""The ratios that no change may make several times worse: tests/bench/guard.sh says which, and how much room they have."""
import os
import subprocess

from conftest import build_dir

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench")


def test_no_ratio_is_several_times_worse():
    about = {"LBD_BENCH_BUILD": build_dir(), "LBD_BENCH_REPS": "2", "LBD_BENCH_SIZES": "300", "LBD_BENCH_STRICT": "1"}
    done = subprocess.run([f"{BENCH}/guard.sh"], env={**os.environ, **about}, capture_output=True, text=True, timeout=300, check=False)
    print(done.stdout + done.stderr)
    assert done.returncode == 0, "\n".join(line for line in done.stdout.splitlines() if line.startswith(("check", "#")))
