/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_cut.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct check_cut *of_index(const struct check_cuts *c, uint32_t index)
{
	for (uint32_t i = 0; index && i < c->n; i++)
		if (c->v[i].index == index)
			return &c->v[i];
	return NULL;
}

static const struct check_cut *of_name(const struct check_cuts *c, const char *name)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].name, name) == 0)
			return &c->v[i];
	return NULL;
}

const struct check_cut *check_cut_of(
	const struct check_cuts *c, const char *bound, int err, uint32_t index, uint32_t passed)
{
	if (bound)
		return of_name(c, bound);
	const struct check_cut *cut = err ? NULL : of_index(c, index);
	if (!cut)
		cut = of_index(c, passed);
	return cut || err != -ENETUNREACH || !c->n ? cut : &c->v[0];
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

void check_cut_text(const struct check_cut *c, char out[CHECK_TEXT_MAX])
{
	char name[CHECK_CUT_NAME];
	snprintf(name, sizeof(name), "%s", c->name);
	for (char *p = name; *p; p++)
		if (*p < 0x20 || *p >= 0x7f)
			*p = '?';
	snprintf(out, CHECK_TEXT_MAX, "%s has no link: paused", name);
}
