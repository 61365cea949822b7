# SPDX-License-Identifier: GPL-2.0-or-later
"""
Changing safely: `config apply --confirm`, confirm, rollback, and what a start makes of what is on the disk. Nothing here
needs IPVS: the configurations differ in the level of the log, so what runs is asked of the daemon.
"""
import hashlib
import json
import os
import pty
import random
import shutil
import signal
import time

import pytest

from conftest import until
from life import KILLS, SEED, answers, apply, history, restart, running, running_one, shown, status, text, write
from pair import pair
from steps import slowness
from test_peer_talk import Background, data, me, override, web, yaml


@pytest.fixture()
def d(pair):
    with running(pair.a, text(1)) as it:
        yield it


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


NEVER = {"checks": {"c": {"type": "http", "status": [100, 103]}},
         "services": {"web": {"listen": "10.8.0.9:80", "check": "c", "backends": {"b": "10.8.0.11"}}}}


def test_a_rule_that_is_newer_than_the_text_takes_nothing_away(d):
    """Who applies it is refused; a start, a reload of what runs and the way back are not."""
    never = json.dumps(NEVER) + "\n"
    refused = apply(d, never, ok=False)
    assert refused.returncode == 6 and "no whole reply has such a status" in refused.stderr, refused
    d.write(never)
    os.makedirs(os.path.join(d.dir, "conf.d"), exist_ok=True)
    write(d, "conf.d/shop.yml", "")
    restart(d)
    assert running_one(d) == 2 and shown(d) == never and not status(d)["file"]["differs"]
    assert "warning: no whole reply has such a status" in d.log()
    assert "shop.yml: warning: this file is not read" in d.log()
    assert d.call("daemon", "reload", "-y").returncode in (0, 8)
    apply(d, text(3))
    d.call("config", "rollback")  # not verified: this kernel has no IPVS
    assert running_one(d) == 2
    d.write("services: [\n")
    restart(d)
    assert running_one(d) == 2 and shown(d) == never


def test_a_newer_one_that_cannot_be_used_is_not_hidden(d):
    path = write(d, "pair.key", "5" * 64 + "\n")
    os.chmod(path, 0o600)
    apply(d, yaml(path))
    assert history(d) == {1: "confirmed", 2: "confirmed"}
    os.unlink(path)
    d.write("services: [\n")
    restart(d)
    assert running_one(d) == 1
    first = " ".join(d.text("status").split())
    assert first.startswith(f"generation 1 runs, the newest confirmed that can be used, not {d.config}: "), first


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


def test_an_apply_tells_which_overrides_it_drops(d):
    """Who is in maintenance and gets another name serves at once."""
    services, why = web(), ", since what they are about is gone or has another name: "
    backends = services["web"]["backends"]
    backends.update({f"app{i}": f"10.8.0.{10 + i}:80" for i in range(3, 9)})
    apply(d, json.dumps({"services": services}) + "\n")
    d.text("backend", "maint", "web/app1")
    d.text("backend", "weight", "web/app1", "7")
    backends["new1"] = backends.pop("app1")
    new, told = json.dumps({"services": services}) + "\n", "backend/web/app1 (maint, weight)"
    assert f"It drops overrides{why}{told}\n" in d.text("config", "diff", write(d, "new.yaml", new), code=1)
    done = apply(d, new, "--confirm", "1h")
    said = done.stdout + done.stderr
    assert f"; overrides without effect, and dropped by a confirm{why}{told}; it goes back to" in said, said
    d.call("config", "rollback")
    assert status(d)["overrides"] == 1
    done = apply(d, new)
    assert f"; overrides dropped{why}{told}\n" in done.stdout + done.stderr, done
    assert "drops" not in d.text("config", "diff", "2", code=1)  # they are not there any more
    for i in range(2, 8):
        d.text("backend", "drain", f"web/app{i}")
    d.text("service", "maint", "web")
    new = write(d, "new.yaml", json.dumps({"services": {"other": services["web"]}}) + "\n")
    plan = d.text("config", "diff", new, code=1)
    assert f"It drops overrides{why}backend/web/app2 (drain), backend/web/app3 (drain), " in plan, plan
    assert "backend/web/app5 (drain) and 3 more\n" in plan, plan


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


def test_a_signal_waits_for_what_is_being_loaded(d):
    """Nobody hears that it is to come again."""
    big = write(d, "new.yaml", json.dumps({"services": web(n=10000)}) + "\n")
    d.write(text(2))
    one = Background(d, "config", "diff", big)
    until(lambda: "is being loaded" in d.call("config", "rollback").stderr, "it is being loaded", 20)
    d.process.send_signal(signal.SIGHUP)
    assert one.end(60)[0] == 1
    until(lambda: shown(d) == text(2), "it was read again", 20)


def at_the_question(d, do, *argv):
    """lbctl on a terminal; do() when it asks, and then yes. Its status and all that it said."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(d.lbctl, [d.lbctl, "--socket", os.path.join(d.run_dir, "control.sock"), *argv])
    said = b""
    try:
        while True:
            got = os.read(fd, 4096)
            if not got:
                break
            said += got
            if b"Apply it?" in said and do:
                do()
                do = None
                os.write(fd, b"y\n")
    except OSError:  # it has left the terminal
        pass
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


def test_what_was_shown_is_what_is_applied(d):
    """Without FILE the daemon reads its own one: for the plan, and for the apply."""
    d.write(text(2, "notice"))
    code, said = at_the_question(d, lambda: d.write(text(3, "debug")), "config", "apply")
    assert code == 7 and "not the text whose plan was shown" in said and running_one(d) == 1, said
    code, said = at_the_question(d, lambda: None, "config", "apply")
    assert code in (0, 8) and "generation 2 is running" in said and shown(d) == text(3, "debug"), said
    assert "if_digest" not in d.text("config", "apply", "--help")


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
