/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a card without a link stands between a probe and its server. */
#include "lbd/check/check_cut.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct check_cuts two = { 2, { { 3, "eth1" }, { 0, "eth2" } } };
static const struct check_cuts three = { 3, { { 3, "eth1" }, { 0, "eth2" }, { 5, "eth3" } } };
static const struct check_cuts none = { 0 };

static const struct row {
	const char *what;
	const struct check_cuts *cuts;
	const char *bound;
	int err;
	uint32_t index, passed;
	const char *cut; /* NULL = it is not */
} rows[] = {
	{ "by that card", &two, NULL, 0, 3, 0, "eth1" },
	{ "by another one", &two, NULL, 0, 4, 0, NULL },
	{ "by one that came before", &two, NULL, 0, 2, 0, NULL },
	{ "no route: it went with the card", &two, NULL, -ENETUNREACH, 0, 0, "eth1" },
	{ "a route that refuses is of the administrator", &two, NULL, -EHOSTUNREACH, 0, 0, NULL },
	{ "a refusal with a card", &two, NULL, -EACCES, 3, 0, NULL },
	{ "the kernel could not be asked", &two, NULL, -EBADF, 0, 0, NULL },
	{ "a card that is not there has no number", &two, NULL, 0, 0, 0, NULL },
	{ "bound to that card", &two, "eth1", 0, 0, 0, "eth1" },
	{ "bound to one that is not there", &two, "eth2", 0, 0, 0, "eth2" },
	{ "bound to another one, whatever the route says", &two, "eth3", 0, 3, 0, NULL },
	{ "by another one now: the route by that card went with its link", &two, NULL, 0, 4, 3, "eth1" },
	{ "refused now: the source address went with it", &two, NULL, -EINVAL, 0, 3, "eth1" },
	{ "no route, and it was not the first", &three, NULL, -ENETUNREACH, 0, 5, "eth3" },
	{ "it always went by another one", &two, NULL, 0, 4, 4, NULL },
	{ "bound to another one, whatever was before", &two, "eth3", 0, 0, 3, NULL },
	{ "nothing is cut, and it went by that card", &none, NULL, 0, 4, 3, NULL },
	{ "nothing is cut", &none, NULL, 0, 3, 0, NULL },
	{ "nothing is cut, and no route", &none, NULL, -ENETUNREACH, 0, 0, NULL },
	{ "nothing is cut, and bound", &none, "eth1", 0, 0, 0, NULL },
};

START_TEST(whether_it_is_cut)
{
	const struct row *r = &rows[_i];
	const struct check_cut *c = check_cut_of(r->cuts, r->bound, r->err, r->index, r->passed);
	ck_assert_msg((c != NULL) == (r->cut != NULL), "%s", r->what);
	if (c)
		ck_assert_str_eq(c->name, r->cut);
}
END_TEST

START_TEST(equal_ones)
{
	struct check_cuts c = two;
	ck_assert(check_cuts_equal(&two, &c) && check_cuts_equal(&none, &none));
	ck_assert(!check_cuts_equal(&two, &none));
	c.v[1].index = 7;
	ck_assert(!check_cuts_equal(&two, &c));
	c = two;
	c.v[1].name[3] = '4';
	ck_assert(!check_cuts_equal(&two, &c));
	c = two;
	c.n = 1;
	ck_assert(!check_cuts_equal(&two, &c));
}
END_TEST

static const struct {
	const char *name, *text;
} texts[] = {
	{ "eth1", "eth1 has no link: paused" },
	{ "caf\xc3\xa9", "caf?? has no link: paused" },
	{ "\x1b[2J\x7f", "?[2J? has no link: paused" },
	{ "123456789012345", "123456789012345 has no link: paused" },
};

START_TEST(what_is_said)
{
	struct check_cut c = { .index = 3 };
	char text[CHECK_TEXT_MAX];
	strcpy(c.name, texts[_i].name);
	check_cut_text(&c, text);
	ck_assert_str_eq(text, texts[_i].text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_cut");
	TCase *t = tcase_create("cut");
	tcase_add_loop_test(t, whether_it_is_cut, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, equal_ones);
	tcase_add_loop_test(t, what_is_said, 0, sizeof(texts) / sizeof(texts[0]));
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
