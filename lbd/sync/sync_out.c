/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_out.h"

#include "lbd/sync/ct_flow.h"

#include <assert.h>
#include <string.h>

#define RECORD_MICRO INT64_C(1000000)

/* ---- flows as a source ---- */

static void flows_seek(struct sync_source *s, uint64_t after)
{
	struct sync_flow_source *f = (struct sync_flow_source *)s;
	flow_cursor_close(&f->cursor);
	flow_cursor_open(&f->cursor, f->table, after);
}

static bool flows_next(struct sync_source *s, struct lb_time now, struct sync_item *out)
{
	struct sync_flow_source *f = (struct sync_flow_source *)s;
	const struct flow_entry *e = flow_cursor_next(&f->cursor);
	if (!e)
		return false;
	*out = (struct sync_item){ .number = e->number,
		.put_at = e->put_at,
		.theirs = e->origin == FLOW_PEER,
		.gone = lb_time_cmp(e->expires, now) <= 0,
		.what = e };
	return true;
}

static void flows_write(struct sync_source *s, const struct sync_item *item, const struct sync_from *from,
	struct lb_time now, struct lb_writer *w)
{
	const struct flow_entry *e = item->what;
	struct flow f;
	(void)flow_entry_left(e, now, &f);
	((const struct sync_flow_source *)s)->record(w, &f, from);
}

static uint64_t flows_last(const struct sync_source *s)
{
	return flow_table_last(((const struct sync_flow_source *)s)->table);
}

void sync_flow_source_init(struct sync_flow_source *s, struct flow_table *t)
{
	*s = (struct sync_flow_source){
		.source = { flows_seek, flows_next, flows_write, flows_last }, .table = t, .record = sync_flow_write
	};
}

static bool ct_next(struct sync_source *s, struct lb_time now, struct sync_item *out)
{
	if (!flows_next(s, now, out))
		return false;
	const struct flow_entry *e = out->what;
	out->gone |= (e->flags & (CT_DOUBT | CT_GONE)) == CT_DOUBT;
	return true;
}

/* An end is known for long, until it can be told; what it is about ends soon. */
static void write_ct(struct lb_writer *w, const struct flow *f, const struct sync_from *from)
{
	struct flow told = *f;
	told.flags &= CT_FLAGS;
	if (told.flags & CT_GONE)
		told.timeout_s = ct_flow_gone_s(f);
	sync_ct_write(w, &told, from);
}

void sync_ct_source_init(struct sync_flow_source *s, struct flow_table *t)
{
	sync_flow_source_init(s, t);
	s->source.next = ct_next;
	s->record = write_ct;
}

void sync_flow_source_done(struct sync_flow_source *s)
{
	flow_cursor_close(&s->cursor);
}

/* ---- limits ---- */

struct lb_time sync_gate_when(const struct sync_gate *g)
{
	struct lb_time oldest = g->at[g->next];
	return oldest.us ? lb_time_add_ms(oldest, SYNC_GATE_MS) : oldest;
}

bool sync_gate_open(const struct sync_gate *g, struct lb_time now)
{
	return lb_time_cmp(now, sync_gate_when(g)) >= 0;
}

void sync_gate_pass(struct sync_gate *g, struct lb_time now)
{
	g->at[g->next] = now;
	g->next = (g->next + 1) % SYNC_GATE_N;
}

static int64_t tokens_cap(const struct sync_tokens *t)
{
	return t->rate < 10 ? RECORD_MICRO : t->rate * (RECORD_MICRO / 10);
}

void sync_tokens_set(struct sync_tokens *t, uint32_t rate, struct lb_time now)
{
	bool first = t->at.us == 0;
	t->rate = rate > SYNC_TOKENS_MAX ? SYNC_TOKENS_MAX : rate;
	t->at = now;
	if (first || t->micro > tokens_cap(t))
		t->micro = tokens_cap(t);
}

static void tokens_fill(struct sync_tokens *t, struct lb_time now)
{
	int64_t us = lb_time_diff_us(now, t->at);
	if (us <= 0)
		return;
	t->at = now;
	t->micro += (us > 1000000 ? 1000000 : us) * t->rate;
	if (t->micro > tokens_cap(t))
		t->micro = tokens_cap(t);
}

/* How many records may go now. 0: *when there are enough for a batch that is worth a frame. */
static unsigned tokens_ask(struct sync_tokens *t, struct lb_time now, struct lb_time *when)
{
	if (t->rate == 0)
		return SYNC_BATCH_MAX;
	tokens_fill(t, now);
	int64_t want = SYNC_BATCH_MAX * RECORD_MICRO;
	if (want > tokens_cap(t))
		want = tokens_cap(t);
	if (t->micro >= want)
		return (unsigned)(want / RECORD_MICRO);
	*when = (struct lb_time){ now.us + (want - t->micro + t->rate - 1) / t->rate };
	return 0;
}

static void tokens_pay(struct sync_tokens *t, unsigned records)
{
	if (t->rate)
		t->micro -= records * RECORD_MICRO;
}

/* ---- rounds ---- */

static void begin(struct sync_out *o, uint64_t after, struct lb_time now)
{
	o->source->seek(o->source, after);
	o->none_acked = true;
	o->round++;
	o->sent = o->scanned = after;
	o->begin_due = true;
	o->at_end = o->final_due = o->final_said = o->again = o->onward = false;
	o->n_unacked = 0;
	uint64_t last = o->source->last(o->source);
	o->progress = (struct sync_progress){ .rounds = o->progress.rounds + 1,
		.full = after == 0,
		.from = after,
		.at = after,
		.mark = last,
		.started = now };
}

/* Since when the peer has waited for what it has not acknowledged; now: it waits for nothing. */
static struct lb_time waits_since(const struct sync_out *o, struct lb_time now)
{
	struct lb_time since;
	if (o->n_unacked)
		since = o->unacked[o->first].put_at;
	else if (o->scanned != o->source->last(o->source)) /* what comes next is not older than either */
		since = lb_time_cmp(o->behind, o->end_at) < 0 ? o->end_at : o->behind;
	else
		return now;
	if (o->none_acked)
		return o->had_at;
	return lb_time_cmp(since, o->progress.started) < 0 ? o->progress.started : since;
}

static void begin_another(struct sync_out *o, uint64_t after, struct lb_time now)
{
	o->had_at = waits_since(o, now);
	begin(o, after, now);
}

void sync_out_open(struct sync_out *o, uint64_t after, struct lb_time now)
{
	o->on = o->source != NULL;
	o->round = 0;
	o->held = false;
	if (!o->on)
		return;
	if (o->source->last(o->source) <= o->had)
		o->had_at = now;
	begin(o, o->wanted ? 0 : after, now);
}

void sync_out_close(struct sync_out *o, struct lb_time now)
{
	if (o->on) {
		/* behind the last acknowledged one there may be some that were the peer's own */
		o->had = o->n_unacked || o->begin_due ? o->progress.at : o->scanned;
		o->had_at = waits_since(o, now);
	}
	o->on = false;
	o->n_unacked = 0;
}

void sync_out_restart(struct sync_out *o, bool fault, struct lb_time now)
{
	o->wanted |= !fault;
	if (!o->on) /* with the next connection */
		return;
	o->resyncs++;
	if (!fault) {
		begin_another(o, 0, now);
	} else if (sync_gate_open(&o->gate, now)) {
		sync_gate_pass(&o->gate, now);
		begin_another(o, 0, now);
	} else {
		o->again = true;
	}
}

void sync_out_onward(struct sync_out *o)
{
	if (!o->on || !o->final_said) /* it comes before FINAL */
		return;
	o->onward = true;
	o->progress.complete = false;
}

void sync_out_found(struct sync_out *o)
{
	if (o->source)
		o->base = o->source->last(o->source);
}

void sync_out_asked(struct sync_out *o, uint32_t round, bool fault, struct lb_time now)
{
	if (o->on && (round == o->round || (round < o->round && !o->progress.full)))
		sync_out_restart(o, fault, now);
}

static void look_whether_complete(struct sync_out *o, struct lb_time now)
{
	if (!o->final_said || o->onward || o->progress.complete || o->progress.at < o->final)
		return;
	o->progress.complete = true;
	o->progress.finished = now;
	o->wanted = o->none_acked = false;
}

bool sync_out_ack(struct sync_out *o, const struct sync_ack *a, struct lb_time now)
{
	if (!o->on || a->round < o->round) /* on its way when another one began */
		return a->round <= o->round;
	if (a->round > o->round || a->number > o->sent || o->begin_due)
		return false;
	o->acks++;
	o->wanted = false;
	while (o->n_unacked && o->unacked[o->first].last <= a->number) {
		o->first = (o->first + 1) % SYNC_WINDOW;
		o->n_unacked--;
	}
	if (a->number > o->progress.at) {
		o->progress.at = a->number;
		o->none_acked = false;
	}
	look_whether_complete(o, now);
	return true;
}

/* ---- frames ---- */

static bool write_mark(struct sync_out *o, uint8_t flags, uint64_t number, struct lb_writer *w)
{
	if (w->end - w->p < (ptrdiff_t)SYNC_SMALL_MAX)
		return false;
	sync_msg_write(w, &(struct sync_msg){ SYNC_FRAME_MARK,
				  .u.mark = { (uint8_t)(o->stream + 1), flags, o->round, o->progress.from, number } });
	return true;
}

/* Writes records into b until something is full or the source ends. */
static void fill(struct sync_out *o, struct sync_batch *b, unsigned most, struct lb_time now)
{
	struct sync_item item;
	o->at_end = false;
	for (unsigned looked = 0; looked < SYNC_LOOK_MAX && b->count < most && sync_batch_fits(b); looked++) {
		if (!o->source->next(o->source, now, &item)) {
			o->scanned = o->source->last(o->source);
			o->at_end = true;
			o->end_at = now;
			return;
		}
		o->scanned = item.number;
		if (item.gone || (item.theirs && item.number > o->base))
			continue;
		int64_t age_ms = lb_time_diff_us(now, item.put_at) / 1000;
		struct sync_from from = { age_ms < 0            ? 0
					  : age_ms > UINT32_MAX ? UINT32_MAX
								: (uint32_t)age_ms,
			item.theirs };
		if (b->count == 0)
			o->unacked[(o->first + o->n_unacked) % SYNC_WINDOW].put_at = item.put_at;
		sync_batch_record(b);
		o->source->write(o->source, &item, &from, now, &b->w);
		sync_batch_record_end(b);
		o->behind = item.put_at;
	}
}

static bool produce_batch(struct sync_out *o, struct sync_tokens *t, struct lb_writer *w, struct lb_time now)
{
	struct sync_batch b;
	unsigned most = tokens_ask(t, now, &o->tokens_at);
	if (most == 0 || !sync_batch_begin(&b, w) || !sync_batch_fits(&b))
		return false;
	fill(o, &b, most, now);
	tokens_pay(t, b.count);
	/* a frame without records: so that a peer that comes back does not make us look at all of that again */
	if (b.count == 0 && o->scanned - o->sent < SYNC_LOOK_MAX && o->at_end)
		return false;
	sync_batch_end(&b,
		&(struct sync_flows){
			.stream = (uint8_t)(o->stream + 1), .round = o->round, .after = o->sent, .last = o->scanned });
	w->p = b.w.p;
	struct sync_unacked *u = &o->unacked[(o->first + o->n_unacked++) % SYNC_WINDOW];
	u->last = o->sent = o->scanned;
	if (b.count == 0)
		u->put_at = now;
	o->records += b.count;
	o->batches++;
	return true;
}

static bool produce_final(struct sync_out *o, struct lb_writer *w, struct lb_time now)
{
	if (!write_mark(o, SYNC_MARK_FINAL, o->sent, w))
		return false;
	o->final_due = false;
	o->final_said = true;
	o->final = o->progress.mark = o->sent;
	look_whether_complete(o, now);
	return true;
}

bool sync_out_produce(struct sync_out *o, struct sync_tokens *t, struct lb_writer *w, struct lb_time now)
{
	o->tokens_at = LB_TIME_NEVER;
	if (!o->on)
		return false;
	if (o->again && sync_gate_open(&o->gate, now)) {
		sync_gate_pass(&o->gate, now);
		begin_another(o, 0, now);
	}
	if (o->onward && !o->n_unacked && !o->again)
		begin_another(o, o->sent, now);
	if (o->begin_due) {
		o->begin_due = !write_mark(o, SYNC_MARK_BEGIN, o->progress.mark, w);
		return !o->begin_due;
	}
	if (o->final_due)
		return produce_final(o, w, now);
	if (o->paused || o->held || o->onward || o->n_unacked == SYNC_WINDOW)
		return false;
	bool made = produce_batch(o, t, w, now);
	o->final_due = o->at_end && !o->final_said;
	return made || (o->final_due && produce_final(o, w, now));
}

bool sync_out_has(const struct sync_out *o, uint64_t number)
{
	if (!o->source)
		return true;
	return o->on && !o->begin_due && o->scanned >= number && (!o->n_unacked || o->progress.at >= number);
}

uint64_t sync_out_heard(const struct sync_out *o)
{
	return o->on ? o->progress.at : o->had;
}

struct lb_time sync_out_deadline(const struct sync_out *o)
{
	if (!o->on)
		return LB_TIME_NEVER;
	return o->again ? lb_time_min(o->tokens_at, sync_gate_when(&o->gate)) : o->tokens_at;
}

uint32_t sync_out_lag_ms(const struct sync_out *o, struct lb_time now)
{
	struct lb_time since = now;
	if (o->on)
		since = waits_since(o, now);
	else if (o->source && o->source->last(o->source) > o->had)
		since = o->had_at;
	int64_t ms = lb_time_diff_us(now, since) / 1000;
	return ms < 0 ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}
