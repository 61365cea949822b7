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

/* ---- targets ---- */

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

/* ICMP knows no ports: backends of one address are one host, and one probe. A program is told the port all the same. */
START_TEST(what_needs_no_port_is_asked_without_one)
{
	struct world w = { 0 };
	world_start(&w, "checks: { ping: { type: icmp }, own: { type: script, path: /x } }\n"
			"services:\n"
			"  web: { listen: 203.0.113.1:80, check: ping, backends: { a: 10.1.0.1:80, b: 10.1.0.1:81 } }\n"
			"  api: { listen: 203.0.113.2:82, check: own, backends: { x: 10.1.0.1, y: 10.1.0.1:83 } }\n");
	struct check_spec spec;
	ck_assert_uint_eq(target_id(&w, "web/a", 0), target_id(&w, "web/b", 0));
	model_target_spec(model_backend_target(w.m, backend_at(&w, "web/a"), 0), &spec);
	ck_assert_uint_eq(spec.port, 0);
	model_target_spec(model_backend_target(w.m, backend_at(&w, "api/x"), 0), &spec);
	ck_assert_uint_eq(spec.port, 82);
	model_target_spec(model_backend_target(w.m, backend_at(&w, "api/y"), 0), &spec);
	ck_assert_uint_eq(spec.port, 83);
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

/* Whom nobody could probe yet has not failed: else a start without descriptors would look like all of them at once. */
START_TEST(what_could_not_be_probed_does_not_fail)
{
	struct world w = { 0 };
	const struct check_state st = { .last = { .code = CHECK_CODE_SOCKERR } };
	world_start(&w, SHARED);
	const struct model_target *t = model_backend_target(w.m, backend_at(&w, "web/a"), 0);
	int64_t ms = (int64_t)t->check->spec.interval_ms + t->check->spec.timeout_ms;
	ck_assert(model_health(w.m, t->id, &st, w.now, w.wall));
	ck_assert_int_eq(t->failing_since.us, 0);
	ck_assert(!model_target_stuck(t, lb_time_add_ms(w.now, ms - 1))); /* the next probe may do well */
	ck_assert(model_target_stuck(t, lb_time_add_ms(w.now, ms)));
	world_health(&w, "web/a", 0, true);
	world_wait(&w, ms);
	ck_assert(model_health(w.m, t->id, &(struct check_state){ .n = 4, .judged = true, .up = true, .last = st.last },
		w.now, w.wall));
	ck_assert(!model_target_stuck(t, lb_time_add_ms(w.now, 2 * ms))); /* its word stands */
	world_end(&w);
}
END_TEST

START_TEST(a_probe_process_goes_on_from_what_the_last_one_said)
{
	struct world w = { 0 };
	struct check_state got;
	const struct check_state said = { .n = 3,
		.judged = true,
		.up = true,
		.last = { .code = CHECK_CODE_L4CON,
			.latency_us = 77,
			.weight = { CHECK_WEIGHT_PERCENT, 10 },
			.text = "connection refused" } };
	world_start(&w, SHARED);
	ck_assert(model_health(w.m, 1, &said, w.now, w.wall));
	model_target_state(model_target_by_id(w.m, 1), &got);
	ck_assert(got.n == said.n && got.judged && got.up);
	ck_assert(got.last.code == said.last.code && got.last.latency_us == said.last.latency_us);
	ck_assert(got.last.weight.kind == said.last.weight.kind && got.last.weight.value == said.last.weight.value);
	ck_assert_str_eq(got.last.text, said.last.text);
	model_target_state(model_target_by_id(w.m, 2), &got);
	ck_assert(!got.judged && got.n == 0 && got.last.weight.kind == CHECK_WEIGHT_NONE && !got.last.text[0]);
	world_end(&w);
}
END_TEST

START_TEST(in_maintenance_nothing_is_probed_unless_another_backend_asks_the_same)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	ck_assert_str_eq(world_tell(&w), "+1 +2 +3 +4");
	ck_assert_str_eq(world_tell(&w), "");
	world_health(&w, "web/a", 0, true);
	world_health(&w, "web/b", 0, true);
	world_settle(&w);
	uint32_t shared = target_id(&w, "web/a", 0), alone = target_id(&w, "web/b", 0);
	/* the last that is heard of it: it fails, had asked for less, and then it could not be probed */
	const struct check_state last = {
		.n = 1, .judged = true, .last = { .code = CHECK_CODE_SOCKERR, .weight = { CHECK_WEIGHT_VALUE, 7 } }
	};
	ck_assert(model_health(w.m, alone, &last, w.now, w.wall));
	world_state(&w, "web/a", CONFIG_STATE_MAINT, 0);
	world_state(&w, "web/b", CONFIG_STATE_MAINT, 0);
	ck_assert(model_target_wanted(model_target_by_id(w.m, shared))); /* api/x asks the same */
	ck_assert(!model_target_wanted(model_target_by_id(w.m, alone)));
	ck_assert_str_eq(world_tell(&w), "-4");
	const struct model_target *rests = model_target_by_id(w.m, alone);
	ck_assert(!rests->judged && rests->n == 0 && rests->weight.kind == CHECK_WEIGHT_NONE);
	ck_assert(rests->failing_since.us == 0 && rests->error_since.us == 0); /* it may be mended meanwhile */
	ck_assert(model_target_by_id(w.m, shared)->judged);
	/* it is probed again, whatever was still heard of it */
	world_health(&w, "web/b", 0, true);
	world_state(&w, "web/b", CONFIG_STATE_ENABLED, 0);
	ck_assert_str_eq(world_tell(&w), "+4");
	ck_assert_str_eq(world_tell(&w), "");
	world_end(&w);
}
END_TEST

#define ONE_FOR_ALL                                                                                                    \
	"checks: { gw: { type: tcp, address: 10.9.0.1, port: 9 }, own: { type: tcp } }\n"                              \
	"services:\n"                                                                                                  \
	"  web: { listen: 203.0.113.1:80, check: [gw, own], backends: { a: 10.1.0.1, b: 10.1.0.2,\n"                   \
	"    c: { address: 10.1.0.3, state: maint } } }\n"                                                             \
	"  api: { listen: 203.0.113.2:80, check: gw, backends: { x: 10.1.0.4 } }\n"

static void maint_over(struct world *w, const char *object)
{
	ck_assert(overrides_clear_state(w->ov, object));
	model_override_changed(w->m, object);
}

/* Each of a service's backends asks when all of them go into maintenance: were those of a target gone through each
 * time, it would be their number squared. So the answer must not need them. */
START_TEST(whether_a_shared_target_is_wanted_is_known_without_looking_at_its_backends)
{
	struct world w = { 0 };
	world_start(&w, ONE_FOR_ALL);
	for (int reload = 0; reload < 2; reload++) {
		struct model_target *gw = &w.m->targets[w.m->links[w.m->backends[0].first_link].target];
		for (const char *const *at =
				(const char *const[]){ "service:web", "web/a", "service:api", "web/b", "api/x", NULL };
			*at; at++)
			world_state(&w, *at, CONFIG_STATE_MAINT, 0);
		uint32_t links = gw->first_link;
		gw->first_link = MODEL_NONE;
		ck_assert(!model_target_wanted(gw));
		maint_over(&w, "service:web");
		maint_over(&w, "service:api");
		ck_assert(!model_target_wanted(gw)); /* each of them still is by itself */
		maint_over(&w, "web/b");
		ck_assert(model_target_wanted(gw));
		world_state(&w, "web/b", CONFIG_STATE_DRAIN, 0);
		ck_assert(model_target_wanted(gw));
		world_state(&w, "web/b", CONFIG_STATE_MAINT, 0);
		ck_assert(!model_target_wanted(gw));
		world_state(&w, "web/c", CONFIG_STATE_ENABLED, 0);
		ck_assert(model_target_wanted(gw));
		gw->first_link = links;
		maint_over(&w, "web/c");
		world_load(&w, ONE_FOR_ALL); /* and it goes on from there */
		gw = &w.m->targets[w.m->links[w.m->backends[0].first_link].target];
		ck_assert(!model_target_wanted(gw));
		maint_over(&w, "web/a");
		maint_over(&w, "web/b");
		maint_over(&w, "api/x");
		ck_assert(model_target_wanted(gw));
	}
	world_end(&w);
}
END_TEST

#define MAINT                                                                                                          \
	"services:\n  web: { listen: 203.0.113.1:80, backends: { a: { address: 10.1.0.1, state: maint }, b: 10.1.0.2 " \
	"} }\n"

START_TEST(what_a_room_never_heard_of_is_told_when_it_is_wanted)
{
	struct world w = { 0 };
	world_start(&w, MAINT);
	ck_assert_str_eq(world_tell(&w), "+2");
	world_load(&w, MAINT "  api: { listen: 203.0.113.2:80, backends: { x: 10.1.0.1:80 } }\n");
	ck_assert_str_eq(world_tell(&w), "+1");
	world_load(&w, MAINT);
	ck_assert_str_eq(world_tell(&w), "-1");
	world_load(&w, MAINT); /* and is not told again what it knows */
	ck_assert_str_eq(world_tell(&w), "");
	/* a room that knows of none any more is not told of this one, and nobody believes what it once said */
	world_health(&w, "web/a", 0, true);
	ck_assert_str_eq(world_tell(&w), "");
	ck_assert(!model_backend_target(w.m, backend_at(&w, "web/a"), 0)->judged);
	world_state(&w, "web/a", CONFIG_STATE_ENABLED, MINUTE); /* before anything is settled */
	ck_assert_str_eq(world_tell(&w), "+1");
	world_wait(&w, MINUTE);
	(void)overrides_expire(w.ov, w.now, lost, w.m);
	ck_assert_str_eq(world_tell(&w), "-1");
	world_end(&w);
}
END_TEST

START_TEST(an_override_is_about_a_backend_or_all_of_a_service)
{
	struct world w = { 0 };
	uint32_t first = 77;
	world_start(&w, SHARED);
	ck_assert_uint_eq(model_override_backends(w.m, "api/y", &first), 1);
	ck_assert_uint_eq(first, backend_at(&w, "api/y"));
	ck_assert_uint_eq(model_override_backends(w.m, "service:api", &first), 2);
	ck_assert_uint_eq(first, backend_at(&w, "api/x"));
	static const char *const none[] = { "api/nobody", "service:nobody", "vrrp:wan" };
	for (size_t i = 0; i < COUNT(none); i++)
		ck_assert_uint_eq(model_override_backends(w.m, none[i], &first), 0);
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
	world_end(&w);
	/* nor when a reload came before it */
	w = (struct world){ 0 };
	world_load(&w, SHARED);
	world_load(&w, SHARED);
	world_health(&w, "web/a", 0, true);
	world_settle(&w);
	ck_assert_str_eq(world_changes(&w), "");
	world_end(&w);

	w = (struct world){ 0 };
	world_start(&w, "services: { web: { listen: 203.0.113.1:80, backends: { a: { address: 10.1.0.1, weight: 5 }, "
			"b: 10.1.0.2 } } }");
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
		the_status_of_a_service, one_probe_for_all_who_ask_the_same, what_needs_no_port_is_asked_without_one,
		a_check_with_an_address_of_its_own_is_one_target_for_all, a_verdict_on_a_target_that_went_is_ignored,
		our_own_errors_flip_nothing, what_could_not_be_probed_does_not_fail,
		a_probe_process_goes_on_from_what_the_last_one_said,
		in_maintenance_nothing_is_probed_unless_another_backend_asks_the_same,
		whether_a_shared_target_is_wanted_is_known_without_looking_at_its_backends,
		what_a_room_never_heard_of_is_told_when_it_is_wanted,
		an_override_is_about_a_backend_or_all_of_a_service,
		what_changed_is_told_once_and_not_at_the_first_decision, a_backend_that_a_reload_brings_has_no_past,
		objects_are_found_by_name_and_a_miss_says_what_was_meant, listeners_lead_to_their_service,
		the_tables_have_no_holes };
	return run_suite("model", tests, COUNT(tests));
}
