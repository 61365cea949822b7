/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long each part of becoming master took: told once, when the kernel has the addresses and the first announcement
 * has gone out. */
#include "common/clock_io.h"
#include "lbd/vrrp/vrrp_room_io.h"

void taken_begin(struct inst *i, struct lb_time now)
{
	struct inst_taken *t = &i->taken;
	t->advert = now;
	t->announced = (struct lb_time){ 0 };
	t->telling = true;
	if (!t->woke.us) /* no timer of its own: it went along with its group */
		t->heard = t->due = t->woke = now;
}

void taken_announced(struct inst *i, struct lb_time now)
{
	if (!i->taken.announced.us)
		i->taken.announced = now;
}

static uint32_t part(struct lb_time from, struct lb_time to)
{
	return from.us ? lb_time_span_us(from, to) : 0; /* it was never heard */
}

static void tell(struct inst *i)
{
	struct inst_taken *t = &i->taken;
	const struct vrrp_msg m = { .type = VRRP_MSG_TAKEN,
		.u.taken = { .id = i->conf.id,
			.silent_us = part(t->heard, t->due),
			.woke_us = part(t->due, t->woke),
			.advert_us = part(t->woke, t->advert),
			.addresses_us = part(t->advert, t->held),
			.announced_us = part(t->held, t->announced) } };
	*t = (struct inst_taken){ 0 }; /* what was heard ends with the own time as master */
	room_send(i->w, &m);
}

void taken_tell(struct room *w)
{
	struct inst *i;
	struct lb_time now = lb_clock_now();
	LIST_FOREACH (i, &w->insts, next) {
		struct inst_taken *t = &i->taken;
		if (!t->telling)
			continue;
		if (i->fsm.state != VRRP_STATE_MASTER) {
			*t = (struct inst_taken){ .heard = t->heard }; /* it was not for long */
			continue;
		}
		if (!t->held.us && !vip_net_busy(w->net))
			t->held = now;
		if (t->held.us && t->announced.us)
			tell(i);
	}
}
