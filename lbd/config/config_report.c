/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_report.h"

#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX   64u /* bytes of the file in one quoted word */
#define LINE_NO     7   /* columns of the line number */
#define EXCERPT_MAX 69u /* so that a whole printed line has at most 80 columns */
#define LEAD_MAX    30u /* characters kept before the caret when a line is cut */

void config_report_init(struct config_report *r, const struct config_source *sources, size_t n)
{
	*r = (struct config_report){ .sources = sources, .n_sources = n };
}

void config_report_done(struct config_report *r)
{
	lb_arena_done(&r->arena);
}

static int place_cmp(uint32_t file, uint32_t line, uint32_t column, const struct config_found *f)
{
	if (file != f->file)
		return file < f->file ? -1 : 1;
	if (line != f->e.line)
		return line < f->e.line ? -1 : 1;
	return column < f->e.column ? -1 : column > f->e.column;
}

bool config_report_wants(struct config_report *r, bool warning, struct config_place at)
{
	struct config_found_list *l = warning ? &r->warnings : &r->errors;
	if (l->n < CONFIG_ERRORS_MAX || place_cmp(at.file, at.line, at.column, &l->v[l->n - 1]) < 0)
		return true;
	l->more++;
	return false;
}

static struct config_found *insert(struct config_found_list *l, struct config_place at)
{
	if (l->n == CONFIG_ERRORS_MAX) {
		l->n--;
		l->more++;
	}
	size_t i = l->n;
	while (i > 0 && place_cmp(at.file, at.line, at.column, &l->v[i - 1]) < 0)
		i--;
	memmove(&l->v[i + 1], &l->v[i], (l->n - i) * sizeof(l->v[0]));
	l->n++;
	return &l->v[i];
}

static void path_put(struct lb_text *t, const struct config_path *p)
{
	if (!p)
		return;
	path_put(t, p->up);
	if (p->name) {
		if (t->n)
			lb_text_puts(t, ".");
		lb_text_escape(t, p->name, p->len, SHOWN_MAX);
	} else {
		lb_text_printf(t, "[%u]", p->item);
	}
}

/* Moves the text into the arena. */
static const char *keep(struct config_report *r, struct lb_text *t)
{
	const char *s = t->bad ? NULL : lb_arena_strndup(&r->arena, t->n ? t->s : "", t->n);
	lb_text_done(t);
	r->oom |= !s;
	return s ? s : "";
}

void config_report_add(struct config_report *r, const struct config_finding *f, const char *fmt, ...)
{
	if (!config_report_wants(r, f->warning, f->at))
		return;
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct lb_text said = LB_TEXT_INIT, path = LB_TEXT_INIT, help = LB_TEXT_INIT;
	lb_text_puts(&said, text);
	path_put(&path, f->path);
	lb_text_puts(&help, f->help ? f->help : "");
	struct config_found *found = insert(f->warning ? &r->warnings : &r->errors, f->at);
	*found = (struct config_found){
		.file = f->at.file,
		.order = r->order++,
		.e = { .warning = f->warning,
			.file = f->at.file < r->n_sources ? r->sources[f->at.file].name : "",
			.line = f->at.line,
			.column = f->at.column,
			.width = f->at.width ? f->at.width : 1,
			.text = keep(r, &said),
			.path = keep(r, &path),
			.help = keep(r, &help),
			.excerpt = "",
			.path_in_text = f->path_in_text },
	};
}

struct config_shown config_shown(const char *s, size_t n)
{
	struct config_shown out = { "" };
	struct lb_text t = LB_TEXT_INIT;
	lb_text_escape(&t, s, n, SHOWN_MAX);
	if (!t.bad && t.n)
		snprintf(out.s, sizeof(out.s), "%s", t.s);
	lb_text_done(&t);
	return out;
}

struct config_shown config_path_shown(const struct config_path *path)
{
	struct config_shown out = { "the file" };
	struct lb_text t = LB_TEXT_INIT;
	path_put(&t, path);
	if (!t.bad && t.n)
		snprintf(out.s, sizeof(out.s), "%s", t.s);
	lb_text_done(&t);
	return out;
}

/* The bytes of the character at s; bytes that are not UTF-8 count as one character each. */
static size_t char_len(const char *s, size_t n)
{
	size_t len = lb_utf8_len(s, n);
	return len ? len : 1;
}

static bool is_break(char c)
{
	return c == '\n' || c == '\r';
}

/* The byte after the line break at i. */
static size_t after_break(const struct config_source *s, size_t i)
{
	return i + (s->text[i] == '\r' && i + 1 < s->len && s->text[i + 1] == '\n' ? 2 : 1);
}

struct config_place config_place_of(const struct config_report *r, uint32_t file, size_t offset)
{
	const struct config_source *s = &r->sources[file];
	struct config_place at = { .file = file, .line = 1, .column = 1, .width = 1 };
	size_t i = config_bom_len(s->text, s->len);
	while (i < offset && i < s->len) {
		if (is_break(s->text[i])) {
			i = after_break(s, i);
			at.line++;
			at.column = 1;
		} else {
			i += char_len(s->text + i, s->len - i);
			at.column++;
		}
	}
	return at;
}

static uint32_t chars(const char *s, size_t n)
{
	uint32_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += ((uint8_t)s[i] & 0xc0) != 0x80;
	return count;
}

/* What the reader sees of a line around a column. */
struct window {
	struct lb_text shown;
	uint32_t width;        /* characters in shown */
	uint32_t caret, under; /* where the caret stands and how many characters it underlines */
	bool cut;              /* more of the line follows */
	bool seen;             /* the caret is in it */
};

/* Renders from character `from` (0..) of the line. */
static struct window render(const char *line, size_t n, uint32_t from, const struct config_error *e)
{
	struct window w = { .under = 1 };
	uint32_t at = e->column - 1, i = 0;
	if (from)
		lb_text_puts(&w.shown, "...");
	w.width = from ? 3 : 0;
	w.caret = w.width;
	for (size_t off = 0; off < n; i++) {
		size_t len = char_len(line + off, n - off), before = w.shown.n;
		if (i >= from) {
			lb_text_escape(&w.shown, line + off, len, 0);
			uint32_t add = w.shown.n > before ? chars(w.shown.s + before, w.shown.n - before) : 0;
			if (w.width + add > EXCERPT_MAX - 3 && off + len < n) {
				w.shown.n = before;
				w.cut = true;
				break;
			}
			w.width += add;
			if (i < at)
				w.caret = w.width;
			else if (i - at < e->width)
				w.under = w.width - w.caret;
			w.seen |= i == at;
		}
		off += len;
	}
	if (w.cut && !w.shown.bad) {
		w.shown.s[w.shown.n] = '\0';
		lb_text_puts(&w.shown, "...");
	}
	return w;
}

static void excerpt(struct config_report *r, struct config_error *e, const char *line, size_t n)
{
	uint32_t at = e->column - 1;
	/* the whole line if it fits, else some of what is before the caret, unless escapes make even that too wide */
	const uint32_t froms[] = { 0, at > LEAD_MAX ? at - LEAD_MAX : 0, at };
	struct window w = render(line, n, 0, e);
	for (unsigned i = 1; i < 3 && w.cut && (!w.seen || (i == 1 && froms[1])); i++) {
		lb_text_done(&w.shown);
		w = render(line, n, froms[i], e);
	}
	e->caret = w.caret;
	e->width = w.under ? w.under : 1;
	e->excerpt = keep(r, &w.shown);
}

/* One pass over a file for all findings in it, which are in line order. */
static void excerpts(struct config_report *r, uint32_t file, struct config_found_list *l)
{
	const struct config_source *s = &r->sources[file];
	size_t off = config_bom_len(s->text, s->len), k = 0;
	uint32_t line = 1;
	while (k < l->n && (l->v[k].file != file || l->v[k].e.line == 0))
		k++;
	while (k < l->n && l->v[k].file == file && off < s->len) {
		size_t end = off;
		while (end < s->len && !is_break(s->text[end]))
			end++;
		for (; k < l->n && l->v[k].file == file && l->v[k].e.line == line; k++)
			excerpt(r, &l->v[k].e, s->text + off, end - off);
		off = end < s->len ? after_break(s, end) : end;
		line++;
	}
}

void config_report_finish(struct config_report *r)
{
	for (uint32_t i = 0; i < r->n_sources && r->errors.n + r->warnings.n; i++) {
		excerpts(r, i, &r->errors);
		excerpts(r, i, &r->warnings);
	}
	r->out = lb_arena_alloc(&r->arena, (r->errors.n + r->warnings.n) * sizeof(*r->out));
	r->oom |= !r->out;
	size_t a = 0, b = 0;
	while (r->out && (a < r->errors.n || b < r->warnings.n)) {
		const struct config_found *x = a < r->errors.n ? &r->errors.v[a] : NULL;
		const struct config_found *y = b < r->warnings.n ? &r->warnings.v[b] : NULL;
		bool first = x && (!y || place_cmp(x->file, x->e.line, x->e.column, y) <= 0);
		r->out[r->n_out++] = first ? x->e : y->e;
		*(first ? &a : &b) += 1;
	}
}

void config_error_print(const struct config_error *e, struct lb_text *out)
{
	lb_text_escape(out, e->file, strlen(e->file), 0);
	if (e->line)
		lb_text_printf(out, ":%u:%u", e->line, e->column);
	lb_text_printf(out, ": %s: %s", e->warning ? "warning" : "error", e->text);
	if (e->path[0] && !e->path_in_text)
		lb_text_printf(out, " (%s)", e->path);
	lb_text_puts(out, "\n");
	if (e->excerpt[0]) {
		lb_text_printf(out, "%*u | %s\n", LINE_NO, e->line, e->excerpt);
		lb_text_printf(out, "%*s | %*s^", LINE_NO, "", (int)e->caret, "");
		for (uint32_t i = 1; i < e->width; i++)
			lb_text_puts(out, "~");
		lb_text_puts(out, "\n");
	}
	if (e->help[0])
		lb_text_printf(out, "  help: %s\n", e->help);
}
