/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is told of what, and in which order. */
#include "lbd/model_hook.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct model_hooks q;

static struct model_hook_run run_of(const char *name, unsigned n)
{
	struct model_hook_run r = { .from = VRRP_STATE_BACKUP, .to = VRRP_STATE_MASTER, .prio = (uint8_t)n };
	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.cause, sizeof(r.cause), "%u", n);
	return r;
}

/* Returns the cause of the one that had to give way, "" = none. */
static const char *add(const char *name, unsigned n)
{
	static struct model_hook_run dropped;
	const struct model_hook_run r = run_of(name, n);
	return model_hooks_add(&q, &r, &dropped) ? dropped.cause : "";
}

static void is_next(const char *name, const char *cause)
{
	const struct model_hook_run *r = model_hooks_next(&q);
	ck_assert_msg(r != NULL, "none waits, but %s %s should", name, cause);
	ck_assert_str_eq(r->name, name);
	ck_assert_str_eq(r->cause, cause);
}

static bool done(const char *why)
{
	return model_hooks_done(&q, q.running.id, why);
}

static void setup(void)
{
	memset(&q, 0, sizeof(q));
}

START_TEST(a_change_of_state_is_a_run)
{
	static const struct {
		const char *what;
		bool spoke;
		enum vrrp_state known, was, is;
		enum vrrp_cause cause;
		const char *reason;
		bool want;
		enum vrrp_state from;
		const char *word;
	} rows[] = {
		{ "the first word", false, VRRP_STATE_INIT, VRRP_STATE_INIT, VRRP_STATE_BACKUP, VRRP_CAUSE_STARTED, "",
			true, VRRP_STATE_INIT, "started" },
		{ "the first word of a new process: what the one before said is over", false, VRRP_STATE_MASTER,
			VRRP_STATE_INIT, VRRP_STATE_MASTER, VRRP_CAUSE_NO_ADVERT, "", true, VRRP_STATE_INIT,
			"no_advert" },
		{ "it waits for its startup delay", false, VRRP_STATE_INIT, VRRP_STATE_INIT, VRRP_STATE_INIT,
			VRRP_CAUSE_STARTED, "", false, VRRP_STATE_INIT, "" },
		{ "another priority, master or reason", true, VRRP_STATE_FAULT, VRRP_STATE_MASTER, VRRP_STATE_FAULT,
			VRRP_CAUSE_FAULT, "link_down", false, VRRP_STATE_INIT, "" },
		{ "what we know counts, not what it says it was", true, VRRP_STATE_BACKUP, VRRP_STATE_INIT,
			VRRP_STATE_MASTER, VRRP_CAUSE_NO_ADVERT, "", true, VRRP_STATE_BACKUP, "no_advert" },
		{ "a fault is told by its reason", true, VRRP_STATE_MASTER, VRRP_STATE_MASTER, VRRP_STATE_FAULT,
			VRRP_CAUSE_FAULT, "track:gateway", true, VRRP_STATE_MASTER, "track:gateway" },
		{ "a fault without a reason", true, VRRP_STATE_MASTER, VRRP_STATE_MASTER, VRRP_STATE_FAULT,
			VRRP_CAUSE_FAULT, "", true, VRRP_STATE_MASTER, "fault" },
		{ "the reason of a fault that is over is not one", true, VRRP_STATE_FAULT, VRRP_STATE_FAULT,
			VRRP_STATE_BACKUP, VRRP_CAUSE_RECOVERED, "link_down", true, VRRP_STATE_FAULT, "recovered" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct vrrp_conf conf = { .name = "wan4" };
		const struct model_vrrp v = {
			.conf = &conf, .spoke = rows[i].spoke, .state = { .state = rows[i].known }
		};
		struct vrrp_msg_state m = {
			.state = rows[i].is, .was = rows[i].was, .cause = rows[i].cause, .prio = 120
		};
		struct model_hook_run r = { .prio = 7 };
		snprintf(m.reason, sizeof(m.reason), "%s", rows[i].reason);
		ck_assert_msg(model_hook_of(&v, &m, &r) == rows[i].want, "%s", rows[i].what);
		if (!rows[i].want) {
			ck_assert_msg(r.prio == 7, "%s: touched", rows[i].what);
			continue;
		}
		ck_assert_msg(r.from == rows[i].from && r.to == rows[i].is && r.prio == 120, "%s", rows[i].what);
		ck_assert_msg(strcmp(r.cause, rows[i].word) == 0, "%s: %s", rows[i].what, r.cause);
		ck_assert_str_eq(r.name, "wan4");
	}
}
END_TEST

START_TEST(one_at_a_time_in_order)
{
	setup();
	ck_assert_ptr_null(model_hooks_next(&q));
	add("a", 1);
	add("b", 2);
	add("a", 3);
	is_next("a", "1");
	ck_assert_msg(model_hooks_next(&q) == NULL, "two at once");
	uint32_t first = q.running.id;
	ck_assert_msg(!model_hooks_done(&q, first + 1, ""), "the end of another one");
	ck_assert_msg(model_hooks_next(&q) == NULL, "the end of another one ended this one");
	ck_assert(done(""));
	ck_assert_msg(!model_hooks_done(&q, first, ""), "it ended twice");
	is_next("b", "2");
	ck_assert_uint_ne(q.running.id, first);
	ck_assert(done(""));
	is_next("a", "3");
	ck_assert(done(""));
	ck_assert_ptr_null(model_hooks_next(&q));
	ck_assert(q.ended == 3 && q.failed == 0 && q.dropped == 0);
}
END_TEST

START_TEST(a_failure_is_kept_until_one_goes_well)
{
	setup();
	add("wan", 1);
	add("wan", 2);
	add("wan", 3);
	is_next("wan", "1");
	ck_assert_str_eq(q.failure, "");
	ck_assert(done("exit 3: no"));
	ck_assert_str_eq(q.failure, "vrrp/wan backup -> master (exit 3: no)");
	is_next("wan", "2");
	ck_assert_msg(q.failure[0], "forgotten before the next one ended");
	ck_assert(done("killed at the deadline"));
	ck_assert_str_eq(q.failure, "vrrp/wan backup -> master (killed at the deadline)");
	is_next("wan", "3");
	ck_assert(done(""));
	ck_assert_str_eq(q.failure, "");
	ck_assert(q.ended == 3 && q.failed == 2);
}
END_TEST

/* The longest of everything fits. */
START_TEST(a_long_failure_is_cut)
{
	setup();
	char name[VRRP_NAME_MAX], why[300];
	memset(name, 'n', sizeof(name) - 1);
	memset(why, 'w', sizeof(why) - 1);
	name[sizeof(name) - 1] = why[sizeof(why) - 1] = '\0';
	add(name, 1);
	ck_assert_ptr_nonnull(model_hooks_next(&q));
	ck_assert(done(why));
	size_t n = strlen(q.failure);
	ck_assert_msg(n > 100 && q.failure[n - 1] == ')', "%s", q.failure);
	ck_assert_msg(strstr(q.failure, " backup -> master (www"), "%s", q.failure);
}
END_TEST

START_TEST(behind_one_that_hangs_the_oldest_of_the_same_gives_way)
{
	setup();
	add("a", 0);
	is_next("a", "0"); /* it hangs: of what runs nothing is taken away */
	add("b", 1);
	for (unsigned i = 2; i <= MODEL_HOOK_PENDING; i++)
		ck_assert_str_eq(add("a", i), "");
	ck_assert_uint_eq(q.n, MODEL_HOOK_PENDING);
	ck_assert_str_eq(add("a", 300), "2");
	ck_assert_str_eq(add("b", 301), "1");
	ck_assert_str_eq(add("a", 302), "3");
	ck_assert_msg(strcmp(add("c", 303), "4") == 0, "one that has no other word makes room where there are several");
	ck_assert(q.dropped == 4 && q.n == MODEL_HOOK_PENDING && q.runs);
	ck_assert(done(""));
	is_next("a", "5"); /* what is left is in order */
	for (unsigned i = 6; i <= MODEL_HOOK_PENDING; i++) {
		char cause[16];
		snprintf(cause, sizeof(cause), "%u", i);
		ck_assert(done(""));
		is_next("a", cause);
	}
	static const char *const last[][2] = { { "a", "300" }, { "b", "301" }, { "a", "302" }, { "c", "303" } };
	for (size_t i = 0; i < COUNT(last); i++) {
		ck_assert(done(""));
		is_next(last[i][0], last[i][1]);
	}
	ck_assert(done(""));
	ck_assert_ptr_null(model_hooks_next(&q));
}
END_TEST

/* As many names as places, none of them twice: the oldest goes. */
START_TEST(when_all_are_single_the_oldest_gives_way)
{
	setup();
	char name[16];
	for (unsigned i = 0; i < MODEL_HOOK_PENDING; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		ck_assert_str_eq(add(name, i + 1), "");
	}
	ck_assert_str_eq(add("new", 999), "1");
	is_next("n1", "2");
	ck_assert_str_eq(q.pending[q.n - 1].name, "new");
}
END_TEST

START_TEST(the_only_word_of_one_gives_way_last)
{
	setup();
	char name[16];
	add("single", 1);
	add("twice", 2);
	add("twice", 3);
	for (unsigned i = 3; i < MODEL_HOOK_PENDING; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		ck_assert_str_eq(add(name, i + 1), "");
	}
	ck_assert_str_eq(add("new", 999), "2");
	is_next("single", "1");
}
END_TEST

START_TEST(forgotten_and_wanted_again)
{
	setup();
	add("a", 1);
	add("a", 2);
	is_next("a", "1");
	model_hooks_forget(&q);
	add("a", 3);
	ck_assert_msg(model_hooks_next(&q) == NULL, "beside one that still runs");
	ck_assert_msg(!done("exit 1"), "nobody wants to know");
	ck_assert_str_eq(q.failure, "");
	ck_assert(q.ended == 0 && q.failed == 0);
	is_next("a", "3");
	ck_assert(done("exit 2"));
	ck_assert_msg(q.failure[0], "this one counts");
	model_hooks_forget(&q);
	ck_assert_str_eq(q.failure, "");
	ck_assert_ptr_null(model_hooks_next(&q));
}
END_TEST

START_TEST(the_arguments)
{
	const struct config_hook hook = { "/usr/local/lib/lbd/notify", 1500 };
	struct model_hook_run r = run_of("wan4", 120);
	struct check_msg_hook_run m;
	char longest[200];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	r.id = 77;
	snprintf(r.cause, sizeof(r.cause), "no_advert");
	model_hook_msg(&r, &hook, "lb-\303\244\n", &m);
	static const char *const want[] = { "vrrp", "wan4", "backup", "master", "no_advert", "120", "lb-???" };
	ck_assert(m.id == 77 && m.timeout_ms == 1500);
	ck_assert_str_eq(m.path, hook.path);
	ck_assert_uint_eq(m.n_args, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++)
		ck_assert_str_eq(m.args[i], want[i]);
	model_hook_msg(&r, &hook, longest, &m);
	ck_assert_uint_eq(strlen(m.args[6]), CHECK_HOOK_ARG - 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model_hook");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, a_change_of_state_is_a_run);
	tcase_add_test(tc, one_at_a_time_in_order);
	tcase_add_test(tc, a_failure_is_kept_until_one_goes_well);
	tcase_add_test(tc, a_long_failure_is_cut);
	tcase_add_test(tc, behind_one_that_hangs_the_oldest_of_the_same_gives_way);
	tcase_add_test(tc, when_all_are_single_the_oldest_gives_way);
	tcase_add_test(tc, the_only_word_of_one_gives_way_last);
	tcase_add_test(tc, forgotten_and_wanted_again);
	tcase_add_test(tc, the_arguments);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
