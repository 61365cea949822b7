/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of two nodes are put side by side by what they are about, whatever their order and however many. */
#include "lbd/override_pair.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 8192

static char seen[400];

static void note(const json_t *here, const json_t *there, void *arg)
{
	const json_t *a = json_object_get(here, "value"), *b = json_object_get(there, "value");
	size_t n = strlen(seen);
	(void)arg;
	snprintf(seen + n, sizeof(seen) - n, "%s/%s ", a ? json_string_value(a) : "-", b ? json_string_value(b) : "-");
}

static const struct {
	const char *what, *ours, *theirs, *pairs;
} rows[] = {
	{ "nothing on either side", "[]", "[]", "" },
	{ "here alone", "[{'object':'web/a','item':'state','value':'1'}]", "[]", "1/- " },
	{ "there alone", "[]", "[{'object':'web/a','item':'state','value':'2'}]", "-/2 " },
	{ "another order there",
		"[{'object':'web/b','item':'state','value':'1'},{'object':'web/a','item':'state','value':'2'}]",
		"[{'object':'web/a','item':'state','value':'3'},{'object':'web/b','item':'state','value':'4'}]",
		"1/4 2/3 " },
	{ "two items of one object are two",
		"[{'object':'web/a','item':'state','value':'1'},{'object':'web/a','item':'weight','value':'2'}]",
		"[{'object':'web/a','item':'weight','value':'3'},{'object':'web/a','item':'force','value':'4'}]",
		"1/- 2/3 -/4 " },
	{ "the first of several counts", "[{'object':'web/a','item':'state','value':'1'}]",
		"[{'object':'web/a','item':'state','value':'2'},{'object':'web/a','item':'state','value':'3'}]",
		"1/2 " },
	{ "what says not what it is about",
		"[{'object':'web/a','value':'1'},{'item':'state','value':'2'},{'object':1,'item':'state'}]",
		"[{'object':null,'item':'state'},7,{}]", "" },
};

static json_t *list_of(const char *text)
{
	char copy[400];
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *s = copy; (s = strchr(s, '\'')) != NULL;)
		*s = '"';
	json_t *list = json_loads(copy, 0, NULL);
	ck_assert_msg(list != NULL, "%s", copy);
	return list;
}

START_TEST(a_row)
{
	json_t *ours = list_of(rows[_i].ours), *theirs = list_of(rows[_i].theirs);
	seen[0] = '\0';
	ck_assert_int_eq(override_pairs(ours, theirs, note, NULL), 0);
	ck_assert_msg(strcmp(seen, rows[_i].pairs) == 0, "%s: %s", rows[_i].what, seen);
	json_decref(ours);
	json_decref(theirs);
}
END_TEST

struct count {
	size_t both, ours, theirs;
};

static void count(const json_t *here, const json_t *there, void *arg)
{
	struct count *c = arg;
	c->both += here && there;
	c->ours += here && !there;
	c->theirs += !here;
	if (here && there)
		ck_assert(json_equal(here, there));
}

/* As many as there can be, the other way round there; one of each side is about something else. */
START_TEST(as_many_as_there_can_be)
{
	json_t *ours = json_array(), *theirs = json_array();
	struct count c = { 0 };
	for (int i = 0; i < MANY; i++) {
		json_array_append_new(
			ours, json_pack("{s:o, s:s}", "object", json_sprintf("web/app%d", i), "item", "state"));
		json_array_append_new(theirs,
			json_pack("{s:o, s:s}", "object", json_sprintf("web/app%d", MANY - i), "item", "state"));
	}
	ck_assert_int_eq(override_pairs(ours, theirs, count, &c), 0);
	ck_assert_uint_eq(c.both, MANY - 1);
	ck_assert_uint_eq(c.ours, 1);
	ck_assert_uint_eq(c.theirs, 1);
	json_decref(ours);
	json_decref(theirs);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("override_pair");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, a_row, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, as_many_as_there_can_be);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
