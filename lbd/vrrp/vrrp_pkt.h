/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VRRP adverts as bytes: version 2 (RFC 3768 5.3), version 3 (RFC 9568 5.2, which replaced RFC 5798). Reading applies
 * the receive rules (RFC 9568 7.1 with errata 8299, 8300, 8301) in a fixed order: the first that is broken is the
 * reason. A packet that is refused has changed nothing but a counter.
 */
#pragma once

#include "common/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VRRP_PROTOCOL   112
#define VRRP_TTL        255
#define VRRP_TOS        0xc0
#define VRRP_ADDRS_MAX  20 /* of one advert: more need an instance more */
#define VRRP_PASSWORD   8  /* bytes of version 2's "simple text password", zero padded */
#define VRRP_TRAILER    28 /* bytes behind the message where it is signed (vrrp_auth.h) */
#define VRRP_PKT_MAX    (8 + 16 * VRRP_ADDRS_MAX + VRRP_PASSWORD + VRRP_TRAILER)
/* What a socket may deliver: an advert of others may name 255 addresses (it counts, and addrs_differ is said of it),
 * and an IPv4 header may have options. A shorter buffer would cut such a packet, and its length would be wrong. */
#define VRRP_READ_MAX   (60 + 8 + 16 * 255 + VRRP_TRAILER)
#define VRRP_PRIO_LEAVE 0   /* the master gives up */
#define VRRP_PRIO_OWNER 255 /* of who really has the address */

/* Why a packet was refused; the words are the label values of a metric (vrrp_discards). NONE: it was not. */
enum vrrp_discard {
	VRRP_DISCARD_NONE,
	VRRP_DISCARD_STRANGER, /* no instance of that interface, family and VRID */
	VRRP_DISCARD_SOURCE,
	VRRP_DISCARD_TTL,
	VRRP_DISCARD_VERSION,
	VRRP_DISCARD_LENGTH,
	VRRP_DISCARD_CHECKSUM,
	VRRP_DISCARD_COUNT,
	VRRP_DISCARD_INTERVAL,
	VRRP_DISCARD_AUTH,
	VRRP_DISCARD_REPLAY,
};
#define VRRP_DISCARD_COUNT_OF (VRRP_DISCARD_REPLAY + 1)

struct vrrp_discard_row {
	const char *name; /* "checksum" */
	const char *help; /* one line for people */
};
extern const struct vrrp_discard_row vrrp_discards[VRRP_DISCARD_COUNT_OF];

/* Which of the two sums over IPv4 a version 3 packet carries. Both are accepted; RFC 5798's is what everybody sends. */
enum vrrp_sum { VRRP_SUM_RFC5798, VRRP_SUM_RFC9568 };

/* One datagram as the edge got it. len is from the IP header (total length minus header), never from the read: frames
 * may be padded. */
struct vrrp_datagram {
	struct lb_ip from, to;
	uint8_t ttl; /* or hop limit */
	const uint8_t *msg;
	size_t len;
};

/* What an instance sends and expects. Borrowed: addrs (all different), peers. */
struct vrrp_wire {
	uint8_t family;  /* AF_INET, AF_INET6 */
	uint8_t version; /* 2 (AF_INET only), 3 */
	uint8_t vrid;    /* 1..255 */
	enum vrrp_sum sum;
	uint32_t interval_cs; /* ours, in centiseconds: 1..4095 of version 3, whole seconds up to 255 of version 2 */
	struct lb_ip source;  /* ours: family 0 = not known yet */
	const struct lb_ip *addrs;
	size_t n_addrs;
	const struct lb_ip *peers; /* unicast: who may send; none = multicast */
	size_t n_peers;
	uint8_t min_ttl; /* for unicast; multicast is always 255 */
	bool with_password;
	uint8_t password[VRRP_PASSWORD];
};

struct vrrp_advert {
	uint8_t vrid, prio, count;
	uint32_t interval_cs;
	enum vrrp_sum sum;     /* the form that fitted; RFC5798 for IPv6 and version 2 */
	bool addrs_differ;     /* alarm: its list is not ours (as a set; the order tells nothing) */
	bool interval_differs; /* version 3: alarm; it is used all the same */
	size_t trailer;        /* offset of what follows the message: 0 = nothing does, else VRRP_TRAILER bytes */
	struct lb_ip from;
};

/* The group address of a family: 224.0.0.18, ff02::12. */
struct lb_ip vrrp_group_address(uint8_t family);

/* Splits a packet of a raw IPv4 socket, header included, any bytes. 0; -EBADMSG: not a whole IPv4 header or a total
 * length beyond n. Options (IHL above 5) are legal. *out borrows from bytes. */
int vrrp_pkt_ip4(const uint8_t *bytes, size_t n, struct vrrp_datagram *out);

/* The VRID of a message, to find its instance by; 0 when it is too short to have one. */
uint8_t vrrp_pkt_vrid(const struct vrrp_datagram *d);

/* Reads any bytes. may_be_signed: a trailer of VRRP_TRAILER bytes is allowed (its content is vrrp_auth's). *out is
 * untouched unless NONE comes back. The checksum of IPv6 is verified here, too, whatever the kernel does. */
enum vrrp_discard vrrp_pkt_read(
	const struct vrrp_wire *w, const struct vrrp_datagram *d, bool may_be_signed, struct vrrp_advert *out);

/* Writes the message (without IP header) towards `to`, checksum included. Returns its length: at most VRRP_PKT_MAX
 * minus VRRP_TRAILER. room is at least VRRP_PKT_MAX. w->source must be known. */
size_t vrrp_pkt_write(const struct vrrp_wire *w, uint8_t prio, const struct lb_ip *to, uint8_t *room);

/* The 20 bytes of IPv4 header in front of it for a socket with IP_HDRINCL: whole, although the kernel fills in its
 * checksum (and some its total length) once more, so that it is what is seen on the wire. */
#define VRRP_IP4_HEADER 20
void vrrp_pkt_ip4_header(
	const struct lb_ip *from, const struct lb_ip *to, uint16_t id, size_t msg_len, uint8_t out[VRRP_IP4_HEADER]);

/* Writes the checksum of an IPv6 message (with its trailer, if any) of len bytes into it. */
void vrrp_pkt_sum6(const struct lb_ip *from, const struct lb_ip *to, uint8_t *msg, size_t len);

#define VRRP_IP6_HEADER 40
#define VRRP_ETHER      14
/* The header of IPv6 for a message of that length; and of Ethernet, from mac to the group of that family. */
void vrrp_pkt_ip6_header(
	const struct lb_ip *from, const struct lb_ip *to, size_t msg_len, uint8_t out[VRRP_IP6_HEADER]);
void vrrp_pkt_ether(uint8_t family, const uint8_t mac[6], uint8_t out[VRRP_ETHER]);
