/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_vrrp */
/* Bytes as the story of a group of instances: events at random members at random times, members that leave with a
 * reload and come back as others. After every step: the addresses are held where the state is MASTER and nowhere else;
 * a group is master as a whole or not at all; a fault is somebody's; every report goes on from the one before. */
#include "lbd/vrrp/vrrp_group.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MEMBERS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	const uint8_t *p, *end;
};

struct member {
	struct vrrp v;
	enum vrrp_state told; /* as reports said */
	bool addresses, started;
	bool reported; /* in this step */
};

struct story {
	struct bytes in;
	struct lb_time now;
	struct member m[MEMBERS];
	struct member *at[MEMBERS]; /* as the group counts them */
	struct vrrp_group g;
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static unsigned byte(struct bytes *b)
{
	return b->p < b->end ? *b->p++ : 0;
}

static struct lb_ip address(unsigned n)
{
	return (struct lb_ip){ .family = AF_INET, .b = { 10, 9, 0, (uint8_t)(n % 4 + 1) } };
}

static void rules(struct bytes *in, struct vrrp *v)
{
	static const uint32_t intervals[] = { 1, 10, 100, 4095 };
	unsigned b = byte(in);
	v->rules = (struct vrrp_rules){ .version = 3,
		.interval_cs = intervals[b & 3],
		.preempt = b & 4,
		.preempt_delay_ms = b & 8 ? 3000 : 0,
		.startup_delay_ms = b & 16 ? 2000 : 0 };
}

/* Somebody who comes with a reload, or was there from the beginning. */
static void come(struct story *s, struct member *m)
{
	*m = (struct member){ .told = VRRP_STATE_INIT };
	rules(&s->in, &m->v);
	m->v.prio = byte(&s->in) % 4 ? 100 : 255;
	m->v.source = address(1);
	s->at[s->g.n] = m;
	s->g.v[s->g.n] = &m->v;
	s->g.own_fault[s->g.n++] = false;
}

static void take(struct member *m, const struct vrrp_act *a)
{
	switch (a->type) {
	case VRRP_ACT_ADDRS: m->addresses = a->on; break;
	case VRRP_ACT_REPORT:
		must(m->reported || a->was == m->told); /* the next of the same step begins where this one ends */
		m->told = m->v.state;
		m->reported = true;
		break;
	case VRRP_ACT_ADVERT:
	case VRRP_ACT_ANNOUNCE:
	case VRRP_ACT_ALARM: break;
	}
}

static void look(const struct story *s)
{
	size_t masters = 0, resting = 0, faults = 0, own = 0;
	for (size_t i = 0; i < s->g.n; i++) {
		const struct member *m = s->at[i];
		must(m->addresses == (m->v.state == VRRP_STATE_MASTER));
		must(m->told == m->v.state);
		masters += m->v.state == VRRP_STATE_MASTER;
		resting += m->v.state == VRRP_STATE_INIT;
		faults += m->v.state == VRRP_STATE_FAULT;
		own += s->g.own_fault[i];
	}
	must(masters == 0 || masters + resting == s->g.n);
	must(!own || masters == 0);
	must(own || faults == 0);
}

static void follow(struct story *s, const struct vrrp_group_acts *out)
{
	for (size_t i = 0; i < s->g.n; i++)
		s->at[i]->reported = false;
	for (size_t k = 0; k < out->n; k++)
		take(s->at[out->v[k].member], &out->v[k].act);
}

static void step(struct story *s, size_t member, const struct vrrp_event *ev)
{
	static struct vrrp_group_acts out;
	vrrp_group_step(&s->g, member, ev, s->now, &out);
	follow(s, &out);
}

static void leave(struct story *s, size_t member)
{
	static struct vrrp_group_acts out;
	struct member *gone = s->at[member];
	step(s, member, &(struct vrrp_event){ .type = VRRP_EVENT_STOP });
	for (size_t i = member; i + 1 < s->g.n; i++)
		s->at[i] = s->at[i + 1];
	vrrp_group_leave(&s->g, member, s->now, &out);
	follow(s, &out);
	must(!gone->addresses);
	if (s->g.n)
		step(s, 0, &(struct vrrp_event){ .type = VRRP_EVENT_TIMER });
	come(s, gone);
}

static void event(struct story *s, size_t member)
{
	struct member *m = s->at[member];
	struct vrrp_event ev = { .type = (enum vrrp_event_type)(byte(&s->in) % VRRP_EVENT_COUNT) };
	unsigned b = byte(&s->in);
	if (ev.type == VRRP_EVENT_JOIN || ev.type == VRRP_EVENT_YIELD || ev.type == VRRP_EVENT_STOP)
		return; /* the group's own, and leave() */
	if (!m->started && ev.type != VRRP_EVENT_START && ev.type != VRRP_EVENT_FAULT)
		return;
	if (ev.type == VRRP_EVENT_START && m->started)
		return;
	m->started |= ev.type == VRRP_EVENT_START;
	ev.on = b & 1;
	ev.for_ms = (int64_t)(b >> 1) * 40;
	ev.prio = (uint8_t)(ev.type == VRRP_EVENT_PRIO ? 1 + b % 254 : b);
	ev.interval_cs = 1 + byte(&s->in) * 16u;
	ev.from = address(byte(&s->in));
	if (ev.type == VRRP_EVENT_PRIO && m->v.prio == 255)
		return; /* an owner stays it */
	if (ev.type == VRRP_EVENT_SOURCE && ev.on)
		ev.from = (struct lb_ip){ 0 };
	if (ev.type == VRRP_EVENT_RULES)
		rules(&s->in, &m->v);
	step(s, member, &ev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct story s;
	s = (struct story){ .in = { data, data + size }, .now = { 1000000000 } };
	size_t n = 1 + byte(&s.in) % MEMBERS;
	for (size_t i = 0; i < n; i++)
		come(&s, &s.m[i]);
	while (s.in.p < s.in.end) {
		unsigned b = byte(&s.in), wait = byte(&s.in);
		size_t member = b % s.g.n;
		/* most of the time nobody stands still: every timer is served when it is due */
		struct lb_time until = { s.now.us + (int64_t)wait * wait * (b & 128 ? 1000 : 100) };
		for (int turn = 0; turn < 200; turn++) {
			size_t first = s.g.n;
			for (size_t i = 0; i < s.g.n; i++)
				if (s.g.v[i]->deadline.us && lb_time_cmp(s.g.v[i]->deadline, until) <= 0 &&
					(first == s.g.n || lb_time_cmp(s.g.v[i]->deadline, s.g.v[first]->deadline) < 0))
					first = i;
			if (first == s.g.n || b & 64)
				break;
			if (lb_time_cmp(s.g.v[first]->deadline, s.now) > 0)
				s.now = s.g.v[first]->deadline;
			step(&s, first, &(struct vrrp_event){ .type = VRRP_EVENT_TIMER });
			look(&s);
		}
		s.now = until;
		if (b % 61 == 7)
			leave(&s, member);
		else
			event(&s, member);
		look(&s);
	}
	return 0;
}
