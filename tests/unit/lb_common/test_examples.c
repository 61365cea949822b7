/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every command that help lists has an example, and the example is of that command. Whether it works is for the lab. */
#include "common/examples.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

START_TEST(every_command_has_one)
{
	const struct lb_command *cmd = &lb_commands[_i];
	char name[LB_COMMAND_NAMELEN], start[64];
	const char *line = lb_example_of(cmd);
	lb_command_name(cmd, ' ', name);
	if (cmd->hidden) {
		ck_assert_msg(!line, "%s is hidden and has an example", name);
		return;
	}
	ck_assert_msg(line != NULL, "`lbctl %s` has no example: a line in common/examples.c", name);
	snprintf(start, sizeof(start), "lbctl %s", name);
	ck_assert_msg(strncmp(line, start, strlen(start)) == 0, "'%s' is no example of `lbctl %s`", line, name);
	ck_assert_msg(strlen(line) <= 70, "'%s' does not fit behind the word Example", line);
}
END_TEST

START_TEST(none_is_there_twice)
{
	for (size_t i = 1; i < lb_examples_n; i++)
		ck_assert_msg(lb_examples[i - 1].id < lb_examples[i].id, "'%s' is not in the order of the commands",
			lb_examples[i].line);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("examples");
	TCase *c = tcase_create("examples");
	suite_add_tcase(s, c);
	tcase_add_loop_test(c, every_command_has_one, 0, LB_COMMAND_COUNT);
	tcase_add_test(c, none_is_there_twice);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
