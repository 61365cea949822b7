# SPDX-License-Identifier: GPL-2.0-or-later
"""
Two nodes as one thing for the operator, over the link of their sync processes: commands for the other node, what is
different there, overrides that hold on both, one configuration on both or on neither. Nothing here needs IPVS.
"""
import contextlib
import json
import os
import signal
import subprocess
import time

import pytest

from conftest import build_dir, until
from pair import A4, B4, key, lone, pair
from steps import slowness

SILENT = 3.0  # seconds after which a link over which nothing comes is over


def yaml(key, services=None, **more):
    cluster = {"id": 7, "nodes": {"lb-a": {"address": A4}, "lb-b": {"address": B4}}}
    if key:
        cluster["key_file"] = key
    return json.dumps({"cluster": cluster, "services": services or {}, **more}, indent=1) + "\n"


def web(weight=10, n=1):
    backends = {f"app{i}": {"address": f"10.8.0.{10 + i}:80", "weight": weight} for i in (1, 2)}
    names = ["web", *(f"web{i}" for i in range(1, n))]
    return {name: {"listen": f"10.7.0.80:{80 + i}", "sync": "off", "backends": backends} for i, name in enumerate(names)}


def links(*daemons):
    """They can talk to each other."""
    for d in daemons:
        until(lambda d=d: d.call("--peer", "version").returncode == 0, f"{d.name} reaches the other one", 30)


@contextlib.contextmanager
def both(pair, text, other=None):
    a, b = lone(pair.a, text, "lb-a"), lone(pair.b, other or text, "lb-b")
    try:
        a.start(ready=False)
        b.start(ready=False)
        yield a, b
    finally:
        for d in (b, a):
            d.close()


@pytest.fixture()
def two(pair, key):
    with both(pair, yaml(key, web())) as (a, b):
        links(a, b)
        yield a, b


def data(d, *argv, code=0):
    return d.ctl(*argv, code=code)["data"]


def workers(d):
    return {w["name"]: w["pid"] for w in data(d, "daemon", "info")[0]["workers"]}


def override(d, name="web/app1", key="admin"):
    """(value, user) or None"""
    it = data(d, "backend", "show", name)[0].get("overrides", {}).get(key)
    return (it["value"], it["user"]) if it else None


def me():
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


class Background:
    """An lbctl that waits."""

    def __init__(self, d, *argv):
        argv = [d.lbctl, "--socket", os.path.join(d.run_dir, "control.sock"), *argv]
        with d.node:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                            text=True)

    def end(self, seconds=20):
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out + err


class Cut:
    """No link between the nodes. back() before the end of the block mends it."""

    def __init__(self, pair):
        self.pair = pair

    def back(self):
        self.pair.sw.run("ip", "link", "set", "pb", "up")

    def __enter__(self):
        self.pair.sw.run("ip", "link", "set", "pb", "down")
        return self

    def __exit__(self, *_):
        self.back()


def test_no_services_and_no_flows_and_still_a_link(pair, key):
    with both(pair, yaml(key)) as (a, b):
        links(a, b)
        assert "(running on lb-b)" in a.text("--peer", "version")
        row = json.loads(a.text("--peer", "version", "-j"))["data"][0]
        assert row["node"] == "lb-b" and row["lbd"] and row["lbctl"], row
        assert "(running on lb-a)" in b.text("--peer", "version")
        assert "flows are not copied" in a.text("sync", "status")
        until(lambda: "the link to lb-b is up; no flows are copied" in a.log(), "it is told", 5)
        assert set(workers(a)) >= {"sync"}
        assert "lb-b" not in a.text("status").replace("lb-b  ", "")  # nothing that should be looked at


def test_without_a_key_it_says_what_to_configure(pair, tmp_path, key):
    with both(pair, yaml(None)) as (a, _):
        until(lambda: a.call("daemon", "info").returncode == 0, "it answers")
        done = a.call("--peer", "status")
        assert done.returncode == 3 and "cluster.key_file is missing" in done.stderr
        assert "sync" not in workers(a)
        done = a.call("peer", "diff")
        assert done.returncode == 3 and "cluster.key_file is missing" in done.stderr
        done = put(a, tmp_path, yaml(None))
        assert done.returncode == 3 and "cluster.key_file is missing" in done.stderr
        files = [os.readlink(f"/proc/{a.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{a.pid}/fd")]
        assert not any("lbd-config" in f for f in files), files  # which was refused unread
        a.reload(yaml(key), ok=None)
        done = a.call("--peer", "status")
        assert done.returncode == 3 and "lb-b" in done.stderr
        a.reload(yaml(None), ok=None)
        until(lambda: "sync" not in workers(a), "the process ends", 5)


COMMANDS = [["status"], ["service", "list"], ["service", "show", "web"], ["backend", "list"], ["backend", "show", "web/app1"],
            ["check", "list"], ["vrrp", "list"], ["peer", "status"], ["sync", "status"], ["config", "show"],
            ["config", "show", "--effective"], ["daemon", "info"], ["kernel", "diff"]]
PASSING = {"uptime", "age", "since", "rss", "restarts", "lag", "lag_us", "late_p50", "late_p99", "probes", "kernel_writes",
           "audits", "repairs", "workers", "peers", "sync", "ready", "clients"}


def lasting(v):
    """Without what is another value a moment later."""
    if isinstance(v, dict):
        return {k: lasting(x) for k, x in v.items() if k not in PASSING}
    return [lasting(x) for x in v] if isinstance(v, list) else v


def test_commands_are_as_if_typed_there(two):
    a, b = two
    def answers(argv):
        """What it said there, and from here."""
        there, far = b.call("-j", *argv), a.call("-j", "--peer", *argv)
        if not there.stdout:
            return (there.returncode, there.stderr), (far.returncode, far.stderr.replace("lb-b: ", ""))
        return (there.returncode, "lb-b", lasting(json.loads(there.stdout))), (
            far.returncode, json.loads(far.stdout)["node"], lasting(json.loads(far.stdout)))

    for argv in COMMANDS:
        for _ in range(5):  # something may have changed between the two
            there, far = answers(argv)
            if there == far:
                break
        assert there == far, argv


def test_errors_of_the_other_node(two):
    a, _ = two
    for argv, code, text in (
            (["backend", "show", "web/app7"], 4, "did you mean 'app1'"), (["service", "show", "nono"], 4, "nono"),
            (["--if-generation", "99", "backend", "drain", "web/app1"], 7, "generation 1 runs, not 99"),
            (["config", "check"], 2, "alone"), (["completion", "bash"], 2, "alone")):
        done = a.call("--peer", *argv)
        assert done.returncode == code and text in done.stderr, (argv, done)
    assert override(a) is None


def test_a_change_there_is_of_our_user(two):
    a, b = two
    out = a.text("--peer", "backend", "drain", "web/app1", "--reason", "from afar")
    assert "backend web/app1 drains" in out
    assert override(b) == ("drain", f"{me()}@lb-a")
    assert f"by={me()}@lb-a" in b.log()
    assert f"override by {me()}@lb-a" in b.text("backend", "show", "web/app1")


def test_the_level_of_the_client_is_kept(two):
    a, b = two
    socket = ["--socket", os.path.join(a.run_dir, "observe.sock")]
    with a.node:
        run = lambda *argv: subprocess.run([a.lbctl, *socket, "--peer", *argv], capture_output=True, text=True, check=False)
        assert run("status").returncode == 0
        assert run("backend", "drain", "web/app1").returncode == 5
    assert override(b) is None


def test_files_travel(two, tmp_path, key):
    a, b = two
    path = tmp_path / "new.yaml"
    path.write_text(yaml(key, web(20)) + "# \u00e9\n" * 40000, encoding="utf-8")
    far = a.call("--peer", "config", "diff", str(path))
    assert far.returncode == 1 and "weight: 10 -> 20" in far.stdout
    assert a.call("config", "diff", str(path)).stdout == far.stdout
    path.write_text("cluster: 7\n")
    far, near = a.call("--peer", "config", "diff", str(path)), a.call("config", "diff", str(path))
    assert far.returncode == near.returncode == 6 and far.stderr == near.stderr
    path.write_bytes(b"services: {}\n# \xff\n")
    far = a.call("--peer", "config", "diff", str(path))
    assert far.returncode == 6 and "UTF-8" in far.stderr
    assert data(b, "daemon", "info")[0]["generation"] == 1


def test_a_long_answer(pair, key):
    """More than the window of a conversation, and a reader that stops on the way."""
    n = 1500
    with both(pair, yaml(key, web(n=n))) as (a, b):
        links(a, b)
        near, far = data(b, "service", "list"), data(a, "--peer", "service", "list")
        assert len(far) == n and lasting(far) == lasting(near)
        slow = Background(a, "--peer", "-o", "jsonl", "service", "list")
        time.sleep(0.5)
        assert a.text("--peer", "version")  # nobody waits for it
        code, out = slow.end()
        assert code == 0 and len(out.splitlines()) == n
        rss = data(a, "daemon", "info")[0]["rss"]
        for _ in range(5):
            a.call("--peer", "-j", "service", "list")
        assert data(a, "daemon", "info")[0]["rss"] < rss + 8 * 2**20


def test_who_waits_ends_with_the_link(pair, two):
    a, b = two
    waits = [Background(a, "--peer", "wait", "service/web", "up"), Background(a, "--peer", "wait", "peer", "up", "-t", "60s")]
    repeat = Background(a, "--peer", "-w200ms", "-o", "tsv", "service", "list")
    time.sleep(0.5)
    assert waits[0].process.poll() is None and repeat.process.poll() is None
    with Cut(pair) as cut:
        start = time.monotonic()
        for one in (waits[0], repeat):
            code, text = one.end()
            assert code == 3 and "lb-b" in text, text
        # who stood still hears it later than who did not: a second of grace
        assert time.monotonic() - start < SILENT + 1.0 + 1.0 * slowness()
        done = a.call("--peer", "version")
        assert done.returncode == 3 and "no link to lb-b" in done.stderr, done
        cut.back()
        links(a, b)
    if waits[1].process.poll() is None:
        waits[1].process.kill()
    waits[1].end()


def test_who_leaves_makes_room(two):
    """Three wait there for as long as they like. Whoever only asks has a place beside them."""
    a, _ = two
    wait = ("--peer", "wait", "service/web", "up")
    for _ in range(3):
        waits = []

        def full():
            waits.append(Background(a, *wait))
            return any(w.process.poll() == 7 for w in waits)

        until(full, "all places are taken", 20)
        until(lambda: sum(w.process.poll() is None for w in waits) == 3, "3 of them have one, the others were refused", 5)
        assert a.call("--peer", "version").returncode == 0
        for one in waits:
            one.process.kill()
            one.end()
        until(lambda: a.call("-t", "300ms", *wait).returncode == 9, "they are free again", 5)


def test_the_process_of_the_link_dies(two):
    a, b = two
    wait = Background(a, "--peer", "wait", "service/web", "up")
    time.sleep(0.3)
    os.kill(workers(b)["sync"], signal.SIGKILL)
    code, text = wait.end()
    assert code == 3 and "lb-b" in text
    links(a, b)


def test_restart_and_stop_of_the_other_node(pair, key):
    a, b = lone(pair.a, yaml(key, web()), "lb-a"), lone(pair.b, yaml(key, web()), "lb-b")
    b.supervise = True
    try:
        a.start(ready=False)
        b.start(ready=False)
        links(a, b)
        pid = b.pid
        assert a.call("--peer", "daemon", "restart", "-y").returncode == 0
        until(lambda: b.pid != pid, "it is another process", 10)
        links(a, b)
        done = a.call("--peer", "daemon", "stop", "-y")
        assert done.returncode == 0 and "the daemon has stopped" in done.stdout
        until(lambda: b.process.poll() == 10, "it has stopped", 10)
    finally:
        b.close()
        a.close()


# ---------------------------------------------------------------- peer diff

def test_what_is_different_there(pair, key):
    with both(pair, yaml(key, web())) as (a, b):
        links(a, b)
        assert a.text("peer", "diff").splitlines()[-1] == "Both nodes are the same."
        assert "lbctl peer diff" not in a.text("status")
        b.reload(yaml(key, {**web(20), "dns": {"listen": "10.7.0.53:53", "sync": "off", "backends": {"x": {"address": "10.8.0.9:53"}}}}),
                 ok=None)
        until(lambda: "lbctl peer diff" in a.text("status") and "lbctl peer diff" in b.text("status"), "both say it", 5)
        out = a.text("peer", "diff", code=1)
        assert "from lb-a (generation 1) to lb-b (generation 2)" in out
        assert "+ service/dns" in out and "~ backend/web/app1 weight: 10 -> 20" in out
        assert "- service/dns" in b.text("peer", "diff", code=1)
        assert data(a, "peer", "diff", code=1) != []
        b.reload(yaml(key, web()) + "# a word\n", ok=None)
        until(lambda: "lbctl peer diff" not in a.text("status"), "it is over", 5)
        assert "Both nodes are the same." in a.text("peer", "diff")


def test_lines_of_the_file_are_not_for_who_only_looks(pair, key, tmp_path):
    """The other node is of a version that has a key of another name: its configuration is wrong here."""
    text, later = yaml(key, web()), tmp_path / "lbd"
    a = lone(pair.a, text, "lb-a")
    b = lone(pair.b, text.replace('"weight"', '"max_connections": 9, "resume_after": 7, "weight"'), "lb-b")
    with open(b.program, "rb") as f:
        later.write_bytes(f.read().replace(b"resume_below\0", b"resume_after\0"))
    later.chmod(0o755)
    b.program = str(later)
    try:
        a.start(ready=False)
        b.start(ready=False)
        links(a, b)
        known = a.call("peer", "diff").stderr
        with a.node:
            seen = subprocess.run([a.lbctl, "--socket", os.path.join(a.run_dir, "observe.sock"), "peer", "diff"],
                                  capture_output=True, text=True, check=False).stderr
    finally:
        b.close()
        a.close()
    assert "unknown key 'resume_after'" in known and "unknown key 'resume_after'" in seen
    assert '"resume_after": 7' in known and '"resume_after": 7' not in seen


# ---------------------------------------------------------------- overrides

def test_overrides_hold_on_both(two):
    a, b = two
    a.text("backend", "drain", "web/app1", "--reason", "new kernel", "--for", "1h")
    until(lambda: override(b) == ("drain", f"{me()}@lb-a"), "it holds there", 5)
    assert override(a) == ("drain", me())
    b.text("backend", "weight", "web/app1", "50%")
    b.text("backend", "force", "web/app2", "down")
    until(lambda: override(a, "web/app2", "force") == ("down", f"{me()}@lb-b"), "and the other way", 5)
    until(lambda: override(a, key="weight") == ("50%", f"{me()}@lb-b"), "and the other way", 5)
    here, there = (data(d, "backend", "show", "web/app1")[0]["overrides"]["admin"] for d in (a, b))
    assert here["expires"] == there["expires"] and there["reason"] == "new kernel"
    assert a.text("peer", "diff").splitlines()[-1] == "Both nodes are the same."
    b.text("backend", "enable", "web/app1")
    until(lambda: override(a) is None, "it is taken away on both", 5)
    # nobody answers what it was told: silence
    before = [d.log().count("override.set") + d.log().count("override set") for d in (a, b)]
    time.sleep(1.5)
    assert [d.log().count("override.set") + d.log().count("override set") for d in (a, b)] == before


def test_overrides_end_on_both(two):
    a, b = two
    a.text("backend", "drain", "web/app1", "--for", "2s")
    until(lambda: override(b), "it holds there", 5)
    until(lambda: override(a) is None and override(b) is None, "it is over on both", 10)


def test_what_is_said_when_another_one_is_just_over(pair, key, tmp_path, monkeypatch):
    """The first word after a machine slept: nothing has looked at what ended meanwhile."""
    slept = tmp_path / "slept"
    slept.write_text("0")
    a, b = (lone(node, yaml(key, web()), name) for node, name in ((pair.a, "lb-a"), (pair.b, "lb-b")))
    try:
        with monkeypatch.context() as m:
            m.setenv("SLEPT", str(slept))
            m.setenv("LD_PRELOAD", os.path.join(build_dir(), "tests/edge/ctl/libedge_slept.so"))
            m.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
            a.start(ready=False)
        b.start(ready=False)
        links(a, b)
        a.text("backend", "weight", "web/app1", "7", "--for", "50s")
        until(lambda: override(b, key="weight"), "it holds there", 5)
        slept.write_text("60")
        a.text("backend", "drain", "web/app2")
        until(lambda: override(b, "web/app2"), "what was said then holds there", 5)
    finally:
        for d in (b, a):
            d.close()


def test_overrides_said_while_apart(pair, two):
    a, b = two
    a.text("backend", "drain", "web/app1")
    b.text("backend", "drain", "web/app2")
    until(lambda: override(b) and override(a, "web/app2"), "as one", 5)
    with Cut(pair):
        until(lambda: a.call("--peer", "version").returncode == 3 and b.call("--peer", "version").returncode == 3, "apart", 15)
        a.text("backend", "enable", "web/app1")       # taken away while the other one does not hear it
        b.text("backend", "maint", "web/app2")
        time.sleep(0.01)
        a.text("backend", "weight", "web/app2", "3")  # another item
        b.text("backend", "weight", "web/app1", "1")
        time.sleep(0.01)
        a.text("backend", "weight", "web/app1", "7")  # the same item: the later one
        b.stop()
        a.stop()
        b.start(ready=False)
        a.start(ready=False)
    links(a, b)
    for d in (a, b):
        until(lambda d=d: override(d) is None, f"{d.name}: taken away", 5)
        until(lambda d=d: (override(d, "web/app2") or [0])[0] == "maint", f"{d.name}: maint", 5)
        until(lambda d=d: (override(d, "web/app2", "weight") or [0])[0] == "3", f"{d.name}: weight", 5)
        until(lambda d=d: (override(d, key="weight") or [0])[0] == "7", f"{d.name}: the later one", 5)
    assert "Both nodes are the same." in a.text("peer", "diff")


def test_many_words_at_once(two):
    a, b = two
    for i in range(12):
        runs = [Background(d, "backend", ("drain", "maint")[(i + k) % 2], "web/app1") for k, d in enumerate((a, b))]
        for one in runs:
            assert one.end()[0] == 0
    until(lambda: override(a) and override(b) and override(a)[0] == override(b)[0], "they agree", 5)
    assert "Both nodes are the same." in a.text("peer", "diff")


def test_the_difference_of_overrides_is_told(pair, key):
    """A backend that only one node has, and a priority, which is of one node."""
    with both(pair, yaml(key, web()), yaml(key, {**web(), "more": {"listen": "10.7.0.81:80", "sync": "off",
              "backends": {"x": {"address": "10.8.0.9:80"}}}})) as (a, b):
        links(a, b)
        b.text("backend", "drain", "more/x")
        time.sleep(0.3)
        out = a.text("peer", "diff", code=1)
        assert "+ service/more" in out and f"~ backend/more/x override state: none -> drain by {me()}@lb-b" in out
        a.reload(yaml(key, {**web(), "more": {"listen": "10.7.0.81:80", "sync": "off",
                                              "backends": {"x": {"address": "10.8.0.9:80"}}}}), ok=None)
        until(lambda: override(a, "more/x") == ("drain", f"{me()}@lb-b"), "it is told when there is something to hold it", 5)


# ---------------------------------------------------------------- apply --both

def levels(key, level):
    return yaml(key, None, log={"level": level})


def generations(*daemons):
    return [data(d, "daemon", "info")[0]["generation"] for d in daemons]


@pytest.fixture()
def same(pair, key):
    with both(pair, levels(key, "info")) as (a, b):
        links(a, b)
        yield a, b


def put(d, tmp_path, text, *argv):
    path = tmp_path / "both.yaml"
    path.write_text(text)
    return d.call("config", "apply", "-y", "--both", *argv, str(path))


def test_a_message_comes_whole(same, tmp_path, key):
    """The longest there is, whose characters are of several bytes."""
    a, b = same
    message = "m" * 199 + "ä" * 28 + "m"
    done = put(a, tmp_path, levels(key, "notice"), "-m", message)
    assert done.returncode == 0, done
    for d in same:
        assert data(d, "config", "history")[-1]["message"] == message
    done = put(a, tmp_path, levels(key, "debug"), "-m", message + "m")
    assert done.returncode == 2 and "message takes 1 to 256 bytes" in done.stderr, done


def test_the_plan_is_of_both(same, tmp_path, key):
    a, b = same
    done = put(a, tmp_path, levels(key, "info"), "-n")  # what runs on both
    assert done.returncode == 0 and done.stdout.count("Plan: 0 to add, 0 to change, 0 to remove") == 2, done
    (tmp_path / "there.yaml").write_text(levels(key, "debug"))
    b.text("config", "apply", "-y", tmp_path / "there.yaml", code=8)
    done = put(a, tmp_path, levels(key, "info"), "-n")
    here, there = done.stdout.split("The other node:\n")
    assert done.returncode == 1 and "Plan: 0 to add, 0 to change, 0 to remove" in here, done
    assert "debug -> info" in there and levels(key, "debug") == b.text("config", "show"), done


def test_applied_on_both(same, tmp_path, key):
    a, b = same
    done = put(a, tmp_path, levels(key, "notice"), "-m", "quieter")
    assert done.returncode == 0 and "both nodes run it: generation 2 on lb-a, 2 on lb-b" in done.stdout, done
    assert a.text("config", "show") == b.text("config", "show") == levels(key, "notice")
    assert "Both nodes are the same." in a.text("peer", "diff")
    assert f"applied by {me()}@lb-a" in a.log() and f"applied by {me()}@lb-a" in b.log()
    done = put(a, tmp_path, levels(key, "notice"))
    assert done.returncode == 0 and generations(a, b) == [2, 2]  # nothing to do
    # from the other node, of its own file
    b.write(levels(key, "warning"))
    done = b.call("config", "apply", "-y", "--both")
    assert done.returncode == 0 and generations(a, b) == [3, 3], done
    assert "level" in a.text("config", "show") and "warning" in a.text("config", "show")


def test_refused_by_the_check(same, tmp_path):
    a, b = same
    done = put(a, tmp_path, "cluster: 7\nservices: {}\n")
    assert done.returncode == 6 and done.stderr.startswith("lb-b: ") and "both.yaml:1" in done.stderr, done
    assert "nothing was applied, on either node" in done.stderr
    assert generations(a, b) == [1, 1]


def spoil(d):
    """No generation can be stored there. Returns how to mend it."""
    path = os.path.join(d.state_dir, "generations")
    os.rename(path, path + ".away")
    with open(path, "w", encoding="ascii"):
        pass

    def mend():
        os.remove(path)
        os.rename(path + ".away", path)
    return mend


def test_the_other_one_cannot(same, tmp_path, key):
    a, b = same
    mend = spoil(b)
    done = put(a, tmp_path, levels(key, "notice"))
    assert done.returncode == 8 and "lb-a runs generation 1 as before. lb-b runs generation 1 as before" in done.stderr, done
    mend()
    assert "Both nodes are the same." in a.text("peer", "diff")


def test_this_one_cannot_and_the_other_goes_back(same, tmp_path, key):
    a, b = same
    mend = spoil(a)
    done = put(a, tmp_path, levels(key, "notice"))
    assert done.returncode == 8 and "lb-b went back to generation 1" in done.stderr, done
    assert "lb-a runs generation 1 as before. lb-b runs generation 1 as before" in done.stderr
    assert b.text("config", "show") == levels(key, "info")
    mend()
    # the other one may still be about to end the one before
    until(lambda: put(a, tmp_path, levels(key, "notice")).returncode == 0, "it is applied")
    assert generations(a, b) == [2, 3]


@pytest.mark.parametrize("trial", [True, False])
def test_what_others_apply_meanwhile_stays(same, tmp_path, key, trial):
    a, b = same
    os.kill(b.pid, signal.SIGSTOP)
    try:
        one = Background(a, "config", "apply", "-y", "--both", str(write(tmp_path, "n", levels(key, "notice"))))
        time.sleep(0.5)
        assert one.process.poll() is None
        argv = ["--confirm", "10m"] if trial else []
        done = a.call("config", "apply", "-y", *argv, str(write(tmp_path, "d", levels(key, "debug"))))
        assert done.returncode in (0, 8) and generations(a) == [2], done
    finally:
        os.kill(b.pid, signal.SIGCONT)
    code, text = one.end()
    states = [r["state"] for r in data(a, "config", "history")]
    if trial:
        assert code == 7 and "lb-a: generation 2 waits for a confirm" in text, text
        assert "nothing was applied, on either node" in text, text
        assert generations(a, b) == [2, 1] and states == ["confirmed", "pending"]
        assert len(data(b, "config", "history")) == 1  # not even for a moment
    else:
        assert code == 0 and "both nodes run it: generation 3 on lb-a, 2 on lb-b" in text, text
        assert states == ["confirmed"] * 3


def test_two_at_once(same, tmp_path, key):
    a, b = same
    for i in range(5):
        one = Background(a, "config", "apply", "-y", "--both", str(write(tmp_path, f"a{i}", levels(key, "notice") + f"# a{i}\n")))
        two_ = Background(b, "config", "apply", "-y", "--both", str(write(tmp_path, f"b{i}", levels(key, "debug") + f"# b{i}\n")))
        codes = sorted((one.end()[0], two_.end()[0]))
        assert codes[0] in (0, 7) and codes[1] in (0, 7), codes
        assert a.text("config", "show") == b.text("config", "show")


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_the_link_breaks_before_anything_was_applied(same, tmp_path, key):
    a, b = same
    os.kill(b.pid, signal.SIGSTOP)
    try:
        one = Background(a, "config", "apply", "-y", "--both", str(write(tmp_path, "n", levels(key, "notice"))))
        time.sleep(0.5)
        assert one.process.poll() is None
        os.kill(workers(a)["sync"], signal.SIGKILL)
        code, text = one.end()
    finally:
        os.kill(b.pid, signal.SIGCONT)
    assert code == 3 and "nothing was applied, on either node" in text, text
    links(a, b)
    assert generations(a, b) == [1, 1]


def test_the_link_breaks_at_any_time(same, tmp_path, key):
    """Whatever it says is true, and never are both silent about being different."""
    a, b = same
    seen = set()
    for i in range(12):
        level = ("notice", "info")[i % 2]
        pid = workers(b if i % 3 else a)["sync"]
        one = Background(a, "config", "apply", "-y", "--both", str(write(tmp_path, f"t{i}", levels(key, level) + f"# {i}\n")))
        time.sleep(0.004 * i * slowness())
        os.kill(pid, signal.SIGKILL)
        code, text = one.end()
        seen.add(code)
        assert code in (0, 3, 8), text
        links(a, b)
        if "lbctl peer diff" not in text:
            until(lambda: "same." in a.call("peer", "diff").stdout, f"{code} {text}", 5)
        elif a.text("config", "show") != b.text("config", "show"):
            done = put(a, tmp_path, levels(key, level) + f"# {i} again\n")
            assert done.returncode == 0, done
    assert 0 in seen or 3 in seen
