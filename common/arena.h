/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that is freed whole. A configuration or a model of 100,000 backends is many small things with one life:
 * an arena gives them out in large chunks, which the C library maps and unmaps, so that a reload leaves no holes.
 */
#pragma once

#include <stddef.h>

struct lb_arena {
	struct lb_arena_chunk *head;
	size_t used; /* bytes handed out, for the memory figures */
};

#define LB_ARENA_INIT ((struct lb_arena){ 0 })

/* Zero-filled memory aligned for any type, or NULL when memory is out. n = 0 gives a valid pointer. */
void *lb_arena_alloc(struct lb_arena *a, size_t n);

/* Copies n bytes and adds a NUL. NULL when memory is out. */
char *lb_arena_strndup(struct lb_arena *a, const char *s, size_t n);

/* Frees everything; the arena may be used again. */
void lb_arena_done(struct lb_arena *a);
