/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_ask.h"

#include <check.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define AT     INT64_C(1000000000)

static int64_t ms(struct lb_time t)
{
	return (t.us - AT) / 1000;
}

static const struct {
	const char *what;
	size_t n;
	int64_t late_ms;   /* of each timer */
	int64_t gap_ms;    /* between two that are asked about */
	int64_t period_ms; /* from one question about an address to the next about it */
} rows[] = {
	{ "one", 1, 0, 60000, 60000 },
	{ "two, one after the other", 2, 0, 1000, 60000 },
	{ "as many as there are seconds", 60, 0, 1000, 60000 },
	{ "more of them are asked about faster", 510, 0, 117, 60000 },
	{ "a loop that is late does not make up for it", 60, 500, 1500, 90000 },
};

START_TEST(each_has_its_turn)
{
	struct vrrp_ask a;
	int64_t asked[510] = { 0 }, last = 0;
	vrrp_ask_begin(&a, (struct lb_time){ AT });
	for (size_t i = 0; i < 3 * rows[_i].n; i++) {
		struct lb_time now = lb_time_add_ms(a.deadline, rows[_i].late_ms);
		size_t k = vrrp_ask_step(&a, rows[_i].n, now);
		ck_assert_uint_eq(k, i % rows[_i].n);
		ck_assert_msg(i == 0 || ms(now) - last >= rows[_i].gap_ms, "%s: %zu", rows[_i].what, i);
		if (i >= rows[_i].n)
			ck_assert_msg(ms(now) - asked[k] >= rows[_i].period_ms - 100 &&
					      ms(now) - asked[k] <= rows[_i].period_ms + 600,
				"%s: again after %lld ms", rows[_i].what, (long long)(ms(now) - asked[k]));
		asked[k] = last = ms(now);
	}
}
END_TEST

START_TEST(early_it_does_nothing)
{
	struct vrrp_ask a;
	vrrp_ask_begin(&a, (struct lb_time){ AT });
	ck_assert_uint_eq(vrrp_ask_step(&a, 3, (struct lb_time){ AT - 1 }), VRRP_ASK_NONE);
	ck_assert_int_eq(a.deadline.us, AT);
	ck_assert_uint_eq(vrrp_ask_step(&a, 3, a.deadline), 0);
}
END_TEST

/* A reload takes addresses away and brings others: the round goes on, and the timer moves on whatever happens. */
START_TEST(others_by_a_reload)
{
	struct vrrp_ask a;
	vrrp_ask_begin(&a, (struct lb_time){ AT });
	for (size_t k = 0; k < 5; k++)
		ck_assert_uint_eq(vrrp_ask_step(&a, 10, a.deadline), k);
	ck_assert_uint_eq(vrrp_ask_step(&a, 2, a.deadline), 0);
	ck_assert_uint_eq(vrrp_ask_step(&a, 2, a.deadline), 1);
	ck_assert_int_eq(ms(a.deadline), VRRP_ASK_MS);
	ck_assert_uint_eq(vrrp_ask_step(&a, 0, a.deadline), VRRP_ASK_NONE);
	ck_assert_int_ge(ms(a.deadline), VRRP_ASK_MS + VRRP_ASK_GAP_MS);
	ck_assert_uint_eq(vrrp_ask_step(&a, 1, a.deadline), 0);
}
END_TEST

START_TEST(when_it_is_over)
{
	struct vrrp_ask a;
	vrrp_ask_begin(&a, LB_TIME_NEVER);
	ck_assert_uint_eq(vrrp_ask_step(&a, 1, (struct lb_time){ AT }), VRRP_ASK_NONE);
	ck_assert_int_eq(a.deadline.us, LB_TIME_NEVER.us);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp_ask");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, each_has_its_turn, 0, LEN(rows));
	tcase_add_test(t, early_it_does_nothing);
	tcase_add_test(t, others_by_a_reload);
	tcase_add_test(t, when_it_is_over);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
