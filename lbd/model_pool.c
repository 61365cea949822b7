/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is in the pool: the only place that decides it.
 *
 *   each backend by itself   operator, then checks, then its weight (decide)
 *   all of them              fail-open before, the quorum after (model_quorum.c)
 *   over time                the drain clock, the ramp of a slow start
 *   compared with before     what changed is told, once
 */
#include "lbd/model_pool.h"

#define RAMP_STEPS 10 /* of a slow start: each is an edit in the kernel */

/* ---- health ---- */

/* Whether something is still to be heard of a check whose word is unknown. One that ends in faults of our own, again
 * and again, is not waited for: else a failure of all others would count for nothing, for good. */
static bool may_come(const struct model_target *t, struct lb_time now, struct lb_time *deadline)
{
	struct lb_time stuck = model_target_stuck_at(t);
	if (lb_time_cmp(now, stuck) >= 0)
		return false;
	*deadline = lb_time_min(*deadline, stuck);
	return true;
}

static enum model_health_word word_of(
	const struct model *m, const struct model_link *l, struct lb_time now, struct lb_time *deadline)
{
	const struct model_target *t = &m->targets[l->target];
	if (!t->judged)
		return HEALTH_UNKNOWN;
	if (!t->up)
		return HEALTH_DOWN;
	if (l->damper == MODEL_NONE || lb_time_cmp(now, m->dampers[l->damper].damping.until) >= 0)
		return HEALTH_UP;
	*deadline = lb_time_min(*deadline, m->dampers[l->damper].damping.until);
	return HEALTH_FLAPPING;
}

/* The words of all checks as one. One failure decides where all must pass, whatever is still unknown; stages after one
 * that does not pass rest, and what they said before means nothing. Where one is enough, all must have spoken that can.
 */
enum model_health_word model_health_of(
	const struct model *m, const struct model_backend *b, struct lb_time now, struct lb_time *deadline)
{
	const struct config_service *s = m->services[b->service].cfg;
	bool any = s->check_mode == CONFIG_CHECK_ANY, unknown = false, waits = false, flapping = false, down = false;
	for (uint32_t i = 0; i < s->n_checks; i++) {
		const struct model_link *l = &m->links[b->first_link + i];
		enum model_health_word w = word_of(m, l, now, deadline);
		if (any && w == HEALTH_UP)
			return HEALTH_UP;
		if (w != HEALTH_UP && s->check_mode == CONFIG_CHECK_STAGES)
			return w;
		unknown |= w == HEALTH_UNKNOWN;
		waits |= any && w == HEALTH_UNKNOWN && may_come(&m->targets[l->target], now, deadline);
		flapping |= w == HEALTH_FLAPPING;
		down |= w == HEALTH_DOWN;
	}
	if (any)
		return s->n_checks == 0   ? HEALTH_UP
		       : waits            ? HEALTH_UNKNOWN
		       : flapping         ? HEALTH_FLAPPING
		       : unknown && !down ? HEALTH_UNKNOWN
					  : HEALTH_DOWN;
	return down ? HEALTH_DOWN : flapping ? HEALTH_FLAPPING : unknown ? HEALTH_UNKNOWN : HEALTH_UP;
}

const struct model_target *model_deciding_target(const struct model *m, uint32_t backend, struct lb_time now)
{
	const struct model_backend *b = &m->backends[backend];
	const struct config_service *s = m->services[b->service].cfg;
	struct lb_time deadline = LB_TIME_NEVER; /* model_settle has it */
	enum model_health_word all = model_health_of(m, b, now, &deadline);
	for (uint32_t i = 0; i < s->n_checks; i++)
		if (word_of(m, &m->links[b->first_link + i], now, &deadline) == all)
			return model_backend_target(m, backend, i);
	return NULL;
}

/* The least of what its checks ask for; the operator's own word on the weight stands above it. Until they have spoken
 * not more than the kernel has: they may have asked for less before a restart, or a slow start may not be over. */
static uint32_t weight_of(const struct model *m, const struct model_backend *b, uint16_t *reasons)
{
	const struct config_service *s = m->services[b->service].cfg;
	uint32_t full = model_admin_weight(b), w = full;
	if (b->ov && b->ov->weight_item.set)
		return full;
	bool asked = false;
	for (uint32_t i = 0; i < s->n_checks; i++) {
		const struct check_weight *ask = &m->targets[m->links[b->first_link + i].target].weight;
		if (ask->kind == CHECK_WEIGHT_NONE)
			continue;
		uint64_t v = ask->value;
		if (ask->kind == CHECK_WEIGHT_PERCENT) {
			v = ((uint64_t)full * ask->value + 50) / 100;
			if (v == 0 && full && ask->value) /* a little is not nothing */
				v = 1;
		}
		if (v > CONFIG_WEIGHT_MAX)
			v = CONFIG_WEIGHT_MAX;
		w = asked && w < v ? w : (uint32_t)v;
		asked = true;
	}
	if (asked)
		*reasons |= MODEL_REASON_CHECK_WEIGHT;
	return b->adopted && b->adopted < w ? b->adopted : w;
}

/* ---- one backend ---- */

static void decide_drain(
	const struct model_service *s, const struct model_backend *b, struct lb_time now, struct model_decision *d)
{
	d->state = MODEL_BACKEND_DRAIN;
	d->reasons = MODEL_REASON_ADMIN_DRAIN;
	d->in_table = true;
	if (s->cfg->drain_then == CONFIG_THEN_KEEP || s->cfg->drain_ms == 0)
		return;
	struct lb_time over = lb_time_add_ms(b->drain_since, s->cfg->drain_ms);
	if (lb_time_cmp(now, over) >= 0)
		d->in_table = false; /* cut: its flows lose their row */
	else
		d->deadline = over;
}

static void decide_down(const struct model_service *s, struct model_decision *d, enum model_reason why)
{
	d->state = MODEL_BACKEND_DOWN;
	d->reasons = (uint16_t)(d->reasons | why);
	d->in_table = s->cfg->on_fail == CONFIG_FAIL_DRAIN;
}

static void decide_up(const struct model_backend *b, struct model_decision *d, enum model_health_word h)
{
	d->state = h == HEALTH_UP || b->trusted ? MODEL_BACKEND_UP : MODEL_BACKEND_UNCHECKED;
	d->in_table = true;
	if (h == HEALTH_UNKNOWN)
		d->reasons |= MODEL_REASON_NOT_CHECKED;
	if (d->weight == 0)
		d->reasons |= MODEL_REASON_ZERO_WEIGHT;
	d->in_pool = d->state == MODEL_BACKEND_UP && d->weight > 0;
}

static struct model_decision decide(const struct model *m, const struct model_backend *b, struct lb_time now)
{
	const struct model_service *s = &m->services[b->service];
	struct model_decision d = { .deadline = LB_TIME_NEVER };
	enum model_health_word h = model_health_of(m, b, now, &d.deadline);
	d.health = (uint8_t)h;
	switch (model_admin_state(b)) {
	case CONFIG_STATE_MAINT:
		d.state = MODEL_BACKEND_MAINT;
		d.reasons = b->service_maint ? MODEL_REASON_SERVICE_MAINT : MODEL_REASON_ADMIN_MAINT;
		return d;
	case CONFIG_STATE_DRAIN: decide_drain(s, b, now, &d); return d;
	case CONFIG_STATE_ENABLED: break;
	}
	d.enabled = true;
	d.weight = weight_of(m, b, &d.reasons);
	if (model_forced(b) == MODEL_FORCED_DOWN) {
		decide_down(s, &d, MODEL_REASON_FORCED_DOWN);
	} else if (model_forced(b) == MODEL_FORCED_UP) {
		d.reasons |= MODEL_REASON_FORCED_UP;
		decide_up(b, &d, HEALTH_UP);
	} else if ((h == HEALTH_DOWN || h == HEALTH_UNKNOWN) && b->held) {
		d.reasons |= MODEL_REASON_FAIL_OPEN;
		decide_up(b, &d, HEALTH_UP);
	} else if (h == HEALTH_DOWN || h == HEALTH_FLAPPING) {
		decide_down(s, &d, h == HEALTH_DOWN ? MODEL_REASON_CHECK_FAILED : MODEL_REASON_FLAPPING);
	} else if (h == HEALTH_UNKNOWN && b->was_down) {
		decide_down(s, &d, MODEL_REASON_NOT_CHECKED);
	} else {
		decide_up(b, &d, h);
	}
	return d;
}

/* ---- time ---- */

/* The drain clock starts when the state does: for an override when it was set, so that a restart does not give a
 * drained backend its time once more; for the configuration when this run first saw it. */
static void drain_clock(struct model_backend *b, struct lb_time now, int64_t wall_ms)
{
	if (model_admin_state(b) != CONFIG_STATE_DRAIN) {
		b->drain_since = (struct lb_time){ 0 };
		return;
	}
	int64_t set = b->ov && b->ov->state_item.set ? b->ov->state_item.set_wall_ms : 0;
	if (b->drain_since.us && b->drain_set_wall_ms == set)
		return;
	b->drain_set_wall_ms = set;
	b->drain_since = now;
	if (set && set <= wall_ms)
		b->drain_since = lb_time_add_ms(now, set - wall_ms);
	if (b->drain_since.us == 0)
		b->drain_since.us = -1; /* 0 means "not draining" */
}

static int64_t step_of(const struct config_service *s)
{
	return s->slow_start_ms * 1000 / RAMP_STEPS;
}

/* A start that found it with less than its weight goes on from there: `had` is a step of its ramp. */
static void slow_start_from(const struct config_service *s, struct model_backend *b, const struct model_decision *d,
	uint32_t had, struct lb_time now)
{
	if (!s->slow_start_ms || !d->in_pool || !b->ramp_unknown || b->ramp_since.us || had >= d->weight)
		return;
	int64_t steps = (int64_t)((uint64_t)had * RAMP_STEPS / d->weight);
	b->ramp_since = (struct lb_time){ now.us - (steps ? steps - 1 : 0) * step_of(s) };
}

/* Who is put aside in the middle of a slow start without having failed (the quorum is lost, its check or an operator
 * gives it no weight) is as warm as it was: it goes on from there. */
static void ramp_pause(struct model_backend *b, struct lb_time now)
{
	if (b->ramp_since.us && !b->ramp_paused.us)
		b->ramp_paused = now;
}

static void ramp_go_on(struct model_backend *b, struct lb_time now)
{
	if (b->ramp_paused.us)
		b->ramp_since.us += lb_time_diff_us(now, b->ramp_paused);
	b->ramp_paused = (struct lb_time){ 0 };
}

/* A backend that comes back gets its weight in steps. One that is seen for the first time does not come back; neither
 * does one that was well when the quorum put it aside. Who was out still comes back when nobody knows for a while how
 * it is: after maintenance, or while a later stage is to be heard. Whose failure is not believed was never out. */
static void slow_start(
	const struct config_service *s, struct model_backend *b, struct model_decision *d, struct lb_time now)
{
	bool out = d->state != MODEL_BACKEND_UP && d->state != MODEL_BACKEND_UNCHECKED;
	bool returns = b->was_out && !(d->reasons & MODEL_REASON_FAIL_OPEN);
	b->was_out = !d->in_pool && (out || b->was_out);
	if (!s->slow_start_ms || out || (d->reasons & MODEL_REASON_QUORUM_OPEN)) {
		b->ramp_since = b->ramp_paused = (struct lb_time){ 0 };
		return;
	}
	if (!d->in_pool) {
		ramp_pause(b, now);
		return;
	}
	ramp_go_on(b, now);
	if (returns)
		b->ramp_since = now;
	if (b->ramp_since.us == 0 || b->adopted) /* that is the weight of its step */
		return;
	int64_t step_us = step_of(s), spent = lb_time_diff_us(now, b->ramp_since);
	int64_t step = spent < 0 ? 0 : spent / step_us;
	if (step >= RAMP_STEPS) {
		b->ramp_since = (struct lb_time){ 0 };
		return;
	}
	uint64_t w = (uint64_t)d->weight * (uint64_t)(step + 1) / RAMP_STEPS;
	d->weight = w ? (uint32_t)w : 1;
	d->reasons |= MODEL_REASON_SLOW_START;
	d->deadline = lb_time_min(d->deadline, (struct lb_time){ b->ramp_since.us + (step + 1) * step_us });
}

/* ---- what a start found ---- */

/* Where one check is enough, another one may not have said yet what it asks for. */
static bool may_ask(const struct model *m, const struct model_backend *b)
{
	for (uint32_t i = 0; i < m->services[b->service].cfg->n_checks; i++) {
		const struct model_target *t = &m->targets[m->links[b->first_link + i].target];
		if (!t->judged && check_spec_weighs(&t->check->spec))
			return true;
	}
	return false;
}

/* Whether it no longer has the weight it was found with. Who was out begins anew. */
static bool is_weighed(
	const struct model *m, const struct model_backend *b, const struct model_decision *d, struct lb_time now)
{
	switch ((enum model_health_word)d->health) {
	case HEALTH_UNKNOWN: return false;
	case HEALTH_UP: return b->was_out || !may_ask(m, b);
	case HEALTH_DOWN:
	case HEALTH_FLAPPING: break;
	}
	return model_forced(b) != MODEL_FORCED_NOT || !model_is_doubted(m, b, now);
}

/* From now on the checks have the word, and of what is in maintenance nobody knows what comes back. */
static void take_over(const struct model *m, struct model_backend *b, struct model_decision *d, struct lb_time now)
{
	bool maint = d->state == MODEL_BACKEND_MAINT;
	uint32_t had = b->adopted;
	b->trusted = b->trusted && d->health == HEALTH_UNKNOWN && !maint;
	b->was_down = b->was_down && d->health == HEALTH_UNKNOWN && !maint;
	if (!had || !(maint || is_weighed(m, b, d, now)))
		return;
	b->adopted = 0;
	*d = decide(m, b, now);
	slow_start_from(m->services[b->service].cfg, b, d, had, now);
}

/* ---- all of them ---- */

static uint8_t status_of(const struct model_service *s, const struct model_decision *d)
{
	uint32_t enabled = 0, out = 0;
	for (uint32_t i = 0; i < s->cfg->n_backends; i++) {
		enabled += d[i].enabled;
		out += d[i].enabled && (d[i].state != MODEL_BACKEND_UP || (d[i].reasons & MODEL_REASON_FAIL_OPEN));
	}
	if (s->quorum_lost && enabled == 0 && s->cfg->n_backends)
		return MODEL_SERVICE_MAINT;
	if (s->quorum_lost)
		return s->sorry ? MODEL_SERVICE_SORRY : MODEL_SERVICE_DOWN;
	return out ? MODEL_SERVICE_DEGRADED : MODEL_SERVICE_UP;
}

struct settling {
	struct model *m;
	uint32_t service;
	int64_t wall_ms;
	model_change_fn *fn;
	void *arg;
};

static void take_decision(const struct settling *st, struct model_backend *b, const struct model_decision *d)
{
	uint32_t weight = d->in_pool ? d->weight : 0;
	struct model_change ch = { st->m, st->service, (uint32_t)(b - st->m->backends), b->state, d->state, b->weight,
		weight };
	bool first = !b->settled, changed = b->state != d->state || b->weight != weight;
	if (first || b->state != d->state)
		b->since_wall_ms = st->wall_ms;
	b->settled = true;
	b->state = d->state;
	b->reasons = d->reasons;
	b->weight = weight;
	b->in_table = d->in_table;
	b->in_pool = d->in_pool;
	if (changed && !first && st->fn)
		st->fn(&ch, st->arg);
}

static void take_status(const struct settling *st, struct model_service *s, uint8_t status)
{
	struct model_change ch = { st->m, st->service, MODEL_NONE, s->status, status, 0, 0 };
	bool first = !s->settled;
	s->settled = true;
	if (!first && status == s->status)
		return;
	s->since_wall_ms = st->wall_ms;
	s->status = status;
	if (!first && st->fn)
		st->fn(&ch, st->arg);
}

void model_settle(
	struct model *m, uint32_t service, struct lb_time now, int64_t wall_ms, model_change_fn *fn, void *arg)
{
	struct model_service *s = &m->services[service];
	struct model_backend *b = &m->backends[s->first_backend];
	struct model_decision *d = m->scratch;
	struct settling st = { m, service, wall_ms, fn, arg };
	model_fail_open(m, service, now);
	for (uint32_t i = 0; i < s->cfg->n_backends; i++) {
		drain_clock(&b[i], now, wall_ms);
		d[i] = decide(m, &b[i], now);
		take_over(m, &b[i], &d[i], now);
	}
	model_quorum(m, service, d);
	s->deadline = LB_TIME_NEVER;
	s->in_pool = 0;
	for (uint32_t i = 0; i < s->cfg->n_backends; i++) {
		slow_start(s->cfg, &b[i], &d[i], now);
		take_decision(&st, &b[i], &d[i]);
		s->deadline = lb_time_min(s->deadline, d[i].deadline);
		s->in_pool += d[i].in_pool;
	}
	take_status(&st, s, status_of(s, d));
	model_lost(m, service, d, now);
}
