/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_match.h"
#include "lbd/check/check_regex.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *what, *pattern, *reply;
	int found;
} rows[] = {
	{ "a literal", "ESMTP", "220 mail ESMTP ready", 1 },
	{ "not there", "ESMTP", "220 mail ready", 0 },
	{ "an anchor at the start", "^220 ", "220 mail", 1 },
	{ "the start is that of the reply, not of a line", "^250", "220 mail\r\n250 ok", 0 },
	{ "unless the pattern says so", "(?m)^250", "220 mail\r\n250 ok", 1 },
	{ "a dot is not a newline", "a.b", "a\nb", 0 },
	{ "unless the pattern says so", "(?s)a.b", "a\nb", 1 },
	{ "case matters", "pong", "+PONG", 0 },
	{ "unless the pattern says so", "(?i)pong", "+PONG", 1 },
	{ "a back reference", "(.)\\1", "hello", 1 },
	{ "bytes that are no UTF-8", "\\xff.\\x80", "a\xff.\x80", 1 },
	{ "an empty reply", "x", "", 0 },
	{ "an empty pattern matches everything", "", "", 1 },
};

START_TEST(searches)
{
	struct check_regex *re = NULL;
	ck_assert_int_eq(check_regex_new(rows[_i].pattern, strlen(rows[_i].pattern), &re, NULL, NULL), 0);
	for (int again = 0; again < 2; again++) {
		int found = check_regex_search(re, rows[_i].reply, strlen(rows[_i].reply));
		ck_assert_msg(found == rows[_i].found, "%s: %d", rows[_i].what, found);
	}
	check_regex_free(re);
}
END_TEST

static const struct {
	const char *what, *pattern;
	size_t at;
	const char *why; /* must occur in it */
} bad[] = {
	{ "a group without end", "(abc", 4, "missing closing parenthesis" },
	{ "nothing to repeat", "a|*", 2, "quantifier does not follow" },
	{ "a class without end", "[a-", 3, "missing terminating ]" },
	{ "UTF-8 is not on offer", "(*UTF)a", 6, "" },
	{ "half a character is not either", "\\C", 2, "" },
};

START_TEST(bad_patterns_say_why_and_where)
{
	struct check_regex *re = NULL;
	char why[96] = "";
	size_t at = 999;
	ck_assert_int_eq(check_regex_new(bad[_i].pattern, strlen(bad[_i].pattern), &re, why, &at), -EINVAL);
	ck_assert_ptr_null(re);
	ck_assert_msg(at == bad[_i].at && why[0] && strstr(why, bad[_i].why), "%s: %zu %s", bad[_i].what, at, why);
}
END_TEST

START_TEST(nesting_is_limited)
{
	char deep[2001];
	struct check_regex *re = NULL;
	memset(deep, '(', 1000);
	memset(deep + 1000, ')', 1000);
	ck_assert_int_eq(check_regex_new(deep, 2000, &re, NULL, NULL), -EINVAL);
	check_regex_free(re); /* NULL is fine */
}
END_TEST

/* Patterns that explode on the right subject: the answer is "limit reached", and soon. */
static const char *const bombs[] = { "(a+)+$", "(a|aa)+$", "(.*)*(.*)*(.*)*x", "((a*)*)*b", "(?:a?){50}a{50}b",
	"^(?=(a+))*?\\1*b", "(?R)?a(?R)?b", "[a-z]+[0-9]", "a*+[0-9]", "(a+)\\1[bc]", "(?i)(a+)\\1[bc]",
	"(a+)b?\\1\\1[bc]", "(?s)a.*?a.*[bc]" };

START_TEST(hostile_replies_cost_bounded_time)
{
	static char reply[CHECK_REPLY_MAX];
	memset(reply, 'a', sizeof(reply));
	reply[sizeof(reply) - 1] = '!';
	struct check_regex *re = NULL;
	ck_assert_int_eq(check_regex_new(bombs[_i], strlen(bombs[_i]), &re, NULL, NULL), 0);
	clock_t start = clock();
	int found = check_regex_search(re, reply, sizeof(reply));
	double took = (double)(clock() - start) / CLOCKS_PER_SEC;
	ck_assert_msg(found != -ENOMEM && found < 1, "%s: %d", bombs[_i], found);
	/* 20 ms on a quiet machine; the library itself is not instrumented */
	ck_assert_msg(took < 0.5, "%s took %.3f s", bombs[_i], took);
	check_regex_free(re);
}
END_TEST

/* The budget is not so small that it is in the way: the dullest text there is, of full size, and no match in it. */
START_TEST(honest_patterns_have_room)
{
	static const char *const patterns[] = { "[a-z]+[0-9]", "(?i)status: *(ok|fine)", "\\bhealthy\\b", "q[^z]*7",
		"(?s)^the(.*)OK[a-z]", "\"state\" *: *\"(up|ready)\"", "(?m)^250[ -].*$" };
	static const char text[] = "the quick brown fox jumps over a \n";
	static char reply[CHECK_REPLY_MAX];
	for (size_t i = 0; i < sizeof(reply); i++)
		reply[i] = text[i % (sizeof(text) - 1)];
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct check_regex *re = NULL;
		ck_assert_int_eq(check_regex_new(patterns[i], strlen(patterns[i]), &re, NULL, NULL), 0);
		ck_assert_msg(check_regex_search(re, reply, sizeof(reply)) == 0, "%s", patterns[i]);
		check_regex_free(re);
	}
}
END_TEST

START_TEST(the_plainest_bomb_reaches_the_limit)
{
	struct check_regex *re = NULL;
	ck_assert_int_eq(check_regex_new("(a+)+$", 6, &re, NULL, NULL), 0);
	ck_assert_int_eq(check_regex_search(re, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", 45), -EOVERFLOW);
	ck_assert_int_eq(check_regex_search(re, "aaaa", 4), 1); /* and it is none the worse for it */
	check_regex_free(re);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_regex");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, searches, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, bad_patterns_say_why_and_where, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, nesting_is_limited);
	tcase_add_loop_test(tc, hostile_replies_cost_bounded_time, 0, sizeof(bombs) / sizeof(bombs[0]));
	tcase_add_test(tc, honest_patterns_have_room);
	tcase_add_test(tc, the_plainest_bomb_reaches_the_limit);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
