# SPDX-License-Identifier: GPL-2.0-or-later
"""The way of the file: all of it or nothing, every generation kept, and a file that is broken never takes the service
down."""
import contextlib
import json
import os
import re
import shutil
import subprocess

import pytest

from conftest import Lbd, ipvs, until
from steps import A1, A2, A3, RULES, VIP, VIP2, conf, info, lines, rules, service, settled, status, two, weights, writes

GOOD = f"""\
services:
  web:
    listen: {VIP}:80
    scheduler: rr
    check: none
    backends:
      app1: {A1}
      app2: {A2}
"""
BROKEN = GOOD.replace("scheduler", "schedular").replace(A2, "10.8.0.12:99999")


@pytest.fixture(autouse=True)
def tidy(request):
    if request.cls is None:
        request.getfixturevalue("clean")


class TestReload:
    @pytest.fixture(scope="class")
    def d(self, net):
        net.lb.run("ipvsadm", "-C")
        with Lbd(net.lb, GOOD) as d:
            yield d

    @pytest.fixture(autouse=True)
    def as_before(self, d, lb):
        yield
        d.reload(GOOD)
        assert rules(lb) == lines(RULES)

    def test_broken_file_changes_nothing_and_says_where(self, d, lb):
        at, generation = writes(d), info(d)["generation"]
        done = d.reload(BROKEN, ok=False)
        assert done.returncode == 6
        assert f"{d.config}:4:5: error: unknown key 'schedular'" in done.stderr
        assert "did you mean 'scheduler'?" in done.stderr
        assert f"{d.config}:8:" in done.stderr and "^" in done.stderr
        assert f"2 errors. Nothing was applied; generation {generation} is still running." in done.stderr
        assert info(d)["generation"] == generation and writes(d) == at
        assert rules(lb) == lines(RULES)
        assert "config: rejected" in d.log()
        until(lambda: status(d)["file"]["differs"], "status says that the file differs", 5)
        assert "4:5" in status(d)["file"]["error"]
        assert f"was not applied: {d.config}:4:5" in d.text("status")

    def test_broken_file_is_an_object_per_error_for_programs(self, d):
        d.write(BROKEN)
        done = d.call("-j", "daemon", "reload")
        assert done.returncode == 6
        errors = [json.loads(line)["error"] for line in done.stderr.splitlines()]
        assert {(e["code"], e["name"]) for e in errors} == {(6, "invalid")}
        first = errors[0]
        assert (first["line"], first["column"]) == (4, 5) and "schedular" in first["message"] and "scheduler" in first["hint"]
        assert [e["line"] for e in errors if "line" in e] == [4, 8]

    @pytest.mark.parametrize("what", ["removed", "unreadable", "directory"])
    def test_file_that_cannot_be_read_changes_nothing(self, d, lb, what):
        at, generation = writes(d), info(d)["generation"]
        os.unlink(d.config)
        if what == "directory":
            os.mkdir(d.config)
        elif what == "unreadable":
            d.write(GOOD)
            os.chmod(d.config, 0o000)
        done = d.reload(ok=False)
        assert done.returncode == 6 and d.config in done.stderr
        assert {"removed": "No such file", "unreadable": "Permission denied", "directory": "directory"}[what] in done.stderr
        assert info(d)["generation"] == generation and writes(d) == at and rules(lb) == lines(RULES)
        if what == "directory":
            os.rmdir(d.config)
        elif what == "unreadable":
            os.unlink(d.config)

    def test_diff_tells_what_apply_would_do_and_changes_nothing(self, d, lb):
        assert d.call("config", "diff").returncode == 0
        d.write(GOOD.replace("rr", "wrr").replace(A2, A3))
        at = writes(d)
        done = d.call("config", "diff", "--ops")
        assert done.returncode == 1
        assert f"-E -t {VIP}:80 -s wrr" in done.stdout and f"-a -t {VIP}:80 -r {A3} -m -w 1" in done.stdout
        assert f"-d -t {VIP}:80 -r {A2}" in done.stdout
        assert re.search(r"Plan: \d+ to add, \d+ to change, \d+ to remove", done.stdout)
        assert writes(d) == at and rules(lb) == lines(RULES)
        assert d.call("config", "apply", "-n").returncode == 1  # only says it
        assert writes(d) == at and rules(lb) == lines(RULES)
        data = d.ctl("config", "diff", code=1)["data"]
        assert any(r["object"] == "service/web" and r.get("after", "").endswith("wrr") for r in data), data

    def test_apply_takes_a_file_and_standard_input_and_keeps_the_message(self, d, lb):
        other = os.path.join(d.dir, "other.yaml")
        with open(other, "w", encoding="utf-8") as f:
            f.write(GOOD.replace(A2, A3))
        at = info(d)["generation"]
        d.text("config", "apply", other, "-m", "try srv3")
        assert weights(lb) == {A1: 1, A3: 1} and info(d)["generation"] == at + 1
        until(lambda: status(d)["file"]["differs"], "the file is not what runs", 5)
        with d.node:
            done = subprocess.run([d.lbctl, "--socket", f"{d.run_dir}/control.sock", "config", "apply", "-"],
                                  input=GOOD.replace("rr", "wrr"), capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done
        assert f"-A -t {VIP}:80 -s wrr" in rules(lb) and info(d)["generation"] == at + 2
        assert d.text("config", "show") == GOOD.replace("rr", "wrr")
        assert d.text("config", "show", at + 1) == GOOD.replace(A2, A3)
        assert d.call("config", "show", 999).returncode == 4
        assert d.call("config", "diff", at + 1).returncode == 1
        assert d.call("config", "apply", "/nowhere.yaml").returncode == 4
        kept = open(os.path.join(d.state_dir, "generations", str(at + 1)), encoding="utf-8").read()
        assert "try srv3" in kept

    def test_effective_configuration_is_complete_and_loads_to_the_same(self, d, lb):
        full = d.text("config", "show", "--effective")
        assert "drain" in full and "persistence" in full or "scheduler" in full
        path = os.path.join(d.dir, "full.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(full)
        at = writes(d)
        done = d.call("config", "diff", path)
        assert done.returncode == 0, done.stdout
        d.text("config", "apply", path)
        assert writes(d) == at and rules(lb) == lines(RULES)

    def test_check_needs_no_daemon_and_no_root(self, d):
        env = {**os.environ, "LBD_BIN": d.program}
        d.write(BROKEN)
        os.chmod(d.config, 0o644)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", d.lbctl, "config", "check", d.config],
                              capture_output=True, text=True, check=False, env=env, timeout=60)
        assert done.returncode == 6 and f"{d.config}:4:5: error" in done.stderr + done.stdout
        d.write(GOOD)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", d.lbctl, "config", "check", d.config],
                              capture_output=True, text=True, check=False, env=env, timeout=60)
        assert done.returncode == 0 and "1 service, 2 backends" in done.stdout

    def test_export_is_what_ipvsadm_saves_and_takes(self, d, lb):
        text = d.text("config", "export", "ipvsadm")
        assert text.splitlines() == ipvs(lb)

    def test_what_nobody_confirms_goes_back_to_the_same_kernel(self, d, lb):
        before, at = ipvs(lb), info(d)["generation"]
        d.write(GOOD.replace("rr", "wrr").replace(A2, A3) + f"  api:\n    listen: {VIP2}:80\n    backends: {{b: {A1}}}\n")
        done = d.text("config", "apply", "-y", "--confirm", "2s")
        assert f"it goes back to {at} in 2s" in done, done
        assert weights(lb) == {A1: 1, A3: 1} and f"-t {VIP2}:80" in "\n".join(ipvs(lb))
        until(lambda: status(d)["config"]["state"] == "confirmed", "it goes back", 30)
        assert f"rolled back to {at}, verified (not confirmed in 2s)" in d.log()
        assert ipvs(lb) == before and info(d)["generation"] == at
        # the same by hand, which waits for the word
        d.text("config", "apply", "-y", "--confirm", "1h")
        assert f"rolled back to {at}, verified" in d.text("config", "rollback") and ipvs(lb) == before

    def test_signal_hup_reloads(self, d, lb):
        d.write(GOOD.replace(A2, A3))
        d.process.send_signal(1)
        until(lambda: weights(lb) == {A1: 1, A3: 1}, "the reload is done")
        at = len(d.log())
        d.write(BROKEN)
        d.process.send_signal(1)
        until(lambda: "config: rejected" in d.log()[at:], "the rejection is told")
        assert weights(lb) == {A1: 1, A3: 1}


def test_broken_file_at_start_runs_the_newest_stored_generation_and_says_so(lb):
    with Lbd(lb, conf({})) as d:
        d.reload(GOOD)
        d.stop()
        d.write(BROKEN)
        d.start()
        assert rules(lb) == lines(RULES) and writes(d) == 0
        assert info(d)["generation"] == 2
        assert f"generation 2 runs, the newest confirmed, not {d.config}" in d.log()
        assert f"{d.config}:4:5: error" in d.log()
        s = status(d)
        assert s["file"]["differs"] and "4:5" in s["file"]["error"]
        top = d.text("status")
        assert "4:5" in top or "differs" in top, top
        # settled as the manual says
        d.write(d.text("config", "show"))
        d.reload()
        until(lambda: not status(d)["file"]["differs"], "the file is what runs", 5)
        assert "error" not in status(d)["file"] and writes(d) == 0


def test_broken_file_at_the_very_first_start_is_an_exit(lb):
    d = Lbd(lb, BROKEN)
    try:
        d.start(ready=False)
        until(lambda: d.process.poll() is not None, "the daemon has ended")
        assert d.process.returncode not in (0, Lbd.STAY_DOWN)
        assert f"{d.config}:4:5: error: unknown key 'schedular'" in d.log()
        assert rules(lb) == set()
    finally:
        d.close()


def test_conf_d_is_read_in_order_and_a_name_defined_twice_names_both(lb):
    with Lbd(lb, GOOD) as d:
        os.mkdir(os.path.join(d.dir, "conf.d"))
        more = os.path.join(d.dir, "conf.d", "10-api.yaml")
        with open(more, "w", encoding="utf-8") as f:
            f.write(conf({"api": service(f"{VIP2}:80", {"b": A3})}))
        with open(os.path.join(d.dir, "conf.d", "README"), "w", encoding="utf-8") as f:
            f.write("not yaml: [")
        until(lambda: status(d)["file"]["differs"], "status sees the new file", 5)
        d.reload()
        assert rules(lb) == lines(RULES) | {f"-A -t {VIP2}:80 -s rr", f"-a -t {VIP2}:80 -r {A3} -m -w 1"}
        with open(os.path.join(d.dir, "conf.d", "shop.yml"), "w", encoding="utf-8") as f:
            f.write("services: {}")
        d.reload()
        assert "shop.yml: warning: this file is not read: its name must end in .yaml" in d.log()
        row = {r["service"]: r for r in d.ctl("service", "list")["data"]}["api"]
        detail = d.ctl("service", "show", "api")["data"][0]
        assert detail["file"].endswith("10-api.yaml"), row
        with open(os.path.join(d.dir, "conf.d", "20-again.yaml"), "w", encoding="utf-8") as f:
            f.write(GOOD)
        done = d.reload(ok=False)
        assert done.returncode == 6
        assert "20-again.yaml:2:" in done.stderr and f"{d.config}:2" in done.stderr
        # the stored generation is the set, and a start without the files runs what the file says
        os.unlink(os.path.join(d.dir, "conf.d", "20-again.yaml"))
        assert "10-api.yaml" in d.text("config", "show") and "web" in d.text("config", "show")
        d.stop()
        os.unlink(more)
        d.start()
        until(lambda: rules(lb) == lines(RULES), "api is gone")


def test_generations_are_private_numbered_and_limited(lb):
    with Lbd(lb, GOOD) as d:
        folder = os.path.join(d.state_dir, "generations")
        assert os.listdir(folder) == ["1"]
        assert os.stat(folder).st_mode & 0o777 == 0o700
        assert os.stat(os.path.join(folder, "1")).st_mode & 0o777 == 0o600
        assert os.stat(d.state_dir).st_mode & 0o777 == 0o700
        for name in os.listdir(d.state_dir):
            assert os.stat(os.path.join(d.state_dir, name)).st_mode & 0o077 == 0, name
        d.reload()
        d.stop()
        d.start()
        assert os.listdir(folder) == ["1"]  # the same text is the same generation
        for n in range(2, 51):  # as if there had been so many
            shutil.copy(os.path.join(folder, "1"), os.path.join(folder, str(n)))
            shutil.chown(os.path.join(folder, str(n)), "lbd", "lbd")
        for n in (51, 52):
            d.reload(f"# {n}\n{GOOD}")
        assert info(d)["generation"] == 52 and writes(d) == 0
        assert sorted(map(int, os.listdir(folder))) == list(range(3, 53))
        # one that was damaged on disk is not run, the one before it is
        d.stop()
        newest = os.path.join(folder, "52")
        with open(newest, "r+", encoding="utf-8") as f:
            f.truncate(os.path.getsize(newest) - 20)
        d.write(BROKEN)
        d.start()
        assert "52 cannot be used: cut or damaged" in d.log()
        assert info(d)["generation"] == 51 and rules(lb) == lines(RULES) and writes(d) == 0


@contextlib.contextmanager
def on_a_small_disk(lb, yaml):
    """The daemon runs, and its state directory is a file system of its own."""
    d = Lbd(lb, yaml)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700,uid=lbd,gid=lbd", "tmpfs", d.state_dir], check=True)
    try:
        yield d.start()
    finally:
        d.stop()
        subprocess.run(["umount", d.state_dir], check=True)
        d.close()


def fill(d):
    """Nothing fits any more. Returns the name of what takes the place."""
    big = os.path.join(d.state_dir, "big")
    with contextlib.suppress(OSError), open(big, "wb") as f:
        f.write(b"x" * 70000)
    return big


def test_full_disk_refuses_an_apply_but_not_a_drain(lb):
    with on_a_small_disk(lb, GOOD) as d:
        big = fill(d)
        done = d.reload(GOOD.replace(A2, A3) + "#" * 8000, ok=False)
        assert done.returncode == 8 and "No space" in done.stderr, done
        assert rules(lb) == lines(RULES) and info(d)["generation"] == 1
        done = d.call("backend", "drain", "web/app1")
        settled(d)
        assert done.returncode == 0 and "not stored" in done.stdout
        assert weights(lb) == {A1: 0, A2: 1}
        assert any("state_not_saved" in a for a in status(d)["alarms"])
        os.unlink(big)
        d.reload()
        assert weights(lb) == {A1: 0, A3: 1} and info(d)["generation"] == 2
        d.text("backend", "enable", "web/app1", "--wait=10s")
        assert status(d)["alarms"] == []


def test_what_is_ours_is_recorded_as_soon_as_there_is_a_place(lb):
    """The record tells a service that left the file while nobody ran from one of somebody else."""
    other = conf({"api": service(f"{VIP2}:80", {"b": A1})})
    with on_a_small_disk(lb, other) as d:
        d.stop()
        big = fill(d)
        d.write(GOOD)
        d.start()
        assert rules(lb) == lines(RULES)
        assert "owned cannot be written" in d.log()
        os.unlink(big)
        until(lambda: status(d)["alarms"] == [], "everything is stored", 60)
        d.kill()
        d.write(other)
        d.start()
        until(lambda: f"-A -t {VIP}:80 -s rr" not in rules(lb), "what left the file has gone")
        assert len(rules(lb)) == 2


def test_a_record_of_what_is_ours_that_cannot_be_read_is_read_later(lb):
    """It is neither forgotten nor written over, and what left the file meanwhile goes when it can be read."""
    other = conf({"api": service(f"{VIP2}:80", {"b": A1})})
    with Lbd(lb, GOOD) as d:
        path = os.path.join(d.state_dir, "owned")
        before = os.stat(path)
        content = open(path, encoding="utf-8").read()
        d.stop()
        os.chown(path, 0, 0)
        d.write(other)
        d.start()
        assert f"-A -t {VIP}:80 -s rr" in rules(lb)
        assert "state_not_read: owned" in status(d)["alarms"] and open(path, encoding="utf-8").read() == content
        os.chown(path, before.st_uid, before.st_gid)
        until(lambda: f"-A -t {VIP}:80 -s rr" not in rules(lb), "what left the file has gone", 60)
        assert len(rules(lb)) == 2
        until(lambda: status(d)["alarms"] == [], "everything was read", 60)
