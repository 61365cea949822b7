/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/conn_look.h"

#include "lbd/sync/conn_over.h"
#include "lbd/sync/ipvs_conn.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define OLD_MS (INT64_C(86400000) * 30)

/* include/uapi/linux/ip_vs.h, by number */
#define MASQ   0
#define TUNNEL 2
#define ROUTE  3
static const struct {
	const char *name;
	uint8_t number;
} methods[] = { { "nat", MASQ }, { "tun", TUNNEL }, { "dr", ROUTE }, { "mixed", CONN_WAY_MIXED } };
#define METHODS (sizeof(methods) / sizeof(methods[0]))

/* include/net/ip_vs.h */
#define TCP_ESTABLISHED  1
#define TCP_SYN_SENT     2
#define TCP_SYN_RECV     3
#define TCP_SYNACK       10
#define SCTP_ESTABLISHED 8

int conn_way_cmp(const struct conn_way *a, const struct conn_way *b)
{
	return conn_match_cmp(&a->match, &b->match);
}

/* ---- text ---- */

const char *conn_way_str(const struct conn_way *w, char out[CONN_WAY_STRLEN])
{
	char match[CONN_MATCH_STRLEN];
	const char *name = methods[0].name;
	for (size_t i = 0; i < METHODS; i++)
		if (methods[i].number == w->method)
			name = methods[i].name;
	snprintf(out, CONN_WAY_STRLEN, "%s %u %s", name, w->persist_s, conn_match_str(&w->match, match));
	return out;
}

/* Up to the next blank; *s is behind it then. NULL: there is none. */
static const char *next_word(const char **s, const char *end, size_t *n)
{
	const char *word = *s, *blank = memchr(word, ' ', (size_t)(end - word));
	if (!blank)
		return NULL;
	*n = (size_t)(blank - word);
	*s = blank + 1;
	return word;
}

static bool parse_seconds(const char *s, size_t n, uint32_t *out)
{
	uint32_t v = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9' || v > CONN_WAY_PERSIST)
			return false;
		v = v * 10 + (uint32_t)(s[i] - '0');
	}
	*out = v;
	return n && v <= CONN_WAY_PERSIST && (s[0] != '0' || n == 1);
}

bool conn_way_parse(const char *s, size_t n, struct conn_way *out)
{
	struct conn_way w = { .persist_s = 0 };
	const char *end = s + n;
	size_t len = 0, i = 0;
	const char *word = next_word(&s, end, &len);
	while (word && i < METHODS && (strlen(methods[i].name) != len || memcmp(methods[i].name, word, len) != 0))
		i++;
	if (!word || i == METHODS)
		return false;
	w.method = methods[i].number;
	word = next_word(&s, end, &len);
	if (!word || !parse_seconds(word, len, &w.persist_s) || !conn_match_parse(s, (size_t)(end - s), &w.match))
		return false;
	if (w.match.unmarked)
		return false;
	*out = w;
	return true;
}

/* ---- from the file ---- */

static int compare(const void *a, const void *b)
{
	return conn_way_cmp(a, b);
}

static const struct conn_way *find(const struct conn_way *ways, size_t n, const struct conn_match *match)
{
	const struct conn_way key = { .match = *match };
	return n ? bsearch(&key, ways, n, sizeof(*ways), compare) : NULL;
}

/* The template of a mark has it where others have the virtual address. */
static uint32_t mark_of(const struct flow *f)
{
	const uint8_t *b = f->key.virtual.b;
	if (!f->key.template || f->key.protocol)
		return 0;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The row of its backend, or the one of all others. */
static const struct conn_way *way_of_listener(
	const struct conn_way *ways, size_t n, struct conn_match match, const struct flow *f)
{
	match.dest = f->dest;
	match.dest_port = f->dest_port;
	const struct conn_way *its = find(ways, n, &match);
	match.dest = (struct lb_ip){ 0 };
	match.dest_port = 0;
	return its ? its : find(ways, n, &match);
}

static const struct conn_way *way_of(const struct conn_way *ways, size_t n, const struct flow *f)
{
	struct conn_match match = {
		.protocol = f->key.protocol, .virtual = f->key.virtual, .virtual_port = f->key.virtual_port
	};
	uint32_t mark = mark_of(f);
	if (mark) {
		match = (struct conn_match){ .fwmark = mark, .virtual.family = f->key.virtual.family };
		return way_of_listener(ways, n, match, f);
	}
	const struct conn_way *way = way_of_listener(ways, n, match, f);
	if (way || !match.virtual_port)
		return way;
	match.virtual_port = 0; /* a listener of all ports */
	return way_of_listener(ways, n, match, f);
}

/* Of which the kernel counts no more as active. */
static bool is_inactive(const struct flow *f)
{
	if (f->key.template)
		return true;
	if (f->key.protocol == IPPROTO_TCP)
		return f->state != TCP_ESTABLISHED && f->state != TCP_SYN_SENT && f->state != TCP_SYN_RECV &&
		       f->state != TCP_SYNACK;
	return f->key.protocol == IPPROTO_SCTP && f->state != SCTP_ESTABLISHED;
}

enum conn_look conn_look_fill(const struct conn_way *ways, size_t n, struct flow *f)
{
	f->flags &= FLOW_FLAGS;
	if (f->timeout_s == 0 || conn_is_over(f))
		return CONN_LOOK_ENDING;
	const struct conn_way *way = way_of(ways, n, f);
	if (!way)
		return CONN_LOOK_FOREIGN;
	if (way->method == CONN_WAY_MIXED)
		return CONN_LOOK_UNSURE;
	f->flags |= way->method;
	if (way->method == TUNNEL || way->method == ROUTE)
		f->flags |= FLOW_NOOUTPUT;
	if (is_inactive(f))
		f->flags |= FLOW_INACTIVE;
	f->fwmark = mark_of(f);
	/* what is left of one would be all that its next connections get: a template keeps the timeout it was made with
	 */
	if (f->key.template && way->persist_s)
		f->timeout_s = way->persist_s;
	return CONN_LOOK_TOLD;
}

/* ---- into the table ---- */

bool conn_look_takes(const struct flow_entry *have, const struct flow *seen, bool of_peer)
{
	struct flow known;
	if (!have)
		return true;
	if (of_peer || have->origin == FLOW_PEER)
		return false;
	flow_entry_get(have, &known);
	if (conn_was_ended(&known))
		return false;
	bool moved = lb_ip_cmp(&known.dest, &seen->dest) != 0 || known.dest_port != seen->dest_port;
	return moved || (known.flags & FLOW_INACTIVE && !(seen->flags & FLOW_INACTIVE));
}

int64_t conn_look_age_ms(const struct flow_entry *have, const struct flow *seen)
{
	int64_t age_ms = OLD_MS - (int64_t)seen->timeout_s * 1000;
	return have || age_ms < 0 ? 0 : age_ms;
}
