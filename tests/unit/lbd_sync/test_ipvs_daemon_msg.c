/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages about the synchronisation daemons of IPVS. */
#include "lbd/sync/ipvs_daemon_msg.h"

#include "tests/unit/lbd_sync/nlhex.h"

#include <arpa/inet.h>
#include <linux/netlink.h>

#define FAMILY 0x1c

static int family(struct lb_nl_batch *b)
{
	return ipvs_daemon_msg_family(b, SEQ);
}

static int start_ours(struct lb_nl_batch *b)
{
	const struct ipvs_daemon d = { .role = IPVS_DAEMON_MASTER,
		.device = "lbd-tap",
		.sync_id = 11,
		.group = { AF_INET, { 224, 0, 0, 81 } },
		.port = 8848 };
	return ipvs_daemon_msg_start(b, SEQ, FAMILY, &d);
}

static int start_all(struct lb_nl_batch *b)
{
	const struct ipvs_daemon d = { .role = IPVS_DAEMON_BACKUP,
		.device = "eth0",
		.sync_id = 255,
		.max_bytes = 1472,
		.group = { AF_INET6, { [0] = 0xff, [1] = 5, [15] = 0x51 } },
		.port = 9000,
		.ttl = 3 };
	return ipvs_daemon_msg_start(b, SEQ, FAMILY, &d);
}

static int start_least(struct lb_nl_batch *b)
{
	const struct ipvs_daemon d = { .role = IPVS_DAEMON_MASTER, .device = "eth0", .sync_id = 1 };
	return ipvs_daemon_msg_start(b, SEQ, FAMILY, &d);
}

static int stop(struct lb_nl_batch *b)
{
	return ipvs_daemon_msg_stop(b, SEQ, FAMILY, IPVS_DAEMON_BACKUP);
}

static int dump(struct lb_nl_batch *b)
{
	return ipvs_daemon_msg_dump(b, SEQ, FAMILY);
}

static const struct request_row requests[] = {
	{ "which number IPVS has", family, "2000000010000500070000000000000003010000090002004950565300000000" },
	{ "ours: device, id, group and port, the rest as the kernel wants", start_ours,
		"440000001c0005000700000000000000090100003000038008000100010000000c0002006c62642d7461700008000300"
		"0b00000008000500e00000510600070090220000" },
	{ "everything, the group of IPv6", start_all,
		"600000001c0005000700000000000000090100004c000380080001000200000009000200657468300000000008000300"
		"ff00000006000400c005000014000600ff05000000000000000000000000005106000700282300000500080003000000" },
	{ "what there must be, and no more", start_least,
		"340000001c00050007000000000000000901000020000380080001000100000009000200657468300000000008000300"
		"01000000" },
	{ "stop one", stop, "200000001c00050007000000000000000a0100000c0003800800010002000000" },
	{ "which run", dump, "140000001c00010307000000000000000b010000" },
};

START_TEST(request)
{
	check_request(&requests[_i]);
}
END_TEST

#define ANSWER4                                                                                                        \
	"540000001c0002000700000000000000090100004000038008000100020000000c0002006c62642d696e6a0008000300"             \
	"0c00000006000400c00500000600070090220000050008000100000008000500e0000051"
#define ANSWER6                                                                                                        \
	"600000001c0002000700000000000000090100004c000380080001000100000009000200657468300000000008000300"             \
	"0500000006000400ac0500000600070090220000050008000100000014000600ff050000000000000000000000000051"
#define ANSWER_FAMILY "2800000010000000070000000000000001020000090002004950565300000000060001001c000000"

START_TEST(running)
{
	struct lb_nl_msg m;
	struct ipvs_daemon d;
	int r;
	uint8_t *p = answer(ANSWER4, sizeof(ANSWER4) / 2, &m, &r);
	ck_assert_int_eq(r, 1);
	ck_assert_int_eq(ipvs_daemon_read(&m, &d), 0);
	ck_assert_int_eq(d.role, IPVS_DAEMON_BACKUP);
	ck_assert_str_eq(d.device, "lbd-inj");
	ck_assert_uint_eq(d.sync_id, 12);
	ck_assert_uint_eq(d.max_bytes, 1472);
	ck_assert_uint_eq(d.port, 8848);
	ck_assert_uint_eq(d.ttl, 1);
	ck_assert(d.group.family == AF_INET && d.group.b[0] == 224 && d.group.b[3] == 81);
	free(p);
	p = answer(ANSWER6, sizeof(ANSWER6) / 2, &m, &r);
	ck_assert_int_eq(ipvs_daemon_read(&m, &d), 0);
	ck_assert(d.role == IPVS_DAEMON_MASTER && d.group.family == AF_INET6 && d.group.b[15] == 0x51);
	free(p);
}
END_TEST

START_TEST(what_is_no_daemon)
{
	struct lb_nl_msg m;
	struct ipvs_daemon d = { .sync_id = 77 };
	int r;
	uint8_t *p = answer(ANSWER4, sizeof(ANSWER4) / 2, &m, &r);
	p[16] = 1; /* another command */
	ck_assert_int_eq(ipvs_daemon_read(&m, &d), -EBADMSG);
	p[16] = 9;
	p[28] = 3; /* a role that there is not */
	ck_assert_int_eq(ipvs_daemon_read(&m, &d), -EBADMSG);
	p[28] = 2;
	p[36] = 0; /* a device without a name */
	ck_assert_int_eq(ipvs_daemon_read(&m, &d), -EBADMSG);
	ck_assert_uint_eq(d.sync_id, 77); /* untouched */
	free(p);
}
END_TEST

START_TEST(family_id)
{
	struct lb_nl_msg m;
	uint16_t id = 1;
	int r;
	uint8_t *p = answer(ANSWER_FAMILY, sizeof(ANSWER_FAMILY) / 2, &m, &r);
	ck_assert_int_eq(ipvs_daemon_read_family(&m, &id), 0);
	ck_assert_uint_eq(id, FAMILY);
	p[36] = 2; /* numbers below 16 are netlink's own */
	ck_assert_int_eq(ipvs_daemon_read_family(&m, &id), -EBADMSG);
	free(p);
}
END_TEST

static int read_both(const struct lb_nl_msg *m)
{
	struct ipvs_daemon d = { 0 };
	uint16_t id = 0;
	if (ipvs_daemon_read(m, &d) == 0)
		ck_assert(memchr(d.device, 0, sizeof(d.device)) && d.device[0]);
	return ipvs_daemon_read_family(m, &id);
}

START_TEST(hostile)
{
	check_hostile(ANSWER4, read_both);
	check_hostile(ANSWER6, read_both);
	check_hostile(ANSWER_FAMILY, read_both);
}
END_TEST

static void add(TCase *t)
{
	tcase_add_loop_test(t, request, 0, sizeof(requests) / sizeof(requests[0]));
	tcase_add_test(t, running);
	tcase_add_test(t, what_is_no_daemon);
	tcase_add_test(t, family_id);
	tcase_add_test(t, hostile);
}

int main(void)
{
	return run_tests("ipvs_daemon_msg", add);
}
