/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows (common/rows.h) made from the model and the kernel. Every function returns a new reference, or NULL when memory
 * is out. Counts of connections are read from the kernel when a row is made: they are exact at once. */
#pragma once

#include "lbd/ctl/ctl_env.h"

json_t *ctl_row_service(struct ctl_env *env, uint32_t service, bool with_members);
/* Of the item of an override: {value, user, time, expires, reason}. Steals value. */
json_t *ctl_override_item(const struct override_item *it, json_t *value);

json_t *ctl_row_status(struct ctl_env *env);
json_t *ctl_row_daemon(struct ctl_env *env);

/* What the kernel knows of the backends of one service, summed over its listeners. */
struct ctl_counts {
	struct ipvs_counts *v; /* one per backend, in the order of the configuration; owned */
	uint64_t active, inactive;
	bool partial; /* there may be more: a listener could not be read */
};
/* 0 or -errno; free with ctl_counts_done. */
int ctl_counts_read(struct ctl_env *env, uint32_t service, struct ctl_counts *out);
void ctl_counts_done(struct ctl_counts *c);

/* counts may be NULL (unknown). */
json_t *ctl_row_backend(struct ctl_env *env, uint32_t backend, const struct ipvs_counts *counts);

/* Whether the daemon is ready: first verdicts in, but for probes that a fault of our own keeps from one, and the kernel
 * as desired but for what it refuses (an alarm tells of that). One service that cannot be had must not keep every other
 * change from being over. */
bool ctl_ready(const struct ctl_env *env);

/* A time as rows have it, NULL for 0 (never); a duration in seconds. */
json_t *ctl_time(int64_t wall_ms);
json_t *ctl_seconds(int64_t ms);

/* A set that takes any number of members; NULL values are left out. Steals value. */
void ctl_put(json_t *row, const char *key, json_t *value);
