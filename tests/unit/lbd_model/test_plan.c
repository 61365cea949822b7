/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A settled service as the rows that the kernel should have. */
#include "tests/unit/lbd_model/fixture.h"

static const struct {
	const char *what, *service; /* the body of a service called s */
	const char *plan;
} rows[] = {
	{ "one row per listener, in order; a backend without a port has that of the listener",
		"listen: [203.0.113.1:443, 203.0.113.1:80], check: none, backends: { b: 10.1.0.2:8080, a: 10.1.0.1 }",
		"203.0.113.1:80/tcp wlc flags=0 10.1.0.1:80=1 10.1.0.2:8080=1\n"
		"203.0.113.1:443/tcp wlc flags=0 10.1.0.1:443=1 10.1.0.2:8080=1\n" },
	{ "backends are sorted by address and port, whatever the file says",
		"listen: 203.0.113.1:80, check: none, backends: { a: 10.1.0.200, b: 10.1.0.3:81, c: 10.1.0.3, d: "
		"9.9.9.9 }",
		"203.0.113.1:80/tcp wlc flags=0 9.9.9.9:80=1 10.1.0.3:80=1 10.1.0.3:81=1 10.1.0.200:80=1\n" },
	{ "one packet is for datagrams alone",
		"listen: 203.0.113.1:53, protocol: [udp, tcp], one_packet: true, check: none, backends: { a: 10.1.0.1 "
		"}",
		"203.0.113.1:53/tcp wlc flags=0 10.1.0.1:53=1\n203.0.113.1:53/udp wlc flags=4 10.1.0.1:53=1\n" },
	{ "a mark may carry anything",
		"fwmark: 7, one_packet: true, check: none, backends: { a: 10.1.0.1, b: 10.1.0.2:53 }",
		"fwmark:7/ipv4 wlc flags=4 10.1.0.1=1 10.1.0.2:53=1\n" },
	{ "the persistence prefix is that of the listener's family",
		"listen: [203.0.113.1:80, '[2001:db8::1]:80'], mode: tun, persistence: { timeout: 5m, mask4: 24, "
		"mask6: 64 }, check: none, "
		"backends: { a: 10.1.0.1 }",
		"203.0.113.1:80/tcp wlc flags=1 persist=300/24 10.1.0.1:80=1\n[2001:db8::1]:80/tcp wlc flags=1 "
		"persist=300/64 10.1.0.1:80=1\n" },
	{ "scheduler with its flags, and an engine",
		"listen: 203.0.113.1:5060, protocol: udp, scheduler: { name: mh, flags: [mh-port, mh-fallback] }, "
		"persistence: { timeout: 1m, engine: sip }, check: none, backends: {}",
		"203.0.113.1:5060/udp mh flags=19 persist=60/32 pe=sip\n" },
	{ "who is not in the table has no row, who is out of the pool has weight 0",
		"listen: 203.0.113.1:80, backends: { up: 10.1.0.1, m: { address: 10.1.0.2, state: maint }, d: { "
		"address: 10.1.0.3, state: drain } }",
		"203.0.113.1:80/tcp wlc flags=0 10.1.0.1:80=0 10.1.0.3:80=0\n" },
};

START_TEST(the_rows_of_a_service)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		char yaml[1024];
		snprintf(yaml, sizeof(yaml), "services: { s: { %s } }", rows[i].service);
		world_start(&w, yaml);
		ck_assert_msg(strcmp(plan_text(&w), rows[i].plan) == 0, "%s:\n%sand not\n%s", rows[i].what,
			plan_text(&w), rows[i].plan);
		world_end(&w);
	}
}
END_TEST

/* A sorry server is a row of its own with weight 1; where a backend is there already it is that one. */
START_TEST(the_sorry_server_may_be_a_backend)
{
	struct world w = { 0 };
	world_start(&w, "services: { s: { listen: [203.0.113.1:80, 203.0.113.1:81], sorry: 10.1.0.1:80,\n"
			"  backends: { a: 10.1.0.1, b: 10.1.0.2 } } }");
	ck_assert_str_eq(plan_text(&w), "203.0.113.1:80/tcp wlc flags=0 10.1.0.1:80=1 10.1.0.2:80=0\n"
					"203.0.113.1:81/tcp wlc flags=0 10.1.0.1:80=1 10.1.0.1:81=0 10.1.0.2:81=0\n");
	world_end(&w);
}
END_TEST

START_TEST(what_a_backend_is_stands_in_its_row)
{
	struct world w = { 0 };
	world_start(&w, "services: { s: { listen: 203.0.113.1:80, mode: nat, check: none, backends: {\n"
			" a: { address: 10.1.0.1, weight: 20, max_connections: 100, resume_below: 75 },\n"
			" b: { address: 10.1.0.2, mode: tun, tunnel: { type: gue, port: 6080, checksum: remcsum } },\n"
			" c: { address: 10.1.0.3, mode: dr } } } }");
	struct ipvs_row row = { 0 };
	ck_assert_int_eq(plan_listener(w.m, 0, 0, &row), 0);
	ck_assert_uint_eq(row.dests.n, 3);
	const struct ipvs_dest *d = row.dests.v;
	ck_assert_uint_eq(d[0].method, IPVS_METHOD_NAT);
	ck_assert_uint_eq(d[0].weight, 20);
	ck_assert_uint_eq(d[0].upper, 100);
	ck_assert_uint_eq(d[0].lower, 75);
	ck_assert_uint_eq(d[0].tunnel.type + d[0].tunnel.csum + d[0].tunnel.port, 0);
	ck_assert_uint_eq(d[1].method, IPVS_METHOD_TUN);
	ck_assert_uint_eq(d[1].tunnel.type, IPVS_TUNNEL_GUE);
	ck_assert_uint_eq(d[1].tunnel.port, 6080);
	ck_assert_uint_eq(d[1].tunnel.csum, IPVS_TUNNEL_REMCSUM);
	ck_assert_uint_eq(d[2].method, IPVS_METHOD_DR);
	ck_assert_uint_eq(row.svc.timeout, 0);
	ipvs_row_done(&row);
	world_end(&w);
}
END_TEST

static bool is_out(const struct ipvs_row *row, const char *ip, uint16_t port)
{
	struct ipvs_dest d = { .port = port };
	ck_assert_int_eq(lb_ip_parse(ip, strlen(ip), &d.addr), 0);
	return ipvs_row_is_out(row, &d);
}

/* Whose row must go whatever becomes of the others: in maintenance, and down where that removes it. Not who is not in
 * the configuration any more. */
START_TEST(who_was_taken_out_is_told_apart_from_who_is_gone)
{
	struct world w = { 0 };
	struct ipvs_row row = { 0 };
	world_start(&w,
		"services: { s: { listen: 203.0.113.1:80, on_fail: remove, backends: { a: 10.1.0.9, b: 10.1.0.2, c: "
		"10.1.0.3:81, d: 10.1.0.4, e: { address: 10.1.0.1, state: maint } } } }");
	world_start(&w,
		"services: { s: { listen: 203.0.113.1:80, on_fail: remove, backends: { a: 10.1.0.9, b: 10.1.0.2, c: "
		"10.1.0.3:81, e: { address: 10.1.0.1, state: maint } } } }");
	world_health(&w, "s/a", 0, false);
	world_health(&w, "s/b", 0, true);
	world_state(&w, "s/c", CONFIG_STATE_MAINT, 0);
	world_settle(&w);
	ck_assert_int_eq(plan_listener(w.m, 0, 0, &row), 0);
	ck_assert_uint_eq(row.dests.n, 1);
	ck_assert_uint_eq(row.out.n, 3);
	ck_assert(is_out(&row, "10.1.0.9", 80) && is_out(&row, "10.1.0.3", 81) && is_out(&row, "10.1.0.1", 80));
	ck_assert(!is_out(&row, "10.1.0.2", 80) && !is_out(&row, "10.1.0.4", 80) && !is_out(&row, "10.1.0.3", 80));
	ipvs_row_done(&row);
	world_end(&w);
}
END_TEST

START_TEST(a_row_is_reused_without_leftovers)
{
	struct world w = { 0 };
	world_start(&w,
		"services:\n"
		"  a: { listen: 203.0.113.1:80, scheduler: { name: mh, flags: mh-port }, persistence: 5m, "
		"check: none, backends: { x: 10.1.0.1, y: 10.1.0.2, m: { address: 10.1.0.4, state: maint } } }\n"
		"  b: { listen: 203.0.113.1:81, scheduler: rr, check: none, backends: { z: 10.1.0.3 } }\n");
	struct ipvs_row row = { 0 }, fresh = { 0 };
	ck_assert_int_eq(plan_listener(w.m, 0, 0, &row), 0);
	ck_assert_uint_eq(row.dests.n, 2);
	ck_assert_uint_eq(row.out.n, 1);
	ck_assert_int_eq(plan_listener(w.m, 1, 0, &row), 0);
	ck_assert_uint_eq(row.out.n, 0);
	ck_assert_int_eq(plan_listener(w.m, 1, 0, &fresh), 0);
	ck_assert_uint_eq(row.dests.n, 1);
	ck_assert_mem_eq(&row.svc, &fresh.svc, sizeof(row.svc));
	ck_assert_mem_eq(row.dests.v, fresh.dests.v, sizeof(*row.dests.v));
	ipvs_row_done(&row);
	ipvs_row_done(&fresh);
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { the_rows_of_a_service, who_was_taken_out_is_told_apart_from_who_is_gone,
		the_sorry_server_may_be_a_backend, what_a_backend_is_stands_in_its_row,
		a_row_is_reused_without_leftovers };
	return run_suite("plan", tests, COUNT(tests));
}
