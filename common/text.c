/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/text.h"

#include "common/buf.h"

#include <string.h>

#define WORD_MAX 64

static unsigned min2(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned lb_text_distance(const char *a, size_t an, const char *b, size_t bn)
{
	if (an > WORD_MAX || bn > WORD_MAX)
		return WORD_MAX + 1;
	unsigned row[3][WORD_MAX + 1];
	unsigned *before = row[0], *prev = row[1], *cur = row[2];
	for (size_t j = 0; j <= bn; j++)
		prev[j] = (unsigned)j;
	for (size_t i = 1; i <= an; i++) {
		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= bn; j++) {
			unsigned cost = a[i - 1] != b[j - 1];
			cur[j] = min2(min2(prev[j] + 1, cur[j - 1] + 1), prev[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cur[j] = min2(cur[j], before[j - 2] + 1);
		}
		unsigned *spare = before;
		before = prev;
		prev = cur;
		cur = spare;
	}
	return prev[bn];
}

const char *lb_text_suggest(const char *got, size_t got_len, const char *const *words, size_t n)
{
	const char *best = NULL, *prefixed = NULL;
	unsigned best_d = 3, prefixes = 0;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(words[i]);
		unsigned d = lb_text_distance(got, got_len, words[i], len);
		if (d < best_d && d < got_len) {
			best_d = d;
			best = words[i];
		}
		if (got_len && len > got_len && memcmp(words[i], got, got_len) == 0) {
			prefixes++;
			prefixed = words[i];
		}
	}
	return best ? best : prefixes == 1 ? prefixed : NULL;
}

static bool alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool lb_name_ok(const char *s, size_t n)
{
	if (n == 0 || n > 63 || !alnum(s[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!alnum(s[i]) && s[i] != '.' && s[i] != '_' && s[i] != '-')
			return false;
	return true;
}

size_t lb_utf8_len(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates and values above U+10FFFF (RFC 3629 section 4) */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
		(p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

void lb_text_copy(char *out, size_t size, const char *s)
{
	size_t all = strlen(s), n = all < size ? all : size - 1;
	for (size_t back = 1; n < all && back < 4 && back <= n; back++)
		if (lb_utf8_len(s + n - back, all - n + back) > back) { /* it ends behind what fits */
			n -= back;
			break;
		}
	memcpy(out, s, n);
	out[n] = '\0';
}

/* Not in the middle of a character. */
static size_t whole_characters(const char *s, size_t n)
{
	while (n && ((uint8_t)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Where the item of a list begins that has the byte at n: behind ", " or "; ". */
static size_t item_start(const char *s, size_t n)
{
	while (n && !(n >= 2 && s[n - 1] == ' ' && (s[n - 2] == ',' || s[n - 2] == ';')))
		n--;
	return n;
}

static void put_cut(struct lb_text *out, const char *head, const char *s, size_t room)
{
	size_t n = strlen(s);
	lb_text_puts(out, head);
	room -= strlen(head);
	if (n > room)
		lb_text_put(out, s, whole_characters(s, room - 3)), lb_text_puts(out, "...");
	else
		lb_text_put(out, s, n);
}

void lb_text_cut_pair(const char *a, const char *b, size_t room, struct lb_text *x, struct lb_text *y)
{
	const char *head = "";
	size_t same = 0, from = 0;
	while (a[same] && a[same] == b[same])
		same++;
	size_t until_a = same + strcspn(a + same, ",;"), until_b = same + strcspn(b + same, ",;");
	bool fit = strlen(a) <= room && strlen(b) <= room;
	if (!fit && (until_a > until_b ? until_a : until_b) + 3 > room) { /* with "..." behind the item */
		from = item_start(a, same);
		head = "..., ";
		if (same - from > room / 2) { /* a long one */
			from = whole_characters(a, same - room / 4);
			head = "...";
		}
	}
	if (from <= strlen(head)) /* nothing is gained */
		from = 0, head = "";
	put_cut(x, head, a + from, room);
	put_cut(y, head, b + from, room);
}

void lb_text_escape(struct lb_text *out, const char *s, size_t n, size_t max)
{
	size_t shown = max && n > max ? max : n;
	for (size_t i = 0; i < shown;) {
		size_t len = lb_utf8_len(s + i, n - i);
		uint8_t c = (uint8_t)s[i];
		if (len == 0 || c < 0x20 || c == 0x7f || (len == 2 && c == 0xc2 && (uint8_t)s[i + 1] < 0xa0)) {
			for (size_t k = 0; k < (len ? len : 1); k++)
				lb_text_printf(out, "\\x%02x", (uint8_t)s[i + k]);
			i += len ? len : 1;
		} else {
			lb_text_put(out, s + i, len);
			i += len;
		}
	}
	if (shown < n)
		lb_text_puts(out, "...");
}

uint64_t lb_text_hash(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint64_t h = 14695981039346656037u; /* FNV-1a */
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h ^ h >> 32;
}
