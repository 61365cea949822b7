/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vmac.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NAME_SIZE   16 /* IFNAMSIZ */
#define DIGEST_MASK 0xffffffu
#define MTU_MAX     65535 /* ETH_MAX_MTU, linux/if_ether.h */

void vmac_address(uint8_t family, uint8_t vrid, uint8_t out[6])
{
	const uint8_t mac[6] = { 0x00, 0x00, 0x5e, 0x00, family == AF_INET6 ? 2 : 1, vrid };
	memcpy(out, mac, sizeof(mac));
}

/* FNV-1a */
static uint32_t digest(const char *s)
{
	uint32_t h = 2166136261u;
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return (h ^ h >> 24) & DIGEST_MASK;
}

void vmac_name(uint8_t family, uint8_t vrid, const char *card, char out[NAME_SIZE])
{
	int n = snprintf(out, NAME_SIZE, "lbd%c-%u-%s", family == AF_INET6 ? '6' : '4', vrid, card);
	if (n >= NAME_SIZE)
		snprintf(out, NAME_SIZE, "lbd%c-%u-%06x", family == AF_INET6 ? '6' : '4', vrid, digest(card));
}

bool vmac_is_ours(const char *name, bool macvlan, const uint8_t mac[6])
{
	for (unsigned v6 = 0; macvlan && v6 < 2; v6++) {
		char begin[NAME_SIZE];
		uint8_t want[6];
		int n = snprintf(begin, sizeof(begin), "lbd%c-%u-", v6 ? '6' : '4', mac[5]);
		vmac_address(v6 ? AF_INET6 : AF_INET, mac[5], want);
		if (strncmp(name, begin, (size_t)n) == 0 && memcmp(mac, want, sizeof(want)) == 0)
			return true;
	}
	return false;
}

void vmac_fit(struct vip *v)
{
	bool link_local = v->ip.family == AF_INET6 && v->ip.b[0] == 0xfe && (v->ip.b[1] & 0xc0) == 0x80;
	if (link_local && v->prefix > 64)
		v->prefix = 64;
}

uint32_t vmac_mtu(const struct vip_card *card)
{
	return card->mtu < MTU_MAX ? card->mtu : MTU_MAX;
}

enum vmac_word vmac_look(const struct vmac_seen *s)
{
	const struct vip_card *own = s->own;
	if (!s->card->index)
		return VMAC_WORD_NOTHING; /* it went with its card */
	if (!own->index)
		return VMAC_WORD_MAKE;
	bool right = own->macvlan && own->has_mac && memcmp(own->mac, s->mac, sizeof(own->mac)) == 0;
	if (!right)
		return VMAC_WORD_TAKEN;
	if (own->link != s->card->index)
		return VMAC_WORD_REMOVE;
	if (own->life != s->life)
		return VMAC_WORD_ADOPT;
	if (own->on && !s->master && !s->may_stay)
		return VMAC_WORD_DOWN;
	if (own->mtu < vmac_mtu(s->card) && !s->mtu_asked)
		return VMAC_WORD_MTU;
	return s->master && !own->on ? VMAC_WORD_UP : VMAC_WORD_NOTHING;
}
