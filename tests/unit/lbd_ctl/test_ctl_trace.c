/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the time of changes went, as it is told: each kind with its own parts, all of them or one kind. */
#include "lbd/trace.h"
#include "tests/unit/lbd_ctl/commands.h"

#include <string.h>

static struct traces t;
static struct ctl_collect c;

static void ask(const char *args)
{
	struct ctl_env env = { .traces = &t };
	command(&env, &c, "trace", args);
	ended(&c, LB_CODE_OK, "");
	rows_fit(&c, LB_ROW_TRACE);
}

static void setup(void)
{
	static const uint32_t us[TRACE_PARTS] = { 1500, 20, 300, 4000, 5 };
	static const char *const objects[] = { "check/app 10.0.0.11:80 down", "generation 7", "vrrp/wan" };
	t = (struct traces){ 0 };
	for (int kind = 0; kind < TRACE_KINDS; kind++)
		traces_add(&t, (enum trace_kind)kind, objects[kind], us, 1700000000000 + kind);
}

START_TEST(each_kind_has_its_parts)
{
	ask("{}");
	ck_assert_uint_eq(json_array_size(c.rows), TRACE_KINDS);
	for (size_t kind = 0; kind < TRACE_KINDS; kind++) {
		const json_t *row = json_array_get(c.rows, kind), *parts = json_object_get(row, "parts");
		double total = 0;
		size_t n = 0;
		ck_assert_str_eq(lb_proto_str(row, "kind"), trace_rows[kind].name);
		for (; n < TRACE_PARTS && trace_rows[kind].parts[n].name; n++) {
			const json_t *part = json_object_get(parts, trace_rows[kind].parts[n].name);
			ck_assert_msg(
				json_is_real(part), "%s: no %s", trace_rows[kind].name, trace_rows[kind].parts[n].name);
			total += json_real_value(part);
			ck_assert_ptr_nonnull(strstr(lb_proto_str(row, "text"), trace_rows[kind].parts[n].name));
		}
		ck_assert_uint_eq(json_object_size(parts), n);
		ck_assert_double_eq_tol(json_real_value(json_object_get(row, "total")), total, 1e-9);
	}
	ck_assert_str_eq(cell(&c, 0, "object"), "\"check/app 10.0.0.11:80 down\"");
	ck_assert_ptr_nonnull(strstr(cell(&c, 0, "text"), " 1.50, ")); /* milliseconds */
	ctl_collect_done(&c);
}
END_TEST

START_TEST(one_kind)
{
	for (size_t kind = 0; kind < TRACE_KINDS; kind++) {
		char args[40];
		snprintf(args, sizeof(args), "{\"kind\": \"%s\"}", trace_rows[kind].name);
		ask(args);
		ck_assert_uint_eq(json_array_size(c.rows), 1);
		ck_assert_str_eq(lb_proto_str(json_array_get(c.rows, 0), "kind"), trace_rows[kind].name);
		ctl_collect_done(&c);
	}
}
END_TEST

START_TEST(nothing_yet)
{
	t = (struct traces){ 0 };
	ask("{}");
	ck_assert_uint_eq(json_array_size(c.rows), 0);
	ctl_collect_done(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_trace");
	TCase *tc = tcase_create("ctl_trace");
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, each_kind_has_its_parts);
	tcase_add_test(tc, one_kind);
	tcase_add_test(tc, nothing_yet);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
