/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `config apply --both` (ctl_both.h), from both sides. The node where it was asked leads:
 *
 *   {"talk":"apply","user":..,"message":..,"confirm":ms,"if":generation} and the texts, then one by one {"do":"check"}
 * "apply" "keep" "back", each answered by {"said":{"code":..,"message":..,"generation":..}}
 *
 * The other node goes back by itself when the conversation ends after it has applied, and it was not told to keep it:
 * until then what it runs is pending, so that it does so when it is started again, too.
 * A client that leaves changes nothing of that: what was begun is ended.
 */
#include "common/clock_io.h"
#include "common/fields.h"
#include "common/log_io.h"
#include "lbd/ctl/ctl_both.h"
#include "lbd/ctl/ctl_reply.h"
#include "lbd/ctl/ctl_sync.h"
#include "lbd/daemon.h"
#include "lbd/daemon_life.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const dos[] = { "check", "apply", "keep", "back" };
enum order { ORDER_CHECK, ORDER_APPLY, ORDER_KEEP, ORDER_BACK, ORDER_NONE };

/* ---- a load of this node whose answer is ours ---- */

struct both_run {
	struct daemon *d;
	struct ctl_reply reply;
	struct ctl_reply *rows; /* where its rows go, NULL = nowhere */
	json_t *end;            /* what it ended with, owned */
	bool runs;
	uint32_t before, after; /* the generations that ran when it began, and when it had ended */
};

static void run_line(void *arg, const char *s, size_t n)
{
	struct both_run *u = arg;
	struct lb_err e;
	json_t *msg = lb_proto_parse(s, n - 1, &e), *row = json_object_get(msg, "row");
	if (row && u->rows)
		ctl_reply_row(u->rows, json_incref(row));
	if (json_object_get(msg, "end")) {
		json_decref(u->end);
		u->end = json_incref(json_object_get(msg, "end"));
	}
	json_decref(msg);
}

static bool run_full(void *arg)
{
	(void)arg;
	return false;
}

/* Seen before the loop sleeps, and somebody else may be faster. */
static void run_ended(void *arg)
{
	struct both_run *u = arg;
	u->after = u->d->generation;
}

static const struct ctl_sink run_sink = { .line = run_line, .full = run_full, .ended = run_ended };

static void run_begin(struct daemon *d, struct both_run *u)
{
	json_decref(u->end);
	u->end = NULL;
	u->d = d;
	u->runs = true;
	u->before = d->generation;
	ctl_reply_init(&u->reply, &run_sink, u);
	ctl_reply_begin(&u->reply, 1, 0);
}

static void run_back(struct daemon *d, struct both_run *u, uint32_t number)
{
	run_begin(d, u);
	daemon_life_rollback(d, number, "not on both nodes", &u->reply);
}

static void run_start(struct daemon *d, struct both_run *u, const struct ctl_apply *what,
	const struct daemon_text *text, const struct ctl_peer *who)
{
	struct daemon_text copy = { 0 };
	bool bad = false;
	for (size_t i = 0; text && i < text->sources.n; i++) {
		const struct config_source *s = &text->sources.v[i];
		struct lb_text raw = LB_TEXT_INIT;
		lb_text_put(&raw, s->text, s->len);
		bad |= daemon_text_add(&copy, s->name, strlen(s->name), &raw) != 0;
	}
	run_begin(d, u);
	if (bad) {
		daemon_text_done(&copy);
		ctl_reply_end(&u->reply, LB_CODE_FAILED, "out of memory", NULL);
	} else {
		daemon_apply_text(d, what, &copy, who, &u->reply);
	}
}

/* Its end; the code, and its text until the next run. False: it is not there yet. That there is no IPVS in this kernel
 * was so before, and going back would change nothing of it. */
static bool run_over(struct both_run *u, enum lb_code *code, const char **text)
{
	if (!u->runs || u->reply.state != CTL_REPLY_ENDED)
		return false;
	u->runs = false;
	*text = lb_proto_str(u->end, "message");
	*text = *text ? *text : "";
	*code = (enum lb_code)lb_proto_int(u->end, "code", LB_CODE_FAILED);
	if (*code == LB_CODE_FAILED && u->d->kernel_missing && u->after != u->before)
		*code = LB_CODE_OK;
	return true;
}

static void run_done(struct both_run *u)
{
	ctl_reply_done(&u->reply);
	json_decref(u->end);
}

/* ---- where it was asked ---- */

struct daemon_both {
	struct daemon *d;
	struct ctl_both machine;
	struct ctl_conv *conv;   /* NULL = over */
	struct ctl_reply *reply; /* NULL = the client has gone */
	struct ctl_peer who;
	struct daemon_text text;
	struct both_run run;
	json_t *errors; /* for programs, of who refused it */
	char message[GENERATION_MESSAGE_MAX + 1];
	uint32_t if_here; /* only while that one runs; 0 = any */
	bool due;         /* machine.now is to be begun */
};

static void both_free(struct daemon_both *b)
{
	b->d->both = NULL;
	if (b->conv)
		ctl_conv_close(b->conv);
	run_done(&b->run);
	daemon_text_done(&b->text);
	json_decref(b->errors);
	free(b);
}

static void both_gone(void *arg)
{
	struct daemon_both *b = arg;
	b->reply = NULL;
	b->run.rows = NULL;
}

static void both_end(struct daemon_both *b)
{
	const struct ctl_both *m = &b->machine;
	struct ctl_reply *r = b->reply;
	json_t *extra = b->errors ? json_pack("{s:O}", "errors", b->errors) : NULL;
	if (m->code != LB_CODE_OK)
		daemon_event(b->d, &(struct event){ .id = LB_EVENT_CONFIG_BOTH, .user = b->who.user },
			"config: not applied on both nodes, by %s: %s", b->who.user, m->text);
	if (r)
		ctl_reply_end(r, m->code, m->text, extra);
	else
		json_decref(extra);
	both_free(b);
}

static void order(struct daemon_both *b, enum order what)
{
	if (b->conv)
		ctl_conv_put(b->conv, json_pack("{s:s}", "do", dos[what]));
}

static void begin_here(struct daemon_both *b, struct ctl_apply what, bool rows)
{
	what.fd = -1;
	b->run.rows = rows ? b->reply : NULL;
	run_start(b->d, &b->run, &what, &b->text, &b->who);
}

static void both_said(struct daemon_both *b, const struct ctl_both_said *said, const json_t *end)
{
	json_t *errors = json_object_get(end, "errors");
	if (said->code > LB_CODE_NO && errors && !b->errors)
		b->errors = json_incref(errors);
	ctl_both_here(&b->machine, b->d->generation);
	(void)ctl_both_done(&b->machine, said);
	b->due = true;
	daemon_more(b->d);
}

/* 0, or -1 and *e: another generation runs than who asked has looked at. */
static int not_that_one(const struct daemon *d, uint32_t wanted, struct lb_err *e)
{
	if (!wanted || wanted == d->generation)
		return 0;
	return lb_err_set(e, LB_CODE_REFUSED, "generation %u runs, not %u", d->generation, wanted);
}

/* While the other node was asked somebody may have applied one here, too, which perhaps waits for a confirm. */
static void do_here(struct daemon_both *b, struct ctl_apply what)
{
	struct lb_err e;
	if (!not_that_one(b->d, b->if_here, &e) && (what.kind != CTL_DIFF || !daemon_life_may_apply(b->d, &e))) {
		begin_here(b, what, what.kind == CTL_APPLY);
		return;
	}
	const struct ctl_both_said said = { e.code, e.text, b->d->generation, NULL };
	both_said(b, &said, NULL);
}

/* Begins what is next. b may be gone. */
static void both_begin(struct daemon_both *b)
{
	b->due = false;
	switch (ctl_both_begin(&b->machine, b->d->generation)) {
	case CTL_BOTH_CHECK_THERE: order(b, ORDER_CHECK); return;
	case CTL_BOTH_APPLY_THERE: order(b, ORDER_APPLY); return;
	case CTL_BOTH_KEEP_THERE: order(b, ORDER_KEEP); return;
	case CTL_BOTH_BACK_THERE: order(b, ORDER_BACK); return;
	case CTL_BOTH_CHECK_HERE: do_here(b, (struct ctl_apply){ .kind = CTL_DIFF, .both = true }); return;
	case CTL_BOTH_APPLY_HERE:
		do_here(b, (struct ctl_apply){ .kind = CTL_APPLY,
				   .message = b->message,
				   .confirm_ms = b->machine.confirm_ms,
				   .both = true });
		return;
	case CTL_BOTH_BACK_HERE:
		b->run.rows = NULL;
		run_back(b->d, &b->run, b->machine.before_here);
		return;
	case CTL_BOTH_END: both_end(b); return;
	}
}

static bool both_line(struct ctl_conv *c, const json_t *msg, void *arg)
{
	struct daemon_both *b = arg;
	const json_t *end = json_object_get(msg, "said");
	const char *text = lb_proto_str(end, "message");
	long long code = lb_proto_int(end, "code", LB_CODE_FAILED), g = lb_proto_int(end, "generation", 0);
	enum ctl_both_do now = b->machine.now;
	(void)c;
	bool there = now == CTL_BOTH_CHECK_THERE || now == CTL_BOTH_APPLY_THERE || now == CTL_BOTH_KEEP_THERE ||
		     now == CTL_BOTH_BACK_THERE;
	if (!json_is_object(end) || !there || b->due)
		return true; /* nobody asked for it */
	const struct ctl_both_said said = { code < LB_CODE_OK || code > LB_CODE_TIMEOUT ? LB_CODE_FAILED
											: (enum lb_code)code,
		text ? text : "", g > 0 && g <= UINT32_MAX ? (uint32_t)g : 0, NULL };
	both_said(b, &said, end);
	return true;
}

static void both_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	struct daemon_both *b = arg;
	enum ctl_both_do before = b->machine.now;
	(void)c;
	b->conv = NULL;
	if (before == CTL_BOTH_CHECK_THERE && e && e->code != LB_CODE_UNREACHABLE) { /* it does not want to */
		const struct ctl_both_said said = { e->code, e->text, 0, NULL };
		both_said(b, &said, NULL);
		return;
	}
	ctl_both_here(&b->machine, b->d->generation);
	if (ctl_both_broke(&b->machine) != before)
		b->due = true;
	daemon_more(b->d);
}

static const struct ctl_conv_calls both_calls = { .line = both_line, .over = both_over };

static void both_turn(struct daemon_both *b)
{
	struct ctl_both_said said = { 0 };
	if (run_over(&b->run, &said.code, &said.text)) {
		said.generation = b->run.after;
		said.notes = lb_proto_str(b->run.end, "notes");
		both_said(b, &said, b->run.end);
	}
	bool here = b->machine.now == CTL_BOTH_CHECK_HERE || b->machine.now == CTL_BOTH_APPLY_HERE ||
		    b->machine.now == CTL_BOTH_BACK_HERE;
	if (b->due && !(here && b->d->apply)) /* another load goes first */
		both_begin(b);
}

void daemon_both_start(struct daemon *d, const struct ctl_apply *what, const struct ctl_peer *who, struct ctl_reply *r)
{
	struct lb_err e = { LB_CODE_FAILED, "out of memory" };
	struct daemon_both *b = NULL;
	int failed = ctl_sync_no_talk(&d->env, &e);
	if (!failed)
		failed = daemon_life_may_apply(d, &e);
	if (!failed && d->both)
		failed = lb_err_set(
			&e, LB_CODE_REFUSED, "another apply on both nodes is under way: try again in a moment");
	if (!failed && !(b = calloc(1, sizeof(*b))))
		failed = -1;
	if (b) {
		d->both = b;
		b->d = d;
		b->who = *who;
		snprintf(b->who.user, sizeof(b->who.user), "%.32s%s%.63s", who->user, strchr(who->user, '@') ? "" : "@",
			strchr(who->user, '@') ? "" : d->node);
		snprintf(b->message, sizeof(b->message), "%s", what->message ? what->message : "");
		b->if_here = what->if_here;
		ctl_both_init(&b->machine, d->node, d->sync.all.conf.peer, d->generation, what->confirm_ms);
		failed = daemon_text_meant(d, what, &b->text, &e);
		b->conv = failed ? NULL
				 : ctl_talk_ask(d->talk.talk,
					   json_pack("{s:s, s:s, s:s, s:I, s:I}", "talk", "apply", "user", b->who.user,
						   "message", b->message, "confirm", (json_int_t)what->confirm_ms, "if",
						   (json_int_t)what->if_there),
					   &both_calls, b, &e);
		failed |= !b->conv || daemon_text_put(b->conv, &b->text, &e);
		if (failed)
			both_free(b);
	}
	if (!b && what->fd >= 0) /* nobody has read it */
		close(what->fd);
	if (failed) {
		ctl_reply_error(r, &e);
		return;
	}
	b->due = true;
	b->reply = r;
	ctl_reply_hold(r, both_gone, b);
	daemon_more(d);
}

/* ---- the other node ---- */

struct daemon_follow {
	struct daemon *d;
	struct ctl_conv *conv; /* NULL = over */
	struct ctl_peer who;
	struct daemon_text text;
	struct both_run run;
	char message[GENERATION_MESSAGE_MAX + 1];
	int64_t confirm_ms;
	enum order todo, doing;   /* NONE */
	uint32_t wanted;          /* only while that generation runs; 0 = any */
	uint32_t before, applied; /* generations; applied 0 = nothing was changed, or it is kept, or it went back */
	bool bad;
};

static void follow_free(struct daemon_follow *f)
{
	f->d->follow = NULL;
	run_done(&f->run);
	daemon_text_done(&f->text);
	free(f);
}

static void follow_say(struct daemon_follow *f, enum lb_code code, const char *text)
{
	json_t *said =
		json_pack("{s:i, s:s, s:i}", "code", (int)code, "message", text, "generation", (int)f->d->generation);
	json_t *errors = json_object_get(f->run.end, "errors");
	if (said && errors && code > LB_CODE_NO)
		json_object_set(said, "errors", errors);
	if (f->conv)
		ctl_conv_put(f->conv, json_pack("{s:o}", "said", said));
	else
		json_decref(said);
}

static void follow_run(struct daemon_follow *f, struct ctl_apply what, enum order doing)
{
	what.fd = -1;
	f->doing = doing;
	run_start(f->d, &f->run, &what, &f->text, &f->who);
}

static void follow_back(struct daemon_follow *f)
{
	if (!f->applied ||
		f->d->generation != f->applied) { /* somebody has applied another one meanwhile: that counts */
		f->applied = 0;
		follow_say(f, LB_CODE_OK, "there is nothing to go back from");
		return;
	}
	f->doing = ORDER_BACK;
	run_back(f->d, &f->run, 0); /* to where the trial began: that asks nothing of the disk */
}

static void follow_check(struct daemon_follow *f)
{
	struct lb_err e;
	if (f->bad)
		follow_say(f, LB_CODE_INVALID, "the texts did not come as they were sent");
	else if (not_that_one(f->d, f->wanted, &e) || daemon_life_may_apply(f->d, &e))
		follow_say(f, e.code, e.text);
	else
		follow_run(f, (struct ctl_apply){ .kind = CTL_DIFF, .both = true }, ORDER_CHECK);
}

static void follow_apply(struct daemon_follow *f)
{
	struct lb_err e;
	f->before = f->d->generation;
	if (not_that_one(f->d, f->wanted, &e))
		follow_say(f, e.code, e.text);
	else
		follow_run(f,
			(struct ctl_apply){ .kind = CTL_APPLY,
				.message = f->message,
				.confirm_ms = f->confirm_ms,
				.held = true,
				.both = true },
			ORDER_APPLY);
}

static void follow_keep(struct daemon_follow *f)
{
	const struct life_event keep = { .type = LIFE_EVENT_KEEP };
	struct lb_err said = { 0 };
	if (f->applied)
		said = daemon_life_step(f->d, &keep);
	if (!said.code)
		f->applied = 0;
	follow_say(f, said.code, said.code ? said.text : "kept");
}

static void follow_begin(struct daemon_follow *f)
{
	enum order what = f->todo;
	f->todo = ORDER_NONE;
	switch (what) {
	case ORDER_CHECK: follow_check(f); return;
	case ORDER_APPLY: follow_apply(f); return;
	case ORDER_KEEP: follow_keep(f); return;
	case ORDER_BACK: follow_back(f); return;
	case ORDER_NONE: return;
	}
}

static void follow_ended(struct daemon_follow *f, enum lb_code code, const char *text)
{
	enum order was = f->doing;
	f->doing = ORDER_NONE;
	if (was == ORDER_APPLY && f->run.after != f->before)
		f->applied = f->run.after;
	if (was == ORDER_BACK) {
		daemon_event(f->d,
			&(struct event){ .id = LB_EVENT_CONFIG_BOTH, .level = code ? LB_LOG_ERROR : LB_LOG_WARNING },
			"config: %s not on both nodes: %s generation %u%s%s", f->conv ? "" : "the link broke,",
			code ? "could not go back to" : "went back to", f->before, code ? ": " : "", code ? text : "");
		f->applied = 0; /* what could not be loaded is tried again all the same (LIFE_STUCK) */
	}
	follow_say(f, code, text);
}

static void follow_turn(struct daemon_follow *f)
{
	enum lb_code code;
	const char *text;
	if (run_over(&f->run, &code, &text))
		follow_ended(f, code, text);
	if (!f->conv && f->doing == ORDER_NONE)
		f->todo = f->applied ? ORDER_BACK : ORDER_NONE;
	if (f->todo != ORDER_NONE && f->doing == ORDER_NONE && !f->d->apply)
		follow_begin(f);
	if (!f->conv && f->doing == ORDER_NONE && !f->applied)
		follow_free(f);
}

static bool follow_line(struct ctl_conv *c, const json_t *msg, void *arg)
{
	struct daemon_follow *f = arg;
	struct lb_fields fields = { msg, false };
	(void)c;
	if (lb_field_has(&fields, "do")) {
		enum order what = (enum order)lb_field_word(&fields, "do", dos, 4);
		f->todo = fields.bad ? f->todo : what;
		daemon_more(f->d);
	} else if (!daemon_text_take(&f->text, msg)) {
		f->bad = true;
	}
	return true;
}

static void follow_end(struct ctl_conv *c, void *arg)
{
	(void)arg;
	ctl_conv_end(c);
}

static void follow_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	struct daemon_follow *f = arg;
	(void)c, (void)e;
	f->conv = NULL;
	daemon_more(f->d);
}

static const struct ctl_conv_calls follow_calls = { .line = follow_line, .ended = follow_end, .over = follow_over };

int daemon_both_asked(struct daemon *d, struct ctl_conv *c, const json_t *header, struct lb_err *e)
{
	struct lb_fields fields = { header, false };
	struct daemon_follow *f = d->follow || d->both ? NULL : calloc(1, sizeof(*f));
	if (d->follow || d->both)
		return lb_err_set(
			e, LB_CODE_REFUSED, "another apply on both nodes is under way: try again in a moment");
	if (!f)
		return lb_err_set(e, LB_CODE_FAILED, "out of memory");
	d->follow = f;
	f->d = d;
	f->conv = c;
	f->todo = f->doing = ORDER_NONE;
	f->who = (struct ctl_peer){ .uid = (uid_t)-1, .level = CTL_LEVEL_ADMIN };
	lb_field_line(&fields, "user", f->who.user, sizeof(f->who.user));
	lb_field_line(&fields, "message", f->message, sizeof(f->message));
	f->confirm_ms = lb_proto_int(header, "confirm", 0);
	if (f->confirm_ms < 0 || f->confirm_ms > CTL_CONFIRM_MAX_MS)
		f->bad = true;
	f->wanted = (uint32_t)lb_proto_int(header, "if", 0);
	ctl_conv_answer(c, &follow_calls, f);
	return 0;
}

/* ---- both ---- */

bool daemon_both_turn(struct daemon *d)
{
	const struct daemon_apply *before = d->apply;
	if (d->both)
		both_turn(d->both);
	if (d->follow)
		follow_turn(d->follow);
	return d->apply != before;
}

void daemon_both_done(struct daemon *d)
{
	if (d->both)
		both_free(d->both);
	if (d->follow)
		follow_free(d->follow);
}
