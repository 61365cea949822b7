/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop of a test runs until something is so, and that must not take long: every wait has a condition and a
 * deadline. Whoever includes this has a `loop`, with a timer in it, or nothing would end a wait in vain. */
#pragma once

#include "common/clock_io.h"

#include <check.h>
#include <ev.h>

#define WAIT(condition, ms)                                                                                            \
	do {                                                                                                           \
		int64_t until_ = lb_clock_now().us + (ms)*1000;                                                        \
		while (!(condition)) {                                                                                 \
			ck_assert_msg(lb_clock_now().us < until_, "not within " #ms " ms: " #condition);               \
			ev_run(loop, EVRUN_ONCE);                                                                      \
		}                                                                                                      \
	} while (0)
