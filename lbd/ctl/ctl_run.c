/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_run.h"

#include "lbd/ctl/ctl_reply.h"
#include "lbd/ctl/ctl_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct part { /* one check; copied, because the model may be another one when the answer comes */
	uint32_t token;
	bool over;
	enum check_type type;
	char check[64], target[LB_ENDPOINT_STRLEN];
};

struct run {
	struct ctl_runs *runs;
	struct run *next;
	struct ctl_reply *reply;
	char service[64], backend[64];
	uint32_t n, left, passed;
	struct part parts[CONFIG_SERVICE_CHECKS_MAX];
};

struct ctl_runs {
	struct run *first;
	uint32_t next_token;
};

struct ctl_runs *ctl_runs_new(void)
{
	return calloc(1, sizeof(struct ctl_runs));
}

void ctl_runs_free(struct ctl_runs *runs)
{
	free(runs);
}

/* Takes it off the list and frees it. */
static void gone(void *state)
{
	struct run *run = state, **at = &run->runs->first;
	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	free(run);
}

static void end(struct run *run, enum lb_code code, const char *text)
{
	struct ctl_reply *r = run->reply;
	gone(run);
	ctl_reply_end(r, code, text, NULL);
}

static json_t *steps_of(const struct check_trace *t)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < t->n; i++) {
		json_t *step = json_object();
		ctl_put(step, "at", json_real(t->steps[i].at_us / 1e6));
		ctl_put(step, "text", json_string(t->steps[i].text));
		json_array_append_new(list, step);
	}
	return list;
}

static json_t *row_of(const struct run *run, const struct part *p, const struct check_msg_ran *ran)
{
	static const char *const words[] = {
		[CHECK_VERDICT_NONE] = "error",
		[CHECK_VERDICT_PASS] = "passed",
		[CHECK_VERDICT_FAIL] = "failed",
		[CHECK_VERDICT_ERROR] = "error",
	};
	json_t *row = json_object();
	if (!row)
		return NULL;
	ctl_put(row, "service", json_string(run->service));
	ctl_put(row, "backend", json_string(run->backend));
	ctl_put(row, "check", json_string(p->check));
	ctl_put(row, "type", json_string(check_types[p->type].name));
	ctl_put(row, "target", json_string(p->target));
	ctl_put(row, "result", json_string(words[check_codes[ran->result.code].verdict]));
	ctl_put(row, "code", json_string(check_codes[ran->result.code].name));
	ctl_put(row, "latency", json_real(ran->result.latency_us / 1e6));
	ctl_put(row, "text", json_string(ran->result.text));
	ctl_put(row, "steps", steps_of(&ran->trace));
	return row;
}

static void finish(struct run *run)
{
	char text[240];
	if (run->passed == run->n)
		snprintf(text, sizeof(text),
			run->n == 1 ? "backend %s/%s: its check passed" : "backend %s/%s: all %u checks passed",
			run->service, run->backend, run->n);
	else if (run->n == 1)
		snprintf(text, sizeof(text), "backend %s/%s: its check did not pass", run->service, run->backend);
	else
		snprintf(text, sizeof(text), "backend %s/%s: %u of %u checks did not pass", run->service, run->backend,
			run->n - run->passed, run->n);
	end(run, run->passed == run->n ? LB_CODE_OK : LB_CODE_NO, text);
}

void ctl_run_result(struct ctl_runs *runs, enum check_room room, const struct check_msg_ran *ran)
{
	for (struct run *run = runs->first; run; run = run->next)
		for (uint32_t i = 0; i < run->n; i++) {
			struct part *p = &run->parts[i];
			if (p->token != ran->token || p->over || check_types[p->type].room != room)
				continue;
			p->over = true;
			run->passed += check_codes[ran->result.code].verdict == CHECK_VERDICT_PASS;
			ctl_reply_row(run->reply, row_of(run, p, ran));
			if (run->reply->state == CTL_REPLY_ENDED) /* memory was out: it has been told */
				gone(run);
			else if (--run->left == 0)
				finish(run);
			return;
		}
}

static bool waits_for(const struct run *run, enum check_room room)
{
	for (uint32_t i = 0; i < run->n; i++)
		if (!run->parts[i].over && check_types[run->parts[i].type].room == room)
			return true;
	return false;
}

void ctl_runs_lost(struct ctl_runs *runs, enum check_room room, const char *why)
{
	for (struct run *run = runs->first, *next; run; run = next) {
		next = run->next;
		if (waits_for(run, room))
			end(run, LB_CODE_FAILED, why);
	}
}

static uint32_t waited_for(const struct ctl_runs *runs)
{
	uint32_t n = 0;
	for (const struct run *run = runs->first; run; run = run->next)
		n += run->left;
	return n;
}

/* Two checks of equal settings are one target, and one probe. */
static bool asked_before(const struct model *m, uint32_t backend, uint32_t check)
{
	for (uint32_t i = 0; i < check; i++)
		if (model_backend_target(m, backend, i) == model_backend_target(m, backend, check))
			return true;
	return false;
}

/* NULL, or why this cannot be run. */
static const char *refusal(const struct ctl_env *env, uint32_t backend)
{
	const struct model *m = env->model;
	uint32_t n = m->services[m->backends[backend].service].cfg->n_checks;
	if (n == 0)
		return "has no check";
	if (waited_for(env->runs) + n > CTL_RUN_PROBES_MAX)
		return "has to wait: too many checks are being run, try again";
	for (uint32_t i = 0; i < n; i++)
		if (!model_target_wanted(model_backend_target(m, backend, i)))
			return "is in maintenance, where nothing is probed: drain or enable it first";
	return NULL;
}

static int ask(struct ctl_env *env, uint32_t backend, struct run *run)
{
	const struct model *m = env->model;
	uint32_t n = m->services[m->backends[backend].service].cfg->n_checks;
	int err = 0;
	for (uint32_t i = 0; i < n && !err; i++) {
		const struct model_target *t = model_backend_target(m, backend, i);
		if (asked_before(m, backend, i))
			continue;
		struct part *p = &run->parts[run->n++];
		p->token = ++env->runs->next_token;
		p->type = t->check->spec.type;
		snprintf(p->check, sizeof(p->check), "%s", t->check->name);
		lb_endpoint_str(&t->addr, t->port, p->target);
		err = env->ops->probe_run(env->arg, p->token, t->id);
	}
	run->left = run->n;
	return err;
}

void ctl_run(struct ctl_env *env, uint32_t backend, struct ctl_reply *r)
{
	const struct model_backend *b = &env->model->backends[backend];
	const char *service = env->model->services[b->service].cfg->name, *why = refusal(env, backend);
	char text[300];
	if (why) {
		snprintf(text, sizeof(text), "backend %s/%s %s", service, b->cfg->name, why);
		ctl_reply_end(r, LB_CODE_REFUSED, text, NULL);
		return;
	}
	struct run *run = calloc(1, sizeof(*run));
	if (!run) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	run->runs = env->runs;
	run->reply = r;
	snprintf(run->service, sizeof(run->service), "%s", service);
	snprintf(run->backend, sizeof(run->backend), "%s", b->cfg->name);
	if (ask(env, backend, run)) {
		free(run); /* what was asked already is answered to nobody */
		ctl_reply_end(r, LB_CODE_FAILED, "the process that probes is not there; try again", NULL);
		return;
	}
	run->next = env->runs->first;
	env->runs->first = run;
	ctl_reply_hold(r, gone, run);
}
