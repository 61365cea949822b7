/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pool beyond one backend and one check: several checks, weights that backends ask for, quorum, fail-open, slow
 * start and flap damping. */
#include "fixture.h"

#define WEB(rest) "services:\n  web:\n    listen: 203.0.113.1:80\n" rest
#define THREE     "    backends: { a: 10.1.0.1, b: 10.1.0.2, c: 10.1.0.3 }\n"
#define CHECKS                                                                                                         \
	"checks:\n  one: { type: tcp, port: 1 }\n  two: { type: tcp, port: 2 }\n  three: { type: tcp, port: 3 }\n"

static void all_up(struct world *w, const char *names)
{
	char object[16] = "web/?";
	for (; *names; names++) {
		object[4] = *names;
		world_health(w, object, 0, true);
	}
	world_settle(w);
	world_changes(w);
}

static void word(struct world *w, const char *object, bool up)
{
	world_health(w, object, 0, up);
	world_settle(w);
}

/* ---- several checks ---- */

/* '+' passes, '-' fails, '.' has not been heard yet; for each check in its order. */
static const struct {
	const char *mode, *words, *want;
} several[] = {
	{ "all", "...", "unchecked:0!not_checked" },
	{ "all", "++.", "unchecked:0!not_checked" },
	{ "all", "+-.", "down:0!check_failed" },
	{ "all", "+++", "up:1" },
	{ "any", "...", "unchecked:0!not_checked" },
	{ "any", "--.", "unchecked:0!not_checked" },
	{ "any", "--+", "up:1" },
	{ "any", "---", "down:0!check_failed" },
	{ "stages", "...", "unchecked:0!not_checked" },
	{ "stages", "+..", "unchecked:0!not_checked" },
	{ "stages", "-..", "down:0!check_failed" },
	{ "stages", "-++", "down:0!check_failed" },
	{ "stages", "+.-", "unchecked:0!not_checked" },
	{ "stages", "++-", "down:0!check_failed" },
	{ "stages", "+++", "up:1" },
};

START_TEST(several_checks_become_one_word)
{
	for (size_t i = 0; i < COUNT(several); i++) {
		struct world w = { 0 };
		char text[512], want[64];
		snprintf(text, sizeof(text),
			CHECKS WEB("    check: { %s: [one, two, three] }\n    backends: { a: 10.1.0.1 }\n"),
			several[i].mode);
		world_start(&w, text);
		for (uint32_t k = 0; k < 3; k++)
			if (several[i].words[k] != '.')
				world_health(&w, "web/a", k, several[i].words[k] == '+');
		world_settle(&w);
		snprintf(want, sizeof(want), "a=%s\n", several[i].want);
		ck_assert_msg(
			strstr(world_text(&w), want), "%s %s: %s", several[i].mode, several[i].words, world_text(&w));
		world_end(&w);
	}
}
END_TEST

START_TEST(a_stage_waits_for_the_one_before_it)
{
	struct world w = { 0 };
	world_start(&w,
		CHECKS WEB(
			"    check: { stages: [one, two, three] }\n    backends: { a: 10.1.0.1 }\n") "  other: { "
												     "listen: "
												     "203.0.113.2:80, "
												     "check: two, "
												     "backends: { a: "
												     "10.1.0.1 } }\n");
	struct check_spec spec;
	model_target_spec(model_backend_target(w.m, backend_at(&w, "web/a"), 0), &spec);
	ck_assert_uint_eq(spec.after, 0);
	model_target_spec(model_backend_target(w.m, backend_at(&w, "web/a"), 1), &spec);
	ck_assert_uint_eq(spec.after, 1 + target_id(&w, "web/a", 0));
	model_target_spec(model_backend_target(w.m, backend_at(&w, "web/a"), 2), &spec);
	ck_assert_uint_eq(spec.after, 1 + target_id(&w, "web/a", 1));
	/* the same check by itself is another probe */
	ck_assert_uint_ne(target_id(&w, "other/a", 0), target_id(&w, "web/a", 1));
	uint32_t before = target_id(&w, "web/a", 2);
	world_start(&w, CHECKS WEB("    check: { stages: [one, two, three] }\n    backends: { a: 10.1.0.1 }\n"));
	ck_assert_uint_eq(target_id(&w, "web/a", 2), before);
	world_end(&w);
}
END_TEST

/* ---- weights ---- */

static void ask(struct world *w, const char *object, enum check_weight_kind kind, uint16_t value)
{
	struct check_state st = { .n = 4, .judged = true, .up = true, .last = { .code = CHECK_CODE_L7OKC } };
	st.last.weight = (struct check_weight){ (uint8_t)kind, value };
	ck_assert(model_health(w->m, target_id(w, object, 0), &st, w->now, w->wall));
	world_settle(w);
}

START_TEST(a_backend_asks_for_its_weight)
{
	struct world w = { 0 };
	world_start(&w, WEB("    check: agent\n    backends: { a: { address: 10.1.0.1, weight: 40 }, b: 10.1.0.2 }\n"));
	static const struct {
		enum check_weight_kind kind;
		uint16_t value;
		const char *want;
	} rows[] = {
		{ CHECK_WEIGHT_NONE, 0, "a=up:40 " },
		{ CHECK_WEIGHT_VALUE, 7, "a=up:7!check_weight " },
		{ CHECK_WEIGHT_PERCENT, 50, "a=up:20!check_weight " },
		{ CHECK_WEIGHT_PERCENT, 1, "a=up:1!check_weight " },
		{ CHECK_WEIGHT_PERCENT, 250, "a=up:100!check_weight " },
		{ CHECK_WEIGHT_PERCENT, 0, "a=up:0!zero_weight!check_weight " },
		{ CHECK_WEIGHT_VALUE, 0, "a=up:0!zero_weight!check_weight " },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		ask(&w, "web/a", rows[i].kind, rows[i].value);
		ck_assert_msg(strstr(world_text(&w), rows[i].want), "row %zu: %s", i, world_text(&w));
	}
	/* the operator's weight stands above it */
	world_weight(&w, "web/a", OVERRIDE_WEIGHT_VALUE, 5, 0);
	world_settle(&w);
	ck_assert_ptr_nonnull(strstr(world_text(&w), "a=up:5 "));
	world_end(&w);
}
END_TEST

/* ---- failing ---- */

static const struct {
	const char *on_fail, *want;
} fails[] = {
	{ "drain", "203.0.113.1:80/tcp wlc flags=0 10.1.0.1:80=0 10.1.0.2:80=1 10.1.0.3:80=1\n" },
	{ "remove", "203.0.113.1:80/tcp wlc flags=0 10.1.0.2:80=1 10.1.0.3:80=1\n" },
	{ "cut", "203.0.113.1:80/tcp wlc flags=0 10.1.0.2:80=1 10.1.0.3:80=1\n" },
};

START_TEST(on_fail_says_whether_the_row_stays)
{
	for (size_t i = 0; i < COUNT(fails); i++) {
		struct world w = { 0 };
		char text[256];
		snprintf(text, sizeof(text), WEB("    on_fail: %s\n" THREE), fails[i].on_fail);
		world_start(&w, text);
		all_up(&w, "abc");
		word(&w, "web/a", false);
		ck_assert_str_eq(plan_text(&w), fails[i].want);
		world_end(&w);
	}
}
END_TEST

/* ---- quorum ---- */

#define POOL(a, b, c) "203.0.113.1:80/tcp wlc flags=0 10.1.0.1:80=" a " 10.1.0.2:80=" b " 10.1.0.3:80=" c

START_TEST(the_sorry_server_comes_and_goes)
{
	struct world w = { 0 };
	world_start(&w, WEB("    sorry: 10.1.0.9:8080\n    quorum: { up: 2, hysteresis: 1 }\n" THREE));
	ck_assert_str_eq(plan_text(&w), POOL("0", "0", "0") " 10.1.0.9:8080=1\n");
	word(&w, "web/a", true);
	word(&w, "web/b", true);
	/* lost at the start: two would do, but once lost it takes three */
	ck_assert_str_eq(plan_text(&w), POOL("0", "0", "0") " 10.1.0.9:8080=1\n");
	EXPECT(&w, "web sorry 0: a=up:0!quorum_lost b=up:0!quorum_lost c=unchecked:0!not_checked\n");
	word(&w, "web/c", true);
	ck_assert_str_eq(plan_text(&w), POOL("1", "1", "1") "\n");
	EXPECT(&w, "web up 3: a=up:1 b=up:1 c=up:1\n");
	word(&w, "web/a", false);
	EXPECT(&w, "web degraded 2: a=down:0!check_failed b=up:1 c=up:1\n");
	world_changes(&w);
	word(&w, "web/b", false);
	EXPECT(&w, "web sorry 0: a=down:0!check_failed b=down:0!check_failed c=up:0!quorum_lost\n");
	ck_assert_str_eq(world_changes(&w), "web/b up->down 1->0\nweb/c up->up 1->0\nweb degraded->sorry\n");
	word(&w, "web/b", true);
	ck_assert_ptr_nonnull(strstr(plan_text(&w), "10.1.0.9:8080=1")); /* hysteresis */
	word(&w, "web/a", true);
	EXPECT(&w, "web up 3: a=up:1 b=up:1 c=up:1\n");
	world_end(&w);
}
END_TEST

START_TEST(a_reload_does_not_forget_a_lost_quorum)
{
	struct world w = { 0 };
	static const char text[] = WEB("    sorry: 10.1.0.9:8080\n    quorum: { up: 1, hysteresis: 1 }\n" THREE);
	world_start(&w, text);
	all_up(&w, "a");
	ck_assert_ptr_nonnull(strstr(world_text(&w), "web sorry"));
	world_start(&w, text);
	ck_assert_ptr_nonnull(strstr(world_text(&w), "web sorry"));
	ck_assert_str_eq(plan_text(&w), POOL("0", "0", "0") " 10.1.0.9:8080=1\n");
	world_end(&w);
}
END_TEST

static const struct {
	const char *what, *quorum, *plan, *text;
} losses[] = {
	{ "rest: the healthy one goes on", "{ up: 2, on_loss: rest }", POOL("1", "0", "0") "\n",
		"web down 1: a=up:1 b=down:0!check_failed c=down:0!check_failed\n" },
	{ "open: all go on", "{ up: 2, on_loss: open }", POOL("1", "1", "1") "\n",
		"web down 3: a=up:1 b=down:1!check_failed!quorum_open c=down:1!check_failed!quorum_open\n" },
	{ "withdraw: none", "{ up: 2, on_loss: withdraw }", POOL("0", "0", "0") "\n",
		"web down 0: a=up:0!quorum_lost b=down:0!check_failed c=down:0!check_failed\n" },
	{ "half of three is two", "{ up: 50%, on_loss: withdraw }", POOL("0", "0", "0") "\n",
		"web down 0: a=up:0!quorum_lost b=down:0!check_failed c=down:0!check_failed\n" },
	{ "a third of three is one", "33%", POOL("1", "0", "0") "\n",
		"web degraded 1: a=up:1 b=down:0!check_failed c=down:0!check_failed\n" },
};

START_TEST(what_a_lost_quorum_does)
{
	for (size_t i = 0; i < COUNT(losses); i++) {
		struct world w = { 0 };
		char text[256];
		snprintf(text, sizeof(text), WEB("    quorum: %s\n" THREE), losses[i].quorum);
		world_start(&w, text);
		all_up(&w, "abc");
		word(&w, "web/b", false);
		word(&w, "web/c", false);
		ck_assert_msg(strcmp(plan_text(&w), losses[i].plan) == 0, "%s: %s", losses[i].what, plan_text(&w));
		ck_assert_msg(strcmp(world_text(&w), losses[i].text) == 0, "%s: %s", losses[i].what, world_text(&w));
		world_end(&w);
	}
}
END_TEST

START_TEST(maintenance_lowers_a_share_and_not_a_number)
{
	struct world w = { 0 };
	world_start(&w, WEB("    quorum: { up: 60%, on_loss: withdraw }\n" THREE));
	all_up(&w, "abc");
	world_state(&w, "web/b", CONFIG_STATE_MAINT, 0);
	world_state(&w, "web/c", CONFIG_STATE_DRAIN, 0);
	world_settle(&w);
	EXPECT(&w, "web up 1: a=up:1 b=maint:0-!admin_maint c=drain:0!admin_drain\n");
	world_end(&w);
}
END_TEST

/* What is said of a backend alone stays, and holds again afterwards: after a reload, and when the time is over. */
START_TEST(maintenance_of_a_service_is_of_all_its_backends)
{
	struct world w = { 0 };
	static const char out[] = "web maint 0: a=maint:0-!service_maint b=maint:0-!service_maint "
				  "c=maint:0-!service_maint\n";
	static const char in[] = "web up 2: a=up:1 b=up:1 c=drain:0!admin_drain\n";
	world_start(&w, WEB(THREE));
	all_up(&w, "abc");
	world_state(&w, "web/c", CONFIG_STATE_DRAIN, 0);
	world_settle(&w);
	EXPECT(&w, in);
	world_state(&w, "service:web", CONFIG_STATE_MAINT, MINUTE);
	world_settle(&w);
	EXPECT(&w, out);
	ck_assert(!model_target_wanted(w.m, &w.m->targets[0])); /* nothing is probed */
	world_start(&w, WEB(THREE));
	EXPECT(&w, out);
	world_wait(&w, MINUTE);
	(void)overrides_expire(w.ov, w.now, lost, w.m);
	world_settle(&w);
	EXPECT(&w, in);
	ck_assert(model_override_known(w.m, "service:web") && !model_override_known(w.m, "service:dns"));
	world_end(&w);
}
END_TEST

/* ---- fail-open ---- */

#define TEN                                                                                                            \
	"    backends: { a: 10.1.0.1, b: 10.1.0.2, c: 10.1.0.3, d: 10.1.0.4, e: 10.1.0.5,\n"                           \
	"                f: 10.1.0.6, g: 10.1.0.7, h: 10.1.0.8, i: 10.1.0.9, j: 10.1.0.10 }\n"

#define WEIGHTY                                                                                                        \
	"      a: { address: 10.1.0.1, weight: 10 }, b: { address: 10.1.0.2, weight: 10 },\n"                          \
	"      c: { address: 10.1.0.3, weight: 10 }, d: { address: 10.1.0.4, weight: 10 },\n"                          \
	"      e: { address: 10.1.0.5, weight: 10 }, f: { address: 10.1.0.6, weight: 10 },\n"                          \
	"      g: { address: 10.1.0.7, weight: 10 }, h: { address: 10.1.0.8, weight: 10 },\n"                          \
	"      i: { address: 10.1.0.9, weight: 10 }, j: { address: 10.1.0.10, weight: 10 } }\n"

/* A FAIL that is counted and does not yet take it down. */
static void stumble(struct world *w, const char *object)
{
	struct check_state st = { .n = 3, .judged = true, .up = true, .last = { .code = CHECK_CODE_L4TOUT } };
	ck_assert(model_health(w->m, target_id(w, object, 0), &st, w->now, w->wall));
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
	for (int c = 'a'; c <= 'f'; c++) {
		object[4] = (char)c;
		word(&w, object, false);
	}
	ck_assert_uint_eq(w.m->services[0].in_pool, 10);
	ck_assert_ptr_nonnull(strstr(world_text(&w), "web degraded 10: a=up:1!fail_open b=up:1!fail_open"));
	/* most are back: what fails now has failed by itself */
	word(&w, "web/a", true);
	ck_assert_uint_eq(w.m->services[0].in_pool, 5);
	ck_assert_ptr_nonnull(strstr(world_text(&w), "web degraded 5: a=up:1 b=down:0!check_failed"));
	world_end(&w);
}
END_TEST

/* The counter is full again without ever having run out. */
static void recover(struct world *w, const char *object)
{
	struct check_state st = { .n = 4, .judged = true, .up = true, .last = { .code = CHECK_CODE_L4OK } };
	ck_assert(model_health(w->m, target_id(w, object, 0), &st, w->now, w->wall));
}

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
	char object[8] = "web/?";
	world_start(&w, WEB("    fail_open: 50%\n" TEN));
	all_up(&w, "abcdefghij");
	for (int c = 'a'; c <= 'e'; c++) {
		object[4] = (char)c;
		word(&w, object, false);
	}
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

/* ---- slow start ---- */

START_TEST(a_backend_that_comes_back_gets_its_weight_in_steps)
{
	struct world w = { 0 };
	world_start(
		&w, WEB("    slow_start: 10s\n    backends: { a: { address: 10.1.0.1, weight: 50 }, b: 10.1.0.2 }\n"));
	all_up(&w, "ab");
	EXPECT(&w, "web up 2: a=up:50 b=up:1\n"); /* the first time is not a return */
	word(&w, "web/a", false);
	world_wait(&w, 5000);
	word(&w, "web/a", true);
	EXPECT(&w, "web up 2: a=up:5!slow_start b=up:1\n");
	ck_assert_int_eq(lb_time_diff_us(w.m->services[0].deadline, w.now), 1000000);
	for (unsigned step = 2; step <= 10; step++) {
		char want[80];
		world_wait(&w, 1000);
		world_tick(&w);
		snprintf(want, sizeof(want), "web up 2: a=up:%u!slow_start b=up:1\n", step * 5);
		EXPECT(&w, want);
	}
	world_wait(&w, 1000);
	world_tick(&w);
	EXPECT(&w, "web up 2: a=up:50 b=up:1\n");
	ck_assert_int_eq(w.m->services[0].deadline.us, LB_TIME_NEVER.us);
	world_end(&w);
}
END_TEST

START_TEST(who_was_out_returns_also_when_nobody_knew_for_a_while_how_it_is)
{
	struct world w = { 0 };
	static const char web[] = CHECKS WEB("    slow_start: 10s\n    check: { stages: [one, two] }\n"
					     "    backends: { a: { address: 10.1.0.1, weight: 50 } }\n");
	world_start(&w, web);
	world_tell(&w);
	for (uint32_t stage = 0; stage < 2; stage++) {
		world_health(&w, "web/a", stage, true);
		world_settle(&w);
	}
	EXPECT(&w, "web up 1: a=up:50\n"); /* it was not heard of, and never out */
	/* maintenance that ends: what was known of it is forgotten */
	world_state(&w, "web/a", CONFIG_STATE_MAINT, 0);
	world_tell(&w);
	world_settle(&w);
	world_state(&w, "web/a", CONFIG_STATE_ENABLED, 0);
	world_tell(&w);
	world_settle(&w);
	EXPECT(&w, "web down 0: a=unchecked:0!not_checked\n");
	world_start(&w, web);
	for (uint32_t stage = 0; stage < 2; stage++) {
		world_health(&w, "web/a", stage, true);
		world_settle(&w);
	}
	EXPECT(&w, "web up 1: a=up:5!slow_start\n");
	world_wait(&w, MINUTE);
	world_tick(&w);
	EXPECT(&w, "web up 1: a=up:50\n");
	/* the first stage failed, and passes before the second is heard again */
	word(&w, "web/a", false);
	world_rests(&w, "web/a", 1);
	word(&w, "web/a", true);
	EXPECT(&w, "web down 0: a=unchecked:0!not_checked\n");
	world_health(&w, "web/a", 1, true);
	world_settle(&w);
	EXPECT(&w, "web up 1: a=up:5!slow_start\n");
	world_end(&w);
}
END_TEST

/* It may have been down before: then it has had nothing to do for as long as the others. */
START_TEST(what_the_quorum_puts_aside_returns_only_if_it_was_down)
{
	struct world w = { 0 };
	world_start(&w,
		WEB("    slow_start: 10s\n    quorum: { up: 2, on_loss: withdraw }\n"
		    "    backends: { a: { address: 10.1.0.1, weight: 50 }, b: { address: 10.1.0.2, weight: 50 } }\n"));
	all_up(&w, "ab");
	word(&w, "web/b", false);
	EXPECT(&w, "web down 0: a=up:0!quorum_lost b=down:0!check_failed\n");
	word(&w, "web/b", true);
	EXPECT(&w, "web up 2: a=up:50 b=up:5!slow_start\n");
	word(&w, "web/a", false);
	word(&w, "web/b", false);
	word(&w, "web/b", true);
	EXPECT(&w, "web down 0: a=down:0!check_failed b=up:0!quorum_lost\n");
	word(&w, "web/a", true);
	EXPECT(&w, "web up 2: a=up:5!slow_start b=up:5!slow_start\n");
	world_end(&w);
}
END_TEST

START_TEST(a_reload_does_not_begin_a_slow_start_anew)
{
	struct world w = { 0 };
	static const char text[] =
		WEB("    slow_start: 10s\n    backends: { a: { address: 10.1.0.1, weight: 50 }, b: 10.1.0.2 }\n");
	world_start(&w, text);
	all_up(&w, "ab");
	word(&w, "web/a", false);
	word(&w, "web/a", true);
	world_wait(&w, 4000);
	world_start(&w, text);
	world_tick(&w);
	EXPECT(&w, "web up 2: a=up:25!slow_start b=up:1\n");
	world_end(&w);
}
END_TEST

/* ---- the weight that a start finds ---- */

#define HUNDRED(check) "    check: " check "\n    backends: { a: { address: 10.1.0.1, weight: 100 } }\n"

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

#define FOUND(weight_a, weight_b, weight_c)                                                                            \
	{                                                                                                              \
		"203.0.113.1:80/tcp 10.1.0.1:80=" weight_a, "203.0.113.1:80/tcp 10.1.0.2:80=" weight_b,                \
			"203.0.113.1:80/tcp 10.1.0.3:80=" weight_c                                                     \
	}
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
	struct override_who who = who_of(&w, 0);
	ck_assert_int_eq(overrides_set_force(w.ov, "web/a", OVERRIDE_FORCE_UP, &who), 0);
	model_override_changed(w.m, "web/a");
	world_settle(&w);
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

/* ---- flap damping ---- */

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
	ck_assert_uint_eq(model_penalty(t, w.now), 3000);
	world_wait(&w, 60000);
	world_tick(&w);
	ck_assert_uint_eq(model_penalty(t, w.now), 1500);
	EXPECT(&w, "web degraded 2: a=down:0!flapping b=up:1 c=up:1\n");
	/* 1500 decays to 1000 in two thirds of the next minute */
	ck_assert_int_eq(lb_time_diff_us(w.m->services[0].deadline, w.now) / 1000000, 40);
	world_wait(&w, 40002);
	world_tick(&w);
	EXPECT(&w, "web up 3: a=up:1 b=up:1 c=up:1\n");
	world_wait(&w, 3600000);
	ck_assert_uint_eq(model_penalty(t, w.now), 0);
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
	ck_assert_uint_eq(model_penalty(&w.m->targets[0], w.now), 0);
	flap(&w);
	world_state(&w, "web/a", CONFIG_STATE_MAINT, 0);
	world_tell(&w);
	world_state(&w, "web/a", CONFIG_STATE_ENABLED, 0);
	world_tell(&w);
	word(&w, "web/a", true);
	EXPECT(&w, "web up 1: a=up:1\n");
	ck_assert_uint_eq(model_penalty(&w.m->targets[0], w.now), 0);
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
	ck_assert_uint_gt(model_penalty(model_backend_target(w.m, backend_at(&w, "web/a"), 0), w.now), 900);
	ck_assert_uint_eq(model_penalty(model_backend_target(w.m, backend_at(&w, "web/b"), 0), w.now), 0);
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
		ck_assert_uint_eq(model_penalty(t, w.now), 4000);
		struct lb_time until = t->damping.until;
		world_wait(&w, MINUTE);
		uint32_t before = model_penalty(t, w.now);
		for (size_t i = 0; i < 6; i++) {
			world_health(&w, names[i % 3], (uint32_t)(i / 3), false);
			world_settle(&w);
		}
		EXPECT(&w, "web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1!fail_open\n");
		ck_assert_uint_eq(model_penalty(t, w.now), before);
		ck_assert_int_eq(t->damping.until.us, until.us);
		ck_assert_uint_eq(model_penalty(model_backend_target(w.m, backend_at(&w, "web/b"), 0), w.now), 0);
		world_end(&w);
	}
}
END_TEST

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

/* Whatever happened, planning again without news changes nothing, and a row is in the pool only with a weight. */
START_TEST(settling_twice_is_settling_once)
{
	static const char *const rules[] = { "quorum: 2", "sorry: 10.1.0.99", "quorum: { up: 60%, on_loss: open }",
		"fail_open: 30%", "slow_start: 5s", "on_fail: remove",
		"quorum: { up: 3, hysteresis: 2, on_loss: withdraw }" };
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct rng r = { seed };
		struct world w = { .kernel = FOUND("1", "2", "3") };
		char text[1024];
		int n = snprintf(text, sizeof(text),
			"checks: { tcp: { damping: { suppress: 2, half_life: 2s } } }\n" WEB("    %s\n" TEN),
			rules[rnd(&r, COUNT(rules))]);
		ck_assert_int_lt(n, (int)sizeof(text));
		world_start(&w, text);
		for (unsigned step = 0; step < 60; step++) {
			char object[8] = "web/?", before[4096], plan[4096];
			object[4] = (char)('a' + rnd(&r, 10));
			world_health(&w, object, 0, rnd(&r, 2));
			world_wait(&w, rnd(&r, 3000));
			model_tick(w.m, w.now);
			world_settle(&w);
			strcpy(before, world_text(&w));
			strcpy(plan, plan_text(&w));
			world_changes(&w);
			model_dirty(w.m, 0);
			world_settle(&w);
			ck_assert_msg(strcmp(before, world_text(&w)) == 0, "seed %llu step %u:\n%s%s",
				(unsigned long long)seed, step, before, world_text(&w));
			ck_assert_str_eq(plan, plan_text(&w));
			ck_assert_str_eq(world_changes(&w), "");
		}
		world_end(&w);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { several_checks_become_one_word, a_stage_waits_for_the_one_before_it,
		a_backend_asks_for_its_weight, on_fail_says_whether_the_row_stays, the_sorry_server_comes_and_goes,
		a_reload_does_not_forget_a_lost_quorum, what_a_lost_quorum_does,
		maintenance_lowers_a_share_and_not_a_number, maintenance_of_a_service_is_of_all_its_backends,
		when_all_fail_at_once_none_is_believed, who_is_held_falls_when_the_others_pass_that_never_fell,
		one_after_the_other_is_no_burst, who_was_down_before_the_burst_stays_down,
		the_first_of_a_burst_stay_in_as_well, who_was_believed_stays_down_when_there_are_fewer,
		who_was_down_stays_down_when_it_is_judged_anew, when_all_fail_at_a_start_none_is_believed,
		who_is_held_stays_until_all_its_stages_have_spoken, without_fail_open_nobody_is_held_any_more,
		a_single_backend_that_fails_is_down, where_one_check_is_enough_one_that_fails_is_no_failure,
		a_backend_that_comes_back_gets_its_weight_in_steps,
		who_was_out_returns_also_when_nobody_knew_for_a_while_how_it_is,
		what_the_quorum_puts_aside_returns_only_if_it_was_down, a_reload_does_not_begin_a_slow_start_anew,
		until_it_is_judged_it_keeps_the_weight_that_it_had, a_slow_start_goes_on_after_a_start,
		who_is_held_keeps_the_weight_it_was_found_with,
		who_is_forced_up_has_its_weight_when_its_check_has_spoken,
		where_one_check_is_enough_the_others_may_ask_for_less,
		a_reload_that_raises_a_weight_begins_no_slow_start, a_backend_that_flaps_stays_out_until_it_is_calm,
		a_flapping_backend_is_back_without_damping_and_after_maintenance, a_stage_that_rests_has_not_fallen,
		maintenance_ends_what_a_start_took_over, without_damping_nothing_is_counted,
		a_fall_that_is_not_believed_is_none, what_a_check_fell_before_is_not_taken_back,
		settling_twice_is_settling_once };
	return run_suite("model_pool", tests, COUNT(tests));
}
