/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_fsm.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* P pass, F fail, E error, N none. flips: '^' it came up here, 'v' it went down here, '.' nothing. */
static const struct {
	const char *what;
	uint16_t rise, fall;
	const char *verdicts, *flips;
} rows[] = {
	{ "the first pass decides at once", 3, 3, "P", "^" },
	{ "the first fail decides at once", 3, 3, "F", "v" },
	{ "errors before the first verdict decide nothing", 2, 3, "EENEP", "....^" },
	{ "exactly fall fails in a row bring it down", 2, 3, "PFFF", "^..v" },
	{ "a pass between makes the fails start again", 2, 3, "PFFPFFF", "^.....v" },
	{ "exactly rise passes in a row bring it up", 2, 3, "FPP", "v.^" },
	{ "a fail between makes the passes start again", 3, 3, "FPPFPPP", "v.....^" },
	{ "errors neither count nor reset", 2, 3, "PFEFEEF", "^.....v" },
	{ "and not while it rises", 3, 2, "FPEPEP", "v....^" },
	{ "rise 1 fall 1 follows every verdict", 1, 1, "PFPFF", "^v^v." },
	{ "after coming up it takes fall fails again", 2, 2, "FPPFF", "v.^.v" },
};

static enum check_verdict verdict_of(char c)
{
	return c == 'P'   ? CHECK_VERDICT_PASS
	       : c == 'F' ? CHECK_VERDICT_FAIL
	       : c == 'E' ? CHECK_VERDICT_ERROR
			  : CHECK_VERDICT_NONE;
}

START_TEST(sequences)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fsm f;
		char got[32] = "";
		check_fsm_init(&f, rows[i].rise, rows[i].fall, NULL);
		for (size_t k = 0; rows[i].verdicts[k]; k++)
			got[k] = !check_fsm_step(&f, verdict_of(rows[i].verdicts[k])) ? '.' : f.up ? '^' : 'v';
		ck_assert_msg(strcmp(got, rows[i].flips) == 0, "%s: %s gave %s, not %s", rows[i].what, rows[i].verdicts,
			got, rows[i].flips);
	}
}
END_TEST

START_TEST(resuming_flips_nothing)
{
	for (uint16_t rise = 1; rise < 5; rise++)
		for (uint16_t fall = 1; fall < 5; fall++)
			for (uint16_t n = 0; n < 10; n++)
				for (int up = 0; up < 2; up++) {
					struct check_state known = { .n = n, .judged = true, .up = up };
					struct check_fsm f;
					check_fsm_init(&f, rise, fall, &known);
					ck_assert(f.judged && f.up == (bool)up);
					ck_assert((f.n >= rise) == (bool)up);
					ck_assert_int_lt(f.n, rise + fall);
					ck_assert(!check_fsm_step(&f, up ? CHECK_VERDICT_PASS : CHECK_VERDICT_FAIL));
				}
	/* a count in progress goes on where it was */
	struct check_state known = { .n = 3, .judged = true, .up = true };
	struct check_fsm f;
	check_fsm_init(&f, 2, 3, &known);
	ck_assert(!check_fsm_step(&f, CHECK_VERDICT_FAIL));
	ck_assert(check_fsm_step(&f, CHECK_VERDICT_FAIL));
}
END_TEST

/* The integer against two plain counters, with random verdicts. */
START_TEST(equals_two_counters)
{
	srand(7);
	for (int round = 0; round < 2000; round++) {
		uint16_t rise = (uint16_t)(1 + rand() % 6), fall = (uint16_t)(1 + rand() % 6);
		struct check_fsm f;
		check_fsm_init(&f, rise, fall, NULL);
		int passes = 0, fails = 0;
		bool up = false, judged = false;
		for (int i = 0; i < 100; i++) {
			enum check_verdict v = verdict_of("PFEN"[rand() % 4]);
			bool was = up, was_judged = judged;
			if (v == CHECK_VERDICT_PASS) {
				passes++;
				fails = 0;
				up = up || !judged || passes >= rise;
				judged = true;
			} else if (v == CHECK_VERDICT_FAIL) {
				fails++;
				passes = 0;
				up = up && judged && fails < fall;
				judged = true;
			}
			bool flip = check_fsm_step(&f, v);
			ck_assert_msg(f.up == up && f.judged == judged, "round %d step %d", round, i);
			ck_assert_msg(flip == (up != was || judged != was_judged), "flip, round %d step %d", round, i);
		}
	}
}
END_TEST

START_TEST(limits)
{
	ck_assert(check_fsm_limits_ok(1, 1));
	ck_assert(check_fsm_limits_ok(65535, 1));
	ck_assert(!check_fsm_limits_ok(65535, 2));
	ck_assert(!check_fsm_limits_ok(0, 1));
	ck_assert(!check_fsm_limits_ok(1, 0));
	ck_assert(!check_fsm_limits_ok(UINT32_MAX, UINT32_MAX));
	struct check_fsm f;
	check_fsm_init(&f, 65535, 1, NULL);
	ck_assert(check_fsm_step(&f, CHECK_VERDICT_PASS) && f.n == 65535);
	ck_assert(!check_fsm_step(&f, CHECK_VERDICT_PASS) && f.n == 65535);
}
END_TEST

static const struct {
	const char *what;
	uint16_t n, rise, fall;
	bool up;
	const char *words;
} counters[] = {
	{ "down for good", 0, 2, 3, false, "fall 3/3" },
	{ "on the way up", 1, 2, 3, false, "rise 1/2" },
	{ "up for good", 4, 2, 3, true, "rise 2/2" },
	{ "one failure", 3, 2, 3, true, "fall 1/3" },
	{ "two of them", 2, 2, 3, true, "fall 2/3" },
	{ "one is enough, up", 1, 1, 1, true, "rise 1/1" },
	{ "one is enough, down", 0, 1, 1, false, "fall 1/1" },
	{ "a reload made rise and fall smaller", 9, 2, 3, true, "rise 2/2" },
	{ "the largest", 65534, 1, 65535, true, "fall 1/65535" },
};

START_TEST(the_counter_in_words)
{
	char text[CHECK_COUNTER_STRLEN];
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		const char *got =
			check_counter_str(counters[i].n, counters[i].rise, counters[i].fall, counters[i].up, ' ', text);
		ck_assert_msg(strcmp(got, counters[i].words) == 0, "%s: %s", counters[i].what, got);
	}
	ck_assert_str_eq(check_counter_str(2, 2, 3, true, '=', text), "fall=2/3");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_fsm");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, sequences);
	tcase_add_test(tc, resuming_flips_nothing);
	tcase_add_test(tc, equals_two_counters);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, the_counter_in_words);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
