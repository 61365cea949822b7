/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vip_macs.h"

#include <errno.h>
#include <string.h>

void vip_macs_done(struct vip_macs *m)
{
	lb_vec_done(&m->cards);
}

/* Of the first card with that index or a higher one. */
static size_t place(const struct vip_macs *m, int index)
{
	size_t from = 0, to = m->cards.n;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (m->cards.v[middle].index < index)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static int put(struct vip_macs *m, size_t at, bool known, const struct vip_heard *h)
{
	if (!known) {
		size_t behind = m->cards.n - at;
		if (!lb_vec_push(&m->cards))
			return -ENOMEM;
		memmove(m->cards.v + at + 1, m->cards.v + at, behind * sizeof(*m->cards.v));
	}
	struct vip_mac *c = &m->cards.v[at];
	*c = (struct vip_mac){ .index = h->index, .dump = m->dump };
	memcpy(c->mac, h->mac, sizeof(c->mac));
	return 0;
}

static void take_out(struct vip_macs *m, size_t at)
{
	m->cards.n--;
	memmove(m->cards.v + at, m->cards.v + at + 1, (m->cards.n - at) * sizeof(*m->cards.v));
}

int vip_macs_hear(struct vip_macs *m, const struct vip_heard *h)
{
	if (h->type != VIP_HEARD_LINK && h->type != VIP_HEARD_LINK_GONE)
		return 0;
	size_t at = place(m, h->index);
	bool known = at < m->cards.n && m->cards.v[at].index == h->index;
	if (h->type == VIP_HEARD_LINK && h->has_mac)
		return put(m, at, known, h);
	if (!known)
		return 0;
	if (h->type == VIP_HEARD_LINK_GONE || h->mac_said)
		take_out(m, at);
	else
		m->cards.v[at].dump = m->dump;
	return 0;
}

void vip_macs_dump_begin(struct vip_macs *m)
{
	m->dump++;
}

void vip_macs_dump_end(struct vip_macs *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->cards.n; i++)
		if (m->cards.v[i].dump == m->dump)
			m->cards.v[n++] = m->cards.v[i];
	m->cards.n = n;
}

bool vip_macs_has(const struct vip_macs *m, const uint8_t mac[6])
{
	for (size_t i = 0; i < m->cards.n; i++)
		if (memcmp(m->cards.v[i].mac, mac, sizeof(m->cards.v[i].mac)) == 0)
			return true;
	return false;
}
