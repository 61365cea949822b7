/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_link.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define LATE_US    500000 /* behind SYNC_PING_MS: we stood still */
#define AT_ONCE_MS 10     /* a deadline that has passed, while the transport has no room */

void sync_link_init(struct sync_link *l, const struct sync_link_conf *conf, struct lb_time now)
{
	assert(conf->epoch && conf->version_min && conf->version_min <= conf->version_max);
	*l = (struct sync_link){ .conf = *conf, .since = now };
	sync_flow_source_init(&l->flow_source, conf->flows);
	for (unsigned s = 0; s < SYNC_STREAM_COUNT; s++) {
		const struct sync_had *had = &conf->had[s];
		l->in[s].had_all_at = had->all_at;
		l->out[s] = (struct sync_out){
			.stream = (enum sync_stream)s, .had = had->number, .had_at = had->at.us ? had->at : now
		};
	}
	l->out[SYNC_STREAM_IPVS].source = &l->flow_source.source;
	l->out[SYNC_STREAM_CONNTRACK].source = conf->conntrack;
	sync_tokens_set(&l->tokens, conf->rate, now);
}

void sync_link_done(struct sync_link *l)
{
	sync_flow_source_done(&l->flow_source);
}

/* ---- states ---- */

static void enter(struct sync_link *l, enum sync_link_state state, struct lb_time now)
{
	l->state = state;
	l->since = now;
}

static enum sync_why over(struct sync_link *l, enum sync_why why, bool say, struct lb_time now)
{
	for (unsigned s = 0; s < SYNC_STREAM_COUNT; s++) {
		sync_out_close(&l->out[s], now);
		sync_in_close(&l->in[s], l->out[s].paused || l->out[s].held, l->heard_at);
	}
	l->bye_due = say;
	l->why = why;
	enter(l, SYNC_LINK_OVER, now);
	return why;
}

void sync_link_up(struct sync_link *l, struct lb_time now)
{
	if (l->state != SYNC_LINK_DOWN)
		sync_link_down(l, SYNC_WHY_CLOSED, now);
	l->why = SYNC_WHY_NONE;
	l->hello_due = true;
	l->bye_due = l->pong_due = false;
	l->ping_stamp = 0;
	l->heard_at = l->said_at = l->seen_at = now;
	l->ups++;
	memset(l->others, 0, sizeof(l->others));
	enter(l, SYNC_LINK_HELLO, now);
}

void sync_link_down(struct sync_link *l, enum sync_why why, struct lb_time now)
{
	if (l->state == SYNC_LINK_DOWN) {
		l->why = why;
		return;
	}
	if (l->state != SYNC_LINK_OVER)
		(void)over(l, why, false, now);
	l->bye_due = false;
	l->version = 0;
	l->rtt_us = 0;
	enter(l, SYNC_LINK_DOWN, now);
}

void sync_link_end(struct sync_link *l, enum sync_why why, struct lb_time now)
{
	if (l->state == SYNC_LINK_HELLO || l->state == SYNC_LINK_OPEN)
		(void)over(l, why, true, now);
}

/* ---- what comes ---- */

static bool stream_of(uint8_t wire, enum sync_stream *out)
{
	if (wire == 0 || wire > SYNC_STREAM_COUNT)
		return false;
	*out = (enum sync_stream)(wire - 1);
	return true;
}

/* From where the peer goes on: what it has of this run of ours, if it can be. */
static uint64_t resume_at(const struct sync_link *l, unsigned s)
{
	const struct sync_source *source = l->out[s].source;
	if (l->peer.seen_epoch != l->conf.epoch || !source || l->peer.seen[s] > source->last(source))
		return 0;
	return l->peer.seen[s];
}

static bool peer_takes(const struct sync_link *l, enum sync_stream s)
{
	return s == SYNC_STREAM_IPVS || l->peer.features & SYNC_FEATURE_CONNTRACK;
}

static void open_streams(struct sync_link *l, bool again, struct lb_time now)
{
	for (unsigned s = 0; s < SYNC_STREAM_COUNT; s++) {
		struct sync_out *o = &l->out[s];
		if (!again && o->source)
			o->base = o->source->last(o->source);
		sync_in_open(&l->in[s], again);
		if (peer_takes(l, (enum sync_stream)s))
			sync_out_open(o, resume_at(l, s), now);
		l->hold_due[s] = o->paused;
	}
}

static enum sync_why on_hello(struct sync_link *l, const struct sync_hello *h, struct lb_time now)
{
	if (h->epoch == l->conf.epoch)
		return over(l, SYNC_WHY_SELF, true, now);
	if (strcmp(h->node, l->conf.peer) != 0)
		return over(l, SYNC_WHY_NODE, true, now);
	if (l->state == SYNC_LINK_OPEN) { /* its configuration is another one now */
		if (h->epoch != l->peer.epoch)
			return over(l, SYNC_WHY_PROTOCOL, true, now);
		l->peer.config = h->config;
		l->peer.generation = h->generation;
		return SYNC_WHY_NONE;
	}
	uint16_t version = h->version_max < l->conf.version_max ? h->version_max : l->conf.version_max;
	if (version < h->version_min || version < l->conf.version_min)
		return over(l, SYNC_WHY_VERSION, true, now);
	bool again = h->epoch == l->peer.epoch;
	l->version = version;
	l->peer = *h;
	enter(l, SYNC_LINK_OPEN, now);
	open_streams(l, again, now);
	return SYNC_WHY_NONE;
}

static void take_record(struct sync_link *l, enum sync_stream s, const uint8_t *p, size_t n)
{
	const struct sync_calls *c = &l->conf.calls;
	struct sync_in *in = &l->in[s];
	struct flow flow;
	struct sync_from from;
	int r = 0;
	in->records++;
	switch (s) {
	case SYNC_STREAM_IPVS:
		if (sync_flow_read(p, n, &flow, &from)) {
			in->invalid++;
			return;
		}
		r = sync_in_wants(in, &from) ? c->flow(&flow, &from, c->arg) : 1;
		break;
	case SYNC_STREAM_CONNTRACK:
		if (c->conntrack)
			r = c->conntrack(p, n, c->arg);
		break;
	}
	in->stale += r > 0;
	in->refused += r < 0;
}

static void other_stream(struct sync_link *l, const struct sync_flows *f)
{
	unsigned i = f->stream - SYNC_STREAM_COUNT - 1u;
	if (i < SYNC_OTHERS)
		l->others[i] = (struct sync_ack){ f->stream, f->round, f->last };
}

static enum sync_why on_flows(struct sync_link *l, struct sync_flows *f, struct lb_time now)
{
	enum sync_stream s;
	const uint8_t *p;
	size_t n;
	if (!stream_of(f->stream, &s)) {
		other_stream(l, f);
		return SYNC_WHY_NONE;
	}
	struct sync_in *in = &l->in[s];
	switch (sync_in_flows(in, f)) {
	case SYNC_TAKE: break;
	case SYNC_SKIP: sync_in_gap(in); return SYNC_WHY_NONE;
	case SYNC_WRONG: return over(l, SYNC_WHY_PROTOCOL, true, now);
	}
	while (sync_flows_bytes(f, &p, &n))
		take_record(l, s, p, n);
	sync_in_taken(in, f->last, now);
	return SYNC_WHY_NONE;
}

/* One that we did not say we understand is skipped like any type that is not known. */
static bool on_talk(struct sync_link *l, const struct sync_talk *t)
{
	const struct sync_calls *c = &l->conf.calls;
	if (c->talk)
		return c->talk(t, c->arg);
	l->unknown++;
	return true;
}

/* What both have gathered meanwhile is copied now. A peer that does not make a round of it never says when it has sent
 * it: of that one is nothing to be waited for. */
static void go_on(struct sync_link *l, enum sync_stream s)
{
	sync_out_onward(&l->out[s]);
	if (l->peer.features & SYNC_FEATURE_ONWARD)
		sync_in_onward(&l->in[s]);
}

static void on_hold(struct sync_link *l, enum sync_stream s, bool on)
{
	l->out[s].held = on;
	if (!on)
		go_on(l, s);
}

static enum sync_why on_stream(struct sync_link *l, struct sync_msg *m, struct lb_time now)
{
	enum sync_stream s;
	bool legal = true;
	switch (m->type) {
	case SYNC_FRAME_FLOWS: return on_flows(l, &m->u.flows, now);
	case SYNC_FRAME_MARK:
		if (stream_of(m->u.mark.stream, &s))
			legal = sync_in_mark(&l->in[s], &m->u.mark, now);
		break;
	case SYNC_FRAME_ACK:
		if (stream_of(m->u.ack.stream, &s))
			legal = sync_out_ack(&l->out[s], &m->u.ack, now);
		break;
	case SYNC_FRAME_RESYNC:
		if (stream_of(m->u.resync.stream, &s))
			sync_out_asked(&l->out[s], m->u.resync.round, m->u.resync.why != SYNC_WHY_OPERATOR, now);
		break;
	case SYNC_FRAME_HOLD:
		if (stream_of(m->u.hold.stream, &s))
			on_hold(l, s, m->u.hold.on);
		break;
	case SYNC_FRAME_TALK: legal = on_talk(l, &m->u.talk); break;
	case SYNC_FRAME_HELLO:
	case SYNC_FRAME_PING:
	case SYNC_FRAME_PONG:
	case SYNC_FRAME_BYE: break;
	}
	return legal ? SYNC_WHY_NONE : over(l, SYNC_WHY_PROTOCOL, true, now);
}

static void on_pong(struct sync_link *l, uint64_t stamp, struct lb_time now)
{
	if (stamp == 0 || stamp != l->ping_stamp)
		return;
	int64_t us = lb_time_diff_us(now, (struct lb_time){ (int64_t)stamp });
	l->rtt_us = us < 1 ? 1 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	l->ping_stamp = 0;
}

enum sync_why sync_link_frame(struct sync_link *l, const uint8_t *p, size_t n, struct lb_time now)
{
	struct sync_msg m;
	if (l->state != SYNC_LINK_HELLO && l->state != SYNC_LINK_OPEN)
		return l->why;
	l->heard_at = l->seen_at = now;
	l->frames_in++;
	int r = sync_msg_read(p, n, &m);
	if (r == -EPROTONOSUPPORT) {
		l->unknown++;
		return SYNC_WHY_NONE;
	}
	if (r)
		return over(l, SYNC_WHY_PROTOCOL, true, now);
	switch (m.type) {
	case SYNC_FRAME_HELLO: return on_hello(l, &m.u.hello, now);
	case SYNC_FRAME_BYE: return over(l, m.u.bye, false, now);
	case SYNC_FRAME_PING:
		l->pong_due = true;
		l->pong_stamp = m.u.stamp;
		return SYNC_WHY_NONE;
	case SYNC_FRAME_PONG: on_pong(l, m.u.stamp, now); return SYNC_WHY_NONE;
	case SYNC_FRAME_FLOWS:
	case SYNC_FRAME_ACK:
	case SYNC_FRAME_RESYNC:
	case SYNC_FRAME_MARK:
	case SYNC_FRAME_HOLD:
	case SYNC_FRAME_TALK: break;
	}
	return l->state == SYNC_LINK_OPEN ? on_stream(l, &m, now) : over(l, SYNC_WHY_PROTOCOL, true, now);
}

/* ---- time ---- */

enum sync_why sync_link_tick(struct sync_link *l, struct lb_time now)
{
	if (l->state != SYNC_LINK_HELLO && l->state != SYNC_LINK_OPEN)
		return l->why;
	/* Who stood still has not listened: what waits in the socket is read before it counts as silence. */
	if (lb_time_diff_us(now, l->seen_at) > SYNC_PING_MS * INT64_C(1000) + LATE_US) {
		struct lb_time grace = lb_time_add_ms(now, SYNC_PING_MS - SYNC_SILENT_MS);
		if (lb_time_cmp(l->heard_at, grace) < 0)
			l->heard_at = grace;
	}
	l->seen_at = now;
	if (lb_time_diff_us(now, l->heard_at) >= SYNC_SILENT_MS * INT64_C(1000))
		return over(l, SYNC_WHY_SILENT, true, now);
	return SYNC_WHY_NONE;
}

struct lb_time sync_link_deadline(const struct sync_link *l, struct lb_time now)
{
	if (l->state != SYNC_LINK_HELLO && l->state != SYNC_LINK_OPEN)
		return LB_TIME_NEVER;
	struct lb_time when =
		lb_time_min(lb_time_add_ms(l->heard_at, SYNC_SILENT_MS), lb_time_add_ms(l->said_at, SYNC_PING_MS));
	/* not later: a tick that is late says that we stood still */
	when = lb_time_min(when, lb_time_add_ms(l->seen_at, SYNC_PING_MS));
	for (unsigned s = 0; s < SYNC_STREAM_COUNT; s++) {
		when = lb_time_min(when, sync_out_deadline(&l->out[s]));
		when = lb_time_min(when, sync_in_deadline(&l->in[s]));
	}
	return lb_time_cmp(when, now) > 0 ? when : lb_time_add_ms(now, AT_ONCE_MS);
}

/* ---- what is said ---- */

static void write_hello(const struct sync_link *l, struct lb_writer *w)
{
	struct sync_msg m = { SYNC_FRAME_HELLO,
		.u.hello = { .version_min = l->conf.version_min,
			.version_max = l->conf.version_max,
			.epoch = l->conf.epoch,
			.config = l->conf.config,
			.generation = l->conf.generation,
			.features = (l->conf.calls.conntrack ? SYNC_FEATURE_CONNTRACK : 0) |
				    (l->conf.calls.talk ? SYNC_FEATURE_TALK : 0) | SYNC_FEATURE_ONWARD,
			.seen_epoch = l->peer.epoch } };
	memcpy(m.u.hello.node, l->conf.self, sizeof(m.u.hello.node));
	for (unsigned s = 0; s < SYNC_STREAM_COUNT; s++)
		m.u.hello.seen[s] = l->in[s].number;
	sync_msg_write(w, &m);
}

static bool produce_hold(struct sync_link *l, enum sync_stream s, struct lb_writer *w)
{
	if (!l->hold_due[s])
		return false;
	l->hold_due[s] = false;
	sync_msg_write(w, &(struct sync_msg){ SYNC_FRAME_HOLD, .u.hold = { (uint8_t)(s + 1), l->out[s].paused } });
	return true;
}

static bool produce_other(struct sync_link *l, struct lb_writer *w)
{
	for (unsigned i = 0; i < SYNC_OTHERS; i++) {
		if (l->others[i].stream == 0)
			continue;
		sync_msg_write(w, &(struct sync_msg){ SYNC_FRAME_ACK, .u.ack = l->others[i] });
		l->others[i].stream = 0;
		return true;
	}
	return false;
}

static bool produce_talk(struct sync_link *l, struct lb_writer *w)
{
	const struct sync_calls *c = &l->conf.calls;
	return c->talk_out && sync_link_talks(l) && c->talk_out(w, c->arg);
}

/* Streams and what the cores say take turns. The short ones first: they let the other side go on. */
static bool produce_stream(struct sync_link *l, struct lb_writer *w, struct lb_time now)
{
	if (produce_other(l, w))
		return true;
	for (unsigned s = 0; s < SYNC_STREAM_COUNT; s++)
		if (produce_hold(l, (enum sync_stream)s, w) || sync_in_produce(&l->in[s], (enum sync_stream)s, w, now))
			return true;
	for (unsigned i = 0; i <= SYNC_STREAM_COUNT; i++) {
		unsigned s = l->turn;
		l->turn = (l->turn + 1) % (SYNC_STREAM_COUNT + 1);
		if (s == SYNC_STREAM_COUNT ? produce_talk(l, w) : sync_out_produce(&l->out[s], &l->tokens, w, now))
			return true;
	}
	return false;
}

static bool produce(struct sync_link *l, struct lb_writer *w, struct lb_time now)
{
	if (l->hello_due) {
		l->hello_due = false;
		write_hello(l, w);
		return true;
	}
	if (l->pong_due) {
		l->pong_due = false;
		sync_msg_write(w, &(struct sync_msg){ SYNC_FRAME_PONG, .u.stamp = l->pong_stamp });
		return true;
	}
	if (l->state == SYNC_LINK_OPEN && produce_stream(l, w, now))
		return true;
	if (lb_time_diff_us(now, l->said_at) < SYNC_PING_MS * INT64_C(1000))
		return false;
	l->ping_stamp = (uint64_t)now.us;
	sync_msg_write(w, &(struct sync_msg){ SYNC_FRAME_PING, .u.stamp = l->ping_stamp });
	return true;
}

int sync_link_produce(struct sync_link *l, struct lb_writer *out, struct lb_time now)
{
	if (l->state == SYNC_LINK_DOWN || out->bad || out->end - out->p < (ptrdiff_t)SYNC_SMALL_MAX)
		return 0;
	if (l->state == SYNC_LINK_OVER) {
		if (!l->bye_due)
			return 0;
		l->bye_due = false;
		sync_msg_write(out, &(struct sync_msg){ SYNC_FRAME_BYE, .u.bye = l->why });
	} else if (!produce(l, out, now)) {
		return 0;
	}
	l->said_at = now;
	l->frames_out++;
	return 1;
}

/* ---- the owner's words, and what it asks ---- */

bool sync_link_has(const struct sync_link *l, enum sync_stream s, uint64_t number)
{
	return l->state == SYNC_LINK_OPEN && (!peer_takes(l, s) || sync_out_has(&l->out[s], number));
}

struct sync_had sync_link_had(const struct sync_link *l, enum sync_stream s)
{
	return (struct sync_had){ l->out[s].had, l->out[s].had_at, l->in[s].had_all_at };
}

void sync_link_set_rate(struct sync_link *l, uint32_t rate, struct lb_time now)
{
	l->conf.rate = rate;
	sync_tokens_set(&l->tokens, rate, now);
}

void sync_link_set_config(struct sync_link *l, uint64_t config, uint32_t generation)
{
	if (l->conf.config != config || l->conf.generation != generation)
		l->hello_due = true;
	l->conf.config = config;
	l->conf.generation = generation;
}

void sync_link_pause(struct sync_link *l, enum sync_stream s, bool on)
{
	if (l->out[s].paused == on)
		return;
	l->out[s].paused = on;
	l->hold_due[s] = true;
	if (!on)
		go_on(l, s);
}

void sync_link_onward(struct sync_link *l, enum sync_stream s)
{
	sync_out_onward(&l->out[s]);
}

void sync_link_ask(struct sync_link *l, enum sync_stream s)
{
	sync_in_ask(&l->in[s], SYNC_WHY_OPERATOR);
}

void sync_link_resync(struct sync_link *l, enum sync_stream s, struct lb_time now)
{
	sync_out_restart(&l->out[s], false, now);
	sync_link_ask(l, s);
}

bool sync_link_talks(const struct sync_link *l)
{
	return l->state == SYNC_LINK_OPEN && l->conf.calls.talk && l->peer.features & SYNC_FEATURE_TALK;
}

static bool storms(const struct sync_link *l, unsigned s)
{
	const struct sync_in *in = &l->in[s];
	bool asks = in->ask_due && in->ask_why != SYNC_WHY_OPERATOR;
	return l->state == SYNC_LINK_OPEN && (l->out[s].again || (asks && !sync_gate_open(&in->gate, l->seen_at)));
}

void sync_link_status(const struct sync_link *l, enum sync_stream s, struct lb_time now, struct sync_link_status *out)
{
	const struct sync_out *o = &l->out[s];
	const struct sync_in *in = &l->in[s];
	*out = (struct sync_link_status){ .paused = o->paused,
		.held = o->held,
		.out = o->progress,
		.in = in->progress,
		.lag_ms = peer_takes(l, s) ? sync_out_lag_ms(o, now) : 0,
		.storm = storms(l, s),
		.sent = o->records,
		.received = in->records,
		.refused = in->refused,
		.stale = in->stale,
		.invalid = in->invalid,
		.batches_out = o->batches,
		.batches_in = in->batches,
		.acks = o->acks,
		.resyncs_out = o->resyncs,
		.resyncs_in = in->resyncs };
}

enum sync_why sync_link_alarm(const struct sync_link *l)
{
	if (l->why != SYNC_WHY_NONE)
		return l->why;
	for (unsigned s = 0; s < SYNC_STREAM_COUNT; s++)
		if (storms(l, s))
			return SYNC_WHY_STORM;
	return SYNC_WHY_NONE;
}

bool sync_is_news(const struct flow_entry *have, const struct sync_from *from, struct lb_time now)
{
	if (!have)
		return true;
	if (from->yours)
		return false;
	return have->origin == FLOW_PEER || lb_time_diff_us(now, have->put_at) > from->age_ms * INT64_C(1000);
}
