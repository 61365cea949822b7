/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/model_track.h"

#include "lbd/model.h"

#include <stdio.h>
#include <string.h>

struct lb_time model_track_see(
	struct model_track *t, enum model_seen seen, int64_t debounce_ms, struct lb_time now, int64_t wall_ms)
{
	if (seen == MODEL_SEEN_UNKNOWN || seen == t->is) {
		t->next = MODEL_SEEN_UNKNOWN;
		return LB_TIME_NEVER;
	}
	if (t->next != seen) {
		t->next = seen;
		t->since = now;
	}
	struct lb_time counts = lb_time_add_ms(t->since, debounce_ms);
	if (t->is != MODEL_SEEN_UNKNOWN && lb_time_cmp(now, counts) < 0)
		return counts;
	t->is = seen;
	t->next = MODEL_SEEN_UNKNOWN;
	t->since_wall_ms = wall_ms;
	return LB_TIME_NEVER;
}

int32_t model_track_adds(const struct config_track *cfg, const struct model_track *v)
{
	bool counts = v->is == (cfg->weight < 0 ? MODEL_SEEN_DOWN : MODEL_SEEN_UP);
	return counts ? cfg->weight : 0;
}

void model_track_sum(
	const struct config_track *cfg, const struct model_track *v, uint32_t n, struct model_track_sum *out)
{
	*out = (struct model_track_sum){ 0 };
	for (uint32_t i = 0; i < n; i++) {
		out->add += model_track_adds(&cfg[i], &v[i]);
		if (cfg[i].weight != 0 || v[i].is != MODEL_SEEN_DOWN || out->fault)
			continue;
		out->fault = true;
		snprintf(out->reason, sizeof(out->reason), "track:%.63s",
			cfg[i].type == CONFIG_TRACK_SERVICES_UP ? "services_up" : cfg[i].name);
	}
}

bool model_track_sum_equal(const struct model_track_sum *a, const struct model_track_sum *b)
{
	return a->add == b->add && a->fault == b->fault && strcmp(a->reason, b->reason) == 0;
}

bool model_track_same(const struct config_track *a, const struct config_track *b)
{
	return a->type == b->type && strcmp(a->name, b->name) == 0 && a->services_up.value == b->services_up.value &&
	       a->services_up.percent == b->services_up.percent;
}

void model_track_name(const struct config_track *t, char *out, size_t size)
{
	switch (t->type) {
	case CONFIG_TRACK_INTERFACE: snprintf(out, size, "interface %s", t->name); return;
	case CONFIG_TRACK_CHECK: snprintf(out, size, "check %s", t->name); return;
	case CONFIG_TRACK_PROCESS: snprintf(out, size, "process %s", t->name); return;
	case CONFIG_TRACK_SERVICES_UP:
		snprintf(out, size, "services_up %u%s", t->services_up.value, t->services_up.percent ? "%" : "");
		return;
	}
}

#define LOOK_MS 1000 /* the host is asked once a second */

/* The last probe that passed may have begun an interval before the first one that did not, and a quarter is for those
 * that come late. */
static int64_t check_ms(const struct check_spec *s)
{
	return (int64_t)s->fall * s->interval_ms * 5 / 4 + s->timeout_ms;
}

/* How long it may be down before it is seen so. */
static int64_t unseen_ms(const struct model *m, const struct config_track *t)
{
	int64_t longest = 0;
	switch (t->type) {
	case CONFIG_TRACK_INTERFACE:
	case CONFIG_TRACK_PROCESS: return LOOK_MS;
	case CONFIG_TRACK_CHECK: return check_ms(&t->check->spec);
	case CONFIG_TRACK_SERVICES_UP: break;
	}
	for (uint32_t i = 0; i < m->n_targets; i++)
		if (check_ms(&m->targets[i].check->spec) > longest)
			longest = check_ms(&m->targets[i].check->spec);
	return longest;
}

struct lb_time model_track_fault_since(const struct model *m, const struct config_track *cfg,
	const struct model_track *v, uint32_t n, struct lb_time now)
{
	struct lb_time since = now;
	for (uint32_t i = 0; i < n; i++)
		if (cfg[i].weight == 0 && v[i].is == MODEL_SEEN_DOWN)
			since = lb_time_min(since, lb_time_add_ms(v[i].since, -unseen_ms(m, &cfg[i])));
	return since;
}

enum model_seen model_seen_check(const struct model *m, const struct config_check *check)
{
	const struct model_target *t = check ? model_tracked_target(m, check) : NULL;
	return !t || !t->judged ? MODEL_SEEN_UNKNOWN : t->up ? MODEL_SEEN_UP : MODEL_SEEN_DOWN;
}

/* Whether a service that does not serve may do so without anything having changed: a backend is still to be heard. */
static bool is_unheard(const struct model *m, const struct model_service *s)
{
	if (!s->settled || s->dirty)
		return true;
	for (uint32_t i = 0; i < s->cfg->n_backends; i++)
		if (m->backends[s->first_backend + i].state == MODEL_BACKEND_UNCHECKED)
			return true;
	return false;
}

enum model_seen model_seen_services(const struct model *m, const struct config_share *share)
{
	uint64_t up = 0, all = 0;
	bool unheard = false;
	for (uint32_t i = 0; i < m->n_services; i++) {
		enum model_service_status s = (enum model_service_status)m->services[i].status;
		bool serves = s == MODEL_SERVICE_UP || s == MODEL_SERVICE_DEGRADED;
		up += serves;
		all += s != MODEL_SERVICE_MAINT;
		unheard |= !serves && is_unheard(m, &m->services[i]);
	}
	bool enough = share->percent ? up * 100 >= all * share->value : up >= share->value;
	return enough ? MODEL_SEEN_UP : unheard ? MODEL_SEEN_UNKNOWN : MODEL_SEEN_DOWN;
}
