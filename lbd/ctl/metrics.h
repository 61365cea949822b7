/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metrics: one row of a const table for each, printed as text of Prometheus (exposition format 0.0.4), as manual
 * page and as the list that dashboards and alert rules are held against.
 *
 *   metrics_begin    all of them, or those whose names begin with a prefix
 *   metrics_next     a piece of text, until there is none: first the kernel's counters are read, a few services at a
 *                    time, then each metric is written for all it is about
 *
 * Ten thousand services with ten backends make some 200 MB of text, of which a piece at a time exists. What the kernel
 * counts is of the moment of reading; all else is of the moment in which it is written.
 *
 * Pure: the edges (metrics_io.c, the answer to `lbctl metrics`) decide when the next piece is wanted.
 */
#pragma once

#include "common/buf.h"
#include "lbd/ctl/ctl_env.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
extern const char *const metric_types[METRIC_HISTOGRAM + 1]; /* "counter" "gauge" "histogram" */

enum metric_over { /* what a metric is written for, one by one */
	METRIC_OVER_ONE,
	METRIC_OVER_ALARMS,
	METRIC_OVER_WORKERS,
	METRIC_OVER_VRRPS,
	METRIC_OVER_PEERS,
	METRIC_OVER_KINDS, /* of flows */
	METRIC_OVER_SERVICES,
	METRIC_OVER_LISTENERS, /* of the kernel */
	METRIC_OVER_BACKENDS,
	METRIC_OVER_DESTS /* of the kernel: backends of a listener */
};

struct metrics;

/* Writes the samples of the i'th thing; nothing when it has none. */
typedef void metric_fn(const struct metrics *m, uint32_t i, struct lb_text *out);

struct metric {
	const char *name;
	enum metric_type type;
	enum metric_over over;
	metric_fn *fn;
	unsigned which;     /* for fn: one function writes several metrics */
	const char *labels; /* "service, backend", "" = none */
	const char *help;   /* one line; it names the source */
};

extern const struct metric metrics_table[];
extern const size_t metrics_n;

#define METRICS_PREFIX_MAX 64

/* prefix: NULL or "" = all. NULL: no memory. To be freed with metrics_end. env is borrowed and read in every piece. */
struct metrics *metrics_begin(struct ctl_env *env, const char *prefix);
void metrics_end(struct metrics *m);

/* Whether a metric of that name, or one that begins so, exists. */
bool metrics_known(const char *prefix);

/* Appends a piece of about 32 KiB to out; it may be none, when the kernel was read instead. 1: there is more; 0: that
 * was all; -ESTALE: the configuration changed meanwhile, what was written is not one picture; -ENOMEM. */
int metrics_next(struct metrics *m, struct lb_text *out);

/* ---- for the functions of the table (metrics_values.c) ---- */

struct metrics_dest {
	struct ipvs_stats stats;
	struct ipvs_counts counts;
	bool there;
};

struct metrics_listener {
	struct ipvs_stats stats;
	uint32_t first_dest; /* as many as its service has backends, in their order */
	bool there;
};

struct metrics {
	struct ctl_env *env;
	uint64_t turn;
	char prefix[METRICS_PREFIX_MAX];
	const struct metric *now; /* that is being written */
	size_t at;                /* its number */
	uint32_t i;               /* the thing */
	bool headed;              /* its # lines were written */
	bool started;
	/* the kernel */
	bool kernel;                        /* it is to be read: a wanted metric is about it */
	uint32_t n_read;                    /* listeners whose backends were read */
	bool services_read;                 /* and before them the list */
	struct metrics_listener *listeners; /* as those of the model */
	struct metrics_dest *dests;
	uint32_t n_dests;
	uint32_t listener; /* of the dest that is being written: it only goes forward */
	/* what is few is looked at once */
	json_t *alarms;
	struct ctl_worker_info workers[1 + CTL_WORKERS_MAX];
	uint32_t n_workers;
};

/* One sample, in parts: metric_sample, metric_label for each, metric_number or metric_count. */
struct metric_line {
	struct lb_text *out;
	bool open;
};
struct metric_line metric_sample(const struct metrics *m, struct lb_text *out, const char *suffix);
void metric_label(struct metric_line *l, const char *name, const char *value); /* the value is escaped */
void metric_count(struct metric_line *l, uint64_t n);
void metric_number(struct metric_line *l, double v);
