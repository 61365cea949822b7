/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands about VRRP answer, and what they hand to its process. */
#include "lbd/ctl/ctl_rows.h"
#include "lbd/ctl/ctl_vrrp.h"
#include "tests/unit/lbd_ctl/commands.h"
#include "tests/unit/lbd_model/cluster.h"

#include <errno.h>

#define TEXT                                                                                                           \
	"checks: { gw: { type: icmp, address: 192.0.2.254 } }\n"                                                       \
	"vrrp:\n"                                                                                                      \
	"  lan4: { interface: eth1, vrid: 52, group: edge, addresses: 10.0.0.1/24 }\n"                                 \
	"  own: { interface: eth2, vrid: 9, priority: 255, addresses: 10.9.0.1/24 }\n"                                 \
	"  wan4: { interface: eth0, vrid: 51, group: edge, priority: 120, addresses: [203.0.113.1/24, "                \
	"203.0.113.2/24],"                                                                                             \
	" excluded: 203.0.113.9/24, lease: 2s,"                                                                        \
	" track: [{ check: gw }, { interface: eth9, weight: -30 }, { process: named, weight: 20 }] }\n"

static struct {
	struct world w;
	struct model_vrrps vs;
	struct ctl_env env;
	int do_rc;
	uint32_t do_id;
	enum vrrp_do did;
	unsigned n_did;
	char changed[80];
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
	model_vrrps_override(&k.vs, k.w.ov);
}

static int op_vrrp_do(void *arg, uint32_t id, enum vrrp_do what, uint32_t for_ms)
{
	(void)arg;
	(void)for_ms;
	k.n_did++;
	k.do_id = id;
	k.did = what;
	return k.do_rc;
}

static const struct ctl_ops ops = { .now = op_now,
	.wall_ms = op_wall_ms,
	.boot = op_now,
	.asked = op_asked_for,
	.override_changed = op_override_changed,
	.overrides_stored = op_overrides_stored,
	.vrrp_do = op_vrrp_do,
	.wait = op_wait };

static void setup(void)
{
	struct lb_err e = { 0 };
	memset(&k, 0, sizeof(k));
	world_start(&k.w, TEXT);
	struct vrrp_conf *confs = model_vrrp_confs(k.w.m->config, read_key, NULL, &e);
	ck_assert_msg(confs != NULL, "%s", e.text);
	ck_assert_int_eq(model_vrrps_take(&k.vs, k.w.m->config, confs, k.w.ov), 0);
	model_vrrp_confs_free(confs, k.w.m->config->n_vrrp);
	k.env = (struct ctl_env){ .model = k.w.m, .overrides = k.w.ov, .vrrps = &k.vs, .ops = &ops };
}

static void teardown(void)
{
	model_vrrps_done(&k.vs);
	world_end(&k.w);
}

static void ask(struct ctl_collect *c, const char *name, const char *args)
{
	command(&k.env, c, name, args);
}

static void expect_end(struct ctl_collect *c, int code, const char *message)
{
	ended(c, code, message);
	rows_fit(c, LB_ROW_VRRP);
}

static struct model_vrrp *at(const char *name)
{
	const struct model_vrrp *v = model_vrrp_find(&k.vs, name);
	ck_assert_ptr_nonnull(v);
	return &k.vs.v[v - k.vs.v];
}

static void says(const char *name, enum vrrp_state state, enum vrrp_cause cause, uint8_t prio, const char *reason)
{
	struct vrrp_msg_state m = { .state = state, .was = VRRP_STATE_INIT, .cause = cause, .prio = prio };
	struct model_line line;
	snprintf(m.reason, sizeof(m.reason), "%s", reason);
	if (state == VRRP_STATE_BACKUP) {
		ck_assert_int_eq(lb_ip_parse("192.0.2.2", 9, &m.master), 0);
		m.master_prio = 150;
	}
	model_vrrp_said_state(at(name), &m, k.w.wall, &line);
}

START_TEST(the_list_before_anybody_has_spoken)
{
	struct ctl_collect c;
	setup();
	ask(&c, "vrrp.list", "{}");
	expect_end(&c, 0, NULL);
	ck_assert_uint_eq(json_array_size(c.rows), 3);
	ck_assert_str_eq(cell(&c, 2, "vrrp"), "\"wan4\"");
	ck_assert_str_eq(cell(&c, 2, "state"), "\"unknown\"");
	ck_assert_str_eq(cell(&c, 2, "priority"), "110");
	ck_assert_str_eq(cell(&c, 2, "configured"), "120"); /* and lan4, of its group, 100 */
	ck_assert_str_eq(cell(&c, 2, "since"), "-");
	ck_assert_str_eq(cell(&c, 2, "cause"), "-");
	ck_assert_str_eq(cell(&c, 2, "sent"), "-");
	ctl_collect_done(&c);
	teardown();
}
END_TEST

START_TEST(a_row_says_it_all)
{
	struct ctl_collect c;
	setup();
	says("wan4", VRRP_STATE_BACKUP, VRRP_CAUSE_BETTER, 90, "");
	struct model_vrrp *v = at("wan4");
	v->tracks[1].is = MODEL_SEEN_DOWN;
	v->tracks[2].is = MODEL_SEEN_UP;
	v->track = (struct model_track_sum){ -10, false, "" };
	v->has_stats = true;
	v->stats =
		(struct vrrp_msg_stats){ .sent = 7, .received = 8, .transitions = 2, .renewals = 5, .late_us = 1500 };
	v->stats.discarded[VRRP_DISCARD_TTL] = 3;
	v->alarms = 1u << VRRP_ALARM_PATH_DOWN;
	strcpy(v->alarm_text[VRRP_ALARM_PATH_DOWN], "by lb-b");
	ask(&c, "vrrp.show", "{\"vrrp\":\"wan4\"}");
	expect_end(&c, 0, NULL);
	ck_assert_uint_eq(json_array_size(c.rows), 1);
	static const struct {
		const char *key, *value;
	} rows[] = {
		{ "state", "\"backup\"" },
		{ "priority", "90" },
		{ "configured", "120" },
		{ "vrid", "51" },
		{ "interface", "\"eth0\"" },
		{ "group", "\"edge\"" },
		{ "addresses", "[\"203.0.113.1/24\",\"203.0.113.2/24\"]" },
		{ "excluded", "[\"203.0.113.9/24\"]" },
		{ "master", "\"192.0.2.2\"" },
		{ "master_priority", "150" },
		{ "cause", "\"better\"" },
		{ "version", "3" },
		{ "advert_interval", "1" },
		{ "preempt", "true" },
		{ "lease", "2" },
		{ "auth", "-" },
		{ "peers", "-" },
		{ "alarms", "[\"vrrp_path_down (by lb-b)\"]" },
		{ "track", "[\"check gw: not known yet\",\"interface eth9: down, -30\",\"process named: up, +20\"]" },
		{ "track_adds", "\"-10\"" },
		{ "track_fault", "-" },
		{ "sent", "7" },
		{ "received", "8" },
		{ "discarded", "{\"ttl\":3}" },
		{ "transitions", "2" },
		{ "renewals", "5" },
		{ "late", "0.0015" },
		{ "checksum", "\"rfc5798\"" },
		{ "line", "5" },
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		ck_assert_msg(strcmp(cell(&c, 0, rows[i].key), rows[i].value) == 0, "%s: %s", rows[i].key,
			cell(&c, 0, rows[i].key));
	ctl_collect_done(&c);
	/* a master follows nobody, a fault is told with its reason */
	says("wan4", VRRP_STATE_FAULT, VRRP_CAUSE_FAULT, 90, "track:gw");
	v->tracks[0].is = MODEL_SEEN_DOWN;
	v->track = (struct model_track_sum){ -10, true, "track:gw" };
	ask(&c, "vrrp.show", "{\"vrrp\":\"wan4\"}");
	expect_end(&c, 0, NULL);
	ck_assert_str_eq(cell(&c, 0, "master"), "-");
	ck_assert_str_eq(cell(&c, 0, "cause"), "\"track:gw\"");
	ck_assert_str_eq(cell(&c, 0, "track_fault"), "\"track:gw\"");
	ck_assert_ptr_nonnull(strstr(cell(&c, 0, "track"), "check gw: down, a fault"));
	ctl_collect_done(&c);
	ask(&c, "vrrp.show", "{}");
	expect_end(&c, 0, NULL);
	ck_assert_uint_eq(json_array_size(c.rows), 3);
	ctl_collect_done(&c);
	teardown();
}
END_TEST

START_TEST(what_an_operator_says_is_handed_on)
{
	static const struct {
		const char *what, *cmd, *name;
		enum vrrp_state state;
		int rc, code;
		const char *message;
		bool handed;
	} rows[] = {
		{ "a master resigns with its group", "vrrp.resign", "wan4", VRRP_STATE_MASTER, 0, 0,
			"vrrp wan4 gives up being master, with all of group edge", true },
		{ "an owner has its addresses all the same", "vrrp.resign", "own", VRRP_STATE_MASTER, 0,
			LB_CODE_REFUSED, "vrrp own has priority 255: it always has the addresses", false },
		{ "a backup has nothing to give", "vrrp.resign", "wan4", VRRP_STATE_BACKUP, 0, LB_CODE_REFUSED,
			"vrrp wan4 is backup here: only its master can do that", false },
		{ "announce", "vrrp.announce", "wan4", VRRP_STATE_MASTER, 0, 0,
			"vrrp wan4 announces its 3 addresses on eth0", true },
		{ "announce one", "vrrp.announce", "own", VRRP_STATE_MASTER, 0, 0,
			"vrrp own announces its 1 address on eth2", true },
		{ "in fault", "vrrp.announce", "own", VRRP_STATE_FAULT, 0, LB_CODE_REFUSED,
			"vrrp own is fault here: only its master can do that", false },
		{ "nobody there", "vrrp.resign", "wan4", VRRP_STATE_MASTER, -ENOTCONN, LB_CODE_FAILED, NULL, true },
		{ "no such instance", "vrrp.resign", "wna4", VRRP_STATE_MASTER, 0, LB_CODE_NOT_FOUND,
			"no VRRP instance 'wna4'; did you mean 'wan4'?", false },
	};
	setup();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ctl_collect c;
		char args[64];
		const struct model_vrrp *v = model_vrrp_find(&k.vs, rows[i].name);
		if (v)
			says(rows[i].name, rows[i].state, VRRP_CAUSE_STARTED, 100, "");
		k.do_rc = rows[i].rc;
		k.n_did = 0;
		snprintf(args, sizeof(args), "{\"vrrp\":\"%s\"}", rows[i].name);
		ask(&c, rows[i].cmd, args);
		expect_end(&c, rows[i].code, rows[i].message);
		ck_assert_msg(k.n_did == rows[i].handed, "%s", rows[i].what);
		if (v && k.n_did) {
			ck_assert_uint_eq(k.do_id, v->conf->id);
			ck_assert_int_eq(k.did, strcmp(rows[i].cmd, "vrrp.resign") ? VRRP_DO_ANNOUNCE : VRRP_DO_RESIGN);
		}
		ctl_collect_done(&c);
	}
	teardown();
}
END_TEST

START_TEST(a_priority_is_an_override)
{
	struct ctl_collect c;
	setup();
	ask(&c, "vrrp.priority", "{\"vrrp\":\"wan4\",\"priority\":\"50\",\"for\":1800,\"reason\":\"test\"}");
	expect_end(&c, 0, "vrrp wan4 has priority 50 for 30m, with all of group edge (configured: 120)");
	ctl_collect_done(&c);
	ck_assert_str_eq(k.changed, "vrrp:wan4");
	ck_assert_uint_eq(at("wan4")->conf->prio, 50);
	ck_assert_uint_eq(at("lan4")->conf->prio, 50);
	ask(&c, "vrrp.show", "{\"vrrp\":\"wan4\"}");
	expect_end(&c, 0, NULL);
	ck_assert_str_eq(cell(&c, 0, "priority"), "50");
	ck_assert_ptr_nonnull(strstr(cell(&c, 0, "overrides"), "\"reason\":\"test\""));
	ck_assert_ptr_nonnull(strstr(cell(&c, 0, "overrides"), "{\"priority\":{\"expires\""));
	ctl_collect_done(&c);
	ask(&c, "vrrp.priority", "{\"vrrp\":\"wan4\",\"priority\":\"auto\"}");
	expect_end(&c, 0, "vrrp wan4 has its configured priority 120; group edge has one for all its instances");
	ctl_collect_done(&c);
	ck_assert_uint_eq(at("wan4")->conf->prio, 110); /* and lan4 has 100 */
	ck_assert_uint_eq(overrides_count(k.w.ov), 0);
	ask(&c, "vrrp.priority", "{\"vrrp\":\"own\",\"priority\":\"50\"}");
	expect_end(&c, LB_CODE_REFUSED, "vrrp own has priority 255: it always has the addresses");
	ctl_collect_done(&c);
	ck_assert_uint_eq(overrides_count(k.w.ov), 0);
	teardown();
}
END_TEST

START_TEST(a_role_can_be_waited_for)
{
	struct ctl_collect c;
	setup();
	ask(&c, "wait", "{\"object\":\"vrrp/wan4\",\"condition\":\"master\"}");
	expect_end(&c, 0, NULL);
	ctl_collect_done(&c);
	ck_assert_int_eq(waiting.cond(waiting.state), 0);
	says("wan4", VRRP_STATE_BACKUP, VRRP_CAUSE_STARTED, 100, "");
	ck_assert_int_eq(waiting.cond(waiting.state), 0);
	says("wan4", VRRP_STATE_MASTER, VRRP_CAUSE_NO_ADVERT, 100, "");
	ck_assert_int_eq(waiting.cond(waiting.state), 1);
	model_vrrps_forget(&k.vs);
	ck_assert_int_eq(waiting.cond(waiting.state), 0);
	k.vs.n = 0; /* it left the configuration */
	ck_assert_int_eq(waiting.cond(waiting.state), -1);
	k.vs.n = 3;
	waiting.free(waiting.state);
	ask(&c, "wait", "{\"object\":\"vrrp/wan4\",\"condition\":\"backup\"}");
	ctl_collect_done(&c);
	ck_assert_int_eq(waiting.cond(waiting.state), 0);
	says("wan4", VRRP_STATE_BACKUP, VRRP_CAUSE_STARTED, 100, "");
	ck_assert_int_eq(waiting.cond(waiting.state), 1);
	waiting.free(waiting.state);
	ask(&c, "wait", "{\"object\":\"vrrp/wan\",\"condition\":\"backup\"}");
	expect_end(&c, LB_CODE_NOT_FOUND, "no VRRP instance 'wan'; did you mean 'wan4'?");
	ctl_collect_done(&c);
	teardown();
}
END_TEST

START_TEST(status_names_roles_and_alarms)
{
	setup();
	says("wan4", VRRP_STATE_FAULT, VRRP_CAUSE_FAULT, 100, "link_down");
	says("lan4", VRRP_STATE_MASTER, VRRP_CAUSE_NO_ADVERT, 100, "");
	at("lan4")->alarms = 1u << VRRP_ALARM_TWO_MASTERS | 1u << VRRP_ALARM_SAME_ADDRESS;
	strcpy(at("lan4")->alarm_text[VRRP_ALARM_TWO_MASTERS], "192.0.2.7");
	json_t *roles = ctl_vrrp_roles(&k.env), *alarms = json_array();
	ctl_vrrp_alarms(&k.env, alarms);
	char *r = json_dumps(roles, JSON_COMPACT), *a = json_dumps(alarms, JSON_COMPACT);
	ck_assert_str_eq(r, "[{\"vrrp\":\"lan4\",\"state\":\"master\",\"cause\":\"no_advert\"},"
			    "{\"vrrp\":\"own\",\"state\":\"unknown\"},"
			    "{\"vrrp\":\"wan4\",\"state\":\"fault\",\"cause\":\"link_down\"}]");
	ck_assert_str_eq(a, "[\"two_masters: vrrp/lan4 (192.0.2.7)\",\"same_address: vrrp/lan4\"]");
	free(r);
	free(a);
	json_decref(roles);
	json_array_clear(alarms);
	at("lan4")->alarms = 0;
	k.env.hook_failed = "vrrp/wan4 backup -> fault (exit 3: no)";
	ctl_vrrp_alarms(&k.env, alarms);
	k.env.hooks_dropped = 12;
	ctl_vrrp_alarms(&k.env, alarms);
	a = json_dumps(alarms, JSON_COMPACT);
	ck_assert_str_eq(a, "[\"hook_failed: state, for vrrp/wan4 backup -> fault (exit 3: no)\","
			    "\"hook_failed: state, for vrrp/wan4 backup -> fault (exit 3: no); of 12 changes "
			    "it was not told at all\"]");
	free(a);
	json_decref(alarms);
	const struct model_vrrps none = { 0 };
	k.env.vrrps = &none;
	ck_assert_ptr_null(ctl_vrrp_roles(&k.env));
	teardown();
}
END_TEST

START_TEST(who_tracks_a_check_is_named)
{
	struct ctl_collect c;
	setup();
	ask(&c, "check.list", "{}");
	ck_assert_str_eq(cell(&c, 0, "used_by"), "[\"vrrp/wan4\"]");
	ck_assert_str_eq(cell(&c, 0, "state"), "\"unchecked\"");
	ctl_collect_done(&c);
	ask(&c, "check.show", "{\"check\":\"gw\"}");
	ck_assert_str_eq(cell(&c, 0, "targets_all"), "1");
	ctl_collect_done(&c);
	teardown();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { the_list_before_anybody_has_spoken, a_row_says_it_all,
		what_an_operator_says_is_handed_on, a_priority_is_an_override, a_role_can_be_waited_for,
		status_names_roles_and_alarms, who_tracks_a_check_is_named };
	return run_suite("ctl_vrrp", tests, COUNT(tests));
}
