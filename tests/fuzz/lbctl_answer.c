/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbctl_core */
/*
 * Whatever a daemon may answer, as any command shows it in any form. The first bytes say which command, form and
 * terminal; then lines of the wire follow, or, with the lowest bit of the third byte, values for the keys of its rows.
 * Nothing of it may control the terminal, and what is said to be JSON must be.
 */
#include "common/proto.h"
#include "lbctl/out.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at, *end;
};

static uint8_t byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static json_t *text_value(struct input *in)
{
	size_t n = byte(in) % 80, left = (size_t)(in->end - in->at);
	n = n < left ? n : left;
	json_t *v = json_stringn((const char *)in->at, n); /* NULL: no UTF-8, which does not come through the wire */
	in->at += n;
	return v;
}

static json_t *number_value(struct input *in, bool whole)
{
	uint64_t bits = 0;
	double real;
	for (size_t i = 0; i < sizeof(bits); i++)
		bits = bits << 8 | byte(in);
	memcpy(&real, &bits, sizeof(real));
	return whole ? json_integer((json_int_t)bits) : json_real(real); /* NULL: no number */
}

static json_t *value(struct input *in, unsigned depth)
{
	static const char *const keys[] = { "value", "user", "time", "expires", "reason", "name", "state", "text", "up",
		"address", "weight", "code", "message", "check", "rows", "errors" };
	uint8_t kind = byte(in);
	json_t *v = NULL;
	switch (kind % 8) {
	case 0: return NULL;
	case 1: return json_boolean(kind & 8);
	case 2: return number_value(in, true);
	case 3: return number_value(in, false);
	case 4: return json_string("2026-01-31T14:02:03.004Z");
	case 5: return text_value(in);
	case 6:
		v = json_array();
		for (unsigned i = byte(in) % 5; depth && i; i--)
			json_array_append_new(v, value(in, depth - 1));
		return v;
	default:
		v = json_object();
		for (unsigned i = byte(in) % 5; depth && i; i--)
			json_object_set_new(v, keys[byte(in) % (sizeof(keys) / sizeof(keys[0]))], value(in, depth - 1));
		return v;
	}
}

static void made_rows(struct input *in, struct out *o)
{
	for (unsigned i = 1 + byte(in) % 3; i; i--) {
		json_t *row = json_object();
		for (const struct lb_field *f = lb_rows[o->type].fields; f && f->key; f++)
			json_object_set_new(row, f->key, value(in, 3));
		out_row(o, row);
		json_decref(row);
	}
	json_t *end = json_pack("{s:i, s:o*, s:o*}", "code", 0, "message", text_value(in), "summary", value(in, 2));
	if (end)
		out_end(o, end);
	json_decref(end);
}

static void told_rows(struct input *in, struct out *o)
{
	const char *s = (const char *)in->at, *all = (const char *)in->end;
	while (s < all) {
		struct lb_err e;
		const char *nl = memchr(s, '\n', (size_t)(all - s));
		size_t n = (size_t)((nl ? nl : all) - s);
		json_t *msg = lb_proto_parse(s, n, &e), *row = json_object_get(msg, "row"),
		       *end = json_object_get(msg, "end");
		if (row)
			out_row(o, row);
		if (json_is_object(end)) {
			out_end(o, end);
			struct lb_text text = LB_TEXT_INIT;
			out_error(o->opt, (int)lb_proto_int(end, "code", 0), "failed", end, &text);
			lb_text_done(&text);
		}
		json_decref(msg);
		s += n + 1;
	}
}

/* Escape sequences are ours, and only where colours are wanted. A file is shown as it is. */
static void check_text(const struct out *o)
{
	for (size_t i = 0; i < o->text.n; i++) {
		unsigned char c = (unsigned char)o->text.s[i];
		if (c == '\033' && o->look.colour && o->text.s[i + 1] == '[')
			continue;
		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			__builtin_trap();
	}
}

static void check_json(const struct out *o)
{
	json_t *j = json_loadb(o->text.s ? o->text.s : "", o->text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	if (!j && o->text.n)
		__builtin_trap();
	json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	const struct lb_command *cmd = &lb_commands[byte(&in) % LB_COMMAND_COUNT];
	uint8_t how = byte(&in), more = byte(&in);
	const struct cli_options opt = { .form = (enum cli_form)(how % CLI_FORM_COUNT),
		.pretty = how & 8,
		.unscaled = how & 16,
		.iec = how & 32,
		.no_header = how & 64 };
	json_t *args = json_pack("{s:b}", "rate", (int)(more >> 1 & 1));
	struct out o;
	out_init(&o, cmd, args, &opt, more & 4 ? "lb-a" : NULL);
	o.look.colour = more & 8;
	o.look.width = more & 16 ? 80 : more & 32 ? 20 : 0;
	o.look.now_wall_ms = 1790000000000;
	if (more & 1)
		made_rows(&in, &o);
	else
		told_rows(&in, &o);
	out_finish(&o);
	if (opt.form == CLI_FORM_JSON && o.ops == &out_json_ops)
		check_json(&o);
	else if (opt.form != CLI_FORM_JSON && opt.form != CLI_FORM_JSONL && o.ops != &out_text_ops)
		check_text(&o);
	out_done(&o);
	json_decref(args);
	return 0;
}
