/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "common/time.h"

struct lb_time lb_clock_now(void); /* CLOCK_MONOTONIC */
struct lb_time lb_clock_boot(
	void);                   /* CLOCK_BOOTTIME: goes on while the machine sleeps; not to be mixed with the other */
int64_t lb_clock_slept_us(void); /* how long this machine has slept since some time ago, a little less at times */
struct lb_time lb_clock_cpu(void); /* what this thread has had of a processor; to be compared with itself only */
int64_t lb_clock_wall_ms(void);    /* CLOCK_REALTIME, milliseconds since the epoch */
