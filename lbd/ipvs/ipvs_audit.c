/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The periodic look at the kernel. IPVS has no notifications, so what others change is found by dumping. A dump taken
 * while another process writes can miss or repeat entries and no flag says so: what seems missing is asked for by key
 * before it is believed. */
#define HASH_NONFATAL_OOM 1
#include "lbd/ipvs/ipvs_entry.h"

#include <errno.h>
#include <string.h>

static void drift(struct ipvs_reconciler *r, struct ipvs_entry *e, enum ipvs_drift what)
{
	if (!e->ours)
		return;
	r->counters.repairs++;
	r->events.drift(r->events.arg, &e->key, what);
}

static void see(const struct ipvs_service *svc, const struct ipvs_stats *stats, void *arg)
{
	(void)stats;
	struct ipvs_reconciler *r = arg;
	struct ipvs_entry *e = ipvs_entry_get(r, &svc->key);
	if (!e) {
		r->no_memory = true;
		return;
	}
	e->seen = r->round;
	if (e->queued)
		return;
	bool changed = e->present && !ipvs_service_equal(&e->row.svc, svc);
	bool appeared = !e->present, unclear = e->unread;
	e->row.svc = *svc;
	e->present = true;
	/* nobody looks at the destinations of others: what was read of them once is old by now */
	if (appeared || !e->ours)
		e->unread = true;
	/* a listener that is to be read again anyway may differ by our own writes: that is nobody's drift */
	if ((changed || appeared) && !unclear)
		drift(r, e, IPVS_DRIFT_SERVICE_CHANGED);
}

static void not_seen(struct ipvs_reconciler *r, struct ipvs_entry *e)
{
	struct ipvs_service svc;
	if (r->kernel.service(r->kernel.arg, &e->key, &svc) != -ESRCH)
		return;
	ipvs_entry_gone(e);
	if (e->ours)
		drift(r, e, IPVS_DRIFT_SERVICE_GONE);
	else
		ipvs_entry_forget(r, e);
}

static bool is_missing(const struct ipvs_reconciler *r, const struct ipvs_entry *e)
{
	return e->present && !e->queued && e->seen != r->round;
}

static int round_add(struct ipvs_reconciler *r, bool missing)
{
	struct ipvs_entry *e, *next;
	HASH_ITER (hh, r->entries, e, next) {
		if (is_missing(r, e) != missing || !(missing || ((e->present || e->unread) && e->ours)))
			continue;
		struct ipvs_key *k = lb_vec_push(&r->round_keys);
		if (!k)
			return -ENOMEM;
		*k = e->key;
	}
	return 0;
}

int ipvs_audit_begin(struct ipvs_reconciler *r)
{
	r->round++;
	r->no_memory = false;
	lb_vec_clear(&r->round_keys);
	int err = r->kernel.services(r->kernel.arg, see, r);
	if (err || r->no_memory)
		return err ? err : -ENOMEM;
	err = round_add(r, false);
	if (!err)
		err = round_add(r, true); /* they are looked at first: nothing is forwarded there */
	if (err)
		return err;
	if (r->round_keys.n)
		return 1;
	r->counters.audits++;
	return 0;
}

static bool dests_equal(const struct ipvs_row *a, const struct ipvs_row *b)
{
	if (a->dests.n != b->dests.n)
		return false;
	for (size_t i = 0; i < a->dests.n; i++)
		if (ipvs_dest_cmp(&a->dests.v[i], &b->dests.v[i]) || !ipvs_dest_equal(&a->dests.v[i], &b->dests.v[i]))
			return false;
	return true;
}

static int look(struct ipvs_reconciler *r, const struct ipvs_key *key)
{
	struct ipvs_entry *e = ipvs_entry_find(r, key);
	if (!e || e->queued)
		return 0;
	if (is_missing(r, e)) {
		not_seen(r, e);
		return 0;
	}
	if (e->unread) { /* whoever was told could not read it then, or we would know by now: the round is the safety
			    net */
		if (e->ours)
			r->events.stale(r->events.arg, &e->key);
		return 0;
	}
	if (!e->present)
		return 0; /* gone since */
	struct ipvs_row row;
	int err = ipvs_entry_read(r, e, &row);
	if (err == -ESRCH) {
		ipvs_entry_gone(e);
		drift(r, e, IPVS_DRIFT_SERVICE_GONE);
		return 0;
	}
	if (err)
		return err;
	if (dests_equal(&row, &e->row)) {
		ipvs_row_done(&row);
		return 0;
	}
	row.svc = e->row.svc;
	ipvs_row_done(&e->row);
	e->row = row;
	drift(r, e, IPVS_DRIFT_DESTS_CHANGED);
	return 0;
}

int ipvs_audit_step(struct ipvs_reconciler *r, unsigned services)
{
	while (services-- && r->round_keys.n) {
		struct ipvs_key key = r->round_keys.v[--r->round_keys.n];
		int err = look(r, &key);
		if (err) {
			lb_vec_clear(&r->round_keys);
			return err;
		}
	}
	if (r->round_keys.n)
		return 1;
	r->counters.audits++;
	return 0;
}
