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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_VERSION            1u
#define CONFIG_SERVICES_MAX       16384u
#define CONFIG_BACKENDS_MAX       131072u
#define CONFIG_LISTENS_MAX        65536u /* kernel services: listen x protocol, of all services */
#define CONFIG_CHECKS_MAX         16384u
#define CONFIG_SERVICE_CHECKS_MAX 16u /* of one service */
#define CONFIG_WEIGHT_MAX         65535u
#define CONFIG_ERRORS_MAX         50u
#define CONFIG_DEPTH_MAX          32u
#define CONFIG_FILE_MAX           (16u * 1024u * 1024u)
#define CONFIG_NODES_MAX          1000000u

enum config_state { CONFIG_STATE_ENABLED, CONFIG_STATE_DRAIN, CONFIG_STATE_MAINT }; /* words: enabled drain maint */
enum config_then { CONFIG_THEN_CUT, CONFIG_THEN_KEEP };
enum config_fail { CONFIG_FAIL_DRAIN, CONFIG_FAIL_REMOVE, CONFIG_FAIL_CUT };
enum config_loss { CONFIG_LOSS_SORRY, CONFIG_LOSS_REST, CONFIG_LOSS_OPEN, CONFIG_LOSS_WITHDRAW };
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
	const struct config_backend *backends; /* in the order of the file */
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
	int64_t drain_ms; /* how long a drained backend keeps its flows, 0 = for ever */
	enum config_then drain_then;
	const char *file; /* which source it came from */
	uint32_t line;
	uint64_t digest; /* over every effective value (not over lines): equal digests = nothing to do */
};

struct config {
	const struct config_service *services; /* sorted by name */
	uint32_t n_services;
	uint32_t n_backends; /* in all services */
	const struct config_check
		*checks; /* sorted by name: the named ones, and types used by their bare name (line 0) */
	uint32_t n_checks;
	enum lb_log_level log_level;
	const char *admin_group, *observe_group;
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
 *   l = config_load_new(sources, n);  while (config_load_step(l, budget) > 0) ...;  config_load_take(l)
 * config_load_step does about `budget` units (nodes or keys) of work and returns 1 while work is left, 0 when done.
 */
struct config_load *config_load_new(const struct config_source *sources, size_t n); /* NULL: no memory */
int config_load_step(struct config_load *l, unsigned budget);
/* The tree, now the caller's; NULL when there was an error (see config_load_errors). Warnings do not prevent it. */
struct config *config_load_take(struct config_load *l);
/* In line order per file, at most CONFIG_ERRORS_MAX; borrowed until config_load_free. *more = found beyond that. */
const struct config_error *config_load_errors(const struct config_load *l, size_t *n, size_t *more);
void config_load_free(struct config_load *l);

/* Everything found as text, then "3 more errors" if so. Returns the number of errors, warnings not counted. */
size_t config_load_report(const struct config_load *l, struct lb_text *out);

/* All steps at once, for tests, `lbd --check` and fuzzers. The errors as text in *report (appended; may be NULL). */
struct config *config_load(const struct config_source *sources, size_t n, struct lb_text *report);

/* The text of one finding exactly as people see it: file:line:col: severity: text, excerpt, caret, help. */
void config_error_print(const struct config_error *e, struct lb_text *out);

void config_free(struct config *c);

/* By name; NULL when there is none. O(log n). */
const struct config_service *config_service_find(const struct config *c, const char *name);
const struct config_backend *config_backend_find(const struct config_service *s, const char *name); /* O(n backends) */

/* The tree as YAML with every default written out (--effective). parse(print(c)) gives equal digests. */
void config_print(const struct config *c, struct lb_text *out);

/* From the schema table. */
void config_print_schema(struct lb_text *out); /* JSON Schema draft 2020-12 */
void config_print_keys(struct lb_text *out);   /* scdoc fragment of lbd.yaml(5): one entry per key */
