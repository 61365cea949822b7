/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the rows of an answer are made of: one table per type of row. The daemon fills the keys named here, lbctl makes
 * columns, `show` lines and TSV out of them, and a test on either side walks the same table (lb_row_check).
 *
 * Rules of the wire: base units (bytes, seconds as numbers, ratio 0-1), times RFC 3339 UTC, absent = unknown, no null.
 * Keys are only added within a schema number.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct lb_err;

enum lb_field_kind {        /* on the wire */
	LB_FIELD_TEXT,      /* string */
	LB_FIELD_WORDS,     /* string, free text: cut in the last column of a narrow table */
	LB_FIELD_STATE,     /* string, a word that has a colour */
	LB_FIELD_BOOL,      /* true, false */
	LB_FIELD_NUMBER,    /* integer shown as it is: weight, port, number of things */
	LB_FIELD_COUNTER,   /* integer shown scaled: connections, packets */
	LB_FIELD_BYTES,     /* integer, bytes */
	LB_FIELD_RATE,      /* number per second */
	LB_FIELD_SECONDS,   /* number, a duration */
	LB_FIELD_TIME,      /* string, RFC 3339 UTC; shown as an age */
	LB_FIELD_LIST,      /* array of strings */
	LB_FIELD_OVERRIDES, /* object: overridden key -> {value, user, time, expires, reason} */
	LB_FIELD_COUNTS,    /* object: word -> integer */
	LB_FIELD_OBJECT,    /* object, only in JSON and in views of its own */
	LB_FIELD_ROWS       /* array of rows, only in JSON, `show` and views of its own */
};

enum lb_field_place {
	LB_PLACE_TABLE, /* everywhere */
	LB_PLACE_ROOM,  /* the same, but left out where a terminal is too narrow */
	LB_PLACE_WIDE,  /* -o wide, tsv, show, JSON */
	LB_PLACE_SHOW   /* show, tsv, JSON */
};

struct lb_field {
	const char *key;
	enum lb_field_kind kind;
	enum lb_field_place place;
	const char *head;  /* of the column */
	const char *group; /* of `show`: a line above the first field of a group, NULL = goes on */
	const char *help;
};

enum lb_row_type {
	LB_ROW_NONE, /* no rows, or rows nobody lays out */
	LB_ROW_SERVICE,
	LB_ROW_SERVICE_STATS,
	LB_ROW_SERVICE_RATE,
	LB_ROW_BACKEND,
	LB_ROW_BACKEND_STATS,
	LB_ROW_BACKEND_RATE,
	LB_ROW_TARGET,
	LB_ROW_CHECK,
	LB_ROW_TRANSITION,
	LB_ROW_TRACE,
	LB_ROW_RUN,
	LB_ROW_CONN,
	LB_ROW_CONN_COUNT,
	LB_ROW_VRRP,
	LB_ROW_PEER,
	LB_ROW_MOVE,
	LB_ROW_SYNC,
	LB_ROW_STATUS,
	LB_ROW_DAEMON,
	LB_ROW_LOG,
	LB_ROW_FINDING,
	LB_ROW_CHANGE,
	LB_ROW_TEXT,
	LB_ROW_EVENT,
	LB_ROW_GENERATION,
	LB_ROW_KERNEL_HEAD,
	LB_ROW_KERNEL_SERVICE,
	LB_ROW_KERNEL_DEST
};
#define LB_ROW_COUNT (LB_ROW_KERNEL_DEST + 1)

struct lb_row {
	const char *name;
	const struct lb_field *fields; /* ends with key NULL */
	const char *one, *many;        /* for the footer: "backend", "backends"; NULL = no footer */
	const char *state;             /* key whose words the footer counts, NULL = none */
	const char *state_good;        /* word that is not worth counting */
};

extern const struct lb_row lb_rows[LB_ROW_COUNT];

/* The field of a key; NULL when the type has none. */
const struct lb_field *lb_row_field(enum lb_row_type type, const char *key);

/* Whether every key of row belongs to the type and has its form. 0, or -1 with *e set (LB_CODE_FAILED): a bug of the
 * daemon, so only tests call it. */
int lb_row_check(enum lb_row_type type, const json_t *row, struct lb_err *e);

/* Why a backend is (or is not) in the pool, and why a service is as it is: codes in the order in which the first one is
 * the one to show. */
struct lb_reason {
	const char *code;
	bool out;          /* takes the backend out of the pool; false = for information */
	const char *words; /* completes "it is out: ..." */
};

extern const struct lb_reason lb_reasons[];
extern const size_t lb_reasons_n;

/* The row of a code; NULL for a code of a newer daemon. */
const struct lb_reason *lb_reason_find(const char *code);
