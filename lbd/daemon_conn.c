/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single connections, in the room of flow state (daemon_sync.c), which is started for them when it is not there: what
 * commands ask, and the flows of backends that have left the kernel's table.
 *
 *   a destination is deleted, the kernel has said so -> is it a cut? -> conn.kill -> conn.end, one line in the log
 *
 * Whose flows are ended: model_cut.h. The room ends them by the kernel's sync daemons, which stay for a minute where
 * nothing is copied; but not while the kernel refuses a backend because of them.
 *
 *   a destination is added, the kernel has said so -> conn.bind: what the other node told of it may be there already
 *   an instance becomes master -> what is cut is cut once more: what the other node has told of it since is there again
 *   the kernel has everything for the first time after a start -> the same: the process before may have had more to do
 *   the other node has told everything anew, after another process or link -> the same on a node that forwards
 */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "common/sort.h"
#include "lbd/ctl/ctl_conn.h"
#include "lbd/daemon_rooms.h"
#include "lbd/model_cut.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STAYS_MS   60000                /* the room, without a use */
#define CUTS_MAX   (CONN_MATCH_MAX / 2) /* in one message: there is room for listeners that are not meant */
#define FLIGHT_MAX 16u                  /* messages about cuts that have no answer yet */
#define RETRY_MS   2000                 /* where ending failed */
#define TRIES_MAX  5u
#define ADDED_MAX  128u /* rows that are looked at together */

/* ---- what is cut ---- */

static void add_cut(const struct conn_match *match, void *arg)
{
	struct daemon_conn *c = arg;
	struct daemon_cut *place = lb_vec_push(&c->cuts);
	if (place)
		place->match = *match;
}

void daemon_conn_deleted(struct daemon *d, const struct ipvs_op *op)
{
	struct conn_match match;
	if (!d->model || d->stopping || !model_cut(d->model, op, &match))
		return;
	add_cut(&match, &d->conn);
}

/* A backup cuts its copies, but the master goes on with these flows and tells of them. Whoever forwards them from now
 * on has no row for them: without this their clients would not hear of it. After a start it is the same: what the
 * process before had still to cut went with it, and its rows had left already. Who is not judged yet has a row by then,
 * which leaves with the verdict. */
static void cut_again(struct daemon *d)
{
	struct daemon_conn *c = &d->conn;
	bool starts = d->converged && !c->begun;
	if ((!c->again && !starts) || c->cuts.n || d->stopping) /* instances of a group come one by one */
		return;
	c->again = false;
	c->begun |= starts;
	if (starts || model_sync_flows(&d->sync.all))
		model_cut_again(d->model, add_cut, c);
}

void daemon_conn_master(struct daemon *d)
{
	d->conn.again = true;
}

/* Of what this node has cut for itself the other one knows what it was told before, and tells it back to a new process
 * of ours, or over a link with another key. A verdict that comes only then finds those flows there, too. */
void daemon_conn_copied(struct daemon *d)
{
	d->conn.again |= model_vrrps_forwards(&d->vrrp.all);
}

static int by_place(const void *x, const void *y)
{
	return model_cut_cmp(x, y);
}

static void call_off(struct daemon *d, size_t i)
{
	struct daemon_conn *c = &d->conn;
	const struct sync_room_msg stop = { .type = SYNC_MSG_CONN_STOP, .u.conn_id = c->cuts.v[i].id };
	if (stop.u.conn_id)
		(void)daemon_sync_ask(d, &stop);
	for (size_t k = 0; k < c->cuts.n && stop.u.conn_id; k++)
		if (c->cuts.v[k].id == stop.u.conn_id)
			c->cuts.v[k].id = 0;
	c->cuts.v[i] = c->cuts.v[--c->cuts.n];
}

/* Rows are back: what they get from now on is not cut. Others of the same message are said anew. */
static void look_at_added(struct daemon *d, struct conn_match *rows, size_t n)
{
	struct daemon_conn *c = &d->conn;
	lb_sort(rows, n, sizeof(*rows), by_place);
	for (size_t i = c->cuts.n; n && i-- > 0;)
		if (model_cut_is_back(&c->cuts.v[i].match, rows, n))
			call_off(d, i);
}

void daemon_conn_added(struct daemon *d, const struct ipvs_op *ops, size_t n, const int *errs)
{
	struct conn_match rows[ADDED_MAX];
	size_t n_rows = 0;
	/* a room that is not there knows of no flow yet: those come when the rows are there */
	bool told = daemon_sync_talking(d) && model_sync_flows(&d->sync.all);
	for (size_t i = 0; i < n && (d->conn.cuts.n || told); i++) {
		if (errs[i] || ops[i].type != IPVS_OP_DEST_ADD)
			continue;
		model_cut_row(&ops[i], &rows[n_rows++]);
		struct conn_match *row = told ? lb_vec_push(&d->conn.rows) : NULL;
		if (row)
			*row = rows[n_rows - 1];
		if (n_rows == ADDED_MAX) {
			look_at_added(d, rows, n_rows);
			n_rows = 0;
		}
	}
	look_at_added(d, rows, n_rows);
}

/* ---- to the room ---- */

bool daemon_conn_wanted(const struct daemon *d)
{
	const struct daemon_conn *c = &d->conn;
	return c->cuts.n || ctl_conns_busy(d->conns) ||
	       (c->used_at.us && lb_time_diff_us(lb_clock_now(), c->used_at) < STAYS_MS * 1000);
}

int daemon_conn_ask(struct daemon *d, const struct sync_room_msg *m)
{
	d->conn.used_at = lb_clock_now();
	return daemon_sync_ask(d, m);
}

static unsigned in_flight(const struct daemon_conn *c)
{
	unsigned n = 0;
	for (size_t i = 0; i < c->cuts.n; i++)
		n += c->cuts.v[i].id && c->cuts.v[i].first;
	return n;
}

static void put_off(struct daemon_conn *c, uint32_t id, struct lb_time now)
{
	for (size_t i = 0; i < c->cuts.n; i++) {
		struct daemon_cut *cut = &c->cuts.v[i];
		if (cut->id != id)
			continue;
		cut->id = 0;
		cut->due = lb_time_add_ms(now, RETRY_MS);
	}
}

/* All that are due, in one message. */
static void send_cuts(struct daemon *d, struct lb_time now)
{
	struct daemon_conn *c = &d->conn;
	struct sync_room_msg m = { .type = SYNC_MSG_CONN_KILL };
	struct conn_filter *f = &m.u.conn_ask.filter;
	uint32_t id = CTL_CONN_ID_MAX + 1 + c->last_id % CTL_CONN_ID_MAX;
	uint32_t room = c->cuts.n < CUTS_MAX ? (uint32_t)c->cuts.n : CUTS_MAX;
	uint32_t all = d->model->n_listeners < CUTS_MAX ? room + d->model->n_listeners : CONN_MATCH_MAX;
	f->v = calloc(all ? all : 1, sizeof(*f->v));
	if (!f->v)
		return;
	f->some = true;
	for (size_t i = 0; i < c->cuts.n && f->n < room; i++) {
		struct daemon_cut *cut = &c->cuts.v[i];
		if (cut->id || lb_time_cmp(now, cut->due) < 0)
			continue;
		cut->id = id;
		cut->first = f->n == 0;
		f->v[f->n++] = cut->match;
	}
	uint32_t n = f->n;
	f->n = model_cut_unmarked(d->model, f->v, conn_match_sort(f->v, f->n), all);
	m.u.conn_ask.id = id;
	m.u.conn_ask.cut = true;
	if (n && daemon_conn_ask(d, &m))
		put_off(c, id, now);
	else if (n)
		c->last_id++;
	free(f->v);
}

/* Those of one change together, as far as they fit: for each message the room looks at all flows that it knows. */
static void send_rows(struct daemon *d)
{
	struct daemon_conn *c = &d->conn;
	struct sync_room_msg m = { .type = SYNC_MSG_CONN_BIND, .u.conn_ask = { .id = 1, .filter.some = true } };
	uint32_t n = c->rows.n < CONN_MATCH_MAX ? (uint32_t)c->rows.n : CONN_MATCH_MAX;
	if (!n || (!d->converged && n < CONN_MATCH_MAX))
		return;
	m.u.conn_ask.filter.v = c->rows.v + c->rows.n - n;
	m.u.conn_ask.filter.n = conn_match_sort(m.u.conn_ask.filter.v, n);
	if (daemon_sync_talking(d) && daemon_sync_ask(d, &m))
		return; /* the next turn tries again */
	c->rows.n -= n;
	if (!c->rows.n)
		lb_vec_done(&c->rows);
}

void daemon_conn_in_the_way(struct daemon *d)
{
	d->conn.in_the_way = worker_exists(&d->sync.worker);
}

/* What stays for the next use would keep a pool empty for so long. The kernel gets that backend when it is tried again,
 * after a second if this is the first time. Where flows are copied the room does not end. */
static void out_of_the_way(struct daemon *d)
{
	struct daemon_conn *c = &d->conn;
	if (!c->in_the_way || c->cuts.n || ctl_conns_busy(d->conns))
		return;
	c->in_the_way = false;
	c->used_at = (struct lb_time){ 0 };
	if (!d->stopping)
		daemon_sync_start(d);
}

void daemon_conn_turn(struct daemon *d)
{
	struct daemon_conn *c = &d->conn;
	send_rows(d);
	cut_again(d);
	bool due = false;
	struct lb_time now = lb_clock_now();
	for (size_t i = 0; i < c->cuts.n && !due; i++)
		due = !c->cuts.v[i].id && lb_time_cmp(now, c->cuts.v[i].due) >= 0;
	if (due && daemon_sync_talking(d)) {
		if (in_flight(c) < FLIGHT_MAX)
			send_cuts(d, now);
	} else if (due) {
		daemon_sync_start(d); /* ready follows */
		if (!worker_exists(&d->sync.worker))
			put_off(c, 0, now);
	}
	ctl_conns_turn(&d->env);
	out_of_the_way(d);
}

/* ---- what it says ---- */

static void forget_cuts(struct daemon_conn *c, uint32_t id)
{
	size_t kept = 0;
	for (size_t i = 0; i < c->cuts.n; i++)
		if (c->cuts.v[i].id != id)
			c->cuts.v[kept++] = c->cuts.v[i];
	c->cuts.n = kept;
	if (!kept)
		lb_vec_done(&c->cuts);
}

/* What could not be ended is tried again, some times. */
static bool again(struct daemon_conn *c, uint32_t id)
{
	bool any = false;
	for (size_t i = 0; i < c->cuts.n; i++) {
		struct daemon_cut *cut = &c->cuts.v[i];
		if (cut->id != id || ++cut->tries >= TRIES_MAX)
			continue;
		cut->id = 0;
		cut->due = lb_time_add_ms(lb_clock_now(), RETRY_MS);
		any = true;
	}
	return any;
}

static void cut_ended(struct daemon *d, const struct conn_end *e)
{
	struct daemon_conn *c = &d->conn;
	char at[CONN_MATCH_STRLEN] = "";
	unsigned n = 0;
	for (size_t i = 0; i < c->cuts.n; i++)
		if (c->cuts.v[i].id == e->id && !n++)
			conn_match_str(&c->cuts.v[i].match, at);
	if (e->ended)
		daemon_event(d,
			&(struct event){
				.id = LB_EVENT_CONN_CUT, .data = json_pack("{s:I}", "ended", (json_int_t)e->ended) },
			"conn: %llu flow%s ended that had lost %s (%s%s)", (unsigned long long)e->ended,
			e->ended == 1 ? "" : "s", n == 1 ? "their backend" : "their backends", at,
			n > 1 ? ", ..." : "");
	if ((e->err || e->left || e->unsure) && !again(c, e->id))
		daemon_event(d, &(struct event){ .id = LB_EVENT_CONN_CUT, .level = LB_LOG_WARNING },
			"conn: flows that should end %s still there (%s%s): %s", e->err || e->left ? "are" : "may be",
			at, n > 1 ? ", ..." : "",
			e->text[0] ? e->text
			: e->err   ? strerror((int)e->err)
			: e->left  ? "something renews them"
				   : "connections come and go too fast to see them all");
	forget_cuts(c, e->id);
}

/* The file was not there when the process began, or it is one of a module that has gone. */
static bool wants_another(const struct daemon *d, const struct conn_end *e)
{
	return (e->err == ENOENT || e->err == EIO) && !e->text[0] && !d->kernel_missing && !d->kernel_retry.us;
}

void daemon_conn_said(struct daemon *d, const struct sync_room_msg *m)
{
	if (m->type == SYNC_MSG_CONN_ROWS) {
		ctl_conns_rows(&d->env, &m->u.conn_rows);
		return;
	}
	const struct conn_end *e = &m->u.conn_end;
	if (e->id > CTL_CONN_ID_MAX)
		cut_ended(d, e);
	else
		ctl_conns_end(&d->env, e);
	if (wants_another(d, e))
		daemon_sync_restart(d, "it began before the kernel had IPVS");
}

void daemon_conn_ready(struct daemon *d)
{
	ctl_conns_ready(&d->env);
	daemon_conn_turn(d);
}

void daemon_conn_lost(struct daemon *d)
{
	ctl_conns_lost(d->conns, "the process that reads connections has ended; try again");
	for (size_t i = 0; i < d->conn.cuts.n; i++)
		d->conn.cuts.v[i].id = 0;
}

void daemon_conn_done(struct daemon *d)
{
	lb_vec_done(&d->conn.rows);
	lb_vec_done(&d->conn.cuts);
}
