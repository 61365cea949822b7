/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/way_book.h"

#include <errno.h>
#include <string.h>

struct way_entry *way_book_find(struct way_book *b, const struct way *w)
{
	for (size_t i = 0; i < b->n; i++)
		if (way_same(&b->v[i].way, w))
			return &b->v[i];
	return NULL;
}

static bool equal(const struct way *a, const struct way *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == WAY_RULE ? memcmp(&a->u.rule, &b->u.rule, sizeof(a->u.rule)) == 0
				   : memcmp(&a->u.route, &b->u.route, sizeof(a->u.route)) == 0;
}

static void keep(struct way_book *b, struct way_book *was, struct way w)
{
	struct way_entry *before = way_book_find(was, &w);
	if (before && equal(&before->way, &w))
		b->v[b->n++] = *before;
	else
		b->v[b->n++] = (struct way_entry){ .way = w };
}

void way_book_set(struct way_book *b, const struct route *routes, size_t n_routes, const struct rule *rules,
	size_t n_rules, struct way *gone, size_t *n_gone)
{
	struct way_book was = *b;
	b->n = *n_gone = 0;
	for (size_t i = 0; i < n_routes; i++)
		keep(b, &was, way_of_route(&routes[i]));
	for (size_t i = 0; i < n_rules; i++)
		keep(b, &was, way_of_rule(&rules[i]));
	for (size_t i = was.n; i-- > 0;) {
		const struct way_entry *now = way_book_find(b, &was.v[i].way);
		if (!now || !equal(&now->way, &was.v[i].way))
			gone[(*n_gone)++] = was.v[i].way;
	}
}

static enum way_word refused(struct way_entry *e, int err, enum way_word word)
{
	bool again = e->told == err;
	e->told = err;
	return again ? WAY_WORD_NOTHING : word;
}

enum way_word way_book_added(struct way_entry *e, int err)
{
	if (err < 0)
		return WAY_WORD_NOTHING; /* it will be asked for again */
	if (err == EEXIST && e->has)
		return WAY_WORD_NOTHING;
	if (err == EEXIST && !e->taken) {
		e->taken = true;
		return WAY_WORD_TAKE;
	}
	if (err) {
		e->has = false;
		return refused(e, err, err == EEXIST ? WAY_WORD_IN_THE_WAY : WAY_WORD_REFUSED);
	}
	bool had = e->has;
	int told = e->told;
	e->has = true;
	e->taken = false;
	e->told = 0;
	return had ? WAY_WORD_RESTORED : told ? WAY_WORD_AT_LAST : WAY_WORD_NOTHING;
}

enum way_word way_book_removed(struct way_entry *e, int err)
{
	if (err < 0)
		return WAY_WORD_NOTHING;
	/* ENODEV, ENETUNREACH, EAFNOSUPPORT: with the card or the protocol the route went, too */
	if (err == 0 || err == ESRCH || err == ENOENT || err == ENODEV || err == ENETUNREACH || err == EAFNOSUPPORT) {
		e->has = false;
		return WAY_WORD_NOTHING;
	}
	return WAY_WORD_REFUSED;
}

void way_book_let_go(struct way_book *b)
{
	for (size_t i = 0; i < b->n; i++) {
		b->v[i].taken = false;
		b->v[i].told = 0;
	}
}
