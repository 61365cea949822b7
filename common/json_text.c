/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/json_text.h"

#undef NDEBUG /* the line is wanted in every build */
#include <assert.h>
#include <stdlib.h>

static void *memory_or_end(size_t n)
{
	void *p = malloc(n);
	assert(p && "out of memory");
	return p;
}

json_t *lb_json_parse(const char *text, size_t n, size_t flags, json_error_t *err)
{
	json_malloc_t take;
	json_free_t give;
	json_get_alloc_funcs(&take, &give);
	json_set_alloc_funcs(memory_or_end, give);
	json_t *parsed = json_loadb(text, n, flags, err);
	json_set_alloc_funcs(take, give);
	return parsed;
}
