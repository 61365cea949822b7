/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does a reply contain the expected bytes? The reply comes in pieces of any size and the answer does not depend on
 * where it was cut: the search (Knuth, Morris, Pratt) carries its place from piece to piece and is linear in the reply,
 * whatever pattern and reply are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECK_BYTES_MAX ((size_t)4096)  /* of send and of expect */
#define CHECK_REPLY_MAX ((size_t)65536) /* bytes of a reply that are looked at */
#define CHECK_HEAD_MAX  40u             /* first bytes of a reply, kept to be shown */

struct check_match {
	const char *want; /* borrowed */
	uint16_t want_len, at;
	uint16_t *back; /* owned: where to go on after a mismatch */
	size_t seen;    /* bytes of the reply so far */
	uint8_t head_n;
	char head[CHECK_HEAD_MAX];
};

/* want_len 1..CHECK_BYTES_MAX, borrowed until check_match_done. 0, -EINVAL, -ENOMEM. */
int check_match_init(struct check_match *m, const char *want, size_t want_len);

/* The next piece. true when the expected bytes have been seen within the first CHECK_REPLY_MAX bytes. */
bool check_match_feed(struct check_match *m, const char *piece, size_t n);

void check_match_done(struct check_match *m);
