/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What went up and down lately: a ring of the last transitions of probe targets, for `lbctl check history`. It copies
 * what it tells, because a reload takes targets, checks and backends away and their past is still of interest.
 *
 * Pure. Memory is linear in the number of records, and taken as they come.
 */
#pragma once

#include "lbd/model.h"

#define HISTORY_RECORDS 4096u
#define HISTORY_NAMES   8u /* of the backends that used the target */

enum history_state { HISTORY_UNCHECKED, HISTORY_UP, HISTORY_DOWN };
/* "unchecked", "up", "down" */
const char *history_state_name(enum history_state s);

struct history_record {
	int64_t wall_ms;
	uint32_t target_id;
	uint32_t n_backends;
	struct lb_ip addr;
	uint16_t port;
	uint8_t old_state, new_state; /* enum history_state */
	uint8_t n_names;
	struct check_result result; /* of the probe that decided */
	char check[64];
	char *names; /* n_names times "service/backend" with its NUL; NULL = memory was out */
};

struct history;

struct history *history_new(uint32_t records); /* NULL: no memory */
void history_free(struct history *h);

/* A verdict for a target is about to go into the model (model_health): keeps it if the target flips or is judged for
 * the first time, and returns it; else NULL. A record that memory is not enough for loses the names of its backends. */
const struct history_record *history_add(
	struct history *h, const struct model *m, uint32_t target_id, const struct check_state *s, int64_t wall_ms);

/* Which records are wanted; NULL and NULL: all. */
struct history_filter {
	const char *check;   /* by this name */
	const char *backend; /* "service/backend", among the names of the record or, if it still uses the target, now */
	const struct model *m;
	uint32_t last; /* at most that many, the newest; 0 = all */
};

/* Calls fn for each wanted record, oldest first. */
void history_each(const struct history *h, const struct history_filter *f,
	void (*fn)(const struct history_record *r, void *arg), void *arg);
