/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection, or persistence template, of IPVS as the two nodes of a pair tell each other of it: what the kernel's
 * own synchronisation carries (struct ip_vs_sync_v4, _v6 of net/netfilter/ipvs/ip_vs_sync.c), as a value. Ports and
 * numbers are in host byte order.
 *
 * Or one of connection tracking, which is the same and a little more: see ct_flow.h.
 */
#pragma once

#include "common/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the kernel, include/uapi/linux/ip_vs.h */
#define FLOW_METHOD   0x0007u
#define FLOW_NOOUTPUT 0x0080u /* the node sees one direction only: DR, TUN */
#define FLOW_INACTIVE 0x0100u
#define FLOW_SEQ_OUT  0x0200u
#define FLOW_SEQ_IN   0x0400u
#define FLOW_NO_CPORT 0x0800u
#define FLOW_TEMPLATE 0x1000u
/* All that a receiver takes (IP_VS_CONN_F_BACKUP_MASK); what else the kernel sends is its own business, and is not
 * kept. */
#define FLOW_FLAGS                                                                                                     \
	(FLOW_METHOD | FLOW_NOOUTPUT | FLOW_INACTIVE | FLOW_SEQ_OUT | FLOW_SEQ_IN | FLOW_NO_CPORT | FLOW_TEMPLATE)

#define FLOW_PE_NAME_MAX 16
#define FLOW_PE_DATA_MAX 255

struct flow_key {
	uint8_t protocol; /* IPPROTO_x; 0 in templates of fwmark services */
	bool template;
	uint16_t client_port, virtual_port;
	struct lb_ip client, virtual; /* of the same family; the client of a template is masked */
	uint16_t zone;                /* of connection tracking */
};

struct flow_seq { /* struct ip_vs_seq: how much an application helper (ftp) has moved sequence numbers */
	uint32_t init_seq, delta, previous_delta;
};

struct flow_ct {         /* what connection tracking knows besides */
	struct lb_ip to; /* where the server's answers go: the client, or the address of source NAT */
	uint16_t to_port;
	uint8_t tcp_flags[2], tcp_scale[2]; /* of the client's side, of the server's */
	uint32_t sctp_tag[2];
};

struct flow {
	struct flow_key key;
	struct lb_ip dest;
	uint16_t dest_port;
	uint32_t flags; /* FLOW_x, as the kernel says them; FLOW_TEMPLATE as key.template */
	uint16_t state; /* of the protocol, numbers of ip_vs.h */
	uint32_t fwmark;
	uint32_t timeout_s; /* from now; 0 = the default of the state */
	bool has_seq;
	struct flow_seq seq_in, seq_out;
	uint8_t pe_name_n, pe_data_n; /* of a persistence engine (sip); both or none */
	char pe_name[FLOW_PE_NAME_MAX];
	uint8_t pe_data[FLOW_PE_DATA_MAX];
	bool has_ct; /* of connection tracking: flags, state and fwmark are as ct_flow.h says; no seq and no pe */
	struct flow_ct ct;
};

/* Order of keys, like memcmp. */
int flow_key_cmp(const struct flow_key *a, const struct flow_key *b);
/* Not for hostile keys without a secret seed. */
uint64_t flow_key_hash(const struct flow_key *k, uint64_t seed);

/* Whether three addresses of one family are there and the lengths are inside their arrays: what a struct flow must be
 * for a table to keep it. */
bool flow_is_whole(const struct flow *f);
/* Whether the kernel would take it: whole, a protocol that is synchronised and a state of it, or a template; flags that
 * it knows; data of a persistence engine with its name. */
bool flow_is_valid(const struct flow *f);
/* What the kernel starts with for timeout_s 0, if nobody configured another one; never 0. */
uint32_t flow_default_timeout_s(const struct flow *f);

/* SipHash-2-4 (Aumasson, Bernstein 2012) of n bytes: without the key nobody can choose inputs that collide. */
uint64_t flow_siphash(uint64_t k0, uint64_t k1, const uint8_t *p, size_t n);
