# SPDX-License-Identifier: GPL-2.0-or-later
"""What is swept: a node of a pair with services, checks, VRRP and a peer, in a network of its own and without IPVS."""
import json
import os
import re
import shutil

from conftest import Lbd, until
from pair import Pair, instance
from steps import slowness

KEY = "00112233445566778899aabbccddeeff" * 2
NAME = "lb-b"
STAY_DOWN = 10  # the exit status that means it
# what a library says before it ends its process, because it has no other way
# (glibc's, when there is no memory for those of assert, are "Unexpected error.")
LAST_WORDS = re.compile(r"\(libev\)|Assertion .* failed|out of memory|cannot allocate|^Unexpected error\.", re.I | re.M)
# and what the allocator says of a heap that somebody has damaged
DAMAGE = re.compile(r"(free|malloc|realloc)\(\): |double free|corrupted|stack smashing")


def text(key, i, room):
    """Every number another configuration, for each room; every second one needs libyaml, the others the plain reader."""
    flow = "{ type: tcp, interval: 200ms, timeout: 1s, rise: 1, fall: 1 }"
    block = "\n    type: tcp\n    interval: 200ms\n    timeout: 1s\n    rise: 1\n    fall: 1"
    extra = "".join(f"""
  web{k}:
    listen: 10.7.0.100:{2000 + k}
    check: app
    backends:
      s{k}: 10.7.0.3:{8080 + k % 2}
      t{k}:
        address: 10.7.0.3:8082
        weight: {1 + i % 7}""" for k in range(1 + i % 2))
    return f"""cluster:
  id: 7
  key_file: {key}
  nodes:
    lb-a:
      address: 10.8.0.1
    lb-b:
      address: 10.8.0.2
{f"sync: {{ rate_limit: {1000 + i}/s }}" if room == "sync" else ""}
log:
  level: {['info', 'notice'][i // 2 % 2]}
vrrp:
  wan: {json.dumps(instance(priority=100, lease="3s"))}
checks:
  app: {flow if i % 2 else block}
services:{extra}
# {i}
"""


class Bed:
    def __init__(self, control):
        self.control, self.room = control, control.map.room.decode()
        self.net = Pair()
        self.slow = min(slowness(), 3.0)
        self.node = self.net.b
        self.key = "/run/cluster.key"
        with open(self.key, "w", encoding="ascii") as f:
            f.write(KEY + "\n")
        shutil.chown(self.key, "root", "lbd")
        os.chmod(self.key, 0o640)
        self.servers = [self.net.c.serve(port) for port in (8080, 8081, 8082)]
        self.i = 1
        self.text = text(self.key, self.i, self.room)
        self.d = Lbd(self.node, self.text, name=NAME)
        if control.map.calls:
            os.environ["LBD_SWEEP_PROGRAM"] = self.d.program
            self.d.program = os.environ["LBD_SWEEP_INJECT"]
        self.seen = self.d.log_from = 0

    def new_text(self):
        self.i += 1
        self.text = text(self.key, self.i, self.room)
        return self.text

    def tail(self):
        """What was logged since it was asked the last time."""
        log = self.d.log()
        new, self.seen = log[self.seen:], len(log)
        return new

    def seconds(self, n):
        return n * self.slow

    def running(self):
        return self.d.process is not None and self.d.process.poll() is None

    def answers(self):
        return self.d.call("daemon", "info").returncode == 0

    def spawn(self):
        self.d.wanted = True
        self.d.spawn()

    def start(self):
        """As the service manager starts it again, and nothing fails."""
        if not self.running():
            self.spawn()
        until(lambda: self.answers() or not self.running(), "it answers", self.seconds(10), every=0.01)
        assert self.running(), f"a start in which nothing fails ended with {self.d.process.returncode}"
        self.settle()

    def settle(self):
        until(self.settled, "every worker is up and every backend seen as it is", self.seconds(15), every=0.02)

    def settled(self):
        done = self.d.call("-j", "status")
        if done.returncode:
            return False
        row = json.loads(done.stdout)["data"][0]
        workers = {w.get("name"): w.get("up") for w in row.get("workers", [])}
        if not all(workers.get(name) for name in ("probe", "vrrp", "sync")):
            return False
        ports = {str(s.port) for s in self.servers}
        rows = self.backends()
        return bool(rows) and all((r.get("check") == "L4OK") == (r.get("address", "").rpartition(":")[2] in ports)
                                  for r in rows.values())

    def backends(self):
        """What the checks say of each; nothing is in the kernel here, so none of them is up."""
        done = self.d.call("-j", "backend", "list")
        return {f"{r.get('service')}/{r.get('backend')}": r for r in json.loads(done.stdout)["data"]} if done.returncode == 0 else {}

    def shown(self):
        done = self.d.call("config", "show")
        return done.stdout if done.returncode == 0 else None

    def fresh(self):
        """Ends it, and what it left is gone."""
        self.end()
        for name in os.listdir(self.d.state_dir):
            path = os.path.join(self.d.state_dir, name)
            (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)

    def end(self):
        if self.running():
            self.d.process.kill()
        if self.d.process:
            self.d.process.wait(10)

    def close(self):
        self.end()
        shutil.rmtree(self.d.dir, ignore_errors=True)
        self.net.close()
