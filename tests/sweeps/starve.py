# SPDX-License-Identifier: GPL-2.0-or-later
"""The other side of starve.c and inject.c: which allocation, or which system call, of which process fails, and who asked
for it."""
import ctypes
import mmap
import os
import subprocess

CONTROL = "/run/lbd-sweep"
FRAMES, TRACE, SEEN = 28, 1 << 20, 4096


class Frame(ctypes.Structure):
    _fields_ = [("object", ctypes.c_char * 24), ("offset", ctypes.c_uint64)]


class Seen(ctypes.Structure):
    _fields_ = [("hash", ctypes.c_uint32), ("count", ctypes.c_uint32), ("n_frames", ctypes.c_int32), ("spare", ctypes.c_int32),
                ("frames", Frame * FRAMES)]


class Layout(ctypes.Structure):
    _fields_ = [("room", ctypes.c_char * 16), ("armed", ctypes.c_int32), ("forever", ctypes.c_int32), ("n", ctypes.c_int64),
                ("count", ctypes.c_int64), ("failed", ctypes.c_int64), ("calls", ctypes.c_int32), ("call", ctypes.c_char * 20),
                ("n_frames", ctypes.c_int32), ("pid", ctypes.c_int32), ("frames", Frame * FRAMES), ("trace", ctypes.c_int32), ("n_seen", ctypes.c_int32),
                ("stacks", ctypes.c_uint32 * TRACE), ("seen", Seen * SEEN)]


class Starve:
    """One process of ours, by its name, before it starts: core, lbctl, or a worker's."""

    def __init__(self, room, build, forever=False, calls=False, call=None):
        fd = os.open(CONTROL, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        os.fchmod(fd, 0o666)
        os.ftruncate(fd, ctypes.sizeof(Layout))
        self.map = Layout.from_buffer(mmap.mmap(fd, ctypes.sizeof(Layout)))
        os.close(fd)
        self.build, self.map.room, self.map.forever = build, room.encode(), forever
        self.map.calls, self.map.call = calls or call is not None, (call or "").encode()

    def arm(self, n, trace=False):
        self.map.n, self.map.count, self.map.failed, self.map.n_frames, self.map.trace = n, 0, 0, 0, trace
        self.map.n_seen = 0
        self.map.armed = 1

    def disarm(self):
        """Whether the n-th was reached."""
        self.map.armed = 0
        return self.map.failed > 0

    def stacks(self):
        """After a run that was traced: for whom each of the allocations was, as a number."""
        return self.map.stacks[:min(self.map.count, TRACE)]

    @property
    def count(self):
        return self.map.count

    def names(self, frames):
        """Functions, the innermost first."""
        found = []
        for f in frames:
            name = f.object.decode()
            path = "lbctl/lbctl" if name == "lbctl" else "lbd/lbd" if name.startswith("lbd") else None  # "lbd: vrrp"
            if path is None:
                found.append(name.partition(".so")[0] + (f"+{f.offset:#x}" if f.offset and self.map.calls else ""))
                continue
            done = subprocess.run(["addr2line", "-f", "-s", "-e", os.path.join(self.build, path), hex(f.offset - 1)],
                                  capture_output=True, text=True, check=False)
            found.append(" ".join(done.stdout.split("\n")[:2]).strip())
        return found

    def who(self):
        """Who asked for what failed."""
        return self.names(self.map.frames[:self.map.n_frames])

    def everybody(self):
        """After a run that was traced: [(how often, functions)]"""
        return [(s.count, self.names(s.frames[:s.n_frames])) for s in self.map.seen[:self.map.n_seen]]
