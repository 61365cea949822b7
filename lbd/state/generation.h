/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A generation is one applied configuration as text, numbered, with who applied it, when and why, and what became of
 * it (life.h). The file form:
 *
 *   lbd-generation 2
 *   number 17
 *   time 1769868127123            wall clock, ms
 *   by alice
 *   message raise the weight of app2
 *   state rolled_back
 *   why not confirmed in 2m       of a state that is not confirmed
 *   sha256 9f86d08188...          of its texts, one behind the other: what `cat FILE... | sha256sum` says
 *   length 833                    bytes between the line after this one and the last one
 *   head 51a90f6c22e07d4b         generation_hash of everything before this line
 *   source 812 /etc/lbd/lbd.yaml  length in bytes, name; then that many bytes and a newline; one or more
 *   end 8c736521a9f4d0b2          generation_hash of everything before this line
 *
 * The head can be believed without the rest, so that fifty of them are read in no time; the length finds a file that
 * was cut. A file that does not check is rejected whole.
 */
#pragma once

#include "common/buf.h"
#include "common/commands.h"
#include "common/err.h"
#include "common/vec.h"

#include <stdbool.h>
#include <stdint.h>

#define GENERATION_MESSAGE_MAX LB_TEXT_MAX
#define GENERATION_SOURCES_MAX 1000
#define GENERATION_NAME_MAX    4500u /* of a source, in bytes: a path and more */
#define GENERATION_HEAD_MAX    1024u /* no head is longer */
#define GENERATION_SHA_LEN     64u   /* hexadecimal */

enum generation_state { GENERATION_PENDING, GENERATION_CONFIRMED, GENERATION_ROLLED_BACK, GENERATION_FAILED };
#define GENERATION_STATE_COUNT (GENERATION_FAILED + 1)
extern const char *const generation_states[GENERATION_STATE_COUNT];

struct generation_source {
	const char *name, *text; /* not terminated when read from a file */
	size_t name_len, len;
};

struct generation {
	uint32_t number;
	int64_t wall_ms;
	enum generation_state state;
	char by[33], message[GENERATION_MESSAGE_MAX + 1], why[GENERATION_MESSAGE_MAX + 1];
	char sha256[GENERATION_SHA_LEN + 1];
	LB_VEC(struct generation_source) sources;
};

/* Of the texts of the sources. */
void generation_sha256(struct generation *g);

/* Appends the file form. by, message and why are cut at a newline. */
void generation_write(const struct generation *g, struct lb_text *out);

/* 0 and *g, whose sources point into buf; free with generation_done. -1 and *e, *g untouched: LB_CODE_INVALID it is
 * damaged, LB_CODE_FAILED memory was out. */
int generation_read(const char *buf, size_t n, struct generation *g, struct lb_err *e);
/* The same without the sources, of the first bytes (GENERATION_HEAD_MAX of them, or all) of a file of that size. What
 * is behind the head may be damaged all the same. */
int generation_read_head(const char *buf, size_t n, size_t size, struct generation *g, struct lb_err *e);
void generation_done(struct generation *g);

/* Whether its first line is that of a later version of the form: what is refused then is no damage. */
bool generation_is_newer(const char *buf, size_t n);

/* Whether both hold the same texts under the same names. */
int generation_same_text(const struct generation *a, const struct generation *b);

/* A checksum against damage, not against an attacker: FNV-1a (64 bit) over little-endian words of 8 bytes, then over
 * the bytes that are left. seed: GENERATION_HASH_INIT, or what an earlier part gave. */
uint64_t generation_hash(const char *s, size_t n, uint64_t seed);
#define GENERATION_HASH_INIT 0xcbf29ce484222325ull
