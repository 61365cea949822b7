/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flap damping, after RFC 2439: each fall adds 1000 to a penalty that halves every half_life. Above `suppress` the
 * target counts as down, whatever its probes say, until 1000 is left. Between two halvings the decay is a straight
 * line: integers give the same answer on every machine, and nobody can tell the difference.
 */
#include "lbd/model.h"

#define FALL    1000u
#define REUSE   1000u
#define CEILING 100000u /* a target that flapped all night is back within a few half lives */

uint32_t model_penalty(const struct model_target *t, struct lb_time now)
{
	int64_t half_us = (int64_t)t->check->half_life_ms * 1000, spent = lb_time_diff_us(now, t->damping.at);
	uint64_t p = t->damping.penalty;
	if (!t->check->suppress || !p || spent <= 0)
		return t->damping.penalty;
	for (; p && spent >= half_us; spent -= half_us)
		p /= 2;
	p -= p * (uint64_t)spent / (2 * (uint64_t)half_us);
	return (uint32_t)p;
}

/* How long a penalty takes to decay to REUSE. */
static int64_t calm_us(uint32_t penalty, int64_t half_us)
{
	int64_t us = 0;
	uint64_t p = penalty;
	for (; p / 2 > REUSE; p /= 2)
		us += half_us;
	return p > REUSE ? us + (int64_t)((p - REUSE) * 2 * (uint64_t)half_us / p) + 1 : us;
}

void model_undamp(struct model_target *t)
{
	t->damping = (struct model_damping){ 0 };
	t->fall_counted = false;
}

void model_damp(struct model_target *t, struct lb_time now)
{
	const struct config_check *c = t->check;
	if (!c->suppress)
		return;
	uint32_t p = model_penalty(t, now) + FALL;
	struct model_damping *d = &t->damping;
	t->unfallen = *d;
	t->fall_counted = true;
	d->penalty = p < CEILING ? p : CEILING;
	d->at = now;
	if (d->penalty > c->suppress)
		d->until = lb_time_add_ms(now, calm_us(d->penalty, (int64_t)c->half_life_ms * 1000) / 1000 + 1);
}

void model_damp_back(struct model_target *t)
{
	if (!t->fall_counted || t->up)
		return;
	t->damping = t->unfallen;
	t->fall_counted = false;
}
