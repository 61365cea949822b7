/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rise and fall as one integer: 0..rise-1 is down, rise..rise+fall-1 is up, and crossing snaps to the far end. While
 * down the integer counts passes in a row, while up rise+fall-1 minus it counts fails in a row. ERROR (our own fault)
 * moves nothing. The first PASS or FAIL after INI decides at once: a backend that just came must not wait `rise`
 * intervals, and one that was never seen alive must not serve for `fall` intervals.
 */
#pragma once

#include "lbd/check/check_types.h"

struct check_fsm {
	uint16_t rise, fall; /* each at least 1, rise + fall - 1 <= 65535 */
	uint16_t n;
	bool judged, up;
};

/* Whether rise and fall are within the limits above. */
bool check_fsm_limits_ok(uint32_t rise, uint32_t fall);

/* Starts from what is already known (NULL or not judged: from INI). rise and fall may have changed since `known` was
 * written: its n is moved to the nearest legal value on the same side, so resuming never flips anything. */
void check_fsm_init(struct check_fsm *f, uint16_t rise, uint16_t fall, const struct check_state *known);

/* Counts one verdict. true: `up` changed, or this was the first verdict. NONE and ERROR give false and change nothing.
 */
bool check_fsm_step(struct check_fsm *f, enum check_verdict verdict);

#define CHECK_COUNTER_STRLEN 24
/* The counter as people read it, sep between word and numbers: "rise 1/2" on the way up, "rise 2/2" up for good,
 * "fall 2/3" on the way down, "fall 3/3" down for good. Returns out. */
const char *check_counter_str(
	uint16_t n, uint16_t rise, uint16_t fall, bool up, char sep, char out[CHECK_COUNTER_STRLEN]);
