/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_watch.h"

#include "common/commands.h"
#include "lbd/ctl/ctl_reply.h"
#include "lbd/ctl/ctl_rows.h"
#include "lbd/ctl/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX    4u
#define RECORDS_STEP 64u   /* looked at between two questions whether the reader still takes something */
#define PART         8192u /* of the text of metrics in a row */

struct watcher {
	struct ctl_watches *all;
	struct watcher *next;
	struct ctl_env *env;
	struct ctl_reply *reply;
	uint64_t at; /* the next record */
	bool events[LB_EVENT_COUNT];
	bool waits; /* for a record: the answer is held */
};

struct ctl_watches {
	struct watcher *first;
	unsigned n;
	bool over;
};

struct ctl_watches *ctl_watches_new(void)
{
	return calloc(1, sizeof(struct ctl_watches));
}

void ctl_watches_free(struct ctl_watches *ws)
{
	free(ws);
}

static void gone(void *state)
{
	struct watcher *w = state, **at = &w->all->first;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->all->n--;
	free(w);
}

/* What is not in memory any more is counted, under no kind: who asked for some may have missed one of them. */
static void tell_lost(struct watcher *w, struct ctl_reply *r, uint64_t n)
{
	const struct ctl_env *env = w->env;
	const struct event_stamp at = { 0, env->ops->wall_ms(env->arg), env->ops->now(env->arg), env->node };
	char *text = event_lost(n, &at);
	if (text)
		ctl_reply_row_text(r, text);
	free(text);
}

static int next(struct ctl_reply *r, void *state)
{
	struct watcher *w = state;
	const struct events *es = w->env->events;
	uint64_t first = events_first(es), end = events_next(es);
	if (w->at < first) {
		tell_lost(w, r, first - w->at);
		w->at = first;
	}
	for (unsigned n = 0; n < RECORDS_STEP && w->at < end; n++, w->at++) {
		const struct event_record *rec = events_get(es, w->at);
		if (!rec || !rec->text)
			tell_lost(w, r, 1);
		else if (w->events[rec->id])
			ctl_reply_row_text(r, rec->text);
	}
	if (w->at < end)
		return 1;
	if (w->all->over) {
		ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
		return 0;
	}
	w->waits = true;
	ctl_reply_hold(r, gone, w);
	return 1;
}

static void resume(struct watcher *w)
{
	w->waits = false;
	ctl_reply_stream(w->reply, next, gone, w);
}

void ctl_watches_wake(struct ctl_watches *ws)
{
	for (struct watcher *w = ws->first, *after; w; w = after) {
		after = w->next; /* one whose client has just gone is freed by its reply, not from here */
		if (w->waits)
			resume(w);
	}
}

void ctl_watches_end(struct ctl_watches *ws)
{
	ws->over = true;
	ctl_watches_wake(ws);
}

static void choose(const struct ctl_request *rq, bool events[LB_EVENT_COUNT])
{
	static const char *const names[WORDS_MAX] = { "kind", "or", "or_else", "or_last" };
	bool any = false;
	for (unsigned i = 0; i < WORDS_MAX; i++) {
		const char *word = ctl_arg_str(rq, names[i]);
		for (unsigned e = 0; word && e < LB_EVENT_COUNT; e++)
			events[e] |= lb_event_is((enum lb_event_id)e, word);
		any |= word != NULL;
	}
	for (unsigned e = 0; !any && e < LB_EVENT_COUNT; e++)
		events[e] = true;
}

void ctl_watch(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	struct ctl_watches *ws = env->watches;
	if (ws->n >= CTL_WATCHERS_MAX) {
		ctl_reply_end(r, LB_CODE_REFUSED, "too many watch already: end one of them", NULL);
		return;
	}
	struct watcher *w = calloc(1, sizeof(*w));
	if (!w) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	int64_t since_ms = ctl_arg_ms(rq, "since");
	*w = (struct watcher){ .all = ws, .next = ws->first, .env = env, .reply = r };
	w->at = since_ms ? events_since(env->events, lb_time_add_ms(env->ops->now(env->arg), -since_ms))
			 : events_next(env->events);
	choose(rq, w->events);
	ws->first = w;
	ws->n++;
	resume(w);
}

/* ---- metrics ---- */

struct printing {
	struct metrics *metrics;
	struct lb_text text;
	size_t at;
	bool last;
};

static void printing_free(void *state)
{
	struct printing *p = state;
	metrics_end(p->metrics);
	lb_text_done(&p->text);
	free(p);
}

/* Parts end at a line. */
static void print_part(struct printing *p, struct ctl_reply *r)
{
	size_t left = p->text.n - p->at, n = left < PART ? left : PART;
	const char *nl = n < left ? memrchr(p->text.s + p->at, '\n', n) : NULL;
	if (nl)
		n = (size_t)(nl + 1 - (p->text.s + p->at));
	ctl_reply_row(r, json_pack("{s:s%}", "text", p->text.s + p->at, n));
	p->at += n;
}

static int print_next(struct ctl_reply *r, void *state)
{
	struct printing *p = state;
	if (p->at < p->text.n) {
		print_part(p, r);
		return 1;
	}
	if (p->last) {
		ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
		return 0;
	}
	lb_text_clear(&p->text);
	p->at = 0;
	int more = metrics_next(p->metrics, &p->text);
	p->last = more == 0;
	if (more >= 0)
		return 1;
	if (more == -ESTALE)
		ctl_reply_end(r, LB_CODE_REFUSED, "the configuration changed meanwhile: run it again", NULL);
	else
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
	return 0;
}

void ctl_metrics(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	const char *prefix = ctl_arg_str(rq, "prefix");
	if (prefix && !metrics_known(prefix)) {
		char text[200];
		snprintf(text, sizeof(text), "no metric begins with '%.80s'; lbd-metrics(7) has the list", prefix);
		ctl_reply_end(r, LB_CODE_NOT_FOUND, text, NULL);
		return;
	}
	struct printing *p = calloc(1, sizeof(*p));
	if (p)
		p->metrics = metrics_begin(env, prefix);
	if (!p || !p->metrics) {
		if (p)
			printing_free(p);
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	ctl_reply_stream(r, print_next, printing_free, p);
}
