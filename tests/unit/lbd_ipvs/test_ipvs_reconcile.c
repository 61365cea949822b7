/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one path to the kernel, against a simulated kernel with every fault the real one knows. */
#include "tests/unit/lbd_ipvs/sim.h"

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
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
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
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
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
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
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
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
	ck_assert(sim_equals(&w.k, &row));
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), 0);
	ck_assert_int_eq(ipvs_drop(w.r, &web, w.now), 0);
	ck_assert_int_eq(ipvs_want(w.r, &row, w.now), 0);
	ck_assert_int_eq(ipvs_drop(w.r, &web, w.now), 0);
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
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

static void count_listener(const struct ipvs_row *row, bool ours, void *arg)
{
	char text[IPVS_KEY_STRLEN], *out = arg;
	sprintf(out + strlen(out), "%s%s ", ipvs_key_str(&row->svc.key, text), ours ? "" : "?");
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
		a_kernel_without_ipvs_is_asked_again, every_listener_of_the_kernel_is_shown };
	return run_suite("ipvs_reconcile", tests, COUNT(tests));
}
