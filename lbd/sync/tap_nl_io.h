/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of netlink and their answers. The kernel answers while it is asked, so an answer that is not there when the
 * request was sent does not come any more: nothing here waits for one.
 */
#pragma once

#include "common/nlmsg.h"

struct tap_nl {
	int fd; /* -1 = closed */
	uint32_t seq;
	struct lb_nl_batch b; /* the request being written */
	uint8_t out[1024], in[32768];
};

/* protocol: NETLINK_x. 0; -errno. */
int tap_nl_open(struct tap_nl *n, int protocol);
void tap_nl_close(struct tap_nl *n); /* may be called twice, but not on what was never opened */

typedef void tap_nl_fn(const struct lb_nl_msg *m, void *arg);

/* Forgets what was written, and gives the number of the next request, which is written to n->b. */
uint32_t tap_nl_next(struct tap_nl *n);
/* Sends it; wrote: what writing it returned. fn (may be NULL) for every answer that is not a status.
 * 0; -errno the kernel's word or ours; -ENOMSG: it did not say whether it was done. */
int tap_nl_ask(struct tap_nl *n, int wrote, tap_nl_fn *fn, void *arg);
