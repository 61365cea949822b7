/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/model.h"

#include "common/text.h"
#include "lbd/model_error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct model_reason_row model_reasons[] = {
	{ MODEL_REASON_SERVICE_MAINT, "service_maint", "an operator has taken its whole service out for maintenance" },
	{ MODEL_REASON_ADMIN_MAINT, "admin_maint", "taken out for maintenance by the configuration or an override" },
	{ MODEL_REASON_ADMIN_DRAIN, "admin_drain", "draining: no new flows, kept ones go on" },
	{ MODEL_REASON_FORCED_DOWN, "forced_down", "an operator says it is down, whatever its checks say" },
	{ MODEL_REASON_CHECK_FAILED, "check_failed", "a health check says no" },
	{ MODEL_REASON_FLAPPING, "flapping", "its checks pass, but it fell too often: out until it has been calm" },
	{ MODEL_REASON_NOT_CHECKED, "not_checked", "no check has finished yet" },
	{ MODEL_REASON_ZERO_WEIGHT, "zero_weight", "its weight is 0" },
	{ MODEL_REASON_QUORUM_LOST, "quorum_lost", "too few backends are up: the whole pool is out" },
	{ MODEL_REASON_KERNEL_REFUSED, "kernel_refused", "the kernel refused it" },
	{ MODEL_REASON_FAIL_OPEN, "fail_open", "too many failed at once: the fault is rather here, it stays in" },
	{ MODEL_REASON_QUORUM_OPEN, "quorum_open", "too few backends are up: its checks are ignored" },
	{ MODEL_REASON_FORCED_UP, "forced_up", "an operator says it is up, whatever its checks say" },
	{ MODEL_REASON_CHECK_WEIGHT, "check_weight", "the backend itself asked for this weight" },
	{ MODEL_REASON_SLOW_START, "slow_start", "it came back and gets its weight in steps" },
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
	static const char *const names[] = { "up", "degraded", "sorry", "down", "maint" };
	return s <= MODEL_SERVICE_MAINT ? names[s] : "unknown";
}

/* ---- what operators say ---- */

enum config_state model_admin_state(const struct model_backend *b)
{
	if (b->service_maint)
		return CONFIG_STATE_MAINT;
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

enum model_forced model_forced(const struct model_backend *b)
{
	if (!b->ov || !b->ov->force_item.set)
		return MODEL_FORCED_NOT;
	return b->ov->force == OVERRIDE_FORCE_UP ? MODEL_FORCED_UP : MODEL_FORCED_DOWN;
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

bool model_target_wanted(const struct model_target *t)
{
	return t->tracked || t->wanted_by > 0;
}

/* Thousands of backends may share a target, and each asks whether it is wanted when a whole service goes into
 * maintenance: so it is counted. */
void model_backend_wants(struct model *m, struct model_backend *b)
{
	bool wants = model_admin_state(b) != CONFIG_STATE_MAINT;
	for (uint32_t i = 0; wants != b->wants && i < m->services[b->service].cfg->n_checks; i++) {
		uint32_t *by = &m->targets[m->links[b->first_link + i].target].wanted_by;
		*by = wants ? *by + 1 : *by - 1;
	}
	b->wants = wants;
}

const struct model_target *model_target_awaited(const struct model *m, const struct model_target *t)
{
	const struct model_target *first = NULL;
	if (!model_target_wanted(t))
		return NULL;
	for (; t && !t->judged; t = t->after ? model_target_by_id(m, t->after - 1) : NULL)
		first = t;
	return t && !t->up ? NULL : first;
}

/* Not the first time: a probe that ran too late at a start may do well the next time. */
struct lb_time model_target_stuck_at(const struct model_target *t)
{
	int64_t ms = (int64_t)t->check->spec.interval_ms + t->check->spec.timeout_ms;
	return t->judged || !t->error_since.us ? LB_TIME_NEVER : lb_time_add_ms(t->error_since, ms);
}

bool model_target_stuck(const struct model_target *t, struct lb_time now)
{
	return lb_time_cmp(now, model_target_stuck_at(t)) >= 0;
}

/* Forgets what is known of a target that nobody probes. */
static void reset(struct model *m, struct model_target *t)
{
	t->n = 0;
	t->judged = t->up = false;
	t->weight = (struct check_weight){ 0 };
	t->failing_since = (struct lb_time){ 0 };
	model_error_end(m, t);
	model_undamp(m, t); /* it fell before, and may have been mended */
	t->code = CHECK_CODE_INI;
	t->latency_us = 0;
	free(t->text);
	t->text = NULL;
	for (uint32_t l = t->first_link; l != MODEL_NONE; l = m->links[l].next)
		model_dirty(m, m->backends[m->links[l].backend].service);
}

enum model_tell model_target_tell(struct model *m, uint32_t target)
{
	struct model_target *t = &m->targets[target];
	bool sent = t->sent;
	t->sent = model_target_wanted(t);
	if (!t->sent && (sent || t->judged))
		reset(m, t);
	return sent == t->sent ? MODEL_TELL_NOTHING : t->sent ? MODEL_TELL_SET : MODEL_TELL_DEL;
}

static void set_text(struct model_target *t, const char *text)
{
	if (t->text && strcmp(t->text, text) == 0)
		return;
	free(t->text);
	t->text = text[0] ? strdup(text) : NULL; /* only for people: lost when memory is out */
}

/* When it began to fail: with the first FAIL that was counted, not when the counter ran out. */
static void note_failing(struct model_target *t, const struct check_state *state, struct lb_time now)
{
	const struct check_spec *s = &t->check->spec;
	bool failing = state->judged && (!state->up || state->n < s->rise + s->fall - 1);
	if (!failing)
		t->failing_since = (struct lb_time){ 0 };
	else if (t->failing_since.us == 0)
		t->failing_since = now;
}

static void note_error(struct model *m, struct model_target *t, const struct check_state *state, struct lb_time now)
{
	if (check_codes[state->last.code].verdict == CHECK_VERDICT_ERROR)
		model_error_begin(m, t, now);
	else
		model_error_end(m, t);
}

bool model_health(
	struct model *m, uint32_t target_id, const struct check_state *state, struct lb_time now, int64_t wall_ms)
{
	const struct model_target *found = model_target_by_id(m, target_id);
	if (!found)
		return false;
	struct model_target *t = &m->targets[found - m->targets];
	bool flip = t->judged != state->judged || t->up != state->up;
	bool changed = flip || t->weight.kind != state->last.weight.kind || t->weight.value != state->last.weight.value;
	if (flip)
		t->since_wall_ms = wall_ms;
	if (t->judged && t->up && state->judged && !state->up) /* a stage that rests has not fallen */
		model_damp(m, t, now);
	bool failed = t->failing_since.us != 0, erred = t->error_since.us != 0;
	note_failing(t, state, now);
	note_error(m, t, state, now);
	/* who has not fallen counts as well for how many fail at once, and so for whether those that fell are believed
	 */
	bool counts = failed != (t->failing_since.us != 0);
	/* where one check is enough it is not waited for long for one that cannot be run */
	changed = changed || (!state->judged && erred != (t->error_since.us != 0));
	t->n = state->n;
	t->judged = state->judged;
	t->up = state->up;
	t->code = (uint8_t)state->last.code;
	t->latency_us = state->last.latency_us;
	t->weight = state->last.weight;
	set_text(t, state->last.text);
	for (uint32_t l = t->first_link; (changed || counts) && l != MODEL_NONE; l = m->links[l].next) {
		uint32_t s = m->backends[m->links[l].backend].service;
		if (changed || m->services[s].cfg->fail_open_percent)
			model_dirty(m, s);
	}
	return true;
}

void model_service_override(struct model *m, uint32_t service)
{
	struct model_service *s = &m->services[service];
	char object[96];
	snprintf(object, sizeof(object), OVERRIDE_SERVICE "%s", s->cfg->name);
	s->ov = overrides_find(m->overrides, object);
	bool maint = s->ov && s->ov->state_item.set && s->ov->state == CONFIG_STATE_MAINT;
	for (uint32_t i = 0; i < s->cfg->n_backends; i++) {
		struct model_backend *b = &m->backends[s->first_backend + i];
		b->service_maint = maint;
		model_backend_wants(m, b);
	}
}

bool model_override_known(const struct model *m, const char *object)
{
	const char *service = override_service(object);
	return service ? model_service_find(m, service) != MODEL_NONE
		       : model_object_find(m, object, NULL) != MODEL_NONE;
}

uint32_t model_override_backends(const struct model *m, const char *object, uint32_t *first)
{
	const char *service = override_service(object);
	uint32_t at = service ? model_service_find(m, service) : model_object_find(m, object, NULL);
	if (at == MODEL_NONE)
		return 0;
	*first = service ? m->services[at].first_backend : at;
	return service ? m->services[at].cfg->n_backends : 1;
}

void model_override_changed(struct model *m, const char *object)
{
	const char *service = override_service(object);
	uint32_t s = service ? model_service_find(m, service) : MODEL_NONE;
	if (s != MODEL_NONE) {
		model_service_override(m, s);
		model_dirty(m, s);
	}
	uint32_t b = service ? MODEL_NONE : model_object_find(m, object, NULL);
	if (b == MODEL_NONE)
		return;
	m->backends[b].ov = overrides_find(m->overrides, object);
	model_backend_wants(m, &m->backends[b]);
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
	if (!e)
		return MODEL_NONE; /* nobody is told what is near, and looking for it takes time */
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
	out->after = t->after;
}

void model_target_state(const struct model_target *t, struct check_state *out)
{
	*out = (struct check_state){ .n = t->n,
		.judged = t->judged,
		.up = t->up,
		.last = { .code = (enum check_code)t->code, .latency_us = t->latency_us, .weight = t->weight } };
	if (t->text)
		snprintf(out->last.text, sizeof(out->last.text), "%s", t->text);
}
