/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/link_msg.h"

#include "lbd/vrrp/vip_msg.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The machine is taken as little-endian, as the kernel's words are in its order. */
#define HEAD(n, type, flags)     n "\0\0\0" type "\0" flags "\x44\x33\x22\x11\0\0\0\0"
#define LINK(index, flags, mask) "\0\0\0\0" index "\0\0\0" flags "\0\0\0" mask "\0\0\0"
#define NAME                     "\x0d\0\3\0lbd4-1-v\0\0\0\0"
#define U32(type, value)         "\x08\0" type "\0" value "\0\0\0"
#define ASK(what, index)                                                                                               \
	{                                                                                                              \
		what, 5, "lbd4-1-v", index, { 0, 0, 0x5e, 0, 1, 1 }, "lbd vrrp/wan", 1, 2, 9                           \
	}

static const struct {
	const char *what;
	struct link_ask ask;
	size_t n;
	const char *bytes;
} requests[] = {
	{ "a macvlan on card 7, in mode bridge", ASK(LINK_MAKE, 7), 96,
		HEAD("\x60", "\x10", "\5\6") LINK("\0", "\0", "\0") NAME "\x0a\0\1\0\0\0\x5e\0\1\1\0\0" U32(
			"\5", "\7") "\x1c\0\x12\x80\x0c\0\1\0macvlan\0\x0c\0\2\x80" U32("\1", "\4") },
	{ "its name for people and its settings", ASK(LINK_SET, 7), 100,
		HEAD("\x64", "\x10", "\5\0") LINK("\0", "\0", "\0") NAME
		"\x10\0\x14\0lbd vrrp/wan"
		"\x24\0\x1a\x80\x20\0\2\x80\x1c\0\1\x80" U32("\x13", "\1") U32("\x12", "\2") U32("\x08", "\0") },
	{ "no address of its own making", ASK(LINK_SET6, 7), 64,
		HEAD("\x40", "\x10", "\5\0") LINK("\0", "\0", "\0") NAME
		"\x10\0\x1a\x80\x0c\0\x0a\x80\5\0\x08\0\1\0\0\0" },
	{ "its card", ASK(LINK_CARD, 7), 60,
		HEAD("\x3c", "\x10", "\5\0") LINK("\7", "\0", "\0") "\x1c\0\x1a\x80\x18\0\2\x80\x14\0\1\x80" U32(
			"\x13", "\1") U32("\x12", "\2") },
	{ "its MTU", ASK(LINK_MTU, 9), 40, HEAD("\x28", "\x10", "\5\0") LINK("\x09", "\0", "\0") U32("\4", "\x09") },
	{ "up", ASK(LINK_UP, 9), 32, HEAD("\x20", "\x10", "\5\0") LINK("\x09", "\1", "\1") },
	{ "down", ASK(LINK_DOWN, 9), 32, HEAD("\x20", "\x10", "\5\0") LINK("\x09", "\0", "\1") },
	{ "removed", ASK(LINK_DELETE, 9), 32, HEAD("\x20", "\x11", "\5\0") LINK("\x09", "\0", "\0") },
	{ "removed by its name", ASK(LINK_DELETE, 0), 48, HEAD("\x30", "\x11", "\5\0") LINK("\0", "\0", "\0") NAME },
};

START_TEST(golden_requests)
{
	uint8_t buf[2 * VIP_MSG_MAX];
	for (size_t cap = 0; cap <= requests[_i].n; cap++) {
		struct vip_batch b = { buf, 3 + cap, 3 };
		int err = link_msg_write(&b, 0x11223344, &requests[_i].ask);
		bool fits = cap >= requests[_i].n;
		ck_assert_msg(err == (fits ? 0 : -EMSGSIZE), "%s: %d at %zu", requests[_i].what, err, cap);
		ck_assert_uint_eq(b.len, 3 + (fits ? requests[_i].n : 0));
	}
	for (size_t i = 0; i < requests[_i].n; i++)
		ck_assert_msg(buf[3 + i] == (uint8_t)requests[_i].bytes[i], "%s: byte %zu is %02x", requests[_i].what,
			i, buf[3 + i]);
}
END_TEST

/* A batch has room for so many of any kind. */
START_TEST(the_longest_fits)
{
	uint8_t buf[VIP_MSG_MAX];
	for (int what = LINK_MAKE; what <= LINK_DELETE; what++) {
		struct vip_batch b = { buf, sizeof(buf), 0 };
		struct link_ask a = { .what = (enum link_what)what };
		memset(a.name, 'n', sizeof(a.name) - 1);
		memset(a.alias, 'a', sizeof(a.alias) - 1);
		ck_assert_int_eq(link_msg_write(&b, 1, &a), 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("link_msg");
	TCase *tc = tcase_create("all");
	tcase_add_loop_test(tc, golden_requests, 0, LEN(requests));
	tcase_add_test(tc, the_longest_fits);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
