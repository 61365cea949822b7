/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's own synchronisation of flows, for another node that is not lbd: built, and judged. */
#include "lbd/config/config_build.h"

static void rule_multicast(struct config_builder *b, const struct schema_value *v, const struct schema_value *all)
{
	static const struct config_path up = { NULL, "sync", 4, 0 };
	const struct config_path path = { &up, "multicast", 9, 0 };
	const struct config_path of_group = { &path, "group", 5, 0 };
	const struct schema_value *group = &all[MULTICAST_GROUP];
	if (!lb_ip_is_multicast(&group->ip) && !group->wrong)
		config_say(b, config_at_or(group, v->at), &of_group, "224.0.0.81 is what is used mostly",
			"group is not a multicast address");
	if (!all[MULTICAST_ID].set && !all[MULTICAST_ID].wrong && !b->root->v[ROOT_CLUSTER].at)
		config_say(b, v->at, &path, "in keepalived it is the vrid of its instance unless set",
			"without a cluster the synchronisation needs an id");
	if (!b->vrrp.n)
		config_say(b, v->at, &path, "who is master sends, who is not receives",
			"multicast goes by the roles of vrrp, but there is no instance");
	config_warn(b, v->at, &path,
		"flows are copied without authentication: whoever can send on that network decides where they go",
		"a network of the two nodes alone; between two nodes with lbd leave multicast out and set "
		"cluster.key_file");
}

void config_build_multicast(struct config_builder *b)
{
	const struct schema_value *sync = &b->root->v[ROOT_SYNC];
	const struct schema_value *v = sync->set ? &sync->obj->v[SYNC_MULTICAST] : NULL;
	b->c->multicast.interface = "";
	if (!v || !v->set)
		return;
	const struct schema_value *all = v->obj->v, *name = &all[MULTICAST_INTERFACE];
	rule_multicast(b, v, all);
	b->c->multicast = (struct config_multicast){ .interface = config_keep(b, name->text, name->n),
		.group = all[MULTICAST_GROUP].ip,
		.port = (uint16_t)all[MULTICAST_PORT].num,
		.id = all[MULTICAST_ID].set ? (uint8_t)all[MULTICAST_ID].num : b->c->cluster.id };
}
