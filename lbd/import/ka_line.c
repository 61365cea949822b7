/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line as words and braces: quotes, and escapes inside of them. */
#include "lbd/import/ka.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands behind a backslash; s is moved past it. */
static char escape(const char **s)
{
	static const char from[] = "abEfnrtv", to[] = "\a\b\033\f\n\r\t\v";
	const char *p = *s, *known = *p ? strchr(from, *p) : NULL;
	int value = 0;
	if (!*p)
		return '\0';
	*s = p + 1;
	if (known)
		return to[known - from];
	if (*p == 'x' && hex(p[1]) >= 0) {
		for (p++; p < *s + 2 && hex(*p) >= 0; p++)
			value = value * 16 + hex(*p);
	} else if (*p >= '0' && *p <= '7') {
		for (const char *end = p + 3; p < end && *p >= '0' && *p <= '7'; p++)
			value = value * 8 + (*p - '0');
	} else if (*p == 'c' && p[1] >= 0x40 && p[1] < 0x7f) {
		value = p[1] & 0x1f;
		p += 2;
	} else {
		return *p;
	}
	*s = p;
	return (char)value;
}

static void put(struct imp *im, const struct imp_place *at, struct lb_text *t, char c)
{
	if (c)
		lb_text_put(t, &c, 1);
	else
		imp_say(im, at, IMP_ERROR, "a NUL byte in a text is left out");
}

/* The part of a word between quotes; s is moved behind the closing one. */
static void quoted(struct imp *im, const struct imp_place *at, const char **s, struct lb_text *t)
{
	char quote = *(*s)++;
	while (**s && **s != quote) {
		char c = *(*s)++;
		if (c == '\\' && **s)
			c = escape(s);
		put(im, at, t, c);
	}
	if (**s)
		(*s)++;
	else
		imp_say(im, at, IMP_ERROR, "the quote %c is not closed on its line", quote);
}

/* Whether a brace here is one of a block: at the end of a word only when none was opened in it. */
static bool brace_ends_word(const char *word, const char *s)
{
	const char *end = s;
	while (*end == '{' || *end == '}')
		end++;
	return (!*end || is_blank(*end)) && !memchr(word, '{', (size_t)(s - word));
}

bool ka_token(struct imp *im, const struct imp_place *at, const char **line, struct ka_token *out)
{
	const char *s = *line;
	while (is_blank(*s))
		s++;
	if (*s == '{' || *s == '}') {
		*out = (struct ka_token){ *s == '{' ? "{" : "}", *s };
		*line = s + 1;
		return true;
	}
	struct lb_text t = LB_TEXT_INIT;
	const char *word = s;
	bool any = false;
	while (*s && !is_blank(*s)) {
		any = true;
		if (*s == '"' || *s == '\'')
			quoted(im, at, &s, &t);
		else if ((*s == '{' || *s == '}') && brace_ends_word(word, s))
			break;
		else
			lb_text_put(&t, s++, 1);
	}
	*line = s;
	im->oom = im->oom || t.bad;
	*out = (struct ka_token){ any ? imp_strn(im, t.s ? t.s : "", t.n) : "", 0 };
	lb_text_done(&t);
	return any;
}
