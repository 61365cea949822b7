/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An answer is any number of rows and one end, whatever the handler does. */
#include "tests/unit/lbd_ctl/collect.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static unsigned freed;

static void on_free(void *state)
{
	(void)state;
	freed++;
}

/* A sink that is full after some lines. */
struct sink {
	unsigned lines, room, ended;
	char last[4096];
};

static void sink_line(void *arg, const char *s, size_t n)
{
	struct sink *k = arg;
	ck_assert_int_eq(s[n - 1], '\n');
	snprintf(k->last, sizeof(k->last), "%.*s", (int)n - 1, s);
	k->lines++;
}

static bool sink_full(void *arg)
{
	struct sink *k = arg;
	return k->lines >= k->room;
}

static void sink_ended(void *arg)
{
	struct sink *k = arg;
	k->ended++;
}

static const struct ctl_sink sink_ops = { .line = sink_line, .full = sink_full, .ended = sink_ended };

static void begin(struct ctl_reply *r, struct sink *k, unsigned room)
{
	*k = (struct sink){ .room = room };
	ctl_reply_init(r, &sink_ops, k);
	ctl_reply_begin(r, 7, 17);
	freed = 0;
}

static int ten_rows(struct ctl_reply *r, void *state)
{
	int *n = state;
	ctl_reply_row(r, json_pack("{s:i}", "weight", *n));
	if (++*n < 10)
		return 1;
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
	return 0;
}

START_TEST(rows_and_one_end)
{
	struct ctl_reply r;
	struct sink k;
	begin(&r, &k, 100);
	ctl_reply_row(&r, json_pack("{s:s}", "service", "web"));
	ck_assert_str_eq(k.last, "{\"id\":7,\"row\":{\"service\":\"web\"}}");
	ctl_reply_end(&r, LB_CODE_NO, "not equal", json_pack("{s:i}", "differences", 3));
	ck_assert_str_eq(k.last,
		"{\"id\":7,\"end\":{\"code\":1,\"message\":\"not equal\",\"generation\":17,\"differences\":3}}");
	/* what comes later is lost, not written */
	ctl_reply_row(&r, json_object());
	ctl_reply_end(&r, LB_CODE_OK, "again", json_object());
	ctl_reply_stream(&r, ten_rows, on_free, NULL);
	ctl_reply_hold(&r, on_free, NULL);
	ck_assert_uint_eq(k.lines, 2);
	ck_assert_uint_eq(k.ended, 1);
	ck_assert_uint_eq(freed, 2);
	ctl_reply_done(&r);
}
END_TEST

static unsigned stores;
static const char *not_stored;

static const char *store(void *arg)
{
	(void)arg;
	stores++;
	return not_stored;
}

/* A client that sends its requests without waiting. */
static void begin_keeping(struct ctl_reply *r, struct sink *k)
{
	static const struct ctl_sink keeps = {
		.line = sink_line, .full = sink_full, .ended = sink_ended, .keeps = true
	};
	*k = (struct sink){ .room = 100 };
	stores = 0;
	ctl_reply_init(r, &keeps, k);
}

START_TEST(what_is_stored_at_once_is_said_then)
{
	struct ctl_reply r;
	struct sink k;
	begin_keeping(&r, &k);
	not_stored = _i ? "the disk is full" : NULL;
	for (long long id = 1; id <= 50; id++) {
		ctl_reply_begin(&r, id, 17);
		ctl_reply_end_stored(&r, "it drains", store, NULL);
		ctl_reply_settle(&r);
	}
	ck_assert_uint_eq(k.ended, 50);
	ck_assert_uint_eq(k.lines, 0); /* none of them is on disk */
	ck_assert_uint_eq(stores, 0);
	ctl_reply_say_kept(&r);
	ck_assert_uint_eq(k.lines, 50);
	ck_assert_uint_eq(stores, 1);
	ck_assert_str_eq(k.last, _i ? "{\"id\":50,\"end\":{\"code\":0,\"message\":\"it drains (not stored: the disk is "
				      "full; it ends with "
				      "the daemon)\",\"generation\":17}}"
				    : "{\"id\":50,\"end\":{\"code\":0,\"message\":\"it drains\",\"generation\":17}}");
	ctl_reply_say_kept(&r); /* once */
	ck_assert_uint_eq(k.lines, 50);
	ck_assert_uint_eq(stores, 1);
	ctl_reply_done(&r);
}
END_TEST

START_TEST(answers_come_in_the_order_of_the_requests)
{
	struct ctl_reply r;
	struct sink k;
	begin_keeping(&r, &k);
	not_stored = NULL;
	for (long long id = 1; id <= 2; id++) {
		ctl_reply_begin(&r, id, 0);
		ctl_reply_end_stored(&r, "it drains", store, NULL);
	}
	ctl_reply_begin(&r, 3, 0);
	ctl_reply_row(&r, json_object());
	ck_assert_uint_eq(k.lines, 3);
	ck_assert_uint_eq(stores, 1);
	ck_assert_str_eq(k.last, "{\"id\":3,\"row\":{}}");
	ctl_reply_end(&r, LB_CODE_OK, NULL, NULL);
	ck_assert_uint_eq(stores, 1);
	ctl_reply_begin(&r, 4, 0);
	ctl_reply_end_stored(&r, "it drains", store, NULL);
	ctl_reply_done(&r); /* the client left */
	ck_assert_uint_eq(k.lines, 4);
	ck_assert_uint_eq(k.ended, 4);
}
END_TEST

START_TEST(who_waits_for_each_answer_has_it_at_once)
{
	struct ctl_reply r;
	struct sink k;
	stores = 0;
	not_stored = NULL;
	begin(&r, &k, 100);
	ctl_reply_end_stored(&r, "it drains", store, NULL);
	ck_assert_str_eq(k.last, "{\"id\":7,\"end\":{\"code\":0,\"message\":\"it drains\",\"generation\":17}}");
	ctl_reply_end_stored(&r, "again", store, NULL);
	ck_assert_uint_eq(k.lines, 1);
	ck_assert_uint_eq(stores, 1);
	ck_assert_uint_eq(k.ended, 1);
	ctl_reply_done(&r);
}
END_TEST

START_TEST(stream_stops_when_the_reader_is_slow)
{
	struct ctl_reply r;
	struct sink k;
	int n = 0;
	begin(&r, &k, 3);
	ctl_reply_stream(&r, ten_rows, on_free, &n);
	ck_assert_uint_eq(k.lines, 3);
	ck_assert_int_eq(ctl_reply_pump(&r), 1);
	ck_assert_uint_eq(k.lines, 3);
	k.room = 6;
	ck_assert_int_eq(ctl_reply_pump(&r), 1);
	ck_assert_uint_eq(k.lines, 6);
	ck_assert_uint_eq(freed, 0);
	k.room = 100;
	ck_assert_int_eq(ctl_reply_pump(&r), 0);
	ck_assert_uint_eq(k.lines, 11);
	ck_assert_uint_eq(k.ended, 1);
	ck_assert_uint_eq(freed, 1);
	ck_assert_int_eq(ctl_reply_pump(&r), 0);
	ctl_reply_done(&r);
	ck_assert_uint_eq(freed, 1);
}
END_TEST

START_TEST(stream_is_freed_when_the_client_leaves)
{
	struct ctl_reply r;
	struct sink k;
	int n = 0;
	begin(&r, &k, 3);
	ctl_reply_stream(&r, ten_rows, on_free, &n);
	ctl_reply_abort(&r);
	ck_assert_uint_eq(freed, 1);
	ck_assert_uint_eq(k.ended, 0);
	ctl_reply_abort(&r);
	ctl_reply_done(&r);
	ck_assert_uint_eq(freed, 1);
	ck_assert_uint_eq(k.lines, 3);
}
END_TEST

static int no_end(struct ctl_reply *r, void *state)
{
	(void)r;
	(void)state;
	return 0;
}

START_TEST(stream_without_an_end_gets_one)
{
	struct ctl_reply r;
	struct sink k;
	begin(&r, &k, 3);
	ctl_reply_stream(&r, no_end, on_free, NULL);
	ck_assert_uint_eq(k.ended, 1);
	ck_assert_ptr_nonnull(strstr(k.last, "\"code\":8"));
	ck_assert_uint_eq(freed, 1);
	ctl_reply_done(&r);
}
END_TEST

START_TEST(held_answer_ends_later)
{
	struct ctl_reply r;
	struct sink k;
	begin(&r, &k, 3);
	ctl_reply_hold(&r, on_free, NULL);
	ctl_reply_settle(&r);
	ck_assert_uint_eq(k.lines, 0);
	ctl_reply_end(&r, LB_CODE_OK, NULL, NULL);
	ck_assert_uint_eq(k.ended, 1);
	ctl_reply_done(&r);
	ck_assert_uint_eq(freed, 0);
}
END_TEST

START_TEST(held_answer_is_told_when_the_client_leaves)
{
	struct ctl_reply r;
	struct sink k;
	begin(&r, &k, 3);
	ctl_reply_hold(&r, on_free, NULL);
	ctl_reply_done(&r);
	ck_assert_uint_eq(freed, 1);
}
END_TEST

START_TEST(forgotten_answer_is_ended)
{
	struct ctl_reply r;
	struct sink k;
	begin(&r, &k, 3);
	ctl_reply_settle(&r);
	ck_assert_uint_eq(k.ended, 1);
	ctl_reply_done(&r);
}
END_TEST

START_TEST(row_without_memory_ends_with_failed)
{
	struct ctl_reply r;
	struct sink k;
	begin(&r, &k, 3);
	ctl_reply_row(&r, NULL);
	ck_assert_uint_eq(k.ended, 1);
	ck_assert_ptr_nonnull(strstr(k.last, "out of memory"));
	ctl_reply_end(&r, LB_CODE_OK, NULL, NULL);
	ck_assert_uint_eq(k.ended, 1);
	ctl_reply_done(&r);
}
END_TEST

START_TEST(row_longer_than_a_line_ends_with_failed)
{
	struct ctl_reply r;
	struct sink k;
	char *text = malloc(LB_PROTO_LINE_MAX + 1);
	memset(text, 'x', LB_PROTO_LINE_MAX);
	text[LB_PROTO_LINE_MAX] = '\0';
	begin(&r, &k, 3);
	ctl_reply_row(&r, json_pack("{s:s}", "text", text));
	ck_assert_ptr_nonnull(strstr(k.last, "too long"));
	ctl_reply_done(&r);
	free(text);
}
END_TEST

START_TEST(collecting_in_memory)
{
	struct ctl_collect c;
	int n = 0;
	ck_assert_int_eq(ctl_collect_init(&c), 0);
	ctl_reply_stream(&c.reply, ten_rows, on_free, &n);
	ck_assert_uint_eq(json_array_size(c.rows), 10);
	ck_assert_int_eq(lb_proto_int(c.end, "code", -1), 0);
	ck_assert(!c.bad);
	ctl_collect_done(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_reply");
	TCase *tc = tcase_create("reply");
	tcase_add_test(tc, rows_and_one_end);
	tcase_add_loop_test(tc, what_is_stored_at_once_is_said_then, 0, 2);
	tcase_add_test(tc, answers_come_in_the_order_of_the_requests);
	tcase_add_test(tc, who_waits_for_each_answer_has_it_at_once);
	tcase_add_test(tc, stream_stops_when_the_reader_is_slow);
	tcase_add_test(tc, stream_is_freed_when_the_client_leaves);
	tcase_add_test(tc, stream_without_an_end_gets_one);
	tcase_add_test(tc, held_answer_ends_later);
	tcase_add_test(tc, held_answer_is_told_when_the_client_leaves);
	tcase_add_test(tc, forgotten_answer_is_ended);
	tcase_add_test(tc, row_without_memory_ends_with_failed);
	tcase_add_test(tc, row_longer_than_a_line_ends_with_failed);
	tcase_add_test(tc, collecting_in_memory);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
