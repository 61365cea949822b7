/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pair: what the structs say on each of its nodes, what a digest sees, what a reload tells. */
#include "lbd/config/config_diff.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct config *load(const char *text, const char *node)
{
	struct lb_text report = LB_TEXT_INIT;
	struct config_source source = { "test", text, strlen(text) };
	struct config *c = config_load(&source, 1, node, &report);
	ck_assert_msg(c != NULL, "%s\n%s", text, report.s);
	lb_text_done(&report);
	return c;
}

static const char *ip_of(const struct lb_ip *ip)
{
	static char text[4][LB_IP_STRLEN];
	static unsigned next;
	return lb_ip_str(ip, text[next++ % 4]);
}

START_TEST(what_is_not_written)
{
	struct config *c =
		load("vrrp: { a: { interface: eth0, vrid: 9, addresses: [192.0.2.10, 192.0.2.1/24] } }", "x");
	ck_assert_uint_eq(c->cluster.n_nodes, 0);
	ck_assert_int_eq(c->cluster.self, -1);
	ck_assert_str_eq(c->cluster.key_file, "");
	ck_assert_uint_eq(c->n_vrrp, 1);
	const struct config_vrrp *v = config_vrrp_find(c, "a");
	ck_assert_ptr_nonnull(v);
	ck_assert_ptr_null(config_vrrp_find(c, "b"));
	ck_assert_str_eq(v->interface, "eth0");
	ck_assert_str_eq(v->group, "");
	ck_assert(v->vrid == 9 && v->version == 3 && v->family == AF_INET && v->priority == 100);
	ck_assert_uint_eq(v->n_addresses, 2);
	ck_assert_str_eq(ip_of(&v->addresses[0].ip), "192.0.2.10");
	ck_assert_uint_eq(v->addresses[0].prefix, 32);
	ck_assert_str_eq(ip_of(&v->addresses[1].ip), "192.0.2.1");
	ck_assert_uint_eq(v->addresses[1].prefix, 24);
	ck_assert(v->n_routes == 0 && v->n_rules == 0);
	ck_assert(v->n_excluded == 0 && v->n_tracks == 0 && v->n_peers == 0 && v->source.family == 0);
	ck_assert(v->interval_cs == 100 && v->lease_s == 6 && v->sum == VRRP_SUM_RFC5798);
	ck_assert(v->preempt && v->accept && !v->virtual_mac);
	ck_assert(v->preempt_delay_ms == 0 && v->startup_delay_ms == 0 && v->min_ttl == 255);
	ck_assert(v->auth == CONFIG_AUTH_NONE && v->auth_mode == VRRP_AUTH_OFF && v->auth_window_ms == 0);
	ck_assert_str_eq(v->key_file, "");
	ck_assert(v->announce_count == 5 && v->announce_delay_ms == 5000 && v->announce_refresh_ms == 0);
	ck_assert_str_eq(v->file, "test");
	ck_assert_uint_eq(v->line, 1);
	config_free(c);
}
END_TEST

/* Services that are reached here whoever is master. */
static const struct {
	const char *what, *services;
	bool beside;
} besides[] = {
	{ "none", "", false },
	{ "at an address of an instance", "s: { listen: 192.0.2.1:80, backends: { a: 10.0.0.1 } }", false },
	{ "at those of two",
		"s: { listen: ['192.0.2.1:80', '192.0.2.7:80'], backends: { a: 10.0.0.1 } }, t: { listen: "
		"'[2001:db8::1]:80', backends: { a: '2001:db8:1::1' } }",
		false },
	{ "at one that adverts do not name", "s: { listen: 192.0.2.7:80, backends: { a: 10.0.0.1 } }", false },
	{ "one of two elsewhere", "s: { listen: ['192.0.2.1:80', '192.0.2.2:80'], backends: { a: 10.0.0.1 } }", true },
	{ "the second service elsewhere",
		"s: { listen: 192.0.2.1:80, backends: { a: 10.0.0.1 } }, t: { listen: 192.0.2.9:80, backends: { a: "
		"10.0.0.1 } }",
		true },
	{ "a mark", "s: { fwmark: 5, backends: { a: 10.0.0.1 } }", true },
};

START_TEST(who_is_reached_all_the_same)
{
	struct lb_text text = LB_TEXT_INIT;
	lb_text_printf(&text,
		"vrrp: { a: { interface: eth0, vrid: 9, addresses: 192.0.2.1/24, excluded: 192.0.2.7/24 },"
		" b: { interface: eth0, vrid: 9, addresses: ['fe80::51/64', '2001:db8::1/64'] } }\nservices: { %s }\n",
		besides[_i].services);
	struct config *c = load(text.s, "x");
	ck_assert_msg(config_serves_beside(c) == besides[_i].beside, "%s", besides[_i].what);
	config_free(c);
	c = load("services: { s: { listen: 192.0.2.1:80, backends: { a: 10.0.0.1 } } }", "x");
	ck_assert_msg(config_serves_beside(c), "no instance holds anything");
	config_free(c);
	lb_text_done(&text);
}
END_TEST

START_TEST(every_key)
{
	struct config *c = load("checks: { gw: { type: icmp, address: 192.0.2.254 }, aa: { type: tcp } }\n"
				"vrrp:\n"
				"  a:\n"
				"    interface: eth0\n"
				"    vrid: 255\n"
				"    addresses: [\"fe80::1/64\", \"2001:db8::1\"]\n"
				"    excluded: [192.0.2.1/24]\n"
				"    group: g\n"
				"    priority: 255\n"
				"    advert_interval: 40.95s\n"
				"    lease: off\n"
				"    preempt: false\n"
				"    startup_delay: 7s\n"
				"    accept: false\n"
				"    virtual_mac: true\n"
				"    unicast: [\"fe80::a\", \"fe80::b\"]\n"
				"    source: \"fe80::b\"\n"
				"    min_ttl: 64\n"
				"    auth: { type: hmac, key_file: /k, mode: permissive, window: 300s }\n"
				"    announce: { count: 50, delay: off, refresh: 1m }\n"
				"    track:\n"
				"      - { interface: eth1 }\n"
				"      - { check: gw, weight: -253, debounce: 1500ms }\n"
				"      - { process: x, weight: 253 }\n"
				"      - { services_up: 50%, weight: -1 }\n",
		NULL);
	const struct config_vrrp *v = &c->vrrp[0];
	ck_assert(v->vrid == 255 && v->family == AF_INET6 && v->priority == 255 && v->interval_cs == 4095);
	ck_assert_uint_eq(v->addresses[0].prefix, 64);
	ck_assert_uint_eq(v->addresses[1].prefix, 128);
	ck_assert_uint_eq(v->n_excluded, 1);
	ck_assert_str_eq(ip_of(&v->excluded[0].ip), "192.0.2.1");
	ck_assert_uint_eq(v->excluded[0].prefix, 24);
	ck_assert_str_eq(v->group, "g");
	ck_assert(v->lease_s == 0 && !v->preempt && v->startup_delay_ms == 7000 && !v->accept && v->virtual_mac);
	ck_assert_uint_eq(v->n_peers, 1);
	ck_assert_str_eq(ip_of(&v->peers[0]), "fe80::a");
	ck_assert_str_eq(ip_of(&v->source), "fe80::b");
	ck_assert_uint_eq(v->min_ttl, 64);
	ck_assert(v->auth == CONFIG_AUTH_HMAC && v->auth_mode == VRRP_AUTH_PERMISSIVE && v->auth_window_ms == 300000);
	ck_assert_str_eq(v->key_file, "/k");
	ck_assert(v->announce_count == 50 && v->announce_delay_ms == 0 && v->announce_refresh_ms == 60000);
	ck_assert_uint_eq(v->n_tracks, 4);
	const struct config_track *t = v->tracks;
	ck_assert(t[0].type == CONFIG_TRACK_INTERFACE && t[0].weight == 0 && t[0].debounce_ms == 0 && !t[0].check);
	ck_assert_str_eq(t[0].name, "eth1");
	ck_assert(t[1].type == CONFIG_TRACK_CHECK && t[1].weight == -253 && t[1].debounce_ms == 1500);
	ck_assert_str_eq(t[1].name, "gw");
	ck_assert_ptr_eq(t[1].check, &c->checks[1]);
	ck_assert_str_eq(t[1].check->name, "gw");
	ck_assert(t[2].type == CONFIG_TRACK_PROCESS && t[2].weight == 253 && !t[2].check);
	ck_assert(t[3].type == CONFIG_TRACK_SERVICES_UP && t[3].services_up.value == 50 && t[3].services_up.percent);
	ck_assert_str_eq(t[3].name, "");
	config_free(c);
	c = load("vrrp: { a: { interface: eth0, vrid: 1, addresses: 192.0.2.1, version: 2, advert_interval: 255s, "
		 "auth: { "
		 "type: password, key_file: /p } } }",
		NULL);
	v = &c->vrrp[0];
	ck_assert(v->version == 2 && v->interval_cs == 25500 && v->auth == CONFIG_AUTH_PASSWORD);
	ck_assert(v->auth_mode == VRRP_AUTH_OFF && v->auth_window_ms == 0);
	config_free(c);
}
END_TEST

static const char pair[] = "cluster:\n"
			   "  id: 7\n"
			   "  key_file: /k\n"
			   "  port: 1\n"
			   "  heartbeat: 10ms\n"
			   "  dead_after: 30ms\n"
			   "  nodes:\n"
			   "    b: { address: [192.0.2.2, \"2001:db8::2\"], priority: 90 }\n"
			   "    c: [192.0.2.3, \"2001:db8::3\"]\n"
			   "    a: { address: [192.0.2.1, \"2001:db8::1\"], priority: 254 }\n"
			   "vrrp:\n"
			   "  own:\n"
			   "    interface: { a: eth0, b: eth1, c: eth2 }\n"
			   "    vrid: 1\n"
			   "    addresses: 192.0.2.10\n"
			   "    priority: { a: 1, b: 2, c: 255 }\n"
			   "    unicast: { a: 198.51.100.1, b: 198.51.100.2, c: 198.51.100.3 }\n"
			   "  nodes:\n"
			   "    interface: eth3\n"
			   "    vrid: 1\n"
			   "    addresses: 192.0.2.11\n"
			   "    source: { a: 192.0.2.1, b: 192.0.2.2, c: 192.0.2.3 }\n"
			   "    unicast: [192.0.2.1, 192.0.2.2, 192.0.2.3]\n";

static const struct {
	const char *what, *node;
	int self;
	const char *interface;
	uint8_t priority, of_node;
	const char *own, *peers[2], *source, *listed[2];
} views[] = {
	{ "the first by name", "a", 0, "eth0", 1, 254, "198.51.100.1", { "198.51.100.2", "198.51.100.3" }, "192.0.2.1",
		{ "192.0.2.2", "192.0.2.3" } },
	{ "the first of the file", "b", 1, "eth1", 2, 90, "198.51.100.2", { "198.51.100.1", "198.51.100.3" },
		"192.0.2.2", { "192.0.2.1", "192.0.2.3" } },
	{ "one with a default", "c", 2, "eth2", 255, 100, "198.51.100.3", { "198.51.100.1", "198.51.100.2" },
		"192.0.2.3", { "192.0.2.1", "192.0.2.2" } },
	{ "nobody in particular", NULL, 0, "eth0", 1, 254, "198.51.100.1", { "198.51.100.2", "198.51.100.3" },
		"192.0.2.1", { "192.0.2.2", "192.0.2.3" } },
	{ "no name", "", 0, "eth0", 1, 254, "198.51.100.1", { "198.51.100.2", "198.51.100.3" }, "192.0.2.1",
		{ "192.0.2.2", "192.0.2.3" } },
};

static bool has(const struct config_vrrp *v, const char *const peers[2])
{
	unsigned found = 0;
	for (uint32_t i = 0; i < v->n_peers; i++)
		found += !strcmp(ip_of(&v->peers[i]), peers[0]) || !strcmp(ip_of(&v->peers[i]), peers[1]);
	return v->n_peers == 2 && found == 2;
}

START_TEST(on_each_node)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		struct config *c = load(pair, views[i].node);
		const struct config_vrrp *own = config_vrrp_find(c, "own"), *nodes = config_vrrp_find(c, "nodes");
		const char *what = views[i].what;
		ck_assert_msg(c->cluster.self == views[i].self, "%s", what);
		ck_assert_msg(strcmp(own->interface, views[i].interface) == 0, "%s: %s", what, own->interface);
		ck_assert_msg(own->priority == views[i].priority, "%s: %u", what, own->priority);
		ck_assert_msg(nodes->priority == views[i].of_node, "%s: %u", what, nodes->priority);
		ck_assert_msg(strcmp(ip_of(&own->source), views[i].own) == 0, "%s", what);
		ck_assert_msg(has(own, views[i].peers), "%s: peers by node", what);
		ck_assert_msg(strcmp(ip_of(&nodes->source), views[i].source) == 0, "%s", what);
		ck_assert_msg(has(nodes, views[i].listed), "%s: peers of a list", what);
		config_free(c);
	}
}
END_TEST

START_TEST(the_cluster)
{
	struct config *c = load(pair, "b");
	const struct config_cluster *k = &c->cluster;
	ck_assert(k->id == 7 && k->port == 1 && k->heartbeat_ms == 10 && k->dead_after_ms == 30 && k->n_nodes == 3);
	ck_assert_str_eq(k->key_file, "/k");
	ck_assert_str_eq(k->nodes[0].name, "a");
	ck_assert_str_eq(k->nodes[1].name, "b");
	ck_assert_str_eq(k->nodes[2].name, "c");
	ck_assert(k->nodes[1].n_addresses == 2 && k->nodes[1].priority == 90 && k->nodes[1].line == 8);
	ck_assert_str_eq(ip_of(&k->nodes[1].addresses[1]), "2001:db8::2");
	ck_assert_uint_eq(k->nodes[2].priority, 100);
	config_free(c);
}
END_TEST

/* A name that is nobody's matters only where somebody must be found by it. */
static const struct {
	const char *what, *text, *node, *want; /* want NULL: accepted */
} names[] = {
	{ "no vrrp", "cluster: { id: 1, nodes: { a: 192.0.2.1 } }", "z", NULL },
	{ "nothing differs",
		"cluster: { id: 1, nodes: { a: 192.0.2.1 } }\n"
		"vrrp: { i: { interface: eth0, vrid: 1, addresses: 192.0.2.9 } }",
		"z", NULL },
	{ "no cluster", "vrrp: { i: { interface: eth0, vrid: 1, addresses: 192.0.2.9 } }", "z", NULL },
	{ "an instance differs",
		"cluster: { id: 1, nodes: { a: 192.0.2.1 } }\n"
		"vrrp: { i: { interface: { a: eth0 }, vrid: 1, addresses: 192.0.2.9 } }",
		"z", "test:2:25: error: this node, 'z', is not under cluster.nodes (vrrp.i.interface)" },
	{ "the defaults differ",
		"cluster: { id: 1, nodes: { a: 192.0.2.1 } }\n"
		"defaults: { vrrp: { priority: { a: 7 } } }\n"
		"vrrp: { i: { interface: eth0, vrid: 1, addresses: 192.0.2.9 } }",
		"z", "test:2:31: error: this node, 'z', is not under cluster.nodes (defaults.vrrp.priority)" },
	{ "a name that is nearly right",
		"cluster: { id: 1, nodes: { lb-a: 192.0.2.1 } }\n"
		"vrrp: { i: { interface: { lb-a: eth0 }, vrid: 1, addresses: 192.0.2.9 } }",
		"lba", "  help: tell it with --node NAME; did you mean 'lb-a'?" },
	{ "a hostile name",
		"cluster: { id: 1, nodes: { a: 192.0.2.1 } }\n"
		"vrrp: { i: { interface: { a: eth0 }, vrid: 1, addresses: 192.0.2.9 } }",
		"\x1b[31m", "this node, '\\x1b[31m', is not" },
};

#define V "vrrp: { i: { interface: eth0, vrid: 1, addresses: 192.0.2.9 } }"

/* What leaves the nodes with VRRP alone is legal, and said. */
static const struct {
	const char *what, *text, *node, *want; /* want NULL: nothing is said */
} alone[] = {
	{ "no key", "cluster: { id: 1, nodes: { a: 192.0.2.1, b: 192.0.2.2 } }\n" V, "a",
		"1:10: warning: without key_file there is no second path" },
	{ "a key", "cluster: { id: 1, key_file: /k, nodes: { a: 192.0.2.1, b: 192.0.2.2 } }\n" V, "a", NULL },
	{ "a key, for nobody in particular",
		"cluster: { id: 1, key_file: /k, nodes: { a: 192.0.2.1, b: 192.0.2.2 } }\n" V, NULL, NULL },
	{ "a key, and we are not there", "cluster: { id: 1, key_file: /k, nodes: { a: 192.0.2.1, b: 192.0.2.2 } }\n" V,
		"z", "warning: this node is not under cluster.nodes: it has no second path" },
	{ "nobody to speak to", "cluster: { id: 1, nodes: { a: 192.0.2.1 } }\n" V, "a", NULL },
	{ "nothing to be master of", "cluster: { id: 1, nodes: { a: 192.0.2.1, b: 192.0.2.2 } }\n", "a", NULL },
};

START_TEST(no_second_path_is_said)
{
	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		struct lb_text report = LB_TEXT_INIT;
		struct config_source source = { "test", alone[i].text, strlen(alone[i].text) };
		struct config *c = config_load(&source, 1, alone[i].node, &report);
		lb_text_puts(&report, "");
		ck_assert_msg(c != NULL, "%s: %s", alone[i].what, report.s);
		if (alone[i].want)
			ck_assert_msg(strstr(report.s, alone[i].want) != NULL, "%s:\n%s", alone[i].what, report.s);
		else
			ck_assert_msg(report.n == 0, "%s:\n%s", alone[i].what, report.s);
		config_free(c);
		lb_text_done(&report);
	}
}
END_TEST

START_TEST(a_node_that_is_not_there)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct lb_text report = LB_TEXT_INIT;
		struct config_source source = { "test", names[i].text, strlen(names[i].text) };
		struct config *c = config_load(&source, 1, names[i].node, &report);
		lb_text_puts(&report, "");
		ck_assert_msg(!c == !!names[i].want, "%s: %s", names[i].what, report.s);
		ck_assert_msg(c || strstr(report.s, names[i].want) != NULL, "%s:\n%s", names[i].what, report.s);
		config_free(c);
		lb_text_done(&report);
	}
}
END_TEST

START_TEST(routes_and_rules)
{
	struct config *c = load("cluster: { id: 1, nodes: { n: 192.0.2.5, m: 192.0.2.6 } }\n"
				"vrrp:\n"
				"  a:\n"
				"    interface: { n: eth0, m: eth9 }\n"
				"    vrid: 1\n"
				"    addresses: 192.0.2.10\n"
				"    routes:\n"
				"      - { to: default, via: 192.0.2.1, table: 100, metric: 10, source: 192.0.2.10 }\n"
				"      - { to: default, via: \"2001:db8::1\", dev: wan0 }\n"
				"      - { to: default, dev: wan0, source: \"2001:db8::9\", metric: 1 }\n"
				"      - { to: default, dev: wan0, table: 4294967295 }\n"
				"      - { to: 198.51.100.7, dev: wan0 }\n"
				"    rules:\n"
				"      - { from: 192.0.2.0/24, table: 100, priority: 1000 }\n"
				"      - { to: \"2001:db8::/32\", table: 100, priority: 1 }\n"
				"      - { fwmark: 7, table: 4294967295, priority: 4294967295 }\n",
		"m");
	const struct route *r = c->vrrp[0].routes;
	const struct rule *p = c->vrrp[0].rules;
	ck_assert(c->vrrp[0].n_routes == 5 && c->vrrp[0].n_rules == 3);
	ck_assert(r[0].to.family == AF_INET && r[0].prefix == 0 && r[0].table == 100 && r[0].metric == 10);
	ck_assert_str_eq(ip_of(&r[0].via), "192.0.2.1");
	ck_assert_str_eq(ip_of(&r[0].source), "192.0.2.10");
	ck_assert_str_eq(r[0].dev, "eth9"); /* that of the instance, on this node */
	ck_assert(r[1].to.family == AF_INET6 && r[1].table == 254 && r[1].metric == 0 && !r[1].source.family);
	ck_assert_str_eq(r[1].dev, "wan0");
	ck_assert(r[2].to.family == AF_INET6 && !r[2].via.family);
	ck_assert(r[3].to.family == AF_INET && r[3].table == UINT32_MAX); /* that of the instance */
	ck_assert(r[4].prefix == 32);
	ck_assert(p[0].from_prefix == 24 && p[0].to.family == AF_INET && !p[0].to_prefix && !p[0].fwmark);
	ck_assert(p[0].table == 100 && p[0].priority == 1000);
	ck_assert(p[1].from.family == AF_INET6 && !p[1].from_prefix && p[1].to_prefix == 32 && p[1].priority == 1);
	ck_assert(p[2].from.family == AF_INET && p[2].fwmark == 7 && p[2].priority == UINT32_MAX);
	config_free(c);
}
END_TEST

#define I(keys)  "vrrp: { i: { interface: eth0, vrid: 1, addresses: 192.0.2.9" keys " } }"
#define GW       "checks: { gw: { type: icmp, address: 192.0.2.254 }, gx: { type: icmp, address: 192.0.2.254 } }\n"
#define UNI      ", source: 192.0.2.1, unicast: [192.0.2.2, 192.0.2.3]"
#define ROUTE(r) ", routes: [{ " r " }]"
#define RULE(r)  ", rules: [{ " r " }]"
#define TRACK(t) GW I(", track: [" t "]")

START_TEST(digest_sees_every_change)
{
	static const char *const texts[] = {
		I(""),
		"vrrp: { k: { interface: eth0, vrid: 1, addresses: 192.0.2.9 } }",
		"vrrp: { i: { interface: eth1, vrid: 1, addresses: 192.0.2.9 } }",
		"vrrp: { i: { interface: eth0, vrid: 2, addresses: 192.0.2.9 } }",
		"vrrp: { i: { interface: eth0, vrid: 1, addresses: 192.0.2.8 } }",
		"vrrp: { i: { interface: eth0, vrid: 1, addresses: 192.0.2.9/24 } }",
		"vrrp: { i: { interface: eth0, vrid: 1, addresses: [192.0.2.9, 192.0.2.8] } }",
		"vrrp: { i: { interface: eth0, vrid: 1, addresses: [192.0.2.8, 192.0.2.9] } }",
		"vrrp: { i: { interface: eth0, vrid: 1, addresses: \"fe80::1\" } }",
		I(", excluded: 192.0.2.8"),
		I(", excluded: 192.0.2.8/24"),
		I(ROUTE("to: 192.0.2.0/24, via: 192.0.2.1")),
		I(ROUTE("to: 192.0.2.0/25, via: 192.0.2.1")),
		I(ROUTE("to: default, via: 192.0.2.1")),
		I(ROUTE("to: default, via: 192.0.2.2")),
		I(ROUTE("to: default, dev: eth1")),
		I(ROUTE("to: default, dev: eth2")),
		I(ROUTE("to: default, dev: eth1, table: 7")),
		I(ROUTE("to: default, dev: eth1, metric: 7")),
		I(ROUTE("to: default, dev: eth1, source: 192.0.2.9")),
		I(ROUTE("to: \"::/0\", dev: eth1")),
		I(ROUTE("to: default, dev: eth1 }, { to: 192.0.2.0/24, dev: eth1")),
		I(RULE("from: 192.0.2.0/24, table: 7, priority: 7")),
		I(RULE("from: 192.0.2.0/25, table: 7, priority: 7")),
		I(RULE("to: 192.0.2.0/24, table: 7, priority: 7")),
		I(RULE("fwmark: 1, table: 7, priority: 7")),
		I(RULE("fwmark: 2, table: 7, priority: 7")),
		I(RULE("fwmark: 2, table: 8, priority: 7")),
		I(RULE("fwmark: 2, table: 8, priority: 8")),
		I(", group: g"),
		I(", group: h"),
		I(", version: 2"),
		I(", checksum: rfc9568"),
		I(", priority: 101"),
		I(", priority: 255"),
		I(", advert_interval: 2s"),
		I(", lease: off"),
		I(", lease: 4s"),
		I(", preempt: false"),
		I(", preempt_delay: 1s"),
		I(", startup_delay: 1s"),
		I(", accept: false"),
		I(", virtual_mac: true"),
		I(", source: 192.0.2.1"),
		I(UNI),
		I(UNI ", min_ttl: 254"),
		I(", source: 192.0.2.1, unicast: [192.0.2.2]"),
		I(", auth: { type: hmac, key_file: /k }"),
		I(", auth: { type: hmac, key_file: /l }"),
		I(", auth: { type: hmac, key_file: /k, mode: permissive }"),
		I(", auth: { type: hmac, key_file: /k, mode: receive-only }"),
		I(", auth: { type: hmac, key_file: /k, window: 6s }"),
		I(", version: 2, auth: { type: hmac, key_file: /k }"),
		I(", version: 2, auth: { type: password, key_file: /k }"),
		I(", announce: 4"),
		I(", announce: { delay: 4s }"),
		I(", announce: { delay: off }"),
		I(", announce: { refresh: 4s }"),
		TRACK("{ interface: gw }"),
		TRACK("{ interface: gx }"),
		TRACK("{ process: gw }"),
		TRACK("{ check: gw }"),
		TRACK("{ check: gx }"),
		TRACK("{ check: gw, weight: 1 }"),
		TRACK("{ check: gw, weight: -1 }"),
		TRACK("{ check: gw, debounce: 1ms }"),
		TRACK("{ services_up: 50, weight: -2 }"),
		TRACK("{ services_up: 50%, weight: -2 }"),
		TRACK("{ check: gw }, { check: gx }"),
		TRACK("{ check: gx }, { check: gw }"),
	};
	enum { N = sizeof(texts) / sizeof(texts[0]) };
	uint64_t digest[N];
	for (unsigned i = 0; i < N; i++) {
		struct config *c = load(texts[i], NULL);
		digest[i] = c->vrrp[0].digest;
		for (unsigned k = 0; k < i; k++)
			ck_assert_msg(digest[i] != digest[k], "%s\n%s", texts[k], texts[i]);
		config_free(c);
	}
	/* places, spelling, other instances, and values of other nodes are not changes */
	static const char *const same[] = {
		("\n\nvrrp:\n  a: { interface: x, vrid: 9, addresses: 192.0.2.99 }\n  i: { priority: 100, addresses: "
		 "[192.0.2.9/32], interface: eth0, vrid: 1, lease: 6000ms, preempt_delay: off, announce: 5, unicast: "
		 "off }"),
		("defaults: { vrrp: { min_ttl: 3, lease: 5s, auth: { type: hmac, key_file: /k } } }\n" I(
			", lease: 6s, auth: off")),
		("cluster: { id: 1, nodes: { me: 192.0.2.1, other: 192.0.2.2 } }\nvrrp: { i: { interface: { me: eth0, "
		 "other: ens3 }, vrid: 1, addresses: 192.0.2.9, priority: { me: 100, other: 7 } } }"),
	};
	for (unsigned i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct config *c = load(same[i], NULL);
		ck_assert_msg(config_vrrp_find(c, "i")->digest == digest[0], "%s", same[i]);
		config_free(c);
	}
}
END_TEST

static void put(const struct config_change *ch, void *arg)
{
	static const char *const ops[] = { "+", "~", "-" };
	lb_text_printf(arg, "%s %s", ops[ch->op], ch->object);
	if (ch->key[0])
		lb_text_printf(arg, " %s: %s -> %s", ch->key, ch->before, ch->after);
	lb_text_puts(arg, "\n");
}

static const struct {
	const char *what, *before, *after, *want;
} diffs[] = {
	{ "nothing", I(""), I(", preempt: true"), "" },
	{ "a first configuration", NULL, "cluster: { id: 1, nodes: { a: 192.0.2.1 } }\n" I(""),
		"+ vrrp/i\n+ cluster\n+ peer/a\n" },
	{ "instances come and go", I(""), "vrrp: { a: { interface: eth0, vrid: 2, addresses: 192.0.2.8 } }",
		"+ vrrp/a\n- vrrp/i\n" },
	{ "keys of an instance", I(""),
		GW I(", advert_interval: 200ms, track: [{ check: gw, weight: -30 }, { services_up: 50% }], auth: { "
		     "type: "
		     "hmac, key_file: /k }"),
		"+ check/gw\n+ check/gx\n"
		"~ vrrp/i advert_interval: 1s -> 200ms\n"
		"~ vrrp/i lease: 6s -> 3s\n"
		"~ vrrp/i auth: off -> type hmac, key_file /k, mode enforce, window 5s\n"
		"~ vrrp/i track:  -> check gw, weight -30, debounce 0s; services_up 50%, weight 0, debounce 0s\n" },
	{ "peers", I(UNI), I(", source: 192.0.2.1, unicast: 192.0.2.2"),
		"~ vrrp/i unicast: 192.0.2.2, 192.0.2.3 -> 192.0.2.2\n" },
	{ "nodes", "cluster: { id: 1, nodes: { a: 192.0.2.1, b: 192.0.2.2 } }",
		"cluster: { id: 2, nodes: { b: { address: [192.0.2.2, 192.0.2.4], priority: 7 }, c: [192.0.2.3, "
		"192.0.2.5] } }",
		"~ cluster id: 1 -> 2\n- peer/a\n~ peer/b address: 192.0.2.2 -> 192.0.2.2, 192.0.2.4\n"
		"~ peer/b priority: 100 -> 7\n+ peer/c\n" },
	{ "the cluster goes", "cluster: { id: 1, nodes: { a: 192.0.2.1 } }", "log: {}", "- cluster\n- peer/a\n" },
};

START_TEST(changes)
{
	for (size_t i = 0; i < sizeof(diffs) / sizeof(diffs[0]); i++) {
		struct lb_text got = LB_TEXT_INIT;
		struct config *a = diffs[i].before ? load(diffs[i].before, NULL) : NULL,
			      *b = load(diffs[i].after, NULL);
		lb_text_puts(&got, "");
		config_diff(a, b, put, &got);
		ck_assert_msg(
			strcmp(got.s, diffs[i].want) == 0, "%s:\n%s--- not\n%s", diffs[i].what, got.s, diffs[i].want);
		config_free(a);
		config_free(b);
		lb_text_done(&got);
	}
}
END_TEST

/* As many as there may be, with as much as each may have. */
START_TEST(a_full_house)
{
	struct lb_text t = LB_TEXT_INIT;
	lb_text_puts(&t, "vrrp:\n");
	for (unsigned i = 1; i <= CONFIG_VRRP_MAX; i++) {
		lb_text_printf(&t, "  i%u:\n    interface: eth0\n    vrid: %u\n    addresses: [10.%u.0.0", i, i, i);
		for (unsigned k = 1; k < VRRP_ADDRS_MAX; k++)
			lb_text_printf(&t, ", 10.%u.0.%u", i, k);
		lb_text_printf(&t, "]\n    excluded: [10.%u.1.0", i);
		for (unsigned k = 1; k < CONFIG_EXCLUDED_MAX; k++)
			lb_text_printf(&t, ", 10.%u.1.%u", i, k);
		lb_text_puts(&t, "]\n");
	}
	struct config *c = load(t.s, NULL);
	ck_assert_uint_eq(c->n_vrrp, CONFIG_VRRP_MAX);
	ck_assert_uint_eq(c->vrrp[254].n_addresses, VRRP_ADDRS_MAX);
	ck_assert_uint_eq(c->vrrp[254].n_excluded, CONFIG_EXCLUDED_MAX);
	config_free(c);
	lb_text_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_vrrp");
	TCase *tc = tcase_create("config_vrrp");
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, what_is_not_written);
	tcase_add_loop_test(tc, who_is_reached_all_the_same, 0, sizeof(besides) / sizeof(besides[0]));
	tcase_add_test(tc, every_key);
	tcase_add_test(tc, routes_and_rules);
	tcase_add_test(tc, on_each_node);
	tcase_add_test(tc, the_cluster);
	tcase_add_test(tc, a_node_that_is_not_there);
	tcase_add_test(tc, no_second_path_is_said);
	tcase_add_test(tc, digest_sees_every_change);
	tcase_add_test(tc, changes);
	tcase_add_test(tc, a_full_house);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
