/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the reconciler, shared by its writing half (ipvs_reconcile.c) and its looking half (ipvs_audit.c). */
#pragma once

#include "lbd/ipvs/ipvs_reconcile.h"

#include <uthash.h>

struct ipvs_entry {
	struct ipvs_key key;
	struct ipvs_row row; /* what the kernel acknowledged or showed */
	bool present;        /* in the kernel */
	bool ours;           /* wanted, or recorded as ours by an earlier run */
	bool unread;         /* row is not to be trusted: read before the next diff */
	bool queued;         /* has ops in the queue, sent or not */
	bool held;           /* its deletes wait until something else that serves is acknowledged */
	bool again;          /* to be planned again when the queue is empty: that came, or an answer fits no row */
	uint32_t seen;       /* audit round that saw it */
	int64_t backoff_ms;
	struct lb_time retry;
	LB_VEC(struct ipvs_refusal) refusals;
	UT_hash_handle hh;
};

struct ipvs_queued {
	struct ipvs_op op;
	struct ipvs_entry *entry; /* stays while it has queued ops */
};

struct ipvs_queue {
	struct ipvs_queued *v;
	size_t n, cap;
};

struct ipvs_reconciler {
	struct ipvs_kernel kernel;
	struct ipvs_events events;
	struct ipvs_counters counters;
	struct ipvs_entry *entries; /* uthash by key */
	struct ipvs_queue queue;
	size_t sent;                          /* of the queue: the first ones, that the kernel has acknowledged */
	LB_VEC(struct ipvs_entry *) troubled; /* with refusals */
	struct ipvs_ops scratch;
	bool no_memory;
	uint32_t round;
	LB_VEC(struct ipvs_key) round_keys; /* ours, or missing in the dump: still to be looked at in this round */
};

struct ipvs_entry *ipvs_entry_find(const struct ipvs_reconciler *r, const struct ipvs_key *key);
struct ipvs_entry *ipvs_entry_get(
	struct ipvs_reconciler *r, const struct ipvs_key *key); /* made if need be; NULL: memory */
void ipvs_entry_forget(struct ipvs_reconciler *r, struct ipvs_entry *e);
void ipvs_entry_gone(struct ipvs_entry *e);
/* The destinations as the kernel has them, sorted, into a new row. -ESRCH: the service is not there. */
int ipvs_entry_read(struct ipvs_reconciler *r, struct ipvs_entry *e, struct ipvs_row *out);
