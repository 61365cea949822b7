/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A private dummy device, and the guard at its entrance: messages of rtnetlink as bytes (include/uapi/linux/if_link.h,
 * include/uapi/linux/pkt_sched.h, pkt_cls.h).
 *
 * Why a guard: whoever can send a datagram to the backup daemon of IPVS owns the flows, and any local process may send
 * multicast out of any device, which is looped back to the daemon. Such a copy enters through the ingress of the
 * device. There everything is dropped that does not bear our mark, and a mark cannot be set without CAP_NET_ADMIN or
 * CAP_NET_RAW. It lives and dies with the device and no reload of a packet filter removes it.
 */
#pragma once

#include "common/addr.h"
#include "common/nlmsg.h"

struct tap_link {
	int index;
	bool up;
	uint32_t mtu;
	char name[16], kind[16], alias[64];
};

int tap_link_msg_get(struct lb_nl_batch *b, uint32_t seq, const char *name);
int tap_link_msg_new(struct lb_nl_batch *b, uint32_t seq, const char *name, uint32_t mtu);
/* No address of IPv6 by itself. Refused where the kernel has no IPv6, which is as well. Before it is up. */
int tap_link_msg_quiet(struct lb_nl_batch *b, uint32_t seq, int index);
/* Up, with multicast, and with the name of its owner. */
int tap_link_msg_up(struct lb_nl_batch *b, uint32_t seq, int index, const char *alias);
int tap_link_msg_addr(struct lb_nl_batch *b, uint32_t seq, int index, const struct lb_ip *ip4);
int tap_link_msg_del(struct lb_nl_batch *b, uint32_t seq, int index);

/* Reads an answer to get: 0 and *out; -EBADMSG. */
int tap_link_read(const struct lb_nl_msg *m, struct tap_link *out);

/* The guard, in this order: from the second step on everything is dropped, the third lets the mark pass. Each is
 * answered by EEXIST where it is there. */
int tap_link_msg_ingress(struct lb_nl_batch *b, uint32_t seq, int index);
int tap_link_msg_drop(struct lb_nl_batch *b, uint32_t seq, int index);
int tap_link_msg_pass(struct lb_nl_batch *b, uint32_t seq, int index, uint32_t mark);
