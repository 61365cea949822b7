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

START_TEST(a_word_that_changes_nothing_is_not_said)
{
	join(&a, &b);
	talk(&a, &b);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, false);
	ck_assert(say(&a) == 0 && IPVS(&a).out.complete && IPVS(&a).in.complete);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, true);
	talk(&a, &b);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, true);
	ck_assert_uint_eq(say(&a), 0);
}
END_TEST

/* After a pause the peer sends what has gathered as a round: what comes before that round does not complete it. */
START_TEST(complete_is_who_has_the_round_that_follows)
{
	struct sync_msg hello = hello_of(2);
	hello.u.hello.features = SYNC_FEATURE_ONWARD;
	sync_link_up(&a.link, a.now);
	ck_assert_int_eq(tell(&a, &hello), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN | SYNC_MARK_FINAL, 1, 0, 0), SYNC_WHY_NONE);
	ck_assert(IPVS(&a).in.complete);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_HOLD, .u.hold = { 1, true } }), SYNC_WHY_NONE);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_HOLD, .u.hold = { 1, false } }), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 0, 1), SYNC_WHY_NONE);
	ck_assert(a.got == 1 && !IPVS(&a).in.complete);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN | SYNC_MARK_FINAL, 2, 1, 1), SYNC_WHY_NONE);
	ck_assert(IPVS(&a).in.complete);
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

/* ---- what has gathered ---- */

static bool is_complete(const struct end *e)
{
	struct sync_link_status st = IPVS(e);
	return st.out.complete && st.in.complete && !st.paused && !st.held;
}

/* Until both are silent; at no time does either take itself for complete before each has got that much, once it can
 * know: b from the beginning, or when it was told. */
static void talk_until(unsigned a_got, unsigned b_got, bool at_once)
{
	uint32_t rounds = IPVS(&b).in.rounds;
	for (unsigned said = 1; said > 0; said = talk_some(&a, &b, 1)) {
		bool all = a.got == a_got && b.got == b_got, knows = at_once || IPVS(&b).in.rounds > rounds;
		ck_assert_msg(all || !is_complete(&a), "a: it has %u, the other one %u", a.got, b.got);
		ck_assert_msg(all || !knows || !is_complete(&b), "b: it has %u, the other one %u", b.got, a.got);
	}
	ck_assert(a.got == a_got && b.got == b_got && is_complete(&a) && is_complete(&b));
	ck_assert(IPVS(&a).resyncs_out == 0 && IPVS(&b).resyncs_out == 0);
}

static const struct {
	const char *what;
	unsigned at_a, at_b;
} gathered[] = {
	{ "at both", 2000, 500 },
	{ "at the one that paused", 2000, 0 },
	{ "at the other one", 0, 2000 },
	{ "at none", 0, 0 },
};
#define GATHERED (sizeof(gathered) / sizeof(gathered[0]))

START_TEST(after_a_pause_complete_is_who_has_what_gathered)
{
	put(&a, 0, 300);
	join(&a, &b);
	talk(&a, &b);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, true);
	talk(&a, &b);
	put(&a, 1000, gathered[_i].at_a);
	put(&b, 5000, gathered[_i].at_b);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, false);
	talk_until(gathered[_i].at_b, 300 + gathered[_i].at_a, true);
	ck_assert_msg(!IPVS(&a).out.full, "%s", gathered[_i].what);
}
END_TEST

START_TEST(a_pause_that_is_over_before_it_was_told)
{
	join(&a, &b);
	talk(&a, &b);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, true);
	put(&a, 0, 1000);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, false);
	talk_until(0, 1000, false);
}
END_TEST

/* What is on its way is acknowledged first: a round begins behind what the peer has. */
START_TEST(much_at_once_is_a_round)
{
	put(&a, 0, 10);
	join(&a, &b);
	talk(&a, &b);
	put(&a, 100, 10);
	(void)talk_some(&a, &b, 1);
	ck_assert_uint_eq(a.link.out[SYNC_STREAM_IPVS].n_unacked, 1);
	put(&a, 1000, 3000);
	uint64_t last = flow_table_last(a.table);
	sync_link_onward(&a.link, SYNC_STREAM_IPVS);
	ck_assert(!IPVS(&a).out.complete && !sync_link_has(&a.link, SYNC_STREAM_IPVS, last));
	talk_until(0, 3020, false);
	ck_assert(sync_link_has(&a.link, SYNC_STREAM_IPVS, last));
	ck_assert(!IPVS(&b).in.full && IPVS(&b).in.mark == last);
}
END_TEST

START_TEST(a_round_that_is_not_at_its_end_has_it_all)
{
	put(&a, 0, 5000);
	join(&a, &b);
	(void)talk_some(&a, &b, 20);
	ck_assert(!IPVS(&a).out.complete && b.got > 0);
	sync_link_onward(&a.link, SYNC_STREAM_IPVS);
	talk_until(0, 5000, true);
	ck_assert_uint_eq(IPVS(&a).out.rounds, 1);
	cut(&a, &b); /* and without a link there is none */
	sync_link_onward(&a.link, SYNC_STREAM_IPVS);
	join(&a, &b);
	talk_until(0, 5000, true);
}
END_TEST

/* The peer asks for everything while it is told that a round begins. */
START_TEST(everything_is_asked_for_meanwhile)
{
	struct sync_msg m;
	uint32_t round = a.link.out[SYNC_STREAM_IPVS].round + 1;
	put(&a, 0, 300);
	join(&a, &b);
	talk(&a, &b);
	sync_link_resync(&b.link, SYNC_STREAM_IPVS, b.now);
	ck_assert_uint_eq(drain(&b, SYNC_FRAME_RESYNC, &m), 1);
	ck_assert_uint_eq(m.u.resync.round, round);
	put(&a, 1000, 1);
	sync_link_onward(&a.link, SYNC_STREAM_IPVS);
	ck_assert_int_eq(hear(&b, frame, say(&a)), SYNC_WHY_NONE);
	ck_assert(b.link.in[SYNC_STREAM_IPVS].round == round + 1 && !IPVS(&b).in.full);
	ck_assert_int_eq(tell(&a, &m), SYNC_WHY_NONE);
	talk(&a, &b);
	ck_assert(IPVS(&a).out.full && b.got == 601 && is_complete(&a) && is_complete(&b));
}
END_TEST

/* Of an older version: it goes on, and says no end. */
START_TEST(a_peer_that_makes_no_round_of_it)
{
	open_with(&a, 2);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 0), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_FINAL, 1, 0, 0), SYNC_WHY_NONE);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, true);
	put(&a, 0, 10);
	(void)drain(&a, SYNC_FRAME_HOLD, NULL);
	sync_link_pause(&a.link, SYNC_STREAM_IPVS, false);
	ck_assert(IPVS(&a).in.complete && !IPVS(&a).out.complete);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 2, 10 } }), SYNC_WHY_NONE);
	ck_assert(is_complete(&a));
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
	tcase_add_test(tc, a_word_that_changes_nothing_is_not_said);
	tcase_add_test(tc, complete_is_who_has_the_round_that_follows);
	tcase_add_test(tc, resync_sends_everything_both_ways);
	tcase_add_test(tc, a_resync_that_was_cut_on_its_way_goes_on_there);
	tcase_add_loop_test(tc, after_a_pause_complete_is_who_has_what_gathered, 0, GATHERED);
	tcase_add_test(tc, a_pause_that_is_over_before_it_was_told);
	tcase_add_test(tc, much_at_once_is_a_round);
	tcase_add_test(tc, a_round_that_is_not_at_its_end_has_it_all);
	tcase_add_test(tc, everything_is_asked_for_meanwhile);
	tcase_add_test(tc, a_peer_that_makes_no_round_of_it);
	tcase_add_test(tc, nobody_acknowledges_a_round_that_was_not_announced);
	tcase_add_test(tc, we_end_it);
	return suite_run(s);
}
