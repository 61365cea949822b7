/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of rtnetlink about devices (linux/if_link.h) as bytes: macvlans and what they need of the kernel. */
#pragma once

#include "lbd/vrrp/rtnl.h"

enum link_what {
	LINK_MAKE, /* a macvlan with name and mac on the card index; it must not be there yet */
	LINK_SET,  /* of the macvlan `name`: alias, settings of IPv4 */
	LINK_SET6, /* of the macvlan `name`: no addresses of its own making; -EAFNOSUPPORT: there is no IPv6 on it */
	LINK_CARD, /* of the card index: what it must not say in the macvlan's place; arp_ignore, arp_announce */
	LINK_MTU,  /* index, mtu */
	LINK_UP,   /* index */
	LINK_DOWN,
	LINK_DELETE, /* index, or where that is 0 name */
};

#define LINK_ALIAS_MAX 32

/* What a card answers to and says while addresses of its network are on a macvlan of it (ip-sysctl). Else it would
 * answer for them with its own hardware address, and name them as the sender of its own questions. */
#define LINK_ARP_IGNORE   1u
#define LINK_ARP_ANNOUNCE 2u

struct link_ask {
	enum link_what what;
	uint32_t owner; /* whom the answer is for */
	char name[16];  /* of the macvlan, always */
	int index;
	uint8_t mac[6];
	char alias[LINK_ALIAS_MAX]; /* for people: ip link shows it */
	uint32_t arp_ignore, arp_announce;
	uint32_t mtu;
};

/* 0; -EMSGSIZE: full, nothing written. */
int link_msg_write(struct vip_batch *b, uint32_t seq, const struct link_ask *a);
