/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of connection tracking: told by this node's kernel, told by the peer, and put into the kernel as they come.
 * So they are there before an address is: who takes over has nothing to do about them.
 *
 *   kernel -> ct_io -> ct_book -> table -> link                        FLOW_LOCAL
 *   link -> ct_book -> table -> (a cursor) -> ct_io -> kernel          FLOW_PEER
 *
 * Every CT_AUDIT_S the kernel's table is looked through, and soon after it said that words of its were lost. That
 * repairs whatever is missing on either way: see ct_book.h.
 */
#pragma once

#include "lbd/sync/ct_io.h"
#include "lbd/sync/flow_table.h"
#include "lbd/sync/sync_in.h"
#include "lbd/sync/sync_msg.h"
#include "lbd/sync/sync_room_msg.h"

#include <ev.h>

#define SYNC_CT_MAX 2000000u

struct sync_ct {
	struct ev_loop *loop;
	const struct sync_conf *conf;  /* borrowed; NULL = not running */
	struct flow_table *table;      /* made once, when it is first needed */
	struct lb_time forwards_since; /* see sync_in_knows */
	struct ct_reach reach;         /* of what stands in it; of the same peer */
	struct flow_cursor to_kernel;  /* what the kernel has not got yet */
	struct ct_put batch[CT_IO_BATCH];
	unsigned n_batch;
	bool left_out;     /* the kernel had no room for some: the next look finds and puts them */
	bool left_since;   /* the same, since the last look began: that one takes them for seen */
	uint64_t again_to; /* what has a number up to here goes there again, if this configuration copies it */
	uint64_t put_to;   /* what has a number up to here was there before all goes there again */
	uint64_t unheard;  /* and this was there when nobody listened: what the next look does not see has ended */
	bool lacks;        /* it had no room: what the next look does not see may never have been there */
	bool asks;         /* there was such, or news before that look: the peer is asked for all */
	bool anew;         /* all of the peer goes there again; the owner forgets it when it has seen it */
	struct ct_put strict[CT_IO_BATCH];
	unsigned n_strict; /* this node's TCP, to be relaxed */
	struct ct_io *io;  /* NULL = not running: why is in trouble */
	char trouble[SYNC_TEXT_MAX];
	bool broken;
	bool looking, looked; /* a look is going on; there was a whole one since the start */
	bool passed_over;     /* records or entries of the peer that this configuration does not copy */
	bool wanted, seeks;   /* one is due, or going on, for what may not be known, and not because it is time */
	struct lb_time look_at, look_from;
	struct flow_cursor sweep; /* behind a look: what it has not seen */
	uint64_t sweep_until;
	struct lb_time full_at, again_at; /* the kernel had no room; it may have some again. us 0 = not */
	int64_t back_ms;
	bool over_max;               /* by its own count */
	ev_timer age;                /* once a second */
	void (*changed)(void *arg);  /* something for the peer */
	void (*troubled)(void *arg); /* trouble is another one, anew is set, or whether it seeks may have changed */
	void (*found)(void *arg);    /* a look for what was not known is over: the peer knows nothing of that yet */
	void (*missed)(void *arg);   /* something of the peer may be missing here, and it tells it once */
	void *arg;
	uint64_t seed;
	int receive_bytes; /* see ct_io_conf */
	uint64_t injected, refused, lost, foreign, looks;
	uint32_t full;
};

/* The callbacks, arg and seed are set before. */
void sync_ct_open(struct sync_ct *c, struct ev_loop *loop);
/* Another configuration. 0, or -ENOMEM: there is no table. */
int sync_ct_conf(struct sync_ct *c, const struct sync_conf *conf);
/* A record of the peer, of a stream. 0 taken; 1 not news; -errno. */
int sync_ct_peer(struct sync_ct *c, const uint8_t *p, size_t n, const struct sync_in *in, struct lb_time now);
/* The last numbers of the table that were sent to the peer, and that it has acknowledged. */
void sync_ct_reached(struct sync_ct *c, uint64_t sent, uint64_t heard);
/* Before the loop sleeps: to the kernel, a part of it. True: call again soon. */
bool sync_ct_turn(struct sync_ct *c);
/* The table of the kernel was read, and everything that the peer told is in there. Also while there is nothing to do.
 */
bool sync_ct_settled(const struct sync_ct *c);
/* Entries of the kernel may not be known: not one look is over, words were lost, others are copied than before, or an
 * operator asked. What the look of every CT_AUDIT_S finds is little, and goes as any change does. */
bool sync_ct_seeks(const struct sync_ct *c);
/* Everything of the peer goes to the kernel again, and its table is looked through. Not what was there when nobody
 * listened, until a look has told what of that has ended. */
void sync_ct_again(struct sync_ct *c);
bool sync_ct_kernel_full(const struct sync_ct *c, struct lb_time now);
void sync_ct_close(struct sync_ct *c);
