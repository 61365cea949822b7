/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_ask.h"

void vrrp_ask_begin(struct vrrp_ask *a, struct lb_time at)
{
	*a = (struct vrrp_ask){ .round_at = at, .deadline = at };
}

static struct lb_time later(struct lb_time a, struct lb_time b)
{
	return lb_time_cmp(a, b) > 0 ? a : b;
}

size_t vrrp_ask_step(struct vrrp_ask *a, size_t n, struct lb_time now)
{
	if (lb_time_cmp(now, a->deadline) < 0)
		return VRRP_ASK_NONE;
	int64_t gap_us = VRRP_ASK_MS * INT64_C(1000) / (int64_t)(n ? n : 1);
	if (gap_us > VRRP_ASK_GAP_MS * INT64_C(1000))
		gap_us = VRRP_ASK_GAP_MS * INT64_C(1000);
	struct lb_time soon = { now.us + gap_us }; /* late ones are not made up for */
	size_t k = a->next < n ? a->next : 0;      /* a reload may have taken some away */
	a->next = k + 1;
	a->deadline = soon;
	if (a->next >= n) {
		a->next = 0;
		a->round_at = a->deadline = later(soon, lb_time_add_ms(a->round_at, VRRP_ASK_MS));
	}
	return n ? k : VRRP_ASK_NONE;
}
