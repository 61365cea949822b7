/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Overrides of both nodes (override_word.h): what an operator said here goes to the other node when it is said, and
 * everything when the link comes up or the configuration is another one; what comes from there holds here. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/daemon.h"
#include "lbd/daemon_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- ours, there ---- */

static bool told_line(struct ctl_conv *c, const json_t *msg, void *arg)
{
	(void)c, (void)msg, (void)arg;
	return true;
}

/* When the link broke they are all told again by the next one. */
static void told_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	struct daemon *d = arg;
	(void)c;
	if (e && ctl_talk_is_up(d->talk.talk))
		d->talk.words_due = true;
}

static const struct ctl_conv_calls told_calls = { .line = told_line, .over = told_over };

/* object NULL: all of them, and want: the other node is to tell all of its own, too. */
static void tell(struct daemon *d, const char *object, bool want)
{
	struct lb_err e;
	size_t i;
	json_t *one, *words = override_words_tell(d->words, d->overrides, object, d->sync.all.conf.self);
	struct ctl_conv *c =
		words ? ctl_talk_ask(d->talk.talk, json_pack("{s:s, s:b}", "talk", "overrides", "want", (int)want),
				&told_calls, d, &e)
		      : NULL;
	if (!c) {
		d->talk.words_due = ctl_talk_is_up(d->talk.talk);
		json_decref(words);
		return;
	}
	json_array_foreach (words, i, one)
		ctl_conv_put(c, json_incref(one));
	ctl_conv_end(c);
	json_decref(words);
}

void daemon_words_all(struct daemon *d)
{
	d->talk.words_due = false;
	if (ctl_talk_is_up(d->talk.talk))
		tell(d, NULL, true);
}

void daemon_words_said(struct daemon *d, const char *object, enum override_kind kind)
{
	if (override_words_said(d->words, d->overrides, object, kind, lb_clock_wall_ms()) &&
		ctl_talk_is_up(d->talk.talk))
		tell(d, object, false);
	char label[OVERRIDE_LABEL_MAX];
	if (d->sync.all.conf.n_paths && override_words_alone(d->words, d->overrides, object, kind))
		lb_log(LB_LOG_WARNING, "override: that of %s holds on this node alone: %s is told of %d at most",
			override_label(object, label), d->sync.all.conf.peer, OVERRIDE_WORDS_MAX);
}

/* ---- theirs, here ---- */

static bool takes_all(const char *object, void *arg)
{
	(void)object, (void)arg;
	return true;
}

static void one_back(const char *object, void *arg)
{
	daemon_override_took(arg, object, NULL);
}

int daemon_words_back(struct daemon *d, const struct override_words *words, const struct overrides *o)
{
	const struct override_merge m = { takes_all, NULL, lb_clock_wall_ms(), lb_clock_boot() };
	int err = override_words_back(d->words, d->overrides, words, o, &m, one_back, d);
	daemon_overrides_hold(d);
	return err;
}

struct hearing {
	struct daemon *d;
	bool want, any;
	unsigned wrong;
};

static bool is_known(const char *object, void *arg)
{
	return model_override_known(arg, object);
}

/* As override_words_merge. */
static int take(struct daemon *d, const json_t *word)
{
	const char *object;
	const struct override_merge m = { is_known, d->model, lb_clock_wall_ms(), lb_clock_boot() };
	int r = override_words_merge(d->words, d->overrides, word, &m, &object);
	if (r > 0)
		daemon_override_holds(d, object, NULL);
	return r;
}

static bool heard_line(struct ctl_conv *c, const json_t *msg, void *arg)
{
	struct hearing *h = arg;
	int r = take(h->d, msg);
	(void)c;
	h->wrong += r < 0;
	h->any |= r > 0;
	return true;
}

static void heard_all(struct ctl_conv *c, void *arg)
{
	struct hearing *h = arg;
	struct daemon *d = h->d;
	if (h->wrong)
		lb_log(LB_LOG_WARNING, "override: %u of those of %s cannot be taken", h->wrong, d->sync.all.conf.peer);
	if (h->any)
		(void)daemon_overrides_save(d);
	ctl_conv_end(c);
	if (h->want)
		tell(d, NULL, false);
}

static void heard_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	struct hearing *h = arg;
	(void)c, (void)e;
	if (e && h->any)
		(void)daemon_overrides_save(h->d); /* the link broke in the middle: what came holds */
	free(h);
}

static const struct ctl_conv_calls heard_calls = { .line = heard_line, .ended = heard_all, .over = heard_over };

int daemon_words_asked(struct daemon *d, struct ctl_conv *c, const json_t *header, struct lb_err *e)
{
	struct hearing *h = calloc(1, sizeof(*h));
	if (!h)
		return lb_err_set(e, LB_CODE_FAILED, "out of memory");
	h->d = d;
	h->want = lb_proto_bool(header, "want", 0);
	ctl_conv_answer(c, &heard_calls, h);
	return 0;
}

/* ---- the clock ---- */

/* What expired by a wrong clock, and has not by the right one, holds again; the other node may know better still. */
static void look_at_clock(struct daemon *d)
{
	size_t i;
	json_t *one, *words;
	if (!overrides_clock(d->overrides, lb_clock_wall_ms(), lb_clock_boot()))
		return;
	(void)override_words_look(d->words, d->overrides, lb_clock_wall_ms());
	words = override_words_tell(d->words, d->overrides, NULL, "");
	if (json_array_size(words))
		lb_log(LB_LOG_NOTICE,
			"override: the clock was set: what came from the disk or the other node ends by it");
	json_array_foreach (words, i, one)
		(void)take(d, one);
	json_decref(words);
	daemon_override_deadline(d);
	(void)daemon_overrides_save(d);
	daemon_words_all(d);
}

void daemon_words_tick(struct daemon *d)
{
	if (d->talk.words_due)
		daemon_words_all(d);
	look_at_clock(d);
	/* a timer of the loop does not run while the machine sleeps, and the clock of overrides does */
	if (lb_time_cmp(lb_clock_boot(), d->override_due) >= 0)
		daemon_override_deadline(d);
}

/* ---- the configuration ---- */

/* While a configuration is on trial overrides stay of what it does not have, and so must their words: without them
 * nobody would be told when they are taken away. */
static bool is_held(const char *object, void *arg)
{
	const struct daemon *d = arg;
	return is_known(object, d->model) || overrides_find(d->overrides, object);
}

void daemon_words_prune(struct daemon *d)
{
	override_words_prune(d->words, is_held, d, lb_clock_wall_ms());
}

void daemon_words_model(struct daemon *d)
{
	daemon_words_prune(d);
	daemon_words_all(d); /* what is new in it, the other node may have words about */
}
