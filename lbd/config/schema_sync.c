/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of how flows are copied to the other node. */
#include "lbd/config/schema.h"

const struct schema_row schema_sync_rows[] = {
	[SYNC_RATE_LIMIT] = { .name = "rate_limit",
		.type = SCHEMA_TYPE_RATE,
		.min = 1,
		.max = 10000000,
		.fallback = "50000/s",
		.help = "At most so many flows are sent in a second. What is above waits." },
};
_Static_assert(sizeof(schema_sync_rows) / sizeof(schema_sync_rows[0]) == SYNC_COUNT, "one row per key");
