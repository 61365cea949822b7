# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the disk does not take: generations and overrides are stored as soon as they can be, and nothing is forgotten
meanwhile. Nothing here needs IPVS.
"""
import contextlib
import json
import os
import subprocess

import pytest

from conftest import until
from life import answers, apply, history, restart, running_one, shown, status, text
from pair import lone, pair
from test_peer_talk import data, me, override, web


# ---------------------------------------------------------------- a disk that takes nothing

@contextlib.contextmanager
def on_a_small_disk(pair, size, yaml=text(1)):
    """The daemon sees a state directory on a file system of its own."""
    dd = lone(pair.a, yaml, "lb-a")
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "none", dd.state_dir], check=True)
        answers(dd.start(ready=False))
        yield dd
    finally:
        with contextlib.suppress(Exception):
            dd.stop()
        subprocess.run(["umount", "-l", dd.state_dir], check=False)
        dd.close()


@pytest.mark.parametrize("start", [False, True])
def test_what_was_wrong_with_the_file_before_is_not_said_of_this_one(pair, start):
    with on_a_small_disk(pair, "128k") as d:
        until(lambda: history(d) == {1: "confirmed"}, "it is stored", 20)
        d.write("services: [\n")
        if start:
            restart(d)
            assert d.text("status").startswith(f"generation 1 runs, the newest confirmed, not {d.config}:")
        else:
            assert d.call("daemon", "reload", "-y").returncode == 6
        assert "lbd.yaml:" in status(d)["file"]["error"]
        mend = fill(d)
        d.write(text(2))
        assert d.call("daemon", "reload", "-y").returncode == 8
        assert "error" not in status(d)["file"] and "note" not in status(d)["config"] and "lbd.yaml:" not in d.text("status")
        d.write("services: { web: [] }\n")
        assert d.call("daemon", "reload", "-y").returncode == 6
        assert "lbd.yaml:1:18" in status(d)["file"]["error"] and "note" in status(d)["config"] or not start
        mend()
        d.write(text(2))
        d.call("daemon", "reload", "-y")
        assert running_one(d) == 2 and "error" not in status(d)["file"] and "note" not in status(d)["config"]


def remount(d, how):
    subprocess.run(["mount", "-o", f"remount,{how}", d.state_dir], check=True)


def fill(d):
    """Nothing fits any more. Returns how to mend it."""
    path = os.path.join(d.state_dir, "full")
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as f:
        while True:
            f.write(b"x" * 4096)
    return lambda: os.unlink(path)


def read_only(d):
    remount(d, "ro")
    return lambda: remount(d, "rw")


@pytest.mark.parametrize("spoil", [fill, read_only])
def test_a_disk_that_takes_nothing(pair, spoil):
    with on_a_small_disk(pair, "128k") as d:
        apply(d, text(2), "--confirm", "1h")
        mend = spoil(d)
        done = d.call("config", "confirm")
        assert done.returncode == 8 and "generation 2 is not confirmed" in done.stderr, done
        assert history(d) == {1: "confirmed", 2: "pending"} and "state_not_saved" in status(d)["alarms"]
        # it goes back all the same: what cannot be marked stays pending, which no start runs
        assert "rolled back to 1, verified" in d.text("config", "rollback")
        assert running_one(d) == 1
        done = apply(d, text(3), ok=False)
        assert done.returncode == 8 and "Nothing was applied; generation 1 is still running." in done.stderr, done
        d.write(text(4))
        assert d.call("daemon", "reload", "-y").returncode == 8
        assert "error" not in status(d)["file"]  # nothing is wrong with it
        d.write(text(1))
        restart(d)
        assert running_one(d) == 1 and status(d)["config"]["rolled_back"] == 2
        mend()
        restart(d)
        assert history(d) == {1: "confirmed", 2: "rolled_back"} and running_one(d) == 1
        apply(d, text(3))
        mend = spoil(d)
        done = d.call("config", "rollback", "1")
        assert done.returncode == 8 and "not rolled back, generation 3 is running" in done.stderr, done
        assert running_one(d) == 3
        mend()
        assert "rolled back to 1" in d.text("config", "rollback", "1")
        folder = os.listdir(os.path.join(d.state_dir, "generations"))
        assert not [name for name in folder if not name.isdigit()], folder


@pytest.mark.parametrize("spoil", [fill, read_only])
def test_a_disk_that_takes_nothing_twice(pair, spoil):
    """One trial stays pending on the disk: that does not keep the next one from going back."""
    with on_a_small_disk(pair, "128k") as d:
        for i in (2, 3):
            apply(d, text(i), "--confirm", "1s")
            mend = spoil(d)
            until(lambda: status(d)["config"]["state"] == "confirmed", "it goes back", 20)
            assert running_one(d) == 1 and history(d)[i] == "pending"
            mend()
        apply(d, text(4), "--confirm", "1h")
        mend = spoil(d)
        assert "rolled back to 1, verified" in d.text("config", "rollback")
        assert history(d)[4] == "pending"
        assert 1 <= d.log().count("config/2: cannot be stored as rolled_back") <= 3  # for each, until it was stored
        mend()
        all_back = {1: "confirmed", **dict.fromkeys((2, 3, 4), "rolled_back")}
        until(lambda: history(d) == all_back, "they are stored", 30)
        whys = {r["generation"]: r.get("why") for r in data(d, "config", "history")}
        assert whys[2] == whys[3] == "not confirmed in 1s" and whys[4].startswith("by "), whys


@pytest.mark.parametrize("spoil", [fill, read_only])
def test_a_mark_that_found_no_place_is_written_when_there_is_one(pair, spoil):
    """With its reason, and before the next start, which does not know it."""
    def saved():
        return "state_not_saved" not in status(d)["alarms"]

    with on_a_small_disk(pair, "128k") as d:
        for i, stop in ((2, False), (3, True)):
            apply(d, text(i), "--confirm", "1h")
            mend = spoil(d)
            assert "rolled back to 1, verified" in d.text("config", "rollback")
            assert history(d)[i] == "pending" and not saved()
            mend()
            if stop:  # and whoever stops it need not wait for that
                d.stop()
                answers(d.start(ready=False))
            until(saved, "it is stored", 30)
            assert history(d)[i] == "rolled_back" and running_one(d) == 1
            (why,) = [r["why"] for r in data(d, "config", "history") if r["generation"] == i]
            assert why.startswith("by "), why


@pytest.mark.parametrize("spoil", [fill, read_only])
def test_a_start_whose_generation_finds_no_place(pair, spoil):
    """It runs, can be shown, and is stored as soon as there is a place: a start does not ask for one."""
    with on_a_small_disk(pair, "128k") as d:
        mend = spoil(d)
        d.write(text(2))
        restart(d)
        assert shown(d) == text(2) and history(d) == {1: "confirmed"}
        assert "state_not_saved" in status(d)["alarms"]
        mend()
        until(lambda: running_one(d) == 2 if 2 in history(d) else None, "it is stored", 40)
        assert history(d) == {1: "confirmed", 2: "confirmed"} and "state_not_saved" not in status(d)["alarms"]


@pytest.mark.parametrize("spoil", [fill, read_only])
def test_a_start_whose_generation_found_no_place_is_not_rolled_back(pair, spoil):
    """Nothing would know it, and the file still has it."""
    with on_a_small_disk(pair, "128k") as d:
        mend = spoil(d)
        d.write(text(2))
        restart(d)
        done = d.call("config", "rollback")
        assert done.returncode == 8 and "not rolled back, generation 2 is running, and is not stored: " in done.stderr, done
        assert shown(d) == text(2) and status(d)["config"]["state"] == "confirmed"
        mend()
        assert "rolled back to 1, verified" in d.text("config", "rollback")
        assert history(d) == {1: "confirmed", 2: "rolled_back"}
        restart(d)
        assert running_one(d) == 1 and history(d) == {1: "confirmed", 2: "rolled_back"}


def test_a_start_whose_generation_found_no_place_is_stored_at_its_stop(pair):
    with on_a_small_disk(pair, "128k") as d:
        mend = fill(d)
        d.write(text(2))
        restart(d)
        assert shown(d) == text(2) and history(d) == {1: "confirmed"}
        mend()
        d.stop()
        assert text(2) in open(os.path.join(d.state_dir, "generations", "2"), encoding="utf-8").read()


def test_an_override_that_found_no_place_is_written_when_there_is_one(pair):
    """A generation that is stored meanwhile does not make it so, nor does it end the alarm."""
    def content(i):
        return json.dumps({"services": web()}) + f"\n# {i}\n"

    def saved():
        return "state_not_saved" not in status(d)["alarms"]

    with on_a_small_disk(pair, "128k", content(1)) as d:
        until(lambda: history(d) == {1: "confirmed"}, "the first one is stored")
        for i, (word, key) in enumerate((("drain", ("drain", me())), ("enable", None)), 2):
            mend = fill(d)
            done = d.call("backend", word, "web/app1")
            assert done.returncode == 0 and "not stored" in done.stdout, done
            assert override(d) == key and not saved()
            mend()
            apply(d, content(i))
            until(saved, "it is stored", 30)
            restart(d)
            assert override(d) == key
        # and whoever stops it need not wait for that
        mend = fill(d)
        assert "not stored" in d.text("backend", "drain", "web/app1")
        mend()
        d.stop()
        answers(d.start(ready=False))
        assert override(d) == ("drain", me())


def test_overrides_are_written_together(pair):
    """All of them are written each time: once for what comes together, be it requests of a glob or the ends of a second."""
    n = 300
    web_of_many = {"listen": "10.7.0.80:80", "sync": "off", "check": "none",
                   "backends": {f"app{i}": f"10.8.0.{i % 250 + 1}:{8000 + i}" for i in range(n)}}

    def written(since=0):
        with open(f"/proc/{d.pid}/io", encoding="ascii") as f:
            return int(dict(line.split(": ") for line in f)["wchar"]) - since

    d = lone(pair.a, json.dumps({"services": {"web": web_of_many}}), "lb-a")
    stored = os.path.join(d.state_dir, "overrides.json")
    try:
        answers(d.start(ready=False))
        before = written()
        d.ctl("backend", "drain", "web/*", "--for", "20s", "-y")
        assert status(d)["overrides"] == n
        size = os.path.getsize(stored)
        assert size < written(before) < n / 5 * size
        before = written()
        until(lambda: status(d)["overrides"] == 0, "they are over", 60)
        until(lambda: "drain" not in open(stored, encoding="utf-8").read(), "that is stored")
        assert written(before) < n / 30 * size
    finally:
        d.stop()
        d.close()
