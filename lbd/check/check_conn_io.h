/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TCP connection of a probe: what every probe that opens one itself has in common. */
#pragma once

#include "lbd/check/check_probe.h"

/* Begins the probe (check_probe_begin) and a connection to its target. *fd is non-blocking, the caller's to close, and
 * leaves with a reset. quiet: the ACK of the handshake is held back. Returns 1: it is in progress, wait for EV_WRITE;
 * 0: it failed at once and the result is on its way (check_probe_early); -errno: nothing was begun, *fd is -1. */
int check_conn_start(struct check_probe *p, struct lb_time now, bool quiet, int *fd);

/* The socket has become writable. True: connected. False: it failed, the probe is finished and may be gone. */
bool check_conn_ready(struct check_probe *p, int fd);

/* Watch fd for just these events (EV_READ, EV_WRITE). */
void check_conn_watch(struct check_probe *p, ev_io *io, int fd, int events);

/* Sends what is left of n bytes: 1 all is sent, 0 wait for EV_WRITE, -errno. */
int check_conn_send(int fd, const char *bytes, size_t n, size_t *sent);
