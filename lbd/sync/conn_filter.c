/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/conn_filter.h"

#include "common/sort.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- order ---- */

static int order(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

int conn_match_cmp(const struct conn_match *a, const struct conn_match *b)
{
	int c = order(a->unmarked, b->unmarked);
	c = c ? c : lb_ip_cmp(&a->dest, &b->dest);
	c = c ? c : order(a->dest_port, b->dest_port);
	c = c ? c : order(a->fwmark, b->fwmark);
	c = c ? c : lb_ip_cmp(&a->virtual, &b->virtual);
	c = c ? c : order(a->virtual_port, b->virtual_port);
	return c ? c : order(a->protocol, b->protocol);
}

static int compare(const void *a, const void *b)
{
	return conn_match_cmp(a, b);
}

uint32_t conn_match_sort(struct conn_match *v, uint32_t n)
{
	uint32_t kept = 0;
	lb_sort(v, n, sizeof(*v), compare);
	for (uint32_t i = 0; i < n; i++)
		if (kept == 0 || conn_match_cmp(&v[kept - 1], &v[i]))
			v[kept++] = v[i];
	return kept;
}

/* ---- text ---- */

static const struct word {
	const char *name;
	uint8_t number;
} protocols[] = { { "any", 0 }, { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static const char mark_word[] = "fwmark:";
static const char unmarked_word[] = "unmarked";

const char *conn_match_str(const struct conn_match *m, char out[CONN_MATCH_STRLEN])
{
	char listener[LB_ENDPOINT_STRLEN], dest[LB_ENDPOINT_STRLEN];
	const char *protocol = protocols[0].name, *to = m->unmarked ? unmarked_word : "-";
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (protocols[i].number == m->protocol)
			protocol = protocols[i].name;
	if (m->fwmark)
		snprintf(listener, sizeof(listener), "%s%u/%s", mark_word, m->fwmark,
			lb_ip_is_v6(&m->virtual) ? "ipv6" : "ipv4");
	else
		lb_endpoint_str(&m->virtual, m->virtual_port, listener);
	snprintf(out, CONN_MATCH_STRLEN, "%s %s %s", protocol, listener,
		m->dest.family ? lb_endpoint_str(&m->dest, m->dest_port, dest) : to);
	return out;
}

static bool is(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(s, word, n) == 0;
}

/* Up to the next blank, or to the end; *s is behind that blank then. */
static const char *next_word(const char **s, const char *end, size_t *n)
{
	const char *word = *s, *blank = memchr(word, ' ', (size_t)(end - word));
	*n = (size_t)((blank ? blank : end) - word);
	*s = blank ? blank + 1 : end;
	return word;
}

static bool parse_mark(const char *s, size_t n, struct conn_match *out)
{
	uint64_t v = 0;
	size_t i = 0;
	for (; i < n && i < 10 && s[i] >= '0' && s[i] <= '9'; i++)
		v = v * 10 + (uint64_t)(s[i] - '0');
	if (i == 0 || s[0] == '0' || v > UINT32_MAX)
		return false;
	out->fwmark = (uint32_t)v;
	out->virtual.family = is(s + i, n - i, "/ipv4") ? AF_INET : is(s + i, n - i, "/ipv6") ? AF_INET6 : 0;
	return out->virtual.family != 0;
}

static bool parse_listener(const char *s, size_t n, struct conn_match *out)
{
	size_t head = sizeof(mark_word) - 1;
	if (n > head && memcmp(s, mark_word, head) == 0)
		return parse_mark(s + head, n - head, out);
	return out->protocol && lb_endpoint_parse(s, n, false, &out->virtual, &out->virtual_port) == 0;
}

bool conn_match_parse(const char *s, size_t n, struct conn_match *out)
{
	struct conn_match m = { 0 };
	const char *end = s + n;
	size_t len, i = 0;
	const char *word = next_word(&s, end, &len);
	while (i < PROTOCOLS && !is(word, len, protocols[i].name))
		i++;
	if (i == PROTOCOLS)
		return false;
	m.protocol = protocols[i].number;
	word = next_word(&s, end, &len);
	if (!parse_listener(word, len, &m))
		return false;
	len = (size_t)(end - s);
	m.unmarked = !m.fwmark && is(s, len, unmarked_word);
	if (!m.unmarked && !is(s, len, "-") && lb_endpoint_parse(s, len, false, &m.dest, &m.dest_port))
		return false;
	if (m.dest.family && m.dest.family != m.virtual.family)
		return false;
	*out = m;
	return true;
}

/* ---- what is meant ---- */

static bool has(const struct conn_filter *c, const struct conn_match *key)
{
	return c->n && bsearch(key, c->v, c->n, sizeof(*c->v), compare);
}

/* Of a listener with this address, or with all ports of it. */
static bool of_address(const struct conn_filter *c, const struct flow *f, const struct conn_match *dest)
{
	struct conn_match key = *dest;
	key.protocol = f->key.protocol;
	key.virtual = f->key.virtual;
	key.virtual_port = f->key.virtual_port;
	if (has(c, &key))
		return true;
	key.virtual_port = 0;
	return f->key.virtual_port && has(c, &key);
}

static bool of_mark(const struct conn_filter *c, const struct flow *f, const struct conn_match *dest, uint32_t mark)
{
	struct conn_match key = *dest;
	key.fwmark = mark;
	key.virtual.family = f->key.virtual.family;
	if (has(c, &key))
		return true;
	key.protocol = f->key.protocol;
	return has(c, &key);
}

/* Of a listener with any mark: the first that stands behind those of addresses, and so on. */
static bool of_any_mark(const struct conn_filter *c, const struct flow *f, const struct conn_match *dest)
{
	struct conn_match from = *dest;
	uint32_t lo = 0, hi = c->n;
	from.fwmark = 1;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (conn_match_cmp(&c->v[mid], &from) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < c->n; lo++) {
		const struct conn_match *m = &c->v[lo];
		if (lb_ip_cmp(&m->dest, &dest->dest) || m->dest_port != dest->dest_port)
			return false;
		if (m->virtual.family == f->key.virtual.family && (!m->protocol || m->protocol == f->key.protocol))
			return true;
	}
	return false;
}

/* It goes where a listener of an address is, or one of all ports. */
static bool is_unmarked(const struct conn_filter *c, const struct flow *f)
{
	const struct conn_match any = { .unmarked = true };
	return of_address(c, f, &any);
}

/* The mark of a persistence template stands where the virtual address of others does. */
static uint32_t mark_of_template(const struct flow *f)
{
	const uint8_t *b = f->key.virtual.b;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool of_listener(
	const struct conn_filter *c, const struct flow *f, const struct conn_match *dest, enum conn_mark mark)
{
	if (f->key.template && !f->key.protocol)
		return of_mark(c, f, dest, mark_of_template(f));
	if (mark == CONN_MARK_UNKNOWN)
		return of_address(c, f, dest) || (dest->dest.family && of_any_mark(c, f, dest) && !is_unmarked(c, f));
	if (f->fwmark && of_mark(c, f, dest, f->fwmark))
		return true; /* also of a listener that has just gone */
	return (!f->fwmark || mark == CONN_MARK_PACKET) && of_address(c, f, dest);
}

static bool same_net(const struct lb_ip *a, const struct lb_ip *net, unsigned prefix)
{
	unsigned bytes = prefix / 8, bits = prefix % 8;
	return a->family == net->family && memcmp(a->b, net->b, bytes) == 0 &&
	       (!bits || (a->b[bytes] ^ net->b[bytes]) >> (8 - bits) == 0);
}

static bool of_client(const struct conn_filter *c, const struct flow *f)
{
	return (!c->client.family || same_net(&f->key.client, &c->client, c->prefix)) &&
	       (!c->client_port || f->key.client_port == c->client_port);
}

bool conn_filter_takes(const struct conn_filter *c, const struct flow *f, enum conn_mark mark)
{
	const struct conn_match exact = { .dest = f->dest, .dest_port = f->dest_port }, all_ports = { .dest = f->dest },
				any = { .dest.family = 0 };
	if (!of_client(c, f))
		return false;
	return !c->some || of_listener(c, f, &exact, mark) || of_listener(c, f, &all_ports, mark) ||
	       of_listener(c, f, &any, mark);
}
