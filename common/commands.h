/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of commands: one row per `lbctl NOUN VERB`. lbctl parses its arguments with it, prints help and completion
 * from it, and the daemon checks every request against it, so the two cannot disagree about what a command takes.
 * Adding a command is a row here and a handler in lbd/ctl/ctl_cmd.c.
 *
 * On the wire a command is "noun.verb" (or "noun"), its arguments one object whose keys are the names below.
 */
#pragma once

#include "common/addr.h"
#include "common/rows.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lb_err;

enum lb_command_id {
	LB_COMMAND_STATUS,
	LB_COMMAND_TOP,
	LB_COMMAND_DOCTOR,
	LB_COMMAND_SUPPORT,
	LB_COMMAND_SERVICE_LIST,
	LB_COMMAND_SERVICE_SHOW,
	LB_COMMAND_SERVICE_STATS,
	LB_COMMAND_SERVICE_ENABLE,
	LB_COMMAND_SERVICE_MAINT,
	LB_COMMAND_SERVICE_ZERO,
	LB_COMMAND_BACKEND_LIST,
	LB_COMMAND_BACKEND_SHOW,
	LB_COMMAND_BACKEND_STATS,
	LB_COMMAND_BACKEND_ENABLE,
	LB_COMMAND_BACKEND_DRAIN,
	LB_COMMAND_BACKEND_MAINT,
	LB_COMMAND_BACKEND_WEIGHT,
	LB_COMMAND_BACKEND_FORCE,
	LB_COMMAND_CHECK_LIST,
	LB_COMMAND_CHECK_SHOW,
	LB_COMMAND_CHECK_HISTORY,
	LB_COMMAND_CHECK_RUN,
	LB_COMMAND_CONN_LIST,
	LB_COMMAND_CONN_COUNT,
	LB_COMMAND_CONN_KILL,
	LB_COMMAND_VRRP_LIST,
	LB_COMMAND_VRRP_SHOW,
	LB_COMMAND_VRRP_RESIGN,
	LB_COMMAND_VRRP_ANNOUNCE,
	LB_COMMAND_VRRP_PRIORITY,
	LB_COMMAND_FAILOVER,
	LB_COMMAND_PEER_STATUS,
	LB_COMMAND_PEER_DIFF,
	LB_COMMAND_SYNC_STATUS,
	LB_COMMAND_SYNC_RESYNC,
	LB_COMMAND_SYNC_PAUSE,
	LB_COMMAND_SYNC_RESUME,
	LB_COMMAND_CONFIG_CHECK,
	LB_COMMAND_CONFIG_SHOW,
	LB_COMMAND_CONFIG_DIFF,
	LB_COMMAND_CONFIG_APPLY,
	LB_COMMAND_CONFIG_CONFIRM,
	LB_COMMAND_CONFIG_ROLLBACK,
	LB_COMMAND_CONFIG_HISTORY,
	LB_COMMAND_CONFIG_SCHEMA,
	LB_COMMAND_CONFIG_EXPORT,
	LB_COMMAND_CONFIG_IMPORT,
	LB_COMMAND_KERNEL_DIFF,
	LB_COMMAND_KERNEL_REPAIR,
	LB_COMMAND_LOG_LEVEL,
	LB_COMMAND_DAEMON_INFO,
	LB_COMMAND_DAEMON_RELOAD,
	LB_COMMAND_DAEMON_RESTART,
	LB_COMMAND_DAEMON_STOP,
	LB_COMMAND_METRICS,
	LB_COMMAND_WATCH,
	LB_COMMAND_TRACE,
	LB_COMMAND_WAIT,
	LB_COMMAND_VERSION,
	LB_COMMAND_COMPLETION,
	LB_COMMAND_COMPLETE,
	LB_COMMAND_HELP
};
#define LB_COMMAND_COUNT (LB_COMMAND_HELP + 1)

enum lb_level {
	LB_LEVEL_NONE,    /* lbctl does it alone; the daemon refuses it */
	LB_LEVEL_OBSERVE, /* looks */
	LB_LEVEL_ADMIN    /* changes, or tells what only an admin may know */
};

#define LB_TEXT_MAX 256u /* a message, a reason: also on the disk and to the other node */

enum lb_arg_kind {        /* on the command line      -> on the wire */
	LB_ARG_TEXT,      /* any text up to LB_TEXT_MAX bytes -> string without control characters */
	LB_ARG_CHOICE,    /* one of `choices`         -> string */
	LB_ARG_SERVICE,   /* NAME or a glob           -> string, a name */
	LB_ARG_BACKEND,   /* SERVICE/NAME or a glob   -> string, "service/backend" */
	LB_ARG_CHECK,     /* NAME                     -> string, a name of a check */
	LB_ARG_VRRP,      /* NAME                     -> string, a name of a VRRP instance */
	LB_ARG_CLIENT,    /* ADDRESS[/BITS][:PORT] -> string, the same */
	LB_ARG_OBJECT,    /* service/NAME, daemon ... -> string, an object of lb_waits */
	LB_ARG_CONDITION, /* a word                   -> string, a condition of that object */
	LB_ARG_DURATION,  /* 30m                      -> number of seconds, above 0 */
	LB_ARG_WEIGHT,    /* 10, 50%, auto            -> string, the same */
	LB_ARG_PRIORITY,  /* 120, auto                -> string, the same */
	LB_ARG_COUNT,     /* digits                   -> integer, 1 or more */
	LB_ARG_FILE,      /* a path or -              -> string for messages, and one descriptor with the line */
	LB_ARG_FLAG,      /* the option is there      -> true */
	LB_ARG_WORDS      /* all that follows         -> never on the wire */
};

struct lb_arg {
	const char *name; /* key on the wire; NULL ends the list */
	enum lb_arg_kind kind;
	const char *option; /* long option without dashes, NULL = by position */
	char letter;        /* short option, 0 = none */
	bool required;
	bool or_before;  /* takes the place of the argument before it: one of the two */
	bool hidden;     /* sent by lbctl on its own, never typed */
	bool one_of;     /* at least one of those that say so is there */
	const char *ask; /* asked when it is given, instead of the question of the command; NULL = not */
	const char *metavar;
	const char *const *choices; /* LB_ARG_CHOICE, ends with NULL */
	const char *help;
};

enum lb_view { /* what a reader sees when nothing else is asked for */
	LB_VIEW_TABLE,
	LB_VIEW_SHOW,     /* one object, key: value */
	LB_VIEW_STATUS,   /* the one screen */
	LB_VIEW_DIFF,     /* + - ~ lines and the plan */
	LB_VIEW_TEXT,     /* the "text" of the rows as it is */
	LB_VIEW_MESSAGE,  /* one line saying what is now true */
	LB_VIEW_RUN,      /* checks with each of their steps */
	LB_VIEW_FINDINGS, /* each with the line that mends it */
	LB_VIEW_WATCH,    /* a line per row, as it comes */
	LB_VIEW_IPVSADM   /* rules that ipvsadm -R takes */
};

#define LB_COMMAND_ARGS_MAX 6

struct lb_command {
	const char *noun;
	const char *verb; /* "" = the noun is the command */
	enum lb_level level;
	bool changes;           /* something is different afterwards: -n and --wait mean something */
	const char *changed_by; /* the argument without which it only looks, whoever may look; NULL = none */
	bool bare;              /* what the noun alone means */
	bool ipvsadm;           /* -o ipvsadm is a form of it */
	bool hidden;            /* for scripts: not in lists of commands */
	enum lb_view view;
	enum lb_row_type row;
	const char *wait; /* condition that --wait takes: "drained", of the backend or instance or of sync, else of the
			     daemon; NULL = none. With an argument `wait` the daemon holds the answer itself */
	const char *ask;  /* a question that is always asked, NULL = none */
	const char *help; /* one line, lower case, no full stop */
	const char *text; /* the rest of the help */
	struct lb_arg args[LB_COMMAND_ARGS_MAX + 1];
};

extern const struct lb_command lb_commands[LB_COMMAND_COUNT];

static inline enum lb_command_id lb_command_id(const struct lb_command *cmd)
{
	return (enum lb_command_id)(cmd - lb_commands);
}

/* The row of a noun and a verb ("" for none); NULL when there is none. */
const struct lb_command *lb_command_find(const char *noun, const char *verb);

/* The row of a wire name "noun.verb"; NULL when there is none. */
const struct lb_command *lb_command_wire(const char *name);

#define LB_COMMAND_NAMELEN 32
/* "noun<sep>verb", the noun alone without verb. Returns out. */
const char *lb_command_name(const struct lb_command *cmd, char sep, char out[LB_COMMAND_NAMELEN]);

/* Whether it changes anything with these arguments, and who may say so. */
bool lb_command_changes(const struct lb_command *cmd, const json_t *args);
enum lb_level lb_command_level(const struct lb_command *cmd, const json_t *args);

/* The argument of that name; NULL when the command has none. */
const struct lb_arg *lb_command_arg(const struct lb_command *cmd, const char *name);

/* A word of the command line as its value on the wire: a new reference, or NULL with *e set (LB_CODE_USAGE).
 * before: the arguments so far (a condition is read together with its object); may be NULL. */
json_t *lb_arg_parse(const struct lb_arg *arg, const char *word, const json_t *before, struct lb_err *e);

/* Whether args (an object) are the arguments of cmd: names, types, ranges, what is required, what excludes each other.
 * 0, or -1 with *e set (LB_CODE_USAGE; LB_CODE_DENIED never: levels are the caller's). */
int lb_command_check_args(const struct lb_command *cmd, const json_t *args, struct lb_err *e);

/* Whether one of the arguments is there of which at least one has to be. */
bool lb_command_one_of(const struct lb_command *cmd, const json_t *args);
/* The error when not: -1 and *e. */
int lb_command_one_of_missing(const struct lb_command *cmd, struct lb_err *e);

/* What can be waited for. */
struct lb_wait {
	const char *kind; /* "backend" */
	bool named;       /* backend/web/app1; false: the kind alone is the object */
	const char *condition;
	const char *help;
};

extern const struct lb_wait lb_waits[];
extern const size_t lb_waits_n;

/* The row of an object ("backend/web/app1") and a condition; NULL when that cannot be waited for. */
const struct lb_wait *lb_wait_find(const char *object, const char *condition);

enum lb_weight_kind { LB_WEIGHT_AUTO, LB_WEIGHT_NUMBER, LB_WEIGHT_SHARE };

struct lb_weight {
	enum lb_weight_kind kind;
	uint32_t value; /* 0..65535; percent 0..1000 of the configured weight for LB_WEIGHT_SHARE */
};

/* "auto", "10", "50%". 0 or -EINVAL. */
int lb_weight_parse(const char *s, struct lb_weight *out);

/* "auto" (*out is 0) or a priority of VRRP, 1 to 254. 0 or -EINVAL. */
int lb_priority_parse(const char *s, uint8_t *out);

struct lb_client {
	struct lb_ip ip; /* no bits behind the prefix */
	uint8_t prefix;
	uint16_t port; /* 0 = any */
};

/* "10.0.0.1", "10.0.0.0/8", "10.0.0.1:40000", "[2001:db8::/32]:443". 0 or -EINVAL. */
int lb_client_parse(const char *s, struct lb_client *out);

/* "web/app1" into its two names of at most 63 bytes. 0 or -EINVAL. */
int lb_backend_parse(const char *s, char service[64], char backend[64]);
