/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_cut.h"

#include <errno.h>
#include <string.h>

const struct check_cut *check_cut_of(const struct check_cuts *c, const char *bound, int err, uint32_t index)
{
	if (!bound && err == -ENETUNREACH)
		return c->n ? &c->v[0] : NULL;
	for (uint32_t i = 0; i < c->n; i++)
		if (bound ? strcmp(c->v[i].name, bound) == 0 : !err && index && c->v[i].index == index)
			return &c->v[i];
	return NULL;
}

bool check_cuts_equal(const struct check_cuts *a, const struct check_cuts *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (a->v[i].index != b->v[i].index || strcmp(a->v[i].name, b->v[i].name) != 0)
			return false;
	return true;
}
