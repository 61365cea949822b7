/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_look_io.h"

#include "common/clock_io.h"
#include "common/log_io.h"
#include "common/sort.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MIN_MS 5000
#define PAUSE_TIMES  4 /* of what the last one took: reading a large table costs the kernel much (conn_read_io.h) */

#define READS_MAX 3 /* where the table changes so fast that one may have missed something */

static int readers[2] = { -EBADF, -EBADF };

void sync_look_prepare(void)
{
	for (unsigned i = 0; i < 2; i++)
		readers[i] = conn_read_open_origin();
}

/* ---- what is found ---- */

static void on_flow(const struct flow *flow, void *arg)
{
	struct sync_look *l = arg;
	struct flow f = *flow;
	switch (conn_look_fill(l->ways.v, l->ways.n, &f)) {
	case CONN_LOOK_ENDING:
	case CONN_LOOK_FOREIGN: return;
	case CONN_LOOK_UNSURE: l->now.unsure++; return;
	case CONN_LOOK_TOLD: break;
	}
	bool of_peer = flow->flags & IPVS_CONN_SYNCED;
	if (sync_kernel_saw(l->kernel, &f, of_peer, lb_clock_now()) != CONN_SAW_NEW)
		return;
	l->now.found++;
	if (of_peer)
		l->theirs(l->arg);
}

static void forget_ways(struct sync_look *l)
{
	free(l->ways.v);
	l->ways = (struct conn_ways){ .id = 0 };
	l->room = 0;
	l->in_order = false;
}

static void arm(struct sync_look *l)
{
	ev_timer_stop(l->loop, &l->due);
	if (!l->wanted || l->asked || l->read)
		return;
	double after = (double)lb_time_diff_us(l->next_at, lb_clock_now()) / 1e6;
	ev_now_update(l->loop);
	ev_timer_set(&l->due, after > 0.0 ? after : 0.0, 0.0);
	ev_timer_start(l->loop, &l->due);
}

static void on_due(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)loop, (void)events;
	struct sync_look *l = ev->data;
	l->asked = true;
	l->want(l->arg);
}

/* Two readers see each row, one after the other. */
static uint64_t once(uint64_t n)
{
	return (n + 1) / 2;
}

static void on_done(const struct conn_read_end *end, void *arg);

static int start(struct sync_look *l)
{
	int err = readers[0] < 0 ? readers[0] : readers[1] < 0 ? readers[1] : 0;
	l->now.unsure = 0;
	l->reads++;
	l->read = err ? NULL : conn_read_start(l->loop, readers, l->kernel->seed, on_flow, on_done, l, &err);
	return l->read ? 0 : err;
}

static void on_done(const struct conn_read_end *end, void *arg)
{
	struct sync_look *l = arg;
	struct lb_time now = lb_clock_now();
	int64_t pause_ms = PAUSE_TIMES * lb_time_diff_us(now, l->began) / 1000;
	int err = end->err;
	l->read = NULL; /* it has freed itself */
	if (!err && !end->whole && l->reads < READS_MAX && start(l) == 0)
		return;
	l->now.err = (uint32_t)-err;
	l->now.unsure = once(l->now.unsure);
	l->unsure = l->now.unsure;
	l->next_at = lb_time_add_ms(now, pause_ms > PAUSE_MIN_MS ? pause_ms : PAUSE_MIN_MS);
	forget_ways(l);
	if (err)
		lb_log(LB_LOG_WARNING, "look: the kernel's connections cannot be read: %s", strerror(-err));
	else
		lb_log(l->now.found || l->now.unsure ? LB_LOG_NOTICE : LB_LOG_DEBUG,
			"look: %llu of the kernel's %llu connections were not known, and %llu left out whose way is "
			"not",
			(unsigned long long)l->now.found, (unsigned long long)once(end->given),
			(unsigned long long)l->now.unsure);
	arm(l);
	l->ended(&l->now, l->arg);
}

/* ---- it begins ---- */

static int compare(const void *a, const void *b)
{
	return conn_way_cmp(a, b);
}

static void begin(struct sync_look *l)
{
	l->wanted = l->asked = false;
	l->reads = 0;
	l->began = lb_clock_now();
	lb_sort(l->ways.v, l->ways.n, sizeof(*l->ways.v), compare);
	int err = start(l);
	if (err)
		on_done(&(struct conn_read_end){ .err = err }, l);
}

static int add(struct sync_look *l, const struct conn_ways *more)
{
	size_t n = (size_t)l->ways.n + more->n;
	if (n > l->room) {
		size_t room = n > 2 * l->room ? n : 2 * l->room;
		struct conn_way *v = realloc(l->ways.v, room * sizeof(*v));
		if (!v)
			return -ENOMEM;
		l->ways.v = v;
		l->room = room;
	}
	if (more->n)
		memcpy(l->ways.v + l->ways.n, more->v, more->n * sizeof(*more->v));
	l->ways.n = (uint32_t)n;
	return 0;
}

int sync_look_ways(struct sync_look *l, struct conn_ways *ways)
{
	if (ways->first) {
		conn_read_stop(l->read);
		l->read = NULL;
		forget_ways(l);
		l->now = (struct conn_looked){ .id = ways->id };
		l->in_order = true;
	}
	if (!l->in_order)
		return -EPROTO;
	int err = add(l, ways);
	if (!err && ways->last)
		begin(l);
	return err;
}

void sync_look_want(struct sync_look *l)
{
	l->wanted = true;
	arm(l);
}

bool sync_look_busy(const struct sync_look *l)
{
	return l->wanted || l->read;
}

void sync_look_open(struct sync_look *l, struct ev_loop *loop)
{
	l->loop = loop;
	ev_timer_init(&l->due, on_due, 0.0, 0.0);
	l->due.data = l;
}

void sync_look_close(struct sync_look *l)
{
	if (!l->loop)
		return;
	ev_timer_stop(l->loop, &l->due);
	conn_read_stop(l->read);
	l->read = NULL;
	forget_ways(l);
}
