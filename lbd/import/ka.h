/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keepalived's configuration as statements, and the table of its keywords. */
#pragma once

#include "common/addr.h"
#include "lbd/import/imp.h"

/* ---- words -> statements ---- */

struct ka_row;

struct ka_node { /* a statement: a keyword, what follows on its line, and its block */
	struct imp_place at;
	const char **w;
	size_t n; /* words, the keyword among them; 0 only for a block that has none */
	bool block;
	const struct ka_row *row; /* NULL: unknown, or an entry of a list */
	struct ka_node *up, *child, *last, *next;
};

/* ---- the table ---- */

enum ka_in { /* where a statement stands */
	KA_IN_ROOT,
	KA_IN_GLOBAL,
	KA_IN_VS,
	KA_IN_RS,
	KA_IN_TCP,
	KA_IN_HTTP,
	KA_IN_URL,
	KA_IN_DNS,
	KA_IN_SMTP,
	KA_IN_HOST,
	KA_IN_MISC,
	KA_IN_UDP,
	KA_IN_PING,
	KA_IN_SSL,
	KA_IN_VRRP,
	KA_IN_AUTH,
	KA_IN_SYNC,
	KA_IN_SCRIPT,
	KA_IN_LIST,   /* entries, not keywords: what they mean is said by who reads them */
	KA_IN_NOTHING /* a block that is reported as a whole; or no block */
};

enum ka_does {    /* what becomes of a keyword */
	KA_TAKES, /* the text names the key of lbd.yaml */
	KA_SAME,  /* lbd does so anyway: the text says how */
	KA_LOST   /* no counterpart: the text says what to do */
};

enum ka_arg { /* what follows the keyword */
	KA_ARG_NONE,
	KA_ARG_MAYBE, /* anything or nothing */
	KA_ARG_WORD,  /* at least one word */
	KA_ARG_NUM,   /* min..max */
	KA_ARG_TIME,  /* seconds, min..max, with a fraction */
	KA_ARG_BOOL,  /* on, off, true, false, yes, no; nothing is on */
	KA_ARG_IP,
	KA_ARG_BLOCK /* no words but a block */
};

enum ka_word { /* those that some reader asks for; the others have 0 */
	KA_NONE,
	KA_VIRTUAL_SERVER,
	KA_VIRTUAL_SERVER_GROUP,
	KA_VRRP_INSTANCE,
	KA_VRRP_SYNC_GROUP,
	KA_VRRP_SCRIPT,
	KA_SSL,
	KA_GLOBAL_DEFS,
	/* globals */
	KA_LVS_SYNC_DAEMON,
	KA_VRRP_VERSION,
	KA_VRRP_STARTUP_DELAY,
	KA_VRRP_STRICT,
	KA_USER,
	/* services */
	KA_PROTOCOL,
	KA_LVS_SCHED,
	KA_LVS_METHOD,
	KA_SCHED_FLAG,
	KA_OPS,
	KA_PERSISTENCE_TIMEOUT,
	KA_PERSISTENCE_GRANULARITY,
	KA_PERSISTENCE_ENGINE,
	KA_IP_FAMILY,
	KA_WEIGHT,
	KA_UTHRESHOLD,
	KA_LTHRESHOLD,
	KA_INHIBIT,
	KA_QUORUM,
	KA_HYSTERESIS,
	KA_SORRY_SERVER,
	KA_VIRTUALHOST,
	KA_REAL_SERVER,
	/* checks */
	KA_DELAY_LOOP,
	KA_CONNECT_TIMEOUT,
	KA_RETRY,
	KA_DELAY_BEFORE_RETRY,
	KA_CONNECT_IP,
	KA_CONNECT_PORT,
	KA_BINDTO,
	KA_BIND_IF,
	KA_TCP_CHECK,
	KA_HTTP_GET,
	KA_SSL_GET,
	KA_DNS_CHECK,
	KA_SMTP_CHECK,
	KA_MISC_CHECK,
	KA_UDP_CHECK,
	KA_PING_CHECK,
	KA_URL,
	KA_PATH,
	KA_STATUS_CODE,
	KA_HOST,
	KA_DNS_TYPE,
	KA_DNS_NAME,
	KA_MISC_PATH,
	KA_MISC_TIMEOUT,
	KA_MISC_DYNAMIC,
	KA_PAYLOAD,
	KA_REQUIRE_REPLY,
	KA_CERTIFICATE,
	KA_KEY,
	/* VRRP */
	KA_STATE,
	KA_INTERFACE,
	KA_VRID,
	KA_VERSION,
	KA_PRIORITY,
	KA_STRICT_MODE,
	KA_ADVERT_INT,
	KA_NOPREEMPT,
	KA_PREEMPT_DELAY,
	KA_AUTHENTICATION,
	KA_AUTH_TYPE,
	KA_AUTH_PASS,
	KA_AUTH_HMAC,
	KA_VIRTUAL_IPADDRESS,
	KA_VIRTUAL_IPADDRESS_EXCLUDED,
	KA_UNICAST_PEER,
	KA_UNICAST_SRC_IP,
	KA_MCAST_SRC_IP,
	KA_GARP_DELAY,
	KA_GARP_REPEAT,
	KA_GARP_REFRESH,
	KA_ACCEPT,
	KA_NO_ACCEPT,
	KA_V3_CHECKSUM,
	KA_USE_VMAC,
	KA_VIRTUAL_ROUTES,
	KA_VIRTUAL_RULES,
	KA_TRACK_INTERFACE,
	KA_TRACK_SCRIPT,
	KA_TRACK_PROCESS,
	KA_GROUP,
	KA_GROUP_WEIGHT,
	KA_SCRIPT,
	KA_INTERVAL,
	KA_TIMEOUT,
	KA_RISE,
	KA_FALL,
	KA_SYNC_DAEMON_OLD,
	KA_VRRP_TRACK_PROCESS
};

struct ka_row {
	const char *name;
	uint32_t where; /* bits 1 << enum ka_in */
	enum ka_word word;
	enum ka_arg arg;
	int64_t min, max; /* times in microseconds */
	enum ka_in inside;
	enum ka_does does;
	const char *text;
};

extern const struct ka_row ka_words[];
extern const size_t ka_words_n;

/* The row of a word at a place. NULL: it is not one there. */
const struct ka_row *ka_word_find(const char *name, enum ka_in where);
/* What was meant: a word that may stand there, or NULL. */
const char *ka_word_near(const char *name, enum ka_in where);
bool ka_word_anywhere(const char *name);

/* ---- reading ---- */

/* The statements of a file and of those that it includes; what is wrong with them has been said. Never NULL, except
 * when memory is out. */
struct ka_node *ka_read(struct imp *im, const struct import_source *source);

/* The statements below that say this, in their order. */
const struct ka_node *ka_first(const struct ka_node *up, enum ka_word word);
const struct ka_node *ka_next(const struct ka_node *n);
/* The last of them: a later one counts. */
const struct ka_node *ka_get(const struct ka_node *up, enum ka_word word);
/* The same in the places a setting comes from, inner ones first; NULL ones are passed over. */
struct ka_chain {
	const struct ka_node *of[4];
};
const struct ka_node *ka_find(const struct ka_chain *c, enum ka_word word);

/* Their first argument, checked when it was read; otherwise what stands for absence. */
int64_t ka_num(const struct ka_node *n, int64_t absent);
int64_t ka_time(const struct ka_node *n, int64_t absent); /* microseconds */
bool ka_bool(const struct ka_node *n);                    /* NULL: false */
const char *ka_arg(const struct ka_node *n, size_t i);    /* "" when there is none */

/* Decimal numbers. 0 or -EINVAL. */
int ka_parse_num(const char *s, int64_t min, int64_t max, int64_t *out);
int ka_parse_time(const char *s, int64_t *us);

/* ---- for ka_read: lines and words ---- */

struct ka_reader;
typedef void ka_line_fn(void *arg, const struct imp_place *at, const char *line);

/* Every line with what it means, after includes, conditions and variables. */
void ka_lines(struct imp *im, const struct import_source *source, ka_line_fn *give, void *arg);

struct ka_token {
	const char *s;
	char brace; /* { or }, 0 = a word */
};
/* The next token of a line; false at its end. */
bool ka_token(struct imp *im, const struct imp_place *at, const char **line, struct ka_token *out);

/* ---- the parts ---- */

struct ka_known { /* a check that has a name */
	uint32_t hash;
	const char *text, *name;
};

struct ka { /* an import under way */
	struct imp *im;
	const struct ka_node *root;
	LB_VEC(struct ka_known) checks;
	struct y groups, scripts; /* by the name in the result: that in the file */
};

const struct ka_node *ka_global(const struct ka *k, enum ka_word word);
/* The first of the whole file that says this and has that name. NULL: there is none. */
const struct ka_node *ka_named_node(const struct ka *k, enum ka_word word, const char *name);
/* The name in the result of what has that name in the file; NULL: it has none yet. */
const char *ka_name_of(const struct y *names, const char *text);

void ka_services(struct ka *k);
void ka_vrrp(struct ka *k);
/* ka_sync.c; after the instances. */
void ka_sync(struct ka *k);

/* ka_script.c: a command line as path and args. Returns whether lbd can run it; if not, it has been said. self: what
 * %a and %p stand for in it, NULL = nothing. */
struct ka_self {
	const char *ip, *port;
};
bool ka_script(struct ka *k, const struct imp_place *at, const char *line, const struct ka_self *self, struct y *out);
const char *ka_base_of(const char *path); /* what stands behind its last slash */
/* Whether a command line only looks for a process ("killall -0 haproxy"), and for which. */
struct ka_look {
	const char *name; /* NULL: it asks for more than one name can say */
	bool part;        /* it takes a process that has this as a part of its name, too */
};
bool ka_script_looks(struct ka *k, const char *line, struct ka_look *out);
/* Says what is different for the program of this block: who runs it. */
void ka_script_user(struct ka *k, const struct ka_node *of);

/* ka_check.c: the checks of a real server. */
#define KA_CHECKS_MAX 16
struct ka_checked {
	const struct ka_node *vs, *rs;
	struct lb_ip ip;
	uint16_t port;  /* where lbd probes it, if the check says nothing; 0 = it would not know, or one of several */
	uint16_t asked; /* the one of the real_server: where keepalived probes it; 0 = none */
	bool tcp;       /* the service speaks TCP */
};
struct ka_built { /* checks as they would stand in the file; text tells equal ones */
	struct y *keys[KA_CHECKS_MAX];
	size_t n;
	const char *text;
};
void ka_check_build(struct ka *k, const struct ka_checked *of, struct ka_built *out);
/* The name under `checks` of one with these keys, made where there is none like it. keys: its type comes first. */
const char *ka_check_name(struct ka *k, struct y *keys);

/* ka_persist.c: a part of a service. every_port: it has none of its own. */
void ka_persistence(struct ka *k, const struct ka_node *vs, bool every_port, bool udp, struct y *service);

/* ka_track.c, ka_way.c: parts of an instance */
/* weights: those that it tracks with count; they do not in a member of a sync group, where nobody says otherwise. */
void ka_track(struct ka *k, const struct ka_node *from, bool weights, struct y *instance);
void ka_routes(struct ka *k, const struct ka_node *from, struct y *instance);
void ka_rules(struct ka *k, const struct ka_node *from, struct y *instance);

/* ka_listen.c: what a virtual_server listens on. */
struct ka_listen {
	struct imp_place at;
	struct lb_ip ip;
	uint16_t port;
	uint32_t fwmark;  /* 0: an address */
	uint8_t protocol; /* of an address */
	uint8_t family;
	bool dropped; /* a second one */
};
typedef LB_VEC(struct ka_listen) ka_listen_vec;
void ka_listen(struct ka *k, const struct ka_node *vs, uint8_t protocol, ka_listen_vec *out);
/* Marks those that occur twice, and says so. */
void ka_listen_twice(struct ka *k, ka_listen_vec *all);
