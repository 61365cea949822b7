/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/peer_link.h"

#include <assert.h>
#include <string.h>

#define YOUNG_US 1000 /* what is younger counts as so old: a part of nothing is nothing */

/* Serial arithmetic (RFC 1982). */
static bool is_after(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

/* ---- what we sent, and when ---- */

static void forget(struct peer_self *s, size_t i)
{
	s->n_sent--;
	memmove(&s->sent[i], &s->sent[i + 1], (s->n_sent - i) * sizeof(s->sent[0]));
}

/* The one (not the oldest) whose neighbours are closest, measured by its age: who looked for it finds the one before.
 */
static size_t least_missed(const struct peer_self *s, struct lb_time now)
{
	size_t best = 1;
	int64_t best_gap = 0, best_age = 0;
	for (size_t i = 1; i < s->n_sent; i++) {
		struct lb_time next = i + 1 < s->n_sent ? s->sent[i + 1].at : now;
		int64_t gap = lb_time_diff_us(next, s->sent[i - 1].at);
		int64_t age = lb_time_diff_us(now, s->sent[i].at);
		if (age < YOUNG_US)
			age = YOUNG_US;
		if (i == 1 || gap * best_age < best_gap * age) { /* none is above a minute: no overflow */
			best = i;
			best_gap = gap;
			best_age = age;
		}
	}
	return best;
}

uint64_t peer_self_next(struct peer_self *s, struct lb_time now)
{
	size_t gone = 0;
	assert(s->session);
	while (gone < s->n_sent && lb_time_diff_us(now, s->sent[gone].at) > INT64_C(1000) * PEER_SENT_MAX_MS)
		gone++;
	s->n_sent -= gone;
	memmove(&s->sent[0], &s->sent[gone], s->n_sent * sizeof(s->sent[0]));
	if (s->n_sent == PEER_SENT_MAX)
		forget(s, least_missed(s, now));
	s->sent[s->n_sent++] = (struct peer_sent){ ++s->seq, now };
	return s->seq;
}

struct echo {
	struct lb_time at; /* when the beat that it repeats was sent, or before that */
	bool exact;
};

/* False: it repeats nothing that we sent in this run and still know. */
static bool find_echo(const struct peer_self *s, const struct peer_beat *b, struct echo *out)
{
	if (b->echo_session != s->session || b->echo_seq == 0 || b->echo_seq > s->seq)
		return false;
	for (size_t i = s->n_sent; i-- > 0;) {
		if (s->sent[i].seq > b->echo_seq)
			continue;
		out->at = s->sent[i].at;
		out->exact = s->sent[i].seq == b->echo_seq;
		return true;
	}
	return false;
}

/* ---- silence ---- */

static int64_t dead_after_us(const struct peer_link *l)
{
	return (int64_t)l->dead_after_ms * 1000;
}

static void look_for_silence(struct peer_link *l, struct lb_time now, struct peer_change *change)
{
	bool any = false;
	for (size_t i = 0; i < l->n_paths; i++) {
		struct peer_path *p = &l->paths[i];
		if (p->up && lb_time_diff_us(now, p->heard_at) >= dead_after_us(l)) {
			p->up = false;
			p->rtt_us = 0;
			change->paths = true;
		}
		any |= p->up;
	}
	if (l->up && !any) {
		l->up = false;
		l->since = now;
		change->node = true;
	}
}

struct lb_time peer_link_time(struct peer_link *l, struct lb_time now, struct peer_change *change)
{
	struct lb_time next = LB_TIME_NEVER;
	*change = (struct peer_change){ 0 };
	look_for_silence(l, now, change);
	for (size_t i = 0; i < l->n_paths; i++)
		if (l->paths[i].up)
			next = lb_time_min(next, lb_time_add_ms(l->paths[i].heard_at, l->dead_after_ms));
	return next;
}

/* ---- what comes ---- */

void peer_link_init(struct peer_link *l, struct lb_time now)
{
	assert(l->node && l->n_paths <= PEER_PATHS_MAX);
	assert(l->dead_after_ms && l->dead_after_ms <= PEER_SENT_MAX_MS);
	l->since = now;
}

static enum peer_take ask(struct peer_link *l, struct lb_time now)
{
	if (l->asked_at.us && lb_time_diff_us(now, l->asked_at) < INT64_C(1000) * PEER_ASK_MS)
		return PEER_TAKE_OLD;
	l->asked_at = now;
	return PEER_TAKE_ASK;
}

static void note_path(struct peer_path *p, const struct peer_beat *b, const struct echo *e, struct lb_time now,
	struct peer_change *change)
{
	p->seq = b->seq;
	p->heard_at = now;
	change->paths |= !p->up;
	p->up = true;
	if (!e->exact)
		return;
	int64_t rtt_us = lb_time_diff_us(now, e->at) - b->echo_held_us;
	/* clocks have grains, and the other side's word may be wrong */
	p->rtt_us = rtt_us < 1 ? 1 : rtt_us > UINT32_MAX ? UINT32_MAX : (uint32_t)rtt_us;
}

static void begin_session(
	struct peer_link *l, const struct peer_self *self, const struct peer_beat *b, struct peer_change *change)
{
	l->restarts += l->session != 0;
	l->session = b->session;
	l->floor = self->seq;
	for (size_t i = 0; i < l->n_paths; i++)
		l->paths[i].seq = 0;
	change->node = true;
}

static void take_news(struct peer_link *l, const struct peer_beat *b, const struct echo *e, uint32_t rtt_us,
	struct lb_time now, int64_t wall_us)
{
	l->seq = b->seq;
	l->heard_at = now;
	l->said_after = e->at;
	l->said_at = lb_time_min((struct lb_time){ e->at.us + b->echo_held_us }, now);
	l->offset_us = b->wall_us - wall_us + rtt_us / 2;
	memcpy(&l->last, b, offsetof(struct peer_beat, n)); /* l->last.n stays 0 */
}

enum peer_take peer_link_take(struct peer_link *l, const struct peer_self *self, const struct peer_beat *b, size_t path,
	struct lb_time now, int64_t wall_us, enum peer_refusal *why, struct peer_change *change)
{
	assert(path < l->n_paths && b->node == l->node && b->session);
	struct peer_path *p = &l->paths[path];
	struct echo e;
	*why = PEER_OK;
	*change = (struct peer_change){ 0 };
	look_for_silence(l, now, change);
	bool fresh = find_echo(self, b, &e) && lb_time_diff_us(now, e.at) <= dead_after_us(l);
	bool same = b->session == l->session;
	bool news = !same || is_after(b->seq, l->seq);
	if (same && ((p->seq && !is_after(b->seq, p->seq)) || (!news && !fresh))) {
		*why = PEER_REPLAY;
		return PEER_TAKE_OLD;
	}
	if (!fresh || (!same && b->echo_seq <= l->floor))
		return ask(l, now);
	if (!news && !l->up) /* a straggler: that it lived is known, and that it has been silent since */
		return PEER_TAKE_OLD;
	if (!same)
		begin_session(l, self, b, change);
	note_path(p, b, &e, now, change);
	if (!news)
		return PEER_TAKE_OLD;
	take_news(l, b, &e, p->rtt_us, now, wall_us);
	if (!l->up) {
		l->up = true;
		l->since = now;
		change->node = true;
	}
	return PEER_TAKE_NEWS;
}

void peer_link_echo(const struct peer_link *l, struct lb_time now, struct peer_beat *b)
{
	int64_t held_us = l->session ? lb_time_diff_us(now, l->heard_at) : 0;
	b->echo_session = l->session;
	b->echo_seq = l->seq;
	b->echo_held_us = held_us < 0 ? 0 : held_us > UINT32_MAX ? UINT32_MAX : (uint32_t)held_us;
}
