/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of keepalived's keywords has no holes, and no word stands twice in one place. */
#include "lbd/import/ka.h"

#include "common/buf.h"
#include "lbd/import/import.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(no_holes)
{
	for (size_t i = 0; i < ka_words_n; i++) {
		const struct ka_row *r = &ka_words[i];
		ck_assert_msg(r->name && r->name[0] && r->where, "row %zu", i);
		ck_assert_msg(r->text && r->text[0], "%s: what becomes of it?", r->name);
		ck_assert_msg(r->text[strlen(r->text) - 1] != '.', "%s: a full stop", r->name);
		ck_assert_msg((r->does == KA_TAKES) == (r->word != KA_NONE), "%s: who reads it?", r->name);
		ck_assert_msg(r->arg != KA_ARG_NUM || r->min < r->max, "%s: range", r->name);
		ck_assert_msg(r->arg != KA_ARG_TIME || r->min < r->max, "%s: range", r->name);
		ck_assert_msg(r->inside == KA_IN_NOTHING || r->does == KA_TAKES, "%s: a block of nobody", r->name);
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(!(ka_words[j].where & r->where) || strcmp(ka_words[j].name, r->name) != 0,
				"%s twice in one place", r->name);
	}
}
END_TEST

/* The manual page has every word, in its part. */
START_TEST(all_are_printed)
{
	static const char *const titles[] = { "## Carried over", "## Not needed", "## Without a counterpart" };
	static const enum ka_does parts[] = { KA_TAKES, KA_SAME, KA_LOST };
	struct lb_text out = LB_TEXT_INIT;
	import_print_keywords(&out);
	ck_assert(!out.bad);
	size_t told = 0;
	for (size_t p = 0; p < 3; p++) {
		const char *from = strstr(out.s, titles[p]), *to = p < 2 ? strstr(out.s, titles[p + 1]) : out.s + out.n;
		ck_assert_msg(from && to && from < to, "%s", titles[p]);
		for (const char *s = from; (s = strstr(s, "*\n\t")) && s < to; s++)
			told++;
		for (size_t i = 0; i < ka_words_n; i++) {
			char plain[100], line[120];
			size_t n = 0;
			for (const char *c = ka_words[i].name; *c && n < sizeof(plain) - 2; c++) {
				if (*c == '_')
					plain[n++] = '\\';
				plain[n++] = *c;
			}
			plain[n] = '\0';
			snprintf(line, sizeof(line), "\n*%s*\n\t", plain);
			const char *at = strstr(from, line);
			ck_assert_msg(ka_words[i].does != parts[p] || (at && at < to), "%s is not under %s", plain,
				titles[p]);
		}
	}
	ck_assert_uint_eq(told, ka_words_n);
	lb_text_done(&out);
}
END_TEST

START_TEST(nearest)
{
	static const struct {
		const char *what, *word;
		enum ka_in in;
		const char *want;
	} rows[] = {
		{ "two letters changed places", "wieght", KA_IN_RS, "weight" },
		{ "only words of that place", "virtual_rotes", KA_IN_VRRP, "virtual_routes" },
		{ "and not of others", "virtual_rotes", KA_IN_VS, NULL },
		{ "nothing is near", "zebra", KA_IN_VS, NULL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = ka_word_near(rows[i].word, rows[i].in);
		ck_assert_msg(rows[i].want ? got && strcmp(got, rows[i].want) == 0 : !got, "%s: %s", rows[i].what,
			got ? got : "nothing");
	}
}
END_TEST

START_TEST(numbers)
{
	static const struct {
		const char *s;
		int err;
		int64_t us;
	} times[] = { { "1", 0, 1000000 }, { "0.25", 0, 250000 }, { ".5", 0, 500000 }, { "1.", 0, 1000000 },
		{ "1.0000001", 0, 1000000 }, { "", -1, 0 }, { ".", -1, 0 }, { "1s", -1, 0 }, { "-1", -1, 0 },
		{ "1.2.3", -1, 0 }, { "99999999999999999999", -1, 0 } };
	static const struct {
		const char *s;
		int err;
		int64_t v;
	} nums[] = { { "7", 0, 7 }, { "+7", 0, 7 }, { "-7", 0, -7 }, { "9", -1, 0 }, { "-9", -1, 0 }, { "", -1, 0 },
		{ "-", -1, 0 }, { "7x", -1, 0 }, { "0x7", -1, 0 }, { "99999999999999999999", -1, 0 } };
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int64_t us = 0;
		ck_assert_msg(!ka_parse_time(times[i].s, &us) == !times[i].err && us == times[i].us, "time '%s': %lld",
			times[i].s, (long long)us);
	}
	for (size_t i = 0; i < sizeof(nums) / sizeof(nums[0]); i++) {
		int64_t v = 0;
		ck_assert_msg(!ka_parse_num(nums[i].s, -8, 8, &v) == !nums[i].err && v == nums[i].v, "'%s': %lld",
			nums[i].s, (long long)v);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ka_words");
	TCase *t = tcase_create("table");
	tcase_add_test(t, all_are_printed);
	tcase_add_test(t, no_holes);
	tcase_add_test(t, nearest);
	tcase_add_test(t, numbers);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
