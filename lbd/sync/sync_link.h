/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link between the two nodes of a pair, as far as it is not transport: what we send of our flows and what we have
 * of theirs. Pure: no descriptor, no clock, no memory of its own. The owner (the sync process) feeds it with
 *
 *   sync_link_up       the transport is there, and the other side has the key
 *   sync_link_frame    a frame came
 *   sync_link_tick     sync_link_deadline has passed; may be called at any time
 *   sync_link_down     the transport is gone
 *
 * and pulls what is to be said, one frame per call of sync_link_produce, while the transport takes more: after each of
 * the above, when flows were put into the table, and when the transport has room again. That is all the backpressure
 * there is, and all the memory: nothing waits here.
 *
 * Both sides do the same, and know of each other by HELLO, which comes first: the version is the lower of the two
 * highest. Each stream then has a round in each direction (sync_out.h): from what the other side says it has of this
 * epoch, or from 0. Receiving is never slowed down by sending, nor the other way round.
 *
 * When it is over (sync_link_tick and sync_link_frame say why), the owner pulls once more, for BYE, ends the connection
 * and calls sync_link_down. What we have of the peer stays for the next one.
 */
#pragma once

#include "lbd/sync/sync_in.h"

#define SYNC_PING_MS   1000 /* after so long without a word of ours there is one */
#define SYNC_SILENT_MS 3000
#define SYNC_OTHERS    6 /* streams of a newer peer that are skipped and acknowledged */

struct sync_calls { /* none of them calls sync_link_* */
	/* A flow came. 0 taken; 1 it was not news (sync_is_news); -errno. */
	int (*flow)(const struct flow *f, const struct sync_from *from, void *arg);
	/* Of stream 2. As above. NULL: such records are acknowledged, and that is all. */
	int (*conntrack)(const uint8_t *p, size_t n, void *arg);
	/* What the peer's core says. False: that is too much, the link ends. NULL: it is not told that we understand.
	 */
	bool (*talk)(const struct sync_talk *t, void *arg);
	/* The next of what our core says, as a frame. False: there is none, or w has too little room. Only while the
	 * peer understands it. */
	bool (*talk_out)(struct lb_writer *w, void *arg);
	void *arg;
};

/* What the peer had of a stream, and since when it has waited for what came behind that; when we had all of its. */
struct sync_had {
	uint64_t number;
	struct lb_time at;     /* us 0 = nothing is known of it */
	struct lb_time all_at; /* us 0 = never */
};

struct sync_link_conf {
	char self[SYNC_NODE_MAX], peer[SYNC_NODE_MAX];
	uint64_t epoch; /* random, not 0, of this run */
	uint16_t version_min, version_max;
	uint32_t rate; /* records per second, all streams; 0 = no limit */
	uint64_t config;
	uint32_t generation;
	struct flow_table *flows;               /* outlives the link; what arrives may be put there by the callback */
	struct sync_source *conntrack;          /* the same; NULL = there is none */
	struct sync_had had[SYNC_STREAM_COUNT]; /* of the link before to this peer, of this run and these sources */
	struct sync_calls calls;
};

enum sync_link_state {
	SYNC_LINK_DOWN,
	SYNC_LINK_HELLO, /* the transport is there, the peer has not spoken yet */
	SYNC_LINK_OPEN,
	SYNC_LINK_OVER /* to be taken down */
};

struct sync_link {
	struct sync_link_conf conf;
	enum sync_link_state state;
	enum sync_why why; /* the last one ended; NONE = it runs, or there was none */
	bool hello_due, bye_due, pong_due;
	uint64_t pong_stamp, ping_stamp;
	struct lb_time since; /* of the state */
	struct lb_time heard_at, said_at, seen_at;
	uint32_t rtt_us;        /* of the last PING; 0 = not known */
	uint16_t version;       /* that both speak, while open */
	struct sync_hello peer; /* its last; epoch 0 = none ever */
	struct sync_flow_source flow_source;
	struct sync_tokens tokens;
	struct sync_out out[SYNC_STREAM_COUNT];
	struct sync_in in[SYNC_STREAM_COUNT];
	bool hold_due[SYNC_STREAM_COUNT];
	struct sync_ack others[SYNC_OTHERS];     /* stream 0 = nothing to be acknowledged */
	unsigned turn;                           /* whose stream it is */
	uint64_t frames_in, frames_out, unknown; /* counters; types that we do not know */
	uint32_t ups;
};

/* conf is copied; what it points to is borrowed. */
void sync_link_init(struct sync_link *l, const struct sync_link_conf *conf, struct lb_time now);
void sync_link_done(struct sync_link *l);

void sync_link_up(struct sync_link *l, struct lb_time now);
/* n bytes behind the length. NONE, or why it is over. Accepts any bytes. */
enum sync_why sync_link_frame(struct sync_link *l, const uint8_t *p, size_t n, struct lb_time now);
enum sync_why sync_link_tick(struct sync_link *l, struct lb_time now);
/* why: of the transport; what is known already goes before. Also while there is no link: why there is none. */
void sync_link_down(struct sync_link *l, enum sync_why why, struct lb_time now);
/* We want no more of it. */
void sync_link_end(struct sync_link *l, enum sync_why why, struct lb_time now);

/* Writes one frame without its length. 1; 0 nothing to say, or out has too little room: SYNC_FLOWS_HEAD + 2 +
 * SYNC_RECORD_MAX is enough for anything, SYNC_BATCH_BYTES for good speed. */
int sync_link_produce(struct sync_link *l, struct lb_writer *out, struct lb_time now);
/* When to tick and pull again at the latest, after `now`. */
struct lb_time sync_link_deadline(const struct sync_link *l, struct lb_time now);

void sync_link_set_rate(struct sync_link *l, uint32_t rate, struct lb_time now);
void sync_link_set_config(struct sync_link *l, uint64_t config, uint32_t generation); /* the peer is told */
/* An operator's words. Paused: neither side sends the other anything of it. Resync: both send everything. */
void sync_link_pause(struct sync_link *l, enum sync_stream s, bool on);
void sync_link_resync(struct sync_link *l, enum sync_stream s, struct lb_time now);
/* The peer sends everything: what an operator's word has changed makes use of more than was taken. */
void sync_link_ask(struct sync_link *l, enum sync_stream s);
/* Much has come into the table at once: what the peer has not got is a round, and until it has it the stream is not
 * complete. */
void sync_link_onward(struct sync_link *l, enum sync_stream s);

struct sync_link_status {  /* of one stream */
	bool paused, held; /* by us, by the peer */
	struct sync_progress out, in;
	uint32_t lag_ms;
	bool storm;                       /* one side would begin at 0 again, and must wait */
	uint64_t sent, received;          /* records */
	uint64_t refused, stale, invalid; /* received, and not taken: by the owner; it had newer ones; no flow at all */
	uint64_t batches_out, batches_in, acks;
	uint64_t resyncs_out, resyncs_in; /* rounds from 0 that were asked of us, and of the peer */
};
void sync_link_status(const struct sync_link *l, enum sync_stream s, struct lb_time now, struct sync_link_status *out);
/* The link is open, and both understand TALK. */
bool sync_link_talks(const struct sync_link *l);
/* The link is open, and the peer has acknowledged whatever of ours is in the table of the stream up to this number. Of
 * a stream that it does not know nothing is asked. */
bool sync_link_has(const struct sync_link *l, enum sync_stream s, uint64_t number);
/* For the link after this one, which is not open any more. */
struct sync_had sync_link_had(const struct sync_link *l, enum sync_stream s);
/* What a person should know, link or not: NONE, or the first of these reasons. */
enum sync_why sync_link_alarm(const struct sync_link *l);

/* Whether a record tells something newer than the entry that is there (NULL = none). What our own kernel told counts
 * from when it did, and what comes from when the other kernel did: clocks are not compared, the time on the way is
 * taken for none. Two nodes that both forward one flow agree when one of them stops. */
bool sync_is_news(const struct flow_entry *have, const struct sync_from *from, struct lb_time now);
