/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/way_book.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct route route(unsigned i, unsigned via)
{
	struct route r = { .table = 100, .prefix = 32, .dev = "eth0" };
	r.to.family = r.via.family = AF_INET;
	r.to.b[3] = (uint8_t)i;
	r.via.b[3] = (uint8_t)via;
	return r;
}

static struct rule rule(unsigned i)
{
	struct rule r = { .table = 100, .priority = i, .fwmark = 1 };
	r.from.family = r.to.family = AF_INET;
	return r;
}

/* A story of one route: what the kernel answers ("+" to an addition, "-" to a removal) and what is said of it. */
static const struct {
	const char *what;
	struct {
		char asked; /* '+', '-', or '0': let go of all */
		int err;
		enum way_word word;
		bool has;
	} steps[6];
} stories[] = {
	{ "it comes, is there, goes", { { '+', 0, WAY_WORD_NOTHING, true }, { '+', EEXIST, WAY_WORD_NOTHING, true },
					      { '-', 0, WAY_WORD_NOTHING, false } } },
	{ "somebody removed it", { { '+', 0, WAY_WORD_NOTHING, true }, { '+', 0, WAY_WORD_RESTORED, true },
					 { '+', EEXIST, WAY_WORD_NOTHING, true } } },
	{ "a killed process left it", { { '+', EEXIST, WAY_WORD_TAKE, false }, { '-', 0, WAY_WORD_NOTHING, false },
					      { '+', 0, WAY_WORD_NOTHING, true } } },
	{ "somebody else's stands there",
		{ { '+', EEXIST, WAY_WORD_TAKE, false }, { '-', ESRCH, WAY_WORD_NOTHING, false },
			{ '+', EEXIST, WAY_WORD_IN_THE_WAY, false }, { '+', EEXIST, WAY_WORD_NOTHING, false },
			{ '+', 0, WAY_WORD_AT_LAST, true }, { '+', EEXIST, WAY_WORD_NOTHING, true } } },
	{ "taken over, ours, removed, and left by a killed process again",
		{ { '+', EEXIST, WAY_WORD_TAKE, false }, { '+', 0, WAY_WORD_NOTHING, true },
			{ '-', 0, WAY_WORD_NOTHING, false }, { '+', EEXIST, WAY_WORD_TAKE, false } } },
	{ "and is told of again to the next master",
		{ { '+', EEXIST, WAY_WORD_TAKE, false }, { '+', EEXIST, WAY_WORD_IN_THE_WAY, false },
			{ '0', 0, WAY_WORD_NOTHING, false }, { '+', EEXIST, WAY_WORD_TAKE, false },
			{ '+', EEXIST, WAY_WORD_IN_THE_WAY, false } } },
	{ "the card goes down and comes back",
		{ { '+', 0, WAY_WORD_NOTHING, true }, { '+', ENETDOWN, WAY_WORD_REFUSED, false },
			{ '+', ENETDOWN, WAY_WORD_NOTHING, false }, { '+', ENODEV, WAY_WORD_REFUSED, false },
			{ '+', 0, WAY_WORD_AT_LAST, true } } },
	{ "answers that are lost", { { '+', -1, WAY_WORD_NOTHING, false }, { '+', 0, WAY_WORD_NOTHING, true },
					   { '-', -1, WAY_WORD_NOTHING, true }, { '+', -1, WAY_WORD_NOTHING, true } } },
	{ "gone before it was removed",
		{ { '+', 0, WAY_WORD_NOTHING, true }, { '-', ESRCH, WAY_WORD_NOTHING, false },
			{ '-', ENOENT, WAY_WORD_NOTHING, false }, { '-', ENODEV, WAY_WORD_NOTHING, false } } },
	{ "it cannot be removed", { { '+', 0, WAY_WORD_NOTHING, true }, { '-', EPERM, WAY_WORD_REFUSED, true } } },
};

START_TEST(what_the_kernel_answers)
{
	struct way_book b = { 0 };
	struct way gone[WAYS_MAX];
	size_t n_gone;
	struct route r = route(1, 1);
	way_book_set(&b, &r, 1, NULL, 0, gone, &n_gone);
	for (size_t i = 0; i < LEN(stories[_i].steps) && stories[_i].steps[i].asked; i++) {
		enum way_word word = WAY_WORD_NOTHING;
		int err = stories[_i].steps[i].err;
		if (stories[_i].steps[i].asked == '0')
			way_book_let_go(&b);
		else
			word = stories[_i].steps[i].asked == '+' ? way_book_added(&b.v[0], err)
								 : way_book_removed(&b.v[0], err);
		ck_assert_msg(word == stories[_i].steps[i].word && b.v[0].has == stories[_i].steps[i].has,
			"%s: step %zu: word %d, has %d", stories[_i].what, i, word, b.v[0].has);
	}
}
END_TEST

START_TEST(another_configuration)
{
	struct way_book b = { 0 };
	struct way gone[WAYS_MAX];
	size_t n_gone = 9;
	struct route first[] = { route(1, 1), route(2, 1), route(3, 1) };
	struct route then[] = { route(3, 1), route(1, 2), route(4, 1) };
	struct rule rules[] = { rule(1), rule(2) };
	way_book_set(&b, first, 3, rules, 2, gone, &n_gone);
	ck_assert(b.n == 5 && n_gone == 0 && b.v[2].way.kind == WAY_ROUTE && b.v[3].way.kind == WAY_RULE);
	for (size_t i = 0; i < b.n; i++)
		ck_assert_int_eq(way_book_added(&b.v[i], 0), WAY_WORD_NOTHING);
	way_book_set(&b, then, 3, rules + 1, 1, gone, &n_gone);
	ck_assert(b.n == 4 && b.v[0].has && !b.v[1].has && !b.v[2].has && b.v[3].has);
	/* in the order of leaving: rules first; one whose gateway changed is among them */
	ck_assert_uint_eq(n_gone, 3);
	ck_assert(gone[0].kind == WAY_RULE && gone[0].u.rule.priority == 1);
	ck_assert(gone[1].u.route.to.b[3] == 2 && gone[2].u.route.to.b[3] == 1 && gone[2].u.route.via.b[3] == 1);
	struct way w = way_of_route(&first[0]);
	ck_assert_ptr_eq(way_book_find(&b, &w), &b.v[1]); /* its place is that of the new one */
	w = way_of_route(&first[1]);
	ck_assert_ptr_null(way_book_find(&b, &w));
	way_book_set(&b, NULL, 0, NULL, 0, gone, &n_gone);
	ck_assert(b.n == 0 && n_gone == 4);
}
END_TEST

START_TEST(as_many_as_there_may_be)
{
	struct way_book b = { 0 };
	struct way gone[WAYS_MAX];
	size_t n_gone;
	struct route routes[WAY_ROUTES_MAX];
	struct rule rules[WAY_RULES_MAX];
	for (unsigned i = 0; i < WAY_ROUTES_MAX; i++)
		routes[i] = route(i, 1);
	for (unsigned i = 0; i < WAY_RULES_MAX; i++)
		rules[i] = rule(i);
	way_book_set(&b, routes, WAY_ROUTES_MAX, rules, WAY_RULES_MAX, gone, &n_gone);
	ck_assert_uint_eq(b.n, WAYS_MAX);
	way_book_set(&b, NULL, 0, NULL, 0, gone, &n_gone);
	ck_assert_uint_eq(n_gone, WAYS_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("way_book");
	TCase *tc = tcase_create("book");
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, what_the_kernel_answers, 0, LEN(stories));
	tcase_add_test(tc, another_configuration);
	tcase_add_test(tc, as_many_as_there_may_be);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
