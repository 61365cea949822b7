/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of flows: what each call means, by example; and thousands of random ones against a list that is searched
 * from end to end. */
#include "lbd/sync/flow_table.h"
#include "tests/unit/lbd_sync/flows.h"

#include <errno.h>
#include <stdio.h>

#define SEED UINT64_C(0x1234567890abcdef)
#define NOW  ((struct lb_time){ INT64_C(1000) * 1000000 })

static struct lb_time later(struct lb_time t, int64_t ms)
{
	return lb_time_add_ms(t, ms);
}

/* The i-th of many. */
static struct flow nth(uint32_t i)
{
	struct flow f = { .key = { .protocol = IPPROTO_TCP,
				  .client_port = 1024,
				  .virtual_port = 80,
				  .client = { AF_INET, { 10 } },
				  .virtual = { AF_INET, { 192, 0, 2, 1 } } },
		.dest = { AF_INET, { 172, 16, 0, 1 } },
		.dest_port = 8080 };
	f.key.client.b[1] = (uint8_t)(i >> 16);
	f.key.client.b[2] = (uint8_t)(i >> 8);
	f.key.client.b[3] = (uint8_t)i;
	f.state = 1;
	f.timeout_s = 900;
	return f;
}

static const struct flow_entry *put(struct flow_table *t, const struct flow *f, enum flow_origin o, struct lb_time now)
{
	const struct flow_entry *e = NULL;
	ck_assert_int_eq(flow_table_put(t, f, o, now, &e), 0);
	ck_assert_ptr_nonnull(e);
	return e;
}

static bool holds(const struct flow_entry *e, const struct flow *f)
{
	struct flow got;
	memset(&got, 0xff, sizeof(got));
	flow_entry_get(e, &got);
	return flow_same(&got, f);
}

/* ---- by example ---- */

START_TEST(what_was_put_is_found)
{
	struct flow_table *t = flow_table_new(SEED, 10);
	for (uint64_t s = 0, i = 0; i < 500; i++) {
		struct flow f = random_flow(&s), g;
		const struct flow_entry *e = put(t, &f, FLOW_LOCAL, NOW);
		f.timeout_s = f.timeout_s ? f.timeout_s : flow_default_timeout_s(&f);
		ck_assert_msg(holds(e, &f), "flow %d", (int)i);
		ck_assert_ptr_eq(flow_table_find(t, &f.key), e);
		ck_assert(e->origin == FLOW_LOCAL && e->number == 2 * i + 1 && e->put_at.us == NOW.us);
		ck_assert_int_eq(e->expires.us, NOW.us + (int64_t)f.timeout_s * 1000000);
		/* again, with all that is not its key changed: the same entry */
		g = random_flow(&s);
		g.key = f.key;
		memcpy(&g.dest, &f.dest, sizeof(g.dest));
		g.timeout_s = 7;
		ck_assert_ptr_eq(put(t, &g, FLOW_PEER, later(NOW, 5)), e);
		ck_assert(holds(e, &g) && e->origin == FLOW_PEER && e->number == 2 * i + 2);
		ck_assert_int_eq(e->expires.us, NOW.us + 7005000);
		ck_assert_uint_eq(flow_table_count(t, FLOW_PEER), 1);
		ck_assert_uint_eq(flow_table_count(t, FLOW_LOCAL), 0);
		ck_assert(flow_table_drop(t, &f.key) && !flow_table_find(t, &f.key) && !flow_table_drop(t, &f.key));
		ck_assert_uint_eq(flow_table_count(t, FLOW_PEER), 0);
		ck_assert_uint_eq(flow_table_last(t), 2 * i + 2);
	}
	flow_table_free(t);
	flow_table_free(NULL);
}
END_TEST

START_TEST(the_default_of_the_state)
{
	struct flow_table *t = flow_table_new(SEED, 10);
	struct flow f = nth(1), got;
	f.timeout_s = 0;
	f.state = 4; /* FIN_WAIT */
	const struct flow_entry *e = put(t, &f, FLOW_LOCAL, NOW);
	flow_entry_get(e, &got);
	ck_assert_uint_eq(got.timeout_s, 120);
	ck_assert_int_eq(e->expires.us, later(NOW, 120000).us);
	flow_table_free(t);
}
END_TEST

START_TEST(what_is_left)
{
	struct flow_table *t = flow_table_new(SEED, 10);
	struct flow f = nth(1), left;
	f.timeout_s = 60;
	const struct flow_entry *e = put(t, &f, FLOW_PEER, NOW);
	ck_assert(flow_entry_left(e, later(NOW, 58001), &left) && left.timeout_s == 2);
	ck_assert(flow_entry_left(e, later(NOW, 59999), &left) && left.timeout_s == 1);
	ck_assert(!flow_entry_left(e, later(NOW, 60000), &left) && !flow_entry_left(e, later(NOW, 90000), &left));
	f.key.template = true;
	f.flags |= FLOW_TEMPLATE;
	e = put(t, &f, FLOW_PEER, NOW);
	ck_assert(flow_entry_left(e, later(NOW, 58001), &left) && left.timeout_s == 60);
	ck_assert(!flow_entry_left(e, later(NOW, 60000), &left));
	flow_table_free(t);
}
END_TEST

START_TEST(full_and_not_whole)
{
	struct flow_table *t = flow_table_new(SEED, 3), *none = flow_table_new(SEED, 0);
	const struct flow_entry *e = NULL;
	struct flow f = nth(0);
	ck_assert_int_eq(flow_table_put(none, &f, FLOW_LOCAL, NOW, &e), -ENOSPC);
	flow_table_free(none);
	for (uint32_t i = 0; i < 3; i++) {
		f = nth(i);
		ck_assert_int_eq(flow_table_put(t, &f, i % 2 ? FLOW_PEER : FLOW_LOCAL, NOW, NULL), 0);
	}
	f = nth(3);
	ck_assert_int_eq(flow_table_put(t, &f, FLOW_LOCAL, NOW, &e), -ENOSPC);
	ck_assert_ptr_null(flow_table_find(t, &f.key));
	f = nth(2);
	put(t, &f, FLOW_LOCAL, NOW); /* it is there already */
	f.dest.family = AF_INET6;
	ck_assert_int_eq(flow_table_put(t, &f, FLOW_LOCAL, NOW, &e), -EINVAL);
	f = nth(1);
	f.key.client.family = 0;
	ck_assert_int_eq(flow_table_put(t, &f, FLOW_LOCAL, NOW, &e), -EINVAL);
	ck_assert_ptr_null(e);
	ck_assert_uint_eq(flow_table_last(t), 4);
	f = nth(0);
	ck_assert(flow_table_drop(t, &f.key));
	f = nth(3);
	put(t, &f, FLOW_LOCAL, NOW);
	ck_assert_uint_eq(flow_table_count(t, FLOW_LOCAL), 2);
	ck_assert_uint_eq(flow_table_count(t, FLOW_PEER), 1);
	flow_table_free(t);
}
END_TEST

/* The first call that drops it, in ms after it was put; calls are whole seconds apart from `call_ms` on. */
static const struct {
	const char *what;
	int64_t put_ms, call_ms;
	uint32_t timeout_s;
	int64_t want_ms; /* of the call, after the beginning */
} expiries[] = {
	{ "on the second", 0, 0, 5, 5000 },
	{ "put within a second: not before its time", 1, 0, 5, 6000 },
	{ "put late in a second", 999, 0, 5, 6000 },
	{ "called within seconds", 0, 700, 5, 5700 },
	{ "put and called within seconds: the full second between counts", 500, 700, 5, 6700 },
	{ "the shortest", 0, 0, 1, 1000 },
	{ "an hour and more", 300, 0, 4100, 4101000 },
	{ "the last that is in seconds", 0, 0, 8191, 8191000 },
	{ "the first that is in a page", 0, 0, 8192, 8192000 },
	{ "of the next page", 10, 0, 12500, 12501000 },
	{ "a day", 0, 0, 86400, 86400000 },
};

START_TEST(expires_in_time)
{
	for (unsigned others = 0; others < 2; others++) {
		struct flow_table *t = flow_table_new(SEED, 10);
		struct flow f = nth(1), other = nth(2);
		f.timeout_s = expiries[_i].timeout_s;
		other.timeout_s = UINT32_MAX; /* so that it is not the only one */
		put(t, &f, FLOW_LOCAL, later(NOW, expiries[_i].put_ms));
		if (others)
			put(t, &other, FLOW_LOCAL, later(NOW, expiries[_i].put_ms));
		int64_t ms = expiries[_i].call_ms;
		while (flow_table_expire(t, later(NOW, ms), 10) == 0)
			ms += 1000;
		ck_assert_msg(ms == expiries[_i].want_ms, "%s: at %lld", expiries[_i].what, (long long)ms);
		ck_assert_ptr_null(flow_table_find(t, &f.key));
		ck_assert_uint_eq(flow_table_count(t, FLOW_LOCAL), others);
		flow_table_free(t);
		/* and when nobody asked for long: one ms less is a second too early, if it is inside one */
		t = flow_table_new(SEED, 10);
		put(t, &f, FLOW_LOCAL, later(NOW, expiries[_i].put_ms));
		int64_t full = expiries[_i].want_ms / 1000 * 1000;
		ck_assert_uint_eq(flow_table_expire(t, later(NOW, full - 1), 10), 0);
		ck_assert_uint_eq(flow_table_expire(t, later(NOW, full), 10), 1);
		flow_table_free(t);
	}
}
END_TEST

START_TEST(not_a_microsecond_before)
{
	struct flow_table *t = flow_table_new(SEED, 10);
	struct flow f = nth(1);
	f.timeout_s = 5;
	put(t, &f, FLOW_LOCAL, (struct lb_time){ NOW.us + 1 });
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, 5000), 10), 0);
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, 6000), 10), 1);
	put(t, &f, FLOW_LOCAL, (struct lb_time){ NOW.us + 10999999 });
	ck_assert_uint_eq(flow_table_expire(t, (struct lb_time){ NOW.us + 15999999 }, 10), 0);
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, 16000), 10), 1);
	flow_table_free(t);
}
END_TEST

START_TEST(not_more_than_was_asked_for)
{
	struct flow_table *t = flow_table_new(SEED, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		struct flow f = nth(i);
		f.timeout_s = 10 + i % 2;
		put(t, &f, FLOW_LOCAL, NOW);
	}
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, 10999), 300), 300);
	ck_assert_uint_eq(flow_table_count(t, FLOW_LOCAL), 700);
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, 10999), 300), 200);
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, 10999), 300), 0);
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, 11000), 500), 500);
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, 11000), 500), 0);
	flow_table_free(t);
}
END_TEST

/* Those of one late page become those of seconds in small steps, and all are in time. */
START_TEST(a_late_page_in_small_steps)
{
	struct flow_table *t = flow_table_new(SEED, 4000);
	for (uint32_t i = 0; i < 4000; i++) {
		struct flow f = nth(i);
		f.timeout_s = 30000 + i;
		put(t, &f, FLOW_LOCAL, NOW);
	}
	for (uint32_t s = 1; s < 34000; s++) {
		unsigned n = flow_table_expire(t, later(NOW, s * INT64_C(1000)), 2);
		if (n != (s >= 30000))
			ck_abort_msg("after %u s: %u", s, n);
	}
	ck_assert_uint_eq(flow_table_count(t, FLOW_LOCAL), 0);
	flow_table_free(t);
}
END_TEST

START_TEST(a_clock_that_goes_back_or_far)
{
	struct flow_table *t = flow_table_new(SEED, 10);
	struct flow f = nth(1), g = nth(2);
	f.timeout_s = g.timeout_s = 5;
	put(t, &f, FLOW_LOCAL, NOW);
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, 3000), 10), 0);
	put(t, &g, FLOW_LOCAL, later(NOW, -100000)); /* over since long: with the next second */
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, 3000), 10), 0);
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, 4000), 10), 1);
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, 1), 10), 0);
	ck_assert_ptr_nonnull(flow_table_find(t, &f.key));
	ck_assert_uint_eq(flow_table_expire(t, later(NOW, INT64_C(86400000) * 365), 10), 1);
	f.timeout_s = UINT32_MAX;
	put(t, &f, FLOW_LOCAL, (struct lb_time){ 0 });
	put(t, &f, FLOW_LOCAL, (struct lb_time){ INT64_C(1) << 61 });
	ck_assert_uint_eq(flow_table_expire(t, (struct lb_time){ INT64_C(1) << 61 }, 10), 0);
	ck_assert_ptr_nonnull(flow_table_find(t, &f.key));
	flow_table_free(t);
}
END_TEST

START_TEST(a_cursor_keeps_its_place)
{
	struct flow_table *t = flow_table_new(SEED, 100);
	struct flow_cursor c, d;
	struct flow f[6];
	flow_cursor_open(&c, t, 0);
	ck_assert_ptr_null(flow_cursor_next(&c));
	for (uint32_t i = 0; i < 6; i++) {
		f[i] = nth(i);
		if (i < 5)
			put(t, &f[i], FLOW_LOCAL, NOW);
	}
	const struct flow_entry *e = flow_cursor_next(&c);
	ck_assert(holds(e, &f[0]) && e->number == 1 && c.after == 1);
	put(t, &f[1], FLOW_LOCAL, NOW);           /* the next one moves to the end */
	ck_assert(flow_table_drop(t, &f[2].key)); /* the one that is next now goes */
	ck_assert(holds(flow_cursor_next(&c), &f[3]) && c.after == 4);
	put(t, &f[3], FLOW_LOCAL, NOW); /* one that was given comes again */
	flow_cursor_open(&d, t, 4);
	ck_assert(holds(flow_cursor_next(&c), &f[4]) && holds(flow_cursor_next(&c), &f[1]));
	ck_assert(holds(flow_cursor_next(&d), &f[4]) && holds(flow_cursor_next(&d), &f[1]));
	ck_assert(flow_table_drop(t, &f[3].key)); /* the last one, which both stand at */
	ck_assert(!flow_cursor_next(&c) && !flow_cursor_next(&d) && c.after == 6);
	put(t, &f[5], FLOW_PEER, NOW);
	put(t, &f[5], FLOW_PEER, NOW);
	ck_assert(holds(flow_cursor_next(&c), &f[5]) && c.after == 9 && !flow_cursor_next(&c));
	flow_cursor_close(&c);
	flow_cursor_close(&c);
	ck_assert(flow_table_drop(t, &f[5].key));
	ck_assert(!flow_cursor_next(&d));
	flow_cursor_open(&c, t, 100); /* behind what there was */
	put(t, &f[5], FLOW_LOCAL, NOW);
	ck_assert(!flow_cursor_next(&c) && holds(flow_cursor_next(&d), &f[5]));
	flow_table_free(t);
	ck_assert(!flow_cursor_next(&c) && !flow_cursor_next(&d));
	flow_cursor_close(&d);
}
END_TEST

START_TEST(many)
{
	uint32_t n = 200000;
	struct flow_table *t = flow_table_new(SEED, n);
	const struct flow_entry *e = NULL;
	size_t empty = flow_table_bytes(t), full = 0;
	for (int round = 0; round < 2; round++) { /* the second takes the memory of the first */
		for (uint32_t i = 0; i < n; i++) {
			struct flow f = nth(i);
			if (flow_table_put(t, &f, FLOW_LOCAL, NOW, &e) || e->number != (uint64_t)round * n + i + 1)
				ck_abort_msg("put %u", i);
		}
		for (uint32_t i = 0; i < n; i++) {
			struct flow f = nth(i);
			e = flow_table_find(t, &f.key);
			if (!e || !holds(e, &f))
				ck_abort_msg("find %u", i);
		}
		ck_assert_msg(round == 0 || flow_table_bytes(t) == full, "%zu bytes", flow_table_bytes(t));
		full = flow_table_bytes(t);
		for (uint32_t i = 0; i < n; i += round ? 1 : 2) { /* half of them, then all */
			struct flow f = nth(i);
			if (!flow_table_drop(t, &f.key))
				ck_abort_msg("drop %u", i);
		}
	}
	ck_assert_msg((full - empty) / n <= 140, "%zu bytes per flow", (full - empty) / n);
	flow_table_free(t);
}
END_TEST

/* What a flow has besides is counted, and goes with it. */
START_TEST(memory_is_counted)
{
	struct flow_table *t = flow_table_new(SEED, 10);
	struct flow f = nth(1), g = nth(2);
	put(t, &g, FLOW_LOCAL, NOW);
	size_t without = flow_table_bytes(t);
	f.pe_name_n = 3;
	f.pe_data_n = 255;
	for (int i = 0; i < 3; i++) {
		put(t, &f, FLOW_LOCAL, NOW);
		ck_assert_msg(flow_table_bytes(t) - without > 258 && flow_table_bytes(t) - without < 340, "%zu",
			flow_table_bytes(t) - without);
	}
	f.pe_data_n = 0;
	f.pe_name_n = 0;
	put(t, &f, FLOW_LOCAL, NOW);
	ck_assert_uint_eq(flow_table_bytes(t), without);
	flow_table_free(t);
}
END_TEST

/* ---- against a model ---- */

#define KEYS    160
#define MAX     120
#define CURSORS 3
#define STEPS   4000
#define RUNS    60

struct known {
	bool there;
	struct flow flow;
	enum flow_origin origin;
	uint64_t number;
	struct lb_time put_at, expires;
};

struct world {
	uint64_t s, seed;
	struct flow_table *t;
	struct known v[KEYS]; /* by key */
	struct flow_key keys[KEYS];
	uint64_t last, after[CURSORS];
	struct flow_cursor cursors[CURSORS];
	struct lb_time now;
};

/* An assertion that passes is a system call; here there are millions. */
#define ck_world(w, cond, ...)                                                                                         \
	do {                                                                                                           \
		if (!(cond))                                                                                           \
			ck_abort_msg("seed %llu, number %llu: %s", (unsigned long long)(w)->seed,                      \
				(unsigned long long)(w)->last, __VA_ARGS__);                                           \
	} while (0)

static uint32_t model_count(const struct world *w, enum flow_origin origin)
{
	uint32_t n = 0;
	for (size_t i = 0; i < KEYS; i++)
		n += w->v[i].there && w->v[i].origin == origin;
	return n;
}

static bool entry_is(const struct flow_entry *e, const struct known *k)
{
	return holds(e, &k->flow) && e->origin == k->origin && e->number == k->number && e->put_at.us == k->put_at.us &&
	       e->expires.us == k->expires.us;
}

static const struct known *model_next(const struct world *w, uint64_t after)
{
	const struct known *found = NULL;
	for (size_t i = 0; i < KEYS; i++)
		if (w->v[i].there && w->v[i].number > after && (!found || w->v[i].number < found->number))
			found = &w->v[i];
	return found;
}

static void check_all(struct world *w)
{
	struct flow_cursor c;
	const struct known *k;
	uint64_t after = random_of(&w->s) % 2 ? 0 : random_of(&w->s) % (w->last + 2);
	flow_cursor_open(&c, w->t, after);
	while ((k = model_next(w, after))) {
		const struct flow_entry *e = flow_cursor_next(&c);
		ck_world(w, e && entry_is(e, k), "another order");
		after = k->number;
	}
	ck_world(w, !flow_cursor_next(&c), "one too many");
	flow_cursor_close(&c);
	for (size_t i = 0; i < KEYS; i++) {
		const struct flow_entry *e = flow_table_find(w->t, &w->keys[i]);
		ck_world(w, !e == !w->v[i].there && (!e || entry_is(e, &w->v[i])), "not what was put");
	}
	ck_world(w, flow_table_count(w->t, FLOW_LOCAL) == model_count(w, FLOW_LOCAL), "count of ours");
	ck_world(w, flow_table_count(w->t, FLOW_PEER) == model_count(w, FLOW_PEER), "count of the peer's");
	ck_world(w, flow_table_last(w->t) == w->last, "last number");
}

static void step_put(struct world *w)
{
	static const uint32_t timeouts[] = { 0, 0, 1, 2, 5, 60, 900, 4000, 4096, 8000, 9000, 20000, 86400, 40 * 86400,
		50 * 86400, 200 * 86400, UINT32_MAX };
	size_t i = random_of(&w->s) % KEYS;
	const struct flow_entry *e = NULL;
	struct flow f = random_flow(&w->s);
	f.key = w->keys[i];
	f.flags = (f.flags & ~FLOW_TEMPLATE) | (f.key.template ? FLOW_TEMPLATE : 0);
	f.dest = random_ip(&w->s, lb_ip_is_v6(&f.key.client));
	f.timeout_s = timeouts[random_of(&w->s) % LEN(timeouts)];
	enum flow_origin origin = random_of(&w->s) % 3 ? FLOW_LOCAL : FLOW_PEER;
	int rc = flow_table_put(w->t, &f, origin, w->now, &e);
	if (!w->v[i].there && model_count(w, FLOW_LOCAL) + model_count(w, FLOW_PEER) == MAX) {
		ck_world(w, rc == -ENOSPC && !e, "was not full");
		return;
	}
	f.timeout_s = f.timeout_s ? f.timeout_s : flow_default_timeout_s(&f);
	w->v[i] = (struct known){ true, f, origin, ++w->last, w->now, later(w->now, f.timeout_s * INT64_C(1000)) };
	ck_world(w, rc == 0 && e && entry_is(e, &w->v[i]), "was not put");
}

static void step_drop(struct world *w)
{
	size_t i = random_of(&w->s) % KEYS;
	ck_world(w, flow_table_drop(w->t, &w->keys[i]) == w->v[i].there, "drop");
	w->v[i].there = false;
}

static bool is_over(const struct known *k, struct lb_time now)
{
	return k->there && (k->expires.us + 999999) / 1000000 <= now.us / 1000000;
}

/* One call, which may leave some; what went must have been over. */
static unsigned expire_some(struct world *w, unsigned max)
{
	unsigned n = flow_table_expire(w->t, w->now, max), gone = 0;
	ck_world(w, n <= max, "more than was asked for");
	for (size_t i = 0; i < KEYS; i++)
		if (w->v[i].there && !flow_table_find(w->t, &w->keys[i])) {
			ck_world(w, is_over(&w->v[i], w->now), "expired too early");
			w->v[i].there = false;
			gone++;
		}
	ck_world(w, n == gone, "another number than went");
	return n;
}

static void step_time(struct world *w)
{
	static const int64_t steps_ms[] = { 0, 1, 300, 999, 1000, 5000, 60000, 900000, 3600000, 4096000, 9000000,
		86400000, INT64_C(86400000) * 30 };
	/* the long ones are rare */
	uint64_t r = random_of(&w->s) % 64;
	w->now = later(w->now, steps_ms[r < 56 ? r % 6 : r < 62 ? r % 10 : random_of(&w->s) % LEN(steps_ms)]);
	unsigned max = 1 + (unsigned)(random_of(&w->s) % 20);
	if (random_of(&w->s) % 8 == 0) {
		expire_some(w, max); /* and no more for now */
		return;
	}
	while (expire_some(w, max) == max)
		;
	for (size_t i = 0; i < KEYS; i++)
		ck_world(w, !is_over(&w->v[i], w->now), "not expired");
}

static void step_cursor(struct world *w)
{
	size_t i = random_of(&w->s) % CURSORS;
	struct flow_cursor *c = &w->cursors[i];
	if (random_of(&w->s) % 16 == 0) {
		flow_cursor_close(c);
		w->after[i] = random_of(&w->s) % 4 ? random_of(&w->s) % (w->last + 3) : 0;
		flow_cursor_open(c, w->t, w->after[i]);
	}
	for (uint64_t n = random_of(&w->s) % 40; n; n--) {
		const struct known *k = model_next(w, w->after[i]);
		const struct flow_entry *e = flow_cursor_next(c);
		ck_world(w, !e == !k && (!k || entry_is(e, k)), "a cursor lost its place");
		w->after[i] = k ? k->number : w->after[i];
		ck_world(w, c->after == w->after[i], "what a cursor has done");
	}
}

START_TEST(as_a_list_would)
{
	static struct world w;
	w = (struct world){ .s = (uint64_t)_i, .seed = (uint64_t)_i };
	w.t = flow_table_new(random_of(&w.s), MAX);
	w.now.us = random_of(&w.s) % 2 ? (int64_t)(random_of(&w.s) % (UINT64_C(1) << 40)) : 0;
	for (size_t i = 0; i < KEYS; i++)
		w.keys[i] = random_flow(&w.s).key;
	for (size_t i = 0; i < CURSORS; i++)
		flow_cursor_open(&w.cursors[i], w.t, 0);
	for (int step = 0; step < STEPS; step++) {
		uint64_t r = random_of(&w.s) % 100;
		if (r < 60)
			step_put(&w);
		else if (r < 70)
			step_drop(&w);
		else if (r < 80)
			step_time(&w);
		else
			step_cursor(&w);
		if (step % 50 == 0)
			check_all(&w);
	}
	check_all(&w);
	for (size_t i = 0; i < CURSORS; i++)
		if (i % 2 == 0)
			flow_cursor_close(&w.cursors[i]);
	flow_table_free(w.t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flow_table");
	TCase *t = tcase_create("flow_table");
	tcase_set_timeout(t, 100);
	tcase_add_test(t, what_was_put_is_found);
	tcase_add_test(t, the_default_of_the_state);
	tcase_add_test(t, what_is_left);
	tcase_add_test(t, full_and_not_whole);
	tcase_add_loop_test(t, expires_in_time, 0, LEN(expiries));
	tcase_add_test(t, not_a_microsecond_before);
	tcase_add_test(t, not_more_than_was_asked_for);
	tcase_add_test(t, a_late_page_in_small_steps);
	tcase_add_test(t, a_clock_that_goes_back_or_far);
	tcase_add_test(t, a_cursor_keeps_its_place);
	tcase_add_test(t, many);
	tcase_add_test(t, memory_is_counted);
	tcase_add_loop_test(t, as_a_list_would, 0, RUNS);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
