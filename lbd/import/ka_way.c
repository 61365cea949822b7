/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtual_routes and virtual_rules: lines in the words of iproute2. */
#include "lbd/import/ka.h"

#include <string.h>

enum way_word { WAY_TO, WAY_FROM, WAY_VIA, WAY_DEV, WAY_TABLE, WAY_METRIC, WAY_SRC, WAY_MARK, WAY_PRIORITY };
#define WAY_COUNT 9

enum way_kind { WAY_NET, WAY_ADDRESS, WAY_TEXT, WAY_NUM };

struct way_row {
	const char *word;
	enum way_word what;
	enum way_kind kind;
};

static const struct way_row route_words[] = { { "to", WAY_TO, WAY_NET }, { "via", WAY_VIA, WAY_ADDRESS },
	{ "gw", WAY_VIA, WAY_ADDRESS }, { "dev", WAY_DEV, WAY_TEXT }, { "oif", WAY_DEV, WAY_TEXT },
	{ "table", WAY_TABLE, WAY_NUM }, { "metric", WAY_METRIC, WAY_NUM }, { "preference", WAY_METRIC, WAY_NUM },
	{ "src", WAY_SRC, WAY_ADDRESS }, { NULL, WAY_TO, WAY_NET } };

static const struct way_row rule_words[] = { { "from", WAY_FROM, WAY_NET }, { "to", WAY_TO, WAY_NET },
	{ "fwmark", WAY_MARK, WAY_NUM }, { "table", WAY_TABLE, WAY_NUM }, { "lookup", WAY_TABLE, WAY_NUM },
	{ "priority", WAY_PRIORITY, WAY_NUM }, { "preference", WAY_PRIORITY, WAY_NUM },
	{ "pref", WAY_PRIORITY, WAY_NUM }, { "order", WAY_PRIORITY, WAY_NUM }, { NULL, WAY_TO, WAY_NET } };

struct way {
	const char *v[WAY_COUNT]; /* as lbd writes it; NULL = not said */
};

/* A network with its prefix. NULL: it is none. */
static const char *network(struct ka *k, const char *s)
{
	size_t n = strcspn(s, "/");
	struct lb_ip ip;
	int64_t len;
	if (strcmp(s, "default") == 0)
		return s;
	if (lb_ip_parse(s, n, &ip))
		return NULL;
	int64_t bits = lb_ip_is_v6(&ip) ? 128 : 32;
	if (!s[n])
		len = bits;
	else if (ka_parse_num(s + n + 1, 0, bits, &len))
		return NULL;
	char text[LB_IP_STRLEN];
	return lb_ip_is_net(&ip, (unsigned)len) ? imp_str(k->im, "%s/%lld", lb_ip_str(&ip, text), (long long)len)
						: NULL;
}

static const char *value(struct ka *k, const struct way_row *row, const char *s)
{
	struct lb_ip ip;
	int64_t v;
	switch (row->kind) {
	case WAY_NET: return network(k, s);
	case WAY_ADDRESS: return lb_ip_parse(s, strlen(s), &ip) ? NULL : s;
	case WAY_TEXT: return *s && strlen(s) <= 15 ? s : NULL;
	case WAY_NUM:
		if (row->what == WAY_TABLE && strcmp(s, "main") == 0)
			return "254";
		return ka_parse_num(s, 1, UINT32_MAX, &v) ? NULL : s;
	}
	return NULL;
}

/* Words that change nothing that lbd would do otherwise: with a value, or alone. */
static size_t harmless(const char *w)
{
	static const char *const two[] = { "scope", "proto", "protocol" };
	for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++)
		if (strcmp(w, two[i]) == 0)
			return 2;
	return strcmp(w, "no_track") == 0 ? 1 : 0;
}

static const struct way_row *row_of(const struct way_row *rows, const char *w)
{
	while (rows->word && strcmp(rows->word, w) != 0)
		rows++;
	return rows->word ? rows : NULL;
}

/* Whether lbd has everything that the line says; if not, it has been said. bare: a word alone is the destination. */
static bool read_way(struct ka *k, const struct ka_node *n, const struct way_row *rows, bool bare, struct way *out)
{
	static const struct way_row to = { "to", WAY_TO, WAY_NET };
	*out = (struct way){ { 0 } };
	for (size_t i = 0; i < n->n; i++) {
		const char *w = n->w[i];
		const struct way_row *row = row_of(rows, w);
		size_t skip = row ? 0 : harmless(w);
		if (skip) {
			imp_say(k->im, &n->at, IMP_NOTE, "%s is left out; the kernel chooses", imp_shown(k->im, w));
			i += skip - 1;
			continue;
		}
		if (!row && bare && !out->v[WAY_TO] && (network(k, w) || strchr(w, '/'))) {
			row = &to;
		} else if (!row) {
			imp_say(k->im, &n->at, IMP_LOST, "lbd has no such route or rule: '%s'", imp_shown(k->im, w));
			return false;
		} else {
			i++;
		}
		const char *given = i < n->n ? n->w[i] : "", *v = value(k, row, given);
		if (!v) {
			imp_say(k->im, &n->at, IMP_ERROR, "%s %s is not understood", row->word,
				imp_shown(k->im, given));
			return false;
		}
		out->v[row->what] = v;
	}
	return true;
}

static void put(struct ka *k, struct y *to, const char *key, const char *v)
{
	if (v)
		y_set(k->im, to, key, "%s", v);
}

static struct y *list_of(struct ka *k, struct y *instance, const char *key)
{
	struct y *list = y_find(instance, key);
	if (!list) {
		list = y_list(k->im, instance, key);
		list->flow = false;
	}
	return list;
}

static struct y *item(struct ka *k, struct y *list)
{
	struct y *y = y_map(k->im, list, NULL);
	y->flow = true;
	return y;
}

/* A second block adds to the first; what is in both is once in lbd. */
static void put_routes(struct ka *k, const struct ka_node *list, struct y *instance)
{
	struct way w;
	for (const struct ka_node *n = list->child; n; n = n->next) {
		if (!n->n || !read_way(k, n, route_words, true, &w))
			continue;
		if (!w.v[WAY_TO]) {
			imp_say(k->im, &n->at, IMP_ERROR, "a route without a destination");
			continue;
		}
		if (!w.v[WAY_DEV])
			imp_say(k->im, &n->at, IMP_NOTE,
				"a route without dev leads out of the interface of its instance");
		struct y *to = list_of(k, instance, "routes"), *y = item(k, to);
		put(k, y, "to", w.v[WAY_TO]);
		put(k, y, "via", w.v[WAY_VIA]);
		put(k, y, "dev", w.v[WAY_DEV]);
		put(k, y, "table", w.v[WAY_TABLE]);
		put(k, y, "metric", w.v[WAY_METRIC]);
		put(k, y, "source", w.v[WAY_SRC]);
		y_once(to);
	}
}

void ka_routes(struct ka *k, const struct ka_node *from, struct y *instance)
{
	for (const struct ka_node *list = ka_first(from, KA_VIRTUAL_ROUTES); list; list = ka_next(list))
		put_routes(k, list, instance);
}

static void put_rules(struct ka *k, const struct ka_node *list, struct y *instance)
{
	struct way w;
	for (const struct ka_node *n = list->child; n; n = n->next) {
		if (!n->n || !read_way(k, n, rule_words, false, &w))
			continue;
		if (!w.v[WAY_TABLE] || !w.v[WAY_PRIORITY] || (!w.v[WAY_FROM] && !w.v[WAY_TO] && !w.v[WAY_MARK])) {
			imp_say(k->im, &n->at, IMP_LOST,
				"a rule of lbd has a table, a priority, and one of from, to and fwmark");
			continue;
		}
		struct y *to = list_of(k, instance, "rules"), *y = item(k, to);
		put(k, y, "from", w.v[WAY_FROM]);
		put(k, y, "to", w.v[WAY_TO]);
		put(k, y, "fwmark", w.v[WAY_MARK]);
		put(k, y, "table", w.v[WAY_TABLE]);
		put(k, y, "priority", w.v[WAY_PRIORITY]);
		y_once(to);
	}
}

void ka_rules(struct ka *k, const struct ka_node *from, struct y *instance)
{
	for (const struct ka_node *list = ka_first(from, KA_VIRTUAL_RULES); list; list = ka_next(list))
		put_rules(k, list, instance);
}
