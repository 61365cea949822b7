/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What services and backends are is one answer, whoever asks: rows, totals, waits and metrics. */
#include "lbd/ctl/ctl_rows.h"
#include "tests/unit/lbd_ctl/node.h"

#define CHECKS "checks: { c: { type: tcp, rise: 1, fall: 1 } }\n"

static int truth(const char *object, const char *condition)
{
	char args[128];
	snprintf(args, sizeof(args), "{\"object\": \"%s\", \"condition\": \"%s\"}", object, condition);
	ask("wait", args);
	done();
	ck_assert_ptr_nonnull(waiting.cond);
	int now = waiting.cond(waiting.state);
	waiting.free(waiting.state);
	memset(&waiting, 0, sizeof(waiting));
	return now;
}

static bool exported(const char *name, const char *line)
{
	char args[96];
	snprintf(args, sizeof(args), "{\"prefix\": \"%s\"}", name);
	ask("metrics", args);
	const char *text = json_string_value(json_object_get(json_array_get(k.c.rows, 0), "text"));
	ck_assert_ptr_nonnull(text);
	const char *at = strstr(text, line);
	bool once = at && !strstr(at + 1, line);
	done();
	return once;
}

/* The listener, and a backend of another. */
START_TEST(what_the_kernel_refused_is_not_up)
{
	node_start("services: {}\n");
	k.refused = 53;
	world_load(&k.w,
		"services: { dns: { listen: 203.0.113.2:53, check: none, backends: { d: 10.1.0.3 } },\n"
		"  ok: { listen: 203.0.113.2:80, check: none, backends: { x: 10.1.0.3:80, y: 10.1.0.3:53 } } }\n");
	k.env.model = k.w.m;
	reconcile();
	ck_assert_int_eq(truth("service/dns", "up"), 0);
	ck_assert_int_eq(truth("service/dns", "quorum"), 0);
	ck_assert_int_eq(truth("backend/dns/d", "up"), 0);
	ck_assert_int_eq(truth("backend/ok/y", "up"), 0);
	ck_assert_int_eq(truth("backend/ok/y", "down"), 1);
	ck_assert_int_eq(truth("service/ok", "quorum"), 1);
	ask("status", "{}");
	ck_assert_str_eq(cell(&k.c, 0, "services"), "{\"degraded\":1,\"down\":1,\"maint\":0,\"sorry\":0,\"up\":0}");
	ck_assert_ptr_nonnull(strstr(cell(&k.c, 0, "backends"), "\"down\":2"));
	done();
	ck_assert(exported("lbd_service_status", "{service=\"dns\",status=\"down\"} 1"));
	ck_assert(exported("lbd_service_status", "{service=\"ok\",status=\"degraded\"} 1"));
	ck_assert(exported("lbd_service_backends", "{service=\"ok\",in_pool=\"true\"} 1"));
	ck_assert(exported("lbd_backend_in_pool", "{service=\"ok\",backend=\"y\"} 0"));
}
END_TEST

/* A pool with somebody in it may still be too small. */
START_TEST(a_quorum_that_is_lost_is_not_reached)
{
	node_start(CHECKS "services:\n"
			  "  web: { listen: 203.0.113.1:80, check: c, quorum: { up: 2 }, backends: { a: 10.1.0.1, b: "
			  "10.1.0.2 } }\n");
	world_health(&k.w, "web/a", 0, true);
	world_health(&k.w, "web/b", 0, false);
	reconcile();
	ck_assert_int_eq(truth("service/web", "quorum"), 0);
	world_health(&k.w, "web/b", 0, true);
	reconcile();
	ck_assert_int_eq(truth("service/web", "quorum"), 1);
}
END_TEST

/* Checks of equal settings are one target, which has the name of one of them. */
START_TEST(a_check_has_the_name_that_its_service_uses)
{
	node_start("checks: { app: { type: tcp } }\n"
		   "services:\n"
		   "  web: { listen: 203.0.113.1:80, check: [tcp, app], backends: { a: 10.1.0.1 } }\n"
		   "  api: { listen: 203.0.113.2:80, check: app, backends: { a: 10.1.0.1 } }\n");
	world_health(&k.w, "web/a", 0, true);
	reconcile();
	ck_assert(exported("lbd_check_up", "{service=\"web\",backend=\"a\",check=\"tcp\"} 1"));
	ck_assert(exported("lbd_check_up", "{service=\"web\",backend=\"a\",check=\"app\"} 1"));
	ck_assert(exported("lbd_check_up", "{service=\"api\",backend=\"a\",check=\"app\"} 1"));
}
END_TEST

/* What the check said before it could not be made any more is old, and that is shown. */
START_TEST(an_old_verdict_says_since_when)
{
	node_start("services: { web: { listen: 203.0.113.1:80, backends: { a: 10.1.0.1 } } }\n");
	world_paused(&k.w, "web/a", 0);
	world_wait(&k.w, 1000);
	json_t *row = ctl_row_backend(&k.env, backend_at(&k.w, "web/a"), NULL);
	json_t *since = ctl_time(op_wall_ms(NULL) - 1000);
	ck_assert_ptr_nonnull(since);
	ck_assert(json_equal(json_object_get(row, "check_error_since"), since));
	json_decref(since);
	json_decref(row);
	world_health(&k.w, "web/a", 0, true);
	row = ctl_row_backend(&k.env, backend_at(&k.w, "web/a"), NULL);
	ck_assert(row && !json_object_get(row, "check_error_since"));
	json_decref(row);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_state");
	TCase *c = tcase_create("ctl_state");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, NULL, node_end);
	tcase_add_test(c, what_the_kernel_refused_is_not_up);
	tcase_add_test(c, a_quorum_that_is_lost_is_not_reached);
	tcase_add_test(c, a_check_has_the_name_that_its_service_uses);
	tcase_add_test(c, an_old_verdict_says_since_when);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
