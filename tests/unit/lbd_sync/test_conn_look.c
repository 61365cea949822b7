/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a look at the kernel's connections adds: ways as text, lines of the kernel's file made whole, and whose word
 * counts. */
#include "lbd/sync/conn_look.h"
#include "lbd/sync/ipvs_conn.h"
#include "tests/unit/lbd_sync/flows.h"

#include <stdio.h>

/* ---- ways ---- */

static const struct {
	const char *what, *text;
	bool good;
} texts[] = {
	{ "of all backends", "nat 0 tcp 203.0.113.10:80 -", true },
	{ "of one, over IPv6", "dr 300 udp [2001:db8::1]:53 [2001:db8::2]:53", true },
	{ "of a mark", "tun 0 any fwmark:10/ipv6 -", true },
	{ "of all ports", "mixed 0 sctp 203.0.113.10 -", true },
	{ "as long as can be", "mixed 2678400 sctp 203.0.113.10 203.0.113.11:65535", true },
	{ "another method", "masq 0 tcp 203.0.113.10:80 -", false },
	{ "half of one", "na 0 tcp 203.0.113.10:80 -", false },
	{ "one that is no listener of its own", "nat 0 tcp 203.0.113.10:80 unmarked", false },
	{ "no time", "nat tcp 203.0.113.10:80 -", false },
	{ "an empty time", "nat  tcp 203.0.113.10:80 -", false },
	{ "a time that is none", "nat 5m tcp 203.0.113.10:80 -", false },
	{ "a leading zero", "nat 05 tcp 203.0.113.10:80 -", false },
	{ "more than a month", "nat 2678401 tcp 203.0.113.10:80 -", false },
	{ "a number that goes on and on", "nat 42949672960000000000 tcp 203.0.113.10:80 -", false },
	{ "no listener", "nat 0 ", false },
	{ "half a listener", "nat 0 tcp 203.0.113.10:80", false },
	{ "a word", "nat", false },
	{ "nothing", "", false },
};

START_TEST(way)
{
	struct conn_way w;
	char text[CONN_WAY_STRLEN];
	size_t n = strlen(texts[_i].text);
	uint8_t *copy = exact((const uint8_t *)texts[_i].text, n);
	bool good = conn_way_parse((const char *)copy, n, &w);
	free(copy);
	ck_assert_msg(good == texts[_i].good, "%s", texts[_i].what);
	if (good)
		ck_assert_str_eq(conn_way_str(&w, text), texts[_i].text);
}
END_TEST

/* ---- lines of the file ---- */

static const char *const way_texts[] = { "nat 0 tcp 10.9.0.100:80 -", "dr 0 tcp 10.9.0.101:8080 -",
	"tun 120 tcp 10.9.0.102 -", "nat 0 udp 10.9.0.100:53 -", "mixed 60 tcp 10.9.0.103:80 -",
	"dr 60 tcp 10.9.0.103:80 10.8.0.11:80", "nat 60 tcp 10.9.0.103:80 10.8.0.12:80", "nat 300 any fwmark:7/ipv4 -",
	"dr 0 sctp 10.9.0.100:80 -", "tun 0 tcp [fd09::100]:80 -" };

#define LINE(client, virtual, dest, rest) "TCP 0A090002 " client " 0A0900" virtual " 0A0800" dest " " rest
#define V6(n)                             "fd09:0000:0000:0000:0000:0000:0000:0" n

/* told: flags, state, mark, timeout. */
static const struct {
	const char *what, *line;
	enum conn_look is;
	const char *told;
} rows[] = {
	{ "established, NAT", LINE("BF80", "64 0050", "0C 1F90", "ESTABLISHED LOCAL  899"), CONN_LOOK_TOLD,
		"0 1 0 899" },
	{ "closing: it is not active", LINE("BF80", "64 0050", "0C 1F90", "FIN_WAIT LOCAL  119"), CONN_LOOK_TOLD,
		"100 4 0 119" },
	{ "it begins: it is", LINE("BF80", "64 0050", "0C 1F90", "SYN_RECV LOCAL  59"), CONN_LOOK_TOLD, "0 3 0 59" },
	{ "DR: one direction is seen", LINE("BF80", "65 1F90", "0C 1F90", "ESTABLISHED LOCAL  5"), CONN_LOOK_TOLD,
		"83 1 0 5" },
	{ "TUN, a listener of all ports", LINE("BF80", "66 0001", "0C 0001", "ESTABLISHED LOCAL  5"), CONN_LOOK_TOLD,
		"82 1 0 5" },
	{ "its template: the whole time", LINE("0000", "66 0000", "0C 0000", "ASSURED     LOCAL  5"), CONN_LOOK_TOLD,
		"1182 1 0 120" },
	{ "IPv6", "TCP " V6("002") " BF80 " V6("100") " 0050 " V6("011") " 0050 ESTABLISHED LOCAL 7", CONN_LOOK_TOLD,
		"82 1 0 7" },
	{ "UDP has no such thing as activity", "UDP 0A090002 BF80 0A090064 0035 0A08000C 0035 UDP         SYNC   299",
		CONN_LOOK_TOLD, "0 0 0 299" },
	{ "SCTP", "SCTP 0A090002 BF80 0A090064 0050 0A08000C 0050 ESTABLISHED LOCAL  9", CONN_LOOK_TOLD, "83 8 0 9" },
	{ "SCTP that ends", "SCTP 0A090002 BF80 0A090064 0050 0A08000C 0050 SHUTDOWN_SENT LOCAL  9", CONN_LOOK_TOLD,
		"183 9 0 9" },
	{ "backends of two ways: one", LINE("BF80", "67 0050", "0B 0050", "ESTABLISHED LOCAL  9"), CONN_LOOK_TOLD,
		"83 1 0 9" },
	{ "and the other", LINE("BF80", "67 0050", "0C 0050", "ESTABLISHED LOCAL  9"), CONN_LOOK_TOLD, "0 1 0 9" },
	{ "and one that has left: nobody knows", LINE("BF80", "67 0050", "0D 0050", "ESTABLISHED LOCAL  9"),
		CONN_LOOK_UNSURE, "" },
	{ "of one way: also one that has left", LINE("BF80", "64 0050", "0D 1F90", "ESTABLISHED LOCAL  9"),
		CONN_LOOK_TOLD, "0 1 0 9" },
	{ "another port", LINE("BF80", "64 0051", "0C 1F90", "ESTABLISHED LOCAL  9"), CONN_LOOK_FOREIGN, "" },
	{ "another protocol", "UDP 0A090002 BF80 0A090065 1F90 0A08000C 0035 UDP         LOCAL  299", CONN_LOOK_FOREIGN,
		"" },
	{ "another address: another owner, or a mark that nobody can tell",
		LINE("BF80", "01 0050", "0C 1F90", "ESTABLISHED LOCAL  9"), CONN_LOOK_FOREIGN, "" },
	{ "the template of a mark tells it", "IP 0A090002 0000 00000007 0000 0A08000C 0000 ASSURED     LOCAL  9",
		CONN_LOOK_TOLD, "1100 1 7 300" },
	{ "the template of another", "IP 0A090002 0000 00000008 0000 0A08000C 0000 ASSURED     LOCAL  9",
		CONN_LOOK_FOREIGN, "" },
	{ "no second is left", LINE("BF80", "64 0050", "0C 1F90", "ESTABLISHED LOCAL  0"), CONN_LOOK_ENDING, "" },
	{ "it has closed by itself", LINE("BF80", "64 0050", "0C 1F90", "CLOSE       SYNC   1"), CONN_LOOK_TOLD,
		"100 6 0 1" },
	{ "lbd has ended it: to this host", "TCP 0A090002 BF80 0A090064 0050 0A090064 0050 CLOSE       SYNC   1",
		CONN_LOOK_ENDING, "" },
};

static int compare(const void *a, const void *b)
{
	return conn_way_cmp(a, b);
}

static size_t ways(struct conn_way *out)
{
	for (size_t i = 0; i < LEN(way_texts); i++)
		ck_assert_msg(conn_way_parse(way_texts[i], strlen(way_texts[i]), &out[i]), "%s", way_texts[i]);
	qsort(out, LEN(way_texts), sizeof(*out), compare);
	return LEN(way_texts);
}

START_TEST(line)
{
	struct conn_way all[LEN(way_texts)];
	struct flow f;
	char told[64] = "";
	ck_assert_msg(ipvs_conn_parse(rows[_i].line, strlen(rows[_i].line), &f) == 0, "%s: no line", rows[_i].what);
	enum conn_look is = conn_look_fill(all, ways(all), &f);
	if (is == CONN_LOOK_TOLD)
		snprintf(told, sizeof(told), "%x %u %u %u", f.flags, f.state, f.fwmark, f.timeout_s);
	ck_assert_msg(is == rows[_i].is && strcmp(told, rows[_i].told) == 0, "%s: %d %s", rows[_i].what, (int)is, told);
	if (is == CONN_LOOK_TOLD)
		ck_assert_msg(flow_is_valid(&f), "%s: the kernel would not take it", rows[_i].what);
	ck_assert(conn_look_fill(NULL, 0, &f) != CONN_LOOK_TOLD);
}
END_TEST

/* ---- whose word counts ---- */

enum known { NOTHING, OURS, THEIRS, ENDED };

static const struct {
	const char *what;
	enum known known;
	uint32_t flags;
	const char *dest;
	bool of_peer, takes;
} words[] = {
	{ "nobody knew it", NOTHING, 0, "10.8.0.12:80", false, true },
	{ "nobody knew one that came from the peer", NOTHING, 0, "10.8.0.12:80", true, true },
	{ "the kernel had told it", OURS, 0, "10.8.0.12:80", false, false },
	{ "it had told that it closes; the file says that the peer had told it", OURS, FLOW_INACTIVE, "10.8.0.12:80",
		true, false },
	{ "it has begun anew at another server", OURS, 0, "10.8.0.11:80", false, true },
	{ "and the file says that the peer had told that", OURS, 0, "10.8.0.11:80", true, false },
	{ "it has begun anew at the same", OURS, FLOW_INACTIVE, "10.8.0.12:80", false, true },
	{ "the peer had told it", THEIRS, 0, "10.8.0.11:80", false, false },
	{ "the peer had told that it closes", THEIRS, FLOW_INACTIVE, "10.8.0.12:80", false, false },
	{ "lbd has ended it", ENDED, 0, "10.8.0.11:80", false, false },
};

START_TEST(word)
{
	struct flow_table *t = flow_table_new(1, 10);
	struct lb_time now = { 1000000 };
	const struct flow_entry *have = NULL;
	ck_assert_ptr_nonnull(t);
	struct flow known = flow_of(IPPROTO_TCP, "10.9.0.2:1", "10.9.0.100:80", "10.8.0.12:80");
	struct flow seen = flow_of(IPPROTO_TCP, "10.9.0.2:1", "10.9.0.100:80", words[_i].dest);
	known.state = seen.state = 1;
	known.flags = words[_i].flags;
	if (words[_i].known == ENDED) {
		known.state = 6;
		known.dest = known.key.virtual;
	}
	if (words[_i].known != NOTHING)
		ck_assert_int_eq(
			flow_table_put(t, &known, words[_i].known == THEIRS ? FLOW_PEER : FLOW_LOCAL, now, &have), 0);
	ck_assert_msg(conn_look_takes(have, &seen, words[_i].of_peer) == words[_i].takes, "%s", words[_i].what);
	flow_table_free(t);
}
END_TEST

/* The kernel tells by itself that one closes, and the file may be older. */
START_TEST(closing_is_no_news_of_the_file)
{
	struct flow_table *t = flow_table_new(1, 10);
	const struct flow_entry *have = NULL;
	ck_assert_ptr_nonnull(t);
	struct flow known = flow_of(IPPROTO_TCP, "10.9.0.2:1", "10.9.0.100:80", "10.8.0.12:80"), seen = known;
	known.state = 1;
	seen.state = 4;
	seen.flags = FLOW_INACTIVE;
	ck_assert_int_eq(flow_table_put(t, &known, FLOW_LOCAL, (struct lb_time){ 1000000 }, &have), 0);
	ck_assert(!conn_look_takes(have, &seen, false));
	flow_table_free(t);
}
END_TEST

START_TEST(age)
{
	struct flow f = { .timeout_s = 900 }, later = { .timeout_s = 901 }, longest = { .timeout_s = UINT32_MAX };
	const struct flow_entry have = { .number = 1 };
	int64_t old = conn_look_age_ms(NULL, &f);
	ck_assert(old > INT64_C(86400000) * 29 && old < UINT32_MAX - INT64_C(86400000)); /* it fits where it is sent */
	ck_assert_int_eq(old - conn_look_age_ms(NULL, &later), 1000);
	ck_assert_int_eq(conn_look_age_ms(NULL, &longest), 0);
	ck_assert_int_eq(conn_look_age_ms(&have, &f), 0); /* news: it has begun after what was told */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conn_look");
	TCase *tc = tcase_create("conn_look");
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, way, 0, LEN(texts));
	tcase_add_loop_test(tc, line, 0, LEN(rows));
	tcase_add_loop_test(tc, word, 0, LEN(words));
	tcase_add_test(tc, closing_is_no_news_of_the_file);
	tcase_add_test(tc, age);
	return suite_run(s);
}
