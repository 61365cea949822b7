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

START_TEST(eight_bytes_are_read_whole_or_not_at_all)
{
	const uint8_t bytes[] = { 0x81, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct lb_reader r = { bytes, bytes + sizeof(bytes), false };
	ck_assert_uint_eq(lb_read_u64(&r), UINT64_C(0x8102030405060708));
	ck_assert(!r.bad);
	ck_assert_uint_eq(lb_read_u64(&r), 0); /* seven are left */
	ck_assert(r.bad);
}
END_TEST

START_TEST(writer_writes_what_a_reader_reads)
{
	const uint8_t want[] = { 1, 2, 3, 0x84, 5, 6, 7, 0x88, 9, 10, 11, 12, 13, 14, 15, 'a', 'b', 0, 0, 0xee };
	uint8_t bytes[sizeof(want)];
	memset(bytes, 0xee, sizeof(bytes));
	struct lb_writer w = { bytes, bytes + sizeof(bytes) - 1, false };
	lb_write_u8(&w, 1);
	lb_write_u16(&w, 0x0203);
	lb_write_u32(&w, 0x84050607);
	lb_write_u64(&w, UINT64_C(0x88090a0b0c0d0e0f));
	lb_write(&w, "ab", 2);
	lb_write_zero(&w, 2);
	lb_write(&w, NULL, 0);
	ck_assert(!w.bad && w.p == w.end);
	ck_assert_mem_eq(bytes, want, sizeof(want));
}
END_TEST

START_TEST(writer_stops_at_the_end_for_good)
{
	uint8_t bytes[8];
	memset(bytes, 0xee, sizeof(bytes));
	struct lb_writer w = { bytes, bytes + 5, false };
	lb_write_u16(&w, 0x0102);
	lb_write_u32(&w, 0x03040506); /* three bytes are left */
	ck_assert(w.bad);
	lb_write_u8(&w, 7); /* not even that one now */
	lb_write(&w, "ab", 2);
	lb_write_zero(&w, 1);
	ck_assert_ptr_null(lb_room(&w, 0));
	ck_assert_mem_eq(bytes, "\1\2\xee\xee\xee\xee\xee\xee", 8);
	struct lb_writer all = { bytes, bytes + 5, false };
	ck_assert_ptr_null(lb_room(&all, SIZE_MAX));
	ck_assert(all.bad);
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
	tcase_add_test(tc, eight_bytes_are_read_whole_or_not_at_all);
	tcase_add_test(tc, writer_writes_what_a_reader_reads);
	tcase_add_test(tc, writer_stops_at_the_end_for_good);
	tcase_add_test(tc, text_grows);
	tcase_add_test(tc, text_that_did_not_fit_stays_bad);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
