/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every probe has in common that opens a connection itself: TCP, and connected UDP, whose errors come back. */
#pragma once

#include "lbd/check/check_probe.h"

/* Opens a TCP connection to the target. *fd is non-blocking, the caller's to close, and leaves with a reset. quiet: the
 * ACK of the handshake is held back. Returns 1: it is in progress, wait for EV_READ | EV_WRITE; 0: it failed at once
 * and the result is on its way (check_probe_early); -errno: there is no socket, *fd is -1. Of a probe that has begun.
 */
int check_conn_open(struct check_probe *p, bool quiet, int *fd);

/* A UDP socket that is connected to the target: only its datagrams come in, and what the network says of ours (port,
 * host or net unreachable) is the error of the next call on it. Returns as check_conn_open, 1 = ready. */
int check_conn_udp(struct check_probe *p, int *fd);

/* False: the kernel would not watch the socket, so nothing is known of the backend. The probe is finished and may be
 * gone. */
bool check_conn_watched(struct check_probe *p, int events);

/* What was waited for has come, events are those of the watcher. True: connected. False: it failed, the probe is
 * finished and may be gone. */
bool check_conn_ready(struct check_probe *p, int fd, int events);

/* Watch fd for just these events (EV_READ, EV_WRITE). */
void check_conn_watch(struct check_probe *p, ev_io *io, int fd, int events);

/* Sends what is left of n bytes: 1 all is sent, 0 wait for EV_WRITE, -errno. */
int check_conn_send(int fd, const char *bytes, size_t n, size_t *sent);
