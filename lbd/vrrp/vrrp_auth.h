/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signed adverts: the 28 bytes that keepalived 2.4.3 puts behind a message (draft-cassen-vrrp-auth-hmac).
 *
 *   type 1 | key id | 0 0 | be32 seconds (UTC) | be16 fraction (1/65536 s) | be16 counter | 16 bytes of HMAC-SHA256
 *
 * The HMAC covers a pseudo header of 20 bytes (4 or 6, VRRP version, VRID, 0, source in 16 bytes, IPv4 left-aligned),
 * the message with its checksum as zero, the first 12 bytes of the trailer, and 16 zero bytes. Neither destination nor
 * TTL: one signed copy serves all peers. The checksum of IPv4 does not cover the trailer; that of IPv6 does.
 *
 * Seconds, fraction and counter are one growing number of 64 bits. A receiver refuses what is outside a window around
 * its own clock or not above the last one of that sender.
 */
#pragma once

#include "common/err.h"
#include "lbd/vrrp/vrrp_pkt.h"

#define VRRP_KEYS_MAX    8
#define VRRP_KEY_MIN     32 /* bytes of a key */
#define VRRP_KEY_MAX     64
#define VRRP_SENDERS_MAX 4 /* whose last number is remembered; the one that was silent longest makes room */

enum vrrp_auth_mode {
	VRRP_AUTH_OFF,
	VRRP_AUTH_RECEIVE_ONLY, /* verifies what is signed, takes what is not, signs nothing */
	VRRP_AUTH_PERMISSIVE,   /* signs; takes what is not signed */
	VRRP_AUTH_ENFORCE,      /* signs; takes only what is signed */
};

struct vrrp_key {
	uint8_t id; /* 1..255 */
	uint8_t n;
	uint8_t bytes[VRRP_KEY_MAX];
};

struct vrrp_auth {
	enum vrrp_auth_mode mode;
	uint32_t window_ms; /* 1000..300000 */
	size_t n_keys;      /* the first signs, all verify */
	struct vrrp_key keys[VRRP_KEYS_MAX];
	uint64_t sent; /* the last number; 0 = none */
	struct {
		struct lb_ip from; /* family 0 = free */
		uint64_t seen;
		int64_t wall_us; /* when it was last heard */
	} senders[VRRP_SENDERS_MAX];
};

/* Text of a key file: "ID HEX" per line, '#' comments and empty lines. Keys are taken over into a (mode and window
 * stay). 0, or -1 with *e naming the line: the key itself is never in a message. */
int vrrp_auth_keys(struct vrrp_auth *a, const char *text, size_t n, struct lb_err *e);

/* Signs the message of len bytes in `room` (its checksum may be set already), which has VRRP_TRAILER bytes more.
 * Returns the new length; len unchanged where the mode does not sign. wall_us: UTC in microseconds. For IPv6 the caller
 * writes the checksum afterwards (vrrp_pkt_sum6). A mode that signs has a key. */
size_t vrrp_auth_sign(struct vrrp_auth *a, const struct lb_ip *source, int64_t wall_us, uint8_t *room, size_t len);

/* Whether a packet that vrrp_pkt_read took (NONE) is what it says: NONE, AUTH or REPLAY. The sender's number moves only
 * for NONE. Constant time in the key and the HMAC. */
enum vrrp_discard vrrp_auth_verify(
	struct vrrp_auth *a, const struct vrrp_datagram *d, const struct vrrp_advert *advert, int64_t wall_us);
