/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/columns.h"

#include "common/buf.h"
#include "common/time.h"
#include "lbctl/cli.h"

#include <check.h>
#include <string.h>

static const struct {
	double v;
	bool iec;
	const char *text;
} numbers[] = {
	{ 0, false, "0" },
	{ 9999, false, "9999" },
	{ 10000, false, "10.0K" },
	{ 12345, false, "12.3K" },
	{ 99999, false, "100K" },
	{ 999499, false, "999K" },
	{ 999999, false, "1.00M" },
	{ 1234567, false, "1.23M" },
	{ 123456789012, false, "123G" },
	{ 18446744073709551615.0, false, "18.4E" },
	{ 1500.5, false, "1500.5" },
	{ 10240, true, "10.0Ki" },
	{ 1073741824, true, "1.00Gi" },
};

START_TEST(scaling)
{
	struct lb_text t = LB_TEXT_INIT;
	struct columns_look look = { .iec = numbers[_i].iec };
	columns_number(numbers[_i].v, &look, &t);
	ck_assert_str_eq(t.s, numbers[_i].text);
	lb_text_done(&t);
}
END_TEST

static const struct {
	double seconds;
	const char *text;
} durations[] = {
	{ -5, "0s" },
	{ 0, "0s" },
	{ 0.00042, "0.42ms" },
	{ 0.00123, "1.23ms" },
	{ 0.25, "250ms" },
	{ 1.55, "1.5s" },
	{ 59.99, "59s" },
	{ 60, "1m" },
	{ 252, "4m12s" },
	{ 3600, "1h" },
	{ 5400, "1h30m" },
	{ 1051200, "12d 4h" },
	{ 86400, "1d" },
};

START_TEST(ages)
{
	struct lb_text t = LB_TEXT_INIT;
	columns_duration(durations[_i].seconds, &t);
	ck_assert_str_eq(t.s, durations[_i].text);
	lb_text_done(&t);
}
END_TEST

START_TEST(times_of_the_wire)
{
	const int64_t some[] = { 0, 1, 951782400000LL, 1769868127123LL, 4107542399999LL };
	char text[LB_WALL_STRLEN];
	int64_t back;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		ck_assert_int_eq(columns_time_parse(lb_wall_str(some[i], text), &back), 0);
		ck_assert_int_eq(back, some[i]);
	}
	ck_assert_int_eq(columns_time_parse("2026-01-31T14:02:07Z", &back), 0);
	ck_assert_int_eq(columns_time_parse("2026-01-31T14:02:07.123456Z", &back), 0);
	const char *bad[] = { "", "2026", "2026-13-01T00:00:00Z", "2026-01-31T14:02:07", "2026-01-31T14:02:07+01:00",
		"2026-01-31 14:02:07Z", "2026-01-31T24:02:07Z", "2026-01-31T14:02:07Zx", "-026-01-31T14:02:07Z" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(columns_time_parse(bad[i], &back) != 0, "%s", bad[i]);
}
END_TEST

static const struct {
	const char *what;
	enum cli_colour option;
	bool given;
	const char *lbctl_color, *no_color;
	bool terminal;
	enum cli_form form;
	bool wanted;
} colours[] = {
	{ "a terminal", CLI_COLOUR_AUTO, false, NULL, NULL, true, CLI_FORM_TABLE, true },
	{ "a pipe", CLI_COLOUR_AUTO, false, NULL, NULL, false, CLI_FORM_TABLE, false },
	{ "JSON", CLI_COLOUR_AUTO, false, NULL, NULL, true, CLI_FORM_JSON, false },
	{ "NO_COLOR", CLI_COLOUR_AUTO, false, NULL, "1", true, CLI_FORM_TABLE, false },
	{ "NO_COLOR but empty", CLI_COLOUR_AUTO, false, NULL, "", true, CLI_FORM_TABLE, true },
	{ "-c always beats everything", CLI_COLOUR_ALWAYS, true, "never", "1", false, CLI_FORM_TABLE, true },
	{ "-c never", CLI_COLOUR_NEVER, true, "always", NULL, true, CLI_FORM_TABLE, false },
	{ "LBCTL_COLOR", CLI_COLOUR_AUTO, false, "always", NULL, false, CLI_FORM_WIDE, true },
	{ "-c auto beats LBCTL_COLOR", CLI_COLOUR_AUTO, true, "always", NULL, false, CLI_FORM_TABLE, false },
	{ "LBCTL_COLOR nobody understands", CLI_COLOUR_AUTO, false, "blue", NULL, true, CLI_FORM_TABLE, true },
};

START_TEST(who_wants_colour)
{
	struct cli_options opt = {
		.colour = colours[_i].option, .colour_given = colours[_i].given, .form = colours[_i].form
	};
	ck_assert_msg(cli_wants_colour(&opt, colours[_i].lbctl_color, colours[_i].no_color, colours[_i].terminal) ==
			      colours[_i].wanted,
		"%s", colours[_i].what);
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *s = suite_create("columns");
	TCase *tc = tcase_create("columns");
	tcase_add_loop_test(tc, scaling, 0, N(numbers));
	tcase_add_loop_test(tc, ages, 0, N(durations));
	tcase_add_test(tc, times_of_the_wire);
	tcase_add_loop_test(tc, who_wants_colour, 0, N(colours));
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
