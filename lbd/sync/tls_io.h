/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link between two nodes: TLS 1.3 with a key that both have (no certificates), over TCP. It carries frames and does
 * not know what is in them; who speaks is another file.
 *
 * Both nodes listen on their own addresses. The one whose name sorts first dials, round the addresses of the other,
 * until there is a link; at the next one when the last link ended soon or in silence. Whoever accepts takes a new
 * connection that proved the key in place of an older one: the older may be half dead, and who dials does so only when
 * it has none.
 *
 * Nothing that comes from the network reaches the owner before the other side has proved that it has the key and is the
 * node that it must be. What does not get so far changes a counter. It is bounded in number, time and memory, and goes
 * behind what the link itself has to do: only addresses of the peer are let in at all, 4 connections from each and 8 of
 * all, for 3 s; one too many takes the place of the oldest that has proved nothing.
 *
 * TLS 1.3 (RFC 8446) with an external key (RFC 9257), psk_dhe_ke, bound to SHA-256 as a key is to one hash. No tickets,
 * no resumption, no early data. The key of the link is derived from that of the cluster (HKDF, RFC 5869), which signs
 * other things, too. The identity "lbd/1/CLUSTER/WHO DIALS/WHO ACCEPTS/KEY" says which role each side has, so that what
 * a node says cannot be played back to itself; KEY is a name of the key that tells nothing of it.
 */
#pragma once

#include "common/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct tls_link;

#define TLS_PATHS_MAX 16
#define TLS_NAME_MAX  64 /* bytes of a node's name, with its NUL */
#define TLS_KEY_MIN   32 /* bytes of a cluster key */
#define TLS_KEY_MAX   64
#define TLS_FRAME_MAX 65536u
#define TLS_ROOM      (256u * 1024u) /* bytes that wait to be sent, a frame takes 4 more than it has */
#define TLS_TEXT_MAX  160

struct tls_key {
	size_t n; /* 0 = none */
	uint8_t bytes[TLS_KEY_MAX];
};

struct tls_conf {
	char self[TLS_NAME_MAX], peer[TLS_NAME_MAX]; /* not the same */
	uint8_t cluster;
	uint16_t port; /* of both nodes */
	size_t n_paths;
	struct lb_path paths[TLS_PATHS_MAX];
	/* Both are accepted, the first dials first. Two while a key is changed: the new one in front on one node after
	 * the other, then the old one away. */
	struct tls_key keys[2];
	uint32_t seed; /* spreads the times at which it dials */
};

/* Why there is no link, or why a connection ended. */
enum tls_reason {
	TLS_REASON_NONE,
	TLS_REASON_REFUSED,     /* nobody listens there */
	TLS_REASON_UNREACHABLE, /* no way to that address, or our own is not there */
	TLS_REASON_TIMEOUT,     /* no answer in time, at the beginning or later */
	TLS_REASON_KEY,         /* another key, another cluster, or not the node it must be */
	TLS_REASON_CLOSED,      /* by the other side */
	TLS_REASON_PROTOCOL,    /* no TLS 1.3, or a frame that is too long */
	TLS_REASON_REPLACED,    /* by a newer connection of the same peer */
	TLS_REASON_OURS         /* no memory, no descriptor */
};
#define TLS_REASON_COUNT (TLS_REASON_OURS + 1)
extern const char *const tls_reasons[]; /* one word for each */

/* All from the loop, never from inside tls_link_*. In each of them every tls_link_* may be called, tls_link_free
 * included. */
struct tls_calls {
	void (*up)(void *arg); /* what was sent before is gone: begin anew */
	/* The link ended; or, while there is none, the reason for that is another one than was told last. While the
	 * other side dials, only what proves to be a wrong key is told: anybody can send garbage. */
	void (*down)(enum tls_reason why, const char *text, void *arg);
	void (*frame)(const uint8_t *p, size_t n, void *arg); /* 1..TLS_FRAME_MAX bytes, borrowed */
	void (*can_write)(void *arg); /* something was sent, and there is room for the longest frame */
};

struct tls_stats {
	uint64_t ups, accepted;
	uint64_t foreign;             /* closed at once: not an address of the peer */
	uint64_t crowded;             /* closed because of too many others that proved nothing */
	uint64_t accept_errors;       /* no descriptor, no memory: a moment later again */
	uint64_t bytes_in, bytes_out; /* of frames */
	uint64_t ended[TLS_REASON_COUNT];
};

/* Before the filter of the process, once: everything that libssl and libcrypto load when they are first used. False:
 * they do not work. A process that has a link ignores SIGPIPE. */
bool tls_prepare(void);

/* conf is copied, with its keys. NULL: no memory. A listener that cannot be opened is tried again every second. */
struct tls_link *tls_link_new(
	struct ev_loop *loop, const struct tls_conf *conf, const struct tls_calls *calls, void *arg);
void tls_link_free(struct tls_link *l); /* says goodbye, wipes the keys; no call any more */

bool tls_link_up(const struct tls_link *l);

/* The address at the other end; family 0 while there is no link. */
struct lb_ip tls_link_theirs(const struct tls_link *l);

/* Bytes of the longest frame that can be sent now; 0 while there is no link. */
size_t tls_link_room(const struct tls_link *l);

/* Takes a copy. 0; -ENOTCONN; -ENOBUFS no room; -EMSGSIZE not 1..TLS_FRAME_MAX bytes. */
int tls_link_send(struct tls_link *l, const uint8_t *p, size_t n);

/* The owner has had enough of this connection: what waits is sent as far as it goes at once, then it ends, and dialling
 * begins again with its back-off; at the next address when nothing was heard on this one (silent), or it ended soon.
 * `down` is not called. */
void tls_link_drop(struct tls_link *l, bool silent);

const struct tls_stats *tls_link_stats(const struct tls_link *l);
