/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries live in slabs and never move; they name each other by position, 32 bits, 0 = none. An entry is in three
 * chains:
 * - its bucket. The hash grows by one bucket per put (linear hashing): bucket `split` gives half of its entries to a
 *   new one at the end. So no put pays for the growth of a whole table.
 * - the list by number, with the cursors on it.
 * - its second of expiry. `due` has a slot per second for two pages of 4096 seconds, and behind them a slot per page
 *   for 1024 pages (48 days; what is later waits in the last one). A page moves to its seconds in small steps while
 *   the one before it is served, so timeouts up to an hour and more never move at all, and others once.
 */
#include "lbd/sync/flow_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SLAB     512u  /* entries that are allocated together: 64 KiB */
#define SEGMENT  2048u /* buckets */
#define PAGE_S   4096
#define NEAR_S   (2 * PAGE_S)
#define FAR      1024           /* pages */
#define IS_SLOT  0x80000000u    /* in due_prev: it is the first, of this slot */
#define MALLOC_N sizeof(size_t) /* what malloc takes for itself, at least */

/* What a million of them cost was decided, and is written in the header. */
_Static_assert(sizeof(struct flow_entry) == 128, "an entry grew");

struct flow_more {
	bool has_seq, has_ct;
	uint8_t name_n, data_n;
	union {
		struct {
			struct flow_seq in, out;
		} seq;
		struct {
			struct flow_ct ct;
			uint16_t zone;
		} ct;
	} u;
	uint8_t bytes[]; /* name, data */
};

struct flow_table {
	uint64_t seed, last;
	unsigned mark : 6;
	uint32_t max, count[FLOW_ORIGIN_COUNT];
	struct flow_entry **slabs;
	uint32_t n_slabs, slabs_cap;
	uint32_t used, free; /* positions that were ever given out, the first of them is none; those that came back */
	uint32_t **segments;
	uint32_t n_segments, segments_cap;
	uint32_t buckets, half; /* half: the power of 2 with half <= buckets < 2 * half */
	uint32_t oldest, newest;
	int64_t tick;  /* the first second that is not done */
	int64_t page;  /* the first one that is not all in seconds; page * PAGE_S >= tick */
	size_t more_n; /* bytes */
	struct flow_cursor *cursors;
	uint32_t due[NEAR_S + FAR];
};

static struct flow_entry *entry(const struct flow_table *t, uint32_t i)
{
	return i ? &t->slabs[i / SLAB][i % SLAB] : NULL;
}

static uint32_t total(const struct flow_table *t)
{
	return t->count[FLOW_LOCAL] + t->count[FLOW_PEER];
}

/* One more pointer in an array of pointers. False: no memory, nothing changed. */
static bool room_for_one(void *array, uint32_t n, uint32_t *cap)
{
	void *old;
	if (n < *cap)
		return true;
	uint32_t want = *cap ? *cap * 2 : 16;
	memcpy(&old, array, sizeof(old));
	void *bigger = realloc(old, want * sizeof(void *));
	if (!bigger)
		return false;
	memcpy(array, &bigger, sizeof(bigger));
	*cap = want;
	return true;
}

/* ---- positions ---- */

static uint32_t position_take(struct flow_table *t)
{
	uint32_t i = t->free;
	if (i) {
		t->free = entry(t, i)->chain;
		return i;
	}
	if (t->used / SLAB == t->n_slabs) {
		if (!room_for_one(&t->slabs, t->n_slabs, &t->slabs_cap))
			return 0;
		struct flow_entry *slab = malloc(SLAB * sizeof(*slab));
		if (!slab)
			return 0;
		t->slabs[t->n_slabs++] = slab;
	}
	if (t->used == 0)
		t->used = 1; /* 0 is none */
	return t->used++;
}

static void position_give(struct flow_table *t, uint32_t i)
{
	entry(t, i)->chain = t->free;
	t->free = i;
}

/* ---- hash ---- */

static uint32_t *bucket(const struct flow_table *t, uint32_t hash)
{
	uint32_t b = hash & (t->half - 1);
	if (b < t->buckets - t->half) /* was split */
		b = hash & (2 * t->half - 1);
	return &t->segments[b / SEGMENT][b % SEGMENT];
}

static bool segment_add(struct flow_table *t)
{
	if (!room_for_one(&t->segments, t->n_segments, &t->segments_cap))
		return false;
	uint32_t *segment = calloc(SEGMENT, sizeof(*segment));
	if (!segment)
		return false;
	t->segments[t->n_segments++] = segment;
	return true;
}

/* One bucket more, when there are more entries than buckets. Without memory the chains get longer, and that is all. */
static void hash_grow(struct flow_table *t)
{
	if (total(t) <= t->buckets || (t->buckets / SEGMENT == t->n_segments && !segment_add(t)))
		return;
	uint32_t split = t->buckets - t->half;
	uint32_t *stay = &t->segments[split / SEGMENT][split % SEGMENT];
	uint32_t *go = &t->segments[t->buckets / SEGMENT][t->buckets % SEGMENT];
	while (*stay) {
		struct flow_entry *e = entry(t, *stay);
		if (e->hash & t->half) {
			uint32_t i = *stay;
			*stay = e->chain;
			e->chain = *go;
			*go = i;
		} else {
			stay = &e->chain;
		}
	}
	if (++t->buckets == 2 * t->half)
		t->half *= 2;
}

static uint16_t zone_of(const struct flow_entry *e)
{
	return e->more && e->more->has_ct ? e->more->u.ct.zone : 0;
}

static bool is_it(const struct flow_entry *e, const struct flow_key *k)
{
	return e->protocol == k->protocol && e->template == k->template && e->client_port == k->client_port &&
	       e->virtual_port == k->virtual_port && e->family == k->client.family && e->family == k->virtual.family &&
	       memcmp(e->client, k->client.b, sizeof(e->client)) == 0 &&
	       memcmp(e->virtual, k->virtual.b, sizeof(e->virtual)) == 0 && zone_of(e) == k->zone;
}

static uint32_t look_up(const struct flow_table *t, const struct flow_key *k, uint32_t hash)
{
	for (uint32_t i = *bucket(t, hash); i; i = entry(t, i)->chain)
		if (entry(t, i)->hash == hash && is_it(entry(t, i), k))
			return i;
	return 0;
}

static void hash_remove(struct flow_table *t, uint32_t i)
{
	uint32_t *at = bucket(t, entry(t, i)->hash);
	while (*at != i)
		at = &entry(t, *at)->chain;
	*at = entry(t, i)->chain;
}

/* ---- the list by number ---- */

static void list_append(struct flow_table *t, uint32_t i)
{
	struct flow_entry *e = entry(t, i), *last = entry(t, t->newest);
	e->number = ++t->last;
	e->newer = 0;
	e->older = t->newest;
	*(last ? &last->newer : &t->oldest) = i;
	t->newest = i;
	for (struct flow_cursor *c = t->cursors; c; c = c->next)
		if (!c->at)
			c->at = e;
}

static void list_remove(struct flow_table *t, uint32_t i)
{
	struct flow_entry *e = entry(t, i), *older = entry(t, e->older), *newer = entry(t, e->newer);
	*(older ? &older->newer : &t->oldest) = e->newer;
	*(newer ? &newer->older : &t->newest) = e->older;
	for (struct flow_cursor *c = t->cursors; c; c = c->next)
		if (c->at == e)
			c->at = newer;
}

/* ---- expiry ---- */

static int64_t second(struct lb_time at)
{
	return at.us > 0 ? at.us / 1000000 : 0;
}

/* The first second that does not begin before it. */
static int64_t second_after(struct lb_time at)
{
	return second((struct lb_time){ at.us + 999999 });
}

/* How many pages may be in seconds by now: the slots of two pages are one ring. */
static int64_t page_limit(const struct flow_table *t)
{
	return (t->tick + NEAR_S) / PAGE_S;
}

/* Nothing waits: the clock may have gone anywhere. */
static void due_start(struct flow_table *t, struct lb_time now)
{
	if (second(now) <= t->tick)
		return;
	t->tick = second(now);
	t->page = page_limit(t);
}

static uint32_t due_slot(const struct flow_table *t, struct lb_time expires)
{
	int64_t at = second_after(expires);
	if (at < t->tick)
		at = t->tick;
	if (at < t->tick + NEAR_S)
		return (uint32_t)(at % NEAR_S);
	int64_t page = at / PAGE_S, last = t->page + FAR - 1;
	return (uint32_t)(NEAR_S + (page < last ? page : last) % FAR);
}

static void due_add(struct flow_table *t, uint32_t i)
{
	struct flow_entry *e = entry(t, i);
	uint32_t slot = due_slot(t, e->expires), first = t->due[slot];
	e->due_prev = IS_SLOT | slot;
	e->due_next = first;
	if (first)
		entry(t, first)->due_prev = i;
	t->due[slot] = i;
}

static void due_remove(struct flow_table *t, uint32_t i)
{
	const struct flow_entry *e = entry(t, i);
	if (e->due_next)
		entry(t, e->due_next)->due_prev = e->due_prev;
	if (e->due_prev & IS_SLOT)
		t->due[e->due_prev & ~IS_SLOT] = e->due_next;
	else
		entry(t, e->due_prev)->due_next = e->due_next;
}

/* Moves at most max entries from their page to their second. */
static void due_refill(struct flow_table *t, uint32_t max)
{
	for (; t->page < page_limit(t); t->page++) {
		const uint32_t *first = &t->due[NEAR_S + t->page % FAR];
		for (uint32_t i; (i = *first); max--) {
			if (max == 0)
				return;
			due_remove(t, i);
			due_add(t, i); /* not to where it was: that page is all seconds now */
		}
	}
}

/* ---- entries ---- */

static size_t more_size(const struct flow_more *m)
{
	return m ? sizeof(*m) + m->name_n + m->data_n + MALLOC_N : 0;
}

/* False: no memory. *out is NULL when there is nothing that needs it. */
static bool more_new(const struct flow *f, struct flow_more **out)
{
	*out = NULL;
	if (!f->has_seq && !f->has_ct && f->pe_name_n == 0 && f->pe_data_n == 0)
		return true;
	struct flow_more *m = malloc(sizeof(*m) + f->pe_name_n + f->pe_data_n);
	if (!m)
		return false;
	*m = (struct flow_more){ f->has_seq, f->has_ct, f->pe_name_n, f->pe_data_n,
		.u.seq = { f->seq_in, f->seq_out } };
	if (f->has_ct) {
		m->u.ct.ct = f->ct;
		m->u.ct.zone = f->key.zone;
	}
	memcpy(m->bytes, f->pe_name, f->pe_name_n);
	memcpy(m->bytes + f->pe_name_n, f->pe_data, f->pe_data_n);
	*out = m;
	return true;
}

static void more_get(const struct flow_more *m, struct flow *out)
{
	out->has_ct = m->has_ct;
	if (m->has_ct) {
		out->ct = m->u.ct.ct;
		out->key.zone = m->u.ct.zone;
		return;
	}
	out->has_seq = m->has_seq;
	out->seq_in = m->u.seq.in;
	out->seq_out = m->u.seq.out;
	out->pe_name_n = m->name_n;
	out->pe_data_n = m->data_n;
	memcpy(out->pe_name, m->bytes, m->name_n);
	memcpy(out->pe_data, m->bytes + m->name_n, m->data_n);
}

static struct lb_ip address(uint8_t family, const uint8_t b[16])
{
	struct lb_ip ip = { .family = family };
	memcpy(ip.b, b, sizeof(ip.b));
	return ip;
}

void flow_entry_get(const struct flow_entry *e, struct flow *out)
{
	*out = (struct flow){
		.key = { e->protocol, e->template, e->client_port, e->virtual_port, address(e->family, e->client),
			address(e->family, e->virtual), 0 },
		.dest = address(e->family, e->dest),
		.dest_port = e->dest_port,
		.flags = e->flags,
		.state = e->state,
		.fwmark = e->fwmark,
		.timeout_s = e->timeout_s,
	};
	if (e->more)
		more_get(e->more, out);
}

bool flow_entry_left(const struct flow_entry *e, struct lb_time now, struct flow *out)
{
	int64_t left_s = (lb_time_diff_us(e->expires, now) + 999999) / 1000000;
	flow_entry_get(e, out);
	if (!e->template)
		out->timeout_s = left_s > UINT32_MAX ? UINT32_MAX : (uint32_t)left_s;
	return lb_time_cmp(e->expires, now) > 0;
}

/* All that is not in its key. */
static void enter(struct flow_table *t, uint32_t i, const struct flow *f, enum flow_origin origin,
	struct lb_time put_at, struct lb_time now)
{
	struct flow_entry *e = entry(t, i);
	memcpy(e->dest, f->dest.b, sizeof(e->dest));
	e->dest_port = f->dest_port;
	e->state = f->state;
	e->flags = f->flags;
	e->fwmark = f->fwmark;
	e->timeout_s = f->timeout_s ? f->timeout_s : flow_default_timeout_s(f);
	e->origin = origin;
	e->mark = t->mark;
	e->put_at = put_at;
	e->expires = lb_time_add_ms(now, (int64_t)e->timeout_s * 1000);
	if (total(t) == 0)
		due_start(t, now);
	t->count[origin]++;
	list_append(t, i);
	due_add(t, i);
}

/* Out of everything but the hash. */
static void leave(struct flow_table *t, uint32_t i)
{
	struct flow_entry *e = entry(t, i);
	list_remove(t, i);
	due_remove(t, i);
	t->count[e->origin]--;
	t->more_n -= more_size(e->more);
	free(e->more);
	e->more = NULL;
}

static void forget(struct flow_table *t, uint32_t i)
{
	leave(t, i);
	hash_remove(t, i);
	position_give(t, i);
}

/* 0: no memory. */
static uint32_t entry_new(struct flow_table *t, const struct flow_key *k, uint32_t hash)
{
	uint32_t i = position_take(t);
	if (!i)
		return 0;
	struct flow_entry *e = entry(t, i);
	*e = (struct flow_entry){ .hash = hash,
		.chain = *bucket(t, hash),
		.client_port = k->client_port,
		.virtual_port = k->virtual_port,
		.protocol = k->protocol,
		.template = k->template,
		.family = k->client.family };
	memcpy(e->client, k->client.b, sizeof(e->client));
	memcpy(e->virtual, k->virtual.b, sizeof(e->virtual));
	*bucket(t, hash) = i;
	return i;
}

/* ---- table ---- */

struct flow_table *flow_table_new(uint64_t seed, uint32_t max)
{
	struct flow_table *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->seed = seed;
	t->max = max < IS_SLOT - 1 ? max : IS_SLOT - 1;
	t->page = page_limit(t);
	if (!segment_add(t)) {
		flow_table_free(t);
		return NULL;
	}
	t->buckets = t->half = SEGMENT;
	return t;
}

void flow_table_free(struct flow_table *t)
{
	if (!t)
		return;
	while (t->cursors)
		flow_cursor_close(t->cursors);
	for (uint32_t i = t->oldest; i; i = entry(t, i)->newer)
		free(entry(t, i)->more);
	for (uint32_t i = 0; i < t->n_slabs; i++)
		free(t->slabs[i]);
	for (uint32_t i = 0; i < t->n_segments; i++)
		free(t->segments[i]);
	free(t->slabs);
	free(t->segments);
	free(t);
}

int flow_table_put(struct flow_table *t, const struct flow *f, enum flow_origin origin, struct lb_time now,
	const struct flow_entry **e)
{
	return flow_table_put_aged(t, f, origin, 0, now, e);
}

int flow_table_put_aged(struct flow_table *t, const struct flow *f, enum flow_origin origin, int64_t age_ms,
	struct lb_time now, const struct flow_entry **e)
{
	struct flow_more *more;
	if (!flow_is_whole(f))
		return -EINVAL;
	uint32_t hash = (uint32_t)flow_key_hash(&f->key, t->seed), i = look_up(t, &f->key, hash);
	if (!i && total(t) >= t->max)
		return -ENOSPC;
	if (!more_new(f, &more))
		return -ENOMEM;
	if (i) {
		leave(t, i);
	} else if (!(i = entry_new(t, &f->key, hash))) {
		free(more);
		return -ENOMEM;
	}
	entry(t, i)->more = more;
	t->more_n += more_size(more);
	enter(t, i, f, origin, lb_time_add_ms(now, -age_ms), now);
	hash_grow(t);
	if (e)
		*e = entry(t, i);
	return 0;
}

const struct flow_entry *flow_table_find(const struct flow_table *t, const struct flow_key *k)
{
	return entry(t, look_up(t, k, (uint32_t)flow_key_hash(k, t->seed)));
}

bool flow_table_drop(struct flow_table *t, const struct flow_key *k)
{
	uint32_t i = look_up(t, k, (uint32_t)flow_key_hash(k, t->seed));
	if (i)
		forget(t, i);
	return i != 0;
}

void flow_table_look(struct flow_table *t)
{
	t->mark++;
}

void flow_table_saw(struct flow_table *t, const struct flow_entry *e)
{
	const struct flow_entry *newer = entry(t, e->newer);
	entry(t, newer ? newer->older : t->newest)->mark = t->mark;
}

bool flow_table_seen(const struct flow_table *t, const struct flow_entry *e)
{
	return e->mark == t->mark;
}

const struct flow_entry *flow_table_due(struct flow_table *t, struct lb_time now)
{
	for (int64_t until = second(now); t->tick <= until && total(t); t->tick++) {
		if (t->tick == t->page * PAGE_S) /* nobody asked for more than an hour: now, and all of them */
			due_refill(t, UINT32_MAX);
		if (t->due[t->tick % NEAR_S])
			return entry(t, t->due[t->tick % NEAR_S]);
	}
	return NULL;
}

unsigned flow_table_expire(struct flow_table *t, struct lb_time now, unsigned max)
{
	unsigned n = 0;
	for (; n < max && flow_table_due(t, now); n++)
		forget(t, t->due[t->tick % NEAR_S]);
	if (n < max)
		due_refill(t, max);
	return n;
}

uint64_t flow_table_last(const struct flow_table *t)
{
	return t->last;
}

uint32_t flow_table_count(const struct flow_table *t, enum flow_origin origin)
{
	return t->count[origin];
}

size_t flow_table_bytes(const struct flow_table *t)
{
	return sizeof(*t) + t->more_n + ((size_t)t->slabs_cap + t->segments_cap) * sizeof(void *) +
	       t->n_slabs * (SLAB * sizeof(struct flow_entry) + MALLOC_N) +
	       t->n_segments * (SEGMENT * sizeof(uint32_t) + MALLOC_N);
}

/* ---- cursors ---- */

void flow_cursor_open(struct flow_cursor *c, struct flow_table *t, uint64_t after)
{
	*c = (struct flow_cursor){ after, t, NULL, t->cursors };
	t->cursors = c;
	if (after == 0) {
		c->at = entry(t, t->oldest);
		return;
	}
	/* from the end: who comes back was mostly not away for long */
	for (uint32_t i = t->newest; i && entry(t, i)->number > after; i = entry(t, i)->older)
		c->at = entry(t, i);
}

const struct flow_entry *flow_cursor_next(struct flow_cursor *c)
{
	const struct flow_entry *e = c->at;
	while (e && e->number <= c->after) /* opened behind the last number that there was */
		e = entry(c->table, e->newer);
	c->at = e ? entry(c->table, e->newer) : NULL;
	if (e)
		c->after = e->number;
	return e;
}

void flow_cursor_close(struct flow_cursor *c)
{
	if (!c->table)
		return;
	struct flow_cursor **at = &c->table->cursors;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->table = NULL;
	c->at = NULL;
	c->next = NULL;
}
