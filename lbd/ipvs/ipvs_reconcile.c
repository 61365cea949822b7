/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HASH_NONFATAL_OOM 1 /* uthash would end the process when memory runs out */
#include "lbd/ipvs/ipvs_entry.h"

#include "common/sort.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_MIN 1000 /* ms until a refused op is tried again */
#define BACKOFF_MAX 60000

struct ipvs_reconciler *ipvs_new(const struct ipvs_kernel *kernel, const struct ipvs_events *events)
{
	struct ipvs_reconciler *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->kernel = *kernel;
	r->events = *events;
	return r;
}

struct ipvs_entry *ipvs_entry_find(const struct ipvs_reconciler *r, const struct ipvs_key *key)
{
	struct ipvs_entry *e = NULL;
	HASH_FIND(hh, r->entries, key, sizeof(*key), e);
	return e;
}

struct ipvs_entry *ipvs_entry_get(struct ipvs_reconciler *r, const struct ipvs_key *key)
{
	struct ipvs_entry *e = ipvs_entry_find(r, key);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->key = *key;
	HASH_ADD(hh, r->entries, key, sizeof(e->key), e);
	if (!e->hh.tbl) { /* how uthash tells of no memory */
		free(e);
		return NULL;
	}
	return e;
}

static void refusals_clear(struct ipvs_reconciler *r, struct ipvs_entry *e)
{
	if (!e->refusals.n)
		return;
	lb_vec_done(&e->refusals);
	for (size_t i = 0; i < r->troubled.n; i++)
		if (r->troubled.v[i] == e) {
			r->troubled.v[i] = r->troubled.v[--r->troubled.n];
			break;
		}
}

void ipvs_entry_forget(struct ipvs_reconciler *r, struct ipvs_entry *e)
{
	refusals_clear(r, e);
	ipvs_row_done(&e->row);
	HASH_DEL(r->entries, e);
	free(e);
}

void ipvs_free(struct ipvs_reconciler *r)
{
	if (!r)
		return;
	struct ipvs_entry *e, *next;
	HASH_ITER (hh, r->entries, e, next)
		ipvs_entry_forget(r, e);
	lb_vec_done(&r->queue);
	lb_vec_done(&r->troubled);
	lb_vec_done(&r->scratch.ops);
	lb_vec_done(&r->round_keys);
	free(r);
}

/* ---- reading ---- */

struct collect {
	struct ipvs_row row;
	bool no_memory;
};

static void collect_dest(const struct ipvs_dest *d, const struct ipvs_counts *c, const struct ipvs_stats *s, void *arg)
{
	(void)c;
	(void)s;
	struct collect *to = arg;
	struct ipvs_dest *place = lb_vec_push(&to->row.dests);
	if (place)
		*place = *d;
	else
		to->no_memory = true;
}

/* A dump that another writer crosses may repeat an entry: the second of a pair would look like one to delete. */
static void drop_repeated(struct ipvs_row *row)
{
	size_t kept = 0;
	for (size_t i = 0; i < row->dests.n; i++)
		if (kept == 0 || ipvs_dest_cmp(&row->dests.v[kept - 1], &row->dests.v[i]))
			row->dests.v[kept++] = row->dests.v[i];
	row->dests.n = kept;
}

int ipvs_entry_read(struct ipvs_reconciler *r, struct ipvs_entry *e, struct ipvs_row *out)
{
	struct collect got = { 0 };
	int err = r->kernel.dests(r->kernel.arg, &e->key, collect_dest, &got);
	if (!err && got.no_memory)
		err = -ENOMEM;
	/* an empty answer is ambiguous: no destinations, or no service */
	if (!err && got.row.dests.n == 0)
		err = r->kernel.service(r->kernel.arg, &e->key, &got.row.svc);
	else
		got.row.svc = e->row.svc;
	if (err) {
		ipvs_row_done(&got.row);
		return err;
	}
	ipvs_row_sort(&got.row);
	drop_repeated(&got.row);
	*out = got.row;
	return 0;
}

void ipvs_entry_gone(struct ipvs_entry *e)
{
	ipvs_row_done(&e->row);
	e->present = false;
	e->unread = false;
}

/* Makes row what the kernel has, service and destinations. */
static int reread(struct ipvs_reconciler *r, struct ipvs_entry *e)
{
	struct ipvs_service svc;
	int err = r->kernel.service(r->kernel.arg, &e->key, &svc);
	if (err == -ESRCH) {
		ipvs_entry_gone(e);
		return 0;
	}
	if (err)
		return err;
	struct ipvs_row row;
	e->row.svc = svc;
	err = ipvs_entry_read(r, e, &row);
	if (err == -ESRCH) {
		ipvs_entry_gone(e);
		return 0;
	}
	if (err)
		return err;
	ipvs_row_done(&e->row);
	e->row = row;
	e->row.svc = svc;
	e->present = true;
	e->unread = false;
	return 0;
}

static void load_one(const struct ipvs_service *svc, const struct ipvs_stats *stats, void *arg)
{
	(void)stats;
	struct ipvs_reconciler *r = arg;
	struct ipvs_entry *e = ipvs_entry_get(r, &svc->key);
	if (!e) {
		r->no_memory = true;
		return;
	}
	e->row.svc = *svc;
	e->present = true;
	e->unread = true;
}

int ipvs_load(struct ipvs_reconciler *r)
{
	r->no_memory = false;
	/* Not the first load: the kernel was away, and what it acknowledged before may be gone with its module. */
	struct ipvs_entry *e, *next;
	HASH_ITER (hh, r->entries, e, next)
		e->unread = true;
	int err = r->kernel.services(r->kernel.arg, load_one, r);
	return err ? err : r->no_memory ? -ENOMEM : 0;
}

/* ---- writing ---- */

static int enqueue(struct ipvs_reconciler *r, struct ipvs_entry *e, const struct ipvs_op *op)
{
	struct ipvs_queued *q = lb_vec_push(&r->queue);
	if (!q)
		return -ENOMEM;
	q->op = *op;
	q->entry = e;
	e->queued = true;
	return 0;
}

static bool same_op(const struct ipvs_op *a, const struct ipvs_op *b)
{
	if (a->type != b->type || ipvs_dest_cmp(&a->dest, &b->dest) || !ipvs_dest_equal(&a->dest, &b->dest))
		return false;
	if (a->type == IPVS_OP_SERVICE_ADD || a->type == IPVS_OP_SERVICE_SET)
		return ipvs_service_equal(&a->svc, &b->svc);
	return true;
}

static int op_cmp(const void *a, const void *b)
{
	const struct ipvs_op *x = a, *y = b;
	return x->type == y->type ? ipvs_dest_cmp(&x->dest, &y->dest) : x->type < y->type ? -1 : 1;
}

/* The refusal of an op; they are sorted by refusals_keep. */
static struct ipvs_refusal *refusal_of(const struct ipvs_entry *e, const struct ipvs_op *op)
{
	_Static_assert(!offsetof(struct ipvs_refusal, op), "a refusal is compared as its op");
	struct ipvs_refusal *ref = NULL;
	if (e->refusals.n)
		ref = bsearch(op, e->refusals.v, e->refusals.n, sizeof(*ref), op_cmp);
	return ref && same_op(&ref->op, op) ? ref : NULL;
}

/* The difference between a row and the kernel; reads the kernel when we do not know. */
static int difference(
	struct ipvs_reconciler *r, struct ipvs_entry *e, const struct ipvs_row *want, struct ipvs_ops *out)
{
	if (e->unread) {
		int err = reread(r, e);
		if (err)
			return err;
	}
	return ipvs_diff(want, e->present ? &e->row : NULL, out);
}

/* Keeps only refusals of ops that are still wanted. All backends of a listener may have been refused, so neither here
 * nor afterwards is one looked for among the others. */
static void refusals_keep(struct ipvs_reconciler *r, struct ipvs_entry *e, const struct ipvs_ops *wanted)
{
	size_t kept = 0;
	if (!e->refusals.n)
		return;
	lb_sort(e->refusals.v, e->refusals.n, sizeof(*e->refusals.v), op_cmp);
	lb_vec_foreach (ref, &e->refusals)
		ref->wanted = false;
	for (size_t i = 0; i < wanted->ops.n; i++) {
		struct ipvs_refusal *ref = refusal_of(e, &wanted->ops.v[i]);
		if (ref)
			ref->wanted = true;
	}
	lb_vec_foreach (ref, &e->refusals)
		if (ref->wanted)
			e->refusals.v[kept++] = *ref;
	if (kept == 0)
		refusals_clear(r, e);
	else
		e->refusals.n = kept;
}

/* Ops of one listener stand together in the queue: what is queued for it goes out before more is. The entry may be
 * gone afterwards. */
static int send_if_queued(struct ipvs_reconciler *r, const struct ipvs_key *key, struct lb_time now)
{
	const struct ipvs_entry *e = ipvs_entry_find(r, key);
	return e && e->queued ? ipvs_send(r, now) : 0;
}

/* A refused add does not stop the deletes behind it. Where the pool rests on what is added they are not sent along, but
 * when something of it is acknowledged; until then the old destinations stay. Not those that were taken out: what does
 * not work, or is about to be switched off, is no place for clients. */
static bool holds_deletes(const struct ipvs_entry *e, const struct ipvs_row *want, const struct ipvs_ops *ops)
{
	return ops->ops.n && ops->ops.v[ops->ops.n - 1].type == IPVS_OP_DEST_DEL && ipvs_deletes_hinge(want, &e->row);
}

int ipvs_want(struct ipvs_reconciler *r, const struct ipvs_row *row, struct lb_time now)
{
	int err = send_if_queued(r, &row->svc.key, now);
	if (err)
		return err;
	struct ipvs_entry *e = ipvs_entry_get(r, &row->svc.key);
	if (!e)
		return -ENOMEM;
	if (!e->ours)
		e->unread = e->present; /* adopted as it is now, not as somebody looked at it once */
	e->ours = true;
	lb_vec_clear(&r->scratch.ops);
	err = difference(r, e, row, &r->scratch);
	if (err)
		return err;
	/* A refused op is not sent again before its time; one that is no longer wanted is forgotten. */
	if (lb_time_cmp(now, e->retry) >= 0)
		refusals_clear(r, e);
	refusals_keep(r, e, &r->scratch);
	bool hinges = holds_deletes(e, row, &r->scratch), no_service = false;
	e->held = false;
	lb_vec_foreach (op, &r->scratch.ops) {
		bool again = refusal_of(e, op) != NULL;
		no_service |= again && op->type == IPVS_OP_SERVICE_ADD;
		bool held = hinges && op->type == IPVS_OP_DEST_DEL && !ipvs_row_is_out(row, &op->dest);
		e->held |= held;
		if (again || no_service || held)
			continue;
		err = enqueue(r, e, op);
		if (err)
			return err;
	}
	return 0;
}

int ipvs_drop(struct ipvs_reconciler *r, const struct ipvs_key *key, struct lb_time now)
{
	int err = send_if_queued(r, key, now);
	if (err)
		return err;
	struct ipvs_entry *e = ipvs_entry_find(r, key);
	if (!e || !e->ours)
		return 0;
	if (!e->present && e->unread) { /* it may have been added by a write whose outcome is unknown */
		err = reread(r, e);
		if (err)
			return err;
	}
	refusals_clear(r, e);
	if (!e->present) {
		ipvs_entry_forget(r, e);
		return 0;
	}
	struct ipvs_op op = { .type = IPVS_OP_SERVICE_DEL, .svc = e->row.svc };
	return enqueue(r, e, &op);
}

void ipvs_own(struct ipvs_reconciler *r, const struct ipvs_key *key)
{
	struct ipvs_entry *e = ipvs_entry_find(r, key);
	if (e)
		e->ours = true;
}

static void remember_refusal(
	struct ipvs_reconciler *r, struct ipvs_entry *e, const struct ipvs_op *op, int err, struct lb_time now)
{
	struct ipvs_refusal *ref = lb_vec_push(&e->refusals);
	if (!ref)
		return; /* tried again at once: no memory is no reason to lose it */
	*ref = (struct ipvs_refusal){ *op, err, true };
	if (e->refusals.n == 1) {
		struct ipvs_entry **place = lb_vec_push(&r->troubled);
		if (!place) {
			lb_vec_done(&e->refusals);
			return;
		}
		*place = e;
		e->backoff_ms = e->backoff_ms ? e->backoff_ms * 2 : BACKOFF_MIN;
		if (e->backoff_ms > BACKOFF_MAX)
			e->backoff_ms = BACKOFF_MAX;
		e->retry = lb_time_add_ms(now, e->backoff_ms);
	}
	r->counters.refused++;
	r->events.refused(r->events.arg, op, err);
}

/* These answers say that the kernel is not what we believed: someone else wrote, or a read was incomplete. */
static bool means_stale(const struct ipvs_op *op, int err)
{
	switch (op->type) {
	case IPVS_OP_SERVICE_ADD:
	case IPVS_OP_DEST_ADD: return err == EEXIST || (err == ESRCH && op->type == IPVS_OP_DEST_ADD);
	case IPVS_OP_SERVICE_SET:
	case IPVS_OP_SERVICE_DEL: return err == ESRCH;
	case IPVS_OP_DEST_SET:
	case IPVS_OP_DEST_DEL: return err == ESRCH || err == ENOENT;
	}
	return false;
}

static void service_deleted(struct ipvs_entry *e)
{
	ipvs_entry_gone(e);
	e->ours = false;
}

static void settle(struct ipvs_reconciler *r, struct ipvs_queued *q, int err, struct lb_time now)
{
	struct ipvs_entry *e = q->entry;
	if (err == 0) {
		if (q->op.type == IPVS_OP_SERVICE_ADD)
			e->present = true;
		if (ipvs_row_apply(&e->row, &q->op))
			e->unread = e->again = true;
		if (q->op.type == IPVS_OP_SERVICE_DEL)
			service_deleted(e);
		e->again |= e->held && q->op.type != IPVS_OP_DEST_DEL && q->op.dest.weight > 0;
		return;
	}
	/* destinations of a service that was just refused: one report is enough */
	if (q->op.type == IPVS_OP_DEST_ADD && err == ESRCH && !e->present && e->refusals.n)
		return;
	if (q->op.type == IPVS_OP_SERVICE_DEL && err == ESRCH) {
		service_deleted(e);
		return;
	}
	/* a refused edit of a service is not without effect: where the new scheduler did not bind it has none now */
	if (means_stale(&q->op, err) || q->op.type == IPVS_OP_SERVICE_SET)
		e->unread = e->again = true;
	if (!means_stale(&q->op, err))
		remember_refusal(r, e, &q->op, err, now);
}

/* After a batch: entries that vanished are forgotten, unclear ones and those with deletes to come planned again. */
static void settle_entry(struct ipvs_reconciler *r, struct ipvs_entry *e)
{
	if (!e->queued)
		return;
	e->queued = false;
	bool again = e->again; /* not unread: somebody may have looked between two slices */
	e->again = false;
	if (again)
		r->events.stale(r->events.arg, &e->key);
	else if (!e->present && !e->ours)
		ipvs_entry_forget(r, e);
	else if (!e->refusals.n)
		e->backoff_ms = 0;
}

/* The kernel waits for all its processors before it gives a service another scheduler, and so does who wrote that: tens
 * of milliseconds on a busy machine, where other ops take microseconds. */
static bool waits(const struct ipvs_queued *q)
{
	return q->op.type == IPVS_OP_SERVICE_SET && strcmp(q->op.svc.scheduler, q->entry->row.svc.scheduler) != 0;
}

int ipvs_send_some(struct ipvs_reconciler *r, struct lb_time now, size_t most)
{
	struct ipvs_op ops[IPVS_BATCH_OPS];
	int errs[IPVS_BATCH_OPS], err = 0;
	size_t at = r->sent, left = ipvs_queued(r), n = left < most ? left : most;
	n = n < IPVS_BATCH_OPS ? n : IPVS_BATCH_OPS;
	for (size_t i = 0; i < n; i++) {
		ops[i] = r->queue.v[at + i].op;
		errs[i] = 0;
		if (waits(&r->queue.v[at + i])) {
			r->counters.waits++;
			n = i + 1;
		}
	}
	if (n) {
		err = r->kernel.write(r->kernel.arg, ops, n, errs);
		r->counters.batches++;
		r->counters.writes += n;
	}
	for (size_t i = 0; i < n && !err; i++)
		settle(r, &r->queue.v[at + i], errs[i], now);
	if (!err)
		r->sent = at += n;
	if (at < r->queue.n && !err)
		return 1;
	r->sent = 0;
	/* What follows a batch of unknown outcome is not sent: its adds may be missing, and deletes behind it would
	 * empty the pool. It is read and planned again. */
	r->counters.overruns += err != 0;
	for (; at < r->queue.n; at++)
		r->queue.v[at].entry->unread = r->queue.v[at].entry->again = true;
	/* the queue is emptied before anybody is told: whoever is told may queue again */
	struct ipvs_queue done = r->queue;
	r->queue = (struct ipvs_queue){ 0 };
	struct ipvs_entry *last = NULL;
	lb_vec_foreach (q, &done) {
		if (q->entry != last) /* ops of one listener stand together, and its entry may be freed here */
			settle_entry(r, q->entry);
		last = q->entry;
	}
	lb_vec_done(&done);
	return err;
}

int ipvs_send(struct ipvs_reconciler *r, struct lb_time now)
{
	int more;
	do
		more = ipvs_send_some(r, now, IPVS_BATCH_OPS);
	while (more > 0);
	return more;
}

size_t ipvs_queued(const struct ipvs_reconciler *r)
{
	return r->queue.n - r->sent;
}

int ipvs_preview(struct ipvs_reconciler *r, const struct ipvs_row *row, struct ipvs_ops *out)
{
	struct ipvs_entry *e = ipvs_entry_find(r, &row->svc.key);
	if (e && !e->ours)
		e->unread = e->present;
	return e ? difference(r, e, row, out) : ipvs_diff(row, NULL, out);
}

int ipvs_preview_drop(struct ipvs_reconciler *r, const struct ipvs_key *key, struct ipvs_ops *out)
{
	struct ipvs_entry *e = ipvs_entry_find(r, key);
	return e && e->ours && e->present ? ipvs_diff(NULL, &e->row, out) : 0;
}

void ipvs_retry(struct ipvs_reconciler *r, struct lb_time now)
{
	for (size_t i = 0; i < r->troubled.n; i++)
		if (lb_time_cmp(now, r->troubled.v[i]->retry) >= 0)
			r->events.stale(r->events.arg, &r->troubled.v[i]->key);
}

/* ---- looking ---- */

const struct ipvs_row *ipvs_actual(struct ipvs_reconciler *r, const struct ipvs_key *key)
{
	struct ipvs_entry *e = ipvs_entry_find(r, key);
	if (!e || !e->present)
		return NULL;
	if (e->unread && reread(r, e))
		return NULL;
	return e->present ? &e->row : NULL;
}

bool ipvs_is_ours(const struct ipvs_reconciler *r, const struct ipvs_key *key)
{
	const struct ipvs_entry *e = ipvs_entry_find(r, key);
	return e && e->ours;
}

const struct ipvs_refusal *ipvs_refusals(const struct ipvs_reconciler *r, const struct ipvs_key *key, size_t *n)
{
	const struct ipvs_entry *e = ipvs_entry_find(r, key);
	*n = e ? e->refusals.n : 0;
	return e ? e->refusals.v : NULL;
}

size_t ipvs_refused_listeners(const struct ipvs_reconciler *r)
{
	return r->troubled.n;
}

void ipvs_each(const struct ipvs_reconciler *r, ipvs_each_fn *fn, void *arg)
{
	struct ipvs_entry *e, *next;
	HASH_ITER (hh, r->entries, e, next)
		if (e->present)
			fn(&e->row, e->ours, arg);
}

static void count_foreign(const struct ipvs_row *row, bool ours, void *arg)
{
	(void)row;
	*(size_t *)arg += !ours;
}

size_t ipvs_foreign_count(const struct ipvs_reconciler *r)
{
	size_t n = 0;
	ipvs_each(r, count_foreign, &n);
	return n;
}

const struct ipvs_counters *ipvs_counters(const struct ipvs_reconciler *r)
{
	return &r->counters;
}

const struct ipvs_kernel *ipvs_kernel(const struct ipvs_reconciler *r)
{
	return &r->kernel;
}
