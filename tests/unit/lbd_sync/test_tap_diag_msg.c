/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages about sockets of UDP. */
#include "lbd/sync/tap_diag_msg.h"

#include "tests/unit/lbd_sync/nlhex.h"

#include <sys/socket.h>

static int receiver(struct lb_nl_batch *b)
{
	const struct lb_ip group = { AF_INET, { 224, 0, 0, 81 } };
	return tap_diag_msg_receiver(b, SEQ, &group, 8848, 5);
}

static int all(struct lb_nl_batch *b)
{
	return tap_diag_msg_all(b, SEQ);
}

static const struct request_row requests[] = {
	{ "the socket that a datagram would reach", receiver,
		"4800000014000500070000000000000002114000ffffffff0000229000000000000000000000000000000000e0000051"
		"00000000000000000000000005000000ffffffffffffffff" },
	{ "all of them", all,
		"4800000014000103070000000000000002114000ffffffff000000000000000000000000000000000000000000000000"
		"00000000000000000000000000000000ffffffffffffffff" },
};

START_TEST(request)
{
	check_request(&requests[_i]);
}
END_TEST

#define RECEIVER                                                                                                       \
	"800000001400000007000000000000000207000022900000e00000510000000000000000000000000000000000000000"             \
	"0000000000000000050000000000000000000000000000000011000000000000e5030000671200002800070000110000"             \
	"0040030000000000004003000000000000000000000000000000000011000000"
#define SENDER                                                                                                         \
	"58000000140000000700000000000000020100009cbb2290a9fe5101000000000000000000000000e000005100000000"             \
	"0000000000000000000000000000000000000000000000000000000000000000e503000067120000"

START_TEST(how_full)
{
	struct lb_nl_msg m;
	struct tap_diag d;
	int r;
	uint8_t *p = answer(RECEIVER, sizeof(RECEIVER) / 2, &m, &r);
	ck_assert_int_eq(tap_diag_read(&m, &d), 0);
	ck_assert(d.has_memory && d.queued == 4352 && d.size == 212992 && d.drops == 17);
	ck_assert(d.local.b[0] == 224 && d.local_port == 8848 && d.remote_port == 0 && d.uid == 997);
	free(p);
}
END_TEST

START_TEST(an_older_kernel_says_less)
{
	struct lb_nl_msg m;
	struct tap_diag d;
	int r;
	uint8_t *p = answer(RECEIVER, sizeof(RECEIVER) / 2, &m, &r);
	p[88] = 4 + 32; /* the attribute, without the number of drops */
	m.n -= 4;
	ck_assert_int_eq(tap_diag_read(&m, &d), 0);
	ck_assert(!d.has_memory && d.drops == 0);
	free(p);
}
END_TEST

START_TEST(who_sends)
{
	struct lb_nl_msg m;
	struct tap_diag d;
	int r;
	uint8_t *p = answer(SENDER, sizeof(SENDER) / 2, &m, &r);
	ck_assert_int_eq(tap_diag_read(&m, &d), 0);
	ck_assert(!d.has_memory && d.local_port == 40123 && d.remote_port == 8848 && d.remote.b[3] == 81);
	ck_assert(d.local.family == AF_INET && d.local.b[0] == 169 && d.local.b[3] == 1);
	p[16] = 10;
	ck_assert_int_eq(tap_diag_read(&m, &d), -EBADMSG); /* of IPv6 we asked nothing */
	free(p);
}
END_TEST

static int read_diag(const struct lb_nl_msg *m)
{
	struct tap_diag d;
	return tap_diag_read(m, &d);
}

START_TEST(hostile)
{
	check_hostile(RECEIVER, read_diag);
	check_hostile(SENDER, read_diag);
}
END_TEST

static void add(TCase *t)
{
	tcase_add_loop_test(t, request, 0, sizeof(requests) / sizeof(requests[0]));
	tcase_add_test(t, how_full);
	tcase_add_test(t, an_older_kernel_says_less);
	tcase_add_test(t, who_sends);
	tcase_add_test(t, hostile);
}

int main(void)
{
	return run_tests("tap_diag_msg", add);
}
