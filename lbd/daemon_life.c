/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of generations (life.h): its steps are done here. A rollback takes the way of every change, without
 * being stored; then the kernel is compared with what should be there, in slices, and the answer is what was found.
 */
#include "lbd/daemon_life.h"
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/ctl/ctl_kernel.h"
#include "lbd/ctl/ctl_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLD  20 /* differences in the log, */
#define SHOWN 5  /* and in the answer; the count is exact */

struct life_look {
	struct daemon *d;
	struct ctl_reply reply;
	struct lb_time slice;
	uint32_t differences;
	char list[600]; /* the first of them, a line each */
	struct lb_err end;
};

/* ---- steps ---- */

static void answer(struct daemon *d, const struct life_event *ev, const struct life_acts *acts, struct lb_err *said)
{
	struct ctl_reply *r = d->life.reply;
	lb_err_set(said, acts->code, "%s", acts->text);
	if (ev->type != LIFE_EVENT_LOOKED && ev->type != LIFE_EVENT_LOADED)
		return; /* the caller tells it */
	daemon_event(d,
		&(struct event){ .id = LB_EVENT_CONFIG_ROLLED_BACK,
			.level = acts->code ? LB_LOG_ERROR : LB_LOG_WARNING,
			.reason = d->life.life.why },
		"config/%u: %s (%s)", d->life.life.gave_up, acts->text, d->life.life.why);
	char text[LIFE_TEXT + 600];
	snprintf(text, sizeof(text), "%s%s", acts->text, d->life.look ? d->life.look->list : "");
	d->life.reply = NULL;
	if (r)
		ctl_reply_end(r, acts->code, text, NULL);
}

static struct daemon_mark *owed(struct daemon *d, uint32_t number)
{
	lb_vec_foreach (m, &d->life.owed)
		if (m->number == number)
			return m;
	return NULL;
}

static void owe(struct daemon *d, uint32_t number, const char *why)
{
	struct daemon_mark *m = owed(d, number) ? NULL : lb_vec_push(&d->life.owed);
	if (!m)
		return; /* without memory the next start marks it, and does not know why */
	m->number = number;
	snprintf(m->why, sizeof(m->why), "%s", why);
}

static void forget(struct daemon *d, uint32_t number)
{
	struct daemon_mark *m = owed(d, number);
	if (m)
		*m = d->life.owed.v[--d->life.owed.n];
}

static void tell_marked(struct daemon *d, uint32_t number, const char *state, const char *why)
{
	daemon_event(d, &(struct event){ .id = LB_EVENT_CONFIG_STATE, .new = state, .reason = why },
		"config/%u: -> %s%s%s%s", number, state, why[0] ? " (" : "", why, why[0] ? ")" : "");
}

static void tell_note(struct daemon *d)
{
	enum lb_log_level level = d->last_reject ? LB_LOG_ERROR : LB_LOG_WARNING;
	if (d->life.note[0])
		daemon_event(d, &(struct event){ .id = LB_EVENT_CONFIG_START, .level = level },
			"config/%u: generation %u %s", d->generation, d->generation, d->life.note);
}

/* One that must be on the disk, and is not, is refused; any other is owed. */
static int mark(struct daemon *d, const struct life_act *act, struct lb_err *e)
{
	const struct daemon_mark *before = owed(d, act->number);
	bool back = act->state == GENERATION_ROLLED_BACK;
	char why[GENERATION_MESSAGE_MAX + 1];
	snprintf(why, sizeof(why), "%s", !back ? "" : before ? before->why : d->life.life.why);
	int failed = daemon_generation_mark(d, act->number, act->state, why, e);
	const char *state = generation_states[act->state];
	if (failed)
		daemon_event(d, &(struct event){ .id = LB_EVENT_CONFIG_NOT_MARKED, .new = state, .reason = e->text },
			"config/%u: cannot be stored as %s: %s", act->number, state, e->text);
	else
		tell_marked(d, act->number, state, why);
	if (!failed)
		forget(d, act->number);
	else if (!act->must)
		owe(d, act->number, why);
	if (!failed && act->state == GENERATION_CONFIRMED)
		daemon_overrides_prune(d); /* what is not in it does not come back */
	return failed;
}

bool daemon_life_owes(const struct daemon *d)
{
	return d->life.owed.n > 0;
}

void daemon_life_pay(struct daemon *d)
{
	for (size_t i = d->life.owed.n; i-- > 0;) {
		const struct daemon_mark m = d->life.owed.v[i];
		struct lb_err e;
		int failed = daemon_generation_mark(d, m.number, GENERATION_ROLLED_BACK, m.why, &e);
		if (!failed)
			tell_marked(d, m.number, generation_states[GENERATION_ROLLED_BACK], m.why);
		if (!failed || e.code == LB_CODE_NOT_FOUND) /* removed, or set aside */
			forget(d, m.number);
	}
}

static void look_begin(struct daemon *d);

struct lb_err daemon_life_step(struct daemon *d, const struct life_event *ev)
{
	struct life_acts acts;
	struct lb_err said = { 0 }, why;
	struct life_event marked = { .type = LIFE_EVENT_MARKED, .heads = ev->heads, .text = why.text };
	life_step(&d->life.life, ev, lb_clock_boot(), &acts);
	for (size_t i = 0; i < acts.n && !marked.failed; i++) {
		switch (acts.v[i].type) {
		case LIFE_ACT_MARK: marked.failed = mark(d, &acts.v[i], &why) && acts.v[i].must; break;
		case LIFE_ACT_RUN: d->life.run = acts.v[i].number; break;
		case LIFE_ACT_LOOK: look_begin(d); break;
		}
	}
	if (acts.said)
		answer(d, ev, &acts, &said);
	daemon_more(d);
	d->changed = true;
	return d->life.life.doing == LIFE_NOTHING ? said : daemon_life_step(d, &marked);
}

/* With what is on the disk. */
static struct lb_err step_with_heads(struct daemon *d, struct life_event *ev)
{
	static const struct life_heads none; /* without memory: enough to go back from what is pending */
	struct life_heads *heads = malloc(sizeof(*heads));
	if (heads)
		daemon_heads(d, heads);
	ev->heads = heads ? heads : &none;
	struct lb_err said = daemon_life_step(d, ev);
	free(heads);
	return said;
}

int daemon_life_may_apply(struct daemon *d, struct lb_err *e)
{
	const struct life_event ev = { .type = LIFE_EVENT_APPLY };
	struct lb_err said = daemon_life_step(d, &ev);
	if (!said.code)
		return 0;
	*e = said;
	return -1;
}

/* A start runs the newest that is confirmed, whatever the trial before it began with. */
static int is_newest(struct daemon *d, struct lb_err *why)
{
	struct life_heads *heads = malloc(sizeof(*heads));
	if (!heads)
		return lb_err_set(why, LB_CODE_FAILED, "out of memory");
	daemon_heads(d, heads);
	uint32_t newest = life_older(heads, UINT32_MAX);
	bool unread = heads->unread > d->generation || (d->unsure && d->unstored.sources.n);
	free(heads);
	if (unread)
		return lb_err_set(
			why, LB_CODE_FAILED, "not every generation can be read, and a newer one may be confirmed");
	if (newest > d->generation)
		return lb_err_set(why, LB_CODE_FAILED, "generation %u is confirmed, too, and newer", newest);
	return 0;
}

int daemon_life_may_pend(struct daemon *d, struct lb_err *e)
{
	struct lb_text raw = LB_TEXT_INIT;
	struct generation g = { 0 };
	struct lb_err why;
	if (is_newest(d, &why))
		return lb_err_set(e, LB_CODE_FAILED,
			"generation %u, which runs, is not what a start would go back to: %.300s; apply without "
			"--confirm",
			d->generation, why.text);
	int failed = daemon_generation_load(d, d->generation, &raw, &g, &why);
	if (failed || g.state != GENERATION_CONFIRMED)
		failed = lb_err_set(e, LB_CODE_FAILED,
			"there would be nothing to go back to: generation %u, which runs, is not stored as "
			"confirmed%s%.300s; "
			"apply without --confirm",
			d->generation, failed ? ": " : "", failed ? why.text : "");
	generation_done(&g);
	lb_text_done(&raw);
	return failed;
}

static void client_gone(void *arg)
{
	struct daemon *d = arg;
	d->life.reply = NULL; /* what was begun is ended */
}

void daemon_life_rollback(struct daemon *d, uint32_t number, const char *why, struct ctl_reply *r)
{
	struct life_event ev = { .type = LIFE_EVENT_ROLLBACK, .number = number, .text = why };
	struct lb_err said = { LB_CODE_REFUSED, "a configuration is being rolled back: try again in a moment" }, e;
	if (d->apply && d->life.life.phase != LIFE_PENDING) /* it may be about to run */
		lb_err_set(&said, LB_CODE_REFUSED, "another configuration is being loaded: try again in a moment");
	else if (!d->life.reply && daemon_generation_known(d, &e)) /* the file has it: the next start would run it */
		lb_err_set(&said, LB_CODE_FAILED,
			"not rolled back, generation %u is running, and is not stored: %.300s", d->generation, e.text);
	else if (!d->life.reply)
		said = step_with_heads(d, &ev);
	if (said.code && r)
		ctl_reply_error(r, &said);
	if (said.code || !r)
		return;
	d->life.reply = r; /* it is being loaded */
	ctl_reply_hold(r, client_gone, d);
}

void daemon_life_loaded(struct daemon *d, bool failed, const char *text)
{
	struct life_event ev = { .type = LIFE_EVENT_LOADED, .failed = failed, .text = text ? text : "" };
	bool forward = d->life.life.phase == LIFE_FORWARD;
	if (failed)
		lb_log(LB_LOG_ERROR, "config: generation %u cannot be used: %s", d->life.life.to, ev.text);
	else if (forward)
		daemon_event(d, &(struct event){ .id = LB_EVENT_CONFIG_APPLIED, .user = "lbd" },
			"config/%u: runs, the newest confirmed: it can be read now", d->generation);
	(void)step_with_heads(d, &ev);
	if (forward && d->life.life.phase == LIFE_RUNS)
		tell_note(d);
}

/* ---- comparing the kernel ---- */

static void look_line(void *arg, const char *s, size_t n)
{
	struct life_look *look = arg;
	struct lb_err e;
	json_t *msg = lb_proto_parse(s, n - 1, &e), *row = json_object_get(msg, "row"),
	       *end = json_object_get(msg, "end");
	const char *op = lb_proto_str(row, "op"), *note = lb_proto_str(row, "note"),
		   *text = lb_proto_str(end, "message");
	if (op && strcmp(op, "keep") != 0) {
		size_t at = strlen(look->list);
		if (look->differences++ < SHOWN)
			snprintf(look->list + at, sizeof(look->list) - at, "\n  %.100s", note ? note : op);
		if (look->differences <= TOLD)
			lb_log(LB_LOG_ERROR, "config/%u: not as it was: %s", look->d->generation, note ? note : op);
		if (look->d->life.reply)
			ctl_reply_row(look->d->life.reply, json_incref(row));
	}
	if (end)
		lb_err_set(&look->end, (enum lb_code)lb_proto_int(end, "code", LB_CODE_FAILED), "%s", text ? text : "");
	json_decref(msg);
}

static bool look_full(void *arg)
{
	(void)arg;
	return false;
}

static bool look_later(void *arg)
{
	const struct life_look *look = arg;
	return lb_time_diff_us(lb_clock_now(), look->slice) >= SLICE_US;
}

static void look_ended(void *arg)
{
	(void)arg; /* seen before the loop sleeps */
}

static const struct ctl_sink look_sink = {
	.line = look_line, .full = look_full, .ended = look_ended, .later = look_later
};

static void look_free(struct daemon *d)
{
	struct life_look *look = d->life.look;
	d->life.look = NULL;
	if (look)
		ctl_reply_done(&look->reply);
	free(look);
}

static void look_begin(struct daemon *d)
{
	struct life_look *look = calloc(1, sizeof(*look));
	look_free(d);
	d->life.look = look;
	if (!look)
		return; /* told by the next turn */
	look->d = d;
	look->slice = lb_clock_now();
	ctl_reply_init(&look->reply, &look_sink, look);
	ctl_reply_begin(&look->reply, 1, 0);
	daemon_env_refresh(d);
	ctl_kernel_diff(&d->env, NULL, &look->reply);
}

static void look_turn(struct daemon *d)
{
	struct life_look *look = d->life.look;
	struct life_event ev = { .type = LIFE_EVENT_LOOKED, .failed = !look, .text = "out of memory" };
	if (look) {
		look->slice = lb_clock_now();
		if (ctl_reply_pump(&look->reply)) {
			daemon_more(d);
			return;
		}
		ev.differences = look->differences;
		ev.failed = look->end.code > LB_CODE_NO;
		ev.text = d->kernel_missing ? "this kernel has no IPVS" : look->end.text;
	}
	(void)daemon_life_step(d, &ev);
	look_free(d);
}

/* ---- the deadline ---- */

static bool due(const struct daemon *d)
{
	const struct life *l = &d->life.life;
	bool waits = l->phase == LIFE_PENDING || (l->phase == LIFE_STUCK && !d->apply); /* that one is the way out */
	return waits && !l->asking && lb_time_cmp(lb_clock_boot(), l->deadline) >= 0;
}

bool daemon_life_turn(struct daemon *d)
{
	struct life_event ev = { .type = LIFE_EVENT_TIMER };
	daemon_confirm_turn(d);
	if (due(d))
		(void)step_with_heads(d, &ev);
	if (d->life.life.phase == LIFE_LOOK)
		look_turn(d);
	if (!d->life.run || d->apply || d->stopping)
		return false;
	const struct ctl_apply what = { .kind = CTL_BACK, .fd = -1, .generation = d->life.run };
	d->life.run = 0;
	daemon_apply_start(d, &what, NULL, NULL);
	return true;
}

/* A timer of the loop does not run while the machine sleeps, and the clock of the deadline does: looked at every
 * second, too. */
void daemon_life_tick(struct daemon *d)
{
	double left = life_left(&d->life.life, lb_clock_boot());
	if (left >= 0)
		daemon_deadline(d, lb_time_add_ms(lb_clock_now(), (int64_t)(left * 1000) + 1));
	daemon_confirm_tick(d);
	if (due(d))
		daemon_more(d);
}

/* ---- a start ---- */

void daemon_life_start(
	struct daemon *d, const struct daemon_text *t, struct life_heads *heads, struct life_choice *choice)
{
	char sha[GENERATION_SHA_LEN + 1] = "";
	struct life_acts acts;
	struct lb_err e;
	daemon_heads(d, heads);
	/* of a large file it takes a while, and where there is no generation it equals none */
	bool usable = t && (!heads->n || daemon_text_sha256(t, sha) == 0);
	life_start(&d->life.life, heads, usable ? sha : NULL, choice, &acts);
	for (size_t i = 0; i < acts.n; i++)
		(void)mark(d, &acts.v[i], &e); /* until then pending is as good: no start runs it */
}

static void set_note(struct daemon *d, const struct life_choice *choice)
{
	char *note = d->life.note;
	const char *file = d->opt->config;
	note[0] = '\0';
	if (d->last_reject)
		snprintf(note, sizeof(d->life.note), "runs, the newest confirmed%s, not %s: %s",
			d->life.older ? " that can be used" : "", file, d->last_reject);
	else if (choice->gave_up && d->fallback)
		snprintf(note, sizeof(d->life.note), "runs, not %s: that is %u, rolled back: %s", file, choice->gave_up,
			choice->why);
	else if (choice->gave_up)
		snprintf(note, sizeof(d->life.note), "runs: %u was rolled back: %s", choice->gave_up, choice->why);
	else if (choice->unsure)
		snprintf(note, sizeof(d->life.note), "runs, %s%s: %s", d->fallback ? "not " : "", file, choice->why);
}

void daemon_life_started(struct daemon *d, const struct life_choice *choice)
{
	life_started(&d->life.life, d->generation, choice->gave_up, choice->why);
	set_note(d, choice);
	tell_note(d);
}

void daemon_life_offered(struct daemon *d)
{
	static const struct life_choice none; /* the start was about another file */
	if (d->fallback)
		set_note(d, &none);
}

/* Of the text that runs since the start. */
static void decide_text(struct daemon *d, const struct life_heads *heads, const struct life_choice *choice)
{
	bool known = daemon_generation_sure(d, choice);
	life_started(&d->life.life, d->generation, choice->file ? choice->gave_up : 0, choice->file ? choice->why : "");
	if (!known)
		return;
	d->life.note[0] = '\0';
	if (!choice->file)
		daemon_life_rollback(d, life_older(heads, UINT32_MAX), choice->why, NULL);
}

/* A stored one runs. The file is not taken up without a word: it may have been edited since, and nobody applied it. */
static void decide_stored(struct daemon *d, const struct life_heads *heads, const struct life_choice *choice)
{
	const struct life_event found = { .type = LIFE_EVENT_FOUND, .number = life_older(heads, UINT32_MAX) };
	d->unsure = false;
	d->life.older = false; /* what could not be used then is tried again */
	life_started(&d->life.life, d->generation, choice->gave_up, choice->why);
	set_note(d, choice);
	(void)daemon_life_step(d, &found);
	if (d->life.life.phase == LIFE_RUNS)
		tell_note(d);
}

static void decide(struct daemon *d, struct life_heads *heads)
{
	char sha[GENERATION_SHA_LEN + 1];
	struct daemon_text file = { 0 };
	struct life_choice choice;
	struct life_acts acts;
	struct lb_err e;
	bool stored = !d->unstored.sources.n;
	bool usable = !stored || (!d->last_reject && daemon_text_read(d->opt->config, &file, &e) == 0);
	int err = usable ? daemon_text_sha256(stored ? &file : &d->unstored, sha) : 0;
	daemon_text_done(&file);
	if (err)
		return;
	life_start(&d->life.life, heads, usable ? sha : NULL, &choice, &acts);
	for (size_t i = 0; i < acts.n; i++)
		(void)mark(d, &acts.v[i], &e);
	if (stored)
		decide_stored(d, heads, &choice);
	else
		decide_text(d, heads, &choice);
}

void daemon_life_again(struct daemon *d)
{
	struct life_heads *heads = calloc(1, sizeof(*heads));
	if (heads)
		daemon_heads(d, heads);
	if (heads && !heads->unread && d->unsure && !d->apply && d->life.life.phase == LIFE_RUNS)
		decide(d, heads);
	free(heads);
}

void daemon_life_done(struct daemon *d)
{
	look_free(d);
	lb_vec_done(&d->life.owed);
}
