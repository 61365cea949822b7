/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys of lbd.yaml: one row per key. Reading (schema_read), the effective text (config_print), the JSON Schema and
 * the manual page (schema_print) are made from these rows. A new key is a row here, a field in config.h, a line in
 * config_build.c and one in config_value.c.
 */
#pragma once

#include "lbd/config/config_node.h"

enum schema_kind_id { /* a mapping with its own set of keys */
	SCHEMA_ROOT,
	SCHEMA_CONTROL,
	SCHEMA_LOG,
	SCHEMA_DEFAULTS,
	SCHEMA_CHECK,
	SCHEMA_SERVICE,
	SCHEMA_SCHEDULER,
	SCHEMA_PERSISTENCE,
	SCHEMA_DRAIN,
	SCHEMA_TUNNEL,
	SCHEMA_BACKEND,
	SCHEMA_CHECKS, /* those of a service */
	SCHEMA_QUORUM,
	SCHEMA_TLS,
	SCHEMA_WEIGHT,
	SCHEMA_DAMPING,
	SCHEMA_CLUSTER,
	SCHEMA_NODE, /* of the cluster */
	SCHEMA_VRRP, /* one instance */
	SCHEMA_AUTH,
	SCHEMA_ANNOUNCE,
	SCHEMA_TRACK,
	SCHEMA_ROUTE,
	SCHEMA_RULE,
	SCHEMA_HOOKS,
	SCHEMA_HOOK, /* one program */
	SCHEMA_SYNC,
	SCHEMA_MULTICAST,
	SCHEMA_METRICS
};
#define SCHEMA_KIND_COUNT 29

enum schema_type {
	SCHEMA_TYPE_BOOL,
	SCHEMA_TYPE_UINT,
	SCHEMA_TYPE_INT,       /* the same, or below zero */
	SCHEMA_TYPE_DURATION,  /* milliseconds */
	SCHEMA_TYPE_TEXT,      /* min..max bytes */
	SCHEMA_TYPE_GROUP,     /* a group of the system */
	SCHEMA_TYPE_NAME,      /* of something else in the file */
	SCHEMA_TYPE_WORD,      /* one of a table */
	SCHEMA_TYPE_INTERFACE, /* of this host */
	SCHEMA_TYPE_ADDRESS,
	SCHEMA_TYPE_PREFIX,   /* ADDRESS/PREFIX of an interface; without prefix the whole address */
	SCHEMA_TYPE_NETWORK,  /* ADDRESS/PREFIX of a network, 0.0.0.0/0 and the like among them; `default` */
	SCHEMA_TYPE_ENDPOINT, /* address with or without port */
	SCHEMA_TYPE_SIZE,     /* bytes */
	SCHEMA_TYPE_RATE,     /* per second */
	SCHEMA_TYPE_HEX,      /* min..max bytes in hexadecimal */
	SCHEMA_TYPE_REGEX,
	SCHEMA_TYPE_PATH,   /* that starts with a slash */
	SCHEMA_TYPE_TOKEN,  /* text without blanks and control characters */
	SCHEMA_TYPE_STATUS, /* of HTTP: one, or a range */
	SCHEMA_TYPE_SHARE,  /* a number, or a percentage */
	SCHEMA_TYPE_PERCENT,
	SCHEMA_TYPE_MAP,    /* of header names to texts */
	SCHEMA_TYPE_OBJECT, /* a mapping with the keys of `of` */
	SCHEMA_TYPE_NAMED   /* a mapping from names to mappings with the keys of `of` */
};
#define SCHEMA_TYPE_COUNT 25

enum schema_flag {
	SCHEMA_LIST = 1,       /* one or several */
	SCHEMA_REQUIRED = 2,   /* in its mapping; never in defaults */
	SCHEMA_OWN = 4,        /* makes no sense in defaults */
	SCHEMA_OFF = 8,        /* the word `off` says: none */
	SCHEMA_ZERO_PORT = 16, /* port 0 may be written */
	SCHEMA_SECONDS = 32,   /* a duration of whole seconds */
	SCHEMA_TENS = 64,      /* a duration of whole 10 ms */
	SCHEMA_BY_NODE = 128,  /* or a mapping from the names of nodes to one value each */
	SCHEMA_SECRET = 256,   /* may be a password of what a check asks: not for who may only look */
	SCHEMA_QUERY = 512     /* so may what stands behind its question mark */
};

/* The i'th legal word and its number; NULL past the end. */
typedef const char *schema_word_fn(size_t i, int64_t *value);

struct schema_row {
	const char *name;
	enum schema_type type;
	unsigned flags; /* enum schema_flag */
	int64_t min, max;
	schema_word_fn *word;
	enum schema_kind_id of;
	enum check_param param; /* of checks: where the spec carries it */
	uint32_t only;          /* of checks: bits 1 << CHECK_TYPE_x of the types that have it, 0 = all */
	const char *fallback;   /* as it would be written; NULL = absent stays absent */
	const char *absent;     /* what absence means, where fallback cannot say it */
	const char *help;
	const char *noun; /* one of the words, where name does not say it: "unknown flag 'x'" */
};

struct schema_kind {
	const char *name; /* what people call such a mapping */
	const char *key;  /* the key it stands under, where that is another word */
	const struct schema_row *rows;
	unsigned n;
	int main; /* the key that may stand alone in place of the mapping, -1 = none */
	int also; /* a second one, of type WORD, of which only also_word may stand alone; -1 = none */
	const char *also_word;
};

enum {
	ROOT_VERSION,
	ROOT_CLUSTER,
	ROOT_CONTROL,
	ROOT_LOG,
	ROOT_METRICS,
	ROOT_DEFAULTS,
	ROOT_VRRP,
	ROOT_SYNC,
	ROOT_HOOKS,
	ROOT_CHECKS,
	ROOT_SERVICES,
	ROOT_COUNT
};
enum { CONTROL_ADMIN_GROUP, CONTROL_OBSERVE_GROUP, CONTROL_COUNT };
enum { LOG_LEVEL, LOG_COUNT };
enum { METRICS_LISTEN, METRICS_COUNT };
enum { DEFAULTS_CHECK, DEFAULTS_SERVICE, DEFAULTS_VRRP, DEFAULTS_COUNT };
enum {
	CHECK_KEY_TYPE,
	CHECK_KEY_ADDRESS,
	CHECK_KEY_PORT,
	CHECK_KEY_SOURCE,
	CHECK_KEY_INTERFACE,
	CHECK_KEY_INTERVAL,
	CHECK_KEY_INTERVAL_DOWN,
	CHECK_KEY_TIMEOUT,
	CHECK_KEY_RISE,
	CHECK_KEY_FALL,
	CHECK_KEY_DAMPING,
	CHECK_KEY_WEIGHT,
	CHECK_KEY_SEND,
	CHECK_KEY_SEND_HEX,
	CHECK_KEY_EXPECT,
	CHECK_KEY_EXPECT_HEX,
	CHECK_KEY_EXPECT_REGEX,
	CHECK_KEY_METHOD,
	CHECK_KEY_PATH,
	CHECK_KEY_BASE,
	CHECK_KEY_HOST,
	CHECK_KEY_HEADERS,
	CHECK_KEY_DATA,
	CHECK_KEY_STATUS,
	CHECK_KEY_BODY,
	CHECK_KEY_BODY_REGEX,
	CHECK_KEY_MAX_BODY,
	CHECK_KEY_HTTP_VERSION,
	CHECK_KEY_TLS,
	CHECK_KEY_QUERY,
	CHECK_KEY_ANSWER,
	CHECK_KEY_RCODE,
	CHECK_KEY_TRANSPORT,
	CHECK_KEY_ARGS,
	CHECK_KEY_COUNT
};
enum { TLS_MODE, TLS_VERIFY, TLS_CA_FILE, TLS_CERT_FILE, TLS_KEY_FILE, TLS_MIN_VERSION, TLS_COUNT };
enum { WEIGHT_FROM, WEIGHT_NAME, WEIGHT_MIN, WEIGHT_MAX, WEIGHT_SMOOTH, WEIGHT_COUNT };
enum { DAMPING_SUPPRESS, DAMPING_HALF_LIFE, DAMPING_COUNT };
enum {
	SERVICE_LISTEN,
	SERVICE_PROTOCOL,
	SERVICE_FWMARK,
	SERVICE_FAMILY,
	SERVICE_SCHEDULER,
	SERVICE_MODE,
	SERVICE_TUNNEL,
	SERVICE_SOURCE_NAT,
	SERVICE_PERSISTENCE,
	SERVICE_ONE_PACKET,
	SERVICE_CHECK,
	SERVICE_QUORUM,
	SERVICE_SORRY,
	SERVICE_ON_FAIL,
	SERVICE_FAIL_OPEN,
	SERVICE_SLOW_START,
	SERVICE_DRAIN,
	SERVICE_SYNC,
	SERVICE_BACKENDS,
	SERVICE_COUNT
};
enum { CHECKS_ALL, CHECKS_ANY, CHECKS_STAGES, CHECKS_COUNT };
enum { QUORUM_UP, QUORUM_HYSTERESIS, QUORUM_ON_LOSS, QUORUM_COUNT };
enum { SCHEDULER_NAME, SCHEDULER_FLAGS, SCHEDULER_COUNT };
enum { PERSISTENCE_TIMEOUT, PERSISTENCE_MASK4, PERSISTENCE_MASK6, PERSISTENCE_ENGINE, PERSISTENCE_COUNT };
enum { DRAIN_TIMEOUT, DRAIN_THEN, DRAIN_COUNT };
enum { TUNNEL_TYPE, TUNNEL_PORT, TUNNEL_CHECKSUM, TUNNEL_COUNT };
enum {
	BACKEND_ADDRESS,
	BACKEND_PORT,
	BACKEND_WEIGHT,
	BACKEND_MAX_CONNECTIONS,
	BACKEND_RESUME_BELOW,
	BACKEND_STATE,
	BACKEND_MODE,
	BACKEND_TUNNEL,
	BACKEND_COUNT
};
enum {
	CLUSTER_ID,
	CLUSTER_KEY_FILE,
	CLUSTER_PORT,
	CLUSTER_HEARTBEAT,
	CLUSTER_DEAD_AFTER,
	CLUSTER_NODES,
	CLUSTER_COUNT
};
enum { NODE_ADDRESS, NODE_PRIORITY, NODE_COUNT };
enum {
	INSTANCE_INTERFACE,
	INSTANCE_VRID,
	INSTANCE_ADDRESSES,
	INSTANCE_EXCLUDED,
	INSTANCE_ROUTES,
	INSTANCE_RULES,
	INSTANCE_GROUP,
	INSTANCE_VERSION,
	INSTANCE_CHECKSUM,
	INSTANCE_PRIORITY,
	INSTANCE_ADVERT_INTERVAL,
	INSTANCE_LEASE,
	INSTANCE_PREEMPT,
	INSTANCE_PREEMPT_DELAY,
	INSTANCE_STARTUP_DELAY,
	INSTANCE_ACCEPT,
	INSTANCE_VIRTUAL_MAC,
	INSTANCE_UNICAST,
	INSTANCE_SOURCE,
	INSTANCE_MIN_TTL,
	INSTANCE_AUTH,
	INSTANCE_ANNOUNCE,
	INSTANCE_TRACK,
	INSTANCE_COUNT
};
enum { AUTH_TYPE, AUTH_KEY_FILE, AUTH_MODE, AUTH_WINDOW, AUTH_COUNT };
enum { ANNOUNCE_ROUNDS, ANNOUNCE_DELAY, ANNOUNCE_REFRESH, ANNOUNCE_COUNT };
enum { TRACK_INTERFACE, TRACK_CHECK, TRACK_PROCESS, TRACK_SERVICES_UP, TRACK_WEIGHT, TRACK_DEBOUNCE, TRACK_COUNT };
enum { ROUTE_TO, ROUTE_VIA, ROUTE_DEV, ROUTE_TABLE, ROUTE_METRIC, ROUTE_SOURCE, ROUTE_COUNT };
enum { RULE_FROM, RULE_TO, RULE_FWMARK, RULE_TABLE, RULE_PRIORITY, RULE_COUNT };
enum { HOOKS_STATE, HOOKS_COUNT };
enum { HOOK_PATH, HOOK_TIMEOUT, HOOK_COUNT };
enum { SYNC_CONNTRACK_KEY, SYNC_RATE_LIMIT, SYNC_MULTICAST, SYNC_COUNT };
enum { MULTICAST_INTERFACE, MULTICAST_GROUP, MULTICAST_PORT, MULTICAST_ID, MULTICAST_COUNT };
#define SCHEMA_ROWS_MAX 40 /* of one kind */

/* The tables of schema_check.c, schema_vrrp.c and schema_hooks.c. */
extern const struct schema_row schema_check_rows[], schema_tls_rows[], schema_weight_rows[], schema_damping_rows[];
extern const struct schema_row schema_cluster_rows[], schema_node_rows[], schema_vrrp_rows[], schema_auth_rows[],
	schema_announce_rows[], schema_track_rows[], schema_route_rows[], schema_rule_rows[];
extern const struct schema_row schema_hooks_rows[], schema_hook_rows[], schema_sync_rows[], schema_multicast_rows[];

extern const struct schema_kind schema_kinds[];

/* The row of a key, or -1. */
int schema_find(const struct schema_kind *kind, const char *name, size_t n);

/* Whether objects of this kind inherit from a mapping under defaults, which has no keys with SCHEMA_OWN. */
bool schema_inherits(enum schema_kind_id kind);

/* The word with this number, "" when there is none. */
const char *schema_word_of(schema_word_fn *word, int64_t value);
