/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keepalived's lines: what comes of a text, line by line. */
#include "lbd/import/ka.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct row {
	const char *what, *id, *text, *want; /* the lines, with | between them */
	size_t errors, lost;
};

static const struct row rows[] = {
	{ "comments go, blanks around a line go", NULL, " a b # c\n\t!d\n\n e!f", "a b|e", 0, 0 },
	{ "no comment begins in quotes", NULL, "a \"#\" '!' # c", "a \"#\" '!'", 0, 0 },
	{ "an escaped quote does not end them", NULL, "a \"\\\"#\" b", "a \"\\\"#\" b", 0, 0 },
	{ "characters that cannot be written", NULL, "${_HASH} ${_BANG}", "# !", 0, 0 },
	{ "a variable before a blank and at the end", NULL, "$A=x y\n$A $A", "x y x y", 0, 0 },
	{ "without braces only before a blank", NULL, "$A=x\n$A.b ${A}.b $AB", "$A.b x.b $AB", 0, 0 },
	{ "replaced when it is used", NULL, "$A=${B}\n$B=1\n$A\n$B=2\n$A", "1|2", 0, 0 },
	{ "what is not defined stays", NULL, "${A} $A", "${A} $A", 0, 0 },
	{ "a blank before = makes no definition", NULL, "$A =x\n$A", "$A =x|$A", 0, 0 },
	{ "a definition of several lines", NULL, "$A= \\\nb ${x} \\\nc\n$x=1\n$A", "b 1|c", 0, 0 },
	{ "and conditions in it", "a", "$A= \\\n@a b\\\n@c d\\\ne\n$A", "b|e", 0, 0 },
	{ "one that never ends", NULL, "$A=b\\\nc\\", "", 1, 0 },
	{ "one that does not count takes its lines along", "a", "@b $A=\\\nx\\\ny\nz", "z", 0, 0 },
	{ "lines of this id", "a", "@a x\n@b y\n@^a z\n@^b v", "x|v", 0, 0 },
	{ "nobody said which id", NULL, "@a x\n@^b y", "y", 0, 2 },
	{ "numbers", NULL, "~SEQ(i,1,3) x${i}", "x1|x2|x3", 0, 0 },
	{ "with a step, down", NULL, "~SEQ(i,9,-4,1) x${i}", "x9|x5|x1", 0, 0 },
	{ "from 1", NULL, "~SEQ(i,2) $i", "1|2", 0, 0 },
	{ "down by itself", NULL, "~SEQ(i,2,1) $i", "2|1", 0, 0 },
	{ "in hexadecimal", NULL, "~SEQx(i,0x9,1,0xb) $i", "9|a|b", 0, 0 },
	{ "one in another", NULL, "~SEQ(i,1,2) ~SEQ(j,1,2) ${i}${j}", "11|12|21|22", 0, 0 },
	{ "what stands in front stays", NULL, "p ~SEQ(i,1,2) $i", "p  1|p  2", 0, 0 },
	{ "a list", NULL, "~LST(v,a, b) $v", "a|b", 0, 0 },
	{ "a list of several", NULL, "~LST({v,w},{a,b},{c,d}) ${v}${w}", "ab|cd", 0, 0 },
	{ "their variables are gone afterwards", NULL, "~SEQ(i,1,1) $i\n$i", "1|$i", 0, 0 },
	{ "a step of 0", NULL, "~SEQ(i,1,0,3) $i", "", 1, 0 },
	{ "too many", NULL, "~SEQ(i,1,70000) $i", "", 1, 0 },
	{ "not closed", NULL, "~SEQ(i,1,3 $i", "", 1, 0 },
	{ "a list of nothing", NULL, "~LST(v) $v", "", 1, 0 },
	{ "a definition that contains itself", NULL, "$A=$A\n$A\nb", "b", 1, 0 },
	{ "no value for these", NULL, "${_ENV HOME} ${_RANDOM 1 2}", "${_ENV HOME} ${_RANDOM 1 2}", 0, 2 },
	{ "an include of nothing", NULL, "include a\nincludea b\nb", "b", 1, 1 },
	{ "an include without a name", NULL, "include", "", 1, 0 },
	{ "an include behind a condition is none", "a", "@a include x", "include x", 0, 0 },
};

static void take(void *arg, const struct imp_place *at, const char *line)
{
	struct lb_text *t = arg;
	ck_assert_uint_gt(at->line, 0);
	while (*line == ' ')
		line++;
	size_t n = strlen(line);
	while (n && line[n - 1] == ' ')
		n--;
	lb_text_puts(t, t->n ? "|" : "");
	lb_text_put(t, line, n);
}

static size_t count(const struct imp *im, enum imp_level level)
{
	size_t n = 0;
	for (size_t i = 0; i < im->items.n; i++)
		n += im->items.v[i].level == level;
	return n;
}

START_TEST(line_by_line)
{
	const struct row *r = &rows[_i];
	struct imp im;
	struct lb_text got = LB_TEXT_INIT;
	struct import_source source = { .name = "f", .text = r->text, .len = strlen(r->text), .id = r->id };
	imp_init(&im, "f");
	lb_text_put(&got, "", 0);
	ka_lines(&im, &source, take, &got);
	ck_assert_msg(strcmp(got.s, r->want) == 0, "%s\n%s\ngot  %s\nwant %s", r->what, r->text, got.s, r->want);
	ck_assert_msg(count(&im, IMP_ERROR) == r->errors && count(&im, IMP_LOST) == r->lost, "%s: %zu errors, %zu lost",
		r->what, count(&im, IMP_ERROR), count(&im, IMP_LOST));
	lb_text_done(&got);
	imp_done(&im);
}
END_TEST

static void take_count(void *arg, const struct imp_place *at, const char *line)
{
	size_t *n = arg;
	*n += at->line > 0 && *line;
}

/* Each line is below its own limit; the file is not. Lines that are written out are not counted. */
START_TEST(many_repetitions)
{
	static const char line[] = "~SEQ(i,1,60000) $i\n";
	static const struct {
		const char *what;
		size_t times, plain, errors, lines;
	} cases[] = {
		{ "below the limit", 4, 300000, 0, 540000 },
		{ "at the end of the fifth line", 8, 0, 1, 262144 + 5 + 1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imp im;
		struct lb_text text = LB_TEXT_INIT;
		size_t n = 0;
		for (size_t k = 0; k < cases[i].times; k++)
			lb_text_puts(&text, line);
		for (size_t k = 0; k < cases[i].plain; k++)
			lb_text_puts(&text, "x\n");
		struct import_source source = { .name = "f", .text = text.s, .len = text.n };
		imp_init(&im, "f");
		ka_lines(&im, &source, take_count, &n);
		ck_assert_msg(n == cases[i].lines, "%s: %zu lines", cases[i].what, n);
		ck_assert_msg(im.items.n == cases[i].errors, "%s: %zu items", cases[i].what, im.items.n);
		if (im.items.n) {
			ck_assert_uint_eq(im.items.v[0].at.line, 5);
			ck_assert(strstr(im.items.v[0].text, "have made 262144 lines by here"));
		}
		imp_done(&im);
		lb_text_done(&text);
	}
}
END_TEST

START_TEST(tokens)
{
	static const struct {
		const char *what, *line, *want; /* tokens with | between them, braces as <> */
	} cases[] = {
		{ "words", "a  b\tc", "a|b|c" },
		{ "quotes join what they touch", "a\"b c\"'d e'f", "ab cd ef" },
		{ "an empty text is a word", "a \"\" b", "a||b" },
		{ "escapes in quotes", "\"\\x41\\102\\tC\\q\\cA\"", "AB\tCq\001" },
		{ "and none outside", "a\\b", "a\\b" },
		{ "braces", "a { b } }", "a|<|b|>|>" },
		{ "at the end of a word", "a{ b}}", "a|<|b|>|>" },
		{ "at its beginning", "{a }", "<|a|>" },
		{ "a pair within a word belongs to it", "x{2} a{b,c}d", "x{2}|a{b,c}d" },
		{ "in quotes they are text", "\"{\" '}'", "{|}" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imp im;
		struct lb_text got = LB_TEXT_INIT;
		struct imp_place at = { "f", 1, 0 };
		struct ka_token t;
		const char *line = cases[i].line;
		imp_init(&im, "f");
		for (bool first = true; ka_token(&im, &at, &line, &t); first = false) {
			lb_text_puts(&got, first ? "" : "|");
			lb_text_puts(&got, t.brace == '{' ? "<" : t.brace == '}' ? ">" : t.s);
		}
		const char *text = got.s ? got.s : "";
		ck_assert_msg(strcmp(text, cases[i].want) == 0, "%s: %s", cases[i].what, text);
		lb_text_done(&got);
		imp_done(&im);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ka_lang");
	TCase *t = tcase_create("lines");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, line_by_line, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, tokens);
	tcase_add_test(t, many_repetitions);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
