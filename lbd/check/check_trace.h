/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened in one probe and when, for `lbctl check run`. Bounded: a probe that goes on for ever fills it once. */
#pragma once

#include <stdint.h>

#define CHECK_STEPS_MAX 24
#define CHECK_STEP_TEXT 96

struct check_trace {
	unsigned n;
	struct {
		uint32_t at_us; /* since the probe began */
		char text[CHECK_STEP_TEXT];
	} steps[CHECK_STEPS_MAX];
};
