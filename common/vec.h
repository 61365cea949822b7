/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A growing array of values: `LB_VEC(struct ipvs_op) ops = { 0 };`, then ops.v[i], ops.n.
 * lb_vec_push returns a pointer to a zeroed new last element, or NULL when memory is out (the vector is unchanged).
 */
#pragma once

#include <stddef.h>

#define LB_VEC(type)                                                                                                   \
	struct {                                                                                                       \
		type *v;                                                                                               \
		size_t n, cap;                                                                                         \
	}

void *lb_vec_grow(void **v, size_t *n, size_t *cap, size_t elem);

#define lb_vec_push(vec)                                                                                               \
	((__typeof__((vec)->v))lb_vec_grow((void **)&(vec)->v, &(vec)->n, &(vec)->cap, sizeof(*(vec)->v)))
#define lb_vec_foreach(it, vec) for (__typeof__((vec)->v) it = (vec)->v; it && it < (vec)->v + (vec)->n; it++)
#define lb_vec_clear(vec)       ((void)((vec)->n = 0))
#define lb_vec_done(vec)        lb_vec_free((void **)&(vec)->v, &(vec)->n, &(vec)->cap)

void lb_vec_free(void **v, size_t *n, size_t *cap);
