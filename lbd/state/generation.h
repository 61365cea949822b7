/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A generation is one applied configuration as text, numbered, with who applied it, when and why. The file form:
 *
 *   lbd-generation 1
 *   number 17
 *   time 1769868127123            wall clock, ms
 *   by alice
 *   message raise the weight of app2
 *   source 812 /etc/lbd/lbd.yaml  length in bytes, name; then that many bytes and a newline; one or more
 *   end 8c736521a9f4d0b2          generation_hash of everything before this line
 *
 * A file that does not check is rejected whole.
 */
#pragma once

#include "common/buf.h"
#include "common/err.h"
#include "common/vec.h"

#include <stdint.h>

#define GENERATION_MESSAGE_MAX 200
#define GENERATION_SOURCES_MAX 256

struct generation_source {
	const char *name, *text; /* not terminated when read from a file */
	size_t name_len, len;
};

struct generation {
	uint32_t number;
	int64_t wall_ms;
	char by[33], message[GENERATION_MESSAGE_MAX + 1];
	LB_VEC(struct generation_source) sources;
};

/* Appends the file form. by and message are cut at a newline. */
void generation_write(const struct generation *g, struct lb_text *out);

/* 0 and *g, whose sources point into buf; free with generation_done. -1 and *e (LB_CODE_FAILED), *g untouched. */
int generation_read(const char *buf, size_t n, struct generation *g, struct lb_err *e);
void generation_done(struct generation *g);

/* Whether both hold the same texts under the same names. */
int generation_same_text(const struct generation *a, const struct generation *b);

/* A checksum against damage, not against an attacker: FNV-1a (64 bit) over little-endian words of 8 bytes, then over
 * the bytes that are left. seed: GENERATION_HASH_INIT, or what an earlier part gave. */
uint64_t generation_hash(const char *s, size_t n, uint64_t seed);
#define GENERATION_HASH_INIT 0xcbf29ce484222325ull
