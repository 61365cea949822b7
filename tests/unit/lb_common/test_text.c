/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/text.h"

#include "common/buf.h"

#include <check.h>
#include <string.h>

static const struct {
	const char *a, *b;
	unsigned distance;
} distances[] = {
	{ "", "", 0 },
	{ "drain", "drain", 0 },
	{ "drian", "drain", 1 }, /* two neighbours swapped */
	{ "drn", "drain", 2 },
	{ "schedular", "scheduler", 1 },
	{ "", "abc", 3 },
	{ "kitten", "sitting", 3 },
};

START_TEST(distance)
{
	ck_assert_uint_eq(
		lb_text_distance(distances[_i].a, strlen(distances[_i].a), distances[_i].b, strlen(distances[_i].b)),
		distances[_i].distance);
	ck_assert_uint_eq(
		lb_text_distance(distances[_i].b, strlen(distances[_i].b), distances[_i].a, strlen(distances[_i].a)),
		distances[_i].distance);
}
END_TEST

START_TEST(distance_of_long_words_is_far)
{
	char word[100];
	memset(word, 'a', sizeof(word));
	ck_assert_uint_eq(lb_text_distance(word, 65, word, 65), 65);
	ck_assert_uint_eq(lb_text_distance(word, 64, word, 64), 0);
}
END_TEST

START_TEST(suggestion)
{
	const char *words[] = { "scheduler", "service", "services", "check", "mode" };
	ck_assert_str_eq(lb_text_suggest("schedular", 9, words, 5), "scheduler");
	ck_assert_str_eq(lb_text_suggest("che", 3, words, 5), "check"); /* the only one it begins */
	ck_assert_str_eq(lb_text_suggest("chek", 4, words, 5), "check");
	ck_assert_ptr_null(lb_text_suggest("s", 1, words, 5));
	ck_assert_ptr_null(lb_text_suggest("zzzzzz", 6, words, 5));
	ck_assert_ptr_null(lb_text_suggest("", 0, words, 5));
	/* a short word is not near to everything that is short */
	ck_assert_ptr_null(lb_text_suggest("xy", 2, words, 5));
}
END_TEST

START_TEST(copies_end_between_characters)
{
	static const struct {
		const char *what, *s, *out;
	} copies[] = {
		{ "what fits", "abcdefg", "abcdefg" },
		{ "plain letters", "abcdefgh", "abcdefg" },
		{ "a character that just fits", "abcde\xc3\xa4z", "abcde\xc3\xa4" },
		{ "one of two bytes", "abcdef\xc3\xa4", "abcdef" },
		{ "one of four bytes, all but the last", "abcd\xf0\x9f\x98\x80", "abcd" },
		{ "bytes that are no character stay", "abcdef\xff\xff", "abcdef\xff" },
		{ "nothing", "", "" },
	};
	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		char out[8] = "xxxxxxx";
		lb_text_copy(out, sizeof(out), copies[i].s);
		ck_assert_msg(strcmp(out, copies[i].out) == 0, "%s: %s", copies[i].what, out);
	}
}
END_TEST

START_TEST(names)
{
	char longest[65];
	memset(longest, 'a', sizeof(longest));
	ck_assert(lb_name_ok("web", 3) && lb_name_ok("0-a_b.c", 7) && lb_name_ok(longest, 63));
	ck_assert(!lb_name_ok(longest, 64) && !lb_name_ok("", 0) && !lb_name_ok("-a", 2) && !lb_name_ok(".a", 2));
	ck_assert(
		!lb_name_ok("a/b", 3) && !lb_name_ok("a b", 3) && !lb_name_ok("a\0b", 3) && !lb_name_ok("\xc3\xa4", 2));
}
END_TEST

static const struct {
	const char *what, *in, *out;
	size_t max;
} escapes[] = {
	{ "plain", "abc", "abc", 0 },
	{ "UTF-8 stays", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 0 },
	{ "escape sequence", "\033[31m", "\\x1b[31m", 0 },
	{ "newline", "a\nb", "a\\x0ab", 0 },
	{ "DEL", "a\x7f", "a\\x7f", 0 },
	{ "C1 control as UTF-8", "a\xc2\x9b", "a\\xc2\\x9b", 0 },
	{ "byte that is no UTF-8", "a\xff", "a\\xff", 0 },
	{ "overlong slash", "\xc0\xaf", "\\xc0\\xaf", 0 },
	{ "surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80", 0 },
	{ "cut sequence at the end", "a\xe2\x82", "a\\xe2\\x82", 0 },
	{ "cut by max", "abcdef", "abc...", 3 },
};

START_TEST(escape)
{
	struct lb_text t = LB_TEXT_INIT;
	lb_text_escape(&t, escapes[_i].in, strlen(escapes[_i].in), escapes[_i].max);
	ck_assert_msg(strcmp(t.s, escapes[_i].out) == 0, "%s: %s", escapes[_i].what, t.s);
	lb_text_done(&t);
}
END_TEST

static const struct {
	const char *what, *a, *b, *x, *y;
} pairs[] = {
	/* 32 bytes for each */
	{ "both fit", "80", "81, 82", "80", "81, 82" },
	{ "nothing", "", "", "", "" },
	{ "exactly as long as may be", "0123456789abcdef0123456789abcde1", "0123456789abcdef0123456789abcde2",
		"0123456789abcdef0123456789abcde1", "0123456789abcdef0123456789abcde2" },
	{ "the first of a list is another", "192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4", "192.0.2.9, 192.0.2.2",
		"192.0.2.1, 192.0.2.2, 192.0.2...", "192.0.2.9, 192.0.2.2" },
	{ "the last is another", "192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4",
		"192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.5", "..., 192.0.2.4", "..., 192.0.2.5" },
	{ "one more at its end", "192.0.2.1, 192.0.2.2, 192.0.2.3", "192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4",
		"..., 192.0.2.3", "..., 192.0.2.3, 192.0.2.4" },
	{ "one less, and others follow", "a.example, b.example, c.example; d.example; e.example; f.example, g",
		"a.example, b.example, c.example; e.example; f.example, g", "..., d.example; e.example; f....",
		"..., e.example; f.example, g" },
	{ "what is added has no end", "a", "a, 0123456789abcdef0123456789abcdef", "a",
		"a, 0123456789abcdef0123456789..." },
	{ "a long one, far behind its begin", "0123456789abcdef0123456789abcdef0123456789abcdef1",
		"0123456789abcdef0123456789abcdef0123456789abcdef2", "...89abcdef1", "...89abcdef2" },
	{ "and characters of several bytes",
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4",
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xb6",
		"...\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", "...\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xb6" },
};

START_TEST(pairs_are_cut_to_where_they_differ)
{
	struct lb_text x = LB_TEXT_INIT, y = LB_TEXT_INIT;
	lb_text_cut_pair(pairs[_i].a, pairs[_i].b, 32, &x, &y);
	ck_assert_msg(strcmp(x.n ? x.s : "", pairs[_i].x) == 0, "%s: %s", pairs[_i].what, x.s);
	ck_assert_msg(strcmp(y.n ? y.s : "", pairs[_i].y) == 0, "%s: %s", pairs[_i].what, y.s);
	lb_text_done(&x);
	lb_text_done(&y);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("text");
	TCase *tc = tcase_create("text");
	tcase_add_loop_test(tc, distance, 0, (int)(sizeof(distances) / sizeof(distances[0])));
	tcase_add_test(tc, distance_of_long_words_is_far);
	tcase_add_test(tc, suggestion);
	tcase_add_test(tc, copies_end_between_characters);
	tcase_add_test(tc, names);
	tcase_add_loop_test(tc, escape, 0, (int)(sizeof(escapes) / sizeof(escapes[0])));
	tcase_add_loop_test(tc, pairs_are_cut_to_where_they_differ, 0, (int)(sizeof(pairs) / sizeof(pairs[0])));
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
