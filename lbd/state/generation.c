/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plain functions for SHA-256 need no memory; what libcrypto prefers sets itself up at its first use, and where
 * that finds no memory it does not work any more as long as the process lives. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lbd/state/generation.h"

#include <endian.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD      "lbd-generation"
#define VERSION   2
#define MAGIC     WORD " 2\n"
#define HASH_LINE 22u /* "head " and 16 digits and a newline; "end " is one less */

const char *const generation_states[GENERATION_STATE_COUNT] = {
	[GENERATION_PENDING] = "pending",
	[GENERATION_CONFIRMED] = "confirmed",
	[GENERATION_ROLLED_BACK] = "rolled_back",
	[GENERATION_FAILED] = "failed",
};

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

void generation_sha256(struct generation *g)
{
	uint8_t digest[GENERATION_SHA_LEN / 2];
	SHA256_CTX c;
	SHA256_Init(&c);
	for (size_t i = 0; i < g->sources.n; i++)
		SHA256_Update(&c, g->sources.v[i].text, g->sources.v[i].len);
	SHA256_Final(digest, &c);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(g->sha256 + i * 2, 3, "%02x", digest[i]);
}

static int line_len(const char *s)
{
	return (int)strcspn(s, "\n\r");
}

static void put_hash(struct lb_text *out, const char *word, size_t from)
{
	if (!out->bad)
		lb_text_printf(out, "%s %016llx\n", word,
			(unsigned long long)generation_hash(out->s + from, out->n - from, GENERATION_HASH_INIT));
}

static void put_body(const struct generation *g, struct lb_text *out)
{
	for (size_t i = 0; i < g->sources.n; i++) {
		const struct generation_source *s = &g->sources.v[i];
		lb_text_printf(out, "source %zu %.*s\n", s->len, (int)s->name_len, s->name);
		lb_text_put(out, s->text, s->len);
		lb_text_put(out, "\n", 1);
	}
}

void generation_write(const struct generation *g, struct lb_text *out)
{
	struct lb_text body = LB_TEXT_INIT;
	size_t start = out->n;
	put_body(g, &body);
	lb_text_puts(out, MAGIC);
	lb_text_printf(out, "number %u\ntime %lld\nby %.*s\nmessage %.*s\nstate %s\nwhy %.*s\nsha256 %s\nlength %zu\n",
		g->number, (long long)g->wall_ms, line_len(g->by), g->by, line_len(g->message), g->message,
		generation_states[g->state], line_len(g->why), g->why, g->sha256, body.n);
	put_hash(out, "head", start);
	lb_text_put(out, body.s ? body.s : "", body.n);
	out->bad |= body.bad;
	put_hash(out, "end", start);
	lb_text_done(&body);
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
	r->bad |= memchr(line, '\0', *n) != NULL; /* none was written: the rest of it would be lost */
	return r->bad ? NULL : line;
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
	if (!s || n >= size || memchr(s, '\r', n)) { /* as line_len() writes it */
		r->bad = true;
		return;
	}
	memcpy(out, s, n);
	out[n] = '\0';
}

static void read_source(struct lb_reader *r, struct generation *g, bool *no_memory)
{
	size_t n = 0, used = 0;
	*no_memory = false;
	const char *head = field(r, "source", &n);
	uint64_t len = number(r, head, n, ' ', &used);
	if (r->bad || used + 1 >= n || g->sources.n >= GENERATION_SOURCES_MAX) {
		r->bad = true;
		return;
	}
	const uint8_t *text = lb_take(r, len);
	const uint8_t *nl = lb_take(r, 1);
	struct generation_source *s = nl && *nl == '\n' ? lb_vec_push(&g->sources) : NULL;
	*no_memory = nl && *nl == '\n' && !s;
	if (!s) {
		r->bad = true;
		return;
	}
	*s = (struct generation_source){ head + used + 1, (const char *)text, n - used - 1, len };
}

/* "WORD " and 16 digits and a newline stand at `at`, and are the hash of what is before. */
static bool checks(const char *buf, size_t at, const char *word)
{
	char want[HASH_LINE + 1];
	int n = snprintf(want, sizeof(want), "%s %016llx\n", word,
		(unsigned long long)generation_hash(buf, at, GENERATION_HASH_INIT));
	return memcmp(buf + at, want, (size_t)n) == 0;
}

static enum generation_state state_of(struct lb_reader *r, const char *s, size_t n)
{
	for (int i = 0; s && i < GENERATION_STATE_COUNT; i++)
		if (strlen(generation_states[i]) == n && memcmp(generation_states[i], s, n) == 0)
			return (enum generation_state)i;
	r->bad = true;
	return GENERATION_FAILED;
}

/* The fields in their order; what the head says of the length of the rest. */
static uint64_t read_fields(struct lb_reader *r, struct generation *g)
{
	size_t n = 0;
	const char *s = field(r, "number", &n);
	uint64_t of_32 = number(r, s, n, '\n', NULL);
	r->bad |= of_32 == 0 || of_32 > UINT32_MAX;
	g->number = (uint32_t)of_32;
	s = field(r, "time", &n);
	g->wall_ms = (int64_t)number(r, s, n, '\n', NULL);
	s = field(r, "by", &n);
	copy(r, s, n, g->by, sizeof(g->by));
	s = field(r, "message", &n);
	copy(r, s, n, g->message, sizeof(g->message));
	s = field(r, "state", &n);
	g->state = state_of(r, s, n);
	s = field(r, "why", &n);
	copy(r, s, n, g->why, sizeof(g->why));
	s = field(r, "sha256", &n);
	r->bad |= n != GENERATION_SHA_LEN;
	copy(r, s, n, g->sha256, sizeof(g->sha256));
	s = field(r, "length", &n);
	return number(r, s, n, '\n', NULL);
}

/* *body is where the rest begins. */
static int read_head(const char *buf, size_t n, size_t size, struct generation *g, size_t *body, struct lb_err *e)
{
	if (n < strlen(MAGIC) || memcmp(buf, MAGIC, strlen(MAGIC)) != 0)
		return lb_err_set(e, LB_CODE_INVALID, "not a generation file of version 2");
	struct lb_reader r = { (const uint8_t *)buf + strlen(MAGIC), (const uint8_t *)buf + n, false };
	uint64_t length = read_fields(&r, g);
	size_t at = (size_t)((const char *)r.p - buf);
	if (r.bad || n - at < HASH_LINE || !checks(buf, at, "head"))
		return lb_err_set(e, LB_CODE_INVALID, "cut or damaged: the checksum of its head is wrong");
	*body = at + HASH_LINE;
	if (size < *body || size - *body < HASH_LINE - 1 || size - *body - (HASH_LINE - 1) != length)
		return lb_err_set(e, LB_CODE_INVALID, "cut or damaged: its length is wrong");
	return 0;
}

int generation_read_head(const char *buf, size_t n, size_t size, struct generation *g, struct lb_err *e)
{
	struct generation got = { 0 };
	size_t body = 0;
	if (read_head(buf, n, size, &got, &body, e))
		return -1;
	*g = got;
	return 0;
}

int generation_read(const char *buf, size_t n, struct generation *g, struct lb_err *e)
{
	struct generation got = { 0 };
	size_t body = 0;
	if (read_head(buf, n, n, &got, &body, e))
		return -1;
	size_t end = n - (HASH_LINE - 1);
	if (!checks(buf, end, "end"))
		return lb_err_set(e, LB_CODE_INVALID, "cut or damaged: the checksum is wrong");
	struct lb_reader r = { (const uint8_t *)buf + body, (const uint8_t *)buf + end, false };
	bool no_memory;
	do
		read_source(&r, &got, &no_memory);
	while (!r.bad && r.p < r.end);
	if (r.bad) {
		generation_done(&got);
		return no_memory ? lb_err_set(e, LB_CODE_FAILED, "out of memory")
				 : lb_err_set(e, LB_CODE_INVALID, "malformed");
	}
	*g = got;
	return 0;
}

bool generation_is_newer(const char *buf, size_t n)
{
	struct lb_reader r = { (const uint8_t *)buf, (const uint8_t *)buf + n, false };
	size_t len = 0;
	const char *version = field(&r, WORD, &len);
	return number(&r, version, len, '\n', NULL) > VERSION && !r.bad;
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
