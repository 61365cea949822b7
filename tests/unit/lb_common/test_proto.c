/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/proto.h"

#include "common/buf.h"
#include "common/err.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *what, *line;
	bool ok;
} lines[] = {
	{ "an object", "{\"id\":1}", true },
	{ "an empty one", "{}", true },
	{ "16 levels", "{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}", true },
	{ "17 levels", "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", false },
	{ "brackets in a string are no levels", "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[\"}", true },
	{ "an escaped quote does not end it", "{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[\"}", true },
	{ "a key twice", "{\"a\":1,\"a\":2}", false },
	{ "an array", "[1]", false },
	{ "a number", "1", false },
	{ "nothing", "", false },
	{ "something after it", "{} {}", false },
	{ "NUL in a string", "{\"a\":\"\\u0000\"}", false },
	{ "no UTF-8", "{\"a\":\"\xff\"}", false },
	{ "cut", "{\"a\":", false },
};

START_TEST(lines_parse)
{
	struct lb_err e = { 0 };
	json_t *msg = lb_proto_parse(lines[_i].line, strlen(lines[_i].line), &e);
	ck_assert_msg((msg != NULL) == lines[_i].ok, "%s: %s", lines[_i].what, e.text);
	if (!msg)
		ck_assert_int_eq(e.code, LB_CODE_USAGE);
	json_decref(msg);
}
END_TEST

START_TEST(too_long)
{
	struct lb_err e;
	char *line = malloc(LB_PROTO_LINE_MAX + 1);
	memset(line, ' ', LB_PROTO_LINE_MAX + 1);
	memcpy(line, "{}", 2);
	json_t *msg = lb_proto_parse(line, LB_PROTO_LINE_MAX, &e);
	ck_assert_ptr_nonnull(msg);
	json_decref(msg);
	ck_assert_ptr_null(lb_proto_parse(line, LB_PROTO_LINE_MAX + 1, &e));
	free(line);
}
END_TEST

START_TEST(what_is_written_is_read)
{
	struct lb_text t = LB_TEXT_INIT;
	struct lb_err e;
	json_t *msg = json_pack("{s:I, s:s, s:b}", "n", (json_int_t)-5, "s", "a\nb\"\xc3\xa4", "b", 1);
	lb_proto_dump(msg, &t);
	ck_assert_int_eq(t.s[t.n - 1], '\n');
	ck_assert_ptr_eq(memchr(t.s, '\n', t.n), t.s + t.n - 1);
	json_t *back = lb_proto_parse(t.s, t.n - 1, &e);
	ck_assert(json_equal(msg, back));
	ck_assert_int_eq(lb_proto_int(back, "n", 0), -5);
	ck_assert_int_eq(lb_proto_int(back, "s", 7), 7);
	ck_assert_int_eq(lb_proto_bool(back, "b", 0), 1);
	ck_assert_int_eq(lb_proto_bool(back, "n", -1), -1);
	ck_assert_ptr_null(lb_proto_str(back, "n"));
	ck_assert_ptr_null(lb_proto_str(NULL, "n"));
	json_decref(msg);
	json_decref(back);
	lb_text_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proto");
	TCase *tc = tcase_create("proto");
	tcase_add_loop_test(tc, lines_parse, 0, (int)(sizeof(lines) / sizeof(lines[0])));
	tcase_add_test(tc, too_long);
	tcase_add_test(tc, what_is_written_is_read);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
