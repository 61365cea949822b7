/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/model.h"

#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct model_reason_row model_reasons[] = {
	{ MODEL_REASON_ADMIN_MAINT, "admin_maint", "taken out for maintenance by the configuration or an override" },
	{ MODEL_REASON_ADMIN_DRAIN, "admin_drain", "draining: no new flows, kept ones go on" },
	{ MODEL_REASON_CHECK_FAILED, "check_failed", "a health check says no" },
	{ MODEL_REASON_NOT_CHECKED, "not_checked", "no check has finished yet" },
	{ MODEL_REASON_ZERO_WEIGHT, "zero_weight", "its weight is 0" },
	{ MODEL_REASON_KERNEL_REFUSED, "kernel_refused", "the kernel refused it" },
};
const size_t model_reasons_n = sizeof(model_reasons) / sizeof(model_reasons[0]);

const char *model_reason_first(uint32_t reasons)
{
	for (size_t i = 0; i < model_reasons_n; i++)
		if (reasons & model_reasons[i].bit)
			return model_reasons[i].name;
	return "";
}

const char *model_backend_state_name(enum model_backend_state s)
{
	static const char *const names[] = { "up", "down", "unchecked", "drain", "maint" };
	return s <= MODEL_BACKEND_MAINT ? names[s] : "unknown";
}

const char *model_service_status_name(enum model_service_status s)
{
	static const char *const names[] = { "up", "degraded", "down", "maint" };
	return s <= MODEL_SERVICE_MAINT ? names[s] : "unknown";
}

/* ---- deciding ---- */

enum config_state model_admin_state(const struct model_backend *b)
{
	return b->ov && b->ov->state_item.set ? b->ov->state : b->cfg->state;
}

uint32_t model_admin_weight(const struct model_backend *b)
{
	if (!b->ov || !b->ov->weight_item.set)
		return b->cfg->weight;
	if (b->ov->weight_kind == OVERRIDE_WEIGHT_VALUE)
		return b->ov->weight;
	uint64_t w = ((uint64_t)b->cfg->weight * b->ov->weight + 50) / 100;
	/* a share of a positive weight that rounds to nothing would silently stop all new flows */
	if (w == 0 && b->cfg->weight && b->ov->weight)
		w = 1;
	return w > CONFIG_WEIGHT_MAX ? CONFIG_WEIGHT_MAX : (uint32_t)w;
}

enum health { HEALTH_UP, HEALTH_DOWN, HEALTH_UNKNOWN };

/* All checks must pass; one failure decides, whatever is still unknown. */
static enum health health_of(const struct model *m, const struct model_backend *b)
{
	uint32_t n = m->services[b->service].cfg->n_checks;
	enum health h = HEALTH_UP;
	for (uint32_t i = 0; i < n; i++) {
		const struct model_target *t = &m->targets[m->links[b->first_link + i].target];
		if (!t->judged)
			h = HEALTH_UNKNOWN;
		else if (!t->up)
			return HEALTH_DOWN;
	}
	return h;
}

struct decision {
	uint8_t state, reasons;
	bool in_table, in_pool;
	uint32_t weight;
	struct lb_time deadline;
};

static struct decision decide_drain(const struct model_service *s, const struct model_backend *b, struct lb_time now)
{
	struct decision d = { .state = MODEL_BACKEND_DRAIN,
		.reasons = MODEL_REASON_ADMIN_DRAIN,
		.in_table = true,
		.deadline = LB_TIME_NEVER };
	if (s->cfg->drain_then == CONFIG_THEN_KEEP || s->cfg->drain_ms == 0)
		return d;
	struct lb_time over = lb_time_add_ms(b->drain_since, s->cfg->drain_ms);
	if (lb_time_cmp(now, over) >= 0)
		d.in_table = false; /* cut: its flows lose their row */
	else
		d.deadline = over;
	return d;
}

static struct decision decide(const struct model *m, const struct model_backend *b, struct lb_time now)
{
	struct decision d = { .in_table = true, .deadline = LB_TIME_NEVER };
	switch (model_admin_state(b)) {
	case CONFIG_STATE_MAINT:
		d.state = MODEL_BACKEND_MAINT;
		d.reasons = MODEL_REASON_ADMIN_MAINT;
		d.in_table = false;
		return d;
	case CONFIG_STATE_DRAIN: return decide_drain(&m->services[b->service], b, now);
	case CONFIG_STATE_ENABLED: break;
	}
	enum health h = health_of(m, b);
	uint32_t weight = model_admin_weight(b);
	if (h == HEALTH_DOWN) {
		d.state = MODEL_BACKEND_DOWN;
		d.reasons = MODEL_REASON_CHECK_FAILED;
		return d;
	}
	d.state = h == HEALTH_UP || b->adopted ? MODEL_BACKEND_UP : MODEL_BACKEND_UNCHECKED;
	if (h == HEALTH_UNKNOWN)
		d.reasons |= MODEL_REASON_NOT_CHECKED;
	if (weight == 0)
		d.reasons |= MODEL_REASON_ZERO_WEIGHT;
	d.weight = d.state == MODEL_BACKEND_UP ? weight : 0;
	d.in_pool = d.weight > 0;
	return d;
}

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

static uint8_t status_of(const struct model *m, const struct model_service *s)
{
	uint32_t enabled = 0, out = 0;
	for (uint32_t i = 0; i < s->cfg->n_backends; i++) {
		const struct model_backend *b = &m->backends[s->first_backend + i];
		if (model_admin_state(b) != CONFIG_STATE_ENABLED)
			continue;
		enabled++;
		out += b->state != MODEL_BACKEND_UP;
	}
	if (s->in_pool == 0)
		return enabled == 0 && s->cfg->n_backends ? MODEL_SERVICE_MAINT : MODEL_SERVICE_DOWN;
	return out ? MODEL_SERVICE_DEGRADED : MODEL_SERVICE_UP;
}

struct settling {
	struct model *m;
	uint32_t service;
	int64_t wall_ms;
	model_change_fn *fn;
	void *arg;
};

static void take_decision(const struct settling *st, struct model_backend *b, const struct decision *d)
{
	struct model_change ch = { st->m, st->service, (uint32_t)(b - st->m->backends), b->state, d->state, b->weight,
		d->weight };
	bool first = !b->settled, changed = b->state != d->state || b->weight != d->weight;
	if (first || b->state != d->state)
		b->since_wall_ms = st->wall_ms;
	b->settled = true;
	b->state = d->state;
	b->reasons = d->reasons;
	b->weight = d->weight;
	b->in_table = d->in_table;
	b->in_pool = d->in_pool;
	if (changed && !first && st->fn)
		st->fn(&ch, st->arg);
}

void model_settle(
	struct model *m, uint32_t service, struct lb_time now, int64_t wall_ms, model_change_fn *fn, void *arg)
{
	struct model_service *s = &m->services[service];
	struct settling st = { m, service, wall_ms, fn, arg };
	s->deadline = LB_TIME_NEVER;
	s->in_pool = 0;
	for (uint32_t i = 0; i < s->cfg->n_backends; i++) {
		struct model_backend *b = &m->backends[s->first_backend + i];
		drain_clock(b, now, wall_ms);
		if (b->adopted && health_of(m, b) != HEALTH_UNKNOWN)
			b->adopted = false; /* from now on the checks have the word */
		struct decision d = decide(m, b, now);
		take_decision(&st, b, &d);
		s->deadline = lb_time_min(s->deadline, d.deadline);
		s->in_pool += d.in_pool;
	}
	uint8_t status = status_of(m, s);
	if (!s->settled || status != s->status) {
		struct model_change ch = { m, service, MODEL_NONE, s->status, status, 0, 0 };
		s->since_wall_ms = wall_ms;
		s->status = status;
		if (s->settled && fn)
			fn(&ch, arg);
	}
	s->settled = true;
}

/* ---- what makes a service dirty ---- */

void model_dirty(struct model *m, uint32_t service)
{
	if (m->services[service].dirty)
		return;
	m->services[service].dirty = true;
	m->dirty[(m->first_dirty + m->n_dirty++) % m->n_services] = service;
}

uint32_t model_next_dirty(struct model *m)
{
	if (m->n_dirty == 0)
		return MODEL_NONE;
	uint32_t s = m->dirty[m->first_dirty];
	m->first_dirty = (m->first_dirty + 1) % m->n_services;
	m->n_dirty--;
	m->services[s].dirty = false;
	return s;
}

struct lb_time model_tick(struct model *m, struct lb_time now)
{
	struct lb_time next = LB_TIME_NEVER;
	for (uint32_t i = 0; i < m->n_services; i++) {
		if (lb_time_cmp(m->services[i].deadline, now) <= 0)
			model_dirty(m, i);
		else
			next = lb_time_min(next, m->services[i].deadline);
	}
	return next;
}

bool model_target_wanted(const struct model *m, const struct model_target *t)
{
	for (uint32_t l = t->first_link; l != MODEL_NONE; l = m->links[l].next)
		if (model_admin_state(&m->backends[m->links[l].backend]) != CONFIG_STATE_MAINT)
			return true;
	return false;
}

void model_target_reset(struct model *m, uint32_t target_id)
{
	const struct model_target *found = model_target_by_id(m, target_id);
	if (!found)
		return;
	struct model_target *t = &m->targets[found - m->targets];
	t->n = 0;
	t->judged = t->up = false;
	t->code = CHECK_CODE_INI;
	t->latency_us = 0;
	free(t->text);
	t->text = NULL;
	for (uint32_t l = t->first_link; l != MODEL_NONE; l = m->links[l].next)
		model_dirty(m, m->backends[m->links[l].backend].service);
}

static void set_text(struct model_target *t, const char *text)
{
	if (t->text && strcmp(t->text, text) == 0)
		return;
	free(t->text);
	t->text = text[0] ? strdup(text) : NULL; /* only for people: lost when memory is out */
}

bool model_health(struct model *m, uint32_t target_id, const struct check_state *state, int64_t wall_ms)
{
	const struct model_target *found = model_target_by_id(m, target_id);
	if (!found)
		return false;
	struct model_target *t = &m->targets[found - m->targets];
	bool changed = t->judged != state->judged || t->up != state->up;
	if (changed)
		t->since_wall_ms = wall_ms;
	t->n = state->n;
	t->judged = state->judged;
	t->up = state->up;
	t->code = (uint8_t)state->last.code;
	t->latency_us = state->last.latency_us;
	set_text(t, state->last.text);
	for (uint32_t l = t->first_link; changed && l != MODEL_NONE; l = m->links[l].next)
		model_dirty(m, m->backends[m->links[l].backend].service);
	return true;
}

void model_override_changed(struct model *m, const char *object)
{
	uint32_t b = model_object_find(m, object, NULL);
	if (b == MODEL_NONE)
		return;
	m->backends[b].ov = overrides_find(m->overrides, object);
	model_dirty(m, m->backends[b].service);
}

/* ---- finding ---- */

uint32_t model_service_find(const struct model *m, const char *name)
{
	const struct config_service *s = config_service_find(m->config, name);
	return s ? (uint32_t)(s - m->config->services) : MODEL_NONE;
}

uint32_t model_backend_find(const struct model *m, const char *service, const char *backend)
{
	uint32_t s = model_service_find(m, service);
	if (s == MODEL_NONE)
		return MODEL_NONE;
	const struct config_backend *b = config_backend_find(m->services[s].cfg, backend);
	return b ? m->services[s].first_backend + (uint32_t)(b - m->services[s].cfg->backends) : MODEL_NONE;
}

static uint32_t not_found(const struct model *m, const char *object, const char *svc_name, struct lb_err *e)
{
	uint32_t s = model_service_find(m, svc_name);
	const char *got = s == MODEL_NONE ? svc_name : strchr(object, '/') + 1;
	uint32_t n = s == MODEL_NONE ? m->n_services : m->services[s].cfg->n_backends;
	const char *near = NULL;
	for (uint32_t i = 0; i < n && !near; i++) {
		const char *word = s == MODEL_NONE ? m->services[i].cfg->name : m->services[s].cfg->backends[i].name;
		near = lb_text_suggest(got, strlen(got), &word, 1);
	}
	if (s == MODEL_NONE)
		lb_err_set(e, LB_CODE_NOT_FOUND, "no service '%s'%s%s%s", got, near ? "; did you mean '" : "",
			near ? near : "", near ? "'?" : "");
	else
		lb_err_set(e, LB_CODE_NOT_FOUND, "service '%s' has no backend '%s'%s%s%s", svc_name, got,
			near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return MODEL_NONE;
}

uint32_t model_object_find(const struct model *m, const char *object, struct lb_err *e)
{
	const char *slash = strchr(object, '/');
	char name[64];
	if (!slash || (size_t)(slash - object) >= sizeof(name)) {
		lb_err_set(e, LB_CODE_USAGE, "'%.80s' is not SERVICE/BACKEND", object);
		return MODEL_NONE;
	}
	memcpy(name, object, (size_t)(slash - object));
	name[slash - object] = '\0';
	uint32_t b = model_backend_find(m, name, slash + 1);
	return b != MODEL_NONE ? b : not_found(m, object, name, e);
}

uint32_t model_listener_service(const struct model *m, const struct ipvs_key *key)
{
	uint32_t lo = 0, hi = m->n_listeners;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int c = ipvs_key_cmp(&m->listeners[mid].key, key);
		if (c == 0)
			return m->listeners[mid].service;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return MODEL_NONE;
}

const struct model_target *model_target_by_id(const struct model *m, uint32_t id)
{
	uint32_t lo = 0, hi = m->n_targets;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (m->targets[mid].id == id)
			return &m->targets[mid];
		if (m->targets[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const struct model_target *model_backend_target(const struct model *m, uint32_t backend, uint32_t check)
{
	return &m->targets[m->links[m->backends[backend].first_link + check].target];
}

uint16_t model_backend_port(const struct model_backend *b, const struct ipvs_key *listener)
{
	return b->cfg->port ? b->cfg->port : listener->port;
}

struct model_totals model_totals(const struct model *m)
{
	struct model_totals t = { 0 };
	for (uint32_t i = 0; i < m->n_services; i++)
		t.services[m->services[i].status]++;
	for (uint32_t i = 0; i < m->n_backends; i++)
		t.backends[m->backends[i].state]++;
	return t;
}

void model_target_spec(const struct model_target *t, struct check_spec *out)
{
	*out = t->check->spec;
	out->name = t->check->name;
	out->addr = t->addr;
	out->port = t->port;
}
