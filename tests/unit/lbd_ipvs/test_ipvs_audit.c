/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others change in the kernel is found, told, and repaired; also while somebody writes all the time. */
#include "tests/unit/lbd_ipvs/sim.h"

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
		"-A -u 203.0.113.1:53 -s rr\n-a -u 203.0.113.1:53 -r 10.1.0.3:53 -m -w 1\n"
		"-A -t 203.0.113.1:80 -s wlc\n" A1 A2 },
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

/* What waits in the queue is decided already, and the answers of the kernel tell whether somebody else was there. */
START_TEST(an_audit_says_nothing_of_what_is_about_to_be_written)
{
	void (*const changes[])(struct world *) = { weight_edited, scheduler_changed, one_gone };
	for (size_t i = 0; i < COUNT(changes); i++)
		for (int between = 0; between < 2; between++) {
			struct world w = { 0 };
			world_begin(&w);
			world_want(&w, WEB_ROW);
			world_run(&w);
			int more = between ? ipvs_audit_begin(w.r) : 0;
			world_want(&w, WEB " wlc 10.1.0.1:80=5 10.1.0.2:80=1");
			ck_assert_int_eq(ipvs_want(w.r, &w.wanted.v[0], w.now), 0);
			ck_assert_uint_eq(ipvs_queued(w.r), 1);
			changes[i](&w);
			if (!between)
				world_audit(&w);
			while (more > 0)
				more = ipvs_audit_step(w.r, 2);
			ck_assert_msg(w.drifts == 0, "change %zu: told %s", i, between ? "in the middle" : "before");
			for (int n = 0; n < 2; n++) {
				world_run(&w);
				world_audit(&w);
			}
			world_run(&w);
			ck_assert_msg(world_converged(&w), "change %zu: it stays", i);
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
	ck_assert_int_eq(ipvs_send(w.r, w.now), 0);
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

START_TEST(thousands_that_are_gone_are_asked_for_in_slices)
{
	struct world w = { 0 };
	char text[64];
	world_begin(&w);
	for (unsigned i = 0; i < 30; i++) {
		snprintf(text, sizeof(text), "10.2.0.%u:80/tcp wlc 10.1.0.1:80=1", i);
		world_want(&w, text);
	}
	world_run(&w);
	sim_has(&w, MAIL " lc 10.9.0.1:25=7");
	world_audit(&w);
	while (w.k.rows.n > 10) /* and somebody's */
		sim_remove(&w.k, &w.k.rows.v[w.k.rows.n - 1]);
	w.k.reads = 0;
	ck_assert_int_eq(ipvs_audit_begin(w.r), 1);
	ck_assert_uint_eq(w.k.reads, 1);
	ck_assert_uint_eq(w.drifts, 0);
	for (size_t n = 7; n <= 21; n += 7) { /* before those that are there */
		ck_assert_int_eq(ipvs_audit_step(w.r, 7), 1);
		ck_assert_uint_eq(w.k.reads, 1 + n);
		ck_assert_uint_eq(w.drifts, n < 21 ? n - 1 : 20); /* the stranger went last */
	}
	ck_assert_int_eq(ipvs_audit_step(w.r, 10), 0);
	ck_assert_uint_eq(w.k.reads, 32);
	ck_assert_uint_eq(ipvs_foreign_count(w.r), 0);
	world_run(&w);
	ck_assert(world_converged(&w));
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
	world_audit(&w);
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
	for (int preview = 0; preview < 2; preview++) {
		struct world w = { 0 };
		sim_has(&w, WEB " wlc 10.1.0.1:80=1 10.1.0.2:80=1");
		world_begin(&w);
		ck_assert_int_eq(ipvs_load(w.r), 0);
		struct ipvs_key web = key_of(WEB);
		ck_assert_ptr_nonnull(ipvs_actual(w.r, &web)); /* somebody looked */
		hand(&w, IPVS_OP_DEST_SET, WEB, "", "10.1.0.2:80", 9);
		struct ipvs_row row = row_of(WEB_ROW);
		struct ipvs_ops ops = { 0 };
		if (preview) {
			ck_assert_int_eq(ipvs_preview(w.r, &row, &ops), 0);
			ck_assert_str_eq(
				ops_text(ops.ops.v, ops.ops.n), "-e -t 203.0.113.1:80 -r 10.1.0.2:80 -m -w 1\n");
		}
		lb_vec_done(&ops.ops);
		ipvs_row_done(&row);
		world_want(&w, WEB_ROW);
		world_run(&w);
		ck_assert_str_eq(world_sent(&w), "-e -t 203.0.113.1:80 -r 10.1.0.2:80 -m -w 1\n");
		world_end(&w);
	}
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

int main(void)
{
	const TTest *tests[] = { an_answer_that_somebody_was_faster_is_no_refusal,
		a_listener_that_goes_in_the_middle_of_a_round_is_gone_and_not_empty,
		an_audit_between_a_lost_batch_and_its_repair_blames_nobody,
		the_audit_finds_what_others_changed_and_exactly_that_is_repaired,
		an_audit_says_nothing_of_what_is_about_to_be_written, an_audit_of_nothing_new_says_and_writes_nothing,
		a_repeated_entry_deletes_nothing, an_audit_goes_in_slices,
		thousands_that_are_gone_are_asked_for_in_slices, a_dump_that_misses_a_listener_is_not_believed,
		foreign_listeners_come_change_and_go_without_a_word, a_foreign_listener_is_adopted_as_it_is_now,
		with_a_stranger_writing_all_the_time_it_still_ends_right,
		a_kernel_that_was_away_is_not_believed_to_be_as_it_was };
	return run_suite("ipvs_audit", tests, COUNT(tests));
}
