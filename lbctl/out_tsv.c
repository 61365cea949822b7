/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -o tsv: a header line with the keys of JSON, then one line per row, tabs between, nothing aligned or scaled. */
#include "lbctl/out.h"

static void header(struct out *o)
{
	const struct lb_field *fields = lb_rows[o->type].fields;
	for (const struct lb_field *f = fields; f->key; f++)
		lb_text_printf(&o->text, "%s%s", f == fields ? "" : "\t", f->key);
	lb_text_puts(&o->text, "\n");
}

static void tsv_row(struct out *o, const json_t *row)
{
	const struct lb_field *fields = lb_rows[o->type].fields;
	if (!fields->key)
		return;
	if (o->n_rows == 0 && !o->opt->no_header)
		header(o);
	for (const struct lb_field *f = fields; f->key; f++) {
		lb_text_puts(&o->text, f == fields ? "" : "\t");
		columns_raw(f, row, &o->text);
	}
	lb_text_puts(&o->text, "\n");
}

/* An empty list still says what its columns would be. */
static void tsv_finish(struct out *o)
{
	if (o->n_rows == 0 && !o->opt->no_header && lb_rows[o->type].fields->key)
		header(o);
}

const struct out_ops out_tsv_ops = { tsv_row, tsv_finish };
