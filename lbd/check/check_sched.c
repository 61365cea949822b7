/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_sched.h"

uint64_t check_rand(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int64_t grid(uint32_t interval_ms)
{
	return interval_ms >= CHECK_GRID_FROM_MS ? CHECK_GRID_US : 1;
}

void check_sched_start(struct check_sched *s, uint32_t interval_ms, struct lb_time now, uint64_t *rand)
{
	uint64_t span = (uint64_t)interval_ms * 1000;
	s->slot.us = now.us + (int64_t)(check_rand(rand) % span);
	s->due.us = s->slot.us - s->slot.us % grid(interval_ms);
	if (s->due.us < now.us)
		s->due = now;
}

void check_sched_next(struct check_sched *s, uint32_t interval_ms, struct lb_time now, uint64_t *rand)
{
	int64_t step = (int64_t)interval_ms * 1000;
	s->slot.us += step;
	if (s->slot.us <= now.us)
		s->slot.us += ((now.us - s->slot.us) / step + 1) * step;
	int64_t tenth = step / 10, to = grid(interval_ms);
	/* drawn from a range that is shorter by what rounding up may add */
	s->due.us = s->slot.us - tenth + (int64_t)(check_rand(rand) % (uint64_t)(2 * tenth + 2 - to));
	s->due.us += (to - s->due.us % to) % to;
	if (s->due.us < now.us)
		s->due = now;
}
