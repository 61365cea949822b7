/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far the peer is behind in what it knows of our flows. */
#include "tests/unit/lbd_sync/link_ends.h"

START_TEST(the_lag_is_that_of_the_oldest)
{
	put(&a, 0, 10);
	later(&a, &b, 50000);
	open_with(&a, 2);
	later(&a, &b, 20);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 50020); /* it has come, and has nothing yet */
	sync_link_down(&a.link, SYNC_WHY_CLOSED, a.now);
	join(&a, &b);
	talk(&a, &b);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 0);
	later(&a, &b, 500);
	put(&a, 0, 1);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	later(&a, &b, 300);
	put(&a, 1, 1);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	later(&a, &b, 100);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 400);
	tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 1, 11 } });
	ck_assert_uint_eq(IPVS(&a).lag_ms, 100);
	tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 1, 12 } });
	ck_assert_uint_eq(IPVS(&a).lag_ms, 0);
	later(&a, &b, 2000);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 0);
	tell(&a, &(struct sync_msg){ SYNC_FRAME_HOLD, .u.hold = { 1, true } });
	put(&a, 0, 1);
	later(&a, &b, 30);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 30);
	sync_link_down(&a.link, SYNC_WHY_CLOSED, a.now);
	open_with(&a, 3); /* who held us is gone */
	ck_assert(!IPVS(&a).held && IPVS(&a).batches_out == 5);
}
END_TEST

START_TEST(without_a_link_the_lag_is_its_absence)
{
	later(&a, &b, 7000);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 0); /* there is nothing to tell */
	put(&a, 0, 10);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 7000); /* the peer has never come */
	put(&b, 100, 10);
	join(&a, &b);
	talk(&a, &b);
	later(&a, &b, 50000);
	cut(&a, &b);
	later(&a, &b, 60000);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 0); /* it has everything, and told some of it itself */
	put(&a, 20, 1);
	ck_assert(IPVS(&a).lag_ms == 60000 && IPVS(&b).lag_ms == 0);
	sync_link_up(&a.link, a.now); /* something listens there, and says nothing */
	sync_link_down(&a.link, SYNC_WHY_SILENT, a.now);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 60000);
	join(&a, &b);
	talk(&a, &b);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 0);
	put(&a, 21, 1);
	later(&a, &b, 3000);
	cut(&a, &b);
	later(&a, &b, 1000);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 4000); /* it waited already when the link broke */
}
END_TEST

/* What is small gets through, frames with flows do not; and one flow is put anew all the time. */
START_TEST(a_link_that_opens_and_carries_nothing_lags_on)
{
	struct sync_msg hello = hello_of(2);
	hello.u.hello.seen_epoch = _i ? 1 : 0; /* or the peer has forgotten everything each time */
	hello.u.hello.seen[SYNC_STREAM_IPVS] = 10;
	put(&a, 0, 10);
	join(&a, &b);
	talk(&a, &b);
	cut(&a, &b);
	for (unsigned i = 0; i < 5; i++) {
		put(&a, 20, 1);
		ck_assert_uint_eq(IPVS(&a).lag_ms, 7000 * i);
		sync_link_up(&a.link, a.now);
		ck_assert_int_eq(tell(&a, &hello), SYNC_WHY_NONE);
		ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
		later(&a, &b, SYNC_SILENT_MS);
		ck_assert_uint_eq(IPVS(&a).lag_ms, 7000 * i + SYNC_SILENT_MS);
		if (i == 4)
			break;
		sync_link_down(&a.link, SYNC_WHY_SILENT, a.now);
		later(&a, &b, 7000 - SYNC_SILENT_MS);
	}
	put(&a, 30, 1); /* not acknowledged with the others */
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 1, 15 } }), SYNC_WHY_NONE);
	later(&a, &b, 100);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 100);
}
END_TEST

/* The peer asks for everything again and again. */
START_TEST(another_round_does_not_end_the_waiting)
{
	put(&a, 0, 10);
	open_with(&a, 2);
	for (uint32_t round = 1; round <= 3; round++) {
		later(&a, &b, 2000);
		ck_assert_uint_eq(IPVS(&a).lag_ms, round * 2000);
		tell(&a, &(struct sync_msg){ SYNC_FRAME_RESYNC, .u.resync = { 1, SYNC_WHY_GAP, round } });
		ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	}
	tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 4, 10 } });
	ck_assert_uint_eq(IPVS(&a).lag_ms, 0);
	later(&a, &b, 2000);
	tell(&a, &(struct sync_msg){ SYNC_FRAME_RESYNC, .u.resync = { 1, SYNC_WHY_GAP, 4 } });
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	later(&a, &b, 300);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 300); /* it had everything, and has forgotten it now */
}
END_TEST

/* A round that has nothing to send is acknowledged by nobody. */
START_TEST(what_changes_in_an_open_link_waits_from_then_on)
{
	open_with(&a, 2);
	later(&a, &b, 7000);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 0);
	put(&a, 0, 1);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	later(&a, &b, 20);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 20);
}
END_TEST

/* It had everything while there was no link. */
START_TEST(what_changes_after_a_link_came_back_waits_from_then_on)
{
	struct sync_msg hello = hello_of(2);
	put(&a, 0, 10);
	join(&a, &b);
	talk(&a, &b);
	cut(&a, &b);
	later(&a, &b, 60000);
	hello.u.hello.seen_epoch = 1;
	hello.u.hello.seen[SYNC_STREAM_IPVS] = 10;
	sync_link_up(&a.link, a.now);
	ck_assert_int_eq(tell(&a, &hello), SYNC_WHY_NONE);
	put(&a, 20, 1);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	later(&a, &b, 20);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 20);
}
END_TEST

/* A frame without records says how far the peer is; it waits for its acknowledgement since it was sent. */
START_TEST(what_carries_nothing_waits_from_then_on)
{
	open_with(&a, 2);
	later(&a, &b, 50000);
	for (unsigned i = 0; i < SYNC_LOOK_MAX; i++) {
		struct flow f = flow_nr(i);
		ck_assert_int_eq(flow_table_put(a.table, &f, FLOW_PEER, a.now, NULL), 0);
	}
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	later(&a, &b, 20);
	ck_assert(IPVS(&a).sent == 0 && IPVS(&a).lag_ms == 20);
}
END_TEST

/* What went before has been acknowledged. */
START_TEST(what_the_rate_holds_back_waits_since_it_came)
{
	sync_link_set_rate(&a.link, 10, a.now);
	open_with(&a, 2);
	later(&a, &b, 5000);
	put(&a, 0, 3);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 1, 1 } });
	later(&a, &b, 100);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 100);
}
END_TEST

START_TEST(a_stream_that_the_peer_does_not_take_has_no_lag)
{
	a.link.out[SYNC_STREAM_CONNTRACK].source = &a.fake.source;
	a.fake.n = 5;
	join(&a, &b);
	talk(&a, &b);
	later(&a, &b, 60000);
	ck_assert_uint_eq(status(&a, SYNC_STREAM_CONNTRACK).lag_ms, 0);
	cut(&a, &b);
	later(&a, &b, 60000);
	ck_assert_uint_eq(status(&a, SYNC_STREAM_CONNTRACK).lag_ms, 0);
}
END_TEST

START_TEST(what_waited_in_a_pause_waits_until_some_of_it_has_come)
{
	put(&a, 0, 10);
	join(&a, &b);
	talk(&a, &b);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, true);
	talk(&a, &b);
	put(&a, 1000, 5000);
	later(&a, &b, 60000);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, false);
	ck_assert_uint_gt(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	later(&a, &b, 500);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 60500);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 2, 1000 } }), SYNC_WHY_NONE);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 500);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sync_lag");
	TCase *tc = tcase_create("sync_lag");
	tcase_add_checked_fixture(tc, setup, teardown);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, the_lag_is_that_of_the_oldest);
	tcase_add_test(tc, without_a_link_the_lag_is_its_absence);
	tcase_add_loop_test(tc, a_link_that_opens_and_carries_nothing_lags_on, 0, 2);
	tcase_add_test(tc, another_round_does_not_end_the_waiting);
	tcase_add_test(tc, what_changes_in_an_open_link_waits_from_then_on);
	tcase_add_test(tc, what_changes_after_a_link_came_back_waits_from_then_on);
	tcase_add_test(tc, what_carries_nothing_waits_from_then_on);
	tcase_add_test(tc, what_the_rate_holds_back_waits_since_it_came);
	tcase_add_test(tc, a_stream_that_the_peer_does_not_take_has_no_lag);
	tcase_add_test(tc, what_waited_in_a_pause_waits_until_some_of_it_has_come);
	return suite_run(s);
}
