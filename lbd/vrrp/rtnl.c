/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/rtnl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* The place for n more bytes, zeroed and padded, or NULL. */
static void *room(struct vip_batch *b, size_t n)
{
	size_t padded = NLMSG_ALIGN(n);
	if (padded > b->cap - b->len)
		return NULL;
	void *p = b->buf + b->len;
	memset(p, 0, padded);
	b->len += padded;
	return p;
}

bool rtnl_attr(struct vip_batch *b, uint16_t type, const void *data, size_t n)
{
	const struct rtattr head = { .rta_len = (unsigned short)RTA_LENGTH(n), .rta_type = type };
	uint8_t *at = room(b, RTA_LENGTH(n));
	if (!at)
		return false;
	memcpy(at, &head, sizeof(head));
	memcpy(at + RTA_LENGTH(0), data, n);
	return true;
}

bool rtnl_u32(struct vip_batch *b, uint16_t type, uint32_t value)
{
	return rtnl_attr(b, type, &value, sizeof(value));
}

bool rtnl_begin(struct vip_batch *b, uint32_t seq, uint16_t type, uint16_t flags, const void *head, size_t head_len)
{
	const struct nlmsghdr h = {
		.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags), .nlmsg_seq = seq
	};
	uint8_t *at = room(b, NLMSG_HDRLEN + head_len);
	if (!at)
		return false;
	memcpy(at, &h, sizeof(h));
	memcpy(at + NLMSG_HDRLEN, head, head_len);
	return true;
}

int rtnl_end(struct vip_batch *b, size_t from, bool ok)
{
	if (!ok) {
		b->len = from;
		return -EMSGSIZE;
	}
	uint32_t len = (uint32_t)(b->len - from);
	memcpy(b->buf + from + offsetof(struct nlmsghdr, nlmsg_len), &len, sizeof(len));
	return 0;
}

bool rtnl_parse(const uint8_t *p, size_t len, struct rtnl_attr *by_type, size_t n_types)
{
	while (len >= RTA_LENGTH(0)) {
		struct rtattr a;
		memcpy(&a, p, sizeof(a));
		if (a.rta_len < RTA_LENGTH(0) || a.rta_len > len)
			return false;
		size_t type = a.rta_type & NLA_TYPE_MASK, step = RTA_ALIGN(a.rta_len);
		if (type < n_types)
			by_type[type] = (struct rtnl_attr){ p + RTA_LENGTH(0), a.rta_len - RTA_LENGTH(0) };
		if (step >= len)
			break;
		p += step;
		len -= step;
	}
	return true;
}
