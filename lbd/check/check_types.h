/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a health check is: the table of types, and one check bound to one target. The configuration makes specs, the
 * core gives (spec, address, port) an id and hands it to the probe worker, and the worker answers with verdicts.
 * Adding a type is a row here, its keys in config/schema.c and, for a new transport, one probe_*_io.c.
 */
#pragma once

#include "common/addr.h"
#include "lbd/check/check_param.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum check_type {
	CHECK_TYPE_TCP,
	CHECK_TYPE_UDP,
	CHECK_TYPE_ICMP,
	CHECK_TYPE_TLS,
	CHECK_TYPE_HTTP,
	CHECK_TYPE_HTTPS,
	CHECK_TYPE_SMTP,
	CHECK_TYPE_IMAP,
	CHECK_TYPE_POP3,
	CHECK_TYPE_LDAP,
	CHECK_TYPE_FTP,
	CHECK_TYPE_DNS,
	CHECK_TYPE_AGENT,
	CHECK_TYPE_SCRIPT,
	CHECK_TYPE_FILE
};
#define CHECK_TYPE_COUNT 15

/* The process in which a type is probed: its system call filter allows what the type needs and no more. */
enum check_room {
	CHECK_ROOM_NET,   /* sockets; files may be read, nothing can be executed */
	CHECK_ROOM_SCRIPT /* starts programs */
};
#define CHECK_ROOM_COUNT 2

struct check_type_row {
	const char *name;
	enum check_room room;
	bool portless; /* asks an address, not a port */
	bool weighs;   /* what it asks may always answer with a weight */
	const char *help;
};

extern const struct check_type_row check_types[];

/* One probe target. Strings are borrowed from whoever holds the spec. Equal specs are probed once. */
struct check_spec {
	const char *name; /* of the check, for people; not part of the identity */
	enum check_type type;
	struct lb_ip addr;
	uint16_t port;
	uint32_t interval_ms, interval_down_ms, timeout_ms;
	uint16_t rise, fall;
	struct lb_ip source;        /* to probe from; family 0 = the kernel's choice */
	uint32_t after;             /* 1 + id of the target that must be up before this one is probed; 0 = none */
	struct check_params params; /* what only some types have */
};

/* Whether two specs ask the same of the same target (everything but the name). */
bool check_spec_equal(const struct check_spec *a, const struct check_spec *b);
uint32_t check_spec_hash(const struct check_spec *s);
/* Whether a result may come with a weight that the backend asks for. */
bool check_spec_weighs(const struct check_spec *s);

/* Result codes: HAProxy's vocabulary. The row tells the verdict. */
enum check_verdict { CHECK_VERDICT_NONE, CHECK_VERDICT_PASS, CHECK_VERDICT_FAIL, CHECK_VERDICT_ERROR };

enum check_code {
	CHECK_CODE_INI,     /* not probed yet */
	CHECK_CODE_UNK,     /* no check configured */
	CHECK_CODE_SOCKERR, /* our side: no descriptor, no memory, no route socket, ran too late */
	CHECK_CODE_L3OK,
	CHECK_CODE_L3TOUT,
	CHECK_CODE_L3CON,
	CHECK_CODE_L4OK,
	CHECK_CODE_L4TOUT,
	CHECK_CODE_L4CON,
	CHECK_CODE_L6OK,
	CHECK_CODE_L6TOUT,
	CHECK_CODE_L6RSP,
	CHECK_CODE_L7OK,
	CHECK_CODE_L7OKC, /* passes, with less than everything: a weight that the backend asked for */
	CHECK_CODE_L7TOUT,
	CHECK_CODE_L7RSP,
	CHECK_CODE_L7STS,
	CHECK_CODE_PROCOK,
	CHECK_CODE_PROCTOUT,
	CHECK_CODE_PROCERR
};
#define CHECK_CODE_COUNT 20

struct check_code_row {
	const char *name;
	enum check_verdict verdict;
	const char *help;
};

extern const struct check_code_row check_codes[];

/* The code of a word, or -1. */
int check_code_parse(const char *word);

#define CHECK_TEXT_MAX 65

/* What a backend says of its own capacity: a weight, or a share of the configured one. Who asks for nothing in a word
 * has a kind of its own until check_weight_smooth: then it is the weight 0. */
enum check_weight_kind { CHECK_WEIGHT_NONE, CHECK_WEIGHT_VALUE, CHECK_WEIGHT_PERCENT, CHECK_WEIGHT_DRAIN };

struct check_weight {
	uint8_t kind; /* enum check_weight_kind */
	uint16_t value;
};

/* One finished probe. text is printable (escaped) and short: "connection refused". */
struct check_result {
	enum check_code code;
	uint32_t latency_us;
	struct check_weight weight;
	char text[CHECK_TEXT_MAX];
	bool ask_route; /* with SOCKERR: a route may have said that, see check_cut_route */
};

/* What the core knows of a target: the single rise/fall counter of check_fsm and the last result. */
struct check_state {
	uint16_t n;  /* 0..rise-1 down, rise..rise+fall-1 up */
	bool judged; /* a first PASS or FAIL has been seen */
	bool up;
	struct check_result last;
};
