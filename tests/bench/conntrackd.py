# SPDX-License-Identifier: GPL-2.0-or-later
"""
conntrackd of the distribution, as the benchmarks run it beside lbd: mode FTFW over a link of the two nodes alone, with
large buffers.
"""
import contextlib
import os
import subprocess


def text(work, mine, other, card, external):
    """The configuration of the node with the address `mine` on that card. external: what the other node says waits in a
    cache until it is committed, as its documentation recommends; else it goes into the kernel at once. Files of the
    process begin with `work`."""
    return f"""Sync {{
  Mode FTFW {{
    ResendQueueSize 131072
    ACKWindowSize 300
    DisableExternalCache {"Off" if external else "On"}
  }}
  UDP {{
    IPv4_address {mine}
    IPv4_Destination_Address {other}
    Port 3780
    Interface {card}
    SndSocketBuffer {16 << 20}
    RcvSocketBuffer {16 << 20}
    Checksum on
  }}
}}
General {{
  HashSize 131072
  HashLimit 524288
  Syslog off
  LogFile {work}.log
  LockFile {work}.lock
  UNIX {{
    Path {work}.ctl
  }}
  NetlinkBufferSize {16 << 20}
  NetlinkBufferSizeMaxGrowth {64 << 20}
  NetlinkOverrunResync On
  Filter From Userspace {{
    Protocol Accept {{
      TCP
      UDP
      SCTP
    }}
    Address Ignore {{
      IPv4_address 127.0.0.1
      IPv4_address {mine}
      IPv4_address {other}
    }}
  }}
}}
"""


def start(node, work, *args):
    """The process, on that node; args as of text(). What one that was killed left behind would keep it from starting."""
    for end in ("ctl", "lock"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{work}.{end}")
    with open(f"{work}.conf", "w", encoding="ascii") as f:
        f.write(text(work, *args))
    with node:
        return subprocess.Popen(["conntrackd", "-C", f"{work}.conf"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.STDOUT)


def log(work):
    try:
        with open(f"{work}.log", encoding="utf-8", errors="replace") as f:
            return " | ".join(f.read().splitlines()[-3:])
    except OSError:
        return "no log"
