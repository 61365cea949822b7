/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the cores say on its way through: in order, on that link only, bounded, and in turn with the flows. */
#include "lbd/sync/sync_talk.h"

#include "lbd/sync/sync_link.h"
#include "tests/unit/lbd_sync/flows.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct lb_time t0 = { 5000000 };
static char text[SYNC_TALK_MAX];
static uint8_t frame[SYNC_FRAME_MAX];

static struct sync_talk piece(uint32_t id, uint16_t n)
{
	memset(text, 'x', sizeof(text));
	return (struct sync_talk){ id, 3, n, text };
}

/* The id of the next one, 0 = there is none. */
static uint32_t next(struct sync_talks *t, size_t room)
{
	struct lb_writer w = { frame, frame + room, false };
	struct sync_msg m;
	if (!sync_talks_next(t, &w))
		return 0;
	ck_assert(!w.bad && sync_msg_read(frame, (size_t)(w.p - frame), &m) == 0 && m.type == SYNC_FRAME_TALK);
	ck_assert(m.u.talk.flags == 3 && (m.u.talk.n == 0 || memcmp(m.u.talk.text, text, m.u.talk.n) == 0));
	return m.u.talk.id;
}

START_TEST(in_order_and_on_that_link)
{
	struct sync_talks t = { 0 };
	struct sync_talk one = piece(1, 10), two = piece(2, SYNC_TALK_MAX), three = piece(3, 0);
	ck_assert_int_eq(sync_talks_put(&t, 1, &one), 0); /* there is no link: nobody hears it */
	ck_assert_uint_eq(next(&t, sizeof(frame)), 0);
	sync_talks_link(&t, true, t0);
	uint32_t link = t.link;
	ck_assert_int_eq(sync_talks_put(&t, link, &one), 0);
	ck_assert_int_eq(sync_talks_put(&t, link, &two), 0);
	ck_assert_int_eq(sync_talks_put(&t, link, &three), 0);
	ck_assert_uint_eq(next(&t, SYNC_TALK_HEAD + 9), 0); /* too little room: it waits */
	ck_assert_uint_eq(next(&t, SYNC_TALK_HEAD + 10), 1);
	ck_assert_uint_eq(next(&t, sizeof(frame)), 2);
	ck_assert_uint_eq(next(&t, sizeof(frame)), 3);
	ck_assert(next(&t, sizeof(frame)) == 0 && t.bytes == 0);
	ck_assert_int_eq(sync_talks_put(&t, link, &one), 0);
	sync_talks_link(&t, true, t0); /* another one */
	ck_assert(t.link != link && next(&t, sizeof(frame)) == 0);
	ck_assert_int_eq(sync_talks_put(&t, link, &one), 0); /* said before the core knew of that */
	ck_assert_uint_eq(next(&t, sizeof(frame)), 0);
	ck_assert_int_eq(sync_talks_put(&t, t.link, &two), 0);
	ck_assert_uint_eq(next(&t, sizeof(frame)), 2);
	sync_talks_done(&t);
}
END_TEST

START_TEST(bounded)
{
	struct sync_talks t = { 0 };
	struct sync_talk one = piece(1, SYNC_TALK_MAX);
	int err = 0;
	unsigned n = 0;
	sync_talks_link(&t, true, t0);
	for (; !err && n < 100000; n++)
		err = sync_talks_put(&t, t.link, &one);
	ck_assert(err == -ENOBUFS && t.bytes <= SYNC_TALK_QUEUE && n > 200);
	for (n = 0; sync_talks_came(&t, t0); n++)
		ck_assert_uint_lt(n, SYNC_TALK_RATE);
	ck_assert_uint_eq(n, SYNC_TALK_RATE);
	ck_assert(!sync_talks_came(&t, (struct lb_time){ t0.us + 900000 }));
	ck_assert(sync_talks_came(&t, (struct lb_time){ t0.us + 1000000 }));
	sync_talks_done(&t);
}
END_TEST

/* ---- beside the flows ---- */

static struct sync_talks talks;
static unsigned heard;
static bool enough;

static int on_flow(const struct flow *f, const struct sync_from *from, void *arg)
{
	(void)f, (void)from, (void)arg;
	return 0;
}

static bool on_talk(const struct sync_talk *t, void *arg)
{
	(void)t, (void)arg;
	heard++;
	return !enough;
}

static bool on_talk_out(struct lb_writer *w, void *arg)
{
	(void)arg;
	return sync_talks_next(&talks, w);
}

/* features: of the peer, which says HELLO. */
static void open_link(struct sync_link *l, struct flow_table *table, bool we, uint32_t features)
{
	struct sync_link_conf c = {
		.self = "lb1", .peer = "lb2", .epoch = 1, .version_min = 1, .version_max = 1, .flows = table
	};
	c.calls.flow = on_flow;
	c.calls.talk = we ? on_talk : NULL;
	c.calls.talk_out = on_talk_out;
	heard = 0;
	enough = false;
	sync_link_init(l, &c, t0);
	sync_link_up(l, t0);
	struct sync_msg m = { SYNC_FRAME_HELLO,
		.u.hello = { .version_min = 1, .version_max = 1, .epoch = 2, .node = "lb2", .features = features } };
	struct lb_writer w = { frame, frame + sizeof(frame), false };
	sync_msg_write(&w, &m);
	ck_assert_int_eq(sync_link_frame(l, frame, (size_t)(w.p - frame), t0), SYNC_WHY_NONE);
	sync_talks_done(&talks);
	sync_talks_link(&talks, true, t0);
}

static enum sync_why hear(struct sync_link *l)
{
	struct lb_writer w = { frame, frame + sizeof(frame), false };
	sync_msg_write(&w, &(struct sync_msg){ SYNC_FRAME_TALK, .u.talk = piece(1, 5) });
	return sync_link_frame(l, frame, (size_t)(w.p - frame), t0);
}

static unsigned said(struct sync_link *l, enum sync_frame type, unsigned frames)
{
	unsigned n = 0;
	struct sync_msg m;
	for (unsigned i = 0; i < frames; i++) {
		struct lb_writer w = { frame, frame + sizeof(frame), false };
		if (sync_link_produce(l, &w, t0) <= 0)
			break;
		ck_assert_int_eq(sync_msg_read(frame, (size_t)(w.p - frame), &m), 0);
		n += m.type == type;
	}
	return n;
}

START_TEST(only_to_who_understands_it)
{
	static const struct {
		const char *what;
		bool we;
		uint32_t peer;
		bool talks;
	} rows[] = { { "both", true, SYNC_FEATURE_TALK, true },
		{ "an older peer", true, SYNC_FEATURE_CONNTRACK, false },
		{ "nobody asked for it", false, SYNC_FEATURE_TALK, false } };
	struct flow_table *table = flow_table_new(1, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sync_link l;
		struct sync_talk one = piece(1, 5);
		open_link(&l, table, rows[i].we, rows[i].peer);
		ck_assert_msg(sync_link_talks(&l) == rows[i].talks, "%s", rows[i].what);
		ck_assert_int_eq(sync_talks_put(&talks, talks.link, &one), 0);
		ck_assert_msg(said(&l, SYNC_FRAME_TALK, 10) == rows[i].talks, "%s", rows[i].what);
		ck_assert_int_eq(hear(&l), SYNC_WHY_NONE); /* what is not understood is skipped */
		ck_assert_uint_eq(heard, rows[i].we);
		enough = true;
		ck_assert_int_eq(hear(&l), rows[i].we ? SYNC_WHY_PROTOCOL : SYNC_WHY_NONE);
		sync_link_down(&l, SYNC_WHY_CLOSED, t0);
		ck_assert(!sync_link_talks(&l));
		sync_link_done(&l);
	}
	sync_talks_done(&talks);
	flow_table_free(table);
}
END_TEST

START_TEST(neither_waits_for_the_other)
{
	struct flow_table *table = flow_table_new(1, 100000);
	struct sync_link l;
	struct sync_talk one = piece(1, SYNC_TALK_MAX);
	for (unsigned i = 0; i < 5000; i++) {
		struct flow f = { .key = { 6, false, (uint16_t)(1 + i), 80, { AF_INET, { 10, 0, 0, 1 } },
					  { AF_INET, { 10, 0, 0, 2 } }, 0 },
			.dest = { AF_INET, { 10, 0, 0, 3 } },
			.state = 1,
			.timeout_s = 900 };
		ck_assert_int_eq(flow_table_put(table, &f, FLOW_LOCAL, t0, NULL), 0);
	}
	open_link(&l, table, true, SYNC_FEATURE_TALK);
	for (unsigned i = 0; i < 50; i++)
		ck_assert_int_eq(sync_talks_put(&talks, talks.link, &one), 0);
	(void)said(&l, SYNC_FRAME_HELLO, 2); /* HELLO, and the first mark */
	unsigned talk = said(&l, SYNC_FRAME_TALK, 12);
	ck_assert_msg(talk >= 4 && talk <= 8, "%u of 12", talk);
	sync_talks_done(&talks);
	sync_link_done(&l);
	flow_table_free(table);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sync_talk");
	TCase *t = tcase_create("all");
	tcase_add_test(t, in_order_and_on_that_link);
	tcase_add_test(t, bounded);
	tcase_add_test(t, only_to_who_understands_it);
	tcase_add_test(t, neither_waits_for_the_other);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
