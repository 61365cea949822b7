/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/vec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *lb_vec_grow(void **v, size_t *n, size_t *cap, size_t elem)
{
	if (*n == *cap) {
		size_t want = *cap ? *cap * 2 : 8;
		if (want > SIZE_MAX / elem)
			return NULL;
		void *bigger = realloc(*v, want * elem);
		if (!bigger)
			return NULL;
		*v = bigger;
		*cap = want;
	}
	return memset((char *)*v + (*n)++ * elem, 0, elem);
}

void lb_vec_free(void **v, size_t *n, size_t *cap)
{
	free(*v);
	*v = NULL;
	*n = *cap = 0;
}
