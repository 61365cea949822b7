/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/err.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct row {
	const char *what;
	int err;
	const char *says[2]; /* the system's word, and the next step */
} rows[] = {
	{ "a name that is wrong", ENOENT, { "No such file", "check the name" } },
	{ "a file of somebody else", EACCES, { "Permission denied", "who runs this may not read it" } },
	{ "a directory", EISDIR, { "directory", "name a file in it" } },
	{ "anything else is the system's word alone", EIO, { "Input/output error", "/x/y.yaml: " } },
};

START_TEST(a_file_that_cannot_be_read)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_err e;
		ck_assert_int_eq(lb_err_file(&e, LB_CODE_DENIED, "/x/y.yaml", rows[i].err), -1);
		ck_assert_int_eq(e.code, LB_CODE_DENIED);
		ck_assert_msg(strstr(e.text, rows[i].says[0]) && strstr(e.text, rows[i].says[1]), "%s: %s",
			rows[i].what, e.text);
		ck_assert_msg(strncmp(e.text, "/x/y.yaml: ", 11) == 0, "%s: %s", rows[i].what, e.text);
	}
}
END_TEST

START_TEST(every_code_has_a_word)
{
	ck_assert_str_eq(lb_code_name(LB_CODE_NOT_FOUND), "not_found");
	ck_assert_str_eq(lb_code_name(77), "unknown");
	ck_assert_int_eq(lb_err_set(NULL, LB_CODE_FAILED, "nobody asked"), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("err");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, a_file_that_cannot_be_read);
	tcase_add_test(tc, every_code_has_a_word);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
