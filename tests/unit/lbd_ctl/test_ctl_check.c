/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands about checks answer: rows of a model, held runs, and what operators force. */
#include "lbd/ctl/ctl_run.h"
#include "tests/unit/lbd_ctl/commands.h"
#include "tests/unit/lbd_model/fixture.h"

#include <errno.h>

#define TEXT                                                                                                           \
	"checks:\n"                                                                                                    \
	"  hello: { type: tcp, send: \"PI\\x01NG\", expect: PONG, interval: 1500ms, rise: 2, fall: 3 }\n"              \
	"  plain: { type: tcp, port: 22 }\n"                                                                           \
	"services:\n"                                                                                                  \
	"  web:\n"                                                                                                     \
	"    listen: 203.0.113.1:80\n"                                                                                 \
	"    check: [hello, plain]\n"                                                                                  \
	"    backends:\n"                                                                                              \
	"      a: 10.1.0.1:80\n"                                                                                       \
	"      b: 10.1.0.2:80\n"                                                                                       \
	"  none:\n"                                                                                                    \
	"    listen: 203.0.113.1:81\n"                                                                                 \
	"    check: none\n"                                                                                            \
	"    backends:\n"                                                                                              \
	"      a: 10.1.0.1:80\n"

struct asked {
	uint32_t token, id;
};

static struct {
	struct world w;
	struct ctl_env env;
	struct asked asked[64];
	unsigned n_asked;
	int probe_rc;
	char changed[64]; /* the object of the last override */
} k;

static struct lb_time op_now(void *arg)
{
	(void)arg;
	return k.w.now;
}

static int64_t op_wall_ms(void *arg)
{
	(void)arg;
	return k.w.wall;
}

static void op_override_changed(void *arg, const char *object, enum override_kind kind, const struct override_who *who)
{
	(void)arg, (void)kind, (void)who;
	snprintf(k.changed, sizeof(k.changed), "%s", object);
	model_override_changed(k.w.m, object);
	world_settle(&k.w);
}

static int op_probe_run(void *arg, uint32_t token, uint32_t target_id)
{
	(void)arg;
	k.asked[k.n_asked++] = (struct asked){ token, target_id };
	return k.probe_rc;
}

static const struct ctl_ops ops = { .now = op_now,
	.wall_ms = op_wall_ms,
	.boot = op_now,
	.override_changed = op_override_changed,
	.overrides_stored = op_overrides_stored,
	.probe_run = op_probe_run };

static void setup(void)
{
	memset(&k, 0, sizeof(k));
	world_start(&k.w, TEXT);
	k.env = (struct ctl_env){
		.model = k.w.m, .overrides = k.w.ov, .history = history_new(16), .runs = ctl_runs_new(), .ops = &ops
	};
}

static void teardown(void)
{
	history_free((struct history *)(uintptr_t)k.env.history);
	ctl_runs_free(k.env.runs);
	world_end(&k.w);
}

static void ask(struct ctl_collect *c, const char *name, const char *args)
{
	command(&k.env, c, name, args);
}

static void expect_end(struct ctl_collect *c, enum lb_row_type type, int code, const char *message)
{
	ended(c, code, message);
	rows_fit(c, type);
}

/* As the daemon does when the worker speaks. */
static void hear(const char *object, uint32_t check, bool up, uint16_t n)
{
	struct check_state s = { .n = n, .judged = true, .up = up };
	s.last.code = up ? CHECK_CODE_L7OK : CHECK_CODE_L7RSP;
	s.last.latency_us = 1500;
	strcpy(s.last.text, up ? "seen" : "closed, no byte came");
	uint32_t id = target_id(&k.w, object, check);
	history_add((struct history *)(uintptr_t)k.env.history, k.w.m, id, &s, k.w.wall);
	model_health(k.w.m, id, &s, k.w.now, k.w.wall);
	world_settle(&k.w);
}

START_TEST(the_list_has_a_row_per_target)
{
	struct ctl_collect c;
	hear("web/a", 0, true, 4);
	hear("web/b", 0, false, 0);
	world_state(&k.w, "web/b", CONFIG_STATE_MAINT, 0);
	ask(&c, "check.list", "{}");
	expect_end(&c, LB_ROW_TARGET, 0, NULL);
	ck_assert_uint_eq(json_array_size(c.rows), 4);
	char text[1024] = "";
	for (size_t i = 0; i < 4; i++)
		sprintf(text + strlen(text), "%s %s %s %s %s %s\n", cell(&c, i, "check"), cell(&c, i, "target"),
			cell(&c, i, "state"), cell(&c, i, "code"), cell(&c, i, "counter"), cell(&c, i, "used_by"));
	ck_assert_str_eq(text, "\"hello\" \"10.1.0.1:80\" \"up\" \"L7OK\" \"rise 2/2\" [\"web/a\"]\n"
			       "\"plain\" \"10.1.0.1:22\" \"unchecked\" \"INI\" - [\"web/a\"]\n"
			       "\"hello\" \"10.1.0.2:80\" \"maint\" \"L7RSP\" \"fall 3/3\" [\"web/b\"]\n"
			       "\"plain\" \"10.1.0.2:22\" \"maint\" \"INI\" - [\"web/b\"]\n");
	ctl_collect_done(&c);
	ask(&c, "check.list", "{\"names\":true}");
	expect_end(&c, LB_ROW_TARGET, 0, NULL);
	ck_assert_str_eq(cell(&c, 0, "check"), "\"hello\"");
	ck_assert_str_eq(cell(&c, 1, "check"), "\"plain\"");
	ck_assert_str_eq(cell(&c, 2, "check"), "-");
	ctl_collect_done(&c);
}
END_TEST

START_TEST(a_check_shows_its_settings_and_targets)
{
	struct ctl_collect c;
	hear("web/a", 0, true, 4);
	ask(&c, "check.show", "{\"check\":\"hello\"}");
	expect_end(&c, LB_ROW_CHECK, 0, NULL);
	ck_assert_str_eq(cell(&c, 0, "settings"), "{\"expect\":\"PONG\",\"send\":\"PI\\\\x01NG\"}");
	ck_assert_str_eq(cell(&c, 0, "interval"), "1.5");
	ck_assert_str_eq(cell(&c, 0, "targets_all"), "2");
	ck_assert_str_eq(cell(&c, 0, "targets_up"), "1");
	const json_t *targets = json_object_get(json_array_get(c.rows, 0), "targets");
	ck_assert_uint_eq(json_array_size(targets), 2);
	struct lb_err e;
	ck_assert_int_eq(lb_row_check(LB_ROW_TARGET, json_array_get(targets, 1), &e), 0);
	ctl_collect_done(&c);
	ask(&c, "check.show", "{\"check\":\"helo\"}");
	expect_end(&c, LB_ROW_CHECK, LB_CODE_NOT_FOUND, "no check 'helo'; did you mean 'hello'?");
	ctl_collect_done(&c);
}
END_TEST

START_TEST(the_history_by_check_and_backend)
{
	static const struct {
		const char *what, *args;
		int code;
		size_t rows;
	} rows[] = {
		{ "all", "{}", 0, 3 },
		{ "the newest", "{\"last\":1}", 0, 1 },
		{ "a check", "{\"check\":\"plain\"}", 0, 1 },
		{ "a check without any", "{\"check\":\"hello\",\"last\":2}", 0, 2 },
		{ "a backend", "{\"backend\":\"web/b\"}", 0, 1 },
		{ "a backend without any", "{\"backend\":\"none/a\"}", 0, 0 },
		{ "no such check", "{\"check\":\"moon\"}", LB_CODE_NOT_FOUND, 0 },
		{ "no such backend", "{\"backend\":\"web/z\"}", LB_CODE_NOT_FOUND, 0 },
	};
	hear("web/a", 0, true, 4);
	hear("web/b", 0, true, 4);
	hear("web/a", 1, false, 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ctl_collect c;
		ask(&c, "check.history", rows[i].args);
		expect_end(&c, LB_ROW_TRANSITION, rows[i].code, NULL);
		ck_assert_msg(
			json_array_size(c.rows) == rows[i].rows, "%s: %zu", rows[i].what, json_array_size(c.rows));
		ctl_collect_done(&c);
	}
	struct ctl_collect c;
	ask(&c, "check.history", "{\"last\":1}");
	ck_assert_str_eq(cell(&c, 0, "reason"), "\"check_failed\"");
	ck_assert_str_eq(cell(&c, 0, "old"), "\"unchecked\"");
	ck_assert_str_eq(cell(&c, 0, "new"), "\"down\"");
	ck_assert_str_eq(cell(&c, 0, "backends"), "[\"web/a\"]");
	ctl_collect_done(&c);
}
END_TEST

static void answer_from(enum check_room room, unsigned i, enum check_code code)
{
	struct check_msg_ran ran = { k.asked[i].token, k.asked[i].id, { .code = code, .latency_us = 900 },
		{ .n = 1, .steps = { { 300, "connected" } } } };
	strcpy(ran.result.text, "text");
	ctl_run_result(k.env.runs, room, &ran);
}

static void answer(unsigned i, enum check_code code)
{
	answer_from(CHECK_ROOM_NET, i, code);
}

START_TEST(a_run_is_held_until_all_have_answered)
{
	struct ctl_collect c;
	ask(&c, "check.run", "{\"backend\":\"web/a\"}");
	ck_assert_uint_eq(k.n_asked, 2);
	ck_assert_uint_eq(k.asked[0].id, target_id(&k.w, "web/a", 0));
	ck_assert_uint_eq(k.asked[1].id, target_id(&k.w, "web/a", 1));
	ck_assert_uint_ne(k.asked[0].token, k.asked[1].token);
	answer(1, CHECK_CODE_L4CON);
	ck_assert_ptr_null(c.end);
	answer(1, CHECK_CODE_L4OK); /* a second word on the same is nobody's */
	ck_assert_ptr_null(c.end);
	answer(0, CHECK_CODE_L7OK);
	expect_end(&c, LB_ROW_RUN, LB_CODE_NO, "backend web/a: 1 of 2 checks did not pass");
	ck_assert_str_eq(cell(&c, 0, "result"), "\"failed\"");
	ck_assert_str_eq(cell(&c, 0, "check"), "\"plain\"");
	ck_assert_str_eq(cell(&c, 1, "result"), "\"passed\"");
	ck_assert_str_eq(cell(&c, 1, "steps"), "[{\"at\":0.00029999999999999997,\"text\":\"connected\"}]");
	answer(0, CHECK_CODE_L7OK); /* and after the end */
	ctl_collect_done(&c);
	k.n_asked = 0;
	ask(&c, "check.run", "{\"backend\":\"web/a\"}");
	answer(0, CHECK_CODE_L7OK);
	answer(1, CHECK_CODE_L4OK);
	expect_end(&c, LB_ROW_RUN, LB_CODE_OK, "backend web/a: all 2 checks passed");
	ctl_collect_done(&c);
}
END_TEST

START_TEST(a_fault_of_our_own_is_no_pass)
{
	struct ctl_collect c;
	ask(&c, "check.run", "{\"backend\":\"web/a\"}");
	answer(0, CHECK_CODE_SOCKERR);
	answer(1, CHECK_CODE_L4OK);
	expect_end(&c, LB_ROW_RUN, LB_CODE_NO, NULL);
	ck_assert_str_eq(cell(&c, 0, "result"), "\"error\"");
	ctl_collect_done(&c);
}
END_TEST

START_TEST(a_run_ends_with_its_client_its_worker_or_at_once)
{
	struct ctl_collect c, d;
	ask(&c, "check.run", "{\"backend\":\"web/a\"}");
	ctl_collect_done(&c); /* the client goes */
	answer(0, CHECK_CODE_L4OK);
	ask(&c, "check.run", "{\"backend\":\"web/a\"}");
	ask(&d, "check.run", "{\"backend\":\"web/b\"}");
	ctl_runs_lost(k.env.runs, CHECK_ROOM_NET, "the worker went");
	expect_end(&c, LB_ROW_RUN, LB_CODE_FAILED, "the worker went");
	expect_end(&d, LB_ROW_RUN, LB_CODE_FAILED, "the worker went");
	ctl_collect_done(&c);
	ctl_collect_done(&d);
	k.probe_rc = -ENOTCONN;
	ask(&c, "check.run", "{\"backend\":\"web/a\"}");
	expect_end(&c, LB_ROW_RUN, LB_CODE_FAILED, NULL);
	ctl_collect_done(&c);
	k.probe_rc = 0;
	ask(&c, "check.run", "{\"backend\":\"none/a\"}");
	expect_end(&c, LB_ROW_RUN, LB_CODE_REFUSED, "backend none/a has no check");
	ctl_collect_done(&c);
	world_state(&k.w, "web/a", CONFIG_STATE_MAINT, 0);
	ask(&c, "check.run", "{\"backend\":\"web/a\"}");
	expect_end(&c, LB_ROW_RUN, LB_CODE_REFUSED, NULL);
	ctl_collect_done(&c);
	ask(&c, "check.run", "{\"backend\":\"web/z\"}");
	expect_end(&c, LB_ROW_RUN, LB_CODE_NOT_FOUND, NULL);
	ctl_collect_done(&c);
}
END_TEST

/* Each kind of check is run in a process of its own: the end of one says nothing about what the other is asked. */
START_TEST(a_run_waits_only_for_the_processes_that_it_asks)
{
	struct ctl_collect net, script, both;
	world_start(&k.w, "checks: { smoke: { type: script, path: /usr/bin/true } }\n"
			  "services:\n"
			  "  web: { listen: 203.0.113.1:80, check: tcp, backends: { a: 10.1.0.1 } }\n"
			  "  app: { listen: 203.0.113.2:80, check: smoke, backends: { a: 10.1.0.1 } }\n"
			  "  two: { listen: 203.0.113.3:80, check: [smoke, tcp], backends: { a: 10.1.0.2 } }\n");
	k.env.model = k.w.m;
	ask(&net, "check.run", "{\"backend\":\"web/a\"}");
	ask(&script, "check.run", "{\"backend\":\"app/a\"}");
	ask(&both, "check.run", "{\"backend\":\"two/a\"}");
	ck_assert_uint_eq(k.n_asked, 4);
	answer_from(CHECK_ROOM_SCRIPT, 3, CHECK_CODE_L4OK); /* it was not asked */
	answer_from(CHECK_ROOM_SCRIPT, 2, CHECK_CODE_PROCOK);
	ctl_runs_lost(k.env.runs, CHECK_ROOM_SCRIPT, "the worker went");
	ck_assert_ptr_null(net.end);
	ck_assert_ptr_null(both.end); /* what is still to come is the other one's */
	expect_end(&script, LB_ROW_RUN, LB_CODE_FAILED, "the worker went");
	answer(0, CHECK_CODE_L4OK);
	expect_end(&net, LB_ROW_RUN, LB_CODE_OK, "backend web/a: its check passed");
	ctl_runs_lost(k.env.runs, CHECK_ROOM_NET, "the other worker went");
	expect_end(&both, LB_ROW_RUN, LB_CODE_FAILED, "the other worker went");
	ctl_collect_done(&net);
	ctl_collect_done(&script);
	ctl_collect_done(&both);
}
END_TEST

START_TEST(runs_are_bounded)
{
	struct ctl_collect c[9];
	for (unsigned i = 0; i < 9; i++)
		ask(&c[i], "check.run", "{\"backend\":\"web/a\"}");
	for (unsigned i = 0; i < 8; i++) /* two probes each */
		ck_assert_ptr_null(c[i].end);
	expect_end(&c[8], LB_ROW_RUN, LB_CODE_REFUSED, NULL);
	ck_assert_uint_eq(k.n_asked, CTL_RUN_PROBES_MAX);
	for (unsigned i = 0; i < 9; i++)
		ctl_collect_done(&c[i]);
}
END_TEST

START_TEST(force_sets_and_auto_removes)
{
	struct ctl_collect c;
	ask(&c, "backend.force", "{\"backend\":\"web/a\",\"force\":\"up\",\"for\":1800,\"reason\":\"check is wrong\"}");
	expect_end(&c, LB_ROW_BACKEND, 0, "backend web/a is forced up for 30m, whatever its checks say");
	ck_assert_str_eq(k.changed, "web/a");
	const struct override *ov = overrides_find(k.w.ov, "web/a");
	ck_assert(ov && ov->force_item.set && ov->force == OVERRIDE_FORCE_UP);
	ck_assert_str_eq(ov->force_item.by, "alice");
	ck_assert_str_eq(ov->force_item.reason, "check is wrong");
	ck_assert_int_eq(ov->force_item.expires_wall_ms, k.w.wall + 1800000);
	ctl_collect_done(&c);
	world_state(&k.w, "web/a", CONFIG_STATE_DRAIN, 0);
	ask(&c, "backend.force", "{\"backend\":\"web/a\",\"force\":\"down\"}");
	expect_end(
		&c, LB_ROW_BACKEND, 0, "backend web/a is forced down, whatever its checks say (it goes on draining)");
	ck_assert_int_eq(overrides_find(k.w.ov, "web/a")->force, OVERRIDE_FORCE_DOWN);
	ctl_collect_done(&c);
	ask(&c, "backend.force", "{\"backend\":\"web/a\",\"force\":\"auto\"}");
	expect_end(&c, LB_ROW_BACKEND, 0, "backend web/a: its checks decide again");
	ck_assert(!overrides_find(k.w.ov, "web/a")->force_item.set);
	ctl_collect_done(&c);
	ask(&c, "backend.force", "{\"backend\":\"web/z\",\"force\":\"up\"}");
	expect_end(&c, LB_ROW_BACKEND, LB_CODE_NOT_FOUND, NULL);
	ctl_collect_done(&c);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { the_list_has_a_row_per_target, a_check_shows_its_settings_and_targets,
		the_history_by_check_and_backend, a_run_is_held_until_all_have_answered, a_fault_of_our_own_is_no_pass,
		a_run_ends_with_its_client_its_worker_or_at_once, a_run_waits_only_for_the_processes_that_it_asks,
		runs_are_bounded, force_sets_and_auto_removes };
	Suite *s = suite_create("ctl_check");
	TCase *tc = tcase_create("all");
	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < COUNT(tests); i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
