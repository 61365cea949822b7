/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device with the virtual hardware address of an instance (vmac.h): made, adopted, up while master, removed.
 *
 * Everything that is asked about it stands in one queue with the addresses. What the kernel tells meanwhile may be
 * older than what was asked; so it is looked at again when the last answer is there, and not before.
 *
 * Where the kernel makes no such device, or lets it not go up, the instance goes on with the card's own hardware
 * address, and says so: a master that is reached by it is better than none.
 */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/vrrp/vrrp_room_io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MTU6_MIN 1280 /* of a device with IPv6 (RFC 8200 5) */

bool inst_has_mac(const struct inst *i)
{
	return i->mac.card && !i->mac.refused;
}

struct vip_card *inst_card(const struct inst *i)
{
	return inst_has_mac(i) ? i->mac.card : i->sock->card;
}

const uint8_t *inst_mac(const struct inst *i)
{
	if (inst_has_mac(i))
		return i->mac.address;
	return i->sock->card->has_mac ? i->sock->card->mac : NULL;
}

static bool is_master(const struct inst *i)
{
	return i->fsm.state == VRRP_STATE_MASTER;
}

/* ---- asking ---- */

static void ask(struct inst *i, enum link_what what, int index)
{
	struct link_ask a = { .what = what, .owner = i->mac.id, .index = index };
	memcpy(a.name, i->mac.card->name, sizeof(a.name));
	memcpy(a.mac, i->mac.address, sizeof(a.mac));
	snprintf(a.alias, sizeof(a.alias), "lbd vrrp/%.*s", (int)(sizeof(a.alias) - sizeof("lbd vrrp/")), i->conf.name);
	const struct vip_card *c = i->sock->card;
	a.arp_ignore = c->arp_ignore > LINK_ARP_IGNORE ? c->arp_ignore : LINK_ARP_IGNORE;
	a.arp_announce = c->arp_announce > LINK_ARP_ANNOUNCE ? c->arp_announce : LINK_ARP_ANNOUNCE;
	a.mtu = vmac_mtu(c);
	if (vip_link_ask(i->w->net, &a))
		lb_log(LB_LOG_ERROR, "vrrp/%s: virtual_mac: out of memory", i->conf.name);
	else
		i->mac.pending++;
}

/* Settings: of a device that was made a moment ago, or by a process before us. */
static void ask_settings(struct inst *i)
{
	const struct vip_card *c = i->sock->card;
	ask(i, LINK_SET, 0);
	ask(i, LINK_SET6, 0);
	if (c->arp_ignore < LINK_ARP_IGNORE || c->arp_announce < LINK_ARP_ANNOUNCE)
		ask(i, LINK_CARD, c->index);
}

/* Where there was no IPv6 on the device it begins with this, and would give itself an address at once if the device
 * were up. Whether it was, and goes down for that moment. */
static bool ask_mtu(struct inst *i)
{
	const struct vip_card *own = i->mac.card;
	bool six_begins = own->mtu < MTU6_MIN && i->sock->card->mtu >= MTU6_MIN, for_that = six_begins && own->on;
	i->mac.mtu_asked = true;
	if (for_that)
		ask(i, LINK_DOWN, own->index);
	ask(i, LINK_MTU, own->index);
	if (six_begins)
		ask_settings(i);
	if (for_that)
		ask(i, LINK_UP, own->index);
	return for_that;
}

void inst_mac_down(struct inst *i)
{
	if (!inst_has_mac(i) || !i->mac.card->index)
		return;
	ask(i, LINK_DOWN, i->mac.card->index);
}

/* ---- refused ---- */

static const char *why(int err)
{
	switch (err) {
	case EOPNOTSUPP: return "the kernel has no macvlan, to mend: modprobe macvlan";
	case EBUSY: return "the card is part of a bridge or bond";
	case EADDRINUSE: return "another device on the card has it";
	case EEXIST: return "another device has its name";
	default: return strerror(err);
	}
}

static void refused(struct inst *i, int err)
{
	char text[VRRP_REASON_MAX];
	struct vip_card *own = i->mac.card;
	bool master = is_master(i);
	if (i->mac.refused)
		return;
	if (master && own->index && err != EEXIST && !inst_is_owner(i))
		(void)vips_del(i->w->net, own, i->vips, i->n_vips);
	i->mac.refused = true;
	snprintf(text, sizeof(text), "the card's own is used: %s", why(err));
	lb_log(LB_LOG_ERROR, "vrrp/%s: no device %s with the virtual hardware address: %s; the card's own is used",
		i->conf.name, own->name, why(err));
	inst_tell_alarm(i, VRRP_ALARM_NO_VIRTUAL_MAC, true, text);
	if (!master)
		return;
	inst_have_addresses(i);
	inst_announce(i, lb_clock_now());
}

/* ---- looking ---- */

/* A master whose device was not as it should be: now it will be. */
static void restore(struct inst *i)
{
	inst_mac_up(i);
	inst_restore(i);
}

static void make(struct inst *i)
{
	if (is_master(i) && i->mac.life && !inst_lost_one(i))
		return; /* somebody removes it again and again */
	i->mac.life = 0;
	i->mac.making = true;
	ask(i, LINK_MAKE, i->sock->card->index);
	ask_settings(i);
	vip_asked_send(i->w->net);
}

/* One that is up and should not be goes down when the settings are answered: then it is looked at again. */
static void adopt(struct inst *i)
{
	bool made = i->mac.making;
	i->mac.life = i->mac.card->life;
	i->mac.making = false;
	if (!made && i->mac.card->mtu < vmac_mtu(i->sock->card))
		(void)ask_mtu(i);
	if (!made)
		ask_settings(i);
	if (is_master(i))
		restore(i);
	vip_asked_send(i->w->net);
}

static void follow_mtu(struct inst *i)
{
	bool was_down = ask_mtu(i);
	if (was_down && is_master(i))
		restore(i);
	vip_asked_send(i->w->net);
}

void inst_mac_look(struct inst *i)
{
	if (!inst_has_mac(i) || !i->mac.known || i->mac.pending)
		return;
	const struct vmac_seen s = { .card = i->sock->card,
		.own = i->mac.card,
		.mac = i->mac.address,
		.life = i->mac.life,
		.master = is_master(i),
		.may_stay = inst_may_go_on(i),
		.mtu_asked = i->mac.mtu_asked };
	switch (vmac_look(&s)) {
	case VMAC_WORD_NOTHING: return;
	case VMAC_WORD_MAKE: make(i); return;
	case VMAC_WORD_REMOVE:
		ask(i, LINK_DELETE, i->mac.card->index);
		vip_asked_send(i->w->net);
		return;
	case VMAC_WORD_TAKEN: refused(i, EEXIST); return;
	case VMAC_WORD_ADOPT: adopt(i); return;
	case VMAC_WORD_MTU: follow_mtu(i); return;
	case VMAC_WORD_UP:
		if (inst_lost_one(i))
			restore(i);
		return;
	case VMAC_WORD_DOWN:
		inst_mac_down(i);
		vip_asked_send(i->w->net);
		return;
	}
}

void inst_mac_look_again(struct inst *i)
{
	if (!i->mac.mtu_asked || i->mac.mtu_refused)
		return;
	i->mac.mtu_asked = false;
	inst_mac_look(i);
}

void inst_mac_up(struct inst *i)
{
	if (!inst_has_mac(i))
		return;
	if (i->mac.card->index)
		ask(i, LINK_UP, i->mac.card->index);
	else
		inst_mac_look(i);
}

/* ---- what the kernel says ---- */

/* Once more: the reason may be gone. Not of a master, which would be away for a moment. */
static void try_again(struct inst *i)
{
	if (!i->mac.refused || is_master(i))
		return;
	i->mac.refused = false;
	inst_tell_alarm(i, VRRP_ALARM_NO_VIRTUAL_MAC, false, "");
}

void insts_mac_card(struct room *w, const struct vip_card *c)
{
	struct inst *i;
	LIST_FOREACH (i, &w->insts, next) {
		if (!i->mac.card)
			continue;
		if (i->mac.card == c)
			i->mac.known = true;
		try_again(i);
		if (i->sock->card == c && i->mac.mtu_refused)
			i->mac.mtu_asked = i->mac.mtu_refused = false;
		if (i->mac.card == c || i->sock->card == c)
			inst_mac_look(i);
	}
}

/* The card has a smaller MTU by now: no wonder that it was refused. */
static bool is_outdated(const struct inst *i, const struct link_ask *a)
{
	return a->what == LINK_MTU && a->mtu > vmac_mtu(i->sock->card);
}

/* Where there is no IPv6 the device makes itself no address of it, and an instance of IPv4 needs no more. */
static bool is_without_ipv6(const struct inst *i, const struct link_ask *a, int err)
{
	return a->what == LINK_SET6 && err == EAFNOSUPPORT && i->conf.family == AF_INET;
}

static void answered(struct inst *i, const struct link_ask *a, int err)
{
	static const char *const whats[] = { "made", "set", "set for IPv6", "followed by its card",
		"given the MTU of its card", "up", "down", "removed" };
	if (i->mac.pending)
		i->mac.pending--;
	/* its card is gone, or it is there already: that is told by itself */
	if (a->what == LINK_MAKE && (err == ENODEV || err == EEXIST))
		return;
	if (a->what == LINK_UP && err == ENODEV)
		i->mac.life = 0; /* removed while it was set up again: one loss */
	if (err > 0 && err != ENODEV && (a->what == LINK_MAKE || a->what == LINK_UP))
		refused(i, err);
	else if (err > 0 && err != ENODEV && !i->mac.refused && !is_outdated(i, a) && !is_without_ipv6(i, a, err))
		lb_log(LB_LOG_ERROR, "vrrp/%s: %s cannot be %s: %s", i->conf.name, a->name, whats[a->what],
			strerror(err));
	if (a->what == LINK_MTU)
		i->mac.mtu_refused = err > 0 && !is_outdated(i, a);
	inst_mac_look(i);
}

void insts_link(struct room *w, const struct link_ask *a, int err)
{
	struct inst *i;
	LIST_FOREACH (i, &w->insts, next)
		if (i->mac.card && i->mac.id == a->owner) {
			answered(i, a, err);
			return;
		}
}

void insts_link_left(struct room *w, const char *name, int index)
{
	const struct inst *i;
	LIST_FOREACH (i, &w->insts, next)
		if (i->mac.card && strcmp(i->mac.card->name, name) == 0)
			return;
	struct link_ask a = { .what = LINK_DELETE, .index = index };
	snprintf(a.name, sizeof(a.name), "%s", name);
	lb_log(LB_LOG_NOTICE, "%s was left behind; removed", name);
	if (vip_link_ask(w->net, &a) == 0)
		vip_asked_send(w->net);
}

/* ---- coming and going ---- */

void inst_mac_get(struct inst *i)
{
	char name[16];
	if (!i->conf.virtual_mac)
		return;
	vmac_address(i->conf.family, i->conf.vrid, i->mac.address);
	vmac_name(i->conf.family, i->conf.vrid, i->conf.interface, name);
	i->mac.card = vip_card_get(i->w->net, name);
	i->mac.id = ++i->w->macs;
	if (i->mac.card)
		i->mac.card->metric = VMAC_METRIC;
	else
		lb_log(LB_LOG_ERROR, "vrrp/%s: virtual_mac: out of memory", i->conf.name);
}

void inst_mac_put(struct inst *i)
{
	struct vip_card *own = i->mac.card;
	if (!own)
		return;
	bool ours = own->index && i->mac.life == own->life;
	if (!i->w->abandoned && (ours || i->mac.making)) {
		ask(i, LINK_DELETE, own->index);
		vip_asked_send(i->w->net);
	}
	if (i->mac.refused && !i->w->abandoned)
		inst_tell_alarm(i, VRRP_ALARM_NO_VIRTUAL_MAC, false, "");
	i->mac.card = NULL;
	vip_card_put(i->w->net, own);
}
