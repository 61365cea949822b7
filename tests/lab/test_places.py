# SPDX-License-Identifier: GPL-2.0-or-later
"""
The folders of a daemon, and others who reach into them: another lbd that is started on top, what is
removed. Nothing here needs IPVS.
"""
import fcntl
import json
import os
import shutil
import signal
import subprocess

from conftest import until
from life import answers, apply, history, running, status, text, write
from pair import lone, pair
from test_peer_talk import me, override, web


def content(i):
    return json.dumps({"services": web()}) + f"\n# {i}\n"


def files(d):
    """name -> its inode and what is in it"""
    out = {}
    for root, _, names in os.walk(d.state_dir):
        for path in (os.path.join(root, n) for n in names):
            with open(path, "rb") as f:
                out[os.path.relpath(path, d.state_dir)] = (os.fstat(f.fileno()).st_ino, f.read())
    return out


def second(d, run_dir, state_dir):
    """Somebody types it beside the one that runs."""
    argv = [d.program, "--foreground", "-c", write(d, "other.yaml", text(9)), "--user", "root", "--node", "lb-a",
            "--run-dir", run_dir, "--state-dir", state_dir]
    with d.node:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def refused(d, pid, run_dir=None):
    with second(d, run_dir or d.run_dir, d.state_dir) as p:
        try:
            said = p.communicate(timeout=30)[0]
        finally:
            p.kill()
    assert p.returncode == 1 and f"{d.state_dir} is in use by another lbd (process {pid})" in said, said


# ---------------------------------------------------------------- control sockets

def test_sockets_that_are_removed_come_back(pair):
    d = lone(pair.a, text(1), "lb-a")
    try:
        answers(d.start(ready=False))
        for names in (["control.sock"], ["control.sock", "observe.sock"]):
            before = d.log().count("listening there again")
            for name in names:
                os.unlink(os.path.join(d.run_dir, name))
            answers(d)
            until(lambda n=before + len(names): d.log().count("listening there again") == n, "it says so once for each")
        assert sorted(os.listdir(d.run_dir)) == ["control.sock", "observe.sock"]
        d.stop()
        assert os.listdir(d.run_dir) == []
    finally:
        d.close()


def test_a_folder_that_is_removed_is_used_when_it_is_there_again(pair):
    """As in the unit, where the daemon has no rights beside its folders."""
    with running(pair.a, text(1), "lbd") as d:
        os.rename(d.run_dir, d.run_dir + ".away")
        until(lambda: d.log().count("cannot be made again: ") == 2, "it says so of each")
        new = d.run_dir + ".new"
        os.mkdir(new, 0o755)
        shutil.chown(new, "lbd")
        os.rename(new, d.run_dir)
        answers(d)
        assert d.log().count("cannot be made again: ") == 2, d.log()


# ---------------------------------------------------------------- another lbd

def test_another_lbd_changes_nothing_of_the_one_that_runs(pair):
    d = lone(pair.a, content(1), "lb-a")
    try:
        answers(d.start(ready=False))
        until(lambda: history(d) == {1: "confirmed"}, "it is stored")
        d.text("backend", "drain", "web/app1")
        apply(d, content(2), "--confirm", "1h")
        before = files(d)
        assert {"overrides.json", "generations/1", "generations/2"} <= set(before)
        refused(d, d.pid)
        refused(d, d.pid, os.path.join(d.dir, "run2"))
        os.kill(d.pid, signal.SIGSTOP)
        try:
            refused(d, d.pid)
        finally:
            os.kill(d.pid, signal.SIGCONT)
        assert files(d) == before
        assert status(d)["config"]["state"] == "pending" and override(d) == ("drain", me())
        d.text("config", "confirm", code=0)
        assert history(d) == {1: "confirmed", 2: "confirmed"}
    finally:
        d.close()


def test_a_start_waits_for_the_one_before_it_to_end(pair):
    """A moment, as long as a child of it may have what it had."""
    d = lone(pair.a, text(1), "lb-a")
    fd = os.open(d.state_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        refused(d, os.getpid())
        assert files(d) == {}
        d.start(ready=False)
        until(lambda: d.state_dir in opened(d.pid), "it is there, and waits")
        fcntl.flock(fd, fcntl.LOCK_UN)
        answers(d)
    finally:
        os.close(fd)
        d.close()


def opened(pid):
    fds = f"/proc/{pid}/fd"
    return [os.readlink(os.path.join(fds, n)) for n in os.listdir(fds)]


def test_a_killed_core_leaves_its_folder_whatever_its_workers_do(pair):
    d = lone(pair.a, content(1), "lb-a")
    stopped = []
    try:
        answers(d.start(ready=False))
        with open(f"/proc/{d.pid}/task/{d.pid}/children", encoding="ascii") as f:
            stopped = [int(n) for n in f.read().split()]
        assert stopped
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        d.kill()
        answers(d.start(ready=False))
    finally:
        for pid in stopped:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        d.close()
