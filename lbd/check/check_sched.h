/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a target is probed. The first probe is somewhere in the first interval, so that 10,000 targets that arrive
 * together are not probed together; from then on the slots stand at a fixed distance and each probe is up to 10 % of
 * the interval before or after its slot (two balancers that started together drift apart). Jitter is never added up.
 * Probes start at whole hundredths of a second of the clock: what is due together costs one turn of the loop instead of
 * one each, and a probe is moved by less than its jitter. Slots that passed while the process stood still are skipped:
 * there is no burst afterwards.
 */
#pragma once

#include "common/time.h"

/* A small generator (splitmix64): spread needs no secrecy, and a test must be able to choose the seed. */
uint64_t check_rand(uint64_t *state);

struct check_sched {
	struct lb_time slot; /* without jitter */
	struct lb_time due;  /* when the probe starts */
};

#define CHECK_GRID_US      10000
#define CHECK_GRID_FROM_MS 200 /* shorter intervals are exact: the grid would be felt in their jitter */

/* interval_ms at least 1. */
void check_sched_start(struct check_sched *s, uint32_t interval_ms, struct lb_time now, uint64_t *rand);

/* After a probe has ended: the next slot, interval_ms (the one that counts now: interval or interval_down) after the
 * last, but never one that has passed. */
void check_sched_next(struct check_sched *s, uint32_t interval_ms, struct lb_time now, uint64_t *rand);

/* How late a loop may be before what it saw is no longer held against a backend. */
#define CHECK_LATE_US 100000

/* Whether `now` is so far behind `due` that the loop, not the backend, was slow. */
static inline bool check_late(struct lb_time due, struct lb_time now)
{
	return lb_time_diff_us(now, due) > CHECK_LATE_US;
}
