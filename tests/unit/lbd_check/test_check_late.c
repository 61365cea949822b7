/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_late.h"

#include <check.h>
#include <stdlib.h>

#define SPAN CHECK_LATE_SPAN_US

static const struct lb_time start = { 1000 };

START_TEST(a_quantile_is_a_quarter_too_high_at_most)
{
	for (int64_t us = 0; us < 200000000; us += us / 64 + 1) {
		struct check_lateness l;
		check_lateness_init(&l, start);
		check_lateness_add(&l, us);
		uint32_t q = check_lateness_quantile(&l, 50);
		ck_assert_msg(q > us, "%ld us are told as %u", (long)us, q);
		ck_assert_msg(q <= us + us / 4 + 4, "%ld us are told as %u", (long)us, q);
	}
}
END_TEST

static const struct row {
	const char *what;
	struct {
		uint32_t n;
		int64_t us;
	} add[3];
	unsigned percent;
	uint32_t at_least, at_most;
} rows[] = {
	{ "nothing was probed", { { 0, 0 } }, 99, 0, 0 },
	{ "the middle of many small ones", { { 98, 100 }, { 2, 9000 } }, 50, 100, 128 },
	{ "two of a hundred are the last percent", { { 98, 100 }, { 2, 9000 } }, 99, 9000, 11250 },
	{ "one of a hundred is not", { { 99, 100 }, { 1, 9000 } }, 99, 100, 128 },
	{ "all of them", { { 99, 100 }, { 1, 9000 } }, 100, 9000, 11250 },
	{ "early is not late", { { 3, -500 } }, 99, 1, 4 },
	{ "hours end in the last bucket", { { 1, INT64_MAX } }, 99, 400000000, UINT32_MAX },
};

START_TEST(quantiles)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct check_lateness l;
		check_lateness_init(&l, start);
		for (size_t k = 0; k < 3; k++)
			for (uint32_t n = 0; n < r->add[k].n; n++)
				check_lateness_add(&l, r->add[k].us);
		uint32_t q = check_lateness_quantile(&l, r->percent);
		ck_assert_msg(q >= r->at_least && q <= r->at_most, "%s: %u", r->what, q);
	}
}
END_TEST

static const struct turn {
	const char *what;
	int64_t at[2]; /* when it is turned, after the start; 0 = not */
	bool there;
} turns[] = {
	{ "young", { SPAN - 1 }, true },
	{ "the span before this one", { SPAN }, true },
	{ "still that", { SPAN, 2 * SPAN - 1 }, true },
	{ "two spans ago", { SPAN, 2 * SPAN }, false },
	{ "after a long sleep", { 2 * SPAN }, false },
	{ "it was in the span before, and then there was a long sleep", { SPAN, 3 * SPAN }, false },
};

START_TEST(old_ones_are_let_go)
{
	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		struct check_lateness l;
		check_lateness_init(&l, start);
		check_lateness_add(&l, 5000);
		for (size_t k = 0; k < 2 && turns[i].at[k]; k++)
			check_lateness_turn(&l, (struct lb_time){ start.us + turns[i].at[k] });
		ck_assert_msg((check_lateness_quantile(&l, 50) != 0) == turns[i].there, "%s", turns[i].what);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_late");
	TCase *tc = tcase_create("check_late");
	tcase_add_test(tc, a_quantile_is_a_quarter_too_high_at_most);
	tcase_add_test(tc, quantiles);
	tcase_add_test(tc, old_ones_are_let_go);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
