/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_param.h"

#include "common/buf.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

START_TEST(what_was_put_is_found)
{
	struct lb_text t = LB_TEXT_INIT;
	ck_assert_int_eq(check_param_put(&t, CHECK_PARAM_SEND, "a\0b", 3), 0);
	ck_assert_int_eq(check_param_put(&t, CHECK_PARAM_HEADER, "A: 1", 4), 0);
	ck_assert_int_eq(check_param_put(&t, CHECK_PARAM_HEADER, "", 0), 0);
	ck_assert_int_eq(check_param_put(&t, CHECK_PARAM_MAX_BODY, "65536", 5), 0);
	struct check_params p = { (const uint8_t *)t.s, (uint32_t)t.n };
	ck_assert(check_params_ok(p.bytes, p.n));
	size_t n;
	const char *v = check_param_next(&p, CHECK_PARAM_SEND, NULL, &n);
	ck_assert(n == 3 && memcmp(v, "a\0b", 4) == 0);
	ck_assert_ptr_null(check_param_next(&p, CHECK_PARAM_SEND, v, &n));
	v = check_param_next(&p, CHECK_PARAM_HEADER, NULL, &n);
	ck_assert_str_eq(v, "A: 1");
	v = check_param_next(&p, CHECK_PARAM_HEADER, v, &n);
	ck_assert(n == 0 && *v == '\0');
	ck_assert_ptr_null(check_param_next(&p, CHECK_PARAM_HEADER, v, &n));
	ck_assert_ptr_null(check_param(&p, CHECK_PARAM_EXPECT));
	ck_assert_ptr_null(check_param(&p, CHECK_PARAM_WEIGHT_SMOOTH));
	ck_assert_uint_eq(check_param_num(&p, CHECK_PARAM_MAX_BODY, 7), 65536);
	ck_assert_uint_eq(check_param_num(&p, CHECK_PARAM_WEIGHT_MAX, 7), 7);
	lb_text_done(&t);
}
END_TEST

START_TEST(none_is_empty)
{
	struct check_params p = { 0 };
	ck_assert(check_params_ok(NULL, 0));
	ck_assert_ptr_null(check_param(&p, CHECK_PARAM_SEND));
	ck_assert(check_params_equal(&p, &p));
}
END_TEST

START_TEST(limits_hold)
{
	static char big[CHECK_PARAM_VALUE_MAX + 1];
	struct lb_text t = LB_TEXT_INIT;
	ck_assert_int_eq(check_param_put(&t, CHECK_PARAM_SEND, big, sizeof(big)), -EINVAL);
	while (check_param_put(&t, CHECK_PARAM_HEADER, big, CHECK_PARAM_VALUE_MAX) == 0)
		;
	ck_assert_uint_le(t.n, CHECK_PARAMS_MAX);
	ck_assert(check_params_ok((const uint8_t *)t.s, t.n));
	lb_text_done(&t);
}
END_TEST

START_TEST(what_nobody_put_is_refused)
{
	static const struct {
		const char *what, *bytes;
		size_t n;
	} rows[] = {
		{ "a key that is none", "\0\0\0\0", 4 },
		{ "an unknown key", "\x1f\0\0\0", 4 },
		{ "cut in the head", "\x02\0", 2 },
		{ "cut before the end of the text", "\x02\0\0", 3 },
		{ "longer than what is there", "\x02\x02\0a\0", 5 },
		{ "no NUL at the end", "\x02\x01\0ab", 5 },
		{ "not ascending", "\x03\0\0\0\x02\0\0\0", 8 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(!check_params_ok((const uint8_t *)rows[i].bytes, rows[i].n), "%s", rows[i].what);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_param");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, what_was_put_is_found);
	tcase_add_test(tc, none_is_empty);
	tcase_add_test(tc, limits_hold);
	tcase_add_test(tc, what_nobody_put_is_refused);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
