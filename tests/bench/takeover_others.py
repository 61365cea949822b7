# SPDX-License-Identifier: GPL-2.0-or-later
"""
The other side of the benchmark of takeovers: keepalived with the kernel's own synchronisation and, for the service whose
servers do not see the client, conntrackd. Each with the best settings that it has.
"""
import contextlib
import os
import shutil
import subprocess
import tempfile

import conntrackd
from conftest import run, until
from flows import BACK, GW4, GW6, HIDDEN, LINK, NAT_PORT, PORTS, STICKY, VIP4, VIP6

WORK = "/tmp/bench"
PREEMPT = 5  # s that keepalived waits before it takes the addresses back
TOLD = 10  # s

# What is known to help. The number of threads must be the same on both nodes.
KERNEL = {"sync_threshold": "3 0", "sync_refresh_period": TOLD, "sync_retries": 1, "sync_sock_size": 16 << 20, "sync_ports": 4,
          "sloppy_tcp": 1, "expire_quiescent_template": 1}
# METHOD, PORT, its port on the servers, protocols, more
SERVICES = [*((mode.upper(), port, NAT_PORT if mode == "nat" else port, ("TCP", "UDP"), "") for mode, port in PORTS.items()),
            ("NAT", HIDDEN, NAT_PORT, ("TCP", "UDP"), ""), ("NAT", STICKY, NAT_PORT, ("TCP",), "  persistence_timeout 300\n")]
# to the address that moves: what masquerade makes of the node's own one ends with that node
SNAT = f"""table inet edge {{
  chain post {{
    type nat hook postrouting priority srcnat
    oifname "eth1" meta l4proto {{ tcp, udp }} ct original ip daddr {VIP4} ct original proto-dst {HIDDEN} snat ip to {GW4}
    oifname "eth1" meta l4proto {{ tcp, udp }} ct original ip6 daddr {VIP6} ct original proto-dst {HIDDEN} snat ip6 to {GW6}
  }}
}}
"""
# in the order of conntrackd's documentation. primary: what the other node told goes into the kernel, both caches are
# emptied, this node's is read anew and told. backup: what is old ends soon, and the other node tells all again.
STEPS = {"primary": "cfRB", "backup": "tn", "fault": "t"}


def keepalived_text(prio, notify):
    def instance(name, card, vrid, addresses):
        return (f"vrrp_instance {name} {{\n  state BACKUP\n  interface {card}\n  virtual_router_id {vrid}\n  priority {prio}\n"
                f"  advert_int 0.2\n  preempt_delay {PREEMPT}\n  virtual_ipaddress {{\n"
                + "".join(f"    {a}\n" for a in addresses) + "  }\n}\n")

    text = ("global_defs {\n  vrrp_version 3\n  vrrp_garp_master_delay 1\n  script_user root\n"
            "  lvs_sync_daemon eth2 wan id 7\n}\n"
            "vrrp_sync_group edge {\n  group {\n    wan\n    wan6\n    lan\n    lan6\n  }\n"
            f'  notify_master "{notify} primary"\n  notify_backup "{notify} backup"\n  notify_fault "{notify} fault"\n}}\n'
            + instance("wan", "eth0", 51, [f"{VIP4}/24"]) + instance("wan6", "eth0", 52, ["fe80::100/64", f"{VIP6}/64"])
            + instance("lan", "eth1", 53, [f"{GW4}/24"]) + instance("lan6", "eth1", 54, ["fe80::254/64", f"{GW6}/64"]))
    for method, port, inner, protocols, more in SERVICES:
        for protocol in protocols:
            for vip, back in ((VIP4, BACK + ".{}"), (VIP6, "fd01::{}")):
                text += (f"virtual_server {vip} {port} {{\n  lvs_sched rr\n  lvs_method {method}\n  protocol {protocol}\n{more}"
                         + "".join(f"  real_server {back.format(i)} {inner} {{\n    weight 1\n  }}\n" for i in (11, 12)) + "}\n")
    return text


def notify_text(conf, log):
    cases = "".join(f"  {word}) steps='{' '.join(steps)}' ;;\n" for word, steps in STEPS.items())
    return (f"#!/bin/sh\ncase $1 in\n{cases}esac\nfor step in $steps; do\n"
            f"  conntrackd -C {conf} -$step >>{log} 2>&1 || echo \"$1 -$step: $?\" >>{log}\ndone\n")


class KeepalivedSide:
    name = "keepalived"

    def __init__(self, farm):
        self.farm, self.processes, self.trackers, self.dirs = farm, {}, {}, []
        for key in ("net.core.rmem_max", "net.core.wmem_max"):
            run("sysctl", "-qw", f"{key}={16 << 20}")

    def start(self, which):
        node, i = getattr(self.farm, which), 1 if which == "a" else 2
        for key, value in KERNEL.items():
            node.sysctl(f"net.ipv4.vs.{key}", value)
        d = tempfile.mkdtemp(prefix="ka-")
        self.dirs.append(d)
        if which not in self.trackers:
            node.run("nft", "-f", "-", text=SNAT)
            self.track(node, which, i)
        notify = f"{d}/notify"
        with open(notify, "w", encoding="ascii") as f:
            f.write(notify_text(f"{WORK}/ct-{which}.conf", f"{d}/steps"))
        os.chmod(notify, 0o755)
        with open(f"{d}/conf", "w", encoding="ascii") as f:
            f.write(keepalived_text(150 if which == "a" else 100, notify))
        with open(f"{d}/log", "wb") as log, node:
            self.processes[which] = subprocess.Popen(
                ["keepalived", "-n", "-l", "-G", "-f", f"{d}/conf", "-p", f"{d}/pid", "-r", f"{d}/vrrp",
                 "-c", f"{d}/check"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        want = sum(4 * len(s[3]) for s in SERVICES)
        until(lambda: node.run("ipvsadm", "-Ln").count("->") - 1 >= want, f"keepalived on {which} has its services", 30)

    def track(self, node, which, i):
        work = f"{WORK}/ct-{which}"
        p = conntrackd.start(node, work, f"{LINK}.{i}", f"{LINK}.{3 - i}", "eth2", True)
        self.trackers[which] = p
        until(lambda: p.poll() is not None or os.path.exists(f"{work}.ctl"), f"conntrackd on {which} answers", 20)
        assert p.poll() is None, f"conntrackd ended with {p.returncode}: {conntrackd.log(work)}"

    def ready(self):
        """Where each has its role, and so its half of the kernel's synchronisation."""
        def roles():
            return [("master" if "master" in text else "") + ("backup" if "backup" in text else "")
                    for text in (n.run("ipvsadm", "-L", "--daemon") for n in (self.farm.a, self.farm.b))]
        until(lambda: sorted(roles()) == ["backup", "master"], f"one sync daemon each: {roles()}", 30)

    def kill(self, which):
        p = self.processes.pop(which)
        for pid in [p.pid, *map(int, run("ps", "-o", "pid=", "--ppid", str(p.pid), check=False).split())]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        p.wait()
        tracker = self.trackers.pop(which)
        tracker.kill()
        tracker.wait()

    def planned(self, which):
        p = self.processes.pop(which)
        p.terminate()
        p.wait(30)

    def back(self, which):
        self.start(which)

    def close(self):
        for p in (*self.processes.values(), *self.trackers.values()):
            p.terminate()
        for p in (*self.processes.values(), *self.trackers.values()):
            with contextlib.suppress(subprocess.TimeoutExpired):
                p.wait(20)
            p.kill()
            p.wait()
        for d in self.dirs:
            with contextlib.suppress(OSError), open(f"{d}/steps", encoding="utf-8", errors="replace") as f:
                text = f.read()
                if text:
                    print(f"note conntrackd: {' '.join(text.split())[:500]}", flush=True)
            shutil.rmtree(d, ignore_errors=True)
