/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_pkt.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD          8u
#define TYPE_ADVERT   1u /* there is no other */
#define AUTH_NONE     0u /* of version 2, RFC 2338 5.3.6 */
#define AUTH_PASSWORD 1u
#define SECOND_CS     100u

const struct vrrp_discard_row vrrp_discards[VRRP_DISCARD_COUNT_OF] = {
	[VRRP_DISCARD_NONE] = { "none", "it was taken" },
	[VRRP_DISCARD_STRANGER] = { "stranger", "no instance of that interface, family and VRID" },
	[VRRP_DISCARD_SOURCE] = { "source", "from ourselves, from no peer, or multicast where unicast is wanted" },
	[VRRP_DISCARD_TTL] = { "ttl", "TTL or hop limit below what a sender on this link has" },
	[VRRP_DISCARD_VERSION] = { "version", "another version of VRRP, or no advert" },
	[VRRP_DISCARD_LENGTH] = { "length", "longer or shorter than its number of addresses wants" },
	[VRRP_DISCARD_CHECKSUM] = { "checksum", "neither form of the checksum fits" },
	[VRRP_DISCARD_COUNT] = { "count", "no address, or an IPv6 list that begins with no link-local one" },
	[VRRP_DISCARD_INTERVAL] = { "interval", "an interval of 0, or (version 2) not ours" },
	[VRRP_DISCARD_AUTH] = { "auth", "password or signature wrong, missing, or out of the time window" },
	[VRRP_DISCARD_REPLAY] = { "replay", "signed, but its number has been seen before" },
};

static void put_u16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static uint16_t get_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static size_t ip_width(uint8_t family)
{
	return family == AF_INET6 ? 16 : 4;
}

struct lb_ip vrrp_group_address(uint8_t family)
{
	struct lb_ip ip = { .family = family };
	if (family == AF_INET6) {
		ip.b[0] = 0xff;
		ip.b[1] = 0x02;
		ip.b[15] = 0x12;
	} else {
		ip.b[0] = 224;
		ip.b[3] = 18;
	}
	return ip;
}

/* Without a trailer. */
static size_t message_len(const struct vrrp_wire *w, size_t count)
{
	return HEAD + count * ip_width(w->family) + (w->version == 2 ? VRRP_PASSWORD : 0);
}

/* ---- checksums, RFC 1071 ---- */

/* n is even, as every part of every message is; 64 KiB cannot overflow the sum. */
static uint32_t add_words(uint32_t sum, const uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i += 2)
		sum += get_u16(at + i);
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/* RFC 8200 8.1; for IPv4 the same in short, as RFC 5798 was read. */
static uint32_t pseudo_header(const struct lb_ip *from, const struct lb_ip *to, size_t len)
{
	uint32_t sum = VRRP_PROTOCOL + (uint32_t)len;
	sum = add_words(sum, from->b, ip_width(from->family));
	return add_words(sum, to->b, ip_width(to->family));
}

/* What stands at the checksum's place, added to the rest, gives all ones. */
static bool fits(uint32_t sum)
{
	return fold(sum) == 0xffff;
}

void vrrp_pkt_sum6(const struct lb_ip *from, const struct lb_ip *to, uint8_t *msg, size_t len)
{
	assert(len >= HEAD && len % 2 == 0);
	put_u16(msg + 6, 0);
	put_u16(msg + 6, (uint16_t)~fold(add_words(pseudo_header(from, to, len), msg, len)));
}

/* ---- the IPv4 header ---- */

int vrrp_pkt_ip4(const uint8_t *bytes, size_t n, struct vrrp_datagram *out)
{
	if (n < VRRP_IP4_HEADER)
		return -EBADMSG;
	size_t head = (bytes[0] & 0x0fu) * 4u, total = get_u16(bytes + 2);
	if (bytes[0] >> 4 != 4 || head < VRRP_IP4_HEADER || total < head || total > n)
		return -EBADMSG;
	*out = (struct vrrp_datagram){
		.from = { .family = AF_INET },
		.to = { .family = AF_INET },
		.ttl = bytes[8],
		.msg = bytes + head,
		.len = total - head,
	};
	memcpy(out->from.b, bytes + 12, 4);
	memcpy(out->to.b, bytes + 16, 4);
	return 0;
}

void vrrp_pkt_ip4_header(
	const struct lb_ip *from, const struct lb_ip *to, uint16_t id, size_t msg_len, uint8_t out[VRRP_IP4_HEADER])
{
	assert(from->family == AF_INET && to->family == AF_INET && msg_len <= UINT16_MAX - VRRP_IP4_HEADER);
	memset(out, 0, VRRP_IP4_HEADER);
	out[0] = 0x45;
	out[1] = VRRP_TOS;
	put_u16(out + 2, (uint16_t)(VRRP_IP4_HEADER + msg_len));
	put_u16(out + 4, id);
	out[8] = VRRP_TTL;
	out[9] = VRRP_PROTOCOL;
	memcpy(out + 12, from->b, 4);
	memcpy(out + 16, to->b, 4);
	put_u16(out + 10, (uint16_t)~fold(add_words(0, out, VRRP_IP4_HEADER)));
}

void vrrp_pkt_ip6_header(const struct lb_ip *from, const struct lb_ip *to, size_t msg_len, uint8_t out[VRRP_IP6_HEADER])
{
	assert(from->family == AF_INET6 && to->family == AF_INET6 && msg_len <= UINT16_MAX);
	memset(out, 0, VRRP_IP6_HEADER);
	out[0] = 0x60 | VRRP_TOS >> 4;
	out[1] = (uint8_t)(VRRP_TOS << 4);
	put_u16(out + 4, (uint16_t)msg_len);
	out[6] = VRRP_PROTOCOL;
	out[7] = VRRP_TTL;
	memcpy(out + 8, from->b, 16);
	memcpy(out + 24, to->b, 16);
}

/* RFC 1112 6.4, RFC 2464 7: the end of the group's address */
void vrrp_pkt_ether(uint8_t family, const uint8_t mac[6], uint8_t out[VRRP_ETHER])
{
	static const uint8_t to4[6] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x12 }, type4[2] = { 0x08, 0x00 };
	static const uint8_t to6[6] = { 0x33, 0x33, 0x00, 0x00, 0x00, 0x12 }, type6[2] = { 0x86, 0xdd };
	bool v6 = family == AF_INET6;
	memcpy(out, v6 ? to6 : to4, 6);
	memcpy(out + 6, mac, 6);
	memcpy(out + 12, v6 ? type6 : type4, 2);
}

/* ---- reading ---- */

uint8_t vrrp_pkt_vrid(const struct vrrp_datagram *d)
{
	return d->len < 2 ? 0 : d->msg[1];
}

static bool is_peer(const struct vrrp_wire *w, const struct lb_ip *from)
{
	for (size_t i = 0; i < w->n_peers; i++)
		if (lb_ip_cmp(&w->peers[i], from) == 0)
			return true;
	return false;
}

/* The way it came. */
static enum vrrp_discard check_path(const struct vrrp_wire *w, const struct vrrp_datagram *d)
{
	const struct lb_ip group = vrrp_group_address(w->family);
	if (d->from.family != w->family || d->to.family != w->family || (d->len >= 2 && d->msg[1] != w->vrid))
		return VRRP_DISCARD_STRANGER;
	if (w->n_peers ? lb_ip_is_multicast(&d->to) || !is_peer(w, &d->from) : lb_ip_cmp(&d->to, &group) != 0)
		return VRRP_DISCARD_SOURCE;
	if (lb_ip_cmp(&d->from, &w->source) == 0) /* a bridge, or a copy of another VLAN, gives it back */
		return VRRP_DISCARD_SOURCE;
	if (d->ttl < (w->n_peers ? w->min_ttl : VRRP_TTL))
		return VRRP_DISCARD_TTL;
	return VRRP_DISCARD_NONE;
}

/* Exactly as long as its count says, so that whoever reads on need not look at the length again. */
static enum vrrp_discard check_shape(
	const struct vrrp_wire *w, const struct vrrp_datagram *d, bool may_be_signed, struct vrrp_advert *a)
{
	if (d->len >= 1 && d->msg[0] != (w->version << 4 | TYPE_ADVERT))
		return VRRP_DISCARD_VERSION;
	if (d->len < HEAD)
		return VRRP_DISCARD_LENGTH;
	a->vrid = d->msg[1];
	a->prio = d->msg[2];
	a->count = d->msg[3];
	size_t len = message_len(w, a->count);
	if (may_be_signed && d->len == len + VRRP_TRAILER)
		a->trailer = len;
	else if (d->len != len)
		return VRRP_DISCARD_LENGTH;
	return VRRP_DISCARD_NONE;
}

/* The message alone, RFC 3768 5.3.8 and RFC 9568 5.2.8 for IPv4: its trailer is not covered. With a pseudo header,
 * RFC 5798: to whom it was sent; older peers take the group for that even where they send to one. IPv6: all of it. */
static enum vrrp_discard check_sum(const struct vrrp_wire *w, const struct vrrp_datagram *d, struct vrrp_advert *a)
{
	size_t len = a->trailer && w->family == AF_INET ? a->trailer : d->len;
	const struct lb_ip group = vrrp_group_address(w->family);
	uint32_t sum = add_words(0, d->msg, len);
	bool ok;
	a->sum = VRRP_SUM_RFC5798;
	if (w->version == 2)
		ok = fits(sum);
	else if (w->family == AF_INET6)
		ok = fits(sum + pseudo_header(&d->from, &d->to, len));
	else if (fits(sum + pseudo_header(&d->from, &d->to, len)) || fits(sum + pseudo_header(&d->from, &group, len)))
		ok = true;
	else {
		a->sum = VRRP_SUM_RFC9568;
		ok = fits(sum);
	}
	return ok ? VRRP_DISCARD_NONE : VRRP_DISCARD_CHECKSUM;
}

/* The time this takes does not tell how much of a guess was right. */
static bool same_password(const uint8_t *a, const uint8_t *b)
{
	volatile uint8_t differ = 0; /* volatile: else the loop may end at the first difference */
	for (size_t i = 0; i < VRRP_PASSWORD; i++)
		differ = (uint8_t)(differ | (a[i] ^ b[i]));
	return differ == 0;
}

static bool in_list(const uint8_t *list, size_t count, size_t width, const uint8_t *ip)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(list + i * width, ip, width) == 0)
			return true;
	return false;
}

/* As many, and each of ours among them: ours are all different, so there is room for no other. */
static bool addrs_differ(const struct vrrp_wire *w, const uint8_t *list, size_t count)
{
	if (count != w->n_addrs)
		return true;
	for (size_t i = 0; i < w->n_addrs; i++)
		if (!in_list(list, count, ip_width(w->family), w->addrs[i].b))
			return true;
	return false;
}

static enum vrrp_discard check_content(const struct vrrp_wire *w, const struct vrrp_datagram *d, struct vrrp_advert *a)
{
	const uint8_t *list = d->msg + HEAD;
	if (a->count == 0)
		return VRRP_DISCARD_COUNT; /* erratum 8299 */
	if (w->family == AF_INET6 && (list[0] != 0xfe || (list[1] & 0xc0) != 0x80))
		return VRRP_DISCARD_COUNT; /* erratum 8300: fe80::/10 */
	/* version 3: the four bits in front of it are reserved, and ignored (RFC 9568 5.2.6) */
	a->interval_cs = w->version == 2 ? d->msg[5] * SECOND_CS : get_u16(d->msg + 4) & 0x0fffu;
	if (a->interval_cs == 0)
		return VRRP_DISCARD_INTERVAL; /* erratum 8301: we would time out at once */
	a->interval_differs = a->interval_cs != w->interval_cs;
	a->addrs_differ = addrs_differ(w, list, a->count);
	if (w->version != 2)
		return VRRP_DISCARD_NONE;
	if (a->interval_differs)
		return VRRP_DISCARD_INTERVAL;
	if (d->msg[4] != (w->with_password ? AUTH_PASSWORD : AUTH_NONE))
		return VRRP_DISCARD_AUTH;
	if (w->with_password && !same_password(list + a->count * ip_width(w->family), w->password))
		return VRRP_DISCARD_AUTH;
	return VRRP_DISCARD_NONE;
}

enum vrrp_discard vrrp_pkt_read(
	const struct vrrp_wire *w, const struct vrrp_datagram *d, bool may_be_signed, struct vrrp_advert *out)
{
	struct vrrp_advert a = { .from = d->from };
	enum vrrp_discard why = check_path(w, d);
	if (why == VRRP_DISCARD_NONE)
		why = check_shape(w, d, may_be_signed, &a);
	if (why == VRRP_DISCARD_NONE)
		why = check_sum(w, d, &a);
	if (why == VRRP_DISCARD_NONE)
		why = check_content(w, d, &a);
	if (why == VRRP_DISCARD_NONE)
		*out = a;
	return why;
}

/* ---- writing ---- */

size_t vrrp_pkt_write(const struct vrrp_wire *w, uint8_t prio, const struct lb_ip *to, uint8_t *room)
{
	assert(w->n_addrs <= VRRP_ADDRS_MAX && w->source.family == w->family && to->family == w->family);
	size_t width = ip_width(w->family), len = message_len(w, w->n_addrs);
	memset(room, 0, len);
	room[0] = (uint8_t)(w->version << 4 | TYPE_ADVERT);
	room[1] = w->vrid;
	room[2] = prio;
	room[3] = (uint8_t)w->n_addrs;
	for (size_t i = 0; i < w->n_addrs; i++)
		memcpy(room + HEAD + i * width, w->addrs[i].b, width);
	if (w->version == 2) {
		room[4] = w->with_password ? AUTH_PASSWORD : AUTH_NONE;
		room[5] = (uint8_t)(w->interval_cs / SECOND_CS);
		if (w->with_password)
			memcpy(room + len - VRRP_PASSWORD, w->password, VRRP_PASSWORD);
	} else
		put_u16(room + 4, (uint16_t)(w->interval_cs & 0x0fffu));
	uint32_t sum = add_words(0, room, len);
	if (w->version == 3 && (w->family == AF_INET6 || w->sum == VRRP_SUM_RFC5798))
		sum += pseudo_header(&w->source, to, len);
	put_u16(room + 6, (uint16_t)~fold(sum));
	return len;
}
