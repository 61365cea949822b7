/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The second path seen from an instance: what other nodes say of it, and planned hand-over. What is decided is decided
 * in peer_move and in the state machine. */
#include "common/clock_io.h"
#include "lbd/vrrp/vrrp_room_io.h"

#include <stddef.h>
#include <stdio.h>

/* Of the interval: so long its word holds a backup. It is said anew with each advert, and forgotten before the silence
 * of adverts alone would make a master: the second path never makes a takeover later. */
#define WORD_HALVES 5
#define ROUNDS_MAX  4 /* of looking again after something was done */

_Static_assert(PEER_MOVE_NODES_MAX == VRRP_NODES_MAX && VRRP_WORDS_MAX == VRRP_NODES_MAX, "one number of other nodes");

static bool group_may_leave(const struct group *g, struct lb_time now)
{
	bool any = false;
	for (size_t k = 0; k < g->g.n; k++) {
		const struct inst *i = g->member[k];
		if (i->fsm.state != VRRP_STATE_MASTER)
			continue;
		any = true;
		if (!peer_move_ready(&i->move, &i->fsm, now))
			return false;
	}
	return any;
}

static void tell_moved(struct inst *i)
{
	const struct vrrp_msg m = { .type = VRRP_MSG_MOVED, .u.moved = i->moved };
	i->moved_at = (struct lb_time){ 0 };
	room_send(i->w, &m);
}

static void moved(struct inst *i, const struct peer_move_act *a, struct lb_time now)
{
	if (i->moved_at.us)
		tell_moved(i);
	i->moved = (struct vrrp_msg_moved){
		.id = i->conf.id, .ok = a->reason == PEER_MOVE_DONE, .away = a->away, .outage_us = a->outage_us
	};
	snprintf(i->moved.reason, sizeof(i->moved.reason), "%s", peer_move_reasons[a->reason]);
	i->moved_at = now;
}

/* True: the state machine may be elsewhere now. */
static bool run(struct inst *i, const struct peer_move_acts *acts, struct lb_time now)
{
	bool stepped = false;
	for (size_t k = 0; k < acts->n; k++) {
		const struct peer_move_act *a = &acts->v[k];
		switch (a->type) {
		case PEER_MOVE_ARM:
			inst_step(i, &(struct vrrp_event){ .type = VRRP_EVENT_ARM, .for_ms = PEER_MOVE_ARM_MS });
			break;
		case PEER_MOVE_RESIGN:
			if (!group_may_leave(i->group, now))
				break;
			inst_step(i, &(struct vrrp_event){ .type = VRRP_EVENT_RESIGN });
			stepped = true;
			break;
		case PEER_MOVE_SAY: peers_say(i->w); break;
		case PEER_MOVE_MOVED: moved(i, a, now); break;
		}
	}
	return stepped;
}

static void arm(struct inst *i, struct lb_time now)
{
	ev_timer_stop(i->w->base.loop, &i->move_timer);
	if (i->move.deadline.us == LB_TIME_NEVER.us || i->move.deadline.us == 0)
		return;
	int64_t wait_us = lb_time_diff_us(i->move.deadline, now);
	ev_timer_set(&i->move_timer, wait_us > 0 ? (double)wait_us / 1e6 : 0.0, 0.0);
	ev_timer_start(i->w->base.loop, &i->move_timer);
}

void moves_look(struct group *g, struct lb_time now)
{
	struct peer_move_acts acts;
	bool stepped = g->g.n > 0 && g->member[0]->w->peers;
	for (int round = 0; stepped && round < ROUNDS_MAX; round++) {
		stepped = false;
		for (size_t k = 0; k < g->g.n; k++) {
			struct inst *i = g->member[k];
			peer_move_look(&i->move, &i->fsm, now, &acts);
			stepped |= run(i, &acts, now);
			arm(i, now);
		}
	}
}

/* From outside of a step: as in one. */
static void settle(struct inst *i, const struct peer_move_acts *acts, struct lb_time now)
{
	i->w->depth++;
	(void)run(i, acts, now);
	moves_look(i->group, now);
	i->w->depth--;
}

static void on_move(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop, (void)events;
	struct inst *i = (struct inst *)((char *)t - offsetof(struct inst, move_timer));
	inst_look(i);
}

void inst_move_timer(struct inst *i)
{
	ev_init(&i->move_timer, on_move);
}

/* All of a group get the word, so that all of them find somebody who is ready; one of them reports. */
void inst_move(struct inst *i, enum peer_move_word word, uint32_t for_ms)
{
	struct lb_time now = lb_clock_now();
	for (size_t k = 0; k < i->group->g.n; k++) {
		struct inst *m = i->group->member[k];
		struct peer_move_acts acts;
		/* the others may have a word of their own from the same operator: that one reports */
		bool has_word = word == PEER_MOVE_TAKE ? m->move.take.on : m->move.leave.on;
		if (m != i && has_word)
			continue;
		peer_move_do(&m->move, &m->fsm, word, for_ms, m != i, now, &acts);
		settle(m, &acts, now);
	}
}

void inst_move_advert(struct inst *i, uint8_t prio)
{
	struct peer_move_acts acts;
	struct lb_time now = lb_clock_now();
	if (!i->w->peers)
		return;
	peer_move_advert(&i->move, &i->fsm, prio, now, &acts);
	i->w->depth++;
	(void)run(i, &acts, now);
	i->w->depth--;
}

static void tell_theirs(struct inst *i, size_t node, const struct peer_entry *e)
{
	struct inst_theirs *t = &i->theirs[node];
	struct vrrp_msg m = { .type = VRRP_MSG_THEIRS };
	t->heard_at = lb_clock_now();
	if (e && e->prio == VRRP_PRIO_OWNER)
		i->owner = e->source;
	else if (e && lb_ip_cmp(&e->source, &i->owner) == 0)
		i->owner = (struct lb_ip){ 0 };
	if (t->known == (e != NULL) && (!e || (t->state == e->state && t->prio == e->prio)))
		return;
	t->known = e != NULL;
	t->state = e ? e->state : VRRP_STATE_INIT;
	t->prio = e ? e->prio : 0;
	m.u.theirs =
		(struct vrrp_msg_theirs){ .id = i->conf.id, .known = t->known, .state = t->state, .prio = t->prio };
	snprintf(m.u.theirs.node, sizeof(m.u.theirs.node), "%s", peers_name(i->w, node));
	room_send(i->w, &m);
}

/* Its word counts from when it was said: on a slow path it would hold a backup for longer than silence does. */
static void step_peer(struct inst *i, const struct peer_entry *e, struct lb_time said_at)
{
	int64_t age_ms = lb_time_diff_us(lb_clock_now(), said_at) / 1000;
	int64_t for_ms = (int64_t)e->interval_cs * 10 * WORD_HALVES / 2 - age_ms;
	bool master = e->state == VRRP_STATE_MASTER;
	/* said before we became it: if it stays with its word it says so again */
	if (master && i->fsm.state == VRRP_STATE_MASTER && lb_time_cmp(said_at, i->fsm.since) < 0)
		return;
	inst_step(i, &(struct vrrp_event){ .type = VRRP_EVENT_PEER,
			     .on = master,
			     .prio = e->prio,
			     .for_ms = for_ms > 0 ? for_ms : 0,
			     .from = e->source });
}

void inst_theirs(struct inst *i, size_t node, const struct peer_entry *e, const struct peer_link *l)
{
	struct peer_move_acts acts;
	tell_theirs(i, node, e);
	if (e && e->source.family)
		step_peer(i, e, l->said_at);
	struct lb_time now = lb_clock_now();
	peer_move_hear(&i->move, &i->fsm, node, e, l->said_after, now, &acts);
	settle(i, &acts, now);
}

void moves_tell(struct room *w)
{
	struct inst *i;
	LIST_FOREACH (i, &w->insts, next) {
		bool arriving = i->moved.ok && !i->moved.away;
		if (i->moved_at.us == 0 || (arriving && vip_net_busy(w->net)))
			continue;
		if (arriving)
			i->moved.outage_us += (uint32_t)lb_time_diff_us(lb_clock_now(), i->moved_at);
		tell_moved(i);
	}
}
