/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `nft list ruleset` prints, as far as one can tell from it what a host drops. It is text for people, so only its
 * outline is read: tables, base chains and their policy, and which words stand in a table. */
#include "lbd/host/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct reading {
	struct doctor_firewall *f;
	char family[8], table[DOCTOR_NAME_MAX], chain[DOCTOR_NAME_MAX];
	size_t first; /* chain of this table */
	long at;      /* the chain that is being read, -1 = none that counts */
	int depth;
	bool vrrp, port;
	char want_port[16];
};

struct word {
	const char *s;
	size_t n;
};

#define WORDS_MAX 48

static size_t split(const char *s, size_t n, struct word *out)
{
	size_t words = 0, i = 0;
	while (i < n && words < WORDS_MAX) {
		while (i < n && strchr(" \t;,", s[i]) && s[i])
			i++;
		size_t from = i;
		while (i < n && !(strchr(" \t;,", s[i]) && s[i]))
			i++;
		if (i > from)
			out[words++] = (struct word){ s + from, i - from };
	}
	return words;
}

static bool is(const struct word *w, const char *s)
{
	return w->n == strlen(s) && memcmp(w->s, s, w->n) == 0;
}

static void name_of(const struct word *w, char *out, size_t size)
{
	size_t n = w->n < size - 1 ? w->n : size - 1;
	memcpy(out, w->s, n);
	out[n] = '\0';
}

static int base_chain(struct reading *r, const struct word *w, size_t n)
{
	bool forward = false, input = false, drops = false, filter = false;
	for (size_t i = 0; i + 1 < n; i++) {
		filter |= is(&w[i], "type") && is(&w[i + 1], "filter");
		input |= is(&w[i], "hook") && is(&w[i + 1], "input");
		forward |= is(&w[i], "hook") && is(&w[i + 1], "forward");
		drops |= is(&w[i], "policy") && is(&w[i + 1], "drop");
	}
	bool of_ip = strcmp(r->family, "ip") == 0 || strcmp(r->family, "ip6") == 0 || strcmp(r->family, "inet") == 0;
	if (!filter || (!input && !forward) || !of_ip)
		return 0;
	struct doctor_chain *c = lb_vec_push(&r->f->chains);
	if (!c)
		return -ENOMEM;
	memcpy(c->family, r->family, sizeof(c->family));
	memcpy(c->table, r->table, sizeof(c->table));
	memcpy(c->name, r->chain, sizeof(c->name));
	c->forward = forward;
	c->drops = drops;
	r->at = (long)r->f->chains.n - 1;
	return 0;
}

static void rule(struct reading *r, const struct word *w, size_t n)
{
	struct doctor_chain *c = r->at >= 0 ? &r->f->chains.v[r->at] : NULL;
	for (size_t i = 0; i < n; i++) {
		bool number = i && (is(&w[i - 1], "protocol") || is(&w[i - 1], "l4proto") || is(&w[i - 1], "nexthdr"));
		r->vrrp |= is(&w[i], "vrrp") || (number && is(&w[i], "112"));
		r->port |= r->want_port[0] && is(&w[i], r->want_port);
		if (c)
			c->accepts |=
				is(&w[i], "accept") || is(&w[i], "jump") || is(&w[i], "goto") || is(&w[i], "vmap");
	}
	/* whatever no rule before it let through */
	if (c && n)
		c->drops |= is(&w[0], "drop") || is(&w[0], "reject") || (is(&w[0], "counter") && is(&w[n - 1], "drop"));
}

static void table_ends(struct reading *r)
{
	for (size_t i = r->first; i < r->f->chains.n; i++) {
		r->f->chains.v[i].vrrp = r->vrrp;
		r->f->chains.v[i].port = r->port;
	}
	r->first = r->f->chains.n;
	r->vrrp = r->port = false;
}

static int line(struct reading *r, const char *s, size_t len)
{
	struct word w[WORDS_MAX];
	size_t n = split(s, len, w);
	if (n == 0 || w[0].s[0] == '#')
		return 0;
	if (is(&w[0], "}")) {
		r->depth -= r->depth > 0;
		if (r->depth == 1)
			r->at = -1;
		else if (r->depth == 0)
			table_ends(r);
		return 0;
	}
	bool opens = is(&w[n - 1], "{");
	if (r->depth == 0 && n >= 3 && is(&w[0], "table")) {
		name_of(&w[1], r->family, sizeof(r->family));
		name_of(&w[2], r->table, sizeof(r->table));
		r->first = r->f->chains.n;
	} else if (r->depth == 1 && n >= 2 && is(&w[0], "chain")) {
		name_of(&w[1], r->chain, sizeof(r->chain));
	} else if (r->depth == 2 && is(&w[0], "type")) {
		return base_chain(r, w, n);
	} else if (r->depth >= 1) {
		rule(r, w, n);
	}
	r->depth += opens;
	return 0;
}

int doctor_firewall_read(struct doctor_firewall *f, const char *text, size_t n, unsigned port)
{
	struct reading r = { .f = f, .at = -1, .first = f->chains.n };
	if (port)
		snprintf(r.want_port, sizeof(r.want_port), "%u", port);
	while (n) {
		const char *nl = memchr(text, '\n', n);
		size_t len = nl ? (size_t)(nl - text) : n;
		int err = line(&r, text, len);
		if (err)
			return err;
		len += nl != NULL;
		text += len;
		n -= len;
	}
	table_ends(&r);
	return 0;
}
