/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What /proc/net/ip_vs_conn says of connections (net/netfilter/ipvs/ip_vs_conn.c, ip_vs_conn_seq_show), the only way to
 * read them back. Read from pieces of any length.
 *
 * Or /proc/net/ip_vs_conn_sync, which is the same with one word more, LOCAL or SYNC, and without engines.
 *
 * It does not say: flags (the method among them; NOOUTPUT), fwmark, the full timeout, sequence numbers, to which
 * template a connection belongs. Those are 0 in what is given here. timeout_s is what is left.
 */
#pragma once

#include "lbd/sync/flow.h"

#include <stddef.h>

#define IPVS_CONN_LINE_MAX 640u
#define IPVS_CONN_SYNCED   0x0020u /* IP_VS_CONN_F_SYNC: it came into the kernel by a record. In what is given only */

typedef void ipvs_conn_fn(const struct flow *f, void *arg);

struct ipvs_conn_reader { /* starts as { 0 } */
	char line[IPVS_CONN_LINE_MAX];
	size_t n;
	bool too_long, past_head;
	uint64_t given, refused; /* lines that became a flow, and that could not be read */
};

void ipvs_conn_read(struct ipvs_conn_reader *r, const char *p, size_t n, ipvs_conn_fn *fn, void *arg);
/* At the end of the file: a last line without its end. */
void ipvs_conn_read_end(struct ipvs_conn_reader *r, ipvs_conn_fn *fn, void *arg);

/* One line of n bytes, without its end. 0 and *out; -EINVAL. */
int ipvs_conn_parse(const char *line, size_t n, struct flow *out);

/* Its words; NULL: it has none for that number. */
const char *ipvs_conn_protocol(uint8_t number);
const char *ipvs_conn_tcp_state(uint16_t state);
const char *ipvs_conn_sctp_state(uint16_t state);
