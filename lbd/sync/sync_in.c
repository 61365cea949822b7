/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_in.h"

void sync_in_open(struct sync_in *in, bool again)
{
	in->round = 0;
	in->asked = in->ack_due = in->final = false;
	if (in->ask_why != SYNC_WHY_OPERATOR)
		in->ask_due = false; /* the peer begins as we said in HELLO */
	in->progress.complete = false;
	if (again) /* its kernel may still be looked through for the first time */
		return;
	in->knew_at = in->had_all_at;
	in->number = 0;
}

bool sync_in_wants(const struct sync_in *in, const struct sync_from *from)
{
	return !from->yours || !in->knew_at.us;
}

bool sync_in_knows(const struct sync_in *in, struct lb_time forwards_since)
{
	return in->knew_at.us && forwards_since.us && lb_time_cmp(forwards_since, in->knew_at) <= 0;
}

void sync_in_close(struct sync_in *in, bool stopped, struct lb_time heard_at)
{
	if (in->progress.complete && !stopped)
		in->had_all_at = heard_at;
	in->progress.complete = false;
}

static void look_whether_complete(struct sync_in *in, struct lb_time now)
{
	in->progress.at = in->number;
	if (!in->final || in->progress.complete || in->asked || in->number < in->progress.mark)
		return;
	in->progress.complete = true;
	in->progress.finished = in->had_all_at = now;
}

static void begin(struct sync_in *in, const struct sync_mark *m, struct lb_time now)
{
	in->round = m->round;
	in->asked = in->ack_due = in->final = false;
	if (m->after == 0) {
		in->number = 0;
		in->ask_due = false; /* there it is */
	}
	in->progress = (struct sync_progress){ .rounds = in->progress.rounds + 1,
		.full = m->after == 0,
		.from = m->after,
		.mark = m->number,
		.started = now };
	if (m->after != in->number)
		sync_in_gap(in);
}

bool sync_in_mark(struct sync_in *in, const struct sync_mark *m, struct lb_time now)
{
	if (m->flags & SYNC_MARK_BEGIN) {
		if (m->round <= in->round)
			return false;
		begin(in, m, now);
	} else if (m->round != in->round) {
		return false;
	}
	in->progress.mark = m->number;
	in->final = m->flags & SYNC_MARK_FINAL;
	look_whether_complete(in, now);
	return true;
}

enum sync_take sync_in_flows(const struct sync_in *in, const struct sync_flows *f)
{
	if (in->round == 0 || f->round != in->round)
		return SYNC_WRONG;
	return !in->asked && f->after == in->number ? SYNC_TAKE : SYNC_SKIP;
}

void sync_in_gap(struct sync_in *in)
{
	if (in->asked)
		return;
	sync_in_ask(in, SYNC_WHY_GAP);
	in->asked = true;
}

void sync_in_taken(struct sync_in *in, uint64_t last, struct lb_time now)
{
	in->number = last;
	in->ack_due = true;
	in->batches++;
	look_whether_complete(in, now);
}

void sync_in_onward(struct sync_in *in)
{
	in->final = in->progress.complete = false;
}

void sync_in_ask(struct sync_in *in, enum sync_why why)
{
	in->ask_due = true;
	in->ask_why = why;
}

bool sync_in_produce(struct sync_in *in, enum sync_stream s, struct lb_writer *w, struct lb_time now)
{
	uint8_t stream = (uint8_t)(s + 1);
	if (in->round == 0)
		return false;
	if (in->ask_due && (in->ask_why == SYNC_WHY_OPERATOR || sync_gate_open(&in->gate, now))) {
		if (in->ask_why != SYNC_WHY_OPERATOR)
			sync_gate_pass(&in->gate, now);
		sync_msg_write(
			w, &(struct sync_msg){ SYNC_FRAME_RESYNC, .u.resync = { stream, in->ask_why, in->round } });
		in->asked = true;
		in->ask_due = in->ack_due = false;
		in->progress.complete = false;
		in->resyncs++;
		return true;
	}
	if (!in->ack_due)
		return false;
	sync_msg_write(w, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = { stream, in->round, in->number } });
	in->ack_due = false;
	return true;
}

struct lb_time sync_in_deadline(const struct sync_in *in)
{
	if (in->round == 0 || !in->ask_due || in->ask_why == SYNC_WHY_OPERATOR)
		return LB_TIME_NEVER;
	return sync_gate_when(&in->gate);
}
