/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_value.h"

#include <stdio.h>
#include <string.h>

static bool is_plain_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("._/-:", c);
}

/* Whether YAML reads it back as the same text without quotes. */
static bool is_plain(const char *s, size_t n)
{
	bool below = n > 1 && s[0] == '-' && s[1] >= '0' && s[1] <= '9'; /* a number, not an item of a list */
	if (n == 0 || (strchr(".-:", s[0]) && !below) || s[n - 1] == ':' || !strcasecmp(s, "null"))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_plain_char(s[i]))
			return false;
	return true;
}

/* Whether other readers of YAML take it for something else than text. */
static bool looks_typed(const char *s)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on", "off", "y", "n" };
	bool word = false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		word |= strcasecmp(s, words[i]) == 0;
	return word || s[0] == '-' || (s[0] >= '0' && s[0] <= '9');
}

static bool is_text(enum schema_type type)
{
	return type == SCHEMA_TYPE_TEXT || type == SCHEMA_TYPE_GROUP || type == SCHEMA_TYPE_NAME ||
	       type == SCHEMA_TYPE_HEX || type == SCHEMA_TYPE_REGEX || type == SCHEMA_TYPE_TOKEN ||
	       type == SCHEMA_TYPE_INTERFACE;
}

/* The code point at s; valid UTF-8, as everything that came through config_scan. */
static unsigned code_point(const char *s, size_t n, size_t *len)
{
	const uint8_t *b = (const uint8_t *)s;
	*len = b[0] < 0x80 ? 1 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
	if (*len > n)
		*len = n;
	unsigned c = *len == 1 ? b[0] : b[0] & (0x7fu >> *len);
	for (size_t i = 1; i < *len; i++)
		c = c << 6 | (b[i] & 0x3fu);
	return c;
}

static void put_quoted(struct lb_text *out, const char *s, size_t n)
{
	lb_text_puts(out, "\"");
	for (size_t i = 0, len; i < n; i += len) {
		unsigned c = code_point(s + i, n - i, &len);
		if (c == '"' || c == '\\')
			lb_text_printf(out, "\\%c", (char)c);
		else if (c >= 0x20 && c < 0x7f)
			lb_text_put(out, s + i, 1);
		else if (c == '\n' || c == '\r' || c == '\t')
			lb_text_puts(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
		else
			lb_text_printf(out, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
	}
	lb_text_puts(out, "\"");
}

static void put_scalar(struct lb_text *out, const char *s, bool text)
{
	size_t n = strlen(s);
	if (is_plain(s, n) && !(text && looks_typed(s)))
		lb_text_put(out, s, n);
	else
		put_quoted(out, s, n);
}

static void put_indent(struct lb_text *out, unsigned indent)
{
	for (unsigned i = 0; i < indent; i++)
		lb_text_puts(out, "  ");
}

static void put_key(struct lb_text *out, unsigned indent, const char *name)
{
	put_indent(out, indent);
	put_scalar(out, name, true);
	lb_text_puts(out, ":");
}

static void put_items(struct lb_text *out, unsigned indent, const char *items, unsigned n, bool text)
{
	for (unsigned i = 0; i < n; i++, items += strlen(items) + 1) {
		if (n > 1) {
			lb_text_puts(out, "\n");
			put_indent(out, indent);
			lb_text_puts(out, "-");
		}
		lb_text_puts(out, " ");
		put_scalar(out, items, text);
	}
	lb_text_puts(out, "\n");
}

/* "Name: value" as key and value. */
static void put_map(struct lb_text *out, unsigned indent, const char *items, unsigned n)
{
	lb_text_puts(out, "\n");
	for (unsigned i = 0; i < n; i++, items += strlen(items) + 1) {
		const char *colon = strchr(items, ':');
		put_indent(out, indent);
		put_quoted(out, items, (size_t)(colon - items));
		lb_text_puts(out, ": ");
		put_scalar(out, colon + 2, true);
		lb_text_puts(out, "\n");
	}
}

struct value {
	struct lb_text item; /* memory for the text of one, reused */
	bool hide;           /* what is not for who may only look */
};

static void put_object(struct lb_text *out, struct value *v, enum schema_kind_id kind, const void *obj, unsigned indent)
{
	for (unsigned key = 0; key < schema_kinds[kind].n; key++) {
		const struct schema_row *row = &schema_kinds[kind].rows[key];
		if (row->type == SCHEMA_TYPE_NAMED)
			continue;
		if (row->type == SCHEMA_TYPE_OBJECT) {
			const void *of = config_value_object(kind, obj, key, 0);
			if (!of && !(row->flags & SCHEMA_OFF))
				continue;
			put_key(out, indent, row->name);
			lb_text_puts(out, of ? "\n" : " off\n");
			bool list = row->flags & SCHEMA_LIST;
			for (unsigned i = 0; of; of = config_value_object(kind, obj, key, ++i)) {
				size_t start = out->n;
				put_object(out, v, row->of, of, indent + 1 + list);
				/* the dash of an item stands in the blanks before its first key */
				if (list && !out->bad)
					out->s[start + 2 * (indent + 1)] = '-';
			}
			continue;
		}
		lb_text_clear(&v->item);
		unsigned n = config_value(kind, obj, key, &v->item);
		if (!n)
			continue;
		if (v->hide)
			config_value_hide(row, &v->item, n);
		put_key(out, indent, row->name);
		if (row->type == SCHEMA_TYPE_MAP)
			put_map(out, indent + 1, v->item.s ? v->item.s : "", v->item.s ? n : 0);
		else
			put_items(out, indent + 1, v->item.s ? v->item.s : "", v->item.s ? n : 0, is_text(row->type));
		out->bad |= v->item.bad;
	}
}

static void put_named(struct lb_text *out, unsigned indent, const char *name, size_t n)
{
	put_key(out, indent, name);
	lb_text_puts(out, n ? "\n" : " {}\n");
}

static void put_service(struct lb_text *out, struct value *v, const struct config_service *s)
{
	put_named(out, 1, s->name, 1);
	put_object(out, v, SCHEMA_SERVICE, s, 2);
	put_named(out, 2, "backends", s->n_backends);
	for (uint32_t i = 0; i < s->n_backends; i++) {
		put_named(out, 3, s->backends[i].name, 1);
		put_object(out, v, SCHEMA_BACKEND, &s->backends[i], 4);
	}
}

static void put_cluster(struct lb_text *out, struct value *v, const struct config_cluster *c)
{
	if (!c->n_nodes)
		return;
	put_named(out, 0, "cluster", 1);
	put_object(out, v, SCHEMA_CLUSTER, c, 1);
	put_named(out, 1, "nodes", c->n_nodes);
	for (uint32_t i = 0; i < c->n_nodes; i++) {
		put_named(out, 2, c->nodes[i].name, 1);
		put_object(out, v, SCHEMA_NODE, &c->nodes[i], 3);
	}
}

static void put_vrrp(struct lb_text *out, struct value *v, const struct config *c)
{
	if (c->n_vrrp)
		put_named(out, 0, "vrrp", c->n_vrrp);
	for (uint32_t i = 0; i < c->n_vrrp; i++) {
		put_named(out, 1, c->vrrp[i].name, 1);
		put_object(out, v, SCHEMA_VRRP, &c->vrrp[i], 2);
	}
}

static void print(const struct config *c, struct lb_text *out, bool hide)
{
	struct value v = { LB_TEXT_INIT, hide };
	lb_text_printf(out, "version: %u\n", CONFIG_VERSION);
	put_cluster(out, &v, &c->cluster);
	put_named(out, 0, "control", 1);
	put_object(out, &v, SCHEMA_CONTROL, c, 1);
	put_named(out, 0, "log", 1);
	put_object(out, &v, SCHEMA_LOG, c, 1);
	put_named(out, 0, "metrics", 1);
	put_object(out, &v, SCHEMA_METRICS, c, 1);
	put_vrrp(out, &v, c);
	put_named(out, 0, "sync", 1);
	put_object(out, &v, SCHEMA_SYNC, c, 1);
	if (c->state_hook.path[0]) {
		put_named(out, 0, "hooks", 1);
		put_object(out, &v, SCHEMA_HOOKS, c, 1);
	}
	put_named(out, 0, "checks", c->n_checks);
	for (uint32_t i = 0; i < c->n_checks; i++) {
		put_named(out, 1, c->checks[i].name, 1);
		put_object(out, &v, SCHEMA_CHECK, &c->checks[i], 2);
	}
	put_named(out, 0, "services", c->n_services);
	for (uint32_t i = 0; i < c->n_services; i++)
		put_service(out, &v, &c->services[i]);
	lb_text_done(&v.item);
}

void config_print(const struct config *c, struct lb_text *out)
{
	print(c, out, false);
}

void config_print_hidden(const struct config *c, struct lb_text *out)
{
	print(c, out, true);
}
