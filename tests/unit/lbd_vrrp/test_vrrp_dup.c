/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_dup.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- messages ---- */

#define ARP  "\0\1\x08\0\6\4"
#define MAC1 "\2\0\0\0\0\1"
#define V100 "\x0a\0\0\x64"
#define NONE "\0\0\0\0\0\0"
#define NA   "\x88\0\0\0\x20\0\0\0"
#define A6   "\xfd\7\0\0\0\0\0\0\0\0\0\0\0\0\1\0"
#define TLLA "\2\1" MAC1

#define ROW(what, nd, bytes, text)                                                                                     \
	{                                                                                                              \
		what, nd, bytes, sizeof(bytes) - 1, text                                                               \
	}
static const struct {
	const char *what;
	bool nd;
	const char *bytes;
	size_t n;
	const char *text; /* NULL: refused */
} messages[] = {
	ROW("a request", false, ARP "\0\1" MAC1 V100 NONE "\x0a\0\0\1", "10.0.0.100 at 02:00:00:00:00:01"),
	ROW("a reply", false, ARP "\0\2" MAC1 V100 NONE "\x0a\0\0\1", "10.0.0.100 at 02:00:00:00:00:01"),
	ROW("gratuitous", false, ARP "\0\1" MAC1 V100 NONE V100, "10.0.0.100 at 02:00:00:00:00:01"),
	ROW("padded", false, ARP "\0\1" MAC1 V100 NONE V100 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		"10.0.0.100 at 02:00:00:00:00:01"),
	ROW("a probe has no sender", false, ARP "\0\1" MAC1 "\0\0\0\0" NONE V100, NULL),
	ROW("reverse ARP", false, ARP "\0\3" MAC1 V100 NONE V100, NULL),
	ROW("operation 0", false, ARP "\0\0" MAC1 V100 NONE V100, NULL),
	ROW("operation 257", false, ARP "\1\1" MAC1 V100 NONE V100, NULL),
	ROW("of no Ethernet", false, "\0\6\x08\0\6\4\0\1" MAC1 V100 NONE V100, NULL),
	ROW("of no IPv4", false, "\0\1\x86\xdd\6\4\0\1" MAC1 V100 NONE V100, NULL),
	ROW("wider addresses", false, "\0\1\x08\0\x08\4\0\1" MAC1 V100 NONE V100, NULL),
	ROW("from a group", false, ARP "\0\1\3\0\0\0\0\1" V100 NONE V100, NULL),
	ROW("from no card", false, ARP "\0\1" NONE V100 NONE V100, NULL),
	ROW("one byte short", false, ARP "\0\1" MAC1 V100 NONE "\x0a\0\0", NULL),
	ROW("nothing", false, "", NULL),
	ROW("an advertisement", true, NA A6 TLLA, "fd07::100 at 02:00:00:00:00:01"),
	ROW("another option first", true, NA A6 "\x0e\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0" TLLA,
		"fd07::100 at 02:00:00:00:00:01"),
	ROW("no card is named", true, NA A6, NULL),
	ROW("an option of no length", true, NA A6 TLLA "\x0e\0\0\0\0\0\0\0", NULL),
	ROW("an option beyond the end", true, NA A6 TLLA "\x0e\2\0\0\0\0\0\0", NULL),
	ROW("half an option", true, NA A6 TLLA "\x0e", NULL),
	ROW("a longer card", true, NA A6 "\2\2" MAC1 "\0\0\0\0\0\0\0\0", NULL),
	ROW("the source's card", true, NA A6 "\1\1" MAC1, NULL),
	ROW("from a group", true, NA A6 "\2\1\1\0\0\0\0\1", NULL),
	ROW("a solicitation", true, "\x87\0\0\0\0\0\0\0" A6 TLLA, NULL),
	ROW("another code", true, "\x88\1\0\0\x20\0\0\0" A6 TLLA, NULL),
	ROW("of a group", true, NA "\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1" TLLA, NULL),
	ROW("one byte short", true, NA "\xfd\7\0\0\0\0\0\0\0\0\0\0\0\0\1", NULL),
};

START_TEST(what_is_said)
{
	struct vrrp_sight s;
	char text[80];
	uint8_t *exact = malloc(messages[_i].n ? messages[_i].n : 1);
	ck_assert(exact != NULL);
	memcpy(exact, messages[_i].bytes, messages[_i].n);
	int err = messages[_i].nd ? vrrp_dup_na(exact, messages[_i].n, &s) : vrrp_dup_arp(exact, messages[_i].n, &s);
	free(exact);
	ck_assert_msg(err == (messages[_i].text ? 0 : -EBADMSG), "%s: %d", messages[_i].what, err);
	if (err)
		return;
	vrrp_dup_text(&s, text, sizeof(text));
	ck_assert_msg(strcmp(text, messages[_i].text) == 0, "%s: %s", messages[_i].what, text);
}
END_TEST

static struct lb_ip ip(const char *s)
{
	struct lb_ip out;
	ck_assert_int_eq(lb_ip_parse(s, strlen(s), &out), 0);
	return out;
}

START_TEST(questions)
{
	static const struct {
		const char *ip;
		size_t n;
		const char *bytes;
	} rows[] = {
		/* the sum by hand: fd07 + 0100 + ff02 + 1 + ff00 + 0100 + 24 + 58 + 8700, folded and inverted */
		{ "10.0.0.100", 42, "\xff\xff\xff\xff\xff\xff" MAC1 "\x08\6" ARP "\0\1" MAC1 "\0\0\0\0" NONE V100 },
		{ "fd07::100", 78,
			"\x33\x33\xff\0\1\0" MAC1 "\x86\xdd\x60\0\0\0\0\x18\x3a\xff"
			"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			"\xff\2\0\0\0\0\0\0\0\0\0\1\xff\0\1\0"
			"\x87\0\x7b\xa0\0\0\0\0" A6 },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		uint8_t out[VRRP_DUP_PROBE_MAX];
		struct lb_ip a = ip(rows[i].ip);
		ck_assert_uint_eq(vrrp_dup_probe(&a, (const uint8_t *)MAC1, out), rows[i].n);
		for (size_t k = 0; k < rows[i].n; k++)
			ck_assert_msg(
				out[k] == (uint8_t)rows[i].bytes[k], "%s: byte %zu is %02x", rows[i].ip, k, out[k]);
	}
	/* and nobody takes a question for a claim */
	struct lb_ip a = ip("10.0.0.100");
	struct vrrp_sight s;
	uint8_t out[VRRP_DUP_PROBE_MAX];
	size_t n = vrrp_dup_probe(&a, (const uint8_t *)MAC1, out);
	ck_assert_int_eq(vrrp_dup_arp(out + 14, n - 14, &s), -EBADMSG);
}
END_TEST

/* ---- what follows ---- */

/* A script: times in ms from the beginning; s = seen, S = seen of another card, t = the timer at its deadline (its time
 * is said), x = stop. What each does: d defend, p probe, r raise, e end, - nothing. Interval 1 s, excused for 3 s. */
static const struct {
	const char *what, *script, *acts;
	const char *who; /* at the end; "" = nobody */
	int64_t deadline_ms;
} rows[] = {
	{ "seen once: asked two intervals later, then every 20 s, and forgotten after 60 s",
		"5000s 7000t 27000t 47000t 65000t", "d p p p -", "", -1 },
	{ "seen again after two intervals: the alarm; over after 60 s without",
		"5000s 7000t 7001s 27000t 47000t 67000t 67001t", "d p dr p p p e", "", -1 },
	{ "seen again too soon: whoever takes over says it more than once", "5000s 5001s 6999s", "d - d",
		"10.0.0.100 at 02:00:00:00:00:01", 7000 },
	{ "exactly two intervals", "5000s 7000s", "d dr", "10.0.0.100 at 02:00:00:00:00:01", 7000 },
	{ "we yield: no alarm", "5000s 6999x", "d -", "", -1 },
	{ "we yield, and it was raised", "5000s 7000s 7001x", "d dr e", "", -1 },
	{ "while a dead master's lease runs neighbours hear us, and that is all", "100s 2999s", "d d", "", 0 },
	{ "and from then on it counts", "2999s 3000s 4999s 5000s", "d - d r", "10.0.0.100 at 02:00:00:00:00:01", 5000 },
	{ "the alarm names who was seen last before it", "5000s 8000S", "d dr", "10.0.0.100 at 02:00:00:00:00:02",
		7000 },
	{ "raised once, whoever comes", "5000s 8000S 9000s 9500S", "d dr d -", "10.0.0.100 at 02:00:00:00:00:02",
		7000 },
	{ "a flood is answered once per interval", "5000s 5100s 5200s 5900s 5999s 6000s 6001s", "d - - - - d -",
		"10.0.0.100 at 02:00:00:00:00:01", 7000 },
	{ "to become master again does not make us say it more often", "5000s 5001x 5002s 6000s", "d - - d",
		"10.0.0.100 at 02:00:00:00:00:01", 7002 },
	{ "one more sight puts the end off", "5000s 7000s 60000s 119999t 120000t", "d dr d p e", "", -1 },
	{ "early, it does nothing", "5000s 6999t", "d -", "10.0.0.100 at 02:00:00:00:00:01", 7000 },
	{ "nobody was seen", "5000t", "-", "", -1 },
};

static void say(char *out, size_t size, uint32_t acts)
{
	size_t n = strlen(out);
	snprintf(out + n, size - n, "%s%s%s%s%s%s", n ? " " : "", acts & VRRP_DUP_DEFEND ? "d" : "",
		acts & VRRP_DUP_PROBE ? "p" : "", acts & VRRP_DUP_RAISE ? "r" : "", acts & VRRP_DUP_END ? "e" : "",
		acts ? "" : "-");
}

START_TEST(what_follows)
{
	const int64_t base = 1000000000;
	struct vrrp_dup d = { 0 };
	char acts[80] = "", who[80] = "";
	struct vrrp_sight one = { ip("10.0.0.100"), { 2, 0, 0, 0, 0, 1 } }, two = one;
	two.mac[5] = 2;
	for (const char *at = rows[_i].script; *at;) {
		char *end;
		struct lb_time now = { base + strtoll(at, &end, 10) * 1000 };
		switch (*end) {
		case 's':
		case 'S':
			say(acts, sizeof(acts),
				vrrp_dup_seen(&d, *end == 's' ? &one : &two, 1000000,
					(struct lb_time){ base + 3000000 }, now));
			break;
		case 't': say(acts, sizeof(acts), vrrp_dup_timer(&d, now)); break;
		default: say(acts, sizeof(acts), vrrp_dup_stop(&d)); break;
		}
		for (at = end + 1; *at == ' ';)
			at++;
	}
	ck_assert_msg(strcmp(acts, rows[_i].acts) == 0, "%s: %s", rows[_i].what, acts);
	if (d.first_at.us)
		vrrp_dup_text(&d.who, who, sizeof(who));
	ck_assert_msg(strcmp(who, rows[_i].who) == 0, "%s: %s", rows[_i].what, who);
	int64_t deadline = d.deadline.us == 0 ? 0 : d.deadline.us == INT64_MAX ? -1 : (d.deadline.us - base) / 1000;
	ck_assert_msg(deadline == rows[_i].deadline_ms, "%s: deadline %lld", rows[_i].what, (long long)deadline);
}
END_TEST

static uint64_t random_of(uint64_t *s) /* xorshift64 */
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* The machine has just started: its clock is younger than an interval. */
START_TEST(a_young_clock)
{
	struct vrrp_dup d = { 0 };
	const struct vrrp_sight s = { .ip = { .family = AF_INET }, .mac = { 2 } };
	ck_assert(vrrp_dup_seen(&d, &s, 1000000, (struct lb_time){ 0 }, (struct lb_time){ 1 }) & VRRP_DUP_DEFEND);
	ck_assert(!(vrrp_dup_seen(&d, &s, 1000000, (struct lb_time){ 0 }, (struct lb_time){ 2 }) & VRRP_DUP_DEFEND));
}
END_TEST

/* The edge arms a timer to the deadline: it must always move on, and each claim must end. */
START_TEST(any_claims_end)
{
	uint64_t seed = 11;
	for (int round = 0; round < 2000; round++) {
		struct vrrp_dup d = { 0 };
		struct lb_time now = { 1000000000 }, last = now;
		struct vrrp_sight s = { ip("10.0.0.100"), { 2 } };
		bool raised = false;
		for (int i = 0; i < 30; i++) {
			now.us += (int64_t)(random_of(&seed) % 25000000);
			while (d.deadline.us && lb_time_cmp(d.deadline, now) <= 0) {
				struct lb_time at = d.deadline;
				uint32_t acts = vrrp_dup_timer(&d, at);
				ck_assert(lb_time_cmp(d.deadline, at) > 0);
				ck_assert(!(acts & VRRP_DUP_END) || raised);
				raised &= !(acts & VRRP_DUP_END);
			}
			uint32_t acts = vrrp_dup_seen(
				&d, &s, 10000 + (int64_t)(random_of(&seed) % 1000000), (struct lb_time){ 0 }, now);
			ck_assert(!(acts & VRRP_DUP_RAISE) || !raised);
			raised |= acts & VRRP_DUP_RAISE;
			ck_assert(raised == d.raised);
			last = now;
		}
		while (d.deadline.us != INT64_MAX)
			(void)vrrp_dup_timer(&d, now = d.deadline);
		ck_assert(!d.raised && now.us - last.us == VRRP_DUP_QUIET_MS * INT64_C(1000));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp_dup");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, what_is_said, 0, LEN(messages));
	tcase_add_test(t, questions);
	tcase_add_loop_test(t, what_follows, 0, LEN(rows));
	tcase_add_test(t, a_young_clock);
	tcase_add_test(t, any_claims_end);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
