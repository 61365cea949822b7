/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which failures of probes count while a link is gone: asked of the kernel, in a network namespace of the test's own.
 */
#include "common/buf.h"
#include "lbd/check/check_cut_io.h"
#include "tests/edge/vrrp/apart.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* v0 is 10.0.0.1/24 and 2001:db8::1/64 and has a source address more; w0 is 10.0.1.1/24. */
static void cards(void)
{
	set_apart();
	sh("ip addr add 10.0.0.2/24 dev v0 && ip -6 addr add 2001:db8::1/64 dev v0 nodad &&"
	   "ip link add w0 type veth peer name w1 && ip link set w0 up && ip link set w1 up &&"
	   "ip addr add 10.0.1.1/24 dev w0");
}

static struct check_spec spec_of(enum check_type type, const char *to, const char *from)
{
	struct check_spec s = { .type = type, .port = 80 };
	ck_assert(!lb_ip_parse(to, strlen(to), &s.addr) && (!from || !lb_ip_parse(from, strlen(from), &s.source)));
	return s;
}

static struct check_cuts cut(const char *name)
{
	struct check_cuts c = { .n = 1, .v = { { .index = if_nametoindex(name) } } };
	snprintf(c.v[0].name, sizeof(c.v[0].name), "%s", name);
	return c;
}

static const struct check_result failed = { .code = CHECK_CODE_L4TOUT, .text = "connection timed out" };

/* What becomes of a failure that began then, of a server that was reached by that card. */
static bool counts_of(const struct check_cut_watch *c, const struct check_spec *s, uint32_t passed, int64_t began)
{
	struct check_result r = failed;
	check_cut_distrust(c, s, passed, (struct lb_time){ began }, &r);
	if (r.code == CHECK_CODE_SOCKERR)
		ck_assert_str_eq(r.text, "v0 has no link: paused");
	return r.code == CHECK_CODE_L4TOUT;
}

static bool counts(const struct check_cut_watch *c, const struct check_spec *s, int64_t began)
{
	return counts_of(c, s, 0, began);
}

static const struct row {
	const char *what;
	enum check_type type;
	const char *to, *from;
	bool counts;
} rows[] = {
	{ "by the card that is cut off", CHECK_TYPE_TCP, "10.0.0.9", NULL, false },
	{ "over IPv6", CHECK_TYPE_TCP, "2001:db8::9", NULL, false },
	{ "from a source", CHECK_TYPE_HTTP, "10.0.0.9", "10.0.0.2", false },
	{ "a program that asks a server there", CHECK_TYPE_SCRIPT, "10.0.0.9", NULL, false },
	{ "by another card", CHECK_TYPE_TCP, "10.0.1.9", NULL, true },
	{ "on this host", CHECK_TYPE_TCP, "127.0.0.1", NULL, true },
	{ "a word in a file of this host", CHECK_TYPE_FILE, "10.0.0.9", NULL, true },
	{ "nowhere: the route went with the card", CHECK_TYPE_TCP, "203.0.113.1", NULL, false },
	{ "nowhere, over IPv6", CHECK_TYPE_TCP, "2001:db8:1::1", NULL, false },
};

START_TEST(a_failure_while_it_is_cut_off)
{
	const struct row *row = &rows[_i];
	struct check_cut_watch c;
	struct check_spec s = spec_of(row->type, row->to, row->from);
	cards();
	check_cut_open(&c);
	ck_assert_msg(counts(&c, &s, 1), "%s: nothing is cut off yet", row->what);
	struct check_cuts v0 = cut("v0");
	check_cut_set(&c, &v0, (struct lb_time){ 10 });
	ck_assert_msg(counts(&c, &s, 20) == row->counts, "%s", row->what);
	/* it is over: who began before that may still be a victim of it */
	check_cut_set(&c, &(struct check_cuts){ 0 }, (struct lb_time){ 30 });
	ck_assert_msg(counts(&c, &s, 29) == row->counts, "%s: began before the end", row->what);
	ck_assert_msg(counts(&c, &s, 30), "%s: began after it", row->what);
	check_cut_close(&c);
}
END_TEST

START_TEST(a_card_that_is_switched_off)
{
	struct check_cut_watch c;
	struct check_spec s = spec_of(CHECK_TYPE_TCP, "10.0.0.9", NULL),
			  other = spec_of(CHECK_TYPE_TCP, "10.0.1.9", NULL);
	cards();
	check_cut_prepare(); /* what the room of the network does before it may not any more */
	check_cut_open(&c);
	struct check_cuts v0 = cut("v0");
	check_cut_set(&c, &v0, (struct lb_time){ 10 });
	sh("ip link set v0 down");
	ck_assert(!counts(&c, &s, 20) && counts(&c, &other, 20));
	sh("ip link del v0");
	ck_assert(!counts(&c, &s, 20) && counts(&c, &other, 20));
	check_cut_close(&c);
}
END_TEST

/* What some hosts do when the link is lost, and the default route leads elsewhere. */
START_TEST(a_host_that_drops_routes_with_the_link)
{
	struct check_cut_watch c;
	struct check_spec s = spec_of(CHECK_TYPE_TCP, "10.0.0.9", NULL),
			  from = spec_of(CHECK_TYPE_TCP, "10.0.0.9", "10.0.0.2"),
			  other = spec_of(CHECK_TYPE_TCP, "10.0.1.9", NULL);
	cards();
	check_cut_open(&c);
	uint32_t v = check_cut_way(&c, &s), w = check_cut_way(&c, &other);
	ck_assert(v == if_nametoindex("v0") && w == if_nametoindex("w0") && check_cut_way(&c, &from) == v);
	struct check_cuts v0 = cut("v0");
	check_cut_set(&c, &v0, (struct lb_time){ 10 });
	sh("ip addr flush dev v0 && ip route add default via 10.0.1.9");
	ck_assert_msg(!counts_of(&c, &s, v, 20), "it was reached by v0");
	ck_assert_msg(!counts_of(&c, &from, v, 20), "and from an address that went, too");
	ck_assert_msg(counts_of(&c, &other, w, 20), "it never went by v0");
	ck_assert_msg(counts_of(&c, &s, w, 20), "it passed by w0 since");
	ck_assert_msg(counts_of(&c, &s, 0, 20), "it never passed");
	check_cut_close(&c);
}
END_TEST

START_TEST(nobody_can_say_by_which_card)
{
	struct check_cut_watch c;
	struct lb_text bytes = LB_TEXT_INIT;
	struct check_spec file = spec_of(CHECK_TYPE_FILE, "10.0.0.9", NULL),
			  nowhere = spec_of(CHECK_TYPE_TCP, "203.0.113.1", NULL),
			  bound = spec_of(CHECK_TYPE_ICMP, "10.0.0.9", NULL);
	ck_assert_int_eq(check_param_put(&bytes, CHECK_PARAM_INTERFACE, "v0", 2), 0);
	bound.params = (struct check_params){ (const uint8_t *)bytes.s, (uint32_t)bytes.n };
	cards();
	check_cut_open(&c);
	ck_assert_uint_eq(check_cut_way(&c, &file), 0);
	ck_assert_uint_eq(check_cut_way(&c, &nowhere), 0);
	ck_assert_uint_eq(check_cut_way(&c, &bound), 0);
	check_cut_close(&c);
	lb_text_done(&bytes);
}
END_TEST

START_TEST(what_did_not_fail_is_left_alone)
{
	static const enum check_code codes[] = { CHECK_CODE_INI, CHECK_CODE_SOCKERR, CHECK_CODE_L4OK,
		CHECK_CODE_L7OKC };
	struct check_cut_watch c;
	struct check_spec s = spec_of(CHECK_TYPE_TCP, "10.0.0.9", NULL);
	cards();
	check_cut_open(&c);
	struct check_cuts v0 = cut("v0");
	check_cut_set(&c, &v0, (struct lb_time){ 10 });
	for (size_t i = 0; i < LEN(codes); i++) {
		struct check_result r = { .code = codes[i], .text = "as it was" };
		check_cut_distrust(&c, &s, 0, (struct lb_time){ 20 }, &r);
		ck_assert_int_eq(r.code, codes[i]);
		ck_assert_str_eq(r.text, "as it was");
	}
	check_cut_close(&c);
}
END_TEST

START_TEST(bound_to_a_card)
{
	struct check_cut_watch c;
	struct lb_text bytes = LB_TEXT_INIT;
	struct check_spec s = spec_of(CHECK_TYPE_ICMP, "10.0.1.9", NULL); /* the route says w0 */
	ck_assert_int_eq(check_param_put(&bytes, CHECK_PARAM_INTERFACE, "v0", 2), 0);
	s.params = (struct check_params){ (const uint8_t *)bytes.s, (uint32_t)bytes.n };
	cards();
	check_cut_open(&c);
	struct check_cuts v0 = cut("v0");
	check_cut_set(&c, &v0, (struct lb_time){ 10 });
	ck_assert(!counts(&c, &s, 20));
	check_cut_close(&c);
	lb_text_done(&bytes);
}
END_TEST

static const struct routed {
	const char *what;
	enum check_type type;
	const char *to, *from;
	enum check_code code;
	const char *text;
} routed[] = {
	{ "into a hole", CHECK_TYPE_TCP, "10.0.2.9", NULL, CHECK_CODE_L4CON, "no route: blackhole" },
	{ "over IPv6", CHECK_TYPE_HTTP, "2001:db8:2::9", NULL, CHECK_CODE_L4CON, "no route: blackhole" },
	{ "for an echo", CHECK_TYPE_ICMP, "10.0.2.9", NULL, CHECK_CODE_L3CON, "no route: blackhole" },
	{ "from an address", CHECK_TYPE_UDP, "10.0.2.9", "10.0.0.2", CHECK_CODE_L4CON, "no route: blackhole" },
	{ "forbidden", CHECK_TYPE_TCP, "10.0.3.9", NULL, CHECK_CODE_L4CON, "no route: prohibit" },
	{ "over IPv6", CHECK_TYPE_ICMP, "2001:db8:3::9", NULL, CHECK_CODE_L3CON, "no route: prohibit" },
	{ "a way that is open", CHECK_TYPE_TCP, "10.0.0.9", NULL, CHECK_CODE_SOCKERR, "as it was" },
	{ "from an address that is not here", CHECK_TYPE_TCP, "10.0.0.9", "10.9.9.9", CHECK_CODE_SOCKERR, "as it was" },
	{ "a link-local address", CHECK_TYPE_TCP, "fe80::9", NULL, CHECK_CODE_SOCKERR, "as it was" },
	{ "no route at all, by now", CHECK_TYPE_TCP, "203.0.113.1", NULL, CHECK_CODE_SOCKERR, "as it was" },
	{ "a program that could not be started", CHECK_TYPE_SCRIPT, "10.0.2.9", NULL, CHECK_CODE_SOCKERR, "as it was" },
	{ "closed to the user of probes alone", CHECK_TYPE_TCP, "10.0.0.77", NULL, CHECK_CODE_SOCKERR, "as it was" },
};

START_TEST(a_route_that_ends_here)
{
	const struct routed *row = &routed[_i];
	struct check_cut_watch c;
	struct check_spec s = spec_of(row->type, row->to, row->from);
	const struct check_result was = { .code = CHECK_CODE_SOCKERR, .text = "as it was", .ask_route = true };
	struct check_result r = was;
	cards();
	sh("ip route add blackhole 10.0.2.0/24 && ip -6 route add blackhole 2001:db8:2::/64 &&"
	   "ip route add prohibit 10.0.3.0/24 && ip -6 route add prohibit 2001:db8:3::/64 &&"
	   "ip -6 route add fe80::/64 dev v0 && ip rule add to 10.0.0.77 uidrange 1-65535 prohibit");
	check_cut_open(&c);
	check_cut_route(&c, &s, &r);
	ck_assert_msg(r.code == row->code && strcmp(r.text, row->text) == 0, "%s: %s '%s'", row->what,
		check_codes[r.code].name, r.text);
	/* a call that had nothing to do with it, and a room in which the kernel cannot be asked */
	r = was;
	r.ask_route = false;
	check_cut_route(&c, &s, &r);
	ck_assert_int_eq(r.code, CHECK_CODE_SOCKERR);
	check_cut_close(&c);
	r = was;
	check_cut_route(&c, &s, &r);
	ck_assert_int_eq(r.code, CHECK_CODE_SOCKERR);
}
END_TEST

int main(void)
{
	if (!can_run()) {
		printf("SKIP: no network namespace with a veth pair here\n");
		return 77;
	}
	Suite *s = suite_create("cut");
	TCase *t = tcase_create("kernel");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_failure_while_it_is_cut_off, 0, LEN(rows));
	tcase_add_test(t, a_card_that_is_switched_off);
	tcase_add_test(t, a_host_that_drops_routes_with_the_link);
	tcase_add_test(t, nobody_can_say_by_which_card);
	tcase_add_test(t, what_did_not_fail_is_left_alone);
	tcase_add_test(t, bound_to_a_card);
	tcase_add_loop_test(t, a_route_that_ends_here, 0, LEN(routed));
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
