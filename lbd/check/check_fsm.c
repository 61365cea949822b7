/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_fsm.h"

#include <stdio.h>

bool check_fsm_limits_ok(uint32_t rise, uint32_t fall)
{
	return rise >= 1 && fall >= 1 && rise <= UINT16_MAX && fall <= UINT16_MAX && rise + fall - 1 <= UINT16_MAX;
}

static uint16_t top(const struct check_fsm *f)
{
	return (uint16_t)(f->rise + f->fall - 1);
}

void check_fsm_init(struct check_fsm *f, uint16_t rise, uint16_t fall, const struct check_state *known)
{
	*f = (struct check_fsm){ .rise = rise, .fall = fall };
	if (!known || !known->judged)
		return;
	f->judged = true;
	f->up = known->up;
	f->n = known->n;
	if (f->up && f->n < rise)
		f->n = rise;
	if (f->up && f->n > top(f))
		f->n = top(f);
	if (!f->up && f->n >= rise)
		f->n = (uint16_t)(rise - 1);
}

static void count(struct check_fsm *f, enum check_verdict verdict)
{
	switch (verdict) {
	case CHECK_VERDICT_PASS:
		if (f->n + 1 >= f->rise)
			f->n = top(f);
		else
			f->n++;
		return;
	case CHECK_VERDICT_FAIL:
		if (f->n <= f->rise)
			f->n = 0;
		else
			f->n--;
		return;
	case CHECK_VERDICT_NONE:
	case CHECK_VERDICT_ERROR: return;
	}
}

bool check_fsm_step(struct check_fsm *f, enum check_verdict verdict)
{
	if (verdict != CHECK_VERDICT_PASS && verdict != CHECK_VERDICT_FAIL)
		return false;
	if (!f->judged) {
		f->judged = true;
		f->up = verdict == CHECK_VERDICT_PASS;
		f->n = f->up ? top(f) : 0;
		return true;
	}
	count(f, verdict);
	bool was = f->up;
	f->up = f->n >= f->rise;
	return f->up != was;
}

const char *check_counter_str(
	uint16_t n, uint16_t rise, uint16_t fall, bool up, char sep, char out[CHECK_COUNTER_STRLEN])
{
	unsigned most = rise + fall - 1u, steps = n > most ? most : n;
	if (up && steps == most)
		snprintf(out, CHECK_COUNTER_STRLEN, "rise%c%u/%u", sep, rise, rise);
	else if (up)
		snprintf(out, CHECK_COUNTER_STRLEN, "fall%c%u/%u", sep, most - steps, fall);
	else if (steps == 0)
		snprintf(out, CHECK_COUNTER_STRLEN, "fall%c%u/%u", sep, fall, fall);
	else
		snprintf(out, CHECK_COUNTER_STRLEN, "rise%c%u/%u", sep, steps, rise);
	return out;
}
