/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Overrides hold on both nodes of a pair. What an operator said of one item of a backend (its state, its weight, what
 * its checks are overruled with) or of a service (maintenance) is a word; both nodes tell each other theirs, and of two
 * about one item the newest holds. Newest by wall clock, which both have; a node whose clock is behind says a stamp
 * that is more than the one it replaces, so who spoke last here is not overruled by what was known here before.
 *
 * That an override was taken away is a word, too, and is kept when the item is gone: else the other node, which was
 * not there, would bring it back. It is kept for OVERRIDE_GONE_DAYS, and of OVERRIDE_GONE_MAX the newest, or fewer
 * where what holds needs the places. One that expires leaves its own stamp: it replaces what is older, and nothing that
 * is newer.
 *
 * A clock may be wrong, above all at a boot. What expires by the time since the boot of the node where it was said is
 * over on both. What a node found expired by its wall clock (from the disk, or as it was told) is over there alone, and
 * is told as it was: the other one judges by its own clock. It holds again when it is told once more and is not over,
 * by the other node or, after the clock was set (overrides_clock), by this node to itself. Wall-clock times that follow
 * a clock which was set are told again, in a word that replaces the one before, and nothing that somebody said since.
 *
 * A word is told by who heard it from an operator. What came from the other node is not told back: there are two.
 *
 * The priority of a VRRP instance is not a word: it is what makes the two nodes different.
 *
 * Pure. It keeps what was said last beside the overrides and finds out what changed by comparing.
 */
#pragma once

#include "lbd/override.h"

#define OVERRIDE_GONE_DAYS 30
#define OVERRIDE_GONE_MAX  4096
#define OVERRIDE_WORDS_MAX 8192 /* of all: what is beyond holds on one node only */

struct override_words;

struct override_words *override_words_new(void); /* NULL: no memory */
void override_words_free(struct override_words *ws);

/* Overrides may have expired, been read, or followed a clock: what is new is a word. How many are. */
unsigned override_words_look(struct override_words *ws, const struct overrides *o, int64_t wall_ms);

/* An operator set or cleared that of the object, at wall_ms. Whether it is a new word: also when it was over here
 * already, by the clock of this node alone, so that it ends on the other one. */
bool override_words_said(struct override_words *ws, const struct overrides *o, const char *object,
	enum override_kind kind, int64_t wall_ms);

/* There is such an override, and no word of it: there are too many, or no memory. */
bool override_words_alone(
	const struct override_words *ws, const struct overrides *o, const char *object, enum override_kind kind);

/* The words about an object (NULL: about all), for the other node: new reference to an array; NULL no memory. self: the
 * name of this node, behind the users of it; "": they are told as they are here. */
json_t *override_words_tell(
	const struct override_words *ws, const struct overrides *o, const char *object, const char *self);

struct override_merge {
	bool (*known)(const char *object, void *arg); /* the configuration has it */
	void *arg;
	int64_t wall_ms;
	struct lb_time now; /* CLOCK_BOOTTIME */
};
/* A word of the other node. Accepts any JSON. 1: it is the newest and holds now; 0: there is a newer one, it is the
 * same, or the object is not known; -EBADMSG; -ENOSPC: there are too many; -ENOMEM. *object is borrowed from word, set
 * unless -EBADMSG. */
int override_words_merge(struct override_words *ws, struct overrides *o, const json_t *word,
	const struct override_merge *m, const char **object);

/* What a disk gives back late: its words as those of the other node, and of its overrides also those that have no word,
 * where none was set meanwhile. Calls fn for each object that has others now, maybe twice. 0, or -ENOMEM: not all of
 * them hold. */
int override_words_back(struct override_words *ws, struct overrides *o, const struct override_words *words,
	const struct overrides *from, const struct override_merge *m, void (*fn)(const char *object, void *arg),
	void *arg);

/* Objects whose overrides were dropped with the configuration that had them: nobody has taken them away. And what is
 * too old. held: the object has overrides still, or may have. */
void override_words_prune(
	struct override_words *ws, bool (*held)(const char *object, void *arg), void *arg, int64_t wall_ms);

/* The form in the state file, beside the overrides: new reference, NULL no memory. */
json_t *override_words_to_json(const struct override_words *ws);
/* What is no word in it is left out: the overrides are what counts. */
void override_words_from_json(struct override_words *ws, const json_t *list);

/* What the word says, for people: "drain", "50%"; NULL when it says that there is none. buf: 24 bytes. */
const char *override_word_value(const json_t *word, char buf[24]);
