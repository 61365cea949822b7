/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules across the keys of one VRRP instance. What stands in defaults is judged there once, unless only the instance
 * makes it wrong. */
#include "common/time.h"
#include "lbd/config/config_build.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SUGGEST_MAX 256u /* names that are looked at for "did you mean" */

bool config_is_host(const struct lb_ip *ip)
{
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };
	return !lb_ip_is_any(ip) && !lb_ip_is_multicast(ip) &&
	       !(ip->family == AF_INET && memcmp(ip->b, broadcast, 4) == 0);
}

bool config_is_link_local(const struct lb_ip *ip)
{
	return lb_ip_is_v6(ip) && ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

/* Hosts do not answer to these, and others may take what comes from them for a broadcast. */
static void rule_network(struct config_builder *b, const struct schema_value *a, const struct config_vip *vip,
	const struct config_path *path)
{
	if (vip->ip.family != AF_INET || vip->prefix >= 31 || !config_is_host(&vip->ip))
		return;
	uint32_t ip = (uint32_t)vip->ip.b[0] << 24 | (uint32_t)vip->ip.b[1] << 16 | (uint32_t)vip->ip.b[2] << 8 |
		      vip->ip.b[3];
	uint32_t hosts = UINT32_MAX >> vip->prefix;
	if ((ip & hosts) == 0)
		config_warn(b, a->at, path, "this is the address of the network itself", "an address of a host in it");
	else if ((ip & hosts) == hosts)
		config_warn(
			b, a->at, path, "this is the broadcast address of its network", "an address of a host in it");
}

static void rule_addresses(struct config_builder *b, const struct config_instance *in)
{
	const struct schema_value *list = &in->keys->v[INSTANCE_ADDRESSES];
	struct config_path path = { &in->path, "addresses", 9, 0 };
	for (uint32_t i = 0; list->set && i < list->n; i++) {
		const struct schema_value *a = &list->list[i];
		if (i == VRRP_ADDRS_MAX) {
			config_say(b, a->at, &path,
				"an advert has room for no more: make a second instance, or use excluded",
				"more than %u addresses in one instance", VRRP_ADDRS_MAX);
			return;
		}
		if (!config_is_host(&a->ip))
			config_say(b, a->at, &path, NULL, "this is not the address of one host");
		else if (a->ip.family != list->list[0].ip.family)
			config_say(b, a->at, &path,
				"make two instances of one group, or put those of one family under excluded",
				"IPv4 and IPv6 in one instance");
		else if (i == 0 && lb_ip_is_v6(&a->ip) && !config_is_link_local(&a->ip) && !list->wrong)
			config_say(b, a->at, &path, "put one of fe80::/10 in front of it: fe80::51/64",
				"the first IPv6 address of an instance is a link-local one");
		if (i < in->v->n_addresses)
			rule_network(b, a, &in->v->addresses[i], &path);
	}
}

static void rule_excluded(struct config_builder *b, const struct config_instance *in)
{
	const struct schema_value *list = &in->keys->v[INSTANCE_EXCLUDED];
	struct config_path path = { &in->path, "excluded", 8, 0 };
	for (uint32_t i = 0; list->set && i < list->n; i++) {
		if (i == CONFIG_EXCLUDED_MAX) {
			config_say(b, list->list[i].at, &path, "make a second instance of the same group",
				"more than %u excluded addresses in one instance", CONFIG_EXCLUDED_MAX);
			return;
		}
		if (!config_is_host(&list->list[i].ip))
			config_say(b, list->list[i].at, &path, NULL, "this is not the address of one host");
		if (i < in->v->n_excluded)
			rule_network(b, &list->list[i], &in->v->excluded[i], &path);
	}
}

/* What of a route has a family of its own must agree. */
static void rule_route(struct config_builder *b, const struct schema_value *item, const struct route *r,
	const struct config_path *path)
{
	const struct schema_value *v = item->obj->v;
	if (!v[ROUTE_VIA].at && !v[ROUTE_DEV].at)
		config_say(b, item->at, path, "via: 192.0.2.1", "a route without via and without dev");
	for (unsigned k = ROUTE_VIA; k <= ROUTE_SOURCE; k++) {
		if ((k != ROUTE_VIA && k != ROUTE_SOURCE) || !v[k].set)
			continue;
		if (!config_is_host(&v[k].ip))
			config_say(b, v[k].at, path, NULL, "this is not the address of one host");
		else if (v[k].ip.family != r->to.family)
			config_say(b, v[k].at, path, NULL, "an %s address in a route of %s",
				lb_ip_is_v6(&v[k].ip) ? "IPv6" : "IPv4", lb_ip_is_v6(&r->to) ? "IPv6" : "IPv4");
	}
}

static void rule_routes(struct config_builder *b, const struct config_instance *in)
{
	const struct schema_value *list = &in->keys->v[INSTANCE_ROUTES];
	struct config_path path = { &in->path, "routes", 6, 0 };
	if (!list->set)
		return;
	if (list->n > CONFIG_ROUTES_MAX)
		config_say(b, list->list[CONFIG_ROUTES_MAX].at, &path, NULL, "more than %u routes in one instance",
			CONFIG_ROUTES_MAX);
	for (uint32_t i = 0; i < in->v->n_routes; i++)
		rule_route(b, &list->list[i], &in->v->routes[i], &path);
}

static void rule_policy(struct config_builder *b, const struct config_instance *in)
{
	const struct schema_value *list = &in->keys->v[INSTANCE_RULES];
	struct config_path path = { &in->path, "rules", 5, 0 };
	if (!list->set)
		return;
	if (list->n > CONFIG_RULES_MAX)
		config_say(b, list->list[CONFIG_RULES_MAX].at, &path, NULL, "more than %u rules in one instance",
			CONFIG_RULES_MAX);
	for (uint32_t i = 0; i < in->v->n_rules; i++) {
		const struct schema_value *item = &list->list[i], *v = item->obj->v;
		const struct rule *r = &in->v->rules[i];
		bool wrong = v[RULE_FROM].wrong || v[RULE_TO].wrong || v[RULE_FWMARK].wrong;
		if (!wrong && !r->from_prefix && !r->to_prefix && !r->fwmark)
			config_say(b, item->at, &path, "one of from, to, fwmark", "a rule for everything");
		if (r->from.family != r->to.family)
			config_say(b, item->at, &path, NULL, "IPv4 and IPv6 in one rule");
	}
}

static void rule_version(struct config_builder *b, const struct config_instance *in)
{
	const struct schema_value *v = in->keys->v, *interval = &v[INSTANCE_ADVERT_INTERVAL];
	const struct config_node *where = in->entry->key;
	bool two = v[INSTANCE_VERSION].num == 2, six = in->v->family == AF_INET6;
	char text[LB_DURATION_STRLEN];
	lb_duration_str(interval->num, text);
	if (v[INSTANCE_VERSION].wrong)
		return;
	if (two && six)
		config_say(b, config_at_or(&v[INSTANCE_VERSION], where), &in->path, NULL, "version 2 has no IPv6");
	if (two && interval->num % 1000)
		config_say(b, config_at_or(interval, where), &in->path, NULL,
			"advert_interval %s is not in whole seconds, as version 2 wants it", text);
	if (!two && interval->num > 40950)
		config_say(b, config_at_or(interval, where), &in->path, NULL,
			"advert_interval %s is above 40.95s, the longest of version 3", text);
	if (v[INSTANCE_CHECKSUM].at && v[INSTANCE_CHECKSUM].set && (two || six))
		config_say(b, v[INSTANCE_CHECKSUM].at, &in->path, NULL, "checksum has no effect %s",
			two ? "in version 2" : "with IPv6");
	if (in->v->auth == CONFIG_AUTH_PASSWORD && !two)
		config_say(b, config_at_or(&v[INSTANCE_AUTH], where), &in->path, "type hmac is for both versions",
			"only version 2 has a password");
}

static void rule_delays(struct config_builder *b, const struct config_instance *in)
{
	const struct schema_value *v = in->keys->v, *delay = &v[INSTANCE_PREEMPT_DELAY], *ttl = &v[INSTANCE_MIN_TTL];
	if (delay->at && delay->set && delay->num && !v[INSTANCE_PREEMPT].num)
		config_say(b, delay->at, &in->path, NULL, "preempt_delay has no effect without preempt");
	if (ttl->at && ttl->set && !v[INSTANCE_UNICAST].set && !v[INSTANCE_UNICAST].wrong)
		config_say(b, ttl->at, &in->path, "adverts by multicast always have 255",
			"min_ttl has no effect without unicast");
}

/* A lease that ends before the other node takes over leaves the address with nobody. */
static void rule_lease(struct config_builder *b, const struct config_instance *in)
{
	const struct schema_value *lease = &in->keys->v[INSTANCE_LEASE];
	uint32_t enough = config_vrrp_lease_enough(in->v->interval_cs);
	char help[80];
	if (!lease->set || lease->wrong ||
		in->v->lease_s >= enough) /* also that of the defaults: too short for this one */
		return;
	snprintf(help, sizeof(help), "six advert intervals are %us; without the key that is the default", enough);
	config_warn(b, config_at_or(lease, in->entry->key), &in->path,
		"the lease may end before the other node has missed its master: nobody holds the addresses then", help);
}

/* The addresses of an owner are those of its card, which the host has with and without VRRP. */
static void rule_owner(struct config_builder *b, const struct config_instance *in)
{
	const struct schema_value *mac = &in->keys->v[INSTANCE_VIRTUAL_MAC], *accept = &in->keys->v[INSTANCE_ACCEPT];
	if (in->v->priority != VRRP_PRIO_OWNER)
		return;
	if (mac->at && mac->set && mac->num)
		config_warn(b, mac->at, &in->path, "virtual_mac has no effect with priority 255",
			"the addresses of an owner are those of its card");
	if (accept->at && accept->set && !accept->num)
		config_warn(b, accept->at, &in->path, "accept has no effect with priority 255",
			"the addresses of an owner are the host's own");
}

/* An owner yields to nobody. One value in a cluster is that of all its nodes, unless each has a file of its own: nobody
 * can tell. */
static void rule_one_owner(struct config_builder *b, const struct config_instance *in)
{
	const struct schema_value *priority = &in->keys->v[INSTANCE_PRIORITY];
	const struct config_cluster *c = &b->c->cluster;
	const struct config_node *at = config_at_or(priority, in->entry->key);
	const char *owner[CONFIG_PEERS_MAX];
	uint32_t n = 0;
	for (uint32_t k = 0; k < c->n_nodes; k++)
		if (in->priority[k] == VRRP_PRIO_OWNER)
			owner[n++] = c->nodes[k].name;
	if (n < 2 || priority->wrong)
		return;
	char text[400], help[400];
	if (priority->by_node) {
		snprintf(text, sizeof(text), "nodes %s and %s have priority 255: only one can own the addresses",
			owner[0], owner[1]);
		config_never(b, at, &in->path, text, "give the others less than 255");
		return;
	}
	snprintf(help, sizeof(help), "a value for each node: priority: { %s: 255, %s: 100 }", owner[0], owner[1]);
	config_warn(b, at, &in->path, "priority 255 on every node that has this file: only one can own the addresses",
		help);
}

/* The mapping itself; whether it suits the instance is rule_version's. */
static void rule_auth(struct config_builder *b, const struct schema_value *auth, const struct config_path *up)
{
	struct config_path path = { up, "auth", 4, 0 };
	if (!auth->at || !auth->set)
		return;
	const struct schema_value *v = auth->obj->v;
	for (unsigned k = AUTH_MODE; k <= AUTH_WINDOW; k++)
		if (v[AUTH_TYPE].num == CONFIG_AUTH_PASSWORD && v[k].at)
			config_say(
				b, v[k].at, &path, NULL, "%s has no effect with a password", schema_auth_rows[k].name);
}

static void unknown_check(struct config_builder *b, const struct schema_value *name, const struct config_path *path)
{
	const char *words[SUGGEST_MAX] = { NULL };
	uint32_t n = 0;
	for (uint32_t i = 0; i < b->n_slots && n < SUGGEST_MAX; i++)
		if (b->slots[i].line)
			words[n++] = b->slots[i].name;
	char help[SCHEMA_SAY];
	schema_suggest(name->text, name->n, words, n, help);
	config_say(b, name->at, path, n ? help : "define it under `checks`", "unknown check '%s'",
		config_shown(name->text, name->n).s);
}

/* There is no backend to take an address and a port from. */
static void rule_track_check(struct config_builder *b, const struct schema_value *name, const struct config_path *path)
{
	const struct config_check *ck = config_check_slot(b, name->text, name->n);
	if (!ck || !ck->line) {
		unknown_check(b, name, path);
		return;
	}
	enum check_type type = ck->spec.type;
	if (type == CHECK_TYPE_SCRIPT || type == CHECK_TYPE_FILE)
		return;
	if (!ck->spec.addr.family)
		config_say(
			b, name->at, path, "give it an `address`", "the check %s has no address of its own", ck->name);
	else if (!ck->spec.port && !check_types[type].portless)
		config_say(b, name->at, path, "give it a `port`", "the check %s has no port of its own", ck->name);
}

/* Which of the four it tracks; TRACK_WEIGHT = it cannot be said. */
static unsigned tracked(const struct schema_value *item)
{
	unsigned which = TRACK_WEIGHT, given = 0;
	for (unsigned k = TRACK_INTERFACE; k <= TRACK_SERVICES_UP; k++)
		if (item->obj->v[k].at) {
			which = k;
			given++;
		}
	return given == 1 ? which : TRACK_WEIGHT;
}

static bool same_tracked(const struct schema_value *x, const struct schema_value *y)
{
	unsigned k = tracked(x);
	const struct schema_value *a = &x->obj->v[k], *c = &y->obj->v[k];
	return k != TRACK_WEIGHT && k == tracked(y) && a->set && c->set && a->n == c->n && a->num == c->num &&
	       a->percent == c->percent && (!a->n || memcmp(a->text, c->text, a->n) == 0);
}

static void rule_track(struct config_builder *b, const struct schema_value *list, const struct config_path *up)
{
	struct config_path path = { up, "track", 5, 0 };
	for (uint32_t i = 0; list->at && list->set && i < list->n; i++) {
		const struct schema_value *item = &list->list[i], *v = item->obj->v;
		unsigned which = tracked(item), given = 0;
		if (i == CONFIG_TRACKS_MAX) {
			config_say(b, item->at, &path, NULL, "more than %u things are tracked", CONFIG_TRACKS_MAX);
			return;
		}
		for (unsigned k = TRACK_INTERFACE; k <= TRACK_SERVICES_UP; k++)
			given += v[k].at != NULL;
		if (which == TRACK_WEIGHT)
			config_say(b, item->at, &path, "one of interface, check, process, services_up",
				given ? "several things in one entry of the list" : "this entry tracks nothing");
		if (which == TRACK_CHECK && v[TRACK_CHECK].set)
			rule_track_check(b, &v[TRACK_CHECK], &path);
		if (which == TRACK_PROCESS && v[TRACK_PROCESS].set && v[TRACK_PROCESS].text[0] == '/')
			config_never(b, v[TRACK_PROCESS].at, &path, "a path, not the name of a process",
				"its name as in /proc/PID/comm, such as haproxy");
		for (uint32_t k = 0; k < i; k++)
			if (same_tracked(&list->list[k], item)) {
				config_say(b, item->at, &path, NULL, "this is tracked already");
				break;
			}
	}
}

/* Of services there are fewer: it is never up. Without a weight that is a fault, on every node. */
static void rule_services_up(struct config_builder *b, const struct schema_value *list, const struct config_path *up)
{
	struct config_path path = { up, "track", 5, 0 };
	for (uint32_t i = 0; list->at && list->set && i < list->n; i++) {
		const struct schema_value *v = list->list[i].obj->v, *many = &v[TRACK_SERVICES_UP];
		char text[100];
		if (!many->at || !many->set || many->percent || many->num <= (int64_t)b->services.n)
			continue;
		snprintf(text, sizeof(text), "services_up %u, but there %s %zu service%s", (unsigned)many->num,
			b->services.n == 1 ? "is" : "are", b->services.n, b->services.n == 1 ? "" : "s");
		if (v[TRACK_WEIGHT].num || v[TRACK_WEIGHT].wrong)
			config_warn(b, many->at, &path, text, "its weight always counts");
		else
			config_never(b, many->at, &path, text, "no node could ever be master");
	}
}

void config_rules_tracks(struct config_builder *b)
{
	static const struct config_path up = { NULL, "defaults", 8, 0 }, path = { &up, "vrrp", 4, 0 };
	if (b->vrrp_defaults)
		rule_services_up(b, &b->vrrp_defaults->v[INSTANCE_TRACK], &path);
	for (uint32_t i = 0; i < b->n_instances; i++)
		rule_services_up(b, &b->instances[i].keys->v[INSTANCE_TRACK], &b->instances[i].path);
}

static bool is_virtual(const struct config_vrrp *v, const struct lb_ip *ip)
{
	for (uint32_t i = 0; i < v->n_addresses; i++)
		if (lb_ip_cmp(&v->addresses[i].ip, ip) == 0)
			return true;
	for (uint32_t i = 0; i < v->n_excluded; i++)
		if (lb_ip_cmp(&v->excluded[i].ip, ip) == 0)
			return true;
	return false;
}

/* Addresses that adverts come from or go to. One of the defaults is a fault of the instance that it does not suit. */
static void rule_ends(struct config_builder *b, const struct config_instance *in, unsigned key)
{
	const struct schema_value *v = &in->keys->v[key];
	const char *name = schema_vrrp_rows[key].name;
	struct config_path path = { &in->path, name, (uint32_t)strlen(name), 0 };
	bool many = v->by_node || key == INSTANCE_UNICAST;
	for (uint32_t i = 0; v->set && i < (many ? v->n : 1); i++) {
		const struct schema_value *one = many ? &v->list[i] : v;
		const struct config_node *at = v->at ? one->at : in->entry->key;
		if (!config_is_host(&one->ip))
			config_say(b, at, &path, NULL, "this is not the address of one host");
		else if (one->ip.family != in->v->family && in->v->n_addresses)
			config_say(b, at, &path, NULL, "an %s address in the %s of an instance of %s",
				lb_ip_is_v6(&one->ip) ? "IPv6" : "IPv4", name,
				in->v->family == AF_INET6 ? "IPv6" : "IPv4");
		else if (is_virtual(in->v, &one->ip))
			config_say(
				b, at, &path, "an address of the node itself is wanted", "this is a virtual address");
		else
			continue;
		if (!v->at)
			return; /* the others would be said of the same place */
	}
}

static void rule_unicast(struct config_builder *b, const struct config_instance *in)
{
	const struct schema_value *v = in->keys->v, *unicast = &v[INSTANCE_UNICAST], *source = &v[INSTANCE_SOURCE];
	const struct config_node *at = config_at_or(unicast, in->entry->key);
	const uint32_t nodes = b->c->cluster.n_nodes;
	struct lb_ip peers[CONFIG_UNICAST_MAX];
	if (!unicast->set || unicast->wrong)
		return;
	if (unicast->n > CONFIG_UNICAST_MAX)
		config_say(b, at, &in->path, NULL, "more than %u peers", CONFIG_UNICAST_MAX);
	if (unicast->by_node && source->set)
		config_say(b, config_at_or(source, in->entry->key), &in->path, NULL,
			"source is what unicast says of this node: one of the two");
	if (!unicast->by_node && !source->set && !source->wrong)
		config_say(b, at, &in->path,
			"add `source`, or give unicast by node: { lb-a: 192.0.2.1, lb-b: 192.0.2.2 }",
			"a list of peers needs our own address, too");
	if (unicast->by_node && nodes == 1)
		config_say(b, at, &in->path, NULL, "there is no other node");
	for (uint32_t k = 0; !unicast->by_node && k < (nodes ? nodes : 1); k++)
		if (config_peers(b, v, k, peers) == 0) {
			config_say(b, at, &in->path, NULL, "the only peer is this node itself");
			return;
		}
	for (uint32_t i = 0; unicast->by_node && i < unicast->n && i < CONFIG_UNICAST_MAX; i++)
		for (uint32_t k = 0; k < i; k++)
			if (lb_ip_cmp(&unicast->list[i].ip, &unicast->list[k].ip) == 0)
				config_say(b, unicast->at ? unicast->list[i].at : at, &in->path, NULL,
					"nodes %s and %s have the same address", unicast->list[k].node->text,
					unicast->list[i].node->text);
}

void config_rules_vrrp_defaults(struct config_builder *b, const struct schema_object *keys)
{
	static const struct config_path up = { NULL, "defaults", 8, 0 }, path = { &up, "vrrp", 4, 0 };
	config_rules_by_node(b, keys, &path);
	rule_auth(b, &keys->v[INSTANCE_AUTH], &path);
	rule_track(b, &keys->v[INSTANCE_TRACK], &path);
}

void config_rules_instance(struct config_builder *b, const struct config_instance *in)
{
	rule_addresses(b, in);
	rule_excluded(b, in);
	rule_routes(b, in);
	rule_policy(b, in);
	rule_version(b, in);
	rule_delays(b, in);
	rule_lease(b, in);
	rule_owner(b, in);
	rule_one_owner(b, in);
	rule_auth(b, &in->keys->v[INSTANCE_AUTH], &in->path);
	rule_track(b, &in->keys->v[INSTANCE_TRACK], &in->path);
	config_rules_by_node(b, in->keys, &in->path);
	rule_ends(b, in, INSTANCE_UNICAST);
	rule_ends(b, in, INSTANCE_SOURCE);
	rule_unicast(b, in);
}

void config_rules_hooks(struct config_builder *b, const struct schema_value *state)
{
	static const struct config_path path = { NULL, "hooks", 5, 0 };
	if (b->vrrp.n == 0)
		config_warn(b, state->at, &path, "hooks.state has no effect without a VRRP instance",
			"define one under `vrrp`");
}
