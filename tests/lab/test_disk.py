# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the disk does not take, and what it has and does not give: generations and overrides are stored and read as soon as it
can be, and nothing is forgotten meanwhile. Nothing here needs IPVS.
"""
import contextlib
import json
import os
import shutil
import subprocess

import pytest

from conftest import Lbd, until
from life import answers, apply, history, restart, running, running_one, shown, status, text
from pair import lone, pair
from steps import to_root
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


# ---------------------------------------------------------------- many overrides

OVERRIDES_MAX = 64 << 20


def stored(d, reasons):
    """As if an operator had drained these backends; {name: reason}."""
    item = {"set_ms": 1000, "expires_ms": 0, "by": "alice", "value": "drain"}
    with open(os.path.join(d.state_dir, "overrides.json"), "w", encoding="utf-8") as f:
        json.dump({"version": 1, "overrides": [{"object": f"web/{b}", "state": dict(item, reason=r)} for b, r in reasons.items()]},
                  f, indent=1)
    os.chmod(f.name, 0o600)


def drains(d):
    """How many; status shows some of them whole."""
    (line,) = [n for n in d.text("metrics").splitlines() if n.startswith("lbd_overrides ")]
    return int(line.split()[1])


def many():
    """Names of so many backends, and the configuration that has them."""
    names = [f"b{i}" for i in range(20000)]
    return names, json.dumps({"services": {"web": {"listen": "203.0.113.1:80", "check": "none", "backends": {
        n: f"10.1.{i >> 8}.{i & 255}" for i, n in enumerate(names)}}}})


def test_many_overrides_outlive_a_restart(pair):
    names, yaml = many()
    d = lone(pair.a, yaml, "lb-a")
    try:
        stored(d, {n: "the disk of this one is replaced, and its neighbours, too; until then it has no new clients. " * 3 for n in names})
        answers(d.start(ready=False))
        assert drains(d) == len(names)
        d.call("backend", "enable", "web/b7")
        restart(d)
        assert drains(d) == len(names) - 1, d.log()
    finally:
        d.close()


def test_more_overrides_than_a_start_reads_are_not_stored(pair):
    """What is on the disk stays as it is, and is read."""
    yaml = json.dumps({"services": {"web": {"listen": "203.0.113.1:80", "check": "none", "backends": {
        "a": "10.1.0.1", "b": "10.1.0.2"}}}})
    d = lone(pair.a, yaml, "lb-a")
    try:
        stored(d, {"a": ""})
        path = os.path.join(d.state_dir, "overrides.json")
        stored(d, {"a": "x" * (OVERRIDES_MAX - os.path.getsize(path))})
        assert os.path.getsize(path) == OVERRIDES_MAX
        answers(d.start(ready=False))
        assert drains(d) == 1
        done = d.call("backend", "drain", "web/b")
        assert "(not stored: all overrides together are more than 64 MiB; it ends with the daemon)" in done.stdout + done.stderr, done
        assert "lbd_alarm_raised{alarm=\"state_not_saved\"} 1" in d.text("metrics")
        restart(d)
        assert drains(d) == 1
    finally:
        d.close()


# ---------------------------------------------------------------- what cannot be read

@pytest.fixture()
def unprivileged(pair):
    """As the unit has it: root may read everything."""
    with running(pair.a, text(1), "lbd") as it:
        yield it


def unread(d):
    return [a for a in status(d)["alarms"] if a.startswith("state_not_read")]


def has_read(d):
    until(lambda: not unread(d), "it reads what it could not", 40)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_overrides_that_cannot_be_read_are_not_forgotten(pair, what):
    """They hold again as soon as they can be read, and who spoke meanwhile spoke last."""
    with running(pair.a, json.dumps({"services": web()}) + "\n", "lbd") as d:
        d.text("backend", "maint", "web/app1", "--reason", "its disk")
        d.text("backend", "weight", "web/app2", "3")
        path = os.path.join(d.state_dir, "overrides.json")
        before = open(path, encoding="utf-8").read()
        d.stop()
        mend = to_root(path if what == "file" else d.state_dir)
        answers(d.start(ready=False))
        assert override(d) is None
        assert unread(d) == ["state_not_read: overrides.json"]
        assert "cannot be read: Permission denied" in d.log() or what == "folder"
        done = d.call("backend", "weight", "web/app2", "5")
        assert done.returncode == 0 and "not stored" in done.stdout, done
        assert open(path, encoding="utf-8").read() == before and not os.path.exists(path + ".rejected")
        mend()
        has_read(d)
        assert override(d)[0] == "maint" and override(d, "web/app2", "weight")[0] == "5"
        restart(d)
        assert override(d)[0] == "maint" and override(d, "web/app2", "weight")[0] == "5"
        assert "state_not_saved" not in status(d)["alarms"]


def test_many_overrides_that_are_read_later_all_hold(pair):
    names, yaml = many()
    d = Lbd(pair.a, yaml, user="lbd")
    try:
        stored(d, {n: "a new disk" for n in names})
        path = os.path.join(d.state_dir, "overrides.json")
        shutil.chown(path, "lbd")
        mend = to_root(path)
        answers(d.start(ready=False))
        assert drains(d) == 0 and unread(d)
        d.text("backend", "weight", "web/b7", "3")
        mend()
        has_read(d)
        assert drains(d) == len(names)
        restart(d)
        assert drains(d) == len(names) and override(d, "web/b7", "weight")[0] == "3"
    finally:
        d.close()


def damaged(d):
    return [name for name in os.listdir(os.path.join(d.state_dir, "generations")) if not name.isdigit()]


def rolled_back_file(d):
    """The file has what was tried last, and was not kept."""
    until(lambda: history(d) == {1: "confirmed"}, "the first one is stored", 20)
    d.write(text(2))
    d.text("config", "apply", "-y", "--confirm", "1h", code=8)
    d.text("config", "rollback", code=0)
    assert history(d) == {1: "confirmed", 2: "rolled_back"} and running_one(d) == 1


def test_one_generation_that_cannot_be_read_may_be_a_rolled_back_file(unprivileged):
    d = unprivileged
    rolled_back_file(d)
    d.stop()
    mend = to_root(os.path.join(d.state_dir, "generations", "2"))
    answers(d.start(ready=False))
    assert shown(d) == text(1) and unread(d) == ["state_not_read: generations"] and status(d)["file"]["differs"]
    assert f"generation 1 runs, not {d.config}: not every generation can be" in d.text("status")
    mend()
    has_read(d)
    assert history(d) == {1: "confirmed", 2: "rolled_back"} and running_one(d) == 1
    assert f"generation 1 runs, not {d.config}: that is 2, rolled back: by " in " ".join(d.text("status").split())


@pytest.mark.parametrize("what", ["folder", "files"])
def test_a_file_that_turns_out_to_be_rolled_back_goes_back(unprivileged, what):
    d = unprivileged
    rolled_back_file(d)
    d.stop()
    folder = os.path.join(d.state_dir, "generations")
    mend = to_root(*([folder] if what == "folder" else [os.path.join(folder, n) for n in ("1", "2")]))
    answers(d.start(ready=False))
    assert shown(d) == text(2) and unread(d) == ["state_not_read: generations"]
    assert apply(d, text(3), "--confirm", "1h", ok=False).returncode == 8  # there would be nothing to go back to
    assert sorted(os.listdir(folder)) == ["1", "2"]  # it is not stored as one that may run
    mend()
    until(lambda: shown(d) == text(1), "it goes back", 40)
    until(lambda: status(d)["config"]["state"] == "confirmed", "it has gone back", 20)
    assert not unread(d) and history(d) == {1: "confirmed", 2: "rolled_back", 3: "rolled_back"} and running_one(d) == 1
    assert not damaged(d)


def test_a_file_that_turns_out_to_be_the_one_of_before_stays(unprivileged):
    d = unprivileged
    until(lambda: history(d) == {1: "confirmed"}, "the first one is stored", 20)
    d.stop()
    mend = to_root(os.path.join(d.state_dir, "generations", "1"))
    answers(d.start(ready=False))
    assert shown(d) == text(1)
    mend()
    has_read(d)
    assert history(d) == {1: "confirmed"} and running_one(d) == 1


def newest_unread(d, content):
    """Generations 1 and 2 are confirmed, and the start cannot read 2. Returns how to mend it."""
    until(lambda: history(d) == {1: "confirmed"}, "the first one is stored", 20)
    d.write(text(2))
    d.text("config", "apply", "-y", code=8)
    assert history(d) == {1: "confirmed", 2: "confirmed"}
    d.stop()
    d.write(content)
    mend = to_root(os.path.join(d.state_dir, "generations", "2"))
    answers(d.start(ready=False))
    assert shown(d) == text(1) and unread(d) == ["state_not_read: generations"]
    return mend


@pytest.mark.parametrize("content", [text(2), text(3), "services: [\n"], ids=["same", "new", "broken"])
def test_the_newest_confirmed_runs_when_it_can_be_read(unprivileged, content):
    d = unprivileged
    mend = newest_unread(d, content)
    done = apply(d, text(4), "--confirm", "1h", ok=False)
    assert done.returncode == 8 and "is not what a start would go back to: not every generation" in done.stderr, done
    mend()
    until(lambda: shown(d) == text(2), "it runs", 40)
    until(lambda: status(d)["config"]["state"] == "confirmed", "it has been loaded", 20)
    assert not unread(d) and history(d) == {1: "confirmed", 2: "confirmed"} and running_one(d) == 2
    note = f"generation 2 runs, the newest confirmed, not {d.config}: "
    assert status(d)["config"].get("note", "").startswith(note if content.endswith("[\n") else "")
    until(lambda: status(d)["file"]["differs"] == (content != text(2)), "the file is compared", 5)
    apply(d, text(4), "--confirm", "1h")
    d.text("config", "rollback")
    assert running_one(d) == 2 and history(d) == {1: "confirmed", 2: "confirmed", 3: "rolled_back"}


def test_what_is_applied_meanwhile_stays(unprivileged):
    """It is the last word, also where it is what runs."""
    d = unprivileged
    mend = newest_unread(d, text(2))
    apply(d, text(1))
    mend()
    has_read(d)
    assert shown(d) == text(1) and running_one(d) == 3
    assert history(d) == dict.fromkeys((1, 2, 3), "confirmed")


def test_a_file_that_is_known_is_the_newest_whatever_cannot_be_read(unprivileged):
    d = unprivileged
    mend = newest_unread(d, text(1))
    until(lambda: history(d) == {1: "confirmed", 3: "confirmed"}, "it is stored", 20)
    restart(d)
    assert running_one(d) == 3
    mend()
    has_read(d)
    assert running_one(d) == 3 and history(d) == dict.fromkeys((1, 2, 3), "confirmed")
