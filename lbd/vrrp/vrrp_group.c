/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_group.h"

#include "lbd/vrrp/vrrp_pkt.h"

#include <assert.h>

static uint32_t masters(const struct vrrp_group *g)
{
	uint32_t set = 0;
	_Static_assert(VRRP_GROUP_MAX <= 32, "a bit per member");
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i]->state == VRRP_STATE_MASTER)
			set |= 1u << i;
	return set;
}

/* Nobody takes back what the others gave up: who is in one group resigns together. */
static bool has_resigned(const struct vrrp_group *g)
{
	bool any = false;
	for (size_t i = 0; i < g->n; i++)
		any |= g->v[i]->resigned;
	return any && !masters(g);
}

static bool any_own_fault(const struct vrrp_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->own_fault[i])
			return true;
	return false;
}

/* Where the group is master already this holds nobody: who is BACKUP joins. */
static bool held(const struct vrrp_group *g, size_t member)
{
	for (size_t i = 0; i < g->n; i++)
		if (i != member && g->v[i]->state == VRRP_STATE_INIT)
			return true;
	return false;
}

static struct lb_time later(struct lb_time a, struct lb_time b)
{
	return lb_time_cmp(a, b) > 0 ? a : b;
}

/* An advert is missing here when a master was there later than this. For who listens whether to go on as master, and
 * has just begun to, that is any. */
static struct lb_time missed_at(const struct vrrp *v)
{
	return v->resuming ? v->since
			   : lb_time_add_ms(later(v->heard_at, v->since), (int64_t)v->master_interval_cs * 10);
}

/* Until when it believes in the master that it follows, if that was there after `after`; else us 0. */
static struct lb_time believes_until(const struct vrrp *v, struct lb_time after)
{
	struct lb_time until = { 0 };
	if (v->state != VRRP_STATE_BACKUP || v->left || v->passed_prio)
		return until;
	if (v->master.family && lb_time_cmp(v->heard_at, after) > 0)
		until = v->deadline;
	return later(until, vrrp_words_until(&v->words, after));
}

/* Until when others believe in a master whose advert is missing here. When a master dies they hear from it for less
 * than an interval longer, at most: that holds nobody. */
static struct lb_time held_until(const struct vrrp_group *g, size_t member)
{
	struct lb_time until = { 0 }, missed = missed_at(g->v[member]);
	for (size_t i = 0; i < g->n; i++)
		if (i != member)
			until = later(until, believes_until(g->v[i], missed));
	return until;
}

static void append(struct vrrp_group_acts *out, size_t member, const struct vrrp_act *act)
{
	assert(out->n < sizeof(out->v) / sizeof(out->v[0]));
	out->v[out->n].member = member;
	out->v[out->n++].act = *act;
}

static void step(struct vrrp_group *g, size_t member, const struct vrrp_event *ev, struct lb_time now,
	struct vrrp_group_acts *out)
{
	struct vrrp_acts acts;
	vrrp_step(g->v[member], ev, now, &acts);
	for (size_t i = 0; i < acts.n; i++)
		append(out, member, &acts.v[i]);
}

/* first, and the others after it */
static void step_all(struct vrrp_group *g, size_t first, const struct vrrp_event *ev, struct lb_time now,
	struct vrrp_group_acts *out)
{
	step(g, first, ev, now, out);
	for (size_t i = 0; i < g->n; i++)
		if (i != first)
			step(g, i, ev, now, out);
}

/* The event, for whom it concerns. */
static void apply(struct vrrp_group *g, size_t member, const struct vrrp_event *ev, struct lb_time now,
	struct vrrp_group_acts *out)
{
	const struct vrrp_event resign = { .type = VRRP_EVENT_RESIGN };
	struct vrrp_event fault = { .type = VRRP_EVENT_FAULT };
	switch (ev->type) {
	case VRRP_EVENT_FAULT:
		g->own_fault[member] = ev->on;
		fault.on = any_own_fault(g);
		step_all(g, member, &fault, now, out);
		return;
	case VRRP_EVENT_RESIGN:
	case VRRP_EVENT_SLEPT: step_all(g, member, ev, now, out); return;
	case VRRP_EVENT_START: /* one that comes to the group later finds its faults, and that it has resigned */
		fault.on = any_own_fault(g);
		step(g, member, &fault, now, out);
		if (has_resigned(g))
			step_all(g, member, &resign, now, out);
		step(g, member, ev, now, out);
		return;
	case VRRP_EVENT_TIMER:
	case VRRP_EVENT_ADVERT:
	case VRRP_EVENT_PRIO:
	case VRRP_EVENT_SOURCE:
	case VRRP_EVENT_ARM:
	case VRRP_EVENT_PEER:
	case VRRP_EVENT_JOIN:
	case VRRP_EVENT_YIELD:
	case VRRP_EVENT_RULES:
	case VRRP_EVENT_STOP: step(g, member, ev, now, out); return;
	}
}

/* Somebody stopped being master: nobody is. lost: who did, as a set. Priority 0 only where we go of our own accord. */
static void yield_all(
	struct vrrp_group *g, uint32_t lost, bool leaving, struct lb_time now, struct vrrp_group_acts *out)
{
	struct vrrp_event yield = { .type = VRRP_EVENT_YIELD, .on = leaving };
	for (size_t i = 0; i < g->n; i++) {
		int64_t ms = (vrrp_down_us(g->v[i]) + 999) / 1000;
		if (lost & 1u << i && ms > yield.for_ms)
			yield.for_ms = ms;
	}
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i]->state == VRRP_STATE_MASTER)
			step(g, i, &yield, now, out);
}

static void join_all(struct vrrp_group *g, struct lb_time now, struct vrrp_group_acts *out)
{
	const struct vrrp_event join = { .type = VRRP_EVENT_JOIN };
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i]->state == VRRP_STATE_BACKUP)
			step(g, i, &join, now, out);
}

/* Whoever announces because of another master does it for all: the other one had the addresses of all. Who joins comes
 * afterwards, with an announcement of its own. */
static void announce_all(struct vrrp_group *g, size_t member, struct vrrp_group_acts *out)
{
	const struct vrrp_act announce = { .type = VRRP_ACT_ANNOUNCE };
	bool met = false;
	for (size_t i = 0; i < out->n; i++)
		met |= out->v[i].act.type == VRRP_ACT_ANNOUNCE;
	for (size_t i = 0; met && i < g->n; i++)
		if (i != member && g->v[i]->state == VRRP_STATE_MASTER)
			append(out, i, &announce);
}

void vrrp_group_step(struct vrrp_group *g, size_t member, const struct vrrp_event *ev, struct lb_time now,
	struct vrrp_group_acts *out)
{
	out->n = 0;
	uint32_t was = masters(g);
	g->v[member]->held = held(g, member);
	g->v[member]->held_until = held_until(g, member);
	apply(g, member, ev, now, out);

	uint32_t is = masters(g);
	if (was & ~is) {
		yield_all(g, was & ~is, ev->type == VRRP_EVENT_STOP, now, out);
	} else if (is) {
		announce_all(g, member, out);
		join_all(g, now, out);
	}
}

uint8_t vrrp_group_prio(const uint8_t *configured, const uint8_t *set, size_t n)
{
	assert(n);
	size_t sum = 0;
	uint8_t least_set = VRRP_PRIO_OWNER;
	for (size_t i = 0; i < n; i++) {
		if (configured[i] == VRRP_PRIO_OWNER)
			return VRRP_PRIO_OWNER - 1;
		sum += configured[i];
		if (set[i] && set[i] < least_set)
			least_set = set[i];
	}
	return (uint8_t)(least_set < VRRP_PRIO_OWNER ? least_set : (sum + n / 2) / n);
}

void vrrp_group_leave(struct vrrp_group *g, size_t member, struct lb_time now, struct vrrp_group_acts *out)
{
	const struct vrrp_event recovered = { .type = VRRP_EVENT_FAULT };
	bool fault = g->own_fault[member];
	out->n = 0;
	for (g->n--; member < g->n; member++) {
		g->v[member] = g->v[member + 1];
		g->own_fault[member] = g->own_fault[member + 1];
	}
	for (size_t i = 0; fault && !any_own_fault(g) && i < g->n; i++)
		step(g, i, &recovered, now, out);
}
