/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/text.h"
#include "lbd/import/imp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_WIDTH 100
#define NAME_MAX_  63

static struct y *add(struct imp *im, struct y *up, const char *key, enum y_kind kind)
{
	struct y *y = imp_alloc(im, sizeof(*y));
	if (!y) {
		im->spare = (struct y){ .kind = kind };
		return &im->spare;
	}
	*y = (struct y){ .key = key ? imp_strn(im, key, strlen(key)) : NULL, .kind = kind };
	if (up->last)
		up->last->next = y;
	else
		up->child = y;
	up->last = y;
	return y;
}

struct y *y_map(struct imp *im, struct y *up, const char *key)
{
	return add(im, up, key, Y_MAP);
}

struct y *y_list(struct imp *im, struct y *up, const char *key)
{
	struct y *y = add(im, up, key, Y_LIST);
	y->flow = true;
	return y;
}

struct y *y_set(struct imp *im, struct y *up, const char *key, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct y *y = add(im, up, key, Y_SCALAR);
	y->value = imp_vstr(im, fmt, ap);
	va_end(ap);
	return y;
}

struct y *y_find(const struct y *up, const char *key)
{
	for (struct y *y = up->child; y; y = y->next)
		if (y->key && strcmp(y->key, key) == 0)
			return y;
	return NULL;
}

struct y *y_at(struct imp *im, struct y *up, const char *key)
{
	struct y *y = y_find(up, key);
	return y ? y : y_map(im, up, key);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What both say; two scalars, or maps of them. */
static bool same(const struct y *a, const struct y *b)
{
	const struct y *x = a->child, *y = b->child;
	for (; x && y; x = x->next, y = y->next)
		if (!same_text(x->key, y->key) || !same_text(x->value, y->value))
			return false;
	return same_text(a->value, b->value) && !x && !y;
}

void y_once(struct y *list)
{
	struct y *before = NULL;
	bool repeated = false;
	for (struct y *y = list->child; y && y != list->last; y = y->next) {
		repeated |= same(y, list->last);
		before = y;
	}
	if (!repeated)
		return;
	before->next = NULL;
	list->last = before;
}

struct y *y_time(struct imp *im, struct y *up, const char *key, int64_t us)
{
	int64_t ms = (us + 500) / 1000;
	if (ms && ms % 60000 == 0)
		return y_set(im, up, key, "%lldm", (long long)(ms / 60000));
	if (ms % 1000 == 0)
		return y_set(im, up, key, "%llds", (long long)(ms / 1000));
	return y_set(im, up, key, "%lldms", (long long)ms);
}

/* ---- printing ---- */

static bool is_plain(const char *s)
{
	bool number = *s == '-' && s[1] >= '0' && s[1] <= '9';
	if (!*s || (strchr("-:?.@%", *s) && !number) || strcasecmp(s, "null") == 0)
		return false;
	for (const char *c = s; *c; c++) {
		bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
		if (!letter && !strchr("-._/%:@+", *c))
			return false;
	}
	return s[strlen(s) - 1] != ':';
}

static void put_scalar(const char *s, struct lb_text *out)
{
	if (is_plain(s)) {
		lb_text_puts(out, s);
		return;
	}
	lb_text_puts(out, "\"");
	for (size_t n = strlen(s); n;) {
		size_t len = lb_utf8_len(s, n);
		uint8_t c = (uint8_t)*s;
		if (c == '"' || c == '\\')
			lb_text_printf(out, "\\%c", c);
		else if (c == '\n')
			lb_text_puts(out, "\\n");
		else if (c < 0x20 || c == 0x7f || len == 0 || (len == 2 && c == 0xc2 && (uint8_t)s[1] < 0xa0))
			lb_text_printf(out, "\\x%02x", c);
		else
			lb_text_put(out, s, len);
		len = len ? len : 1;
		s += len;
		n -= len;
	}
	lb_text_puts(out, "\"");
}

static void put_flow(const struct y *y, struct lb_text *out)
{
	const char *ends = y->kind == Y_LIST ? "[]" : "{}";
	if (y->kind == Y_SCALAR) {
		put_scalar(y->value, out);
		return;
	}
	lb_text_printf(out, "%c%s", ends[0], y->kind == Y_MAP && y->child ? " " : "");
	for (const struct y *c = y->child; c; c = c->next) {
		if (c->key) {
			put_scalar(c->key, out);
			lb_text_puts(out, ": ");
		}
		put_flow(c, out);
		lb_text_puts(out, c->next ? ", " : y->kind == Y_MAP ? " " : "");
	}
	lb_text_printf(out, "%c", ends[1]);
}

static void put_comment(const struct y *y, struct lb_text *out)
{
	if (y->comment)
		lb_text_printf(out, "  # %s", y->comment);
	lb_text_puts(out, "\n");
}

/* One line, if it fits into one. */
static bool put_line(const struct y *y, unsigned indent, struct lb_text *out)
{
	struct lb_text t = LB_TEXT_INIT;
	put_flow(y, &t);
	bool fits = !t.bad && (t.n + indent + (y->key ? strlen(y->key) : 0) <= LINE_WIDTH || !y->child);
	if (fits) {
		lb_text_put(out, t.s ? t.s : "", t.n);
		put_comment(y, out);
	}
	out->bad = out->bad || t.bad;
	lb_text_done(&t);
	return fits;
}

static void put_children(const struct y *y, unsigned indent, struct lb_text *out);

static void put_one(const struct y *y, unsigned indent, bool first, struct lb_text *out)
{
	const char *lead = y->key ? "" : "- ";
	bool block = y->kind != Y_SCALAR && !y->flow && y->child;
	if (indent == 0 || (indent == 2 && block && !first))
		lb_text_puts(out, "\n");
	if (block && y->comment)
		lb_text_printf(out, "%*s# %s\n", (int)indent, "", y->comment);
	lb_text_printf(out, "%*s%s", (int)indent, "", lead);
	if (y->key) {
		put_scalar(y->key, out);
		lb_text_puts(out, block ? ":\n" : ": ");
	}
	if (!block) {
		if (put_line(y, indent, out))
			return;
		if (y->key && out->n) /* the blank after the colon */
			out->s[out->n - 1] = '\n';
	}
	put_children(y, indent + 2, out);
}

static void put_children(const struct y *y, unsigned indent, struct lb_text *out)
{
	for (const struct y *c = y->child; c && !out->bad; c = c->next)
		put_one(c, indent, c == y->child, out);
}

void y_print(const struct y *y, unsigned indent, struct lb_text *out)
{
	put_children(y, indent, out);
}

/* ---- names ---- */

const char *imp_name(struct imp *im, const char *text)
{
	char s[NAME_MAX_ + 1];
	size_t n = 0;
	for (; *text && n < NAME_MAX_; text++) {
		bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			      (*text >= '0' && *text <= '9');
		if (n == 0 && !letter) {
			if (*text == ':')
				s[n++] = '0';
			else
				continue;
		}
		s[n++] = letter || *text == '.' || *text == '_' ? *text : '-';
	}
	s[n] = '\0';
	return n ? imp_strn(im, s, n) : "unnamed";
}

const char *imp_name_in(struct imp *im, const struct y *up, const char *text)
{
	const char *name = imp_name(im, text), *tried = name;
	for (unsigned i = 2; y_find(up, tried) && !im->oom; i++)
		tried = imp_str(im, "%.50s-%u", name, i);
	return tried;
}
