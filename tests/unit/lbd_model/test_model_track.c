/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is tracked: when a change counts, what it does to the priority, and that tracked checks are probed. */
#include "lbd/model_track.h"
#include "tests/unit/lbd_model/fixture.h"

#define UP   MODEL_SEEN_UP
#define DOWN MODEL_SEEN_DOWN
#define WHAT MODEL_SEEN_UNKNOWN

static const struct {
	const char *what;
	int64_t debounce_ms;
	struct {
		int64_t at_ms;
		enum model_seen seen, is;
		int64_t again_ms; /* when to look again, 0 = never */
	} steps[6];
} sights[] = {
	{ "the first word counts at once", 5000, { { 10, DOWN, DOWN, 0 }, { 20, DOWN, DOWN, 0 } } },
	{ "a change counts when it has lasted", 5000,
		{ { 10, UP, UP, 0 }, { 1000, DOWN, UP, 6000 }, { 3000, DOWN, UP, 6000 }, { 5999, DOWN, UP, 6000 },
			{ 6000, DOWN, DOWN, 0 } } },
	{ "what comes back in between begins anew", 5000,
		{ { 10, UP, UP, 0 }, { 1000, DOWN, UP, 6000 }, { 3000, UP, UP, 0 }, { 4000, DOWN, UP, 9000 },
			{ 6000, DOWN, UP, 9000 }, { 9000, DOWN, DOWN, 0 } } },
	{ "without a debounce at once", 0, { { 10, UP, UP, 0 }, { 11, DOWN, DOWN, 0 }, { 12, UP, UP, 0 } } },
	{ "what nobody knows any more stays", 0, { { 10, DOWN, DOWN, 0 }, { 11, WHAT, DOWN, 0 }, { 12, UP, UP, 0 } } },
	{ "ignorance ends what has begun", 5000,
		{ { 10, UP, UP, 0 }, { 1000, DOWN, UP, 6000 }, { 2000, WHAT, UP, 0 }, { 6500, DOWN, UP, 11500 } } },
};

START_TEST(a_change_counts_when_it_has_lasted)
{
	for (size_t i = 0; i < COUNT(sights); i++) {
		struct model_track t = { 0 };
		for (size_t k = 0; k < COUNT(sights[i].steps) && sights[i].steps[k].at_ms; k++) {
			int64_t at = sights[i].steps[k].at_ms, again = sights[i].steps[k].again_ms;
			struct lb_time next = model_track_see(
				&t, sights[i].steps[k].seen, sights[i].debounce_ms, (struct lb_time){ at * 1000 }, at);
			ck_assert_msg(t.is == sights[i].steps[k].is, "%s: at %lld it is %d", sights[i].what,
				(long long)at, (int)t.is);
			ck_assert_msg(next.us == (again ? again * 1000 : LB_TIME_NEVER.us), "%s: at %lld again at %lld",
				sights[i].what, (long long)at, (long long)next.us);
		}
	}
}
END_TEST

#define IF(n, w)                                                                                                       \
	{                                                                                                              \
		.type = CONFIG_TRACK_INTERFACE, .name = n, .weight = w                                                 \
	}
#define SERVICES(w)                                                                                                    \
	{                                                                                                              \
		.type = CONFIG_TRACK_SERVICES_UP, .name = "", .weight = w                                              \
	}

static const struct {
	const char *what;
	struct config_track cfg[3];
	enum model_seen is[3];
	int32_t add;
	const char *fault; /* NULL = none */
} sums[] = {
	{ "nothing is tracked", { { 0 } }, { WHAT }, 0, NULL },
	{ "all is well", { IF("a", 0), IF("b", -20), IF("c", 30) }, { UP, UP, UP }, 30, NULL },
	{ "all has failed", { IF("a", 0), IF("b", -20), IF("c", 30) }, { DOWN, DOWN, DOWN }, -20, "track:a" },
	{ "the first fault is named", { IF("a", 0), IF("b", 0), IF("c", 0) }, { UP, DOWN, DOWN }, 0, "track:b" },
	{ "what is not known is no fault, takes nothing and gives nothing", { IF("a", 0), IF("b", -20), IF("c", 30) },
		{ WHAT, WHAT, WHAT }, 0, NULL },
	{ "sums beyond a priority are the process' business", { IF("a", -253), IF("b", -253), IF("c", 5) },
		{ DOWN, DOWN, UP }, -501, NULL },
	{ "services have no name", { SERVICES(0), IF("b", 1), IF("c", 1) }, { DOWN, UP, UP }, 2, "track:services_up" },
};

START_TEST(all_of_them_together)
{
	for (size_t i = 0; i < COUNT(sums); i++) {
		struct model_track v[3] = { { 0 } };
		struct model_track_sum sum;
		uint32_t n = sums[i].cfg[0].name ? 3 : 0;
		for (uint32_t k = 0; k < n; k++)
			v[k].is = sums[i].is[k];
		model_track_sum(sums[i].cfg, v, n, &sum);
		ck_assert_msg(sum.add == sums[i].add, "%s: adds %d", sums[i].what, (int)sum.add);
		ck_assert_msg(sum.fault == (sums[i].fault != NULL), "%s: fault", sums[i].what);
		ck_assert_msg(strcmp(sum.reason, sums[i].fault ? sums[i].fault : "") == 0, "%s: '%s'", sums[i].what,
			sum.reason);
	}
}
END_TEST

START_TEST(sums_that_differ_in_anything_differ)
{
	const struct model_track_sum a = { 5, true, "track:a" }, same = a, add = { 6, true, "track:a" },
				     fault = { 5, false, "track:a" }, reason = { 5, true, "track:b" };
	ck_assert(model_track_sum_equal(&a, &same));
	ck_assert(!model_track_sum_equal(&a, &add));
	ck_assert(!model_track_sum_equal(&a, &fault));
	ck_assert(!model_track_sum_equal(&a, &reason));
}
END_TEST

static void expect_name(const struct config_track *t, const char *want)
{
	char name[96];
	model_track_name(t, name, sizeof(name));
	ck_assert_str_eq(name, want);
}

START_TEST(names_for_people)
{
	expect_name(&(struct config_track)IF("lan0", 0), "interface lan0");
	expect_name(&(struct config_track){ .type = CONFIG_TRACK_CHECK, .name = "gw" }, "check gw");
	expect_name(&(struct config_track){ .type = CONFIG_TRACK_PROCESS, .name = "named" }, "process named");
	expect_name(&(struct config_track){ .type = CONFIG_TRACK_SERVICES_UP, .services_up = { 50, true } },
		"services_up 50%");
	expect_name(&(struct config_track){ .type = CONFIG_TRACK_SERVICES_UP, .services_up = { 3, false } },
		"services_up 3");
}
END_TEST

/* ---- tracked checks in the model ---- */

#define CHECKS                                                                                                         \
	"checks:\n"                                                                                                    \
	"  gateway: { type: icmp, address: 192.0.2.1 }\n"                                                              \
	"  disk: { type: file, path: /run/disk-ok }\n"                                                                 \
	"  web: { type: tcp, address: 10.1.0.1, port: 80 }\n"                                                          \
	"services:\n"                                                                                                  \
	"  web:\n"                                                                                                     \
	"    listen: 203.0.113.1:80\n"                                                                                 \
	"    check: web\n"                                                                                             \
	"    backends: { a: 10.1.0.1, b: 10.1.0.2 }\n"                                                                 \
	"  dns:\n"                                                                                                     \
	"    listen: 203.0.113.1:53\n"                                                                                 \
	"    check: tcp\n"                                                                                             \
	"    backends: { a: 10.1.0.1 }\n"
#define VRRP(tracks)                                                                                                   \
	"vrrp:\n"                                                                                                      \
	"  wan4: { interface: eth0, vrid: 51, addresses: 203.0.113.1/24, track: [" tracks "] }\n"

static const struct config_check *check_of(const struct model *m, const char *name)
{
	for (uint32_t i = 0; i < m->config->n_checks; i++)
		if (strcmp(m->config->checks[i].name, name) == 0)
			return &m->config->checks[i];
	ck_abort_msg("no check %s", name);
	return NULL;
}

static void verdict(struct world *w, const char *check, bool up)
{
	const struct model_target *t = model_tracked_target(w->m, check_of(w->m, check));
	ck_assert_ptr_nonnull(t);
	const struct check_state st = { .n = up ? 4 : 0, .judged = true, .up = up };
	ck_assert(model_health(w->m, t->id, &st, w->now, w->wall));
}

/* seen: when each was seen down, in ms; 0 = it is up. */
static const struct {
	const char *what;
	enum config_track_type type;
	int16_t weight[2];
	int64_t seen_ms[2], since_ms;
} faults[] = {
	{ "nothing is down", CONFIG_TRACK_CHECK, { 0, 0 }, { 0, 0 }, 100000 },
	{ "what only lowers the priority is no fault", CONFIG_TRACK_CHECK, { -5, 0 }, { 90000, 0 }, 100000 },
	{ "a check has failed three times, a quarter late", CONFIG_TRACK_CHECK, { 0, 0 }, { 90000, 0 }, 81500 },
	{ "the first of them", CONFIG_TRACK_CHECK, { 0, 0 }, { 90000, 60000 }, 51500 },
	{ "the host is asked once a second", CONFIG_TRACK_INTERFACE, { 0, 0 }, { 90000, 0 }, 89000 },
	{ "services fall by the slowest of all checks", CONFIG_TRACK_SERVICES_UP, { 0, 0 }, { 90000, 0 }, 60000 },
};

START_TEST(a_fault_began_before_it_was_seen)
{
	struct world w = { 0 };
	world_start(&w, "checks:\n"
			"  fast: { type: tcp, interval: 2s, timeout: 1s, fall: 3 }\n"
			"  slow: { type: tcp, interval: 10s, timeout: 5s, fall: 2 }\n"
			"services:\n"
			"  web: { listen: 203.0.113.1:80, check: fast, backends: { a: 10.1.0.1 } }\n"
			"  api: { listen: 203.0.113.2:80, check: slow, backends: { a: 10.1.0.1 } }\n");
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct config_track cfg[2] = { 0 };
		struct model_track v[2] = { 0 };
		for (size_t k = 0; k < 2; k++) {
			cfg[k].type = faults[i].type;
			cfg[k].weight = faults[i].weight[k];
			cfg[k].check = check_of(w.m, "fast");
			v[k].is = faults[i].seen_ms[k] ? DOWN : UP;
			v[k].since.us = faults[i].seen_ms[k] * 1000;
		}
		struct lb_time since = model_track_fault_since(w.m, cfg, v, 2, (struct lb_time){ 100000000 });
		ck_assert_msg(since.us == faults[i].since_ms * 1000, "%s: %lld", faults[i].what, (long long)since.us);
	}
	world_end(&w);
}
END_TEST

START_TEST(a_tracked_check_is_probed_without_any_backend)
{
	struct world w = { 0 };
	world_start(&w, CHECKS VRRP("{ check: gateway }, { check: disk, weight: -10 }"));
	const struct model_target *gw = model_tracked_target(w.m, check_of(w.m, "gateway"));
	const struct model_target *disk = model_tracked_target(w.m, check_of(w.m, "disk"));
	ck_assert_uint_eq(w.m->n_targets, 4); /* web of both backends is one, tcp another */
	ck_assert_ptr_nonnull(gw);
	ck_assert_ptr_nonnull(disk);
	ck_assert(model_target_wanted(gw));
	char ip[LB_IP_STRLEN];
	ck_assert_str_eq(lb_ip_str(&gw->addr, ip), "192.0.2.1");
	ck_assert_str_eq(lb_ip_str(&disk->addr, ip), "127.0.0.1");
	ck_assert_ptr_null(model_tracked_target(w.m, check_of(w.m, "web")));
	ck_assert_int_eq(model_seen_check(w.m, check_of(w.m, "gateway")), WHAT);
	verdict(&w, "gateway", true);
	ck_assert_int_eq(model_seen_check(w.m, check_of(w.m, "gateway")), UP);
	verdict(&w, "gateway", false);
	ck_assert_int_eq(model_seen_check(w.m, check_of(w.m, "gateway")), DOWN);
	world_end(&w);
}
END_TEST

START_TEST(a_tracked_check_of_a_backend_is_one_probe)
{
	struct world w = { 0 };
	world_start(&w, CHECKS VRRP("{ check: web }"));
	const struct model_target *t = model_tracked_target(w.m, check_of(w.m, "web"));
	ck_assert_ptr_nonnull(t);
	ck_assert_uint_eq(t->id, target_id(&w, "web/a", 0));
	ck_assert_uint_eq(w.m->n_targets, 2);
	ck_assert_str_eq(world_tell(&w), "+1 +2");
	/* in maintenance it is probed all the same, for the address */
	world_state(&w, "web/a", CONFIG_STATE_MAINT, 0);
	world_state(&w, "web/b", CONFIG_STATE_MAINT, 0);
	ck_assert(model_target_wanted(t));
	ck_assert_str_eq(world_tell(&w), "");
	world_load(&w, CHECKS);
	t = model_backend_target(w.m, backend_at(&w, "web/a"), 0);
	ck_assert(!model_target_wanted(t));
	ck_assert_str_eq(world_tell(&w), "-2");
	world_load(&w, CHECKS VRRP("{ check: web }"));
	ck_assert_str_eq(world_tell(&w), "+2");
	world_end(&w);
}
END_TEST

START_TEST(a_reload_keeps_what_is_known)
{
	struct world w = { 0 };
	world_start(&w, CHECKS VRRP("{ check: gateway }"));
	verdict(&w, "gateway", true);
	uint32_t id = model_tracked_target(w.m, check_of(w.m, "gateway"))->id;
	world_load(&w, CHECKS VRRP("{ check: gateway, weight: 5 }, { check: disk }"));
	ck_assert_uint_eq(model_tracked_target(w.m, check_of(w.m, "gateway"))->id, id);
	ck_assert_int_eq(model_seen_check(w.m, check_of(w.m, "gateway")), UP);
	for (uint32_t i = 1; i < w.m->n_targets; i++)
		ck_assert_uint_lt(w.m->targets[i - 1].id, w.m->targets[i].id);
	world_load(&w, CHECKS);
	ck_assert_ptr_null(model_tracked_target(w.m, check_of(w.m, "gateway")));
	world_end(&w);
}
END_TEST

START_TEST(so_many_services_or_that_share)
{
	static const struct {
		const char *what;
		bool web, dns; /* up */
		struct config_share share;
		enum model_seen is;
	} rows[] = {
		{ "both of two", true, true, { 2, false }, UP },
		{ "one of two is not two", true, false, { 2, false }, DOWN },
		{ "one of two is one", true, false, { 1, false }, UP },
		{ "half is 50%", false, true, { 50, true }, UP },
		{ "half is not 51%", false, true, { 51, true }, DOWN },
		{ "none", false, false, { 1, true }, DOWN },
		{ "more than there are", true, true, { 3, false }, DOWN },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		world_start(&w, CHECKS);
		ck_assert_int_eq(model_seen_services(w.m, &rows[i].share), WHAT);
		world_health(&w, "web/a", 0, rows[i].web);
		world_health(&w, "dns/a", 0, rows[i].dns);
		world_settle(&w);
		ck_assert_msg(model_seen_services(w.m, &rows[i].share) == rows[i].is, "%s: %d", rows[i].what,
			(int)model_seen_services(w.m, &rows[i].share));
		world_end(&w);
	}
}
END_TEST

START_TEST(services_in_maintenance_are_no_part_of_a_share)
{
	struct world w = { 0 };
	const struct config_share all = { 100, true };
	world_start(&w, CHECKS);
	world_health(&w, "web/a", 0, true);
	world_health(&w, "dns/a", 0, false);
	world_settle(&w);
	ck_assert_int_eq(model_seen_services(w.m, &all), DOWN);
	world_state(&w, "dns/a", CONFIG_STATE_MAINT, 0);
	world_settle(&w);
	ck_assert_int_eq(model_seen_services(w.m, &all), UP);
	world_end(&w);
}
END_TEST

static void cannot_be_sent(struct world *w, uint32_t target)
{
	const struct check_state fault = { .last = { .code = CHECK_CODE_SOCKERR } };
	ck_assert(model_health(w->m, target, &fault, w->now, w->wall));
}

/* What each stage says of the only backend, in their order: '+' passes, '-' fails, '.' has not been heard, '!' cannot
 * be sent, which moves no address. */
START_TEST(of_a_stage_that_rests_nothing_is_awaited)
{
	static const struct {
		const char *words;
		enum model_seen is;
	} rows[] = {
		{ "...", WHAT },
		{ "+..", WHAT },
		{ "++.", WHAT },
		{ "+++", UP },
		{ "-..", DOWN },
		{ "+-.", DOWN },
		{ "++-", DOWN },
		{ "-++", DOWN }, /* they will rest */
		{ ".++", WHAT },
		{ "!..", WHAT },
	};
	const struct config_share one = { 1, false };
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		world_start(&w, "checks: { one: { type: tcp, port: 1 }, two: { type: tcp, port: 2 }, three: { type: "
				"tcp, port: 3 } }\n"
				"services: { web: { listen: 203.0.113.1:80, check: { stages: [one, two, three] },\n"
				"  backends: { a: 10.1.0.1 } } }\n");
		for (uint32_t k = 0; k < 3; k++) {
			world_health(&w, "web/a", k, true); /* at first all is well */
			world_settle(&w);
		}
		for (uint32_t k = 0; k < 3; k++) {
			if (rows[i].words[k] == '!')
				cannot_be_sent(&w, target_id(&w, "web/a", k));
			else if (rows[i].words[k] == '.')
				world_rests(&w, "web/a", k);
			else
				world_health(&w, "web/a", k, rows[i].words[k] == '+');
		}
		world_settle(&w);
		world_wait(&w, 3600000);
		ck_assert_msg(model_seen_services(w.m, &one) == rows[i].is, "%s: %d", rows[i].words,
			(int)model_seen_services(w.m, &one));
		world_end(&w);
	}
}
END_TEST

/* What each check says of both backends of a service that has two: as above, and 'd' is drained by an operator. */
START_TEST(only_what_may_make_it_serve_is_awaited)
{
	static const struct {
		const char *mode, *words[2];
		enum model_seen is;
	} rows[] = {
		{ "all", { "-!", "!-" }, DOWN },
		{ "all", { "-!", "+!" }, WHAT },
		{ "all", { "-!", "!." }, WHAT },
		{ "all", { "++", "!!" }, UP },
		{ "any", { "+!", "+!" }, UP },
		{ "any", { "-!", "--" }, WHAT },
		{ "any", { "--", "--" }, DOWN },
		{ "all", { "--", "d!" }, DOWN },
	};
	const struct config_share one = { 1, false };
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		char text[400];
		snprintf(text, sizeof(text),
			"checks: { one: { type: tcp, port: 1 }, two: { type: tcp, port: 2 },\n"
			"  gateway: { type: icmp, address: 192.0.2.1 } }\n"
			"services: { web: { listen: 203.0.113.1:80, check: { %s: [one, two] },\n"
			"  backends: { a: 10.1.0.1, b: 10.1.0.2 } } }\n" VRRP("{ check: gateway }"),
			rows[i].mode);
		world_start(&w, text);
		/* no service waits for that one */
		cannot_be_sent(&w, model_tracked_target(w.m, check_of(w.m, "gateway"))->id);
		for (size_t b = 0; b < 2; b++)
			for (uint32_t k = 0; k < 2; k++) {
				const char *object = b ? "web/b" : "web/a";
				char said = rows[i].words[b][k];
				if (said == '!')
					cannot_be_sent(&w, target_id(&w, object, k));
				else if (said == 'd')
					world_state(&w, object, CONFIG_STATE_DRAIN, 0);
				else if (said != '.')
					world_health(&w, object, k, said == '+');
			}
		world_settle(&w);
		world_wait(&w, 3600000);
		ck_assert_msg(model_seen_services(w.m, &one) == rows[i].is, "%s %s %s: %d", rows[i].mode,
			rows[i].words[0], rows[i].words[1], (int)model_seen_services(w.m, &one));
		world_end(&w);
	}
}
END_TEST

/* Of a service that serves nothing is awaited. */
START_TEST(a_service_that_serves_keeps_nobody_waiting)
{
	struct world w = { 0 };
	const struct config_share all = { 2, false };
	world_start(&w, "checks: { one: { type: tcp, port: 1 }, two: { type: tcp, port: 2 } }\n"
			"services:\n"
			"  web: { listen: 203.0.113.1:80, check: { any: [one, two] },\n"
			"    backends: { a: 10.1.0.1, b: 10.1.0.2 } }\n"
			"  api: { listen: 203.0.113.2:80, check: one, backends: { a: 10.1.0.9 } }\n");
	world_health(&w, "web/a", 0, true);
	cannot_be_sent(&w, target_id(&w, "web/a", 1));
	world_settle(&w);
	ck_assert_int_eq(model_seen_services(w.m, &all), WHAT);
	world_health(&w, "api/a", 0, false);
	world_settle(&w);
	ck_assert_int_eq(model_seen_services(w.m, &all), DOWN);
	/* there is news of it, and nothing has been decided yet */
	world_health(&w, "api/a", 0, true);
	ck_assert_int_eq(model_seen_services(w.m, &all), WHAT);
	world_settle(&w);
	ck_assert_int_eq(model_seen_services(w.m, &all), UP);
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_change_counts_when_it_has_lasted, all_of_them_together,
		sums_that_differ_in_anything_differ, names_for_people, a_fault_began_before_it_was_seen,
		a_tracked_check_is_probed_without_any_backend, a_tracked_check_of_a_backend_is_one_probe,
		a_reload_keeps_what_is_known, so_many_services_or_that_share,
		services_in_maintenance_are_no_part_of_a_share, of_a_stage_that_rests_nothing_is_awaited,
		only_what_may_make_it_serve_is_awaited, a_service_that_serves_keeps_nobody_waiting };
	return run_suite("model_track", tests, COUNT(tests));
}
