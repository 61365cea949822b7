/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP connections that are only opened: the most frequent of all probes, and most of what it costs is the socket
 * itself, made and destroyed. So sockets are kept and used again: connect(AF_UNSPEC) ends a connection with a reset,
 * like a close with SO_LINGER 0, and leaves the socket as new. They stay in an epoll set of their own, edge-triggered,
 * which libev watches as one descriptor; a watcher of libev for each would be told to the kernel anew for each probe.
 *
 * Only for targets without source and interface of their own: those are properties of a socket.
 */
#pragma once

#include "lbd/check/check_probe.h"

struct dial_slot;

struct check_dial { /* embedded by the probe, zeroed */
	struct check_probe *probe;
	/* Once, from the loop, after which the dial is closed: err 0 it is open, else the errno. May free the probe. */
	void (*done)(struct check_probe *p, int err);
	struct dial_slot *slot; /* NULL: not open */
};

/* Whether a target can be dialled at all. */
bool check_dial_can(const struct check_spec *s);

/* Begins; d->probe and d->done are set. The ACK of the handshake is held back. 1: done will come; 0: it failed at once,
 * and *err is the errno; -errno: there is no socket. */
int check_dial_open(struct check_dial *d, int *err);

/* Idempotent; also while it is open, then done does not come. */
void check_dial_close(struct check_dial *d);
