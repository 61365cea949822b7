/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process of VRRP is told of the other nodes, and what is made of its words. */
#include "lbd/model_peer.h"
#include "tests/unit/lbd_model/cluster.h"

#define CLUSTER(more, a, b)                                                                                            \
	"cluster: { id: 7, port: 4711, heartbeat: 100ms, dead_after: 500ms" more ", nodes: { lb-a: " a ", lb-b: " b    \
	" } }\n"
#define ONE  "vrrp: { wan4: { interface: eth0, vrid: 1, addresses: 203.0.113.1/24 } }\n"
#define PAIR CLUSTER(KEY_FILE, "[10.0.0.1, \"fd00::1\"]", "[10.0.0.2, \"fd00::2\"]") ONE

static int conf_of(const char *text, const char *node, struct vrrp_peers *out, struct lb_err *e)
{
	struct config *c = config_of_node(text, node);
	memset(out, 0x5a, sizeof(*out));
	reads = 0;
	int err = model_peers_conf(c, read_key, NULL, out, e);
	config_free(c);
	return err;
}

static bool same(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct vrrp_peers)) == 0;
}

/* ---- configuration -> what the process gets ---- */

START_TEST(both_ends_of_each_path)
{
	struct vrrp_peers a, b;
	struct lb_err e = { 0 };
	char ip[LB_IP_STRLEN];
	key_text = KEY;
	ck_assert_msg(conf_of(PAIR, "lb-a", &a, &e) == 0 && conf_of(PAIR, "lb-b", &b, &e) == 0, "%s", e.text);
	ck_assert_str_eq(a.self, "lb-a");
	ck_assert_str_eq(b.self, "lb-b");
	ck_assert(a.cluster == 7 && a.port == 4711 && a.heartbeat_ms == 100 && a.dead_after_ms == 500);
	ck_assert(a.n_nodes == 1 && b.n_nodes == 1 && a.nodes[0].n_paths == 2 && b.nodes[0].n_paths == 2);
	ck_assert_str_eq(a.nodes[0].name, "lb-b");
	ck_assert_str_eq(b.nodes[0].name, "lb-a");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(lb_ip_cmp(&a.nodes[0].paths[i].ours, &b.nodes[0].paths[i].theirs), 0);
		ck_assert_int_eq(lb_ip_cmp(&a.nodes[0].paths[i].theirs, &b.nodes[0].paths[i].ours), 0);
	}
	ck_assert_str_eq(lb_ip_str(&a.nodes[0].paths[1].theirs, ip), "fd00::2");
	ck_assert(a.config == b.config && a.config != 0);
	ck_assert(a.key.n == 32 && a.key.bytes[31] == 0x1f && memcmp(&a.key, &b.key, sizeof(a.key)) == 0);
}
END_TEST

/* The process takes what it is told: the two agree on what is legal. */
START_TEST(the_process_takes_it)
{
	static const char *const texts[] = {
		PAIR,
		CLUSTER(KEY_FILE, "10.0.0.1", "10.0.0.2") ONE,
		"cluster: { id: 255, port: 65535, key_file: /k, heartbeat: 10s, dead_after: 60s, nodes: { a: 10.0.0.1, "
		"b: 10.0.0.2, c: 10.0.0.3, d: 10.0.0.4, e: 10.0.0.5, f: 10.0.0.6, g: 10.0.0.7, lb-a: 10.0.0.8 } "
		"}\n" ONE,
		"cluster: { id: 1, port: 1, key_file: /k, heartbeat: 10ms, dead_after: 30ms, nodes: { lb-a: 10.0.0.1, "
		"b: 10.0.0.2 } }\n" ONE,
		ONE,
	};
	key_text = KEY;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct vrrp_peers p;
		struct lb_err e = { 0 };
		struct lb_text line = LB_TEXT_INIT;
		ck_assert_msg(conf_of(texts[i], "lb-a", &p, &e) == 0, "%s", e.text);
		const struct vrrp_msg m = { .type = VRRP_MSG_PEERS, .u.peers = &p };
		struct vrrp_msg got;
		vrrp_msg_write(&m, &line);
		json_t *o = lb_proto_parse(line.s, line.n - 1, NULL);
		ck_assert_msg(vrrp_msg_read_vrrp(o, &got) == 0, "%s", line.s);
		ck_assert(same(got.u.peers, &p));
		vrrp_msg_done(&got);
		json_decref(o);
		lb_text_done(&line);
	}
}
END_TEST

START_TEST(where_there_is_no_second_path)
{
	static const struct {
		const char *what, *text, *node;
	} rows[] = {
		{ "no key", CLUSTER("", "10.0.0.1", "10.0.0.2") ONE, "lb-a" },
		{ "no cluster", ONE, "lb-a" },
		{ "nobody else", "cluster: { id: 1, key_file: /k, nodes: { lb-a: 10.0.0.1 } }\n" ONE, "lb-a" },
		{ "not one of them", PAIR, "lb-c" },
		{ "nothing to be master of", CLUSTER(KEY_FILE, "10.0.0.1", "10.0.0.2"), "lb-a" },
	};
	static const struct vrrp_peers none;
	key_text = NULL;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct vrrp_peers p;
		struct lb_err e = { 0 };
		ck_assert_msg(conf_of(rows[i].text, rows[i].node, &p, &e) == 0, "%s: %s", rows[i].what, e.text);
		ck_assert_msg(same(&p, &none) && reads == 0, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(a_key_that_is_none)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ NULL, "cluster.key_file: /k: No such file" },
		{ "", "cluster.key_file: /k: not a key" },
		{ "0001020304\n", "openssl rand -hex 32" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct vrrp_peers p;
		struct lb_err e = { 0 };
		key_text = rows[i].text;
		ck_assert_int_eq(conf_of(PAIR, "lb-a", &p, &e), -1);
		ck_assert_int_eq(e.code, LB_CODE_INVALID);
		ck_assert_msg(strstr(e.text, rows[i].want) != NULL, "%s", e.text);
	}
}
END_TEST

/* ---- what is known ---- */

static struct {
	struct model_peers ps;
	struct lb_time now;
	int64_t wall;
	char lines[2000]; /* level, event, text */
} k;

static void take(const char *text)
{
	struct vrrp_peers conf;
	struct lb_err e = { 0 };
	ck_assert_msg(conf_of(text, "lb-a", &conf, &e) == 0, "%s", e.text);
	(void)model_peers_take(&k.ps, &conf, k.now);
}

static void setup(const char *text)
{
	memset(&k, 0, sizeof(k));
	key_text = KEY;
	k.now.us = 1000000;
	k.wall = WALL;
	take(text);
	k.ps.due = false;
}

static const char *told(void)
{
	struct model_line line;
	k.lines[0] = '\0';
	for (uint32_t i = 0; i < k.ps.n; i++)
		for (unsigned n = 0; model_peer_next(&k.ps.v[i], k.now, k.wall, &line); n++) {
			size_t at = strlen(k.lines);
			ck_assert_uint_lt(n, 5); /* it ends */
			snprintf(k.lines + at, sizeof(k.lines) - at, "%s%s %s", at ? "\n" : "",
				line.level <= LB_LOG_WARNING ? "W" : "N", line.text);
			ck_assert(line.event == LB_EVENT_PEER_STATE || line.event == LB_EVENT_ALARM_RAISED ||
				  line.event == LB_EVENT_ALARM_CLEARED);
		}
	return k.lines;
}

static const char *after_ms(int64_t ms)
{
	k.now = lb_time_add_ms(k.now, ms);
	k.wall += ms;
	return told();
}

static struct vrrp_msg_node node_of(const char *name, bool up1, bool up2)
{
	struct vrrp_msg_node m = { .up = up1 || up2, .same_config = true, .version = "0.1.0", .n_paths = 2 };
	snprintf(m.name, sizeof(m.name), "%s", name);
	ck_assert_int_eq(lb_ip_parse("10.0.0.2", 8, &m.paths[0].theirs), 0);
	ck_assert_int_eq(lb_ip_parse("fd00::2", 7, &m.paths[1].theirs), 0);
	m.paths[0].up = up1;
	m.paths[1].up = up2;
	return m;
}

static const char *said(bool up1, bool up2)
{
	struct vrrp_msg_node m = node_of("lb-b", up1, up2);
	model_peers_said_node(&k.ps, &m);
	return told();
}

#define UP2 "N peer/lb-b: unknown -> up (paths=2/2, version=0.1.0, configuration same)"

START_TEST(up_and_down)
{
	setup(PAIR);
	ck_assert_str_eq(told(), "");
	ck_assert_str_eq(said(true, true), UP2);
	ck_assert_int_eq(k.ps.v[0].since_wall_ms, WALL);
	ck_assert_str_eq(said(true, true), "");
	ck_assert_str_eq(after_ms(60000), "");
	ck_assert_str_eq(said(true, false), "W peer/lb-b: 1 of 2 paths up (down: fd00::2)");
	ck_assert_str_eq(said(true, false), "");
	ck_assert_str_eq(said(true, true), "N peer/lb-b: 2 of 2 paths up");
	ck_assert_str_eq(said(false, false), "W peer/lb-b: up -> down (silent on all paths)");
	ck_assert_int_eq(k.ps.v[0].since_wall_ms, WALL + 60000);
	ck_assert_str_eq(after_ms(60000), "");
	ck_assert_str_eq(said(false, true), "N peer/lb-b: down -> up (paths=1/2, version=0.1.0, configuration same)");
}
END_TEST

/* Who has been heard of is not waited for, however young this process is. */
START_TEST(up_and_down_at_once)
{
	setup(PAIR);
	ck_assert_str_eq(said(true, true), UP2);
	ck_assert_str_eq(said(false, false), "W peer/lb-b: up -> down (silent on all paths)");
}
END_TEST

/* Nodes start after each other, and their daemons are upgraded one after the other. */
START_TEST(who_was_never_heard_of)
{
	struct vrrp_msg_node m = node_of("lb-b", false, false);
	setup(PAIR);
	m.version[0] = '\0';
	model_peers_said_node(&k.ps, &m);
	ck_assert_str_eq(told(), "");
	ck_assert_str_eq(after_ms(MODEL_PEER_GRACE_MS - 1), "");
	ck_assert_int_eq(k.ps.v[0].state, MODEL_PEER_UNKNOWN);
	ck_assert_str_eq(after_ms(1), "W peer/lb-b: unknown -> down (nothing was ever heard of it)");
	/* the same word again after the process has started anew: it is waited for again */
	ck_assert_str_eq(said(true, true), "N peer/lb-b: down -> up (paths=2/2, version=0.1.0, configuration same)");
	model_peers_forget(&k.ps, k.now);
	ck_assert(k.ps.due && k.ps.v[0].state == MODEL_PEER_UNKNOWN && !k.ps.v[0].heard);
	model_peers_said_node(&k.ps, &m);
	ck_assert_str_eq(after_ms(MODEL_PEER_GRACE_MS - 1), "");
	ck_assert_str_eq(said(true, true), UP2);
	/* a process that does not speak says nothing about others */
	model_peers_forget(&k.ps, k.now);
	ck_assert_str_eq(after_ms(10 * MODEL_PEER_GRACE_MS), "");
}
END_TEST

START_TEST(it_started_anew)
{
	struct vrrp_msg_node m = node_of("lb-b", true, true);
	setup(PAIR);
	ck_assert_str_eq(said(true, true), UP2);
	m.restarts = 1;
	snprintf(m.version, sizeof(m.version), "0.2.0");
	model_peers_said_node(&k.ps, &m);
	ck_assert_str_eq(told(), "N peer/lb-b: has started anew (version=0.2.0)");
	ck_assert_str_eq(told(), "");
	/* of one that is down again that is no news */
	m.restarts = 2;
	m.up = m.paths[0].up = m.paths[1].up = false;
	model_peers_said_node(&k.ps, &m);
	ck_assert_str_eq(told(), "W peer/lb-b: up -> down (silent on all paths)");
	m.restarts = 3;
	model_peers_said_node(&k.ps, &m);
	ck_assert_str_eq(told(), "");
	/* nor of one that is up again */
	m.up = m.paths[0].up = m.paths[1].up = true;
	model_peers_said_node(&k.ps, &m);
	ck_assert_str_eq(told(), "N peer/lb-b: down -> up (paths=2/2, version=0.2.0, configuration same)");
}
END_TEST

/* A configuration is applied on one node after the other. */
START_TEST(configurations_that_differ)
{
	struct vrrp_msg_node m = node_of("lb-b", true, true);
	setup(PAIR);
	(void)said(true, true);
	m.same_config = false;
	model_peers_said_node(&k.ps, &m);
	ck_assert_str_eq(told(), "");
	ck_assert_str_eq(after_ms(MODEL_PEER_DIFFERS_MS - 1), "");
	(void)said(true, true); /* in time */
	ck_assert_str_eq(after_ms(MODEL_PEER_DIFFERS_MS), "");
	model_peers_said_node(&k.ps, &m);
	ck_assert_str_eq(told(), "");
	ck_assert_str_eq(after_ms(MODEL_PEER_DIFFERS_MS), "W peer/lb-b: alarm config_differs raised");
	ck_assert(k.ps.v[0].differs);
	ck_assert_str_eq(after_ms(MODEL_PEER_DIFFERS_MS), "");
	ck_assert_str_eq(said(true, true), "N peer/lb-b: alarm config_differs is over");
	/* of one that is gone nobody knows */
	model_peers_said_node(&k.ps, &m);
	(void)told();
	(void)after_ms(MODEL_PEER_DIFFERS_MS);
	m.up = m.paths[0].up = m.paths[1].up = false;
	model_peers_said_node(&k.ps, &m);
	ck_assert_str_eq(
		told(), "W peer/lb-b: up -> down (silent on all paths)\nN peer/lb-b: alarm config_differs is over");
}
END_TEST

static void theirs(const char *node, uint32_t id, bool known, enum vrrp_state state)
{
	struct vrrp_msg_theirs m = { .id = id, .known = known, .state = state, .prio = 100 };
	snprintf(m.node, sizeof(m.node), "%s", node);
	model_peers_said_theirs(&k.ps, &m);
}

START_TEST(instances_there)
{
	setup(PAIR);
	(void)said(true, true);
	const struct model_peer *p = model_peer_find(&k.ps, "lb-b");
	ck_assert_ptr_null(model_peer_theirs(p, 1));
	theirs("lb-b", 1, true, VRRP_STATE_BACKUP);
	theirs("lb-b", 2, true, VRRP_STATE_FAULT);
	theirs("lb-z", 3, true, VRRP_STATE_MASTER); /* of nobody */
	ck_assert_int_eq(model_peer_theirs(p, 1)->state, VRRP_STATE_BACKUP);
	theirs("lb-b", 1, true, VRRP_STATE_MASTER);
	ck_assert_int_eq(model_peer_theirs(p, 1)->state, VRRP_STATE_MASTER);
	ck_assert_int_eq(model_peer_theirs(p, 2)->state, VRRP_STATE_FAULT);
	ck_assert_ptr_null(model_peer_theirs(p, 3));
	ck_assert_uint_eq(p->n_theirs, 2);
	theirs("lb-b", 1, false, VRRP_STATE_INIT);
	ck_assert_ptr_null(model_peer_theirs(p, 1));
	ck_assert_int_eq(model_peer_theirs(p, 2)->state, VRRP_STATE_FAULT);
	theirs("lb-b", 9, false, VRRP_STATE_INIT); /* never was */
	ck_assert_uint_eq(p->n_theirs, 1);
	/* more than there can be */
	for (uint32_t id = 100; id < 100 + 2 * CONFIG_VRRP_MAX; id++)
		theirs("lb-b", id, true, VRRP_STATE_BACKUP);
	ck_assert_uint_eq(p->n_theirs, CONFIG_VRRP_MAX);
	/* those that went are forgotten */
	struct vrrp_conf conf = { .id = 100 };
	struct model_vrrp one = { .conf = &conf };
	const struct model_vrrps vs = { .v = &one, .n = 1 };
	model_peers_prune(&k.ps, &vs);
	ck_assert_uint_eq(p->n_theirs, 1);
	ck_assert_ptr_nonnull(model_peer_theirs(p, 100));
	/* and all of one that is gone */
	(void)said(false, false);
	ck_assert_ptr_null(model_peer_theirs(p, 100));
	(void)said(true, true);
	ck_assert_ptr_null(model_peer_theirs(p, 100));
}
END_TEST

#define THREE(x, y)                                                                                                    \
	"cluster: { id: 7, key_file: /k, nodes: { lb-a: [10.0.0.1, 10.0.1.1], " x ": [10.0.0.2, 10.0.1.2], " y         \
	": [10.0.0.3, 10.0.1.3] } }\n" ONE

START_TEST(a_reload)
{
	setup(PAIR);
	(void)said(true, true);
	theirs("lb-b", 1, true, VRRP_STATE_BACKUP);
	struct vrrp_peers conf;
	struct lb_err e = { 0 };
	ck_assert_int_eq(conf_of(PAIR, "lb-a", &conf, &e), 0);
	ck_assert(!model_peers_take(&k.ps, &conf, k.now) && !k.ps.due); /* nothing is new */
	key_text = OTHER_KEY;
	ck_assert_int_eq(conf_of(PAIR, "lb-a", &conf, &e), 0);
	ck_assert(model_peers_take(&k.ps, &conf, k.now) && k.ps.due);
	ck_assert_int_eq(k.ps.v[0].state, MODEL_PEER_UP);
	k.ps.due = false;
	/* who comes before it in the alphabet does not take its place */
	take(THREE("lb-aa", "lb-b"));
	ck_assert(k.ps.due && k.ps.n == 2);
	ck_assert_str_eq(k.ps.v[0].name, "lb-aa");
	ck_assert_int_eq(k.ps.v[0].state, MODEL_PEER_UNKNOWN);
	ck_assert_int_eq(k.ps.v[1].state, MODEL_PEER_UP);
	ck_assert_ptr_nonnull(model_peer_theirs(&k.ps.v[1], 1));
	take(THREE("lb-b", "lb-c"));
	ck_assert_uint_eq(k.ps.n, 2);
	ck_assert_str_eq(k.ps.v[0].name, "lb-b");
	ck_assert_int_eq(k.ps.v[0].state, MODEL_PEER_UP);
	ck_assert_str_eq(k.ps.v[1].name, "lb-c");
	k.ps.due = false;
	take(ONE);
	ck_assert(k.ps.due && k.ps.n == 0 && k.ps.conf.n_nodes == 0);
	ck_assert_str_eq(said(true, true), ""); /* of one that we do not know any more */
	ck_assert_ptr_null(model_peer_find(&k.ps, "lb-b"));
	model_peers_done(&k.ps);
}
END_TEST

/* All seven others are exchanged at once: there is room for seven and no more. */
START_TEST(everybody_else)
{
#define SEVEN(p)                                                                                                       \
	"cluster: { id: 7, key_file: /k, nodes: { lb-a: 10.0.0.1, " p "1: 10.0.0.2, " p "2: 10.0.0.3, " p              \
	"3: 10.0.0.4, " p "4: 10.0.0.5, " p "5: 10.0.0.6, " p "6: 10.0.0.7, " p "7: 10.0.0.8 } }\n" ONE
	setup(SEVEN("a"));
	ck_assert_uint_eq(k.ps.n, 7);
	struct vrrp_msg_node m = node_of("a7", true, true);
	model_peers_said_node(&k.ps, &m);
	(void)told();
	take(SEVEN("z"));
	for (uint32_t i = 0; i < 7; i++)
		ck_assert(k.ps.v[i].name[0] == 'z' && k.ps.v[i].state == MODEL_PEER_UNKNOWN);
	ck_assert_uint_eq(k.ps.n, 7);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { both_ends_of_each_path, the_process_takes_it, where_there_is_no_second_path,
		a_key_that_is_none, up_and_down, up_and_down_at_once, who_was_never_heard_of, it_started_anew,
		configurations_that_differ, instances_there, a_reload, everybody_else };
	return run_suite("model_peer", tests, COUNT(tests));
}
