/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_vrrp */
/* The first byte picks an instance and a way, the second is the TTL, the rest a message (or an IPv4 packet with one).
 * What is taken is written again as the same, and what was signed is believed once. */
#include "lbd/vrrp/vrrp_auth.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define KIND     0x03u /* v2, v3, v3 unicast, v3 over IPv6 */
#define SIGNED   0x04u /* a trailer may be there */
#define RIGHT    0x08u /* its checksum is made right first, so that what stands behind it is reached */
#define IP4      0x10u /* with a header */
#define PASSWORD 0x20u
#define T0       (INT64_C(0x68000000) * 1000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct lb_ip ip(const char *text)
{
	struct lb_ip out;
	must(lb_ip_parse(text, strlen(text), &out) == 0);
	return out;
}

static struct vrrp_wire instance(uint8_t how, const struct lb_ip *peers, const struct lb_ip *addrs)
{
	unsigned kind = how & KIND;
	struct vrrp_wire w = { .family = kind == 3 ? AF_INET6 : AF_INET,
		.version = kind == 0 ? 2 : 3,
		.vrid = (uint8_t)(51 + kind),
		.interval_cs = 100,
		.addrs = addrs,
		.n_addrs = 2,
		.peers = peers,
		.n_peers = kind == 2,
		.min_ttl = 200,
		.with_password = kind == 0 && how & PASSWORD };
	memcpy(w.password, "12345678", VRRP_PASSWORD);
	return w;
}

/* The sum over all of it, in the form that all of them take. */
static void make_right(const struct vrrp_wire *w, const struct vrrp_datagram *d, uint8_t *msg)
{
	size_t n = d->len & ~(size_t)1;
	uint32_t sum = 0;
	if (n < 8)
		return;
	if (w->family == AF_INET6) {
		vrrp_pkt_sum6(&d->from, &d->to, msg, n);
		return;
	}
	msg[6] = msg[7] = 0;
	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)(msg[i] << 8 | msg[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	msg[6] = (uint8_t)(~sum >> 8);
	msg[7] = (uint8_t)~sum;
}

/* An instance made of what was read writes the same, but for the checksum (of which there are forms) and what is
 * ignored. */
static void write_again(const struct vrrp_wire *w, const struct vrrp_datagram *d, const struct vrrp_advert *a)
{
	struct lb_ip addrs[VRRP_ADDRS_MAX] = { { .family = 0 } };
	size_t width = w->family == AF_INET6 ? 16 : 4, len = a->trailer ? a->trailer : d->len;
	uint8_t room[VRRP_PKT_MAX], want[VRRP_PKT_MAX];
	struct vrrp_wire same = *w;
	struct vrrp_advert b;
	if (a->count > VRRP_ADDRS_MAX)
		return;
	for (size_t i = 0; i < a->count; i++) {
		addrs[i].family = w->family;
		memcpy(addrs[i].b, d->msg + 8 + i * width, width);
	}
	same.addrs = addrs;
	same.n_addrs = a->count;
	same.interval_cs = a->interval_cs;
	same.sum = a->sum;
	same.source = a->from;
	size_t n = vrrp_pkt_write(&same, a->prio, &d->to, room);
	must(n == len);
	memcpy(want, d->msg, len);
	memcpy(want + 6, room + 6, 2);
	if (w->version == 3)
		want[4] &= 0x0f;
	else if (!w->with_password)
		memset(want + len - VRRP_PASSWORD, 0, VRRP_PASSWORD);
	must(memcmp(room, want, len) == 0);
	struct vrrp_datagram again = { d->from, d->to, d->ttl, room, n };
	same.source = w->source;
	must(vrrp_pkt_read(&same, &again, false, &b) == VRRP_DISCARD_NONE);
	must(b.prio == a->prio && b.count == a->count && b.sum == a->sum && !b.addrs_differ && !b.interval_differs);
}

static void sign(const struct vrrp_datagram *d, const struct vrrp_advert *a)
{
	struct vrrp_auth auth = {
		.mode = VRRP_AUTH_ENFORCE, .window_ms = 5000, .n_keys = 1, .keys = { { 1, 32, { 7 } } }
	};
	struct vrrp_auth other = auth;
	struct vrrp_advert of = *a;
	size_t len = a->trailer ? a->trailer : d->len;
	must(vrrp_auth_verify(&auth, d, a, T0) != VRRP_DISCARD_NONE); /* nobody guesses a HMAC */
	uint8_t *room = malloc(len + VRRP_TRAILER);
	must(room != NULL);
	memcpy(room, d->msg, len);
	must(vrrp_auth_sign(&auth, &d->from, T0, room, len) == len + VRRP_TRAILER);
	struct vrrp_datagram with = { d->from, d->to, d->ttl, room, len + VRRP_TRAILER };
	of.trailer = len;
	must(vrrp_auth_verify(&other, &with, &of, T0) == VRRP_DISCARD_NONE);
	must(vrrp_auth_verify(&other, &with, &of, T0) == VRRP_DISCARD_REPLAY);
	room[len + VRRP_TRAILER - 1] ^= 1;
	must(vrrp_auth_verify(&other, &with, &of, T0) == VRRP_DISCARD_AUTH);
	free(room);
}

static void judge(uint8_t how, const struct vrrp_datagram *d)
{
	const struct lb_ip v4[2] = { ip("10.9.0.100"), ip("10.9.0.101") },
			   v6[2] = { ip("fe80::54"), ip("fd00:9::100") };
	const struct lb_ip peer = ip("10.9.0.1");
	struct vrrp_wire w = instance(how, &peer, (how & KIND) == 3 ? v6 : v4);
	struct vrrp_advert a;
	memset(&a, 0x5a, sizeof(a));
	const struct vrrp_advert before = a;
	must(vrrp_pkt_vrid(d) == (d->len < 2 ? 0 : d->msg[1]));
	enum vrrp_discard why = vrrp_pkt_read(&w, d, how & SIGNED, &a);
	must(why < VRRP_DISCARD_COUNT_OF);
	if (why != VRRP_DISCARD_NONE) {
		must(memcmp(&a, &before, sizeof(a)) == 0);
		return;
	}
	must(a.vrid == w.vrid && a.count && a.interval_cs && a.interval_cs <= 25500);
	must(a.trailer == 0 || (how & SIGNED && a.trailer + VRRP_TRAILER == d->len));
	write_again(&w, d, &a);
	sign(d, &a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	uint8_t how = data[0];
	bool v6 = (how & KIND) == 3;
	struct vrrp_datagram d = { ip(v6 ? "fe80::4819:28ff:fe72:845f" : "10.9.0.1"),
		v6 ? vrrp_group_address(AF_INET6) : ip((how & KIND) == 2 ? "10.9.0.2" : "224.0.0.18"), data[1], NULL,
		size - 2 };
	uint8_t *bytes = malloc(d.len ? d.len : 1); /* exactly as large */
	must(bytes != NULL);
	memcpy(bytes, data + 2, d.len);
	d.msg = bytes;
	int rc = how & IP4 ? vrrp_pkt_ip4(bytes, d.len, &d) : 0;
	must(d.msg >= bytes && d.msg + d.len <= bytes + size - 2);
	if (rc == 0 && how & RIGHT && d.from.family == (v6 ? AF_INET6 : AF_INET)) {
		const struct vrrp_wire w = { .family = d.from.family };
		make_right(&w, &d, bytes + (d.msg - bytes));
	}
	if (rc == 0)
		judge(how, &d);
	free(bytes);
	return 0;
}
