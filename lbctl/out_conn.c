/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections as ipvsadm 1.31 prints them for -Lnc, byte for byte, in the order of the kernel. */
#include "common/addr.h"
#include "common/proto.h"
#include "lbctl/out.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The port is written even when it is 0. */
static const char *endpoint(const json_t *row, const char *key, char out[64])
{
	const char *s = lb_proto_str(row, key);
	struct lb_ip ip;
	uint16_t port;
	char text[LB_IP_STRLEN];
	if (!s || lb_endpoint_parse(s, strlen(s), true, &ip, &port))
		return strcpy(out, "-");
	snprintf(out, 64, lb_ip_is_v6(&ip) ? "[%s]:%u" : "%s:%u", lb_ip_str(&ip, text), port);
	return out;
}

/* The kernel's words are large. */
static const char *large(const json_t *row, const char *key, char out[32])
{
	const char *s = lb_proto_str(row, key);
	size_t n = 0;
	for (; s && s[n] && n < 31; n++)
		out[n] = isprint((unsigned char)s[n]) ? (char)toupper((unsigned char)s[n]) : '?';
	out[n] = '\0';
	return strcmp(out, "ICMPV6") == 0 ? strcpy(out, "ICMPv6") : out;
}

static void head(struct out *o)
{
	lb_text_puts(&o->text, "IPVS connection entries\n");
	lb_text_printf(&o->text, "pro expire %-11s %-18s %-18s %s\n", "state", "source", "virtual", "destination");
}

static void conn_row(struct out *o, const json_t *row)
{
	char protocol[32], state[32], client[64], virtual[64], dest[64], expires[32];
	long long s = columns_seconds(json_number_value(json_object_get(row, "expires")));
	if (o->n_rows == 0)
		head(o);
	snprintf(expires, sizeof(expires), "%02lld:%02lld", s / 60, s % 60);
	lb_text_printf(&o->text, "%-3s %-6s %-11s %-18s %-18s %s\n", large(row, "protocol", protocol), expires,
		large(row, "state", state), endpoint(row, "client", client), endpoint(row, "virtual", virtual),
		endpoint(row, "address", dest));
}

static void conn_finish(struct out *o)
{
	if (o->n_rows == 0)
		head(o);
}

const struct out_ops out_conn_ops = { conn_row, conn_finish };
