/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/state/generation.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void add(struct generation *g, const char *name, const char *text, size_t len)
{
	struct generation_source *s = lb_vec_push(&g->sources);
	ck_assert_ptr_nonnull(s);
	*s = (struct generation_source){ name, text, strlen(name), len };
}

static void sample(struct generation *g)
{
	*g = (struct generation){ .number = 17,
		.wall_ms = 1769868127123,
		.state = GENERATION_ROLLED_BACK,
		.by = "alice",
		.message = "raise app2",
		.why = "not confirmed in 2m" };
	add(g, "/etc/lbd/lbd.yaml", "services: {}\n", 13);
	add(g, "/etc/lbd/conf.d/two words.yaml", "no newline\nend 0000000000000000", 31);
	add(g, "empty", "", 0);
	generation_sha256(g);
}

START_TEST(reads_what_it_wrote)
{
	struct generation g, back;
	struct lb_text out = LB_TEXT_INIT;
	struct lb_err e;
	sample(&g);
	generation_write(&g, &out);
	ck_assert(!out.bad);
	ck_assert_msg(generation_read(out.s, out.n, &back, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(back.number, 17);
	ck_assert_int_eq(back.wall_ms, 1769868127123);
	ck_assert_str_eq(back.by, "alice");
	ck_assert_str_eq(back.message, "raise app2");
	ck_assert_int_eq(back.state, GENERATION_ROLLED_BACK);
	ck_assert_str_eq(back.why, "not confirmed in 2m");
	ck_assert_str_eq(back.sha256, g.sha256);
	ck_assert(generation_same_text(&g, &back));
	generation_done(&g);
	generation_done(&back);
	lb_text_done(&out);
}
END_TEST

static const struct {
	const char *what, *text;
	bool newer;
} versions[] = {
	{ "ours", "lbd-generation 2\nnumber 17\n", false },
	{ "the one before", "lbd-generation 1\nnumber 17\n", false },
	{ "the next one", "lbd-generation 3\nnumber 17\n", true },
	{ "whatever may follow", "lbd-generation 10\n", true },
	{ "cut before the line ends", "lbd-generation 3", false },
	{ "no number", "lbd-generation 3a\n", false },
	{ "too large a number", "lbd-generation 3000000000000000000000\n", false },
	{ "no version", "lbd-generation \n", false },
	{ "another word", "lbd-generations 3\n", false },
	{ "nothing", "", false },
};

START_TEST(a_later_version_is_no_damage)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct generation g;
		struct lb_err e;
		size_t n = strlen(versions[i].text);
		ck_assert_msg(generation_is_newer(versions[i].text, n) == versions[i].newer, "%s", versions[i].what);
		ck_assert_int_eq(generation_read(versions[i].text, n, &g, &e), -1);
		ck_assert_int_eq(e.code, LB_CODE_INVALID);
	}
}
END_TEST

START_TEST(as_many_sources_as_there_may_be)
{
	struct generation g, back;
	struct lb_text out = LB_TEXT_INIT;
	struct lb_err e;
	sample(&g);
	while (g.sources.n < GENERATION_SOURCES_MAX)
		add(&g, "/etc/lbd/conf.d/x.yaml", "a: b\n", 5);
	generation_write(&g, &out);
	ck_assert_msg(generation_read(out.s, out.n, &back, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(back.sources.n, 1000);
	generation_done(&back);
	generation_done(&g);
	lb_text_done(&out);
}
END_TEST

START_TEST(a_line_break_in_who_or_why_cannot_forge_a_field)
{
	struct generation g, back;
	struct lb_text out = LB_TEXT_INIT;
	struct lb_err e;
	sample(&g);
	strcpy(g.message, "a\nsource 3 x\nabc");
	strcpy(g.by, "bob\nby eve");
	strcpy(g.why, "late\nsha256 0");
	generation_write(&g, &out);
	ck_assert_msg(generation_read(out.s, out.n, &back, &e) == 0, "%s", e.text);
	ck_assert_str_eq(back.message, "a");
	ck_assert_str_eq(back.by, "bob");
	ck_assert_str_eq(back.why, "late");
	ck_assert_uint_eq(back.sources.n, 3);
	generation_done(&g);
	generation_done(&back);
	lb_text_done(&out);
}
END_TEST

START_TEST(every_cut_and_every_flipped_bit_is_noticed)
{
	struct generation g, back;
	struct lb_text out = LB_TEXT_INIT;
	struct lb_err e;
	sample(&g);
	generation_write(&g, &out);
	for (size_t n = 0; n < out.n; n++)
		ck_assert_msg(generation_read(out.s, n, &back, &e) != 0, "cut at %zu was taken", n);
	for (size_t i = 0; i < out.n; i++) {
		out.s[i] ^= 1;
		ck_assert_msg(generation_read(out.s, out.n, &back, &e) != 0, "a flipped bit at %zu was taken", i);
		out.s[i] ^= 1;
	}
	generation_done(&g);
	lb_text_done(&out);
}
END_TEST

START_TEST(the_digest_is_that_of_sha256sum)
{
	struct generation one = { 0 }, two = { 0 };
	add(&one, "a", "services: {}\n", 13);
	generation_sha256(&one);
	ck_assert_str_eq(one.sha256, "fa6ccea1ca4e3a031d9e99f25cc05db803aa9bac642c000ddab14f6d9da54b52");
	add(&two, "a", "servi", 5);
	add(&two, "b", "", 0);
	add(&two, "c", "ces: {}\n", 8);
	generation_sha256(&two);
	ck_assert_str_eq(two.sha256, one.sha256);
	generation_done(&one);
	generation_done(&two);
}
END_TEST

START_TEST(the_head_says_all_without_the_rest)
{
	struct generation g, head;
	struct lb_text out = LB_TEXT_INIT;
	struct lb_err e;
	sample(&g);
	memset(g.message, 'm', sizeof(g.message) - 1); /* the longest there is */
	memset(g.why, 'w', sizeof(g.why) - 1);
	memset(g.by, 'b', sizeof(g.by) - 1);
	g.number = UINT32_MAX;
	generation_write(&g, &out);
	size_t n = out.n < GENERATION_HEAD_MAX ? out.n : GENERATION_HEAD_MAX;
	size_t length = (size_t)(strstr(out.s, "\nsource ") + 1 - out.s);
	ck_assert_uint_lt(length, GENERATION_HEAD_MAX);
	ck_assert_msg(generation_read_head(out.s, n, out.n, &head, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(head.number, UINT32_MAX);
	ck_assert_str_eq(head.why, g.why);
	ck_assert_uint_eq(head.sources.n, 0);
	ck_assert(generation_read_head(out.s, n, out.n - 1, &head, &e) != 0);
	ck_assert(generation_read_head(out.s, n, out.n + 1, &head, &e) != 0);
	for (size_t i = 0; i < length; i++) {
		ck_assert_msg(generation_read_head(out.s, i, out.n, &head, &e) != 0, "cut at %zu was taken", i);
		out.s[i] ^= 1;
		ck_assert_msg(generation_read_head(out.s, n, out.n, &head, &e) != 0, "a flipped bit at %zu", i);
		out.s[i] ^= 1;
	}
	generation_done(&g);
	lb_text_done(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("generation");
	TCase *t = tcase_create("all");
	tcase_add_test(t, reads_what_it_wrote);
	tcase_add_test(t, a_later_version_is_no_damage);
	tcase_add_test(t, as_many_sources_as_there_may_be);
	tcase_add_test(t, a_line_break_in_who_or_why_cannot_forge_a_field);
	tcase_add_test(t, the_digest_is_that_of_sha256sum);
	tcase_add_test(t, the_head_says_all_without_the_rest);
	tcase_add_test(t, every_cut_and_every_flipped_bit_is_noticed);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
