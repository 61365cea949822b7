/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/buf.h"
#include "lbd/check/check_dns.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define ID     0x1234

/* ---- questions ---- */

#define L63  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L61  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define N253 L63 "." L63 "." L63 "." L61

static const struct {
	const char *what, *query;
	uint16_t type; /* 0: it is none */
	size_t n;      /* of the question */
} queries[] = {
	{ "a name alone", "example.com", 1, 17 },
	{ "and a type", "example.com AAAA", 28, 17 },
	{ "in any case, after many blanks", " example.com \t mx ", 15, 17 },
	{ "a dot at the end", "example.com. ns", 2, 17 },
	{ "TXT", "a TXT", 16, 7 },
	{ "SOA", "a SOA", 6, 7 },
	{ "CNAME", "a CNAME", 5, 7 },
	{ "PTR", "1.2.0.192.in-addr.arpa PTR", 12, 28 },
	{ "SRV", "_sip._udp.example.com SRV", 33, 27 },
	{ "the root", ". NS", 2, 5 },
	{ "253 characters", N253, 1, 259 },
	{ "and a dot", N253 ". A", 1, 259 },
	{ "254 characters", N253 "a", 0, 0 },
	{ "a label of 63", L63 ".x", 1, 71 },
	{ "a label of 64", L63 "a.x", 0, 0 },
	{ "nothing", "", 0, 0 },
	{ "blanks", "  ", 0, 0 },
	{ "two dots", "a..b", 0, 0 },
	{ "a dot in front", ".a", 0, 0 },
	{ "two dots at the end", "a..", 0, 0 },
	{ "only dots", "..", 0, 0 },
	{ "an unknown type", "a ANY", 0, 0 },
	{ "half a type", "a AAA", 0, 0 },
	{ "two types", "a A AAAA", 0, 0 },
	{ "a byte that is no character", "a\xff", 0, 0 },
	{ "a backslash", "a\\.b", 0, 0 },
};

START_TEST(questions)
{
	struct check_dns_question q;
	uint8_t out[CHECK_DNS_QUERY_MAX];
	size_t n = 77;
	int rc = check_dns_query(queries[_i].query, ID, &q, out, &n);
	ck_assert_msg(rc == (queries[_i].type ? 0 : -EINVAL), "%s: %d", queries[_i].what, rc);
	ck_assert_int_eq(check_dns_query(queries[_i].query, ID, NULL, NULL, NULL), rc);
	if (rc) {
		ck_assert_uint_eq(n, 77);
		return;
	}
	ck_assert_msg(q.type == queries[_i].type && q.n == queries[_i].n, "%s: type %u, %zu bytes", queries[_i].what,
		q.type, q.n);
	ck_assert_uint_eq(n, 12 + q.n);
	ck_assert_mem_eq(out, "\x12\x34\1\0\0\1\0\0\0\0\0\0", 12);
	ck_assert_mem_eq(out + 12, q.bytes, q.n);
}
END_TEST

START_TEST(the_bytes_of_a_question)
{
	static const char want[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3WWW\7example\0\0\x1c\0\1";
	uint8_t out[CHECK_DNS_QUERY_MAX];
	size_t n;
	ck_assert_int_eq(check_dns_query("WWW.example aaaa", ID, NULL, out, &n), 0);
	ck_assert_uint_eq(n, sizeof(want) - 1);
	ck_assert_mem_eq(out, want, n);
}
END_TEST

/* ---- replies ---- */

/* flags, questions, answers */
#define HEAD(flags, qd, an) "\x12\x34" flags "\0" qd "\0" an "\0\0\0\0"
#define OK(an)              HEAD("\x85\x80", "\1", an)
#define NAME                "\7example\3com\0"    /* at 12 */
#define Q(type)             NAME "\0" type "\0\1" /* ends at 29 */
#define P                   "\xc0\x0c"            /* example.com */
#define RR(type, n)         P "\0" type "\0\1\0\0\0\x3c\0" n
#define T_A                 "\1"
#define T_NS                "\2"
#define T_CNAME             "\5"
#define T_SOA               "\6"
#define T_PTR               "\x0c"
#define T_MX                "\x0f"
#define T_TXT               "\x10"
#define T_AAAA              "\x1c"
#define T_SRV               "\x21"
#define A1                  RR(T_A, "\4") "\xc0\0\2\1"
#define A2                  RR(T_A, "\4") "\xc0\0\2\2"
#define BYTES(s)            s, sizeof(s) - 1

static const struct {
	const char *what, *query, *rcode, *answers[2], *reply;
	size_t n;
	enum check_dns_say say;
	enum check_code code;
	const char *text;
} rows[] = {
	{ "two addresses, nothing wanted", "example.com", NULL, { NULL, NULL }, BYTES(OK("\2") Q(T_A) A1 A2),
		CHECK_DNS_JUDGED, CHECK_CODE_L7OK, "NOERROR, 2 answers" },
	{ "one of them", "example.com", NULL, { "192.0.2.2", NULL }, BYTES(OK("\2") Q(T_A) A1 A2), CHECK_DNS_JUDGED,
		CHECK_CODE_L7OK, "NOERROR, 2 answers" },
	{ "both of them", "example.com", NULL, { "192.0.2.2", "192.0.2.1" }, BYTES(OK("\2") Q(T_A) A1 A2),
		CHECK_DNS_JUDGED, CHECK_CODE_L7OK, "NOERROR, 2 answers" },
	{ "one is missing", "example.com", NULL, { "192.0.2.2", "192.0.2.3" }, BYTES(OK("\2") Q(T_A) A1 A2),
		CHECK_DNS_JUDGED, CHECK_CODE_L7STS, "no answer 192.0.2.3 among 2" },
	{ "what is wanted is no address", "example.com", NULL, { "mail", NULL }, BYTES(OK("\1") Q(T_A) A1),
		CHECK_DNS_JUDGED, CHECK_CODE_L7STS, "no answer mail among 1" },
	{ "a long one is cut, and printable", "example.com", NULL,
		{ "0123456789\n0123456789012345678901234567890", NULL }, BYTES(OK("\1") Q(T_A) A1), CHECK_DNS_JUDGED,
		CHECK_CODE_L7STS, "no answer 0123456789?012345678901234567890123... among 1" },
	{ "an IPv6 address in another form", "example.com AAAA", NULL, { "2001:DB8:0::1", NULL },
		BYTES(OK("\1") Q(T_AAAA) RR(T_AAAA, "\x10") "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), CHECK_DNS_JUDGED,
		CHECK_CODE_L7OK, "NOERROR, 1 answer" },
	{ "behind a CNAME, which is no answer", "example.com", NULL, { "192.0.2.1", NULL },
		BYTES(OK("\2") Q(T_A) RR(T_CNAME, "\4") "\1w" P A1), CHECK_DNS_JUDGED, CHECK_CODE_L7OK,
		"NOERROR, 1 answer" },
	{ "a CNAME that leads nowhere", "example.com", NULL, { NULL, NULL },
		BYTES(OK("\1") Q(T_A) RR(T_CNAME, "\4") "\1w" P), CHECK_DNS_JUDGED, CHECK_CODE_L7STS, "no answers" },
	{ "an address of another class", "example.com", NULL, { NULL, NULL },
		BYTES(OK("\1") Q(T_A) P "\0\1\0\3\0\0\0\0\0\4abcd"), CHECK_DNS_JUDGED, CHECK_CODE_L7STS, "no answers" },
	{ "a mail server", "example.com MX", NULL, { "10 MX.example.com.", NULL },
		BYTES(OK("\1") Q(T_MX) RR(T_MX, "\7") "\0\x0a\2mx" P), CHECK_DNS_JUDGED, CHECK_CODE_L7OK,
		"NOERROR, 1 answer" },
	{ "with another preference", "example.com MX", NULL, { "20 mx.example.com", NULL },
		BYTES(OK("\1") Q(T_MX) RR(T_MX, "\7") "\0\x0a\2mx" P), CHECK_DNS_JUDGED, CHECK_CODE_L7STS,
		"no answer 20 mx.example.com among 1" },
	{ "no mail at all (RFC 7505)", "example.com MX", NULL, { "0 .", NULL },
		BYTES(OK("\1") Q(T_MX) RR(T_MX, "\3") "\0\0\0"), CHECK_DNS_JUDGED, CHECK_CODE_L7OK,
		"NOERROR, 1 answer" },
	{ "name servers", "example.com NS", NULL, { "ns2.example.com", "ns1.example.com." },
		BYTES(OK("\2") Q(T_NS) RR(T_NS, "\6") "\3NS1" P RR(T_NS, "\6") "\3nS2" P), CHECK_DNS_JUDGED,
		CHECK_CODE_L7OK, "NOERROR, 2 answers" },
	{ "a pointer to a pointer", "example.com NS", NULL, { "ns1.example.com", "a.ns1.example.com" },
		BYTES(OK("\2") Q(T_NS) RR(T_NS, "\6") "\3ns1" P RR(T_NS, "\4") "\1a\xc0\x29"), CHECK_DNS_JUDGED,
		CHECK_CODE_L7OK, "NOERROR, 2 answers" },
	{ "strings are joined, and case matters", "example.com TXT", NULL, { "v=spf1 -all", NULL },
		BYTES(OK("\1") Q(T_TXT) RR(T_TXT, "\x0d") "\7v=spf1 \4-all"), CHECK_DNS_JUDGED, CHECK_CODE_L7OK,
		"NOERROR, 1 answer" },
	{ "other case", "example.com TXT", NULL, { "V=SPF1", NULL },
		BYTES(OK("\1") Q(T_TXT) RR(T_TXT, "\7") "\6v=spf1"), CHECK_DNS_JUDGED, CHECK_CODE_L7STS,
		"no answer V=SPF1 among 1" },
	{ "not only its beginning", "example.com TXT", NULL, { "v=spf", NULL },
		BYTES(OK("\1") Q(T_TXT) RR(T_TXT, "\7") "\6v=spf1"), CHECK_DNS_JUDGED, CHECK_CODE_L7STS,
		"no answer v=spf among 1" },
	{ "an empty string", "example.com TXT", NULL, { NULL, NULL }, BYTES(OK("\1") Q(T_TXT) RR(T_TXT, "\1") "\0"),
		CHECK_DNS_JUDGED, CHECK_CODE_L7OK, "NOERROR, 1 answer" },
	{ "no string", "example.com TXT", NULL, { NULL, NULL }, BYTES(OK("\1") Q(T_TXT) RR(T_TXT, "\0")),
		CHECK_DNS_JUDGED, CHECK_CODE_L7RSP, "not a DNS reply" },
	{ "a zone: its first name server", "example.com SOA", NULL, { "ns.example.com", NULL },
		BYTES(OK("\1") Q(T_SOA) RR(T_SOA, "\x1b") "\2ns" P P "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"),
		CHECK_DNS_JUDGED, CHECK_CODE_L7OK, "NOERROR, 1 answer" },
	{ "a zone without its times", "example.com SOA", NULL, { NULL, NULL },
		BYTES(OK("\1") Q(T_SOA) RR(T_SOA, "\7") "\2ns" P P), CHECK_DNS_JUDGED, CHECK_CODE_L7RSP,
		"not a DNS reply" },
	{ "an alias", "example.com CNAME", NULL, { "w.example.com", NULL },
		BYTES(OK("\1") Q(T_CNAME) RR(T_CNAME, "\4") "\1w" P), CHECK_DNS_JUDGED, CHECK_CODE_L7OK,
		"NOERROR, 1 answer" },
	{ "a host", "example.com PTR", NULL, { "w.example.com", NULL },
		BYTES(OK("\1") Q(T_PTR) RR(T_PTR, "\4") "\1w" P), CHECK_DNS_JUDGED, CHECK_CODE_L7OK,
		"NOERROR, 1 answer" },
	{ "a service", "example.com SRV", NULL, { "0 5 5060 sip.example.com", NULL },
		BYTES(OK("\1") Q(T_SRV) RR(T_SRV, "\x0c") "\0\0\0\5\x13\xc4\3sip" P), CHECK_DNS_JUDGED, CHECK_CODE_L7OK,
		"NOERROR, 1 answer" },
	{ "a name with a dot and a blank in a label", "example.com PTR", NULL, { "a\\.b\\032c", NULL },
		BYTES(OK("\1") Q(T_PTR) RR(T_PTR, "\7") "\5A.b c\0"), CHECK_DNS_JUDGED, CHECK_CODE_L7OK,
		"NOERROR, 1 answer" },
	{ "the root", "example.com PTR", NULL, { ".", NULL }, BYTES(OK("\1") Q(T_PTR) RR(T_PTR, "\1") "\0"),
		CHECK_DNS_JUDGED, CHECK_CODE_L7OK, "NOERROR, 1 answer" },
	{ "more in the other sections, which is not read", "example.com", NULL, { NULL, NULL },
		BYTES("\x12\x34\x85\x80\0\1\0\1\0\7\0\7" Q(T_A) A1 "xyz"), CHECK_DNS_JUDGED, CHECK_CODE_L7OK,
		"NOERROR, 1 answer" },

	{ "no answers", "example.com", NULL, { NULL, NULL }, BYTES(OK("\0") Q(T_A)), CHECK_DNS_JUDGED, CHECK_CODE_L7STS,
		"no answers" },
	{ "no answers, one wanted", "example.com", NULL, { "192.0.2.1", NULL }, BYTES(OK("\0") Q(T_A)),
		CHECK_DNS_JUDGED, CHECK_CODE_L7STS, "no answer 192.0.2.1 among 0" },
	{ "it fails", "example.com", NULL, { "192.0.2.1", NULL }, BYTES(HEAD("\x80\x82", "\1", "\0") Q(T_A)),
		CHECK_DNS_JUDGED, CHECK_CODE_L7STS, "SERVFAIL" },
	{ "it refuses, without the question", "example.com", NULL, { NULL, NULL }, BYTES(HEAD("\x80\x05", "\0", "\0")),
		CHECK_DNS_JUDGED, CHECK_CODE_L7STS, "REFUSED" },
	{ "a code without a name", "example.com", NULL, { NULL, NULL }, BYTES(HEAD("\x80\x0f", "\1", "\0") Q(T_A)),
		CHECK_DNS_JUDGED, CHECK_CODE_L7STS, "RCODE15" },
	{ "no such name, as wanted", "example.com", "NXDOMAIN", { NULL, NULL },
		BYTES(HEAD("\x80\x03", "\1", "\0") Q(T_A)), CHECK_DNS_JUDGED, CHECK_CODE_L7OK, "NXDOMAIN" },
	{ "there is one, unwanted", "example.com", "NXDOMAIN", { NULL, NULL }, BYTES(OK("\1") Q(T_A) A1),
		CHECK_DNS_JUDGED, CHECK_CODE_L7STS, "NOERROR" },

	{ "the question in another case", "example.com", NULL, { NULL, NULL },
		BYTES(OK("\1") "\7eXAMPLE\3Com\0\0\1\0\1" A1), CHECK_DNS_JUDGED, CHECK_CODE_L7OK, "NOERROR, 1 answer" },
	{ "another id", "example.com", NULL, { NULL, NULL }, BYTES("\x12\x35\x85\x80\0\1\0\1\0\0\0\0" Q(T_A) A1),
		CHECK_DNS_OTHER, 0, "" },
	{ "another name", "example.org", NULL, { NULL, NULL }, BYTES(OK("\1") Q(T_A) A1), CHECK_DNS_OTHER, 0, "" },
	{ "a longer name", "www.example.com", NULL, { NULL, NULL }, BYTES(OK("\1") Q(T_A) A1), CHECK_DNS_OTHER, 0, "" },
	{ "another type", "example.com AAAA", NULL, { NULL, NULL }, BYTES(OK("\1") Q(T_A) A1), CHECK_DNS_OTHER, 0, "" },
	{ "another class", "example.com", NULL, { NULL, NULL }, BYTES(OK("\0") NAME "\0\1\0\3"), CHECK_DNS_OTHER, 0,
		"" },
	{ "cut off", "example.com", NULL, { NULL, NULL }, BYTES(HEAD("\x87\x80", "\1", "\0") Q(T_A)), CHECK_DNS_CUT, 0,
		"" },

	{ "nothing", "example.com", NULL, { NULL, NULL }, BYTES(""), CHECK_DNS_JUDGED, CHECK_CODE_L7RSP,
		"not a DNS reply" },
	{ "a query", "example.com", NULL, { NULL, NULL }, BYTES(HEAD("\1\0", "\1", "\0") Q(T_A)), CHECK_DNS_JUDGED,
		CHECK_CODE_L7RSP, "not a DNS reply" },
	{ "another operation", "example.com", NULL, { NULL, NULL }, BYTES(HEAD("\xa8\0", "\1", "\0") Q(T_A)),
		CHECK_DNS_JUDGED, CHECK_CODE_L7RSP, "not a DNS reply" },
	{ "two questions", "example.com", NULL, { NULL, NULL }, BYTES(HEAD("\x85\x80", "\2", "\0") Q(T_A) Q(T_A)),
		CHECK_DNS_JUDGED, CHECK_CODE_L7RSP, "not a DNS reply" },
	{ "no question, but fine", "example.com", NULL, { NULL, NULL }, BYTES(HEAD("\x85\x80", "\0", "\1") A1),
		CHECK_DNS_JUDGED, CHECK_CODE_L7RSP, "not a DNS reply" },
	{ "an address of three bytes", "example.com", NULL, { NULL, NULL }, BYTES(OK("\1") Q(T_A) RR(T_A, "\3") "abc"),
		CHECK_DNS_JUDGED, CHECK_CODE_L7RSP, "not a DNS reply" },
	{ "an address of five bytes", "example.com", NULL, { NULL, NULL }, BYTES(OK("\1") Q(T_A) RR(T_A, "\5") "abcde"),
		CHECK_DNS_JUDGED, CHECK_CODE_L7RSP, "not a DNS reply" },
	{ "data after the name", "example.com NS", NULL, { NULL, NULL }, BYTES(OK("\1") Q(T_NS) RR(T_NS, "\3") P "x"),
		CHECK_DNS_JUDGED, CHECK_CODE_L7RSP, "not a DNS reply" },
	{ "a string past the data", "example.com TXT", NULL, { NULL, NULL },
		BYTES(OK("\1") Q(T_TXT) RR(T_TXT, "\3") "\3abcd"), CHECK_DNS_JUDGED, CHECK_CODE_L7RSP,
		"not a DNS reply" },
	{ "a pointer to itself", "example.com NS", NULL, { NULL, NULL },
		BYTES(OK("\1") Q(T_NS) RR(T_NS, "\2") "\xc0\x29"), CHECK_DNS_JUDGED, CHECK_CODE_L7RSP,
		"not a DNS reply" },
	{ "a pointer forward", "example.com NS", NULL, { NULL, NULL },
		BYTES(OK("\1") Q(T_NS) RR(T_NS, "\2") "\xc0\x2b\1a\0"), CHECK_DNS_JUDGED, CHECK_CODE_L7RSP,
		"not a DNS reply" },
	{ "a loop of two", "example.com NS", NULL, { NULL, NULL },
		BYTES(OK("\2") Q(T_NS) RR(T_NS, "\2") "\xc0\x37" RR(T_NS, "\2") "\xc0\x29"), CHECK_DNS_JUDGED,
		CHECK_CODE_L7RSP, "not a DNS reply" },
	{ "a loop through a label", "example.com NS", NULL, { NULL, NULL },
		BYTES(OK("\1") Q(T_NS) RR(T_NS, "\4") "\1a\xc0\x29"), CHECK_DNS_JUDGED, CHECK_CODE_L7RSP,
		"not a DNS reply" },
	{ "a pointer in the question", "example.com", NULL, { NULL, NULL }, BYTES(OK("\0") "\xc0\x0c\0\1\0\1"),
		CHECK_DNS_JUDGED, CHECK_CODE_L7RSP, "not a DNS reply" },
	{ "a kind of label that is none", "example.com NS", NULL, { NULL, NULL },
		BYTES(OK("\1") Q(T_NS) RR(T_NS, "\3") "\x41\x0c\0"), CHECK_DNS_JUDGED, CHECK_CODE_L7RSP,
		"not a DNS reply" },
};

static struct lb_text params;

static struct check_params want(const char *rcode, const char *const answers[2])
{
	params.n = 0;
	for (int i = 0; i < 2; i++)
		if (answers[i])
			ck_assert_int_eq(
				check_param_put(&params, CHECK_PARAM_ANSWER, answers[i], strlen(answers[i])), 0);
	if (rcode)
		ck_assert_int_eq(check_param_put(&params, CHECK_PARAM_RCODE, rcode, strlen(rcode)), 0);
	return (struct check_params){ (const uint8_t *)params.s, (uint32_t)params.n };
}

/* In memory of just that size, so that a byte too far is seen. */
static enum check_dns_say ask(const char *query, const struct check_params *p, const char *reply, size_t n, bool stream,
	struct check_result *r)
{
	struct check_dns_question q;
	uint8_t *bytes = malloc(n ? n : 1);
	ck_assert_ptr_nonnull(bytes);
	memcpy(bytes, reply, n);
	ck_assert_int_eq(check_dns_query(query, ID, &q, NULL, NULL), 0);
	enum check_dns_say say = check_dns_reply(&q, p, bytes, n, stream, r);
	free(bytes);
	return say;
}

START_TEST(replies)
{
	struct check_result r = { 0 };
	struct check_params p = want(rows[_i].rcode, rows[_i].answers);
	enum check_dns_say say = ask(rows[_i].query, &p, rows[_i].reply, rows[_i].n, false, &r);
	ck_assert_msg(say == rows[_i].say && r.code == rows[_i].code && strcmp(r.text, rows[_i].text) == 0,
		"%s: %d, %s '%s'", rows[_i].what, say, check_codes[r.code].name, r.text);
}
END_TEST

/* What is cut anywhere is no reply, unless all that counts was there. */
START_TEST(replies_cut_at_every_byte)
{
	struct check_params p = want(rows[_i].rcode, rows[_i].answers);
	for (size_t n = 0; n < rows[_i].n; n++) {
		struct check_result r = { 0 };
		enum check_dns_say say = ask(rows[_i].query, &p, rows[_i].reply, n, false, &r);
		bool broken = say == CHECK_DNS_JUDGED && r.code == CHECK_CODE_L7RSP;
		bool same = say == rows[_i].say && r.code == rows[_i].code && strcmp(r.text, rows[_i].text) == 0;
		ck_assert_msg(n >= 12 ? broken || same : broken, "%s: %zu bytes: %d, %s '%s'", rows[_i].what, n, say,
			check_codes[r.code].name, r.text);
	}
}
END_TEST

START_TEST(nothing_is_cut_over_tcp)
{
	static const char reply[] = HEAD("\x87\x80", "\1", "\1") Q(T_A) A1;
	static const char *const none[2] = { NULL, NULL };
	struct check_result r = { 0 };
	struct check_params p = want(NULL, none);
	ck_assert_int_eq(ask("example.com", &p, reply, sizeof(reply) - 1, true, &r), CHECK_DNS_JUDGED);
	ck_assert_str_eq(r.text, "NOERROR, 1 answer");
}
END_TEST

static size_t pointer_to(char *at, size_t to)
{
	at[0] = (char)(0xc0 | to >> 8);
	at[1] = (char)to;
	return 2;
}

/* The root behind as many pointers as a name may have, and one more; all but the last are in data that is skipped. */
START_TEST(pointers_are_counted)
{
	static const char *const none[2] = { NULL, NULL };
	static char reply[512];
	static const char front[] = OK("\2") Q(T_PTR) RR(T_TXT, "\0"), last[] = RR(T_PTR, "\2");
	for (size_t chain = 126; chain <= 127; chain++) {
		struct check_result r = { 0 };
		struct check_params p = want(NULL, none);
		size_t at = sizeof(front) - 1, to = at;
		memcpy(reply, front, at);
		reply[at - 1] = (char)(1 + 2 * chain);
		reply[at++] = '\0';
		for (size_t i = 0; i < chain; i++) {
			size_t here = at;
			at += pointer_to(reply + at, to);
			to = here;
		}
		memcpy(reply + at, last, sizeof(last) - 1);
		at += sizeof(last) - 1;
		at += pointer_to(reply + at, to);
		ck_assert_int_eq(ask("example.com PTR", &p, reply, at, false, &r), CHECK_DNS_JUDGED);
		ck_assert_str_eq(r.text, chain == 126 ? "NOERROR, 1 answer" : "not a DNS reply");
	}
}
END_TEST

/* 255 bytes are a name, whose text has four characters for each byte at worst; one more is none. */
START_TEST(the_longest_name)
{
	static const char *const none[2] = { NULL, NULL };
	static char reply[512];
	static const char front[] = OK("\1") Q(T_PTR) P "\0" T_PTR "\0\1\0\0\0\0\0";
	for (size_t size = 255; size <= 256; size++) {
		struct check_result r = { 0 };
		struct check_params p = want(NULL, none);
		size_t at = sizeof(front) - 1;
		memcpy(reply, front, at);
		reply[at++] = (char)size;
		if (size == 256)
			memcpy(reply + at - 2, "\1\0", 2);
		memset(reply + at, '\xff', size - 1);
		for (size_t i = 0; i < size - 1; i += 64)
			reply[at + i] = (char)(size - 2 - i < 63 ? size - 2 - i : 63);
		reply[at + size - 1] = '\0';
		ask("example.com PTR", &p, reply, at + size, false, &r);
		ck_assert_str_eq(r.text, size == 255 ? "NOERROR, 1 answer" : "not a DNS reply");
	}
}
END_TEST

/* The 16 bits of counts are believed as far as there are bytes. */
START_TEST(sixty_four_kilobytes_of_answers)
{
	static const char *const wanted[2] = { "ns.example.org", NULL };
	static const char front[] = "\x12\x34\x85\x80\0\1\x12\x34\0\0\0\0" Q(T_NS), one[] = RR(T_NS, "\2") P;
	static char reply[65535];
	size_t n = sizeof(front) - 1;
	memcpy(reply, front, n);
	for (int i = 0; i < 0x1234; i++, n += sizeof(one) - 1)
		memcpy(reply + n, one, sizeof(one) - 1);
	struct check_result r = { 0 };
	struct check_params p = want(NULL, wanted);
	ask("example.com NS", &p, reply, n, true, &r);
	ck_assert_str_eq(r.text, "no answer ns.example.org among 4660");
	ask("example.com NS", &p, reply, n - 1, true, &r);
	ck_assert_str_eq(r.text, "not a DNS reply");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_dns");
	TCase *tc = tcase_create("all");
	tcase_add_loop_test(tc, questions, 0, LEN(queries));
	tcase_add_test(tc, the_bytes_of_a_question);
	tcase_add_loop_test(tc, replies, 0, LEN(rows));
	tcase_add_loop_test(tc, replies_cut_at_every_byte, 0, LEN(rows));
	tcase_add_test(tc, nothing_is_cut_over_tcp);
	tcase_add_test(tc, pointers_are_counted);
	tcase_add_test(tc, the_longest_name);
	tcase_add_test(tc, sixty_four_kilobytes_of_answers);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	lb_text_done(&params);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
