/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/clock_io.h"

#include <time.h>

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
	/* in this order a wait in between is never taken for sleep */
	struct lb_time boot = lb_clock_boot();
	return lb_time_diff_us(boot, lb_clock_now());
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
