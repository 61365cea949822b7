/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How late probes start: quantiles of (start - due) over the last 10 to 20 seconds, in fixed room.
 *
 * Only the worker can tell: each probe comes up to 10 % of its interval sooner (check_sched.h), so the times at which
 * probes arrive say nothing about when they were due. What the histogram does not hold is what was skipped because the
 * process stood still; that is missing in the number of probes.
 */
#pragma once

#include "common/time.h"

#include <stdint.h>

#define CHECK_LATE_STEPS   4 /* buckets per doubling: a quantile is at most a quarter too high, never too low */
#define CHECK_LATE_BUCKETS (27 * CHECK_LATE_STEPS)
#define CHECK_LATE_SPAN_US 10000000

struct check_lateness {
	uint32_t n[2][CHECK_LATE_BUCKETS]; /* of this span and of the one before */
	struct lb_time since;              /* when this span began */
};

void check_lateness_init(struct check_lateness *l, struct lb_time now);
/* Lets go of what is older than two spans. */
void check_lateness_turn(struct check_lateness *l, struct lb_time now);
void check_lateness_add(struct check_lateness *l, int64_t late_us);
/* The least bound that `percent` (1-100) of the probes kept, in us; 0 = there were none. */
uint32_t check_lateness_quantile(const struct check_lateness *l, unsigned percent);
