/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/time.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static const struct {
	const char *text;
	int result;
	int64_t ms;
	const char *back; /* the shortest text of it; NULL = the same */
} durations[] = {
	{ "500ms", 0, 500, NULL },
	{ "1.5s", 0, 1500, "1500ms" },
	{ "90s", 0, 90000, NULL },
	{ "300s", 0, 300000, "5m" },
	{ "24h", 0, 86400000, "1d" },
	{ "0s", 0, 0, NULL },
	{ "3660d", 0, 3660LL * 86400000, NULL },
	{ "3661d", -ERANGE, 0, NULL },
	{ "99999999999999999999d", -ERANGE, 0, NULL },
	{ "0.0005s", -ERANGE, 0, NULL },
	{ "0.5ms", -ERANGE, 0, NULL },
	{ "5", -EINVAL, 0, NULL },
	{ "", -EINVAL, 0, NULL },
	{ "s", -EINVAL, 0, NULL },
	{ "1.s", -EINVAL, 0, NULL },
	{ ".5s", -EINVAL, 0, NULL },
	{ "-1s", -EINVAL, 0, NULL },
	{ "1 s", -EINVAL, 0, NULL },
	{ "1w", -EINVAL, 0, NULL },
	{ "1sm", -EINVAL, 0, NULL },
};

START_TEST(durations_parse_and_print)
{
	int64_t ms = -7;
	char text[LB_DURATION_STRLEN];
	int r = lb_duration_parse(durations[_i].text, strlen(durations[_i].text), &ms);
	ck_assert_msg(r == durations[_i].result, "'%s': %d", durations[_i].text, r);
	if (r)
		return;
	ck_assert_int_eq(ms, durations[_i].ms);
	ck_assert_str_eq(lb_duration_str(ms, text), durations[_i].back ? durations[_i].back : durations[_i].text);
	ck_assert_int_eq(lb_duration_parse(text, strlen(text), &ms), 0);
	ck_assert_int_eq(ms, durations[_i].ms);
}
END_TEST

START_TEST(wall_clock)
{
	char text[LB_WALL_STRLEN];
	ck_assert_str_eq(lb_wall_str(0, text), "1970-01-01T00:00:00.000Z");
	ck_assert_str_eq(lb_wall_str(1769868127123LL, text), "2026-01-31T14:02:07.123Z");
	ck_assert_str_eq(lb_wall_str(951782400000LL, text), "2000-02-29T00:00:00.000Z");
	ck_assert_str_eq(lb_wall_str(4107542399999LL, text), "2100-02-28T23:59:59.999Z");
	ck_assert_str_eq(lb_wall_str(-1, text), "1969-12-31T23:59:59.999Z");
}
END_TEST

START_TEST(instants)
{
	struct lb_time a = { 1000 }, b = lb_time_add_ms(a, 5);
	ck_assert_int_eq(lb_time_diff_us(b, a), 5000);
	ck_assert_int_lt(lb_time_cmp(a, b), 0);
	ck_assert_int_eq(lb_time_min(b, a).us, a.us);
	ck_assert_int_gt(lb_time_cmp(LB_TIME_NEVER, b), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("time");
	TCase *tc = tcase_create("time");
	tcase_add_loop_test(tc, durations_parse_and_print, 0, (int)(sizeof(durations) / sizeof(durations[0])));
	tcase_add_test(tc, wall_clock);
	tcase_add_test(tc, instants);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
