/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hardware addresses of all cards of this host, watched or not: what comes from one of them is ours. A host with
 * two cards on one network answers at both for an address on either. Fed with the same messages as vip_book.h.
 */
#pragma once

#include "common/vec.h"
#include "lbd/vrrp/vip_msg.h"

struct vip_macs { /* zero = none known */
	LB_VEC(struct vip_mac {
		int index;
		uint32_t dump; /* the last one that mentioned it */
		uint8_t mac[6];
	})
	cards; /* by index */
	uint32_t dump;
};

void vip_macs_done(struct vip_macs *m);
/* A message of a dump or a notification. 0; -ENOMEM: that card is not known. */
int vip_macs_hear(struct vip_macs *m, const struct vip_heard *h);
void vip_macs_dump_begin(struct vip_macs *m);
void vip_macs_dump_end(struct vip_macs *m); /* whole: what it did not mention is not there */
bool vip_macs_has(const struct vip_macs *m, const uint8_t mac[6]);
