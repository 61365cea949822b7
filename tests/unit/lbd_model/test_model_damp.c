/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flap damping: which falls count, and until when a backend that flaps stays out. */
#include "tests/unit/lbd_model/pool.h"

/* Of a target that is damped in one way. */
static uint32_t penalty(const struct world *w, const struct model_target *t)
{
	ck_assert_uint_ne(t->first_damper, MODEL_NONE);
	ck_assert_uint_eq(w->m->dampers[t->first_damper].next, MODEL_NONE);
	return model_penalty(&w->m->dampers[t->first_damper], w->now);
}

START_TEST(a_backend_that_flaps_stays_out_until_it_is_calm)
{
	struct world w = { 0 };
	world_start(&w, "checks: { tcp: { damping: { suppress: 2, half_life: 1m } } }\n" WEB(THREE));
	all_up(&w, "abc");
	for (int i = 0; i < 2; i++) {
		word(&w, "web/a", false);
		word(&w, "web/a", true);
		EXPECT(&w, "web up 3: a=up:1 b=up:1 c=up:1\n");
	}
	word(&w, "web/a", false);
	EXPECT(&w, "web degraded 2: a=down:0!check_failed b=up:1 c=up:1\n");
	word(&w, "web/a", true);
	EXPECT(&w, "web degraded 2: a=down:0!flapping b=up:1 c=up:1\n");
	const struct model_target *t = model_backend_target(w.m, backend_at(&w, "web/a"), 0);
	ck_assert_uint_eq(penalty(&w, t), 3000);
	world_wait(&w, 60000);
	world_tick(&w);
	ck_assert_uint_eq(penalty(&w, t), 1500);
	EXPECT(&w, "web degraded 2: a=down:0!flapping b=up:1 c=up:1\n");
	/* 1500 decays to 1000 in two thirds of the next minute */
	ck_assert_int_eq(lb_time_diff_us(w.m->services[0].deadline, w.now) / 1000000, 40);
	w.now = w.m->services[0].deadline; /* not a moment later: the timer would fire again and again until then */
	world_tick(&w);
	EXPECT(&w, "web up 3: a=up:1 b=up:1 c=up:1\n");
	world_wait(&w, 3600000);
	ck_assert_uint_eq(penalty(&w, t), 0);
	world_end(&w);
}
END_TEST

START_TEST(a_stage_that_rests_has_not_fallen)
{
	struct world w = { 0 };
	world_start(&w, "checks:\n  one: { type: tcp, port: 1 }\n  two: { type: tcp, port: 2, damping: 1 }\n" WEB(
				"    check: { stages: [one, two] }\n    backends: { a: 10.1.0.1 }\n"));
	for (int i = 0; i < 5; i++) {
		world_health(&w, "web/a", 0, true);
		world_health(&w, "web/a", 1, true);
		world_settle(&w);
		EXPECT(&w, "web up 1: a=up:1\n");
		world_health(&w, "web/a", 0, false);
		world_rests(&w, "web/a", 1);
		world_settle(&w);
		EXPECT(&w, "web down 0: a=down:0!check_failed\n");
	}
	world_end(&w);
}
END_TEST

/* Four falls, and it passes again. */
static void flap(struct world *w)
{
	for (int i = 0; i < 4; i++) {
		word(w, "web/a", false);
		word(w, "web/a", true);
	}
	EXPECT(w, "web down 0: a=down:0!flapping\n");
}

#define DAMPED(damping) "checks: { tcp: { damping: " damping " } }\n" WEB("    backends: { a: 10.1.0.1 }\n")

START_TEST(a_flapping_backend_is_back_without_damping_and_after_maintenance)
{
	static const char on[] = DAMPED("{ suppress: 2, half_life: 1h }"), off[] = DAMPED("off");
	struct world w = { 0 };
	world_start(&w, on);
	world_tell(&w);
	word(&w, "web/a", true);
	flap(&w);
	world_start(&w, on);
	EXPECT(&w, "web down 0: a=down:0!flapping\n");
	world_start(&w, off);
	EXPECT(&w, "web up 1: a=up:1\n");
	world_start(&w, on); /* and begins anew */
	EXPECT(&w, "web up 1: a=up:1\n");
	ck_assert_uint_eq(penalty(&w, &w.m->targets[0]), 0);
	flap(&w);
	world_state(&w, "web/a", CONFIG_STATE_MAINT, 0);
	world_tell(&w);
	world_state(&w, "web/a", CONFIG_STATE_ENABLED, 0);
	world_tell(&w);
	word(&w, "web/a", true);
	EXPECT(&w, "web up 1: a=up:1\n");
	ck_assert_uint_eq(penalty(&w, &w.m->targets[0]), 0);
	world_end(&w);
}
END_TEST

START_TEST(a_fall_that_is_not_believed_is_none)
{
	struct world w = { 0 };
	static const char *const names[] = { "web/a", "web/b", "web/c" };
	world_start(&w, "checks: { tcp: { fall: 1, damping: { suppress: 2, half_life: 1h } } }\n" WEB(
				"    fail_open: 50%\n" THREE));
	all_up(&w, "abc");
	word(&w, "web/a", false); /* by itself, and that counts */
	word(&w, "web/a", true);
	for (int n = 0; n < 5; n++) {
		world_wait(&w, 4000);
		for (size_t i = 0; i < COUNT(names); i++)
			word(&w, names[i], false); /* it is known with the second of them */
		EXPECT(&w, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1!fail_open\n");
		world_wait(&w, 4000);
		for (size_t i = 0; i < COUNT(names); i++)
			word(&w, names[i], true);
		EXPECT(&w, "web up 3: a=up:1 b=up:1 c=up:1\n");
	}
	ck_assert_uint_gt(penalty(&w, model_backend_target(w.m, backend_at(&w, "web/a"), 0)), 900);
	ck_assert_uint_eq(penalty(&w, model_backend_target(w.m, backend_at(&w, "web/b"), 0)), 0);
	world_end(&w);
}
END_TEST

/* A check that flaps, where the other one is enough. When all of both fail at once, that counts for nothing; what it
 * has fallen by itself does, also when it is still down since. */
START_TEST(what_a_check_fell_before_is_not_taken_back)
{
	static const char *const names[] = { "web/a", "web/b", "web/c" };
	for (int down = 0; down < 2; down++) {
		struct world w = { 0 };
		world_start(&w, "checks:\n"
				"  one: { type: tcp, port: 1, fall: 1, damping: { suppress: 2, half_life: 1h } }\n"
				"  two: { type: tcp, port: 2, fall: 1 }\n" WEB(
					"    fail_open: 50%\n    check: { any: [one, two] }\n" THREE));
		for (size_t i = 0; i < 6; i++)
			world_health(&w, names[i % 3], (uint32_t)(i / 3), true);
		world_settle(&w);
		const struct model_target *t = model_backend_target(w.m, backend_at(&w, "web/a"), 0);
		for (int n = 0; n < 4; n++) {
			word(&w, "web/a", false);
			if (!down || n < 3)
				word(&w, "web/a", true);
		}
		ck_assert_uint_eq(penalty(&w, t), 4000);
		struct lb_time until = w.m->dampers[t->first_damper].damping.until;
		world_wait(&w, MINUTE);
		uint32_t before = penalty(&w, t);
		for (size_t i = 0; i < 6; i++) {
			world_health(&w, names[i % 3], (uint32_t)(i / 3), false);
			world_settle(&w);
		}
		EXPECT(&w, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1!fail_open\n");
		ck_assert_uint_eq(penalty(&w, t), before);
		ck_assert_int_eq(w.m->dampers[t->first_damper].damping.until.us, until.us);
		ck_assert_uint_eq(penalty(&w, model_backend_target(w.m, backend_at(&w, "web/b"), 0)), 0);
		world_end(&w);
	}
}
END_TEST

/* What it fell by itself stays counted, too, when it only stumbles while another check of it is part of a burst. */
START_TEST(what_a_check_that_is_up_fell_before_is_not_taken_back)
{
	struct world w = { 0 };
	static const char *const names[] = { "web/a", "web/b", "web/c" };
	world_start(&w,
		"checks:\n"
		"  one: { type: tcp, port: 1, damping: { suppress: 5, half_life: 1h } }\n"
		"  two: { type: tcp, port: 2, fall: 1 }\n" WEB("    fail_open: 50%\n    check: [one, two]\n" THREE));
	for (size_t i = 0; i < 6; i++)
		world_health(&w, names[i % 3], (uint32_t)(i / 3), true);
	world_settle(&w);
	word(&w, "web/a", false);
	word(&w, "web/a", true);
	world_wait(&w, MINUTE);
	stumble(&w, "web/a");
	for (size_t i = 0; i < 3; i++)
		world_health(&w, names[i], 1, false);
	world_settle(&w);
	EXPECT(&w, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1!fail_open\n");
	ck_assert_uint_gt(penalty(&w, model_backend_target(w.m, backend_at(&w, "web/a"), 0)), 900);
	world_end(&w);
}
END_TEST

/* However often it fell, a few half lives of calm are enough. */
/* '+' up, '-' down, '~' it flaps and is up just now, '?' it has never been judged */
static void says(struct world *w, uint32_t check, char what)
{
	const struct check_state sockerr = { .last = { .code = CHECK_CODE_SOCKERR } };
	for (int i = 0; i < 4 && what == '~'; i++) {
		world_health(w, "web/a", check, true);
		world_health(w, "web/a", check, false);
	}
	if (what == '?')
		ck_assert(model_health(w->m, target_id(w, "web/a", check), &sockerr, w->now, w->wall));
	else
		world_health(w, "web/a", check, what != '-');
}

/* Who is told that a backend is down is told by which check: not by one that has said nothing. */
START_TEST(the_check_that_is_named_is_the_one_that_decided)
{
	static const struct {
		const char *mode, *words, *named, *state;
	} rows[] = {
		{ "", "+++", "one", "up" },
		{ "", "+-+", "two", "down" },
		{ "", "?-+", "two", "down" }, /* one that can never run, and one that is refused */
		{ "", "?~-", "three", "down" },
		{ "", "?~+", "two", "down" },
		{ "", "+?+", "two", "unchecked" },
		{ "stages: ", "+-?", "two", "down" },
		{ "stages: ", "?-+", "one", "unchecked" }, /* what a stage said before it rested means nothing */
		{ "stages: ", "+~-", "two", "down" },
		{ "any: ", "-?+", "three", "up" },
		{ "any: ", "-?-", "two", "unchecked" }, /* it is still waited for */
		{ "any: ", "~+-", "two", "up" },
		{ "any: ", "-~-", "two", "down" },
		{ "any: ", "---", "one", "down" },
	};
	char text[600];
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		snprintf(text, sizeof(text),
			"defaults: { check: { damping: { suppress: 2, half_life: 1h } } }\n" CHECKS WEB(
				"    check: %s%s[one, two, three]%s\n    backends: { a: 10.1.0.1 }\n"),
			rows[i].mode[0] ? "{ " : "", rows[i].mode, rows[i].mode[0] ? " }" : "");
		world_start(&w, text);
		for (uint32_t check = 0; check < 3; check++)
			says(&w, check, rows[i].words[check]);
		world_settle(&w);
		ck_assert_msg(strcmp(model_deciding_target(w.m, 0, w.now)->check->name, rows[i].named) == 0 &&
				      strcmp(model_backend_state_name(w.m->backends[0].state), rows[i].state) == 0,
			"%s%s: %s by %s", rows[i].mode, rows[i].words, model_backend_state_name(w.m->backends[0].state),
			model_deciding_target(w.m, 0, w.now)->check->name);
		world_end(&w);
	}
}
END_TEST

/* A reading of the clock after it is over: it counts as up. */
START_TEST(a_check_is_named_as_it_is_now)
{
	struct world w = { 0 };
	world_start(&w, "defaults: { check: { damping: { suppress: 2, half_life: 1m } } }\n" CHECKS WEB(
				"    check: { any: [one, two] }\n    backends: { a: 10.1.0.1 }\n"));
	says(&w, 0, '~');
	says(&w, 1, '-');
	ck_assert_str_eq(model_deciding_target(w.m, 0, w.now)->check->name, "one");
	says(&w, 1, '+');
	ck_assert_str_eq(model_deciding_target(w.m, 0, w.now)->check->name, "two");
	world_wait(&w, 600000);
	ck_assert_str_eq(model_deciding_target(w.m, 0, w.now)->check->name, "one");
	world_end(&w);
}
END_TEST

START_TEST(a_night_of_flapping_is_over_some_day)
{
	struct world w = { 0 };
	world_start(&w, DAMPED("{ suppress: 2, half_life: 1h }"));
	for (int i = 0; i < 1000; i++) {
		word(&w, "web/a", true);
		word(&w, "web/a", false);
	}
	word(&w, "web/a", true);
	ck_assert_uint_eq(penalty(&w, &w.m->targets[0]), 100000);
	world_wait(&w, 7 * 3600000);
	world_tick(&w);
	EXPECT(&w, "web up 1: a=up:1\n");
	world_end(&w);
}
END_TEST

START_TEST(without_damping_nothing_is_counted)
{
	struct world w = { 0 };
	world_start(&w, WEB(THREE));
	all_up(&w, "abc");
	for (int i = 0; i < 100; i++) {
		word(&w, "web/a", false);
		word(&w, "web/a", true);
	}
	EXPECT(&w, "web up 3: a=up:1 b=up:1 c=up:1\n");
	world_end(&w);
}
END_TEST

/* They probe the same, so that is done once; whether it counts as flapping is the matter of each. */
START_TEST(each_check_has_its_own_damping)
{
	static const char *const services[] = {
		"  a: { listen: 203.0.113.1:80, check: calm, backends: { x: 10.1.0.1 } }\n",
		"  b: { listen: 203.0.113.2:80, check: tcp, backends: { x: 10.1.0.1 } }\n",
		"  c: { listen: 203.0.113.3:80, check: patient, backends: { x: 10.1.0.1 } }\n"
	};
	/* whichever of them comes first in the file */
	for (unsigned first = 0; first < 3; first++) {
		static const char checks[] = "checks:\n"
					     "  calm: { type: tcp, damping: { suppress: 2, half_life: 1h } }\n"
					     "  patient: { type: tcp, damping: { suppress: 10, half_life: 1h } }\n";
		struct world w = { 0 };
		char text[1024];
		snprintf(text, sizeof(text), "%sservices:\n%s%s%s", checks, services[first], services[(first + 1) % 3],
			services[(first + 2) % 3]);
		world_start(&w, text);
		ck_assert_uint_eq(w.m->n_targets, 1);
		word(&w, "a/x", true);
		for (int n = 0; n < 4; n++) {
			word(&w, "a/x", false);
			word(&w, "a/x", true);
		}
		EXPECT(&w, "a down 0: x=down:0!flapping\nb up 1: x=up:1\nc up 1: x=up:1\n");
		world_start(&w, text); /* nor does a reload change that */
		EXPECT(&w, "a down 0: x=down:0!flapping\nb up 1: x=up:1\nc up 1: x=up:1\n");
		for (int n = 0; n < 7; n++) {
			word(&w, "a/x", false);
			word(&w, "a/x", true);
		}
		EXPECT(&w, "a down 0: x=down:0!flapping\nb up 1: x=up:1\nc down 0: x=down:0!flapping\n");
		world_end(&w);
	}
}
END_TEST

/* The falls stay counted; how long they keep it out is for the new rules to say. */
START_TEST(a_reload_may_change_the_damping)
{
	struct world w = { 0 };
	world_start(&w, DAMPED("{ suppress: 2, half_life: 1h }"));
	word(&w, "web/a", true);
	flap(&w);
	world_start(&w, DAMPED("{ suppress: 2, half_life: 1m }"));
	EXPECT(&w, "web down 0: a=down:0!flapping\n");
	world_wait(&w, 2 * MINUTE + 2); /* 4000 are 1000 then */
	world_tick(&w);
	EXPECT(&w, "web up 1: a=up:1\n");
	flap(&w);
	world_start(&w, DAMPED("{ suppress: 20, half_life: 1m }"));
	EXPECT(&w, "web up 1: a=up:1\n");
	ck_assert_uint_ge(penalty(&w, &w.m->targets[0]), 4000);
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { a_backend_that_flaps_stays_out_until_it_is_calm,
		a_flapping_backend_is_back_without_damping_and_after_maintenance,
		the_check_that_is_named_is_the_one_that_decided, a_check_is_named_as_it_is_now,
		a_stage_that_rests_has_not_fallen, without_damping_nothing_is_counted,
		a_fall_that_is_not_believed_is_none, what_a_check_fell_before_is_not_taken_back,
		what_a_check_that_is_up_fell_before_is_not_taken_back, a_night_of_flapping_is_over_some_day,
		each_check_has_its_own_damping, a_reload_may_change_the_damping };
	return run_suite("model_damp", tests, COUNT(tests));
}
