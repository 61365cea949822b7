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
		struct check_sched s;
		check_sched_start(&s, 2000, (struct lb_time){ 5 * SEC }, &rand);
		ck_assert(s.due.us >= 5 * SEC && s.due.us < 7 * SEC);
		tenth[(s.due.us - 5 * SEC) / (SEC / 5)]++;
	}
	for (int i = 0; i < 10; i++)
		ck_assert_msg(tenth[i] > 850 && tenth[i] < 1150, "%u probes in tenth %d", tenth[i], i);
}
END_TEST

START_TEST(jitter_does_not_drift)
{
	uint64_t rand = 2;
	struct check_sched s;
	check_sched_start(&s, 1000, (struct lb_time){ SEC }, &rand);
	const int64_t first = s.slot.us;
	int64_t least = INT64_MAX, most = INT64_MIN;
	for (int i = 1; i <= 1000; i++) {
		check_sched_next(&s, 1000, (struct lb_time){ s.due.us + 1000 }, &rand);
		int64_t off = s.due.us - (first + (int64_t)i * SEC);
		least = off < least ? off : least;
		most = off > most ? off : most;
	}
	ck_assert_int_ge(least, -SEC / 10);
	ck_assert_int_le(most, SEC / 10);
	ck_assert_msg(least < -SEC / 12 && most > SEC / 12, "jitter uses its room: %ld..%ld", (long)least, (long)most);
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
		const int64_t tenth = (int64_t)r->interval_ms * 100;
		uint64_t rand = 7;
		bool off_grid = false;
		for (int n = 0; n < 1000; n++) {
			struct check_sched s;
			const struct lb_time now = { 1234567 };
			check_sched_start(&s, r->interval_ms, now, &rand);
			ck_assert_msg(s.due.us == now.us || s.due.us % r->grid_us == 0, "%s: first", r->what);
			ck_assert_msg(s.due.us >= now.us && s.due.us <= s.slot.us, "%s: first", r->what);
			check_sched_next(&s, r->interval_ms, s.due, &rand);
			ck_assert_msg(s.due.us % r->grid_us == 0, "%s: %ld", r->what, (long)s.due.us);
			ck_assert_msg(s.due.us >= s.slot.us - tenth && s.due.us <= s.slot.us + tenth, "%s", r->what);
			off_grid |= s.due.us % CHECK_GRID_US != 0;
		}
		ck_assert_msg(off_grid == (r->grid_us == 1), "%s", r->what);
	}
}
END_TEST

START_TEST(no_burst_after_a_stall)
{
	uint64_t rand = 3;
	struct check_sched s;
	check_sched_start(&s, 1000, (struct lb_time){ SEC }, &rand);
	const int64_t slot = s.slot.us;
	const struct lb_time late = { slot + 60 * SEC + SEC / 2 }; /* a minute passed */
	check_sched_next(&s, 1000, late, &rand);
	ck_assert_int_eq(s.slot.us, slot + 61 * SEC); /* the same grid, one slot, in the future */
	ck_assert_int_ge(s.due.us, late.us);
}
END_TEST

START_TEST(a_probe_is_never_planned_in_the_past)
{
	uint64_t rand = 4;
	for (uint32_t interval = 1; interval < 50; interval++)
		for (int i = 0; i < 200; i++) {
			struct check_sched s;
			struct lb_time now = { (int64_t)(check_rand(&rand) % SEC) };
			check_sched_start(&s, interval, now, &rand);
			now.us += (int64_t)(check_rand(&rand) % SEC);
			check_sched_next(&s, interval, now, &rand);
			ck_assert(s.due.us >= now.us && s.slot.us > now.us);
			ck_assert(s.due.us <= now.us + interval * 2200);
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
	tcase_add_test(tc, jitter_does_not_drift);
	tcase_add_test(tc, probes_share_their_turns);
	tcase_add_test(tc, no_burst_after_a_stall);
	tcase_add_test(tc, a_probe_is_never_planned_in_the_past);
	tcase_add_test(tc, late);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
