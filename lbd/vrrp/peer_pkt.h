/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A beat: what a node says to another one over the second path (UDP, cluster.port), signed with the key of the cluster.
 * All numbers in network byte order.
 *
 *   0  "LBDP"     4 version 1   5 flags      6 cluster id   7 entries      8 heartbeat, ms (2)   10 zero (2)
 *  12  node (8)   20 session (8)  28 seq (8)   36 echo session (8)   44 echo seq (8)
 *  52  echo held for, us (4)      56 wall clock, us (8)        64 configuration (8)
 *  72  instances in all (2)       74 version of lbd, text (22)
 *  96  entries of 32: instance (8) | state (1) | priority (1) | flags (1) | family of the address: 4, 6 or 0 (1) |
 *      interval, cs (2) | zero (2) | address of its adverts (16, IPv4 left-aligned, else zero)
 *  end HMAC-SHA256 over all before it (32)
 *
 * There is one form of each beat: what has no meaning is zero, flags without a name included, and who sends anything
 * else is refused. What is new needs a new version.
 *
 * Freshness needs no clock: a beat repeats the session (a random number of each run) and the number of the last beat of
 * the other side. Who repeats what we sent a moment ago is there now, and no recording of it (peer_link.h).
 */
#pragma once

#include "common/addr.h"
#include "lbd/vrrp/vrrp_fsm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_KEY_MIN     32 /* bytes */
#define PEER_KEY_MAX     64
#define PEER_HEAD        96
#define PEER_ENTRY       32
#define PEER_SIGNATURE   32
#define PEER_ENTRIES_MAX 32 /* of one beat; with more instances further beats follow */
#define PEER_PKT_MAX     (PEER_HEAD + PEER_ENTRIES_MAX * PEER_ENTRY + PEER_SIGNATURE) /* 1152: below any MTU of IPv6 */
#define PEER_VERSION_MAX 23                                                           /* of lbd, with a NUL */
#define PEER_WALL_MAX_US (INT64_C(1) << 62) /* so that two clocks can be subtracted */

#define PEER_FLAG_ASK 0x01 /* of a beat: answer at once, I do not know you yet */

/* Of an entry: soft state, each beat says it anew. */
#define PEER_ENTRY_ARM   0x01 /* I am master and about to leave: be ready */
#define PEER_ENTRY_ARMED 0x02 /* I am ready: leave */
#define PEER_ENTRY_WANT  0x04 /* I am not master: hand it over to me */
#define PEER_ENTRY_OUT   0x08 /* I resigned: of my own accord I do not become master now */

struct peer_key {
	size_t n; /* PEER_KEY_MIN .. PEER_KEY_MAX */
	uint8_t bytes[PEER_KEY_MAX];
};

struct peer_entry {
	uint64_t id; /* peer_name_id of the instance's name; not 0 */
	enum vrrp_state state;
	uint8_t prio;         /* effective */
	uint8_t flags;        /* PEER_ENTRY_* */
	uint32_t interval_cs; /* of its adverts, 0..VRRP_INTERVAL_CS_MAX */
	struct lb_ip source;  /* of its adverts, or of its last ones; family 0 = it has had none */
};

struct peer_beat {
	uint8_t cluster;                 /* cluster.id, 1..255 */
	uint8_t flags;                   /* PEER_FLAG_* */
	uint32_t heartbeat_ms;           /* 10..10000: the next beat comes by then */
	uint64_t node;                   /* peer_name_id of the sender's name */
	uint64_t session, seq;           /* neither is ever 0 */
	uint64_t echo_session, echo_seq; /* both 0 = nothing heard yet, else neither */
	uint32_t echo_held_us;           /* from its arrival to this beat; 0 where nothing was heard */
	int64_t wall_us;                 /* UTC, 0..PEER_WALL_MAX_US */
	uint64_t config;                 /* a digest of what runs; equal = the same configuration */
	uint32_t instances;              /* of the sender in all, n..65535 */
	char version[PEER_VERSION_MAX];  /* printable ASCII */
	size_t n;
	struct peer_entry v[PEER_ENTRIES_MAX]; /* each instance once */
};

/* Why a beat was refused; the names are those of counters (peer_refusals). */
enum peer_refusal {
	PEER_OK,
	PEER_LENGTH,  /* not as long as it says */
	PEER_FORMAT,  /* not a beat; or a field out of range, which is looked at only behind a good signature */
	PEER_VERSION, /* of another version of this protocol */
	PEER_CLUSTER, /* of another cluster */
	PEER_KEY,     /* the signature is not that of our key */
	PEER_REPLAY,  /* authentic, and older than one we have had */
	PEER_SOURCE,  /* from an address that is none of that node's, or of a node that we do not know */
};
#define PEER_REFUSAL_COUNT (PEER_SOURCE + 1)
extern const char *const peer_refusals[PEER_REFUSAL_COUNT]; /* "" "length" "format" ... */

/* FNV-1a, 64 bits, never 0. */
uint64_t peer_name_id(const char *name);

/* Writes b, signed. Returns its length. b is legal: that is the caller's business. */
size_t peer_pkt_write(const struct peer_beat *b, const struct peer_key *key, uint8_t out[PEER_PKT_MAX]);

/* PEER_OK and *b (all of it set); else why, *b undefined. Looked at in this order: whether there are the eight bytes
 * that say what it is, magic, version (another one may have another length), length, cluster, signature (constant time
 * in key and signature), and everything else behind it. Never REPLAY or SOURCE. */
enum peer_refusal peer_pkt_read(
	const uint8_t *bytes, size_t len, uint8_t cluster, const struct peer_key *key, struct peer_beat *b);

/* A key file: 32..64 bytes in hexadecimal with blanks and newlines around, or else 32..64 bytes as they are, a newline
 * at the end included. Digits of fewer or more bytes, or half of one, are no key: they were meant to be the former. 0,
 * or -1 and *key untouched. The key itself is never in a message. */
int peer_key_read(struct peer_key *key, const uint8_t *text, size_t n);
