/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Generations on the disk (generation.h): written beside and renamed, so that a power cut leaves the old one or the new
 * one. One that does not check is set aside for a person to look at, and is as good as not there. One that cannot be
 * read, or that a newer lbd wrote, may say anything: that a text was rolled back, too. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "common/text.h"
#include "lbd/daemon_life.h"
#include "lbd/daemon_state.h"
#include "lbd/state/state_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the file: every configuration that loads can be stored and read back. */
#define GENERATION_MAX (GENERATION_HEAD_MAX + CONFIG_TEXTS_MAX + CONFIG_SOURCES_MAX * (GENERATION_NAME_MAX + 64u))
_Static_assert(GENERATION_SOURCES_MAX >= CONFIG_SOURCES_MAX, "a configuration has no more files than a generation");
#define STORE_RETRY_MS 10000 /* of what a start runs */

static const char *name_of(uint32_t number, char out[40])
{
	snprintf(out, 40, "generations/%u", number);
	return out;
}

/* As state_generations; without a directory there are none. */
static int listed(const struct daemon *d, bool damaged, uint32_t *out, size_t max, size_t *n)
{
	*n = 0;
	int err = d->state_dir < 0 ? -ENOENT : state_generations(d->state_dir, damaged, out, max, n);
	return err == -ENOENT ? 0 : err;
}

/* The number of one that is damaged is taken all the same: no other text gets it. 0 or -errno. */
static int newest_of(const struct daemon *d, uint32_t *number)
{
	uint32_t n = 0, damaged = 0;
	size_t got;
	int err = listed(d, false, &n, 1, &got);
	if (!err)
		err = listed(d, true, &damaged, 1, &got);
	*number = n > damaged ? n : damaged;
	return err;
}

static uint32_t newest_number(struct daemon *d)
{
	uint32_t number;
	(void)newest_of(d, &number);
	return number;
}

static void set_aside(struct daemon *d, uint32_t number, const char *why)
{
	char name[40], aside[48];
	snprintf(aside, sizeof(aside), "%s" STATE_DAMAGED, name_of(number, name));
	int err = state_rename(d->state_dir, name, aside);
	daemon_event(d, &(struct event){ .id = LB_EVENT_CONFIG_DAMAGED, .reason = why },
		"config/%u: %s/%s cannot be used: %s; %s%s", number, d->opt->state_dir, name, why,
		err ? "it cannot be set aside: " : "kept as ", err ? strerror(-err) : aside + strlen("generations/"));
}

/* Of one that is refused. */
static bool is_newer(const struct lb_text *text, const struct lb_err *e)
{
	return e->code == LB_CODE_INVALID && generation_is_newer(text->s ? text->s : "", text->n);
}

/* 0; -ENOENT; -EBADMSG: it was set aside; -errno: it cannot be read. */
static int head_of(struct daemon *d, uint32_t number, struct generation *g)
{
	char name[40];
	struct lb_text text = LB_TEXT_INIT;
	struct lb_err e;
	size_t size = 0;
	int err = state_read_begin(d->state_dir, name_of(number, name), GENERATION_HEAD_MAX, &text, &size);
	if (!err && generation_read_head(text.s ? text.s : "", text.n, size, g, &e)) {
		err = is_newer(&text, &e) ? DAEMON_NEWER : e.code == LB_CODE_INVALID ? -EBADMSG : -ENOMEM;
		if (err == -EBADMSG)
			set_aside(d, number, e.text);
	}
	g->number = number; /* the name of the file counts */
	lb_text_done(&text);
	return err;
}

/* As daemon_generations; *unread as in struct life_heads. */
static size_t read_heads(struct daemon *d, struct generation *out, size_t n, uint32_t *unread)
{
	uint32_t all[LIFE_HEADS_MAX];
	char name[40] = "generations";
	size_t got = 0, there;
	daemon_generation_first_store(d);
	int err = listed(d, false, all, LIFE_HEADS_MAX, &there);
	*unread = err ? UINT32_MAX : 0;
	for (size_t i = there > n ? there - n : 0; i < there; i++) {
		out[got] = (struct generation){ 0 };
		int why = head_of(d, all[i], &out[got]);
		if (!why)
			got++;
		if (why && why != -ENOENT && why != -EBADMSG) {
			err = why;
			*unread = all[i];
			name_of(all[i], name);
		}
	}
	if (d->state_dir >= 0)
		daemon_unread(d, DAEMON_FILE_GENERATIONS, name, err);
	else if (d->unread[DAEMON_FILE_GENERATIONS])
		*unread = UINT32_MAX;
	return got;
}

size_t daemon_generations(struct daemon *d, struct generation *out, size_t n)
{
	uint32_t unread;
	return read_heads(d, out, n, &unread);
}

size_t daemon_generations_damaged(struct daemon *d, uint32_t *out, size_t n)
{
	size_t got;
	(void)listed(d, true, out, n, &got);
	return got;
}

void daemon_heads(struct daemon *d, struct life_heads *heads)
{
	struct generation *all = calloc(LIFE_HEADS_MAX, sizeof(*all));
	heads->unread = UINT32_MAX;
	heads->n = all ? read_heads(d, all, LIFE_HEADS_MAX, &heads->unread) : 0;
	for (size_t i = 0; i < heads->n; i++) {
		struct life_head *h = &heads->v[i];
		h->number = all[i].number;
		h->state = all[i].state;
		snprintf(h->sha256, sizeof(h->sha256), "%s", all[i].sha256);
		snprintf(h->why, sizeof(h->why), "%s", all[i].why);
	}
	free(all);
}

/* Never the one that runs, nor the newest confirmed one, which is the one to go back to. */
static void prune(struct daemon *d)
{
	uint32_t all[GENERATIONS_KEPT * 2];
	char name[40], damaged[48];
	struct life_heads *heads = calloc(1, sizeof(*heads));
	size_t n, aside;
	(void)listed(d, false, all, sizeof(all) / sizeof(all[0]), &n);
	if (heads && n > GENERATIONS_KEPT)
		daemon_heads(d, heads);
	uint32_t newest = heads ? life_older(heads, UINT32_MAX) : 0;
	for (size_t i = 0; heads && i + GENERATIONS_KEPT < n; i++)
		if (all[i] != newest && all[i] != d->generation && all[i] != d->life.life.base)
			(void)state_remove(d->state_dir, name_of(all[i], name));
	uint32_t oldest = n > GENERATIONS_KEPT ? all[n - GENERATIONS_KEPT] : n ? all[0] : 0;
	(void)listed(d, true, all, sizeof(all) / sizeof(all[0]), &aside);
	for (size_t i = 0; i < aside && all[i] < oldest; i++) {
		snprintf(damaged, sizeof(damaged), "%s" STATE_DAMAGED, name_of(all[i], name));
		(void)state_remove(d->state_dir, damaged);
	}
	free(heads);
}

static int sources_of(const struct daemon_text *t, struct generation *g)
{
	for (size_t i = 0; i < t->sources.n; i++) {
		const struct config_source *from = &t->sources.v[i];
		struct generation_source *s = lb_vec_push(&g->sources);
		if (!s)
			return -ENOMEM;
		*s = (struct generation_source){ from->name, from->text, strlen(from->name), from->len };
	}
	generation_sha256(g);
	return 0;
}

int daemon_text_sha256(const struct daemon_text *t, char out[GENERATION_SHA_LEN + 1])
{
	struct generation g = { 0 };
	int err = sources_of(t, &g);
	memcpy(out, g.sha256, sizeof(g.sha256));
	generation_done(&g);
	return err;
}

static int write_out(struct daemon *d, const struct generation *g)
{
	char name[40];
	struct lb_text out = LB_TEXT_INIT;
	generation_write(g, &out);
	int err = out.bad ? -ENOMEM : state_write(d->state_dir, name_of(g->number, name), out.s, out.n, true);
	lb_text_done(&out);
	daemon_saved(d, DAEMON_FILE_GENERATIONS, err);
	return err;
}

int daemon_generation_store(struct daemon *d, const struct daemon_text *t, const struct ctl_peer *who,
	const char *message, bool pending, struct lb_err *e)
{
	uint32_t newest;
	if (d->state_lost[0])
		return lb_err_set(e, LB_CODE_FAILED, "%s", d->state_lost);
	daemon_generation_first_store(d);
	int err = newest_of(d, &newest); /* unknown: it might take the place of another one */
	struct generation g = { .number = (newest > d->generation ? newest : d->generation) + 1,
		.wall_ms = lb_clock_wall_ms(),
		.state = pending ? GENERATION_PENDING : GENERATION_CONFIRMED };
	snprintf(g.by, sizeof(g.by), "%.*s", (int)sizeof(g.by) - 1, who ? who->user : "lbd");
	lb_text_copy(g.message, sizeof(g.message), message ? message : "");
	if (!err)
		err = d->state_dir < 0 ? -ENOENT : sources_of(t, &g);
	char name[40];
	err = err ? err : write_out(d, &g);
	if (d->state_dir < 0)
		daemon_saved(d, DAEMON_FILE_GENERATIONS, err);
	else if (err) /* renamed, but not known to be on the disk: it must not be found by a start */
		(void)state_remove(d->state_dir, name_of(g.number, name));
	generation_done(&g);
	if (err)
		return lb_err_set(e, LB_CODE_FAILED, "%s/generations: %s", d->opt->state_dir, strerror(-err));
	prune(d);
	daemon_generation_forget(d); /* what ran before could not be stored, and its number is gone */
	d->generation = g.number;
	return 0;
}

void daemon_generation_first(struct daemon *d, struct daemon_text *t)
{
	d->generation = newest_number(d) + 1;
	d->unstored = *t;
	*t = (struct daemon_text){ 0 };
}

void daemon_generation_forget(struct daemon *d)
{
	daemon_text_done(&d->unstored);
	d->unsure = d->nowhere = false;
}

/* 0, or -1 and *e: it is as before. */
static int store_first(struct daemon *d, bool pending, struct lb_err *e)
{
	struct daemon_text t = d->unstored;
	uint32_t number = d->generation;
	d->unstored = (struct daemon_text){ 0 };
	d->generation = number - 1; /* the number that it has is given once more */
	if (daemon_generation_store(d, &t, NULL, "start", pending, e) == 0) {
		daemon_text_done(&t);
		return 0;
	}
	d->generation = number;
	d->unstored = t;
	d->unstored_due = lb_time_add_ms(lb_clock_now(), STORE_RETRY_MS);
	return -1;
}

void daemon_generation_first_store(struct daemon *d)
{
	struct lb_err e;
	if (d->unstored.sources.n && !d->unsure)
		(void)store_first(d, false, &e);
}

int daemon_generation_known(struct daemon *d, struct lb_err *e)
{
	if (!d->unstored.sources.n)
		return 0;
	if (d->unsure)
		return lb_err_set(e, LB_CODE_FAILED, "not every generation can be read");
	return store_first(d, false, e);
}

bool daemon_generation_sure(struct daemon *d, const struct life_choice *choice)
{
	if (choice->same) {
		daemon_generation_forget(d);
		d->generation = choice->same;
		return true;
	}
	d->generation = newest_number(d) + 1;
	/* what is to go back is never on the disk as one that a start may run */
	struct lb_err e;
	d->unsure = store_first(d, !choice->file, &e) && !choice->file;
	return !d->unsure;
}

/* The newest confirmed one if it has that text, else 0. */
static uint32_t confirmed_as(struct daemon *d, const struct daemon_text *t)
{
	char sha[GENERATION_SHA_LEN + 1];
	struct life_heads *heads = t->sources.n ? calloc(1, sizeof(*heads)) : NULL;
	uint32_t same = 0;
	if (heads && daemon_text_sha256(t, sha) == 0) {
		daemon_heads(d, heads);
		uint32_t newest = life_older(heads, UINT32_MAX);
		for (size_t i = 0; i < heads->n && !heads->unread; i++)
			if (heads->v[i].number == newest && strcmp(heads->v[i].sha256, sha) == 0)
				same = newest;
	}
	free(heads);
	return same;
}

/* As it is, with who applied it, when and why. */
static bool carried(struct daemon *d, int from)
{
	char name[40];
	struct lb_text raw = LB_TEXT_INIT;
	uint32_t newest;
	bool free_number = newest_of(d, &newest) == 0 && newest < d->generation;
	bool done = free_number && state_read(from, name_of(d->generation, name), GENERATION_MAX, &raw) == 0 && raw.s &&
		    state_write(d->state_dir, name, raw.s, raw.n, true) == 0;
	lb_text_done(&raw);
	return done;
}

void daemon_generation_moved(struct daemon *d, int from, struct daemon_text *t)
{
	uint32_t same = confirmed_as(d, t);
	if (d->unsure || d->life.life.phase != LIFE_RUNS)
		return; /* decided when all can be read; or it is one that was given up */
	if (same)
		d->generation = same;
	d->nowhere = false;
	if (same || (!d->unstored.sources.n && t->sources.n && carried(d, from))) {
		d->life.life.runs = d->generation;
		return;
	}
	if (t->sources.n) {
		d->unstored = *t;
		*t = (struct daemon_text){ 0 };
	}
	if (!d->unstored.sources.n) {
		lb_log(LB_LOG_ERROR, "config/%u: it runs, and is stored nowhere any more: apply it again",
			d->generation);
		d->nowhere = true;
		return;
	}
	uint32_t newest = newest_number(d);
	d->generation = newest < d->generation ? d->generation : newest + 1;
	d->life.life.runs = d->generation;
	daemon_generation_first_store(d);
}

void daemon_generation_turn(struct daemon *d)
{
	if (d->unstored.sources.n && lb_time_cmp(lb_clock_now(), d->unstored_due) >= 0)
		daemon_generation_first_store(d);
}

int daemon_generation_load(
	struct daemon *d, uint32_t number, struct lb_text *raw, struct generation *g, struct lb_err *e)
{
	char name[40];
	struct lb_err why;
	daemon_generation_first_store(d);
	int err = d->state_dir < 0 ? -ENOENT : state_read(d->state_dir, name_of(number, name), GENERATION_MAX, raw);
	if (err == -ENOENT)
		return lb_err_set(
			e, LB_CODE_NOT_FOUND, "there is no generation %u (the newest is %u)", number, newest_number(d));
	if (err)
		return lb_err_set(e, LB_CODE_FAILED, "%s/%s: %s", d->opt->state_dir, name, strerror(-err));
	if (generation_read(raw->s ? raw->s : "", raw->n, g, &why) == 0)
		return 0;
	if (is_newer(raw, &why))
		return lb_err_set(e, LB_CODE_FAILED, "%s/%s: a newer lbd wrote it", d->opt->state_dir, name);
	if (why.code == LB_CODE_INVALID)
		set_aside(d, number, why.text);
	return lb_err_set(e, LB_CODE_FAILED, "%s/%s: %s", d->opt->state_dir, name, why.text);
}

static void put_back(struct daemon *d, uint32_t number, const struct lb_text *raw)
{
	char name[40];
	(void)state_write(d->state_dir, name_of(number, name), raw->s, raw->n, true);
}

int daemon_generation_mark(
	struct daemon *d, uint32_t number, enum generation_state state, const char *why, struct lb_err *e)
{
	struct lb_text raw = LB_TEXT_INIT;
	struct generation g = { 0 };
	int failed = daemon_generation_load(d, number, &raw, &g, e);
	if (!failed) {
		g.number = number;
		g.state = state;
		lb_text_copy(g.why, sizeof(g.why), why);
		int err = write_out(d, &g);
		if (err) { /* renamed, perhaps, but not known to be on the disk: nobody must take it for marked */
			put_back(d, number, &raw);
			failed = lb_err_set(
				e, LB_CODE_FAILED, "%s/generations/%u: %s", d->opt->state_dir, number, strerror(-err));
		}
	}
	generation_done(&g);
	lb_text_done(&raw);
	return failed;
}
