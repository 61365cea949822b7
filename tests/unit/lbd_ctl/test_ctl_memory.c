/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every command while memory runs out: the n-th allocation fails, alone or with all after it, for every n. An answer
 * has one end; one that ends well has all its rows, and what it says of a change is true; nothing stays behind.
 */
#include "lbd/ctl/ctl_conn.h"
#include "lbd/ctl/ctl_run.h"
#include "lbd/ctl/ctl_talk.h"
#include "lbd/ctl/ctl_watch.h"
#include "tests/unit/lbd_ctl/node.h"
#include "tests/unit/memory.h"

#define TEXT                                                                                                           \
	"cluster: { id: 1, key_file: /k, nodes: { lb-a: [10.0.0.1, 10.0.1.1], lb-b: [10.0.0.2, 10.0.1.2] } }\n"        \
	"checks: { c: { type: tcp, rise: 2, fall: 2 }, gw: { type: icmp, address: 192.0.2.254 } }\n"                   \
	"services:\n"                                                                                                  \
	"  web: { listen: [203.0.113.1:80, 203.0.113.1:81], scheduler: { name: mh, flags: [mh-port] }, check: c,\n"    \
	"    quorum: { up: 1 }, sorry: 10.1.0.9:80, persistence: { timeout: 5m },\n"                                   \
	"    drain: { timeout: 30s, then: cut },\n"                                                                    \
	"    backends: { a: { address: 10.1.0.1, weight: 5, max_connections: 10, resume_below: 5 }, b: 10.1.0.2 } }\n" \
	"  dns: { listen: 203.0.113.1:53, protocol: udp, one_packet: true, check: none,\n"                             \
	"    backends: { d: { address: 10.1.0.3, mode: tun, tunnel: { type: gue, port: 6080, checksum: csum } } } }\n" \
	"  six: { drain: keep, listen: \"[2001:db8::1]:80\", check: none, mode: dr, backends: { s: \"2001:db8::2\" } " \
	"}\n"                                                                                                          \
	"  mark: { fwmark: 7, check: none, backends: { m: 10.1.0.4:80 } }\n"                                           \
	"vrrp:\n"                                                                                                      \
	"  wan: { interface: eth0, vrid: 51, priority: 120, addresses: [192.0.2.1/24, 192.0.2.2/24],\n"                \
	"    excluded: 192.0.2.9/24, routes: { to: 198.51.100.0/24, via: 192.0.2.254 },\n"                             \
	"    rules: { from: 192.0.2.1, table: 9, priority: 5 }, auth: { type: hmac, key_file: /k },\n"                 \
	"    track: [{ check: gw }, { interface: eth9, weight: -30 }] }\n"

static struct {
	struct model_vrrps vs;
	struct model_peers ps;
	struct model_sync sync;
	struct traces traces;
	struct ctl_lag lag;
	char out[1 << 20]; /* the lines of an answer */
	size_t n_out;
	unsigned ends;
} full;

static void *json_memory(size_t n)
{
	return out_of_memory() ? NULL : malloc(n);
}

/* ---- a sink that needs no memory ---- */

static void take_line(void *arg, const char *s, size_t n)
{
	(void)arg;
	if (full.n_out + n < sizeof(full.out)) { /* what does not fit is no JSON later */
		memcpy(full.out + full.n_out, s, n);
		full.n_out += n;
	}
}

static bool is_full(void *arg)
{
	(void)arg;
	return false;
}

static void has_ended(void *arg)
{
	(void)arg;
	full.ends++;
}

/* ---- a node that has everything ---- */

static int op_probe_run(void *arg, uint32_t token, uint32_t target_id)
{
	(void)arg, (void)token, (void)target_id;
	return 0;
}

static int op_conn_ask(void *arg, const struct sync_room_msg *m)
{
	(void)arg, (void)m;
	return 0;
}

static void op_peer_diff(void *arg, const struct ctl_peer *who, struct ctl_reply *r)
{
	(void)arg, (void)who;
	ctl_reply_end(r, LB_CODE_OK, "the same", NULL);
}

static void op_level_get(void *arg, enum lb_log_part part, struct ctl_level_info *out)
{
	(void)arg;
	*out = (struct ctl_level_info){ .level = LB_LOG_DEBUG,
		.configured = LB_LOG_INFO,
		.until_wall_ms = part ? WALL + 60000 : 0,
		.given = true };
}

static int op_send(void *arg, uint32_t id, unsigned flags, const char *text, size_t n)
{
	(void)arg, (void)id, (void)flags, (void)text, (void)n;
	return 0;
}

static int op_asked(void *arg, struct ctl_conv *c, const json_t *header, struct lb_err *e)
{
	(void)arg, (void)c, (void)header;
	return lb_err_set(e, LB_CODE_USAGE, "no");
}

/* What is said is looked at here, not whether the plan finds memory: it is made again later if not. */
static void op_changed(void *arg, const char *object, enum override_kind kind, const struct override_who *who)
{
	left = -1;
	if (strncmp(object, OVERRIDE_VRRP, strlen(OVERRIDE_VRRP)) == 0)
		model_vrrps_override(&full.vs, k.w.ov);
	else
		op_override_changed(arg, object, kind, who);
}

static struct ctl_ops all_ops;

static void spoken(void)
{
	struct model_vrrp *v = &full.vs.v[0];
	struct model_line line;
	struct vrrp_msg_state m = {
		.state = VRRP_STATE_BACKUP, .was = VRRP_STATE_INIT, .cause = VRRP_CAUSE_BETTER, .prio = 90
	};
	ck_assert_int_eq(lb_ip_parse("192.0.2.200", 11, &m.master), 0);
	m.master_prio = 150;
	model_vrrp_said_state(v, &m, WALL, &line);
	v->has_stats = true;
	v->stats = (struct vrrp_msg_stats){ .sent = 7, .received = 8, .conflicts = 1, .sum9568 = true };
	v->stats.discarded[VRRP_DISCARD_TTL] = 3;
	v->alarms = 1u << VRRP_ALARM_PATH_DOWN;
	strcpy(v->alarm_text[VRRP_ALARM_PATH_DOWN], "by lb-b");
}

static void setup(void)
{
	static const uint32_t us[TRACE_PARTS] = { 1500, 20, 300, 4000, 5 };
	struct lb_err e = { 0 };
	struct vrrp_peers peers;
	struct sync_conf sync;
	key_text = "1 " KEY; /* as VRRP has them */
	memset(&full, 0, sizeof(full));
	node_start(TEXT);
	struct vrrp_conf *confs = model_vrrp_confs(k.w.m->config, read_key, NULL, &e);
	ck_assert_msg(confs != NULL, "%s", e.text);
	ck_assert_int_eq(model_vrrps_take(&full.vs, k.w.m->config, confs, k.w.ov), 0);
	model_vrrp_confs_free(confs, k.w.m->config->n_vrrp);
	key_text = KEY;
	ck_assert_int_eq(model_peers_conf(k.w.m->config, read_key, NULL, &peers, &e), 0);
	(void)model_peers_take(&full.ps, &peers, k.w.now);
	ck_assert_int_eq(model_sync_conf(k.w.m->config, read_key, NULL, &sync, &e), 0);
	(void)model_sync_take(&full.sync, k.w.m->config, &sync, 1, k.w.now);
	for (int kind = 0; kind < TRACE_KINDS; kind++)
		traces_add(&full.traces, (enum trace_kind)kind, "what it was about", us, WALL);
	all_ops = ops;
	all_ops.probe_run = op_probe_run;
	all_ops.conn_ask = op_conn_ask;
	all_ops.peer_diff = op_peer_diff;
	all_ops.level_get = op_level_get;
	all_ops.override_changed = op_changed;
	k.env.talk = ctl_talk_new(&(struct ctl_talk_ops){ op_send, op_asked, NULL });
	ctl_talk_link(k.env.talk, true, NULL);
	struct history *h = history_new(16);
	struct check_state st = { .judged = true, .last = { .code = CHECK_CODE_L4CON } };
	strcpy(st.last.text, "connection refused");
	(void)history_add(h, k.w.m, target_id(&k.w, "web/a", 0), &st, WALL);
	world_health(&k.w, "web/a", 0, false);
	world_health(&k.w, "web/b", 0, true);
	world_paused(&k.w, "web/b", 0);
	world_weight(&k.w, "web/b", OVERRIDE_WEIGHT_PERCENT, 50, 60000);
	world_state(&k.w, "six/s", CONFIG_STATE_DRAIN, 0);
	reconcile();
	spoken();
	k.n_generations = k.n_damaged = 2;
	k.env.vrrps = &full.vs;
	k.env.peers = &full.ps;
	k.env.sync = &full.sync;
	k.env.traces = &full.traces;
	k.env.lag = &full.lag;
	k.env.history = h;
	k.env.runs = ctl_runs_new();
	k.env.conns = ctl_conns_new();
	k.env.watches = ctl_watches_new();
	k.env.events = events_new(4);
	k.env.state_not_saved = true;
	k.env.state_lost = "it is gone";
	k.env.state_not_read = "owned";
	k.env.host_note = "net.ipv4.ip_forward is 0";
	k.env.last_reject = "lbd.yaml:1:1: it is empty";
	k.env.ops = &all_ops;
}

static void teardown(void)
{
	ctl_talk_free(k.env.talk);
	ctl_runs_free(k.env.runs);
	ctl_conns_free(k.env.conns);
	ctl_watches_free(k.env.watches);
	events_free((struct events *)(uintptr_t)k.env.events);
	history_free((struct history *)(uintptr_t)k.env.history);
	model_sync_done(&full.sync);
	model_peers_done(&full.ps);
	model_vrrps_done(&full.vs);
	node_end();
}

/* ---- one answer ---- */

struct answer {
	int code; /* -1 = it waits */
	size_t rows;
	char text[200];
};

static json_t *asked; /* the arguments */
static const struct lb_command *cmd;

static void read_lines(struct answer *a)
{
	*a = (struct answer){ .code = -1 };
	for (char *s = full.out, *nl; (nl = memchr(s, '\n', full.n_out - (size_t)(s - full.out))); s = nl + 1) {
		struct lb_err e;
		json_t *msg = lb_proto_parse(s, (size_t)(nl - s), &e), *end = json_object_get(msg, "end");
		ck_assert_msg(msg != NULL, "no JSON: %.*s", (int)(nl - s), s);
		ck_assert_msg(a->code < 0, "a line after the end: %.*s", (int)(nl - s), s);
		a->rows += json_object_get(msg, "row") != NULL;
		if (end) {
			const char *text = lb_proto_str(end, "message");
			a->code = (int)lb_proto_int(end, "code", -2);
			snprintf(a->text, sizeof(a->text), "%s", text ? text : "");
		}
		json_decref(msg);
	}
}

/* Lets n allocations succeed, then as many fail as it is told. How many stay behind. */
static long answered(long n, long fail, struct answer *a)
{
	static const struct ctl_sink sink = { .line = take_line, .full = is_full, .ended = has_ended };
	static const struct ctl_peer peer = { .level = CTL_LEVEL_ADMIN, .user = "alice" };
	struct ctl_request rq = { .cmd = cmd, .args = asked, .peer = &peer, .fd = -1 };
	struct ctl_reply r;
	long before = live;
	full.n_out = full.ends = 0;
	ctl_reply_init(&r, &sink, NULL);
	starving = fail;
	left = n;
	ctl_reply_begin(&r, 1, 3);
	ctl_cmd(&k.env, &rq, &r);
	ctl_reply_settle(&r);
	while (ctl_reply_pump(&r))
		;
	bool spare = starving == fail && left != 0;
	left = -1;
	starving = LONG_MAX;
	if (waiting.free)
		waiting.free(waiting.state);
	memset(&waiting, 0, sizeof(waiting));
	ctl_reply_done(&r);
	long behind = live - before;
	read_lines(a);
	ck_assert_uint_eq(full.ends, a->code >= 0);
	if (spare)
		cmd = NULL; /* nothing failed any more */
	return behind;
}

static const struct {
	const char *name, *args;
} questions[] = {
	{ "status", "{}" },
	{ "top", "{}" },
	{ "top", "{\"kind\": \"backend\"}" },
	{ "service.list", "{}" },
	{ "service.show", "{\"service\": \"web\"}" },
	{ "service.stats", "{}" },
	{ "service.list", "{\"kernel\": true}" },
	{ "backend.list", "{}" },
	{ "backend.show", "{\"backend\": \"dns/d\"}" },
	{ "backend.show", "{\"backend\": \"web/b\"}" },
	{ "backend.stats", "{}" },
	{ "check.list", "{}" },
	{ "check.show", "{\"check\": \"c\"}" },
	{ "check.show", "{\"check\": \"gw\"}" },
	{ "check.history", "{}" },
	{ "check.run", "{\"backend\": \"web/a\"}" },
	{ "conn.list", "{}" },
	{ "conn.list", "{\"service\": \"web\"}" },
	{ "conn.count", "{\"service\": \"web\"}" },
	{ "vrrp.list", "{}" },
	{ "vrrp.show", "{\"vrrp\": \"wan\"}" },
	{ "peer.status", "{}" },
	{ "peer.diff", "{}" },
	{ "sync.status", "{}" },
	{ "config.show", "{}" },
	{ "config.show", "{\"effective\": true}" },
	{ "config.history", "{}" },
	{ "config.export", "{\"format\": \"ipvsadm\"}" },
	{ "kernel.diff", "{}" },
	{ "log.level", "{}" },
	{ "daemon.info", "{}" },
	{ "metrics", "{}" },
	{ "watch", "{}" },
	{ "trace", "{}" },
	{ "wait", "{\"object\": \"backend/six/s\", \"condition\": \"drained\"}" },
};

static void take_question(const char *name, const char *args)
{
	struct lb_err e = { 0 };
	cmd = lb_command_wire(name);
	asked = json_loads(args, 0, NULL);
	ck_assert_msg(cmd && lb_command_check_args(cmd, asked, &e) == 0, "%s %s: %s", name, args, e.text);
}

START_TEST(an_answer_that_ends_well_is_whole)
{
	const char *name = questions[_i].name, *args = questions[_i].args;
	struct answer whole, got;
	take_question(name, args);
	const struct lb_command *this = cmd;
	(void)answered(-1, 1, &whole);
	ck_assert_msg(whole.code <= 1, "%s %s: %d %s", name, args, whole.code, whole.text);
	for (int all = 0; all < 2; all++)
		for (long n = 0; n < 100000; n++) {
			cmd = this;
			long behind = answered(n, all ? LONG_MAX : 1, &got);
			ck_assert_msg(behind == 0, "%s %s: %ld stay behind, allocation %ld", name, args, behind, n);
			ck_assert_msg(got.code == whole.code || got.code == LB_CODE_FAILED,
				"%s %s: %d %s, allocation %ld", name, args, got.code, got.text, n);
			ck_assert_msg(got.code != whole.code || got.rows == whole.rows,
				"%s %s: %zu rows instead of %zu, allocation %ld", name, args, got.rows, whole.rows, n);
			if (!cmd)
				break;
		}
	ck_assert_ptr_null(cmd);
	json_decref(asked);
}
END_TEST

/* ---- changes ---- */

static bool drained(void)
{
	return model_admin_state(&k.w.m->backends[backend_at(&k.w, "web/a")]) == CONFIG_STATE_DRAIN;
}

static bool in_maintenance(void)
{
	return model_admin_state(&k.w.m->backends[backend_at(&k.w, "web/a")]) == CONFIG_STATE_MAINT;
}

static bool weighs_7(void)
{
	const struct override *ov = k.w.m->backends[backend_at(&k.w, "web/a")].ov;
	return ov && ov->weight_item.set && ov->weight == 7;
}

static bool forced(void)
{
	const struct override *ov = k.w.m->backends[backend_at(&k.w, "web/a")].ov;
	return ov && ov->force_item.set;
}

static bool has_priority(void)
{
	return full.vs.v[0].conf->prio == 9;
}

static const struct {
	const char *name, *args, *back, *back_args;
	bool (*is)(void);
} orders[] = {
	{ "backend.drain", "{\"backend\": \"web/a\"}", "backend.enable", "{\"backend\": \"web/a\"}", drained },
	{ "backend.maint", "{\"backend\": \"web/a\"}", "backend.enable", "{\"backend\": \"web/a\"}", in_maintenance },
	{ "backend.weight", "{\"backend\": \"web/a\", \"weight\": \"7\"}", "backend.weight",
		"{\"backend\": \"web/a\", \"weight\": \"auto\"}", weighs_7 },
	{ "backend.force", "{\"backend\": \"web/a\", \"force\": \"up\"}", "backend.force",
		"{\"backend\": \"web/a\", \"force\": \"auto\"}", forced },
	{ "service.maint", "{\"service\": \"web\"}", "service.enable", "{\"service\": \"web\"}", in_maintenance },
	{ "vrrp.priority", "{\"vrrp\": \"wan\", \"priority\": \"9\"}", "vrrp.priority",
		"{\"vrrp\": \"wan\", \"priority\": \"auto\"}", has_priority },
};

START_TEST(what_is_said_to_be_done_is_done)
{
	const char *name = orders[_i].name;
	struct answer got;
	bool over = false;
	for (long n = 0; !over && n < 1000; n++) {
		ck_assert_msg(!orders[_i].is(), "%s: it is so before, allocation %ld", name, n);
		take_question(name, orders[_i].args);
		(void)answered(n, LONG_MAX, &got);
		over = got.code == LB_CODE_OK && !cmd;
		ck_assert_msg(got.code == LB_CODE_OK || got.code == LB_CODE_FAILED, "%s: %d %s, allocation %ld", name,
			got.code, got.text, n);
		ck_assert_msg(got.code != LB_CODE_OK || orders[_i].is(), "%s: %s, and it is not, allocation %ld", name,
			got.text, n);
		json_decref(asked);
		take_question(orders[_i].back, orders[_i].back_args);
		(void)answered(-1, 1, &got);
		ck_assert_int_eq(got.code, LB_CODE_OK);
		json_decref(asked);
	}
	ck_assert(over);
}
END_TEST

int main(void)
{
	if (!REPLACED) /* the sanitizer has its own: of jansson's allocations it can be told */
		json_set_alloc_funcs(json_memory, free);
	Suite *s = suite_create("ctl_memory");
	TCase *c = tcase_create("ctl_memory");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, an_answer_that_ends_well_is_whole, 0, COUNT(questions));
	tcase_add_loop_test(c, what_is_said_to_be_done_is_done, 0, COUNT(orders));
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
