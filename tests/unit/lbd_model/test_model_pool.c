/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pool beyond one backend and one check: several checks, weights that backends ask for, quorum and slow start;
 * and whatever happened, it settles. */
#include "tests/unit/lbd_model/pool.h"

/* ---- several checks ---- */

#define DAMPED_CHECKS                                                                                                  \
	"checks:\n  one: { type: tcp, port: 1, damping: 1 }\n  two: { type: tcp, port: 2, damping: 1 }\n"              \
	"  three: { type: tcp, port: 3, damping: 1 }\n"

/* '+' passes, '-' fails, '~' passes but fell too often, '.' has not been heard yet; for each check in its order. */
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
	/* one failure decides, and then one that is no failure by itself; where one is enough it may be who is unheard
	 */
	{ "all", "~+.", "down:0!flapping" },
	{ "all", "~-.", "down:0!check_failed" },
	{ "any", "~.-", "unchecked:0!not_checked" },
	{ "any", "~--", "down:0!flapping" },
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
			DAMPED_CHECKS WEB("    check: { %s: [one, two, three] }\n    backends: { a: 10.1.0.1 }\n"),
			several[i].mode);
		world_start(&w, text);
		for (uint32_t k = 0; k < 3; k++) {
			for (int falls = several[i].words[k] == '~' ? 2 : 0; falls; falls--) {
				world_health(&w, "web/a", k, true);
				world_health(&w, "web/a", k, false);
			}
			if (several[i].words[k] != '.')
				world_health(&w, "web/a", k, several[i].words[k] != '-');
		}
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

START_TEST(a_backend_asks_for_its_weight)
{
	struct world w = { 0 };
	world_start(&w, WEB("    check: agent\n    backends: { a: { address: 10.1.0.1, weight: 40 }, b: 10.1.0.2,\n"
			    "      c: { address: 10.1.0.3, weight: 0 }, d: { address: 10.1.0.4, weight: 1000 } }\n"));
	static const struct {
		enum check_weight_kind kind;
		uint16_t value;
		const char *want;
	} rows[] = {
		{ CHECK_WEIGHT_NONE, 0, "a=up:40 " },
		{ CHECK_WEIGHT_VALUE, 7, "a=up:7!check_weight " },
		{ CHECK_WEIGHT_VALUE, 50, "a=up:50!check_weight " },
		{ CHECK_WEIGHT_PERCENT, 50, "a=up:20!check_weight " },
		{ CHECK_WEIGHT_PERCENT, 49, "a=up:20!check_weight " },
		{ CHECK_WEIGHT_PERCENT, 1, "a=up:1!check_weight " },
		{ CHECK_WEIGHT_PERCENT, 250, "a=up:100!check_weight " },
		{ CHECK_WEIGHT_PERCENT, 0, "a=up:0!zero_weight!check_weight " },
		{ CHECK_WEIGHT_VALUE, 0, "a=up:0!zero_weight!check_weight " },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		ask(&w, "web/a", rows[i].kind, rows[i].value);
		ck_assert_msg(strstr(world_text(&w), rows[i].want), "row %zu: %s", i, world_text(&w));
	}
	/* a little of nothing is nothing, and no share is more than the kernel takes */
	ask(&w, "web/c", CHECK_WEIGHT_PERCENT, 50);
	ck_assert_ptr_nonnull(strstr(world_text(&w), "c=up:0!zero_weight!check_weight "));
	ask(&w, "web/d", CHECK_WEIGHT_PERCENT, 10000);
	ck_assert_ptr_nonnull(strstr(world_text(&w), "d=up:65535!check_weight\n"));
	/* the operator's weight stands above it */
	world_weight(&w, "web/a", OVERRIDE_WEIGHT_VALUE, 5, 0);
	world_settle(&w);
	ck_assert_ptr_nonnull(strstr(world_text(&w), "a=up:5 "));
	world_end(&w);
}
END_TEST

START_TEST(of_two_weights_the_lesser_counts)
{
	struct world w = { 0 };
	world_start(&w, "checks:\n  one: { type: agent, port: 1 }\n  two: { type: agent, port: 2 }\n" WEB(
				"    check: [one, two]\n    backends: { a: { address: 10.1.0.1, weight: 40 } }\n"));
	for (uint32_t lesser = 0; lesser < 2; lesser++) {
		for (uint32_t k = 0; k < 2; k++) {
			struct check_state st = {
				.n = 4, .judged = true, .up = true, .last = { .code = CHECK_CODE_L7OKC }
			};
			st.last.weight = (struct check_weight){ CHECK_WEIGHT_VALUE, k == lesser ? 7 : 30 };
			ck_assert(model_health(w.m, target_id(&w, "web/a", k), &st, w.now, w.wall));
		}
		world_settle(&w);
		EXPECT(&w, "web up 1: a=up:7!check_weight\n");
	}
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
	model_dirty(w.m, 0); /* also when it is decided again */
	world_settle(&w);
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
	{ "withdraw, with a sorry server: not even that", "{ up: 2, on_loss: withdraw }\n    sorry: 10.1.0.9:8080",
		POOL("0", "0", "0") "\n",
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

START_TEST(a_quorum_is_back_when_all_are)
{
	struct world w = { 0 };
	world_start(&w, WEB("    quorum: { up: 2, hysteresis: 2, on_loss: withdraw }\n" THREE));
	all_up(&w, "ab");
	EXPECT(&w, "web down 0: a=up:0!quorum_lost b=up:0!quorum_lost c=unchecked:0!not_checked\n");
	word(&w, "web/c", true);
	EXPECT(&w, "web up 3: a=up:1 b=up:1 c=up:1\n");
	world_end(&w);
}
END_TEST

/* Who serves because too few are well does so at once: not in steps, but not with more than its weight either. */
START_TEST(an_open_quorum_gives_everybody_its_weight)
{
	struct world w = { 0 };
	world_start(&w,
		WEB("    slow_start: 10s\n    quorum: { up: 2, on_loss: open }\n"
		    "    backends: { a: { address: 10.1.0.1, weight: 100 }, b: { address: 10.1.0.2, weight: 100 },\n"
		    "      c: { address: 10.1.0.3, weight: 100 }, d: { address: 10.1.0.4, weight: 0 } }\n"));
	all_up(&w, "abcd");
	word(&w, "web/d", false);
	word(&w, "web/b", false);
	word(&w, "web/c", false);
	EXPECT(&w, "web down 3: a=up:100 b=down:100!check_failed!quorum_open c=down:100!check_failed!quorum_open "
		   "d=down:0!check_failed\n");
	world_end(&w);
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

/* However often it is looked at: it was reached and lost by turns where fewer are enabled than it wants. */
START_TEST(a_number_above_all_who_are_enabled_is_not_reached)
{
	static const struct {
		const char *quorum, *one, *two; /* with so many enabled */
	} rows[] = {
		{ "2", "web sorry 0: a=up:0!quorum_lost b=drain:0!admin_drain c=drain:0!admin_drain\n",
			"web up 2: a=up:1 b=up:1 c=drain:0!admin_drain\n" },
		{ "{ up: 2, hysteresis: 5 }",
			"web sorry 0: a=up:0!quorum_lost b=drain:0!admin_drain c=drain:0!admin_drain\n",
			"web up 2: a=up:1 b=up:1 c=drain:0!admin_drain\n" },
		{ "3", "web sorry 0: a=up:0!quorum_lost b=drain:0!admin_drain c=drain:0!admin_drain\n",
			"web sorry 0: a=up:0!quorum_lost b=up:0!quorum_lost c=drain:0!admin_drain\n" },
		{ "{ up: 2, on_loss: open }", "web down 1: a=up:1 b=drain:0!admin_drain c=drain:0!admin_drain\n",
			"web up 2: a=up:1 b=up:1 c=drain:0!admin_drain\n" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		char text[256];
		snprintf(text, sizeof(text), WEB("    sorry: 10.1.0.9:8080\n    quorum: %s\n" THREE), rows[i].quorum);
		world_start(&w, text);
		all_up(&w, "abc");
		world_state(&w, "web/b", CONFIG_STATE_DRAIN, 0);
		world_state(&w, "web/c", CONFIG_STATE_DRAIN, 0);
		for (int times = 0; times < 3; times++) {
			model_dirty(w.m, 0);
			world_settle(&w);
			ck_assert_msg(strcmp(world_text(&w), rows[i].one) == 0, "%s, look %d: %s", rows[i].quorum,
				times, world_text(&w));
		}
		world_state(&w, "web/b", CONFIG_STATE_ENABLED, 0);
		for (int times = 0; times < 3; times++) {
			model_dirty(w.m, 0);
			world_settle(&w);
			ck_assert_msg(strcmp(world_text(&w), rows[i].two) == 0, "%s, b enabled, look %d: %s",
				rows[i].quorum, times, world_text(&w));
		}
		world_end(&w);
	}
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
	ck_assert(!model_target_wanted(&w.m->targets[0])); /* nothing is probed */
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

/* ---- which services have lost it ---- */

#define SERVICE(name, host, more)                                                                                      \
	"  " name ": { listen: 203.0.113." host ":80, backends: { a: 10.1." host ".1, b: 10.1." host ".2 }" more " }"  \
	"\n"

/* "web api", in the order in which they became so. */
static const char *lost_text(struct world *w)
{
	static char text[256];
	uint32_t n = 0, prev = MODEL_NONE;
	text[0] = '\0';
	for (uint32_t i = w->m->first_lost; i != MODEL_NONE; prev = i, i = w->m->services[i].lost_next, n++) {
		ck_assert_uint_eq(w->m->services[i].lost_prev, prev);
		size_t at = strlen(text);
		snprintf(text + at, sizeof(text) - at, "%s%s", n ? " " : "", w->m->services[i].cfg->name);
	}
	ck_assert_uint_eq(w->m->last_lost, prev);
	ck_assert_uint_eq(w->m->n_lost, n);
	return text;
}

START_TEST(services_that_have_lost_their_quorum_are_known)
{
	struct world w = { 0 };
	static const char text[] = "services:\n" SERVICE("api", "1", "") SERVICE("dns", "2", ", sorry: 10.9.0.1:53")
		SERVICE("web", "3", "");
	static const char less[] = "services:\n" SERVICE("dns", "2", ", sorry: 10.9.0.1:53") SERVICE("web", "3", "");
	static const char *const all[] = { "web/a", "web/b", "dns/a", "dns/b", "api/a", "api/b" };
	world_start(&w, text);
	ck_assert_str_eq(lost_text(&w), ""); /* nothing has been heard yet */
	word(&w, "web/a", false);
	ck_assert_str_eq(lost_text(&w), ""); /* the other one may do */
	word(&w, "web/b", false);
	ck_assert_str_eq(lost_text(&w), "web");
	for (size_t i = 2; i < COUNT(all); i++)
		word(&w, all[i], false);
	ck_assert_str_eq(lost_text(&w), "web dns api"); /* also one with a sorry server */
	world_start(&w, text);
	ck_assert_uint_eq(w.m->n_lost, 3); /* by their names */
	word(&w, "dns/a", true);
	ck_assert_str_eq(lost_text(&w), "api web");
	word(&w, "dns/a", false);
	ck_assert_str_eq(lost_text(&w), "api web dns");
	world_start(&w, less);
	ck_assert_str_eq(lost_text(&w), "dns web");
	word(&w, "dns/b", true);
	word(&w, "web/b", true);
	ck_assert_str_eq(lost_text(&w), "");
	world_end(&w);
}
END_TEST

START_TEST(what_an_operator_takes_out_is_not_lost)
{
	struct world w = { 0 };
	world_start(&w, WEB(THREE));
	word(&w, "web/a", false);
	word(&w, "web/b", false);
	word(&w, "web/c", false);
	ck_assert_str_eq(lost_text(&w), "web");
	/* one that is to be heard anew makes nothing good */
	world_tell(&w);
	world_state(&w, "web/a", CONFIG_STATE_MAINT, 0);
	world_tell(&w);
	world_state(&w, "web/a", CONFIG_STATE_ENABLED, 0);
	world_tell(&w);
	world_settle(&w);
	EXPECT(&w, "web down 0: a=unchecked:0!not_checked b=down:0!check_failed c=down:0!check_failed\n");
	ck_assert_str_eq(lost_text(&w), "web");
	world_state(&w, "service:web", CONFIG_STATE_MAINT, 0);
	world_settle(&w);
	ck_assert_str_eq(lost_text(&w), "");
	world_end(&w);
}
END_TEST

/* Its checks end in faults of our own, or nobody runs them. The process that does may take 10 s until it is ready,
 * however short the intervals are: a start is no loss. */
START_TEST(what_is_never_heard_is_lost_in_the_end)
{
	static const struct {
		const char *mode;
		int64_t ms;
	} rows[] = { { "all: [one, two]", 19000 }, { "stages: [one, two]", 21500 }, { "all: [fast]", 10250 } };
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		char text[400];
		snprintf(text, sizeof(text),
			"checks:\n  one: { type: tcp, interval: 1s, timeout: 500ms }\n"
			"  two: { type: tcp, port: 2, interval: 4s, timeout: 1s }\n"
			"  fast: { type: tcp, interval: 100ms, timeout: 50ms }\n" WEB("    check: { %s }\n" THREE),
			rows[i].mode);
		world_start(&w, text);
		world_wait(&w, rows[i].ms - 1);
		ck_assert_uint_eq(world_tick(&w), 0);
		ck_assert_str_eq(lost_text(&w), "");
		world_wait(&w, 1);
		ck_assert_uint_eq(world_tick(&w), 1);
		ck_assert_str_eq(lost_text(&w), "web");
		ck_assert_uint_eq(world_tick(&w), 0);
		world_end(&w);
	}
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

#define TWO_OF_50 "    backends: { a: { address: 10.1.0.1, weight: 50 }, b: { address: 10.1.0.2, weight: 50 } }\n"

/* Takes a out of the pool, or lets it in again. */
static void put_aside(struct world *w, size_t how, bool aside)
{
	switch (how) {
	case 0: ask(w, "web/a", CHECK_WEIGHT_PERCENT, aside ? 0 : 100); break;
	case 1:
		world_weight(w, "web/a", OVERRIDE_WEIGHT_VALUE, aside ? 0 : 50, 0);
		world_settle(w);
		break;
	default: word(w, "web/b", !aside); break;
	}
}

static bool starts_slowly(const struct world *w, uint32_t weight)
{
	const struct model_backend *a = &w->m->backends[0];
	return a->weight == weight && (a->reasons & MODEL_REASON_SLOW_START);
}

START_TEST(a_slow_start_goes_on_after_a_moment_without_weight)
{
	static const struct {
		const char *what, *quorum;
	} rows[] = {
		{ "its check asks for nothing", "1" },
		{ "an operator takes its weight", "1" },
		{ "the quorum is lost", "2" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		char text[400];
		snprintf(text, sizeof(text),
			WEB("    slow_start: 10s\n    quorum: { up: %s, on_loss: withdraw }\n" TWO_OF_50),
			rows[i].quorum);
		world_start(&w, text);
		all_up(&w, "ab");
		word(&w, "web/a", false);
		word(&w, "web/a", true);
		world_wait(&w, 2500);
		world_tick(&w);
		EXPECT(&w, "web up 2: a=up:15!slow_start b=up:50\n");
		put_aside(&w, i, true);
		ck_assert_msg(w.m->backends[0].weight == 0, "%s: %s", rows[i].what, world_text(&w));
		ck_assert_int_eq(w.m->services[0].deadline.us, LB_TIME_NEVER.us);
		world_wait(&w, MINUTE);
		world_tick(&w);
		put_aside(&w, i, false);
		ck_assert_msg(starts_slowly(&w, 15), "%s: %s", rows[i].what, world_text(&w));
		ck_assert_int_eq(lb_time_diff_us(w.m->services[0].deadline, w.now), 500000);
		world_wait(&w, 500);
		world_tick(&w);
		ck_assert_msg(starts_slowly(&w, 20), "%s: %s", rows[i].what, world_text(&w));
		/* it fails while it is aside */
		put_aside(&w, i, true);
		word(&w, "web/a", false);
		word(&w, "web/a", true);
		put_aside(&w, i, false);
		ck_assert_msg(starts_slowly(&w, 5), "%s: %s", rows[i].what, world_text(&w));
		world_end(&w);
	}
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

/* ---- settling ---- */

static void operator_does_something(struct world *w, struct rng *r)
{
	static const enum config_state states[] = { CONFIG_STATE_ENABLED, CONFIG_STATE_ENABLED, CONFIG_STATE_DRAIN,
		CONFIG_STATE_MAINT };
	char object[8] = "web/?";
	object[4] = (char)('a' + rnd(r, 10));
	switch (rnd(r, 6)) {
	case 0: world_state(w, object, states[rnd(r, COUNT(states))], 0); break;
	case 1: world_weight(w, object, OVERRIDE_WEIGHT_VALUE, rnd(r, 3), 0); break;
	}
}

/* Whatever happened, planning again without news changes nothing, and a row is in the pool only with a weight. */
START_TEST(settling_twice_is_settling_once)
{
	static const char *const rules[] = { "quorum: 2", "sorry: 10.1.0.99", "quorum: { up: 60%, on_loss: open }",
		"fail_open: 30%", "slow_start: 5s", "on_fail: remove",
		"quorum: { up: 3, hysteresis: 2, on_loss: withdraw }", "quorum: { up: 8, on_loss: withdraw }",
		"quorum: { up: 7, hysteresis: 9, on_loss: open }",
		"sorry: 10.1.0.99\n    quorum: { up: 90%, hysteresis: 1 }" };
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
			operator_does_something(&w, &r);
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
		maintenance_lowers_a_share_and_not_a_number, a_number_above_all_who_are_enabled_is_not_reached,
		maintenance_of_a_service_is_of_all_its_backends, a_backend_that_comes_back_gets_its_weight_in_steps,
		a_backend_asks_for_its_weight, of_two_weights_the_lesser_counts, on_fail_says_whether_the_row_stays,
		the_sorry_server_comes_and_goes, a_reload_does_not_forget_a_lost_quorum, what_a_lost_quorum_does,
		a_quorum_is_back_when_all_are, an_open_quorum_gives_everybody_its_weight,
		maintenance_lowers_a_share_and_not_a_number, maintenance_of_a_service_is_of_all_its_backends,
		services_that_have_lost_their_quorum_are_known, what_an_operator_takes_out_is_not_lost,
		what_is_never_heard_is_lost_in_the_end, a_backend_that_comes_back_gets_its_weight_in_steps,
		who_was_out_returns_also_when_nobody_knew_for_a_while_how_it_is,
		what_the_quorum_puts_aside_returns_only_if_it_was_down, a_reload_does_not_begin_a_slow_start_anew,
		a_slow_start_goes_on_after_a_moment_without_weight, settling_twice_is_settling_once };
	return run_suite("model_pool", tests, COUNT(tests));
}
