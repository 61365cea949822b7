/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instances as the process is told of them: rules across members, and the insides of lists. */
#include "tests/unit/lbd_vrrp/vrrp_msgs.h"

static const struct channel channel = { NULL, msgs_name, msgs_check };

#define ADDRS(list)    "{\"addrs\":[" list "]}"
#define SIX(list)      "{\"family\":\"ipv6\",\"addrs\":[" list "]}"
#define AUTH(members)  "{\"auth\":{" members "}}"
#define ONE_KEY        "\"keys\":[{\"id\":1,\"key\":\"" KEY "\"}]"
#define WINDOW         "\"window_ms\":5000,"
#define INTERFACE(xxx) "{\"interface\":\"" xxx "\"}"

static const struct {
	const char *what, *base, *change;
	int rc;
} rules[] = {
	{ "the largest", SET2, "{}", 0 },
	{ "the smallest", SET3, "{}", 0 },
	{ "unknown members are left alone", SET2, "{\"later\":{},\"auth\":{\"more\":1},\"announce\":{\"more\":1}}", 0 },
	{ "IPv6", SET3, SIX("\"fe80::1/64\",\"2001:db8::10/128\""), 0 },
	{ "the end of link-local addresses", SET3, SIX("\"febf::1/64\""), 0 },
	{ "IPv6 without a link-local address", SET3, SIX("\"fec0::1/64\""), -EBADMSG },
	{ "a link-local address that is not the first", SET3, SIX("\"2001:db8::10/128\",\"fe80::1/64\""), -EBADMSG },
	{ "IPv6 in version 2", SET3, "{\"version\":2,\"family\":\"ipv6\",\"addrs\":[\"fe80::1/64\"]}", -EBADMSG },
	{ "an address of IPv4 among those of IPv6", SET3, SIX("\"fe80::1/64\",\"203.0.113.10/24\""), -EBADMSG },
	{ "an address of IPv6 among those of IPv4", SET3, ADDRS("\"203.0.113.10/24\",\"2001:db8::2/64\""), -EBADMSG },
	{ "excluded ones are of either family", SET3, "{\"excluded\":[\"203.0.113.12/24\",\"2001:db8::2/64\"]}", 0 },
	{ "no address", SET3, ADDRS(""), -EBADMSG },
	{ "no excluded one", SET3, "{\"excluded\":[]}", 0 },
	{ "twice the same", SET3, ADDRS("\"203.0.113.10/24\",\"203.0.113.10/24\""), -EBADMSG },
	{ "twice the same, with another prefix", SET3, ADDRS("\"203.0.113.10/24\",\"203.0.113.10/32\""), -EBADMSG },
	{ "one that is excluded as well", SET3, "{\"excluded\":[\"203.0.113.11/24\"]}", -EBADMSG },
	{ "twice the same excluded", SET3, "{\"excluded\":[\"10.0.0.1/24\",\"10.0.0.2/24\",\"10.0.0.1/24\"]}",
		-EBADMSG },
	{ "a prefix of 1", SET3, ADDRS("\"203.0.113.10/1\""), 0 },
	{ "a prefix of 0", SET3, ADDRS("\"203.0.113.10/0\""), -EBADMSG },
	{ "a prefix beyond IPv4", SET3, ADDRS("\"203.0.113.10/33\""), -EBADMSG },
	{ "a prefix beyond IPv6", SET3, SIX("\"fe80::1/129\""), -EBADMSG },
	{ "a prefix beyond its type", SET3, ADDRS("\"203.0.113.10/280\""), -EBADMSG },
	{ "a prefix of many digits", SET3, ADDRS("\"203.0.113.10/4294967320\""), -EBADMSG },
	{ "a prefix with a leading zero", SET3, ADDRS("\"203.0.113.10/024\""), -EBADMSG },
	{ "a prefix with a sign", SET3, ADDRS("\"203.0.113.10/+24\""), -EBADMSG },
	{ "a prefix that is none", SET3, ADDRS("\"203.0.113.10/2x\""), -EBADMSG },
	{ "an empty prefix", SET3, ADDRS("\"203.0.113.10/\""), -EBADMSG },
	{ "no prefix", SET3, ADDRS("\"203.0.113.10\""), -EBADMSG },
	{ "no address before it", SET3, ADDRS("\"/24\""), -EBADMSG },
	{ "two prefixes", SET3, ADDRS("\"203.0.113.10/24/24\""), -EBADMSG },
	{ "a blank", SET3, ADDRS("\"203.0.113.10 /24\""), -EBADMSG },
	{ "an excluded one that is none", SET3, "{\"excluded\":[\"203.0.113.12/33\"]}", -EBADMSG },
	{ "the shortest interval of version 3", SET3, "{\"interval_cs\":1}", 0 },
	{ "the longest of version 3", SET3, "{\"interval_cs\":4095}", 0 },
	{ "longer than that", SET3, "{\"interval_cs\":4096}", -EBADMSG },
	{ "no interval in version 3", SET3, "{\"interval_cs\":0}", -EBADMSG },
	{ "no interval in version 2", SET2, "{\"interval_cs\":0}", -EBADMSG },
	{ "no whole seconds in version 2", SET2, "{\"interval_cs\":150}", -EBADMSG },
	{ "a version that is not yet", SET3, "{\"version\":4}", -EBADMSG },
	{ "version 1", SET3, "{\"version\":1}", -EBADMSG },
	{ "a password in version 3", SET3, "{\"password\":\"3132333435363738\"}", -EBADMSG },
	{ "the other sum", SET3, "{\"sum\":\"rfc9568\"}", 0 },
	{ "peers", SET3, "{\"peers\":[\"203.0.113.2\",\"203.0.113.3\"]}", 0 },
	{ "a peer of the other family", SET3, "{\"peers\":[\"203.0.113.2\",\"2001:db8::2\"]}", -EBADMSG },
	{ "a peer with a prefix", SET3, "{\"peers\":[\"203.0.113.2/24\"]}", -EBADMSG },
	{ "a source", SET3, "{\"source\":\"203.0.113.1\"}", 0 },
	{ "a source of the other family", SET3, "{\"source\":\"2001:db8::2\"}", -EBADMSG },
	{ "a name that is not ASCII", SET3, "{\"name\":\"\xc3\xbc\"}", -EBADMSG },
	{ "a group that is not ASCII", SET3, "{\"group\":\"\xc3\xbc\"}", -EBADMSG },
	{ "an interface may be named so", SET3, INTERFACE("\xc3\xbc"), 0 },
	{ "an interface with a blank", SET3, INTERFACE("eth 0"), -EBADMSG },
	{ "an interface with a slash", SET3, INTERFACE("a/b"), -EBADMSG },
	{ "an interface with a colon", SET3, INTERFACE("eth0:1"), -EBADMSG },
	{ "an interface that is a folder", SET3, INTERFACE("."), -EBADMSG },
	{ "an interface that is the folder above", SET3, INTERFACE(".."), -EBADMSG },
	{ "an interface of three dots", SET3, INTERFACE("..."), 0 },
	{ "no mode of that name", SET3, AUTH("\"mode\":\"on\""), -EBADMSG },
	{ "enforce without a key", SET3, AUTH("\"mode\":\"enforce\"," WINDOW "\"keys\":[]"), -EBADMSG },
	{ "permissive without a key", SET3, AUTH("\"mode\":\"permissive\"," WINDOW "\"keys\":[]"), -EBADMSG },
	{ "permissive with a key", SET3, AUTH("\"mode\":\"permissive\"," WINDOW ONE_KEY), 0 },
	{ "receive-only without a key", SET3, AUTH("\"mode\":\"receive-only\"," WINDOW "\"keys\":[]"), 0 },
	{ "receive-only without the list", SET3, AUTH("\"mode\":\"receive-only\",\"window_ms\":5000"), -EBADMSG },
	{ "enforce without a window", SET3, AUTH("\"mode\":\"enforce\"," ONE_KEY), -EBADMSG },
	{ "off does not look at the rest", SET3, AUTH("\"mode\":\"off\",\"window_ms\":0,\"keys\":5"), 0 },
	{ "two keys of one number", SET3,
		AUTH("\"mode\":\"enforce\"," WINDOW "\"keys\":[{\"id\":1,\"key\":\"" KEY "\"},{\"id\":1,\"key\":\"" KEY
		     "\"}]"),
		-EBADMSG },
	{ "a second key that is none", SET3,
		AUTH("\"mode\":\"enforce\"," WINDOW "\"keys\":[{\"id\":1,\"key\":\"" KEY "\"},{\"id\":2}]"), -EBADMSG },
};

START_TEST(rules_across_members)
{
	changed_line(&channel, VRRP_MSG_SET, rules[_i].what, rules[_i].base, rules[_i].change, rules[_i].rc);
}
END_TEST

/* One item more than there is room for, in each list. */
static json_t *with_items(const char *key, size_t n)
{
	json_t *o = parse(SET3, key), *list = json_array(), *auth;
	for (size_t i = 0; i < n; i++) {
		char text[48];
		json_t *item;
		snprintf(
			text, sizeof(text), "10.0.%zu.%zu%s", i / 200, i % 200, strcmp(key, "peers") == 0 ? "" : "/24");
		if (strcmp(key, "keys") == 0)
			item = json_pack("{s:i, s:s}", "id", (int)i + 1, "key", KEY);
		else
			item = json_string(text);
		ck_assert_int_eq(json_array_append_new(list, item), 0);
	}
	if (strcmp(key, "keys") == 0) {
		auth = json_pack("{s:s, s:i, s:o}", "mode", "enforce", "window_ms", 5000, "keys", list);
		ck_assert_int_eq(json_object_set_new(o, "auth", auth), 0);
	} else {
		ck_assert_int_eq(json_object_set_new(o, key, list), 0);
	}
	return o;
}

START_TEST(lists_are_bounded)
{
	static const struct {
		const char *key;
		size_t max;
	} lists[] = { { "addrs", VRRP_ADDRS_MAX }, { "excluded", VRRP_EXCLUDED_MAX }, { "peers", VRRP_PEERS_MAX },
		{ "keys", VRRP_KEYS_MAX } };
	for (size_t i = 0; i < LEN(lists); i++)
		for (size_t more = 0; more < 2; more++) {
			json_t *o = with_items(lists[i].key, lists[i].max + more);
			struct vrrp_msg m;
			int rc = vrrp_msg_read_vrrp(o, &m);
			ck_assert_msg(rc == (more ? -EBADMSG : 0), "%s and %zu: %d", lists[i].key, more, rc);
			if (rc == 0) {
				const struct vrrp_conf *c = m.u.set;
				const size_t n[] = { c->n_addrs, c->n_excluded, c->n_peers, c->auth.n_keys };
				ck_assert_uint_eq(n[i], lists[i].max);
				vrrp_msg_done(&m);
			}
			json_decref(o);
		}
}
END_TEST

/* What a message looks like, once: the other tests would not see both ends change together. */
START_TEST(an_instance_on_the_wire)
{
	json_t *o = parse(SET2, "SET2"), *again;
	struct vrrp_msg m;
	ck_assert_int_eq(vrrp_msg_read_vrrp(o, &m), 0);
	const struct vrrp_conf *c = m.u.set;
	ck_assert(c->id == 7 && c->version == 2 && c->rules.version == 2 && c->vrid == 51 && c->prio == 150);
	ck_assert(c->family == AF_INET && c->rules.interval_cs == 100 && c->rules.preempt);
	ck_assert(c->n_addrs == 2 && c->addrs[0].prefix == 24 && c->addrs[1].ip.b[3] == 11 && c->n_excluded == 1);
	ck_assert(c->excluded[0].ip.family == AF_INET6 && c->excluded[0].prefix == 64);
	const struct route *r = c->routes;
	const struct rule *p = c->policy;
	ck_assert(c->n_routes == 2 && r->to.family == AF_INET && r->prefix == 0 && r->via.b[3] == 1);
	ck_assert(r->table == 100 && r->metric == 10 && r->source.b[3] == 10 && r[1].via.family == 0);
	ck_assert(r[1].to.family == AF_INET6 && r[1].prefix == 32 && r[1].source.family == 0 && r[1].metric == 0);
	ck_assert_str_eq(r->dev, "wan0");
	ck_assert(c->n_policy == 1 && p->from.b[2] == 113 && p->from_prefix == 24 && p->to_prefix == 0);
	ck_assert(p->to.family == AF_INET && p->table == 100 && p->priority == 1000 && p->fwmark == 7);
	ck_assert(c->n_peers == 1 && c->peers[0].b[3] == 2 && c->source.b[3] == 1 && c->min_ttl == 255);
	ck_assert(c->announce.count == 5 && c->announce.delay_ms == 5000 && c->announce.again_ms == 4000);
	ck_assert(c->with_password && memcmp(c->password, "1234\0\0\0", VRRP_PASSWORD) == 0 && c->lease_s == 3 &&
		  c->virtual_mac);
	ck_assert(c->auth.mode == VRRP_AUTH_ENFORCE && c->auth.window_ms == 5000 && c->auth.n_keys == 1);
	ck_assert(c->auth.keys[0].id == 1 && c->auth.keys[0].n == 32 && c->auth.keys[0].bytes[31] == 0x1f);
	again = line_of(&m);
	ck_assert(json_equal(o, again));
	vrrp_msg_done(&m);
	json_decref(o);
	json_decref(again);
}
END_TEST

START_TEST(keys_that_are_not_used_are_not_told)
{
	uint64_t s = 1;
	struct vrrp_conf c;
	struct vrrp_msg m = { .type = VRRP_MSG_SET, .u.set = &c };
	msgs_conf(&s, &c);
	c.auth = (struct vrrp_auth){ .mode = VRRP_AUTH_OFF, .n_keys = 1, .keys = { { 1, 32, "secret" } } };
	json_t *o = line_of(&m);
	ck_assert_uint_eq(json_object_size(json_object_get(o, "auth")), 1);
	json_decref(o);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp_conf");
	TCase *tc = tcase_create("vrrp_conf");
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, rules_across_members, 0, LEN(rules));
	tcase_add_test(tc, lists_are_bounded);
	tcase_add_test(tc, an_instance_on_the_wire);
	tcase_add_test(tc, keys_that_are_not_used_are_not_told);
	return suite_run(s);
}
