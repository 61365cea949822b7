/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The link: how two nodes meet, what nobody may say, who is silent. */
#include "tests/unit/lbd_sync/link_ends.h"

/* ---- hello ---- */

static const struct {
	const char *what;
	uint16_t ours_min, ours_max, min, max;
	uint64_t epoch;
	const char *node;
	enum sync_why why;
	uint16_t version;
} hellos[] = {
	{ "the same version", 1, 1, 1, 1, 2, "lb2", SYNC_WHY_NONE, 1 },
	{ "a newer peer that knows ours", 1, 1, 1, 9, 2, "lb2", SYNC_WHY_NONE, 1 },
	{ "an older peer that we know", 1, 3, 1, 2, 2, "lb2", SYNC_WHY_NONE, 2 },
	{ "a newer peer that does not know ours any more", 1, 1, 2, 9, 2, "lb2", SYNC_WHY_VERSION, 0 },
	{ "an older peer that we do not know any more", 3, 4, 1, 2, 2, "lb2", SYNC_WHY_VERSION, 0 },
	{ "another node", 1, 1, 1, 1, 2, "lb3", SYNC_WHY_NODE, 0 },
	{ "a node with our name", 1, 1, 1, 1, 2, "lb1", SYNC_WHY_NODE, 0 },
	{ "ourselves", 1, 1, 1, 1, 1, "lb1", SYNC_WHY_SELF, 0 },
};

START_TEST(hello_is_judged)
{
	struct sync_msg m = hello_of(hellos[_i].epoch);
	m.u.hello.version_min = hellos[_i].min;
	m.u.hello.version_max = hellos[_i].max;
	snprintf(m.u.hello.node, sizeof(m.u.hello.node), "%s", hellos[_i].node);
	a.link.conf.version_min = hellos[_i].ours_min;
	a.link.conf.version_max = hellos[_i].ours_max;
	sync_link_up(&a.link, a.now);
	ck_assert_msg(tell(&a, &m) == hellos[_i].why, "%s", hellos[_i].what);
	ck_assert_msg(a.link.version == hellos[_i].version, "%s", hellos[_i].what);
	ck_assert_msg(sync_link_alarm(&a.link) == hellos[_i].why, "%s", hellos[_i].what);
	if (hellos[_i].why == SYNC_WHY_NONE)
		return;
	ck_assert(drain(&a, SYNC_FRAME_BYE, &m) == 1 && m.u.bye == hellos[_i].why);
	sync_link_down(&a.link, SYNC_WHY_CLOSED, a.now);
	ck_assert_msg(sync_link_alarm(&a.link) == hellos[_i].why, "%s: it stays known", hellos[_i].what);
}
END_TEST

START_TEST(a_new_configuration_is_told)
{
	join(&a, &b);
	talk(&a, &b);
	sync_link_set_config(&a.link, 8, 2);
	talk(&a, &b);
	ck_assert(b.link.peer.config == 8 && b.link.peer.generation == 2 && b.link.state == SYNC_LINK_OPEN);
	sync_link_set_config(&a.link, 8, 2);
	ck_assert_uint_eq(say(&a), 0);
	struct sync_msg m = hello_of(99);
	ck_assert_int_eq(tell(&a, &m), SYNC_WHY_PROTOCOL); /* another run in the same connection */
}
END_TEST

START_TEST(who_says_to_have_what_there_never_was_begins_at_0)
{
	struct sync_msg m = hello_of(2);
	put(&a, 0, 10);
	m.u.hello.seen_epoch = 1;
	m.u.hello.seen[0] = 11;
	sync_link_up(&a.link, a.now);
	ck_assert_int_eq(tell(&a, &m), SYNC_WHY_NONE);
	ck_assert(IPVS(&a).out.full && drain(&a, SYNC_FRAME_FLOWS, NULL) == 1);
}
END_TEST

/* ---- what nobody may say ---- */

static const struct {
	const char *what;
	bool hello;
	struct sync_msg m;
	enum sync_why why;
} wrong[] = {
	{ "a mark before hello", false, { SYNC_FRAME_MARK, .u.mark = { 1, 1, 1, 0, 0 } }, SYNC_WHY_PROTOCOL },
	{ "an acknowledgement before hello", false, { SYNC_FRAME_ACK, .u.ack = { 1, 1, 0 } }, SYNC_WHY_PROTOCOL },
	{ "ping before hello", false, { SYNC_FRAME_PING, .u.stamp = 1 }, SYNC_WHY_NONE },
	{ "goodbye before hello", false, { SYNC_FRAME_BYE, .u.bye = SYNC_WHY_VERSION }, SYNC_WHY_VERSION },
	{ "acknowledges what it was not sent", true, { SYNC_FRAME_ACK, .u.ack = { 1, 1, 11 } }, SYNC_WHY_PROTOCOL },
	{ "acknowledges a round that has not begun", true, { SYNC_FRAME_ACK, .u.ack = { 1, 2, 1 } },
		SYNC_WHY_PROTOCOL },
	{ "acknowledges a round before", true, { SYNC_FRAME_ACK, .u.ack = { 1, 0, 99 } }, SYNC_WHY_NONE },
	{ "acknowledges a stream that it is not sent", true, { SYNC_FRAME_ACK, .u.ack = { 2, 1, 0 } },
		SYNC_WHY_PROTOCOL },
	{ "acknowledges a stream that we do not know", true, { SYNC_FRAME_ACK, .u.ack = { 7, 1, 0 } }, SYNC_WHY_NONE },
	{ "the end of a round that has not begun", true, { SYNC_FRAME_MARK, .u.mark = { 1, 2, 1, 0, 0 } },
		SYNC_WHY_PROTOCOL },
	{ "asks for a round before", true, { SYNC_FRAME_RESYNC, .u.resync = { 1, SYNC_WHY_GAP, 9 } }, SYNC_WHY_NONE },
	{ "asks for a stream that there is not", true, { SYNC_FRAME_RESYNC, .u.resync = { 2, SYNC_WHY_GAP, 0 } },
		SYNC_WHY_NONE },
	{ "holds a stream that there is not", true, { SYNC_FRAME_HOLD, .u.hold = { 2, true } }, SYNC_WHY_NONE },
	{ "an answer to no question", true, { SYNC_FRAME_PONG, .u.stamp = 77 }, SYNC_WHY_NONE },
	{ "goodbye", true, { SYNC_FRAME_BYE, .u.bye = SYNC_WHY_SHUTDOWN }, SYNC_WHY_SHUTDOWN },
};

START_TEST(what_is_said_is_judged)
{
	put(&a, 0, 10);
	sync_link_up(&a.link, a.now);
	if (wrong[_i].hello) {
		struct sync_msg hello = hello_of(2);
		ck_assert_int_eq(tell(&a, &hello), SYNC_WHY_NONE);
		(void)drain(&a, SYNC_FRAME_BYE, NULL);
	}
	ck_assert_msg(tell(&a, &wrong[_i].m) == wrong[_i].why, "%s", wrong[_i].what);
	unsigned byes = drain(&a, SYNC_FRAME_BYE, NULL);
	ck_assert_msg(byes == (wrong[_i].why == SYNC_WHY_PROTOCOL), "%s: goodbye", wrong[_i].what);
	if (wrong[_i].why != SYNC_WHY_NONE) { /* and nothing after it counts */
		ck_assert_int_eq(a.link.state, SYNC_LINK_OVER);
		ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_PING, .u.stamp = 5 }), wrong[_i].why);
		ck_assert_uint_eq(say(&a), 0);
	}
}
END_TEST

START_TEST(bytes_that_are_no_frame_and_types_that_are_new)
{
	open_with(&a, 2);
	ck_assert_int_eq(hear(&a, (const uint8_t *)"\x7f what is that", 14), SYNC_WHY_NONE);
	ck_assert(a.link.unknown == 1 && a.link.state == SYNC_LINK_OPEN);
	ck_assert_int_eq(hear(&a, (const uint8_t *)"", 0), SYNC_WHY_PROTOCOL);
}
END_TEST

START_TEST(flows_of_no_round)
{
	open_with(&a, 2);
	ck_assert_int_eq(tell_flows(&a, 1, (uint32_t)_i, 0, 1), SYNC_WHY_PROTOCOL);
	ck_assert_uint_eq(a.got, 0);
}
END_TEST

START_TEST(a_stream_of_a_newer_peer_is_acknowledged)
{
	struct sync_msg m;
	open_with(&a, 2);
	ck_assert_int_eq(tell_flows(&a, 3, 7, 0, 1), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 3, 7, 1, 5), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 250, 7, 1, 5), SYNC_WHY_NONE);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_ACK, &m), 1);
	ck_assert(m.u.ack.stream == 3 && m.u.ack.round == 7 && m.u.ack.number == 5 && a.got == 0);
}
END_TEST

START_TEST(what_one_connection_owed_is_not_said_in_the_next)
{
	struct sync_msg hello = hello_of(2);
	open_with(&a, 2);
	ck_assert_int_eq(tell_flows(&a, 3, 7, 0, 1), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell_flows(&a, 1, 1, 0, 9), SYNC_WHY_NONE);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_PING, .u.stamp = 5 }), SYNC_WHY_NONE);
	sync_link_down(&a.link, SYNC_WHY_CLOSED, a.now);
	sync_link_up(&a.link, a.now);
	ck_assert_uint_gt(say(&a), 0);
	ck_assert_uint_eq(frame[0], SYNC_FRAME_HELLO);
	ck_assert_int_eq(tell(&a, &hello), SYNC_WHY_NONE);
	for (size_t n; (n = say(&a)) > 0;)
		ck_assert_uint_eq(frame[0], SYNC_FRAME_MARK);
}
END_TEST

/* ---- time ---- */

START_TEST(who_is_idle_says_a_word_and_who_is_silent_is_gone)
{
	join(&a, &b);
	talk(&a, &b);
	for (int i = 0; i < 10; i++) {
		struct lb_time when = sync_link_deadline(&a.link, a.now);
		ck_assert_int_le(lb_time_diff_us(when, a.now), SYNC_PING_MS * MS);
		later(&a, &b, SYNC_PING_MS);
		ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_NONE);
		ck_assert_int_eq(sync_link_tick(&b.link, b.now), SYNC_WHY_NONE);
		ck_assert_uint_le(talk_some(&a, &b, 10), 4);
	}
	ck_assert(a.link.rtt_us == 1);
	for (int ms = 0; ms < SYNC_SILENT_MS - 100; ms += 100) {
		a.now = lb_time_add_ms(a.now, 100);
		ck_assert_msg(sync_link_tick(&a.link, a.now) == SYNC_WHY_NONE, "after %d ms", ms);
		(void)drain(&a, SYNC_FRAME_BYE, NULL);
	}
	a.now = lb_time_add_ms(a.now, 100);
	ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_SILENT);
	ck_assert_int_eq(sync_link_alarm(&a.link), SYNC_WHY_SILENT);
	sync_link_down(&a.link, SYNC_WHY_SILENT, a.now);
	ck_assert_uint_eq(a.link.rtt_us, 0); /* of a link that there is not */
}
END_TEST

START_TEST(only_the_answer_to_the_last_question_tells_how_long_it_takes)
{
	struct sync_msg ping;
	open_with(&a, 2);
	a.now = lb_time_add_ms(a.now, SYNC_PING_MS);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_PING, &ping), 1);
	a.now = lb_time_add_ms(a.now, 5);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_PONG, .u.stamp = ping.u.stamp - 1 }), SYNC_WHY_NONE);
	ck_assert_uint_eq(a.link.rtt_us, 0);
	ck_assert_int_eq(tell(&a, &(struct sync_msg){ SYNC_FRAME_PONG, .u.stamp = ping.u.stamp }), SYNC_WHY_NONE);
	ck_assert_uint_eq(a.link.rtt_us, 5000);
}
END_TEST

START_TEST(who_never_says_hello_is_gone_too)
{
	sync_link_up(&a.link, a.now);
	for (int i = 0; i < 2; i++) {
		a.now = lb_time_add_ms(a.now, 1000);
		ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_NONE);
	}
	a.now = lb_time_add_ms(a.now, 1000);
	ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_SILENT);
}
END_TEST

START_TEST(who_stood_still_listens_first)
{
	join(&a, &b);
	talk(&a, &b);
	a.now = lb_time_add_ms(a.now, 1000);
	ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_NONE);
	a.now = lb_time_add_ms(a.now, 500);
	put(&a, 7, 1);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	/* whatever it said since: later than that would be standing still */
	ck_assert_int_eq(lb_time_cmp(sync_link_deadline(&a.link, a.now), lb_time_add_ms(a.now, 500)), 0);
	a.now = lb_time_add_ms(a.now, 60000);
	ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_NONE);
	ck_assert_int_gt(sync_link_deadline(&a.link, a.now).us, a.now.us);
	struct lb_time ticked = a.now;
	a.now = lb_time_add_ms(a.now, 900); /* who speaks all the time looks at the time all the same */
	put(&a, 0, 1);
	ck_assert_uint_eq(drain(&a, SYNC_FRAME_FLOWS, NULL), 1);
	ck_assert_int_eq(lb_time_cmp(sync_link_deadline(&a.link, a.now), lb_time_add_ms(ticked, 1000)), 0);
	a.now = lb_time_add_ms(ticked, 1000);
	ck_assert_int_eq(sync_link_tick(&a.link, a.now), SYNC_WHY_SILENT);
}
END_TEST

static const struct {
	const char *what;
	int64_t ms[3]; /* when it looks at the time; it heard the last word at 0 */
	enum sync_why why[3];
} looks[] = {
	{ "half a word late: it was silent", { 1000, 2000, 3500 }, { SYNC_WHY_NONE, SYNC_WHY_NONE, SYNC_WHY_SILENT } },
	{ "later: we stood still", { 1000, 2000, 3501 }, { SYNC_WHY_NONE, SYNC_WHY_NONE, SYNC_WHY_NONE } },
	{ "that takes nothing of its time away", { 1600, 2600, 3000 },
		{ SYNC_WHY_NONE, SYNC_WHY_NONE, SYNC_WHY_SILENT } },
};

START_TEST(who_stood_still_for_a_moment_listens_as_long_as_any)
{
	open_with(&a, 2);
	for (size_t i = 0; i < 3; i++) {
		a.now = at(looks[_i].ms[i]);
		ck_assert_msg(sync_link_tick(&a.link, a.now) == looks[_i].why[i], "%s: at %lld ms", looks[_i].what,
			(long long)looks[_i].ms[i]);
	}
}
END_TEST

/* The transport has another connection before it has told that the last one ended. */
START_TEST(a_connection_that_replaces_another_one_begins_anew)
{
	open_with(&a, 2);
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN | SYNC_MARK_FINAL, 1, 0, 0), SYNC_WHY_NONE);
	ck_assert(IPVS(&a).in.complete);
	sync_link_up(&a.link, a.now);
	ck_assert(a.link.state == SYNC_LINK_HELLO && a.link.version == 0 && !IPVS(&a).in.complete);
	ck_assert(!a.link.out[SYNC_STREAM_IPVS].on); /* nothing before its hello */
	ck_assert_int_eq(tell_mark(&a, SYNC_MARK_BEGIN, 1, 0, 0), SYNC_WHY_PROTOCOL);
}
END_TEST

/* As with another key, port or path. */
static void another_link(struct end *e)
{
	struct sync_link_conf c = e->link.conf;
	for (unsigned s = 0; s < SYNC_STREAM_COUNT; s++)
		c.had[s] = sync_link_had(&e->link, (enum sync_stream)s);
	sync_link_done(&e->link);
	sync_link_init(&e->link, &c, e->now);
}

/* Two that begin anew: what the peer told the one before is found in the kernel when the link is open, one by one. */
START_TEST(what_is_found_of_theirs_is_told)
{
	join(&a, &b);
	talk(&a, &b);
	ck_assert(IPVS(&a).out.complete && IPVS(&b).in.complete);
	for (unsigned i = 0; i < 5; i++) {
		struct flow f = flow_nr(i);
		ck_assert_int_eq(flow_table_put_aged(a.table, &f, FLOW_PEER, 60000, a.now, NULL), 0);
		sync_out_found(&a.link.out[SYNC_STREAM_IPVS]);
		talk(&a, &b);
	}
	ck_assert(count(&b) == 5 && b.got == 5 && b.yours == 5);
	sync_link_onward(&a.link, SYNC_STREAM_IPVS);
	talk(&a, &b);
	ck_assert(b.got == 5 && IPVS(&a).out.complete && IPVS(&b).in.complete);
	/* what it tells is its own, as before */
	put(&b, 100, 5);
	talk(&a, &b);
	ck_assert(count(&a) == 10 && b.got == 5);
}
END_TEST

/* The first round may have been a small one: what the others are is not known before that look is over, however often
 * the link breaks meanwhile. */
START_TEST(what_is_found_behind_a_break_is_told)
{
	join(&a, &b);
	talk(&a, &b);
	ck_assert(IPVS(&b).in.complete);
	cut(&a, &b);
	join(&a, &b);
	struct flow f = flow_nr(1);
	ck_assert_int_eq(flow_table_put_aged(a.table, &f, FLOW_PEER, 60000, a.now, NULL), 0);
	sync_out_found(&a.link.out[SYNC_STREAM_IPVS]);
	talk(&a, &b);
	ck_assert(count(&b) == 1 && b.yours == 1);
}
END_TEST

static bool knows(const struct end *e, int64_t forwards_ms)
{
	return sync_in_knows(&e->link.in[SYNC_STREAM_IPVS], at(forwards_ms));
}

/* Another process of the peer tells what it has found. Only who has had all packets since the last time that it had
 * everything from the one before knows of each whether it lives. */
START_TEST(who_has_missed_nothing)
{
	const struct sync_in never = { 0 }, once = { .knew_at = at(5000) };
	ck_assert(!sync_in_knows(&never, at(0)) && !sync_in_knows(&once, (struct lb_time){ 0 }));
	ck_assert(sync_in_knows(&once, at(5000)) && !sync_in_knows(&once, at(5001)));
	a.now = b.now = at(1000);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(IPVS(&b).in.complete && !knows(&b, 0));
	if (_i) /* from then on it hears nothing */
		sync_link_pause(&b.link, SYNC_STREAM_IPVS, true);
	a.now = b.now = at(3000);
	talk(&a, &b);
	b.link.heard_at = at(3000);
	a.now = b.now = at(6000); /* three seconds later it notices */
	cut(&a, &b);
	forget(&a, 3, "lb1", 0);
	a.now = b.now = at(60000);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(knows(&b, 1000) && knows(&b, 3000) == !_i && !knows(&b, 3001));
	/* the same one again: still what was before it */
	cut(&a, &b);
	join(&a, &b);
	ck_assert(knows(&b, 1000) && !knows(&b, 3001));
}
END_TEST

/* Who goes on has forgotten nothing: what it ended meanwhile stays ended, whatever one that begins anew finds, and
 * whenever it does. */
START_TEST(what_has_ended_does_not_come_back)
{
	join(&a, &b);
	talk(&a, &b);
	cut(&a, &b);
	if (_i) /* the same one, as with another key */
		another_link(&b);
	forget(&a, 3, "lb1", 0);
	struct flow f = flow_nr(1), late = flow_nr(2);
	ck_assert_int_eq(flow_table_put_aged(a.table, &f, FLOW_PEER, 60000, a.now, NULL), 0);
	join(&a, &b);
	talk(&a, &b);
	ck_assert_int_eq(flow_table_put_aged(a.table, &late, FLOW_PEER, 60000, a.now, NULL), 0);
	sync_out_found(&a.link.out[SYNC_STREAM_IPVS]);
	sync_link_onward(&a.link, SYNC_STREAM_IPVS);
	talk(&a, &b);
	ck_assert(count(&b) == 0 && b.got == 0 && IPVS(&b).stale == 2 && IPVS(&b).received == 2);
	ck_assert(IPVS(&b).in.complete && IPVS(&a).out.complete);
	put(&a, 7, 1); /* what is its own is news */
	talk(&a, &b);
	ck_assert_uint_eq(count(&b), 1);
	/* and another one, that has forgotten */
	cut(&a, &b);
	forget(&b, 4, "lb2", 0);
	join(&a, &b);
	talk(&a, &b);
	ck_assert(count(&b) == 3 && b.yours == 2);
}
END_TEST

START_TEST(the_lag_goes_on_over_another_link)
{
	put(&a, 0, 10);
	later(&a, &b, 7000);
	another_link(&a);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 7000);
	join(&a, &b);
	talk(&a, &b);
	later(&a, &b, 50000);
	cut(&a, &b);
	another_link(&a);
	later(&a, &b, 3000);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 0); /* it has everything */
	put(&a, 20, 1);
	another_link(&a);
	later(&a, &b, 1000);
	ck_assert_uint_eq(IPVS(&a).lag_ms, 4000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sync_link");
	TCase *tc = tcase_create("sync_link");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, hello_is_judged, 0, LEN(hellos));
	tcase_add_test(tc, a_new_configuration_is_told);
	tcase_add_test(tc, who_says_to_have_what_there_never_was_begins_at_0);
	tcase_add_loop_test(tc, what_is_said_is_judged, 0, LEN(wrong));
	tcase_add_test(tc, bytes_that_are_no_frame_and_types_that_are_new);
	tcase_add_loop_test(tc, flows_of_no_round, 0, 2);
	tcase_add_test(tc, a_stream_of_a_newer_peer_is_acknowledged);
	tcase_add_test(tc, what_one_connection_owed_is_not_said_in_the_next);
	tcase_add_test(tc, who_is_idle_says_a_word_and_who_is_silent_is_gone);
	tcase_add_test(tc, only_the_answer_to_the_last_question_tells_how_long_it_takes);
	tcase_add_test(tc, who_never_says_hello_is_gone_too);
	tcase_add_test(tc, who_stood_still_listens_first);
	tcase_add_loop_test(tc, who_stood_still_for_a_moment_listens_as_long_as_any, 0, LEN(looks));
	tcase_add_test(tc, a_connection_that_replaces_another_one_begins_anew);
	tcase_add_test(tc, what_is_found_of_theirs_is_told);
	tcase_add_loop_test(tc, who_has_missed_nothing, 0, 2);
	tcase_add_test(tc, what_is_found_behind_a_break_is_told);
	tcase_add_loop_test(tc, what_has_ended_does_not_come_back, 0, 2);
	tcase_add_test(tc, the_lag_goes_on_over_another_link);
	return suite_run(s);
}
