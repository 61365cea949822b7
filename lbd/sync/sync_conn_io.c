/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_conn_io.h"

#include "common/clock_io.h"
#include "common/vec.h"
#include "lbd/sync/conn_kill.h"
#include "lbd/sync/conn_read_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH     128u /* rows in a message */
#define WAIT_MS   200  /* for the kernel to take what it was given */
#define WAITS_MAX 10

_Static_assert(BATCH <= CONN_ROWS_MAX, "the core takes it");

/* From before the filter: one per list, the last two for ends. A descriptor, or -errno. */
#define READERS (SYNC_CONN_LISTS + 2)
static int readers[READERS];
static const int *const end_readers = readers + SYNC_CONN_LISTS;

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

struct held {
	struct flow flow;
	bool tells;
};

struct kill {
	struct kill *next;
	struct conn_kill k;
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
	struct conn_pass pass;
	LB_VEC(struct held) held; /* to be ended, and the kernel had no room */
	ev_timer due;
	unsigned waited;
};

void sync_conn_prepare(void)
{
	for (unsigned i = 0; i < READERS; i++)
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
	bool of_peer;
	enum conn_mark mark = sync_kernel_known(l->all->kernel, &f, &of_peer);
	if (!conn_filter_takes(&l->filter, &f, mark))
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

static void list_done(const struct conn_read_end *read, void *arg)
{
	struct list *l = arg;
	struct sync_conn *c = l->all;
	struct conn_end end = { .id = l->id, .err = (uint32_t)-read->err, .seen = l->seen };
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
		const int fds[] = { readers[reader], -1 };
		l->read = conn_read_start(c->loop, fds, c->kernel->seed, list_flow, list_done, l, &err);
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
	conn_kill_done(&k->k);
	free(k);
}

static void kill_over(struct sync_conn *c, struct kill *k, struct conn_end *end)
{
	if (end->err == ENOTCONN)
		snprintf(end->text, sizeof(end->text), "%s", sync_kernel_why(c->kernel));
	kill_free(c, k);
	say_end(c, end);
}

static void arm(struct sync_conn *c)
{
	struct lb_time next = LB_TIME_NEVER;
	ev_timer_stop(c->loop, &c->due);
	if (c->scan)
		return;
	for (const struct kill *k = c->kills; k; k = k->next)
		next = lb_time_min(next, k->k.due);
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
		if (k->k.in_pass)
			conn_kill_fail(&k->k, err);
}

/* Where the kernel has no room it is kept, and so is what comes behind it. The kernel's side is started for the first
 * flow that is really there, not for the question: with it the kernel takes no backend of another family than its
 * service. */
static void end_one(struct sync_conn *c, const struct flow *f, bool tells)
{
	sync_kernel_want(c->kernel);
	int err = c->held.n ? -EAGAIN : sync_kernel_end(c->kernel, f, tells, lb_clock_now());
	if (err == -EAGAIN) {
		struct held *place = lb_vec_push(&c->held);
		if (place)
			*place = (struct held){ *f, tells };
		else
			set_error(c, -ENOMEM);
		conn_read_hold(c->scan);
	} else if (err) {
		set_error(c, err);
	}
}

static void scan_flow(const struct flow *flow, void *arg)
{
	struct sync_conn *c = arg;
	struct flow f = *flow;
	bool of_peer, ends = false, tells = false;
	enum conn_mark mark = sync_kernel_known(c->kernel, &f, &of_peer);
	enum conn_sight sight = conn_pass_row(&c->pass, flow);
	for (struct kill *k = c->kills; k; k = k->next) {
		if (!k->k.in_pass || !conn_kill_row(&k->k, &f, mark, sight))
			continue;
		ends = true;
		tells |= conn_kill_tells(&k->k);
	}
	if (ends)
		end_one(c, &f, tells);
}

static void scan_done(const struct conn_read_end *read, void *arg)
{
	struct sync_conn *c = arg;
	struct lb_time now = lb_clock_now();
	c->scan = NULL;
	if (read->err)
		set_error(c, read->err);
	for (struct kill *k = c->kills, *next; k; k = next) {
		struct conn_end end;
		next = k->next;
		if (k->k.in_pass && conn_kill_passed(&k->k, read->whole, now, &end))
			kill_over(c, k, &end);
	}
	arm(c);
}

/* A second look is of use only when the kernel has taken what the first has given it. Where the peer has much to tell
 * it may never have taken all. */
static bool waits_for_kernel(struct sync_conn *c, struct lb_time now)
{
	bool again = false;
	for (const struct kill *k = c->kills; k; k = k->next)
		again |= conn_kill_told(&k->k) && lb_time_cmp(now, k->k.due) >= 0;
	return again && sync_kernel_ending(c->kernel) && c->waited++ < WAITS_MAX;
}

static void on_due(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)events;
	struct sync_conn *c = ev->data;
	struct lb_time now = lb_clock_now();
	struct conn_read_end none = { .err = end_readers[0] < 0   ? end_readers[0]
					     : end_readers[1] < 0 ? end_readers[1]
								  : 0 };
	bool any = false;
	if (waits_for_kernel(c, now)) {
		ev_now_update(loop);
		ev_timer_set(ev, WAIT_MS / 1e3, 0.0);
		ev_timer_start(loop, ev);
		return;
	}
	c->waited = 0;
	for (struct kill *k = c->kills; k; k = k->next) {
		k->k.in_pass = lb_time_cmp(now, k->k.due) >= 0;
		if (k->k.in_pass)
			conn_kill_pass(&k->k);
		any |= k->k.in_pass;
	}
	c->pass = (struct conn_pass){ .seed = c->kernel->seed };
	if (any && !none.err)
		c->scan = conn_read_start(c->loop, end_readers, c->kernel->seed, scan_flow, scan_done, c, &none.err);
	if (any && !c->scan)
		scan_done(&none, c);
	else
		arm(c);
}

static struct kill *kill_of(const struct sync_conn *c, uint32_t id)
{
	struct kill *k = c->kills;
	while (k && k->k.id != id)
		k = k->next;
	return k;
}

static int kill_start(struct sync_conn *c, struct conn_ask *ask, struct lb_time now)
{
	struct kill *k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	conn_kill_init(&k->k, ask, c->kernel->seed, now);
	k->next = c->kills;
	c->kills = k;
	arm(c);
	return 0;
}

void sync_conn_turn(struct sync_conn *c)
{
	size_t done = 0;
	while (done < c->held.n) {
		const struct held *h = &c->held.v[done];
		int err = sync_kernel_end(c->kernel, &h->flow, h->tells, lb_clock_now());
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
	case SYNC_MSG_CONN_BIND:
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
