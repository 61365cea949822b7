/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/host/host.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct host_row *row_of(const char *sysctl)
{
	for (size_t i = 0; i < host_rows_n; i++)
		if (strcmp(host_rows[i].sysctl, sysctl) == 0)
			return &host_rows[i];
	ck_abort_msg("no row %s", sysctl);
	return NULL;
}

static const struct {
	const char *what, *sysctl;
	enum host_need has; /* a service has this need */
	bool missing;
	long value;
	const char *fix; /* expected, NULL = no finding */
} rows[] = {
	{ "nat without forwarding", "net.ipv4.ip_forward", HOST_NEED_NAT4, false, 0,
		"sysctl -w net.ipv4.ip_forward=1" },
	{ "nat with forwarding", "net.ipv4.ip_forward", HOST_NEED_NAT4, false, 1, NULL },
	{ "forwarding is nobody's need", "net.ipv4.ip_forward", HOST_NEED_NAT6, false, 0, NULL },
	{ "nat over IPv6", "net.ipv6.conf.all.forwarding", HOST_NEED_NAT6, false, 0,
		"sysctl -w net.ipv6.conf.all.forwarding=1" },
	{ "sticky clients on a drained backend", "net.ipv4.vs.expire_quiescent_template", HOST_NEED_PERSISTENCE, false,
		0, "sysctl -w net.ipv4.vs.expire_quiescent_template=1" },
	{ "a key that this kernel does not have", "net.ipv4.vs.conn_reuse_mode", HOST_NEED_ANY, true, 0, NULL },
	{ "a port used again", "net.ipv4.vs.conn_reuse_mode", HOST_NEED_ANY, false, 0,
		"sysctl -w net.ipv4.vs.conn_reuse_mode=1" },
	{ "flows die with their row", "net.ipv4.vs.expire_nodest_conn", HOST_NEED_ANY, false, 1,
		"sysctl -w net.ipv4.vs.expire_nodest_conn=0" },
	{ "sources without connection tracking", "net.ipv4.vs.conntrack", HOST_NEED_SNAT, false, 0,
		"sysctl -w net.ipv4.vs.conntrack=1" },
	{ "with it", "net.ipv4.vs.conntrack", HOST_NEED_SNAT, false, 1, NULL },
	{ "a service without", "net.ipv4.vs.conntrack", HOST_NEED_NAT4, false, 0, NULL },
	{ "connections that were not told yet", "net.ipv4.vs.sloppy_tcp", HOST_NEED_MULTICAST, false, 0,
		"sysctl -w net.ipv4.vs.sloppy_tcp=1" },
	{ "a strict look at the way back", "net.ipv4.conf.all.rp_filter", HOST_NEED_MAC, false, 1,
		"sysctl -w net.ipv4.conf.all.rp_filter=2" },
	{ "a loose one", "net.ipv4.conf.all.rp_filter", HOST_NEED_MAC, false, 2, NULL },
	{ "none", "net.ipv4.conf.all.rp_filter", HOST_NEED_MAC, false, 0, NULL },
};

START_TEST(a_finding_only_where_a_service_needs_it)
{
	struct host_needs needs = { 0 };
	struct host_finding f;
	needs.service[rows[_i].has] = "web";
	bool found = host_judge(row_of(rows[_i].sysctl), &needs, rows[_i].missing, rows[_i].value, &f);
	ck_assert_msg(found == (rows[_i].fix != NULL), "%s", rows[_i].what);
	if (!found)
		return;
	ck_assert_msg(strcmp(f.fix, rows[_i].fix) == 0, "%s: '%s'", rows[_i].what, f.fix);
	ck_assert_str_eq(f.object, rows[_i].has == HOST_NEED_MAC ? "vrrp/web" : "service/web");
	ck_assert_ptr_nonnull(strstr(f.text, rows[_i].sysctl));
	ck_assert_int_eq(f.stops, row_of(rows[_i].sysctl)->stops);
}
END_TEST

/* An alarm that stays up for advice is one that nobody reads. */
START_TEST(what_stops_traffic)
{
	static const char *const stop[] = { "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding",
		"net.ipv4.vs.conntrack" };
	size_t n = 0;
	for (size_t i = 0; i < host_rows_n; i++)
		n += host_rows[i].stops;
	ck_assert_uint_eq(n, sizeof(stop) / sizeof(stop[0]));
	for (size_t i = 0; i < n; i++)
		ck_assert(row_of(stop[i])->stops);
}
END_TEST

static const struct {
	const char *what;
	bool mac;
	long accept_ra, forwarding;
	bool found;
} routers[] = {
	{ "the kernel's default, on a host that does not forward", true, 1, 0, true },
	{ "on one that does", true, 1, 1, false },
	{ "even if it forwards", true, 2, 1, true },
	{ "not at all", true, 0, 0, false },
	{ "nobody's need", false, 1, 0, false },
};

START_TEST(what_routers_say)
{
	struct host_needs needs = { 0 };
	struct host_finding f;
	needs.service[HOST_NEED_MAC] = routers[_i].mac ? "wan" : NULL;
	bool found = host_judge_ra(&needs, routers[_i].accept_ra, routers[_i].forwarding, &f);
	ck_assert_msg(found == routers[_i].found, "%s", routers[_i].what);
	if (found)
		ck_assert_str_eq(f.object, "vrrp/wan");
}
END_TEST

static const struct {
	const char *what, *range;
	bool icmp;
	uint32_t gid;
	bool found;
} pings[] = {
	{ "the kernel's default lets nobody", "1\t0\n", true, 0, true },
	{ "everybody", "0\t2147483647\n", true, 998, false },
	{ "our group alone", "998 998", true, 998, false },
	{ "a group below", "100\t200\n", true, 99, true },
	{ "a group above", "100\t200\n", true, 201, true },
	{ "the whole range of the kernel", "0 4294967294", true, 4294967294u, false },
	{ "nobody pings", "1\t0\n", false, 0, false },
	{ "it cannot be read", NULL, true, 0, false },
	{ "it is not a range", "?", true, 0, false },
};

START_TEST(groups_that_may_ping)
{
	struct host_needs needs = { .probe_gid = pings[_i].gid };
	struct host_finding f;
	needs.service[HOST_NEED_PING] = pings[_i].icmp ? "web" : NULL;
	ck_assert_msg(host_judge_ping(&needs, pings[_i].range, &f) == pings[_i].found, "%s", pings[_i].what);
	if (!pings[_i].found)
		return;
	ck_assert_str_eq(f.object, "service/web");
	needs.service[HOST_NEED_PING] = NULL;
	ck_assert(!host_judge_ping(&needs, pings[_i].range, &f));
	needs.service[HOST_NEED_PING_VRRP] = "wan"; /* it tracks one */
	ck_assert(host_judge_ping(&needs, pings[_i].range, &f));
	ck_assert_str_eq(f.object, "vrrp/wan");
	ck_assert_str_eq(f.fix, "sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"");
	ck_assert_ptr_nonnull(strstr(f.text, "net.ipv4.ping_group_range is "));
}
END_TEST

static const struct {
	const char *what, *threshold, *refresh;
	bool sync, found;
} settings[] = {
	{ "as packaged", "3\t0\n", "10\n", true, false },
	{ "the kernel's default: what says little is never told", "3\t50\n", "0\n", true, true },
	{ "a refresh does nothing where there is a period", "3\t50\n", "10\n", true, true },
	{ "no period and no refresh: the third packet alone", "3\t0\n", "0\n", true, true },
	{ "every packet", "0\t1\n", "0\n", true, false },
	{ "nobody hands connections over", "3\t50\n", "0\n", false, false },
	{ "it cannot be read", NULL, "0\n", true, false },
	{ "nor can the other", "3\t50\n", NULL, true, false },
	{ "one number", "3\n", "0\n", true, false },
	{ "no number", "3 50", "?", true, false },
};

START_TEST(settings_that_show_every_connection)
{
	struct host_needs needs = { .sync = settings[_i].sync };
	struct host_finding f;
	ck_assert_msg(host_judge_sync(&needs, settings[_i].threshold, settings[_i].refresh, &f) == settings[_i].found,
		"%s", settings[_i].what);
	if (!settings[_i].found)
		return;
	ck_assert_str_eq(f.object, "cluster");
	ck_assert_str_eq(f.fix, "sysctl -w net.ipv4.vs.sync_threshold=\"3 0\" net.ipv4.vs.sync_refresh_period=10");
}
END_TEST

static const struct {
	const char *what;
	bool snat;
	long max, used;
	const char *fix; /* NULL = no finding */
} tracked[] = {
	{ "a small table", true, 65536, 10, "sysctl -w net.netfilter.nf_conntrack_max=1048576" },
	{ "the least that is enough", true, 262144, 10, NULL },
	{ "three quarters of it", true, 262144, 196608, NULL },
	{ "nearly full", true, 262144, 196609, "sysctl -w net.netfilter.nf_conntrack_max=524288" },
	{ "a large one that is full", true, 2000000, 2000000, "sysctl -w net.netfilter.nf_conntrack_max=4000000" },
	{ "no limit", true, 0, 999999, NULL },
	{ "nobody's need", false, 65536, 65536, NULL },
};

START_TEST(room_for_what_is_tracked)
{
	struct host_needs needs = { 0 };
	struct host_finding f;
	needs.service[HOST_NEED_SNAT] = tracked[_i].snat ? "web" : NULL;
	bool found = host_judge_tracked(&needs, tracked[_i].max, tracked[_i].used, &f);
	ck_assert_msg(found == (tracked[_i].fix != NULL), "%s", tracked[_i].what);
	if (!found)
		return;
	ck_assert_msg(strcmp(f.fix, tracked[_i].fix) == 0, "%s: '%s'", tracked[_i].what, f.fix);
	ck_assert_str_eq(f.object, "service/web");
}
END_TEST

START_TEST(an_interface_that_does_not_exist)
{
	struct host_finding f;
	host_no_interface("wan", "nope0", false, &f);
	ck_assert(f.stops);
	ck_assert_str_eq(f.object, "vrrp/wan");
	ck_assert_str_eq(f.text, "there is no interface nope0: this node does not get the addresses");
	ck_assert_str_eq(f.fix, "ip link show   # then the name in vrrp.wan");
	host_no_interface("wan", "nope0", true, &f);
	ck_assert(!f.stops); /* a failure of it may only cost priority */
	ck_assert_str_eq(f.text, "there is no interface nope0: the track of it counts as failed");
	host_other_name("wan", "enp3s0", "eth0", &f);
	ck_assert(f.stops);
	ck_assert_str_eq(f.text, "enp3s0 is another name of interface eth0: this node does not get the addresses");
	ck_assert_str_eq(f.fix, "lbctl config apply   # with interface: eth0 in vrrp.wan");
}
END_TEST

START_TEST(the_table_has_no_holes)
{
	for (size_t i = 0; i < host_rows_n; i++) {
		ck_assert_ptr_nonnull(host_rows[i].sysctl);
		ck_assert_ptr_nonnull(host_rows[i].why);
		ck_assert_uint_lt(host_rows[i].need, HOST_NEED_COUNT);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("host");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, what_routers_say, 0, (int)(sizeof(routers) / sizeof(routers[0])));
	tcase_add_loop_test(t, a_finding_only_where_a_service_needs_it, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, what_stops_traffic);
	tcase_add_test(t, an_interface_that_does_not_exist);
	tcase_add_loop_test(t, groups_that_may_ping, 0, sizeof(pings) / sizeof(pings[0]));
	tcase_add_loop_test(t, settings_that_show_every_connection, 0, sizeof(settings) / sizeof(settings[0]));
	tcase_add_loop_test(t, room_for_what_is_tracked, 0, sizeof(tracked) / sizeof(tracked[0]));
	tcase_add_test(t, the_table_has_no_holes);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
