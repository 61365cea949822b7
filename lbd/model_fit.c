/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/model_fit.h"

void model_fit_fault(struct model_fit *f, struct lb_time since)
{
	if (since.us <= 0) /* the machine was not up yet */
		since.us = 1;
	f->since = f->since.us ? lb_time_min(f->since, since) : since;
}

static bool since_then(const struct model_fit *f, struct lb_time at)
{
	return at.us && lb_time_cmp(at, f->since) >= 0;
}

/* Its last word is no pass, and not from before: what was down before the fault may be down for good, and what could
 * not be probed may never be. */
static bool fell(const struct model_fit *f, const struct model_target *t)
{
	return t->judged && (since_then(f, t->failing_since) || (t->up && since_then(f, t->error_since)));
}

/* A server that is well passes at once where it never fell, else `rise` times, the last of them at most a timeout after
 * it was asked. */
static int64_t back_ms(const struct model_target *t)
{
	const struct check_spec *s = &t->check->spec;
	int64_t ms = (t->up ? (int64_t)s->interval_ms : (int64_t)s->rise * s->interval_down_ms) + s->timeout_ms;
	return ms < MODEL_FIT_MAX_MS ? ms : MODEL_FIT_MAX_MS;
}

void model_fit_over(struct model_fit *f, const struct model *m, struct lb_time now)
{
	int64_t longest_ms = 0;
	if (f->since.us == 0)
		return;
	for (uint32_t i = 0; m && i < m->n_targets; i++)
		if (fell(f, &m->targets[i]) && back_ms(&m->targets[i]) > longest_ms)
			longest_ms = back_ms(&m->targets[i]);
	f->at = 0;
	f->until = longest_ms ? lb_time_add_ms(now, longest_ms) : (struct lb_time){ 0 };
}

bool model_fit_waits(struct model_fit *f, const struct model *m, struct lb_time now)
{
	if (f->until.us == 0 || lb_time_cmp(now, f->until) >= 0)
		return false;
	while (m && f->at < m->n_targets && !fell(f, &m->targets[f->at]))
		f->at++;
	return m && f->at < m->n_targets;
}

void model_fit_forget(struct model_fit *f)
{
	*f = (struct model_fit){ 0 };
}

void model_fit_model(struct model_fit *f)
{
	f->at = 0;
}
