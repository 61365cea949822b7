/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instances: what happens to one becomes an event of its group, and the actions that come out are done in their order.
 * Then the timers of all members are set to their deadlines: there is no other place where one is. How instances come,
 * change and go is in vrrp_set_io.c.
 */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/vrrp/vrrp_room_io.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RENEWALS 3 /* of a lease before it ends */

static const char *const fault_reasons[] = {
	[INST_FAULT_LINK] = "link_down",
	[INST_FAULT_DEAF] = "link_enslaved",
	[INST_FAULT_SOURCE] = "no_address",
	[INST_FAULT_CONTENDED] = "vip_contended",
	[INST_FAULT_CORE] = "core_silent",
	[INST_FAULT_KERNEL] = "kernel_busy",
	[INST_FAULT_TRACK] = NULL,
};
_Static_assert(sizeof(fault_reasons) / sizeof(fault_reasons[0]) == INST_FAULT_COUNT, "one per fault");

struct inst *inst_find(struct room *w, uint32_t id)
{
	struct inst *i;
	LIST_FOREACH (i, &w->insts, next)
		if (i->conf.id == id)
			return i;
	return NULL;
}

bool inst_is_owner(const struct inst *i)
{
	return i->conf.prio == VRRP_PRIO_OWNER;
}

/* ---- telling ---- */

static const char *reason_of(const struct inst *i)
{
	if (i->faults & 1u << INST_FAULT_LINK && i->sock->card->index == 0)
		return "no_interface"; /* a typo, more often than not */
	for (unsigned f = 0; f < INST_FAULT_COUNT; f++)
		if (i->faults & 1u << f)
			return fault_reasons[f] ? fault_reasons[f] : i->track_reason;
	return i->fsm.state == VRRP_STATE_FAULT ? "group" : "";
}

static void tell_state(struct inst *i, enum vrrp_state was, enum vrrp_cause cause)
{
	struct vrrp_msg m = { .type = VRRP_MSG_STATE };
	bool follows = i->fsm.state == VRRP_STATE_BACKUP;
	m.u.state = (struct vrrp_msg_state){ .id = i->conf.id,
		.state = i->fsm.state,
		.was = was,
		.cause = cause,
		.prio = i->fsm.prio,
		.master = follows ? i->fsm.master : (struct lb_ip){ 0 },
		.master_prio = follows ? i->fsm.master_prio : 0,
		.source = i->faults & 1u << INST_FAULT_SOURCE ? (struct lb_ip){ 0 } : i->wire.source,
		.resigned = i->fsm.resigned };
	snprintf(m.u.state.reason, sizeof(m.u.state.reason), "%s", reason_of(i));
	snprintf(m.u.state.refused, sizeof(m.u.state.refused), "%s", inst_refused_why(i));
	snprintf(i->told_reason, sizeof(i->told_reason), "%s", m.u.state.reason);
	i->told_master = m.u.state.master;
	i->told_master_prio = m.u.state.master_prio;
	i->told_resigned = m.u.state.resigned;
	room_send(i->w, &m);
}

/* Whom a backup follows changes without a change of state. Told once a second, however often adverts change it. */
static void tell_master(struct inst *i)
{
	if (i->fsm.state == VRRP_STATE_BACKUP &&
		(lb_ip_cmp(&i->fsm.master, &i->told_master) != 0 || i->fsm.master_prio != i->told_master_prio))
		tell_state(i, i->fsm.state, VRRP_CAUSE_STARTED);
}

/* Of who was not master that is all that changed: a process that follows this one must know it. */
static void tell_resigned(struct inst *i)
{
	if (i->fsm.resigned != i->told_resigned)
		tell_state(i, i->fsm.state, VRRP_CAUSE_STARTED);
}

void inst_tell_alarm(struct inst *i, enum vrrp_alarm alarm, bool on, const char *text)
{
	struct vrrp_msg m = { .type = VRRP_MSG_ALARM };
	m.u.alarm = (struct vrrp_msg_alarm){ .id = i->conf.id, .alarm = alarm, .on = on };
	snprintf(m.u.alarm.text, sizeof(m.u.alarm.text), "%s", on ? text : "");
	room_send(i->w, &m);
}

static void tell_alarm(struct inst *i, enum vrrp_alarm alarm, bool on)
{
	char text[VRRP_REASON_MAX];
	vrrp_alarm_other(&i->fsm, text, sizeof(text));
	inst_tell_alarm(i, alarm, on, text);
}

/* ---- doing ---- */

static void arm(struct inst *i, ev_timer *t, struct lb_time at, struct lb_time now)
{
	ev_timer_stop(i->w->base.loop, t);
	if (at.us == LB_TIME_NEVER.us)
		return;
	int64_t wait = lb_time_diff_us(at, now);
	ev_timer_set(t, wait > 0 ? (double)wait / 1e6 : 0.0, 0.0);
	ev_timer_start(i->w->base.loop, t);
}

int64_t inst_renew_ms(const struct inst *i)
{
	return (int64_t)i->conf.lease_s * 1000 / RENEWALS;
}

bool inst_is_leased(const struct inst *i)
{
	return i->conf.lease_s && !inst_is_owner(i);
}

void inst_renew_in(struct inst *i, int64_t ms)
{
	if (ev_is_active(&i->renew))
		return;
	ev_timer_set(&i->renew, (double)ms / 1e3, 0.0);
	ev_timer_start(i->w->base.loop, &i->renew);
}

static void renew_later(struct inst *i)
{
	ev_timer_stop(i->w->base.loop, &i->renew);
	if (inst_is_leased(i))
		inst_renew_in(i, inst_renew_ms(i));
}

void inst_have_addresses(struct inst *i)
{
	uint32_t lease_s = inst_is_owner(i) ? VIP_HOSTS_OWN : i->conf.lease_s;
	struct vip_card *c = inst_card(i);
	/* a device of our own that is not there yet gets them when it is (vrrp_mac_io.c) */
	bool later = inst_has_mac(i) && !c->index;
	int err = later ? 0 : vips_add(i->w->net, c, i->vips, i->n_vips, lease_s);
	if (err)
		lb_log(LB_LOG_ERROR, "vrrp/%s: addresses: %s", i->conf.name, strerror(-err));
	renew_later(i);
}

static void have_all(struct inst *i)
{
	i->refused.rounds = 0;
	inst_mac_up(i);
	inst_have_addresses(i);
	inst_ways_have(i);
}

bool inst_has_vip(const struct inst *i, const struct vip *v)
{
	for (size_t k = 0; k < i->n_vips; k++)
		if (lb_ip_cmp(&i->vips[k].ip, &v->ip) == 0 && i->vips[k].prefix == v->prefix)
			return true;
	return false;
}

/* Where a reload moves an address, the one that gets it may be told before the one that had it. */
bool inst_is_anothers(const struct inst *i, const struct vip_card *card, const struct vip *v)
{
	const struct inst *o;
	LIST_FOREACH (o, &i->w->insts, next)
		if (o != i && o->fsm.state == VRRP_STATE_MASTER && inst_card(o) == card && inst_has_vip(o, v))
			return true;
	return false;
}

void inst_drop_addresses(struct inst *i, struct vip_card *card, const struct vip *v, size_t n)
{
	struct vip gone[sizeof(i->vips) / sizeof(i->vips[0])];
	size_t n_gone = 0;
	for (size_t k = 0; k < n && !inst_is_owner(i); k++)
		if (!inst_is_anothers(i, card, &v[k]))
			gone[n_gone++] = v[k];
	(void)vips_del(i->w->net, card, gone, n_gone);
}

/* Somebody may have set one of them with another prefix meanwhile: it is told of behind this. */
static void drop_all(struct inst *i)
{
	inst_mac_down(i);
	inst_drop_addresses(i, inst_card(i), i->vips, i->n_vips);
	inst_look_for_addresses(i);
	vip_asked_send(i->w->net);
}

static void let_go(struct inst *i)
{
	ev_timer_stop(i->w->base.loop, &i->renew);
	ev_timer_stop(i->w->base.loop, &i->announce);
	vrrp_announce_stop(&i->burst);
	inst_ways_let_go(i);
	drop_all(i);
}

void inst_announce(struct inst *i, struct lb_time now)
{
	struct vrrp_announce_rules rules = i->conf.announce;
	const uint8_t *mac = inst_mac(i);
	if (mac)
		memcpy(i->announced_mac, mac, sizeof(i->announced_mac));
	/* once more when a dead master's lease must have ended: until then its kernel may have answered, too */
	rules.again_ms = i->conf.lease_s ? (int64_t)i->conf.lease_s * 1000 + ROOM_LEASE_SLACK_MS : 0;
	vrrp_announce_start(&i->burst, &rules, i->n_vips, now);
	arm(i, &i->announce, i->burst.deadline, now);
}

static void act(struct inst *i, const struct vrrp_act *a, struct lb_time now)
{
	switch (a->type) {
	case VRRP_ACT_ADVERT:
		sock_advert(i, a->prio);
		i->beat_due = true; /* the same word over the second path */
		break;
	case VRRP_ACT_ADDRS:
		if (a->on) {
			taken_begin(i, lb_clock_now());
			have_all(i);
		} else
			let_go(i);
		inst_watch(i, a->on);
		break;
	case VRRP_ACT_ANNOUNCE: inst_announce(i, now); break;
	case VRRP_ACT_REPORT:
		i->beat_due = true;
		i->stats.transitions += i->fsm.state == VRRP_STATE_MASTER;
		tell_state(i, a->was, a->cause);
		break;
	case VRRP_ACT_ALARM: tell_alarm(i, a->alarm, a->on); break;
	}
}

/* What was left behind by a process that was killed stays while it is not decided whether we go on as master. Then
 * it goes; from the card also where the addresses are on a device of their own now, and were not before. */
static void settle_left(struct inst *i)
{
	bool decided = i->resuming && !i->fsm.resuming;
	if (decided && i->fsm.state != VRRP_STATE_MASTER) {
		inst_ways_let_go(i);
		drop_all(i);
	} else if (decided && inst_has_mac(i)) {
		(void)vips_del(i->w->net, i->sock->card, i->vips, i->n_vips);
		inst_look_for_addresses(i); /* with another prefix, as in drop_all */
	}
	i->resuming = i->fsm.resuming;
}

size_t inst_member(const struct inst *i)
{
	size_t member = 0;
	while (i->group->member[member] != i)
		member++;
	return member;
}

/* What the step came to is looked at once, from the outermost step: what is done then are steps, too. */
static void follow(struct group *g, const struct vrrp_group_acts *out, struct lb_time now)
{
	struct room *w = g->member[0]->w;
	w->depth++;
	for (size_t k = 0; k < out->n; k++)
		act(g->member[out->v[k].member], &out->v[k].act, now);
	for (size_t k = 0; k < g->g.n; k++) {
		settle_left(g->member[k]);
		tell_resigned(g->member[k]);
	}
	if (w->depth == 1)
		moves_look(g, now);
	w->depth--;
	ev_now_update(w->base.loop); /* a timer counts from the loop's time, which may be old by now */
	now = lb_clock_now();
	for (size_t k = 0; k < g->g.n; k++)
		arm(g->member[k], &g->member[k]->timer, g->member[k]->fsm.deadline, now);
}

static void step_at(struct inst *i, const struct vrrp_event *ev, struct lb_time now)
{
	struct vrrp_group_acts out;
	vrrp_group_step(&i->group->g, inst_member(i), ev, now, &out);
	follow(i->group, &out, now);
}

void inst_left(struct group *g, size_t member)
{
	struct vrrp_group_acts out;
	struct lb_time now = lb_clock_now();
	vrrp_group_leave(&g->g, member, now, &out);
	if (g->g.n)
		follow(g, &out, now);
}

void inst_step(struct inst *i, const struct vrrp_event *ev)
{
	step_at(i, ev, lb_clock_now());
}

void inst_look(struct inst *i)
{
	inst_step(i, &(struct vrrp_event){ .type = VRRP_EVENT_TIMER });
}

/* ---- faults, priority, our own address ---- */

void inst_set_fault(struct inst *i, enum inst_fault f, bool on)
{
	uint32_t before = i->faults;
	i->faults = on ? before | 1u << f : before & ~(1u << f);
	if (!before != !i->faults)
		inst_step(i, &(struct vrrp_event){ .type = VRRP_EVENT_FAULT, .on = i->faults != 0 });
	if (i->fsm.state == VRRP_STATE_FAULT && strcmp(i->told_reason, reason_of(i)) != 0)
		tell_state(i, VRRP_STATE_FAULT, VRRP_CAUSE_FAULT);
}

uint8_t inst_prio(const struct inst *i)
{
	return vrrp_effective_prio(i->conf.prio, i->track_add);
}

void inst_set_prio(struct inst *i)
{
	uint8_t prio = inst_prio(i);
	if (prio == i->fsm.prio)
		return;
	inst_step(i, &(struct vrrp_event){ .type = VRRP_EVENT_PRIO, .prio = prio });
	tell_state(i, i->fsm.state, VRRP_CAUSE_STARTED);
}

void inst_set_source(struct inst *i)
{
	const struct vip_card *c = i->sock->card;
	struct lb_ip ip = i->conf.source.family ? i->conf.source : i->conf.family == AF_INET ? c->source4 : c->source6;
	bool none = ip.family == 0;
	/* with the address that it had: of IPv4 the kernel still sends that, and nobody waits for a master that left */
	if (none)
		inst_set_fault(i, INST_FAULT_SOURCE, true);
	else
		i->said_source = ip;
	if (lb_ip_cmp(&ip, &i->wire.source) != 0) {
		i->wire.source = ip;
		inst_step(i, &(struct vrrp_event){ .type = VRRP_EVENT_SOURCE, .from = ip });
	}
	inst_set_fault(i, INST_FAULT_SOURCE, none);
}

/* The card has got another hardware address: neighbours send to the old one until they are told. */
static void look_at_mac(struct inst *i)
{
	const uint8_t *mac = inst_mac(i);
	if (i->fsm.state == VRRP_STATE_MASTER && mac && memcmp(mac, i->announced_mac, sizeof(i->announced_mac)) != 0)
		inst_announce(i, lb_clock_now());
}

static void look_at_card(struct inst *i)
{
	bool open = sock_look(i->sock);
	inst_set_fault(i, INST_FAULT_LINK, !open || !i->sock->card->up);
	inst_set_fault(i, INST_FAULT_DEAF, i->sock->card->deaf);
	inst_set_source(i);
	inst_watch_again(i);
	look_at_mac(i);
}

/* What the kernel had no room for: a card that is well says nothing that would make us ask again. */
static void look_again(struct inst *i)
{
	bool shut = i->faults & 1u << INST_FAULT_LINK;
	if (i->started && i->sock->card->up && (shut || i->sock->unfiltered))
		look_at_card(i);
}

void insts_stats(struct room *w)
{
	struct inst *i;
	LIST_FOREACH (i, &w->insts, next) {
		struct vrrp_msg m = { .type = VRRP_MSG_STATS, .u.stats = i->stats };
		m.u.stats.id = i->conf.id;
		room_send(w, &m);
		i->stats.late_us = 0;
		tell_master(i);
		inst_refused_look(i);
		sock_calm(i);
		look_again(i);
		inst_mac_look_again(i);
	}
}

/* Addresses that are still there have been missed by nobody yet: their master was killed, or restarted, a moment ago,
 * and the lease of those that it left longer ago is over. */
static bool was_master(const struct inst *i)
{
	const struct vip_net *n = i->w->net;
	return vips_left(n, i->sock->card, i->vips, i->n_vips) ||
	       (i->mac.card && vips_left(n, i->mac.card, i->vips, i->n_vips));
}

bool inst_may_go_on(const struct inst *i)
{
	return i->fsm.resuming || (!i->started && was_master(i));
}

void inst_start(struct inst *i)
{
	bool goes_on = was_master(i);
	i->started = true;
	look_at_card(i);
	inst_step(i, &(struct vrrp_event){ .type = VRRP_EVENT_START, .on = goes_on });
	if (i->fsm.state == VRRP_STATE_INIT) /* it waits for its startup delay: nothing has been reported */
		tell_state(i, VRRP_STATE_INIT, VRRP_CAUSE_STARTED);
}

void insts_card(struct room *w, struct vip_card *c)
{
	struct inst *i;
	LIST_FOREACH (i, &w->insts, next) {
		if (i->sock->card != c)
			continue;
		if (i->started)
			look_at_card(i);
		else
			inst_start(i);
	}
	insts_mac_card(w, c);
	insts_ways_card(w, c);
}

void insts_core(struct room *w, bool silent)
{
	struct inst *i;
	LIST_FOREACH (i, &w->insts, next)
		if (!(i->faults & 1u << INST_FAULT_CORE) == silent)
			inst_set_fault(i, INST_FAULT_CORE, silent);
}

void insts_slept(struct room *w, int64_t us)
{
	struct group *g;
	const struct vrrp_event ev = { .type = VRRP_EVENT_SLEPT, .for_ms = us / 1000 };
	LIST_FOREACH (g, &w->groups, next)
		inst_step(g->member[0], &ev);
}

void inst_track(struct room *w, const struct vrrp_msg_track *t)
{
	struct inst *i = inst_find(w, t->id);
	if (!i)
		return;
	i->track_add = t->add;
	snprintf(i->track_reason, sizeof(i->track_reason), "%s", t->reason);
	inst_set_fault(i, INST_FAULT_TRACK, t->fault);
	inst_set_prio(i);
}

/* ---- its timers, adverts, and words for it ---- */

/* A kernel that does not answer for a whole lease, or refuses all of them, has let the addresses go: whoever can hold
 * them shall be master. */
static void on_renew(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop, (void)events;
	struct inst *i = (struct inst *)((char *)t - offsetof(struct inst, renew));
	bool stuck = inst_is_leased(i) && vip_net_waiting_ms(i->w->net) >= (int64_t)i->conf.lease_s * 1000;
	inst_look(i);
	inst_set_fault(i, INST_FAULT_KERNEL, stuck);
	if (i->fsm.state == VRRP_STATE_MASTER && inst_refused_all(i, RENEWALS, lb_clock_now()))
		inst_step(i, &(struct vrrp_event){ .type = VRRP_EVENT_RESIGN });
	if (i->fsm.state == VRRP_STATE_MASTER) {
		inst_have_addresses(i);
		i->stats.renewals += inst_is_leased(i);
	} else if (stuck) {
		renew_later(i); /* to see when it answers again */
	}
}

static void on_announce(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop, (void)events;
	struct inst *i = (struct inst *)((char *)t - offsetof(struct inst, announce));
	struct lb_time now = lb_clock_now();
	const struct vip_card *c = i->sock->card;
	const uint8_t *mac = inst_mac(i);
	size_t from = 0, n = vrrp_announce_step(&i->burst, now, &from);
	for (size_t k = from; k < from + n && mac; k++) {
		uint8_t frame[VRRP_FRAME_MAX];
		size_t len = vrrp_announce_frame(&i->vips[k].ip, mac, true, frame);
		(void)vip_frame_send(i->w->net, c, frame, len);
	}
	taken_announced(i, lb_clock_now());
	ev_now_update(i->w->base.loop);
	arm(i, &i->announce, i->burst.deadline, lb_clock_now());
}

static void on_deadline(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop, (void)events;
	struct inst *i = (struct inst *)((char *)t - offsetof(struct inst, timer));
	struct lb_time due = i->fsm.deadline;
	bool master = i->fsm.state == VRRP_STATE_MASTER;
	sock_drain(i->sock); /* an advert that is here counts before the time that is up */
	struct lb_time now = lb_clock_now();
	int64_t late = lb_time_diff_us(now, due);
	if (master && late > i->stats.late_us)
		i->stats.late_us = late > UINT32_MAX ? UINT32_MAX : (uint32_t)late;
	i->taken.due = due;
	i->taken.woke = now;
	step_at(i, &(struct vrrp_event){ .type = VRRP_EVENT_TIMER }, now);
	if (!i->taken.telling)
		i->taken.due = i->taken.woke = (struct lb_time){ 0 };
}

void inst_timers(struct inst *i)
{
	ev_init(&i->timer, on_deadline);
	ev_init(&i->renew, on_renew);
	ev_init(&i->announce, on_announce);
	inst_lost_timers(i);
	inst_watch_timers(i);
}

void inst_advert(struct inst *i, const struct vrrp_advert *a)
{
	struct lb_time heard = lb_clock_now();
	inst_move_advert(i, a->prio);
	i->stats.received++;
	i->stats.sum9568 = a->sum == VRRP_SUM_RFC9568;
	inst_step(i,
		&(struct vrrp_event){
			.type = VRRP_EVENT_ADVERT, .prio = a->prio, .interval_cs = a->interval_cs, .from = a->from });
	if (i->fsm.state != VRRP_STATE_MASTER) /* of one that a master does not yield to the silence is none */
		i->taken.heard = heard;
}

void inst_do(struct room *w, const struct vrrp_msg_do *d)
{
	struct inst *i = inst_find(w, d->id);
	if (!i)
		return;
	switch (d->what) {
	case VRRP_DO_RESIGN: inst_step(i, &(struct vrrp_event){ .type = VRRP_EVENT_RESIGN }); break;
	case VRRP_DO_HANDOVER:
	case VRRP_DO_TAKE:
		inst_move(i, d->what == VRRP_DO_TAKE ? PEER_MOVE_TAKE : PEER_MOVE_HANDOVER, d->for_ms);
		break;
	case VRRP_DO_ANNOUNCE:
		if (i->fsm.state == VRRP_STATE_MASTER)
			inst_announce(i, lb_clock_now());
		break;
	}
}
