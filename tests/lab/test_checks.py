# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator sees of checks: what is probed, why a backend is out, what happened lately, and what happens now."""
import pytest

from conftest import CtlError, Lbd, until
from steps import A1, A2, NOWHERE, VIP, conf, service

PLAIN = {"type": "tcp", "interval": "300ms", "interval_down": "300ms", "timeout": "2s", "rise": 2, "fall": 3}


def text(**backends):
    return conf({"web": service(f"{VIP}:80", backends or {"app1": A1, "app2": A2}, check="plain")}, checks={"plain": PLAIN})


def targets(d):
    return {row["target"]: row for row in d.ctl("check", "list")["data"]}


def history(d, *argv):
    return d.ctl("check", "history", *argv)["data"]


def until_state(d, target, state):
    until(lambda: targets(d)[target]["state"] == state, f"{target} {state}")


@pytest.fixture
def lbd(lb):
    """A daemon per test, ended with it: two of them would put right what the other did."""
    started = []

    def make(yaml):
        started.append(Lbd(lb, yaml))
        return started[-1].start()

    yield make
    for d in started:
        d.close()


@pytest.fixture(autouse=True)
def served(clean, net):
    for s in net.servers:
        s.serve(8080)
    yield
    for s in net.servers:
        s.close_servers()


def test_the_list_says_what_each_probe_found(lbd):
    d = lbd(text(app1=A1, app9=NOWHERE))
    rows = targets(d)
    up, down = rows[A1], rows[NOWHERE]
    assert (up["check"], up["type"], up["state"], up["code"], up["counter"]) == ("plain", "tcp", "up", "L4OK", "rise 2/2")
    assert up["backends"] == 1 and up["used_by"] == ["web/app1"] and 0 < up["latency"] < 1
    assert down["state"] == "down" and down["counter"] == "fall 3/3" and down["code"] in ("L4CON", "L4TOUT")
    out = d.text("check", "show", "plain")
    assert "interval:           300ms" in out and NOWHERE in out
    assert d.text("complete", "--", "check", "show", "p").strip() == "plain\ttcp"


def test_a_flip_is_in_the_history_the_log_and_the_words_of_the_service(lbd, srv1):
    d = lbd(text())
    until(lambda: len(history(d)) == 2, "both have been judged")
    srv1.close_servers()
    until_state(d, A1, "down")
    last = history(d, "web/app1", "--last", "1")[0]
    assert (last["old"], last["new"], last["reason"], last["code"]) == ("up", "down", "check_failed", "L4CON")
    assert last["backends"] == ["web/app1"] and last["target"] == A1
    assert [h["new"] for h in history(d, "plain")] == ["up", "up", "down"]
    out = d.text("service", "show", "web")
    assert "check plain failed: L4CON connection refused (fall 3/3)" in out, out
    line = next(row for row in d.log().splitlines() if "backend/web/app1: up -> down" in row)
    assert '(check_failed, check=plain code=L4CON text="connection refused" fall=3/3 latency=' in line
    srv1.serve(8080)
    until_state(d, A1, "up")
    assert "backend/web/app1: down -> up (check_passed, check=plain code=L4OK" in d.log()
    # what happened is still told when the backend has gone
    d.reload(text(app2=A2))
    assert [h["new"] for h in history(d, "web/app1")] == ["up", "down", "up"]


def test_a_run_prints_its_steps_and_counts_nothing(lbd, srv1):
    slow = dict(PLAIN, interval="10s", fall=5)
    d = lbd(conf({"web": service(f"{VIP}:80", {"app1": A1}, check="plain")}, checks={"plain": slow}))
    until_state(d, A1, "up")
    out = d.text("check", "run", "web/app1")
    assert "check plain (tcp) of web/app1 at " + A1 in out and "connected" in out and "passed: L4OK" in out
    srv1.close_servers()
    for _ in range(7):
        out = d.text("check", "run", "web/app1", code=1)
        assert "failed: L4CON connection refused" in out and "its check did not pass" in out
    after = targets(d)[A1]
    # more of them than `fall`; a probe of the schedule may have been among them
    assert after["state"] == "up" and after["counter"] in ("rise 2/2", "fall 1/5")
    row = d.ctl("check", "run", "web/app1", code=1)["data"][0]
    assert row["result"] == "failed" and row["steps"][-1]["text"].startswith("L4CON")


def test_a_run_ends_when_the_worker_does(lbd):
    d = lbd(text())
    probe = next(w for w in d.ctl("daemon", "info")["data"][0]["workers"] if w["name"].startswith("probe"))
    d.node.run("kill", "-KILL", str(probe["pid"]))
    # at once it may be refused; soon it runs again
    until(lambda: d.call("check", "run", "web/app1").returncode == 0, "the worker is back")
    d.text("backend", "maint", "web/app1")
    until(lambda: targets(d)[A1]["state"] == "maint", "in maintenance")
    with pytest.raises(CtlError):
        d.text("check", "run", "web/app1")


def test_a_probe_of_a_backend_in_maintenance_begins_when_another_one_asks_the_same(lbd):
    out = {"address": A1, "state": "maint"}
    d = lbd(text(app1=out, app2=A2))
    until_state(d, A2, "up")
    assert targets(d)[A1]["state"] == "maint"
    both = {"web": service(f"{VIP}:80", {"app1": out, "app2": A2}, check="plain"),
            "api": service(f"{VIP}:81", {"app1": A1}, check="plain")}
    d.reload(conf(both, checks={"plain": PLAIN}))
    until_state(d, A1, "up")
    d.reload(text(app1=out, app2=A2))
    until_state(d, A1, "maint")
    d.text("backend", "enable", "web/app1", "--for", "2s")
    until_state(d, A1, "up")
    until_state(d, A1, "maint")


def test_a_force_is_shown_kept_and_goes_by_itself(lbd):
    d = lbd(text())
    out = d.text("backend", "force", "web/app1", "down", "--reason", "bad disk", "--for", "1h")
    assert out.strip() == "backend web/app1 is forced down for 1h, whatever its checks say"

    def force():
        return d.ctl("backend", "show", "web/app1")["data"][0].get("overrides", {}).get("force")

    assert force()["value"] == "down" and force()["reason"] == "bad disk"
    d.stop()
    d.start()
    assert force()["value"] == "down", "it survives a restart"
    d.reload(text())
    assert "force:" in d.text("backend", "show", "web/app1")
    assert "its checks decide again" in d.text("backend", "force", "web/app1", "auto")
    assert force() is None
    d.text("backend", "force", "web/app1", "up", "--for", "500ms")
    until(lambda: force() is None, "it went by itself")
    assert "backend/web/app1: override expired" in d.log()


def test_a_service_that_nobody_serves_is_an_alarm(lbd, srv1, srv2):
    """And what an operator asked for, or what has not been heard yet, is none."""
    d = lbd(text())

    def lost():
        return [a for a in d.ctl("status")["data"][0]["alarms"] if a.startswith("quorum_lost")]

    def gauge():
        return next(line for line in d.text("metrics", "lbd_alarm").splitlines() if "quorum_lost" in line)[-1]

    assert not lost() and gauge() == "0" and d.call("status", "--check").returncode == 0
    srv1.close_servers(), srv2.close_servers()
    until(lambda: lost() == ["quorum_lost: service/web is down"], "the alarm")
    assert gauge() == "1" and d.call("status", "--check").returncode == 1
    until(lambda: "alarm/quorum_lost: raised (service/web is down)" in d.log(), "it is told")
    srv2.serve(8080)
    until_state(d, A2, "up")
    until(lambda: "alarm/quorum_lost: is over" in d.log(), "it is over")
    assert not lost() and gauge() == "0" and d.call("status", "--check").returncode == 0
    d.text("service", "maint", "web", "--wait")
    assert d.ctl("status")["data"][0]["services"]["maint"] == 1 and not lost()
    d.text("service", "enable", "web", "--wait")
    assert d.log().count("quorum_lost: raised") == 1
