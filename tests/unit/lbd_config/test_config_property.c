/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Over random configurations: what is accepted prints to something that means the same; it does not matter in what
 * slices it is read, in what order it stands, or into how many files it is cut; nothing differs from itself.
 * The seed is printed with a failure; CONFIG_SEED=n runs one.
 */
#include "lbd/config/config_diff.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 400

static uint64_t state;

static unsigned rnd(unsigned n) /* xorshift64*: 0..n-1 */
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (unsigned)((state * UINT64_C(2685821657736338717)) >> 33) % n;
}

#define PICK(...)                                                                                                      \
	pick((const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))
static const char *pick(const char *const *words, size_t n)
{
	return words[rnd((unsigned)n)];
}

static bool maybe(void)
{
	return rnd(3) == 0;
}

static void put_check(struct lb_text *t, const char *name)
{
	lb_text_printf(t, "  %s:\n    type: tcp\n", name);
	if (maybe())
		lb_text_printf(t, "    port: %u\n", 1 + rnd(65535));
	if (maybe())
		lb_text_printf(t, "    address: %s\n", PICK("192.0.2.9", "2001:db8::9", "'::1'"));
	if (maybe())
		lb_text_printf(t, "    interval: %s\n", PICK("100ms", "1d", "90s", "1.5s"));
	if (maybe())
		lb_text_printf(t, "    interval_down: %s\n", PICK("101ms", "5s", "2h"));
	if (maybe())
		lb_text_printf(t, "    timeout: %ums\n", 10 + rnd(1000));
	if (maybe())
		lb_text_printf(t, "    rise: %u\n    fall: %u\n", 1 + rnd(1000), 1 + rnd(1000));
	if (maybe())
		lb_text_printf(t, "    send: %s\n",
			PICK("\"\\x01\\r\\n\\t\\u20ac\\U0001f600\"", "no", "|\n      a\n       b", "'it''s'",
				"\"null\"", "~x", "'~'", "-x"));
	if (maybe())
		lb_text_printf(t, "    expect: %s\n",
			PICK("200", "\"a: b #c\"", "\xc3\xa4", "'{[]}'", "\"\\\\\\\"\"", "\" \""));
}

struct shape { /* of the service being made */
	bool six, marked, every_port, tcp, udp;
	const char *mode;
	unsigned port;
};

static void put_match(struct lb_text *t, unsigned i, struct shape *s)
{
	s->six = rnd(4) == 0;
	s->marked = rnd(5) == 0;
	s->every_port = !s->marked && rnd(6) == 0;
	s->mode = PICK("nat", "dr", "tun");
	s->port = 1 + rnd(65535);
	s->tcp = s->udp = false;
	if (s->marked) {
		lb_text_printf(t, "    fwmark: %u\n    family: %s\n", i + 1, s->six ? "ipv6" : "ipv4");
		return;
	}
	const char *protocol = PICK("tcp", "udp", "[tcp, udp]", "[udp, sctp]", "sctp", "[sctp, tcp, udp]");
	s->tcp = strstr(protocol, "tcp") && strcmp(protocol, "sctp") != 0 && strcmp(protocol, "[udp, sctp]") != 0;
	s->udp = strstr(protocol, "udp");
	lb_text_printf(t, "    protocol: %s\n    listen:\n", protocol);
	unsigned n = 1 + rnd(3);
	for (unsigned k = 0; k < n; k++) {
		char port[8] = "";
		if (!s->every_port)
			snprintf(port, sizeof(port), ":%u", s->port);
		if (s->six)
			lb_text_printf(t, "      - \"[2001:db8::%x:%x]%s\"\n", i, k + 1, port);
		else
			lb_text_printf(t, "      - 192.0.%u.%u%s\n", i, k + 1, port);
	}
}

static void put_tunnel(struct lb_text *t, const char *indent)
{
	lb_text_printf(t, "%stunnel: %s\n", indent,
		PICK("ipip", "gre", "{ type: gue, port: 6080 }", "{ type: gue, port: 1, checksum: remcsum }",
			"{ type: gre, checksum: csum }"));
}

static void put_backend(struct lb_text *t, unsigned k, const struct shape *s)
{
	const char *mode = maybe() ? PICK("nat", "dr", "tun") : s->mode;
	char addr[64];
	snprintf(addr, sizeof(addr), s->six ? "\"2001:db8:1::%x\"" : "10.0.0.%u", k + 1);
	lb_text_printf(
		t, "      %s%u:\n        address: %s\n        mode: %s\n", PICK("b", "B-", "x.y_", "0"), k, addr, mode);
	bool ported = !s->every_port && !(s->marked && strcmp(mode, "nat") != 0);
	if (ported && maybe())
		lb_text_printf(t, "        port: %u\n", strcmp(mode, "nat") ? s->port : 1 + rnd(65535));
	if (maybe())
		lb_text_printf(t, "        weight: %u\n", rnd(65536));
	if (maybe())
		lb_text_printf(
			t, "        max_connections: %u\n        resume_below: %u\n", 100 + rnd(65436), rnd(100));
	if (maybe())
		lb_text_printf(t, "        state: %s\n", PICK("enabled", "drain", "maint"));
	if (strcmp(mode, "tun") == 0 && maybe())
		put_tunnel(t, "        ");
}

static void put_service(struct lb_text *t, unsigned i, unsigned checks)
{
	struct shape s;
	lb_text_printf(t, "  %s%u:\n", PICK("s", "a.b-", "9_"), i);
	put_match(t, i, &s);
	lb_text_printf(t, "    mode: %s\n", s.mode);
	if (strcmp(s.mode, "tun") == 0 && maybe())
		put_tunnel(t, "    ");
	if (maybe())
		lb_text_printf(t, "    scheduler: %s\n",
			PICK("rr", "wlc", "{ name: mh, flags: [mh-port, mh-fallback] }", "{ name: sh, flags: sh-port }",
				"{ name: lc }"));
	if (s.every_port || maybe())
		lb_text_printf(
			t, "    persistence: %s\n", PICK("1s", "31d", "{ mask4: 8, mask6: 7 }", "{ timeout: 90s }"));
	if ((s.udp || s.marked) && maybe())
		lb_text_puts(t, "    one_packet: true\n");
	/* a random check may have no port of its own, which suits only services that have TCP and a port */
	if (s.tcp && !s.every_port && checks && maybe())
		lb_text_printf(t, "    check: %s\n", rnd(2) ? "[c0, tcp]" : "c0");
	else if (!s.tcp || s.every_port || maybe())
		lb_text_puts(t, "    check: none\n");
	if (maybe())
		lb_text_printf(
			t, "    drain: %s\n", PICK("keep", "1s", "{ timeout: 31d }", "{ timeout: 7m, then: keep }"));
	if (maybe())
		lb_text_printf(t, "    sync: %s\n", PICK("off", "established", "all"));
	unsigned n = rnd(6);
	lb_text_puts(t, n ? "    backends:\n" : "    backends: {}\n");
	for (unsigned k = 0; k < n; k++)
		put_backend(t, k, &s);
}

/* With the nodes a and b of the file. */
static void put_by_node(struct lb_text *t, const char *key, const char *a, const char *b)
{
	if (maybe())
		lb_text_printf(t, "    %s: { b: %s, a: %s }\n", key, b, a);
	else
		lb_text_printf(t, "    %s: %s\n", key, a);
}

static void put_tracks(struct lb_text *t)
{
	lb_text_puts(t, "    track:\n");
	for (unsigned n = 1 + rnd(3), k = 0; k < n; k++)
		lb_text_printf(t, "      - { %s%u, weight: %d, debounce: %s }\n",
			PICK("interface: eth", "process: p", "services_up: 1"), k, (int)rnd(507) - 253,
			PICK("0s", "1ms", "1h"));
}

/* Instances of one group, and all of other numbers and addresses, so that none is in another's way. */
static void put_vrrp(struct lb_text *t, unsigned i)
{
	bool six = rnd(3) == 0, two = !six && rnd(4) == 0;
	lb_text_printf(t, "  v%u:\n    vrid: %u\n", i, i + 1);
	put_by_node(t, "interface", PICK("eth0", "eth1", "'no'"), PICK("eth0", "ens3"));
	lb_text_printf(t, "    version: %u\n    advert_interval: %s\n", two ? 2 : 3,
		two ? PICK("1s", "255s", "1m") : PICK("10ms", "1.01s", "40.95s"));
	lb_text_printf(t, six ? "    addresses: ['fe80::%x/64', '2001:db8:2::%x']\n" : "    addresses: 10.9.%u.%u/24\n",
		i + 1, i + 1);
	if (maybe())
		lb_text_printf(t, "    excluded: [10.10.%u.1, 10.10.%u.2/8, '2001:db8:3::%x/48']\n", i, i, i + 1);
	if (maybe())
		lb_text_printf(t,
			"    routes: [{ to: 10.11.%u.0/24, %s }, { to: '2001:db8:%x::/48', dev: x, table: %s }]\n", i,
			PICK("dev: eth0", "via: 10.9.0.9, metric: 3", "via: 10.9.0.9, source: 10.9.0.1"), i,
			PICK("1", "4294967295"));
	if (maybe())
		lb_text_printf(t, "    rules: { %s, table: 9, priority: %u }\n",
			PICK("from: 10.9.0.0/16", "to: '2001:db8::/32', from: '::/0'", "fwmark: 3"), i + 1);
	if (maybe())
		put_by_node(t, "priority", PICK("200", "255", "100"), PICK("7", "99"));
	if (maybe())
		lb_text_puts(t, "    group: g\n");
	if (maybe())
		lb_text_printf(t, "    lease: %s\n    preempt: %s\n", PICK("off", "1s", "60s"), PICK("true", "false"));
	if (maybe())
		lb_text_printf(
			t, "    auth: { type: %s, key_file: /k%u }\n", two ? PICK("password", "hmac") : "hmac", i);
	if (maybe())
		lb_text_printf(t, "    announce: %s\n", PICK("0", "{ delay: off }", "{ refresh: 7s, count: 50 }"));
	if (!six && maybe())
		lb_text_printf(t, "    unicast: %s\n    min_ttl: 3\n",
			PICK("{ a: 192.0.2.1, b: 192.0.2.2 }", "[192.0.2.3, 192.0.2.4]\n    source: 192.0.2.4"));
	if (maybe())
		put_tracks(t);
}

/* Pieces that are files of their own as well as one file when put together under their headings. */
struct pieces {
	struct lb_text rest, checks[4], services[12], vrrp[6];
	unsigned n_checks, n_services, n_vrrp;
};

static void make(struct pieces *p)
{
	p->n_checks = rnd(5);
	p->n_services = rnd(13);
	p->n_vrrp = rnd(7);
	lb_text_puts(&p->rest, "version: 1\n");
	lb_text_printf(&p->rest, "cluster: { id: 1, heartbeat: %s, nodes: { %s } }\n", PICK("10ms", "499ms"),
		PICK("b: 192.0.2.202, a: 192.0.2.201",
			"b: { address: ['::1', 127.0.0.1], priority: 99 }, a: ['::2', 192.0.2.201]"));
	if (maybe())
		lb_text_printf(&p->rest, "log: { level: %s }\n", PICK("error", "warning", "notice", "info", "debug"));
	if (maybe())
		lb_text_puts(&p->rest, "control: { admin_group: _x }\n");
	if (maybe())
		lb_text_printf(&p->rest, "sync: %s\n", PICK("{}", "{ rate_limit: 1/s }", "{ rate_limit: 10000000/s }"));
	if (maybe())
		lb_text_printf(
			&p->rest, "hooks: %s\n", PICK("{}", "{ state: /h }", "{ state: { path: /h, timeout: 3s } }"));
	if (maybe())
		lb_text_printf(&p->rest, "defaults:\n  check: %s\n  service: %s\n  vrrp: %s\n",
			PICK("{}", "{ interval: 7s, rise: 9 }", "{ send: x, fall: 1 }"),
			PICK("{}", "{ scheduler: { name: mh, flags: mh-port } }", "{ drain: keep }",
				"{ drain: { timeout: 2m } }"),
			PICK("{}", "{ min_ttl: 9, checksum: rfc9568, preempt_delay: 1m }",
				"{ startup_delay: 3s, announce: 1, track: { interface: lo } }"));
	for (unsigned i = 0; i < p->n_checks; i++) {
		char name[16];
		snprintf(name, sizeof(name), "c%u", i);
		put_check(&p->checks[i], name);
	}
	for (unsigned i = 0; i < p->n_services; i++)
		put_service(&p->services[i], i, p->n_checks);
	for (unsigned i = 0; i < p->n_vrrp; i++)
		put_vrrp(&p->vrrp[i], i);
}

static void pieces_done(struct pieces *p)
{
	lb_text_done(&p->rest);
	for (unsigned i = 0; i < p->n_checks; i++)
		lb_text_done(&p->checks[i]);
	for (unsigned i = 0; i < p->n_services; i++)
		lb_text_done(&p->services[i]);
	for (unsigned i = 0; i < p->n_vrrp; i++)
		lb_text_done(&p->vrrp[i]);
}

static void join(const struct pieces *p, bool backwards, struct lb_text *t)
{
	lb_text_puts(t, p->n_checks ? "checks:\n" : "checks: {}\n");
	for (unsigned i = 0; i < p->n_checks; i++)
		lb_text_puts(t, p->checks[backwards ? p->n_checks - 1 - i : i].s);
	lb_text_puts(t, p->n_services ? "services:\n" : "services: {}\n");
	for (unsigned i = 0; i < p->n_services; i++)
		lb_text_puts(t, p->services[backwards ? p->n_services - 1 - i : i].s);
	lb_text_puts(t, p->n_vrrp ? "vrrp:\n" : "vrrp: {}\n");
	for (unsigned i = 0; i < p->n_vrrp; i++)
		lb_text_puts(t, p->vrrp[backwards ? p->n_vrrp - 1 - i : i].s);
	lb_text_puts(t, p->rest.s);
}

static const char *node; /* as which it is read */

static struct config *load(const struct config_source *sources, size_t n, unsigned budget, unsigned seed)
{
	struct lb_text report = LB_TEXT_INIT;
	struct config_load *l = config_load_new(sources, n, node);
	while (config_load_step(l, budget) > 0)
		;
	lb_text_puts(&report, "");
	config_load_report(l, &report);
	struct config *c = config_load_take(l);
	ck_assert_msg(c != NULL, "CONFIG_SEED=%u\n%s\n%s", seed, report.s, sources[0].text);
	config_load_free(l);
	lb_text_done(&report);
	return c;
}

static void show(const struct config_change *ch, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s %s: %s -> %s\n", ch->object, ch->key, ch->before, ch->after);
}

static void ignore(const struct config_change *ch, void *arg)
{
	(void)ch;
	(void)arg;
}

/* c is not needed any more. */
static void same(const struct config *a, struct config *c, const char *what, unsigned seed)
{
	ck_assert_msg(config_diff(a, c, show, NULL) == 0 && config_diff(c, a, show, NULL) == 0, "CONFIG_SEED=%u: %s",
		seed, what);
	ck_assert_uint_eq(a->n_services, c->n_services);
	ck_assert_uint_eq(a->n_backends, c->n_backends);
	ck_assert_uint_eq(a->n_checks, c->n_checks);
	ck_assert_uint_eq(a->n_vrrp, c->n_vrrp);
	for (uint32_t i = 0; i < a->n_vrrp; i++)
		ck_assert_msg(a->vrrp[i].digest == c->vrrp[i].digest, "CONFIG_SEED=%u: %s: digest of %s", seed, what,
			a->vrrp[i].name);
	for (uint32_t i = 0; i < a->n_services; i++)
		ck_assert_msg(a->services[i].digest == c->services[i].digest, "CONFIG_SEED=%u: %s: digest of %s", seed,
			what, a->services[i].name);
	config_free(c);
}

static void cut_into_files(const struct config *a, const struct pieces *p, unsigned seed)
{
	struct config_source files[3];
	struct lb_text t[3] = { LB_TEXT_INIT, LB_TEXT_INIT, LB_TEXT_INIT };
	const struct lb_text nothing = LB_TEXT_INIT;
	for (unsigned f = 0; f < 3; f++) {
		struct pieces part = { .rest = f == 1 ? p->rest : nothing };
		part.rest.s = f == 1 ? p->rest.s : (char[]){ "" };
		for (unsigned i = f; i < p->n_checks; i += 3)
			part.checks[part.n_checks++] = p->checks[i];
		for (unsigned i = f; i < p->n_services; i += 3)
			part.services[part.n_services++] = p->services[i];
		for (unsigned i = f; i < p->n_vrrp; i += 3)
			part.vrrp[part.n_vrrp++] = p->vrrp[i];
		join(&part, false, &t[f]);
		files[f] = (struct config_source){ "part", t[f].s, t[f].n };
	}
	same(a, load(files, 3, 100, seed), "cut into files", seed);
	for (unsigned f = 0; f < 3; f++)
		lb_text_done(&t[f]);
}

static void run(unsigned seed)
{
	struct pieces p = { 0 };
	struct lb_text text = LB_TEXT_INIT, back = LB_TEXT_INIT, printed = LB_TEXT_INIT, again = LB_TEXT_INIT;
	state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	node = PICK("a", "b", "");
	make(&p);
	join(&p, false, &text);
	join(&p, true, &back);
	struct config_source source = { "random", text.s, text.n }, reversed = { "reversed", back.s, back.n };
	struct config *c = load(&source, 1, 4096, seed);
	ck_assert_int_eq(config_diff(c, c, show, NULL), 0);
	config_print(c, &printed);
	struct config_source copy = { "printed", printed.s, printed.n };
	struct config *d = load(&copy, 1, 4096, seed);
	config_print(d, &again);
	ck_assert_msg(strcmp(printed.s, again.s) == 0, "CONFIG_SEED=%u: printing twice", seed);
	same(c, d, "printed and read", seed);
	same(c, load(&source, 1, 1, seed), "one unit at a time", seed);
	same(c, load(&reversed, 1, 3, seed), "backwards", seed);
	cut_into_files(c, &p, seed);
	config_free(c);
	pieces_done(&p);
	lb_text_done(&text);
	lb_text_done(&back);
	lb_text_done(&printed);
	lb_text_done(&again);
}

START_TEST(properties)
{
	const char *one = getenv("CONFIG_SEED");
	if (one)
		run((unsigned)atoi(one));
	for (unsigned seed = 1; !one && seed <= SEEDS; seed++)
		run(seed);
}
END_TEST

/* One changed value is seen by the diff and by the digest of its service, and by nothing else. */
START_TEST(one_change)
{
	for (unsigned seed = 1; seed <= SEEDS / 4; seed++) {
		struct pieces p = { 0 };
		struct lb_text text = LB_TEXT_INIT;
		state = seed * UINT64_C(0x9e3779b97f4a7c15) + 7;
		make(&p);
		join(&p, false, &text);
		struct config_source source = { "random", text.s, text.n };
		struct config *c = load(&source, 1, 4096, seed);
		char *weight = strstr(text.s, "        weight: ");
		if (weight) {
			weight += 8;
			weight[8] = weight[8] == '1' ? '2' : '1'; /* at most 5 digits: 1xxxx and 2xxxx are both legal */
			struct config *d = load(&source, 1, 4096, seed);
			ck_assert_int_eq(config_diff(c, d, ignore, NULL), 1);
			unsigned changed = 0;
			for (uint32_t i = 0; i < c->n_services; i++)
				changed += c->services[i].digest != d->services[i].digest;
			ck_assert_uint_eq(changed, 1);
			config_free(d);
		}
		config_free(c);
		pieces_done(&p);
		lb_text_done(&text);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_property");
	TCase *tc = tcase_create("config_property");
	tcase_set_timeout(tc, 100);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, properties);
	tcase_add_test(tc, one_change);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
