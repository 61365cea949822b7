/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of /proc/net/ip_vs_conn: whole, in pieces, cut, bent and random. */
#include "lbd/sync/ipvs_conn.h"

#include "tests/unit/lbd_sync/flows.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"
#define V6A  "fd09:0000:0000:0000:0000:0000:0000:0002"
#define V6B  "fd09:0000:0000:0000:0000:0000:0000:0100"
#define V6C  "fd08:0000:0000:0000:0000:0000:0000:0011"

/* What was read, as text; "-" is refused. */
static const struct {
	const char *what, *line, *text;
} rows[] = {
	{ "an established connection", "TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 ESTABLISHED     899",
		"6 c 10.9.0.2:49024 10.9.0.100:80 10.8.0.12:8080 0 1 899" },
	{ "IPv6: eight groups, none left out", "TCP " V6A " 9C41 " V6B " 1F90 " V6C " 1F90 FIN_WAIT        119",
		"6 c [fd09::2]:40001 [fd09::100]:8080 [fd08::11]:8080 0 4 119" },
	{ "UDP has one state", "UDP 0A090002 9C44 0A090064 14E9 0A08000B 14E9 UDP             299",
		"17 c 10.9.0.2:40004 10.9.0.100:5353 10.8.0.11:5353 0 0 299" },
	{ "a template: no client port, and used", "TCP 0A090002 0000 0A090064 1F90 0A08000C 1F90 ASSURED          79",
		"6 t 10.9.0.2 10.9.0.100:8080 10.8.0.12:8080 1000 1 79" },
	{ "a template that nobody used yet", "TCP 0A090000 0000 0A090064 1F90 0A08000C 1F90 NONE            359",
		"6 t 10.9.0.0 10.9.0.100:8080 10.8.0.12:8080 1000 0 359" },
	{ "a template of a mark: the address is the mark", "IP  0A090002 0000 00000007 0000 0A08000C 0000 ASSURED  9",
		"0 t 10.9.0.2 0.0.0.7 10.8.0.12 1000 1 9" },
	{ "a connection whose client port is not known yet: the other one of ftp",
		"TCP 0A090002 0000 0A090064 0014 0A08000C 0014 SYN_SENT          59",
		"6 c 10.9.0.2 10.9.0.100:20 10.8.0.12:20 800 2 59" },
	{ "SCTP has states of its own, and a word of TCP another number",
		"SCTP 0A090002 BF80 0A090064 0050 0A08000C 1F90 ESTABLISHED     899",
		"132 c 10.9.0.2:49024 10.9.0.100:80 10.8.0.12:8080 0 8 899" },
	{ "a protocol without a name", "IP_47 0A090002 BF80 0A090064 0050 0A08000C 1F90 NONE     60",
		"47 c 10.9.0.2:49024 10.9.0.100:80 10.8.0.12:8080 0 0 60" },
	{ "a persistence engine and what it says, with a blank",
		"UDP 0A090002 0000 0A090064 13C4 0A08000C 13C4 ASSURED         100 sip ab cd",
		"17 t 10.9.0.2 10.9.0.100:5060 10.8.0.12:5060 1000 1 100 sip 'ab cd'" },
	{ "one that this node's traffic made",
		"TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 ESTABLISHED LOCAL      899",
		"6 c 10.9.0.2:49024 10.9.0.100:80 10.8.0.12:8080 0 1 899" },
	{ "one that a record made", "TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 ESTABLISHED SYNC       899",
		"6 c 10.9.0.2:49024 10.9.0.100:80 10.8.0.12:8080 20 1 899" },
	{ "a template that a record made", "TCP 0A090002 0000 0A090064 1F90 0A08000C 1F90 ASSURED  SYNC      79",
		"6 t 10.9.0.2 10.9.0.100:8080 10.8.0.12:8080 1020 1 79" },
	{ "another word there", "TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 ESTABLISHED REMOTE     899", "-" },
	{ "nothing behind it", "TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 ESTABLISHED SYNC", "-" },
	{ "an unknown state", "TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 SLEEPING     899", "-" },
	{ "a state of another protocol", "TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 INIT1     899", "-" },
	{ "no expiry", "TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 ESTABLISHED", "-" },
	{ "an expiry that is none", "TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 ESTABLISHED -1", "-" },
	{ "an expiry too large", "TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 ESTABLISHED 4294967296", "-" },
	{ "an address too short", "TCP 0A09002 BF80 0A090064 0050 0A08000C 1F90 ESTABLISHED 1", "-" },
	{ "an address with another letter", "TCP 0A09000G BF80 0A090064 0050 0A08000C 1F90 ESTABLISHED 1", "-" },
	{ "an address of IPv6 with a colon out of place",
		"TCP fd090:000:0000:0000:0000:0000:0000:0002 9C41 " V6B " 1F90 " V6C " 1F90 FIN_WAIT 1", "-" },
	{ "client and listener of two families", "TCP 0A090002 BF80 " V6B " 0050 0A08000C 1F90 ESTABLISHED 1", "-" },
	{ "a port of five digits", "TCP 0A090002 0BF80 0A090064 0050 0A08000C 1F90 ESTABLISHED 1", "-" },
	{ "a protocol above 255", "IP_256 0A090002 BF80 0A090064 0050 0A08000C 1F90 NONE 60", "-" },
	{ "an engine's name that is too long",
		"UDP 0A090002 0000 0A090064 13C4 0A08000C 13C4 ASSURED 100 seventeen-letters x", "-" },
	{ "nothing", " ", "-" },
};

static void put(struct lb_ip *ip, uint16_t port, char *out)
{
	(void)lb_endpoint_str(ip, port, out);
}

static void text_of(const struct flow *f, char *out, size_t size)
{
	char client[LB_ENDPOINT_STRLEN], virtual[LB_ENDPOINT_STRLEN], dest[LB_ENDPOINT_STRLEN];
	struct flow c = *f;
	put(&c.key.client, c.key.client_port, client);
	put(&c.key.virtual, c.key.virtual_port, virtual);
	put(&c.dest, c.dest_port, dest);
	int n = snprintf(out, size, "%u %c %s %s %s %x %u %u", f->key.protocol, f->key.template ? 't' : 'c', client,
		virtual, dest, f->flags, f->state, f->timeout_s);
	if (f->pe_name_n)
		snprintf(out + n, size - (size_t)n, " %.*s '%.*s'", f->pe_name_n, f->pe_name, f->pe_data_n,
			(const char *)f->pe_data);
}

START_TEST(line)
{
	struct flow f = { 0 };
	char text[512] = "-";
	/* a copy of the right size: what reads past the end is seen */
	size_t n = strlen(rows[_i].line);
	char *copy = malloc(n);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, rows[_i].line, n);
	if (ipvs_conn_parse(copy, n, &f) == 0)
		text_of(&f, text, sizeof(text));
	free(copy);
	ck_assert_msg(strcmp(text, rows[_i].text) == 0, "%s: %s, not %s", rows[_i].what, text, rows[_i].text);
}
END_TEST

struct seen {
	unsigned n;
	uint64_t hash; /* of all texts, in their order */
};

static void see(const struct flow *f, void *arg)
{
	struct seen *s = arg;
	char text[512];
	text_of(f, text, sizeof(text));
	s->n++;
	for (const char *p = text; *p; p++)
		s->hash = s->hash * 31 + (uint8_t)*p;
}

static size_t file(char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, HEAD);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		n += (size_t)snprintf(out + n, size - n, "%s\n", rows[i].line);
	return n;
}

START_TEST(pieces)
{
	char all[8192];
	size_t n = file(all, sizeof(all)), good = 0;
	struct seen whole = { 0 }, parts;
	struct ipvs_conn_reader r = { 0 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		good += strcmp(rows[i].text, "-") != 0;
	ipvs_conn_read(&r, all, n, see, &whole);
	ipvs_conn_read_end(&r, see, &whole);
	ck_assert_uint_eq(whole.n, good);
	ck_assert_uint_eq(r.given, good);
	ck_assert_uint_eq(r.refused, sizeof(rows) / sizeof(rows[0]) - good);
	for (size_t step = 1; step < n; step += step < 100 ? 1 : 97) {
		parts = (struct seen){ 0 };
		r = (struct ipvs_conn_reader){ 0 };
		for (size_t at = 0; at < n; at += step)
			ipvs_conn_read(&r, all + at, n - at < step ? n - at : step, see, &parts);
		ipvs_conn_read_end(&r, see, &parts);
		ck_assert_msg(
			parts.n == whole.n && parts.hash == whole.hash, "in pieces of %zu: %u flows", step, parts.n);
	}
}
END_TEST

START_TEST(odd_files)
{
	static const struct {
		const char *what, *text;
		unsigned given, refused;
	} odd[] = {
		{ "empty", "", 0, 0 },
		{ "the head alone", HEAD, 0, 0 },
		{ "no head: the first line counts", "TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 CLOSE 1\n", 1, 0 },
		{ "a last line without its end", HEAD "TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 CLOSE 1", 1, 0 },
		{ "a head in the middle is no line", HEAD HEAD, 0, 1 },
	};
	struct seen s = { 0 };
	struct ipvs_conn_reader r = { 0 };
	ipvs_conn_read(&r, odd[_i].text, strlen(odd[_i].text), see, &s);
	ipvs_conn_read_end(&r, see, &s);
	ck_assert_msg(s.n == odd[_i].given && r.refused == odd[_i].refused, "%s: %u given, %u refused", odd[_i].what,
		s.n, (unsigned)r.refused);
}
END_TEST

START_TEST(too_long)
{
	char text[2000];
	struct seen s = { 0 };
	struct ipvs_conn_reader r = { 0 };
	memset(text, 'x', sizeof(text));
	ipvs_conn_read(&r, text, sizeof(text), see, &s);
	ipvs_conn_read(&r, "\n" HEAD, 1 + strlen(HEAD), see, &s);
	ipvs_conn_read(&r, "TCP 0A090002 BF80 0A090064 0050 0A08000C 1F90 CLOSE 1\n", 54, see, &s);
	ck_assert_uint_eq(s.n, 1); /* the line after it is read as ever */
	ck_assert_uint_eq(r.refused, 2);
}
END_TEST

/* Lines about as long as the longest one that is kept, in two pieces: nothing behind the reader's line is written. */
START_TEST(longest)
{
	static char text[IPVS_CONN_LINE_MAX + 80];
	struct seen s = { 0 };
	memset(text, 'x', sizeof(text));
	for (size_t n = IPVS_CONN_LINE_MAX - 2; n < sizeof(text); n++) {
		struct ipvs_conn_reader r = { .given = 1234 };
		ipvs_conn_read(&r, text, 100, see, &s);
		ipvs_conn_read(&r, text, n - 100, see, &s);
		ck_assert_uint_eq(r.too_long, n > IPVS_CONN_LINE_MAX);
		ck_assert_uint_le(r.n, IPVS_CONN_LINE_MAX);
		ck_assert_uint_eq(r.given, 1234);
	}
}
END_TEST

START_TEST(bent)
{
	char all[8192];
	size_t n = file(all, sizeof(all));
	uint64_t seed = (uint64_t)_i;
	for (int k = 0; k < 20; k++)
		all[random_of(&seed) % n] = (char)random_of(&seed);
	struct seen s = { 0 };
	struct ipvs_conn_reader r = { 0 };
	for (size_t at = 0; at < n;) {
		size_t step = 1 + random_of(&seed) % 200;
		step = step > n - at ? n - at : step;
		ipvs_conn_read(&r, all + at, step, see, &s);
		at += step;
	}
	ipvs_conn_read_end(&r, see, &s);
	ck_assert_uint_eq(s.n, r.given);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipvs_conn");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, line, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, pieces);
	tcase_add_loop_test(t, odd_files, 0, 5);
	tcase_add_test(t, too_long);
	tcase_add_test(t, longest);
	tcase_add_loop_test(t, bent, 0, 300);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
