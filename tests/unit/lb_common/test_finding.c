/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/finding.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

START_TEST(the_table_has_no_holes)
{
	const struct lb_finding_row *f = &lb_findings[_i];
	ck_assert_msg(f->name && *f->name && f->looks_at && *f->looks_at, "row %d", _i);
	ck_assert_msg(
		f->text && *f->text && f->mend && *f->mend, "%s: every finding has a line that mends it", f->name);
}
END_TEST

static const struct {
	const char *what, *template, *args[LB_FINDING_ARGS], *out;
	size_t size;
} rows[] = {
	{ "places in any order, twice", "{1} is {0}, {1}", { "a", "b" }, "b is a, b", 64 },
	{ "one without an argument is empty", "{0}{1}.", { "a" }, "a.", 64 },
	{ "other braces stay", "{ tcp } {9} {0", { "a" }, "{ tcp } {9} {0", 64 },
	{ "cut within an argument", "x{0}", { "abcdef" }, "xabc", 5 },
	{ "cut within the text", "abcdef", { NULL }, "ab", 3 },
};

START_TEST(places_are_filled)
{
	char out[64];
	lb_finding_fill(rows[_i].template, rows[_i].args, out, rows[_i].size);
	ck_assert_msg(strcmp(out, rows[_i].out) == 0, "%s: '%s'", rows[_i].what, out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("finding");
	TCase *c = tcase_create("finding");
	suite_add_tcase(s, c);
	tcase_add_loop_test(c, the_table_has_no_holes, 0, LB_FINDING_COUNT);
	tcase_add_loop_test(c, places_are_filled, 0, sizeof(rows) / sizeof(rows[0]));
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
