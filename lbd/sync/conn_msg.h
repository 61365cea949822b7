/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages about single connections, a part of sync_room_msg.h:
 *
 *   core -> sync   conn.list    what is asked for; many at a time, each with a number of its own
 *                  conn.more    the rows have been taken: go on
 *                  conn.stop    nobody wants the rest; of conn.kill: what has not been ended yet is to go on
 *                  conn.kill    these are to be ended: an operator says so, or a backend was cut
 *                  conn.bind    these rows are new in the kernel: what the peer told of them goes there again, since
 *                               one that came before its row has no backend, and gets none by itself
 *   sync -> core   conn.rows    some; the next only after conn.more, so a slow reader keeps nothing in memory
 *                  conn.end     the last word about a number
 *
 * and about a look at all of them, whose finds go to the peer (conn_look.h):
 *
 *   sync -> core   look.want    there is to be one
 *   core -> sync   look.ways    the listeners, in messages from `first` to `last`; then it begins, anew if one runs
 *   sync -> core   look.end     it is over; where the core had given a number, the peer has everything, too
 */
#pragma once

#include "common/buf.h"
#include "common/fields.h"
#include "lbd/sync/conn_filter.h"
#include "lbd/sync/conn_look.h"
#include "lbd/sync/conn_row.h"

#define CONN_ROWS_MAX 256 /* in one message */
#define CONN_TEXT_MAX 200 /* with its NUL */

struct conn_ask {
	uint32_t id;
	bool cut;                  /* conn.kill: nothing new can match, see conn_kill.h */
	struct conn_filter filter; /* its matches are owned where it was read */
};

struct conn_rows {
	uint32_t id, n;
	struct conn_row *v; /* owned where it was read */
};

struct conn_end {
	uint32_t id;
	uint32_t err;               /* errno; 0 = all is well */
	uint64_t seen, ended, left; /* conn.list: seen; conn.kill: meant, ended of these, and still there */
	bool unsure;                /* conn.kill: the kernel's list changed too fast to be sure that none was missed */
	char text[CONN_TEXT_MAX];   /* what is in the way, in words; may be "" */
};

struct conn_ways {
	uint32_t id; /* of look.end; 0 = nobody waits for the peer */
	bool first, last;
	uint32_t n;
	struct conn_way *v; /* owned where it was read; in any order */
};

struct conn_looked {
	uint32_t id;
	uint32_t err;           /* errno; 0 = all is well */
	uint64_t found, unsure; /* that nobody had told; that were left out */
};

/* Rows of sync_room_msg.c, see common/channel_msg.h: of struct conn_ask, conn_rows, conn_end, conn_ways, conn_looked.
 */
void conn_ask_write(const void *ask, struct lb_members *o);
int conn_ask_read(struct lb_fields *f, void *ask);
void conn_rows_write(const void *rows, struct lb_members *o);
int conn_rows_read(struct lb_fields *f, void *rows);
void conn_end_write(const void *end, struct lb_members *o);
int conn_end_read(struct lb_fields *f, void *end);
void conn_ways_write(const void *ways, struct lb_members *o);
int conn_ways_read(struct lb_fields *f, void *ways);
void conn_looked_write(const void *looked, struct lb_members *o);
int conn_looked_read(struct lb_fields *f, void *looked);
