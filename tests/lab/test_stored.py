# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the disk has, and does not give at a start: overrides and generations are read as soon as they can be, however many,
and nothing is forgotten meanwhile. Nothing here needs IPVS.
"""
import json
import os
import shutil

import pytest

from conftest import Lbd, until
from life import answers, apply, history, restart, running, running_one, shown, status, text
from pair import lone, pair
from steps import to_root
from test_peer_talk import override, web


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


NEWER = " was written by a newer lbd: install that one again, or move it out of the state directory"


def test_overrides_of_a_newer_lbd_are_not_forgotten(pair):
    """The way back to an older package: nothing is written over, and the way forward finds it as it was."""
    with running(pair.a, json.dumps({"services": web()}) + "\n", "lbd") as d:
        d.text("backend", "maint", "web/app1", "--reason", "its disk")
        path = os.path.join(d.state_dir, "overrides.json")
        d.stop()
        with open(path, encoding="utf-8") as f:
            ours = f.read()
        newer = ours.replace('"version": 1', '"version": 2')
        assert newer != ours
        with open(path, "w", encoding="utf-8") as f:
            f.write(newer)
        answers(d.start(ready=False))
        assert unread(d) == [f"state_not_read: overrides.json{NEWER}"]
        assert override(d) is None and d.log().count("a newer lbd wrote it") == 1
        done = d.call("backend", "weight", "web/app2", "5")
        assert done.returncode == 0 and "not stored" in done.stdout, done
        assert unread(d) and d.stop() == 0
        answers(d.start(ready=False))
        assert unread(d) and open(path, encoding="utf-8").read() == newer and not os.path.exists(path + ".rejected")
        d.call("backend", "weight", "web/app2", "5")
        with open(path, "w", encoding="utf-8") as f:  # as the newer one would go on with it
            f.write(ours)
        has_read(d)
        assert override(d)[0] == "maint" and override(d, "web/app2", "weight")[0] == "5"
        restart(d)
        assert override(d)[0] == "maint" and override(d, "web/app2", "weight")[0] == "5"


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


def test_a_generation_of_a_newer_lbd_may_be_a_rolled_back_file(unprivileged):
    d = unprivileged
    rolled_back_file(d)
    d.stop()
    path = os.path.join(d.state_dir, "generations", "2")
    with open(path, encoding="utf-8") as f:
        ours = f.read()
    newer = ours.replace("lbd-generation 2\n", "lbd-generation 3\n", 1)
    with open(path, "w", encoding="utf-8") as f:
        f.write(newer)
    answers(d.start(ready=False))
    assert shown(d) == text(1) and unread(d) == [f"state_not_read: a file in generations{NEWER}"]
    done = d.call("config", "show", "2")
    assert done.returncode and "a newer lbd wrote it" in done.stdout + done.stderr, done
    apply(d, text(3))
    assert open(path, encoding="utf-8").read() == newer and not damaged(d)
    with open(path, "w", encoding="utf-8") as f:
        f.write(ours)
    has_read(d)
    assert history(d) == {1: "confirmed", 2: "rolled_back", running_one(d): "confirmed"}


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
