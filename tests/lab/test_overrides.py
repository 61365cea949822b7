# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator sets by hand: it is obeyed at once, it survives reload, restart and SIGKILL, every view says that
it is there, by whom and until when, and it goes when it should."""
import json
import os
import re
import time

import pytest

from conftest import Lbd, Load, until
from steps import A1, A2, A3, VIP, Watch, backends, conf, info, rules, service, settled, status, two, weights, writes


def text(**keys):
    return conf({"web": service(f"{VIP}:80", {"app1": {"address": A1, "weight": 10}, "app2": {"address": A2, "weight": 10}},
                                **keys)})


@pytest.fixture(autouse=True)
def tidy(request):
    if request.cls is None:
        request.getfixturevalue("clean")


class TestEach:
    """One daemon; every test leaves no override behind."""

    @pytest.fixture(scope="class")
    def d(self, net):
        for s in net.servers:
            s.serve(8080)
        with Lbd(net.lb, text()) as d:
            yield d
        for s in net.servers:
            s.close_servers()

    @pytest.fixture(autouse=True)
    def none_left(self, d, lb):
        yield
        for name in ("web/app1", "web/app2"):
            d.text("backend", "enable", name)
            d.text("backend", "weight", name, "auto")
        assert status(d)["overrides"] == 0
        until(lambda: weights(lb) == {A1: 10, A2: 10}, "as configured")

    def test_drain_takes_no_new_flows_and_keeps_the_ones_there_are(self, d, lb, client):
        conns = [client.connect(VIP, 80) for _ in range(2)]
        assert {c.ask().server for c in conns} == {"srv1", "srv2"}
        out = d.text("backend", "drain", "web/app1", "--reason", "new kernel")
        assert "backend web/app1 drains" in out and "5m" in out
        until(lambda: weights(lb) == {A1: 0, A2: 10}, "weight 0")
        assert {client.ask(VIP, 80).server for _ in range(6)} == {"srv2"}
        for c in conns:
            c.ask()
            c.close()

    def test_a_service_in_maintenance_is_empty_and_comes_back(self, d, lb, client):
        d.text("backend", "weight", "web/app2", "7")
        assert "in maintenance for 30m" in d.text("service", "maint", "web", "--for", "30m", "--reason", "move")
        until(lambda: weights(lb) == {}, "no backend in the kernel")
        assert {r["reason"] for r in backends(d).values()} == {"service_maint"}
        row = d.ctl("service", "show", "web")["data"][0]
        assert row["status"] == "maint" and "service_maint" in row["reasons"]
        assert (row["overrides"]["status"]["reason"], status(d)["overrides"]) == ("move", 2)
        assert re.search(r"web +maint\*", d.text("service", "list")), d.text("service", "list")
        d.text("service", "enable", "web")
        until(lambda: weights(lb) == {A1: 10, A2: 7}, "what was said of a backend alone holds again")

    def test_a_service_is_counted_anew(self, d, lb, client):
        client.ask(VIP, 80)
        until(lambda: d.ctl("service", "stats", "web")["data"][0]["connections"] > 0, "it is counted")  # every 2 s
        assert "counted from 0 anew" in d.text("service", "zero", "web")
        until(lambda: d.ctl("service", "stats", "web")["data"][0]["connections"] == 0, "it begins anew")

    def test_top_shows_what_is_busy(self, d, lb, client):
        client.ask(VIP, 80)
        rows = [json.loads(line) for line in d.text("-o", "jsonl", "top", "backend").splitlines()]
        assert {r["backend"] for r in rows} == {"app1", "app2"} and "connections_per_second" in rows[0]
        out = d.text("top", "--service", "w*")
        assert re.search(rf"^web +{re.escape(VIP)}:80/tcp +[0-9.]+ ", out, re.M), out
        assert len(d.text("top", "--service", "x*").splitlines()) == 1

    def test_drain_is_shown_with_who_why_and_until_when(self, d, lb):
        d.text("backend", "drain", "web/app1", "--reason", "new kernel", "--for", "30m")
        settled(d)
        assert weights(lb)[A1] == 0
        row = backends(d)["web/app1"]
        assert (row["state"], row["admin"], row["weight"], row["weight_configured"]) == ("drain", "drain", 0, 10)
        assert row["reason"] == "admin_drain" and 0 < row["drain_left"] <= 300
        ov = row["overrides"]["admin"]
        assert (ov["value"], ov["user"], ov["reason"]) == ("drain", "root", "new kernel")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", ov["time"]) and ov["expires"] > ov["time"]
        assert status(d)["overrides"] == 1
        assert "override by root" in d.text("backend", "show", "web/app1")
        assert re.search(r"app1.*drain\*", d.text("backend", "list")), d.text("backend", "list")
        assert "override set (drain by=root reason=new kernel)" in d.log()

    def test_maint_removes_the_row(self, d, lb, client):
        d.text("backend", "maint", "web/app2", "--wait=10s")
        assert weights(lb) == {A1: 10}
        assert backends(d)["web/app2"]["reason"] == "admin_maint"
        assert {client.ask(VIP, 80).server for _ in range(4)} == {"srv1"}
        assert status(d)["services"]["up"] == 1  # what is out by intent is no trouble
        d.text("backend", "enable", "web/app2")
        until(lambda: weights(lb) == {A1: 10, A2: 10}, "it is back")

    @pytest.mark.parametrize("value, weight", [("25", 25), ("0", 0), ("50%", 5), ("300%", 30), ("1%", 1), ("0%", 0)])
    def test_weight_is_a_number_or_a_share_of_the_configured_one(self, d, lb, value, weight):
        d.text("backend", "weight", "web/app1", value, "--wait=10s")
        assert weights(lb) == {A1: weight, A2: 10}
        row = backends(d)["web/app1"]
        assert (row["weight"], row["weight_configured"]) == (weight, 10)
        assert row["overrides"]["weight"]["value"] == value
        d.text("backend", "weight", "web/app1", "auto", "--wait=10s")
        assert weights(lb)[A1] == 10 and "overrides" not in backends(d)["web/app1"]

    def test_for_ends_by_itself(self, d, lb):
        start = time.monotonic()
        d.text("backend", "drain", "web/app1", "--for", "2s")
        d.text("backend", "weight", "web/app2", "77", "--for", "3s")
        until(lambda: weights(lb) == {A1: 0, A2: 77}, "both are set")
        until(lambda: weights(lb)[A1] == 10, "the drain is over")
        assert 1.9 < time.monotonic() - start
        until(lambda: weights(lb)[A2] == 10, "the weight is over")
        assert 2.9 < time.monotonic() - start < 8
        assert status(d)["overrides"] == 0
        assert d.log().count("override expired") == 2

    def test_drain_and_weight_of_one_backend_end_apart(self, d, lb):
        d.text("backend", "weight", "web/app1", "50%")
        d.text("backend", "drain", "web/app1", "--for", "1500ms")
        until(lambda: weights(lb)[A1] == 0, "it drains")
        until(lambda: weights(lb)[A1] == 5, "the weight is still there")
        assert list(backends(d)["web/app1"]["overrides"]) == ["weight"]

    def test_dry_run_changes_nothing(self, d, lb):
        assert "would do" in d.text("backend", "drain", "web/app1", "-n")
        assert weights(lb) == {A1: 10, A2: 10} and status(d)["overrides"] == 0


def test_wait_drained_answers_0_1_and_9(lb, client, srv1):
    srv1.serve(5300, "udp")
    lb.run("ipvsadm", "--set", "0", "0", "6")  # seconds until a UDP flow is over
    try:
        with Lbd(lb, conf({"dns": service(f"{VIP}:53", {"a": "10.8.0.11:5300"}, protocol="udp")})) as d:
            client.ask(VIP, 53, proto="udp")
            d.text("backend", "drain", "dns/a")
            assert d.call("wait", "backend/dns/a", "drained", "-t", "300ms").returncode == 9
            done = d.call("wait", "backend/dns/a", "drained", "-t", "30s")
            assert done.returncode == 0, done
            d.text("backend", "enable", "dns/a")
            assert d.call("wait", "backend/dns/a", "drained", "-t", "20s").returncode == 1
            client.ask(VIP, 53, proto="udp")
            d.text("backend", "drain", "dns/a", "--wait=30s")  # the same in one command
            assert status(d)["overrides"] == 1
            assert d.call("wait", "backend/dns/zz", "drained").returncode == 4
    finally:
        lb.run("ipvsadm", "--set", "0", "0", "300")


def test_overrides_survive_reload_restart_and_sigkill(lb):
    with Lbd(lb, text()) as d:
        d.text("backend", "drain", "web/app1", "--for", "1h", "--reason", "disk")
        d.text("backend", "weight", "web/app2", "150%", "--wait=10s")
        expected = {A1: 0, A2: 15}
        assert weights(lb) == expected
        shown = backends(d)["web/app1"]["overrides"]
        d.reload(text(drain="10m"))
        assert weights(lb) == expected
        with Watch(lb) as watch:
            d.stop()
            d.start()
            assert writes(d) == 0 and backends(d)["web/app1"]["overrides"] == shown
            d.kill()
            d.start()
            assert writes(d) == 0 and backends(d)["web/app1"]["overrides"] == shown
        assert [p for _, p in watch.changes] == [expected]
        # the share is of the weight that is configured now
        d.reload(text().replace('"weight": 10', '"weight": 4'))
        assert weights(lb) == {A1: 0, A2: 6}
        path = os.path.join(d.state_dir, "overrides.json")
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert json.load(open(path, encoding="utf-8"))


def test_override_that_expired_while_the_daemon_was_down_is_over(lb):
    with Lbd(lb, text()) as d:
        over = time.time() + 5.3
        d.text("backend", "drain", "web/app1", "--for", "5s")
        settled(d)
        d.kill()
        assert weights(lb)[A1] == 0
        until(lambda: time.time() > over, "its time is over", 10)
        assert weights(lb)[A1] == 0
        d.start()
        until(lambda: weights(lb)[A1] == 10, "it is enabled")
        assert status(d)["overrides"] == 0


def test_drain_ends_with_a_cut_after_its_timeout(lb, client, srv1, srv2):
    srv1.serve(8080), srv2.serve(8080)
    with Lbd(lb, text(drain={"timeout": "3s", "then": "cut"})) as d, client.connect(VIP, 80, timeout=1.5) as c:
        server = c.ask().server
        name, address = {"srv1": ("web/app1", A1), "srv2": ("web/app2", A2)}[server]
        start = time.monotonic()
        d.text("backend", "drain", name)
        c.ask()  # it goes on
        until(lambda: weights(lb)[address] == 0, "weight 0")
        until(lambda: address not in weights(lb), "its row is gone", 10)
        assert time.monotonic() - start > 2.9
        with pytest.raises(OSError):
            c.ask()
        assert backends(d)[name]["state"] == "drain"
        assert d.call("wait", f"backend/{name}", "drained", "-t", "5s").returncode == 0
        # a restart does not give it its time once more
        d.stop()
        d.start()
        assert address not in weights(lb) and writes(d) == 0
        d.text("backend", "enable", name)
        until(lambda: weights(lb).get(address) == 10, "it is back")


def test_drain_with_keep_lasts_until_the_last_flow_ends(lb, client, srv1, srv2):
    srv1.serve(8080), srv2.serve(8080)
    with Lbd(lb, text(drain={"timeout": "1s", "then": "keep"})) as d, client.connect(VIP, 80) as c:
        server = c.ask().server
        name, address = {"srv1": ("web/app1", A1), "srv2": ("web/app2", A2)}[server]
        out = d.text("backend", "drain", name)
        assert "until they end" in out
        audits = info(d)["audits"]
        until(lambda: info(d)["audits"] >= audits + 2, "longer than the timeout")
        assert weights(lb)[address] == 0
        c.ask()


def test_override_of_a_backend_that_leaves_the_file_is_dropped(lb):
    services = two()
    services["web"]["backends"]["app3"] = A3
    with Lbd(lb, conf(services)) as d:
        d.text("backend", "drain", "web/app3")
        settled(d)
        d.text("backend", "drain", "web/app2")
        settled(d)
        d.reload(conf(two()))
        assert status(d)["overrides"] == 1
        assert "backend/web/app3: override dropped" in d.log()
        d.reload(conf(services))
        assert weights(lb) == {A1: 1, A2: 0, A3: 1}  # it does not come back with the backend
        d.stop()
        d.start()
        assert weights(lb) == {A1: 1, A2: 0, A3: 1}


def test_configured_state_and_override_meet(lb):
    services = two()
    services["web"]["backends"]["app1"] = {"address": A1, "state": "maint"}
    with Lbd(lb, conf(services)) as d:
        assert weights(lb) == {A2: 1}
        assert "overrides" not in backends(d)["web/app1"]
        d.text("backend", "enable", "web/app1", "--wait=10s")
        assert weights(lb) == {A1: 1, A2: 1}
        assert backends(d)["web/app1"]["overrides"]["admin"]["value"] == "enabled"
        d.stop()
        d.start()
        assert weights(lb) == {A1: 1, A2: 1}


def test_drain_under_load_fails_no_request(lb, client, srv1, srv2):
    srv1.serve(8080), srv2.serve(8080)
    with Lbd(lb, text()) as d, Load(client, VIP, 80) as load:
        for _ in range(3):
            for name, address, other in [("web/app1", A1, "srv2"), ("web/app2", A2, "srv1")]:
                d.text("backend", "drain", name)
                settled(d)
                until(lambda: weights(lb)[address] == 0, "weight 0")
                since = time.monotonic()
                load.more(10)
                assert set(load.per_server(since=since)) == {other}
                d.text("backend", "enable", name, "--wait=10s")
        assert len(rules(lb)) == 3
    assert load.failures == []


def test_glob_needs_a_yes_and_drains_them_all(lb):
    with Lbd(lb, text()) as d:
        done = d.call("backend", "drain", "web/app*")
        assert done.returncode == 7 and status(d)["overrides"] == 0
        d.text("backend", "drain", "web/app*", "-y")
        settled(d)
        assert weights(lb) == {A1: 0, A2: 0}
        assert d.call("backend", "drain", "web/zzz*", "-y").returncode == 4
