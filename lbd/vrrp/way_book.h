/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The routes and rules of one instance, and what is known of them in the kernel. Fed with what the kernel answered; it
 * says what is to be done or told about that.
 *
 * There is no lease for these, and the kernel drops routes without a word (a card goes down, an address goes). So they
 * are not watched but asked for again, every second: one that is there answers EEXIST and nothing else happens.
 *
 * EEXIST about one of which we do not know that it is ours: a process that was killed left it, or somebody else's
 * stands in its place. Ours is removed (the kernel removes nothing of others) and it is asked for once more: EEXIST
 * then says that it is somebody else's. That stays, and is told of once.
 */
#pragma once

#include "lbd/vrrp/way.h"

#define WAY_ROUTES_MAX 32 /* of one instance */
#define WAY_RULES_MAX  32
#define WAYS_MAX       (WAY_ROUTES_MAX + WAY_RULES_MAX)

struct way_entry {
	struct way way;
	bool has;   /* the kernel said that ours is there */
	bool taken; /* ours in its place, if there was one, has been removed */
	int told;   /* the errno that people were told of, 0 = none */
};

struct way_book {
	struct way_entry v[WAYS_MAX]; /* routes, then rules: in this order they come, in the other one they go */
	size_t n;
};

enum way_word {
	WAY_WORD_NOTHING,
	WAY_WORD_TAKE,       /* remove ours and ask again */
	WAY_WORD_RESTORED,   /* it was gone, and is back */
	WAY_WORD_IN_THE_WAY, /* somebody else's stands in its place */
	WAY_WORD_REFUSED,    /* the kernel would not, for another reason than before */
	WAY_WORD_AT_LAST,    /* one of these two, and now it is there */
};

/* The routes and rules from now on; what is known of those that were there before stays. Those that are not wanted any
 * more are in gone[*n_gone], of WAYS_MAX: the ones whose next hop or the like changed are among them. */
void way_book_set(struct way_book *b, const struct route *routes, size_t n_routes, const struct rule *rules,
	size_t n_rules, struct way *gone, size_t *n_gone);

/* NULL: it is none of them. */
struct way_entry *way_book_find(struct way_book *b, const struct way *w);

/* The answer to an addition: err a positive errno or 0, -1 = lost. */
enum way_word way_book_added(struct way_entry *e, int err);
/* To a removal: NOTHING or REFUSED. */
enum way_word way_book_removed(struct way_entry *e, int err);
/* They are let go of: whatever was told does not count any more. */
void way_book_let_go(struct way_book *b);
