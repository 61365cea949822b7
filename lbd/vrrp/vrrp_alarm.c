/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_alarm.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD    8u    /* bytes of an advert before its list */
#define AUTH_MS 10000 /* without a refused signature or password; whoever tries does not keep time */

uint32_t vrrp_alarms_of(const struct vrrp_heard *h)
{
	uint32_t bits = 0;
	switch (h->why) {
	case VRRP_DISCARD_NONE:
		bits |= (uint32_t)h->a->addrs_differ << VRRP_ALARM_ADDRESSES_DIFFER;
		bits |= (uint32_t)h->a->interval_differs << VRRP_ALARM_INTERVAL_DIFFERS;
		bits |= (uint32_t)(h->a->prio == VRRP_PRIO_OWNER && !h->owner_known) << VRRP_ALARM_UNKNOWN_OWNER;
		return bits;
	case VRRP_DISCARD_SOURCE:
		/* our own do not come back to us (IP_MULTICAST_LOOP is off): a bridge gives them back, or another
		 * host has our address. Length and version have not been looked at. */
		bits |= (uint32_t)(h->master && lb_ip_cmp(&h->d->from, &h->wire->source) == 0)
			<< VRRP_ALARM_SAME_ADDRESS;
		return bits;
	case VRRP_DISCARD_INTERVAL:
		/* version 2 must refuse another interval than its own (RFC 3768 7.1): two masters, and why */
		bits |= (uint32_t)(h->wire->version == 2 && h->d->msg[5] != 0) << VRRP_ALARM_INTERVAL_DIFFERS;
		return bits;
	case VRRP_DISCARD_AUTH:
	case VRRP_DISCARD_REPLAY: return 1u << VRRP_ALARM_AUTH_FAILED;
	case VRRP_DISCARD_STRANGER:
	case VRRP_DISCARD_TTL:
	case VRRP_DISCARD_VERSION:
	case VRRP_DISCARD_LENGTH:
	case VRRP_DISCARD_CHECKSUM:
	case VRRP_DISCARD_COUNT: return 0;
	}
	return 0;
}

/* ---- texts ---- */

static struct lb_ip theirs_at(const struct vrrp_heard *h, size_t i)
{
	struct lb_ip ip = { .family = h->wire->family };
	size_t width = ip.family == AF_INET6 ? 16 : 4;
	memcpy(ip.b, h->d->msg + HEAD + i * width, width);
	return ip;
}

static bool we_have(const struct vrrp_wire *w, const struct lb_ip *ip)
{
	for (size_t i = 0; i < w->n_addrs; i++)
		if (lb_ip_cmp(&w->addrs[i], ip) == 0)
			return true;
	return false;
}

static bool they_have(const struct vrrp_heard *h, const struct lb_ip *ip)
{
	for (size_t i = 0; i < h->a->count; i++) {
		struct lb_ip theirs = theirs_at(h, i);
		if (lb_ip_cmp(&theirs, ip) == 0)
			return true;
	}
	return false;
}

/* The first one on either side that the other side has not. */
static void text_addresses(const struct vrrp_heard *h, const char *from, char *text, size_t size)
{
	char theirs[LB_IP_STRLEN] = "", ours[LB_IP_STRLEN] = "";
	for (size_t i = 0; i < h->a->count && !theirs[0]; i++) {
		struct lb_ip ip = theirs_at(h, i);
		if (!we_have(h->wire, &ip))
			(void)lb_ip_str(&ip, theirs);
	}
	for (size_t i = 0; i < h->wire->n_addrs && !ours[0]; i++)
		if (!they_have(h, &h->wire->addrs[i]))
			(void)lb_ip_str(&h->wire->addrs[i], ours);
	if (theirs[0] && ours[0])
		snprintf(text, size, "%s has %s, we %s", from, theirs, ours);
	else if (ours[0])
		snprintf(text, size, "%s lacks %s", from, ours);
	else if (theirs[0])
		snprintf(text, size, "%s has %s, too", from, theirs);
	else /* it names one twice */
		snprintf(text, size, "%s has %u, we %zu", from, h->a->count, h->wire->n_addrs);
}

/* Of an advert whose length has been looked at. */
static uint32_t their_interval_cs(const struct vrrp_heard *h)
{
	return h->wire->version == 2 ? h->d->msg[5] * 100u : (h->d->msg[4] & 0x0fu) << 8 | h->d->msg[5];
}

void vrrp_alarm_text(const struct vrrp_heard *h, enum vrrp_alarm alarm, char *text, size_t size)
{
	char from[LB_IP_STRLEN];
	(void)lb_ip_str(&h->d->from, from);
	switch (alarm) {
	case VRRP_ALARM_ADDRESSES_DIFFER: text_addresses(h, from, text, size); return;
	case VRRP_ALARM_INTERVAL_DIFFERS:
		snprintf(text, size, "%s every %.2f s, we every %.2f s", from, their_interval_cs(h) / 100.0,
			h->wire->interval_cs / 100.0);
		return;
	case VRRP_ALARM_AUTH_FAILED: /* so far only what has the length of an advert comes */
		snprintf(text, size, "%s from %s with priority %u", vrrp_discards[h->why].name, from, h->d->msg[2]);
		return;
	case VRRP_ALARM_SAME_ADDRESS: snprintf(text, size, "an advert from %s, which is ours", from); return;
	case VRRP_ALARM_UNKNOWN_OWNER: snprintf(text, size, "%s with priority %u", from, h->d->msg[2]); return;
	case VRRP_ALARM_TWO_MASTERS:
	case VRRP_ALARM_PATH_DOWN:
	case VRRP_ALARM_TWO_OWNERS:
	case VRRP_ALARM_DUPLICATE:
	case VRRP_ALARM_NO_VIRTUAL_MAC:
	case VRRP_ALARM_UNSENT:
	case VRRP_ALARM_REFUSED: break;
	}
	snprintf(text, size, "%s", from);
}

/* ---- how long ---- */

void vrrp_alarm_other(const struct vrrp *v, char *text, size_t size)
{
	bool met = v->state == VRRP_STATE_MASTER; /* which keeps whom it followed before */
	const struct lb_ip *other = met ? &v->met : &v->master;
	char ip[LB_IP_STRLEN];
	text[0] = '\0';
	if (other->family)
		snprintf(text, size, "%s with priority %u", lb_ip_str(other, ip), met ? v->met_prio : v->master_prio);
}

int64_t vrrp_alarm_quiet_us(const struct vrrp_heard *h, int64_t down_us)
{
	if (h->why == VRRP_DISCARD_AUTH || h->why == VRRP_DISCARD_REPLAY)
		return AUTH_MS * INT64_C(1000);
	bool read = h->why == VRRP_DISCARD_NONE || h->why == VRRP_DISCARD_INTERVAL;
	int64_t theirs_us = read ? their_interval_cs(h) * (int64_t)VRRP_DOWN_ADVERTS * 10000 : 0;
	return VRRP_QUIET_DOWNS * (theirs_us > down_us ? theirs_us : down_us);
}

bool vrrp_alarm_note(struct vrrp_alarms *s, enum vrrp_alarm alarm, int64_t quiet_us, struct lb_time now)
{
	bool news = s->until[alarm].us == 0;
	s->until[alarm] = (struct lb_time){ now.us + quiet_us };
	return news;
}

uint32_t vrrp_alarms_over(struct vrrp_alarms *s, struct lb_time now)
{
	uint32_t bits = 0;
	for (unsigned i = 0; i < VRRP_ALARM_COUNT; i++) {
		if (s->until[i].us == 0 || lb_time_cmp(now, s->until[i]) < 0)
			continue;
		s->until[i] = (struct lb_time){ 0 };
		bits |= 1u << i;
	}
	return bits;
}
