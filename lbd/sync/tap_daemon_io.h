/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two synchronisation daemons of the kernel: started, taken over, stopped. */
#pragma once

#include "common/err.h"
#include "lbd/sync/ipvs_daemon_msg.h"
#include "lbd/sync/tap_nl_io.h"

#include <stdbool.h>

/* generic: NETLINK_GENERIC. 0; -1 and *e: no IPVS. */
int tap_daemon_family(struct tap_nl *generic, uint16_t *family, struct lb_err *e);

/* Whether there is room for it: none of its role runs on another device. 0; -1 and *e: whose is in its place. */
int tap_daemon_room(struct tap_nl *generic, uint16_t family, const struct ipvs_daemon *want, struct lb_err *e);
/*
 * Sees to it that this daemon runs. One that runs on our device is ours: it is left alone when it is as wanted and keep
 * says that its device is still the one it was started on, else stopped and started. One on another device is somebody
 * else's. 0; -1 and *e.
 */
int tap_daemon_start(
	struct tap_nl *generic, uint16_t family, const struct ipvs_daemon *want, bool keep, struct lb_err *e);
/* Stops it when it runs on our device. 0, also when it does not run; -1 and *e. */
int tap_daemon_stop(struct tap_nl *generic, uint16_t family, const struct ipvs_daemon *d, struct lb_err *e);
/* Whether it runs, as it was started. 0; -1 and *e. */
int tap_daemon_check(struct tap_nl *generic, uint16_t family, const struct ipvs_daemon *d, struct lb_err *e);
