/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sync process from within: sync_io.c what happens, sync_tell_io.c what the core hears of it. */
#pragma once

#include "common/room_io.h"
#include "lbd/sync/sync_conn_io.h"
#include "lbd/sync/sync_ct_io.h"
#include "lbd/sync/sync_kernel_io.h"
#include "lbd/sync/sync_link.h"
#include "lbd/sync/sync_look_io.h"
#include "lbd/sync/sync_multicast_io.h"
#include "lbd/sync/sync_talk.h"
#include "lbd/sync/tls_io.h"

struct sync_counts { /* of a stream: a link counts from its beginning */
	uint64_t sent, received, refused, resyncs;
};

struct sync_room {
	struct lb_room base;
	struct sync_conf *conf; /* NULL = nothing was set yet */
	struct sync_kernel kernel;
	struct sync_multicast_run multicast; /* in place of all that has to do with a peer */
	struct sync_conn *conn;
	struct sync_look at_kernel;
	struct conn_looked looked; /* id: the core waits until the peer has everything up to here; 0 = not */
	uint64_t looked_to[SYNC_STREAM_COUNT]; /* numbers */
	struct sync_ct ct;
	struct sync_flow_source ct_source;          /* of the link */
	struct sync_link link;                      /* with a tls only: else there is no peer */
	struct sync_counts before[SYNC_KIND_COUNT]; /* of the links to this peer that were before */
	struct sync_had had[SYNC_STREAM_COUNT];     /* of the last of them */
	struct sync_talks talks;
	struct tls_link *tls;
	uint64_t epoch;
	enum tls_reason transport; /* why there is no link; NONE = it is not known */
	char transport_text[TLS_TEXT_MAX];
	uint32_t order; /* the last one that the core gave; 0 = none */
	bool in_kernel; /* what the peer had when it came, or is put there anew, is in the kernel */
	bool look;      /* the state may be another one */
	struct lb_text told;
	ev_timer deadline;
	ev_idle more;
	uint8_t frame[SYNC_BATCH_BYTES + SYNC_RECORD_MAX];
};

extern const enum sync_stream sync_room_streams[SYNC_KIND_COUNT];

void sync_room_send(struct sync_room *r, const struct sync_room_msg *m);
void sync_room_say(const struct sync_room_msg *m, void *room); /* the same */
void sync_room_tell_state(struct sync_room *r);                /* when it is another one than was told */
void sync_room_tell_talk(struct sync_room *r);                 /* whether the cores can talk, when that changed */
/* What a look at connection tracking has found is copied: until the peer has it nobody is in sync. */
void sync_room_found(void *room);
/* The peer is asked for all of its entries of connection tracking. */
void sync_room_missed(void *room);
/* An operator of either node has paused it. */
bool sync_room_stopped(const struct sync_room *r, enum sync_kind kind);
/* Adds what the link has counted. */
void sync_room_count(const struct sync_room *r, enum sync_kind kind, struct sync_counts *all);
void sync_room_pong(struct sync_room *r, uint32_t n); /* with all counters */
