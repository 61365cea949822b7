/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables for eyes: columns as wide as their widest cell, columns nobody filled left out, a footer that counts. */
#include "common/text.h"
#include "lbctl/out.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 32

struct table {
	const struct lb_field *fields[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	bool right[COLUMNS_MAX]; /* numbers stand at the right edge */
	bool empty[COLUMNS_MAX];
	size_t n;
};

static bool is_number(enum lb_field_kind kind)
{
	return kind == LB_FIELD_NUMBER || kind == LB_FIELD_COUNTER || kind == LB_FIELD_BYTES || kind == LB_FIELD_RATE ||
	       kind == LB_FIELD_SECONDS;
}

static void choose(struct table *t, enum lb_row_type type, bool wide)
{
	for (const struct lb_field *f = lb_rows[type].fields; f->key && t->n < COLUMNS_MAX; f++) {
		if (f->place == LB_PLACE_SHOW || (f->place == LB_PLACE_WIDE && !wide))
			continue;
		t->fields[t->n] = f;
		t->width[t->n] = strlen(f->head);
		t->right[t->n] = is_number(f->kind);
		t->empty[t->n] = !wide; /* -o wide shows every column it has */
		t->n++;
	}
}

static void measure(struct table *t, const struct out *o, const json_t *rows, struct lb_text *cell)
{
	for (size_t r = 0; r < json_array_size(rows); r++)
		for (size_t i = 0; i < t->n; i++) {
			lb_text_clear(cell);
			columns_cell(t->fields[i], json_array_get(rows, r), &o->look, cell);
			size_t w = cell->n ? columns_width(cell->s) : 0;
			if (w)
				t->empty[i] = false;
			if (w > t->width[i])
				t->width[i] = w;
		}
	if (json_array_size(rows) == 0)
		memset(t->empty, 0, sizeof(t->empty));
}

#define WORDS_MIN 18 /* columns that free text should have before others give way: "connection refused" */

static size_t used(const struct table *t, size_t except)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n; i++)
		if (!t->empty[i] && i != except)
			n += t->width[i] + 2;
	return n;
}

/* Columns that may be missed give way, from the right; then free text in the last one is cut. */
static void fit(struct table *t, size_t width)
{
	size_t last = t->n ? t->n - 1 : 0;
	while (last && t->empty[last])
		last--;
	if (!width || !t->n || t->empty[last])
		return;
	bool words = t->fields[last]->kind == LB_FIELD_WORDS;
	size_t wanted = !words || t->width[last] < WORDS_MIN ? t->width[last] : WORDS_MIN;
	for (size_t i = last; i-- && used(t, last) + wanted > width;)
		if (t->fields[i]->place == LB_PLACE_ROOM)
			t->empty[i] = true;
	size_t before = used(t, last);
	if (words && before + t->width[last] > width && before + wanted <= width)
		t->width[last] = width - before;
}

static void cut(struct lb_text *cell, size_t width)
{
	size_t n = cell->n;
	for (size_t w = columns_width(cell->s); w > width - 3; w--)
		do
			n--;
		while (n && ((unsigned char)cell->s[n] & 0xc0) == 0x80);
	cell->n = n;
	cell->s[n] = '\0';
	lb_text_puts(cell, "...");
}

static void pad(struct lb_text *out, size_t n)
{
	while (n--)
		lb_text_puts(out, " ");
}

/* A line must not end in blanks: they wrap on a narrow terminal. */
static void trim(struct lb_text *out)
{
	while (out->n && !out->bad && out->s[out->n - 1] == ' ')
		out->s[--out->n] = '\0';
}

static void put_cell(struct lb_text *out, const struct table *t, size_t i, const char *text, const char *colour)
{
	size_t blank = t->width[i] - columns_width(text);
	if (t->right[i])
		pad(out, blank);
	lb_text_puts(out, colour);
	lb_text_puts(out, text);
	lb_text_puts(out, *colour ? COLUMNS_RESET : "");
	if (!t->right[i])
		pad(out, blank);
}

static const char *cell_colour(const struct out *o, const struct lb_field *f, const json_t *row)
{
	const char *word = json_string_value(json_object_get(row, f->key));
	if (!o->look.colour)
		return "";
	if (f->kind == LB_FIELD_STATE && word)
		return columns_colour(word);
	return columns_overridden(row, f->key) ? columns_colour("drain") : "";
}

void out_table_rows(struct out *o, enum lb_row_type type, const json_t *rows, bool wide, const char *indent)
{
	struct table t = { 0 };
	struct lb_text cell = LB_TEXT_INIT;
	struct lb_text *out = &o->text;
	choose(&t, type, wide);
	measure(&t, o, rows, &cell);
	fit(&t, wide || o->look.width < strlen(indent) ? 0 : o->look.width - strlen(indent));
	if (!o->opt->no_header) {
		lb_text_puts(out, indent);
		for (size_t i = 0; i < t.n; i++) {
			if (t.empty[i])
				continue;
			put_cell(out, &t, i, t.fields[i]->head, "");
			lb_text_puts(out, "  ");
		}
		trim(out);
		lb_text_puts(out, "\n");
	}
	for (size_t r = 0; r < json_array_size(rows); r++) {
		const json_t *row = json_array_get(rows, r);
		lb_text_puts(out, indent);
		for (size_t i = 0; i < t.n; i++) {
			if (t.empty[i])
				continue;
			lb_text_clear(&cell);
			columns_cell(t.fields[i], row, &o->look, &cell);
			if (cell.n && !cell.bad && columns_width(cell.s) > t.width[i])
				cut(&cell, t.width[i]);
			put_cell(out, &t, i, cell.n ? cell.s : "-", cell.n ? cell_colour(o, t.fields[i], row) : "");
			lb_text_puts(out, "  ");
		}
		trim(out);
		lb_text_puts(out, "\n");
	}
	if (cell.bad)
		o->bad = true;
	lb_text_done(&cell);
}

#define WORDS_MAX 8

/* "3 backends, 1 down, 1 drain": words in the order in which they first appear, the good one is not worth a word. */
static void footer(struct out *o)
{
	const struct lb_row *type = &lb_rows[o->type];
	struct {
		const char *word;
		size_t n;
	} words[WORDS_MAX];
	size_t n_words = 0;
	if (!type->one)
		return;
	lb_text_printf(&o->text, "%zu %s", o->n_rows, o->n_rows == 1 ? type->one : type->many);
	for (size_t r = 0; type->state && r < o->n_rows; r++) {
		const char *word = json_string_value(json_object_get(json_array_get(o->rows, r), type->state));
		if (!word || strcmp(word, type->state_good) == 0)
			continue;
		size_t i = 0;
		while (i < n_words && strcmp(words[i].word, word) != 0)
			i++;
		if (i == WORDS_MAX)
			continue;
		if (i == n_words) {
			words[n_words].word = word;
			words[n_words++].n = 0;
		}
		words[i].n++;
	}
	for (size_t i = 0; i < n_words; i++) {
		lb_text_printf(&o->text, ", %zu ", words[i].n);
		out_word(o, words[i].word, &o->text);
	}
	lb_text_puts(&o->text, "\n");
}

static void table_row(struct out *o, const json_t *row)
{
	if (!o->rows)
		o->rows = json_array();
	if (json_array_append(o->rows, (json_t *)(uintptr_t)row)) /* counts a reference, changes nothing */
		o->bad = true;
}

static void table_finish(struct out *o)
{
	if (o->n_rows)
		out_table_rows(o, o->type, o->rows, o->opt->form == CLI_FORM_WIDE, "");
	if (!o->opt->no_header)
		footer(o);
	out_said(o);
}

const struct out_ops out_table_ops = { table_row, table_finish };
