# SPDX-License-Identifier: GPL-2.0-or-later
"""Single connections: shown as the kernel has them, and ended so that they stay ended, by an operator or because their
backend was cut."""
import contextlib
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

from conftest import VIPS6, until
from test_sync_tap import daemons, devices
from steps import VIP, conf, service, settled, slowness, weights

VIP6 = VIPS6[0]
MODES = {"nat": 1000, "dr": 1001, "tun": 1002}
EACH = [(mode, family) for mode in MODES for family in (4, 6)]
# a record to the kernel and a reset on the next packet; and what has a second left is looked for after 1.3 s
SOON, LATER = 1.0, 3.0


def services(drain="2s"):
    all_ = {}
    for mode, port in MODES.items():
        for family, vip, back in ((4, VIP, "10.8.0.1{}"), (6, f"[{VIP6}]", "[fd08::1{}]")):
            all_[f"{mode}{family}"] = service(f"{vip}:{port}", {
                f"s{i}": f"{back.format(i)}:{8080 if mode == 'nat' else port}" for i in (1, 2)}, mode=mode)
    all_["udp"] = service(f"{VIP}:53", {f"s{i}": f"10.8.0.1{i}:5300" for i in (1, 2)}, protocol="udp",
                          drain={"timeout": drain, "then": "cut"})
    all_["sticky"] = service(f"{VIP}:1003", {f"s{i}": f"10.8.0.1{i}:8080" for i in (1, 2)}, persistence="5m")
    all_["cut"] = service(f"{VIP}:1004", {f"s{i}": f"10.8.0.1{i}:8080" for i in (1, 2)}, on_fail="cut",
                          drain={"timeout": drain, "then": "cut"})
    all_["kept"] = service(f"{VIP}:1005", {f"s{i}": f"10.8.0.1{i}:8080" for i in (1, 2)}, on_fail="drain")
    all_["marked"] = {"fwmark": 77, "family": "ipv4", "check": "none",
                      "backends": {f"s{i}": f"10.8.0.1{i}" for i in (1, 2)}}
    return all_


@pytest.fixture(scope="module")
def d(lbd, net):
    for s in net.servers[:2]:
        s.serve(8080)
        s.serve(5300, "udp")
        for mode in ("dr", "tun"):
            s.serve(MODES[mode])
    return lbd(conf(services()))


def rows(d, *words):
    return d.ctl("conn", "list", *words)["data"]


def kernel(lb):
    return lb.run("ipvsadm", "-Lnc")


def name(c):
    """ADDRESS:PORT of a client's connection, as --client takes it."""
    address, port = c.local
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def gone(c, seconds=SOON):
    """What the client says is answered by nobody, and it hears of it at once. Returns what it heard."""
    c.sock.settimeout(seconds + slowness())
    try:
        c.sock.send(b"after the end\n")
        got = c.sock.recv(4096)
    except OSError as e:
        return type(e).__name__
    assert not got, f"data: {got!r}"
    return "closed"


class Talker:
    """A client that does not stop to talk. What it got, and how it ended."""

    def __init__(self, conn, every=0.02):
        self.conn, self.every, self.end, self.answers, self.over = conn, every, None, [], False
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.over:
            try:
                self.answers.append((time.monotonic(), self.conn.ask().server))
            except socket.timeout:
                self.answers.append((time.monotonic(), None))
            except OSError as e:
                self.end = (time.monotonic(), type(e).__name__)
                return
            time.sleep(self.every)

    def stop(self):
        self.over = True
        self.thread.join(10)


# ---------------------------------------------------------------- shown

def test_list_is_what_ipvsadm_prints(d, lb, client):
    conns = [client.connect(VIP if family == 4 else VIP6, MODES[mode]) for mode, family in EACH]
    conns += [client.connect(VIP, 1003), client.connect(VIP, 53, proto="udp")]
    try:
        for c in conns:
            c.ask()
        before, ours, after = timeless(kernel(lb)), timeless(d.text("conn", "list", "-o", "ipvsadm")), timeless(kernel(lb))
        assert ours[0] == after[0]  # each byte but the times, which run on
        assert len(ours[1]) == len(before[1]) == len(after[1]) >= len(conns) + 1  # and a template
        assert all(a <= o <= b for a, o, b in zip(after[1], ours[1], before[1])), (before[1], ours[1], after[1])
    finally:
        for c in conns:
            c.close()


def timeless(text):
    """The text without the times, and the times in seconds."""
    times = [int(m) * 60 + int(s) for m, s in re.findall(r"^\S+ +(\d\d):(\d\d) ", text, re.M)]
    return re.sub(r"^(\S+ +)\d\d:\d\d ", r"\1--:-- ", text, flags=re.M), times


def test_rows_say_whose_it_is(d, client):
    with client.connect(VIP, MODES["dr"]) as c, client.connect(VIP6, MODES["nat"]) as six, client.connect(VIP, 1003) as t:
        for one in (c, six, t):
            one.ask()
        row, = rows(d, "--client", name(c))
        assert row.pop("expires") > 800
        n = c.server[-1]
        assert row == {"protocol": "tcp", "state": "established", "client": name(c), "virtual": f"{VIP}:1001",
                       "address": f"10.8.0.1{n}:1001", "service": "dr4", "backend": f"s{n}", "origin": "local"}
        row, = rows(d, "--client", name(six))
        assert (row["service"], row["backend"], row["virtual"]) == ("nat6", f"s{six.server[-1]}", f"[{VIP6}]:1000")
        found = {r["origin"]: r for r in rows(d, "--service", "sticky") if r["client"] in ("10.9.0.2", name(t))}
        assert found["template"]["client"] == "10.9.0.2" and found["template"]["backend"] == f"s{t.server[-1]}"
        assert found["local"]["client"] == name(t)
        text = d.text("conn", "list", "--client", name(c))
        assert "established" in text and text.splitlines()[-1] == "1 flow"
        one, = [json.loads(line) for line in d.text("conn", "list", "--client", name(c), "-o", "jsonl").splitlines()]
        assert one["backend"] == f"s{n}"
        # observe is enough to look, and not to kill
        socket_ = os.path.join(d.run_dir, "observe.sock")
        assert d.call("conn", "list", "--socket", socket_).returncode == 0
        assert d.call("conn", "kill", "--service", "dr4", "-y", "--socket", socket_).returncode == 5


def test_filters_and_counts(d, client):
    many = [client.connect(VIP, MODES["nat"]) for _ in range(150)]  # more than a batch
    try:
        of = rows(d, "--service", "nat4")
        mine = {f"10.9.0.2:{c.local[1]}" for c in many}
        assert mine <= {r["client"] for r in of} and all(r["service"] == "nat4" for r in of)
        assert len(rows(d, "--backend", "nat4/s1")) + len(rows(d, "--backend", "nat4/s2")) == len(of)
        assert len(rows(d, "--service", "nat4", "--client", "10.9.0.0/24")) == len(of)
        assert rows(d, "--service", "nat4", "--client", "10.9.0.3") == []
        assert rows(d, "--service", "nat6", "--client", "10.9.0.0/24") == []
        assert len(rows(d, "--client", name(many[7]))) == 1
        counted = d.ctl("conn", "count", "--service", "nat4", "--client", "10.9.0.2")["data"]
        established = sum(r["flows"] for r in counted if r["state"] == "established")
        assert established == 150 and {r["backend"] for r in counted} == {"s1", "s2"}
        assert sum(r["flows"] for r in d.ctl("conn", "count")["data"]) >= 150
        many_rows = d.text("conn", "list", "--service", "nat4", "-o", "tsv").splitlines()
        assert many_rows[0].split("\t")[:4] == ["protocol", "state", "expires", "client"] and len(many_rows) > 150
    finally:
        for c in many:
            c.close(reset=True)


def test_who_reads_slowly_is_in_nobodys_way(d, client):
    many = [client.connect(VIP, MODES["nat"]) for _ in range(140)]
    slow = []
    try:
        for _ in range(3):
            s = socket.socket(socket.AF_UNIX)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(os.path.join(d.run_dir, "control.sock"))
            for i in range(1, 9):
                s.send(json.dumps({"id": i, "cmd": "conn.list", "args": {}}).encode() + b"\n")
            slow.append(s)
        assert "1 flow ended" in d.text("conn", "kill", "--client", name(many[0]), "-y")
        gone(many[0])
        for s in slow:
            s.close()
        until(lambda: d.call("conn", "list").returncode == 0, "who has left is in nobody's way")
    finally:
        for c in many:
            c.close(reset=True)


@pytest.mark.parametrize("argv, code, says", [
    (("conn", "kill"), 2, "needs at least one of: --service, --backend, --client"),
    (("conn", "kill", "--service", "nat4"), 7, "no terminal"),
    (("conn", "kill", "--service", "nat4", "-y", "--client", "10.9.0.77"), 0, "no flow matches"),
    (("conn", "list", "nat4"), 2, "too much"),
    (("conn", "list", "--service", "nta4"), 4, "nat4"),
    (("conn", "list", "--backend", "nat4"), 2, "SERVICE/BACKEND"),
    (("conn", "list", "--backend", "nat4/s9"), 4, "s"),
    (("conn", "list", "--backend", "nat4/s1", "--service", "nat6"), 2, "none of service nat6"),
    (("conn", "list", "--client", "10.9.0.2/24"), 2, "without host bits"),
    (("conn", "list", "--client", "host.example"), 2, "a client is an address"),
    (("conn", "kill", "--service", "nat4", "-n"), 0, "would do: conn kill --service nat4"),
    (("conn", "drop"), 2, "list, count, kill"),
])
def test_mistakes(d, argv, code, says):
    done = d.call(*argv)
    assert done.returncode == code and says in done.stdout + done.stderr, done


# ---------------------------------------------------------------- ended by an operator

@pytest.mark.parametrize("mode, family", EACH)
def test_kill_ends_an_idle_and_a_busy_one(d, client, mode, family):
    vip = VIP if family == 4 else VIP6
    source = {"source": "10.9.0.3" if family == 4 else "fd09::3"}
    with client.connect(vip, MODES[mode], **source) as idle, client.connect(vip, MODES[mode], **source) as busy, \
            client.connect(vip, MODES[mode]) as other:
        for c in (idle, busy, other):
            c.ask()
        talker = Talker(busy)
        start = time.monotonic()
        out = d.text("conn", "kill", "--service", f"{mode}{family}", "--client", source["source"], "-y")
        took = time.monotonic() - start
        assert out.strip() == "2 flows ended"
        until(lambda: talker.end, "the busy one has ended", SOON + slowness())
        heard = gone(idle)
        print(f"FIGURES {mode}{family}: idle {heard}, busy {talker.end[1]} {talker.end[0] - start:.2f} s after the "
              f"command began; it took {took:.2f} s")
        assert heard in ("ConnectionResetError", "BrokenPipeError") and talker.end[1] == "ConnectionResetError"
        other.ask()  # nobody else
        client.ask(vip, MODES[mode], **source)  # and the client may come back


def test_client_that_comes_back_is_not_cut_again(d, client):
    """A kill means what is there: it looks again, and what has come meanwhile is left alone."""
    with client.connect(VIP, MODES["nat"]) as c, client.connect(VIP, 53, proto="udp") as u:
        c.ask(), u.ask()  # for the flow of UDP it looks again after more than a second
        back = []

        def work():
            talker = Talker(c)
            talker.thread.join(30)
            back.append(client.connect(VIP, MODES["nat"]))
            back.append(Talker(back[0], 0.1))

        thread = threading.Thread(target=work)
        thread.start()
        out = d.text("conn", "kill", "--client", "10.9.0.2", "-y")
        thread.join(30)
        until(lambda: len(back) == 2, "the client is back")
        assert out.strip().endswith("ended"), out
        back[1].stop()
        assert back[1].end is None and len(back[1].answers) > 0
        back[0].close()


def test_kill_of_a_template_lets_the_client_go_elsewhere(d, client):
    client.ask(VIP, 1003, source="10.9.0.4")
    assert [r["origin"] for r in rows(d, "--service", "sticky", "--client", "10.9.0.4")].count("template") == 1
    out = d.text("conn", "kill", "--service", "sticky", "--client", "10.9.0.4", "-y")
    assert "ended" in out
    until(lambda: rows(d, "--service", "sticky", "--client", "10.9.0.4") == [], "it is gone", LATER + slowness())
    assert {client.ask(VIP, 1003, source="10.9.0.3").server, client.ask(VIP, 1003, source="10.9.0.4").server}


def test_kill_of_an_idle_udp_flow(d, client):
    with client.connect(VIP, 53, proto="udp") as c:
        c.ask()
        assert len(rows(d, "--client", name(c))) == 1
        assert "1 flow ended" in d.text("conn", "kill", "--backend", f"udp/s{c.server[-1]}", "--client", name(c), "-y")
        assert rows(d, "--client", name(c)) == []


# ---------------------------------------------------------------- cut

def test_backend_that_fails_is_cut(d, lb, client):
    with client.connect(VIP, 1004) as one, client.connect(VIP, 1004) as two, client.connect(VIP, 1005) as kept:
        for c in (one, two, kept):
            c.ask()
        mine, other = (one, two) if one.server == "srv1" else (two, one)
        assert {mine.server, other.server} == {"srv1", "srv2"}
        talker = Talker(mine)
        start = time.monotonic()
        d.text("backend", "force", "cut/s1", "down")
        d.text("backend", "force", f"kept/s{kept.server[-1]}", "down")
        until(lambda: talker.end, "its flow has ended", LATER + slowness())
        print(f"FIGURES cut: {talker.end[1]} after {talker.end[0] - start:.2f} s")
        other.ask()
        kept.ask()  # on_fail: drain keeps what there is
        until(lambda: "conn: 1 flow ended" in d.log(), "it is told", LATER + slowness())
    for b in ("cut/s1", "kept/s1", "kept/s2"):
        d.text("backend", "force", b, "auto")
    settled(d)


def test_a_mark_on_the_same_host_is_somebody_else(d, client):
    """Nothing is known of a mark where nothing is copied; but where a connection goes to is."""
    with client.connect(VIP, 1000) as c:
        c.ask()
        backend = f"marked/s{c.server[-1]}"
        for words in ("--service", "marked"), ("--backend", backend):
            assert name(c) not in {r["client"] for r in rows(d, *words)}  # what tests before have left may be anybody's
            d.ctl("conn", "kill", *words, "-y")
        c.ask()
        d.text("backend", "maint", backend)
        time.sleep(LATER)
        c.ask()
    d.text("backend", "enable", backend)
    settled(d)


def test_backend_that_is_back_at_once_keeps_what_it_gets(d, client):
    with client.connect(VIP, 1004) as one, client.connect(VIP, 1004) as two:
        one.ask(), two.ask()
        mine = one if one.server == "srv1" else two
        d.text("backend", "maint", "cut/s1")
        d.text("backend", "enable", "cut/s1", "--wait=10s")
        new = [client.connect(VIP, 1004) for _ in range(4)]
        talkers = [Talker(c, 0.1) for c in new]
        try:
            time.sleep(LATER)  # longer than a cut looks for what it has missed
            assert [t.end for t in talkers] == [None] * 4 and {c.server for c in new} == {"srv1", "srv2"}
            print("FIGURES the old one:", "cut" if Talker(mine).end else "kept")
        finally:
            for t, c in zip(talkers, new):
                t.stop()
                c.close()


def test_drain_that_is_over_is_cut(d, client):
    with client.connect(VIP, 1004) as one, client.connect(VIP, 1004) as two:
        one.ask(), two.ask()
        mine, other = (one, two) if one.server == "srv1" else (two, one)
        start = time.monotonic()
        d.text("backend", "drain", "cut/s1")
        talker = Talker(mine)
        until(lambda: talker.end, "its flow has ended", 2 + LATER + slowness())
        assert talker.end[0] - start > 1.9
        assert talker.answers[-1][0] - start > 1.5  # it went on until then
        other.ask()
    d.text("backend", "enable", "cut/s1", "--wait=10s")


def test_clients_of_who_has_left_hear_of_it(d, client):
    """Of a sorry server that is not needed any more, also where a drain keeps flows; and of a backend that has left the
    file."""
    more = services() | {"sorry": service(f"{VIP}:1006", {"s1": "10.8.0.11:8080"}, sorry="10.8.0.12:8080", drain="keep")}
    d.reload(conf(more))
    d.text("backend", "force", "sorry/s1", "down")
    until(lambda: client.ask(VIP, 1006).server == "srv2", "the sorry server serves", LATER + slowness())
    with client.connect(VIP, 1006) as c:
        assert c.ask().server == "srv2"
        d.text("backend", "force", "sorry/s1", "auto")
        until(lambda: client.ask(VIP, 1006).server == "srv1", "the backend serves", LATER + slowness())
        assert gone(c, 2 * LATER) == "ConnectionResetError"
    with client.connect(VIP, 1004) as one, client.connect(VIP, 1004) as two:
        one.ask(), two.ask()
        mine, other = (one, two) if one.server == "srv1" else (two, one)
        less = services()
        del less["cut"]["backends"]["s1"]
        d.reload(conf(less))
        assert gone(mine, 2 * LATER) == "ConnectionResetError"
        other.ask()
    d.reload(conf(services()))
    settled(d)


@pytest.mark.parametrize("how", ["maint", "drain", "file"])
def test_udp_client_is_not_pinned_to_a_backend_that_is_gone(d, lb, client, how):
    with client.connect(VIP, 53, proto="udp", timeout=0.3) as c:
        c.ask()
        server = c.server
        backend = f"udp/s{server[-1]}"
        other = {"srv1": "srv2", "srv2": "srv1"}[server]
        talker = Talker(c, 0.05)  # never silent for as long as its flow would need to end by itself
        start = time.monotonic()
        if how == "file":
            less = services()
            del less["udp"]["backends"][f"s{server[-1]}"]
            d.reload(conf(less))
        else:
            d.text("backend", how, backend)
        until(lambda: talker.answers and talker.answers[-1][1] == other, f"{other} answers", 2 + LATER + 3 * slowness())
        at = next(t for t, s in talker.answers if s == other)
        print(f"FIGURES udp {how}: {other} answers after {at - start:.2f} s")
        talker.stop()
    if how == "file":
        d.reload(conf(services()))
    else:
        d.text("backend", "enable", backend, "--wait=10s")
    settled(d)
    until(lambda: len(weights(lb, f"-u {VIP}:53")) == 2, "both are back")


def test_who_is_refused_because_flows_were_ended_does_not_wait_for_a_minute(d, lb, client):
    """The kernel takes no backend of another family than its service while its sync daemons run."""
    with client.connect(VIP, 1000) as c:
        c.ask()
        d.text("conn", "kill", "--client", name(c), "-y")
    start = time.monotonic()
    assert daemons(lb).keys() == {"master", "backup"}
    d.reload(conf(services() | {"mixed": service(f"{VIP}:1006", {"s1": "[fd08::11]:1006"}, mode="tun")}), ok=None)
    assert "only while no sync daemon runs" in d.log()
    until(lambda: weights(lb, f"-t {VIP}:1006"), "it has its backend", 50)  # they would stay for 60
    print(f"FIGURES in the kernel after {time.monotonic() - start:.1f} s")
    assert not daemons(lb) and not devices(lb)
    d.reload(conf(services()))
    settled(d)


def test_what_was_to_be_cut_is_cut_after_a_start(d, lb, client):
    """The row has left the kernel, and the core ends before its flows do: no row will leave any more."""
    with client.connect(VIP, 1000) as one, client.connect(VIP, 1000) as two:
        one.ask(), two.ask()
        mine, other = (one, two) if one.server == "srv1" else (two, one)
        assert (mine.server, other.server) == ("srv1", "srv2")
        rows(d)
        sync = next(w["pid"] for w in d.ctl("daemon", "info")["data"][0]["workers"] if w["name"] == "sync")
        os.kill(sync, signal.SIGSTOP)
        d.text("backend", "maint", "nat4/s1")
        until(lambda: "10.8.0.11:8080" not in lb.run("ipvsadm", "-Ln", "-t", f"{VIP}:1000"), "its row has left")
        d.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(sync, signal.SIGKILL)
        before = len(d.log())
        d.start()
        until(lambda: re.search(rf"conn: .* ended .*{VIP}:1000 10.8.0.11:8080", d.log()[before:]), "it is told", LATER + slowness())
        assert gone(mine) == "ConnectionResetError"
        other.ask()
    d.text("backend", "enable", "nat4/s1", "--wait=10s")
    settled(d)


def test_process_is_there_while_it_is_needed(d):
    workers = {w["name"]: w for w in d.ctl("daemon", "info")["data"][0]["workers"]}
    assert workers["sync"]["up"] and workers["sync"]["restarts"] == 0
    os.kill(workers["sync"]["pid"], 9)
    until(lambda: d.call("conn", "count").returncode == 0, "it is back")
    assert "flows are not copied" in d.text("sync", "status")


@pytest.mark.parametrize("how", ["process", "all"])
def test_what_a_killed_process_left_goes(d, lb, client, how):
    """The kernel's daemons and their devices: its successor copies nothing, and after a start there would be none."""
    with client.connect(VIP, MODES["nat"]) as c:
        c.ask()
        d.text("conn", "kill", "--client", name(c), "-y")
    assert daemons(lb).keys() == {"master", "backup"} and set(devices(lb)) == {"lbd-tap", "lbd-inj"}
    sync = next(w["pid"] for w in d.ctl("daemon", "info")["data"][0]["workers"] if w["name"] == "sync")
    if how == "all":
        os.kill(d.pid, signal.SIGSTOP)
    os.kill(sync, signal.SIGKILL)
    if how == "all":
        d.kill()
        assert daemons(lb).keys() == {"master", "backup"}
        d.start()
    until(lambda: not daemons(lb) and not devices(lb), "nothing of it is left")
    if how == "all":
        until(lambda: "sync" not in {w["name"] for w in d.ctl("daemon", "info")["data"][0]["workers"]}, "nor who removed it")
