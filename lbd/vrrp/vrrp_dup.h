/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Somebody else on the network says that it has one of our virtual addresses: what ARP (RFC 826, RFC 5227) and
 * neighbour advertisements (RFC 4861 4.4) say of that, and when it becomes VRRP_ALARM_DUPLICATE. Only a master looks.
 *
 * One sight is no alarm: whoever takes over from us announces the address a moment before we yield, and whoever yields
 * to us may have announced it a moment before. After VRRP_DUP_WAIT intervals we ask who has it (an ARP probe, the
 * solicitation of a duplicate detection: neither changes anybody's table); the next sight, asked for or not, raises the
 * alarm. Meanwhile the address is announced again, so that neighbours hear the winner last.
 */
#pragma once

#include "common/addr.h"
#include "common/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VRRP_DUP_WAIT     2     /* of our intervals */
#define VRRP_DUP_PROBE_MS 20000 /* from one question to the next, while somebody has been seen */
/* Without another sight, until it is over: three questions, of which two may be lost. And hosts that were told wrongly
 * believe it no longer: Linux doubts a neighbour after 15 to 45 s. */
#define VRRP_DUP_QUIET_MS 60000

struct vrrp_sight {
	struct lb_ip ip; /* who has it: */
	uint8_t mac[6];
};

/* Read any bytes. An ARP message (what follows the Ethernet header; padding may follow it), request or reply; an ICMPv6
 * message. 0; -EBADMSG: not one, or it says of no address and card that they belong together. */
int vrrp_dup_arp(const uint8_t *bytes, size_t n, struct vrrp_sight *out);
int vrrp_dup_na(const uint8_t *bytes, size_t n, struct vrrp_sight *out);

#define VRRP_DUP_PROBE_MAX 78
/* The question who has an address as an Ethernet frame of a card with that MAC. Returns its length. */
size_t vrrp_dup_probe(const struct lb_ip *ip, const uint8_t mac[6], uint8_t out[VRRP_DUP_PROBE_MAX]);

/* What is to be done, as bits. */
#define VRRP_DUP_DEFEND 0x01u /* announce the address that was seen */
#define VRRP_DUP_PROBE  0x02u /* ask who has who.ip */
#define VRRP_DUP_RAISE  0x04u /* the alarm: it is who */
#define VRRP_DUP_END    0x08u

struct vrrp_dup { /* zero = nobody */
	struct vrrp_sight who;
	bool raised;
	struct lb_time first_at; /* us 0 = nobody has been seen */
	struct lb_time seen_at, probe_at;
	struct lb_time defended_at;
	struct lb_time deadline; /* of vrrp_dup_timer; LB_TIME_NEVER, or us 0: none */
};

/* Somebody else has one of our addresses. Until excused_until it may: it was master before us, and its lease runs. */
uint32_t vrrp_dup_seen(struct vrrp_dup *d, const struct vrrp_sight *s, int64_t interval_us,
	struct lb_time excused_until, struct lb_time now);
/* At or after the deadline. */
uint32_t vrrp_dup_timer(struct vrrp_dup *d, struct lb_time now);
/* We are not master any more, or have not who.ip any more. */
uint32_t vrrp_dup_stop(struct vrrp_dup *d);

/* "10.0.0.100 at 02:00:00:00:00:01" */
void vrrp_dup_text(const struct vrrp_sight *s, char *text, size_t size);
