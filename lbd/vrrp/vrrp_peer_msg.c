/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_peer_msg.h"

#include <string.h>

/* What a configuration may say is within all of them. */
#define HEARTBEAT_MIN_MS 10
#define HEARTBEAT_MAX_MS 10000
#define DEAD_MIN_MS      30
#define DEAD_MAX_MS      60000

/* ---- vrrp.peers ---- */

static json_t *nodes_write(const struct vrrp_peers *p)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		struct lb_members o = { json_object(), false };
		lb_put_str(&o, "name", p->nodes[i].name);
		lb_put_paths(&o, "paths", p->nodes[i].paths, p->nodes[i].n_paths);
		if (!lb_list_add(list, lb_members_end(&o)))
			return NULL;
	}
	return list;
}

/* An address tells whose beat it is, and never is one of our own. */
static bool address_taken(const struct vrrp_peers *p, uint32_t node, uint32_t path)
{
	const struct lb_ip *ip = &p->nodes[node].paths[path].theirs;
	for (uint32_t i = 0; i <= node; i++)
		for (uint32_t k = 0; k < (i < node ? p->nodes[i].n_paths : path); k++)
			if (lb_ip_cmp(&p->nodes[i].paths[k].theirs, ip) == 0)
				return true;
	for (uint32_t k = 0; k < p->nodes[node].n_paths; k++)
		if (lb_ip_cmp(&p->nodes[node].paths[k].ours, ip) == 0)
			return true;
	return false;
}

static bool all_different(const struct vrrp_peers *p)
{
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		if (strcmp(p->nodes[i].name, p->self) == 0)
			return false;
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(p->nodes[i].name, p->nodes[k].name) == 0)
				return false;
		for (uint32_t k = 0; k < p->nodes[i].n_paths; k++)
			if (address_taken(p, i, k))
				return false;
	}
	return true;
}

void vrrp_peers_write(const struct vrrp_peers *p, struct lb_members *o)
{
	lb_put(o, "nodes", nodes_write(p));
	if (!p->n_nodes)
		return; /* no key is told where nothing is signed */
	lb_put_str(o, "self", p->self);
	lb_put_int(o, "cluster", p->cluster);
	lb_put_int(o, "port", p->port);
	lb_put_int(o, "heartbeat_ms", p->heartbeat_ms);
	lb_put_int(o, "dead_after_ms", p->dead_after_ms);
	lb_put_u64(o, "config", p->config);
	lb_put(o, "key", lb_hex_write(p->key.bytes, p->key.n));
}

void vrrp_peers_read(struct lb_fields *f, struct vrrp_peers *p)
{
	const json_t *list = lb_field_list(f, "nodes", VRRP_NODES_MAX);
	p->n_nodes = (uint32_t)json_array_size(list);
	if (!p->n_nodes)
		return;
	lb_field_name(f, "self", p->self, sizeof(p->self));
	p->cluster = (uint8_t)lb_field_u32(f, "cluster", 1, UINT8_MAX);
	p->port = (uint16_t)lb_field_u32(f, "port", 1, UINT16_MAX);
	p->heartbeat_ms = lb_field_u32(f, "heartbeat_ms", HEARTBEAT_MIN_MS, HEARTBEAT_MAX_MS);
	p->dead_after_ms = lb_field_u32(f, "dead_after_ms", DEAD_MIN_MS, DEAD_MAX_MS);
	f->bad |= p->dead_after_ms <= 2 * p->heartbeat_ms;
	p->config = lb_field_u64(f, "config");
	p->key.n = lb_field_bytes(f, "key", p->key.bytes, PEER_KEY_MIN, PEER_KEY_MAX);
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		struct lb_fields one = { json_array_get(list, i), false };
		struct vrrp_peer *n = &p->nodes[i];
		lb_field_name(&one, "name", n->name, sizeof(n->name));
		n->n_paths = lb_field_paths(&one, "paths", n->paths, PEER_PATHS_MAX);
		f->bad |= one.bad || n->n_paths == 0;
	}
	f->bad = f->bad || !all_different(p);
}

/* ---- vrrp.node ---- */

static json_t *seen_write(const struct vrrp_msg_node *n)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < n->n_paths; i++) {
		struct lb_members o = { json_object(), false };
		lb_put_ip(&o, "theirs", &n->paths[i].theirs);
		lb_put_bool(&o, "up", n->paths[i].up);
		lb_put_int(&o, "rtt_us", n->paths[i].rtt_us);
		if (!lb_list_add(list, lb_members_end(&o)))
			return NULL;
	}
	return list;
}

static void seen_read(struct lb_fields *f, struct vrrp_msg_node *n)
{
	const json_t *list = lb_field_list(f, "paths", PEER_PATHS_MAX);
	n->n_paths = (uint32_t)json_array_size(list);
	for (uint32_t i = 0; i < n->n_paths; i++) {
		struct lb_fields one = { json_array_get(list, i), false };
		n->paths[i].theirs = lb_field_ip(&one, "theirs");
		n->paths[i].up = lb_field_bool(&one, "up");
		n->paths[i].rtt_us = lb_field_u32(&one, "rtt_us", 0, UINT32_MAX);
		f->bad |= one.bad;
	}
}

/* By reason; what was taken is none. */
static json_t *refused_write(const uint64_t *n)
{
	struct lb_members o = { json_object(), false };
	for (unsigned i = PEER_OK + 1; i < PEER_REFUSAL_COUNT; i++)
		lb_put_int(&o, peer_refusals[i], (int64_t)n[i]);
	return lb_members_end(&o);
}

static void refused_read(struct lb_fields *outer, uint64_t *n)
{
	struct lb_fields f = { json_object_get(outer->from, "refused"), outer->bad };
	for (unsigned i = PEER_OK + 1; i < PEER_REFUSAL_COUNT; i++)
		n[i] = lb_field_counter(&f, peer_refusals[i]);
	outer->bad = f.bad;
}

void vrrp_node_write(const struct vrrp_msg_node *n, struct lb_members *o)
{
	lb_put_str(o, "name", n->name);
	lb_put_bool(o, "up", n->up);
	lb_put_bool(o, "same_config", n->same_config);
	lb_put_str(o, "version", n->version);
	lb_put_int(o, "instances", n->instances);
	lb_put_int(o, "restarts", n->restarts);
	lb_put_int(o, "offset_us", n->offset_us);
	lb_put(o, "paths", seen_write(n));
	lb_put_int(o, "taken", (int64_t)n->refused[PEER_OK]);
	lb_put(o, "refused", refused_write(n->refused));
}

void vrrp_node_read(struct lb_fields *f, struct vrrp_msg_node *n)
{
	lb_field_name(f, "name", n->name, sizeof(n->name));
	n->up = lb_field_bool(f, "up");
	n->same_config = lb_field_bool(f, "same_config");
	lb_field_text(f, "version", n->version, sizeof(n->version));
	n->instances = lb_field_u32(f, "instances", 0, UINT32_MAX);
	n->restarts = lb_field_u32(f, "restarts", 0, UINT32_MAX);
	n->offset_us = lb_field_int(f, "offset_us", INT64_MIN, INT64_MAX);
	seen_read(f, n);
	n->refused[PEER_OK] = lb_field_counter(f, "taken");
	refused_read(f, n->refused);
}
