/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's synchronisation as sync.multicast: lvs_sync_daemon, and what old files have in an instance. */
#include "lbd/import/ka.h"

#include <string.h>

struct daemon {
	const struct ka_node *at;
	const char *interface, *instance, *id, *port, *group;
};

static void read_daemon(struct ka *k, const struct ka_node *n, struct daemon *d)
{
	*d = (struct daemon){ .at = n, .interface = ka_arg(n, 1) };
	for (size_t i = 2; i < n->n; i++) {
		const char *w = n->w[i], *v = ka_arg(n, i + 1);
		if (strcmp(w, "inst") == 0)
			d->instance = v;
		else if (strcmp(w, "id") == 0)
			d->id = v;
		else if (strcmp(w, "port") == 0)
			d->port = v;
		else if (strcmp(w, "group") == 0)
			d->group = v;
		else if (strcmp(w, "maxlen") == 0 || strcmp(w, "ttl") == 0)
			imp_say(k->im, &n->at, IMP_LOST, "lvs_sync_daemon %s: the kernel's own value is used", w);
		else if (i == 2) {
			d->instance = w;
			continue;
		} else
			imp_say(k->im, &n->at, IMP_ERROR, "lvs_sync_daemon: unknown word '%s'", imp_shown(k->im, w));
		i++;
	}
}

static void put_daemon(struct ka *k, const struct daemon *d)
{
	const struct ka_node *in = d->instance ? ka_named_node(k, KA_VRRP_INSTANCE, d->instance) : NULL;
	const char *id = d->id ? d->id : in ? imp_str(k->im, "%lld", (long long)ka_num(ka_get(in, KA_VRID), 0)) : "0";
	int64_t v;
	if (!y_at(k->im, &k->im->root, "vrrp")->child || ka_parse_num(id, 1, 255, &v)) {
		imp_say(k->im, &d->at->at, IMP_LOST,
			"%s: sync.multicast goes by the roles of vrrp and has an id of 1 to 255; between two nodes "
			"with lbd it "
			"is not needed",
			d->at->row->name);
		return;
	}
	struct y *y = y_map(k->im, y_at(k->im, &k->im->root, "sync"), "multicast");
	y->flow = true;
	y_set(k->im, y, "interface", "%s", d->interface);
	if (d->group)
		y_set(k->im, y, "group", "%s", d->group);
	if (d->port)
		y_set(k->im, y, "port", "%s", d->port);
	y_set(k->im, y, "id", "%s", id);
	imp_say(k->im, &d->at->at, IMP_NOTE,
		"%s: only as long as the other node is not lbd; then take sync.multicast out and set cluster.key_file",
		d->at->row->name);
}

void ka_sync(struct ka *k)
{
	const struct ka_node *n = ka_global(k, KA_LVS_SYNC_DAEMON);
	struct daemon d = { 0 };
	if (n)
		read_daemon(k, n, &d);
	for (const struct ka_node *in = ka_first(k->root, KA_VRRP_INSTANCE); in; in = ka_next(in)) {
		const struct ka_node *old = ka_get(in, KA_SYNC_DAEMON_OLD);
		if (old && !d.at)
			d = (struct daemon){ .at = old, .interface = ka_arg(old, 1), .instance = ka_arg(in, 1) };
		else if (old)
			imp_say(k->im, &old->at, IMP_LOST, "%s: one is enough", old->row->name);
	}
	if (d.at)
		put_daemon(k, &d);
}
