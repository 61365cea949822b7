/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tells switches and neighbours where an address is now: gratuitous ARP (RFC 5227 3, RFC 9568 8.1.2) and
 * unsolicited neighbour advertisement (RFC 4861 7.2.6, RFC 9568 8.2.2), as whole Ethernet frames; and when they go out.
 *
 * A burst is `count` rounds over all addresses, one round now and the others a little later, and `count` again after
 * `delay`; then one round every `refresh`. Frames leave in slices, so that 100 addresses do not hold up an advert.
 */
#pragma once

#include "common/addr.h"
#include "common/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VRRP_FRAME_GARP 42
#define VRRP_FRAME_NA   86
#define VRRP_FRAME_MAX  VRRP_FRAME_NA

/* The frame for one address (either family) on a card with that MAC; router: whether NA sets its Router flag. Returns
 * its length. */
size_t vrrp_announce_frame(const struct lb_ip *ip, const uint8_t mac[6], bool router, uint8_t out[VRRP_FRAME_MAX]);

struct vrrp_announce_rules {
	uint32_t count;     /* rounds of a burst, 0 = none at all */
	int64_t delay_ms;   /* until the second block; 0 = no second block */
	int64_t refresh_ms; /* 0 = no refresh */
	int64_t again_ms;   /* one more round at that time: when the lease of a dead master must have ended; 0 = none */
};

#define VRRP_ANNOUNCE_SLICE    16   /* frames at once */
#define VRRP_ANNOUNCE_PAUSE_US 1000 /* between two slices, and at least between two rounds */
#define VRRP_ANNOUNCE_REST_MS  1000 /* a burst that is asked for sooner after a block waits until then */

/* When what is announced. Zero = silent. */
struct vrrp_announce {
	struct vrrp_announce_rules rules;
	size_t n_addrs;
	uint32_t rounds_left;    /* of the block that runs */
	size_t next;             /* address of the next frame */
	struct lb_time deadline; /* LB_TIME_NEVER: nothing to do */
	struct lb_time second_at, again_at, refresh_at;
	struct lb_time block_at; /* when the last block began */
	bool again_soon; /* a burst was asked for while one ran: its second block comes later, nothing is sent twice */
};

/* A new burst: n_addrs addresses. Asked for again while one runs (until its second block is over, and the rest after
 * it) that one goes on, and the new rounds are put off: whoever provokes us does not make us a flood, and still hears
 * us last. Another number of addresses, or a stop before, begins at once. */
void vrrp_announce_start(
	struct vrrp_announce *a, const struct vrrp_announce_rules *rules, size_t n_addrs, struct lb_time now);
void vrrp_announce_stop(struct vrrp_announce *a);

/* At or after the deadline: which frames go out now, as a range of addresses [*from, *from + n), at most
 * VRRP_ANNOUNCE_SLICE; 0 = none. Moves the deadline. */
size_t vrrp_announce_step(struct vrrp_announce *a, struct lb_time now, size_t *from);
