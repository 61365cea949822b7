/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_weight.h"

#include "lbd/check/check_match.h"
#include "lbd/check/check_result.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(const char **s, size_t *n)
{
	while (*n && blank((*s)[*n - 1]))
		--*n;
	while (*n && blank(**s)) {
		++*s;
		--*n;
	}
}

bool check_weight_parse(const char *text, size_t n, struct check_weight *out)
{
	uint32_t value = 0;
	uint8_t kind = CHECK_WEIGHT_VALUE;
	trim(&text, &n);
	if (n && text[n - 1] == '%') {
		kind = CHECK_WEIGHT_PERCENT;
		n--;
	}
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint32_t)(text[i] - '0');
		if (value > UINT16_MAX)
			return false;
	}
	*out = (struct check_weight){ .kind = kind, .value = (uint16_t)value };
	return true;
}

static const struct {
	const char *name;
	enum check_word word;
} words[] = {
	{ "up", CHECK_WORD_UP },
	{ "ready", CHECK_WORD_UP },
	{ "down", CHECK_WORD_DOWN },
	{ "fail", CHECK_WORD_DOWN },
	{ "failed", CHECK_WORD_DOWN },
	{ "stopped", CHECK_WORD_DOWN },
	{ "maint", CHECK_WORD_DOWN },
	{ "drain", CHECK_WORD_DRAIN },
};

static enum check_word find(const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].name) == n && strncasecmp(words[i].name, s, n) == 0)
			return words[i].word;
	return CHECK_WORD_NONE;
}

static int care(enum check_word w)
{
	switch (w) {
	case CHECK_WORD_NONE: return 0;
	case CHECK_WORD_UP: return 1;
	case CHECK_WORD_DRAIN: return 2;
	case CHECK_WORD_DOWN: return 3;
	}
	return 0;
}

/* "maxconn:30": how many connections HAProxy may open. It is understood, and nothing is made of it. */
static bool is_limit(const char *s, size_t n)
{
	static const char head[] = "maxconn:";
	size_t i = sizeof(head) - 1;
	if (n <= i || strncasecmp(s, head, i) != 0)
		return false;
	while (i < n && s[i] >= '0' && s[i] <= '9')
		i++;
	return i == n;
}

static bool take_word(struct check_agent *a, const char *s, size_t n)
{
	enum check_word w = find(s, n);
	if (w != CHECK_WORD_NONE) {
		if (care(w) > care(a->word))
			a->word = w;
		return true;
	}
	return check_weight_parse(s, n, &a->weight) || is_limit(s, n);
}

/* Foreign bytes on their way to people: whole characters and whole escapes only. */
static void take_text(struct check_agent *a, const char *s, size_t n)
{
	size_t at = 0;
	trim(&s, &n);
	for (size_t i = 0; i < n; i++) {
		char one[5];
		bool plain = s[i] >= 0x20 && s[i] < 0x7f;
		int len = plain ? snprintf(one, sizeof(one), "%c", s[i])
				: snprintf(one, sizeof(one), "\\x%02x", (unsigned char)s[i]);
		if (at + (size_t)len >= sizeof(a->text))
			return;
		memcpy(a->text + at, one, (size_t)len + 1);
		at += (size_t)len;
	}
}

static size_t length_until(const char *s, size_t n, const char *set, size_t set_n)
{
	size_t i = 0;
	while (i < n && !memchr(set, s[i], set_n))
		i++;
	return i;
}

bool check_agent_parse(const char *line, size_t n, struct check_agent *out)
{
	struct check_agent a = { .word = CHECK_WORD_NONE };
	bool any = false;
	n = length_until(line, n, "\r\n", 2);
	size_t said = length_until(line, n, "#", 1);
	for (size_t i = 0; i < said;) {
		size_t len = length_until(line + i, said - i, " \t,", 3);
		if (len && !take_word(&a, line + i, len))
			return false;
		any |= len != 0;
		i += len + 1;
	}
	if (!any)
		return false;
	if (a.word == CHECK_WORD_NONE && a.weight.kind == CHECK_WEIGHT_NONE) /* a limit alone: it is there */
		a.word = CHECK_WORD_UP;
	if (a.word == CHECK_WORD_DRAIN)
		a.weight = (struct check_weight){ .kind = CHECK_WEIGHT_DRAIN };
	if (said < n)
		take_text(&a, line + said + 1, n - said - 1);
	*out = a;
	return true;
}

void check_agent_judge(const char *line, size_t n, struct check_result *out)
{
	struct check_agent a;
	if (!check_agent_parse(line, n, &a)) {
		size_t head = length_until(line, n, "\r\n", 2);
		bool more = head > CHECK_HEAD_MAX;
		if (head == 0 && n)
			check_result_set(out, CHECK_CODE_L7RSP, "an empty line");
		else
			check_result_reply(out, "not an agent", line, more ? CHECK_HEAD_MAX : head, more);
		return;
	}
	out->weight = (struct check_weight){ .kind = CHECK_WEIGHT_NONE };
	if (a.word == CHECK_WORD_DOWN) {
		check_result_set(out, CHECK_CODE_L7STS, a.text[0] ? a.text : "down");
		return;
	}
	out->weight = a.weight;
	out->code = a.weight.kind == CHECK_WEIGHT_NONE ? CHECK_CODE_L7OK : CHECK_CODE_L7OKC;
	if (a.word == CHECK_WORD_DRAIN)
		check_result_set(out, CHECK_CODE_L7OKC, "drain");
	else if (a.weight.kind == CHECK_WEIGHT_NONE)
		check_result_set(out, CHECK_CODE_L7OK, "up");
	else
		snprintf(out->text, sizeof(out->text), "weight %u%s", a.weight.value,
			a.weight.kind == CHECK_WEIGHT_PERCENT ? "%" : "");
}

struct check_weight check_weight_smooth(
	struct check_smooth *s, const struct check_params *params, const struct check_weight *in)
{
	struct check_weight out = *in;
	uint32_t min = check_param_num(params, CHECK_PARAM_WEIGHT_MIN, 0);
	uint32_t max = check_param_num(params, CHECK_PARAM_WEIGHT_MAX, UINT16_MAX);
	uint32_t over = check_param_num(params, CHECK_PARAM_WEIGHT_SMOOTH, 1);
	if (in->kind == CHECK_WEIGHT_DRAIN) {
		s->avg = 0; /* what comes after it begins anew */
		out = (struct check_weight){ .kind = CHECK_WEIGHT_VALUE, .value = 0 };
	} else if (in->kind != CHECK_WEIGHT_NONE) {
		uint32_t v = in->value < min ? min : in->value > max ? max : in->value;
		bool anew = s->kind != in->kind || s->avg == 0 || v == 0 || over < 2;
		s->avg = anew ? v << 8 : (uint32_t)(((uint64_t)s->avg * (over - 1) + (v << 8)) / over);
		out.value = (uint16_t)((s->avg + 128) >> 8);
		if (out.value == 0 && v)
			out.value = 1; /* a little is not nothing */
	}
	s->kind = in->kind;
	if (in->kind == CHECK_WEIGHT_NONE)
		s->avg = 0;
	return out;
}
