/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two nodes that hear each other over some paths: how they meet, what counts, what is a replay, who is gone; and all of
 * it at once, at random, with somebody who has recorded everything and plays it again. */
#include "lbd/vrrp/peer_link.h"
#include "tests/unit/lbd_vrrp/frames.h"

#include <stdio.h>

#define MS    INT64_C(1000)
#define DEAD  1000 /* ms */
#define T0    INT64_C(1000000000)
#define WALL  INT64_C(1700000000000000)
#define SEEDS 20
#define PARTS 20 /* so many tests of SEEDS each: one is short enough for a busy machine */

static struct lb_time at(int64_t ms)
{
	return (struct lb_time){ T0 + ms * MS };
}

struct node {
	struct peer_self self;
	struct peer_link link; /* to the other one */
	uint64_t name;
	enum peer_refusal why; /* of the last take */
	struct peer_change change;
};

static struct node node_of(uint64_t name, uint64_t session, size_t n_paths, struct lb_time now)
{
	struct node n = { .name = name, .self.session = session };
	n.link.node = name == 1 ? 2 : 1;
	n.link.dead_after_ms = DEAD;
	n.link.n_paths = n_paths;
	peer_link_init(&n.link, now);
	return n;
}

/* What it says now; the wall clock of node 2 is an hour ahead. */
static int64_t wall(const struct node *n, struct lb_time now)
{
	return WALL + now.us + (n->name == 2) * INT64_C(3600000000);
}

static struct peer_beat say(struct node *n, struct lb_time now)
{
	struct peer_beat b = { .node = n->name, .session = n->self.session, .wall_us = wall(n, now), .version = "1" };
	b.seq = peer_self_next(&n->self, now);
	peer_link_echo(&n->link, now, &b);
	return b;
}

static struct peer_beat answer(struct node *n, const struct peer_beat *to, struct lb_time now)
{
	struct peer_beat b = say(n, now);
	b.echo_session = to->session;
	b.echo_seq = to->seq;
	b.echo_held_us = 0;
	return b;
}

static enum peer_take hear(struct node *n, const struct peer_beat *b, size_t path, struct lb_time now)
{
	return peer_link_take(&n->link, &n->self, b, path, now, wall(n, now), &n->why, &n->change);
}

/* Two that know each other at 0, by beats that took 1 ms each. */
static void meet(struct node *a, struct node *b, size_t n_paths)
{
	*a = node_of(1, 0xa, n_paths, at(-10));
	*b = node_of(2, 0xb, n_paths, at(-10));
	struct peer_beat first = say(a, at(-3));
	ck_assert_int_eq(hear(b, &first, 0, at(-2)), PEER_TAKE_ASK);
	struct peer_beat second = answer(b, &first, at(-2));
	ck_assert_int_eq(hear(a, &second, 0, at(-1)), PEER_TAKE_NEWS);
	struct peer_beat third = say(a, at(-1));
	ck_assert_int_eq(hear(b, &third, 0, at(0)), PEER_TAKE_NEWS);
}

START_TEST(two_that_start_know_each_other_after_three_beats)
{
	struct node a = node_of(1, 0xa, 2, at(0)), b = node_of(2, 0xb, 2, at(0));
	struct peer_beat first = say(&a, at(0));
	ck_assert(first.echo_session == 0 && first.echo_seq == 0 && first.echo_held_us == 0);
	ck_assert_int_eq(hear(&b, &first, 0, at(1)), PEER_TAKE_ASK);
	ck_assert(b.why == PEER_OK && !b.change.node && !b.change.paths && !b.link.up && !b.link.paths[0].up);
	ck_assert_int_eq(hear(&b, &first, 1, at(1)), PEER_TAKE_OLD); /* over the other path: answered already */
	ck_assert(b.why == PEER_OK && b.link.session == 0);
	struct peer_beat second = answer(&b, &first, at(1));
	ck_assert_int_eq(hear(&a, &second, 1, at(2)), PEER_TAKE_NEWS);
	ck_assert(a.change.node && a.change.paths && a.link.up && !a.link.paths[0].up && a.link.paths[1].up);
	ck_assert(a.link.since.us == at(2).us && a.link.restarts == 0);
	struct peer_beat third = say(&a, at(2));
	ck_assert(third.echo_session == 0xb && third.echo_seq == second.seq && third.echo_held_us == 0);
	ck_assert_int_eq(hear(&b, &third, 0, at(3)), PEER_TAKE_NEWS);
	ck_assert(b.change.node && b.link.up && b.link.session == 0xa && b.link.seq == third.seq);
	ck_assert(b.link.last.n == 0 && strcmp(b.link.last.version, "1") == 0 && b.link.last.seq == third.seq);
	ck_assert_int_eq(b.link.said_after.us, at(1).us);
	ck_assert_int_eq(b.link.said_at.us, at(1).us);
}
END_TEST

START_TEST(is_asked_at_most_every_20_ms)
{
	struct node a = node_of(1, 0xa, 1, at(0)), b = node_of(2, 0xb, 1, at(0));
	int asked = 0;
	for (int64_t ms = 0; ms < 100; ms++) {
		struct peer_beat stale = say(&a, at(ms));
		enum peer_take t = hear(&b, &stale, 0, at(ms));
		ck_assert(t == PEER_TAKE_ASK || (t == PEER_TAKE_OLD && b.why == PEER_OK));
		ck_assert_msg((t == PEER_TAKE_ASK) == (ms % PEER_ASK_MS == 0), "%d ms", (int)ms);
		asked += t == PEER_TAKE_ASK;
	}
	ck_assert_int_eq(asked, 5);
	ck_assert(!b.link.up && b.link.session == 0);
	/* and the first time by a clock that is younger than that */
	struct lb_time young = { MS };
	a = node_of(1, 0xa, 1, young);
	b = node_of(2, 0xb, 1, young);
	struct peer_beat first = say(&a, young);
	ck_assert_int_eq(hear(&b, &first, 0, young), PEER_TAKE_ASK);
}
END_TEST

/* ---- one beat, judged ---- */

static const struct {
	const char *what;
	int64_t age_us;                  /* of our number 3 when the beat comes; what was sent before is older */
	uint64_t session, seq;           /* link: 0xb, 5 */
	uint64_t echo_session, echo_seq; /* ours: 0xa, 1..3 */
	enum peer_take want;
	enum peer_refusal why;
} takes[] = {
	{ "news", 0, 0xb, 6, 0xa, 3, PEER_TAKE_NEWS, PEER_OK },
	{ "numbers may be missing", 0, 0xb, 1000, 0xa, 3, PEER_TAKE_NEWS, PEER_OK },
	{ "as old as may be", DEAD *MS, 0xb, 6, 0xa, 3, PEER_TAKE_NEWS, PEER_OK },
	{ "too old", DEAD *MS + 1, 0xb, 6, 0xa, 3, PEER_TAKE_ASK, PEER_OK },
	{ "the one before, as old as may be", DEAD *MS - 10 * MS, 0xb, 6, 0xa, 2, PEER_TAKE_NEWS, PEER_OK },
	{ "the one before, too old", DEAD *MS - 10 * MS + 1, 0xb, 6, 0xa, 2, PEER_TAKE_ASK, PEER_OK },
	{ "the one before that", DEAD *MS - 20 * MS + 1, 0xb, 6, 0xa, 1, PEER_TAKE_ASK, PEER_OK },
	{ "one that we have not sent yet", 0, 0xb, 6, 0xa, 4, PEER_TAKE_ASK, PEER_OK },
	{ "one that we never send", 0, 0xb, 6, 0xa, UINT64_MAX, PEER_TAKE_ASK, PEER_OK },
	{ "no echo", 0, 0xb, 6, 0, 0, PEER_TAKE_ASK, PEER_OK },
	{ "an echo of somebody else", 0, 0xb, 6, 0xc, 3, PEER_TAKE_ASK, PEER_OK },
	{ "its own session repeated", 0, 0xb, 6, 0xb, 3, PEER_TAKE_ASK, PEER_OK },
	{ "the last one again", 0, 0xb, 5, 0xa, 3, PEER_TAKE_OLD, PEER_REPLAY },
	{ "one before it", 0, 0xb, 4, 0xa, 3, PEER_TAKE_OLD, PEER_REPLAY },
	{ "one before it, not fresh either", DEAD *MS + 1, 0xb, 4, 0xa, 3, PEER_TAKE_OLD, PEER_REPLAY },
	{ "one before it, without an echo", 0, 0xb, 1, 0, 0, PEER_TAKE_OLD, PEER_REPLAY },
	{ "half of all numbers later is before", 0, 0xb, 5 + (UINT64_C(1) << 63), 0xa, 3, PEER_TAKE_OLD, PEER_REPLAY },
	{ "a little less is behind", 0, 0xb, 4 + (UINT64_C(1) << 63), 0xa, 3, PEER_TAKE_NEWS, PEER_OK },
	{ "a restart", 0, 0xd, 1, 0xa, 3, PEER_TAKE_NEWS, PEER_OK },
	{ "another session that is not fresh", DEAD *MS + 1, 0xd, 9, 0xa, 3, PEER_TAKE_ASK, PEER_OK },
	{ "another session without an echo", 0, 0xd, 9, 0, 0, PEER_TAKE_ASK, PEER_OK },
	{ "another session that knows no more of us", 0, 0xd, 9, 0xa, 2, PEER_TAKE_ASK, PEER_OK },
	{ "or less", 0, 0xd, 9, 0xa, 1, PEER_TAKE_ASK, PEER_OK },
};

START_TEST(one_beat_is_judged)
{
	struct node a = node_of(1, 0xa, 2, at(0));
	for (int i = 0; i < 2; i++)
		peer_self_next(&a.self, at(10 * i));
	struct peer_beat known = { .node = 2, .session = 0xb, .seq = 5, .echo_session = 0xa, .echo_seq = 2 };
	ck_assert_int_eq(hear(&a, &known, 0, at(15)), PEER_TAKE_NEWS);
	peer_self_next(&a.self, at(20));
	struct peer_beat b = { .node = 2,
		.session = takes[_i].session,
		.seq = takes[_i].seq,
		.echo_session = takes[_i].echo_session,
		.echo_seq = takes[_i].echo_seq };
	struct lb_time now = { at(20).us + takes[_i].age_us };
	struct node before = a;
	enum peer_take got = hear(&a, &b, 0, now);
	ck_assert_msg(got == takes[_i].want && a.why == takes[_i].why, "%s: %d %d", takes[_i].what, got, a.why);
	ck_assert_msg(
		(a.link.seq == b.seq && a.link.session == b.session) == (got == PEER_TAKE_NEWS || takes[_i].seq == 5),
		"%s", takes[_i].what);
	if (got != PEER_TAKE_NEWS) {
		ck_assert_msg(a.link.paths[0].heard_at.us == before.link.paths[0].heard_at.us, "%s", takes[_i].what);
		ck_assert_msg(a.link.heard_at.us == before.link.heard_at.us, "%s", takes[_i].what);
	}
	ck_assert_uint_eq(a.link.restarts, got == PEER_TAKE_NEWS && takes[_i].session == 0xd);
	/* once more it is no news, whatever it was */
	ck_assert_int_eq(hear(&a, &b, 0, now), PEER_TAKE_OLD);
	ck_assert_int_eq(a.why, got == PEER_TAKE_ASK ? PEER_OK : PEER_REPLAY);
}
END_TEST

/* ---- paths ---- */

START_TEST(copies_keep_their_paths_up)
{
	struct node a, b;
	meet(&a, &b, 3);
	struct peer_beat one = say(&b, at(10)), two = say(&b, at(20));
	ck_assert_int_eq(hear(&a, &two, 0, at(21)), PEER_TAKE_NEWS); /* first, although said later */
	ck_assert(!a.change.paths && !a.change.node);
	ck_assert_int_eq(hear(&a, &one, 1, at(22)), PEER_TAKE_OLD);
	ck_assert(a.why == PEER_OK && a.change.paths && a.link.paths[1].up && a.link.paths[1].seq == one.seq);
	ck_assert(a.link.seq == two.seq && a.link.heard_at.us == at(21).us);
	ck_assert_int_eq(hear(&a, &two, 1, at(23)), PEER_TAKE_OLD);
	ck_assert(a.why == PEER_OK && !a.change.paths && a.link.paths[1].seq == two.seq);
	ck_assert_int_eq(hear(&a, &one, 1, at(24)), PEER_TAKE_OLD); /* on the same path: played again */
	ck_assert(a.why == PEER_REPLAY && a.link.paths[1].heard_at.us == at(23).us);
	ck_assert_int_eq(hear(&a, &one, 0, at(24)), PEER_TAKE_OLD); /* late on the path that had the later one */
	ck_assert(a.why == PEER_REPLAY && !a.link.paths[2].up);
	/* a copy that is not fresh any more says nothing of its path */
	ck_assert_int_eq(hear(&a, &two, 2, at(990)), PEER_TAKE_OLD);
	ck_assert(a.why == PEER_OK && a.link.paths[2].up);
	struct node late = a;
	late.link.paths[2] = (struct peer_path){ 0 };
	ck_assert_int_eq(hear(&late, &two, 2, at(1000)), PEER_TAKE_OLD);
	ck_assert(late.why == PEER_REPLAY && !late.link.paths[2].up);
}
END_TEST

START_TEST(round_trips_and_clocks)
{
	struct node a, b;
	meet(&a, &b, 2);
	struct peer_beat ours = say(&a, at(100)); /* 3 ms there, 40 ms held, 5 and 9 ms back */
	ck_assert_int_eq(hear(&b, &ours, 0, at(103)), PEER_TAKE_NEWS);
	struct peer_beat theirs = say(&b, at(143));
	ck_assert_uint_eq(theirs.echo_held_us, 40 * MS);
	ck_assert_int_eq(hear(&a, &theirs, 0, at(148)), PEER_TAKE_NEWS);
	ck_assert_uint_eq(a.link.paths[0].rtt_us, 8 * MS);
	ck_assert_int_eq(hear(&a, &theirs, 1, at(152)), PEER_TAKE_OLD);
	ck_assert_uint_eq(a.link.paths[1].rtt_us, 12 * MS);
	/* an hour, and half of the difference of the two ways */
	ck_assert_int_eq(a.link.offset_us, INT64_C(3600000000) - 1 * MS);
	ck_assert_int_eq(a.link.said_after.us, at(100).us);
	ck_assert_int_eq(a.link.said_at.us, at(140).us); /* no later than it was: at 143 */

	/* words that cannot be */
	theirs.seq++;
	theirs.echo_held_us = UINT32_MAX;
	theirs.wall_us = PEER_WALL_MAX_US;
	ck_assert_int_eq(hear(&a, &theirs, 0, at(160)), PEER_TAKE_NEWS);
	ck_assert_uint_eq(a.link.paths[0].rtt_us, 1);
	ck_assert_int_eq(a.link.said_at.us, at(160).us);
	ck_assert_int_eq(a.link.offset_us, PEER_WALL_MAX_US - wall(&a, at(160)));
	ck_assert_int_eq(peer_link_time(&a.link, at(1152), &a.change).us, at(1160).us);
	ck_assert(a.change.paths && a.link.paths[0].rtt_us == 1 && a.link.paths[1].rtt_us == 0);
}
END_TEST

/* ---- silence ---- */

START_TEST(silence_of_a_path_and_of_the_node)
{
	struct node a, b;
	meet(&a, &b, 2);
	struct peer_beat one = say(&b, at(50));
	ck_assert_int_eq(hear(&a, &one, 1, at(51)), PEER_TAKE_NEWS);
	ck_assert_int_eq(peer_link_time(&a.link, at(60), &a.change).us, at(999).us); /* path 0 was heard at -1 */
	ck_assert(!a.change.node && !a.change.paths);
	ck_assert_int_eq(peer_link_time(&a.link, (struct lb_time){ at(999).us - 1 }, &a.change).us, at(999).us);
	ck_assert(!a.change.node && !a.change.paths && a.link.paths[0].up);
	ck_assert_int_eq(peer_link_time(&a.link, at(999), &a.change).us, at(1051).us);
	ck_assert(!a.change.node && a.change.paths && !a.link.paths[0].up && a.link.up);
	ck_assert(peer_link_time(&a.link, at(1051), &a.change).us == LB_TIME_NEVER.us);
	ck_assert(a.change.node && a.change.paths && !a.link.up && a.link.since.us == at(1051).us);
	ck_assert(peer_link_time(&a.link, at(99999), &a.change).us == LB_TIME_NEVER.us);
	ck_assert(!a.change.node && !a.change.paths && a.link.since.us == at(1051).us);
}
END_TEST

START_TEST(a_clock_that_stands_still_or_a_late_call)
{
	struct node a, b;
	meet(&a, &b, 2);
	for (int i = 0; i < 1000; i++) { /* at one time, and even before the last one */
		struct peer_beat ours = say(&a, at(0));
		(void)hear(&b, &ours, 0, at(0));
		struct peer_beat theirs = say(&b, at(0));
		ck_assert_int_eq(hear(&a, &theirs, 0, at(i % 2 ? -5 : 0)), PEER_TAKE_NEWS);
		ck_assert(a.link.up && peer_link_time(&a.link, at(-9), &a.change).us <= at(DEAD).us);
	}
	/* an hour later: everything is too old, and is said so */
	struct peer_beat theirs = say(&b, at(1));
	ck_assert_int_eq(hear(&a, &theirs, 0, at(3600000)), PEER_TAKE_ASK);
	ck_assert(a.change.node && a.change.paths && !a.link.up);
	/* and after the answer it is up again, in the same session */
	struct peer_beat ours = answer(&a, &theirs, at(3600000));
	ck_assert_int_eq(hear(&b, &ours, 0, at(3600001)), PEER_TAKE_ASK); /* b slept, too, and echoes nothing new */
	theirs = answer(&b, &ours, at(3600001));
	ck_assert_int_eq(hear(&a, &theirs, 0, at(3600002)), PEER_TAKE_NEWS);
	ck_assert(a.change.node && a.change.paths && a.link.up && a.link.restarts == 0);
}
END_TEST

START_TEST(a_straggler_brings_nobody_back)
{
	struct node a, b;
	meet(&a, &b, 2);
	struct peer_beat ours = say(&a, at(900));
	ck_assert_int_eq(hear(&b, &ours, 0, at(901)), PEER_TAKE_NEWS);
	struct peer_beat theirs = say(&b, at(901));
	a.link.dead_after_ms = 100;
	ck_assert_int_eq(hear(&a, &theirs, 0, at(902)), PEER_TAKE_NEWS);
	ck_assert(peer_link_time(&a.link, at(1002), &a.change).us == LB_TIME_NEVER.us && !a.link.up);
	a.link.dead_after_ms = DEAD; /* a copy that is fresh, of what was news before the silence */
	ck_assert_int_eq(hear(&a, &theirs, 1, at(1003)), PEER_TAKE_OLD);
	ck_assert(a.why == PEER_OK && !a.link.up && !a.link.paths[1].up);
}
END_TEST

START_TEST(a_silence_that_nobody_looked_at)
{
	struct node a, b;
	meet(&a, &b, 2);
	struct peer_beat ours = say(&a, at(1500));
	ck_assert_int_eq(hear(&b, &ours, 0, at(1501)), PEER_TAKE_ASK);
	struct peer_beat theirs = answer(&b, &ours, at(1501));
	ck_assert_int_eq(hear(&a, &theirs, 1, at(1502)), PEER_TAKE_NEWS);
	ck_assert(a.change.node && a.change.paths && a.link.up && a.link.since.us == at(1502).us);
	ck_assert(!a.link.paths[0].up && a.link.paths[1].up);
}
END_TEST

/* ---- restarts ---- */

START_TEST(the_peer_restarts)
{
	struct node a, b;
	meet(&a, &b, 2);
	struct peer_beat ours = say(&a, at(100));
	(void)hear(&b, &ours, 0, at(101));
	struct peer_beat heard = say(&b, at(102)), unheard = say(&b, at(103));
	ck_assert_int_eq(hear(&a, &heard, 0, at(103)), PEER_TAKE_NEWS);
	ck_assert_int_eq(hear(&a, &heard, 1, at(103)), PEER_TAKE_OLD);

	struct node again = node_of(2, 0xbb, 2, at(110));
	struct peer_beat first = say(&again, at(110));
	ck_assert_int_eq(hear(&a, &first, 0, at(111)), PEER_TAKE_ASK);
	ck_assert(a.link.session == 0xb && a.link.restarts == 0);
	ours = answer(&a, &first, at(111));
	ck_assert_int_eq(hear(&again, &ours, 0, at(112)), PEER_TAKE_NEWS);
	struct peer_beat second = say(&again, at(112));
	ck_assert_int_eq(hear(&a, &second, 0, at(113)), PEER_TAKE_NEWS);
	ck_assert(a.change.node && a.link.session == 0xbb && a.link.seq == 2 && a.link.restarts == 1 && a.link.up);
	ck_assert(a.link.paths[1].up && a.link.paths[1].seq == 0); /* not heard yet, and not silent for long */
	ck_assert_int_eq(hear(&a, &second, 1, at(114)), PEER_TAKE_OLD);
	ck_assert(a.why == PEER_OK && a.link.paths[1].seq == 2);

	/* what is left of the old session is fresh, has not been heard, and does not count */
	ck_assert_int_ne(hear(&a, &unheard, 0, at(140)), PEER_TAKE_NEWS);
	ck_assert_int_ne(hear(&a, &heard, 1, at(180)), PEER_TAKE_NEWS);
	ck_assert(a.link.session == 0xbb && a.link.restarts == 1);
}
END_TEST

START_TEST(we_restart_and_hear_what_was_recorded)
{
	struct node a, b;
	struct peer_beat recorded[50];
	meet(&a, &b, 1);
	for (int i = 0; i < 50; i++) {
		struct peer_beat ours = say(&a, at(10 * i));
		(void)hear(&b, &ours, 0, at(10 * i + 1));
		recorded[i] = say(&b, at(10 * i + 1));
	}
	struct node again = node_of(1, 0xaa, 1, at(500));
	for (int i = 0; i < 100; i++) {
		(void)say(&again, at(500 + i)); /* the same numbers as before, in another session */
		ck_assert_int_ne(hear(&again, &recorded[i % 50], 0, at(500 + i)), PEER_TAKE_NEWS);
		ck_assert(!again.link.up && again.link.session == 0);
	}
	struct peer_beat ours = say(&again, at(600));
	ck_assert_int_eq(hear(&b, &ours, 0, at(601)), PEER_TAKE_ASK);
	struct peer_beat theirs = answer(&b, &ours, at(601));
	ck_assert_int_eq(hear(&again, &theirs, 0, at(602)), PEER_TAKE_NEWS);
	ours = say(&again, at(602));
	ck_assert_int_eq(hear(&b, &ours, 0, at(603)), PEER_TAKE_NEWS);
	ck_assert(b.link.restarts == 1 && again.link.restarts == 0);
}
END_TEST

/* The check library writes something for each assertion: too slow for millions. */
#define MUST(condition, ...)                                                                                           \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			ck_abort_msg(__VA_ARGS__);                                                                     \
	} while (0)

/* ---- what was sent, and when ---- */

/* However many are sent: no number looks younger than it is, and what is young does not look much older. */
START_TEST(the_age_of_an_echo)
{
	static struct lb_time sent[20001];
	for (int seed = 0; seed < 40; seed++) {
		uint64_t s = (uint64_t)seed * 7919;
		struct peer_self self = { .session = 0xa };
		struct lb_time now = at(0);
		int64_t burst = (int64_t)(1 + random_of(&s) % 60), pause_us = 1 + (int64_t)(random_of(&s) % (200 * MS));
		for (size_t n = 1; n < LEN(sent); n++) {
			now.us += n % burst ? (int64_t)(random_of(&s) % 300) : pause_us;
			sent[n] = now;
			MUST(peer_self_next(&self, now) == n, "seed %d", seed);
			MUST(self.n_sent <= PEER_SENT_MAX && self.sent[self.n_sent - 1].seq == n, "seed %d", seed);
			struct peer_link l = { .node = 2, .dead_after_ms = PEER_SENT_MAX_MS, .n_paths = 1 };
			struct peer_beat b = { .node = 2, .session = 1, .seq = 1, .echo_session = 0xa };
			enum peer_refusal why;
			struct peer_change change;
			b.echo_seq = 1 + random_of(&s) % n;
			if (n % 2) /* a recent one */
				b.echo_seq = n - random_of(&s) % (n < 200 ? n : 200);
			int64_t age = now.us - sent[b.echo_seq].us;
			enum peer_take t = peer_link_take(&l, &self, &b, 0, now, WALL, &why, &change);
			if (age > PEER_SENT_MAX_MS * MS)
				MUST(t == PEER_TAKE_ASK, "seed %d: %zu", seed, n);
			else if (age <= PEER_SENT_MAX_MS * MS / 2)
				MUST(t == PEER_TAKE_NEWS, "seed %d: %zu: %d us", seed, n, (int)age);
			if (t != PEER_TAKE_NEWS)
				continue;
			int64_t looks = now.us - l.said_after.us;
			MUST(looks >= age, "seed %d: %zu looks younger", seed, n);
			MUST(looks <= age + age / 2 + 2 * MS, "seed %d: %zu: %d us look as %d", seed, n, (int)age,
				(int)looks);
			MUST(l.paths[0].rtt_us == 0 || looks == age, "seed %d: a trip that was none", seed);
		}
	}
}
END_TEST

/* ---- everything at once ---- */

#define FLIGHT_MAX 256
#define TAPE_MAX   1024

struct flight {
	struct peer_beat b;
	size_t path;
	int to; /* node; -1 = free */
	struct lb_time due, sent;
	int run; /* of the sender */
};

struct world {
	uint64_t s;
	struct lb_time now;
	struct node n[2];
	int runs[2];
	int run_seen[2]; /* of the other one, at the last news */
	struct flight air[FLIGHT_MAX], tape[TAPE_MAX];
	size_t taped;
	int seed, loss;
	bool attacked;
};

static void put_into_air(struct world *w, const struct flight *f, int64_t delay_us)
{
	for (size_t i = 0; i < FLIGHT_MAX; i++) {
		if (w->air[i].to >= 0)
			continue;
		w->air[i] = *f;
		w->air[i].due.us = w->now.us + delay_us;
		return;
	}
}

static void broadcast(struct world *w, int from, const struct peer_beat *b)
{
	struct flight f = { .b = *b, .to = 1 - from, .sent = w->now, .run = w->runs[from] };
	for (f.path = 0; f.path < 2; f.path++) {
		w->tape[w->taped++ % TAPE_MAX] = f;
		for (int copies = 1 + (random_of(&w->s) % 20 == 0); copies > 0; copies--)
			if ((int)(random_of(&w->s) % 100) >= w->loss)
				put_into_air(w, &f, (int64_t)(random_of(&w->s) % (f.path ? 300 * MS : 3 * MS)));
	}
}

static void arrive(struct world *w, struct flight *f)
{
	int me = f->to;
	struct node *n = &w->n[me];
	uint32_t restarts = n->link.restarts;
	uint64_t session = n->link.session, seq = n->link.seq;
	f->to = -1;
	enum peer_take t = hear(n, &f->b, f->path, w->now);
	if (t == PEER_TAKE_ASK) {
		struct peer_beat b = answer(n, &f->b, w->now);
		broadcast(w, me, &b);
	}
	if (t != PEER_TAKE_NEWS) {
		MUST(n->link.session == session && n->link.seq == seq, "seed %d", w->seed);
		return;
	}
	MUST(w->now.us - f->sent.us <= DEAD * MS, "seed %d: news of long ago", w->seed);
	MUST(f->run >= w->run_seen[me], "seed %d: back to a run that ended", w->seed);
	MUST(f->run > w->run_seen[me] || f->b.seq > seq || session == 0, "seed %d: news twice", w->seed);
	MUST(n->link.restarts == restarts + (session && f->run > w->run_seen[me]), "seed %d", w->seed);
	w->run_seen[me] = f->run;
}

static void look(struct world *w, int me)
{
	struct node *n = &w->n[me];
	bool any = false;
	struct lb_time next = peer_link_time(&n->link, w->now, &n->change);
	MUST(next.us > w->now.us, "seed %d: due again at once", w->seed);
	for (size_t i = 0; i < 2; i++) {
		any |= n->link.paths[i].up;
		MUST(!n->link.paths[i].up || w->now.us - n->link.paths[i].heard_at.us < DEAD * MS, "seed %d", w->seed);
	}
	MUST(n->link.up == any, "seed %d", w->seed);
}

static void restart(struct world *w, int me)
{
	w->runs[me]++;
	w->run_seen[me] = 0;
	w->n[me] = node_of((uint64_t)me + 1, random_of(&w->s) | 1, 2, w->now);
}

static void run(struct world *w, int ms)
{
	for (int end = ms; end > 0; end--) {
		w->now.us += MS;
		for (size_t i = 0; i < FLIGHT_MAX; i++)
			if (w->air[i].to >= 0 && w->air[i].due.us <= w->now.us)
				arrive(w, &w->air[i]);
		for (int me = 0; me < 2; me++) {
			if (random_of(&w->s) % 100 == 0) {
				struct peer_beat b = say(&w->n[me], w->now);
				broadcast(w, me, &b);
			}
			look(w, me);
			if (w->attacked && random_of(&w->s) % 1000 == 0)
				restart(w, me);
		}
		if (w->attacked && w->taped && random_of(&w->s) % 8 == 0) {
			size_t kept = w->taped < TAPE_MAX ? w->taped : TAPE_MAX;
			struct flight f = w->tape[random_of(&w->s) % kept];
			f.path = random_of(&w->s) % 2;
			put_into_air(w, &f, 0);
		}
	}
}

START_TEST(whatever_is_lost_or_played_again)
{
	static struct world w;
	for (int seed = _i * SEEDS + 1; seed <= (_i + 1) * SEEDS; seed++) {
		w.taped = 0;
		w.seed = seed;
		w.s = (uint64_t)seed * 1000003;
		w.now = at(0);
		w.loss = seed % 4 * 20;
		w.attacked = true;
		for (size_t i = 0; i < FLIGHT_MAX; i++)
			w.air[i].to = -1;
		restart(&w, 0);
		restart(&w, 1);
		run(&w, 4000);
		w.attacked = false;
		w.loss = 0;
		run(&w, 1500);
		MUST(w.n[0].link.up && w.n[1].link.up, "seed %d: they did not find each other", seed);
		MUST(w.n[0].link.session == w.n[1].self.session, "seed %d", seed);
		MUST(w.n[1].link.session == w.n[0].self.session, "seed %d", seed);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peer_link");
	TCase *t = tcase_create("links");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, two_that_start_know_each_other_after_three_beats);
	tcase_add_test(t, is_asked_at_most_every_20_ms);
	tcase_add_loop_test(t, one_beat_is_judged, 0, LEN(takes));
	tcase_add_test(t, copies_keep_their_paths_up);
	tcase_add_test(t, round_trips_and_clocks);
	tcase_add_test(t, silence_of_a_path_and_of_the_node);
	tcase_add_test(t, a_clock_that_stands_still_or_a_late_call);
	tcase_add_test(t, a_straggler_brings_nobody_back);
	tcase_add_test(t, a_silence_that_nobody_looked_at);
	tcase_add_test(t, the_peer_restarts);
	tcase_add_test(t, we_restart_and_hear_what_was_recorded);
	tcase_add_test(t, the_age_of_an_echo);
	tcase_add_loop_test(t, whatever_is_lost_or_played_again, 0, PARTS);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
