/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections that are to be ended, as passes over the kernel's list:
 *
 *   looks   until one was whole (conn_whole.h): what it finds is what there is now. Nothing is ended meanwhile, so no
 *           client comes back meanwhile
 *   ends    what is found of these gets a record (conn_over.h). Once more, until a whole pass finds none of them
 *
 * A connection is known by its key from the first pass that saw it until a whole one did not. So what a client opens
 * later is not meant, not even from the same port; and of what was known each is either gone or still there: that is
 * what is counted. A cut does not look first, for where the row of a backend is gone nothing new can match: it is to
 * be quick, and what it finds later was missed before.
 *
 * Pure; the clock is passed in.
 */
#pragma once

#include "common/time.h"
#include "lbd/sync/conn_msg.h"

#define CONN_KILL_PASSES_MAX 4u
#define CONN_KILL_SOON_MS    200  /* what ends at once is gone by then; the next time it gets more */
#define CONN_KILL_LATER_MS   1300 /* what has a second left is */
/* A pass that was not whole does not count, so many times in a row, and for so long. */
#define CONN_KILL_TRIES_MAX  12u
#define CONN_KILL_TRIES_MS   5000
#define CONN_KILL_TRY_MS     10 /* between them, and each time that much more: what disturbed them may be over */

/* ---- one pass, for all that are to be ended ---- */

#define CONN_PASS_OVER_MAX 64u /* ended ones that may hide another, which the kernel shows soon after */

struct conn_pass { /* starts as { .seed }: random, against chosen keys. Private */
	uint64_t seed;
	struct conn_pass_over {
		uint64_t hash;
		bool spoken; /* its client has sent something since */
	} over[CONN_PASS_OVER_MAX];
	unsigned n;
};

enum conn_sight { /* what a row is for who ends connections */
	CONN_THERE,
	CONN_FADES, /* in its last second, and not ended at once: a record about one that has gone would make it anew */
	CONN_HIDDEN, /* behind its own end: a record would not reach it */
	CONN_OVER    /* ended, and its client has heard of it or will */
};

enum conn_sight conn_pass_row(struct conn_pass *p, const struct flow *f);

/* ---- one command, or one cut ---- */

struct conn_kill {
	uint32_t id;
	struct lb_time due; /* of the next pass */
	bool in_pass;       /* kept by who reads */
	/* private */
	struct conn_filter filter; /* owned */
	bool cut, looks, slow, unsure;
	struct lb_time since; /* the beginning, or the last whole pass */
	unsigned tries, passes;
	uint32_t pass;        /* of all; the first is 1 */
	struct conn_known *v; /* by hash */
	uint64_t seed;
	size_t n, size;
	uint64_t left; /* of the last pass */
	int err;
};

/* Takes ask->filter. seed: random, against chosen keys. */
void conn_kill_init(struct conn_kill *k, struct conn_ask *ask, uint64_t seed, struct lb_time now);
void conn_kill_done(struct conn_kill *k);
/* Whether records were given before: a further pass is of use only when the kernel has taken them. */
bool conn_kill_told(const struct conn_kill *k);

void conn_kill_pass(struct conn_kill *k);
/* Whether the other node is told what it ends. A command means a connection wherever it is known. A cut is what this
 * node's own checks, clocks and file say, and the other node has its own: told of it, a master would reset its clients
 * because its backup has lost its way to a server, and a healthy node those that it has just been handed. */
bool conn_kill_tells(const struct conn_kill *k);

/* A row, and what it is and its mark. True: it gets a record. */
bool conn_kill_row(struct conn_kill *k, const struct flow *f, enum conn_mark mark, enum conn_sight sight);
/* It cannot be gone on with. */
void conn_kill_fail(struct conn_kill *k, int err);
/* The pass is over, and was whole or not. True: it was the last, *end says what became of it. */
bool conn_kill_passed(struct conn_kill *k, bool whole, struct lb_time now, struct conn_end *end);
