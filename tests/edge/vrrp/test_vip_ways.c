/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes and rules. */
#include "tests/edge/vrrp/host.h"

/* ---- routes and rules ---- */

static struct lb_ip ip_of(const char *text)
{
	struct lb_ip ip = { 0 };
	if (text)
		ck_assert_int_eq(lb_ip_parse(text, strlen(text), &ip), 0);
	return ip;
}

/* IPv6 wants an address on the card before it takes a source; the gateways are neighbours. */
static const struct {
	const char *what;
	bool rule;
	const char *to, *via, *source; /* of a rule: from, to */
	uint8_t prefix, via_prefix;
	uint32_t table, metric, mark; /* of a rule: table, priority, fwmark */
	const char *shown;            /* by ip(8), after "proto 236" is cut out */
	const char *command;
} ways[] = {
	{ "a route with everything", false, "0.0.0.0", "10.0.0.9", "10.77.0.1", 0, 0, 100, 10, 0,
		"default via 10.0.0.9 dev v0 proto 236 src 10.77.0.1 metric 10", "ip route show table 100" },
	{ "a route to the card itself", false, "192.0.2.0", NULL, NULL, 24, 0, 254, 0, 0,
		"192.0.2.0/24 dev v0 proto 236 scope link", "ip route show 192.0.2.0/24" },
	{ "a table above 255", false, "192.0.2.0", "10.0.0.9", NULL, 24, 0, 4000000000, 0, 0,
		"192.0.2.0/24 via 10.0.0.9 dev v0 proto 236", "ip route show table 4000000000" },
	{ "an IPv6 route with everything", false, "2001:db8::", "fd00::9", "fd77::1", 32, 0, 100, 10, 0,
		"2001:db8::/32 via fd00::9 dev v0 proto 236 src fd77::1 metric 10", "ip -6 route show table 100" },
	{ "an IPv6 route without a metric", false, "::", "fe80::9", NULL, 0, 0, 100, 0, 0,
		"default via fe80::9 dev v0 proto 236 metric 1024", "ip -6 route show table 100" },
	{ "a rule with everything", true, "192.0.2.0", "198.51.100.0", NULL, 24, 25, 100, 1000, 7,
		"1000:\tfrom 192.0.2.0/24 to 198.51.100.0/25 fwmark 0x7 lookup 100 proto 236", "ip rule" },
	{ "a rule of a mark alone", true, "0.0.0.0", "0.0.0.0", NULL, 0, 0, 4000000000, 1000, 0xffffffff,
		"1000:\tfrom all fwmark 0xffffffff lookup 4000000000 proto 236", "ip rule" },
	{ "an IPv6 rule", true, "2001:db8::", "::", NULL, 32, 0, 100, 1000, 0,
		"1000:\tfrom 2001:db8::/32 lookup 100 proto 236", "ip -6 rule" },
};

static struct way way_row(size_t i)
{
	struct route t = { .table = ways[i].table, .metric = ways[i].metric, .prefix = ways[i].prefix };
	struct rule r = { .table = ways[i].table, .priority = ways[i].metric, .fwmark = ways[i].mark };
	r.from_prefix = ways[i].prefix;
	r.to_prefix = ways[i].via_prefix;
	t.to = r.from = ip_of(ways[i].to);
	t.via = r.to = ip_of(ways[i].via);
	t.source = ip_of(ways[i].source);
	return ways[i].rule ? way_of_rule(&r) : way_of_route(&t);
}

static void ask_way(const struct way *w, bool add)
{
	heard.ways = 0;
	heard.way_err = -2;
	ck_assert_int_eq(vip_way_ask(net, 5, w, v0->index, add), 0);
	vip_asked_send(net);
	MUST(heard.ways == 1);
	ck_assert(heard.owner == 5 && heard.way_add == add && way_same(&heard.way, w));
}

/* Whether ip(8) has a line of it. */
static bool shows(const char *command, const char *line)
{
	char got[512];
	bool found = false;
	FILE *f = popen(command, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(got, sizeof(got), f))
		found |= strstr(got, line) != NULL;
	ck_assert_int_ne(pclose(f), -1);
	return found;
}

static void with_addresses(void)
{
	struct vip both[] = { vip(AF_INET, 1), vip(AF_INET6, 1) };
	sh("ip addr add fd00::1/64 dev v0 nodad && ip link set v1 addrgenmode eui64 &&"
	   "ip addr add fe80::1/64 dev v0 nodad");
	ck_assert_int_eq(vips_add(net, v0, both, 2, 0), 0);
	MUST(held() == 2);
}

START_TEST(a_way_comes_and_goes)
{
	struct way w = way_row((size_t)_i);
	with_addresses();
	ask_way(&w, true);
	ck_assert_msg(heard.way_err == 0, "%s: %s", ways[_i].what, strerror(heard.way_err));
	ck_assert_msg(shows(ways[_i].command, ways[_i].shown), "%s: it is not there", ways[_i].what);
	ask_way(&w, true);
	ck_assert_msg(heard.way_err == EEXIST, "%s: once more: %d", ways[_i].what, heard.way_err);
	vip_ways_sweep(net);
	MUST(heard.ways_left == 1);
	ck_assert_msg(way_same(&heard.way, &w), "%s: read back it is another one", ways[_i].what);
	ask_way(&w, false);
	ck_assert_msg(heard.way_err == 0, "%s: removed: %d", ways[_i].what, heard.way_err);
	ck_assert_msg(!shows(ways[_i].command, "proto 236"), "%s: it is still there", ways[_i].what);
	ask_way(&w, false);
	ck_assert_msg(heard.way_err == ESRCH || heard.way_err == ENOENT, "%s: %d", ways[_i].what, heard.way_err);
}
END_TEST

/* A route from an address that is asked for in the same breath; and its end before that of the address. */
START_TEST(a_route_from_an_address)
{
	struct vip v = vip(AF_INET, 1);
	struct way w = way_row(0);
	ck_assert_int_eq(vips_add(net, v0, &v, 1, 0), 0);
	ask_way(&w, true);
	ck_assert_int_eq(heard.way_err, 0);
	heard.ways = 0;
	ck_assert_int_eq(vip_way_ask(net, 5, &w, 0, false), 0);
	ck_assert_int_eq(vips_del(net, v0, &v, 1), 0);
	MUST(heard.ways == 1 && held() == 0);
	ck_assert_int_eq(heard.way_err, 0); /* not ESRCH: the kernel would have dropped it with the address */
	ask_way(&w, true);
	ck_assert_int_eq(heard.way_err, EINVAL);
}
END_TEST

START_TEST(what_others_made_is_left_alone)
{
	struct way w = way_row(1), r = way_row(5);
	sh("ip route add 192.0.2.0/24 via 10.0.0.8 proto 200 &&"
	   "ip rule add from 192.0.2.0/24 to 198.51.100.0/25 fwmark 7 table 100 priority 1000 protocol 200");
	ask_way(&w, true);
	ck_assert_int_eq(heard.way_err, EEXIST);
	ask_way(&w, false);
	ck_assert_int_eq(heard.way_err, ESRCH);
	/* some kernels have rules of two owners beside each other, some do not */
	ask_way(&r, true);
	ck_assert(heard.way_err == 0 || heard.way_err == EEXIST);
	int added = heard.way_err;
	ask_way(&r, false);
	ck_assert_int_eq(heard.way_err, added ? ENOENT : 0);
	ck_assert(shows("ip route", "192.0.2.0/24 via 10.0.0.8 dev v0 proto 200"));
	ck_assert(shows("ip rule", "fwmark 0x7 lookup 100 proto 200"));
	vip_ways_sweep(net);
	QUIET(100);
	ck_assert_uint_eq(heard.ways_left, 0);
}
END_TEST

/* What is left of ours is found among many of others; ours with another next hop is removed like one of ours. */
START_TEST(left_over_ways)
{
	struct way w = way_row(1);
	sh("for i in $(seq 0 999); do echo route add 10.$((100 + i / 250)).$((i % 250)).0/24 via 10.0.0.8; done |"
	   "ip -batch - && ip route add 192.0.2.0/24 via 10.0.0.7 proto 236 && ip route add 192.0.3.0/24 via 10.0.0.7 "
	   "table 7 proto 236 && ip rule add from 10.9.0.0/16 table 7 priority 9 protocol 236");
	vip_ways_sweep(net);
	MUST(heard.ways_left == 3);
	ask_way(&w, true);
	ck_assert_int_eq(heard.way_err, EEXIST);
	ask_way(&w, false);
	ck_assert_int_eq(heard.way_err, 0);
	ask_way(&w, true);
	ck_assert_int_eq(heard.way_err, 0);
}
END_TEST

static void add_plain(TCase *tc)
{
	tcase_add_loop_test(tc, a_way_comes_and_goes, 0, LEN(ways));
	tcase_add_test(tc, a_route_from_an_address);
	tcase_add_test(tc, what_others_made_is_left_alone);
	tcase_add_test(tc, left_over_ways);
}

static void add_helped(TCase *tc)
{
	tcase_add_loop_test(tc, a_way_comes_and_goes, 0, LEN(ways));
	tcase_add_test(tc, a_route_from_an_address);
	tcase_add_test(tc, what_others_made_is_left_alone);
	tcase_add_test(tc, left_over_ways);
}

int main(void)
{
	return host_run(suite_create("vip_ways"), add_plain, add_helped, NULL);
}
