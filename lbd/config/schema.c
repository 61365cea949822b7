/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/schema.h"

#include "lbd/ipvs/ipvs_sched.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct word {
	const char *name;
	int64_t value;
};

static const char *pick(const struct word *words, size_t n, size_t i, int64_t *value)
{
	if (i >= n)
		return NULL;
	*value = words[i].value;
	return words[i].name;
}

static const char *word_protocol(size_t i, int64_t *value)
{
	static const struct word t[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };
	return pick(t, COUNT(t), i, value);
}

static const char *word_family(size_t i, int64_t *value)
{
	static const struct word t[] = { { "ipv4", AF_INET }, { "ipv6", AF_INET6 } };
	return pick(t, COUNT(t), i, value);
}

static const char *word_mode(size_t i, int64_t *value)
{
	static const struct word t[] = { { "nat", IPVS_METHOD_NAT }, { "dr", IPVS_METHOD_DR },
		{ "tun", IPVS_METHOD_TUN } };
	return pick(t, COUNT(t), i, value);
}

static const char *word_tunnel(size_t i, int64_t *value)
{
	static const struct word t[] = { { "ipip", IPVS_TUNNEL_IPIP }, { "gue", IPVS_TUNNEL_GUE },
		{ "gre", IPVS_TUNNEL_GRE } };
	return pick(t, COUNT(t), i, value);
}

static const char *word_checksum(size_t i, int64_t *value)
{
	static const struct word t[] = { { "nocsum", IPVS_TUNNEL_NOCSUM }, { "csum", IPVS_TUNNEL_CSUM },
		{ "remcsum", IPVS_TUNNEL_REMCSUM } };
	return pick(t, COUNT(t), i, value);
}

static const char *word_engine(size_t i, int64_t *value)
{
	static const struct word t[] = { { "sip", 0 } };
	return pick(t, COUNT(t), i, value);
}

static const char *word_then(size_t i, int64_t *value)
{
	static const struct word t[] = { { "cut", CONFIG_THEN_CUT }, { "keep", CONFIG_THEN_KEEP } };
	return pick(t, COUNT(t), i, value);
}

static const char *word_state(size_t i, int64_t *value)
{
	if (i >= CONFIG_STATE_COUNT)
		return NULL;
	*value = (int64_t)i;
	return config_states[i];
}

static const char *word_level(size_t i, int64_t *value)
{
	if (i > LB_LOG_DEBUG - LB_LOG_ERROR)
		return NULL;
	*value = (int64_t)i + LB_LOG_ERROR;
	return lb_log_level_name((enum lb_log_level) * value);
}

static const char *word_on_loss(size_t i, int64_t *value)
{
	static const struct word t[] = { { "sorry", CONFIG_LOSS_SORRY }, { "rest", CONFIG_LOSS_REST },
		{ "open", CONFIG_LOSS_OPEN }, { "withdraw", CONFIG_LOSS_WITHDRAW } };
	return pick(t, COUNT(t), i, value);
}

static const char *word_on_fail(size_t i, int64_t *value)
{
	static const struct word t[] = { { "drain", CONFIG_FAIL_DRAIN }, { "remove", CONFIG_FAIL_REMOVE },
		{ "cut", CONFIG_FAIL_CUT } };
	return pick(t, COUNT(t), i, value);
}

static const char *word_sync(size_t i, int64_t *value)
{
	static const struct word t[] = { { "off", CONFIG_SYNC_OFF }, { "established", CONFIG_SYNC_ESTABLISHED },
		{ "all", CONFIG_SYNC_ALL } };
	return pick(t, COUNT(t), i, value);
}

static const char *word_scheduler(size_t i, int64_t *value)
{
	*value = (int64_t)i;
	return i < ipvs_scheds_n ? ipvs_scheds[i].name : NULL;
}

/* The flags of all schedulers; which scheduler has which is a rule of config_build. */
static const char *word_flag(size_t i, int64_t *value)
{
	*value = (int64_t)i;
	for (size_t s = 0; s < ipvs_scheds_n; s++)
		for (size_t f = 0; f < COUNT(ipvs_scheds[s].flags) && ipvs_scheds[s].flags[f].name; f++)
			if (i-- == 0)
				return ipvs_scheds[s].flags[f].name;
	return NULL;
}

#define DAYS(n) ((n)*INT64_C(86400000))

static const struct schema_row root_rows[] = {
	[ROOT_VERSION] = { .name = "version",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = UINT32_MAX,
		.fallback = "1",
		.help = "The version of this format. A file of a newer version than the daemon's is refused." },
	[ROOT_CLUSTER] = { .name = "cluster",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_CLUSTER,
		.help = "The nodes that share this configuration, and the link between them." },
	[ROOT_CONTROL] = { .name = "control",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_CONTROL,
		.help = "Who may use lbctl. Read at start only." },
	[ROOT_LOG] = { .name = "log", .type = SCHEMA_TYPE_OBJECT, .of = SCHEMA_LOG, .help = "What is logged." },
	[ROOT_METRICS] = { .name = "metrics",
		.type = SCHEMA_TYPE_OBJECT,
		.flags = SCHEMA_OFF,
		.of = SCHEMA_METRICS,
		.help = "Where Prometheus reads the metrics of lbd-metrics(7)." },
	[ROOT_DEFAULTS] = { .name = "defaults",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_DEFAULTS,
		.help = "Values for keys that a check, a service or a VRRP instance does not write itself. A key that "
			"is written replaces its default as a whole." },
	[ROOT_VRRP] = { .name = "vrrp",
		.type = SCHEMA_TYPE_NAMED,
		.of = SCHEMA_VRRP,
		.help = "VRRP instances by name: virtual addresses that one node at a time has. In interface, "
			"priority, "
			"unicast and source what differs between the nodes is a mapping by their names." },
	[ROOT_SYNC] = { .name = "sync",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_SYNC,
		.help = "How flows are copied to the other node, so that they go on there when it takes over: in a "
			"cluster of two nodes with a key_file. Which of them: the key sync of services." },
	[ROOT_HOOKS] = { .name = "hooks",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_HOOKS,
		.help = "Programs that are told of changes. They run as lbd-probe and decide nothing." },
	[ROOT_CHECKS] = { .name = "checks",
		.type = SCHEMA_TYPE_NAMED,
		.of = SCHEMA_CHECK,
		.help = "Health checks by name, for the key check of services." },
	[ROOT_SERVICES] = { .name = "services",
		.type = SCHEMA_TYPE_NAMED,
		.of = SCHEMA_SERVICE,
		.help = "Virtual services by name." },
};

static const struct schema_row control_rows[] = {
	[CONTROL_ADMIN_GROUP] = { .name = "admin_group",
		.type = SCHEMA_TYPE_GROUP,
		.min = 1,
		.max = 32,
		.fallback = "lbadmin",
		.help = "Members may run every command of lbctl. Of another group lbd must be a member, too: "
			"SupplementaryGroups= in a drop-in of its unit." },
	[CONTROL_OBSERVE_GROUP] = { .name = "observe_group",
		.type = SCHEMA_TYPE_GROUP,
		.min = 1,
		.max = 32,
		.fallback = "lbobserve",
		.help = "Members may run the commands that change nothing. Of another group as with admin_group." },
};

static const struct schema_row log_rows[] = {
	[LOG_LEVEL] = { .name = "level",
		.type = SCHEMA_TYPE_WORD,
		.noun = "log level",
		.word = word_level,
		.fallback = "info",
		.help = "The least urgent lines that are written." },
};

static const struct schema_row metrics_rows[] = {
	[METRICS_LISTEN] = { .name = "listen",
		.type = SCHEMA_TYPE_ENDPOINT,
		.flags = SCHEMA_OFF,
		.fallback = "127.0.0.1:9788",
		.help = "Address and port, neither alone, of http://ADDRESS:PORT/metrics. Whoever reaches it may read "
			"it: names, "
			"addresses and counters of services and backends, nothing secret." },
};

static const struct schema_row defaults_rows[] = {
	[DEFAULTS_CHECK] = { .name = "check",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_CHECK,
		.help = "For every check, those written as a bare type name included." },
	[DEFAULTS_SERVICE] = { .name = "service",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_SERVICE,
		.help = "For every service." },
	[DEFAULTS_VRRP] = { .name = "vrrp",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_VRRP,
		.help = "For every VRRP instance." },
};

static const struct schema_row service_rows[] = {
	[SERVICE_LISTEN] = { .name = "listen",
		.type = SCHEMA_TYPE_ENDPOINT,
		.flags = SCHEMA_LIST | SCHEMA_OWN | SCHEMA_ZERO_PORT,
		.absent = "required, unless fwmark is set",
		.help = "Where clients connect: address and port. An address without port takes every port, which "
			"needs "
			"persistence." },
	[SERVICE_PROTOCOL] = { .name = "protocol",
		.type = SCHEMA_TYPE_WORD,
		.flags = SCHEMA_LIST,
		.word = word_protocol,
		.fallback = "tcp",
		.help = "Each address in listen is served with each of these." },
	[SERVICE_FWMARK] = { .name = "fwmark",
		.type = SCHEMA_TYPE_UINT,
		.flags = SCHEMA_OWN,
		.min = 1,
		.max = UINT32_MAX,
		.absent = "the service is found by listen",
		.help = "In place of listen: packets that the firewall has marked with this number." },
	[SERVICE_FAMILY] = { .name = "family",
		.type = SCHEMA_TYPE_WORD,
		.flags = SCHEMA_OWN,
		.word = word_family,
		.fallback = "ipv4",
		.help = "The address family of a service with fwmark." },
	[SERVICE_SCHEDULER] = { .name = "scheduler",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_SCHEDULER,
		.fallback = "wlc",
		.help = "How a backend is chosen for a new connection." },
	[SERVICE_MODE] = { .name = "mode",
		.type = SCHEMA_TYPE_WORD,
		.word = word_mode,
		.fallback = "nat",
		.help = "How packets reach the backends: translated, to the same network by their hardware address, or "
			"in a "
			"tunnel." },
	[SERVICE_TUNNEL] = { .name = "tunnel",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_TUNNEL,
		.fallback = "ipip",
		.help = "The encapsulation of mode tun." },
	[SERVICE_SOURCE_NAT] = { .name = "source_nat",
		.type = SCHEMA_TYPE_ADDRESS,
		.flags = SCHEMA_LIST | SCHEMA_OFF,
		.absent = "off",
		.help = "For mode nat: backends see this address in place of the client's, so that their answers come "
			"back through the balancer from wherever they stand. A virtual address, or one of the host; of "
			"each family one." },
	[SERVICE_PERSISTENCE] = { .name = "persistence",
		.type = SCHEMA_TYPE_OBJECT,
		.flags = SCHEMA_OFF,
		.of = SCHEMA_PERSISTENCE,
		.absent = "off",
		.help = "Connections of one client go to the same backend." },
	[SERVICE_ONE_PACKET] = { .name = "one_packet",
		.type = SCHEMA_TYPE_BOOL,
		.fallback = "false",
		.help = "Each UDP packet is scheduled by itself." },
	[SERVICE_CHECK] = { .name = "check",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_CHECKS,
		.absent = "tcp for services with protocol tcp, otherwise none",
		.help = "How the backends are checked. A list is short for all." },
	[SERVICE_QUORUM] = { .name = "quorum",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_QUORUM,
		.fallback = "1",
		.help = "How many backends must be in the pool, and what happens when they are not." },
	[SERVICE_SORRY] = { .name = "sorry",
		.type = SCHEMA_TYPE_ENDPOINT,
		.flags = SCHEMA_OWN,
		.absent = "none",
		.help = "A server that takes over while the quorum is lost. It is not checked." },
	[SERVICE_ON_FAIL] = { .name = "on_fail",
		.type = SCHEMA_TYPE_WORD,
		.noun = "word for on_fail",
		.word = word_on_fail,
		.fallback = "drain",
		.help = "A backend whose check fails gets no new flows. drain: those it has may go on. remove: it "
			"leaves the table; its flows of UDP are ended, those of TCP wait for it to come back. cut: it "
			"leaves the table, and all its flows are ended. With drain a client of UDP that keeps sending "
			"stays with a backend that is down: for such services say remove or cut." },
	[SERVICE_FAIL_OPEN] = { .name = "fail_open",
		.type = SCHEMA_TYPE_PERCENT,
		.flags = SCHEMA_OFF,
		.min = 1,
		.max = 100,
		.absent = "off",
		.help = "When more than this share of the backends fails within one interval, with 100% all of them, "
			"it "
			"is rather the network of this host that broke: those that were in the pool stay there until "
			"their checks pass, or until fewer than that are failing." },
	[SERVICE_SLOW_START] = { .name = "slow_start",
		.type = SCHEMA_TYPE_DURATION,
		.flags = SCHEMA_OFF,
		.min = 1000,
		.max = DAYS(1),
		.absent = "off",
		.help = "A backend that comes back gets its weight in steps over this time. Weights are whole numbers: "
			"with weight 1 there are no steps, with weight 100 for all there are." },
	[SERVICE_DRAIN] = { .name = "drain",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_DRAIN,
		.fallback = "5m",
		.help = "What a backend in state drain may keep." },
	[SERVICE_SYNC] = { .name = "sync",
		.type = SCHEMA_TYPE_WORD,
		.noun = "word for sync",
		.word = word_sync,
		.fallback = "established",
		.help = "Which flows are copied to the other node. established: those that are, and what keeps a "
			"client at its backend. all: those that are only beginning or ending as well. off: none." },
	[SERVICE_BACKENDS] = { .name = "backends",
		.type = SCHEMA_TYPE_NAMED,
		.flags = SCHEMA_REQUIRED | SCHEMA_OWN,
		.of = SCHEMA_BACKEND,
		.help = "The servers by name. May be empty: {}." },
};

static const struct schema_row scheduler_rows[] = {
	[SCHEDULER_NAME] = { .name = "name",
		.type = SCHEMA_TYPE_WORD,
		.noun = "scheduler",
		.flags = SCHEMA_REQUIRED,
		.word = word_scheduler,
		.help = "A scheduler of the kernel." },
	[SCHEDULER_FLAGS] = { .name = "flags",
		.type = SCHEMA_TYPE_WORD,
		.noun = "flag",
		.flags = SCHEMA_LIST | SCHEMA_OFF,
		.word = word_flag,
		.absent = "sh-fallback with sh, mh-fallback with mh, otherwise off",
		.help = "Flags of that scheduler, all of them. sh and mh keep the share of a backend that has weight "
			"0, since "
			"it failed or is drained: with fallback its clients get another one, without it none." },
};

static const struct schema_row persistence_rows[] = {
	[PERSISTENCE_TIMEOUT] = { .name = "timeout",
		.type = SCHEMA_TYPE_DURATION,
		.flags = SCHEMA_SECONDS,
		.min = 1000,
		.max = DAYS(31),
		.fallback = "5m",
		.help = "How long a client without connections is remembered." },
	[PERSISTENCE_MASK4] = { .name = "mask4",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = 32,
		.fallback = "32",
		.help = "Bits of an IPv4 client address that count: with 24 a whole /24 is one client." },
	[PERSISTENCE_MASK6] = { .name = "mask6",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = 128,
		.fallback = "128",
		.help = "The same for IPv6." },
	[PERSISTENCE_ENGINE] = { .name = "engine",
		.type = SCHEMA_TYPE_WORD,
		.word = word_engine,
		.absent = "by client address",
		.help = "What else makes connections belong together: sip is the Call-ID, for protocol udp." },
};

static const struct schema_row drain_rows[] = {
	[DRAIN_TIMEOUT] = { .name = "timeout",
		.type = SCHEMA_TYPE_DURATION,
		.min = 1000,
		.max = DAYS(31),
		.fallback = "5m",
		.help = "How long flows go on." },
	[DRAIN_THEN] = { .name = "then",
		.type = SCHEMA_TYPE_WORD,
		.word = word_then,
		.fallback = "cut",
		.help = "cut: what is left after the timeout is ended. keep: flows go on until they end by "
			"themselves." },
};

static const struct schema_row tunnel_rows[] = {
	[TUNNEL_TYPE] = { .name = "type",
		.type = SCHEMA_TYPE_WORD,
		.noun = "tunnel type",
		.word = word_tunnel,
		.fallback = "ipip",
		.help = "The encapsulation." },
	[TUNNEL_PORT] = { .name = "port",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = 65535,
		.absent = "required for gue, otherwise there is none",
		.help = "UDP port of gue." },
	[TUNNEL_CHECKSUM] = { .name = "checksum",
		.type = SCHEMA_TYPE_WORD,
		.word = word_checksum,
		.fallback = "nocsum",
		.help = "Checksum of the outer header: csum for gue and gre, remcsum for gue." },
};

static const struct schema_row backend_rows[] = {
	[BACKEND_ADDRESS] = { .name = "address",
		.type = SCHEMA_TYPE_ENDPOINT,
		.flags = SCHEMA_REQUIRED,
		.help = "The address, with or without port." },
	[BACKEND_PORT] = { .name = "port",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = 65535,
		.absent = "the port of the listener",
		.help = "The port, if it is not written with the address." },
	[BACKEND_WEIGHT] = { .name = "weight",
		.type = SCHEMA_TYPE_UINT,
		.min = 0,
		.max = CONFIG_WEIGHT_MAX,
		.fallback = "1",
		.help = "Its share of new connections. 0: none." },
	[BACKEND_MAX_CONNECTIONS] = { .name = "max_connections",
		.type = SCHEMA_TYPE_UINT,
		.min = 0,
		.max = 65535,
		.fallback = "0",
		.help = "With more connections it gets no new ones. 0: no limit." },
	[BACKEND_RESUME_BELOW] = { .name = "resume_below",
		.type = SCHEMA_TYPE_UINT,
		.min = 0,
		.max = 65535,
		.fallback = "0",
		.help = "After that limit was reached: below this number it gets new ones again. 0: the "
			"kernel's choice, three quarters of max_connections." },
	[BACKEND_STATE] = { .name = "state",
		.type = SCHEMA_TYPE_WORD,
		.word = word_state,
		.fallback = "enabled",
		.help = "drain: no new flows, present ones go on as drain says. maint: no flows, no checks." },
	[BACKEND_MODE] = { .name = "mode",
		.type = SCHEMA_TYPE_WORD,
		.word = word_mode,
		.absent = "the mode of the service",
		.help = "How packets reach this backend." },
	[BACKEND_TUNNEL] = { .name = "tunnel",
		.type = SCHEMA_TYPE_OBJECT,
		.of = SCHEMA_TUNNEL,
		.absent = "the tunnel of the service",
		.help = "The encapsulation towards this backend." },
};

static const struct schema_row checks_rows[] = {
	[CHECKS_ALL] = { .name = "all",
		.type = SCHEMA_TYPE_NAME,
		.flags = SCHEMA_LIST,
		.absent = "see any and stages",
		.help = "Names of checks, all of which must pass. A check type that is not defined under checks is "
			"that "
			"type with its defaults. The word none: backends are always up." },
	[CHECKS_ANY] = { .name = "any",
		.type = SCHEMA_TYPE_NAME,
		.flags = SCHEMA_LIST,
		.absent = "see all",
		.help = "Names of checks, one of which must pass." },
	[CHECKS_STAGES] = { .name = "stages",
		.type = SCHEMA_TYPE_NAME,
		.flags = SCHEMA_LIST,
		.absent = "see all",
		.help = "Names of checks that run in this order: while one fails those after it rest. All must pass." },
};

static const struct schema_row quorum_rows[] = {
	[QUORUM_UP] = { .name = "up",
		.type = SCHEMA_TYPE_SHARE,
		.min = 1,
		.max = CONFIG_BACKENDS_MAX,
		.fallback = "1",
		.help = "Backends that must be in the pool: a number, which draining and maintenance do not lower, or "
			"a "
			"share of those that are not taken out so." },
	[QUORUM_HYSTERESIS] = { .name = "hysteresis",
		.type = SCHEMA_TYPE_UINT,
		.min = 0,
		.max = CONFIG_BACKENDS_MAX,
		.fallback = "0",
		.help = "Once lost, the quorum is reached again with so many backends more." },
	[QUORUM_ON_LOSS] = { .name = "on_loss",
		.type = SCHEMA_TYPE_WORD,
		.noun = "word for on_loss",
		.word = word_on_loss,
		.absent = "sorry if there is a sorry server, otherwise rest",
		.help = "sorry: the sorry server alone. rest: the healthy backends go on. open: all backends, whatever "
			"their checks say. withdraw: none." },
};

#define KIND(called, table, size, ...)                                                                                 \
	{                                                                                                              \
		.name = called, .rows = table, .n = size, __VA_ARGS__                                                  \
	}

const struct schema_kind schema_kinds[] = {
	[SCHEMA_ROOT] = KIND("file", root_rows, ROOT_COUNT, .main = -1, .also = -1),
	[SCHEMA_CONTROL] = KIND("control", control_rows, CONTROL_COUNT, .main = -1, .also = -1),
	[SCHEMA_LOG] = KIND("log", log_rows, LOG_COUNT, .main = -1, .also = -1),
	[SCHEMA_METRICS] = KIND("metrics", metrics_rows, METRICS_COUNT, .main = METRICS_LISTEN, .also = -1),
	[SCHEMA_DEFAULTS] = KIND("defaults", defaults_rows, DEFAULTS_COUNT, .main = -1, .also = -1),
	[SCHEMA_CHECK] = KIND("check", schema_check_rows, CHECK_KEY_COUNT, .main = -1, .also = -1),
	[SCHEMA_SERVICE] = KIND("service", service_rows, SERVICE_COUNT, .main = -1, .also = -1),
	[SCHEMA_SCHEDULER] = KIND("scheduler", scheduler_rows, SCHEDULER_COUNT, .main = SCHEDULER_NAME, .also = -1),
	[SCHEMA_PERSISTENCE] =
		KIND("persistence", persistence_rows, PERSISTENCE_COUNT, .main = PERSISTENCE_TIMEOUT, .also = -1),
	[SCHEMA_DRAIN] =
		KIND("drain", drain_rows, DRAIN_COUNT, .main = DRAIN_TIMEOUT, .also = DRAIN_THEN, .also_word = "keep"),
	[SCHEMA_TUNNEL] = KIND("tunnel", tunnel_rows, TUNNEL_COUNT, .main = TUNNEL_TYPE, .also = -1),
	[SCHEMA_BACKEND] = KIND("backend", backend_rows, BACKEND_COUNT, .main = BACKEND_ADDRESS, .also = -1),
	[SCHEMA_CHECKS] = KIND("checks", checks_rows, CHECKS_COUNT, .key = "check", .main = CHECKS_ALL, .also = -1),
	[SCHEMA_QUORUM] = KIND("quorum", quorum_rows, QUORUM_COUNT, .main = QUORUM_UP, .also = -1),
	[SCHEMA_TLS] = KIND("tls", schema_tls_rows, TLS_COUNT, .main = TLS_MODE, .also = -1),
	[SCHEMA_WEIGHT] = KIND("weight", schema_weight_rows, WEIGHT_COUNT, .main = WEIGHT_FROM, .also = -1),
	[SCHEMA_DAMPING] = KIND("damping", schema_damping_rows, DAMPING_COUNT, .main = DAMPING_SUPPRESS, .also = -1),
	[SCHEMA_CLUSTER] = KIND("cluster", schema_cluster_rows, CLUSTER_COUNT, .main = -1, .also = -1),
	[SCHEMA_NODE] = KIND("node", schema_node_rows, NODE_COUNT, .main = NODE_ADDRESS, .also = -1),
	[SCHEMA_VRRP] = KIND("instance", schema_vrrp_rows, INSTANCE_COUNT, .key = "vrrp", .main = -1, .also = -1),
	[SCHEMA_AUTH] = KIND("auth", schema_auth_rows, AUTH_COUNT, .main = -1, .also = -1),
	[SCHEMA_ANNOUNCE] = KIND("announce", schema_announce_rows, ANNOUNCE_COUNT, .main = ANNOUNCE_ROUNDS, .also = -1),
	[SCHEMA_TRACK] = KIND("track", schema_track_rows, TRACK_COUNT, .main = -1, .also = -1),
	[SCHEMA_ROUTE] = KIND("route", schema_route_rows, ROUTE_COUNT, .main = -1, .also = -1),
	[SCHEMA_RULE] = KIND("rule", schema_rule_rows, RULE_COUNT, .main = -1, .also = -1),
	[SCHEMA_HOOKS] = KIND("hooks", schema_hooks_rows, HOOKS_COUNT, .main = -1, .also = -1),
	[SCHEMA_HOOK] = KIND("hook", schema_hook_rows, HOOK_COUNT, .key = "state", .main = HOOK_PATH, .also = -1),
	[SCHEMA_SYNC] = KIND("sync", schema_sync_rows, SYNC_COUNT, .main = -1, .also = -1),
	[SCHEMA_MULTICAST] =
		KIND("multicast", schema_multicast_rows, MULTICAST_COUNT, .main = MULTICAST_INTERFACE, .also = -1),
};
_Static_assert(COUNT(schema_kinds) == SCHEMA_KIND_COUNT, "one row per kind");
_Static_assert(CHECK_KEY_COUNT <= SCHEMA_ROWS_MAX && SERVICE_COUNT <= SCHEMA_ROWS_MAX, "objects have room");

int schema_find(const struct schema_kind *kind, const char *name, size_t n)
{
	for (unsigned i = 0; i < kind->n; i++)
		if (strlen(kind->rows[i].name) == n && memcmp(kind->rows[i].name, name, n) == 0)
			return (int)i;
	return -1;
}

bool schema_inherits(enum schema_kind_id kind)
{
	return kind == SCHEMA_SERVICE || kind == SCHEMA_VRRP;
}

const char *schema_word_of(schema_word_fn *word, int64_t value)
{
	int64_t v;
	const char *name;
	for (size_t i = 0; (name = word(i, &v)); i++)
		if (v == value)
			return name;
	return "";
}
