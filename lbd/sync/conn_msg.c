/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/conn_msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists of texts ---- */

typedef bool text_parse_fn(const char *s, size_t n, void *out);

static bool match_parse(const char *s, size_t n, void *out)
{
	return conn_match_parse(s, n, out);
}

static bool row_parse(const char *s, size_t n, void *out)
{
	return conn_row_parse(s, n, out);
}

static bool way_parse(const char *s, size_t n, void *out)
{
	return conn_way_parse(s, n, out);
}

/* Each of the list into a place of that size. *n of them; NULL: there is none, or no memory (-ENOMEM in *err). */
static void *texts_read(
	struct lb_fields *f, const json_t *list, size_t size, text_parse_fn *parse, uint32_t *n, int *err)
{
	size_t count = f->bad ? 0 : json_array_size(list);
	char *v = count ? calloc(count, size) : NULL;
	*err = count && !v ? -ENOMEM : 0;
	*n = v ? (uint32_t)count : 0;
	for (size_t i = 0; i < *n && !f->bad; i++) {
		const json_t *item = json_array_get(list, i);
		const char *s = json_string_value(item);
		f->bad = !s || !parse(s, json_string_length(item), v + i * size);
	}
	return v;
}

/* ---- which ones ---- */

static json_t *matches_write(const struct conn_filter *c)
{
	json_t *list = json_array();
	char text[CONN_MATCH_STRLEN];
	for (uint32_t i = 0; i < c->n; i++)
		if (!lb_list_add(list, json_string(conn_match_str(&c->v[i], text))))
			return NULL;
	return list;
}

static int matches_read(struct lb_fields *f, struct conn_filter *c)
{
	const json_t *list = lb_field_list(f, "matches", CONN_MATCH_MAX);
	int err;
	c->some = true;
	c->v = texts_read(f, list, sizeof(*c->v), match_parse, &c->n, &err);
	for (uint32_t i = 1; i < c->n && !f->bad; i++)
		f->bad = conn_match_cmp(&c->v[i - 1], &c->v[i]) >= 0;
	return err;
}

void conn_ask_write(const void *u, struct lb_members *o)
{
	const struct conn_ask *a = u;
	const struct conn_filter *c = &a->filter;
	lb_put_int(o, "id", a->id);
	lb_put_bool(o, "cut", a->cut);
	lb_put_ip(o, "client", &c->client);
	if (c->client.family)
		lb_put_int(o, "prefix", c->prefix);
	lb_put_int(o, "port", c->client_port);
	if (c->some)
		lb_put(o, "matches", matches_write(c));
}

int conn_ask_read(struct lb_fields *f, void *u)
{
	struct conn_ask *a = u;
	struct conn_filter *c = &a->filter;
	a->id = lb_field_u32(f, "id", 1, UINT32_MAX);
	a->cut = lb_field_bool(f, "cut");
	c->client_port = (uint16_t)lb_field_u32(f, "port", 0, UINT16_MAX);
	if (lb_field_has(f, "client")) {
		c->client = lb_field_ip(f, "client");
		c->prefix = (uint8_t)lb_field_u32(f, "prefix", 0, lb_ip_is_v6(&c->client) ? 128 : 32);
		f->bad |= !lb_ip_is_net(&c->client, c->prefix);
	}
	return lb_field_has(f, "matches") ? matches_read(f, c) : 0;
}

/* ---- what there is ---- */

static json_t *rows_write(const struct conn_rows *r)
{
	json_t *list = json_array();
	char text[CONN_ROW_STRLEN];
	for (uint32_t i = 0; i < r->n; i++)
		if (!lb_list_add(list, json_string(conn_row_str(&r->v[i], text))))
			return NULL;
	return list;
}

void conn_rows_write(const void *u, struct lb_members *o)
{
	const struct conn_rows *r = u;
	lb_put_int(o, "id", r->id);
	lb_put(o, "rows", rows_write(r));
}

int conn_rows_read(struct lb_fields *f, void *u)
{
	struct conn_rows *r = u;
	const json_t *list = lb_field_list(f, "rows", CONN_ROWS_MAX);
	int err;
	r->id = lb_field_u32(f, "id", 1, UINT32_MAX);
	f->bad |= json_array_size(list) == 0;
	r->v = texts_read(f, list, sizeof(*r->v), row_parse, &r->n, &err);
	return err;
}

/* ---- how it ended ---- */

void conn_end_write(const void *u, struct lb_members *o)
{
	const struct conn_end *e = u;
	lb_put_int(o, "id", e->id);
	lb_put_int(o, "err", e->err);
	lb_put_int(o, "seen", (int64_t)e->seen);
	lb_put_int(o, "ended", (int64_t)e->ended);
	lb_put_int(o, "left", (int64_t)e->left);
	lb_put_bool(o, "unsure", e->unsure);
	lb_put_str(o, "text", e->text);
}

int conn_end_read(struct lb_fields *f, void *u)
{
	struct conn_end *e = u;
	e->id = lb_field_u32(f, "id", 1, UINT32_MAX);
	e->err = lb_field_u32(f, "err", 0, 4095);
	e->seen = lb_field_counter(f, "seen");
	e->ended = lb_field_counter(f, "ended");
	e->left = lb_field_counter(f, "left");
	e->unsure = lb_field_bool(f, "unsure");
	lb_field_line(f, "text", e->text, sizeof(e->text));
	return 0;
}

/* ---- a look ---- */

static json_t *ways_list(const struct conn_ways *c)
{
	json_t *list = json_array();
	char text[CONN_WAY_STRLEN];
	for (uint32_t i = 0; i < c->n; i++)
		if (!lb_list_add(list, json_string(conn_way_str(&c->v[i], text))))
			return NULL;
	return list;
}

void conn_ways_write(const void *u, struct lb_members *o)
{
	const struct conn_ways *c = u;
	lb_put_int(o, "id", c->id);
	lb_put_bool(o, "first", c->first);
	lb_put_bool(o, "last", c->last);
	lb_put(o, "ways", ways_list(c));
}

int conn_ways_read(struct lb_fields *f, void *u)
{
	struct conn_ways *c = u;
	const json_t *list = lb_field_list(f, "ways", CONN_WAYS_MAX);
	int err;
	c->id = lb_field_u32(f, "id", 0, UINT32_MAX);
	c->first = lb_field_bool(f, "first");
	c->last = lb_field_bool(f, "last");
	c->v = texts_read(f, list, sizeof(*c->v), way_parse, &c->n, &err);
	return err;
}

void conn_looked_write(const void *u, struct lb_members *o)
{
	const struct conn_looked *e = u;
	lb_put_int(o, "id", e->id);
	lb_put_int(o, "err", e->err);
	lb_put_int(o, "found", (int64_t)e->found);
	lb_put_int(o, "unsure", (int64_t)e->unsure);
}

int conn_looked_read(struct lb_fields *f, void *u)
{
	struct conn_looked *e = u;
	e->id = lb_field_u32(f, "id", 0, UINT32_MAX);
	e->err = lb_field_u32(f, "err", 0, 4095);
	e->found = lb_field_counter(f, "found");
	e->unsure = lb_field_counter(f, "unsure");
	return 0;
}
