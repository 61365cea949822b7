/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel refuses, and what nobody knows whether it did. */
#include "tests/unit/lbd_ipvs/sim.h"

/* What it costs is counted, not timed: addresses are compared with this. */
static size_t compared;

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;
	compared++;
	for (; n && *x == *y; x++, y++)
		n--;
	return n ? *x - *y : 0;
}

/* ---- refusals ---- */

struct rule {
	enum ipvs_op_type type;
	const char *dest; /* NULL = any */
	int err;
	bool off;
	int only_nth; /* 0 = all that match */
	int seen;
};

static int by_rule(const struct ipvs_op *op, void *arg)
{
	struct rule *rule = arg;
	if (rule->off || op->type != rule->type)
		return 0;
	if (rule->dest) {
		struct ipvs_dest d = dest_of(rule->dest, 0);
		if (ipvs_dest_cmp(&d, &op->dest))
			return 0;
	}
	return rule->err;
}

static int nth(const struct ipvs_op *op, void *arg)
{
	struct rule *rule = arg;
	(void)op;
	return !rule->off && rule->seen++ == rule->only_nth ? rule->err : 0;
}

START_TEST(a_refusal_at_any_op_converges_when_it_is_over)
{
	static const int errs[] = { EINVAL, ENOENT, ESRCH, EEXIST, EPERM, ENOMEM, ERANGE };
	for (unsigned seed = 1; seed <= 20; seed++)
		for (int at = 0; at < 9; at++)
			for (size_t e = 0; e < COUNT(errs); e++) {
				struct world w = { 0 };
				struct rng r = { seed };
				world_begin(&w);
				const char *key = random_keys[rnd(&r, COUNT(random_keys))];
				if (rnd(&r, 2)) {
					world_want_row(&w, random_row(&r, key));
					world_run(&w);
				}
				struct rule rule = { .err = errs[e], .only_nth = at };
				w.k.refuse = nth;
				w.k.refuse_arg = &rule;
				world_want_row(&w, random_row(&r, key));
				world_run(&w);
				rule.off = true;
				w.now = lb_time_add_ms(w.now, 60000);
				ipvs_retry(w.r, w.now);
				world_run(&w);
				/* a lie ("exists", "no such") leaves nothing to retry: the next round finds it */
				world_audit(&w);
				world_run(&w);
				ck_assert_msg(world_converged(&w), "seed %u: errno %d at op %d:\n%s", seed, errs[e], at,
					world_sent(&w));
				ck_assert_msg(ipvs_refused_listeners(w.r) == 0,
					"seed %u: errno %d at op %d is still held against it", seed, errs[e], at);
				world_end(&w);
			}
}
END_TEST

START_TEST(a_refused_op_waits_for_its_time)
{
	struct world w = { 0 };
	struct rule rule = { .type = IPVS_OP_DEST_ADD, .dest = "10.1.0.2:80", .err = EINVAL };
	struct ipvs_key web = key_of(WEB);
	world_begin(&w);
	w.k.refuse = by_rule;
	w.k.refuse_arg = &rule;
	world_want(&w, WEB_ROW);
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "-A -t 203.0.113.1:80 -s wlc\n-a -t 203.0.113.1:80 -r 10.1.0.1:80 -m -w 1\n"
					 "-a -t 203.0.113.1:80 -r 10.1.0.2:80 -m -w 1\n");
	ck_assert_uint_eq(w.refusals, 1);
	ck_assert_uint_eq(ipvs_counters(w.r)->refused, 1);
	size_t n;
	const struct ipvs_refusal *ref = ipvs_refusals(w.r, &web, &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(ref->err, EINVAL);
	ck_assert_int_eq(ref->op.type, IPVS_OP_DEST_ADD);
	ck_assert_uint_eq(ipvs_refused_listeners(w.r), 1);
	/* seconds after the first refusal at which it is tried again, and nothing in between */
	static const int tries[] = { 1, 3, 7, 15, 31, 63, 123, 183 };
	struct lb_time start = w.now;
	size_t tried = 0;
	for (int s = 0; s < 190; s++) {
		w.now = lb_time_add_ms(start, s * 1000);
		ipvs_retry(w.r, w.now);
		world_dirty(&w, &web); /* wanted all the time, as by every health flip */
		world_run(&w);
		if (tried < COUNT(tries) && s == tries[tried]) {
			ck_assert_str_eq(world_sent(&w), "-a -t 203.0.113.1:80 -r 10.1.0.2:80 -m -w 1\n");
			tried++;
		}
		ck_assert_msg(w.k.log.n == 0, "second %d: sent\n%s", s, world_sent(&w));
	}
	ck_assert_uint_eq(tried, COUNT(tries));
	rule.off = true;
	w.now = lb_time_add_ms(w.now, 60000);
	ipvs_retry(w.r, w.now);
	world_run(&w);
	ck_assert(world_converged(&w));
	ck_assert_uint_eq(ipvs_refused_listeners(w.r), 0);
	ipvs_refusals(w.r, &web, &n);
	ck_assert_uint_eq(n, 0);
	/* a success forgets how long we had waited */
	rule = (struct rule){ .type = IPVS_OP_DEST_SET, .err = ERANGE };
	world_want(&w, WEB " wlc 10.1.0.1:80=1 10.1.0.2:80=9");
	world_run(&w);
	lb_vec_clear(&w.k.log);
	w.now = lb_time_add_ms(w.now, 1000);
	ipvs_retry(w.r, w.now);
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "-e -t 203.0.113.1:80 -r 10.1.0.2:80 -m -w 9\n");
	world_end(&w);
}
END_TEST

START_TEST(what_follows_many_refusals_costs_less_than_the_square_of_them)
{
	enum { N = 4000 };
	struct world w = { 0 };
	struct rule rule = { .type = IPVS_OP_DEST_ADD, .err = EINVAL };
	struct ipvs_row row = row_of(WEB " wlc");
	size_t n;
	world_begin(&w);
	w.k.refuse = by_rule;
	w.k.refuse_arg = &rule;
	for (unsigned i = 0; i < N; i++) {
		char text[24];
		snprintf(text, sizeof(text), "10.1.%u.%u:80", i >> 8, i & 255);
		*(struct ipvs_dest *)lb_vec_push(&row.dests) = dest_of(text, 1);
	}
	ipvs_row_sort(&row);
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), 0);
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
	ck_assert_uint_eq(w.refusals, N);
	lb_vec_clear(&w.k.log);
	row.dests.v[N / 2].weight = 7;
	row.dests.n--; /* and the last one is not wanted any more */
	compared = 0;
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), 0);
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
	ck_assert_msg(compared < 200 * N, "%zu comparisons", compared);
	ck_assert_str_eq(world_sent(&w), "-a -t 203.0.113.1:80 -r 10.1.7.208:80 -m -w 7\n");
	ipvs_refusals(w.r, &row.svc.key, &n);
	ck_assert_uint_eq(n, N - 1);
	ipvs_row_done(&row);
	world_end(&w);
}
END_TEST

START_TEST(another_op_is_tried_at_once)
{
	struct world w = { 0 };
	struct rule rule = { .type = IPVS_OP_DEST_ADD, .dest = "10.1.0.2:80", .err = EINVAL };
	struct ipvs_key web = key_of(WEB);
	size_t n;
	world_begin(&w);
	w.k.refuse = by_rule;
	w.k.refuse_arg = &rule;
	world_want(&w, WEB_ROW);
	world_run(&w);
	lb_vec_clear(&w.k.log);
	/* others go on while one is refused */
	world_want(&w, WEB " wlc 10.1.0.1:80=4 10.1.0.2:80=1");
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "-e -t 203.0.113.1:80 -r 10.1.0.1:80 -m -w 4\n");
	/* the refused one, changed */
	world_want(&w, WEB " wlc 10.1.0.1:80=4 10.1.0.2:80=2");
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "-a -t 203.0.113.1:80 -r 10.1.0.2:80 -m -w 2\n");
	ipvs_refusals(w.r, &web, &n);
	ck_assert_uint_eq(n, 1);
	/* not wanted any more: nothing is refused then */
	world_want(&w, WEB " wlc 10.1.0.1:80=5");
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "-e -t 203.0.113.1:80 -r 10.1.0.1:80 -m -w 5\n");
	ck_assert_uint_eq(ipvs_refused_listeners(w.r), 0);
	world_end(&w);
}
END_TEST

START_TEST(a_refused_listener_is_one_report_and_its_backends_are_not_tried)
{
	struct world w = { 0 };
	struct rule rule = { .type = IPVS_OP_SERVICE_ADD, .err = ENOENT };
	struct ipvs_key web = key_of(WEB);
	world_begin(&w);
	w.k.refuse = by_rule;
	w.k.refuse_arg = &rule;
	world_want(&w, WEB " twos 10.1.0.1:80=1 10.1.0.2:80=1");
	world_run(&w);
	size_t n;
	const struct ipvs_refusal *ref = ipvs_refusals(w.r, &web, &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(ref->op.type, IPVS_OP_SERVICE_ADD);
	ck_assert_uint_eq(w.refusals, 1);
	lb_vec_clear(&w.k.log);
	world_want(&w, WEB " twos 10.1.0.1:80=1");
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "");
	ck_assert_ptr_null(ipvs_actual(w.r, &web));
	world_unwant(&w, WEB); /* nothing to delete, and no reason to keep it */
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "");
	ck_assert_uint_eq(ipvs_refused_listeners(w.r), 0);
	rule.off = true;
	world_want(&w, WEB_ROW);
	world_run(&w);
	ck_assert(world_converged(&w));
	world_end(&w);
}
END_TEST

START_TEST(a_refused_change_of_scheduler_is_undone_by_wanting_the_old_one)
{
	struct world w = { 0 };
	struct rule rule = { .type = IPVS_OP_SERVICE_SET, .err = EINVAL };
	world_begin(&w);
	world_want(&w, WEB_ROW);
	world_run(&w);
	w.k.refuse = by_rule;
	w.k.refuse_arg = &rule;
	world_want(&w, WEB " mh 10.1.0.1:80=1 10.1.0.2:80=1");
	world_run(&w);
	ck_assert_str_eq(
		w.k.rows.v[0].svc.scheduler, "none"); /* the old one is unbound, new connections find no server */
	rule.off = true;
	world_want(&w, WEB_ROW);
	world_run(&w);
	ck_assert_msg(world_converged(&w), "the scheduler is %s", w.k.rows.v[0].svc.scheduler);
	world_end(&w);
}
END_TEST

#define OLD "-t 203.0.113.1:80 -r 10.1.0.1:80"
#define BAD "-t 203.0.113.1:80 -r 10.1.0.255:80"

START_TEST(a_refused_replacement_does_not_empty_the_pool)
{
	struct world w = { 0 };
	struct rule rule = { .type = IPVS_OP_DEST_ADD, .dest = "10.1.0.255:80", .err = EINVAL };
	struct ipvs_key web = key_of(WEB);
	world_begin(&w);
	world_want(&w, WEB " wlc 10.1.0.1:80=1");
	world_run(&w);
	lb_vec_clear(&w.k.log);
	w.k.refuse = by_rule;
	w.k.refuse_arg = &rule;
	w.k.alive = &web;
	world_want(&w, WEB " wlc 10.1.0.255:80=1");
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "-a " BAD " -m -w 1\n");
	/* nothing more of it until it is due, whoever asks; it is told all the time */
	world_dirty(&w, &web);
	world_run(&w);
	world_audit(&w);
	ck_assert_uint_eq(w.dirty.n, 0);
	ck_assert_str_eq(world_sent(&w), "");
	ck_assert_uint_eq(ipvs_refused_listeners(w.r), 1);
	w.now = lb_time_add_ms(w.now, 1000);
	ipvs_retry(w.r, w.now);
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "-a " BAD " -m -w 1\n");
	/* taken at last: the old one goes */
	rule.off = true;
	w.now = lb_time_add_ms(w.now, 60000);
	ipvs_retry(w.r, w.now);
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "-a " BAD " -m -w 1\n-d " OLD "\n");
	ck_assert(world_converged(&w) && w.dirty.n == 0);
	ck_assert_uint_eq(ipvs_refused_listeners(w.r), 0);
	world_end(&w);
}
END_TEST

START_TEST(deletes_that_were_held_back_go_when_something_serves_without_them)
{
	static const struct {
		const char *what, *row, *sent;
	} rows[] = {
		{ "another replacement", WEB " wlc 10.1.0.3:80=1",
			"-a -t 203.0.113.1:80 -r 10.1.0.3:80 -m -w 1\n-d " OLD "\n" },
		{ "one more that is taken", WEB " wlc 10.1.0.3:80=1 10.1.0.255:80=1",
			"-a -t 203.0.113.1:80 -r 10.1.0.3:80 -m -w 1\n-d " OLD "\n" },
		{ "one without weight serves nobody", WEB " wlc 10.1.0.3:80=0 10.1.0.255:80=1",
			"-a -t 203.0.113.1:80 -r 10.1.0.3:80 -m -w 0\n" },
		{ "an empty pool is what is wanted", WEB " wlc", "-d " OLD "\n" },
		{ "one without weight is all that is wanted", WEB " wlc 10.1.0.255:80=0",
			"-a " BAD " -m -w 0\n-d " OLD "\n" },
		{ "the old one again", WEB " wlc 10.1.0.1:80=1", "" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		struct rule rule = { .type = IPVS_OP_DEST_ADD, .dest = "10.1.0.255:80", .err = EINVAL };
		world_begin(&w);
		world_want(&w, WEB " wlc 10.1.0.1:80=1");
		world_run(&w);
		w.k.refuse = by_rule;
		w.k.refuse_arg = &rule;
		world_want(&w, WEB " wlc 10.1.0.255:80=1");
		world_run(&w);
		lb_vec_clear(&w.k.log);
		world_want(&w, rows[i].row);
		world_run(&w);
		const char *sent = world_sent(&w);
		ck_assert_msg(strcmp(sent, rows[i].sent) == 0, "%s: sent\n%s", rows[i].what, sent);
		ck_assert_msg(w.dirty.n == 0, "%s: it spins", rows[i].what);
		world_end(&w);
	}
}
END_TEST

/* Maintenance, or a check that failed: whoever is switched off next must have no row, whatever the kernel thinks of the
 * other backends. What the file does not have any more stays meanwhile. */
START_TEST(what_was_taken_out_goes_whatever_is_refused)
{
	static const struct {
		const char *what, *had, *out, *sent;
	} rows[] = {
		{ "the only one that serves", "10.1.0.1:80=1", "10.1.0.1:80", "-d " OLD "\n" },
		{ "one of two that were replaced", "10.1.0.1:80=1 10.1.0.2:80=1", "10.1.0.1:80", "-d " OLD "\n" },
		{ "one that has no row", "10.1.0.1:80=1", "10.1.0.9:80", "" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		struct rule rule = { .type = IPVS_OP_DEST_ADD, .dest = "10.1.0.255:80", .err = EINVAL };
		char text[100];
		world_begin(&w);
		w.k.refuse = by_rule;
		w.k.refuse_arg = &rule;
		snprintf(text, sizeof(text), WEB " wlc %s 10.1.0.255:80=1", rows[i].had);
		world_want(&w, text);
		world_run(&w);
		lb_vec_clear(&w.k.log);
		struct ipvs_row row = row_of(WEB " wlc 10.1.0.255:80=1");
		*(struct ipvs_dest *)lb_vec_push(&row.out) = dest_of("10.1.0.8:80", 0);
		*(struct ipvs_dest *)lb_vec_push(&row.out) = dest_of(rows[i].out, 0);
		ipvs_row_sort(&row);
		world_want_row(&w, row);
		world_run(&w);
		const char *sent = world_sent(&w);
		ck_assert_msg(strcmp(sent, rows[i].sent) == 0, "%s: sent\n%s", rows[i].what, sent);
		ck_assert_msg(w.dirty.n == 0, "%s: it spins", rows[i].what);
		rule.off = true;
		w.now = lb_time_add_ms(w.now, 60000);
		ipvs_retry(w.r, w.now);
		world_run(&w);
		ck_assert_msg(world_converged(&w), "%s: not at last", rows[i].what);
		world_end(&w);
	}
}
END_TEST

START_TEST(a_refused_weight_does_not_empty_the_pool)
{
	struct world w = { 0 };
	struct rule rule = { .type = IPVS_OP_DEST_SET, .err = ERANGE };
	struct ipvs_key web = key_of(WEB);
	world_begin(&w);
	world_want(&w, WEB " wlc 10.1.0.1:80=1 10.1.0.2:80=0");
	world_run(&w);
	w.k.refuse = by_rule;
	w.k.refuse_arg = &rule;
	w.k.alive = &web;
	world_want(&w, WEB " wlc 10.1.0.2:80=1");
	world_run(&w);
	rule.off = true;
	w.now = lb_time_add_ms(w.now, 60000);
	ipvs_retry(w.r, w.now);
	world_run(&w);
	ck_assert(world_converged(&w));
	world_end(&w);
}
END_TEST

START_TEST(deletes_wait_only_where_the_pool_rests_on_what_is_added)
{
	struct world w = { 0 };
	world_begin(&w);
	world_want(&w, WEB_ROW);
	world_run(&w);
	size_t batches = w.k.batches;
	uint64_t writes = ipvs_counters(w.r)->writes;
	world_want(&w, WEB " wlc 10.1.0.2:80=1 10.1.0.3:80=1");
	world_run(&w);
	ck_assert_uint_eq(w.k.batches - batches, 1);
	world_want(&w, WEB " wlc 10.1.0.4:80=1");
	world_run(&w);
	ck_assert_uint_eq(w.k.batches - batches, 3);
	ck_assert_uint_eq(ipvs_counters(w.r)->writes - writes, 2 + 3);
	ck_assert(world_converged(&w));
	world_end(&w);
}
END_TEST

START_TEST(a_refused_removal_is_tried_again)
{
	struct world w = { 0 };
	struct rule rule = { .type = IPVS_OP_SERVICE_DEL, .err = EPERM };
	world_begin(&w);
	world_want(&w, WEB_ROW);
	world_run(&w);
	w.k.refuse = by_rule;
	w.k.refuse_arg = &rule;
	world_unwant(&w, WEB);
	world_run(&w);
	ck_assert_uint_eq(ipvs_refused_listeners(w.r), 1);
	rule.off = true;
	w.now = lb_time_add_ms(w.now, 1000);
	ipvs_retry(w.r, w.now);
	world_run(&w);
	ck_assert_uint_eq(w.k.rows.n, 0);
	ck_assert_uint_eq(ipvs_refused_listeners(w.r), 0);
	world_end(&w);
}
END_TEST

/* ---- lost outcomes ---- */

START_TEST(a_lost_batch_is_read_again_and_the_pool_is_never_empty)
{
	for (unsigned seed = 1; seed <= 100; seed++)
		for (int after = 0; after < 8; after++) {
			struct world w = { 0 };
			struct rng r = { seed };
			world_begin(&w);
			const char *text = random_keys[rnd(&r, COUNT(random_keys))];
			struct ipvs_key key = key_of(text);
			struct ipvs_row first = random_row(&r, text), second = random_row(&r, text);
			bool must_live = pool_alive(&first) && pool_alive(&second), existed = rnd(&r, 3);
			if (existed) {
				world_want_row(&w, first);
				world_run(&w);
			} else {
				ipvs_row_done(&first);
			}
			w.k.alive = existed && must_live ? &key : NULL;
			w.k.lose = 1;
			w.k.lose_after = after;
			world_want_row(&w, second);
			world_run(&w);
			ck_assert_msg(world_converged(&w), "seed %u: lost after %d:\n%s", seed, after, world_sent(&w));
			ck_assert_msg(w.drifts == 0, "seed %u: our own write is reported as drift", seed);
			world_audit(&w);
			ck_assert_msg(w.drifts == 0 && w.dirty.n == 0,
				"seed %u: the audit finds something after a lost batch", seed);
			world_end(&w);
		}
}
END_TEST

START_TEST(what_follows_a_lost_batch_is_not_sent_blindly)
{
	/* wherever the border of a batch falls: the adds before it are lost, the delete of the only old one stands
	 * behind */
	for (unsigned n = 60; n <= 260; n += n > 250 ? 1 : 4) {
		struct world w = { 0 };
		struct ipvs_row new = { .svc = svc_of(WEB, "wlc") };
		char text[32];
		for (unsigned i = 0; i < n; i++) {
			snprintf(text, sizeof(text), "10.2.%u.%u:80", i / 200, i % 200 + 1);
			row_add(&new, dest_of(text, 1));
		}
		world_begin(&w);
		world_want(&w, WEB " wlc 10.1.0.1:80=1");
		world_run(&w);
		struct ipvs_key web = key_of(WEB);
		w.k.alive = &web;
		w.k.lose = 1;
		w.k.lose_after = 0;
		world_want_row(&w, new);
		world_run(&w);
		ck_assert_msg(world_converged(&w), "%u backends", n);
		ck_assert_uint_eq(ipvs_counters(w.r)->overruns, 1);
		world_end(&w);
	}
}
END_TEST

START_TEST(an_add_of_unknown_outcome_can_be_dropped)
{
	for (int after = 0; after <= 3; after++) {
		struct world w = { 0 };
		world_begin(&w);
		w.k.lose = 1;
		w.k.lose_after = after;
		world_want(&w, WEB_ROW);
		world_turn(&w);
		world_unwant(&w, WEB);
		world_run(&w);
		ck_assert_msg(w.k.rows.n == 0, "lost after %d: the listener is left behind, and nobody's", after);
		struct ipvs_key web = key_of(WEB);
		ck_assert(!ipvs_is_ours(w.r, &web));
		world_end(&w);
	}
}
END_TEST

START_TEST(a_drop_of_unknown_outcome_is_repeated)
{
	for (int after = 0; after <= 1; after++) {
		struct world w = { 0 };
		world_begin(&w);
		world_want(&w, WEB_ROW);
		world_run(&w);
		w.k.lose = 1;
		w.k.lose_after = after;
		world_unwant(&w, WEB);
		world_run(&w);
		ck_assert_msg(w.k.rows.n == 0 && w.dirty.n == 0, "lost after %d", after);
		world_end(&w);
	}
}
END_TEST

START_TEST(a_read_that_fails_writes_nothing_and_can_be_repeated)
{
	struct world w = { 0 };
	sim_has(&w, WEB " wlc 10.1.0.1:80=1 10.1.0.9:80=1");
	world_begin(&w);
	ck_assert_int_eq(ipvs_load(w.r), 0);
	struct ipvs_row row = row_of(WEB_ROW);
	w.k.fail_dests = -ENOBUFS;
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), -ENOBUFS);
	w.k.fail_dests = 0;
	w.k.fail_service = -ETIMEDOUT;
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), -ETIMEDOUT);
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
	ck_assert_str_eq(world_sent(&w), "");
	ck_assert_ptr_null(ipvs_actual(w.r, &row.svc.key));
	w.k.fail_service = 0;
	/* nobody tries again by himself: the round of the audit reminds */
	world_audit(&w);
	ck_assert_uint_eq(w.stales, 1);
	ck_assert_uint_eq(w.drifts, 0);
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), 0);
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
	ck_assert(sim_equals(&w.k, &row));
	ipvs_row_done(&row);
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_refusal_at_any_op_converges_when_it_is_over, a_refused_op_waits_for_its_time,
		what_follows_many_refusals_costs_less_than_the_square_of_them, another_op_is_tried_at_once,
		a_refused_listener_is_one_report_and_its_backends_are_not_tried,
		a_refused_change_of_scheduler_is_undone_by_wanting_the_old_one,
		a_refused_replacement_does_not_empty_the_pool,
		deletes_that_were_held_back_go_when_something_serves_without_them,
		what_was_taken_out_goes_whatever_is_refused, a_refused_weight_does_not_empty_the_pool,
		deletes_wait_only_where_the_pool_rests_on_what_is_added, a_refused_removal_is_tried_again,
		a_lost_batch_is_read_again_and_the_pool_is_never_empty, what_follows_a_lost_batch_is_not_sent_blindly,
		an_add_of_unknown_outcome_can_be_dropped, a_drop_of_unknown_outcome_is_repeated,
		a_read_that_fails_writes_nothing_and_can_be_repeated };
	return run_suite("ipvs_refused", tests, COUNT(tests));
}
