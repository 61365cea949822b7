/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/conn_row.h"

#include "lbd/sync/ipvs_conn.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define WORDS 8

const char *const conn_origins[] = { [CONN_LOCAL] = "local", [CONN_PEER] = "peer", [CONN_TEMPLATE] = "template" };

const char *conn_row_str(const struct conn_row *r, char out[CONN_ROW_STRLEN])
{
	char client[LB_ENDPOINT_STRLEN], virtual[LB_ENDPOINT_STRLEN], dest[LB_ENDPOINT_STRLEN];
	snprintf(out, CONN_ROW_STRLEN, "%u %s %s %s %u %u %u %s", r->protocol,
		lb_endpoint_str(&r->client, r->client_port, client),
		lb_endpoint_str(&r->virtual, r->virtual_port, virtual), lb_endpoint_str(&r->dest, r->dest_port, dest),
		r->state, r->expires_s, r->fwmark, conn_origins[r->origin]);
	return out;
}

struct word {
	const char *p;
	size_t n;
};

/* Exactly so many, with one blank between them. */
static bool split(const char *s, size_t n, struct word w[WORDS])
{
	const char *end = s + n;
	for (size_t i = 0; i < WORDS; i++) {
		const char *blank = memchr(s, ' ', (size_t)(end - s));
		if (!blank != (i + 1 == WORDS))
			return false;
		w[i] = (struct word){ s, (size_t)((blank ? blank : end) - s) };
		s = blank ? blank + 1 : end;
	}
	return true;
}

static bool number(const struct word *w, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;
	if (w->n == 0 || w->n > 10 || (w->n > 1 && w->p[0] == '0'))
		return false;
	for (size_t i = 0; i < w->n; i++) {
		if (w->p[i] < '0' || w->p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(w->p[i] - '0');
	}
	*out = (uint32_t)v;
	return v <= max;
}

static bool endpoint(const struct word *w, struct lb_ip *ip, uint16_t *port)
{
	return lb_endpoint_parse(w->p, w->n, false, ip, port) == 0;
}

static bool origin(const struct word *w, struct conn_row *out)
{
	for (unsigned i = 0; i < CONN_ORIGIN_COUNT; i++)
		if (strlen(conn_origins[i]) == w->n && memcmp(conn_origins[i], w->p, w->n) == 0) {
			out->origin = (enum conn_origin)i;
			return true;
		}
	return false;
}

bool conn_row_parse(const char *s, size_t n, struct conn_row *out)
{
	struct word w[WORDS];
	struct conn_row r = { 0 };
	uint32_t protocol, state;
	if (!split(s, n, w) || !number(&w[0], UINT8_MAX, &protocol) || !endpoint(&w[1], &r.client, &r.client_port) ||
		!endpoint(&w[2], &r.virtual, &r.virtual_port) || !endpoint(&w[3], &r.dest, &r.dest_port) ||
		!number(&w[4], UINT16_MAX, &state) || !number(&w[5], UINT32_MAX, &r.expires_s) ||
		!number(&w[6], UINT32_MAX, &r.fwmark) || !origin(&w[7], &r))
		return false;
	if (r.client.family != r.virtual.family)
		return false;
	r.protocol = (uint8_t)protocol;
	r.state = (uint16_t)state;
	*out = r;
	return true;
}

void conn_row_of(const struct flow *f, enum conn_origin origin, struct conn_row *out)
{
	*out = (struct conn_row){ .protocol = f->key.protocol,
		.origin = f->key.template ? CONN_TEMPLATE : origin,
		.client_port = f->key.client_port,
		.virtual_port = f->key.virtual_port,
		.dest_port = f->dest_port,
		.state = f->state,
		.client = f->key.client,
		.virtual = f->key.virtual,
		.dest = f->dest,
		.expires_s = f->timeout_s,
		.fwmark = f->fwmark };
}

const char *conn_state_name(uint8_t protocol, bool template, uint16_t state)
{
	const char *name = NULL;
	if (template)
		return state ? "ASSURED" : "NONE";
	if (protocol == IPPROTO_TCP)
		name = ipvs_conn_tcp_state(state);
	else if (protocol == IPPROTO_SCTP)
		name = ipvs_conn_sctp_state(state);
	else if (protocol == IPPROTO_UDP)
		name = "UDP";
	else if (protocol == 0)
		name = "NONE";
	return name ? name : "ERR!";
}

const char *conn_protocol_name(uint8_t protocol, char out[CONN_PROTOCOL_STRLEN])
{
	const char *name = ipvs_conn_protocol(protocol);
	if (name)
		snprintf(out, CONN_PROTOCOL_STRLEN, "%s", name);
	else
		snprintf(out, CONN_PROTOCOL_STRLEN, "IP_%u", protocol);
	return out;
}
