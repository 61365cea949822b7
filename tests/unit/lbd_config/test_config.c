/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the structs say after a load: defaults, layering, several files, slices, memory. */
#include "lbd/config/config.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct config *load(const char *text)
{
	struct lb_text report = LB_TEXT_INIT;
	struct config_source source = { "test", text, strlen(text) };
	struct config *c = config_load(&source, 1, NULL, &report);
	ck_assert_msg(c != NULL, "%s", report.s);
	lb_text_done(&report);
	return c;
}

static const struct config_backend *backend(const struct config *c, const char *service, const char *name)
{
	const struct config_service *s = config_service_find(c, service);
	ck_assert_ptr_nonnull(s);
	const struct config_backend *b = config_backend_find(s, name);
	ck_assert_ptr_nonnull(b);
	return b;
}

START_TEST(the_minimal_file)
{
	struct config *c = load("services:\n"
				"  web:\n"
				"    listen: 203.0.113.10:80\n"
				"    backends:\n"
				"      app1: 10.1.0.11:8080\n"
				"      app2: 10.1.0.12\n");
	char s[IPVS_KEY_STRLEN], ip[LB_IP_STRLEN];
	ck_assert_uint_eq(c->n_services, 1);
	ck_assert_uint_eq(c->n_backends, 2);
	ck_assert_int_eq(c->log_level, LB_LOG_INFO);
	ck_assert_str_eq(c->admin_group, "lbadmin");
	ck_assert_str_eq(c->observe_group, "lbobserve");
	const struct config_service *web = config_service_find(c, "web");
	ck_assert_ptr_nonnull(web);
	ck_assert_uint_eq(web->n_listens, 1);
	ck_assert_str_eq(ipvs_key_str(&web->listens[0], s), "203.0.113.10:80/tcp");
	ck_assert_str_eq(web->scheduler, "wlc");
	ck_assert_uint_eq(web->flags, 0);
	ck_assert_uint_eq(web->persist_s, 0);
	ck_assert_uint_eq(web->mask4, 32);
	ck_assert_uint_eq(web->mask6, 128);
	ck_assert_str_eq(web->engine, "");
	ck_assert_uint_eq(web->method, IPVS_METHOD_NAT);
	ck_assert_int_eq(web->drain_ms, 300000);
	ck_assert_int_eq(web->drain_then, CONFIG_THEN_CUT);
	ck_assert_str_eq(web->file, "test");
	ck_assert_uint_eq(web->line, 2);
	ck_assert_uint_eq(web->n_checks, 1);
	ck_assert_ptr_eq(web->checks[0], &c->checks[0]);
	const struct check_spec *k = &c->checks[0].spec;
	ck_assert_uint_eq(c->n_checks, 1);
	ck_assert_uint_eq(c->checks[0].line, 0);
	ck_assert_str_eq(k->name, "tcp");
	ck_assert_int_eq(k->type, CHECK_TYPE_TCP);
	ck_assert_uint_eq(k->addr.family, 0);
	ck_assert_uint_eq(k->port, 0);
	ck_assert_uint_eq(k->interval_ms, 2000);
	ck_assert_uint_eq(k->interval_down_ms, 2000);
	ck_assert_uint_eq(k->timeout_ms, 1000);
	ck_assert_uint_eq(k->rise, 2);
	ck_assert_uint_eq(k->fall, 3);
	ck_assert_uint_eq(k->params.n, 0);
	const struct config_backend *b = backend(c, "web", "app1");
	ck_assert_str_eq(lb_ip_str(&b->addr, ip), "10.1.0.11");
	ck_assert_uint_eq(b->port, 8080);
	ck_assert_uint_eq(b->weight, 1);
	ck_assert_uint_eq(b->upper + b->lower, 0);
	ck_assert_int_eq(b->state, CONFIG_STATE_ENABLED);
	ck_assert_uint_eq(b->method, IPVS_METHOD_NAT);
	ck_assert_uint_eq(b->line, 5);
	ck_assert_uint_eq(backend(c, "web", "app2")->port, 0);
	ck_assert_ptr_null(config_service_find(c, "we"));
	ck_assert_ptr_null(config_backend_find(web, "app3"));
	config_free(c);
}
END_TEST

START_TEST(every_key)
{
	struct config *c = load(
		"control: { admin_group: a, observe_group: b }\n"
		"log: { level: error }\n"
		"sync: { rate_limit: 77/s }\n"
		"checks: { c: { type: tcp, address: 192.0.2.9, port: 7, interval: 1s, interval_down: 4s, timeout: "
		"500ms, rise: 5, "
		"fall: 6, send: \"a\\r\\n\", expect: b } }\n"
		"services:\n"
		"  w:\n"
		"    listen: [192.0.2.2:81, 192.0.2.1:80]\n"
		"    protocol: [udp, tcp]\n"
		"    scheduler: { name: mh, flags: [mh-port] }\n"
		"    mode: tun\n"
		"    tunnel: { type: gue, port: 6080, checksum: csum }\n"
		"    persistence: { timeout: 90s, mask4: 24, mask6: 64 }\n"
		"    one_packet: true\n"
		"    check: [c, tcp]\n"
		"    drain: { timeout: 1m, then: cut }\n"
		"    backends:\n"
		"      x: { address: 10.0.0.1, weight: 7, max_connections: 9, resume_below: 8, state: maint, "
		"tunnel: gre }\n"
		"      y: { address: 10.0.0.2, port: 99, mode: nat }\n"
		"      z: 10.0.0.3\n"
		"  m: { fwmark: 9, family: ipv6, drain: keep, sync: all, backends: {} }\n"
		"  s: { listen: 192.0.2.3:5060, protocol: udp, persistence: { engine: sip }, sync: off, backends: {} "
		"}\n");
	char s[IPVS_KEY_STRLEN];
	const struct config_service *w = config_service_find(c, "w"), *m = config_service_find(c, "m");
	ck_assert_str_eq(c->admin_group, "a");
	ck_assert_str_eq(c->observe_group, "b");
	ck_assert_int_eq(c->log_level, LB_LOG_ERROR);
	ck_assert_uint_eq(w->n_listens, 4);
	for (unsigned i = 1; i < 4; i++)
		ck_assert_int_lt(ipvs_key_cmp(&w->listens[i - 1], &w->listens[i]), 0);
	ck_assert_str_eq(w->scheduler, "mh");
	ck_assert_uint_eq(w->flags, IPVS_FLAG_PERSISTENT | IPVS_FLAG_ONEPACKET | IPVS_FLAG_SCHED2);
	ck_assert_uint_eq(w->persist_s, 90);
	ck_assert_uint_eq(w->mask4, 24);
	ck_assert_uint_eq(w->mask6, 64);
	ck_assert_uint_eq(w->method, IPVS_METHOD_TUN);
	ck_assert(w->tunnel.type == IPVS_TUNNEL_GUE && w->tunnel.port == 6080 && w->tunnel.csum == IPVS_TUNNEL_CSUM);
	ck_assert_int_eq(w->drain_ms, 60000);
	ck_assert_uint_eq(w->n_checks, 2);
	ck_assert_str_eq(w->checks[0]->name, "c");
	ck_assert_str_eq(w->checks[1]->name, "tcp");
	const struct check_spec *k = &w->checks[0]->spec;
	ck_assert(k->addr.family == AF_INET && k->port == 7 && k->interval_ms == 1000 && k->interval_down_ms == 4000);
	ck_assert(k->timeout_ms == 500 && k->rise == 5 && k->fall == 6);
	ck_assert_str_eq(check_param(&k->params, CHECK_PARAM_SEND), "a\r\n");
	ck_assert_str_eq(check_param(&k->params, CHECK_PARAM_EXPECT), "b");
	const struct config_backend *x = backend(c, "w", "x"), *y = backend(c, "w", "y"), *z = backend(c, "w", "z");
	ck_assert(x->weight == 7 && x->upper == 9 && x->lower == 8 && x->state == CONFIG_STATE_MAINT);
	ck_assert(x->method == IPVS_METHOD_TUN && x->tunnel.type == IPVS_TUNNEL_GRE && x->tunnel.port == 0);
	ck_assert(y->method == IPVS_METHOD_NAT && y->port == 99 && y->tunnel.type == 0);
	ck_assert(z->tunnel.type == IPVS_TUNNEL_GUE && z->tunnel.port == 6080);
	ck_assert_str_eq(ipvs_key_str(&m->listens[0], s), "fwmark:9/ipv6");
	ck_assert_int_eq(m->drain_then, CONFIG_THEN_KEEP);
	ck_assert_int_eq(m->drain_ms, 0);
	ck_assert_uint_eq(m->n_checks, 0);
	ck_assert_str_eq(config_service_find(c, "s")->engine, "sip");
	ck_assert_uint_eq(c->sync_rate, 77);
	ck_assert(w->sync == CONFIG_SYNC_ESTABLISHED && m->sync == CONFIG_SYNC_ALL);
	ck_assert_int_eq(config_service_find(c, "s")->sync, CONFIG_SYNC_OFF);
	config_free(c);
}
END_TEST

static struct config_source source_of(const char *name, const char *text)
{
	return (struct config_source){ name, text, strlen(text) };
}

START_TEST(several_files)
{
	struct config_source sources[] = {
		source_of("lbd.yaml", "services: { b: { listen: 192.0.2.2:80, check: c, backends: {} } }"),
		source_of("1.yaml", "checks: { c: { type: tcp } }\ndefaults: { service: { scheduler: rr } }"),
		source_of("2.yaml", "\nservices: { a: { listen: 192.0.2.1:80, backends: {} } }"),
	};
	struct config *c = config_load(sources, 3, NULL, NULL);
	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->n_services, 2);
	ck_assert_str_eq(c->services[0].name, "a");
	ck_assert_str_eq(c->services[0].file, "2.yaml");
	ck_assert_uint_eq(c->services[0].line, 2);
	ck_assert_str_eq(c->services[1].file, "lbd.yaml");
	ck_assert_str_eq(c->services[1].scheduler, "rr");
	ck_assert_str_eq(c->services[1].checks[0]->name, "c");
	config_free(c);
	c = config_load(sources, 0, NULL, NULL);
	ck_assert_msg(c && c->n_services == 0, "no files are an empty configuration");
	config_free(c);
}
END_TEST

static void text_of(unsigned services, unsigned backends, struct lb_text *t)
{
	lb_text_puts(t, "services:\n");
	for (unsigned i = 0; i < services; i++) {
		lb_text_printf(
			t, "  svc%u:\n    listen: 10.%u.%u.%u:80\n    backends:\n", i, i >> 16, i >> 8 & 255, i & 255);
		for (unsigned k = 0; k < backends; k++) {
			unsigned n = i * backends + k;
			lb_text_printf(t, "      b%u: 172.%u.%u.%u:8080\n", k, 16 + (n >> 16), n >> 8 & 255, n & 255);
		}
	}
}

/* A load may be asked for one unit of work at a time; each step is small, so that a loop can serve others between. */
START_TEST(slices)
{
	struct lb_text t = LB_TEXT_INIT;
	text_of(50, 20, &t);
	struct config_source source = { "test", t.s, t.n };
	struct config *whole = config_load(&source, 1, NULL, NULL);
	struct config_load *l = config_load_new(&source, 1, NULL);
	ck_assert_ptr_null(config_load_take(l));
	unsigned steps = 0;
	while (config_load_step(l, 1) > 0) {
		steps++;
		ck_assert_ptr_null(config_load_take(l));
	}
	ck_assert_int_eq(config_load_step(l, 1), 0);
	/* a line per backend, and the backend itself */
	ck_assert_uint_gt(steps, 50 * 20 * 2);
	struct config *c = config_load_take(l);
	ck_assert_ptr_nonnull(c);
	ck_assert_ptr_null(config_load_take(l));
	config_load_free(l);
	ck_assert_uint_eq(c->n_services, whole->n_services);
	for (unsigned i = 0; i < c->n_services; i++) {
		ck_assert_str_eq(c->services[i].name, whole->services[i].name);
		ck_assert_uint_eq(c->services[i].digest, whole->services[i].digest);
	}
	config_free(c);
	config_free(whole);
	lb_text_done(&t);
}
END_TEST

START_TEST(given_up_half_way)
{
	struct lb_text t = LB_TEXT_INIT;
	text_of(3, 3, &t);
	struct config_source source = { "test", t.s, t.n };
	for (unsigned steps = 0; steps < 90; steps++) {
		struct config_load *l = config_load_new(&source, 1, NULL);
		for (unsigned i = 0; i < steps; i++)
			config_load_step(l, 1);
		config_load_free(l); /* the sanitizer finds what is left */
	}
	config_load_free(NULL);
	config_free(NULL);
	lb_text_done(&t);
}
END_TEST

/* The tree of 100,000 backends is what a daemon keeps for good. */
START_TEST(memory_per_backend)
{
	struct lb_text t = LB_TEXT_INIT;
	text_of(1000, 100, &t);
	struct config_source source = { "test", t.s, t.n };
	struct config *c = config_load(&source, 1, NULL, NULL);
	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->n_backends, 100000);
	ck_assert_uint_le(c->arena.used / c->n_backends, 72);
	config_free(c);
	lb_text_done(&t);
}
END_TEST

START_TEST(limits)
{
	static const struct {
		unsigned services, backends;
		const char *want;
	} rows[] = {
		{ CONFIG_SERVICES_MAX, 1, NULL },
		{ CONFIG_SERVICES_MAX + 1, 1, "more than 16384 services" },
		{ 2, CONFIG_BACKENDS_MAX / 2, NULL },
		{ 3, CONFIG_BACKENDS_MAX / 3 + 1, "more than 131072 backends" },
	};
	for (unsigned i = 0; i < 4; i++) {
		struct lb_text t = LB_TEXT_INIT, report = LB_TEXT_INIT;
		text_of(rows[i].services, rows[i].backends, &t);
		struct config_source source = { "test", t.s, t.n };
		struct config *c = config_load(&source, 1, NULL, &report);
		ck_assert_msg(!c == !!rows[i].want, "row %u: %s", i, report.n ? report.s : "");
		ck_assert_msg(c || strstr(report.s, rows[i].want), "row %u: %s", i, report.s);
		config_free(c);
		lb_text_done(&t);
		lb_text_done(&report);
	}
}
END_TEST

static void refused(const struct config_source *sources, size_t n, const char *want)
{
	struct lb_text report = LB_TEXT_INIT;
	ck_assert_ptr_null(config_load(sources, n, NULL, &report));
	ck_assert_msg(strstr(report.s, want) != NULL, "%s is not in\n%.2000s", want, report.s);
	lb_text_done(&report);
}

START_TEST(more_limits)
{
	struct lb_text t = LB_TEXT_INIT;
	lb_text_puts(&t, "checks:\n");
	for (unsigned i = 0; i <= CONFIG_CHECKS_MAX; i++)
		lb_text_printf(&t, "  c%u: { type: tcp }\n", i);
	struct config_source source = { "test", t.s, t.n };
	refused(&source, 1, "more than 16384 checks");
	lb_text_clear(&t);
	lb_text_puts(&t, "services:\n");
	for (unsigned i = 0; i < 3; i++) {
		lb_text_printf(&t, "  w%u:\n    check: none\n    backends: {}\n    listen:\n", i);
		for (unsigned k = 0; k < CONFIG_LISTENS_MAX / 3 + 1; k++)
			lb_text_printf(&t, "    - 10.%u.%u.%u:80\n", i, k >> 8, k & 255);
	}
	source = (struct config_source){ "test", t.s, t.n };
	refused(&source, 1, "more than 65536 listeners");
	/* so many are told to the process that copies flows, and no more; where nothing is copied it does not matter */
	for (unsigned more = 0; more < 3; more++) {
		lb_text_clear(&t);
		lb_text_printf(&t, "cluster: { id: 1, %s nodes: { a: 192.0.2.1, b: 192.0.2.2 } }\nservices:\n",
			more < 2 ? "key_file: /k," : "");
		lb_text_puts(&t, "  w: { listen: 192.0.2.9:80, backends: {} }\n");
		lb_text_puts(&t, "  x:\n    check: none\n    sync: off\n    backends: {}\n    listen:\n");
		for (unsigned k = 0; k < CONFIG_SYNC_LISTENS_MAX + !!more; k++)
			lb_text_printf(&t, "    - 10.0.%u.%u:80\n", k >> 8, k & 255);
		source = (struct config_source){ "test", t.s, t.n };
		if (more == 1)
			refused(&source, 1,
				"more than 16384 listeners whose sync is not established, or that have a fwmark "
				"(services.x)");
		else
			config_free(load(t.s));
	}
	struct config_source many[1001];
	for (unsigned i = 0; i < 1001; i++)
		many[i] = source_of("test", "services: {}");
	refused(many, 1001, "more than 1000 files");
	struct config *c = config_load(many, 1000, NULL, NULL);
	ck_assert_ptr_nonnull(c);
	config_free(c);
	size_t large = CONFIG_FILE_MAX, n = CONFIG_TEXTS_MAX / large;
	char *padded = malloc(large);
	ck_assert_ptr_nonnull(padded);
	memset(padded, '\n', large);
	strcpy(padded, "services: {}");
	padded[strlen(padded)] = '\n';
	for (size_t i = 0; i < n; i++)
		many[i] = (struct config_source){ "large", padded, large };
	c = config_load(many, n, NULL, NULL);
	ck_assert_ptr_nonnull(c);
	config_free(c);
	refused(many, n + 1, "with this file they are larger than 64 MiB");
	free(padded);
	lb_text_clear(&t);
	lb_text_puts(&t, "services:\n");
	for (unsigned i = 0; i < 52; i++)
		lb_text_printf(&t, "  w%u: { fwmark: %u, backends: {} }\n", i, i + 1);
	struct lb_text report = LB_TEXT_INIT;
	source = (struct config_source){ "test", t.s, t.n };
	c = config_load(&source, 1, NULL, &report);
	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(report.s + report.n - 16, "2 more warnings\n");
	config_free(c);
	lb_text_done(&report);
	lb_text_done(&t);
}
END_TEST

/* Every value of a service is in its digest, else a reload would not see it change. */
START_TEST(digest_sees_every_change)
{
#define S(keys, backend)                                                                                               \
	"checks: { d: { type: tcp, rise: 4 } }\n"                                                                      \
	"services: { w: { " keys ", backends: { " backend " } } }"
	static const char *const texts[] = {
		S("listen: 192.0.2.1:80", "a: 10.0.0.1"),
		S("listen: 192.0.2.2:80", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:81", "a: 10.0.0.1"),
		S("listen: [192.0.2.1:80, 192.0.2.1:81]", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, protocol: [tcp, udp]", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, protocol: [tcp, udp], one_packet: true", "a: 10.0.0.1"),
		S("fwmark: 1", "a: 10.0.0.1"),
		S("fwmark: 2", "a: 10.0.0.1"),
		S("fwmark: 1, family: ipv6", "a: \"2001:db8::1\""),
		S("listen: 192.0.2.1:80, scheduler: rr", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, scheduler: mh", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, scheduler: { name: mh, flags: mh-port }", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, scheduler: { name: mh, flags: [mh-port, mh-fallback] }", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, scheduler: { name: mh, flags: off }", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, mode: dr", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, mode: tun", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, mode: tun, tunnel: gre", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, mode: tun, tunnel: { type: gre, checksum: csum }", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, mode: tun, tunnel: { type: gue, port: 1 }", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, mode: tun, tunnel: { type: gue, port: 2 }", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, persistence: 1m", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, persistence: 2m", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, persistence: { timeout: 1m, mask4: 24 }", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, persistence: { timeout: 1m, mask6: 64 }", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, protocol: udp, persistence: 1m", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, protocol: udp, persistence: { timeout: 1m, engine: sip }", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, check: none", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, check: d", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, check: [d, tcp]", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, drain: 1m", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80, drain: keep", "a: 10.0.0.1"),
		S("listen: 192.0.2.1:80", "a: 10.0.0.2"),
		S("listen: 192.0.2.1:80", "a: 10.0.0.1:80"),
		S("listen: 192.0.2.1:80", "b: 10.0.0.1"),
		S("listen: 192.0.2.1:80", "a: 10.0.0.1, b: 10.0.0.2"),
		S("listen: 192.0.2.1:80", "a: { address: 10.0.0.1, weight: 2 }"),
		S("listen: 192.0.2.1:80", "a: { address: 10.0.0.1, max_connections: 2 }"),
		S("listen: 192.0.2.1:80", "a: { address: 10.0.0.1, max_connections: 2, resume_below: 1 }"),
		S("listen: 192.0.2.1:80", "a: { address: 10.0.0.1, state: drain }"),
		S("listen: 192.0.2.1:80", "a: { address: 10.0.0.1, state: maint }"),
		S("listen: 192.0.2.1:80", "a: { address: 10.0.0.1, mode: dr }"),
		S("listen: 192.0.2.1:80", "a: { address: 10.0.0.1, mode: tun }"),
		S("listen: 192.0.2.1:80", "a: { address: 10.0.0.1, mode: tun, tunnel: gre }"),
		"checks: { d: { type: tcp, rise: 5 } }\nservices: { w: { listen: 192.0.2.1:80, check: d, backends: { "
		"a: 10.0.0.1 } } }",
		"checks: { d: { type: tcp, fall: 5 } }\nservices: { w: { listen: 192.0.2.1:80, check: d, backends: { "
		"a: 10.0.0.1 } } }",
		"checks: { d: { type: tcp, port: 5 } }\nservices: { w: { listen: 192.0.2.1:80, check: d, backends: { "
		"a: 10.0.0.1 } } }",
		"checks: { d: { type: tcp, send: a } }\nservices: { w: { listen: 192.0.2.1:80, check: d, backends: { "
		"a: 10.0.0.1 } } }",
		"checks: { d: { type: tcp, expect: a } }\nservices: { w: { listen: 192.0.2.1:80, check: d, backends: { "
		"a: 10.0.0.1 } } }",
		"checks: { d: { type: tcp, timeout: 2s } }\nservices: { w: { listen: 192.0.2.1:80, check: d, backends: "
		"{ a: 10.0.0.1 } } }",
		"checks: { d: { type: tcp, interval: 3s } }\nservices: { w: { listen: 192.0.2.1:80, check: d, "
		"backends: { a: 10.0.0.1 } } }",
		"checks: { d: { type: tcp, interval_down: 3s } }\nservices: { w: { listen: 192.0.2.1:80, check: d, "
		"backends: { a: 10.0.0.1 } } }",
		"checks: { d: { type: tcp, address: 10.0.0.9 } }\nservices: { w: { listen: 192.0.2.1:80, check: d, "
		"backends: { a: 10.0.0.1 } } }",
	};
#undef S
	enum { N = sizeof(texts) / sizeof(texts[0]) };
	uint64_t digest[N];
	for (unsigned i = 0; i < N; i++) {
		struct config *c = load(texts[i]);
		digest[i] = c->services[0].digest;
		for (unsigned k = 0; k < i; k++)
			ck_assert_msg(digest[i] != digest[k], "%s\n%s", texts[k], texts[i]);
		config_free(c);
	}
	/* places, spelling and defaults written out are not changes */
	static const char *const same[] = {
		"\n\nservices:\n  w: { backends: { a: { address: 10.0.0.1, weight: 1 } }, scheduler: { name: wlc }, "
		"listen: [192.0.2.1:80] }\n",
		"defaults: { service: { persistence: 1m } }\nservices: { w: { listen: 192.0.2.1:80, persistence: off, "
		"check: tcp, "
		"drain: 300s, backends: { a: 10.0.0.1 } } }",
	};
	for (unsigned i = 0; i < 2; i++) {
		struct config *c = load(same[i]);
		ck_assert_uint_eq(c->services[0].digest, digest[0]);
		config_free(c);
	}
}
END_TEST

START_TEST(of_several_ports_one_is_probed)
{
	static const struct {
		const char *what, *keys, *said; /* NULL = nothing is said */
	} rows[] = {
		{ "two ports", "listen: [192.0.2.1:80, 192.0.2.1:443], backends: { a: 10.1.0.1:8080, b: 10.1.0.2 }",
			"test:1:13: warning: of several ports only 80 is probed" },
		{ "which is a matter of addresses, not of the order in the file",
			"check: tcp, listen: [192.0.2.2:80, 192.0.2.1:443], backends: { a: 10.1.0.1 }",
			"test:1:25: warning: of several ports only 443 is probed" },
		{ "two protocols", "listen: 192.0.2.1:53, protocol: [udp, tcp], backends: { a: 10.1.0.1 }, check: tcp",
			NULL },
		{ "two addresses", "listen: [192.0.2.1:80, '[2001:db8::1]:80'], mode: tun, backends: { a: 10.1.0.1 }",
			NULL },
		{ "the backends have one port", "listen: [192.0.2.1:80, 192.0.2.1:443], backends: { a: 10.1.0.1:8080 }",
			NULL },
		{ "one check names its port",
			"listen: [192.0.2.1:80, 192.0.2.1:443], check: [tcp, own], backends: { a: 10.1.0.1 }", NULL },
		{ "no port is probed", "listen: [192.0.2.1:80, 192.0.2.1:443], check: icmp, backends: { a: 10.1.0.1 }",
			NULL },
		{ "nothing is probed", "listen: [192.0.2.1:80, 192.0.2.1:443], check: none, backends: { a: 10.1.0.1 }",
			NULL },
	};
	char text[400];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_text report = LB_TEXT_INIT;
		snprintf(text, sizeof(text), "services: { x: { %s } }\nchecks: { own: { type: tcp, port: 443 } }\n",
			rows[i].keys);
		struct config_source source = source_of("test", text);
		struct config *c = config_load(&source, 1, NULL, &report);
		const char *said = report.n ? report.s : "";
		ck_assert_msg(c != NULL, "%s: %s", rows[i].what, said);
		ck_assert_msg(rows[i].said ? strncmp(said, rows[i].said, strlen(rows[i].said)) == 0
					   : strstr(said, "probed") == NULL,
			"%s: %s", rows[i].what, said);
		config_free(c);
		lb_text_done(&report);
	}
}
END_TEST

/* Of weight 1 every share is 1. */
START_TEST(shares_of_small_weights_are_told)
{
#define TWO(a, b) "backends: { a: { address: 10.1.0.1, weight: " a " }, b: { address: 10.1.0.2, weight: " b " } }"
	static const struct {
		const char *what, *keys, *said; /* NULL = nothing is said */
	} rows[] = {
		{ "as it is without a word about weights", "slow_start: 30s, backends: { a: 10.1.0.1, b: 10.1.0.2 }",
			"test:1:68: warning: slow_start gives a share of the weight, and weight 1 (backend a) has none "
			"(services.x)\n" },
		{ "the smallest counts", "slow_start: 30s, " TWO("100", "9"),
			"weight 9 (backend b) has only 9 (services.x)\n" },
		{ "an agent", "check: [tcp, agent], " TWO("1", "1"),
			"check agent may ask for a share of the weight, and weight 1 (backend a) has none" },
		{ "a header", "check: head, " TWO("1", "1"), "check head may ask for a share of the weight" },
		{ "an exit code is a weight, no share of one", "check: code, " TWO("1", "1"), NULL },
		{ "a script that says nothing of it", "check: plain, " TWO("1", "1"), NULL },
		{ "large enough", "slow_start: 30s, check: agent, " TWO("10", "100"), NULL },
		{ "0 has no share by intent", "slow_start: 30s, " TWO("0", "100"), NULL },
		{ "one backend has everything", "slow_start: 30s, backends: { a: 10.1.0.1 }", NULL },
		{ "nobody asks for shares", TWO("1", "1"), NULL },
	};
	char text[600];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_text report = LB_TEXT_INIT;
		snprintf(text, sizeof(text),
			"services: { x: { listen: 192.0.2.1:80, scheduler: wrr, %s } }\n"
			"checks:\n  agent: { type: agent, port: 1 }\n"
			"  head: { type: http, weight: { from: header, name: X-Weight } }\n"
			"  code: { type: script, path: /bin/true, weight: { from: exit } }\n"
			"  plain: { type: script, path: /bin/true }\n",
			rows[i].keys);
		struct config_source source = source_of("test", text);
		struct config *c = config_load(&source, 1, NULL, &report);
		const char *said = report.n ? report.s : "";
		ck_assert_msg(c != NULL, "%s: %s", rows[i].what, said);
		ck_assert_msg(rows[i].said ? strstr(said, rows[i].said) != NULL : strstr(said, "share") == NULL,
			"%s: %s", rows[i].what, said);
		config_free(c);
		lb_text_done(&report);
	}
#undef TWO
}
END_TEST

START_TEST(more_backends_than_a_scheduler_takes_are_told)
{
	static const struct {
		const char *scheduler;
		unsigned backends;
		const char *said; /* NULL = nothing is said */
	} rows[] = {
		{ "mh", 4093, NULL },
		{ "mh", 4094,
			"test:4:16: warning: scheduler mh has room for 4093 backends, and these are 4094 "
			"(services.x)\n" },
		{ "wlc", 4094, NULL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_text t = LB_TEXT_INIT, report = LB_TEXT_INIT;
		lb_text_printf(&t, "services:\n  x:\n    listen: 192.0.2.1:80\n    scheduler: %s\n    backends:\n",
			rows[i].scheduler);
		for (unsigned k = 0; k < rows[i].backends; k++)
			lb_text_printf(&t, "      b%u: 10.1.%u.%u\n", k, k >> 8, k & 255);
		struct config_source source = source_of("test", t.s);
		struct config *c = config_load(&source, 1, NULL, &report);
		const char *said = report.n ? report.s : "";
		ck_assert_msg(c != NULL, "row %zu: %s", i, said);
		ck_assert_msg(rows[i].said ? strstr(said, rows[i].said) != NULL : !said[0], "row %zu: %s", i, said);
		config_free(c);
		lb_text_done(&t);
		lb_text_done(&report);
	}
}
END_TEST

START_TEST(warnings_stop_nothing)
{
	const char *text = "services: { w: { listen: 192.0.2.1:80, backends: {} } }";
	struct config_source source = { "test", text, strlen(text) };
	struct config_load *l = config_load_new(&source, 1, NULL);
	while (config_load_step(l, 100) > 0)
		;
	size_t n, more;
	const struct config_error *e = config_load_errors(l, &n, &more);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(more, 0);
	ck_assert(e[0].warning);
	struct lb_text t = LB_TEXT_INIT;
	ck_assert_uint_eq(config_load_report(l, &t), 0);
	lb_text_done(&t);
	struct config *c = config_load_take(l);
	ck_assert_ptr_nonnull(c);
	config_free(c);
	config_load_free(l);
}
END_TEST

/* A rule may be newer than the text: a start, and the way back, go on with what ran. */
START_TEST(what_ran_is_not_refused_for_what_never_passes)
{
#define VRRP(more)                                                                                                     \
	"cluster: { id: 1, nodes: { a: { address: 192.0.2.11 }, b: { address: 192.0.2.12 } } }\n"                      \
	"vrrp: { w: { vrid: 1, interface: eth0, addresses: 192.0.2.1/24, " more " } }\n"
	static const struct {
		const char *check, *more;
		bool runs; /* after a start */
	} rows[] = {
		{ "{ type: http, status: [100, 103] }", "", true },
		{ "{ type: tcp, source: \"2001:db8::1\" }", "", true },
		{ "{ type: tcp }", VRRP("priority: { a: 255, b: 255 }"), true },
		{ "{ type: tcp }", VRRP("track: { services_up: 2 }"), true },
		{ "{ type: tcp }", VRRP("track: { process: /sbin/bird, weight: -20 }"), true },
		{ "{ type: http, status: [100, 600] }", "", false },
		{ "{ type: tcp, path: / }", "", false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_text report = LB_TEXT_INIT;
		char text[512];
		int n = snprintf(text, sizeof(text),
			"checks: { c: %s }\n"
			"services: { w: { listen: 192.0.2.1:80, check: c, backends: { x: 10.0.0.1 } } }\n%s",
			rows[i].check, rows[i].more);
		struct config_source source = { "test", text, (size_t)n };
		struct config *c = config_load(&source, 1, NULL, &report);
		ck_assert_msg(!c && strstr(report.s, "error: "), "%zu: %s", i, report.s);
		lb_text_clear(&report);
		c = config_load_again(&source, 1, NULL, &report);
		ck_assert_msg(!!c == rows[i].runs, "%s", report.s);
		ck_assert_msg(!c || strstr(report.s, "warning: "), "%s", report.s);
		config_free(c);
		lb_text_done(&report);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config");
	TCase *tc = tcase_create("config");
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, the_minimal_file);
	tcase_add_test(tc, every_key);
	tcase_add_test(tc, several_files);
	tcase_add_test(tc, slices);
	tcase_add_test(tc, given_up_half_way);
	tcase_add_test(tc, memory_per_backend);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, more_limits);
	tcase_add_test(tc, digest_sees_every_change);
	tcase_add_test(tc, of_several_ports_one_is_probed);
	tcase_add_test(tc, shares_of_small_weights_are_told);
	tcase_add_test(tc, more_backends_than_a_scheduler_takes_are_told);
	tcase_add_test(tc, warnings_stop_nothing);
	tcase_add_test(tc, what_ran_is_not_refused_for_what_never_passes);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
