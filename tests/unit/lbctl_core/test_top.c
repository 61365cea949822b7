/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two looks make a rate; the busiest stand first; keys do what the help line says. */
#include "lbctl/top.h"

#include "common/proto.h"

#include <check.h>
#include <string.h>

static void look(struct top *t, double at_s, const char *text)
{
	top_begin(t, (struct lb_time){ (int64_t)(at_s * 1e6) });
	top_lines(t, text, strlen(text));
	ck_assert(top_end(t));
}

static const char first[] = "web\t203.0.113.10:80/tcp\t100\t1000\t900\t50000\t90000\n"
			    "web\t203.0.113.10:443/tcp\t0\t0\t0\t0\t0\n"
			    "dns\t203.0.113.11:53/udp\t7\t70\t70\t700\t700\n";
static const char second[] = "dns\t203.0.113.11:53/udp\t9\t90\t90\t900\t900\n"
			     "web\t203.0.113.10:80/tcp\t300\t1010\t900\t60000\t90000\n"
			     "new\t203.0.113.12:25/tcp\t5\t5\t5\t5\t5\n"
			     "web\t203.0.113.10:443/tcp\t0\t0\t0\t0\t0\n"
			     "no line of ours\n"
			     "x\ty\t1\t2\t3\n";

static double rate_of(const struct top *t, size_t at, const char *key)
{
	json_t *row = top_row(t, at);
	double v = json_is_number(json_object_get(row, key)) ? json_number_value(json_object_get(row, key)) : -1;
	json_decref(row);
	return v;
}

START_TEST(rates_are_between_two_looks)
{
	struct top *t = top_new(false);
	look(t, 10, first);
	ck_assert(!top_has_rates(t));
	look(t, 12, second);
	ck_assert(top_has_rates(t));
	ck_assert_uint_eq(top_count(t), 4);
	top_sort(t, TOP_CONNS, false);
	ck_assert_double_eq(rate_of(t, 0, "connections_per_second"), 100);
	ck_assert_double_eq(rate_of(t, 0, "incoming_bytes_per_second"), 5000);
	ck_assert_double_eq(rate_of(t, 1, "connections_per_second"), 1);
	top_sort(t, TOP_NAME, false);
	json_t *row = top_row(t, 1);
	ck_assert_str_eq(lb_proto_str(row, "service"), "new");
	ck_assert_ptr_null(json_object_get(row, "connections_per_second")); /* it was not there before */
	json_decref(row);
	top_sort(t, TOP_NAME, true);
	row = top_row(t, 0);
	ck_assert_str_eq(lb_proto_str(row, "listen"), "203.0.113.10:80/tcp");
	json_decref(row);
	top_free(t);
}
END_TEST

START_TEST(a_counter_that_went_back_begins_anew)
{
	struct top *t = top_new(false);
	look(t, 10, "web\tl\t1000\t0\t0\t0\t0\n");
	look(t, 11, "web\tl\t30\t0\t0\t0\t0\n");
	ck_assert_double_eq(rate_of(t, 0, "connections_per_second"), 30);
	top_free(t);
}
END_TEST

START_TEST(a_line_may_come_in_pieces)
{
	struct top *t = top_new(true);
	const char *text = "web/app1\tl\t1\t2\t3\t4\t5\t6\t7\nweb/app2\tl\t1\t2\t3\t4\t5\t8\t9\n";
	for (size_t cut = 0; cut <= strlen(text); cut++) {
		top_begin(t, (struct lb_time){ 1000000 });
		top_lines(t, text, cut);
		top_lines(t, text + cut, strlen(text) - cut);
		ck_assert(top_end(t));
		ck_assert_msg(top_count(t) == 2, "cut at %zu", cut);
	}
	char service[64];
	ck_assert_uint_eq(top_service(t, 1, service), 3);
	ck_assert_str_eq(service, "web");
	top_free(t);
}
END_TEST

START_TEST(a_screen_is_as_wide_as_the_terminal)
{
	struct top *t = top_new(false);
	struct lb_text out = LB_TEXT_INIT;
	struct columns_look look_as = { .width = 80 };
	look(t, 10, first);
	look(t, 11, second);
	top_sort(t, TOP_INBYTES, false);
	top_print(t, 0, 2, TOP_INBYTES, &look_as, &out);
	ck_assert(!out.bad);
	size_t lines = 0;
	for (const char *s = out.s; *s; s += strcspn(s, "\n") + 1, lines++)
		ck_assert_msg(strcspn(s, "\n") <= 80, "%s", s);
	ck_assert_uint_eq(lines, 3);
	ck_assert_ptr_nonnull(strstr(out.s, "web      203.0.113.10:80/tcp"));
	lb_text_clear(&out);
	top_print(t, 9, 2, TOP_INBYTES, &look_as, &out); /* behind the last */
	lines = 0;
	for (const char *s = out.s; *s; s += strcspn(s, "\n") + 1)
		lines++;
	ck_assert_uint_eq(lines, 1);
	lb_text_done(&out);
	top_free(t);
}
END_TEST

/* A kernel that says anything: no number is too large to be shown. */
START_TEST(a_rate_may_be_past_every_integer)
{
	struct top *t = top_new(false);
	struct lb_text out = LB_TEXT_INIT;
	struct columns_look look_as = { .width = 80 };
	look(t, 10, "web\tl\t0\t0\t0\t0\t0\n");
	look(t, 10.000001, "web\tl\t18446744073709551615\t0\t0\t0\t0\n");
	top_print(t, 0, 1, TOP_CONNS, &look_as, &out);
	ck_assert_msg(!out.bad && strstr(out.s, "E"), "%s", out.s);
	lb_text_done(&out);
	top_free(t);
}
END_TEST

static const struct {
	const char *what, *keys;
	struct top_view from, to;
	bool quit;
} keys[] = {
	{ "q ends it", "q", { .by = TOP_CONNS }, { .by = TOP_CONNS }, true },
	{ "s goes on to the next column", "s", { .by = TOP_CONNS, .from = 3 }, { .by = TOP_INPKTS }, false },
	{ "and from the last to the first", "s", { .by = TOP_OUTBYTES }, { .by = TOP_NAME }, false },
	{ "backends have one more", "s", { .by = TOP_OUTBYTES, .backends = true },
		{ .by = TOP_ACTIVE, .backends = true }, false },
	{ "which services do not have", "v", { .by = TOP_ACTIVE, .backends = true }, { .by = TOP_CONNS }, false },
	{ "arrows", "\033[C\033[C\033[D", { .by = TOP_NAME }, { .by = TOP_CONNS }, false },
	{ "down and page down, up", "\033[B\033[6~\033OA", { .by = TOP_NAME }, { .from = 10 }, false },
	{ "not behind the end", "\033[6~\033[6~\033[6~", { .by = TOP_NAME }, { .from = 15 }, false },
	{ "nor before the beginning", "\033[5~k", { .from = 4 }, { .from = 0 }, false },
	{ "r and b", "rb", { .from = 4 }, { .reverse = true, .backends = true }, false },
	{ "what means nothing", "xyz\033[Z\033[", { .from = 4 }, { .from = 4 }, false },
};

START_TEST(keys_do_what_they_say)
{
	struct top_view v = keys[_i].from;
	const struct top_view *to = &keys[_i].to;
	bool on = top_keys(&v, keys[_i].keys, strlen(keys[_i].keys), 10, 25);
	ck_assert_msg(on == !keys[_i].quit, "%s", keys[_i].what);
	ck_assert_msg(v.by == to->by && v.from == to->from && v.reverse == to->reverse && v.backends == to->backends,
		"%s: by %d from %zu", keys[_i].what, (int)v.by, v.from);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("top");
	TCase *c = tcase_create("top");
	suite_add_tcase(s, c);
	tcase_add_test(c, rates_are_between_two_looks);
	tcase_add_test(c, a_counter_that_went_back_begins_anew);
	tcase_add_test(c, a_line_may_come_in_pieces);
	tcase_add_test(c, a_screen_is_as_wide_as_the_terminal);
	tcase_add_test(c, a_rate_may_be_past_every_integer);
	tcase_add_loop_test(c, keys_do_what_they_say, 0, sizeof(keys) / sizeof(keys[0]));
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
