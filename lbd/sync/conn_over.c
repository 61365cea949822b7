/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/conn_over.h"

#include <netinet/in.h>

#define LOCALNODE   1u /* IP_VS_CONN_F_LOCALNODE */
/* include/net/ip_vs.h */
#define TCP_CLOSE   6u
#define SCTP_CLOSED 13u

static uint16_t closed(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? TCP_CLOSE : protocol == IPPROTO_SCTP ? SCTP_CLOSED : 0;
}

bool conn_ends_at_once(const struct flow *f)
{
	return !f->key.template && (f->key.protocol == IPPROTO_TCP || f->key.protocol == IPPROTO_SCTP);
}

void conn_over(const struct flow *f, struct flow *out)
{
	*out = *f;
	out->timeout_s = CONN_OVER_S;
	if (!conn_ends_at_once(f)) {
		out->flags |= FLOW_INACTIVE;
		return;
	}
	out->flags = LOCALNODE | (f->flags & FLOW_NO_CPORT);
	out->state = closed(f->key.protocol);
	out->has_seq = false;
	out->pe_name_n = out->pe_data_n = 0;
	/* the same destination would be taken for news of the same connection */
	out->dest_port = f->key.virtual_port;
	if (f->dest_port == out->dest_port && lb_ip_cmp(&f->dest, &f->key.virtual) == 0)
		out->dest_port ^= 1;
	out->dest = f->key.virtual;
}

bool conn_is_over(const struct flow *f)
{
	return conn_ends_at_once(f) && f->state == closed(f->key.protocol) &&
	       lb_ip_cmp(&f->dest, &f->key.virtual) == 0 && (f->dest_port | 1) == (f->key.virtual_port | 1);
}

bool conn_is_record(const struct flow *f)
{
	return conn_is_over(f) && (f->flags & FLOW_METHOD) == LOCALNODE;
}

bool conn_was_ended(const struct flow *f)
{
	return conn_is_over(f) || (f->key.protocol == IPPROTO_UDP && !f->key.template && f->flags & FLOW_INACTIVE);
}
