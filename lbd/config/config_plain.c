/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_plain.h"

#include <string.h>

#define KEY_MAX  128  /* libyaml takes 1024; nobody writes longer ones than this */
#define LINE_MAX 4096 /* a longer one would hold up the loop: it is libyaml's, in slices */

struct line { /* the one that is read */
	const char *start, *end;
	uint32_t number;
};

/* What a character may be, so that each of a large file is looked up once. */
enum { CHAR_WORD = 1, CHAR_DIGIT = 2, CHAR_KEY = 4 /* inside of one */ };
#define LETTERS(from, to) [from... to] = CHAR_WORD | CHAR_KEY
static const uint8_t chars[256] = { LETTERS('a', 'z'), LETTERS('A', 'Z'),
	['0' ... '9'] = CHAR_WORD | CHAR_DIGIT | CHAR_KEY, ['_'] = CHAR_WORD | CHAR_KEY, ['-'] = CHAR_KEY,
	['.'] = CHAR_KEY, ['/'] = CHAR_KEY };

static bool is_digit(char c)
{
	return chars[(uint8_t)c] & CHAR_DIGIT;
}

static bool is_word(char c)
{
	return chars[(uint8_t)c] & CHAR_WORD;
}

static const char *blanks(const char *s, const char *end)
{
	while (s < end && *s == ' ')
		s++;
	return s;
}

/* Nothing more than a comment until the end of the line. A comment may hold any character but a line break of YAML. */
static bool is_rest(const char *s, const char *end)
{
	const char *at = blanks(s, end);
	if (at == end)
		return true;
	return *at == '#' && at > s && !memchr(at, '\r', (size_t)(end - at));
}

static struct config_place place(const struct config_tree *t, const struct line *l, const char *from, const char *to)
{
	return (struct config_place){ .file = t->file,
		.line = l->number,
		.column = (uint32_t)(from - l->start) + 1,
		.width = (uint32_t)(to - from) };
}

static int open_at(struct config_tree *t, const struct line *l, enum config_node_kind kind, const char *s)
{
	return config_tree_open(t, kind, place(t, l, s, s + 1)) || t->doubt ? -1 : 0;
}

static bool add(struct config_tree *t, struct config_place at, const char *text, size_t n, bool quoted)
{
	return config_tree_scalar(t, at, &(struct config_scalar){ text, n, quoted }) && !t->doubt;
}

/* ---- inside a line: each takes where it begins and returns what follows, or NULL ---- */

/* A key and the ": " behind it; at the end of the line the colon is enough. */
static const char *take_key(struct config_tree *t, const struct line *l, const char *s)
{
	const char *at = s;
	if (at == l->end || !is_word(*at))
		return NULL;
	while (at < l->end && at - s < KEY_MAX && (chars[(uint8_t)*at] & CHAR_KEY))
		at++;
	if (at == l->end || *at != ':' || (at + 1 < l->end && at[1] != ' '))
		return NULL;
	return add(t, place(t, l, s, at), s, (size_t)(at - s), false) ? at + 1 : NULL;
}

/* Within quotes: printable ASCII, no escape, no doubled quote. */
static const char *take_quoted(struct config_tree *t, const struct line *l, const char *s)
{
	const char *at = s + 1;
	while (at < l->end && *at != *s && *at >= ' ' && *at <= '~' && *at != '\\')
		at++;
	if (at == l->end || *at != *s || (at + 1 < l->end && at[1] == *s))
		return NULL;
	return add(t, place(t, l, s, at + 1), s + 1, (size_t)(at - s - 1), true) ? at + 1 : NULL;
}

/* Where a bare value ends, blanks behind it not counted; NULL when it has what may mean something else. */
static const char *bare_end(const char *s, const char *end, bool flow)
{
	const char *last = s;
	if (!is_word(*s) && *s != '.' && *s != '/' && *s != '+' && !(*s == '-' && s + 1 < end && is_digit(s[1])))
		return NULL;
	for (const char *at = s; at < end; at++) {
		if (chars[(uint8_t)*at] & CHAR_KEY) {
			last = at + 1;
			continue;
		}
		if (*at == ' ')
			continue;
		if (*at == '#' && at[-1] == ' ')
			break;
		if (flow && (*at == ',' || *at == ']' || *at == '}'))
			break;
		if (*at < ' ' || *at > '~' || (flow && (*at == '[' || *at == '{' || *at == '?')))
			return NULL;
		if (*at == ':' && (at + 1 == end || (flow ? !is_word(at[1]) : at[1] == ' ')))
			return NULL;
		last = at + 1;
	}
	return last;
}

static const char *take_bare(struct config_tree *t, const struct line *l, const char *s, bool flow)
{
	const char *end = bare_end(s, l->end, flow);
	return end && add(t, place(t, l, s, end), s, (size_t)(end - s), false) ? end : NULL;
}

static const char *take_flow(struct config_tree *t, const struct line *l, const char *s);

static const char *take_value(struct config_tree *t, const struct line *l, const char *s, bool flow)
{
	if (s == l->end)
		return NULL;
	if (*s == '"' || *s == '\'')
		return take_quoted(t, l, s);
	return *s == '{' || *s == '[' ? take_flow(t, l, s) : take_bare(t, l, s, flow);
}

/* "{ key: value, ... }" or "[ value, ... ]". As deep as a tree may be. */
static const char *take_flow(struct config_tree *t, const struct line *l, const char *s)
{
	bool map = *s == '{';
	char close = map ? '}' : ']';
	if (open_at(t, l, map ? CONFIG_NODE_MAP : CONFIG_NODE_SEQ, s))
		return NULL;
	s = blanks(s + 1, l->end);
	if (s < l->end && *s == close)
		return config_tree_close(t) ? NULL : s + 1;
	for (;;) {
		if (map && !(s = take_key(t, l, s)))
			return NULL;
		s = take_value(t, l, blanks(s, l->end), true);
		if (!s)
			return NULL;
		s = blanks(s, l->end);
		if (s < l->end && *s == close)
			return config_tree_close(t) || t->doubt ? NULL : s + 1;
		if (s == l->end || *s != ',')
			return NULL;
		s = blanks(s + 1, l->end);
	}
}

/* ---- lines ---- */

static int close_one(struct config_tree *t)
{
	return config_tree_close(t) || t->doubt ? -1 : 0;
}

static int begin(struct config_plain *p, struct config_tree *t, const struct line *l, const char *s)
{
	if (open_at(t, l, *s == '-' ? CONFIG_NODE_SEQ : CONFIG_NODE_MAP, s))
		return -1;
	p->indent[t->depth - 1] = (uint32_t)(s - l->start);
	p->pending = false;
	return 0;
}

/* Opens and closes what the indentation says. */
static int nest(struct config_plain *p, struct config_tree *t, const struct line *l, const char *s)
{
	uint32_t indent = (uint32_t)(s - l->start);
	if (t->depth == 0)
		return indent || *s == '-' ? -1 : begin(p, t, l, s);
	if (p->pending) /* not deeper: no value, or a list that is not indented */
		return indent > p->indent[t->depth - 1] ? begin(p, t, l, s) : -1;
	while (t->depth && p->indent[t->depth - 1] > indent)
		if (close_one(t))
			return -1;
	if (!t->depth || p->indent[t->depth - 1] != indent)
		return -1;
	return (t->stack[t->depth - 1].node->kind == CONFIG_NODE_SEQ) == (*s == '-') ? 0 : -1;
}

static int read_line(struct config_plain *p, struct config_tree *t, const struct line *l)
{
	const char *s = blanks(l->start, l->end);
	if (s == l->end)
		return 0;
	if (*s == '#')
		return memchr(s, '\r', (size_t)(l->end - s)) ? -1 : 0;
	if (nest(p, t, l, s))
		return -1;
	if (*s == '-') {
		if (s + 1 == l->end || s[1] != ' ')
			return -1;
		s++;
	} else {
		s = take_key(t, l, s);
		if (!s)
			return -1;
		p->pending = is_rest(s, l->end);
		if (p->pending)
			return 0;
	}
	s = take_value(t, l, blanks(s, l->end), false);
	return s && is_rest(s, l->end) ? 0 : -1;
}

void config_plain_init(struct config_plain *p, const char *text, size_t len)
{
	*p = (struct config_plain){ .at = text, .end = text + len, .line = 1 };
	p->at += config_bom_len(text, len);
}

int config_plain_step(struct config_plain *p, struct config_tree *t, unsigned lines)
{
	for (; lines && p->at < p->end; lines--) {
		const char *newline = memchr(p->at, '\n', (size_t)(p->end - p->at));
		struct line l = { p->at, newline ? newline : p->end, p->line++ };
		if (l.end - l.start > LINE_MAX || read_line(p, t, &l))
			return -1;
		p->at = newline ? newline + 1 : p->end;
	}
	if (p->at < p->end)
		return 1;
	if (p->pending || t->depth == 0)
		return -1;
	while (t->depth)
		if (close_one(t))
			return -1;
	return 0;
}
