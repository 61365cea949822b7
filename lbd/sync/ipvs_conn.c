/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/ipvs_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define FIELDS_MAX 11 /* PEName and PEData are the last two, and there for few */

struct word {
	const char *p;
	size_t n;
};

static bool is(const struct word *w, const char *s)
{
	return w->n == strlen(s) && memcmp(w->p, s, w->n) == 0;
}

/* The words of a line. The last one takes the rest, as what a persistence engine says may hold blanks. */
static size_t split(const char *line, size_t n, struct word *w, size_t max)
{
	size_t count = 0, at = 0;
	for (;;) {
		while (at < n && line[at] == ' ')
			at++;
		if (at == n || count == max)
			return count;
		size_t from = at;
		if (count + 1 == max)
			at = n;
		while (at < n && line[at] != ' ')
			at++;
		w[count++] = (struct word){ line + from, at - from };
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool hex_bytes(const char *p, size_t digits, uint8_t *out)
{
	for (size_t i = 0; i < digits; i += 2) {
		int high = hex_digit(p[i]), low = hex_digit(p[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* IPv4 is 8 digits, IPv6 eight groups of four with colons, none left out. */
static bool read_ip(const struct word *w, struct lb_ip *out)
{
	struct lb_ip ip = { .family = AF_INET };
	if (w->n == 8) {
		if (!hex_bytes(w->p, 8, ip.b))
			return false;
		*out = ip;
		return true;
	}
	if (w->n != 39)
		return false;
	ip.family = AF_INET6;
	for (size_t i = 0; i < 8; i++)
		if ((i && w->p[i * 5 - 1] != ':') || !hex_bytes(w->p + i * 5, 4, ip.b + i * 2))
			return false;
	*out = ip;
	return true;
}

static bool read_port(const struct word *w, uint16_t *out)
{
	uint8_t b[2];
	if (w->n != 4 || !hex_bytes(w->p, 4, b))
		return false;
	*out = (uint16_t)(b[0] << 8 | b[1]);
	return true;
}

static bool read_number(const struct word *w, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;
	if (w->n == 0 || w->n > 10)
		return false;
	for (size_t i = 0; i < w->n; i++) {
		if (w->p[i] < '0' || w->p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(w->p[i] - '0');
	}
	if (v > max)
		return false;
	*out = (uint32_t)v;
	return true;
}

/* Names of ip_vs_proto_name; what it has no name for is IP_NUMBER. */
static const struct {
	const char *name;
	uint8_t number;
} protocols[] = { { "TCP", IPPROTO_TCP }, { "UDP", IPPROTO_UDP }, { "SCTP", IPPROTO_SCTP }, { "IP", 0 },
	{ "ICMP", IPPROTO_ICMP }, { "ICMPv6", IPPROTO_ICMPV6 } };
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

const char *ipvs_conn_protocol(uint8_t number)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (protocols[i].number == number)
			return protocols[i].name;
	return NULL;
}

static bool read_protocol(const struct word *w, uint8_t *out)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (is(w, protocols[i].name)) {
			*out = protocols[i].number;
			return true;
		}
	uint32_t number;
	if (w->n < 4 || memcmp(w->p, "IP_", 3) != 0 || !read_number(&(struct word){ w->p + 3, w->n - 3 }, 255, &number))
		return false;
	*out = (uint8_t)number;
	return true;
}

/* In the order of their numbers: enum ip_vs_tcp_states, ip_vs_sctp_states of include/net/ip_vs.h. */
static const char *const tcp_states[] = { "NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT",
	"CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "SYNACK" };
static const char *const sctp_states[] = { "NONE", "INIT1", "INIT", "COOKIE_SENT", "COOKIE_REPLIED", "COOKIE_WAIT",
	"COOKIE", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECEIVED", "SHUTDOWN_ACK_SENT", "REJECTED",
	"CLOSED" };
#define TCP_STATES  (sizeof(tcp_states) / sizeof(tcp_states[0]))
#define SCTP_STATES (sizeof(sctp_states) / sizeof(sctp_states[0]))

const char *ipvs_conn_tcp_state(uint16_t state)
{
	return state < TCP_STATES ? tcp_states[state] : NULL;
}

const char *ipvs_conn_sctp_state(uint16_t state)
{
	return state < SCTP_STATES ? sctp_states[state] : NULL;
}

static bool read_state(const struct word *w, const char *const *names, size_t n, uint16_t *out)
{
	for (size_t i = 0; i < n; i++)
		if (is(w, names[i])) {
			*out = (uint16_t)i;
			return true;
		}
	return false;
}

/* A template has no client port, and its own two words for a state. */
static bool read_kind(const struct word *state, struct flow *f)
{
	bool assured = is(state, "ASSURED");
	if (f->key.client_port == 0 && (assured || is(state, "NONE"))) {
		f->key.template = true;
		f->flags = FLOW_TEMPLATE;
		f->state = assured;
		return true;
	}
	if (f->key.client_port == 0)
		f->flags = FLOW_NO_CPORT;
	if (f->key.protocol == IPPROTO_TCP)
		return read_state(state, tcp_states, TCP_STATES, &f->state);
	if (f->key.protocol == IPPROTO_SCTP)
		return read_state(state, sctp_states, SCTP_STATES, &f->state);
	f->state = 0; /* of UDP there is one */
	return true;
}

static bool read_engine(const struct word *w, size_t n, struct flow *f)
{
	if (n > 0) {
		if (w[0].n > FLOW_PE_NAME_MAX)
			return false;
		f->pe_name_n = (uint8_t)w[0].n;
		memcpy(f->pe_name, w[0].p, w[0].n);
	}
	if (n > 1) {
		if (w[1].n > FLOW_PE_DATA_MAX)
			return false;
		f->pe_data_n = (uint8_t)w[1].n;
		memcpy(f->pe_data, w[1].p, w[1].n);
	}
	return true;
}

/* The word before the expiry, where there is one. Returns how many of them are there. */
static size_t read_origin(const struct word *w, struct flow *f)
{
	bool synced = is(w, "SYNC");
	if (synced)
		f->flags |= IPVS_CONN_SYNCED;
	return synced || is(w, "LOCAL");
}

int ipvs_conn_parse(const char *line, size_t n, struct flow *out)
{
	struct word w[FIELDS_MAX];
	struct flow f = { 0 };
	size_t count = split(line, n, w, FIELDS_MAX);
	if (count < 9 || !read_protocol(&w[0], &f.key.protocol) || !read_ip(&w[1], &f.key.client) ||
		!read_port(&w[2], &f.key.client_port) || !read_ip(&w[3], &f.key.virtual) ||
		!read_port(&w[4], &f.key.virtual_port) || !read_ip(&w[5], &f.dest) || !read_port(&w[6], &f.dest_port) ||
		!read_kind(&w[7], &f))
		return -EINVAL;
	size_t at = 8 + read_origin(&w[8], &f);
	if (at >= count || !read_number(&w[at], UINT32_MAX, &f.timeout_s) ||
		!read_engine(w + at + 1, count - at - 1, &f))
		return -EINVAL;
	if (f.key.client.family != f.key.virtual.family)
		return -EINVAL;
	*out = f;
	return 0;
}

static void take_line(struct ipvs_conn_reader *r, ipvs_conn_fn *fn, void *arg)
{
	struct flow f;
	bool head = !r->past_head && r->n >= 4 && memcmp(r->line, "Pro ", 4) == 0;
	r->past_head = true;
	if (head || (r->n == 0 && !r->too_long))
		return;
	if (r->too_long || ipvs_conn_parse(r->line, r->n, &f)) {
		r->refused++;
		return;
	}
	r->given++;
	fn(&f, arg);
}

static void next_line(struct ipvs_conn_reader *r, ipvs_conn_fn *fn, void *arg)
{
	take_line(r, fn, arg);
	r->n = 0;
	r->too_long = false;
}

void ipvs_conn_read(struct ipvs_conn_reader *r, const char *p, size_t n, ipvs_conn_fn *fn, void *arg)
{
	while (n) {
		const char *nl = memchr(p, '\n', n);
		size_t part = nl ? (size_t)(nl - p) : n;
		if (part > sizeof(r->line) - r->n)
			r->too_long = true;
		else if (part) {
			memcpy(r->line + r->n, p, part);
			r->n += part;
		}
		if (!nl)
			return;
		next_line(r, fn, arg);
		p += part + 1;
		n -= part + 1;
	}
}

void ipvs_conn_read_end(struct ipvs_conn_reader *r, ipvs_conn_fn *fn, void *arg)
{
	if (r->n || r->too_long)
		next_line(r, fn, arg);
}
