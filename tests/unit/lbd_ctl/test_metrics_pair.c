/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The metrics of a node that is one of two: instances, the other node, flows; and the same text as a command. */
#include "lbd/ctl/metrics.h"
#include "tests/unit/lbd_ctl/commands.h"
#include "tests/unit/lbd_model/cluster.h"

#define TEXT                                                                                                           \
	"vrrp:\n"                                                                                                      \
	"  a: { interface: eth0, vrid: 51, group: edge, addresses: 203.0.113.1/24 }\n"                                 \
	"  b: { interface: eth1, vrid: 52, addresses: \"fe80::1/64\" }\n"                                              \
	"services: { web: { listen: 203.0.113.1:80, check: none, backends: { x: 10.1.0.1 } } }\n"

static struct {
	struct world w;
	struct ctl_env env;
	struct model_vrrps vs;
	struct model_peers peers;
	struct model_sync sync;
} k;

static int services(void *arg, ipvs_service_fn *fn, void *fn_arg)
{
	(void)arg, (void)fn, (void)fn_arg;
	return 0;
}

static int dests(void *arg, const struct ipvs_key *key, ipvs_dest_fn *fn, void *fn_arg)
{
	(void)arg, (void)key, (void)fn, (void)fn_arg;
	return 0;
}

static struct lb_time op_now(void *arg)
{
	(void)arg;
	return k.w.now;
}

static size_t op_workers(void *arg, struct ctl_worker_info *out, size_t n)
{
	(void)arg;
	if (n)
		out[0] = (struct ctl_worker_info){ .name = "vrrp", .turns = true };
	return 1;
}

static const struct ctl_ops ops = { .now = op_now, .workers = op_workers };

static void setup(void)
{
	static const struct ipvs_events none;
	static const struct ipvs_kernel kernel = { .services = services, .dests = dests };
	struct lb_err e = { 0 };
	memset(&k, 0, sizeof(k));
	world_start(&k.w, TEXT);
	struct vrrp_conf *confs = model_vrrp_confs(k.w.m->config, read_key, NULL, &e);
	ck_assert_msg(confs != NULL, "%s", e.text);
	ck_assert_int_eq(model_vrrps_take(&k.vs, k.w.m->config, confs, k.w.ov), 0);
	model_vrrp_confs_free(confs, k.w.m->config->n_vrrp);
	struct model_vrrp *a = &k.vs.v[0]; /* b has not spoken */
	a->spoke = a->has_stats = true;
	a->state = (struct vrrp_msg_state){ .state = VRRP_STATE_MASTER, .prio = 150 };
	a->since_wall_ms = WALL;
	a->transitions[VRRP_STATE_MASTER] = 3;
	a->alarms = 1u << VRRP_ALARM_TWO_MASTERS;
	a->stats = (struct vrrp_msg_stats){ .sent = 11, .received = 12, .renewals = 13, .conflicts = 14 };
	a->stats.discarded[VRRP_DISCARD_TTL] = 15;
	k.peers.n = 2;
	snprintf(k.peers.v[0].name, sizeof(k.peers.v[0].name), "lb-b");
	snprintf(k.peers.v[1].name, sizeof(k.peers.v[1].name), "lb-c");
	k.peers.v[0].state = MODEL_PEER_UP;
	k.peers.v[0].is = (struct vrrp_msg_node){ .version = "1.1", .offset_us = -1500, .n_paths = 2 };
	k.peers.v[0].is.paths[1].up = true;
	k.sync.conf.n_paths = 1;
	k.sync.conf.flows = true;
	snprintf(k.sync.conf.peer, sizeof(k.sync.conf.peer), "lb-b");
	k.sync.runs = CONFIG_FLOWS_COPIED;
	k.sync.has_stats[SYNC_CONNTRACK] = true;
	k.sync.stats[SYNC_CONNTRACK] = (struct sync_msg_stats){ .local = 20,
		.peer = 1,
		.lag_ms = 2500,
		.sent = 22,
		.received = 23,
		.resyncs = 24,
		.refused = 25,
		.lost = 26,
		.full = 27 };
	k.env = (struct ctl_env){ .model = k.w.m,
		.ipvs = ipvs_new(&kernel, &none),
		.overrides = k.w.ov,
		.version = "1",
		.vrrps = &k.vs,
		.peers = &k.peers,
		.sync = &k.sync,
		.last_reject = "broken",
		.ops = &ops };
}

static void teardown(void)
{
	ipvs_free(k.env.ipvs);
	model_vrrps_done(&k.vs);
	world_end(&k.w);
}

/* Without heads. */
static char *samples(const char *prefix)
{
	struct metrics *m = metrics_begin(&k.env, prefix);
	struct lb_text out = LB_TEXT_INIT, kept = LB_TEXT_INIT;
	ck_assert(m != NULL);
	while (metrics_next(m, &out) == 1)
		;
	metrics_end(m);
	for (char *line = out.s ? strtok(out.s, "\n") : NULL; line; line = strtok(NULL, "\n"))
		if (line[0] != '#')
			lb_text_printf(&kept, "%s\n", line);
	lb_text_done(&out);
	return kept.s ? kept.s : strdup("");
}

static const struct {
	const char *what, *name, *text;
} rows[] = {
	{ "what the file says", "lbd_vrrp_info",
		"lbd_vrrp_info{vrrp=\"a\",interface=\"eth0\",vrid=\"51\",family=\"ipv4\",group=\"edge\"} 1\n"
		"lbd_vrrp_info{vrrp=\"b\",interface=\"eth1\",vrid=\"52\",family=\"ipv6\",group=\"\"} 1\n" },
	{ "one is 1, and none while it is not known", "lbd_vrrp_state",
		"lbd_vrrp_state{vrrp=\"a\",state=\"init\"} 0\nlbd_vrrp_state{vrrp=\"a\",state=\"backup\"} 0\n"
		"lbd_vrrp_state{vrrp=\"a\",state=\"master\"} 1\nlbd_vrrp_state{vrrp=\"a\",state=\"fault\"} 0\n"
		"lbd_vrrp_state{vrrp=\"b\",state=\"init\"} 0\nlbd_vrrp_state{vrrp=\"b\",state=\"backup\"} 0\n"
		"lbd_vrrp_state{vrrp=\"b\",state=\"master\"} 0\nlbd_vrrp_state{vrrp=\"b\",state=\"fault\"} 0\n" },
	{ "absent until it has spoken", "lbd_vrrp_priority", "lbd_vrrp_priority{vrrp=\"a\"} 150\n" },
	{ "a time", "lbd_vrrp_last", "lbd_vrrp_last_transition_timestamp_seconds{vrrp=\"a\"} 1700000000\n" },
	{ "adverts out", "lbd_vrrp_advertisements_sent", "lbd_vrrp_advertisements_sent_total{vrrp=\"a\"} 11\n" },
	{ "adverts in", "lbd_vrrp_advertisements_rec", "lbd_vrrp_advertisements_received_total{vrrp=\"a\"} 12\n" },
	{ "leases", "lbd_vip_lease", "lbd_vip_lease_renewals_total{vrrp=\"a\"} 13\n" },
	{ "others with our address", "lbd_vrrp_conflicts",
		"lbd_vrrp_conflicts_total{vrrp=\"a\",kind=\"duplicate_address\"} 14\n" },
	{ "nodes: who was never heard is down", "lbd_peer_up",
		"lbd_peer_up{peer=\"lb-b\"} 1\nlbd_peer_up{peer=\"lb-c\"} 0\n" },
	{ "and has no version", "lbd_peer_info", "lbd_peer_info{peer=\"lb-b\",version=\"1.1\"} 1\n" },
	{ "nor paths", "lbd_peer_paths", "lbd_peer_paths_up{peer=\"lb-b\"} 1\n" },
	{ "their link: not there before its process has spoken", "lbd_sync_up", "lbd_sync_up{peer=\"lb-b\"} 0\n" },
	{ "flows of the kind that has figures", "lbd_sync_entries", "lbd_sync_entries{kind=\"conntrack\"} 21\n" },
	{ "out", "lbd_sync_messages_sent", "lbd_sync_messages_sent_total{kind=\"conntrack\"} 22\n" },
	{ "in", "lbd_sync_messages_rec", "lbd_sync_messages_received_total{kind=\"conntrack\"} 23\n" },
	{ "anew", "lbd_sync_full", "lbd_sync_full_resyncs_total{kind=\"conntrack\"} 24\n" },
	{ "left out, and why", "lbd_sync_messages_dropped",
		"lbd_sync_messages_dropped_total{kind=\"conntrack\",reason=\"refused\"} 25\n"
		"lbd_sync_messages_dropped_total{kind=\"conntrack\",reason=\"lost\"} 26\n"
		"lbd_sync_messages_dropped_total{kind=\"conntrack\",reason=\"full\"} 27\n" },
	{ "a file that was refused", "lbd_config_last_reload_successful", "lbd_config_last_reload_successful 0\n" },
};

START_TEST(a_metric_says)
{
	char *got = samples(rows[_i].name);
	ck_assert_msg(strcmp(got, rows[_i].text) == 0, "%s:\n%s", rows[_i].what, got);
	free(got);
}
END_TEST

START_TEST(a_link_that_copies_nothing_is_up)
{
	static const enum sync_link_is up[] = { SYNC_IS_BULK, SYNC_IS_SYNC, SYNC_IS_PAUSED };
	k.sync.spoke = true;
	for (size_t i = 0; i < sizeof(up) / sizeof(up[0]); i++) {
		k.sync.state.is = up[i];
		char *got = samples("lbd_sync_up");
		ck_assert_str_eq(got, "lbd_sync_up{peer=\"lb-b\"} 1\n");
		free(got);
	}
	k.sync.state.is = SYNC_IS_DOWN;
	char *got = samples("lbd_sync_up");
	ck_assert_str_eq(got, "lbd_sync_up{peer=\"lb-b\"} 0\n");
	free(got);
	k.sync.conf.flows = false; /* the cores talk over it, and that is all */
	got = samples("lbd_sync_up");
	ck_assert_str_eq(got, "");
	free(got);
	k.sync.conf.flows = true;
	k.sync.conf.n_paths = 0; /* there is no other node */
	got = samples("lbd_sync_up");
	ck_assert_str_eq(got, "");
	free(got);
}
END_TEST

START_TEST(a_lag_is_of_what_is_to_be_copied)
{
	static const struct {
		const char *what, *text;
		enum sync_link_is is;
		bool ipvs, paused, stopped[SYNC_KIND_COUNT];
	} lags[] = {
		{ "both kinds", "lbd_sync_lag_seconds{kind=\"ipvs\"} 7\nlbd_sync_lag_seconds{kind=\"conntrack\"} 2.5\n",
			SYNC_IS_SYNC, true, false, { false } },
		{ "without a link, too",
			"lbd_sync_lag_seconds{kind=\"ipvs\"} 7\nlbd_sync_lag_seconds{kind=\"conntrack\"} 2.5\n",
			SYNC_IS_DOWN, true, false, { false } },
		{ "the services want none", "lbd_sync_lag_seconds{kind=\"conntrack\"} 2.5\n", SYNC_IS_DOWN, false,
			false, { false } },
		{ "an operator wants none, without a link", "lbd_sync_lag_seconds{kind=\"conntrack\"} 2.5\n",
			SYNC_IS_DOWN, true, true, { false } },
		{ "nor with one, here or at the other node", "", SYNC_IS_PAUSED, true, false,
			{ [SYNC_IPVS] = true, [SYNC_CONNTRACK] = true } },
		{ "of one kind", "lbd_sync_lag_seconds{kind=\"ipvs\"} 7\n", SYNC_IS_PAUSED, true, false,
			{ [SYNC_CONNTRACK] = true } },
	};
	k.sync.spoke = k.sync.has_stats[SYNC_IPVS] = true;
	k.sync.stats[SYNC_IPVS].lag_ms = 7000;
	for (size_t i = 0; i < COUNT(lags); i++) {
		k.sync.state.is = lags[i].is;
		k.sync.conf.ipvs = lags[i].ipvs;
		k.sync.conf.paused[SYNC_IPVS] = lags[i].paused;
		memcpy(k.sync.state.stopped, lags[i].stopped, sizeof(lags[i].stopped));
		char *got = samples("lbd_sync_lag");
		ck_assert_msg(strcmp(got, lags[i].text) == 0, "%s:\n%s", lags[i].what, got);
		free(got);
	}
}
END_TEST

START_TEST(reasons_and_alarms_are_told_apart)
{
	char *got = samples("lbd_vrrp_advertisements_discarded");
	ck_assert_ptr_nonnull(strstr(got, "{vrrp=\"a\",reason=\"ttl\"} 15\n"));
	ck_assert_ptr_null(strstr(got, "vrrp=\"b\""));
	free(got);
	got = samples("lbd_alarm_raised");
	char want[80];
	snprintf(want, sizeof(want), "{alarm=\"%s\"} 1\n", vrrp_alarms[VRRP_ALARM_TWO_MASTERS]);
	ck_assert_ptr_nonnull(strstr(got, want));
	ck_assert_ptr_nonnull(strstr(got, "{alarm=\"kernel_refused\"} 0\n"));
	free(got);
	got = samples("lbd_worker_resident");
	ck_assert_ptr_null(strstr(got, "worker=\"vrrp\"")); /* it has not said */
	free(got);
}
END_TEST

START_TEST(the_command_gives_the_same_text)
{
	struct ctl_collect c;
	struct lb_text got = LB_TEXT_INIT, want = LB_TEXT_INIT;
	struct metrics *m = metrics_begin(&k.env, NULL);
	size_t i;
	json_t *row;
	while (metrics_next(m, &want) == 1)
		;
	metrics_end(m);
	command(&k.env, &c, "metrics", "{}");
	ended(&c, 0, "");
	json_array_foreach (c.rows, i, row)
		lb_text_puts(&got, lb_proto_str(row, "text"));
	ck_assert_str_eq(got.s, want.s);
	ctl_collect_done(&c);
	command(&k.env, &c, "metrics", "{\"prefix\": \"lbd_nothing\"}");
	ended(&c, LB_CODE_NOT_FOUND, "no metric begins with 'lbd_nothing'; lbd-metrics(7) has the list");
	ctl_collect_done(&c);
	lb_text_done(&got);
	lb_text_done(&want);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("metrics_pair");
	TCase *c = tcase_create("metrics_pair");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, a_metric_says, 0, COUNT(rows));
	tcase_add_test(c, a_link_that_copies_nothing_is_up);
	tcase_add_test(c, a_lag_is_of_what_is_to_be_copied);
	tcase_add_test(c, reasons_and_alarms_are_told_apart);
	tcase_add_test(c, the_command_gives_the_same_text);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
