/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_watch_io.h"

#include "common/clock_io.h"
#include "lbd/check/check_result.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

struct check_watched {
	struct check_watch *w;
	struct check_watched *next;
	struct check_msg_run run;
	int64_t stalled_us;
	struct check_trace trace;
	_Alignas(16) struct check_probe probe; /* and, behind it, what its type has in addition */
};

static void send_ran(struct check_watch *w, const struct check_msg_run *run, const struct check_result *r,
	const struct check_trace *trace)
{
	struct check_msg m = { .type = CHECK_MSG_RAN };
	m.u.ran.token = run->token;
	m.u.ran.id = run->id;
	m.u.ran.result = *r;
	if (trace)
		m.u.ran.trace = *trace;
	/* a step may quote what a stranger sent, and a message holds printable ASCII */
	for (unsigned i = 0; i < m.u.ran.trace.n; i++)
		for (char *c = m.u.ran.trace.steps[i].text; *c; c++)
			if (*c < 0x20 || *c >= 0x7f)
				*c = '?';
	w->send(&m, w->arg);
}

static void could_not(struct check_watch *w, const struct check_msg_run *run, const char *why)
{
	struct check_result r = { 0 };
	check_result_set(&r, CHECK_CODE_SOCKERR, why);
	send_ran(w, run, &r, NULL);
}

static void watched_free(struct check_watched *v)
{
	struct check_watched **at = &v->w->first;
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	v->w->n--;
	free(v);
}

static void on_done(struct check_probe *p, const struct check_result *r, void *arg)
{
	struct check_watched *v = arg;
	struct check_result result = *r;
	check_result_distrust(&result, *v->w->stalled_us - v->stalled_us, p->spec->timeout_ms);
	check_cut_route(v->w->cut, p->spec, &result);
	send_ran(v->w, &v->run, &result, &v->trace);
	watched_free(v);
}

static int start(struct check_watch *w, const struct check_msg_run *run, const struct check_spec *spec)
{
	const struct check_ops *ops = check_ops[spec->type];
	struct check_watched *v = ops ? calloc(1, offsetof(struct check_watched, probe) + ops->size) : NULL;
	if (!v)
		return ops ? -ENOMEM : -EPROTONOSUPPORT;
	v->w = w;
	v->run = *run;
	v->stalled_us = *w->stalled_us;
	v->probe.loop = w->loop;
	v->probe.ops = ops;
	v->probe.spec = spec;
	v->probe.done = on_done;
	v->probe.arg = v;
	v->probe.trace = &v->trace;
	int rc = ops->start(&v->probe, lb_clock_now());
	if (rc) {
		free(v);
		return rc;
	}
	v->next = w->first;
	w->first = v;
	w->n++;
	return 0;
}

void check_watch_run(struct check_watch *w, const struct check_msg_run *run, const struct check_spec *spec)
{
	struct check_result r = { 0 };
	int rc = 0;
	if (!spec)
		could_not(w, run, "it is not probed at the moment");
	else if (w->n >= CHECK_WATCH_MAX)
		could_not(w, run, "too many are run at once");
	else
		rc = start(w, run, spec);
	if (!rc)
		return;
	check_result_connect(&r, -rc, CHECK_FROM_US);
	check_cut_route(w->cut, spec, &r);
	send_ran(w, run, &r, NULL);
}

void check_watch_cancel(struct check_watch *w, const struct check_spec *spec)
{
	for (struct check_watched *v = w->first, *next; v; v = next) {
		next = v->next;
		if (v->probe.spec != spec)
			continue;
		v->probe.ops->cancel(&v->probe);
		could_not(w, &v->run, "its settings changed meanwhile");
		watched_free(v);
	}
}
