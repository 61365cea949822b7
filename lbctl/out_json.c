/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -o json: one object {"schema","command","node","generation","data":[...]}; -o jsonl: one element of data per line. */
#include "common/proto.h"
#include "lbctl/out.h"

#include <stdlib.h>
#include <string.h>

static int dump_part(const char *s, size_t n, void *arg)
{
	struct lb_text *out = arg;
	lb_text_put(out, s, n);
	return out->bad ? -1 : 0;
}

static void dump(const json_t *v, size_t flags, struct lb_text *out)
{
	if (json_dump_callback(v, dump_part, out, flags))
		out->bad = true;
}

/* Rows become text at once: a hundred thousand of them are kept as bytes, not as trees. Indenting needs the trees. */
static void json_row(struct out *o, const json_t *row)
{
	if (o->opt->pretty) {
		if (!o->rows)
			o->rows = json_array();
		if (json_array_append(o->rows, (json_t *)(uintptr_t)row))
			o->bad = true;
		return;
	}
	lb_text_puts(&o->json, o->n_rows ? "," : "");
	dump(row, JSON_COMPACT, &o->json);
}

static json_t *envelope(const struct out *o)
{
	char name[LB_COMMAND_NAMELEN];
	json_t *env = json_pack("{s:i, s:s}", "schema", LB_PROTO_SCHEMA, "command", lb_command_name(o->cmd, '.', name));
	const char *node = lb_proto_str(o->end, "node"); /* another than the one that was greeted did it */
	if (node || o->node)
		json_object_set_new(env, "node", json_string(node ? node : o->node));
	if (o->generation)
		json_object_set_new(env, "generation", json_integer(o->generation));
	if (o->message.n)
		json_object_set_new(env, "message", json_string(o->message.s));
	/* what else the daemon said of the answer as a whole: summary, writes, ... */
	for (void *it = json_object_iter(o->end); env && it; it = json_object_iter_next(o->end, it))
		if (strcmp(json_object_iter_key(it), "code") != 0 && !json_object_get(env, json_object_iter_key(it)))
			json_object_set(env, json_object_iter_key(it), json_object_iter_value(it));
	return env;
}

static void json_finish(struct out *o)
{
	json_t *env = envelope(o);
	if (!env) {
		o->bad = true;
		return;
	}
	if (o->opt->pretty) {
		json_object_set_new(env, "data", o->rows ? json_incref(o->rows) : json_array());
		dump(env, JSON_INDENT(2), &o->text);
	} else {
		dump(env, JSON_COMPACT, &o->text);
		if (o->text.n && !o->text.bad)
			o->text.s[--o->text.n] = '\0'; /* the closing brace comes after data */
		lb_text_puts(&o->text, ",\"data\":[");
		if (o->json.n)
			lb_text_put(&o->text, o->json.s, o->json.n);
		lb_text_puts(&o->text, "]}");
	}
	lb_text_puts(&o->text, "\n");
	json_decref(env);
}

const struct out_ops out_json_ops = { json_row, json_finish };

static void jsonl_row(struct out *o, const json_t *row)
{
	dump(row, JSON_COMPACT, &o->text);
	lb_text_puts(&o->text, "\n");
}

static void jsonl_finish(struct out *o)
{
	(void)o;
}

const struct out_ops out_jsonl_ops = { jsonl_row, jsonl_finish };
