/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual hardware address of an instance (RFC 9568 7.3) and the device that has it: a macvlan on the instance's
 * card, on which the addresses are while we are master.
 *
 * It is there as long as the instance is, and administratively up only while we are master: a backup's must neither
 * hear nor say anything with an address that is in use elsewhere. It goes down before its addresses go: a device that
 * is up would tell the network that it leaves their multicast groups, from the virtual address, after somebody else
 * has taken that over, and switches would believe it.
 *
 * It has the MTU of its card. The kernel lowers it with that, and never raises it again; where it was below 1280 for a
 * moment there would be no IPv6 on it for good.
 *
 * Mode bridge. In mode private the kernel gives a frame from our own virtual address to that macvlan alone: two masters
 * (the same address on both) would never hear each other's adverts on the card, and neither would yield.
 */
#pragma once

#include "lbd/vrrp/link_msg.h"
#include "lbd/vrrp/vip.h"

#include <stdbool.h>
#include <stdint.h>

/* Routes to the subnets of addresses on a macvlan: behind those of the card itself, which stay the way out. */
#define VMAC_METRIC 4096

/* 00:00:5e:00:01:VRID, for IPv6 00:00:5e:00:02:VRID. */
void vmac_address(uint8_t family, uint8_t vrid, uint8_t out[6]);

/* "lbd4-51-eth0", for IPv6 "lbd6-..."; of the name of a card for which there is no room, a digest of six digits. */
void vmac_name(uint8_t family, uint8_t vrid, const char *card, char out[16]);

/* Whether a device was made by one of us: its name, its kind and its address say so. */
bool vmac_is_ours(const char *name, bool macvlan, const uint8_t mac[6]);

/* An IPv6 address as it is put on the macvlan: a link-local one with the subnet of them all, as nothing else gives that
 * device a way to answer. */
void vmac_fit(struct vip *v);

/* The MTU that a device on that card is to have: a card may have one that the kernel gives no macvlan. */
uint32_t vmac_mtu(const struct vip_card *card);

/* What is to be done about the device. */
enum vmac_word {
	VMAC_WORD_NOTHING,
	VMAC_WORD_MAKE,   /* there is none */
	VMAC_WORD_REMOVE, /* it is of another time: on another card */
	VMAC_WORD_TAKEN,  /* somebody else's has its name */
	VMAC_WORD_ADOPT,  /* it is there, and was not when we last looked: settings, then as it should be */
	VMAC_WORD_MTU,    /* its card has a larger one, which it is to have, too */
	VMAC_WORD_UP,
	VMAC_WORD_DOWN,
};

struct vmac_seen {
	const struct vip_card *card, *own; /* the instance's, and the macvlan */
	const uint8_t *mac;
	uint32_t life;  /* of own when it was adopted; 0 = it was not */
	bool master;    /* wants it up */
	bool may_stay;  /* not decided: what is up stays up */
	bool mtu_asked; /* a moment ago: who sets it again and again is not answered as often */
};
enum vmac_word vmac_look(const struct vmac_seen *s);
