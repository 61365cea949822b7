/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_diff.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct config *load(const char *text)
{
	struct lb_text report = LB_TEXT_INIT;
	struct config_source source = { "test", text, strlen(text) };
	struct config *c = config_load(&source, 1, NULL, &report);
	ck_assert_msg(c != NULL, "%s", report.s);
	lb_text_done(&report);
	return c;
}

static void put(const struct config_change *ch, void *arg)
{
	static const char *const ops[] = { "+", "~", "-" };
	lb_text_printf(arg, "%s %s", ops[ch->op], ch->object);
	if (ch->key[0])
		lb_text_printf(arg, " %s: %s -> %s%s", ch->key, ch->before, ch->after, ch->secret ? " (secret)" : "");
	lb_text_puts(arg, "\n");
}

#define WEB "services: { web: { listen: 192.0.2.1:80, backends: { a: 10.0.0.1, b: 10.0.0.2 } }"

#define CHECK "services: { web: { fwmark: 7, check: h, backends: { a: 10.0.0.1:80 } } }\nchecks: { h: "

static const struct {
	const char *what, *before, *after, *want;
} rows[] = {
	{ "nothing", WEB " }", WEB " }", "" },
	{ "only the order of the file", WEB " }",
		"services: { web: { backends: { b: 10.0.0.2, a: 10.0.0.1 }, listen: 192.0.2.1:80 } }", "" },
	{ "a first configuration", NULL, WEB " }", "+ service/web\n+ backend/web/a\n+ backend/web/b\n+ check/tcp\n" },
	{ "a service comes, one goes", WEB ", x: { fwmark: 1, backends: { c: 10.0.0.3 } } }",
		WEB ", a: { fwmark: 1, backends: {} } }", "+ service/a\n- service/x\n- backend/x/c\n" },
	{ "what a check sends may be a password", CHECK "{ type: http, path: /a, headers: { A: b } } }",
		CHECK "{ type: http, path: \"/a?k=1\", headers: { A: c }, data: x, body: y } }",
		"~ check/h path: /a -> /a?k=1 (secret)\n~ check/h headers: A: b -> A: c (secret)\n"
		"~ check/h data:  -> x (secret)\n~ check/h body:  -> y\n" },
	{ "so what it did send was one, too", CHECK "{ type: http, path: \"/a?k=1\" } }",
		CHECK "{ type: http, path: /b } }", "~ check/h path: /a?k=1 -> /b (secret)\n" },
	{ "and what it asks for is none", CHECK "{ type: http, path: /a } }", CHECK "{ type: http, path: /b } }",
		"~ check/h path: /a -> /b\n" },
	{ "metrics somewhere else", "metrics: { listen: \"192.0.2.1:9100\" }\n" WEB " }",
		"metrics: { listen: \"192.0.2.1:9101\" }\n" WEB " }",
		"~ metrics listen: 192.0.2.1:9100 -> 192.0.2.1:9101\n" },
	{ "a hook comes", WEB " }", "hooks: { state: /h }\n" WEB " }", "~ hooks state:  -> path /h, timeout 10s\n" },
	{ "a hook changes", "hooks: { state: /h }\n" WEB " }", "hooks: { state: { path: /h, timeout: 3s } }\n" WEB " }",
		"~ hooks state: path /h, timeout 10s -> path /h, timeout 3s\n" },
	{ "a hook goes", "hooks: { state: /h }\n" WEB " }", "hooks: {}\n" WEB " }",
		"~ hooks state: path /h, timeout 10s -> \n" },
	{ "backends come and go, one changes", WEB " }",
		"services: { web: { listen: 192.0.2.1:80, backends: { b: { address: 10.0.0.2, weight: 5, state: drain "
		"}, c: 10.0.0.3 } } }",
		"- backend/web/a\n~ backend/web/b weight: 1 -> 5\n~ backend/web/b state: enabled -> drain\n+ "
		"backend/web/c\n" },
	{ "objects and lists in one line", WEB " }",
		"services: { web: { listen: [192.0.2.1:80, 192.0.2.1:81], scheduler: { name: mh, flags: [mh-port, "
		"mh-fallback] }, "
		"persistence: 1m, drain: keep, backends: { a: 10.0.0.1, b: 10.0.0.2 } } }",
		"~ service/web listen: 192.0.2.1:80 -> 192.0.2.1:80, 192.0.2.1:81\n"
		"~ service/web scheduler: name wlc -> name mh, flags mh-fallback, mh-port\n"
		"~ service/web persistence: off -> timeout 1m, mask4 32, mask6 128\n"
		"~ service/web drain: timeout 5m, then cut -> then keep\n" },
	{ "a mode is the backends' too", WEB " }",
		"services: { web: { listen: 192.0.2.1:80, mode: tun, tunnel: gre, backends: { a: 10.0.0.1, b: { "
		"address: 10.0.0.2, "
		"mode: nat } } } }",
		"~ service/web mode: nat -> tun\n~ service/web tunnel:  -> type gre, checksum nocsum\n"
		"~ backend/web/a mode: nat -> tun\n~ backend/web/a tunnel:  -> type gre, checksum nocsum\n" },
	{ "a check changes under a service that does not", "checks: { c: { type: tcp } }\n" WEB " }",
		"checks: { c: { type: tcp, interval: 5s, send: \"a\\n\" } }\n" WEB " }",
		"~ check/c interval: 2s -> 5s\n~ check/c interval_down: 2s -> 5s\n~ check/c send:  -> a\\x0a "
		"(secret)\n" },
	{ "the second of two checks", "checks: { c: { type: tcp }, d: { type: tcp, rise: 1 } }",
		"checks: { c: { type: tcp }, d: { type: tcp, rise: 2 }, e: { type: tcp } }",
		"~ check/d rise: 1 -> 2\n+ check/e\n" },
	{ "a check goes", "checks: { b: { type: tcp }, c: { type: tcp } }", "checks: { c: { type: tcp } }",
		"- check/b\n" },
	{ "checks of a service", WEB " }", "checks: { c: { type: tcp } }\n" WEB " }", "+ check/c\n" },
	{ "which flows are copied", WEB " }", "defaults: { service: { sync: all } }\n" WEB " }",
		"~ service/web sync: established -> all\n" },
	{ "how fast", WEB " }", "sync: { rate_limit: 7/s }\n" WEB " }", "~ sync rate_limit: 50000/s -> 7/s\n" },
	{ "as fast as it is", WEB " }", "sync: { rate_limit: 50000/s }\n" WEB " }", "" },
	{ "the rest", "log: { level: info }", "log: { level: debug }\ncontrol: { admin_group: wheel }",
		"~ control admin_group: lbadmin -> wheel\n~ log level: info -> debug\n" },
};

START_TEST(changes)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_text got = LB_TEXT_INIT;
		struct config *a = rows[i].before ? load(rows[i].before) : NULL, *b = load(rows[i].after);
		lb_text_puts(&got, "");
		long n = config_diff(a, b, put, &got);
		long lines = 0;
		for (const char *p = got.s; *p; p++)
			lines += *p == '\n';
		ck_assert_int_eq(n, lines);
		ck_assert_msg(
			strcmp(got.s, rows[i].want) == 0, "%s:\n%s--- not\n%s", rows[i].what, got.s, rows[i].want);
		config_free(a);
		config_free(b);
		lb_text_done(&got);
	}
}
END_TEST

START_TEST(long_values_are_whole)
{
	static const char check[] = "checks: { c: { type: tcp, send: '%s%s' } }";
	char x[301], text[2][400], want[700];
	struct lb_text got = LB_TEXT_INIT;
	memset(x, 'x', sizeof(x) - 1);
	x[sizeof(x) - 1] = '\0';
	snprintf(text[0], sizeof(text[0]), check, x, "1");
	snprintf(text[1], sizeof(text[1]), check, x, "2");
	snprintf(want, sizeof(want), "~ check/c send: %s1 -> %s2 (secret)\n", x, x);
	struct config *a = load(text[0]), *b = load(text[1]);
	ck_assert_int_eq(config_diff(a, b, put, &got), 1);
	ck_assert_str_eq(got.s, want);
	config_free(a);
	config_free(b);
	lb_text_done(&got);
}
END_TEST

/* One service with so many ports of which the last is another. */
static struct config *many_ports(unsigned n, unsigned last)
{
	struct lb_text text = LB_TEXT_INIT;
	lb_text_puts(&text, "services:\n  web:\n    backends: {}\n    listen:\n");
	for (unsigned i = 1; i < n; i++)
		lb_text_printf(&text, "    - 203.0.113.1:%u\n", i);
	lb_text_printf(&text, "    - 203.0.113.1:%u\n", last);
	struct config *c = load(text.s);
	lb_text_done(&text);
	return c;
}

START_TEST(what_does_not_fit_into_an_answer_begins_where_it_differs)
{
	struct lb_text got = LB_TEXT_INIT;
	struct config *a = many_ports(12000, 60001), *b = many_ports(12000, 60002);
	ck_assert_int_eq(config_diff(a, b, put, &got), 1);
	ck_assert_str_eq(got.s, "~ service/web listen: ..., 203.0.113.1:60001 -> ..., 203.0.113.1:60002\n");
	config_free(a);
	config_free(b);
	lb_text_done(&got);
}
END_TEST

/* So many checks, and a default of each that is long. */
static struct config *many_checks(unsigned n, const char *end)
{
	struct lb_text text = LB_TEXT_INIT;
	lb_text_puts(&text, "defaults: { check: { send: '");
	for (unsigned i = 0; i < 2000; i++)
		lb_text_puts(&text, "x");
	lb_text_printf(&text, "%s' } }\nchecks:\n", end);
	for (unsigned i = 0; i < n; i++)
		lb_text_printf(&text, "  c%u: { type: tcp }\n", i);
	struct config *c = load(text.s);
	lb_text_done(&text);
	return c;
}

struct sizes {
	size_t whole, cut;
};

static void measure(const struct config_change *ch, void *arg)
{
	struct sizes *z = arg;
	ck_assert_uint_eq(strlen(ch->before), strlen(ch->after));
	ck_assert_str_ne(ch->before, ch->after);
	z->whole += strlen(ch->before) == 2001;
	z->cut += strlen(ch->before) <= CONFIG_DIFF_VALUE_MIN;
}

START_TEST(so_does_what_is_behind_a_huge_difference)
{
	struct sizes z = { 0 };
	struct config *a = many_checks(5000, "1"), *b = many_checks(5000, "2");
	ck_assert_int_eq(config_diff(a, b, measure, &z), 5000);
	ck_assert_uint_eq(z.whole, CONFIG_DIFF_WHOLE_MAX / 4002 + 1);
	ck_assert_uint_eq(z.whole + z.cut, 5000);
	config_free(a);
	config_free(b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_diff");
	TCase *tc = tcase_create("config_diff");
	suite_add_tcase(s, tc);
	tcase_add_test(tc, changes);
	tcase_add_test(tc, long_values_are_whole);
	tcase_add_test(tc, what_does_not_fit_into_an_answer_begins_where_it_differs);
	tcase_add_test(tc, so_does_what_is_behind_a_huge_difference);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
