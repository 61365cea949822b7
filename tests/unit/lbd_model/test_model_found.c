/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a start finds in the kernel: it serves, with the weight it had, until its checks have spoken. */
#include "tests/unit/lbd_model/pool.h"

/* What the kernel had at a start serves until its checks have spoken; not what was taken out meanwhile. */
START_TEST(maintenance_ends_what_a_start_took_over)
{
	struct world w = { .kernel = { "203.0.113.1:80/tcp 10.1.0.1:80" } };
	world_start(&w, "services: { web: { listen: 203.0.113.1:80, backends: { a: 10.1.0.1 } } }");
	ck_assert(w.m->backends[0].in_pool);
	world_state(&w, "web/a", CONFIG_STATE_MAINT, 0);
	world_settle(&w);
	world_state(&w, "web/a", CONFIG_STATE_ENABLED, 0);
	world_settle(&w);
	ck_assert(!w.m->backends[0].in_pool);
	word(&w, "web/a", true);
	ck_assert(w.m->backends[0].in_pool);
	world_end(&w);
}
END_TEST

#define HUNDRED(check) "    check: " check "\n    backends: { a: { address: 10.1.0.1, weight: 100 } }\n"

static void force(struct world *w, const char *object, enum override_force what)
{
	struct override_who who = who_of(w, 0);
	ck_assert_int_eq(overrides_set_force(w->ov, object, what, &who), 0);
	model_override_changed(w->m, object);
	world_settle(w);
}

static void force_no_more(struct world *w, const char *object)
{
	ck_assert(overrides_clear_force(w->ov, object));
	model_override_changed(w->m, object);
	world_settle(w);
}

/* Neither the weight nor the step of a ramp that a start found is that of who was out since. */
START_TEST(who_was_taken_out_meanwhile_begins_anew)
{
	struct world w = { .kernel = { "203.0.113.1:80/tcp 10.1.0.1:80=30" } };
	world_start(&w, WEB("    slow_start: 10s\n" HUNDRED("tcp")));
	force(&w, "web/a", OVERRIDE_FORCE_DOWN);
	force_no_more(&w, "web/a");
	EXPECT(&w, "web up 1: a=up:30!not_checked\n");
	word(&w, "web/a", true);
	EXPECT(&w, "web up 1: a=up:10!slow_start\n");
	world_end(&w);

	w = (struct world){ .kernel = { "203.0.113.1:80/tcp 10.1.0.1:80=30" } };
	world_start(&w, "checks: { one: { type: tcp, port: 1 }, two: { type: agent, port: 2 } }\n" WEB(
				HUNDRED("{ any: [one, two] }")));
	force(&w, "web/a", OVERRIDE_FORCE_DOWN);
	word(&w, "web/a", true);
	force_no_more(&w, "web/a");
	EXPECT(&w, "web up 1: a=up:100\n");
	world_end(&w);

	w = (struct world){ .kernel = { "203.0.113.1:80/tcp 10.1.0.1:80=30" } };
	world_start(&w, WEB(HUNDRED("tcp")));
	world_state(&w, "web/a", CONFIG_STATE_MAINT, 0);
	world_settle(&w);
	world_state(&w, "web/a", CONFIG_STATE_ENABLED, 0);
	force(&w, "web/a", OVERRIDE_FORCE_UP);
	EXPECT(&w, "web up 1: a=up:100!forced_up\n");
	world_end(&w);
}
END_TEST

START_TEST(until_it_is_judged_it_keeps_the_weight_that_it_had)
{
	struct world w = { 0 };
	static const char two[] = "checks: { one: { type: agent, port: 1 }, two: { type: agent, port: 2 } }\n";
	char text[400];
	world_start(&w, CHECKS WEB(HUNDRED("agent")));
	ask(&w, "web/a", CHECK_WEIGHT_PERCENT, 5);
	EXPECT(&w, "web up 1: a=up:5!check_weight\n");
	w.kernel[0] = "203.0.113.1:80/tcp 10.1.0.1:80=5";
	for (int start = 0; start < 2; start++) {
		snprintf(text, sizeof(text), "%s%s", two, start ? WEB(HUNDRED("one")) : WEB(HUNDRED("two")));
		if (start) {
			model_free(w.m);
			w.m = NULL;
		}
		world_start(&w, text);
		EXPECT(&w, "web up 1: a=up:5!not_checked\n");
		world_start(&w, text);
		EXPECT(&w, "web up 1: a=up:5!not_checked\n");
		world_weight(&w, "web/a", OVERRIDE_WEIGHT_VALUE, 60, 0); /* an operator's word stands above it */
		world_settle(&w);
		EXPECT(&w, "web up 1: a=up:60!not_checked\n");
		overrides_clear_weight(w.ov, "web/a");
		model_override_changed(w.m, "web/a");
		ask(&w, "web/a", CHECK_WEIGHT_PERCENT, 7);
		EXPECT(&w, "web up 1: a=up:7!check_weight\n");
	}
	/* not more than it shall have */
	w.kernel[0] = "203.0.113.1:80/tcp 10.1.0.1:80=5000";
	model_free(w.m);
	w.m = NULL;
	world_start(&w, text);
	EXPECT(&w, "web up 1: a=up:100!not_checked\n");
	world_end(&w);
}
END_TEST

/* A listener that came with this start is not in the kernel yet; the other one tells. */
START_TEST(any_listener_tells_what_was_found)
{
	struct world w = { .kernel = { "203.0.113.1:81/tcp 10.1.0.1:81=5" } };
	world_start(&w, "services: { web: { listen: [203.0.113.1:80, 203.0.113.1:81], backends: { a: 10.1.0.1 } } }");
	EXPECT(&w, "web up 1: a=up:1!not_checked\n");
	world_end(&w);
}
END_TEST

START_TEST(a_slow_start_goes_on_after_a_start)
{
	struct world w = { .kernel = { "203.0.113.1:80/tcp 10.1.0.1:80=30" } };
	world_start(&w, WEB("    slow_start: 10s\n" HUNDRED("tcp")));
	EXPECT(&w, "web up 1: a=up:30!not_checked\n");
	world_wait(&w, 5000);
	world_tick(&w);
	EXPECT(&w, "web up 1: a=up:30!not_checked\n");
	word(&w, "web/a", true);
	EXPECT(&w, "web up 1: a=up:30!slow_start\n");
	for (unsigned weight = 40; weight <= 100; weight += 10) {
		char want[80];
		world_wait(&w, 1000);
		world_tick(&w);
		snprintf(want, sizeof(want), "web up 1: a=up:%u!slow_start\n", weight);
		EXPECT(&w, want);
	}
	world_wait(&w, 1000);
	world_tick(&w);
	EXPECT(&w, "web up 1: a=up:100\n");
	/* within a run the ramp is known, and goes on meanwhile */
	word(&w, "web/a", false);
	word(&w, "web/a", true);
	EXPECT(&w, "web up 1: a=up:10!slow_start\n");
	w.kernel[0] = "203.0.113.1:80/tcp 10.1.0.1:80=10";
	world_start(&w, CHECKS WEB("    slow_start: 10s\n" HUNDRED("two")));
	world_wait(&w, 3000);
	world_tick(&w);
	EXPECT(&w, "web up 1: a=up:10!not_checked\n");
	word(&w, "web/a", true);
	EXPECT(&w, "web up 1: a=up:40!slow_start\n");
	world_end(&w);
}
END_TEST

#define HUNDREDS                                                                                                       \
	"    backends: { a: { address: 10.1.0.1, weight: 100 }, b: { address: 10.1.0.2, weight: 100 },\n"              \
	"                c: { address: 10.1.0.3, weight: 100 } }\n"

/* Nobody has said yet that it may have more, and they are not believed when they fail all at once. */
START_TEST(who_is_held_keeps_the_weight_it_was_found_with)
{
	struct world w = { .kernel = FOUND("5", "7", "100") };
	static const char text[] = WEB("    check: agent\n    fail_open: 50%\n    slow_start: 10s\n" HUNDREDS);
	static const char held[] = "web degraded 3: a=up:5!fail_open b=up:7!fail_open c=up:100!fail_open\n";
	world_start(&w, text);
	EXPECT(&w, "web up 3: a=up:5!not_checked b=up:7!not_checked c=up:100!not_checked\n");
	word(&w, "web/a", false); /* out for a moment, until it is known that it is not the only one */
	word(&w, "web/b", false);
	word(&w, "web/c", false);
	EXPECT(&w, held);
	world_wait(&w, MINUTE);
	world_start(&w, text);
	model_dirty(w.m, 0);
	world_settle(&w);
	EXPECT(&w, held);
	ask(&w, "web/a", CHECK_WEIGHT_VALUE, 4);
	world_weight(&w, "web/c", OVERRIDE_WEIGHT_VALUE, 60, 0);
	world_settle(&w);
	EXPECT(&w, "web degraded 3: a=up:4!check_weight b=up:7!fail_open c=up:60!fail_open\n");
	/* the others are back: it has failed by itself, and returns as any other */
	word(&w, "web/c", true);
	EXPECT(&w, "web degraded 2: a=up:4!check_weight b=down:0!check_failed c=up:60\n");
	world_wait(&w, MINUTE);
	word(&w, "web/b", true);
	world_wait(&w, MINUTE);
	world_tick(&w);
	EXPECT(&w, "web up 3: a=up:4!check_weight b=up:100 c=up:60\n");
	world_end(&w);
}
END_TEST

/* The word of an operator is instead of that of the checks. */
START_TEST(who_is_forced_up_has_its_weight_when_its_check_has_spoken)
{
	struct world w = { .kernel = FOUND("5", "5", "5") };
	world_start(&w, WEB("    check: agent\n    fail_open: 50%\n" HUNDREDS));
	force(&w, "web/a", OVERRIDE_FORCE_UP);
	EXPECT(&w, "web up 3: a=up:5!forced_up b=up:5!not_checked c=up:5!not_checked\n");
	word(&w, "web/a", false);
	EXPECT(&w, "web up 3: a=up:100!forced_up b=up:5!not_checked c=up:5!not_checked\n");
	world_end(&w);
}
END_TEST

/* Which check says how much it can take is not the one that passes first. */
START_TEST(where_one_check_is_enough_the_others_may_ask_for_less)
{
	static const struct {
		const char *what, *two;
		int says; /* of the second check: -1 = fails, 0 = passes, else a weight */
		const char *before, *after;
	} rows[] = {
		{ "an agent asks", "type: agent", 7, "a=up:5\n", "a=up:7!check_weight\n" },
		{ "an agent asks for nothing", "type: agent", 0, "a=up:5\n", "a=up:100\n" },
		{ "an agent fails", "type: agent", -1, "a=up:5\n", "a=up:100\n" },
		{ "a header asks", "type: http, weight: { from: header, name: X-Weight }", 7, "a=up:5\n",
			"a=up:7!check_weight\n" },
		{ "a check that can ask for nothing", "type: tcp", 0, "a=up:100\n", "a=up:100\n" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { .kernel = { "203.0.113.1:80/tcp 10.1.0.1:80=5" } };
		struct check_state st = { .judged = true, .up = rows[i].says >= 0 };
		char text[400];
		snprintf(text, sizeof(text), "checks: { one: { type: tcp, port: 1 }, two: { %s, port: 2 } }\n%s",
			rows[i].two, WEB(HUNDRED("{ any: [one, two] }")));
		world_start(&w, text);
		EXPECT(&w, "web up 1: a=up:5!not_checked\n");
		word(&w, "web/a", true);
		ck_assert_msg(strstr(world_text(&w), rows[i].before), "%s: %s", rows[i].what, world_text(&w));
		st.n = st.up ? 4 : 0;
		if (rows[i].says > 0)
			st.last.weight = (struct check_weight){ CHECK_WEIGHT_VALUE, (uint16_t)rows[i].says };
		ck_assert(model_health(w.m, target_id(&w, "web/a", 1), &st, w.now, w.wall));
		world_settle(&w);
		ck_assert_msg(strstr(world_text(&w), rows[i].after), "%s: %s", rows[i].what, world_text(&w));
		world_end(&w);
	}
}
END_TEST

/* It had all of its weight; that this is more now is no slow start. */
START_TEST(a_reload_that_raises_a_weight_begins_no_slow_start)
{
	struct world w = { 0 };
	world_start(&w, CHECKS WEB("    slow_start: 10s\n    check: one\n"
				   "    backends: { a: { address: 10.1.0.1, weight: 10 } }\n"));
	word(&w, "web/a", true);
	w.kernel[0] = "203.0.113.1:80/tcp 10.1.0.1:80=10";
	world_start(&w, CHECKS WEB("    slow_start: 10s\n" HUNDRED("two")));
	EXPECT(&w, "web up 1: a=up:10!not_checked\n");
	word(&w, "web/a", true);
	EXPECT(&w, "web up 1: a=up:100\n");
	/* so also where the start before that had found it */
	model_free(w.m);
	w.m = NULL;
	world_start(&w, CHECKS WEB("    slow_start: 10s\n    check: one\n"
				   "    backends: { a: { address: 10.1.0.1, weight: 10 } }\n"));
	word(&w, "web/a", true);
	world_start(&w, CHECKS WEB("    slow_start: 10s\n" HUNDRED("two")));
	word(&w, "web/a", true);
	EXPECT(&w, "web up 1: a=up:100\n");
	/* after a start nobody knows, also not after a reload that comes before the first word */
	model_free(w.m);
	w.m = NULL;
	world_start(&w, CHECKS WEB("    slow_start: 10s\n" HUNDRED("two")));
	world_start(&w, CHECKS WEB("    slow_start: 10s\n" HUNDRED("three")));
	word(&w, "web/a", true);
	EXPECT(&w, "web up 1: a=up:10!slow_start\n");
	world_end(&w);
}
END_TEST

static void fault(struct world *w, uint32_t check)
{
	const struct check_state st = { .last = { .code = CHECK_CODE_SOCKERR } };
	ck_assert(model_health(w->m, target_id(w, "web/a", check), &st, w->now, w->wall));
	world_settle(w);
}

/* Where one check is enough it is not waited for one that cannot be run: else who was found serving, and fails all that
 * can be asked, stays for good. */
START_TEST(a_check_that_cannot_be_run_holds_nobody_in)
{
	for (int found = 0; found < 2; found++) {
		struct world w = { .kernel = { found ? "203.0.113.1:80/tcp 10.1.0.1:80=1" : NULL } };
		const char *waits =
			found ? "web up 1: a=up:1!not_checked\n" : "web down 0: a=unchecked:0!not_checked\n";
		world_start(&w, CHECKS WEB("    check: { any: [one, two] }\n    backends: { a: 10.1.0.1 }\n"));
		word(&w, "web/a", false);
		EXPECT(&w, waits);
		fault(&w, 1); /* the first time says nothing: interval and timeout are 3 s together */
		EXPECT(&w, waits);
		world_wait(&w, 2999);
		world_tick(&w);
		EXPECT(&w, waits);
		world_wait(&w, 1);
		ck_assert_uint_eq(world_tick(&w), 1);
		EXPECT(&w, "web down 0: a=down:0!check_failed\n");
		world_wait(&w, 1000);
		ck_assert_uint_eq(world_tick(&w), 0);
		world_health(&w, "web/a", 1, true); /* it can be run after all */
		world_settle(&w);
		EXPECT(&w, "web up 1: a=up:1\n");
		world_end(&w);
	}
}
END_TEST

/* Nor does it take anybody out by itself. */
START_TEST(checks_that_cannot_be_run_say_nothing)
{
	struct world w = { .kernel = { "203.0.113.1:80/tcp 10.1.0.1:80=1" } };
	world_start(&w, CHECKS WEB("    check: { any: [one, two] }\n    backends: { a: 10.1.0.1 }\n"));
	fault(&w, 0);
	fault(&w, 1);
	world_wait(&w, MINUTE);
	world_tick(&w);
	EXPECT(&w, "web up 1: a=up:1!not_checked\n");
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { maintenance_ends_what_a_start_took_over, who_was_taken_out_meanwhile_begins_anew,
		until_it_is_judged_it_keeps_the_weight_that_it_had, any_listener_tells_what_was_found,
		a_slow_start_goes_on_after_a_start, who_is_held_keeps_the_weight_it_was_found_with,
		who_is_forced_up_has_its_weight_when_its_check_has_spoken,
		where_one_check_is_enough_the_others_may_ask_for_less,
		a_reload_that_raises_a_weight_begins_no_slow_start, a_check_that_cannot_be_run_holds_nobody_in,
		checks_that_cannot_be_run_say_nothing };
	return run_suite("model_found", tests, COUNT(tests));
}
