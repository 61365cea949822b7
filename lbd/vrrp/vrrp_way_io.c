/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes and rules that follow an instance: asked for behind the addresses, and again every second (way_book.h says
 * why); gone before them. */
#include "common/log_io.h"
#include "lbd/vrrp/vrrp_room_io.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define FOLLOW_S 1.0

static bool is_wanted(const struct inst *i)
{
	return i->fsm.state == VRRP_STATE_MASTER;
}

/* Whether what a killed process left may stay until that is decided. */
static bool may_stay(const struct inst *i)
{
	return is_wanted(i) || inst_may_go_on(i);
}

static void log_word(const struct inst *i, const struct way *w, enum way_word word, int err)
{
	char text[WAY_STRLEN];
	way_str(w, text);
	switch (word) {
	case WAY_WORD_RESTORED: lb_log(LB_LOG_WARNING, "vrrp/%s: %s was gone; restored", i->conf.name, text); return;
	case WAY_WORD_IN_THE_WAY:
		lb_log(LB_LOG_ERROR, "vrrp/%s: %s: one that is not ours stands in its place", i->conf.name, text);
		return;
	case WAY_WORD_REFUSED:
		lb_log(LB_LOG_ERROR, "vrrp/%s: the kernel refuses %s: %s", i->conf.name, text, strerror(err));
		return;
	case WAY_WORD_AT_LAST: lb_log(LB_LOG_NOTICE, "vrrp/%s: %s is there now", i->conf.name, text); return;
	case WAY_WORD_NOTHING:
	case WAY_WORD_TAKE: return;
	}
}

/* Out of memory: the next second asks again; of a removal, the next start. */
static void ask(struct inst *i, const struct way *w, int index, bool add)
{
	if (vip_way_ask(i->w->net, i->conf.id, w, index, add))
		lb_log(LB_LOG_ERROR, "vrrp/%s: routes: out of memory", i->conf.name);
}

/* ---- cards ---- */

static void put_cards(struct inst *i)
{
	for (size_t k = 0; k < WAY_ROUTES_MAX; k++) {
		if (i->way_cards[k])
			vip_card_put(i->w->net, i->way_cards[k]);
		i->way_cards[k] = NULL;
	}
}

void inst_ways_set(struct inst *i, const struct vrrp_conf *conf)
{
	struct way gone[WAYS_MAX];
	size_t n_gone;
	struct vip_card *before[WAY_ROUTES_MAX];
	memcpy(before, i->way_cards, sizeof(before));
	way_book_set(&i->ways, conf->routes, conf->n_routes, conf->policy, conf->n_policy, gone, &n_gone);
	/* NULL: out of memory; then it is as a card that is not there */
	for (size_t k = 0; k < WAY_ROUTES_MAX; k++)
		i->way_cards[k] = k < conf->n_routes ? vip_card_get(i->w->net, conf->routes[k].dev) : NULL;
	for (size_t k = 0; k < WAY_ROUTES_MAX; k++)
		if (before[k])
			vip_card_put(i->w->net, before[k]);
	for (size_t k = 0; may_stay(i) && k < n_gone; k++)
		ask(i, &gone[k], 0, false);
}

/* ---- coming and going ---- */

static void have(struct inst *i, size_t k)
{
	struct way_entry *e = &i->ways.v[k];
	bool route = e->way.kind == WAY_ROUTE;
	const struct vip_card *c = route ? i->way_cards[k] : NULL;
	if (!route || (c && c->index))
		ask(i, &e->way, c ? c->index : 0, true);
	else
		log_word(i, &e->way, way_book_added(e, ENODEV), ENODEV);
}

static void follow_later(struct inst *i)
{
	ev_timer_stop(i->w->base.loop, &i->follow);
	if (i->ways.n == 0)
		return;
	ev_timer_set(&i->follow, FOLLOW_S, 0.0);
	ev_timer_start(i->w->base.loop, &i->follow);
}

void inst_ways_have(struct inst *i)
{
	for (size_t k = 0; k < i->ways.n; k++)
		have(i, k);
	vip_asked_send(i->w->net);
	follow_later(i);
}

void inst_ways_renew_sources(struct inst *i)
{
	for (size_t k = 0; k < i->ways.n; k++)
		if (i->ways.v[k].way.kind == WAY_ROUTE && i->ways.v[k].way.u.route.source.family)
			ask(i, &i->ways.v[k].way, 0, false);
}

void inst_ways_let_go(struct inst *i)
{
	ev_timer_stop(i->w->base.loop, &i->follow);
	for (size_t k = i->ways.n; k-- > 0;)
		ask(i, &i->ways.v[k].way, 0, false);
	way_book_let_go(&i->ways);
	vip_asked_send(i->w->net);
}

void inst_ways_free(struct inst *i)
{
	ev_timer_stop(i->w->base.loop, &i->follow);
	put_cards(i);
}

/* ---- what the kernel says ---- */

static void on_follow(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop, (void)events;
	struct inst *i = (struct inst *)((char *)t - offsetof(struct inst, follow));
	inst_look(i); /* had it been standing still it is master no longer */
	if (!is_wanted(i))
		return;
	if (vip_net_waiting_ms(i->w->net) < (int64_t)(FOLLOW_S * 1000))
		inst_ways_have(i);
	else /* the kernel answers nobody now: asking more would only make the queue longer */
		follow_later(i);
}

void inst_ways_timer(struct inst *i)
{
	ev_init(&i->follow, on_follow);
}

void insts_ways_card(struct room *w, const struct vip_card *c)
{
	struct inst *i;
	LIST_FOREACH (i, &w->insts, next) {
		bool its = false;
		for (size_t k = 0; k < WAY_ROUTES_MAX; k++)
			its |= i->way_cards[k] == c;
		if (its && is_wanted(i))
			inst_ways_have(i);
	}
}

void insts_way(struct room *w, uint32_t id, const struct way *way, bool add, int err)
{
	struct inst *i = inst_find(w, id);
	struct way_entry *e = i ? way_book_find(&i->ways, way) : NULL;
	if (!e)
		return;
	enum way_word word = add ? way_book_added(e, err) : way_book_removed(e, err);
	log_word(i, &e->way, word, err);
	if (word != WAY_WORD_TAKE || !is_wanted(i))
		return;
	ask(i, &e->way, 0, false);
	have(i, (size_t)(e - i->ways.v));
	vip_asked_send(w->net);
}

/* One that is equal but for its next hop is in the place of ours: when that is asked for, it goes. */
void insts_way_left(struct room *w, const struct way *way)
{
	struct inst *i;
	char text[WAY_STRLEN];
	LIST_FOREACH (i, &w->insts, next)
		if (may_stay(i) && way_book_find(&i->ways, way))
			return;
	lb_log(LB_LOG_NOTICE, "%s was left behind; removed", way_str(way, text));
	if (vip_way_ask(w->net, 0, way, 0, false) == 0)
		vip_asked_send(w->net);
}
