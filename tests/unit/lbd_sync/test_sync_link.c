/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two ends of the link that hear each other at once, and one end that hears what a test says: how they meet, go on
 * where they were, begin again, wait, and end. */
#include "lbd/sync/sync_link.h"
#include "tests/unit/lbd_sync/flows.h"

#include <errno.h>
#include <stdio.h>

#define MS INT64_C(1000)
#define T0 INT64_C(1000000000)

static struct lb_time at(int64_t ms)
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

static int on_flow(const struct flow *f, const struct sync_from *from, void *arg)
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

static int on_conntrack(const uint8_t *p, size_t n, void *arg)
{
	struct end *e = arg;
	ck_assert(n == 2 && p[0] == 0xc7);
	e->conntrack++;
	return 0;
}

static void fake_seek(struct sync_source *s, uint64_t after)
{
	((struct fake_source *)s)->at = after;
}

static bool fake_next(struct sync_source *s, struct lb_time now, struct sync_item *out)
{
	struct fake_source *f = (struct fake_source *)s;
	if (f->at >= f->n)
		return false;
	*out = (struct sync_item){ .number = ++f->at, .put_at = now };
	return true;
}

static void fake_write(struct sync_source *s, const struct sync_item *item, const struct sync_from *from,
	struct lb_time now, struct lb_writer *w)
{
	(void)s, (void)from, (void)now;
	lb_write_u8(w, 0xc7);
	lb_write_u8(w, (uint8_t)item->number);
}

static uint64_t fake_last(const struct sync_source *s)
{
	return ((const struct fake_source *)s)->n;
}

static struct sync_link_conf conf_of(struct end *e, const char *self, const char *peer, uint64_t epoch)
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
static void begin(struct end *e, uint64_t epoch, const char *self, int64_t ms)
{
	struct flow_table *t = e->table ? e->table : flow_table_new(1, 100000);
	ck_assert_ptr_nonnull(t);
	*e = (struct end){ .table = t, .now = at(ms), .fake.source = { fake_seek, fake_next, fake_write, fake_last } };
	struct sync_link_conf c = conf_of(e, self, strcmp(self, "lb1") == 0 ? "lb2" : "lb1", epoch);
	sync_link_init(&e->link, &c, e->now);
}

static void done(struct end *e)
{
	sync_link_done(&e->link);
	flow_table_free(e->table);
	e->table = NULL;
}

static void forget(struct end *e, uint64_t epoch, const char *self, int64_t ms)
{
	done(e);
	begin(e, epoch, self, ms);
}

static struct flow flow_nr(unsigned i)
{
	struct flow f = flow_of(IPPROTO_TCP, "10.0.0.2:1", "10.0.0.100:8080", "172.16.0.12:8081");
	f.key.client.b[2] = (uint8_t)(i >> 16);
	f.key.client_port = (uint16_t)i;
	f.state = 1;
	f.timeout_s = 900;
	return f;
}

static void put(struct end *e, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		struct flow f = flow_nr(i);
		ck_assert_int_eq(flow_table_put(e->table, &f, FLOW_LOCAL, e->now, NULL), 0);
	}
}

/* One frame of e, in `frame`; 0 = it has nothing to say. */
static size_t say(struct end *e)
{
	struct lb_writer w = { frame, frame + sizeof(frame), false };
	if (!sync_link_produce(&e->link, &w, e->now))
		return 0;
	ck_assert(!w.bad && w.p > frame);
	return (size_t)(w.p - frame);
}

static enum sync_why hear(struct end *e, const uint8_t *p, size_t n)
{
	uint8_t *copy = exact(p, n);
	enum sync_why why = sync_link_frame(&e->link, copy, n, e->now);
	free(copy);
	return why;
}

/* Until both are silent, or that many frames were said. Returns how many. */
static unsigned talk_some(struct end *a, struct end *b, unsigned most)
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

static void talk(struct end *a, struct end *b)
{
	(void)talk_some(a, b, UINT32_MAX);
}

static void later(struct end *a, struct end *b, int64_t ms)
{
	a->now = lb_time_add_ms(a->now, ms);
	b->now = lb_time_add_ms(b->now, ms);
}

static void cut(struct end *a, struct end *b)
{
	sync_link_down(&a->link, SYNC_WHY_CLOSED, a->now);
	sync_link_down(&b->link, SYNC_WHY_CLOSED, b->now);
}

static void join(struct end *a, struct end *b)
{
	sync_link_up(&a->link, a->now);
	sync_link_up(&b->link, b->now);
}

static struct sync_link_status status(const struct end *e, enum sync_stream s)
{
	struct sync_link_status st;
	sync_link_status(&e->link, s, e->now, &st);
	return st;
}

#define IPVS(e) status(e, SYNC_STREAM_IPVS)

static uint32_t count(const struct end *e)
{
	return flow_table_count(e->table, FLOW_LOCAL) + flow_table_count(e->table, FLOW_PEER);
}

/* ---- one end, and what a test says to it ---- */

static enum sync_why tell(struct end *e, const struct sync_msg *m)
{
	uint8_t bytes[SYNC_SMALL_MAX];
	struct lb_writer w = { bytes, bytes + sizeof(bytes), false };
	sync_msg_write(&w, m);
	ck_assert(!w.bad);
	return hear(e, bytes, (size_t)(w.p - bytes));
}

static enum sync_why tell_flows(struct end *e, uint8_t stream, uint32_t round, uint64_t after, uint64_t last)
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

static struct sync_msg hello_of(uint64_t epoch)
{
	return (struct sync_msg){ SYNC_FRAME_HELLO,
		.u.hello = { .version_min = 1, .version_max = 1, .epoch = epoch, .node = "lb2" } };
}

static enum sync_why tell_mark(struct end *e, uint8_t flags, uint32_t round, uint64_t after, uint64_t number)
{
	return tell(e, &(struct sync_msg){ SYNC_FRAME_MARK, .u.mark = { 1, flags, round, after, number } });
}

/* Says all it has to say; the last frame of that type is in *m. Returns how many there were. */
static unsigned drain(struct end *e, enum sync_frame type, struct sync_msg *m)
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
static void open_with(struct end *e, uint64_t peer_epoch)
{
	struct sync_msg hello = hello_of(peer_epoch);
	sync_link_up(&e->link, e->now);
	ck_assert_int_eq(tell(e, &hello), SYNC_WHY_NONE);
	ck_assert_int_eq(e->link.state, SYNC_LINK_OPEN);
	(void)drain(e, SYNC_FRAME_BYE, NULL);
}

static struct end a, b;

static void setup(void)
{
	begin(&a, 1, "lb1", 0);
	begin(&b, 2, "lb2", 0);
}

static void teardown(void)
{
	done(&a);
	done(&b);
}

/* ---- rounds ---- */

START_TEST(both_get_everything_when_they_meet)
{
	put(&a, 0, 1000);
	put(&b, 5000, 300);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(count(&a) == 1300 && count(&b) == 1300);
	struct sync_link_status st = IPVS(&a);
	ck_assert(st.out.complete && st.out.full && st.in.complete && st.in.full);
	ck_assert(st.sent == 1000 && st.received == 300 && st.lag_ms == 0 && st.batches_out == 5 && st.batches_in == 2);
	ck_assert(a.link.version == 1 && strcmp(a.link.peer.node, "lb2") == 0);
	ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_NONE);
	put(&a, 0, 1); /* what changes follows, and is not told back */
	talk(&a, &b);
	ck_assert(IPVS(&b).received == 1001 && IPVS(&b).sent == 300);
}
END_TEST

START_TEST(nothing_at_all_is_complete_too)
{
	join(&a, &b);
	talk(&a, &b);
	ck_assert(IPVS(&a).out.complete && IPVS(&a).in.complete && IPVS(&b).out.complete && IPVS(&b).in.complete);
}
END_TEST

START_TEST(who_comes_back_goes_on)
{
	put(&a, 0, 1000);
	join(&a, &b);
	talk(&a, &b);
	cut(&a, &b);
	ck_assert(!IPVS(&b).in.complete);
	later(&a, &b, 60000);
	put(&a, 990, 20);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(count(&b) == 1010 && b.got == 1020 && b.yours == 0 && a.got == 0);
	ck_assert(!IPVS(&a).out.full && IPVS(&a).out.from == 1000 && IPVS(&b).in.complete);
}
END_TEST

START_TEST(a_bulk_that_was_cut_goes_on_where_it_was)
{
	put(&a, 0, 5000);
	join(&a, &b);
	(void)talk_some(&a, &b, 24);
	uint32_t had = count(&b);
	ck_assert(had > 1000 && had < 5000 && !IPVS(&b).in.complete);
	ck_assert(IPVS(&b).in.mark == 5000 && IPVS(&b).in.at == had);
	cut(&a, &b);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(count(&b) == 5000 && b.got == 5000 && IPVS(&b).in.complete && IPVS(&a).out.from == had);
}
END_TEST

START_TEST(who_forgot_gets_back_what_it_told)
{
	put(&a, 0, 10);
	put(&b, 100, 20);
	join(&a, &b);
	talk(&a, &b);
	cut(&a, &b);
	forget(&b, 3, "lb2", 1000);
	a.now = b.now;
	put(&b, 100, 1); /* its kernel told that meanwhile: newer than what comes back */
	join(&a, &b);
	talk(&a, &b);
	ck_assert(count(&b) == 30 && b.got == 30 && b.yours == 20 && IPVS(&b).stale == 1);
	struct flow f = flow_nr(100);
	ck_assert_int_eq(flow_table_find(b.table, &f.key)->origin, FLOW_LOCAL);
	ck_assert(IPVS(&b).sent == 1 && IPVS(&a).out.full);
	put(&b, 300, 5); /* and what it tells now is its own again */
	talk(&a, &b);
	ck_assert(b.got == 30 && count(&a) == 35);
	cut(&a, &b);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(b.got == 30);
}
END_TEST

START_TEST(a_flow_that_moves_on_during_the_bulk_is_part_of_it)
{
	put(&a, 0, 1000);
	join(&a, &b);
	(void)talk_some(&a, &b, 6);
	unsigned had = b.got;
	ck_assert(had >= 200 && had < 1000);
	for (unsigned i = 0; i < 20; i++) { /* always the one that would be last, and is not sent yet */
		put(&a, 999, 1);
		(void)talk_some(&a, &b, 1);
		struct flow f = flow_nr(999);
		ck_assert(!IPVS(&b).in.complete || flow_table_find(b.table, &f.key));
	}
	talk(&a, &b);
	ck_assert(IPVS(&b).in.complete && count(&b) == 1000);
}
END_TEST

START_TEST(what_the_peer_told_is_looked_at_in_slices)
{
	put(&b, 0, 30000);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(count(&a) == 30000 && IPVS(&a).sent == 0);
	/* it need not be looked at again when the peer comes back */
	ck_assert_uint_gt(b.link.in[SYNC_STREAM_IPVS].number, 30000 - SYNC_LOOK_MAX - 1);
	ck_assert(b.got == 0 && IPVS(&a).out.complete);
}
END_TEST

START_TEST(a_round_that_begins_late_looks_in_slices)
{
	struct sync_msg m;
	open_with(&a, 2);
	for (unsigned i = 0; i < 5 * SYNC_LOOK_MAX; i++) { /* the peer told them, nothing was pulled */
		struct flow f = flow_nr(i);
		ck_assert_int_eq(flow_table_put(a.table, &f, FLOW_PEER, a.now, NULL), 0);
	}
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, &m), 5);
	ck_assert(m.u.flows.last == 5 * SYNC_LOOK_MAX && m.u.flows.left == 0 && IPVS(&a).sent == 0);
	for (unsigned i = 0; i < SYNC_LOOK_MAX - 1; i++) { /* and a little at a time: a frame now and then */
		struct flow f = flow_nr(i);
		ck_assert_int_eq(flow_table_put(a.table, &f, FLOW_PEER, a.now, NULL), 0);
		ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, &m), 0);
	}
	struct flow f = flow_nr(1);
	ck_assert_int_eq(flow_table_put(a.table, &f, FLOW_PEER, a.now, NULL), 0);
	ck_assert(drain(&a, SYNC_FRAME_FLOWS, &m) == 1 && m.u.flows.last == 6 * SYNC_LOOK_MAX);
}
END_TEST

START_TEST(many_that_move_on_during_the_bulk_are_part_of_it)
{
	put(&a, 0, 1000);
	join(&a, &b);
	for (unsigned i = 0; i < 100; i++) { /* more than a batch, of which none is sent for long */
		if (i < 12)
			put(&a, 700, 300);
		(void)talk_some(&a, &b, 1);
		ck_assert_msg(!IPVS(&b).in.complete || count(&b) == 1000, "complete with %u", count(&b));
	}
	talk(&a, &b);
	ck_assert(IPVS(&b).in.complete && count(&b) == 1000);
}
END_TEST

START_TEST(flows_that_ended_are_not_sent)
{
	struct flow f = flow_nr(1);
	f.timeout_s = 2;
	ck_assert_int_eq(flow_table_put(a.table, &f, FLOW_LOCAL, a.now, NULL), 0);
	put(&a, 2, 1);
	later(&a, &b, 2000);
	join(&a, &b);
	talk(&a, &b);
	f = flow_nr(2);
	const struct flow_entry *e = flow_table_find(b.table, &f.key);
	ck_assert(count(&b) == 1 && e && e->timeout_s == 898);
}
END_TEST

START_TEST(one_that_cannot_take_a_flow_goes_on)
{
	put(&a, 0, 300);
	b.refuse = -ENOSPC;
	join(&a, &b);
	talk(&a, &b);
	ck_assert(IPVS(&b).refused == 300 && IPVS(&b).in.complete && count(&b) == 0);
}
END_TEST

START_TEST(little_room_loses_nothing)
{
	put(&a, 0, 1000);
	join(&a, &b);
	for (unsigned i = 0; i < 200000 && count(&b) < 1000; i++) {
		size_t room = i % (SYNC_FLOWS_HEAD + 2 + SYNC_RECORD_MAX + 40);
		uint8_t *out = malloc(room ? room : 1);
		struct lb_writer w = { out, out + room, false };
		if (sync_link_produce(&a.link, &w, a.now))
			ck_assert_int_eq(hear(&b, out, (size_t)(w.p - out)), SYNC_WHY_NONE);
		ck_assert(!w.bad);
		free(out);
		size_t n = say(&b);
		if (n)
			ck_assert_int_eq(hear(&a, frame, n), SYNC_WHY_NONE);
	}
	talk(&a, &b);
	ck_assert(count(&b) == 1000 && IPVS(&a).out.complete);
}
END_TEST

/* ---- limits ---- */

START_TEST(no_more_than_a_window_waits)
{
	put(&a, 0, 50000);
	open_with(&a, 2);
	struct sync_link_status st = IPVS(&a);
	ck_assert(st.batches_out == SYNC_WINDOW && st.sent == SYNC_WINDOW * SYNC_BATCH_MAX);
	ck_assert_uint_eq(say(&a), 0);
	tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 1, 3 * SYNC_BATCH_MAX } });
	ck_assert(drain(&a, SYNC_FRAME_FLOWS, NULL) == 3 && IPVS(&a).out.at == 3 * SYNC_BATCH_MAX);
}
END_TEST

START_TEST(the_rate_holds)
{
	static const uint32_t rates[] = { 1, 10, 999, 5000, 100000 };
	uint32_t rate = rates[_i];
	put(&a, 0, 60000);
	sync_link_set_rate(&a.link, rate, a.now);
	join(&a, &b);
	for (int ms = 0; ms < 10000; ms++) {
		talk(&a, &b);
		ck_assert_msg(
			IPVS(&a).sent <= rate / 10 + 1 + (uint64_t)ms * rate / 1000, "%u/s after %d ms", rate, ms);
		ck_assert_int_gt(sync_link_deadline(&a.link, a.now).us, a.now.us);
		later(&a, &b, 1);
	}
	uint64_t least = 10u * rate - rate / 10 - 1;
	ck_assert_msg(IPVS(&a).sent >= (least < 60000 ? least : 60000), "%u/s: only %u", rate, (unsigned)IPVS(&a).sent);
}
END_TEST

START_TEST(a_limit_after_a_month_without_a_word)
{
	sync_link_set_rate(&a.link, SYNC_TOKENS_MAX, a.now);
	later(&a, &b, INT64_C(40) * 86400 * 1000);
	put(&a, 0, 5000);
	join(&a, &b);
	talk(&a, &b);
	ck_assert_uint_eq(count(&b), 5000);
}
END_TEST

START_TEST(another_round_has_a_window_of_its_own)
{
	put(&a, 0, 50000);
	open_with(&a, 2);
	tell(&a, &(struct sync_msg){ SYNC_FRAME_RESYNC, .u.resync = { 1, SYNC_WHY_GAP, 1 } });
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), SYNC_WINDOW);
}
END_TEST

START_TEST(the_lag_is_that_of_the_oldest)
{
	put(&a, 0, 10);
	later(&a, &b, 50000);
	open_with(&a, 2);
	later(&a, &b, 20);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 20); /* what waited for the link did not wait for the peer */
	sync_link_down(&a.link, SYNC_WHY_CLOSED, a.now);
	join(&a, &b);
	talk(&a, &b);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 0);
	later(&a, &b, 500);
	put(&a, 0, 1);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	later(&a, &b, 300);
	put(&a, 1, 1);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	later(&a, &b, 100);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 400);
	tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 1, 11 } });
	ck_assert_uint_eq(IPVS(&a).lag_ms, 100);
	tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 1, 12 } });
	ck_assert_uint_eq(IPVS(&a).lag_ms, 0);
	later(&a, &b, 2000);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 0);
	tell(&a, &(struct sync_msg){ SYNC_FRAME_HOLD, .u.hold = { 1, true } });
	put(&a, 0, 1);
	later(&a, &b, 30);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 30);
	sync_link_down(&a.link, SYNC_WHY_CLOSED, a.now);
	open_with(&a, 3); /* who held us is gone */
	ck_assert(!IPVS(&a).held && IPVS(&a).batches_out == 5);
}
END_TEST

START_TEST(a_gap_is_asked_about_once)
{
	struct sync_msg m;
	open_with(&a, 2);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 0, 3), SYNC_WHY_NONE);
	ck_assert(drain(&a, SYNC_FRAME_ACK, &m) == 1 && m.u.ack.number == 3 && m.u.ack.round == 1);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 4, 5), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 5, 6), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_FINAL, 1, 0, 3), SYNC_WHY_NONE);
	ck_assert(!IPVS(&a).in.complete);
	ck_assert(drain(&a, SYNC_FRAME_RESYNC, &m) == 1 && m.u.resync.why == SYNC_WHY_GAP && m.u.resync.round == 1);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 3, 4), SYNC_WHY_NONE);
	ck_assert(say(&a) == 0 && a.got == 1 && a.link.in[SYNC_STREAM_IPVS].number == 3);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 2, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 2, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_FINAL, 2, 0, 9), SYNC_WHY_NONE);
	ck_assert(a.got == 2 && IPVS(&a).in.complete && IPVS(&a).resyncs_in == 1);
}
END_TEST

START_TEST(who_asks_does_not_acknowledge)
{
	open_with(&a, 2);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 0, 3), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 4, 5), SYNC_WHY_NONE);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_ACK, NULL), 0);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_PROTOCOL); /* the same again */
}
END_TEST

START_TEST(a_round_behind_what_we_do_not_have)
{
	struct sync_msg m;
	open_with(&a, 2);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 0, 3), SYNC_WHY_NONE);
	sync_link_down(&a.link, SYNC_WHY_CLOSED, a.now);
	sync_link_up(&a.link, a.now);
	ck_assert(drain(&a, SYNC_FRAME_HELLO, &m) == 1 && m.u.hello.seen_epoch == 2 && m.u.hello.seen[0] == 3);
	m = hello_of(3); /* another run: what we have is not of it */
	ck_assert_int_eq(tell(&a, &m), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 3, 9), SYNC_WHY_NONE);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_RESYNC, NULL), 1);
}
END_TEST

START_TEST(who_wants_everything_and_gets_it_does_not_ask)
{
	open_with(&a, 2);
	sync_link_resync(&a.link, SYNC_STREAM_IPVS, a.now);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_RESYNC, NULL), 0);
}
END_TEST

START_TEST(too_many_gaps_wait_and_are_an_alarm)
{
	open_with(&a, 2);
	for (uint32_t round = 1; round <= SYNC_GATE_N; round++) {
		ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, round, 0, 9), SYNC_WHY_NONE);
		ck_assert_int_eq(tell_flows(&a, 1, round, 5, 6), SYNC_WHY_NONE);
		ck_assert_uint_eq(drain(&a, SYNC_FRAME_RESYNC, NULL), 1);
	}
	ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 7, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 7, 5, 6), SYNC_WHY_NONE);
	ck_assert(drain(&a, SYNC_FRAME_RESYNC, NULL) == 0);
	ck_assert(IPVS(&a).storm && sync_link_alarm(&a.link) == SYNC_WHY_STORM);
	a.now = at(SYNC_GATE_MS - 1);
	(void)tell(&a, &(struct sync_msg){ SYNC_FRAME_PING, .u.stamp = 5 });
	ck_assert(drain(&a, SYNC_FRAME_RESYNC, NULL) == 0);
	ck_assert_int_eq(lb_time_cmp(sync_link_deadline(&a.link, a.now), at(SYNC_GATE_MS)), 0);
	a.now = at(SYNC_GATE_MS);
	ck_assert(drain(&a, SYNC_FRAME_RESYNC, NULL) == 1);
	ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_NONE);
}
END_TEST

START_TEST(who_is_asked_too_often_waits_too)
{
	put(&a, 0, 10);
	open_with(&a, 2);
	for (uint32_t round = 1; round <= SYNC_GATE_N + 3; round++) {
		tell(&a, &(struct sync_msg){ SYNC_FRAME_RESYNC, .u.resync = { 1, SYNC_WHY_GAP, round } });
		ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), round <= SYNC_GATE_N);
	}
	ck_assert(IPVS(&a).out.rounds == SYNC_GATE_N + 1 && sync_link_alarm(&a.link) == SYNC_WHY_STORM);
	a.now = at(SYNC_GATE_MS);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	/* an operator does not wait */
	for (uint32_t round = SYNC_GATE_N + 2; round < 30; round++) {
		tell(&a, &(struct sync_msg){ SYNC_FRAME_RESYNC, .u.resync = { 1, SYNC_WHY_OPERATOR, round } });
		ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	}
}
END_TEST

/* ---- hello ---- */

static const struct {
	const char *what;
	uint16_t ours_min, ours_max, min, max;
	uint64_t epoch;
	const char *node;
	enum sync_why why;
	uint16_t version;
} hellos[] = {
	{ "the same version", 1, 1, 1, 1, 2, "lb2", SYNC_WHY_NONE, 1 },
	{ "a newer peer that knows ours", 1, 1, 1, 9, 2, "lb2", SYNC_WHY_NONE, 1 },
	{ "an older peer that we know", 1, 3, 1, 2, 2, "lb2", SYNC_WHY_NONE, 2 },
	{ "a newer peer that does not know ours any more", 1, 1, 2, 9, 2, "lb2", SYNC_WHY_VERSION, 0 },
	{ "an older peer that we do not know any more", 3, 4, 1, 2, 2, "lb2", SYNC_WHY_VERSION, 0 },
	{ "another node", 1, 1, 1, 1, 2, "lb3", SYNC_WHY_NODE, 0 },
	{ "a node with our name", 1, 1, 1, 1, 2, "lb1", SYNC_WHY_NODE, 0 },
	{ "ourselves", 1, 1, 1, 1, 1, "lb1", SYNC_WHY_SELF, 0 },
};

START_TEST(hello_is_judged)
{
	struct sync_msg m = hello_of(hellos[_i].epoch);
	m.u.hello.version_min = hellos[_i].min;
	m.u.hello.version_max = hellos[_i].max;
	snprintf(m.u.hello.node, sizeof(m.u.hello.node), "%s", hellos[_i].node);
	a.link.conf.version_min = hellos[_i].ours_min;
	a.link.conf.version_max = hellos[_i].ours_max;
	sync_link_up(&a.link, a.now);
	ck_assert_msg(tell(&a, &m) == hellos[_i].why, "%s", hellos[_i].what);
	ck_assert_msg(a.link.version == hellos[_i].version, "%s", hellos[_i].what);
	ck_assert_msg(sync_link_alarm(&a.link) == hellos[_i].why, "%s", hellos[_i].what);
	if (hellos[_i].why == SYNC_WHY_NONE)
		return;
	ck_assert(drain(&a, SYNC_FRAME_BYE, &m) == 1 && m.u.bye == hellos[_i].why);
	sync_link_down(&a.link, SYNC_WHY_CLOSED, a.now);
	ck_assert_msg(sync_link_alarm(&a.link) == hellos[_i].why, "%s: it stays known", hellos[_i].what);
}
END_TEST

START_TEST(a_new_configuration_is_told)
{
	join(&a, &b);
	talk(&a, &b);
	sync_link_set_config(&a.link, 8, 2);
	talk(&a, &b);
	ck_assert(b.link.peer.config == 8 && b.link.peer.generation == 2 && b.link.state == SYNC_LINK_OPEN);
	sync_link_set_config(&a.link, 8, 2);
	ck_assert_uint_eq(say(&a), 0);
	struct sync_msg m = hello_of(99);
	ck_assert_int_eq(tell(&a, &m), SYNC_WHY_PROTOCOL); /* another run in the same connection */
}
END_TEST

START_TEST(who_says_to_have_what_there_never_was_begins_at_0)
{
	struct sync_msg m = hello_of(2);
	put(&a, 0, 10);
	m.u.hello.seen_epoch = 1;
	m.u.hello.seen[0] = 11;
	sync_link_up(&a.link, a.now);
	ck_assert_int_eq(tell(&a, &m), SYNC_WHY_NONE);
	ck_assert(IPVS(&a).out.full && drain(&a, SYNC_FRAME_FLOWS, NULL) == 1);
}
END_TEST

/* ---- what nobody may say ---- */

static const struct {
	const char *what;
	bool hello;
	struct sync_msg m;
	enum sync_why why;
} wrong[] = {
	{ "a mark before hello", false, { SYNC_FRAME_MARK, .u.mark = { 1, 1, 1, 0, 0 } }, SYNC_WHY_PROTOCOL },
	{ "an acknowledgement before hello", false, { SYNC_FRAME_ACK, .u.ack = { 1, 1, 0 } }, SYNC_WHY_PROTOCOL },
	{ "ping before hello", false, { SYNC_FRAME_PING, .u.stamp = 1 }, SYNC_WHY_NONE },
	{ "goodbye before hello", false, { SYNC_FRAME_BYE, .u.bye = SYNC_WHY_VERSION }, SYNC_WHY_VERSION },
	{ "acknowledges what it was not sent", true, { SYNC_FRAME_ACK, .u.ack = { 1, 1, 11 } }, SYNC_WHY_PROTOCOL },
	{ "acknowledges a round that has not begun", true, { SYNC_FRAME_ACK, .u.ack = { 1, 2, 1 } },
		SYNC_WHY_PROTOCOL },
	{ "acknowledges a round before", true, { SYNC_FRAME_ACK, .u.ack = { 1, 0, 99 } }, SYNC_WHY_NONE },
	{ "acknowledges a stream that it is not sent", true, { SYNC_FRAME_ACK, .u.ack = { 2, 1, 0 } },
		SYNC_WHY_PROTOCOL },
	{ "acknowledges a stream that we do not know", true, { SYNC_FRAME_ACK, .u.ack = { 7, 1, 0 } }, SYNC_WHY_NONE },
	{ "the end of a round that has not begun", true, { SYNC_FRAME_MARK, .u.mark = { 1, 2, 1, 0, 0 } },
		SYNC_WHY_PROTOCOL },
	{ "asks for a round before", true, { SYNC_FRAME_RESYNC, .u.resync = { 1, SYNC_WHY_GAP, 9 } }, SYNC_WHY_NONE },
	{ "asks for a stream that there is not", true, { SYNC_FRAME_RESYNC, .u.resync = { 2, SYNC_WHY_GAP, 0 } },
		SYNC_WHY_NONE },
	{ "holds a stream that there is not", true, { SYNC_FRAME_HOLD, .u.hold = { 2, true } }, SYNC_WHY_NONE },
	{ "an answer to no question", true, { SYNC_FRAME_PONG, .u.stamp = 77 }, SYNC_WHY_NONE },
	{ "goodbye", true, { SYNC_FRAME_BYE, .u.bye = SYNC_WHY_SHUTDOWN }, SYNC_WHY_SHUTDOWN },
};

START_TEST(what_is_said_is_judged)
{
	put(&a, 0, 10);
	sync_link_up(&a.link, a.now);
	if (wrong[_i].hello) {
		struct sync_msg hello = hello_of(2);
		ck_assert_int_eq(tell(&a, &hello), SYNC_WHY_NONE);
		(void)drain(&a, SYNC_FRAME_BYE, NULL);
	}
	ck_assert_msg(tell(&a, &wrong[_i].m) == wrong[_i].why, "%s", wrong[_i].what);
	unsigned byes = drain(&a, SYNC_FRAME_BYE, NULL);
	ck_assert_msg(byes == (wrong[_i].why == SYNC_WHY_PROTOCOL), "%s: goodbye", wrong[_i].what);
	if (wrong[_i].why != SYNC_WHY_NONE) { /* and nothing after it counts */
		ck_assert_int_eq(a.link.state, SYNC_LINK_OVER);
		ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_PING, .u.stamp = 5 }), wrong[_i].why);
		ck_assert_uint_eq(say(&a), 0);
	}
}
END_TEST

START_TEST(bytes_that_are_no_frame_and_types_that_are_new)
{
	open_with(&a, 2);
	ck_assert_int_eq(hear(&a, (const uint8_t *)"\x7f what is that", 14), SYNC_WHY_NONE);
	ck_assert(a.link.unknown == 1 && a.link.state == SYNC_LINK_OPEN);
	ck_assert_int_eq(hear(&a, (const uint8_t *)"", 0), SYNC_WHY_PROTOCOL);
}
END_TEST

START_TEST(flows_of_no_round)
{
	open_with(&a, 2);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 0, 1), SYNC_WHY_PROTOCOL);
	ck_assert_uint_eq(a.got, 0);
}
END_TEST

START_TEST(a_stream_of_a_newer_peer_is_acknowledged)
{
	struct sync_msg m;
	open_with(&a, 2);
	ck_assert_int_eq(tell_flows(&a, 3, 7, 0, 1), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 3, 7, 1, 5), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 250, 7, 1, 5), SYNC_WHY_NONE);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_ACK, &m), 1);
	ck_assert(m.u.ack.stream == 3 && m.u.ack.round == 7 && m.u.ack.number == 5 && a.got == 0);
}
END_TEST

START_TEST(what_one_connection_owed_is_not_said_in_the_next)
{
	struct sync_msg hello = hello_of(2);
	open_with(&a, 2);
	ck_assert_int_eq(tell_flows(&a, 3, 7, 0, 1), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_PING, .u.stamp = 5 }), SYNC_WHY_NONE);
	sync_link_down(&a.link, SYNC_WHY_CLOSED, a.now);
	sync_link_up(&a.link, a.now);
	ck_assert_uint_gt(say(&a), 0);
	ck_assert_uint_eq(frame[0], SYNC_FRAME_HELLO);
	ck_assert_int_eq(tell(&a, &hello), SYNC_WHY_NONE);
	for (size_t n; (n = say(&a)) > 0;)
		ck_assert_uint_eq(frame[0], SYNC_FRAME_MARK);
}
END_TEST

/* ---- time ---- */

START_TEST(who_is_idle_says_a_word_and_who_is_silent_is_gone)
{
	join(&a, &b);
	talk(&a, &b);
	for (int i = 0; i < 10; i++) {
		struct lb_time when = sync_link_deadline(&a.link, a.now);
		ck_assert_int_le(lb_time_diff_us(when, a.now), SYNC_PING_MS * MS);
		later(&a, &b, SYNC_PING_MS);
		ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_NONE);
		ck_assert_int_eq(sync_link_tick(&b.link, b.now), SYNC_WHY_NONE);
		ck_assert_uint_le(talk_some(&a, &b, 10), 4);
	}
	ck_assert(a.link.rtt_us == 1);
	for (int ms = 0; ms < SYNC_SILENT_MS - 100; ms += 100) {
		a.now = lb_time_add_ms(a.now, 100);
		ck_assert_msg(sync_link_tick(&a.link, a.now) == SYNC_WHY_NONE, "after %d ms", ms);
		(void)drain(&a, SYNC_FRAME_BYE, NULL);
	}
	a.now = lb_time_add_ms(a.now, 100);
	ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_SILENT);
	ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_SILENT);
}
END_TEST

START_TEST(who_never_says_hello_is_gone_too)
{
	sync_link_up(&a.link, a.now);
	for (int i = 0; i < 2; i++) {
		a.now = lb_time_add_ms(a.now, 1000);
		ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_NONE);
	}
	a.now = lb_time_add_ms(a.now, 1000);
	ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_SILENT);
}
END_TEST

START_TEST(who_stood_still_listens_first)
{
	join(&a, &b);
	talk(&a, &b);
	a.now = lb_time_add_ms(a.now, 60000);
	ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_NONE);
	ck_assert_int_gt(sync_link_deadline(&a.link, a.now).us, a.now.us);
	struct lb_time ticked = a.now;
	a.now = lb_time_add_ms(a.now, 900); /* who speaks all the time looks at the time all the same */
	put(&a, 0, 1);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	ck_assert_int_eq(lb_time_cmp(sync_link_deadline(&a.link, a.now), lb_time_add_ms(ticked, 1000)), 0);
	a.now = lb_time_add_ms(ticked, 1000);
	ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_SILENT);
}
END_TEST

/* ---- an operator ---- */

START_TEST(paused_means_both_ways)
{
	join(&a, &b);
	talk(&a, &b);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, true);
	talk(&a, &b);
	put(&a, 0, 5);
	put(&b, 10, 5);
	talk(&a, &b);
	ck_assert(a.got == 0 && b.got == 0 && IPVS(&a).paused && IPVS(&b).held);
	later(&a, &b, 700);
	ck_assert(IPVS(&a).lag_ms == 700 && IPVS(&b).lag_ms == 700);
	cut(&a, &b); /* it holds for the next connection, too */
	join(&a, &b);
	talk(&a, &b);
	ck_assert(b.got == 0 && IPVS(&b).held);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, false);
	talk(&a, &b);
	ck_assert(a.got == 5 && b.got == 5 && !IPVS(&b).held && IPVS(&a).out.complete && IPVS(&a).in.complete);
}
END_TEST

START_TEST(resync_sends_everything_both_ways)
{
	put(&a, 0, 300);
	put(&b, 1000, 10);
	join(&a, &b);
	talk(&a, &b);
	sync_link_resync(&a.link, SYNC_STREAM_IPVS, a.now);
	talk(&a, &b);
	ck_assert(b.got == 600 && a.got == 20 && IPVS(&a).out.full && IPVS(&a).out.complete && IPVS(&a).in.complete);
	ck_assert(IPVS(&a).resyncs_in == 1 && IPVS(&b).resyncs_out == 1);
	cut(&a, &b); /* asked for while there is no link: done with the next one */
	sync_link_resync(&a.link, SYNC_STREAM_IPVS, a.now);
	join(&a, &b);
	(void)talk_some(&a, &b, 3);
	cut(&a, &b); /* and not forgotten when that ends early */
	join(&a, &b);
	talk(&a, &b);
	ck_assert(b.got == 900 && a.got == 30);
	cut(&a, &b);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(b.got == 900 && a.got == 30);
}
END_TEST

START_TEST(a_resync_that_was_cut_on_its_way_goes_on_there)
{
	put(&a, 0, 5000);
	join(&a, &b);
	talk(&a, &b);
	sync_link_resync(&a.link, SYNC_STREAM_IPVS, a.now);
	(void)talk_some(&a, &b, 24);
	ck_assert(!IPVS(&a).out.complete && IPVS(&a).out.at > 0);
	cut(&a, &b);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(!IPVS(&a).out.full && IPVS(&a).out.complete && b.got == 10000);
}
END_TEST

START_TEST(nobody_acknowledges_a_round_that_was_not_announced)
{
	put(&a, 0, 10);
	open_with(&a, 2);
	sync_link_resync(&a.link, SYNC_STREAM_IPVS, a.now);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 1, 10 } }), SYNC_WHY_NONE);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 2, 0 } }), SYNC_WHY_PROTOCOL);
}
END_TEST

START_TEST(we_end_it)
{
	struct sync_msg m;
	join(&a, &b);
	talk(&a, &b);
	sync_link_end(&a.link, SYNC_WHY_SHUTDOWN, a.now);
	ck_assert(a.link.state == SYNC_LINK_OVER && drain(&a, SYNC_FRAME_BYE, &m) == 1);
	ck_assert_int_eq(tell(&b, &m), SYNC_WHY_SHUTDOWN);
	ck_assert_uint_eq(say(&b), 0);
	sync_link_down(&a.link, SYNC_WHY_CLOSED, a.now);
	ck_assert(a.link.why == SYNC_WHY_SHUTDOWN && a.link.state == SYNC_LINK_DOWN);
	sync_link_down(&a.link, SYNC_WHY_KEY, a.now); /* the next one does not even begin */
	ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_KEY);
	ck_assert_int_eq(lb_time_cmp(sync_link_deadline(&a.link, a.now), LB_TIME_NEVER), 0);
	sync_link_up(&a.link, a.now);
	ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_NONE);
}
END_TEST

/* ---- the other stream, and whose word counts ---- */

START_TEST(two_streams_share_the_link)
{
	done(&a);
	a.table = flow_table_new(1, 100000);
	struct flow_table *t = a.table;
	a = (struct end){ .table = t, .now = at(0), .fake.source = { fake_seek, fake_next, fake_write, fake_last } };
	struct sync_link_conf c = conf_of(&a, "lb1", "lb2", 1);
	c.conntrack = &a.fake.source;
	a.fake.n = 3000;
	sync_link_init(&a.link, &c, a.now);
	put(&a, 0, 3000);
	join(&a, &b); /* b has no use for it, and is not sent it */
	talk(&a, &b);
	ck_assert(b.got == 3000 && status(&a, SYNC_STREAM_CONNTRACK).sent == 0);
	cut(&a, &b);
	b.link.conf.calls.conntrack = on_conntrack;
	join(&a, &b);
	(void)talk_some(&a, &b, 30);
	ck_assert(b.conntrack > 0 && b.got == 3000);
	talk(&a, &b);
	ck_assert(b.conntrack == 3000 && status(&b, SYNC_STREAM_CONNTRACK).in.complete);
	put(&a, 0, 3000); /* both at once: in turn */
	a.fake.n = 6000;
	(void)talk_some(&a, &b, 20);
	ck_assert(b.conntrack > 3500 && b.conntrack < 5500 && b.got > 3500 && b.got < 5500);
	talk(&a, &b);
	ck_assert(b.conntrack == 6000 && b.got == 6000);
}
END_TEST

static const struct {
	const char *what;
	enum flow_origin origin;
	int64_t had_for_ms; /* < 0: nothing there */
	struct sync_from from;
	bool news;
} judged[] = {
	{ "nothing is there", FLOW_LOCAL, -1, { 5000, false }, true },
	{ "nothing is there, and it was ours", FLOW_LOCAL, -1, { 5000, true }, true },
	{ "ours is older", FLOW_LOCAL, 5001, { 5000, false }, true },
	{ "ours is as old", FLOW_LOCAL, 5000, { 5000, false }, false },
	{ "ours is newer", FLOW_LOCAL, 100, { 5000, false }, false },
	{ "theirs follows theirs", FLOW_PEER, 100, { 5000, false }, true },
	{ "what comes back follows nothing", FLOW_PEER, 9000, { 100, true }, false },
	{ "what comes back, and ours", FLOW_LOCAL, 9000, { 100, true }, false },
};

START_TEST(whose_word_counts)
{
	struct flow f = flow_nr(1);
	const struct flow_entry *e = NULL;
	if (judged[_i].had_for_ms >= 0)
		ck_assert_int_eq(
			flow_table_put(a.table, &f, judged[_i].origin, at(10000 - judged[_i].had_for_ms), &e), 0);
	ck_assert_msg(sync_is_news(e, &judged[_i].from, at(10000)) == judged[_i].news, "%s", judged[_i].what);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sync_link");
	TCase *t = tcase_create("links");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, both_get_everything_when_they_meet);
	tcase_add_test(t, nothing_at_all_is_complete_too);
	tcase_add_test(t, who_comes_back_goes_on);
	tcase_add_test(t, a_bulk_that_was_cut_goes_on_where_it_was);
	tcase_add_test(t, who_forgot_gets_back_what_it_told);
	tcase_add_test(t, a_flow_that_moves_on_during_the_bulk_is_part_of_it);
	tcase_add_test(t, what_the_peer_told_is_looked_at_in_slices);
	tcase_add_test(t, a_round_that_begins_late_looks_in_slices);
	tcase_add_test(t, many_that_move_on_during_the_bulk_are_part_of_it);
	tcase_add_test(t, flows_that_ended_are_not_sent);
	tcase_add_test(t, one_that_cannot_take_a_flow_goes_on);
	tcase_add_test(t, little_room_loses_nothing);
	tcase_add_test(t, no_more_than_a_window_waits);
	tcase_add_loop_test(t, the_rate_holds, 0, 5);
	tcase_add_test(t, a_limit_after_a_month_without_a_word);
	tcase_add_test(t, another_round_has_a_window_of_its_own);
	tcase_add_test(t, the_lag_is_that_of_the_oldest);
	tcase_add_test(t, a_gap_is_asked_about_once);
	tcase_add_test(t, who_asks_does_not_acknowledge);
	tcase_add_test(t, a_round_behind_what_we_do_not_have);
	tcase_add_test(t, who_wants_everything_and_gets_it_does_not_ask);
	tcase_add_test(t, too_many_gaps_wait_and_are_an_alarm);
	tcase_add_test(t, who_is_asked_too_often_waits_too);
	tcase_add_loop_test(t, hello_is_judged, 0, LEN(hellos));
	tcase_add_test(t, a_new_configuration_is_told);
	tcase_add_test(t, who_says_to_have_what_there_never_was_begins_at_0);
	tcase_add_loop_test(t, what_is_said_is_judged, 0, LEN(wrong));
	tcase_add_test(t, bytes_that_are_no_frame_and_types_that_are_new);
	tcase_add_test(t, flows_of_no_round);
	tcase_add_test(t, a_stream_of_a_newer_peer_is_acknowledged);
	tcase_add_test(t, what_one_connection_owed_is_not_said_in_the_next);
	tcase_add_test(t, who_is_idle_says_a_word_and_who_is_silent_is_gone);
	tcase_add_test(t, who_never_says_hello_is_gone_too);
	tcase_add_test(t, who_stood_still_listens_first);
	tcase_add_test(t, paused_means_both_ways);
	tcase_add_test(t, resync_sends_everything_both_ways);
	tcase_add_test(t, a_resync_that_was_cut_on_its_way_goes_on_there);
	tcase_add_test(t, nobody_acknowledges_a_round_that_was_not_announced);
	tcase_add_test(t, we_end_it);
	tcase_add_test(t, two_streams_share_the_link);
	tcase_add_loop_test(t, whose_word_counts, 0, LEN(judged));
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
