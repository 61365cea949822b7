/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_conf.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Beyond these nothing is meant, and no sum of times comes near the end of its type. What a configuration
 * may say is within all of them: a message that the core writes is never one that the process refuses. */
#define DAY_MS     86400000
#define LEASE_MAX  86400 /* seconds */
#define ROUNDS_MAX 1000

#define SECOND_CS       100
#define INTERVAL_MAX_CS 4095 /* 12 bits of version 3 */

#define VIP_TEXT (LB_IP_STRLEN + 4)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const sums[] = { [VRRP_SUM_RFC5798] = "rfc5798", [VRRP_SUM_RFC9568] = "rfc9568" };

static const char *const modes[] = {
	[VRRP_AUTH_OFF] = "off",
	[VRRP_AUTH_RECEIVE_ONLY] = "receive-only",
	[VRRP_AUTH_PERMISSIVE] = "permissive",
	[VRRP_AUTH_ENFORCE] = "enforce",
};

static const char *const families[] = { "ipv4", "ipv6" };

static json_t *vips_write(const struct vip *v, uint32_t n)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < n; i++) {
		char ip[LB_IP_STRLEN], text[VIP_TEXT];
		snprintf(text, sizeof(text), "%s/%u", lb_ip_str(&v[i].ip, ip), v[i].prefix);
		if (!lb_list_add(list, json_string(text)))
			return NULL;
	}
	return list;
}

/* min: the least prefix. */
static bool prefix_read(const json_t *item, unsigned min, struct vip *v)
{
	const char *text = json_string_value(item), *slash = text ? strchr(text, '/') : NULL;
	if (!slash || lb_ip_parse(text, (size_t)(slash - text), &v->ip))
		return false;
	const char *digits = slash + 1;
	size_t n = strlen(digits);
	unsigned bits = 0;
	if (n == 0 || n > 3 || (digits[0] == '0' && n > 1))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return false;
		bits = bits * 10 + (unsigned)(digits[i] - '0');
	}
	v->prefix = (uint8_t)bits;
	return bits >= min && bits <= (lb_ip_is_v6(&v->ip) ? 128 : 32);
}

static uint32_t vips_read(struct lb_fields *f, const char *key, size_t max, struct vip *out)
{
	const json_t *list = lb_field_list(f, key, max);
	uint32_t n = (uint32_t)json_array_size(list);
	for (uint32_t i = 0; i < n; i++)
		f->bad |= !prefix_read(json_array_get(list, i), 1, &out[i]);
	return n;
}

static const struct lb_ip *address_of(const struct vrrp_conf *c, uint32_t i)
{
	return i < c->n_addrs ? &c->addrs[i].ip : &c->excluded[i - c->n_addrs].ip;
}

static bool all_different(const struct vrrp_conf *c)
{
	for (uint32_t i = 0; i < c->n_addrs + c->n_excluded; i++)
		for (uint32_t k = 0; k < i; k++)
			if (lb_ip_cmp(address_of(c, i), address_of(c, k)) == 0)
				return false;
	return true;
}

/* What everybody would discard the adverts for (errata 8299, 8300) is no instance. */
static bool can_be_advertised(const struct vrrp_conf *c)
{
	const struct lb_ip *first = &c->addrs[0].ip;
	if (c->n_addrs == 0)
		return false;
	return c->family == AF_INET || (first->b[0] == 0xfe && (first->b[1] & 0xc0) == 0x80);
}

static void addresses_read(struct lb_fields *f, struct vrrp_conf *c)
{
	c->n_addrs = vips_read(f, "addrs", VRRP_ADDRS_MAX, c->addrs);
	c->n_excluded = vips_read(f, "excluded", VRRP_EXCLUDED_MAX, c->excluded); /* of either family */
	f->bad |= !can_be_advertised(c);
	for (uint32_t i = 0; i < c->n_addrs; i++)
		f->bad |= c->addrs[i].ip.family != c->family;
	if (!f->bad)
		f->bad = !all_different(c);
}

/* ---- routes and rules ---- */

static void put_net(struct lb_members *o, const char *key, const struct lb_ip *ip, unsigned prefix)
{
	char ip_text[LB_IP_STRLEN], text[VIP_TEXT];
	snprintf(text, sizeof(text), "%s/%u", lb_ip_str(ip, ip_text), prefix);
	lb_put_str(o, key, text);
}

static json_t *routes_write(const struct vrrp_conf *c)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < c->n_routes; i++) {
		const struct route *r = &c->routes[i];
		struct lb_members o = { json_object(), false };
		put_net(&o, "to", &r->to, r->prefix);
		lb_put_ip(&o, "via", &r->via);
		lb_put_str(&o, "dev", r->dev);
		lb_put_int(&o, "table", r->table);
		lb_put_int(&o, "metric", r->metric);
		lb_put_ip(&o, "source", &r->source);
		if (!lb_list_add(list, lb_members_end(&o)))
			return NULL;
	}
	return list;
}

static json_t *policy_write(const struct vrrp_conf *c)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < c->n_policy; i++) {
		const struct rule *r = &c->policy[i];
		struct lb_members o = { json_object(), false };
		put_net(&o, "from", &r->from, r->from_prefix);
		put_net(&o, "to", &r->to, r->to_prefix);
		lb_put_int(&o, "table", r->table);
		lb_put_int(&o, "priority", r->priority);
		lb_put_int(&o, "fwmark", r->fwmark);
		if (!lb_list_add(list, lb_members_end(&o)))
			return NULL;
	}
	return list;
}

/* Bits behind the prefix are 0: the kernel refuses others. */
static void net_read(struct lb_fields *f, const char *key, struct lb_ip *ip, uint8_t *prefix)
{
	struct vip v = { 0 };
	f->bad |= !prefix_read(json_object_get(f->from, key), 0, &v) || !lb_ip_is_net(&v.ip, v.prefix);
	*ip = v.ip;
	*prefix = v.prefix;
}

static struct lb_ip maybe_ip(struct lb_fields *f, const char *key, uint8_t family)
{
	struct lb_ip ip = { 0 };
	if (lb_field_has(f, key))
		ip = lb_field_ip(f, key);
	f->bad |= ip.family && ip.family != family;
	return ip;
}

static void routes_read(struct lb_fields *f, struct vrrp_conf *c)
{
	const json_t *list = lb_field_list(f, "routes", WAY_ROUTES_MAX);
	c->n_routes = (uint32_t)json_array_size(list);
	for (uint32_t i = 0; i < c->n_routes; i++) {
		struct lb_fields one = { json_array_get(list, i), false };
		struct route *r = &c->routes[i];
		net_read(&one, "to", &r->to, &r->prefix);
		r->via = maybe_ip(&one, "via", r->to.family);
		lb_field_device(&one, "dev", r->dev);
		r->table = lb_field_u32(&one, "table", 1, UINT32_MAX);
		r->metric = lb_field_u32(&one, "metric", 0, UINT32_MAX);
		r->source = maybe_ip(&one, "source", r->to.family);
		f->bad |= one.bad;
	}
}

static void policy_read(struct lb_fields *f, struct vrrp_conf *c)
{
	const json_t *list = lb_field_list(f, "rules", WAY_RULES_MAX);
	c->n_policy = (uint32_t)json_array_size(list);
	for (uint32_t i = 0; i < c->n_policy; i++) {
		struct lb_fields one = { json_array_get(list, i), false };
		struct rule *r = &c->policy[i];
		net_read(&one, "from", &r->from, &r->from_prefix);
		net_read(&one, "to", &r->to, &r->to_prefix);
		r->table = lb_field_u32(&one, "table", 1, UINT32_MAX);
		r->priority = lb_field_u32(&one, "priority", 1, UINT32_MAX);
		r->fwmark = lb_field_u32(&one, "fwmark", 0, UINT32_MAX);
		f->bad |= one.bad || r->from.family != r->to.family;
	}
}

/* ---- the rest ---- */

static json_t *peers_write(const struct vrrp_conf *c)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < c->n_peers; i++) {
		char text[LB_IP_STRLEN];
		if (!lb_list_add(list, json_string(lb_ip_str(&c->peers[i], text))))
			return NULL;
	}
	return list;
}

/* Where adverts come from and go to. */
static void ends_read(struct lb_fields *f, struct vrrp_conf *c)
{
	const json_t *list = lb_field_list(f, "peers", VRRP_PEERS_MAX);
	c->n_peers = (uint32_t)json_array_size(list);
	for (uint32_t i = 0; i < c->n_peers; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		f->bad |= !text || lb_ip_parse(text, strlen(text), &c->peers[i]) || c->peers[i].family != c->family;
	}
	if (lb_field_has(f, "source"))
		c->source = lb_field_ip(f, "source");
	f->bad |= c->source.family && c->source.family != c->family;
	c->min_ttl = (uint8_t)lb_field_u32(f, "min_ttl", 1, UINT8_MAX);
}

static void rules_write(struct lb_members *o, const struct vrrp_conf *c)
{
	lb_put_int(o, "version", c->version);
	lb_put_int(o, "interval_cs", c->rules.interval_cs);
	lb_put_bool(o, "preempt", c->rules.preempt);
	lb_put_int(o, "preempt_delay_ms", c->rules.preempt_delay_ms);
	lb_put_int(o, "startup_delay_ms", c->rules.startup_delay_ms);
}

static void rules_read(struct lb_fields *f, struct vrrp_conf *c)
{
	struct vrrp_rules *r = &c->rules;
	c->version = r->version = (uint8_t)lb_field_u32(f, "version", 2, 3);
	bool two = c->version == 2;
	r->interval_cs = lb_field_u32(f, "interval_cs", 1, two ? VRRP_INTERVAL_CS_MAX : INTERVAL_MAX_CS);
	f->bad |= two && (r->interval_cs % SECOND_CS || c->family != AF_INET);
	r->preempt = lb_field_bool(f, "preempt");
	r->preempt_delay_ms = lb_field_int(f, "preempt_delay_ms", 0, DAY_MS);
	r->startup_delay_ms = lb_field_int(f, "startup_delay_ms", 0, DAY_MS);
}

static json_t *announce_write(const struct vrrp_announce_rules *a)
{
	struct lb_members o = { json_object(), false };
	lb_put_int(&o, "count", a->count);
	lb_put_int(&o, "delay_ms", a->delay_ms);
	lb_put_int(&o, "refresh_ms", a->refresh_ms);
	lb_put_int(&o, "again_ms", a->again_ms);
	return lb_members_end(&o);
}

static void announce_read(struct lb_fields *outer, struct vrrp_announce_rules *a)
{
	struct lb_fields f = { json_object_get(outer->from, "announce"), outer->bad };
	a->count = lb_field_u32(&f, "count", 0, ROUNDS_MAX);
	a->delay_ms = lb_field_int(&f, "delay_ms", 0, DAY_MS);
	a->refresh_ms = lb_field_int(&f, "refresh_ms", 0, DAY_MS);
	a->again_ms = lb_field_int(&f, "again_ms", 0, DAY_MS);
	outer->bad = f.bad;
}

static json_t *keys_write(const struct vrrp_auth *a)
{
	json_t *list = json_array();
	for (size_t i = 0; i < a->n_keys; i++) {
		struct lb_members o = { json_object(), false };
		lb_put_int(&o, "id", a->keys[i].id);
		lb_put(&o, "key", lb_hex_write(a->keys[i].bytes, a->keys[i].n));
		if (!lb_list_add(list, lb_members_end(&o)))
			return NULL;
	}
	return list;
}

static void keys_read(struct lb_fields *f, struct vrrp_auth *a)
{
	const json_t *list = lb_field_list(f, "keys", VRRP_KEYS_MAX);
	a->n_keys = json_array_size(list);
	for (size_t i = 0; i < a->n_keys; i++) {
		struct lb_fields one = { json_array_get(list, i), false };
		struct vrrp_key *k = &a->keys[i];
		k->id = (uint8_t)lb_field_u32(&one, "id", 1, UINT8_MAX);
		for (size_t j = 0; j < i; j++)
			one.bad |= a->keys[j].id == k->id;
		k->n = (uint8_t)lb_field_bytes(&one, "key", k->bytes, VRRP_KEY_MIN, VRRP_KEY_MAX);
		f->bad |= one.bad;
	}
}

/* Where nothing is signed and nothing verified no key is told. */
static json_t *auth_write(const struct vrrp_auth *a)
{
	struct lb_members o = { json_object(), false };
	lb_put_str(&o, "mode", modes[a->mode]);
	if (a->mode != VRRP_AUTH_OFF) {
		lb_put_int(&o, "window_ms", a->window_ms);
		lb_put(&o, "keys", keys_write(a));
	}
	return lb_members_end(&o);
}

static void auth_read(struct lb_fields *outer, struct vrrp_auth *a)
{
	struct lb_fields f = { json_object_get(outer->from, "auth"), outer->bad };
	a->mode = (enum vrrp_auth_mode)lb_field_word(&f, "mode", modes, COUNT(modes));
	if (a->mode != VRRP_AUTH_OFF) {
		a->window_ms = lb_field_u32(&f, "window_ms", 1000, 300000);
		keys_read(&f, a);
		f.bad |= a->mode != VRRP_AUTH_RECEIVE_ONLY && a->n_keys == 0;
	}
	outer->bad = f.bad;
}

/* Absent = none. */
static void password_read(struct lb_fields *f, struct vrrp_conf *c)
{
	if (!lb_field_has(f, "password"))
		return;
	(void)lb_field_bytes(f, "password", c->password, VRRP_PASSWORD, VRRP_PASSWORD);
	f->bad |= c->version != 2;
	c->with_password = true;
}

void vrrp_conf_write(const struct vrrp_conf *c, struct lb_members *o)
{
	lb_put_int(o, "id", c->id);
	lb_put_str(o, "name", c->name);
	lb_put_str(o, "group", c->group);
	lb_put_str(o, "interface", c->interface);
	lb_put_str(o, "family", families[c->family == AF_INET6]);
	lb_put_int(o, "vrid", c->vrid);
	lb_put_int(o, "prio", c->prio);
	lb_put_str(o, "sum", sums[c->sum]);
	rules_write(o, c);
	lb_put(o, "addrs", vips_write(c->addrs, c->n_addrs));
	lb_put(o, "excluded", vips_write(c->excluded, c->n_excluded));
	lb_put(o, "routes", routes_write(c));
	lb_put(o, "rules", policy_write(c));
	lb_put(o, "peers", peers_write(c));
	lb_put_ip(o, "source", &c->source);
	lb_put_int(o, "min_ttl", c->min_ttl);
	lb_put_int(o, "lease_s", c->lease_s);
	lb_put_bool(o, "virtual_mac", c->virtual_mac);
	if (c->resigned)
		lb_put_bool(o, "resigned", true);
	if (c->refused[0])
		lb_put_str(o, "refused", c->refused);
	lb_put(o, "announce", announce_write(&c->announce));
	if (c->with_password)
		lb_put(o, "password", lb_hex_write(c->password, VRRP_PASSWORD));
	lb_put(o, "auth", auth_write(&c->auth));
}

void vrrp_conf_read(struct lb_fields *f, struct vrrp_conf *c)
{
	c->id = lb_field_u32(f, "id", 0, UINT32_MAX);
	lb_field_text(f, "name", c->name, sizeof(c->name));
	f->bad |= c->name[0] == '\0';
	lb_field_text(f, "group", c->group, sizeof(c->group));
	lb_field_device(f, "interface", c->interface);
	c->family = lb_field_word(f, "family", families, COUNT(families)) ? AF_INET6 : AF_INET;
	c->vrid = (uint8_t)lb_field_u32(f, "vrid", 1, UINT8_MAX);
	c->prio = (uint8_t)lb_field_u32(f, "prio", 1, UINT8_MAX);
	c->sum = (enum vrrp_sum)lb_field_word(f, "sum", sums, COUNT(sums));
	rules_read(f, c);
	addresses_read(f, c);
	routes_read(f, c);
	policy_read(f, c);
	ends_read(f, c);
	c->lease_s = lb_field_u32(f, "lease_s", 0, LEASE_MAX);
	c->virtual_mac = lb_field_bool(f, "virtual_mac");
	c->resigned = lb_field_has(f, "resigned") && lb_field_bool(f, "resigned"); /* absent = not */
	if (lb_field_has(f, "refused"))
		lb_field_text(f, "refused", c->refused, sizeof(c->refused));
	announce_read(f, &c->announce);
	password_read(f, c);
	auth_read(f, &c->auth);
}
