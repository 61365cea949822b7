/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's IPVS tables as values (include/uapi/linux/ip_vs.h). One `ipvs_service` is one kernel service: what the
 * configuration calls a listener. Ports are in host byte order here; ipvs_msg turns them for the wire.
 *
 * Two tables of these rows exist: what plan() wants and what the kernel acknowledged. ipvs_diff turns the first into
 * the second. Rows are plain values: they are compared, copied and freed with their vector.
 */
#pragma once

#include "common/addr.h"
#include "common/vec.h"

#include <stdbool.h>
#include <stdint.h>

enum ipvs_method { /* IP_VS_CONN_F_* */
	IPVS_METHOD_NAT = 0,
	IPVS_METHOD_LOCAL = 1,
	IPVS_METHOD_TUN = 2,
	IPVS_METHOD_DR = 3,
	IPVS_METHOD_BYPASS = 4
};

enum ipvs_tunnel_type { /* IP_VS_CONN_F_TUNNEL_TYPE_* */
	IPVS_TUNNEL_IPIP = 0,
	IPVS_TUNNEL_GUE = 1,
	IPVS_TUNNEL_GRE = 2
};

enum ipvs_tunnel_csum { /* IP_VS_TUNNEL_ENCAP_FLAG_* */
	IPVS_TUNNEL_NOCSUM = 0,
	IPVS_TUNNEL_CSUM = 1,
	IPVS_TUNNEL_REMCSUM = 2
};

#define IPVS_FLAG_PERSISTENT 0x1u
#define IPVS_FLAG_HASHED     0x2u /* the kernel's own: never compared, never set */
#define IPVS_FLAG_ONEPACKET  0x4u
#define IPVS_FLAG_SCHED1     0x8u
#define IPVS_FLAG_SCHED2     0x10u
#define IPVS_FLAG_SCHED3     0x20u

#define IPVS_NAME_MAX 16 /* IP_VS_SCHEDNAME_MAXLEN, IP_VS_PENAME_MAXLEN, with the NUL */

/* A listener: family + protocol + address + port, or family + mark. addr.family is always set; for a mark the
 * address bytes, the protocol and the port are zero. */
struct ipvs_key {
	struct lb_ip addr;
	uint8_t protocol; /* IPPROTO_TCP, _UDP, _SCTP; 0 for a mark */
	uint16_t port;
	uint32_t fwmark; /* 0 = none */
};

struct ipvs_service {
	struct ipvs_key key;
	char scheduler[IPVS_NAME_MAX];
	char engine[IPVS_NAME_MAX]; /* persistence engine ("sip"), "" = none */
	uint32_t flags;             /* IPVS_FLAG_* */
	uint32_t timeout;           /* persistence, seconds; 0 when not persistent */
	uint8_t prefix;             /* persistence: bits of the client address that count, 1..32 or 1..128 */
};

struct ipvs_tunnel {
	uint8_t type;  /* enum ipvs_tunnel_type */
	uint8_t csum;  /* enum ipvs_tunnel_csum */
	uint16_t port; /* gue only */
};

struct ipvs_dest {
	struct lb_ip addr;
	uint8_t method; /* enum ipvs_method */
	uint16_t port;
	struct ipvs_tunnel tunnel; /* zero unless method is IPVS_METHOD_TUN */
	uint32_t weight;           /* 0..2147483647 */
	uint32_t upper, lower;     /* connections, 0 = off */
};

/* One kernel service with its destinations, sorted by ipvs_dest_cmp. */
struct ipvs_row {
	struct ipvs_service svc;
	LB_VEC(struct ipvs_dest) dests;
	/* Of a row that is wanted: those that were taken out, by an operator or their checks, also sorted. Their
	 * deletes wait for nothing. */
	LB_VEC(struct ipvs_dest) out;
};

/* Total orders over the identity (not the attributes). */
int ipvs_key_cmp(const struct ipvs_key *a, const struct ipvs_key *b);
int ipvs_dest_cmp(const struct ipvs_dest *a, const struct ipvs_dest *b); /* address, then port */

/* Whether two rows with one identity would be the same in the kernel: HASHED is ignored, timeout and prefix count
 * only when persistent, the tunnel only for IPVS_METHOD_TUN. */
bool ipvs_service_equal(const struct ipvs_service *a, const struct ipvs_service *b);
bool ipvs_dest_equal(const struct ipvs_dest *a, const struct ipvs_dest *b);

void ipvs_row_sort(struct ipvs_row *row);
bool ipvs_row_is_out(const struct ipvs_row *row, const struct ipvs_dest *d); /* it stands in row->out */
void ipvs_row_done(struct ipvs_row *row);

#define IPVS_KEY_STRLEN 72
/* "203.0.113.10:80/tcp", "[2001:db8::1]:53/udp", "fwmark:10/ipv4". Returns out. */
const char *ipvs_key_str(const struct ipvs_key *k, char out[IPVS_KEY_STRLEN]);

/* The reverse. 0 or -EINVAL. */
int ipvs_key_parse(const char *s, size_t n, struct ipvs_key *out);

const char *ipvs_method_name(uint8_t method);     /* "nat" "dr" "tun" "local" "bypass" */
const char *ipvs_protocol_name(uint8_t protocol); /* "tcp" "udp" "sctp", "-" */
const char *ipvs_tunnel_name(uint8_t type);       /* "ipip" "gue" "gre" */
const char *ipvs_csum_name(uint8_t csum);         /* "nocsum" "csum" "remcsum" */
