/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two ends of the link that hear each other at once, and one end that hears what a test says. */
#pragma once

#include "lbd/sync/sync_link.h"
#include "tests/unit/lbd_sync/flows.h"

#include <errno.h>
#include <stdio.h>

#define MS INT64_C(1000)
#define T0 INT64_C(1000000000)

static inline struct lb_time at(int64_t ms)
{
	return (struct lb_time){ T0 + ms * MS };
}

struct fake_source { /* of stream 2: numbers up to n, each a record of two bytes */
	struct sync_source source;
	uint64_t n, at;
};

struct end {
	struct sync_link link;
	struct flow_table *table;
	struct fake_source fake;
	struct lb_time now;
	unsigned got, yours, conntrack;
	int refuse;
};

static uint8_t frame[SYNC_FRAME_MAX];

static inline int on_flow(const struct flow *f, const struct sync_from *from, void *arg)
{
	struct end *e = arg;
	e->got++;
	e->yours += from->yours;
	if (e->refuse)
		return e->refuse;
	if (!sync_is_news(flow_table_find(e->table, &f->key), from, e->now))
		return 1;
	return flow_table_put(e->table, f, FLOW_PEER, e->now, NULL);
}

static inline int on_conntrack(const uint8_t *p, size_t n, void *arg)
{
	struct end *e = arg;
	ck_assert(n == 2 && p[0] == 0xc7);
	e->conntrack++;
	return 0;
}

static inline void fake_seek(struct sync_source *s, uint64_t after)
{
	((struct fake_source *)s)->at = after;
}

static inline bool fake_next(struct sync_source *s, struct lb_time now, struct sync_item *out)
{
	struct fake_source *f = (struct fake_source *)s;
	if (f->at >= f->n)
		return false;
	*out = (struct sync_item){ .number = ++f->at, .put_at = now };
	return true;
}

static inline void fake_write(struct sync_source *s, const struct sync_item *item, const struct sync_from *from,
	struct lb_time now, struct lb_writer *w)
{
	(void)s, (void)from, (void)now;
	lb_write_u8(w, 0xc7);
	lb_write_u8(w, (uint8_t)item->number);
}

static inline uint64_t fake_last(const struct sync_source *s)
{
	return ((const struct fake_source *)s)->n;
}

static inline struct sync_link_conf conf_of(struct end *e, const char *self, const char *peer, uint64_t epoch)
{
	struct sync_link_conf c = { .epoch = epoch,
		.version_min = 1,
		.version_max = 1,
		.config = 7,
		.flows = e->table,
		.calls = { .flow = on_flow, .arg = e } };
	snprintf(c.self, sizeof(c.self), "%s", self);
	snprintf(c.peer, sizeof(c.peer), "%s", peer);
	return c;
}

/* Named by its epoch; of lb1 and lb2. Its table is kept if there is one. */
static inline void begin(struct end *e, uint64_t epoch, const char *self, int64_t ms)
{
	struct flow_table *t = e->table ? e->table : flow_table_new(1, 100000);
	ck_assert_ptr_nonnull(t);
	*e = (struct end){ .table = t, .now = at(ms), .fake.source = { fake_seek, fake_next, fake_write, fake_last } };
	struct sync_link_conf c = conf_of(e, self, strcmp(self, "lb1") == 0 ? "lb2" : "lb1", epoch);
	sync_link_init(&e->link, &c, e->now);
}

static inline void done(struct end *e)
{
	sync_link_done(&e->link);
	flow_table_free(e->table);
	e->table = NULL;
}

static inline void forget(struct end *e, uint64_t epoch, const char *self, int64_t ms)
{
	done(e);
	begin(e, epoch, self, ms);
}

static inline struct flow flow_nr(unsigned i)
{
	struct flow f = flow_of(IPPROTO_TCP, "10.0.0.2:1", "10.0.0.100:8080", "172.16.0.12:8081");
	f.key.client.b[2] = (uint8_t)(i >> 16);
	f.key.client_port = (uint16_t)i;
	f.state = 1;
	f.timeout_s = 900;
	return f;
}

static inline void put(struct end *e, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		struct flow f = flow_nr(i);
		ck_assert_int_eq(flow_table_put(e->table, &f, FLOW_LOCAL, e->now, NULL), 0);
	}
}

/* One frame of e, in `frame`; 0 = it has nothing to say. */
static inline size_t say(struct end *e)
{
	struct lb_writer w = { frame, frame + sizeof(frame), false };
	if (!sync_link_produce(&e->link, &w, e->now))
		return 0;
	ck_assert(!w.bad && w.p > frame);
	return (size_t)(w.p - frame);
}

static inline enum sync_why hear(struct end *e, const uint8_t *p, size_t n)
{
	uint8_t *copy = exact(p, n);
	enum sync_why why = sync_link_frame(&e->link, copy, n, e->now);
	free(copy);
	return why;
}

/* Until both are silent, or that many frames were said. Returns how many. */
static inline unsigned talk_some(struct end *a, struct end *b, unsigned most)
{
	unsigned said = 0;
	for (bool more = true; more && said < most;) {
		more = false;
		for (int i = 0; i < 2; i++) {
			struct end *from = i ? b : a, *to = i ? a : b;
			size_t n = said < most ? say(from) : 0;
			if (n == 0)
				continue;
			(void)hear(to, frame, n);
			said++;
			more = true;
		}
	}
	ck_assert_uint_lt(said, 100000);
	return said;
}

static inline void talk(struct end *a, struct end *b)
{
	(void)talk_some(a, b, UINT32_MAX);
}

static inline void later(struct end *a, struct end *b, int64_t ms)
{
	a->now = lb_time_add_ms(a->now, ms);
	b->now = lb_time_add_ms(b->now, ms);
}

static inline void cut(struct end *a, struct end *b)
{
	sync_link_down(&a->link, SYNC_WHY_CLOSED, a->now);
	sync_link_down(&b->link, SYNC_WHY_CLOSED, b->now);
}

static inline void join(struct end *a, struct end *b)
{
	sync_link_up(&a->link, a->now);
	sync_link_up(&b->link, b->now);
}

static inline struct sync_link_status status(const struct end *e, enum sync_stream s)
{
	struct sync_link_status st;
	sync_link_status(&e->link, s, e->now, &st);
	return st;
}

#define IPVS(e) status(e, SYNC_STREAM_IPVS)

static inline uint32_t count(const struct end *e)
{
	return flow_table_count(e->table, FLOW_LOCAL) + flow_table_count(e->table, FLOW_PEER);
}

/* ---- one end, and what a test says to it ---- */

static inline enum sync_why tell(struct end *e, const struct sync_msg *m)
{
	uint8_t bytes[SYNC_SMALL_MAX];
	struct lb_writer w = { bytes, bytes + sizeof(bytes), false };
	sync_msg_write(&w, m);
	ck_assert(!w.bad);
	return hear(e, bytes, (size_t)(w.p - bytes));
}

static inline enum sync_why tell_flows(struct end *e, uint8_t stream, uint32_t round, uint64_t after, uint64_t last)
{
	struct lb_writer w = { frame, frame + sizeof(frame), false };
	struct sync_batch b;
	struct sync_from from = { 0 };
	struct flow f = flow_nr((unsigned)last);
	ck_assert(sync_batch_begin(&b, &w));
	sync_batch_record(&b);
	sync_flow_write(&b.w, &f, &from);
	sync_batch_record_end(&b);
	sync_batch_end(&b, &(struct sync_flows){ .stream = stream, .round = round, .after = after, .last = last });
	return hear(e, frame, (size_t)(b.w.p - frame));
}

static inline struct sync_msg hello_of(uint64_t epoch)
{
	return (struct sync_msg){ SYNC_FRAME_HELLO,
		.u.hello = { .version_min = 1, .version_max = 1, .epoch = epoch, .node = "lb2" } };
}

static inline enum sync_why tell_mark(struct end *e, uint8_t flags, uint32_t round, uint64_t after, uint64_t number)
{
	return tell(e, &(struct sync_msg){ SYNC_FRAME_MARK, .u.mark = { 1, flags, round, after, number } });
}

/* Says all it has to say; the last frame of that type is in *m. Returns how many there were. */
static inline unsigned drain(struct end *e, enum sync_frame type, struct sync_msg *m)
{
	unsigned found = 0;
	for (size_t n; (n = say(e)) > 0;) {
		struct sync_msg one;
		ck_assert_int_eq(sync_msg_read(frame, n, &one), 0);
		if (one.type != type)
			continue;
		found++;
		if (m)
			*m = one;
	}
	return found;
}

/* lb1 with a peer that said hello. */
static inline void open_with(struct end *e, uint64_t peer_epoch)
{
	struct sync_msg hello = hello_of(peer_epoch);
	sync_link_up(&e->link, e->now);
	ck_assert_int_eq(tell(e, &hello), SYNC_WHY_NONE);
	ck_assert_int_eq(e->link.state, SYNC_LINK_OPEN);
	(void)drain(e, SYNC_FRAME_BYE, NULL);
}

static struct end a, b;

static inline void setup(void)
{
	begin(&a, 1, "lb1", 0);
	begin(&b, 2, "lb2", 0);
}

static inline void teardown(void)
{
	done(&a);
	done(&b);
}
