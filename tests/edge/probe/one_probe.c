/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/edge/probe/one_probe.h"
#include "common/clock_io.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 5

static void on_done(struct check_probe *p, const struct check_result *r, void *arg)
{
	struct outcome *o = arg;
	(void)p;
	o->done++;
	o->r = *r;
	ev_break(o->loop, EVBREAK_ALL);
}

static void on_guard(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static struct outcome probe_once(const struct check_spec *spec, double run_ms)
{
	struct outcome o = { .loop = ev_loop_new(EVFLAG_AUTO) };
	const struct check_ops *ops = check_ops[spec->type];
	struct check_probe *p = calloc(1, ops->size);
	struct check_trace trace = { .n = 0 };
	ev_timer guard;
	p->loop = o.loop;
	p->ops = ops;
	p->spec = spec;
	p->done = on_done;
	p->arg = &o;
	p->trace = &trace;
	ck_assert_int_eq(ops->start(p, lb_clock_now()), 0);
	ck_assert_uint_eq(o.done, 0); /* never inside start */
	ev_timer_init(&guard, on_guard, run_ms / 1000, 0.0);
	ev_timer_start(o.loop, &guard);
	ev_run(o.loop, 0);
	ev_timer_stop(o.loop, &guard);
	ops->cancel(p);
	ops->cancel(p);
	ck_assert_uint_eq(ev_pending_count(o.loop), 0);
	free(p);
	ev_run(o.loop, EVRUN_NOWAIT); /* nothing may be left on the loop */
	ev_loop_destroy(o.loop);
	return o;
}

struct outcome probe(const struct check_spec *spec, double run_ms)
{
	struct outcome o = { 0 };
	for (int i = 0; i < TRIES; i++) {
		o = probe_once(spec, run_ms);
		if (!o.done || strcmp(o.r.text, "probe ran too late") != 0)
			break;
	}
	return o;
}
