/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much goes to the kernel before its caller does something else. How long the kernel takes for an operation is not
 * ours: an add looks through all that was removed in the last minutes, microseconds on one day and milliseconds on
 * another. So the clock is looked at behind each datagram, and the next one has as many operations as fit.
 */
#pragma once

#include "lbd/ipvs/ipvs_reconcile.h"

struct ipvs_slice {
	struct lb_time (*clock)(void);
	int64_t us;  /* how long a slice may take */
	size_t most; /* operations of the next datagram; 0 = none went out yet */
};

/* Sends what is queued, datagram by datagram, one at least, until the slice that began at `since` is over. Returns as
 * ipvs_send_some: 1 when more is queued, 0, or -errno. */
int ipvs_send_slice(struct ipvs_reconciler *r, struct ipvs_slice *s, struct lb_time since);
