/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long a backend drains, and overrides. */
#include "tests/unit/lbd_model/fixture.h"

/* ---- the drain clock ---- */

#define DRAIN(spec, state, more)                                                                                       \
	"services: { web: { listen: 203.0.113.1:80, check: none, drain: " spec                                         \
	" backends: { a: { address: 10.1.0.1, state: " state ", weight: 2 }" more " } } }"
#define FIVE     "{ timeout: 5m, then: cut },"
#define DRAINING "web maint 0: a=drain:0!admin_drain\n"
#define CUT      "web maint 0: a=drain:0-!admin_drain\n"

START_TEST(a_drained_backend_is_cut_when_its_time_is_over)
{
	struct world w = { 0 };
	world_start(&w, DRAIN(FIVE, "drain", ""));
	EXPECT(&w, DRAINING);
	struct lb_time end = lb_time_add_ms(w.now, 5 * MINUTE);
	ck_assert_int_eq(model_tick(w.m, w.now).us, end.us);
	world_wait(&w, 5 * MINUTE - 1);
	ck_assert_uint_eq(world_tick(&w), 0);
	EXPECT(&w, DRAINING);
	world_wait(&w, 1);
	ck_assert_uint_eq(world_tick(&w), 1);
	EXPECT(&w, CUT);
	ck_assert_int_eq(model_tick(w.m, w.now).us, INT64_MAX);
	world_end(&w);
}
END_TEST

START_TEST(a_drain_that_keeps_or_has_no_end_is_never_cut)
{
	static const char *const kept[] = { DRAIN("keep,", "drain", ""),
		DRAIN("{ timeout: 5m, then: keep },", "drain", "") };
	for (size_t i = 0; i < COUNT(kept); i++) {
		struct world w = { 0 };
		world_start(&w, kept[i]);
		ck_assert_int_eq(model_tick(w.m, w.now).us, INT64_MAX);
		world_wait(&w, 1000 * MINUTE);
		model_dirty(w.m, 0);
		world_settle(&w);
		EXPECT(&w, DRAINING);
		world_end(&w);
	}
}
END_TEST

START_TEST(a_restart_does_not_give_a_drain_its_time_once_more)
{
	/* minutes from the override to the restart, and the monotonic clock of the new run: also one right after boot
	 */
	static const struct {
		int after;
		int64_t uptime_us;
		bool cut;
		int left;
	} rows[] = { { 0, 1, false, 5 }, { 2, 1, false, 3 }, { 2, 900000000, false, 3 }, { 2, 120000000, false, 3 },
		{ 4, 60000000, false, 1 }, { 5, 1, true, 0 }, { 5, 300000000, true, 0 }, { 600, 1, true, 0 } };
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		world_start(&w, DRAIN(FIVE, "enabled", ""));
		world_state(&w, "web/a", CONFIG_STATE_DRAIN, 0);
		world_settle(&w);
		EXPECT(&w, DRAINING);
		/* the end of this run; the next one reads the file */
		json_t *j = overrides_to_json(w.ov);
		model_free(w.m);
		overrides_free(w.ov);
		w.m = NULL;
		w.wall += rows[i].after * MINUTE;
		w.now = (struct lb_time){ rows[i].uptime_us };
		w.ov = overrides_from_json(j, w.wall, w.now, NULL);
		json_decref(j);
		world_start(&w, DRAIN(FIVE, "enabled", ""));
		ck_assert_msg(
			strcmp(world_text(&w), rows[i].cut ? CUT : DRAINING) == 0, "row %zu: %s", i, world_text(&w));
		/* a microsecond less where the clock would begin at 0, which means "not draining" */
		if (!rows[i].cut)
			ck_assert_int_le(llabs(lb_time_diff_us(
						 model_tick(w.m, w.now), lb_time_add_ms(w.now, rows[i].left * MINUTE))),
				1);
		world_end(&w);
	}
}
END_TEST

START_TEST(an_override_from_the_future_drains_its_whole_time)
{
	struct world w = { 0 };
	world_start(&w, DRAIN(FIVE, "enabled", ""));
	w.wall += 60 * MINUTE;
	world_state(&w, "web/a", CONFIG_STATE_DRAIN, 0);
	w.wall -= 60 * MINUTE; /* the wall clock was set back */
	world_settle(&w);
	EXPECT(&w, DRAINING);
	ck_assert_int_eq(model_tick(w.m, w.now).us, lb_time_add_ms(w.now, 5 * MINUTE).us);
	/* and steps of it later mean nothing */
	w.wall += 600 * MINUTE;
	world_wait(&w, 4 * MINUTE);
	model_dirty(w.m, 0);
	world_settle(&w);
	EXPECT(&w, DRAINING);
	world_end(&w);
}
END_TEST

START_TEST(a_weight_set_while_draining_does_not_wind_the_clock)
{
	struct world w = { 0 };
	world_start(&w, DRAIN(FIVE, "drain", ""));
	world_wait(&w, 4 * MINUTE);
	world_weight(&w, "web/a", OVERRIDE_WEIGHT_VALUE, 7, 0);
	world_settle(&w);
	EXPECT(&w, DRAINING);
	world_wait(&w, 1 * MINUTE);
	ck_assert_uint_eq(world_tick(&w), 1);
	EXPECT(&w, CUT);
	world_weight(&w, "web/a", OVERRIDE_WEIGHT_VALUE, 8, 0);
	world_settle(&w);
	EXPECT(&w, CUT); /* its flows were ended: it does not come back for a number */
	world_end(&w);
}
END_TEST

START_TEST(draining_anew_winds_the_clock)
{
	struct world w = { 0 };
	world_start(&w, DRAIN(FIVE, "enabled", ""));
	world_state(&w, "web/a", CONFIG_STATE_DRAIN, 0);
	world_settle(&w);
	world_wait(&w, 6 * MINUTE);
	world_tick(&w);
	EXPECT(&w, CUT);
	world_state(&w, "web/a", CONFIG_STATE_DRAIN, 0); /* said again */
	world_settle(&w);
	EXPECT(&w, DRAINING);
	world_state(&w, "web/a", CONFIG_STATE_ENABLED, 0);
	world_settle(&w);
	EXPECT(&w, "web up 1: a=up:2\n");
	world_wait(&w, 60 * MINUTE);
	world_state(&w, "web/a", CONFIG_STATE_DRAIN, 0);
	world_settle(&w);
	EXPECT(&w, DRAINING);
	ck_assert_int_eq(model_tick(w.m, w.now).us, lb_time_add_ms(w.now, 5 * MINUTE).us);
	world_end(&w);
}
END_TEST

START_TEST(a_reload_keeps_the_drain_clock)
{
	struct world w = { 0 };
	world_start(&w, DRAIN(FIVE, "drain", ""));
	world_wait(&w, 2 * MINUTE);
	world_load(&w, DRAIN(FIVE, "drain", ""));
	ck_assert_uint_eq(w.m->n_dirty, 0); /* nobody decides it again, and still it ends in time */
	ck_assert_int_eq(model_tick(w.m, w.now).us, lb_time_add_ms(w.now, 3 * MINUTE).us);
	world_wait(&w, 1 * MINUTE);
	world_start(
		&w, DRAIN(FIVE, "drain", ", b: { address: 10.1.0.2 }")); /* the service changed, this backend did not */
	EXPECT(&w, "web up 1: a=drain:0!admin_drain b=up:1\n");
	ck_assert_int_eq(model_tick(w.m, w.now).us, lb_time_add_ms(w.now, 2 * MINUTE).us);
	world_wait(&w, 2 * MINUTE);
	world_tick(&w);
	EXPECT(&w, "web up 1: a=drain:0-!admin_drain b=up:1\n");
	world_start(&w, DRAIN(FIVE, "drain", "")); /* still cut after another reload */
	EXPECT(&w, CUT);
	world_end(&w);
}
END_TEST

/* It began when it did: a clock that is set between is no new beginning, and no end. */
START_TEST(a_clock_that_is_set_and_a_reload_do_not_end_a_drain)
{
	struct world w = { 0 };
	world_start(&w, DRAIN(FIVE, "enabled", ""));
	world_state(&w, "web/a", CONFIG_STATE_DRAIN, 0);
	world_settle(&w);
	world_wait(&w, 2 * MINUTE);
	w.wall += 60 * MINUTE;
	world_start(&w, DRAIN(FIVE, "enabled", ", b: { address: 10.1.0.2 }"));
	ck_assert_int_eq(model_tick(w.m, w.now).us, lb_time_add_ms(w.now, 3 * MINUTE).us);
	world_end(&w);
}
END_TEST

/* ---- overrides ---- */

START_TEST(an_override_ends_by_itself)
{
	struct world w = { 0 };
	world_start(&w, DRAIN(FIVE, "enabled", ", b: { address: 10.1.0.2 }"));
	world_state(&w, "web/a", CONFIG_STATE_MAINT, 10 * MINUTE);
	world_weight(&w, "web/b", OVERRIDE_WEIGHT_VALUE, 9, 20 * MINUTE);
	world_state(&w, "web/b", CONFIG_STATE_DRAIN, 10 * MINUTE);
	world_settle(&w);
	EXPECT(&w, "web maint 0: a=maint:0-!admin_maint b=drain:0!admin_drain\n");
	world_wait(&w, 10 * MINUTE);
	overrides_expire(w.ov, w.now, lost, w.m);
	world_settle(&w);
	EXPECT(&w, "web up 2: a=up:2 b=up:9\n");
	world_wait(&w, 10 * MINUTE);
	overrides_expire(w.ov, w.now, lost, w.m);
	world_settle(&w);
	EXPECT(&w, "web up 2: a=up:2 b=up:1\n");
	ck_assert_uint_eq(overrides_count(w.ov), 0);
	world_end(&w);
}
END_TEST

START_TEST(overrides_are_there_after_a_reload_and_nothing_is_dirty)
{
	struct world w = { 0 };
	world_start(&w, DRAIN(FIVE, "enabled", ", b: { address: 10.1.0.2 }"));
	world_state(&w, "web/a", CONFIG_STATE_MAINT, 0);
	world_settle(&w);
	world_load(&w, DRAIN(FIVE, "enabled", ", b: { address: 10.1.0.2 }"));
	ck_assert_uint_eq(world_settle(&w), 0);
	model_dirty(w.m, 0);
	world_settle(&w);
	EXPECT(&w, "web up 1: a=maint:0-!admin_maint b=up:1\n");
	model_override_changed(w.m, "web/nobody"); /* of a backend that went */
	model_override_changed(w.m, "nonsense");
	ck_assert_uint_eq(world_settle(&w), 0);
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_drained_backend_is_cut_when_its_time_is_over,
		a_drain_that_keeps_or_has_no_end_is_never_cut, a_restart_does_not_give_a_drain_its_time_once_more,
		an_override_from_the_future_drains_its_whole_time, a_weight_set_while_draining_does_not_wind_the_clock,
		draining_anew_winds_the_clock, a_reload_keeps_the_drain_clock,
		a_clock_that_is_set_and_a_reload_do_not_end_a_drain, an_override_ends_by_itself,
		overrides_are_there_after_a_reload_and_nothing_is_dirty };
	return run_suite("model_drain", tests, COUNT(tests));
}
