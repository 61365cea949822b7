/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/model_error.h"

static void put_first(struct model *m, struct model_target *t)
{
	uint32_t at = (uint32_t)(t - m->targets);
	t->error_before = MODEL_NONE;
	t->error_after = m->first_error;
	if (m->first_error != MODEL_NONE)
		m->targets[m->first_error].error_before = at;
	m->first_error = at;
}

void model_error_build(struct model *m)
{
	m->first_error = MODEL_NONE;
	for (uint32_t i = m->n_targets; i-- > 0;)
		if (m->targets[i].error_since.us)
			put_first(m, &m->targets[i]);
}

void model_error_begin(struct model *m, struct model_target *t, struct lb_time now)
{
	if (t->error_since.us)
		return;
	t->error_since.us = now.us ? now.us : 1;
	put_first(m, t);
}

void model_error_end(struct model *m, struct model_target *t)
{
	if (!t->error_since.us)
		return;
	t->error_since.us = 0;
	if (t->error_before != MODEL_NONE)
		m->targets[t->error_before].error_after = t->error_after;
	else
		m->first_error = t->error_after;
	if (t->error_after != MODEL_NONE)
		m->targets[t->error_after].error_before = t->error_before;
}

struct look {
	const struct model *m;
	struct lb_time from, now;
};

static bool is_due(const struct look *k, const struct model_target *t)
{
	const struct check_spec *s = &t->check->spec;
	uint32_t interval_ms = t->judged && !t->up ? s->interval_down_ms : s->interval_ms;
	int64_t ms = MODEL_ERROR_PROBES * ((int64_t)interval_ms + s->timeout_ms);
	struct lb_time since = lb_time_cmp(t->error_since, k->from) < 0 ? k->from : t->error_since;
	return t->error_since.us &&
	       lb_time_diff_us(k->now, since) >= 1000 * (ms > MODEL_ERROR_MS ? ms : MODEL_ERROR_MS);
}

/* Whether another one of its checks counts the backend of this link. */
static bool is_counted(const struct look *k, uint32_t link)
{
	const struct model *m = k->m;
	for (uint32_t l = m->backends[m->links[link].backend].first_link; l < link; l++)
		if (is_due(k, &m->targets[m->links[l].target]))
			return true;
	return false;
}

static void add(const struct look *k, const struct model_target *t, struct model_errors *out)
{
	const struct model *m = k->m;
	uint32_t first = MODEL_NONE;
	for (uint32_t l = t->first_link; l != MODEL_NONE; l = m->links[l].next) {
		uint32_t b = m->links[l].backend;
		if (model_admin_state(&m->backends[b]) == CONFIG_STATE_MAINT)
			continue;
		out->backends += !is_counted(k, l);
		first = first < b ? first : b;
	}
	bool wanted = first != MODEL_NONE || t->tracked;
	int later = out->first ? lb_time_cmp(t->error_since, out->first->error_since) : -1;
	if (!wanted || later > 0 || (later == 0 && first >= out->backend))
		return;
	out->first = t;
	out->backend = first;
}

bool model_errors_due(const struct model *m, struct lb_time from, struct lb_time now, struct model_errors *out)
{
	const struct look k = { m, from, now };
	*out = (struct model_errors){ .backend = MODEL_NONE };
	for (uint32_t i = m->first_error; i != MODEL_NONE && lb_time_cmp(from, now) <= 0; i = m->targets[i].error_after)
		if (is_due(&k, &m->targets[i]))
			add(&k, &m->targets[i], out);
	return out->first != NULL;
}
