/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/nft/nft_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Without the protocol before it nft does not know how wide a port is. */
#define PROTOCOLS "meta l4proto { tcp, udp, sctp }"

int nft_port_cmp(const struct nft_port *a, const struct nft_port *b)
{
	int d = lb_ip_cmp(&a->ip, &b->ip);
	if (d)
		return d;
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	return a->port < b->port ? -1 : a->port > b->port;
}

static int by_ip(const void *key, const void *item)
{
	return lb_ip_cmp(key, item);
}

static int by_port(const void *key, const void *item)
{
	const struct nft_snat *s = item;
	return nft_port_cmp(key, &s->at);
}

static bool is_closed(const struct nft_want *w, const struct lb_ip *ip)
{
	return w->n_closed && bsearch(ip, w->closed, w->n_closed, sizeof(*w->closed), by_ip);
}

static bool is_translated(const struct nft_want *w, const struct nft_port *p)
{
	return w->n_snats && bsearch(p, w->snats, w->n_snats, sizeof(*w->snats), by_port);
}

static unsigned version(uint8_t family)
{
	return family == AF_INET6 ? 6 : 4;
}

/* As in `ip daddr`. */
static const char *header(uint8_t family)
{
	return family == AF_INET6 ? "ip6" : "ip";
}

/* ---- sets ---- */

/* A set needs an element, or it may have none of the line at all. */
static void element(struct lb_text *out, size_t *n)
{
	lb_text_puts(out, (*n)++ ? ", " : "\t\telements = { ");
}

static void end_elements(struct lb_text *out, size_t n)
{
	lb_text_puts(out, n ? " }\n\t}\n" : "\t}\n");
}

/* "10.7.0.100 . 6 . 443" */
static void put_port(const struct nft_port *p, bool any, struct lb_text *out)
{
	char ip[LB_IP_STRLEN];
	lb_text_printf(out, "%s . %u", lb_ip_str(&p->ip, ip), p->protocol);
	if (!any)
		lb_text_printf(out, " . %u", p->port);
}

/* The key of a set or a map; any: of those that take every port. */
static void begin_set(const char *kind, const char *name, uint8_t family, bool any, struct lb_text *out)
{
	const unsigned v = version(family);
	lb_text_printf(
		out, "\t%s %s%u {\n\t\ttype ipv%u_addr . inet_proto%s", kind, name, v, v, any ? "" : " . inet_service");
}

/* ---- closed addresses ---- */

static size_t count_closed(const struct nft_want *w, uint8_t family)
{
	size_t n = 0;
	for (size_t i = 0; i < w->n_closed; i++)
		n += w->closed[i].family == family;
	return n;
}

static void put_closed(const struct nft_want *w, uint8_t family, struct lb_text *out)
{
	char ip[LB_IP_STRLEN];
	size_t n = 0;
	lb_text_printf(out, "\tset closed%u {\n\t\ttype ipv%u_addr\n", version(family), version(family));
	for (size_t i = 0; i < w->n_closed; i++) {
		if (w->closed[i].family != family)
			continue;
		element(out, &n);
		lb_text_puts(out, lb_ip_str(&w->closed[i], ip));
	}
	end_elements(out, n);
}

/* Where services listen on a closed address; any: at every port. */
static void put_open(const struct nft_want *w, uint8_t family, bool any, struct lb_text *out)
{
	size_t n = 0;
	begin_set("set", any ? "whole" : "open", family, any, out);
	lb_text_puts(out, "\n");
	for (size_t i = 0; i < w->n_open; i++) {
		const struct nft_port *p = &w->open[i];
		if (p->ip.family != family || (p->port == 0) != any || !is_closed(w, &p->ip))
			continue;
		element(out, &n);
		put_port(p, any, out);
	}
	end_elements(out, n);
}

/* Fragments: IPv4 packets are whole at this hook. Of IPv6 only the first one has a port, and without it the rest is
 * nothing. */
static void put_rules(const struct nft_want *w, uint8_t family, struct lb_text *out)
{
	const unsigned v = version(family);
	const char *ip = header(family);
	lb_text_printf(out, "\tchain closed%u {\n", v);
	for (size_t i = 0; i < w->n_marks; i++)
		lb_text_printf(out, "\t\tmeta mark %u return\n", w->marks[i]);
	lb_text_printf(out, "\t\t%s daddr . meta l4proto . th dport @open%u return\n", ip, v);
	lb_text_printf(out, "\t\t%s daddr . meta l4proto @whole%u return\n", ip, v);
	if (family == AF_INET6)
		lb_text_puts(out,
			"\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } return\n"
			"\t\ticmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } "
			"return\n"
			"\t\tfrag frag-off > 0 return\n");
	else
		lb_text_puts(
			out, "\t\ticmp type { destination-unreachable, time-exceeded, parameter-problem } return\n");
	lb_text_puts(out, "\t\tdrop\n\t}\n");
}

static void put_closed_all(const struct nft_want *w, struct lb_text *out)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	for (size_t f = 0; f < 2; f++)
		if (count_closed(w, families[f])) {
			put_closed(w, families[f], out);
			put_open(w, families[f], false, out);
			put_open(w, families[f], true, out);
		}
	for (size_t f = 0; f < 2; f++)
		if (count_closed(w, families[f]))
			put_rules(w, families[f], out);
	lb_text_puts(out, "\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n"
			  "\t\tiif lo return\n");
	for (size_t f = 0; f < 2; f++)
		if (count_closed(w, families[f]))
			lb_text_printf(out, "\t\t%s daddr @closed%u jump closed%u\n", header(families[f]),
				version(families[f]), version(families[f]));
	lb_text_puts(out, "\t}\n");
}

/* ---- translated sources ---- */

static size_t count_snats(const struct nft_want *w, uint8_t family, bool any)
{
	size_t n = 0;
	for (size_t i = 0; i < w->n_snats; i++)
		n += w->snats[i].at.ip.family == family && (w->snats[i].at.port == 0) == any;
	return n;
}

/* The addresses of their services, each once. */
static void put_fronts(const struct nft_want *w, uint8_t family, struct lb_text *out)
{
	char ip[LB_IP_STRLEN];
	const struct lb_ip *last = NULL;
	size_t n = 0;
	lb_text_printf(out, "\tset front%u {\n\t\ttype ipv%u_addr\n", version(family), version(family));
	for (size_t i = 0; i < w->n_snats; i++) {
		const struct lb_ip *at = &w->snats[i].at.ip;
		if (at->family != family || (last && lb_ip_cmp(last, at) == 0))
			continue;
		element(out, &n);
		lb_text_puts(out, lb_ip_str(at, ip));
		last = at;
	}
	end_elements(out, n);
}

static void put_sources(const struct nft_want *w, uint8_t family, bool any, struct lb_text *out)
{
	char ip[LB_IP_STRLEN];
	size_t n = 0;
	begin_set("map", any ? "source_whole" : "source", family, any, out);
	lb_text_printf(out, " : ipv%u_addr\n", version(family));
	for (size_t i = 0; i < w->n_snats; i++) {
		const struct nft_snat *s = &w->snats[i];
		if (s->at.ip.family != family || (s->at.port == 0) != any)
			continue;
		element(out, &n);
		put_port(&s->at, any, out);
		lb_text_printf(out, " : %s", lb_ip_str(&s->to, ip));
	}
	end_elements(out, n);
}

/* Services at a port of an address where a translated one takes every other port: they keep the client. */
static void put_keep(const struct nft_want *w, uint8_t family, struct lb_text *out)
{
	size_t n = 0;
	begin_set("set", "keep", family, false, out);
	lb_text_puts(out, "\n");
	for (size_t i = 0; i < w->n_open; i++) {
		const struct nft_port *p = &w->open[i];
		const struct nft_port whole = { .ip = p->ip, .protocol = p->protocol };
		if (p->ip.family != family || !p->port || !is_translated(w, &whole) || is_translated(w, p))
			continue;
		element(out, &n);
		put_port(p, false, out);
	}
	end_elements(out, n);
}

static void put_snat_rules(const struct nft_want *w, uint8_t family, struct lb_text *out)
{
	const unsigned v = version(family);
	const char *ip = header(family);
	if (count_snats(w, family, false))
		lb_text_printf(out,
			"\t\t" PROTOCOLS " snat %s to ct original %s daddr . meta l4proto . ct original proto-dst map "
			"@source%u\n",
			ip, ip, v);
	if (!count_snats(w, family, true))
		return;
	lb_text_printf(out,
		"\t\t" PROTOCOLS " ct original %s daddr . meta l4proto . ct original proto-dst @keep%u return\n", ip,
		v);
	lb_text_printf(out, "\t\tsnat %s to ct original %s daddr . meta l4proto map @source_whole%u\n", ip, ip, v);
}

/* Before the chains that others have at this place, as the first one that finds a source is the one that counts. */
static void put_snats_all(const struct nft_want *w, struct lb_text *out)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	bool has[2] = { false };
	for (size_t f = 0; f < 2; f++) {
		bool ports = count_snats(w, families[f], false), whole = count_snats(w, families[f], true);
		has[f] = ports || whole;
		if (has[f])
			put_fronts(w, families[f], out);
		if (ports)
			put_sources(w, families[f], false, out);
		if (whole) {
			put_sources(w, families[f], true, out);
			put_keep(w, families[f], out);
		}
	}
	lb_text_puts(out, "\tchain postrouting {\n\t\ttype nat hook postrouting priority srcnat - 1; policy accept;\n"
			  "\t\tfib saddr type local return\n");
	for (size_t f = 0; f < 2; f++) {
		if (!has[f])
			continue;
		lb_text_printf(out, "\t\t%s daddr @front%u return\n", header(families[f]), version(families[f]));
		put_snat_rules(w, families[f], out);
	}
	lb_text_puts(out, "\t}\n");
}

void nft_text(const struct nft_want *w, struct lb_text *out)
{
	/* made first, as only what is there can be removed */
	lb_text_puts(out, "table inet lbd\ndelete table inet lbd\n");
	if (w->n_closed == 0 && w->n_snats == 0)
		return;
	lb_text_puts(out, "table inet lbd {\n");
	if (w->n_closed)
		put_closed_all(w, out);
	if (w->n_snats)
		put_snats_all(w, out);
	lb_text_puts(out, "}\n");
}
