/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/buf.h"
#include "lbd/vrrp/vrrp_announce.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct lb_ip ip(const char *s)
{
	struct lb_ip out;
	ck_assert_int_eq(lb_ip_parse(s, strlen(s), &out), 0);
	return out;
}

/* ---- frames ---- */

#define MAC  "\x4a\x19\x28\x72\x84\x5f"
#define ALL  "\xff\xff\xff\xff\xff\xff"
#define FE54 "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x54"
#define FF02 "\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
#define V6   "\x33\x33\0\0\0\1" MAC "\x86\xdd\x60\0\0\0\0\x20\x3a\xff" FE54 FF02

static const struct {
	const char *what, *ip;
	bool router;
	size_t n;
	const char *bytes;
} frames[] = {
	{ "gratuitous ARP, as captured", "10.9.0.110", false, 42,
		ALL MAC "\x08\x06\0\1\x08\0\6\4\0\1" MAC "\x0a\x09\0\x6e" ALL "\x0a\x09\0\x6e" },
	{ "ARP has no routers", "10.9.0.110", true, 42,
		ALL MAC "\x08\x06\0\1\x08\0\6\4\0\1" MAC "\x0a\x09\0\x6e" ALL "\x0a\x09\0\x6e" },
	{ "neighbour advertisement, as captured", "fe80::54", false, 86,
		V6 "\x88\0\x62\x0b\x20\0\0\0" FE54 "\2\1" MAC },
	{ "of a router: one bit more, and less in the sum", "fe80::54", true, 86,
		V6 "\x88\0\xe2\x0a\xa0\0\0\0" FE54 "\2\1" MAC },
};

START_TEST(golden_frames)
{
	uint8_t out[VRRP_FRAME_MAX + 1];
	struct lb_ip a = ip(frames[_i].ip);
	memset(out, 0xee, sizeof(out));
	size_t n = vrrp_announce_frame(&a, (const uint8_t *)MAC, frames[_i].router, out);
	ck_assert_msg(n == frames[_i].n, "%s: %zu bytes", frames[_i].what, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(
			out[i] == (uint8_t)frames[_i].bytes[i], "%s: byte %zu is %02x", frames[_i].what, i, out[i]);
	ck_assert_uint_eq(out[n], 0xee);
}
END_TEST

/* The sum of everything it covers, itself included, is all ones. */
START_TEST(sums_of_any_address)
{
	srand(7);
	for (int round = 0; round < 20000; round++) {
		struct lb_ip a = { .family = AF_INET6 };
		uint8_t mac[6], out[VRRP_FRAME_MAX];
		for (size_t i = 0; i < 16; i++)
			a.b[i] = round % 3 ? (uint8_t)rand() : 0xff;
		for (size_t i = 0; i < 6; i++)
			mac[i] = round % 5 ? (uint8_t)rand() : 0xff;
		ck_assert_uint_eq(vrrp_announce_frame(&a, mac, round % 2, out), VRRP_FRAME_NA);
		uint32_t sum = 32 + 58;
		for (size_t i = 22; i < VRRP_FRAME_NA; i += 2)
			sum += (uint32_t)out[i] << 8 | out[i + 1];
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		ck_assert_msg(sum == 0xffff, "round %d: %x", round, sum);
	}
}
END_TEST

/* ---- when ---- */

#define STARTS 6

static const struct {
	const char *what;
	struct vrrp_announce_rules rules;
	size_t n;
	int64_t starts[STARTS]; /* ms; the first is 0, and 0 ends the list */
	int64_t stop_ms;        /* 0 = not at all */
	int64_t until_ms;
	const char *want; /* the ms of every slice; with more than one address from+n behind it */
} rows[] = {
	{ "five rounds now and five after the delay", { 5, 5000, 0, 0 }, 1, { 0 }, 0, 60000,
		"0 1 2 3 4 5000 5001 5002 5003 5004" },
	{ "no second block", { 3, 0, 0, 0 }, 1, { 0 }, 0, 60000, "0 1 2" },
	{ "none at all, whatever else is said", { 0, 5000, 1000, 3000 }, 1, { 0 }, 0, 60000, "" },
	{ "no address", { 5, 5000, 1000, 3000 }, 0, { 0 }, 0, 60000, "" },
	{ "one round at every refresh", { 1, 0, 10000, 0 }, 1, { 0 }, 0, 35000, "0 10000 20000 30000" },
	{ "one more when the lease of a dead master has ended", { 1, 5000, 0, 3500 }, 1, { 0 }, 0, 60000,
		"0 3500 5000" },
	{ "at one time once: again with the second block, refresh with the second block", { 2, 5000, 5000, 5000 }, 1,
		{ 0 }, 0, 9000, "0 1 5000 5001" },
	{ "again and refresh at one time", { 1, 0, 5000, 5000 }, 1, { 0 }, 0, 9000, "0 5000" },
	{ "again while the first block runs comes behind it", { 4, 0, 0, 2 }, 1, { 0 }, 0, 9000, "0 1 2 3 4" },
	{ "refresh while a block runs is that block", { 4, 0, 2, 0 }, 1, { 0 }, 0, 7, "0 1 2 3 4 6" },
	{ "seventeen addresses in two slices", { 2, 0, 0, 0 }, 17, { 0 }, 0, 9000, "0:0+16 1:16+1 2:0+16 3:16+1" },
	{ "sixteen in one", { 2, 0, 0, 0 }, 16, { 0 }, 0, 9000, "0:0+16 1:0+16" },
	{ "the most there are", { 1, 0, 0, 0 }, 255, { 0 }, 0, 9000,
		"0:0+16 1:16+16 2:32+16 3:48+16 4:64+16 5:80+16 6:96+16 7:112+16 8:128+16 9:144+16 10:160+16 "
		"11:176+16 12:192+16 13:208+16 14:224+16 15:240+15" },
	{ "a second block that is due while the first one runs waits for it", { 3, 2, 0, 0 }, 17, { 0 }, 0, 9000,
		"0:0+16 1:16+1 2:0+16 3:16+1 4:0+16 5:16+1 6:0+16 7:16+1 8:0+16 9:16+1 10:0+16 11:16+1" },
	{ "asked again in the first block: that goes on, and one more block comes behind the second", { 3, 5000, 0, 0 },
		1, { 0, 1 }, 0, 60000, "0 1 2 5000 5001 5002 10000 10001 10002" },
	{ "between the blocks: the same, once, however often", { 2, 5000, 0, 0 }, 1, { 0, 100, 200, 3000, 4000 }, 0,
		60000, "0 1 5000 5001 10000 10001" },
	{ "while the second block runs: after the rest", { 3, 5000, 0, 0 }, 1, { 0, 5001 }, 0, 60000,
		"0 1 2 5000 5001 5002 6000 6001 6002 11000 11001 11002" },
	{ "right after the second block: after the rest", { 2, 5000, 0, 0 }, 1, { 0, 5500 }, 0, 60000,
		"0 1 5000 5001 6000 6001 11000 11001" },
	{ "later: at once", { 2, 5000, 0, 0 }, 1, { 0, 8000 }, 0, 60000, "0 1 5000 5001 8000 8001 13000 13001" },
	{ "without a second block: after the rest", { 2, 0, 0, 0 }, 1, { 0, 1, 500, 900, 1500 }, 0, 60000,
		"0 1 1000 1001 2000 2001" },
	{ "asked again does not move the refresh", { 1, 0, 10000, 0 }, 1, { 0, 9500 }, 0, 25000, "0 9500 10000 20000" },
	{ "nor what comes when a lease has ended", { 1, 5000, 0, 3500 }, 1, { 0, 1000 }, 0, 60000,
		"0 3500 5000 10000" },
	{ "stopped in the first block", { 5, 5000, 10000, 3000 }, 1, { 0 }, 2, 60000, "0 1" },
	{ "stopped between the blocks", { 2, 5000, 10000, 3000 }, 1, { 0 }, 2000, 60000, "0 1" },
	{ "stopped, a new one begins at once", { 2, 5000, 0, 0 }, 1, { 0, 3 }, 2, 9000, "0 1 3 4 5003 5004" },
};

static struct lb_time ms(int64_t t)
{
	return (struct lb_time){ 1000000000 + t * 1000 };
}

/* Runs to the next start or stop or the end, and writes every slice. */
static void run(struct vrrp_announce *a, struct lb_time until, struct lb_text *out)
{
	while (lb_time_cmp(a->deadline, until) < 0) {
		struct lb_time now = a->deadline;
		size_t from = 4711;
		ck_assert_uint_eq(vrrp_announce_step(a, (struct lb_time){ now.us - 1 }, &from), 0);
		ck_assert_uint_eq(from, 4711);
		size_t n = vrrp_announce_step(a, now, &from);
		ck_assert(n <= VRRP_ANNOUNCE_SLICE);
		ck_assert(lb_time_cmp(a->deadline, now) > 0);
		if (n == 0)
			continue;
		ck_assert(lb_time_diff_us(a->deadline, now) >= VRRP_ANNOUNCE_PAUSE_US);
		lb_text_printf(out, "%s%lld", out->n ? " " : "", (long long)(now.us - 1000000000) / 1000);
		if (a->n_addrs > 1)
			lb_text_printf(out, ":%zu+%zu", from, n);
	}
}

START_TEST(schedules)
{
	struct vrrp_announce a = { 0 };
	struct lb_text out = LB_TEXT_INIT;
	bool stopped = rows[_i].stop_ms == 0;
	lb_text_puts(&out, "");
	for (size_t i = 0; i < STARTS && (i == 0 || rows[_i].starts[i]); i++) {
		if (!stopped && rows[_i].starts[i] > rows[_i].stop_ms) {
			run(&a, ms(rows[_i].stop_ms), &out);
			vrrp_announce_stop(&a);
			stopped = true;
		}
		if (i > 0)
			run(&a, ms(rows[_i].starts[i]), &out);
		vrrp_announce_start(&a, &rows[_i].rules, rows[_i].n, ms(rows[_i].starts[i]));
	}
	if (!stopped) {
		run(&a, ms(rows[_i].stop_ms), &out);
		vrrp_announce_stop(&a);
	}
	run(&a, ms(rows[_i].until_ms), &out);
	ck_assert_msg(strcmp(out.s, rows[_i].want) == 0, "%s: %s\nwanted %s", rows[_i].what, out.s, rows[_i].want);
	lb_text_done(&out);
}
END_TEST

START_TEST(zero_is_silent)
{
	struct vrrp_announce a = { 0 };
	size_t from = 3;
	ck_assert_uint_eq(vrrp_announce_step(&a, ms(1), &from), 0);
	ck_assert_uint_eq(from, 3);
	ck_assert_int_eq(a.deadline.us, LB_TIME_NEVER.us);
}
END_TEST

START_TEST(other_addresses_begin_at_once)
{
	const struct vrrp_announce_rules rules = { 2, 5000, 0, 0 };
	struct vrrp_announce a = { 0 };
	struct lb_text out = LB_TEXT_INIT;
	vrrp_announce_start(&a, &rules, 2, ms(0));
	run(&a, ms(100), &out);
	vrrp_announce_start(&a, &rules, 3, ms(100));
	run(&a, ms(9000), &out);
	ck_assert_str_eq(out.s, "0:0+2 1:0+2 100:0+3 101:0+3 5100:0+3 5101:0+3");
	vrrp_announce_start(&a, &rules, 0, ms(9000));
	ck_assert_int_eq(a.deadline.us, LB_TIME_NEVER.us);
	lb_text_done(&out);
}
END_TEST

START_TEST(late_refreshes_are_not_made_up_for)
{
	const struct vrrp_announce_rules rules = { 1, 0, 1000, 0 };
	struct vrrp_announce a = { 0 };
	struct lb_text out = LB_TEXT_INIT;
	size_t from;
	vrrp_announce_start(&a, &rules, 1, ms(0));
	run(&a, ms(1), &out);
	ck_assert_uint_eq(vrrp_announce_step(&a, ms(7500), &from), 1);
	ck_assert_int_eq(a.deadline.us, ms(8500).us);
	lb_text_done(&out);
}
END_TEST

/* Whoever makes us start a thousand times a second gets no more frames than the blocks of the rules. */
static const struct {
	const char *what;
	struct vrrp_announce_rules rules;
	size_t n, most;  /* frames in 60 s */
	int64_t last_ms; /* from the last provocation to the last frame, at most */
} floods[] = {
	{ "five and five", { 5, 5000, 0, 0 }, 1, 5 * 12, 10010 },
	{ "with refresh and again", { 5, 5000, 10000, 3500 }, 1, 5 * 12 + 6 + 18, 10010 },
	{ "no second block", { 5, 0, 0, 0 }, 1, 5 * 60, 1010 },
	{ "255 addresses", { 3, 1000, 0, 0 }, 255, 255 * 3 * 60, 2100 },
	{ "a delay shorter than the rest", { 2, 100, 0, 0 }, 4, 4 * 2 * 600, 1110 },
};

START_TEST(a_flood_of_starts)
{
	struct vrrp_announce a = { 0 };
	size_t frames_sent = 0, from;
	int64_t t = 0, last = 0;
	for (; t < 60000; t++) {
		vrrp_announce_start(&a, &floods[_i].rules, floods[_i].n, ms(t));
		frames_sent += vrrp_announce_step(&a, ms(t), &from);
	}
	ck_assert_msg(frames_sent <= floods[_i].most, "%s: %zu frames", floods[_i].what, frames_sent);
	/* it is no silence either */
	ck_assert_msg(
		frames_sent >= floods[_i].rules.count * floods[_i].n * 12, "%s: %zu", floods[_i].what, frames_sent);
	size_t tail = 0;
	for (; t < 90000; t++) {
		size_t n = vrrp_announce_step(&a, ms(t), &from);
		if (n && floods[_i].rules.refresh_ms == 0)
			last = t - 60000;
		tail += n;
	}
	ck_assert_msg(tail >= floods[_i].rules.count * floods[_i].n, "%s: %zu after it", floods[_i].what, tail);
	ck_assert_msg(last <= floods[_i].last_ms, "%s: %lld ms", floods[_i].what, (long long)last);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp_announce");
	TCase *tc = tcase_create("all");
	tcase_add_loop_test(tc, golden_frames, 0, LEN(frames));
	tcase_add_test(tc, sums_of_any_address);
	tcase_add_loop_test(tc, schedules, 0, LEN(rows));
	tcase_add_test(tc, zero_is_silent);
	tcase_add_test(tc, other_addresses_begin_at_once);
	tcase_add_test(tc, late_refreshes_are_not_made_up_for);
	tcase_add_loop_test(tc, a_flood_of_starts, 0, LEN(floods));
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
