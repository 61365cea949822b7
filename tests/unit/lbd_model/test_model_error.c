/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which checks have said nothing for too long. */
#include "lbd/model_error.h"
#include "tests/unit/lbd_model/fixture.h"

/* web and api ask the same of 10.1.0.1; slow has its third chance after 3 x (40 s + 5 s), down after 3 x (1 s + 5 s).
 */
#define TEXT                                                                                                           \
	"checks:\n"                                                                                                    \
	"  fast: { type: tcp, port: 81, interval: 1s, timeout: 500ms }\n"                                              \
	"  also: { type: tcp, port: 82, interval: 1s, timeout: 500ms }\n"                                              \
	"  slow: { type: tcp, port: 83, interval: 40s, interval_down: 1s, timeout: 5s }\n"                             \
	"services:\n"                                                                                                  \
	"  web: { listen: 203.0.113.1:80, check: [fast, also], backends: { a: 10.1.0.1, b: 10.1.0.2 } }\n"             \
	"  api: { listen: 203.0.113.2:80, check: fast, backends: { x: 10.1.0.1 } }\n"                                  \
	"  mail: { listen: 203.0.113.3:25, check: slow, backends: { m: 10.1.0.3, n: 10.1.0.4 } }\n"

#define SLOW_MS 135000

static struct world w;

static void setup(void)
{
	memset(&w, 0, sizeof(w));
	world_start(&w, TEXT);
	world_tell(&w);
}

static void teardown(void)
{
	world_end(&w);
}

/* "2 web/a" */
static const char *due_from(struct lb_time from)
{
	static char out[100];
	struct model_errors e;
	bool any = model_errors_due(w.m, from, w.now, &e);
	const struct model_backend *b = e.backend == MODEL_NONE ? NULL : &w.m->backends[e.backend];
	ck_assert(any == (e.first != NULL));
	snprintf(out, sizeof(out), "%u %s%s%s", e.backends, b ? w.m->services[b->service].cfg->name : "-", b ? "/" : "",
		b ? b->cfg->name : "");
	return any ? out : "";
}

static const char *due(void)
{
	return due_from((struct lb_time){ 0 });
}

START_TEST(after_a_minute)
{
	ck_assert_str_eq(due(), "");
	world_paused(&w, "web/b", 0);
	world_wait(&w, MODEL_ERROR_MS - 1);
	world_paused(&w, "web/b", 0); /* once more: it counts from the first */
	ck_assert_str_eq(due(), "");
	world_wait(&w, 1);
	ck_assert_str_eq(due(), "1 web/b");
	world_health(&w, "web/b", 0, false);
	ck_assert_str_eq(due(), "");
	world_paused(&w, "web/b", 0);
	world_wait(&w, MODEL_ERROR_MS - 1);
	ck_assert_str_eq(due(), "");
}
END_TEST

START_TEST(what_is_asked_seldom_has_its_third_chance)
{
	world_paused(&w, "mail/m", 0);
	world_wait(&w, 1);
	world_health(&w, "mail/n", 0, false);
	const struct check_state fault = { .judged = true, .last = { .code = CHECK_CODE_SOCKERR } };
	ck_assert(model_health(w.m, target_id(&w, "mail/n", 0), &fault, w.now, w.wall));
	world_wait(&w, MODEL_ERROR_MS);
	ck_assert_str_eq(due(), "1 mail/n"); /* which is down, and asked more often */
	world_wait(&w, SLOW_MS - MODEL_ERROR_MS - 2);
	ck_assert_str_eq(due(), "1 mail/n");
	world_wait(&w, 1);
	ck_assert_str_eq(due(), "2 mail/m");
}
END_TEST

START_TEST(what_was_never_judged_counts_and_what_rests_does_not)
{
	const struct check_state fault = { .last = { .code = CHECK_CODE_SOCKERR } };
	ck_assert(model_health(w.m, target_id(&w, "web/b", 0), &fault, w.now, w.wall));
	world_wait(&w, MODEL_ERROR_MS);
	ck_assert_str_eq(due(), "1 web/b");
	world_rests(&w, "web/b", 0);
	ck_assert_str_eq(due(), "");
}
END_TEST

START_TEST(each_backend_counts_once_and_the_longest_comes_first)
{
	world_paused(&w, "web/b", 1);
	world_wait(&w, 1);
	world_paused(&w, "web/b", 0);
	world_paused(&w, "web/a", 0); /* which is that of api/x */
	world_paused(&w, "web/a", 1);
	world_wait(&w, MODEL_ERROR_MS);
	ck_assert_str_eq(due(), "3 web/b");
	world_health(&w, "web/b", 1, true);
	world_health(&w, "web/b", 0, true);
	ck_assert_str_eq(due(), "2 api/x");
	world_health(&w, "api/x", 0, true);
	ck_assert_str_eq(due(), "1 web/a");
}
END_TEST

START_TEST(in_maintenance_nothing_is_missed)
{
	world_paused(&w, "web/a", 0);
	world_paused(&w, "web/b", 0);
	world_wait(&w, MODEL_ERROR_MS);
	world_state(&w, "web/a", CONFIG_STATE_MAINT, 0);
	world_state(&w, "web/b", CONFIG_STATE_MAINT, 0);
	ck_assert_str_eq(due(), "1 api/x"); /* asks the same as web/a */
	world_tell(&w);
	world_state(&w, "web/a", CONFIG_STATE_ENABLED, 0);
	world_state(&w, "web/b", CONFIG_STATE_ENABLED, 0);
	world_tell(&w);
	ck_assert_str_eq(due(), "2 api/x"); /* web/b begins anew */
	world_wait(&w, MODEL_ERROR_MS);
	ck_assert_str_eq(due(), "2 api/x");
}
END_TEST

START_TEST(a_pause_does_not_count)
{
	world_paused(&w, "web/b", 0);
	world_wait(&w, 10 * MODEL_ERROR_MS);
	ck_assert_str_eq(due_from(LB_TIME_NEVER), "");
	struct lb_time over = w.now;
	ck_assert_str_eq(due_from(over), "");
	world_wait(&w, MODEL_ERROR_MS - 1);
	ck_assert_str_eq(due_from(over), "");
	world_wait(&w, 1);
	ck_assert_str_eq(due_from(over), "1 web/b");
}
END_TEST

START_TEST(a_reload_keeps_what_is_asked_as_before)
{
	world_paused(&w, "web/b", 0);
	world_paused(&w, "web/b", 1);
	world_paused(&w, "mail/m", 0);
	world_wait(&w, SLOW_MS);
	world_load(&w,
		"checks: { new: { type: tcp, port: 7 }, also: { type: tcp, port: 82, interval: 1s, timeout: 500ms } }\n"
		"services: { web: { listen: 203.0.113.1:80, check: [new, also], backends: { a: 10.1.0.1, b: "
		"10.1.0.2 } } }\n");
	ck_assert_str_eq(due(), "1 web/b");
	world_health(&w, "web/b", 1, true);
	ck_assert_str_eq(due(), "");
	world_load(&w, "services: {}\n");
	ck_assert_str_eq(due(), "");
}
END_TEST

/* The list against what a walk over all of them finds. */
START_TEST(the_list_is_what_is_in_error)
{
	static const char *const objects[] = { "web/a", "web/b", "api/x", "mail/m", "mail/n" };
	unsigned seed = 1;
	for (unsigned step = 0; step < 2000; step++) {
		seed = seed * 1103515245 + 12345;
		const char *object = objects[(seed >> 16) % COUNT(objects)];
		bool maint = (seed >> 20) % 8 == 0;
		if (maint)
			world_state(&w, object, (seed >> 24) % 2 ? CONFIG_STATE_MAINT : CONFIG_STATE_ENABLED, 0);
		else if ((seed >> 24) % 2)
			world_paused(&w, object, 0);
		else
			world_health(&w, object, 0, true);
		world_tell(&w);
		if (step % 100 == 99)
			world_load(&w, TEXT);
		uint32_t listed = 0, all = 0;
		for (uint32_t i = w.m->first_error; i != MODEL_NONE; i = w.m->targets[i].error_after, listed++)
			ck_assert(w.m->targets[i].error_since.us && listed < w.m->n_targets);
		for (uint32_t i = 0; i < w.m->n_targets; i++)
			all += w.m->targets[i].error_since.us != 0;
		ck_assert_uint_eq(listed, all);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model_error");
	TCase *tc = tcase_create("all");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, after_a_minute);
	tcase_add_test(tc, what_is_asked_seldom_has_its_third_chance);
	tcase_add_test(tc, what_was_never_judged_counts_and_what_rests_does_not);
	tcase_add_test(tc, each_backend_counts_once_and_the_longest_comes_first);
	tcase_add_test(tc, in_maintenance_nothing_is_missed);
	tcase_add_test(tc, a_pause_does_not_count);
	tcase_add_test(tc, a_reload_keeps_what_is_asked_as_before);
	tcase_add_test(tc, the_list_is_what_is_in_error);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
