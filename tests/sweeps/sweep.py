# SPDX-License-Identifier: GPL-2.0-or-later
"""
sweep.py [OPTION]... [PROCESS/PHASE]...: every row, or those named

  --calls         system calls fail, not allocations, each with an error of its own
  --call NAME     only those of this name
  --all           every one of them; else one for each way to it (of those with the same stack, the first)
  --step N        of these every N-th
  --only N        this one alone, with the log and who asked for memory
  --forever       those after the n-th fail, too, until the phase is over
  --seconds N     for each row; what was not reached by then is told
  --account       what came of it is kept in results.tsv, a line for each row and kind of failure
  --list          the rows

What must hold after each of them:
  the process goes on; or it ends with a status that is not 0 and a line that says why (a library that has no other way
  may abort, with its line), is started again as the service manager would, and then all is well;
  what runs is the old or the new configuration, whole, and a command that failed has left the old one;
  (of an answer only this is known yet: it is JSON, or an error; a member of a row that found no memory is missing)
  once there is memory again, everything comes right without help: workers, verdicts, roles, the next reload.
"""
import argparse
import collections
import datetime
import os
import signal
import subprocess
import sys
import time

from bed import DAMAGE, LAST_WORDS, STAY_DOWN, Bed
from conftest import build_dir, until
from phases import PHASES, ROWS
from starve import Starve

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "results.tsv")
HEAD = "# PROCESS/PHASE\tFAILS\tPOINTS\tREFUSED\tWENT_ON\tENDED\tABORTED\tLIBRARY\tBROKEN\tNOT_YET\tDATE\tCOMMIT: sweep.py --account"
KINDS = ("refused", "went on", "ended", "aborted", "library", "broken")
# OpenSSL 3.0 follows pointers that its own set-up could not allocate, or never sets up what failed once, and libseccomp
# 2.5 those of a filter that it could not make; there is nothing that we could ask them
CRASHING = ("libcrypto", "libseccomp")
# and so does the dynamic linker, before there is a main()
LINKER = "ld-linux"
# glibc 2.36 follows the list of name services of its first look-up of a user or group, which it could not allocate: a
# program of ten lines that calls getpwnam() shows it
LOOKS_UP = ("daemon_privs_drop", "ids_of")


class Broken(Exception):
    pass


def worker_deaths(log):
    """Signals by which workers ended that nobody sent them."""
    for line in log.splitlines():
        if ": ended (signal " in line:
            number = int(line.split("signal ")[1].split(",")[0])
            if number not in (signal.SIGKILL, signal.SIGTERM):
                yield number


def crashes(bed):
    """Who asked for what failed is a library that is known to crash then."""
    who = bed.control.who() or [""]
    in_libc = [w.partition("+")[0] == "libc" for w in who]
    looked_up = in_libc[0] and any(w.startswith(LOOKS_UP) for w in who[:12])
    return looked_up or who[0].startswith(CRASHING) or (len(who) > 1 and who[1].startswith(LINKER))


def judge_end(bed, log, meant=False):
    """How a process ended that did: "ended", "aborted" or None."""
    if "Sanitizer" in log or "runtime error:" in log:
        raise Broken("the sanitizer says so")
    if DAMAGE.search(log):
        raise Broken("the heap was damaged")
    words = LAST_WORDS.search(log)
    for number in worker_deaths(log):
        if number == signal.SIGSEGV and crashes(bed):
            return "library"
        # the filter of a room does not let it signal itself: abort() goes on to an instruction that is none
        if number not in (signal.SIGABRT, signal.SIGSEGV) or not words:
            raise Broken(f"a worker ended by signal {number}")
    if bed.running():
        return "aborted" if any(worker_deaths(log)) else "ended" if ": ended (status" in log else None
    status = bed.d.process.returncode
    if status == -signal.SIGABRT and words:
        return "aborted"
    if status == -signal.SIGSEGV and crashes(bed):
        return "library"
    if status < 0:
        raise Broken(f"it ended by signal {-status}")
    if status == 0 and meant:
        return None
    if status in (0, STAY_DOWN):
        raise Broken(f"it ended with status {status}, and nothing starts it again")
    if not log.strip():
        raise Broken(f"it ended with status {status} and no word")
    return "ended"


def one(bed, phase, n):
    """None: fewer than n of them; else what came of it."""
    phase.before()
    bed.tail()
    bed.control.arm(n)
    done = phase.act()
    if not bed.control.disarm():
        phase.after(None)
        return None
    # whoever ends of it may not have ended yet; a core that answers has it behind itself
    if phase.room != "lbctl" and bed.running() and not bed.answers():
        until(lambda: not bed.running() or bed.answers(), "it has ended, or answers", bed.seconds(5), every=0.01)
    log = bed.tail()
    kind = judge_end(bed, log, phase.ended)
    if done is not None and done.returncode < 0 and not (done.returncode == -signal.SIGABRT and LAST_WORDS.search(done.stderr)):
        raise Broken(f"{done.args[0]} ended by signal {-done.returncode}")
    if done is not None and done.returncode and not (done.stderr.strip() or phase.ended):
        raise Broken(f"{done.args[0]} ended with {done.returncode} and no word")
    try:
        phase.after(done)
    except AssertionError as e:
        if "stored" in str(e) and crashes(bed):
            return "library"  # and what it had half set up stays so
        raise Broken(str(e)) from None
    phase.leave()
    # last words may be told before it is known who ended; after leave() the daemon has ended as it should
    kind = kind or judge_end(bed, log + bed.tail(), True)
    return kind or ("refused" if done is not None and done.returncode else "went on")


def points(bed, phase, args):
    """Which to fail, from one run in which nothing does."""
    if args.only is not None:
        return [args.only]
    phase.before()
    bed.control.arm(-1, trace=not args.all)
    phase.act()
    bed.control.disarm()
    stacks, count = bed.control.stacks(), bed.control.count
    phase.after(None)
    first = range(count + phase.spread) if args.all else sorted({s: i for i, s in reversed(list(enumerate(stacks)))}.values())
    return list(first)[::args.step]


def what_fails(args):
    ways = "each" if args.all else "ways" if args.step == 1 else f"ways/{args.step}"
    return (args.call or ("calls" if args.calls else "allocations")) + ("+" if args.forever else "") + ":" + ways


def account(row, args, figures):
    """The line of this row and this kind of failure becomes another one."""
    done = subprocess.run(["git", "-c", "safe.directory=*", "-C", os.path.dirname(RESULTS), "rev-parse", "--short", "HEAD"],
                          capture_output=True, text=True, check=False)
    lines = []
    if os.path.exists(RESULTS):
        with open(RESULTS, encoding="utf-8") as f:
            lines = [line for line in f.read().split("\n")[1:] if line and line.split("\t")[:2] != [row, what_fails(args)]]
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    lines.append("\t".join([row, what_fails(args), *map(str, figures), today, done.stdout.strip() or "?"]))
    with open(RESULTS, "w", encoding="utf-8") as f:
        f.write("\n".join([HEAD, *sorted(lines)]) + "\n")


def sweep(room, name, args):
    control = Starve(room, build_dir(), args.forever, args.calls, args.call)
    bed = Bed(control)
    seen, broken, started = collections.Counter(), [], time.monotonic()
    try:
        phase = PHASES[name](bed, room)
        if phase.measures:
            bad, text = phase.measure()
            print(f"{room + '/' + name:<16} {text}")
            for n, who in bad:
                print(f"  {n} by {'; '.join(who)}")
            if args.account:
                account(f"{room}/{name}", args, [text.split(", ")[2].split()[0]] + ["-"] * 5 + [len(bad), 0])
            return len(bad)
        todo, left, begin = points(bed, phase, args), 0, time.monotonic()
        for at, n in enumerate(todo):
            if args.seconds and time.monotonic() - begin > args.seconds:
                left = len(todo) - at
                break
            bed.d.log_from = bed.seen
            try:
                kind = one(bed, phase, n)
            except (Broken, AssertionError, subprocess.TimeoutExpired) as e:
                kind = "broken"
                log = bed.d.log()[bed.d.log_from:]
                broken.append((n, str(e).split("\n", maxsplit=1)[0], control.who(), log))
                control.disarm()
                bed.end()
            if args.only is not None:
                print(kind, control.who(), bed.d.log()[bed.d.log_from:], sep="\n")
            seen[kind] += kind is not None
        phase.close()
    finally:
        control.disarm()
        bed.close()
    took = time.monotonic() - started
    print(f"{room + '/' + name:<16} {sum(seen.values()):>6} " + " ".join(f"{seen[k]:>8}" for k in KINDS) + f" {left:>8} {took:>6.0f} s",
          flush=True)
    if args.account and args.only is None:
        account(f"{room}/{name}", args, [sum(seen.values()), *(seen[k] for k in KINDS), left])
    for n, what, who, log in broken:
        print(f"  {n}: {what}\n    by {'; '.join(who)}\n" + "".join(f"    | {line}\n" for line in log.splitlines()[-12:]))
    return len(broken)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--account", action="store_true")
    p.add_argument("--all", action="store_true")
    p.add_argument("--calls", action="store_true")
    p.add_argument("--call")
    p.add_argument("--forever", action="store_true")
    p.add_argument("--list", action="store_true")
    p.add_argument("--step", type=int, default=1)
    p.add_argument("--only", type=int)
    p.add_argument("--seconds", type=float)
    p.add_argument("rows", nargs="*")
    args = p.parse_args()
    if args.calls and args.forever:
        p.error("a process whose every call fails can do and say nothing: --forever with --call NAME")
    rows = [r for r in ROWS if (f"{r[0]}/{r[1]}" in args.rows if args.rows else not ((args.calls or args.call) and (r[0] == "lbctl" or PHASES[r[1]].measures)))]
    if args.list or not rows:
        print("\n".join(f"{room}/{name}" for room, name in ROWS))
        return 0 if args.list else 2
    print(f"{'process/phase':<16} {'failed':>6} " + " ".join(f"{k:>8}" for k in KINDS) + f" {'not yet':>8} {'took':>6}", flush=True)
    bad = sum(sweep(room, name, args) for room, name in rows)
    print("ok" if not bad else f"{bad} broken")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
