/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two cores that talk: what one says the other hears, in pieces that may wait on the way, and no more than it may. */
#include "lbd/ctl/ctl_talk.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECES 4096

struct piece {
	uint32_t id;
	unsigned flags;
	size_t n;
	char *text;
};

struct node {
	struct ctl_talk *talk;
	struct node *other;
	struct piece way[PIECES]; /* what the other one has not got yet */
	size_t from, to;
	int fail; /* -errno of the next sends */
	/* what was heard */
	struct ctl_conv *conv;
	unsigned lines, overs, ended, asked, rooms;
	size_t bytes;
	enum lb_code code;
	char why[512], last[300];
	bool hold, refuse, close;
	unsigned to_say; /* lines that `room` still has */
};

static struct node a, b;

static int on_send(void *arg, uint32_t id, unsigned flags, const char *text, size_t n)
{
	struct node *x = arg;
	ck_assert_uint_le(n, CTL_TALK_PIECE);
	if (x->fail)
		return x->fail;
	ck_assert_uint_lt(x->to, PIECES);
	struct piece *p = &x->way[x->to++];
	*p = (struct piece){ id, flags, n, malloc(n + 1) };
	memcpy(p->text, text, n);
	return 0;
}

static bool on_line(struct ctl_conv *c, const json_t *msg, void *arg)
{
	struct node *x = arg;
	char *text = json_dumps(msg, JSON_COMPACT);
	x->lines++;
	x->bytes += strlen(text);
	snprintf(x->last, sizeof(x->last), "%s", text);
	free(text);
	if (x->close)
		ctl_conv_close(c);
	return !x->hold;
}

static void on_ended(struct ctl_conv *c, void *arg)
{
	struct node *x = arg;
	(void)c;
	x->ended++;
}

static void on_room(struct ctl_conv *c, void *arg)
{
	struct node *x = arg;
	x->rooms++;
	while (x->to_say && ctl_conv_waiting(c) < CTL_TALK_WINDOW) {
		ctl_conv_put(c,
			json_pack("{s:i, s:s}", "n", (int)x->to_say, "x", "0123456789012345678901234567890123456789"));
		if (--x->to_say == 0)
			ctl_conv_end(c);
	}
}

static void on_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	struct node *x = arg;
	(void)c;
	x->overs++;
	x->code = e ? e->code : LB_CODE_OK;
	snprintf(x->why, sizeof(x->why), "%s", e ? e->text : "");
}

static const struct ctl_conv_calls calls = { on_line, on_ended, on_room, on_over };

static int on_asked(void *arg, struct ctl_conv *c, const json_t *header, struct lb_err *e)
{
	struct node *x = arg;
	ck_assert_str_eq(lb_proto_str(header, "talk"), "x");
	x->asked++;
	if (x->refuse)
		return lb_err_set(e, LB_CODE_DENIED, "not you");
	x->conv = c;
	ctl_conv_answer(c, &calls, x);
	return 0;
}

/* n pieces of x reach the other one. */
static void carry(struct node *x, size_t n)
{
	for (; n && x->from < x->to; n--) {
		struct piece *p = &x->way[x->from++];
		ctl_talk_in(x->other->talk, p->id, p->flags, p->text, p->n);
		free(p->text);
	}
	if (x->from == x->to)
		x->from = x->to = 0;
}

/* Until nobody has anything to say. */
static void settle(void)
{
	for (unsigned i = 0; i < 10000; i++) {
		ctl_talk_flush(a.talk);
		ctl_talk_flush(b.talk);
		if (a.from == a.to && b.from == b.to)
			return;
		carry(&a, 1 + i % 3);
		carry(&b, 1 + i % 2);
	}
	ck_abort_msg("it goes on for ever");
}

static void setup(void)
{
	struct node *const nodes[] = { &a, &b };
	for (unsigned i = 0; i < 2; i++) {
		struct node *x = nodes[i];
		memset(x, 0, sizeof(*x));
		x->other = nodes[1 - i];
		x->talk = ctl_talk_new(&(struct ctl_talk_ops){ on_send, on_asked, x });
		ck_assert_ptr_nonnull(x->talk);
		ctl_talk_link(x->talk, true, "");
	}
}

static void forget(struct node *x)
{
	for (; x->from < x->to; x->from++)
		free(x->way[x->from].text);
	x->from = x->to = 0;
}

static void teardown(void)
{
	forget(&a);
	forget(&b);
	ctl_talk_free(a.talk);
	ctl_talk_free(b.talk);
	forget(&a);
	forget(&b);
}

static struct ctl_conv *ask(void)
{
	struct lb_err e = { 0 };
	struct ctl_conv *c = ctl_talk_ask(a.talk, json_pack("{s:s}", "talk", "x"), &calls, &a, &e);
	ck_assert_msg(c != NULL, "%s", e.text);
	return c;
}

START_TEST(a_question_and_its_answer)
{
	struct ctl_conv *c = ask();
	ctl_conv_put(c, json_pack("{s:s}", "q", "\xc3\xa9"));
	ctl_conv_end(c);
	settle();
	ck_assert(b.asked == 1 && b.lines == 1 && b.ended == 1 && b.overs == 0);
	ck_assert_str_eq(b.last, "{\"q\":\"\xc3\xa9\"}");
	ctl_conv_put_line(b.conv, "{\"n\":1}\n", 8);
	ctl_conv_put_line(b.conv, "{\"n\":2}\n", 8);
	ck_assert(ctl_talk_busy(b.talk) && !ctl_talk_busy(a.talk));
	ctl_conv_end(b.conv);
	ctl_conv_put_line(b.conv, "{\"n\":3}\n", 8); /* it has said that it is the end */
	settle();
	ck_assert(a.lines == 2 && a.overs == 1 && a.code == LB_CODE_OK && b.overs == 1 && b.code == LB_CODE_OK);
	ck_assert(!ctl_talk_busy(b.talk));
}
END_TEST

/* Two thousand lines through a window of so many bytes, with a reader that stops and goes on. */
START_TEST(a_long_answer_waits_for_who_reads)
{
	ctl_conv_end(ask());
	a.hold = true;
	b.to_say = 20000; /* 1.2 MB */
	for (unsigned i = 0; i < 200; i++) {
		ctl_talk_flush(a.talk);
		ctl_talk_flush(b.talk);
		carry(&a, 100);
		carry(&b, 100);
	}
	ck_assert_uint_eq(a.lines, 1);
	ck_assert_uint_gt(b.to_say, 20000 - 2 * CTL_TALK_WINDOW / 58); /* what is on its way, and what waits */
	ck_assert_uint_le(ctl_conv_waiting(b.conv), CTL_TALK_WINDOW + 100);
	/* the one who asked has it for the first time here */
	a.hold = false;
	ck_assert_uint_eq(b.rooms > 0, 1);
	ctl_talk_link(a.talk, true, "again"); /* and whoever holds it hears that it is over */
	ck_assert(a.overs == 1 && a.code == LB_CODE_UNREACHABLE);
	ck_assert_str_eq(a.why, "again");
}
END_TEST

START_TEST(a_long_answer_arrives)
{
	struct ctl_conv *c = ask();
	ctl_conv_end(c);
	b.to_say = 20000;
	for (unsigned i = 0; i < 5000 && !a.overs; i++) {
		a.hold = i % 7 == 3;
		ctl_talk_flush(a.talk);
		ctl_talk_flush(b.talk);
		carry(&a, 3);
		carry(&b, 3);
		if (!a.overs)
			ctl_conv_go_on(c);
	}
	settle();
	ck_assert_uint_eq(a.lines, 20000);
	ck_assert(a.overs == 1 && a.code == LB_CODE_OK && b.overs == 1 && b.code == LB_CODE_OK);
}
END_TEST

/* No character is cut, wherever the pieces end. */
START_TEST(characters_stay_whole)
{
	static char text[CTL_TALK_PIECE * 3];
	struct ctl_conv *c = ask();
	size_t shift = (size_t)_i, n = shift;
	memset(text, 'x', shift);
	while (n + 4 < sizeof(text) - 1) {
		memcpy(text + n, "\xf0\x9f\x90\xa7", 4);
		n += 4;
	}
	text[n] = '\0';
	ctl_conv_put(c, json_pack("{s:s}", "q", text));
	ctl_talk_flush(a.talk);
	for (size_t i = 0; i < a.to; i++) {
		json_t *s = json_stringn(a.way[i].text, a.way[i].n);
		ck_assert_msg(s != NULL, "piece %zu", i);
		json_decref(s);
	}
	settle();
	ck_assert_uint_eq(b.bytes, n + strlen("{\"q\":\"\"}"));
}
END_TEST

START_TEST(who_leaves_is_noticed)
{
	struct ctl_conv *c = ask();
	ctl_conv_end(c);
	settle();
	ctl_conv_close(c);
	settle();
	ck_assert(a.overs == 0 && b.overs == 1 && b.code == LB_CODE_FAILED);
	/* inside of a line, too */
	a.close = true;
	ctl_conv_end(ask());
	settle();
	ctl_conv_put_line(b.conv, "{}\n{}\n", 6);
	settle();
	ck_assert(a.lines == 1 && a.overs == 0 && b.overs == 2);
}
END_TEST

START_TEST(who_is_refused_hears_why)
{
	b.refuse = true;
	ctl_conv_end(ask());
	settle();
	ck_assert(a.overs == 1 && a.code == LB_CODE_DENIED && b.overs == 0);
	ck_assert_str_eq(a.why, "not you");
}
END_TEST

START_TEST(so_many_at_once)
{
	struct lb_err e = { 0 };
	for (unsigned i = 0; i < CTL_TALK_ASKS; i++)
		(void)ask();
	ck_assert_ptr_null(ctl_talk_ask(a.talk, json_pack("{s:s}", "talk", "x"), &calls, &a, &e));
	ck_assert_int_eq(e.code, LB_CODE_REFUSED);
	settle();
	ck_assert_uint_eq(b.asked, CTL_TALK_ANSWERS);
	ck_assert(a.overs == CTL_TALK_ASKS - CTL_TALK_ANSWERS && a.code == LB_CODE_REFUSED);
	/* with no link there is none */
	ctl_talk_link(a.talk, false, "it broke");
	ck_assert(a.overs == CTL_TALK_ASKS && a.code == LB_CODE_UNREACHABLE);
	ck_assert_ptr_null(ctl_talk_ask(a.talk, json_pack("{s:s}", "talk", "x"), &calls, &a, &e));
	ck_assert_int_eq(e.code, LB_CODE_UNREACHABLE);
}
END_TEST

START_TEST(memory_that_is_out)
{
	struct ctl_conv *c = ask();
	ctl_conv_put(c, NULL);
	settle();
	ck_assert(a.overs == 1 && a.code == LB_CODE_FAILED && b.asked == 0);
	(void)ask();
	a.fail = -ENOMEM;
	settle();
	ck_assert(a.overs == 2 && a.code == LB_CODE_FAILED);
}
END_TEST

/* What a peer says that does not keep to it. Each ends that conversation, and only that. */
START_TEST(a_peer_out_of_its_mind)
{
	static char many[CTL_TALK_PIECE];
	static const struct {
		const char *what;
		unsigned flags;
		const char *text;
		bool over;
	} rows[] = {
		{ "no JSON", 0, "hello\n", true },
		{ "an array", 0, "[]\n", true },
		{ "half a line", 0, "{", false },
		{ "more taken than was sent", CTL_TALK_CREDIT, "100000", true },
		{ "no number", CTL_TALK_CREDIT, "x", true },
		{ "nothing", CTL_TALK_CREDIT, "", true },
		{ "a number that is too long", CTL_TALK_CREDIT, "1111111111111", true },
		{ "begun twice", CTL_TALK_OPEN, "{}\n", true },
		{ "over without why", CTL_TALK_ABORT, "", true },
		{ "over with an unknown code", CTL_TALK_ABORT, "99 x", true },
		{ "all at once", CTL_TALK_ABORT | CTL_TALK_CREDIT | CTL_TALK_END, "8 x", true },
		{ "said after the end", CTL_TALK_END, "", false },
	};
	teardown(); /* each begins anew */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup();
		(void)ask(); /* another one, id 1 */
		(void)ask();
		settle();
		ctl_talk_in(b.talk, 2, rows[i].flags, rows[i].text, strlen(rows[i].text));
		if (rows[i].flags == CTL_TALK_END)
			ctl_talk_in(b.talk, 2, 0, "{}\n", 3);
		bool over = rows[i].over || rows[i].flags == CTL_TALK_END;
		ck_assert_msg(b.overs == over && (!over || b.code == LB_CODE_FAILED), "%s: %u", rows[i].what, b.overs);
		ctl_talk_in(b.talk, 77, rows[i].flags & ~CTL_TALK_OPEN, "{}\n", 3); /* nobody is there */
		ck_assert_uint_eq(b.overs, over);
		settle();
		teardown();
	}
	/* more than the window, to who does not take it */
	setup();
	memset(many, 'x', sizeof(many));
	(void)ask();
	settle();
	b.hold = true;
	ctl_talk_in(b.talk, 1, 0, "{}\n", 3);
	for (unsigned i = 0; i < CTL_TALK_WINDOW / sizeof(many) - 1; i++)
		ctl_talk_in(b.talk, 1, 0, many, sizeof(many));
	ck_assert_uint_eq(b.overs, 0);
	ctl_talk_in(b.talk, 1, 0, many, sizeof(many));
	ck_assert(b.overs == 1 && b.code == LB_CODE_FAILED);
	teardown();
	/* a line without end */
	setup();
	memset(many, 'x', sizeof(many));
	(void)ask();
	settle();
	for (unsigned i = 0; i < LB_PROTO_LINE_MAX / sizeof(many) + 2 && !b.overs; i++)
		ctl_talk_in(b.talk, 1, 0, many, sizeof(many));
	ck_assert(b.overs == 1 && b.code == LB_CODE_FAILED);
	teardown();
	setup();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_talk");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_question_and_its_answer);
	tcase_add_test(t, a_long_answer_waits_for_who_reads);
	tcase_add_test(t, a_long_answer_arrives);
	tcase_add_loop_test(t, characters_stay_whole, 0, 4);
	tcase_add_test(t, who_leaves_is_noticed);
	tcase_add_test(t, who_is_refused_hears_why);
	tcase_add_test(t, so_many_at_once);
	tcase_add_test(t, memory_that_is_out);
	tcase_add_test(t, a_peer_out_of_its_mind);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
