/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others do to our addresses on the cards: those that they take away are restored, or left to them where they go
 * on; those that come to where they should not be are removed. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/vrrp/vrrp_room_io.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define CALM_S 60.0 /* how long an address that others fight for is left to them */

/* With whatever prefix. */
static bool has_ip(const struct inst *i, const struct lb_ip *ip)
{
	for (size_t k = 0; k < i->n_vips; k++)
		if (lb_ip_cmp(&i->vips[k].ip, ip) == 0)
			return true;
	return false;
}

bool insts_own(const struct room *w, const struct lb_ip *ip)
{
	const struct inst *i;
	LIST_FOREACH (i, &w->insts, next)
		if (!inst_is_owner(i) && has_ip(i, ip))
			return true;
	return false;
}

/* ---- taken away ---- */

/* Whether what was taken away now belongs to the last loss. */
static bool is_same_loss(const struct inst *i, struct lb_time now)
{
	return i->lost_at[0].us && lb_time_diff_us(now, i->lost_at[0]) < ROOM_LOST_ONE_MS * 1000;
}

/* Whether it has been taken away too often lately. */
static bool too_often(struct inst *i, struct lb_time now)
{
	if (is_same_loss(i, now))
		return false;
	memmove(&i->lost_at[1], &i->lost_at[0], sizeof(i->lost_at) - sizeof(i->lost_at[0]));
	i->lost_at[0] = now;
	struct lb_time first = i->lost_at[ROOM_LOST_MAX - 1];
	return first.us && lb_time_diff_us(now, first) < ROOM_LOST_MS * 1000;
}

bool inst_lost_one(struct inst *i)
{
	if (!too_often(i, lb_clock_now()))
		return true;
	lb_log(LB_LOG_WARNING, "vrrp/%s: its addresses were taken away %d times in %d s; given up for %.0f s",
		i->conf.name, ROOM_LOST_MAX, ROOM_LOST_MS / 1000, CALM_S);
	memset(i->lost_at, 0, sizeof(i->lost_at));
	ev_timer_stop(i->w->base.loop, &i->calm);
	ev_timer_set(&i->calm, CALM_S, 0.0);
	ev_timer_start(i->w->base.loop, &i->calm);
	inst_set_fault(i, INST_FAULT_CONTENDED, true);
	return false;
}

void inst_restore(struct inst *i)
{
	inst_have_addresses(i);
	inst_ways_renew_sources(i);
	inst_ways_have(i);
	inst_announce(i, lb_clock_now());
}

/* A loss is told of once, whatever else it takes along: who fights for an address must not fill the log. */
void inst_restored(struct inst *i, bool refused, bool answered)
{
	char ip[LB_IP_STRLEN], more[32] = "";
	struct inst_restoring *r = &i->restoring;
	r->refused |= refused;
	if (!r->n || !answered)
		return;
	if (r->n > 1)
		snprintf(more, sizeof(more), " and %zu more", r->n - 1);
	const char *came = r->refused ? "; not restored: the kernel refuses" : "; restored";
	lb_log(r->same ? LB_LOG_DEBUG : LB_LOG_WARNING, "vip/%s%s: removed from %s by somebody else%s",
		lb_ip_str(&r->ip, ip), more, inst_card(i)->name, i->fsm.state == VRRP_STATE_MASTER ? came : "");
	r->n = 0;
}

/* All that was taken away in one turn is asked for again at once. */
static void on_restore(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop, (void)events;
	struct inst *i = (struct inst *)((char *)t - offsetof(struct inst, restore));
	size_t n = i->n_lost;
	bool same = is_same_loss(i, lb_clock_now());
	i->n_lost = 0;
	if (i->fsm.state != VRRP_STATE_MASTER || !inst_lost_one(i))
		return;
	i->restoring = (struct inst_restoring){ .n = n, .same = same, .ip = i->lost };
	inst_restore(i);
}

static void on_calm(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop, (void)events;
	inst_set_fault((struct inst *)((char *)t - offsetof(struct inst, calm)), INST_FAULT_CONTENDED, false);
}

void inst_lost_timers(struct inst *i)
{
	ev_init(&i->calm, on_calm);
	ev_init(&i->restore, on_restore);
}

/* ---- what the kernel says ---- */

static void address_lost(struct inst *i, const struct lb_ip *ip)
{
	if (i->n_lost++)
		return;
	i->lost = *ip;
	ev_timer_set(&i->restore, 0.0, 0.0);
	ev_timer_start(i->w->base.loop, &i->restore);
}

/* Left behind by one of us who was killed, or set by hand or by another program: both would have it. Told once, and
 * again when it was quiet for so long: who sets it whenever it is gone must not fill the log. */
static void address_found(struct inst *i, const struct vip_card *c, const struct vip *v)
{
	char ip[LB_IP_STRLEN];
	struct lb_time now = lb_clock_now(), was = i->found_at;
	bool again = was.us && lb_time_diff_us(now, was) < (int64_t)(CALM_S * 1e6);
	i->found_at = now;
	lb_log(again ? LB_LOG_DEBUG : LB_LOG_WARNING,
		"vip/%s: found on %s, which is not to have it now (vrrp/%s); removed", lb_ip_str(&v->ip, ip), c->name,
		i->conf.name);
	(void)vips_del(i->w->net, c, v, 1);
}

void insts_address(struct room *w, struct vip_card *c, const struct vip *v, bool added)
{
	struct inst *i;
	LIST_FOREACH (i, &w->insts, next) {
		bool here = inst_card(i) == c, on_it = i->mac.card == c || i->sock->card == c;
		if (!on_it || !has_ip(i, &v->ip) || inst_is_owner(i))
			continue;
		inst_look(i); /* the lease may have ended because we stood still */
		bool master = i->fsm.state == VRRP_STATE_MASTER;
		/* those that a device took along when it was set down come back with it, as one loss */
		bool its_fall = i->mac.card == c && !c->on;
		if (!added && master && here && c->index && !its_fall)
			address_lost(i, &v->ip);
		else if (added && (!master || !here) && !i->fsm.resuming)
			address_found(i, c, v);
		return;
	}
}

void inst_look_for_addresses(struct inst *i)
{
	for (size_t k = 0; k < i->n_vips; k++) {
		if (inst_is_anothers(i, inst_card(i), &i->vips[k])) /* which is told of its end with it behind this */
			continue;
		vips_look(i->w->net, i->sock->card, &i->vips[k], 1);
		if (i->mac.card)
			vips_look(i->w->net, i->mac.card, &i->vips[k], 1);
	}
}

static bool is_on(const struct vip_card *c, int index)
{
	return c && c->index == index;
}

/* IPv6 has an address once on a card: what an instance asked for with another prefix was that one. */
static void have_instead(struct room *w, int index, const struct vip *v)
{
	struct inst *i;
	LIST_FOREACH (i, &w->insts, next)
		if (has_ip(i, &v->ip) && i->fsm.state == VRRP_STATE_MASTER && is_on(inst_card(i), index))
			inst_have_addresses(i);
}

/* What an instance has on that card it goes on with, or removes (insts_address). Of the rest nobody would be told: its
 * card may be one that no instance names any more, and without a lease it would stay for ever. */
void insts_address_left(struct room *w, const char *card, int index, const struct vip *v)
{
	const struct inst *i;
	char ip[LB_IP_STRLEN];
	LIST_FOREACH (i, &w->insts, next)
		if (inst_has_vip(i, v) && (is_on(i->sock->card, index) || is_on(i->mac.card, index)))
			return;
	lb_log(LB_LOG_NOTICE, "vip/%s: was left behind on %s; removed", lb_ip_str(&v->ip, ip), card);
	if (vip_left_ask(w->net, index, v))
		return;
	vip_asked_send(w->net);
	have_instead(w, index, v);
}
