/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Above the C library's mmap threshold, so that a freed chunk goes back to the system. */
#define CHUNK_BIG   (256u * 1024u)
#define CHUNK_SMALL 4096u

struct lb_arena_chunk {
	struct lb_arena_chunk *next;
	size_t size, used;
	alignas(max_align_t) unsigned char mem[];
};

void *lb_arena_alloc(struct lb_arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + align - 1) / align * align;
	struct lb_arena_chunk *c = a->head;
	if (!c || c->size - c->used < n) {
		/* the first chunk is small: many arenas hold five lines of configuration */
		size_t size = c ? CHUNK_BIG : CHUNK_SMALL;
		if (size < n)
			size = n;
		struct lb_arena_chunk *fresh = calloc(1, sizeof(*fresh) + size);
		if (!fresh)
			return NULL;
		fresh->size = size;
		fresh->next = c;
		a->head = c = fresh;
	}
	void *p = c->mem + c->used;
	c->used += n;
	a->used += n;
	return p;
}

char *lb_arena_strndup(struct lb_arena *a, const char *s, size_t n)
{
	/* strings need no alignment, but one rule for all keeps this simple; names are short either way */
	char *p = lb_arena_alloc(a, n + 1);
	if (p && n)
		memcpy(p, s, n);
	return p;
}

void lb_arena_done(struct lb_arena *a)
{
	for (struct lb_arena_chunk *c = a->head; c;) {
		struct lb_arena_chunk *next = c->next;
		free(c);
		c = next;
	}
	*a = LB_ARENA_INIT;
}
