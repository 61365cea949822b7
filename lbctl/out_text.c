/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Differences as + - ~ lines with the plan, texts as they are, and the one line of a change. */
#include "common/proto.h"
#include "common/text.h"
#include "lbctl/out.h"

#include <string.h>

static const struct {
	const char *op, *sign, *word; /* word: whose colour it has */
} signs[] = {
	{ "add", "+", "up" }, { "change", "~", "degraded" }, { "remove", "-", "down" },
	{ "keep", "=", "" }, /* told, but no difference */
};
#define SIGNS 4

static size_t sign_index(const char *op)
{
	size_t i = 0;
	while (i < SIGNS && strcmp(signs[i].op, op) != 0)
		i++;
	return i;
}

static void put(struct out *o, const char *before, const char *s)
{
	if (!s)
		return;
	lb_text_puts(&o->text, before);
	lb_text_escape(&o->text, s, strlen(s), 0);
}

#define VALUE_MIN 32 /* bytes of a value that are shown, however narrow the terminal is */

/* "a -> b". Values of any length go to a file; on a terminal they share what is left of the line. */
static void put_values(struct out *o, const char *before, const char *after, size_t line)
{
	struct lb_text a = LB_TEXT_INIT, b = LB_TEXT_INIT, x = LB_TEXT_INIT, y = LB_TEXT_INIT;
	lb_text_escape(&a, before, strlen(before), 0);
	lb_text_escape(&b, after, strlen(after), 0);
	const char *s = a.n ? a.s : "", *t = b.n ? b.s : "";
	size_t less = a.n < b.n ? a.n : b.n, room = a.n + b.n - less, width = o->look.width;
	size_t used = columns_width(o->text.s + line) + strlen(" -> ");
	if (width && !o->look.full && used + columns_width(s) + columns_width(t) > width) {
		size_t left = width > used ? width - used : 0;
		room = less < left / 2 ? left - less : left / 2;
		room = room < VALUE_MIN ? VALUE_MIN : room;
	}
	lb_text_cut_pair(s, t, room, &x, &y);
	lb_text_printf(&o->text, "%s -> %s", x.n ? x.s : "", y.n ? y.s : "");
	o->bad |= a.bad || b.bad || x.bad || y.bad;
	lb_text_done(&a);
	lb_text_done(&b);
	lb_text_done(&x);
	lb_text_done(&y);
}

static void diff_row(struct out *o, const json_t *row)
{
	const char *op = lb_proto_str(row, "op"), *key = lb_proto_str(row, "key");
	const char *before = lb_proto_str(row, "before"), *after = lb_proto_str(row, "after"),
		   *note = lb_proto_str(row, "note");
	size_t i = sign_index(op ? op : "");
	const char *colour = o->look.colour && i < SIGNS ? columns_colour(signs[i].word) : "";
	if (!o->rows)
		o->rows = json_pack("[i,i,i,i]", 0, 0, 0, 0); /* how many of each sign */
	if (i < SIGNS) {
		json_t *n = json_array_get(o->rows, i);
		json_integer_set(n, json_integer_value(n) + 1);
	}
	lb_text_puts(&o->text, colour);
	size_t line = o->text.n;
	put(o, "", i < SIGNS ? signs[i].sign : op ? op : "?");
	put(o, " ", lb_proto_str(row, "object"));
	if (key && *key)
		put(o, " ", key);
	if (key && *key && op && strcmp(op, "change") == 0 && (before || after)) { /* else both ways look the same */
		before = before ? before : "none";
		after = after ? after : "none";
	}
	if (before && after)
		put(o, key && *key ? ": " : " ", ""), put_values(o, before, after, line);
	else
		put(o, key && *key ? ": " : " ", after ? after : before);
	lb_text_puts(&o->text, *colour ? COLUMNS_RESET : "");
	if (note && *note) {
		put(o, "  (", note);
		lb_text_puts(&o->text, ")");
	}
	lb_text_puts(&o->text, "\n");
}

static long long counted(const struct out *o, const char *op)
{
	if (o->summary)
		return lb_proto_int(o->summary, op, 0);
	return json_integer_value(json_array_get(o->rows, sign_index(op)));
}

static void diff_finish(struct out *o)
{
	out_said(o);
	if (o->opt->no_header)
		return;
	long long add = counted(o, "add"), change = counted(o, "change"), remove = counted(o, "remove");
	if (lb_command_id(o->cmd) == LB_COMMAND_KERNEL_DIFF && add + change + remove == 0)
		lb_text_puts(&o->text, "The kernel is as it should be.\n");
	else if (lb_command_id(o->cmd) == LB_COMMAND_PEER_DIFF && add + change + remove == 0)
		lb_text_puts(&o->text, "Both nodes are the same.\n");
	else if (lb_command_id(o->cmd) == LB_COMMAND_PEER_DIFF)
		lb_text_printf(&o->text, "%lld only there, %lld different, %lld only here\n", add, change, remove);
	else
		lb_text_printf(&o->text, "Plan: %lld to add, %lld to change, %lld to remove\n", add, change, remove);
}

const struct out_ops out_diff_ops = { diff_row, diff_finish };

/* The bytes of a configuration go out as they came in, so that `config show > file` is the file. Where a set has
 * several files, a comment line begins each further one: to be read, one file it is not. */
static void text_row(struct out *o, const json_t *row)
{
	const char *text = lb_proto_str(row, "text"), *file = lb_proto_str(row, "file");
	const char *last = lb_proto_str(o->rows, "file");
	bool open = json_is_true(json_object_get(o->rows, "open")); /* in the middle of a line */
	if (file && last && strcmp(file, last) != 0) {
		lb_text_puts(&o->text, open ? "\n# file: " : "# file: ");
		put(o, "", file), lb_text_puts(&o->text, "\n");
		open = false;
	}
	if (text && *text) {
		lb_text_puts(&o->text, text);
		open = text[strlen(text) - 1] != '\n';
	}
	if (!o->rows)
		o->rows = json_object();
	if ((file && json_object_set_new(o->rows, "file", json_string(file))) ||
		json_object_set_new(o->rows, "open", json_boolean(open)))
		o->bad = true;
}

const struct out_ops out_text_ops = { text_row, out_said };

/* An event: when, and what. What is bad has its colour. */
static void watch_row(struct out *o, const json_t *row)
{
	const char *time = lb_proto_str(row, "time"), *line = lb_proto_str(row, "line"),
		   *level = lb_proto_str(row, "level");
	bool bad = level && (strcmp(level, "error") == 0 || strcmp(level, "warning") == 0);
	const char *colour = o->look.colour && bad ? columns_colour(strcmp(level, "error") ? "degraded" : "down") : "";
	lb_text_puts(&o->text, colour);
	put(o, "", time);
	put(o, " ", line);
	lb_text_puts(&o->text, *colour ? COLUMNS_RESET "\n" : "\n");
}

const struct out_ops out_watch_ops = { watch_row, out_said };

/* What a change did is one line; its rows are for programs. */
static void message_row(struct out *o, const json_t *row)
{
	(void)o;
	(void)row;
}

const struct out_ops out_message_ops = { message_row, out_said };
