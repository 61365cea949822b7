/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_diff.h"

#include <check.h>
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

START_TEST(long_values_are_cut_between_characters)
{
	struct lb_text text = LB_TEXT_INIT, got = LB_TEXT_INIT;
	for (unsigned shift = 0; shift < 2; shift++) {
		lb_text_clear(&text);
		lb_text_clear(&got);
		lb_text_printf(&text, "checks: { c: { type: tcp, expect: '%s", shift ? "x" : "");
		for (int i = 0; i < 200; i++)
			lb_text_puts(&text, "\xc3\xa4");
		lb_text_puts(&text, "' } }");
		struct config *a = load("checks: { c: { type: tcp } }"), *b = load(text.s);
		ck_assert_int_eq(config_diff(a, b, put, &got), 1);
		size_t n = got.n;
		ck_assert_uint_lt(n, 160);
		ck_assert_str_eq(got.s + n - 6, "\xc3\xa4...\n");
		config_free(a);
		config_free(b);
	}
	lb_text_done(&text);
	lb_text_done(&got);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_diff");
	TCase *tc = tcase_create("config_diff");
	suite_add_tcase(s, tc);
	tcase_add_test(tc, changes);
	tcase_add_test(tc, long_values_are_cut_between_characters);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
