/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/channel_memory.h"
#include "tests/unit/lbd_sync/room_msgs.h"

static const struct channel channel = { NULL, msgs_name, msgs_check };

static void write_msg(const void *m, struct lb_text *out)
{
	sync_room_msg_write(m, out);
}

START_TEST(every_allocation)
{
	uint64_t s = 11;
	struct msgs_room room;
	struct sync_room_msg m;
	for (int t = 0; t < SYNC_MSG_COUNT; t++)
		for (int round = 0; round < 5; round++) {
			msgs_random(&s, (enum sync_msg_type)t, &m, &room);
			sweep(&channel, t, &m, write_msg);
		}
}
END_TEST

START_TEST(nothing_of_a_broken_message)
{
	uint64_t s = 12;
	struct msgs_room room;
	struct sync_room_msg m;
	do
		msgs_random(&s, SYNC_MSG_SET, &m, &room);
	while (room.conf.n_skips < 2);
	struct lb_text line = LB_TEXT_INIT;
	sync_room_msg_write(&m, &line);
	json_t *o = parse_written(&line), *list = json_object_get(o, "skips");
	/* the last that is read */
	ck_assert_int_eq(json_array_set_new(list, json_array_size(list) - 1, json_integer(5)), 0);
	broken(&channel, SYNC_MSG_SET, o);
}
END_TEST

int main(void)
{
	memory_init();
	Suite *s = suite_create("sync_room_msg_memory");
	TCase *tc = tcase_create("sync_room_msg_memory");
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, every_allocation);
	tcase_add_test(tc, nothing_of_a_broken_message);
	return suite_run(s);
}
