/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one path to the kernel. It keeps `actual`: what the kernel acknowledged, listener by listener, and brings it to
 * what is wanted:
 *
 *   ipvs_want / ipvs_drop   difference of one listener -> queued ops; deletes that would empty the pool if the adds
 *                           were refused are left for when the adds are acknowledged, but for what was taken out
 *   ipvs_send_some         one datagram of ops; an acknowledged op changes `actual`, a refused one is remembered with
 *                           its errno and left alone for a while, an unclear one makes us read that service again
 *   ipvs_audit_*            the periodic look: the kernel does not tell of changes, so it is dumped in slices and
 *                           compared; what differs updates `actual` and is reported, and the same path repairs it
 *
 * The kernel is behind five function pointers: ipvs_io.c gives the real one, tests a simulated one. Nothing here
 * decides what is wanted, and nothing flushes: IPVS connections live in the rows that stay.
 */
#pragma once

#include "common/time.h"
#include "lbd/ipvs/ipvs_diff.h"
#include "lbd/ipvs/ipvs_msg.h"

#include <stdbool.h>

typedef void ipvs_service_fn(const struct ipvs_service *svc, const struct ipvs_stats *stats, void *arg);
typedef void ipvs_dest_fn(
	const struct ipvs_dest *d, const struct ipvs_counts *counts, const struct ipvs_stats *stats, void *arg);

struct ipvs_kernel {
	void *arg;
	/* All n ops, in order. errs[i] = 0 or a positive errno. Returns 0, or -errno when the outcome of some is
	 * unknown (errs is then worthless). */
	int (*write)(void *arg, const struct ipvs_op *ops, size_t n, int *errs);
	/* Every service of the namespace, in the kernel's order. 0 or -errno (what was reported before is not
	 * reliable). */
	int (*services)(void *arg, ipvs_service_fn *fn, void *fn_arg);
	/* Destinations of one service, newest first. A missing service looks like one without destinations. */
	int (*dests)(void *arg, const struct ipvs_key *key, ipvs_dest_fn *fn, void *fn_arg);
	/* 0 and *out; -ESRCH no such service; -errno. */
	int (*service)(void *arg, const struct ipvs_key *key, struct ipvs_service *out);
	/* Counts from 0 anew; nothing that is reconciled changes. 0; -ESRCH no such service; -errno. */
	int (*zero)(void *arg, const struct ipvs_key *key);
};

struct ipvs_refusal {
	struct ipvs_op op;
	int err;     /* positive errno */
	bool wanted; /* its op still was, when this was looked at last */
};

struct ipvs_entry; /* one listener that is in the kernel or wanted there */

/* Why `actual` had to be corrected. */
enum ipvs_drift { IPVS_DRIFT_SERVICE_GONE, IPVS_DRIFT_SERVICE_CHANGED, IPVS_DRIFT_DESTS_CHANGED };

struct ipvs_events {
	void *arg;
	/* The kernel differs from what we wrote there: plan and want this listener again. */
	void (*drift)(void *arg, const struct ipvs_key *key, enum ipvs_drift what);
	/* The outcome of a write is unclear, or deletes waited for it: the same, without it being anybody's fault. */
	void (*stale)(void *arg, const struct ipvs_key *key);
	/* An op was refused (reported once until it is retried). */
	void (*refused)(void *arg, const struct ipvs_op *op, int err);
};

struct ipvs_counters {
	uint64_t writes;  /* ops sent */
	uint64_t batches; /* datagrams of ops */
	uint64_t waits;   /* of these, with an op that takes thousands of times as long as another: its last */
	uint64_t refused;
	uint64_t repairs;  /* drifts found */
	uint64_t overruns; /* answers lost */
	uint64_t audits;   /* whole rounds */
};

struct ipvs_reconciler *ipvs_new(const struct ipvs_kernel *kernel, const struct ipvs_events *events);
void ipvs_free(struct ipvs_reconciler *r);

/* Reads the list of services (destinations are read when first needed). Later again, when the kernel was away: nothing
 * that was known is trusted then. 0 or -errno. */
int ipvs_load(struct ipvs_reconciler *r);

/* Queues what makes the kernel have this row (sorted; copied). A listener found in the kernel is adopted as it is.
 * 0, -ENOMEM, or the error of reading. */
int ipvs_want(struct ipvs_reconciler *r, const struct ipvs_row *row, struct lb_time now);

/* Queues the removal of a listener of ours; one that is not ours, or not there, is left alone. */
int ipvs_drop(struct ipvs_reconciler *r, const struct ipvs_key *key, struct lb_time now);

/* Declares a listener found in the kernel as ours (recorded by an earlier run), so that it may be dropped. */
void ipvs_own(struct ipvs_reconciler *r, const struct ipvs_key *key);

/* Sends the first of what is queued: one datagram of at most `most` ops and IPVS_BATCH_OPS, which ends with the first
 * that gives a service another scheduler: the kernel waits in each of these. Returns 1 when more is queued; 0, nothing
 * is; -errno of the transport (refusals are not errors): the rest is not sent but planned again. Who wants or drops a
 * listener while ops of it are queued makes all of the queue go out first. */
#define IPVS_BATCH_OPS 128 /* 64 to 256 gain all there is; below the 256 answers that fit the default buffer */
int ipvs_send_some(struct ipvs_reconciler *r, struct lb_time now, size_t most);
int ipvs_send(struct ipvs_reconciler *r, struct lb_time now); /* all of it, however long that takes. 0 or -errno */
size_t ipvs_queued(const struct ipvs_reconciler *r);          /* ops that are not sent yet */

/* What ipvs_want would do now, without doing it: appends ops. */
int ipvs_preview(struct ipvs_reconciler *r, const struct ipvs_row *row, struct ipvs_ops *out);
int ipvs_preview_drop(struct ipvs_reconciler *r, const struct ipvs_key *key, struct ipvs_ops *out);

/* Calls stale() for listeners whose refused ops are due for another try. Call about once a second. */
void ipvs_retry(struct ipvs_reconciler *r, struct lb_time now);

/* One round = list of services, then those that are missing there and the destinations of ours, `services` of them per
 * step.
 * Returns 1 while the round goes on, 0 when it ended, -errno (the round is over). */
int ipvs_audit_begin(struct ipvs_reconciler *r);
int ipvs_audit_step(struct ipvs_reconciler *r, unsigned services);

/* ---- looking ---- */

/* The row the kernel has, its destinations read if need be; NULL when it is not in the kernel. Borrowed until the
 * next call that changes the reconciler. */
const struct ipvs_row *ipvs_actual(struct ipvs_reconciler *r, const struct ipvs_key *key);

bool ipvs_is_ours(const struct ipvs_reconciler *r, const struct ipvs_key *key);

/* Refusals of a listener: n of them, borrowed. */
const struct ipvs_refusal *ipvs_refusals(const struct ipvs_reconciler *r, const struct ipvs_key *key, size_t *n);
size_t ipvs_refused_listeners(const struct ipvs_reconciler *r);

/* Every listener in the kernel; ours tells whose. Destinations of others are mostly not known. Order: as first seen. */
typedef void ipvs_each_fn(const struct ipvs_row *row, bool ours, void *arg);
void ipvs_each(const struct ipvs_reconciler *r, ipvs_each_fn *fn, void *arg);
size_t ipvs_foreign_count(const struct ipvs_reconciler *r);

const struct ipvs_counters *ipvs_counters(const struct ipvs_reconciler *r);
const struct ipvs_kernel *ipvs_kernel(const struct ipvs_reconciler *r);
