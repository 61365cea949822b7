/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/clock_io.h"

#include <time.h>

#define READ_US    1000 /* two clocks that are read in this time are read at once */
#define READ_TRIES 8

static struct lb_time read_clock(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (struct lb_time){ (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 };
}

struct lb_time lb_clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

struct lb_time lb_clock_boot(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t lb_clock_slept_us(void)
{
	struct lb_time before, boot, after;
	/* a wait in between is never taken for sleep, nor what was sleep for less, which the next look would make up
	 * for */
	for (int tries = 0; tries < READ_TRIES; tries++) {
		before = lb_clock_now();
		boot = lb_clock_boot();
		after = lb_clock_now();
		if (lb_time_diff_us(after, before) <= READ_US)
			break;
	}
	return lb_time_diff_us(boot, after);
}

struct lb_time lb_clock_cpu(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t lb_clock_wall_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
