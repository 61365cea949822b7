/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_types.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(tables_have_no_holes)
{
	for (int i = 0; i < CHECK_TYPE_COUNT; i++) {
		ck_assert_ptr_nonnull(check_types[i].name);
		ck_assert_ptr_nonnull(check_types[i].help);
	}
	for (int i = 0; i < CHECK_CODE_COUNT; i++) {
		ck_assert_ptr_nonnull(check_codes[i].name);
		ck_assert_ptr_nonnull(check_codes[i].help);
		ck_assert_int_eq(check_code_parse(check_codes[i].name), i);
	}
	ck_assert_int_eq(check_code_parse("l4ok"), -1);
	ck_assert_int_eq(check_code_parse(""), -1);
}
END_TEST

START_TEST(verdicts_follow_the_vocabulary)
{
	ck_assert_int_eq(check_codes[CHECK_CODE_INI].verdict, CHECK_VERDICT_NONE);
	ck_assert_int_eq(check_codes[CHECK_CODE_UNK].verdict, CHECK_VERDICT_NONE);
	ck_assert_int_eq(check_codes[CHECK_CODE_SOCKERR].verdict, CHECK_VERDICT_ERROR);
	for (int i = CHECK_CODE_L3OK; i < CHECK_CODE_COUNT; i++) {
		bool ok = strstr(check_codes[i].name, "OK") != NULL;
		ck_assert_int_eq(check_codes[i].verdict, ok ? CHECK_VERDICT_PASS : CHECK_VERDICT_FAIL);
	}
}
END_TEST

/* One row per member: changing it changes the identity, except for the name. */
START_TEST(identity_is_everything_but_the_name)
{
	struct check_spec a = { .name = "a",
		.port = 80,
		.interval_ms = 2000,
		.interval_down_ms = 5000,
		.timeout_ms = 1000,
		.rise = 2,
		.fall = 3,
		.params = { (const uint8_t *)"\x02\x03\0x\0y\0\x03\x02\0OK", 13 } };
	ck_assert_int_eq(lb_ip_parse("10.0.0.1", 8, &a.addr), 0);
	struct check_spec b = a;
	const uint8_t copy[] = { 2, 3, 0, 'x', 0, 'y', 0, 3, 2, 0, 'O', 'K', 0 };
	ck_assert(check_params_ok(copy, sizeof(copy)));
	b.name = "b";
	b.params.bytes = copy;
	ck_assert(check_spec_equal(&a, &b));
	ck_assert_uint_eq(check_spec_hash(&a), check_spec_hash(&b));

	struct check_spec other[12];
	for (int i = 0; i < 12; i++)
		other[i] = a;
	other[0].addr.b[3] = 2;
	other[1].port = 81;
	other[2].interval_ms++;
	other[3].interval_down_ms++;
	other[4].timeout_ms++;
	other[5].rise++;
	other[6].fall++;
	other[7].params.bytes = (const uint8_t *)"\x02\x03\0x\0z\0\x03\x02\0OK";
	other[8].params.n = 7;
	other[9].params.n = 0;
	other[10].after = 1;
	other[11].source = a.addr;
	for (int i = 0; i < 12; i++) {
		ck_assert_msg(!check_spec_equal(&a, &other[i]), "member %d", i);
		ck_assert_msg(check_spec_hash(&a) != check_spec_hash(&other[i]), "hash of member %d", i);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_types");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, tables_have_no_holes);
	tcase_add_test(tc, verdicts_follow_the_vocabulary);
	tcase_add_test(tc, identity_is_everything_but_the_name);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
