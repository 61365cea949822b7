/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of a pair of nodes: who they are, and which virtual addresses they hold in turn. */
#include "lbd/config/schema.h"

#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))
#define SECONDS(n) ((n)*INT64_C(1000))
#define HOURS(n)   SECONDS((n)*INT64_C(3600))

static const char *pick(const char *const *words, size_t n, size_t i, int64_t *value)
{
	*value = (int64_t)i;
	return i < n ? words[i] : NULL;
}

static const char *word_sum(size_t i, int64_t *value)
{
	static const char *const t[] = { [VRRP_SUM_RFC5798] = "rfc5798", [VRRP_SUM_RFC9568] = "rfc9568" };
	return pick(t, COUNT(t), i, value);
}

static const char *word_auth(size_t i, int64_t *value)
{
	static const char *const t[] = { "hmac", "password" };
	const char *name = pick(t, COUNT(t), i, value);
	*value += CONFIG_AUTH_HMAC;
	return name;
}

static const char *word_auth_mode(size_t i, int64_t *value)
{
	static const char *const t[] = { "receive-only", "permissive", "enforce" };
	const char *name = pick(t, COUNT(t), i, value);
	*value += VRRP_AUTH_RECEIVE_ONLY;
	return name;
}

const struct schema_row schema_cluster_rows[] = {
	[CLUSTER_ID] = { .name = "id",
		.type = SCHEMA_TYPE_UINT,
		.flags = SCHEMA_REQUIRED,
		.min = 1,
		.max = 255,
		.help = "A number that tells this pair from others in the same network." },
	[CLUSTER_KEY_FILE] = { .name = "key_file",
		.type = SCHEMA_TYPE_PATH,
		.min = 1,
		.max = 1024,
		.absent = "none",
		.help = "The file with the secret of the link between the nodes: 32 to 64 random bytes, as they are or "
			"in "
			"hexadecimal, the same on all nodes. Without it there is no such link." },
	[CLUSTER_PORT] = { .name = "port",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = 65535,
		.fallback = "9789",
		.help = "The port of the link between the nodes." },
	[CLUSTER_HEARTBEAT] = { .name = "heartbeat",
		.type = SCHEMA_TYPE_DURATION,
		.min = 10,
		.max = SECONDS(10),
		.fallback = "200ms",
		.help = "From one sign of life over that link to the next." },
	[CLUSTER_DEAD_AFTER] = { .name = "dead_after",
		.type = SCHEMA_TYPE_DURATION,
		.min = 30,
		.max = SECONDS(60),
		.fallback = "1s",
		.help = "A node that was silent for so long is gone. More than two heartbeats." },
	[CLUSTER_NODES] = { .name = "nodes",
		.type = SCHEMA_TYPE_NAMED,
		.flags = SCHEMA_REQUIRED,
		.of = SCHEMA_NODE,
		.help = "The nodes by name. A node finds itself by its short host name, or by lbd --node." },
};

const struct schema_row schema_node_rows[] = {
	[NODE_ADDRESS] = { .name = "address",
		.type = SCHEMA_TYPE_ADDRESS,
		.flags = SCHEMA_LIST | SCHEMA_REQUIRED,
		.help = "Addresses of the node itself, never virtual ones. Each is one path, between the addresses "
			"that the "
			"nodes have in the same place of their lists. Flows are copied over the first four." },
	[NODE_PRIORITY] = { .name = "priority",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = 254,
		.fallback = "100",
		.help = "The node with the higher priority is master. For instances that have none of their own." },
};

const struct schema_row schema_vrrp_rows[] = {
	[INSTANCE_INTERFACE] = { .name = "interface",
		.type = SCHEMA_TYPE_INTERFACE,
		.flags = SCHEMA_REQUIRED | SCHEMA_OWN | SCHEMA_BY_NODE,
		.min = 1,
		.max = 15,
		.help = "The network interface that has the addresses and where adverts are sent." },
	[INSTANCE_VRID] = { .name = "vrid",
		.type = SCHEMA_TYPE_UINT,
		.flags = SCHEMA_REQUIRED | SCHEMA_OWN,
		.min = 1,
		.max = 255,
		.help = "The number of the virtual router, the same on all nodes and unlike any other in this "
			"network." },
	[INSTANCE_ADDRESSES] = { .name = "addresses",
		.type = SCHEMA_TYPE_PREFIX,
		.flags = SCHEMA_LIST | SCHEMA_REQUIRED | SCHEMA_OWN,
		.help = "The virtual addresses, at most 20, all IPv4 or all IPv6, with the prefix they get on the "
			"interface: 192.0.2.10/24. Of IPv6 addresses the first is link-local." },
	[INSTANCE_EXCLUDED] = { .name = "excluded",
		.type = SCHEMA_TYPE_PREFIX,
		.flags = SCHEMA_LIST | SCHEMA_OWN,
		.absent = "none",
		.help = "Further virtual addresses, at most 255 and of either family, that adverts do not name." },
	[INSTANCE_ROUTES] = { .name = "routes",
		.type = SCHEMA_TYPE_OBJECT,
		.flags = SCHEMA_LIST | SCHEMA_OWN,
		.of = SCHEMA_ROUTE,
		.absent = "none",
		.help = "Routes that the master has and nobody else, at most 32." },
	[INSTANCE_RULES] = { .name = "rules",
		.type = SCHEMA_TYPE_OBJECT,
		.flags = SCHEMA_LIST | SCHEMA_OWN,
		.of = SCHEMA_RULE,
		.absent = "none",
		.help = "Policy rules that the master has and nobody else, at most 32." },
	[INSTANCE_GROUP] = { .name = "group",
		.type = SCHEMA_TYPE_NAME,
		.absent = "none: it fails over by itself",
		.help = "Instances of the same group fail over together." },
	[INSTANCE_VERSION] = { .name = "version",
		.type = SCHEMA_TYPE_UINT,
		.min = 2,
		.max = 3,
		.fallback = "3",
		.help = "The version of VRRP. 2 is for old peers: IPv4 only, and intervals of whole seconds." },
	[INSTANCE_CHECKSUM] = { .name = "checksum",
		.type = SCHEMA_TYPE_WORD,
		.noun = "checksum",
		.word = word_sum,
		.fallback = "rfc5798",
		.help = "The checksum that adverts of version 3 over IPv4 are sent with. Both are accepted." },
	[INSTANCE_PRIORITY] = { .name = "priority",
		.type = SCHEMA_TYPE_UINT,
		.flags = SCHEMA_BY_NODE,
		.min = 1,
		.max = 255,
		.absent = "the priority of the node under cluster, otherwise 100",
		.help = "The node with the higher one is master. 255 is for who always has the addresses: one node at "
			"most." },
	[INSTANCE_ADVERT_INTERVAL] = { .name = "advert_interval",
		.type = SCHEMA_TYPE_DURATION,
		.flags = SCHEMA_TENS,
		.min = 10,
		.max = SECONDS(255),
		.fallback = "1s",
		.help = "From one advert to the next; after three that did not come the other node takes over. Version "
			"3: up to 40.95s." },
	[INSTANCE_LEASE] = { .name = "lease",
		.type = SCHEMA_TYPE_DURATION,
		.flags = SCHEMA_SECONDS | SCHEMA_OFF,
		.min = SECONDS(1),
		.max = HOURS(1),
		.absent = "3s, or six advert intervals where that is more",
		.help = "The kernel takes the addresses away from a process that has not renewed them for so long. "
			"With "
			"less than six advert intervals nobody may hold them between a crash and the takeover." },
	[INSTANCE_PREEMPT] = { .name = "preempt",
		.type = SCHEMA_TYPE_BOOL,
		.fallback = "true",
		.help = "Whether a node that is back takes over from a master with a lower priority: when it knows "
			"the flows, and after a fault when the checks that failed meanwhile have passed, a minute "
			"later at most." },
	[INSTANCE_PREEMPT_DELAY] = { .name = "preempt_delay",
		.type = SCHEMA_TYPE_DURATION,
		.flags = SCHEMA_OFF,
		.min = 0,
		.max = HOURS(24),
		.absent = "off",
		.help = "How long it waits before it does." },
	[INSTANCE_STARTUP_DELAY] = { .name = "startup_delay",
		.type = SCHEMA_TYPE_DURATION,
		.flags = SCHEMA_OFF,
		.min = 0,
		.max = HOURS(1),
		.absent = "off",
		.help = "How long after the start of lbd it neither listens nor sends. One that a reload brings does "
			"not wait." },
	[INSTANCE_ACCEPT] = { .name = "accept",
		.type = SCHEMA_TYPE_BOOL,
		.fallback = "true",
		.help = "Whether this host itself answers at the virtual addresses. false: such packets are dropped." },
	[INSTANCE_VIRTUAL_MAC] = { .name = "virtual_mac",
		.type = SCHEMA_TYPE_BOOL,
		.fallback = "false",
		.help = "Whether the addresses have the hardware address of the virtual router, 00:00:5e:00:01:VRID, "
			"on "
			"an interface of their own." },
	[INSTANCE_UNICAST] = { .name = "unicast",
		.type = SCHEMA_TYPE_ADDRESS,
		.flags = SCHEMA_LIST | SCHEMA_OFF | SCHEMA_BY_NODE,
		.absent = "off: adverts are multicast",
		.help = "Adverts go to the addresses of the peers. By node: the address of each. A list: of peers, "
			"with "
			"source for our own; an address that is our own does no harm in it." },
	[INSTANCE_SOURCE] = { .name = "source",
		.type = SCHEMA_TYPE_ADDRESS,
		.flags = SCHEMA_BY_NODE,
		.absent = "the first address of the interface",
		.help = "The address of this node that adverts come from." },
	[INSTANCE_MIN_TTL] = { .name = "min_ttl",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = 255,
		.fallback = "255",
		.help = "With unicast: the least TTL or hop limit an advert arrives with. 255: from this link only." },
	[INSTANCE_AUTH] = { .name = "auth",
		.type = SCHEMA_TYPE_OBJECT,
		.flags = SCHEMA_OFF,
		.of = SCHEMA_AUTH,
		.absent = "off",
		.help = "How adverts prove where they come from." },
	[INSTANCE_ANNOUNCE] = { .name = "announce",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_ANNOUNCE,
		.fallback = "5",
		.help = "How a new master tells its neighbours: by gratuitous ARP, or unsolicited neighbour "
			"advertisements." },
	[INSTANCE_TRACK] = { .name = "track",
		.type = SCHEMA_TYPE_OBJECT,
		.flags = SCHEMA_LIST,
		.of = SCHEMA_TRACK,
		.absent = "nothing but its own interface",
		.help = "What must work for this node to be master, at most 32: in each one of interface, check, "
			"process "
			"and services_up." },
};

const struct schema_row schema_auth_rows[] = {
	[AUTH_TYPE] = { .name = "type",
		.type = SCHEMA_TYPE_WORD,
		.noun = "authentication",
		.flags = SCHEMA_REQUIRED,
		.word = word_auth,
		.help = "hmac: adverts are signed, as by keepalived 2.4.3. password: in clear, of version 2 only." },
	[AUTH_KEY_FILE] = { .name = "key_file",
		.type = SCHEMA_TYPE_PATH,
		.flags = SCHEMA_REQUIRED,
		.min = 1,
		.max = 1024,
		.help = "The file with the secret. hmac: a number and a key in hexadecimal per line, of which the "
			"first "
			"signs and all verify. password: up to 8 characters." },
	[AUTH_MODE] = { .name = "mode",
		.type = SCHEMA_TYPE_WORD,
		.noun = "mode",
		.word = word_auth_mode,
		.fallback = "enforce",
		.help = "receive-only: verifies what is signed, signs nothing. permissive: signs, and takes what is "
			"not "
			"signed. enforce: takes only what is signed." },
	[AUTH_WINDOW] = { .name = "window",
		.type = SCHEMA_TYPE_DURATION,
		.min = SECONDS(1),
		.max = SECONDS(300),
		.fallback = "5s",
		.help = "How far the clocks of the nodes may differ." },
};

const struct schema_row schema_announce_rows[] = {
	[ANNOUNCE_ROUNDS] = { .name = "count",
		.type = SCHEMA_TYPE_UINT,
		.min = 0,
		.max = 50,
		.fallback = "5",
		.help = "So often each address is announced at once. 0: never." },
	[ANNOUNCE_DELAY] = { .name = "delay",
		.type = SCHEMA_TYPE_DURATION,
		.flags = SCHEMA_OFF,
		.min = 0,
		.max = HOURS(1),
		.fallback = "5s",
		.help = "After this time the same once more." },
	[ANNOUNCE_REFRESH] = { .name = "refresh",
		.type = SCHEMA_TYPE_DURATION,
		.flags = SCHEMA_OFF,
		.min = SECONDS(1),
		.max = HOURS(24),
		.absent = "1m with virtual_mac and unicast, otherwise off",
		.help = "Each time this has passed every address is announced once." },
};

const struct schema_row schema_track_rows[] = {
	[TRACK_INTERFACE] = { .name = "interface",
		.type = SCHEMA_TYPE_INTERFACE,
		.min = 1,
		.max = 15,
		.absent = "see track",
		.help = "A network interface that must be up." },
	[TRACK_CHECK] = { .name = "check",
		.type = SCHEMA_TYPE_NAME,
		.absent = "see track",
		.help = "A check under checks that must pass. It has an address of its own, or is a script or a "
			"file." },
	[TRACK_PROCESS] = { .name = "process",
		.type = SCHEMA_TYPE_TOKEN,
		.min = 1,
		.max = 15,
		.absent = "see track",
		.help = "The name of a process that must run, as in /proc/PID/comm." },
	[TRACK_SERVICES_UP] = { .name = "services_up",
		.type = SCHEMA_TYPE_SHARE,
		.min = 1,
		.max = CONFIG_SERVICES_MAX,
		.absent = "see track",
		.help = "So many services, or this share of them, must be up; with weight 0 not more than there are. "
			"Of a kernel without IPVS, or whose IPVS lbd may not use, none is." },
	[TRACK_WEIGHT] = { .name = "weight",
		.type = SCHEMA_TYPE_INT,
		.min = -253,
		.max = 253,
		.fallback = "0",
		.help = "Below 0: taken from the priority while it fails. Above: added while it does not. 0: its "
			"failure "
			"is a fault, and the node cannot be master. It counts for the whole group, and what "
			"several instances of a group track counts once." },
	[TRACK_DEBOUNCE] = { .name = "debounce",
		.type = SCHEMA_TYPE_DURATION,
		.min = 0,
		.max = HOURS(1),
		.fallback = "0s",
		.help = "A change counts when it has lasted for so long." },
};

const struct schema_row schema_route_rows[] = {
	[ROUTE_TO] = { .name = "to",
		.type = SCHEMA_TYPE_NETWORK,
		.flags = SCHEMA_REQUIRED,
		.help = "Where it leads. default is 0.0.0.0/0 or ::/0, as the other addresses of the route are." },
	[ROUTE_VIA] = { .name = "via",
		.type = SCHEMA_TYPE_ADDRESS,
		.absent = "none: what it leads to is on the interface itself",
		.help = "The gateway. A route has this, dev or both." },
	[ROUTE_DEV] = { .name = "dev",
		.type = SCHEMA_TYPE_INTERFACE,
		.min = 1,
		.max = 15,
		.absent = "the interface of the instance",
		.help = "The network interface it leads out of." },
	[ROUTE_TABLE] = { .name = "table",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = UINT32_MAX,
		.fallback = "254",
		.help = "The number of the routing table. 254 is main." },
	[ROUTE_METRIC] = { .name = "metric",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = UINT32_MAX,
		.absent = "that of the kernel: 0 for IPv4, 1024 for IPv6",
		.help = "Of several routes to the same place the one with the lowest metric counts." },
	[ROUTE_SOURCE] = { .name = "source",
		.type = SCHEMA_TYPE_ADDRESS,
		.absent = "chosen by the kernel",
		.help = "The address that this host itself uses on this way; it may be a virtual one." },
};

const struct schema_row schema_rule_rows[] = {
	[RULE_FROM] = { .name = "from",
		.type = SCHEMA_TYPE_NETWORK,
		.absent = "any address",
		.help = "The source addresses that it is for. A rule has this, to or fwmark, or several of them." },
	[RULE_TO] = { .name = "to",
		.type = SCHEMA_TYPE_NETWORK,
		.absent = "any address",
		.help = "The destinations that it is for." },
	[RULE_FWMARK] = { .name = "fwmark",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = UINT32_MAX,
		.absent = "any packet",
		.help = "The firewall mark that it is for." },
	[RULE_TABLE] = { .name = "table",
		.type = SCHEMA_TYPE_UINT,
		.flags = SCHEMA_REQUIRED,
		.min = 1,
		.max = UINT32_MAX,
		.help = "The routing table that such packets are looked up in." },
	[RULE_PRIORITY] = { .name = "priority",
		.type = SCHEMA_TYPE_UINT,
		.flags = SCHEMA_REQUIRED,
		.min = 1,
		.max = UINT32_MAX,
		.help = "Rules with lower numbers are asked first; that of table main has 32766." },
};

_Static_assert(COUNT(schema_cluster_rows) == CLUSTER_COUNT, "one row per key");
_Static_assert(COUNT(schema_node_rows) == NODE_COUNT, "one row per key");
_Static_assert(COUNT(schema_vrrp_rows) == INSTANCE_COUNT, "one row per key");
_Static_assert(COUNT(schema_auth_rows) == AUTH_COUNT, "one row per key");
_Static_assert(COUNT(schema_announce_rows) == ANNOUNCE_COUNT, "one row per key");
_Static_assert(COUNT(schema_track_rows) == TRACK_COUNT, "one row per key");
_Static_assert(COUNT(schema_route_rows) == ROUTE_COUNT, "one row per key");
_Static_assert(COUNT(schema_rule_rows) == RULE_COUNT, "one row per key");
