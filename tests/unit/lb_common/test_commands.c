/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of commands and rows have no holes, and what a request may contain. */
#include "common/commands.h"

#include "common/err.h"

#include <check.h>
#include <ctype.h>
#include <string.h>

static bool is_word(const char *s)
{
	for (; *s; s++)
		if (!islower((unsigned char)*s) && *s != '-' && *s != '_')
			return false;
	return true;
}

static void check_arg(const struct lb_command *cmd, const struct lb_arg *a)
{
	char name[LB_COMMAND_NAMELEN];
	lb_command_name(cmd, ' ', name);
	ck_assert_msg(is_word(a->name), "%s: %s", name, a->name);
	ck_assert_msg(a->help && *a->help, "%s: %s has no help", name, a->name);
	ck_assert_msg((a->kind == LB_ARG_CHOICE) == (a->choices != NULL), "%s: choices of %s", name, a->name);
	if (!a->hidden && (!a->option || a->kind != LB_ARG_FLAG))
		ck_assert_msg(a->metavar && *a->metavar, "%s: %s has no metavar", name, a->name);
	if (a->hidden)
		ck_assert_msg(!a->required && !a->option, "%s: nobody can type %s", name, a->name);
	if (a->kind == LB_ARG_FLAG && !a->hidden)
		ck_assert_msg(a->option, "%s: flag %s is an option", name, a->name);
	if (a->or_before)
		ck_assert_msg(
			a != cmd->args && !a->option && !a[-1].option, "%s: %s has nothing before it", name, a->name);
	for (const struct lb_arg *b = cmd->args; b != a; b++) {
		ck_assert_str_ne(a->name, b->name);
		ck_assert(!a->option || !b->option || strcmp(a->option, b->option) != 0);
		/* after one that may be missing, a required word would be ambiguous */
		if (!a->option && !a->hidden && a->required && !b->option && !b->hidden)
			ck_assert_msg(b->required, "%s: %s comes after %s", name, a->name, b->name);
	}
}

START_TEST(every_command_is_whole)
{
	const struct lb_command *c = &lb_commands[_i];
	char name[LB_COMMAND_NAMELEN];
	ck_assert_msg(c->noun && *c->noun && is_word(c->noun), "row %d has no noun", _i);
	ck_assert_ptr_nonnull(c->verb);
	ck_assert(is_word(c->verb));
	lb_command_name(c, '.', name);
	ck_assert_msg(strlen(c->noun) + strlen(c->verb) + 2 <= LB_COMMAND_NAMELEN, "%s is too long", name);
	ck_assert_ptr_eq(lb_command_wire(name), c);
	ck_assert_ptr_eq(lb_command_find(c->noun, c->verb), c);
	ck_assert_int_eq(lb_command_id(c), _i);
	ck_assert_msg(c->help && *c->help && c->help[strlen(c->help) - 1] != '.', "%s: help", name);
	ck_assert_msg(c->text && *c->text, "%s: text", name);
	ck_assert_msg(!c->changes || c->level == LB_LEVEL_ADMIN, "%s changes something but anybody may", name);
	ck_assert_msg(c->changes || (!c->wait && !c->ask), "%s: nothing to wait for", name);
	ck_assert_msg(!c->changes || c->wait || strcmp(name, "daemon.stop") == 0, "%s: --wait for what", name);
	ck_assert_msg(!c->changed_by || (c->changes && lb_command_arg(c, c->changed_by)), "%s: changed_by", name);
	ck_assert_uint_lt(c->row, LB_ROW_COUNT);
	const struct lb_arg *a = c->args;
	for (; a->name; a++)
		check_arg(c, a);
	ck_assert_int_le(a - c->args, LB_COMMAND_ARGS_MAX);
	/* verbs of one noun stand together: help and completion rely on it */
	for (int i = 0; i + 1 < _i; i++)
		ck_assert_msg(
			strcmp(lb_commands[i].noun, c->noun) != 0 || strcmp(lb_commands[i + 1].noun, c->noun) == 0,
			"%s", name);
}
END_TEST

START_TEST(a_noun_alone_means_one_thing)
{
	for (size_t i = 0; i < LB_COMMAND_COUNT; i++)
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(!lb_commands[i].bare || !lb_commands[k].bare ||
					      strcmp(lb_commands[i].noun, lb_commands[k].noun) != 0,
				"%s", lb_commands[i].noun);
}
END_TEST

START_TEST(every_row_is_whole)
{
	const struct lb_row *r = &lb_rows[_i];
	ck_assert(r->name && *r->name);
	ck_assert_ptr_nonnull(r->fields);
	ck_assert((r->one == NULL) == (r->many == NULL));
	ck_assert((r->state == NULL) == (r->state_good == NULL));
	if (r->state)
		ck_assert_ptr_nonnull(lb_row_field((enum lb_row_type)_i, r->state));
	for (const struct lb_field *f = r->fields; f->key; f++) {
		ck_assert_msg(is_word(f->key) && f->head && *f->head && f->help, "%s.%s", r->name, f->key);
		ck_assert_ptr_eq(lb_row_field((enum lb_row_type)_i, f->key), f);
		ck_assert_msg(strlen(f->key) < 30, "%s.%s is longer than a label", r->name, f->key);
	}
}
END_TEST

START_TEST(waits_and_reasons_are_whole)
{
	for (size_t i = 0; i < lb_waits_n; i++) {
		char object[64];
		const char *name = strcmp(lb_waits[i].kind, "backend") == 0 ? "web/app1" : "web";
		snprintf(object, sizeof(object), "%s%s%s", lb_waits[i].kind, lb_waits[i].named ? "/" : "",
			lb_waits[i].named ? name : "");
		ck_assert_ptr_eq(lb_wait_find(object, lb_waits[i].condition), &lb_waits[i]);
		ck_assert(lb_waits[i].help && *lb_waits[i].help);
	}
	/* what --wait takes exists */
	for (size_t i = 0; i < LB_COMMAND_COUNT; i++)
		if (lb_commands[i].wait)
			ck_assert(lb_wait_find("daemon", lb_commands[i].wait) ||
				  lb_wait_find("backend/a/b", lb_commands[i].wait) ||
				  lb_wait_find("vrrp/a", lb_commands[i].wait) ||
				  lb_wait_find(lb_commands[i].noun, lb_commands[i].wait) ||
				  lb_command_arg(&lb_commands[i], "wait"));
	for (size_t i = 0; i < lb_reasons_n; i++) {
		ck_assert(is_word(lb_reasons[i].code) && *lb_reasons[i].words);
		ck_assert_ptr_eq(lb_reason_find(lb_reasons[i].code), &lb_reasons[i]);
	}
	ck_assert_ptr_null(lb_reason_find("nonsense"));
}
END_TEST

static const struct {
	const char *what, *cmd, *args;
	const char *error; /* part of it; NULL = accepted */
} requests[] = {
	{ "nothing is needed", "status", "{}", NULL },
	{ "a flag", "status", "{\"check\":true}", NULL },
	{ "a flag is no number", "status", "{\"check\":1}", "true or false" },
	{ "an argument nobody knows", "status", "{\"chekc\":true}", "no argument 'chekc'" },
	{ "hostile bytes are shown, not sent on", "status", "{\"\\u001b[2J\":true}", "'\\x1b[2J'" },
	{ "not an object", "status", "[]", "an object" },
	{ "a name", "service.show", "{\"service\":\"web\"}", NULL },
	{ "a name is missing", "service.show", "{}", "service is missing" },
	{ "a path is no name", "service.show", "{\"service\":\"../web\"}", "no name" },
	{ "a glob is the client's business", "backend.drain", "{\"backend\":\"web/*\"}", "SERVICE/BACKEND" },
	{ "a backend", "backend.drain", "{\"backend\":\"web/app1\",\"for\":1800,\"reason\":\"x\"}", NULL },
	{ "a fraction of a second", "backend.drain", "{\"backend\":\"web/app1\",\"for\":0.5}", NULL },
	{ "no time at all", "backend.drain", "{\"backend\":\"web/app1\",\"for\":0}", "seconds" },
	{ "time as text", "backend.drain", "{\"backend\":\"web/app1\",\"for\":\"30m\"}", "seconds" },
	{ "eleven years", "backend.drain", "{\"backend\":\"web/app1\",\"for\":350000000}", "seconds" },
	{ "a reason with a newline", "backend.drain", "{\"backend\":\"web/app1\",\"reason\":\"a\\nb\"}", "printable" },
	{ "an empty reason", "backend.drain", "{\"backend\":\"web/app1\",\"reason\":\"\"}", "1 to 256" },
	{ "three parts", "backend.drain", "{\"backend\":\"web/app1/x\"}", "SERVICE/BACKEND" },
	{ "a weight", "backend.weight", "{\"backend\":\"web/app1\",\"weight\":\"50%\"}", NULL },
	{ "a weight is text", "backend.weight", "{\"backend\":\"web/app1\",\"weight\":50}", "a string" },
	{ "too heavy", "backend.weight", "{\"backend\":\"web/app1\",\"weight\":\"65536\"}", "0 to 65535" },
	{ "forced", "backend.force", "{\"backend\":\"web/app1\",\"force\":\"up\",\"for\":60}", NULL },
	{ "forced to nothing", "backend.force", "{\"backend\":\"web/app1\",\"force\":\"on\"}",
		"one of: up, down, auto" },
	{ "a check", "check.show", "{\"check\":\"app\"}", NULL },
	{ "a check is no path", "check.show", "{\"check\":\"../app\"}", "no name" },
	{ "the history of a backend", "check.history", "{\"backend\":\"web/app1\",\"last\":5}", NULL },
	{ "of both at once", "check.history", "{\"backend\":\"web/app1\",\"check\":\"app\"}", "exclude" },
	{ "a generation", "config.diff", "{\"generation\":17}", NULL },
	{ "generation 0", "config.diff", "{\"generation\":0}", "from 1" },
	{ "two sources", "config.diff", "{\"generation\":17,\"file\":\"a\"}", "exclude" },
	{ "a condition of its object", "wait", "{\"object\":\"backend/web/app1\",\"condition\":\"drained\"}", NULL },
	{ "with a limit", "wait", "{\"object\":\"daemon\",\"condition\":\"ready\",\"timeout\":5}", NULL },
	{ "all other nodes", "wait", "{\"object\":\"peer\",\"condition\":\"up\"}", NULL },
	{ "one other node", "wait", "{\"object\":\"peer/lb-b\",\"condition\":\"up\"}", NULL },
	{ "a node is no master", "wait", "{\"object\":\"peer/lb-b\",\"condition\":\"master\"}", "to be: up" },
	{ "no object of that sort", "wait", "{\"object\":\"peers\",\"condition\":\"up\"}", "peer/NAME" },
	{ "failover", "failover", "{\"force\":true,\"wait\":5}", NULL },
	{ "failover of nothing in particular", "failover", "{}", NULL },
	{ "a wait of no time", "failover", "{\"wait\":0}", "seconds above 0" },
	{ "a condition of another object", "wait", "{\"object\":\"daemon\",\"condition\":\"drained\"}", "ready" },
	{ "an object nobody knows", "wait", "{\"object\":\"moon\",\"condition\":\"full\"}", "object" },
	{ "all instances", "vrrp.show", "{}", NULL },
	{ "one of them", "vrrp.show", "{\"vrrp\":\"wan4\"}", NULL },
	{ "an instance is no path", "vrrp.resign", "{\"vrrp\":\"wan/4\"}", "no name" },
	{ "resign which", "vrrp.resign", "{}", "vrrp is missing" },
	{ "a priority", "vrrp.priority", "{\"vrrp\":\"wan4\",\"priority\":\"120\",\"for\":60}", NULL },
	{ "the configured one", "vrrp.priority", "{\"vrrp\":\"wan4\",\"priority\":\"auto\"}", NULL },
	{ "that of an owner", "vrrp.priority", "{\"vrrp\":\"wan4\",\"priority\":\"255\"}", "1 to 254" },
	{ "all connections", "conn.list", "{}", NULL },
	{ "some of them", "conn.list", "{\"service\":\"web\",\"backend\":\"web/a\",\"client\":\"10.0.0.0/8\"}", NULL },
	{ "to end all of them is not said by mistake", "conn.kill", "{}", "--service, --backend, --client" },
	{ "to end some", "conn.kill", "{\"client\":\"10.0.0.7:40000\"}", NULL },
	{ "a client that is none", "conn.kill", "{\"client\":\"host\"}", "an address" },
	{ "a client is text", "conn.kill", "{\"client\":7}", "a string" },
	{ "a priority is text", "vrrp.priority", "{\"vrrp\":\"wan4\",\"priority\":120}", "a string" },
	{ "a role", "wait", "{\"object\":\"vrrp/wan4\",\"condition\":\"master\"}", NULL },
	{ "no role", "wait", "{\"object\":\"vrrp/wan4\",\"condition\":\"up\"}", "master, backup" },
	{ "a choice", "config.export", "{\"format\":\"ipvsadm\"}", NULL },
	{ "another choice", "config.export", "{\"format\":\"nft\"}", "one of: ipvsadm" },
	{ "a choice that is near", "config.export", "{\"format\":\"ipvsadmin\"}", "did you mean 'ipvsadm'?" },
	{ "of many only the kinds are named", "watch", "{\"kind\":\"zebra\"}",
		", kernel, alarm; or one of what these tell, like " },
	{ "and an event that is near", "watch", "{\"kind\":\"backend.helth\"}", "; did you mean 'backend.health'?" },
	{ "words are never sent", "complete", "{\"words\":[]}", "no argument" },
};

START_TEST(requests_are_checked)
{
	struct lb_err e = { 0 };
	json_t *args = json_loads(requests[_i].args, 0, NULL);
	const struct lb_command *cmd = lb_command_wire(requests[_i].cmd);
	ck_assert(args && cmd);
	int r = lb_command_check_args(cmd, args, &e);
	ck_assert_msg((r == 0) == (requests[_i].error == NULL), "%s: %s", requests[_i].what, e.text);
	if (r) {
		ck_assert_int_eq(e.code, LB_CODE_USAGE);
		ck_assert_msg(strstr(e.text, requests[_i].error), "%s: %s", requests[_i].what, e.text);
	}
	json_decref(args);
}
END_TEST

START_TEST(weights)
{
	struct lb_weight w = { LB_WEIGHT_NUMBER, 99 };
	ck_assert_int_eq(lb_weight_parse("auto", &w), 0);
	ck_assert_int_eq(w.kind, LB_WEIGHT_AUTO);
	ck_assert_int_eq(lb_weight_parse("65535", &w), 0);
	ck_assert_uint_eq(w.value, 65535);
	ck_assert_int_eq(lb_weight_parse("1000%", &w), 0);
	ck_assert_int_eq(w.kind, LB_WEIGHT_SHARE);
	ck_assert_uint_eq(w.value, 1000);
	const char *bad[] = { "", "%", "-1", "+1", "01", "1 ", "65536", "1001%", "99999999999999999999", "1.5",
		"Auto" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(lb_weight_parse(bad[i], &w) != 0, "'%s'", bad[i]);
	ck_assert_uint_eq(w.value, 1000);
}
END_TEST

START_TEST(priorities)
{
	uint8_t p = 9;
	ck_assert_int_eq(lb_priority_parse("auto", &p), 0);
	ck_assert_uint_eq(p, 0);
	ck_assert_int_eq(lb_priority_parse("1", &p), 0);
	ck_assert_uint_eq(p, 1);
	ck_assert_int_eq(lb_priority_parse("254", &p), 0);
	ck_assert_uint_eq(p, 254);
	const char *bad[] = { "", "0", "255", "256", "-1", "+1", "01", "1 ", "1%", "Auto", "4294967297" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(lb_priority_parse(bad[i], &p) != 0, "'%s'", bad[i]);
	ck_assert_uint_eq(p, 254);
}
END_TEST

START_TEST(clients)
{
	static const struct {
		const char *text, *ip;
		uint8_t prefix;
		uint16_t port;
	} good[] = {
		{ "10.0.0.7", "10.0.0.7", 32, 0 },
		{ "10.0.0.0/8", "10.0.0.0", 8, 0 },
		{ "0.0.0.0/0", "0.0.0.0", 0, 0 },
		{ "10.0.0.7:40000", "10.0.0.7", 32, 40000 },
		{ "10.0.0.0/24:65535", "10.0.0.0", 24, 65535 },
		{ "2001:db8::7", "2001:db8::7", 128, 0 },
		{ "2001:db8::/32", "2001:db8::", 32, 0 },
		{ "[2001:db8::7]", "2001:db8::7", 128, 0 },
		{ "[2001:db8::7]:443", "2001:db8::7", 128, 443 },
		{ "[2001:db8::/32]:443", "2001:db8::", 32, 443 },
		{ "::/0", "::", 0, 0 },
	};
	static const char *const bad[] = { "", "x", "10.0.0", "10.0.0.7/", "10.0.0.7/33", "10.0.0.7/8", "10.0.0.7/032",
		"10.0.0.7:", "10.0.0.7:0", "10.0.0.7:65536", "10.0.0.7:08", "10.0.0.7:1x", "10.0.0.7/32/32", "[]", "[",
		"]", "[10.0.0.7]", "[10.0.0.7]:80", "[2001:db8::7", "[2001:db8::7]443",
		"[2001:db8::7]:", "[2001:db8::7]/64", "2001:db8::7/64", "2001:db8::/129", "fe80::1%eth0", "10.0.0.7 ",
		":80", "/8", "[/8]:1" };
	struct lb_client c;
	char ip[LB_IP_STRLEN];
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_msg(lb_client_parse(good[i].text, &c) == 0, "'%s'", good[i].text);
		ck_assert_str_eq(lb_ip_str(&c.ip, ip), good[i].ip);
		ck_assert(c.prefix == good[i].prefix && c.port == good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(lb_client_parse(bad[i], &c) != 0, "'%s'", bad[i]);
}
END_TEST

START_TEST(backends)
{
	char s[64], b[64], longest[130];
	ck_assert_int_eq(lb_backend_parse("web/app1", s, b), 0);
	ck_assert_str_eq(s, "web");
	ck_assert_str_eq(b, "app1");
	memset(longest, 'a', sizeof(longest));
	longest[63] = '/';
	longest[127] = '\0';
	ck_assert_int_eq(lb_backend_parse(longest, s, b), 0);
	ck_assert_uint_eq(strlen(b), 63);
	longest[127] = 'a';
	longest[128] = '\0';
	ck_assert_int_ne(lb_backend_parse(longest, s, b), 0);
	ck_assert_int_ne(lb_backend_parse("web", s, b), 0);
	ck_assert_int_ne(lb_backend_parse("/app1", s, b), 0);
	ck_assert_int_ne(lb_backend_parse("web/", s, b), 0);
}
END_TEST

START_TEST(rows_are_checked)
{
	struct lb_err e;
	json_t *row =
		json_pack("{s:s, s:s, s:i, s:[s]}", "service", "web", "backend", "app1", "weight", 10, "reasons", "x");
	ck_assert_int_eq(lb_row_check(LB_ROW_BACKEND, row, &e), 0);
	json_object_set_new(row, "wieght", json_integer(1));
	ck_assert_int_ne(lb_row_check(LB_ROW_BACKEND, row, &e), 0);
	json_object_del(row, "wieght");
	json_object_set_new(row, "weight", json_null());
	ck_assert_int_ne(lb_row_check(LB_ROW_BACKEND, row, &e), 0);
	json_decref(row);
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *s = suite_create("commands");
	TCase *tc = tcase_create("tables");
	tcase_add_loop_test(tc, every_command_is_whole, 0, LB_COMMAND_COUNT);
	tcase_add_test(tc, a_noun_alone_means_one_thing);
	tcase_add_loop_test(tc, every_row_is_whole, 0, LB_ROW_COUNT);
	tcase_add_test(tc, waits_and_reasons_are_whole);
	tcase_add_loop_test(tc, requests_are_checked, 0, N(requests));
	tcase_add_test(tc, weights);
	tcase_add_test(tc, priorities);
	tcase_add_test(tc, clients);
	tcase_add_test(tc, backends);
	tcase_add_test(tc, rows_are_checked);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
