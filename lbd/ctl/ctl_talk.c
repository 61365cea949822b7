/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_talk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREDIT_AT (CTL_TALK_WINDOW / 4) /* bytes taken that are told */
#define ROOM_AT   (CTL_TALK_WINDOW / 2) /* bytes not sent below which there is room */
#define WHY_MAX   480u

struct ctl_conv {
	struct ctl_talk *talk;
	struct ctl_conv *next;
	uint32_t id;
	bool ours; /* we asked */
	const struct ctl_conv_calls *calls;
	void *arg;

	struct lb_text out;
	size_t out_off;
	uint32_t on_way; /* bytes sent that the other side has not taken */
	bool opened, end_due, end_sent;

	struct lb_text in; /* what has not been a whole line yet, or waits for ctl_conv_go_on */
	uint32_t taken;    /* bytes received that the other side has not been told to be taken */
	bool in_ended, told_end, held, pulling;
	bool over; /* freed by the next flush */
};

struct ctl_talk {
	struct ctl_talk_ops ops;
	struct ctl_conv *convs;
	uint32_t last_id;
	bool up;
};

struct ctl_talk *ctl_talk_new(const struct ctl_talk_ops *ops)
{
	struct ctl_talk *t = calloc(1, sizeof(*t));
	if (t)
		t->ops = *ops;
	return t;
}

/* ---- the end ---- */

static void conv_free(struct ctl_conv *c)
{
	lb_text_done(&c->out);
	lb_text_done(&c->in);
	free(c);
}

static void sweep(struct ctl_talk *t)
{
	for (struct ctl_conv **at = &t->convs; *at;) {
		struct ctl_conv *c = *at;
		if (!c->over || c->pulling) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		conv_free(c);
	}
}

static int piece(struct ctl_conv *c, unsigned flags, const char *text, size_t n)
{
	const struct ctl_talk *t = c->talk;
	return t->ops.send(t->ops.arg, c->id, flags | (c->ours ? 0 : CTL_TALK_ANSWER), text, n);
}

static void over(struct ctl_conv *c, const struct lb_err *e)
{
	if (c->over)
		return;
	c->over = true;
	if (c->calls)
		c->calls->over(c, e, c->arg);
}

/* The other side is told, too. */
static void cut(struct ctl_conv *c, enum lb_code code, const char *why)
{
	char text[WHY_MAX + 8];
	struct lb_err e;
	if (c->over)
		return;
	int n = snprintf(text, sizeof(text), "%d %.*s", (int)code, (int)WHY_MAX, why);
	if (c->opened || !c->ours)
		(void)piece(c, CTL_TALK_ABORT, text, (size_t)n);
	lb_err_set(&e, code, "%s", why);
	over(c, &e);
}

void ctl_conv_close(struct ctl_conv *c)
{
	bool said = c->end_sent && c->in_ended;
	if (c->over)
		return;
	c->over = true;
	if (c->opened && !said && c->talk->up)
		(void)piece(c, CTL_TALK_ABORT, "0 ", 2);
}

void ctl_talk_link(struct ctl_talk *t, bool up, const char *why)
{
	struct lb_err e;
	lb_err_set(&e, LB_CODE_UNREACHABLE, "%s", why);
	t->up = false; /* nobody begins anew while they are told */
	for (struct ctl_conv *c = t->convs; c; c = c->next)
		over(c, &e);
	sweep(t);
	t->up = up;
}

void ctl_talk_free(struct ctl_talk *t)
{
	if (!t)
		return;
	ctl_talk_link(t, false, "the daemon is stopping");
	free(t);
}

bool ctl_talk_is_up(const struct ctl_talk *t)
{
	return t->up;
}

bool ctl_talk_busy(const struct ctl_talk *t)
{
	for (const struct ctl_conv *c = t->convs; c; c = c->next)
		if (!c->over && !c->ours && (ctl_conv_waiting(c) || c->on_way))
			return true;
	return false;
}

/* ---- out ---- */

size_t ctl_conv_waiting(const struct ctl_conv *c)
{
	return c->out.n - c->out_off;
}

void ctl_conv_put_line(struct ctl_conv *c, const char *s, size_t n)
{
	if (c->over || c->end_due)
		return;
	if (ctl_conv_waiting(c) + n > CTL_TALK_OUT_MAX)
		c->out.bad = true;
	lb_text_put(&c->out, s, n);
}

void ctl_conv_put(struct ctl_conv *c, json_t *msg)
{
	if (!msg)
		c->out.bad = true;
	else if (!c->over && !c->end_due)
		lb_proto_dump(msg, &c->out);
	json_decref(msg);
}

void ctl_conv_end(struct ctl_conv *c)
{
	c->end_due = true;
}

/* How much of it fits: no character is cut. */
static size_t whole(const char *s, size_t n, size_t max)
{
	if (n <= max)
		return n;
	while (max && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}

static void send_text(struct ctl_conv *c)
{
	while (!c->over && ctl_conv_waiting(c) && c->on_way < CTL_TALK_WINDOW) {
		size_t room = CTL_TALK_WINDOW - c->on_way;
		const char *s = c->out.s + c->out_off;
		size_t n = whole(s, ctl_conv_waiting(c), room < CTL_TALK_PIECE ? room : CTL_TALK_PIECE);
		if (!n)
			break;
		if (piece(c, c->opened ? 0 : CTL_TALK_OPEN, s, n)) {
			cut(c, LB_CODE_FAILED, "out of memory");
			return;
		}
		c->opened = true;
		c->out_off += n;
		c->on_way += (uint32_t)n;
	}
	if (!ctl_conv_waiting(c)) {
		lb_text_clear(&c->out);
		c->out_off = 0;
	}
}

static void conv_flush(struct ctl_conv *c)
{
	if (!c->over && c->out.bad)
		cut(c, LB_CODE_FAILED, "out of memory, or too long to be sent");
	if (c->over)
		return;
	send_text(c);
	if (!c->over && c->end_due && !c->end_sent && !ctl_conv_waiting(c)) {
		c->end_sent = true;
		if (piece(c, CTL_TALK_END, "", 0))
			cut(c, LB_CODE_FAILED, "out of memory");
		else if (!c->ours && !c->on_way)
			over(c, NULL);
	}
	if (!c->over && !c->end_due && c->calls && c->calls->room && ctl_conv_waiting(c) < ROOM_AT)
		c->calls->room(c, c->arg);
}

void ctl_talk_flush(struct ctl_talk *t)
{
	for (struct ctl_conv *c = t->convs; c; c = c->next) {
		size_t before;
		do { /* what `room` puts goes on at once, as far as the window allows */
			before = ctl_conv_waiting(c);
			conv_flush(c);
		} while (!c->over && ctl_conv_waiting(c) > before && c->on_way < CTL_TALK_WINDOW);
	}
	sweep(t);
}

/* ---- in ---- */

static void credit(struct ctl_conv *c)
{
	char text[12];
	if (c->over || !c->taken || (c->taken < CREDIT_AT && !c->in_ended))
		return;
	int n = snprintf(text, sizeof(text), "%u", c->taken);
	c->taken = 0;
	(void)piece(c, CTL_TALK_CREDIT, text, (size_t)n);
}

static void begin(struct ctl_conv *c, const json_t *header)
{
	struct lb_err e = { LB_CODE_FAILED, "" };
	const struct ctl_talk *t = c->talk;
	if (t->ops.asked(t->ops.arg, c, header, &e))
		cut(c, e.code, e.text);
}

static void take_line(struct ctl_conv *c, const char *s, size_t n)
{
	struct lb_err e;
	json_t *msg = lb_proto_parse(s, n, &e);
	if (!msg)
		cut(c, LB_CODE_FAILED, "the other node said what is no message");
	else if (!c->calls)
		begin(c, msg);
	else
		c->held = !c->calls->line(c, msg, c->arg);
	json_decref(msg);
}

/* Whole lines, as far as they are taken. */
static void take_lines(struct ctl_conv *c)
{
	size_t at = 0;
	c->pulling = true;
	while (!c->over && !c->held && at < c->in.n) {
		const char *s = c->in.s + at, *newline = memchr(s, '\n', c->in.n - at);
		if (!newline)
			break;
		take_line(c, s, (size_t)(newline - s));
		at += (size_t)(newline - s) + 1;
	}
	c->pulling = false;
	if (at) {
		memmove(c->in.s, c->in.s + at, c->in.n - at);
		c->in.n -= at;
	}
}

static void pull(struct ctl_conv *c)
{
	if (c->over || c->pulling)
		return;
	take_lines(c);
	if (c->over || c->held)
		return;
	if (c->in.n > LB_PROTO_LINE_MAX) {
		cut(c, LB_CODE_FAILED, "the other node said a line that is too long");
		return;
	}
	credit(c);
	if (!c->in_ended || c->told_end)
		return;
	c->told_end = true;
	if (c->ours)
		over(c, NULL);
	else if (!c->calls)
		cut(c, LB_CODE_USAGE, "nothing was asked");
	else if (c->calls->ended)
		c->calls->ended(c, c->arg);
}

void ctl_conv_go_on(struct ctl_conv *c)
{
	c->held = false;
	pull(c);
}

static bool number_read(const char *s, size_t n, uint32_t *out)
{
	uint32_t v = 0;
	if (!n || n > 9)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint32_t)(s[i] - '0');
	}
	*out = v;
	return true;
}

static void on_credit(struct ctl_conv *c, const char *text, size_t n)
{
	uint32_t v;
	if (!number_read(text, n, &v) || v > c->on_way) {
		cut(c, LB_CODE_FAILED, "the other node took more than it was sent");
		return;
	}
	c->on_way -= v;
	if (!c->ours && c->end_sent && !c->on_way)
		over(c, NULL);
}

static void on_abort(struct ctl_conv *c, const char *text, size_t n)
{
	struct lb_err e;
	struct lb_text shown = LB_TEXT_INIT;
	const char *blank = memchr(text, ' ', n);
	size_t head = blank ? (size_t)(blank - text) : 0;
	uint32_t code = LB_CODE_FAILED;
	if (!number_read(text, head, &code) || code < LB_CODE_USAGE || code > LB_CODE_TIMEOUT)
		code = LB_CODE_FAILED;
	lb_text_put(&shown, blank ? blank + 1 : "", blank ? n - head - 1 : 0);
	lb_err_set(&e, (enum lb_code)code, "%.*s", (int)WHY_MAX,
		shown.n && !shown.bad ? shown.s : "the other node ended it");
	lb_text_done(&shown);
	over(c, &e);
}

static unsigned count(const struct ctl_talk *t, bool ours)
{
	unsigned n = 0;
	for (const struct ctl_conv *c = t->convs; c; c = c->next)
		n += c->ours == ours && !c->over;
	return n;
}

static struct ctl_conv *find(const struct ctl_talk *t, uint32_t id, bool ours)
{
	for (struct ctl_conv *c = t->convs; c; c = c->next)
		if (c->id == id && c->ours == ours && !c->over)
			return c;
	return NULL;
}

static struct ctl_conv *add(struct ctl_talk *t, uint32_t id, bool ours)
{
	struct ctl_conv *c = calloc(1, sizeof(*c)), **at = &t->convs;
	if (!c)
		return NULL;
	c->talk = t;
	c->id = id;
	c->ours = ours;
	while (*at)
		at = &(*at)->next;
	*at = c;
	return c;
}

/* A question of the other side. */
static struct ctl_conv *open_conv(struct ctl_talk *t, uint32_t id)
{
	static const char many[] = "7 too many requests of this node are under way there; try again in a moment";
	struct ctl_conv *c = count(t, false) < CTL_TALK_ANSWERS ? add(t, id, false) : NULL;
	if (c)
		c->opened = true;
	else
		(void)t->ops.send(t->ops.arg, id, CTL_TALK_ABORT | CTL_TALK_ANSWER, many, sizeof(many) - 1);
	return c;
}

static void on_text(struct ctl_conv *c, unsigned flags, const char *text, size_t n)
{
	if (c->in_ended || n > CTL_TALK_WINDOW - c->taken) {
		cut(c, LB_CODE_FAILED, "the other node said more than it may");
		return;
	}
	c->taken += (uint32_t)n;
	lb_text_put(&c->in, text, n);
	c->in_ended = flags & CTL_TALK_END;
	if (c->in.bad)
		cut(c, LB_CODE_FAILED, "out of memory");
	else
		pull(c);
}

void ctl_talk_in(struct ctl_talk *t, uint32_t id, unsigned flags, const char *text, size_t n)
{
	bool ours = flags & CTL_TALK_ANSWER;
	struct ctl_conv *c = t->up ? find(t, id, ours) : NULL;
	if (!t->up)
		return;
	if (!c && !ours && flags & CTL_TALK_OPEN)
		c = open_conv(t, id);
	else if (c && flags & CTL_TALK_OPEN)
		cut(c, LB_CODE_FAILED, "the other node began it twice");
	if (!c || c->over)
		return; /* of one that is over here: the other side did not know when it said it */
	if (flags & CTL_TALK_ABORT)
		on_abort(c, text, n);
	else if (flags & CTL_TALK_CREDIT)
		on_credit(c, text, n);
	else
		on_text(c, flags, text, n);
}

/* ---- asking, answering ---- */

struct ctl_conv *ctl_talk_ask(
	struct ctl_talk *t, json_t *header, const struct ctl_conv_calls *calls, void *arg, struct lb_err *e)
{
	struct ctl_conv *c = NULL;
	if (!t->up)
		lb_err_set(e, LB_CODE_UNREACHABLE, "there is no link to the other node");
	else if (count(t, true) >= CTL_TALK_ASKS)
		lb_err_set(e, LB_CODE_REFUSED, "too much is asked of the other node already; try again in a moment");
	else if (!header || !(c = add(t, t->last_id + 1, true)))
		lb_err_set(e, LB_CODE_FAILED, "out of memory");
	if (!c) {
		json_decref(header);
		return NULL;
	}
	t->last_id = c->id == UINT32_MAX ? 0 : c->id;
	c->calls = calls;
	c->arg = arg;
	ctl_conv_put(c, header);
	return c;
}

void ctl_conv_answer(struct ctl_conv *c, const struct ctl_conv_calls *calls, void *arg)
{
	c->calls = calls;
	c->arg = arg;
}
