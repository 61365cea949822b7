/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/buf.h"
#include "lbd/check/check_reply.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct lb_text bytes;

static struct check_params params(const char *expect, const char *regex)
{
	lb_text_clear(&bytes);
	if (expect)
		ck_assert_int_eq(check_param_put(&bytes, CHECK_PARAM_EXPECT, expect, strlen(expect)), 0);
	if (regex)
		ck_assert_int_eq(check_param_put(&bytes, CHECK_PARAM_EXPECT_REGEX, regex, strlen(regex)), 0);
	return (struct check_params){ (const uint8_t *)bytes.s, (uint32_t)bytes.n };
}

static const struct {
	const char *what, *expect, *regex, *reply;
	bool seen;
} rows[] = {
	{ "bytes alone", "ESMTP", NULL, "220 mail ESMTP ready", true },
	{ "bytes that are not there", "SSH", NULL, "220 mail ESMTP ready", false },
	{ "a pattern alone", NULL, "^220 \\w+ ESMTP", "220 mail ESMTP ready", true },
	{ "a pattern that does not match", NULL, "^250", "220 mail ESMTP ready", false },
	{ "both", "ready", "^220", "220 mail ESMTP ready", true },
	{ "both, in the other order of the reply", "220", "ready", "220 mail ESMTP ready", true },
	{ "only the bytes", "ready", "^250", "220 mail ESMTP ready", false },
	{ "only the pattern", "SSH", "^220", "220 mail ESMTP ready", false },
};

/* Wherever it is cut, and whether or not more seems to be waiting, the end tells the same. */
START_TEST(cuts_do_not_matter)
{
	struct check_params p = params(rows[_i].expect, rows[_i].regex);
	size_t n = strlen(rows[_i].reply);
	ck_assert(check_reply_wanted(&p));
	for (size_t a = 0; a <= n; a++)
		for (size_t b = a; b <= n; b++) {
			struct check_reply r;
			bool drained = (a + b) & 1;
			ck_assert_int_eq(check_reply_init(&r, &p), 0);
			for (int again = 0; again < 2; again++) {
				check_reply_again(&r);
				check_reply_feed(&r, rows[_i].reply, a, drained);
				check_reply_feed(&r, rows[_i].reply + a, b - a, !drained);
				check_reply_feed(&r, rows[_i].reply + b, n - b, drained);
				bool seen = check_reply_search(&r) == CHECK_REPLY_SEEN;
				ck_assert_msg(seen == rows[_i].seen, "%s, cut at %zu and %zu", rows[_i].what, a, b);
			}
			check_reply_done(&r);
			check_reply_done(&r);
		}
}
END_TEST

START_TEST(tells_at_once_when_the_socket_is_drained)
{
	struct check_params p = params(NULL, "b$");
	struct check_reply r;
	ck_assert_int_eq(check_reply_init(&r, &p), 0);
	ck_assert_int_eq(check_reply_feed(&r, "ab", 2, false), CHECK_REPLY_OPEN);
	ck_assert(check_reply_unsearched(&r));
	ck_assert_int_eq(check_reply_feed(&r, "b", 1, true), CHECK_REPLY_SEEN);
	ck_assert(!check_reply_unsearched(&r));
	check_reply_done(&r);
}
END_TEST

/* One byte at a time, always drained: what is searched in all stays below ten times the reply. */
START_TEST(single_bytes_cost_a_small_multiple)
{
	struct check_params p = params(NULL, "zzz");
	struct check_reply r;
	size_t searched = 0, searches = 0, before = 0;
	ck_assert_int_eq(check_reply_init(&r, &p), 0);
	for (size_t i = 0; i + 1 < CHECK_REPLY_MAX; i++) {
		ck_assert_int_eq(check_reply_feed(&r, ".", 1, true), CHECK_REPLY_OPEN);
		if (r.searched != before) {
			searches++;
			before = r.searched;
			searched += before;
		}
	}
	ck_assert_uint_lt(searched, 10 * CHECK_REPLY_MAX);
	ck_assert_uint_lt(searches, 100);
	check_reply_done(&r);
}
END_TEST

START_TEST(looks_at_64_kib_only)
{
	static char reply[CHECK_REPLY_MAX + 10];
	memset(reply, '.', sizeof(reply));
	struct check_params p = params("..", "O(K)");
	struct check_reply r;
	ck_assert_int_eq(check_reply_init(&r, &p), 0);
	memcpy(reply + CHECK_REPLY_MAX - 2, "OK", 2);
	ck_assert_int_eq(check_reply_feed(&r, reply, sizeof(reply), false), CHECK_REPLY_SEEN);
	check_reply_again(&r);
	memcpy(reply + CHECK_REPLY_MAX - 2, ".OK", 3);
	ck_assert_int_eq(check_reply_feed(&r, reply, CHECK_REPLY_MAX - 1, true), CHECK_REPLY_OPEN);
	ck_assert_int_eq(check_reply_feed(&r, "OK", 2, false), CHECK_REPLY_FULL);
	ck_assert_int_eq(check_reply_feed(&r, "OK", 2, true), CHECK_REPLY_FULL);
	ck_assert_uint_eq(r.seen, CHECK_REPLY_MAX);
	check_reply_done(&r);
}
END_TEST

START_TEST(keeps_the_beginning)
{
	struct check_params p = params(NULL, "zzz");
	struct check_reply r;
	ck_assert_int_eq(check_reply_init(&r, &p), 0);
	for (int i = 0; i < 10; i++)
		check_reply_feed(&r, "0123456", 7, true);
	ck_assert_uint_eq(r.head_n, CHECK_HEAD_MAX);
	ck_assert_mem_eq(r.head, "0123456012345601234560123456012345601234", CHECK_HEAD_MAX);
	check_reply_done(&r);
}
END_TEST

START_TEST(a_costly_reply_is_final)
{
	static char reply[CHECK_REPLY_MAX];
	memset(reply, 'a', sizeof(reply));
	struct check_params p = params(NULL, "[a-z]+[0-9]");
	struct check_reply r;
	ck_assert_int_eq(check_reply_init(&r, &p), 0);
	ck_assert_int_eq(check_reply_feed(&r, reply, sizeof(reply), false), CHECK_REPLY_COSTLY);
	check_reply_done(&r);
}
END_TEST

START_TEST(what_cannot_be_made)
{
	struct check_params p = params("x", "(");
	struct check_reply r;
	ck_assert_int_eq(check_reply_init(&r, &p), -EINVAL);
	p = params(NULL, NULL);
	ck_assert(!check_reply_wanted(&p));
	check_reply_done(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_reply");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, cuts_do_not_matter, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, tells_at_once_when_the_socket_is_drained);
	tcase_add_test(tc, single_bytes_cost_a_small_multiple);
	tcase_add_test(tc, looks_at_64_kib_only);
	tcase_add_test(tc, keeps_the_beginning);
	tcase_add_test(tc, a_costly_reply_is_final);
	tcase_add_test(tc, what_cannot_be_made);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	lb_text_done(&bytes);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
