/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes over the link, each way: rounds, limits, gaps, two streams, and whose word counts. */
#include "tests/unit/lbd_sync/link_ends.h"

/* ---- rounds ---- */

START_TEST(both_get_everything_when_they_meet)
{
	put(&a, 0, 1000);
	put(&b, 5000, 300);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(count(&a) == 1300 && count(&b) == 1300);
	struct sync_link_status st = IPVS(&a);
	ck_assert(st.out.complete && st.out.full && st.in.complete && st.in.full);
	ck_assert(st.sent == 1000 && st.received == 300 && st.lag_ms == 0 && st.batches_out == 5 && st.batches_in == 2);
	ck_assert(a.link.version == 1 && strcmp(a.link.peer.node, "lb2") == 0);
	ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_NONE);
	put(&a, 0, 1); /* what changes follows, and is not told back */
	talk(&a, &b);
	ck_assert(IPVS(&b).received == 1001 && IPVS(&b).sent == 300);
}
END_TEST

START_TEST(nothing_at_all_is_complete_too)
{
	join(&a, &b);
	talk(&a, &b);
	ck_assert(IPVS(&a).out.complete && IPVS(&a).in.complete && IPVS(&b).out.complete && IPVS(&b).in.complete);
}
END_TEST

START_TEST(who_comes_back_goes_on)
{
	put(&a, 0, 1000);
	join(&a, &b);
	talk(&a, &b);
	cut(&a, &b);
	ck_assert(!IPVS(&b).in.complete);
	later(&a, &b, 60000);
	put(&a, 990, 20);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(count(&b) == 1010 && b.got == 1020 && b.yours == 0 && a.got == 0);
	ck_assert(!IPVS(&a).out.full && IPVS(&a).out.from == 1000 && IPVS(&b).in.complete);
}
END_TEST

START_TEST(a_bulk_that_was_cut_goes_on_where_it_was)
{
	put(&a, 0, 5000);
	join(&a, &b);
	(void)talk_some(&a, &b, 24);
	uint32_t had = count(&b);
	ck_assert(had > 1000 && had < 5000 && !IPVS(&b).in.complete);
	ck_assert(IPVS(&b).in.mark == 5000 && IPVS(&b).in.at == had);
	cut(&a, &b);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(count(&b) == 5000 && b.got == 5000 && IPVS(&b).in.complete && IPVS(&a).out.from == had);
}
END_TEST

START_TEST(who_forgot_gets_back_what_it_told)
{
	put(&a, 0, 10);
	put(&b, 100, 20);
	join(&a, &b);
	talk(&a, &b);
	cut(&a, &b);
	forget(&b, 3, "lb2", 1000);
	a.now = b.now;
	put(&b, 100, 1); /* its kernel told that meanwhile: newer than what comes back */
	join(&a, &b);
	talk(&a, &b);
	ck_assert(count(&b) == 30 && b.got == 30 && b.yours == 20 && IPVS(&b).stale == 1);
	struct flow f = flow_nr(100);
	ck_assert_int_eq(flow_table_find(b.table, &f.key)->origin, FLOW_LOCAL);
	ck_assert(IPVS(&b).sent == 1 && IPVS(&a).out.full);
	put(&b, 300, 5); /* and what it tells now is its own again */
	talk(&a, &b);
	ck_assert(b.got == 30 && count(&a) == 35);
	cut(&a, &b);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(b.got == 30);
}
END_TEST

START_TEST(a_flow_that_moves_on_during_the_bulk_is_part_of_it)
{
	put(&a, 0, 1000);
	join(&a, &b);
	(void)talk_some(&a, &b, 6);
	unsigned had = b.got;
	ck_assert(had >= 200 && had < 1000);
	for (unsigned i = 0; i < 20; i++) { /* always the one that would be last, and is not sent yet */
		put(&a, 999, 1);
		(void)talk_some(&a, &b, 1);
		struct flow f = flow_nr(999);
		ck_assert(!IPVS(&b).in.complete || flow_table_find(b.table, &f.key));
	}
	talk(&a, &b);
	ck_assert(IPVS(&b).in.complete && count(&b) == 1000);
}
END_TEST

START_TEST(what_the_peer_told_is_looked_at_in_slices)
{
	put(&b, 0, 30000);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(count(&a) == 30000 && IPVS(&a).sent == 0);
	/* it need not be looked at again when the peer comes back */
	ck_assert_uint_gt(b.link.in[SYNC_STREAM_IPVS].number, 30000 - SYNC_LOOK_MAX - 1);
	ck_assert(b.got == 0 && IPVS(&a).out.complete);
}
END_TEST

START_TEST(a_round_that_begins_late_looks_in_slices)
{
	struct sync_msg m;
	open_with(&a, 2);
	for (unsigned i = 0; i < 5 * SYNC_LOOK_MAX; i++) { /* the peer told them, nothing was pulled */
		struct flow f = flow_nr(i);
		ck_assert_int_eq(flow_table_put(a.table, &f, FLOW_PEER, a.now, NULL), 0);
	}
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, &m), 5);
	ck_assert(m.u.flows.last == 5 * SYNC_LOOK_MAX && m.u.flows.left == 0 && IPVS(&a).sent == 0);
	for (unsigned i = 0; i < SYNC_LOOK_MAX - 1; i++) { /* and a little at a time: a frame now and then */
		struct flow f = flow_nr(i);
		ck_assert_int_eq(flow_table_put(a.table, &f, FLOW_PEER, a.now, NULL), 0);
		ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, &m), 0);
	}
	struct flow f = flow_nr(1);
	ck_assert_int_eq(flow_table_put(a.table, &f, FLOW_PEER, a.now, NULL), 0);
	ck_assert(drain(&a, SYNC_FRAME_FLOWS, &m) == 1 && m.u.flows.last == 6 * SYNC_LOOK_MAX);
}
END_TEST

START_TEST(many_that_move_on_during_the_bulk_are_part_of_it)
{
	put(&a, 0, 1000);
	join(&a, &b);
	for (unsigned i = 0; i < 100; i++) { /* more than a batch, of which none is sent for long */
		if (i < 12)
			put(&a, 700, 300);
		(void)talk_some(&a, &b, 1);
		ck_assert_msg(!IPVS(&b).in.complete || count(&b) == 1000, "complete with %u", count(&b));
	}
	talk(&a, &b);
	ck_assert(IPVS(&b).in.complete && count(&b) == 1000);
}
END_TEST

START_TEST(flows_that_ended_are_not_sent)
{
	struct flow f = flow_nr(1);
	f.timeout_s = 2;
	ck_assert_int_eq(flow_table_put(a.table, &f, FLOW_LOCAL, a.now, NULL), 0);
	put(&a, 2, 1);
	later(&a, &b, 2000);
	join(&a, &b);
	talk(&a, &b);
	f = flow_nr(2);
	const struct flow_entry *e = flow_table_find(b.table, &f.key);
	ck_assert(count(&b) == 1 && e && e->timeout_s == 898);
}
END_TEST

/* A kernel that is told the rest of a template gives all further connections of that client only so much. */
START_TEST(a_template_keeps_its_timeout)
{
	const struct flow_key key = { .protocol = IPPROTO_TCP,
		.template = true,
		.virtual_port = 80,
		.client = { AF_INET, { 198, 51, 100, 0 } },
		.virtual = { AF_INET, { 203, 0, 113, 10 } } };
	const struct flow f = {
		.key = key, .dest = { AF_INET, { 10, 0, 0, 11 } }, .flags = FLOW_TEMPLATE, .timeout_s = 3600
	};
	ck_assert_int_eq(flow_table_put(a.table, &f, FLOW_LOCAL, a.now, NULL), 0);
	later(&a, &b, 3000000);
	join(&a, &b);
	talk(&a, &b);
	const struct flow_entry *e = flow_table_find(b.table, &key);
	ck_assert(e && e->timeout_s == 3600);
	later(&a, &b, 3600000);
	cut(&a, &b);
	sync_link_resync(&a.link, SYNC_STREAM_IPVS, a.now);
	b.got = 0;
	join(&a, &b);
	talk(&a, &b);
	ck_assert_uint_eq(b.got, 0);
}
END_TEST

START_TEST(one_that_cannot_take_a_flow_goes_on)
{
	put(&a, 0, 300);
	b.refuse = -ENOSPC;
	join(&a, &b);
	talk(&a, &b);
	ck_assert(IPVS(&b).refused == 300 && IPVS(&b).in.complete && count(&b) == 0);
	ck_assert_uint_eq(IPVS(&b).stale, 0); /* that is another reason to have none of them */
}
END_TEST

START_TEST(little_room_loses_nothing)
{
	put(&a, 0, 1000);
	join(&a, &b);
	for (unsigned i = 0; i < 200000 && count(&b) < 1000; i++) {
		size_t room = i % (SYNC_FLOWS_HEAD + 2 + SYNC_RECORD_MAX + 40);
		uint8_t *out = malloc(room ? room : 1);
		struct lb_writer w = { out, out + room, false };
		if (sync_link_produce(&a.link, &w, a.now))
			ck_assert_int_eq(hear(&b, out, (size_t)(w.p - out)), SYNC_WHY_NONE);
		ck_assert(!w.bad);
		free(out);
		size_t n = say(&b);
		if (n)
			ck_assert_int_eq(hear(&a, frame, n), SYNC_WHY_NONE);
	}
	talk(&a, &b);
	ck_assert(count(&b) == 1000 && IPVS(&a).out.complete);
}
END_TEST

/* ---- limits ---- */

/* The peer has everything up to a number when it has acknowledged what of it is ours. */
START_TEST(whether_it_has_all)
{
	const enum sync_stream ipvs = SYNC_STREAM_IPVS, conntrack = SYNC_STREAM_CONNTRACK;
	put(&a, 0, 300);
	uint64_t all = flow_table_last(a.table);
	ck_assert(!sync_link_has(&a.link, ipvs, 0)); /* there is no link */
	join(&a, &b);
	unsigned n = 0;
	while (!sync_link_has(&a.link, ipvs, all)) {
		ck_assert_uint_lt(b.got, 301);
		ck_assert_uint_lt(n++, 1000);
		if (talk_some(&a, &b, 1) == 0)
			break;
	}
	ck_assert(sync_link_has(&a.link, ipvs, all) && b.got == 300);
	ck_assert(sync_link_has(&a.link, conntrack, 7)); /* there is no such stream */
	talk(&a, &b);
	put(&a, 300, 1);
	all = flow_table_last(a.table);
	ck_assert(!sync_link_has(&a.link, ipvs, all));
	ck_assert_uint_gt(say(&a), 0); /* it is said, and lost on its way */
	ck_assert(!sync_link_has(&a.link, ipvs, all));
	cut(&a, &b);
	ck_assert(!sync_link_has(&a.link, ipvs, all));
	join(&a, &b);
	talk(&a, &b);
	ck_assert(sync_link_has(&a.link, ipvs, all));
	/* what the peer has told is not told back: nothing of it is acknowledged */
	put(&b, 1000, 10);
	talk(&a, &b);
	all = flow_table_last(a.table);
	ck_assert(sync_link_has(&a.link, ipvs, all) && !sync_link_has(&a.link, ipvs, all + 1));
	/* nor is it awaited while more comes all the time */
	put(&a, 2000, 1);
	all = flow_table_last(a.table);
	talk(&a, &b);
	put(&a, 2001, 1);
	ck_assert_uint_gt(say(&a), 0);
	ck_assert(sync_link_has(&a.link, ipvs, all) && !sync_link_has(&a.link, ipvs, all + 1));
	sync_link_pause(&b.link, ipvs, true);
	cut(&a, &b);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(!sync_link_has(&a.link, ipvs, all + 1)); /* the peer holds it */
}
END_TEST

START_TEST(no_more_than_a_window_waits)
{
	put(&a, 0, 50000);
	open_with(&a, 2);
	struct sync_link_status st = IPVS(&a);
	ck_assert(st.batches_out == SYNC_WINDOW && st.sent == SYNC_WINDOW * SYNC_BATCH_MAX);
	ck_assert_uint_eq(say(&a), 0);
	tell(&a, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { 1, 1, 3 * SYNC_BATCH_MAX } });
	ck_assert(drain(&a, SYNC_FRAME_FLOWS, NULL) == 3 && IPVS(&a).out.at == 3 * SYNC_BATCH_MAX);
}
END_TEST

START_TEST(the_rate_holds)
{
	static const uint32_t rates[] = { 1, 10, 999, 5000, 100000 };
	uint32_t rate = rates[_i];
	put(&a, 0, 60000);
	sync_link_set_rate(&a.link, rate, a.now);
	join(&a, &b);
	for (int ms = 0; ms < 4000; ms++) {
		talk(&a, &b);
		ck_assert_msg(
			IPVS(&a).sent <= rate / 10 + 1 + (uint64_t)ms * rate / 1000, "%u/s after %d ms", rate, ms);
		ck_assert_int_gt(sync_link_deadline(&a.link, a.now).us, a.now.us);
		later(&a, &b, 1);
	}
	uint64_t least = 4u * rate - rate / 10 - 1;
	ck_assert_msg(IPVS(&a).sent >= (least < 60000 ? least : 60000), "%u/s: only %u", rate, (unsigned)IPVS(&a).sent);
}
END_TEST

START_TEST(what_was_not_used_of_a_rate_is_not_saved)
{
	sync_link_set_rate(&a.link, 1000, a.now);
	join(&a, &b);
	for (int i = 0; i < 20; i++) {
		later(&a, &b, 500);
		talk(&a, &b);
	}
	put(&a, 0, 5000);
	talk(&a, &b);
	ck_assert_uint_le(IPVS(&a).sent, 101);
}
END_TEST

START_TEST(a_limit_after_a_month_without_a_word)
{
	sync_link_set_rate(&a.link, SYNC_TOKENS_MAX, a.now);
	later(&a, &b, INT64_C(40) * 86400 * 1000);
	put(&a, 0, 5000);
	join(&a, &b);
	talk(&a, &b);
	ck_assert_uint_eq(count(&b), 5000);
}
END_TEST

static void ask_again(struct end *e, uint32_t round)
{
	tell(e, &(struct sync_msg){ SYNC_FRAME_RESYNC, .u.resync = { 1, SYNC_WHY_GAP, round } });
}

/* Asked for everything again when all but its end was said, or while the rate lets nothing go: what comes first is what
 * it asked for. */
START_TEST(another_round_has_an_end_of_its_own)
{
	struct sync_msg m;
	put(&a, 0, 1);
	sync_link_set_rate(&a.link, _i ? 20 : 0, a.now);
	later(&a, &b, 100);
	sync_link_up(&a.link, a.now);
	m = hello_of(2);
	ck_assert_int_eq(tell(&a, &m), SYNC_WHY_NONE);
	if (_i)
		ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	else
		while (say(&a) > 0 && frame[0] != SYNC_FRAME_FLOWS)
			;
	ask_again(&a, 1);
	ck_assert_uint_gt(say(&a), 0);
	ck_assert(frame[0] == SYNC_FRAME_MARK && a.link.out[SYNC_STREAM_IPVS].round == 2);
	later(&a, &b, _i ? 40 : 0);
	size_t n = say(&a);
	ck_assert(n == 0 ? _i : frame[0] == SYNC_FRAME_FLOWS);
	later(&a, &b, 100);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), _i);
	ck_assert(a.link.out[SYNC_STREAM_IPVS].final_said);
}
END_TEST

START_TEST(another_round_has_a_window_of_its_own)
{
	put(&a, 0, 50000);
	open_with(&a, 2);
	ask_again(&a, 1);
	ask_again(&a, 1); /* it has not heard yet that it gets it */
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), SYNC_WINDOW);
	ck_assert_uint_eq(IPVS(&a).out.rounds, 2);
}
END_TEST

START_TEST(a_gap_is_asked_about_once)
{
	struct sync_msg m;
	open_with(&a, 2);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 0, 3), SYNC_WHY_NONE);
	ck_assert(drain(&a, SYNC_FRAME_ACK, &m) == 1 && m.u.ack.number == 3 && m.u.ack.round == 1);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 4, 5), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 5, 6), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_FINAL, 1, 0, 3), SYNC_WHY_NONE);
	ck_assert(!IPVS(&a).in.complete);
	ck_assert(drain(&a, SYNC_FRAME_RESYNC, &m) == 1 && m.u.resync.why == SYNC_WHY_GAP && m.u.resync.round == 1);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 3, 4), SYNC_WHY_NONE);
	ck_assert(say(&a) == 0 && a.got == 1 && a.link.in[SYNC_STREAM_IPVS].number == 3);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 2, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 2, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_FINAL, 2, 0, 9), SYNC_WHY_NONE);
	ck_assert(a.got == 2 && IPVS(&a).in.complete && IPVS(&a).resyncs_in == 1);
}
END_TEST

START_TEST(who_asks_does_not_acknowledge)
{
	open_with(&a, 2);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 0, 3), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 4, 5), SYNC_WHY_NONE);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_ACK, NULL), 0);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_PROTOCOL); /* the same again */
}
END_TEST

START_TEST(a_round_behind_what_we_do_not_have)
{
	struct sync_msg m;
	open_with(&a, 2);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 0, 3), SYNC_WHY_NONE);
	sync_link_down(&a.link, SYNC_WHY_CLOSED, a.now);
	sync_link_up(&a.link, a.now);
	ck_assert(drain(&a, SYNC_FRAME_HELLO, &m) == 1 && m.u.hello.seen_epoch == 2 && m.u.hello.seen[0] == 3);
	m = hello_of(3); /* another run: what we have is not of it */
	ck_assert_int_eq(tell(&a, &m), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 3, 9), SYNC_WHY_NONE);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_RESYNC, NULL), 1);
}
END_TEST

/* What lies between was sent to somebody who had less. */
START_TEST(a_round_before_what_we_have)
{
	open_with(&a, 2);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN | SYNC_MARK_FINAL, 2, 3, 9), SYNC_WHY_NONE);
	ck_assert(!IPVS(&a).in.complete && drain(&a, SYNC_FRAME_RESYNC, NULL) == 1);
}
END_TEST

START_TEST(who_wants_everything_and_gets_it_does_not_ask)
{
	open_with(&a, 2);
	sync_link_resync(&a.link, SYNC_STREAM_IPVS, a.now);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_RESYNC, NULL), 0);
}
END_TEST

START_TEST(too_many_gaps_wait_and_are_an_alarm)
{
	open_with(&a, 2);
	for (uint32_t round = 1; round <= SYNC_GATE_N; round++) {
		ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, round, 0, 9), SYNC_WHY_NONE);
		ck_assert_int_eq(tell_flows(&a, 1, round, 5, 6), SYNC_WHY_NONE);
		ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_NONE); /* it is asked at once */
		ck_assert_uint_eq(drain(&a, SYNC_FRAME_RESYNC, NULL), 1);
	}
	sync_link_resync(&a.link, SYNC_STREAM_IPVS, a.now); /* nor does an operator wait */
	ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_NONE);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_RESYNC, NULL), 1);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 7, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 7, 5, 6), SYNC_WHY_NONE);
	ck_assert(drain(&a, SYNC_FRAME_RESYNC, NULL) == 0);
	ck_assert(IPVS(&a).storm && sync_link_alarm(&a.link) == SYNC_WHY_STORM);
	a.now = at(SYNC_GATE_MS - 1);
	(void)tell(&a, &(struct sync_msg){ SYNC_FRAME_PING, .u.stamp = 5 });
	ck_assert(drain(&a, SYNC_FRAME_RESYNC, NULL) == 0);
	ck_assert_int_eq(lb_time_cmp(sync_link_deadline(&a.link, a.now), at(SYNC_GATE_MS)), 0);
	a.now = at(SYNC_GATE_MS);
	ck_assert(drain(&a, SYNC_FRAME_RESYNC, NULL) == 1);
	ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_NONE);
}
END_TEST

START_TEST(who_is_asked_too_often_waits_too)
{
	put(&a, 0, 10);
	open_with(&a, 2);
	for (uint32_t round = 1; round <= SYNC_GATE_N + 3; round++) {
		tell(&a, &(struct sync_msg){ SYNC_FRAME_RESYNC, .u.resync = { 1, SYNC_WHY_GAP, round } });
		ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), round <= SYNC_GATE_N);
	}
	ck_assert(IPVS(&a).out.rounds == SYNC_GATE_N + 1 && sync_link_alarm(&a.link) == SYNC_WHY_STORM);
	a.now = at(SYNC_GATE_MS);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	/* an operator does not wait */
	for (uint32_t round = SYNC_GATE_N + 2; round < 30; round++) {
		tell(&a, &(struct sync_msg){ SYNC_FRAME_RESYNC, .u.resync = { 1, SYNC_WHY_OPERATOR, round } });
		ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	}
}
END_TEST

/* ---- the other stream, and whose word counts ---- */

START_TEST(two_streams_share_the_link)
{
	done(&a);
	a.table = flow_table_new(1, 100000);
	struct flow_table *t = a.table;
	a = (struct end){ .table = t, .now = at(0), .fake.source = { fake_seek, fake_next, fake_write, fake_last } };
	struct sync_link_conf c = conf_of(&a, "lb1", "lb2", 1);
	c.conntrack = &a.fake.source;
	a.fake.n = 3000;
	sync_link_init(&a.link, &c, a.now);
	put(&a, 0, 3000);
	join(&a, &b); /* b has no use for it, and is not sent it */
	talk(&a, &b);
	ck_assert(b.got == 3000 && status(&a, SYNC_STREAM_CONNTRACK).sent == 0);
	ck_assert(sync_link_has(&a.link, SYNC_STREAM_CONNTRACK, 3000)); /* nothing that one could wait for */
	cut(&a, &b);
	b.link.conf.calls.conntrack = on_conntrack;
	join(&a, &b);
	(void)talk_some(&a, &b, 30);
	ck_assert(b.conntrack > 0 && b.got == 3000);
	talk(&a, &b);
	ck_assert(b.conntrack == 3000 && status(&b, SYNC_STREAM_CONNTRACK).in.complete);
	put(&a, 0, 3000); /* both at once: in turn */
	a.fake.n = 6000;
	(void)talk_some(&a, &b, 20);
	ck_assert(b.conntrack > 3500 && b.conntrack < 5500 && b.got > 3500 && b.got < 5500);
	talk(&a, &b);
	ck_assert(b.conntrack == 6000 && b.got == 6000);
}
END_TEST

static const struct {
	const char *what;
	enum flow_origin origin;
	int64_t had_for_ms; /* < 0: nothing there */
	struct sync_from from;
	bool news;
} judged[] = {
	{ "nothing is there", FLOW_LOCAL, -1, { 5000, false }, true },
	{ "nothing is there, and it was ours", FLOW_LOCAL, -1, { 5000, true }, true },
	{ "ours is older", FLOW_LOCAL, 5001, { 5000, false }, true },
	{ "ours is as old", FLOW_LOCAL, 5000, { 5000, false }, false },
	{ "ours is newer", FLOW_LOCAL, 100, { 5000, false }, false },
	{ "theirs follows theirs", FLOW_PEER, 100, { 5000, false }, true },
	{ "what comes back follows nothing", FLOW_PEER, 9000, { 100, true }, false },
	{ "what comes back, and ours", FLOW_LOCAL, 9000, { 100, true }, false },
};

START_TEST(whose_word_counts)
{
	struct flow f = flow_nr(1);
	const struct flow_entry *e = NULL;
	if (judged[_i].had_for_ms >= 0)
		ck_assert_int_eq(
			flow_table_put(a.table, &f, judged[_i].origin, at(10000 - judged[_i].had_for_ms), &e), 0);
	ck_assert_msg(sync_is_news(e, &judged[_i].from, at(10000)) == judged[_i].news, "%s", judged[_i].what);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sync_stream");
	TCase *tc = tcase_create("sync_stream");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, both_get_everything_when_they_meet);
	tcase_add_test(tc, nothing_at_all_is_complete_too);
	tcase_add_test(tc, who_comes_back_goes_on);
	tcase_add_test(tc, a_bulk_that_was_cut_goes_on_where_it_was);
	tcase_add_test(tc, who_forgot_gets_back_what_it_told);
	tcase_add_test(tc, a_flow_that_moves_on_during_the_bulk_is_part_of_it);
	tcase_add_test(tc, what_the_peer_told_is_looked_at_in_slices);
	tcase_add_test(tc, a_round_that_begins_late_looks_in_slices);
	tcase_add_test(tc, many_that_move_on_during_the_bulk_are_part_of_it);
	tcase_add_test(tc, flows_that_ended_are_not_sent);
	tcase_add_test(tc, a_template_keeps_its_timeout);
	tcase_add_test(tc, one_that_cannot_take_a_flow_goes_on);
	tcase_add_test(tc, little_room_loses_nothing);
	tcase_add_test(tc, whether_it_has_all);
	tcase_add_test(tc, no_more_than_a_window_waits);
	tcase_add_loop_test(tc, the_rate_holds, 0, 5);
	tcase_add_test(tc, a_limit_after_a_month_without_a_word);
	tcase_add_test(tc, what_was_not_used_of_a_rate_is_not_saved);
	tcase_add_loop_test(tc, another_round_has_an_end_of_its_own, 0, 2);
	tcase_add_test(tc, another_round_has_a_window_of_its_own);
	tcase_add_test(tc, a_gap_is_asked_about_once);
	tcase_add_test(tc, who_asks_does_not_acknowledge);
	tcase_add_test(tc, a_round_behind_what_we_do_not_have);
	tcase_add_test(tc, a_round_before_what_we_have);
	tcase_add_test(tc, who_wants_everything_and_gets_it_does_not_ask);
	tcase_add_test(tc, too_many_gaps_wait_and_are_an_alarm);
	tcase_add_test(tc, who_is_asked_too_often_waits_too);
	tcase_add_test(tc, two_streams_share_the_link);
	tcase_add_loop_test(tc, whose_word_counts, 0, LEN(judged));
	return suite_run(s);
}
