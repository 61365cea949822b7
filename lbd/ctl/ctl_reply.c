/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int dump_part(const char *s, size_t n, void *arg)
{
	struct lb_text *out = arg;
	lb_text_put(out, s, n);
	return out->bad ? -1 : 0;
}

static const char no_memory[] = "{\"end\":{\"code\":8,\"message\":\"out of memory\"}}\n";

static json_t *end_of(enum lb_code code, const char *text, long long generation)
{
	json_t *end = json_pack("{s:i}", "code", (int)code);
	if (end && text && json_object_set_new(end, "message", json_string(text))) {
		json_decref(end);
		return NULL;
	}
	if (end && generation)
		json_object_set_new(end, "generation", json_integer(generation));
	return end;
}

static void with_why(const char *text, const char *why, char out[600])
{
	snprintf(out, 600, "%s%s%s%s", text, why ? " (not stored: " : "", why ? why : "",
		why ? "; it ends with the daemon)" : "");
}

static void say_one(struct ctl_reply *r, const struct ctl_kept *k, const char *why)
{
	char text[600];
	struct lb_text line = LB_TEXT_INIT;
	with_why(k->text, why, text);
	json_t *end = end_of(LB_CODE_OK, text, k->generation);
	lb_text_printf(&line, "{\"id\":%lld,\"end\":", k->id);
	if (!end || json_dump_callback(end, dump_part, &line, JSON_COMPACT))
		line.bad = true;
	lb_text_puts(&line, "}\n");
	if (line.bad)
		r->sink->line(r->arg, no_memory, sizeof(no_memory) - 1);
	else
		r->sink->line(r->arg, line.s, line.n);
	json_decref(end);
	lb_text_done(&line);
}

static void drop_kept(struct ctl_reply *r)
{
	lb_vec_foreach (k, &r->kept)
		free(k->text);
	lb_vec_clear(&r->kept);
}

void ctl_reply_say_kept(struct ctl_reply *r)
{
	if (!r->kept.n)
		return;
	const char *why = r->stored(r->stored_arg);
	lb_vec_foreach (k, &r->kept)
		say_one(r, k, why);
	drop_kept(r);
}

/* {"id":1,"KEY":VALUE} as a line. The envelope is written by hand: a row must not be copied to be wrapped. */
static void put_head(struct ctl_reply *r, const char *key)
{
	lb_text_clear(&r->line);
	if (r->id)
		lb_text_printf(&r->line, "{\"id\":%lld,\"%s\":", r->id, key);
	else
		lb_text_printf(&r->line, "{\"%s\":", key);
}

static int put_tail(struct ctl_reply *r)
{
	lb_text_puts(&r->line, "}\n");
	if (r->line.bad)
		return -ENOMEM;
	if (r->line.n > LB_PROTO_LINE_MAX) /* the reader would hang up on it */
		return -E2BIG;
	ctl_reply_say_kept(r);
	r->sink->line(r->arg, r->line.s, r->line.n);
	return 0;
}

static int put(struct ctl_reply *r, const char *key, const json_t *value)
{
	put_head(r, key);
	if (json_dump_callback(value, dump_part, &r->line, JSON_COMPACT))
		return -ENOMEM;
	return put_tail(r);
}

static bool writable(const struct ctl_reply *r)
{
	switch (r->state) {
	case CTL_REPLY_OPEN:
	case CTL_REPLY_STREAM:
	case CTL_REPLY_HELD: return true;
	case CTL_REPLY_NONE:
	case CTL_REPLY_ENDED: return false;
	}
	return false;
}

void ctl_reply_init(struct ctl_reply *r, const struct ctl_sink *sink, void *arg)
{
	*r = (struct ctl_reply){ .sink = sink, .arg = arg };
}

void ctl_reply_begin(struct ctl_reply *r, long long id, long long generation)
{
	r->id = id;
	r->generation = generation;
	r->state = CTL_REPLY_OPEN;
	r->next = NULL;
	r->release = NULL;
	r->data = NULL;
}

/* The state a stream has left goes when its next() has returned: it is standing on it. */
static void release_stream(struct ctl_reply *r)
{
	ctl_free_fn *release = r->release;
	void *data = r->data;
	r->next = NULL;
	r->release = NULL;
	r->data = NULL;
	if (release)
		release(data);
}

static void row_failed(struct ctl_reply *r, int err)
{
	ctl_reply_end(r, LB_CODE_FAILED, err == -E2BIG ? "a row is too long to be sent" : "out of memory", NULL);
}

void ctl_reply_row_text(struct ctl_reply *r, const char *json)
{
	if (!writable(r))
		return;
	put_head(r, "row");
	lb_text_puts(&r->line, json);
	int failed = put_tail(r);
	if (failed)
		row_failed(r, failed);
}

void ctl_reply_row(struct ctl_reply *r, json_t *row)
{
	if (!writable(r)) {
		json_decref(row);
		return;
	}
	int failed = row ? put(r, "row", row) : -ENOMEM;
	json_decref(row);
	if (failed)
		row_failed(r, failed);
}

void ctl_reply_end(struct ctl_reply *r, enum lb_code code, const char *text, json_t *extra)
{
	if (!writable(r)) {
		json_decref(extra);
		return;
	}
	json_t *end = end_of(code, text, r->generation);
	if (end && extra)
		json_object_update(end, extra);
	json_decref(extra);
	if (r->state == CTL_REPLY_HELD)
		r->release = NULL; /* gone() must not run any more */
	r->state = CTL_REPLY_ENDED;
	if (!end || put(r, "end", end)) { /* without the id: the client takes it as the end of whatever it waits for */
		ctl_reply_say_kept(r);
		r->sink->line(r->arg, no_memory, sizeof(no_memory) - 1);
	}
	json_decref(end);
	r->sink->ended(r->arg);
}

void ctl_reply_error(struct ctl_reply *r, const struct lb_err *e)
{
	ctl_reply_end(r, e->code, e->text, NULL);
}

/* At once, behind what came before. */
static void end_stored_now(struct ctl_reply *r, const char *text, ctl_stored_fn *stored, void *arg)
{
	char all[600];
	with_why(text, stored(arg), all);
	ctl_reply_end(r, LB_CODE_OK, all, NULL);
}

void ctl_reply_end_stored(struct ctl_reply *r, const char *text, ctl_stored_fn *stored, void *arg)
{
	if (!writable(r))
		return;
	struct ctl_kept k = { r->id, r->generation, r->sink->keeps ? strdup(text) : NULL };
	struct ctl_kept *place = k.text ? lb_vec_push(&r->kept) : NULL;
	if (!place) {
		free(k.text);
		end_stored_now(r, text, stored, arg);
		return;
	}
	*place = k;
	r->stored = stored;
	r->stored_arg = arg;
	if (r->state == CTL_REPLY_HELD)
		r->release = NULL; /* as ctl_reply_end */
	r->state = CTL_REPLY_ENDED;
	r->sink->ended(r->arg);
}

void ctl_reply_stream(struct ctl_reply *r, ctl_next_fn *next, ctl_free_fn *free_state, void *state)
{
	if (!writable(r)) {
		if (free_state)
			free_state(state);
		return;
	}
	r->state = CTL_REPLY_STREAM;
	r->next = next;
	r->release = free_state;
	r->data = state;
	ctl_reply_pump(r);
}

void ctl_reply_hold(struct ctl_reply *r, ctl_free_fn *gone, void *state)
{
	if (!writable(r)) {
		if (gone)
			gone(state);
		return;
	}
	r->state = CTL_REPLY_HELD;
	r->release = gone;
	r->data = state;
}

int ctl_reply_pump(struct ctl_reply *r)
{
	const struct ctl_sink *to = r->sink;
	bool later = false;
	while (r->state == CTL_REPLY_STREAM && !later && !to->full(r->arg)) {
		int more = r->next(r, r->data);
		if (!more && r->state == CTL_REPLY_STREAM)
			ctl_reply_end(r, LB_CODE_FAILED, "the answer has no end", NULL);
		later = r->state == CTL_REPLY_STREAM && to->later && to->later(r->arg);
	}
	if (r->state == CTL_REPLY_STREAM)
		return 1;
	if (r->state == CTL_REPLY_HELD)
		r->next = NULL; /* next() has nothing now: its state is that of the hold */
	else if (r->next)
		release_stream(r);
	return 0;
}

void ctl_reply_settle(struct ctl_reply *r)
{
	if (r->state == CTL_REPLY_OPEN)
		ctl_reply_end(r, LB_CODE_FAILED, "the command has no answer", NULL);
}

void ctl_reply_abort(struct ctl_reply *r)
{
	bool told = r->state == CTL_REPLY_STREAM || r->state == CTL_REPLY_HELD;
	r->state = CTL_REPLY_ENDED;
	if (told || r->next)
		release_stream(r);
}

void ctl_reply_done(struct ctl_reply *r)
{
	ctl_reply_abort(r);
	drop_kept(r);
	lb_vec_done(&r->kept);
	lb_text_done(&r->line);
	r->state = CTL_REPLY_NONE;
}
