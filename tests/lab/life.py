# SPDX-License-Identifier: GPL-2.0-or-later
"""
The life of a configuration: words to apply one, to ask what runs and what became of each, and a start after a power cut.
"""
import contextlib
import hashlib
import json
import os
import random

from conftest import Lbd, until

KILLS = int(os.environ.get("LBD_LIFE_KILLS", "16"))  # 200 in a long run
SEED = int(os.environ.get("LBD_LIFE_SEED", "0")) or random.SystemRandom().randrange(1 << 32)


def text(i, level="info"):
    """A configuration of its own for every number."""
    return json.dumps({"log": {"level": level}, "services": {}}) + f"\n# {i}\n"


def answers(d):
    until(lambda: d.call("daemon", "info").returncode == 0, "it answers", 20)
    return d


@contextlib.contextmanager
def running(node, yaml, user="root"):
    d = Lbd(node, yaml, user=user)
    try:
        answers(d.start(ready=False))
        yield d
    finally:
        d.close()


def write(d, name, content):
    path = os.path.join(d.dir, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(content)
    return path


def apply(d, content, *argv, ok=True):
    """From a file that is not the one of the daemon. Status 8 is this kernel, which has no IPVS."""
    done = d.call("config", "apply", "-y", *argv, write(d, "new.yaml", content))
    assert not ok or done.returncode in (0, 8) and "is running" in done.stdout + done.stderr, done
    return done


def status(d):
    return d.ctl("status")["data"][0]


def history(d):
    """number -> state"""
    return {r["generation"]: r["state"] for r in d.ctl("config", "history")["data"]}


def shown(d):
    return d.text("config", "show")


def running_one(d):
    """The number, after checking that what runs is what is stored under it, and that this is the only valid answer."""
    rows = d.ctl("config", "history")["data"]
    (runs,) = [r for r in rows if r["runs"]]
    content = shown(d)
    assert hashlib.sha256(content.encode()).hexdigest() == runs["digest"], rows
    assert shown(d) == d.text("config", "show", str(runs["generation"])), rows
    return runs["generation"]


def restart(d):
    """A power cut: killed, and what is below /run is gone."""
    d.kill()
    for name in os.listdir(d.run_dir):
        os.unlink(os.path.join(d.run_dir, name))
    answers(d.start(ready=False))
