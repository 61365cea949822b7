/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_copy.h"

#include "lbd/sync/ct_flow.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* include/net/ip_vs.h: of TCP, SYN_SENT, SYN_RECV, SYNACK and LISTEN; of SCTP all before ESTABLISHED */
#define TCP_SYN_SENT     2
#define TCP_SYN_RECV     3
#define TCP_LISTEN       9
#define TCP_SYNACK       10
#define SCTP_ESTABLISHED 8

static bool is_established(const struct flow *f)
{
	if (f->key.template)
		return true;
	if (f->key.protocol == IPPROTO_TCP)
		return f->state != TCP_SYN_SENT && f->state != TCP_SYN_RECV && f->state != TCP_LISTEN &&
		       f->state != TCP_SYNACK && f->state != 0;
	if (f->key.protocol == IPPROTO_SCTP)
		return f->state >= SCTP_ESTABLISHED;
	return true;
}

static int compare(const void *a, const void *b)
{
	return sync_skip_cmp(a, b);
}

static const struct sync_skip *find(const struct sync_skip *list, uint32_t n, const struct sync_skip *key)
{
	return n ? bsearch(key, list, n, sizeof(*list), compare) : NULL;
}

/* One of that listener, or of one of all ports. */
static const struct sync_skip *find_listener(const struct sync_skip *list, uint32_t n, struct sync_skip key)
{
	const struct sync_skip *it = find(list, n, &key);
	key.port = 0;
	return it ? it : find(list, n, &key);
}

/* All listeners with a mark are there: of any other mark is only the packet. */
static const struct sync_skip *find_mark(const struct sync_conf *conf, const struct flow *f)
{
	const struct sync_skip key = { .fwmark = f->fwmark, .addr.family = f->key.virtual.family };
	return f->fwmark ? find(conf->skips, conf->n_skips, &key) : NULL;
}

static enum sync_what what_of(const struct sync_conf *conf, const struct flow *f)
{
	const struct sync_skip key = {
		.protocol = f->key.protocol, .port = f->key.virtual_port, .addr = f->key.virtual
	};
	const struct sync_skip *skip = find_mark(conf, f);
	if (!skip)
		skip = find_listener(conf->skips, conf->n_skips, key);
	return skip ? skip->what : SYNC_ESTABLISHED;
}

bool sync_marks_listener(const struct sync_conf *conf, const struct flow *f)
{
	return find_mark(conf, f) != NULL;
}

bool sync_copied(const struct sync_conf *conf, const struct flow *f)
{
	enum sync_what what = what_of(conf, f);
	return what == SYNC_ALL || (what == SYNC_ESTABLISHED && is_established(f));
}

bool sync_copied_seen(const struct sync_conf *conf, const struct flow *f)
{
	bool counted = f->key.protocol == IPPROTO_UDP && !f->key.template;
	return sync_copied(conf, f) && (!counted || what_of(conf, f) == SYNC_ALL);
}

static bool is_loopback(const struct lb_ip *ip)
{
	static const uint8_t one[16] = { [15] = 1 };
	return lb_ip_is_v6(ip) ? memcmp(ip->b, one, sizeof(one)) == 0 : ip->b[0] == 127;
}

static bool is_of_a_node(const struct sync_conf *conf, const struct lb_ip *ip)
{
	for (uint32_t i = 0; i < conf->n_paths; i++)
		if (lb_ip_cmp(ip, &conf->paths[i].ours) == 0 || lb_ip_cmp(ip, &conf->paths[i].theirs) == 0)
			return true;
	return false;
}

bool sync_copied_ct(const struct sync_conf *conf, const struct flow *f)
{
	const struct lb_ip *from = &f->key.client, *to = &f->key.virtual;
	const struct sync_skip key = { .protocol = f->key.protocol, .port = f->key.virtual_port, .addr = *to };
	if (!ct_flow_is_established(f) || is_loopback(from) || is_loopback(to) || is_of_a_node(conf, from) ||
		is_of_a_node(conf, to))
		return false;
	switch (conf->conntrack) {
	case SYNC_CONNTRACK_AUTO: return find_listener(conf->nats, conf->n_nats, key) != NULL;
	case SYNC_CONNTRACK_ALL: return true;
	case SYNC_CONNTRACK_OFF: break;
	}
	return false;
}
