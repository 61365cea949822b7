# SPDX-License-Identifier: GPL-2.0-or-later
"""
What breaks, one row each: how it is done, how it is put right, when it is over, what it may cause meanwhile (the words of
checker.DOES), and how long it may take from being put right to being over, beside the slowness of the machine.
"""
import contextlib
import dataclasses
import os
import resource
import signal
import subprocess
import time
from typing import Callable, Optional

from stage import FOREIGN_ROWS, FOREIGN_RULES, NOTICED, text

BACK = 1.0  # s: a core is started again 200 ms after it ended, and starts its workers


@dataclasses.dataclass
class Fault:
    name: str
    does: set
    limit: float
    inject: Callable
    mend: Optional[Callable] = None
    healed: Callable = lambda s, n: True
    lasts: tuple = (0.0, 0.0)  # s: from, to; how long a random schedule lets it be
    draw: bool = True  # whether a random schedule has it
    ipvs: bool = False  # it needs a kernel with IPVS


def signal_worker(name, signum):
    """Where its core has been back for a moment only, when it runs."""
    def inject(s, n):
        s.was = (None, name)
        if s.wait(lambda: s.worker(n, name), f"{name} of {n} runs", BACK):
            s.was = (s.worker(n, name), name)
            os.kill(s.was[0], signum)
    return inject


def other_worker(name):
    def healed(s, n):
        return s.answers(n) and s.worker(n, name) not in (None, s.was[0])
    return healed


# ---- processes

def kill_core(s, n):
    s.core[n] = s.d[n].pid
    s.d[n].kill()


def core_is_back(s, n):
    return s.d[n].pid != s.core[n] and s.answers(n)


def kill_core_and_stay(s, n):
    s.d[n].wanted = False
    s.d[n].kill()


def kill_all_and_stay(s, n):
    s.d[n].wanted = False
    s.kill_all(n)


def start_again(s, n):
    if s.d[n].keeper:
        s.d[n].keeper.join(20)
        s.d[n].keeper = None
    s.d[n].start(ready=False)


def stop_core(s, n):
    s.core[n] = s.d[n].pid
    os.kill(s.d[n].pid, signal.SIGSTOP)


def go_on_core(s, n):
    with contextlib.suppress(ProcessLookupError):
        os.kill(s.core[n], signal.SIGCONT)


def stop_all(s, n):
    s.kill_all(n, signal.SIGSTOP)


def go_on_all(s, n):
    s.kill_all(n, signal.SIGCONT)


def terminate(s, n):
    s.d[n].wanted = False
    s.d[n].process.send_signal(signal.SIGTERM)


def kill_while_reloading(s, n):
    s.version[n] ^= 1
    s.d[n].write(text(s.key, s.version[n]))
    with s.node[n]:
        s.reload = subprocess.Popen([s.d[n].lbctl, "--socket", f"{s.d[n].run_dir}/control.sock", "daemon", "reload", "-y"],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    s.want(n, 5.0)
    time.sleep(s.dice.random() * 0.03 * s.slow)
    kill_core(s, n)


def reloading_is_over(s, n):
    return s.reload.poll() is not None and core_is_back(s, n)


# ---- the kernel

def clear_tables(s, n):
    """Everything goes, also what is not ours: that does not come back."""
    s.book.add("foreign", node=n, rows={})
    s.node[n].run("ipvsadm", "-C")


def plant_again(s, n):
    s.node[n].run("ipvsadm", "-R", text=FOREIGN_RULES)
    s.book.add("foreign", node=n, rows=FOREIGN_ROWS)


def spoil_tables(s, n):
    """A weight, a row and a service of ours."""
    s.node[n].run("ipvsadm", "-R", text="-e -t 10.7.0.100:1000 -r 10.1.0.11:8080 -m -w 77\n"
                  "-d -u 10.7.0.100:1000 -r 10.1.0.12:8080\n-D -t 10.7.0.100:1001\n")


def delete_address(s, n):
    if "10.7.0.100" in s.node[n].run("ip", "-o", "addr", "show", "dev", "eth0"):
        s.node[n].run("ip", "addr", "del", "10.7.0.100/32", "dev", "eth0", check=False)
        s.node[n].run("ip", "addr", "del", "10.7.0.100/24", "dev", "eth0", check=False)


def address_on_peer(s, n):
    """By hand, as somebody who does not know what a pair is."""
    s.node[n].run("ip", "addr", "add", "10.7.0.100/32", "dev", "eth0")


def address_off_peer(s, n):
    s.node[n].run("ip", "addr", "del", "10.7.0.100/32", "dev", "eth0", check=False)


# ---- links

def cut(*bridges):
    return lambda s, n: [s.cable(n, b, False) for b in bridges]


def plug(*bridges):
    def mend(s, n):
        for b in bridges:
            s.cable(n, b, True)
        if "back" in bridges:  # its checks reach the servers again
            s.want(n, NOTICED)
    return mend


def flap(s, n):
    for _ in range(10):
        s.cable(n, "front", False)
        time.sleep(0.05)
        s.cable(n, "front", True)
        time.sleep(0.05)


def drop(*cards):
    """The node hears nothing of VRRP any more; on the link between the two nothing of anybody."""
    rules = [rule for c in cards for rule in ((f"iifname {c} drop",) if c == "eth2" else
                                              (f"iifname {c} meta l4proto 112 drop",))]
    lines = ["table inet fault {", "chain c {", "type filter hook input priority -300;", *rules, "}", "}", ""]

    def inject(s, n):
        s.node[n].run("nft", "-f", "-", text="\n".join(lines))
    return inject


def undrop(s, n):
    s.node[n].run("nft", "delete", "table", "inet", "fault", check=False)


def drop_both(s, _):
    for n in "ab":
        drop("eth0", "eth1", "eth2")(s, n)


def undrop_both(s, _):
    for n in "ab":
        undrop(s, n)


# ---- health, files

def server_fails(i):
    def inject(s, _):
        s.servers[i].fail()
        s.down.add((11, 12)[i])
        for n in "ab":
            s.want(n, NOTICED)
    return inject


def server_recovers(i):
    def mend(s, _):
        s.servers[i].recover()
        s.down.discard((11, 12)[i])
        for n in "ab":
            s.want(n, NOTICED)
    return mend


def reload(s, n):
    s.version[n] += 1
    s.want(n, 2.0)
    s.apply(n, text(s.key, s.version[n]), True)


def bad_file(s, n):
    s.apply(n, text(s.key, s.version[n]).replace('"scheduler"', '"schedular"'), False)
    s.d[n].write(text(s.key, s.version[n]))


def no_file(s, n):
    os.rename(s.d[n].config, f"{s.d[n].config}.away")
    before = s.generation_of(n)
    done = s.d[n].call("daemon", "reload", "-y")
    s.book.add("apply", node=n, ok=done.returncode == 0, before=before, after=s.generation_of(n))
    os.rename(f"{s.d[n].config}.away", s.d[n].config)


def fill_disk(s, n):
    """And a configuration that cannot be stored is refused; a drain works all the same."""
    fd = os.open(f"{s.d[n].state_dir}/ballast", os.O_CREAT | os.O_WRONLY, 0o600)
    with contextlib.suppress(OSError):
        while True:
            os.write(fd, bytes(4096))
    os.close(fd)
    s.apply(n, text(s.key, s.version[n] + 1), False)
    s.d[n].write(text(s.key, s.version[n]))


def empty_disk(s, n):
    os.unlink(f"{s.d[n].state_dir}/ballast")


def apply_for_two_seconds(s, n):
    """A file of its own: a start does not run one that was rolled back, and a reload may bring those services later."""
    s.want(n, 5.0, s.version[n] ^ 1)
    with open(f"{s.folder}/trial.yaml", "w", encoding="utf-8") as f:
        f.write(f"# a trial\n{text(s.key, s.version[n] ^ 1)}")
    s.d[n].call("-y", "config", "apply", f"{s.folder}/trial.yaml", "--confirm", "2s")
    assert s.has_extra(n) == bool((s.version[n] ^ 1) % 2), "the trial runs"
    s.want(n, 5.0)


def apply_and_kill(s, n):
    apply_for_two_seconds(s, n)
    kill_core(s, n)


def trial_is_over(s, n):
    return s.answers(n) and s.has_extra(n) == bool(s.version[n] % 2)


def take_descriptors(s, n):
    """All that the core has are all that it gets."""
    pid = s.d[n].pid
    s.limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    most = max(int(x) for x in os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most + 1, s.limits[1]))


def give_descriptors(s, n):
    resource.prlimit(s.d[n].pid, resource.RLIMIT_NOFILE, s.limits)


ROLE = {"role", "hush"}
LOST = ROLE | {"unfit"}
CORE = ROLE | {"mute"}  # the process of VRRP says that it leaves when its core is gone, and comes back with it

FAULTS = {f.name: f for f in [
    Fault("kill-core", CORE, BACK, kill_core, None, core_is_back),
    Fault("kill-core-in-a-reload", CORE, BACK + 2, kill_while_reloading, None, reloading_is_over),
    Fault("core-stays-dead", LOST | {"mute"}, BACK, kill_core_and_stay, start_again, lambda s, n: s.answers(n), (4, 8)),
    Fault("kill-all", LOST | {"mute"}, BACK, kill_all_and_stay, start_again, lambda s, n: s.answers(n), (4, 8)),
    Fault("stop-core", {"mute"}, BACK, stop_core, go_on_core, lambda s, n: s.answers(n), (0.3, 1.5)),
    Fault("stop-all", LOST | {"mute"}, BACK, stop_all, go_on_all, lambda s, n: s.answers(n), (6, 11)),
    Fault("terminate", LOST | {"mute"}, BACK, terminate, start_again, lambda s, n: s.answers(n), (2, 6)),
    Fault("kill-vrrp", {"hush"}, BACK, signal_worker("vrrp", signal.SIGKILL), None, other_worker("vrrp")),
    Fault("kill-probe", {"blind"}, BACK, signal_worker("probe", signal.SIGKILL), None, other_worker("probe")),
    Fault("stop-probe", {"blind"}, 4 + BACK, signal_worker("probe", signal.SIGSTOP), None, other_worker("probe")),
    Fault("kill-sync", set(), BACK, signal_worker("sync", signal.SIGKILL), None, other_worker("sync")),
    Fault("stop-sync", set(), 4 + BACK, signal_worker("sync", signal.SIGSTOP), None, other_worker("sync")),
    # without a service of a family the kernel lets its packets through to the node, which resets connections
    Fault("clear-tables", {"spoil", "flows"}, 0, clear_tables, plant_again, ipvs=True),
    Fault("spoil-tables", {"spoil"}, 0, spoil_tables, ipvs=True),
    Fault("delete-address", {"role"}, 0, delete_address),
    Fault("address-on-peer", {"role", "dual"}, 0, address_on_peer, address_off_peer, lasts=(2, 4), draw=False),
    Fault("cut-front", LOST, 0, cut("front"), plug("front"), lasts=(2, 6)),
    Fault("cut-back", LOST | {"checks"}, 0, cut("back"), plug("back"), lasts=(2, 6)),
    Fault("cut-mid", set(), 0, cut("mid"), plug("mid"), lasts=(2, 6)),
    Fault("cut-all", LOST | {"dual", "checks"}, 0, cut("front", "back", "mid"), plug("front", "back", "mid"), lasts=(3, 6)),
    Fault("flap-front", LOST, 0, flap),
    Fault("deaf", set(), 0, drop("eth0", "eth1"), undrop, lasts=(2, 6)),
    Fault("deaf-on-all-ways", {"role", "dual"}, 0, drop("eth0", "eth1", "eth2"), undrop, lasts=(2, 5), draw=False),
    Fault("split", {"role", "dual", "hush"}, 0, drop_both, undrop_both, lasts=(2, 5), draw=False),
    Fault("server-fails", set(), 0, server_fails(0), server_recovers(0), lasts=(1, 5)),
    Fault("other-server-fails", set(), 0, server_fails(1), server_recovers(1), lasts=(1, 5)),
    Fault("reload", set(), 0, reload),
    Fault("bad-file", set(), 0, bad_file),
    Fault("no-file", set(), 0, no_file),
    Fault("full-disk", set(), 0, fill_disk, empty_disk, lasts=(1, 3)),
    Fault("unconfirmed", set(), 2 + 1, apply_for_two_seconds, None, trial_is_over),
    Fault("unconfirmed-and-killed", CORE, 2 + BACK, apply_and_kill, None, lambda s, n: core_is_back(s, n) and trial_is_over(s, n)),
    Fault("no-descriptors", set(), 0, take_descriptors, give_descriptors, lambda s, n: s.answers(n), lasts=(3, 5)),
]}
