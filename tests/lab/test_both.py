# SPDX-License-Identifier: GPL-2.0-or-later
"""
Changing safely on both nodes over their link: trials that are confirmed or go back together, the overrides that outlive
them, and what is left when a node or the link goes in the middle. Nothing here needs IPVS.
"""
import contextlib
import ctypes
import json
import os
import random
import signal
import socket
import struct
import time

import pytest

from conftest import until
from life import KILLS, SEED, apply, history, restart, running_one, shown, status, write
from pair import instance, key, lone, pair
from steps import slowness
from test_peer_talk import Background, Cut, both, data, generations, levels, links, me, override, web, yaml


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


def test_what_was_looked_at_there_is_what_is_replaced(same):
    a, _ = same
    request = {"id": 1, "cmd": "config.apply", "args": {"both": True, "if_there": 7}}
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(a.run_dir, "control.sock"))
        s.settimeout(20)
        s.sendall(json.dumps(request).encode() + b"\n")
        lines = s.makefile()
        end = next(m["end"] for m in map(json.loads, lines) if "end" in m)
    assert end["code"] == 7 and "lb-b: generation 1 runs, not 7" in end["message"], end


def test_what_was_looked_at_here_is_what_is_replaced(same, key):
    """Also when somebody applies another one while the other node is asked."""
    a, b = same
    new = write(a, "more.yaml", levels(key, "debug"))
    b.process.send_signal(signal.SIGSTOP)
    try:
        one = Background(a, "config", "apply", "-y", "--both", "--if-generation", "1", new)
        time.sleep(min(1.5, 0.3 * slowness()))  # it asks the other node; where not yet, it is refused even sooner
        apply(a, levels(key, "notice"))
    finally:
        b.process.send_signal(signal.SIGCONT)
    code, said = one.end()
    assert code == 7 and "generation 2 runs, not 1" in said, said
    assert history(a) == {1: "confirmed", 2: "confirmed"} and history(b) == {1: "confirmed"}


def test_a_signal_waits_for_the_other_node(same, key):
    """It comes when this one has applied what the other one sent, and is not told yet to keep it."""
    a, b = same
    new = write(a, "new.yaml", yaml(key, web(n=4000), log={"level": "notice"}))
    b.write(levels(key, "debug"))
    one = Background(a, "config", "apply", "-y", "--both", new)
    until(lambda: "config/2: applied by" in b.log(), "it runs there", 60, every=0.01)
    b.process.send_signal(signal.SIGHUP)
    code, said = one.end(60)
    assert code == 0, said
    until(lambda: shown(b) == levels(key, "debug"), "its own file was read then", 20)


def signed(key, path, **more):
    """With an instance that signs with that key."""
    wan = instance(priority={"lb-a": 150, "lb-b": 100}, auth={"type": "hmac", "key_file": str(path)})
    return yaml(key, vrrp={"wan": wan}, **more)


def test_a_key_that_is_missing_is_told_before_anything_is_changed(same, key, tmp_path):
    a, b = same
    new = write(a, "new.yaml", signed(key, tmp_path / "missing.key"))
    for argv in (["config", "diff", new], ["config", "apply", "-n", new]):
        done = a.call(*argv)
        assert done.returncode == 6 and "missing.key" in done.stderr and not done.stdout, done
    done = a.call("config", "apply", "-y", "--both", new)
    assert done.returncode == 6 and "lb-b: " in done.stderr and "missing.key" in done.stderr, done
    assert "nothing was applied, on either node" in done.stderr, done
    assert history(a) == history(b) == {1: "confirmed"}


@contextlib.contextmanager
def own_keys(pair, text, place):
    """Two nodes that have files of their own there: a key for the instance and one for the cluster, the same so far."""
    nodes = [lone(n, text, name) for n, name in ((pair.a, "lb-a"), (pair.b, "lb-b"))]
    try:
        for d in nodes:
            os.mkdir(os.path.join(d.dir, "keys"))
            rotate(d, "wan.key", "5")
            rotate(d, "cluster.key", "5")
            program, d.program = d.program, os.path.join(d.dir, "start")
            with open(d.program, "w", encoding="utf-8") as f:
                f.write("#!/bin/sh\nexec unshare -m sh -c 'mount --bind \"$0\" \"$1\" && shift && exec \"$@\"' "
                        f"{d.dir}/keys {place} {program} \"$@\"\n")
            os.chmod(d.program, 0o755)
            d.start(ready=False)
        links(*nodes)
        yield nodes
    finally:
        for d in reversed(nodes):
            d.close()


def rotate(d, name, digit):
    path = os.path.join(d.dir, "keys", name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(("1 " if name == "wan.key" else "") + digit * 64 + "\n")
    os.chmod(path, 0o640)


@pytest.mark.parametrize("where", ["lb-a", "lb-b"])
def test_keys_cannot_be_tried(pair, tmp_path, where):
    """They are not in the text: nothing goes back to them. Not where --both is asked, nor on the other node."""
    key, wan = str(tmp_path / "cluster.key"), str(tmp_path / "wan.key")
    with own_keys(pair, signed(key, wan), tmp_path) as (a, b):
        one, other = (a, b) if where == "lb-a" else (b, a)

        def both_end(new):
            done = a.call("config", "apply", "-y", "--both", new)
            return None if "under way" in done.stderr else done  # that the one before has ended is not heard there yet

        def refused(why, cluster=key, **more):
            new = write(a, "new.yaml", signed(cluster, wan, **more))
            done = until(lambda: both_end(new), "the one before has ended there", 10)
            assert done.returncode == 7 and f"{where}: {why}" in done.stderr, done
            assert "nothing was applied, on either node" in done.stderr, done

        rotate(one, "wan.key", "6")
        done = apply(one, signed(key, wan), "--confirm", "1h", ok=False)
        assert done.returncode == 7 and "only keys are different" in done.stderr, done
        refused("only keys are different")
        rotate(one, "cluster.key", "7")
        refused("only keys are different")
        refused("the cluster has another key in its file", log={"level": "debug"})
        rotate(one, "next.key", "8")
        rotate(other, "next.key", "5")
        refused("the cluster has another key in its new file", cluster=str(tmp_path / "next.key"))
        assert history(a) == history(b) == {1: "confirmed"}
        links(a, b)  # nobody has taken the key
        rotate(other, "wan.key", "6")
        rotate(other, "cluster.key", "7")
        done = apply(a, signed(key, wan, log={"level": "notice"}), "--confirm", "1h")
        assert "new keys stay when it goes back" in done.stdout + done.stderr, done
        assert "rolled back to 1, verified" in a.text("config", "rollback")
        out = b.text("daemon", "reload", "-y")
        assert "with new keys of 1 VRRP instance and of the cluster" in out, out
        links(a, b)


def test_a_new_key_of_the_cluster_is_told_without_an_instance(same, key):
    a, b = same
    with open(key, "w", encoding="utf-8") as f:
        f.write("7" * 64 + "\n")
    for d in same:
        end = d.ctl("daemon", "reload", "-y")
        assert "with a new key of the cluster" in end["message"] and end["changed"] is True, end
        assert "with a new key of the cluster" not in d.text("daemon", "reload", "-y")
        assert f"config/1: a new key of the cluster, by {me()}" in d.log()
    links(a, b)


class Opened:
    """How often a file was opened: inotify, which tells each open and each close apart."""

    OPEN, CLOSE_NOWRITE = 0x20, 0x10

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self.fd >= 0, os.strerror(ctypes.get_errno())
        assert libc.inotify_add_watch(self.fd, os.fsencode(path), self.OPEN | self.CLOSE_NOWRITE) >= 0, path

    def times(self):
        events = struct.iter_unpack("iIII", os.read(self.fd, 65536))  # without names: it is a file that is watched
        return sum(mask & self.OPEN != 0 for _, mask, _, _ in events)


def test_the_key_of_the_cluster_is_read_once(pair, tmp_path):
    """The link and the second path have the same one, though the file be replaced while it is read."""
    key, wan = str(tmp_path / "cluster.key"), str(tmp_path / "wan.key")
    with own_keys(pair, signed(key, wan), tmp_path) as (a, b):
        rotate(a, "cluster.key", "7")
        opened = Opened(os.path.join(a.dir, "keys", "cluster.key"))
        assert "with a new key of the cluster" in a.text("daemon", "reload", "-y")
        assert opened.times() == 1


def test_what_runs_on_the_other_node_is_compared_without_its_keys(pair, key, tmp_path):
    path = tmp_path / "wan.key"
    path.write_text("1 " + "5a" * 32 + "\n")
    path.chmod(0o640)
    with both(pair, levels(key, "info"), signed(key, path)) as (a, b):
        links(a, b)
        path.unlink()
        assert "vrrp/wan" in a.text("peer", "diff", code=1)


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


def test_what_does_not_hold_is_said_for_both_nodes(pair, key):
    """The words of an apply on one node: overrides that hide a value, and those that go."""
    with drained(pair, key) as (a, b, without):
        done = a.call("config", "apply", "-y", "--both", "--confirm", "1h", write(a, "new.yaml", without))
        why = "since what they are about is gone or has another name: backend/web/app1 (drain); both go back in 1h unless"
        assert f"; overrides without effect, and dropped by a confirm, {why}" in done.stdout, done
        a.call("config", "rollback")  # not verified: this kernel may have no IPVS
        settled(a, b)
        services = web()
        services["web"]["backends"]["app2"]["weight"] = 7
        a.text("backend", "weight", "web/app2", "3")
        assert override(a, "web/app2", "weight")
        done = a.call("config", "apply", "-y", "--both", write(a, "new.yaml", yaml(key, services)))
        assert "; hidden by overrides: backend/web/app2 weight" in done.stdout, done
        done = a.call("config", "apply", "-y", "--both", write(a, "new.yaml", without))
        assert "; overrides dropped, since what they are about is gone" in done.stdout, done


def test_an_interface_that_does_not_exist_is_said(same, key):
    """It may come later, so it is no error; but nobody has the addresses."""
    a, b = same
    wan = {"wan": instance(interface="nope0", track=[{"interface": "nope1", "weight": -10}])}
    new = write(a, "new.yaml", yaml(key, vrrp=wan))
    none = "vrrp/wan: there is no interface nope0: this node does not get the addresses (and 1 more)"
    assert none in a.text("config", "diff", new, code=1)
    done = a.call("config", "apply", "-y", "--both", new)
    assert f"both nodes run it: generation 2 on lb-a, 2 on lb-b; {none}" in done.stdout, done
    for d in (a, b):
        assert any(x.startswith("host_not_ready: there is no interface nope0") for x in status(d)["alarms"]), status(d)
        found = {f["text"] for f in status(d)["findings"]}
        assert "there is no interface nope1: the track of it counts as failed" in found
    a.node.run("ip", "link", "add", "nope0", "type", "veth", "peer", "name", "nope0p")
    assert not any("nope0" in x for x in status(a)["alarms"])
    a.node.run("ip", "link", "property", "add", "dev", "nope0", "altname", "nope2")
    new = write(a, "new.yaml", yaml(key, vrrp={"wan": instance(interface="nope2")}))
    assert "vrrp/wan: nope2 is another name of interface nope0: this node" in a.text("config", "diff", new, code=1)


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


@contextlib.contextmanager
def stands_still(d):
    """Its core does nothing; its sync process keeps the link."""
    d.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        d.process.send_signal(signal.SIGCONT)


def test_an_answer_confirms_only_what_was_asked_about(same, key):
    a, b = same
    with stands_still(b):
        assert a.call("config", "confirm", "-t", "1s").returncode  # it goes on without who asked
        apply(a, levels(key, "notice"), "--confirm", "1h")
    until(lambda: "lb-b: generation 1 is confirmed already; here generation 2 was applied meanwhile" in a.log(), "the answer")
    assert history(a) == {1: "confirmed", 2: "pending"} and history(b) == {1: "confirmed"}


def test_a_node_that_does_not_answer_holds_the_deadline_for_seconds_only(same, key):
    a, b = same
    apply_both(a, levels(key, "notice"), "3s")
    with stands_still(b):
        assert a.call("config", "confirm", "-t", "1s").returncode
        settled(a)
        assert "generation 2 goes back to 1; lb-b was not heard (it did not answer in time)" in a.log()
    settled(b)
    assert history(a) == history(b) == {1: "confirmed", 2: "rolled_back"}
    assert "Both nodes are the same." in a.text("peer", "diff")


def test_a_question_that_was_taken_back_confirms_nothing(same, key):
    """Only there something waits, and for long: a core that goes on reads the question and that it is over."""
    a, b = same
    apply(a, levels(key, "notice"))
    apply_both(a, levels(key, "notice"), "1h")
    with stands_still(b):
        done = a.call("config", "confirm", "-t", "30s")
        assert done.returncode == 9 and "lb-b was not heard (it did not answer in time)" in done.stderr, done
        time.sleep(0.3 * slowness())  # that it is over is on its way as well
    a.text("--peer", "version")  # behind the question
    assert history(b) == {1: "confirmed", 2: "pending"}
    assert "confirmed on both nodes" not in a.text("config", "confirm") and history(b) == {1: "confirmed", 2: "confirmed"}


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
