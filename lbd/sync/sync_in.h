/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One stream of a link, inward: up to which number we have what the peer sent, and whether that is all there is. */
#pragma once

#include "lbd/sync/sync_out.h"

struct sync_in {
	uint32_t round;  /* of this connection; 0 = none has begun */
	uint64_t number; /* of the peer's; stays when a connection ends */
	bool asked;      /* for a round from 0: what comes of this one is of no use */
	bool ask_due;
	enum sync_why ask_why;
	bool ack_due;
	bool final; /* the peer has said where the end is */
	/* this run of ours had everything last; and did so before this run of the peer's came. us 0 = never */
	struct lb_time had_all_at, knew_at;
	struct sync_gate gate;
	struct sync_progress progress;
	uint64_t records, refused, stale, invalid, batches, resyncs; /* counters */
};

enum sync_take {
	SYNC_TAKE,  /* the records count */
	SYNC_SKIP,  /* they do not */
	SYNC_WRONG, /* nobody may say that */
};

/* Another connection. again: of the same peer; else it has forgotten what its numbers were. */
void sync_in_open(struct sync_in *in, bool again);
/* The connection is over, and the peer was heard last then. stopped: one of the two nodes had paused it. */
void sync_in_close(struct sync_in *in, bool stopped, struct lb_time heard_at);
/* A record that the peer says is ours is of use to who has forgotten it. Who had everything before the peer came back
 * has forgotten nothing: what it does not know has ended, and is not to begin again. */
bool sync_in_wants(const struct sync_in *in, const struct sync_from *from);
/* Whether all that the peer's run has found from before its time is known here, if it lives: whatever has begun since
 * this node had everything has come through its own kernel. forwards_since: all packets come to this node; us 0 = not.
 */
bool sync_in_knows(const struct sync_in *in, struct lb_time forwards_since);
/* False: nobody may say that. */
bool sync_in_mark(struct sync_in *in, const struct sync_mark *m, struct lb_time now);
enum sync_take sync_in_flows(const struct sync_in *in, const struct sync_flows *f);
/* A batch that does not follow. */
void sync_in_gap(struct sync_in *in);
/* The records of a batch were given to the owner. */
void sync_in_taken(struct sync_in *in, uint64_t last, struct lb_time now);
/* What the peer has not sent yet comes as a round of its own (sync_out_onward), or before the end of this one: until
 * then we have not all. */
void sync_in_onward(struct sync_in *in);
/* Everything again, because somebody wants it. */
void sync_in_ask(struct sync_in *in, enum sync_why why);
/* RESYNC or ACK, if there is one to be sent. w has SYNC_SMALL_MAX of room. */
bool sync_in_produce(struct sync_in *in, enum sync_stream s, struct lb_writer *w, struct lb_time now);
/* When a question that waits may be asked. */
struct lb_time sync_in_deadline(const struct sync_in *in);
