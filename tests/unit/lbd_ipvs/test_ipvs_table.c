/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Identity, equality and names of the rows of the kernel's tables. */
#include "tests/unit/lbd_ipvs/fixture.h"

#include <errno.h>

/* Sorted as ipvs_key_cmp sorts: addresses before marks, then address, port, protocol. */
static const char *const ordered_keys[] = {
	"10.0.0.1:53/tcp",
	"10.0.0.1:53/udp",
	"10.0.0.1:80/tcp",
	"10.0.0.2/tcp",
	"10.0.0.2:1/sctp",
	"200.0.0.1:1/tcp",
	"[2001:db8::1]:80/tcp",
	"[2001:db8::1]:81/tcp",
	"fwmark:1/ipv4",
	"fwmark:1/ipv6",
	"fwmark:2/ipv4",
	"fwmark:4294967295/ipv4",
};

START_TEST(keys_have_one_total_order)
{
	for (size_t i = 0; i < COUNT(ordered_keys); i++)
		for (size_t j = 0; j < COUNT(ordered_keys); j++) {
			struct ipvs_key a = key_of(ordered_keys[i]), b = key_of(ordered_keys[j]);
			int want = i < j ? -1 : i > j, got = ipvs_key_cmp(&a, &b);
			ck_assert_msg((got > 0) - (got < 0) == want, "%s against %s: %d", ordered_keys[i],
				ordered_keys[j], got);
		}
}
END_TEST

START_TEST(destinations_are_ordered_by_address_then_port)
{
	static const char *const ordered[] = { "10.0.0.1", "10.0.0.1:1", "10.0.0.1:65535", "10.0.0.2:1", "[::1]:1",
		"[2001:db8::1]:1" };
	for (size_t i = 0; i < COUNT(ordered); i++)
		for (size_t j = 0; j < COUNT(ordered); j++) {
			struct ipvs_dest a = dest_of(ordered[i], 7), b = dest_of(ordered[j], 3);
			int want = i < j ? -1 : i > j, got = ipvs_dest_cmp(&a, &b);
			ck_assert_msg((got > 0) - (got < 0) == want, "%s against %s: %d", ordered[i], ordered[j], got);
		}
}
END_TEST

START_TEST(a_row_is_sorted_whatever_the_order_of_adding)
{
	struct ipvs_row row = { 0 };
	ipvs_row_sort(&row); /* an empty one too */
	static const char *const added[] = { "10.0.0.3:1", "10.0.0.1:2", "10.0.0.1:1", "10.0.0.2:1" };
	for (size_t i = 0; i < COUNT(added); i++) {
		struct ipvs_dest *d = lb_vec_push(&row.dests);
		*d = dest_of(added[i], 1);
	}
	ipvs_row_sort(&row);
	for (size_t i = 1; i < row.dests.n; i++)
		ck_assert_int_lt(ipvs_dest_cmp(&row.dests.v[i - 1], &row.dests.v[i]), 0);
	ipvs_row_done(&row);
	ck_assert_uint_eq(row.dests.n, 0);
}
END_TEST

static const struct {
	const char *what;
	struct ipvs_service a, b;
	bool equal;
} service_rows[] = {
	{ "the same", { .scheduler = "wlc", .flags = 8 }, { .scheduler = "wlc", .flags = 8 }, true },
	{ "another scheduler", { .scheduler = "wlc" }, { .scheduler = "rr" }, false },
	{ "a scheduler that begins alike", { .scheduler = "lc" }, { .scheduler = "lcx" }, false },
	{ "another engine", { .scheduler = "wlc", .engine = "sip" }, { .scheduler = "wlc" }, false },
	{ "one packet", { .flags = IPVS_FLAG_ONEPACKET }, { .flags = 0 }, false },
	{ "a flag of the scheduler", { .flags = IPVS_FLAG_SCHED2 }, { .flags = IPVS_FLAG_SCHED1 }, false },
	{ "HASHED is the kernel's own", { .flags = IPVS_FLAG_HASHED | 1 }, { .flags = 1 }, true },
	{ "persistence on and off", { .flags = IPVS_FLAG_PERSISTENT }, { .flags = 0 }, false },
	{ "timeout when persistent", { .flags = 1, .timeout = 60 }, { .flags = 1, .timeout = 61 }, false },
	{ "prefix when persistent", { .flags = 1, .prefix = 24 }, { .flags = 1, .prefix = 32 }, false },
	{ "timeout when not persistent means nothing", { .timeout = 60 }, { .timeout = 0 }, true },
	{ "prefix when not persistent means nothing", { .prefix = 24 }, { .prefix = 32 }, true },
};

START_TEST(services_are_equal_when_the_kernel_would_be_the_same)
{
	for (size_t i = 0; i < COUNT(service_rows); i++) {
		bool ab = ipvs_service_equal(&service_rows[i].a, &service_rows[i].b);
		bool ba = ipvs_service_equal(&service_rows[i].b, &service_rows[i].a);
		ck_assert_msg(ab == service_rows[i].equal && ba == ab, "%s: %d, the other way %d", service_rows[i].what,
			ab, ba);
	}
}
END_TEST

#define TUN .method = IPVS_METHOD_TUN
static const struct {
	const char *what;
	struct ipvs_dest a, b;
	bool equal;
} dest_rows[] = {
	{ "the same", { TUN, .weight = 1, .tunnel = { 1, 1, 9 } }, { TUN, .weight = 1, .tunnel = { 1, 1, 9 } }, true },
	{ "weight", { .weight = 1 }, { .weight = 0 }, false },
	{ "method", { .method = IPVS_METHOD_NAT }, { .method = IPVS_METHOD_DR }, false },
	{ "upper threshold", { .upper = 1 }, { .upper = 0 }, false },
	{ "lower threshold", { .lower = 1 }, { .lower = 0 }, false },
	{ "tunnel type of a tunnel", { TUN, .tunnel = { 1, 0, 0 } }, { TUN, .tunnel = { 2, 0, 0 } }, false },
	{ "checksum of a tunnel", { TUN, .tunnel = { 1, 1, 0 } }, { TUN, .tunnel = { 1, 2, 0 } }, false },
	{ "port of a tunnel", { TUN, .tunnel = { 1, 1, 9 } }, { TUN, .tunnel = { 1, 1, 8 } }, false },
	{ "a tunnel's details mean nothing to nat", { .tunnel = { 1, 1, 9 } }, { .tunnel = { 0, 0, 0 } }, true },
};

START_TEST(destinations_are_equal_when_the_kernel_would_be_the_same)
{
	for (size_t i = 0; i < COUNT(dest_rows); i++) {
		bool ab = ipvs_dest_equal(&dest_rows[i].a, &dest_rows[i].b),
		     ba = ipvs_dest_equal(&dest_rows[i].b, &dest_rows[i].a);
		ck_assert_msg(
			ab == dest_rows[i].equal && ba == ab, "%s: %d, the other way %d", dest_rows[i].what, ab, ba);
	}
}
END_TEST

START_TEST(key_text_goes_both_ways)
{
	char out[IPVS_KEY_STRLEN];
	for (size_t i = 0; i < COUNT(ordered_keys); i++) {
		struct ipvs_key k = key_of(ordered_keys[i]);
		ck_assert_str_eq(ipvs_key_str(&k, out), ordered_keys[i]);
	}
	struct ipvs_key longest = key_of("[1111:2222:3333:4444:5555:6666:7777:8888]:65535/sctp");
	ck_assert_str_eq(ipvs_key_str(&longest, out), "[1111:2222:3333:4444:5555:6666:7777:8888]:65535/sctp");
}
END_TEST

static const struct {
	const char *what, *text;
} bad_keys[] = {
	{ "nothing", "" },
	{ "no protocol", "10.0.0.1:80" },
	{ "an empty protocol", "10.0.0.1:80/" },
	{ "an unknown protocol", "10.0.0.1:80/icmp" },
	{ "a longer word than a protocol", "10.0.0.1:80/tcpp" },
	{ "no address", "/tcp" },
	{ "a name", "localhost:80/tcp" },
	{ "port 0 written out", "10.0.0.1:0/tcp" },
	{ "a port above 65535", "10.0.0.1:65536/tcp" },
	{ "a mark of 0: the kernel reads it as no mark", "fwmark:0/ipv4" },
	{ "a mark without a number", "fwmark:/ipv4" },
	{ "a mark above 32 bits", "fwmark:4294967296/ipv4" },
	{ "a mark of many digits", "fwmark:00000000001/ipv4" },
	{ "a mark that is no number", "fwmark:1x/ipv4" },
	{ "a mark with a protocol for a family", "fwmark:1/tcp" },
	{ "a mark without a family", "fwmark:1" },
	{ "a longer word than a family", "fwmark:1/ipv44" },
	{ "two slashes", "10.0.0.1:80/tcp/tcp" },
};

START_TEST(a_key_that_is_not_one_is_refused_and_leaves_the_result_alone)
{
	for (size_t i = 0; i < COUNT(bad_keys); i++) {
		struct ipvs_key k, before;
		memset(&before, 0x5a, sizeof(before));
		k = before;
		/* a copy of exact length, so that the sanitizer sees a read behind its end */
		size_t n = strlen(bad_keys[i].text);
		char *exact = malloc(n ? n : 1);
		memcpy(exact, bad_keys[i].text, n);
		int r = ipvs_key_parse(exact, n, &k);
		free(exact);
		ck_assert_msg(r == -EINVAL && memcmp(&k, &before, sizeof(k)) == 0, "%s: '%s' gave %d", bad_keys[i].what,
			bad_keys[i].text, r);
	}
}
END_TEST

START_TEST(names_of_numbers)
{
	ck_assert_str_eq(ipvs_method_name(IPVS_METHOD_NAT), "nat");
	ck_assert_str_eq(ipvs_method_name(IPVS_METHOD_LOCAL), "local");
	ck_assert_str_eq(ipvs_method_name(IPVS_METHOD_TUN), "tun");
	ck_assert_str_eq(ipvs_method_name(IPVS_METHOD_DR), "dr");
	ck_assert_str_eq(ipvs_method_name(IPVS_METHOD_BYPASS), "bypass");
	ck_assert_str_eq(ipvs_method_name(5), "-");
	ck_assert_str_eq(ipvs_protocol_name(IPPROTO_TCP), "tcp");
	ck_assert_str_eq(ipvs_protocol_name(IPPROTO_UDP), "udp");
	ck_assert_str_eq(ipvs_protocol_name(IPPROTO_SCTP), "sctp");
	ck_assert_str_eq(ipvs_protocol_name(0), "-");
	ck_assert_str_eq(ipvs_protocol_name(250), "-"); /* the kernel takes any number */
	ck_assert_str_eq(ipvs_tunnel_name(IPVS_TUNNEL_IPIP), "ipip");
	ck_assert_str_eq(ipvs_tunnel_name(IPVS_TUNNEL_GUE), "gue");
	ck_assert_str_eq(ipvs_tunnel_name(IPVS_TUNNEL_GRE), "gre");
	ck_assert_str_eq(ipvs_tunnel_name(77), "-"); /* and any tunnel type */
	ck_assert_str_eq(ipvs_csum_name(IPVS_TUNNEL_NOCSUM), "nocsum");
	ck_assert_str_eq(ipvs_csum_name(IPVS_TUNNEL_CSUM), "csum");
	ck_assert_str_eq(ipvs_csum_name(IPVS_TUNNEL_REMCSUM), "remcsum");
}
END_TEST

START_TEST(a_key_has_no_padding)
{
	/* it is hashed as bytes */
	struct ipvs_key k;
	ck_assert_uint_eq(sizeof(k), sizeof(k.addr) + sizeof(k.protocol) + sizeof(k.port) + sizeof(k.fwmark));
}
END_TEST

int main(void)
{
	const TTest *tests[] = { keys_have_one_total_order, destinations_are_ordered_by_address_then_port,
		a_row_is_sorted_whatever_the_order_of_adding, services_are_equal_when_the_kernel_would_be_the_same,
		destinations_are_equal_when_the_kernel_would_be_the_same, key_text_goes_both_ways,
		a_key_that_is_not_one_is_refused_and_leaves_the_result_alone, names_of_numbers, a_key_has_no_padding };
	return run_suite("ipvs_table", tests, COUNT(tests));
}
