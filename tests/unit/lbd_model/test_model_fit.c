/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether who comes back from a fault waits for the checks, and for how long. */
#include "lbd/model_fit.h"
#include "lbd/model_track.h"
#include "tests/unit/lbd_model/fixture.h"

/* fast: up again within 2 x 1 s + 500 ms; slow: 2 x 40 s + 5 s, which is cut to a minute */
#define CHECKS                                                                                                         \
	"checks:\n"                                                                                                    \
	"  fast: { type: tcp, port: 81, interval: 1s, interval_down: 1s, timeout: 500ms, rise: 2, fall: 2 }\n"         \
	"  slow: { type: tcp, port: 82, interval: 40s, interval_down: 40s, timeout: 5s, rise: 2, fall: 2 }\n"          \
	"  gateway: { type: tcp, address: 10.1.0.254, port: 7, interval: 2s, timeout: 1s, fall: 3 }\n"                 \
	"services:\n"                                                                                                  \
	"  web: { listen: 203.0.113.1:80, check: fast, backends: { a: 10.1.0.1, b: 10.1.0.2 } }\n"                     \
	"  api: { listen: 203.0.113.2:80, check: slow, backends: { x: 10.1.0.3:80 } }\n"

struct story {
	const char *what;
	const char *before; /* backends that fail before the fault; NULL = none */
	const char *during; /* that fail meanwhile */
	int64_t least_ms;   /* it waits for so long when nothing passes; 0 = not at all */
};

static const struct story stories[] = {
	{ "nothing failed", NULL, NULL, 0 },
	{ "what was down before is no reason", "web/a", NULL, 0 },
	{ "what fell meanwhile is", NULL, "web/b", 2500 },
	{ "beside one that was down before, too", "web/a", "web/b", 2500 },
	{ "nobody waits for longer than a minute", NULL, "api/x", MODEL_FIT_MAX_MS },
};

static void begin(struct world *w)
{
	world_start(w, CHECKS);
	world_health(w, "web/a", 0, true);
	world_health(w, "web/b", 0, true);
	world_health(w, "api/x", 0, true);
	world_wait(w, 1000);
}

START_TEST(it_waits_as_long_as_a_healthy_server_may_need)
{
	for (size_t i = 0; i < COUNT(stories); i++) {
		const struct story *s = &stories[i];
		struct world w = { 0 };
		struct model_fit f = { 0 };
		begin(&w);
		if (s->before)
			world_health(&w, s->before, 0, false);
		world_wait(&w, 1000);
		model_fit_fault(&f, w.now);
		world_wait(&w, 5000);
		if (s->during)
			world_health(&w, s->during, 0, false);
		ck_assert_msg(!model_fit_waits(&f, w.m, w.now), "%s: it is at fault still", s->what);
		model_fit_over(&f, w.m, w.now);
		ck_assert_msg(model_fit_waits(&f, w.m, w.now) == (s->least_ms > 0), "%s", s->what);
		world_wait(&w, s->least_ms - 1);
		ck_assert_msg(model_fit_waits(&f, w.m, w.now) == (s->least_ms > 0), "%s: to the end", s->what);
		world_wait(&w, 1);
		ck_assert_msg(!model_fit_waits(&f, w.m, w.now), "%s: and no longer", s->what);
		world_end(&w);
	}
}
END_TEST

START_TEST(it_ends_when_the_last_one_has_passed)
{
	struct world w = { 0 };
	struct model_fit f = { 0 };
	begin(&w);
	model_fit_fault(&f, w.now);
	world_health(&w, "web/a", 0, false);
	world_health(&w, "web/b", 0, false);
	model_fit_over(&f, w.m, w.now);
	ck_assert(model_fit_waits(&f, w.m, w.now));
	world_health(&w, "web/b", 0, true);
	ck_assert(model_fit_waits(&f, w.m, w.now));
	world_health(&w, "web/a", 0, true);
	ck_assert(!model_fit_waits(&f, w.m, w.now));
	world_health(&w, "web/a", 0, false); /* of its own: it could be reached */
	ck_assert(!model_fit_waits(&f, w.m, w.now));
	world_end(&w);
}
END_TEST

/* The fault is over, and web/a could not be probed while it lasted. */
static void begin_with_a_pause(struct world *w, struct model_fit *f)
{
	begin(w);
	model_fit_fault(f, w->now);
	world_paused(w, "web/a", 0);
	model_fit_over(f, w->m, w->now);
}

/* The way to it was cut off, and it is not known to be well until it has passed once: at the next probe. */
START_TEST(what_paused_passes_first)
{
	struct world w = { 0 };
	struct model_fit f = { 0 };
	begin_with_a_pause(&w, &f);
	world_wait(&w, 1499); /* interval and timeout */
	ck_assert(model_fit_waits(&f, w.m, w.now));
	world_health(&w, "web/a", 0, true);
	ck_assert(!model_fit_waits(&f, w.m, w.now));
	world_end(&w);
}
END_TEST

/* For want of descriptors, say: it was not known to be well before, and may never be asked. */
START_TEST(what_could_not_be_probed_before_is_no_reason)
{
	struct world w = { 0 };
	struct model_fit f = { 0 };
	begin(&w);
	world_paused(&w, "web/a", 0);
	world_wait(&w, 1000);
	model_fit_fault(&f, w.now);
	world_wait(&w, 5000);
	world_paused(&w, "web/a", 0);
	model_fit_over(&f, w.m, w.now);
	ck_assert(!model_fit_waits(&f, w.m, w.now));
	/* it passed in between: what it says now is of this fault */
	world_health(&w, "web/a", 0, true);
	world_wait(&w, 1000);
	world_paused(&w, "web/a", 0);
	model_fit_over(&f, w.m, w.now);
	ck_assert(model_fit_waits(&f, w.m, w.now));
	world_end(&w);
}
END_TEST

/* It was down before, and cannot be probed any more: that it will pass is no more likely than before. */
START_TEST(what_was_down_before_and_could_not_be_probed_since_is_no_reason)
{
	struct world w = { 0 };
	struct model_fit f = { 0 };
	const struct check_state st = { .judged = true, .last = { .code = CHECK_CODE_SOCKERR } };
	begin(&w);
	world_health(&w, "web/a", 0, false);
	world_wait(&w, 1000);
	model_fit_fault(&f, w.now);
	world_wait(&w, 5000);
	ck_assert(model_health(w.m, target_id(&w, "web/a", 0), &st, w.now, w.wall));
	model_fit_over(&f, w.m, w.now);
	ck_assert(!model_fit_waits(&f, w.m, w.now));
	world_end(&w);
}
END_TEST

/* Who was looked at already may fall in the next one. */
START_TEST(a_second_fault_before_the_first_is_forgotten)
{
	struct world w = { 0 };
	struct model_fit f = { 0 };
	begin(&w);
	model_fit_fault(&f, w.now);
	world_health(&w, "web/b", 0, false);
	model_fit_over(&f, w.m, w.now);
	ck_assert(model_fit_waits(&f, w.m, w.now));
	model_fit_fault(&f, w.now);
	world_health(&w, "web/a", 0, false);
	model_fit_over(&f, w.m, w.now);
	world_health(&w, "web/b", 0, true);
	ck_assert(model_fit_waits(&f, w.m, w.now));
	world_health(&w, "web/a", 0, true);
	ck_assert(!model_fit_waits(&f, w.m, w.now));
	world_end(&w);
}
END_TEST

/* The switch has a link again and does not forward yet. */
START_TEST(what_paused_and_fails_then)
{
	struct world w = { 0 };
	struct model_fit f = { 0 };
	begin_with_a_pause(&w, &f);
	world_wait(&w, 500);
	world_health(&w, "web/a", 0, false);
	ck_assert(model_fit_waits(&f, w.m, w.now));
	world_wait(&w, 1000);
	ck_assert_msg(!model_fit_waits(&f, w.m, w.now), "no longer than a server that is well may need");
	world_end(&w);
}
END_TEST

START_TEST(a_fault_of_before_counts_until_it_is_forgotten)
{
	struct world w = { 0 };
	struct model_fit f = { 0 };
	begin(&w);
	model_fit_fault(&f, w.now);
	world_health(&w, "web/a", 0, false);
	model_fit_over(&f, w.m, w.now);
	world_wait(&w, 1000);
	model_fit_fault(&f, w.now); /* the cable is loose: what fell the first time fell by that */
	world_wait(&w, 1000);
	model_fit_over(&f, w.m, w.now);
	world_wait(&w, 2499);
	ck_assert(model_fit_waits(&f, w.m, w.now));
	model_fit_forget(&f);
	ck_assert(!model_fit_waits(&f, w.m, w.now));
	model_fit_fault(&f, w.now);
	model_fit_over(&f, w.m, w.now);
	ck_assert(!model_fit_waits(&f, w.m, w.now));
	world_end(&w);
}
END_TEST

/* All of them fail at once, and the one that is tracked is the last to say so. */
START_TEST(what_fell_before_a_tracked_check_did_fell_by_the_same)
{
	static const char text[] = CHECKS
		"vrrp:\n  wan: { interface: eth0, vrid: 51, addresses: 203.0.113.9/24, track: [{ check: gateway }] }\n";
	struct world w = { 0 };
	struct model_fit f = { 0 };
	struct model_track v = { .is = MODEL_SEEN_UP };
	world_start(&w, text);
	world_health(&w, "web/a", 0, true);
	world_health(&w, "web/b", 0, true);
	world_health(&w, "web/a", 0, false); /* of its own, long before */
	world_wait(&w, MINUTE);
	world_health(&w, "web/b", 0, false);
	world_wait(&w, 6000);
	(void)model_track_see(&v, MODEL_SEEN_DOWN, 0, w.now, w.wall);
	model_fit_fault(&f, model_track_fault_since(w.m, w.m->config->vrrp[0].tracks, &v, 1, w.now));
	world_wait(&w, MINUTE);
	model_fit_over(&f, w.m, w.now);
	ck_assert(model_fit_waits(&f, w.m, w.now));
	world_health(&w, "web/b", 0, true);
	ck_assert(!model_fit_waits(&f, w.m, w.now)); /* web/a is no reason */
	world_end(&w);
}
END_TEST

/* Of several instances one may know more of when it began. */
START_TEST(the_first_fault_counts)
{
	struct model_fit f = { 0 };
	model_fit_fault(&f, (struct lb_time){ 5000 });
	model_fit_fault(&f, (struct lb_time){ 3000 });
	model_fit_fault(&f, (struct lb_time){ 4000 });
	ck_assert_int_eq(f.since.us, 3000);
	model_fit_forget(&f);
	model_fit_fault(&f, (struct lb_time){ -7 }); /* soon after the machine was started */
	ck_assert_int_gt(f.since.us, 0);
}
END_TEST

START_TEST(a_reload_meanwhile_changes_nothing)
{
	struct world w = { 0 };
	struct model_fit f = { 0 };
	begin(&w);
	model_fit_fault(&f, w.now);
	world_health(&w, "web/b", 0, false);
	model_fit_over(&f, w.m, w.now);
	ck_assert(model_fit_waits(&f, w.m, w.now));
	world_load(&w, CHECKS);
	model_fit_model(&f);
	ck_assert(model_fit_waits(&f, w.m, w.now));
	ck_assert(!model_fit_waits(&f, NULL, w.now));
	world_health(&w, "web/b", 0, true);
	ck_assert(!model_fit_waits(&f, w.m, w.now));
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { it_waits_as_long_as_a_healthy_server_may_need, it_ends_when_the_last_one_has_passed,
		a_fault_of_before_counts_until_it_is_forgotten, what_fell_before_a_tracked_check_did_fell_by_the_same,
		what_paused_passes_first, what_could_not_be_probed_before_is_no_reason, what_paused_and_fails_then,
		what_was_down_before_and_could_not_be_probed_since_is_no_reason,
		a_second_fault_before_the_first_is_forgotten, the_first_fault_counts,
		a_reload_meanwhile_changes_nothing };
	return run_suite("model_fit", tests, COUNT(tests));
}
