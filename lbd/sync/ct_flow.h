/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One entry of connection tracking as a value: a struct flow with has_ct.
 *
 *   key        protocol, zone, and the first packet: from client to virtual
 *   dest       where the answer comes from: virtual itself, the target of a DNAT rule, or the backend that IPVS chose
 *   ct.to      where the answer goes: client itself, or the address of an SNAT rule
 *   flags      CT_x    state   of TCP or SCTP, numbers of the kernel; otherwise 0    fwmark   its mark
 *
 * A table keeps both kinds, in two tables: what differs is in ct, and in words of this file. Pure.
 */
#pragma once

#include "lbd/sync/flow.h"

/* Of the kernel, enum ip_conntrack_status of include/uapi/linux/netfilter/nf_conntrack_common.h */
#define CT_SEEN_REPLY 0x02u
#define CT_ASSURED    0x04u
#define CT_SRC_NAT    0x10u
#define CT_DST_NAT    0x20u
/* Ours: the kernel of who tells it has no such entry any more. It need not be so here: see ct_flow_gone_s. */
#define CT_GONE       0x80000000u
#define CT_FLAGS      (CT_SEEN_REPLY | CT_ASSURED | CT_SRC_NAT | CT_DST_NAT | CT_GONE)
/* Of a table only, and nobody is told: the other node may have it from an earlier word, whatever it has heard since. */
#define CT_TOLD       0x40000000u
/* The same: the other node has said that it is over there, and nothing has shown since that it lives here. Nor is the
 * other node told of it until then: once it has forgotten that end it would take it for news. */
#define CT_DOUBT      0x20000000u

/* enum tcp_conntrack, of nf_conntrack_tcp.h; enum sctp_conntrack */
#define CT_TCP_ESTABLISHED  3
#define CT_TCP_LAST         9 /* SYN_SENT2 */
#define CT_SCTP_ESTABLISHED 4
#define CT_SCTP_LAST        8 /* HEARTBEAT_SENT */

/* IP_CT_TCP_FLAG_x: window scale and SACK were agreed on, this side was the first to close. What else the kernel has in
 * there is about packets that only it has seen. */
#define CT_TCP_FLAGS     0x07u
#define CT_TCP_SCALE_MAX 14
/* Packets outside the window count, too. Not carried: every entry that is copied gets it, on both nodes. Who forwards
 * has not seen what the other one forwarded before, in either direction: nor has the first one when it is its turn
 * again. */
#define CT_TCP_LIBERAL   0x08u

/* Whether a kernel would take it: whole, a protocol that is copied (TCP, UDP, SCTP), a state of it, a timeout. */
bool ct_flow_is_valid(const struct flow *f);
/* All alike but the timeout. */
bool ct_flow_same(const struct flow *a, const struct flow *b);
/* The same translation of addresses: an entry whose translation is another one cannot be changed, only made anew. */
bool ct_flow_same_nat(const struct flow *a, const struct flow *b);
/* Both sides have agreed on it, or the protocol knows no such thing. */
bool ct_flow_is_established(const struct flow *f);
/* It waits for no packet any more but late ones. */
bool ct_flow_is_closing(const struct flow *f);

/* How long the other node keeps an entry whose end it was told of. It may be the one that forwards by now: the entry of
 * a node that has handed its addresses over ends for want of packets, and with masquerade at once, and then nobody must
 * take the other one's. So it is not removed but has to show that it lives: a packet gives it its full time again. */
uint32_t ct_flow_gone_s(const struct flow *f);
/* For how long an entry is put into the other node's kernel. Nobody tells of every packet, only now and then that there
 * are some (CT_AUDIT_S): it must not end in between. */
uint32_t ct_flow_hold_s(const struct flow *f);
/* Whether a timeout that the kernel has now, left_s, is news to who knows of known_s: it is told again when that saves
 * it from ending there. */
bool ct_flow_is_refreshed(uint32_t known_s, uint32_t left_s);

#define CT_AUDIT_S 30 /* the kernel's table is looked through */

/* For so long an end is known that the other node could not be told: as long as a kernel keeps TCP without a packet. */
#define CT_KEEP_S 432000u
