/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a destination of the kernel to a backend: what the table says, and the same as a walk over all of them. */
#include "tests/unit/lbd_model/fixture.h"

#include <sys/socket.h>

#define CONFIG                                                                                                         \
	"services:\n"                                                                                                  \
	"  web: { listen: [203.0.113.1:80, 203.0.113.1:443], check: none,"                                             \
	" backends: { d: 10.1.0.4, c: 10.1.0.3:8080, b: 10.1.0.3:8081, a: 10.1.0.1 } }\n"                              \
	"  mark: { fwmark: 7, family: ipv4, check: none, backends: { m: 10.1.0.3, n: '10.1.0.1:25' } }\n"

static const struct {
	const char *what, *service, *listen, *dest;
	uint16_t port;
	const char *backend; /* NULL: none */
} rows[] = {
	{ "the port of the listener", "web", "203.0.113.1:80", "10.1.0.1", 80, "a" },
	{ "the port of its other listener", "web", "203.0.113.1:443", "10.1.0.1", 443, "a" },
	{ "of the wrong listener", "web", "203.0.113.1:443", "10.1.0.1", 80, NULL },
	{ "a port of its own", "web", "203.0.113.1:80", "10.1.0.3", 8080, "c" },
	{ "the same address", "web", "203.0.113.1:443", "10.1.0.3", 8081, "b" },
	{ "not the listener's, when it has its own", "web", "203.0.113.1:80", "10.1.0.3", 80, NULL },
	{ "the last", "web", "203.0.113.1:80", "10.1.0.4", 80, "d" },
	{ "an address below all", "web", "203.0.113.1:80", "10.0.0.1", 80, NULL },
	{ "between them", "web", "203.0.113.1:80", "10.1.0.2", 80, NULL },
	{ "above all", "web", "203.0.113.1:80", "10.1.0.9", 80, NULL },
	{ "of another family", "web", "203.0.113.1:80", "2001:db8::1", 80, NULL },
	{ "a row of a mark", "mark", NULL, "10.1.0.3", 0, "m" },
	{ "a connection of a mark", "mark", NULL, "10.1.0.3", 5353, "m" },
	{ "a connection of a mark to a backend with a port", "mark", NULL, "10.1.0.1", 25, "n" },
	{ "to another port of it", "mark", NULL, "10.1.0.1", 26, NULL },
};

static struct ipvs_key key_of(const char *listen)
{
	struct ipvs_key key = { .fwmark = 7, .addr.family = AF_INET };
	if (listen) {
		key = (struct ipvs_key){ .protocol = 6 };
		ck_assert_msg(
			lb_endpoint_parse(listen, strlen(listen), false, &key.addr, &key.port) == 0, "%s", listen);
	}
	return key;
}

START_TEST(by_the_table)
{
	struct world w = { 0 };
	world_start(&w, CONFIG);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ipvs_key key = key_of(rows[i].listen);
		struct lb_ip addr;
		ck_assert(lb_ip_parse(rows[i].dest, strlen(rows[i].dest), &addr) == 0);
		uint32_t b = model_backend_at(w.m, model_service_find(w.m, rows[i].service), &key, &addr, rows[i].port);
		const char *got = b == MODEL_NONE ? "none" : w.m->backends[b].cfg->name;
		ck_assert_msg(
			strcmp(got, rows[i].backend ? rows[i].backend : "none") == 0, "%s: %s", rows[i].what, got);
	}
	world_end(&w);
}
END_TEST

/* 300 backends in a random order, half of them with a port of their own; every place of their network is asked for. */
START_TEST(as_a_walk_finds_it)
{
	struct lb_text text = LB_TEXT_INIT;
	struct rng r = { (uint64_t)_i };
	uint32_t order[300] = { 0 };
	lb_text_puts(&text, "services:\n  s:\n    listen: 203.0.113.1:80\n    check: none\n    backends:\n");
	for (uint32_t i = 0; i < COUNT(order); i++) {
		uint32_t k = rnd(&r, i + 1);
		order[i] = order[k];
		order[k] = i;
	}
	for (uint32_t i = 0; i < COUNT(order); i++) {
		uint32_t a = order[i];
		lb_text_printf(&text, "      b%u: 10.0.%u.%u%s\n", a, a / 100, a % 100, a % 2 ? ":81" : "");
	}
	struct world w = { 0 };
	world_start(&w, text.s);
	struct ipvs_key key = key_of("203.0.113.1:80");
	for (uint32_t a = 0; a < 400; a++)
		for (uint16_t port = 80; port < 83; port++) {
			char name[16], want[16] = "none";
			struct lb_ip addr;
			snprintf(name, sizeof(name), "10.0.%u.%u", a / 100, a % 100);
			ck_assert(lb_ip_parse(name, strlen(name), &addr) == 0);
			if (a < COUNT(order) && port == 80 + a % 2)
				snprintf(want, sizeof(want), "b%u", a);
			uint32_t b = model_backend_at(w.m, 0, &key, &addr, port);
			ck_assert_str_eq(b == MODEL_NONE ? "none" : w.m->backends[b].cfg->name, want);
		}
	world_end(&w);
	lb_text_done(&text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model_at");
	TCase *tc = tcase_create("at");
	tcase_add_test(tc, by_the_table);
	tcase_add_loop_test(tc, as_a_walk_finds_it, 1, 5);
	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
