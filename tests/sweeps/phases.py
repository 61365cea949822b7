# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a process does while something in it fails. before() makes the state in which it begins, act() does it, and after()
says what must hold once nothing fails any more: AssertionError.
"""
import contextlib
import json
import os
import signal
import threading
import time

from bed import KEY, LAST_WORDS
from conftest import until
from fake_peer import ACK, Fake
from frames import Talker, message
from pair import C4, VIP4, VRID, has, state


class Adverts:
    """Another node, better than ours."""

    def __init__(self, node):
        self.talker, self.thread, self.over = Talker(node), None, threading.Event()

    def work(self):
        while not self.over.wait(0.05):
            self.talker.advert(C4, message(VRID, 200, [VIP4], C4))

    def start(self):
        self.stop()
        self.over.clear()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def stop(self):
        self.over.set()
        if self.thread:
            self.thread.join()


class Phase:
    ended = False     # the daemon is meant to end
    measures = False  # nothing fails: it is counted
    spread = 0        # how many more there may be in another run

    def __init__(self, bed, room):
        self.bed, self.room = bed, room

    def before(self):
        self.bed.start()

    def until(self, condition, seconds):
        """Not for ever: what failed may be what is waited for."""
        end = time.monotonic() + self.bed.seconds(seconds)
        while self.bed.running() and time.monotonic() < end:
            with contextlib.suppress(KeyError):  # of a row with a member that found no memory
                if condition():
                    return
            time.sleep(0.005)

    def after(self, done):
        """It came right by itself, or the service manager started it again."""
        self.bed.start()

    def leave(self):
        """And goes on to the next."""

    def close(self):
        pass


class Start(Phase):
    """From the exec until it answers, and its workers are there, if they are what fails."""

    def before(self):
        self.bed.fresh()

    def act(self):
        bed = self.bed
        bed.spawn()
        end = time.monotonic() + bed.seconds(10)
        while bed.running() and not bed.control.map.failed and not self.there():
            assert time.monotonic() < end, "it neither answers nor ends"
            time.sleep(0.003)
        while bed.running() and not bed.answers():  # the first round of it is not the last word
            assert time.monotonic() < end, "it neither answers nor ends"
            time.sleep(0.003)

    def there(self):
        return self.bed.answers() if self.room == "core" else self.bed.settled()

    def after(self, done):
        bed = self.bed
        bed.start()
        # what could not be stored is tried again after 10 s
        until(lambda: bed.shown() == bed.text, "what the file says runs, and is stored", 15 + bed.slow)

    def leave(self):
        """It hears of signals, still."""
        bed = self.bed
        bed.d.process.send_signal(signal.SIGTERM)
        until(lambda: not bed.running(), "it ends when it is told to", bed.seconds(10), every=0.01)


class Again(Start):
    """The same with what an earlier run has left: a generation, an override."""

    def before(self):
        bed = self.bed
        if not bed.running():
            bed.start()
        done = bed.d.call("backend", "drain", "web0/s0", "--reason", "sweep")
        assert done.returncode in (0, 8), done
        bed.end()

    def after(self, done):
        super().after(done)
        bed = self.bed
        # a file that is not whole is set aside, and who starts without it says so; one that cannot be read stays, and is
        # tried again after 10 s
        aside = lambda: "overrides.json is not used" in bed.d.log()[bed.d.log_from:]
        drains = lambda: bed.backends().get("web0/s0", {}).get("admin", "enabled") != "enabled"
        until(lambda: drains() or aside(), "the drain that was stored holds", 15 + bed.slow)


class Reload(Phase):
    def before(self):
        self.bed.start()
        self.old = self.bed.shown()
        self.new = self.bed.new_text()
        self.bed.d.write(self.new)

    def act(self):
        return self.bed.d.call("daemon", "reload", "-y")

    def after(self, done):
        bed = self.bed
        alive = bed.running()
        bed.start()
        runs = bed.shown()
        assert runs in (self.old, self.new), "what runs is neither the old configuration nor the new one"
        if done is not None and alive:
            said = done.returncode in (0, 8) and "is running" in done.stdout + done.stderr
            assert not said or runs == self.new, "it was said to be running, and is not"
            assert runs == self.new or done.returncode, "it is not running, and the status is 0"
        if runs != self.new:
            again = bed.d.call("daemon", "reload", "-y")
            assert again.returncode in (0, 8) and bed.shown() == self.new, f"the next reload: {again}"
            bed.settle()


class Flip(Phase):
    """A backend dies, and the core is told."""

    def act(self):
        self.bed.servers.pop().close()
        self.until(self.bed.settled, 3)

    def after(self, done):
        bed = self.bed
        bed.start()
        bed.servers.append(bed.net.c.serve(8082))
        bed.settle()


class Takeover(Phase):
    """Another master falls silent."""

    def __init__(self, bed, room):
        super().__init__(bed, room)
        self.other = Adverts(bed.net.c)

    def before(self):
        super().before()
        self.other.start()
        until(lambda: state(self.bed.d) == "backup", "it gives way to a better one", self.bed.seconds(10), every=0.01)

    def act(self):
        self.other.stop()
        self.until(lambda: state(self.bed.d) == "master", 2)

    def after(self, done):
        bed = self.bed
        self.other.stop()
        bed.start()
        until(lambda: state(bed.d) == "master" and has(bed.node), "it is master and has its address", bed.seconds(10), every=0.02)

    def close(self):
        self.other.stop()


class Adverts1000(Phase):
    """A thousand adverts as master: on their way nothing is allocated. Who speaks with the core may."""

    channel = ("lb_proto_parse", "lb_json_parse", "vrrp_msg_write", "lb_frame_", "lb_text_", "send_pong")
    measures = True

    def shown(self, what):
        done = self.bed.d.call("-j", "vrrp", "show", "wan")
        return json.loads(done.stdout)["data"][0].get(what, 0) if done.returncode == 0 else 0

    def sent(self):
        return self.shown("sent")

    def measure(self):
        """What is wrong, and what there was."""
        bed = self.bed
        bed.d.write(bed.text.replace('"advert_interval": "100ms"', '"advert_interval": "10ms"'))
        bed.start()
        done = bed.d.call("daemon", "reload", "-y")
        assert done.returncode in (0, 8), done
        until(lambda: state(bed.d) == "master", "it is master", bed.seconds(10))
        # what a start looks for once, addresses that an earlier run left, is no part of an advert
        until(lambda: self.sent() >= 500, "it has settled", bed.seconds(20), every=0.2)
        # nor is a change of its state: who had no processor for longer than a master may be silent begins anew
        for _ in range(5):
            first, became = self.sent(), self.shown("transitions")
            bed.control.arm(-1, trace=True)
            until(lambda: self.sent() >= first + 1000, "a thousand adverts", bed.seconds(40), every=0.2)
            bed.control.disarm()
            n, everybody = self.sent() - first, bed.control.everybody()
            if self.shown("transitions") == became:
                break
        bad = [(c, who) for c, who in everybody if not any(f.startswith(self.channel) for f in who)]
        return bad, f"{n} adverts, {sum(c for c, _ in everybody)} allocations, {sum(c for c, _ in bad)} of them not for the channel"


class Sync(Phase):
    """The other node dials, tells flows, and goes."""

    flows = 300

    def act(self):
        with Fake(self.bed.net.a, KEY, "10.8.0.2") as fake, contextlib.suppress(OSError, AssertionError):
            fake.hello().flows(0, self.flows, 0)
            self.until(lambda: any(f for f in fake.of(ACK)), 2)

    def after(self, done):
        bed = self.bed
        bed.start()
        with Fake(bed.net.a, KEY, "10.8.0.2") as fake:
            fake.hello().flows(0, self.flows, 0)
            until(lambda: self.known() >= self.flows, f"what is told is known: {self.known()}", bed.seconds(15), every=0.02)

    def known(self):
        done = self.bed.d.call("-j", "sync", "status")
        rows = json.loads(done.stdout)["data"] if done.returncode == 0 else []
        return max([r.get("peer_flows", 0) for r in rows] + [0])


class Stop(Phase):
    ended = True

    def act(self):
        bed = self.bed
        bed.d.process.send_signal(signal.SIGTERM)
        bed.d.process.wait(bed.seconds(10))

    def after(self, done):
        bed = self.bed
        left = [n for n in os.listdir(bed.d.run_dir)] if bed.d.process.poll() == 0 else []
        # a socket that it could not look at may be that of a successor, which it must not take away; or it may not
        if (bed.control.who() or [""])[0] in ("newfstatat", "unlink"):
            left = [n for n in left if not n.endswith(".sock")]
        assert not left, f"it left {left}"
        super().after(done)


class Drain(Phase):
    """An override: in the model, on the disk, and to the other node."""

    def before(self):
        super().before()
        self.drained = self.bed.backends()["web0/s0"]["admin"] != "enabled"

    def act(self):
        return self.bed.d.call("backend", "enable" if self.drained else "drain", "web0/s0", "--reason", "sweep")

    def after(self, done):
        bed, alive = self.bed, self.bed.running()
        super().after(done)
        now = bed.backends()["web0/s0"]["admin"] != "enabled"
        if done is not None and alive and done.returncode == 0:
            assert now != self.drained, "it was said to be done, and is not"


class Confirm(Reload):
    """A configuration for the time being, and that it shall stay."""

    def act(self):
        done = self.bed.d.call("config", "apply", "-y", "--confirm", "1h")
        return self.bed.d.call("config", "confirm") if done.returncode in (0, 8) else done

    def after(self, done):
        bed, alive = self.bed, self.bed.running()
        bed.start()
        if bed.d.ctl("status")["data"][0]["config"]["state"] == "pending":
            assert not alive or done is None or done.returncode, "it was said to be confirmed, and is not"
            back = bed.d.call("config", "rollback")
            assert back.returncode in (0, 8) and bed.shown() == self.old, f"back to what was: {back}"
        runs = bed.shown()
        assert runs in (self.old, self.new), "what runs is neither the old configuration nor the new one"
        if alive and done is not None and done.returncode == 0:
            assert runs == self.new, "it was said to be confirmed, and does not run"


class Ask(Phase):
    """What an operator looks at. Each answer is whole, or an error that says so."""

    questions = ["status", "service list", "service show web0", "backend list", "backend show web0/s0", "check list",
                 "check history", "vrrp list", "peer status", "sync status", "config history", "config show",
                 "config diff", "kernel diff", "daemon info", "metrics", "events"]

    def act(self):
        self.answers = []
        for q in self.questions:
            done = self.bed.d.call("-j", *q.split())
            self.answers.append(done)
            if done.returncode and not self.bed.answers():
                return done
        return None

    def after(self, done):
        for answer in self.answers:
            if answer.returncode == 0:
                json.loads(answer.stdout)
            elif answer.returncode == -signal.SIGABRT:
                assert LAST_WORDS.search(answer.stderr), f"{answer.args[3:]} aborted: {answer.stderr}"
            else:
                assert answer.returncode > 0, f"{answer.args[3:]} ended by a signal: {answer.returncode}"
                assert answer.stderr.strip() or answer.stdout.strip(), f"{answer.args[3:]} ended with {answer.returncode} and no word"
        super().after(done)


# A core does all of these, a worker what reaches it, lbctl is what asks.
ROWS = ([("core", p) for p in ("start", "again", "reload", "confirm", "drain", "flip", "takeover", "sync", "ask", "stop")] +
        [("probe", p) for p in ("start", "reload", "flip", "stop")] +
        [("vrrp", p) for p in ("start", "reload", "takeover", "adverts", "stop")] +
        [("sync", p) for p in ("start", "reload", "sync", "stop")] +
        [("lbctl", p) for p in ("ask", "reload", "drain")])
PHASES = {"start": Start, "again": Again, "reload": Reload, "confirm": Confirm, "drain": Drain, "flip": Flip,
          "takeover": Takeover, "adverts": Adverts1000, "sync": Sync, "ask": Ask, "stop": Stop}
