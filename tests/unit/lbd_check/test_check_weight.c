/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_weight.h"

#include "common/buf.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *what, *text;
	int kind, value; /* kind -1: refused */
} weights[] = {
	{ "a number", "12", CHECK_WEIGHT_VALUE, 12 },
	{ "a share", "75%", CHECK_WEIGHT_PERCENT, 75 },
	{ "nothing at all of it", "0%", CHECK_WEIGHT_PERCENT, 0 },
	{ "zero", "0", CHECK_WEIGHT_VALUE, 0 },
	{ "more than all", "150%", CHECK_WEIGHT_PERCENT, 150 },
	{ "the largest", "65535", CHECK_WEIGHT_VALUE, 65535 },
	{ "the largest share", "65535%", CHECK_WEIGHT_PERCENT, 65535 },
	{ "leading zeros", "007", CHECK_WEIGHT_VALUE, 7 },
	{ "blanks and a line end around", " \t 12 \r\n", CHECK_WEIGHT_VALUE, 12 },
	{ "too large", "65536", -1, 0 },
	{ "too large a share", "65536%", -1, 0 },
	{ "far too large", "99999999999999999999", -1, 0 },
	{ "negative", "-1", -1, 0 },
	{ "a plus sign", "+1", -1, 0 },
	{ "a fraction", "1.5", -1, 0 },
	{ "hexadecimal", "0x10", -1, 0 },
	{ "a blank inside", "1 2", -1, 0 },
	{ "a blank before the sign", "1 %", -1, 0 },
	{ "the sign alone", "%", -1, 0 },
	{ "two signs", "1%%", -1, 0 },
	{ "a word", "up", -1, 0 },
	{ "nothing", "", -1, 0 },
	{ "blanks", " \r\n", -1, 0 },
};

START_TEST(weight_words)
{
	struct check_weight w = { .kind = 77, .value = 4711 };
	bool ok = check_weight_parse(weights[_i].text, strlen(weights[_i].text), &w);
	if (weights[_i].kind < 0)
		ck_assert_msg(!ok && w.kind == 77 && w.value == 4711, "%s", weights[_i].what);
	else
		ck_assert_msg(ok && w.kind == weights[_i].kind && w.value == weights[_i].value, "%s: %d %d",
			weights[_i].what, w.kind, w.value);
}
END_TEST

#define NO       (-1)
#define NONE     CHECK_WEIGHT_NONE
#define VALUE    CHECK_WEIGHT_VALUE
#define PERCENT  CHECK_WEIGHT_PERCENT
#define DRAIN    CHECK_WEIGHT_DRAIN
#define BAD_LINE NO, NONE, 0, NULL

static const struct {
	const char *what, *line;
	int word, kind, value;
	const char *text;
} lines[] = {
	{ "up", "up\n", CHECK_WORD_UP, NONE, 0, "" },
	{ "ready is up", "ready\r\n", CHECK_WORD_UP, NONE, 0, "" },
	{ "down", "down", CHECK_WORD_DOWN, NONE, 0, "" },
	{ "fail is down", "fail", CHECK_WORD_DOWN, NONE, 0, "" },
	{ "stopped is down", "stopped", CHECK_WORD_DOWN, NONE, 0, "" },
	{ "drain is weight 0", "drain", CHECK_WORD_DRAIN, DRAIN, 0, "" },
	{ "any case", "DoWn", CHECK_WORD_DOWN, NONE, 0, "" },
	{ "a share alone", "75%", CHECK_WORD_NONE, PERCENT, 75, "" },
	{ "a number alone", "12", CHECK_WORD_NONE, VALUE, 12, "" },
	{ "state and weight", "up 50%", CHECK_WORD_UP, PERCENT, 50, "" },
	{ "in the other order, with commas", "50%,,up", CHECK_WORD_UP, PERCENT, 50, "" },
	{ "tabs and blanks around", "\t up\t50% ", CHECK_WORD_UP, PERCENT, 50, "" },
	{ "a remark", "down#disk is full", CHECK_WORD_DOWN, NONE, 0, "disk is full" },
	{ "a remark after blanks", "fail  #  disk # 2 is full \r\n", CHECK_WORD_DOWN, NONE, 0, "disk # 2 is full" },
	{ "what is remarked is no word", "up # down", CHECK_WORD_UP, NONE, 0, "down" },
	{ "a remark with bytes that are not shown", "down#a\x1b[1m\xff", CHECK_WORD_DOWN, NONE, 0, "a\\x1b[1m\\xff" },
	{ "a long remark is cut", "down#0123456789012345678901234567890123456789012345678901234567890", CHECK_WORD_DOWN,
		NONE, 0, "01234567890123456789012345678901234567890123456" },
	{ "an escape is not cut in half", "down#012345678901234567890123456789012345678901234\x01", CHECK_WORD_DOWN,
		NONE, 0, "012345678901234567890123456789012345678901234" },
	{ "down counts more than up", "up down", CHECK_WORD_DOWN, NONE, 0, "" },
	{ "and than drain", "down drain", CHECK_WORD_DOWN, NONE, 0, "" },
	{ "drain counts more than up", "drain up", CHECK_WORD_DRAIN, DRAIN, 0, "" },
	{ "and than a weight", "drain 50%", CHECK_WORD_DRAIN, DRAIN, 0, "" },
	{ "only the first line", "up\r\ndown\r\n", CHECK_WORD_UP, NONE, 0, "" },
	{ "of two weights the last", "75% 50%", CHECK_WORD_NONE, PERCENT, 50, "" },
	{ "of another kind, too", "50% 20", CHECK_WORD_NONE, VALUE, 20, "" },
	{ "maint is down", "maint", CHECK_WORD_DOWN, NONE, 0, "" },
	{ "failed, too", "failed#why", CHECK_WORD_DOWN, NONE, 0, "why" },
	{ "a limit of connections is passed over", "up 75% maxconn:30", CHECK_WORD_UP, PERCENT, 75, "" },
	{ "in any case and at any place", "MaxConn:0,down", CHECK_WORD_DOWN, NONE, 0, "" },
	{ "a limit of connections alone", "maxconn:30\n", CHECK_WORD_UP, NONE, 0, "" },
	{ "a limit that is none", "up maxconn:", BAD_LINE },
	{ "a limit with a tail", "up maxconn:30x", BAD_LINE },
	{ "another word with a colon", "up minconn:30", BAD_LINE },
	{ "an unknown word", "up please", BAD_LINE },
	{ "a word with a tail", "upper", BAD_LINE },
	{ "the beginning of a word", "dow", BAD_LINE },
	{ "a weight that is too large", "up 70000", BAD_LINE },
	{ "nothing", "", BAD_LINE },
	{ "an empty line", "\r\nup", BAD_LINE },
	{ "only commas", " , ,", BAD_LINE },
	{ "only a remark", "# up", BAD_LINE },
	{ "another protocol", "HTTP/1.1 400 Bad Request", BAD_LINE },
};

START_TEST(agent_lines)
{
	struct check_agent a = { .word = CHECK_WORD_UP, .text = "before" };
	bool ok = check_agent_parse(lines[_i].line, strlen(lines[_i].line), &a);
	if (lines[_i].word == NO) {
		ck_assert_msg(!ok && strcmp(a.text, "before") == 0, "%s", lines[_i].what);
		return;
	}
	ck_assert_msg(ok && (int)a.word == lines[_i].word && a.weight.kind == lines[_i].kind &&
			      a.weight.value == lines[_i].value && strcmp(a.text, lines[_i].text) == 0,
		"%s: word %d, weight %d %d, '%s'", lines[_i].what, (int)a.word, a.weight.kind, a.weight.value, a.text);
}
END_TEST

START_TEST(zero_bytes_are_no_end)
{
	struct check_agent a;
	struct check_weight w;
	ck_assert(!check_agent_parse("up\0down", 7, &a));
	ck_assert(!check_agent_parse("up\0", 3, &a));
	ck_assert(!check_weight_parse("1\0", 2, &w));
	ck_assert(check_agent_parse("down#a\0b", 8, &a));
	ck_assert_str_eq(a.text, "a\\x00b");
}
END_TEST

static const struct {
	const char *what, *line;
	enum check_code code;
	int kind, value;
	const char *text;
} judged[] = {
	{ "up", "up\n", CHECK_CODE_L7OK, NONE, 0, "up" },
	{ "less than everything", "up 50%\n", CHECK_CODE_L7OKC, PERCENT, 50, "weight 50%" },
	{ "a number alone", "7", CHECK_CODE_L7OKC, VALUE, 7, "weight 7" },
	{ "drain", "drain", CHECK_CODE_L7OKC, DRAIN, 0, "drain" },
	{ "down", "down", CHECK_CODE_L7STS, NONE, 0, "down" },
	{ "down and why", "fail 50% # no disk", CHECK_CODE_L7STS, NONE, 0, "no disk" },
	{ "not an agent", "SSH-2.0\x01\r\n", CHECK_CODE_L7RSP, NONE, 0, "not an agent: SSH-2.0\\x01" },
	{ "not an agent, at length", "a123456789b123456789c123456789d123456789e123456789", CHECK_CODE_L7RSP, NONE, 0,
		"not an agent: a123456789b123456789c123456789d123456789..." },
	{ "an empty line", "\r\n", CHECK_CODE_L7RSP, NONE, 0, "an empty line" },
	{ "nothing", "", CHECK_CODE_L7RSP, NONE, 0, "not an agent, no byte came" },
};

START_TEST(judging)
{
	struct check_result r = { .latency_us = 5 };
	check_agent_judge(judged[_i].line, strlen(judged[_i].line), &r);
	ck_assert_msg(r.code == judged[_i].code && r.weight.kind == judged[_i].kind &&
			      r.weight.value == judged[_i].value && strcmp(r.text, judged[_i].text) == 0,
		"%s: %s, weight %d %d, '%s'", judged[_i].what, check_codes[r.code].name, r.weight.kind, r.weight.value,
		r.text);
	ck_assert_uint_eq(r.latency_us, 5);
}
END_TEST

START_TEST(weights_are_bounded_and_averaged)
{
	struct lb_text t = LB_TEXT_INIT;
	check_param_put(&t, CHECK_PARAM_WEIGHT_MIN, "10", 2);
	check_param_put(&t, CHECK_PARAM_WEIGHT_MAX, "90", 2);
	check_param_put(&t, CHECK_PARAM_WEIGHT_SMOOTH, "4", 1);
	const struct check_params bound = { (const uint8_t *)t.s, (uint32_t)t.n }, none = { 0 };
	struct check_smooth s = { 0 }, free_one = { 0 };
	static const struct {
		uint8_t kind;
		uint16_t value, want;
	} rows[] = {
		{ CHECK_WEIGHT_VALUE, 50, 50 },   /* the first value is the average */
		{ CHECK_WEIGHT_VALUE, 90, 60 },   /* 50 + 40/4 */
		{ CHECK_WEIGHT_VALUE, 500, 68 },  /* cut to 90: 60 + 30/4 = 67.5 */
		{ CHECK_WEIGHT_VALUE, 0, 53 },    /* raised to 10 */
		{ CHECK_WEIGHT_PERCENT, 20, 20 }, /* another kind begins anew */
		{ CHECK_WEIGHT_NONE, 0, 0 },
		{ CHECK_WEIGHT_PERCENT, 80, 80 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct check_weight in = { rows[i].kind, rows[i].value };
		struct check_weight out = check_weight_smooth(&s, &bound, &in);
		ck_assert_msg(out.kind == rows[i].kind && out.value == rows[i].want, "row %zu: %u", i, out.value);
		out = check_weight_smooth(&free_one, &none, &in);
		ck_assert(out.kind == in.kind && out.value == in.value);
	}
	lb_text_done(&t);
}
END_TEST

START_TEST(no_more_flows_means_now)
{
	struct lb_text t = LB_TEXT_INIT;
	check_param_put(&t, CHECK_PARAM_WEIGHT_SMOOTH, "100", 3);
	const struct check_params p = { (const uint8_t *)t.s, (uint32_t)t.n };
	struct check_smooth s = { 0 };
	const struct check_weight full = { CHECK_WEIGHT_PERCENT, 100 }, drain = { CHECK_WEIGHT_PERCENT, 0 };
	check_weight_smooth(&s, &p, &full);
	ck_assert_uint_eq(check_weight_smooth(&s, &p, &drain).value, 0);
	ck_assert_uint_eq(check_weight_smooth(&s, &p, &full).value, 100);
	lb_text_done(&t);
}
END_TEST

/* "0%" is a number, which the bound makes a small one; the word is meant. */
START_TEST(drain_is_below_the_least_weight)
{
	static const struct {
		const char *line;
		uint8_t kind;
		uint16_t want;
	} said[] = {
		{ "75%", CHECK_WEIGHT_PERCENT, 75 }, { "0%", CHECK_WEIGHT_PERCENT, 59 }, /* 75 - (75 - 10) / 4 */
		{ "drain", CHECK_WEIGHT_VALUE, 0 }, { "drain 50%", CHECK_WEIGHT_VALUE, 0 },
		{ "40", CHECK_WEIGHT_VALUE, 40 }, /* nothing is averaged with it */
	};
	struct lb_text t = LB_TEXT_INIT;
	check_param_put(&t, CHECK_PARAM_WEIGHT_MIN, "10", 2);
	check_param_put(&t, CHECK_PARAM_WEIGHT_SMOOTH, "4", 1);
	const struct check_params p = { (const uint8_t *)t.s, (uint32_t)t.n };
	struct check_smooth s = { 0 };
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct check_result r = { 0 };
		check_agent_judge(said[i].line, strlen(said[i].line), &r);
		struct check_weight out = check_weight_smooth(&s, &p, &r.weight);
		ck_assert_msg(out.kind == said[i].kind && out.value == said[i].want, "%s: %u %u", said[i].line,
			out.kind, out.value);
	}
	lb_text_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_weight");
	TCase *tc = tcase_create("all");
	tcase_add_loop_test(tc, weight_words, 0, sizeof(weights) / sizeof(weights[0]));
	tcase_add_loop_test(tc, agent_lines, 0, sizeof(lines) / sizeof(lines[0]));
	tcase_add_test(tc, zero_bytes_are_no_end);
	tcase_add_loop_test(tc, judging, 0, sizeof(judged) / sizeof(judged[0]));
	tcase_add_test(tc, weights_are_bounded_and_averaged);
	tcase_add_test(tc, no_more_flows_means_now);
	tcase_add_test(tc, drain_is_below_the_least_weight);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
