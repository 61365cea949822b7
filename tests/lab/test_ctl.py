# SPDX-License-Identifier: GPL-2.0-or-later
"""What people and scripts may rely on: exit statuses, the forms of output, and who may do what."""
import json
import os
import re
import signal
import stat
import subprocess

import pytest

from conftest import Lbd, ipvs, run, until
from steps import A1, A2, RULES, VIP, backends, conf, info, lines, rules, settled, status, two, weights


@pytest.fixture(scope="module")
def people(net):
    """dora may do everything, olga may look, nobody-else may nothing."""
    del net
    for name, group in [("dora", "lbadmin"), ("olga", "lbobserve"), ("nils", None)]:
        if subprocess.run(["id", name], capture_output=True, check=False).returncode:
            run("useradd", "--no-create-home", "--shell", "/bin/false", *(["-G", group] if group else []), name)


@pytest.fixture(scope="module")
def d(net):
    net.lb.run("ipvsadm", "-C")
    with Lbd(net.lb, conf(two())) as d:
        yield d


def as_user(d, user, socket, *argv):
    with d.node:
        return subprocess.run(["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", d.lbctl, "--socket",
                               os.path.join(d.run_dir, socket), *argv], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, timeout=60)


# ---------------------------------------------------------------- exit statuses

@pytest.mark.parametrize("code, argv", [
    (0, ["status"]), (0, []), (0, ["status", "--check"]), (0, ["kernel", "diff"]), (0, ["config", "diff"]),
    (2, ["service", "frobnicate"]), (2, ["backend", "drain"]), (2, ["status", "--bogus"]), (2, ["backend", "drain", "web"]),
    (2, ["backend", "weight", "web/app1", "70000"]), (2, ["backend", "drain", "web/app1", "--for", "5"]),
    (2, ["wait", "backend/web/app1", "married"]), (2, ["-o", "xml", "status"]),
    (4, ["service", "show", "wbe"]), (4, ["backend", "drain", "web/ap1"]), (4, ["wait", "service/nope", "up"]),
    (4, ["config", "show", "77"]),
    (7, ["daemon", "stop"]), (7, ["--if-generation", "99", "backend", "drain", "web/app1"]),
    (9, ["wait", "backend/web/app1", "down", "-t", "200ms"]), (0, ["wait", "backend/web/app1", "up"]),
    (0, ["wait", "service/web", "up"]), (0, ["wait", "service/web", "quorum"]),
], ids=lambda v: " ".join(v) if isinstance(v, list) else str(v))
def test_exit_status(d, code, argv):
    done = d.call(*argv)
    assert done.returncode == code, done
    assert bool(done.stderr) == (code not in (0, 1)), done
    assert status(d)["overrides"] == 0


def test_exit_status_3_without_a_daemon_and_8_when_the_kernel_refuses(d):
    done = subprocess.run([d.lbctl, "--socket", "/nowhere/control.sock", "status"], capture_output=True, text=True, check=False)
    assert done.returncode == 3 and "lbd is not running?" in done.stderr


def test_wrong_name_offers_the_nearest(d):
    assert "did you mean 'web'?" in d.call("service", "show", "wbe").stderr
    assert "did you mean 'app1'?" in d.call("backend", "show", "web/ap1").stderr
    assert "did you mean 'drain'?" in d.call("backend", "drian", "web/app1").stderr
    assert "did you mean 'backend'?" in d.call("backed", "list").stderr
    assert "did you mean '--timeout'?" in d.call("status", "--timeot", "5s").stderr


# ---------------------------------------------------------------- forms

COMMANDS = [["status"], ["service", "list"], ["service", "show", "web"], ["service", "stats"], ["service", "stats", "--rate"],
            ["backend", "list"], ["backend", "show", "web/app1"], ["backend", "stats"], ["daemon", "info"], ["kernel", "diff"],
            ["config", "diff"], ["config", "show"]]


def no_null(value):
    if isinstance(value, dict):
        return all(map(no_null, value.values()))
    return all(map(no_null, value)) if isinstance(value, list) else value is not None


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_json_is_one_object_with_its_contract(d, argv):
    got = json.loads(d.text("-j", *argv))
    words = [w for w in argv if not w.startswith("-") and "web" not in w]
    assert got["schema"] == 1 and got["command"] == ".".join(words)
    assert got["node"] == "lb-a" and got["generation"] == 1
    assert isinstance(got["data"], list) and no_null(got)
    assert json.loads(d.text("-j", "-p", *argv))["command"] == got["command"]
    rows = [json.loads(line) for line in d.text("-o", "jsonl", *argv).splitlines()]
    assert [sorted(r) for r in rows] == [sorted(r) for r in got["data"]]


@pytest.mark.parametrize("argv", [["service", "list"], ["backend", "list"], ["backend", "stats"], ["service", "stats"]],
                         ids=" ".join)
def test_tsv_has_the_keys_of_json_as_its_header(d, argv):
    head, *rows = d.text("-o", "tsv", *argv).splitlines()
    columns = head.split("\t")
    data = d.ctl(*argv)["data"]
    assert {k for row in data for k in row if not isinstance(row[k], (dict, list))} <= set(columns)
    assert len(rows) == len(data)
    for text, row in zip(rows, data):
        cells = dict(zip(columns, text.split("\t")))
        assert len(text.split("\t")) == len(columns)
        for key in ("service", "backend", "weight", "status", "state"):
            if key in row:
                assert cells[key] == str(row[key])
    bare = d.text("-o", "tsv", "-H", *argv).splitlines()
    assert [r.split("\t")[:2] for r in bare] == [r.split("\t")[:2] for r in rows]  # rates go on


def test_table_has_a_header_and_a_footer_unless_told(d):
    text = d.text("backend", "list")
    assert text.splitlines()[0].split()[:2] == ["SERVICE", "BACKEND"]
    assert "2 backends" in text.splitlines()[-1]
    bare = d.text("-H", "backend", "list").splitlines()
    assert [line.split()[:2] for line in bare] == [["web", "app1"], ["web", "app2"]]
    assert "\033" not in text and "\033[" in d.text("-c", "always", "backend", "list")
    assert set(text.splitlines()[0].split()) < set(d.text("-o", "wide", "backend", "list").splitlines()[0].split())


def test_ipvsadm_form_is_what_ipvsadm_prints(d, lb):
    assert d.text("service", "list", "-o", "ipvsadm") == lb.run("ipvsadm", "-Ln")
    assert d.text("config", "export", "ipvsadm").splitlines() == ipvs(lb)


def test_json_errors_go_to_stderr_as_an_object(d):
    done = d.call("-j", "service", "show", "wbe")
    assert done.returncode == 4 and done.stdout == ""
    error = json.loads(done.stderr)
    assert error["schema"] == 1 and error["error"]["code"] == 4 and error["error"]["name"] == "not_found"
    assert "wbe" in error["error"]["message"]


def test_output_closed_early_is_no_error(d):
    with d.node:
        done = subprocess.run(["bash", "-c", 'set -o pipefail; "$0" --socket "$1" -w100ms backend list | head -n 1; '
                               'echo "${PIPESTATUS[0]}"', d.lbctl, f"{d.run_dir}/control.sock"],
                              capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout.splitlines()[-1] == "0", done


def test_watch_repeats_until_interrupted(d):
    with d.node:
        p = subprocess.Popen([d.lbctl, "--socket", f"{d.run_dir}/control.sock", "-w200ms", "-o", "jsonl", "backend", "list"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        got = [json.loads(p.stdout.readline())["backend"] for _ in range(6)]
        assert got == ["app1", "app2"] * 3
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=20)
        assert p.returncode == 130
    finally:
        p.kill()


def clients(d):
    """How many hold a connection to the control socket."""
    path = os.path.join(d.run_dir, "control.sock")
    with d.node, open("/proc/thread-self/net/unix", encoding="ascii") as f:
        return sum(line.split()[-1] == path for line in f) - 1


def test_interrupted_wait_ends_with_130(d):
    with d.node:
        p = subprocess.Popen([d.lbctl, "--socket", f"{d.run_dir}/control.sock", "wait", "backend/web/app1", "down"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: clients(d) == 1, "it waits")
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=20)
        assert p.returncode == 130
        until(lambda: clients(d) == 0, "the daemon has forgotten it")
    finally:
        p.kill()


# ---------------------------------------------------------------- changing

def test_if_generation_guards_a_change(d):
    generation = info(d)["generation"]
    done = d.call("--if-generation", generation + 1, "backend", "drain", "web/app1")
    assert done.returncode == 7 and str(generation) in done.stderr
    assert d.call("--if-generation", generation, "backend", "drain", "web/app1").returncode == 0
    settled(d)
    d.text("backend", "enable", "web/app1", "--wait=10s")


def test_change_says_what_is_now_true_and_quiet_says_nothing(d, lb):
    out = d.text("backend", "weight", "web/app1", "7", "--wait=10s")
    assert len(out.splitlines()) == 1 and "web/app1" in out and "7" in out
    assert weights(lb) == {A1: 7, A2: 1}
    assert d.text("-q", "backend", "weight", "web/app1", "auto", "--wait=10s") == ""
    assert weights(lb) == {A1: 1, A2: 1}


def test_stop_asks_first(d):
    done = d.call("daemon", "stop")
    assert done.returncode == 7 and "-y" in done.stderr
    assert "would do" in d.text("daemon", "stop", "-n")
    assert info(d)["ready"]


# ---------------------------------------------------------------- who may

def test_sockets_belong_to_their_groups(d):
    import grp
    for name, group in [("control.sock", "lbadmin"), ("observe.sock", "lbobserve")]:
        st = os.stat(os.path.join(d.run_dir, name))
        assert stat.S_ISSOCK(st.st_mode) and st.st_mode & 0o777 == 0o660
        assert grp.getgrgid(st.st_gid).gr_name == group


def test_observer_may_look_but_not_change(d, people, lb):
    del people
    for argv in (["status"], ["backend", "list"], ["service", "stats"], ["kernel", "diff"], ["daemon", "info"],
                 ["config", "show", "--effective"], ["wait", "daemon", "ready"], ["config", "export", "ipvsadm"]):
        done = as_user(d, "olga", "observe.sock", *argv)
        assert done.returncode == 0, (argv, done)
    for argv in (["backend", "drain", "web/app1"], ["backend", "weight", "web/app1", "5"], ["daemon", "reload"],
                 ["daemon", "stop", "-y"], ["daemon", "restart"], ["kernel", "repair"], ["config", "diff"], ["config", "apply"],
                 ["config", "show"]):
        done = as_user(d, "olga", "observe.sock", *argv)
        assert done.returncode == 5 and "lbadmin" in done.stderr, (argv, done)
    # the groups are those of the start, and the configuration of then is gone after a reload
    for group in ("root", "adm", "root", "adm"):
        d.reload(conf(two(), control={"admin_group": group}))
    done = as_user(d, "olga", "observe.sock", "backend", "drain", "web/app1")
    assert done.returncode == 5 and "members of the group lbadmin have it" in done.stderr, done
    d.reload(conf(two()))
    # whoever names the socket that is not his gets the one beside it, and no more rights
    assert as_user(d, "olga", "control.sock", "status").returncode == 0
    done = as_user(d, "olga", "control.sock", "backend", "drain", "web/app1")
    assert done.returncode == 5 and "lbadmin" in done.stderr, done
    assert status(d)["overrides"] == 0 and weights(lb) == {A1: 1, A2: 1}


def test_stranger_is_told_which_group_to_join(d, people):
    del people
    for socket in ("control.sock", "observe.sock"):
        done = as_user(d, "nils", socket, "status")
        assert done.returncode == 5, done
        assert "lbadmin" in done.stderr and "lbobserve" in done.stderr


def test_open_file_mode_alone_grants_nothing(d, people):
    """A mistaken chmod: the daemon asks the kernel who is calling."""
    del people
    path = os.path.join(d.run_dir, "control.sock")
    os.chmod(path, 0o666)
    try:
        for user in ("nils", "olga"):
            done = as_user(d, user, "control.sock", "backend", "drain", "web/app1")
            assert done.returncode == 5 and "lbadmin" in done.stderr, done
        assert status(d)["overrides"] == 0
    finally:
        os.chmod(path, 0o660)


def test_admin_may_change_and_is_named(d, people, lb):
    del people
    assert as_user(d, "dora", "control.sock", "backend", "drain", "web/app1").returncode == 0
    settled(d)
    assert weights(lb)[A1] == 0
    assert backends(d)["web/app1"]["overrides"]["admin"]["user"] == "dora"
    assert "by=dora" in d.log()
    assert as_user(d, "dora", "observe.sock", "status").returncode in (0, 5)
    assert as_user(d, "dora", "control.sock", "backend", "enable", "web/app1", "--wait=10s").returncode == 0
    assert rules(lb) == lines(RULES)


def test_core_and_probe_have_the_least_rights(d):
    def fields(pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    core, probe = fields(d.pid), fields(status(d)["workers"][0]["pid"])
    assert core["Uid"].split()[0] != "0" and probe["Uid"].split()[0] not in ("0", core["Uid"].split()[0])
    assert int(core["CapEff"], 16) == 1 << 12  # CAP_NET_ADMIN
    assert int(probe["CapEff"], 16) == int(probe["CapPrm"], 16) == int(probe["CapBnd"], 16) & int(probe["CapPrm"], 16) == 0
    assert core["NoNewPrivs"] == probe["NoNewPrivs"] == "1"


# ---------------------------------------------------------------- completion, help

def complete(d, *words):
    return [line.split("\t")[0] for line in d.text("complete", "--", *words).splitlines()]


def test_completion_knows_commands_objects_and_conditions(d):
    assert {"service", "backend", "daemon", "config"} <= set(complete(d, ""))
    assert complete(d, "backend", "dr") == ["drain"]
    assert {"web/app1", "web/app2"} <= set(complete(d, "backend", "drain", ""))
    assert complete(d, "backend", "drain", "web/app2") == ["web/app2"]
    assert {"drained", "up", "down"} <= set(complete(d, "wait", "backend/web/app1", ""))
    for shell in ("bash", "zsh", "fish"):
        assert "lbctl" in d.text("completion", shell)
    script = d.text("completion", "bash")
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_every_command_has_its_help(d):
    nouns = set(re.findall(r"^  (\w+) ", d.text("help"), re.M))
    assert {"service", "backend", "config", "kernel", "daemon", "wait"} <= nouns
    for noun in sorted(nouns):
        assert "lbctl" in d.text("help", noun) or noun in d.text("help", noun)


def test_version_names_both(d):
    out = d.text("version")
    assert out.startswith("lbctl ") and "running on lb-a" in out
