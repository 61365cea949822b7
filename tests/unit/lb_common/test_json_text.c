/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text that is parsed while memory runs out: jansson would go on with half a token, so the process ends instead. */
#include "common/json_text.h"
#include "tests/unit/memory.h"

#include <check.h>
#include <signal.h>
#include <string.h>

/* A name and a value that grow their buffer several times, from data that is hostile. */
#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"
static const char text[] = "{\"" LONG "\": [\"" LONG LONG "\", 1, 2.5], \"a\": {}}";

static json_t *parse(long n)
{
	left = n;
	json_t *j = lb_json_parse(text, strlen(text), JSON_REJECT_DUPLICATES, NULL);
	left = -1;
	return j;
}

/* How many there are: with one more it has enough. */
static long allocations(void)
{
	long n = 100000;
	left = n;
	json_decref(lb_json_parse(text, strlen(text), JSON_REJECT_DUPLICATES, NULL));
	n -= left;
	left = -1;
	return n;
}

START_TEST(without_memory_it_ends)
{
	if (_i >= allocations())
		abort(); /* there are not so many */
	(void)parse(_i);
}
END_TEST

START_TEST(with_memory_it_is_jansson)
{
	json_error_t e;
	long before = live, n = allocations();
	ck_assert_int_eq(live, before);
	if (REPLACED)
		ck_assert_msg(n > 10 && n < 40, "%ld allocations: the loop of tests is to go over all", n);
	json_t *j = parse(n);
	ck_assert_ptr_nonnull(j);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(j, LONG), 0)), LONG LONG);
	json_decref(j);
	ck_assert_ptr_null(lb_json_parse("{\"a\": 1, \"a\": 2}", 16, JSON_REJECT_DUPLICATES, &e));
	ck_assert_str_eq(e.text, "duplicate object key near '\"a\"'");
	ck_assert_ptr_null(lb_json_parse("{", 1, 0, NULL));
}
END_TEST

/* Elsewhere what jansson cannot have is an error, as before. */
START_TEST(only_while_it_parses)
{
	if (!REPLACED)
		return;
	json_decref(parse(-1));
	left = 0;
	json_t *s = json_string("x");
	left = -1;
	ck_assert_ptr_null(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json_text");
	TCase *c = tcase_create("json_text");
	suite_add_tcase(s, c);
	if (REPLACED)
		tcase_add_loop_test_raise_signal(c, without_memory_it_ends, SIGABRT, 0, 40);
	tcase_add_test(c, with_memory_it_is_jansson);
	tcase_add_test(c, only_while_it_parses);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
