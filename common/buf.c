/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t *lb_take(struct lb_reader *r, size_t n)
{
	if (r->bad || n > (size_t)(r->end - r->p)) {
		r->bad = true;
		return NULL;
	}
	const uint8_t *at = r->p;
	r->p += n;
	return at;
}

uint8_t lb_read_u8(struct lb_reader *r)
{
	const uint8_t *at = lb_take(r, 1);
	return at ? at[0] : 0;
}

uint16_t lb_read_u16(struct lb_reader *r)
{
	const uint8_t *at = lb_take(r, 2);
	if (!at)
		return 0;
	return (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t lb_read_u32(struct lb_reader *r)
{
	const uint8_t *at = lb_take(r, 4);
	return at ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3] : 0;
}

uint64_t lb_read_u64(struct lb_reader *r)
{
	const uint8_t *at = lb_take(r, 8);
	uint64_t v = 0;
	for (size_t i = 0; at && i < 8; i++)
		v = v << 8 | at[i];
	return v;
}

uint8_t *lb_room(struct lb_writer *w, size_t n)
{
	if (w->bad || n > (size_t)(w->end - w->p)) {
		w->bad = true;
		return NULL;
	}
	uint8_t *at = w->p;
	w->p += n;
	return at;
}

void lb_write(struct lb_writer *w, const void *bytes, size_t n)
{
	uint8_t *at = lb_room(w, n);
	if (at && n)
		memcpy(at, bytes, n);
}

void lb_write_zero(struct lb_writer *w, size_t n)
{
	uint8_t *at = lb_room(w, n);
	if (at && n)
		memset(at, 0, n);
}

/* The low n bytes of v, network order. */
static void write_number(struct lb_writer *w, uint64_t v, size_t n)
{
	uint8_t *at = lb_room(w, n);
	for (size_t i = 0; at && i < n; i++)
		at[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

void lb_write_u8(struct lb_writer *w, uint8_t v)
{
	write_number(w, v, 1);
}

void lb_write_u16(struct lb_writer *w, uint16_t v)
{
	write_number(w, v, 2);
}

void lb_write_u32(struct lb_writer *w, uint32_t v)
{
	write_number(w, v, 4);
}

void lb_write_u64(struct lb_writer *w, uint64_t v)
{
	write_number(w, v, 8);
}

static bool reserve(struct lb_text *t, size_t more)
{
	if (t->bad)
		return false;
	if (more < t->cap - t->n) /* strictly: the NUL needs a place */
		return true;
	size_t want = t->cap ? t->cap : 128;
	while (want - t->n <= more) {
		if (want > SIZE_MAX / 2) {
			t->bad = true;
			return false;
		}
		want *= 2;
	}
	char *bigger = realloc(t->s, want);
	if (!bigger) {
		t->bad = true;
		return false;
	}
	t->s = bigger;
	t->cap = want;
	return true;
}

void lb_text_put(struct lb_text *t, const char *s, size_t n)
{
	if (!reserve(t, n))
		return;
	if (n)
		memcpy(t->s + t->n, s, n);
	t->n += n;
	t->s[t->n] = '\0';
}

void lb_text_puts(struct lb_text *t, const char *s)
{
	lb_text_put(t, s, strlen(s));
}

void lb_text_printf(struct lb_text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !reserve(t, (size_t)n)) {
		t->bad = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(t->s + t->n, t->cap - t->n, fmt, ap);
	va_end(ap);
	t->n += (size_t)n;
}

void lb_text_clear(struct lb_text *t)
{
	t->n = 0;
	t->bad = false;
	if (t->s)
		t->s[0] = '\0';
}

void lb_text_done(struct lb_text *t)
{
	free(t->s);
	*t = LB_TEXT_INIT;
}
