/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration: text in, one immutable tree out, every error of all files in one pass.
 *
 *   config_yaml   libyaml events -> node tree with line and column (traps refused: aliases, tags, duplicates, NUL ...)
 *   schema        one row per key: type, range, default, help; walks the node tree into the structs below
 *   config_check  rules across keys
 *   config_diff   what differs between two trees, object by object
 *
 * The whole tree lives in one arena: config_free gives everything back at once. Defaults are folded in: whoever reads
 * these structs never asks whether a key was written. Nothing here opens a file: the caller brings the bytes.
 */
#pragma once

#include "common/addr.h"
#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/log.h"
#include "lbd/check/check_types.h"
#include "lbd/ipvs/ipvs_table.h"
#include "lbd/vrrp/vrrp_auth.h"
#include "lbd/vrrp/way.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_VERSION            1u
#define CONFIG_SERVICES_MAX       16384u
#define CONFIG_BACKENDS_MAX       131072u
#define CONFIG_LISTENS_MAX        65536u /* kernel services: listen x protocol, of all services */
#define CONFIG_CHECKS_MAX         16384u
#define CONFIG_SERVICE_CHECKS_MAX 16u /* of one service */
#define CONFIG_PEERS_MAX          8u  /* nodes of a cluster, ourselves among them */
#define CONFIG_PEER_ADDRESSES_MAX 16u /* of one node */
#define CONFIG_VRRP_MAX           255u
#define CONFIG_UNICAST_MAX        16u  /* peers of one instance */
#define CONFIG_EXCLUDED_MAX       255u /* of one instance */
#define CONFIG_TRACKS_MAX         32u
#define CONFIG_ROUTES_MAX         32u    /* of one instance */
#define CONFIG_RULES_MAX          32u    /* the same */
#define CONFIG_GROUP_MAX          32u    /* instances of one group */
#define CONFIG_SYNC_LISTENS_MAX   16384u /* listeners whose sync is not `established`, or that have a mark */
#define CONFIG_WEIGHT_MAX         65535u
#define CONFIG_ERRORS_MAX         50u
#define CONFIG_DEPTH_MAX          32u
#define CONFIG_FILE_MAX           (16u * 1024u * 1024u)
#define CONFIG_SOURCES_MAX        1000u                 /* the file and those of conf.d */
#define CONFIG_TEXTS_MAX          (64u * 1024u * 1024u) /* of all of them: a generation holds no more */
#define CONFIG_NODES_MAX          1000000u

enum config_state { CONFIG_STATE_ENABLED, CONFIG_STATE_DRAIN, CONFIG_STATE_MAINT };
#define CONFIG_STATE_COUNT (CONFIG_STATE_MAINT + 1)
extern const char *const config_states[CONFIG_STATE_COUNT]; /* "enabled" "drain" "maint" */
enum config_then { CONFIG_THEN_CUT, CONFIG_THEN_KEEP };
enum config_fail { CONFIG_FAIL_DRAIN, CONFIG_FAIL_REMOVE, CONFIG_FAIL_CUT };
enum config_loss { CONFIG_LOSS_SORRY, CONFIG_LOSS_REST, CONFIG_LOSS_OPEN, CONFIG_LOSS_WITHDRAW };
/* Which flows are copied to the other node. */
enum config_conntrack { CONFIG_CONNTRACK_AUTO, CONFIG_CONNTRACK_ALL, CONFIG_CONNTRACK_OFF };
enum config_sync { CONFIG_SYNC_OFF, CONFIG_SYNC_ESTABLISHED, CONFIG_SYNC_ALL };
enum config_auth { CONFIG_AUTH_NONE, CONFIG_AUTH_HMAC, CONFIG_AUTH_PASSWORD };
enum config_track_type { CONFIG_TRACK_INTERFACE, CONFIG_TRACK_CHECK, CONFIG_TRACK_PROCESS, CONFIG_TRACK_SERVICES_UP };
enum config_check_mode { CONFIG_CHECK_ALL, CONFIG_CHECK_ANY, CONFIG_CHECK_STAGES };

/* "2" or "50%" */
struct config_share {
	uint32_t value;
	bool percent;
};

struct config_backend {
	const char *name;
	struct lb_ip addr;
	uint16_t port;             /* 0 = the port of the listener */
	uint8_t method;            /* enum ipvs_method: NAT, TUN or DR; the service's unless set here */
	struct ipvs_tunnel tunnel; /* zero unless TUN */
	uint32_t weight;           /* 0..CONFIG_WEIGHT_MAX */
	uint32_t upper, lower;     /* max_connections, resume_below; 0 = off */
	enum config_state state;
	uint32_t line; /* where it was written, 1.. */
};

/* A named check, or one written as a bare type name. The address and the default port come from the backend. */
struct config_check {
	const char *name;
	struct check_spec spec; /* addr unset unless the check has its own; port 0 = the backend's */
	/* flap damping: each fall adds 1000 to a penalty that halves every half_life; above suppress the target counts
	 * as down until 1000 is left. suppress 0 = off */
	uint32_t suppress, half_life_ms;
	uint32_t line;
};

struct config_service {
	const char *name;
	const struct ipvs_key
		*listens; /* the product of `listen` and `protocol`, sorted by ipvs_key_cmp, no duplicates */
	uint32_t n_listens;
	const struct config_backend *backends;       /* in the order of the file */
	const struct config_backend *const *by_name; /* the same, sorted */
	uint32_t n_backends;
	const struct config_check *const *checks; /* n_checks 0 = always up */
	uint32_t n_checks;
	enum config_check_mode check_mode; /* how their words become one */
	struct config_share quorum;        /* of backends in the pool */
	uint32_t quorum_more;              /* once lost, so many more bring it back */
	enum config_loss on_loss;
	struct lb_ip sorry;  /* family 0 = none */
	uint16_t sorry_port; /* 0 = the port of the listener */
	enum config_fail on_fail;
	uint32_t fail_open_percent; /* 0 = off */
	int64_t slow_start_ms;      /* 0 = off */
	const char *scheduler;      /* a name of ipvs_scheds */
	uint32_t flags;             /* IPVS_FLAG_PERSISTENT, _ONEPACKET, _SCHED* */
	uint32_t persist_s;         /* 0 = off */
	uint8_t mask4, mask6;       /* prefix lengths, default 32 and 128 */
	const char *engine;         /* persistence engine, "" = none */
	uint8_t method;             /* the default of its backends, for display */
	struct ipvs_tunnel tunnel;
	struct lb_ip source_nat; /* what backends see in place of the client, of its family; family 0 = the client */
	int64_t drain_ms;        /* how long a drained backend keeps its flows, 0 = for ever */
	enum config_then drain_then;
	enum config_sync sync;
	const char *file; /* which source it came from */
	uint32_t line;
	uint64_t digest; /* over every effective value (not over lines): equal digests = nothing to do */
};

/* A node of the cluster: one of them is this one. */
struct config_peer {
	const char *name;
	const struct lb_ip *addresses; /* in the order of the file; each is a path to it */
	uint32_t n_addresses;
	uint8_t priority; /* 1..254 */
	uint32_t line;
};

struct config_cluster {
	uint8_t id;
	const char *key_file; /* "" = none */
	uint16_t port;
	uint32_t heartbeat_ms, dead_after_ms;
	const struct config_peer *nodes; /* sorted by name */
	uint32_t n_nodes;                /* 0 = there is no cluster */
	int self;                        /* which of them is this node; the first when none was named, -1 = none */
};

/* A virtual address and the prefix it gets on its interface: 1..32, 1..128. */
struct config_vip {
	struct lb_ip ip;
	uint8_t prefix;
};

/* What must work for a node to be master. */
struct config_track {
	enum config_track_type type;
	const char *name;                 /* of the interface, the check or the process; "" for services */
	const struct config_check *check; /* CHECK only: one of config.checks */
	struct config_share services_up;  /* SERVICES_UP only */
	int weight;                       /* -253..253; 0 = its failure is a fault */
	int64_t debounce_ms;
};

/* A VRRP instance as it is on this node. */
struct config_vrrp {
	const char *name;
	const char *interface;
	const char *group;                  /* "" = it fails over by itself */
	const struct config_vip *addresses; /* as adverts name them: 1..VRRP_ADDRS_MAX, of one family */
	const struct config_vip *excluded;  /* held, but not named; either family */
	const struct route *routes;         /* with a dev and a family */
	const struct rule *rules;
	const struct config_track *tracks;
	const struct lb_ip *peers; /* where adverts go and come from; n_peers 0 = multicast */
	uint32_t n_addresses, n_excluded, n_routes, n_rules, n_tracks, n_peers;
	struct lb_ip source; /* family 0 = the first address of the interface */
	uint8_t vrid, version, family;
	uint8_t priority;     /* 1..255, 255 = it always has the addresses */
	uint8_t min_ttl;      /* with peers; otherwise 255 */
	uint32_t interval_cs; /* of adverts, centiseconds: 1..4095; version 2: 1..255 whole seconds */
	uint32_t lease_s;     /* 0 = addresses stay until they are removed */
	enum vrrp_sum sum;    /* RFC5798 where there is no choice */
	bool preempt, accept, virtual_mac;
	int64_t preempt_delay_ms, startup_delay_ms; /* 0 = off */
	enum config_auth auth;
	enum vrrp_auth_mode auth_mode; /* HMAC; otherwise OFF */
	uint32_t auth_window_ms;       /* HMAC; otherwise 0 */
	const char *key_file;          /* of either kind of auth; "" = none */
	uint32_t announce_count;       /* rounds, 0 = never */
	int64_t announce_delay_ms;     /* to the second block of rounds, 0 = none */
	int64_t announce_refresh_ms;   /* 0 = off */
	const char *file;
	uint32_t line;
	uint64_t digest; /* over every effective value (not over lines): equal digests = nothing to do */
};

/* The kernel's own synchronisation of flows. */
struct config_multicast {
	const char *interface; /* "" = off */
	struct lb_ip group;
	uint16_t port;
	uint8_t id;
};

/* A program that is told of something. */
struct config_hook {
	const char *path; /* "" = there is none */
	uint32_t timeout_ms;
};

struct config {
	const struct config_service *services; /* sorted by name */
	uint32_t n_services;
	uint32_t n_backends; /* in all services */
	const struct config_check
		*checks; /* sorted by name: the named ones, and types used by their bare name (line 0) */
	uint32_t n_checks;
	struct config_cluster cluster;
	const struct config_vrrp *vrrp; /* sorted by name */
	uint32_t n_vrrp;
	struct config_hook state_hook; /* of changes of VRRP instances */
	uint32_t sync_rate;            /* records of flows per second, at most */
	enum config_conntrack sync_conntrack;
	struct config_multicast multicast;
	enum lb_log_level log_level;
	struct lb_ip metrics; /* where they are read; family 0 = nowhere */
	uint16_t metrics_port;
	const char *admin_group, *observe_group;
	/* Over what is written in all files, whatever their names, comments and layout: equal on nodes that have the
	 * same configuration. */
	uint64_t digest;
	struct lb_arena arena;
};

/* One file of the set. name is what messages show; text need not be terminated and must live until config_load_free. */
struct config_source {
	const char *name;
	const char *text;
	size_t len;
};

/* One finding. line and column count from 1 (columns count characters, not bytes); 0 = the file as a whole. */
struct config_error {
	bool warning;
	const char *file;
	uint32_t line, column;
	uint32_t width;      /* characters under the caret, at least 1 */
	const char *text;    /* "unknown key 'schedular' in services.web" */
	const char *path;    /* "services.web.backends.app2.weight", "" */
	bool path_in_text;   /* text names the place itself: config_error_print leaves the path out */
	const char *help;    /* "did you mean 'scheduler'?", "" = none */
	const char *excerpt; /* the source line, escaped, "" = none; cut to fit */
	uint32_t caret;      /* characters before the caret in excerpt */
};

/*
 * A load in slices, because a file of 16 MiB must not hold up the loop that answers `lbctl status`:
 *   l = config_load_new(sources, n, node);  while (config_load_step(l, budget) > 0) ...;  config_load_take(l)
 * config_load_step does about `budget` units (nodes or keys) of work and returns 1 while work is left, 0 when done.
 */
/* node: the name of this node, by which it finds its own values in those that differ between nodes; borrowed until
 * config_load_free. NULL or "": nobody's in particular: those of the first node are taken, those of all are checked.
 * Returns NULL when memory is out. */
struct config_load *config_load_new(const struct config_source *sources, size_t n, const char *node);
/* Before the first step: that text ran, or may have, perhaps with an older lbd. What nothing can ever pass in it
 * (config_never) is a warning then: nothing is worse than it was, and everything else in it would go as well. */
void config_load_ran(struct config_load *l);
int config_load_step(struct config_load *l, unsigned budget);
/* The tree, now the caller's; NULL when there was an error (see config_load_errors). Warnings do not prevent it. */
struct config *config_load_take(struct config_load *l);
/* In line order per file, at most CONFIG_ERRORS_MAX; borrowed until config_load_free. *more = found beyond that. */
const struct config_error *config_load_errors(const struct config_load *l, size_t *n, size_t *more);
void config_load_free(struct config_load *l);

/* Everything found as text, then "3 more errors" if so. Returns the number of errors, warnings not counted. */
size_t config_load_report(const struct config_load *l, struct lb_text *out);

/* All steps at once, for tests, `lbd --check` and fuzzers. The errors as text in *report (appended; may be NULL). */
struct config *config_load(const struct config_source *sources, size_t n, const char *node, struct lb_text *report);
/* The same with config_load_ran: what a start runs. */
struct config *config_load_again(
	const struct config_source *sources, size_t n, const char *node, struct lb_text *report);

/* The text of one finding exactly as people see it: file:line:col: severity: text, excerpt, caret, help. */
void config_error_print(const struct config_error *e, struct lb_text *out);

void config_free(struct config *c);

/* By name; NULL when there is none. O(log n). */
const struct config_service *config_service_find(const struct config *c, const char *name);
const struct config_vrrp *config_vrrp_find(const struct config *c, const char *name);
const struct config_backend *config_backend_find(const struct config_service *s, const char *name);

/* Whether flows are copied, and if not why: what is missing first. */
enum config_flows {
	CONFIG_FLOWS_COPIED,
	CONFIG_FLOWS_ALONE,   /* there is no other node */
	CONFIG_FLOWS_MANY,    /* there are several */
	CONFIG_FLOWS_NO_KEY,  /* cluster.key_file */
	CONFIG_FLOWS_NO_SELF, /* this node is not one of them */
	CONFIG_FLOWS_NO_SERVICE,
	CONFIG_FLOWS_OFF,    /* in all services */
	CONFIG_FLOWS_KERNEL, /* the kernel does, with another node that is not lbd */
};
enum config_flows config_flows(const struct config *c);

/* Whether a service may be reached here while this node is master of nothing: at an address that no instance holds, or
 * by a firewall mark, which says nothing about addresses. True also when memory is out. */
bool config_serves_beside(const struct config *c);

/* A listener whose backends see another address than the client's: its flows are known to connection tracking, too. */
struct config_snat {
	const struct ipvs_key *listen; /* no fwmark; port 0 = every port; borrowed from the configuration */
	struct lb_ip to;               /* of its family */
};
/* All of them, in the order of services: how many there are; the first max of them in out. */
size_t config_snats(const struct config *c, struct config_snat *out, size_t max);

/* The tree as YAML with every default written out (--effective). parse(print(c)) gives equal digests. */
void config_print(const struct config *c, struct lb_text *out);
#define CONFIG_HIDDEN "(hidden)"
/* The same for who may only look: what checks send to backends may be a password, under any name, and is CONFIG_HIDDEN.
 */
void config_print_hidden(const struct config *c, struct lb_text *out);

/* From the schema table. */
void config_print_schema(struct lb_text *out); /* JSON Schema draft 2020-12 */
void config_print_keys(struct lb_text *out);   /* scdoc fragment of lbd.yaml(5): one entry per key */
