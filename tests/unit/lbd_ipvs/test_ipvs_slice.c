/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes to the kernel in one turn of the loop, against kernels that are as slow as one likes: their time passes
 * when they are written to, and nothing here waits for it. */
#include "lbd/ipvs/ipvs_slice.h"
#include "tests/unit/lbd_ipvs/sim.h"

#define SLICE_US 5000

static struct lb_time the_time;
static int64_t op_us; /* that the kernel takes for one */
static size_t told;   /* ops that the time has passed for */

static struct lb_time now(void)
{
	return the_time;
}

static void time_passes(struct sim *s, void *arg)
{
	(void)arg;
	the_time.us += (int64_t)(s->log.n - told) * op_us;
	told = s->log.n;
}

static void begin(struct world *w, int64_t us)
{
	*w = (struct world){ 0 };
	the_time.us = 1000000;
	op_us = us;
	told = 0;
	w->k.foreign = time_passes;
	world_begin(w);
}

static struct ipvs_row wide_row(const char *prefix, unsigned n)
{
	struct ipvs_row row = { .svc = svc_of(WEB, "wrr") };
	char text[64];
	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%s.%u.%u:80", prefix, i / 256, i % 256);
		row_add(&row, dest_of(text, 1));
	}
	ipvs_row_sort(&row);
	return row;
}

/* Ops that one turn has written. */
static size_t turn(struct world *w, struct ipvs_slice *s, int *more)
{
	size_t before = w->k.log.n;
	*more = ipvs_send_slice(w->r, s, now());
	return w->k.log.n - before;
}

START_TEST(wanting_and_dropping_thousands_writes_nothing_yet)
{
	struct world w;
	char text[64];
	begin(&w, 0);
	struct ipvs_row wide = wide_row("10.3", 2000);
	ck_assert_int_eq(ipvs_want(w.r, &wide, w.now), 0);
	ck_assert_uint_eq(w.k.batches, 0);
	ck_assert_uint_eq(ipvs_queued(w.r), 2001);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "10.2.%u.%u:80/tcp wlc 10.1.0.1:80=1", i / 256, i % 256);
		world_want(&w, text);
	}
	world_run(&w);
	ck_assert(world_converged(&w) && sim_equals(&w.k, &wide));
	ck_assert_uint_eq(ipvs_queued(w.r), 0);
	size_t batches = w.k.batches;
	lb_vec_foreach (row, &w.wanted)
		ck_assert_int_eq(ipvs_drop(w.r, &row->svc.key, w.now), 0);
	ck_assert_uint_eq(w.k.batches, batches);
	ck_assert_uint_eq(ipvs_queued(w.r), 2000);
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
	ck_assert_uint_eq(w.k.rows.n, 1);
	ipvs_row_done(&wide);
	world_end(&w);
}
END_TEST

START_TEST(a_kernel_that_takes_a_slice_for_each_op_gets_few_a_turn)
{
	struct world w;
	struct ipvs_slice s = { .clock = now, .us = SLICE_US };
	int more = 1;
	size_t n, turns = 0;
	begin(&w, SLICE_US);
	struct ipvs_row wide = wide_row("10.3", 300);
	ck_assert_int_eq(ipvs_want(w.r, &wide, w.now), 0);
	for (size_t most = 64; most > 8; most /= 2) { /* until that is known */
		ck_assert_uint_eq(turn(&w, &s, &more), most);
		ck_assert_int_eq(more, 1);
	}
	while (more > 0) {
		n = turn(&w, &s, &more);
		turns++;
		ck_assert_msg(n == 8 || more == 0, "turn %zu wrote %zu", turns, n);
	}
	ck_assert_int_eq(more, 0);
	ck_assert_uint_eq(turns, (301 - 112 + 7) / 8);
	ck_assert(sim_equals(&w.k, &wide));
	/* and when it is itself again, it gets more with each datagram */
	op_us = 1;
	struct ipvs_row other = wide_row("10.3", 900);
	ck_assert_int_eq(ipvs_want(w.r, &other, w.now), 0);
	size_t batches = w.k.batches;
	ck_assert_uint_eq(turn(&w, &s, &more), 600);
	ck_assert_int_eq(more, 0);
	ck_assert_uint_eq(w.k.batches - batches, 8); /* 8 16 32 64, 128 three times, the rest */
	ipvs_row_done(&wide);
	ipvs_row_done(&other);
	world_end(&w);
}
END_TEST

/* A few that took long say how many are too many; and a datagram that took half a slice is not followed by one of
 * twice as many. */
START_TEST(how_many_go_in_one_follows_from_how_long_they_took)
{
	struct world w;
	struct ipvs_slice s = { .clock = now, .us = SLICE_US };
	int more = 1;
	begin(&w, SLICE_US / 10);
	struct ipvs_row wide = wide_row("10.3", 30);
	ck_assert_int_eq(ipvs_want(w.r, &wide, w.now), 0);
	ck_assert_uint_eq(turn(&w, &s, &more), 31);
	ck_assert_uint_eq(s.most, 15);
	ipvs_row_done(&wide);
	world_end(&w);

	s = (struct ipvs_slice){ .clock = now, .us = SLICE_US };
	begin(&w, SLICE_US / 64 / 2);
	wide = wide_row("10.3", 63);
	ck_assert_int_eq(ipvs_want(w.r, &wide, w.now), 0);
	ck_assert_uint_eq(turn(&w, &s, &more), 64);
	ck_assert_uint_eq(s.most, 64);
	ipvs_row_done(&wide);
	world_end(&w);

	/* how fast a short one was says nothing of longer ones */
	s = (struct ipvs_slice){ .clock = now, .us = SLICE_US };
	begin(&w, 1);
	wide = wide_row("10.3", 3);
	ck_assert_int_eq(ipvs_want(w.r, &wide, w.now), 0);
	ck_assert_uint_eq(turn(&w, &s, &more), 4);
	ck_assert_uint_eq(s.most, 64);
	ipvs_row_done(&wide);
	world_end(&w);
}
END_TEST

/* For each the kernel waits until none of its processors uses the old one, whatever it takes for anything else. */
static void schedulers_wait(struct sim *s, void *arg)
{
	(void)arg;
	for (; told < s->log.n; told++)
		the_time.us += s->log.v[told].type == IPVS_OP_SERVICE_SET ? 4L * SLICE_US : op_us;
}

START_TEST(of_schedulers_that_change_one_goes_in_a_turn)
{
	struct world w;
	struct ipvs_slice s = { .clock = now, .us = SLICE_US };
	char text[80];
	int more = 1;
	begin(&w, 1);
	w.k.foreign = schedulers_wait;
	for (unsigned i = 0; i < 400; i++) {
		snprintf(text, sizeof(text), "10.2.%u.%u:80/tcp wlc 10.1.0.1:80=1", i / 256, i % 256);
		world_want(&w, text);
	}
	lb_vec_foreach (row, &w.wanted)
		ck_assert_int_eq(ipvs_want(w.r, row, w.now), 0);
	ck_assert_uint_eq(turn(&w, &s, &more), 800);
	ck_assert_uint_eq(s.most, IPVS_BATCH_OPS);
	/* every second one keeps it, and has another backend instead */
	for (unsigned i = 0; i < 400; i++) {
		struct ipvs_row *row = &w.wanted.v[i];
		if (i % 2)
			strcpy(row->svc.scheduler, "rr");
		else
			row->dests.v[0].weight = 2;
		ck_assert_int_eq(ipvs_want(w.r, row, w.now), 0);
	}
	ck_assert_uint_eq(ipvs_queued(w.r), 400);
	for (unsigned i = 0; i < 200; i++) {
		ck_assert_uint_eq(turn(&w, &s, &more), 2); /* those between are not kept back */
		ck_assert_int_eq(more, i < 199);
		ck_assert_uint_eq(s.most, IPVS_BATCH_OPS); /* and of those it has learnt nothing new */
	}
	/* what keeps its scheduler costs no more than anything else */
	lb_vec_foreach (row, &w.wanted) {
		row->svc.flags |= IPVS_FLAG_PERSISTENT;
		row->svc.timeout = 60;
		ck_assert_int_eq(ipvs_want(w.r, row, w.now), 0);
	}
	w.k.foreign = time_passes;
	ck_assert_uint_eq(turn(&w, &s, &more), 400);
	world_run(&w);
	ck_assert(world_converged(&w));
	world_end(&w);
}
END_TEST

START_TEST(a_turn_ends_with_the_datagram_in_which_its_time_is_over)
{
	struct world w;
	struct ipvs_slice s = { .clock = now, .us = SLICE_US };
	int more = 1;
	size_t n, all = 0, turns = 0;
	begin(&w, 10);
	struct ipvs_row wide = wide_row("10.3", 3000);
	ck_assert_int_eq(ipvs_want(w.r, &wide, w.now), 0);
	for (; more > 0; turns++, all += n) {
		n = turn(&w, &s, &more);
		ck_assert_msg(n <= SLICE_US / 10 + IPVS_BATCH_OPS, "turn %zu wrote %zu", turns, n);
		ck_assert_msg(more == 0 || n >= SLICE_US / 10, "turn %zu wrote only %zu", turns, n);
	}
	ck_assert_uint_eq(all, 3001);
	ck_assert_uint_le(turns, 6);
	ck_assert_uint_eq(w.k.largest_batch, IPVS_BATCH_OPS);
	/* a turn whose time is over already writes one datagram all the same: there is always an end */
	struct ipvs_row other = wide_row("10.4", 3000);
	ck_assert_int_eq(ipvs_want(w.r, &other, w.now), 0);
	size_t before = w.k.log.n;
	ck_assert_int_eq(ipvs_send_slice(w.r, &s, (struct lb_time){ the_time.us - SLICE_US }), 1);
	ck_assert_uint_eq(w.k.log.n - before, IPVS_BATCH_OPS);
	ipvs_row_done(&wide);
	ipvs_row_done(&other);
	world_end(&w);
}
END_TEST

START_TEST(a_replacement_in_many_turns_never_empties_the_pool)
{
	struct world w;
	struct ipvs_slice s = { .clock = now, .us = SLICE_US };
	struct ipvs_key web = key_of(WEB);
	int more = 1;
	begin(&w, 100);
	world_want_row(&w, wide_row("10.3", 200));
	world_run(&w);
	w.k.alive = &web;
	world_want_row(&w, wide_row("10.4", 200));
	lb_vec_clear(&w.dirty);
	ck_assert_int_eq(ipvs_want(w.r, &w.wanted.v[0], w.now), 0);
	size_t turns = 0;
	for (; more > 0; turns++) {
		(void)turn(&w, &s, &more);
		world_audit(&w); /* in between it sees a listener that is on its way, and blames nobody */
	}
	ck_assert_uint_ge(turns, 3);
	ck_assert_uint_eq(w.drifts, 0);
	world_run(&w);
	ck_assert(world_converged(&w));
	world_end(&w);
}
END_TEST

START_TEST(what_is_wanted_in_the_middle_of_its_ops_counts)
{
	struct world w;
	begin(&w, 0);
	struct ipvs_row first = wide_row("10.3", 200);
	ck_assert_int_eq(ipvs_want(w.r, &first, w.now), 0);
	ck_assert_int_eq(ipvs_send_some(w.r, w.now, 50), 1);
	ck_assert_uint_eq(ipvs_queued(w.r), 151);
	world_want_row(&w, wide_row("10.4", 10));
	world_run(&w);
	ck_assert(world_converged(&w));
	ipvs_row_done(&first);
	world_end(&w);
}
END_TEST

START_TEST(behind_a_lost_datagram_nothing_is_sent)
{
	struct world w;
	struct ipvs_slice s = { .clock = now, .us = SLICE_US };
	int more = 0;
	begin(&w, SLICE_US);
	world_want_row(&w, wide_row("10.3", 300));
	lb_vec_clear(&w.dirty);
	ck_assert_int_eq(ipvs_want(w.r, &w.wanted.v[0], w.now), 0);
	ck_assert_uint_eq(turn(&w, &s, &more), 64);
	w.k.lose = 1;
	ck_assert_uint_eq(turn(&w, &s, &more), 1); /* the simulated kernel stops in it */
	ck_assert_int_eq(more, -ENOBUFS);
	ck_assert_uint_eq(ipvs_queued(w.r), 0);
	ck_assert_uint_eq(w.stales, 1);
	ck_assert_uint_eq(turn(&w, &s, &more), 0);
	ck_assert_int_eq(more, 0);
	world_run(&w);
	ck_assert(world_converged(&w));
	world_end(&w);
}
END_TEST

/* Somebody else writes what a slice is about to add, and a reload asks what the kernel has before the last slice. */
START_TEST(a_look_between_two_slices_loses_nothing)
{
	struct world w;
	begin(&w, 0);
	struct ipvs_key web = key_of(WEB);
	world_want_row(&w, wide_row("10.3", 2));
	world_run(&w);
	struct ipvs_op op = { .type = IPVS_OP_DEST_ADD, .svc = svc_of(WEB, "wrr"), .dest = dest_of("10.3.0.2:80", 0) };
	ck_assert_int_eq(sim_apply(&w.k, &op), 0);
	world_want_row(&w, wide_row("10.3", 200));
	lb_vec_clear(&w.dirty);
	ck_assert_int_eq(ipvs_want(w.r, &w.wanted.v[0], w.now), 0);
	ck_assert_int_eq(ipvs_send_some(w.r, w.now, 50), 1);
	ck_assert_ptr_nonnull(ipvs_actual(w.r, &web));
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
	world_run(&w);
	ck_assert(sim_equals(&w.k, &w.wanted.v[0]));
	world_end(&w);
}
END_TEST

static int no_delete(const struct ipvs_op *op, void *arg)
{
	(void)arg;
	return op->type == IPVS_OP_SERVICE_DEL ? EINVAL : 0;
}

/* It waits, as everything that is refused does. */
START_TEST(a_left_over_that_cannot_be_deleted_is_not_tried_at_once)
{
	struct world w;
	begin(&w, 0);
	struct ipvs_key web = key_of(WEB);
	sim_has(&w, WEB " wlc 10.1.0.1:80=1");
	world_restart(&w);
	ipvs_own(w.r, &web);
	w.k.refuse = no_delete;
	unsigned before = w.stales;
	ck_assert_int_eq(ipvs_drop(w.r, &web, w.now), 0);
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
	ck_assert_uint_eq(w.stales, before);
	ck_assert_uint_eq(ipvs_refused_listeners(w.r), 1);
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_look_between_two_slices_loses_nothing,
		a_left_over_that_cannot_be_deleted_is_not_tried_at_once,
		wanting_and_dropping_thousands_writes_nothing_yet,
		a_kernel_that_takes_a_slice_for_each_op_gets_few_a_turn,
		how_many_go_in_one_follows_from_how_long_they_took, of_schedulers_that_change_one_goes_in_a_turn,
		a_turn_ends_with_the_datagram_in_which_its_time_is_over,
		a_replacement_in_many_turns_never_empties_the_pool, what_is_wanted_in_the_middle_of_its_ops_counts,
		behind_a_lost_datagram_nothing_is_sent };
	return run_suite("ipvs_slice", tests, COUNT(tests));
}
