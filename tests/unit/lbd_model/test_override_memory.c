/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What operators have said, read while memory runs out: an error that is told apart from a file that is damaged, for
 * that is set aside and forgotten. */
#include "common/err.h"
#include "lbd/override.h"
#include "tests/unit/memory.h"

#include <check.h>
#include <string.h>

#define ITEM "\"set_ms\": 1, \"expires_ms\": 0, \"by\": \"alice\", \"reason\": \"move\""

static const char text[] =
	"{\"version\": 1, \"overrides\": ["
	"{\"object\": \"web/a\", \"state\": {\"value\": \"drain\", " ITEM "}, \"weight\": {\"value\": 7, " ITEM "}},"
	"{\"object\": \"web/b\", \"force\": {\"value\": \"down\", " ITEM "}},"
	"{\"object\": \"vrrp:wan\", \"priority\": {\"value\": 9, " ITEM "}}]}";

START_TEST(no_memory_is_no_damage)
{
	struct lb_err e;
	struct lb_time now = { 1000000 };
	json_t *j = json_loads(text, 0, NULL);
	struct overrides *o = NULL;
	long before = live, n = 0;
	ck_assert_ptr_nonnull(j);
	for (; REPLACED && !o && n < 1000; n++) {
		left = n;
		o = overrides_from_json(j, 5, now, &e);
		left = -1;
		long after = live;
		ck_assert_msg(o || e.code == LB_CODE_FAILED, "allocation %ld: %d %s", n, e.code, e.text);
		ck_assert_msg(o || after == before, "allocation %ld: %ld stay behind", n, after - before);
	}
	ck_assert(!REPLACED || n > 5);
	o = o ? o : overrides_from_json(j, 5, now, &e);
	ck_assert_ptr_nonnull(o);
	ck_assert_uint_eq(overrides_count(o), 3);
	overrides_free(o);
	json_object_set_new(
		json_object_get(json_array_get(json_object_get(j, "overrides"), 0), "state"), "by", json_true());
	ck_assert_ptr_null(overrides_from_json(j, 5, now, &e));
	ck_assert_int_eq(e.code, LB_CODE_INVALID);
	json_decref(j);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("override_memory");
	TCase *c = tcase_create("override_memory");
	suite_add_tcase(s, c);
	tcase_add_test(c, no_memory_is_no_damage);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
