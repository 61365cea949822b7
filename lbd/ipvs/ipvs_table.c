/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ipvs/ipvs_table.h"

#include "common/sort.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDER(a, b) ((a) < (b) ? -1 : 1)

int ipvs_key_cmp(const struct ipvs_key *a, const struct ipvs_key *b)
{
	if (a->fwmark != b->fwmark)
		return ORDER(a->fwmark, b->fwmark);
	int c = lb_ip_cmp(&a->addr, &b->addr);
	if (c)
		return c;
	if (a->port != b->port)
		return ORDER(a->port, b->port);
	return a->protocol == b->protocol ? 0 : ORDER(a->protocol, b->protocol);
}

int ipvs_dest_cmp(const struct ipvs_dest *a, const struct ipvs_dest *b)
{
	int c = lb_ip_cmp(&a->addr, &b->addr);
	if (c)
		return c;
	return a->port == b->port ? 0 : ORDER(a->port, b->port);
}

bool ipvs_service_equal(const struct ipvs_service *a, const struct ipvs_service *b)
{
	if ((a->flags ^ b->flags) & ~IPVS_FLAG_HASHED)
		return false;
	if (strcmp(a->scheduler, b->scheduler) || strcmp(a->engine, b->engine))
		return false;
	if (!(a->flags & IPVS_FLAG_PERSISTENT))
		return true;
	return a->timeout == b->timeout && a->prefix == b->prefix;
}

bool ipvs_dest_equal(const struct ipvs_dest *a, const struct ipvs_dest *b)
{
	if (a->method != b->method || a->weight != b->weight || a->upper != b->upper || a->lower != b->lower)
		return false;
	if (a->method != IPVS_METHOD_TUN)
		return true;
	return a->tunnel.type == b->tunnel.type && a->tunnel.csum == b->tunnel.csum && a->tunnel.port == b->tunnel.port;
}

static int dest_cmp(const void *a, const void *b)
{
	return ipvs_dest_cmp(a, b);
}

void ipvs_row_sort(struct ipvs_row *row)
{
	lb_sort(row->dests.v, row->dests.n, sizeof(*row->dests.v), dest_cmp);
	lb_sort(row->out.v, row->out.n, sizeof(*row->out.v), dest_cmp);
}

bool ipvs_row_is_out(const struct ipvs_row *row, const struct ipvs_dest *d)
{
	return row->out.n && bsearch(d, row->out.v, row->out.n, sizeof(*row->out.v), dest_cmp);
}

void ipvs_row_done(struct ipvs_row *row)
{
	lb_vec_done(&row->dests);
	lb_vec_done(&row->out);
}

struct word {
	uint8_t value;
	const char *name;
};

static const struct word methods[] = {
	{ IPVS_METHOD_NAT, "nat" },
	{ IPVS_METHOD_LOCAL, "local" },
	{ IPVS_METHOD_TUN, "tun" },
	{ IPVS_METHOD_DR, "dr" },
	{ IPVS_METHOD_BYPASS, "bypass" },
	{ 0, NULL },
};
static const struct word protocols[] = {
	{ IPPROTO_TCP, "tcp" },
	{ IPPROTO_UDP, "udp" },
	{ IPPROTO_SCTP, "sctp" },
	{ 0, NULL },
};
static const struct word tunnels[] = {
	{ IPVS_TUNNEL_IPIP, "ipip" },
	{ IPVS_TUNNEL_GUE, "gue" },
	{ IPVS_TUNNEL_GRE, "gre" },
	{ 0, NULL },
};
static const struct word csums[] = {
	{ IPVS_TUNNEL_NOCSUM, "nocsum" },
	{ IPVS_TUNNEL_CSUM, "csum" },
	{ IPVS_TUNNEL_REMCSUM, "remcsum" },
	{ 0, NULL },
};

static const char *word_of(const struct word *w, uint8_t value)
{
	for (; w->name; w++)
		if (w->value == value)
			return w->name;
	return "-";
}

const char *ipvs_method_name(uint8_t method)
{
	return word_of(methods, method);
}

const char *ipvs_protocol_name(uint8_t protocol)
{
	return word_of(protocols, protocol);
}

const char *ipvs_tunnel_name(uint8_t type)
{
	return word_of(tunnels, type);
}

const char *ipvs_csum_name(uint8_t csum)
{
	return word_of(csums, csum);
}

const char *ipvs_key_str(const struct ipvs_key *k, char out[IPVS_KEY_STRLEN])
{
	_Static_assert(IPVS_KEY_STRLEN > LB_ENDPOINT_STRLEN + 1 + sizeof("sctp"), "an address, a port, a protocol");
	if (k->fwmark) {
		snprintf(out, IPVS_KEY_STRLEN, "fwmark:%u/%s", k->fwmark, lb_ip_is_v6(&k->addr) ? "ipv6" : "ipv4");
		return out;
	}
	lb_endpoint_str(&k->addr, k->port, out);
	char *end = out + strlen(out);
	*end = '/';
	strcpy(end + 1, ipvs_protocol_name(k->protocol));
	return out;
}

static int fwmark_parse(const char *s, size_t n, bool v6, struct ipvs_key *out)
{
	uint64_t mark = 0;
	if (n == 0 || n > 10)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		mark = mark * 10 + (uint64_t)(s[i] - '0');
	}
	if (mark == 0 || mark > UINT32_MAX)
		return -EINVAL;
	*out = (struct ipvs_key){ .fwmark = (uint32_t)mark };
	out->addr.family = v6 ? AF_INET6 : AF_INET;
	return 0;
}

int ipvs_key_parse(const char *s, size_t n, struct ipvs_key *out)
{
	const char *slash = memrchr(s, '/', n);
	if (!slash)
		return -EINVAL;
	const char *word = slash + 1;
	size_t word_len = (size_t)(s + n - word), head = (size_t)(slash - s);
	if (head > 7 && memcmp(s, "fwmark:", 7) == 0) {
		bool v6 = word_len == 4 && memcmp(word, "ipv6", 4) == 0;
		if (!v6 && !(word_len == 4 && memcmp(word, "ipv4", 4) == 0))
			return -EINVAL;
		return fwmark_parse(s + 7, head - 7, v6, out);
	}
	struct ipvs_key k = { 0 };
	for (const struct word *w = protocols; w->name; w++)
		if (strlen(w->name) == word_len && memcmp(w->name, word, word_len) == 0)
			k.protocol = w->value;
	if (!k.protocol || lb_endpoint_parse(s, head, false, &k.addr, &k.port))
		return -EINVAL;
	*out = k;
	return 0;
}
