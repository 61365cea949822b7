/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plain reader: what it takes, what it leaves to libyaml, and that both make the same tree. */
#include "tests/unit/lbd_config/tree.h"

#include <check.h>
#include <stdlib.h>

static const struct row {
	const char *what, *text;
	bool plain;
} rows[] = {
	{ "a key and a value", "a: b\n", true },
	{ "no line break at the end", "a: b", true },
	{ "nested maps that end together", "a:\n  b:\n    c: d\n  e: f\ng: h\n", true },
	{ "deep and back to the top", "a:\n  b:\n    c:\n        d: e\nf: g\n", true },
	{ "a list under a key", "a:\n  - b\n  - 10.0.0.1:80\nc: d\n", true },
	{ "a list of flow maps", "a:\n  - { b: c, d: 1 }\n  -   {}\n", true },
	{ "flow in flow", "a: { b: [c, d, { e: f }], g: {} , h: [] }\n", true },
	{ "quoted texts", "a: \"b: # c\"\nd: 'e, {f}'\ng: \"\"\nh: [ \"[::1]:80\", 'x' ]\n", true },
	{ "comments and empty lines", "# one\n\na: b # two\n   # three\nc: # four\n  d: e\n\n#five\n", true },
	{ "a comment with any character", "# \xc3\xa4 \t & * !\na: b\n", true },
	{ "a hash inside a word", "a: b#c\n", true },
	{ "colons inside a word", "a: 2001:db8::1/64\nb: [10.0.0.1:80, x:y]\n", true },
	{ "blanks around and inside", "a:    b  c   \n", true },
	{ "a negative number", "a: -30\n", true },
	{ "a byte order mark",
		"\xef\xbb\xbf"
		"a: b\n",
		true },
	{ "a word that looks like a mark", "a: ...\nb: ./x\n", true },
	{ "an empty value", "a:\nb: c\n", false },
	{ "an empty value at the end", "a:\n", false },
	{ "a list that is not indented", "a:\n- b\n", false },
	{ "a list at the top", "- a\n", false },
	{ "a map in a list item", "a:\n  - b: c\n    d: e\n", false },
	{ "a list in a list", "a:\n  - - b\n", false },
	{ "a text over two lines", "a: b\n  c\nd: e\n", false },
	{ "a text over two lines in a list", "a:\n  - b\n    c\n", false },
	{ "a block text", "a: |\n  b\n", false },
	{ "flow over two lines", "a: { b: c,\n  d: e }\n", false },
	{ "an escape", "a: \"b\\n\"\n", false },
	{ "a doubled quote", "a: 'it''s'\n", false },
	{ "something behind a quoted text", "a: \"b\" c\n", false },
	{ "a quoted key", "\"a\": b\n", false },
	{ "an anchor", "a: &x b\n", false },
	{ "an alias", "a: *x\n", false },
	{ "a tag", "a: !!str b\n", false },
	{ "a merge key", "<<: b\n", false },
	{ "null", "a: null\n", false },
	{ "a key null", "null: a\n", false },
	{ "a tilde", "a: ~\n", false },
	{ "duplicate keys", "a: b\na: c\n", false },
	{ "duplicate keys in flow", "a: { b: c, b: d }\n", false },
	{ "a tab for indentation", "a:\n\tb: c\n", false },
	{ "a tab behind a value", "a: b\t# c\n", false },
	{ "a carriage return", "a: b\r\n", false },
	{ "a carriage return in a comment", "# a\rb: c\nd: e\n", false },
	{ "the start of a document", "---\na: b\n", false },
	{ "the end of a document", "a: b\n...\n", false },
	{ "a directive", "%YAML 1.1\n---\na: b\n", false },
	{ "a mapping in a value", "a: b: c\n", false },
	{ "a colon at the end of a value", "a: b:\n", false },
	{ "no blank behind the colon", "a:b\n", false },
	{ "a blank in front of the colon", "a : b\n", false },
	{ "a comma too many", "a: [b, ]\n", false },
	{ "no value in flow", "a: { b, c: d }\n", false },
	{ "a pair in a flow list", "a: [b: c]\n", false },
	{ "an open bracket", "a: [b\n", false },
	{ "behind a bracket", "a: [b] c\n", false },
	{ "indented too little", "a:\n   b: c\n  d: e\n", false },
	{ "indented too much", "a: b\n  c: d\n", false },
	{ "the first line is indented", "  a: b\n", false },
	{ "a key in a list", "a:\n  - b\n  c: d\n", false },
	{ "an item in a map", "a:\n  b: c\n  - d\n", false },
	{ "letters beyond ASCII", "a: \xc3\xa4\n", false },
	{ "a question mark", "? a\n: b\n", false },
	{ "a reserved character", "a: @b\n", false },
	{ "nothing but comments", "# a\n", false },
	{ "nothing", "", false },
};

START_TEST(takes_what_is_plain_and_makes_the_same_tree)
{
	const struct row *r = &rows[_i];
	struct tree a, b;
	tree_read(&a, r->text, strlen(r->text), false);
	tree_read(&b, r->text, strlen(r->text), true);
	bool plain = a.root && config_yaml_was_plain(a.yaml);
	ck_assert_msg(plain == r->plain, "%s: plain %d", r->what, plain);
	ck_assert_msg(!a.root == !b.root, "%s: read by one only", r->what);
	ck_assert_msg(a.nodes == b.nodes, "%s: %zu and %zu nodes", r->what, a.nodes, b.nodes);
	ck_assert_msg(!a.root || tree_same(a.root, b.root), "%s: the trees differ", r->what);
	tree_done(&a);
	tree_done(&b);
}
END_TEST

/* As deep as a tree may be, and one deeper. */
START_TEST(depth_is_bounded)
{
	for (unsigned more = 0; more < 2; more++) {
		char text[256] = "a: ";
		for (unsigned i = 1; i < CONFIG_DEPTH_MAX + more; i++)
			strcat(text, "[");
		strcat(text, "b");
		for (unsigned i = 1; i < CONFIG_DEPTH_MAX + more; i++)
			strcat(text, "]");
		struct tree a;
		tree_read(&a, text, strlen(text), false);
		ck_assert_int_eq(a.root != NULL, !more);
		ck_assert_int_eq(config_yaml_was_plain(a.yaml), !more);
		tree_done(&a);
	}
}
END_TEST

START_TEST(many_lines_in_many_steps)
{
	struct lb_text t = LB_TEXT_INIT;
	for (int i = 0; i < 3000; i++)
		lb_text_printf(
			&t, "s%d:\n  listen: 10.0.0.%d:80\n  backends: { a: 10.1.0.1, b: 10.1.0.2 }\n", i, i % 256);
	struct tree a, b;
	tree_read(&a, t.s, t.n, false);
	tree_read(&b, t.s, t.n, true);
	ck_assert(a.root && config_yaml_was_plain(a.yaml) && !config_yaml_was_plain(b.yaml));
	ck_assert(tree_same(a.root, b.root));
	tree_done(&a);
	tree_done(&b);
	lb_text_printf(&t, "x: |\n  no\n"); /* given up at the very end: nothing of it is left */
	tree_read(&a, t.s, t.n, false);
	ck_assert(a.root && !config_yaml_was_plain(a.yaml));
	ck_assert_uint_eq(a.nodes, b.nodes + 2);
	tree_done(&a);
	lb_text_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_plain");
	TCase *tc = tcase_create("all");
	tcase_add_loop_test(tc, takes_what_is_plain_and_makes_the_same_tree, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, depth_is_bounded);
	tcase_add_test(tc, many_lines_in_many_steps);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
