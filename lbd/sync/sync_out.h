/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One stream of a link, outward: what the peer was sent, and what it is sent next. Nothing is queued: a frame is made
 * from the source when there is room for it, so who is slow gets fewer and newer records.
 *
 * A round is one way through the source, from 0 or from what the peer has. It never ends: when all was sent, what
 * changes is sent. It is complete when the end was reached once, which FINAL says; a flow that was there when the round
 * began and has moved on meanwhile was sent by then, too. What has gathered behind that (a pause is over, a look has
 * found many) is a round of its own: neither side takes itself for complete before it has that, too.
 */
#pragma once

#include "common/time.h"
#include "lbd/sync/flow_table.h"
#include "lbd/sync/sync_msg.h"

#define SYNC_WINDOW   64    /* batches that are not acknowledged, at most */
#define SYNC_LOOK_MAX 4096  /* entries that one call looks at, at most */
#define SYNC_GATE_N   6     /* rounds from 0 because of faults in ... */
#define SYNC_GATE_MS  60000 /* ... this time, at most */

struct sync_item {
	uint64_t number;
	struct lb_time put_at;
	bool theirs; /* the peer told it */
	bool gone;   /* not worth sending any more */
	const void *what;
};

struct sync_source {
	void (*seek)(struct sync_source *s, uint64_t after); /* go on behind that number */
	bool (*next)(struct sync_source *s, struct lb_time now,
		struct sync_item *out); /* false: nothing up to `last` is left */
	/* At most SYNC_RECORD_MAX bytes. */
	void (*write)(struct sync_source *s, const struct sync_item *item, const struct sync_from *from,
		struct lb_time now, struct lb_writer *w);
	uint64_t (*last)(const struct sync_source *s);
};

struct sync_flow_source {
	struct sync_source source; /* the first member */
	struct flow_table *table;
	struct flow_cursor cursor;
	void (*record)(struct lb_writer *w, const struct flow *f, const struct sync_from *from);
};
void sync_flow_source_init(struct sync_flow_source *s, struct flow_table *t); /* stream 1 */
void sync_ct_source_init(struct sync_flow_source *s, struct flow_table *t);   /* stream 2 */
void sync_flow_source_done(struct sync_flow_source *s);

/* Whether a fault may have its way again now. */
struct sync_gate {
	struct lb_time at[SYNC_GATE_N]; /* when it had; us 0 = never */
	unsigned next;
};
bool sync_gate_open(const struct sync_gate *g, struct lb_time now);
struct lb_time sync_gate_when(const struct sync_gate *g); /* it opens */
void sync_gate_pass(struct sync_gate *g, struct lb_time now);

/* Records per second over all streams: a bucket that holds a tenth of a second. */
struct sync_tokens {
	uint32_t rate; /* 0 = no limit; at most SYNC_TOKENS_MAX */
	int64_t micro; /* a record costs 1000000 */
	struct lb_time at;
};
#define SYNC_TOKENS_MAX 10000000u
void sync_tokens_set(struct sync_tokens *t, uint32_t rate, struct lb_time now);

struct sync_progress {   /* numbers are positions, not counts of records: there are gaps between them */
	uint32_t rounds; /* begun, all in all */
	bool full;       /* from 0 */
	bool complete;
	uint64_t from, at, mark;
	struct lb_time started, finished; /* finished: us 0 = not */
};

struct sync_out {
	enum sync_stream stream;
	struct sync_source *source; /* NULL: there is nothing of this stream */
	bool on;                    /* the link is open, and the peer takes it */
	bool paused, held;          /* by us; by the peer */
	uint64_t base; /* what the peer's run told this run has numbers above it, what one of before was told has not */
	uint64_t had;  /* not on: what it had acknowledged; what came since waits from then on ... */
	struct lb_time had_at;
	bool none_acked; /* ... also while a round is open of which it has acknowledged nothing */
	uint32_t round;
	uint64_t sent, scanned; /* said to the peer; looked at */
	bool begin_due, at_end, final_due, final_said;
	uint64_t final;
	bool again;  /* another round from 0 waits for the gate */
	bool onward; /* one from `sent` waits until that is acknowledged: it begins behind what the peer has */
	bool wanted; /* an operator asked for one, and the peer has not shown yet that it got there */
	struct sync_gate gate;
	struct sync_progress progress; /* at: acknowledged */
	struct sync_unacked {
		uint64_t last;
		struct lb_time put_at; /* of the oldest record in it */
	} unacked[SYNC_WINDOW];
	unsigned first, n_unacked;
	struct lb_time behind; /* what was sent last was put then */
	struct lb_time end_at; /* the end was seen last */
	struct lb_time tokens_at;
	uint64_t records, batches, acks, resyncs; /* counters */
};

/* The link is open: the first round begins behind `after`. */
void sync_out_open(struct sync_out *o, uint64_t after, struct lb_time now);
void sync_out_close(struct sync_out *o, struct lb_time now);
/* Another round, from 0; a fault's through the gate. */
void sync_out_restart(struct sync_out *o, bool fault, struct lb_time now);
/* Another round, from what was sent, where the end of this one was seen: more has gathered than one change or two. */
void sync_out_onward(struct sync_out *o);
/* A look has just found one that the peer told a former run of ours: it is the last of the source. A peer that was
 * rebooted does not have it. */
void sync_out_found(struct sync_out *o);
/* The peer asks for another round instead of this one. One that it got meanwhile is what it wants, if it is from 0. */
void sync_out_asked(struct sync_out *o, uint32_t round, bool fault, struct lb_time now);
/* False: it acknowledges what it was not sent. */
bool sync_out_ack(struct sync_out *o, const struct sync_ack *a, struct lb_time now);
/* One frame into w. False: there is nothing to say, or no room. */
bool sync_out_produce(struct sync_out *o, struct sync_tokens *t, struct lb_writer *w, struct lb_time now);
/* The peer has acknowledged whatever of ours has a number up to this one. Where there is no such stream it has. */
bool sync_out_has(const struct sync_out *o, uint64_t number);
/* The last number that it has acknowledged: as far as is known, while a round is open, or none is. */
uint64_t sync_out_heard(const struct sync_out *o);
/* When there may be something to say without anything else happening. */
struct lb_time sync_out_deadline(const struct sync_out *o);
/* Age of the oldest record that the peer has not acknowledged; in a round that is not complete, since it began. While
 * there is no link, since there is none, if anything has changed: who takes over now knows nothing of that. A round
 * that begins does not end the waiting, the first acknowledgement in it does: a link may open again and again and carry
 * nothing. */
uint32_t sync_out_lag_ms(const struct sync_out *o, struct lb_time now);
