/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/buf.h"
#include "lbd/check/check_script.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
	const char *what;
	mode_t mode;
	uid_t owner;
	const char *why;
} trusts[] = {
	{ "a program of root", S_IFREG | 0755, 0, NULL },
	{ "a directory of root", S_IFDIR | 0755, 0, NULL },
	{ "root may write it, the others not even read", S_IFREG | 0700, 0, NULL },
	{ "the group may write it", S_IFREG | 0775, 0, "writable by group or others" },
	{ "all may write it", S_IFREG | 0757, 0, "writable by group or others" },
	{ "sticky does not help: there are hard links", S_IFDIR | 01777, 0, "writable by group or others" },
	{ "somebody else's, who may make it writable", S_IFREG | 0555, 1000, "not owned by root" },
};

START_TEST(only_root_chooses_what_runs)
{
	for (size_t i = 0; i < sizeof(trusts) / sizeof(trusts[0]); i++) {
		const char *why = check_script_untrusted(trusts[i].mode, trusts[i].owner);
		ck_assert_msg((why == NULL) == (trusts[i].why == NULL) && (!why || strcmp(why, trusts[i].why) == 0),
			"%s: %s", trusts[i].what, why ? why : "trusted");
	}
}
END_TEST

static struct lb_text bytes;

static struct check_spec spec_of(const char *addr, uint16_t port, const char *from)
{
	struct check_spec s = { .type = CHECK_TYPE_SCRIPT, .port = port };
	if (addr)
		ck_assert_int_eq(lb_ip_parse(addr, strlen(addr), &s.addr), 0);
	bytes.n = 0;
	if (from)
		ck_assert_int_eq(check_param_put(&bytes, CHECK_PARAM_WEIGHT_FROM, from, strlen(from)), 0);
	s.params = (struct check_params){ (const uint8_t *)bytes.s, (uint32_t)bytes.n };
	return s;
}

static const struct {
	const char *what, *addr;
	uint16_t port;
	const char *arg, *want;
} args[] = {
	{ "nothing to put in", "10.0.0.1", 80, "--fast", "--fast" },
	{ "address and port", "10.0.0.1", 80, "%a:%p", "10.0.0.1:80" },
	{ "IPv6 without brackets", "2001:db8::1", 443, "[%a]", "[2001:db8::1]" },
	{ "no port is nothing", "10.0.0.1", 0, "-p%p.", "-p." },
	{ "no address is nothing", NULL, 80, "%a%p", "80" },
	{ "a percent sign", "10.0.0.1", 80, "100%%a%%p", "100%a%p" },
	{ "other letters stay", "10.0.0.1", 80, "%x%", "%x%" },
	{ "empty", "10.0.0.1", 80, "", "" },
	{ "what a shell would do", "10.0.0.1", 80, "$(id); `id` *", "$(id); `id` *" },
};

START_TEST(arguments)
{
	struct lb_text out = LB_TEXT_INIT;
	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
		struct check_spec s = spec_of(args[i].addr, args[i].port, NULL);
		ck_assert_int_eq(check_param_put(&bytes, CHECK_PARAM_PATH, "/x/y %a", 7), 0);
		ck_assert_int_eq(check_param_put(&bytes, CHECK_PARAM_ARG, args[i].arg, strlen(args[i].arg)), 0);
		ck_assert_int_eq(check_param_put(&bytes, CHECK_PARAM_ARG, "last", 4), 0);
		s.params = (struct check_params){ (const uint8_t *)bytes.s, (uint32_t)bytes.n };
		lb_text_clear(&out);
		ck_assert_uint_eq(check_script_args(&s, &out), 3);
		const char *first = out.s, *second = first + strlen(first) + 1, *third = second + strlen(second) + 1;
		ck_assert_str_eq(first, "/x/y %a");
		ck_assert_msg(strcmp(second, args[i].want) == 0, "%s: %s", args[i].what, second);
		ck_assert_str_eq(third, "last");
		ck_assert_uint_eq(out.n, (size_t)(third + 5 - first));
	}
	lb_text_done(&out);
}
END_TEST

#define SAYS(s) s, sizeof(s) - 1

static const struct {
	const char *what;
	int how, value;
	const char *from, *out;
	size_t n_out;
	const char *err;
	enum check_code code;
	const char *text;
	struct check_weight weight;
} ends[] = {
	{ "yes", CHECK_SCRIPT_EXITED, 0, NULL, SAYS(""), "", CHECK_CODE_PROCOK, "exit 0", { 0 } },
	{ "the first line that says something", CHECK_SCRIPT_EXITED, 3, NULL, SAYS("\n \r\nfull\r\nmore"), "x",
		CHECK_CODE_PROCERR, "exit 3: full", { 0 } },
	{ "only its errors", CHECK_SCRIPT_EXITED, 3, NULL, SAYS(" \n"), "oops\n", CHECK_CODE_PROCERR, "exit 3: oops",
		{ 0 } },
	{ "bytes that would move a cursor", CHECK_SCRIPT_EXITED, 3, NULL, SAYS("\033[2J\0z"), "", CHECK_CODE_PROCERR,
		"exit 3: \\x1b[2J\\x00z", { 0 } },
	{ "a signal, whatever it printed before", CHECK_SCRIPT_KILLED, 11, "output", SAYS("75%"), "",
		CHECK_CODE_PROCERR, "signal 11: 75%", { 0 } },
	{ "keepalived's 2", CHECK_SCRIPT_EXITED, 2, "exit", SAYS(""), "", CHECK_CODE_PROCOK, "exit 2",
		{ CHECK_WEIGHT_VALUE, 0 } },
	{ "keepalived's 255", CHECK_SCRIPT_EXITED, 255, "exit", SAYS(""), "", CHECK_CODE_PROCOK, "exit 255",
		{ CHECK_WEIGHT_VALUE, 253 } },
	{ "keepalived's 1", CHECK_SCRIPT_EXITED, 1, "exit", SAYS(""), "", CHECK_CODE_PROCERR, "exit 1", { 0 } },
	{ "2 is a failure to others", CHECK_SCRIPT_EXITED, 2, NULL, SAYS(""), "", CHECK_CODE_PROCERR, "exit 2", { 0 } },
	{ "a weight in words", CHECK_SCRIPT_EXITED, 0, "output", SAYS("up 12\nx"), "", CHECK_CODE_PROCOK,
		"it says: up 12", { CHECK_WEIGHT_VALUE, 12 } },
	{ "drain", CHECK_SCRIPT_EXITED, 0, "output", SAYS("drain"), "", CHECK_CODE_PROCOK, "it says: drain",
		{ CHECK_WEIGHT_DRAIN, 0 } },
	{ "down", CHECK_SCRIPT_EXITED, 0, "output", SAYS("down"), "", CHECK_CODE_PROCERR, "it says: down", { 0 } },
	{ "it should say something", CHECK_SCRIPT_EXITED, 0, "output", SAYS(""), "", CHECK_CODE_PROCERR,
		"no weight in its output", { 0 } },
	{ "errors are no weight", CHECK_SCRIPT_EXITED, 0, "output", SAYS(""), "75%", CHECK_CODE_PROCERR,
		"no weight in its output: 75%", { 0 } },
	{ "no process left: ours", CHECK_SCRIPT_NOT_STARTED, EAGAIN, NULL, SAYS(""), "", CHECK_CODE_SOCKERR,
		"resource temporarily unavailable", { 0 } },
	{ "no memory: ours", CHECK_SCRIPT_NOT_STARTED, ENOMEM, NULL, SAYS(""), "", CHECK_CODE_SOCKERR,
		"cannot allocate memory", { 0 } },
	{ "not for us", CHECK_SCRIPT_NOT_STARTED, EACCES, NULL, SAYS(""), "", CHECK_CODE_PROCERR,
		"may not be executed: permission denied", { 0 } },
	{ "somebody writes to it", CHECK_SCRIPT_NOT_STARTED, ETXTBSY, NULL, SAYS(""), "", CHECK_CODE_PROCERR,
		"is being written to", { 0 } },
};

START_TEST(what_an_end_means)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct check_spec s = spec_of("10.0.0.1", 80, ends[i].from);
		struct check_script_end end = { ends[i].how, ends[i].value };
		struct check_script_said said = { ends[i].out, ends[i].err, ends[i].n_out, strlen(ends[i].err) };
		struct check_result r = { .weight = { CHECK_WEIGHT_PERCENT, 99 } };
		check_script_result(&s, &end, &said, &r);
		ck_assert_msg(r.code == ends[i].code && strcmp(r.text, ends[i].text) == 0, "%s: %s (%s)", ends[i].what,
			check_codes[r.code].name, r.text);
		ck_assert_msg(r.weight.kind == ends[i].weight.kind &&
				      (!r.weight.kind || r.weight.value == ends[i].weight.value),
			"%s: weight %u", ends[i].what, r.weight.value);
	}
}
END_TEST

/* Any first line, of any length: the field holds, and no escape is cut in half. */
START_TEST(long_lines_are_cut)
{
	char line[200];
	for (size_t n = 1; n <= sizeof(line); n++) {
		memset(line, n % 2 ? 'x' : 0xff, n);
		const struct check_script_said said = { line, "", n, 0 };
		struct check_result r = { 0 };
		check_script_text(&r, CHECK_CODE_PROCERR, "exit 3", &said);
		size_t len = strlen(r.text);
		ck_assert_uint_lt(len, CHECK_TEXT_MAX);
		if (n > 60)
			ck_assert_str_eq(r.text + len - 3, "...");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_script");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, only_root_chooses_what_runs);
	tcase_add_test(tc, arguments);
	tcase_add_test(tc, what_an_end_means);
	tcase_add_test(tc, long_lines_are_cut);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	lb_text_done(&bytes);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
