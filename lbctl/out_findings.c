/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `doctor` found, each with the line that mends it, and what could not be looked at:
 *
 *   sysctl   service/web
 *     net.ipv4.ip_forward is 0: mode nat forwards between client and backend: nothing will pass
 *     mend: sysctl -w net.ipv4.ip_forward=1
 *
 *   1 finding
 */
#include "common/proto.h"
#include "common/text.h"
#include "lbctl/out.h"

#include <string.h>

#define WIDTH  80u
#define INDENT 2u

void out_wrap(struct lb_text *out, const char *s, size_t column, size_t indent)
{
	bool first = true;
	while (*s) {
		size_t n = strcspn(s, " ");
		if (!first && column + 1 + n > WIDTH) {
			lb_text_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			lb_text_puts(out, " ");
			column++;
		}
		lb_text_escape(out, s, n, 0);
		column += n;
		first = false;
		s += n + (s[n] == ' ');
	}
}

static void part(struct out *o, const json_t *row, const char *key, const char *otherwise)
{
	const char *s = lb_proto_str(row, key);
	lb_text_escape(&o->text, s ? s : otherwise, strlen(s ? s : otherwise), 0);
}

static void findings_row(struct out *o, const json_t *row)
{
	const char *result = lb_proto_str(row, "result"), *text = lb_proto_str(row, "text"),
		   *fix = lb_proto_str(row, "fix");
	bool skipped = result && strcmp(result, "skipped") == 0;
	if (!o->rows)
		o->rows = json_array();                                       /* of those that count */
	if (!skipped && json_array_append(o->rows, (json_t *)(uintptr_t)row)) /* counts a reference, changes nothing */
		o->bad = true;
	lb_text_puts(&o->text, o->look.colour ? columns_colour(skipped ? "unknown" : "degraded") : "");
	if (skipped)
		lb_text_puts(&o->text, "not looked at");
	else
		part(o, row, "check", "?");
	lb_text_puts(&o->text, o->look.colour ? COLUMNS_RESET : "");
	lb_text_puts(&o->text, "  ");
	part(o, row, "object", "");
	lb_text_puts(&o->text, "\n");
	lb_text_puts(&o->text, "  ");
	out_wrap(&o->text, text ? text : "", INDENT, INDENT);
	lb_text_puts(&o->text, "\n");
	if (fix && *fix) { /* one line, to be copied: it is not broken */
		lb_text_puts(&o->text, "  mend: ");
		lb_text_escape(&o->text, fix, strlen(fix), 0);
		lb_text_puts(&o->text, "\n");
	}
	lb_text_puts(&o->text, "\n");
}

static void findings_finish(struct out *o)
{
	size_t n = json_array_size(o->rows);
	if (n == 0)
		lb_text_puts(&o->text, "nothing found\n");
	else
		lb_text_printf(&o->text, "%zu finding%s\n", n, n == 1 ? "" : "s");
}

const struct out_ops out_findings_ops = { findings_row, findings_finish };
