/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The schema as JSON Schema, for editors, and as the list of keys of the manual page. */
#include "common/buf.h"
#include "lbd/config/schema.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_PATTERN "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"

/* jansson gives NULL when memory is out and its setters refuse NULL: the first failure makes the whole NULL. */
static json_t *with(json_t *obj, const char *key, json_t *value)
{
	if (obj && json_object_set_new(obj, key, value) == 0)
		return obj;
	if (!obj)
		json_decref(value);
	json_decref(obj);
	return NULL;
}

static json_t *any_of(json_t *a, json_t *b)
{
	json_t *list = json_array();
	if (!list || json_array_append_new(list, a) || json_array_append_new(list, b)) {
		json_decref(list);
		return NULL;
	}
	return with(json_object(), "anyOf", list);
}

static json_t *typed(const char *type)
{
	return with(json_object(), "type", json_string(type));
}

static json_t *pattern(const char *p)
{
	return with(typed("string"), "pattern", json_string(p));
}

/* The key decides the type, not the look of the value: without quotes, too, 200 is text where text is wanted. */
static json_t *any_text(void)
{
	return with(json_object(), "type", json_pack("[sss]", "string", "number", "boolean"));
}

static json_t *text_like(const char *p)
{
	return with(any_text(), "pattern", json_string(p)); /* which looks at strings only */
}

static json_t *reference(const char *kind)
{
	char ref[64];
	snprintf(ref, sizeof(ref), "#/$defs/%s", kind);
	return with(json_object(), "$ref", json_string(ref));
}

/* A word that is a number also as that: 1.1 without quotes is one. */
static void words_add(json_t *list, const char *w)
{
	json_array_append_new(list, json_string(w));
	json_t *number = json_loads(w, JSON_DECODE_ANY, NULL);
	if (json_is_number(number))
		json_array_append(list, number);
	json_decref(number);
}

static json_t *words(const struct schema_row *row)
{
	json_t *list = json_array();
	int64_t value;
	const char *w;
	for (size_t i = 0; list && (w = row->word(i, &value)); i++)
		words_add(list, w);
	return with(json_object(), "enum", list);
}

static const char *kind_name(enum schema_kind_id of, bool in_defaults)
{
	static const char *const shared[SCHEMA_KIND_COUNT] = {
		[SCHEMA_SERVICE] = "service_defaults", [SCHEMA_VRRP] = "instance_defaults"
	};
	return in_defaults && shared[of] ? shared[of] : schema_kinds[of].name;
}

/* One value, the list form left aside. */
static json_t *one_value(const struct schema_row *row, bool in_defaults)
{
	switch (row->type) {
	case SCHEMA_TYPE_BOOL: return typed("boolean");
	case SCHEMA_TYPE_UINT:
	case SCHEMA_TYPE_INT:
		return with(
			with(typed("integer"), "minimum", json_integer(row->min)), "maximum", json_integer(row->max));
	case SCHEMA_TYPE_DURATION: return pattern("^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$");
	case SCHEMA_TYPE_TEXT: return with(any_text(), "minLength", json_integer(row->min));
	case SCHEMA_TYPE_GROUP: return text_like("^[A-Za-z0-9_][A-Za-z0-9._-]{0,31}$");
	case SCHEMA_TYPE_NAME: return text_like(NAME_PATTERN);
	case SCHEMA_TYPE_WORD: return words(row);
	case SCHEMA_TYPE_INTERFACE: return text_like("^[^ /:]{1,15}$");
	case SCHEMA_TYPE_ADDRESS: return pattern("^[0-9A-Fa-f:.]+$");
	case SCHEMA_TYPE_ENDPOINT: return pattern("^\\[?[0-9A-Fa-f:.]+(\\]|\\]:[0-9]+)?$");
	case SCHEMA_TYPE_PREFIX: return pattern("^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$");
	case SCHEMA_TYPE_NETWORK: return pattern("^(default|[0-9A-Fa-f:.]+(/[0-9]{1,3})?)$");
	case SCHEMA_TYPE_SIZE: return with(json_object(), "pattern", json_string("^[0-9]+(KiB|MiB|GiB)?$"));
	case SCHEMA_TYPE_RATE: return pattern("^[1-9][0-9]*/s$");
	case SCHEMA_TYPE_HEX: return with(json_object(), "pattern", json_string("^([0-9A-Fa-f]{2} *)+$"));
	case SCHEMA_TYPE_REGEX: return any_text();
	case SCHEMA_TYPE_PATH: return pattern("^/[^ ]*$");
	case SCHEMA_TYPE_TOKEN: return text_like("^[^ ]+$");
	case SCHEMA_TYPE_STATUS: return with(json_object(), "pattern", json_string("^[1-5][0-9]{2}(-[1-5][0-9]{2})?$"));
	case SCHEMA_TYPE_SHARE:
		return any_of(with(with(typed("integer"), "minimum", json_integer(row->min)), "maximum",
				      json_integer(row->max)),
			pattern("^[0-9]{1,3}%$"));
	case SCHEMA_TYPE_PERCENT: return pattern("^[0-9]{1,3}%$");
	case SCHEMA_TYPE_MAP: return with(typed("object"), "additionalProperties", any_text());
	case SCHEMA_TYPE_OBJECT: return reference(kind_name(row->of, in_defaults));
	case SCHEMA_TYPE_NAMED:
		return with(with(typed("object"), "propertyNames", pattern(NAME_PATTERN)), "additionalProperties",
			reference(kind_name(row->of, in_defaults)));
	}
	return NULL;
}

static json_t *fallback(const struct schema_row *row)
{
	bool digits = strspn(row->fallback, "0123456789") == strlen(row->fallback);
	if (row->type == SCHEMA_TYPE_UINT || row->type == SCHEMA_TYPE_INT || (row->type == SCHEMA_TYPE_SHARE && digits))
		return json_integer(strtoll(row->fallback, NULL, 10));
	if (row->type == SCHEMA_TYPE_BOOL)
		return json_boolean(strcmp(row->fallback, "true") == 0);
	return json_string(row->fallback);
}

/* One value, or several where the row takes them. */
static json_t *list_of(const struct schema_row *row, bool in_defaults)
{
	json_t *s = one_value(row, in_defaults);
	if (!(row->flags & SCHEMA_LIST))
		return s;
	return any_of(s, with(with(typed("array"), "items", one_value(row, in_defaults)), "minItems", json_integer(1)));
}

static json_t *row_schema(const struct schema_row *row, bool in_defaults)
{
	json_t *s = list_of(row, in_defaults);
	if (row->flags & SCHEMA_BY_NODE)
		s = any_of(s, with(with(typed("object"), "propertyNames", pattern(NAME_PATTERN)),
				      "additionalProperties", one_value(row, in_defaults)));
	if (row->flags & SCHEMA_OFF)
		s = any_of(s, with(json_object(), "const", json_string("off")));
	s = with(s, "description", json_string(row->help));
	return row->fallback ? with(s, "default", fallback(row)) : s;
}

/* A service is found by its listeners or by a mark, not by both. */
static json_t *one_match(json_t *s)
{
	json_t *two = json_pack("[{s:[s]},{s:[s]}]", "required", "listen", "required", "fwmark");
	return with(s, "oneOf", two);
}

static json_t *kind_schema(enum schema_kind_id id, bool in_defaults)
{
	const struct schema_kind *kind = &schema_kinds[id];
	bool shared = in_defaults && schema_inherits(id);
	json_t *props = json_object(), *required = json_array();
	for (unsigned i = 0; i < kind->n; i++) {
		const struct schema_row *row = &kind->rows[i];
		if (shared && (row->flags & SCHEMA_OWN))
			continue;
		props = with(props, row->name, row_schema(row, in_defaults));
		if (row->flags & SCHEMA_REQUIRED)
			json_array_append_new(required, json_string(row->name));
	}
	bool some = json_array_size(required) > 0;
	json_t *s = with(with(typed("object"), "properties", props), "additionalProperties", json_false());
	s = some && !shared ? with(s, "required", required) : s;
	if (!some || shared)
		json_decref(required);
	if (id == SCHEMA_SERVICE && !shared)
		s = one_match(s);
	if (kind->main >= 0)
		s = any_of(s, list_of(&kind->rows[kind->main], in_defaults));
	return kind->also_word ? any_of(s, with(json_object(), "const", json_string(kind->also_word))) : s;
}

void config_print_schema(struct lb_text *out)
{
	json_t *defs = json_object();
	for (unsigned k = SCHEMA_ROOT + 1; k < SCHEMA_KIND_COUNT; k++)
		defs = with(defs, schema_kinds[k].name, kind_schema(k, k == SCHEMA_DEFAULTS));
	for (unsigned k = SCHEMA_ROOT + 1; k < SCHEMA_KIND_COUNT; k++)
		if (schema_inherits(k))
			defs = with(defs, kind_name(k, true), kind_schema(k, true));
	json_t *root = with(kind_schema(SCHEMA_ROOT, false), "$defs", defs);
	root = with(root, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	root = with(root, "title", json_string("lbd.yaml"));
	char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_REAL_PRECISION(15)) : NULL;
	if (text) {
		lb_text_puts(out, text);
		lb_text_puts(out, "\n");
	} else {
		out->bad = true;
	}
	free(text);
	json_decref(root);
}

/* scdoc takes '_' and '*' for emphasis and '\' for an escape. */
static void put_scdoc(struct lb_text *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("_*\\<>#[", *s))
			lb_text_puts(out, "\\");
		lb_text_put(out, s, 1);
	}
}

static void put_type(struct lb_text *out, const struct schema_row *row)
{
	static const char *const names[] = {
		[SCHEMA_TYPE_BOOL] = "true or false",
		[SCHEMA_TYPE_UINT] = "number",
		[SCHEMA_TYPE_INT] = "number",
		[SCHEMA_TYPE_DURATION] = "duration",
		[SCHEMA_TYPE_TEXT] = "text",
		[SCHEMA_TYPE_GROUP] = "group",
		[SCHEMA_TYPE_NAME] = "name",
		[SCHEMA_TYPE_WORD] = "",
		[SCHEMA_TYPE_INTERFACE] = "interface",
		[SCHEMA_TYPE_ADDRESS] = "address",
		[SCHEMA_TYPE_PREFIX] = "address, with or without prefix",
		[SCHEMA_TYPE_NETWORK] = "network such as 192.0.2.0/24, or default",
		[SCHEMA_TYPE_ENDPOINT] = "address, with or without port",
		[SCHEMA_TYPE_SIZE] = "size",
		[SCHEMA_TYPE_RATE] = "rate such as 100/s",
		[SCHEMA_TYPE_HEX] = "hexadecimal bytes",
		[SCHEMA_TYPE_REGEX] = "regular expression",
		[SCHEMA_TYPE_PATH] = "path",
		[SCHEMA_TYPE_TOKEN] = "word",
		[SCHEMA_TYPE_STATUS] = "status code or range",
		[SCHEMA_TYPE_SHARE] = "number, or share such as 50%",
		[SCHEMA_TYPE_PERCENT] = "share such as 50%",
		[SCHEMA_TYPE_MAP] = "mapping of header names to texts",
		[SCHEMA_TYPE_OBJECT] = "mapping",
		[SCHEMA_TYPE_NAMED] = "mapping by name",
	};
	_Static_assert(sizeof(names) / sizeof(names[0]) == SCHEMA_TYPE_COUNT, "one name per type");
	int64_t value;
	const char *w;
	lb_text_puts(out, names[row->type]);
	for (size_t i = 0; row->type == SCHEMA_TYPE_WORD && (w = row->word(i, &value)); i++) {
		lb_text_puts(out, i ? ", " : "");
		put_scdoc(out, w);
	}
	if (row->type == SCHEMA_TYPE_UINT || row->type == SCHEMA_TYPE_INT)
		lb_text_printf(out, " %lld to %lld", (long long)row->min, (long long)row->max);
	if (row->type == SCHEMA_TYPE_OBJECT && schema_kinds[row->of].main >= 0)
		lb_text_printf(out, ", or its %s alone", schema_kinds[row->of].rows[schema_kinds[row->of].main].name);
	if (row->type == SCHEMA_TYPE_OBJECT && schema_kinds[row->of].also_word)
		lb_text_printf(out, ", or %s", schema_kinds[row->of].also_word);
	if (row->flags & SCHEMA_OFF)
		lb_text_puts(out, ", or off");
	if (row->flags & SCHEMA_LIST)
		lb_text_puts(out, "; one or a list");
	if (row->flags & SCHEMA_BY_NODE)
		lb_text_puts(out, "; or a mapping by node");
}

/* The types that have a key, or those that have not where these are fewer. */
static void put_only(struct lb_text *out, const struct schema_row *row)
{
	unsigned have = 0, seen = 0;
	for (unsigned t = 0; t < CHECK_TYPE_COUNT; t++)
		have += row->only >> t & 1;
	bool not = have > CHECK_TYPE_COUNT / 2;
	if (!row->only)
		return;
	lb_text_puts(out, not ? "; not for " : "; for ");
	for (unsigned t = 0; t < CHECK_TYPE_COUNT; t++)
		if ((row->only >> t & 1) == !not )
			lb_text_printf(out, "%s%s", seen++ ? ", " : "", check_types[t].name);
}

/* One entry per key, those of mappings below it with their path. */
static void put_keys(struct lb_text *out, enum schema_kind_id id, const char *prefix)
{
	for (unsigned i = 0; i < schema_kinds[id].n; i++) {
		const struct schema_row *row = &schema_kinds[id].rows[i];
		char path[160];
		snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] ? "." : "", row->name);
		lb_text_puts(out, "*");
		put_scdoc(out, path);
		lb_text_puts(out, "*: ");
		put_type(out, row);
		put_only(out, row);
		lb_text_puts(out, "\n\t");
		put_scdoc(out, row->help);
		if (row->fallback || row->absent || (row->flags & SCHEMA_REQUIRED)) {
			lb_text_puts(out, row->fallback || row->absent ? " Default: " : " Required");
			put_scdoc(out, row->fallback ? row->fallback : row->absent ? row->absent : "");
			lb_text_puts(out, ".");
		}
		lb_text_puts(out, "\n\n");
		char below[200];
		snprintf(below, sizeof(below), "%s%s", path, row->type == SCHEMA_TYPE_NAMED ? ".NAME" : "");
		if (id != SCHEMA_DEFAULTS && (row->type == SCHEMA_TYPE_NAMED || row->type == SCHEMA_TYPE_OBJECT))
			put_keys(out, row->of, below);
	}
}

void config_print_keys(struct lb_text *out)
{
	put_keys(out, SCHEMA_ROOT, "");
}
