/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One object as key: value lines, and in words why it is as it is. */
#include "common/proto.h"
#include "common/text.h"
#include "lbctl/out.h"

#include <string.h>

static void title(struct out *o, const json_t *row)
{
	const char *service = lb_proto_str(row, "service"), *backend = lb_proto_str(row, "backend");
	const char *check = o->type == LB_ROW_CHECK ? lb_proto_str(row, "check") : NULL;
	const char *vrrp = o->type == LB_ROW_VRRP ? lb_proto_str(row, "vrrp") : NULL;
	const char *name = service ? service : check ? check : vrrp ? vrrp : lb_proto_str(row, "node");
	lb_text_printf(&o->text, "%s ", lb_rows[o->type].name);
	if (name)
		lb_text_escape(&o->text, name, strlen(name), 0);
	if (backend) {
		lb_text_puts(&o->text, "/");
		lb_text_escape(&o->text, backend, strlen(backend), 0);
	}
	lb_text_puts(&o->text, "\n");
}

static void label(struct out *o, const char *key)
{
	char text[32];
	size_t n = 0;
	for (; key[n] && n < sizeof(text) - 2; n++)
		text[n] = key[n] == '_' ? ' ' : key[n];
	text[n++] = ':';
	text[n] = '\0';
	lb_text_printf(&o->text, "  %-20s", text);
}

static void check_words(const json_t *row, struct lb_text *out)
{
	static const char *const keys[] = { "check_name", "check", "check_text", "counter" };
	bool first = true;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *s = lb_proto_str(row, keys[i]);
		if (!s || !*s)
			continue;
		lb_text_puts(out, first ? ": " : i == 1 ? " " : ", ");
		lb_text_escape(out, s, strlen(s), 0);
		first = false;
	}
}

/* "why:" lines: every reason in words, the check with what it found. */
static void why(struct out *o, const json_t *row)
{
	const json_t *reasons = json_object_get(row, "reasons");
	for (size_t i = 0; i < json_array_size(reasons); i++) {
		const char *code = json_string_value(json_array_get(reasons, i));
		const struct lb_reason *r = code ? lb_reason_find(code) : NULL;
		if (!code)
			continue;
		label(o, i == 0 ? "why" : "and");
		if (r)
			lb_text_puts(&o->text, r->words);
		else
			lb_text_escape(&o->text, code, strlen(code), 0);
		if (strcmp(code, "check_failed") == 0)
			check_words(row, &o->text);
		lb_text_puts(&o->text, "\n");
	}
}

/* Who set it, and to what where that is not what holds: a backend that is out has weight 0 whatever was set. */
static void override_words(struct out *o, const char *holds, const json_t *override)
{
	const char *set = lb_proto_str(override, "value");
	if (set && strcmp(set, holds) != 0) {
		lb_text_puts(&o->text, ", set to ");
		lb_text_escape(&o->text, set, strlen(set), 32);
	}
	out_override_words(o, override, &o->text);
}

static void value(struct out *o, const struct lb_field *f, const json_t *row)
{
	struct lb_text cell = LB_TEXT_INIT;
	const json_t *override = json_object_get(json_object_get(row, "overrides"), f->key);
	columns_cell(f, row, &o->look, &cell);
	/* the star of a table is said in words here */
	if (cell.n && cell.s[cell.n - 1] == '*')
		cell.s[--cell.n] = '\0';
	if (cell.n) {
		label(o, f->key);
		if (f->kind == LB_FIELD_STATE)
			out_word(o, cell.s, &o->text);
		else
			lb_text_puts(&o->text, cell.s);
		if (override)
			override_words(o, cell.s, override);
		if (f->kind == LB_FIELD_TIME)
			lb_text_puts(&o->text, " ago");
		lb_text_puts(&o->text, "\n");
	}
	if (cell.bad)
		o->bad = true;
	lb_text_done(&cell);
}

static void workers(struct out *o, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *w = json_array_get(list, i);
		const char *name = lb_proto_str(w, "name");
		label(o, i == 0 ? "workers" : "");
		if (i) /* a label without a word has no colon */
			o->text.s[o->text.n - 20] = ' ';
		lb_text_escape(&o->text, name ? name : "?", name ? strlen(name) : 1, 32);
		lb_text_puts(&o->text, " ");
		out_word(o, lb_proto_bool(w, "up", 0) ? "up" : "down", &o->text);
		lb_text_printf(&o->text, ", pid %lld, restarts %lld, memory ", lb_proto_int(w, "pid", 0),
			lb_proto_int(w, "restarts", 0));
		columns_number((double)lb_proto_int(w, "rss", 0), &o->look, &o->text);
		lb_text_puts(&o->text, "\n");
	}
}

static void rows_field(struct out *o, const struct lb_field *f, const json_t *row)
{
	const json_t *list = json_object_get(row, f->key);
	if (strcmp(f->key, "workers") == 0) {
		workers(o, list);
	} else if (json_array_size(list)) {
		bool full = o->look.full;
		lb_text_puts(&o->text, "\n");
		o->look.full = false;
		out_table_rows(o, strcmp(f->key, "targets") == 0 ? LB_ROW_TARGET : LB_ROW_BACKEND, list, false, "  ");
		o->look.full = full;
		out_why_members(o, list);
	}
}

/* Whether any field from this one to the end of its group is filled. */
static bool group_filled(const struct lb_field *f, const json_t *row)
{
	do {
		if (json_object_get(row, f->key))
			return true;
		f++;
	} while (f->key && !f->group);
	return false;
}

/* In the title, in the "why" lines, beside the value that is overridden. */
static bool said_elsewhere(const struct out *o, const struct lb_field *f)
{
	if ((o->type == LB_ROW_CHECK && strcmp(f->key, "check") == 0) ||
		(o->type == LB_ROW_VRRP && strcmp(f->key, "vrrp") == 0))
		return true;
	static const char *const keys[] = { "service", "backend", "node", "reason", "reasons" };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(f->key, keys[i]) == 0)
			return true;
	return f->kind == LB_FIELD_OVERRIDES;
}

static void show_row(struct out *o, const json_t *row)
{
	if (o->n_rows)
		lb_text_puts(&o->text, "\n");
	o->look.full = true;
	title(o, row);
	for (const struct lb_field *f = lb_rows[o->type].fields; f->key; f++) {
		if (f->group && group_filled(f, row))
			lb_text_printf(&o->text, "%s\n", f->group);
		if (said_elsewhere(o, f))
			continue;
		if (f->kind == LB_FIELD_ROWS)
			rows_field(o, f, row);
		else if (f->kind != LB_FIELD_OBJECT)
			value(o, f, row);
		else if (strcmp(f->key, "settings") == 0)
			out_check_settings(o, json_object_get(row, f->key));
		if (f->kind == LB_FIELD_STATE && (strcmp(f->key, "state") == 0 || strcmp(f->key, "status") == 0))
			why(o, row);
	}
}

const struct out_ops out_show_ops = { show_row, out_said };
