/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages about single connections, a part of sync_room_msg.h:
 *
 *   core -> sync   conn.list    what is asked for; many at a time, each with a number of its own
 *                  conn.more    the rows have been taken: go on
 *                  conn.stop    nobody wants the rest; of conn.kill: what has not been ended yet is to go on
 *                  conn.kill    these are to be ended: an operator says so, or a backend was cut
 *   sync -> core   conn.rows    some; the next only after conn.more, so a slow reader keeps nothing in memory
 *                  conn.end     the last word about a number
 */
#pragma once

#include "common/buf.h"
#include "common/fields.h"
#include "lbd/sync/conn_filter.h"
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

/* Rows of sync_room_msg.c, see common/channel_msg.h: of struct conn_ask, conn_rows, conn_end. */
void conn_ask_write(const void *ask, struct lb_members *o);
int conn_ask_read(struct lb_fields *f, void *ask);
void conn_rows_write(const void *rows, struct lb_members *o);
int conn_rows_read(struct lb_fields *f, void *rows);
void conn_end_write(const void *end, struct lb_members *o);
int conn_end_read(struct lb_fields *f, void *end);
