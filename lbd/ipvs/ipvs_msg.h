/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPVS generic netlink messages as bytes (include/uapi/linux/ip_vs.h, include/uapi/linux/netlink.h): requests are
 * written into a buffer, many to a datagram; answers are read with bounds checks. No socket here.
 */
#pragma once

#include "lbd/ipvs/ipvs_op.h"

#include <stdint.h>

/* A datagram being filled. The caller owns buf. */
struct ipvs_batch {
	uint8_t *buf;
	size_t cap, len;
	uint16_t family; /* id of the generic netlink family IPVS */
	size_t last;     /* offset of the last message */
};

/* Bytes that one op takes at most: a batch buffer has room for n * IPVS_MSG_OP_MAX. */
#define IPVS_MSG_OP_MAX 256u

/* Appends one request with this sequence number. 0, or -EMSGSIZE and nothing appended. */
int ipvs_msg_op(struct ipvs_batch *b, uint32_t seq, const struct ipvs_op *op);

/* Requests that read. dests needs the key of its service. */
int ipvs_msg_dump_services(struct ipvs_batch *b, uint32_t seq);
int ipvs_msg_dump_dests(struct ipvs_batch *b, uint32_t seq, const struct ipvs_key *key);
int ipvs_msg_get_service(struct ipvs_batch *b, uint32_t seq, const struct ipvs_key *key);
/* Sets the counters of a service and its destinations to 0: they are counted from now on. */
int ipvs_msg_zero(struct ipvs_batch *b, uint32_t seq, const struct ipvs_key *key);
int ipvs_msg_get_info(struct ipvs_batch *b, uint32_t seq);

/* Asks for an acknowledgement of the last message: one ACK is the barrier of a whole batch. */
void ipvs_msg_ack_last(struct ipvs_batch *b);

struct ipvs_stats { /* IPVS_STATS_ATTR_*: totals, and rates over about 8 s; bytes per second, not bits */
	uint64_t conns, in_packets, out_packets, in_bytes, out_bytes;
	uint64_t cps, in_pps, out_pps, in_bps, out_bps;
};

struct ipvs_counts { /* exact at once, unlike the statistics */
	uint32_t active, inactive, persistent;
};

enum ipvs_answer_kind { IPVS_ANSWER_SERVICE, IPVS_ANSWER_DEST, IPVS_ANSWER_INFO, IPVS_ANSWER_DONE, IPVS_ANSWER_STATUS };

struct ipvs_answer {
	enum ipvs_answer_kind kind;
	uint32_t seq;
	int err; /* STATUS, DONE: 0 or a positive errno */
	struct ipvs_service svc;
	struct ipvs_dest dest;
	struct ipvs_stats stats;
	struct ipvs_counts counts;
	uint32_t version, table_size; /* INFO */
};

/*
 * Reads the next message of a datagram. *at is the offset, start with 0.
 * Returns 1 and *out; 0 at the end; -EBADMSG the datagram is not what the kernel writes (the rest must be dropped and
 * what was read before is not to be trusted either: dump again). Unknown attributes and messages are skipped.
 * service_family is that of the service whose destinations are dumped: old kernels leave it out of a destination.
 */
int ipvs_msg_next(const uint8_t *buf, size_t len, size_t *at, uint8_t service_family, struct ipvs_answer *out);
