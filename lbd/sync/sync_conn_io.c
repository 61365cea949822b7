/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_conn_io.h"

#include "common/clock_io.h"
#include "common/vec.h"
#include "lbd/sync/conn_over.h"
#include "lbd/sync/conn_read_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH      128u /* rows in a message */
#define PASSES_MAX 4u
#define SOON_MS    200  /* what ends at once is gone by then; the next time it gets more */
#define WAITS_MAX  10   /* of SOON_MS each */
#define LATER_MS   1300 /* what has a second left is */
#define SMALL      40u  /* so many are one read of the kernel's file: none of them is missed */
#define OVER_MAX   64u  /* of a pass: ended ones that may hide another, which the kernel shows soon after */

_Static_assert(BATCH <= CONN_ROWS_MAX, "the core takes it");

/* From before the filter: one per list, the last for ends. A descriptor, or -errno. */
static int readers[SYNC_CONN_LISTS + 1];
#define END_READER SYNC_CONN_LISTS

struct list {
	struct sync_conn *all;
	struct list *next;
	uint32_t id;
	unsigned reader;
	struct conn_filter filter;
	struct conn_read *read;
	uint64_t seen;
	LB_VEC(struct conn_row) rows;
	bool waits; /* for conn.more */
	bool short_of_memory;
};

typedef LB_VEC(uint64_t) hashes;

struct kill {
	struct kill *next;
	uint32_t id;
	struct conn_filter filter;
	struct lb_time due;
	bool in_scan, cut;
	bool slow; /* something in it has a second left */
	unsigned passes;
	uint64_t found, most; /* in a pass; in any */
	hashes now;           /* of what this pass has found: the kernel may show a connection twice */
	hashes first;         /* of the first one, sorted */
	int err;
};

struct over {
	uint64_t hash;
	bool spoken; /* its client has sent something since */
};

struct sync_conn {
	struct ev_loop *loop;
	struct sync_kernel *kernel;
	sync_conn_say_fn *say;
	void *arg;
	struct list *lists;
	bool taken[SYNC_CONN_LISTS];
	struct kill *kills;
	struct conn_read *scan;
	LB_VEC(struct flow) held;   /* to be ended, and the kernel had no room */
	struct over over[OVER_MAX]; /* of this pass */
	unsigned n_over;
	ev_timer due;
	unsigned waited;
};

void sync_conn_prepare(void)
{
	for (unsigned i = 0; i <= SYNC_CONN_LISTS; i++)
		readers[i] = conn_read_open();
}

static void say_end(struct sync_conn *c, const struct conn_end *end)
{
	const struct sync_room_msg m = { .type = SYNC_MSG_CONN_END, .u.conn_end = *end };
	c->say(&m, c->arg);
}

/* ---- lists ---- */

static void list_free(struct list *l)
{
	struct list **at = &l->all->lists;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	conn_read_stop(l->read);
	l->all->taken[l->reader] = false;
	lb_vec_done(&l->rows);
	free(l->filter.v);
	free(l);
}

static void say_rows(struct list *l)
{
	const struct sync_room_msg m = { .type = SYNC_MSG_CONN_ROWS,
		.u.conn_rows = { l->id, (uint32_t)l->rows.n, l->rows.v } };
	if (!l->rows.n)
		return;
	l->all->say(&m, l->all->arg);
	lb_vec_clear(&l->rows);
	l->waits = true;
}

static void list_flow(const struct flow *flow, void *arg)
{
	struct list *l = arg;
	struct flow f = *flow;
	bool of_peer, known = sync_kernel_known(l->all->kernel, &f, &of_peer);
	if (!conn_filter_takes(&l->filter, &f, known))
		return;
	struct conn_row *row = lb_vec_push(&l->rows);
	if (!row) {
		l->short_of_memory = true;
		return;
	}
	conn_row_of(&f, of_peer ? CONN_PEER : CONN_LOCAL, row);
	l->seen++;
	if (l->rows.n < BATCH || l->waits)
		return;
	say_rows(l);
	conn_read_hold(l->read);
}

static void list_done(int err, uint64_t given, uint64_t refused, void *arg)
{
	struct list *l = arg;
	struct sync_conn *c = l->all;
	struct conn_end end = { .id = l->id, .err = (uint32_t)-err, .seen = l->seen };
	(void)given, (void)refused;
	if (l->short_of_memory)
		end.err = ENOMEM;
	l->read = NULL; /* it has freed itself */
	say_rows(l);
	list_free(l);
	say_end(c, &end);
}

static int free_reader(const struct sync_conn *c)
{
	for (unsigned i = 0; i < SYNC_CONN_LISTS; i++)
		if (!c->taken[i])
			return (int)i;
	return -EBUSY;
}

static int list_start(struct sync_conn *c, struct conn_ask *ask)
{
	int reader = free_reader(c), err = reader;
	struct conn_end end = { .id = ask->id };
	if (reader >= 0)
		err = readers[reader] < 0 ? readers[reader] : 0;
	struct list *l = err ? NULL : calloc(1, sizeof(*l));
	if (l) {
		l->read = conn_read_start(c->loop, readers[reader], list_flow, list_done, l, &err);
		if (!l->read) {
			free(l);
			l = NULL;
		}
	}
	if (!l) {
		end.err = (uint32_t)(err ? -err : ENOMEM);
		say_end(c, &end);
		return 0;
	}
	l->all = c;
	l->id = ask->id;
	l->reader = (unsigned)reader;
	l->filter = ask->filter;
	ask->filter.v = NULL;
	l->next = c->lists;
	c->lists = l;
	c->taken[reader] = true;
	return 0;
}

static struct list *list_of(const struct sync_conn *c, uint32_t id)
{
	struct list *l = c->lists;
	while (l && l->id != id)
		l = l->next;
	return l;
}

static void list_more(struct list *l)
{
	l->waits = false;
	if (l->rows.n >= BATCH)
		say_rows(l);
	else
		conn_read_resume(l->read);
}

/* ---- ends ---- */

static void kill_free(struct sync_conn *c, struct kill *k)
{
	struct kill **at = &c->kills;
	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	lb_vec_done(&k->now);
	lb_vec_done(&k->first);
	free(k->filter.v);
	free(k);
}

static void kill_over(struct sync_conn *c, struct kill *k)
{
	uint64_t left = k->found;
	struct conn_end end = {
		.id = k->id, .err = (uint32_t)-k->err, .seen = k->most, .ended = k->most - left, .left = left
	};
	if (k->err == -ENOTCONN)
		snprintf(end.text, sizeof(end.text), "%s", c->kernel->trouble);
	kill_free(c, k);
	say_end(c, &end);
}

static void arm(struct sync_conn *c)
{
	struct lb_time next = LB_TIME_NEVER;
	ev_timer_stop(c->loop, &c->due);
	if (c->scan)
		return;
	for (const struct kill *k = c->kills; k; k = k->next)
		next = lb_time_min(next, k->due);
	if (next.us == LB_TIME_NEVER.us)
		return;
	double after = (double)lb_time_diff_us(next, lb_clock_now()) / 1e6;
	ev_now_update(c->loop);
	ev_timer_set(&c->due, after > 0.0 ? after : 0.0, 0.0);
	ev_timer_start(c->loop, &c->due);
}

static void set_error(struct sync_conn *c, int err)
{
	for (struct kill *k = c->kills; k; k = k->next)
		if (k->in_scan && !k->err)
			k->err = err;
}

/* Where the kernel has no room it is kept, and so is what comes behind it. The kernel's side is started for the first
 * flow that is really there, not for the question: with it the kernel takes no backend of another family than its
 * service. */
static void end_one(struct sync_conn *c, const struct flow *f)
{
	sync_kernel_want(c->kernel);
	int err = c->held.n ? -EAGAIN : sync_kernel_end(c->kernel, f, lb_clock_now());
	if (err == -EAGAIN) {
		struct flow *place = lb_vec_push(&c->held);
		if (place)
			*place = *f;
		else
			set_error(c, -ENOMEM);
		conn_read_hold(c->scan);
	} else if (err) {
		set_error(c, err);
	}
}

static int hash_cmp(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
	return a < b ? -1 : a > b;
}

/* An operator ends what there is now. Who is cut off comes back at once, and what he has then is not meant. */
static bool is_meant(struct kill *k, const struct flow *f, bool known)
{
	if (!k->in_scan || !conn_filter_takes(&k->filter, f, known))
		return false;
	uint64_t hash = flow_key_hash(&f->key, 0), *place;
	if (!k->cut && k->passes && !(k->first.n && bsearch(&hash, k->first.v, k->first.n, sizeof(hash), hash_cmp)))
		return false;
	place = lb_vec_push(&k->now);
	if (place)
		*place = hash;
	else
		k->err = -ENOMEM;
	return true;
}

/* When a packet, or the replacement itself, holds a connection in the moment in which it is replaced, the kernel keeps
 * it: behind the ended one, which is found first, and back after that has gone. No record reaches it until then, and
 * each would keep the ended one there. So it is looked for again later; but not where the client has spoken to the
 * ended one (which then has more than its second): it has had its reset. */
static const struct over *hides(const struct sync_conn *c, const struct flow *f)
{
	uint64_t hash = flow_key_hash(&f->key, 0);
	for (unsigned i = 0; i < OVER_MAX && i < c->n_over; i++)
		if (c->over[i].hash == hash)
			return &c->over[i];
	return NULL;
}

static void scan_flow(const struct flow *flow, void *arg)
{
	struct sync_conn *c = arg;
	struct flow f = *flow;
	bool of_peer, known, meant = false, at_once = conn_ends_at_once(flow);
	if (conn_is_over(flow))
		c->over[c->n_over++ % OVER_MAX] =
			(struct over){ flow_key_hash(&flow->key, 0), flow->timeout_s > CONN_OVER_S };
	if (conn_is_over(flow) || (!at_once && flow->timeout_s <= CONN_OVER_S))
		return; /* on its way out; a record about one that has gone would make it anew */
	const struct over *hidden = at_once ? hides(c, flow) : NULL;
	if (hidden && hidden->spoken)
		return;
	known = sync_kernel_known(c->kernel, &f, &of_peer);
	for (struct kill *k = c->kills; k; k = k->next) {
		if (!is_meant(k, &f, known))
			continue;
		k->slow |= !at_once || hidden != NULL;
		meant = true;
	}
	if (meant && !hidden)
		end_one(c, &f);
}

/* Each once, in order. Returns how many. */
static size_t tidy(hashes *h)
{
	size_t kept = 0;
	if (h->n)
		qsort(h->v, h->n, sizeof(*h->v), hash_cmp);
	for (size_t i = 0; i < h->n; i++)
		if (kept == 0 || h->v[kept - 1] != h->v[i])
			h->v[kept++] = h->v[i];
	h->n = kept;
	return kept;
}

/* One pass is over for k. Frees it when it was the last. */
static void pass_over(struct sync_conn *c, struct kill *k, int err, uint64_t given)
{
	k->in_scan = false;
	k->found = tidy(&k->now);
	if (!k->passes++) {
		k->first = k->now;
		k->now = (hashes){ 0 };
	}
	lb_vec_clear(&k->now);
	if (err && !k->err)
		k->err = err;
	if (k->found > k->most)
		k->most = k->found;
	bool sure = !k->cut || k->passes > 1 || given <= SMALL;
	if (k->err || k->passes == PASSES_MAX || (!k->found && sure)) {
		kill_over(c, k);
		return;
	}
	k->due = lb_time_add_ms(lb_clock_now(), k->found && k->slow ? LATER_MS : SOON_MS * k->passes);
}

static void scan_done(int err, uint64_t given, uint64_t refused, void *arg)
{
	struct sync_conn *c = arg;
	(void)refused;
	c->scan = NULL;
	for (struct kill *k = c->kills, *next; k; k = next) {
		next = k->next;
		if (k->in_scan)
			pass_over(c, k, err, given);
	}
	arm(c);
}

/* A second look is of use only when the kernel has taken what the first has given it. Where the peer has much to tell
 * it may never have taken all. */
static bool waits_for_kernel(struct sync_conn *c, struct lb_time now)
{
	bool again = false;
	for (const struct kill *k = c->kills; k; k = k->next)
		again |= k->passes && lb_time_cmp(now, k->due) >= 0;
	return again && sync_kernel_ending(c->kernel) && c->waited++ < WAITS_MAX;
}

static void on_due(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)events;
	struct sync_conn *c = ev->data;
	struct lb_time now = lb_clock_now();
	int err = readers[END_READER] < 0 ? readers[END_READER] : 0;
	bool any = false;
	if (waits_for_kernel(c, now)) {
		ev_now_update(loop);
		ev_timer_set(ev, SOON_MS / 1e3, 0.0);
		ev_timer_start(loop, ev);
		return;
	}
	c->waited = 0;
	for (struct kill *k = c->kills; k; k = k->next) {
		k->in_scan = lb_time_cmp(now, k->due) >= 0;
		any |= k->in_scan;
	}
	c->n_over = 0;
	if (any && !err)
		c->scan = conn_read_start(c->loop, readers[END_READER], scan_flow, scan_done, c, &err);
	if (any && !c->scan)
		scan_done(err, 0, 0, c);
	else
		arm(c);
}

static struct kill *kill_of(const struct sync_conn *c, uint32_t id)
{
	struct kill *k = c->kills;
	while (k && k->id != id)
		k = k->next;
	return k;
}

static int kill_start(struct sync_conn *c, struct conn_ask *ask, struct lb_time now)
{
	struct kill *k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->id = ask->id;
	k->cut = ask->cut;
	k->filter = ask->filter;
	ask->filter.v = NULL;
	k->due = now;
	k->next = c->kills;
	c->kills = k;
	arm(c);
	return 0;
}

void sync_conn_turn(struct sync_conn *c)
{
	size_t done = 0;
	while (done < c->held.n) {
		int err = sync_kernel_end(c->kernel, &c->held.v[done], lb_clock_now());
		if (err == -EAGAIN)
			break;
		if (err)
			set_error(c, err);
		done++;
	}
	if (!done)
		return;
	memmove(c->held.v, c->held.v + done, (c->held.n - done) * sizeof(*c->held.v));
	c->held.n -= done;
	if (!c->held.n && c->scan)
		conn_read_resume(c->scan);
}

/* ---- all ---- */

int sync_conn_take(struct sync_conn *c, struct sync_room_msg *m, struct lb_time now)
{
	struct list *l;
	struct kill *k;
	switch (m->type) {
	case SYNC_MSG_CONN_LIST: return list_of(c, m->u.conn_ask.id) ? -EPROTO : list_start(c, &m->u.conn_ask);
	case SYNC_MSG_CONN_KILL: return kill_start(c, &m->u.conn_ask, now);
	case SYNC_MSG_CONN_MORE:
		l = list_of(c, m->u.conn_id); /* none: it ended meanwhile */
		if (l && l->waits)
			list_more(l);
		return 0;
	case SYNC_MSG_CONN_STOP:
		l = list_of(c, m->u.conn_id);
		k = kill_of(c, m->u.conn_id);
		if (l)
			list_free(l);
		if (k)
			kill_free(c, k);
		return 0;
	case SYNC_MSG_HELLO:
	case SYNC_MSG_SET:
	case SYNC_MSG_DO:
	case SYNC_MSG_MULTICAST:
	case SYNC_MSG_LOG:
	case SYNC_MSG_PING:
	case SYNC_MSG_READY:
	case SYNC_MSG_STATE:
	case SYNC_MSG_TALK_OUT:
	case SYNC_MSG_TALK_LINK:
	case SYNC_MSG_TALK_IN:
	case SYNC_MSG_STATS:
	case SYNC_MSG_PONG:
	case SYNC_MSG_CONN_ROWS:
	case SYNC_MSG_CONN_END:
	case SYNC_MSG_LOOK_WAYS:
	case SYNC_MSG_LOOK_WANT:
	case SYNC_MSG_LOOK_END: break;
	}
	return -EPROTO;
}

struct sync_conn *sync_conn_new(struct ev_loop *loop, struct sync_kernel *kernel, sync_conn_say_fn *say, void *arg)
{
	struct sync_conn *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	*c = (struct sync_conn){ .loop = loop, .kernel = kernel, .say = say, .arg = arg };
	ev_timer_init(&c->due, on_due, 0.0, 0.0);
	c->due.data = c;
	return c;
}

void sync_conn_free(struct sync_conn *c)
{
	if (!c)
		return;
	for (struct list *l = c->lists, *next; l; l = next) {
		next = l->next;
		list_free(l);
	}
	for (struct kill *k = c->kills, *next; k; k = next) {
		next = k->next;
		kill_free(c, k);
	}
	conn_read_stop(c->scan);
	ev_timer_stop(c->loop, &c->due);
	lb_vec_done(&c->held);
	free(c);
}
