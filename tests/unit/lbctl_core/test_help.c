/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Help of every command fits a terminal of 80 columns, and options are told apart. */
#include "lbctl/help.h"

#include "common/buf.h"
#include "lbctl/cli.h"
#include "lbctl/complete.h"

#include <check.h>
#include <string.h>

static void fits(struct lb_text *t)
{
	ck_assert(!t->bad && t->n);
	ck_assert_int_eq(t->s[t->n - 1], '\n');
	for (const char *s = t->s; *s; s += strcspn(s, "\n") + 1) {
		size_t n = strcspn(s, "\n");
		ck_assert_msg(n <= HELP_WIDTH, "%zu columns: %.*s", n, (int)n, s);
		ck_assert_msg(n == 0 || s[n - 1] != ' ', "blank at the end: %.*s", (int)n, s);
	}
	lb_text_done(t);
}

START_TEST(every_help_fits)
{
	struct lb_text t = LB_TEXT_INIT;
	help_command(&lb_commands[_i], &t);
	fits(&t);
	help_usage(&lb_commands[_i], &t);
	fits(&t);
	help_noun(lb_commands[_i].noun, &t);
	fits(&t);
	help_all(&t);
	fits(&t);
}
END_TEST

START_TEST(options_are_told_apart)
{
	for (size_t i = 0; i < cli_options_n; i++) {
		const struct cli_option *o = &cli_options[i];
		ck_assert(o->name && *o->name && o->help && *o->help);
		ck_assert((o->takes == CLI_TAKES_NONE) == (o->metavar == NULL));
		for (size_t k = 0; k < i; k++) {
			ck_assert_str_ne(o->name, cli_options[k].name);
			ck_assert(!o->letter || o->letter != cli_options[k].letter);
		}
		/* a command must not hide a global option: -n and -y mean the same everywhere */
		for (size_t c = 0; c < LB_COMMAND_COUNT; c++)
			for (const struct lb_arg *a = lb_commands[c].args; a->name; a++) {
				ck_assert(!a->option || strcmp(a->option, o->name) != 0);
				ck_assert(!a->letter || a->letter != o->letter);
			}
	}
}
END_TEST

START_TEST(shells_have_scripts)
{
	const struct lb_command *c = lb_command_find("completion", "");
	for (const char *const *shell = c->args[0].choices; *shell; shell++)
		ck_assert_msg(complete_script(*shell), "%s", *shell);
	ck_assert_ptr_null(complete_script("tcsh"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("help");
	TCase *tc = tcase_create("help");
	tcase_add_loop_test(tc, every_help_fits, 0, LB_COMMAND_COUNT);
	tcase_add_test(tc, options_are_told_apart);
	tcase_add_test(tc, shells_have_scripts);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
