/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/channel_memory.h"
#include "tests/unit/lbd_vrrp/vrrp_msgs.h"

static const struct channel channel = { NULL, msgs_name, msgs_check };

static void write_msg(const void *m, struct lb_text *out)
{
	vrrp_msg_write(m, out);
}

START_TEST(every_allocation)
{
	uint64_t s = 11;
	struct msgs_room room;
	struct vrrp_msg m;
	for (int t = 0; t < VRRP_MSG_COUNT; t++)
		for (int round = 0; round < 5; round++) {
			msgs_random(&s, (enum vrrp_msg_type)t, &m, &room);
			sweep(&channel, t, &m, write_msg);
		}
}
END_TEST

START_TEST(nothing_of_a_broken_message)
{
	uint64_t s = 12;
	static const struct {
		enum vrrp_msg_type type;
		const char *last; /* that is read */
	} rows[] = { { VRRP_MSG_SET, "auth" }, { VRRP_MSG_PEERS, "key" } };
	struct msgs_room room;
	struct vrrp_msg m;
	for (int i = 0; i < 2; i++) {
		do
			msgs_random(&s, rows[i].type, &m, &room);
		while (i == 1 && room.peers.n_nodes == 0);
		struct lb_text line = LB_TEXT_INIT;
		vrrp_msg_write(&m, &line);
		json_t *o = parse_written(&line);
		ck_assert_int_eq(json_object_del(o, rows[i].last), 0);
		broken(&channel, (int)rows[i].type, o);
	}
}
END_TEST

int main(void)
{
	memory_init();
	Suite *s = suite_create("vrrp_msg_memory");
	TCase *tc = tcase_create("vrrp_msg_memory");
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, every_allocation);
	tcase_add_test(tc, nothing_of_a_broken_message);
	return suite_run(s);
}
