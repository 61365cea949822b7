/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of hooks: programs that are told of changes. */
#include "lbd/config/schema.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct schema_row schema_hooks_rows[] = {
	[HOOKS_STATE] = { .name = "state",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_HOOK,
		.absent = "none",
		.help = "A program that is run for each change of state of a VRRP instance, one at a time and in the "
			"order of the changes, with the arguments vrrp NAME OLD NEW CAUSE PRIORITY NODE." },
};

const struct schema_row schema_hook_rows[] = {
	[HOOK_PATH] = { .name = "path",
		.type = SCHEMA_TYPE_PATH,
		.flags = SCHEMA_REQUIRED,
		.min = 1,
		.max = 1024,
		.help = "The program. Only root may be able to change it, or a directory on the way to it." },
	[HOOK_TIMEOUT] = { .name = "timeout",
		.type = SCHEMA_TYPE_DURATION,
		.min = 100,
		.max = 3600000,
		.fallback = "10s",
		.help = "A program that takes longer is killed, with everything that it started, and counts as "
			"failed." },
};

_Static_assert(COUNT(schema_hooks_rows) == HOOKS_COUNT, "one row per key");
_Static_assert(COUNT(schema_hook_rows) == HOOK_COUNT, "one row per key");
