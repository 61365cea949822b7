/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_copy.h"

#include <netinet/in.h>
#include <stdlib.h>

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

static const struct sync_skip *find(const struct sync_conf *conf, const struct sync_skip *key)
{
	return conf->n_skips ? bsearch(key, conf->skips, conf->n_skips, sizeof(*conf->skips), compare) : NULL;
}

bool sync_copied(const struct sync_conf *conf, const struct flow *f)
{
	struct sync_skip key = { .protocol = f->key.protocol, .port = f->key.virtual_port, .addr = f->key.virtual };
	if (f->fwmark)
		key = (struct sync_skip){ .fwmark = f->fwmark, .addr.family = f->key.virtual.family };
	const struct sync_skip *skip = find(conf, &key);
	if (!skip && !f->fwmark) { /* a service of all ports */
		key.port = 0;
		skip = find(conf, &key);
	}
	enum sync_what what = skip ? skip->what : SYNC_ESTABLISHED;
	return what == SYNC_ALL || (what == SYNC_ESTABLISHED && is_established(f));
}
