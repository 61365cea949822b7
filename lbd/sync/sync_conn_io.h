/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single connections of the kernel, read when somebody asks: shown, or ended.
 *
 *   conn.list  one reader each, for a few at a time. Rows go out in batches, and the reader rests until the core wants
 *              more.
 *   conn.kill  all that wait share one way through the kernel's table, with a reader of its own, so nobody who reads
 *              slowly is in their way. What was ended is looked for again: somebody may have renewed it. Of a cut all
 *              that matches is: something may have been missed, as the table changes while it is read.
 *
 * The kernel tells of its connections in a file, and this process may open none: the descriptors are from before its
 * filter. Where there was no IPVS at that time, or its module has gone since, whoever asks gets ENOENT or EIO, and the
 * core starts another process.
 */
#pragma once

#include "lbd/sync/sync_kernel_io.h"
#include "lbd/sync/sync_room_msg.h"

#include <ev.h>

#define SYNC_CONN_LISTS 3u /* that can be read at a time */

struct sync_conn;

/* Once, before the filter of system calls. */
void sync_conn_prepare(void);

typedef void sync_conn_say_fn(const struct sync_room_msg *m, void *arg);

/* NULL: no memory. kernel is borrowed. */
struct sync_conn *sync_conn_new(struct ev_loop *loop, struct sync_kernel *kernel, sync_conn_say_fn *say, void *arg);
void sync_conn_free(struct sync_conn *c); /* NULL is fine */

/* A message of the core, one of CONN_x. Takes over what it owns. 0; -ENOMEM; -EPROTO the number is in use. */
int sync_conn_take(struct sync_conn *c, struct sync_room_msg *m, struct lb_time now);
/* Before the loop sleeps: what waited for room in the kernel. */
void sync_conn_turn(struct sync_conn *c);
