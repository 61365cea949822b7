/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/addr.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *what, *in, *out; /* out NULL = refused */
	bool zero_ok;
} endpoints[] = {
	{ "IPv4 alone", "10.0.0.1", "10.0.0.1", false },
	{ "IPv4 and port", "10.0.0.1:80", "10.0.0.1:80", false },
	{ "IPv6 alone", "2001:DB8:0:0::1", "2001:db8::1", false },
	{ "IPv6 in brackets", "[2001:db8::1]", "2001:db8::1", false },
	{ "IPv6 and port", "[2001:db8::1]:65535", "[2001:db8::1]:65535", false },
	{ "IPv4 mapped", "::ffff:10.0.0.1", "::ffff:10.0.0.1", false },
	{ "port 0 where it means something", "10.0.0.1:0", "10.0.0.1", true },
	{ "port 0 elsewhere", "10.0.0.1:0", NULL, false },
	{ "port too large", "10.0.0.1:65536", NULL, false },
	{ "leading zero in a port", "10.0.0.1:080", NULL, false },
	{ "leading zero in a part", "010.0.0.1", NULL, false },
	{ "three parts", "10.0.1", NULL, false },
	{ "a name", "localhost", NULL, false },
	{ "a zone", "fe80::1%eth0", NULL, false },
	{ "IPv4 in brackets", "[10.0.0.1]:80", NULL, false },
	{ "bracket left open", "[2001:db8::1", NULL, false },
	{ "something after the bracket", "[2001:db8::1]80", NULL, false },
	{ "no port after the colon", "10.0.0.1:", NULL, false },
	{ "nothing", "", NULL, false },
	{ "blank", " 10.0.0.1", NULL, false },
};

START_TEST(endpoints_parse_and_print)
{
	struct lb_ip ip = { .family = 99 };
	uint16_t port = 99;
	char text[LB_ENDPOINT_STRLEN];
	int r = lb_endpoint_parse(endpoints[_i].in, strlen(endpoints[_i].in), endpoints[_i].zero_ok, &ip, &port);
	ck_assert_msg((r == 0) == (endpoints[_i].out != NULL), "%s", endpoints[_i].what);
	if (r == 0)
		ck_assert_str_eq(lb_endpoint_str(&ip, port, text), endpoints[_i].out);
	else
		ck_assert_msg(ip.family == 99 && port == 99, "%s: outputs were touched", endpoints[_i].what);
}
END_TEST

/* As the C library prints them: each number in each place, and each port. */
START_TEST(prints_what_the_c_library_prints)
{
	char ours[LB_ENDPOINT_STRLEN], ip[LB_IP_STRLEN], theirs[LB_ENDPOINT_STRLEN];
	for (unsigned i = 0; i < 4 * 256; i++) {
		struct lb_ip a = { .family = AF_INET, .b = { 9, 99, 100, 255 } };
		a.b[i / 256] = (uint8_t)i;
		ck_assert_str_eq(lb_ip_str(&a, ours), inet_ntop(AF_INET, a.b, ip, sizeof(ip)));
	}
	for (unsigned port = 1; port <= UINT16_MAX; port++) {
		struct lb_ip a = { .family = port % 2 ? AF_INET : AF_INET6, .b = { 10, 1, 2, 3 } };
		snprintf(theirs, sizeof(theirs), port % 2 ? "%s:%u" : "[%s]:%u", lb_ip_str(&a, ip), port);
		ck_assert_str_eq(lb_endpoint_str(&a, (uint16_t)port, ours), theirs);
	}
}
END_TEST

START_TEST(a_nul_ends_nothing)
{
	struct lb_ip ip;
	ck_assert_int_ne(lb_ip_parse("10.0.0.1\0x", 10, &ip), 0);
	ck_assert_int_eq(lb_ip_parse("10.0.0.1xyz", 8, &ip), 0);
}
END_TEST

START_TEST(order_and_kinds)
{
	struct lb_ip a, b, none = { 0 };
	char text[LB_IP_STRLEN];
	lb_ip_parse("10.0.0.2", 8, &a);
	lb_ip_parse("10.0.0.10", 9, &b);
	ck_assert_int_lt(lb_ip_cmp(&a, &b), 0);
	lb_ip_parse("::", 2, &b);
	ck_assert_int_lt(lb_ip_cmp(&a, &b), 0); /* families apart */
	ck_assert(lb_ip_is_any(&b) && lb_ip_is_v6(&b) && !lb_ip_is_any(&a));
	lb_ip_parse("ff02::1", 7, &b);
	ck_assert(lb_ip_is_multicast(&b));
	lb_ip_parse("239.1.1.1", 9, &b);
	ck_assert(lb_ip_is_multicast(&b) && !lb_ip_is_multicast(&a));
	ck_assert_str_eq(lb_ip_str(&none, text), "-");
}
END_TEST

START_TEST(networks)
{
	static const struct {
		const char *ip;
		unsigned prefix;
		bool is;
	} rows[] = { { "0.0.0.0", 0, true }, { "0.0.0.1", 0, false }, { "128.0.0.0", 1, true },
		{ "128.0.0.0", 0, false }, { "192.0.2.0", 23, true }, { "192.0.2.0", 22, false },
		{ "192.0.2.1", 32, true }, { "192.0.2.1", 31, false }, { "::", 0, true }, { "2001:db8::", 32, true },
		{ "2001:db8::", 28, false }, { "2001:db8::1", 128, true }, { "2001:db8::1", 127, false },
		{ "::1", 0, false } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_ip ip;
		ck_assert_int_eq(lb_ip_parse(rows[i].ip, strlen(rows[i].ip), &ip), 0);
		ck_assert_msg(lb_ip_is_net(&ip, rows[i].prefix) == rows[i].is, "%s/%u", rows[i].ip, rows[i].prefix);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("addr");
	TCase *tc = tcase_create("addr");
	tcase_add_loop_test(tc, endpoints_parse_and_print, 0, (int)(sizeof(endpoints) / sizeof(endpoints[0])));
	tcase_add_test(tc, networks);
	tcase_add_test(tc, prints_what_the_c_library_prints);
	tcase_add_test(tc, a_nul_ends_nothing);
	tcase_add_test(tc, order_and_kinds);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
