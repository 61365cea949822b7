/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's connection tracking: what it tells, all that it has, and what is put into it. Three sockets: one that is
 * told (and may overflow), one for the table as a whole, one for orders. The kernel carries an order out while it is
 * sent, so its answer is there then: nothing here waits.
 *
 * What the kernel tells because of an order of ours is not told here.
 */
#pragma once

#include "lbd/sync/ct_book.h"
#include "lbd/sync/ct_order.h"

#include <ev.h>

#define CT_IO_BATCH 32u /* entries that are put at once, at most */

struct lb_err;
struct ct_io;

struct ct_io_conf { /* the callbacks do not end it */
	/* strict: TCP whose windows the kernel watches, see ct_io_relax */
	void (*flow)(const struct flow *f, enum ct_said said, bool strict, void *arg);
	void (*lost)(void *arg);            /* some of what it told: nobody knows what */
	void (*looked)(int err, void *arg); /* the look is over; err: 0, or -errno: it was not all */
	void (*broken)(const char *why, void *arg);
	void *arg;
	int receive_bytes; /* for what it tells; 0 = as is good */
};

/* NULL: *e says why not. */
struct ct_io *ct_io_start(struct ev_loop *loop, const struct ct_io_conf *conf, struct lb_err *e);
void ct_io_stop(struct ct_io *c); /* NULL is fine */

/* All that there is, a part per turn of the loop. 0; -EBUSY one is going on; -errno. */
int ct_io_look(struct ct_io *c);

struct ct_put {
	struct flow flow;
	int err;   /* out: 0, or -errno of the kernel's last word */
	bool full; /* out: there was no room */
};
/* Puts n of them, at most CT_IO_BATCH. */
void ct_io_put(struct ct_io *c, struct ct_put *puts, unsigned n);
/* The same, of those that are there: for the others there is no room. */
void ct_io_update(struct ct_io *c, struct ct_put *puts, unsigned n);

/* From now on packets outside their windows count in these, too. */
void ct_io_relax(struct ct_io *c, struct ct_put *puts, unsigned n);

/* Removes one, if it is there: its translation is to be another one. 0; -errno. */
int ct_io_drop(struct ct_io *c, const struct flow *f);

/* How many entries there are in the whole kernel or namespace, and may be. 0; -errno. */
int ct_io_count(struct ct_io *c, uint32_t *count, uint32_t *max);
