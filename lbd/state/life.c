/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/state/life.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static void say(struct life_acts *out, enum lb_code code, const char *fmt, ...)
{
	va_list ap;
	out->said = true;
	out->code = code;
	va_start(ap, fmt);
	vsnprintf(out->text, sizeof(out->text), fmt, ap);
	va_end(ap);
}

static void act(struct life_acts *out, enum life_act_type type, uint32_t number)
{
	if (out->n < sizeof(out->v) / sizeof(out->v[0]))
		out->v[out->n++] = (struct life_act){ .type = type, .number = number };
}

static void mark(struct life_acts *out, uint32_t number, enum generation_state state, bool must)
{
	if (out->n < sizeof(out->v) / sizeof(out->v[0]))
		out->v[out->n++] = (struct life_act){ LIFE_ACT_MARK, state, must, number };
}

static const struct life_head *head_of(const struct life_heads *heads, uint32_t number)
{
	for (size_t i = 0; i < heads->n; i++)
		if (heads->v[i].number == number)
			return &heads->v[i];
	return NULL;
}

uint32_t life_older(const struct life_heads *heads, uint32_t below)
{
	for (size_t i = heads->n; i-- > 0;)
		if (heads->v[i].number < below && heads->v[i].state == GENERATION_CONFIRMED)
			return heads->v[i].number;
	return 0;
}

bool life_is_moment(const struct life *l)
{
	switch (l->phase) {
	case LIFE_PENDING: return !l->confirm_ms; /* held: the other node is on its way */
	case LIFE_BACK:
	case LIFE_LOOK:
	case LIFE_FORWARD: return true;
	case LIFE_RUNS:
	case LIFE_STUCK: break;
	}
	return false;
}

double life_left(const struct life *l, struct lb_time now)
{
	if (l->phase != LIFE_PENDING || l->deadline.us == LB_TIME_NEVER.us)
		return -1;
	int64_t us = lb_time_diff_us(l->deadline, now);
	return us > 0 ? (double)us / 1e6 : 0;
}

static const char *kept(const struct life *l, struct lb_time now, char *out, size_t size)
{
	double left = life_left(l, now);
	if (left < 0)
		snprintf(out, size, "it is being applied on the other node");
	else
		snprintf(out, size, "%.0f s are left", left);
	return out;
}

/* ---- apply and confirm ---- */

static void on_apply(const struct life *l, struct lb_time now, struct life_acts *out)
{
	char left[60];
	switch (l->phase) {
	case LIFE_PENDING:
		say(out, LB_CODE_REFUSED,
			"generation %u waits for a confirm, %s: `lbctl config confirm` keeps it, `lbctl config "
			"rollback` goes "
			"back to %u",
			l->runs, kept(l, now, left, sizeof(left)), l->base);
		return;
	case LIFE_BACK:
	case LIFE_LOOK:
		say(out, LB_CODE_REFUSED, "generation %u is being rolled back to %u: try again in a moment", l->gave_up,
			l->to);
		return;
	case LIFE_FORWARD:
		say(out, LB_CODE_REFUSED, "generation %u is being loaded: try again in a moment", l->to);
		return;
	case LIFE_RUNS:
	case LIFE_STUCK: /* a new one is the way out */ return;
	}
}

static void on_taken(struct life *l, const struct life_event *ev, struct lb_time now)
{
	bool pending = ev->confirm_ms || ev->held;
	*l = (struct life){ .phase = pending ? LIFE_PENDING : LIFE_RUNS,
		.runs = ev->number,
		.base = pending ? l->runs : 0,
		.confirm_ms = ev->confirm_ms,
		.both = ev->both,
		.deadline = ev->confirm_ms ? lb_time_add_ms(now, ev->confirm_ms) : LB_TIME_NEVER };
}

static void confirm(struct life *l, struct life_acts *out)
{
	l->doing = LIFE_CONFIRMING;
	mark(out, l->runs, GENERATION_CONFIRMED, true);
}

static void on_confirm(struct life *l, struct life_acts *out)
{
	if (l->phase == LIFE_PENDING)
		confirm(l, out);
	else if (l->gave_up)
		say(out, LB_CODE_REFUSED, "too late: generation %u was rolled back (%s)", l->gave_up, l->why);
	else
		say(out, LB_CODE_REFUSED, "nothing waits for a confirm: generation %u is running", l->runs);
}

/* Meanwhile it may have gone back, and something else may be on trial, which nobody has asked to keep. */
static void on_confirmed_there(struct life *l, struct life_acts *out)
{
	if (l->phase == LIFE_PENDING && l->asking)
		confirm(l, out);
	else if (l->phase == LIFE_PENDING)
		say(out, LB_CODE_REFUSED,
			"generation %u was applied meanwhile and is not confirmed: `lbctl config confirm` keeps it",
			l->runs);
	else if (l->gave_up)
		say(out, LB_CODE_REFUSED, "generation %u was rolled back meanwhile (%s)", l->gave_up, l->why);
	else
		say(out, LB_CODE_OK, "nothing waited for it");
}

static void on_keep(struct life *l, struct life_acts *out)
{
	if (l->phase != LIFE_PENDING)
		on_confirm(l, out); /* for its words */
	else if (l->confirm_ms)
		say(out, LB_CODE_OK, "kept");
	else
		confirm(l, out);
}

/* Where going back failed, that is still the one to run: it is marked as rolled back, and lbd would try again. */
static void on_same(struct life *l, struct life_acts *out)
{
	if (l->phase == LIFE_STUCK)
		confirm(l, out);
	else
		l->gave_up = 0;
}

static void confirmed(struct life *l, const struct life_event *ev, struct lb_time now, struct life_acts *out)
{
	char left[60];
	if (ev->failed && l->phase == LIFE_STUCK) {
		say(out, LB_CODE_FAILED, "generation %u stays rolled back, lbd tries again to go back: %s", l->runs,
			ev->text);
		return;
	}
	if (ev->failed) {
		say(out, LB_CODE_FAILED, "generation %u is not confirmed (%s): %s", l->runs,
			kept(l, now, left, sizeof(left)), ev->text);
		return;
	}
	*l = (struct life){ .phase = LIFE_RUNS, .runs = l->runs };
	say(out, LB_CODE_OK, "generation %u is confirmed", l->runs);
}

/* ---- going back ---- */

/* The target of a rollback; 0 after saying why not. */
static uint32_t target(const struct life *l, const struct life_event *ev, struct life_acts *out)
{
	uint32_t number = ev->number;
	const struct life_head *h = number ? head_of(ev->heads, number) : NULL;
	if (l->phase == LIFE_BACK || l->phase == LIFE_LOOK)
		say(out, LB_CODE_REFUSED, "generation %u is being rolled back to %u already", l->gave_up, l->to);
	else if (l->phase == LIFE_FORWARD)
		say(out, LB_CODE_REFUSED, "generation %u is being loaded: try again in a moment", l->to);
	else if (!number && l->base)
		return l->base;
	else if (!number && !life_older(ev->heads, l->runs))
		say(out, LB_CODE_NOT_FOUND, "there is no confirmed generation before %u (lbctl config history)",
			l->runs);
	else if (!number)
		return life_older(ev->heads, l->runs);
	else if (!h)
		say(out, LB_CODE_NOT_FOUND, "there is no generation %u (lbctl config history)", number);
	else if (number == l->runs)
		say(out, LB_CODE_REFUSED, "generation %u is running", number);
	else if (number > l->runs || h->state != GENERATION_CONFIRMED)
		say(out, LB_CODE_REFUSED,
			"generation %u is not one to go back to (%s): `lbctl config show %u | lbctl config apply -` "
			"applies its text anew; of several files put each back (--file)",
			number, generation_states[h->state], number);
	else
		return number;
	return 0;
}

/* Those between first, what runs last: until that one is marked the disk says that it is the one to run. Of what is
 * pending it does not: a trial goes back to where it began whatever the disk takes, and without what is confirmed,
 * which nobody has given up. The trial itself is marked also where the disk has it as confirmed: it took the mark and
 * said that it did not. */
static void give_up(struct life *l, uint32_t to, const char *why, const struct life_heads *heads, struct life_acts *out)
{
	bool as_before = l->phase == LIFE_PENDING && to == l->base;
	l->doing = LIFE_GIVING_UP;
	l->to = to;
	snprintf(l->why, sizeof(l->why), "%s", why);
	for (size_t i = 0; i < heads->n; i++) {
		const struct life_head *h = &heads->v[i];
		bool confirmed = h->state == GENERATION_CONFIRMED;
		bool meant = confirmed ? !as_before || h->number == l->runs : h->state == GENERATION_PENDING;
		if (h->number > to && h->number <= l->runs && meant)
			mark(out, h->number, GENERATION_ROLLED_BACK, confirmed && !as_before);
	}
}

static void given_up(struct life *l, const struct life_event *ev, struct life_acts *out)
{
	if (ev->failed) {
		say(out, LB_CODE_FAILED, "not rolled back, generation %u is running: %s", l->runs, ev->text);
		return;
	}
	l->phase = LIFE_BACK;
	l->asking = false; /* what the other node may still say of it comes too late */
	l->gave_up = l->runs;
	l->verdict = LIFE_UNKNOWN;
	act(out, LIFE_ACT_RUN, l->to);
}

/* to 0: there is none, or no memory to look for one. */
static void retry(struct life *l, uint32_t to, struct lb_time now, struct life_acts *out)
{
	l->deadline = lb_time_add_ms(now, LIFE_RETRY_MS);
	if (!to)
		return;
	l->phase = LIFE_BACK;
	l->to = to;
	act(out, LIFE_ACT_RUN, to);
}

static void on_timer(struct life *l, const struct life_event *ev, struct lb_time now, struct life_acts *out)
{
	char why[80], text[LB_DURATION_STRLEN];
	if (l->asking || lb_time_cmp(now, l->deadline) < 0)
		return;
	if (l->phase == LIFE_PENDING) {
		snprintf(why, sizeof(why), "not confirmed in %s", lb_duration_str(l->confirm_ms, text));
		give_up(l, l->base, why, ev->heads, out);
	} else if (l->phase == LIFE_STUCK) {
		retry(l, l->base ? l->base : life_older(ev->heads, l->runs), now, out);
	}
}

/* ---- going forward ---- */

static void run_newer(struct life *l, uint32_t number, struct life_acts *out)
{
	l->phase = LIFE_FORWARD;
	l->to = number;
	act(out, LIFE_ACT_RUN, number);
}

static void on_found(struct life *l, const struct life_event *ev, struct life_acts *out)
{
	if (l->phase == LIFE_RUNS && ev->number > l->runs)
		run_newer(l, ev->number, out);
}

/* As at a start: one that does not load does not hide the one before it. */
static void loaded_newer(struct life *l, const struct life_event *ev, struct life_acts *out)
{
	uint32_t next = ev->failed ? life_older(ev->heads, l->to) : 0;
	l->phase = LIFE_RUNS;
	if (!ev->failed)
		l->runs = l->to;
	else if (next > l->runs)
		run_newer(l, next, out);
}

static void on_loaded(struct life *l, const struct life_event *ev, struct lb_time now, struct life_acts *out)
{
	if (l->phase == LIFE_FORWARD)
		loaded_newer(l, ev, out);
	if (l->phase != LIFE_BACK)
		return;
	uint32_t next = ev->failed ? life_older(ev->heads, l->to) : 0;
	if (!ev->failed) {
		l->runs = l->to;
		l->base = 0;
		l->phase = LIFE_LOOK;
		act(out, LIFE_ACT_LOOK, l->runs);
	} else if (next) {
		l->to = next;
		act(out, LIFE_ACT_RUN, next);
	} else {
		l->phase = LIFE_STUCK;
		l->deadline = lb_time_add_ms(now, LIFE_RETRY_MS);
		say(out, LB_CODE_FAILED,
			"generation %u could not be rolled back and still runs: %s; lbd tries again, a working "
			"configuration "
			"can be applied",
			l->runs, ev->text);
	}
}

static void on_looked(struct life *l, const struct life_event *ev, struct life_acts *out)
{
	if (l->phase != LIFE_LOOK)
		return;
	l->phase = LIFE_RUNS;
	l->differences = ev->differences;
	l->verdict = ev->failed ? LIFE_UNKNOWN : ev->differences ? LIFE_DIFFERS : LIFE_VERIFIED;
	if (ev->failed)
		say(out, LB_CODE_FAILED, "rolled back to %u, not verified: %s", l->runs, ev->text);
	else if (ev->differences)
		say(out, LB_CODE_FAILED, "rolled back to %u, but the kernel differs in %u place%s (lbctl kernel diff)",
			l->runs, ev->differences, ev->differences == 1 ? "" : "s");
	else
		say(out, LB_CODE_OK, "rolled back to %u, verified", l->runs);
}

static void on_marked(struct life *l, const struct life_event *ev, struct lb_time now, struct life_acts *out)
{
	enum life_doing was = l->doing;
	l->doing = LIFE_NOTHING;
	switch (was) {
	case LIFE_CONFIRMING: confirmed(l, ev, now, out); return;
	case LIFE_GIVING_UP: given_up(l, ev, out); return;
	case LIFE_NOTHING: return;
	}
}

void life_step(struct life *l, const struct life_event *ev, struct lb_time now, struct life_acts *out)
{
	uint32_t to;
	out->n = 0;
	out->said = false;
	out->code = LB_CODE_OK;
	out->text[0] = '\0';
	switch (ev->type) {
	case LIFE_EVENT_APPLY: on_apply(l, now, out); return;
	case LIFE_EVENT_TAKEN: on_taken(l, ev, now); return;
	case LIFE_EVENT_SAME: on_same(l, out); return;
	case LIFE_EVENT_KEEP: on_keep(l, out); return;
	case LIFE_EVENT_ASK: l->asking = l->phase == LIFE_PENDING; return;
	case LIFE_EVENT_ASK_ENDED: l->asking = false; return;
	case LIFE_EVENT_CONFIRM: on_confirm(l, out); return;
	case LIFE_EVENT_CONFIRMED_THERE: on_confirmed_there(l, out); return;
	case LIFE_EVENT_ROLLBACK:
		to = target(l, ev, out);
		if (to)
			give_up(l, to, ev->text, ev->heads, out);
		return;
	case LIFE_EVENT_FOUND: on_found(l, ev, out); return;
	case LIFE_EVENT_TIMER: on_timer(l, ev, now, out); return;
	case LIFE_EVENT_MARKED: on_marked(l, ev, now, out); return;
	case LIFE_EVENT_LOADED: on_loaded(l, ev, now, out); return;
	case LIFE_EVENT_LOOKED: on_looked(l, ev, out); return;
	}
}

/* ---- a start ---- */

static void rolled_back(struct life_choice *choice, const struct life_head *h)
{
	choice->gave_up = h->number;
	snprintf(choice->why, sizeof(choice->why), "%s", h->why);
}

void life_start(
	struct life *l, struct life_heads *heads, const char *sha256, struct life_choice *choice, struct life_acts *out)
{
	uint32_t newest = life_older(heads, UINT32_MAX);
	const struct life_head *file = NULL, *last = head_of(heads, newest);
	memset(out, 0, sizeof(*out));
	*choice = (struct life_choice){ .file = sha256 != NULL };
	*l = (struct life){ 0 };
	for (size_t i = 0; i < heads->n; i++) {
		struct life_head *h = &heads->v[i];
		if (h->state == GENERATION_PENDING) {
			h->state = GENERATION_ROLLED_BACK;
			snprintf(h->why, sizeof(h->why), "lbd was started before it was confirmed");
			snprintf(l->why, sizeof(l->why), "%s", h->why);
			mark(out, h->number, GENERATION_ROLLED_BACK, false);
			rolled_back(choice, h);
		}
		if (sha256 && strcmp(sha256, h->sha256) == 0)
			file = h; /* the newest one counts: it may have been applied again */
	}
	if (last && sha256 && strcmp(sha256, last->sha256) == 0)
		file = last; /* it was rolled back once, and one went back to it since */
	choice->unsure = heads->unread && sha256 && !(file && file->state == GENERATION_CONFIRMED);
	if (file && file->state == GENERATION_ROLLED_BACK) {
		rolled_back(choice, file);
		choice->file = !newest; /* nothing else can run: better than nothing */
	} else if (choice->unsure) {
		choice->file = !newest;
		snprintf(choice->why, sizeof(choice->why),
			"not every generation can be read, and it may be one that was rolled back");
	}
	if (file && file->number == newest && newest > heads->unread)
		choice->same = newest;
}

void life_started(struct life *l, uint32_t number, uint32_t gave_up, const char *why)
{
	*l = (struct life){ .runs = number, .gave_up = gave_up };
	snprintf(l->why, sizeof(l->why), "%s", why);
}
