/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of how flows are copied to the other node. */
#include "lbd/config/config.h"
#include "lbd/config/schema.h"

static const char *word_conntrack(size_t i, int64_t *value)
{
	static const char *const words[] = {
		[CONFIG_CONNTRACK_AUTO] = "auto",
		[CONFIG_CONNTRACK_ALL] = "all",
		[CONFIG_CONNTRACK_OFF] = "off",
	};
	*value = (int64_t)i;
	return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

const struct schema_row schema_sync_rows[] = {
	[SYNC_CONNTRACK_KEY] = { .name = "conntrack",
		.type = SCHEMA_TYPE_WORD,
		.noun = "word for conntrack",
		.word = word_conntrack,
		.fallback = "auto",
		.help = "Which entries of the kernel's connection tracking are copied. auto: those of services with "
			"source_nat. all: every one of TCP, UDP and SCTP that passes through, for a firewall or NAT of "
			"this host's own. off: none." },
	[SYNC_RATE_LIMIT] = { .name = "rate_limit",
		.type = SCHEMA_TYPE_RATE,
		.min = 1,
		.max = 10000000,
		.fallback = "50000/s",
		.help = "At most so many flows are sent in a second. What is above waits." },
};
_Static_assert(sizeof(schema_sync_rows) / sizeof(schema_sync_rows[0]) == SYNC_COUNT, "one row per key");
