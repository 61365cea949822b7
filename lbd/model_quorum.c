/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What depends on how many backends of a service fail: fail-open, the quorum, and which services have lost it. */
#include "lbd/model_pool.h"

#include "common/sort.h"

#include <stdlib.h>

/* ---- fail-open ---- */

/* When a backend began to fail; us 0 = it does not. Where all checks must pass the first that fails makes it, where one
 * is enough the last. */
static struct lb_time failing_since(const struct model *m, const struct model_backend *b)
{
	const struct config_service *s = m->services[b->service].cfg;
	bool any = s->check_mode == CONFIG_CHECK_ANY;
	struct lb_time since = { 0 };
	for (uint32_t i = 0; i < s->n_checks; i++) {
		struct lb_time t = m->targets[m->links[b->first_link + i].target].failing_since;
		if (any && t.us == 0)
			return t;
		if (t.us && (since.us == 0 || (t.us < since.us) != any))
			since = t;
	}
	return since;
}

/* One interval of its slowest check, and a quarter for probes that come late. */
static int64_t burst_us(const struct config_service *s)
{
	int64_t ms = 0;
	for (uint32_t i = 0; i < s->n_checks; i++)
		if (s->checks[i]->spec.interval_ms > ms)
			ms = s->checks[i]->spec.interval_ms;
	return ms * 1250;
}

static int time_cmp(const void *a, const void *b)
{
	return lb_time_cmp(*(const struct lb_time *)a, *(const struct lb_time *)b);
}

static bool may_be_held(const struct model_backend *b)
{
	return model_admin_state(b) == CONFIG_STATE_ENABLED;
}

/* Nothing is known of it since it was held: the stage that failed passes, and the next one is still to be heard. That
 * is no recovery yet. */
static bool is_unheard(const struct model *m, const struct model_backend *b, struct lb_time now)
{
	struct lb_time never = LB_TIME_NEVER;
	return b->held && may_be_held(b) && model_health_of(m, b, now, &never) == HEALTH_UNKNOWN;
}

/* Takes up whether it fails. Only who is in the pool when it begins to can stay there. */
static void note_failing(const struct model *m, struct model_backend *b, struct lb_time now)
{
	struct lb_time since = may_be_held(b) ? failing_since(m, b) : (struct lb_time){ 0 };
	if (since.us == 0 && is_unheard(m, b, now))
		return;
	if (lb_time_cmp(since, b->failing_since) > 0)
		b->was_in = b->held || b->trusted || (b->settled && b->state == MODEL_BACKEND_UP);
	b->failing_since = since;
}

/* Who was out before the burst has failed by itself and stays out. Who went out a moment ago may be the first of it. */
static bool is_believed(const struct model_backend *b, struct lb_time now, int64_t window)
{
	bool out = b->state == MODEL_BACKEND_DOWN && lb_time_diff_us(now, b->failing_since) > window;
	return !b->held && (!b->was_in || out);
}

bool model_is_doubted(const struct model *m, const struct model_backend *b, struct lb_time now)
{
	return b->failing_since.us && !is_believed(b, now, burst_us(m->services[b->service].cfg));
}

/* Whether the failures that began within one interval around `since` are more than the share. times is sorted. */
static bool in_burst(const struct lb_time *times, uint32_t n, struct lb_time since, int64_t window, uint64_t most)
{
	uint32_t lo = 0, hi = n, first;
	while (lo < hi) { /* the first that is not before the window */
		uint32_t mid = lo + (hi - lo) / 2;
		if (lb_time_diff_us(since, times[mid]) > window)
			lo = mid + 1;
		else
			hi = mid;
	}
	first = lo;
	for (hi = n; lo < hi;) { /* the first that is after it */
		uint32_t mid = lo + (hi - lo) / 2;
		if (lb_time_diff_us(times[mid], since) <= window)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (uint64_t)(lo - first) * 100 > most && lo - first > 1; /* one alone is no burst */
}

/* Hundredths of backends that may fail by themselves. There cannot be more than all of them, so 100% means all. */
static uint64_t fail_open_most(const struct config_service *s, uint32_t enabled)
{
	uint64_t most = (uint64_t)enabled * s->fail_open_percent;
	return s->fail_open_percent < 100 || !enabled ? most : most - 1;
}

/* Else all of them would be out for flapping when the network is well again. A check that failed before, while another
 * one was enough, has done so by itself. */
static void damp_back(struct model *m, const struct model_backend *b, int64_t window)
{
	for (uint32_t i = 0; i < m->services[b->service].cfg->n_checks; i++) {
		const struct model_link *l = &m->links[b->first_link + i];
		if (lb_time_diff_us(b->failing_since, m->targets[l->target].failing_since) <= window)
			model_damp_back(m, l);
	}
}

void model_fail_open(struct model *m, uint32_t service, struct lb_time now)
{
	struct model_service *s = &m->services[service];
	struct model_backend *b = &m->backends[s->first_backend];
	uint32_t enabled = 0, failing = 0;
	if (!s->cfg->fail_open_percent)
		return;
	for (uint32_t i = 0; i < s->cfg->n_backends; i++) {
		note_failing(m, &b[i], now);
		enabled += may_be_held(&b[i]);
		if (b[i].failing_since.us)
			m->times[failing++] = b[i].failing_since;
	}
	lb_sort(m->times, failing, sizeof(*m->times), time_cmp);
	uint64_t most = fail_open_most(s->cfg, enabled);
	int64_t window = burst_us(s->cfg);
	bool many = (uint64_t)failing * 100 > most;
	for (uint32_t i = 0; i < s->cfg->n_backends; i++) {
		struct lb_time since = b[i].failing_since;
		if (since.us == 0 || (!many && !is_unheard(m, &b[i], now)))
			b[i].held = false;
		else if (!is_believed(&b[i], now, window) && in_burst(m->times, failing, since, window, most))
			b[i].held = true;
		if (b[i].held)
			damp_back(m, &b[i], window);
	}
}

/* ---- quorum ---- */

static uint32_t needed(const struct config_service *s, uint32_t enabled)
{
	if (!s->quorum.percent)
		return s->quorum.value;
	return (uint32_t)(((uint64_t)enabled * s->quorum.value + 99) / 100);
}

/* Once lost it takes quorum_more above the need to get it back, as far as so many are enabled. Never less than the
 * need: one that is above them all would be reached and lost by turns. */
static bool lost(const struct model_service *s, uint32_t enabled, uint32_t in_pool)
{
	uint32_t need = needed(s->cfg, enabled);
	if (need == 0)
		need = 1; /* a pool of nobody serves nobody */
	if (s->quorum_lost && need < enabled)
		need = s->cfg->quorum_more < enabled - need ? need + s->cfg->quorum_more : enabled;
	return in_pool < need;
}

/* Everybody who is not taken out by an operator, whatever the checks say. */
static void open_to(struct model_decision *d)
{
	if (!d->enabled || d->in_pool || d->weight == 0 || (d->reasons & MODEL_REASON_FORCED_DOWN))
		return;
	d->reasons |= MODEL_REASON_QUORUM_OPEN;
	d->in_pool = d->in_table = true;
}

static void close_to(struct model_decision *d)
{
	if (!d->in_pool)
		return;
	d->reasons |= MODEL_REASON_QUORUM_LOST;
	d->in_pool = false; /* it keeps its row: the flows it has go on */
}

void model_quorum(struct model *m, uint32_t service, struct model_decision *d)
{
	struct model_service *s = &m->services[service];
	uint32_t enabled = 0, in_pool = 0, n = s->cfg->n_backends;
	for (uint32_t i = 0; i < n; i++) {
		enabled += d[i].enabled;
		in_pool += d[i].in_pool;
	}
	s->quorum_lost = lost(s, enabled, in_pool);
	s->sorry = s->quorum_lost && s->cfg->on_loss == CONFIG_LOSS_SORRY && s->cfg->sorry.family;
	if (!s->quorum_lost)
		return;
	for (uint32_t i = 0; i < n; i++) {
		switch (s->cfg->on_loss) {
		case CONFIG_LOSS_OPEN: open_to(&d[i]); break;
		case CONFIG_LOSS_SORRY:
		case CONFIG_LOSS_WITHDRAW: close_to(&d[i]); break;
		case CONFIG_LOSS_REST: break;
		}
	}
}

/* ---- who has lost it ---- */

void model_lost_put(struct model *m, uint32_t service, bool lost)
{
	struct model_service *s = &m->services[service];
	if (lost == s->lost)
		return;
	s->lost = lost;
	uint32_t prev = lost ? m->last_lost : s->lost_prev, next = lost ? MODEL_NONE : s->lost_next;
	*(prev == MODEL_NONE ? &m->first_lost : &m->services[prev].lost_next) = lost ? service : next;
	*(next == MODEL_NONE ? &m->last_lost : &m->services[next].lost_prev) = lost ? service : prev;
	s->lost_prev = prev;
	s->lost_next = next;
	m->n_lost += lost ? 1u : UINT32_MAX;
}

/* A process that probes may take so long until it is ready: then there is the alarm about that, too. */
#define HEARD_MS 10000

/* By then its backends have been heard, unless they cannot be probed: the process was there, each check had its turn,
 * one of its probes may have ended in a fault of our own, and stages wait for each other. */
static int64_t heard_ms(const struct config_service *s)
{
	int64_t all = HEARD_MS, longest = 0;
	for (uint32_t i = 0; i < s->n_checks; i++) {
		int64_t ms = 2 * (int64_t)s->checks[i]->spec.interval_ms + s->checks[i]->spec.timeout_ms;
		all += ms;
		longest = ms > longest ? ms : longest;
	}
	return s->check_mode == CONFIG_CHECK_STAGES ? all : HEARD_MS + longest;
}

void model_lost(struct model *m, uint32_t service, const struct model_decision *d, struct lb_time now)
{
	struct model_service *s = &m->services[service];
	bool lost = s->status == MODEL_SERVICE_DOWN || s->status == MODEL_SERVICE_SORRY, unheard = false;
	if (!lost)
		s->lost_since = (struct lb_time){ 0 };
	else if (s->lost_since.us == 0)
		s->lost_since = now;
	for (uint32_t i = 0; i < s->cfg->n_backends; i++)
		unheard |= d[i].state == MODEL_BACKEND_UNCHECKED;
	struct lb_time heard = lb_time_add_ms(s->lost_since, heard_ms(s->cfg));
	if (lost && unheard && !s->lost && lb_time_cmp(now, heard) < 0) {
		s->deadline = lb_time_min(s->deadline, heard);
		lost = false;
	}
	model_lost_put(m, service, lost);
}
