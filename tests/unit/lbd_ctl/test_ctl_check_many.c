/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks that many backends share, and that an instance of VRRP tracks: what is shown is cut and counted. */
#include "tests/unit/lbd_ctl/commands.h"
#include "tests/unit/lbd_model/fixture.h"

#define BACKENDS 600u
#define SERVICES 12u

static struct {
	struct world w;
	struct ctl_env env;
	struct ctl_collect c;
} k;

static void setup(void)
{
	struct lb_text t = LB_TEXT_INIT;
	memset(&k, 0, sizeof(k));
	lb_text_puts(&t, "checks:\n"
			 "  gw: { type: icmp, address: 192.0.2.254, rise: 1 }\n"
			 "  many: { type: http, port: 8080, source: 192.0.2.9, rise: 1,\n"
			 "    headers: { X-One: a, X-Two: b } }\n"
			 "vrrp: { wan: { interface: eth0, vrid: 7, addresses: 192.0.2.1/24, track: { check: gw } } }\n"
			 "services:\n");
	for (unsigned s = 0; s < SERVICES; s++) {
		lb_text_printf(&t, "  s%02u:\n    listen: 203.0.113.1:%u\n    check: many\n    backends:\n", s, 80 + s);
		for (unsigned b = 0; b < (s ? 1 : BACKENDS); b++)
			lb_text_printf(&t, "      b%03u: 10.1.%u.%u\n", b, b / 200, b % 200 + 1);
	}
	world_start(&k.w, t.s);
	lb_text_done(&t);
	k.env = (struct ctl_env){ .model = k.w.m };
}

static void teardown(void)
{
	ctl_collect_done(&k.c);
	world_end(&k.w);
}

START_TEST(a_check_of_many)
{
	command(&k.env, &k.c, "check.show", "{\"check\": \"many\"}");
	ended(&k.c, 0, "");
	rows_fit(&k.c, LB_ROW_CHECK);
	const json_t *row = json_array_get(k.c.rows, 0);
	size_t shown = json_array_size(json_object_get(row, "targets"));
	ck_assert_int_eq(lb_proto_int(row, "targets_all", 0), BACKENDS); /* each once, whoever uses it */
	ck_assert_uint_lt(shown, BACKENDS);
	ck_assert_int_eq(lb_proto_int(row, "targets_more", 0), BACKENDS - (long long)shown);
	ck_assert_int_eq(lb_proto_int(row, "targets_up", -1), 0);
	ck_assert_int_eq(lb_proto_int(row, "port", 0), 8080);
	ck_assert_str_eq(lb_proto_str(row, "source"), "192.0.2.9");
	const json_t *first = json_array_get(json_object_get(row, "targets"), 0);
	ck_assert_int_eq(lb_proto_int(first, "backends", 0), SERVICES);
	ck_assert_uint_lt(json_array_size(json_object_get(first, "used_by")), SERVICES);
}
END_TEST

START_TEST(what_an_instance_tracks)
{
	struct check_state up = { .n = 4, .judged = true, .up = true, .last = { .code = CHECK_CODE_L3OK } };
	const struct config_check *gw = NULL;
	for (uint32_t i = 0; i < k.w.m->config->n_checks; i++)
		if (strcmp(k.w.m->config->checks[i].name, "gw") == 0)
			gw = &k.w.m->config->checks[i];
	ck_assert_ptr_nonnull(gw);
	(void)model_health(k.w.m, model_tracked_target(k.w.m, gw)->id, &up, k.w.now, k.w.wall);
	command(&k.env, &k.c, "check.show", "{\"check\": \"gw\"}");
	ended(&k.c, 0, "");
	const json_t *row = json_array_get(k.c.rows, 0);
	ck_assert_int_eq(lb_proto_int(row, "targets_all", 0), 1);
	ck_assert_int_eq(lb_proto_int(row, "targets_up", 0), 1);
	ck_assert_str_eq(lb_proto_str(row, "address"), "192.0.2.254");
	const json_t *used = json_object_get(json_array_get(json_object_get(row, "targets"), 0), "used_by");
	ck_assert_str_eq(json_string_value(json_array_get(used, 0)), "vrrp/wan");
}
END_TEST

START_TEST(the_list_comes_in_parts_and_is_whole)
{
	command(&k.env, &k.c, "check.list", "{}");
	ended(&k.c, 0, "");
	ck_assert_uint_eq(json_array_size(k.c.rows), BACKENDS + 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_check_many");
	TCase *c = tcase_create("ctl_check_many");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_check_of_many);
	tcase_add_test(c, what_an_instance_tracks);
	tcase_add_test(c, the_list_comes_in_parts_and_is_whole);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
