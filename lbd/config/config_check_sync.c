/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of flows that are copied to the other node: whether they are, and what that asks of services. */
#include "lbd/config/config_build.h"

#include <string.h>

static bool any_copied(const struct config_service *services, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (services[i].sync != CONFIG_SYNC_OFF)
			return true;
	return false;
}

static enum config_flows flows_of(const struct config_cluster *cluster, const struct config_service *services,
	uint32_t n, enum config_conntrack conntrack)
{
	if (cluster->n_nodes < 2)
		return CONFIG_FLOWS_ALONE;
	if (cluster->n_nodes > 2)
		return CONFIG_FLOWS_MANY;
	if (!cluster->key_file[0])
		return CONFIG_FLOWS_NO_KEY;
	if (cluster->self < 0)
		return CONFIG_FLOWS_NO_SELF;
	if (conntrack == CONFIG_CONNTRACK_ALL)
		return CONFIG_FLOWS_COPIED;
	if (!n)
		return CONFIG_FLOWS_NO_SERVICE;
	return any_copied(services, n) ? CONFIG_FLOWS_COPIED : CONFIG_FLOWS_OFF;
}

enum config_flows config_flows(const struct config *c)
{
	return c->multicast.interface[0] ? CONFIG_FLOWS_KERNEL
					 : flows_of(&c->cluster, c->services, c->n_services, c->sync_conntrack);
}

/* The kernel takes a service with backends of both families, or copies flows, not both (ip_vs_ctl.c: its messages have
 * one family for client and backend). It does not matter which service: it is the whole table that is copied. */
static void rule_mixed(struct config_builder *b)
{
	static const struct config_path up = { NULL, "services", 8, 0 };
	for (size_t i = 0; i < b->mixed.n; i++) {
		const struct config_mixed *m = &b->mixed.v[i];
		const char *key = m->backend ? "backends" : "sorry", *leaf = m->backend ? m->backend : "";
		struct config_path service = { &up, m->service->name, (uint32_t)strlen(m->service->name), 0 };
		struct config_path of = { &service, key, (uint32_t)strlen(key), 0 };
		struct config_path backend = { &of, leaf, (uint32_t)strlen(leaf), 0 };
		config_say(b, m->at, m->backend ? &backend : &of,
			"a service for each family; or `sync: off` in all services: then no flow is copied",
			"an %s backend in an %s service while flows are copied: the kernel refuses that",
			m->four ? "IPv4" : "IPv6", m->four ? "IPv6" : "IPv4");
	}
}

/* Each of them is told to the process that copies. */
static void rule_exceptions(struct config_builder *b)
{
	static const struct config_path up = { NULL, "services", 8, 0 };
	uint32_t n = 0;
	for (uint32_t i = 0; i < b->n_built; i++) {
		const struct config_service *s = &b->built[i];
		struct config_path path = { &up, s->name, (uint32_t)strlen(s->name), 0 };
		for (uint32_t k = 0; k < s->n_listens; k++)
			n += s->sync != CONFIG_SYNC_ESTABLISHED || s->listens[k].fwmark;
		if (n > CONFIG_SYNC_LISTENS_MAX) {
			config_say(b, b->services.v[i].key, &path, "`sync: established`, or fewer addresses in listen",
				"more than %u listeners whose sync is not established, or that have a fwmark",
				CONFIG_SYNC_LISTENS_MAX);
			return;
		}
	}
}

void config_rules_sync(struct config_builder *b)
{
	static const struct config_path cluster = { NULL, "cluster", 7, 0 }, path = { &cluster, "nodes", 5, 0 };
	const struct config_cluster *c = &b->c->cluster;
	const struct schema_value *v = &b->root->v[ROOT_CLUSTER];
	if (b->c->multicast.interface[0]) {
		rule_mixed(b);
		return;
	}
	enum config_flows flows = flows_of(c, b->built, b->n_built, b->c->sync_conntrack);
	bool any = any_copied(b->built, b->n_built);
	if (flows == CONFIG_FLOWS_MANY && c->key_file[0] && any)
		config_warn(b, v->obj->v[CLUSTER_NODES].at, &path, "flows are copied between two nodes only: not here",
			"`sync: off` under defaults.service, if that is meant");
	if (flows == CONFIG_FLOWS_NO_SELF && any)
		flows = CONFIG_FLOWS_COPIED; /* on the nodes that this is for */
	if (flows != CONFIG_FLOWS_COPIED || !any)
		return;
	rule_mixed(b);
	rule_exceptions(b);
}
