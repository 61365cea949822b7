/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two nodes compare what runs by one number: what people mean to be the same has the same one. */
#include "lbd/config/config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define BASE                                                                                                           \
	"cluster:\n  id: 1\n  nodes: { a: 192.0.2.1, b: 192.0.2.2 }\n"                                                 \
	"services:\n  web:\n    listen: [192.0.2.10:80, 192.0.2.11:80]\n    backends: { x: 10.0.0.1, y: 10.0.0.2 }\n"

struct two { /* files; the second NULL: there is one */
	const char *one, *two, *name1, *name2;
};

static uint64_t digest_of(const struct two *t, const char *node, const char *what, unsigned budget)
{
	struct config_source s[2] = { { t->name1 ? t->name1 : "lbd.yaml", t->one, strlen(t->one) },
		{ t->name2 ? t->name2 : "conf.d/2.yaml", t->two ? t->two : "", t->two ? strlen(t->two) : 0 } };
	struct config_load *l = config_load_new(s, t->two ? 2 : 1, node);
	struct lb_text report = LB_TEXT_INIT;
	while (config_load_step(l, budget) > 0)
		;
	config_load_report(l, &report);
	struct config *c = config_load_take(l);
	config_load_free(l);
	ck_assert_msg(c != NULL, "%s: %s", what, report.s ? report.s : "");
	lb_text_done(&report);
	uint64_t digest = c->digest;
	config_free(c);
	return digest;
}

static const struct {
	const char *what;
	struct two text;
	bool same;
} rows[] = {
	{ "itself", { .one = BASE }, true },
	{ "comments", { .one = "# of this node\n" BASE "   # end\n" }, true },
	{ "blank lines", { .one = "\n\n" BASE "\n\n" }, true },
	{ "layout",
		{ .one = "cluster: {id: 1, nodes: {a: 192.0.2.1,\n b: 192.0.2.2}}\n"
			 "services: { web: { listen: [\n  192.0.2.10:80,\n  192.0.2.11:80 ]\n"
			 ", backends: { x: 10.0.0.1, y: 10.0.0.2 } } }\n" },
		true },
	{ "quotes",
		{ .one = "cluster:\n  'id': 1\n  nodes: { a: \"192.0.2.1\", b: 192.0.2.2 }\n"
			 "services:\n  web:\n    listen: [192.0.2.10:80, '192.0.2.11:80']\n"
			 "    backends: { x: 10.0.0.1, y: 10.0.0.2 }\n" },
		true },
	{ "the name of the file", { .one = BASE, .name1 = "/etc/other.yaml" }, true },
	{ "another value", { .one = BASE "log: { level: debug }\n" }, false },
	{ "one letter",
		{ .one = "cluster:\n  id: 1\n  nodes: { a: 192.0.2.1, b: 192.0.2.3 }\n"
			 "services:\n  web:\n    listen: [192.0.2.10:80, 192.0.2.11:80]\n"
			 "    backends: { x: 10.0.0.1, y: 10.0.0.2 }\n" },
		false },
	{ "another word", { .one = BASE "    sync: all\n" }, false },
	{ "a value that is the default", { .one = BASE "log: { level: info }\n" }, false },
	{ "one file more", { .one = BASE, .two = "log: { level: debug }\n" }, false },
	{ "one list less deep",
		{ .one = "cluster:\n  id: 1\n  nodes: { a: 192.0.2.1, b: 192.0.2.2 }\n"
			 "services:\n  web:\n    listen: 192.0.2.10:80\n"
			 "    backends: { x: 10.0.0.1, y: 10.0.0.2 }\n" },
		false },
};

START_TEST(what_counts)
{
	static const struct two base = { .one = BASE };
	uint64_t want = digest_of(&base, "a", "base", 4096);
	ck_assert_uint_ne(want, 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t got = digest_of(&rows[i].text, "a", rows[i].what, 4096);
		ck_assert_msg((got == want) == rows[i].same, "%s", rows[i].what);
		ck_assert_msg(digest_of(&rows[i].text, "b", rows[i].what, 1) == got, "%s, on the other node in slices",
			rows[i].what);
	}
}
END_TEST

/* conf.d is read in the order of names, which do not count. */
START_TEST(files_in_any_order)
{
#define MORE "services:\n  api:\n    listen: 192.0.2.12:80\n    backends: { z: 10.0.0.3 }\n"
	static const struct two as = { BASE, MORE, "1.yaml", "2.yaml" }, other = { MORE, BASE, "1.yaml", "2.yaml" };
	ck_assert_uint_eq(digest_of(&as, "a", "as", 7), digest_of(&other, "a", "other", 9));
}
END_TEST

/* Where something stands counts, not only that it stands somewhere. */
START_TEST(structure_counts)
{
	static const char *const texts[] = {
		"services: { w: { listen: 192.0.2.1:80, backends: { a: 10.0.0.1, b: { address: 10.0.0.2, weight: 3 } } "
		"} }",
		"services: { w: { listen: 192.0.2.1:80, backends: { a: { address: 10.0.0.1, weight: 3 }, b: 10.0.0.2 } "
		"} }",
		"services: { w: { listen: 192.0.2.1:80, backends: { a: 10.0.0.1 }, sorry: 10.0.0.2 } }",
		"services: { w: { listen: [192.0.2.1:80], backends: { a: 10.0.0.1 }, sorry: 10.0.0.2 } }",
		"services: { w: { listen: 192.0.2.1:80, backends: { a: 10.0.0.2 }, sorry: 10.0.0.1 } }",
	};
	uint64_t all[COUNT(texts)];
	for (size_t i = 0; i < COUNT(texts); i++) {
		const struct two t = { .one = texts[i] };
		all[i] = digest_of(&t, NULL, texts[i], 4096);
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(all[i] != all[k], "%s is %s", texts[i], texts[k]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_digest");
	TCase *tc = tcase_create("config_digest");
	suite_add_tcase(s, tc);
	tcase_add_test(tc, what_counts);
	tcase_add_test(tc, files_in_any_order);
	tcase_add_test(tc, structure_counts);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
