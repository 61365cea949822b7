/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sync process says to its core of itself. */
#include "lbd/sync/sync_within_io.h"

#include "common/rss_io.h"

#include <stdio.h>
#include <string.h>

void sync_room_send(struct sync_room *r, const struct sync_room_msg *m)
{
	sync_room_msg_write(m, &r->base.line);
	lb_room_send(&r->base);
}

void sync_room_say(const struct sync_room_msg *m, void *arg)
{
	sync_room_send(arg, m);
}

const enum sync_stream sync_room_streams[SYNC_KIND_COUNT] = {
	[SYNC_IPVS] = SYNC_STREAM_IPVS, [SYNC_CONNTRACK] = SYNC_STREAM_CONNTRACK
};

bool sync_room_stopped(const struct sync_room *r, enum sync_kind kind)
{
	const struct sync_out *o = &r->link.out[sync_room_streams[kind]];
	return o->paused || o->held;
}

static void put_reason(struct sync_msg_state *s, const char *word, const char *text)
{
	snprintf(s->reason, sizeof(s->reason), "%s", word);
	snprintf(s->text, sizeof(s->text), "%s", text);
}

/* What the transport knows is more exact, while there is none. */
static void put_down(const struct sync_room *r, struct sync_msg_state *s)
{
	enum sync_why why = sync_link_alarm(&r->link);
	s->is = SYNC_IS_DOWN;
	if (r->transport == TLS_REASON_KEY || why == SYNC_WHY_KEY)
		put_reason(s, "key_mismatch", r->transport_text[0] ? r->transport_text : sync_why_texts[SYNC_WHY_KEY]);
	else if (why != SYNC_WHY_NONE && why != SYNC_WHY_CLOSED)
		put_reason(s, sync_why_words[why], sync_why_texts[why]);
	else if (r->transport != TLS_REASON_NONE)
		put_reason(s, tls_reasons[r->transport], r->transport_text);
	else
		put_reason(s, "waiting", "nothing has been heard of the peer yet");
}

/* Both sync_room_streams as one: what is true of it is true of each. The peer may know nothing of the other one. */
static void look_at_streams(const struct sync_room *r, struct sync_link_status *out)
{
	struct sync_link_status ct;
	sync_link_status(&r->link, SYNC_STREAM_IPVS, r->base.now, out);
	if (!r->ct.conf || !(r->link.peer.features & SYNC_FEATURE_CONNTRACK))
		return;
	sync_link_status(&r->link, SYNC_STREAM_CONNTRACK, r->base.now, &ct);
	out->paused |= ct.paused;
	out->held |= ct.held;
	out->in.complete &= ct.in.complete;
	out->out.complete &= ct.out.complete;
}

/* From when the peer has sent everything until all of it is put there anew. */
static void look_at_kernel(struct sync_room *r, bool have_all)
{
	if (!have_all || r->kernel.anew || r->ct.anew)
		r->in_kernel = false;
	r->kernel.anew = r->ct.anew = false;
	if (have_all && sync_kernel_settled(&r->kernel) && sync_ct_settled(&r->ct))
		r->in_kernel = true;
}

static void fill_state(struct sync_room *r, struct sync_msg_state *s)
{
	struct sync_link_status st;
	*s = (struct sync_msg_state){ .order = r->order };
	const char *trouble = r->multicast.wanted    ? r->multicast.trouble
			      : r->kernel.trouble[0] ? r->kernel.trouble
						     : r->ct.trouble;
	snprintf(s->trouble, sizeof(s->trouble), "%s", trouble);
	if (!r->tls)
		return; /* OFF */
	if (r->link.state != SYNC_LINK_OPEN) {
		put_down(r, s);
		return;
	}
	look_at_streams(r, &st);
	look_at_kernel(r, st.in.complete);
	s->sent_all = st.out.complete && !sync_ct_seeks(&r->ct) && !sync_look_busy(&r->at_kernel);
	s->have_all = st.in.complete && r->in_kernel;
	s->held = st.held;
	for (unsigned k = 0; k < SYNC_KIND_COUNT; k++)
		s->stopped[k] = sync_room_stopped(r, (enum sync_kind)k);
	s->is = st.paused || st.held ? SYNC_IS_PAUSED : s->sent_all && s->have_all ? SYNC_IS_SYNC : SYNC_IS_BULK;
	s->same_config = r->link.peer.config == r->conf->config;
	snprintf(s->version, sizeof(s->version), "%u", r->link.version);
}

/* The line is what can be compared. */
void sync_room_tell_state(struct sync_room *r)
{
	struct sync_room_msg m = { .type = SYNC_MSG_STATE };
	if (!r->conf && !r->multicast.wanted)
		return;
	r->look = false;
	fill_state(r, &m.u.state);
	sync_room_msg_write(&m, &r->base.line);
	if (!r->base.line.bad && r->base.line.n == r->told.n && memcmp(r->base.line.s, r->told.s, r->told.n) == 0) {
		lb_text_clear(&r->base.line);
		return;
	}
	lb_text_clear(&r->told);
	lb_text_put(&r->told, r->base.line.s, r->base.line.n);
	lb_room_send(&r->base);
}

static void put_ct_stats(const struct sync_room *r, struct sync_msg_stats *s)
{
	const struct sync_ct *c = &r->ct;
	s->local = flow_table_count(c->table, FLOW_LOCAL);
	s->peer = flow_table_count(c->table, FLOW_PEER);
	s->injected = c->injected;
	s->refused += c->refused;
	s->lost = c->lost;
	s->full = c->full;
	s->kernel_full = sync_ct_kernel_full(c, r->base.now);
}

/* Whether the cores can talk, when that changed. */
void sync_room_tell_talk(struct sync_room *r)
{
	bool talks = r->conf && r->tls && sync_link_talks(&r->link);
	if (talks != (r->talks.link != 0))
		sync_talks_link(&r->talks, talks, r->base.now);
	if (r->talks.said == r->talks.link)
		return;
	r->talks.said = r->talks.link;
	sync_room_send(r, &(struct sync_room_msg){ .type = SYNC_MSG_TALK_LINK, .u.talk.link = r->talks.link });
}

void sync_room_count(const struct sync_room *r, enum sync_kind kind, struct sync_counts *all)
{
	struct sync_link_status st;
	sync_link_status(&r->link, sync_room_streams[kind], r->base.now, &st);
	all->sent += st.sent;
	all->received += st.received;
	all->refused += st.refused + st.invalid;
	all->resyncs += st.resyncs_in + st.resyncs_out;
}

static void tell_stats(struct sync_room *r, enum sync_kind kind)
{
	struct sync_link_status st;
	struct sync_room_msg m = { .type = SYNC_MSG_STATS, .u.stats.kind = kind };
	struct sync_msg_stats *s = &m.u.stats;
	const struct sync_kernel *f = &r->kernel;
	struct sync_counts all = r->before[kind];
	sync_room_count(r, kind, &all);
	sync_link_status(&r->link, sync_room_streams[kind], r->base.now, &st);
	s->sent = all.sent;
	s->received = all.received;
	s->refused = all.refused;
	s->resyncs = all.resyncs;
	s->bulk_done = sync_msg_span(st.in.from, st.in.at);
	s->bulk_all = sync_msg_span(st.in.from, st.in.mark);
	s->sent_done = sync_msg_span(st.out.from, st.out.at);
	s->sent_all = sync_msg_span(st.out.from, st.out.mark);
	s->lag_ms = st.lag_ms;
	if (kind == SYNC_CONNTRACK)
		put_ct_stats(r, s);
	if (kind == SYNC_IPVS) {
		s->local = flow_table_count(f->table, FLOW_LOCAL);
		s->peer = flow_table_count(f->table, FLOW_PEER);
		s->injected = f->injected;
		s->refused += f->refused;
		s->lost = f->lost + f->dropped;
		s->unsure = r->at_kernel.unsure;
		s->full = f->full;
	}
	sync_room_send(r, &m);
}

void sync_room_pong(struct sync_room *r, uint32_t n)
{
	const struct sync_room_msg m = { .type = SYNC_MSG_PONG,
		.u.pong = { .n = n, .lag_us = lb_room_lag_us(&r->base), .rss_kib = lb_rss_kib() } };
	sync_room_send(r, &m);
	r->look = true;
	if (r->tls)
		tell_stats(r, SYNC_IPVS);
	if (r->conf && r->ct.conf)
		tell_stats(r, SYNC_CONNTRACK);
}
