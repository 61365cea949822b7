/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the time of a change went: the last verdicts that flipped, configurations that were taken and addresses that
 * were taken over, each in the parts of its way, for `lbctl trace`. What is slow is measured there and not guessed.
 *
 * A change of the kernel's table is opened when the core has heard of it and closed when the kernel has everything;
 * what is open at the same time goes one way together, and each of them has the whole length of it.
 *
 * Pure. Times are of the monotonic clock, parts are whole microseconds.
 */
#pragma once

#include "common/time.h"

#include <stdbool.h>
#include <stdint.h>

#define TRACE_PARTS   5
#define TRACE_RECORDS 128u
#define TRACE_OBJECT  128 /* bytes, with the NUL: "check/app 10.0.0.11:80 down" */

enum trace_kind {
	TRACE_FLIP,    /* a check changed its mind about a target */
	TRACE_CONFIG,  /* a generation was taken */
	TRACE_TAKEOVER /* a VRRP instance became master */
};
#define TRACE_KINDS 3

struct trace_part {
	const char *name; /* NULL: it has no more */
	const char *help;
};
struct trace_row {
	const char *name;
	struct trace_part parts[TRACE_PARTS];
};
extern const struct trace_row trace_rows[TRACE_KINDS]; /* by enum trace_kind */

struct trace {
	enum trace_kind kind;
	bool open;           /* on its way to the kernel */
	int64_t wall_ms;     /* when it was told */
	struct lb_time from; /* while it is open: since when it waits */
	uint32_t us[TRACE_PARTS];
	char object[TRACE_OBJECT];
};

struct traces {
	uint64_t n;          /* so far; the last TRACE_RECORDS of them are kept */
	uint32_t open;       /* of those that are kept */
	struct lb_time turn; /* when the way to the kernel began for what is open; us 0 = not yet */
	int64_t kernel_us;   /* that the kernel has taken since then */
	struct trace v[TRACE_RECORDS];
};

/* One that is over, with all its parts (in the order of its row). */
void traces_add(struct traces *t, enum trace_kind kind, const char *object, const uint32_t *us, int64_t wall_ms);

/* One of which the first two parts are over: the others follow on the way to the kernel. */
void traces_open(struct traces *t, enum trace_kind kind, const char *object, uint32_t first_us, uint32_t second_us,
	struct lb_time now, int64_t wall_ms);

/* The way to the kernel begins, unless it has; the kernel took some time of it; it ends. */
void traces_begin(struct traces *t, struct lb_time now);
void traces_kernel(struct traces *t, int64_t us);
void traces_close(struct traces *t, struct lb_time now);
/* The kernel did not take it: what was open is forgotten. */
void traces_failed(struct traces *t);

/* Calls fn for each that is over, oldest first. */
void traces_each(const struct traces *t, void (*fn)(const struct trace *one, void *arg), void *arg);
