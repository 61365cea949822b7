/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what is to what is wanted, stated as properties over random rows. */
#include "tests/unit/lbd_ipvs/fixture.h"

#include <errno.h>

#define SEEDS 1500

static const struct {
	const char *what, *want, *actual; /* "" = there is none */
	const char *ops;
} rows[] = {
	{ "nothing and nothing", "", "", "" },
	{ "equal rows", "1.1.1.1:80/tcp wlc 10.1.0.1:80=1", "1.1.1.1:80/tcp wlc 10.1.0.1:80=1", "" },
	{ "a new listener, its backends in order", "1.1.1.1:80/tcp wlc 10.1.0.2:80=1 10.1.0.1:80=0", "",
		"-A -t 1.1.1.1:80 -s wlc\n-a -t 1.1.1.1:80 -r 10.1.0.1:80 -m -w 0\n-a -t 1.1.1.1:80 -r 10.1.0.2:80 -m "
		"-w 1\n" },
	{ "a listener that goes takes its backends with it", "", "1.1.1.1:80/tcp wlc 10.1.0.1:80=1",
		"-D -t 1.1.1.1:80\n" },
	{ "the only backend is replaced: first the new one, then the old one goes", "1.1.1.1:80/tcp wlc 10.1.0.2:80=1",
		"1.1.1.1:80/tcp wlc 10.1.0.3:80=1",
		"-a -t 1.1.1.1:80 -r 10.1.0.2:80 -m -w 1\n-d -t 1.1.1.1:80 -r 10.1.0.3:80\n" },
	{ "weights change places: first the one that rises", "1.1.1.1:80/tcp wlc 10.1.0.1:80=0 10.1.0.2:80=5",
		"1.1.1.1:80/tcp wlc 10.1.0.1:80=5 10.1.0.2:80=0",
		"-e -t 1.1.1.1:80 -r 10.1.0.2:80 -m -w 5\n-e -t 1.1.1.1:80 -r 10.1.0.1:80 -m -w 0\n" },
	{ "only the scheduler", "1.1.1.1:80/tcp mh 10.1.0.1:80=1", "1.1.1.1:80/tcp wlc 10.1.0.1:80=1",
		"-E -t 1.1.1.1:80 -s mh\n" },
	{ "everything at once", "1.1.1.1:80/tcp mh 10.1.0.1:80=1 10.1.0.2:80=3 10.1.0.4:80=1",
		"1.1.1.1:80/tcp wlc 10.1.0.2:80=2 10.1.0.3:80=1 10.1.0.4:80=0",
		"-E -t 1.1.1.1:80 -s mh\n-a -t 1.1.1.1:80 -r 10.1.0.1:80 -m -w 1\n-e -t 1.1.1.1:80 -r 10.1.0.4:80 -m "
		"-w 1\n"
		"-e -t 1.1.1.1:80 -r 10.1.0.2:80 -m -w 3\n-d -t 1.1.1.1:80 -r 10.1.0.3:80\n" },
	{ "another port is another backend", "1.1.1.1:80/tcp wlc 10.1.0.1:81=1", "1.1.1.1:80/tcp wlc 10.1.0.1:80=1",
		"-a -t 1.1.1.1:80 -r 10.1.0.1:81 -m -w 1\n-d -t 1.1.1.1:80 -r 10.1.0.1:80\n" },
};

START_TEST(the_ops_and_their_order)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ipvs_row want = { 0 }, actual = { 0 };
		if (rows[i].want[0])
			want = row_of(rows[i].want);
		if (rows[i].actual[0])
			actual = row_of(rows[i].actual);
		struct ipvs_ops ops = { 0 };
		ck_assert_int_eq(
			ipvs_diff(rows[i].want[0] ? &want : NULL, rows[i].actual[0] ? &actual : NULL, &ops), 0);
		ck_assert_msg(strcmp(ops_text(ops.ops.v, ops.ops.n), rows[i].ops) == 0, "%s: got\n%sand not\n%s",
			rows[i].what, ops_text(ops.ops.v, ops.ops.n), rows[i].ops);
		lb_vec_done(&ops.ops);
		ipvs_row_done(&want);
		ipvs_row_done(&actual);
	}
}
END_TEST

START_TEST(ops_are_appended)
{
	struct ipvs_row a = row_of("1.1.1.1:80/tcp wlc 10.1.0.1:80=1"), b = row_of("1.1.1.1:81/tcp wlc");
	struct ipvs_ops ops = { 0 };
	ck_assert_int_eq(ipvs_diff(&a, NULL, &ops), 0);
	ck_assert_int_eq(ipvs_diff(&b, NULL, &ops), 0);
	ck_assert_str_eq(ops_text(ops.ops.v, ops.ops.n),
		"-A -t 1.1.1.1:80 -s wlc\n-a -t 1.1.1.1:80 -r 10.1.0.1:80 -m -w 1\n-A -t 1.1.1.1:81 -s wlc\n");
	lb_vec_done(&ops.ops);
	ipvs_row_done(&a);
	ipvs_row_done(&b);
}
END_TEST

/* What must differ for an op to be right, counted without the code under test. */
static size_t differences(const struct ipvs_row *want, const struct ipvs_row *actual)
{
	size_t n = !same_service(&want->svc, &actual->svc);
	for (size_t i = 0; i < want->dests.n; i++) {
		const struct ipvs_dest *h = ipvs_row_find(actual, &want->dests.v[i]);
		n += !h || !same_dest(h, &want->dests.v[i]);
	}
	for (size_t i = 0; i < actual->dests.n; i++)
		n += !ipvs_row_find(want, &actual->dests.v[i]);
	return n;
}

static void check_pair(unsigned seed, const struct ipvs_row *want, const struct ipvs_row *actual)
{
	struct ipvs_ops ops = { 0 };
	struct ipvs_row now = { 0 };
	ck_assert_int_eq(ipvs_diff(want, actual, &ops), 0);
	ck_assert_int_eq(ipvs_row_copy(&now, actual), 0);
	ck_assert_msg(ops.ops.n == differences(want, actual), "seed %u: %zu ops for %zu differences:\n%s", seed,
		ops.ops.n, differences(want, actual), ops_text(ops.ops.v, ops.ops.n));
	bool must_live = pool_alive(want) && pool_alive(actual), adds_over = false;
	for (size_t i = 0; i < ops.ops.n; i++) {
		const struct ipvs_op *op = &ops.ops.v[i];
		ck_assert_msg(op->type != IPVS_OP_DEST_ADD || !adds_over, "seed %u: an add after a delete:\n%s", seed,
			ops_text(ops.ops.v, ops.ops.n));
		adds_over |= op->type == IPVS_OP_DEST_DEL;
		ck_assert_msg(ipvs_row_apply(&now, op) == 0, "seed %u: op %zu does not fit:\n%s", seed, i,
			ops_text(ops.ops.v, ops.ops.n));
		ck_assert_msg(!must_live || pool_alive(&now), "seed %u: empty after op %zu of\n%s", seed, i,
			ops_text(ops.ops.v, ops.ops.n));
	}
	ck_assert_msg(
		same_row(&now, want), "seed %u: not what was wanted after\n%s", seed, ops_text(ops.ops.v, ops.ops.n));
	lb_vec_clear(&ops.ops);
	ck_assert_int_eq(ipvs_diff(want, &now, &ops), 0);
	ck_assert_msg(ops.ops.n == 0, "seed %u: a second diff gives\n%s", seed, ops_text(ops.ops.v, ops.ops.n));
	lb_vec_done(&ops.ops);
	ipvs_row_done(&now);
}

START_TEST(applying_the_diff_gives_what_was_wanted_and_never_an_empty_moment)
{
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct rng r = { seed };
		const char *key = random_keys[rnd(&r, COUNT(random_keys))];
		struct ipvs_row want = random_row(&r, key), actual = random_row(&r, key);
		check_pair(seed, &want, &actual);
		check_pair(seed, &want, &want);
		ipvs_row_done(&want);
		ipvs_row_done(&actual);
	}
}
END_TEST

START_TEST(from_nothing_and_to_nothing)
{
	for (unsigned seed = 1; seed <= 200; seed++) {
		struct rng r = { seed };
		struct ipvs_row want = random_row(&r, random_keys[rnd(&r, COUNT(random_keys))]), now = { 0 };
		struct ipvs_ops ops = { 0 };
		ck_assert_int_eq(ipvs_diff(&want, NULL, &ops), 0);
		ck_assert_msg(ops.ops.n == want.dests.n + 1, "seed %u:\n%s", seed, ops_text(ops.ops.v, ops.ops.n));
		lb_vec_foreach (op, &ops.ops)
			ck_assert_int_eq(ipvs_row_apply(&now, op), 0);
		ck_assert_msg(same_row(&now, &want), "seed %u:\n%s", seed, ops_text(ops.ops.v, ops.ops.n));
		lb_vec_clear(&ops.ops);
		ck_assert_int_eq(ipvs_diff(NULL, &now, &ops), 0);
		ck_assert_uint_eq(ops.ops.n, 1);
		ck_assert_int_eq(ipvs_row_apply(&now, &ops.ops.v[0]), 0);
		ck_assert_msg(now.dests.n == 0, "seed %u: destinations are left", seed);
		lb_vec_done(&ops.ops);
		ipvs_row_done(&want);
	}
}
END_TEST

START_TEST(an_op_that_does_not_fit_changes_nothing)
{
	struct ipvs_row row = row_of("1.1.1.1:80/tcp wlc 10.1.0.1:80=1 10.1.0.3:80=1"), before = { 0 };
	ck_assert_int_eq(ipvs_row_copy(&before, &row), 0);
	struct ipvs_op op = { .type = IPVS_OP_DEST_ADD, .svc = row.svc, .dest = dest_of("10.1.0.3:80", 9) };
	ck_assert_int_eq(ipvs_row_apply(&row, &op), -EEXIST);
	op.type = IPVS_OP_DEST_SET;
	op.dest = dest_of("10.1.0.2:80", 9);
	ck_assert_int_eq(ipvs_row_apply(&row, &op), -ENOENT);
	op.type = IPVS_OP_DEST_DEL;
	ck_assert_int_eq(ipvs_row_apply(&row, &op), -ENOENT);
	ck_assert(same_row(&row, &before));
	ipvs_row_done(&row);
	ipvs_row_done(&before);
}
END_TEST

START_TEST(when_the_pool_rests_on_what_is_added)
{
	static const struct {
		const char *what, *want, *actual;
		bool hinge;
	} pools[] = {
		{ "one serves, and goes on", "10.1.0.1:80=1 10.1.0.2:80=1", "10.1.0.1:80=1 10.1.0.3:80=1", false },
		{ "none of those who serve stays", "10.1.0.2:80=1", "10.1.0.1:80=1", true },
		{ "who stays is not to serve any more", "10.1.0.1:80=0 10.1.0.2:80=1", "10.1.0.1:80=1 10.1.0.3:80=1",
			true },
		{ "who stays has not served yet", "10.1.0.1:80=1", "10.1.0.1:80=0 10.1.0.3:80=1", true },
		{ "nobody serves: nothing is lost", "10.1.0.2:80=1", "10.1.0.1:80=0", false },
		{ "nobody is to serve", "10.1.0.2:80=0", "10.1.0.1:80=1", false },
	};
	for (size_t i = 0; i < COUNT(pools); i++) {
		char text[200];
		snprintf(text, sizeof(text), "1.1.1.1:80/tcp wlc %s", pools[i].want);
		struct ipvs_row want = row_of(text);
		snprintf(text, sizeof(text), "1.1.1.1:80/tcp wlc %s", pools[i].actual);
		struct ipvs_row actual = row_of(text);
		ck_assert_msg(ipvs_deletes_hinge(&want, &actual) == pools[i].hinge, "%s", pools[i].what);
		ipvs_row_done(&want);
		ipvs_row_done(&actual);
	}
}
END_TEST

START_TEST(finding_by_address_and_port)
{
	struct ipvs_row row = row_of("1.1.1.1:80/tcp wlc 10.1.0.1:80=1 10.1.0.1:81=2 10.1.0.3:80=3"), none = { 0 };
	for (size_t i = 0; i < row.dests.n; i++)
		ck_assert_ptr_eq(ipvs_row_find(&row, &row.dests.v[i]), &row.dests.v[i]);
	static const char *const absent[] = { "10.1.0.0:80", "10.1.0.1:79", "10.1.0.1:82", "10.1.0.2:80", "10.1.0.4:80",
		"[::1]:80" };
	for (size_t i = 0; i < COUNT(absent); i++) {
		struct ipvs_dest d = dest_of(absent[i], 1);
		ck_assert_msg(!ipvs_row_find(&row, &d) && !ipvs_row_find(&none, &d), "%s was found", absent[i]);
	}
	ipvs_row_done(&row);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { the_ops_and_their_order, ops_are_appended,
		applying_the_diff_gives_what_was_wanted_and_never_an_empty_moment, from_nothing_and_to_nothing,
		an_op_that_does_not_fit_changes_nothing, when_the_pool_rests_on_what_is_added,
		finding_by_address_and_port };
	return run_suite("ipvs_diff", tests, COUNT(tests));
}
