/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events on their way: what happened as a record, and the last ones in memory. The table of them is common/events.h.
 *
 *   event_text      a change of state as one JSON object, as `lbctl watch -j` prints it
 *   events_add      keeps it, under the next number
 *   events_get      by number, for who follows; what was overwritten is gone, and who follows counts it
 *
 * Pure. Numbers have no gaps; a record that memory was not there for has a number and no text.
 */
#pragma once

#include "common/events.h"
#include "common/time.h"

#include <jansson.h>
#include <stdint.h>

struct event { /* all but id may be absent; everything is borrowed but data */
	enum lb_event_id id;
	enum lb_log_level level; /* 0 = that of the table */
	const char *object;      /* "backend/web/app1"; NULL = what stands before ": " in the line */
	const char *old, *new, *reason;
	const char *user; /* who wanted it */
	json_t *data;     /* an object: what else there is to say; stolen */
};

struct event_stamp {
	uint64_t seq;
	int64_t wall_ms;
	struct lb_time now;
	const char *node;
};

enum lb_log_level event_level(const struct event *e);

#define EVENT_OBJECT_MAX 200
/* The object of an event whose line is this. Returns out. */
const char *event_object(const struct event *e, const char *line, char out[EVENT_OBJECT_MAX]);

/* The record as JSON without a newline; takes e->data. NULL: no memory. To be freed with free(). */
char *event_text(const struct event *e, const char *line, const struct event_stamp *at);

/* What takes the place of n records that are gone. The same. */
char *event_lost(uint64_t n, const struct event_stamp *at);

#define EVENTS_KEPT 10000u

struct event_record {
	uint64_t seq;
	struct lb_time at;
	enum lb_event_id id;
	char *text; /* NULL: memory was out */
};

struct events;

struct events *events_new(uint32_t records); /* NULL: no memory */
void events_free(struct events *es);

/* The number that the next one gets; the first is 1. */
uint64_t events_next(const struct events *es);
/* The oldest that is there; events_next when there is none. */
uint64_t events_first(const struct events *es);
/* The first that is not older than t; events_next when all are. */
uint64_t events_since(const struct events *es, struct lb_time t);

/* Takes text (may be NULL). */
void events_add(struct events *es, enum lb_event_id id, struct lb_time at, char *text);

/* NULL: it is gone, or has not been yet. */
const struct event_record *events_get(const struct events *es, uint64_t seq);
