/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses written as text, flows: known ones, random ones, and whether two are the same. */
#pragma once

#include "lbd/sync/flow.h"
#include "tests/unit/data.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* "192.0.2.1:80" */
static inline void endpoint(const char *text, struct lb_ip *ip, uint16_t *port)
{
	ck_assert_msg(lb_endpoint_parse(text, strlen(text), true, ip, port) == 0, "%s", text);
}

static inline struct flow flow_of(uint8_t protocol, const char *client, const char *virtual, const char *dest)
{
	struct flow f = { .key.protocol = protocol };
	endpoint(client, &f.key.client, &f.key.client_port);
	endpoint(virtual, &f.key.virtual, &f.key.virtual_port);
	endpoint(dest, &f.dest, &f.dest_port);
	return f;
}

static inline bool seq_same(const struct flow_seq *a, const struct flow_seq *b)
{
	return a->init_seq == b->init_seq && a->delta == b->delta && a->previous_delta == b->previous_delta;
}

static inline bool flow_same(const struct flow *a, const struct flow *b)
{
	return flow_key_cmp(&a->key, &b->key) == 0 && lb_ip_cmp(&a->dest, &b->dest) == 0 &&
	       a->dest_port == b->dest_port && a->flags == b->flags && a->state == b->state && a->fwmark == b->fwmark &&
	       a->timeout_s == b->timeout_s && a->has_seq == b->has_seq && seq_same(&a->seq_in, &b->seq_in) &&
	       seq_same(&a->seq_out, &b->seq_out) && a->pe_name_n == b->pe_name_n && a->pe_data_n == b->pe_data_n &&
	       memcmp(a->pe_name, b->pe_name, sizeof(a->pe_name)) == 0 &&
	       memcmp(a->pe_data, b->pe_data, sizeof(a->pe_data)) == 0;
}

static inline void random_bytes(uint64_t *s, void *out, size_t n)
{
	uint8_t *at = out;
	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)random_of(s);
}

static inline struct lb_ip random_ip(uint64_t *s, bool v6)
{
	struct lb_ip ip = { .family = v6 ? AF_INET6 : AF_INET };
	random_bytes(s, ip.b, v6 ? 16 : 4);
	return ip;
}

/* What is not of every flow: sequence numbers, data of an engine. */
static inline void random_more(uint64_t *s, struct flow *f)
{
	if (random_of(s) % 4 == 0) {
		f->has_seq = true;
		random_bytes(s, &f->seq_in, sizeof(f->seq_in));
		random_bytes(s, &f->seq_out, sizeof(f->seq_out));
	}
	if (random_of(s) % 4 == 0) {
		f->pe_name_n = (uint8_t)(1 + random_of(s) % FLOW_PE_NAME_MAX);
		f->pe_data_n = (uint8_t)(1 + random_of(s) % FLOW_PE_DATA_MAX);
		random_bytes(s, f->pe_name, f->pe_name_n);
		random_bytes(s, f->pe_data, f->pe_data_n);
	}
}

/* Any that the kernel would take. */
static inline struct flow random_flow(uint64_t *s)
{
	static const struct {
		uint8_t protocol, states;
	} known[] = { { IPPROTO_TCP, 11 }, { IPPROTO_UDP, 1 }, { IPPROTO_SCTP, 14 } };
	size_t p = random_of(s) % LEN(known);
	bool v6 = random_of(s) % 2;
	struct flow f = { .key = { known[p].protocol, false, (uint16_t)random_of(s), (uint16_t)random_of(s),
				  random_ip(s, v6), random_ip(s, v6), 0 },
		.dest = random_ip(s, v6),
		.dest_port = (uint16_t)random_of(s),
		.flags = (uint32_t)random_of(s) & FLOW_FLAGS & ~FLOW_TEMPLATE,
		.state = (uint16_t)(random_of(s) % known[p].states),
		.fwmark = (uint32_t)random_of(s),
		.timeout_s = (uint32_t)random_of(s) };
	if (random_of(s) % 4 == 0) {
		f.key.template = true;
		f.key.client_port = 0;
		f.flags |= FLOW_TEMPLATE;
		f.state = (uint16_t)random_of(s);
		f.key.protocol = random_of(s) % 2 ? (uint8_t)random_of(s) : 0;
	}
	random_more(s, &f);
	return f;
}
