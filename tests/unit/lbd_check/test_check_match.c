/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_match.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *what, *reply, *want;
	bool found;
} rows[] = {
	{ "in the middle", "220 mail ESMTP ready", "ESMTP", true },
	{ "at the start", "HTTP/1.1 200 OK", "HTTP/1.1 200", true },
	{ "at the very end", "+PONG", "PONG", true },
	{ "not there", "HTTP/1.1 503 no", "200", false },
	{ "only a part of it", "PON", "PONG", false },
	{ "a false start that overlaps the true one", "aaab", "aab", true },
	{ "a false start inside a period", "abababac", "ababac", true },
	{ "case matters", "pong", "PONG", false },
	{ "an empty reply", "", "x", false },
};

/* Whatever the two cuts, the answer is the same. */
START_TEST(cuts_do_not_matter)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].reply);
		for (size_t a = 0; a <= n; a++)
			for (size_t b = a; b <= n; b++) {
				struct check_match m;
				ck_assert_int_eq(check_match_init(&m, rows[i].want, strlen(rows[i].want)), 0);
				bool found = check_match_feed(&m, rows[i].reply, a);
				found = check_match_feed(&m, rows[i].reply + a, b - a) || found;
				found = check_match_feed(&m, rows[i].reply + b, n - b) || found;
				ck_assert_msg(found == rows[i].found, "%s, cut at %zu and %zu", rows[i].what, a, b);
				check_match_done(&m);
			}
	}
}
END_TEST

/* Against memmem, over a small alphabet so that false starts are frequent. */
START_TEST(equals_memmem)
{
	srand(11);
	for (int round = 0; round < 20000; round++) {
		char reply[64], want[8];
		size_t n = (size_t)rand() % sizeof(reply), k = 1 + (size_t)rand() % sizeof(want);
		for (size_t i = 0; i < n; i++)
			reply[i] = (char)(rand() % 2);
		for (size_t i = 0; i < k; i++)
			want[i] = (char)(rand() % 2);
		struct check_match m;
		ck_assert_int_eq(check_match_init(&m, want, k), 0);
		bool found = false;
		for (size_t i = 0; i < n;) {
			size_t piece = 1 + (size_t)rand() % 5;
			piece = piece > n - i ? n - i : piece;
			found = check_match_feed(&m, reply + i, piece);
			i += piece;
		}
		ck_assert_msg(found == (memmem(reply, n, want, k) != NULL), "round %d", round);
		check_match_done(&m);
	}
}
END_TEST

START_TEST(looks_at_64_kib_only)
{
	static char reply[CHECK_REPLY_MAX + 10];
	memset(reply, '.', sizeof(reply));
	struct check_match m;
	memcpy(reply + CHECK_REPLY_MAX - 2, "OK", 2);
	ck_assert_int_eq(check_match_init(&m, "OK", 2), 0);
	ck_assert(check_match_feed(&m, reply, sizeof(reply)));
	check_match_done(&m);
	memcpy(reply + CHECK_REPLY_MAX - 2, ".OK", 3);
	ck_assert_int_eq(check_match_init(&m, "OK", 2), 0);
	ck_assert(!check_match_feed(&m, reply, sizeof(reply)));
	ck_assert_uint_eq(m.seen, CHECK_REPLY_MAX);
	check_match_done(&m);
}
END_TEST

START_TEST(keeps_the_beginning)
{
	struct check_match m;
	ck_assert_int_eq(check_match_init(&m, "zzz", 3), 0);
	for (int i = 0; i < 10; i++)
		check_match_feed(&m, "0123456", 7);
	ck_assert_uint_eq(m.head_n, CHECK_HEAD_MAX);
	ck_assert_mem_eq(m.head, "0123456012345601234560123456012345601234", CHECK_HEAD_MAX);
	check_match_done(&m);
	ck_assert_int_eq(check_match_init(&m, "", 0), -EINVAL);
	ck_assert_int_eq(check_match_init(&m, "x", CHECK_BYTES_MAX + 1), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_match");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, cuts_do_not_matter);
	tcase_add_test(tc, equals_memmem);
	tcase_add_test(tc, looks_at_64_kib_only);
	tcase_add_test(tc, keeps_the_beginning);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
