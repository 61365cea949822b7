/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at the kernel's connections (conn_look.h): when the kernel's side has started, when its words were lost, and
 * before a hand-over. What nobody had told goes into the flow table, and so to the peer. The core is asked for the ways
 * of its listeners each time; they are not kept.
 */
#pragma once

#include "lbd/sync/conn_read_io.h"
#include "lbd/sync/sync_kernel_io.h"
#include "lbd/sync/sync_room_msg.h"

struct sync_look {
	struct ev_loop *loop;
	struct sync_kernel *kernel;
	void (*want)(void *arg);                               /* the core is to tell the ways */
	void (*ended)(const struct conn_looked *l, void *arg); /* the reading is over; the peer may not have all yet */
	void (*theirs)(void *arg); /* it has found one that the peer told a process before this one */
	void *arg;
	bool wanted, asked; /* there is to be one; the core was asked for it */
	struct lb_time next_at;
	struct conn_read *read;
	unsigned reads;        /* for this one: each that may have missed something is done again */
	struct conn_ways ways; /* n of them, and room for more */
	size_t room;
	bool in_order;
	struct lb_time began;
	struct conn_looked now; /* what this one has found */
	uint64_t unsure;        /* by the last one */
	ev_timer due;
};

/* Before the filter of system calls. */
void sync_look_prepare(void);
/* The callbacks, arg and kernel are set before. */
void sync_look_open(struct sync_look *l, struct ev_loop *loop);
void sync_look_close(struct sync_look *l);
/* There is to be one, and soon; but not one behind the other. */
void sync_look_want(struct sync_look *l);
/* The core says the ways. 0 or -ENOMEM. */
int sync_look_ways(struct sync_look *l, struct conn_ways *ways);
/* One is to be, or is being done. */
bool sync_look_busy(const struct sync_look *l);
