/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a master asks whether somebody else has its addresses (with the question of vrrp_dup.h): who has one and is
 * silent is found in no other way. Each is asked about once in VRRP_ASK_MS, one at a time and never two in a burst.
 */
#pragma once

#include "common/time.h"

#include <stddef.h>
#include <stdint.h>

#define VRRP_ASK_MS     60000
#define VRRP_ASK_GAP_MS 1000 /* from one address to the next; less where that would not do for all of them */
#define VRRP_ASK_NONE   SIZE_MAX

struct vrrp_ask {
	size_t next;
	struct lb_time round_at; /* when this round began */
	struct lb_time deadline; /* LB_TIME_NEVER, or us 0: none */
};

/* The first round begins at that time; LB_TIME_NEVER: it is over. */
void vrrp_ask_begin(struct vrrp_ask *a, struct lb_time at);
/* At or after the deadline: which of n addresses is asked about now, or VRRP_ASK_NONE. Moves the deadline. */
size_t vrrp_ask_step(struct vrrp_ask *a, size_t n, struct lb_time now);
