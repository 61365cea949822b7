/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fail-open: when too many fail at once they are held, and whoever failed by itself is down. */
#include "tests/unit/lbd_model/pool.h"

/* web/a to web/LAST, in the same moment. */
static void fall_together(struct world *w, char last)
{
	char object[] = "web/?";
	for (char c = 'a'; c <= last; c++) {
		object[4] = c;
		word(w, object, false);
	}
}

START_TEST(when_all_fail_at_once_none_is_believed)
{
	struct world w = { 0 };
	world_start(&w, WEB("    fail_open: 50%\n" TEN));
	all_up(&w, "abcdefghij");
	char object[8] = "web/?";
	for (char c = 'a'; c <= 'f'; c++, world_wait(&w, 200)) {
		object[4] = c;
		stumble(&w, object);
	}
	fall_together(&w, 'f');
	ck_assert_uint_eq(w.m->services[0].in_pool, 10);
	ck_assert_ptr_nonnull(strstr(world_text(&w), "web degraded 10: a=up:1!fail_open b=up:1!fail_open"));
	/* most are back: what fails now has failed by itself */
	word(&w, "web/a", true);
	ck_assert_uint_eq(w.m->services[0].in_pool, 5);
	ck_assert_ptr_nonnull(strstr(world_text(&w), "web degraded 5: a=up:1 b=down:0!check_failed"));
	world_end(&w);
}
END_TEST

START_TEST(who_is_held_falls_when_the_others_pass_that_never_fell)
{
	struct world w = { 0 };
	world_start(&w, WEB("    fail_open: 50%\n" THREE));
	all_up(&w, "abc");
	stumble(&w, "web/a");
	stumble(&w, "web/b");
	word(&w, "web/c", false);
	EXPECT(&w, "web degraded 3: a=up:1 b=up:1 c=up:1!fail_open\n");
	recover(&w, "web/a");
	recover(&w, "web/b");
	world_settle(&w);
	EXPECT(&w, "web degraded 2: a=up:1 b=up:1 c=down:0!check_failed\n");
	recover(&w, "web/a"); /* that is no news */
	ck_assert_uint_eq(world_settle(&w), 0);
	/* where nothing is held, a stumble is nothing to decide about */
	world_start(&w, WEB(THREE));
	stumble(&w, "web/a");
	recover(&w, "web/a");
	ck_assert_uint_eq(world_settle(&w), 0);
	world_end(&w);
}
END_TEST

START_TEST(one_after_the_other_is_no_burst)
{
	struct world w = { 0 };
	world_start(&w, WEB("    fail_open: 50%\n" TEN));
	all_up(&w, "abcdefghij");
	char object[8] = "web/?";
	for (char c = 'a'; c <= 'i'; c++, world_wait(&w, 2600)) {
		object[4] = c;
		word(&w, object, false);
	}
	ck_assert_uint_eq(w.m->services[0].in_pool, 1);
	world_end(&w);
}
END_TEST

START_TEST(who_was_down_before_the_burst_stays_down)
{
	struct world w = { 0 };
	world_start(&w, WEB("    fail_open: 50%\n" THREE));
	all_up(&w, "abc");
	word(&w, "web/a", false);
	EXPECT(&w, "web degraded 2: a=down:0!check_failed b=up:1 c=up:1\n");
	world_wait(&w, 60000);
	stumble(&w, "web/c");
	word(&w, "web/b", false);
	word(&w, "web/c", false);
	EXPECT(&w, "web degraded 2: a=down:0!check_failed b=up:1!fail_open c=up:1!fail_open\n");
	world_end(&w);
}
END_TEST

/* The core decides after each of them, so the first are out before it is known that they are not alone. */
START_TEST(the_first_of_a_burst_stay_in_as_well)
{
	struct world w = { 0 };
	char object[8] = "web/?", all[512] = "web degraded 10:";
	world_start(&w, "checks: { one: { type: tcp, port: 1, fall: 1 } }\n" WEB(
				"    check: one\n    slow_start: 1m\n    fail_open: 50%\n    backends: {\n" WEIGHTY));
	all_up(&w, "abcdefghij");
	for (char c = 'a'; c <= 'j'; c++, world_wait(&w, 180)) {
		object[4] = c;
		word(&w, object, false);
		ck_assert_uint_eq(w.m->services[0].in_pool, c < 'f' ? (unsigned)('j' - c) : 10);
		sprintf(all + strlen(all), " %c=up:10!fail_open", c);
	}
	strcat(all, "\n");
	EXPECT(&w, all);
	world_end(&w);
}
END_TEST

/* Five of ten were no burst. That fewer are asked for a day later does not make them one. */
START_TEST(who_was_believed_stays_down_when_there_are_fewer)
{
	struct world w = { 0 };
	world_start(&w, WEB("    fail_open: 50%\n" TEN));
	all_up(&w, "abcdefghij");
	fall_together(&w, 'e');
	ck_assert_uint_eq(w.m->services[0].in_pool, 5);
	world_wait(&w, 86400000);
	world_state(&w, "web/i", CONFIG_STATE_MAINT, 0);
	world_state(&w, "web/j", CONFIG_STATE_MAINT, 0);
	world_settle(&w);
	ck_assert_uint_eq(w.m->services[0].in_pool, 3);
	world_end(&w);
}
END_TEST

/* Their first verdicts come within one interval after a start, after a reload that changes their check and after
 * maintenance. That is no news of who was down. */
START_TEST(who_was_down_stays_down_when_it_is_judged_anew)
{
	static const char *const how[] = { "reload", "start", "maintenance" };
	for (size_t i = 0; i < COUNT(how); i++) {
		struct world w = { 0 };
		world_start(&w, CHECKS WEB("    check: one\n    fail_open: 50%\n" THREE));
		world_tell(&w);
		all_up(&w, "abc");
		word(&w, "web/a", false);
		world_wait(&w, 86400000);
		word(&w, "web/b", false);
		world_wait(&w, 86400000);
		EXPECT(&w, "web degraded 1: a=down:0!check_failed b=down:0!check_failed c=up:1\n");
		w.kernel[0] = "203.0.113.1:80/tcp 10.1.0.3:80";
		if (i == 1) {
			model_free(w.m);
			w.m = NULL;
		}
		if (i < 2) {
			world_load(&w, CHECKS WEB("    check: two\n    fail_open: 50%\n" THREE));
		} else {
			world_state(&w, "service:web", CONFIG_STATE_MAINT, 0);
			world_tell(&w);
			overrides_clear_state(w.ov, "service:web");
			model_override_changed(w.m, "service:web");
			world_tell(&w);
		}
		world_health(&w, "web/a", 0, false); /* before anything was decided */
		word(&w, "web/c", true);
		world_wait(&w, 300);
		word(&w, "web/b", false);
		ck_assert_msg(strcmp(world_text(&w), "web degraded 1: a=down:0!check_failed b=down:0!check_failed "
						     "c=up:1\n") == 0,
			"%s: %s", how[i], world_text(&w));
		world_end(&w);
	}
}
END_TEST

/* What a start found serving is in the pool, whatever it was before. */
START_TEST(when_all_fail_at_a_start_none_is_believed)
{
	struct world w = { .kernel = { "203.0.113.1:80/tcp 10.1.0.1:80", "203.0.113.1:80/tcp 10.1.0.2:80" } };
	world_start(&w, WEB("    fail_open: 50%\n" THREE));
	word(&w, "web/a", false);
	word(&w, "web/b", false);
	word(&w, "web/c", false);
	EXPECT(&w, "web degraded 2: a=up:1!fail_open b=up:1!fail_open c=down:0!check_failed\n");
	world_end(&w);
}
END_TEST

/* The later stages rested, and are heard one after the other. */
START_TEST(who_is_held_stays_until_all_its_stages_have_spoken)
{
	struct world w = { 0 };
	static const char *const names[] = { "web/a", "web/b", "web/c" };
	static const char held[] = "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1!fail_open\n";
	world_start(&w, CHECKS WEB("    check: { stages: [one, two] }\n    fail_open: 50%\n" THREE));
	for (size_t i = 0; i < 6; i++)
		world_health(&w, names[i % 3], i / 3, true);
	world_settle(&w);
	for (size_t i = 0; i < 3; i++) {
		world_health(&w, names[i], 0, false);
		world_rests(&w, names[i], 1);
	}
	world_settle(&w);
	EXPECT(&w, held);
	for (size_t i = 0; i < 3; i++) {
		word(&w, names[i], true);
		EXPECT(&w, held);
	}
	world_health(&w, "web/a", 1, true);
	world_settle(&w);
	EXPECT(&w, "web degraded 3: a=up:1 b=up:1!fail_open c=up:1!fail_open\n");
	world_health(&w, "web/b", 1, true);
	world_settle(&w);
	EXPECT(&w, "web degraded 3: a=up:1 b=up:1 c=up:1!fail_open\n");
	world_health(&w, "web/c", 1, false); /* and that has failed by itself */
	world_settle(&w);
	EXPECT(&w, "web degraded 2: a=up:1 b=up:1 c=down:0!check_failed\n");
	world_end(&w);
}
END_TEST

START_TEST(without_fail_open_nobody_is_held_any_more)
{
	struct world w = { 0 };
	static const char on[] = WEB("    fail_open: 50%\n" THREE), off[] = WEB(THREE);
	static const char down[] = "web down 0: a=down:0!check_failed b=down:0!check_failed c=down:0!check_failed\n";
	world_start(&w, on);
	all_up(&w, "abc");
	word(&w, "web/a", false);
	word(&w, "web/b", false);
	word(&w, "web/c", false);
	EXPECT(&w, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1!fail_open\n");
	world_start(&w, off);
	EXPECT(&w, down);
	all_up(&w, "abc");
	word(&w, "web/a", false);
	EXPECT(&w, "web degraded 2: a=down:0!check_failed b=up:1 c=up:1\n");
	world_wait(&w, MINUTE);
	world_start(&w, on); /* and what was known of then is no news of now */
	EXPECT(&w, "web degraded 2: a=down:0!check_failed b=up:1 c=up:1\n");
	world_end(&w);
}
END_TEST

START_TEST(a_single_backend_that_fails_is_down)
{
	struct world w = { 0 };
	world_start(&w, WEB("    fail_open: 50%\n    backends: { a: 10.1.0.1 }\n"));
	all_up(&w, "a");
	word(&w, "web/a", false);
	EXPECT(&w, "web down 0: a=down:0!check_failed\n");
	world_end(&w);
}
END_TEST

START_TEST(where_one_check_is_enough_one_that_fails_is_no_failure)
{
	struct world w = { 0 };
	world_start(&w, CHECKS WEB("    check: { any: [one, two] }\n    fail_open: 50%\n" THREE));
	static const char *const names[] = { "web/a", "web/b", "web/c" };
	for (size_t i = 0; i < COUNT(names); i++) {
		world_health(&w, names[i], 0, true);
		world_health(&w, names[i], 1, true);
	}
	world_settle(&w);
	for (size_t i = 0; i < COUNT(names); i++)
		world_health(&w, names[i], 0, false);
	world_settle(&w);
	EXPECT(&w, "web up 3: a=up:1 b=up:1 c=up:1\n");
	for (size_t i = 0; i < COUNT(names); i++)
		world_health(&w, names[i], 1, false);
	world_settle(&w);
	EXPECT(&w, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1!fail_open\n");
	world_end(&w);
}
END_TEST

/* Others, of which one check fails at the same time and another one passes, do not make a burst of it. */
START_TEST(who_fails_alone_is_down_though_others_are_half_well)
{
	struct world w = { 0 };
	world_start(&w, CHECKS WEB("    check: { any: [one, two] }\n    fail_open: 50%\n" THREE));
	static const char *const names[] = { "web/a", "web/b", "web/c" };
	for (size_t i = 0; i < COUNT(names); i++) {
		world_health(&w, names[i], 0, true);
		world_health(&w, names[i], 1, true);
	}
	world_settle(&w);
	for (size_t i = 0; i < COUNT(names); i++)
		world_health(&w, names[i], 1, false);
	word(&w, "web/a", false);
	EXPECT(&w, "web degraded 2: a=down:0!check_failed b=up:1 c=up:1\n");
	world_end(&w);
}
END_TEST

/* The slowest of its checks sees a fault up to an interval later, and a probe may come a quarter later still. */
START_TEST(a_burst_lasts_as_long_as_the_slowest_check_needs)
{
	static const struct {
		const char *intervals[2];
		int64_t apart_ms;
		const char *want;
	} rows[] = {
		{ { "2s", "2s" }, 2500, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1\n" },
		{ { "2s", "2s" }, 2501, "web degraded 1: a=down:0!check_failed b=down:0!check_failed c=up:1\n" },
		{ { "8s", "2s" }, 10000, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1\n" },
		{ { "2s", "8s" }, 10000, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1\n" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		char text[400], object[8] = "web/?";
		snprintf(text, sizeof(text),
			"checks: { one: { type: tcp, port: 1, interval: %s }, two: { type: tcp, port: 2, interval: %s "
			"} }\n"
			"%s",
			rows[i].intervals[0], rows[i].intervals[1],
			WEB("    check: [one, two]\n    fail_open: 50%\n" THREE));
		world_start(&w, text);
		for (int c = 'a'; c <= 'c'; c++) {
			object[4] = (char)c;
			world_health(&w, object, 1, true);
		}
		all_up(&w, "abc");
		stumble(&w, "web/a");
		world_wait(&w, rows[i].apart_ms);
		word(&w, "web/b", false);
		word(&w, "web/a", false);
		ck_assert_msg(strcmp(world_text(&w), rows[i].want) == 0, "row %zu: %s", i, world_text(&w));
		world_end(&w);
	}
}
END_TEST

/* A reload between the first of a burst and the others, or among what is held since, is no news of who fails. */
START_TEST(a_reload_neither_splits_a_burst_nor_ends_a_hold)
{
	struct world w = { 0 };
	static const char three[] = WEB("    fail_open: 50%\n" THREE), ten[] = WEB("    fail_open: 50%\n" TEN);
	world_start(&w, three);
	all_up(&w, "abc");
	word(&w, "web/a", false);
	EXPECT(&w, "web degraded 2: a=down:0!check_failed b=up:1 c=up:1\n");
	world_start(&w, three);
	word(&w, "web/b", false);
	EXPECT(&w, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1\n");
	world_end(&w);

	w = (struct world){ 0 };
	world_start(&w, ten);
	all_up(&w, "abcdefghij");
	fall_together(&w, 'f');
	world_wait(&w, MINUTE);
	word(&w, "web/g", false); /* by itself */
	ck_assert_uint_eq(w.m->services[0].in_pool, 9);
	world_start(&w, ten);
	word(&w, "web/a", true); /* five of them are left: too few for a burst, and held since it was one */
	ck_assert_uint_eq(w.m->services[0].in_pool, 9);
	world_end(&w);
}
END_TEST

START_TEST(just_the_share_is_not_more_than_it)
{
	struct world w = { 0 };
	world_start(&w, WEB("    fail_open: 50%\n" TEN));
	all_up(&w, "abcdefghij");
	word(&w, "web/j", false);
	world_wait(&w, MINUTE);
	fall_together(&w, 'e');
	ck_assert_uint_eq(w.m->services[0].in_pool, 4); /* six fail, but five at once */
	world_end(&w);
}
END_TEST

START_TEST(it_is_a_share_of_those_who_may_serve)
{
	struct world w = { 0 };
	char object[8] = "web/?";
	world_start(&w, WEB("    fail_open: 50%\n" TEN));
	all_up(&w, "abcdefghij");
	for (int c = 'g'; c <= 'j'; c++) {
		object[4] = (char)c;
		world_state(&w, object, CONFIG_STATE_MAINT, 0);
	}
	fall_together(&w, 'd');
	ck_assert_uint_eq(w.m->services[0].in_pool, 6);
	world_end(&w);
}
END_TEST

START_TEST(who_was_held_is_unknown_after_maintenance)
{
	struct world w = { 0 };
	world_start(&w, WEB("    fail_open: 50%\n" THREE));
	world_tell(&w);
	all_up(&w, "abc");
	stumble(&w, "web/a");
	stumble(&w, "web/b");
	for (const char *const *name = (const char *const[]){ "web/a", "web/b", "web/c", NULL }; *name; name++)
		word(&w, *name, false);
	EXPECT(&w, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1!fail_open\n");
	world_state(&w, "web/c", CONFIG_STATE_MAINT, 0);
	world_tell(&w);
	world_settle(&w);
	world_state(&w, "web/c", CONFIG_STATE_ENABLED, 0);
	world_settle(&w);
	EXPECT(&w, "web degraded 2: a=up:1!fail_open b=up:1!fail_open c=unchecked:0!not_checked\n");
	world_end(&w);
}
END_TEST

/* With many services the first words come before the core has decided anything about what it found. */
START_TEST(who_was_found_and_fails_before_the_first_decision_is_held)
{
	struct world w = { .kernel = FOUND("1", "1", "1") };
	world_load(&w, WEB("    fail_open: 50%\n" THREE));
	world_health(&w, "web/a", 0, false);
	world_health(&w, "web/b", 0, false);
	world_settle(&w);
	EXPECT(&w, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1!not_checked\n");
	world_end(&w);
}
END_TEST

/* There are not more than all of them. */
START_TEST(all_of_them_are_a_share_as_well)
{
	struct world w = { 0 };
	world_start(&w, WEB("    fail_open: 100%\n" THREE));
	all_up(&w, "abc");
	stumble(&w, "web/a");
	stumble(&w, "web/b");
	stumble(&w, "web/c");
	fall_together(&w, 'c');
	EXPECT(&w, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1!fail_open\n");
	recover(&w, "web/a"); /* and without it that is not all */
	world_settle(&w);
	EXPECT(&w, "web degraded 1: a=up:1 b=down:0!check_failed c=down:0!check_failed\n");
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { when_all_fail_at_once_none_is_believed,
		who_is_held_falls_when_the_others_pass_that_never_fell, one_after_the_other_is_no_burst,
		who_was_down_before_the_burst_stays_down, the_first_of_a_burst_stay_in_as_well,
		who_was_believed_stays_down_when_there_are_fewer, who_was_down_stays_down_when_it_is_judged_anew,
		when_all_fail_at_a_start_none_is_believed, who_is_held_stays_until_all_its_stages_have_spoken,
		without_fail_open_nobody_is_held_any_more, a_single_backend_that_fails_is_down,
		where_one_check_is_enough_one_that_fails_is_no_failure,
		who_fails_alone_is_down_though_others_are_half_well, a_burst_lasts_as_long_as_the_slowest_check_needs,
		a_reload_neither_splits_a_burst_nor_ends_a_hold, just_the_share_is_not_more_than_it,
		all_of_them_are_a_share_as_well, it_is_a_share_of_those_who_may_serve,
		who_was_held_is_unknown_after_maintenance, who_was_found_and_fails_before_the_first_decision_is_held };
	return run_suite("model_fail_open", tests, COUNT(tests));
}
