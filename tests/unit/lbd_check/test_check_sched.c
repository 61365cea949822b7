/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_sched.h"

#include <check.h>
#include <stdlib.h>

#define SEC 1000000

START_TEST(the_first_probes_are_spread)
{
	uint64_t rand = 1;
	unsigned tenth[10] = { 0 };
	for (int i = 0; i < 10000; i++) {
		struct lb_time due = check_sched_first(2000, (struct lb_time){ 5 * SEC }, &rand);
		ck_assert(due.us >= 5 * SEC && due.us < 7 * SEC);
		tenth[(due.us - 5 * SEC) / (SEC / 5)]++;
	}
	for (int i = 0; i < 10; i++)
		ck_assert_msg(tenth[i] > 850 && tenth[i] < 1150, "%u probes in tenth %d", tenth[i], i);
}
END_TEST

static const struct new_row {
	const char *what;
	unsigned n;
	uint32_t interval_ms;
	enum check_type type;
	int64_t most_us; /* when the last one is due, at most */
} new_rows[] = {
	{ "one is due at once, whatever its interval", 1, 3600000, CHECK_TYPE_TCP, 0 },
	{ "a few do not wait for theirs", 50, 60000, CHECK_TYPE_TCP, 50000 },
	{ "nor do programs, which come slower", 50, 60000, CHECK_TYPE_SCRIPT, 980000 },
	{ "what takes a handshake is in between", 300, 60000, CHECK_TYPE_HTTPS, 1495000 },
	{ "many take their time", 1000, 60000, CHECK_TYPE_TCP, SEC },
	{ "thousands have their interval", 10000, 2000, CHECK_TYPE_TCP, 2 * SEC },
	{ "intervals without a grid as well", 500, 100, CHECK_TYPE_TCP, SEC / 10 },
};

START_TEST(what_is_not_known_is_probed_as_soon_as_it_is_its_turn)
{
	for (size_t i = 0; i < sizeof(new_rows) / sizeof(new_rows[0]); i++) {
		const struct new_row *r = &new_rows[i];
		const struct lb_time now = { 5 * SEC + 1234 };
		struct lb_time turn = { 0 };
		const int64_t step = check_sched_step_us(r->type);
		uint64_t rand = 5;
		unsigned tenth[20] = { 0 }, most = 0; /* of a second, from now on */
		for (unsigned n = 0; n < r->n; n++) {
			struct lb_time due = check_sched_new(&turn, step, r->interval_ms, now, &rand);
			int64_t after = lb_time_diff_us(due, now);
			ck_assert_msg(after >= 0 && after <= r->most_us, "%s: %ld us", r->what, (long)after);
			tenth[after * 10 / SEC]++;
		}
		for (unsigned k = 0; k < 20; k++)
			most = tenth[k] > most ? tenth[k] : most;
		/* what costs more comes at lower rates; the grid may move two into the next tenth */
		if (r->type != CHECK_TYPE_TCP)
			ck_assert_msg(most <= SEC / 10 / step + 2, "%s: %u", r->what, most);
		/* no more at once than if all of them were spread over the interval, or came one by one */
		unsigned even = (unsigned)((int64_t)r->n * 100 / r->interval_ms);
		ck_assert_msg(
			most <= (even > 110 ? even * 6 / 5 : 110) || r->interval_ms < 1000, "%s: %u", r->what, most);
	}
}
END_TEST

START_TEST(turns_that_have_passed_are_not_made_up_for)
{
	struct lb_time now = { 5 * SEC }, turn = { 0 };
	uint64_t rand = 6;
	for (int i = 0; i < 100; i++)
		(void)check_sched_new(&turn, CHECK_TURN_US, 60000, now, &rand);
	ck_assert_int_eq(check_sched_new(&turn, CHECK_TURN_US, 60000, now, &rand).us, now.us + 100000);
	now.us += SEC;
	ck_assert_int_eq(check_sched_new(&turn, CHECK_TURN_US, 60000, now, &rand).us, now.us);
	for (int i = 0; i < 20; i++)
		(void)check_sched_new(&turn, CHECK_TURN_US, 60000, now, &rand);
	ck_assert_int_eq(check_sched_new(&turn, CHECK_TURN_US, 60000, now, &rand).us, now.us + 20000);
}
END_TEST

START_TEST(jitter_only_comes_sooner)
{
	uint64_t rand = 2;
	struct lb_time due = check_sched_first(1000, (struct lb_time){ SEC }, &rand), start = due;
	int64_t least = INT64_MAX, most = INT64_MIN;
	for (int i = 1; i <= 1000; i++) {
		struct lb_time next = check_sched_next(due, 1000, (struct lb_time){ due.us + 1000 }, &rand);
		int64_t gap = lb_time_diff_us(next, due);
		least = gap < least ? gap : least;
		most = gap > most ? gap : most;
		due = next;
	}
	ck_assert_int_ge(least, SEC - SEC / 10);
	ck_assert_int_le(most, SEC);
	ck_assert_msg(
		least < SEC - SEC / 12 && most > SEC - SEC / 60, "uses its room: %ld..%ld", (long)least, (long)most);
	int64_t mean = lb_time_diff_us(due, start) / 1000;
	ck_assert_msg(mean > SEC * 94 / 100 && mean < SEC * 96 / 100, "mean %ld", (long)mean);
}
END_TEST

static const struct grid_row {
	const char *what;
	uint32_t interval_ms;
	int64_t grid_us;
} grid_rows[] = {
	{ "the usual interval", 2000, CHECK_GRID_US },
	{ "the shortest with a grid", CHECK_GRID_FROM_MS, CHECK_GRID_US },
	{ "just below it", CHECK_GRID_FROM_MS - 1, 1 },
	{ "a day", 86400000, CHECK_GRID_US },
};

START_TEST(probes_share_their_turns)
{
	for (size_t i = 0; i < sizeof(grid_rows) / sizeof(grid_rows[0]); i++) {
		const struct grid_row *r = &grid_rows[i];
		const int64_t step = (int64_t)r->interval_ms * 1000;
		uint64_t rand = 7;
		bool off_grid = false;
		for (int n = 0; n < 1000; n++) {
			const struct lb_time now = { 1234567 };
			struct lb_time due = check_sched_first(r->interval_ms, now, &rand);
			ck_assert_msg(due.us == now.us || due.us % r->grid_us == 0, "%s: first", r->what);
			ck_assert_msg(due.us >= now.us && due.us < now.us + step, "%s: first", r->what);
			struct lb_time next = check_sched_next(due, r->interval_ms, due, &rand);
			ck_assert_msg(next.us % r->grid_us == 0, "%s: %ld", r->what, (long)next.us);
			ck_assert_msg(next.us >= due.us + step - step / 10 && next.us <= due.us + step, "%s", r->what);
			off_grid |= next.us % CHECK_GRID_US != 0;
		}
		ck_assert_msg(off_grid == (r->grid_us == 1), "%s", r->what);
	}
}
END_TEST

START_TEST(no_burst_after_a_stall)
{
	uint64_t rand = 3;
	const struct lb_time now = { 60 * SEC }; /* a minute passed */
	unsigned at_once = 0;
	for (int i = 0; i < 10000; i++) {
		struct lb_time due = check_sched_first(1000, (struct lb_time){ SEC }, &rand);
		struct lb_time next = check_sched_next(due, 1000, now, &rand);
		ck_assert(next.us >= now.us && next.us <= now.us + SEC);
		at_once += next.us == now.us;
	}
	ck_assert_msg(at_once < 1000, "%u of 10000 at once", at_once);
}
END_TEST

/* Its interval was made shorter: the probe that is due is made, and the next one follows it. */
START_TEST(what_is_due_much_later_comes_first)
{
	uint64_t rand = 5;
	const struct lb_time now = { SEC }, due = { 60 * SEC };
	for (int i = 0; i < 100; i++)
		ck_assert_int_gt(check_sched_next(due, 1000, now, &rand).us, due.us);
}
END_TEST

START_TEST(a_probe_is_never_planned_in_the_past)
{
	uint64_t rand = 4;
	for (uint32_t interval = 1; interval < 50; interval++)
		for (int i = 0; i < 200; i++) {
			struct lb_time now = { (int64_t)(check_rand(&rand) % SEC) };
			struct lb_time due = check_sched_first(interval, now, &rand);
			now.us += (int64_t)(check_rand(&rand) % SEC);
			struct lb_time next = check_sched_next(due, interval, now, &rand);
			ck_assert(next.us >= now.us && next.us <= now.us + (int64_t)interval * 2000);
		}
}
END_TEST

START_TEST(late)
{
	const struct lb_time due = { SEC };
	ck_assert(!check_late(due, (struct lb_time){ SEC - 1 }));
	ck_assert(!check_late(due, (struct lb_time){ SEC + CHECK_LATE_US }));
	ck_assert(check_late(due, (struct lb_time){ SEC + CHECK_LATE_US + 1 }));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_sched");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, the_first_probes_are_spread);
	tcase_add_test(tc, what_is_not_known_is_probed_as_soon_as_it_is_its_turn);
	tcase_add_test(tc, turns_that_have_passed_are_not_made_up_for);
	tcase_add_test(tc, jitter_only_comes_sooner);
	tcase_add_test(tc, probes_share_their_turns);
	tcase_add_test(tc, no_burst_after_a_stall);
	tcase_add_test(tc, what_is_due_much_later_comes_first);
	tcase_add_test(tc, a_probe_is_never_planned_in_the_past);
	tcase_add_test(tc, late);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
