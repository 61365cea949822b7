/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line becomes a request, or an error that says what is wrong with it. */
#include "lbd/ctl/ctl_request.h"

#include <check.h>
#include <string.h>

static const struct {
	const char *what, *line;
	enum ctl_level level;
	int code; /* 0 = accepted */
	long long id;
} rows[] = {
	{ "the least", "{\"id\":1,\"cmd\":\"status\"}", CTL_LEVEL_OBSERVE, 0, 1 },
	{ "everything",
		"{\"id\":9007199254740991,\"cmd\":\"backend.drain\",\"args\":{\"backend\":\"web/"
		"app1\"},\"if_generation\":17}",
		CTL_LEVEL_ADMIN, 0, 9007199254740991 },
	{ "no id", "{\"cmd\":\"status\"}", CTL_LEVEL_ADMIN, LB_CODE_USAGE, 0 },
	{ "id 0", "{\"id\":0,\"cmd\":\"status\"}", CTL_LEVEL_ADMIN, LB_CODE_USAGE, 0 },
	{ "id as text", "{\"id\":\"1\",\"cmd\":\"status\"}", CTL_LEVEL_ADMIN, LB_CODE_USAGE, 0 },
	{ "id that loses digits elsewhere", "{\"id\":9007199254740992,\"cmd\":\"status\"}", CTL_LEVEL_ADMIN,
		LB_CODE_USAGE, 0 },
	{ "no command", "{\"id\":3}", CTL_LEVEL_ADMIN, LB_CODE_USAGE, 3 },
	{ "unknown command", "{\"id\":3,\"cmd\":\"backend.explode\"}", CTL_LEVEL_ADMIN, LB_CODE_USAGE, 3 },
	{ "a space instead of the dot", "{\"id\":3,\"cmd\":\"backend drain\"}", CTL_LEVEL_ADMIN, LB_CODE_USAGE, 3 },
	{ "what lbctl does alone", "{\"id\":3,\"cmd\":\"help\"}", CTL_LEVEL_ADMIN, LB_CODE_USAGE, 3 },
	{ "a change by an observer", "{\"id\":3,\"cmd\":\"daemon.stop\"}", CTL_LEVEL_OBSERVE, LB_CODE_DENIED, 3 },
	{ "who may only look looks at levels", "{\"id\":3,\"cmd\":\"log.level\"}", CTL_LEVEL_OBSERVE, 0, 3 },
	{ "at one of them", "{\"id\":3,\"cmd\":\"log.level\",\"args\":{\"subsystem\":\"ipvs\"}}", CTL_LEVEL_OBSERVE, 0,
		3 },
	{ "and sets none", "{\"id\":3,\"cmd\":\"log.level\",\"args\":{\"subsystem\":\"ipvs\",\"level\":\"debug\"}}",
		CTL_LEVEL_OBSERVE, LB_CODE_DENIED, 3 },
	{ "nor one that is none", "{\"id\":3,\"cmd\":\"log.level\",\"args\":{\"level\":null}}", CTL_LEVEL_OBSERVE,
		LB_CODE_DENIED, 3 },
	{ "nor in another way", "{\"id\":3,\"cmd\":\"log.level\",\"args\":[\"ipvs\",\"debug\"]}", CTL_LEVEL_OBSERVE,
		LB_CODE_USAGE, 3 },
	{ "a key nobody knows", "{\"id\":3,\"cmd\":\"status\",\"argz\":{}}", CTL_LEVEL_ADMIN, LB_CODE_USAGE, 3 },
	{ "args that are no object", "{\"id\":3,\"cmd\":\"status\",\"args\":[]}", CTL_LEVEL_ADMIN, LB_CODE_USAGE, 3 },
	{ "wrong args", "{\"id\":3,\"cmd\":\"status\",\"args\":{\"check\":1}}", CTL_LEVEL_ADMIN, LB_CODE_USAGE, 3 },
	{ "generation as text", "{\"id\":3,\"cmd\":\"status\",\"if_generation\":\"17\"}", CTL_LEVEL_ADMIN,
		LB_CODE_USAGE, 3 },
	{ "no JSON", "hello", CTL_LEVEL_ADMIN, LB_CODE_USAGE, 0 },
	{ "nothing", "", CTL_LEVEL_ADMIN, LB_CODE_USAGE, 0 },
};

START_TEST(lines)
{
	struct ctl_message m = { .id = 99 };
	struct lb_err e = { 0 };
	int r = ctl_message_parse(rows[_i].line, strlen(rows[_i].line), rows[_i].level, &m, &e);
	ck_assert_msg((r == 0) == (rows[_i].code == 0), "%s: %s", rows[_i].what, e.text);
	ck_assert_msg(m.id == rows[_i].id, "%s: id %lld", rows[_i].what, m.id);
	if (r)
		ck_assert_msg((int)e.code == rows[_i].code, "%s: %d", rows[_i].what, (int)e.code);
	else
		ctl_message_done(&m);
}
END_TEST

START_TEST(what_a_request_says)
{
	struct ctl_message m;
	struct lb_err e;
	const char *line = "{\"id\":2,\"cmd\":\"config.apply\",\"args\":{\"file\":\"a.yaml\"},\"if_generation\":17}";
	ck_assert_int_eq(ctl_message_parse(line, strlen(line), CTL_LEVEL_ADMIN, &m, &e), 0);
	ck_assert_str_eq(m.cmd->noun, "config");
	ck_assert(m.wants_fd);
	ck_assert_int_eq(m.if_generation, 17);
	ctl_message_done(&m);
	line = "{\"id\":2,\"cmd\":\"config.apply\"}";
	ck_assert_int_eq(ctl_message_parse(line, strlen(line), CTL_LEVEL_ADMIN, &m, &e), 0);
	ck_assert(!m.wants_fd);
	ck_assert(json_is_object(m.args));
	ctl_message_done(&m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_request");
	TCase *tc = tcase_create("request");
	tcase_add_loop_test(tc, lines, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, what_a_request_says);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
