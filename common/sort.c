/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/sort.h"

#include <stdlib.h>

void lb_sort(void *v, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	const char *at = v;
	for (size_t i = 1; i < n; i++, at += size)
		if (cmp(at, at + size) > 0) {
			qsort(v, n, size, cmp);
			return;
		}
}
