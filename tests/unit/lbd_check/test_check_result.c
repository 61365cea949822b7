/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_result.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *what;
	int err;
	enum check_from from;
	enum check_code code;
	const char *text;
} rows[] = {
	{ "nobody listens", ECONNREFUSED, CHECK_FROM_NET, CHECK_CODE_L4CON, "connection refused" },
	{ "nobody listens on this host", ECONNREFUSED, CHECK_FROM_US, CHECK_CODE_L4CON, "connection refused" },
	{ "no answer to ARP", EHOSTUNREACH, CHECK_FROM_NET, CHECK_CODE_L4CON, "no route to host" },
	{ "no route here", ENETUNREACH, CHECK_FROM_US, CHECK_CODE_L4CON, "network is unreachable" },
	{ "reset while connecting", ECONNRESET, CHECK_FROM_NET, CHECK_CODE_L4CON, "connection reset by peer" },
	{ "the kernel's own patience", ETIMEDOUT, CHECK_FROM_NET, CHECK_CODE_L4TOUT, "connection timed out" },
	{ "a router prohibits (ICMPv6)", EACCES, CHECK_FROM_NET, CHECK_CODE_L4CON, "administratively prohibited" },
	{ "a prohibit route of ours", EACCES, CHECK_FROM_US, CHECK_CODE_SOCKERR, "permission denied" },
	{ "a blackhole route of ours", EINVAL, CHECK_FROM_US, CHECK_CODE_SOCKERR, "invalid argument" },
	{ "the same by way of libcurl", EINVAL, CHECK_FROM_NET, CHECK_CODE_SOCKERR, "invalid argument" },
	{ "our packet filter", EPERM, CHECK_FROM_US, CHECK_CODE_SOCKERR, "operation not permitted" },
	{ "no descriptor", EMFILE, CHECK_FROM_US, CHECK_CODE_SOCKERR, "too many open files" },
	{ "no source port", EADDRNOTAVAIL, CHECK_FROM_US, CHECK_CODE_SOCKERR, "cannot assign requested address" },
	{ "no memory", ENOMEM, CHECK_FROM_US, CHECK_CODE_SOCKERR, "cannot allocate memory" },
	{ "no buffers", ENOBUFS, CHECK_FROM_NET, CHECK_CODE_SOCKERR, "no buffer space available" },
	{ "our interface is down", ENETDOWN, CHECK_FROM_US, CHECK_CODE_SOCKERR, "network is down" },
	{ "an errno nobody knows", 4000, CHECK_FROM_NET, CHECK_CODE_L4CON, "unknown error" },
};

START_TEST(whose_fault)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_result r = { 0 };
		check_result_connect(&r, rows[i].err, rows[i].from);
		ck_assert_msg(r.code == rows[i].code, "%s: %s", rows[i].what, check_codes[r.code].name);
		ck_assert_msg(strcmp(r.text, rows[i].text) == 0, "%s: %s", rows[i].what, r.text);
		bool two_meanings = rows[i].err == EINVAL || (rows[i].err == EACCES && rows[i].from == CHECK_FROM_US);
		ck_assert_msg(r.ask_route == two_meanings, "%s", rows[i].what);
	}
	struct check_result r = { 0 };
	check_result_talk(&r, ECONNRESET);
	ck_assert_int_eq(r.code, CHECK_CODE_L7RSP);
	check_result_talk(&r, ENOMEM);
	ck_assert_int_eq(r.code, CHECK_CODE_SOCKERR);
}
END_TEST

START_TEST(replies_are_shown_escaped_and_whole)
{
	struct check_result r = { 0 };
	check_result_reply(&r, "closed", "SSH-2.0\r\n", 9, false);
	ck_assert_str_eq(r.text, "closed: SSH-2.0\\x0d\\x0a");
	check_result_reply(&r, "closed", NULL, 0, false);
	ck_assert_str_eq(r.text, "closed, no byte came");
	check_result_reply(&r, "not in 64 KiB", "ab", 2, true);
	ck_assert_str_eq(r.text, "not in 64 KiB: ab...");
	char bin[40];
	for (size_t n = 1; n <= sizeof(bin); n++) { /* never over the field, never half an escape */
		memset(bin, 0xff, n);
		check_result_reply(&r, "a reason that is far too long for this place, really", bin, n, false);
		ck_assert_uint_lt(strlen(r.text), CHECK_TEXT_MAX);
		const char *esc = strchr(r.text, '\\');
		for (; esc && *esc == '\\'; esc += 4)
			ck_assert(memcmp(esc, "\\xff", 4) == 0);
		ck_assert(!esc || *esc == '\0' || strcmp(esc, "...") == 0);
	}
}
END_TEST

START_TEST(time_that_we_took_is_held_against_nobody)
{
	static const enum check_code timeouts[] = { CHECK_CODE_L3TOUT, CHECK_CODE_L4TOUT, CHECK_CODE_L6TOUT,
		CHECK_CODE_L7TOUT, CHECK_CODE_PROCTOUT };
	struct check_result r;
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		r = (struct check_result){ .code = timeouts[i] };
		check_result_distrust(&r, 250000, 1000); /* it had three quarters of its time */
		ck_assert_int_eq(r.code, timeouts[i]);
		check_result_distrust(&r, 250001, 1000);
		ck_assert_int_eq(r.code, CHECK_CODE_SOCKERR);
		ck_assert_str_eq(r.text, "probe ran too late");
	}
	r = (struct check_result){ .code = CHECK_CODE_L4CON }; /* an answer is an answer */
	check_result_distrust(&r, 1000000, 1000);
	ck_assert_int_eq(r.code, CHECK_CODE_L4CON);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_result");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, whose_fault);
	tcase_add_test(tc, time_that_we_took_is_held_against_nobody);
	tcase_add_test(tc, replies_are_shown_escaped_and_whole);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
