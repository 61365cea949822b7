/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What two nodes of a pair say to each other about their flows, as bytes. A frame is a type and a payload; its length
 * is the business of who carries it (TLS over TCP, so nothing is lost or out of order inside a connection). All numbers
 * in network byte order.
 *
 *   1 HELLO   version min, max (2, 2)  epoch (8)  node (1 + n)  configuration (8)  generation (4)  features (4)
 *             seen epoch (8)  streams (1)  seen number (8) of each: what of the other side's flows we have
 *   2 FLOWS   stream (1)  round (4)  after (8)  last (8)  records (2)  then each: length (2), bytes
 *   3 ACK     stream (1)  round (4)  number (8): everything up to it was taken
 *   4 RESYNC  stream (1)  reason (1)  round (4): this round is of no use to me, begin another one at 0
 *   5 MARK    stream (1)  flags (1)  round (4)  after (8)  number (8)
 *             BEGIN: a round begins behind `after`, which is 0 or what the receiver has, and there is something up to
 *             number. FINAL: who has this number has everything that there is
 *   6 PING, 7 PONG   stamp (8), which comes back
 *   8 BYE     reason (1)
 *   9 HOLD    stream (1)  on (1): send me nothing of that for now. When that is over, what has gathered on either side
 *             is a round of its own, behind what the other side has
 *  10 TALK    id (4)  flags (1)  text: what the two cores say to each other, not looked at here but for being UTF-8.
 *             Only to who said in HELLO that it understands it
 *
 * A record of stream 1 (IPVS): form (1)  protocol (1)  ports of client, virtual, server (2, 2, 2)  state (2)  flags (4)
 * fwmark (4)  seconds left (4)  age, ms (4)  addresses of client, virtual, server (4 or 16 each)
 * where form says so: sequence numbers in, out (3 * 4 each);  name (1 + n) and data (1 + n) of a persistence engine.
 * Of a template the seconds are all that it gives each connection, see flow_entry_left
 *
 * A record of stream 2 (connection tracking): form (1)  protocol (1)  zone (2)  ports of client, virtual, server, and
 * where answers go (2 each)  state (2)  flags (4)  mark (4)  seconds left (4)  age, ms (4)  the four addresses (4 or 16
 * each), then of TCP: flags, window scale of the client's side (1, 1), of the server's (1, 1); of SCTP: the two tags
 * (4, 4). An entry that has gone is such a record, too, with CT_GONE: the table is the queue for it like for any other.
 *
 * A newer peer may have more: types, streams and bits that are not known are skipped, and so are bytes behind the known
 * fields of a payload or of a record. What a number means never changes.
 */
#pragma once

#include "common/buf.h"
#include "lbd/sync/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYNC_VERSION_MIN 1
#define SYNC_VERSION_MAX 1

#define SYNC_FRAME_MAX   65536u /* of any peer, type included */
#define SYNC_BATCH_MAX   200    /* records in one of our frames */
#define SYNC_BATCH_BYTES 32768u /* and bytes */
#define SYNC_RECORD_MAX  512u   /* of ours; flows are well below it */
#define SYNC_NODE_MAX    64     /* of a node's name, with its NUL */
#define SYNC_FLOWS_HEAD  24u    /* bytes before the first record, type included */
#define SYNC_SMALL_MAX   160u   /* no frame but FLOWS and TALK is longer */
#define SYNC_TALK_HEAD   6u     /* bytes before the text, type included */
#define SYNC_TALK_MAX    16384u /* bytes of the text */

#define SYNC_FEATURE_CONNTRACK 0x00000001u /* I take records of stream 2 */
#define SYNC_FEATURE_TALK      0x00000002u /* I understand TALK */
#define SYNC_FEATURE_ONWARD    0x00000004u /* behind a HOLD that is over I say where the end is once more */

enum sync_frame {
	SYNC_FRAME_HELLO = 1,
	SYNC_FRAME_FLOWS,
	SYNC_FRAME_ACK,
	SYNC_FRAME_RESYNC,
	SYNC_FRAME_MARK,
	SYNC_FRAME_PING,
	SYNC_FRAME_PONG,
	SYNC_FRAME_BYE,
	SYNC_FRAME_HOLD,
	SYNC_FRAME_TALK
};

/* On the wire one more: 0 is none. */
enum sync_stream { SYNC_STREAM_IPVS, SYNC_STREAM_CONNTRACK };
#define SYNC_STREAM_COUNT (SYNC_STREAM_CONNTRACK + 1)

/* Why a link ended, or is in trouble. Also the reasons of BYE and RESYNC: a number is never used again. */
enum sync_why {
	SYNC_WHY_NONE,
	SYNC_WHY_CLOSED,   /* the transport said no more than that */
	SYNC_WHY_SHUTDOWN, /* the process ends, or has no use for the link any more */
	SYNC_WHY_KEY,      /* the handshake failed: another key, or another cluster */
	SYNC_WHY_VERSION,  /* no version of the protocol that both know */
	SYNC_WHY_NODE,     /* not the node that it should be */
	SYNC_WHY_SELF,     /* it is ourselves */
	SYNC_WHY_PROTOCOL, /* it said what nobody may say */
	SYNC_WHY_SILENT,   /* nothing came for SYNC_SILENT_MS */
	SYNC_WHY_STORM,    /* one side asks for everything again and again; the link stays */
	SYNC_WHY_GAP,      /* of RESYNC: what came does not follow what was there */
	SYNC_WHY_OPERATOR, /* of RESYNC: somebody asked for it */
	SYNC_WHY_OTHER     /* a number that this version does not know */
};
#define SYNC_WHY_COUNT (SYNC_WHY_OTHER + 1)
extern const char *const sync_why_words[SYNC_WHY_COUNT]; /* "" "closed" ... */
extern const char *const sync_why_texts[SYNC_WHY_COUNT]; /* what it is and what to do, for people */

struct sync_hello {
	uint16_t version_min, version_max;
	uint64_t epoch; /* random, not 0, per start of the process: names what its numbers belong to */
	char node[SYNC_NODE_MAX];
	uint64_t config; /* a digest of what runs */
	uint32_t generation;
	uint32_t features;
	uint64_t seen_epoch; /* 0 = none */
	uint64_t seen[SYNC_STREAM_COUNT];
};

struct sync_flows {     /* also the place of a reader in it; points into the frame */
	uint8_t stream; /* as on the wire */
	uint32_t round;
	uint64_t after, last;
	uint16_t left; /* records */
	struct lb_reader r;
};

struct sync_ack {
	uint8_t stream;
	uint32_t round;
	uint64_t number;
};

struct sync_resync {
	uint8_t stream;
	enum sync_why why;
	uint32_t round;
};

#define SYNC_MARK_BEGIN 0x01
#define SYNC_MARK_FINAL 0x02

struct sync_mark {
	uint8_t stream, flags;
	uint32_t round;
	uint64_t after, number;
};

struct sync_hold {
	uint8_t stream;
	bool on;
};

struct sync_talk { /* text: borrowed, n bytes without a NUL at their end */
	uint32_t id;
	uint8_t flags;
	uint16_t n;
	const char *text;
};

struct sync_msg {
	enum sync_frame type;
	union {
		struct sync_hello hello;
		struct sync_flows flows;
		struct sync_ack ack;
		struct sync_resync resync;
		struct sync_mark mark;
		uint64_t stamp; /* PING, PONG */
		enum sync_why bye;
		struct sync_hold hold;
		struct sync_talk talk;
	} u;
};

/* What a record says besides the flow. */
struct sync_from {
	uint32_t age_ms; /* since the sender learned it */
	bool yours;      /* the receiver told it, in a life that it has forgotten: what it knows by now is newer */
};

/* Accepts any bytes. 0; -EBADMSG; -EPROTONOSUPPORT a type that is not known: skip it. On error *out is undefined. The
 * records of FLOWS are all inside the frame then, what is in them has not been looked at. */
int sync_msg_read(const uint8_t *p, size_t n, struct sync_msg *out);
/* Any but FLOWS. Sticky error in w. */
void sync_msg_write(struct lb_writer *w, const struct sync_msg *m);

/* The next record as bytes. False: there is none. */
bool sync_flows_bytes(struct sync_flows *f, const uint8_t **p, size_t *n);
/* The next record of stream 1. 1; 0 there is none; -EINVAL no flow that the kernel would take (go on with the next). */
int sync_flows_next(struct sync_flows *f, struct flow *out, struct sync_from *from);

/* One record of stream 1, without its length. timeout_s is as flow_entry_left has it. f is whole (flow_is_whole). */
void sync_flow_write(struct lb_writer *w, const struct flow *f, const struct sync_from *from);
int sync_flow_read(const uint8_t *p, size_t n, struct flow *out, struct sync_from *from); /* 0 or -EINVAL */

/* One record of stream 2. f is whole and has_ct. */
void sync_ct_write(struct lb_writer *w, const struct flow *f, const struct sync_from *from);
int sync_ct_read(const uint8_t *p, size_t n, struct flow *out, struct sync_from *from); /* 0 or -EINVAL */

struct sync_batch {         /* FLOWS being written */
	struct lb_writer w; /* for the records; not longer than SYNC_BATCH_BYTES */
	uint8_t *head, *record;
	uint16_t count;
};

/* False: there is no room for the head. */
bool sync_batch_begin(struct sync_batch *b, const struct lb_writer *room);
/* Around the bytes of a record, which go to b->w. sync_batch_fits: one of SYNC_RECORD_MAX does. */
bool sync_batch_fits(const struct sync_batch *b);
void sync_batch_record(struct sync_batch *b);
void sync_batch_record_end(struct sync_batch *b);
/* Completes the head from stream, round, after, last of *f. What was written is up to b->w.p. */
void sync_batch_end(struct sync_batch *b, const struct sync_flows *f);
