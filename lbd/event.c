/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/event.h"

#include "common/buf.h"
#include "common/proto.h"
#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct events {
	uint32_t size;
	uint64_t next;
	struct event_record *v; /* a ring: number n is at n % size; grows with what is in it */
	uint32_t room;
};

enum lb_log_level event_level(const struct event *e)
{
	return e->level ? e->level : lb_events[e->id].level;
}

const char *event_object(const struct event *e, const char *line, char out[EVENT_OBJECT_MAX])
{
	const char *end = strstr(line, ": ");
	if (e->object)
		snprintf(out, EVENT_OBJECT_MAX, "%s", e->object);
	else
		snprintf(out, EVENT_OBJECT_MAX, "%.*s", end ? (int)(end - line) : 0, line);
	return out;
}

/* Bytes from elsewhere are shown as everywhere else; JSON would not take them. */
static void put(json_t *o, const char *key, const char *s)
{
	struct lb_text shown = LB_TEXT_INIT;
	if (!s || !*s)
		return;
	json_t *v = json_string(s);
	if (!v) {
		lb_text_escape(&shown, s, strlen(s), 0);
		v = shown.bad ? NULL : json_string(shown.s);
	}
	if (v)
		json_object_set_new(o, key, v);
	lb_text_done(&shown);
}

static json_t *begin(const struct event_stamp *at, bool numbered)
{
	char time[LB_WALL_STRLEN];
	json_t *o = json_pack("{s:i}", "schema", LB_PROTO_SCHEMA);
	if (!o)
		return NULL;
	if (numbered)
		json_object_set_new(o, "seq", json_integer((json_int_t)at->seq));
	put(o, "time", lb_wall_str(at->wall_ms, time));
	json_object_set_new(o, "mono", json_real((double)at->now.us / 1e6));
	put(o, "node", at->node);
	return o;
}

static char *end(json_t *o)
{
	char *s = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	json_decref(o);
	return s;
}

char *event_text(const struct event *e, const char *line, const struct event_stamp *at)
{
	char object[EVENT_OBJECT_MAX];
	json_t *o = begin(at, true);
	put(o, "event", lb_events[e->id].name);
	put(o, "level", lb_log_level_name(event_level(e)));
	put(o, "object", event_object(e, line, object));
	put(o, "old", e->old);
	put(o, "new", e->new);
	put(o, "reason", e->reason);
	put(o, "user", e->user);
	if (e->data)
		json_object_set_new(o, "data", e->data);
	put(o, "line", line);
	return end(o);
}

char *event_lost(uint64_t n, const struct event_stamp *at)
{
	char line[120];
	json_t *o = begin(at, false);
	snprintf(line, sizeof(line), "events: %llu lost: they are not in memory any more", (unsigned long long)n);
	put(o, "event", lb_events[LB_EVENT_LOST].name);
	put(o, "level", lb_log_level_name(lb_events[LB_EVENT_LOST].level));
	put(o, "object", "events");
	if (o)
		json_object_set_new(o, "data", json_pack("{s:I}", "count", (json_int_t)n));
	put(o, "line", line);
	return end(o);
}

/* ---- in memory ---- */

struct events *events_new(uint32_t records)
{
	struct events *es = calloc(1, sizeof(*es));
	if (!es)
		return NULL;
	*es = (struct events){ .size = records, .next = 1 };
	return es;
}

void events_free(struct events *es)
{
	if (!es)
		return;
	for (uint32_t i = 0; i < es->room; i++)
		free(es->v[i].text);
	free(es->v);
	free(es);
}

uint64_t events_next(const struct events *es)
{
	return es->next;
}

/* Number n stands at (n - 1) % size, and the ring is as long as it was ever filled. */
static struct event_record *place(const struct events *es, uint64_t seq)
{
	uint64_t i = (seq - 1) % es->size;
	return i < es->room ? &es->v[i] : NULL;
}

uint64_t events_first(const struct events *es)
{
	return es->next > es->size ? es->next - es->size : 1;
}

uint64_t events_since(const struct events *es, struct lb_time t)
{
	uint64_t from = events_first(es), to = es->next;
	while (from < to) { /* they stand in the order of time */
		uint64_t mid = from + (to - from) / 2;
		const struct event_record *r = events_get(es, mid);
		if (r && lb_time_cmp(r->at, t) >= 0)
			to = mid;
		else
			from = mid + 1;
	}
	return from;
}

static void grow(struct events *es)
{
	uint32_t room = es->room ? es->room * 2 : 64;
	if (room > es->size)
		room = es->size;
	struct event_record *v = realloc(es->v, room * sizeof(*v));
	if (!v)
		return;
	memset(v + es->room, 0, (room - es->room) * sizeof(*v));
	es->v = v;
	es->room = room;
}

void events_add(struct events *es, enum lb_event_id id, struct lb_time at, char *text)
{
	uint64_t seq = es->next++;
	if (!place(es, seq))
		grow(es);
	struct event_record *r = place(es, seq);
	if (!r) {
		free(text);
		return;
	}
	free(r->text);
	*r = (struct event_record){ seq, at, id, text };
}

const struct event_record *events_get(const struct events *es, uint64_t seq)
{
	const struct event_record *r = seq >= events_first(es) && seq < es->next ? place(es, seq) : NULL;
	return r && r->seq == seq ? r : NULL;
}
