/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_dup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ARP_LEN       28u
#define NA_LEN        24u /* without options */
#define NA_TYPE       136u
#define OPTION_TARGET 2u /* the link-layer address of the target */

/* ---- what is said ---- */

/* No card has the address of a group, nor none at all. */
static bool is_card(const uint8_t *mac)
{
	static const uint8_t none[6] = { 0 };
	return !(mac[0] & 1) && memcmp(mac, none, sizeof(none)) != 0;
}

int vrrp_dup_arp(const uint8_t *bytes, size_t n, struct vrrp_sight *out)
{
	static const uint8_t head[] = { 0, 1, 0x08, 0, 6, 4, 0 }; /* Ethernet and IPv4, their widths */
	static const uint8_t nobody[4] = { 0 };                   /* the sender of a probe: it asks only */
	if (n < ARP_LEN || memcmp(bytes, head, sizeof(head)) != 0 || (bytes[7] != 1 && bytes[7] != 2))
		return -EBADMSG;
	if (!is_card(bytes + 8) || memcmp(bytes + 14, nobody, 4) == 0)
		return -EBADMSG;
	*out = (struct vrrp_sight){ .ip = { .family = AF_INET } };
	memcpy(out->mac, bytes + 8, 6);
	memcpy(out->ip.b, bytes + 14, 4);
	return 0;
}

int vrrp_dup_na(const uint8_t *bytes, size_t n, struct vrrp_sight *out)
{
	const uint8_t *mac = NULL;
	if (n < NA_LEN || bytes[0] != NA_TYPE || bytes[1] != 0 || bytes[8] == 0xff)
		return -EBADMSG;
	/* RFC 4861 4.6: each option has its length in units of 8, and with a wrong one the whole is refused */
	for (size_t at = NA_LEN; at < n;) {
		size_t len = n - at < 2 ? 0 : bytes[at + 1] * 8u;
		if (len == 0 || len > n - at)
			return -EBADMSG;
		if (bytes[at] == OPTION_TARGET && len == 8)
			mac = bytes + at + 2;
		at += len;
	}
	if (!mac || !is_card(mac)) /* an answer to one host may leave it out: that is not for us */
		return -EBADMSG;
	*out = (struct vrrp_sight){ .ip = { .family = AF_INET6 } };
	memcpy(out->mac, mac, 6);
	memcpy(out->ip.b, bytes + 8, 16);
	return 0;
}

void vrrp_dup_text(const struct vrrp_sight *s, char *text, size_t size)
{
	char ip[LB_IP_STRLEN];
	const uint8_t *m = s->mac;
	snprintf(text, size, "%s at %02x:%02x:%02x:%02x:%02x:%02x", lb_ip_str(&s->ip, ip), m[0], m[1], m[2], m[3], m[4],
		m[5]);
}

/* ---- the question ---- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t n)
{
	memcpy(at, bytes, n);
	return at + n;
}

/* RFC 5227 2.1.1: from nobody, so that no table learns of it */
static size_t probe4(const struct lb_ip *ip, const uint8_t mac[6], uint8_t *out)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t head[] = { 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1 };
	static const uint8_t zero[6] = { 0 };
	uint8_t *at = put(out, all, 6);
	at = put(at, mac, 6);
	at = put(at, head, sizeof(head));
	at = put(at, mac, 6);
	at = put(at, zero, 4);
	at = put(at, zero, 6);
	at = put(at, ip->b, 4);
	return (size_t)(at - out);
}

/* RFC 4862 5.4.2: from nobody to those whose address ends the same; the answer goes to all */
static size_t probe6(const struct lb_ip *ip, const uint8_t mac[6], uint8_t *out)
{
	const uint8_t group_mac[6] = { 0x33, 0x33, 0xff, ip->b[13], ip->b[14], ip->b[15] };
	const uint8_t group[16] = { 0xff, 2, [11] = 1, 0xff, ip->b[13], ip->b[14], ip->b[15] };
	static const uint8_t head[] = { 0x86, 0xdd, 0x60, 0, 0, 0, 0, NA_LEN, 58, 255 };
	static const uint8_t nobody[16] = { 0 };
	static const uint8_t message[8] = { 135 };
	uint8_t *at = put(out, group_mac, 6);
	at = put(at, mac, 6);
	at = put(at, head, sizeof(head));
	uint8_t *addrs = at;
	at = put(at, nobody, 16);
	uint8_t *icmp = put(at, group, 16);
	at = put(icmp, message, 8);
	at = put(at, ip->b, 16);
	uint32_t sum = NA_LEN + 58; /* the pseudo header's length and protocol, then all up to the end, RFC 1071 */
	for (const uint8_t *p = addrs; p < at; p += 2)
		sum += (uint32_t)p[0] << 8 | p[1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	icmp[2] = (uint8_t)(~sum >> 8);
	icmp[3] = (uint8_t)~sum;
	return (size_t)(at - out);
}

size_t vrrp_dup_probe(const struct lb_ip *ip, const uint8_t mac[6], uint8_t out[VRRP_DUP_PROBE_MAX])
{
	return ip->family == AF_INET6 ? probe6(ip, mac, out) : probe4(ip, mac, out);
}

/* ---- what follows ---- */

static void rearm(struct vrrp_dup *d)
{
	d->deadline = lb_time_min(d->probe_at, lb_time_add_ms(d->seen_at, VRRP_DUP_QUIET_MS));
}

uint32_t vrrp_dup_stop(struct vrrp_dup *d)
{
	bool raised = d->raised;
	/* when the address was defended stays: forgetting that would let somebody make us say it more often */
	*d = (struct vrrp_dup){ .deadline = LB_TIME_NEVER, .defended_at = d->defended_at };
	return raised ? VRRP_DUP_END : 0;
}

uint32_t vrrp_dup_seen(struct vrrp_dup *d, const struct vrrp_sight *s, int64_t interval_us,
	struct lb_time excused_until, struct lb_time now)
{
	uint32_t acts = 0;
	if (d->defended_at.us == 0 || lb_time_diff_us(now, d->defended_at) >= interval_us) {
		d->defended_at = now;
		acts |= VRRP_DUP_DEFEND;
	}
	if (lb_time_cmp(now, excused_until) < 0)
		return acts;
	struct lb_time sure_at = { d->first_at.us + VRRP_DUP_WAIT * interval_us };
	d->seen_at = now;
	if (d->first_at.us == 0) {
		d->who = *s;
		d->first_at = now;
		d->probe_at = (struct lb_time){ now.us + VRRP_DUP_WAIT * interval_us };
	} else if (!d->raised && lb_time_cmp(now, sure_at) >= 0) {
		d->who = *s;
		d->raised = true;
		acts |= VRRP_DUP_RAISE;
	}
	rearm(d);
	return acts;
}

uint32_t vrrp_dup_timer(struct vrrp_dup *d, struct lb_time now)
{
	if (d->first_at.us == 0) {
		d->deadline = LB_TIME_NEVER;
		return 0;
	}
	if (lb_time_diff_us(now, d->seen_at) >= VRRP_DUP_QUIET_MS * INT64_C(1000))
		return vrrp_dup_stop(d);
	uint32_t acts = 0;
	if (lb_time_cmp(now, d->probe_at) >= 0) {
		acts = VRRP_DUP_PROBE;
		d->probe_at = lb_time_add_ms(now, VRRP_DUP_PROBE_MS);
	}
	rearm(d);
	return acts;
}
