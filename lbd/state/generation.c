/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/state/generation.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "lbd-generation 1\n"

/* Eight bytes to a step: a byte at a time took a tenth of a reload of 5,000 services. */
uint64_t generation_hash(const char *s, size_t n, uint64_t seed)
{
	uint64_t h = seed ^ n, word;
	for (; n >= sizeof(word); s += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		h = (h ^ le64toh(word)) * 0x100000001b3ull;
		h ^= h >> 32; /* the multiplication carries upwards only */
	}
	for (; n; s++, n--)
		h = (h ^ (uint8_t)*s) * 0x100000001b3ull;
	return h;
}

static int line_len(const char *s)
{
	return (int)strcspn(s, "\n\r");
}

void generation_write(const struct generation *g, struct lb_text *out)
{
	size_t start = out->n;
	lb_text_puts(out, MAGIC);
	lb_text_printf(out, "number %u\ntime %lld\nby %.*s\nmessage %.*s\n", g->number, (long long)g->wall_ms,
		line_len(g->by), g->by, line_len(g->message), g->message);
	for (size_t i = 0; i < g->sources.n; i++) {
		const struct generation_source *s = &g->sources.v[i];
		lb_text_printf(out, "source %zu %.*s\n", s->len, (int)s->name_len, s->name);
		lb_text_put(out, s->text, s->len);
		lb_text_put(out, "\n", 1);
	}
	if (!out->bad)
		lb_text_printf(out, "end %016llx\n",
			(unsigned long long)generation_hash(out->s + start, out->n - start, GENERATION_HASH_INIT));
}

/* A line without its newline; NULL at the end. */
static const char *take_line(struct lb_reader *r, size_t *n)
{
	if (r->bad)
		return NULL;
	const uint8_t *nl = memchr(r->p, '\n', (size_t)(r->end - r->p));
	if (!nl) {
		r->bad = true;
		return NULL;
	}
	const char *line = (const char *)r->p;
	*n = (size_t)(nl - r->p);
	r->p = nl + 1;
	return line;
}

/* What follows "word " on the line, which must start so. */
static const char *field(struct lb_reader *r, const char *word, size_t *n)
{
	size_t len = strlen(word);
	const char *line = take_line(r, n);
	if (!line || *n < len + 1 || memcmp(line, word, len) != 0 || line[len] != ' ') {
		r->bad = true;
		return NULL;
	}
	*n -= len + 1;
	return line + len + 1;
}

/* Digits only, ending at the end of the field or at `stop`; sticky error in r. */
static uint64_t number(struct lb_reader *r, const char *s, size_t n, char stop, size_t *used)
{
	uint64_t v = 0;
	size_t i = 0;
	for (; s && i < n && s[i] != stop; i++) {
		if (s[i] < '0' || s[i] > '9' || i > 17) {
			r->bad = true;
			return 0;
		}
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	if (i == 0)
		r->bad = true;
	if (used)
		*used = i;
	return v;
}

static void copy(struct lb_reader *r, const char *s, size_t n, char *out, size_t size)
{
	if (!s || n >= size) {
		r->bad = true;
		return;
	}
	memcpy(out, s, n);
	out[n] = '\0';
}

static void read_source(struct lb_reader *r, struct generation *g)
{
	size_t n = 0, used = 0;
	const char *head = field(r, "source", &n);
	uint64_t len = number(r, head, n, ' ', &used);
	if (r->bad || used + 1 >= n || g->sources.n >= GENERATION_SOURCES_MAX) {
		r->bad = true;
		return;
	}
	const uint8_t *text = lb_take(r, len);
	const uint8_t *nl = lb_take(r, 1);
	struct generation_source *s = nl && *nl == '\n' ? lb_vec_push(&g->sources) : NULL;
	if (!s) {
		r->bad = true;
		return;
	}
	*s = (struct generation_source){ head + used + 1, (const char *)text, n - used - 1, len };
}

static bool checks(const char *buf, size_t n, size_t *body)
{
	/* "end " + 16 digits + newline */
	const size_t tail = 21;
	if (n < tail || memcmp(buf + n - tail, "end ", 4) != 0)
		return false;
	char want[24];
	snprintf(want, sizeof(want), "end %016llx\n",
		(unsigned long long)generation_hash(buf, n - tail, GENERATION_HASH_INIT));
	*body = n - tail;
	return memcmp(buf + n - tail, want, tail) == 0;
}

int generation_read(const char *buf, size_t n, struct generation *g, struct lb_err *e)
{
	size_t body, len = 0;
	if (n < strlen(MAGIC) || memcmp(buf, MAGIC, strlen(MAGIC)) != 0)
		return lb_err_set(e, LB_CODE_FAILED, "not a generation file of version 1");
	if (!checks(buf, n, &body))
		return lb_err_set(e, LB_CODE_FAILED, "cut or damaged: the checksum is wrong");
	struct generation got = { 0 };
	struct lb_reader r = { (const uint8_t *)buf + strlen(MAGIC), (const uint8_t *)buf + body, false };
	const char *s = field(&r, "number", &len);
	got.number = (uint32_t)number(&r, s, len, '\n', NULL);
	s = field(&r, "time", &len);
	got.wall_ms = (int64_t)number(&r, s, len, '\n', NULL);
	s = field(&r, "by", &len);
	copy(&r, s, len, got.by, sizeof(got.by));
	s = field(&r, "message", &len);
	copy(&r, s, len, got.message, sizeof(got.message));
	do
		read_source(&r, &got);
	while (!r.bad && r.p < r.end);
	if (r.bad) {
		generation_done(&got);
		return lb_err_set(e, LB_CODE_FAILED, "malformed");
	}
	*g = got;
	return 0;
}

void generation_done(struct generation *g)
{
	lb_vec_done(&g->sources);
}

int generation_same_text(const struct generation *a, const struct generation *b)
{
	if (a->sources.n != b->sources.n)
		return 0;
	for (size_t i = 0; i < a->sources.n; i++) {
		const struct generation_source *x = &a->sources.v[i], *y = &b->sources.v[i];
		if (x->name_len != y->name_len || x->len != y->len || memcmp(x->name, y->name, x->name_len) != 0 ||
			memcmp(x->text, y->text, x->len) != 0)
			return 0;
	}
	return 1;
}
