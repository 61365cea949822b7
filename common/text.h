/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words: the nearest legal one, what a name may look like, and how hostile bytes are shown. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lb_text;

/* Damerau-Levenshtein distance (adjacent transposition counts one) of two words of at most 64 bytes;
 * longer words give 65. */
unsigned lb_text_distance(const char *a, size_t an, const char *b, size_t bn);

/* The word of `words` (n of them) nearest to `got`: distance <= 2 (and less than the length of `got`), or the only
 * one that `got` is a prefix of. NULL when there is none. Borrowed from `words`. */
const char *lb_text_suggest(const char *got, size_t got_len, const char *const *words, size_t n);

/* Names of services, backends, checks, nodes: [A-Za-z0-9][A-Za-z0-9._-]{0,62}. */
bool lb_name_ok(const char *s, size_t n);

/* Appends s with control characters, DEL and bytes that are not UTF-8 as \xNN: the one way foreign bytes get into a
 * log line, a table or an error text. At most max bytes of s are shown (0 = all), then "...". */
void lb_text_escape(struct lb_text *out, const char *s, size_t n, size_t max);

/* The number of bytes of the UTF-8 sequence at s (1-4), 0 when it is not valid there (n bytes are readable). */
size_t lb_utf8_len(const char *s, size_t n);

/* s as far as it fits into size bytes with the zero at its end, cut between two characters. */
void lb_text_copy(char *out, size_t size, const char *s);

/* Two values in one line, each in at most `room` bytes (32 or more): what is cut is told by "...". Where what they have
 * in common would fill the room, both begin at the item of the list in which they differ: "..., 192.0.2.7". Valid UTF-8
 * stays so. Appends to x and y. */
void lb_text_cut_pair(const char *a, const char *b, size_t room, struct lb_text *x, struct lb_text *y);

/* A number that spreads well for tables in memory; it is no checksum. */
uint64_t lb_text_hash(const void *bytes, size_t n);
