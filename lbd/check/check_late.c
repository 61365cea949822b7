/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_late.h"

#include <string.h>

void check_lateness_init(struct check_lateness *l, struct lb_time now)
{
	*l = (struct check_lateness){ .since = now };
}

void check_lateness_turn(struct check_lateness *l, struct lb_time now)
{
	int64_t age = lb_time_diff_us(now, l->since);
	if (age < CHECK_LATE_SPAN_US)
		return;
	if (age < 2 * CHECK_LATE_SPAN_US)
		memcpy(l->n[1], l->n[0], sizeof(l->n[1]));
	else
		memset(l->n[1], 0, sizeof(l->n[1]));
	memset(l->n[0], 0, sizeof(l->n[0]));
	l->since = now;
}

/* Bucket i holds what is below bound(i) and not below bound(i - 1): 4 5 6 7 8 10 12 14 16 20 ... */
static uint32_t bound(unsigned i)
{
	return (CHECK_LATE_STEPS + i % CHECK_LATE_STEPS) << (i / CHECK_LATE_STEPS);
}

static unsigned bucket(int64_t us)
{
	const int64_t most = bound(CHECK_LATE_BUCKETS - 1) - 1;
	uint32_t v = us < 0 ? 0 : us > most ? (uint32_t)most : (uint32_t)us;
	if (v < CHECK_LATE_STEPS)
		return 0;
	unsigned doubling = 31u - (unsigned)__builtin_clz(v / CHECK_LATE_STEPS);
	return CHECK_LATE_STEPS * doubling + (v >> doubling) - CHECK_LATE_STEPS + 1;
}

void check_lateness_add(struct check_lateness *l, int64_t late_us)
{
	l->n[0][bucket(late_us)]++;
}

uint32_t check_lateness_quantile(const struct check_lateness *l, unsigned percent)
{
	uint64_t all = 0, seen = 0;
	for (unsigned i = 0; i < CHECK_LATE_BUCKETS; i++)
		all += (uint64_t)l->n[0][i] + l->n[1][i];
	if (all == 0)
		return 0;
	for (unsigned i = 0; i < CHECK_LATE_BUCKETS; i++) {
		seen += (uint64_t)l->n[0][i] + l->n[1][i];
		if (seen * 100 >= all * percent)
			return bound(i);
	}
	return bound(CHECK_LATE_BUCKETS - 1);
}
