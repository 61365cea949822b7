/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ipvsadm 1.31 prints for -Ln, -Ln --stats, -Ln --rate and -Sn, byte for byte, so that scripts made for it go on.
 * Rows come in dump order and are sorted as ipvsadm does.
 */
#include "common/addr.h"
#include "common/proto.h"
#include "common/text.h"
#include "lbctl/out.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum layout { LAYOUT_LIST, LAYOUT_STATS, LAYOUT_RATE, LAYOUT_RULES };

struct entry {             /* a service, or a destination */
	const json_t *row; /* borrowed from o->rows */
	struct lb_ip addr;
	uint32_t fwmark;
	int protocol, port;
	size_t first, n; /* of a service: its destinations */
};

typedef LB_VEC(struct entry) entries;

static const struct {
	const char *name, *title, *option;
	int number;
} protocols[] = {
	{ "tcp", "TCP", "-t", 6 },
	{ "udp", "UDP", "-u", 17 },
	{ "sctp", "SCTP", "--sctp-service", 132 },
};
#define PROTOCOLS 3

static size_t protocol_index(const json_t *row)
{
	const char *name = lb_proto_str(row, "protocol");
	size_t i = 0;
	while (i < PROTOCOLS && !(name && strcmp(protocols[i].name, name) == 0))
		i++;
	return i;
}

static uint32_t address_word(const struct lb_ip *ip, unsigned i)
{
	const uint8_t *b = ip->b + i * 4;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* ipvsadm takes the difference of two unsigned words as an int, so 203.0.113.1 comes before 10.0.0.1. That is no order
 * at all in general; the same qsort over the same input gives the same result, which is what is wanted here. */
static int address_cmp(const struct lb_ip *a, const struct lb_ip *b)
{
	int r = 0;
	unsigned words = lb_ip_is_v6(a) ? 4 : 1;
	for (unsigned i = 0; !r && i < words; i++)
		r = (int)(address_word(a, i) - address_word(b, i));
	return r;
}

static int service_cmp(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int r = (int)(a->fwmark - b->fwmark);
	if (!r)
		r = (int)a->addr.family - (int)b->addr.family;
	if (!r)
		r = a->protocol - b->protocol;
	if (!r)
		r = address_cmp(&a->addr, &b->addr);
	return r ? r : a->port - b->port;
}

static int dest_cmp(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int r = address_cmp(&a->addr, &b->addr);
	return r ? r : a->port - b->port;
}

static void fill(struct entry *e, const json_t *row)
{
	const char *address = lb_proto_str(row, "address"), *af = lb_proto_str(row, "af");
	size_t protocol = protocol_index(row);
	e->row = row;
	if (!address || lb_ip_parse(address, strlen(address), &e->addr))
		e->addr.family = af && strcmp(af, "inet6") == 0 ? AF_INET6 : AF_INET;
	e->port = (int)lb_proto_int(row, "port", 0);
	e->fwmark = (uint32_t)lb_proto_int(row, "fwmark", 0);
	e->protocol = protocol < PROTOCOLS ? protocols[protocol].number : 0;
}

static int collect(const json_t *rows, entries *services, entries *dests)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *type = lb_proto_str(row, "type");
		bool service = type && strcmp(type, "service") == 0, dest = type && strcmp(type, "dest") == 0;
		if (!service && !(dest && services->n))
			continue;
		struct entry *e = service ? lb_vec_push(services) : lb_vec_push(dests);
		if (!e)
			return -1;
		fill(e, row);
		if (service)
			e->first = dests->n;
		else
			services->v[services->n - 1].n++;
	}
	if (services->n == 0)
		return 0;
	for (size_t i = 0; i < services->n && dests->n; i++)
		qsort(dests->v + services->v[i].first, services->v[i].n, sizeof(*dests->v), dest_cmp);
	qsort(services->v, services->n, sizeof(*services->v), service_cmp);
	return 0;
}

/* "1.2.3.4:80", "[2001:db8::1]:80"; the port is written even when it is 0. */
static void endpoint(const struct entry *e, char out[64])
{
	char ip[LB_IP_STRLEN];
	lb_ip_str(&e->addr, ip);
	snprintf(out, 64, lb_ip_is_v6(&e->addr) ? "[%s]:%d" : "%s:%d", ip, e->port);
}

static void service_name(const struct entry *s, bool rule, char out[96])
{
	char where[64];
	size_t p = protocol_index(s->row);
	/* ipvsadm 1.31 shows a mark as a signed number */
	if (s->fwmark && rule) {
		snprintf(out, 96, "-f %d%s", (int)s->fwmark, lb_ip_is_v6(&s->addr) ? " -6" : "");
	} else if (s->fwmark) {
		snprintf(out, 96, "FWM  %d%s", (int)s->fwmark, lb_ip_is_v6(&s->addr) ? " IPv6" : "");
	} else {
		endpoint(s, where);
		snprintf(out, 96, rule ? "%s %s" : "%-4s %s",
			p == PROTOCOLS ? (rule ? "--xxx-service" : "IP")
			: rule         ? protocols[p].option
				       : protocols[p].title,
			where);
	}
}

/* A word of the kernel's, which is not to do anything to a terminal or a script. */
static void word(const char *before, const char *s, struct lb_text *out)
{
	lb_text_puts(out, before);
	lb_text_escape(out, s ? s : "", s ? strlen(s) : 0, 0);
}

static void flags(const json_t *row, const char *before, const char *after, struct lb_text *out)
{
	const json_t *list = json_object_get(row, "flags");
	for (size_t i = 0; i < json_array_size(list); i++) {
		word(i ? "," : before, json_string_value(json_array_get(list, i)), out);
	}
	if (json_array_size(list))
		lb_text_puts(out, after);
}

/* The granularity of persistence, when it is not one client: a mask for IPv4, a length for IPv6. */
static void mask(const struct entry *s, const char *before, struct lb_text *out)
{
	long long bits = lb_proto_int(s->row, "prefix", lb_ip_is_v6(&s->addr) ? 128 : 32);
	if (lb_ip_is_v6(&s->addr)) {
		if (bits != 128)
			lb_text_printf(out, "%s%lld", before, bits);
	} else if (bits >= 0 && bits < 32) {
		uint32_t m = bits ? UINT32_MAX << (32 - bits) : 0;
		lb_text_printf(out, "%s%u.%u.%u.%u", before, m >> 24, m >> 16 & 255, m >> 8 & 255, m & 255);
	}
}

static const char *engine_of(const json_t *row)
{
	const char *engine = lb_proto_str(row, "engine");
	return engine && *engine ? engine : NULL;
}

static void service_rule(const struct entry *s, struct lb_text *out)
{
	char name[96];
	const char *scheduler = lb_proto_str(s->row, "scheduler"), *engine = engine_of(s->row);
	long long persistent = lb_proto_int(s->row, "persistent", -1);
	service_name(s, true, name);
	lb_text_printf(out, "-A %s", name);
	word(" -s ", scheduler, out);
	if (persistent >= 0) {
		lb_text_printf(out, " -p %lld", persistent);
		mask(s, " -M ", out);
	}
	if (engine)
		word(" --pe ", engine, out);
	if (lb_proto_bool(s->row, "one_packet", 0))
		lb_text_puts(out, " -o");
	flags(s->row, " -b ", "", out);
	lb_text_puts(out, "\n");
}

static void service_line(const struct entry *s, struct lb_text *out)
{
	char name[96];
	const char *scheduler = lb_proto_str(s->row, "scheduler"), *engine = engine_of(s->row);
	long long persistent = lb_proto_int(s->row, "persistent", -1);
	service_name(s, false, name);
	lb_text_puts(out, name);
	word(" ", scheduler, out);
	flags(s->row, " (", ")", out);
	if (persistent >= 0) {
		lb_text_printf(out, " persistent %lld", persistent);
		mask(s, " mask ", out);
		if (engine)
			word(" pe ", engine, out);
	}
	if (lb_proto_bool(s->row, "one_packet", 0))
		lb_text_puts(out, " ops");
	lb_text_puts(out, "\n");
}

/* Nine columns: exact below 100 million, then a unit that keeps eight digits. */
static void large(struct lb_text *out, unsigned long long v)
{
	static const struct {
		unsigned long long below, unit;
		char name;
	} steps[] = {
		{ 1000000000ULL, 1000ULL, 'K' },
		{ 100000000000ULL, 1000000ULL, 'M' },
		{ 100000000000000ULL, 1000000000ULL, 'G' },
		{ UINT64_MAX, 1000000000000ULL, 'T' },
	};
	unsigned i = 0;
	if (v < 100000000ULL) {
		lb_text_printf(out, "%9llu", v);
		return;
	}
	while (i < 3 && v >= steps[i].below)
		i++;
	lb_text_printf(out, "%8llu%c", v / steps[i].unit, steps[i].name);
}

static const char *const totals[] = { "connections", "incoming_packets", "outgoing_packets", "incoming_bytes",
	"outgoing_bytes" };
static const char *const rates[] = { "connections_per_second", "incoming_packets_per_second",
	"outgoing_packets_per_second", "incoming_bytes_per_second", "outgoing_bytes_per_second" };
#define COUNTERS 5

static unsigned long long counter(const json_t *row, const char *key)
{
	const json_t *exact = json_object_get(row, key);
	double v = json_real_value(exact);
	if (json_is_integer(exact))
		return (unsigned long long)json_integer_value(exact);
	return v < 1 ? 0 : v < 1e19 ? (unsigned long long)v : ULLONG_MAX;
}

static void service_numbers(const struct entry *s, enum layout layout, struct lb_text *out)
{
	char name[96];
	service_name(s, false, name);
	lb_text_printf(out, "%-33s", name);
	for (unsigned i = 0; i < COUNTERS; i++)
		large(out, counter(s->row, layout == LAYOUT_RATE ? rates[i] : totals[i]));
	lb_text_puts(out, "\n");
}

/* The first three rates of a destination are never shortened, those of a service are. */
static void dest_numbers(const struct entry *d, enum layout layout, struct lb_text *out)
{
	char name[64];
	endpoint(d, name);
	lb_text_printf(out, "  -> %-28s", name);
	for (unsigned i = 0; i < COUNTERS; i++) {
		unsigned long long v = counter(d->row, layout == LAYOUT_RATE ? rates[i] : totals[i]);
		if (layout == LAYOUT_RATE && i < 3)
			lb_text_printf(out, " %8llu", v);
		else
			large(out, v);
	}
	lb_text_puts(out, "\n");
}

static const struct {
	const char *name, *title, *option;
} methods[] = {
	{ "nat", "Masq", "-m" },
	{ "dr", "Route", "-g" },
	{ "tun", "Tunnel", "-i" },
	{ "local", "Local", "-g" },
};
#define METHODS 4

static size_t method_index(const json_t *row)
{
	const char *name = lb_proto_str(row, "method");
	size_t i = 0;
	while (i < METHODS && !(name && strcmp(methods[i].name, name) == 0))
		i++;
	return i;
}

static void dest_line(const struct entry *d, struct lb_text *out)
{
	char name[64];
	size_t m = method_index(d->row);
	endpoint(d, name);
	lb_text_printf(out, "  -> %-28s %-7s %-6d %-10u %-10u\n", name, m < METHODS ? methods[m].title : "(null)",
		(int)lb_proto_int(d->row, "weight", 0), (unsigned)lb_proto_int(d->row, "active", 0),
		(unsigned)lb_proto_int(d->row, "inactive", 0));
}

static void dest_rule(const struct entry *s, const struct entry *d, struct lb_text *out)
{
	char service[96], name[64];
	size_t m = method_index(d->row);
	const char *tunnel = lb_proto_str(d->row, "tunnel_type"), *csum = lb_proto_str(d->row, "tunnel_csum");
	service_name(s, true, service);
	endpoint(d, name);
	lb_text_printf(out, "-a %s -r %s %s -w %d", service, name, m < METHODS ? methods[m].option : "(null)",
		(int)lb_proto_int(d->row, "weight", 0));
	if (m < METHODS && strcmp(methods[m].name, "tun") == 0) {
		tunnel = tunnel ? tunnel : "ipip";
		word(" --tun-type ", tunnel, out);
		if (strcmp(tunnel, "gue") == 0)
			lb_text_printf(out, " --tun-port %lld", lb_proto_int(d->row, "tunnel_port", 0));
		if (strcmp(tunnel, "ipip") != 0)
			word(" --tun-", csum ? csum : "nocsum", out);
	}
	lb_text_puts(out, "\n");
}

static void titles(const struct out *o, enum layout layout, struct lb_text *out)
{
	const json_t *head = json_array_get(o->rows, 0);
	const char *version = lb_proto_str(head, "version");
	if (layout == LAYOUT_RULES)
		return;
	word("IP Virtual Server version ", version ? version : "0.0.0", out);
	lb_text_printf(out, " (size=%lld)\n", lb_proto_int(head, "size", 0));
	if (layout == LAYOUT_LIST)
		lb_text_puts(out, "Prot LocalAddress:Port Scheduler Flags\n"
				  "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n");
	else if (layout == LAYOUT_STATS)
		lb_text_puts(out, "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n"
				  "  -> RemoteAddress:Port\n");
	else
		lb_text_puts(out, "Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n"
				  "  -> RemoteAddress:Port\n");
}

static enum layout layout_of(const struct out *o)
{
	if (o->cmd->view == LB_VIEW_IPVSADM)
		return LAYOUT_RULES;
	if (o->type == LB_ROW_SERVICE_STATS)
		return LAYOUT_STATS;
	return o->type == LB_ROW_SERVICE_RATE ? LAYOUT_RATE : LAYOUT_LIST;
}

static void ipvsadm_row(struct out *o, const json_t *row)
{
	if (!o->rows)
		o->rows = json_array();
	if (json_array_append(o->rows, (json_t *)(uintptr_t)row)) /* counts a reference, changes nothing */
		o->bad = true;
}

static void print(struct out *o, enum layout layout, const entries *services, const entries *dests)
{
	for (size_t i = 0; i < services->n; i++) {
		const struct entry *s = &services->v[i];
		if (layout == LAYOUT_RULES)
			service_rule(s, &o->text);
		else if (layout == LAYOUT_LIST)
			service_line(s, &o->text);
		else
			service_numbers(s, layout, &o->text);
		for (const struct entry *d = dests->v + s->first; d < dests->v + s->first + s->n; d++) {
			if (layout == LAYOUT_RULES)
				dest_rule(s, d, &o->text);
			else if (layout == LAYOUT_LIST)
				dest_line(d, &o->text);
			else
				dest_numbers(d, layout, &o->text);
		}
	}
}

static void ipvsadm_finish(struct out *o)
{
	entries services = { 0 }, dests = { 0 };
	enum layout layout = layout_of(o);
	if (collect(o->rows, &services, &dests))
		o->bad = true;
	titles(o, layout, &o->text);
	print(o, layout, &services, &dests);
	lb_vec_done(&services);
	lb_vec_done(&dests);
}

const struct out_ops out_ipvsadm_ops = { ipvsadm_row, ipvsadm_finish };
