/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the vrrp process does about a host that does not do what it is asked, and what it says when it goes. */
#include "tests/edge/vrrp/room.h"

/* ---- the second path ---- */

/* What the beats that have come say of it last; -1: nothing. */
static int last_word(int fd, const struct peer_key *key, const char *name, int before)
{
	struct peer_beat b;
	while (next_beat(fd, key, &b))
		for (size_t i = 0; i < b.n; i++)
			if (b.v[i].id == peer_name_id(name))
				before = (int)b.v[i].state;
	return before;
}

/* Adverts of priority 0 may not arrive there: then this is all that the other node hears of it. */
START_TEST(an_instance_that_goes_says_so)
{
	struct peer_key key;
	struct vrrp_conf c = conf(0, 51);
	int fd = begin_peer(&key), word = -1;
	set(&c);
	MUST((word = last_word(fd, &key, "i0", word)) == VRRP_STATE_MASTER);
	say(&(struct vrrp_msg){ .type = VRRP_MSG_DEL, .u.del = 0 });
	MUST((word = last_word(fd, &key, "i0", word)) == VRRP_STATE_INIT);
	end(true);
	close(fd);
}
END_TEST

/* Who is killed or restarted says nothing: whoever follows goes on. */
START_TEST(a_node_that_leaves_says_so)
{
	struct peer_key key;
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	int fd = begin_peer(&key);
	bool leaves = _i;
	set(&c[0]);
	set(&c[1]);
	MUST(is(0, VRRP_STATE_MASTER) && is(1, VRRP_STATE_MASTER));
	struct peer_beat b;
	while (next_beat(fd, &key, &b)) /* how they came */
		;
	end(leaves);
	size_t gone = 0, beats = 0;
	while (next_beat(fd, &key, &b)) {
		size_t before = gone;
		for (size_t i = 0; i < b.n; i++)
			gone += b.v[i].state == VRRP_STATE_INIT;
		beats += gone > before;
	}
	ck_assert_uint_eq(gone, leaves ? 2 : 0);
	ck_assert_uint_eq(beats, leaves); /* both in one */
	close(fd);
}
END_TEST

int main(void)
{
	if (!can_run()) {
		printf("skipped: it needs root, a network namespace of its own and a veth pair\n");
		return 77;
	}
	Suite *s = suite_create("vrrp_room");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, an_instance_that_goes_says_so);
	tcase_add_loop_test(tc, a_node_that_leaves_says_so, 0, 2);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
