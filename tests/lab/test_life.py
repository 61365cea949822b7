# SPDX-License-Identifier: GPL-2.0-or-later
"""
Changing safely: `config apply --confirm`, confirm, rollback, and what a start makes of what is on the disk. Nothing here
needs IPVS: the configurations differ in the level of the log, so what runs is asked of the daemon.
"""
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from conftest import Lbd, until
from pair import key, lone, pair
from steps import slowness, to_root
from test_peer_talk import Background, Cut, both, data, generations, levels, links, me, override, web, yaml

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


@pytest.fixture()
def d(pair):
    with running(pair.a, text(1)) as it:
        yield it


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
    return data(d, "status")[0]


def history(d):
    """number -> state"""
    return {r["generation"]: r["state"] for r in data(d, "config", "history")}


def shown(d):
    return d.text("config", "show")


def running_one(d):
    """The number, after checking that what runs is what is stored under it, and that this is the only valid answer."""
    rows = data(d, "config", "history")
    (runs,) = [r for r in rows if r["runs"]]
    content = shown(d)
    assert hashlib.sha256(content.encode()).hexdigest() == runs["digest"], rows
    assert shown(d) == d.text("config", "show", str(runs["generation"]))
    return runs["generation"]


def restart(d):
    """A power cut: killed, and what is below /run is gone."""
    d.kill()
    for name in os.listdir(d.run_dir):
        os.unlink(os.path.join(d.run_dir, name))
    answers(d.start(ready=False))


# ---------------------------------------------------------------- overrides

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


# ---------------------------------------------------------------- one node

def test_pending_goes_back_at_the_deadline(d):
    done = apply(d, text(2), "--confirm", "2s", "-m", "try it")
    assert "it goes back to 1 in 2s unless you say: lbctl config confirm" in done.stdout + done.stderr
    assert history(d) == {1: "confirmed", 2: "pending"} and running_one(d) == 2
    config = status(d)["config"]
    assert config["state"] == "pending" and config["base"] == 1 and 0 <= config["left"] <= 2
    assert d.text("status").startswith("generation 2 goes back to 1 in ")
    refused = apply(d, text(3), ok=False)
    assert refused.returncode == 7 and "generation 2 waits for a confirm" in refused.stderr, refused
    assert d.call("daemon", "reload", "-y").returncode == 7
    until(lambda: status(d)["config"]["state"] == "confirmed", "it goes back", 20)
    assert running_one(d) == 1 and shown(d) == text(1)
    assert history(d) == {1: "confirmed", 2: "rolled_back"}
    config = status(d)["config"]
    assert config["rolled_back"] == 2 and config["why"] == "not confirmed in 2s" and config["verified"]
    assert any(a.startswith("config_rolled_back: generation 2") for a in status(d)["alarms"])
    assert d.text("status").startswith("generation 1 runs, verified: 2 was rolled back: not confirmed in 2s\n")
    assert "rolled back to 1, verified (not confirmed in 2s)" in d.log()
    late = d.call("config", "confirm")
    assert late.returncode == 7 and "too late: generation 2 was rolled back" in late.stderr
    assert d.call("wait", "config", "confirmed", "-t", "5s").returncode == 1
    apply(d, text(4))
    assert not any("config_rolled_back" in a for a in status(d)["alarms"])
    assert running_one(d) == 3 and d.call("wait", "config", "confirmed", "-t", "5s").returncode == 0


def test_confirmed_stays(d):
    apply(d, text(2), "--confirm", "3s")
    assert "generation 2 is confirmed" in d.text("config", "confirm")
    time.sleep(3.5)
    assert running_one(d) == 2 and history(d) == {1: "confirmed", 2: "confirmed"}
    again = d.call("config", "confirm")
    assert again.returncode == 7 and "nothing waits for a confirm: generation 2 is running" in again.stderr
    row = data(d, "config", "history")[-1]
    assert row["user"] == me() and row["runs"]


def test_rollback_by_hand(d):
    for i in (2, 3, 4):
        apply(d, text(i))
    assert d.call("config", "rollback", "9").returncode == 4
    done = d.call("config", "rollback", "4")
    assert done.returncode == 7 and "generation 4 is running" in done.stderr
    assert "rolled back to 2, verified" in d.text("config", "rollback", "2")
    assert running_one(d) == 2
    assert history(d) == {1: "confirmed", 2: "confirmed", 3: "rolled_back", 4: "rolled_back"}
    done = d.call("config", "rollback", "3")
    assert done.returncode == 7 and "lbctl config show 3 | lbctl config apply -" in done.stderr
    assert "rolled back to 1, verified" in d.text("config", "rollback")
    assert d.call("config", "rollback").returncode == 4
    apply(d, text(4))
    assert running_one(d) == 5 and shown(d) == text(4)
    # while one is pending: it, and what is named
    apply(d, text(6), "--confirm", "1h")
    assert "rolled back to 5" in d.text("config", "rollback")
    apply(d, text(7), "--confirm", "1h")
    assert "rolled back to 1" in d.text("config", "rollback", "1")
    assert history(d)[5] == history(d)[7] == "rolled_back" and running_one(d) == 1


def test_a_start_never_runs_what_is_pending(d):
    d.write(text(2))
    done = d.call("config", "apply", "-y", "--confirm", "1h")
    assert done.returncode in (0, 8) and running_one(d) == 2
    restart(d)
    assert running_one(d) == 1 and history(d) == {1: "confirmed", 2: "rolled_back"}
    first = " ".join(d.text("status").split())
    assert first.startswith(f"generation 1 runs, not {d.config}: that is 2, rolled back: "
                            "lbd was started before it was confirmed"), first
    assert status(d)["file"]["differs"] and any("config_rolled_back" in a for a in status(d)["alarms"])
    restart(d)  # it is not forgotten: the file still is what was rolled back
    assert running_one(d) == 1 and status(d)["config"]["rolled_back"] == 2
    # settled as the manual says
    d.write(shown(d))
    done = d.call("daemon", "reload", "-y")
    assert not any("config_rolled_back" in a for a in status(d)["alarms"]), done
    until(lambda: not status(d)["file"]["differs"], "the file is what runs", 5)
    # or applied again, which counts
    d.write(text(2))
    d.call("daemon", "reload", "-y")
    restart(d)
    assert shown(d) == text(2) and not status(d)["file"]["differs"]


def test_a_file_that_was_rolled_back_and_one_that_is_broken(d):
    apply(d, text(2))
    d.write(text(2))
    d.text("config", "rollback")
    restart(d)
    assert running_one(d) == 1 and "that is 2, rolled back: by" in " ".join(d.text("status").split())
    d.write("services: [\n")
    restart(d)
    assert running_one(d) == 1
    first = " ".join(d.text("status").split())
    assert first.startswith(f"generation 1 runs, the newest confirmed, not {d.config}: {d.config}:"), first


def test_a_folder_that_may_not_be_opened_is_not_an_empty_one(d):
    folder = os.path.join(d.dir, "conf.d")
    os.mkdir(folder)
    write(d, "conf.d/10-api.yaml", json.dumps({"services": {"api": {"listen": "10.8.0.9:80", "check": "none",
                                                                   "backends": {"b": "10.8.0.11"}}}}))
    assert d.call("daemon", "reload", "-y").returncode in (0, 8)
    os.chmod(folder, 0)
    shutil.chown(folder, "nobody")  # root without its capabilities is nobody there
    refused = d.call("daemon", "reload", "-y")
    assert refused.returncode == 6 and f"{folder}: Permission denied" in refused.stderr, refused
    assert [r["service"] for r in data(d, "service", "list")] == ["api"]
    restart(d)
    assert [r["service"] for r in data(d, "service", "list")] == ["api"]
    first = " ".join(d.text("status").split())
    assert first.startswith(f"generation 2 runs, the newest confirmed, not {d.config}: {folder}: Permission"), first


def test_as_many_files_as_there_may_be_and_a_name_of_two_lines(d):
    os.mkdir(os.path.join(d.dir, "conf.d"))
    for i in range(998):
        write(d, f"conf.d/{i:03}.yaml", "services: {}\n")
    write(d, "conf.d/998\nsource 1.yaml", "services: {}\n")
    assert d.call("daemon", "reload", "-y").returncode in (0, 8)
    apply(d, text(3))
    assert "/998?source 1.yaml\n" in d.text("config", "show", "2") and shown(d) == text(3)
    d.text("config", "rollback")
    assert status(d)["generation"] == 2 and history(d) == {1: "confirmed", 2: "confirmed", 3: "rolled_back"}
    write(d, "conf.d/999.yaml", "services: {}\n")
    refused = d.call("daemon", "reload", "-y")
    assert refused.returncode == 6 and "more than 1000 files" in refused.stderr, refused
    restart(d)
    assert status(d)["generation"] == 2


def test_damaged_generations_are_set_aside(d):
    for i in (2, 3, 4):
        apply(d, text(i))
    folder = os.path.join(d.state_dir, "generations")
    d.kill()
    with open(os.path.join(folder, "4"), "r+b") as f:  # cut
        f.truncate(os.path.getsize(f.name) - 5)
    with open(os.path.join(folder, "3"), "r+b") as f:  # one bit of its text
        data_ = bytearray(f.read())
        data_[data_.index(b"services")] ^= 1
        f.seek(0)
        f.write(data_)
    d.write("services: [\n")
    answers(d.start(ready=False))
    assert running_one(d) == 2 and history(d) == {1: "confirmed", 2: "confirmed", 3: "damaged", 4: "damaged"}
    assert sorted(os.listdir(folder)) == ["1", "2", "3.damaged", "4.damaged"]
    assert "4 cannot be used: cut or damaged" in d.log() and "kept as 4.damaged" in d.log()
    apply(d, text(5))
    assert running_one(d) == 5  # a number is used once


def test_no_way_back(d):
    """What was given up still runs: it can be kept after all, and so it is after a start."""
    apply(d, text(2))
    with open(os.path.join(d.state_dir, "generations", "1"), "r+b") as f:  # not its head
        data_ = bytearray(f.read())
        data_[data_.index(b"services")] ^= 1
        f.seek(0)
        f.write(data_)
    done = d.call("config", "rollback")
    assert done.returncode == 8 and "generation 2 could not be rolled back and still runs" in done.stderr, done
    assert status(d)["config"]["state"] == "stuck" and history(d) == {1: "damaged", 2: "rolled_back"}
    done = d.call("config", "apply", "-y", "--confirm", "1m", write(d, "new.yaml", text(2)))
    assert done.returncode == 7 and "apply it without --confirm" in done.stderr, done
    assert history(d)[2] == "rolled_back"
    done = d.call("config", "apply", "-y", write(d, "new.yaml", text(2)))
    assert done.returncode == 0 and "nothing changed; generation 2 is confirmed" in done.stdout, done
    assert status(d)["config"]["state"] == "confirmed" and history(d)[2] == "confirmed"
    assert not any("config_rolled_back" in a for a in status(d)["alarms"])
    d.write("services: [\n")
    restart(d)
    assert running_one(d) == 2


def test_an_override_outlives_a_trial_without_its_backend(d):
    apply(d, json.dumps({"services": web()}) + "\n")
    d.text("backend", "drain", "web/app1")
    apply(d, text(3), "--confirm", "1h")
    d.call("config", "rollback")
    assert override(d) == ("drain", me())
    apply(d, text(4), "--confirm", "1h")
    assert "dropped" not in d.log()
    d.text("config", "confirm")
    assert "backend/web/app1: override dropped" in d.log()


def test_an_apply_tells_what_an_override_hides(d):
    services = web()
    apply(d, json.dumps({"services": services}) + "\n")
    d.text("backend", "drain", "web/app1")
    services["web"]["backends"]["app1"].update(state="maint", weight=3)
    services["web"]["backends"]["app2"].update(state="maint")
    done = apply(d, json.dumps({"services": services}) + "\n")
    assert "; hidden by overrides: backend/web/app1 state\n" in done.stdout + done.stderr, done
    d.text("backend", "weight", "web/app1", "7")
    out = d.text("config", "diff", "2", code=1)
    assert f"backend/web/app1 state: maint -> enabled  (hidden by an override of {me()})\n" in out
    assert f"backend/web/app1 weight: 3 -> 10  (hidden by an override of {me()})\n" in out
    assert "backend/web/app2 state: maint -> enabled\n" in out


def test_a_rollback_while_another_is_loaded(d):
    """It goes back from what runs, or is told to come again: never from what runs a moment later."""
    rng = random.Random(SEED)
    for i in range(4):
        apply(d, text(f"before {i}"))
        new = json.dumps({"services": web(n=1500)}) + f"\n# {i}\n"
        one = Background(d, "config", "apply", "-y", write(d, "new.yaml", new))
        time.sleep(rng.uniform(0, 0.2) * slowness())
        done = d.call("config", "rollback")
        one.end()
        assert done.returncode == 0 or (done.returncode == 7 and "try again in a moment" in done.stderr), (SEED, done)
        assert status(d)["config"]["state"] == "confirmed"
        assert running_one(d) == max(g for g, s in history(d).items() if s == "confirmed"), (SEED, i, done)


def test_a_file_that_is_edited_while_it_is_loaded_differs(d):
    rng = random.Random(SEED)
    for i in range(6):
        d.write(json.dumps({"services": web(n=1500)}) + f"\n# {i}\n")
        one = Background(d, "daemon", "reload", "-y")
        time.sleep(rng.uniform(0, 0.2) * slowness())
        edited = text(f"edited {i}")
        d.write(edited)
        one.end()
        until(lambda edited=edited: status(d)["file"]["differs"] == (shown(d) != edited), f"it is told, {SEED}", 10)


def test_what_is_wrong_with_another_file_is_not_said_of_this_one(d):
    broken = "services: { web: { listen: nowhere } }\n"
    assert apply(d, broken, ok=False).returncode == 6
    assert "error" not in status(d)["file"] and not status(d)["file"]["differs"]
    d.write(text(2))
    until(lambda: status(d)["file"]["differs"], "status says that the file differs", 5)
    assert apply(d, broken, ok=False).returncode == 6
    assert "differs from what runs" in d.text("status")
    d.write(broken)
    assert d.call("daemon", "reload", "-y").returncode == 6
    assert "lbd.yaml:1" in status(d)["file"]["error"] and f"{d.config} was not applied: " in d.text("status")


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


class Kill:
    """What runs at a random moment of a change is killed, and started again; then everything is checked."""

    def __init__(self, d, rng):
        self.d, self.rng, self.n = d, rng, 1
        self.file, self.seen = text(1), {}
        self.span = dict.fromkeys(("apply", "confirm", "rollback"), 0.02 * slowness())

    def shot(self, what, *argv):
        """Runs lbctl, kills the daemon in between. Its status and what it said."""
        one = Background(self.d, *argv)
        time.sleep(self.rng.uniform(0.2, 1.3) * self.span[what])
        self.d.kill()
        return one.end()

    def apply(self):
        self.n += 1
        new, before = text(self.n), shown(self.d)
        confirm = self.rng.random() < 0.5
        own = self.rng.random() < 0.5
        argv = ["config", "apply", "-y", *(["--confirm", "1h"] if confirm else [])]
        if own:
            self.file = new
            self.d.write(new)
        else:
            argv.append(write(self.d, "new.yaml", new))
        code, out = self.shot("apply", *argv)
        answers(self.d.start(ready=False))
        states = history(self.d)
        stored = self.number_of(new)
        if stored and data(self.d, "config", "history")[-1].get("message") == "start":
            stored = None  # killed before it was: a file like any other, and the start has stored it
        if confirm:
            assert not stored or states[stored] == "rolled_back"
            want = {before if stored or not own else new} if own else {self.file_or(before)}
        else:
            want = {new} if own else {self.file_or(before)}
        assert shown(self.d) in want, (confirm, own, code, out)
        return f"apply{' --confirm' if confirm else ''}", stored is not None

    def file_or(self, before):
        """What a start runs that knows nothing new of the file."""
        number = self.number_of(self.file)
        bad = number and history(self.d)[number] == "rolled_back"
        newest = max(g for g, s in history(self.d).items() if s == "confirmed")
        return self.d.text("config", "show", str(newest)) if bad else self.file

    def number_of(self, content):
        sha = hashlib.sha256(content.encode()).hexdigest()
        numbers = [r["generation"] for r in data(self.d, "config", "history") if r.get("digest") == sha]
        return max(numbers) if numbers else None

    def settle(self, content):
        """The file and what runs are the same and confirmed."""
        self.file = content
        self.d.write(content)
        self.d.call("daemon", "reload", "-y")
        assert shown(self.d) == content

    def confirm(self):
        self.n += 1
        before, new = shown(self.d), text(self.n)
        self.settle(before)
        apply(self.d, new, "--confirm", "1h")
        number = self.number_of(new)
        self.d.write(new)
        self.file = new
        code, out = self.shot("confirm", "config", "confirm")
        answers(self.d.start(ready=False))
        state = history(self.d)[number]
        assert shown(self.d) == {"confirmed": new, "rolled_back": before}[state], (code, out)
        assert code or state == "confirmed", out  # what was said is so
        return "confirm", state == "confirmed"

    def rollback(self):
        self.n += 1
        before, new = shown(self.d), text(self.n)
        self.settle(before)
        apply(self.d, new, *(["--confirm", "1h"] if self.rng.random() < 0.5 else []))
        number, pending = self.number_of(new), history(self.d)[self.number_of(new)] == "pending"
        self.d.write(new)
        self.file = new
        code, out = self.shot("rollback", "config", "rollback")
        answers(self.d.start(ready=False))
        state = history(self.d)[number]
        assert shown(self.d) == {"confirmed": new, "rolled_back": before}[state], (code, out)
        assert state == "rolled_back" or (not pending and code), out
        return "rollback", state == "rolled_back"

    def round(self):
        what, done = self.rng.choice([self.apply, self.confirm, self.rollback])()
        self.span[what.split()[0]] *= 0.8 if done else 1.25  # about when it happens, on a machine of any speed
        running_one(self.d)
        folder = os.path.join(self.d.state_dir, "generations")
        states = history(self.d)
        assert "pending" not in states.values() and "damaged" not in states.values(), states
        assert not [n for n in os.listdir(folder) if n.endswith(".damaged")]
        assert status(self.d)["config"]["state"] == "confirmed"
        self.seen[what, done] = self.seen.get((what, done), 0) + 1


def test_killed_at_any_moment(d):
    """Of apply, confirm and rollback: one valid generation, and that is what runs."""
    kill = Kill(d, random.Random(SEED))
    print(f"seed {SEED} (LBD_LIFE_SEED), {KILLS} times (LBD_LIFE_KILLS)")
    for i in range(KILLS):
        try:
            kill.round()
        except AssertionError as e:
            raise AssertionError(f"seed {SEED}, round {i}: {e}") from e
    for (what, done), n in sorted(kill.seen.items()):
        print(f"killed in {what}: {n} times {'after' if done else 'before'} it was on the disk")


# ---------------------------------------------------------------- two nodes

@pytest.fixture()
def same(pair, key):
    with both(pair, levels(key, "info")) as (a, b):
        links(a, b)
        yield a, b


def apply_both(d, content, confirm, ok=True):
    done = d.call("config", "apply", "-y", "--both", "--confirm", confirm, write(d, "new.yaml", content))
    assert not ok or done.returncode == 0, done
    return done.stdout


def workers_sync(d):
    return {w["name"]: w["pid"] for w in data(d, "daemon", "info")[0]["workers"]}["sync"]


def settled(*daemons, within=30):
    for d in daemons:
        until(lambda d=d: status(d)["config"]["state"] == "confirmed", f"{d.name}: nothing waits any more", within)


def test_one_confirm_reaches_both(same, key):
    a, b = same
    out = apply_both(a, levels(key, "notice"), "1h")
    assert "both nodes run it: generation 2 on lb-a, 2 on lb-b; both go back in 1h unless you say: lbctl config confirm" in out
    assert history(a) == history(b) == {1: "confirmed", 2: "pending"}
    refused = b.call("config", "apply", "-y", "--both", write(b, "more.yaml", levels(key, "debug")))
    assert refused.returncode == 7 and "generation 2 waits for a confirm" in refused.stderr, refused
    assert "confirmed on both nodes: generation 2 on lb-b, 2 on lb-a" in b.text("config", "confirm")
    assert history(a) == history(b) == {1: "confirmed", 2: "confirmed"}
    assert f"confirmed by {me()}@lb-b" in a.log()


def test_both_go_back_together(same, key):
    a, b = same
    apply_both(a, levels(key, "notice"), "2s")
    settled(a, b)
    assert history(a) == history(b) == {1: "confirmed", 2: "rolled_back"} and generations(a, b) == [1, 1]
    apply_both(b, levels(key, "debug"), "1h")
    assert "rolled back to 1, verified" in b.text("config", "rollback")
    until(lambda: history(a) == history(b) == {1: "confirmed", 2: "rolled_back", 3: "rolled_back"}, "both have gone back", 10)
    settled(a, b)
    assert "Both nodes are the same." in a.text("peer", "diff")


@contextlib.contextmanager
def drained(pair, key):
    """Two nodes on which web/app1 is drained, and a configuration without it."""
    services = web()
    del services["web"]["backends"]["app1"]
    with both(pair, yaml(key, web())) as (a, b):
        links(a, b)
        a.text("backend", "drain", "web/app1")
        until(lambda: override(b), "it holds there", 5)
        yield a, b, yaml(key, services)


def test_overrides_of_both_nodes_outlive_a_trial(pair, key):
    """And that they are taken away later is heard."""
    with drained(pair, key) as (a, b, without):
        done = a.call("config", "apply", "-y", "--both", "--confirm", "1h", write(a, "new.yaml", without))
        assert done.returncode in (0, 8) and history(a)[2] == history(b)[2] == "pending", done
        a.call("config", "rollback")
        settled(a, b)
        assert override(a) and override(b)
        a.text("backend", "enable", "web/app1")
        until(lambda: override(b) is None, "it is taken away there, too", 5)


@pytest.mark.parametrize("confirm", [False, True])
def test_what_goes_with_its_backend_was_taken_away_by_nobody(pair, key, confirm):
    with drained(pair, key) as (a, b, without):
        apply(a, without, *(["--confirm", "1h"] if confirm else []))
        if confirm:
            a.text("config", "confirm")
        assert "backend/web/app1: override dropped" in a.log()
        a.write(without)
        restart(a)
        links(a, b)
        time.sleep(0.3)
        assert override(b)


def test_cut_off_each_goes_back_by_itself(pair, same, key):
    a, b = same
    confirm = 5 + 2 * slowness()  # a link that is cut is seen after 3 s
    apply_both(a, levels(key, "notice"), f"{confirm:.0f}s")
    with Cut(pair):
        until(lambda: a.call("--peer", "version").returncode != 0, "the link is down", 10)
        done = a.call("config", "confirm")
        assert done.returncode == 3 and "nothing was confirmed" in done.stderr, done
        settled(a, b, within=confirm + 20)
        assert history(a) == history(b) == {1: "confirmed", 2: "rolled_back"}
    links(a, b)
    assert "Both nodes are the same." in a.text("peer", "diff")


def test_a_node_that_was_started_again_has_gone_back(same, key):
    a, b = same
    apply_both(a, levels(key, "notice"), "1h")
    restart(b)
    links(a, b)
    assert history(b) == {1: "confirmed", 2: "rolled_back"}
    done = a.call("config", "confirm")
    assert done.returncode == 7 and "lb-b: generation 2 was rolled back there" in done.stderr, done
    assert a.text("peer", "diff", code=1)  # they differ, and say so
    a.text("config", "rollback")
    assert "Both nodes are the same." in a.text("peer", "diff")


def test_the_link_breaks_at_any_moment(same, key):
    """Of apply --both --confirm, and of its confirm: each node runs one valid generation, and they agree or say that they do
    not."""
    a, b = same
    rng, seen = random.Random(SEED), {}
    span = [0.04 * slowness()] * 2
    print(f"seed {SEED} (LBD_LIFE_SEED)")
    for i in range(max(6, KILLS // 8)):
        confirming = i % 2 == 1
        before = shown(a)
        level = "notice" if '"info"' in before else "info"  # not only another comment
        new = levels(key, level) + f"# {i}\n"
        pid = workers_sync(rng.choice([a, b]))
        argv = ["config", "apply", "-y", "--both", "--confirm", "2s", write(a, "new.yaml", new)]
        if confirming:
            apply_both(a, new, "2s")
            argv = ["config", "confirm"]
        one = Background(a, *argv)
        time.sleep(rng.uniform(0.2, 1.3) * span[confirming])
        os.kill(pid, signal.SIGKILL)
        code, out = one.end()
        span[confirming] *= 1.25 if code else 0.8
        settled(a, b)
        links(a, b)
        for d in (a, b):
            assert running_one(d) == max(g for g, s in history(d).items() if s == "confirmed")
            assert shown(d) in (before, new), (SEED, i, out)
        agree = shown(a) == shown(b)
        assert agree or confirming, (SEED, i, out)
        assert code or shown(a) == shown(b) == (new if confirming else before), (SEED, i, out)
        if not agree:
            assert "lbctl peer diff" in out and a.text("peer", "diff", code=1), (SEED, i, out)
            assert a.call("config", "apply", "-y", "--both", write(a, "new.yaml", new)).returncode == 0
        seen[confirming, code, agree] = seen.get((confirming, code, agree), 0) + 1
    for (confirming, code, agree), n in sorted(seen.items()):
        print(f"{'confirm' if confirming else 'apply'} ended with {code}: {n} times, they {'agree' if agree else 'differ'}")


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
