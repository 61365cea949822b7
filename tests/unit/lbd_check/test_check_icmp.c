/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_icmp.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct check_icmp echo4 = { .seq = 0x1234, .payload = "0123456789abcde" };
static const struct check_icmp echo6 = { .v6 = true, .seq = 0xfffe, .payload = "0123456789abcde" };

START_TEST(a_request_and_its_reply)
{
	const struct check_icmp *e = _i ? &echo6 : &echo4;
	uint8_t b[CHECK_ICMP_LEN + 1] = { 0 };
	check_icmp_request(e, b);
	ck_assert_uint_eq(b[0], _i ? 128 : 8);
	ck_assert(check_icmp_is_request(e, b, CHECK_ICMP_LEN));
	ck_assert(check_icmp_is_request(e, b, 8)); /* a router may quote no more */
	ck_assert(!check_icmp_is_request(e, b, 7));
	ck_assert(!check_icmp_is_request(_i ? &echo4 : &echo6, b, CHECK_ICMP_LEN));
	ck_assert(!check_icmp_is_reply(e, b, CHECK_ICMP_LEN));
	b[0] = _i ? 129 : 0;
	b[2] = b[4] = 77; /* checksum and identifier are the kernel's */
	ck_assert(check_icmp_is_reply(e, b, CHECK_ICMP_LEN));
	for (size_t n = 0; n <= sizeof(b); n++)
		ck_assert(check_icmp_is_reply(e, b, n) == (n == CHECK_ICMP_LEN));
	for (size_t at = 0; at < CHECK_ICMP_LEN; at++) {
		bool kernels = at >= 2 && at < 6;
		b[at] ^= 0x40;
		ck_assert_msg(check_icmp_is_reply(e, b, CHECK_ICMP_LEN) == kernels, "byte %zu", at);
		b[at] ^= 0x40;
	}
}
END_TEST

static const struct {
	const char *what, *from;
	uint8_t type, code;
	int err;
	enum check_code wants;
	const char *text;
} rows[] = {
	{ "a router that finds no neighbour", "10.0.0.1", 3, 1, EHOSTUNREACH, CHECK_CODE_L3CON,
		"host unreachable, says 10.0.0.1" },
	{ "a router without a route", "10.0.0.1", 3, 0, ENETUNREACH, CHECK_CODE_L3CON,
		"network unreachable, says 10.0.0.1" },
	{ "the same over IPv6", "2001:db8::1", 1, 0, ENETUNREACH, CHECK_CODE_L3CON, "no route, says 2001:db8::1" },
	{ "a filter over IPv6", "2001:db8:1:2:3:4:5:6", 1, 1, EACCES, CHECK_CODE_L3CON,
		"prohibited, says 2001:db8:1:2:3:4:5:6" },
	{ "one that has no name here", "10.0.0.1", 3, 99, EHOSTUNREACH, CHECK_CODE_L3CON, "ICMP 3/99, says 10.0.0.1" },
	{ "a local error", NULL, 0, 0, EHOSTUNREACH, CHECK_CODE_L3CON, "no route to host" },
	{ "our own fault", NULL, 0, 0, ENOBUFS, CHECK_CODE_SOCKERR, "no buffer space available" },
	{ "our own filter", NULL, 0, 0, EPERM, CHECK_CODE_SOCKERR, "operation not permitted" },
};

START_TEST(what_the_network_says)
{
	struct check_result r = { 0 };
	struct lb_ip from = { 0 };
	if (rows[_i].from)
		ck_assert_int_eq(lb_ip_parse(rows[_i].from, strlen(rows[_i].from), &from), 0);
	ck_assert(check_icmp_error(&r, from.family == AF_INET6, rows[_i].type, rows[_i].code, &from, rows[_i].err));
	ck_assert_msg(r.code == rows[_i].wants && strcmp(r.text, rows[_i].text) == 0, "%s: %s '%s'", rows[_i].what,
		check_codes[r.code].name, r.text);
}
END_TEST

/* The kernel puts these into the queue as well; the reply to the request still comes. */
static const struct {
	const char *what, *from;
	uint8_t type, code;
	int err;
	bool lost;
} sorts[] = {
	{ "a redirect", "10.0.0.1", 5, 1, EREMOTEIO, false },
	{ "a source quench", "10.0.0.1", 4, 0, EREMOTEIO, false },
	{ "a parameter problem", "10.0.0.1", 12, 0, EPROTO, true },
	{ "a redirect over IPv6", "fe80::1", 137, 0, EPROTO, false },
	{ "a parameter problem over IPv6", "2001:db8::1", 4, 0, EPROTO, true },
	{ "an error of IPv6 that nobody knows yet", "2001:db8::1", 127, 0, EPROTO, true },
};

START_TEST(not_all_that_the_network_says_is_a_loss)
{
	struct check_result r = { .code = CHECK_CODE_INI };
	struct lb_ip from = { 0 };
	ck_assert_int_eq(lb_ip_parse(sorts[_i].from, strlen(sorts[_i].from), &from), 0);
	bool lost = check_icmp_error(&r, from.family == AF_INET6, sorts[_i].type, sorts[_i].code, &from, sorts[_i].err);
	ck_assert_msg(lost == sorts[_i].lost && r.code == (lost ? CHECK_CODE_L3CON : CHECK_CODE_INI), "%s: %s",
		sorts[_i].what, check_codes[r.code].name);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_icmp");
	TCase *tc = tcase_create("all");
	tcase_add_loop_test(tc, a_request_and_its_reply, 0, 2);
	tcase_add_loop_test(tc, what_the_network_says, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, not_all_that_the_network_says_is_a_loss, 0, sizeof(sorts) / sizeof(sorts[0]));
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
