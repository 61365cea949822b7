/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HASH_NONFATAL_OOM 1 /* uthash would end the process when memory runs out */
#include "lbd/vrrp/vip_book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(sizeof(struct vip) == 18, "it is compared as bytes");

/* ---- slots ---- */

static void entry_free(struct vip_slot *s, struct vip_entry *e)
{
	HASH_DEL(s->entries, e);
	free(e);
}

static void slot_free(struct vip_slot *s)
{
	struct vip_entry *e, *next;
	HASH_ITER (hh, s->entries, e, next)
		entry_free(s, e);
	free(s);
}

void vip_book_done(struct vip_book *b)
{
	while (b->slots) {
		struct vip_slot *s = b->slots;
		b->slots = s->next;
		slot_free(s);
	}
	lb_vec_done(&b->events);
}

struct vip_slot *vip_book_get(struct vip_book *b, const char *name)
{
	struct vip_slot **at = &b->slots;
	if (strlen(name) >= sizeof((*at)->card.name))
		return NULL;
	while (*at && strcmp((*at)->card.name, name) != 0)
		at = &(*at)->next;
	struct vip_slot *s = *at;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		memcpy(s->card.name, name, strlen(name));
		s->settled_by = b->dump + 1; /* the one that runs may be past it */
		*at = s;
	}
	s->users++;
	s->tell = true;
	return s;
}

struct vip_slot *vip_book_find(const struct vip_book *b, const struct vip_card *c)
{
	struct vip_slot *s = b->slots;
	while (s && &s->card != c)
		s = s->next;
	return s;
}

static struct vip_slot *by_index(const struct vip_book *b, int index)
{
	struct vip_slot *s = index > 0 ? b->slots : NULL;
	while (s && s->card.index != index)
		s = s->next;
	return s;
}

void vip_book_put(struct vip_book *b, struct vip_slot *s)
{
	if (--s->users)
		return;
	lb_vec_foreach (ev, &b->events)
		if (ev->slot == s)
			ev->slot = NULL;
}

void vip_book_sweep(struct vip_book *b)
{
	struct vip_slot **at = &b->slots;
	while (*at) {
		struct vip_slot *s = *at;
		if (s->users) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		slot_free(s);
	}
}

/* ---- entries ---- */

static struct vip_entry *entry_find(struct vip_slot *s, const struct vip *v)
{
	struct vip_entry *e;
	HASH_FIND(hh, s->entries, v, sizeof(*v), e);
	return e;
}

static struct vip_entry *entry_get(struct vip_slot *s, const struct vip *v)
{
	struct vip_entry *e = entry_find(s, v);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->v = *v;
	HASH_ADD(hh, s->entries, v, sizeof(e->v), e);
	if (!e->hh.tbl) { /* how uthash tells of no memory */
		free(e);
		return NULL;
	}
	return e;
}

static bool is_mine(const struct vip_book *b, const struct lb_ip *ip)
{
	return b->mine && b->mine(ip, b->arg);
}

/* Nothing needs it: not there, and nobody asked about it who still calls it virtual. */
static void entry_drop(struct vip_book *b, struct vip_slot *s, struct vip_entry *e)
{
	bool idle = !e->there && !e->pending && !e->dels && e->ask != VIP_ASK_WANTED;
	if (idle && (e->ask == VIP_ASK_NONE || (b->mine && !is_mine(b, &e->v.ip))))
		entry_free(s, e);
}

/* False: no memory. The cause is left as it is, so that the next dump finds it again. */
static bool tell(struct vip_book *b, enum vip_event_type type, struct vip_slot *s, const struct vip *v, int err)
{
	struct vip_event *ev = s->users ? lb_vec_push(&b->events) : NULL;
	if (ev)
		*ev = (struct vip_event){ type, s, *v, err };
	else if (s->users)
		b->lost = true;
	return ev || !s->users;
}

/* That it was asked for does not make it so: an owner asks for what is the host's own with or without us. */
static bool is_virtual(const struct vip_book *b, const struct vip_entry *e)
{
	/* The label also covers what an earlier process left behind. */
	if (e->proto == VIP_LABEL_PROTO)
		return true;
	return b->mine ? is_mine(b, &e->v.ip) : e->ask != VIP_ASK_NONE;
}

/* An IPv6 address of the host's own that is there. */
static bool is_hosts6(const struct vip_book *b, const struct vip_entry *e)
{
	return e->there && e->v.ip.family == AF_INET6 && !is_virtual(b, e);
}

/* It is not there any more, as was heard or a dump has it. Where IPv6 ends on a card (an MTU below 1280) all of its
 * addresses go, and the kernel says nothing else of it. */
static void gone(const struct vip_book *b, struct vip_slot *s, struct vip_entry *e)
{
	bool last = is_hosts6(b, e);
	e->there = false;
	s->dirty = true;
	for (const struct vip_entry *other = s->entries; other && last; other = other->hh.next)
		last = !is_hosts6(b, other);
	s->card.life6 += last;
}

static void left(struct vip_book *b, struct vip_slot *s, struct vip_entry *e)
{
	gone(b, s, e);
	if (e->dels)
		e->dels--; /* ours */
	else if (e->ask == VIP_ASK_WANTED && tell(b, VIP_EVENT_LEFT, s, &e->v, 0))
		e->ask = VIP_ASK_LOST;
	entry_drop(b, s, e);
}

/* Whether it may be a source now and was none, or the other way round. */
static bool is_news(const struct vip_entry *e, const struct vip_heard *h)
{
	return !e->there || e->secondary != h->secondary || e->unfit != h->unfit || e->scope != h->scope ||
	       e->proto != h->proto;
}

static void came(struct vip_book *b, struct vip_slot *s, const struct vip_heard *h)
{
	struct vip_entry *e = entry_get(s, &h->addr);
	if (!e) {
		b->lost = true;
		return;
	}
	bool strange = !e->there && e->ask != VIP_ASK_WANTED && !e->dels;
	if (strange && (e->ask != VIP_ASK_NONE || is_mine(b, &e->v.ip)) && !tell(b, VIP_EVENT_CAME, s, &e->v, 0))
		return;
	/* renewals are frequent, and change nothing */
	s->dirty = s->dirty || e->ask != VIP_ASK_WANTED || is_news(e, h);
	e->there = true;
	e->secondary = h->secondary;
	e->unfit = h->unfit;
	e->scope = h->scope;
	e->proto = h->proto;
	e->dump = b->dump;
}

/* ---- asking ---- */

int vip_book_ask(struct vip_book *b, struct vip_slot *s, const struct vip *v, size_t n, bool add)
{
	for (size_t i = 0; i < n; i++)
		if (!entry_get(s, &v[i])) {
			while (i-- > 0) {
				struct vip_entry *e = entry_find(s, &v[i]);
				if (e)
					entry_drop(b, s, e);
			}
			return -ENOMEM;
		}
	for (size_t i = 0; i < n; i++) {
		struct vip_entry *e = entry_find(s, &v[i]);
		e->ask = add ? VIP_ASK_WANTED : VIP_ASK_GONE;
		e->asked_in = b->dump > b->complete ? b->dump : 0;
		if (s->card.index == 0)
			continue; /* nothing will be sent */
		e->pending++;
		e->dels += !add;
	}
	return 0;
}

/* The same address with another prefix, which a removal does not touch. */
static bool elsewise(const struct vip_slot *s, const struct vip *v)
{
	for (const struct vip_entry *e = s->entries; e; e = e->hh.next)
		if (e->there && e->v.prefix != v->prefix && lb_ip_cmp(&e->v.ip, &v->ip) == 0)
			return true;
	return false;
}

void vip_book_answer(struct vip_book *b, struct vip_slot *s, const struct vip *v, bool add, int err)
{
	struct vip_entry *e = entry_find(s, v);
	if (!e)
		return;
	if (e->pending)
		e->pending--;
	if (err > 0 && add) {
		/* One that was refused while renewed is still there: its end will be told. */
		if (e->ask == VIP_ASK_WANTED && !e->there && !e->pending)
			e->ask = VIP_ASK_LOST;
		(void)tell(b, VIP_EVENT_ADD_REFUSED, s, v, err);
	} else if (err > 0) {
		if (e->dels)
			e->dels--;
		bool absent = err == ENODEV || (err == EADDRNOTAVAIL && !elsewise(s, v));
		if (!absent)
			(void)tell(b, VIP_EVENT_DEL_REFUSED, s, v, err);
	}
	entry_drop(b, s, e);
}

/* ---- hearing ---- */

/* There is no card of this name any more: no address is on it. */
static void lose(struct vip_book *b, struct vip_slot *s)
{
	struct vip_entry *e, *next;
	s->card.index = 0;
	s->card.up = s->card.on = s->card.has_mac = s->card.macvlan = s->card.deaf = false;
	s->card.link = 0;
	s->card.mtu = 0;
	memset(s->card.mac, 0, sizeof(s->card.mac));
	HASH_ITER (hh, s->entries, e, next) {
		e->dels = 0;
		left(b, s, e);
	}
}

static void hear_link(struct vip_book *b, struct vip_slot *s, const struct vip_heard *h)
{
	if (s->card.index == h->index && strcmp(s->card.name, h->name) != 0) {
		lose(b, s);
		s->renamed = h->index; /* with all that is on it */
		return;
	}
	if (strcmp(s->card.name, h->name) != 0)
		return;
	if (s->card.index != h->index) {
		if (s->card.index)
			lose(b, s);
		s->card.index = h->index;
		s->renamed = 0;
		s->card.life++;
		/* What is on it is not known: a renamed card has addresses that were never told of. If a dump runs,
		 * this is its first half, and the second will tell. */
		uint32_t by = b->dump > b->complete ? b->dump : b->dump + 1;
		if (s->settled_by <= b->complete)
			s->settled_by = by;
	}
	s->card.up = h->up;
	s->card.on = h->on;
	if (h->mac_said) {
		s->card.has_mac = h->has_mac;
		memcpy(s->card.mac, h->mac, sizeof(s->card.mac));
		s->card.macvlan = h->macvlan;
		s->card.deaf = h->deaf;
		s->card.link = h->link;
		s->card.mtu = h->mtu;
		s->card.arp_ignore = h->arp_ignore;
		s->card.arp_announce = h->arp_announce;
	}
	s->dump = b->dump;
}

void vip_book_hear(struct vip_book *b, const struct vip_heard *h)
{
	struct vip_slot *s = by_index(b, h->index);
	switch (h->type) {
	case VIP_HEARD_LINK:
		for (struct vip_slot *each = b->slots; each; each = each->next)
			hear_link(b, each, h);
		break;
	case VIP_HEARD_LINK_GONE:
		if (s)
			lose(b, s);
		break;
	case VIP_HEARD_ADDR:
		if (s)
			came(b, s, h);
		break;
	case VIP_HEARD_ADDR_GONE:
		if (s) {
			struct vip_entry *e = entry_find(s, &h->addr);
			if (e)
				left(b, s, e);
		}
		break;
	case VIP_HEARD_OTHER:
	case VIP_HEARD_WAY:
	case VIP_HEARD_STATUS:
	case VIP_HEARD_DONE: break;
	}
}

/* ---- dumps ---- */

void vip_book_dump_begin(struct vip_book *b)
{
	b->dump++;
}

void vip_book_links_end(struct vip_book *b)
{
	for (struct vip_slot *s = b->slots; s; s = s->next)
		if (s->card.index && s->dump != b->dump)
			lose(b, s);
}

static void dumped(struct vip_book *b, struct vip_slot *s, struct vip_entry *e)
{
	/* What was asked for while the dump ran may have come or gone behind its back: the notification is on its way.
	 */
	if (e->dump == b->dump || e->asked_in == b->dump || e->pending)
		return;
	if (!e->there && e->ask != VIP_ASK_WANTED)
		return;
	gone(b, s, e);
	if (e->ask == VIP_ASK_WANTED && tell(b, VIP_EVENT_LEFT, s, &e->v, 0))
		e->ask = VIP_ASK_LOST;
	entry_drop(b, s, e);
}

void vip_book_dump_end(struct vip_book *b, bool whole)
{
	b->complete = b->dump;
	for (struct vip_slot *s = whole ? b->slots : NULL; s; s = s->next) {
		struct vip_entry *e, *next;
		HASH_ITER (hh, s->entries, e, next)
			dumped(b, s, e);
	}
}

bool vip_book_wants_dump(const struct vip_book *b)
{
	for (const struct vip_slot *s = b->slots; s; s = s->next)
		if (s->settled_by > b->complete)
			return true;
	return false;
}

void vip_book_overrun(struct vip_book *b)
{
	for (struct vip_slot *s = b->slots; s; s = s->next)
		for (struct vip_entry *e = s->entries; e; e = e->hh.next)
			if (!e->pending)
				e->dels = 0;
}

/* Where memory is out it counts as not there, so that the next dump finds it. */
void vip_book_look(struct vip_book *b, struct vip_slot *s, const struct lb_ip *ip)
{
	s->dirty = true;
	for (struct vip_entry *e = s->entries; e; e = e->hh.next)
		if (e->there && !e->dels && lb_ip_cmp(&e->v.ip, ip) == 0)
			e->there = tell(b, VIP_EVENT_CAME, s, &e->v, 0);
}

bool vip_book_left(struct vip_slot *s, const struct vip *v)
{
	const struct vip_entry *e = entry_find(s, v);
	return e && e->there && e->proto == VIP_LABEL_PROTO && e->ask == VIP_ASK_NONE;
}

/* ---- telling ---- */

static bool is_link_local(const struct lb_ip *ip)
{
	return ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

/* The kernel's own choice: the first primary address, those of wider scope first. */
static void find_sources(const struct vip_book *b, struct vip_slot *s)
{
	unsigned scope = 256;
	s->card.source4 = s->card.source6 = (struct lb_ip){ 0 };
	for (const struct vip_entry *e = s->entries; e; e = e->hh.next) {
		bool v4 = e->v.ip.family == AF_INET;
		if (!e->there || e->secondary || e->unfit || (v4 && e->scope >= scope) ||
			(!v4 && (s->card.source6.family || !is_link_local(&e->v.ip))) || is_virtual(b, e))
			continue;
		if (v4) {
			s->card.source4 = e->v.ip;
			scope = e->scope;
		} else {
			s->card.source6 = e->v.ip;
		}
	}
}

static bool same(const struct vip_card *a, const struct vip_card *b)
{
	return a->index == b->index && a->life == b->life && a->life6 == b->life6 && a->up == b->up && a->on == b->on &&
	       a->macvlan == b->macvlan && a->deaf == b->deaf && a->link == b->link && a->mtu == b->mtu &&
	       a->has_mac == b->has_mac && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
	       lb_ip_cmp(&a->source4, &b->source4) == 0 && lb_ip_cmp(&a->source6, &b->source6) == 0;
}

bool vip_book_tell(struct vip_book *b, struct vip_slot *s)
{
	if (!s->users || s->settled_by > b->complete)
		return false;
	if (s->dirty)
		find_sources(b, s);
	s->dirty = false;
	if (!s->tell && same(&s->card, &s->told))
		return false;
	s->tell = false;
	s->told = s->card;
	return true;
}
