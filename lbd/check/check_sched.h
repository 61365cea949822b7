/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a target is probed. One of which nothing is known gets nothing to do until it is, so it is probed at once, or as
 * soon as it is its turn where many arrive together; where they are too many for that, and where how it is was known
 * before, somewhere in the first interval. So is what follows such a first probe: 10,000 targets that arrived together
 * must not stay together. From then on each comes an interval after the one before it or up to a tenth of the interval
 * sooner, so that two balancers that started together drift apart; never later, so that `fall` probes have
 * begun within `fall` intervals of a backend's death. Probes start at whole hundredths of a second of the clock: what
 * is due together costs one turn of the loop instead of one each, and a probe is moved by less than its jitter. What
 * passed while the process stood still is skipped: there is no burst afterwards.
 */
#pragma once

#include "common/time.h"
#include "lbd/check/check_types.h"

/* A small generator (splitmix64): spread needs no secrecy, and a test must be able to choose the seed. */
uint64_t check_rand(uint64_t *state);

#define CHECK_GRID_US      10000
#define CHECK_GRID_FROM_MS 200 /* shorter intervals are exact: the grid would be felt in their jitter */

/* When the first probe starts of what was known before. interval_ms at least 1; so below. */
struct lb_time check_sched_first(uint32_t interval_ms, struct lb_time now, uint64_t *rand);

#define CHECK_TURN_US        1000
#define CHECK_TURN_TLS_US    5000  /* a handshake costs milliseconds of one processor, here and at the server */
#define CHECK_TURN_SCRIPT_US 20000 /* a program costs the host more than a connection does, and few may run at once */

/* What is between two of which nothing is known, when many arrive together. */
int64_t check_sched_step_us(enum check_type type);

/* The same of what was not: step_us after the one before it, which *turn keeps (us 0 = there was none), and within the
 * interval. */
struct lb_time check_sched_new(
	struct lb_time *turn, int64_t step_us, uint32_t interval_ms, struct lb_time now, uint64_t *rand);

/* After a probe has ended that was due at `due`: when the next one starts. interval_ms is the one that counts now:
 * interval or interval_down. Never before `now`. */
struct lb_time check_sched_next(struct lb_time due, uint32_t interval_ms, struct lb_time now, uint64_t *rand);

/* How late a loop may be before what it saw is no longer held against a backend. */
#define CHECK_LATE_US 100000

/* Whether `now` is so far behind `due` that the loop, not the backend, was slow. */
static inline bool check_late(struct lb_time due, struct lb_time now)
{
	return lb_time_diff_us(now, due) > CHECK_LATE_US;
}
