/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_file.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *what, *bytes;
	enum check_code code;
	struct check_weight weight;
} files[] = {
	{ "up", "up\n", CHECK_CODE_L7OK, { 0 } },
	{ "only the first line counts", "up\ndown\n", CHECK_CODE_L7OK, { 0 } },
	{ "down", "down # backup runs\n", CHECK_CODE_L7STS, { 0 } },
	{ "drain", "drain", CHECK_CODE_L7OKC, { CHECK_WEIGHT_DRAIN, 0 } },
	{ "a weight", "12\n", CHECK_CODE_L7OKC, { CHECK_WEIGHT_VALUE, 12 } },
	{ "a share", "up 40%\n", CHECK_CODE_L7OKC, { CHECK_WEIGHT_PERCENT, 40 } },
	{ "nothing", "", CHECK_CODE_L7RSP, { 0 } },
	{ "an empty line", "\nup\n", CHECK_CODE_L7RSP, { 0 } },
	{ "nonsense", "maybe\n", CHECK_CODE_L7RSP, { 0 } },
};

START_TEST(what_a_file_says)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct check_result r = { 0 };
		check_file_result(files[i].bytes, strlen(files[i].bytes), &r);
		ck_assert_msg(r.code == files[i].code && r.weight.kind == files[i].weight.kind &&
				      r.weight.value == files[i].weight.value,
			"%s: %s (%s)", files[i].what, check_codes[r.code].name, r.text);
		ck_assert_msg(r.text[0] != '\0', "%s: no text", files[i].what);
	}
}
END_TEST

static const struct {
	int err;
	enum check_code code;
	const char *text;
} failures[] = {
	{ ENOENT, CHECK_CODE_L7STS, "no such file or directory" },
	{ EACCES, CHECK_CODE_L7STS, "permission denied" },
	{ ELOOP, CHECK_CODE_L7STS, "it is a symbolic link" },
	{ EIO, CHECK_CODE_L7STS, "input/output error" },
	{ EMFILE, CHECK_CODE_SOCKERR, "too many open files" },
	{ ENOMEM, CHECK_CODE_SOCKERR, "cannot allocate memory" },
};

START_TEST(whose_fault)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct check_result r = { 0 };
		check_file_failed(failures[i].err, &r);
		ck_assert_int_eq(r.code, failures[i].code);
		ck_assert_str_eq(r.text, failures[i].text);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_file");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, what_a_file_says);
	tcase_add_test(tc, whose_fault);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
