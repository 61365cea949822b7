/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vip_msg.h"

#include <check.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct vip v4 = { { AF_INET, { 10, 0, 0, 100 } }, 32 };
static const struct vip v6 = { { AF_INET6, { 0xfd, [15] = 0x64 } }, 128 };

/* ---- requests; the machine is taken as little-endian, as the kernel's words are in its order ---- */

#define A4                   "\x08\0\2\0\x0a\0\0\x64\x08\0\1\0\x0a\0\0\x64"
#define FD64                 "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x64"
#define A6                   "\x14\0\2\0" FD64 "\x14\0\1\0" FD64
#define HEAD(n, type, flags) n "\0\0\0" type "\0" flags "\x44\x33\x22\x11\0\0\0\0"
#define LIFE(p, v)           "\x14\0\6\0" p v "\0\0\0\0\0\0\0\0"
#define MARK                 "\5\0\x0b\0\x6c\0\0\0"

static const struct {
	const char *what;
	int kind; /* 0 add, 1 del, 2 links, 3 addresses */
	const struct vip *v;
	uint32_t lease_s, metric;
	size_t n;
	const char *bytes;
} requests[] = {
	{ "IPv4 with a lease of 3 s", 0, &v4, 3, 0, 76,
		HEAD("\x4c", "\x14", "\5\5") "\2\x20\0\0\7\0\0\0" A4 LIFE(
			"\3\0\0\0", "\3\0\0\0") "\x08\0\x08\0\0\0\0\0" MARK },
	{ "for ever", 0, &v4, 0, 0, 76,
		HEAD("\x4c", "\x14", "\5\5") "\2\x20\0\0\7\0\0\0" A4 LIFE(
			"\xff\xff\xff\xff", "\xff\xff\xff\xff") "\x08\0\x08\0\0\0\0\0" MARK },
	{ "the host's own: without our label", 0, &v4, VIP_HOSTS_OWN, 0, 68,
		HEAD("\x44", "\x14", "\5\5") "\2\x20\0\0\7\0\0\0" A4 LIFE(
			"\xff\xff\xff\xff", "\xff\xff\xff\xff") "\x08\0\x08\0\0\0\0\0" },
	{ "IPv6: without duplicate detection, deprecated", 0, &v6, 3, 0, 100,
		HEAD("\x64", "\x14", "\5\5") "\x0a\x80\0\0\7\0\0\0" A6 LIFE(
			"\0\0\0\0", "\3\0\0\0") "\x08\0\x08\0\2\0\0\0" MARK },
	{ "behind other routes to its subnet", 0, &v4, 3, 4096, 84,
		HEAD("\x54", "\x14", "\5\5") "\2\x20\0\0\7\0\0\0" A4 LIFE(
			"\3\0\0\0", "\3\0\0\0") "\x08\0\x08\0\0\0\0\0\x08\0\x09\0\0\x10\0\0" MARK },
	{ "IPv4 removed", 1, &v4, 0, 0, 40, HEAD("\x28", "\x15", "\5\0") "\2\x20\0\0\7\0\0\0" A4 },
	{ "IPv6 removed", 1, &v6, 0, 0, 64, HEAD("\x40", "\x15", "\5\0") "\x0a\x80\0\0\7\0\0\0" A6 },
	{ "all links, without their counters", 2, NULL, 0, 0, 40,
		HEAD("\x28", "\x12", "\1\3") "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\x1d\0\x08\0\0\0" },
	{ "all addresses", 3, NULL, 0, 0, 24, HEAD("\x18", "\x16", "\1\3") "\0\0\0\0\0\0\0\0" },
};

static int request(struct vip_batch *b, size_t i)
{
	switch (requests[i].kind) {
	case 0: return vip_msg_add(b, 0x11223344, 7, requests[i].v, requests[i].lease_s, requests[i].metric);
	case 1: return vip_msg_del(b, 0x11223344, 7, requests[i].v);
	case 2: return vip_msg_dump_links(b, 0x11223344);
	default: return vip_msg_dump_addrs(b, 0x11223344);
	}
}

START_TEST(golden_requests)
{
	uint8_t buf[2 * VIP_MSG_MAX];
	for (size_t cap = 0; cap <= requests[_i].n; cap++) {
		struct vip_batch b = { buf, 3 + cap, 3 };
		int err = request(&b, _i);
		bool fits = cap >= requests[_i].n;
		ck_assert_msg(err == (fits ? 0 : -EMSGSIZE), "%s: %d at %zu", requests[_i].what, err, cap);
		ck_assert_uint_eq(b.len, 3 + (fits ? requests[_i].n : 0));
	}
	ck_assert_uint_le(requests[_i].n, VIP_MSG_MAX);
	for (size_t i = 0; i < requests[_i].n; i++)
		ck_assert_msg(buf[3 + i] == (uint8_t)requests[_i].bytes[i], "%s: byte %zu is %02x", requests[_i].what,
			i, buf[3 + i]);
}
END_TEST

/* A request to add reads like the word that it was done. */
START_TEST(what_was_written_is_read)
{
	uint8_t buf[4 * VIP_MSG_MAX];
	struct vip_batch b = { buf, sizeof(buf), 0 };
	struct vip_heard h;
	size_t at = 0;
	ck_assert_int_eq(vip_msg_add(&b, 1, 7, &v4, 3, 0), 0);
	ck_assert_int_eq(vip_msg_del(&b, 2, 8, &v6), 0);
	ck_assert_int_eq(vip_msg_add(&b, 3, 9, &v6, 3, 0), 0);
	ck_assert_int_eq(vip_msg_next(buf, b.len, &at, &h), 1);
	ck_assert(h.type == VIP_HEARD_ADDR && h.seq == 1 && h.index == 7 && h.proto == VIP_LABEL_PROTO);
	ck_assert_mem_eq(&h.addr, &v4, sizeof(v4));
	ck_assert_int_eq(vip_msg_next(buf, b.len, &at, &h), 1);
	ck_assert(h.type == VIP_HEARD_ADDR_GONE && h.seq == 2 && h.index == 8 && h.proto == 0);
	ck_assert_mem_eq(&h.addr, &v6, sizeof(v6));
	ck_assert_int_eq(vip_msg_next(buf, b.len, &at, &h), 1);
	ck_assert(h.type == VIP_HEARD_ADDR && h.index == 9 && !h.unfit && !h.secondary);
	ck_assert_int_eq(vip_msg_next(buf, b.len, &at, &h), 0);
	ck_assert_uint_eq(at, b.len);
}
END_TEST

/* ---- what the kernel says ---- */

#define MSG(n, type, rest) n "\0\0\0" type "\0\0\0\1\0\0\0\0\0\0\0" rest
#define LINK(flags)        "\0\0\1\0\5\0\0\0" flags "\0\0\0\0"
#define NAME               "\x09\0\3\0eth0\0\0\0\0"
#define MAC                "\x0a\0\1\0\2\3\4\5\6\7\0\0"
#define ALL_UP             "\x43\x10\1\0" /* up, running, lower up */
#define BYTES(s)           s, sizeof(s) - 1

static const struct {
	const char *what, *bytes;
	size_t n;
	int rc;
	enum vip_heard_type type;
	bool up, mac, flag; /* flag: has_mac, secondary, unfit, interrupted */
	int err;
} said[] = {
	{ "a card that is up", BYTES(MSG("\x38", "\x10", LINK(ALL_UP) NAME MAC)), 1, VIP_HEARD_LINK, true, true, true,
		0 },
	{ "not running", BYTES(MSG("\x38", "\x10", LINK("\x03\x10\1\0") NAME MAC)), 1, VIP_HEARD_LINK, false, true,
		true, 0 },
	{ "no carrier", BYTES(MSG("\x38", "\x10", LINK("\x43\x10\0\0") NAME MAC)), 1, VIP_HEARD_LINK, false, true, true,
		0 },
	{ "administratively down", BYTES(MSG("\x38", "\x10", LINK("\x42\x10\1\0") NAME MAC)), 1, VIP_HEARD_LINK, false,
		true, true, 0 },
	{ "not a word of a MAC", BYTES(MSG("\x2c", "\x10", LINK(ALL_UP) NAME)), 1, VIP_HEARD_LINK, true, false, false,
		0 },
	{ "no Ethernet", BYTES(MSG("\x38", "\x10", "\0\0\x04\3\5\0\0\0" ALL_UP "\0\0\0\0" NAME MAC)), 1, VIP_HEARD_LINK,
		true, true, false, 0 },
	{ "a card without a name", BYTES(MSG("\x20", "\x10", LINK(ALL_UP))), 1, VIP_HEARD_OTHER, false, false, false,
		0 },
	{ "a name without an end", BYTES(MSG("\x28", "\x10", LINK(ALL_UP) "\x08\0\3\0eth0")), 1, VIP_HEARD_OTHER, false,
		false, false, 0 },
	{ "a name of 16 characters", BYTES(MSG("\x38", "\x10", LINK(ALL_UP) "\x15\0\3\0aaaaaaaaaaaaaaaa\0\0\0\0")), 1,
		VIP_HEARD_OTHER, false, false, false, 0 },
	{ "a card that is gone", BYTES(MSG("\x2c", "\x11", LINK(ALL_UP) NAME)), 1, VIP_HEARD_LINK_GONE, false, false,
		false, 0 },
	{ "a port that left its bridge is not gone",
		BYTES(MSG("\x2c", "\x11", "\7\0\1\0\5\0\0\0" ALL_UP "\0\0\0\0" NAME)), 1, VIP_HEARD_OTHER, false, false,
		false, 0 },
	{ "an attribute longer than its message", BYTES(MSG("\x28", "\x10", LINK(ALL_UP) "\x09\0\3\0eth0")), -EBADMSG,
		0, false, false, false, 0 },
	{ "an attribute shorter than itself", BYTES(MSG("\x28", "\x10", LINK(ALL_UP) "\3\0\3\0eth0")), -EBADMSG, 0,
		false, false, false, 0 },
	{ "half a head of a card", BYTES(MSG("\x1c", "\x10", "\0\0\1\0\5\0\0\0\0\0\0\0")), -EBADMSG, 0, false, false,
		false, 0 },
	{ "a secondary address", BYTES(MSG("\x20", "\x14", "\2\x18\1\0\5\0\0\0\x08\0\2\0\x0a\0\0\2")), 1,
		VIP_HEARD_ADDR, false, false, true, 0 },
	{ "a tentative one, in the long flags",
		BYTES(MSG("\x34", "\x14", "\x0a\x40\0\xfd\5\0\0\0\x14\0\1\0" FD64 "\x08\0\x08\0\x40\0\0\0")), 1,
		VIP_HEARD_ADDR, false, false, true, 0 },
	{ "one that was a duplicate", BYTES(MSG("\x2c", "\x14", "\x0a\x40\x08\xfd\5\0\0\0\x14\0\1\0" FD64)), 1,
		VIP_HEARD_ADDR, false, false, true, 0 },
	{ "a temporary one is not secondary", BYTES(MSG("\x2c", "\x14", "\x0a\x40\1\xfd\5\0\0\0\x14\0\1\0" FD64)), 1,
		VIP_HEARD_ADDR, false, false, false, 0 },
	{ "an address of another family", BYTES(MSG("\x20", "\x14", "\7\x18\1\0\5\0\0\0\x08\0\2\0\x0a\0\0\2")), 1,
		VIP_HEARD_OTHER, false, false, false, 0 },
	{ "of another length", BYTES(MSG("\x20", "\x14", "\x0a\x18\1\0\5\0\0\0\x08\0\2\0\x0a\0\0\2")), 1,
		VIP_HEARD_OTHER, false, false, false, 0 },
	{ "a prefix too long", BYTES(MSG("\x20", "\x14", "\2\x21\1\0\5\0\0\0\x08\0\2\0\x0a\0\0\2")), 1, VIP_HEARD_OTHER,
		false, false, false, 0 },
	{ "half a head of an address", BYTES(MSG("\x14", "\x14", "\2\x18\1\0")), -EBADMSG, 0, false, false, false, 0 },
	{ "done", BYTES(MSG("\x24", "\2", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")), 1, VIP_HEARD_STATUS, false,
		false, false, 0 },
	{ "not permitted", BYTES(MSG("\x14", "\2", "\xff\xff\xff\xff")), 1, VIP_HEARD_STATUS, false, false, false,
		EPERM },
	{ "an error that is none", BYTES(MSG("\x14", "\2", "\1\0\0\0")), 1, VIP_HEARD_STATUS, false, false, false,
		EPROTO },
	{ "no errno at all", BYTES(MSG("\x10", "\2", "")), -EBADMSG, 0, false, false, false, 0 },
	{ "the end of a dump", BYTES(MSG("\x14", "\3", "\0\0\0\0")), 1, VIP_HEARD_DONE, false, false, false, 0 },
	{ "without its number", BYTES(MSG("\x10", "\3", "")), 1, VIP_HEARD_DONE, false, false, false, 0 },
	{ "interrupted", BYTES("\x14\0\0\0\3\0\x12\0\1\0\0\0\0\0\0\0\0\0\0\0"), 1, VIP_HEARD_DONE, false, false, true,
		0 },
	{ "something else", BYTES(MSG("\x14", "\x1c", "\0\0\0\0")), 1, VIP_HEARD_OTHER, false, false, false, 0 },
	{ "a message longer than the datagram", BYTES(MSG("\x18", "\x18", "\0\0\0\0")), -EBADMSG, 0, false, false,
		false, 0 },
	{ "shorter than its own head", BYTES(MSG("\x0f", "\x18", "\0\0\0\0")), -EBADMSG, 0, false, false, false, 0 },
	{ "half a head", BYTES("\x10\0\0\0\x18\0\0"), -EBADMSG, 0, false, false, false, 0 },
};

START_TEST(what_the_kernel_says)
{
	struct vip_heard h = { 0 };
	size_t at = 0, n = said[_i].n;
	uint8_t *copy = malloc(n); /* exact, for the sanitizer */
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, said[_i].bytes, n);
	int rc = vip_msg_next(copy, n, &at, &h);
	ck_assert_msg(rc == said[_i].rc, "%s: %d", said[_i].what, rc);
	if (rc > 0) {
		bool flag = h.has_mac || h.secondary || h.unfit || h.interrupted;
		ck_assert_msg(h.type == said[_i].type && h.up == said[_i].up && h.mac_said == said[_i].mac &&
				      flag == said[_i].flag && h.err == said[_i].err,
			"%s: type %d up %d mac %d flag %d err %d", said[_i].what, h.type, h.up, h.mac_said, flag,
			h.err);
		ck_assert_uint_eq(at, n);
		ck_assert(h.type != VIP_HEARD_LINK || (h.index == 5 && strcmp(h.name, "eth0") == 0));
		ck_assert(!h.has_mac || memcmp(h.mac, "\2\3\4\5\6\7", 6) == 0);
	}
	for (size_t cut = 1; cut < n; cut++) {
		uint8_t *part = malloc(cut);
		ck_assert_ptr_nonnull(part);
		memcpy(part, said[_i].bytes, cut);
		at = 0;
		ck_assert_int_eq(vip_msg_next(part, cut, &at, &h), -EBADMSG);
		free(part);
	}
	free(copy);
}
END_TEST

/* As Linux 6.18 tells of them, without what is not read. */
#define ON_7      "\x08\0\5\0\7\0\0\0"
#define PART_OF_9 "\x08\0\x0a\0\x09\0\0\0" /* IFLA_MASTER */

static const struct {
	const char *what, *bytes;
	size_t n;
	bool on, macvlan;
	int link;
	bool deaf;
} devices[] = {
	{ "a macvlan on card 7",
		BYTES(MSG("\x50", "\x10", LINK(ALL_UP) NAME MAC ON_7 "\x10\0\x12\0\x0c\0\1\0macvlan\0")), true, true, 7,
		false },
	{ "its card is down",
		BYTES(MSG("\x50", "\x10", LINK("\x03\x10\0\0") NAME MAC ON_7 "\x10\0\x12\0\x0c\0\1\0macvlan\0")), true,
		true, 7, false },
	{ "it is down itself",
		BYTES(MSG("\x50", "\x10", LINK("\x02\x10\0\0") NAME MAC ON_7 "\x10\0\x12\0\x0c\0\1\0macvlan\0")), false,
		true, 7, false },
	{ "a macvtap is none", BYTES(MSG("\x50", "\x10", LINK(ALL_UP) NAME MAC ON_7 "\x10\0\x12\0\x0c\0\1\0macvtap\0")),
		true, false, 7, false },
	{ "one whose kind has no end is none",
		BYTES(MSG("\x50", "\x10", LINK(ALL_UP) NAME MAC ON_7 "\x10\0\x12\0\x0b\0\1\0macvlan\0")), true, false,
		7, false },
	{ "a card that is on nothing", BYTES(MSG("\x38", "\x10", LINK(ALL_UP) NAME MAC)), true, false, 0, false },
	{ "one in a bridge",
		BYTES(MSG("\x50", "\x10", LINK(ALL_UP) NAME MAC PART_OF_9 "\x10\0\x12\0\x0b\0\4\0bridge\0\0")), true,
		false, 0, true },
	{ "one in a VRF hears",
		BYTES(MSG("\x4c", "\x10", LINK(ALL_UP) NAME MAC PART_OF_9 "\x0c\0\x12\0\x08\0\4\0vrf\0")), true, false,
		0, false },
	{ "one that is part of who knows what", BYTES(MSG("\x40", "\x10", LINK(ALL_UP) NAME MAC PART_OF_9)), true,
		false, 0, false },
};

START_TEST(what_a_device_is)
{
	struct vip_heard h;
	size_t at = 0;
	ck_assert_int_eq(vip_msg_next((const uint8_t *)devices[_i].bytes, devices[_i].n, &at, &h), 1);
	ck_assert_msg(h.type == VIP_HEARD_LINK && h.on == devices[_i].on && h.macvlan == devices[_i].macvlan &&
			      h.link == devices[_i].link && h.deaf == devices[_i].deaf,
		"%s: on %d macvlan %d link %d deaf %d", devices[_i].what, h.on, h.macvlan, h.link, h.deaf);
	ck_assert(h.arp_ignore == 0 && h.arp_announce == 0);
	ck_assert_uint_eq(h.mtu, 0);
}
END_TEST

START_TEST(its_mtu)
{
	static const char bytes[] = MSG("\x40", "\x10", LINK(ALL_UP) NAME MAC "\x08\0\4\0\xdc\5\0\0");
	struct vip_heard h;
	size_t at = 0;
	ck_assert_int_eq(vip_msg_next((const uint8_t *)bytes, sizeof(bytes) - 1, &at, &h), 1);
	ck_assert_int_eq(h.type, VIP_HEARD_LINK);
	ck_assert_uint_eq(h.mtu, 1500);
}
END_TEST

/* IPV4_DEVCONF_ARP_ANNOUNCE is 18 and ARP_IGNORE 19, counted from 1, in the array that the kernel tells. */
START_TEST(settings_of_a_card)
{
	uint8_t buf[16 + 16 + 12 + 12 + 4 + 4 + 4 + 80] = { 0 };
	const char head[] = MSG("\x94", "\x10", LINK(ALL_UP) NAME MAC);
	ck_assert_uint_eq(sizeof(buf), 0x94);
	memcpy(buf, head, sizeof(head) - 1);
	uint8_t *p = buf + sizeof(head) - 1;
	const uint8_t nests[] = { 92, 0, 26, 0x80, 88, 0, 2, 0x80, 84, 0, 1, 0 };
	memcpy(p, nests, sizeof(nests));
	for (uint32_t k = 0; k < 20; k++) {
		uint32_t value = 100 + k;
		memcpy(p + sizeof(nests) + 4 * k, &value, 4);
	}
	struct vip_heard h;
	size_t at = 0;
	ck_assert_int_eq(vip_msg_next(buf, sizeof(buf), &at, &h), 1);
	ck_assert(h.type == VIP_HEARD_LINK && h.arp_announce == 117 && h.arp_ignore == 118);
	p[4] = 93; /* a nest that is longer than the one around it */
	at = 0;
	ck_assert_int_eq(vip_msg_next(buf, sizeof(buf), &at, &h), -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vip_msg");
	TCase *tc = tcase_create("all");
	tcase_add_loop_test(tc, golden_requests, 0, LEN(requests));
	tcase_add_test(tc, what_was_written_is_read);
	tcase_add_loop_test(tc, what_the_kernel_says, 0, LEN(said));
	tcase_add_test(tc, its_mtu);
	tcase_add_loop_test(tc, what_a_device_is, 0, LEN(devices));
	tcase_add_test(tc, settings_of_a_card);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
