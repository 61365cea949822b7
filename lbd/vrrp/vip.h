/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cards and virtual addresses as values; vip_io.h is where they come from. */
#pragma once

#include "common/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define VIP_LABEL_PROTO 0x6c /* IFA_PROTO of our addresses where the kernel knows it (5.18 and later): 'l' */

/* A lease: for ever, and not labelled: it is the host's with or without us, and none of what we leave behind. */
#define VIP_HOSTS_OWN UINT32_MAX

struct vip {
	struct lb_ip ip;
	uint8_t prefix;
};

/* A card, as the kernel names it. Read by everybody, written by vip_book.c. */
struct vip_card {
	char name[16];  /* IFNAMSIZ */
	int index;      /* 0 = there is none of that name now */
	uint32_t life;  /* another number: another card, even where the index is the same */
	uint32_t life6; /* another number: its last IPv6 address has left, and maybe its multicast groups */
	bool up;        /* administratively up and with carrier */
	bool on;        /* administratively up */
	bool deaf;      /* it is part of a bridge, bond or the like, which takes what arrives (a VRF does not) */
	bool macvlan;   /* on the card with the index `link` */
	int link;
	uint32_t mtu;
	bool has_mac;
	uint8_t mac[6];
	struct lb_ip source4; /* primary IPv4 address: the first that is not one of ours (vips_mine); family 0 = none */
	struct lb_ip source6; /* link-local, past duplicate detection */
	uint32_t arp_ignore, arp_announce; /* its own settings (ip-sysctl), as last told */
	uint32_t metric; /* of the routes that addresses bring along; 0 = as the kernel likes. The owner's */
};
