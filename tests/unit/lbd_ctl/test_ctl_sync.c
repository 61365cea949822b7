/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands about copied flows answer and order. */
#include "lbd/ctl/ctl_sync.h"
#include "tests/unit/lbd_ctl/commands.h"
#include "tests/unit/lbd_model/cluster.h"

#include <errno.h>

#define WEB    "services: { web: { listen: 203.0.113.10:80, backends: { a: 10.1.0.1 } } }\n"
#define PAIR   "cluster: { id: 1, key_file: /k, nodes: { lb-a: 10.0.0.1, lb-b: 10.0.0.2 } }\n" WEB
#define NO_KEY "cluster: { id: 1, nodes: { lb-a: 10.0.0.1, lb-b: 10.0.0.2 } }\n" WEB

static struct {
	struct world w;
	struct model_sync s;
	struct ctl_env env;
	int do_rc;
	char did[100]; /* "pause ipvs conntrack" */
	struct ctl_collect c;
	bool asked;
} k;

static struct lb_time op_now(void *arg)
{
	(void)arg;
	return k.w.now;
}

static int op_sync_do(void *arg, const struct sync_msg_do *what)
{
	(void)arg;
	size_t n = (size_t)snprintf(k.did, sizeof(k.did), "%s", sync_dos[what->what]);
	for (unsigned i = 0; i < SYNC_KIND_COUNT; i++)
		if (what->kinds[i])
			n += (size_t)snprintf(k.did + n, sizeof(k.did) - n, " %s", sync_kinds[i]);
	return k.do_rc;
}

static const struct ctl_ops ops = { .now = op_now, .asked = op_asked_for, .sync_do = op_sync_do, .wait = op_wait };

static void setup(const char *text)
{
	struct lb_err e = { 0 };
	struct sync_conf conf;
	memset(&k, 0, sizeof(k));
	key_text = KEY;
	world_start(&k.w, text);
	ck_assert_int_eq(model_sync_conf(k.w.m->config, read_key, NULL, &conf, &e), 0); /* as the first node, lb-a */
	(void)model_sync_take(&k.s, k.w.m->config, &conf, 1, k.w.now);
	k.env = (struct ctl_env){ .model = k.w.m, .overrides = k.w.ov, .sync = &k.s, .ops = &ops };
}

static void collect_done(void)
{
	if (k.asked)
		ctl_collect_done(&k.c);
	k.asked = false;
	k.did[0] = '\0';
}

static void teardown(void)
{
	collect_done();
	model_sync_done(&k.s);
	world_end(&k.w);
}

static void ask(const char *name, const char *args)
{
	collect_done();
	command(&k.env, &k.c, name, args);
	k.asked = true;
}

static void expect_end(int code, const char *message)
{
	ended(&k.c, code, message);
	rows_fit(&k.c, LB_ROW_SYNC);
}

static const char *rows_text(void)
{
	return text_of(json_incref(k.c.rows));
}

static const char *role(void)
{
	return text_of(ctl_sync_role(&k.env));
}

static const char *alarms(void)
{
	json_t *list = json_array();
	ctl_sync_alarms(&k.env, list);
	return text_of(list);
}

static const char *findings(void)
{
	json_t *list = json_array();
	ctl_sync_findings(&k.env, list);
	return text_of(list);
}

static void settle(void)
{
	struct model_line line;
	while (model_sync_next(&k.s, k.w.now, &line))
		;
}

static void state(enum sync_link_is is, const char *reason, const char *text, const char *trouble)
{
	const bool stopped = is == SYNC_IS_PAUSED;
	struct sync_msg_state m = {
		.is = is, .same_config = is == SYNC_IS_SYNC, .order = k.s.orders, .stopped = { stopped, stopped }
	};
	snprintf(m.reason, sizeof(m.reason), "%s", reason);
	snprintf(m.text, sizeof(m.text), "%s", text);
	snprintf(m.trouble, sizeof(m.trouble), "%s", trouble);
	snprintf(m.version, sizeof(m.version), "%s", is == SYNC_IS_SYNC || is == SYNC_IS_BULK ? "1" : "");
	model_sync_said_state(&k.s, &m, k.w.now, WALL);
	settle();
}

static void stats(enum sync_kind kind, uint32_t lag_ms)
{
	struct sync_msg_stats m = { .kind = kind,
		.local = 1,
		.peer = 2,
		.sent = 3,
		.received = 4,
		.injected = 5,
		.refused = 6,
		.lost = 7,
		.unsure = 10,
		.resyncs = 8,
		.bulk_done = 1000,
		.bulk_all = 9000,
		.sent_done = 200,
		.sent_all = 1000,
		.lag_ms = lag_ms,
		.full = 9 };
	model_sync_said_stats(&k.s, &m);
	settle();
}

#define COUNTERS "\"local_flows\":1,\"peer_flows\":2,\"sent\":3,\"received\":4,\"injected\":5,\"refused\":6,\"lost\":7,"
#define SINCE    "\"peer\":\"lb-b\",\"since\":\"2023-11-14T22:13:20.000Z\""

START_TEST(a_row_says_it_all)
{
	setup(PAIR);
	state(SYNC_IS_SYNC, "", "", "");
	stats(SYNC_IPVS, 125);
	ask("sync.status", "{}");
	expect_end(0, "in sync with lb-b");
	ck_assert_str_eq(rows_text(),
		"[{\"kind\":\"ipvs\",\"state\":\"in-sync\",\"lag\":0.125," COUNTERS
		"\"unsure\":10,\"resyncs\":8,\"full\":9," SINCE ",\"configuration\":\"same\",\"version\":\"1\"}]");
	state(SYNC_IS_BULK, "", "", "");
	stats(SYNC_CONNTRACK, 0);
	ask("sync.status", "{}");
	expect_end(0, "copying all flows with lb-b, 2400 of 20000");
	ck_assert_uint_eq(json_array_size(k.c.rows), 2);
	ck_assert_ptr_nonnull(strstr(rows_text(), "\"bulk\":\"1200 of 10000\""));
	ck_assert_ptr_nonnull(strstr(rows_text(), "\"configuration\":\"differs\""));
	ck_assert_ptr_nonnull(strstr(rows_text(), "{\"kind\":\"conntrack\",\"state\":\"bulk\",\"lag\":0,"));
	ck_assert_ptr_null(strstr(strstr(rows_text(), "conntrack"), "unsure"));
	teardown();
}
END_TEST

START_TEST(before_there_are_figures)
{
	setup(PAIR);
	ask("sync.status", "{}");
	expect_end(0, "the process that copies flows has not spoken yet; try again in a moment");
	ck_assert_str_eq(rows_text(), "[{\"kind\":\"ipvs\",\"state\":\"unknown\",\"peer\":\"lb-b\"}]");
	state(SYNC_IS_BULK, "", "", "");
	ask("sync.status", "{}");
	expect_end(0, "copying all flows with lb-b");
	ck_assert_ptr_null(strstr(rows_text(), "bulk\":\"0"));
	teardown();
}
END_TEST

START_TEST(what_is_wrong_and_what_to_do)
{
	static const struct {
		const char *what;
		enum sync_link_is is;
		const char *reason, *text, *trouble, *message;
	} rows[] = {
		{ "another key", SYNC_IS_DOWN, "key_mismatch", "lb-b has another key", "",
			"no link to lb-b: lb-b has another key; copy the file cluster.key_file names from one node to "
			"the other, then lbctl daemon reload" },
		{ "refused", SYNC_IS_DOWN, "refused", "", "",
			"no link to lb-b: refused; is lbd running there, with this cluster? lbctl peer status" },
		{ "silent", SYNC_IS_DOWN, "silent", "nothing for 3 s", "",
			"no link to lb-b: nothing for 3 s; is it up, and cluster.port open between the nodes? lbctl "
			"peer status" },
		{ "another version", SYNC_IS_DOWN, "version", "it speaks 2", "",
			"no link to lb-b: it speaks 2; the nodes run versions of lbd that do not know each other: "
			"upgrade the older one" },
		{ "something of later", SYNC_IS_DOWN, "weather", "it rains", "", "no link to lb-b: it rains" },
		{ "nothing known", SYNC_IS_DOWN, "", "", "", "no link to lb-b" },
		{ "paused", SYNC_IS_PAUSED, "", "", "",
			"paused by an operator on lb-a: `lbctl sync resume` on lb-a goes on" },
		{ "off", SYNC_IS_OFF, "", "", "", "there is nothing to copy" },
		{ "a kernel that does not", SYNC_IS_SYNC, "", "", "no such module: modprobe ip_vs",
			"in sync with lb-b; no such module: modprobe ip_vs" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		setup(PAIR);
		state(rows[i].is, rows[i].reason, rows[i].text, rows[i].trouble);
		ask("sync.status", "{}");
		expect_end(0, rows[i].message);
		json_t *row = json_array_get(k.c.rows, 0);
		const char *reason = lb_proto_str(row, "reason"), *trouble = lb_proto_str(row, "trouble");
		const char *help = lb_proto_str(row, "help");
		ck_assert_msg(strcmp(reason ? reason : "", rows[i].reason) == 0, "%s", rows[i].what);
		ck_assert_msg(strcmp(trouble ? trouble : "", rows[i].trouble) == 0, "%s", rows[i].what);
		ck_assert_msg(!help || strstr(rows[i].message, help), "%s", rows[i].what);
		ck_assert_msg(
			!json_object_get(row, "configuration") == (rows[i].is != SYNC_IS_SYNC), "%s", rows[i].what);
		teardown();
	}
}
END_TEST

/* What was last said does not stand beside a state of which it is not true. */
START_TEST(a_reason_goes_with_the_link)
{
	setup(PAIR);
	state(SYNC_IS_SYNC, "silent", "nothing for 3 s", "");
	ask("sync.status", "{}");
	expect_end(0, "in sync with lb-b");
	ck_assert(!strstr(rows_text(), "reason") && !strstr(rows_text(), "help"));
	ck_assert_str_eq(role(), "{\"state\":\"in-sync\",\"peer\":\"lb-b\"}");
	stats(SYNC_IPVS, 5000);
	state(SYNC_IS_PAUSED, "", "", "");
	ask("sync.status", "{}");
	ck_assert_ptr_null(strstr(rows_text(), "lag")); /* of a pause it says nothing */
	model_sync_said_state(&k.s,
		&(struct sync_msg_state){ .is = SYNC_IS_PAUSED, .stopped = { [SYNC_CONNTRACK] = true } }, k.w.now,
		WALL);
	ask("sync.status", "{}");
	ck_assert_ptr_nonnull(strstr(rows_text(), "lag")); /* of that of the other kind */
	teardown();
}
END_TEST

static const struct {
	const char *what, *text, *message;
} nots[] = {
	{ "one node", WEB, "flows are not copied: there is no other node: see cluster in lbd.yaml" },
	{ "no key", NO_KEY,
		"flows are not copied: cluster.key_file is missing: on both nodes the same file, openssl rand -hex "
		"32" },
	{ "three nodes",
		"cluster: { id: 1, key_file: /k, nodes: { lb-a: 10.0.0.1, lb-b: 10.0.0.2, lb-c: 10.0.0.3 } }\n" WEB,
		"flows are not copied: that is between two nodes only, and cluster.nodes has more" },
	{ "off", "defaults: { service: { sync: off } }\n" PAIR, "flows are not copied: sync is off in all services" },
	{ "no service", "cluster: { id: 1, key_file: /k, nodes: { lb-a: 10.0.0.1, lb-b: 10.0.0.2 } }\n",
		"flows are not copied: there is no service" },
};

START_TEST(why_flows_are_not_copied)
{
	static const char *const orders[] = { "sync.resync", "sync.pause", "sync.resume" };
	setup(nots[_i].text);
	ask("sync.status", "{}");
	expect_end(0, nots[_i].message);
	ck_assert_uint_eq(json_array_size(k.c.rows), 0);
	for (size_t i = 0; i < COUNT(orders); i++) {
		ask(orders[i], "{}");
		expect_end(LB_CODE_REFUSED, nots[_i].message);
		ck_assert_str_eq(k.did, "");
	}
	ask("wait", "{\"object\":\"sync\",\"condition\":\"in-sync\"}");
	expect_end(LB_CODE_NOT_FOUND, nots[_i].message);
	ck_assert_str_eq(role(), "");
	ck_assert_str_eq(alarms(), "[]");
	k.env.sync = NULL; /* nobody has made one yet */
	ask("sync.status", "{}");
	expect_end(0, nots[_i].message);
	ck_assert_str_eq(role(), "");
	teardown();
}
END_TEST

START_TEST(orders)
{
	static const struct {
		const char *command, *args, *did, *message;
	} rows[] = {
		{ "sync.resync", "{}", "resync ipvs conntrack",
			"flows are all copied anew with lb-b; lbctl sync status says how far it is" },
		{ "sync.resync", "{\"kind\":\"ipvs\"}", "resync ipvs",
			"ipvs flows are all copied anew with lb-b; lbctl sync status says how far it is" },
		{ "sync.pause", "{}", "pause ipvs conntrack",
			"flows are not copied with lb-b until `lbctl sync resume` on lb-a" },
		{ "sync.pause", "{\"kind\":\"conntrack\"}", "pause conntrack",
			"conntrack flows are not copied with lb-b until `lbctl sync resume` on lb-a" },
		{ "sync.resume", "{}", "resume ipvs conntrack", "flows are copied again with lb-b" },
	};
	setup(PAIR);
	for (size_t i = 0; i < COUNT(rows); i++) {
		ask(rows[i].command, rows[i].args);
		expect_end(0, rows[i].message);
		ck_assert_str_eq(k.did, rows[i].did);
	}
	k.do_rc = -ENOTCONN;
	ask("sync.pause", "{}");
	expect_end(LB_CODE_FAILED, "the process that copies flows is not there now; try again in a moment");
	teardown();
}
END_TEST

static const struct {
	const char *what;
	bool paused, held;
	int code;
	const char *did, *status, *message;
} pauses[] = {
	{ "here", true, false, 0, "resume ipvs conntrack",
		"paused by an operator on lb-a: `lbctl sync resume` on lb-a goes on",
		"flows are copied again with lb-b" },
	{ "there", false, true, LB_CODE_REFUSED, "",
		"paused by an operator on lb-b: `lbctl sync resume` on lb-b goes on",
		"paused by an operator on lb-b: `lbctl sync resume` on lb-b goes on" },
	{ "on both", true, true, 0, "resume ipvs conntrack",
		"paused by an operator on lb-a and on lb-b: `lbctl sync resume` on both goes on",
		"flows are copied again with lb-b as soon as lb-b goes on: `lbctl sync resume` on lb-b" },
};

START_TEST(a_pause_is_over_where_it_began)
{
	setup(PAIR);
	struct sync_msg_state m = { .is = SYNC_IS_PAUSED, .held = pauses[_i].held };
	k.s.conf.paused[SYNC_IPVS] = pauses[_i].paused;
	model_sync_said_state(&k.s, &m, k.w.now, WALL);
	ask("sync.status", "{}");
	expect_end(0, pauses[_i].status);
	ask("sync.resume", "{}");
	expect_end(pauses[_i].code, pauses[_i].message);
	ck_assert_str_eq(k.did, pauses[_i].did);
	teardown();
}
END_TEST

/* What the process says last is from before the order. */
START_TEST(a_pause_is_over_before_it_was_heard_of)
{
	setup(PAIR);
	for (int of_one = 0; of_one < 2; of_one++) {
		struct sync_msg_state m = { .is = SYNC_IS_PAUSED, .held = true };
		model_sync_said_state(&k.s, &m, k.w.now, WALL);
		model_sync_did(&k.s, &(struct sync_msg_do){ SYNC_DO_PAUSE, { !of_one, true }, 1 });
		ask("sync.resume", "{}");
		expect_end(0, "flows are copied again with lb-b as soon as lb-b goes on: `lbctl sync resume` on lb-b");
		ck_assert_str_eq(k.did, "resume ipvs conntrack");
		model_sync_did(&k.s, &(struct sync_msg_do){ SYNC_DO_RESUME, { true, true }, 2 });
	}
	ask("sync.resume", "{}");
	expect_end(LB_CODE_REFUSED, "paused by an operator on lb-b: `lbctl sync resume` on lb-b goes on");
	teardown();
}
END_TEST

START_TEST(status_has_a_line_and_alarms)
{
	setup(PAIR);
	ck_assert_str_eq(role(), "{\"state\":\"unknown\",\"peer\":\"lb-b\"}");
	state(SYNC_IS_BULK, "", "", "");
	stats(SYNC_IPVS, 100);
	ck_assert_str_eq(role(), "{\"state\":\"bulk\",\"peer\":\"lb-b\",\"lag\":0.1,\"done\":1200,\"all\":10000}");
	state(SYNC_IS_SYNC, "", "", "no module");
	ck_assert_str_eq(role(), "{\"state\":\"in-sync\",\"peer\":\"lb-b\",\"lag\":0.1}");
	ck_assert_str_eq(findings(), "[{\"object\":\"sync\",\"text\":\"no module\"}]");
	ck_assert_str_eq(alarms(), "[]");
	stats(SYNC_IPVS, 6250);
	k.w.now = lb_time_add_ms(k.w.now, MODEL_SYNC_LAGGING_MS);
	settle();
	ck_assert_str_eq(alarms(), "[\"sync_lagging: peer/lb-b is 6.2 s behind\"]");
	ask("sync.status", "{}");
	ck_assert_ptr_nonnull(strstr(rows_text(), "\"alarms\":[\"sync_lagging\"]"));
	state(SYNC_IS_DOWN, "key_mismatch", "", "");
	ck_assert_str_eq(alarms(), "[\"sync_lagging: peer/lb-b is 6.2 s behind\",\"sync_key_mismatch: peer/lb-b\"]");
	ck_assert_str_eq(role(), "{\"state\":\"down\",\"peer\":\"lb-b\",\"lag\":6.25,\"reason\":\"key_mismatch\"}");
	ck_assert_str_eq(findings(), "[]");
	ask("sync.status", "{}");
	ck_assert_ptr_nonnull(strstr(rows_text(), "\"alarms\":[\"sync_lagging\",\"sync_key_mismatch\"]"));
	state(SYNC_IS_SYNC, "", "", "");
	stats(SYNC_IPVS, 0);
	const struct sync_msg_stats full = { .kind = SYNC_CONNTRACK, .kernel_full = true };
	model_sync_said_stats(&k.s, &full);
	settle();
	ck_assert_str_eq(alarms(), "[\"conntrack_full: net.netfilter.nf_conntrack_max is reached\"]");
	ask("sync.status", "{}");
	ck_assert_ptr_nonnull(strstr(rows_text(), "\"alarms\":[\"conntrack_full\"]"));
	teardown();
}
END_TEST

START_TEST(it_can_be_waited_for)
{
	setup(PAIR);
	ask("wait", "{\"object\":\"sync\",\"condition\":\"in-sync\"}");
	expect_end(0, "");
	ck_assert_int_eq(waiting.cond(waiting.state), 0);
	state(SYNC_IS_BULK, "", "", "");
	ck_assert_int_eq(waiting.cond(waiting.state), 0);
	state(SYNC_IS_SYNC, "", "", "");
	ck_assert_int_eq(waiting.cond(waiting.state), 1);
	const struct sync_msg_do resync = { SYNC_DO_RESYNC, { true, true }, k.s.orders + 1 };
	model_sync_did(&k.s, &resync);
	ck_assert_int_eq(waiting.cond(waiting.state), 0); /* that was before */
	const struct sync_msg_state before = { .is = SYNC_IS_SYNC, .order = resync.number - 1 };
	model_sync_said_state(&k.s, &before, k.w.now, WALL);
	ck_assert_int_eq(waiting.cond(waiting.state), 0); /* so was that: it was on its way */
	state(SYNC_IS_SYNC, "", "", "");
	ck_assert_int_eq(waiting.cond(waiting.state), 1);
	state(SYNC_IS_PAUSED, "", "", "");
	ck_assert_int_eq(waiting.cond(waiting.state), 0);
	k.s.conf.n_paths = 0; /* it left the configuration */
	ck_assert_int_eq(waiting.cond(waiting.state), -1);
	waiting.free(waiting.state);
	teardown();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_sync");
	TCase *tc = tcase_create("ctl_sync");
	suite_add_tcase(s, tc);
	tcase_add_test(tc, a_row_says_it_all);
	tcase_add_test(tc, before_there_are_figures);
	tcase_add_test(tc, what_is_wrong_and_what_to_do);
	tcase_add_test(tc, a_reason_goes_with_the_link);
	tcase_add_loop_test(tc, why_flows_are_not_copied, 0, COUNT(nots));
	tcase_add_test(tc, orders);
	tcase_add_loop_test(tc, a_pause_is_over_where_it_began, 0, COUNT(pauses));
	tcase_add_test(tc, a_pause_is_over_before_it_was_heard_of);
	tcase_add_test(tc, status_has_a_line_and_alarms);
	tcase_add_test(tc, it_can_be_waited_for);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
