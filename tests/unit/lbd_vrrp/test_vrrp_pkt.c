/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adverts: frames captured from keepalived in both directions, each rule with a frame that breaks it alone, and random
 * instances. */
#include "tests/unit/lbd_vrrp/frames.h"

#include <errno.h>

#define GROUP4 "224.0.0.18"
#define GROUP6 "ff02::12"
#define ME4    "10.9.0.9" /* the receiver */
#define ME6    "fe80::9"
#define BUF    5000
#define SEEDS  5000

/* ---- captured frames ---- */

static const struct {
	const char *what;
	enum which which;
	const char *from, *to;
	uint8_t prio;
	enum vrrp_sum sum;
	const char *bytes;
	bool read_only; /* nobody writes it any more */
} golden[] = {
	{ "v2 with a password", V2, "10.9.0.1", GROUP4, 150, VRRP_SUM_RFC5798,
		"21339602 0101 6219 0a090064 0a090065 3132333435363738", false },
	{ "v2, leaving", V2, "10.9.0.1", GROUP4, 0, VRRP_SUM_RFC5798,
		"21330002 0101 f819 0a090064 0a090065 3132333435363738", false },
	{ "v2, the other node", V2, "10.9.0.2", GROUP4, 100, VRRP_SUM_RFC5798,
		"21336402 0101 9419 0a090064 0a090065 3132333435363738", false },
	{ "v3", V3, "10.9.0.1", GROUP4, 150, VRRP_SUM_RFC5798, "31349601 0032 4388 0a09006e", false },
	{ "v3, leaving", V3, "10.9.0.1", GROUP4, 0, VRRP_SUM_RFC5798, "31340001 0032 d988 0a09006e", false },
	{ "v3, the other node", V3, "10.9.0.2", GROUP4, 100, VRRP_SUM_RFC5798, "31346401 0032 7587 0a09006e", false },
	{ "v3, its address below ours with the same priority", V3, "10.9.0.1", GROUP4, 100, VRRP_SUM_RFC5798,
		"31346401 0032 7588 0a09006e", false },
	{ "v3, an owner", V3, "10.9.0.1", GROUP4, 255, VRRP_SUM_RFC5798, "3134ff01 0032 da87 0a09006e", false },
	{ "v3, message only", V3, "10.9.0.1", GROUP4, 150, VRRP_SUM_RFC9568, "31349601 0032 2e21 0a09006e", false },
	{ "v3, message only, leaving", V3, "10.9.0.1", GROUP4, 0, VRRP_SUM_RFC9568, "31340001 0032 c421 0a09006e",
		false },
	{ "v3, message only, the other node", V3, "10.9.0.2", GROUP4, 100, VRRP_SUM_RFC9568,
		"31346401 0032 6021 0a09006e", false },
	{ "unicast", UNICAST, "10.9.0.1", "10.9.0.2", 150, VRRP_SUM_RFC5798, "31359601 0064 1953 0a090078", false },
	{ "unicast, leaving", UNICAST, "10.9.0.1", "10.9.0.2", 0, VRRP_SUM_RFC5798, "31350001 0064 af53 0a090078",
		false },
	{ "unicast, message only", UNICAST, "10.9.0.1", "10.9.0.2", 150, VRRP_SUM_RFC9568,
		"31359601 0064 2de4 0a090078", false },
	{ "unicast, message only, leaving", UNICAST, "10.9.0.1", "10.9.0.2", 0, VRRP_SUM_RFC9568,
		"31350001 0064 c3e4 0a090078", false },
	{ "unicast, summed as if to the group", UNICAST, "10.9.0.1", "10.9.0.2", 150, VRRP_SUM_RFC5798,
		"31359601 0064 434b 0a090078", true },
	{ "IPv6", V6, LL, GROUP6, 150, VRRP_SUM_RFC5798,
		"31369602 0064 496b fe800000000000000000000000000054 fd000009000000000000000000000100", false },
	{ "IPv6, leaving", V6, LL, GROUP6, 0, VRRP_SUM_RFC5798,
		"31360002 0064 df6b fe800000000000000000000000000054 fd000009000000000000000000000100", false },
	{ "IPv6, message only is only for IPv4", V6, LL, GROUP6, 150, VRRP_SUM_RFC9568,
		"31369602 0064 496b fe800000000000000000000000000054 fd000009000000000000000000000100", false },
};

/* The datagram as it comes, and the instance that it comes to. */
static struct vrrp_datagram captured(int i, uint8_t *bytes, struct vrrp_wire *w)
{
	*w = wire_of(golden[i].which);
	w->source = ip(golden[i].which == V6 ? ME6 : ME4);
	return (struct vrrp_datagram){ ip(golden[i].from), ip(golden[i].to), 255, bytes,
		hex(golden[i].bytes, bytes, BUF) };
}

START_TEST(is_written_as_captured)
{
	uint8_t want[BUF], room[VRRP_PKT_MAX];
	struct vrrp_wire w = wire_of(golden[_i].which);
	struct lb_ip to = ip(golden[_i].to);
	if (golden[_i].read_only)
		return;
	w.source = ip(golden[_i].from);
	w.sum = golden[_i].sum;
	size_t want_n = hex(golden[_i].bytes, want, sizeof(want));
	memset(room, 0xee, sizeof(room)); /* what is not written is seen, and what need not be */
	size_t n = vrrp_pkt_write(&w, golden[_i].prio, &to, room);
	ck_assert_msg(n == want_n, "%s: %zu bytes", golden[_i].what, n);
	for (size_t i = 0; i < sizeof(room); i++)
		ck_assert_msg(room[i] == (i < n ? want[i] : 0xee), "%s: byte %zu is %02x", golden[_i].what, i, room[i]);
}
END_TEST

START_TEST(is_read_as_captured)
{
	uint8_t bytes[BUF];
	struct vrrp_wire w;
	struct vrrp_datagram d = captured(_i, bytes, &w);
	struct vrrp_advert a = { .vrid = 77 };
	const char *what = golden[_i].what;
	ck_assert_uint_eq(vrrp_pkt_vrid(&d), w.vrid);
	enum vrrp_discard why = vrrp_pkt_read(&w, &d, false, &a);
	ck_assert_msg(why == VRRP_DISCARD_NONE, "%s: %s", what, vrrp_discards[why].name);
	ck_assert_msg(a.vrid == w.vrid && a.prio == golden[_i].prio && a.count == w.n_addrs, "%s", what);
	ck_assert_msg(a.interval_cs == w.interval_cs && !a.interval_differs && !a.addrs_differ, "%s", what);
	ck_assert_msg(a.sum == (w.family == AF_INET ? golden[_i].sum : VRRP_SUM_RFC5798), "%s", what);
	ck_assert_msg(a.trailer == 0 && lb_ip_cmp(&a.from, &d.from) == 0, "%s", what);
	ck_assert_msg(vrrp_pkt_read(&w, &d, true, &a) == VRRP_DISCARD_NONE && a.trailer == 0, "%s", what);
}
END_TEST

/* Every length but the right one, with a trailer's too; and nothing behind the end is read. */
START_TEST(is_cut_at_every_byte)
{
	uint8_t bytes[BUF] = { 0 };
	struct vrrp_wire w;
	struct vrrp_datagram d = captured(_i, bytes, &w);
	size_t whole = d.len;
	for (size_t n = 0; n < whole + 64; n++) {
		uint8_t *copy = exact(bytes, n);
		struct vrrp_datagram cut = { d.from, d.to, 255, copy, n };
		for (int may_be_signed = 0; may_be_signed < 2; may_be_signed++) {
			struct vrrp_advert a = { .vrid = 77 };
			enum vrrp_discard why = vrrp_pkt_read(&w, &cut, may_be_signed, &a);
			bool fits = n == whole || (may_be_signed && n == whole + VRRP_TRAILER);
			/* the checksum of IPv6 has the length in it */
			if (fits && n > whole && w.family == AF_INET6)
				ck_assert_msg(why == VRRP_DISCARD_CHECKSUM, "%s", golden[_i].what);
			else
				ck_assert_msg(why == (fits ? VRRP_DISCARD_NONE : VRRP_DISCARD_LENGTH), "%s: %zu: %s",
					golden[_i].what, n, vrrp_discards[why].name);
			if (why)
				ck_assert_uint_eq(a.vrid, 77);
			else
				ck_assert_uint_eq(a.trailer, n == whole ? 0 : whole);
		}
		free(copy);
	}
}
END_TEST

START_TEST(each_bit_counts)
{
	uint8_t bytes[BUF];
	struct vrrp_wire w;
	struct vrrp_datagram d = captured(_i, bytes, &w);
	for (size_t bit = 0; bit < d.len * 8; bit++) {
		struct vrrp_advert a = { .vrid = 77 };
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		enum vrrp_discard why = vrrp_pkt_read(&w, &d, false, &a);
		ck_assert_msg(why != VRRP_DISCARD_NONE, "%s: bit %zu", golden[_i].what, bit);
		ck_assert_uint_eq(a.vrid, 77);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

/* ---- one rule broken ---- */

#define V6_LIST   "fe800000000000000000000000000054 fd000009000000000000000000000100"
#define V6_TURNED "fd000009000000000000000000000100 fe800000000000000000000000000054"

static const struct {
	const char *what;
	enum which which;
	const char *from, *to;
	uint8_t ttl;
	const char *bytes;
	enum vrrp_discard why;
	uint32_t interval_cs; /* where it is taken */
	bool addrs_differ;
} frames[] = {
	{ "neither sum fits", V3, "10.9.0.1", GROUP4, 255, "31349601 0032 dead 0a09006e", VRRP_DISCARD_CHECKSUM, 0,
		false },
	{ "the tail of v2 on v3", V3, "10.9.0.1", GROUP4, 255, "31349601 0032 4388 0a09006e 0000000000000000",
		VRRP_DISCARD_LENGTH, 0, false },
	{ "more addresses than there are", V3, "10.9.0.1", GROUP4, 255, "31349602 0032 4387 0a09006e",
		VRRP_DISCARD_LENGTH, 0, false },
	{ "no address", V3, "10.9.0.1", GROUP4, 255, "31349600 0032 4e04", VRRP_DISCARD_COUNT, 0, false },
	{ "no address, message only", V3, "10.9.0.1", GROUP4, 255, "31349600 0032 3899", VRRP_DISCARD_COUNT, 0, false },
	{ "no address in v2", V2, "10.9.0.1", GROUP4, 255, "21339600 0101 76f6 3132333435363738", VRRP_DISCARD_COUNT, 0,
		false },
	{ "interval 0", V3, "10.9.0.1", GROUP4, 255, "31349601 0000 43ba 0a09006e", VRRP_DISCARD_INTERVAL, 0, false },
	{ "interval 4095", V3, "10.9.0.1", GROUP4, 255, "31349601 0fff 33bb 0a09006e", VRRP_DISCARD_NONE, 4095, false },
	{ "reserved bits", V3, "10.9.0.1", GROUP4, 255, "31349601 f032 5387 0a09006e", VRRP_DISCARD_NONE, 50, false },
	{ "type 2", V3, "10.9.0.1", GROUP4, 255, "32349601 0032 4288 0a09006e", VRRP_DISCARD_VERSION, 0, false },
	{ "version 4", V3, "10.9.0.1", GROUP4, 255, "41349601 0032 3388 0a09006e", VRRP_DISCARD_VERSION, 0, false },
	{ "v2 at v3", V3, "10.9.0.1", GROUP4, 255, "21349601 0001 3e52 0a09006e 0000000000000000", VRRP_DISCARD_VERSION,
		0, false },
	{ "v3 at v2", V2, "10.9.0.1", GROUP4, 255, "31339602 0064 0000 0a090064 0a090065", VRRP_DISCARD_VERSION, 0,
		false },
	{ "VRID 0", V3, "10.9.0.1", GROUP4, 255, "31009601 0032 43bc 0a09006e", VRRP_DISCARD_STRANGER, 0, false },
	{ "another VRID", V3, "10.9.0.1", GROUP4, 255, "31359601 0032 4387 0a09006e", VRRP_DISCARD_STRANGER, 0, false },
	{ "255 addresses in 40 bytes", V6, LL, GROUP6, 255, "313696ff 0064 486e " V6_LIST, VRRP_DISCARD_LENGTH, 0,
		false },
	{ "a global address first", V6, LL, GROUP6, 255, "31369602 0064 496b " V6_TURNED, VRRP_DISCARD_COUNT, 0,
		false },
	{ "the wrong password", V2, "10.9.0.1", GROUP4, 255, "21339602 0101 6218 0a090064 0a090065 3132333435363739",
		VRRP_DISCARD_AUTH, 0, false },
	{ "no password", V2, "10.9.0.1", GROUP4, 255, "21339602 0001 33ee 0a090064 0a090065 0000000000000000",
		VRRP_DISCARD_AUTH, 0, false },
	{ "the password, but it says that there is none", V2, "10.9.0.1", GROUP4, 255,
		"21339602 0001 6319 0a090064 0a090065 3132333435363738", VRRP_DISCARD_AUTH, 0, false },
	{ "type 2 of authentication", V2, "10.9.0.1", GROUP4, 255,
		"21339602 0201 6119 0a090064 0a090065 3132333435363738", VRRP_DISCARD_AUTH, 0, false },
	{ "v2 with another interval", V2, "10.9.0.1", GROUP4, 255,
		"21339602 0102 6218 0a090064 0a090065 3132333435363738", VRRP_DISCARD_INTERVAL, 0, false },
	{ "v2 with interval 0", V2, "10.9.0.1", GROUP4, 255, "21339602 0100 621a 0a090064 0a090065 3132333435363738",
		VRRP_DISCARD_INTERVAL, 0, false },
	{ "TTL 254", V3, "10.9.0.1", GROUP4, 254, "31349601 0032 4388 0a09006e", VRRP_DISCARD_TTL, 0, false },
	{ "TTL 64", V3, "10.9.0.1", GROUP4, 64, "31349601 0032 4388 0a09006e", VRRP_DISCARD_TTL, 0, false },
	{ "TTL 1", V3, "10.9.0.1", GROUP4, 1, "31349601 0032 4388 0a09006e", VRRP_DISCARD_TTL, 0, false },
	{ "hop limit 254", V6, LL, GROUP6, 254, "31369602 0064 496b " V6_LIST, VRRP_DISCARD_TTL, 0, false },
	{ "unicast, TTL 254", UNICAST, "10.9.0.1", "10.9.0.2", 254, "31359601 0064 1953 0a090078", VRRP_DISCARD_TTL, 0,
		false },
	{ "from ourselves", V3, ME4, GROUP4, 255, "31349601 0032 4380 0a09006e", VRRP_DISCARD_SOURCE, 0, false },
	{ "unicast at a multicast instance", V3, "10.9.0.1", ME4, 255, "31349601 0032 2e21 0a09006e",
		VRRP_DISCARD_SOURCE, 0, false },
	{ "to another group", V3, "10.9.0.1", "224.0.0.19", 255, "31349601 0032 2e21 0a09006e", VRRP_DISCARD_SOURCE, 0,
		false },
	{ "multicast at a unicast instance", UNICAST, "10.9.0.1", GROUP4, 255, "31359601 0064 434b 0a090078",
		VRRP_DISCARD_SOURCE, 0, false },
	{ "unicast from nobody we know", UNICAST, "10.9.0.3", ME4, 255, "31359601 0064 2de4 0a090078",
		VRRP_DISCARD_SOURCE, 0, false },
	{ "IPv4 at an instance of IPv6", V6, "10.9.0.1", GROUP4, 255, "31369602 0064 496b " V6_LIST,
		VRRP_DISCARD_STRANGER, 0, false },
	{ "the sum of the message alone is none of IPv6", V6, LL, GROUP6, 255, "31369602 0064 3b84 " V6_LIST,
		VRRP_DISCARD_CHECKSUM, 0, false },
	{ "v2 with a pseudo header", V2, "10.9.0.1", GROUP4, 255,
		"21339602 0101 7774 0a090064 0a090065 3132333435363738", VRRP_DISCARD_CHECKSUM, 0, false },
	{ "another address", V3, "10.9.0.1", GROUP4, 255, "31349601 0032 2e20 0a09006f", VRRP_DISCARD_NONE, 50, true },
	{ "one address more", V3, "10.9.0.1", GROUP4, 255, "31349602 0032 23a8 0a09006e 0a09006f", VRRP_DISCARD_NONE,
		50, true },
	{ "one twice instead of two", V2, "10.9.0.1", GROUP4, 255,
		"21339602 0101 621a 0a090064 0a090064 3132333435363738", VRRP_DISCARD_NONE, 100, true },
	{ "in another order", V2, "10.9.0.1", GROUP4, 255, "21339602 0101 6219 0a090065 0a090064 3132333435363738",
		VRRP_DISCARD_NONE, 100, false },
	{ "another interval of v3", V3, "10.9.0.1", GROUP4, 255, "31349601 0064 2def 0a09006e", VRRP_DISCARD_NONE, 100,
		false },
};

START_TEST(one_rule_is_broken)
{
	uint8_t bytes[BUF];
	struct vrrp_wire w = wire_of(frames[_i].which);
	size_t n = hex(frames[_i].bytes, bytes, sizeof(bytes));
	uint8_t *copy = exact(bytes, n);
	struct vrrp_datagram d = { ip(frames[_i].from), ip(frames[_i].to), frames[_i].ttl, copy, n };
	struct vrrp_advert a = { .vrid = 77 };
	w.source = ip(frames[_i].which == V6 ? ME6 : ME4);
	enum vrrp_discard why = vrrp_pkt_read(&w, &d, false, &a);
	ck_assert_msg(why == frames[_i].why, "%s: %s", frames[_i].what, vrrp_discards[why].name);
	if (why)
		ck_assert_uint_eq(a.vrid, 77);
	else
		ck_assert_msg(a.interval_cs == frames[_i].interval_cs && a.addrs_differ == frames[_i].addrs_differ &&
				      a.interval_differs == (a.interval_cs != w.interval_cs),
			"%s: interval %u", frames[_i].what, a.interval_cs);
	free(copy);
}
END_TEST

/* Each rule in the order of the rules, broken together with all that come after it. */
static const struct {
	const char *what;
	enum vrrp_discard why;
} rules[] = {
	{ "the VRID", VRRP_DISCARD_STRANGER },
	{ "to one of us", VRRP_DISCARD_SOURCE },
	{ "from ourselves", VRRP_DISCARD_SOURCE },
	{ "TTL", VRRP_DISCARD_TTL },
	{ "version", VRRP_DISCARD_VERSION },
	{ "length", VRRP_DISCARD_LENGTH },
	{ "checksum", VRRP_DISCARD_CHECKSUM },
	{ "count", VRRP_DISCARD_COUNT },
	{ "interval", VRRP_DISCARD_INTERVAL },
	{ "password", VRRP_DISCARD_AUTH },
	{ "nothing", VRRP_DISCARD_NONE },
};

START_TEST(the_first_broken_rule_is_the_reason)
{
	uint8_t msg[64] = { 0x21, 51, 150, 2, 1, 1, 0, 0, 10, 9, 0, 100, 10, 9, 0, 101 };
	struct vrrp_wire w = wire_of(V2);
	struct vrrp_datagram d = { ip("10.9.0.1"), ip(GROUP4), 255, msg, 24 };
	struct vrrp_advert a;
	bool broken[LEN(rules)];
	w.source = ip(ME4);
	for (int i = 0; i < (int)LEN(rules); i++)
		broken[i] = i >= _i;
	if (broken[7]) {
		msg[3] = 0;
		d.len = 16;
	}
	memcpy(msg + d.len - 8, broken[9] ? "12345679" : "12345678", 8);
	msg[0] = broken[4] ? 0x31 : 0x21;
	msg[1] = broken[0] ? 52 : 51;
	msg[5] = broken[8] ? 2 : 1;
	uint16_t sum = (uint16_t)(plain_sum(NULL, 0, msg, d.len) + broken[6]);
	msg[6] = (uint8_t)(sum >> 8);
	msg[7] = (uint8_t)sum;
	d.len += broken[5];
	d.ttl = broken[3] ? 254 : 255;
	if (broken[2])
		d.from = w.source;
	if (broken[1])
		d.to = ip(ME4);
	enum vrrp_discard why = vrrp_pkt_read(&w, &d, false, &a);
	ck_assert_msg(why == rules[_i].why, "%s: %s", rules[_i].what, vrrp_discards[why].name);
}
END_TEST

START_TEST(an_instance_without_password)
{
	uint8_t bytes[64];
	struct vrrp_wire w = wire_of(V2);
	struct vrrp_advert a;
	struct vrrp_datagram d = { ip("10.9.0.1"), ip(GROUP4), 255, bytes, 0 };
	w.with_password = false;
	w.source = d.from;
	size_t n = vrrp_pkt_write(&w, 150, &d.to, bytes);
	uint8_t want[64];
	ck_assert_uint_eq(hex("21339602 0001 33ee 0a090064 0a090065 0000000000000000", want, sizeof(want)), n);
	ck_assert_mem_eq(bytes, want, n);
	w.source = ip(ME4);
	d.len = n;
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, false, &a), VRRP_DISCARD_NONE);
	d.len = hex(golden[0].bytes, bytes, sizeof(bytes));
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, false, &a), VRRP_DISCARD_AUTH);
	/* without a type the eight bytes are nobody's business (RFC 3768 5.3.10) */
	d.len = hex("21339602 0001 6319 0a090064 0a090065 3132333435363738", bytes, sizeof(bytes));
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, false, &a), VRRP_DISCARD_NONE);
}
END_TEST

START_TEST(unicast_may_come_over_routers)
{
	uint8_t bytes[64];
	struct vrrp_wire w = wire_of(UNICAST);
	struct vrrp_advert a;
	w.min_ttl = 250;
	struct vrrp_datagram d = { ip("10.9.0.1"), ip("10.9.0.2"), 249, bytes,
		hex("31359601 0064 1953 0a090078", bytes, sizeof(bytes)) };
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, false, &a), VRRP_DISCARD_TTL);
	d.ttl = 250;
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, false, &a), VRRP_DISCARD_NONE);
	w.n_peers = 1; /* only .1 */
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, false, &a), VRRP_DISCARD_NONE);
	w.peers++; /* only .2 */
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, false, &a), VRRP_DISCARD_SOURCE);
	w.peers--;
	w.n_peers = 2;
	w.source = ip("10.9.0.1"); /* a peer, and ourselves */
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, false, &a), VRRP_DISCARD_SOURCE);
	/* multicast is never routed: what an instance allows for unicast is nothing to it */
	w = wire_of(V3);
	w.min_ttl = 1;
	d = (struct vrrp_datagram){ ip("10.9.0.1"), ip(GROUP4), 254, bytes,
		hex("31349601 0032 4388 0a09006e", bytes, sizeof(bytes)) };
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, false, &a), VRRP_DISCARD_TTL);
}
END_TEST

/* A peer that has more addresses than we ever send is understood. */
START_TEST(as_many_addresses_as_can_be_counted)
{
	static uint8_t msg[8 + 255 * 16] = { 0x31, 54, 1, 255, 0, 100 };
	uint8_t pseudo[36] = { 0 };
	struct vrrp_wire w = wire_of(V6);
	struct vrrp_datagram d = { ip(LL), ip(GROUP6), 255, msg, sizeof(msg) };
	struct vrrp_advert a;
	memset(msg + 8, 0xff, sizeof(msg) - 8);
	msg[8] = 0xfe;
	msg[9] = 0xbf; /* the end of fe80::/10 */
	memcpy(pseudo, d.from.b, 16);
	memcpy(pseudo + 16, d.to.b, 16);
	pseudo[33] = 112;
	pseudo[34] = sizeof(msg) >> 8;
	pseudo[35] = sizeof(msg) & 0xff;
	uint16_t sum = plain_sum(pseudo, sizeof(pseudo), msg, sizeof(msg));
	msg[6] = (uint8_t)(sum >> 8);
	msg[7] = (uint8_t)sum;
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, true, &a), VRRP_DISCARD_NONE);
	ck_assert(a.count == 255 && a.addrs_differ);
	msg[9] = 0xff; /* fec0::/10 was something else */
	sum = (uint16_t)(sum - 0x40);
	msg[6] = (uint8_t)(sum >> 8);
	msg[7] = (uint8_t)sum;
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, true, &a), VRRP_DISCARD_COUNT);
}
END_TEST

/* ---- IPv4 headers ---- */

static const struct {
	const char *what, *from, *to;
	size_t len;
	const char *bytes;
} headers[] = {
	{ "v2", "10.9.0.1", GROUP4, 24, "45c0002c00010000ff70d084 0a090001 e0000012" },
	{ "v3", "10.9.0.1", GROUP4, 12, "45c0002000010000ff70d090 0a090001 e0000012" },
	{ "unicast", "10.9.0.1", "10.9.0.2", 12, "45c0002000010000ff70a698 0a090001 0a090002" },
};

START_TEST(ip4_headers_as_captured)
{
	uint8_t want[64] = { 0 }, out[VRRP_IP4_HEADER];
	struct lb_ip from = ip(headers[_i].from), to = ip(headers[_i].to);
	ck_assert_uint_eq(hex(headers[_i].bytes, want, sizeof(want)), sizeof(out));
	vrrp_pkt_ip4_header(&from, &to, 1, headers[_i].len, out);
	ck_assert_msg(memcmp(out, want, sizeof(out)) == 0, "%s", headers[_i].what);
	struct vrrp_datagram d;
	size_t whole = sizeof(out) + headers[_i].len;
	ck_assert_int_eq(vrrp_pkt_ip4(want, whole, &d), 0);
	ck_assert(lb_ip_cmp(&d.from, &from) == 0 && lb_ip_cmp(&d.to, &to) == 0);
	ck_assert(d.ttl == 255 && d.msg == want + sizeof(out) && d.len == headers[_i].len);
	ck_assert_int_eq(vrrp_pkt_ip4(want, sizeof(want), &d), 0); /* padded: the header says how long it is */
	ck_assert_uint_eq(d.len, headers[_i].len);
	vrrp_pkt_ip4_header(&from, &to, 0xabcd, headers[_i].len, out);
	ck_assert(out[4] == 0xab && out[5] == 0xcd);
}
END_TEST

START_TEST(headers_of_frames)
{
	uint8_t want[64] = { 0 }, six[VRRP_IP6_HEADER], ether[VRRP_ETHER];
	const uint8_t mac4[6] = { 0, 0, 0x5e, 0, 1, 51 }, mac6[6] = { 0, 0, 0x5e, 0, 2, 51 };
	struct lb_ip from = ip("fe80::4819:28ff:fe72:845f"), to = ip("ff02::12");
	/* as captured, but for the flow label, which the kernel makes */
	ck_assert_uint_eq(hex("6c000000 0028 70 ff fe80000000000000481928fffe72845f ff020000000000000000000000000012",
				  want, sizeof(want)),
		sizeof(six));
	vrrp_pkt_ip6_header(&from, &to, 40, six);
	ck_assert_mem_eq(six, want, sizeof(six));
	ck_assert_uint_eq(hex("01005e000012 00005e000133 0800", want, sizeof(want)), sizeof(ether));
	vrrp_pkt_ether(AF_INET, mac4, ether);
	ck_assert_mem_eq(ether, want, sizeof(ether));
	ck_assert_uint_eq(hex("333300000012 00005e000233 86dd", want, sizeof(want)), sizeof(ether));
	vrrp_pkt_ether(AF_INET6, mac6, ether);
	ck_assert_mem_eq(ether, want, sizeof(ether));
}
END_TEST

static const struct {
	const char *what;
	const char *head; /* the rest is zero */
	size_t n, len;    /* n: as read; len: of the message, 0 = refused */
} splits[] = {
	{ "five words", "45c00020", 32, 12 },
	{ "six words: options", "46c00024", 36, 12 },
	{ "fifteen words", "4fc00048", 72, 12 },
	{ "padded to the shortest Ethernet frame", "45c00020", 46, 12 },
	{ "four words are none", "44c00020", 32, 0 },
	{ "no words", "40c00020", 32, 0 },
	{ "version 6", "65c00020", 32, 0 },
	{ "one byte of it is missing", "45c00020", 31, 0 },
	{ "shorter than its own header", "46c00017", 32, 0 },
	{ "total length 0", "45c00000", 32, 0 },
	{ "options that are not there", "4fc00020", 32, 0 },
	{ "half a header", "45c00010", 19, 0 },
	{ "nothing", "", 0, 0 },
};

START_TEST(ip4_packets_are_split)
{
	uint8_t bytes[128] = { 0 };
	struct vrrp_datagram d = { .ttl = 77 };
	hex(splits[_i].head, bytes, sizeof(bytes));
	uint8_t *copy = exact(bytes, splits[_i].n);
	int rc = vrrp_pkt_ip4(copy, splits[_i].n, &d);
	ck_assert_msg(rc == (splits[_i].len ? 0 : -EBADMSG), "%s: %d", splits[_i].what, rc);
	if (rc)
		ck_assert_msg(d.ttl == 77 && !d.msg, "%s", splits[_i].what);
	else
		ck_assert_msg(d.len == splits[_i].len && d.msg == copy + (copy[0] & 15) * 4, "%s: %zu", splits[_i].what,
			d.len);
	free(copy);
}
END_TEST

START_TEST(a_header_without_any_message)
{
	uint8_t head[VRRP_IP4_HEADER] = { 0x45, 0, 0, 20 };
	struct vrrp_datagram d;
	struct vrrp_wire w = wire_of(V3);
	struct vrrp_advert a;
	ck_assert_int_eq(vrrp_pkt_ip4(head, sizeof(head), &d), 0);
	ck_assert(d.len == 0 && vrrp_pkt_vrid(&d) == 0);
	d.to = ip(GROUP4);
	d.ttl = 255;
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, true, &a), VRRP_DISCARD_LENGTH);
	uint8_t two[2] = { 0x31, 52 };
	d.msg = two;
	d.len = 1;
	ck_assert_uint_eq(vrrp_pkt_vrid(&d), 0);
	d.len = 2;
	ck_assert_uint_eq(vrrp_pkt_vrid(&d), 52);
}
END_TEST

START_TEST(options_and_padding_around_a_good_frame)
{
	uint8_t bytes[64] = { 0 };
	struct vrrp_wire w = wire_of(V3);
	struct vrrp_datagram d;
	struct vrrp_advert a;
	w.source = ip(ME4);
	hex("46c00024 00010000 ff700000 0a090001 e0000012 94040000 31349601 0032 4388 0a09006e", bytes, sizeof(bytes));
	ck_assert_int_eq(vrrp_pkt_ip4(bytes, sizeof(bytes), &d), 0);
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, false, &a), VRRP_DISCARD_NONE);
	ck_assert_uint_eq(a.prio, 150);
}
END_TEST

/* ---- more addresses than we ever send ---- */

/* An advert of 255 addresses, ours first, signed or not, as whole as a socket delivers it: of IPv4 with all the options
 * that a header has room for. Returns its length; *msg where the message begins. */
static size_t crowd(enum which which, size_t trailer, uint8_t *out, size_t *msg_at)
{
	struct vrrp_wire w = wire_of(which);
	size_t head = which == V6 ? 0 : 60, width = which == V6 ? 16 : 4;
	uint8_t *msg = out + head;
	size_t len = 8 + 255 * width + (which == V2 ? VRRP_PASSWORD : 0);
	memset(out, 0, VRRP_READ_MAX);
	msg[0] = (uint8_t)(w.version << 4 | 1);
	msg[1] = w.vrid;
	msg[2] = 150;
	msg[3] = 255;
	msg[4] = which == V2;
	msg[5] = (uint8_t)(which == V2 ? w.interval_cs / 100 : w.interval_cs);
	for (size_t i = 0; i < 255; i++) {
		uint8_t *at = msg + 8 + i * width;
		memcpy(at, i < w.n_addrs ? w.addrs[i].b : w.addrs[0].b, width);
		if (i >= w.n_addrs)
			at[width - 2] = (uint8_t)(1 + i);
	}
	if (which == V2)
		memcpy(msg + len - VRRP_PASSWORD, w.password, VRRP_PASSWORD);
	memset(msg + len, 0x5a, trailer);
	*msg_at = head;
	return head + len + trailer;
}

static void crowd_is_read(enum which which, size_t trailer)
{
	uint8_t room[VRRP_READ_MAX], pseudo[36] = { 0 };
	struct vrrp_wire w = wire_of(which);
	struct vrrp_advert a;
	size_t at, n = crowd(which, trailer, room, &at);
	struct lb_ip from = ip(which == V6 ? LL : "10.9.0.1"), group = vrrp_group_address(w.family);
	struct lb_ip to = which == UNICAST ? ip("10.9.0.2") : group;
	ck_assert_uint_le(n, VRRP_READ_MAX);
	size_t covered = which == V6 ? n : n - at - trailer;
	uint16_t sum = plain_sum(pseudo, 0, room + at, covered);
	if (which == V6) {
		memcpy(pseudo, from.b, 16);
		memcpy(pseudo + 16, to.b, 16);
		pseudo[33] = 112;
		pseudo[34] = (uint8_t)(covered >> 8);
		pseudo[35] = (uint8_t)covered;
		sum = plain_sum(pseudo, sizeof(pseudo), room, covered);
	} else {
		room[0] = 0x4f;
		room[2] = (uint8_t)(n >> 8);
		room[3] = (uint8_t)n;
		room[8] = 255;
		memcpy(room + 12, from.b, 4);
		memcpy(room + 16, to.b, 4);
	}
	room[at + 6] = (uint8_t)(sum >> 8);
	room[at + 7] = (uint8_t)sum;
	uint8_t *copy = exact(room, n);
	struct vrrp_datagram d = { from, to, 255, copy, n };
	if (which != V6)
		ck_assert_int_eq(vrrp_pkt_ip4(copy, n, &d), 0);
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, trailer > 0, &a), VRRP_DISCARD_NONE);
	ck_assert_msg(a.count == 255 && a.addrs_differ, "instance %d", which);
	ck_assert_uint_eq(a.trailer, trailer ? d.len - VRRP_TRAILER : 0);
	free(copy);
}

START_TEST(a_peer_may_have_255_addresses)
{
	for (int which = 0; which < WHICH_COUNT; which++) {
		crowd_is_read((enum which)which, 0);
		crowd_is_read((enum which)which, VRRP_TRAILER);
	}
	/* and nothing that is longer is an advert: the room is as large as it must be, and no larger */
	uint8_t room[VRRP_READ_MAX];
	size_t at;
	ck_assert_uint_eq(crowd(V6, VRRP_TRAILER, room, &at) + 60, VRRP_READ_MAX);
}
END_TEST

/* ---- the rest ---- */

START_TEST(an_ip6_sum_covers_the_trailer)
{
	uint8_t room[VRRP_PKT_MAX];
	struct vrrp_wire w = wire_of(V6);
	struct lb_ip to = ip(GROUP6);
	struct vrrp_advert a;
	w.source = ip(LL);
	size_t n = vrrp_pkt_write(&w, 150, &to, room);
	memset(room + n, 0x5a, VRRP_TRAILER);
	struct vrrp_datagram d = { ip(LL), to, 255, room, n + VRRP_TRAILER };
	w.source = ip(ME6);
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, true, &a), VRRP_DISCARD_CHECKSUM);
	vrrp_pkt_sum6(&d.from, &to, room, n + VRRP_TRAILER);
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, true, &a), VRRP_DISCARD_NONE);
	ck_assert_uint_eq(a.trailer, n);
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, false, &a), VRRP_DISCARD_LENGTH);
	room[n] ^= 1;
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, true, &a), VRRP_DISCARD_CHECKSUM);
	vrrp_pkt_sum6(&d.from, &to, room, n); /* and without: the golden one again */
	ck_assert(room[6] == 0x49 && room[7] == 0x6b);
}
END_TEST

START_TEST(each_reason_has_its_word)
{
	for (size_t i = 0; i < VRRP_DISCARD_COUNT_OF; i++) {
		ck_assert_msg(vrrp_discards[i].name && vrrp_discards[i].help, "row %zu", i);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(vrrp_discards[i].name, vrrp_discards[j].name);
	}
	ck_assert_str_eq(vrrp_discards[VRRP_DISCARD_CHECKSUM].name, "checksum");
	struct lb_ip group4 = vrrp_group_address(AF_INET), group6 = vrrp_group_address(AF_INET6);
	struct lb_ip want4 = ip(GROUP4), want6 = ip(GROUP6);
	ck_assert(lb_ip_cmp(&group4, &want4) == 0 && lb_ip_cmp(&group6, &want6) == 0);
}
END_TEST

/* ---- random instances ---- */

static struct lb_ip random_ip(uint64_t *state, uint8_t family, bool link_local)
{
	struct lb_ip out = { .family = family };
	for (int i = 0; i < (family == AF_INET ? 4 : 16); i++)
		out.b[i] = (uint8_t)random_of(state);
	out.b[0] = family == AF_INET ? 10 : 0xfd;
	if (link_local && family == AF_INET6) {
		out.b[0] = 0xfe;
		out.b[1] = 0x80;
	}
	return out;
}

static struct vrrp_wire random_wire(uint64_t *s, struct lb_ip addrs[VRRP_ADDRS_MAX], struct lb_ip peers[1])
{
	struct vrrp_wire w = { .version = random_of(s) % 3 ? 3 : 2, .addrs = addrs, .peers = peers };
	w.family = w.version == 3 && random_of(s) % 2 ? AF_INET6 : AF_INET;
	w.vrid = (uint8_t)(1 + random_of(s) % 255);
	w.sum = random_of(s) % 2 ? VRRP_SUM_RFC5798 : VRRP_SUM_RFC9568;
	w.interval_cs = (uint32_t)(w.version == 2 ? 100 * (1 + random_of(s) % 255) : 1 + random_of(s) % 4095);
	w.n_addrs = 1 + random_of(s) % VRRP_ADDRS_MAX;
	for (size_t i = 0; i < w.n_addrs; i++)
		addrs[i] = random_ip(s, w.family, i == 0);
	w.n_peers = random_of(s) % 2;
	peers[0] = random_ip(s, w.family, true);
	w.min_ttl = (uint8_t)random_of(s);
	w.with_password = w.version == 2 && random_of(s) % 2;
	for (int i = 0; i < VRRP_PASSWORD; i++)
		w.password[i] = (uint8_t)random_of(s);
	return w;
}

static void shuffle(uint64_t *s, struct lb_ip *v, size_t n)
{
	for (size_t i = n; i-- > 1;) {
		size_t j = random_of(s) % (i + 1);
		struct lb_ip swap = v[i];
		v[i] = v[j];
		v[j] = swap;
	}
}

static void round_trip(int seed)
{
	uint64_t s = (uint64_t)seed * 1000003;
	struct lb_ip addrs[VRRP_ADDRS_MAX], peers[1];
	struct vrrp_wire w = random_wire(&s, addrs, peers);
	struct lb_ip us = random_ip(&s, w.family, true), to = w.n_peers ? us : vrrp_group_address(w.family);
	uint8_t prio = (uint8_t)random_of(&s), room[VRRP_PKT_MAX];
	struct vrrp_advert a;
	w.source = peers[0];
	size_t n = vrrp_pkt_write(&w, prio, &to, room);
	ck_assert_msg(n <= VRRP_PKT_MAX - VRRP_TRAILER, "seed %d", seed);
	uint8_t *copy = exact(room, n);
	struct vrrp_datagram d = { peers[0], to, w.n_peers ? w.min_ttl : 255, copy, n };
	w.source = us;
	shuffle(&s, addrs + 1, w.n_addrs - 1);
	enum vrrp_discard why = vrrp_pkt_read(&w, &d, random_of(&s) % 2, &a);
	ck_assert_msg(why == VRRP_DISCARD_NONE, "seed %d: %s", seed, vrrp_discards[why].name);
	ck_assert_msg(a.vrid == w.vrid && a.prio == prio && a.count == w.n_addrs, "seed %d", seed);
	ck_assert_msg(a.interval_cs == w.interval_cs && !a.interval_differs && !a.addrs_differ, "seed %d", seed);
	ck_assert_msg(a.sum == (w.version == 3 && w.family == AF_INET ? w.sum : VRRP_SUM_RFC5798), "seed %d", seed);
	addrs[random_of(&s) % w.n_addrs].b[3] ^= 1;
	ck_assert_msg(vrrp_pkt_read(&w, &d, false, &a) == VRRP_DISCARD_NONE && a.addrs_differ, "seed %d", seed);
	free(copy);
}

START_TEST(what_is_written_is_read)
{
	for (int seed = 0; seed < SEEDS; seed++)
		round_trip(seed);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp_pkt");
	TCase *t = tcase_create("adverts");
	tcase_add_loop_test(t, is_written_as_captured, 0, LEN(golden));
	tcase_add_loop_test(t, is_read_as_captured, 0, LEN(golden));
	tcase_add_loop_test(t, is_cut_at_every_byte, 0, LEN(golden));
	tcase_add_loop_test(t, each_bit_counts, 0, LEN(golden));
	tcase_add_loop_test(t, one_rule_is_broken, 0, LEN(frames));
	tcase_add_loop_test(t, the_first_broken_rule_is_the_reason, 0, LEN(rules));
	tcase_add_test(t, an_instance_without_password);
	tcase_add_test(t, unicast_may_come_over_routers);
	tcase_add_test(t, as_many_addresses_as_can_be_counted);
	tcase_add_loop_test(t, ip4_headers_as_captured, 0, LEN(headers));
	tcase_add_test(t, headers_of_frames);
	tcase_add_loop_test(t, ip4_packets_are_split, 0, LEN(splits));
	tcase_add_test(t, a_header_without_any_message);
	tcase_add_test(t, options_and_padding_around_a_good_frame);
	tcase_add_test(t, a_peer_may_have_255_addresses);
	tcase_add_test(t, an_ip6_sum_covers_the_trailer);
	tcase_add_test(t, each_reason_has_its_word);
	tcase_add_test(t, what_is_written_is_read);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
