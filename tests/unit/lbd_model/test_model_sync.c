/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process that copies flows is told, and what is made of its words. */
#include "lbd/model_sync.h"
#include "tests/unit/lbd_model/cluster.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define CLUSTER(more, a, b) "cluster: { id: 7, port: 4711" more ", nodes: { lb-a: " a ", lb-b: " b " } }\n"
#define WEB                 "services: { web: { listen: 203.0.113.10:80, backends: { a: 10.1.0.1 } } }\n"
#define PAIR                CLUSTER(KEY_FILE, "[10.0.0.1, \"fd00::1\"]", "[10.0.0.2, \"fd00::2\"]")
#define INSTANCES           "vrrp: { wan: { interface: eth0, vrid: 1, addresses: 203.0.113.1/24 } }\n"

static int conf_of(const char *text, const char *node, struct sync_conf *out, struct lb_err *e)
{
	struct config *c = config_of_node(text, node);
	memset(out, 0x5a, sizeof(*out));
	reads = 0;
	int err = model_sync_conf(c, read_key, NULL, out, e);
	config_free(c);
	return err;
}

/* ---- configuration -> what the process gets ---- */

START_TEST(both_ends)
{
	struct sync_conf a, b;
	struct lb_err e = { 0 };
	char ip[LB_IP_STRLEN];
	key_text = KEY;
	ck_assert_msg(conf_of(PAIR WEB "sync: { rate_limit: 123/s }\n", "lb-a", &a, &e) == 0, "%s", e.text);
	ck_assert_msg(conf_of(PAIR WEB, "lb-b", &b, &e) == 0, "%s", e.text);
	ck_assert_str_eq(a.self, "lb-a");
	ck_assert_str_eq(a.peer, "lb-b");
	ck_assert_str_eq(b.self, "lb-b");
	ck_assert_str_eq(b.peer, "lb-a");
	ck_assert(a.cluster == 7 && a.port == 4711 && a.rate == 123 && b.rate == 50000);
	ck_assert(a.n_paths == 2 && b.n_paths == 2 && a.n_skips == 0 && !a.skips);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(lb_ip_cmp(&a.paths[i].ours, &b.paths[i].theirs), 0);
		ck_assert_int_eq(lb_ip_cmp(&a.paths[i].theirs, &b.paths[i].ours), 0);
	}
	ck_assert_str_eq(lb_ip_str(&a.paths[1].theirs, ip), "fd00::2");
	ck_assert(a.config != 0 && a.config != b.config && a.generation == 0);
	ck_assert(a.key_n == 32 && a.key[31] == 0x1f);
	sync_conf_done(&a);
	sync_conf_done(&b);
}
END_TEST

#define SOME                                                                                                           \
	"defaults: { service: { sync: all } }\n"                                                                       \
	"services:\n"                                                                                                  \
	"  web: { listen: [203.0.113.10:80, 203.0.113.9:443], backends: { a: 10.1.0.1 } }\n"                           \
	"  dns: { listen: 203.0.113.10:53, protocol: [udp, tcp], sync: off, backends: { a: 10.1.0.1 } }\n"             \
	"  as-is: { listen: 203.0.113.11:80, sync: established, backends: { a: 10.1.0.1 } }\n"                         \
	"  six: { listen: \"[2001:db8::1]:80\", backends: { a: \"2001:db8::a\" } }\n"                                  \
	"  mark: { fwmark: 3, family: ipv6, mode: dr, sync: off, check: none, backends: { a: \"2001:db8::a\" } }\n"    \
	"  told: { fwmark: 4, sync: established, check: none, backends: { a: 10.1.0.1 } }\n"

/* The same services. */
#define ALL_OFF                                                                                                        \
	"services:\n"                                                                                                  \
	"  web: { listen: [203.0.113.10:80, 203.0.113.9:443], backends: { a: 10.1.0.1 } }\n"                           \
	"  dns: { listen: 203.0.113.10:53, protocol: [udp, tcp], backends: { a: 10.1.0.1 } }\n"                        \
	"  as-is: { listen: 203.0.113.11:80, backends: { a: 10.1.0.1 } }\n"                                            \
	"  six: { listen: \"[2001:db8::1]:80\", backends: { a: \"2001:db8::a\" } }\n"                                  \
	"  mark: { fwmark: 3, family: ipv6, mode: dr, check: none, backends: { a: \"2001:db8::a\" } }\n"               \
	"  told: { fwmark: 4, check: none, backends: { a: 10.1.0.1 } }\n"

START_TEST(exceptions)
{
	static const struct sync_skip want[] = {
		{ SYNC_ALL, IPPROTO_TCP, 443, 0, { AF_INET, { 203, 0, 113, 9 } } },
		{ SYNC_OFF, IPPROTO_TCP, 53, 0, { AF_INET, { 203, 0, 113, 10 } } },
		{ SYNC_OFF, IPPROTO_UDP, 53, 0, { AF_INET, { 203, 0, 113, 10 } } },
		{ SYNC_ALL, IPPROTO_TCP, 80, 0, { AF_INET, { 203, 0, 113, 10 } } },
		{ SYNC_ALL, IPPROTO_TCP, 80, 0, { AF_INET6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } } },
		{ SYNC_OFF, 0, 0, 3, { .family = AF_INET6 } },
		{ SYNC_ESTABLISHED, 0, 0, 4, { .family = AF_INET } },
	};
	struct sync_conf c;
	struct lb_err e = { 0 };
	key_text = KEY;
	ck_assert_msg(conf_of(PAIR SOME, "lb-a", &c, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(c.n_skips, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		ck_assert_msg(sync_skip_cmp(&c.skips[i], &want[i]) == 0, "number %zu", i);
		ck_assert_int_eq(c.skips[i].what, want[i].what);
	}
	sync_conf_done(&c);
}
END_TEST

#define WAYS                                                                                                           \
	"services:\n"                                                                                                  \
	"  a: { listen: 203.0.113.10:80, mode: dr, backends: { a: 10.1.0.1, b: 10.1.0.2 } }\n"                         \
	"  b: { listen: 203.0.113.10:81, persistence: 5m, backends: { a: { address: 10.1.0.1, mode: tun }, "           \
	"b: 10.1.0.2:8080 } }\n"                                                                                       \
	"  c: { listen: 203.0.113.10:82, sync: off, backends: { a: 10.1.0.1 } }\n"                                     \
	"  d: { fwmark: 3, family: ipv6, mode: dr, check: none, backends: { a: \"2001:db8::a\" } }\n"                  \
	"  e: { listen: 203.0.113.10:5060, protocol: udp, persistence: { timeout: 1m, engine: sip }, "                 \
	"backends: { a: 10.1.0.1 } }\n"                                                                                \
	"  f: { listen: 203.0.113.10:83, backends: { a: { address: 10.1.0.1, mode: dr } }, "                           \
	"sorry: 10.1.0.9 }\n"                                                                                          \
	"  g: { fwmark: 4, family: ipv6, check: none, backends: { a: { address: 10.1.0.1, mode: tun }, "               \
	"b: \"2001:db8::b\" } }\n"

/* Whatever the size of the pieces is. */
START_TEST(ways)
{
	static const char *const want[] = { "dr 0 tcp 203.0.113.10:80 -", "mixed 300 tcp 203.0.113.10:81 -",
		"tun 300 tcp 203.0.113.10:81 10.1.0.1:81", "nat 300 tcp 203.0.113.10:81 10.1.0.2:8080",
		"dr 0 any fwmark:3/ipv6 -", "mixed 0 tcp 203.0.113.10:83 -", "dr 0 tcp 203.0.113.10:83 10.1.0.1:83",
		"mixed 0 any fwmark:4/ipv6 -", "nat 0 any fwmark:4/ipv6 2001:db8::b" };
	struct config *c = config_of_node(WAYS, "lb-a");
	for (size_t size = 1; size <= COUNT(want) + 1; size++) {
		struct model_sync_at at = { 0 };
		struct conn_way out[COUNT(want) + 1], again;
		size_t all = 0, n;
		while ((n = model_sync_ways(c, &at, out, size))) {
			ck_assert_uint_le(n, size);
			for (size_t i = 0; i < n; i++) {
				char text[CONN_WAY_STRLEN];
				conn_way_str(&out[i], text);
				ck_assert_msg(all < COUNT(want) && strcmp(text, want[all]) == 0, "%s", text);
				all++;
				ck_assert(conn_way_parse(text, strlen(text), &again)); /* the process takes it */
			}
		}
		ck_assert_uint_eq(all, COUNT(want));
	}
	config_free(c);
}
END_TEST

#define ONE(rest)  "services:\n  s: { backends: { a: 10.1.0.1 }, listen: " rest " }\n"
#define MORE(rest) "  t: { backends: { a: 10.1.0.1 }, listen: " rest " }\n"

#define OF(backends) "services:\n  s: { backends: { " backends " }, listen: 10.9.0.1:1 }\n"
#define MIXED        "a: { address: 10.1.0.1, mode: dr }, b: 10.1.0.2"

START_TEST(ways_that_were_not_known)
{
	static const struct {
		const char *what, *old, *new;
		bool gains;
	} rows[] = {
		{ "nothing is new", WAYS, WAYS, false },
		{ "a service", ONE("10.9.0.1:1"), ONE("10.9.0.1:1") MORE("10.9.0.1:2"), true },
		{ "that is not copied", ONE("10.9.0.1:1"), ONE("10.9.0.1:1") MORE("10.9.0.1:2, sync: off"), false },
		{ "in front of the others", ONE("10.9.0.1:1") MORE("10.9.0.1:2"),
			"services:\n" MORE("10.9.0.1:2") "  a: { backends: { a: 10.1.0.1 }, listen: 10.9.0.1:3 }\n",
			true },
		{ "one that was not copied", ONE("10.9.0.1:1, sync: off"), ONE("10.9.0.1:1"), true },
		{ "one is not any more", ONE("10.9.0.1:1"), ONE("10.9.0.1:1, sync: off"), false },
		{ "one goes", ONE("10.9.0.1:1") MORE("10.9.0.1:2"), "services:\n" MORE("10.9.0.1:2"), false },
		{ "a listener", ONE("10.9.0.1:2"), ONE("[10.9.0.1:2, 10.9.0.1:1]"), true },
		{ "in place of another", ONE("[10.9.0.1:1, 10.9.0.1:3]"), ONE("[10.9.0.1:1, 10.9.0.1:2]"), true },
		{ "one goes", ONE("[10.9.0.1:1, 10.9.0.1:2, 10.9.0.1:3]"), ONE("[10.9.0.1:1, 10.9.0.1:3]"), false },
		{ "a protocol", ONE("10.9.0.1:1"), ONE("10.9.0.1:1, protocol: [tcp, udp]"), true },
		{ "a method", ONE("10.9.0.1:80"), ONE("10.9.0.1:80, mode: dr"), true },
		{ "a backend of one method", ONE("10.9.0.1:1"), OF("a: 10.1.0.1, b: 10.1.0.2"), false },
		{ "of several", OF(MIXED), OF(MIXED ", c: 10.1.0.3"), true },
		{ "in front", OF(MIXED), OF("c: 10.1.0.3, " MIXED), true },
		{ "at another port", OF(MIXED ", c: 10.1.0.3"), OF(MIXED ", c: 10.1.0.3:81"), true },
		{ "by another method", OF(MIXED ", c: 10.1.0.3"), OF(MIXED ", c: { address: 10.1.0.3, mode: dr }"),
			true },
		{ "in place of another", OF(MIXED ", c: 10.1.0.3"), OF(MIXED ", c: 10.1.0.4"), true },
		{ "by another name", OF(MIXED ", c: 10.1.0.3"), OF(MIXED ", d: 10.1.0.3"), false },
		{ "in another order", OF(MIXED ", c: 10.1.0.3"), OF("c: 10.1.0.3, " MIXED), false },
		{ "one goes", OF("c: 10.1.0.3, " MIXED ", d: 10.1.0.4"), OF(MIXED ", d: 10.1.0.4"), false },
		{ "of no weight here", ONE("10.9.0.1:1"), ONE("10.9.0.1:1, scheduler: rr"), false },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config *old = config_of_node(rows[i].old, "lb-a"), *new = config_of_node(rows[i].new, "lb-a");
		ck_assert_msg(model_sync_gains(old, new) == rows[i].gains, "%zu: %s", i, rows[i].what);
		ck_assert_msg(model_sync_gains(new, new) == false, "%zu: %s", i, rows[i].what);
		config_free(old);
		config_free(new);
	}
	struct config *first = config_of_node(ONE("10.9.0.1:1"), "lb-a");
	ck_assert(model_sync_gains(NULL, first));
	config_free(first);
}
END_TEST

/* The process takes what it is told: the two agree on what is legal. */
START_TEST(the_process_takes_it)
{
	static const char *const texts[] = {
		PAIR WEB,
		PAIR SOME,
		PAIR "sync: { conntrack: all }\n",
		"cluster: { id: 255, port: 65535, key_file: /k, nodes: { lb-a: [10.0.0.1, 10.0.1.1, 10.0.2.1, "
		"10.0.3.1, "
		"10.0.4.1, 10.0.5.1], lb-b: [10.0.0.2, 10.0.1.2, 10.0.2.2, 10.0.3.2, 10.0.4.2, 10.0.5.2] } }\n"
		"sync: { rate_limit: 10000000/s }\n" WEB,
		"cluster: { id: 1, port: 1, key_file: /k, nodes: { lb-a: 10.0.0.1, b: 10.0.0.2 } }\n"
		"sync: { rate_limit: 1/s }\n" WEB,
	};
	key_text = KEY;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct sync_conf c;
		struct lb_err e = { 0 };
		struct lb_text line = LB_TEXT_INIT;
		ck_assert_msg(conf_of(texts[i], "lb-a", &c, &e) == 0, "%s", e.text);
		const struct sync_room_msg m = { .type = SYNC_MSG_SET, .u.set = &c };
		struct sync_room_msg got;
		sync_room_msg_write(&m, &line);
		json_t *o = lb_proto_parse(line.s, line.n - 1, NULL);
		ck_assert_msg(sync_room_msg_read_sync(o, &got) == 0, "%s", line.s);
		ck_assert(sync_conf_same(got.u.set, &c));
		sync_room_msg_done(&got);
		json_decref(o);
		lb_text_done(&line);
		sync_conf_done(&c);
	}
}
END_TEST

START_TEST(where_flows_are_not_copied)
{
	static const struct {
		const char *what, *text, *node;
		enum config_flows why;
		bool link; /* there is one all the same */
	} rows[] = {
		{ "not one of them, and no service", PAIR "sync: { conntrack: all }\n", "lb-c", CONFIG_FLOWS_NO_SELF,
			false },
		{ "nobody to copy all to", "sync: { conntrack: all }\n" WEB, "lb-a", CONFIG_FLOWS_ALONE, false },
		{ "no cluster", WEB, "lb-a", CONFIG_FLOWS_ALONE, false },
		{ "nobody else", "cluster: { id: 1, key_file: /k, nodes: { lb-a: 10.0.0.1 } }\n" WEB, "lb-a",
			CONFIG_FLOWS_ALONE, false },
		{ "three of them",
			"cluster: { id: 1, key_file: /k, nodes: { lb-a: 10.0.0.1, b: 10.0.0.2, c: 10.0.0.3 } }\n" WEB,
			"lb-a", CONFIG_FLOWS_MANY, false },
		{ "no key", CLUSTER("", "10.0.0.1", "10.0.0.2") WEB, "lb-a", CONFIG_FLOWS_NO_KEY, false },
		{ "not one of them", PAIR WEB, "lb-c", CONFIG_FLOWS_NO_SELF, false },
		{ "no service", PAIR, "lb-a", CONFIG_FLOWS_NO_SERVICE, true },
		{ "off in all of them", PAIR "defaults: { service: { sync: off } }\n" WEB, "lb-a", CONFIG_FLOWS_OFF,
			true },
		{ "by the kernel itself", PAIR INSTANCES "sync: { multicast: eth2 }\n" WEB, "lb-a", CONFIG_FLOWS_KERNEL,
			false },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		key_text = rows[i].link ? KEY : NULL; /* else it is not read */
		reads = 0;
		struct sync_conf c;
		struct lb_err e = { 0 };
		ck_assert_msg(conf_of(rows[i].text, rows[i].node, &c, &e) == 0, "%s: %s", rows[i].what, e.text);
		ck_assert_msg(
			!c.flows && !c.skips && (c.n_paths > 0) == rows[i].link && reads == (rows[i].link ? 1u : 0u),
			"%s", rows[i].what);
		ck_assert_msg(c.multicast == (rows[i].why == CONFIG_FLOWS_KERNEL), "%s", rows[i].what);
		sync_conf_done(&c);
		struct config *cfg = config_of_node(rows[i].text, rows[i].node);
		ck_assert_msg(config_flows(cfg) == rows[i].why, "%s: %d", rows[i].what, config_flows(cfg));
		config_free(cfg);
	}
}
END_TEST

/* One instance that is master is enough. */
START_TEST(the_role_of_the_kernel)
{
	static const struct {
		const char *what;
		enum vrrp_state states[2];
		bool spoke[2], known, master;
	} rows[] = {
		{ "nobody has spoken", { VRRP_STATE_MASTER, VRRP_STATE_MASTER }, { false, false }, false, false },
		{ "all are backup", { VRRP_STATE_BACKUP, VRRP_STATE_BACKUP }, { true, true }, true, false },
		{ "one is master", { VRRP_STATE_BACKUP, VRRP_STATE_MASTER }, { true, true }, true, true },
		{ "one has not spoken", { VRRP_STATE_BACKUP, VRRP_STATE_MASTER }, { true, false }, true, false },
		{ "one at fault", { VRRP_STATE_FAULT, VRRP_STATE_INIT }, { true, true }, true, false },
		{ "both are master", { VRRP_STATE_MASTER, VRRP_STATE_MASTER }, { true, true }, true, true },
	};
	struct config *whole = config_of_node(INSTANCES "sync: { multicast: { interface: eth2, id: 9, port: 8849, "
							"group: 224.0.0.82 } }\n" WEB,
		NULL);
	struct config *short_one = config_of_node(PAIR INSTANCES "sync: { multicast: eth2 }\n" WEB, "lb-a");
	struct config *none = config_of_node(INSTANCES WEB, NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct model_vrrp v[2] = { 0 };
		const struct model_vrrps vs = { .v = v, .n = 2 };
		struct sync_multicast got;
		char group[LB_IP_STRLEN];
		for (size_t k = 0; k < 2; k++) {
			v[k].state.state = rows[i].states[k];
			v[k].spoke = rows[i].spoke[k];
		}
		ck_assert_msg(model_sync_multicast(whole, &vs, &got) == rows[i].known, "%s", rows[i].what);
		ck_assert_msg(got.master == rows[i].master, "%s", rows[i].what);
		ck_assert(got.id == 9 && got.port == 8849 && strcmp(got.device, "eth2") == 0);
		ck_assert_str_eq(lb_ip_str(&got.group, group), "224.0.0.82");
		ck_assert(model_sync_multicast(short_one, &vs, &got) == rows[i].known);
		ck_assert_msg(got.id == short_one->cluster.id && got.port == 8848, "what is not said");
		ck_assert_str_eq(lb_ip_str(&got.group, group), "224.0.0.81");
		ck_assert(!model_sync_multicast(none, &vs, &got));
	}
	config_free(whole);
	config_free(short_one);
	config_free(none);
}
END_TEST

/* Connection tracking: by itself that of those who are translated and, where there is one, of all others that the
 * kernel tracks in both directions; in the order of the message. */
START_TEST(translated_listeners)
{
#define TRANSLATED                                                                                                     \
	"services:\n  web: { listen: [203.0.113.11:80, 203.0.113.10:80], source_nat: 10.1.0.1, backends: { a: "        \
	"10.1.0.2 } }\n"                                                                                               \
	"  plain: { listen: 203.0.113.9:80, backends: { a: 10.1.0.2 } }\n"                                             \
	"  one: { listen: 203.0.113.8:80, mode: dr, backends: { a: { address: 10.1.0.2, mode: nat } } }\n"             \
	"  straight: { listen: 203.0.113.7:80, mode: dr, backends: { a: 10.1.0.2 } }\n"                                \
	"  off: { listen: 203.0.113.6:80, sync: off, backends: { a: 10.1.0.2 } }\n"                                    \
	"  marked: { fwmark: 5, backends: { a: 10.1.0.2 } }\n"
	struct sync_conf c;
	struct lb_err e = { 0 };
	char ip[LB_IP_STRLEN];
	key_text = KEY;
	ck_assert_msg(conf_of(PAIR TRANSLATED, "lb-a", &c, &e) == 0, "%s", e.text);
	ck_assert(c.conntrack == SYNC_CONNTRACK_AUTO && c.n_nats == 4 && sync_conf_tracks(&c));
	ck_assert_str_eq(lb_ip_str(&c.nats[0].addr, ip), "203.0.113.8");
	ck_assert_str_eq(lb_ip_str(&c.nats[1].addr, ip), "203.0.113.9");
	ck_assert_str_eq(lb_ip_str(&c.nats[2].addr, ip), "203.0.113.10");
	ck_assert_str_eq(lb_ip_str(&c.nats[3].addr, ip), "203.0.113.11");
	ck_assert(c.nats[0].port == 80 && c.nats[0].protocol == IPPROTO_TCP && c.nats[0].what == SYNC_ALL);
	sync_conf_done(&c);
	ck_assert_msg(conf_of(PAIR TRANSLATED "sync: { conntrack: off }\n", "lb-a", &c, &e) == 0, "%s", e.text);
	ck_assert(c.n_nats == 0 && !sync_conf_tracks(&c));
	sync_conf_done(&c);
	ck_assert_msg(conf_of(PAIR WEB, "lb-a", &c, &e) == 0, "%s", e.text);
	ck_assert(c.n_nats == 0 && !sync_conf_tracks(&c));
	sync_conf_done(&c);
}
END_TEST

/* One message names those that are not copied and those of connection tracking. */
START_TEST(more_listeners_than_a_message_has_room_for)
{
	for (unsigned more = 0; more < 2; more++) {
		struct sync_conf c;
		struct lb_err e = { 0 };
		struct lb_text text = LB_TEXT_INIT;
		lb_text_puts(&text, PAIR "services:\n  off: { sync: off, backends: { a: 10.1.0.2 }, listen: [");
		for (unsigned i = 1; i < CONFIG_SYNC_LISTENS_MAX; i++)
			lb_text_printf(&text, "%s203.0.113.6:%u", i > 1 ? "," : "", i);
		lb_text_printf(&text,
			"] }\n  web: { listen: [203.0.113.10:80%s], source_nat: 10.1.0.1, "
			"backends: { a: 10.1.0.2 } }\n",
			more ? ", 203.0.113.11:80" : "");
		ck_assert(!text.bad);
		key_text = KEY;
		ck_assert_msg(conf_of(text.s, "lb-a", &c, &e) == 0, "%s", e.text);
		ck_assert_uint_eq(c.n_skips, CONFIG_SYNC_LISTENS_MAX - 1);
		ck_assert(c.conntrack == (more ? SYNC_CONNTRACK_ALL : SYNC_CONNTRACK_AUTO) && c.n_nats == !more);
		sync_conf_done(&c);
		lb_text_done(&text);
	}
}
END_TEST

START_TEST(a_key_that_is_none)
{
	static const struct {
		const char *text, *want;
	} rows[] = { { NULL, "cluster.key_file: /k: No such file" }, { "", "cluster.key_file: /k: not a key" },
		{ "0011\n", "cluster.key_file: /k: not a key" } };
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sync_conf c;
		struct lb_err e = { 0 };
		key_text = rows[i].text;
		ck_assert_int_eq(conf_of(PAIR SOME, "lb-a", &c, &e), -1);
		ck_assert_int_eq(e.code, LB_CODE_INVALID);
		ck_assert_msg(strstr(e.text, rows[i].want) != NULL, "%s", e.text);
		ck_assert(!c.skips && !c.n_paths); /* nothing is to be freed */
	}
}
END_TEST

/* ---- what is known ---- */

static struct {
	struct model_sync s;
	struct lb_time now;
	int64_t wall;
	char lines[3000]; /* level, text */
} k;

static bool take(const char *text, uint32_t generation)
{
	struct sync_conf conf;
	struct lb_err e = { 0 };
	struct config *c = config_of_node(text, "lb-a");
	ck_assert_msg(model_sync_conf(c, read_key, NULL, &conf, &e) == 0, "%s", e.text);
	bool changed = model_sync_take(&k.s, c, &conf, generation, k.now);
	ck_assert(!conf.skips && !conf.n_paths); /* it was taken over */
	config_free(c);
	return changed;
}

static void setup(void)
{
	memset(&k, 0, sizeof(k));
	key_text = KEY;
	k.now.us = 1000000;
	k.wall = WALL;
	ck_assert(take(PAIR WEB, 1) && k.s.due && model_sync_runs(&k.s));
	k.s.due = false;
}

static const char *told(void)
{
	static const enum lb_event_id events[] = { LB_EVENT_SYNC_STATE, LB_EVENT_SYNC_RESYNC, LB_EVENT_SYNC_TROUBLE,
		LB_EVENT_ALARM_RAISED, LB_EVENT_ALARM_CLEARED };
	struct model_line line;
	k.lines[0] = '\0';
	for (unsigned n = 0; model_sync_next(&k.s, k.now, &line); n++) {
		size_t at = strlen(k.lines), known = 0;
		ck_assert_uint_lt(n, 8); /* it ends */
		snprintf(k.lines + at, sizeof(k.lines) - at, "%s%s %s", at ? "\n" : "",
			line.level <= LB_LOG_WARNING ? "W" : "N", line.text);
		while (known < COUNT(events) && events[known] != line.event)
			known++;
		ck_assert_msg(known < COUNT(events), "%s", lb_events[line.event].name);
	}
	return k.lines;
}

static const char *after_ms(int64_t ms)
{
	k.now = lb_time_add_ms(k.now, ms);
	k.wall += ms;
	return told();
}

static void state(enum sync_link_is is, const char *reason, const char *text, const char *trouble)
{
	const bool stopped = is == SYNC_IS_PAUSED;
	struct sync_msg_state m = { .is = is, .same_config = true, .stopped = { stopped, stopped } };
	snprintf(m.reason, sizeof(m.reason), "%s", reason);
	snprintf(m.text, sizeof(m.text), "%s", text);
	snprintf(m.trouble, sizeof(m.trouble), "%s", trouble);
	model_sync_said_state(&k.s, &m, k.now, k.wall);
}

static const char *is(enum sync_link_is what)
{
	state(what, what == SYNC_IS_DOWN ? "silent" : "", "", "");
	return told();
}

static void stats(uint64_t done, uint64_t all, uint32_t lag_ms)
{
	struct sync_msg_stats m = { .kind = SYNC_IPVS, .lag_ms = lag_ms };
	m.bulk_done = done / 2;
	m.sent_done = done - done / 2;
	m.bulk_all = all / 2;
	m.sent_all = all - all / 2;
	model_sync_said_stats(&k.s, &m);
}

#define IN_SYNC "N sync: in sync with lb-b"

START_TEST(a_link_comes_and_goes)
{
	setup();
	ck_assert_str_eq(model_sync_word(&k.s), "unknown");
	ck_assert_str_eq(is(SYNC_IS_BULK), "N sync: copying all flows with lb-b");
	ck_assert_str_eq(model_sync_word(&k.s), "bulk");
	ck_assert_int_eq(k.s.since_wall_ms, WALL);
	stats(1200, 10000, 0);
	ck_assert_str_eq(after_ms(1000), "");
	k.now = lb_time_add_ms(k.now, 250);
	ck_assert_str_eq(is(SYNC_IS_SYNC), ""); /* how many there were comes with the next figures */
	k.now = lb_time_add_ms(k.now, 700);
	stats(10000, 10000, 0);
	ck_assert_str_eq(told(), IN_SYNC " (took 1.2s, 10000 flows)");
	ck_assert_int_eq(k.s.since_wall_ms, WALL + 1000);
	ck_assert_str_eq(is(SYNC_IS_SYNC), "");
	ck_assert_str_eq(after_ms(60000), "");
	state(SYNC_IS_DOWN, "silent", "nothing for 3 s", "");
	ck_assert_str_eq(told(), "W sync: lost the link to lb-b (silent): nothing for 3 s");
	state(SYNC_IS_DOWN, "refused", "", ""); /* how it goes on is no news */
	ck_assert_str_eq(after_ms(60000), "");
	/* it goes on where it was: nothing is copied anew */
	ck_assert_str_eq(is(SYNC_IS_SYNC), "");
	ck_assert_str_eq(after_ms(MODEL_SYNC_FIGURES_MS - 1), "");
	ck_assert_str_eq(after_ms(1), IN_SYNC);
	ck_assert_str_eq(is(SYNC_IS_PAUSED), "N sync: paused by an operator");
	ck_assert_str_eq(is(SYNC_IS_DOWN), "W sync: no link to lb-b (silent)");
	model_sync_said_state(&k.s, &(struct sync_msg_state){ .is = SYNC_IS_PAUSED, .held = true }, k.now, k.wall);
	ck_assert_str_eq(told(), "N sync: paused by an operator on lb-b");
}
END_TEST

/* Once each time: with a new link, when everything is put into the kernel anew, after another process. */
START_TEST(everything_has_come)
{
	const struct sync_msg_state bulk = { .is = SYNC_IS_BULK }, have = { .is = SYNC_IS_BULK, .have_all = true },
				    both = { .is = SYNC_IS_SYNC, .have_all = true, .sent_all = true },
				    down = { .is = SYNC_IS_DOWN };
	const struct {
		const struct sync_msg_state *m;
		bool comes;
	} said[] = { { &bulk, false }, { &have, true }, { &both, false }, { &have, false }, { &bulk, false },
		{ &both, true }, { &down, false }, { &both, true } };
	setup();
	for (int process = 0; process < 2; process++) {
		for (size_t i = 0; i < COUNT(said); i++)
			ck_assert_msg(model_sync_said_state(&k.s, said[i].m, k.now, k.wall) == said[i].comes, "%zu", i);
		model_sync_forget(&k.s, k.now);
	}
	ck_assert(model_sync_said_state(&k.s, &have, k.now, k.wall));
}
END_TEST

/* A word of the process that was on its way is no answer; a new process has been told nothing. */
START_TEST(answers)
{
	setup();
	ck_assert(!model_sync_answered(&k.s));
	(void)is(SYNC_IS_SYNC);
	ck_assert(model_sync_answered(&k.s));
	model_sync_did(&k.s, &(struct sync_msg_do){ SYNC_DO_RESYNC, { true, true }, 1 });
	model_sync_did(&k.s, &(struct sync_msg_do){ SYNC_DO_RESYNC, { true, true }, 2 });
	for (uint32_t order = 0; order <= 2; order++) {
		const struct sync_msg_state m = { .is = SYNC_IS_BULK, .order = order };
		ck_assert(!model_sync_answered(&k.s));
		model_sync_said_state(&k.s, &m, k.now, k.wall);
	}
	ck_assert(model_sync_answered(&k.s));
	model_sync_forget(&k.s, k.now);
	ck_assert(!model_sync_answered(&k.s));
	(void)is(SYNC_IS_BULK);
	ck_assert(model_sync_answered(&k.s));
	/* with another peer it is the same process */
	model_sync_did(&k.s, &(struct sync_msg_do){ SYNC_DO_RESYNC, { true, true }, 1 });
	ck_assert(take("cluster: { id: 7, key_file: /k, nodes: { lb-a: 10.0.0.1, lb-z: 10.0.0.2 } }\n" WEB, 2));
	const struct sync_msg_state m = { .is = SYNC_IS_BULK, .order = 1 };
	model_sync_said_state(&k.s, &m, k.now, k.wall);
	ck_assert(model_sync_answered(&k.s));
}
END_TEST

/* A process that never says its figures is told of all the same; and one flow is one. */
START_TEST(figures)
{
	setup();
	(void)is(SYNC_IS_BULK);
	(void)is(SYNC_IS_SYNC);
	ck_assert_str_eq(after_ms(MODEL_SYNC_FIGURES_MS), IN_SYNC " (took 0.0s, 0 flows)");
	(void)is(SYNC_IS_BULK);
	stats(1, 1, 0);
	k.now = lb_time_add_ms(k.now, 61950);
	(void)is(SYNC_IS_SYNC);
	stats(1, 1, 0);
	ck_assert_str_eq(told(), IN_SYNC " (took 61.9s, 1 flow)");
}
END_TEST

/* Nodes start after each other. */
START_TEST(who_has_not_come_yet)
{
	setup();
	ck_assert_str_eq(after_ms(10 * MODEL_SYNC_GRACE_MS), ""); /* a process that does not speak */
	model_sync_forget(&k.s, k.now);
	ck_assert(k.s.due && !k.s.spoke);
	ck_assert_str_eq(is(SYNC_IS_OFF), "");
	ck_assert_str_eq(is(SYNC_IS_DOWN), "");
	ck_assert_str_eq(after_ms(MODEL_SYNC_GRACE_MS - 1), "");
	ck_assert_str_eq(after_ms(1), "W sync: no link to lb-b (silent)");
	ck_assert_str_eq(after_ms(MODEL_SYNC_GRACE_MS), "");
	/* the process has started anew: the peer is waited for again */
	model_sync_forget(&k.s, k.now);
	ck_assert_str_eq(is(SYNC_IS_DOWN), "");
	ck_assert_str_eq(after_ms(MODEL_SYNC_GRACE_MS - 1), "");
	ck_assert_str_eq(is(SYNC_IS_BULK), "N sync: copying all flows with lb-b");
}
END_TEST

START_TEST(a_peer_that_lags)
{
	uint32_t lag;
	setup();
	ck_assert(!model_sync_lag(&k.s, &lag));
	(void)is(SYNC_IS_SYNC);
	(void)after_ms(MODEL_SYNC_FIGURES_MS);
	ck_assert(!model_sync_lag(&k.s, &lag)); /* not known yet */
	stats(0, 0, MODEL_SYNC_LAG_MS);
	ck_assert_str_eq(told(), "");
	ck_assert_str_eq(after_ms(10 * MODEL_SYNC_LAGGING_MS), ""); /* the limit is not above the limit */
	stats(0, 0, MODEL_SYNC_LAG_MS + 1);
	ck_assert_str_eq(told(), "");
	ck_assert_str_eq(after_ms(MODEL_SYNC_LAGGING_MS - 1), "");
	stats(0, 0, 100); /* in time */
	ck_assert_str_eq(after_ms(MODEL_SYNC_LAGGING_MS), "");
	stats(0, 0, 6000);
	ck_assert_str_eq(told(), "");
	stats(0, 0, 6230);
	ck_assert_str_eq(after_ms(MODEL_SYNC_LAGGING_MS), "W sync: alarm sync_lagging raised (lag 6.2s)");
	ck_assert(k.s.lagging && model_sync_lag(&k.s, &lag) && lag == 6230);
	ck_assert_str_eq(after_ms(MODEL_SYNC_LAGGING_MS), "");
	/* flows that change while there is no link are not copied, either */
	(void)is(SYNC_IS_DOWN);
	ck_assert(k.s.lagging);
	struct sync_msg_stats other = { .kind = SYNC_CONNTRACK, .lag_ms = 9000 };
	model_sync_said_stats(&k.s, &other); /* the worst of all kinds counts */
	stats(0, 0, 100);
	ck_assert_str_eq(told(), "");
	ck_assert(model_sync_lag(&k.s, &lag) && lag == 9000);
	other.lag_ms = 0;
	model_sync_said_stats(&k.s, &other);
	ck_assert_str_eq(told(), "N sync: alarm sync_lagging is over");
	/* an operator wants it so */
	stats(0, 0, 60000);
	(void)after_ms(0);
	ck_assert_str_eq(after_ms(MODEL_SYNC_LAGGING_MS), "W sync: alarm sync_lagging raised (lag 60.0s)");
	ck_assert_str_eq(is(SYNC_IS_PAUSED), "N sync: paused by an operator\nN sync: alarm sync_lagging is over");
	ck_assert_str_eq(after_ms(10 * MODEL_SYNC_LAGGING_MS), "");
	/* also when the link is lost meanwhile */
	const struct sync_msg_do pause = { .what = SYNC_DO_PAUSE, .kinds = { true, true } };
	model_sync_did(&k.s, &pause);
	(void)is(SYNC_IS_DOWN);
	ck_assert(!model_sync_lag(&k.s, &lag) && !model_sync_up(&k.s));
	ck_assert_str_eq(after_ms(10 * MODEL_SYNC_LAGGING_MS), "");
}
END_TEST

/* What an operator pauses of one kind says nothing of the other. */
START_TEST(one_kind_is_paused)
{
	const struct sync_msg_do pause = { .what = SYNC_DO_PAUSE, .kinds = { [SYNC_CONNTRACK] = true } };
	const struct sync_msg_state ct = { .is = SYNC_IS_PAUSED, .stopped = { [SYNC_CONNTRACK] = true } };
	const struct sync_msg_state ipvs = { .is = SYNC_IS_PAUSED, .held = true, .stopped = { [SYNC_IPVS] = true } };
	const struct sync_msg_stats other = { .kind = SYNC_CONNTRACK, .lag_ms = 90000 };
	uint32_t lag;
	setup();
	(void)is(SYNC_IS_SYNC);
	(void)after_ms(MODEL_SYNC_FIGURES_MS);
	model_sync_did(&k.s, &pause);
	model_sync_said_state(&k.s, &ct, k.now, k.wall);
	stats(0, 0, 60000);
	model_sync_said_stats(&k.s, &other);
	ck_assert(model_sync_copies(&k.s) && model_sync_lag(&k.s, &lag) && lag == 60000);
	ck_assert(!model_sync_kind_lag(&k.s, SYNC_CONNTRACK, &lag));
	(void)after_ms(0);
	ck_assert_str_eq(after_ms(MODEL_SYNC_LAGGING_MS), "W sync: alarm sync_lagging raised (lag 60.0s)");
	/* by the other node, and the other one */
	model_sync_did(&k.s, &(struct sync_msg_do){ .what = SYNC_DO_RESUME, .kinds = { true, true } });
	model_sync_said_state(&k.s, &ipvs, k.now, k.wall);
	ck_assert(!model_sync_copies(&k.s) && model_sync_lag(&k.s, &lag) && lag == 90000);
	ck_assert(!model_sync_kind_lag(&k.s, SYNC_IPVS, &lag));
	(void)is(SYNC_IS_DOWN);
	ck_assert(!model_sync_copies(&k.s));
}
END_TEST

/* The link stays, for the cores: what the process says of it is not about flows. */
START_TEST(what_nobody_copies_does_not_lag)
{
	static const char *const off[] = {
		PAIR "defaults: { service: { sync: off } }\n" WEB,
		PAIR "sync: { conntrack: all }\ndefaults: { service: { sync: off } }\n" WEB, /* but something else */
	};
	uint32_t lag;
	for (size_t i = 0; i < COUNT(off); i++) {
		setup();
		(void)is(SYNC_IS_DOWN);
		stats(0, 0, 60000);
		(void)after_ms(MODEL_SYNC_GRACE_MS);
		ck_assert_str_eq(after_ms(MODEL_SYNC_LAGGING_MS), "W sync: alarm sync_lagging raised (lag 60.0s)");
		ck_assert(take(off[i], 2) && model_sync_runs(&k.s));
		stats(0, 0, 70000);
		ck_assert_str_eq(told(), "N sync: alarm sync_lagging is over");
		ck_assert(!model_sync_kind_lag(&k.s, SYNC_IPVS, &lag) && !model_sync_lag(&k.s, &lag) && lag == 0);
		model_sync_done(&k.s);
	}
}
END_TEST

START_TEST(a_kernel_that_has_no_room)
{
	setup();
	(void)is(SYNC_IS_SYNC);
	(void)after_ms(MODEL_SYNC_FIGURES_MS);
	struct sync_msg_stats m = { .kind = SYNC_CONNTRACK, .kernel_full = true };
	model_sync_said_stats(&k.s, &m);
	ck_assert_str_eq(told(), "W sync: alarm conntrack_full raised");
	ck_assert_str_eq(told(), "");
	m.kernel_full = false;
	model_sync_said_stats(&k.s, &m);
	ck_assert_str_eq(told(), "N sync: alarm conntrack_full is over");
	/* and when it is of no interest any more */
	m.kernel_full = true;
	model_sync_said_stats(&k.s, &m);
	(void)told();
	ck_assert(k.s.full && take(PAIR "sync: { conntrack: off }\n" WEB, 9));
	ck_assert(!k.s.has_stats[SYNC_CONNTRACK]);
	ck_assert_str_eq(told(), "N sync: alarm conntrack_full is over");
}
END_TEST

START_TEST(connection_tracking)
{
	static const struct {
		const char *what, *text;
		enum sync_conntrack conntrack;
		bool ipvs, tracks;
	} rows[] = {
		{ "as is the rule", PAIR WEB, SYNC_CONNTRACK_AUTO, true, false },
		{ "all", PAIR "sync: { conntrack: all }\n" WEB, SYNC_CONNTRACK_ALL, true, true },
		{ "off", PAIR "sync: { conntrack: off }\n" WEB, SYNC_CONNTRACK_OFF, true, false },
		{ "without a service", PAIR "sync: { conntrack: all }\n", SYNC_CONNTRACK_ALL, false, true },
		{ "and nothing of the services",
			PAIR "sync: { conntrack: all }\ndefaults: { service: { sync: off } }\n" WEB, SYNC_CONNTRACK_ALL,
			false, true },
	};
	key_text = KEY;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sync_conf c;
		struct lb_err e = { 0 };
		ck_assert_msg(conf_of(rows[i].text, "lb-a", &c, &e) == 0 && c.n_paths, "%s: %s", rows[i].what, e.text);
		ck_assert_msg(c.conntrack == rows[i].conntrack && c.ipvs == rows[i].ipvs, "%s", rows[i].what);
		ck_assert_msg(sync_conf_tracks(&c) == rows[i].tracks, "%s", rows[i].what);
		sync_conf_done(&c);
	}
}
END_TEST

/* A node that has just come does not take addresses back before it has the flows of the other one. */
START_TEST(who_waits_for_flows)
{
	setup();
	ck_assert(model_sync_holds(&k.s, k.now));
	(void)is(SYNC_IS_BULK);
	ck_assert(model_sync_holds(&k.s, k.now));
	(void)is(SYNC_IS_SYNC);
	ck_assert(!model_sync_holds(&k.s, k.now));
	state(SYNC_IS_DOWN, "silent", "", ""); /* it has them, whatever becomes of the link */
	ck_assert(!model_sync_holds(&k.s, k.now));
	/* nobody comes: not for ever */
	setup();
	k.now = lb_time_add_ms(k.now, MODEL_SYNC_HOLD_MS - 1);
	ck_assert(model_sync_holds(&k.s, k.now));
	k.now = lb_time_add_ms(k.now, 1);
	ck_assert(!model_sync_holds(&k.s, k.now));
	/* none are copied: then none are waited for, and there is no copying to tell of */
	setup();
	ck_assert(take(PAIR "defaults: { service: { sync: off } }\n" WEB, 2));
	ck_assert(!model_sync_holds(&k.s, k.now));
	ck_assert_str_eq(is(SYNC_IS_BULK), "");
}
END_TEST

/* So is the end of a link that there was. */
START_TEST(a_link_that_breaks_at_once)
{
	setup();
	ck_assert_str_eq(is(SYNC_IS_BULK), "N sync: copying all flows with lb-b");
	state(SYNC_IS_DOWN, "silent", "", "");
	ck_assert_str_eq(told(), "W sync: lost the link to lb-b (silent)");
}
END_TEST

/* This one is told at once, however young the process is. */
START_TEST(another_key)
{
	setup();
	state(SYNC_IS_DOWN, "key_mismatch", "lb-b has another key", "");
	ck_assert_str_eq(told(), "W sync: alarm sync_key_mismatch raised");
	ck_assert(k.s.mismatch);
	ck_assert_str_eq(after_ms(MODEL_SYNC_GRACE_MS), "W sync: no link to lb-b (key_mismatch): lb-b has another key");
	state(SYNC_IS_DOWN, "refused", "", "");
	ck_assert_str_eq(told(), "N sync: alarm sync_key_mismatch is over");
	state(SYNC_IS_DOWN, "key_mismatch", "", "");
	ck_assert_str_eq(told(), "W sync: alarm sync_key_mismatch raised");
	ck_assert_str_eq(
		is(SYNC_IS_BULK), "N sync: copying all flows with lb-b\nN sync: alarm sync_key_mismatch is over");
	/* the word alone, on a link that is up, is none */
	state(SYNC_IS_BULK, "key_mismatch", "", "");
	ck_assert_str_eq(told(), "");
}
END_TEST

/* An operator's word outlives whatever the process is told or is. */
START_TEST(a_pause_lasts)
{
	static const struct sync_msg_do pause = { SYNC_DO_PAUSE, { [SYNC_CONNTRACK] = true }, 1 },
					resync = { SYNC_DO_RESYNC, { true, true }, 2 },
					resume = { SYNC_DO_RESUME, { true, true }, 3 };
	setup();
	model_sync_did(&k.s, &pause);
	model_sync_did(&k.s, &resync);
	ck_assert(!k.s.conf.paused[SYNC_IPVS] && k.s.conf.paused[SYNC_CONNTRACK]);
	ck_assert(take(PAIR SOME, 2) && k.s.due && k.s.conf.paused[SYNC_CONNTRACK]);
	model_sync_forget(&k.s, k.now);
	ck_assert(k.s.due && k.s.conf.paused[SYNC_CONNTRACK]);
	ck_assert(!take(PAIR SOME, 2));
	ck_assert(take(WEB, 3) && take(PAIR SOME, 4) && k.s.conf.paused[SYNC_CONNTRACK]);
	model_sync_did(&k.s, &resume);
	ck_assert(take(PAIR WEB, 5) && !k.s.conf.paused[SYNC_IPVS] && !k.s.conf.paused[SYNC_CONNTRACK]);
}
END_TEST

/* To the process as well as to one that comes after it; where there is no link nobody waits for that. */
START_TEST(whether_all_packets_come_here)
{
	struct model_vrrp v[2] = { { .spoke = true, .state = { .state = VRRP_STATE_MASTER } },
		{ .spoke = true, .state = { .state = VRRP_STATE_BACKUP } } };
	const struct model_vrrps both = { .v = v, .n = 2 }, none = { .n = 0 };
	setup();
	k.s.due = false;
	model_sync_role(&k.s, &both);
	ck_assert(!k.s.conf.forwards && !k.s.due);
	v[1].state.state = VRRP_STATE_MASTER;
	model_sync_role(&k.s, &both);
	ck_assert(k.s.conf.forwards && k.s.due);
	ck_assert(take(PAIR SOME, 2) && k.s.conf.forwards);
	k.s.due = false;
	model_sync_role(&k.s, &both);
	ck_assert(!k.s.due);
	v[0].spoke = false;
	model_sync_role(&k.s, &both);
	ck_assert(!k.s.conf.forwards && k.s.due);
	v[0].spoke = true;
	model_sync_role(&k.s, &both);
	model_sync_role(&k.s, &none); /* they come from who knows where */
	ck_assert(!k.s.conf.forwards);
	ck_assert(take(WEB, 3));
	k.s.due = false;
	model_sync_role(&k.s, &both);
	ck_assert(k.s.conf.forwards && !k.s.due);
}
END_TEST

START_TEST(copied_anew)
{
	setup();
	(void)is(SYNC_IS_SYNC);
	(void)after_ms(MODEL_SYNC_FIGURES_MS);
	struct sync_msg_stats m = { .kind = SYNC_IPVS, .resyncs = 1 };
	model_sync_said_stats(&k.s, &m);
	ck_assert_str_eq(told(), "N sync: all ipvs flows are copied anew (number 1 since the start)");
	model_sync_said_stats(&k.s, &m);
	ck_assert_str_eq(told(), "");
	m.resyncs = 4;
	model_sync_said_stats(&k.s, &m);
	m = (struct sync_msg_stats){ .kind = SYNC_CONNTRACK, .resyncs = 2 };
	model_sync_said_stats(&k.s, &m);
	ck_assert_str_eq(told(), "N sync: all ipvs flows are copied anew (number 4 since the start)\n"
				 "N sync: all conntrack flows are copied anew (number 2 since the start)");
	/* a new process counts from the beginning */
	model_sync_forget(&k.s, k.now);
	m.resyncs = 1;
	model_sync_said_stats(&k.s, &m);
	ck_assert_str_eq(told(), "N sync: all conntrack flows are copied anew (number 1 since the start)");
	/* and so does a kind that is copied again */
	ck_assert(take(PAIR "sync: { conntrack: all }\n" WEB, 2) && take(PAIR "sync: { conntrack: off }\n" WEB, 3));
	ck_assert(take(PAIR "sync: { conntrack: all }\n" WEB, 4));
	model_sync_said_stats(&k.s, &m);
	ck_assert_str_eq(told(), "N sync: all conntrack flows are copied anew (number 1 since the start)");
}
END_TEST

START_TEST(a_kernel_that_does_not_play_along)
{
	setup();
	state(SYNC_IS_SYNC, "", "", "no module: modprobe ip_vs");
	ck_assert_str_eq(told(), "W sync: no module: modprobe ip_vs");
	ck_assert_str_eq(after_ms(MODEL_SYNC_FIGURES_MS), IN_SYNC);
	state(SYNC_IS_SYNC, "", "", "another one");
	ck_assert_str_eq(told(), "W sync: another one");
	ck_assert_str_eq(is(SYNC_IS_SYNC), "N sync: the kernel of this node plays along again");
}
END_TEST

START_TEST(progress)
{
	uint64_t done, all;
	setup();
	ck_assert(!model_sync_progress(&k.s, &done, &all));
	(void)is(SYNC_IS_BULK);
	ck_assert(!model_sync_progress(&k.s, &done, &all));
	stats(1200, 10000, 0);
	struct sync_msg_stats m = {
		.kind = SYNC_CONNTRACK, .bulk_done = 1, .bulk_all = 2, .sent_done = 4, .sent_all = 8
	};
	model_sync_said_stats(&k.s, &m);
	ck_assert(model_sync_progress(&k.s, &done, &all) && done == 1205 && all == 10010);
	(void)is(SYNC_IS_SYNC);
	ck_assert(!model_sync_progress(&k.s, &done, &all));
}
END_TEST

START_TEST(a_reload)
{
	setup();
	(void)is(SYNC_IS_SYNC);
	ck_assert(!take(PAIR WEB, 1) && !k.s.due); /* nothing is new */
	ck_assert(take(PAIR WEB, 2) && k.s.due && k.s.conf.generation == 2);
	ck_assert(k.s.spoke && k.s.state.is == SYNC_IS_SYNC);
	k.s.due = false;
	ck_assert(take(PAIR SOME, 2) && k.s.due && k.s.conf.n_skips == 7);
	k.s.due = false;
	key_text = OTHER_KEY;
	ck_assert(take(PAIR SOME, 2) && k.s.due && k.s.spoke);
	/* of another peer nothing is known */
	ck_assert(take("cluster: { id: 7, key_file: /k, nodes: { lb-a: 10.0.0.1, lb-z: 10.0.0.2 } }\n" WEB, 3));
	ck_assert(k.s.due && !k.s.spoke && k.s.conf.n_skips == 0);
	ck_assert_str_eq(is(SYNC_IS_BULK), "N sync: copying all flows with lb-z");
	/* and of none either */
	ck_assert(take(WEB, 4) && !k.s.due && !k.s.spoke && k.s.runs == CONFIG_FLOWS_ALONE);
	ck_assert_str_eq(is(SYNC_IS_SYNC), "");
	ck_assert_str_eq(after_ms(10000), "");
	/* why it is not copied may change without the process being told */
	ck_assert(!take(CLUSTER("", "10.0.0.1", "10.0.0.2") WEB, 5) && k.s.runs == CONFIG_FLOWS_NO_KEY);
	ck_assert(!k.s.due);
	model_sync_done(&k.s);
	ck_assert_uint_eq(k.s.conf.key[0], 0);
}
END_TEST

/* Which flows are copied is nothing to the kernel's tables. */
START_TEST(no_row_of_the_kernel_changes)
{
	struct world w = { 0 };
	char before[4096];
	world_start(&w, PAIR SOME);
	snprintf(before, sizeof(before), "%s", plan_text(&w));
	uint64_t digest = w.m->config->services[0].digest;
	world_start(&w, PAIR "sync: { rate_limit: 1/s }\ndefaults: { service: { sync: off } }\n" ALL_OFF);
	ck_assert_str_eq(plan_text(&w), before);
	ck_assert(w.m->config->services[0].digest != digest); /* but it is a change */
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { both_ends, exceptions, ways, ways_that_were_not_known, the_process_takes_it,
		where_flows_are_not_copied, translated_listeners, the_role_of_the_kernel,
		more_listeners_than_a_message_has_room_for, a_key_that_is_none, a_link_comes_and_goes,
		everything_has_come, answers, figures, who_has_not_come_yet, a_peer_that_lags, one_kind_is_paused,
		what_nobody_copies_does_not_lag, who_waits_for_flows, a_link_that_breaks_at_once, another_key,
		a_kernel_that_has_no_room, connection_tracking, a_pause_lasts, whether_all_packets_come_here,
		copied_anew, a_kernel_that_does_not_play_along, progress, a_reload, no_row_of_the_kernel_changes };
	return run_suite("model_sync", tests, COUNT(tests));
}
