/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_ct_io.h"

#include "common/clock_io.h"
#include "common/err.h"
#include "common/log_io.h"
#include "lbd/sync/sync_copy.h"
#include "lbd/sync/sync_link.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOST_MS          5000 /* from the beginning of one look to that of the next, when words were lost */
#define EXPIRE_PER_TURN  2000u
#define BATCHES_PER_TURN 16
#define LOOK_PER_TURN    20000u /* entries of our own table */
#define BACK_MIN_MS      1000
#define BACK_MAX_MS      30000
#define FULL_MS          10000 /* for so long it counts as full behind the last one that found no room */

static void trouble(struct sync_ct *c, const char *text)
{
	if (strcmp(c->trouble, text) == 0)
		return;
	snprintf(c->trouble, sizeof(c->trouble), "%s", text);
	c->troubled(c->arg);
}

static void look_by(struct sync_ct *c, struct lb_time at)
{
	if (lb_time_cmp(at, c->look_at) < 0)
		c->look_at = at;
}

static void seek_by(struct sync_ct *c, struct lb_time at)
{
	look_by(c, at);
	c->wanted = true;
	c->troubled(c->arg);
}

/* What the peer told goes to the kernel in the order of its numbers. */
static bool in_kernel(const struct sync_ct *c, const struct flow_entry *e)
{
	return e->number <= c->to_kernel.after;
}

/* ---- from the kernel ---- */

/* Of what was there before us a process before this one may have told. */
static void put(
	struct sync_ct *c, const struct flow_entry *have, const struct flow *f, int64_t age_ms, struct lb_time now)
{
	assert(f);
	struct flow mine = *f;
	if (age_ms >= CT_OLD_MS || ct_book_was_told(have, &c->reach))
		mine.flags |= CT_TOLD;
	int err = flow_table_put_aged(c->table, &mine, FLOW_LOCAL, age_ms, now, NULL);
	if (err == -ENOSPC)
		c->full++;
	else if (err)
		c->refused++;
	else
		c->changed(c->arg);
}

/* Ends that the other node has not heard of are not to take the room of what there is. */
static bool is_crowded(const struct sync_ct *c)
{
	return flow_table_count(c->table, FLOW_LOCAL) + flow_table_count(c->table, FLOW_PEER) > SYNC_CT_MAX / 4 * 3;
}

static void put_gone(struct sync_ct *c, const struct flow_entry *have, struct lb_time now)
{
	struct flow gone;
	ct_book_gone(have, &gone);
	if (is_crowded(c))
		gone.timeout_s = ct_flow_gone_s(&gone);
	put(c, have, &gone, 0, now);
}

static void act(struct sync_ct *c, enum ct_verdict verdict, const struct flow_entry *have, const struct flow *f,
	struct lb_time now)
{
	struct flow other;
	assert(have || verdict == CT_NOTHING || verdict == CT_LOCAL || verdict == CT_OLD);
	switch (verdict) {
	case CT_NOTHING: return;
	case CT_SAW: flow_table_saw(c->table, have); return;
	case CT_LOCAL: put(c, have, f, 0, now); return;
	case CT_OLD: put(c, have, f, CT_OLD_MS, now); return;
	case CT_GO: put_gone(c, have, now); return;
	case CT_FORGET:
		flow_entry_get(have, &other);
		(void)flow_table_drop(c->table, &other.key);
		return;
	case CT_AGAIN:
		flow_entry_get(have, &other);
		int64_t left_s = lb_time_diff_us(have->expires, now) / 1000000;
		other.timeout_s = left_s > 0 ? (uint32_t)left_s : 1;
		(void)flow_table_put(c->table, &other, FLOW_PEER, now, NULL);
		return;
	}
}

static void relax(struct sync_ct *c)
{
	if (c->n_strict)
		ct_io_relax(c->io, c->strict, c->n_strict);
	c->n_strict = 0;
}

/* The connection may go on at the other node, and come back: its windows have moved then. */
static void relax_one(struct sync_ct *c, const struct flow *f)
{
	c->strict[c->n_strict++].flow = *f;
	if (c->n_strict == CT_IO_BATCH)
		relax(c);
}

static bool is_copied(const struct sync_ct *c, const struct flow_entry *e)
{
	struct flow f;
	flow_entry_get(e, &f);
	return sync_copied_ct(c->conf, &f);
}

/* The kernel's word about an end does not tell enough of it. */
static bool stands_apart(
	const struct sync_ct *c, const struct flow_entry *have, const struct flow *f, enum ct_said said)
{
	if (said == CT_SAID_GONE)
		return have && have->origin == FLOW_PEER && !is_copied(c, have);
	return !sync_copied_ct(c->conf, f);
}

/* That it was changed when nobody listened is heard when it is seen. */
static bool was_changed(
	const struct sync_ct *c, const struct flow_entry *have, const struct flow *f, struct lb_time now)
{
	return have && have->number <= c->unheard && ct_book_has_packets(have, f, now);
}

static void on_flow(const struct flow *f, enum ct_said said, bool strict, void *arg)
{
	struct sync_ct *c = arg;
	struct lb_time now = lb_clock_now();
	const struct flow_entry *have = flow_table_find(c->table, &f->key);
	if (said == CT_SAID_THERE && was_changed(c, have, f, now))
		said = CT_SAID_CHANGED;
	if (stands_apart(c, have, f, said)) {
		c->foreign++;
		act(c, ct_book_said_apart(have, said), have, f, now);
		return;
	}
	if (strict)
		relax_one(c, f);
	bool put_there = have && in_kernel(c, have);
	act(c, ct_book_said(have, f, said, put_there, !c->looked, &c->reach, now), have, f, now);
}

static void on_lost(void *arg)
{
	struct sync_ct *c = arg;
	if (c->lost++ == 0)
		lb_log(LB_LOG_WARNING, "conntrack: messages of the kernel were lost: its table is read instead");
	seek_by(c, lb_time_add_ms(c->look_from, LOST_MS));
}

/* ---- a look at all that it has ---- */

static void on_looked(int err, void *arg)
{
	struct sync_ct *c = arg;
	const bool sought = c->seeks;
	c->looking = c->seeks = false;
	if (err) {
		c->wanted |= sought;
		lb_log(LB_LOG_WARNING, "conntrack: the kernel's table cannot be read: %s", strerror(-err));
		look_by(c, lb_time_add_ms(c->look_from, LOST_MS));
		return;
	}
	c->looked = true;
	c->lacks |= c->left_out;
	c->left_out = c->left_since;
	c->looks++;
	c->sweep_until = flow_table_last(c->table);
	flow_cursor_close(&c->sweep);
	flow_cursor_open(&c->sweep, c->table, 0);
	if (sought)
		c->found(c->arg);
	c->troubled(c->arg); /* whether all is settled is to be looked at */
}

static void look(struct sync_ct *c, struct lb_time now)
{
	if (c->looking || c->sweep.table || lb_time_cmp(now, c->look_at) < 0)
		return;
	flow_table_look(c->table);
	c->left_since = false;
	c->look_from = now;
	c->look_at = lb_time_add_ms(now, CT_AUDIT_S * INT64_C(1000));
	int err = ct_io_look(c->io);
	c->looking = err == 0;
	if (err) {
		lb_log(LB_LOG_WARNING, "conntrack: the kernel's table cannot be read: %s", strerror(-err));
		return;
	}
	c->seeks = c->wanted;
	c->wanted = false;
}

static void unseen(struct sync_ct *c, const struct flow_entry *e, struct lb_time now)
{
	const bool copied = is_copied(c, e), heard = e->number > c->unheard, theirs = e->origin == FLOW_PEER;
	const enum ct_missing missing = copied && heard ? CT_MISSING_LOST
					: c->lacks      ? CT_MISSING_LACKING
							: CT_MISSING_ENDED;
	const enum ct_verdict verdict = ct_book_unseen(e, in_kernel(c, e), missing, &c->reach, now);
	c->passed_over |= theirs && !copied;
	c->asks |= theirs && copied && verdict == CT_FORGET;
	act(c, verdict, e, NULL, now);
}

static void swept(struct sync_ct *c)
{
	flow_cursor_close(&c->sweep);
	c->unheard = 0;
	if (c->asks)
		c->missed(c->arg);
	c->lacks = c->asks = false;
}

/* What the look has not seen. True: there is more of it. */
static bool sweep(struct sync_ct *c, struct lb_time now)
{
	const struct flow_entry *e = NULL;
	for (unsigned n = 0; c->sweep.table && n < LOOK_PER_TURN; n++) {
		e = flow_cursor_next(&c->sweep);
		if (!e || e->number > c->sweep_until) {
			swept(c);
			return false;
		}
		if (!flow_table_seen(c->table, e))
			unseen(c, e, now);
	}
	return c->sweep.table != NULL;
}

/* ---- into the kernel ---- */

/* One that ended meanwhile is not brought back to life. */
static bool take_one(struct sync_ct *c, const struct flow_entry *e, struct lb_time now)
{
	const bool again = e->number <= (e->flags & CT_GONE ? c->put_to : c->again_to);
	if (e->origin != FLOW_PEER || (again && !is_copied(c, e)))
		return false;
	return flow_entry_left(e, now, &c->batch[c->n_batch].flow);
}

static void fill_batch(struct sync_ct *c, struct lb_time now)
{
	const struct flow_entry *e;
	for (unsigned n = 0; n < LOOK_PER_TURN && c->n_batch < CT_IO_BATCH && (e = flow_cursor_next(&c->to_kernel));
		n++)
		c->n_batch += take_one(c, e, now);
}

static bool waits(const struct sync_ct *c, struct lb_time now)
{
	return c->again_at.us && lb_time_cmp(now, c->again_at) < 0;
}

/* What stands behind in the queue, changes and ends, needs no room and does not wait: only what is new to the kernel.
 */
static void found_no_room(struct sync_ct *c, struct lb_time now)
{
	c->full_at = now;
	c->left_out = c->left_since = true;
	if (!waits(c, now)) {
		c->back_ms = c->back_ms ? 2 * c->back_ms : BACK_MIN_MS;
		if (c->back_ms > BACK_MAX_MS)
			c->back_ms = BACK_MAX_MS;
		c->again_at = lb_time_add_ms(now, c->back_ms);
	}
	struct lb_time soon = lb_time_add_ms(c->look_from, LOST_MS);
	look_by(c, lb_time_cmp(soon, c->again_at) > 0 ? soon : c->again_at);
}

static void judge_batch(struct sync_ct *c, struct lb_time now)
{
	bool full = false;
	for (unsigned i = 0; i < c->n_batch; i++) {
		if (c->batch[i].err == 0) {
			c->injected++;
		} else if (c->batch[i].full) {
			c->full++;
			full = true;
		} else if (c->refused++ == 0) {
			lb_log(LB_LOG_NOTICE, "conntrack: the kernel refuses an entry of the other node: %s",
				strerror(-c->batch[i].err));
		}
	}
	c->n_batch = 0;
	if (full)
		found_no_room(c, now);
	else if (!waits(c, now))
		c->back_ms = 0;
}

bool sync_ct_turn(struct sync_ct *c)
{
	struct lb_time now = lb_clock_now();
	if (!c->io || c->broken)
		return false;
	relax(c);
	bool more = sweep(c, now);
	for (int n = 0; n < BATCHES_PER_TURN; n++) {
		fill_batch(c, now);
		if (!c->n_batch)
			return more || c->to_kernel.at;
		if (waits(c, now))
			ct_io_update(c->io, c->batch, c->n_batch);
		else
			ct_io_put(c->io, c->batch, c->n_batch);
		judge_batch(c, now);
	}
	return true;
}

bool sync_ct_settled(const struct sync_ct *c)
{
	return !c->conf || (c->io && !c->broken && c->looked && !c->left_out && !c->sweep.table && !c->to_kernel.at);
}

bool sync_ct_seeks(const struct sync_ct *c)
{
	return c->conf && (!c->looked || c->wanted || c->seeks);
}

void sync_ct_reached(struct sync_ct *c, uint64_t sent, uint64_t heard)
{
	if (sent > c->reach.sent)
		c->reach.sent = sent;
	if (heard > c->reach.heard)
		c->reach.heard = heard;
}

/* What has a number above that goes into the kernel. */
static void again_from(struct sync_ct *c, uint64_t after)
{
	flow_cursor_close(&c->to_kernel);
	flow_cursor_open(&c->to_kernel, c->table, after);
	c->again_to = flow_table_last(c->table);
	c->lacks |= c->left_out;
	c->left_out = c->left_since = false;
	c->anew = true;
	seek_by(c, (struct lb_time){ 0 });
}

/* Not what nobody listened to: the first look is to say what has ended. While nobody listens that is all of it, and the
 * start does the rest. */
void sync_ct_again(struct sync_ct *c)
{
	if (!c->io || c->broken)
		return;
	if (c->to_kernel.after > c->put_to)
		c->put_to = c->to_kernel.after;
	again_from(c, c->unheard);
}

bool sync_ct_kernel_full(const struct sync_ct *c, struct lb_time now)
{
	return c->over_max || (c->full_at.us && lb_time_diff_us(now, c->full_at) < FULL_MS * INT64_C(1000));
}

/* ---- from the peer ---- */

/* A translation cannot be changed: an entry with another one goes first. */
static void make_room(struct sync_ct *c, const struct flow_entry *have, const struct flow *f)
{
	struct flow known;
	if (!have || !c->io || f->flags & CT_GONE)
		return;
	flow_entry_get(have, &known);
	if (!ct_flow_same_nat(&known, f))
		(void)ct_io_drop(c->io, &known);
}

static void doubt(struct sync_ct *c, const struct flow_entry *have, struct lb_time now)
{
	struct flow f;
	if (ct_book_doubt(have, now, &f))
		put(c, have, &f, lb_time_diff_us(now, have->put_at) / 1000, now);
}

static bool is_same(const struct flow_entry *e, const struct flow *f)
{
	struct flow known;
	flow_entry_get(e, &known);
	return ct_flow_same(&known, f);
}

/* What this node's configuration does not copy is its own business. */
static bool is_mine_alone(const struct sync_ct *c, const struct flow_entry *have)
{
	return have && have->origin == FLOW_LOCAL && !is_copied(c, have);
}

int sync_ct_peer(struct sync_ct *c, const uint8_t *p, size_t n, const struct sync_in *in, struct lb_time now)
{
	struct flow f;
	struct sync_from from;
	if (sync_ct_read(p, n, &f, &from))
		return -EINVAL;
	if (!c->conf)
		return -EPERM;
	const struct flow_entry *have = flow_table_find(c->table, &f.key);
	const bool copied = sync_copied_ct(c->conf, &f);
	if (!(f.flags & CT_GONE) && !copied) {
		c->passed_over = true;
		if (!ct_book_takes_apart(have))
			return -EPERM;
	}
	if (!sync_in_wants(in, &from) || (f.flags & CT_GONE && is_mine_alone(c, have)))
		return 1;
	if (!(f.flags & CT_GONE) && ct_book_waits(have, from.age_ms, c->unheard, now)) {
		c->asks |= !is_same(have, &f);
		return 1;
	}
	enum ct_belief belief = ct_book_takes(have, &f, sync_is_news(have, &from, now), !c->looked && copied, now);
	if (belief == CT_DOUBTED)
		doubt(c, have, now);
	if (belief != CT_TAKEN)
		return 1;
	make_room(c, have, &f);
	f.timeout_s = ct_book_takes_s(have, &f, from.age_ms, sync_in_knows(in, c->forwards_since));
	int err = flow_table_put(c->table, &f, FLOW_PEER, now, NULL);
	if (err == -ENOSPC)
		c->full++;
	return err;
}

/* ---- it comes and goes ---- */

static void on_broken(const char *why, void *arg)
{
	struct sync_ct *c = arg;
	c->broken = true;
	trouble(c, why);
	lb_log(LB_LOG_WARNING, "conntrack: %s", why);
}

static void stop(struct sync_ct *c)
{
	ct_io_stop(c->io);
	c->io = NULL;
	c->lacks |= c->left_out;
	c->broken = c->looking = c->looked = c->seeks = false;
	c->n_strict = 0;
	flow_cursor_close(&c->sweep);
}

static void start(struct sync_ct *c)
{
	const struct ct_io_conf conf = { .flow = on_flow,
		.lost = on_lost,
		.looked = on_looked,
		.broken = on_broken,
		.arg = c,
		.receive_bytes = c->receive_bytes };
	struct lb_err e;
	c->io = ct_io_start(c->loop, &conf, &e);
	trouble(c, c->io ? "" : e.text);
	c->unheard = c->to_kernel.after > c->put_to ? c->to_kernel.after : c->put_to;
	again_from(c, c->unheard);
}

static void count(struct sync_ct *c)
{
	uint32_t n, max;
	if (ct_io_count(c->io, &n, &max) == 0)
		c->over_max = max && n >= max;
}

/* What has expired goes, or becomes an end that is to be told. False: that was all. */
static bool expire(struct sync_ct *c, struct lb_time now)
{
	const struct flow_entry *e;
	for (unsigned n = 0; n < EXPIRE_PER_TURN; n++) {
		if (!(e = flow_table_due(c->table, now)))
			return flow_table_expire(c->table, now, EXPIRE_PER_TURN); /* of later ones */
		uint64_t number = e->number;
		act(c, ct_book_expired(e, &c->reach), e, NULL, now);
		e = flow_table_due(c->table, now);
		if (e && e->number == number) /* no memory for that */
			act(c, CT_FORGET, e, NULL, now);
	}
	return true;
}

static void on_age(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)loop, (void)events;
	struct sync_ct *c = ev->data;
	struct lb_time now = lb_clock_now();
	if (c->table)
		while (expire(c, now) && lb_time_diff_us(lb_clock_now(), now) < 20000) {
		}
	if (!c->conf)
		return;
	if (c->broken)
		stop(c);
	if (!c->io)
		start(c);
	if (!c->io)
		return;
	look(c, now);
	count(c);
}

void sync_ct_open(struct sync_ct *c, struct ev_loop *loop)
{
	c->loop = loop;
	c->age.data = c;
	ev_timer_init(&c->age, on_age, 1.0, 1.0);
	ev_timer_start(loop, &c->age);
}

static void stop_all(struct sync_ct *c)
{
	stop(c);
	c->conf = NULL;
	c->over_max = c->wanted = c->left_out = false;
	c->full_at = c->again_at = c->forwards_since = (struct lb_time){ 0 };
	flow_cursor_close(&c->to_kernel);
}

int sync_ct_conf(struct sync_ct *c, const struct sync_conf *conf)
{
	if (!conf || !sync_conf_tracks(conf)) {
		stop_all(c);
		trouble(c, "");
		return 0;
	}
	if (!c->table) {
		c->table = flow_table_new(c->seed, SYNC_CT_MAX);
		if (!c->table)
			return -ENOMEM;
	}
	if (c->conf && !sync_conf_same_conntrack(c->conf, conf)) { /* what is copied now was not listened to */
		seek_by(c, (struct lb_time){ 0 });
		if (c->passed_over)
			c->missed(c->arg);
		c->passed_over = false;
	}
	c->conf = conf;
	if (!conf->forwards || !c->forwards_since.us)
		c->forwards_since = conf->forwards ? lb_clock_now() : (struct lb_time){ 0 };
	if (c->io)
		return 0;
	start(c);
	if (c->io)
		look(c, lb_clock_now());
	return 0;
}

void sync_ct_close(struct sync_ct *c)
{
	stop_all(c);
	if (c->loop)
		ev_timer_stop(c->loop, &c->age);
	flow_table_free(c->table);
	c->table = NULL;
}
