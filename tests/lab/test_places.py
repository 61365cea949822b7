# SPDX-License-Identifier: GPL-2.0-or-later
"""
The folders of a daemon, and others who reach into them: another lbd that is started on top, what is
removed, or replaced by a copy. Nothing here needs IPVS.
"""
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess

import pytest

from conftest import until
from life import answers, apply, history, restart, running, running_one, shown, status, text, write
from pair import instance, lone, pair
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


# ---------------------------------------------------------------- another state directory

def lost(d):
    return [a for a in status(d)["alarms"] if a.startswith("state_not_saved")]


def taken_up(d):
    until(lambda: "what holds was saved there anew" in d.log(), "it saves all in the new one", 30)
    assert not lost(d) and "not all of it" not in d.log()


def put(d, source):
    """What is there goes away, and the copy of another time takes its place."""
    os.rename(d.state_dir, d.state_dir + ".old")
    os.rename(source, d.state_dir)


def backup(d):
    return shutil.copytree(d.state_dir, d.state_dir + ".bak", copy_function=shutil.copy2)


def runs(d, i, state, hold=("drain", me())):
    """What runs, also without its file, and what operators said outlived the end of the daemon."""
    d.write("services: [\n")
    restart(d)
    assert shown(d) == content(i) and running_one(d) == max(state)
    assert history(d) == state and override(d) == hold


@pytest.mark.parametrize("when", ["the copy is of now", "the copy is old", "it is stopped at once"])
def test_a_backup_takes_the_place_of_the_state_directory(pair, when):
    with running(pair.a, content(1)) as d:
        until(lambda: history(d) == {1: "confirmed"}, "it is stored")
        if when == "the copy is old":
            copy = backup(d)
        apply(d, content(2))
        apply(d, content(3), "-m", "the third")
        if when != "the copy is old":
            copy = backup(d)
        put(d, copy)
        d.text("backend", "drain", "web/app1")
        if when == "it is stopped at once":
            d.write("services: [\n")
            d.stop()
            answers(d.start(ready=False))
            assert override(d) == ("drain", me())
        else:
            taken_up(d)
        state = {1: "confirmed", 3: "confirmed"} if when == "the copy is old" else dict.fromkeys((1, 2, 3), "confirmed")
        runs(d, 3, state)
        assert [r["message"] for r in d.ctl("config", "history")["data"] if r["generation"] == 3] == ["the third"]


def test_a_backup_that_knows_newer_generations(pair):
    """One of them had been rolled back since; a start would run it."""
    with running(pair.a, content(1)) as d:
        apply(d, content(2))
        copy = backup(d)
        d.call("config", "rollback")
        d.text("backend", "drain", "web/app1")
        assert history(d) == {1: "confirmed", 2: "rolled_back"}
        put(d, copy)
        taken_up(d)
        assert running_one(d) == 3
        runs(d, 1, dict.fromkeys((1, 2, 3), "confirmed"))


def test_a_state_directory_that_is_removed(pair):
    with running(pair.a, content(1)) as d:
        d.text("backend", "drain", "web/app1")
        apply(d, content(1) + "#\n")
        d.write(content(2))
        assert d.call("daemon", "reload", "-y").returncode in (0, 8)
        shutil.rmtree(d.state_dir)
        until(lambda: lost(d) == [f"state_not_saved: {d.state_dir} is gone: make it again, for the user of lbd and with mode 0700"],
              "it is missed")
        done = d.call("config", "apply", "-y", write(d, "new.yaml", content(3)))
        assert done.returncode == 8 and "is gone" in done.stderr, done
        assert not os.path.exists(d.state_dir)
        os.mkdir(d.state_dir, 0o700)
        taken_up(d)
        runs(d, 2, {3: "confirmed"})


def test_a_state_directory_that_is_emptied(pair):
    """Itself it stays, and what it had is gone."""
    with running(pair.a, content(1)) as d:
        d.text("backend", "drain", "web/app1")
        apply(d, content(1) + "#\n")
        d.write(content(2))
        assert d.call("daemon", "reload", "-y").returncode in (0, 8)
        for name in os.listdir(d.state_dir):
            path = os.path.join(d.state_dir, name)
            with contextlib.suppress(FileNotFoundError):  # one that is being written has another name afterwards
                (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)
        taken_up(d)
        assert "somebody has emptied" in d.log()
        apply(d, content(3), "--confirm", "1h")
        assert history(d) == {3: "confirmed", 4: "pending"}
        d.call("config", "rollback")
        d.kill()
        answers(d.start(ready=False))
        assert override(d) == ("drain", me()) and running_one(d) == 3


def test_a_configuration_that_is_stored_nowhere_any_more(pair):
    """It was applied from another file than the daemon's, and its text went with the directory."""
    with running(pair.a, content(1)) as d:
        apply(d, content(2))
        shutil.rmtree(d.state_dir)
        os.mkdir(d.state_dir, 0o700)
        alarm = "state_not_saved: the configuration that runs is stored nowhere: apply it again"
        until(lambda: lost(d) == [alarm], "it is said", 30)
        done = apply(d, content(2))
        assert "nothing changed" not in done.stdout + done.stderr
        until(lambda: not lost(d), "it is over")
        runs(d, 2, {3: "confirmed"}, hold=None)


def test_a_table_of_nftables_is_noted_in_another_directory(pair):
    """A start that needs none removes it then, also after a crash."""
    yaml = json.dumps({"vrrp": {"wan": instance(accept=False)}, "services": {}}) + "\n"
    with running(pair.a, yaml) as d:
        until(lambda: "nft" in os.listdir(d.state_dir), "it is noted")
        shutil.rmtree(d.state_dir)
        os.mkdir(d.state_dir, 0o700)
        taken_up(d)
        assert {"nft", "vrrp"} <= set(os.listdir(d.state_dir))
        until(lambda: "table inet lbd" in pair.a.run("nft", "list", "ruleset"), "it is in the kernel")
        d.kill()
        d.write(text(2))
        answers(d.start(ready=False))
        until(lambda: "table inet lbd" not in pair.a.run("nft", "list", "ruleset"), "it is removed")


def test_another_directory_during_a_trial(pair):
    with running(pair.a, content(1)) as d:
        d.text("backend", "drain", "web/app1")
        until(lambda: history(d) == {1: "confirmed"}, "it is stored")
        copy = backup(d)
        apply(d, content(2), "--confirm", "1h")
        put(d, copy)
        until(lambda: any("under way with generation 2" in a for a in lost(d)), "it is noticed")
        d.text("config", "confirm")
        taken_up(d)
        runs(d, 2, {1: "confirmed", 2: "confirmed"})


@pytest.mark.parametrize("why", ["rights", "another lbd"])
def test_another_directory_that_cannot_be_used(pair, why):
    """Whoever says something is told that it does not last."""
    with running(pair.a, content(1), "lbd") as d:
        until(lambda: history(d) == {1: "confirmed"}, "it is stored")
        copy = backup(d)
        shutil.chown(copy, "root" if why == "rights" else "lbd")
        os.chmod(copy, 0o755)
        fd = os.open(copy, os.O_RDONLY | os.O_DIRECTORY)
        if why == "another lbd":
            fcntl.flock(fd, fcntl.LOCK_EX)
        put(d, copy)
        word = "Permission denied" if why == "rights" else f"in use by another lbd (process {os.getpid()})"
        until(lambda: any(word in a and a.endswith("restart lbd") for a in lost(d)), "it is noticed")
        done = d.call("backend", "drain", "web/app1")
        assert "(not stored: the state directory is gone, or another one" in done.stdout + done.stderr, done
        done = d.call("config", "apply", "-y", write(d, "new.yaml", content(2)))
        assert done.returncode == 8 and word in done.stderr and running_one(d) == 1, done
        assert d.log().count("state: another directory is in the place of the one") == 1
        os.rename(d.state_dir, copy)
        os.rename(d.state_dir + ".old", d.state_dir)
        until(lambda: not lost(d), "it is there again")
        os.close(fd)
        runs(d, 1, {1: "confirmed"})


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
    fds, paths = f"/proc/{pid}/fd", []
    for n in os.listdir(fds):
        with contextlib.suppress(FileNotFoundError):  # it may have been closed meanwhile
            paths.append(os.readlink(os.path.join(fds, n)))
    return paths


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
