/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads all connections of the kernel, a piece per turn of the loop. Before Linux 6.14 every read of 4 KB starts over
 * at the head of the table, so the whole costs time in proportion to the square of the connections, and one piece to
 * their number: it goes on only after as long as the last piece took. With one reader what comes and goes meanwhile
 * may be missed or seen twice; with two what was there all the time is not missed where it ends whole, and nearly all
 * is seen twice (conn_whole.h).
 */
#pragma once

#include "lbd/sync/ipvs_conn.h"

#include <ev.h>

struct conn_read;

struct conn_read_end {
	int err; /* 0 or -errno */
	bool whole;
	uint64_t given, refused; /* as in struct ipvs_conn_reader */
};

/* Once, when it is over. It may start another. */
typedef void conn_read_done_fn(const struct conn_read_end *end, void *arg);

/* A descriptor to read them with, in this network namespace. -ENOENT no IPVS; -errno. The second one says of each how
 * it came into the kernel, too (IPVS_CONN_SYNCED), and nothing of persistence engines. */
int conn_read_open(void);
int conn_read_open_origin(void);
/* fds are borrowed and read from their beginning; each by one at a time. The second may be -1. seed: see
 * conn_whole.h. NULL and *err. */
struct conn_read *conn_read_start(struct ev_loop *loop, const int fds[2], uint64_t seed, ipvs_conn_fn *fn,
	conn_read_done_fn *done, void *arg, int *err);
/* From within fn: no more after the piece that is being read (less than 100), until it is resumed. */
void conn_read_hold(struct conn_read *r);
void conn_read_resume(struct conn_read *r);
/* Ends it early, without a call of done. NULL is fine. */
void conn_read_stop(struct conn_read *r);
