/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses written as text, checksums counted once more, and the instances that the frames are of. */
#pragma once

#include "lbd/vrrp/vrrp_pkt.h"
#include "tests/unit/data.h"

#include <sys/socket.h>

static inline struct lb_ip ip(const char *text)
{
	struct lb_ip out = { .family = 0 };
	if (text)
		ck_assert_msg(lb_ip_parse(text, strlen(text), &out) == 0, "no address: %s", text);
	return out;
}

/* RFC 1071 in its plainest form, bytes instead of words, to check the code against something else. */
static inline uint16_t plain_sum(const uint8_t *pseudo, size_t pseudo_n, const uint8_t *msg, size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < pseudo_n; i++)
		sum += i % 2 ? pseudo[i] : pseudo[i] * 256u;
	for (size_t i = 0; i < n; i++)
		if (i != 6 && i != 7)
			sum += i % 2 ? msg[i] : msg[i] * 256u;
	return (uint16_t) ~(sum % 65535);
}

#define LL "fe80::4819:28ff:fe72:845f" /* who captured the frames, on IPv6 */

enum which { V2, V3, UNICAST, V6, WHICH_COUNT };

/* The instances of the captured frames, without a source. */
static inline struct vrrp_wire wire_of(enum which which)
{
	static struct lb_ip addrs[WHICH_COUNT][2], peers[2];
	static const char *const texts[WHICH_COUNT][2] = { { "10.9.0.100", "10.9.0.101" }, { "10.9.0.110", NULL },
		{ "10.9.0.120", NULL }, { "fe80::54", "fd00:9::100" } };
	static const uint32_t intervals[WHICH_COUNT] = { 100, 50, 100, 100 };
	addrs[which][0] = ip(texts[which][0]);
	addrs[which][1] = ip(texts[which][1]);
	peers[0] = ip("10.9.0.1");
	peers[1] = ip("10.9.0.2");
	struct vrrp_wire w = {
		.family = which == V6 ? AF_INET6 : AF_INET,
		.version = which == V2 ? 2 : 3,
		.vrid = (uint8_t)(51 + which),
		.interval_cs = intervals[which],
		.addrs = addrs[which],
		.n_addrs = texts[which][1] ? 2 : 1,
		.peers = peers,
		.n_peers = which == UNICAST ? 2 : 0,
		.min_ttl = 255,
		.with_password = which == V2,
	};
	if (which == V2)
		memcpy(w.password, "12345678", VRRP_PASSWORD);
	return w;
}
