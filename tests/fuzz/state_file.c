/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_model */
/* Any bytes as the file of overrides. What is taken must be writable and must read back as the same. */
#include "lbd/override.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void ignore(const struct override *ov, void *arg)
{
	const struct overrides *o = arg;
	must(ov->object && (!overrides_find(o, ov->object) || overrides_count(o) > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t walls[] = { 0, 1700000000000 };
	struct lb_time now = { 1000000 };
	json_t *j = json_loadb((const char *)data, size, 0, NULL);
	for (size_t i = 0; j && i < 2; i++) {
		struct lb_err e = { .text = "" };
		struct overrides *o = overrides_from_json(j, walls[i], now, &e);
		must(o || (e.code == LB_CODE_INVALID && e.text[0]));
		if (!o)
			continue;
		json_t *once = overrides_to_json(o);
		must(once != NULL);
		struct overrides *back = overrides_from_json(once, walls[i], now, &e);
		must(back != NULL);
		json_t *twice = overrides_to_json(back);
		must(json_equal(once, twice));
		struct lb_time next = overrides_expire(back, now, ignore, back);
		must(lb_time_cmp(next, now) > 0);
		overrides_expire(back, (struct lb_time){ INT64_MAX - 1 }, ignore, back);
		json_decref(once);
		json_decref(twice);
		overrides_free(o);
		overrides_free(back);
	}
	json_decref(j);
	return 0;
}
