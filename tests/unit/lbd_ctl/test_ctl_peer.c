/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands about other nodes answer, and what a planned hand-over orders and waits for. */
#include "lbd/ctl/ctl_failover.h"
#include "lbd/ctl/ctl_fit.h"
#include "lbd/ctl/ctl_peer.h"
#include "lbd/ctl/ctl_rows.h"
#include "lbd/vrrp/peer_move.h"
#include "tests/unit/lbd_ctl/commands.h"
#include "tests/unit/lbd_model/cluster.h"

#include <errno.h>

#define VRRP                                                                                                           \
	"vrrp:\n"                                                                                                      \
	"  dmz4: { interface: eth2, vrid: 9, addresses: 10.9.0.1/24 }\n"                                               \
	"  wan4: { interface: eth0, vrid: 51, group: edge, addresses: 203.0.113.1/24 }\n"                              \
	"  wan6: { interface: eth0, vrid: 52, group: edge, addresses: \"fe80::1/64\" }\n"
#define PAIR                                                                                                           \
	"cluster: { id: 1, key_file: /k, nodes: { lb-a: [10.0.0.1, 10.0.1.1], lb-b: [10.0.0.2, 10.0.1.2] } }\n" VRRP
#define NO_KEY "cluster: { id: 1, nodes: { lb-a: 10.0.0.1, lb-b: 10.0.0.2 } }\n" VRRP

static struct {
	struct world w;
	struct model_vrrps vs;
	struct model_peers ps;
	struct ctl_failovers *fs;
	struct ctl_env env;
	struct model_sync sync;
	int do_rc, look_rc;
	uint32_t looks;
	struct ctl_talk *talk;
	uint32_t question; /* to the other node, 0 = none; its text */
	char questions[400];
	char did[400]; /* "handover wan4 1000, ..." */
	struct ctl_collect c;
	bool asked;
} k;

static struct lb_time op_now(void *arg)
{
	(void)arg;
	return k.w.now;
}

static int op_vrrp_do(void *arg, uint32_t id, enum vrrp_do what, uint32_t for_ms)
{
	(void)arg;
	size_t at = strlen(k.did);
	snprintf(k.did + at, sizeof(k.did) - at, "%s%s %s %u", at ? ", " : "", vrrp_dos[what],
		model_vrrp_by_id(&k.vs, id)->cfg->name, for_ms);
	return k.do_rc;
}

static int op_sync_look(void *arg, uint32_t *id)
{
	(void)arg;
	*id = ++k.looks;
	return k.look_rc;
}

static const struct ctl_ops ops = {
	.now = op_now, .asked = op_asked_for, .vrrp_do = op_vrrp_do, .sync_look = op_sync_look, .wait = op_wait
};

static void setup(const char *text)
{
	struct lb_err e = { 0 };
	struct vrrp_peers conf;
	memset(&k, 0, sizeof(k));
	key_text = KEY;
	world_start(&k.w, text);
	struct vrrp_conf *confs = model_vrrp_confs(k.w.m->config, read_key, NULL, &e);
	ck_assert_msg(confs != NULL, "%s", e.text);
	ck_assert_int_eq(model_vrrps_take(&k.vs, k.w.m->config, confs, k.w.ov), 0);
	model_vrrp_confs_free(confs, k.w.m->config->n_vrrp);
	ck_assert_int_eq(model_peers_conf(k.w.m->config, read_key, NULL, &conf, &e), 0); /* as the first node, lb-a */
	(void)model_peers_take(&k.ps, &conf, k.w.now);
	k.fs = ctl_failovers_new();
	k.env = (struct ctl_env){
		.model = k.w.m, .overrides = k.w.ov, .vrrps = &k.vs, .peers = &k.ps, .failovers = k.fs, .ops = &ops
	};
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
	ctl_failovers_free(k.fs);
	ctl_talk_free(k.talk);
	model_peers_done(&k.ps);
	model_vrrps_done(&k.vs);
	world_end(&k.w);
}

static void ask(const char *name, const char *args)
{
	collect_done();
	command(&k.env, &k.c, name, args);
	k.asked = true;
}

/* What follows in an answer stands on a line of its own. */
#define WHY "\nits youngest flows may break: "
#define SEE "\nlbctl vrrp list says how it ends"

static void expect_end(int code, const char *message)
{
	ended(&k.c, code, message);
	for (const char *line = message; code == 0 && line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		ck_assert_msg(strcspn(line, "\n") <= 80, "more than 80 columns: %s", line);
	rows_fit(&k.c, json_object_get(json_array_get(k.c.rows, 0), "result") ? LB_ROW_MOVE : LB_ROW_PEER);
}

static const char *rows_text(void)
{
	return text_of(json_incref(k.c.rows));
}

static void here(const char *name, enum vrrp_state state)
{
	const struct model_vrrp *v = model_vrrp_find(&k.vs, name);
	struct vrrp_msg_state m = { .id = v->conf->id, .state = state, .prio = 100 };
	struct model_line line;
	model_vrrp_said_state(model_vrrp_by_id(&k.vs, m.id), &m, k.w.wall, &line);
}

static void there(const char *name, enum vrrp_state state)
{
	struct vrrp_msg_theirs m = {
		.id = model_vrrp_find(&k.vs, name)->conf->id, .node = "lb-b", .known = true, .state = state
	};
	model_peers_said_theirs(&k.ps, &m);
}

static void settle(void)
{
	struct model_line line;
	for (uint32_t i = 0; i < k.ps.n; i++)
		while (model_peer_next(&k.ps.v[i], k.w.now, k.w.wall, &line))
			;
}

static struct vrrp_msg_node lb_b(bool up, bool same)
{
	struct vrrp_msg_node m = {
		.name = "lb-b", .up = up, .same_config = same, .version = "0.1.0", .n_paths = 2, .offset_us = -1500
	};
	ck_assert_int_eq(lb_ip_parse("10.0.0.2", 8, &m.paths[0].theirs), 0);
	ck_assert_int_eq(lb_ip_parse("10.0.1.2", 8, &m.paths[1].theirs), 0);
	m.paths[0].up = up;
	m.paths[0].rtt_us = 310;
	m.refused[PEER_OK] = 7;
	m.refused[PEER_REPLAY] = 2;
	return m;
}

static void node(bool up, bool same)
{
	struct vrrp_msg_node m = lb_b(up, same);
	model_peers_said_node(&k.ps, &m);
	settle();
}

static void all_here(enum vrrp_state state)
{
	here("dmz4", state);
	here("wan4", state);
	here("wan6", state);
}

static void all_there(enum vrrp_state state)
{
	there("dmz4", state);
	there("wan4", state);
	there("wan6", state);
}

static void moved(const char *name, bool ok, bool away, uint32_t outage_us, const char *reason)
{
	struct vrrp_msg_moved m = {
		.id = model_vrrp_find(&k.vs, name)->conf->id, .ok = ok, .away = away, .outage_us = outage_us
	};
	snprintf(m.reason, sizeof(m.reason), "%s", reason);
	ctl_failover_moved(k.fs, &m);
}

static void after_ms(int64_t ms)
{
	k.w.now = lb_time_add_ms(k.w.now, ms);
	(void)ctl_failovers_look(k.fs, k.w.now);
}

/* ---- peer status ---- */

START_TEST(a_row_says_it_all)
{
	setup(PAIR);
	node(true, true);
	there("wan4", VRRP_STATE_BACKUP);
	there("dmz4", VRRP_STATE_FAULT);
	ask("peer.status", "{}");
	expect_end(0, "");
	ck_assert_str_eq(rows_text(), "[{\"peer\":\"lb-b\",\"state\":\"up\",\"since\":\"2023-11-14T22:13:20.000Z\","
				      "\"paths\":[\"10.0.0.2 up 0.31 ms\",\"10.0.1.2 down\"],\"version\":\"0.1.0\","
				      "\"configuration\":\"same\",\"clock\":-0.0015,"
				      "\"instances\":[\"dmz4 fault\",\"wan4 backup\",\"wan6 unknown\"],"
				      "\"restarts\":0,\"received\":7,\"refused\":{\"replay\":2}}]");
	node(false, true);
	ask("peer.status", "{}");
	expect_end(0, "");
	ck_assert_ptr_nonnull(strstr(rows_text(), "\"state\":\"down\""));
	ck_assert_ptr_nonnull(strstr(rows_text(), "\"alarms\":[\"peer_down\"]"));
	ck_assert_ptr_null(strstr(rows_text(), "instances"));
	ck_assert_ptr_null(strstr(rows_text(), "configuration"));
	teardown();
}
END_TEST

START_TEST(why_there_is_nobody)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ NO_KEY, "no second path: cluster.key_file is missing" },
		{ VRRP, "no other node is configured: see cluster in lbd.yaml" },
		{ "cluster: { id: 1, key_file: /k, nodes: { lb-a: 10.0.0.1, lb-b: 10.0.0.2 } }",
			"no second path: there is no VRRP instance" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		setup(rows[i].text);
		ask("peer.status", "{}");
		expect_end(0, rows[i].message);
		ck_assert_uint_eq(json_array_size(k.c.rows), 0);
		ck_assert_ptr_null(ctl_peer_roles(&k.env));
		teardown();
	}
}
END_TEST

START_TEST(status_has_a_line_and_alarms)
{
	setup(PAIR);
	node(true, false);
	k.w.now = lb_time_add_ms(k.w.now, MODEL_PEER_DIFFERS_MS);
	settle();
	json_t *roles = ctl_peer_roles(&k.env), *alarms = json_array();
	ctl_peer_alarms(&k.env, alarms);
	char *r = json_dumps(roles, JSON_COMPACT), *a = json_dumps(alarms, JSON_COMPACT);
	ck_assert_str_eq(r, "[{\"peer\":\"lb-b\",\"state\":\"up\",\"paths\":2,\"paths_up\":1,"
			    "\"configuration\":\"differs\"}]");
	ck_assert_str_eq(a, "[\"config_differs: peer/lb-b\"]");
	free(r);
	free(a);
	json_decref(roles);
	json_decref(alarms);
	node(false, false);
	alarms = json_array();
	ctl_peer_alarms(&k.env, alarms);
	a = json_dumps(alarms, JSON_COMPACT);
	ck_assert_str_eq(a, "[\"peer_down: peer/lb-b\"]");
	free(a);
	json_decref(alarms);
	teardown();
}
END_TEST

START_TEST(a_node_can_be_waited_for)
{
	static const char *const objects[] = { "peer", "peer/lb-b" };
	for (size_t i = 0; i < 2; i++) {
		char args[80];
		snprintf(args, sizeof(args), "{\"object\":\"%s\",\"condition\":\"up\"}", objects[i]);
		setup(PAIR);
		ask("wait", args);
		expect_end(0, "");
		ck_assert_int_eq(waiting.cond(waiting.state), 0);
		node(true, true);
		ck_assert_int_eq(waiting.cond(waiting.state), 1);
		node(false, true);
		ck_assert_int_eq(waiting.cond(waiting.state), 0);
		k.ps.n = 0; /* it left the configuration */
		ck_assert_int_eq(waiting.cond(waiting.state), -1);
		waiting.free(waiting.state);
		ask("wait", args);
		expect_end(LB_CODE_NOT_FOUND, "there is no second path to another node; see lbctl peer status");
		teardown();
	}
	setup(PAIR);
	ask("wait", "{\"object\":\"peer/lb-c\",\"condition\":\"up\"}");
	expect_end(LB_CODE_NOT_FOUND, "no other node 'lb-c'; did you mean 'lb-b'?");
	teardown();
}
END_TEST

/* ---- failover: what it decides ---- */

enum prepared { NO_PATH, GONE, DIFFERS, FINE };

static const struct decision {
	const char *what;
	enum prepared peer;
	const char *ours, *theirs; /* m, b, f, i or - (unknown) of dmz4, wan4, wan6 */
	bool force;
	int code;
	const char *message, *did;
} decisions[] = {
	{ "all of ours go", FINE, "mmm", "bbb", false, 0, "handing over to lb-b: dmz4, wan4, wan6" SEE,
		"handover dmz4 1000, handover wan4 1000, handover wan6 1000" },
	{ "what the other has already stays there", FINE, "bmm", "mbb", false, 0,
		"handing over to lb-b: wan4, wan6" SEE, "handover wan4 1000, handover wan6 1000" },
	{ "all of theirs come", FINE, "bbb", "mmm", false, 0, "taking over from lb-b: dmz4, wan4, wan6" SEE,
		"take dmz4 1500, take wan4 1500, take wan6 1500" },
	{ "only those they have", FINE, "bbf", "mbb", false, 0, "taking over from lb-b: dmz4" SEE, "take dmz4 1500" },
	{ "nobody is master", FINE, "bbb", "bfi", false, LB_CODE_REFUSED,
		"nothing to hand over: neither this node nor lb-b is master of anything", "" },
	{ "nor by force", FINE, "bbb", "bfi", true, LB_CODE_REFUSED,
		"nothing to hand over: neither this node nor lb-b is master of anything", "" },
	{ "the process has not spoken", FINE, "---", "bbb", false, LB_CODE_FAILED,
		"the process of VRRP is not there now; try again in a moment", "" },
	{ "no second path", NO_PATH, "mmb", "---", false, LB_CODE_REFUSED,
		"there is no second path (cluster.key_file): nobody knows whether another node is ready; --force gives "
		"up all the same",
		"" },
	{ "no second path, forced", NO_PATH, "mmb", "---", true, 0,
		"giving up, although nobody is known to be ready: dmz4, wan4" SEE, "resign dmz4 0, resign wan4 0" },
	{ "no second path to take by", NO_PATH, "bbb", "---", true, LB_CODE_REFUSED,
		"this node is master of nothing, and without a second path (cluster.key_file) it cannot ask for "
		"anything: run it on the master",
		"" },
	{ "the other is gone", GONE, "mmm", "bbb", false, LB_CODE_REFUSED,
		"node lb-b is down: nobody would take over; lbctl peer status says more, --force gives up all the same",
		"" },
	{ "the other is gone, forced", GONE, "bmb", "bbb", true, 0,
		"giving up, although nobody is known to be ready: wan4" SEE, "resign wan4 0" },
	{ "gone, and nothing is here", GONE, "bbb", "mmm", true, LB_CODE_REFUSED,
		"this node is master of nothing, and node lb-b is down: there is nobody to take from", "" },
	{ "another configuration", DIFFERS, "mmm", "bbb", false, LB_CODE_REFUSED,
		"node lb-b runs another configuration than this one: apply the same there, or use --force", "" },
	{ "another configuration, to here", DIFFERS, "bbb", "mmm", false, LB_CODE_REFUSED,
		"node lb-b runs another configuration than this one: apply the same there, or use --force", "" },
	{ "another configuration, forced", DIFFERS, "mbb", "bbb", true, 0, "handing over to lb-b: dmz4" SEE,
		"handover dmz4 1000" },
	{ "another configuration, forced to here", DIFFERS, "bbb", "mbb", true, 0, "taking over from lb-b: dmz4" SEE,
		"take dmz4 1500" },
	{ "in fault there", FINE, "mmm", "bfb", false, LB_CODE_REFUSED,
		"vrrp wan4 is fault on node lb-b: it would not take over; --force gives it up all the same", "" },
	{ "not begun there", FINE, "mmm", "ibb", false, LB_CODE_REFUSED,
		"vrrp dmz4 is init on node lb-b: it would not take over; --force gives it up all the same", "" },
	{ "not known there", FINE, "mmm", "bb-", false, LB_CODE_REFUSED,
		"vrrp wan6 is unknown on node lb-b: it would not take over; --force gives it up all the same", "" },
	{ "one in fault there that does not move", FINE, "mbb", "bff", false, 0, "handing over to lb-b: dmz4" SEE,
		"handover dmz4 1000" },
	{ "in fault there, forced", FINE, "mmm", "fbb", true, 0, "handing over to lb-b: dmz4, wan4, wan6" SEE,
		"resign dmz4 0, handover wan4 1000, handover wan6 1000" },
	{ "in fault here", FINE, "bfb", "mmb", false, LB_CODE_REFUSED,
		"vrrp wan4 is fault here: this node would not take over; --force takes the others", "" },
	{ "in fault here, forced", FINE, "bfb", "mmb", true, 0, "taking over from lb-b: dmz4" SEE, "take dmz4 1500" },
	{ "all in fault here, forced", FINE, "fff", "mmm", true, LB_CODE_REFUSED,
		"nothing that this node could be master of: see lbctl vrrp list", "" },
};

static void states(const char *letters, void (*set)(const char *name, enum vrrp_state state))
{
	static const char *const names[] = { "dmz4", "wan4", "wan6" };
	for (int i = 0; i < 3; i++)
		if (letters[i] != '-')
			set(names[i], letters[i] == 'm'   ? VRRP_STATE_MASTER
				      : letters[i] == 'b' ? VRRP_STATE_BACKUP
				      : letters[i] == 'f' ? VRRP_STATE_FAULT
							  : VRRP_STATE_INIT);
}

static void prepare(const struct decision *d)
{
	setup(d->peer == NO_PATH ? NO_KEY : PAIR);
	if (d->peer != NO_PATH)
		node(true, d->peer != DIFFERS);
	states(d->ours, here);
	states(d->theirs, there);
	if (d->peer == GONE)
		node(false, true);
}

START_TEST(what_is_decided)
{
	const struct decision *d = &decisions[_i];
	prepare(d);
	ask("failover", d->force ? "{\"force\":true}" : "{}");
	ck_assert_msg(k.c.end != NULL, "%s: it waits", d->what);
	const char *got = lb_proto_str(k.c.end, "message");
	ck_assert_msg(lb_proto_int(k.c.end, "code", -1) == d->code && strcmp(got ? got : "", d->message) == 0,
		"%s: %lld %s", d->what, lb_proto_int(k.c.end, "code", -1), got ? got : "");
	ck_assert_msg(strcmp(k.did, d->did) == 0, "%s: did %s", d->what, k.did);
	/* the same when it is waited for, but that what was begun is not over */
	ask("failover", d->force ? "{\"force\":true,\"wait\":5}" : "{\"wait\":5}");
	ck_assert_msg(strcmp(k.did, d->did) == 0, "%s: did %s", d->what, k.did);
	ck_assert_msg((k.c.end != NULL) == (d->code != 0), "%s", d->what);
	teardown();
}
END_TEST

static void owned(void)
{
	setup("cluster: { id: 1, key_file: /k, nodes: { lb-a: [10.0.0.1, 10.0.1.1], lb-b: [10.0.0.2, 10.0.1.2] } }\n"
	      "vrrp:\n"
	      "  dmz4: { interface: eth2, vrid: 9, addresses: 10.9.0.1/24 }\n"
	      "  wan4: { interface: eth0, vrid: 51, group: edge, priority: 255, addresses: 203.0.113.1/24 }\n"
	      "  wan6: { interface: eth0, vrid: 52, group: edge, addresses: \"fe80::1/64\" }\n");
	node(true, true);
}

/* The other node would have the addresses, too. */
START_TEST(what_is_owned_stays)
{
	owned();
	all_here(VRRP_STATE_MASTER);
	all_there(VRRP_STATE_BACKUP);
	ask("failover", "{}");
	expect_end(LB_CODE_REFUSED, "vrrp wan4 has priority 255: it always has the addresses");
	ask("failover", "{\"force\":true}");
	ck_assert_str_eq(k.did, "handover dmz4 1000");
	here("dmz4", VRRP_STATE_BACKUP);
	there("dmz4", VRRP_STATE_MASTER);
	ask("failover", "{\"force\":true}"); /* nor is anything taken for it */
	expect_end(LB_CODE_REFUSED, "vrrp wan4 has priority 255: it always has the addresses");
	ck_assert_str_eq(k.did, "");
	teardown();
}
END_TEST

static void owned_there(const char *name)
{
	struct vrrp_msg_theirs m = {
		.id = model_vrrp_find(&k.vs, name)->conf->id, .node = "lb-b", .known = true, .state = VRRP_STATE_MASTER
	};
	m.prio = VRRP_PRIO_OWNER;
	model_peers_said_theirs(&k.ps, &m);
}

START_TEST(what_is_owned_there_is_not_taken)
{
	setup(PAIR);
	node(true, true);
	all_here(VRRP_STATE_BACKUP);
	all_there(VRRP_STATE_MASTER);
	owned_there("dmz4");
	ask("failover", "{}");
	expect_end(LB_CODE_REFUSED, "vrrp dmz4 has priority 255 on node lb-b: that always has the addresses");
	ck_assert_str_eq(k.did, "");
	ask("failover", "{\"force\":true}"); /* the others come */
	ck_assert_str_eq(k.did, "take wan4 1500, take wan6 1500");
	there("wan4", VRRP_STATE_BACKUP);
	there("wan6", VRRP_STATE_BACKUP);
	ask("failover", "{\"force\":true}"); /* and there is none */
	expect_end(LB_CODE_REFUSED, "vrrp dmz4 has priority 255 on node lb-b: that always has the addresses");
	ck_assert_str_eq(k.did, "");
	teardown();
}
END_TEST

START_TEST(a_group_with_an_owner_there_stays)
{
	setup(PAIR);
	node(true, true);
	all_here(VRRP_STATE_BACKUP);
	all_there(VRRP_STATE_MASTER);
	owned_there("wan4"); /* wan6 is of its group */
	ask("failover", "{\"force\":true}");
	ck_assert_str_eq(k.did, "take dmz4 1500");
	teardown();
}
END_TEST

START_TEST(nobody_to_do_it)
{
	setup(PAIR);
	node(true, true);
	all_here(VRRP_STATE_MASTER);
	all_there(VRRP_STATE_BACKUP);
	k.do_rc = -ENOTCONN;
	ask("failover", "{\"wait\":5}");
	expect_end(LB_CODE_FAILED, "the process of VRRP is not there now; try again in a moment");
	teardown();
}
END_TEST

/* ---- failover --wait ---- */

static void begin(bool away, const char *args)
{
	setup(PAIR);
	node(true, true);
	all_here(away ? VRRP_STATE_MASTER : VRRP_STATE_BACKUP);
	all_there(away ? VRRP_STATE_BACKUP : VRRP_STATE_MASTER);
	ask("failover", args);
	ck_assert_ptr_null(k.c.end);
}

START_TEST(it_waits_for_all)
{
	begin(true, "{\"wait\":5}");
	moved("wan4", true, true, 3100, "");
	after_ms(50);
	ck_assert_ptr_null(k.c.end);
	moved("wan6", true, true, 800, "");
	ck_assert_ptr_null(k.c.end);
	moved("dmz4", true, false, 9000000, ""); /* of another direction: not ours */
	ck_assert_ptr_null(k.c.end);
	moved("dmz4", true, true, 1000, "");
	expect_end(0, "handed over to lb-b: dmz4, wan4, wan6 (outage 3.1 ms)");
	ck_assert_str_eq(rows_text(),
		"[{\"vrrp\":\"dmz4\",\"result\":\"moved\",\"direction\":\"away\",\"peer\":\"lb-"
		"b\",\"outage\":0.001},"
		"{\"vrrp\":\"wan4\",\"result\":\"moved\",\"direction\":\"away\",\"peer\":\"lb-b\","
		"\"outage\":0.0031},"
		"{\"vrrp\":\"wan6\",\"result\":\"moved\",\"direction\":\"away\",\"peer\":\"lb-b\","
		"\"outage\":0.0008}]");
	moved("dmz4", true, true, 1000, ""); /* nobody waits any more */
	teardown();
}
END_TEST

START_TEST(to_here)
{
	begin(false, "{\"wait\":5}");
	moved("dmz4", true, false, 120400, "");
	moved("wan4", true, false, 0, ""); /* not known */
	moved("wan6", true, false, 0, "");
	expect_end(0, "taken over from lb-b: dmz4, wan4, wan6 (outage 120 ms)");
	ck_assert_ptr_nonnull(strstr(rows_text(), "\"direction\":\"here\""));
	teardown();
}
END_TEST

START_TEST(one_did_not)
{
	begin(true, "{\"wait\":5}");
	moved("wan4", true, true, 0, "");
	moved("wan6", true, true, 0, "");
	moved("dmz4", false, true, 0, "no node is ready");
	expect_end(LB_CODE_FAILED, "not handed over: dmz4 (no node is ready)\nhanded over to lb-b: wan4, wan6");
	ck_assert_ptr_nonnull(strstr(rows_text(), "{\"vrrp\":\"dmz4\",\"result\":\"failed\",\"direction\":\"away\","
						  "\"peer\":\"lb-b\",\"reason\":\"no node is ready\"}"));
	teardown();
}
END_TEST

START_TEST(time_is_over)
{
	begin(true, "{\"wait\":2}");
	moved("wan4", true, true, 500, "");
	after_ms(1999);
	ck_assert_ptr_null(k.c.end);
	here("wan6", VRRP_STATE_BACKUP); /* its group has left, and it shows */
	after_ms(1);
	expect_end(LB_CODE_TIMEOUT, "not over within 2s: dmz4\nhanded over to lb-b: wan4, wan6 (outage 0.5 ms)");
	ck_assert_ptr_nonnull(strstr(rows_text(), "{\"vrrp\":\"dmz4\",\"result\":\"waiting\""));
	teardown();
}
END_TEST

/* The process may tell of a group by one of its members. */
START_TEST(a_group_goes_as_one)
{
	begin(true, "{\"wait\":5}");
	moved("dmz4", true, true, 400, "");
	moved("wan4", true, true, 700, "");
	here("wan6", VRRP_STATE_BACKUP);
	after_ms(299);
	ck_assert_ptr_null(k.c.end); /* its own word may still come */
	ck_assert_int_le(lb_time_diff_us(ctl_failovers_look(k.fs, k.w.now), k.w.now), 1000);
	after_ms(1);
	expect_end(0, "handed over to lb-b: dmz4, wan4, wan6 (outage 0.7 ms)");
	teardown();
	begin(true, "{\"wait\":5}");
	moved("dmz4", true, true, 400, "");
	moved("wan4", false, true, 0, "no node is ready");
	after_ms(300);
	expect_end(LB_CODE_FAILED, "not handed over: wan4 (no node is ready), wan6 (no node is ready)\nhanded over to "
				   "lb-b: dmz4 (outage 0.4 ms)");
	teardown();
	/* the other members of one that went well are looked at: this one is master still */
	begin(true, "{\"wait\":1}");
	moved("dmz4", true, true, 400, "");
	moved("wan4", true, true, 700, "");
	after_ms(1000);
	expect_end(LB_CODE_TIMEOUT, "not over within 1s: wan6\nhanded over to lb-b: dmz4, wan4 (outage 0.7 ms)");
	teardown();
}
END_TEST

/* ---- flows come before ---- */

static void begin_copying(enum sync_link_is is, bool away, const char *args)
{
	setup(PAIR);
	node(true, true);
	all_here(away ? VRRP_STATE_MASTER : VRRP_STATE_BACKUP);
	all_there(away ? VRRP_STATE_BACKUP : VRRP_STATE_MASTER);
	k.sync = (struct model_sync){
		.conf = { .flows = true, .ipvs = true, .n_paths = 1 }, .spoke = true, .state.is = is
	};
	k.env.sync = &k.sync;
	ask("failover", args);
}

static void expect_order(const char *what, bool given)
{
	ck_assert_msg((k.did[0] != '\0') == given, "%s: %s", what, k.did);
}

START_TEST(flows_come_before)
{
	begin_copying(_i ? SYNC_IS_PAUSED : SYNC_IS_SYNC, true, "{\"wait\":5}"); /* the other kind is */
	after_ms(CTL_FAILOVER_COPY_MS - 1);
	expect_order("it waits for the other node", false);
	moved("wan4", true, true, 100, ""); /* somebody else's word */
	ctl_failovers_looked(k.fs, 0, true);
	expect_order("another look", false);
	ctl_failovers_looked(k.fs, 1, true);
	expect_order("it has all", true);
	ctl_failovers_looked(k.fs, 1, true);
	ck_assert_str_eq(k.did, "handover dmz4 1000, handover wan4 1000, handover wan6 1000");
	after_ms(4999); /* the time of --wait begins here */
	ck_assert_ptr_null(k.c.end);
	moved("dmz4", true, true, 100, "");
	moved("wan4", true, true, 100, "");
	moved("wan6", true, true, 100, "");
	expect_end(0, "handed over to lb-b: dmz4, wan4, wan6 (outage 0.1 ms)");
	teardown();
}
END_TEST

static const struct copying {
	const char *what;
	enum sync_link_is is;
	int look_rc;
	int64_t after_ms; /* 0: the look ends badly; -1: there is none */
	const char *message;
} copyings[] = {
	{ "the other node has not all in time", SYNC_IS_SYNC, 0, CTL_FAILOVER_COPY_MS,
		"handing over to lb-b: dmz4, wan4, wan6" WHY "they were not all acknowledged within 3s" SEE },
	{ "the look fails", SYNC_IS_BULK, 0, 0,
		"handing over to lb-b: dmz4, wan4, wan6" WHY "lbctl sync status says why" SEE },
	{ "there is no link", SYNC_IS_DOWN, 0, -1,
		"handing over to lb-b: dmz4, wan4, wan6" WHY "lbctl sync status says why" SEE },
	{ "somebody paused it", SYNC_IS_PAUSED, 0, -1,
		"handing over to lb-b: dmz4, wan4, wan6" WHY "lbctl sync status says why" SEE },
	{ "there is no process", SYNC_IS_SYNC, -ENOTCONN, -1,
		"handing over to lb-b: dmz4, wan4, wan6" WHY "lbctl sync status says why" SEE },
};

/* It is handed over all the same, and the answer says what that means. */
START_TEST(flows_that_do_not_come)
{
	const struct copying *r = &copyings[_i];
	begin_copying(SYNC_IS_OFF, false, "{}"); /* nothing is asked about what comes here */
	ck_assert_uint_eq(k.looks, 0);
	k.sync.state.is = r->is;
	k.sync.state.stopped[SYNC_IPVS] = r->is == SYNC_IS_PAUSED;
	k.look_rc = r->look_rc;
	all_here(VRRP_STATE_MASTER);
	all_there(VRRP_STATE_BACKUP);
	ask("failover", "{}");
	if (r->after_ms >= 0)
		expect_order(r->what, false);
	if (r->after_ms > 0)
		after_ms(r->after_ms);
	else if (r->after_ms == 0)
		ctl_failovers_looked(k.fs, k.looks, false);
	expect_order(r->what, true);
	expect_end(0, r->message);
	teardown();
}
END_TEST

START_TEST(who_leaves_takes_his_word_back)
{
	begin_copying(SYNC_IS_SYNC, true, "{}");
	ctl_reply_abort(&k.c.reply);
	ctl_failovers_looked(k.fs, 1, true);
	after_ms(CTL_FAILOVER_COPY_MS);
	expect_order("nobody is there", false);
	teardown();
	begin_copying(SYNC_IS_SYNC, true, "{}"); /* and the process of VRRP may end meanwhile */
	ctl_failovers_lost(k.fs, "gone");
	expect_end(LB_CODE_FAILED, "gone");
	ctl_failovers_looked(k.fs, 1, true);
	expect_order("gone", false);
	teardown();
}
END_TEST

/* ---- who serves less ---- */

#define WEB                                                                                                            \
	PAIR "services:\n"                                                                                             \
	     "  api: { listen: 203.0.113.1:81, backends: { a: 10.1.0.1 } }\n"                                          \
	     "  web: { listen: 203.0.113.1:80, backends: { a: 10.1.0.1 } }\n"
#define SERVICES(down, sorry)                                                                                          \
	"{\"row\":{\"services\":{\"up\":1,\"degraded\":0,\"sorry\":" sorry ",\"down\":" down ",\"maint\":0}}}\n"       \
	"{\"end\":{\"code\":0}}\n"

static int op_piece(void *arg, uint32_t id, unsigned flags, const char *text, size_t n)
{
	(void)arg;
	if (flags & CTL_TALK_OPEN) {
		k.question = id;
		snprintf(k.questions, sizeof(k.questions), "%.*s", (int)n, text);
	}
	return 0;
}

static void begin_asking(bool away, unsigned lost, const char *args)
{
	const struct ctl_talk_ops talk = { .send = op_piece };
	setup(WEB);
	world_health(&k.w, "api/a", 0, lost == 0);
	world_health(&k.w, "web/a", 0, lost < 2);
	world_settle(&k.w);
	node(true, true);
	all_here(away ? VRRP_STATE_MASTER : VRRP_STATE_BACKUP);
	all_there(away ? VRRP_STATE_BACKUP : VRRP_STATE_MASTER);
	k.sync = (struct model_sync){ .conf = { .n_paths = 1, .peer = "lb-b" }, .spoke = true };
	k.env.sync = &k.sync;
	k.env.talk = k.talk = ctl_talk_new(&talk);
	ctl_talk_link(k.talk, true, "");
	ask("failover", args);
	ctl_talk_flush(k.talk);
}

static void answer(const char *text)
{
	ctl_talk_in(k.talk, k.question, CTL_TALK_ANSWER, text, strlen(text));
	ctl_talk_in(k.talk, k.question, CTL_TALK_ANSWER | CTL_TALK_END, "", 0);
	ctl_talk_flush(k.talk);
}

#define MOVES "handing over to lb-b: dmz4, wan4, wan6" SEE
#define COMES "taking over from lb-b: dmz4, wan4, wan6" SEE
#define LESS(node, there, here, ctl)                                                                                   \
	node " would serve less (services down or sorry: " there " there, " here " here); " ctl                        \
	     " service list says which, --force moves it all the same"

static const struct serving {
	const char *what;
	bool away;
	unsigned lost; /* here */
	const char *answer;
	int code;
	const char *message;
} servings[] = {
	{ "all are served there", true, 0, SERVICES("0", "0"), 0, MOVES },
	{ "one is down there", true, 0, SERVICES("1", "0"), LB_CODE_REFUSED, LESS("lb-b", "1", "0", "lbctl --peer") },
	{ "its sorry server is no service", true, 0, SERVICES("0", "2"), LB_CODE_REFUSED,
		LESS("lb-b", "2", "0", "lbctl --peer") },
	{ "here it is not better", true, 1, SERVICES("1", "0"), 0, MOVES },
	{ "nor is it here, and it is taken", false, 1, SERVICES("1", "0"), 0, COMES },
	{ "this node would serve less", false, 2, SERVICES("1", "0"), LB_CODE_REFUSED,
		LESS("this node", "1", "2", "lbctl") },
	{ "it says something else", true, 0, "{\"end\":{\"code\":7,\"message\":\"no\"}}\n", LB_CODE_REFUSED,
		"lb-b does not say how its services are: it has no answer; --force does not ask" },
	{ "it says nonsense", true, 0, "[]\n", LB_CODE_REFUSED, NULL },
};

START_TEST(who_serves_less_is_not_handed_to)
{
	const struct serving *r = &servings[_i];
	begin_asking(r->away, r->lost, "{}");
	ck_assert_ptr_nonnull(strstr(k.questions, "\"cmd\":\"status\""));
	ck_assert_ptr_nonnull(strstr(k.questions, "\"level\":\"observe\""));
	moved("wan4", true, r->away, 100, ""); /* somebody else's word */
	after_ms(CTL_FIT_MS - 1);
	ck_assert_ptr_null(k.c.end);
	expect_order(r->what, false);
	answer(r->answer);
	if (r->message)
		expect_end(r->code, r->message);
	ck_assert_int_eq(lb_proto_int(k.c.end, "code", -1), r->code);
	expect_order(r->what, r->code == 0);
	teardown();
}
END_TEST

START_TEST(who_does_not_answer_is_not_handed_to)
{
	begin_asking(true, 0, "{}");
	after_ms(CTL_FIT_MS);
	expect_end(LB_CODE_REFUSED, "lb-b does not say within 3s how its services are; --force does not ask");
	answer(SERVICES("0", "0")); /* too late */
	expect_order("too late", false);
	teardown();
	begin_asking(true, 0, "{}");
	ctl_talk_link(k.talk, false, "the link is down");
	expect_end(LB_CODE_REFUSED, "lb-b does not say how its services are: the link is down; --force does not ask");
	teardown();
	begin_asking(true, 0, "{}");
	ctl_failovers_lost(k.fs, "gone");
	expect_end(LB_CODE_FAILED, "gone");
	answer(SERVICES("0", "0"));
	expect_order("gone", false);
	teardown();
	begin_asking(true, 0, "{}");
	ctl_reply_abort(&k.c.reply);
	answer(SERVICES("0", "0"));
	after_ms(CTL_FIT_MS);
	expect_order("nobody waits", false);
	teardown();
}
END_TEST

START_TEST(who_cannot_be_asked_is_not)
{
	begin_asking(true, 0, "{\"force\":true}");
	ck_assert_uint_eq(k.question, 0);
	expect_end(0, MOVES);
	teardown();
	begin_asking(true, 0, "{}");
	answer(SERVICES("1", "0"));
	ctl_talk_link(k.talk, false, "the link is down");
	ask("failover", "{}");
	expect_end(0, MOVES);
	/* the link is to another node */
	ctl_talk_link(k.talk, true, "");
	strcpy(k.sync.conf.peer, "lb-c");
	ask("failover", "{}");
	expect_end(0, MOVES);
	teardown();
}
END_TEST

/* Two people say the same: the process counts the later word, and both learn its outcome. */
START_TEST(said_twice)
{
	begin(true, "{\"wait\":5}");
	moved("wan4", false, true, 0, peer_move_reasons[PEER_MOVE_REPLACED]);
	ck_assert_ptr_null(k.c.end);
	moved("wan4", true, true, 100, "");
	moved("wan6", true, true, 100, "");
	moved("dmz4", true, true, 100, "");
	expect_end(0, "handed over to lb-b: dmz4, wan4, wan6 (outage 0.1 ms)");
	teardown();
}
END_TEST

START_TEST(given_up)
{
	setup(PAIR);
	all_here(VRRP_STATE_MASTER);
	ask("failover", "{\"force\":true,\"wait\":5}");
	ck_assert_str_eq(k.did, "resign dmz4 0, resign wan4 0, resign wan6 0");
	after_ms(10);
	ck_assert_ptr_null(k.c.end);
	all_here(VRRP_STATE_BACKUP);
	after_ms(10);
	expect_end(0, "given up: dmz4, wan4, wan6");
	ck_assert_ptr_nonnull(
		strstr(rows_text(), "{\"vrrp\":\"dmz4\",\"result\":\"resigned\",\"direction\":\"away\"}"));
	teardown();
}
END_TEST

START_TEST(the_process_ends)
{
	begin(true, "{\"wait\":5}");
	ctl_failovers_lost(k.fs, "gone");
	expect_end(LB_CODE_FAILED, "gone");
	ck_assert_int_eq(lb_time_cmp(ctl_failovers_look(k.fs, k.w.now), LB_TIME_NEVER), 0);
	teardown();
}
END_TEST

START_TEST(the_client_leaves)
{
	begin(true, "{\"wait\":5}");
	ctl_reply_abort(&k.c.reply);
	moved("dmz4", true, true, 100, ""); /* nobody is there: no memory is touched */
	after_ms(10000);
	teardown();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_peer");
	TCase *tc = tcase_create("ctl_peer");
	suite_add_tcase(s, tc);
	tcase_add_test(tc, a_row_says_it_all);
	tcase_add_test(tc, why_there_is_nobody);
	tcase_add_test(tc, status_has_a_line_and_alarms);
	tcase_add_test(tc, a_node_can_be_waited_for);
	tcase_add_loop_test(tc, what_is_decided, 0, COUNT(decisions));
	tcase_add_test(tc, what_is_owned_stays);
	tcase_add_test(tc, what_is_owned_there_is_not_taken);
	tcase_add_test(tc, a_group_with_an_owner_there_stays);
	tcase_add_test(tc, nobody_to_do_it);
	tcase_add_test(tc, it_waits_for_all);
	tcase_add_test(tc, to_here);
	tcase_add_test(tc, one_did_not);
	tcase_add_test(tc, time_is_over);
	tcase_add_test(tc, a_group_goes_as_one);
	tcase_add_loop_test(tc, flows_come_before, 0, 2);
	tcase_add_loop_test(tc, flows_that_do_not_come, 0, COUNT(copyings));
	tcase_add_test(tc, who_leaves_takes_his_word_back);
	tcase_add_loop_test(tc, who_serves_less_is_not_handed_to, 0, COUNT(servings));
	tcase_add_test(tc, who_does_not_answer_is_not_handed_to);
	tcase_add_test(tc, who_cannot_be_asked_is_not);
	tcase_add_test(tc, said_twice);
	tcase_add_test(tc, given_up);
	tcase_add_test(tc, the_process_ends);
	tcase_add_test(tc, the_client_leaves);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
