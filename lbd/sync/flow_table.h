/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flows that are known: the last record of each, until its timeout. Pure; the clock is passed in.
 *
 * Every record that is put gets the next number and moves to the end of one list. So the table is its own queue: who
 * has everything up to number N gets what stands behind N, each flow once and as it is now. Nothing else is kept for a
 * peer that is slow or away, and what a flow was in between is never sent. A peer that knows nothing begins at 0.
 *
 * Made for a million flows and for keys that strangers choose: a keyed hash, no step that grows with the table, 128
 * bytes per flow and a little more for the hash. Memory is kept for the next flow when one goes; it is given back with
 * the table.
 */
#pragma once

#include "common/time.h"
#include "lbd/sync/flow.h"

#include <stddef.h>

struct flow_table;
struct flow_more; /* what few flows have: sequence numbers, data of a persistence engine; and connection tracking */

enum flow_origin {
	FLOW_LOCAL, /* this node's kernel told it */
	FLOW_PEER   /* the peer did: it is not told back, unless the peer has forgotten everything */
};

#define FLOW_ORIGIN_COUNT 2

struct flow_entry { /* read only outside; it stays where it is until the flow is dropped or has expired */
	struct lb_time put_at, expires;
	uint64_t number; /* > 0, grows with every put */
	/* private from here: flow_entry_get is for what is in it */
	struct flow_more *more; /* NULL = none */
	uint8_t client[16], virtual[16], dest[16];
	uint16_t client_port, virtual_port, dest_port, state;
	uint32_t flags, fwmark, timeout_s;
	uint32_t hash;
	/* positions of entries, 0 = none: of the bucket, of the list by number, of those that expire together */
	uint32_t chain, older, newer, due_next, due_prev;
	uint8_t protocol, family;
	bool template;
	unsigned mark : 6;           /* of the look at the kernel in which it was seen, see flow_table_look */
	enum flow_origin origin : 2; /* public again */
};

/* The flow; timeout_s is the one that was put (or the default of the state), counted from when it was put. */
void flow_entry_get(const struct flow_entry *e, struct flow *out);
/* The same for another kernel: timeout_s is what is left of it, upwards (0 would be another word for all of it). Of a
 * template it is all: a kernel gives the next connections of its client as much as the template came with, and never
 * more. False: nothing is left. */
bool flow_entry_left(const struct flow_entry *e, struct lb_time now, struct flow *out);

/* seed: random, against chosen keys. max: flows at most. NULL: no memory. */
struct flow_table *flow_table_new(uint64_t seed, uint32_t max);
void flow_table_free(struct flow_table *t);

/* Takes the record (a copy). f->timeout_s 0 is stored as flow_default_timeout_s. 0; -ENOSPC full (an existing key is
 * always taken); -ENOMEM; -EINVAL it is not whole, see flow_is_whole. After an error everything is as before, *e too.
 * *e (may be NULL) is the entry. O(1). */
int flow_table_put(struct flow_table *t, const struct flow *f, enum flow_origin origin, struct lb_time now,
	const struct flow_entry **e);
/* The same of one that is known late: put_at is age_ms before now. Its timeout counts from now. */
int flow_table_put_aged(struct flow_table *t, const struct flow *f, enum flow_origin origin, int64_t age_ms,
	struct lb_time now, const struct flow_entry **e);
const struct flow_entry *flow_table_find(const struct flow_table *t, const struct flow_key *k);
/* Forgets it. True when it was there. */
bool flow_table_drop(struct flow_table *t, const struct flow_key *k);
/* A look at everything that the kernel has: what is put, or seen, from here on is there. What is not seen when that is
 * over has gone without a word. */
void flow_table_look(struct flow_table *t);
void flow_table_saw(struct flow_table *t, const struct flow_entry *e);
bool flow_table_seen(const struct flow_table *t, const struct flow_entry *e);
/* Drops at most max (> 0) that have expired; returns how many. A flow goes with the first full second of the clock that
 * is not before its time. Work is in proportion to what expires (a wheel), not to the table. Call once a second, and
 * again while it returns max. */
unsigned flow_table_expire(struct flow_table *t, struct lb_time now, unsigned max);
/* One of those, for who has something to say about it first: it is put or dropped before the next call. NULL = none. */
const struct flow_entry *flow_table_due(struct flow_table *t, struct lb_time now);
/* The first entry with a number above `after`; NULL = none. O(1) for a reader that goes on from its last number: a
 * struct flow_cursor keeps its place and survives that its entry moves or goes. Every put looks at every open cursor,
 * so there are a few of them. */
struct flow_cursor {
	uint64_t after; /* numbers up to here are done */
	/* private: place in the list, registered with the table */
	struct flow_table *table;
	const struct flow_entry *at; /* the next one to give; NULL = what will be put next */
	struct flow_cursor *next;
};
void flow_cursor_open(
	struct flow_cursor *c, struct flow_table *t, uint64_t after); /* after a number somewhere inside: O(n) once */
const struct flow_entry *flow_cursor_next(struct flow_cursor *c);     /* NULL = at the end, for now */
void flow_cursor_close(struct flow_cursor *c); /* twice does no harm, nor after the table is gone */

uint64_t flow_table_last(const struct flow_table *t); /* the last number that was given; 0 = none ever */
uint32_t flow_table_count(const struct flow_table *t, enum flow_origin origin);
size_t flow_table_bytes(const struct flow_table *t); /* memory that it takes, about */
