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

uint32_t model_penalty(const struct model_damper *d, struct lb_time now)
{
	int64_t half_us = (int64_t)d->half_life_ms * 1000, spent = lb_time_diff_us(now, d->damping.at);
	uint64_t p = d->damping.penalty;
	if (!p || spent <= 0)
		return d->damping.penalty;
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

static struct lb_time calm_at(const struct model_damper *d, struct lb_time now)
{
	return lb_time_add_ms(now, calm_us(d->damping.penalty, (int64_t)d->half_life_ms * 1000) / 1000 + 1);
}

uint32_t model_damper_of(const struct model *m, const struct model_target *t, const struct config_check *check)
{
	uint32_t at = t->first_damper;
	while (at != MODEL_NONE &&
		(m->dampers[at].suppress != check->suppress || m->dampers[at].half_life_ms != check->half_life_ms))
		at = m->dampers[at].next;
	return at;
}

void model_undamp(struct model *m, const struct model_target *t)
{
	for (uint32_t at = t->first_damper; at != MODEL_NONE; at = m->dampers[at].next) {
		m->dampers[at].damping = (struct model_damping){ 0 };
		m->dampers[at].fall_counted = false;
	}
}

static void fall(struct model_damper *damper, struct lb_time now)
{
	uint32_t p = model_penalty(damper, now) + FALL;
	struct model_damping *d = &damper->damping;
	damper->unfallen = *d;
	damper->fall_counted = true;
	d->penalty = p < CEILING ? p : CEILING;
	d->at = now;
	if (d->penalty > damper->suppress)
		d->until = calm_at(damper, now);
}

void model_damper_from(struct model_damper *d, const struct model_damper *old, struct lb_time now)
{
	if (d->suppress == old->suppress && d->half_life_ms == old->half_life_ms) {
		d->damping = old->damping;
		d->unfallen = old->unfallen;
		d->fall_counted = old->fall_counted;
		return;
	}
	uint32_t p = model_penalty(old, now);
	bool out = lb_time_cmp(now, old->damping.until) < 0 && d->suppress <= old->suppress;
	d->damping = (struct model_damping){ .penalty = p, .at = now };
	if (out || p > d->suppress)
		d->damping.until = calm_at(d, now);
}

void model_damp(struct model *m, const struct model_target *t, struct lb_time now)
{
	for (uint32_t at = t->first_damper; at != MODEL_NONE; at = m->dampers[at].next)
		fall(&m->dampers[at], now);
}

void model_damp_back(struct model *m, const struct model_link *l)
{
	struct model_damper *d = l->damper == MODEL_NONE ? NULL : &m->dampers[l->damper];
	if (!d || !d->fall_counted || m->targets[l->target].up)
		return;
	d->damping = d->unfallen;
	d->fall_counted = false;
}
