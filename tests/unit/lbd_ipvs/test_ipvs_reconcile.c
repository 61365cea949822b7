/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one path to the kernel, against a simulated kernel with every fault the real one knows. */
#include "tests/unit/lbd_ipvs/sim.h"

#define WEB  "203.0.113.1:80/tcp"
#define DNS  "203.0.113.1:53/udp"
#define MAIL "203.0.113.9:25/tcp"

#define WEB_ROW WEB " wlc 10.1.0.1:80=1 10.1.0.2:80=1"
#define DNS_ROW DNS " rr 10.1.0.3:53=1"

/* ---- start ---- */

START_TEST(a_start_adopts_what_is_there_and_writes_nothing)
{
	struct world w = { 0 };
	sim_has(&w, WEB_ROW);
	sim_has(&w, DNS_ROW);
	sim_has(&w, MAIL " lc 10.9.0.1:25=7");
	world_begin(&w);
	ck_assert_int_eq(ipvs_load(w.r), 0);
	ck_assert_uint_eq(ipvs_foreign_count(w.r), 3);
	world_want(&w, WEB_ROW);
	world_want(&w, DNS_ROW);
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "");
	ck_assert_uint_eq(w.k.batches, 0);
	ck_assert_uint_eq(ipvs_foreign_count(w.r), 1);
	struct ipvs_key web = key_of(WEB), mail = key_of(MAIL);
	ck_assert(ipvs_is_ours(w.r, &web) && !ipvs_is_ours(w.r, &mail));
	world_end(&w);
}
END_TEST

START_TEST(a_start_writes_only_what_differs)
{
	struct world w = { 0 };
	sim_has(&w, WEB " wlc 10.1.0.2:80=5 10.1.0.9:80=1");
	world_begin(&w);
	ck_assert_int_eq(ipvs_load(w.r), 0);
	world_want(&w, WEB_ROW);
	world_want(&w, DNS_ROW);
	world_run(&w);
	ck_assert_str_eq(world_sent(&w),
		"-a -t 203.0.113.1:80 -r 10.1.0.1:80 -m -w 1\n-e -t 203.0.113.1:80 -r 10.1.0.2:80 -m -w 1\n"
		"-d -t 203.0.113.1:80 -r 10.1.0.9:80\n-A -u 203.0.113.1:53 -s rr\n"
		"-a -u 203.0.113.1:53 -r 10.1.0.3:53 -m -w 1\n");
	ck_assert(world_converged(&w));
	world_end(&w);
}
END_TEST

START_TEST(a_restart_with_unchanged_rows_emits_no_op)
{
	for (unsigned seed = 1; seed <= 60; seed++) {
		struct world w = { 0 };
		struct rng r = { seed };
		world_begin(&w);
		for (size_t i = 0; i < COUNT(random_keys); i++)
			world_want_row(&w, random_row(&r, random_keys[i]));
		world_run(&w);
		ck_assert_msg(world_converged(&w), "seed %u: the first start", seed);
		lb_vec_clear(&w.k.log);
		world_restart(&w);
		lb_vec_foreach (row, &w.wanted)
			world_dirty(&w, &row->svc.key);
		world_run(&w);
		ck_assert_msg(w.k.log.n == 0, "seed %u: a restart wrote\n%s", seed, world_sent(&w));
		world_end(&w);
	}
}
END_TEST

START_TEST(a_start_that_could_not_read_adopts_all_the_same)
{
	struct world w = { 0 };
	sim_has(&w, WEB " wlc 10.1.0.2:80=1 10.1.0.9:80=1");
	world_begin(&w);
	w.k.fail_services = -ENOBUFS;
	ck_assert_int_eq(ipvs_load(w.r), -ENOBUFS);
	world_want(&w, WEB_ROW);
	world_run(&w);
	ck_assert(world_converged(&w));
	ck_assert_uint_eq(w.refusals, 0); /* "exists" is an answer, no fault */
	lb_vec_foreach (op, &w.k.log)
		ck_assert_msg(op->type != IPVS_OP_SERVICE_DEL, "the listener was deleted:\n%s", world_sent(&w));
	world_end(&w);
}
END_TEST

/* ---- wanting ---- */

START_TEST(wanting_twice_writes_once)
{
	struct world w = { 0 };
	world_begin(&w);
	world_want(&w, WEB_ROW);
	world_run(&w);
	lb_vec_clear(&w.k.log);
	world_want(&w, WEB_ROW);
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "");
	/* and within one turn: the second row is the one that counts */
	struct ipvs_row a = row_of(WEB " wlc 10.1.0.1:80=0 10.1.0.2:80=1"),
			b = row_of(WEB " wlc 10.1.0.1:80=1 10.1.0.2:80=3");
	ck_assert_int_eq(ipvs_want(w.r, &a, w.now), 0);
	ck_assert_int_eq(ipvs_want(w.r, &b, w.now), 0);
	ck_assert_int_eq(ipvs_flush(w.r, w.now), 0);
	ck_assert(sim_equals(&w.k, &b));
	ipvs_row_done(&a);
	ipvs_row_done(&b);
	world_end(&w);
}
END_TEST

START_TEST(bulk_goes_out_in_batches)
{
	struct world w = { 0 };
	char text[64];
	world_begin(&w);
	for (unsigned i = 0; i < 600; i++) {
		snprintf(text, sizeof(text), "10.2.%u.%u:80/tcp wlc 10.1.0.1:80=1 10.1.0.2:80=1", i / 256, i % 256);
		world_want(&w, text);
	}
	struct ipvs_row wide = { .svc = svc_of(WEB, "mh") };
	for (unsigned i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "10.3.%u.%u:80", i / 256, i % 256);
		row_add(&wide, dest_of(text, 1));
	}
	world_want_row(&w, wide);
	world_run(&w);
	ck_assert(world_converged(&w));
	const struct ipvs_counters *c = ipvs_counters(w.r);
	ck_assert_uint_eq(c->writes, 600 * 3 + 301);
	ck_assert_uint_eq(c->batches, w.k.batches);
	ck_assert_uint_le(w.k.largest_batch, 200); /* answers fit the receive buffer */
	ck_assert_uint_le(w.k.batches, 22);
	world_end(&w);
}
END_TEST

START_TEST(a_preview_says_what_would_be_done_and_does_nothing)
{
	for (unsigned seed = 1; seed <= 100; seed++) {
		struct world w = { 0 };
		struct rng r = { seed };
		world_begin(&w);
		const char *key = random_keys[rnd(&r, COUNT(random_keys))];
		if (rnd(&r, 4)) {
			world_want_row(&w, random_row(&r, key));
			world_run(&w);
			lb_vec_clear(&w.k.log);
		}
		struct ipvs_row next = random_row(&r, key);
		struct ipvs_ops ops = { 0 };
		ck_assert_int_eq(ipvs_preview(w.r, &next, &ops), 0);
		ck_assert_msg(w.k.log.n == 0, "seed %u: a preview wrote", seed);
		world_want_row(&w, next);
		world_run(&w);
		char said[16384];
		strcpy(said, ops_text(ops.ops.v, ops.ops.n));
		ck_assert_msg(strcmp(said, world_sent(&w)) == 0, "seed %u: the preview said\n%s", seed, said);
		lb_vec_clear(&ops.ops);
		struct ipvs_key k = key_of(key);
		ck_assert_int_eq(ipvs_preview_drop(w.r, &k, &ops), 0);
		ck_assert_msg(
			ops.ops.n == 1 && ops.ops.v[0].type == IPVS_OP_SERVICE_DEL, "seed %u: preview of a drop", seed);
		lb_vec_done(&ops.ops);
		world_end(&w);
	}
}
END_TEST

/* ---- dropping, and what is not ours ---- */

START_TEST(a_drop_takes_ours_and_leaves_what_is_foreign_or_unknown)
{
	struct world w = { 0 };
	sim_has(&w, MAIL " lc 10.9.0.1:25=7");
	world_begin(&w);
	ck_assert_int_eq(ipvs_load(w.r), 0);
	world_want(&w, WEB_ROW);
	world_run(&w);
	lb_vec_clear(&w.k.log);
	struct ipvs_key web = key_of(WEB), mail = key_of(MAIL), dns = key_of(DNS);
	ck_assert_int_eq(ipvs_drop(w.r, &mail, w.now), 0);
	ck_assert_int_eq(ipvs_drop(w.r, &dns, w.now), 0);
	ck_assert_int_eq(ipvs_flush(w.r, w.now), 0);
	ck_assert_str_eq(world_sent(&w), "");
	struct ipvs_ops ops = { 0 };
	ck_assert_int_eq(ipvs_preview_drop(w.r, &mail, &ops), 0);
	ck_assert_uint_eq(ops.ops.n, 0);
	world_unwant(&w, WEB);
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "-D -t 203.0.113.1:80\n");
	ck_assert_ptr_null(ipvs_actual(w.r, &web));
	ck_assert(!ipvs_is_ours(w.r, &web));
	ck_assert_ptr_nonnull(sim_find(&w.k, &mail));
	/* recorded as ours by an earlier run: now it may go */
	ipvs_own(w.r, &mail);
	ipvs_own(w.r, &dns); /* not there: nothing to own */
	ck_assert(!ipvs_is_ours(w.r, &dns));
	ck_assert_int_eq(ipvs_drop(w.r, &mail, w.now), 0);
	ck_assert_int_eq(ipvs_flush(w.r, w.now), 0);
	ck_assert_str_eq(world_sent(&w), "-D -t 203.0.113.9:25\n");
	world_end(&w);
}
END_TEST

START_TEST(a_listener_dropped_and_wanted_in_one_turn_is_there)
{
	struct world w = { 0 };
	world_begin(&w);
	world_want(&w, WEB_ROW);
	world_run(&w);
	struct ipvs_key web = key_of(WEB);
	struct ipvs_row row = row_of(WEB " mh 10.1.0.7:80=1");
	ck_assert_int_eq(ipvs_drop(w.r, &web, w.now), 0);
	ck_assert_int_eq(ipvs_drop(w.r, &web, w.now), 0); /* told twice */
	ck_assert_int_eq(ipvs_drop(w.r, &web, w.now), 0);
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), 0);
	ck_assert_int_eq(ipvs_flush(w.r, w.now), 0);
	ck_assert(sim_equals(&w.k, &row));
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), 0);
	ck_assert_int_eq(ipvs_drop(w.r, &web, w.now), 0);
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), 0);
	ck_assert_int_eq(ipvs_drop(w.r, &web, w.now), 0);
	ck_assert_int_eq(ipvs_flush(w.r, w.now), 0);
	ck_assert_uint_eq(w.k.rows.n, 0);
	ipvs_row_done(&row);
	world_end(&w);
}
END_TEST

START_TEST(a_drop_of_what_somebody_else_deleted_is_done)
{
	struct world w = { 0 };
	world_begin(&w);
	world_want(&w, WEB_ROW);
	world_run(&w);
	sim_remove(&w.k, &w.k.rows.v[0]);
	world_unwant(&w, WEB);
	world_run(&w);
	struct ipvs_key web = key_of(WEB);
	ck_assert(!ipvs_is_ours(w.r, &web));
	ck_assert_uint_eq(w.refusals, 0);
	ck_assert_uint_eq(w.dirty.n, 0);
	world_end(&w);
}
END_TEST

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
	sim_has(&w, WEB " wlc 10.1.0.9:80=1");
	world_begin(&w);
	ck_assert_int_eq(ipvs_load(w.r), 0);
	struct ipvs_row row = row_of(WEB_ROW);
	w.k.fail_dests = -ENOBUFS;
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), -ENOBUFS);
	w.k.fail_dests = 0;
	w.k.fail_service = -ETIMEDOUT;
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), -ETIMEDOUT);
	ck_assert_int_eq(ipvs_flush(w.r, w.now), 0);
	ck_assert_str_eq(world_sent(&w), "");
	ck_assert_ptr_null(ipvs_actual(w.r, &row.svc.key));
	w.k.fail_service = 0;
	/* nobody tries again by himself: the round of the audit reminds */
	world_audit(&w);
	ck_assert_uint_eq(w.stales, 1);
	ck_assert_uint_eq(w.drifts, 0);
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), 0);
	ck_assert_int_eq(ipvs_flush(w.r, w.now), 0);
	ck_assert(sim_equals(&w.k, &row));
	ipvs_row_done(&row);
	world_end(&w);
}
END_TEST

/* ---- audit ---- */

static void hand(struct world *w, enum ipvs_op_type type, const char *key, const char *scheduler, const char *dest,
	uint32_t weight)
{
	struct ipvs_op op = { .type = type, .svc = svc_of(key, scheduler) };
	if (dest)
		op.dest = dest_of(dest, weight);
	int err = sim_apply(&w->k, &op);
	ck_assert_msg(err == 0, "the hand's own op: %d", err);
}

static void all_gone(struct world *w)
{
	while (w->k.rows.n)
		sim_remove(&w->k, &w->k.rows.v[0]);
}

static void one_gone(struct world *w)
{
	hand(w, IPVS_OP_SERVICE_DEL, WEB, "", NULL, 0);
}

static void weight_edited(struct world *w)
{
	hand(w, IPVS_OP_DEST_SET, WEB, "", "10.1.0.2:80", 0);
}

static void scheduler_changed(struct world *w)
{
	hand(w, IPVS_OP_SERVICE_SET, WEB, "rr", NULL, 0);
}

static void dest_added(struct world *w)
{
	hand(w, IPVS_OP_DEST_ADD, WEB, "", "10.1.0.66:80", 1);
}

static void dest_removed(struct world *w)
{
	hand(w, IPVS_OP_DEST_DEL, WEB, "", "10.1.0.1:80", 0);
}

static void dests_all_removed(struct world *w)
{
	hand(w, IPVS_OP_DEST_DEL, WEB, "", "10.1.0.1:80", 0);
	hand(w, IPVS_OP_DEST_DEL, WEB, "", "10.1.0.2:80", 0);
}

static void made_anew(struct world *w)
{
	one_gone(w);
	hand(w, IPVS_OP_SERVICE_ADD, WEB, "wlc", NULL, 0);
}

/* Somebody else was faster: the answer says so, and that is no refusal. */
static const struct {
	const char *what;
	enum ipvs_op_type by_hand;
	const char *dest;
	const char *want;
} races[] = {
	{ "a backend to delete is gone", IPVS_OP_DEST_DEL, "10.1.0.2:80", WEB " wlc 10.1.0.1:80=1" },
	{ "a backend to edit is gone", IPVS_OP_DEST_DEL, "10.1.0.2:80", WEB " wlc 10.1.0.1:80=1 10.1.0.2:80=9" },
	{ "a backend to add is there", IPVS_OP_DEST_ADD, "10.1.0.3:80",
		WEB " wlc 10.1.0.1:80=1 10.1.0.2:80=1 10.1.0.3:80=4" },
	{ "the listener of a backend to add is gone", IPVS_OP_SERVICE_DEL, NULL,
		WEB " wlc 10.1.0.1:80=1 10.1.0.2:80=1 10.1.0.3:80=4" },
	{ "the listener of a backend to edit is gone", IPVS_OP_SERVICE_DEL, NULL,
		WEB " wlc 10.1.0.1:80=1 10.1.0.2:80=9" },
	{ "the listener of a backend to delete is gone", IPVS_OP_SERVICE_DEL, NULL, WEB " wlc 10.1.0.1:80=1" },
	{ "a listener to edit is gone", IPVS_OP_SERVICE_DEL, NULL, WEB " mh 10.1.0.1:80=1 10.1.0.2:80=1" },
	{ "a listener to add is there", IPVS_OP_SERVICE_ADD, NULL, DNS_ROW },
};

START_TEST(an_answer_that_somebody_was_faster_is_no_refusal)
{
	for (size_t i = 0; i < COUNT(races); i++) {
		struct world w = { 0 };
		world_begin(&w);
		world_want(&w, WEB_ROW);
		world_run(&w);
		hand(&w, races[i].by_hand, races[i].by_hand == IPVS_OP_SERVICE_ADD ? DNS : WEB, "lc", races[i].dest,
			77);
		world_want(&w, races[i].want);
		world_run(&w); /* at once, without a pause and without an audit */
		ck_assert_msg(w.refusals == 0 && w.stales > 0, "%s: %zu refusals, %zu times unclear", races[i].what,
			w.refusals, w.stales);
		struct ipvs_row want = row_of(races[i].want);
		ck_assert_msg(sim_equals(&w.k, &want), "%s: sent\n%s", races[i].what, world_sent(&w));
		ipvs_row_done(&want);
		world_end(&w);
	}
}
END_TEST

START_TEST(a_listener_that_goes_in_the_middle_of_a_round_is_gone_and_not_empty)
{
	struct world w = { 0 };
	world_begin(&w);
	world_want(&w, WEB_ROW);
	world_run(&w);
	ck_assert_int_eq(ipvs_audit_begin(w.r), 1);
	one_gone(&w);
	ck_assert_int_eq(ipvs_audit_step(w.r, 1), 0);
	ck_assert_uint_eq(w.drifts, 1);
	ck_assert_int_eq(w.last_drift, IPVS_DRIFT_SERVICE_GONE);
	struct ipvs_key web = key_of(WEB);
	ck_assert_ptr_null(ipvs_actual(w.r, &web));
	world_run(&w);
	ck_assert(world_converged(&w));
	world_end(&w);
}
END_TEST

START_TEST(an_audit_between_a_lost_batch_and_its_repair_blames_nobody)
{
	for (int after = 0; after <= 3; after++) {
		struct world w = { 0 };
		world_begin(&w);
		w.k.lose = 1;
		w.k.lose_after = after;
		world_want(&w, WEB_ROW);
		world_turn(&w);
		world_audit(&w);
		ck_assert_msg(w.drifts == 0, "lost after %d: our own write is reported as drift", after);
		world_run(&w);
		ck_assert(world_converged(&w));
		world_end(&w);
	}
}
END_TEST

#define A1 "-a -t 203.0.113.1:80 -r 10.1.0.1:80 -m -w 1\n"
#define A2 "-a -t 203.0.113.1:80 -r 10.1.0.2:80 -m -w 1\n"

static const struct {
	const char *what;
	void (*change)(struct world *w);
	size_t drifts;
	enum ipvs_drift kind;
	const char *ops; /* of WEB, then of DNS */
} audits[] = {
	{ "a hand-edited weight", weight_edited, 1, IPVS_DRIFT_DESTS_CHANGED,
		"-e -t 203.0.113.1:80 -r 10.1.0.2:80 -m -w 1\n" },
	{ "another scheduler", scheduler_changed, 1, IPVS_DRIFT_SERVICE_CHANGED, "-E -t 203.0.113.1:80 -s wlc\n" },
	{ "a backend too many", dest_added, 1, IPVS_DRIFT_DESTS_CHANGED, "-d -t 203.0.113.1:80 -r 10.1.0.66:80\n" },
	{ "a backend too few", dest_removed, 1, IPVS_DRIFT_DESTS_CHANGED, A1 },
	{ "no backend at all", dests_all_removed, 1, IPVS_DRIFT_DESTS_CHANGED, A1 A2 },
	{ "one listener gone", one_gone, 1, IPVS_DRIFT_SERVICE_GONE, "-A -t 203.0.113.1:80 -s wlc\n" A1 A2 },
	{ "deleted and made anew, empty", made_anew, 1, IPVS_DRIFT_DESTS_CHANGED, A1 A2 },
	{ "everything flushed", all_gone, 2, IPVS_DRIFT_SERVICE_GONE,
		"-A -t 203.0.113.1:80 -s wlc\n" A1 A2
		"-A -u 203.0.113.1:53 -s rr\n-a -u 203.0.113.1:53 -r 10.1.0.3:53 -m -w 1\n" },
};

START_TEST(the_audit_finds_what_others_changed_and_exactly_that_is_repaired)
{
	for (size_t i = 0; i < COUNT(audits); i++) {
		struct world w = { 0 };
		world_begin(&w);
		world_want(&w, WEB_ROW);
		world_want(&w, DNS_ROW);
		world_run(&w);
		lb_vec_clear(&w.k.log);
		audits[i].change(&w);
		world_audit(&w);
		ck_assert_msg(w.drifts == audits[i].drifts && w.last_drift == audits[i].kind,
			"%s: %zu drifts, the last is %d", audits[i].what, w.drifts, w.last_drift);
		ck_assert_msg(w.k.log.n == 0, "%s: the audit itself writes", audits[i].what);
		ck_assert_uint_eq(ipvs_counters(w.r)->repairs, audits[i].drifts);
		world_run(&w);
		const char *sent = world_sent(&w);
		ck_assert_msg(strcmp(sent, audits[i].ops) == 0, "%s: sent\n%sand not\n%s", audits[i].what, sent,
			audits[i].ops);
		ck_assert_msg(world_converged(&w), "%s: not repaired", audits[i].what);
		world_audit(&w);
		ck_assert_msg(w.drifts == audits[i].drifts && w.stales == 0, "%s: found once more", audits[i].what);
		world_end(&w);
	}
}
END_TEST

START_TEST(an_audit_of_nothing_new_says_and_writes_nothing)
{
	for (unsigned seed = 1; seed <= 100; seed++) {
		struct world w = { 0 };
		struct rng r = { seed };
		world_begin(&w);
		for (size_t i = 0; i < COUNT(random_keys); i++)
			world_want_row(&w, random_row(&r, random_keys[i]));
		world_run(&w);
		lb_vec_clear(&w.k.log);
		w.k.repeat = rnd(&r, 2); /* a dump that another writer crosses may repeat an entry */
		for (unsigned k = 1; k <= 3; k++) {
			world_audit(&w);
			world_run(&w);
			ck_assert_msg(w.drifts == 0 && w.stales == 0 && w.k.log.n == 0,
				"seed %u: round %u: %zu drifts, sent\n%s", seed, k, w.drifts, world_sent(&w));
			ck_assert_uint_eq(ipvs_counters(w.r)->audits, k);
		}
		world_end(&w);
	}
}
END_TEST

START_TEST(a_repeated_entry_deletes_nothing)
{
	struct world w = { 0 };
	sim_has(&w, WEB_ROW);
	w.k.repeat = true;
	world_begin(&w);
	ck_assert_int_eq(ipvs_load(w.r), 0);
	world_want(&w, WEB_ROW);
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "");
	world_end(&w);
}
END_TEST

START_TEST(an_audit_goes_in_slices)
{
	struct world w = { 0 };
	char text[64];
	world_begin(&w);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(text, sizeof(text), "10.2.0.%u:80/tcp wlc 10.1.0.1:80=1", i);
		world_want(&w, text);
	}
	world_run(&w);
	w.k.reads = 0;
	ck_assert_int_eq(ipvs_audit_begin(w.r), 1);
	ck_assert_uint_eq(w.k.reads, 1);
	ck_assert_int_eq(ipvs_audit_step(w.r, 4), 1);
	ck_assert_uint_eq(w.k.reads, 5);
	/* what goes meanwhile is not missed by the round */
	struct ipvs_key gone = key_of("10.2.0.0:80/tcp"), other = key_of("10.2.0.9:80/tcp");
	ck_assert_int_eq(ipvs_drop(w.r, &gone, w.now), 0);
	ck_assert_int_eq(ipvs_drop(w.r, &other, w.now), 0);
	ck_assert_int_eq(ipvs_audit_step(w.r, 4), 1);
	ck_assert_int_eq(ipvs_flush(w.r, w.now), 0);
	ck_assert_int_eq(ipvs_audit_step(w.r, 4), 0);
	ck_assert_uint_eq(ipvs_counters(w.r)->audits, 1);
	ck_assert_uint_eq(w.drifts, 0);
	/* a round that cannot read is over */
	w.k.fail_services = -ENOBUFS;
	ck_assert_int_eq(ipvs_audit_begin(w.r), -ENOBUFS);
	w.k.fail_services = 0;
	ck_assert_int_eq(ipvs_audit_begin(w.r), 1);
	w.k.fail_dests = -ENOBUFS;
	ck_assert_int_eq(ipvs_audit_step(w.r, 4), -ENOBUFS);
	w.k.fail_dests = 0;
	ck_assert_uint_eq(w.drifts, 0);
	ck_assert_uint_eq(ipvs_counters(w.r)->audits, 1);
	world_end(&w);
}
END_TEST

START_TEST(a_dump_that_misses_a_listener_is_not_believed)
{
	struct world w = { 0 };
	world_begin(&w);
	world_want(&w, WEB_ROW);
	world_run(&w);
	/* it went from the dump but answers to its key */
	w.k.fail_services = 0;
	struct ipvs_row hidden = w.k.rows.v[0];
	w.k.rows.n = 0;
	w.k.fail_service = -EBUSY; /* no word is no proof either */
	ck_assert_int_eq(ipvs_audit_begin(w.r), 0);
	ck_assert_uint_eq(w.drifts, 0);
	w.k.rows.v[0] = hidden;
	w.k.rows.n = 1;
	w.k.fail_service = 0;
	world_audit(&w);
	ck_assert_uint_eq(w.drifts, 0);
	world_end(&w);
}
END_TEST

START_TEST(foreign_listeners_come_change_and_go_without_a_word)
{
	struct world w = { 0 };
	sim_has(&w, MAIL " lc 10.9.0.1:25=7");
	world_begin(&w);
	ck_assert_int_eq(ipvs_load(w.r), 0);
	world_want(&w, WEB_ROW);
	world_run(&w);
	lb_vec_clear(&w.k.log);
	struct ipvs_key mail = key_of(MAIL);
	const struct ipvs_row *row = ipvs_actual(w.r, &mail);
	ck_assert(row && row->dests.n == 1 && row->dests.v[0].weight == 7);
	hand(&w, IPVS_OP_DEST_SET, MAIL, "", "10.9.0.1:25", 3);
	hand(&w, IPVS_OP_SERVICE_SET, MAIL, "wrr", NULL, 0);
	hand(&w, IPVS_OP_SERVICE_ADD, DNS, "rr", NULL, 0);
	world_audit(&w);
	ck_assert_uint_eq(ipvs_foreign_count(w.r), 2);
	row = ipvs_actual(w.r, &mail); /* as it is, not as it was when somebody looked first */
	ck_assert_str_eq(row->svc.scheduler, "wrr");
	ck_assert_uint_eq(row->dests.v[0].weight, 3);
	hand(&w, IPVS_OP_SERVICE_DEL, MAIL, "", NULL, 0);
	world_audit(&w);
	world_run(&w);
	ck_assert_uint_eq(ipvs_foreign_count(w.r), 1);
	ck_assert_ptr_null(ipvs_actual(w.r, &mail));
	ck_assert_uint_eq(w.drifts + w.stales + w.refusals, 0);
	ck_assert_str_eq(world_sent(&w), "");
	world_end(&w);
}
END_TEST

START_TEST(a_foreign_listener_is_adopted_as_it_is_now)
{
	struct world w = { 0 };
	sim_has(&w, WEB " wlc 10.1.0.1:80=1 10.1.0.2:80=1");
	world_begin(&w);
	ck_assert_int_eq(ipvs_load(w.r), 0);
	struct ipvs_key web = key_of(WEB);
	ck_assert_ptr_nonnull(ipvs_actual(w.r, &web)); /* somebody looked */
	hand(&w, IPVS_OP_DEST_SET, WEB, "", "10.1.0.2:80", 9);
	struct ipvs_row row = row_of(WEB_ROW);
	struct ipvs_ops ops = { 0 };
	ck_assert_int_eq(ipvs_preview(w.r, &row, &ops), 0);
	ck_assert_str_eq(ops_text(ops.ops.v, ops.ops.n), "-e -t 203.0.113.1:80 -r 10.1.0.2:80 -m -w 1\n");
	lb_vec_done(&ops.ops);
	ipvs_row_done(&row);
	world_want(&w, WEB_ROW);
	world_run(&w);
	ck_assert_str_eq(world_sent(&w), "-e -t 203.0.113.1:80 -r 10.1.0.2:80 -m -w 1\n");
	world_end(&w);
}
END_TEST

/* ---- somebody else writes between any two calls ---- */

struct stranger {
	struct rng r;
	bool quiet;
	unsigned one_in; /* calls between two writes, about */
};

static void strange(struct sim *s, void *arg)
{
	struct stranger *x = arg;
	if (x->quiet || rnd(&x->r, x->one_in))
		return;
	struct ipvs_op op = { .type = (enum ipvs_op_type)rnd(&x->r, 6),
		.svc = random_service(&x->r, random_keys[rnd(&x->r, 6)]) };
	op.dest = random_dest(&x->r, lb_ip_is_v6(&op.svc.key.addr));
	(void)sim_apply(s, &op);
}

START_TEST(with_a_stranger_writing_all_the_time_it_still_ends_right)
{
	for (unsigned seed = 1; seed <= 120; seed++) {
		struct world w = { 0 };
		struct stranger x = { .r = { seed * 77 }, .one_in = 1 + seed % 5 };
		struct rng r = { seed };
		w.k.foreign = strange;
		w.k.foreign_arg = &x;
		world_begin(&w);
		ck_assert_int_eq(ipvs_load(w.r), 0);
		for (unsigned round = 0; round < 25; round++) {
			/* four of the six keys are ours now and then; the other two never */
			const char *key = random_keys[rnd(&r, 4)];
			struct ipvs_key k = key_of(key);
			switch (rnd(&r, 5)) {
			case 0:
				if (wanted_find(&w, &k))
					world_unwant(&w, key);
				break;
			case 1: w.k.lose = 1, w.k.lose_after = (int)rnd(&r, 6); break;
			case 2: w.k.repeat = rnd(&r, 2); break;
			default: world_want_row(&w, random_row(&r, key)); break;
			}
			world_turn(&w);
			if (rnd(&r, 3) == 0)
				world_audit(&w);
			w.now = lb_time_add_ms(w.now, 700);
			ipvs_retry(w.r, w.now);
		}
		x.quiet = true;
		w.k.lose = 0;
		size_t before = w.k.log.n;
		for (int i = 0; i < 3; i++) { /* look, repair, look */
			w.now = lb_time_add_ms(w.now, 61000);
			ipvs_retry(w.r, w.now);
			world_run(&w);
			world_audit(&w);
			world_run(&w);
		}
		ck_assert_msg(world_converged(&w), "seed %u: it does not end:\n%s", seed,
			ops_text(w.k.log.v + before, w.k.log.n - before));
		lb_vec_foreach (op, &w.k.log)
			for (size_t i = 4; i < COUNT(random_keys); i++) {
				struct ipvs_key foreign = key_of(random_keys[i]);
				ck_assert_msg(ipvs_key_cmp(&op->svc.key, &foreign) != 0,
					"seed %u: a foreign listener was written", seed);
			}
		lb_vec_clear(&w.k.log);
		w.drifts = 0;
		world_audit(&w);
		world_run(&w);
		ck_assert_msg(w.drifts == 0 && w.k.log.n == 0, "seed %u: no rest: %zu drifts\n%s", seed, w.drifts,
			world_sent(&w));
		lb_vec_foreach (row, &w.wanted) {
			const struct ipvs_row *actual = ipvs_actual(w.r, &row->svc.key);
			ck_assert_msg(actual && same_row(actual, row),
				"seed %u: what it believes is not what it wanted", seed);
		}
		world_end(&w);
	}
}
END_TEST

START_TEST(a_kernel_without_ipvs_is_asked_again)
{
	struct world w = { 0 };
	world_begin(&w);
	w.k.fail_services = w.k.fail_dests = w.k.fail_service = -ENOPROTOOPT;
	ck_assert_int_eq(ipvs_load(w.r), -ENOPROTOOPT);
	w.k.lose = 1;
	world_want(&w, WEB_ROW);
	world_turn(&w);
	world_turn(&w);
	w.k.fail_services = w.k.fail_dests = w.k.fail_service = 0;
	world_run(&w);
	ck_assert(world_converged(&w));
	world_end(&w);
}
END_TEST

START_TEST(a_kernel_that_was_away_is_not_believed_to_be_as_it_was)
{
	struct world w = { 0 };
	world_begin(&w);
	world_want(&w, WEB_ROW);
	world_want(&w, DNS_ROW);
	world_run(&w);
	all_gone(&w); /* the module was unloaded and loaded */
	ck_assert_int_eq(ipvs_load(w.r), 0);
	lb_vec_foreach (row, &w.wanted)
		world_dirty(&w, &row->svc.key);
	world_run(&w); /* without waiting for an audit */
	ck_assert(world_converged(&w));
	ck_assert_uint_eq(w.refusals, 0);
	world_end(&w);
}
END_TEST

static void count_listener(const struct ipvs_service *svc, bool ours, void *arg)
{
	char text[IPVS_KEY_STRLEN], *out = arg;
	sprintf(out + strlen(out), "%s%s ", ipvs_key_str(&svc->key, text), ours ? "" : "?");
}

START_TEST(every_listener_of_the_kernel_is_shown)
{
	struct world w = { 0 };
	sim_has(&w, MAIL " lc");
	world_begin(&w);
	ck_assert_int_eq(ipvs_load(w.r), 0);
	world_want(&w, WEB_ROW);
	world_want(&w, DNS_ROW);
	world_turn(&w);
	char text[512] = "";
	ipvs_each(w.r, count_listener, text);
	ck_assert_str_eq(text, MAIL "? " WEB " " DNS " ");
	ipvs_free(NULL);
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_start_adopts_what_is_there_and_writes_nothing, a_start_writes_only_what_differs,
		a_restart_with_unchanged_rows_emits_no_op, a_start_that_could_not_read_adopts_all_the_same,
		wanting_twice_writes_once, bulk_goes_out_in_batches, a_preview_says_what_would_be_done_and_does_nothing,
		a_drop_takes_ours_and_leaves_what_is_foreign_or_unknown,
		a_listener_dropped_and_wanted_in_one_turn_is_there, a_drop_of_what_somebody_else_deleted_is_done,
		a_refusal_at_any_op_converges_when_it_is_over, a_refused_op_waits_for_its_time,
		another_op_is_tried_at_once, a_refused_listener_is_one_report_and_its_backends_are_not_tried,
		a_refused_change_of_scheduler_is_undone_by_wanting_the_old_one, a_refused_removal_is_tried_again,
		a_lost_batch_is_read_again_and_the_pool_is_never_empty, what_follows_a_lost_batch_is_not_sent_blindly,
		an_add_of_unknown_outcome_can_be_dropped, a_drop_of_unknown_outcome_is_repeated,
		a_read_that_fails_writes_nothing_and_can_be_repeated,
		the_audit_finds_what_others_changed_and_exactly_that_is_repaired,
		an_audit_of_nothing_new_says_and_writes_nothing, a_repeated_entry_deletes_nothing,
		an_audit_goes_in_slices, a_dump_that_misses_a_listener_is_not_believed,
		foreign_listeners_come_change_and_go_without_a_word, a_foreign_listener_is_adopted_as_it_is_now,
		an_answer_that_somebody_was_faster_is_no_refusal,
		a_listener_that_goes_in_the_middle_of_a_round_is_gone_and_not_empty,
		an_audit_between_a_lost_batch_and_its_repair_blames_nobody,
		with_a_stranger_writing_all_the_time_it_still_ends_right, a_kernel_without_ipvs_is_asked_again,
		a_kernel_that_was_away_is_not_believed_to_be_as_it_was, every_listener_of_the_kernel_is_shown };
	return run_suite("ipvs_reconcile", tests, COUNT(tests));
}
