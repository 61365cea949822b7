/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/tap_diag_msg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>

static const struct inet_diag_req_v2 all = { .sdiag_family = AF_INET,
	.sdiag_protocol = IPPROTO_UDP,
	.idiag_ext = 1u << (INET_DIAG_SKMEMINFO - 1),
	.idiag_states = UINT32_MAX,
	.id = { .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } };

int tap_diag_msg_receiver(struct lb_nl_batch *b, uint32_t seq, const struct lb_ip *to, uint16_t port, int index)
{
	size_t from = b->len;
	struct inet_diag_req_v2 r = all;
	r.id.idiag_dport = htons(port); /* of the receiver: the two ends are swapped in this request, of old */
	memcpy(r.id.idiag_dst, to->b, 4);
	r.id.idiag_if = (uint32_t)index;
	return lb_nl_end(b, from, lb_nl_begin(b, seq, SOCK_DIAG_BY_FAMILY, NLM_F_ACK, &r, sizeof(r)));
}

int tap_diag_msg_all(struct lb_nl_batch *b, uint32_t seq)
{
	size_t from = b->len;
	return lb_nl_end(b, from, lb_nl_begin(b, seq, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &all, sizeof(all)));
}

static void read_memory(const struct lb_nl_attr *a, struct tap_diag *out)
{
	uint32_t words[SK_MEMINFO_DROPS + 1];
	if (!a->data || a->n < sizeof(words))
		return;
	memcpy(words, a->data, sizeof(words));
	out->has_memory = true;
	out->queued = words[SK_MEMINFO_RMEM_ALLOC];
	out->size = words[SK_MEMINFO_RCVBUF];
	out->drops = words[SK_MEMINFO_DROPS];
}

int tap_diag_read(const struct lb_nl_msg *m, struct tap_diag *out)
{
	struct inet_diag_msg d;
	struct lb_nl_attr attrs[INET_DIAG_SKMEMINFO + 1] = { 0 };
	if (m->type != SOCK_DIAG_BY_FAMILY || m->n < sizeof(d))
		return -EBADMSG;
	memcpy(&d, m->body, sizeof(d));
	if (d.idiag_family != AF_INET ||
		!lb_nl_parse(m->body + sizeof(d), m->n - sizeof(d), attrs, INET_DIAG_SKMEMINFO + 1))
		return -EBADMSG;
	struct tap_diag t = { .local = { .family = AF_INET },
		.remote = { .family = AF_INET },
		.local_port = ntohs(d.id.idiag_sport),
		.remote_port = ntohs(d.id.idiag_dport),
		.uid = d.idiag_uid };
	memcpy(t.local.b, d.id.idiag_src, 4);
	memcpy(t.remote.b, d.id.idiag_dst, 4);
	read_memory(&attrs[INET_DIAG_SKMEMINFO], &t);
	*out = t;
	return 0;
}
