/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How instances come, change and go, by the word of the core. What runs is disturbed by nothing that did not change. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/vrrp/vrrp_room_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- groups ---- */

static struct group *group_join(struct room *w, struct inst *i)
{
	struct group *g = NULL;
	if (i->conf.group[0])
		LIST_FOREACH (g, &w->groups, next)
			if (strcmp(g->name, i->conf.group) == 0)
				break;
	if (!g) {
		g = calloc(1, sizeof(*g));
		if (!g)
			return NULL;
		snprintf(g->name, sizeof(g->name), "%s", i->conf.group);
		LIST_INSERT_HEAD(&w->groups, g, next);
	}
	if (g->g.n == VRRP_GROUP_MAX)
		return NULL; /* the configuration allows no more */
	g->member[g->g.n] = i;
	g->g.v[g->g.n] = &i->fsm;
	g->g.own_fault[g->g.n++] = false;
	return g;
}

static void group_leave(struct inst *i)
{
	struct group *g = i->group;
	size_t at = inst_member(i);
	for (size_t k = at; k + 1 < g->g.n; k++)
		g->member[k] = g->member[k + 1];
	inst_left(g, at);
	if (g->g.n == 0) {
		LIST_REMOVE(g, next);
		free(g);
	} else if (!i->w->abandoned) { /* what the one that left held back may go on */
		inst_look(g->member[0]);
	}
}

/* ---- coming and going ---- */

static void take_conf(struct inst *i, const struct vrrp_conf *conf)
{
	struct vrrp_auth was = i->conf.auth;
	i->conf = *conf;
	/* what has been sent and seen stays: a reload must not open the door to a replay */
	i->conf.auth.sent = was.sent;
	memcpy(i->conf.auth.senders, was.senders, sizeof(was.senders));
	i->n_vips = 0;
	for (uint32_t k = 0; k < conf->n_addrs; k++) {
		i->addrs[k] = conf->addrs[k].ip;
		i->vips[i->n_vips++] = conf->addrs[k];
	}
	for (uint32_t k = 0; k < conf->n_excluded; k++)
		i->vips[i->n_vips++] = conf->excluded[k];
	for (size_t k = 0; conf->virtual_mac && k < i->n_vips; k++)
		vmac_fit(&i->vips[k]);
	struct lb_ip source = i->wire.source;
	i->wire = (struct vrrp_wire){ .family = conf->family,
		.version = conf->version,
		.vrid = conf->vrid,
		.sum = conf->sum,
		.interval_cs = conf->rules.interval_cs,
		.source = source,
		.addrs = i->addrs,
		.n_addrs = conf->n_addrs,
		.peers = i->conf.peers,
		.n_peers = conf->n_peers,
		.min_ttl = conf->min_ttl,
		.with_password = conf->with_password };
	memcpy(i->wire.password, conf->password, sizeof(i->wire.password));
	i->fsm.rules = conf->rules;
	if (i->no_delay)
		i->fsm.rules.startup_delay_ms = 0;
}

static void inst_free(struct inst *i)
{
	struct ev_loop *loop = i->w->base.loop;
	struct vip_card *card = i->sock->card;
	if (!i->w->abandoned) {
		inst_step(i, &(struct vrrp_event){ .type = VRRP_EVENT_STOP });
		peers_flush(i->w); /* before the loop sleeps there is nobody left to say it of */
	}
	ev_timer_stop(loop, &i->timer);
	ev_timer_stop(loop, &i->renew);
	ev_timer_stop(loop, &i->announce);
	ev_timer_stop(loop, &i->calm);
	ev_timer_stop(loop, &i->restore);
	ev_timer_stop(loop, &i->move_timer);
	inst_watch(i, false);
	inst_ways_free(i);
	inst_mac_put(i);
	LIST_REMOVE(i, next);
	group_leave(i);
	sock_put(i->sock, i);
	lookout_drop(i->w, card);
	vip_card_put(i->w->net, card);
	explicit_bzero(i, sizeof(*i)); /* keys */
	free(i);
}

/* What it goes on with where there was one before it, in this process or another. */
struct from_before {
	bool resigned, no_delay;
	char refused[VRRP_REASON_MAX]; /* inst_refused_why */
};

static struct inst *inst_new(struct room *w, const struct vrrp_conf *conf, const struct from_before *b)
{
	struct inst *i = calloc(1, sizeof(*i));
	struct vip_card *card = i ? vip_card_get(w->net, conf->interface) : NULL;
	if (!card) {
		free(i);
		return NULL;
	}
	i->w = w;
	i->made_at = lb_clock_now();
	i->no_delay = b->no_delay;
	take_conf(i, conf);
	i->fsm.prio = inst_prio(i);
	i->fsm.resigned = i->told_resigned = b->resigned;
	i->refused.resigned = b->resigned && b->refused[0];
	memcpy(i->refused.text, b->refused, sizeof(i->refused.text));
	inst_timers(i);
	inst_move_timer(i);
	inst_ways_timer(i);
	i->peer_id = peer_name_id(conf->name);
	i->sock = sock_get(w, card, i);
	i->group = i->sock ? group_join(w, i) : NULL;
	if (!i->group) {
		if (i->sock)
			sock_put(i->sock, i);
		vip_card_put(w->net, card);
		free(i);
		return NULL;
	}
	inst_mac_get(i);
	inst_ways_set(i, conf);
	LIST_INSERT_HEAD(&w->insts, i, next);
	return i;
}

/* A change that makes it another instance for its peers. */
static bool is_another(const struct vrrp_conf *a, const struct vrrp_conf *b)
{
	return strcmp(a->interface, b->interface) != 0 || strcmp(a->group, b->group) != 0 || a->family != b->family ||
	       a->version != b->version || a->vrid != b->vrid || !a->n_peers != !b->n_peers ||
	       a->virtual_mac != b->virtual_mac || (a->prio == VRRP_PRIO_OWNER) != (b->prio == VRRP_PRIO_OWNER);
}

static bool same_announce(const struct vrrp_announce_rules *a, const struct vrrp_announce_rules *b)
{
	return a->count == b->count && a->delay_ms == b->delay_ms && a->refresh_ms == b->refresh_ms;
}

static void inst_change(struct inst *i, const struct vrrp_conf *conf)
{
	struct vip old[sizeof(i->vips) / sizeof(i->vips[0])], gone[sizeof(i->vips) / sizeof(i->vips[0])];
	size_t n_old = i->n_vips, n_gone = 0;
	memcpy(old, i->vips, sizeof(old));
	bool may_go_on = inst_may_go_on(i), other = !same_announce(&i->conf.announce, &conf->announce);
	take_conf(i, conf);
	for (size_t k = 0; k < n_old; k++)
		if (!inst_has_vip(i, &old[k]))
			gone[n_gone++] = old[k];
	inst_step(i, &(struct vrrp_event){ .type = VRRP_EVENT_RULES });
	inst_set_prio(i);
	inst_set_source(i);
	inst_watch_again(i);
	/* rules and routes go before the addresses that they may need */
	inst_ways_set(i, conf);
	bool master = i->fsm.state == VRRP_STATE_MASTER;
	if (master || may_go_on)
		inst_drop_addresses(i, inst_card(i), gone, n_gone);
	if (may_go_on && inst_has_mac(i)) /* a process before this one had them without a device */
		inst_drop_addresses(i, i->sock->card, gone, n_gone);
	if (!master)
		return;
	inst_have_addresses(i);
	inst_ways_have(i);
	/* with new rules, too: where there were none it begins, and a refresh counts from now */
	if (other || n_gone || n_old != i->n_vips)
		inst_announce(i, lb_clock_now());
}

/* Of one that is here the core may not have heard yet. One that comes later would hold its group, or be missed, as long
 * as after a start: but one that still waits does so anew. */
static struct from_before from_before(const struct room *w, const struct inst *i, const struct vrrp_conf *conf)
{
	struct from_before b = { .resigned = i ? i->fsm.resigned : conf->resigned,
		.no_delay = i ? i->no_delay || i->fsm.state != VRRP_STATE_INIT : w->begun };
	snprintf(b.refused, sizeof(b.refused), "%s", i ? inst_refused_why(i) : conf->refused);
	return b;
}

void inst_set(struct room *w, const struct vrrp_conf *conf)
{
	struct inst *i = inst_find(w, conf->id);
	if (i && !is_another(&i->conf, conf)) {
		inst_change(i, conf);
		inst_look_for_addresses(i);
		return;
	}
	struct from_before before = from_before(w, i, conf);
	if (i)
		inst_free(i);
	i = inst_new(w, conf, &before);
	if (!i) {
		lb_log(LB_LOG_ERROR, "vrrp/%s: out of memory", conf->name);
		lb_room_end(&w->base, 1);
		return;
	}
	const struct inst *other;
	LIST_FOREACH (other, &w->insts, next)
		if (other->sock->card == i->sock->card && other->started && !i->started)
			inst_start(i);
	inst_look_for_addresses(i);
}

void inst_del(struct room *w, uint32_t id)
{
	struct inst *i = inst_find(w, id);
	if (i)
		inst_free(i);
}

void insts_stop(struct room *w)
{
	struct inst *each;
	LIST_FOREACH (each, &w->insts, next) /* all of them first: nobody recovers because an ill one has left */
		if (!w->abandoned)
			inst_step(each, &(struct vrrp_event){ .type = VRRP_EVENT_STOP });
	for (struct inst *i = LIST_FIRST(&w->insts), *next; i; i = next) {
		next = LIST_NEXT(i, next);
		inst_free(i);
	}
}
