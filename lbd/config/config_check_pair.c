/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules across the nodes of a pair, and across its VRRP instances on each of them. */
#include "common/sort.h"
#include "common/time.h"
#include "lbd/config/config_build.h"
#include "lbd/vrrp/vrrp_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void config_rules_peer(struct config_builder *b, const struct schema_object *keys, const struct config_path *path)
{
	const struct schema_value *list = &keys->v[NODE_ADDRESS];
	if (list->set && list->n > CONFIG_PEER_ADDRESSES_MAX)
		config_say(b, list->at, path, NULL, "more than %u addresses of one node", CONFIG_PEER_ADDRESSES_MAX);
	for (uint32_t i = 0; list->set && i < list->n; i++)
		if (!config_is_host(&list->list[i].ip))
			config_say(b, list->list[i].at, path, NULL, "this is not the address of one host");
		else if (config_is_link_local(&list->list[i].ip))
			config_say(b, list->list[i].at, path, "write a global or unique local address",
				"a link-local address is another one on each interface");
}

/* The node that has this address; NULL = none of the first n. */
static const struct config_peer *owner(const struct config_cluster *c, uint32_t n, const struct lb_ip *ip)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < c->nodes[i].n_addresses; k++)
			if (lb_ip_cmp(&c->nodes[i].addresses[k], ip) == 0)
				return &c->nodes[i];
	return NULL;
}

/* The addresses of two nodes are the ends of paths between them: the first with the first, the second with the second.
 * A node whose addresses could not be read has been told of. */
static void rule_paths(struct config_builder *b, const struct config_entry *nodes, const struct config_path *path)
{
	const struct config_cluster *c = &b->c->cluster;
	const struct config_peer *first = NULL;
	for (uint32_t i = 0; i < c->n_nodes; i++) {
		const struct config_peer *p = &c->nodes[i];
		if (!p->n_addresses)
			continue;
		if (!first)
			first = p;
		else if (p->n_addresses != first->n_addresses)
			config_say(b, nodes[i].key, path,
				"each address is one path, from and to the one in the same place",
				"node %s has %u address%s, node %s has %u", p->name, p->n_addresses,
				p->n_addresses == 1 ? "" : "es", first->name, first->n_addresses);
		for (uint32_t k = 0; k < p->n_addresses && p->n_addresses == first->n_addresses; k++)
			if (p->addresses[k].family != first->addresses[k].family) {
				config_say(b, nodes[i].key, path,
					"each address is one path, from and to the one in the same place",
					"address %u of node %s is %s, that of node %s is %s", k + 1, p->name,
					lb_ip_is_v6(&p->addresses[k]) ? "IPv6" : "IPv4", first->name,
					lb_ip_is_v6(&first->addresses[k]) ? "IPv6" : "IPv4");
				break;
			}
	}
}

/* What is legal, and leaves the nodes with VRRP alone. */
static void warn_no_path(struct config_builder *b, const struct schema_object *keys, const struct config_path *path)
{
	const struct config_cluster *c = &b->c->cluster;
	const struct schema_value *key = &keys->v[CLUSTER_KEY_FILE];
	if (c->n_nodes < 2)
		return;
	if (!key->set && !key->wrong && b->vrrp.n)
		config_warn(b, b->root->v[ROOT_CLUSTER].at, path,
			"without key_file there is no second path: a dead VRRP network makes two masters",
			"on both nodes the same file: `openssl rand -hex 32`");
	else if (key->set && b->node && c->self < 0)
		config_warn(b, keys->v[CLUSTER_NODES].at, path,
			"this node is not under cluster.nodes: it has no second path", "tell it with --node NAME");
}

void config_rules_cluster(struct config_builder *b, const struct schema_object *keys, const struct config_entry *nodes)
{
	static const struct config_path path = { NULL, "cluster", 7, 0 };
	const struct config_cluster *c = &b->c->cluster;
	const struct schema_value *heartbeat = &keys->v[CLUSTER_HEARTBEAT], *dead = &keys->v[CLUSTER_DEAD_AFTER];
	char one[LB_DURATION_STRLEN], all[LB_DURATION_STRLEN], ip[LB_IP_STRLEN];
	if (dead->num <= 2 * heartbeat->num && !dead->wrong && !heartbeat->wrong)
		config_say(b, dead->at ? dead->at : heartbeat->at, &path, "one that is lost must not look like a death",
			"dead_after %s is not above two heartbeats of %s", lb_duration_str(dead->num, all),
			lb_duration_str(heartbeat->num, one));
	for (uint32_t i = 1; i < c->n_nodes; i++)
		for (uint32_t k = 0; k < c->nodes[i].n_addresses; k++) {
			const struct config_peer *other = owner(c, i, &c->nodes[i].addresses[k]);
			if (other)
				config_say(b, nodes[i].key, &path, NULL, "node %s has an address of node %s: %s",
					c->nodes[i].name, other->name, lb_ip_str(&c->nodes[i].addresses[k], ip));
		}
	rule_paths(b, nodes, &path);
	warn_no_path(b, keys, &path);
}

static void node_words(const struct config_cluster *c, const char *words[CONFIG_PEERS_MAX])
{
	for (uint32_t i = 0; i < c->n_nodes; i++)
		words[i] = c->nodes[i].name;
}

/* One value for each node, and for no other. */
static void rule_all_nodes(struct config_builder *b, const struct schema_value *v, const struct config_path *path)
{
	const struct config_cluster *c = &b->c->cluster;
	const char *words[CONFIG_PEERS_MAX];
	char help[SCHEMA_SAY];
	bool known[CONFIG_PEERS_MAX] = { false };
	node_words(c, words);
	for (uint32_t i = 0; i < v->n; i++) {
		const struct config_node *key = v->list[i].node;
		uint32_t k = 0;
		while (k < c->n_nodes && strcmp(words[k], key->text) != 0)
			k++;
		if (k < c->n_nodes) {
			known[k] = true;
			continue;
		}
		schema_suggest(key->text, key->len, words, c->n_nodes, help);
		config_say(b, key, path, help, "unknown node '%s'", config_shown(key->text, key->len).s);
	}
	for (uint32_t k = 0; k < c->n_nodes && !v->wrong; k++)
		if (!known[k])
			config_say(b, v->at, path, NULL, "there is no value for node %s", words[k]);
}

/* Whoever runs this configuration must find itself. */
static void rule_self(struct config_builder *b, const struct schema_value *v, const struct config_path *path)
{
	const struct config_cluster *c = &b->c->cluster;
	const char *words[CONFIG_PEERS_MAX];
	char help[SCHEMA_SAY + 80], nodes[SCHEMA_SAY];
	if (!b->node || c->self >= 0 || b->self_missed)
		return;
	b->self_missed = true;
	node_words(c, words);
	schema_suggest(b->node, strlen(b->node), words, c->n_nodes, nodes);
	snprintf(help, sizeof(help), "tell it with --node NAME; %s", nodes);
	config_say(b, v->at, path, help, "this node, '%s', is not under cluster.nodes",
		config_shown(b->node, strlen(b->node)).s);
}

void config_rules_by_node(struct config_builder *b, const struct schema_object *keys, const struct config_path *path)
{
	const struct config_cluster *c = &b->c->cluster;
	for (unsigned k = 0; k < INSTANCE_COUNT; k++) {
		const struct schema_value *v = &keys->v[k];
		const char *name = schema_vrrp_rows[k].name;
		struct config_path self = { path, name, (uint32_t)strlen(name), 0 };
		if (!v->at || !v->set || !v->by_node)
			continue;
		if (!b->root->v[ROOT_CLUSTER].at)
			config_say(b, v->at, &self, "name the nodes under `cluster`, or write one value",
				"a value by node, but there is no cluster");
		if (!c->n_nodes)
			continue;
		rule_all_nodes(b, v, &self);
		rule_self(b, v, &self);
	}
}

#define NOWHERE UINT32_MAX

/* The first node on which both have the same interface. */
static uint32_t meet(const struct config_builder *b, const struct config_instance *x, const struct config_instance *y)
{
	const uint32_t nodes = b->c->cluster.n_nodes;
	for (uint32_t k = 0; k < (nodes ? nodes : 1); k++) {
		const struct schema_value *i = config_on_node(b, &x->keys->v[INSTANCE_INTERFACE], k);
		const struct schema_value *j = config_on_node(b, &y->keys->v[INSTANCE_INTERFACE], k);
		if (i && j && i->n == j->n && memcmp(i->text, j->text, i->n) == 0)
			return k;
	}
	return NOWHERE;
}

struct claim { /* of a virtual address */
	const struct schema_value *v;
	const struct config_instance *in;
	uint32_t list, i; /* which one of the instance's lists, and where in it */
};

static int claim_cmp(const void *x, const void *y)
{
	const struct claim *a = x, *c = y;
	int d = lb_ip_cmp(&a->v->ip, &c->v->ip);
	if (d)
		return d;
	if (a->v->at->file != c->v->at->file)
		return a->v->at->file < c->v->at->file ? -1 : 1;
	if (a->v->at->line != c->v->at->line)
		return a->v->at->line < c->v->at->line ? -1 : 1;
	return a->v->at->column < c->v->at->column ? -1 : a->v->at->column > c->v->at->column;
}

static void rule_claim(struct config_builder *b, const struct claim *first, const struct claim *x)
{
	const struct config_peer *p = owner(&b->c->cluster, b->c->cluster.n_nodes, &x->v->ip);
	char ip[LB_IP_STRLEN], help[300];
	lb_ip_str(&x->v->ip, ip);
	if (p)
		config_say(b, x->v->at, &x->in->path, "a virtual address moves; that of a node does not",
			"%s is an address of node %s itself", ip, p->name);
	const struct claim *before = x;
	while (before > first && lb_ip_cmp(&x->v->ip, &before[-1].v->ip) == 0) {
		before--;
		/* a link-local address is another one on another interface */
		if (config_is_link_local(&x->v->ip) && meet(b, x->in, before->in) == NOWHERE)
			continue;
		/* within a short list the reader of lists has found it */
		if (before->in == x->in && before->list == x->list && x->i < SCHEMA_REPEATS_MAX)
			return;
		snprintf(help, sizeof(help), "first in instance %s at %.200s:%u", before->in->v->name,
			b->report->sources[before->v->at->file].name, before->v->at->line);
		config_say(b, x->v->at, &x->in->path, help, "%s is a virtual address already", ip);
		return;
	}
}

/* Every node has every instance, so an address belongs to one of them. */
static void rule_claims(struct config_builder *b)
{
	static const struct {
		unsigned key;
		uint32_t max;
	} lists[] = { { INSTANCE_ADDRESSES, VRRP_ADDRS_MAX }, { INSTANCE_EXCLUDED, CONFIG_EXCLUDED_MAX } };
	size_t room = 0, n = 0;
	for (uint32_t i = 0; i < b->n_instances; i++)
		room += b->instances[i].v->n_addresses + b->instances[i].v->n_excluded;
	struct claim *all = lb_arena_alloc(b->tree, room * sizeof(*all));
	b->report->oom |= !all;
	if (!all || !room)
		return;
	for (uint32_t i = 0; i < b->n_instances; i++)
		for (uint32_t l = 0; l < 2; l++) {
			const struct schema_value *list = &b->instances[i].keys->v[lists[l].key];
			for (uint32_t k = 0; list->set && k < list->n && k < lists[l].max && n < room; k++)
				all[n++] = (struct claim){ &list->list[k], &b->instances[i], l, k };
		}
	lb_sort(all, n, sizeof(*all), claim_cmp);
	for (size_t i = 0; i < n; i++)
		rule_claim(b, all, &all[i]);
}

/* ---- routes and rules ---- */

struct place { /* of a route or a rule in the kernel */
	struct way way;
	const struct config_node *at;
	const struct config_instance *in;
	const char *list;
};

static int net_cmp(const struct lb_ip *x, unsigned bits, const struct lb_ip *y, unsigned bits_y)
{
	int d = lb_ip_cmp(x, y);
	return d ? d : bits < bits_y ? -1 : bits > bits_y;
}

static int u32_cmp(uint32_t x, uint32_t y)
{
	return x < y ? -1 : x > y;
}

/* By what way_same looks at, but for the metric of IPv6. Then by where it was written. */
static int place_cmp(const void *x, const void *y)
{
	const struct place *a = x, *c = y;
	int d = a->way.kind < c->way.kind ? -1 : a->way.kind > c->way.kind;
	if (!d && a->way.kind == WAY_ROUTE) {
		const struct route *r = &a->way.u.route, *s = &c->way.u.route;
		d = net_cmp(&r->to, r->prefix, &s->to, s->prefix);
		d = d ? d : u32_cmp(r->table, s->table);
		d = d ? d : u32_cmp(way_metric(r), way_metric(s));
	} else if (!d) {
		d = memcmp(&a->way.u.rule, &c->way.u.rule, sizeof(a->way.u.rule));
	}
	d = d ? d : u32_cmp(a->at->file, c->at->file);
	d = d ? d : u32_cmp(a->at->line, c->at->line);
	return d ? d : u32_cmp(a->at->column, c->at->column);
}

/* What was refused, or is missing, has been said. */
static bool is_whole(const struct schema_object *o)
{
	const struct schema_kind *kind = &schema_kinds[o->kind];
	for (unsigned k = 0; k < kind->n; k++)
		if (o->v[k].wrong || ((kind->rows[k].flags & SCHEMA_REQUIRED) && !o->v[k].set))
			return false;
	return true;
}

static size_t put_places(const struct config_instance *in, struct place *out)
{
	const struct schema_value *routes = &in->keys->v[INSTANCE_ROUTES], *rules = &in->keys->v[INSTANCE_RULES];
	size_t n = 0;
	for (uint32_t k = 0; k < in->v->n_routes; k++)
		if (is_whole(routes->list[k].obj))
			out[n++] = (struct place){ way_of_route(&in->v->routes[k]), routes->list[k].at, in, "routes" };
	for (uint32_t k = 0; k < in->v->n_rules; k++)
		if (is_whole(rules->list[k].obj))
			out[n++] = (struct place){ way_of_rule(&in->v->rules[k]), rules->list[k].at, in, "rules" };
	return n;
}

/* The kernel has room for one: two instances would take it away from each other. */
static void rule_places(struct config_builder *b)
{
	size_t room = 0, n = 0;
	for (uint32_t i = 0; i < b->n_instances; i++)
		room += b->instances[i].v->n_routes + b->instances[i].v->n_rules;
	struct place *all = lb_arena_alloc(b->tree, room * sizeof(*all));
	b->report->oom |= !all;
	if (!all || !room)
		return;
	for (uint32_t i = 0; i < b->n_instances; i++)
		n += put_places(&b->instances[i], &all[n]);
	lb_sort(all, n, sizeof(*all), place_cmp);
	for (size_t i = 1; i < n; i++) {
		const struct place *x = &all[i], *before = &all[i - 1];
		struct config_path path = { &x->in->path, x->list, (uint32_t)strlen(x->list), 0 };
		char help[300];
		if (!way_same(&x->way, &before->way))
			continue;
		snprintf(help, sizeof(help), "first in instance %s at %.200s:%u", before->in->v->name,
			b->report->sources[before->at->file].name, before->at->line);
		config_say(b, x->at, &path, help, "%s",
			x->way.kind == WAY_ROUTE ? "there is a route to the same place in this table with this metric"
						 : "there is the same rule already");
	}
}

/* An instance is found by interface, family and number. false: it was said. */
static bool rule_vrid(struct config_builder *b, const struct config_instance *x, const struct config_instance *before)
{
	const struct config_cluster *c = &b->c->cluster;
	const struct schema_value *vrid = &x->keys->v[INSTANCE_VRID], *mine = &x->keys->v[INSTANCE_INTERFACE];
	if (!vrid->set || x->v->vrid != before->v->vrid || x->v->family != before->v->family)
		return true;
	uint32_t node = meet(b, x, before);
	if (node == NOWHERE)
		return true;
	bool differs = mine->by_node || before->keys->v[INSTANCE_INTERFACE].by_node;
	const struct schema_value *interface = config_on_node(b, mine, node);
	char help[300];
	snprintf(help, sizeof(help), "by instance %s at %.200s:%u%s%s", before->v->name,
		b->report->sources[before->entry->key->file].name, before->v->line, differs ? ", on node " : "",
		differs ? c->nodes[node].name : "");
	config_say(b, vrid->at, &x->path, help, "vrid %u is taken on interface %s", x->v->vrid,
		config_shown(interface->text, interface->n).s);
	return false;
}

/* If one node wins one member and another node wins another one, the group has no master. false: it was said. */
static bool rule_same_order(
	struct config_builder *b, const struct config_instance *x, const struct config_instance *before)
{
	const struct config_cluster *c = &b->c->cluster;
	const struct schema_value *priority = &x->keys->v[INSTANCE_PRIORITY];
	if (priority->wrong || before->keys->v[INSTANCE_PRIORITY].wrong)
		return true;
	for (uint32_t k = 0; k < c->n_nodes; k++)
		for (uint32_t l = 0; l < k; l++) {
			int here = x->priority[k] - x->priority[l], there = before->priority[k] - before->priority[l];
			if (here * there >= 0)
				continue;
			config_say(b, config_at_or(priority, x->entry->key), &x->path,
				"a group has one master: give its instances priorities in the same order",
				"group %s: %s has the higher priority in %s, %s in %s", x->v->group,
				c->nodes[here > 0 ? k : l].name, x->v->name, c->nodes[there > 0 ? k : l].name,
				before->v->name);
			return false;
		}
	return true;
}

static bool in_group(const struct config_instance *in, const char *group)
{
	return strcmp(in->v->group, group) == 0;
}

static uint8_t group_prio(const struct config_builder *b, const char *group, uint32_t node)
{
	uint8_t configured[CONFIG_GROUP_MAX], set[CONFIG_GROUP_MAX] = { 0 };
	size_t n = 0;
	for (uint32_t i = 0; i < b->n_instances && n < CONFIG_GROUP_MAX; i++) {
		if (!in_group(&b->instances[i], group))
			continue;
		configured[n] = b->instances[i].priority[node];
		if (configured[n++] == VRRP_PRIO_OWNER) /* it wins by that instance, whatever the others have */
			return VRRP_PRIO_OWNER;
	}
	return vrrp_group_prio(configured, set, n);
}

/* The first instance of a group that has one node before the other; NULL: none does. */
static const struct config_instance *which_orders(
	const struct config_builder *b, const char *group, uint32_t node, uint32_t other)
{
	for (uint32_t i = 0; i < b->n_instances; i++) {
		const struct config_instance *in = &b->instances[i];
		if (in_group(in, group) && in->priority[node] != in->priority[other])
			return in;
	}
	return NULL;
}

/* The mean of many instances loses a small difference. Once for each group. */
static void rule_order_lost(struct config_builder *b, const char *group)
{
	const struct config_cluster *c = &b->c->cluster;
	uint8_t prio[CONFIG_PEERS_MAX];
	char text[300];
	for (uint32_t k = 0; k < c->n_nodes; k++) {
		prio[k] = group_prio(b, group, k);
		for (uint32_t l = 0; l < k; l++) {
			const struct config_instance *in = prio[k] == prio[l] ? which_orders(b, group, k, l) : NULL;
			if (!in)
				continue;
			snprintf(text, sizeof(text), "group %s has the same priority on %s and %s: %u", group,
				c->nodes[l].name, c->nodes[k].name, prio[k]);
			config_warn(b, config_at_or(&in->keys->v[INSTANCE_PRIORITY], in->entry->key), &in->path, text,
				"it is the mean of its instances: let them differ by more, or all of them");
			return;
		}
	}
}

void config_rules_instances(struct config_builder *b)
{
	rule_claims(b);
	rule_places(b);
	for (uint32_t i = 0; i < b->n_instances; i++) {
		const struct config_instance *x = &b->instances[i];
		uint32_t members = 1;
		bool ordered = true, alone = true;
		for (uint32_t k = 0; k < i; k++) {
			const struct config_instance *before = &b->instances[k];
			alone = alone && rule_vrid(b, x, before);
			if (!x->v->group[0] || !in_group(before, x->v->group))
				continue;
			ordered = ordered && rule_same_order(b, x, before);
			members++;
		}
		if (x->v->group[0] && members == 1)
			rule_order_lost(b, x->v->group);
		if (members == CONFIG_GROUP_MAX + 1)
			config_say(b, config_at_or(&x->keys->v[INSTANCE_GROUP], x->entry->key), &x->path, NULL,
				"more than %u instances in group %s", CONFIG_GROUP_MAX, x->v->group);
	}
}
