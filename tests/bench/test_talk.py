#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What talk.c calls lost, on the loopback device: run by ctest with the program as argument."""
import socket
import subprocess
import sys

TALK = sys.argv[1]
KINDS = ("busy", "idle", "datagram", "again")


def free_port():
    with socket.socket(socket.AF_INET6) as s, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as u:
        s.bind(("::", 0))
        u.bind(("::", s.getsockname()[1]))
        return s.getsockname()[1]


def serve(name, port):
    p = subprocess.Popen([TALK, "serve", name, str(port)], stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n", f"{name} on port {port}"
    return p


def end(p):
    p.kill()
    p.wait()


def tell(hold, command):
    """{group: its line}"""
    hold.stdin.write(command + "\n")
    hold.stdin.flush()
    found = {}
    for line in iter(hold.stdout.readline, "done\n"):
        assert line, f"talk ended at {command!r}"
        if line.startswith("group "):
            found[line.split()[1]] = " ".join(line.split()[2:])
    return found


def line(of, **fates):
    names = ("silent", "reset", "closed", "moved", "garbled")
    return f"{of} {sum(fates.values())} " + " ".join(f"{n} {fates.get(n, 0)}" for n in names)


def main():
    port = free_port()
    server = serve("one", port)
    hold = subprocess.Popen([TALK, "hold", "200"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for address in ("127.0.0.1", "::1"):
            for kind in KINDS:
                name = f"{kind}-{len(address)}"
                assert tell(hold, f"add {name} {kind} {address} {port} 5") == {name: line(5)}
        assert set(tell(hold, "ask 1").values()) == {line(5)}, "nobody is lost"
        end(server)
        server = serve("two", port)
        found = tell(hold, "ask 1")
        for name, said in found.items():
            # who was closed may learn it at his next word only
            want = [line(5, moved=5)] if name.split("-")[0] in ("datagram", "again") else [
                line(5, closed=5 - n, reset=n) for n in range(6)]
            assert said in want, f"another server: {name}: {said}"
        assert set(tell(hold, "ask 1").values()) == {line(0)}, "who is lost counts once"
        assert tell(hold, f"add late datagram 127.0.0.1 {port} 3") == {"late": line(3)}
        end(server)
        assert tell(hold, "ask 1")["late"] == line(3, silent=3), "nobody answers"
    finally:
        end(server)
        end(hold)


if __name__ == "__main__":
    main()
