/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_ldap.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

START_TEST(requests_are_the_bytes_of_the_standard)
{
	uint8_t out[CHECK_LDAP_OUT_MAX];
	/* as ldapsearch -x -s base -z 1 writes it, without the bind */
	static const uint8_t root[] =
		"\x30\x2a\x02\x01\x02\x63\x25\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x01\x02\x01\x00"
		"\x01\x01\x00\x87\x0bobjectClass\x30\x05\x04\x03"
		"1.1";
	static const uint8_t tls[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
				     "1.3.6.1.4.1.1466.20037";
	static const uint8_t bye[] = "\x30\x05\x02\x01\x03\x42";
	ck_assert_uint_eq(check_ldap_search(out, 2, ""), sizeof(root) - 1);
	ck_assert_mem_eq(out, root, sizeof(root) - 1);
	ck_assert_uint_eq(check_ldap_starttls(out, 1), sizeof(tls) - 1);
	ck_assert_mem_eq(out, tls, sizeof(tls) - 1);
	ck_assert_uint_eq(check_ldap_unbind(out, 3), sizeof(bye));
	ck_assert_mem_eq(out, bye, sizeof(bye));
}
END_TEST

START_TEST(a_long_base_has_long_lengths)
{
	uint8_t out[CHECK_LDAP_OUT_MAX];
	char base[CHECK_LDAP_BASE_MAX + 2];
	memset(base, 'a', sizeof(base));
	base[CHECK_LDAP_BASE_MAX + 1] = '\0';
	ck_assert_uint_eq(check_ldap_search(out, 2, base), 0);
	for (size_t n = 0; n <= CHECK_LDAP_BASE_MAX; n += n < 300 ? 1 : 97) {
		base[n] = '\0';
		size_t len = check_ldap_search(out, 2, base);
		base[n] = 'a';
		struct check_ldap_msg m;
		ck_assert_uint_gt(len, n);
		ck_assert_int_eq(check_ldap_read(out, len, sizeof(out), &m), (long)len);
		ck_assert(m.op == 0x63 && m.id == 2);
	}
}
END_TEST

static const struct {
	const char *what, *bytes;
	size_t n;
	long rc;
	struct check_ldap_msg m;
} rows[] = {
	{ "an entry", "\x30\x09\x02\x01\x02\x64\x04\x04\0\x30\0", 11, 11, { 2, CHECK_LDAP_ENTRY, 0 } },
	{ "a good end", "\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\0\x04\0\x04\0", 14, 14, { 2, CHECK_LDAP_DONE, 0 } },
	{ "a bad end", "\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x20\x04\0\x04\0", 14, 14, { 2, CHECK_LDAP_DONE, 32 } },
	{ "lengths of four bytes", "\x30\x84\0\0\0\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0", 18, 18,
		{ 1, CHECK_LDAP_EXTENDED, 0 } },
	{ "what follows stays", "\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\0\x04\0\x04\0xyz", 17, 14,
		{ 2, CHECK_LDAP_DONE, 0 } },
	{ "nothing yet", "", 0, 0, { 0 } },
	{ "one byte", "\x30", 1, 0, { 0 } },
	{ "half a length", "\x30\x84\0", 3, 0, { 0 } },
	{ "half a message", "\x30\x09\x02\x01\x02", 5, 0, { 0 } },
	{ "too long for us", "\x30\x82\x7f\xff", 4, -EMSGSIZE, { 0 } },
	{ "the longest length", "\x30\x84\xff\xff\xff\xff", 6, -EMSGSIZE, { 0 } },
	{ "five bytes of length", "\x30\x85\0\0", 4, -EBADMSG, { 0 } },
	{ "a length that is not said", "\x30\x80", 2, -EBADMSG, { 0 } },
	{ "not a sequence", "HTTP", 4, -EBADMSG, { 0 } },
	{ "an inner length past the end", "\x30\x05\x02\x01\x02\x64\x04", 7, -EBADMSG, { 0 } },
	{ "a number of nothing", "\x30\x04\x02\0\x64\0", 6, -EBADMSG, { 0 } },
	{ "a negative number", "\x30\x05\x02\x01\xff\x64\0", 7, -EBADMSG, { 0 } },
	{ "an end without a result", "\x30\x05\x02\x01\x02\x65\0", 7, -EBADMSG, { 0 } },
};

START_TEST(messages)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_ldap_msg m = { 77, 77, 77 };
		long rc = check_ldap_read((const uint8_t *)rows[i].bytes, rows[i].n, 4096, &m);
		ck_assert_msg(rc == rows[i].rc, "%s: %ld", rows[i].what, rc);
		if (rc > 0)
			ck_assert_msg(m.id == rows[i].m.id && m.op == rows[i].m.op && m.result == rows[i].m.result,
				"%s: id %u, op %u, result %u", rows[i].what, m.id, m.op, m.result);
		else
			ck_assert_msg(m.id == 77 && m.op == 77 && m.result == 77, "%s: out was touched", rows[i].what);
	}
}
END_TEST

START_TEST(results_have_names)
{
	char buf[24];
	ck_assert_str_eq(check_ldap_result(32, buf), "noSuchObject");
	ck_assert_str_eq(check_ldap_result(4711, buf), "result 4711");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_ldap");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, requests_are_the_bytes_of_the_standard);
	tcase_add_test(tc, a_long_base_has_long_lengths);
	tcase_add_test(tc, messages);
	tcase_add_test(tc, results_have_names);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
