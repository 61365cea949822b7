/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_diff.h"

#include "common/text.h"
#include "lbd/config/config_value.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct diff {
	config_diff_fn *fn;
	void *arg;
	long n;
	struct lb_text before, after;         /* reused; bad = memory was out */
	struct lb_text before_cut, after_cut; /* the same, of values that are too long */
	size_t told;                          /* bytes of all values */
};

static const char *text_of(const struct lb_text *t)
{
	return t->n ? t->s : "";
}

/* What a check says to a backend may be a password. */
static bool is_secret(const struct schema_row *row, const char *before, const char *after)
{
	return row->flags & SCHEMA_SECRET || (row->flags & SCHEMA_QUERY && (strchr(before, '?') || strchr(after, '?')));
}

/* row: of the one key that changed; NULL: the whole object. */
static void emit(struct diff *d, enum config_change_op op, const char *object, const struct schema_row *row,
	const char *before, const char *after)
{
	struct config_change ch = {
		.op = op,
		.key = row ? row->name : "",
		.before = before,
		.after = after,
		.secret = row && is_secret(row, before, after),
	};
	size_t n = strlen(before), m = strlen(after);
	size_t room = d->told < CONFIG_DIFF_WHOLE_MAX ? CONFIG_DIFF_VALUE_MAX : CONFIG_DIFF_VALUE_MIN;
	lb_text_copy(ch.object, sizeof(ch.object), object);
	if (n > room || m > room) {
		lb_text_clear(&d->before_cut);
		lb_text_clear(&d->after_cut);
		lb_text_cut_pair(before, after, room, &d->before_cut, &d->after_cut);
		ch.before = text_of(&d->before_cut);
		ch.after = text_of(&d->after_cut);
	}
	d->told += n + m;
	d->fn(&ch, d->arg);
	d->n++;
}

static void put_items(struct lb_text *out, const char *items, unsigned n)
{
	for (unsigned i = 0; i < n; i++, items += strlen(items) + 1) {
		if (i)
			lb_text_puts(out, ", ");
		lb_text_escape(out, items, strlen(items), 0);
	}
}

/* The keys of a mapping in one line. items: memory, reused. */
static void put_object(struct lb_text *out, struct lb_text *items, enum schema_kind_id kind, const void *obj)
{
	bool first = true;
	for (unsigned i = 0; i < schema_kinds[kind].n; i++) {
		lb_text_clear(items);
		unsigned n = config_value(kind, obj, i, items);
		if (!n)
			continue;
		lb_text_printf(out, "%s%s ", first ? "" : ", ", schema_kinds[kind].rows[i].name);
		put_items(out, items->s ? items->s : "", n);
		first = false;
	}
}

/* A key in one line: "80", "a, b", "timeout 5m, then cut". out is empty. */
static void put_value(struct lb_text *out, enum schema_kind_id kind, const void *obj, unsigned key)
{
	const struct schema_row *row = &schema_kinds[kind].rows[key];
	struct lb_text items = LB_TEXT_INIT;
	if (row->type != SCHEMA_TYPE_OBJECT) {
		unsigned n = config_value(kind, obj, key, &items);
		put_items(out, items.s ? items.s : "", n);
	} else {
		const void *of = config_value_object(kind, obj, key, 0);
		if (!of && (row->flags & SCHEMA_OFF))
			lb_text_puts(out, "off");
		for (unsigned i = 0; of; of = config_value_object(kind, obj, key, ++i)) {
			lb_text_puts(out, i ? "; " : "");
			put_object(out, &items, row->of, of);
		}
	}
	out->bad |= items.bad;
	lb_text_done(&items);
}

/* Every key of two objects of one kind. */
static void diff_keys(struct diff *d, enum schema_kind_id kind, const void *a, const void *b, const char *object)
{
	for (unsigned key = 0; key < schema_kinds[kind].n; key++) {
		if (schema_kinds[kind].rows[key].type == SCHEMA_TYPE_NAMED)
			continue;
		lb_text_clear(&d->before);
		lb_text_clear(&d->after);
		put_value(&d->before, kind, a, key);
		put_value(&d->after, kind, b, key);
		const char *x = text_of(&d->before), *y = text_of(&d->after);
		if (strcmp(x, y) != 0)
			emit(d, CONFIG_CHANGE_CHANGE, object, &schema_kinds[kind].rows[key], x, y);
	}
}

static void whole(struct diff *d, enum config_change_op op, const char *object)
{
	emit(d, op, object, NULL, "", "");
}

static const char *backend_object(char out[160], const struct config_service *s, const struct config_backend *b)
{
	snprintf(out, 160, "backend/%s/%s", s->name, b->name);
	return out;
}

static void diff_backends(struct diff *d, const struct config_service *a, const struct config_service *b)
{
	const struct config_backend *const *x = a->by_name, *const *y = b->by_name;
	char object[160];
	uint32_t i = 0, k = 0;
	while (i < a->n_backends || k < b->n_backends) {
		int c = i == a->n_backends ? 1 : k == b->n_backends ? -1 : strcmp(x[i]->name, y[k]->name);
		if (c == 0)
			diff_keys(d, SCHEMA_BACKEND, x[i], y[k], backend_object(object, a, x[i]));
		else if (c < 0)
			whole(d, CONFIG_CHANGE_REMOVE, backend_object(object, a, x[i]));
		else
			whole(d, CONFIG_CHANGE_ADD, backend_object(object, b, y[k]));
		i += c <= 0;
		k += c >= 0;
	}
}

static void whole_service(struct diff *d, enum config_change_op op, const struct config_service *s)
{
	char object[160];
	snprintf(object, sizeof(object), "service/%s", s->name);
	whole(d, op, object);
	for (uint32_t i = 0; i < s->n_backends; i++)
		whole(d, op, backend_object(object, s, &s->backends[i]));
}

static void diff_services(struct diff *d, const struct config *a, const struct config *b)
{
	uint32_t i = 0, k = 0, n = a ? a->n_services : 0;
	while (i < n || k < b->n_services) {
		int c = i == n ? 1 : k == b->n_services ? -1 : strcmp(a->services[i].name, b->services[k].name);
		if (c < 0) {
			whole_service(d, CONFIG_CHANGE_REMOVE, &a->services[i]);
		} else if (c > 0) {
			whole_service(d, CONFIG_CHANGE_ADD, &b->services[k]);
		} else if (a->services[i].digest != b->services[k].digest) {
			char object[160];
			snprintf(object, sizeof(object), "service/%s", a->services[i].name);
			diff_keys(d, SCHEMA_SERVICE, &a->services[i], &b->services[k], object);
			diff_backends(d, &a->services[i], &b->services[k]);
		}
		i += c <= 0;
		k += c >= 0;
	}
}

struct named { /* an array sorted by name, which each of its structs begins with */
	const void *v;
	size_t size;
	uint32_t n;
};

static const void *nth(const struct named *l, uint32_t i)
{
	return (const char *)l->v + i * l->size;
}

static const char *name_of(const void *obj)
{
	const char *name;
	memcpy(&name, obj, sizeof(name));
	return name;
}

static void diff_named(struct diff *d, enum schema_kind_id kind, const char *word, struct named a, struct named b)
{
	uint32_t i = 0, k = 0;
	while (i < a.n || k < b.n) {
		int c = i == a.n ? 1 : k == b.n ? -1 : strcmp(name_of(nth(&a, i)), name_of(nth(&b, k)));
		char object[160];
		snprintf(object, sizeof(object), "%s/%s", word, name_of(c <= 0 ? nth(&a, i) : nth(&b, k)));
		if (c == 0)
			diff_keys(d, kind, nth(&a, i), nth(&b, k), object);
		else
			whole(d, c < 0 ? CONFIG_CHANGE_REMOVE : CONFIG_CHANGE_ADD, object);
		i += c <= 0;
		k += c >= 0;
	}
}

#define NAMED(array, count) ((struct named){ array, sizeof((array)[0]), count })

/* All but the services. */
static void diff_rest(struct diff *d, const struct config *a, const struct config *b)
{
	_Static_assert(!offsetof(struct config_check, name) && !offsetof(struct config_vrrp, name) &&
			       !offsetof(struct config_peer, name),
		"see struct named");
	diff_named(d, SCHEMA_CHECK, "check", NAMED(a->checks, a->n_checks), NAMED(b->checks, b->n_checks));
	diff_named(d, SCHEMA_VRRP, "vrrp", NAMED(a->vrrp, a->n_vrrp), NAMED(b->vrrp, b->n_vrrp));
	const struct config_cluster *x = &a->cluster, *y = &b->cluster;
	if (x->n_nodes && y->n_nodes)
		diff_keys(d, SCHEMA_CLUSTER, x, y, "cluster");
	else if (x->n_nodes || y->n_nodes)
		whole(d, x->n_nodes ? CONFIG_CHANGE_REMOVE : CONFIG_CHANGE_ADD, "cluster");
	diff_named(d, SCHEMA_NODE, "peer", NAMED(x->nodes, x->n_nodes), NAMED(y->nodes, y->n_nodes));
}

long config_diff(const struct config *a, const struct config *b, config_diff_fn *fn, void *arg)
{
	struct diff d = { .fn = fn, .arg = arg };
	diff_services(&d, a, b);
	static const struct config nothing;
	diff_rest(&d, a ? a : &nothing, b);
	if (a) {
		diff_keys(&d, SCHEMA_CONTROL, a, b, "control");
		diff_keys(&d, SCHEMA_LOG, a, b, "log");
		diff_keys(&d, SCHEMA_METRICS, a, b, "metrics");
		diff_keys(&d, SCHEMA_SYNC, a, b, "sync");
		diff_keys(&d, SCHEMA_HOOKS, a, b, "hooks");
	}
	bool bad = d.before.bad || d.after.bad || d.before_cut.bad || d.after_cut.bad;
	lb_text_done(&d.before);
	lb_text_done(&d.after);
	lb_text_done(&d.before_cut);
	lb_text_done(&d.after_cut);
	return bad ? -ENOMEM : d.n;
}
