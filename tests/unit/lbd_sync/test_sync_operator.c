/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An operator pauses, asks for everything anew, or ends the link. */
#include "tests/unit/lbd_sync/link_ends.h"

/* ---- an operator ---- */

START_TEST(paused_means_both_ways)
{
	join(&a, &b);
	talk(&a, &b);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, true);
	talk(&a, &b);
	put(&a, 0, 5);
	put(&b, 10, 5);
	talk(&a, &b);
	ck_assert(a.got == 0 && b.got == 0 && IPVS(&a).paused && IPVS(&b).held);
	later(&a, &b, 700);
	ck_assert(IPVS(&a).lag_ms == 700 && IPVS(&b).lag_ms == 700);
	cut(&a, &b); /* it holds for the next connection, too */
	join(&a, &b);
	talk(&a, &b);
	ck_assert(b.got == 0 && IPVS(&b).held);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, false);
	talk(&a, &b);
	ck_assert(a.got == 5 && b.got == 5 && !IPVS(&b).held && IPVS(&a).out.complete && IPVS(&a).in.complete);
}
END_TEST

START_TEST(resync_sends_everything_both_ways)
{
	put(&a, 0, 300);
	put(&b, 1000, 10);
	join(&a, &b);
	talk(&a, &b);
	sync_link_resync(&a.link, SYNC_STREAM_IPVS, a.now);
	talk(&a, &b);
	ck_assert(b.got == 600 && a.got == 20 && IPVS(&a).out.full && IPVS(&a).out.complete && IPVS(&a).in.complete);
	ck_assert(IPVS(&a).resyncs_in == 1 && IPVS(&b).resyncs_out == 1);
	cut(&a, &b); /* asked for while there is no link: done with the next one */
	sync_link_resync(&a.link, SYNC_STREAM_IPVS, a.now);
	join(&a, &b);
	(void)talk_some(&a, &b, 3);
	cut(&a, &b); /* and not forgotten when that ends early */
	join(&a, &b);
	talk(&a, &b);
	ck_assert(b.got == 900 && a.got == 30);
	cut(&a, &b);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(b.got == 900 && a.got == 30);
}
END_TEST

START_TEST(a_resync_that_was_cut_on_its_way_goes_on_there)
{
	put(&a, 0, 5000);
	join(&a, &b);
	talk(&a, &b);
	sync_link_resync(&a.link, SYNC_STREAM_IPVS, a.now);
	(void)talk_some(&a, &b, 24);
	ck_assert(!IPVS(&a).out.complete && IPVS(&a).out.at > 0);
	cut(&a, &b);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(!IPVS(&a).out.full && IPVS(&a).out.complete && b.got == 10000);
}
END_TEST

START_TEST(nobody_acknowledges_a_round_that_was_not_announced)
{
	put(&a, 0, 10);
	open_with(&a, 2);
	sync_link_resync(&a.link, SYNC_STREAM_IPVS, a.now);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 1, 10 } }), SYNC_WHY_NONE);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 2, 0 } }), SYNC_WHY_PROTOCOL);
}
END_TEST

START_TEST(we_end_it)
{
	struct sync_msg m;
	join(&a, &b);
	talk(&a, &b);
	sync_link_end(&a.link, SYNC_WHY_SHUTDOWN, a.now);
	ck_assert(a.link.state == SYNC_LINK_OVER && drain(&a, SYNC_FRAME_BYE, &m) == 1);
	ck_assert_int_eq(tell(&b, &m), SYNC_WHY_SHUTDOWN);
	ck_assert_uint_eq(say(&b), 0);
	sync_link_down(&a.link, SYNC_WHY_CLOSED, a.now);
	ck_assert(a.link.why == SYNC_WHY_SHUTDOWN && a.link.state == SYNC_LINK_DOWN);
	sync_link_down(&a.link, SYNC_WHY_KEY, a.now); /* the next one does not even begin */
	ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_KEY);
	ck_assert_int_eq(lb_time_cmp(sync_link_deadline(&a.link, a.now), LB_TIME_NEVER), 0);
	sync_link_up(&a.link, a.now);
	ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_NONE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sync_operator");
	TCase *tc = tcase_create("sync_operator");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, paused_means_both_ways);
	tcase_add_test(tc, resync_sends_everything_both_ways);
	tcase_add_test(tc, a_resync_that_was_cut_on_its_way_goes_on_there);
	tcase_add_test(tc, nobody_acknowledges_a_round_that_was_not_announced);
	tcase_add_test(tc, we_end_it);
	return suite_run(s);
}
