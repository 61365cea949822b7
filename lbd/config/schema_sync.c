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
			"source_nat and, where there is one, of all others of mode nat, too. all: every one of TCP, "
			"UDP and SCTP that passes through, for a firewall or NAT of "
			"this host's own. off: none." },
	[SYNC_RATE_LIMIT] = { .name = "rate_limit",
		.type = SCHEMA_TYPE_RATE,
		.min = 1,
		.max = 10000000,
		.fallback = "50000/s",
		.help = "At most so many flows are sent in a second. What is above waits." },
	[SYNC_MULTICAST] = { .name = "multicast",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_MULTICAST,
		.absent = "flows go over the link between the nodes",
		.help = "Only for another node that is not lbd: the kernel's own synchronisation, which keepalived and "
			"ipvsadm --start-daemon speak, in place of the link. It copies the flows of all services, and "
			"nothing that was open before. It has no authentication: whoever can send on that network "
			"decides where flows go." },
};
_Static_assert(sizeof(schema_sync_rows) / sizeof(schema_sync_rows[0]) == SYNC_COUNT, "one row per key");

const struct schema_row schema_multicast_rows[] = {
	[MULTICAST_INTERFACE] = { .name = "interface",
		.type = SCHEMA_TYPE_INTERFACE,
		.flags = SCHEMA_REQUIRED,
		.min = 1,
		.max = 15,
		.help = "Where datagrams go out and come in: with an address, and best of a network of the nodes "
			"alone." },
	[MULTICAST_GROUP] = { .name = "group",
		.type = SCHEMA_TYPE_ADDRESS,
		.fallback = "224.0.0.81",
		.help = "The address that they go to, the same on both nodes." },
	[MULTICAST_PORT] = { .name = "port",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = 65535,
		.fallback = "8848",
		.help = "The UDP port that they go to, the same on both nodes." },
	[MULTICAST_ID] = { .name = "id",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = 255,
		.absent = "cluster.id",
		.help = "The number of this synchronisation, the same on both nodes. (In keepalived it is the vrid of "
			"its "
			"instance unless set.)" },
};
_Static_assert(sizeof(schema_multicast_rows) / sizeof(schema_multicast_rows[0]) == MULTICAST_COUNT, "one row per key");
