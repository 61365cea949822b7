/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The structs of a pair: its nodes, the VRRP instances as this node sees them, and who is told of them. */
#include "lbd/config/config_build.h"

#include "common/sort.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MAC_REFRESH_MS 60000 /* below what a switch remembers: mostly 300 s */
#define LEASE_LEAST_S  3     /* unless it was written */
#define PRIORITY_ALONE 100   /* without a cluster */

static void *keep_array(struct config_builder *b, struct lb_arena *a, size_t n, size_t size)
{
	void *p = lb_arena_alloc(a, n * size);
	b->report->oom |= !p;
	return p;
}

static uint32_t at_most(uint32_t n, uint32_t max)
{
	return n < max ? n : max;
}

static const char *keep_text(struct config_builder *b, const struct schema_value *v)
{
	return v->set ? config_keep(b, v->text, v->n) : "";
}

static const struct lb_ip *build_ips(struct config_builder *b, const struct schema_value *v, uint32_t n)
{
	struct lb_ip *ips = keep_array(b, &b->c->arena, n, sizeof(*ips));
	for (uint32_t i = 0; ips && i < n; i++)
		ips[i] = v->list[i].ip;
	return ips;
}

static int node_cmp(const void *x, const void *y)
{
	return strcmp(((const struct config_entry *)x)->key->text, ((const struct config_entry *)y)->key->text);
}

/* The nodes of the file by name; *n = 0 when there are none, or too many. */
static struct config_entry *collect_nodes(struct config_builder *b, const struct config_node *map, uint32_t *n)
{
	static const struct config_path cluster = { NULL, "cluster", 7, 0 }, path = { &cluster, "nodes", 5, 0 };
	struct config_entry *all = keep_array(b, b->tree, map->len / 2, sizeof(*all));
	*n = 0;
	if (!all)
		return NULL;
	schema_check_names(&b->rd, map, &path);
	for (const struct config_node *k = map->child; k && k->next; k = k->next->next)
		if (!k->bad)
			all[(*n)++] = (struct config_entry){ k, k->next };
	if (map->len == 0)
		config_say(b, map, &path, NULL, "a cluster without nodes");
	if (*n > CONFIG_PEERS_MAX) {
		config_say(b, all[CONFIG_PEERS_MAX].key, &path, NULL, "more than %u nodes", CONFIG_PEERS_MAX);
		*n = 0;
	}
	lb_sort(all, *n, sizeof(*all), node_cmp);
	return all;
}

static void build_peer(struct config_builder *b, const struct config_entry *e, struct config_peer *p)
{
	static const struct config_path cluster = { NULL, "cluster", 7, 0 }, nodes = { &cluster, "nodes", 5, 0 };
	struct config_path path = { &nodes, e->key->text, e->key->len, 0 };
	struct schema_object *keys = schema_object_new(&b->rd, SCHEMA_NODE);
	*p = (struct config_peer){ .name = config_keep(b, e->key->text, e->key->len), .line = e->key->line };
	if (!keys || !schema_read(&b->rd, e->value, e->key, &path, false, keys))
		return;
	const struct schema_value *address = &keys->v[NODE_ADDRESS];
	p->priority = (uint8_t)keys->v[NODE_PRIORITY].num;
	p->n_addresses = address->set ? at_most(address->n, CONFIG_PEER_ADDRESSES_MAX) : 0;
	p->addresses = build_ips(b, address, p->n_addresses);
	config_rules_peer(b, keys, &path);
}

static int find_self(const struct config_builder *b)
{
	const struct config_cluster *c = &b->c->cluster;
	for (uint32_t i = 0; i < c->n_nodes; i++)
		if (!b->node || strcmp(c->nodes[i].name, b->node) == 0)
			return (int)i;
	return -1;
}

void config_build_cluster(struct config_builder *b)
{
	const struct schema_value *cluster = &b->root->v[ROOT_CLUSTER];
	struct config_cluster *c = &b->c->cluster;
	c->key_file = "";
	c->self = -1;
	if (!cluster->set)
		return;
	const struct schema_value *v = cluster->obj->v;
	c->id = (uint8_t)v[CLUSTER_ID].num;
	c->key_file = keep_text(b, &v[CLUSTER_KEY_FILE]);
	c->port = (uint16_t)v[CLUSTER_PORT].num;
	c->heartbeat_ms = (uint32_t)v[CLUSTER_HEARTBEAT].num;
	c->dead_after_ms = (uint32_t)v[CLUSTER_DEAD_AFTER].num;
	uint32_t n = 0;
	struct config_entry *nodes = v[CLUSTER_NODES].set ? collect_nodes(b, v[CLUSTER_NODES].named, &n) : NULL;
	struct config_peer *peers = keep_array(b, &b->c->arena, n, sizeof(*peers));
	if (!peers)
		return;
	for (uint32_t i = 0; i < n; i++)
		build_peer(b, &nodes[i], &peers[i]);
	c->nodes = peers;
	c->n_nodes = n;
	c->self = find_self(b);
	config_rules_cluster(b, cluster->obj, nodes);
}

const struct schema_value *config_on_node(const struct config_builder *b, const struct schema_value *v, uint32_t node)
{
	const struct config_cluster *c = &b->c->cluster;
	if (!v->set || !v->by_node)
		return v->set ? v : NULL;
	for (uint32_t i = 0; node < c->n_nodes && i < v->n; i++)
		if (strcmp(v->list[i].node->text, c->nodes[node].name) == 0)
			return &v->list[i];
	return NULL;
}

/* A list is of peers, and the same on all nodes: our own address in it is not meant. By node: those of the others. */
uint32_t config_peers(const struct config_builder *b, const struct schema_value *keys, uint32_t node, struct lb_ip *out)
{
	const struct schema_value *unicast = &keys[INSTANCE_UNICAST];
	const struct schema_value *own = config_on_node(b, unicast->by_node ? unicast : &keys[INSTANCE_SOURCE], node);
	uint32_t n = 0;
	for (uint32_t i = 0; unicast->set && i < unicast->n && n < CONFIG_UNICAST_MAX; i++)
		if (!own || lb_ip_cmp(&unicast->list[i].ip, &own->ip) != 0)
			out[n++] = unicast->list[i].ip;
	return n;
}

static const struct config_vip *build_vips(
	struct config_builder *b, const struct schema_value *v, uint32_t max, uint32_t *n)
{
	*n = v->set ? at_most(v->n, max) : 0;
	struct config_vip *vips = keep_array(b, &b->c->arena, *n, sizeof(*vips));
	for (uint32_t i = 0; vips && i < *n; i++)
		vips[i] = (struct config_vip){ v->list[i].ip, (uint8_t)v->list[i].num };
	if (!vips)
		*n = 0;
	return vips;
}

static void build_tracks(struct config_builder *b, struct config_instance *in)
{
	const struct schema_value *list = &in->keys->v[INSTANCE_TRACK];
	uint32_t n = list->set ? at_most(list->n, CONFIG_TRACKS_MAX) : 0;
	in->tracks = keep_array(b, &b->c->arena, n, sizeof(*in->tracks));
	for (uint32_t i = 0; in->tracks && i < n; i++) {
		const struct schema_value *v = list->list[i].obj->v, *up = &v[TRACK_SERVICES_UP];
		struct config_track *t = &in->tracks[in->v->n_tracks++];
		*t = (struct config_track){
			.type = CONFIG_TRACK_SERVICES_UP,
			.name = "",
			.weight = (int)v[TRACK_WEIGHT].num,
			.debounce_ms = v[TRACK_DEBOUNCE].num,
		};
		if (up->set)
			t->services_up = (struct config_share){ (uint32_t)up->num, up->percent };
		for (unsigned k = TRACK_INTERFACE; k < TRACK_SERVICES_UP; k++)
			if (v[k].set) {
				t->type = (enum config_track_type)(CONFIG_TRACK_INTERFACE + (k - TRACK_INTERFACE));
				t->name = config_keep(b, v[k].text, v[k].n);
			}
		if (t->type == CONFIG_TRACK_CHECK)
			t->check = config_check_slot(b, v[TRACK_CHECK].text, v[TRACK_CHECK].n);
	}
	in->v->tracks = in->tracks;
}

/* `default` is of the family of whatever else of it has one. */
static uint8_t family_of(const struct config_vrrp *i, const struct schema_value *const *said, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (said[k]->set && said[k]->ip.family)
			return said[k]->ip.family;
	return i->family;
}

static struct lb_ip net_of(const struct schema_value *v, uint8_t family)
{
	struct lb_ip ip = v->set ? v->ip : (struct lb_ip){ 0 };
	ip.family = ip.family ? ip.family : family;
	return ip;
}

/* Made member by member in zeroed memory: they are compared as bytes. Behind build_sending: dev is its interface. */
static void build_routes(struct config_builder *b, struct config_instance *in)
{
	const struct schema_value *list = &in->keys->v[INSTANCE_ROUTES];
	struct config_vrrp *i = in->v;
	uint32_t n = list->set ? at_most(list->n, CONFIG_ROUTES_MAX) : 0;
	struct route *all = keep_array(b, &b->c->arena, n, sizeof(*all));
	for (uint32_t k = 0; all && k < n; k++) {
		const struct schema_value *v = list->list[k].obj->v, *dev = &v[ROUTE_DEV];
		const struct schema_value *said[] = { &v[ROUTE_TO], &v[ROUTE_VIA], &v[ROUTE_SOURCE] };
		struct route *r = &all[k];
		memset(r, 0, sizeof(*r));
		r->to = net_of(&v[ROUTE_TO], family_of(i, said, 3));
		r->prefix = (uint8_t)v[ROUTE_TO].num;
		r->via = v[ROUTE_VIA].ip;
		r->source = v[ROUTE_SOURCE].ip;
		r->table = (uint32_t)v[ROUTE_TABLE].num;
		r->metric = (uint32_t)v[ROUTE_METRIC].num;
		if (dev->set)
			memcpy(r->dev, dev->text, at_most(dev->n, sizeof(r->dev) - 1));
		else
			memcpy(r->dev, i->interface, at_most((uint32_t)strlen(i->interface), sizeof(r->dev) - 1));
	}
	i->routes = all;
	i->n_routes = all ? n : 0;
}

static void build_rules(struct config_builder *b, struct config_instance *in)
{
	const struct schema_value *list = &in->keys->v[INSTANCE_RULES];
	uint32_t n = list->set ? at_most(list->n, CONFIG_RULES_MAX) : 0;
	struct rule *all = keep_array(b, &b->c->arena, n, sizeof(*all));
	for (uint32_t k = 0; all && k < n; k++) {
		const struct schema_value *v = list->list[k].obj->v;
		const struct schema_value *said[] = { &v[RULE_FROM], &v[RULE_TO] };
		uint8_t family = family_of(in->v, said, 2);
		struct rule *r = &all[k];
		memset(r, 0, sizeof(*r));
		r->from = net_of(&v[RULE_FROM], family);
		r->from_prefix = (uint8_t)v[RULE_FROM].num;
		r->to = net_of(&v[RULE_TO], family);
		r->to_prefix = (uint8_t)v[RULE_TO].num;
		r->table = (uint32_t)v[RULE_TABLE].num;
		r->priority = (uint32_t)v[RULE_PRIORITY].num;
		r->fwmark = (uint32_t)v[RULE_FWMARK].num;
	}
	in->v->rules = all;
	in->v->n_rules = all ? n : 0;
}

static void build_auth(struct config_builder *b, const struct schema_value *auth, struct config_vrrp *i)
{
	i->key_file = "";
	if (!auth->set)
		return;
	const struct schema_value *v = auth->obj->v;
	i->auth = v[AUTH_TYPE].set ? (enum config_auth)v[AUTH_TYPE].num : CONFIG_AUTH_NONE;
	i->key_file = keep_text(b, &v[AUTH_KEY_FILE]);
	if (i->auth == CONFIG_AUTH_HMAC) {
		i->auth_mode = (enum vrrp_auth_mode)v[AUTH_MODE].num;
		i->auth_window_ms = (uint32_t)v[AUTH_WINDOW].num;
	}
}

/* What this node sends and where. node: which one it is. */
static void build_sending(struct config_builder *b, struct config_instance *in, uint32_t node)
{
	const struct schema_value *v = in->keys->v, *unicast = &v[INSTANCE_UNICAST];
	const struct schema_value *source = config_on_node(b, &v[INSTANCE_SOURCE], node);
	const struct schema_value *own = unicast->by_node ? config_on_node(b, unicast, node) : source;
	const struct schema_value *interface = config_on_node(b, &v[INSTANCE_INTERFACE], node);
	struct config_vrrp *i = in->v;
	struct lb_ip peers[CONFIG_UNICAST_MAX];
	i->interface = interface ? config_keep(b, interface->text, interface->n) : "";
	if (own)
		i->source = own->ip;
	i->n_peers = config_peers(b, v, node, peers);
	struct lb_ip *kept = keep_array(b, &b->c->arena, i->n_peers, sizeof(*kept));
	if (kept)
		memcpy(kept, peers, i->n_peers * sizeof(*kept));
	i->n_peers = kept ? i->n_peers : 0;
	i->peers = kept;
	i->min_ttl = i->n_peers ? (uint8_t)v[INSTANCE_MIN_TTL].num : VRRP_TTL;
	const struct schema_value *priority = config_on_node(b, &v[INSTANCE_PRIORITY], node);
	const struct config_cluster *c = &b->c->cluster;
	i->priority = PRIORITY_ALONE;
	for (uint32_t k = 0; k < c->n_nodes; k++) {
		const struct schema_value *there = config_on_node(b, &v[INSTANCE_PRIORITY], k);
		in->priority[k] = there ? (uint8_t)there->num : c->nodes[k].priority;
		if (k == node)
			i->priority = in->priority[k];
	}
	if (priority)
		i->priority = (uint8_t)priority->num;
}

uint32_t config_vrrp_lease_enough(uint32_t interval_cs)
{
	/* a lease has two thirds left when it ends at worst, and the down interval is less than four intervals */
	return (6 * interval_cs + 99) / 100;
}

static uint32_t build_lease(const struct schema_value *lease, uint32_t interval_cs)
{
	uint32_t enough = config_vrrp_lease_enough(interval_cs);
	if (lease->set)
		return (uint32_t)(lease->num / 1000);
	return lease->off ? 0 : enough > LEASE_LEAST_S ? enough : LEASE_LEAST_S;
}

/* Nothing else would tell switches where a virtual hardware address is when adverts go to single peers: those leave
 * from the card's. An owner's addresses are the card's own. */
static int64_t build_refresh(const struct config_vrrp *i, const struct schema_value *refresh)
{
	bool told = !i->virtual_mac || !i->n_peers || i->priority == VRRP_PRIO_OWNER;
	if (refresh->set)
		return refresh->num;
	return refresh->off || told ? 0 : MAC_REFRESH_MS;
}

static void build_times(struct config_vrrp *i, const struct schema_value *v)
{
	const struct schema_value *a = v[INSTANCE_ANNOUNCE].obj->v;
	i->interval_cs = (uint32_t)(v[INSTANCE_ADVERT_INTERVAL].num / 10);
	i->lease_s = build_lease(&v[INSTANCE_LEASE], i->interval_cs);
	i->preempt = v[INSTANCE_PREEMPT].num;
	/* a delay of what does not happen would only be a difference between equal instances */
	i->preempt_delay_ms = i->preempt && v[INSTANCE_PREEMPT_DELAY].set ? v[INSTANCE_PREEMPT_DELAY].num : 0;
	i->startup_delay_ms = v[INSTANCE_STARTUP_DELAY].set ? v[INSTANCE_STARTUP_DELAY].num : 0;
	i->announce_count = (uint32_t)a[ANNOUNCE_ROUNDS].num;
	i->announce_delay_ms = a[ANNOUNCE_DELAY].set ? a[ANNOUNCE_DELAY].num : 0;
	i->announce_refresh_ms = build_refresh(i, &a[ANNOUNCE_REFRESH]);
}

static void build_instance(struct config_builder *b, struct config_instance *in)
{
	const struct schema_value *v = in->keys->v;
	const struct config_node *key = in->entry->key;
	struct config_vrrp *i = in->v;
	*i = (struct config_vrrp){
		.name = config_keep(b, key->text, key->len),
		.file = b->files[key->file],
		.line = key->line,
		.group = keep_text(b, &v[INSTANCE_GROUP]),
		.vrid = (uint8_t)v[INSTANCE_VRID].num,
		.version = (uint8_t)v[INSTANCE_VERSION].num,
		.family = v[INSTANCE_ADDRESSES].set ? v[INSTANCE_ADDRESSES].list[0].ip.family : AF_INET,
		.accept = v[INSTANCE_ACCEPT].num,
		.virtual_mac = v[INSTANCE_VIRTUAL_MAC].num,
	};
	i->addresses = build_vips(b, &v[INSTANCE_ADDRESSES], VRRP_ADDRS_MAX, &i->n_addresses);
	i->excluded = build_vips(b, &v[INSTANCE_EXCLUDED], CONFIG_EXCLUDED_MAX, &i->n_excluded);
	i->sum = i->version == 3 && i->family == AF_INET ? (enum vrrp_sum)v[INSTANCE_CHECKSUM].num : VRRP_SUM_RFC5798;
	build_sending(b, in, (uint32_t)b->c->cluster.self);
	build_routes(b, in);
	build_rules(b, in);
	build_times(i, v);
	build_auth(b, &v[INSTANCE_AUTH], i);
	build_tracks(b, in);
}

void config_build_vrrp(struct config_builder *b)
{
	static const struct config_path up = { NULL, "vrrp", 4, 0 };
	if (b->vrrp.n > CONFIG_VRRP_MAX) {
		config_say(
			b, b->vrrp.v[CONFIG_VRRP_MAX].key, NULL, NULL, "more than %u VRRP instances", CONFIG_VRRP_MAX);
		b->vrrp.n = CONFIG_VRRP_MAX;
	}
	struct config_vrrp *built = keep_array(b, &b->c->arena, b->vrrp.n, sizeof(*built));
	b->instances = keep_array(b, b->tree, b->vrrp.n, sizeof(*b->instances));
	for (size_t i = 0; built && b->instances && i < b->vrrp.n && !b->report->oom; i++) {
		const struct config_entry *e = &b->vrrp.v[i];
		struct config_instance *in = &b->instances[b->n_instances];
		struct schema_object *keys = schema_object_new(&b->rd, SCHEMA_VRRP);
		if (!keys)
			return;
		*in = (struct config_instance){ .entry = e,
			.path = { &up, e->key->text, e->key->len, 0 },
			.keys = keys,
			.v = &built[b->n_instances] };
		schema_object_reset(keys, b->vrrp_defaults);
		if (!schema_read(&b->rd, e->value, e->key, &in->path, false, keys))
			continue;
		b->n_instances++;
		build_instance(b, in);
		config_rules_instance(b, in);
	}
	b->c->vrrp = built;
	b->c->n_vrrp = b->n_instances;
	config_rules_instances(b);
}

void config_build_hooks(struct config_builder *b)
{
	const struct schema_value *hooks = &b->root->v[ROOT_HOOKS];
	struct config_hook *h = &b->c->state_hook;
	h->path = "";
	if (!hooks->set || !hooks->obj->v[HOOKS_STATE].set)
		return;
	const struct schema_value *state = &hooks->obj->v[HOOKS_STATE], *v = state->obj->v;
	h->path = keep_text(b, &v[HOOK_PATH]);
	h->timeout_ms = (uint32_t)v[HOOK_TIMEOUT].num;
	config_rules_hooks(b, state);
}
