/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/way.h"

#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct route full = { .table = 100,
	.metric = 10,
	.to = { AF_INET, { 198, 51, 100 } },
	.via = { AF_INET, { 10, 0, 0, 1 } },
	.source = { AF_INET, { 10, 0, 0, 2 } },
	.prefix = 24,
	.dev = "wan0" };
static const struct rule all = { .table = 100,
	.priority = 1000,
	.fwmark = 7,
	.from = { AF_INET, { 10 } },
	.to = { AF_INET, { 198, 51 } },
	.from_prefix = 8,
	.to_prefix = 16 };

START_TEST(routes_as_text)
{
	char text[WAY_STRLEN];
	struct route r = full;
	struct way w = way_of_route(&r);
	ck_assert_str_eq(
		way_str(&w, text), "route 198.51.100.0/24 via 10.0.0.1 dev wan0 source 10.0.0.2 table 100 metric 10");
	w = way_of_route(&(struct route){ .table = 254, .to.family = AF_INET6, .dev = "e" });
	ck_assert_str_eq(way_str(&w, text), "route default dev e");
	struct rule p = all;
	w = way_of_rule(&p);
	ck_assert_str_eq(way_str(&w, text), "rule from 10.0.0.0/8 to 198.51.0.0/16 fwmark 7 table 100 priority 1000");
	w = way_of_rule(&(struct rule){ .table = 1, .priority = 2, .from.family = AF_INET, .to.family = AF_INET });
	ck_assert_str_eq(way_str(&w, text), "rule from all table 1 priority 2");
}
END_TEST

/* The longest that there is fits. */
START_TEST(the_longest_text)
{
	char text[WAY_STRLEN];
	struct route r = { .table = UINT32_MAX, .metric = UINT32_MAX, .prefix = 128, .dev = "abcdefghijklmno" };
	memset(r.to.b, 0xff, sizeof(r.to.b));
	r.to.family = AF_INET6;
	r.via = r.source = r.to;
	struct way w = way_of_route(&r);
	way_str(&w, text);
	ck_assert_str_eq(text + strlen(text) - strlen("metric 4294967295"), "metric 4294967295");
	struct rule p = { UINT32_MAX, UINT32_MAX, UINT32_MAX, r.to, r.to, 128, 128 };
	w = way_of_rule(&p);
	way_str(&w, text);
	ck_assert_str_eq(text + strlen(text) - strlen("priority 4294967295"), "priority 4294967295");
}
END_TEST

START_TEST(what_takes_the_same_place)
{
	struct way a = way_of_route(&full), p = way_of_rule(&all);
	struct route r = full;
	r.via.b[3] = 9;
	r.source.family = 0;
	r.dev[0] = 'x';
	struct way b = way_of_route(&r);
	ck_assert(way_same(&a, &b) && !way_same(&a, &p) && way_same(&p, &p));
	static const size_t at[] = { offsetof(struct route, table), offsetof(struct route, metric),
		offsetof(struct route, to.b), offsetof(struct route, prefix) };
	for (size_t i = 0; i < LEN(at); i++) {
		r = full;
		((uint8_t *)&r)[at[i]]++;
		b = way_of_route(&r);
		ck_assert_msg(!way_same(&a, &b), "byte %zu does not count", at[i]);
	}
	for (size_t i = 0; i < sizeof(all); i++) {
		struct rule q = all;
		((uint8_t *)&q)[i]++;
		b = way_of_rule(&q);
		ck_assert_msg(!way_same(&p, &b), "byte %zu of a rule does not count", i);
	}
	/* IPv6 knows no metric 0 */
	struct route six = { .table = 1, .to.family = AF_INET6 }, more = six;
	more.metric = 1024;
	a = way_of_route(&six);
	b = way_of_route(&more);
	ck_assert(way_same(&a, &b));
	six.to.family = more.to.family = AF_INET;
	a = way_of_route(&six);
	b = way_of_route(&more);
	ck_assert(!way_same(&a, &b));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("way");
	TCase *tc = tcase_create("way");
	suite_add_tcase(s, tc);
	tcase_add_test(tc, routes_as_text);
	tcase_add_test(tc, the_longest_text);
	tcase_add_test(tc, what_takes_the_same_place);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
