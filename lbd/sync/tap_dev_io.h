/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two private devices of ipvs_tap_io.c. */
#pragma once

#include "common/addr.h"
#include "common/err.h"
#include "lbd/sync/tap_nl_io.h"

#define TAP_DEV_MTU 1500u

struct tap_dev {
	int index;
	bool found; /* it was there: of a predecessor that was killed */
};

/* Makes a device, or takes over the one that a predecessor left. ip4: its address, NULL = none. route: rtnetlink.
 * 0; -1 and *e: another interface has the name, or the kernel cannot make one. */
int tap_dev_make(
	struct tap_nl *route, const char *name, const struct lb_ip *ip4, struct tap_dev *out, struct lb_err *e);
/* From now on what does not bear the mark does not get in. 0; -1 and *e. */
int tap_dev_guard(struct tap_nl *route, const char *name, int index, uint32_t mark, struct lb_err *e);
/* From now on no process sends out of it, only the kernel does: until filter, which is netfilter's, is closed. 0; -1
 * and *e. */
int tap_dev_mute(struct tap_nl *filter, const char *name, struct lb_err *e);
/* Removes it, when it is ours. 0, also when it is not there; -errno. */
int tap_dev_remove(struct tap_nl *route, const char *name);
