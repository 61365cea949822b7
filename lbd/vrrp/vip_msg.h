/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of rtnetlink (linux/rtnetlink.h, if_link.h, if_addr.h) as bytes, without a socket: requests into a batch,
 * and what comes back. Nothing that is read points into the buffer.
 */
#pragma once

#include "lbd/vrrp/rtnl.h"
#include "lbd/vrrp/vip.h"
#include "lbd/vrrp/way.h"

#include <stddef.h>

#define VIP_MSG_MAX 160 /* bytes of the longest request, those of way_msg.h and link_msg.h among them */

/* Adds (or renews) or removes one address, acknowledged. lease_s 0 = for ever, VIP_HOSTS_OWN; metric: of the route to
 * its subnet, 0 = as the kernel likes. 0; -EMSGSIZE: full, nothing written. */
int vip_msg_add(struct vip_batch *b, uint32_t seq, int index, const struct vip *v, uint32_t lease_s, uint32_t metric);
int vip_msg_del(struct vip_batch *b, uint32_t seq, int index, const struct vip *v);
int vip_msg_dump_links(struct vip_batch *b, uint32_t seq);
int vip_msg_dump_addrs(struct vip_batch *b, uint32_t seq);

enum vip_heard_type {
	VIP_HEARD_OTHER,     /* nothing of ours */
	VIP_HEARD_LINK,      /* index, name, up, and where it was said the MAC */
	VIP_HEARD_LINK_GONE, /* index */
	VIP_HEARD_ADDR,      /* index, addr, secondary, unfit, scope, proto */
	VIP_HEARD_ADDR_GONE, /* index, addr */
	VIP_HEARD_WAY,       /* way: a route or rule of ours */
	VIP_HEARD_STATUS,    /* err: the answer to seq */
	VIP_HEARD_DONE,      /* the end of dump seq, perhaps with err */
};

struct vip_heard {
	enum vip_heard_type type;
	uint32_t seq;
	int err;          /* a positive errno; 0 = done */
	bool interrupted; /* this part of a dump is not of one moment: entries may be missing */
	int index;
	char name[16];
	bool up, on, mac_said, has_mac; /* what follows is told where mac_said */
	uint8_t mac[6];
	bool macvlan, deaf;
	int link;
	uint32_t mtu;
	uint32_t arp_ignore, arp_announce;
	struct vip addr;
	bool secondary; /* IPv4: behind another of its subnet */
	bool unfit;     /* IPv6: duplicate detection runs or failed */
	uint8_t scope, proto;
	struct way way;
};

/* The next message of a datagram at *at. 1; 0 = its end; -EBADMSG: not whole, the rest is lost. */
int vip_msg_next(const uint8_t *buf, size_t len, size_t *at, struct vip_heard *out);
