/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that runs out at any point of a load is an error and nothing else. With the sanitizer the test says so and
 * passes.
 */
#include "lbd/config/config_diff.h"
#include "tests/unit/memory.h"

#include <check.h>
#include <string.h>

static const char good[] =
	"defaults: { check: { rise: 3 }, service: { drain: keep } }\n"
	"checks: { a: { type: tcp, send: \"x\\n\" }, b: { type: tcp, port: 7 }, s: { type: file, path: /x } }\n"
	"services:\n"
	"  w:\n"
	"    listen: [192.0.2.1:80, 192.0.2.1:81]\n"
	"    scheduler: { name: mh, flags: [mh-port] }\n"
	"    persistence: { timeout: 5m, engine: sip }\n"
	"    protocol: udp\n"
	"    check: b\n"
	"    backends: { x: 10.0.0.1, y: { address: 10.0.0.2, mode: tun, tunnel: gre } }\n"
	"  v: { fwmark: 1, backends: {} }\n"
	"cluster: { id: 1, key_file: /k, nodes: { n: [192.0.2.5, 192.0.2.6], m: [192.0.2.7, 192.0.2.17] } }\n"
	"vrrp:\n"
	"  i: { interface: { n: e0, m: e1 }, vrid: 1, addresses: 192.0.2.8, excluded: [192.0.2.9],\n"
	"    unicast: { n: 192.0.2.5, m: 192.0.2.7 }, auth: { type: hmac, key_file: /k },\n"
	"    track: [{ check: s, weight: -3 }, { process: p }], group: g,\n"
	"    routes: [{ to: default, via: 192.0.2.1 }], rules: [{ from: 192.0.2.0/24, table: 7, priority: 7 }] }\n"
	"  j: { interface: e0, vrid: 2, addresses: \"fe80::1/64\", group: g }\n"
	"hooks: { state: { path: /h, timeout: 1s } }\n";
static const char bad[] = "checks: { a: { tpye: tcp } }\n"
			  "services: { w: { listen: 0.0.0.0:80, lisen: 1, backends: { x: 1, x: *y } } }\n"
			  "cluster: { id: 1, nodes: { n: [192.0.2.5, x], m: 192.0.2.5 } }\n"
			  "vrrp: { i: { interface: { n: e0, o: e1 }, vrid: 1, addresses: [192.0.2.8, 192.0.2.8/0],\n"
			  "  track: [{ check: gone }, {}], routes: [{}, { to: default }], rules: [{}, { table: 1, "
			  "priority: 1 }] }, j: { interface: e0, vrid: 1, addresses: 192.0.2.8 } }\n";

static void ignore(const struct config_change *ch, void *arg)
{
	(void)ch;
	(void)arg;
}

/* Everything a daemon does with a text; false: memory was out somewhere. Assertions allocate, so what is wrong is
 * only noted. */
static const char *wrong;

static bool work(const char *text, bool legal)
{
	struct config_source source = { "test", text, strlen(text) };
	struct lb_text out = LB_TEXT_INIT;
	bool done = false;
	struct config_load *l = config_load_new(&source, 1, NULL);
	if (!l)
		return false;
	while (config_load_step(l, 5) > 0)
		;
	size_t n, more;
	const struct config_error *e = config_load_errors(l, &n, &more);
	struct config *c = config_load_take(l);
	bool starved = n == 1 && strcmp(e[0].text, "out of memory") == 0;
	if (starved ? c != NULL : !c != !legal)
		wrong = "a tree that should not be, or none";
	for (size_t i = 0; i < n; i++)
		config_error_print(&e[i], &out);
	if (c) {
		config_print(c, &out);
		long changes = config_diff(NULL, c, ignore, NULL);
		done = changes >= 0 && !out.bad;
	} else {
		done = !starved && !out.bad;
	}
	config_free(c);
	config_load_free(l);
	lb_text_done(&out);
	return done;
}

static void sweep(const char *text, bool legal)
{
	long n = 0;
	bool done;
	do {
		left = n;
		done = work(text, legal);
		bool spare = left > 0;
		left = -1;
		ck_assert_msg(!wrong, "%s, allocation %ld", wrong, n);
		ck_assert_msg(done || !spare, "gave up at %ld although there was memory", n);
		n++;
	} while (!done && n < 100000);
	ck_assert_msg(done && n > 50, "%ld allocations", n);
}

START_TEST(every_allocation)
{
	if (!REPLACED)
		return;
	sweep(good, true);
	sweep(bad, false);
}
END_TEST

START_TEST(and_with_memory)
{
	ck_assert(work(good, true));
	ck_assert(work(bad, false));
	ck_assert_ptr_null(wrong);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_memory");
	TCase *tc = tcase_create("config_memory");
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, every_allocation);
	tcase_add_test(tc, and_with_memory);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
