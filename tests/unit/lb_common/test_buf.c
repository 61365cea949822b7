/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/buf.h"

#include <check.h>
#include <string.h>

START_TEST(reader_stops_at_the_end_for_good)
{
	const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct lb_reader r = { bytes, bytes + sizeof(bytes), false };
	ck_assert_uint_eq(lb_read_u8(&r), 1);
	ck_assert_uint_eq(lb_read_u16(&r), 0x0203);
	ck_assert_uint_eq(lb_read_u32(&r), 0x04050607);
	ck_assert(!r.bad);
	ck_assert_uint_eq(lb_read_u16(&r), 0); /* one byte is left */
	ck_assert(r.bad);
	ck_assert_uint_eq(lb_read_u8(&r), 0); /* not even that one now */
	ck_assert_ptr_null(lb_take(&r, 0));
}
END_TEST

START_TEST(reader_takes_lengths_from_a_stranger)
{
	const uint8_t bytes[4] = { 0xff, 0xff, 0xff, 0xff };
	struct lb_reader r = { bytes, bytes + sizeof(bytes), false };
	ck_assert_ptr_null(lb_take(&r, SIZE_MAX));
	ck_assert(r.bad);
	struct lb_reader all = { bytes, bytes + sizeof(bytes), false };
	ck_assert_uint_eq(lb_read_u32(&all), 0xffffffff);
	ck_assert_ptr_nonnull(lb_take(&all, 0));
	ck_assert(!all.bad);
}
END_TEST

START_TEST(text_grows)
{
	struct lb_text t = LB_TEXT_INIT;
	for (int i = 0; i < 1000; i++) {
		lb_text_printf(&t, "%d,", i % 10);
		ck_assert_int_eq(t.s[t.n], '\0');
	}
	ck_assert_uint_eq(t.n, 2000);
	ck_assert_uint_eq(strlen(t.s), 2000);
	size_t cap = t.cap;
	lb_text_clear(&t);
	ck_assert_uint_eq(t.n, 0);
	ck_assert_str_eq(t.s, "");
	ck_assert_uint_eq(t.cap, cap);
	lb_text_put(&t, "a\0b", 3);
	ck_assert_uint_eq(t.n, 3);
	lb_text_put(&t, "", 0);
	lb_text_puts(&t, "x");
	ck_assert_uint_eq(t.n, 4);
	lb_text_done(&t);
	ck_assert_ptr_null(t.s);
}
END_TEST

START_TEST(text_that_did_not_fit_stays_bad)
{
	struct lb_text t = LB_TEXT_INIT;
	lb_text_puts(&t, "abc");
	lb_text_put(&t, "x", SIZE_MAX / 2 + 1);
	ck_assert(t.bad);
	lb_text_puts(&t, "def");
	ck_assert_str_eq(t.s, "abc");
	lb_text_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("buf");
	TCase *tc = tcase_create("buf");
	tcase_add_test(tc, reader_stops_at_the_end_for_good);
	tcase_add_test(tc, reader_takes_lengths_from_a_stranger);
	tcase_add_test(tc, text_grows);
	tcase_add_test(tc, text_that_did_not_fit_stays_bad);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
