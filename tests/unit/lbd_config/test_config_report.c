/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The form of one finding: place, excerpt, caret. */
#include "lbd/config/config_report.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *what;
	const char *text;
	uint32_t line, column, width;
	const char *want;
} rows[] = {
	{ "the token of the example in the manual", "a\n    schedular: mh\n", 2, 5, 9,
		"f:2:5: error: text (p)\n"
		"      2 |     schedular: mh\n"
		"        |     ^~~~~~~~~\n"
		"  help: help\n" },
	{ "control characters take the room of their escapes", "a\x1b[1m: \x01x", 1, 9, 1,
		"f:1:9: error: text (p)\n"
		"      1 | a\\x1b[1m: \\x01x\n"
		"        |               ^\n"
		"  help: help\n" },
	{ "an escape is underlined as a whole", "a\x01z", 1, 2, 1,
		"f:1:2: error: text (p)\n"
		"      1 | a\\x01z\n"
		"        |  ^~~~\n"
		"  help: help\n" },
	{ "a tab is four characters here", "\tx: 1", 1, 2, 1,
		"f:1:2: error: text (p)\n"
		"      1 | \\x09x: 1\n"
		"        |     ^\n"
		"  help: help\n" },
	{ "columns count characters, not bytes", "\xc3\xa4\xe2\x9c\x93: x", 1, 5, 1,
		"f:1:5: error: text (p)\n"
		"      1 | \xc3\xa4\xe2\x9c\x93: x\n"
		"        |     ^\n"
		"  help: help\n" },
	{ "bytes that are not UTF-8", "a\xff\xfe b", 1, 2, 1,
		"f:1:2: error: text (p)\n"
		"      1 | a\\xff\\xfe b\n"
		"        |  ^~~~\n"
		"  help: help\n" },
	{ "a width beyond the line ends with it", "abc: \"x\n y\"", 1, 6, UINT32_MAX,
		"f:1:6: error: text (p)\n"
		"      1 | abc: \"x\n"
		"        |      ^~\n"
		"  help: help\n" },
	{ "the end of the line is a place", "abc:", 1, 5, 1,
		"f:1:5: error: text (p)\n"
		"      1 | abc:\n"
		"        |     ^\n"
		"  help: help\n" },
	{ "the file as a whole has no line", "abc:", 0, 0, 0, "f: error: text (p)\n  help: help\n" },
	{ "CR LF and CR end lines too", "a\r\nb\rc\r\n", 3, 1, 1,
		"f:3:1: error: text (p)\n"
		"      3 | c\n"
		"        | ^\n"
		"  help: help\n" },
	{ "a byte order mark is not a character",
		"\xef\xbb\xbf"
		"abc",
		1, 2, 2,
		"f:1:2: error: text (p)\n"
		"      1 | abc\n"
		"        |  ^~\n"
		"  help: help\n" },
};

static char *print_one(const char *text, uint32_t line, uint32_t column, uint32_t width)
{
	struct config_source source = { "f", text, strlen(text) };
	struct config_report r;
	struct config_path path = { NULL, "p", 1, 0 };
	struct lb_text out = LB_TEXT_INIT;
	config_report_init(&r, &source, 1);
	struct config_finding f = { .at = { 0, line, column, width }, .path = &path, .help = "help" };
	config_report_add(&r, &f, "te%s", "xt");
	config_report_finish(&r);
	ck_assert_uint_eq(r.n_out, 1);
	config_error_print(&r.out[0], &out);
	config_report_done(&r);
	return out.s;
}

START_TEST(forms)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *got = print_one(rows[i].text, rows[i].line, rows[i].column, rows[i].width);
		ck_assert_msg(strcmp(got, rows[i].want) == 0, "%s:\n%s--- not\n%s", rows[i].what, got, rows[i].want);
		free(got);
	}
}
END_TEST

/* Wherever the caret is in a long line, it stands under its character and nothing is wider than 80 columns. */
START_TEST(long_lines)
{
	enum { LEN = 400 };
	char text[LEN * 4 + 1];
	for (int escapes = 0; escapes < 2; escapes++) {
		for (unsigned i = 0; i < LEN; i++)
			text[i] = escapes && i % 3 ? '\x01' : 'a';
		text[LEN] = '\0';
		for (uint32_t column = 1; column <= LEN; column++) {
			char was = text[column - 1];
			text[column - 1] = 'X';
			char *got = print_one(text, 1, column, 1);
			text[column - 1] = was;
			char *excerpt = strchr(got, '\n') + 1, *caret = strchr(excerpt, '\n') + 1;
			ck_assert_int_lt(caret - excerpt, 82);
			ck_assert_int_lt(strchr(caret, '\n') - caret, 82);
			ck_assert_msg(excerpt[strcspn(caret, "^")] == 'X', "column %u:\n%s", column, got);
			free(got);
		}
	}
}
END_TEST

/* The first fifty by place are kept, whatever the order they come in. */
START_TEST(first_fifty)
{
	enum { N = 120 };
	char text[N * 2 + 1] = "";
	for (unsigned i = 0; i < N; i++)
		memcpy(text + i * 2, "x\n", 2);
	text[N * 2] = '\0';
	struct config_source source = { "f", text, N * 2 };
	for (unsigned step = 1; step < N; step += 6) { /* 7, 13, ... may share a factor with N + 1 = 121 = 11 * 11 */
		if (step % 11 == 0)
			continue;
		struct config_report r;
		config_report_init(&r, &source, 1);
		for (unsigned i = 1; i <= N; i++) {
			struct config_finding f = { .at = { 0, i * step % (N + 1), 1, 1 }, .warning = i % 4 == 0 };
			config_report_add(&r, &f, "%u", i);
		}
		config_report_finish(&r);
		ck_assert_uint_eq(r.errors.n, 50);
		ck_assert_uint_eq(r.errors.more, 40);
		ck_assert_uint_eq(r.warnings.n, 30);
		ck_assert_uint_eq(r.n_out, 80);
		for (size_t i = 1; i < r.n_out; i++)
			ck_assert_uint_lt(r.out[i - 1].line, r.out[i].line);
		uint32_t last = 0, seen = 0;
		for (size_t i = 0; i < r.n_out; i++)
			if (!r.out[i].warning) {
				last = r.out[i].line;
				seen++;
			}
		ck_assert_uint_eq(seen, 50);
		for (unsigned i = 1; i <= N; i++) { /* no error before the last kept one is missing */
			bool kept = false;
			for (size_t k = 0; k < r.n_out; k++)
				kept |= r.out[k].line == i * step % (N + 1);
			ck_assert(kept || i * step % (N + 1) > last);
		}
		config_report_done(&r);
	}
}
END_TEST

START_TEST(files_in_order)
{
	struct config_source sources[] = { { "b", "1\n2\n", 4 }, { "a", "1\n2\n", 4 } };
	struct config_report r;
	config_report_init(&r, sources, 2);
	config_report_add(&r, &(struct config_finding){ .at = { 1, 2, 1, 1 } }, "third");
	config_report_add(&r, &(struct config_finding){ .at = { 0, 2, 1, 1 } }, "second");
	config_report_add(&r, &(struct config_finding){ .at = { 0, 1, 1, 1 }, .warning = true }, "first");
	config_report_add(&r, &(struct config_finding){ .at = { 1, 0, 0, 0 } }, "a whole file before its lines");
	config_report_finish(&r);
	ck_assert_uint_eq(r.n_out, 4);
	ck_assert_str_eq(r.out[0].text, "first");
	ck_assert_str_eq(r.out[0].excerpt, "1");
	ck_assert_str_eq(r.out[1].text, "second");
	ck_assert_str_eq(r.out[2].text, "a whole file before its lines");
	ck_assert_str_eq(r.out[3].text, "third");
	ck_assert_str_eq(r.out[3].excerpt, "2");
	config_report_done(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_report");
	TCase *tc = tcase_create("config_report");
	suite_add_tcase(s, tc);
	tcase_add_test(tc, forms);
	tcase_add_test(tc, long_lines);
	tcase_add_test(tc, first_fifty);
	tcase_add_test(tc, files_in_order);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
