#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client that keeps sending HTTP requests and counts, per step, what became of each.

Commands on stdin, one answer line on stdout for each:
  burst STEP N       N requests, each on a connection of its own, and nothing else
  start NEW KEPT     continuous load: so many loops with a connection per request, and so many that
                     keep their connection
  step STEP          requests that begin from now on belong to STEP
  report STEP        requests failed first last name=count/... name=count/...
                     first, last: when the first and the last failed request began (0: none);
                     then who answered, on new connections and on kept ones
  errors STEP        what the failures were, on new and on kept connections
  outage STEP        ms new kept: the longest time within STEP in which no request was answered, and how
                     many requests failed on new connections and on kept ones
"""
import collections
import socket
import sys
import threading
import time

ADDRESS = (sys.argv[1], int(sys.argv[2]))
PAUSE = 0.05  # bounds the load: a small machine has to carry client, balancer and servers
TIMEOUT = 5.0

lock = threading.Lock()
step = "-"
busy = collections.Counter()  # requests on their way, per step
done = collections.defaultdict(list)  # step -> (began, kind, who or None, error)
answers = []  # when each came
spans = {}  # step -> when it began


def read_answer(s):
    data = b""
    while b"\r\n\r\n" not in data:
        part = s.recv(4096)
        if not part:
            raise ConnectionError("closed before the answer")
        data += part
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.lower().split(b"\r\n")
    if lines[0].split()[1] != b"200":
        raise ConnectionError(lines[0].decode())
    length = next(int(x.split(b":")[1]) for x in lines if x.startswith(b"content-length:"))
    while len(body) < length:
        part = s.recv(4096)
        if not part:
            raise ConnectionError("closed within the answer")
        body += part
    return body.decode().strip()


def request(s, keep):
    """One request; s None: connect first. Returns the connection, or None when it is over."""
    with lock:
        mine = step
        busy[mine] += 1
    began, who, error = time.time(), None, None
    kind = "kept" if keep else "new"
    try:
        if s is None:
            s = socket.create_connection(ADDRESS, TIMEOUT)
        word = "keep-alive" if keep else "close"
        s.sendall(f"GET / HTTP/1.1\r\nHost: www.example\r\nConnection: {word}\r\n\r\n".encode())
        who = read_answer(s)
    except OSError as e:
        error = str(e) or type(e).__name__
    if s is not None and (error or not keep):
        s.close()
        s = None
    with lock:
        done[mine].append((began, kind, who, error))
        if not error:
            answers.append(time.time())
        busy[mine] -= 1
    return s


def loop(keep):
    s = None
    while True:
        s = request(s, keep)
        time.sleep(PAUSE)


def settled(name):
    end = time.time() + TIMEOUT + 1
    while time.time() < end:
        with lock:
            if busy[name] == 0:
                return list(done[name])
        time.sleep(0.01)
    with lock:
        return list(done[name])


def spread(rows, kind):
    n = collections.Counter(who for _, k, who, error in rows if k == kind and not error)
    return "/".join(f"{k}={n[k]}" for k in sorted(n)) or "-"


def report(name):
    rows = settled(name)
    bad = [r[0] for r in rows if r[3]]
    first, last = (min(bad), max(bad)) if bad else (0, 0)
    return f"{len(rows)} {len(bad)} {first:.3f} {last:.3f} {spread(rows, 'new')} {spread(rows, 'kept')}"


def outage(name):
    rows = settled(name)
    with lock:
        begins = sorted(spans.values())
        start = spans[name]
        end = next((t for t in begins if t > start), time.time())
        times = [start] + sorted(t for t in answers if start < t < end) + [end]
    bad = collections.Counter(kind for _, kind, _, error in rows if error)
    return f"{max(b - a for a, b in zip(times, times[1:])) * 1000:.0f} {bad['new']} {bad['kept']}"


def main():
    global step
    for line in sys.stdin:
        word, *args = line.split()
        answer = "ok"
        if word == "burst":
            with lock:
                step = args[0]
            for _ in range(int(args[1])):
                request(None, False)
        elif word == "start":
            for n, keep in ((int(args[0]), False), (int(args[1]), True)):
                for _ in range(n):
                    threading.Thread(target=loop, args=(keep,), daemon=True).start()
        elif word == "step":
            with lock:
                step = args[0]
                spans[step] = time.time()
        elif word == "report":
            answer = report(args[0])
        elif word == "outage":
            answer = outage(args[0])
        elif word == "errors":
            rows = [r for r in settled(args[0]) if r[3]]
            n = collections.Counter(f"{kind}: {error}" for _, kind, _, error in rows)
            answer = ", ".join(f"{v} {k}" for k, v in n.most_common(4)) or "none"
        print(answer, flush=True)


main()
