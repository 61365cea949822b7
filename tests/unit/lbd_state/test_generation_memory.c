/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A generation that is read while memory runs out is not damaged: who takes it for that sets it aside, and the way back
 * is gone. */
#include "common/err.h"
#include "lbd/state/generation.h"
#include "tests/unit/memory.h"

#include <check.h>
#include <string.h>

START_TEST(no_memory_is_no_damage)
{
	struct generation g = { .number = 3, .by = "alice", .state = GENERATION_CONFIRMED }, back = { 0 };
	struct lb_text out = LB_TEXT_INIT;
	struct lb_err e;
	struct generation_source *s = lb_vec_push(&g.sources);
	*s = (struct generation_source){ "/etc/lbd/lbd.yaml", "services: {}\n", 17, 13 };
	generation_sha256(&g);
	generation_write(&g, &out);
	if (REPLACED) {
		long before = live;
		left = 0;
		int rc = generation_read(out.s, out.n, &back, &e);
		left = -1;
		ck_assert_int_eq(rc, -1);
		ck_assert_int_eq(e.code, LB_CODE_FAILED);
		ck_assert_str_eq(e.text, "out of memory");
		ck_assert_int_eq(live, before);
		ck_assert_uint_eq(back.number, 0);
	}
	ck_assert_int_eq(generation_read(out.s, out.n, &back, &e), 0);
	generation_done(&back);
	out.s[out.n - 30]++; /* in the text */
	ck_assert_int_eq(generation_read(out.s, out.n, &back, &e), -1);
	ck_assert_int_eq(e.code, LB_CODE_INVALID);
	lb_text_done(&out);
	generation_done(&g);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("generation_memory");
	TCase *c = tcase_create("generation_memory");
	suite_add_tcase(s, c);
	tcase_add_test(c, no_memory_is_no_damage);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
