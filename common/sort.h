/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sorting what mostly is in order: what people write, and what was sorted before.
 */
#pragma once

#include <stddef.h>

/* qsort(3), but n - 1 comparisons where v is in order already, and with n of 0 v may be NULL. */
void lb_sort(void *v, size_t n, size_t size, int (*cmp)(const void *, const void *));
