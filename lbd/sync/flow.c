/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/flow.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* ---- keys ---- */

static int cmp_number(unsigned a, unsigned b)
{
	return a < b ? -1 : a > b;
}

int flow_key_cmp(const struct flow_key *a, const struct flow_key *b)
{
	int c = cmp_number(a->protocol, b->protocol);
	if (c == 0)
		c = cmp_number(a->template, b->template);
	if (c == 0)
		c = lb_ip_cmp(&a->client, &b->client);
	if (c == 0)
		c = cmp_number(a->client_port, b->client_port);
	if (c == 0)
		c = lb_ip_cmp(&a->virtual, &b->virtual);
	if (c == 0)
		c = cmp_number(a->virtual_port, b->virtual_port);
	return c ? c : cmp_number(a->zone, b->zone);
}

static uint64_t rotate(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

/* Little endian, as the paper says: the same numbers on every machine. */
static uint64_t word(const uint8_t *p, size_t n)
{
	uint64_t w = 0;
	for (size_t i = 0; i < n; i++)
		w |= (uint64_t)p[i] << 8 * i;
	return w;
}

uint64_t flow_siphash(uint64_t k0, uint64_t k1, const uint8_t *p, size_t n)
{
	uint64_t v[4] = { k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573) };
	uint64_t last = (uint64_t)n << 56 | word(p + n / 8 * 8, n % 8);
	for (size_t i = 0; i <= n / 8; i++) {
		uint64_t m = i < n / 8 ? word(p + i * 8, 8) : last;
		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t flow_key_hash(const struct flow_key *k, uint64_t seed)
{
	uint8_t bytes[40] = { k->protocol, k->template, (uint8_t)(k->client_port >> 8), (uint8_t)k->client_port,
		(uint8_t)(k->virtual_port >> 8), (uint8_t)k->virtual_port, k->client.family, k->virtual.family };
	memcpy(bytes + 8, k->client.b, 16);
	memcpy(bytes + 24, k->virtual.b, 16);
	/* 64 secret bits are as many as there are; the other half of the key only has to differ */
	return flow_siphash(seed, ~seed ^ k->zone, bytes, sizeof(bytes));
}

/* ---- what the kernel knows ---- */

/* Timeouts of the states of net/netfilter/ipvs/ip_vs_proto_{tcp,udp,sctp}.c, by number; as many as there are states. */
static const uint16_t tcp_s[] = { 2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120 };
static const uint16_t udp_s[] = { 300 };
static const uint16_t sctp_s[] = { 2, 4, 61, 61, 61, 61, 61, 61, 900, 61, 61, 61, 4, 61 };

#define TEMPLATE_S 180u
#define CT_S       60u /* nobody tells 0 of connection tracking */

static const struct protocol {
	uint8_t number;
	uint8_t states;
	const uint16_t *timeouts_s;
} protocols[] = {
	{ IPPROTO_TCP, sizeof(tcp_s) / sizeof(tcp_s[0]), tcp_s },
	{ IPPROTO_UDP, sizeof(udp_s) / sizeof(udp_s[0]), udp_s },
	{ IPPROTO_SCTP, sizeof(sctp_s) / sizeof(sctp_s[0]), sctp_s },
};

/* NULL: not a state of a protocol that is synchronised. */
static const uint16_t *state_timeout_s(uint8_t protocol, uint16_t state)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (protocols[i].number == protocol)
			return state < protocols[i].states ? &protocols[i].timeouts_s[state] : NULL;
	return NULL;
}

uint32_t flow_default_timeout_s(const struct flow *f)
{
	if (f->has_ct)
		return CT_S;
	const uint16_t *s = f->key.template ? NULL : state_timeout_s(f->key.protocol, f->state);
	return s ? *s : TEMPLATE_S;
}

bool flow_is_whole(const struct flow *f)
{
	uint8_t family = f->key.client.family;
	return (family == AF_INET || family == AF_INET6) && f->key.virtual.family == family &&
	       f->dest.family == family && f->pe_name_n <= FLOW_PE_NAME_MAX &&
	       (f->has_ct ? f->ct.to.family == family && !f->has_seq && !f->pe_name_n && !f->pe_data_n
			  : f->key.zone == 0);
}

bool flow_is_valid(const struct flow *f)
{
	if (!flow_is_whole(f) || f->has_ct || f->flags & ~FLOW_FLAGS || f->key.template != !!(f->flags & FLOW_TEMPLATE))
		return false;
	if (!f->pe_name_n != !f->pe_data_n)
		return false;
	/* of a template the kernel takes any */
	return f->key.template || state_timeout_s(f->key.protocol, f->state);
}
