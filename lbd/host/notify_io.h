/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The notification protocol of systemd (sd_notify(3)): one datagram to $NOTIFY_SOCKET, from a socket that
 * is opened once. Without it every call is nothing. */
#pragma once

#include <stdbool.h>

/* Reads and removes NOTIFY_SOCKET and WATCHDOG_USEC from the environment; call once, before anything is started. */
void notify_init(void);
bool notify_is_managed(void);        /* somebody listens */
void notify_send(const char *state); /* "READY=1\nSTATUS=..." */
/* Seconds between WATCHDOG=1 messages that systemd wants, 0 = no watchdog. */
double notify_watchdog_interval(void);
