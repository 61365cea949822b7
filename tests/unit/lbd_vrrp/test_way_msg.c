/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/way_msg.h"

#include "lbd/vrrp/vip_msg.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct route full4 = { .table = 100,
	.metric = 10,
	.to = { AF_INET, { 198, 51, 100 } },
	.via = { AF_INET, { 10, 0, 0, 1 } },
	.source = { AF_INET, { 10, 0, 0, 2 } },
	.prefix = 24,
	.dev = "wan0" };
static const struct route bare4 = { .table = 0x1000, .to.family = AF_INET, .dev = "wan0" };
static const struct route full6 = { .table = 254,
	.metric = 10,
	.to = { AF_INET6, { 0xfd } },
	.via = { AF_INET6, { 0xfe, 0x80 } },
	.source = { AF_INET6, { 0xfd, 1 } },
	.prefix = 8 };
static const struct route bare6 = { .table = 254, .to.family = AF_INET6 };
static const struct rule rule4 = { .table = 100,
	.priority = 1000,
	.fwmark = 7,
	.from = { AF_INET, { 10 } },
	.to = { AF_INET, { 198, 51 } },
	.from_prefix = 8,
	.to_prefix = 16 };
static const struct rule rule6 = {
	.table = 100, .priority = 1, .from = { AF_INET6, { 0xfd } }, .to.family = AF_INET6, .from_prefix = 8
};
/* the longest that there is */
static const struct rule long6 = { 1, 2, 3, { AF_INET6, { 0xfd } }, { AF_INET6, { 0xfe } }, 8, 8 };

/* The machine is taken as little-endian, as the kernel's words are in its order. */
#define HEAD(n, type, flags) n "\0\0\0" type "\0" flags "\x44\x33\x22\x11\0\0\0\0"
#define U32(type, value)     "\x08\0" type "\0" value
#define IP4(type, value)     "\x08\0" type "\0" value
#define ZEROS14              "\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define IP6(type, a, b)      "\x14\0" type "\0" a b ZEROS14
#define PROTO                "\5\0\x15\0\xec\0\0\0"

static const struct {
	const char *what;
	int kind; /* 0 add, 1 del, 2 dump of routes, 3 of rules */
	const struct route *route;
	const struct rule *rule;
	uint8_t family;
	size_t n;
	const char *bytes;
} requests[] = {
	{ "a route with everything", 0, &full4, NULL, 0, 76,
		HEAD("\x4c", "\x18", "\5\6") "\2\x18\0\0\0\xec\0\1\0\0\0\0" IP4("\1", "\xc6\x33\x64\0")
			U32("\x0f", "\x64\0\0\0") U32("\6", "\x0a\0\0\0") U32("\4", "\7\0\0\0") IP4("\5", "\x0a\0\0\1")
				IP4("\7", "\x0a\0\0\2") },
	{ "a default route to the card itself: of that link", 0, &bare4, NULL, 0, 52,
		HEAD("\x34", "\x18", "\5\6") "\2\0\0\0\0\xec\xfd\1\0\0\0\0" U32("\x0f", "\0\x10\0\0")
			U32("\6", "\0\0\0\0") U32("\4", "\7\0\0\0") },
	{ "removed: whatever its next hop", 1, &full4, NULL, 0, 52,
		HEAD("\x34", "\x19", "\5\0") "\2\x18\0\0\0\xec\xff\1\0\0\0\0" IP4("\1", "\xc6\x33\x64\0")
			U32("\x0f", "\x64\0\0\0") U32("\6", "\x0a\0\0\0") },
	{ "an IPv6 route with everything", 0, &full6, NULL, 0, 112,
		HEAD("\x70", "\x18", "\5\6") "\x0a\x08\0\0\0\xec\0\1\0\0\0\0" IP6("\1", "\xfd", "\0")
			U32("\x0f", "\xfe\0\0\0") U32("\6", "\x0a\0\0\0") U32("\4", "\7\0\0\0")
				IP6("\5", "\xfe", "\x80") IP6("\7", "\xfd", "\1") },
	{ "an IPv6 route without a metric has that of the kernel", 1, &bare6, NULL, 0, 44,
		HEAD("\x2c", "\x19", "\5\0") "\x0a\0\0\0\0\xec\xff\1\0\0\0\0" U32("\x0f", "\xfe\0\0\0")
			U32("\6", "\0\4\0\0") },
	{ "a rule with everything", 0, NULL, &rule4, 0, 76,
		HEAD("\x4c", "\x20", "\5\6") "\2\x10\x08\0\0\0\0\1\0\0\0\0" IP4("\2", "\x0a\0\0\0")
			IP4("\1", "\xc6\x33\0\0") U32("\x0f", "\x64\0\0\0") U32("\6", "\xe8\3\0\0")
				U32("\x0a", "\7\0\0\0") PROTO },
	{ "removed", 1, NULL, &rule4, 0, 76,
		HEAD("\x4c", "\x21", "\5\0") "\2\x10\x08\0\0\0\0\1\0\0\0\0" IP4("\2", "\x0a\0\0\0")
			IP4("\1", "\xc6\x33\0\0") U32("\x0f", "\x64\0\0\0") U32("\6", "\xe8\3\0\0")
				U32("\x0a", "\7\0\0\0") PROTO },
	{ "an IPv6 rule", 0, NULL, &rule6, 0, 72,
		HEAD("\x48", "\x20", "\5\6") "\x0a\0\x08\0\0\0\0\1\0\0\0\0" IP6("\2", "\xfd", "\0")
			U32("\x0f", "\x64\0\0\0") U32("\6", "\1\0\0\0") PROTO },
	{ "the longest rule", 0, NULL, &long6, 0, 100,
		HEAD("\x64", "\x20", "\5\6") "\x0a\x08\x08\0\0\0\0\1\0\0\0\0" IP6("\2", "\xfd", "\0") IP6("\1", "\xfe",
			"\0") U32("\x0f", "\1\0\0\0") U32("\6", "\2\0\0\0") U32("\x0a", "\3\0\0\0") PROTO },
	{ "all routes of ours", 2, NULL, NULL, AF_INET, 28, HEAD("\x1c", "\x1a", "\1\3") "\2\0\0\0\0\xec\0\0\0\0\0\0" },
	{ "those of IPv6", 2, NULL, NULL, AF_INET6, 28, HEAD("\x1c", "\x1a", "\1\3") "\x0a\0\0\0\0\xec\0\0\0\0\0\0" },
	{ "all rules", 3, NULL, NULL, 0, 28, HEAD("\x1c", "\x22", "\1\3") "\0\0\0\0\0\0\0\0\0\0\0\0" },
};

static struct way way_at(size_t i)
{
	return requests[i].rule ? way_of_rule(requests[i].rule) : way_of_route(requests[i].route);
}

static int request(struct vip_batch *b, size_t i)
{
	struct way w;
	switch (requests[i].kind) {
	case 0: w = way_at(i); return way_msg_add(b, 0x11223344, 7, &w);
	case 1: w = way_at(i); return way_msg_del(b, 0x11223344, &w);
	case 2: return way_msg_dump_routes(b, 0x11223344, requests[i].family);
	default: return way_msg_dump_rules(b, 0x11223344);
	}
}

START_TEST(golden_requests)
{
	uint8_t buf[2 * VIP_MSG_MAX];
	for (size_t cap = 0; cap <= requests[_i].n; cap++) {
		struct vip_batch b = { buf, 3 + cap, 3 };
		int err = request(&b, (size_t)_i);
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

/* A request to add reads like the kernel's word of it, but for the name of the card. */
START_TEST(what_was_written_is_read)
{
	uint8_t buf[VIP_MSG_MAX];
	struct vip_batch b = { buf, sizeof(buf), 0 };
	struct vip_heard h;
	size_t at = 0;
	if (requests[_i].kind != 0)
		return;
	struct way w = way_at((size_t)_i);
	ck_assert_int_eq(way_msg_add(&b, 5, 7, &w), 0);
	ck_assert_int_eq(vip_msg_next(buf, b.len, &at, &h), 1);
	ck_assert(h.type == VIP_HEARD_WAY && h.seq == 5 && h.way.kind == w.kind);
	if (w.kind == WAY_ROUTE)
		memset(w.u.route.dev, 0, sizeof(w.u.route.dev));
	if (w.kind == WAY_ROUTE)
		ck_assert_mem_eq(&h.way.u.route, &w.u.route, sizeof(w.u.route));
	else
		ck_assert_mem_eq(&h.way.u.rule, &w.u.rule, sizeof(w.u.rule));
}
END_TEST

/* ---- what the kernel says ---- */

#define MSG(n, type, rest) n "\0\0\0" type "\0\0\0\1\0\0\0\0\0\0\0" rest
#define BYTES(s)           s, sizeof(s) - 1

static const struct {
	const char *what, *bytes;
	size_t n;
	int rc;
	enum vip_heard_type type;
} said[] = {
	{ "a route of ours", BYTES(MSG("\x1c", "\x18", "\2\0\0\0\xfe\xec\0\1\0\0\0\0")), 1, VIP_HEARD_WAY },
	{ "of somebody else", BYTES(MSG("\x1c", "\x18", "\2\0\0\0\xfe\x03\0\1\0\0\0\0")), 1, VIP_HEARD_OTHER },
	{ "a copy that the kernel made", BYTES(MSG("\x1c", "\x18", "\2\0\0\0\xfe\xec\0\1\0\2\0\0")), 1,
		VIP_HEARD_OTHER },
	{ "of another family", BYTES(MSG("\x1c", "\x18", "\x1c\0\0\0\xfe\xec\0\1\0\0\0\0")), 1, VIP_HEARD_OTHER },
	{ "33 bits", BYTES(MSG("\x1c", "\x18", "\2\x21\0\0\xfe\xec\0\1\0\0\0\0")), 1, VIP_HEARD_OTHER },
	{ "129 bits", BYTES(MSG("\x1c", "\x18", "\x0a\x81\0\0\xfe\xec\0\1\0\0\0\0")), 1, VIP_HEARD_OTHER },
	{ "an address of IPv6 in a route of IPv4",
		BYTES(MSG("\x30", "\x18", "\2\x08\0\0\xfe\xec\0\1\0\0\0\0" IP6("\1", "\xfd", "\0"))), 1,
		VIP_HEARD_OTHER },
	{ "the other way round", BYTES(MSG("\x24", "\x18", "\x0a\x08\0\0\xfe\xec\0\1\0\0\0\0" IP4("\5", "\x0a\0\0\1"))),
		1, VIP_HEARD_OTHER },
	{ "a source of one byte", BYTES(MSG("\x24", "\x18", "\2\x08\0\0\xfe\xec\0\1\0\0\0\0\5\0\7\0\1\0\0\0")), 1,
		VIP_HEARD_OTHER },
	{ "a route that is cut", BYTES(MSG("\x18", "\x18", "\2\0\0\0\xfe\xec\0\1")), -EBADMSG, VIP_HEARD_OTHER },
	{ "an attribute beyond the end", BYTES(MSG("\x20", "\x18", "\2\0\0\0\xfe\xec\0\1\0\0\0\0\x09\0\1\0")), -EBADMSG,
		VIP_HEARD_OTHER },
	{ "a rule of ours", BYTES(MSG("\x24", "\x20", "\2\0\0\0\x64\0\0\1\0\0\0\0" PROTO)), 1, VIP_HEARD_WAY },
	{ "of somebody else", BYTES(MSG("\x24", "\x20", "\2\0\0\0\x64\0\0\1\0\0\0\0\5\0\x15\0\2\0\0\0")), 1,
		VIP_HEARD_OTHER },
	{ "of nobody: an old kernel", BYTES(MSG("\x1c", "\x20", "\2\0\0\0\x64\0\0\1\0\0\0\0")), 1, VIP_HEARD_OTHER },
	{ "of multicast", BYTES(MSG("\x24", "\x20", "\x80\0\0\0\x64\0\0\1\0\0\0\0" PROTO)), 1, VIP_HEARD_OTHER },
	{ "from 33 bits", BYTES(MSG("\x24", "\x20", "\2\0\x21\0\x64\0\0\1\0\0\0\0" PROTO)), 1, VIP_HEARD_OTHER },
	{ "to 33 bits", BYTES(MSG("\x24", "\x20", "\2\x21\0\0\x64\0\0\1\0\0\0\0" PROTO)), 1, VIP_HEARD_OTHER },
	{ "from an address of IPv6",
		BYTES(MSG("\x38", "\x20", "\2\0\x08\0\x64\0\0\1\0\0\0\0" IP6("\2", "\xfd", "\0") PROTO)), 1,
		VIP_HEARD_OTHER },
	{ "a rule that is cut", BYTES(MSG("\x18", "\x20", "\2\0\0\0\x64\0\0\1")), -EBADMSG, VIP_HEARD_OTHER },
	{ "a rule that is gone is not looked at", BYTES(MSG("\x24", "\x21", "\2\0\0\0\x64\0\0\1\0\0\0\0" PROTO)), 1,
		VIP_HEARD_OTHER },
};

START_TEST(what_the_kernel_says)
{
	struct vip_heard h;
	size_t at = 0;
	/* in memory of its own length: a sanitizer sees a read behind it */
	uint8_t *copy = malloc(said[_i].n);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, said[_i].bytes, said[_i].n);
	int rc = vip_msg_next(copy, said[_i].n, &at, &h);
	ck_assert_msg(rc == said[_i].rc, "%s: %d", said[_i].what, rc);
	ck_assert_msg(rc < 0 || h.type == said[_i].type, "%s: type %d", said[_i].what, h.type);
	if (rc > 0 && h.type == VIP_HEARD_WAY)
		ck_assert_uint_eq(h.way.kind == WAY_ROUTE ? h.way.u.route.table : h.way.u.rule.table,
			h.way.kind == WAY_ROUTE ? 254 : 100);
	free(copy);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("way_msg");
	TCase *tc = tcase_create("messages");
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, golden_requests, 0, LEN(requests));
	tcase_add_loop_test(tc, what_was_written_is_read, 0, LEN(requests));
	tcase_add_loop_test(tc, what_the_kernel_says, 0, LEN(said));
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
