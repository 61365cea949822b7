/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the kernel's list of connections is read so that none is missed, and whether that worked out.
 *
 * The kernel gives the list in pieces of 4 KB and finds the beginning of a piece by counting (ip_vs_conn_seq_start of
 * net/netfilter/ipvs/ip_vs_conn.c): all connections from the head of its table, since Linux 6.14 those of one row of
 * it. For each that has gone meanwhile before that place, one behind it is skipped, without a word. Within a piece none
 * is, and those that stay never change their order.
 *
 * So two readers take turns, and each piece begins in the middle of the one before. A piece that has a row of those
 * before leaves nothing out between them; when all have, and the last is short because the list was at its end, the
 * reading was whole: what was there from its beginning to its end has been given, and most of it twice.
 */
#pragma once

#include "lbd/sync/flow.h"

#include <stddef.h>

#define CONN_WHOLE_PIECE 4096u /* at most; a larger buffer is not filled either */
#define CONN_WHOLE_LAST  256u

struct conn_whole { /* starts as { .seed }: random, against chosen keys. Private */
	uint64_t seed;
	uint64_t offset[2]; /* how many bytes each reader has got */
	uint64_t last[CONN_WHOLE_LAST];
	uint64_t n, before; /* rows that were noted; before this piece */
	size_t wanted;
	unsigned reader;
	bool joined, gap, ended;
};

/* A row, to be found again: the connection and where it goes. */
uint64_t conn_whole_id(const struct conn_whole *w, const struct flow *f);

/* Which reader is next, 0 or 1, and how much it is to read. */
unsigned conn_whole_next(struct conn_whole *w, size_t *bytes);
/* What it gave, row by row; not a row that began in its piece before. */
void conn_whole_row(struct conn_whole *w, uint64_t id);
/* The piece had n bytes. False: that was the end. */
bool conn_whole_piece(struct conn_whole *w, size_t n);
/* At the end. */
bool conn_whole_is(const struct conn_whole *w);
