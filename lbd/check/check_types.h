/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a health check is: the table of types, and one check bound to one target. The configuration makes specs, the
 * core gives (spec, address, port) an id and hands it to the probe worker, and the worker answers with verdicts.
 * Adding a type is a row here, its keys in config/schema.c and, for a new transport, one probe_*_io.c.
 */
#pragma once

#include "common/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum check_type { CHECK_TYPE_TCP };
#define CHECK_TYPE_COUNT 1

struct check_type_row {
	const char *name;
	uint16_t port; /* default, 0 = the backend's */
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
	const char *send, *expect; /* bytes; NULL = not used. expect: must occur in the reply */
	size_t send_len, expect_len;
};

/* Whether two specs ask the same of the same target (everything but the name). */
bool check_spec_equal(const struct check_spec *a, const struct check_spec *b);
uint32_t check_spec_hash(const struct check_spec *s);

/* Result codes: HAProxy's vocabulary. The row tells the verdict. */
enum check_verdict { CHECK_VERDICT_NONE, CHECK_VERDICT_PASS, CHECK_VERDICT_FAIL, CHECK_VERDICT_ERROR };

enum check_code {
	CHECK_CODE_INI,     /* not probed yet */
	CHECK_CODE_UNK,     /* no check configured */
	CHECK_CODE_SOCKERR, /* our side: no descriptor, no memory, no route socket, ran too late */
	CHECK_CODE_L4OK,
	CHECK_CODE_L4TOUT,
	CHECK_CODE_L4CON,
	CHECK_CODE_L7OK,
	CHECK_CODE_L7TOUT,
	CHECK_CODE_L7RSP
};
#define CHECK_CODE_COUNT 9

struct check_code_row {
	const char *name;
	enum check_verdict verdict;
	const char *help;
};

extern const struct check_code_row check_codes[];

/* The code of a word, or -1. */
int check_code_parse(const char *word);

#define CHECK_TEXT_MAX 65

/* One finished probe. text is printable (escaped) and short: "connection refused". */
struct check_result {
	enum check_code code;
	uint32_t latency_us;
	char text[CHECK_TEXT_MAX];
};

/* What the core knows of a target: the single rise/fall counter of check_fsm and the last result. */
struct check_state {
	uint16_t n;  /* 0..rise-1 down, rise..rise+fall-1 up */
	bool judged; /* a first PASS or FAIL has been seen */
	bool up;
	struct check_result last;
};
