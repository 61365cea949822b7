/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a reply is the wanted one: it must contain the bytes of `expect`, match `expect_regex`, or both. It comes in
 * pieces; at most CHECK_REPLY_MAX bytes are looked at, and kept only when there is a pattern.
 *
 * Bytes are searched as they come. A pattern is tried on all of what has come, which costs time in proportion, so it is
 * not tried for each piece: when nothing more is waiting and the reply has grown by an eighth, when it is full, and
 * whenever the caller asks (after a pause, at the end). A peer that sends single bytes then costs a small multiple of
 * one search, however it times them. What has come is also what `$` means: a pattern may match before all is there.
 */
#pragma once

#include "lbd/check/check_match.h"
#include "lbd/check/check_param.h"

struct check_regex;

enum check_reply_say {
	CHECK_REPLY_OPEN,   /* not (yet) */
	CHECK_REPLY_SEEN,   /* everything that was wanted */
	CHECK_REPLY_FULL,   /* not, and CHECK_REPLY_MAX bytes have come */
	CHECK_REPLY_COSTLY, /* the pattern reached its limit on this reply: final */
	CHECK_REPLY_NOMEM
};

struct check_reply {
	bool by_bytes, by_regex; /* what is wanted */
	bool bytes_seen, regex_seen;
	struct check_match match;
	struct check_regex *regex; /* owned */
	char *kept;                /* owned: the reply so far, for the pattern */
	size_t cap, seen, searched;
	uint8_t head_n;
	char head[CHECK_HEAD_MAX]; /* first bytes of the reply, to be shown */
};

/* Whether the spec wants any reply to be looked at. */
bool check_reply_wanted(const struct check_params *p);

/* A datagram to which silence is a good answer is good only when an error had the time to come: for a neighbour that is
 * not there the kernel asks three times, a second each, before it says so. */
#define CHECK_REPLY_QUIET_MS 4000u

/* EXPECT and EXPECT_REGEX of p, borrowed until done. 0; -EINVAL: a pattern that is none; -ENOMEM. On failure there is
 * nothing to be done with r. */
int check_reply_init(struct check_reply *r, const struct check_params *p);

/* The next piece. drained: nothing more is waiting, as far as is known. */
enum check_reply_say check_reply_feed(struct check_reply *r, const char *piece, size_t n, bool drained);

/* Tries the pattern on what has not been tried yet. */
enum check_reply_say check_reply_search(struct check_reply *r);

/* Whether a search could tell something new. */
bool check_reply_unsearched(const struct check_reply *r);

/* Forgets the reply: the next piece is the first of another one. */
void check_reply_again(struct check_reply *r);

/* Idempotent; of a zeroed r, too. */
void check_reply_done(struct check_reply *r);
