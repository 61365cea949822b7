# SPDX-License-Identifier: GPL-2.0-or-later
"""Who looks on from outside: the endpoint of metrics, also for clients that behave badly, and the stream of events."""
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time

import pytest

from conftest import until
from life import apply, history, shown
from pair import config, is_master, lone, pair, state
from steps import slowness

PORT = 9788
CONNECTIONS = 16  # METRICS_CONNECTIONS_MAX
NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|Inf)"
LABEL = r'[a-z_]+="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"(lbd_[a-z0-9_]+)(?:\{{({LABEL}(?:,{LABEL})*)\}})? ({NUMBER})")


@pytest.fixture(scope="module")
def a(pair):
    text = json.loads(config(150))
    text["services"] = {"web": {"listen": "198.51.100.9:80", "check": "none",
                                "backends": {f"app{i}": f"10.77.0.{i}:80" for i in (1, 2)}}}
    d = lone(pair.a, json.dumps(text), "lb-a")
    d.start(ready=False)
    is_master(d)
    until(lambda: listens(d), "the endpoint")
    yield d
    d.close()


def dial(d, timeout=10.0):
    with d.node:
        return socket.create_connection(("127.0.0.1", PORT), timeout * slowness())


def listens(d):
    with contextlib.suppress(OSError):
        dial(d).close()
        return True
    return False


def answer(s):
    """All of it, until the other side hangs up."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while part := s.recv(65536):
            got += part
    return got


def ask(d, text):
    with dial(d) as s:
        s.sendall(text.encode())
        return answer(s).decode()


def get(d, method="GET", path="/metrics", more=""):
    return ask(d, f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n")


def parse(text):
    """{name: {labels: value}} of strict text; each metric in one piece, behind its HELP and TYPE."""
    found, name, kind = {}, None, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, kind = line.split(" ")[2], None
            assert name not in found and line.endswith("."), line
            found[name] = {}
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == name and kind is None, line
            kind = line.split(" ")[3]
            assert kind in ("counter", "gauge", "histogram"), line
        else:
            m = SAMPLE.fullmatch(line)
            assert m and kind, line
            part = m[1].removeprefix(name)
            assert part in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",)), line
            key = part + (m[2] or "")
            assert key not in found[name], f"twice: {line}"
            found[name][key] = float(m[3])
    assert all(found.values()), "one without samples"
    return found


def test_the_text_is_what_prometheus_reads(a):
    found = parse(a.text("metrics"))
    assert found["lbd_service_backends"] == {'service="web",in_pool="true"': 0, 'service="web",in_pool="false"': 2}
    assert found["lbd_vrrp_state"]['vrrp="wan",state="master"'] == 1
    assert found["lbd_vrrp_transitions_total"]['vrrp="wan",to="master"'] == 1
    assert found["lbd_alarm_raised"]['alarm="two_masters"'] == 0
    assert {key.split('"')[1] for key in found["lbd_worker_up"]} == {"core", "probe", "vrrp"}
    known = [row.split("\t")[0] for row in subprocess.run([a.program, "--print=metrics"], capture_output=True, text=True,
                                                          check=True).stdout.splitlines()]
    assert [name for name in known if name in found] == list(found), "in the order of the table, and all of it"
    some = parse(a.text("metrics", "lbd_backend"))
    assert some and all(name.startswith("lbd_backend") for name in some)
    assert a.call("metrics", "lbd_nothing").returncode == 4
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=a.text("metrics"), capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0 and not done.stderr, done


def test_the_endpoint_says_the_same(a):
    head, _, body = get(a, more="").partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 ") and "Content-Type: text/plain; version=0.0.4" in head
    assert "lbd_build_info" in body

    def names():
        with a.node:
            text = subprocess.run(["curl", "-sS", "--max-time", "20", f"http://127.0.0.1:{PORT}/metrics"],
                                  capture_output=True, text=True, check=True).stdout
        return list(parse(text))
    # what is told once a second may come between the two
    until(lambda: names() == list(parse(a.text("metrics"))), "both say the same")


@pytest.mark.parametrize("what, request_, status", [
    ("HEAD", "HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200"),
    ("POST", "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nx", "405"),
    ("DELETE", "DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "405"),
    ("elsewhere", "GET /../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404"),
    ("a head of 1 MB", "GET /metrics HTTP/1.1\r\nX: " + "a" * 1000000 + "\r\n\r\n", "4.."),
    ("no HTTP", "\x16\x03\x01 hello\r\n\r\n", "4.."),
], ids=lambda v: v if len(v) < 20 else "")
def test_anything_else_is_refused(a, what, request_, status):
    got = ""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may hang up before all is sent
        got = ask(a, request_)
    assert re.match(rf"HTTP/1\.[01] {status} |$", got), (what, got[:200])
    if what == "HEAD":
        assert got.endswith("\r\n\r\n"), "no body"
    assert "lbd_build_info" in get(a)


def test_those_who_say_nothing_make_room(a):
    idle = [dial(a) for _ in range(CONNECTIONS * 3)]
    for s in idle[::2]:
        with contextlib.suppress(OSError):  # it may be one that had to go
            s.sendall(b"GET /metrics HT")
    assert "lbd_build_info" in get(a), "somebody new is served"
    until(lambda: sum(over(s) for s in idle) == len(idle), "those who never ask are let go", 15 + 10 * slowness())
    for s in idle:
        s.close()


def over(s):
    s.setblocking(False)
    try:
        return s.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_one_who_does_not_read_holds_nobody(a):
    slow = []
    for _ in range(3):
        s = dial(a)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        slow.append(s)
    for _ in range(5):
        assert "lbd_build_info" in get(a) and state(a) == "master"
    for s in slow:
        s.close()


def cpu(d):
    with open(f"/proc/{d.pid}/stat", encoding="utf-8") as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def test_who_waits_costs_nothing(a):
    with dial(a) as s:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        got = b""
        while not got.endswith(b"0\r\n\r\n"):
            got += s.recv(65536)
        before, begun = cpu(a), time.monotonic()
        time.sleep(1)  # the connection is kept and nothing is due
        assert cpu(a) - before < 0.5 * (time.monotonic() - begun), "the loop spins"


# ---------------------------------------------------------------- events

class Watch:
    def __init__(self, d, *argv, form=("-j",)):
        argv = [d.lbctl, "--socket", os.path.join(d.run_dir, "control.sock"), *form, "watch", *argv]
        with d.node:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.got = b""

    def lines(self):
        if not self.process.stdout.closed:
            self.got += self.process.stdout.read() or b""
        return self.got.decode().splitlines()

    def rows(self):
        return [json.loads(line) for line in self.lines()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()
        self.process.stderr.close()


def clients(d):
    """How many hold a connection to the core, who asks included."""
    return next(row["clients"] for row in d.ctl("daemon", "info")["data"] if "clients" in row)


def test_a_change_comes_as_one_record(a):
    with Watch(a, "override") as w, Watch(a, "override.set", "vrrp", form=()) as human:
        until(lambda: clients(a) == 3, "both are there")
        a.text("backend", "drain", "web/app1", "--reason", "disk \"x\"\u00e4")
        row = until(w.rows, "the record")[0]
        until(human.lines, "the line")
        a.text("backend", "enable", "web/app1")
        until(lambda: len(w.rows()) == 2, "the second record")
        rows = w.rows()
    assert row["schema"] == 1 and row["event"] == "override.set" and row["object"] == "backend/web/app1"
    assert row["node"] == "lb-a" and row["user"] == "root" and row["reason"] == "disk \"x\"\u00e4"
    assert row["data"] == {"state": "drain"} and row["level"] == "notice"
    assert rows[1]["seq"] > row["seq"] and rows[1]["mono"] >= row["mono"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", row["time"])
    assert re.match(r"\S+Z backend/web/app1: override set \(drain by=root reason=disk", human.lines()[0])


def test_since_tells_of_before_without_gaps(a):
    with Watch(a, "--since", "1h") as w:
        until(lambda: [r for r in w.rows() if r["event"] == "vrrp.state" and r["new"] == "master"], "what was before")
        seqs = [r["seq"] for r in w.rows()]
    assert seqs == list(range(1, len(seqs) + 1))
    assert {"daemon.started", "worker.started"} <= {r["event"] for r in w.rows()}


def test_what_becomes_of_a_configuration(a):
    """Each step once, under its own name; and what a person should look at is an alarm."""
    before, yaml = max(history(a)), shown(a)
    with Watch(a, "config", "alarm") as w:
        until(lambda: clients(a) == 2, "it is there")
        apply(a, yaml + "\n# kept\n", "--confirm", "10m")
        a.text("config", "confirm")
        apply(a, yaml + "\n# goes back\n", "--confirm", "10m")
        a.call("config", "rollback", "-y")
        told = [["config.applied", before + 1], ["config.pending", before + 1], ["config.state", before + 1],
                ["config.confirmed", before + 1], ["config.applied", before + 2], ["config.pending", before + 2],
                ["config.state", before + 2], ["config.rolled_back", before + 2]]
        until(lambda: len(rows_of(w, "config")) == len(told), "all is told")
        until(lambda: [r for r in rows_of(w, "alarm.raised") if r["reason"] == "config_rolled_back"], "the alarm")
        assert parse(a.text("metrics", "lbd_alarm"))["lbd_alarm_raised"]['alarm="config_rolled_back"'] == 1
        apply(a, yaml)
        until(lambda: [r for r in rows_of(w, "alarm.cleared") if r["reason"] == "config_rolled_back"], "it is over")
        rows = rows_of(w, "config")
    assert [[r["event"], int(r["object"].removeprefix("config/"))] for r in rows[:-1]] == told
    assert rows[1]["new"] == "pending" and rows[1]["data"] == {"base": before, "left": 600} and rows[3]["user"] == "root@lb-a"
    assert rows[2]["new"] == "confirmed" and rows[6]["new"] == "rolled_back" and rows[7]["reason"] == "by root@lb-a"
    assert rows[-1]["event"] == "config.applied"


def rows_of(w, word):
    return [r for r in w.rows() if r["event"].startswith(word)]


def test_too_many_watchers_are_refused_and_their_places_come_back(a):
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(Watch(a)) for _ in range(17)]
        until(lambda: sum(w.process.poll() == 7 for w in watchers) == 1, "one is refused")
        assert a.call("status").returncode == 0
    with Watch(a, "--since", "1h") as w:
        until(w.rows, "there is room again")


def test_a_closed_pipe_ends_it_and_so_does_the_daemon(a):
    with Watch(a, "--since", "1h") as w:
        until(w.rows, "it is there")
        w.process.stdout.close()
        until(lambda: w.process.poll() == 0, "it ends, though nothing happens")
    with Watch(a, "--since", "1h") as w:
        until(w.rows, "it is there")
        a.stop()
        until(lambda: w.process.poll() is not None, "it ends")
        assert w.process.returncode == 0 and w.rows()[-1]["event"] == "daemon.stopping"


# ---------------------------------------------------------------- checks that cannot be made


def test_who_tracks_a_check_that_may_not_ping_is_told(pair):
    text = json.loads(config(150, track=[{"check": "gateway", "weight": -30}]))
    text["checks"] = {"gateway": {"type": "icmp", "address": "10.7.0.3"}}
    d = lone(pair.a, json.dumps(text), "lb-a")
    pair.a.sysctl("net.ipv4.ping_group_range", "1 0")
    try:
        d.start(ready=False)
        is_master(d)
        told = [f for f in d.ctl("status")["data"][0]["findings"] if "ping_group_range" in f["text"]]
        assert [f["object"] for f in told] == ["vrrp/wan"]
        assert told[0]["fix"] == 'sysctl -w net.ipv4.ping_group_range="0 2147483647"'
    finally:
        d.close()


def test_a_check_that_cannot_be_made_is_an_alarm(pair):
    """What it said before holds, so a backend that dies meanwhile stays up: somebody must hear of it."""
    check = {"type": "icmp", "interval": "1s", "timeout": "500ms"}
    yaml = json.dumps({"checks": {"ping": check}, "services": {"web": {
        "listen": "203.0.113.1:80", "check": "ping", "backends": {"a": "10.7.0.3:8080", "b": "10.7.0.2:8080"}}}})
    raised = r"check_not_run: 2 backends, first web/[ab]; check ping: SOCKERR, ping sockets are not allowed: " \
        r"net\.ipv4\.ping_group_range"
    d = lone(pair.a, yaml, "lb-a")

    def alarms():
        return [x for x in d.ctl("status")["data"][0]["alarms"] if x.startswith("check_not_run")]

    def shown(metric):
        return [line for line in d.call("metrics", metric).stdout.splitlines() if not line.startswith("#")]

    def flag():
        return [line for line in shown("lbd_alarm_raised") if "check_not_run" in line]

    pair.a.sysctl("net.ipv4.ping_group_range", "0 2147483647")
    try:
        d.start(ready=False)
        until(lambda: d.call("status").returncode != 3, "it answers")
        until(lambda: [r["state"] for r in d.ctl("check", "list")["data"]] == ["up", "up"], "both are up")
        pair.a.sysctl("net.ipv4.ping_group_range", "1 0")
        until(lambda: len(shown("lbd_check_error_seconds")) == 2, "it is told how long it has been so")
        assert not alarms() and shown("lbd_check_up")[0].endswith(" 1")
        until(alarms, "the alarm", 120)
        until(lambda: re.fullmatch(raised, alarms()[0]), "it is about both")
        assert flag()[0].endswith(" 1") and "check_error_since" in d.ctl("backend", "show", "web/a")["data"][0]
        until(lambda: d.log().count("alarm/check_not_run: raised") == 1, "it is in the log")
        pair.a.sysctl("net.ipv4.ping_group_range", "0 2147483647")
        until(lambda: not alarms() and "alarm/check_not_run: is over" in d.log(), "it is over")
        assert d.log().count("alarm/check_not_run: raised") == 1 and not shown("lbd_check_error_seconds")
        assert flag()[0].endswith(" 0")
    finally:
        d.close()
