/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process of VRRP gets and what is made of its words. */
#include "lbd/model_vrrp.h"
#include "tests/unit/lbd_model/cluster.h"

#define ONE                                                                                                            \
	"vrrp:\n"                                                                                                      \
	"  wan4: { interface: eth0, vrid: 51, group: edge, priority: 120, addresses: [203.0.113.1/24, "                \
	"203.0.113.2/24],"                                                                                             \
	" excluded: 2001:db8::1/64, unicast: 192.0.2.2, source: 192.0.2.1, advert_interval: 100ms, lease: 2s,"         \
	" preempt_delay: 5s, startup_delay: 3s, announce: { count: 3, delay: 4s, refresh: 60s }, min_ttl: 254 }\n"
#define KEYED                                                                                                          \
	"vrrp:\n"                                                                                                      \
	"  lan4: { interface: eth1, vrid: 7, addresses: 10.0.0.1/24 }\n"                                               \
	"  wan4: { interface: eth0, vrid: 51, addresses: 203.0.113.1/24,"                                              \
	" auth: { type: hmac, key_file: /k, mode: permissive, window: 9s } }\n"
#define KEY_A "1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
#define KEY_B "2 ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

static struct {
	struct config *c;
	struct model_vrrps vs;
	struct overrides *ov;
} k;

/* The configuration before it goes afterwards, as in the daemon. */
static void take(const char *text)
{
	struct lb_err e = { 0 };
	struct config *c = config_of(text);
	struct vrrp_conf *confs = model_vrrp_confs(c, read_key, NULL, &e);
	ck_assert_msg(confs != NULL, "%s", e.text);
	ck_assert_int_eq(model_vrrps_take(&k.vs, c, confs, k.ov), 0);
	model_vrrp_confs_free(confs, c->n_vrrp);
	config_free(k.c);
	k.c = c;
}

/* As the daemon does: everything due has been told. */
static void told(void)
{
	k.vs.n_gone = 0;
	for (uint32_t i = 0; i < k.vs.n; i++)
		k.vs.v[i].conf_due = k.vs.v[i].track_due = false;
}

static void setup(void)
{
	memset(&k, 0, sizeof(k));
	k.ov = overrides_new();
	key_text = KEY_A;
}

static void teardown(void)
{
	model_vrrps_done(&k.vs);
	overrides_free(k.ov);
	config_free(k.c);
}

static const struct model_vrrp *at(const char *name)
{
	const struct model_vrrp *v = model_vrrp_find(&k.vs, name);
	ck_assert_msg(v != NULL, "no %s", name);
	return v;
}

START_TEST(a_configuration_becomes_what_the_process_gets)
{
	setup();
	take(ONE);
	const struct vrrp_conf *c = at("wan4")->conf;
	char ip[LB_IP_STRLEN];
	ck_assert_uint_eq(c->id, 1);
	ck_assert_str_eq(c->name, "wan4");
	ck_assert_str_eq(c->group, "edge");
	ck_assert_str_eq(c->interface, "eth0");
	ck_assert_uint_eq(c->vrid, 51);
	ck_assert_uint_eq(c->prio, 120);
	ck_assert_uint_eq(c->version, 3);
	ck_assert_uint_eq(c->rules.version, 3);
	ck_assert_uint_eq(c->rules.interval_cs, 10);
	ck_assert(c->rules.preempt);
	ck_assert_int_eq(c->rules.preempt_delay_ms, 5000);
	ck_assert_int_eq(c->rules.startup_delay_ms, 3000);
	ck_assert_uint_eq(c->n_addrs, 2);
	ck_assert_str_eq(lb_ip_str(&c->addrs[1].ip, ip), "203.0.113.2");
	ck_assert_uint_eq(c->addrs[1].prefix, 24);
	ck_assert_uint_eq(c->n_excluded, 1);
	ck_assert_str_eq(lb_ip_str(&c->excluded[0].ip, ip), "2001:db8::1");
	ck_assert_uint_eq(c->n_peers, 1);
	ck_assert_str_eq(lb_ip_str(&c->peers[0], ip), "192.0.2.2");
	ck_assert_str_eq(lb_ip_str(&c->source, ip), "192.0.2.1");
	ck_assert_uint_eq(c->min_ttl, 254);
	ck_assert_uint_eq(c->lease_s, 2);
	ck_assert_uint_eq(c->announce.count, 3);
	ck_assert_int_eq(c->announce.delay_ms, 4000);
	ck_assert_int_eq(c->announce.refresh_ms, 60000);
	ck_assert_int_eq(c->announce.again_ms, 2000);
	ck_assert_int_eq(c->auth.mode, VRRP_AUTH_OFF);
	ck_assert(!c->with_password);
	teardown();
}
END_TEST

START_TEST(keys_come_from_their_file)
{
	setup();
	key_text = KEY_A KEY_B;
	take(KEYED);
	const struct vrrp_auth *a = &at("wan4")->conf->auth;
	ck_assert_int_eq(a->mode, VRRP_AUTH_PERMISSIVE);
	ck_assert_uint_eq(a->window_ms, 9000);
	ck_assert_uint_eq(a->n_keys, 2);
	ck_assert_uint_eq(a->keys[0].id, 1);
	ck_assert_uint_eq(a->keys[1].bytes[0], 0xff);
	ck_assert_uint_eq(at("lan4")->conf->auth.n_keys, 0);
	teardown();
}
END_TEST

static const struct {
	const char *what, *text, *key;
	const char *error; /* a part; NULL = taken */
} keys[] = {
	{ "no file", KEYED, NULL, "vrrp/wan4: /k: No such file" },
	{ "no key", KEYED, "1 abcd\n", "vrrp/wan4: /k: line 1: " },
	{ "nothing", KEYED, "", "vrrp/wan4: /k: line 1: there is no key in it" },
#define PASS                                                                                                           \
	"vrrp: { old: { interface: eth0, vrid: 5, version: 2, addresses: 10.0.0.1/24,"                                 \
	" auth: { type: password, key_file: /p } } }\n"
	{ "a password", PASS, "12345678\n", NULL },
	{ "a password without the end of its line", PASS, "abc", NULL },
	{ "a password of Windows", PASS, "abc\r\n", NULL },
	{ "too long for a password", PASS, "123456789\n", "vrrp/old: /p: a password is 1 to 8 characters" },
	{ "no password", PASS, "\nabc\n", "vrrp/old: /p: a password" },
};

START_TEST(a_key_that_cannot_be_had_refuses_it_all)
{
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct lb_err e = { 0 };
		struct config *c = config_of(keys[i].text);
		key_text = keys[i].key;
		struct vrrp_conf *confs = model_vrrp_confs(c, read_key, NULL, &e);
		ck_assert_msg((confs == NULL) == (keys[i].error != NULL), "%s: %s", keys[i].what, e.text);
		if (keys[i].error)
			ck_assert_msg(strstr(e.text, keys[i].error), "%s: %s", keys[i].what, e.text);
		else
			ck_assert_msg(confs->with_password && strncmp((char *)confs->password, keys[i].key,
								      strcspn(keys[i].key, "\r\n")) == 0,
				"%s", keys[i].what);
		model_vrrp_confs_free(confs, c->n_vrrp);
		config_free(c);
	}
}
END_TEST

START_TEST(where_packets_come_to)
{
	setup();
	take("{}\n");
	ck_assert(model_vrrps_forwards(&k.vs)); /* wherever they come from */
	take("vrrp:\n  a: { interface: e, vrid: 1, addresses: 10.0.0.1/24 }\n"
	     "  b: { interface: e, vrid: 2, addresses: 10.0.0.2/24 }\n");
	ck_assert(!model_vrrps_forwards(&k.vs));
	for (uint32_t i = 0; i < 2; i++) {
		struct model_line out;
		const struct vrrp_msg_state m = { .id = k.vs.v[i].conf->id,
			.state = i ? VRRP_STATE_MASTER : VRRP_STATE_BACKUP };
		model_vrrp_said_state(&k.vs.v[i], &m, WALL, &out);
		ck_assert(model_vrrps_forwards(&k.vs) == (i == 1)); /* one is enough */
	}
	model_vrrps_forget(&k.vs);
	ck_assert(!model_vrrps_forwards(&k.vs));
	teardown();
}
END_TEST

START_TEST(only_who_changed_is_told_again)
{
	setup();
	take("vrrp:\n  a: { interface: e, vrid: 1, addresses: 10.0.0.1/24 }\n"
	     "  b: { interface: e, vrid: 2, addresses: 10.0.0.2/24 }\n"
	     "  c: { interface: e, vrid: 3, addresses: 10.0.0.3/24 }\n");
	for (uint32_t i = 0; i < 3; i++)
		ck_assert(k.vs.v[i].conf_due && k.vs.v[i].track_due);
	uint32_t id_a = at("a")->conf->id, id_b = at("b")->conf->id, id_c = at("c")->conf->id;
	told();
	model_vrrp_by_id(&k.vs, id_b)->spoke = true;
	/* a goes, b changes, c stays but for what is tracked, d comes */
	take("checks: { gw: { type: icmp, address: 10.0.0.9 } }\n"
	     "vrrp:\n  b: { interface: e, vrid: 2, addresses: 10.0.0.22/24 }\n"
	     "  c: { interface: e, vrid: 3, addresses: 10.0.0.3/24, track: { check: gw } }\n"
	     "  d: { interface: e, vrid: 4, addresses: 10.0.0.4/24 }\n");
	ck_assert_uint_eq(k.vs.n_gone, 1);
	ck_assert_uint_eq(k.vs.gone[0], id_a);
	ck_assert(at("b")->conf_due && at("b")->spoke);
	ck_assert(at("b")->track_due); /* who begins anew is told again what it is worth */
	ck_assert_uint_eq(at("b")->conf->id, id_b);
	ck_assert(!at("c")->conf_due);
	ck_assert_uint_eq(at("c")->conf->id, id_c);
	ck_assert(at("d")->conf_due && !at("d")->spoke);
	ck_assert_uint_gt(at("d")->conf->id, id_c);
	told();
	/* whoever comes back is another one: its old id may still be on the way */
	take("vrrp:\n  a: { interface: e, vrid: 1, addresses: 10.0.0.1/24 }\n");
	ck_assert_uint_eq(k.vs.n_gone, 3);
	ck_assert_uint_ne(at("a")->conf->id, id_a);
	take("{}\n");
	ck_assert_uint_eq(k.vs.n, 0);
	teardown();
}
END_TEST

/* The process says that it ends when nobody knows of it any more, so it is told of here. */
START_TEST(who_goes_with_a_reload_is_told_of)
{
#define NAMED(name, n) "  " name ": { interface: e, vrid: " n ", addresses: 10.0.0." n "/24 }\n"
	struct vrrp_msg_state m;
	struct model_line out;
	setup();
	take("vrrp:\n" NAMED("a", "1") NAMED("b", "2") NAMED("c", "3") NAMED("d", "4"));
	ck_assert_ptr_null(model_vrrps_ended(&k.vs, &m));
	for (uint32_t id = 1; id <= 3; id++) {
		m = (struct vrrp_msg_state){
			.id = id, .state = id == 3 ? VRRP_STATE_INIT : VRRP_STATE_MASTER, .prio = 100
		};
		model_vrrp_said_state(model_vrrp_by_id(&k.vs, id), &m, 0, &out);
	}
	/* a has another name, b stays, c had not begun, and of d nothing was heard */
	take("vrrp:\n" NAMED("b", "2") NAMED("z", "1"));
	struct model_vrrp *v = model_vrrps_ended(&k.vs, &m);
	ck_assert(v && m.id == 1 && k.vs.n_gone == 3);
	model_vrrp_said_state(v, &m, 0, &out);
	ck_assert_str_eq(out.text, "vrrp/a: master -> init (stopped, prio=100)");
	ck_assert_ptr_null(model_vrrps_ended(&k.vs, &m));
	take("vrrp: {}\n");
	take("{}\n"); /* nobody asked */
	ck_assert_ptr_null(model_vrrps_ended(&k.vs, &m));
	take("vrrp:\n" NAMED("a", "1"));
	m = (struct vrrp_msg_state){ .id = at("a")->conf->id, .state = VRRP_STATE_MASTER };
	model_vrrp_said_state(model_vrrp_by_id(&k.vs, m.id), &m, 0, &out);
	take("{}\n");
	ck_assert_uint_eq(k.vs.n_ended, 1); /* to be freed */
	teardown();
}
END_TEST

START_TEST(tracks_that_stay_keep_what_was_seen)
{
	setup();
	take("vrrp: { a: { interface: e, vrid: 1, addresses: 10.0.0.1/24,"
	     " track: [{ interface: x }, { process: p }, { services_up: 50% }] } }\n");
	for (uint32_t i = 0; i < 3; i++)
		k.vs.v[0].tracks[i].is = MODEL_SEEN_DOWN;
	take("vrrp: { a: { interface: e, vrid: 1, addresses: 10.0.0.1/24,"
	     " track: [{ process: x }, { services_up: 60% }, { process: p, weight: 9, debounce: 1s }] } }\n");
	ck_assert_int_eq(k.vs.v[0].tracks[0].is, MODEL_SEEN_UNKNOWN);
	ck_assert_int_eq(k.vs.v[0].tracks[1].is, MODEL_SEEN_UNKNOWN);
	ck_assert_int_eq(k.vs.v[0].tracks[2].is, MODEL_SEEN_DOWN);
	teardown();
}
END_TEST

START_TEST(new_keys_alone_are_told)
{
	setup();
	take(KEYED);
	told();
	struct lb_err e;
	struct vrrp_conf *confs = model_vrrp_confs(k.c, read_key, NULL, &e);
	ck_assert_uint_eq(model_vrrps_take_keys(&k.vs, confs), 0);
	ck_assert(!at("wan4")->conf_due);
	model_vrrp_confs_free(confs, k.c->n_vrrp);
	key_text = KEY_B KEY_A;
	confs = model_vrrp_confs(k.c, read_key, NULL, &e);
	ck_assert_uint_eq(model_vrrps_new_keys(&k.vs, k.c, confs), 1);
	ck_assert(!at("wan4")->conf_due); /* it only asks */
	ck_assert_uint_eq(model_vrrps_take_keys(&k.vs, confs), 1);
	ck_assert_uint_eq(model_vrrps_new_keys(&k.vs, k.c, confs), 0);
	ck_assert(at("wan4")->conf_due && !at("lan4")->conf_due);
	ck_assert_uint_eq(at("wan4")->conf->auth.keys[0].id, 2);
	model_vrrp_confs_free(confs, k.c->n_vrrp);
	teardown();
}
END_TEST

START_TEST(keys_in_another_file_are_those_of_another_text)
{
	static const char *const same[] = { "/k, mode: permissive", "/other", NULL };
	char text[200];
	struct lb_err e;
	for (size_t i = 0; i < 3; i++) {
		setup();
		key_text = KEY_A;
		take("vrrp: { a: { interface: e, vrid: 1, addresses: 10.0.0.1/24, auth: { type: hmac, key_file: /k } } "
		     "}\n");
		key_text = KEY_B KEY_A;
		snprintf(text, sizeof(text),
			"vrrp: { %s: { interface: e, vrid: 1, addresses: 10.0.0.1/24,"
			" auth: { type: hmac, key_file: %s } } }\n",
			same[i] ? "a" : "b", same[i] ? same[i] : "/k");
		struct config *c = config_of(text);
		struct vrrp_conf *confs = model_vrrp_confs(c, read_key, NULL, &e);
		ck_assert_uint_eq(model_vrrps_new_keys(&k.vs, c, confs), i == 0);
		model_vrrp_confs_free(confs, c->n_vrrp);
		config_free(c);
		teardown();
	}
}
END_TEST

START_TEST(an_operator_has_another_priority)
{
	setup();
	const struct override_who who = { "alice", "", WALL, { 0 }, 0, false };
	take(ONE);
	told();
	model_vrrps_override(&k.vs, k.ov);
	ck_assert(!at("wan4")->conf_due);
	overrides_set_prio(k.ov, "vrrp:wan4", 50, &who);
	model_vrrps_override(&k.vs, k.ov);
	ck_assert(at("wan4")->conf_due);
	ck_assert_uint_eq(at("wan4")->conf->prio, 50);
	told();
	take(ONE); /* it survives a reload, which changes nothing */
	ck_assert(!at("wan4")->conf_due);
	ck_assert_uint_eq(at("wan4")->conf->prio, 50);
	overrides_clear_prio(k.ov, "vrrp:wan4");
	model_vrrps_override(&k.vs, k.ov);
	ck_assert(at("wan4")->conf_due);
	ck_assert_uint_eq(at("wan4")->conf->prio, 120);
	teardown();
}
END_TEST

#define EDGE                                                                                                           \
	"vrrp:\n"                                                                                                      \
	"  dmz: { interface: eth2, vrid: 53, addresses: 10.2.0.1/24, track: { interface: x, weight: -7 } }\n"          \
	"  lan: { interface: eth1, vrid: 52, group: edge, priority: 140, addresses: 10.1.0.1/24,"                      \
	" track: [{ interface: x, weight: -60 }, { process: p, weight: 20 }] }\n"                                      \
	"  wan: { interface: eth0, vrid: 51, group: edge, priority: 150, addresses: 203.0.113.1/24,"                   \
	" track: [{ interface: x, weight: -30 }, { interface: y, weight: -10 }, { process: q }] }\n"

START_TEST(what_two_members_give_the_same_weight_counts_once)
{
	setup();
	take("vrrp:\n"
	     "  lan: { interface: eth1, vrid: 52, group: edge, addresses: 10.1.0.1/24, track: { interface: x, weight: "
	     "-30 } }\n"
	     "  wan: { interface: eth0, vrid: 51, group: edge, addresses: 203.0.113.1/24,"
	     " track: { interface: x, weight: -30 } }\n");
	k.vs.v[0].tracks[0].is = k.vs.v[1].tracks[0].is = MODEL_SEEN_DOWN;
	model_vrrps_weigh(&k.vs);
	ck_assert(at("lan")->track.add == -30 && at("wan")->track.add == -30);
	teardown();
}
END_TEST

START_TEST(what_a_virtual_mac_needs)
{
#define WITH(rest) "vrrp:\n  a: { interface: e, vrid: 1, addresses: 10.0.0.1/24, virtual_mac: true" rest " }\n"
	setup();
	take(WITH(""));
	ck_assert(at("a")->conf->virtual_mac && at("a")->conf->announce.refresh_ms == 0); /* adverts tell switches */
	take(WITH(", unicast: 10.0.0.2, source: 10.0.0.3"));
	ck_assert_int_gt(at("a")->conf->announce.refresh_ms, 0);
	take(WITH(", unicast: 10.0.0.2, source: 10.0.0.3, announce: { refresh: off }"));
	ck_assert_int_eq(at("a")->conf->announce.refresh_ms, 0);
	take(WITH(", unicast: 10.0.0.2, source: 10.0.0.3, announce: { refresh: 90s }"));
	ck_assert_int_eq(at("a")->conf->announce.refresh_ms, 90000);
	take(WITH(", priority: 255"));
	ck_assert(!at("a")->conf->virtual_mac); /* an owner's address is the card's own */
	take(WITH(", announce: { count: 0 }"));
	ck_assert_int_eq(at("a")->conf->announce.again_ms, 0); /* no announcing at all is none after a lease, too */
	teardown();
}
END_TEST

START_TEST(a_group_counts_as_one)
{
	static const struct {
		const char *what;
		enum model_seen lan[2], wan[3];
		int32_t add;
	} rows[] = {
		{ "all is well", { MODEL_SEEN_UP, MODEL_SEEN_DOWN }, { MODEL_SEEN_UP, MODEL_SEEN_UP, MODEL_SEEN_UP },
			0 },
		{ "at one of them", { MODEL_SEEN_UP, MODEL_SEEN_DOWN },
			{ MODEL_SEEN_UP, MODEL_SEEN_DOWN, MODEL_SEEN_UP }, -10 },
		{ "at both, and what both track once", { MODEL_SEEN_DOWN, MODEL_SEEN_UP },
			{ MODEL_SEEN_DOWN, MODEL_SEEN_DOWN, MODEL_SEEN_UP }, -50 },
		{ "a debounce is over at one only", { MODEL_SEEN_UP, MODEL_SEEN_DOWN },
			{ MODEL_SEEN_DOWN, MODEL_SEEN_UP, MODEL_SEEN_UP }, -30 },
		{ "a fault is one's own", { MODEL_SEEN_UP, MODEL_SEEN_UP },
			{ MODEL_SEEN_UP, MODEL_SEEN_UP, MODEL_SEEN_DOWN }, 20 },
	};
	setup();
	take(EDGE);
	ck_assert(at("lan")->conf->prio == 145 && at("wan")->conf->prio == 145 && at("dmz")->conf->prio == 100);
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t j = 0; j < 2; j++)
			k.vs.v[1].tracks[j].is = rows[i].lan[j];
		for (size_t j = 0; j < 3; j++)
			k.vs.v[2].tracks[j].is = rows[i].wan[j];
		told();
		int32_t was = at("lan")->track.add;
		model_vrrps_weigh(&k.vs);
		ck_assert_msg(at("lan")->track.add == rows[i].add && at("wan")->track.add == rows[i].add, "%s: %d, %d",
			rows[i].what, (int)at("lan")->track.add, (int)at("wan")->track.add);
		ck_assert_msg(at("lan")->track_due == (was != rows[i].add), "%s: due", rows[i].what);
		ck_assert(!at("lan")->track.fault);
		ck_assert(at("wan")->track.fault == (rows[i].wan[2] == MODEL_SEEN_DOWN));
		ck_assert(at("dmz")->track.add == 0 && !at("dmz")->track_due);
	}
	k.vs.v[0].tracks[0].is = MODEL_SEEN_DOWN; /* the same thing, but of no group */
	model_vrrps_weigh(&k.vs);
	ck_assert_int_eq(at("dmz")->track.add, -7);
	teardown();
}
END_TEST

START_TEST(an_operators_priority_is_that_of_the_group)
{
	const struct override_who who = { "alice", "", WALL, { 0 }, 0, false };
	setup();
	take(EDGE);
	told();
	overrides_set_prio(k.ov, "vrrp:wan", 200, &who);
	model_vrrps_override(&k.vs, k.ov);
	ck_assert(at("wan")->conf_due && at("lan")->conf_due && !at("dmz")->conf_due);
	ck_assert(at("wan")->conf->prio == 200 && at("lan")->conf->prio == 200);
	overrides_set_prio(k.ov, "vrrp:lan", 90, &who);
	take(EDGE);
	ck_assert(at("wan")->conf->prio == 90 && at("lan")->conf->prio == 90);
	teardown();
}
END_TEST

START_TEST(next_to_an_owner_nothing_counts)
{
	const struct override_who who = { "alice", "", WALL, { 0 }, 0, false };
	setup();
	take("vrrp:\n"
	     "  lan: { interface: eth1, vrid: 52, group: edge, addresses: 10.1.0.1/24,"
	     " track: { interface: x, weight: -60 } }\n"
	     "  wan: { interface: eth0, vrid: 51, group: edge, priority: 255, addresses: 203.0.113.1/24 }\n");
	overrides_set_prio(k.ov, "vrrp:lan", 90, &who);
	model_vrrps_override(&k.vs, k.ov);
	k.vs.v[0].tracks[0].is = MODEL_SEEN_DOWN;
	model_vrrps_weigh(&k.vs);
	ck_assert(at("wan")->conf->prio == 255 && at("lan")->conf->prio == 254);
	ck_assert(at("wan")->track.add == 0 && at("lan")->track.add == 0);
	ck_assert_ptr_eq(model_vrrp_owner(&k.vs, at("lan")), at("wan"));
	teardown();
}
END_TEST

/* It is another instance then, which knows nothing of what is tracked: with a fault that it is not told it is master.
 */
START_TEST(who_comes_to_own_its_addresses_is_told_of_its_faults_again)
{
#define PRIO(p) "vrrp: { wan: { interface: eth0, vrid: 51, priority: " p ", addresses: 203.0.113.1/24 } }\n"
	static const char *const texts[] = { PRIO("255"), PRIO("150"), PRIO("255") };
	setup();
	for (size_t i = 0; i < COUNT(texts); i++) {
		take(texts[i]);
		ck_assert_msg(at("wan")->conf_due && at("wan")->track_due, "row %zu", i);
		told();
	}
	teardown();
}
END_TEST

/* The process that follows one that died does not know it, nor does an instance that a reload makes anew. */
START_TEST(who_has_resigned_is_known_to_have)
{
	struct model_line out;
	setup();
	take(ONE);
	told();
	struct vrrp_msg_state m = { .id = 1, .state = VRRP_STATE_BACKUP, .resigned = true, .refused = "all" };
	model_vrrp_said_state(model_vrrp_by_id(&k.vs, 1), &m, 0, &out);
	ck_assert(at("wan4")->conf->resigned && !at("wan4")->conf_due);
	take(ONE);
	ck_assert(at("wan4")->conf->resigned && !at("wan4")->conf_due);
	model_vrrps_forget(&k.vs);
	ck_assert(at("wan4")->conf->resigned && at("wan4")->conf_due);
	ck_assert_str_eq(at("wan4")->conf->refused, "all");
	m = (struct vrrp_msg_state){ .id = 1, .state = VRRP_STATE_MASTER };
	model_vrrp_said_state(model_vrrp_by_id(&k.vs, 1), &m, 0, &out);
	ck_assert(!at("wan4")->conf->resigned && !at("wan4")->conf->refused[0]);
	teardown();
}
END_TEST

START_TEST(who_was_at_fault_does_not_preempt_until_it_is_over)
{
	setup();
	take(KEYED);
	told();
	struct model_vrrp *lan = &k.vs.v[0], *wan = &k.vs.v[1];
	lan->spoke = true;
	lan->state.state = VRRP_STATE_FAULT;
	model_vrrp_at_fault(&k.vs, lan);
	ck_assert(lan->conf_due && !lan->conf->rules.preempt);
	ck_assert(!wan->conf_due && wan->conf->rules.preempt); /* that one is well */
	told();
	ck_assert(!model_vrrps_over(&k.vs)); /* it is at fault still */
	ck_assert(!lan->conf_due && !lan->conf->rules.preempt);
	take(KEYED); /* a reload does not end it */
	told();
	lan = &k.vs.v[0];
	ck_assert(!lan->conf->rules.preempt);
	lan->state.state = VRRP_STATE_BACKUP;
	model_vrrps_hold(&k.vs, true);
	model_vrrps_hold(&k.vs, false); /* another reason, which comes and goes */
	ck_assert(!lan->conf->rules.preempt && k.vs.v[1].conf->rules.preempt);
	told();
	ck_assert(model_vrrps_over(&k.vs));
	ck_assert(lan->conf_due && lan->conf->rules.preempt && !k.vs.v[1].conf_due);
	/* of what the process said before it was started anew nothing is known */
	lan->state.state = VRRP_STATE_FAULT;
	model_vrrp_at_fault(&k.vs, lan);
	ck_assert(!model_vrrps_over(&k.vs));
	model_vrrps_forget(&k.vs);
	ck_assert(model_vrrps_over(&k.vs) && lan->conf->rules.preempt);
	teardown();
}
END_TEST

static struct lb_ip ip(const char *s)
{
	struct lb_ip out = { 0 };
	ck_assert_int_eq(lb_ip_parse(s, strlen(s), &out), 0);
	return out;
}

START_TEST(words_become_lines)
{
	static const struct {
		const char *what;
		enum vrrp_state was, is;
		enum vrrp_cause cause;
		uint8_t prio;
		const char *reason, *master;
		const char *line;
		enum lb_log_level level;
	} rows[] = {
		{ "the first word tells where it came from", VRRP_STATE_INIT, VRRP_STATE_BACKUP, VRRP_CAUSE_STARTED,
			100, "", NULL, "vrrp/wan4: init -> backup (started, prio=100)", LB_LOG_NOTICE },
		{ "it follows", VRRP_STATE_BACKUP, VRRP_STATE_BACKUP, VRRP_CAUSE_STARTED, 100, "", "192.0.2.2",
			"vrrp/wan4: follows 192.0.2.2 (prio=150)", LB_LOG_NOTICE },
		{ "nothing new", VRRP_STATE_BACKUP, VRRP_STATE_BACKUP, VRRP_CAUSE_STARTED, 100, "", "192.0.2.2", "",
			LB_LOG_NOTICE },
		{ "master", VRRP_STATE_BACKUP, VRRP_STATE_MASTER, VRRP_CAUSE_NO_ADVERT, 100, "", NULL,
			"vrrp/wan4: backup -> master (no_advert, prio=100)", LB_LOG_NOTICE },
		{ "another priority", VRRP_STATE_BACKUP, VRRP_STATE_MASTER, VRRP_CAUSE_STARTED, 80, "", NULL,
			"vrrp/wan4: priority 100 -> 80", LB_LOG_NOTICE },
		{ "a fault says which", VRRP_STATE_MASTER, VRRP_STATE_FAULT, VRRP_CAUSE_FAULT, 80, "link_down", NULL,
			"vrrp/wan4: master -> fault (link_down, prio=80)", LB_LOG_WARNING },
		{ "another fault", VRRP_STATE_MASTER, VRRP_STATE_FAULT, VRRP_CAUSE_FAULT, 80, "track:gw", NULL,
			"vrrp/wan4: still fault (track:gw)", LB_LOG_WARNING },
		{ "another priority meanwhile is nothing to act on", VRRP_STATE_MASTER, VRRP_STATE_FAULT,
			VRRP_CAUSE_FAULT, 60, "track:gw", NULL, "vrrp/wan4: priority 80 -> 60", LB_LOG_NOTICE },
		{ "over", VRRP_STATE_FAULT, VRRP_STATE_BACKUP, VRRP_CAUSE_RECOVERED, 60, "", "192.0.2.3",
			"vrrp/wan4: fault -> backup (recovered, prio=60, master=192.0.2.3)", LB_LOG_NOTICE },
	};
	setup();
	take(ONE);
	struct model_vrrp *v = &k.vs.v[0];
	ck_assert_str_eq(model_vrrp_state_word(v), "unknown");
	ck_assert_str_eq(model_vrrp_cause_word(v), "");
	int64_t since = 0;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct vrrp_msg_state m = { .id = 1,
			.state = rows[i].is,
			.was = rows[i].was,
			.cause = rows[i].cause,
			.prio = rows[i].prio,
			.master_prio = 150 };
		struct model_line out;
		const char *line = out.text;
		snprintf(m.reason, sizeof(m.reason), "%s", rows[i].reason);
		if (rows[i].master)
			m.master = ip(rows[i].master);
		model_vrrp_said_state(v, &m, WALL + (int64_t)i, &out);
		ck_assert_msg(strcmp(line, rows[i].line) == 0, "%s: %s", rows[i].what, line);
		ck_assert_msg(out.level == rows[i].level, "%s: level %d", rows[i].what, (int)out.level);
		ck_assert_str_eq(model_vrrp_state_word(v), vrrp_state_names[rows[i].is]);
		if (rows[i].is == VRRP_STATE_MASTER) /* why it became so, whatever is said later */
			ck_assert_str_eq(model_vrrp_cause_word(v), "no_advert");
		since = strstr(line, "->") && !strstr(line, "priority") ? WALL + (int64_t)i : since;
		ck_assert_msg(v->since_wall_ms == since, "%s: since", rows[i].what);
	}
	/* from init, from master, from fault; to master once */
	ck_assert(v->transitions[VRRP_STATE_BACKUP] == 2 && v->transitions[VRRP_STATE_MASTER] == 1 &&
		  v->transitions[VRRP_STATE_FAULT] == 1);
	k.vs.gone[k.vs.n_gone++] = 99;
	model_vrrps_forget(&k.vs);
	ck_assert_uint_eq(k.vs.n_gone, 0); /* the process that comes has never heard of it */
	ck_assert_str_eq(model_vrrp_state_word(v), "unknown");
	ck_assert(v->conf_due && v->track_due);
	teardown();
}
END_TEST

START_TEST(alarms_are_told_once)
{
	static const struct {
		bool on;
		const char *text, *line;
	} rows[] = {
		{ true, "192.0.2.2", "vrrp/wan4: alarm two_masters raised (192.0.2.2)" },
		{ true, "192.0.2.2", "" },
		{ true, "192.0.2.3", "vrrp/wan4: alarm two_masters raised (192.0.2.3)" },
		{ false, "", "vrrp/wan4: alarm two_masters is over" },
		{ false, "", "" },
		{ true, "", "vrrp/wan4: alarm two_masters raised" },
	};
	setup();
	take(ONE);
	struct model_vrrp *v = &k.vs.v[0];
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct vrrp_msg_alarm m = { .id = 1, .alarm = VRRP_ALARM_TWO_MASTERS, .on = rows[i].on };
		struct model_line out;
		const char *line = out.text;
		snprintf(m.text, sizeof(m.text), "%s", rows[i].text);
		model_vrrp_said_alarm(v, &m, &out);
		ck_assert_str_eq(line, rows[i].line);
		ck_assert_uint_eq(v->alarms, rows[i].on ? 1u << VRRP_ALARM_TWO_MASTERS : 0u);
	}
	model_vrrps_forget(&k.vs);
	ck_assert_uint_eq(v->alarms, 0);
	teardown();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_configuration_becomes_what_the_process_gets, keys_come_from_their_file,
		a_key_that_cannot_be_had_refuses_it_all, where_packets_come_to, only_who_changed_is_told_again,
		who_goes_with_a_reload_is_told_of, tracks_that_stay_keep_what_was_seen, new_keys_alone_are_told,
		keys_in_another_file_are_those_of_another_text, an_operator_has_another_priority,
		what_two_members_give_the_same_weight_counts_once, what_a_virtual_mac_needs, a_group_counts_as_one,
		an_operators_priority_is_that_of_the_group, next_to_an_owner_nothing_counts,
		who_comes_to_own_its_addresses_is_told_of_its_faults_again, who_has_resigned_is_known_to_have,
		who_was_at_fault_does_not_preempt_until_it_is_over, words_become_lines, alarms_are_told_once };
	return run_suite("model_vrrp", tests, COUNT(tests));
}
