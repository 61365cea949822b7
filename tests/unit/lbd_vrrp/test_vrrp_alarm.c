/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_alarm.h"

#include <check.h>
#include <stdio.h>
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

/* What an other one says to us, who have 10.0.0.100 and .101 every second, priority 100. */
static const struct {
	const char *what;
	uint8_t version, prio;
	uint32_t interval_cs;
	const char *list[3];
	bool from_us, master, owner_known, wrong_auth;
	enum vrrp_discard why; /* as it is read */
	const char *alarms;    /* "name (text), ..." */
	int64_t quiet_ms;
} rows[] = {
	{ "all is well", 3, 100, 100, { "10.0.0.100", "10.0.0.101" }, false, true, false, false, VRRP_DISCARD_NONE, "",
		0 },
	{ "another order tells nothing", 3, 100, 100, { "10.0.0.101", "10.0.0.100" }, false, true, false, false,
		VRRP_DISCARD_NONE, "", 0 },
	{ "another address", 3, 100, 100, { "10.0.0.100", "10.0.0.102" }, false, false, false, false, VRRP_DISCARD_NONE,
		"addresses_differ (10.0.0.2 has 10.0.0.102, we 10.0.0.101)", 10830 },
	{ "one less", 3, 100, 100, { "10.0.0.101" }, false, false, false, false, VRRP_DISCARD_NONE,
		"addresses_differ (10.0.0.2 lacks 10.0.0.100)", 10830 },
	{ "one more", 3, 100, 100, { "10.0.0.100", "10.0.0.101", "10.0.0.102" }, false, false, false, false,
		VRRP_DISCARD_NONE, "addresses_differ (10.0.0.2 has 10.0.0.102, too)", 10830 },
	{ "one twice", 3, 100, 100, { "10.0.0.100", "10.0.0.101", "10.0.0.101" }, false, false, false, false,
		VRRP_DISCARD_NONE, "addresses_differ (10.0.0.2 has 3, we 2)", 10830 },
	{ "another interval, quiet by the longer one", 3, 100, 500, { "10.0.0.100", "10.0.0.101" }, false, false, false,
		false, VRRP_DISCARD_NONE, "interval_differs (10.0.0.2 every 5.00 s, we every 1.00 s)", 45000 },
	{ "all bits of an interval", 3, 100, 4095, { "10.0.0.100", "10.0.0.101" }, false, false, false, false,
		VRRP_DISCARD_NONE, "interval_differs (10.0.0.2 every 40.95 s, we every 1.00 s)", 368550 },
	{ "both", 3, 100, 50, { "10.0.0.101" }, false, false, false, false, VRRP_DISCARD_NONE,
		"addresses_differ (10.0.0.2 lacks 10.0.0.100), "
		"interval_differs (10.0.0.2 every 0.50 s, we every 1.00 s)",
		10830 },
	{ "version 2 refuses it, and there will be two masters", 2, 100, 200, { "10.0.0.100", "10.0.0.101" }, false,
		true, false, false, VRRP_DISCARD_INTERVAL, "interval_differs (10.0.0.2 every 2.00 s, we every 1.00 s)",
		18000 },
	{ "an interval of 0 is nobody's", 2, 100, 0, { "10.0.0.100", "10.0.0.101" }, false, true, false, false,
		VRRP_DISCARD_INTERVAL, "", 0 },
	{ "nor in version 3", 3, 100, 0, { "10.0.0.100", "10.0.0.101" }, false, true, false, false,
		VRRP_DISCARD_INTERVAL, "", 0 },
	{ "an owner of whom nobody told", 3, 255, 100, { "10.0.0.100", "10.0.0.101" }, false, true, false, false,
		VRRP_DISCARD_NONE, "unknown_owner (10.0.0.2 with priority 255)", 10830 },
	{ "a known one", 3, 255, 100, { "10.0.0.100", "10.0.0.101" }, false, true, true, false, VRRP_DISCARD_NONE, "",
		0 },
	{ "254 is no owner", 3, 254, 100, { "10.0.0.100", "10.0.0.101" }, false, true, false, false, VRRP_DISCARD_NONE,
		"", 0 },
	{ "our own words, as master", 3, 100, 100, { "10.0.0.100", "10.0.0.101" }, true, true, false, false,
		VRRP_DISCARD_SOURCE, "same_address (an advert from 10.0.0.1, which is ours)", 10830 },
	{ "as backup: what we said as master may be on its way", 3, 100, 100, { "10.0.0.100", "10.0.0.101" }, true,
		false, false, false, VRRP_DISCARD_SOURCE, "", 0 },
	{ "not authentic", 2, 100, 100, { "10.0.0.100", "10.0.0.101" }, false, true, false, true, VRRP_DISCARD_AUTH,
		"auth_failed (auth from 10.0.0.2 with priority 100)", 10000 },
};

static void look(const struct vrrp_heard *h, char *said, size_t size, int64_t *quiet_ms)
{
	uint32_t bits = vrrp_alarms_of(h);
	for (unsigned k = 0; k < VRRP_ALARM_COUNT; k++) {
		char text[80];
		size_t n = strlen(said);
		if (!(bits & 1u << k))
			continue;
		vrrp_alarm_text(h, (enum vrrp_alarm)k, text, sizeof(text));
		snprintf(said + n, size - n, "%s%s (%s)", n ? ", " : "", vrrp_alarms[k], text);
		*quiet_ms = vrrp_alarm_quiet_us(h, 3610000) / 1000; /* about what priority 100 waits for */
	}
}

START_TEST(adverts)
{
	const struct lb_ip ours[] = { ip("10.0.0.100"), ip("10.0.0.101") }, group = vrrp_group_address(AF_INET);
	struct vrrp_wire we = { .family = AF_INET,
		.version = rows[_i].version,
		.vrid = 51,
		.interval_cs = 100,
		.source = ip("10.0.0.1"),
		.addrs = ours,
		.n_addrs = 2 };
	struct lb_ip theirs[3];
	struct vrrp_wire they = we;
	they.addrs = theirs;
	they.interval_cs = rows[_i].interval_cs;
	they.with_password = rows[_i].wrong_auth;
	for (they.n_addrs = 0; they.n_addrs < 3 && rows[_i].list[they.n_addrs]; they.n_addrs++)
		theirs[they.n_addrs] = ip(rows[_i].list[they.n_addrs]);
	they.source = rows[_i].from_us ? we.source : ip("10.0.0.2");
	uint8_t room[VRRP_PKT_MAX];
	struct vrrp_advert a = { 0 };
	struct vrrp_datagram d = { .from = they.source, .to = group, .ttl = 255, .msg = room };
	d.len = vrrp_pkt_write(&they, rows[_i].prio, &group, room);
	struct vrrp_heard h = { .wire = &we,
		.d = &d,
		.why = vrrp_pkt_read(&we, &d, false, &a),
		.a = &a,
		.master = rows[_i].master,
		.owner_known = rows[_i].owner_known };
	ck_assert_msg(h.why == rows[_i].why, "%s: %s", rows[_i].what, vrrp_discards[h.why].name);
	char said[300] = "";
	int64_t quiet_ms = 0;
	look(&h, said, sizeof(said), &quiet_ms);
	ck_assert_msg(strcmp(said, rows[_i].alarms) == 0, "%s: %s", rows[_i].what, said);
	ck_assert_msg(quiet_ms == rows[_i].quiet_ms, "%s: %lld", rows[_i].what, (long long)quiet_ms);
}
END_TEST

/* Two of 39 characters each do not fit: the text is cut, not written beyond. */
START_TEST(long_addresses)
{
	const struct lb_ip link = ip("fe80::54"), ours[] = { link, ip("fd00:1111:2222:3333:4444:5555:6666:7777") };
	const struct lb_ip theirs[] = { link, ip("fd00:1111:2222:3333:4444:5555:6666:8888") };
	struct vrrp_wire we = { .family = AF_INET6,
		.version = 3,
		.vrid = 54,
		.interval_cs = 100,
		.source = ip("fe80::1"),
		.addrs = ours,
		.n_addrs = 2 };
	struct vrrp_wire they = we;
	they.source = ip("fe80:0:0:0:1111:2222:3333:4444");
	they.addrs = theirs;
	uint8_t room[VRRP_PKT_MAX];
	struct lb_ip group = vrrp_group_address(AF_INET6);
	struct vrrp_advert a;
	struct vrrp_datagram d = { .from = they.source, .to = group, .ttl = 255, .msg = room };
	d.len = vrrp_pkt_write(&they, 100, &group, room);
	vrrp_pkt_sum6(&they.source, &group, room, d.len);
	struct vrrp_heard h = { .wire = &we, .d = &d, .why = vrrp_pkt_read(&we, &d, false, &a), .a = &a };
	ck_assert_int_eq(h.why, VRRP_DISCARD_NONE);
	char text[81];
	memset(text, 'x', sizeof(text));
	vrrp_alarm_text(&h, VRRP_ALARM_ADDRESSES_DIFFER, text, 80);
	ck_assert_str_eq(text, "fe80::1111:2222:3333:4444 has fd00:1111:2222:3333:4444:5555:6666:8888, we fd00:");
	ck_assert(text[80] == 'x');
}
END_TEST

START_TEST(news_once_and_an_end)
{
	struct vrrp_alarms s = { 0 };
	struct lb_time now = { 1000000 };
	ck_assert_uint_eq(vrrp_alarms_over(&s, LB_TIME_NEVER), 0);
	ck_assert(vrrp_alarm_note(&s, VRRP_ALARM_AUTH_FAILED, 500, now));
	ck_assert(!vrrp_alarm_note(&s, VRRP_ALARM_AUTH_FAILED, 500, (struct lb_time){ now.us + 400 }));
	ck_assert(vrrp_alarm_note(&s, VRRP_ALARM_SAME_ADDRESS, 5000, now));
	ck_assert_uint_eq(vrrp_alarms_over(&s, (struct lb_time){ now.us + 899 }), 0);
	ck_assert_uint_eq(vrrp_alarms_over(&s, (struct lb_time){ now.us + 900 }), 1u << VRRP_ALARM_AUTH_FAILED);
	ck_assert_uint_eq(vrrp_alarms_over(&s, (struct lb_time){ now.us + 901 }), 0);
	ck_assert(vrrp_alarm_note(&s, VRRP_ALARM_AUTH_FAILED, 500, now));
	ck_assert_uint_eq(
		vrrp_alarms_over(&s, LB_TIME_NEVER), 1u << VRRP_ALARM_AUTH_FAILED | 1u << VRRP_ALARM_SAME_ADDRESS);
	ck_assert_uint_eq(vrrp_alarms_over(&s, LB_TIME_NEVER), 0);
}
END_TEST

static void heard(struct vrrp *v, const char *from, uint8_t prio, int64_t ms)
{
	struct vrrp_acts acts;
	struct vrrp_event ev = { .type = VRRP_EVENT_ADVERT, .prio = prio, .interval_cs = 100 };
	ck_assert_int_eq(lb_ip_parse(from, strlen(from), &ev.from), 0);
	vrrp_step(v, &ev, (struct lb_time){ ms * 1000 }, &acts);
}

static const char *other(const struct vrrp *v)
{
	static char text[80];
	vrrp_alarm_other(v, text, sizeof(text));
	return text;
}

/* A backup has its master, a master whom it met: whom it followed before may be long gone. */
START_TEST(whom_it_is_about)
{
	struct vrrp_acts acts;
	struct vrrp v = { .rules = { .version = 3, .interval_cs = 100, .preempt = true }, .prio = 100 };
	vrrp_step(&v, &(struct vrrp_event){ .type = VRRP_EVENT_START }, (struct lb_time){ 1 }, &acts);
	ck_assert_str_eq(other(&v), "");
	heard(&v, "10.0.0.2", 150, 1000);
	ck_assert_str_eq(other(&v), "10.0.0.2 with priority 150");
	vrrp_step(&v, &(struct vrrp_event){ .type = VRRP_EVENT_TIMER }, (struct lb_time){ 5000000 }, &acts);
	ck_assert(v.state == VRRP_STATE_MASTER);
	ck_assert_str_eq(other(&v), "");
	heard(&v, "10.0.0.3", 50, 5500);
	ck_assert_str_eq(other(&v), "10.0.0.3 with priority 50");
	struct vrrp_event peer = { .type = VRRP_EVENT_PEER, .on = true, .prio = 60, .for_ms = 1000, .from = v.met };
	peer.from.b[3] = 4;
	vrrp_step(&v, &peer, (struct lb_time){ 5600000 }, &acts);
	ck_assert_str_eq(other(&v), "10.0.0.4 with priority 60");
	heard(&v, "10.0.0.5", 200, 6000);
	ck_assert_str_eq(other(&v), "10.0.0.5 with priority 200");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp_alarm");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, adverts, 0, LEN(rows));
	tcase_add_test(t, long_addresses);
	tcase_add_test(t, whom_it_is_about);
	tcase_add_test(t, news_once_and_an_end);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
