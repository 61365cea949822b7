/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/nft/nft_text.h"

#include <sys/socket.h>

static size_t count(const struct nft_want *w, uint8_t family)
{
	size_t n = 0;
	for (size_t i = 0; i < w->n_closed; i++)
		n += w->closed[i].family == family;
	return n;
}

static bool is_closed(const struct nft_want *w, const struct lb_ip *ip)
{
	for (size_t i = 0; i < w->n_closed; i++)
		if (lb_ip_cmp(&w->closed[i], ip) == 0)
			return true;
	return false;
}

/* A set needs an element, or it may have none of the line at all. */
static void element(struct lb_text *out, size_t *n, const char *fmt_begin)
{
	lb_text_printf(out, "%s", (*n)++ ? ", " : fmt_begin);
}

static void put_closed(const struct nft_want *w, uint8_t family, struct lb_text *out)
{
	char ip[LB_IP_STRLEN];
	size_t n = 0;
	for (size_t i = 0; i < w->n_closed; i++) {
		if (w->closed[i].family != family)
			continue;
		element(out, &n, "\t\telements = { ");
		lb_text_printf(out, "%s", lb_ip_str(&w->closed[i], ip));
	}
	if (n)
		lb_text_printf(out, " }\n");
}

/* Where services listen on a closed address; any: at every port. */
static size_t put_open(const struct nft_want *w, uint8_t family, bool any, struct lb_text *out)
{
	char ip[LB_IP_STRLEN];
	size_t n = 0;
	for (size_t i = 0; i < w->n_open; i++) {
		const struct nft_port *p = &w->open[i];
		if (p->ip.family != family || (p->port == 0) != any || !is_closed(w, &p->ip))
			continue;
		element(out, &n, "\t\telements = { ");
		lb_text_printf(out, "%s . %u", lb_ip_str(&p->ip, ip), p->protocol);
		if (!any)
			lb_text_printf(out, " . %u", p->port);
	}
	if (n)
		lb_text_printf(out, " }\n");
	return n;
}

static void put_sets(const struct nft_want *w, uint8_t family, struct lb_text *out)
{
	const unsigned v = family == AF_INET6 ? 6 : 4;
	lb_text_printf(out, "\tset closed%u {\n\t\ttype ipv%u_addr\n", v, v);
	put_closed(w, family, out);
	lb_text_printf(out, "\t}\n\tset open%u {\n\t\ttype ipv%u_addr . inet_proto . inet_service\n", v, v);
	(void)put_open(w, family, false, out);
	lb_text_printf(out, "\t}\n\tset whole%u {\n\t\ttype ipv%u_addr . inet_proto\n", v, v);
	(void)put_open(w, family, true, out);
	lb_text_printf(out, "\t}\n");
}

/* Fragments: IPv4 packets are whole at this hook. Of IPv6 only the first one has a port, and without it the rest is
 * nothing. */
static void put_rules(const struct nft_want *w, uint8_t family, struct lb_text *out)
{
	const bool v6 = family == AF_INET6;
	const unsigned v = v6 ? 6 : 4;
	const char *ip = v6 ? "ip6" : "ip";
	lb_text_printf(out, "\tchain closed%u {\n", v);
	for (size_t i = 0; i < w->n_marks; i++)
		lb_text_printf(out, "\t\tmeta mark %u return\n", w->marks[i]);
	lb_text_printf(out, "\t\t%s daddr . meta l4proto . th dport @open%u return\n", ip, v);
	lb_text_printf(out, "\t\t%s daddr . meta l4proto @whole%u return\n", ip, v);
	if (v6)
		lb_text_printf(out,
			"\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } return\n"
			"\t\ticmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } "
			"return\n"
			"\t\tfrag frag-off > 0 return\n");
	else
		lb_text_printf(
			out, "\t\ticmp type { destination-unreachable, time-exceeded, parameter-problem } return\n");
	lb_text_printf(out, "\t\tdrop\n\t}\n");
}

void nft_text(const struct nft_want *w, struct lb_text *out)
{
	/* made first, as only what is there can be removed */
	lb_text_printf(out, "table inet lbd\ndelete table inet lbd\n");
	if (w->n_closed == 0)
		return;
	size_t n4 = count(w, AF_INET), n6 = count(w, AF_INET6);
	lb_text_printf(out, "table inet lbd {\n");
	if (n4)
		put_sets(w, AF_INET, out);
	if (n6)
		put_sets(w, AF_INET6, out);
	if (n4)
		put_rules(w, AF_INET, out);
	if (n6)
		put_rules(w, AF_INET6, out);
	lb_text_printf(out, "\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n"
			    "\t\tiif lo return\n");
	if (n4)
		lb_text_printf(out, "\t\tip daddr @closed4 jump closed4\n");
	if (n6)
		lb_text_printf(out, "\t\tip6 daddr @closed6 jump closed6\n");
	lb_text_printf(out, "\t}\n}\n");
}
