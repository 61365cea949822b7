/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages about the private devices and the guard of one. */
#include "lbd/sync/tap_link_msg.h"

#include "tests/unit/lbd_sync/nlhex.h"

#include <sys/socket.h>

#define INDEX 5

static int get(struct lb_nl_batch *b)
{
	return tap_link_msg_get(b, SEQ, "lbd-tap");
}

static int new (struct lb_nl_batch *b)
{
	return tap_link_msg_new(b, SEQ, "lbd-tap", 1500);
}

static int quiet(struct lb_nl_batch *b)
{
	return tap_link_msg_quiet(b, SEQ, INDEX);
}

static int up(struct lb_nl_batch *b)
{
	return tap_link_msg_up(b, SEQ, INDEX, "lbd: sync");
}

static int address(struct lb_nl_batch *b)
{
	const struct lb_ip ip = { AF_INET, { 169, 254, 81, 1 } };
	return tap_link_msg_addr(b, SEQ, INDEX, &ip);
}

static int del(struct lb_nl_batch *b)
{
	return tap_link_msg_del(b, SEQ, INDEX);
}

static int ingress(struct lb_nl_batch *b)
{
	return tap_link_msg_ingress(b, SEQ, INDEX);
}

static int drop(struct lb_nl_batch *b)
{
	return tap_link_msg_drop(b, SEQ, INDEX);
}

static int pass(struct lb_nl_batch *b)
{
	return tap_link_msg_pass(b, SEQ, INDEX, 0x6c626449);
}

static const struct request_row requests[] = {
	{ "is it there", get,
		"34000000120005000700000000000000000000000000000000000000000000000c0003006c62642d7461700008001d00"
		"08000000" },
	{ "a dummy", new,
		"44000000100005060700000000000000000000000000000000000000000000000c0003006c62642d7461700008000400"
		"dc050000100012800a00010064756d6d79000000" },
	{ "no address of IPv6", quiet,
		"300000001300050007000000000000000000000005000000000000000000000010001a800c000a800500080001000000" },
	{ "up, with multicast, and whose it is", up,
		"30000000130005000700000000000000000000000500000001100000011000000d0014006c62643a2073796e63000000" },
	{ "an address of the whole world: the kernel sends from no other", address,
		"28000000140005050700000000000000022000000500000008000200a9fe510108000100a9fe5101" },
	{ "away with it", del, "2000000011000500070000000000000000000000050000000000000000000000" },
	{ "the entrance", ingress,
		"3000000024000506070000000000000000000000050000000000fffff1ffffff000000000c000100696e677265737300" },
	{ "everything is dropped", drop,
		"680000002c00050607000000000000000000000005000000000000000000ffff000302000d0001006d61746368616c6c"
		"0000000034000280300002802c0001800900010067616374000000001c00028018000200000000000000000002000000"
		"0000000000000000" },
	{ "but what bears the mark", pass,
		"380000002c000506070000000000000000000000050000004964626c0000ffff0003010007000100667700000c000280"
		"0800010001000000" },
};

START_TEST(request)
{
	check_request(&requests[_i]);
}
END_TEST

#define ANSWER                                                                                                         \
	"54000000100000000700000000000000000001000500000043100000000000000c0003006c62642d7461700008000400"             \
	"dc0500000e0014006c62643a2073796e63000000100012000a00010064756d6d79000000"

START_TEST(device)
{
	struct lb_nl_msg m;
	struct tap_link l = { 0 };
	int r;
	uint8_t *p = answer(ANSWER, sizeof(ANSWER) / 2, &m, &r);
	ck_assert_int_eq(tap_link_read(&m, &l), 0);
	ck_assert(l.index == INDEX && l.up && l.mtu == 1500);
	ck_assert_str_eq(l.name, "lbd-tap");
	ck_assert_str_eq(l.kind, "dummy");
	ck_assert_str_eq(l.alias, "lbd: sync");
	p[24] &= 0xfe;
	ck_assert_int_eq(tap_link_read(&m, &l), 0);
	ck_assert(!l.up);
	m.type = 17;
	ck_assert_int_eq(tap_link_read(&m, &l), -EBADMSG); /* one that went */
	free(p);
}
END_TEST

static int read_link(const struct lb_nl_msg *m)
{
	struct tap_link l = { 0 };
	int r = tap_link_read(m, &l);
	ck_assert(r || (memchr(l.name, 0, sizeof(l.name)) && memchr(l.alias, 0, sizeof(l.alias)) &&
			       memchr(l.kind, 0, sizeof(l.kind)) && l.index > 0));
	return r;
}

START_TEST(hostile)
{
	check_hostile(ANSWER, read_link);
}
END_TEST

static void add(TCase *t)
{
	tcase_add_loop_test(t, request, 0, sizeof(requests) / sizeof(requests[0]));
	tcase_add_test(t, device);
	tcase_add_test(t, hostile);
}

int main(void)
{
	return run_tests("tap_link_msg", add);
}
