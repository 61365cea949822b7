/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/addr.h"
#include "common/sort.h"
#include "common/text.h"
#include "lbd/import/imp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMENT_WIDTH 100
#define SUMMARY_WIDTH 80
#define SUMMARY_MAX   200 /* lines on standard error; all of them stand in the file */

void imp_init(struct imp *im, const char *file)
{
	memset(im, 0, sizeof(*im));
	im->file = file;
	im->root.kind = Y_MAP;
}

void imp_done(struct imp *im)
{
	lb_vec_done(&im->items);
	lb_arena_done(&im->arena);
}

void *imp_alloc(struct imp *im, size_t n)
{
	void *p = lb_arena_alloc(&im->arena, n);
	im->oom = im->oom || !p;
	return p;
}

const char *imp_strn(struct imp *im, const char *s, size_t n)
{
	const char *p = lb_arena_strndup(&im->arena, s, n);
	im->oom = im->oom || !p;
	return p ? p : "";
}

const char *imp_vstr(struct imp *im, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	char *text = n < 0 ? NULL : imp_alloc(im, (size_t)n + 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	im->oom = im->oom || !text;
	return text ? text : "";
}

const char *imp_str(struct imp *im, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *p = imp_vstr(im, fmt, ap);
	va_end(ap);
	return p;
}

void imp_say(struct imp *im, const struct imp_place *at, enum imp_level level, const char *fmt, ...)
{
	struct imp_item *i = lb_vec_push(&im->items);
	if (!i) {
		im->oom = true;
		return;
	}
	va_list ap;
	va_start(ap, fmt);
	*i = (struct imp_item){ .at = at ? *at : (struct imp_place){ 0 },
		.level = level,
		.order = im->order++,
		.text = imp_vstr(im, fmt, ap) };
	va_end(ap);
}

const char *imp_shown(struct imp *im, const char *s)
{
	struct lb_text t = LB_TEXT_INIT;
	lb_text_escape(&t, s, strlen(s), 120);
	const char *p = t.bad ? "" : imp_strn(im, t.s ? t.s : "", t.n);
	im->oom = im->oom || t.bad;
	lb_text_done(&t);
	return p;
}

static int in_order(const void *va, const void *vb)
{
	const struct imp_item *a = va, *b = vb;
	if (!a->at.file != !b->at.file)
		return a->at.file ? 1 : -1;
	if (a->at.order != b->at.order)
		return a->at.order < b->at.order ? -1 : 1;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int same_text(const void *va, const void *vb)
{
	const struct imp_item *a = *(struct imp_item *const *)va, *b = *(struct imp_item *const *)vb;
	if (a->level != b->level)
		return a->level < b->level ? -1 : 1;
	int c = a->at.order == b->at.order ? strcmp(a->text, b->text) : a->at.order < b->at.order ? -1 : 1;
	return c ? c : in_order(a, b);
}

/* What is said of many lines is said once, with their numbers. */
static void join(struct imp *im)
{
	struct imp_item **v = imp_alloc(im, im->items.n * sizeof(struct imp_item *));
	if (!v)
		return;
	for (size_t i = 0; i < im->items.n; i++)
		v[i] = &im->items.v[i];
	lb_sort(v, im->items.n, sizeof(*v), same_text);
	for (size_t i = 0, first = 0; i < im->items.n; i++) {
		bool same = i > 0 && v[i]->level == v[first]->level && v[i]->at.order == v[first]->at.order &&
			    v[i]->at.file && strcmp(v[i]->text, v[first]->text) == 0;
		if (!same)
			first = i;
		v[i]->joined = same;
		if (same) {
			v[i - 1]->more = v[i];
			v[first]->n_more++;
		}
	}
}

const char *imp_file(const struct imp *im, const char *file)
{
	const char *slash = im->file ? strrchr(im->file, '/') : NULL;
	size_t n = slash ? (size_t)(slash + 1 - im->file) : 0;
	return n && strncmp(file, im->file, n) == 0 ? file + n : file;
}

/* FILE:LINE: word: text */
static void put_item(const struct imp_item *i, const char *file, const char *word, struct lb_text *out)
{
	unsigned before = i->at.line, shown = 0, left = i->n_more;
	if (file) {
		lb_text_escape(out, file, strlen(file), 0);
		lb_text_printf(out, ":%u: ", i->at.line);
	}
	lb_text_printf(out, "%s%s", word, i->text);
	for (const struct imp_item *m = i->more; m && shown < 8; m = m->more, left--) {
		if (m->at.line == before)
			continue;
		lb_text_printf(out, shown++ ? ", %u" : " (also in line %u", m->at.line);
		before = m->at.line;
	}
	if (shown)
		lb_text_printf(out, left ? " and %u more)" : ")", left);
}

/* Broken at blanks: lead stands in front of the first line, and more of the others. */
static void put_lines(const struct lb_text *t, size_t width, const char *lead, const char *more, struct lb_text *out)
{
	const char *s = t->s ? t->s : "";
	for (size_t n = t->n; n; lead = more) {
		size_t take = n, room = width - strlen(lead);
		if (take > room) {
			for (take = room; take > 0 && s[take] != ' ';)
				take--;
			if (!take)
				for (take = room; take < n && s[take] != ' ';)
					take++;
		}
		lb_text_puts(out, lead);
		lb_text_put(out, s, take);
		lb_text_puts(out, "\n");
		while (take < n && s[take] == ' ')
			take++;
		s += take;
		n -= take;
	}
	out->bad = out->bad || t->bad;
}

static void put_level(struct imp *im, enum imp_level level, const char *title, struct lb_text *out)
{
	bool first = true;
	lb_vec_foreach (i, &im->items) {
		struct lb_text t = LB_TEXT_INIT;
		if (i->level != level || i->joined)
			continue;
		if (first)
			lb_text_printf(out, "#\n# %s\n", title);
		first = false;
		put_item(i, i->at.file ? imp_file(im, i->at.file) : NULL, "", &t);
		put_lines(&t, COMMENT_WIDTH, "#   ", "#     ", out);
		lb_text_done(&t);
	}
}

static size_t count(const struct imp *im, enum imp_level level)
{
	size_t n = 0;
	for (size_t i = 0; i < im->items.n; i++)
		n += im->items.v[i].level == level && !im->items.v[i].joined;
	return n;
}

static void put_summary(const struct imp *im, struct import_result *out)
{
	size_t shown = 0, left = 0;
	for (size_t i = 0; i < im->items.n; i++) {
		const struct imp_item *it = &im->items.v[i];
		if (it->level == IMP_NOTE || it->joined)
			continue;
		if (++shown > SUMMARY_MAX) {
			left++;
			continue;
		}
		struct lb_text t = LB_TEXT_INIT;
		put_item(it, it->at.file, it->level == IMP_ERROR ? "error: " : "not carried over: ", &t);
		put_lines(&t, SUMMARY_WIDTH, "", "  ", &out->summary);
		lb_text_done(&t);
	}
	if (left)
		lb_text_printf(&out->summary, "... and %zu more, at the top of the file\n", left);
	if (out->errors || out->lost || out->notes)
		lb_text_printf(&out->summary,
			"%zu error%s, %zu not carried over, %zu note%s: all at the top of the file.\n", out->errors,
			out->errors == 1 ? "" : "s", out->lost, out->notes, out->notes == 1 ? "" : "s");
}

int imp_finish(struct imp *im, const char *what, struct import_result *out)
{
	lb_sort(im->items.v, im->items.n, sizeof(*im->items.v), in_order);
	join(im);
	out->errors = count(im, IMP_ERROR);
	out->lost = count(im, IMP_LOST);
	out->notes = count(im, IMP_NOTE);
	struct y **at = &im->root.child; /* what nothing was put under is not there */
	while (*at) {
		if ((*at)->kind == Y_MAP && !(*at)->child)
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
	out->empty = !im->root.child;
	lb_text_printf(
		&out->yaml, "# Made by `lbctl config import %s`. Read it, then: lbctl config check FILE\n", what);
	put_level(im, IMP_ERROR, "Errors: what is wrong in these lines is left out.", &out->yaml);
	put_level(im, IMP_LOST, "Not carried over:", &out->yaml);
	put_level(im, IMP_NOTE, "Carried over, and worth a look:", &out->yaml);
	y_print(&im->root, 0, &out->yaml);
	put_summary(im, out);
	return im->oom || out->yaml.bad || out->summary.bad ? -ENOMEM : 0;
}

void import_result_done(struct import_result *r)
{
	lb_text_done(&r->yaml);
	lb_text_done(&r->summary);
}

void imp_scheduler(struct imp *im, struct y *up, const char *name)
{
	if (strcmp(name, "sh") != 0 && strcmp(name, "mh") != 0) {
		y_set(im, up, "scheduler", "%s", name);
		return;
	}
	struct y *map = y_map(im, up, "scheduler");
	map->flow = true;
	y_set(im, map, "name", "%s", name);
	y_set(im, map, "flags", "off");
}

unsigned imp_mask_bits(const char *mask)
{
	struct lb_ip ip;
	unsigned n = 0;
	if (lb_ip_parse(mask, strlen(mask), &ip) || lb_ip_is_v6(&ip))
		return 0;
	while (n < 32 && ip.b[n / 8] & 0x80 >> n % 8)
		n++;
	return n;
}
