/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/nft/nft_text.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

#define V4(last)                                                                                                       \
	{                                                                                                              \
		AF_INET,                                                                                               \
		{                                                                                                      \
			10, 7, 0, last                                                                                 \
		}                                                                                                      \
	}
#define V6(last)                                                                                                       \
	{                                                                                                              \
		AF_INET6,                                                                                              \
		{                                                                                                      \
			0xfd, 7, [15] = last                                                                           \
		}                                                                                                      \
	}
#define BEGIN      "table inet lbd\ndelete table inet lbd\n"
#define RULES4     "\t\tip daddr . meta l4proto . th dport @open4 return\n\t\tip daddr . meta l4proto @whole4 return\n"
#define RULES6     "\t\tip6 daddr . meta l4proto . th dport @open6 return\n\t\tip6 daddr . meta l4proto @whole6 return\n"
#define ERRORS4    "\t\ticmp type { destination-unreachable, time-exceeded, parameter-problem } return\n"
#define NEIGHBOURS "\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } return\n"
#define ERRORS6    "\t\ticmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } return\n"
#define FRAGMENTS  "\t\tfrag frag-off > 0 return\n"
#define DROP       "\t\tdrop\n\t}\n"
#define HOOK       "\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tiif lo return\n"

static const struct lb_ip one4[] = { V4(100) }, two[] = { V4(100), V4(101), V6(100) }, one6[] = { V6(100) };
static const struct nft_port ports[] = {
	{ V4(99), IPPROTO_TCP, 80 }, /* another address */
	{ V4(100), IPPROTO_TCP, 443 },
	{ V4(100), IPPROTO_UDP, 443 },
	{ V4(101), IPPROTO_TCP, 0 },
	{ V6(100), IPPROTO_TCP, 443 },
};
static const uint32_t marks[] = { 7, 4000000000 };

#define FRONT                                                                                                          \
	"\tchain postrouting {\n\t\ttype nat hook postrouting priority srcnat - 1; policy accept;\n"                   \
	"\t\tfib saddr type local return\n"
#define PROTOCOLS   "\t\tmeta l4proto { tcp, udp, sctp } "
#define ORIGINAL(v) "ct original " v " daddr . meta l4proto . ct original proto-dst "
static const struct nft_snat one_snat[] = { { { V4(100), IPPROTO_TCP, 443 }, V4(1) } };
static const struct nft_snat snats[] = {
	{ { V4(100), IPPROTO_TCP, 443 }, V4(1) },
	{ { V4(100), IPPROTO_UDP, 443 }, V4(1) },
	{ { V4(102), IPPROTO_TCP, 80 }, V4(2) },
	{ { V6(100), IPPROTO_TCP, 443 }, V6(1) },
};
/* every port of .101 but those of others */
static const struct nft_snat whole[] = { { { V4(101), IPPROTO_TCP, 0 }, V4(1) },
	{ { V4(101), IPPROTO_TCP, 81 }, V4(2) } };
static const struct nft_port beside[] = {
	{ V4(100), IPPROTO_TCP, 80 }, /* another address */
	{ V4(101), IPPROTO_TCP, 0 }, { V4(101), IPPROTO_TCP, 80 }, { V4(101), IPPROTO_TCP, 81 },
	{ V4(101), IPPROTO_UDP, 80 }, /* another protocol */
};

static const struct {
	const char *what;
	struct nft_want want;
	const char *text;
} rows[] = {
	{ "nothing is closed: the table goes", { .open = ports, .n_open = LEN(ports), .marks = marks, .n_marks = 2 },
		BEGIN },
	{ "closed without any service", { .closed = one4, .n_closed = 1 },
		BEGIN "table inet lbd {\n"
		      "\tset closed4 {\n\t\ttype ipv4_addr\n\t\telements = { 10.7.0.100 }\n\t}\n"
		      "\tset open4 {\n\t\ttype ipv4_addr . inet_proto . inet_service\n\t}\n"
		      "\tset whole4 {\n\t\ttype ipv4_addr . inet_proto\n\t}\n"
		      "\tchain closed4 {\n" RULES4 ERRORS4 DROP HOOK "\t\tip daddr @closed4 jump closed4\n\t}\n}\n" },
	{ "IPv6 must be found", { .closed = one6, .n_closed = 1 },
		BEGIN "table inet lbd {\n"
		      "\tset closed6 {\n\t\ttype ipv6_addr\n\t\telements = { fd07::64 }\n\t}\n"
		      "\tset open6 {\n\t\ttype ipv6_addr . inet_proto . inet_service\n\t}\n"
		      "\tset whole6 {\n\t\ttype ipv6_addr . inet_proto\n\t}\n"
		      "\tchain closed6 {\n" RULES6 NEIGHBOURS ERRORS6 FRAGMENTS DROP HOOK
		      "\t\tip6 daddr @closed6 jump closed6\n\t}\n}\n" },
	{ "services on them, and by a mark",
		{ .closed = two, .n_closed = 3, .open = ports, .n_open = LEN(ports), .marks = marks, .n_marks = 2 },
		BEGIN "table inet lbd {\n"
		      "\tset closed4 {\n\t\ttype ipv4_addr\n\t\telements = { 10.7.0.100, 10.7.0.101 }\n\t}\n"
		      "\tset open4 {\n\t\ttype ipv4_addr . inet_proto . inet_service\n"
		      "\t\telements = { 10.7.0.100 . 6 . 443, 10.7.0.100 . 17 . 443 }\n\t}\n"
		      "\tset whole4 {\n\t\ttype ipv4_addr . inet_proto\n\t\telements = { 10.7.0.101 . 6 }\n\t}\n"
		      "\tset closed6 {\n\t\ttype ipv6_addr\n\t\telements = { fd07::64 }\n\t}\n"
		      "\tset open6 {\n\t\ttype ipv6_addr . inet_proto . inet_service\n"
		      "\t\telements = { fd07::64 . 6 . 443 }\n\t}\n"
		      "\tset whole6 {\n\t\ttype ipv6_addr . inet_proto\n\t}\n"
		      "\tchain closed4 {\n\t\tmeta mark 7 return\n\t\tmeta mark 4000000000 return\n" RULES4 ERRORS4 DROP
		      "\tchain closed6 {\n\t\tmeta mark 7 return\n\t\tmeta mark 4000000000 return\n" RULES6 NEIGHBOURS
			      ERRORS6 FRAGMENTS DROP HOOK
		      "\t\tip daddr @closed4 jump closed4\n\t\tip6 daddr @closed6 jump closed6\n\t}\n}\n" },
	{ "a source, and nothing closed", { .open = ports, .n_open = LEN(ports), .snats = one_snat, .n_snats = 1 },
		BEGIN "table inet lbd {\n"
		      "\tset front4 {\n\t\ttype ipv4_addr\n\t\telements = { 10.7.0.100 }\n\t}\n"
		      "\tmap source4 {\n\t\ttype ipv4_addr . inet_proto . inet_service : ipv4_addr\n"
		      "\t\telements = { 10.7.0.100 . 6 . 443 : 10.7.0.1 }\n\t}\n" FRONT
		      "\t\tip daddr @front4 return\n" PROTOCOLS "snat ip to " ORIGINAL("ip") "map @source4\n\t}\n}\n" },
	{ "sources of both families beside a closed address",
		{ .closed = one4,
			.n_closed = 1,
			.open = ports,
			.n_open = LEN(ports),
			.snats = snats,
			.n_snats = LEN(snats) },
		BEGIN "table inet lbd {\n"
		      "\tset closed4 {\n\t\ttype ipv4_addr\n\t\telements = { 10.7.0.100 }\n\t}\n"
		      "\tset open4 {\n\t\ttype ipv4_addr . inet_proto . inet_service\n"
		      "\t\telements = { 10.7.0.100 . 6 . 443, 10.7.0.100 . 17 . 443 }\n\t}\n"
		      "\tset whole4 {\n\t\ttype ipv4_addr . inet_proto\n\t}\n"
		      "\tchain closed4 {\n" RULES4 ERRORS4 DROP HOOK "\t\tip daddr @closed4 jump closed4\n\t}\n"
		      "\tset front4 {\n\t\ttype ipv4_addr\n\t\telements = { 10.7.0.100, 10.7.0.102 }\n\t}\n"
		      "\tmap source4 {\n\t\ttype ipv4_addr . inet_proto . inet_service : ipv4_addr\n"
		      "\t\telements = { 10.7.0.100 . 6 . 443 : 10.7.0.1, 10.7.0.100 . 17 . 443 : 10.7.0.1, "
		      "10.7.0.102 . 6 . 80 : 10.7.0.2 }\n\t}\n"
		      "\tset front6 {\n\t\ttype ipv6_addr\n\t\telements = { fd07::64 }\n\t}\n"
		      "\tmap source6 {\n\t\ttype ipv6_addr . inet_proto . inet_service : ipv6_addr\n"
		      "\t\telements = { fd07::64 . 6 . 443 : fd07::1 }\n\t}\n" FRONT
		      "\t\tip daddr @front4 return\n" PROTOCOLS
		      "snat ip to " ORIGINAL("ip") "map @source4\n"
						   "\t\tip6 daddr @front6 return\n" PROTOCOLS
						   "snat ip6 to " ORIGINAL("ip6") "map @source6\n"
										  "\t}\n}\n" },
	{ "one that takes every port leaves the others theirs",
		{ .open = beside, .n_open = LEN(beside), .snats = whole, .n_snats = LEN(whole) },
		BEGIN "table inet lbd {\n"
		      "\tset front4 {\n\t\ttype ipv4_addr\n\t\telements = { 10.7.0.101 }\n\t}\n"
		      "\tmap source4 {\n\t\ttype ipv4_addr . inet_proto . inet_service : ipv4_addr\n"
		      "\t\telements = { 10.7.0.101 . 6 . 81 : 10.7.0.2 }\n\t}\n"
		      "\tmap source_whole4 {\n\t\ttype ipv4_addr . inet_proto : ipv4_addr\n"
		      "\t\telements = { 10.7.0.101 . 6 : 10.7.0.1 }\n\t}\n"
		      "\tset keep4 {\n\t\ttype ipv4_addr . inet_proto . inet_service\n"
		      "\t\telements = { 10.7.0.101 . 6 . 80 }\n\t}\n" FRONT "\t\tip daddr @front4 return\n" PROTOCOLS
		      "snat ip to " ORIGINAL("ip") "map @source4\n" PROTOCOLS ORIGINAL(
			      "ip") "@keep4 return\n"
				    "\t\tsnat ip to ct original ip daddr . meta l4proto map @source_whole4\n\t}\n}\n" },
};

START_TEST(texts)
{
	struct lb_text out = LB_TEXT_INIT;
	nft_text(&rows[_i].want, &out);
	ck_assert(!out.bad);
	ck_assert_msg(strcmp(out.s, rows[_i].text) == 0, "%s:\n%s", rows[_i].what, out.s);
	lb_text_done(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nft_text");
	TCase *tc = tcase_create("all");
	tcase_add_loop_test(tc, texts, 0, LEN(rows));
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
