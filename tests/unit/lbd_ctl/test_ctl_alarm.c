/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_alarm.h"

#include "common/events.h"
#include "lbd/model_error.h"
#include "tests/unit/lbd_ctl/node.h"

#include <errno.h>
#include <stdarg.h>

static json_t *told;

static void setup(void)
{
	told = json_object();
}

static void teardown(void)
{
	json_decref(told);
}

static json_t *list_of(const char *first, ...)
{
	va_list ap;
	json_t *list = json_array();
	va_start(ap, first);
	for (const char *s = first; s; s = va_arg(ap, const char *))
		json_array_append_new(list, json_string(s));
	va_end(ap);
	return list;
}

/* What is told when this is raised, lines with '+' or '-' and the name in front. */
#define NEWS(...) news(list_of(__VA_ARGS__, NULL))
static const char *news(json_t *raised)
{
	static char out[2000];
	struct ctl_alarm_news n;
	size_t at = 0;
	out[0] = '\0';
	while (ctl_alarm_next(told, raised, &n))
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%c%s %s\n", n.on ? '+' : '-', n.name, n.line);
	json_decref(raised);
	return out;
}

START_TEST(what_nobody_tells_of_is_told)
{
	ck_assert_str_eq(NEWS("kernel_refused: this kernel has no IPVS (modprobe ip_vs)", "state_not_saved"),
		"+kernel_refused alarm/kernel_refused: raised (this kernel has no IPVS (modprobe ip_vs))\n"
		"+state_not_saved alarm/state_not_saved: raised\n");
	/* it is about something else now */
	ck_assert_str_eq(NEWS("kernel_refused", "state_not_saved"), "");
	ck_assert_str_eq(NEWS("state_not_saved"), "-kernel_refused alarm/kernel_refused: is over\n");
	ck_assert_str_eq(NEWS(NULL), "-state_not_saved alarm/state_not_saved: is over\n");
	ck_assert_str_eq(NEWS(NULL), "");
}
END_TEST

START_TEST(each_process_and_each_node_has_its_own)
{
	static const char probe[] = "worker_down: worker/probe does not become ready";
	static const char vrrp[] = "worker_down: worker/vrrp cannot be started: Too many open files; no adverts";
	ck_assert_str_eq(NEWS(probe), "+worker_down worker/probe: alarm worker_down raised (does not become ready)\n");
	ck_assert_str_eq(NEWS(probe, vrrp), "+worker_down worker/vrrp: alarm worker_down raised (cannot be started: "
					    "Too many open files; no adverts)\n");
	ck_assert_str_eq(NEWS("worker_down: worker/probe cannot be started: Too many open files", vrrp), "");
	ck_assert_str_eq(NEWS(vrrp), "-worker_down worker/probe: alarm worker_down is over\n");
	ck_assert_str_eq(NEWS("peer_down: peer/lb-b", "peer_down: peer/lb-bb"),
		"-worker_down worker/vrrp: alarm worker_down is over\n"
		"+peer_down peer/lb-b: alarm peer_down raised\n"
		"+peer_down peer/lb-bb: alarm peer_down raised\n");
	ck_assert_str_eq(NEWS("peer_down: peer/lb-bb"), "-peer_down peer/lb-b: alarm peer_down is over\n");
	ck_assert_str_eq(NEWS("two_masters: vrrp/wan (by 10.0.0.2)"),
		"-peer_down peer/lb-bb: alarm peer_down is over\n"
		"+two_masters vrrp/wan: alarm two_masters raised (by 10.0.0.2)\n");
}
END_TEST

START_TEST(what_was_told_is_not_told_again)
{
	ck_assert_int_eq(ctl_alarm_told(told, "two_masters", "vrrp/wan", true), 0);
	ck_assert_int_eq(ctl_alarm_told(told, "sync_lagging", "sync", true), 0);
	ck_assert_int_eq(ctl_alarm_told(told, "config_differs", "peer/lb-b", true), 0);
	ck_assert_str_eq(NEWS("two_masters: vrrp/wan (by 10.0.0.2)", "sync_lagging: peer/lb-b is 6.2 s behind",
				 "config_differs: peer/lb-b"),
		"");
	ck_assert_int_eq(ctl_alarm_told(told, "two_masters", "vrrp/wan", false), 0);
	ck_assert_int_eq(ctl_alarm_told(told, "sync_lagging", "sync", false), 0);
	ck_assert_int_eq(ctl_alarm_told(told, "config_differs", "peer/lb-b", false), 0);
	ck_assert_int_eq(ctl_alarm_told(told, "config_differs", "peer/lb-b", false), 0);
	ck_assert_str_eq(NEWS(NULL), "");
}
END_TEST

START_TEST(what_leaves_without_a_word_is_over)
{
	ctl_alarm_told(told, "two_masters", "vrrp/wan", true);
	ctl_alarm_told(told, "two_masters", "vrrp/wan4", true);
	ctl_alarm_told(told, "auth_failed", "vrrp/wan", true);
	ctl_alarm_told(told, "sync_lagging", "sync", true);
	ctl_alarm_told(told, "config_differs", "peer/lb-b", true);
	/* an instance left the configuration: its alarms, and of nobody else's */
	ck_assert_str_eq(
		NEWS("two_masters: vrrp/wan4", "sync_lagging: peer/lb-b is 6.2 s behind", "config_differs: peer/lb-b"),
		"-two_masters vrrp/wan: alarm two_masters is over\n"
		"-auth_failed vrrp/wan: alarm auth_failed is over\n");
	/* the processes ended */
	ck_assert_str_eq(NEWS(NULL), "-two_masters vrrp/wan4: alarm two_masters is over\n"
				     "-sync_lagging sync: alarm sync_lagging is over\n"
				     "-config_differs peer/lb-b: alarm config_differs is over\n");
}
END_TEST

static const char *raised(int64_t ms)
{
	static char out[600];
	k.w.now = lb_time_add_ms(k.sync.down_since, ms);
	json_t *list = ctl_alarms(&k.env);
	char *text = json_dumps(list, JSON_COMPACT);
	snprintf(out, sizeof(out), "%s", text);
	free(text);
	json_decref(list);
	return out;
}

START_TEST(a_process_that_stays_away_is_one)
{
	node_start("services: {}\n");
	k.sync = (struct ctl_worker_info){
		.name = "sync", .down_since = k.w.now, .refused = -EAGAIN, .without = "flows are not copied"
	};
	ck_assert_str_eq(raised(9999), "[]");
	ck_assert_str_eq(raised(10000),
		"[\"worker_down: worker/sync cannot be started: Resource temporarily unavailable; "
		"flows are not copied\"]");
	k.sync.refused = 0;
	k.sync.without = NULL;
	ck_assert_str_eq(raised(60000), "[\"worker_down: worker/sync does not become ready\"]");
	k.sync.down_since = (struct lb_time){ 0 };
	ck_assert_str_eq(raised(INT64_C(1000000000)), "[]");
	node_end();
}
END_TEST

/* One for all that it lacks, so it is not raised again when that becomes more or less. */
START_TEST(what_the_host_lacks_is_one)
{
	static const char first[] =
		"net.ipv4.ip_forward is 0: nothing passes; to mend: sysctl -w net.ipv4.ip_forward=1";
	node_start("services: {}\n");
	k.env.host_note = "";
	ck_assert_str_eq(raised(0), "[]");
	k.env.host_note = first;
	json_t *list = ctl_alarms(&k.env);
	ck_assert_str_eq(news(list),
		"+host_not_ready alarm/host_not_ready: raised (net.ipv4.ip_forward is 0: nothing passes; "
		"to mend: sysctl -w net.ipv4.ip_forward=1)\n");
	k.env.host_note = "vrrp/wan and others";
	ck_assert_str_eq(news(ctl_alarms(&k.env)), "");
	k.env.host_note = NULL;
	ck_assert_str_eq(news(ctl_alarms(&k.env)), "-host_not_ready alarm/host_not_ready: is over\n");
	node_end();
}
END_TEST

static const char *alarms(void)
{
	return raised(0);
}

START_TEST(a_service_that_nobody_serves_is_one)
{
	node_start("services:\n"
		   "  web: { listen: 203.0.113.1:80, backends: { a: 10.1.0.1 } }\n"
		   "  dns: { listen: 203.0.113.2:53, sorry: 10.9.0.1:53, backends: { a: 10.1.0.2 } }\n");
	ck_assert_str_eq(alarms(), "[]");
	world_health(&k.w, "dns/a", 0, false);
	reconcile();
	ck_assert_str_eq(alarms(), "[\"quorum_lost: service/dns is sorry\"]");
	world_health(&k.w, "web/a", 0, false);
	reconcile();
	ck_assert_str_eq(alarms(), "[\"quorum_lost: service/dns is sorry, and 1 more\"]");
	world_health(&k.w, "dns/a", 0, true);
	reconcile();
	ck_assert_str_eq(alarms(), "[\"quorum_lost: service/web is down\"]");
	world_health(&k.w, "web/a", 0, true);
	reconcile();
	ck_assert_str_eq(alarms(), "[]");
	node_end();
	/* one alarm, whatever it is about */
	ck_assert_str_eq(NEWS("quorum_lost: service/dns is sorry, and 1 more"),
		"+quorum_lost alarm/quorum_lost: raised (service/dns is sorry, and 1 more)\n");
	ck_assert_str_eq(NEWS("quorum_lost: service/web is down"), "");
	ck_assert_str_eq(NEWS(NULL), "-quorum_lost alarm/quorum_lost: is over\n");
}
END_TEST

START_TEST(a_name_is_not_its_beginning)
{
	ck_assert(lb_alarm_is("peer_down", "peer_down") && lb_alarm_is("peer_down: peer/b", "peer_down"));
	ck_assert(!lb_alarm_is("peer_down: peer/b", "peer") && !lb_alarm_is("peer", "peer_down"));
}
END_TEST

/* What a probe of a backend ended in, or of a check that VRRP tracks where there is no such backend. */
static void says(const char *object, enum check_code code, const char *text)
{
	struct check_state st = { .n = 4, .judged = true, .up = true, .last = { .code = code } };
	snprintf(st.last.text, sizeof(st.last.text), "%s", text);
	ck_assert(model_health(k.w.m, target_id(&k.w, object, 0), &st, k.w.now, k.w.wall));
}

static const char *raised_now(void)
{
	return raised(lb_time_diff_us(k.w.now, k.sync.down_since) / 1000);
}

START_TEST(checks_that_say_nothing_are_one)
{
	static const char a_alone[] = "[\"check_not_run: 1 backend, first web/a; check ping: SOCKERR, not allowed\"]";
	node_start(
		"checks: { ping: { type: icmp, interval: 2s, timeout: 1s } }\n"
		"services: { web: { listen: 203.0.113.1:80, check: ping, backends: { a: 10.1.0.1, b: 10.1.0.2 } } }\n");
	says("web/a", CHECK_CODE_SOCKERR, "not allowed");
	world_wait(&k.w, MODEL_ERROR_MS - 1);
	says("web/b", CHECK_CODE_SOCKERR, "");
	ck_assert_str_eq(raised_now(), "[]");
	world_wait(&k.w, 1);
	ck_assert_str_eq(raised_now(), a_alone);
	ck_assert_str_eq(NEWS(a_alone + 2), "+check_not_run alarm/check_not_run: raised (1 backend, first web/a; check "
					    "ping: SOCKERR, not allowed\"])\n");
	world_wait(&k.w, MODEL_ERROR_MS);
	ck_assert_str_eq(
		raised_now(), "[\"check_not_run: 2 backends, first web/a; check ping: SOCKERR, not allowed\"]");
	ck_assert_str_eq(NEWS("check_not_run: 2 backends, first web/a; check ping: SOCKERR, not allowed"), "");
	says("web/a", CHECK_CODE_L3TOUT, "no echo reply");
	ck_assert_str_eq(raised_now(),
		"[\"check_not_run: 1 backend, first web/b; check ping: SOCKERR, our own fault: it "
		"never counts against a backend\"]");
	k.env.checks_from = LB_TIME_NEVER; /* they pause */
	ck_assert_str_eq(raised_now(), "[]");
	k.env.checks_from = k.w.now; /* and go on */
	ck_assert_str_eq(raised_now(), "[]");
	says("web/b", CHECK_CODE_L3OK, "echo reply");
	k.env.checks_from.us = 0;
	ck_assert_str_eq(raised_now(), "[]");
	ck_assert_str_eq(NEWS(NULL), "-check_not_run alarm/check_not_run: is over\n");
	node_end();
}
END_TEST

START_TEST(a_check_that_only_vrrp_asks_for_is_one)
{
	node_start(
		"checks: { gw: { type: icmp, address: 10.1.0.254 } }\n"
		"vrrp: { wan: { interface: eth0, vrid: 1, addresses: [203.0.113.1/24], track: [{ check: gw }] } }\n");
	const struct check_state fault = { .last = { .code = CHECK_CODE_SOCKERR, .text = "not allowed" } };
	ck_assert(model_health(k.w.m, k.w.m->targets[0].id, &fault, k.w.now, k.w.wall));
	world_wait(&k.w, MODEL_ERROR_MS);
	ck_assert_str_eq(
		raised_now(), "[\"check_not_run: 0 backends; check gw, which VRRP tracks: SOCKERR, not allowed\"]");
	node_end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_alarm");
	TCase *tc = tcase_create("told");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_nobody_tells_of_is_told);
	tcase_add_test(tc, each_process_and_each_node_has_its_own);
	tcase_add_test(tc, what_was_told_is_not_told_again);
	tcase_add_test(tc, what_leaves_without_a_word_is_over);
	tcase_add_test(tc, a_process_that_stays_away_is_one);
	tcase_add_test(tc, what_the_host_lacks_is_one);
	tcase_add_test(tc, checks_that_say_nothing_are_one);
	tcase_add_test(tc, a_check_that_only_vrrp_asks_for_is_one);
	tcase_add_test(tc, a_service_that_nobody_serves_is_one);
	tcase_add_test(tc, a_name_is_not_its_beginning);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
