/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/ct_flow.h"

#include <netinet/in.h>
#include <string.h>

#define GONE_S        30u
#define GONE_LONG_S   300u /* of TCP: who keeps quiet for minutes is an ordinary client */
#define REFRESH_MIN_S 25u  /* less than CT_AUDIT_S, so that each look tells of what lives for a minute only */

bool ct_flow_is_established(const struct flow *f)
{
	if (f->key.protocol == IPPROTO_TCP)
		return f->state >= CT_TCP_ESTABLISHED && f->state != CT_TCP_LAST;
	return f->key.protocol != IPPROTO_SCTP || f->state >= CT_SCTP_ESTABLISHED;
}

bool ct_flow_is_closing(const struct flow *f)
{
	if (f->key.protocol == IPPROTO_TCP)
		return f->state > CT_TCP_ESTABLISHED && f->state != CT_TCP_LAST;
	return f->key.protocol == IPPROTO_SCTP && f->state > CT_SCTP_ESTABLISHED && f->state < CT_SCTP_LAST;
}

static bool state_is_valid(const struct flow *f)
{
	switch (f->key.protocol) {
	case IPPROTO_TCP: return f->state > 0 && f->state <= CT_TCP_LAST;
	case IPPROTO_SCTP: return f->state > 0 && f->state <= CT_SCTP_LAST;
	case IPPROTO_UDP: return f->state == 0;
	default: return false;
	}
}

/* What the kernel has no place for is not carried. */
static bool details_are_valid(const struct flow *f)
{
	bool tcp = f->key.protocol == IPPROTO_TCP;
	bool any = false, legal = true;
	for (int i = 0; i < 2; i++) {
		any |= f->ct.tcp_flags[i] || f->ct.tcp_scale[i];
		legal &= !(f->ct.tcp_flags[i] & ~CT_TCP_FLAGS) && f->ct.tcp_scale[i] <= CT_TCP_SCALE_MAX;
	}
	return legal && (tcp || !any) &&
	       (f->key.protocol == IPPROTO_SCTP || (!f->ct.sctp_tag[0] && !f->ct.sctp_tag[1]));
}

bool ct_flow_is_valid(const struct flow *f)
{
	return f->has_ct && flow_is_whole(f) && !f->key.template && !(f->flags & ~CT_FLAGS) && f->timeout_s &&
	       state_is_valid(f) && details_are_valid(f);
}

bool ct_flow_same_nat(const struct flow *a, const struct flow *b)
{
	return lb_ip_cmp(&a->dest, &b->dest) == 0 && a->dest_port == b->dest_port &&
	       lb_ip_cmp(&a->ct.to, &b->ct.to) == 0 && a->ct.to_port == b->ct.to_port &&
	       !((a->flags ^ b->flags) & (CT_SRC_NAT | CT_DST_NAT));
}

bool ct_flow_same(const struct flow *a, const struct flow *b)
{
	return flow_key_cmp(&a->key, &b->key) == 0 && ct_flow_same_nat(a, b) && !((a->flags ^ b->flags) & CT_FLAGS) &&
	       a->state == b->state && a->fwmark == b->fwmark &&
	       memcmp(a->ct.tcp_flags, b->ct.tcp_flags, sizeof(a->ct.tcp_flags)) == 0 &&
	       memcmp(a->ct.tcp_scale, b->ct.tcp_scale, sizeof(a->ct.tcp_scale)) == 0 &&
	       memcmp(a->ct.sctp_tag, b->ct.sctp_tag, sizeof(a->ct.sctp_tag)) == 0;
}

static uint32_t at_most(uint32_t s, uint32_t max)
{
	return s < max ? s : max;
}

uint32_t ct_flow_gone_s(const struct flow *f)
{
	bool lasts = f->key.protocol != IPPROTO_UDP && ct_flow_is_established(f) && !ct_flow_is_closing(f);
	return at_most(f->timeout_s, lasts ? GONE_LONG_S : GONE_S);
}

uint32_t ct_flow_hold_s(const struct flow *f)
{
	uint32_t least = 2 * CT_AUDIT_S;
	return f->flags & CT_GONE || ct_flow_is_closing(f) || f->timeout_s > least ? f->timeout_s : least;
}

bool ct_flow_is_refreshed(uint32_t known_s, uint32_t left_s)
{
	uint32_t step = left_s / 4 > REFRESH_MIN_S ? left_s / 4 : REFRESH_MIN_S;
	return left_s > known_s && left_s - known_s >= step;
}
