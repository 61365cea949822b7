/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/sort.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

static int compared;

static int digit_cmp(const void *a, const void *b)
{
	compared++;
	return *(const char *)a - *(const char *)b;
}

static const struct {
	const char *from, *to;
	int most; /* comparisons; -1: as many as it takes */
} sorts[] = {
	{ "", "", 0 },
	{ "1", "1", 0 },
	{ "12345678", "12345678", 7 },
	{ "11223333", "11223333", 7 }, /* equal ones are in order */
	{ "21345678", "12345678", -1 },
	{ "12345687", "12345678", -1 }, /* only the last ones are not */
	{ "87654321", "12345678", -1 },
};

START_TEST(in_order)
{
	char v[16];
	strcpy(v, sorts[_i].from);
	compared = 0;
	lb_sort(v, strlen(v), 1, digit_cmp);
	ck_assert_str_eq(v, sorts[_i].to);
	if (sorts[_i].most >= 0)
		ck_assert_int_eq(compared, sorts[_i].most);
}
END_TEST

static int number_cmp(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

START_TEST(of_any_size_and_none)
{
	int64_t v[3] = { INT64_MAX, -1, 2 };
	lb_sort(v, 3, sizeof(*v), number_cmp);
	ck_assert_int_eq(v[0], -1);
	ck_assert_int_eq(v[1], 2);
	ck_assert_int_eq(v[2], INT64_MAX);
	lb_sort(NULL, 0, sizeof(*v), number_cmp);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sort");
	TCase *tc = tcase_create("sort");
	tcase_add_loop_test(tc, in_order, 0, sizeof(sorts) / sizeof(sorts[0]));
	tcase_add_test(tc, of_any_size_and_none);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
