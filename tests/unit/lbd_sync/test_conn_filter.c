/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which connections are meant, and how they are ended. */
#include "lbd/sync/conn_filter.h"
#include "lbd/sync/conn_over.h"
#include "lbd/sync/conn_row.h"
#include "lbd/sync/ipvs_conn.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- texts of matches ---- */

static const struct {
	const char *what, *text;
	bool ok;
} matches[] = {
	{ "a listener and a backend", "tcp 203.0.113.10:80 10.1.0.11:8080", true },
	{ "all backends", "udp 203.0.113.10:53 -", true },
	{ "all ports", "sctp 203.0.113.10 10.1.0.11", true },
	{ "IPv6", "tcp [2001:db8::1]:80 [2001:db8::2]:8080", true },
	{ "a mark", "any fwmark:10/ipv4 10.1.0.11", true },
	{ "one protocol of a mark", "udp fwmark:4294967295/ipv6 -", true },
	{ "a listener that is not meant", "tcp 203.0.113.10:80 unmarked", true },
	{ "and all ports of it", "udp 2001:db8::1 unmarked", true },
	{ "a mark that is none", "any fwmark:10/ipv4 unmarked", false },
	{ "no such word", "tcp 203.0.113.10:80 unmarked-", false },
	{ "nothing", "", false },
	{ "half of it", "tcp 203.0.113.10:80", false },
	{ "no such protocol", "icmp 203.0.113.10:80 -", false },
	{ "an address of any protocol", "any 203.0.113.10:80 -", false },
	{ "no listener", "tcp - 10.1.0.11:80", false },
	{ "two families", "tcp 203.0.113.10:80 [2001:db8::2]:80", false },
	{ "two families of a mark", "any fwmark:10/ipv6 10.1.0.11", false },
	{ "port 0", "tcp 203.0.113.10:0 -", false },
	{ "mark 0", "any fwmark:0/ipv4 -", false },
	{ "a mark with a leading zero", "any fwmark:010/ipv4 -", false },
	{ "a mark beyond its type", "any fwmark:4294967296/ipv4 -", false },
	{ "a mark that goes on", "any fwmark:42949672950/ipv4 -", false },
	{ "a mark of no family", "any fwmark:10/ipx -", false },
	{ "a mark without a family", "any fwmark:10 -", false },
	{ "something behind it", "tcp 203.0.113.10:80 - ", false },
	{ "two blanks", "tcp  203.0.113.10:80 -", false },
};

START_TEST(texts)
{
	struct conn_match m, again;
	char out[CONN_MATCH_STRLEN];
	bool ok = conn_match_parse(matches[_i].text, strlen(matches[_i].text), &m);
	ck_assert_msg(ok == matches[_i].ok, "%s", matches[_i].what);
	if (!ok)
		return;
	ck_assert_str_eq(conn_match_str(&m, out), matches[_i].text);
	ck_assert(conn_match_parse(out, strlen(out), &again) && conn_match_cmp(&m, &again) == 0);
	for (size_t n = 0; n < strlen(out); n++) /* never behind its end */
		(void)conn_match_parse(out, n, &again);
}
END_TEST

/* ---- what is meant ---- */

static struct conn_filter filter_of(const char *const *list, struct conn_match *room)
{
	struct conn_filter f = { .some = list[0] != NULL, .v = room };
	for (; list[f.n]; f.n++)
		ck_assert_msg(conn_match_parse(list[f.n], strlen(list[f.n]), &room[f.n]), "%s", list[f.n]);
	f.n = conn_match_sort(room, f.n);
	return f;
}

#define TCP  "TCP 0A000002 C000 CB00710A 0050 0A01000B 1F90 ESTABLISHED 899"
#define UDP  "UDP 0A000002 C000 CB00710A 0050 0A01000B 1F90 UDP 299"
#define TPL  "TCP 0A000000 0000 CB00710A 0050 0A01000B 1F90 NONE 300"
#define MTPL "IP  0A000000 0000 0000000A 0000 0A01000B 0000 ASSURED 300"
#define SIX                                                                                                            \
	"TCP 20010db8000000000000000000000007 C000 20010db8000000000000000000000001 0050 "                             \
	"20010db8000000000000000000000002 1F90 ESTABLISHED 899"

#define UNKNOWN  CONN_MARK_UNKNOWN, 0
#define PACKET   CONN_MARK_PACKET
#define LISTENER CONN_MARK_LISTENER

static const struct {
	const char *what, *conn;
	const char *some[5];
	bool takes;
	enum conn_mark mark;
	uint32_t fwmark; /* that the kernel told */
} takes[] = {
	{ "everything", TCP, { NULL }, true, UNKNOWN },
	{ "its listener and backend", TCP, { "tcp 203.0.113.10:80 10.1.0.11:8080" }, true, UNKNOWN },
	{ "its listener", TCP, { "tcp 203.0.113.10:80 -" }, true, UNKNOWN },
	{ "its backend behind another listener", TCP, { "tcp 203.0.113.10:443 10.1.0.11:8080" }, false, UNKNOWN },
	{ "another port of its backend", TCP, { "tcp 203.0.113.10:80 10.1.0.11:8081" }, false, UNKNOWN },
	{ "another backend", TCP, { "tcp 203.0.113.10:80 10.1.0.12:8080" }, false, UNKNOWN },
	{ "the same of another protocol", UDP, { "tcp 203.0.113.10:80 10.1.0.11:8080" }, false, UNKNOWN },
	{ "one of several", UDP,
		{ "tcp 203.0.113.10:80 10.1.0.11:8080", "udp 203.0.113.10:80 10.1.0.11:8080", "udp 203.0.113.11:80 -" },
		true, UNKNOWN },
	{ "none of several", UDP, { "tcp 203.0.113.10:80 -", "udp 203.0.113.11:80 -", "udp 203.0.113.10:81 -" }, false,
		UNKNOWN },
	{ "a listener of all ports", TCP, { "tcp 203.0.113.10 10.1.0.11" }, true, UNKNOWN },
	{ "all ports of another address", TCP, { "tcp 203.0.113.11 10.1.0.11" }, false, UNKNOWN },
	{ "a template of its listener", TPL, { "tcp 203.0.113.10:80 10.1.0.11:8080" }, true, UNKNOWN },
	{ "a template of its mark", MTPL, { "any fwmark:10/ipv4 10.1.0.11" }, true, UNKNOWN },
	{ "a template of another mark", MTPL, { "any fwmark:11/ipv4 10.1.0.11" }, false, UNKNOWN },
	{ "a mark that the kernel told", TCP, { "any fwmark:10/ipv4 10.1.0.11" }, true, LISTENER, 10 },
	{ "and another", TCP, { "any fwmark:11/ipv4 10.1.0.11" }, false, LISTENER, 10 },
	{ "one protocol of the mark", TCP, { "udp fwmark:10/ipv4 10.1.0.11" }, false, LISTENER, 10 },
	{ "all backends of a mark", UDP, { "udp fwmark:10/ipv4 -" }, true, LISTENER, 10 },
	{ "a listener has its mark: its address means nothing", TCP, { "tcp 203.0.113.10:80 10.1.0.11:8080" }, false,
		LISTENER, 10 },
	{ "no listener has its mark: its address counts", TCP, { "tcp 203.0.113.10:80 10.1.0.11:8080" }, true, PACKET,
		10 },
	{ "and no other", TCP, { "tcp 203.0.113.10:80 10.1.0.12:8080" }, false, PACKET, 10 },
	{ "a template of a listener whose packets have a mark", TPL, { "tcp 203.0.113.10:80 -" }, true, PACKET, 10 },
	{ "its mark has just lost its listener", TCP, { "any fwmark:10/ipv4 10.1.0.11" }, true, PACKET, 10 },
	{ "the kernel says that it has none", TCP, { "any fwmark:10/ipv4 10.1.0.11" }, false, PACKET, 0 },
	{ "and its address counts", TCP, { "tcp 203.0.113.10:80 -" }, true, PACKET, 0 },
	{ "nothing is known: the backend decides", TCP, { "any fwmark:10/ipv4 10.1.0.11:8080" }, true, UNKNOWN },
	{ "nothing is known, and the least mark of all", TCP, { "any fwmark:1/ipv4 10.1.0.11:8080" }, true, UNKNOWN },
	{ "nothing is known: another backend", TCP, { "any fwmark:10/ipv4 10.1.0.12:8080" }, false, UNKNOWN },
	{ "nothing is known: another protocol", TCP, { "udp fwmark:10/ipv4 10.1.0.11:8080" }, false, UNKNOWN },
	{ "nothing is known, and no backend", TCP, { "any fwmark:10/ipv4 -" }, false, UNKNOWN },
	{ "nothing is known, and it goes where another listener is", TCP,
		{ "any fwmark:10/ipv4 10.1.0.11:8080", "tcp 203.0.113.10:80 unmarked" }, false, UNKNOWN },
	{ "and that has all ports", TCP, { "any fwmark:10/ipv4 10.1.0.11", "tcp 203.0.113.10 unmarked" }, false,
		UNKNOWN },
	{ "it is elsewhere", TCP,
		{ "any fwmark:10/ipv4 10.1.0.11:8080", "tcp 203.0.113.10:81 unmarked", "tcp 203.0.113.11:80 unmarked",
			"udp 203.0.113.10:80 unmarked" },
		true, UNKNOWN },
	{ "that listener is meant, too", TCP,
		{ "any fwmark:10/ipv4 10.1.0.11:8080", "tcp 203.0.113.10:80 10.1.0.11:8080",
			"tcp 203.0.113.10:80 unmarked" },
		true, UNKNOWN },
	{ "its mark is known", TCP, { "any fwmark:10/ipv4 10.1.0.11:8080", "tcp 203.0.113.10:80 unmarked" }, true,
		LISTENER, 10 },
	{ "a template of the mark", MTPL, { "any fwmark:10/ipv4 10.1.0.11", "tcp 203.0.113.10:80 unmarked" }, true,
		UNKNOWN },
	{ "a listener that is not meant", TCP, { "tcp 203.0.113.10:80 unmarked" }, false, UNKNOWN },
	{ "nor by its mark", TCP, { "tcp 203.0.113.10:80 unmarked" }, false, PACKET, 10 },
	{ "IPv6", SIX, { "tcp [2001:db8::1]:80 [2001:db8::2]:8080" }, true, UNKNOWN },
	{ "a mark of the other family", SIX, { "any fwmark:10/ipv4 -" }, false, LISTENER, 10 },
};

static struct flow flow_of(const char *line)
{
	struct flow f;
	char plain[200];
	size_t n = 0;
	/* the kernel writes IPv6 with colons */
	for (const char *p = line; *p; p++) {
		size_t word = strcspn(p, " ");
		bool six = word == 32;
		for (size_t i = 0; i < word; i++) {
			if (six && i && i % 4 == 0)
				plain[n++] = ':';
			plain[n++] = p[i];
		}
		p += word;
		plain[n++] = ' ';
		if (!*p)
			break;
	}
	ck_assert_msg(ipvs_conn_parse(plain, n, &f) == 0, "%.*s", (int)n, plain);
	return f;
}

START_TEST(what_is_meant)
{
	struct conn_match room[5];
	struct conn_filter c = filter_of(takes[_i].some, room);
	struct flow f = flow_of(takes[_i].conn);
	f.fwmark = takes[_i].fwmark;
	ck_assert_msg(conn_filter_takes(&c, &f, takes[_i].mark) == takes[_i].takes, "%s", takes[_i].what);
}
END_TEST

START_TEST(no_match_is_nothing)
{
	const struct conn_filter none = { .some = true };
	struct flow f = flow_of(TCP);
	ck_assert(!conn_filter_takes(&none, &f, CONN_MARK_UNKNOWN));
}
END_TEST

static const struct {
	const char *what, *client;
	uint8_t prefix;
	uint16_t port;
	bool takes;
} clients[] = {
	{ "this one", "10.0.0.2", 32, 0, true },
	{ "another", "10.0.0.3", 32, 0, false },
	{ "its port", "10.0.0.2", 32, 49152, true },
	{ "another port", "10.0.0.2", 32, 49153, false },
	{ "its network", "10.0.0.0", 24, 0, true },
	{ "within a byte", "10.0.0.0", 30, 0, true },
	{ "just beside", "10.0.0.4", 30, 0, false },
	{ "another network", "10.0.1.0", 24, 0, false },
	{ "all of a family", "0.0.0.0", 0, 0, true },
	{ "all of the other family", "::", 0, 0, false },
};

START_TEST(clients_and_networks)
{
	struct conn_filter c = { .prefix = clients[_i].prefix, .client_port = clients[_i].port };
	struct flow f = flow_of(TCP);
	ck_assert_int_eq(lb_ip_parse(clients[_i].client, strlen(clients[_i].client), &c.client), 0);
	ck_assert_msg(conn_filter_takes(&c, &f, CONN_MARK_UNKNOWN) == clients[_i].takes, "%s", clients[_i].what);
}
END_TEST

static uint32_t below(uint64_t *s, uint32_t n)
{
	*s += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = (*s ^ *s >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)((z ^ z >> 31) % n);
}

/* Many listeners: each is found, none that is not there; against a search one by one. */
START_TEST(many_matches)
{
	static struct conn_match v[600];
	struct conn_filter c = { .some = true, .v = v };
	uint64_t seed = 7;
	for (unsigned round = 0; round < 2000; round++) {
		if (round % 200 == 0) {
			c.n = 1 + below(&seed, LEN(v));
			for (uint32_t i = 0; i < c.n; i++) {
				v[i] = (struct conn_match){ .protocol = below(&seed, 2) ? 6 : 17,
					.virtual_port = (uint16_t)(below(&seed, 3)),
					.dest_port = (uint16_t)(below(&seed, 3)) };
				v[i].virtual = (struct lb_ip){ AF_INET, { 203, 0, 113, (uint8_t)(below(&seed, 4)) } };
				if (below(&seed, 3))
					v[i].dest = (struct lb_ip){ AF_INET, { 10, 0, 0, (uint8_t)(below(&seed, 4)) } };
				else
					v[i].dest_port = 0;
			}
			c.n = conn_match_sort(v, c.n);
		}
		struct flow f = { .key = { .protocol = below(&seed, 2) ? 6 : 17,
					  .virtual_port = (uint16_t)(1 + below(&seed, 3)) },
			.dest_port = (uint16_t)(1 + below(&seed, 3)) };
		f.key.client = f.key.virtual = (struct lb_ip){ AF_INET, { 203, 0, 113, (uint8_t)(below(&seed, 5)) } };
		f.dest = (struct lb_ip){ AF_INET, { 10, 0, 0, (uint8_t)(below(&seed, 5)) } };
		bool found = false;
		for (uint32_t i = 0; i < c.n; i++)
			found |= v[i].protocol == f.key.protocol && lb_ip_cmp(&v[i].virtual, &f.key.virtual) == 0 &&
				 (!v[i].virtual_port || v[i].virtual_port == f.key.virtual_port) &&
				 (!v[i].dest.family || (lb_ip_cmp(&v[i].dest, &f.dest) == 0 &&
							       (!v[i].dest_port || v[i].dest_port == f.dest_port)));
		ck_assert_msg(conn_filter_takes(&c, &f, CONN_MARK_PACKET) == found, "round %u", round);
	}
}
END_TEST

/* ---- how they are ended ---- */

START_TEST(ends_of_tcp)
{
	struct flow f = flow_of(TCP), over;
	f.flags = 3 | FLOW_NOOUTPUT | FLOW_SEQ_IN;
	f.has_seq = true;
	f.fwmark = 10;
	ck_assert(conn_ends_at_once(&f) && !conn_is_over(&f));
	conn_over(&f, &over);
	ck_assert(flow_key_cmp(&f.key, &over.key) == 0 && conn_is_over(&over) && flow_is_valid(&over));
	ck_assert(conn_is_record(&over) && !conn_is_record(&f));
	/* the kernel ignores one of another destination that says INACTIVE */
	ck_assert_uint_eq(over.flags, 1);
	ck_assert(over.state == 6 && over.timeout_s == 1 && over.fwmark == 10 && !over.has_seq);
	ck_assert(lb_ip_cmp(&over.dest, &f.key.virtual) == 0 && over.dest_port == 80);
	/* whether the client's port was to be looked at stays as it was */
	f.flags |= FLOW_NO_CPORT;
	conn_over(&f, &over);
	ck_assert_uint_eq(over.flags, 1 | FLOW_NO_CPORT);
	/* one that just ends by itself is not meant */
	f.state = 6;
	ck_assert(!conn_is_over(&f));
}
END_TEST

START_TEST(ends_of_a_server_on_this_host)
{
	struct flow f = flow_of(TCP), over;
	f.dest = f.key.virtual;
	f.dest_port = f.key.virtual_port;
	ck_assert(!conn_is_over(&f));
	conn_over(&f, &over);
	ck_assert(over.dest_port != f.dest_port && conn_is_over(&over));
	/* one that just ends by itself looks like an end, but no record says so */
	f.state = 6;
	ck_assert(conn_is_over(&f) && !conn_is_record(&f) && conn_is_record(&over));
}
END_TEST

START_TEST(ends_of_others)
{
	struct flow f = flow_of(UDP), over;
	f.flags = 3;
	ck_assert(!conn_ends_at_once(&f));
	conn_over(&f, &over);
	ck_assert(over.flags == (3 | FLOW_INACTIVE) && over.timeout_s == 1 && over.state == 0);
	ck_assert(lb_ip_cmp(&over.dest, &f.dest) == 0 && over.dest_port == f.dest_port && !conn_is_over(&over));
	f = flow_of(TPL);
	ck_assert(!conn_ends_at_once(&f));
	conn_over(&f, &over);
	ck_assert(over.flags == (FLOW_TEMPLATE | FLOW_INACTIVE) && over.timeout_s == 1 && !conn_is_over(&over));
}
END_TEST

/* ---- rows ---- */

static const struct {
	const char *what, *text;
	bool ok;
} rows[] = {
	{ "a connection", "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.11:8080 1 899 0 local", true },
	{ "a template of a mark", "0 10.0.0.0 0.0.0.10 10.1.0.12 1 300 10 template", true },
	{ "IPv6, told by the peer", "17 [2001:db8::7]:5353 [2001:db8::1]:53 [2001:db8::2]:53 0 300 0 peer", true },
	{ "a backend of the other family", "6 10.0.0.2:1 203.0.113.10:80 [2001:db8::2]:80 1 899 0 local", true },
	{ "the largest numbers", "255 10.0.0.2:65535 203.0.113.10 10.1.0.11 65535 4294967295 4294967295 local", true },
	{ "nothing", "", false },
	{ "a word less", "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.11:8080 1 899 0", false },
	{ "a word more", "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.11:8080 1 899 0 local x", false },
	{ "no such origin", "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.11:8080 1 899 0 here", false },
	{ "no such protocol", "256 10.0.0.2:40000 203.0.113.10:80 10.1.0.11:8080 1 899 0 local", false },
	{ "a state beyond its type", "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.11:8080 65536 899 0 local", false },
	{ "a leading zero", "06 10.0.0.2:40000 203.0.113.10:80 10.1.0.11:8080 1 899 0 local", false },
	{ "a time beyond its type", "6 10.0.0.2:1 203.0.113.10:80 10.1.0.11:8080 1 4294967296 0 local", false },
	{ "clients of another family", "6 [2001:db8::7]:1 203.0.113.10:80 10.1.0.11:8080 1 899 0 local", false },
	{ "no address", "6 - 203.0.113.10:80 10.1.0.11:8080 1 899 0 local", false },
};

START_TEST(row_texts)
{
	struct conn_row r;
	char out[CONN_ROW_STRLEN];
	bool ok = conn_row_parse(rows[_i].text, strlen(rows[_i].text), &r);
	ck_assert_msg(ok == rows[_i].ok, "%s", rows[_i].what);
	if (ok)
		ck_assert_str_eq(conn_row_str(&r, out), rows[_i].text);
}
END_TEST

START_TEST(rows_of_flows)
{
	struct conn_row r;
	char out[CONN_ROW_STRLEN], protocol[CONN_PROTOCOL_STRLEN];
	struct flow f = flow_of(TCP);
	f.fwmark = 5;
	conn_row_of(&f, CONN_PEER, &r);
	ck_assert_str_eq(conn_row_str(&r, out), "6 10.0.0.2:49152 203.0.113.10:80 10.1.0.11:8080 1 899 5 peer");
	f = flow_of(MTPL);
	conn_row_of(&f, CONN_LOCAL, &r);
	ck_assert_str_eq(conn_row_str(&r, out), "0 10.0.0.0 0.0.0.10 10.1.0.11 1 300 0 template");
	ck_assert_str_eq(conn_protocol_name(6, protocol), "TCP");
	ck_assert_str_eq(conn_protocol_name(0, protocol), "IP");
	ck_assert_str_eq(conn_protocol_name(254, protocol), "IP_254");
	ck_assert_str_eq(conn_state_name(6, false, 1), "ESTABLISHED");
	ck_assert_str_eq(conn_state_name(6, false, 11), "ERR!");
	ck_assert_str_eq(conn_state_name(132, false, 8), "ESTABLISHED");
	ck_assert_str_eq(conn_state_name(132, false, 14), "ERR!");
	ck_assert_str_eq(conn_state_name(17, false, 0), "UDP");
	ck_assert_str_eq(conn_state_name(6, true, 0), "NONE");
	ck_assert_str_eq(conn_state_name(0, true, 1), "ASSURED");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conn_filter");
	TCase *tc = tcase_create("conn_filter");
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, texts, 0, LEN(matches));
	tcase_add_loop_test(tc, what_is_meant, 0, LEN(takes));
	tcase_add_test(tc, no_match_is_nothing);
	tcase_add_loop_test(tc, clients_and_networks, 0, LEN(clients));
	tcase_add_test(tc, many_matches);
	tcase_add_test(tc, ends_of_tcp);
	tcase_add_test(tc, ends_of_a_server_on_this_host);
	tcase_add_test(tc, ends_of_others);
	tcase_add_loop_test(tc, row_texts, 0, LEN(rows));
	tcase_add_test(tc, rows_of_flows);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
