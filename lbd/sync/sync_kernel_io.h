/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flows of this node: told by its kernel, told by the peer, and put into the kernel. The kernel's side is started
 * when it can be and again when it breaks; what is in the way is said in words. Flows that the peer told are read back
 * where that can be done: see `lost` and `dropped`.
 */
#pragma once

#include "lbd/sync/conn_filter.h"
#include "lbd/sync/flow_table.h"
#include "lbd/sync/ipvs_tap_io.h"
#include "lbd/sync/sync_room_msg.h"

#include <ev.h>

#define SYNC_FLOWS_MAX 2000000u

struct sync_kernel {
	struct ev_loop *loop;
	uint64_t seed; /* secret: of all tables whose keys clients choose */
	struct flow_table *table;
	struct flow_cursor to_kernel; /* what the kernel has not got yet */
	struct flow held;             /* the next one that it gets, taken from there */
	bool holds;
	struct conn_filter rows;    /* that are new in the kernel; n 0 = none are left to look at */
	struct conn_filter later;   /* that came meanwhile: a look that has begun ends */
	struct flow_cursor of_rows; /* what may be of them */
	struct ipvs_tap *tap;       /* NULL = not running: why is in trouble */
	bool clear;                 /* no daemon or device of ours is there, of a killed predecessor neither */
	char trouble[SYNC_TEXT_MAX];
	uint8_t cluster;
	const struct sync_conf *conf; /* borrowed: what is copied; NULL = nothing */
	bool wanted;                  /* also where nothing is copied: connections are ended */
	struct lb_time wanted_at;     /* the last of them */
	bool settling;                /* was put, and not settled */
	bool anew;                    /* all of the peer goes there again; the owner forgets it when it has seen it */
	ev_timer retry;
	ev_timer age; /* once a second: what has expired goes */
	void (*alive)(void);
	void (*changed)(void *arg);  /* something for the peer */
	void (*look)(void *arg);     /* what the kernel has is to be looked at: it may not have said all of it */
	void (*troubled)(void *arg); /* trouble is another one, or anew is set */
	void *arg;
	uint64_t injected, refused, lost, dropped, foreign, ended;
	uint32_t full;
};

/* 0 or -ENOMEM. The callbacks and arg are set before. */
int sync_kernel_open(struct sync_kernel *f, struct ev_loop *loop, uint64_t seed);
/* Another configuration: which flows are copied. Starts the kernel's side when it is not running, stops it when nothing
 * needs it, also that of a predecessor that was killed, looks when others are copied or known than before. The old one
 * is there until this returns. */
void sync_kernel_conf(struct sync_kernel *f, const struct sync_conf *conf);
/* One that the peer told. 0, or -errno of flow_table_put. */
int sync_kernel_peer(struct sync_kernel *f, const struct flow *flow, struct lb_time now);
/* One that a look at the kernel has found, filled (conn_look.h). of_peer: it was put there by somebody. */
enum conn_saw { CONN_SAW_NOTHING, CONN_SAW_KNOWN, CONN_SAW_NEW };
enum conn_saw sync_kernel_saw(struct sync_kernel *f, const struct flow *flow, bool of_peer, struct lb_time now);
/* Before the loop sleeps: to the kernel, as much as it takes. True: call again soon. */
bool sync_kernel_turn(struct sync_kernel *f);
/* The kernel's side is there from now on, if it can be: without a peer it is not, until something is to be ended. With
 * sync.multicast it cannot be. Where nothing is copied it goes again a minute after the last call. */
void sync_kernel_want(struct sync_kernel *f);
/* What is known of a connection of this node's kernel beyond what /proc says: the mark, flags. */
enum conn_mark sync_kernel_known(const struct sync_kernel *f, struct flow *flow, bool *of_peer);
/* Ends it (conn_over.h), here and, if it tells, at the peer. 0; -EAGAIN there is no room now; -ENOTCONN the kernel's
 * side is not there: sync_kernel_why; -EINVAL. */
int sync_kernel_end(struct sync_kernel *f, const struct flow *flow, bool tells, struct lb_time now);
/* Why the kernel's side is not there, in words; "" when it is. */
const char *sync_kernel_why(const struct sync_kernel *f);
/* The kernel has not taken all yet that was ended. */
bool sync_kernel_ending(const struct sync_kernel *f);
/* Everything that the peer told is in the kernel, or none of it is wanted there. */
bool sync_kernel_settled(const struct sync_kernel *f);
/* These rows are new in the kernel: what of the peer is theirs goes there again, to be bound to them. rows is
 * the caller's. */
void sync_kernel_rows(struct sync_kernel *f, const struct conn_filter *rows);
/* Everything of the peer goes to the kernel again. */
void sync_kernel_again(struct sync_kernel *f);
/* orderly: the devices are removed; else they stay for a successor. */
void sync_kernel_close(struct sync_kernel *f, bool orderly);
