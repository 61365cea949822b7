/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel of arrays behind struct ipvs_kernel, written from the description of the real one: independent writes,
 * dumps newest first, no word about what others do. It can refuse, lose the outcome of a batch, fail to read, repeat
 * an entry of a dump, and let somebody else write between any two calls.
 *
 * And the caller's side: a list of wanted rows and the rule of the daemon, "told of a listener: want or drop it again".
 */
#pragma once

#include "lbd/ipvs/ipvs_reconcile.h"
#include "tests/unit/lbd_ipvs/fixture.h"

#include <errno.h>

#define WEB  "203.0.113.1:80/tcp"
#define DNS  "203.0.113.1:53/udp"
#define MAIL "203.0.113.9:25/tcp"

#define WEB_ROW WEB " wlc 10.1.0.1:80=1 10.1.0.2:80=1"
#define DNS_ROW DNS " rr 10.1.0.3:53=1"

struct sim {
	LB_VEC(struct ipvs_row) rows; /* destinations in the order of adding */
	LB_VEC(struct ipvs_op) log;   /* what we sent */
	size_t reads, batches, largest_batch;
	/* faults */
	int (*refuse)(const struct ipvs_op *op, void *arg); /* errno, 0 = do it */
	void *refuse_arg;
	int lose, lose_after; /* the lose-th batch from now (1 = the next) is cut after so many ops, outcome unknown */
	int fail_dests, fail_services, fail_service; /* -errno of the reads */
	bool repeat;                                 /* dumps tell the first entry twice */
	void (*foreign)(struct sim *s, void *arg);
	void *foreign_arg;
	/* a pool that must not be empty: checked after every op */
	const struct ipvs_key *alive;
};

static inline struct ipvs_row *sim_find(struct sim *s, const struct ipvs_key *key)
{
	lb_vec_foreach (row, &s->rows)
		if (memcmp(&row->svc.key, key, sizeof(*key)) == 0)
			return row;
	return NULL;
}

static inline struct ipvs_dest *sim_dest(struct ipvs_row *row, const struct ipvs_dest *d)
{
	lb_vec_foreach (have, &row->dests)
		if (memcmp(&have->addr, &d->addr, sizeof(d->addr)) == 0 && have->port == d->port)
			return have;
	return NULL;
}

static inline void sim_remove(struct sim *s, struct ipvs_row *row)
{
	ipvs_row_done(row);
	memmove(row, row + 1, (size_t)((char *)(s->rows.v + s->rows.n) - (char *)(row + 1)));
	s->rows.n--;
}

/* One write as ip_vs_ctl.c does it; a positive errno. */
static inline int sim_apply(struct sim *s, const struct ipvs_op *op)
{
	struct ipvs_row *row = sim_find(s, &op->svc.key);
	if (op->type == IPVS_OP_SERVICE_ADD) {
		if (row)
			return EEXIST;
		row = lb_vec_push(&s->rows);
		row->svc = op->svc;
		row->svc.flags |= IPVS_FLAG_HASHED;
		return 0;
	}
	if (!row)
		return ESRCH;
	struct ipvs_dest *d = sim_dest(row, &op->dest);
	switch (op->type) {
	case IPVS_OP_SERVICE_ADD: break;
	case IPVS_OP_SERVICE_SET: row->svc = op->svc; break;
	case IPVS_OP_SERVICE_DEL: sim_remove(s, row); break;
	case IPVS_OP_DEST_ADD:
		if (d)
			return EEXIST;
		*(struct ipvs_dest *)lb_vec_push(&row->dests) = op->dest;
		break;
	case IPVS_OP_DEST_SET:
		if (!d)
			return ENOENT;
		*d = op->dest;
		break;
	case IPVS_OP_DEST_DEL:
		if (!d)
			return ENOENT;
		memmove(d, d + 1, (size_t)((char *)(row->dests.v + row->dests.n) - (char *)(d + 1)));
		row->dests.n--;
		break;
	}
	return 0;
}

static inline void sim_others(struct sim *s)
{
	if (s->foreign)
		s->foreign(s, s->foreign_arg);
}

static inline int sim_write(void *arg, const struct ipvs_op *ops, size_t n, int *errs)
{
	struct sim *s = arg;
	s->batches++;
	s->largest_batch = n > s->largest_batch ? n : s->largest_batch;
	bool lost = s->lose && --s->lose == 0;
	for (size_t i = 0; i < n; i++) {
		*(struct ipvs_op *)lb_vec_push(&s->log) = ops[i];
		if (lost && i >= (size_t)s->lose_after)
			break;
		errs[i] = s->refuse ? s->refuse(&ops[i], s->refuse_arg) : 0;
		struct ipvs_row *row = sim_find(s, &ops[i].svc.key);
		if (errs[i] && ops[i].type == IPVS_OP_SERVICE_SET && row)
			strcpy(row->svc.scheduler, "none"); /* unbound, and the new one did not bind */
		if (!errs[i])
			errs[i] = sim_apply(s, &ops[i]);
		row = s->alive ? sim_find(s, s->alive) : NULL;
		ck_assert_msg(!s->alive || (row && pool_alive(row)), "the pool is empty after\n%s",
			ops_text(s->log.v, s->log.n));
	}
	if (lost)
		for (size_t i = 0; i < n; i++)
			errs[i] = 12345; /* worthless */
	sim_others(s);
	return lost ? -ENOBUFS : 0;
}

static inline int sim_services(void *arg, ipvs_service_fn *fn, void *fn_arg)
{
	struct sim *s = arg;
	static const struct ipvs_stats zero;
	s->reads++;
	for (size_t i = 0; i < s->rows.n; i++) {
		if (s->fail_services && i == s->rows.n / 2)
			return s->fail_services;
		struct ipvs_service svc = s->rows.v[i].svc;
		svc.flags &= ~IPVS_FLAG_HASHED;
		fn(&svc, &zero, fn_arg);
		if (s->repeat && i == 0)
			fn(&svc, &zero, fn_arg);
	}
	sim_others(s);
	return s->fail_services;
}

static inline int sim_dests(void *arg, const struct ipvs_key *key, ipvs_dest_fn *fn, void *fn_arg)
{
	struct sim *s = arg;
	static const struct ipvs_stats zero;
	static const struct ipvs_counts none;
	s->reads++;
	struct ipvs_row *row = sim_find(s, key);
	for (size_t i = row ? row->dests.n : 0; i > 0; i--) {
		fn(&row->dests.v[i - 1], &none, &zero, fn_arg);
		if (s->repeat && i == 1)
			fn(&row->dests.v[i - 1], &none, &zero, fn_arg);
	}
	sim_others(s);
	return s->fail_dests;
}

static inline int sim_service(void *arg, const struct ipvs_key *key, struct ipvs_service *out)
{
	struct sim *s = arg;
	s->reads++;
	if (s->fail_service)
		return s->fail_service;
	struct ipvs_row *row = sim_find(s, key);
	if (row) {
		*out = row->svc;
		out->flags &= ~IPVS_FLAG_HASHED;
	}
	sim_others(s);
	return row ? 0 : -ESRCH;
}

/* ---- the caller ---- */

struct world {
	struct sim k;
	struct ipvs_reconciler *r;
	LB_VEC(struct ipvs_row) wanted;
	LB_VEC(struct ipvs_key) dirty;
	size_t drifts, stales, refusals;
	enum ipvs_drift last_drift;
	struct ipvs_key last_key;
	struct lb_time now;
};

static inline void world_dirty(struct world *w, const struct ipvs_key *key)
{
	*(struct ipvs_key *)lb_vec_push(&w->dirty) = *key;
}

static inline void world_drift(void *arg, const struct ipvs_key *key, enum ipvs_drift what)
{
	struct world *w = arg;
	w->drifts++;
	w->last_drift = what;
	w->last_key = *key;
	world_dirty(w, key);
}

static inline void world_stale(void *arg, const struct ipvs_key *key)
{
	struct world *w = arg;
	w->stales++;
	world_dirty(w, key);
}

static inline void world_refused(void *arg, const struct ipvs_op *op, int err)
{
	struct world *w = arg;
	w->refusals++;
	ck_assert_msg(err > 0 && op, "refused with %d", err);
}

static inline void world_begin(struct world *w)
{
	w->now = (struct lb_time){ 1000000 };
	struct ipvs_kernel kernel = { &w->k, sim_write, sim_services, sim_dests, sim_service, NULL };
	struct ipvs_events events = { w, world_drift, world_stale, world_refused };
	w->r = ipvs_new(&kernel, &events);
	ck_assert_ptr_nonnull(w->r);
}

static inline void world_end(struct world *w)
{
	ipvs_free(w->r);
	lb_vec_foreach (row, &w->k.rows)
		ipvs_row_done(row);
	lb_vec_foreach (row, &w->wanted)
		ipvs_row_done(row);
	lb_vec_done(&w->k.rows);
	lb_vec_done(&w->k.log);
	lb_vec_done(&w->wanted);
	lb_vec_done(&w->dirty);
}

/* The daemon dies and another begins; the kernel stays. */
static inline void world_restart(struct world *w)
{
	ipvs_free(w->r);
	lb_vec_clear(&w->dirty);
	world_begin(w);
	ck_assert_int_eq(ipvs_load(w->r), 0);
}

static inline void sim_has(struct world *w, const char *text)
{
	struct ipvs_row row = row_of(text);
	row.svc.flags |= IPVS_FLAG_HASHED;
	*(struct ipvs_row *)lb_vec_push(&w->k.rows) = row;
}

static inline struct ipvs_row *wanted_find(struct world *w, const struct ipvs_key *key)
{
	lb_vec_foreach (row, &w->wanted)
		if (ipvs_key_cmp(&row->svc.key, key) == 0)
			return row;
	return NULL;
}

/* Replaces what is wanted of this listener; takes the row. */
static inline void world_want_row(struct world *w, struct ipvs_row row)
{
	struct ipvs_row *old = wanted_find(w, &row.svc.key);
	if (old)
		ipvs_row_done(old);
	else
		old = lb_vec_push(&w->wanted);
	*old = row;
	world_dirty(w, &row.svc.key);
}

static inline void world_want(struct world *w, const char *text)
{
	world_want_row(w, row_of(text));
}

static inline void world_unwant(struct world *w, const char *key)
{
	struct ipvs_key k = key_of(key);
	struct ipvs_row *row = wanted_find(w, &k);
	ck_assert_msg(row != NULL, "%s was not wanted", key);
	ipvs_row_done(row);
	*row = w->wanted.v[--w->wanted.n];
	world_dirty(w, &k);
}

/* One turn of the daemon's loop. A listener whose reading failed stays dirty. */
static inline void world_turn(struct world *w)
{
	LB_VEC(struct ipvs_key) work = { w->dirty.v, w->dirty.n, w->dirty.cap };
	memset(&w->dirty, 0, sizeof(w->dirty));
	lb_vec_foreach (key, &work) {
		struct ipvs_row *row = wanted_find(w, key);
		if (row ? ipvs_want(w->r, row, w->now) : ipvs_drop(w->r, key, w->now))
			world_dirty(w, key);
	}
	lb_vec_done(&work);
	(void)ipvs_send(w->r, w->now);
}

static inline void world_run(struct world *w)
{
	world_turn(w);
	for (int i = 0; w->dirty.n && i < 50; i++)
		world_turn(w);
}

static inline void world_audit(struct world *w)
{
	int r = ipvs_audit_begin(w->r);
	for (int i = 0; r > 0 && i < 1000; i++)
		r = ipvs_audit_step(w->r, 2);
	(void)r;
}

/* What was sent since the last call, as text. */
static inline const char *world_sent(struct world *w)
{
	const char *text = ops_text(w->k.log.v, w->k.log.n);
	lb_vec_clear(&w->k.log);
	return text;
}

static inline bool sim_equals(struct sim *s, const struct ipvs_row *want)
{
	struct ipvs_row *have = sim_find(s, &want->svc.key), copy = { 0 };
	if (!have)
		return false;
	ck_assert_int_eq(ipvs_row_copy(&copy, have), 0);
	copy.svc.flags &= ~IPVS_FLAG_HASHED;
	ipvs_row_sort(&copy);
	bool same = same_row(&copy, want);
	ipvs_row_done(&copy);
	return same;
}

static inline bool world_converged(struct world *w)
{
	lb_vec_foreach (row, &w->wanted)
		if (!sim_equals(&w->k, row))
			return false;
	return true;
}
