/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/check/check_prober_io.h"
#include "lbd/check/check_result.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPTS_MAX   64u /* programs that run at once */
#define WARN_EVERY_US 60000000
#define WARN_LATE_US  1000000
#define RETELL_US     1000000 /* of a text that alone is new: some say something else each time */
#define TURN_US       20000   /* no probe is started in a turn that is older: the rest waits for the next one */

/* ---- probing ---- */

static void arm(struct prober *w, struct target *t)
{
	int64_t wait = lb_time_diff_us(t->due_at, w->base.now);
	ev_timer_stop(w->base.loop, &t->due);
	ev_timer_set(&t->due, wait > 0 ? (double)wait / 1e6 : 0.0, 0.0);
	ev_timer_start(w->base.loop, &t->due);
}

static uint32_t interval_ms(const struct target *t)
{
	return t->fsm.judged && !t->fsm.up ? t->spec.interval_down_ms : t->spec.interval_ms;
}

static void plan_next(struct prober *w, struct target *t)
{
	if (t->unknown)
		t->due_at = check_sched_first(interval_ms(t), w->base.now, &w->rand);
	else
		t->due_at = check_sched_next(t->due_at, interval_ms(t), w->base.now, &w->rand);
	/* a stage that rests has not been probed; what ended in a fault of our own has, and nothing may ever be known
	 * of it */
	t->unknown = t->unknown && t->last.code == CHECK_CODE_INI;
	arm(w, t);
}

static struct lb_time first_due(struct prober *w, const struct target *t)
{
	if (!t->unknown)
		return check_sched_first(interval_ms(t), w->base.now, &w->rand);
	return check_sched_new(&w->turn, check_sched_step_us(t->spec.type), interval_ms(t), w->base.now, &w->rand);
}

static void log_result(const struct target *t)
{
	if (lb_log_get_level() < LB_LOG_DEBUG)
		return;
	char at[LB_ENDPOINT_STRLEN];
	lb_log(LB_LOG_DEBUG, "probe %s: %s (%s, latency=%uus, n=%u)", lb_endpoint_str(&t->spec.addr, t->spec.port, at),
		check_codes[t->last.code].name, t->last.text, t->last.latency_us, t->fsm.n);
}

static void tell_later(struct prober *w, struct target *t)
{
	if (t->unsent_on)
		return;
	t->unsent_on = true;
	TAILQ_INSERT_TAIL(&w->unsent, t, unsent);
}

/* The stages after this one: probed at once when it came up, and when it fell nothing is known of them any more. */
static void wake_stages(struct prober *w, struct target *t)
{
	for (struct target *s = t->stages; s; s = s->next_stage) {
		if (s->run || s->waiting_on)
			continue; /* its result comes by itself */
		s->due_at = w->base.now;
		arm(w, s);
	}
}

/* Whether a stage has to wait. One that waits has not been judged; what it said before is forgotten. */
static bool rests(struct prober *w, struct target *t)
{
	if (!t->before || (t->before->fsm.judged && t->before->fsm.up))
		return false;
	if (t->fsm.judged || t->last.code != CHECK_CODE_INI) {
		check_fsm_init(&t->fsm, t->spec.rise, t->spec.fall, NULL);
		t->last = (struct check_result){ .code = CHECK_CODE_INI, .text = "waits for the check before it" };
		t->smooth = (struct check_smooth){ 0 };
		tell_later(w, t);
		wake_stages(w, t);
	}
	return true;
}

/* By which interface it is reached: asked at the first pass of several, so a steady state asks nothing. */
static void note_way(const struct prober *w, struct target *t, enum check_code was)
{
	if (check_codes[t->last.code].verdict != CHECK_VERDICT_PASS ||
		(t->way_asked && check_codes[was].verdict == CHECK_VERDICT_PASS))
		return;
	t->way_asked = true;
	t->way = check_cut_way(&w->cut, &t->spec);
}

static void judge(struct prober *w, struct target *t, const struct check_result *r)
{
	struct check_fsm before = t->fsm;
	struct check_result was = t->last;
	t->last = *r;
	note_way(w, t, was.code);
	/* a failure says nothing about the weight: the last one holds until the backend speaks again */
	t->last.weight = check_codes[r->code].verdict == CHECK_VERDICT_PASS
				 ? check_weight_smooth(&t->smooth, &t->spec.params, &r->weight)
				 : was.weight;
	check_fsm_step(&t->fsm, check_codes[r->code].verdict);
	log_result(t);
	bool flip = before.up != t->fsm.up || before.judged != t->fsm.judged;
	/* the core shows people what the last probe found: it must not be what one found long ago */
	t->text_new |= strcmp(was.text, r->text) != 0;
	bool text = t->text_new && lb_time_diff_us(w->base.now, t->told_at) >= RETELL_US;
	bool weight = was.weight.kind != t->last.weight.kind || was.weight.value != t->last.weight.value;
	if (flip || weight || before.n != t->fsm.n || was.code != r->code || text)
		tell_later(w, t);
	if (flip)
		wake_stages(w, t);
}

/* Whether it is time for another warning: what is wrong is wrong for every probe. */
static bool may_warn(struct prober *w)
{
	if (w->warned_at.us != 0 && lb_time_diff_us(w->base.now, w->warned_at) <= WARN_EVERY_US)
		return false;
	w->warned_at = w->base.now;
	return true;
}

/* What the kernel says of the route. What is down, or was never seen, has nothing to lose by a link that is gone. */
static void ask_kernel(const struct prober *w, const struct target *t, struct lb_time began, struct check_result *r)
{
	check_cut_route(&w->cut, &t->spec, r);
	if (t->fsm.judged && t->fsm.up)
		check_cut_distrust(&w->cut, &t->spec, t->way, began, r);
}

static void on_done(struct check_probe *p, const struct check_result *r, void *arg)
{
	struct prober *w = arg;
	struct run *run = (struct run *)((char *)p - offsetof(struct run, probe));
	struct target *t = run->t;
	struct check_result result = *r;
	check_result_distrust(&result, w->stalled_us - run->stalled_us, t->spec.timeout_ms);
	ask_kernel(w, t, p->started, &result);
	t->run = NULL;
	w->running--;
	free(run);
	judge(w, t, &result);
	plan_next(w, t);
	prober_start_waiting(w);
}

static void note_late(struct prober *w, int64_t late_us)
{
	w->probes++;
	check_lateness_add(&w->lateness, late_us);
	if (late_us > WARN_LATE_US && may_warn(w))
		lb_log(LB_LOG_WARNING, "probes start late, %u ms: more are due than can be made here",
			(uint32_t)(late_us / 1000));
}

static void start_run(struct prober *w, struct target *t)
{
	const struct check_ops *ops = check_ops[t->spec.type];
	int rc = ops ? -ENOMEM : -EPROTONOSUPPORT;
	struct run *run = ops ? calloc(1, offsetof(struct run, probe) + ops->size) : NULL;
	if (run) {
		run->t = t;
		run->stalled_us = w->stalled_us;
		run->probe.loop = w->base.loop;
		run->probe.ops = ops;
		run->probe.spec = &t->spec;
		run->probe.done = on_done;
		run->probe.arg = w;
		w->clock = lb_clock_now();
		note_late(w, lb_time_diff_us(w->clock, t->due_at));
		rc = ops->start(&run->probe, w->clock);
	}
	if (rc == 0) {
		t->run = run;
		w->running++;
		return;
	}
	free(run);
	struct check_result r = { 0 };
	check_result_connect(&r, -rc, CHECK_FROM_US);
	ask_kernel(w, t, w->base.now, &r);
	judge(w, t, &r);
	plan_next(w, t);
}

/* When more is due than can be made, a turn that started all of it would take seconds: answers would wait, no ping be
 * answered, and the kernel end us for a loop that hangs. */
static bool in_turn(const struct prober *w)
{
	return lb_time_diff_us(w->clock, w->base.now) < TURN_US;
}

void prober_start_waiting(struct prober *w)
{
	while (!TAILQ_EMPTY(&w->waiting) && prober_may_start(w) && in_turn(w)) {
		struct target *t = TAILQ_FIRST(&w->waiting);
		TAILQ_REMOVE(&w->waiting, t, waiting);
		t->waiting_on = false;
		w->n_waiting--;
		start_run(w, t);
	}
}

static void on_due(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)events;
	struct prober *w = ev_userdata(loop);
	struct target *t = (struct target *)((char *)ev - offsetof(struct target, due));
	if (lb_time_cmp(w->base.now, t->due_at) < 0) {
		arm(w, t);
		return;
	}
	prober_note_lag(w, t->due_at, w->base.now);
	if (rests(w, t)) {
		plan_next(w, t);
		return;
	}
	if (TAILQ_EMPTY(&w->waiting) && prober_may_start(w) && in_turn(w)) {
		start_run(w, t);
		return;
	}
	t->waiting_on = true;
	TAILQ_INSERT_TAIL(&w->waiting, t, waiting);
	w->n_waiting++;
	if (!prober_may_start(w) && may_warn(w))
		lb_log(LB_LOG_WARNING, "probes wait: %u run at once, which is all that %s", w->limit,
			w->limit == SCRIPTS_MAX ? "scripts may: give them longer intervals" : "RLIMIT_NOFILE allows");
}

/* ---- targets ---- */

/* A stage is set after the one before it. Where that is unknown here (it is probed in another room), the stage does not
 * wait: the core does not look at it until the one before it is up. */
static void stage_link(struct prober *w, struct target *t)
{
	uint32_t id = t->spec.after - 1;
	if (t->spec.after)
		HASH_FIND(hh, w->targets, &id, sizeof(id), t->before);
	if (!t->before)
		return;
	t->next_stage = t->before->stages;
	t->before->stages = t;
}

static void stage_unlink(struct target *t)
{
	for (struct target *s = t->stages; s; s = s->next_stage)
		s->before = NULL;
	for (struct target **p = t->before ? &t->before->stages : NULL; p && *p; p = &(*p)->next_stage)
		if (*p == t) {
			*p = t->next_stage;
			break;
		}
}

void prober_target_free(struct prober *w, struct target *t)
{
	stage_unlink(t);
	ev_timer_stop(w->base.loop, &t->due);
	check_watch_cancel(&w->watch, &t->spec);
	if (t->run) {
		t->run->probe.ops->cancel(&t->run->probe);
		free(t->run);
		w->running--;
	}
	if (t->unsent_on)
		TAILQ_REMOVE(&w->unsent, t, unsent);
	if (t->waiting_on) {
		TAILQ_REMOVE(&w->waiting, t, waiting);
		w->n_waiting--;
	}
	HASH_DELETE(hh, w->targets, t); /* NOLINT(clang-analyzer-*): it does not see that t is in the table */
	free(t);
}

static struct target *target_new(const struct check_msg_target *in)
{
	const struct check_spec *s = &in->spec;
	struct target *t = calloc(1, sizeof(*t) + s->params.n);
	if (!t)
		return NULL;
	t->id = in->id;
	t->spec = *s;
	t->spec.name = NULL;
	if (s->params.n)
		t->spec.params.bytes = memcpy(t->bytes, s->params.bytes, s->params.n);
	check_fsm_init(&t->fsm, s->rise, s->fall, &in->state);
	t->last = in->state.last;
	t->told_judged = t->fsm.judged;
	t->told_up = t->fsm.up;
	t->unknown = !t->fsm.judged;
	ev_init(&t->due, on_due);
	return t;
}

void prober_target_set(struct prober *w, const struct check_msg_target *in)
{
	struct target *t;
	/* a program costs the host more than a connection does; where there is one, everything else is one, too */
	if (check_types[in->spec.type].room == CHECK_ROOM_SCRIPT && w->limit > SCRIPTS_MAX)
		w->limit = SCRIPTS_MAX;
	HASH_FIND(hh, w->targets, &in->id, sizeof(in->id), t);
	if (t && check_spec_equal(&t->spec, &in->spec))
		return; /* nothing new: neither its schedule nor its counter may be disturbed */
	if (t)
		prober_target_free(w, t);
	t = target_new(in);
	if (t) {
		HASH_ADD(hh, w->targets, id, sizeof(t->id), t);
		if (!t->hh.tbl) { /* how uthash says that memory is out */
			free(t);
			t = NULL;
		}
	}
	if (!t) {
		lb_log(LB_LOG_ERROR, "target %u: out of memory", in->id);
		lb_room_end(&w->base, 1);
		return;
	}
	stage_link(w, t);
	t->due_at = first_due(w, t);
	arm(w, t);
	prober_start_waiting(w); /* the one that was replaced may have been running */
}

void prober_target_del(struct prober *w, uint32_t id)
{
	struct target *t;
	HASH_FIND(hh, w->targets, &id, sizeof(id), t);
	if (!t)
		return; /* deleting twice is harmless: the end is the same */
	prober_target_free(w, t);
	prober_start_waiting(w);
}

void prober_run_now(struct prober *w, const struct check_msg_run *run)
{
	struct target *t;
	HASH_FIND(hh, w->targets, &run->id, sizeof(run->id), t);
	check_watch_run(&w->watch, run, t ? &t->spec : NULL);
}
