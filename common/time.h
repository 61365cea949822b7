/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monotonic time as a value. Only edges read a clock, once per event, and pass `now` down; everything that decides
 * takes it as an argument, so that a test owns the clock. Wall-clock time exists for display and for expiries that
 * must survive a restart; it is a plain int64_t of milliseconds since the epoch named *_wall_ms.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lb_time {
	int64_t us; /* microseconds of CLOCK_MONOTONIC; 0 = never set */
};

#define LB_TIME_NEVER ((struct lb_time){ INT64_MAX })

static inline struct lb_time lb_time_add_ms(struct lb_time t, int64_t ms)
{
	return (struct lb_time){ t.us + ms * 1000 };
}

static inline int lb_time_cmp(struct lb_time a, struct lb_time b)
{
	return a.us < b.us ? -1 : a.us > b.us;
}

/* Microseconds from one moment to another, held within 0 and what fits. */
static inline uint32_t lb_time_span_us(struct lb_time from, struct lb_time to)
{
	int64_t us = to.us - from.us;
	return us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static inline struct lb_time lb_time_min(struct lb_time a, struct lb_time b)
{
	return a.us < b.us ? a : b;
}

/* a - b in microseconds */
static inline int64_t lb_time_diff_us(struct lb_time a, struct lb_time b)
{
	return a.us - b.us;
}

/* "500ms", "1.5s", "5m", "2h", "1d": a decimal number and a unit, no sign, no blank. Milliseconds in *ms.
 * 0; -EINVAL not a duration (a number without unit included); -ERANGE above 10 years or finer than 1 ms. */
int lb_duration_parse(const char *s, size_t n, int64_t *ms);

#define LB_DURATION_STRLEN 32
/* The shortest exact text that parses back: 90000 -> "90s", 300000 -> "5m". Returns out. */
const char *lb_duration_str(int64_t ms, char out[LB_DURATION_STRLEN]);

#define LB_WALL_STRLEN 48
/* RFC 3339 UTC with milliseconds: "2026-01-31T14:02:07.123Z". Returns out. */
const char *lb_wall_str(int64_t wall_ms, char out[LB_WALL_STRLEN]);
