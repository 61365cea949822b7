/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `config confirm` and `config rollback`, as they are asked for: by a client here, or by the other node. A generation
 * that both nodes have is confirmed there first, then here:
 *
 *   {"talk":"confirm","user":..,"sha256":..}    answered by {"said":{"code":..,"message":..,"generation":..}}
 *   {"talk":"rollback",...}                     the same, and nobody waits for the answer
 *
 * The deadline here waits for the answer, so a confirm in time holds on both; some seconds at most, for the core of the
 * other node may stand still. Then the question is taken back, and who was asked answers it before its loop sleeps: by
 * then it has read that, and both go back. When the link breaks in between each node does what its own deadline says,
 * and a difference is seen as one.
 */
#include "common/clock_io.h"
#include "common/fields.h"
#include "common/log_io.h"
#include "lbd/ctl/ctl_reply.h"
#include "lbd/ctl/ctl_sync.h"
#include "lbd/daemon_life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATE_S 5 /* after the deadline; where none is waited for, after it was asked */

struct life_ask {
	struct daemon *d;
	struct ctl_conv *conv;
	struct ctl_reply *reply; /* NULL = the client has gone */
	bool said;
	unsigned late; /* turns of a second: when this core stood still, it hears first what came meanwhile */
	enum lb_code code;
	uint32_t generation; /* that runs there */
	char text[400];
};

struct life_asked { /* by the other node, to confirm */
	struct ctl_conv *conv;
	char sha256[GENERATION_SHA_LEN + 1], by[CTL_USER_MAX];
};

/* Of the generation that runs; "" = it is not on the disk. */
static void sha_of_running(struct daemon *d, char out[GENERATION_SHA_LEN + 1])
{
	struct life_heads *heads = malloc(sizeof(*heads));
	out[0] = '\0';
	if (!heads)
		return;
	daemon_heads(d, heads);
	for (size_t i = 0; i < heads->n; i++)
		if (heads->v[i].number == d->generation)
			memcpy(out, heads->v[i].sha256, sizeof(heads->v[i].sha256));
	free(heads);
}

static void by_whom(const struct daemon *d, const struct ctl_peer *who, char out[CTL_USER_MAX])
{
	bool has = strchr(who->user, '@') != NULL;
	snprintf(out, CTL_USER_MAX, "%.32s%s%.63s", who->user, has ? "" : "@", has ? "" : d->node);
}

static struct lb_err confirm_here(struct daemon *d, enum life_event_type type, const char *by)
{
	const struct life_event ev = { .type = type };
	uint32_t number = d->life.life.runs;
	bool waited = d->life.life.phase == LIFE_PENDING;
	struct lb_err said = daemon_life_step(d, &ev);
	if (!said.code && waited)
		daemon_event(d,
			&(struct event){
				.id = LB_EVENT_CONFIG_CONFIRMED, .old = "pending", .new = "confirmed", .user = by },
			"config/%u: confirmed by %s", number, by);
	return said;
}

/* ---- the other node is asked ---- */

static void ask_gone(void *arg)
{
	struct life_ask *a = arg;
	a->reply = NULL;
}

static bool ask_line(struct ctl_conv *c, const json_t *msg, void *arg)
{
	struct life_ask *a = arg;
	const json_t *said = json_object_get(msg, "said");
	const char *text = lb_proto_str(said, "message");
	long long code = lb_proto_int(said, "code", LB_CODE_FAILED), g = lb_proto_int(said, "generation", 0);
	(void)c;
	if (!json_is_object(said))
		return true;
	a->said = true;
	a->code = code < LB_CODE_OK || code > LB_CODE_TIMEOUT ? LB_CODE_FAILED : (enum lb_code)code;
	a->generation = g > 0 && g <= UINT32_MAX ? (uint32_t)g : 0;
	snprintf(a->text, sizeof(a->text), "%s", text ? text : "");
	return true;
}

static void unheard(const struct daemon *d, const struct lb_err *e, char *out, size_t size)
{
	const struct life *l = &d->life.life;
	const char *peer = d->sync.all.conf.peer;
	if (l->asking && life_left(l, lb_clock_boot()) <= 0)
		snprintf(out, size,
			"nothing was confirmed here, and generation %u goes back to %u; %s was not heard (%.200s): "
			"`lbctl peer diff` tells whether it went back, too",
			l->runs, l->base, peer, e ? e->text : "no answer");
	else
		snprintf(out, size,
			"nothing was confirmed here, and %s was not heard (%.200s): when it answers again confirm once "
			"more, or `lbctl peer diff` tells",
			peer, e ? e->text : "no answer");
}

static void ask_answer(struct life_ask *a, const struct lb_err *e)
{
	struct daemon *d = a->d;
	const char *peer = d->sync.all.conf.peer;
	char text[900];
	enum lb_code code = a->said ? a->code : e ? e->code : LB_CODE_FAILED;
	bool waits = d->life.life.phase == LIFE_PENDING;
	if (a->said && !a->code) {
		struct lb_err here = confirm_here(d, LIFE_EVENT_CONFIRMED_THERE, "both nodes");
		code = here.code;
		if (waits && !here.code)
			snprintf(text, sizeof(text), "confirmed on both nodes: generation %u on %s, %u on %s",
				d->life.life.runs, d->node, a->generation, peer);
		else
			snprintf(text, sizeof(text), "%s: %.300s; here %.400s", peer, a->text, here.text);
	} else if (a->said) {
		snprintf(text, sizeof(text), "nothing was confirmed: %s: %.400s", peer, a->text);
	} else {
		unheard(d, e, text, sizeof(text));
	}
	if (a->reply)
		ctl_reply_end(a->reply, code, text, NULL);
	else
		lb_log(code ? LB_LOG_WARNING : LB_LOG_NOTICE, "config/%u: %s", d->generation, text);
}

static void ask_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	struct life_ask *a = arg;
	struct daemon *d = a->d;
	const struct life_event ended = { .type = LIFE_EVENT_ASK_ENDED };
	(void)c;
	d->life.ask = NULL;
	ask_answer(a, e); /* before the deadline may come again */
	(void)daemon_life_step(d, &ended);
	free(a);
}

void daemon_confirm_tick(struct daemon *d)
{
	const struct life *l = &d->life.life;
	struct life_ask *a = d->life.ask;
	struct lb_err e;
	if (!a || (l->asking && life_left(l, lb_clock_boot()) > 0) || ++a->late <= LATE_S)
		return;
	lb_err_set(&e, LB_CODE_TIMEOUT, "it did not answer in time");
	ctl_conv_close(a->conv);
	ask_over(a->conv, &e, a);
}

static const struct ctl_conv_calls ask_calls = { .line = ask_line, .over = ask_over };

static struct ctl_conv *tell(struct daemon *d, const char *what, const char *by, const struct ctl_conv_calls *calls,
	void *arg, struct lb_err *e)
{
	char sha[GENERATION_SHA_LEN + 1];
	sha_of_running(d, sha);
	struct ctl_conv *c = ctl_talk_ask(
		d->talk.talk, json_pack("{s:s, s:s, s:s}", "talk", what, "user", by, "sha256", sha), calls, arg, e);
	if (c)
		ctl_conv_end(c);
	return c;
}

static void ask(struct daemon *d, const char *by, struct ctl_reply *r)
{
	struct lb_err e = { LB_CODE_FAILED, "out of memory" };
	const struct life_event asking = { .type = LIFE_EVENT_ASK };
	struct life_ask *a = d->life.ask ? NULL : calloc(1, sizeof(*a));
	if (d->life.ask)
		lb_err_set(&e, LB_CODE_REFUSED, "it is being confirmed already");
	if (a) {
		a->d = d;
		a->reply = r;
		a->conv = tell(d, "confirm", by, &ask_calls, a, &e);
	}
	if (!a || !a->conv) {
		free(a);
		ctl_reply_error(r, &e);
		return;
	}
	d->life.ask = a;
	(void)daemon_life_step(d, &asking);
	ctl_reply_hold(r, ask_gone, a);
}

void daemon_confirm(struct daemon *d, const struct ctl_peer *who, struct ctl_reply *r)
{
	const struct life *l = &d->life.life;
	char by[CTL_USER_MAX];
	struct lb_err e, no;
	bool unheard = ctl_sync_no_talk(&d->env, &no) != 0;
	by_whom(d, who, by);
	if (d->both || (l->phase == LIFE_PENDING && l->deadline.us == LB_TIME_NEVER.us)) {
		lb_err_set(&e, LB_CODE_REFUSED, "it is being applied on both nodes: try again in a moment");
	} else if (l->phase == LIFE_PENDING && l->both && unheard) {
		lb_err_set(&e, no.code,
			"nothing was confirmed: both nodes have it, and the other one cannot be told: %.300s. Each "
			"goes back "
			"by itself in %.0f s",
			no.text, life_left(l, lb_clock_boot()));
	} else if (!unheard && (l->phase == LIFE_PENDING ? l->both : l->phase == LIFE_RUNS && !l->gave_up)) {
		ask(d, by, r); /* also when only the other one waits: here nothing may have changed */
		return;
	} else {
		e = confirm_here(d, LIFE_EVENT_CONFIRM, by);
	}
	ctl_reply_end(r, e.code, e.text, NULL);
}

static bool told_line(struct ctl_conv *c, const json_t *msg, void *arg)
{
	(void)c, (void)msg, (void)arg;
	return true;
}

static void told_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	struct daemon *d = arg;
	(void)c;
	if (e)
		lb_log(LB_LOG_WARNING, "config: %s was not told of the rollback: %s; its own deadline stands",
			d->sync.all.conf.peer, e->text);
}

static const struct ctl_conv_calls told_calls = { .line = told_line, .over = told_over };

void daemon_rollback(struct daemon *d, uint32_t number, const struct ctl_peer *who, struct ctl_reply *r)
{
	const struct life *l = &d->life.life;
	char by[CTL_USER_MAX], why[CTL_USER_MAX + 8];
	struct lb_err e;
	bool waits = l->phase == LIFE_PENDING;
	by_whom(d, who, by);
	snprintf(why, sizeof(why), "by %s", by);
	if (d->apply) {
		ctl_reply_end(r, LB_CODE_REFUSED, "another configuration is being loaded: try again in a moment", NULL);
		return;
	}
	if (waits && l->both && !ctl_sync_no_talk(&d->env, &e))
		(void)tell(d, "rollback", by, &told_calls, d, &e);
	daemon_life_rollback(d, number, why, r);
}

/* ---- and asks ---- */

static void asked_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	struct daemon *d = arg;
	(void)e;
	if (!d->life.asked || d->life.asked->conv != c)
		return;
	free(d->life.asked); /* it was taken back */
	d->life.asked = NULL;
}

static const struct ctl_conv_calls asked_calls = { .line = told_line, .over = asked_over };

/* Whether it may be done: what the other node means is what runs here, too. */
static bool is_meant(struct daemon *d, const char *sha, struct lb_err *said)
{
	const struct life *l = &d->life.life;
	char ours[GENERATION_SHA_LEN + 1];
	sha_of_running(d, ours);
	if (ours[0] && strcmp(sha, ours) == 0)
		return true;
	if (l->gave_up)
		lb_err_set(said, LB_CODE_REFUSED, "generation %u was rolled back there (%s), %u is running", l->gave_up,
			l->why, l->runs);
	else
		lb_err_set(said, LB_CODE_REFUSED, "another configuration is running there, generation %u", l->runs);
	return false;
}

static struct lb_err confirm_asked(struct daemon *d, const char *sha, const char *by)
{
	const struct life *l = &d->life.life;
	struct lb_err said = { 0 };
	if (!is_meant(d, sha, &said))
		return said;
	if (d->both) /* nothing says yet that both have it */
		lb_err_set(&said, LB_CODE_REFUSED, "it is being applied on both nodes: try again in a moment");
	else if (l->phase == LIFE_PENDING)
		said = confirm_here(d, LIFE_EVENT_CONFIRM, by);
	else
		lb_err_set(&said, l->phase == LIFE_RUNS ? LB_CODE_OK : LB_CODE_REFUSED, "generation %u is %s", l->runs,
			l->phase == LIFE_RUNS ? "confirmed already" : "being rolled back");
	return said;
}

static struct lb_err rollback_asked(struct daemon *d, const char *sha, const char *by)
{
	char why[CTL_USER_MAX + 8];
	struct lb_err said = { 0 };
	if (!is_meant(d, sha, &said) || d->life.life.phase != LIFE_PENDING)
		return said;
	snprintf(why, sizeof(why), "by %s", by);
	daemon_life_rollback(d, 0, why, NULL);
	return said;
}

static void put_said(const struct daemon *d, struct ctl_conv *c, const struct lb_err *said)
{
	ctl_conv_put(c, json_pack("{s:{s:i, s:s, s:i}}", "said", "code", (int)said->code, "message", said->text,
				"generation", (int)d->generation));
	ctl_conv_end(c);
}

void daemon_confirm_turn(struct daemon *d)
{
	struct life_asked *a = d->life.asked;
	if (!a)
		return;
	d->life.asked = NULL;
	const struct lb_err said = confirm_asked(d, a->sha256, a->by);
	put_said(d, a->conv, &said);
	free(a);
}

int daemon_confirm_asked(struct daemon *d, struct ctl_conv *c, const json_t *header, struct lb_err *e)
{
	const char *what = lb_proto_str(header, "talk"), *sha = lb_proto_str(header, "sha256");
	struct lb_fields fields = { header, false };
	char by[CTL_USER_MAX] = "the other node";
	bool back = strcmp(what, "rollback") == 0;
	lb_field_line(&fields, "user", by, sizeof(by));
	struct life_asked *a = back || d->life.asked ? NULL : calloc(1, sizeof(*a));
	if (!back && !a)
		return lb_err_set(e, LB_CODE_REFUSED, "it is being confirmed already");
	ctl_conv_answer(c, &asked_calls, d);
	if (back) {
		const struct lb_err said = rollback_asked(d, sha ? sha : "", by);
		put_said(d, c, &said);
		return 0;
	}
	a->conv = c;
	snprintf(a->sha256, sizeof(a->sha256), "%s", sha ? sha : "");
	snprintf(a->by, sizeof(a->by), "%s", by);
	d->life.asked = a;
	return 0;
}
