/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is in the pool, when, and why; and what a reload takes over. */
#include "tests/unit/lbd_model/fixture.h"

/* ---- one backend, every combination ---- */

enum health { UP, DOWN, UNKNOWN };

static const struct {
	const char *what;
	enum config_state admin; /* the effective one */
	int health;              /* -1 = whatever */
	int adopted;             /* -1 = whatever */
	bool weighted;           /* gets the weight of configuration or override */
	const char *state, *row, *reason;
} decisions[] = {
	{ "maintenance: no row, whatever the checks say", CONFIG_STATE_MAINT, -1, -1, false, "maint", "-",
		"!admin_maint" },
	{ "drain: a row of weight 0", CONFIG_STATE_DRAIN, -1, -1, false, "drain", "", "!admin_drain" },
	{ "healthy", CONFIG_STATE_ENABLED, UP, -1, true, "up", "", "" },
	{ "ill: weight 0, kept flows go on", CONFIG_STATE_ENABLED, DOWN, -1, false, "down", "", "!check_failed" },
	{ "found serving and not judged yet: it stays", CONFIG_STATE_ENABLED, UNKNOWN, 1, true, "up", "",
		"!not_checked" },
	{ "new and not judged yet: not before a check says yes", CONFIG_STATE_ENABLED, UNKNOWN, 0, false, "unchecked",
		"", "!not_checked" },
};

static const char *const admin_words[] = { "enabled", "drain", "maint" };

static void check_combination(unsigned cfg_state, int ov_state, enum health h, bool adopted, int weight)
{
	static const struct {
		int percent; /* -1 = none, -2 = a value of 0 */
		uint32_t effective;
	} weights[] = { { -1, 10 }, { 50, 5 }, { -2, 0 } };
	struct world w = { 0 };
	char yaml[256], want[256];
	snprintf(yaml, sizeof(yaml),
		"services: { web: { listen: 203.0.113.1:80, backends: { a: { address: 10.1.0.1, weight: 10, state: %s "
		"} } } }",
		admin_words[cfg_state]);
	if (adopted)
		w.kernel[0] = "203.0.113.1:80/tcp 10.1.0.1:80";
	world_load(&w, yaml);
	if (ov_state >= 0)
		world_state(&w, "web/a", (enum config_state)ov_state, 0);
	if (weights[weight].percent == -2)
		world_weight(&w, "web/a", OVERRIDE_WEIGHT_VALUE, 0, 0);
	else if (weights[weight].percent >= 0)
		world_weight(&w, "web/a", OVERRIDE_WEIGHT_PERCENT, (uint32_t)weights[weight].percent, 0);
	world_settle(&w);
	if (h != UNKNOWN)
		world_health(&w, "web/a", 0, h == UP);
	world_settle(&w);
	enum config_state admin = ov_state >= 0 ? (enum config_state)ov_state : (enum config_state)cfg_state;
	size_t i = 0;
	while (decisions[i].admin != admin || (decisions[i].health >= 0 && decisions[i].health != (int)h) ||
		(decisions[i].adopted >= 0 && decisions[i].adopted != adopted))
		i++;
	bool enabled = admin == CONFIG_STATE_ENABLED;
	uint32_t eff = decisions[i].weighted ? weights[weight].effective : 0;
	const char *zero = enabled && h != DOWN && weights[weight].effective == 0 ? "!zero_weight" : "";
	const char *status = eff ? "up" : enabled ? "down" : "maint";
	snprintf(want, sizeof(want), "web %s %u: a=%s:%u%s%s%s\n", status, eff ? 1 : 0, decisions[i].state, eff,
		decisions[i].row, decisions[i].reason, zero);
	ck_assert_msg(strcmp(world_text(&w), want) == 0,
		"%s (configured %s, override %d, health %d, adopted %d, weight %d):\n%sand not\n%s", decisions[i].what,
		admin_words[cfg_state], ov_state, h, adopted, weight, world_text(&w), want);
	world_end(&w);
}

START_TEST(every_combination_of_admin_state_health_override_and_adoption)
{
	for (unsigned cfg = 0; cfg < 3; cfg++)
		for (int ov = -1; ov < 3; ov++)
			for (int h = UP; h <= UNKNOWN; h++)
				for (int adopted = 0; adopted < 2; adopted++)
					for (int weight = 0; weight < 3; weight++)
						check_combination(cfg, ov, (enum health)h, adopted, weight);
}
END_TEST

START_TEST(all_checks_must_pass_and_one_failure_decides)
{
	struct world w = { 0 };
	world_start(&w, "checks: { x: { type: tcp, port: 1 }, y: { type: tcp, port: 2 } }\n"
			"services: { web: { listen: 203.0.113.1:80, check: [x, y], backends: { a: 10.1.0.1 } } }");
	EXPECT(&w, "web down 0: a=unchecked:0!not_checked\n");
	world_health(&w, "web/a", 0, true);
	world_settle(&w);
	EXPECT(&w, "web down 0: a=unchecked:0!not_checked\n");
	world_health(&w, "web/a", 1, true);
	world_settle(&w);
	EXPECT(&w, "web up 1: a=up:1\n");
	world_health(&w, "web/a", 0, false);
	world_settle(&w);
	EXPECT(&w, "web down 0: a=down:0!check_failed\n");
	world_end(&w);
	w = (struct world){ 0 };
	world_start(&w, "checks: { x: { type: tcp, port: 1 }, y: { type: tcp, port: 2 } }\n"
			"services: { web: { listen: 203.0.113.1:80, check: [x, y], backends: { a: 10.1.0.1 } } }");
	world_health(&w, "web/a", 1, false); /* x still unknown */
	world_settle(&w);
	EXPECT(&w, "web down 0: a=down:0!check_failed\n");
	world_end(&w);
}
END_TEST

START_TEST(without_checks_a_backend_is_up)
{
	struct world w = { 0 };
	world_start(&w, "services: { web: { listen: 203.0.113.1:80, check: none, backends: { a: 10.1.0.1 } }, "
			"void: { listen: 203.0.113.1:81, backends: {} } }");
	EXPECT(&w, "void down 0:\nweb up 1: a=up:1\n");
	ck_assert_uint_eq(w.m->n_targets, 0);
	ck_assert_uint_eq(w.next_id, 1);
	world_end(&w);
}
END_TEST

static const struct {
	uint32_t weight, percent, effective;
} percents[] = {
	{ 10, 50, 5 },
	{ 10, 100, 10 },
	{ 10, 1000, 100 },
	{ 10, 0, 0 },
	{ 0, 1000, 0 },
	{ 1, 1, 1 }, /* a share of a positive weight that rounds to nothing would stop all new flows */
	{ 1, 149, 1 },
	{ 1, 150, 2 },
	{ 3, 50, 2 },
	{ 65535, 1, 655 },
	{ 65535, 1000, 65535 }, /* no more than a weight may be */
	{ 6554, 1000, 65535 },
};

START_TEST(a_weight_in_percent)
{
	for (size_t i = 0; i < COUNT(percents); i++) {
		struct world w = { 0 };
		char yaml[200];
		snprintf(yaml, sizeof(yaml),
			"services: { web: { listen: 203.0.113.1:80, check: none, backends: { a: { address: 10.1.0.1, "
			"weight: %u } } } }",
			percents[i].weight);
		world_start(&w, yaml);
		world_weight(&w, "web/a", OVERRIDE_WEIGHT_PERCENT, percents[i].percent, 0);
		world_settle(&w);
		uint32_t got = w.m->backends[0].weight;
		ck_assert_msg(got == percents[i].effective, "%u %% of %u: %u and not %u", percents[i].percent,
			percents[i].weight, got, percents[i].effective);
		world_end(&w);
	}
}
END_TEST

#define THREE(rest)                                                                                                    \
	"services: { web: { listen: 203.0.113.1:80, " rest                                                             \
	" backends: { a: { address: 10.1.0.1, state: %s }, b: { address: 10.1.0.2, state: %s }, c: { address: "        \
	"10.1.0.3, state: %s } } } }"

static const struct {
	const char *what, *a, *b, *c; /* state; "up" and "ill" are enabled ones */
	const char *status;
} statuses[] = {
	{ "all in", "up", "up", "up", "up" },
	{ "one out", "up", "ill", "up", "degraded" },
	{ "one left", "ill", "ill", "up", "degraded" },
	{ "none left", "ill", "ill", "ill", "down" },
	{ "one taken out by intent is no damage", "up", "drain", "maint", "up" },
	{ "ill beside taken out", "ill", "drain", "up", "degraded" },
	{ "those left in are ill", "ill", "maint", "drain", "down" },
	{ "all taken out by intent", "maint", "maint", "drain", "maint" },
};

START_TEST(the_status_of_a_service)
{
	for (size_t i = 0; i < COUNT(statuses); i++) {
		struct world w = { 0 };
		char yaml[400];
		const char *s[] = { statuses[i].a, statuses[i].b, statuses[i].c }, *cfg[3];
		for (int k = 0; k < 3; k++)
			cfg[k] = strcmp(s[k], "up") == 0 || strcmp(s[k], "ill") == 0 ? "enabled" : s[k];
		snprintf(yaml, sizeof(yaml), THREE(""), cfg[0], cfg[1], cfg[2]);
		world_load(&w, yaml);
		static const char *const names[] = { "web/a", "web/b", "web/c" };
		for (int k = 0; k < 3; k++)
			world_health(&w, names[k], 0, strcmp(s[k], "ill") != 0);
		world_settle(&w);
		const char *got = model_service_status_name((enum model_service_status)w.m->services[0].status);
		ck_assert_msg(strcmp(got, statuses[i].status) == 0, "%s: %s", statuses[i].what, got);
		struct model_totals t = model_totals(w.m);
		ck_assert_uint_eq(t.services[w.m->services[0].status], 1);
		ck_assert_uint_eq(t.backends[0] + t.backends[1] + t.backends[2] + t.backends[3] + t.backends[4], 3);
		world_end(&w);
	}
}
END_TEST

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

/* ---- overrides ---- */

static void lost(const struct override *ov, void *arg)
{
	model_override_changed(arg, ov->object); /* the obvious thing to do when told */
}

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

/* ---- targets ---- */

#define SHARED                                                                                                         \
	"services:\n"                                                                                                  \
	"  web: { listen: 203.0.113.1:80, backends: { a: 10.1.0.1, b: 10.1.0.2 } }\n"                                  \
	"  api: { listen: 203.0.113.2:80, backends: { x: 10.1.0.1:80, y: 10.1.0.1:81 } }\n"                            \
	"  dns: { listen: 203.0.113.3:80, backends: { n: 10.1.0.9 } }\n"

START_TEST(one_probe_for_all_who_ask_the_same)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	ck_assert_uint_eq(w.m->n_targets, 4); /* a and x are one */
	ck_assert_uint_eq(target_id(&w, "web/a", 0), target_id(&w, "api/x", 0));
	ck_assert_uint_ne(target_id(&w, "api/x", 0), target_id(&w, "api/y", 0));
	world_health(&w, "web/a", 0, true);
	ck_assert_uint_eq(world_settle(&w), 2);
	EXPECT(&w, "api degraded 1: x=up:1 y=unchecked:0!not_checked\n"
		   "dns down 0: n=unchecked:0!not_checked\n"
		   "web degraded 1: a=up:1 b=unchecked:0!not_checked\n");
	struct check_spec spec;
	model_target_spec(model_backend_target(w.m, backend_at(&w, "api/y"), 0), &spec);
	char ep[LB_ENDPOINT_STRLEN];
	ck_assert_str_eq(lb_endpoint_str(&spec.addr, spec.port, ep), "10.1.0.1:81");
	ck_assert_str_eq(spec.name, "tcp");
	world_end(&w);
}
END_TEST

START_TEST(a_check_with_an_address_of_its_own_is_one_target_for_all)
{
	struct world w = { 0 };
	world_start(&w, "checks: { gw: { type: tcp, address: 192.0.2.9, port: 22 } }\n"
			"services: { web: { listen: 203.0.113.1:80, check: [gw, tcp], backends: { a: 10.1.0.1, b: "
			"10.1.0.2 } } }");
	ck_assert_uint_eq(w.m->n_targets, 3);
	ck_assert_uint_eq(target_id(&w, "web/a", 0), target_id(&w, "web/b", 0));
	world_health(&w, "web/a", 1, true);
	world_health(&w, "web/b", 1, true);
	world_health(&w, "web/a", 0, false);
	world_settle(&w);
	EXPECT(&w, "web down 0: a=down:0!check_failed b=down:0!check_failed\n");
	world_end(&w);
}
END_TEST

START_TEST(a_verdict_on_a_target_that_went_is_ignored)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	uint32_t gone = target_id(&w, "dns/n", 0);
	world_start(&w, "services: { web: { listen: 203.0.113.1:80, backends: { a: 10.1.0.1, b: 10.1.0.2 } } }");
	ck_assert_uint_eq(w.m->n_targets, 2);
	ck_assert_ptr_null(model_target_by_id(w.m, gone));
	struct check_state st = { .judged = true, .up = true };
	ck_assert(!model_health(w.m, gone, &st, w.now, w.wall));
	ck_assert(!model_health(w.m, 0, &st, w.now, w.wall));
	ck_assert(!model_health(w.m, UINT32_MAX, &st, w.now, w.wall));
	ck_assert_uint_eq(world_settle(&w), 0);
	/* when it comes back it is a new one */
	world_start(&w, SHARED);
	ck_assert_uint_gt(target_id(&w, "dns/n", 0), gone);
	world_end(&w);
}
END_TEST

START_TEST(our_own_errors_flip_nothing)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	world_health(&w, "web/a", 0, true);
	world_settle(&w);
	char before[2048];
	strcpy(before, world_text(&w));
	const struct model_target *t = model_backend_target(w.m, backend_at(&w, "web/a"), 0);
	int64_t since = t->since_wall_ms;
	for (unsigned i = 0; i < 1000; i++) {
		world_wait(&w, 1000);
		struct check_state st = { .n = (uint16_t)(i % 5),
			.judged = true,
			.up = true,
			.last = { .code = CHECK_CODE_SOCKERR, .latency_us = i } };
		snprintf(st.last.text, sizeof(st.last.text), "no descriptor %u", i % 3);
		ck_assert(model_health(w.m, t->id, &st, w.now, w.wall));
		ck_assert_msg(world_settle(&w) == 0, "error %u made something dirty", i);
	}
	ck_assert_str_eq(world_text(&w), before);
	ck_assert_int_eq(t->since_wall_ms, since);
	ck_assert_str_eq(t->text, "no descriptor 0"); /* shown all the same */
	ck_assert_uint_eq(t->code, CHECK_CODE_SOCKERR);
	ck_assert_uint_eq(t->latency_us, 999);
	ck_assert_str_eq(world_changes(&w),
		"web/a unchecked->up 0->1\nweb down->degraded\napi/x unchecked->up 0->1\napi down->degraded\n");
	world_end(&w);
}
END_TEST

START_TEST(in_maintenance_nothing_is_probed_unless_another_backend_asks_the_same)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	world_health(&w, "web/a", 0, true);
	world_settle(&w);
	uint32_t shared = target_id(&w, "web/a", 0), alone = target_id(&w, "web/b", 0);
	struct override_who who = { "alice", "", 1000, w.now, 0 };
	ck_assert_int_eq(overrides_set_state(w.ov, "web/a", CONFIG_STATE_MAINT, &who), 0);
	ck_assert_int_eq(overrides_set_state(w.ov, "web/b", CONFIG_STATE_MAINT, &who), 0);
	model_override_changed(w.m, "web/a");
	model_override_changed(w.m, "web/b");
	ck_assert(model_target_wanted(w.m, model_target_by_id(w.m, shared))); /* api/x asks the same */
	ck_assert(!model_target_wanted(w.m, model_target_by_id(w.m, alone)));
	model_target_reset(w.m, alone);
	ck_assert(!model_target_by_id(w.m, alone)->judged);
	ck_assert(model_target_by_id(w.m, shared)->judged);
	world_end(&w);
}
END_TEST

/* ---- changes ---- */

START_TEST(what_changed_is_told_once_and_not_at_the_first_decision)
{
	struct world w = { 0 };
	world_start(&w, "services: { web: { listen: 203.0.113.1:80, backends: { a: { address: 10.1.0.1, weight: 5 }, "
			"b: 10.1.0.2 } } }");
	ck_assert_str_eq(world_changes(&w), "");
	ck_assert_int_eq(w.m->backends[0].since_wall_ms, WALL);
	ck_assert_int_eq(w.m->services[0].since_wall_ms, WALL);
	world_wait(&w, 1000);
	world_health(&w, "web/a", 0, true);
	world_settle(&w);
	ck_assert_str_eq(world_changes(&w), "web/a unchecked->up 0->5\nweb down->degraded\n");
	ck_assert_int_eq(w.m->backends[0].since_wall_ms, WALL + 1000);
	ck_assert_int_eq(w.m->backends[1].since_wall_ms, WALL);
	world_wait(&w, 1000);
	world_weight(&w, "web/a", OVERRIDE_WEIGHT_PERCENT, 200, 0); /* another weight, the same state */
	world_settle(&w);
	ck_assert_str_eq(world_changes(&w), "web/a up->up 5->10\n");
	ck_assert_int_eq(w.m->backends[0].since_wall_ms, WALL + 1000);
	world_health(&w, "web/a", 0, false); /* there and back within one turn is nothing */
	world_health(&w, "web/a", 0, true);
	world_settle(&w);
	ck_assert_str_eq(world_changes(&w), "");
	model_dirty(w.m, 0);
	model_dirty(w.m, 0);
	ck_assert_uint_eq(world_settle(&w), 1);
	ck_assert_str_eq(world_changes(&w), "");
	world_end(&w);
}
END_TEST

START_TEST(a_backend_that_a_reload_brings_has_no_past)
{
	struct world w = { 0 };
	world_start(&w, "services: { web: { listen: 203.0.113.1:80, check: none, backends: { b: 10.1.0.2 } } }");
	world_wait(&w, 1000);
	world_start(&w, "services: { web: { listen: 203.0.113.1:80, check: none, backends: { a: 10.1.0.1, b: 10.1.0.2, "
			"c: { address: 10.1.0.3, state: maint } } } }");
	EXPECT(&w, "web up 2: a=up:1 b=up:1 c=maint:0-!admin_maint\n");
	ck_assert_str_eq(world_changes(&w), ""); /* it did not go from up to maint: it was not there */
	ck_assert_int_eq(w.m->backends[0].since_wall_ms, WALL + 1000);
	ck_assert_int_eq(w.m->backends[1].since_wall_ms, WALL);
	ck_assert_int_eq(w.m->backends[2].since_wall_ms, WALL + 1000);
	world_end(&w);
}
END_TEST

/* ---- reload ---- */

START_TEST(a_reload_of_the_same_touches_nothing)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	world_health(&w, "web/a", 0, true);
	world_health(&w, "dns/n", 0, false);
	world_settle(&w);
	world_changes(&w);
	char before[2048];
	strcpy(before, world_text(&w));
	uint32_t next = w.next_id;
	world_wait(&w, 60000);
	world_load(&w, SHARED);
	ck_assert_uint_eq(w.m->n_dirty, 0);
	ck_assert_str_eq(world_text(&w), before); /* known without settling anything */
	ck_assert_uint_eq(w.next_id, next);
	const struct model_target *t = model_backend_target(w.m, backend_at(&w, "dns/n"), 0);
	ck_assert(t->judged && !t->up && t->since_wall_ms == WALL);
	ck_assert_str_eq(t->text, "connection refused");
	ck_assert_int_eq(w.m->services[0].since_wall_ms, WALL);
	for (uint32_t i = 0; i < 3; i++)
		model_dirty(w.m, i);
	world_settle(&w);
	ck_assert_str_eq(world_text(&w), before);
	ck_assert_str_eq(world_changes(&w), "");
	world_end(&w);
}
END_TEST

START_TEST(a_reload_marks_what_changed_and_only_that)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	world_health(&w, "web/a", 0, true);
	world_health(&w, "web/b", 0, true);
	world_settle(&w);
	world_health(&w, "dns/n", 0, true); /* dirty when the reload comes */
	world_load(&w, "services:\n"
		       "  web: { listen: 203.0.113.1:80, backends: { b: 10.1.0.2, a: 10.1.0.1 } }\n" /* another order */
		       "  api: { listen: 203.0.113.2:80, backends: { x: 10.1.0.1:80, y: 10.1.0.1:81 } }\n"
		       "  new: { listen: 203.0.113.4:80, backends: { z: 10.1.0.2:80 } }\n"
		       "  dns: { listen: 203.0.113.3:80, backends: { n: 10.1.0.9 } }\n");
	ck_assert(!w.m->services[model_service_find(w.m, "api")].dirty);
	ck_assert(w.m->services[model_service_find(w.m, "dns")].dirty);
	ck_assert(w.m->services[model_service_find(w.m, "new")].dirty);
	world_settle(&w);
	EXPECT(&w, "api degraded 1: x=up:1 y=unchecked:0!not_checked\n"
		   "dns up 1: n=up:1\n"
		   "new up 1: z=up:1\n" /* b's target: judged long ago */
		   "web up 2: b=up:1 a=up:1\n");
	world_end(&w);
}
END_TEST

START_TEST(ids_of_targets_stay_and_new_ones_come_after)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	uint32_t a = target_id(&w, "web/a", 0), b = target_id(&w, "web/b", 0), n = target_id(&w, "dns/n", 0),
		 next = w.next_id;
	ck_assert_uint_eq(next, 5);
	/* sorted before all others, so that old and new ids are mixed in the building */
	world_start(&w, "services:\n"
			"  aaa: { listen: 203.0.113.9:80, backends: { q: 10.9.0.1, r: 10.9.0.2 } }\n"
			"  web: { listen: 203.0.113.1:80, backends: { new: 10.1.0.7, b: 10.1.0.2, a: 10.1.0.1 } }\n"
			"  dns: { listen: 203.0.113.3:80, backends: { n: 10.1.0.9 } }\n");
	ck_assert_uint_eq(target_id(&w, "web/a", 0), a);
	ck_assert_uint_eq(target_id(&w, "web/b", 0), b);
	ck_assert_uint_eq(target_id(&w, "dns/n", 0), n);
	ck_assert_uint_ge(target_id(&w, "aaa/q", 0), next);
	ck_assert_uint_ge(target_id(&w, "aaa/r", 0), next);
	ck_assert_uint_ge(target_id(&w, "web/new", 0), next);
	/* another interval is another probe */
	world_start(&w, "defaults: { check: { interval: 9s } }\nservices: { dns: { listen: 203.0.113.3:80, backends: { "
			"n: 10.1.0.9 } } }");
	ck_assert_uint_gt(target_id(&w, "dns/n", 0), n);
	world_end(&w);
}
END_TEST

START_TEST(a_check_that_changed_takes_nobody_out_who_serves)
{
	struct world w = { 0 };
	world_start(&w, "services: { web: { listen: 203.0.113.1:80, backends: { a: 10.1.0.1, b: 10.1.0.2 } } }");
	world_health(&w, "web/a", 0, true);
	world_health(&w, "web/b", 0, false);
	world_settle(&w);
	world_changes(&w);
	w.kernel[0] = "203.0.113.1:80/tcp 10.1.0.1:80"; /* b is there with weight 0 */
	world_start(&w,
		"checks: { tcp2: { type: tcp, interval: 9s } }\n"
		"services: { web: { listen: 203.0.113.1:80, check: tcp2, backends: { a: 10.1.0.1, b: 10.1.0.2 } } }");
	EXPECT(&w, "web degraded 1: a=up:1!not_checked b=unchecked:0!not_checked\n");
	/* another reload before the first verdict, and one that cannot look at the kernel */
	w.kernel[0] = NULL;
	world_start(&w, "checks: { tcp2: { type: tcp, interval: 9s } }\n"
			"services: { web: { listen: 203.0.113.1:80, check: tcp2, backends: { a: { address: 10.1.0.1, "
			"weight: 3 }, b: 10.1.0.2 } } }");
	EXPECT(&w, "web degraded 1: a=up:3!not_checked b=unchecked:0!not_checked\n");
	world_health(&w, "web/a", 0, false);
	world_settle(&w);
	EXPECT(&w, "web down 0: a=down:0!check_failed b=unchecked:0!not_checked\n");
	/* judged ill since: that it served once is no reason any more */
	world_start(&w, "checks: { tcp3: { type: tcp, interval: 8s } }\n"
			"services: { web: { listen: 203.0.113.1:80, check: tcp3, backends: { a: 10.1.0.1 } } }");
	EXPECT(&w, "web down 0: a=unchecked:0!not_checked\n");
	world_end(&w);
}
END_TEST

START_TEST(a_candidate_can_be_planned_and_thrown_away)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	world_health(&w, "web/a", 0, true);
	world_settle(&w);
	world_changes(&w);
	char before[2048], plan[2048];
	strcpy(before, world_text(&w));
	strcpy(plan, plan_text(&w));
	struct model_input in = {
		.config = config_of(
			"services: { web: { listen: 203.0.113.1:80, scheduler: mh, backends: { a: 10.1.0.1 } } }"),
		.old = w.m,
		.overrides = w.ov,
		.next_id = &w.next_id,
		.now = w.now,
		.wall_ms = w.wall
	};
	struct model *candidate = model_new(&in);
	for (uint32_t s; (s = model_next_dirty(candidate)) != MODEL_NONE;)
		model_settle(candidate, s, w.now, w.wall, NULL, NULL);
	ck_assert_uint_eq(candidate->services[0].in_pool, 1);
	model_free(candidate);
	EXPECT(&w, before);
	ck_assert_str_eq(plan_text(&w), plan);
	world_health(&w, "web/a", 0, false);
	world_settle(&w);
	ck_assert_str_eq(world_changes(&w),
		"web/a up->down 1->0\nweb degraded->down\napi/x up->down 1->0\napi degraded->down\n");
	model_free(NULL);
	world_end(&w);
}
END_TEST

/* A random configuration over few names and addresses, so that reloads meet again what they knew. */
static void random_yaml(struct rng *r, char *out)
{
	static const char *const checks[] = { "none", "tcp", "x", "[tcp, x]" };
	static const char *const states[] = { "enabled", "enabled", "drain", "maint" };
	out += sprintf(out, "checks: { x: { type: tcp, port: %u } }\nservices:\n", 7000 + rnd(r, 2));
	bool any = false;
	for (unsigned s = 0; s < 5; s++) {
		if (rnd(r, 3) == 0)
			continue;
		any = true;
		out += sprintf(out,
			"  s%u: { listen: [203.0.113.%u:80, 203.0.113.%u:81], check: %s, drain: { timeout: 5m, then: "
			"%s }, backends: {",
			s, s, s, checks[rnd(r, 4)], rnd(r, 2) ? "cut" : "keep");
		for (unsigned b = 0, n = 0; b < 5; b++)
			if (rnd(r, 3))
				out += sprintf(out, "%s b%u: { address: 10.1.0.%u, port: %u, weight: %u, state: %s }",
					n++ ? "," : "", b, b + 1, 80 + s % 2, rnd(r, 3), states[rnd(r, 4)]);
		out += sprintf(out, " } }\n");
	}
	if (!any)
		sprintf(out, "  {}\n");
}

/* What the test itself remembers of a probe: by what it probes, not by id. */
struct memory {
	struct check_spec spec;
	uint32_t id;
	bool judged, up;
};

static struct memory *recall(struct memory *mem, size_t *n, const struct check_spec *spec)
{
	for (size_t i = 0; i < *n; i++)
		if (mem[i].spec.port == spec->port && lb_ip_cmp(&mem[i].spec.addr, &spec->addr) == 0)
			return &mem[i];
	mem[*n] = (struct memory){ .spec = *spec };
	return &mem[(*n)++];
}

static void check_links(const struct world *w, unsigned seed)
{
	const struct model *m = w->m;
	uint32_t links = 0;
	for (uint32_t t = 0; t < m->n_targets; t++) {
		ck_assert_msg(
			t == 0 || m->targets[t - 1].id < m->targets[t].id, "seed %u: targets are not sorted", seed);
		ck_assert_msg(model_target_by_id(m, m->targets[t].id) == &m->targets[t], "seed %u: id %u", seed,
			m->targets[t].id);
		for (uint32_t l = m->targets[t].first_link; l != MODEL_NONE; l = m->links[l].next, links++)
			ck_assert_msg(m->links[l].target == t, "seed %u: a link of target %u leads to %u", seed, t,
				m->links[l].target);
		ck_assert_msg(m->targets[t].first_link != MODEL_NONE, "seed %u: a target for nobody", seed);
	}
	ck_assert_msg(links == m->n_links, "seed %u: %u of %u links hang on a target", seed, links, m->n_links);
	for (uint32_t b = 0; b < m->n_backends; b++) {
		const struct config_service *s = m->services[m->backends[b].service].cfg;
		for (uint32_t k = 0; k < s->n_checks; k++) {
			const struct model_target *t = model_backend_target(m, b, k);
			uint16_t port = s->checks[k]->spec.port ? s->checks[k]->spec.port : m->backends[b].cfg->port;
			ck_assert_msg(m->links[m->backends[b].first_link + k].backend == b && t->port == port &&
					      lb_ip_cmp(&t->addr, &m->backends[b].cfg->addr) == 0,
				"seed %u: backend %u check %u probes another target", seed, b, k);
		}
	}
}

START_TEST(reloads_at_random_keep_health_ids_and_sense)
{
	for (unsigned seed = 1; seed <= 100; seed++) {
		struct rng r = { seed };
		struct world w = { 0 };
		struct memory mem[64];
		size_t n_mem = 0;
		char yaml[8192];
		for (unsigned round = 0; round < 12; round++) {
			random_yaml(&r, yaml);
			world_load(&w, yaml);
			check_links(&w, seed);
			bool seen[64] = { false };
			for (uint32_t t = 0; t < w.m->n_targets; t++) {
				const struct model_target *t1 = &w.m->targets[t];
				struct check_spec spec;
				model_target_spec(t1, &spec);
				struct memory *k = recall(mem, &n_mem, &spec);
				seen[k - mem] = true;
				ck_assert_msg(k->id == 0 || k->id == t1->id,
					"seed %u: the id of a target went from %u to %u", seed, k->id, t1->id);
				ck_assert_msg(k->judged == t1->judged && k->up == t1->up,
					"seed %u: round %u forgot the health of a target", seed, round);
				k->id = t1->id;
			}
			for (size_t i = 0; i < n_mem; i++)
				if (!seen[i])
					mem[i] = mem[--n_mem], seen[i] = seen[n_mem],
					i--; /* gone: nobody may remember it */
			world_settle(&w);
			for (uint32_t k = rnd(&r, 6); k > 0 && w.m->n_targets; k--) {
				const struct model_target *t1 = &w.m->targets[rnd(&r, w.m->n_targets)];
				struct check_spec spec;
				model_target_spec(t1, &spec);
				struct memory *m = recall(mem, &n_mem, &spec);
				struct check_state st = { .judged = true, .up = rnd(&r, 2) };
				ck_assert(model_health(w.m, t1->id, &st, w.now, w.wall));
				m->judged = true;
				m->up = st.up;
			}
			world_settle(&w);
			world_wait(&w, (int64_t)rnd(&r, 4) * MINUTE);
			world_tick(&w);
			/* nothing was forgotten to be marked: deciding all of it again changes nothing */
			char before[8192];
			strcpy(before, world_text(&w));
			for (uint32_t i = 0; i < w.m->n_services; i++)
				model_dirty(w.m, i);
			world_settle(&w);
			ck_assert_msg(strcmp(world_text(&w), before) == 0,
				"seed %u: round %u: stood at\n%sand should be\n%s", seed, round, before,
				world_text(&w));
		}
		world_end(&w);
	}
}
END_TEST

START_TEST(after_an_overrides_expiry_the_plan_is_as_without_it)
{
	for (unsigned seed = 1; seed <= 100; seed++) {
		struct rng r = { seed };
		struct world with = { 0 }, without = { 0 };
		char yaml[8192], object[32];
		random_yaml(&r, yaml);
		world_start(&with, yaml);
		world_start(&without, yaml);
		for (unsigned step = 0; step < 12; step++) {
			for (uint32_t t = 0; t < with.m->n_targets; t++)
				if (rnd(&r, 4) == 0) {
					struct check_state st = { .judged = true, .up = rnd(&r, 2) };
					model_health(with.m, with.m->targets[t].id, &st, with.now, with.wall);
					model_health(
						without.m, without.m->targets[t].id, &st, without.now, without.wall);
				}
			snprintf(object, sizeof(object), "s%u/b%u", rnd(&r, 5), rnd(&r, 5));
			if (step < 8 && rnd(&r, 2))
				world_state(
					&with, object, (enum config_state)rnd(&r, 3), 1 + (int64_t)rnd(&r, 3 * MINUTE));
			else if (step < 8)
				world_weight(&with, object, (enum override_weight)rnd(&r, 2), rnd(&r, 200),
					1 + (int64_t)rnd(&r, 3 * MINUTE));
			struct world *const both[] = { &with, &without };
			for (int i = 0; i < 2; i++) {
				world_wait(both[i], MINUTE);
				overrides_expire(both[i]->ov, both[i]->now, lost, both[i]->m);
				world_tick(both[i]);
			}
		}
		ck_assert_uint_eq(overrides_count(with.ov), 0);
		/* the drain of the configuration may have begun later where an override held it up: let all of them end
		 */
		world_wait(&with, 10 * MINUTE);
		world_wait(&without, 10 * MINUTE);
		world_tick(&with);
		world_tick(&without);
		char a[8192];
		strcpy(a, plan_text(&with));
		ck_assert_msg(strcmp(a, plan_text(&without)) == 0, "seed %u:\n%s\nafter the overrides, and without\n%s",
			seed, a, plan_text(&without));
		strcpy(a, world_text(&with));
		ck_assert_msg(strcmp(a, world_text(&without)) == 0,
			"seed %u:\n%s\nafter the overrides, and without\n%s", seed, a, world_text(&without));
		world_end(&with);
		world_end(&without);
	}
}
END_TEST

/* ---- finding, names ---- */

START_TEST(objects_are_found_by_name_and_a_miss_says_what_was_meant)
{
	struct world w = { 0 };
	struct lb_err e;
	world_start(&w, SHARED);
	ck_assert_str_eq(w.m->backends[backend_at(&w, "web/b")].cfg->name, "b");
	ck_assert_uint_eq(model_backend_find(w.m, "nobody", "b"), MODEL_NONE);
	static const struct {
		const char *object;
		enum lb_code code;
		const char *says;
	} rows[] = {
		{ "wbe/a", LB_CODE_NOT_FOUND, "did you mean 'web'?" },
		{ "zzzzzz/a", LB_CODE_NOT_FOUND, "no service 'zzzzzz'" },
		{ "web/zzzzzz", LB_CODE_NOT_FOUND, "service 'web' has no backend 'zzzzzz'" },
		{ "web/", LB_CODE_NOT_FOUND, "has no backend ''" },
		{ "web", LB_CODE_USAGE, "is not SERVICE/BACKEND" },
		{ "", LB_CODE_USAGE, "is not SERVICE/BACKEND" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/b", LB_CODE_USAGE,
			"is not" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		ck_assert_uint_eq(model_object_find(w.m, rows[i].object, &e), MODEL_NONE);
		ck_assert_msg(
			e.code == rows[i].code && strstr(e.text, rows[i].says), "'%s': %s", rows[i].object, e.text);
		ck_assert_uint_eq(model_object_find(w.m, rows[i].object, NULL), MODEL_NONE);
	}
	world_end(&w);
}
END_TEST

START_TEST(listeners_lead_to_their_service)
{
	struct world w = { 0 };
	world_start(&w,
		"services:\n"
		"  web: { listen: [203.0.113.1:80, 203.0.113.1:443, '[2001:db8::1]:80'], mode: tun, backends: {} }\n"
		"  dns: { listen: 203.0.113.1:53, protocol: [udp, tcp], backends: {} }\n"
		"  mark: { fwmark: 7, family: ipv6, backends: {} }\n");
	ck_assert_uint_eq(w.m->n_listeners, 6);
	static const struct {
		const char *key, *service;
	} rows[] = { { "203.0.113.1:80/tcp", "web" }, { "203.0.113.1:443/tcp", "web" },
		{ "[2001:db8::1]:80/tcp", "web" }, { "203.0.113.1:53/udp", "dns" }, { "203.0.113.1:53/tcp", "dns" },
		{ "fwmark:7/ipv6", "mark" }, { "203.0.113.1:80/udp", NULL }, { "fwmark:7/ipv4", NULL },
		{ "203.0.113.2:80/tcp", NULL } };
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ipvs_key k;
		ck_assert_int_eq(ipvs_key_parse(rows[i].key, strlen(rows[i].key), &k), 0);
		uint32_t s = model_listener_service(w.m, &k);
		ck_assert_msg(rows[i].service
				      ? s != MODEL_NONE && strcmp(w.m->services[s].cfg->name, rows[i].service) == 0
				      : s == MODEL_NONE,
			"%s leads to %u", rows[i].key, s);
	}
	world_end(&w);
}
END_TEST

START_TEST(the_tables_have_no_holes)
{
	ck_assert_uint_eq(1u << (model_reasons_n - 1), MODEL_REASON_SLOW_START); /* the last one */
	for (size_t i = 0; i < model_reasons_n; i++) {
		ck_assert_uint_eq(model_reasons[i].bit, 1u << i); /* in order of importance */
		ck_assert(model_reasons[i].name[0] && model_reasons[i].help[0]);
		ck_assert_str_eq(model_reason_first(~0u << i & ((1u << model_reasons_n) - 1)), model_reasons[i].name);
	}
	ck_assert_str_eq(model_reason_first(0), "");
	static const char *const states[] = { "up", "down", "unchecked", "drain", "maint", "unknown" };
	for (unsigned i = 0; i < COUNT(states); i++)
		ck_assert_str_eq(model_backend_state_name((enum model_backend_state)i), states[i]);
	static const char *const services[] = { "up", "degraded", "sorry", "down", "maint", "unknown" };
	for (unsigned i = 0; i < COUNT(services); i++)
		ck_assert_str_eq(model_service_status_name((enum model_service_status)i), services[i]);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { every_combination_of_admin_state_health_override_and_adoption,
		all_checks_must_pass_and_one_failure_decides, without_checks_a_backend_is_up, a_weight_in_percent,
		the_status_of_a_service, a_drained_backend_is_cut_when_its_time_is_over,
		a_drain_that_keeps_or_has_no_end_is_never_cut, a_restart_does_not_give_a_drain_its_time_once_more,
		an_override_from_the_future_drains_its_whole_time, a_weight_set_while_draining_does_not_wind_the_clock,
		draining_anew_winds_the_clock, a_reload_keeps_the_drain_clock, an_override_ends_by_itself,
		overrides_are_there_after_a_reload_and_nothing_is_dirty, one_probe_for_all_who_ask_the_same,
		a_check_with_an_address_of_its_own_is_one_target_for_all, a_verdict_on_a_target_that_went_is_ignored,
		our_own_errors_flip_nothing, in_maintenance_nothing_is_probed_unless_another_backend_asks_the_same,
		what_changed_is_told_once_and_not_at_the_first_decision, a_backend_that_a_reload_brings_has_no_past,
		a_reload_of_the_same_touches_nothing, a_reload_marks_what_changed_and_only_that,
		ids_of_targets_stay_and_new_ones_come_after, a_check_that_changed_takes_nobody_out_who_serves,
		a_candidate_can_be_planned_and_thrown_away, reloads_at_random_keep_health_ids_and_sense,
		after_an_overrides_expiry_the_plan_is_as_without_it,
		objects_are_found_by_name_and_a_miss_says_what_was_meant, listeners_lead_to_their_service,
		the_tables_have_no_holes };
	return run_suite("model", tests, COUNT(tests));
}
