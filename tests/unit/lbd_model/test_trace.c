/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the time of a change went: what is open together goes one way, and the ring keeps the last ones. */
#include "lbd/trace.h"

#include "common/buf.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct traces t;

static struct lb_time at(int64_t us)
{
	return (struct lb_time){ 1000000 + us };
}

static void put(const struct trace *one, void *arg)
{
	struct lb_text *out = arg;
	lb_text_printf(out, "%s%s", out->n ? "; " : "", one->object);
	for (size_t i = 0; i < TRACE_PARTS; i++)
		lb_text_printf(out, " %u", one->us[i]);
}

static void told(const char *want)
{
	struct lb_text got = LB_TEXT_INIT;
	traces_each(&t, put, &got);
	ck_assert_str_eq(got.n ? got.s : "", want);
	lb_text_done(&got);
}

static void start(void)
{
	t = (struct traces){ 0 };
}

START_TEST(one_way_for_all_that_is_open)
{
	traces_open(&t, TRACE_FLIP, "a", 500, 20, at(0), 1);
	traces_open(&t, TRACE_FLIP, "b", 700, 30, at(40), 1);
	told(""); /* on their way */
	traces_begin(&t, at(100));
	traces_kernel(&t, 250);
	traces_begin(&t, at(400)); /* the next slice of the same way */
	traces_kernel(&t, 50);
	traces_close(&t, at(1000));
	told("a 500 20 100 600 300; b 700 30 60 600 300");
	traces_close(&t, at(2000)); /* nothing is open */
	told("a 500 20 100 600 300; b 700 30 60 600 300");
}
END_TEST

START_TEST(what_comes_while_others_are_on_their_way)
{
	traces_open(&t, TRACE_CONFIG, "c", 1, 2, at(0), 1);
	traces_begin(&t, at(10));
	traces_open(&t, TRACE_FLIP, "late", 3, 4, at(50), 1);
	traces_close(&t, at(100));
	told("c 1 2 10 90 0; late 3 4 0 90 0");
}
END_TEST

START_TEST(nothing_for_the_kernel_to_do)
{
	traces_kernel(&t, 12345); /* of something else, before */
	traces_open(&t, TRACE_FLIP, "a", 5, 6, at(0), 1);
	traces_close(&t, at(30));
	told("a 5 6 30 0 0");
}
END_TEST

START_TEST(a_kernel_that_says_more_than_the_whole)
{
	traces_open(&t, TRACE_FLIP, "a", 0, 0, at(0), 1);
	traces_begin(&t, at(0));
	traces_kernel(&t, 99999);
	traces_close(&t, at(10));
	told("a 0 0 0 0 10");
}
END_TEST

START_TEST(what_the_kernel_did_not_take_is_forgotten)
{
	traces_open(&t, TRACE_FLIP, "a", 1, 1, at(0), 1);
	traces_begin(&t, at(5));
	traces_failed(&t);
	told("");
	ck_assert_uint_eq(t.open, 0);
	traces_open(&t, TRACE_FLIP, "b", 1, 1, at(10), 1);
	traces_begin(&t, at(20)); /* not from the way of the other one */
	traces_close(&t, at(25));
	told("b 1 1 10 5 0");
}
END_TEST

START_TEST(the_last_ones_are_kept)
{
	const uint32_t us[TRACE_PARTS] = { 1, 2, 3, 4, 5 };
	traces_open(&t, TRACE_FLIP, "lost", 1, 1, at(0), 1);
	for (unsigned i = 0; i < TRACE_RECORDS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%u", i);
		traces_add(&t, TRACE_TAKEOVER, name, us, 1);
	}
	ck_assert_uint_eq(t.open, 0);
	traces_close(&t, at(10));
	struct lb_text got = LB_TEXT_INIT;
	traces_each(&t, put, &got);
	ck_assert_msg(strncmp(got.s, "0 1 2 3 4 5; 1 1", 16) == 0, "%.40s", got.s);
	ck_assert_msg(strstr(got.s, "; 127 1 2 3 4 5") != NULL, "%s", got.s);
	lb_text_done(&got);
}
END_TEST

START_TEST(parts_stay_within_their_number)
{
	ck_assert_uint_eq(lb_time_span_us(at(10), at(30)), 20);
	ck_assert_uint_eq(lb_time_span_us(at(30), at(10)), 0);
	ck_assert_uint_eq(lb_time_span_us(at(0), at(INT64_C(1) << 40)), UINT32_MAX);
	for (size_t k = 0; k < TRACE_KINDS; k++)
		for (size_t i = 0; i < TRACE_PARTS; i++)
			ck_assert(trace_rows[k].parts[i].name && trace_rows[k].parts[i].help);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trace");
	TCase *tc = tcase_create("trace");
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, start, NULL);
	tcase_add_test(tc, one_way_for_all_that_is_open);
	tcase_add_test(tc, what_comes_while_others_are_on_their_way);
	tcase_add_test(tc, nothing_for_the_kernel_to_do);
	tcase_add_test(tc, a_kernel_that_says_more_than_the_whole);
	tcase_add_test(tc, what_the_kernel_did_not_take_is_forgotten);
	tcase_add_test(tc, the_last_ones_are_kept);
	tcase_add_test(tc, parts_stay_within_their_number);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
