/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that runs out: every allocation of the process goes through the functions below, those of libraries too. The
 * n-th one fails, and some after it. Assertions allocate, so a test notes what is wrong and tells it later.
 *
 * One file of a program includes this. The sanitizer has its own malloc, which must not be bypassed: there REPLACED is
 * 0, and nothing fails but what a test hands out_of_memory to.
 */
#pragma once

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define REPLACED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define REPLACED 0
#endif
#endif
#ifndef REPLACED
#define REPLACED 1
#endif

static long left = -1;           /* allocations that still succeed; -1 = all */
static long starving = LONG_MAX; /* how many fail then; all */
static long live;                /* those that were not freed */

static inline int out_of_memory(void)
{
	if (left < 0 || left-- > 0)
		return 0;
	left = --starving > 0 ? 0 : -1;
	errno = ENOMEM;
	return 1;
}

static inline void *counted(void *p)
{
	live += p != NULL;
	return p;
}

#if REPLACED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

void *malloc(size_t n)
{
	return out_of_memory() ? NULL : counted(__libc_malloc(n));
}

void *calloc(size_t n, size_t size)
{
	return out_of_memory() ? NULL : counted(__libc_calloc(n, size));
}

void *realloc(void *p, size_t n)
{
	if (out_of_memory())
		return NULL;
	return p ? __libc_realloc(p, n) : counted(__libc_realloc(p, n));
}

void free(void *p)
{
	live -= p != NULL;
	__libc_free(p);
}
#endif
