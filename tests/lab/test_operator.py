# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator sees and does, with IPVS and without: doctor, support, levels of the log, top, completion, and the
examples of the manual page."""
import json
import os
import pwd
import pty
import re
import select
import shlex
import signal
import subprocess
import tarfile
import time

import pytest

from conftest import Lbd, has_ipvs, kernel_has, run, until
from pair import A4, VIP4, pair

IPVS = kernel_has("ip_vs")
SECRET = "0123456789abcdef0123456789abcdef-of-the-pair"
PASSWORD = "geheim12"
TEXT = """cluster:
  id: 7
  key_file: {dir}/pair.key
  nodes:
    lb-a: {{ address: 10.7.0.1, priority: 200 }}
    lb-b: {{ address: 10.7.0.2, priority: 100 }}
vrrp:
  wan4: {{ interface: eth0, vrid: 51, addresses: [10.7.0.100/24], version: 2, advert_interval: 1s,
          auth: {{ type: password, key_file: {dir}/vrrp.key }} }}
checks:
  page: {{ type: http, path: /, headers: {{ Authorization: "Basic c2VjcmV0OnNlY3JldA==", X-Vault: hvs.qqqq }} }}
  talk: {{ type: tcp, send: "AUTH hunter2" }}
services:
  web: {{ listen: 10.7.0.100:80, check: [tcp, page, talk], backends: {{ app1: 10.7.0.3:8080, app2: 10.7.0.3:8081 }} }}
  lost: {{ listen: 192.0.2.7:80, mode: dr, check: none, backends: {{ far: 198.51.100.9 }} }}
"""


@pytest.fixture(scope="module")
def d(pair):
    d = Lbd(pair.a, "", supervise=True, name="lb-a")
    os.environ["LBD_BIN"] = d.program  # of the build, not of a package
    for name, text in (("pair.key", SECRET), ("vrrp.key", PASSWORD)):
        path = os.path.join(d.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        run("chown", "root:lbd", path)
        os.chmod(path, 0o640)
    d.write(TEXT.format(dir=d.dir))
    d.start(ready=False)  # without IPVS it never is
    until(lambda: d.call("status").returncode in (0, 1), "it answers")  # without IPVS it says no
    yield d
    d.close()


def rows(d, *argv, code=None):
    p = d.call("-o", "jsonl", *argv)
    assert code is None or p.returncode == code, (p.returncode, p.stdout, p.stderr)
    return [json.loads(line) for line in p.stdout.splitlines()]


def findings(d):
    all_ = rows(d, "doctor", code=1)
    print(all_)  # where an assertion fails one wants to see them
    return {(r["check"], r["object"]): r for r in all_}


def test_a_sysctl_that_is_set_back_is_an_alarm(pair):
    """`sysctl --system` tells nobody; and nobody asks, which would make it look."""
    service = {"listen": "10.7.0.100:80", "check": "none", "backends": {"app": "10.7.0.3:8080"}}
    forward = "net.ipv4.ip_forward"
    d = Lbd(pair.a, json.dumps({"services": {"web": service}}), name="lb-a", user="root")

    def told(what):
        until(lambda: f"alarm/host_not_ready: {what}" in d.log(), what, 60)

    try:
        pair.a.sysctl(forward, 1)
        d.start(ready=False)
        until(lambda: d.call("status").returncode in (0, 1), "it answers")
        assert f"{forward} is" not in d.log()
        pair.a.sysctl(forward, 0)
        told(f"raised ({forward} is 0: mode nat forwards between client and backend: nothing will pass; "
             f"to mend: sysctl -w {forward}=1)")
        assert 'lbd_alarm_raised{alarm="host_not_ready"} 1' in d.text("metrics")
        (found,) = [r for r in rows(d, "doctor", code=1) if r["text"].startswith(f"{forward} is 0")]
        assert found["fix"] == f"sysctl -w {forward}=1"
        pair.a.sysctl(forward, 1)
        assert not [a for a in d.ctl("status")["data"][0]["alarms"] if a.startswith("host_not_ready")]  # who asks is told how it is now
        told("is over")
    finally:
        d.close()
        pair.a.sysctl(forward, 0)


class TestDoctor:
    def test_what_is_wrong_is_found_with_what_mends_it(self, d, pair):
        found = findings(d)
        assert found["address", "service/lost"]["text"].startswith("192.0.2.7 is on no card")
        assert "198.51.100.9" in found["route", "backend/lost/far"]["text"]
        assert found["route", "backend/lost/far"]["fix"] == "ip route get 198.51.100.9"
        assert ("address", "service/web") not in found and ("interface", "vrrp/wan4") not in found
        assert not any(o == "cluster" or o == "vrrp/wan4" for c, o in found if c == "file"), found

    def test_and_is_gone_when_it_is_mended(self, d, pair):
        with pair.a:
            run("ip", "route", "add", "198.51.100.0/24", "via", "10.7.0.3")
        try:
            assert "gateway 10.7.0.3" in findings(d)["route", "backend/lost/far"]["text"]
        finally:
            with pair.a:
                run("ip", "route", "del", "198.51.100.0/24")
        with pair.a:
            run("ip", "address", "add", "192.0.2.7/32", "dev", "lo")
        try:
            found = findings(d)
            assert ("address", "service/lost") not in found
            assert "arp_ignore" in found["arp", "service/lost"]["text"]  # the other node would have it, too
            pair.a.sysctl("net.ipv4.conf.all.arp_ignore", 1)
            pair.a.sysctl("net.ipv4.conf.all.arp_announce", 2)
            assert ("arp", "service/lost") not in findings(d)
        finally:
            with pair.a:
                run("ip", "address", "del", "192.0.2.7/32", "dev", "lo")

    @pytest.mark.parametrize("rule, of", [(("ipproto", "tcp", "dport", "8081"), "app2"), (("uidrange", "{probe}-{probe}"), "app1")])
    def test_a_check_that_goes_another_way_than_the_traffic(self, d, pair, rule, of):
        rule = [w.format(probe=pwd.getpwnam("lbd-probe").pw_uid) for w in rule]
        with pair.a:
            assert ("route", f"backend/web/{of}") not in findings(d)
            run("ip", "route", "add", "10.7.0.3/32", "via", "10.7.0.2", "dev", "eth0", "table", "99")
            run("ip", "rule", "add", *rule, "table", "99")
        try:
            row = findings(d)["route", f"backend/web/{of}"]
            assert row["text"].endswith("goes to 10.7.0.3 by eth0 over 10.7.0.2, the traffic by eth0")
            assert row["fix"] == "ip rule show"
        finally:
            with pair.a:
                run("ip", "rule", "del", *rule, "table", "99")
                run("ip", "route", "flush", "table", "99")

    def test_keys_for_everybody_are_found(self, d):
        path = os.path.join(d.dir, "pair.key")
        os.chmod(path, 0o644)
        try:
            assert findings(d)["file", "cluster"]["fix"] == f"chmod o= {path}"
        finally:
            os.chmod(path, 0o640)

    def test_a_firewall_that_drops_adverts_is_found(self, d, pair):
        with pair.a:
            subprocess.run(["nft", "-f", "-"], check=True, text=True, input="""table inet filter { chain input {
                type filter hook input priority 0; policy drop; ct state established accept
                }
            }""")
        try:
            texts = [r["text"] for r in rows(d, "doctor") if r["check"] == "firewall"]
            assert any("VRRP" in t for t in texts) and any("port" in t for t in texts), texts
            with pair.a:
                for r in [r for r in rows(d, "doctor") if r["check"] == "firewall"]:
                    run(*shlex.split(r["fix"]))  # the line that mends it does
            assert not [r for r in rows(d, "doctor") if r["check"] == "firewall" and r["result"] == "found"]
        finally:
            with pair.a:
                run("nft", "delete", "table", "inet", "filter")

    def test_a_screen_of_eighty_columns(self, d):
        out = d.call("doctor").stdout
        assert re.search(r"^\d+ findings?$", out, re.M)
        assert all(len(line) <= 80 for line in out.splitlines() if "mend: " not in line), out

    def test_without_a_daemon_the_rest_is_looked_at(self, d, pair):
        with pair.a:
            p = subprocess.run([d.lbctl, "--socket", d.dir + "/nobody.sock", "doctor", "-o", "jsonl"], text=True,
                               capture_output=True, check=False)
        assert p.returncode == 1
        assert any(json.loads(line)["check"] == "daemon" for line in p.stdout.splitlines()), p.stdout

    def test_it_does_not_hold_up_the_daemon(self, d):
        before = d.call("daemon", "info", "-j").stdout
        for _ in range(3):
            d.call("doctor")
        assert json.loads(before)["data"][0]["pid"] == json.loads(d.call("daemon", "info", "-j").stdout)["data"][0]["pid"]


class TestSupport:
    def archive(self, d, tmp_path, *more):
        path = str(tmp_path / "s.tar")
        p = d.call("support", "--out", path, *more)
        assert p.returncode == 0, p.stderr
        assert os.stat(path).st_mode & 0o777 == 0o600
        with tarfile.open(path) as t:
            return {m.name: t.extractfile(m).read().decode() for m in t.getmembers()}

    def test_no_secret_is_in_it(self, d, tmp_path):
        files = self.archive(d, tmp_path)
        assert {"LIST.txt", "status.jsonl", "config-effective.yaml", "doctor.jsonl", "host-routes.txt"} <= set(files)
        assert "10.7.0.100" in files["config-effective.yaml"] and "Authorization" in files["config-effective.yaml"]
        for name, text in files.items():
            for secret in (SECRET, PASSWORD, "c2VjcmV0OnNlY3JldA", "hvs.qqqq", "hunter2"):
                assert secret not in text, name

    def test_addresses_are_others_and_the_same_everywhere(self, d, tmp_path):
        files = self.archive(d, tmp_path, "--anonymize")
        for name, text in files.items():
            for ip in ("10.7.0.", "fd07::", "192.0.2.7", "198.51.100.9"):
                assert ip not in text, (name, ip)
        listen = json.loads(files["services.jsonl"].splitlines()[1])["listen"][0].split(":")[0]
        assert listen.startswith("198.18.") and listen in files["config-effective.yaml"]

    def test_nothing_is_overwritten(self, d, tmp_path):
        (tmp_path / "s.tar").write_text("mine")
        p = d.call("support", "--out", str(tmp_path / "s.tar"))
        assert p.returncode == 8 and (tmp_path / "s.tar").read_text() == "mine"


class TestLevels:
    def levels(self, d):
        return {r["subsystem"]: r for r in rows(d, "log", "level", code=0)}

    def test_one_part_talks_more_and_goes_back_by_itself(self, d):
        assert self.levels(d)["check"]["level"] == "info"
        p = d.call("log", "level", "check", "debug", "--for", "10m")
        assert p.returncode == 0 and "check is logged at level debug for 10m" in p.stdout, (p.stdout, p.stderr)
        levels = self.levels(d)
        assert levels["check"]["level"] == "debug" and levels["check"]["expires"]
        assert {r["level"] for s, r in levels.items() if s != "check"} == {"info"}
        until(lambda: re.search(r"probe: debug: probe 10\.7\.0\.3:", d.log()), "the process of the probes talks more", 20)
        d.text("log", "level", "check", "debug", "--for", "1s")
        until(lambda: self.levels(d)["check"]["level"] == "info", "the time is over")
        assert "expires" not in self.levels(d)["check"]
        assert "log/check: level info again" in d.log()

    def test_all_at_once_and_as_configured(self, d):
        d.text("log", "level", "all", "warning")
        assert {r["level"] for r in self.levels(d).values()} == {"warning"}
        at = len(d.log())
        d.text("backend", "drain", "web/app1")
        assert "override" not in d.log()[at:]
        d.text("log", "level", "ctl", "debug")
        d.text("log", "level", "check", "notice")  # the line is about a backend
        d.text("backend", "enable", "web/app1")
        assert "backend/web/app1: override removed" in d.log()[at:]
        d.text("log", "level", "all", "auto")
        assert {r["level"] for r in self.levels(d).values()} == {"info"}


class TestTop:
    @pytest.mark.skipif(IPVS, reason="this kernel has IPVS")
    def test_without_a_kernel_it_says_what_is_missing(self, d):
        p = d.call("top")
        assert p.returncode == 8 and "modprobe ip_vs" in p.stderr

    @pytest.mark.parametrize("how", ["q", signal.SIGTERM, signal.SIGINT])
    def test_the_terminal_gets_back_what_it_was(self, d, pair, how):
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(d.lbctl, [d.lbctl, "--socket", d.run_dir + "/control.sock", "top"], {"TERM": "xterm"})
        out = b""
        def see(what):
            nonlocal out
            if select.select([fd], [], [], 0.1)[0]:
                try:
                    out += os.read(fd, 65536)
                except OSError:
                    return True
            return what in out
        until(lambda: see(b"q quit"), "the screen is there")
        assert b"\x1b[?1049h" in out
        os.write(fd, b"s") if how == "q" else None
        os.write(fd, b"q") if how == "q" else os.kill(pid, how)
        until(lambda: see(b"\x1b[?1049l"), "the screen is left")
        assert b"\x1b[?25h" in out
        os.waitpid(pid, 0)
        os.close(fd)


class TestCompletion:
    @pytest.mark.parametrize("words, expected", [
        (["--peer", "backend", "show", ""], "web/app1"),
        (["backend", "drain", "--for", "30m", "web/"], "web/app2"),
        (["backend", "drain", "--reason=x", "--for", "30m", "l"], "lost/far"),
        (["-o", "json", "service", "maint", ""], "web"),
        (["top", "--service", ""], "lost"),
        (["top", "--sort", "act"], "active"),
        (["log", "level", ""], "check"),
        (["log", "level", "check", ""], "debug"),
        (["conn", "count", "--backend", "web/"], "web/app1"),
        (["vrrp", "show", "--peer", ""], "wan4"),
        (["wait", ""], "backend/web/app1"),
        (["support", "--"], "--anonymize"),
        (["config", "diff", ""], ":files"),
    ])
    def test_live_names_after_options_and_with_peer(self, d, words, expected):
        out = d.text("complete", "--", *words)
        assert expected in [line.split("\t")[0] for line in out.splitlines()], out


LISTS = ["service list", "backend list", "check list", "check history", "vrrp list", "peer status", "sync status", "log level",
         "doctor"]


class TestForms:
    @pytest.mark.parametrize("command", LISTS)
    def test_every_list_in_every_form(self, d, command):
        objects = rows(d, *command.split())
        data = json.loads(d.call(*command.split(), "-o", "json").stdout)
        assert data["schema"] == 1 and len(data["data"]) == len(objects)
        head, *lines = d.call(*command.split(), "-o", "tsv").stdout.split("\n")[:-1] or [""]
        keys = head.split("\t")
        assert len(lines) == len(objects) and all(len(line.split("\t")) == len(keys) for line in lines)
        for form in ("table", "wide"):
            p = d.call(*command.split(), "-o", form)
            assert p.returncode in (0, 1) and not p.stderr, p.stderr

    @pytest.mark.skipif(has_ipvs(), reason="this kernel has IPVS")
    def test_repair_says_what_is_missing(self, d):
        assert "could not be read: this kernel has no IPVS (modprobe ip_vs)" in d.call("kernel", "repair").stderr


# What the example of a command ends with where that is not 0: there is no other node, nobody serves, and an example before
# has put what this one is about into maintenance.
OTHERWISE = {"status": {1}, "doctor": {1}, "check run": {0, 1}, "failover": {7}, "peer diff": {3},
             "config diff": {1}, "config import": {0, 1}, "wait": {1}, "kernel diff": {0, 1}}
KERNEL = ("service zero", "service stats", "backend stats", "top", "conn list", "conn count", "conn kill", "config export",
          "config apply", "config rollback", "kernel diff", "kernel repair", "daemon reload")  # 8: this kernel has no IPVS
FIRST = ("check run", "vrrp announce")  # what others spoil
LAST = ("wait", "daemon restart", "daemon stop")
KEEPALIVED = "virtual_server 10.7.0.100 80 {\n  protocol TCP\n  real_server 10.7.0.3 8080 {\n  }\n}\n"


def examples(d):
    """(name of the command, its example) of every command that help names."""
    names = [m[1] for line in d.text("help").splitlines() if (m := re.match(r"  ((?:[a-z]+ ){0,1}[a-z]+)  ", line))]
    found = [(name, x[9:]) for name in names for x in d.text("help", *name.split()).splitlines() if x.startswith("Example: ")]
    assert [name for name, _ in found] == names
    return sorted(found, key=lambda x: (x[0] not in FIRST, LAST.index(x[0]) if x[0] in LAST else -1))


class TestExamples:
    """The last ones: they change what runs, and end it."""
    def test_each_line_of_the_manual_page_runs(self, d, tmp_path):
        lines = examples(d)
        assert len(lines) > 55, lines
        until(lambda: rows(d, "vrrp", "list")[0]["state"] == "master", "the only node is master")
        d.write(TEXT.format(dir=d.dir) + "  more: { listen: 192.0.2.8:80, check: none, backends: { one: 10.7.0.3 } }\n")
        (tmp_path / "keepalived.conf").write_text(KEEPALIVED)
        env = {**os.environ, "PATH": os.path.dirname(d.lbctl) + ":" + os.environ["PATH"],
               "LBCTL_SOCKET": d.run_dir + "/control.sock", "LBD_BIN": d.program}
        bad = []
        for name, line in lines:
            fine = OTHERWISE.get(name, {0})
            if name == "watch":
                line, fine = f"timeout 3 {line}", {124}  # it has no end
            if not IPVS and name == "daemon restart":
                line, fine = line + " -t 2s", {9}  # it never is ready
            elif not IPVS and name in KERNEL:
                fine = {8}
            line = re.sub("/(tmp|etc/bash_completion.d)/", f"{tmp_path}/", line)
            line = re.sub("config check$", f"config check {d.config}", line)
            with d.node:
                p = subprocess.run(["timeout", "60", "bash", "-c", line], text=True, capture_output=True, check=False,
                                   cwd=tmp_path, env=env, stdin=subprocess.DEVNULL)
            print(p.returncode, line)
            if p.returncode not in fine:
                bad.append((line, p.returncode, p.stdout[-300:], p.stderr[-300:]))
            if name == "daemon restart":
                until(lambda: d.call("status").returncode in (0, 1), "it answers again")
        assert not bad, "\n".join(map(str, bad))
        until(lambda: d.process.poll() is not None, "it has ended")
