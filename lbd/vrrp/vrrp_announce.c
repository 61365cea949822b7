/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_announce.h"

#include <string.h>
#include <sys/socket.h>

/* ---- frames ---- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t n)
{
	memcpy(at, bytes, n);
	return at + n;
}

/* RFC 1071 */
static uint32_t add_words(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return sum;
}

static size_t garp(const struct lb_ip *ip, const uint8_t mac[6], uint8_t *out)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	/* a request (RFC 5227 3: understood by everybody) of Ethernet and IPv4 */
	static const uint8_t head[] = { 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1 };
	uint8_t *at = put(out, all, 6);
	at = put(at, mac, 6);
	at = put(at, head, sizeof(head));
	at = put(at, mac, 6);
	at = put(at, ip->b, 4);
	at = put(at, all, 6);
	(void)put(at, ip->b, 4);
	return VRRP_FRAME_GARP;
}

/* RFC 4861 4.4 with the target link-layer address of 4.6.1 */
static size_t neighbour(const struct lb_ip *ip, const uint8_t mac[6], bool router, uint8_t *out)
{
	static const uint8_t group_mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	static const uint8_t group[16] = { 0xff, 0x02, [15] = 1 };
	static const uint8_t head[] = { 0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255 };
	const uint8_t message[8] = { 136, 0, 0, 0,
		router ? 0xa0 : 0x20 }; /* Override, perhaps Router; never Solicited */
	static const uint8_t option[2] = { 2, 1 };
	uint8_t *at = put(out, group_mac, 6);
	at = put(at, mac, 6);
	at = put(at, head, sizeof(head));
	uint8_t *addrs = at;
	at = put(at, ip->b, 16);
	uint8_t *icmp = put(at, group, 16);
	at = put(icmp, message, 8);
	at = put(at, ip->b, 16);
	at = put(at, option, 2);
	(void)put(at, mac, 6);
	uint32_t sum = add_words(32 + 58, addrs, 32 + 32); /* the pseudo header's length and protocol; both addresses */
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	icmp[2] = (uint8_t)(~sum >> 8);
	icmp[3] = (uint8_t)~sum;
	return VRRP_FRAME_NA;
}

size_t vrrp_announce_frame(const struct lb_ip *ip, const uint8_t mac[6], bool router, uint8_t out[VRRP_FRAME_MAX])
{
	return ip->family == AF_INET6 ? neighbour(ip, mac, router, out) : garp(ip, mac, out);
}

/* ---- when ---- */

static struct lb_time after(struct lb_time now, int64_t ms)
{
	return ms > 0 ? lb_time_add_ms(now, ms) : LB_TIME_NEVER;
}

static bool due(struct lb_time t, struct lb_time now)
{
	return lb_time_cmp(t, now) <= 0;
}

static bool never(struct lb_time t)
{
	return t.us == LB_TIME_NEVER.us;
}

static void rearm(struct vrrp_announce *a, struct lb_time earliest)
{
	if (a->rounds_left) {
		a->deadline = earliest;
		return;
	}
	a->deadline = lb_time_min(a->second_at, lb_time_min(a->again_at, a->refresh_at));
	if (due(a->deadline, earliest))
		a->deadline = earliest;
}

static void block(struct vrrp_announce *a, struct lb_time now)
{
	a->rounds_left = a->rules.count;
	a->next = 0;
	a->block_at = now;
}

void vrrp_announce_stop(struct vrrp_announce *a)
{
	*a = (struct vrrp_announce){ .deadline = LB_TIME_NEVER,
		.second_at = LB_TIME_NEVER,
		.again_at = LB_TIME_NEVER,
		.refresh_at = LB_TIME_NEVER };
}

/* A burst that runs is asked for again: its next block is at its time, and one more comes behind that. */
static void put_off(struct vrrp_announce *a, struct lb_time now)
{
	if (never(a->second_at))
		a->second_at = lb_time_add_ms(a->block_at, VRRP_ANNOUNCE_REST_MS);
	a->again_soon = a->rules.delay_ms > 0;
	if (never(a->again_at))
		a->again_at = after(now, a->rules.again_ms);
}

void vrrp_announce_start(
	struct vrrp_announce *a, const struct vrrp_announce_rules *rules, size_t n_addrs, struct lb_time now)
{
	bool same = a->n_addrs > 0 && a->n_addrs == n_addrs;
	bool runs = same && (a->rounds_left || !never(a->second_at) ||
				    !due(lb_time_add_ms(a->block_at, VRRP_ANNOUNCE_REST_MS), now));
	struct lb_time refresh_at =
		same && a->rules.refresh_ms == rules->refresh_ms ? a->refresh_at : after(now, rules->refresh_ms);
	if (!runs || rules->count == 0 || n_addrs == 0)
		vrrp_announce_stop(a);
	if (rules->count == 0 || n_addrs == 0)
		return;
	a->rules = *rules;
	a->n_addrs = n_addrs;
	a->refresh_at = refresh_at;
	if (runs) {
		put_off(a, now);
		rearm(a, a->rounds_left ? a->deadline : now);
		return;
	}
	block(a, now);
	a->second_at = after(now, rules->delay_ms);
	a->again_at = after(now, rules->again_ms);
	rearm(a, now);
}

/* Nothing runs: what is due now? A round that covers another one does so: they are the same frames. */
static void begin(struct vrrp_announce *a, struct lb_time now)
{
	if (due(a->second_at, now)) {
		block(a, now);
		a->second_at = a->again_soon ? after(now, a->rules.delay_ms) : LB_TIME_NEVER;
		a->again_soon = false;
	} else if (due(a->again_at, now) || due(a->refresh_at, now)) {
		a->rounds_left = 1;
		a->next = 0;
	}
	if (due(a->again_at, now))
		a->again_at = LB_TIME_NEVER;
}

size_t vrrp_announce_step(struct vrrp_announce *a, struct lb_time now, size_t *from)
{
	if (a->n_addrs == 0) {
		a->deadline = LB_TIME_NEVER; /* zero is as good as stopped */
		return 0;
	}
	if (!due(a->deadline, now))
		return 0;
	if (!a->rounds_left)
		begin(a, now);
	if (due(a->refresh_at, now)) { /* late ones are not made up for */
		a->refresh_at = lb_time_add_ms(a->refresh_at, a->rules.refresh_ms);
		if (due(a->refresh_at, now))
			a->refresh_at = after(now, a->rules.refresh_ms);
	}
	size_t n = 0;
	if (a->rounds_left) {
		n = a->n_addrs - a->next < VRRP_ANNOUNCE_SLICE ? a->n_addrs - a->next : VRRP_ANNOUNCE_SLICE;
		*from = a->next;
		a->next += n;
	}
	if (a->rounds_left && a->next == a->n_addrs) {
		a->next = 0;
		a->rounds_left--;
	}
	rearm(a, (struct lb_time){ now.us + VRRP_ANNOUNCE_PAUSE_US });
	return n;
}
