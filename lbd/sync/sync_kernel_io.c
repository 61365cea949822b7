/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_kernel_io.h"

#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/sync/conn_look.h"
#include "lbd/sync/conn_over.h"
#include "lbd/sync/sync_copy.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_S         2.0
#define EXPIRE_PER_TURN 2000u
#define INJECT_PER_TURN 2000u
#define LOOK_PER_TURN   20000u
#define LATE_US         3000000
#define WANTED_US       60000000 /* the kernel's side is not started and stopped for each of some commands */
/* Two ids of the kernel's daemons on this host; nothing of them leaves it. Never that of a foreign daemon, which has
 * the cluster's. */
#define OTHER_ID(id, n) ((uint8_t)(((id) + (n)) % 255 + 1))

static void trouble(struct sync_kernel *f, const char *text)
{
	if (strcmp(f->trouble, text) == 0)
		return;
	snprintf(f->trouble, sizeof(f->trouble), "%s", text);
	f->troubled(f->arg);
}

/* ---- from the kernel ---- */

static bool copies(const struct sync_kernel *f)
{
	return f->conf && f->conf->n_paths && f->conf->ipvs;
}

static bool copied(const struct sync_kernel *f, const struct flow *flow)
{
	return copies(f) && sync_copied(f->conf, flow);
}

/* The kernel says what it knew up to two seconds ago: what was ended since is not brought back to life by it. */
static bool is_late(const struct sync_kernel *f, const struct flow *flow, struct lb_time now)
{
	struct flow known;
	const struct flow_entry *e = flow_table_find(f->table, &flow->key);
	if (!e || lb_time_diff_us(now, e->put_at) > LATE_US)
		return false;
	flow_entry_get(e, &known);
	return conn_was_ended(&known) && !conn_was_ended(flow);
}

static void on_flow(const struct flow *flow, void *arg)
{
	struct sync_kernel *f = arg;
	struct lb_time now = lb_clock_now();
	if (!copied(f, flow)) {
		f->foreign++;
		return;
	}
	/* with a packet of its client the kernel tells of our own record: the peer was told by sync_kernel_end, or is
	 * not to be */
	if (conn_is_record(flow) || is_late(f, flow, now))
		return;
	int err = flow_table_put(f->table, flow, FLOW_LOCAL, now, NULL);
	if (err == -ENOSPC)
		f->full++;
	else if (err)
		f->refused++;
	else
		f->changed(f->arg);
}

/* What the kernel says again with the next packet of each flow is not lost for good; for what is idle there is a look.
 */
static void on_lost(uint64_t datagrams, void *arg)
{
	struct sync_kernel *f = arg;
	f->lost += datagrams;
	lb_log(LB_LOG_WARNING, "tap: %llu messages of the kernel were lost (net.core.rmem_max may be too small)",
		(unsigned long long)datagrams);
	f->look(f->arg);
}

enum conn_saw sync_kernel_saw(struct sync_kernel *f, const struct flow *flow, bool of_peer, struct lb_time now)
{
	const struct flow_entry *have = flow_table_find(f->table, &flow->key);
	if (!copies(f) || !sync_copied_seen(f->conf, flow))
		return CONN_SAW_NOTHING;
	if (!conn_look_takes(have, flow, of_peer))
		return CONN_SAW_KNOWN;
	int64_t age_ms = conn_look_age_ms(have, flow);
	int err = flow_table_put_aged(f->table, flow, of_peer ? FLOW_PEER : FLOW_LOCAL, age_ms, now, NULL);
	if (err == -ENOSPC)
		f->full++;
	else if (err)
		f->refused++;
	return err ? CONN_SAW_NOTHING : CONN_SAW_NEW;
}

/* ---- into the kernel ---- */

static void rows_done(struct sync_kernel *f)
{
	flow_cursor_close(&f->of_rows);
	free(f->rows.v);
	f->rows = (struct conn_filter){ .some = true };
}

static void rows_begin(struct sync_kernel *f)
{
	rows_done(f);
	if (!f->later.n)
		return;
	f->rows = f->later;
	f->later = (struct conn_filter){ .some = true };
	flow_cursor_open(&f->of_rows, f->table, 0);
}

static void rows_forget(struct sync_kernel *f)
{
	rows_done(f);
	free(f->later.v);
	f->later = (struct conn_filter){ .some = true };
}

/* From the beginning: a flow that it has is only told again. */
void sync_kernel_again(struct sync_kernel *f)
{
	rows_forget(f);
	flow_cursor_close(&f->to_kernel);
	flow_cursor_open(&f->to_kernel, f->table, 0);
	f->holds = false;
	f->anew = true;
	f->troubled(f->arg);
}

void sync_kernel_rows(struct sync_kernel *f, const struct conn_filter *rows)
{
	uint32_t n = f->later.n + rows->n;
	struct conn_match *all = f->tap && rows->n ? calloc(n, sizeof(*all)) : NULL;
	if (!all) {
		if (f->tap && rows->n) /* no memory for a choice */
			sync_kernel_again(f);
		return;
	}
	if (f->later.n)
		memcpy(all, f->later.v, f->later.n * sizeof(*all));
	memcpy(all + f->later.n, rows->v, rows->n * sizeof(*all));
	free(f->later.v);
	f->later = (struct conn_filter){ .some = true, .n = conn_match_sort(all, n), .v = all };
	if (!f->rows.n)
		rows_begin(f);
}

static void on_settled(uint64_t dropped, void *arg)
{
	struct sync_kernel *f = arg;
	f->settling = false;
	f->dropped += dropped;
	if (dropped)
		sync_kernel_again(f);
}

static void on_room(void *arg)
{
	(void)arg; /* the turn ends with sync_kernel_turn */
}

static enum conn_mark mark_of(const struct sync_kernel *f, const struct flow *flow)
{
	return f->conf && sync_marks_listener(f->conf, flow) ? CONN_MARK_LISTENER : CONN_MARK_PACKET;
}

static const struct flow_entry *next_of_rows(struct sync_kernel *f)
{
	if (!f->rows.n)
		return NULL;
	const struct flow_entry *e = flow_cursor_next(&f->of_rows);
	if (e)
		return e;
	rows_begin(f);
	return f->rows.n ? flow_cursor_next(&f->of_rows) : NULL;
}

/* The next one for the kernel; one that expired meanwhile is not brought back to life. False: there is none,
 * or so many were looked at in this turn. */
static bool next_flow(struct sync_kernel *f, unsigned *looked, struct lb_time now)
{
	const struct flow_entry *e;
	for (; !f->holds && *looked < LOOK_PER_TURN && (e = flow_cursor_next(&f->to_kernel)); ++*looked)
		f->holds = e->origin == FLOW_PEER && flow_entry_left(e, now, &f->held);
	for (; !f->holds && *looked < LOOK_PER_TURN && (e = next_of_rows(f)); ++*looked)
		f->holds = e->origin == FLOW_PEER && flow_entry_left(e, now, &f->held) &&
			   conn_filter_takes(&f->rows, &f->held, mark_of(f, &f->held));
	return f->holds;
}

bool sync_kernel_turn(struct sync_kernel *f)
{
	struct lb_time now = lb_clock_now();
	unsigned looked = 0;
	for (unsigned n = 0; f->tap && n < INJECT_PER_TURN; n++) {
		if (!next_flow(f, &looked, now))
			return f->to_kernel.at || f->rows.n;
		int err = ipvs_tap_put(f->tap, &f->held);
		if (err == -EAGAIN)
			return false; /* it says when there is room */
		f->holds = false;
		f->settling |= err == 0;
		if (err)
			f->refused++;
		else
			f->injected++;
	}
	return f->tap != NULL;
}

bool sync_kernel_settled(const struct sync_kernel *f)
{
	return !copies(f) || (f->tap && !f->holds && !f->settling && !f->to_kernel.at && !f->rows.n);
}

int sync_kernel_peer(struct sync_kernel *f, const struct flow *flow, struct lb_time now)
{
	int err = flow_table_put(f->table, flow, FLOW_PEER, now, NULL);
	if (err == -ENOSPC)
		f->full++;
	else if (err == -EINVAL)
		f->refused++;
	return err;
}

/* ---- ends ---- */

enum conn_mark sync_kernel_known(const struct sync_kernel *f, struct flow *flow, bool *of_peer)
{
	struct flow known;
	const struct flow_entry *e = flow_table_find(f->table, &flow->key);
	*of_peer = e && e->origin == FLOW_PEER;
	if (!e)
		return CONN_MARK_UNKNOWN;
	flow_entry_get(e, &known);
	flow->flags = known.flags;
	flow->fwmark = known.fwmark;
	return mark_of(f, flow);
}

/* What only this node has ended is not told again as a connection that there is. That of the peer goes on there: it
 * stays known, and gets back into the kernel with its row. */
static void forget_own(struct sync_kernel *f, const struct flow *flow)
{
	const struct flow_entry *e = flow_table_find(f->table, &flow->key);
	if (e && e->origin == FLOW_LOCAL)
		(void)flow_table_drop(f->table, &flow->key);
}

int sync_kernel_end(struct sync_kernel *f, const struct flow *flow, bool tells, struct lb_time now)
{
	struct flow over;
	if (!f->tap || f->trouble[0])
		return -ENOTCONN;
	conn_over(flow, &over);
	int err = ipvs_tap_put(f->tap, &over);
	if (err)
		return err;
	f->ended++;
	f->settling = true;
	if (!tells)
		forget_own(f, flow);
	if (!tells || !copied(f, flow))
		return 0;
	over.timeout_s = conn_ends_at_once(flow) ? CONN_OVER_PEER_S : CONN_OVER_TOLD_S;
	if (flow_table_put(f->table, &over, FLOW_LOCAL, now, NULL) == 0)
		f->changed(f->arg);
	return 0;
}

/* The kernel has room for one daemon of each role. One of ours in the role that is free now would be in the way of
 * those of sync.multicast with the next change of roles. */
const char *sync_kernel_why(const struct sync_kernel *f)
{
	if (f->conf && f->conf->multicast)
		return "with sync.multicast no connection can be ended: it takes the kernel's sync daemons, of which "
		       "lbd "
		       "would need both";
	return f->trouble;
}

bool sync_kernel_ending(const struct sync_kernel *f)
{
	return f->tap && !f->trouble[0] && f->settling;
}

/* ---- the kernel's side comes and goes ---- */

static void on_broken(const char *why, void *arg)
{
	struct sync_kernel *f = arg;
	trouble(f, why);
	lb_log(LB_LOG_WARNING, "the kernel's synchronisation: %s", why);
	ev_timer_stop(f->loop, &f->retry);
	ev_timer_set(&f->retry, 0.0, RETRY_S);
	ev_timer_start(f->loop, &f->retry);
}

static void start(struct sync_kernel *f)
{
	const struct ipvs_tap_conf conf = {
		.tap_id = OTHER_ID(f->cluster, 0),
		.inject_id = OTHER_ID(f->cluster, 1),
		.flow = on_flow,
		.lost = on_lost,
		.room = on_room,
		.settled = on_settled,
		.broken = on_broken,
		.alive = f->alive,
		.arg = f,
	};
	struct lb_err e;
	f->clear = false;
	f->tap = ipvs_tap_start(f->loop, &conf, &e);
	if (!f->tap) {
		trouble(f, e.text);
		return;
	}
	trouble(f, "");
	f->settling = false; /* what another one was given is not asked for */
	sync_kernel_again(f);
	if (copies(f))
		f->look(f->arg);
}

static bool needed(const struct sync_kernel *f)
{
	return copies(f) || (f->conf && f->wanted && !f->conf->multicast);
}

/* A tap that broke is let go of here and not in its own callback. */
static void on_retry(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)events;
	struct sync_kernel *f = ev->data;
	if (f->tap && f->trouble[0]) {
		ipvs_tap_leave(f->tap);
		f->tap = NULL;
	}
	if (!f->tap && needed(f))
		start(f);
	if (f->tap)
		ev_timer_stop(loop, ev);
}

/* Also of what was there before this process: it is in the way of others, and of the kernel's own synchronisation. */
static void clear(struct sync_kernel *f)
{
	struct lb_err e;
	int failed = f->tap ? ipvs_tap_stop(f->tap, &e) : f->clear ? 0 : ipvs_tap_clear(&e);
	if (failed)
		lb_log(LB_LOG_WARNING, "%s", e.text);
	f->clear = !failed;
	f->tap = NULL;
}

/* Nothing is copied any more, or ended. What the peer told stays known, should that change again. */
static void stop(struct sync_kernel *f)
{
	ev_timer_stop(f->loop, &f->retry);
	clear(f);
	f->settling = false;
	trouble(f, "");
}

/* While it runs the kernel takes no backend of another family than its service, and nobody else's daemons. */
static void look_whether_wanted(struct sync_kernel *f, struct lb_time now)
{
	if (!f->wanted || lb_time_diff_us(now, f->wanted_at) < WANTED_US)
		return;
	f->wanted = false;
	if (!needed(f))
		stop(f);
}

static void on_age(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)loop, (void)events;
	struct sync_kernel *f = ev->data;
	struct lb_time now = lb_clock_now();
	struct lb_err e;
	while (flow_table_expire(f->table, now, EXPIRE_PER_TURN) == EXPIRE_PER_TURN &&
		lb_time_diff_us(lb_clock_now(), now) < 20000) {
	}
	look_whether_wanted(f, now);
	if (f->tap && !f->trouble[0] && ipvs_tap_check(f->tap, &e))
		on_broken(e.text, f);
}

int sync_kernel_open(struct sync_kernel *f, struct ev_loop *loop, uint64_t seed)
{
	f->loop = loop;
	f->seed = seed;
	f->table = flow_table_new(seed, SYNC_FLOWS_MAX);
	if (!f->table)
		return -ENOMEM;
	flow_cursor_open(&f->to_kernel, f->table, 0);
	f->retry.data = f->age.data = f;
	ev_timer_init(&f->retry, on_retry, RETRY_S, RETRY_S);
	ev_timer_init(&f->age, on_age, 1.0, 1.0);
	ev_timer_start(loop, &f->age);
	return 0;
}

static void start_if_needed(struct sync_kernel *f)
{
	bool needs = needed(f);
	if (!needs)
		stop(f);
	if (!needs || f->tap)
		return;
	f->cluster = f->conf->cluster;
	start(f);
	if (!f->tap) {
		ev_timer_set(&f->retry, RETRY_S, RETRY_S);
		ev_timer_start(f->loop, &f->retry);
	}
}

void sync_kernel_conf(struct sync_kernel *f, const struct sync_conf *conf)
{
	const struct sync_conf *old = f->conf;
	bool other = f->tap && old && (!sync_conf_same_ipvs(old, conf) || old->ways != conf->ways);
	f->conf = conf;
	start_if_needed(f);
	if (other && copies(f)) /* what is copied from now on and says nothing is found by nobody else */
		f->look(f->arg);
}

void sync_kernel_want(struct sync_kernel *f)
{
	f->wanted_at = lb_clock_now();
	if (f->wanted) /* it runs, or is tried again now and then */
		return;
	f->wanted = true;
	start_if_needed(f);
}

void sync_kernel_close(struct sync_kernel *f, bool orderly)
{
	if (f->loop) {
		ev_timer_stop(f->loop, &f->retry);
		ev_timer_stop(f->loop, &f->age);
	}
	if (orderly)
		clear(f);
	else
		ipvs_tap_leave(f->tap);
	f->tap = NULL;
	flow_cursor_close(&f->to_kernel);
	rows_forget(f);
	flow_table_free(f->table);
	f->table = NULL;
}
